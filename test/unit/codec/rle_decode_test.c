#include "codec/rle_decode.h"

#include "codec/rle_encode.h"
#include "lib/t.h"

#define VALUES 5000

static void runs_and_packed_groups_are_read(void **state)
{
    (void)state;
    /* five times 6; eight packed values of 3 bits, 0 to 7; two times 1 */
    static const uint8_t in[] = {0x0a, 6, 0x03, 0x88, 0xc6, 0xfa, 0x04, 1};
    static const uint32_t want[] = {6, 6, 6, 6, 6, 0, 1, 2, 3, 4, 5, 6, 7, 1, 1};
    for (size_t step = 1; step < 16; step++) {
        struct cx_rle r;
        cx_rle_init(&r, slice_of(in, sizeof in), 3);
        uint32_t out[32];
        size_t n = 0;
        size_t got = 0;
        while ((got = cx_rle_next(&r, out + n, step)) > 0)
            n += got;
        assert_int_equal(n, 15);
        assert_memory_equal(out, want, sizeof want);
    }
}

static void what_was_encoded_comes_back_at_every_width(void **state)
{
    struct t *t = *state;
    static uint32_t values[VALUES];
    static uint32_t back[VALUES + 8];
    struct buf out;
    buf_init(&out, &t->mem, 1 << 20);
    for (unsigned width = 1; width <= 32; width++) {
        for (size_t i = 0; i < VALUES;) {
            size_t run = t_below(t, 3) ? 1 : t_below(t, 100);
            uint32_t v = (uint32_t)(t_random(t) >> (64 - width));
            for (; run && i < VALUES; run--)
                values[i++] = v;
        }
        buf_clear(&out);
        assert_ok(t, cx_rle_encode(values, VALUES, width, &out, &t->err));
        struct cx_rle r;
        cx_rle_init(&r, buf_slice(&out), width);
        for (size_t n = 0; n < VALUES;) {
            size_t step = 1 + t_below(t, 700);
            step = step < VALUES - n ? step : VALUES - n;
            assert_int_equal(cx_rle_next(&r, back + n, step), step);
            n += step;
        }
        assert_memory_equal(back, values, sizeof values);
    }
    buf_fini(&out);
}

static void cut_padding_of_the_last_group_is_no_damage(void **state)
{
    (void)state;
    static const uint8_t in[] = {0x05, 0x88, 0xc6}; /* two groups announced, 5 values there */
    uint32_t out[16];
    struct cx_rle r;
    cx_rle_init(&r, slice_of(in, sizeof in), 3);
    assert_int_equal(cx_rle_next(&r, out, 16), 5);
    for (uint32_t i = 0; i < 5; i++)
        assert_int_equal(out[i], i);
}

static void width_zero_is_zeros_without_end(void **state)
{
    (void)state;
    uint32_t out[16] = {1, 2, 3};
    struct cx_rle r;
    cx_rle_init(&r, slice_of(NULL, 0), 0);
    assert_int_equal(cx_rle_next(&r, out, 16), 16);
    for (size_t i = 0; i < 16; i++)
        assert_int_equal(out[i], 0);
}

static void damage_ends_the_values(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t n;
        size_t values;
    } cases[] = {
        {"", 0, 0},
        {"\x0a", 1, 0},                     /* a run without its value */
        {"\x80", 1, 0},                     /* a head that does not end */
        {"\xff\xff\xff\xff\xff\x01", 6, 0}, /* a head of more than 5 bytes */
        {"\0\1\0\1\0\1", 6, 0},             /* runs of nothing */
        {"\0\1\4\1", 4, 2},
        {"\3", 1, 0},     /* a group without bytes */
        {"\1\4\1", 3, 2}, /* no groups, then a run */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint32_t out[16];
        struct cx_rle r;
        cx_rle_init(&r, slice_of(cases[i].bytes, cases[i].n), 8);
        assert_int_equal(cx_rle_next(&r, out, 16), cases[i].values);
        assert_int_equal(cx_rle_next(&r, out, 16), 0);
    }
}

static void long_runs_are_handed_out_in_parts(void **state)
{
    (void)state;
    static const uint8_t in[] = {0xfe, 0xff, 0xff, 0xff, 0x0f, 7};
    uint32_t out[100];
    struct cx_rle r;
    cx_rle_init(&r, slice_of(in, sizeof in), 3);
    assert_true(cx_rle_fill(&r));
    assert_true(r.run_left == INT32_MAX);
    cx_rle_drop(&r, INT32_MAX - 50);
    assert_int_equal(cx_rle_next(&r, out, 100), 50);
    assert_int_equal(out[49], 7);
}

T_MAIN(T_TEST(runs_and_packed_groups_are_read), T_TEST(what_was_encoded_comes_back_at_every_width),
       T_TEST(cut_padding_of_the_last_group_is_no_damage), T_TEST(width_zero_is_zeros_without_end),
       T_TEST(damage_ends_the_values), T_TEST(long_runs_are_handed_out_in_parts))
