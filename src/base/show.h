/*
 * Stored things for people and programs: one description, printed as text or as JSON.
 *
 *   show_open(s, NULL, SHOW_OBJECT, true);               {"rows":3,"schema":[
 *   show_int(s, "rows", 3);                              {"name":"a","type":{"INT":{"bits":8}}},
 *   show_open(s, "schema", SHOW_LIST, true);             {"name":"b","codecs":["ZSTD","NONE"]}]}
 *   ...
 *                                                        rows 3
 *                                                        schema
 *                                                          0  name a  type {INT {bits 8}}
 *                                                          1  name b  codecs [ZSTD NONE]
 *
 * An object or list is a *line* of the text or stands within one; what is in a line is indented
 * below it. Lines in lists bear their number. Text is cut at SHOW_TEXT_BYTES, JSON never.
 *
 * The first failure stays and nothing is written after it, so that who describes asks once.
 */
#ifndef SLP_BASE_SHOW_H
#define SLP_BASE_SHOW_H

#include "base/buf.h"

enum show_form { SHOW_AS_TEXT, SHOW_AS_JSON };

enum show_kind { SHOW_OBJECT, SHOW_LIST };

/* Things within things. */
#define SHOW_DEPTH_MAX 32

/* Longest value in text. */
#define SHOW_TEXT_BYTES 160

struct show_level {
    enum show_kind kind;
    bool is_line;
    size_t count; /* of what it holds so far */
};

struct show {
    enum show_form form;
    struct buf *out;
    struct slp_err *err;
    slp_rc rc;
    size_t depth;    /* of `levels` */
    size_t lines;    /* of them that are lines */
    bool is_in_line; /* text: the last line is that of the innermost one */
    struct show_level levels[SHOW_DEPTH_MAX];
};

void show_init(struct show *s, enum show_form form, struct buf *out, struct slp_err *err);

/* `name` is NULL inside lists, and of the outermost thing, which is a line. */
void show_open(struct show *s, const char *name, enum show_kind kind, bool is_line);
void show_close(struct show *s);

void show_int(struct show *s, const char *name, int64_t value);
void show_uint(struct show *s, const char *name, uint64_t value);
/* NaN and infinities are texts in JSON. */
void show_real(struct show *s, const char *name, double value);
void show_bool(struct show *s, const char *name, bool value);

/* Bytes that are no printable UTF-8 are shown as 0x and hexadecimal digits. */
void show_text(struct show *s, const char *name, struct slice value);
void show_hex(struct show *s, const char *name, struct slice value);

/* End the document with a line feed. Errors: LIMIT, NO_MEMORY, whatever happened first. */
SLP_NODISCARD slp_rc show_finish(struct show *s);

#endif
