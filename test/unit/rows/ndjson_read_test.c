#include "rows/json_pull.h"
#include "unit/rows/sample.h"

struct good {
    const char *schema;
    const char *text;
    const char *rows;
};

static void objects_are_read_by_name(void **state)
{
    static const struct good cases[] = {
        {"a int64; b utf8", "{\"a\":1,\"b\":\"x\"}\n{\"b\":\"y\",\"a\":2}\n", "1|x\n2|y\n"},
        {"a int64; b utf8", " { \"a\" : 1 , \"b\" : \"x\" } \r\n\n \n{}", "1|x\n~|~\n"},
        {"a int64; b utf8", "\xef\xbb\xbf{\"a\":null,\"b\":\"\"}", "~|\n"},
        {"a int64; b utf8", "{\"x\":{\"y\":[1,{}]},\"a\":1,\"z\":[],\"b\":\"q\"}\n", "1|q\n"},
        {"a int64; b utf8", "{\"\\u0061\":1,\"b\":\"\\u20ac\\ud83d\\ude00\\n\\\"\"}\n",
         "1|\xe2\x82\xac\xf0\x9f\x98\x80\n\"\n"},
        {"a uint64; b utf8", "{\"a\":18446744073709551615}\n{\"a\":\"7\"}\n",
         "18446744073709551615|~\n7|~\n"},
        {"a double; b float", "{\"a\":\"NaN\",\"b\":\"-Infinity\"}\n{\"a\":-1.5e300,\"b\":0.1}\n",
         "NaN|-Infinity\n-1.5e300|0.1\n"},
        {"a bool; b bool", "{\"a\":true,\"b\":false}\n{\"a\":\"true\",\"b\":null}\n",
         "true|false\ntrue|~\n"},
        {"a decimal(20, 2); b binary", "{\"a\":123456789012345678.25,\"b\":\"AQI=\"}",
         "123456789012345678.25|AQI=\n"},
        {"a date; b timestamp[us]", "{\"a\":\"2001-01-31\",\"b\":\"2001-01-31T06:00:00\"}",
         "2001-01-31|2001-01-31T06:00:00\n"},
        {"a int64", "", ""},
    };
    struct t *t = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        sample_expect(t, ROWS_NDJSON, cases[i].schema, slice_str(cases[i].text), cases[i].rows);
}

static void a_nul_may_stand_in_a_text(void **state)
{
    struct t *t = *state;
    struct sample s;
    struct buf out;
    buf_init(&out, &t->mem, 100);
    assert_ok(t, sample_read(t, ROWS_NDJSON, slice_str("{\"a\":\"x\\u0000y\"}"),
                             sample_schema(&s, "a utf8"), 100, 1, &out));
    assert_memory_equal(out.ptr, "x\0y\n", 4);
    buf_fini(&out);
}

struct bad {
    const char *text;
    const char *part;
};

static void errors_name_line_and_column(void **state)
{
    static const struct bad cases[] = {
        {"{\"a\":1}\n{\"a\":1.5}", "line 2, column \"a\": \"1.5\""},
        {"{\"a\":\"x\"}", "line 1, column \"a\": \"x\" is no int64"},
        {"{\"a\":true}", "line 1, column \"a\": true, expected a value of int64"},
        {"{\"a\":{}}", "line 1, column \"a\": an object, expected a value of int64"},
        {"{\"a\":[1]}", "line 1, column \"a\": an array"},
        {"{\"a\":1,\"b\":2}", "line 1, column \"b\": a number, expected a value of"},
        {"{\"a\":1,\"b\":false}", "line 1, column \"b\": false"},
        {"{\"a\":1,\"a\":1}", "line 1, column \"a\": there twice"},
        {"{\"b\":\"x\"}", "line 1, column \"a\": missing, and may not be null"},
        {"{\"a\":null}", "line 1, column \"a\": null, and the column may not be"},
        {"[1]", "line 1: byte 1: an array, expected an object"},
        {"{\"a\":1", "line 1: byte 6: the end of the line, expected a comma or \"}\""},
        {"{\"a\":1}}", "line 1: byte 8: \"}\", expected the end of the line"},
        {"{\"a\":1,}", "expected the name of a member"},
        {"{\"a\" 1}", "a number, expected \":\""},
        {"{\"a\":}", "line 1, column \"a\": \"}\", expected a value"},
        {"{\"a\":01}", "column \"a\": byte 6: no number as JSON writes them"},
        {"{\"a\":-}", "no number as JSON writes them"},
        {"{\"a\":1.}", "no number as JSON writes them"},
        {"{\"a\":1e}", "no number as JSON writes them"},
        {"{\"a\":nul}", "no JSON"},
        {"{\"a\":NaN}", "no JSON"},
        {"{a:1}", "no JSON"},
        {"{\"a", "a text that is never closed"},
        {"{\"a\\", "a text that is never closed"},
        {"{\"a\\\"", "a text that is never closed"},
        {"{\"a\":1,\"b\":\"x\ty\"}", "a control character"},
        {"{\"a\":1,\"b\":\"\\x\"}", "an escape that JSON does not have"},
        {"{\"a\":1,\"b\":\"\\ud800\"}", "byte 13: no character"},
        {"{\"a\":1,\"b\":\"\\udc00\"}", "no character"},
        {"{\"a\":1,\"b\":\"\\ud800\\u0041\"}", "no character"},
        {"{\"a\":1,\"b\":\"\\u12\"}", "no character"},
        {"{\"a\":1,\"b\":\"\xff\"}", "line 1, column \"b\""},
        {"{\"a\":1,\"x\":[1}", "a comma or \"]\""},
        {"{\"a\":1,\"x\":{\"y\"}}", "expected \":\""},
        {"{\"a\":1,\"x\":[,]}", "expected a value"},
        {"{\"a\":1,\"x\":[1,]}", "expected a value"},
        {"{\"a\":1,\"x\":[}]}", "expected a value"},
    };
    struct t *t = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        sample_refuse(t, ROWS_NDJSON, "a int64!; b utf8", slice_str(cases[i].text), SLP_BAD_INPUT,
                      cases[i].part);
}

static void depth_is_bounded(void **state)
{
    struct t *t = *state;
    char text[400] = "{\"a\":1,\"x\":";
    size_t at = strlen(text);
    for (size_t i = 0; i < ROWS_JSON_DEPTH_MAX; i++)
        text[at++] = '[';
    for (size_t i = 0; i < ROWS_JSON_DEPTH_MAX; i++)
        text[at++] = ']';
    text[at] = '}';
    sample_expect(t, ROWS_NDJSON, "a int64", slice_str(text), "1\n");
    memmove(text + 13, text + 12, strlen(text + 12));
    text[12] = '[';
    sample_refuse(t, ROWS_NDJSON, "a int64", slice_str(text), SLP_LIMIT, "nested deeper than 64");
}

static void reading_survives_every_fault(void **state)
{
    struct t *t = *state;
    T_FAULT_LOOP(t) {
        struct sample s;
        struct buf out;
        buf_init(&out, alloc_system(), 1 << 20);
        slp_rc rc =
            sample_read(t, ROWS_NDJSON, slice_str("{\"a\":1,\"b\":\"\\u00e9\"}\n{\"a\":2}\n"),
                        sample_schema(&s, "a int64; b utf8"), 8, 1, &out);
        assert_true(t->fault_hit ? rc == SLP_NO_MEMORY : rc == SLP_OK);
        buf_fini(&out);
    }
}

T_MAIN(T_TEST(objects_are_read_by_name), T_TEST(a_nul_may_stand_in_a_text),
       T_TEST(errors_name_line_and_column), T_TEST(depth_is_bounded),
       T_TEST(reading_survives_every_fault))
