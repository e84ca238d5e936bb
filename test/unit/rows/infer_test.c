#include "unit/rows/sample.h"

static slp_rc infer(struct t *t, enum rows_format format, const char *text, struct arena *a,
                    struct arr_schema *out)
{
    struct rows_text_in in;
    slp_rc rc = SLP_OK;
    rows_text_in_memory(&in, &t->mem, "test", slice_str(text), 5);
    if (format == ROWS_NDJSON)
        rc = rows_ndjson_schema(&t->mem, &in, a, out, &t->err);
    else
        rc = rows_csv_schema(&t->mem, &in, ',', a, out, &t->err);
    rows_text_in_close(&in);
    return rc;
}

/* "a int64; b string" */
static void print_schema(const struct arr_schema *s, char *out, size_t room)
{
    size_t at = 0;
    out[0] = 0;
    for (size_t i = 0; i < s->count; i++) {
        char type[300];
        assert_true(s->fields[i].nullable);
        arr_field_type_format(&s->fields[i], type, sizeof type);
        at += (size_t)snprintf(out + at, room - at, "%s%s %s", i ? "; " : "", s->fields[i].name,
                               type);
        assert_true(at < room);
    }
}

struct good {
    const char *text;
    const char *schema;
};

static void check(struct t *t, enum rows_format format, const struct good *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct arena a;
        struct arr_schema s = {0};
        char got[500];
        arena_init(&a, &t->mem, 1 << 20);
        assert_ok(t, infer(t, format, cases[i].text, &a, &s));
        print_schema(&s, got, sizeof got);
        assert_string_equal(got, cases[i].schema);
        arena_fini(&a);
    }
}

static void csv_columns_get_the_first_type_that_fits_all(void **state)
{
    static const struct good cases[] = {
        {"a,b,c\n1,true,x\n-5,FALSE,1\n", "a int64; b bool; c string"},
        {"a,b\n1,0.5\n1.5,1e10\n", "a double; b double"},
        {"a,b\n1,NaN\n,-Infinity\n", "a int64; b double"},
        {"a,b\n2001-01-31,2001-01-31\n,2001-01-31T06:00\n", "a date; b timestamp[us]"},
        {"a,b\n2001-01-31T06:00:00Z,2001-01-31T06:00:00Z\n2001-01-31T06:00:00+02:00,"
         "2001-01-31T06:00:00\n",
         "a timestamp[us, UTC]; b string"},
        {"a,b,c,d\n007,+5,00.5,0\n1,5,1,0.5\n", "a string; b string; c string; d double"},
        {"a,b\n9223372036854775807,9223372036854775808\n1,2\n", "a int64; b string"},
        {"a,b\n12345678901234567,1234567890123456\n1.5,1\n", "a string; b int64"},
        {"a,b,c\n,\"\",\"1\"\n,,\n", "a string; b string; c int64"},
        {"a,b\n", "a string; b string"},
        {"a,b\n\n1,2\n\n", "a int64; b int64"},
        {"a,a\n1,x\n", "a int64; a string"},
    };
    check(*state, ROWS_CSV, cases, sizeof cases / sizeof cases[0]);
}

static void ndjson_columns_are_those_of_all_lines(void **state)
{
    static const struct good cases[] = {
        {"{\"a\":1,\"b\":\"x\"}\n{\"b\":null,\"c\":true}\n", "a int64; b string; c bool"},
        {"{\"a\":1}\n{\"a\":1.5}\n{\"a\":\"NaN\"}\n", "a double"},
        {"{\"a\":\"1\",\"b\":\"2001-01-31\",\"c\":\"2001-01-31T06:00:00Z\"}\n",
         "a string; b date; c timestamp[us, UTC]"},
        {"{\"a\":null}\n", "a string"},
    };
    check(*state, ROWS_NDJSON, cases, sizeof cases / sizeof cases[0]);
}

static void arrays_are_lists_and_objects_structs(void **state)
{
    static const struct good cases[] = {
        {"{\"a\":[1,null],\"b\":[]}\n{\"a\":[0.5],\"b\":null}\n",
         "a list<element: double>; b list<element: string>"},
        {"{\"a\":{\"x\":1}}\n{\"a\":{\"y\":[{\"z\":\"2001-01-31\"}],\"x\":null}}\n",
         "a struct<x: int64, y: list<element: struct<z: date>>>"},
        {"{\"a\":[[1],[]]}\n{\"a\":[null,[\"NaN\"]]}\n", "a list<element: list<element: double>>"},
        {"{\"a\":{}}\n", "a map<string, string>"},
        {"{\"a\":{}}\n{\"a\":{\"element\":[true]}}\n", "a struct<element: list<element: bool>>"},
    };
    check(*state, ROWS_NDJSON, cases, sizeof cases / sizeof cases[0]);
}

/* {"a":{"m0":VALUE,"m1":VALUE,...}}, `last` in place of the last one. */
static void infer_many(struct t *t, size_t members, const char *value, const char *last,
                       const char *want)
{
    struct buf text;
    struct arena a;
    struct arr_schema s = {0};
    char got[300];
    arena_init(&a, &t->mem, 1 << 20);
    buf_init(&text, &t->mem, 1 << 20);
    assert_ok(t, buf_printf(&text, &t->err, "{\"a\":{"));
    for (size_t i = 0; i < members; i++)
        assert_ok(t, buf_printf(&text, &t->err, "%s\"m%zu\":%s", i ? "," : "", i,
                                i + 1 < members ? value : last));
    assert_ok(t, buf_append(&text, "}}\n", 4, &t->err));
    assert_ok(t, infer(t, ROWS_NDJSON, (const char *)text.ptr, &a, &s));
    arr_field_type_format(&s.fields[0], got, sizeof got);
    if (want)
        assert_string_equal(got, want);
    else
        assert_int_equal(s.fields[0].child_count, members);
    arena_fini(&a);
    buf_fini(&text);
}

static void objects_of_many_members_of_one_type_are_maps(void **state)
{
    struct t *t = *state;
    infer_many(t, 200, "1", "1", NULL);
    infer_many(t, 201, "1", "1", "map<string, int64>");
    infer_many(t, 201, "1", "\"x\"", NULL);
    infer_many(t, 201, "{\"x\":1}", "{\"x\":0.5,\"y\":[]}",
               "map<string, struct<x: double, y: list<element: string>>>");
    infer_many(t, 201, "[{}]", "null", "map<string, list<element: map<string, string>>>");
}

static void what_has_no_columns_is_refused_by_place(void **state)
{
    static const struct {
        enum rows_format format;
        const char *text;
        slp_rc rc;
        const char *part;
    } cases[] = {
        {ROWS_CSV, "", SLP_BAD_INPUT, "line 1: empty"},
        {ROWS_CSV, "a,b\n1,2\n3\n", SLP_BAD_INPUT, "line 3: 1 fields, expected 2"},
        {ROWS_NDJSON, "", SLP_BAD_INPUT, "no columns"},
        {ROWS_NDJSON, "{}\n", SLP_BAD_INPUT, "no columns"},
        {ROWS_NDJSON, "{\"a\":1}\n{\"a\":\"x\"}\n", SLP_BAD_INPUT,
         "line 2, column \"a\": values of different kinds"},
        {ROWS_NDJSON, "{\"a\":{\"x\":1}}\n{\"a\":{\"x\":[]}}\n", SLP_BAD_INPUT,
         "line 2, column \"a\": x: values of different kinds"},
        {ROWS_NDJSON, "{\"a\":[1,{}]}\n", SLP_BAD_INPUT,
         "column \"a\": items: values of different"},
        {ROWS_NDJSON, "{\"a\":[1,]}\n", SLP_BAD_INPUT, "expected a value behind the comma"},
        {ROWS_NDJSON, "{\"a\":[1 2]}\n", SLP_BAD_INPUT, "a number, expected a comma and a value"},
        {ROWS_NDJSON, "{\"a\":[,1]}\n", SLP_BAD_INPUT, "expected a value"},
        {ROWS_NDJSON, "{\"a\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}\n",
         SLP_LIMIT, "arrays and objects more than 31 deep"},
        {ROWS_NDJSON, "{\"a\":9223372036854775808}\n", SLP_UNSUPPORTED, "beyond int64"},
        {ROWS_NDJSON, "{\"a\\u0000b\":1}\n", SLP_BAD_INPUT, "a NUL"},
        {ROWS_NDJSON, "{\"a\":1}}\n", SLP_BAD_INPUT, "line 1: byte 8"},
    };
    struct t *t = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct arena a;
        struct arr_schema s = {0};
        arena_init(&a, &t->mem, 1 << 20);
        assert_rc(t, infer(t, cases[i].format, cases[i].text, &a, &s), cases[i].rc);
        assert_err_has(t, cases[i].part);
        assert_null(s.fields);
        arena_fini(&a);
    }
}

static void only_the_first_10000_rows_count(void **state)
{
    struct t *t = *state;
    struct buf text;
    struct arena a;
    struct arr_schema s = {0};
    arena_init(&a, &t->mem, 1 << 20);
    buf_init(&text, &t->mem, 1 << 20);
    assert_ok(t, buf_append(&text, "a\n", 2, &t->err));
    for (size_t i = 0; i < ROWS_INFER_ROWS; i++)
        assert_ok(t, buf_append(&text, "1\n", 2, &t->err));
    assert_ok(t, buf_append(&text, "x\n", 3, &t->err));
    assert_ok(t, infer(t, ROWS_CSV, (const char *)text.ptr, &a, &s));
    assert_int_equal(s.fields[0].type.kind, ARR_INT64);
    arena_fini(&a);
    buf_fini(&text);
}

static void inference_survives_every_fault(void **state)
{
    struct t *t = *state;
    static const enum rows_format formats[] = {ROWS_CSV, ROWS_NDJSON};
    for (size_t i = 0; i < 2; i++) {
        T_FAULT_LOOP(t) {
            struct arena a;
            struct arr_schema s = {0};
            arena_init(&a, &t->mem, 1 << 20);
            slp_rc rc =
                infer(t, formats[i],
                      i ? "{\"a\":[{\"x\":{}}],\"b\":\"\\n\"}\n" : "a,b\n1,\"\"\"\"\n", &a, &s);
            assert_true(t->fault_hit ? rc != SLP_OK && s.fields == NULL : rc == SLP_OK);
            arena_fini(&a);
        }
    }
}

T_MAIN(T_TEST(csv_columns_get_the_first_type_that_fits_all),
       T_TEST(ndjson_columns_are_those_of_all_lines), T_TEST(arrays_are_lists_and_objects_structs),
       T_TEST(objects_of_many_members_of_one_type_are_maps),
       T_TEST(what_has_no_columns_is_refused_by_place), T_TEST(only_the_first_10000_rows_count),
       T_TEST(inference_survives_every_fault))
