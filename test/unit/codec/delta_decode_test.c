#include "codec/delta_decode.h"

#include "base/buf.h"
#include "lib/t.h"

#define VALUES      1000
#define BLOCK       128
#define MINI        32
#define MINIS       (BLOCK / MINI)
#define BYTES_LIMIT (1 << 20)

static uint64_t zigzag(int64_t v)
{
    return (uint64_t)v << 1 ^ (v < 0 ? UINT64_MAX : 0);
}

/* A plain encoder: the miniblocks of a block, each as narrow as it can be. The last one is cut
 * where `is_cut`, and widths of those not needed are 255: nothing is promised for them. */
static void encode_block(struct t *t, const int64_t *v, size_t left, bool is_cut, struct buf *out)
{
    uint64_t deltas[BLOCK] = {0};
    size_t n = left < BLOCK ? left : BLOCK;
    int64_t min = INT64_MAX;
    for (size_t i = 0; i < n; i++) {
        deltas[i] = (uint64_t)v[i] - (uint64_t)v[i - 1];
        min = (int64_t)deltas[i] < min ? (int64_t)deltas[i] : min;
    }
    assert_ok(t, buf_append_varint(out, zigzag(min), &t->err));
    unsigned widths[MINIS];
    for (size_t m = 0; m < MINIS; m++) {
        uint64_t all = 0;
        for (size_t i = m * MINI; i < (m + 1) * MINI && i < n; i++)
            all |= deltas[i] - (uint64_t)min;
        widths[m] = m * MINI >= n ? 255 : all ? 64 - (unsigned)__builtin_clzll(all) : 0;
        assert_ok(t, buf_append_u8(out, (uint8_t)widths[m], &t->err));
    }
    for (size_t m = 0; m < MINIS && m * MINI < n; m++) {
        size_t start = out->len;
        size_t values = is_cut && n - m * MINI < MINI ? n - m * MINI : MINI;
        assert_ok(t, buf_resize(out, start + (values * widths[m] + 7) / 8, &t->err));
        for (size_t i = m * MINI; i < (m + 1) * MINI && i < n; i++) {
            for (unsigned b = 0; b < widths[m]; b++) {
                size_t bit = (i - m * MINI) * widths[m] + b;
                if ((deltas[i] - (uint64_t)min) >> b & 1)
                    out->ptr[start + bit / 8] |= (uint8_t)(1 << bit % 8);
            }
        }
    }
}

static void encode(struct t *t, const int64_t *v, size_t n, bool is_cut, struct buf *out)
{
    buf_clear(out);
    assert_ok(t, buf_append_varint(out, BLOCK, &t->err));
    assert_ok(t, buf_append_varint(out, MINIS, &t->err));
    assert_ok(t, buf_append_varint(out, n, &t->err));
    assert_ok(t, buf_append_varint(out, n ? zigzag(v[0]) : 0, &t->err));
    for (size_t i = 1; i < n; i += BLOCK)
        encode_block(t, v + i, n - i, is_cut, out);
}

static void make_values(struct t *t, int64_t *v, size_t n, unsigned bits)
{
    uint64_t at = t_random(t);
    for (size_t i = 0; i < n; i++) {
        at += bits ? t_random(t) >> (64 - bits) : 3;
        v[i] = (int64_t)at;
    }
}

static void values_of_every_width_come_back(void **state)
{
    struct t *t = *state;
    static const size_t counts[] = {0, 1, 2, 32, 33, 34, 128, 129, 130, 700, VALUES};
    static int64_t values[VALUES];
    static int64_t back[VALUES + 1];
    struct buf out;
    buf_init(&out, &t->mem, BYTES_LIMIT);
    for (unsigned bits = 0; bits <= 64; bits += bits < 8 ? 1 : 7) {
        for (size_t k = 0; k < sizeof counts / sizeof *counts; k++) {
            make_values(t, values, counts[k], bits);
            encode(t, values, counts[k], false, &out);
            size_t len = out.len;
            assert_ok(t, buf_append(&out, "rest", 4, &t->err));
            struct cx_delta d;
            struct slice rest;
            assert_true(cx_delta_init(&d, buf_slice(&out)));
            assert_int_equal(d.left, counts[k]);
            assert_true(cx_delta_rest(&d, &rest));
            assert_true(slice_is(rest, "rest"));
            assert_int_equal(rest.ptr - out.ptr, len);
            size_t got = 0;
            size_t n = 0;
            while ((got = cx_delta_next(&d, back + n, 1 + t_below(t, 200))) > 0)
                n += got;
            assert_int_equal(n, counts[k]);
            assert_memory_equal(back, values, n * sizeof *values);
        }
    }
    buf_fini(&out);
}

static void the_last_miniblock_may_be_cut(void **state)
{
    struct t *t = *state;
    static int64_t values[VALUES];
    static int64_t back[VALUES];
    struct buf out;
    buf_init(&out, &t->mem, BYTES_LIMIT);
    make_values(t, values, VALUES, 11);
    encode(t, values, VALUES, true, &out);
    struct cx_delta d;
    assert_true(cx_delta_init(&d, buf_slice(&out)));
    assert_int_equal(cx_delta_next(&d, back, VALUES), VALUES);
    assert_memory_equal(back, values, sizeof values);
    buf_fini(&out);
}

static void cut_blocks_give_no_values_beyond_the_cut(void **state)
{
    struct t *t = *state;
    static int64_t values[200];
    static int64_t back[200];
    struct buf out;
    buf_init(&out, &t->mem, BYTES_LIMIT);
    make_values(t, values, 200, 9);
    encode(t, values, 200, true, &out);
    for (size_t n = 0; n < out.len; n++) {
        struct cx_delta d;
        struct slice rest;
        if (!cx_delta_init(&d, slice_of(out.ptr, n)))
            continue;
        assert_false(cx_delta_rest(&d, &rest));
        size_t got = cx_delta_next(&d, back, 200);
        assert_true(got < 200);
        assert_memory_equal(back, values, got * sizeof *values);
        assert_int_equal(cx_delta_next(&d, back, 200), 0);
    }
    buf_fini(&out);
}

static void impossible_heads_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t n;
    } cases[] = {
        {"", 0},
        {"\0\4\1\0", 4},                       /* blocks of nothing */
        {"\x80\1\0\1\0", 5},                   /* no miniblocks */
        {"\x80\1\3\1\0", 5},                   /* 128 values in 3 miniblocks */
        {"\x80\1\x20\1\0", 5},                 /* miniblocks of 4 values */
        {"\x80\1\4\xff\xff\xff\xff\x7f\0", 9}, /* more values than a page has */
        {"\xff\xff\xff\xff\xff\1\1\1\0", 9},   /* blocks beyond 31 bits */
    };
    struct cx_delta d;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_false(cx_delta_init(&d, slice_of(cases[i].bytes, cases[i].n)));
    /* A width beyond 64 bits stops the values. */
    static const uint8_t wide[] = {0x80, 1, 4, 3, 0, 0, 65, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
    int64_t out[4];
    assert_true(cx_delta_init(&d, slice_of(wide, sizeof wide)));
    assert_int_equal(cx_delta_next(&d, out, 3), 1);
}

T_MAIN(T_TEST(values_of_every_width_come_back), T_TEST(the_last_miniblock_may_be_cut),
       T_TEST(cut_blocks_give_no_values_beyond_the_cut), T_TEST(impossible_heads_are_refused))
