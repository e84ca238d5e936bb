#include "codec/delta_block.h"

#include "lib/t.h"

/* Numbers that grow, that jump, and that wrap around. */
static void fill(struct t *t, int64_t *v, size_t n, uint64_t kind)
{
    v[0] = (int64_t)t_random(t);
    for (size_t i = 1; i < n; i++) {
        uint64_t step = kind == 0 ? t_below(t, 5) : kind == 1 ? t_below(t, 1u << 20) : t_random(t);
        v[i] = (int64_t)((uint64_t)v[i - 1] + step);
    }
}

static void the_kernels_agree_with_their_plain_twins(void **state)
{
    struct t *t = *state;
    for (uint64_t round = 0; round < 3000; round++) {
        int64_t v[CX_DELTA_BLOCK + 1];
        int32_t narrow[CX_DELTA_BLOCK + 1];
        uint64_t got[CX_DELTA_BLOCK + CX_DELTA_MINIS];
        uint64_t want[CX_DELTA_BLOCK + CX_DELTA_MINIS];
        uint32_t got_32[CX_DELTA_BLOCK + CX_DELTA_MINIS];
        uint32_t want_32[CX_DELTA_BLOCK + CX_DELTA_MINIS];
        fill(t, v, CX_DELTA_BLOCK + 1, round % 3);
        for (size_t i = 0; i <= CX_DELTA_BLOCK; i++)
            narrow[i] = (int32_t)(uint32_t)v[i];
        assert_true(cx_delta_block_64(v + 1, got, got + CX_DELTA_BLOCK) ==
                    cx_delta_block_64_plain(v + 1, want, want + CX_DELTA_BLOCK));
        assert_memory_equal(got, want, sizeof got);
        assert_int_equal(cx_delta_block_32(narrow + 1, got_32, got_32 + CX_DELTA_BLOCK),
                         cx_delta_block_32_plain(narrow + 1, want_32, want_32 + CX_DELTA_BLOCK));
        assert_memory_equal(got_32, want_32, sizeof got_32);
    }
}

static void a_block_is_what_lies_above_its_least_difference(void **state)
{
    int64_t v[CX_DELTA_BLOCK + 1];
    uint64_t above[CX_DELTA_BLOCK];
    uint64_t bits[CX_DELTA_MINIS];
    (void)state;
    for (size_t i = 0; i <= CX_DELTA_BLOCK; i++)
        v[i] = (int64_t)(2 * i);
    v[40] = 85;
    assert_int_equal(cx_delta_block_64_plain(v + 1, above, bits), -3);
    assert_int_equal(above[0], 5);
    assert_int_equal(above[39], 10);
    assert_int_equal(above[40], 0);
    assert_int_equal(bits[0], 5);
    assert_int_equal(bits[1], 15);
    assert_int_equal(bits[2], 5);
}

T_MAIN(T_TEST(the_kernels_agree_with_their_plain_twins),
       T_TEST(a_block_is_what_lies_above_its_least_difference))
