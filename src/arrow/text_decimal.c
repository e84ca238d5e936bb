#include "arrow/text_priv.h"

/* Decimals of 256 bits: four words, the lowest first, without sign. */
struct wide {
    uint64_t words[4];
};

#define CHUNK        10000000000000000000u /* 10^19, the last power of ten in 64 bits */
#define CHUNK_DIGITS 19u
#define CHUNKS       5u /* 95 digits; 2^256 has 78 */

static void negate(struct wide *w)
{
    unsigned carry = 1;
    for (size_t i = 0; i < 4; i++) {
        w->words[i] = ~w->words[i] + carry;
        carry = carry && w->words[i] == 0;
    }
}

/* Divide by CHUNK; what is left over. */
static uint64_t divide(struct wide *w)
{
    uint64_t left = 0;
    for (size_t i = 4; i-- > 0;) {
        u128 part = (u128)left << 64 | w->words[i];
        w->words[i] = (uint64_t)(part / CHUNK);
        left = (uint64_t)(part % CHUNK);
    }
    return left;
}

size_t arr_write_decimal256(const uint8_t *value, int32_t scale, char *out)
{
    struct wide w;
    char digits[CHUNKS * CHUNK_DIGITS]; /* the lowest first */
    size_t n = 0;
    memcpy(&w, value, sizeof w);
    if (w.words[3] >> 63) {
        negate(&w);
        out[n++] = '-';
    }
    for (size_t i = 0; i < sizeof digits; i += CHUNK_DIGITS) {
        uint64_t chunk = divide(&w);
        for (size_t k = 0; k < CHUNK_DIGITS; k++, chunk /= 10)
            digits[i + k] = (char)('0' + chunk % 10);
    }
    size_t count = sizeof digits;
    while (count > (size_t)scale + 1 && digits[count - 1] == '0')
        count--;
    while (count-- > 0) {
        out[n++] = digits[count];
        if (count == (size_t)scale && scale > 0)
            out[n++] = '.';
    }
    return n;
}

static void times_ten_plus(struct wide *w, unsigned digit)
{
    u128 carry = digit;
    for (size_t i = 0; i < 4; i++) {
        carry += (u128)w->words[i] * 10;
        w->words[i] = (uint64_t)carry;
        carry >>= 64;
    }
}

/* Counts the digits that matter: `precision` of them hold any value. */
bool arr_read_decimal256(struct slice text, int32_t precision, int32_t scale, uint8_t *out)
{
    struct wide w = {{0}};
    int32_t used = 0;
    int32_t decimals = -1; /* behind the point, once it was met */
    bool is_number = false;
    bool is_negative = text.len && text.ptr[0] == '-';
    if (text.len && (text.ptr[0] == '-' || text.ptr[0] == '+'))
        text = slice_after(text, 1);
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        if (c == '.' && decimals < 0) {
            decimals = 0;
            continue;
        }
        if (!arr_is_digit(c) || (decimals >= scale && c != '0'))
            return false;
        is_number = true;
        if (decimals >= scale)
            continue;
        used += used > 0 || c != '0';
        if (used > precision)
            return false;
        times_ten_plus(&w, (unsigned)c - '0');
        decimals += decimals >= 0;
    }
    for (int32_t i = decimals < 0 ? 0 : decimals; i < scale; i++) {
        used += used > 0;
        if (used > precision)
            return false;
        times_ten_plus(&w, 0);
    }
    if (is_negative)
        negate(&w);
    memcpy(out, &w, sizeof w);
    return is_number;
}
