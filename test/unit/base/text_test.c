#include "base/text.h"

#include "lib/t.h"

static void distances_count_edits(void **state)
{
    (void)state;
    static const struct {
        const char *a;
        const char *b;
        size_t distance;
    } cases[] = {
        {"", "", 0},        {"abc", "", 3},    {"", "abc", 3},
        {"abc", "abc", 0},  {"ABC", "abc", 0}, {"acb", "abc", 1},
        {"abxc", "abc", 1}, {"ac", "abc", 1},  {"kitten", "sitting", 3},
        {"ca", "abc", 3},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(text_distance(slice_str(cases[i].a), slice_str(cases[i].b)),
                         cases[i].distance);
    char longer[100] = {0};
    assert_int_equal(text_distance(slice_of(longer, 65), slice_str("a")), SIZE_MAX);
    assert_true(text_is_near(slice_str("abc"), slice_str("abd"), 1));
    assert_false(text_is_near(slice_str("abc"), slice_str("xyz"), 3));
}

static void only_well_formed_text_is_utf8(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is_utf8;
    } cases[] = {
        {"", true},
        {"plain words of ASCII", true},
        {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", true},
        {"eight by\xc3\xa9tes", true},
        {"\xf4\x8f\xbf\xbf\xed\x9f\xbf\xee\x80\x80", true},
        {"\x80", false},
        {"\xc0\xaf", false},
        {"\xe0\x9f\xbf", false},
        {"\xed\xa0\x80", false},
        {"\xf0\x8f\xbf\xbf", false},
        {"\xf4\x90\x80\x80", false},
        {"\xf5\x80\x80\x80", false},
        {"12345678\xc3", false},
        {"\xe2\x82", false},
        {"\xe2\x82(", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(text_is_utf8(slice_str(cases[i].text)), cases[i].is_utf8);
}

static void ascii_is_what_has_no_high_bit_anywhere(void **state)
{
    (void)state;
    char text[40];
    assert_true(text_is_ascii(slice_of(NULL, 0)));
    for (size_t len = 1; len < sizeof text; len++)
        for (size_t at = 0; at < len; at++) {
            memset(text, 'x', sizeof text);
            assert_true(text_is_ascii(slice_of(text, len)));
            text[at] = (char)0x80;
            assert_false(text_is_ascii(slice_of(text, len)));
        }
}

static void hexadecimal_digits_have_values_and_nothing_else_has(void **state)
{
    (void)state;
    int found = 0;
    for (int c = 0; c < 256; c++)
        found += text_hex_digit((uint8_t)c) >= 0;
    assert_int_equal(found, 22);
    assert_int_equal(text_hex_digit('0'), 0);
    assert_int_equal(text_hex_digit('9'), 9);
    assert_int_equal(text_hex_digit('a'), 10);
    assert_int_equal(text_hex_digit('F'), 15);
}

static void quoted_text_has_its_quotes_doubled(void **state)
{
    struct t *t = *state;
    struct buf out;
    buf_init(&out, &t->mem, 100);
    assert_ok(t, text_append_quoted(&out, slice_of(NULL, 0), &t->err));
    assert_ok(t, text_append_quoted(&out, slice_str("a\"b\"\"c"), &t->err));
    assert_true(slice_is(buf_slice(&out), "\"\"\"a\"\"b\"\"\"\"c\""));
    buf_fini(&out);
}

T_MAIN(T_TEST(hexadecimal_digits_have_values_and_nothing_else_has),
       T_TEST(quoted_text_has_its_quotes_doubled), T_TEST(ascii_is_what_has_no_high_bit_anywhere),
       T_TEST(distances_count_edits), T_TEST(only_well_formed_text_is_utf8))
