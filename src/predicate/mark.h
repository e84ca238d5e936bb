/*
 * Errors of the language: a message, the line of the text it is about and a caret run under the
 * place.
 *
 *     unknown column "cuontry"; did you mean "country"?
 *       cuontry = 'UK'
 *       ^~~~~~~
 *
 * Columns are counted in cells of a terminal: wide characters take two, combining marks none, tabs
 * are shown as one blank. A long line is cut to a window around the place.
 */
#ifndef SLP_PREDICATE_MARK_H
#define SLP_PREDICATE_MARK_H

#include "base/err.h"
#include "base/slice.h"

/* A piece of the text, in bytes. Texts are shorter than 4 GiB (PRED_TEXT_MAX_BYTES). */
struct pred_span {
    uint32_t start;
    uint32_t len;
};

/* From the start of `a` to the end of `b`. */
static inline struct pred_span pred_span_join(struct pred_span a, struct pred_span b)
{
    return (struct pred_span){.start = a.start, .len = b.start + b.len - a.start};
}

/* Fill `err` with the message and the marked line, and return `code`. */
slp_rc pred_fail(struct slp_err *err, slp_rc code, struct slice text, struct pred_span at,
                 const char *format, ...) SLP_PRINTF(5, 6);

#endif
