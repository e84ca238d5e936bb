#include "arrow/half.h"

#include <math.h>

#include "lib/t.h"

static void every_half_is_a_double_and_comes_back(void **state)
{
    (void)state;
    for (unsigned half = 0; half < 65536; half++) {
        double value = arr_half_to_f64((uint16_t)half);
        uint16_t again = arr_half_of_f64(value);
        bool is_nan = (half & 0x7fff) > 0x7c00;
        assert_int_equal(isnan(value) != 0, is_nan);
        /* A signalling NaN may become a quiet one. */
        assert_int_equal(is_nan ? again | 0x200 : again, is_nan ? half | 0x200 : half);
    }
}

static void doubles_become_the_nearest_half_ties_to_even(void **state)
{
    struct t *t = *state;
    for (unsigned half = 0; half < 0x7c00; half++) {
        double low = arr_half_to_f64((uint16_t)half);
        double high = half == 0x7bff ? 65536 : arr_half_to_f64((uint16_t)(half + 1));
        double middle = (low + high) / 2;
        unsigned even = half & 1 ? half + 1 : half;
        assert_int_equal(arr_half_of_f64(middle), even);
        assert_int_equal(arr_half_of_f64(nextafter(middle, 0)), half);
        assert_int_equal(arr_half_of_f64(nextafter(middle, 1e9)), half + 1);
        double between = low + (high - low) * (double)t_below(t, 1000) / 1000;
        assert_int_equal(arr_half_of_f64(-between), 0x8000 | arr_half_of_f64(between));
    }
}

static void known_halves_have_their_bits(void **state)
{
    (void)state;
    static const struct {
        double value;
        uint16_t half;
    } cases[] = {{1, 0x3c00},        {-2, 0xc000},       {65504, 0x7bff},
                 {0.1, 0x2e66},      {5.96046448e-8, 1}, {1e300, 0x7c00},
                 {-1e300, 0xfc00},   {1e-300, 0},        {6.103515625e-5, 0x400},
                 {-INFINITY, 0xfc00}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(arr_half_of_f64(cases[i].value), cases[i].half);
}

T_MAIN(T_TEST(every_half_is_a_double_and_comes_back),
       T_TEST(doubles_become_the_nearest_half_ties_to_even), T_TEST(known_halves_have_their_bits))
