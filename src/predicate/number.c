#include "predicate/number.h"

#include <math.h>
#include <stdio.h>

/* An exact double has at most 309 digits before the point and 1074 behind it. */
#define EXACT_DIGITS 1074
#define EXACT_BYTES  1400

static int sign_of(i128 a, i128 b)
{
    return (a > b) - (a < b);
}

i128 pred_pow10(int n)
{
    i128 power = 1;
    for (int i = 0; i < n; i++)
        power *= 10;
    return power;
}

/* value = value * 10 + digit; false when it no longer fits. */
static bool push_digit(i128 *value, int digit)
{
    i128 next;
    if (__builtin_mul_overflow(*value, (i128)10, &next) ||
        __builtin_add_overflow(next, (i128)digit, &next))
        return false;
    *value = next;
    return true;
}

static size_t count_digits(struct slice text)
{
    size_t n = 0;
    while (n < text.len && text.ptr[n] >= '0' && text.ptr[n] <= '9')
        n++;
    return n;
}

bool pred_number_parse(struct slice text, struct pred_number *out)
{
    bool negative = text.len > 0 && *text.ptr == '-';
    if (text.len > 0 && (*text.ptr == '-' || *text.ptr == '+'))
        text = slice_after(text, 1);
    struct slice whole = slice_first(text, count_digits(text));
    struct slice rest = slice_after(text, whole.len);
    struct slice fraction = slice_of(NULL, 0);
    if (rest.len > 0 && *rest.ptr == '.') {
        fraction = slice_after(rest, 1);
        rest = slice_after(fraction, count_digits(fraction));
        fraction = slice_first(fraction, fraction.len - rest.len);
    }
    if (rest.len > 0 || whole.len + fraction.len == 0)
        return false;
    while (fraction.len > 0 && fraction.ptr[fraction.len - 1] == '0')
        fraction.len--;
    if (fraction.len > PRED_SCALE_MAX)
        return false;
    struct pred_number n = {.scale = (int)fraction.len};
    for (size_t i = 0; i < whole.len; i++) {
        if (!push_digit(&n.mantissa, whole.ptr[i] - '0'))
            return false;
    }
    for (size_t i = 0; i < fraction.len; i++) {
        if (!push_digit(&n.mantissa, fraction.ptr[i] - '0'))
            return false;
    }
    if (negative)
        n.mantissa = -n.mantissa;
    *out = n;
    return true;
}

/* Division that rounds down, and whether it was exact. */
static enum pred_side floor_divide(i128 a, i128 by, i128 *floor)
{
    i128 quotient = a / by;
    i128 left = a % by;
    *floor = left < 0 ? quotient - 1 : quotient;
    return left == 0 ? PRED_AT : PRED_AFTER;
}

enum pred_side pred_number_place(struct pred_number n, int scale, i128 *floor)
{
    if (scale < n.scale)
        return floor_divide(n.mantissa, pred_pow10(n.scale - scale), floor);
    i128 scaled;
    if (__builtin_mul_overflow(n.mantissa, pred_pow10(scale - n.scale), &scaled))
        return n.mantissa < 0 ? PRED_BELOW : PRED_ABOVE;
    *floor = scaled;
    return PRED_AT;
}

/*
 * The C library prints doubles exactly when asked for enough digits, so the digits themselves are
 * the arithmetic: take those before the point and `scale` of those behind it.
 */
static enum pred_side place_by_digits(double d, int scale, i128 *floor)
{
    char digits[EXACT_BYTES];
    (void)snprintf(digits, sizeof digits, "%.*f", EXACT_DIGITS, fabs(d));
    i128 value = 0;
    int behind = -1;
    bool is_exact = true;
    for (const char *p = digits; *p; p++) {
        if (*p < '0' || *p > '9') {
            behind = 0;
        } else if (behind < scale) {
            if (!push_digit(&value, *p - '0'))
                return d < 0 ? PRED_BELOW : PRED_ABOVE;
            behind += behind >= 0;
        } else {
            is_exact = is_exact && *p == '0';
        }
    }
    *floor = d < 0 ? -value - !is_exact : value;
    return is_exact ? PRED_AT : PRED_AFTER;
}

enum pred_side pred_double_place(double d, int scale, i128 *floor)
{
    if (isnan(d) || isinf(d))
        return d < 0 ? PRED_BELOW : PRED_ABOVE;
    if (scale > 0)
        return place_by_digits(d, scale, floor);
    if (fabs(d) >= 0x1p127)
        return d < 0 ? PRED_BELOW : PRED_ABOVE;
    double whole = (double)(i128)d;
    *floor = (i128)d - (whole > d);
    return whole == d ? PRED_AT : PRED_AFTER;
}

/* The double right below one that is not 0. As nextafter, for which every start of the program
 * would load a library. */
static double right_below(double d)
{
    uint64_t bits = 0;
    memcpy(&bits, &d, sizeof bits);
    bits = d > 0 ? bits - 1 : bits + 1;
    memcpy(&d, &bits, sizeof d);
    return d;
}

enum pred_side pred_integer_place(i128 n, double *at)
{
    double nearest = (double)n;
    bool is_above = nearest >= 0x1p127 || (i128)nearest > n;
    if (is_above) {
        *at = right_below(nearest);
        return PRED_AFTER;
    }
    *at = nearest;
    return (i128)nearest == n ? PRED_AT : PRED_AFTER;
}

/* What the value has above its floor, in units of 1 / 10^scale. */
static i128 fraction_of(struct pred_number n)
{
    i128 unit = pred_pow10(n.scale);
    i128 left = n.mantissa % unit;
    return left < 0 ? left + unit : left;
}

int pred_compare_numbers(struct pred_number a, struct pred_number b)
{
    if (a.scale == b.scale)
        return sign_of(a.mantissa, b.mantissa);
    i128 whole_a = 0;
    i128 whole_b = 0;
    (void)floor_divide(a.mantissa, pred_pow10(a.scale), &whole_a);
    (void)floor_divide(b.mantissa, pred_pow10(b.scale), &whole_b);
    if (whole_a != whole_b)
        return sign_of(whole_a, whole_b);
    /* What is left is below 1, so both fit at the finer scale. */
    i128 left_a = fraction_of(a);
    i128 left_b = fraction_of(b);
    int scale = a.scale > b.scale ? a.scale : b.scale;
    return sign_of(left_a * pred_pow10(scale - a.scale), left_b * pred_pow10(scale - b.scale));
}

int pred_compare_doubles(double a, double b)
{
    if (isnan(a) || isnan(b))
        return !!isnan(a) - !!isnan(b);
    return (a > b) - (a < b);
}

int pred_compare_mixed(struct pred_number a, double b)
{
    /* Most pairs are far apart: then the rounded quotient decides. */
    double near = (double)a.mantissa / (double)pred_pow10(a.scale);
    if (isfinite(b) && a.scale > 0 && fabs(near - b) > 1e-12 * (fabs(near) + fabs(b)))
        return near < b ? -1 : 1;
    i128 floor = 0;
    switch (pred_double_place(b, a.scale, &floor)) {
    case PRED_ABOVE:
        return -1;
    case PRED_BELOW:
        return 1;
    case PRED_AT:
        return sign_of(a.mantissa, floor);
    case PRED_AFTER:
        break;
    }
    return a.mantissa <= floor ? -1 : 1;
}
