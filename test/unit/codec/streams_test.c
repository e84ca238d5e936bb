#include "codec/streams.h"

#include "codec/values.h"
#include "lib/t.h"

#define VALUES_MAX 600
#define WIDTH_MAX  17

static void fast_and_plain_splits_are_the_same(void **state)
{
    struct t *t = *state;
    static uint8_t values[VALUES_MAX * WIDTH_MAX];
    static uint8_t fast[sizeof values];
    static uint8_t plain[sizeof values];
    static uint8_t back[sizeof values];
    static const size_t counts[] = {0, 1, 7, 8, 9, 15, 16, 64, 257, VALUES_MAX};
    for (size_t i = 0; i < sizeof values; i++)
        values[i] = (uint8_t)t_random(t);
    for (size_t width = 1; width <= WIDTH_MAX; width++) {
        for (size_t k = 0; k < sizeof counts / sizeof *counts; k++) {
            size_t bytes = counts[k] * width;
            memset(fast, 0, sizeof fast);
            cx_split_streams(fast, values, width, counts[k]);
            cx_split_streams_plain(plain, values, width, 0, counts[k], counts[k]);
            assert_memory_equal(fast, plain, bytes);
            for (size_t i = bytes; i < sizeof fast; i++)
                assert_int_equal(fast[i], 0);
            cx_join_streams(back, fast, width, counts[k], 0, counts[k]);
            assert_memory_equal(back, values, bytes);
        }
    }
}

static void streams_stand_one_behind_another(void **state)
{
    (void)state;
    uint8_t out[8];
    cx_split_streams(out, (const uint8_t *)"abcdABCD", 4, 2);
    assert_memory_equal(out, "aAbBcCdD", 8);
}

T_MAIN(T_TEST(fast_and_plain_splits_are_the_same), T_TEST(streams_stand_one_behind_another))
