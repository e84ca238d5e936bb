#include "codec/unpack.h"

#include <stdlib.h>

#include "lib/t.h"

/* The scalar twin: bit by bit. */
static uint64_t slow_value(const uint8_t *in, uint64_t bit, unsigned width)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < width; i++, bit++)
        v |= (uint64_t)(in[bit >> 3] >> (bit & 7) & 1) << i;
    return v;
}

static void the_example_of_the_format_is_unpacked(void **state)
{
    (void)state;
    static const uint8_t in[] = {0x88, 0xc6, 0xfa};
    uint32_t out[8];
    cx_unpack32(slice_of(in, 3), 0, 3, out, 8);
    for (uint32_t i = 0; i < 8; i++)
        assert_int_equal(out[i], i);
}

/* The input has an allocation of its own size, so that a read beyond it is seen. */
static void every_width_is_as_bit_by_bit(void **state)
{
    struct t *t = *state;
    uint64_t wide[300];
    uint64_t wide_plain[300];
    uint32_t narrow[300];
    uint32_t plain[300];
    uint8_t bytes_of[300];
    for (unsigned width = 0; width <= 64; width++) {
        for (size_t round = 0; round < 60; round++) {
            size_t n = t_below(t, 300);
            uint64_t bit = t_below(t, 2) ? t_below(t, 40) : 8 * t_below(t, 5);
            size_t bytes = (size_t)((bit + n * width + 7) / 8);
            uint8_t *in = malloc(bytes ? bytes : 1);
            assert_non_null(in);
            for (size_t i = 0; i < bytes; i++)
                in[i] = (uint8_t)t_random(t);
            cx_unpack64(slice_of(in, bytes), bit, width, wide, n);
            cx_unpack64_plain(slice_of(in, bytes), bit, width, wide_plain, n);
            if (width <= 32) {
                cx_unpack32(slice_of(in, bytes), bit, width, narrow, n);
                cx_unpack32_plain(slice_of(in, bytes), bit, width, plain, n);
            }
            if (width <= 8)
                cx_unpack8(slice_of(in, bytes), bit, width, bytes_of, n);
            for (size_t i = 0; i < n; i++) {
                uint64_t want = slow_value(in, bit + i * width, width);
                assert_true(wide[i] == want && wide_plain[i] == want);
                if (width <= 32)
                    assert_true(narrow[i] == want && plain[i] == want);
                if (width <= 8)
                    assert_true(bytes_of[i] == want);
            }
            free(in);
        }
    }
}

T_MAIN(T_TEST(the_example_of_the_format_is_unpacked), T_TEST(every_width_is_as_bit_by_bit))
