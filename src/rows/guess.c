#include "rows/guess.h"

#include "arrow/text.h"

#define MAY_NUMBER ((unsigned)MAY_INT64 | MAY_DOUBLE)

/* Whole numbers of more digits may lose some as a double. */
#define SAFE_DIGITS 15u

static const struct {
    unsigned candidate;
    struct arr_type type;
} types[] = {
    {MAY_BOOL, {.kind = ARR_BOOL}},
    {MAY_INT64, {.kind = ARR_INT64}},
    {MAY_DOUBLE, {.kind = ARR_DOUBLE}},
    {MAY_DATE, {.kind = ARR_DATE32}},
    {MAY_TIME, {.kind = ARR_TIMESTAMP, .unit = ARR_MICRO}},
    {MAY_INSTANT, {.kind = ARR_TIMESTAMP, .unit = ARR_MICRO, .utc = true}},
    {MAY_UTF8, {.kind = ARR_UTF8}},
};

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

unsigned rows_guess_number(struct slice text)
{
    int64_t integer = 0;
    double real = 0;
    struct slice bare = text;
    size_t whole = 0;
    if (bare.len && bare.ptr[0] == '-')
        bare = slice_after(bare, 1);
    while (whole < bare.len && is_digit(bare.ptr[whole]))
        whole++;
    if ((text.len && text.ptr[0] == '+') || (whole > 1 && bare.ptr[0] == '0'))
        return 0;
    if (arr_text_i64(text, &integer))
        return whole <= SAFE_DIGITS ? MAY_NUMBER : MAY_INT64;
    if ((whole == bare.len && whole > SAFE_DIGITS) || !arr_text_f64(text, &real))
        return 0;
    return MAY_DOUBLE;
}

static bool is_bool(struct slice text)
{
    return slice_is(text, "true") || slice_is(text, "false") || slice_is(text, "TRUE") ||
           slice_is(text, "FALSE") || slice_is(text, "True") || slice_is(text, "False");
}

unsigned rows_guess_time(struct slice text)
{
    int32_t days = 0;
    int64_t time = 0;
    unsigned may = arr_text_date(text, &days) ? MAY_DATE : 0u;
    if (arr_text_timestamp(text, ARR_MICRO, false, &time))
        may |= MAY_TIME;
    else if (arr_text_timestamp(text, ARR_MICRO, true, &time))
        may |= MAY_INSTANT;
    return may;
}

unsigned rows_guess_text(struct slice text, unsigned among)
{
    unsigned may = MAY_UTF8;
    if (among == MAY_UTF8)
        return may;
    if ((among & MAY_BOOL) && is_bool(text))
        may |= MAY_BOOL;
    if (among & MAY_NUMBER)
        may |= rows_guess_number(text);
    if (among & (MAY_DATE | MAY_TIME | MAY_INSTANT))
        may |= rows_guess_time(text);
    return may;
}

struct arr_type rows_guess_type(unsigned may, bool has_value)
{
    struct arr_type utf8 = {.kind = ARR_UTF8};
    for (size_t i = 0; has_value && i < sizeof types / sizeof types[0]; i++) {
        if (may & types[i].candidate)
            return types[i].type;
    }
    return utf8;
}
