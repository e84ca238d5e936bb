#include "codec/delta_encode.h"

#include "codec/delta_decode.h"
#include "lib/t.h"

#define VALUES      700
#define BYTES_LIMIT (1 << 22)
#define TEXT_BYTES  ((size_t)VALUES * 64)

static const size_t counts[] = {0, 1, 2, 32, 33, 34, 128, 129, 130, 257, VALUES};
#define COUNTS (sizeof counts / sizeof *counts)

static void assert_integers(struct cx_delta *d, const int64_t *values, size_t n)
{
    static int64_t back[VALUES + 1];
    assert_int_equal(d->left, n);
    assert_int_equal(cx_delta_next(d, back, VALUES + 1), n);
    if (n)
        assert_memory_equal(back, values, n * sizeof *values);
}

static void make_values(struct t *t, int64_t *v, size_t n, unsigned bits)
{
    uint64_t at = t_random(t);
    for (size_t i = 0; i < n; i++) {
        at += bits ? (t_random(t) >> (64 - bits)) - (i % 3 ? 1u << (bits % 32) : 0) : 3;
        v[i] = (int64_t)at;
    }
}

static void integers_of_every_width_come_back(void **state)
{
    struct t *t = *state;
    static int64_t values[VALUES];
    struct buf out;
    struct cx_delta d;
    struct slice rest;
    buf_init(&out, &t->mem, BYTES_LIMIT);
    for (unsigned bits = 0; bits <= 64; bits++) {
        for (size_t k = 0; k < COUNTS; k++) {
            make_values(t, values, counts[k], bits);
            buf_clear(&out);
            assert_ok(t, cx_delta_encode_64(values, counts[k], &out, &t->err));
            assert_true(cx_delta_init(&d, buf_slice(&out)));
            assert_true(cx_delta_rest(&d, &rest));
            assert_int_equal(rest.len, 0);
            assert_integers(&d, values, counts[k]);
        }
    }
    buf_fini(&out);
}

/* Differences wrap at 32 bits, and so do sums: only the low 32 bits of what is decoded count. */
static void widths_of_32_bit_integers_are_at_most_32(void **state)
{
    struct t *t = *state;
    static int32_t values[VALUES];
    static int64_t back[VALUES];
    struct buf out;
    struct cx_delta d;
    buf_init(&out, &t->mem, BYTES_LIMIT);
    for (size_t i = 0; i < VALUES; i++)
        values[i] = i % 2 ? INT32_MAX : INT32_MIN;
    values[500] = 7;
    assert_ok(t, cx_delta_encode_32(values, VALUES, &out, &t->err));
    assert_true(cx_delta_init(&d, buf_slice(&out)));
    for (size_t i = 0; i < VALUES; i++) {
        assert_int_equal(cx_delta_next(&d, back, 1), 1);
        assert_int_equal((int32_t)back[0], values[i]);
        assert_true(d.width <= 32);
    }
    buf_fini(&out);
}

static void the_last_miniblock_is_padded(void **state)
{
    struct t *t = *state;
    static const int64_t values[] = {10, 11, 12, 14, 15};
    struct buf out;
    buf_init(&out, &t->mem, BYTES_LIMIT);
    assert_ok(t, cx_delta_encode_64(values, 5, &out, &t->err));
    assert_true(slice_equal(buf_slice(&out), slice_of("\x80\1\4\5\x14\2\1\0\0\0\4\0\0\0", 14)));
    buf_fini(&out);
}

/* Strings that share more or less with the one before, some of them empty. */
static void make_strings(struct t *t, uint8_t *data, int32_t *offsets, size_t n)
{
    size_t at = 0;
    size_t last = 0;
    for (size_t i = 0; i < n; i++) {
        offsets[i] = (int32_t)at;
        size_t shared = t_below(t, (at - last) + 1);
        size_t more = t_below(t, 4) ? t_below(t, 30) : 0;
        shared = shared + more > 60 ? 0 : shared;
        memmove(data + at, data + last, shared);
        last = at;
        at += shared;
        for (size_t k = 0; k < more; k++)
            data[at++] = (uint8_t)('a' + t_below(t, 2));
    }
    offsets[n] = (int32_t)at;
}

static void lengths_and_bytes_stand_apart(void **state)
{
    struct t *t = *state;
    static uint8_t data[TEXT_BYTES + CX_DELTA_OVERREAD];
    static int32_t offsets[VALUES + 1];
    static int64_t lengths[VALUES];
    struct buf out;
    struct cx_delta d;
    struct slice rest = {0};
    buf_init(&out, &t->mem, BYTES_LIMIT);
    for (size_t k = 0; k < COUNTS; k++) {
        size_t n = counts[k];
        make_strings(t, data, offsets, VALUES);
        size_t from = VALUES - n; /* not from the first one */
        buf_clear(&out);
        assert_ok(t, cx_delta_encode_lengths(data, offsets + from, n, &out, &t->err));
        for (size_t i = 0; i < n; i++)
            lengths[i] = offsets[from + i + 1] - offsets[from + i];
        assert_true(cx_delta_init(&d, buf_slice(&out)));
        assert_true(cx_delta_rest(&d, &rest));
        assert_integers(&d, lengths, n);
        assert_int_equal(rest.len, offsets[VALUES] - offsets[from]);
        if (rest.len)
            assert_memory_equal(rest.ptr, data + offsets[from], rest.len);
    }
    buf_fini(&out);
}

/* Put strings together from what DELTA_BYTE_ARRAY says of them, and compare. */
static void assert_strings(struct slice in, const uint8_t *data, const int32_t *offsets, size_t n)
{
    struct cx_delta prefixes;
    struct cx_delta lengths;
    struct slice rest = {0};
    uint8_t value[64];
    size_t last = 0;
    assert_true(cx_delta_init(&prefixes, in));
    assert_true(cx_delta_rest(&prefixes, &rest));
    assert_true(cx_delta_init(&lengths, rest));
    assert_true(cx_delta_rest(&lengths, &rest));
    for (size_t i = 0; i < n; i++) {
        int64_t prefix = 0;
        int64_t length = 0;
        assert_int_equal(cx_delta_next(&prefixes, &prefix, 1), 1);
        assert_int_equal(cx_delta_next(&lengths, &length, 1), 1);
        size_t len = (size_t)(offsets[i + 1] - offsets[i]);
        assert_true((size_t)prefix <= last && (size_t)(prefix + length) == len);
        memcpy(value + prefix, rest.ptr, (size_t)length);
        assert_memory_equal(value, data + offsets[i], len);
        if (length && (size_t)prefix < last && i) /* the prefix is as long as can be */
            assert_int_not_equal(data[offsets[i] + prefix], data[offsets[i - 1] + prefix]);
        rest = slice_after(rest, (size_t)length);
        last = len;
    }
    assert_int_equal(rest.len, 0);
}

static void strings_are_put_together_again(void **state)
{
    struct t *t = *state;
    static uint8_t data[TEXT_BYTES + CX_DELTA_OVERREAD];
    static int32_t offsets[VALUES + 1];
    struct buf out;
    struct buf scratch;
    buf_init(&out, &t->mem, BYTES_LIMIT);
    buf_init(&scratch, &t->mem, BYTES_LIMIT);
    for (size_t k = 0; k < COUNTS; k++) {
        make_strings(t, data, offsets, VALUES);
        const int32_t *from = offsets + VALUES - counts[k];
        buf_clear(&out);
        assert_ok(t, cx_delta_encode_strings(data, from, counts[k], &scratch, &out, &t->err));
        assert_strings(buf_slice(&out), data, from, counts[k]);
    }
    buf_fini(&scratch);
    buf_fini(&out);
}

static void values_of_one_width_are_strings_too(void **state)
{
    struct t *t = *state;
    static uint8_t data[TEXT_BYTES + CX_DELTA_OVERREAD];
    static int32_t offsets[VALUES + 1];
    struct buf out;
    struct buf scratch;
    buf_init(&out, &t->mem, BYTES_LIMIT);
    buf_init(&scratch, &t->mem, BYTES_LIMIT);
    for (size_t i = 0; i < TEXT_BYTES; i++)
        data[i] = (uint8_t)('a' + t_below(t, 2));
    for (size_t width = 1; width < 40; width += 6) {
        for (size_t i = 0; i <= VALUES; i++)
            offsets[i] = (int32_t)(i * width);
        for (size_t k = 0; k < COUNTS; k++) {
            buf_clear(&out);
            assert_ok(t, cx_delta_encode_fixed(data, width, counts[k], &scratch, &out, &t->err));
            assert_strings(buf_slice(&out), data, offsets, counts[k]);
        }
    }
    buf_fini(&scratch);
    buf_fini(&out);
}

static void encoding_survives_every_fault(void **state)
{
    struct t *t = *state;
    static uint8_t data[TEXT_BYTES + CX_DELTA_OVERREAD];
    static int32_t offsets[VALUES + 1];
    static int64_t values[VALUES];
    make_strings(t, data, offsets, VALUES);
    make_values(t, values, VALUES, 60);
    T_FAULT_LOOP(t) {
        struct buf out;
        struct buf scratch;
        buf_init(&out, &t->mem, BYTES_LIMIT);
        buf_init(&scratch, &t->mem, BYTES_LIMIT);
        slp_rc rc = cx_delta_encode_64(values, VALUES, &out, &t->err);
        if (rc == SLP_OK)
            rc = cx_delta_encode_strings(data, offsets, VALUES, &scratch, &out, &t->err);
        if (rc == SLP_OK)
            rc = cx_delta_encode_lengths(data, offsets, VALUES, &out, &t->err);
        assert_true(t->fault_hit ? rc != SLP_OK : rc == SLP_OK);
        buf_fini(&scratch);
        buf_fini(&out);
    }
}

static void more_than_the_buffer_may_hold_is_refused(void **state)
{
    struct t *t = *state;
    static int64_t values[VALUES];
    struct buf out;
    buf_init(&out, &t->mem, 100);
    make_values(t, values, VALUES, 60);
    assert_rc(t, cx_delta_encode_64(values, VALUES, &out, &t->err), SLP_LIMIT);
    buf_fini(&out);
}

T_MAIN(T_TEST(integers_of_every_width_come_back), T_TEST(widths_of_32_bit_integers_are_at_most_32),
       T_TEST(the_last_miniblock_is_padded), T_TEST(lengths_and_bytes_stand_apart),
       T_TEST(strings_are_put_together_again), T_TEST(values_of_one_width_are_strings_too),
       T_TEST(encoding_survives_every_fault), T_TEST(more_than_the_buffer_may_hold_is_refused))
