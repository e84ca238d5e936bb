/*
 * Parquet's Thrift structs, shown field by field under the names that parquet.thrift gives them.
 * One table says what they are; numbers of enums have their names, what is unknown is left out.
 *
 * Nothing is checked but the Thrift itself, so that files can be looked at which cannot be read.
 */
#ifndef SLP_UPKEEP_THRIFT_SHOW_H
#define SLP_UPKEEP_THRIFT_SHOW_H

#include "base/err.h"
#include "base/show.h"

enum upkeep_thrift {
    UPKEEP_FILE_META_DATA,
    UPKEEP_PAGE_HEADER,
    UPKEEP_OFFSET_INDEX,
    UPKEEP_COLUMN_INDEX,
    UPKEEP_BLOOM_HEADER
};

/* What the structs do not say themselves; members may be NULL. */
struct upkeep_thrift_hooks {
    void *context;
    /* Show a value of the column: a bound. NULL: as bytes. */
    void (*value)(void *context, struct show *s, const char *name, struct slice value);
    /* A column chunk begins; and ends, its object still open. `thrift` is all of it. */
    void (*chunk_begins)(void *context, size_t group, size_t chunk);
    void (*chunk_ends)(void *context, struct show *s, struct slice thrift);
};

/*
 * Show the fields of the struct at the start of `in` in the object that is open; `*used` is its
 * length.
 *
 * Errors   CORRUPT with the offset inside `in`; what the show failed of stays with it
 */
SLP_NODISCARD slp_rc upkeep_thrift_show(struct show *s, enum upkeep_thrift what, struct slice in,
                                        const struct upkeep_thrift_hooks *hooks, size_t *used,
                                        struct slp_err *err);

#endif
