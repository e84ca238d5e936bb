/*
 * JSON for metadata and configuration: a tree in an arena, typed access with errors that name the
 * member, and the escaping of text. Rows of NDJSON do not come through here.
 *
 * jansson parses; it is loaded when the first text is parsed, so that who parses none does not load
 * it, and stays until the process ends. A document is small (the caller holds the text, so it
 * bounds it) and at most JSON_DEPTH_MAX deep.
 */
#ifndef SLP_BASE_JSON_H
#define SLP_BASE_JSON_H

#include "base/arena.h"
#include "base/buf.h"

#define JSON_DEPTH_MAX 64u

enum json_kind {
    JSON_IS_NULL,
    JSON_IS_BOOL,
    JSON_IS_INTEGER, /* a number without point and exponent, within int64 */
    JSON_IS_REAL,
    JSON_IS_TEXT,
    JSON_IS_ARRAY,
    JSON_IS_OBJECT,
};

struct json {
    enum json_kind kind;
    bool is_true;        /* BOOL */
    int64_t integer;     /* INTEGER */
    double real;         /* REAL, and INTEGER too */
    struct slice text;   /* TEXT: UTF-8 without NUL, terminated */
    size_t count;        /* ARRAY, OBJECT */
    struct json *items;  /* ARRAY: elements; OBJECT: values, as written */
    struct slice *names; /* OBJECT: names of the members, terminated */
};

/*
 * Parse one value and nothing behind it; it lives as long as the arena.
 *
 * Errors   INVALID      no JSON, a member twice, a NUL in a text (line and column)
 *          LIMIT        deeper than JSON_DEPTH_MAX, or the arena's maximum
 *          UNSUPPORTED  jansson is not installed
 *          NO_MEMORY
 */
SLP_NODISCARD slp_rc json_parse(struct slice text, struct arena *a, struct json *out,
                                struct slp_err *err);

/* "a text", "an object": for messages. */
const char *json_kind_name(enum json_kind kind);

/* The value of a member, or NULL if the object has none of that name. */
const struct json *json_member(const struct json *object, const char *name);

/* The value of a member that must be there and of that kind. Errors: INVALID, naming it. */
SLP_NODISCARD slp_rc json_need(const struct json *object, const char *name, enum json_kind kind,
                               const struct json **out, struct slp_err *err);

/* The same for one that may be missing: `*out` is NULL then. Errors: INVALID, naming it. */
SLP_NODISCARD slp_rc json_may(const struct json *object, const char *name, enum json_kind kind,
                              const struct json **out, struct slp_err *err);

/* `value` is of that kind; `what` names it. Errors: INVALID. */
SLP_NODISCARD slp_rc json_expect(const struct json *value, enum json_kind kind, const char *what,
                                 struct slp_err *err);

/* The object has no members but these. Errors: INVALID with the nearest name. */
SLP_NODISCARD slp_rc json_only(const struct json *object, const char *const *names, size_t count,
                               struct slp_err *err);

/* Append `text` (UTF-8) in quotes: escaped are quote, backslash and control characters, the
 * shortest way; all else stands as it is, so equal texts give equal bytes. Errors: LIMIT,
 * NO_MEMORY. */
SLP_NODISCARD slp_rc json_write_text(struct buf *out, struct slice text, struct slp_err *err);

#endif
