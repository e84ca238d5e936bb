/*
 * Lines of text, for NDJSON: those with nothing but white space are passed over and counted.
 */
#ifndef SLP_ROWS_LINES_H
#define SLP_ROWS_LINES_H

#include "rows/text_in.h"

struct rows_lines {
    struct rows_text_in *in; /* borrowed */
    uint64_t line;           /* of the last one, from 1 */
};

void rows_lines_init(struct rows_lines *l, struct rows_text_in *in);

/*
 * The next line, without its line feed; valid until the next call. DONE at the end.
 *
 * Errors   LIMIT  a line longer than ROWS_LINE_MAX_BYTES (line)
 *          NO_MEMORY, and those of reading
 */
SLP_NODISCARD slp_rc rows_lines_next(struct rows_lines *l, struct slice *out, struct slp_err *err);

/* Prepend the place to an error: line, and column unless it is NULL. */
slp_rc rows_wrap_line(struct slp_err *err, slp_rc rc, uint64_t line, const char *column);

#endif
