/*
 * Text: is it UTF-8, and for messages: the nearest of some names, so that an error can say "did you
 * mean".
 */
#ifndef SLP_BASE_TEXT_H
#define SLP_BASE_TEXT_H

#include "base/buf.h"

/* The value of a hexadecimal digit of either case, -1 if it is none. */
int text_hex_digit(uint8_t c);

/* Append `text` in double quotes, those inside it doubled, as CSV has it. Errors: LIMIT, NO_MEMORY. */
SLP_NODISCARD slp_rc text_append_quoted(struct buf *out, struct slice text, struct slp_err *err);

/* Is it well-formed UTF-8: no overlong form, no surrogate, nothing beyond U+10FFFF? ASCII goes 8
 * bytes a step. */
bool text_is_utf8(struct slice text);

/* Are all bytes below 128? What is both ASCII and cut anywhere is UTF-8 in every piece. */
bool text_is_ascii(struct slice text);

/* Longer names are never near to anything: the distance costs the product of both lengths. */
#define TEXT_NEAR_MAX_BYTES 64u

/*
 * Edit distance in bytes (insert, delete, replace, swap of neighbours), ASCII letters compared
 * without case; SIZE_MAX when a name is longer than TEXT_NEAR_MAX_BYTES.
 */
size_t text_distance(struct slice a, struct slice b);

/* Is `distance` so small that `b` may have been meant where `a` was written? One third of the
 * longer one, at least 1. */
bool text_is_near(struct slice a, struct slice b, size_t distance);

#endif
