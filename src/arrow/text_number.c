#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "arrow/half.h"
#include "arrow/text_priv.h"

/* Every double is exact in fewer digits than this. */
#define NUMBER_MAX_BYTES 1200u

#define EXACT_F64      9007199254740992u /* 2^53: integers up to it are doubles */
#define DIGITS_F64     1000000000000000. /* 10^15: shorter decimals are told apart by a double */
#define EXACT_POWER_10 22                /* 10^22 is the last power of ten that is a double */

static const double powers_of_10[EXACT_POWER_10 + 1] = {
    1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

size_t arr_write_u64(uint64_t value, char *out)
{
    char digits[20];
    size_t n = 0;
    do {
        digits[n++] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    for (size_t i = 0; i < n; i++)
        out[i] = digits[n - 1 - i];
    return n;
}

size_t arr_write_i64(int64_t value, char *out)
{
    if (value >= 0)
        return arr_write_u64((uint64_t)value, out);
    *out = '-';
    return 1 + arr_write_u64(0 - (uint64_t)value, out + 1);
}

static size_t put(const char *text, char *out)
{
    struct slice s = slice_str(text);
    memcpy(out, s.ptr, s.len);
    return s.len;
}

static size_t write_special(double value, char *out)
{
    if (value != value)
        return put("NaN", out);
    return put(value > 0 ? "Infinity" : "-Infinity", out);
}

/* `scaled` / 10^decimals, without sign. */
static size_t write_scaled(uint64_t scaled, unsigned decimals, char *out)
{
    char digits[24];
    size_t count = arr_write_u64(scaled, digits);
    if (decimals == 0) {
        memcpy(out, digits, count);
        return count;
    }
    for (; count <= decimals; count++) {
        memmove(digits + 1, digits, count);
        digits[0] = '0';
    }
    size_t whole = count - decimals;
    memcpy(out, digits, whole);
    out[whole] = '.';
    memcpy(out + whole + 1, digits + whole, decimals);
    return count + 1;
}

/* What printf wrote, with "1e+05" as "1e5". */
static size_t tidy_exponent(char *text)
{
    char *e = strchr(text, 'e');
    if (!e)
        return strlen(text);
    char *to = e + 1;
    const char *from = e + 1;
    if (*from == '-')
        *to++ = *from++;
    else if (*from == '+')
        from++;
    while (*from == '0' && from[1])
        from++;
    memmove(to, from, strlen(from) + 1);
    return strlen(text);
}

/* What a text is as a number of so many bits. */
static double read_back(const char *text, int bits)
{
    if (bits == 16)
        return arr_half_to_f64(arr_half_of_f64(strtod(text, NULL)));
    return bits == 32 ? (double)strtof(text, NULL) : strtod(text, NULL);
}

/* The fewest digits from `from` on that read back as the same bits; `to` digits always do. Normal
 * numbers keep 15 digits (floats 6), subnormal ones fewer. */
static size_t write_digits(double value, int bits, int from, int to, char *out)
{
    /* printf and strtod follow the locale of the process, which is not ours. */
    locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    locale_t before = uselocale(c);
    for (int digits = from; digits <= to; digits++) {
        (void)snprintf(out, TEXT_VALUE_BYTES, "%.*g", digits, value);
        if (read_back(out, bits) == value)
            break;
    }
    (void)uselocale(before);
    if (c)
        freelocale(c);
    return tidy_exponent(out);
}

/* The nearest integer of a number below 2^52, by adding what leaves no bits for a fraction; a
 * larger one stays larger. As nearbyint, for which every start of the program would load a
 * library. */
static double to_integer(double positive)
{
    return positive + 0x1p52 - 0x1p52;
}

size_t arr_write_f64(double value, char *out)
{
    if (!isfinite(value))
        return write_special(value, out);
    size_t n = signbit(value) ? put("-", out) : 0;
    double positive = fabs(value);
    /* Few decimals: a decimal of at most 15 digits that gives the value back is its shortest. */
    for (unsigned decimals = 0; decimals <= 6; decimals++) {
        double scaled = to_integer(positive * powers_of_10[decimals]);
        if (scaled >= DIGITS_F64)
            break;
        if (scaled / powers_of_10[decimals] == positive)
            return n + write_scaled((uint64_t)scaled, decimals, out + n);
    }
    return n + write_digits(positive, 64, positive < DBL_MIN ? 1 : 15, 17, out + n);
}

size_t arr_write_f32(float value, char *out)
{
    if (!isfinite(value))
        return write_special((double)value, out);
    if (fabsf(value) < 1e6f && truncf(value) == value)
        return arr_write_f64((double)value, out);
    return write_digits((double)value, 32, fabsf(value) < FLT_MIN ? 1 : 6, 9, out);
}

size_t arr_write_f16(uint16_t half, char *out)
{
    double value = arr_half_to_f64(half);
    if (!isfinite(value) || trunc(value) == value)
        return arr_write_f64(value, out);
    return write_digits(value, 16, 1, 5, out);
}

bool arr_text_u64(struct slice text, uint64_t *out)
{
    uint64_t value = 0;
    if (text.len && text.ptr[0] == '+')
        text = slice_after(text, 1);
    if (text.len == 0)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        unsigned digit = (unsigned)text.ptr[i] - '0';
        if (digit > 9 || __builtin_mul_overflow(value, 10u, &value) ||
            __builtin_add_overflow(value, digit, &value))
            return false;
    }
    *out = value;
    return true;
}

bool arr_text_i64(struct slice text, int64_t *out)
{
    bool is_negative = text.len && text.ptr[0] == '-';
    uint64_t value = 0;
    if (is_negative) {
        text = slice_after(text, 1);
        if (text.len && text.ptr[0] == '+')
            return false;
    }
    if (!arr_text_u64(text, &value) || value > (uint64_t)INT64_MAX + is_negative)
        return false;
    *out = (int64_t)(is_negative ? 0 - value : value);
    return true;
}

bool arr_text_is_word(struct slice text, const char *word)
{
    size_t n = strlen(word);
    if (text.len != n)
        return false;
    for (size_t i = 0; i < n; i++) {
        uint8_t c = text.ptr[i];
        if ((c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c) != word[i])
            return false;
    }
    return true;
}

/* A number taken apart: digits * 10^exponent. */
struct number {
    bool is_negative;
    bool is_zero;  /* all digits are 0 */
    bool is_exact; /* `digits` holds all of them */
    uint64_t digits;
    int64_t exponent;
};

static bool scan_exponent(struct slice text, size_t at, int64_t *exponent)
{
    bool is_negative = false;
    int64_t value = 0;
    if (at < text.len && (text.ptr[at] == '-' || text.ptr[at] == '+'))
        is_negative = text.ptr[at++] == '-';
    if (at == text.len)
        return false;
    for (; at < text.len; at++) {
        if (!arr_is_digit(text.ptr[at]))
            return false;
        if (value < 100000)
            value = value * 10 + (text.ptr[at] - '0');
    }
    *exponent += is_negative ? -value : value;
    return true;
}

/* [+-] digits [. digits] [e [+-] digits], with a digit on one side of the point at least. */
static bool scan_number(struct slice text, struct number *out)
{
    struct number n = {.is_zero = true, .is_exact = true};
    size_t at = 0;
    size_t digits = 0;
    bool in_fraction = false;
    if (text.len && (text.ptr[0] == '-' || text.ptr[0] == '+'))
        n.is_negative = text.ptr[at++] == '-';
    for (; at < text.len; at++) {
        uint8_t c = text.ptr[at];
        if (c == '.' && !in_fraction) {
            in_fraction = true;
            continue;
        }
        if (!arr_is_digit(c))
            break;
        digits++;
        n.is_zero = n.is_zero && c == '0';
        n.is_exact = n.is_exact && n.digits <= EXACT_F64 / 10 - 1;
        if (n.is_exact)
            n.digits = n.digits * 10 + (uint64_t)(c - '0');
        n.exponent -= in_fraction;
    }
    if (digits == 0)
        return false;
    if (at < text.len && (text.ptr[at] == 'e' || text.ptr[at] == 'E')) {
        if (!scan_exponent(text, at + 1, &n.exponent))
            return false;
    } else if (at < text.len) {
        return false;
    }
    *out = n;
    return true;
}

static bool read_special(struct slice text, double *out)
{
    bool is_negative = text.len && text.ptr[0] == '-';
    struct slice word = text;
    if (text.len && (text.ptr[0] == '-' || text.ptr[0] == '+'))
        word = slice_after(text, 1);
    if (arr_text_is_word(word, "inf") || arr_text_is_word(word, "infinity")) {
        *out = is_negative ? -INFINITY : INFINITY;
        return true;
    }
    if (!arr_text_is_word(text, "nan"))
        return false;
    *out = NAN;
    return true;
}

/* Numbers the fast path leaves: correctly rounded by the C library. */
static bool read_slowly(struct slice text, bool is_float, double *out)
{
    char copy[NUMBER_MAX_BYTES];
    if (text.len >= sizeof copy)
        return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = 0;
    locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    locale_t before = uselocale(c);
    double value = is_float ? (double)strtof(copy, NULL) : strtod(copy, NULL);
    (void)uselocale(before);
    if (c)
        freelocale(c);
    *out = value;
    return isfinite(value);
}

bool arr_text_f64(struct slice text, double *out)
{
    struct number n;
    double value = 0;
    if (!scan_number(text, &n))
        return read_special(text, out);
    bool is_small = n.is_exact && n.exponent >= -EXACT_POWER_10 && n.exponent <= EXACT_POWER_10;
    if (is_small || n.is_zero) {
        /* Both numbers are doubles, so one operation rounds once and rightly. */
        value = n.is_zero ? 0 : (double)n.digits;
        if (!n.is_zero && n.exponent < 0)
            value /= powers_of_10[-n.exponent];
        else if (!n.is_zero)
            value *= powers_of_10[n.exponent];
        value = n.is_negative ? -value : value;
    } else if (!read_slowly(text, false, &value) || value == 0) {
        return false;
    }
    *out = value;
    return true;
}

bool arr_read_f32(struct slice text, float *out)
{
    struct number n;
    double value = 0;
    if (!scan_number(text, &n)) {
        if (!read_special(text, &value))
            return false;
    } else if (n.is_zero) {
        value = n.is_negative ? -0.0 : 0.0;
    } else if (!read_slowly(text, true, &value) || value == 0) {
        return false;
    }
    *out = (float)value;
    return true;
}

size_t arr_write_decimal(i128 value, int32_t scale, char *out)
{
    u128 left = value < 0 ? ~(u128)value + 1 : (u128)value;
    char digits[48];
    size_t count = 0;
    size_t n = 0;
    while (left || count <= (size_t)scale) {
        digits[count++] = (char)('0' + (int)(left % 10));
        left /= 10;
    }
    if (value < 0)
        out[n++] = '-';
    while (count-- > 0) {
        out[n++] = digits[count];
        if (count == (size_t)scale && scale > 0)
            out[n++] = '.';
    }
    return n;
}

bool arr_read_decimal(struct slice text, int32_t precision, int32_t scale, i128 *out)
{
    u128 limit = 1;
    u128 value = 0;
    int32_t decimals = -1; /* behind the point, once it was met */
    size_t digits = 0;
    for (int32_t i = 0; i < precision; i++)
        limit *= 10;
    bool is_negative = text.len && text.ptr[0] == '-';
    if (text.len && (text.ptr[0] == '-' || text.ptr[0] == '+'))
        text = slice_after(text, 1);
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        if (c == '.' && decimals < 0) {
            decimals = 0;
            continue;
        }
        if (!arr_is_digit(c))
            return false;
        digits++;
        if (decimals >= scale) {
            if (c != '0')
                return false;
            continue;
        }
        unsigned digit = (unsigned)c - '0';
        if (value > (limit - 1 - digit) / 10)
            return false;
        value = value * 10 + digit;
        decimals += decimals >= 0;
    }
    if (digits == 0)
        return false;
    for (int32_t i = decimals < 0 ? 0 : decimals; i < scale; i++) {
        if (value > (limit - 1) / 10)
            return false;
        value *= 10;
    }
    *out = is_negative ? -(i128)value : (i128)value;
    return true;
}
