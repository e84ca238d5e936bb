#include "lib/place.h"
#include "unit/rows/sample.h"

/* Six rows in two batches: what the tests below read. */
static void write_stream(struct t *t, struct buf *out)
{
    struct sample s;
    struct buf_sink sink;
    struct arr_batch b = {0};
    struct rows_output *o = NULL;
    struct rows_output_options options = {.format = ROWS_ARROW};
    const struct arr_schema *schema = sample_schema(&s, "a int64; b utf8; c int8");
    sink_buf_init(&sink, "memory", out);
    assert_ok(t, arr_batch_init(&b, alloc_system(), schema, &t->err));
    assert_ok(t, rows_output_new(alloc_system(), &sink.base, schema, &options, &o, &t->err));
    for (int64_t part = 0; part < 2; part++) {
        arr_batch_clear(&b);
        for (int64_t i = 3 * part; i < 3 * part + 3; i++) {
            assert_ok(t, arr_col_append_i64(&b.cols[0], i, &t->err));
            assert_ok(t, arr_col_append(&b.cols[1], slice_of("hello", (size_t)i), &t->err));
            assert_ok(t, i % 2 ? arr_col_append_null(&b.cols[2], &t->err)
                               : arr_col_append_i64(&b.cols[2], -i, &t->err));
            b.rows++;
        }
        assert_ok(t, rows_output_batch(o, &b, &t->err));
    }
    assert_ok(t, rows_output_finish(o, &t->err));
    rows_output_free(o);
    arr_batch_fini(&b);
}

static slp_rc read_stream(struct t *t, struct slice bytes, const struct arr_schema *want,
                          int64_t batch_rows, size_t batch_bytes, struct buf *out)
{
    struct rows_text_in in;
    struct rows_arrow *a = NULL;
    struct arr_batch b = {0};
    struct rows_limits limits = {.rows = batch_rows, .bytes = batch_bytes};
    rows_text_in_memory(&in, &t->mem, "test", bytes, 100);
    slp_rc rc = rows_arrow_open(&t->mem, &in, &a, &t->err);
    if (rc == SLP_OK && want)
        rc = rows_arrow_want(a, want, &t->err);
    if (rc == SLP_OK)
        rc = arr_batch_init(&b, &t->mem, want ? want : rows_arrow_schema(a), &t->err);
    while (rc == SLP_OK) {
        struct rows_text_reader *r = rows_arrow_reader(a);
        arr_batch_clear(&b);
        rc = r->ops->fill(r, &b, limits, &t->err);
        if (rc != SLP_OK || b.rows == 0)
            break;
        assert_true(b.rows <= batch_rows);
        sample_print(&b, out);
    }
    arr_batch_fini(&b);
    if (a)
        rows_arrow_reader(a)->ops->close(rows_arrow_reader(a));
    rows_text_in_close(&in);
    return rc;
}

static void expect(struct t *t, struct slice bytes, const char *schema, int64_t batch_rows,
                   size_t batch_bytes, const char *rows)
{
    struct sample s;
    struct buf out;
    buf_init(&out, alloc_system(), 1 << 20);
    const struct arr_schema *want = schema ? sample_schema(&s, schema) : NULL;
    assert_ok(t, read_stream(t, bytes, want, batch_rows, batch_bytes, &out));
    assert_int_equal(buf_append_u8(&out, 0, NULL), SLP_OK);
    assert_string_equal((const char *)out.ptr, rows);
    buf_fini(&out);
}

static void refuse(struct t *t, struct slice bytes, const char *schema, slp_rc rc, const char *part)
{
    struct sample s;
    struct buf out;
    buf_init(&out, alloc_system(), 1 << 20);
    const struct arr_schema *want = schema ? sample_schema(&s, schema) : NULL;
    assert_rc(t, read_stream(t, bytes, want, 100, SIZE_MAX, &out), rc);
    assert_err_has(t, part);
    buf_fini(&out);
}

#define ALL_ROWS "0||0\n1|h|~\n2|he|-2\n3|hel|~\n4|hell|-4\n5|hello|~\n"

static void what_is_written_is_read_in_batches_of_any_size(void **state)
{
    struct t *t = *state;
    struct buf out;
    buf_init(&out, alloc_system(), 1 << 20);
    write_stream(t, &out);
    for (int64_t rows = 1; rows < 8; rows++) {
        expect(t, buf_slice(&out), NULL, rows, SIZE_MAX, ALL_ROWS);
        expect(t, buf_slice(&out), NULL, rows, 1, ALL_ROWS);
    }
    buf_fini(&out);
}

static void columns_are_picked_widened_and_null_where_missing(void **state)
{
    struct t *t = *state;
    struct buf out;
    buf_init(&out, alloc_system(), 1 << 20);
    write_stream(t, &out);
    expect(t, buf_slice(&out), "c int64; new date; b binary!", 2, SIZE_MAX,
           "0|~|\n~|~|aA==\n-2|~|aGU=\n~|~|aGVs\n-4|~|aGVsbA==\n~|~|aGVsbG8=\n");
    expect(t, buf_slice(&out), "new date", 4, SIZE_MAX, "~\n~\n~\n~\n~\n~\n");
    refuse(t, buf_slice(&out), "c int8!", SLP_BAD_INPUT, "column \"c\": row 2 is null");
    refuse(t, buf_slice(&out), "a int8", SLP_BAD_INPUT, "column \"a\" is int64, expected int8");
    refuse(t, buf_slice(&out), "aa int8!", SLP_BAD_INPUT, "did you mean \"a\"");
    buf_fini(&out);
}

static void a_file_is_a_stream_between_marks(void **state)
{
    struct t *t = *state;
    struct buf out;
    struct buf file;
    buf_init(&out, alloc_system(), 1 << 20);
    buf_init(&file, alloc_system(), 1 << 20);
    write_stream(t, &out);
    assert_ok(t, buf_append(&file, "ARROW1\0\0", 8, &t->err));
    assert_ok(t, buf_append_slice(&file, buf_slice(&out), &t->err));
    assert_ok(t, buf_append(&file, "a footer, which is not read", 27, &t->err));
    expect(t, buf_slice(&file), NULL, 100, SIZE_MAX, ALL_ROWS);
    refuse(t, slice_of("ARROW1", 6), NULL, SLP_CORRUPT, "a file of 6 bytes");
    buf_fini(&out);
    buf_fini(&file);
}

static void a_stream_that_ends_early_is_corrupt_unless_between_messages(void **state)
{
    struct t *t = *state;
    struct buf out;
    struct buf rows;
    size_t whole = 0;
    buf_init(&out, alloc_system(), 1 << 20);
    buf_init(&rows, alloc_system(), 1 << 20);
    write_stream(t, &out);
    for (size_t n = 0; n < out.len; n++) {
        buf_clear(&rows);
        slp_rc rc = read_stream(t, slice_first(buf_slice(&out), n), NULL, 100, SIZE_MAX, &rows);
        assert_true(rc == SLP_OK || rc == SLP_CORRUPT);
        if (rc == SLP_CORRUPT)
            assert_err_has(t, "offset");
        whole += rc == SLP_OK;
    }
    assert_int_equal(whole, 3); /* behind the schema and behind each batch; the end is cut */
    buf_fini(&out);
    buf_fini(&rows);
}

/* Whatever is in the bytes, they give rows or an error. */
static void damaged_bytes_give_rows_or_an_error(void **state)
{
    struct t *t = *state;
    struct buf out;
    struct buf rows;
    buf_init(&out, alloc_system(), 1 << 20);
    buf_init(&rows, alloc_system(), 1 << 20);
    write_stream(t, &out);
    for (int i = 0; i < 3000; i++) {
        size_t at = (size_t)t_below(t, out.len);
        uint8_t before = out.ptr[at];
        out.ptr[at] = (uint8_t)t_random(t);
        buf_clear(&rows);
        slp_rc rc = read_stream(t, buf_slice(&out), NULL, 100, SIZE_MAX, &rows);
        assert_true(rc == SLP_OK || rc == SLP_CORRUPT || rc == SLP_UNSUPPORTED || rc == SLP_LIMIT ||
                    rc == SLP_BAD_INPUT);
        out.ptr[at] = before;
    }
    buf_fini(&out);
    buf_fini(&rows);
}

static void reading_survives_every_fault(void **state)
{
    struct t *t = *state;
    struct buf out;
    buf_init(&out, alloc_system(), 1 << 20);
    write_stream(t, &out);
    T_FAULT_LOOP(t) {
        struct sample s;
        struct buf rows;
        buf_init(&rows, alloc_system(), 1 << 20);
        const struct arr_schema *want = sample_schema(&s, "c int32; b utf8");
        slp_rc rc = read_stream(t, buf_slice(&out), want, 2, SIZE_MAX, &rows);
        assert_true(t->fault_hit ? rc == SLP_NO_MEMORY : rc == SLP_OK);
        buf_fini(&rows);
    }
    buf_fini(&out);
}

T_MAIN(T_TEST(what_is_written_is_read_in_batches_of_any_size),
       T_TEST(columns_are_picked_widened_and_null_where_missing),
       T_TEST(a_file_is_a_stream_between_marks),
       T_TEST(a_stream_that_ends_early_is_corrupt_unless_between_messages),
       T_TEST(damaged_bytes_give_rows_or_an_error), T_TEST(reading_survives_every_fault))
