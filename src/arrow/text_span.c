#include "arrow/text_priv.h"

/*
 * Durations and intervals as ISO 8601 writes them: P, years to days, T, hours to seconds; each part
 * a number and its letter. Any part may be negative by itself, as an interval's parts may be.
 */

#define NANOS_A_SECOND 1000000000

/* More digits are beyond 64 bits in any unit. */
#define DIGITS_MAX 19

static const int64_t nanos_of[] = {1000000000, 1000000, 1000, 1};

/* "3.5S": whole seconds, a fraction without zeros at its end. */
static size_t write_seconds(int64_t value, int64_t per_second, char *out)
{
    size_t n = 0;
    uint64_t units = (uint64_t)per_second;
    uint64_t positive = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    uint64_t fraction = positive % units;
    if (value < 0)
        out[n++] = '-';
    n += arr_write_u64(positive / units, out + n);
    if (fraction)
        out[n++] = '.';
    for (units /= 10; fraction; units /= 10) {
        out[n++] = (char)('0' + fraction / units);
        fraction %= units;
    }
    out[n++] = 'S';
    return n;
}

size_t arr_write_duration(int64_t value, enum arr_unit unit, char *out)
{
    out[0] = 'P';
    out[1] = 'T';
    return 2 + write_seconds(value, NANOS_A_SECOND / nanos_of[unit], out + 2);
}

size_t arr_write_interval(const struct arr_interval *v, char *out)
{
    size_t n = 0;
    out[n++] = 'P';
    if (v->months) {
        n += arr_write_i64(v->months, out + n);
        out[n++] = 'M';
    }
    if (v->days) {
        n += arr_write_i64(v->days, out + n);
        out[n++] = 'D';
    }
    if (v->nanoseconds || n == 1) {
        out[n++] = 'T';
        n += write_seconds(v->nanoseconds, NANOS_A_SECOND, out + n);
    }
    return n;
}

/* What is left of a text, and what was read of it. */
struct span {
    struct slice text;
    i128 months;
    i128 days;
    i128 nanos;
    int last; /* how far the letters have come, of "YMWDTHMS" */
};

static bool at_char(const struct span *s, char c)
{
    return s->text.len && s->text.ptr[0] == (uint8_t)c;
}

static bool skip_char(struct span *s, char c)
{
    bool is_there = at_char(s, c);
    if (is_there)
        s->text = slice_after(s->text, 1);
    return is_there;
}

/* [+-] digits [. digits]: the whole part, and the fraction in nanoths. */
static bool take_number(struct span *s, i128 *whole, i128 *nanos, bool *has_fraction)
{
    bool is_negative = skip_char(s, '-');
    if (!is_negative)
        (void)skip_char(s, '+');
    int digits = 0;
    int64_t unit = NANOS_A_SECOND;
    *whole = 0;
    *nanos = 0;
    for (; s->text.len && arr_is_digit(s->text.ptr[0]); s->text = slice_after(s->text, 1)) {
        *whole = *whole * 10 + (s->text.ptr[0] - '0');
        if (++digits > DIGITS_MAX)
            return false;
    }
    *has_fraction = digits > 0 && (skip_char(s, '.') || skip_char(s, ','));
    for (; *has_fraction && s->text.len && arr_is_digit(s->text.ptr[0]);
         s->text = slice_after(s->text, 1)) {
        unit /= 10;
        if (unit == 0 && s->text.ptr[0] != '0')
            return false;
        *nanos += (i128)unit * (s->text.ptr[0] - '0');
    }
    if (is_negative) {
        *whole = -*whole;
        *nanos = -*nanos;
    }
    return digits > 0 && (!*has_fraction || unit < NANOS_A_SECOND);
}

/* Letters come in their order, each once; M before T is months. */
static bool take_part(struct span *s)
{
    static const char letters[] = "YMWDTHMS";
    static const int32_t seconds[] = {[5] = 3600, [6] = 60, [7] = 1};
    i128 whole = 0;
    i128 nanos = 0;
    bool has_fraction = false;
    if (s->last < 5 && skip_char(s, 'T'))
        s->last = 5;
    if (!take_number(s, &whole, &nanos, &has_fraction))
        return false;
    int end = s->last < 5 ? 4 : 8;
    int at = s->last;
    while (at < end && !at_char(s, letters[at]))
        at++;
    if (at == end || (has_fraction && at != 7))
        return false;
    s->last = at + 1;
    s->text = slice_after(s->text, 1);
    if (at <= 1)
        s->months += whole * (at == 0 ? 12 : 1);
    else if (at <= 3)
        s->days += whole * (at == 2 ? 7 : 1);
    else
        s->nanos += whole * seconds[at] * NANOS_A_SECOND + nanos;
    return true;
}

static bool read_span(struct slice text, struct span *out)
{
    struct span s = {.text = text};
    bool is_negative = skip_char(&s, '-');
    if (!skip_char(&s, 'P') || s.text.len == 0)
        return false;
    while (s.text.len) {
        if (!take_part(&s))
            return false;
    }
    if (is_negative) {
        s.months = -s.months;
        s.days = -s.days;
        s.nanos = -s.nanos;
    }
    *out = s;
    return true;
}

bool arr_read_duration(struct slice text, enum arr_unit unit, int64_t *out)
{
    struct span s;
    if (!read_span(text, &s) || s.months)
        return false;
    i128 nanos = s.nanos + s.days * 86400 * NANOS_A_SECOND;
    if (nanos % nanos_of[unit])
        return false;
    nanos /= nanos_of[unit];
    *out = (int64_t)nanos;
    return nanos >= INT64_MIN && nanos <= INT64_MAX;
}

bool arr_read_interval(struct slice text, struct arr_interval *out)
{
    struct span s;
    if (!read_span(text, &s) || s.months < INT32_MIN || s.months > INT32_MAX ||
        s.days < INT32_MIN || s.days > INT32_MAX || s.nanos < INT64_MIN || s.nanos > INT64_MAX)
        return false;
    *out = (struct arr_interval){(int32_t)s.months, (int32_t)s.days, (int64_t)s.nanos};
    return true;
}
