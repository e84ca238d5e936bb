/*
 * How wide text stands on a terminal: columns of characters, as far as a small table knows them.
 *
 * East Asian wide and fullwidth characters and most emoji take two columns, combining marks and
 * other characters without a width none, all else one. What would move the cursor or is no UTF-8
 * stands as an escape: \n, \x1b, \u0085.
 */
#ifndef SLP_ROWS_WIDTH_H
#define SLP_ROWS_WIDTH_H

#include "base/buf.h"

/* Columns of one character. */
size_t rows_char_width(uint32_t c);

/*
 * Append `text` as it is shown, at most `max` columns of it (SIZE_MAX: all); a longer one is cut
 * and ends with U+2026. `*width` is how many columns were appended. Errors: LIMIT, NO_MEMORY.
 */
SLP_NODISCARD slp_rc rows_show(struct buf *out, struct slice text, size_t max, size_t *width,
                               struct slp_err *err);

#endif
