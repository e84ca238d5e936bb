/*
 * The pieces of the key encoding that encoder, decoder and text share. docs/format/key.md.
 */
#ifndef SLP_KEY_KEY_PRIV_H
#define SLP_KEY_KEY_PRIV_H

#include "base/num.h"
#include "key/key.h"

#define KEY_MARK_NULL  0x01u
#define KEY_MARK_VALUE 0x02u
#define KEY_SIGN       0x8000000000000000u
#define KEY_NAN        0xfff8000000000000u /* encoded; above Infinity */
#define KEY_MINUS_ZERO 0x7fffffffffffffffu /* would be -0.0; never written */
#define KEY_DECIMAL_0  0x80u

/* Order-preserving bits of a double: one zero, one NaN. */
static inline uint64_t key_bits_of_f64(double value)
{
    uint64_t bits = 0;
    if (value == 0)
        value = 0;
    memcpy(&bits, &value, sizeof bits);
    if (value != value)
        return KEY_NAN;
    return bits & KEY_SIGN ? ~bits : bits | KEY_SIGN;
}

static inline double key_f64_of_bits(uint64_t encoded)
{
    uint64_t bits = encoded & KEY_SIGN ? encoded ^ KEY_SIGN : ~encoded;
    double value = 0;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Do all values of this kind take 8 bytes behind the marker? */
static inline bool key_is_word(enum arr_kind kind)
{
    return (kind >= ARR_INT8 && kind <= ARR_DOUBLE) || kind == ARR_DATE32 || kind == ARR_TIMESTAMP;
}

/*
 * Where the field at `offset` ends: checks marker and length, not the value.
 * Errors: CORRUPT, with the offset.
 */
SLP_NODISCARD slp_rc key_field_end(struct arr_type type, struct slice key, size_t offset,
                                   size_t *end, struct slp_err *err);

#endif
