#include <stdio.h>

#include "lib/place.h"
#include "unit/rows/sample.h"

/* What was rejected, a line each: place, column, reason, text. */
struct taken {
    struct buf text;
    size_t count;
};

static slp_rc take(void *context, const struct rows_reject *r, struct slp_err *err)
{
    struct taken *taken = context;
    taken->count++;
    return buf_printf(&taken->text, err, "%llu/%lld %s: %s: %.*s\n", (unsigned long long)r->line,
                      (long long)r->row, r->column ? r->column : "-", r->reason,
                      SLICE_ARG(r->text));
}

/* No seven in the last column. */
static slp_rc no_seven(const void *context, const struct arr_batch *batch, int64_t row,
                       const char **column, struct slp_err *err)
{
    size_t last = batch->schema->count - 1;
    assert_int_equal(*(const int *)context, 7);
    *column = batch->schema->fields[last].name;
    if (!arr_col_is_null(&batch->cols[last], row) && arr_col_i64(&batch->cols[last], row) == 7)
        FAIL(err, BAD_INPUT, "a seven");
    return SLP_OK;
}

static const int marker = 7;
static const struct rows_check sevens = {.row = no_seven, .context = &marker};

/* Read a file without its bad rows. */
static slp_rc read_good(struct t *t, const char *path, const char *schema, struct taken *taken,
                        struct buf *out)
{
    struct sample s;
    struct rows_input *in = NULL;
    const struct rows_rejects rejects = {.take = take, .context = taken};
    struct rows_input_options o = {
        .want = sample_schema(&s, schema), .batch_rows = 5, .rejects = &rejects};
    size_t last = o.want->count - 1;
    o.check = strcmp(o.want->fields[last].name, "c") == 0 ? &sevens : NULL;
    slp_rc rc = rows_input_open(&t->mem, path, &o, &in, &t->err);
    for (size_t part = 0; rc == SLP_OK && part < rows_input_parts(in); part++) {
        struct arr_stream *stream = NULL;
        struct arr_batch b = {0};
        rc = rows_input_part(in, part, &t->mem, &stream, &t->err);
        while (rc == SLP_OK) {
            rc = arr_stream_next(stream, &b, &t->err);
            if (rc == SLP_OK)
                sample_print(&b, out);
        }
        rc = rc == SLP_DONE ? SLP_OK : rc;
        arr_batch_fini(&b);
        arr_stream_close(stream);
    }
    rows_input_close(in);
    return rc;
}

static void expect(struct t *t, const char *path, const char *schema, const char *rows,
                   const char *rejected)
{
    struct buf out;
    struct taken taken = {0};
    buf_init(&out, alloc_system(), 1 << 20);
    buf_init(&taken.text, alloc_system(), 1 << 20);
    assert_ok(t, read_good(t, path, schema, &taken, &out));
    assert_int_equal(buf_append_u8(&out, 0, NULL), SLP_OK);
    assert_int_equal(buf_append_u8(&taken.text, 0, NULL), SLP_OK);
    assert_string_equal((const char *)out.ptr, rows);
    assert_string_equal((const char *)taken.text.ptr, rejected);
    buf_fini(&out);
    buf_fini(&taken.text);
}

/* Write rows of NDJSON as a file of another format. */
static void save(struct t *t, const char *path, enum rows_format format, const char *schema,
                 const char *text)
{
    struct sample s;
    struct rows_text_in in;
    struct rows_text_reader *r = NULL;
    struct arr_batch b = {0};
    struct buf out;
    struct buf_sink sink;
    struct rows_output *o = NULL;
    struct rows_output_options options = {.format = format};
    struct rows_limits limits = {.rows = INT64_MAX, .bytes = SIZE_MAX};
    const struct arr_schema *want = sample_schema(&s, schema);
    buf_init(&out, alloc_system(), 1 << 20);
    sink_buf_init(&sink, "memory", &out);
    rows_text_in_memory(&in, alloc_system(), "test", slice_str(text), 4096);
    assert_ok(t, rows_ndjson_open(alloc_system(), &in, want, &r, &t->err));
    assert_ok(t, arr_batch_init(&b, alloc_system(), want, &t->err));
    assert_ok(t, r->ops->fill(r, &b, limits, &t->err));
    assert_ok(t, rows_output_new(alloc_system(), &sink.base, want, &options, &o, &t->err));
    assert_ok(t, rows_output_batch(o, &b, &t->err));
    assert_ok(t, rows_output_finish(o, &t->err));
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(out.ptr, 1, out.len, f), out.len);
    assert_int_equal(fclose(f), 0);
    rows_output_free(o);
    buf_fini(&out);
    arr_batch_fini(&b);
    r->ops->close(r);
    rows_text_in_close(&in);
}

static void records_of_csv_are_rejected_as_they_stood(void **state)
{
    struct t *t = *state;
    struct place p;
    place_make(&p);
    place_write(&p, "x.csv",
                "a,b\n1,x\nno,\"y \"\"z\"\"\"\r\n2,y,more\n3\n4,ok\n5,a\"b\n6,\"c\" d\n,e\n7,f\n");
    expect(t, place_path(&p, "x.csv"), "a int64!; b utf8", "1|x\n4|ok\n7|f\n",
           "3/0 a: \"no\" is no int64; expected a whole number from -9223372036854775808 to "
           "9223372036854775807: no,\"y \"\"z\"\"\"\n"
           "4/0 -: 3 fields, expected 2 as in the header: 2,y,more\n"
           "5/0 b: missing; 1 fields, expected 2 as in the header: 3\n"
           "7/0 -: line 7, field 2: a quote within a field that does not begin with one; expected "
           "the field in quotes and its quotes doubled: 5,a\"b\n"
           "8/0 -: line 8, field 2: text behind a closing quote; expected the delimiter or the "
           "line's end, or quotes within the field doubled: 6,\"c\" d\n"
           "9/0 a: empty, which is null, and the column may not be: ,e\n");
    place_drop(&p);
}

static void a_quote_that_is_never_closed_costs_its_line(void **state)
{
    struct t *t = *state;
    struct place p;
    place_make(&p);
    place_write(&p, "x.csv", "a,b\n1,x\n2,\"y\n3,z\n");
    expect(t, place_path(&p, "x.csv"), "a int64!; b utf8", "1|x\n3|z\n",
           "3/0 -: line 3, field 2: a quote that is never closed: 2,\"y\n");
    place_drop(&p);
}

static void lines_of_ndjson_are_rejected_as_they_stood(void **state)
{
    struct t *t = *state;
    struct place p;
    place_make(&p);
    place_write(&p, "x.ndjson",
                "{\"a\":1,\"b\":\"x\"}\n{\"a\":\"q\",\"b\":\"y\"}\r\n{\"a\":2\n"
                "{\"b\":\"z\"}\n\n{\"a\":3}\n");
    struct buf out;
    struct taken taken = {0};
    buf_init(&out, alloc_system(), 1 << 20);
    buf_init(&taken.text, alloc_system(), 1 << 20);
    assert_ok(t, read_good(t, place_path(&p, "x.ndjson"), "a int64!; b utf8", &taken, &out));
    assert_int_equal(buf_append_u8(&out, 0, NULL), SLP_OK);
    assert_string_equal((const char *)out.ptr, "1|x\n3|~\n");
    assert_int_equal(taken.count, 3);
    assert_int_equal(buf_append_u8(&taken.text, 0, NULL), SLP_OK);
    const char *text = (const char *)taken.text.ptr;
    assert_non_null(strstr(text, "775807: {\"a\":\"q\",\"b\":\"y\"}\n"));
    assert_non_null(strstr(text, ": {\"a\":2\n"));
    assert_non_null(strstr(text, "4/0 a: missing, and may not be null: {\"b\":\"z\"}\n"));
    buf_fini(&out);
    buf_fini(&taken.text);
    place_drop(&p);
}

#define NULLS                                                                                      \
    "{\"a\":1,\"b\":\"x\"}\n{\"a\":2,\"b\":null}\n{\"a\":3,\"b\":\"y\"}\n{\"a\":4}\n"              \
    "{\"a\":5}\n{\"a\":6}\n{\"a\":7}\n{\"a\":8}\n{\"a\":9}\n{\"a\":10}\n{\"a\":11,\"b\":\"z\"}\n"

static void rows_of_binary_formats_are_rejected_as_json(void **state)
{
    static const enum rows_format formats[] = {ROWS_PARQUET, ROWS_ARROW};
    struct t *t = *state;
    struct place p;
    place_make(&p);
    for (size_t i = 0; i < 2; i++) {
        save(t, place_path(&p, "x"), formats[i], "a int64; b utf8", NULLS);
        expect(t, place_path(&p, "x"), "b utf8!; a int64!", "x|1\ny|3\nz|11\n",
               "0/2 b: row 2 is null, and the column may not be: {\"b\":null,\"a\":2}\n"
               "0/4 b: row 4 is null, and the column may not be: {\"b\":null,\"a\":4}\n"
               "0/5 b: row 5 is null, and the column may not be: {\"b\":null,\"a\":5}\n"
               "0/6 b: row 6 is null, and the column may not be: {\"b\":null,\"a\":6}\n"
               "0/7 b: row 7 is null, and the column may not be: {\"b\":null,\"a\":7}\n"
               "0/8 b: row 8 is null, and the column may not be: {\"b\":null,\"a\":8}\n"
               "0/9 b: row 9 is null, and the column may not be: {\"b\":null,\"a\":9}\n"
               "0/10 b: row 10 is null, and the column may not be: {\"b\":null,\"a\":10}\n");
    }
    place_drop(&p);
}

static void what_the_caller_asks_makes_bad_rows_in_every_format(void **state)
{
    static const struct {
        enum rows_format format;
        const char *rejected;
    } formats[] = {
        {ROWS_PARQUET, "0/2 c: row 2: a seven: {\"a\":\"y\",\"c\":7}\n"
                       "0/7 c: row 7: a seven: {\"a\":\"d\",\"c\":7}\n"},
        {ROWS_ARROW, "0/2 c: row 2: a seven: {\"a\":\"y\",\"c\":7}\n"
                     "0/7 c: row 7: a seven: {\"a\":\"d\",\"c\":7}\n"},
        {ROWS_NDJSON, "2/0 c: a seven: {\"a\":\"y\",\"c\":7}\n"
                      "7/0 c: a seven: {\"a\":\"d\",\"c\":7}\n"},
        {ROWS_CSV, "3/0 c: a seven: y,7\n8/0 c: a seven: d,7\n"},
    };
    struct t *t = *state;
    struct place p;
    place_make(&p);
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        save(t, place_path(&p, "x"), formats[i].format, "a utf8; c int64",
             "{\"a\":\"x\",\"c\":1}\n{\"a\":\"y\",\"c\":7}\n{\"a\":\"z\"}\n"
             "{\"a\":\"a\"}\n{\"a\":\"b\"}\n{\"a\":\"c\"}\n{\"a\":\"d\",\"c\":7}\n");
        expect(t, place_path(&p, "x"), "a utf8!; c int64", "x|1\nz|~\na|~\nb|~\nc|~\n",
               formats[i].rejected);
    }
    place_drop(&p);
}

/* The place stands in the error where nobody takes bad rows. */
static void what_the_caller_asks_fails_by_line_or_row(void **state)
{
    static const struct {
        enum rows_format format;
        const char *place;
    } formats[] = {{ROWS_PARQUET, "column \"c\": row 2: a seven"},
                   {ROWS_ARROW, "column \"c\": row 2: a seven"},
                   {ROWS_NDJSON, "line 2, column \"c\": a seven"},
                   {ROWS_CSV, "line 3, column \"c\": a seven"}};
    struct t *t = *state;
    struct place p;
    struct sample s;
    place_make(&p);
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        struct rows_input *in = NULL;
        struct arr_stream *stream = NULL;
        struct arr_batch b = {0};
        struct rows_input_options o = {.want = sample_schema(&s, "c int64"), .check = &sevens};
        save(t, place_path(&p, "x"), formats[i].format, "c int64", "{\"c\":1}\n{\"c\":7}\n");
        assert_ok(t, rows_input_open(&t->mem, place_path(&p, "x"), &o, &in, &t->err));
        assert_ok(t, rows_input_part(in, 0, &t->mem, &stream, &t->err));
        assert_rc(t, arr_stream_next(stream, &b, &t->err), SLP_BAD_INPUT);
        assert_err_has(t, formats[i].place);
        arr_batch_fini(&b);
        arr_stream_close(stream);
        rows_input_close(in);
    }
    place_drop(&p);
}

static slp_rc refuse(void *context, const struct rows_reject *r, struct slp_err *err)
{
    (void)context;
    FAIL(err, LIMIT, "no more: %s", r->reason);
}

static void who_takes_them_can_end_it(void **state)
{
    struct t *t = *state;
    struct place p;
    struct sample s;
    struct rows_input *in = NULL;
    struct arr_stream *stream = NULL;
    struct arr_batch b = {0};
    const struct rows_rejects rejects = {.take = refuse};
    struct rows_input_options o = {.want = sample_schema(&s, "a int64!"), .rejects = &rejects};
    place_make(&p);
    place_write(&p, "x.csv", "a\n1\nx\n");
    assert_ok(t, rows_input_open(&t->mem, place_path(&p, "x.csv"), &o, &in, &t->err));
    assert_ok(t, rows_input_part(in, 0, &t->mem, &stream, &t->err));
    assert_rc(t, arr_stream_next(stream, &b, &t->err), SLP_LIMIT);
    assert_err_has(t, "no more");
    arr_batch_fini(&b);
    arr_stream_close(stream);
    rows_input_close(in);
    place_drop(&p);
}

static void sifting_survives_every_fault(void **state)
{
    struct t *t = *state;
    struct place p;
    place_make(&p);
    save(t, place_path(&p, "x"), ROWS_ARROW, "a int64; b utf8",
         "{\"a\":1,\"b\":\"x\"}\n{\"a\":2}\n{\"a\":3,\"b\":\"z\"}\n");
    T_FAULT_LOOP(t) {
        struct buf out;
        struct taken taken = {0};
        buf_init(&out, alloc_system(), 1 << 20);
        buf_init(&taken.text, alloc_system(), 1 << 20);
        slp_rc rc = read_good(t, place_path(&p, "x"), "a int64!; b utf8!", &taken, &out);
        assert_true(t->fault_hit ? rc != SLP_OK : rc == SLP_OK && taken.count == 1);
        buf_fini(&out);
        buf_fini(&taken.text);
    }
    place_drop(&p);
}

T_MAIN(T_TEST(records_of_csv_are_rejected_as_they_stood),
       T_TEST(a_quote_that_is_never_closed_costs_its_line),
       T_TEST(lines_of_ndjson_are_rejected_as_they_stood),
       T_TEST(rows_of_binary_formats_are_rejected_as_json), T_TEST(who_takes_them_can_end_it),
       T_TEST(what_the_caller_asks_makes_bad_rows_in_every_format),
       T_TEST(what_the_caller_asks_fails_by_line_or_row), T_TEST(sifting_survives_every_fault))
