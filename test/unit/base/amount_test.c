#include "base/amount.h"

#include "lib/t.h"

struct amount_case {
    const char *text;
    int64_t value; /* -1: none */
};

static void assert_amounts(bool (*parse)(struct slice, int64_t *), const struct amount_case *cases,
                           size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int64_t value = -1;
        bool is_amount = parse(slice_str(cases[i].text), &value);
        assert_int_equal(is_amount, cases[i].value >= 0);
        assert_int_equal(value, cases[i].value);
    }
}

static void whole_numbers_have_digits_alone(void **state)
{
    (void)state;
    static const struct amount_case cases[] = {
        {"0", 0},
        {"007", 7},
        {"9223372036854775807", INT64_MAX},
        {"9223372036854775808", -1},
        {"", -1},
        {"-1", -1},
        {" 1", -1},
        {"1 ", -1},
        {"1s", -1},
        {"+1", -1},
    };
    assert_amounts(text_parse_whole, cases, sizeof cases / sizeof *cases);
}

static void sizes_know_thousands_and_powers_of_two(void **state)
{
    (void)state;
    static const struct amount_case cases[] = {
        {"4096", 4096},        {"1K", 1000},         {"128MB", 128000000},
        {"2GiB", 2147483648},  {"1KiB", 1024},       {"1TiB", 1099511627776},
        {"1T", 1000000000000}, {"9999999999GB", -1}, {"MB", -1},
        {"1XB", -1},           {"1 MB", -1},
    };
    assert_amounts(text_parse_bytes, cases, sizeof cases / sizeof *cases);
}

static void durations_are_seconds(void **state)
{
    (void)state;
    static const struct amount_case cases[] = {
        {"90", 90},     {"90s", 90},    {"30m", 1800},
        {"12h", 43200}, {"7d", 604800}, {"9223372036855s", -1},
        {"1w", -1},     {"d", -1},
    };
    assert_amounts(text_parse_seconds, cases, sizeof cases / sizeof *cases);
}

T_MAIN(T_TEST(whole_numbers_have_digits_alone), T_TEST(sizes_know_thousands_and_powers_of_two),
       T_TEST(durations_are_seconds))
