#include "codec/values.h"

#include <stdlib.h>

#include "base/num.h"
#include "lib/t.h"

#define ROWS 300

static void fill(struct t *t, uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        bytes[i] = (uint8_t)t_random(t);
}

static void integers_keep_their_low_bytes_and_their_sign(void **state)
{
    (void)state;
    static const int32_t narrow[] = {0, -1, 127, -128, 300, INT32_MIN, INT32_MAX};
    static const int64_t wide[] = {0, -1, INT64_MIN, INT64_MAX, 1234567890123};
    size_t n = sizeof narrow / sizeof *narrow;
    int8_t i8[7];
    int16_t i16[7];
    i128 big[7];
    cx_narrow_32_to_8((uint8_t *)i8, (const uint8_t *)narrow, n);
    cx_narrow_32_to_16((uint8_t *)i16, (const uint8_t *)narrow, n);
    cx_widen_32_to_128((uint8_t *)big, (const uint8_t *)narrow, n);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(i8[i], (int8_t)narrow[i]);
        assert_int_equal(i16[i], (int16_t)narrow[i]);
        assert_true(big[i] == narrow[i]);
    }
    int32_t i32[5];
    cx_widen_64_to_128((uint8_t *)big, (const uint8_t *)wide, 5);
    cx_narrow_64_to_32((uint8_t *)i32, (const uint8_t *)wide, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_true(big[i] == wide[i]);
        assert_int_equal(i32[i], (int32_t)wide[i]);
    }
}

static void decimals_of_any_length_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t n;
        bool fits;
        int64_t value;
    } cases[] = {
        {"", 0, true, 0},
        {"\x7f", 1, true, 127},
        {"\x80", 1, true, -128},
        {"\x01\x00", 2, true, 256},
        {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfe", 18, true, -2},
        {"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x09", 18, true, 9},
        {"\0\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 17, false, 0},
        {"\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 17, false, 0},
        {"\xff\x7f\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 17, false, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        i128 v = 0;
        bool fits = cx_decimal_be((uint8_t *)&v, slice_of(cases[i].bytes, cases[i].n));
        assert_int_equal(fits, cases[i].fits);
        if (fits)
            assert_true(v == cases[i].value);
    }
}

static void int96_counts_from_the_julian_day_of_1970(void **state)
{
    (void)state;
    uint8_t in[3 * 12] = {0};
    int64_t out[3];
    num_store_u64le(in, 5);
    num_store_u32le(in + 8, 2440588);
    num_store_u64le(in + 12, 86400000000000 - 1);
    num_store_u32le(in + 20, 2440587);
    num_store_u32le(in + 32, 2440588 + 106752); /* a day later than 64 bits hold */
    assert_int_equal(cx_int96_to_units((uint8_t *)out, in, 1, 3), 2);
    assert_int_equal(out[0], 5);
    assert_int_equal(out[1], -1);
    num_store_u32le(in + 32, 2440588 - 106751);
    assert_int_equal(cx_int96_to_units((uint8_t *)out, in, 1, 3), 3);
    assert_true(out[2] == INT64_C(-106751) * 86400000000000);
    num_store_u32le(in + 32, 2440588 + 1000000);
    assert_int_equal(cx_int96_to_units((uint8_t *)out, in, 1000, 3), 3);
    assert_int_equal(out[0], 0);
    assert_int_equal(out[1], -1);
    assert_true(out[2] == INT64_C(1000000) * 86400000000);
    num_store_u32le(in + 32, INT32_MAX);
    assert_int_equal(cx_int96_to_units((uint8_t *)out, in, 1000, 3), 2);
    assert_int_equal(cx_int96_to_units((uint8_t *)out, in, 1000000, 3), 3);
    assert_true(out[2] == INT64_C(2145043059) * 86400000);
}

static void wide_decimals_fill_256_bits(void **state)
{
    (void)state;
    uint8_t in[34];
    uint8_t out[32];
    memset(in, 0xff, sizeof in);
    in[33] = 0xfe;
    assert_true(cx_decimal_be_256(out, slice_of(in, 34)));
    assert_int_equal(out[0], 0xfe);
    assert_int_equal(out[31], 0xff);
    assert_true(cx_decimal_be_256(out, slice_of(in + 33, 1)));
    assert_int_equal(out[31], 0xff);
    in[1] = 0x7f;
    assert_false(cx_decimal_be_256(out, slice_of(in, 34)));
    assert_false(cx_decimal_be_256(out, slice_of(in + 1, 33)));
    assert_true(cx_decimal_be_256(out, slice_of(in, 0)));
    assert_int_equal(out[0] | out[31], 0);
}

static void intervals_have_nanoseconds(void **state)
{
    (void)state;
    uint8_t in[24] = {0};
    uint8_t out[32];
    num_store_u32le(in, 14);
    num_store_u32le(in + 4, 3);
    num_store_u32le(in + 8, UINT32_MAX);
    num_store_u32le(in + 16, UINT32_C(1) << 31);
    assert_int_equal(cx_intervals(out, in, 2), 1);
    assert_int_equal(num_load_u32le(out), 14);
    assert_int_equal(num_load_u32le(out + 4), 3);
    assert_int_equal(num_load_u64le(out + 8), UINT64_C(4294967295000000));
}

static void gathers_pick_values_of_every_width(void **state)
{
    struct t *t = *state;
    static const size_t widths[] = {1, 2, 3, 4, 5, 8, 12, 16, 20};
    uint8_t dict[50 * 20];
    uint8_t out[ROWS * 20];
    uint32_t indices[ROWS];
    fill(t, dict, sizeof dict);
    for (size_t i = 0; i < ROWS; i++)
        indices[i] = (uint32_t)t_below(t, 50);
    indices[7] = 49;
    assert_int_equal(cx_max_u32(indices, ROWS), 49);
    assert_int_equal(cx_max_u32(indices, 0), 0);
    for (size_t w = 0; w < sizeof widths / sizeof *widths; w++) {
        cx_gather(out, dict, widths[w], indices, ROWS);
        for (size_t i = 0; i < ROWS; i++)
            assert_memory_equal(out + i * widths[w], dict + indices[i] * widths[w], widths[w]);
    }
}

static void gathered_strings_stand_one_behind_another(void **state)
{
    struct t *t = *state;
    uint8_t dict[1000 + CX_COPY_SLACK];
    int32_t offsets[31] = {0};
    int32_t ends[ROWS];
    uint32_t indices[ROWS];
    static uint8_t out[ROWS * 60 + CX_COPY_SLACK];
    fill(t, dict, sizeof dict);
    for (size_t i = 0; i < 30; i++)
        offsets[i + 1] = offsets[i] + (int32_t)t_below(t, i % 3 ? 5 : 60);
    assert_true(offsets[30] <= 1000);
    for (size_t i = 0; i < ROWS; i++)
        indices[i] = (uint32_t)t_below(t, 30);
    uint64_t end = cx_gather_ends(ends, 10, offsets, indices, ROWS);
    cx_gather_strings(out, dict, offsets, indices, ROWS);
    size_t at = 0;
    for (size_t i = 0; i < ROWS; i++) {
        int32_t from = offsets[indices[i]];
        size_t len = (size_t)(offsets[indices[i] + 1] - from);
        if (len)
            assert_memory_equal(out + at, dict + from, len);
        at += len;
        assert_int_equal(ends[i], (int32_t)at + 10);
    }
    assert_int_equal(end, at + 10);
}

/* Against the loop without vectors; suffixes have an allocation of their own size, so that a read
 * beyond them is seen. */
static void prefixes_are_joined_as_without_vectors(void **state)
{
    struct t *t = *state;
    static uint8_t out[2][ROWS * 80 + CX_JOIN_SLACK];
    uint8_t before[40 + CX_JOIN_SLACK];
    int64_t prefixes[ROWS];
    int64_t suffixes[ROWS];
    int32_t ends[2][ROWS];
    for (size_t round = 0; round < 200; round++) {
        size_t n = t_below(t, ROWS) + 1;
        size_t longest = round % 4 == 0 ? 80 : round % 4 == 1 ? 33 : 20;
        size_t last = t_below(t, 41);
        size_t total = 0;
        size_t bytes = 0;
        fill(t, before, sizeof before);
        for (size_t i = 0; i < n; i++) {
            size_t len = t_below(t, t_below(t, 50) ? num_min_size(longest, 33) : longest);
            size_t prefix = t_below(t, num_min_size(len, last) + 1);
            prefixes[i] = (int64_t)prefix;
            suffixes[i] = (int64_t)(len - prefix);
            last = len;
            total += len;
            bytes += len - prefix;
        }
        uint8_t *in = malloc(bytes ? bytes : 1);
        assert_non_null(in);
        fill(t, in, bytes);
        struct slice suffix = slice_of(in, bytes);
        assert_int_equal(
            cx_join_prefixes(out[0], ends[0], 7, before, suffix, prefixes, suffixes, n), bytes);
        assert_int_equal(
            cx_join_prefixes_plain(out[1], ends[1], 7, before, suffix, prefixes, suffixes, n),
            bytes);
        assert_int_equal(ends[0][n - 1], (int32_t)total + 7);
        assert_memory_equal(ends[0], ends[1], n * sizeof *ends[0]);
        assert_memory_equal(out[0], out[1], total);
        free(in);
    }
}

/* The input has an allocation of its own size, so that a read beyond it is seen. */
static void plain_strings_are_copied_without_their_lengths(void **state)
{
    struct t *t = *state;
    static uint8_t text[ROWS * 44];
    static uint8_t out[ROWS * 40 + CX_COPY_SLACK];
    static uint8_t want[ROWS * 40];
    int32_t ends[ROWS];
    size_t bytes = 0;
    size_t total = 0;
    for (size_t i = 0; i < ROWS; i++) {
        uint32_t len = (uint32_t)t_below(t, 40);
        num_store_u32le(text + bytes, len);
        fill(t, text + bytes + 4, len);
        memcpy(want + total, text + bytes + 4, len);
        bytes += 4 + len;
        total += len;
    }
    uint8_t *in = malloc(bytes);
    assert_non_null(in);
    memcpy(in, text, bytes);
    uint64_t end = 0;
    size_t used = 0;
    assert_int_equal(cx_plain_ends(ends, 3, slice_of(in, bytes), ROWS, &end, &used), ROWS);
    assert_int_equal(used, bytes);
    assert_int_equal(end, total + 3);
    assert_int_equal(ends[ROWS - 1], (int32_t)total + 3);
    cx_plain_strings(out, slice_of(in, bytes), ROWS);
    assert_memory_equal(out, want, total);
    /* More than there are, and a cut one: the whole ones count. */
    assert_int_equal(cx_plain_ends(ends, 0, slice_of(in, bytes), ROWS + 1, &end, &used), ROWS);
    assert_int_equal(cx_plain_ends(ends, 0, slice_of(in, 3), ROWS, &end, &used), 0);
    num_store_u32le(in, UINT32_MAX);
    assert_int_equal(cx_plain_ends(ends, 0, slice_of(in, bytes), ROWS, &end, &used), 0);
    assert_int_equal(used, 0);
    free(in);
}

/* Random bits, and how many are set. */
static size_t random_bits(struct t *t, uint8_t *bits, size_t rows)
{
    size_t present = 0;
    memset(bits, 0, (rows + 7) / 8);
    for (size_t i = 0; i < rows; i++) {
        if (t_below(t, 3)) {
            bits[i / 8] |= (uint8_t)(1 << i % 8);
            present++;
        }
    }
    return present;
}

static bool bit(const uint8_t *bits, size_t i)
{
    return bits[i / 8] >> i % 8 & 1;
}

static void spread_values_lie_at_their_rows(void **state)
{
    struct t *t = *state;
    static const size_t widths[] = {1, 2, 3, 4, 8, 12, 16, 20};
    static _Alignas(16) uint8_t values[ROWS * 20];
    static uint8_t dense[ROWS * 20];
    static const uint8_t zero[20];
    uint8_t bits[(ROWS + 7) / 8];
    for (size_t w = 0; w < sizeof widths / sizeof *widths; w++) {
        for (size_t rows = 0; rows <= ROWS; rows += 1 + rows / 3) {
            size_t width = widths[w];
            size_t present = random_bits(t, bits, rows);
            fill(t, values, sizeof values);
            memcpy(dense, values, sizeof dense);
            cx_spread(values, width, bits, rows, present);
            size_t at = 0;
            for (size_t i = 0; i < rows; i++) {
                const uint8_t *want = bit(bits, i) ? dense + width * at++ : zero;
                assert_memory_equal(values + i * width, want, width);
            }
            assert_memory_equal(values + rows * width, dense + rows * width,
                                sizeof values - rows * width);
        }
    }
}

static void spread_ends_repeat_at_nulls(void **state)
{
    struct t *t = *state;
    uint8_t bits[(ROWS + 7) / 8];
    int32_t ends[ROWS];
    int32_t dense[ROWS];
    for (size_t rows = 0; rows <= ROWS; rows += 1 + rows / 3) {
        size_t present = random_bits(t, bits, rows);
        for (size_t i = 0; i < ROWS; i++)
            ends[i] = 100 + (int32_t)i * 3;
        memcpy(dense, ends, sizeof dense);
        cx_spread_ends(ends, 90, bits, rows, present);
        int32_t last = 90;
        size_t at = 0;
        for (size_t i = 0; i < rows; i++) {
            last = bit(bits, i) ? dense[at++] : last;
            assert_int_equal(ends[i], last);
        }
    }
}

static void spread_bits_lie_at_their_rows(void **state)
{
    struct t *t = *state;
    uint8_t bits[(ROWS + 7) / 8];
    uint8_t dense[(ROWS + 7) / 8];
    for (size_t round = 0; round < 50; round++) {
        uint8_t out[(ROWS + 7) / 8] = {0};
        fill(t, dense, sizeof dense);
        (void)random_bits(t, bits, ROWS);
        cx_spread_bits(out, dense, bits, ROWS);
        size_t at = 0;
        for (size_t i = 0; i < ROWS; i++)
            assert_int_equal(bit(out, i), bit(bits, i) && bit(dense, at++));
    }
}

static void streams_are_joined(void **state)
{
    (void)state;
    static const uint8_t in[] = "ABCDEabcde12345";
    uint8_t out[9];
    cx_join_streams(out, in, 3, 5, 1, 3);
    assert_memory_equal(out, "Bb2Cc3Dd4", 9);
}

T_MAIN(T_TEST(integers_keep_their_low_bytes_and_their_sign),
       T_TEST(decimals_of_any_length_are_read), T_TEST(int96_counts_from_the_julian_day_of_1970),
       T_TEST(wide_decimals_fill_256_bits), T_TEST(intervals_have_nanoseconds),
       T_TEST(gathers_pick_values_of_every_width),
       T_TEST(gathered_strings_stand_one_behind_another),
       T_TEST(prefixes_are_joined_as_without_vectors),
       T_TEST(plain_strings_are_copied_without_their_lengths),
       T_TEST(spread_values_lie_at_their_rows), T_TEST(spread_ends_repeat_at_nulls),
       T_TEST(spread_bits_lie_at_their_rows), T_TEST(streams_are_joined))
