#include "unit/rows/sample.h"

/* Rows of "a int64; b utf8; c double; d bool; e binary; f timestamp[us, UTC]" from NDJSON, since it
 * can say all of them. */
#define SCHEMA "a int64; b utf8; c double; d bool; e binary; f timestamp[us, UTC]"

static const char rows[] =
    "{\"a\":1,\"b\":\"x\",\"c\":0.5,\"d\":true,\"e\":\"AQI=\","
    "\"f\":\"2001-01-31T06:00:00Z\"}\n"
    "{}\n"
    "{\"a\":-9223372036854775808,\"b\":\"\",\"c\":\"NaN\",\"d\":false,\"e\":\"\"}\n"
    "{\"b\":\"a,\\\"b\\\"\\n|\\t\\u0001\",\"c\":\"-Infinity\"}\n";

static void fill(struct t *t, const struct arr_schema *schema, const char *text,
                 struct arr_batch *b)
{
    struct rows_text_in in;
    struct rows_text_reader *r = NULL;
    struct rows_limits limits = {.rows = INT64_MAX, .bytes = SIZE_MAX};
    rows_text_in_memory(&in, alloc_system(), "test", slice_str(text), 4096);
    assert_ok(t, rows_ndjson_open(alloc_system(), &in, schema, &r, &t->err));
    assert_ok(t, arr_batch_init(b, alloc_system(), schema, &t->err));
    assert_ok(t, r->ops->fill(r, b, limits, &t->err));
    r->ops->close(r);
    rows_text_in_close(&in);
}

static slp_rc write(struct t *t, const struct rows_output_options *options,
                    const struct arr_batch *b, struct buf *out)
{
    struct buf_sink sink;
    struct rows_output *o = NULL;
    sink_buf_init(&sink, "memory", out);
    slp_rc rc = rows_output_new(&t->mem, &sink.base, b->schema, options, &o, &t->err);
    if (rc == SLP_OK)
        rc = rows_output_batch(o, b, &t->err);
    if (rc == SLP_OK)
        rc = rows_output_finish(o, &t->err);
    rows_output_free(o);
    return rc;
}

static void expect(struct t *t, const struct rows_output_options *options, const char *text,
                   const char *expected)
{
    struct sample s;
    struct arr_batch b = {0};
    struct buf out;
    buf_init(&out, alloc_system(), 1 << 20);
    fill(t, sample_schema(&s, SCHEMA), text, &b);
    assert_ok(t, write(t, options, &b, &out));
    assert_int_equal(buf_append_u8(&out, 0, NULL), SLP_OK);
    assert_string_equal((const char *)out.ptr, expected);
    buf_fini(&out);
    arr_batch_fini(&b);
}

static void csv_tells_null_from_empty_text(void **state)
{
    struct rows_output_options o = {.format = ROWS_CSV};
    expect(*state, &o, rows,
           "a,b,c,d,e,f\n"
           "1,x,0.5,true,AQI=,2001-01-31T06:00:00Z\n"
           ",,,,,\n"
           "-9223372036854775808,\"\",NaN,false,\"\",\n"
           ",\"a,\"\"b\"\"\n|\t\x01\",-Infinity,,,\n");
    expect(*state, &o, "", "a,b,c,d,e,f\n");
}

static void a_header_may_be_left_out(void **state)
{
    struct rows_output_options o = {.format = ROWS_CSV, .no_header = true};
    expect(*state, &o, "{\"a\":1}\n", "1,,,,,\n");
    expect(*state, &o, "", "");
}

static void tsv_is_csv_with_tabs(void **state)
{
    struct rows_output_options o = {.format = ROWS_TSV};
    expect(*state, &o, rows,
           "a\tb\tc\td\te\tf\n"
           "1\tx\t0.5\ttrue\tAQI=\t2001-01-31T06:00:00Z\n"
           "\t\t\t\t\t\n"
           "-9223372036854775808\t\"\"\tNaN\tfalse\t\"\"\t\n"
           "\t\"a,\"\"b\"\"\n|\t\x01\"\t-Infinity\t\t\t\n");
}

static void ndjson_is_an_object_a_line(void **state)
{
    struct rows_output_options o = {.format = ROWS_NDJSON};
    expect(
        *state, &o, rows,
        "{\"a\":1,\"b\":\"x\",\"c\":0.5,\"d\":true,\"e\":\"AQI=\",\"f\":\"2001-01-31T06:00:00Z\"}\n"
        "{\"a\":null,\"b\":null,\"c\":null,\"d\":null,\"e\":null,\"f\":null}\n"
        "{\"a\":-9223372036854775808,\"b\":\"\",\"c\":\"NaN\",\"d\":false,\"e\":\"\",\"f\":null}\n"
        "{\"a\":null,\"b\":\"a,\\\"b\\\"\\n|\\t\\u0001\",\"c\":\"-Infinity\",\"d\":null,\"e\":null,"
        "\"f\":null}\n");
    expect(*state, &o, "", "");
}

static void json_is_one_array(void **state)
{
    struct rows_output_options o = {.format = ROWS_JSON};
    expect(*state, &o, "{\"a\":1}\n{\"a\":2}\n",
           "[\n{\"a\":1,\"b\":null,\"c\":null,\"d\":null,\"e\":null,\"f\":null},\n"
           "{\"a\":2,\"b\":null,\"c\":null,\"d\":null,\"e\":null,\"f\":null}\n]\n");
    expect(*state, &o, "", "[]\n");
}

static void markdown_keeps_a_row_on_its_line(void **state)
{
    struct rows_output_options o = {.format = ROWS_MARKDOWN};
    expect(*state, &o, rows,
           "| a | b | c | d | e | f |\n"
           "| ---: | --- | ---: | --- | --- | --- |\n"
           "| 1 | x | 0.5 | true | AQI= | 2001-01-31T06:00:00Z |\n"
           "|  |  |  |  |  |  |\n"
           "| -9223372036854775808 |  | NaN | false |  |  |\n"
           "|  | a,\"b\"<br>\\|   | -Infinity |  |  |  |\n");
}

/* A row with the list [1, null], one with an empty one, one with none. */
static void nested_values_are_json_within_json_and_texts_elsewhere(void **state)
{
    struct t *t = *state;
    struct arr_field item = {.name = "item", .type = {.kind = ARR_INT64}, .nullable = true};
    struct arr_field field = {.name = "l",
                              .type = {.kind = ARR_LIST},
                              .nullable = true,
                              .children = &item,
                              .child_count = 1};
    struct arr_schema schema = {.fields = &field, .count = 1};
    static const int32_t lengths[] = {2, 0, 0};
    static const uint8_t present = 3;
    static const struct {
        enum rows_format format;
        const char *text;
    } cases[] = {
        {ROWS_NDJSON, "{\"l\":[1,null]}\n{\"l\":[]}\n{\"l\":null}\n"},
        {ROWS_CSV, "l\n\"[1,null]\"\n[]\n\n"},
        {ROWS_TSV, "l\n[1,null]\n[]\n\n"},
        {ROWS_MARKDOWN, "| l |\n| --- |\n| [1,null] |\n| [] |\n|  |\n"},
        {ROWS_TABLE, "l\n[1,null]\n[]\n\n"},
    };
    struct arr_batch b = {0};
    assert_ok(t, arr_batch_init(&b, alloc_system(), &schema, &t->err));
    assert_ok(t, arr_col_append_i64(&b.cols[0].children[0], 1, &t->err));
    assert_ok(t, arr_col_append_null(&b.cols[0].children[0], &t->err));
    assert_ok(t, arr_col_append_lists(&b.cols[0], lengths, 3, &present, 0, &t->err));
    b.rows = 3;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rows_output_options o = {.format = cases[i].format};
        struct buf out;
        buf_init(&out, alloc_system(), 1 << 20);
        assert_ok(t, write(t, &o, &b, &out));
        assert_int_equal(buf_append_u8(&out, 0, NULL), SLP_OK);
        assert_string_equal((const char *)out.ptr, cases[i].text);
        buf_fini(&out);
    }
    arr_batch_fini(&b);
}

static void no_format_is_refused(void **state)
{
    struct t *t = *state;
    struct sample s;
    struct buf_sink sink;
    struct rows_output *o = NULL;
    struct rows_output_options options = {.format = ROWS_AUTO};
    struct buf out;
    buf_init(&out, &t->mem, 10);
    sink_buf_init(&sink, "memory", &out);
    assert_rc(
        t, rows_output_new(&t->mem, &sink.base, sample_schema(&s, SCHEMA), &options, &o, &t->err),
        SLP_INVALID);
    assert_err_has(t, "no output format");
    assert_null(o);
}

static void every_writer_survives_every_fault(void **state)
{
    struct t *t = *state;
    struct sample s;
    struct arr_batch b = {0};
    fill(t, sample_schema(&s, SCHEMA), rows, &b);
    for (int f = ROWS_PARQUET; f <= ROWS_MARKDOWN; f++) {
        T_FAULT_LOOP(t) {
            struct rows_output_options o = {.format = (enum rows_format)f, .width = 30};
            struct buf out;
            buf_init(&out, &t->mem, 1 << 20);
            slp_rc rc = write(t, &o, &b, &out);
            assert_true(t->fault_hit ? rc == SLP_NO_MEMORY : rc == SLP_OK);
            buf_fini(&out);
        }
    }
    arr_batch_fini(&b);
}

/* A sink that is full. */
static slp_rc refuse_write(struct sink *sink, const void *bytes, size_t n, struct slp_err *err)
{
    (void)sink;
    (void)bytes;
    FAIL(err, LIMIT, "no room for %zu bytes", n);
}

static void the_sinks_error_comes_back(void **state)
{
    static const struct sink_ops ops = {.write = refuse_write};
    struct t *t = *state;
    struct sample s;
    struct arr_batch b = {0};
    fill(t, sample_schema(&s, SCHEMA), rows, &b);
    for (int f = ROWS_PARQUET; f <= ROWS_MARKDOWN; f++) {
        struct rows_output_options options = {.format = (enum rows_format)f};
        struct sink sink = {.ops = &ops, .name = "full"};
        struct rows_output *o = NULL;
        slp_rc rc = rows_output_new(&t->mem, &sink, b.schema, &options, &o, &t->err);
        if (rc == SLP_OK)
            rc = rows_output_batch(o, &b, &t->err);
        if (rc == SLP_OK)
            rc = rows_output_finish(o, &t->err);
        assert_rc(t, rc, SLP_LIMIT);
        assert_err_has(t, "no room for");
        rows_output_free(o);
    }
    arr_batch_fini(&b);
}

T_MAIN(T_TEST(csv_tells_null_from_empty_text), T_TEST(a_header_may_be_left_out),
       T_TEST(tsv_is_csv_with_tabs), T_TEST(ndjson_is_an_object_a_line), T_TEST(json_is_one_array),
       T_TEST(markdown_keeps_a_row_on_its_line),
       T_TEST(nested_values_are_json_within_json_and_texts_elsewhere), T_TEST(no_format_is_refused),
       T_TEST(every_writer_survives_every_fault), T_TEST(the_sinks_error_comes_back))
