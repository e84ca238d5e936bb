/*
 * Properties of a table: names, types, defaults and bounds, from one table (properties.def).
 *
 *   sleeper.table.gc.delay.minutes = 60        in full
 *                 gc.delay.minutes             for short; what the log holds
 *   sleeper.default.table.gc.delay.minutes     the instance's default
 *
 * A value is text. It is checked when it is set and brought into one form: numbers without signs or
 * leading zeros, choices in the spelling of the table. What the log holds was checked by somebody,
 * perhaps by a newer program: whoever reads it takes the default where it does not parse.
 *
 * The value that counts is the table's own, else the instance's default, else the default of the
 * table of properties.
 */
#ifndef SLP_SCHEMA_PROPERTIES_H
#define SLP_SCHEMA_PROPERTIES_H

#include "base/buf.h"

/* Values are no longer than this. */
#define SCHEMA_PROPERTY_MAX_BYTES 65536u

enum schema_property_id {
#define PROPERTY(id, name, kind, fallback, least, most, choices, help) SCHEMA_PROPERTY_##id,
#include "schema/properties.def"
#undef PROPERTY
    SCHEMA_PROPERTY_COUNT
};

enum schema_property_kind {
    SCHEMA_PROPERTY_INTEGER,
    SCHEMA_PROPERTY_BYTES,    /* 4096, 128MB (10^6), 2GiB (2^30), 64K (2^10, as upstream has it) */
    SCHEMA_PROPERTY_DURATION, /* 90 and 90s, 30m, 12h, 7d; in seconds */
    SCHEMA_PROPERTY_CHOICE,
    SCHEMA_PROPERTY_TEXT
};

struct schema_property {
    const char *name; /* for short */
    enum schema_property_kind kind;
    const char *fallback; /* its default, in the form that is stored */
    int64_t least;
    int64_t most;
    const char *choices;
    const char *help;
};

const struct schema_property *schema_property_at(enum schema_property_id id);

/* "integer", "bytes", "duration", "choice", "text" */
const char *schema_property_kind_name(enum schema_property_kind kind);

/*
 * Find a property by its name, short or in full, with either prefix; `*is_default` (may be NULL) says
 * that the name was that of an instance's default.
 *
 * Errors  NOT_FOUND  none of this name, with the nearest one
 */
SLP_NODISCARD slp_rc schema_property_find(struct slice name, enum schema_property_id *out,
                                          bool *is_default, struct slp_err *err);

/*
 * Check a value and bring it into the form that is stored; replaces `out`.
 *
 * Errors  INVALID  what it is not, with what is expected
 *         LIMIT, NO_MEMORY
 */
SLP_NODISCARD slp_rc schema_property_check(enum schema_property_id id, struct slice value,
                                           struct buf *out, struct slp_err *err);

/* Where values are found: the first that has one wins. `find` says false where there is none. */
struct schema_properties {
    const void *context;
    bool (*find)(const void *context, struct slice name, struct slice *value);
};

/* The value that counts: found, or the default. `p` NULL: the default. It lives as long as what it
 * was found in. */
struct slice schema_property_text(const struct schema_properties *p, enum schema_property_id id);

/* The same as a number: of an INTEGER, of BYTES, or of a DURATION in seconds. */
int64_t schema_property_number(const struct schema_properties *p, enum schema_property_id id);

/* The same as the index of the choice, in the order of the table, from 0. */
size_t schema_property_choice(const struct schema_properties *p, enum schema_property_id id);

#endif
