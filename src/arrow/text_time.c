#include "arrow/text_priv.h"

#define SECONDS_A_DAY 86400

/* Longer years are beyond what seconds in 64 bits reach. */
#define YEAR_DIGITS_MAX 12u

static const int64_t units_a_second[] = {1, 1000, 1000000, 1000000000};
static const unsigned unit_digits[] = {0, 3, 6, 9};

/*
 * Years begin in March, so that the leap day is their last; eras are 400 years of 146,097 days.
 * 719,468 is the number of days from 0000-03-01 to 1970-01-01.
 */
int64_t arr_days_from_civil(int64_t year, unsigned month, unsigned day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t month_from_march = month > 2 ? (int64_t)month - 3 : (int64_t)month + 9;
    int64_t day_of_year = (153 * month_from_march + 2) / 5 + (int64_t)day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

void arr_civil_from_days(int64_t days, int64_t *year, unsigned *month, unsigned *day)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month_from_march = (5 * day_of_year + 2) / 153;
    *day = (unsigned)(day_of_year - (153 * month_from_march + 2) / 5 + 1);
    *month = (unsigned)(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9);
    *year = year_of_era + era * 400 + (*month <= 2);
}

/* `digits` digits, with zeros before. */
static size_t put_padded(uint64_t value, unsigned digits, char *out)
{
    for (unsigned i = digits; i-- > 0; value /= 10)
        out[i] = (char)('0' + value % 10);
    return digits;
}

size_t arr_write_date(int64_t days, char *out)
{
    int64_t year = 0;
    unsigned month = 0;
    unsigned day = 0;
    size_t n = 0;
    arr_civil_from_days(days, &year, &month, &day);
    if (year < 0 || year > 9999)
        out[n++] = year < 0 ? '-' : '+';
    uint64_t positive = (uint64_t)(year < 0 ? -year : year);
    n += positive <= 9999 ? put_padded(positive, 4, out + n) : arr_write_u64(positive, out + n);
    out[n++] = '-';
    n += put_padded(month, 2, out + n);
    out[n++] = '-';
    return n + put_padded(day, 2, out + n);
}

/* Rounded down, so that what is left is not negative. */
static int64_t divide_down(int64_t value, int64_t by, int64_t *left)
{
    int64_t quotient = value / by;
    *left = value % by;
    if (*left < 0) {
        *left += by;
        quotient--;
    }
    return quotient;
}

/* The fraction in 3, 6 or 9 digits, as few as hold it; nothing when it is 0. */
static size_t write_fraction(int64_t fraction, enum arr_unit unit, char *out)
{
    unsigned digits = unit_digits[unit];
    if (fraction == 0)
        return 0;
    while (digits > 3 && fraction % 1000 == 0) {
        fraction /= 1000;
        digits -= 3;
    }
    *out = '.';
    return 1 + put_padded((uint64_t)fraction, digits, out + 1);
}

size_t arr_write_timestamp(int64_t value, enum arr_unit unit, bool utc, char *out)
{
    int64_t fraction = 0;
    int64_t second = 0;
    int64_t seconds = divide_down(value, units_a_second[unit], &fraction);
    int64_t days = divide_down(seconds, SECONDS_A_DAY, &second);
    size_t n = arr_write_date(days, out);
    out[n++] = 'T';
    n += put_padded((uint64_t)(second / 3600), 2, out + n);
    out[n++] = ':';
    n += put_padded((uint64_t)(second / 60 % 60), 2, out + n);
    out[n++] = ':';
    n += put_padded((uint64_t)(second % 60), 2, out + n);
    n += write_fraction(fraction, unit, out + n);
    if (utc)
        out[n++] = 'Z';
    return n;
}

size_t arr_write_time(int64_t value, enum arr_unit unit, char *out)
{
    size_t n = 0;
    uint64_t units = (uint64_t)units_a_second[unit];
    uint64_t positive = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    uint64_t seconds = positive / units;
    uint64_t hours = seconds / 3600;
    /* Files of others may hold what is no time of a day. */
    if (value < 0)
        out[n++] = '-';
    n += hours < 100 ? put_padded(hours, 2, out + n) : arr_write_u64(hours, out + n);
    out[n++] = ':';
    n += put_padded(seconds / 60 % 60, 2, out + n);
    out[n++] = ':';
    n += put_padded(seconds % 60, 2, out + n);
    return n + write_fraction((int64_t)(positive % units), unit, out + n);
}

/* What is left of a text that is read from its start. */
static bool skip(struct slice *text, char c)
{
    if (text->len == 0 || text->ptr[0] != (uint8_t)c)
        return false;
    *text = slice_after(*text, 1);
    return true;
}

/* Just `count` digits. */
static bool take_digits(struct slice *text, size_t count, unsigned max, unsigned *out)
{
    unsigned value = 0;
    if (text->len < count)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!arr_is_digit(text->ptr[i]))
            return false;
        value = value * 10 + (unsigned)(text->ptr[i] - '0');
    }
    *text = slice_after(*text, count);
    *out = value;
    return value <= max;
}

/* Four digits, or a sign and at least four. */
static bool take_year(struct slice *text, int64_t *out)
{
    bool has_sign = text->len && (text->ptr[0] == '-' || text->ptr[0] == '+');
    bool is_negative = has_sign && text->ptr[0] == '-';
    int64_t year = 0;
    size_t digits = 0;
    if (has_sign)
        *text = slice_after(*text, 1);
    while (digits < text->len && arr_is_digit(text->ptr[digits]) && digits < YEAR_DIGITS_MAX)
        year = year * 10 + (text->ptr[digits++] - '0');
    *text = slice_after(*text, digits);
    *out = is_negative ? -year : year;
    return has_sign ? digits >= 4 : digits == 4;
}

static unsigned month_days(int64_t year, unsigned month)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return month == 2 && is_leap ? 29 : days[month - 1];
}

static bool take_date(struct slice *text, int64_t *days)
{
    int64_t year = 0;
    unsigned month = 0;
    unsigned day = 0;
    if (!take_year(text, &year) || !skip(text, '-') || !take_digits(text, 2, 12, &month) ||
        !skip(text, '-') || !take_digits(text, 2, 31, &day))
        return false;
    if (month == 0 || day == 0 || day > month_days(year, month))
        return false;
    *days = arr_days_from_civil(year, month, day);
    return true;
}

bool arr_text_date(struct slice text, int32_t *days)
{
    int64_t value = 0;
    if (!take_date(&text, &value) || text.len || value < INT32_MIN || value > INT32_MAX)
        return false;
    *days = (int32_t)value;
    return true;
}

/* Digits behind the point, as units; those beyond the unit are zero. */
static bool take_fraction(struct slice *text, enum arr_unit unit, int64_t *out)
{
    int64_t value = 0;
    unsigned digits = 0;
    for (; text->len && arr_is_digit(text->ptr[0]); *text = slice_after(*text, 1)) {
        if (digits < unit_digits[unit])
            value = value * 10 + (text->ptr[0] - '0');
        else if (text->ptr[0] != '0')
            return false;
        digits++;
    }
    bool is_there = digits > 0;
    for (; digits < unit_digits[unit]; digits++)
        value *= 10;
    *out = value;
    return is_there;
}

/* HH:MM, HH:MM:SS or HH:MM:SS.fraction. */
static bool take_time(struct slice *text, enum arr_unit unit, int64_t *seconds, int64_t *fraction)
{
    unsigned hour = 0;
    unsigned minute = 0;
    unsigned second = 0;
    if (!take_digits(text, 2, 23, &hour) || !skip(text, ':') || !take_digits(text, 2, 59, &minute))
        return false;
    if (skip(text, ':')) {
        if (!take_digits(text, 2, 59, &second))
            return false;
        if (skip(text, '.') && !take_fraction(text, unit, fraction))
            return false;
    }
    *seconds = (int64_t)hour * 3600 + (int64_t)minute * 60 + second;
    return true;
}

bool arr_read_time(struct slice text, enum arr_unit unit, int64_t *out)
{
    int64_t seconds = 0;
    int64_t fraction = 0;
    if (!take_time(&text, unit, &seconds, &fraction) || text.len)
        return false;
    *out = seconds * units_a_second[unit] + fraction;
    return true;
}

/* Z, +02, +02:00 or +0200; nothing is UTC as well. */
static bool take_zone(struct slice *text, int64_t *offset_seconds)
{
    unsigned hours = 0;
    unsigned minutes = 0;
    *offset_seconds = 0;
    if (text->len == 0 || skip(text, 'Z') || skip(text, 'z'))
        return true;
    bool is_east = skip(text, '+');
    if (!is_east && !skip(text, '-'))
        return false;
    if (!take_digits(text, 2, 23, &hours))
        return false;
    (void)skip(text, ':');
    if (text->len && !take_digits(text, 2, 59, &minutes))
        return false;
    int64_t seconds = (int64_t)hours * 3600 + (int64_t)minutes * 60;
    *offset_seconds = is_east ? seconds : -seconds;
    return true;
}

bool arr_text_timestamp(struct slice text, enum arr_unit unit, bool utc, int64_t *out)
{
    int64_t days = 0;
    int64_t seconds = 0;
    int64_t fraction = 0;
    int64_t offset = 0;
    if (!take_date(&text, &days))
        return false;
    bool has_time = skip(&text, 'T') || skip(&text, 't') || skip(&text, ' ');
    if (has_time && !take_time(&text, unit, &seconds, &fraction))
        return false;
    if (has_time && utc && !take_zone(&text, &offset))
        return false;
    if (text.len)
        return false;
    /* The seconds of the least timestamps are below what fits, their fraction is above it. */
    i128 value = ((i128)days * SECONDS_A_DAY + seconds - offset) * units_a_second[unit] + fraction;
    if (value < INT64_MIN || value > INT64_MAX)
        return false;
    *out = (int64_t)value;
    return true;
}
