#include "unit/rows/sample.h"

struct good {
    const char *schema;
    const char *text;
    const char *rows;
};

static void records_follow_rfc_4180(void **state)
{
    static const struct good cases[] = {
        {"a int64; b utf8", "a,b\n1,x\n2,y\n", "1|x\n2|y\n"},
        {"a int64; b utf8", "a,b\r\n1,x\r\n2,y\r\n", "1|x\n2|y\n"},
        {"a int64; b utf8", "a,b\n1,x", "1|x\n"},
        {"a int64; b utf8", "a,b\r\n1,\"x\"\r\n", "1|x\n"},
        {"a int64; b utf8", "a,b\n1,\"x\"", "1|x\n"},
        {"a int64; b utf8",
         "\xef\xbb\xbf"
         "a,b\n1,x\n",
         "1|x\n"},
        {"a int64; b utf8", "\"a\",\"b\"\n\"1\",\"x\"\n", "1|x\n"},
        {"a utf8; b utf8", "a,b\n\"p,q\",\"r\"\"s\"\"\"\n", "p,q|r\"s\"\n"},
        {"a utf8; b utf8", "a,b\n\"p\nq\",\"r\r\ns\"\n", "p\nq|r\r\ns\n"},
        {"a utf8; b utf8", "a,b\n\"\"\"\"\"\",\"\"\"\"\n", "\"\"|\"\n"},
        {"a utf8; b utf8", "a,b\n x , y z \n", " x | y z \n"},
        {"a utf8; b utf8", "a,b\n,\"\"\n", "~|\n"},
        {"a utf8; b utf8", "a,b\nx\ry,z\n", "x\ry|z\n"},
        {"a utf8; b binary", "a,b\n,\"\"\n\"\",AQI=\n", "~|\n|AQI=\n"},
        {"a int64; b utf8", "a,b\n", ""},
        {"a int64; b utf8", "a,b", ""},
        {"a int64; b utf8", "a,b\n1,x\n\n2,y\n\r\n\n", "1|x\n2|y\n"},
        {"a utf8", "a\nx\n\ny\n\"\"\n", "x\n~\ny\n\n"},
        {"a int64", "a\n\n\n", "~\n~\n"},
    };
    struct t *t = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        sample_expect(t, ROWS_CSV, cases[i].schema, slice_str(cases[i].text), cases[i].rows);
}

static void tabs_separate_in_tsv(void **state)
{
    struct t *t = *state;
    sample_expect(t, ROWS_TSV, "a int64; b utf8", slice_str("a\tb\n1\tx,y\n\t\"p\tq\"\n"),
                  "1|x,y\n~|p\tq\n");
}

static void columns_are_found_by_name_in_any_order(void **state)
{
    struct t *t = *state;
    sample_expect(t, ROWS_CSV, "a int64; b utf8", slice_str("b,more,a\nx,?,1\ny,,2\n"),
                  "1|x\n2|y\n");
}

static void missing_columns_are_null_where_they_may_be(void **state)
{
    struct t *t = *state;
    sample_expect(t, ROWS_CSV, "a int64; b utf8", slice_str("a\n1\n"), "1|~\n");
    sample_refuse(t, ROWS_CSV, "a int64; delay utf8!", slice_str("a,delays\n1,2\n"), SLP_BAD_INPUT,
                  "no column \"delay\", which may not be null; did you mean \"delays\"?");
}

static void every_type_is_read(void **state)
{
    struct t *t = *state;
    sample_expect(t, ROWS_CSV,
                  "a bool; b int8; c uint64; d float; e double; f date; g timestamp[us]; h "
                  "timestamp[ns, UTC]; i utf8; j binary; k fixed_binary(2); l decimal(5, 2)",
                  slice_str("a,b,c,d,e,f,g,h,i,j,k,l\n"
                            "true,-128,18446744073709551615,0.1,1e300,2001-01-31,2001-01-31 06:00,"
                            "2001-01-31T06:00:00.000000001Z,x,AQI=,AQI=,-12.3\n"),
                  "true|-128|18446744073709551615|0.1|1e300|2001-01-31|2001-01-31T06:00:00|"
                  "2001-01-31T06:00:00.000000001Z|x|AQI=|AQI=|-12.30\n");
}

struct bad {
    const char *schema;
    const char *text;
    const char *part;
};

static void errors_name_line_and_column(void **state)
{
    static const struct bad cases[] = {
        {"a int64; delay int64", "a,delay\n1,2\n3,abc\n", "line 3, column \"delay\": \"abc\""},
        {"a utf8; b int64", "a,b\n\"x\ny\n\",1\nz,?\n", "line 5, column \"b\": \"?\""},
        {"a int64; b int64", "a,b\n1\n", "line 2, column \"b\": missing; 1 fields, expected 2"},
        {"a int64; b int64", "a,b\n1,2\n1,2,3\n", "line 3: 3 fields, expected 2"},
        {"a int64; b int64", "a,b\n1,2,\n", "line 2: 3 fields, expected 2"},
        {"a int64!; b int64", "a,b\n,2\n", "line 2, column \"a\": empty, which is null"},
        {"a utf8!; b int64", "a,b\n,2\n", "\"\" is the empty text"},
        {"a int64; b int64", "a,b\n\"\",2\n", "line 2, column \"a\": \"\" is no int64"},
        {"a int64; b int64", "a,b\n1.5,2\n", "line 2, column \"a\": \"1.5\""},
        {"a int8; b int64", "a,b\n128,2\n", "line 2, column \"a\": \"128\""},
        {"a utf8; b int64", "a,b\n\xff,2\n", "line 2, column \"a\""},
        {"a utf8; b utf8", "a,b\nx\"y,2\n", "line 2, field 1: a quote within a field"},
        {"a utf8; b utf8", "a,b\n1,\"y\"z\n", "line 2, field 2: text behind a closing quote"},
        {"a utf8; b utf8", "a,b\n1,\"y\"\rz\n", "line 2, field 2: text behind a closing quote"},
        {"a utf8; b utf8", "a,b\n1,\"yz\n", "line 2, field 2: a quote that is never closed"},
        {"a utf8; b utf8", "a,b\n1,\"", "line 2, field 2: a quote that is never closed"},
        {"a int64", "", "line 1: empty"},
        {"a int64", "\n1\n", "line 1: empty"},
        {"a int64", "\xef\xbb\xbf", "line 1: empty"},
        {"a int64", "a,a\n1,2\n", "two columns \"a\""},
        {"a int64", "a,\xff\n1,2\n", "the name of column 2 is no UTF-8"},
    };
    struct t *t = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        sample_refuse(t, ROWS_CSV, cases[i].schema, slice_str(cases[i].text), SLP_BAD_INPUT,
                      cases[i].part);
}

static void too_many_columns_are_refused(void **state)
{
    struct t *t = *state;
    struct buf text;
    buf_init(&text, &t->mem, 1 << 20);
    for (size_t i = 0; i <= ARR_COLUMNS_MAX; i++)
        assert_ok(t, buf_append(&text, "x,", 2, &t->err));
    struct sample s;
    struct buf out;
    buf_init(&out, &t->mem, 100);
    assert_rc(
        t, sample_read(t, ROWS_CSV, buf_slice(&text), sample_schema(&s, "a int64"), 4096, 1, &out),
        SLP_LIMIT);
    assert_err_has(t, "line 1: 20002 columns, the most are 20000");
    buf_fini(&out);
    buf_fini(&text);
}

/* Text that has no end. */
static void a_record_without_end_meets_the_limit(void **state)
{
    struct t *t = *state;
    struct sample s;
    struct buf text;
    struct buf out;
    buf_init(&out, &t->mem, 100);
    buf_init(&text, &t->mem, 2 * ROWS_LINE_MAX_BYTES);
    assert_ok(t, buf_resize(&text, ROWS_LINE_MAX_BYTES + 100000, &t->err));
    memset(text.ptr, 'x', text.len);
    memcpy(text.ptr, "a\n\"", 3);
    assert_rc(
        t,
        sample_read(t, ROWS_CSV, buf_slice(&text), sample_schema(&s, "a utf8"), 1 << 20, 1, &out),
        SLP_LIMIT);
    assert_err_has(t, "line 2: longer than 64 MiB");
    buf_fini(&text);
    buf_fini(&out);
}

static void batches_close_at_their_bytes(void **state)
{
    struct t *t = *state;
    struct sample s;
    struct rows_text_in in;
    struct rows_text_reader *r = NULL;
    struct arr_batch b = {0};
    const struct arr_schema *want = sample_schema(&s, "a int64");
    rows_text_in_memory(&in, &t->mem, "test", slice_str("a\n1\n2\n3\n4\n5\n"), 100);
    assert_ok(t, rows_csv_open(&t->mem, &in, ',', want, &r, &t->err));
    assert_ok(t, arr_batch_init(&b, &t->mem, want, &t->err));
    /* Each row counts 8 bytes, a bit of validity as one, and its text. */
    assert_ok(t, r->ops->fill(r, &b, (struct rows_limits){100, 22}, &t->err));
    assert_int_equal(b.rows, 2);
    arr_batch_fini(&b);
    r->ops->close(r);
    rows_text_in_close(&in);
}

static void reading_survives_every_fault(void **state)
{
    struct t *t = *state;
    T_FAULT_LOOP(t) {
        struct sample s;
        struct buf out;
        buf_init(&out, alloc_system(), 1 << 20);
        slp_rc rc =
            sample_read(t, ROWS_CSV, slice_str("b,a\n\"x\"\"y\",1\n\"longer than a window\",\n"),
                        sample_schema(&s, "a int64; b utf8"), 8, 1, &out);
        assert_true(t->fault_hit ? rc == SLP_NO_MEMORY : rc == SLP_OK);
        buf_fini(&out);
    }
}

T_MAIN(T_TEST(records_follow_rfc_4180), T_TEST(tabs_separate_in_tsv),
       T_TEST(columns_are_found_by_name_in_any_order),
       T_TEST(missing_columns_are_null_where_they_may_be), T_TEST(every_type_is_read),
       T_TEST(errors_name_line_and_column), T_TEST(too_many_columns_are_refused),
       T_TEST(a_record_without_end_meets_the_limit), T_TEST(batches_close_at_their_bytes),
       T_TEST(reading_survives_every_fault))
