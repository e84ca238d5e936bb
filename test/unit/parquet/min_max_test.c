#include "parquet/min_max.h"

#include "lib/t.h"

#define MOST 200u

/* Few distinct numbers among them, and those where a sign or a width may be got wrong. */
static uint64_t some_number(struct t *t)
{
    static const uint64_t edges[] = {0,
                                     1,
                                     UINT64_MAX,
                                     0x7fffffffffffffff,
                                     0x8000000000000000,
                                     0x7fffffff80000000,
                                     0x3ff0000000000000,
                                     0xbff0000000000000,
                                     0x7ff0000000000000,
                                     0xfff0000000000000,
                                     0x7f8000007f800000,
                                     0xff800000ff800000};
    uint64_t pick = t_below(t, 3);
    return pick == 0   ? edges[t_below(t, sizeof edges / sizeof *edges)]
           : pick == 1 ? t_below(t, 1000)
                       : t_random(t);
}

static void the_kernels_agree_with_their_plain_twins(void **state)
{
    struct t *t = *state;
    uint64_t v[MOST];
    for (size_t round = 0; round < 2000; round++) {
        size_t n = 1 + t_below(t, MOST);
        uint64_t got[2] = {0};
        uint64_t want[2] = {0};
        uint32_t got_32[2] = {0};
        uint32_t want_32[2] = {0};
        const uint32_t *v_32 = (const uint32_t *)(const void *)v;
        for (size_t i = 0; i < n; i++)
            v[i] = some_number(t);
        uint64_t flip = round % 2 ? 0x8000000000000000u : 0;
        pq_min_max_64(v, n, flip, &got[0], &got[1]);
        pq_min_max_64_plain(v, n, flip, &want[0], &want[1]);
        assert_memory_equal(got, want, sizeof got);
        pq_min_max_32(v_32, 2 * n, (uint32_t)(flip >> 32), &got_32[0], &got_32[1]);
        pq_min_max_32_plain(v_32, 2 * n, (uint32_t)(flip >> 32), &want_32[0], &want_32[1]);
        assert_memory_equal(got_32, want_32, sizeof got_32);
        assert_int_equal(pq_min_max_double(v, n, &got[0], &got[1]),
                         pq_min_max_double_plain(v, n, &want[0], &want[1]));
        assert_memory_equal(got, want, sizeof got);
        assert_int_equal(pq_min_max_float(v_32, 2 * n, &got_32[0], &got_32[1]),
                         pq_min_max_float_plain(v_32, 2 * n, &want_32[0], &want_32[1]));
        assert_memory_equal(got_32, want_32, sizeof got_32);
    }
}

static void the_plain_twins_find_what_is_least_and_greatest(void **state)
{
    static const int32_t numbers[] = {3, -7, 2147483647, 0, -2147483647};
    static const double doubles[] = {-0.0, 0.0, -1.5, 1e300, -2e300};
    static const float not_a_number[] = {1.0F, -(float)__builtin_nan(""), 2.0F};
    uint32_t low = 0;
    uint32_t high = 0;
    uint64_t first = 0;
    uint64_t last = 0;
    (void)state;
    const uint32_t *v = (const uint32_t *)(const void *)numbers;
    pq_min_max_32_plain(v, 5, 0, &low, &high);
    assert_int_equal((int32_t)low, -2147483647);
    assert_int_equal((int32_t)high, 2147483647);
    pq_min_max_32_plain(v, 5, 0x80000000u, &low, &high);
    assert_int_equal(low, 0);
    assert_int_equal(high, (uint32_t)-7);
    const uint64_t *d = (const uint64_t *)(const void *)doubles;
    assert_true(pq_min_max_double_plain(d, 5, &first, &last));
    assert_memory_equal(&first, &doubles[4], 8);
    assert_memory_equal(&last, &doubles[3], 8);
    assert_true(pq_min_max_double_plain(d, 2, &first, &last));
    assert_memory_equal(&first, &doubles[0], 8);
    assert_memory_equal(&last, &doubles[1], 8);
    const uint32_t *f = (const uint32_t *)(const void *)not_a_number;
    assert_false(pq_min_max_float_plain(f, 3, &low, &high));
    assert_false(pq_min_max_float_plain(f + 1, 1, &low, &high));
    assert_true(pq_min_max_float_plain(f + 2, 1, &low, &high));
}

T_MAIN(T_TEST(the_kernels_agree_with_their_plain_twins),
       T_TEST(the_plain_twins_find_what_is_least_and_greatest))
