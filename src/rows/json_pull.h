/*
 * A pull tokenizer over one JSON text that lies in memory: a line of NDJSON.
 *
 *     {"a": 18446744073709551615, "b": [1, "x\u00e9"]}
 *      `- OBJECT, TEXT a, COLON, NUMBER, COMMA, TEXT b, COLON, ARRAY, ...
 *
 * Numbers are handed over as text, checked against JSON's grammar, so that no digit is lost. Texts
 * are handed over with their escapes undone; whether they are UTF-8 is for who stores them.
 */
#ifndef SLP_ROWS_JSON_PULL_H
#define SLP_ROWS_JSON_PULL_H

#include "base/buf.h"

/* Objects and arrays within each other, in members that are passed over. */
#define ROWS_JSON_DEPTH_MAX 64u

enum rows_json_kind {
    ROWS_JSON_END, /* of the text */
    ROWS_JSON_OBJECT,
    ROWS_JSON_OBJECT_END,
    ROWS_JSON_ARRAY,
    ROWS_JSON_ARRAY_END,
    ROWS_JSON_COLON,
    ROWS_JSON_COMMA,
    ROWS_JSON_TEXT,
    ROWS_JSON_NUMBER,
    ROWS_JSON_TRUE,
    ROWS_JSON_FALSE,
    ROWS_JSON_NULL
};

struct rows_json_token {
    enum rows_json_kind kind;
    struct slice text; /* TEXT, NUMBER; valid until the next token */
};

struct rows_json_pull {
    struct slice text;
    size_t at;
    struct buf unescaped;
};

/* `max_bytes` of text are held when escapes are undone. */
void rows_json_init(struct rows_json_pull *p, struct alloc *mem, size_t max_bytes);
void rows_json_fini(struct rows_json_pull *p);

/* Begin with another text, which the caller keeps; at least BUF_PADDING bytes behind it may be
 * read. */
void rows_json_begin(struct rows_json_pull *p, struct slice text);

/* "an object", "a number": for messages. */
const char *rows_json_name(enum rows_json_kind kind);

/* The next token; END at the end, again and again. Errors: BAD_INPUT for what is no JSON (byte from
 * 1), NO_MEMORY. */
SLP_NODISCARD slp_rc rows_json_next(struct rows_json_pull *p, struct rows_json_token *out,
                                    struct slp_err *err);

/* The next token, which must be of that kind. Errors: BAD_INPUT. */
SLP_NODISCARD slp_rc rows_json_need(struct rows_json_pull *p, enum rows_json_kind kind,
                                    struct rows_json_token *out, struct slp_err *err);

/* Pass over the value that `first` begins. Errors: BAD_INPUT; LIMIT deeper than
 * ROWS_JSON_DEPTH_MAX. */
SLP_NODISCARD slp_rc rows_json_skip(struct rows_json_pull *p, struct rows_json_token first,
                                    struct slp_err *err);

/*
 * The next member of an object that was begun: its name is in `name`, and what comes next is its
 * value. DONE at the object's end. `is_first`: none was taken yet.
 */
SLP_NODISCARD slp_rc rows_json_member(struct rows_json_pull *p, bool is_first,
                                      struct rows_json_token *name, struct slp_err *err);

#endif
