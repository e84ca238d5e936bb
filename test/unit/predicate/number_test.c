#include "predicate/number.h"

#include <float.h>
#include <math.h>

#include "lib/t.h"

static struct pred_number number(const char *text)
{
    struct pred_number n = {0};
    assert_true(pred_number_parse(slice_str(text), &n));
    return n;
}

static void numbers_keep_their_digits(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t mantissa;
        int scale;
    } cases[] = {
        {"0", 0, 0},  {"-12", -12, 0},  {"+7", 7, 0},       {"1.50", 15, 1}, {".5", 5, 1},
        {"5.", 5, 0}, {"-0.05", -5, 2}, {"000123", 123, 0}, {"100", 100, 0}, {"1.000", 1, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct pred_number n = number(cases[i].text);
        assert_true(n.mantissa == cases[i].mantissa);
        assert_int_equal(n.scale, cases[i].scale);
    }
}

static void what_is_no_number_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "-",
                                        ".",
                                        "1e5",
                                        "abc",
                                        "1 ",
                                        " 1",
                                        "1..2",
                                        "0x10",
                                        "170141183460469231731687303715884105728",
                                        "0.000000000000000000000000000000000000001"};
    struct pred_number n;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_false(pred_number_parse(slice_str(texts[i]), &n));
}

static void literals_stand_at_a_value_or_behind_it(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int scale;
        enum pred_side side;
        int64_t floor;
    } cases[] = {
        {"5", 0, PRED_AT, 5},     {"2.5", 0, PRED_AFTER, 2},     {"-2.5", 0, PRED_AFTER, -3},
        {"1.5", 2, PRED_AT, 150}, {"1.555", 2, PRED_AFTER, 155}, {"-0.001", 2, PRED_AFTER, -1},
        {"-3", 1, PRED_AT, -30},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        i128 floor = 0;
        assert_int_equal(pred_number_place(number(cases[i].text), cases[i].scale, &floor),
                         cases[i].side);
        assert_true(floor == cases[i].floor);
    }
    i128 floor = 0;
    struct pred_number huge = number("99999999999999999999999999999999999999");
    assert_int_equal(pred_number_place(huge, 2, &floor), PRED_ABOVE);
    huge.mantissa = -huge.mantissa;
    assert_int_equal(pred_number_place(huge, 2, &floor), PRED_BELOW);
}

static void doubles_are_placed_exactly(void **state)
{
    (void)state;
    static const struct {
        double d;
        int scale;
        enum pred_side side;
        int64_t floor;
    } cases[] = {
        {2.0, 0, PRED_AT, 2},
        {-2.5, 0, PRED_AFTER, -3},
        {9007199254740992.0, 0, PRED_AT, 9007199254740992},
        {0.1, 2, PRED_AFTER, 10}, /* 0.1000000000000000055 */
        {0.3, 1, PRED_AFTER, 2},  /* 0.2999999999999999888 */
        {-0.25, 2, PRED_AT, -25},
        {-0.0, 3, PRED_AT, 0},
        {5e-324, 5, PRED_AFTER, 0},
        {-5e-324, 5, PRED_AFTER, -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        i128 floor = 77;
        assert_int_equal(pred_double_place(cases[i].d, cases[i].scale, &floor), cases[i].side);
        assert_true(floor == cases[i].floor);
    }
    i128 floor = 0;
    assert_int_equal(pred_double_place(NAN, 0, &floor), PRED_ABOVE);
    assert_int_equal(pred_double_place(INFINITY, 2, &floor), PRED_ABOVE);
    assert_int_equal(pred_double_place(-INFINITY, 2, &floor), PRED_BELOW);
    assert_int_equal(pred_double_place(DBL_MAX, 38, &floor), PRED_ABOVE);
    assert_int_equal(pred_double_place(-1e39, 0, &floor), PRED_BELOW);
}

static void integers_are_placed_among_doubles(void **state)
{
    (void)state;
    double at = 0;
    assert_int_equal(pred_integer_place(5, &at), PRED_AT);
    assert_true(at == 5.0);
    assert_int_equal(pred_integer_place(9007199254740993, &at), PRED_AFTER);
    assert_true(at == 9007199254740992.0);
    assert_int_equal(pred_integer_place(9007199254740995, &at), PRED_AFTER);
    assert_true(at == 9007199254740994.0);
    i128 most = (i128)(~(u128)0 >> 1);
    assert_int_equal(pred_integer_place(most, &at), PRED_AFTER);
    assert_true(at == nextafter(0x1p127, 0));
    assert_int_equal(pred_integer_place(-most - 1, &at), PRED_AT);
}

static void comparisons_across_scales_are_exact(void **state)
{
    (void)state;
    assert_int_equal(pred_compare_numbers(number("1.5"), number("1.50")), 0);
    assert_true(pred_compare_numbers(number("1.49"), number("1.5")) < 0);
    assert_true(pred_compare_numbers(number("-1.49"), number("-1.5")) > 0);
    assert_true(pred_compare_numbers(number("-0.5"), number("0")) < 0);
    struct pred_number fine = {.mantissa = (i128)(~(u128)0 >> 1), .scale = 38};
    struct pred_number coarse = {.mantissa = -(i128)(~(u128)0 >> 1) - 1, .scale = 0};
    assert_true(pred_compare_numbers(coarse, fine) < 0);
    assert_true(pred_compare_mixed(number("0.1"), 0.1) < 0);
    assert_true(pred_compare_mixed(number("0.3"), 0.3) > 0);
    assert_int_equal(pred_compare_mixed(number("0.25"), 0.25), 0);
    assert_true(pred_compare_mixed(number("9007199254740993"), 9007199254740992.0) > 0);
    assert_true(pred_compare_mixed(number("1"), NAN) < 0);
    assert_true(pred_compare_mixed(number("1"), -INFINITY) > 0);
}

static void nan_is_the_greatest_and_equals_itself(void **state)
{
    (void)state;
    assert_int_equal(pred_compare_doubles(NAN, -NAN), 0);
    assert_true(pred_compare_doubles(NAN, INFINITY) > 0);
    assert_true(pred_compare_doubles(1, NAN) < 0);
    assert_int_equal(pred_compare_doubles(-0.0, 0.0), 0);
}

T_MAIN(T_TEST(numbers_keep_their_digits), T_TEST(what_is_no_number_is_refused),
       T_TEST(literals_stand_at_a_value_or_behind_it), T_TEST(doubles_are_placed_exactly),
       T_TEST(integers_are_placed_among_doubles), T_TEST(comparisons_across_scales_are_exact),
       T_TEST(nan_is_the_greatest_and_equals_itself))
