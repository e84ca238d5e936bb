#include "codec/bit_pack.h"

#include <string.h>

#include "lib/t.h"

#define GROUPS_MAX 5u

/* One bit at a time: what the kernels are held against. */
static void pack_plainly(const uint32_t *values, size_t count, unsigned width, uint8_t *out)
{
    memset(out, 0, count * width / 8);
    for (size_t i = 0; i < count; i++)
        for (unsigned bit = 0; bit < width; bit++) {
            size_t at = i * width + bit;
            out[at / 8] = (uint8_t)(out[at / 8] | ((values[i] >> bit) & 1u) << (at % 8));
        }
}

static void the_example_of_the_header_holds(void **state)
{
    (void)state;
    const uint32_t values[8] = {0, 1, 2, 3, 4, 5, 6, 7};
    uint8_t out[3 + CX_BIT_PACK_SLACK];
    cx_bit_pack(values, 1, 3, out);
    assert_memory_equal(out, "\x88\xc6\xfa", 3);
}

static void every_width_packs_as_one_bit_at_a_time_does(void **state)
{
    struct t *t = *state;
    for (unsigned width = 1; width <= 32; width++)
        for (size_t groups = 0; groups <= GROUPS_MAX; groups++) {
            uint32_t values[8 * GROUPS_MAX];
            uint8_t want[32 * GROUPS_MAX];
            uint8_t got[32 * GROUPS_MAX + CX_BIT_PACK_SLACK];
            for (size_t i = 0; i < 8 * groups; i++)
                values[i] = t_below(t, 4) == 0 ? UINT32_MAX >> (32 - width)
                                               : (uint32_t)t_random(t) >> (32 - width);
            pack_plainly(values, 8 * groups, width, want);
            cx_bit_pack(values, groups, width, got);
            assert_memory_equal(got, want, groups * width);
        }
}

static void widths_hold_their_value(void **state)
{
    (void)state;
    assert_int_equal(cx_bit_width(0), 0);
    assert_int_equal(cx_bit_width(1), 1);
    assert_int_equal(cx_bit_width(255), 8);
    assert_int_equal(cx_bit_width(256), 9);
    assert_int_equal(cx_bit_width(UINT32_MAX), 32);
}

T_MAIN(T_TEST(the_example_of_the_header_holds), T_TEST(every_width_packs_as_one_bit_at_a_time_does),
       T_TEST(widths_hold_their_value))
