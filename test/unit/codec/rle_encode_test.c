#include "codec/rle_encode.h"

#include <stdlib.h>

#include "codec/bit_pack.h"
#include "lib/t.h"

#define COUNT_MAX 700u

/* A decoder of one bit at a time. Returns how many values the bytes hold, padding included. */
static size_t decode_plainly(struct slice in, unsigned width, uint32_t *out, size_t max)
{
    size_t at = 0;
    size_t n = 0;
    while (at < in.len) {
        uint64_t header = 0;
        for (unsigned shift = 0;; shift += 7) {
            header |= (uint64_t)(in.ptr[at] & 0x7f) << shift;
            if (in.ptr[at++] < 0x80)
                break;
        }
        if (header & 1) {
            size_t count = (size_t)(header >> 1) * 8;
            for (size_t i = 0; i < count; i++) {
                uint32_t v = 0;
                for (unsigned bit = 0; bit < width; bit++) {
                    size_t b = i * width + bit;
                    v |= (uint32_t)((in.ptr[at + b / 8] >> (b % 8)) & 1) << bit;
                }
                assert_true(n < max);
                out[n++] = v;
            }
            at += count * width / 8;
        } else {
            uint32_t v = 0;
            memcpy(&v, in.ptr + at, (width + 7) / 8);
            at += (width + 7) / 8;
            assert_true(header > 0);
            for (uint64_t i = 0; i < header >> 1; i++) {
                assert_true(n < max);
                out[n++] = v;
            }
        }
    }
    assert_int_equal(at, in.len);
    return n;
}

static void assert_encodes(struct t *t, const uint32_t *values, size_t count, unsigned width,
                           const char *bytes, size_t len)
{
    struct buf b;
    buf_init(&b, &t->mem, 10000);
    assert_ok(t, cx_rle_encode(values, count, width, &b, &t->err));
    assert_int_equal(b.len, len);
    assert_memory_equal(b.ptr, bytes, len);
    buf_fini(&b);
}

static void bytes_stand_as_the_format_says(void **state)
{
    struct t *t = *state;
    uint32_t v[100];
    for (uint32_t i = 0; i < 100; i++)
        v[i] = 300;
    assert_encodes(t, v, 100, 9, "\xc8\x01\x2c\x01", 4); /* one run */
    for (uint32_t i = 0; i < 8; i++)
        v[i] = i;
    assert_encodes(t, v, 8, 3, "\x03\x88\xc6\xfa", 4); /* one group */
    assert_encodes(t, v, 3, 3, "\x03\x88\x00\x00", 4); /* padded */
    for (uint32_t i = 8; i < 20; i++)
        v[i] = 5;
    assert_encodes(t, v, 20, 4, "\x03\x10\x32\x54\x76\x18\x05", 7); /* a group, then 12 fives */
}

static void short_runs_of_narrow_values_stay_literal(void **state)
{
    struct t *t = *state;
    uint32_t v[32] = {0};
    assert_encodes(t, v, 31, 1, "\x09\x00\x00\x00\x00", 5);
    assert_encodes(t, v, 32, 1, "\x40\x00", 2);
    assert_encodes(t, v, 16, 3, "\x20\x00", 2);
    assert_encodes(t, v, 15, 2, "\x05\x00\x00\x00\x00", 5);
}

static void random_runs_decode_to_the_same_values(void **state)
{
    struct t *t = *state;
    uint32_t values[COUNT_MAX];
    uint32_t got[COUNT_MAX + 8];
    for (unsigned round = 0; round < 1500; round++) {
        unsigned width = 1 + (unsigned)t_below(t, 32);
        size_t count = (size_t)t_below(t, COUNT_MAX);
        uint64_t longest = 1 + t_below(t, 60);
        for (size_t i = 0; i < count;) {
            uint32_t v = (uint32_t)t_random(t) >> (32 - width);
            for (uint64_t n = 1 + t_below(t, longest); n > 0 && i < count; n--)
                values[i++] = v;
        }
        struct buf b;
        buf_init(&b, &t->mem, 100000);
        assert_ok(t, cx_rle_encode(values, count, width, &b, &t->err));
        size_t n = decode_plainly(buf_slice(&b), width, got, COUNT_MAX + 8);
        assert_true(n >= count && n < count + 8);
        if (count)
            assert_memory_equal(got, values, count * sizeof *values);
        buf_fini(&b);
    }
}

static void bits_decode_to_the_same_bits_from_any_start(void **state)
{
    struct t *t = *state;
    uint8_t bits[COUNT_MAX / 8 + 2];
    uint32_t got[COUNT_MAX + 8];
    for (unsigned round = 0; round < 1500; round++) {
        uint64_t longest = 1 + t_below(t, 30);
        for (size_t i = 0; i < sizeof bits;) {
            uint8_t v = (uint8_t)(t_below(t, 3) == 0 ? 0 : t_below(t, 2) == 0 ? 0xff : t_random(t));
            for (uint64_t n = 1 + t_below(t, longest); n > 0 && i < sizeof bits; n--)
                bits[i++] = v;
        }
        size_t first = (size_t)t_below(t, 20);
        size_t count = (size_t)t_below(t, COUNT_MAX - 20);
        /* Bytes of its own, so that a read too far is found. */
        uint8_t *copy = malloc((first + count + 7) / 8 + 1);
        assert_non_null(copy);
        memcpy(copy, bits, (first + count + 7) / 8);
        struct buf b;
        buf_init(&b, &t->mem, 100000);
        assert_ok(t, cx_rle_encode_bits(copy, first, count, &b, &t->err));
        size_t n = decode_plainly(buf_slice(&b), 1, got, COUNT_MAX + 8);
        assert_true(n >= count && n < count + 8);
        for (size_t i = 0; i < count; i++)
            assert_int_equal(got[i], (bits[(first + i) / 8] >> ((first + i) % 8)) & 1);
        buf_fini(&b);
        free(copy);
    }
}

static void every_fault_is_out_of_memory(void **state)
{
    struct t *t = *state;
    uint32_t values[600];
    for (uint32_t i = 0; i < 600; i++)
        values[i] = i < 300 ? i : 7;
    T_FAULT_LOOP(t) {
        struct buf b;
        buf_init(&b, &t->mem, 10000);
        slp_rc rc = cx_rle_encode(values, 600, 10, &b, &t->err);
        if (rc == SLP_OK)
            rc = cx_rle_encode_bits((const uint8_t *)values, 3, 4000, &b, &t->err);
        assert_int_equal(rc, t->fault_hit ? SLP_NO_MEMORY : SLP_OK);
        buf_fini(&b);
    }
}

T_MAIN(T_TEST(bytes_stand_as_the_format_says), T_TEST(short_runs_of_narrow_values_stay_literal),
       T_TEST(random_runs_decode_to_the_same_values),
       T_TEST(bits_decode_to_the_same_bits_from_any_start), T_TEST(every_fault_is_out_of_memory))
