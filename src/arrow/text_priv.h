/*
 * The texts of one kind each; text.c chooses among them. Writers put at most TEXT_VALUE_BYTES at
 * `out` and return how many; readers say whether the text is of that form and in range.
 */
#ifndef SLP_ARROW_TEXT_PRIV_H
#define SLP_ARROW_TEXT_PRIV_H

#include "arrow/base64.h"
#include "arrow/text.h"
#include "base/num.h"

/* The longest text of a fixed-width value, with room: a decimal of 76 digits, a sign and a
 * point. */
#define TEXT_VALUE_BYTES 128u

size_t arr_write_u64(uint64_t value, char *out);
size_t arr_write_i64(int64_t value, char *out);
size_t arr_write_f64(double value, char *out);
size_t arr_write_f32(float value, char *out);
size_t arr_write_f16(uint16_t half, char *out);
size_t arr_write_decimal(i128 value, int32_t scale, char *out);
size_t arr_write_date(int64_t days, char *out);
size_t arr_write_timestamp(int64_t value, enum arr_unit unit, bool utc, char *out);

size_t arr_write_time(int64_t value, enum arr_unit unit, char *out);
size_t arr_write_duration(int64_t value, enum arr_unit unit, char *out);
size_t arr_write_interval(const struct arr_interval *v, char *out);
size_t arr_write_decimal256(const uint8_t *value, int32_t scale, char *out); /* 32 bytes */

bool arr_read_time(struct slice text, enum arr_unit unit, int64_t *out);
bool arr_read_duration(struct slice text, enum arr_unit unit, int64_t *out);
bool arr_read_interval(struct slice text, struct arr_interval *out);
bool arr_read_decimal256(struct slice text, int32_t precision, int32_t scale, uint8_t *out);
bool arr_read_f32(struct slice text, float *out);
bool arr_read_decimal(struct slice text, int32_t precision, int32_t scale, i128 *out);

static inline bool arr_is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* Is `text` this word of lower-case letters, in any case? */
bool arr_text_is_word(struct slice text, const char *word);

#endif
