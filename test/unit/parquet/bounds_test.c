#include "parquet/bounds.h"

#include <math.h>

#include "lib/t.h"

/* The bounds of one column made of strings. */
static void text_bounds(enum pq_order order, const char *const *texts, size_t count,
                        struct pq_bounds *out)
{
    static uint8_t data[4096];
    static int32_t offsets[64];
    size_t len = 0;
    for (size_t i = 0; i < count; i++) {
        memcpy(data + len, texts[i], strlen(texts[i]));
        len += strlen(texts[i]);
        offsets[i + 1] = (int32_t)len;
    }
    struct pq_values v = {PQ_BYTE_ARRAY, order, 0, data, offsets, count};
    pq_bounds_of(&v, 0, count, out);
}

static void number_bounds(enum pq_order order, const void *data, size_t width, size_t count,
                          struct pq_bounds *out)
{
    struct pq_values v = {PQ_INT64, order, width, data, NULL, count};
    pq_bounds_of(&v, 0, count, out);
}

static void assert_bounds(const struct pq_bounds *b, struct slice min, struct slice max)
{
    assert_int_equal(b->state, PQ_BOUNDS_KNOWN);
    assert_true(slice_equal(pq_bounds_min(b), min));
    assert_true(slice_equal(pq_bounds_max(b), max));
}

static void signs_decide_the_order_of_integers(void **state)
{
    (void)state;
    struct pq_bounds b;
    const int32_t i32[] = {5, -1, 7};
    number_bounds(PQ_ORDER_INT32, i32, 4, 3, &b);
    assert_bounds(&b, slice_of("\xff\xff\xff\xff", 4), slice_of("\7\0\0\0", 4));
    number_bounds(PQ_ORDER_UINT32, i32, 4, 3, &b);
    assert_bounds(&b, slice_of("\5\0\0\0", 4), slice_of("\xff\xff\xff\xff", 4));
    const int64_t i64[] = {INT64_MAX, INT64_MIN, 0};
    number_bounds(PQ_ORDER_INT64, i64, 8, 3, &b);
    assert_bounds(&b, slice_of(&i64[1], 8), slice_of(&i64[0], 8));
    number_bounds(PQ_ORDER_UINT64, i64, 8, 3, &b);
    assert_bounds(&b, slice_of(&i64[2], 8), slice_of(&i64[1], 8));
    number_bounds(PQ_ORDER_INT64, i64, 8, 0, &b);
    assert_int_equal(b.state, PQ_BOUNDS_EMPTY);
}

static void nan_is_counted_and_takes_no_part(void **state)
{
    (void)state;
    struct pq_bounds b;
    const double some[] = {(double)NAN, 2.5, -(double)NAN, -1.5};
    number_bounds(PQ_ORDER_DOUBLE, some, 8, 4, &b);
    assert_bounds(&b, slice_of(&some[3], 8), slice_of(&some[1], 8));
    assert_int_equal(b.nan_count, 2);
    const float all[] = {NAN, NAN};
    number_bounds(PQ_ORDER_FLOAT, all, 4, 2, &b);
    assert_int_equal(b.state, PQ_BOUNDS_EMPTY);
    assert_int_equal(b.nan_count, 2);
    const float infinite[] = {INFINITY, NAN};
    number_bounds(PQ_ORDER_FLOAT, infinite, 4, 2, &b);
    assert_bounds(&b, slice_of(&infinite[0], 4), slice_of(&infinite[0], 4));
}

static void zero_bounds_take_in_both_zeros(void **state)
{
    (void)state;
    struct pq_bounds b;
    const double plus = 0.0;
    const double minus = -0.0;
    number_bounds(PQ_ORDER_DOUBLE, &plus, 8, 1, &b);
    assert_bounds(&b, slice_of(&minus, 8), slice_of(&plus, 8));
    number_bounds(PQ_ORDER_DOUBLE, &minus, 8, 1, &b);
    assert_bounds(&b, slice_of(&minus, 8), slice_of(&plus, 8));
    const float f[] = {-0.0f, 0.0f};
    number_bounds(PQ_ORDER_FLOAT, &f[1], 4, 1, &b);
    assert_bounds(&b, slice_of(&f[0], 4), slice_of(&f[1], 4));
}

static void decimals_order_by_value(void **state)
{
    (void)state;
    struct pq_bounds b;
    struct pq_values v = {PQ_FIXED_LEN_BYTE_ARRAY,
                          PQ_ORDER_DECIMAL,
                          2,
                          (const uint8_t *)"\0\1\xff\xff\1\0\x80\0",
                          NULL,
                          4};
    pq_bounds_of(&v, 0, 4, &b);
    assert_bounds(&b, slice_of("\x80\0", 2), slice_of("\1\0", 2));
    v.order = PQ_ORDER_FIXED;
    pq_bounds_of(&v, 0, 4, &b);
    assert_bounds(&b, slice_of("\0\1", 2), slice_of("\xff\xff", 2));
}

static void booleans_need_no_loop(void **state)
{
    (void)state;
    struct pq_bounds b;
    const uint8_t bits[] = {0xf0};
    struct pq_values v = {PQ_BOOLEAN, PQ_ORDER_BOOL, 0, bits, NULL, 8};
    pq_bounds_of(&v, 0, 4, &b);
    assert_bounds(&b, slice_of("\0", 1), slice_of("\0", 1));
    pq_bounds_of(&v, 3, 2, &b);
    assert_bounds(&b, slice_of("\0", 1), slice_of("\1", 1));
    pq_bounds_of(&v, 4, 4, &b);
    assert_bounds(&b, slice_of("\1", 1), slice_of("\1", 1));
}

static void strings_order_by_bytes_and_length(void **state)
{
    (void)state;
    struct pq_bounds b;
    text_bounds(PQ_ORDER_UTF8, (const char *[]){"b", "abcdefghi", "abcdefgh", "\xc3\xa9"}, 4, &b);
    assert_bounds(&b, slice_str("abcdefgh"), slice_str("\xc3\xa9"));
    assert_true(b.min_exact && b.max_exact);
    text_bounds(PQ_ORDER_UTF8, (const char *[]){"abcdefghZ", "abcdefgha", "abcdefghA"}, 3, &b);
    assert_bounds(&b, slice_str("abcdefghA"), slice_str("abcdefgha"));
    text_bounds(PQ_ORDER_BYTES, (const char *[]){"x", ""}, 2, &b);
    assert_bounds(&b, slice_str(""), slice_str("x"));
}

static void repeat(char *out, const char *piece, size_t count, const char *end)
{
    out[0] = '\0';
    for (size_t i = 0; i < count; i++)
        strcat(out, piece); /* NOLINT: texts of this test */
    strcat(out, end);       /* NOLINT: texts of this test */
}

static void assert_cut(enum pq_order order, const char *text, const char *min, const char *max)
{
    struct pq_bounds b;
    text_bounds(order, &text, 1, &b);
    assert_bounds(&b, slice_str(min), slice_str(max));
    assert_false(b.min_exact);
    assert_false(b.max_exact);
}

static void long_strings_are_cut_between_characters(void **state)
{
    (void)state;
    char text[400];
    char min[400];
    char max[400];
    repeat(text, "a", 65, "");
    repeat(min, "a", 64, "");
    repeat(max, "a", 63, "b");
    assert_cut(PQ_ORDER_UTF8, text, min, max);
    /* 63 bytes, then a character of two: it would be cut. */
    repeat(text, "a", 63, "\xc3\xa9");
    repeat(min, "a", 63, "");
    repeat(max, "a", 62, "b");
    assert_cut(PQ_ORDER_UTF8, text, min, max);
    /* Bytes are cut anywhere, and 0xff is dropped. */
    repeat(text, "a", 62, "\xff\xff\xff");
    repeat(min, "a", 62, "\xff\xff");
    repeat(max, "a", 61, "b");
    assert_cut(PQ_ORDER_BYTES, text, min, max);
}

static void the_last_character_grows_past_the_gaps(void **state)
{
    (void)state;
    char text[400];
    char min[400];
    char max[400];
    repeat(text, "a", 61, "\xed\x9f\xbfzz"); /* U+D7FF, before the surrogates */
    repeat(min, "a", 61, "\xed\x9f\xbf");
    repeat(max, "a", 61, "\xee\x80\x80");
    assert_cut(PQ_ORDER_UTF8, text, min, max);
    repeat(text, "a", 63, "\x7fz"); /* one byte becomes two */
    repeat(min, "a", 63, "\x7f");
    repeat(max, "a", 63, "\xc2\x80");
    assert_cut(PQ_ORDER_UTF8, text, min, max);
    repeat(text, "a", 60, "\xf4\x8f\xbf\xbfz"); /* U+10FFFF has none above it */
    repeat(min, "a", 60, "\xf4\x8f\xbf\xbf");
    repeat(max, "a", 59, "b");
    assert_cut(PQ_ORDER_UTF8, text, min, max);
    repeat(text, "a", 62, "\x80\x80z"); /* not UTF-8: bytes */
    repeat(min, "a", 62, "\x80\x80");
    repeat(max, "a", 62, "\x80\x81");
    assert_cut(PQ_ORDER_UTF8, text, min, max);
}

static void what_has_nothing_above_it_has_no_bounds(void **state)
{
    (void)state;
    char text[400];
    struct pq_bounds b;
    const char *texts[] = {"a", text};
    repeat(text, "\xff", 65, "");
    text_bounds(PQ_ORDER_BYTES, texts, 2, &b);
    assert_int_equal(b.state, PQ_BOUNDS_UNKNOWN);
    repeat(text, "\xf4\x8f\xbf\xbf", 17, "");
    text_bounds(PQ_ORDER_UTF8, texts, 2, &b);
    assert_int_equal(b.state, PQ_BOUNDS_UNKNOWN);
    repeat(text, "\xff", 64, "");
    text_bounds(PQ_ORDER_BYTES, texts, 2, &b);
    assert_bounds(&b, slice_str("a"), slice_str(text));
}

static void random_bounds_hold_for_every_string(void **state)
{
    struct t *t = *state;
    for (int round = 0; round < 3000; round++) {
        static uint8_t data[8 * 80 + PQ_VALUES_OVERREAD];
        int32_t offsets[9] = {0};
        size_t count = 1 + (size_t)t_below(t, 8);
        int32_t len = 0;
        for (size_t i = 0; i < count; i++) {
            int32_t n = (int32_t)t_below(t, 80);
            for (int32_t k = 0; k < n; k++)
                data[len++] = (uint8_t)(t_below(t, 30) ? 0xbe + t_below(t, 66) : t_random(t));
            offsets[i + 1] = len;
        }
        struct pq_values v = {
            PQ_BYTE_ARRAY, round % 2 ? PQ_ORDER_UTF8 : PQ_ORDER_BYTES, 0, data, offsets, count};
        struct pq_bounds b;
        pq_bounds_of(&v, 0, count, &b);
        for (size_t i = 0; i < count && b.state == PQ_BOUNDS_KNOWN; i++) {
            struct slice s =
                slice_of(data + offsets[i], (size_t)offsets[i + 1] - (size_t)offsets[i]);
            assert_true(slice_compare(pq_bounds_min(&b), s) <= 0);
            assert_true(slice_compare(pq_bounds_max(&b), s) >= 0);
        }
    }
}

static struct slice text_at(const struct pq_values *v, size_t i)
{
    return slice_of(v->data + v->offsets[i], (size_t)(v->offsets[i + 1] - v->offsets[i]));
}

/* Strings of which some begin alike, some are sorted either way, some are short; more of them than
 * are looked at together. */
static void make_strings(struct t *t, int round, uint8_t *data, int32_t *offsets, size_t count)
{
    size_t shared = (size_t)t_below(t, 20);
    for (size_t i = 0; i < count; i++) {
        uint8_t *at = data + offsets[i];
        size_t len = round % 3 ? (size_t)t_below(t, 24) : 10;
        for (size_t k = 0; k < len; k++)
            at[k] = (uint8_t)(k < shared ? 'a' : round % 2 ? t_below(t, 3) : t_random(t));
        if (round % 5 == 0 && len > 0)
            at[0] = (uint8_t)(round % 10 ? i / 2 : 255 - i / 2);
        offsets[i + 1] = offsets[i] + (int32_t)len;
    }
}

static void bounds_are_the_least_and_the_greatest_string(void **state)
{
    struct t *t = *state;
    static uint8_t data[300 * 24 + PQ_VALUES_OVERREAD];
    static int32_t offsets[301];
    for (int round = 0; round < 400; round++) {
        size_t count = 1 + (size_t)t_below(t, 300);
        struct pq_values v = {PQ_BYTE_ARRAY, PQ_ORDER_BYTES, 0, data, offsets, count};
        struct pq_bounds b;
        make_strings(t, round, data, offsets, count);
        size_t from = (size_t)t_below(t, count);
        size_t least = from;
        size_t greatest = from;
        for (size_t i = from; i < count; i++) {
            if (slice_compare(text_at(&v, i), text_at(&v, least)) < 0)
                least = i;
            if (slice_compare(text_at(&v, i), text_at(&v, greatest)) > 0)
                greatest = i;
        }
        pq_bounds_of(&v, from, count - from, &b);
        assert_bounds(&b, text_at(&v, least), text_at(&v, greatest));
    }
}

static void parts_add_up(void **state)
{
    (void)state;
    struct pq_bounds whole = {0};
    struct pq_bounds part;
    const double first[] = {3, (double)NAN};
    const double second[] = {(double)NAN};
    const double third[] = {-3, 2};
    number_bounds(PQ_ORDER_DOUBLE, second, 8, 1, &part);
    pq_bounds_add(PQ_ORDER_DOUBLE, &whole, &part);
    assert_int_equal(whole.state, PQ_BOUNDS_EMPTY);
    number_bounds(PQ_ORDER_DOUBLE, first, 8, 2, &part);
    pq_bounds_add(PQ_ORDER_DOUBLE, &whole, &part);
    number_bounds(PQ_ORDER_DOUBLE, third, 8, 2, &part);
    pq_bounds_add(PQ_ORDER_DOUBLE, &whole, &part);
    assert_bounds(&whole, slice_of(&third[0], 8), slice_of(&first[0], 8));
    assert_int_equal(whole.nan_count, 2);
    part.state = PQ_BOUNDS_UNKNOWN;
    pq_bounds_add(PQ_ORDER_DOUBLE, &whole, &part);
    number_bounds(PQ_ORDER_DOUBLE, third, 8, 2, &part);
    pq_bounds_add(PQ_ORDER_DOUBLE, &whole, &part);
    assert_int_equal(whole.state, PQ_BOUNDS_UNKNOWN);
}

static void a_value_makes_an_equal_bound_exact(void **state)
{
    (void)state;
    char text[400];
    char prefix[400];
    struct pq_bounds whole = {0};
    struct pq_bounds part;
    const char *texts[] = {text};
    repeat(text, "a", 70, "");
    repeat(prefix, "a", 64, "");
    text_bounds(PQ_ORDER_UTF8, texts, 1, &whole);
    texts[0] = prefix;
    text_bounds(PQ_ORDER_UTF8, texts, 1, &part);
    pq_bounds_add(PQ_ORDER_UTF8, &whole, &part);
    assert_true(whole.min_exact);
    assert_false(whole.max_exact);
}

T_MAIN(T_TEST(signs_decide_the_order_of_integers), T_TEST(nan_is_counted_and_takes_no_part),
       T_TEST(zero_bounds_take_in_both_zeros), T_TEST(decimals_order_by_value),
       T_TEST(booleans_need_no_loop), T_TEST(strings_order_by_bytes_and_length),
       T_TEST(long_strings_are_cut_between_characters),
       T_TEST(the_last_character_grows_past_the_gaps),
       T_TEST(what_has_nothing_above_it_has_no_bounds), T_TEST(random_bounds_hold_for_every_string),
       T_TEST(bounds_are_the_least_and_the_greatest_string), T_TEST(parts_add_up),
       T_TEST(a_value_makes_an_equal_bound_exact))
