#include "rows/width.h"
#include "unit/rows/sample.h"

static const char rows[] =
    "{\"a\":1,\"name\":\"x\",\"long\":\"abcdefghijklmnopqrstuvwxyz\",\"d\":0.5}\n"
    "{\"a\":-20}\n"
    "{\"a\":300,\"name\":\"\\u65e5\\u672c\",\"long\":\"tab\\tline\\n\",\"d\":12}\n";

#define SCHEMA "a int64; name utf8; long utf8; d double"

static void write(struct t *t, const struct rows_output_options *options, const char *schema,
                  const char *text, struct buf *out)
{
    struct sample s;
    struct rows_text_in in;
    struct rows_text_reader *r = NULL;
    struct rows_output *o = NULL;
    struct buf_sink sink;
    struct arr_batch b = {0};
    struct rows_limits limits = {.rows = 400, .bytes = SIZE_MAX};
    const struct arr_schema *want = sample_schema(&s, schema);
    sink_buf_init(&sink, "memory", out);
    rows_text_in_memory(&in, &t->mem, "test", slice_str(text), 4096);
    assert_ok(t, rows_ndjson_open(&t->mem, &in, want, &r, &t->err));
    assert_ok(t, arr_batch_init(&b, &t->mem, want, &t->err));
    assert_ok(t, rows_output_new(&t->mem, &sink.base, want, options, &o, &t->err));
    do {
        arr_batch_clear(&b);
        assert_ok(t, r->ops->fill(r, &b, limits, &t->err));
        assert_ok(t, rows_output_batch(o, &b, &t->err));
    } while (b.rows);
    assert_ok(t, rows_output_finish(o, &t->err));
    rows_output_free(o);
    arr_batch_fini(&b);
    r->ops->close(r);
    rows_text_in_close(&in);
    assert_ok(t, buf_append_u8(out, 0, &t->err));
}

static void expect(struct t *t, const struct rows_output_options *options, const char *text,
                   const char *expected)
{
    struct buf out;
    buf_init(&out, &t->mem, 1 << 20);
    write(t, options, SCHEMA, text, &out);
    assert_string_equal((const char *)out.ptr, expected);
    buf_fini(&out);
}

static void columns_line_up_and_numbers_stand_right(void **state)
{
    struct rows_output_options o = {.format = ROWS_TABLE};
    expect(*state, &o, rows,
           "  a  name  long                          d\n"
           "  1  x     abcdefghijklmnopqrstuvwxyz  0.5\n"
           "-20\n"
           "300  \xe6\x97\xa5\xe6\x9c\xac  tab\\tline\\n                  12\n");
    expect(*state, &o, "", "a  name  long  d\n");
}

static void a_footer_counts_for_people(void **state)
{
    struct rows_output_options o = {.format = ROWS_TABLE, .human = true};
    expect(*state, &o, "{\"a\":1}\n", "a  name  long  d\n1\n1 row\n");
    expect(*state, &o, "", "a  name  long  d\n0 rows\n");
    o.table_rows = 1;
    expect(*state, &o, "{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n",
           "a  name  long  d\n1\n...\n3 rows, 1 shown\n");
    o.human = false;
    expect(*state, &o, "{\"a\":1}\n{\"a\":2}\n", "a  name  long  d\n1\n...\n");
}

static void wide_columns_are_cut_to_the_width(void **state)
{
    struct rows_output_options o = {.format = ROWS_TABLE, .width = 30};
    expect(*state, &o, rows,
           "  a  name  long              d\n"
           "  1  x     abcdefghijklm\xe2\x80\xa6  0.5\n"
           "-20\n"
           "300  \xe6\x97\xa5\xe6\x9c\xac  tab\\tline\\n      12\n");
    o.width = 12;
    expect(*state, &o, rows,
           "  a  name  \xe2\x80\xa6\n"
           "  1  x     \xe2\x80\xa6\n"
           "-20\n"
           "300  \xe6\x97\xa5\xe6\x9c\xac  \xe2\x80\xa6\n");
}

static void rows_behind_the_sample_stream(void **state)
{
    struct t *t = *state;
    struct buf text;
    struct buf out;
    struct rows_output_options o = {.format = ROWS_TABLE, .human = true};
    buf_init(&text, &t->mem, 1 << 20);
    buf_init(&out, &t->mem, 1 << 20);
    for (size_t i = 0; i < 1500; i++)
        assert_ok(t, buf_printf(&text, &t->err, "{\"a\":%d,\"b\":\"x\"}\n", i < 1000 ? 7 : 12345));
    assert_ok(t, buf_append_u8(&text, 0, &t->err));
    write(t, &o, "a int64; b utf8", (const char *)text.ptr, &out);
    assert_int_equal(strncmp((const char *)out.ptr, "a  b\n7  x\n7  x\n", 15), 0);
    assert_non_null(strstr((const char *)out.ptr, "7  x\n12345  x\n"));
    assert_non_null(strstr((const char *)out.ptr, "12345  x\n1500 rows\n"));
    buf_fini(&text);
    buf_fini(&out);
}

static void text_is_shown_by_its_columns(void **state)
{
    static const struct {
        const char *text;
        size_t max;
        const char *shown;
        size_t width;
    } cases[] = {
        {"abc", SIZE_MAX, "abc", 3},
        {"abc", 3, "abc", 3},
        {"abcd", 3, "ab\xe2\x80\xa6", 3},
        {"abc", 1, "\xe2\x80\xa6", 1},
        {"abc", 0, "", 0},
        {"", 0, "", 0},
        {"\xe6\x97\xa5\xe6\x9c\xac", 4, "\xe6\x97\xa5\xe6\x9c\xac", 4},
        {"\xe6\x97\xa5\xe6\x9c\xac", 3, "\xe6\x97\xa5\xe2\x80\xa6", 3},
        {"\xe6\x97\xa5\xe6\x9c\xac", 2, "\xe2\x80\xa6", 1},
        {"e\xcc\x81x", SIZE_MAX, "e\xcc\x81x", 2},
        {"\xf0\x9f\x98\x80", SIZE_MAX, "\xf0\x9f\x98\x80", 2},
        {"\xff\xc3", SIZE_MAX, "\\xff\\xc3", 8},
        {"\xed\xa0\x80", SIZE_MAX, "\\xed\\xa0\\x80", 12},
        {"\n\r\t\x1b[31m\x7f", SIZE_MAX, "\\n\\r\\t\\x1b[31m\\x7f", 18},
        {"\xc2\x85\xe2\x80\xae", SIZE_MAX, "\\u0085\\u202e", 12},
    };
    struct t *t = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf out;
        size_t width = 0;
        buf_init(&out, &t->mem, 1000);
        assert_ok(t, rows_show(&out, slice_str(cases[i].text), cases[i].max, &width, &t->err));
        assert_int_equal(width, cases[i].width);
        assert_ok(t, buf_append_u8(&out, 0, &t->err));
        assert_string_equal((const char *)out.ptr, cases[i].shown);
        buf_fini(&out);
    }
}

T_MAIN(T_TEST(columns_line_up_and_numbers_stand_right), T_TEST(a_footer_counts_for_people),
       T_TEST(wide_columns_are_cut_to_the_width), T_TEST(rows_behind_the_sample_stream),
       T_TEST(text_is_shown_by_its_columns))
