#include <unistd.h>

#include "lib/place.h"
#include "unit/rows/sample.h"

/* Write a batch as a Parquet file. */
static void save_batch(struct t *t, const char *path, const struct arr_batch *b)
{
    struct buf out;
    struct buf_sink sink;
    struct rows_output *o = NULL;
    struct rows_output_options options = {.format = ROWS_PARQUET};
    buf_init(&out, alloc_system(), 1 << 20);
    sink_buf_init(&sink, "memory", &out);
    assert_ok(t, rows_output_new(alloc_system(), &sink.base, b->schema, &options, &o, &t->err));
    assert_ok(t, rows_output_batch(o, b, &t->err));
    assert_ok(t, rows_output_finish(o, &t->err));
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(out.ptr, 1, out.len, f), out.len);
    assert_int_equal(fclose(f), 0);
    rows_output_free(o);
    buf_fini(&out);
}

/* Write `text`, rows of NDJSON, as a Parquet file. */
static void save_parquet(struct t *t, const char *path, const char *schema, const char *text)
{
    struct sample s;
    struct rows_text_in in;
    struct rows_text_reader *r = NULL;
    struct arr_batch b = {0};
    struct rows_limits limits = {.rows = INT64_MAX, .bytes = SIZE_MAX};
    const struct arr_schema *want = sample_schema(&s, schema);
    rows_text_in_memory(&in, alloc_system(), "test", slice_str(text), 4096);
    assert_ok(t, rows_ndjson_open(alloc_system(), &in, want, &r, &t->err));
    assert_ok(t, arr_batch_init(&b, alloc_system(), want, &t->err));
    assert_ok(t, r->ops->fill(r, &b, limits, &t->err));
    save_batch(t, path, &b);
    arr_batch_fini(&b);
    r->ops->close(r);
    rows_text_in_close(&in);
}

/* A Parquet file with one text column that holds whatever bytes are given. */
static void save_text(struct t *t, const char *path, const struct slice *values, size_t count)
{
    struct sample s;
    struct arr_batch b = {0};
    assert_ok(t, arr_batch_init(&b, alloc_system(), sample_schema(&s, "a utf8"), &t->err));
    for (size_t i = 0; i < count; i++)
        assert_ok(t, arr_col_append(&b.cols[0], values[i], &t->err));
    b.rows = (int64_t)count;
    save_batch(t, path, &b);
    arr_batch_fini(&b);
}

/* All rows of a file, part by part. */
static slp_rc read_file(struct t *t, const char *path, const struct rows_input_options *options,
                        struct buf *out)
{
    struct rows_input *in = NULL;
    slp_rc rc = rows_input_open(&t->mem, path, options, &in, &t->err);
    for (size_t part = 0; rc == SLP_OK && part < rows_input_parts(in); part++) {
        struct arr_stream *s = NULL;
        struct arr_batch b = {0};
        rc = rows_input_part(in, part, &t->mem, &s, &t->err);
        while (rc == SLP_OK) {
            rc = arr_stream_next(s, &b, &t->err);
            if (rc == SLP_OK)
                sample_print(&b, out);
        }
        rc = rc == SLP_DONE ? SLP_OK : rc;
        arr_batch_fini(&b);
        arr_stream_close(s);
    }
    rows_input_close(in);
    return rc;
}

static void expect(struct t *t, const char *path, const char *schema, const char *rows)
{
    struct sample s;
    struct buf out;
    struct rows_input_options o = {.want = sample_schema(&s, schema), .batch_rows = 2};
    buf_init(&out, alloc_system(), 1 << 20);
    assert_ok(t, read_file(t, path, &o, &out));
    assert_int_equal(buf_append_u8(&out, 0, NULL), SLP_OK);
    assert_string_equal((const char *)out.ptr, rows);
    buf_fini(&out);
}

static void refuse(struct t *t, const char *path, const char *schema, slp_rc rc, const char *part)
{
    struct sample s;
    struct buf out;
    struct rows_input_options o = {.want = sample_schema(&s, schema)};
    buf_init(&out, alloc_system(), 1 << 20);
    assert_rc(t, read_file(t, path, &o, &out), rc);
    assert_err_has(t, part);
    buf_fini(&out);
}

static void the_same_rows_come_from_every_format(void **state)
{
    struct t *t = *state;
    struct place p;
    place_make(&p);
    place_write(&p, "x.csv", "b,a\nx,1\n,\n\"\",3\n");
    place_write(&p, "x.tsv", "b\ta\nx\t1\n\t\n\"\"\t3\n");
    place_write(&p, "x.ndjson", "{\"a\":1,\"b\":\"x\"}\n{}\n{\"a\":3,\"b\":\"\"}\n");
    place_write(&p, "text", "a,b\n1,x\n,\n3,\"\"\n");
    save_parquet(t, place_path(&p, "x.parquet"), "b utf8; a int64",
                 "{\"a\":1,\"b\":\"x\"}\n{}\n{\"a\":3,\"b\":\"\"}\n");
    static const char *const names[] = {"x.csv", "x.tsv", "x.ndjson", "text", "x.parquet"};
    for (size_t i = 0; i < 5; i++)
        expect(t, place_path(&p, names[i]), "a int64; b utf8", "1|x\n~|~\n3|\n");
    place_drop(&p);
}

static void types_widen_without_loss(void **state)
{
    struct t *t = *state;
    struct place p;
    place_make(&p);
    const char *path = place_path(&p, "x.parquet");
    save_parquet(
        t, path, "a int8; b uint8; c uint32; d float; e timestamp[ms]; f decimal(5, 2); g bool",
        "{\"a\":-128,\"b\":255,\"c\":4294967295,\"d\":0.1,\"e\":\"2001-01-31T06:00:00.001\","
        "\"f\":-1.25,\"g\":true}\n{}\n");
    expect(
        t, path,
        "a int64; b int16; c int64; d double; e timestamp[ns]; f decimal(38, 2); g bool; new date",
        "-128|255|4294967295|0.10000000149011612|2001-01-31T06:00:00.001|-1.25|true|~\n"
        "~|~|~|~|~|~|~|~\n");
    static const char *const narrower[] = {
        "b int8",
        "c int32",
        "a uint8",
        "a double",
        "d float; c uint8",
        "e timestamp[s]",
        "e timestamp[ms, UTC]",
        "e date",
        "f decimal(4, 2)",
        "f decimal(10, 3)",
        "g int64",
        "a utf8",
    };
    for (size_t i = 0; i < sizeof narrower / sizeof narrower[0]; i++)
        refuse(t, path, narrower[i], SLP_BAD_INPUT, "expected");
    refuse(t, path, "e date", SLP_BAD_INPUT, "column \"e\" is timestamp[ms], expected date");
    place_drop(&p);
}

static void a_time_that_does_not_fit_is_named_by_row(void **state)
{
    struct t *t = *state;
    struct place p;
    place_make(&p);
    const char *path = place_path(&p, "x.parquet");
    save_parquet(t, path, "a timestamp[ms]", "{\"a\":\"2001-01-31\"}\n{\"a\":\"9999-01-31\"}\n");
    refuse(t, path, "a timestamp[ns]", SLP_BAD_INPUT,
           "column \"a\": row 2: a time beyond what timestamp[ns] can hold");
    place_drop(&p);
}

static void text_that_is_no_utf8_is_refused_though_its_bytes_together_are(void **state)
{
    struct t *t = *state;
    struct place p;
    place_make(&p);
    const char *path = place_path(&p, "x.parquet");
    struct slice good[] = {slice_str("a"), slice_str("\xc3\xa9")};
    save_text(t, path, good, 2);
    expect(t, path, "a utf8", "a\n\xc3\xa9\n");
    struct slice bad[] = {slice_str("a"), slice_str("\xff")};
    save_text(t, path, bad, 2);
    refuse(t, path, "a utf8", SLP_BAD_INPUT, "column \"a\": row 2 is no UTF-8 text");
    struct slice halves[] = {slice_str("\xc3"), slice_str("\xa9")};
    save_text(t, path, halves, 2);
    refuse(t, path, "a utf8", SLP_BAD_INPUT, "column \"a\": row 1 is no UTF-8 text");
    place_drop(&p);
}

static void null_is_refused_where_it_arrives(void **state)
{
    struct t *t = *state;
    struct place p;
    place_make(&p);
    const char *path = place_path(&p, "x.parquet");
    save_parquet(t, path, "a int64; b utf8", "{\"a\":1,\"b\":\"x\"}\n{\"a\":2}\n");
    expect(t, path, "a int64!; b utf8", "1|x\n2|~\n");
    refuse(t, path, "a int64!; b utf8!", SLP_BAD_INPUT,
           "column \"b\": row 2 is null, and the column may not be");
    refuse(t, path, "a int64!; c utf8!", SLP_BAD_INPUT, "no column \"c\", which may not be null");
    place_drop(&p);
}

static void the_files_own_columns_come_when_none_are_wanted(void **state)
{
    struct t *t = *state;
    struct place p;
    struct buf out;
    struct rows_input_options o = {0};
    place_make(&p);
    buf_init(&out, &t->mem, 1000);
    save_parquet(t, place_path(&p, "x.parquet"), "b utf8; a int64", "{\"a\":1,\"b\":\"x\"}\n");
    place_write(&p, "x.csv", "a\n1\n");
    assert_ok(t, read_file(t, place_path(&p, "x.parquet"), &o, &out));
    assert_memory_equal(out.ptr, "x|1\n", 4);
    assert_rc(t, read_file(t, place_path(&p, "x.csv"), &o, &out), SLP_INVALID);
    assert_err_has(t, "csv has no types of its own");
    buf_fini(&out);
    place_drop(&p);
}

static void files_that_cannot_be_read_say_why(void **state)
{
    struct t *t = *state;
    struct place p;
    place_make(&p);
    place_write(&p, "no.parquet", "a,b\n1,2\n");
    place_write(&p, "x.json", "[{\"a\":1}]");
    place_write(&p, "x.arrows", "\xff\xff\xff\xff");
    place_write(&p, "x.csv", "a\n1\nx\n");
    place_write(&p, "empty", "");
    refuse(t, place_path(&p, "none"), "a int64", SLP_NOT_FOUND, "none");
    refuse(t, place_path(&p, "no.parquet"), "a int64", SLP_CORRUPT, "no.parquet");
    refuse(t, place_path(&p, "x.json"), "a int64", SLP_UNSUPPORTED, "one object a line");
    refuse(t, place_path(&p, "x.arrows"), "a int64", SLP_CORRUPT, "no message at offset 0");
    refuse(t, place_path(&p, "empty"), "a int64", SLP_BAD_INPUT, "empty");
    refuse(t, p.path, "a int64", SLP_INVALID, "is a folder");
    refuse(t, place_path(&p, "x.csv"), "a int64", SLP_BAD_INPUT,
           "x.csv\": line 3, column \"a\": \"x\"");
    place_drop(&p);
}

static void the_part_of_a_text_is_opened_once(void **state)
{
    struct t *t = *state;
    struct place p;
    struct sample s;
    struct rows_input *in = NULL;
    struct arr_stream *first = NULL;
    struct arr_stream *second = NULL;
    struct rows_input_options o = {.want = sample_schema(&s, "a int64")};
    place_make(&p);
    place_write(&p, "x.csv", "a\n1\n");
    assert_ok(t, rows_input_open(&t->mem, place_path(&p, "x.csv"), &o, &in, &t->err));
    assert_int_equal(rows_input_parts(in), 1);
    assert_int_equal(rows_input_rows(in), -1);
    assert_ptr_equal(rows_input_schema(in), o.want);
    assert_ok(t, rows_input_part(in, 0, &t->mem, &first, &t->err));
    assert_rc(t, rows_input_part(in, 0, &t->mem, &second, &t->err), SLP_INVALID);
    assert_err_has(t, "asked for twice");
    assert_rc(t, rows_input_part(in, 1, &t->mem, &second, &t->err), SLP_INVALID);
    arr_stream_close(first);
    rows_input_close(in);
    place_drop(&p);
}

/* Two row groups read in turns, as two threads would. */
static void row_groups_are_parts_of_their_own(void **state)
{
    struct t *t = *state;
    const char *path = "test/data/flights-slice.parquet";
    struct rows_input *in = NULL;
    struct rows_input_options o = {.batch_rows = 1000};
    assert_ok(t, rows_input_open(&t->mem, path, &o, &in, &t->err));
    int64_t rows = 0;
    for (size_t part = 0; part < rows_input_parts(in); part++) {
        struct arr_stream *a = NULL;
        struct arr_stream *b = NULL;
        struct arr_batch x = {0};
        struct arr_batch y = {0};
        assert_ok(t, rows_input_part(in, part, &t->mem, &a, &t->err));
        assert_ok(t, rows_input_part(in, part, &t->mem, &b, &t->err));
        slp_rc rc = SLP_OK;
        while ((rc = arr_stream_next(a, &x, &t->err)) == SLP_OK) {
            assert_ok(t, arr_stream_next(b, &y, &t->err));
            assert_true(x.rows > 0 && x.rows <= 1000);
            assert_int_equal(x.rows, y.rows);
            assert_memory_equal(x.cols[0].data.ptr, y.cols[0].data.ptr, x.cols[0].data.len);
            rows += x.rows;
        }
        assert_int_equal(rc, SLP_DONE);
        arr_batch_fini(&x);
        arr_batch_fini(&y);
        arr_stream_close(a);
        arr_stream_close(b);
    }
    assert_int_equal(rows, rows_input_rows(in));
    rows_input_close(in);
}

static void schemas_of_files_are_found(void **state)
{
    struct t *t = *state;
    struct place p;
    place_make(&p);
    place_write(&p, "x.csv", "a,b\n1,x\n");
    place_write(&p, "x.ndjson", "{\"a\":1,\"b\":\"x\"}\n");
    save_parquet(t, place_path(&p, "x.parquet"), "a int64; b utf8!", "{\"a\":1,\"b\":\"x\"}\n");
    static const char *const names[] = {"x.csv", "x.ndjson", "x.parquet"};
    for (size_t i = 0; i < 3; i++) {
        struct arena a;
        struct arr_schema s = {0};
        arena_init(&a, &t->mem, 1 << 20);
        assert_ok(t,
                  rows_file_schema(&t->mem, place_path(&p, names[i]), ROWS_AUTO, &a, &s, &t->err));
        assert_int_equal(s.count, 2);
        assert_string_equal(s.fields[1].name, "b");
        assert_int_equal(s.fields[0].type.kind, ARR_INT64);
        assert_int_equal(s.fields[1].type.kind, ARR_UTF8);
        assert_int_equal(s.fields[1].nullable, i < 2);
        arena_fini(&a);
    }
    struct arena a;
    struct arr_schema s = {0};
    arena_init(&a, &t->mem, 1 << 20);
    assert_rc(t, rows_file_schema(&t->mem, "-", ROWS_AUTO, &a, &s, &t->err), SLP_INVALID);
    arena_fini(&a);
    place_drop(&p);
}

/* A pipe with these bytes, fewer than it holds at once, as a path. */
static void pipe_of(const char *from, char path[32], int *fd)
{
    static char bytes[60000];
    int ends[2];
    FILE *f = fopen(from, "rb");
    assert_non_null(f);
    size_t n = fread(bytes, 1, sizeof bytes, f);
    assert_int_equal(fclose(f), 0);
    assert_true(n < sizeof bytes);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], bytes, n), (ssize_t)n);
    assert_int_equal(close(ends[1]), 0);
    *fd = ends[0];
    (void)snprintf(path, 32, "/dev/fd/%d", ends[0]);
}

static void what_comes_on_a_pipe_is_read_like_a_file(void **state)
{
    struct t *t = *state;
    struct place p;
    place_make(&p);
    place_write(&p, "x.csv", "a,b\n1,x\n2,\n");
    save_parquet(t, place_path(&p, "x.parquet"), "a int64; b utf8",
                 "{\"a\":1,\"b\":\"x\"}\n{\"a\":2}\n");
    static const char *const names[] = {"x.csv", "x.parquet"};
    for (size_t i = 0; i < 2; i++) {
        char path[32];
        int fd = -1;
        pipe_of(place_path(&p, names[i]), path, &fd);
        expect(t, path, "b utf8; a int64; c date", "x|1|~\n~|2|~\n");
        assert_int_equal(close(fd), 0);
    }
    place_drop(&p);
}

static void types_come_from_rows_that_are_read_again(void **state)
{
    struct t *t = *state;
    struct place p;
    struct buf out;
    char path[32];
    int fd = -1;
    struct rows_input_options o = {.infer = true};
    place_make(&p);
    place_write(&p, "x.csv", "a,b,c\n1,x,2001-01-31\n2,,\n");
    place_write(&p, "x.ndjson", "{\"a\":1,\"b\":\"x\",\"c\":\"2001-01-31\"}\n{\"a\":2}\n");
    static const char *const names[] = {"x.csv", "x.ndjson"};
    for (size_t i = 0; i < 2; i++) {
        buf_init(&out, alloc_system(), 1 << 20);
        pipe_of(place_path(&p, names[i]), path, &fd);
        assert_ok(t, read_file(t, path, &o, &out));
        assert_int_equal(buf_append_u8(&out, 0, NULL), SLP_OK);
        assert_string_equal((const char *)out.ptr, "1|x|2001-01-31\n2|~|~\n");
        assert_int_equal(close(fd), 0);
        buf_fini(&out);
    }
    o.infer = false;
    buf_init(&out, alloc_system(), 1 << 20);
    assert_rc(t, read_file(t, place_path(&p, "x.csv"), &o, &out), SLP_INVALID);
    buf_fini(&out);
    place_drop(&p);
}

static void columns_may_be_chosen_after_they_are_known(void **state)
{
    struct t *t = *state;
    struct place p;
    place_make(&p);
    place_write(&p, "x.csv", "a,b\n1,x\n");
    save_parquet(t, place_path(&p, "x.parquet"), "a int64; b utf8", "{\"a\":1,\"b\":\"x\"}\n");
    static const char *const names[] = {"x.csv", "x.parquet"};
    for (size_t i = 0; i < 2; i++) {
        struct sample s;
        struct rows_input *in = NULL;
        struct arr_stream *stream = NULL;
        struct arr_batch b = {0};
        struct rows_input_options o = {.infer = true};
        assert_ok(t, rows_input_open(&t->mem, place_path(&p, names[i]), &o, &in, &t->err));
        assert_int_equal(rows_input_schema(in)->count, 2);
        assert_ok(t, rows_input_want(in, sample_schema(&s, "b utf8"), &t->err));
        assert_ok(t, rows_input_part(in, 0, &t->mem, &stream, &t->err));
        assert_ok(t, arr_stream_next(stream, &b, &t->err));
        assert_int_equal(b.schema->count, 1);
        assert_memory_equal(arr_col_bytes(&b.cols[0], 0).ptr, "x", 1);
        arr_batch_fini(&b);
        arr_stream_close(stream);
        rows_input_close(in);
    }
    place_drop(&p);
}

static void inputs_survive_every_fault(void **state)
{
    struct t *t = *state;
    struct place p;
    place_make(&p);
    place_write(&p, "x.csv", "a,b\n1,x\n");
    place_write(&p, "x.ndjson", "{\"a\":1,\"b\":\"x\"}\n");
    save_parquet(t, place_path(&p, "x.parquet"), "a int32; b utf8", "{\"a\":1,\"b\":\"x\"}\n");
    static const char *const names[] = {"x.csv", "x.ndjson", "x.parquet"};
    for (size_t i = 0; i < 3; i++) {
        T_FAULT_LOOP(t) {
            struct sample s;
            struct arena a;
            struct buf out;
            struct arr_schema own = {0};
            struct rows_input_options o = {.want = sample_schema(&s, "a int64; b utf8; c bool")};
            buf_init(&out, alloc_system(), 1 << 20);
            arena_init(&a, &t->mem, 1 << 20);
            slp_rc rc = read_file(t, place_path(&p, names[i]), &o, &out);
            if (rc == SLP_OK)
                rc = rows_file_schema(&t->mem, p.joined, ROWS_AUTO, &a, &own, &t->err);
            assert_true(t->fault_hit ? rc == SLP_NO_MEMORY : rc == SLP_OK);
            arena_fini(&a);
            buf_fini(&out);
        }
    }
    place_drop(&p);
}

/* Read how the text of the third row begins, of a file whose dictionaries are kept, as `schema` wants it. */
static slp_rc read_kept(struct t *t, const char *path, const char *schema, char *out)
{
    struct sample s;
    struct rows_input *in = NULL;
    struct arr_stream *stream = NULL;
    struct arr_batch b = {0};
    struct rows_input_options o = {.want = sample_schema(&s, schema)};
    slp_rc rc = rows_input_open(&t->mem, path, &o, &in, &t->err);
    if (rc == SLP_OK) {
        rows_input_keep_dictionaries(in);
        rc = rows_input_part(in, 0, &t->mem, &stream, &t->err);
    }
    if (rc == SLP_OK)
        rc = arr_stream_next(stream, &b, &t->err);
    if (rc == SLP_OK) {
        bool is_kept = b.cols[0].type.kind == ARR_UTF8;
        assert_true(is_kept == (b.cols[0].dictionary != NULL));
        *out = (char)*arr_col_bytes(&b.cols[0], 2).ptr;
    }
    arr_batch_fini(&b);
    arr_stream_close(stream);
    rows_input_close(in);
    return rc;
}

static void dictionaries_are_kept_but_where_the_type_widens_and_survive_every_fault(void **state)
{
    struct t *t = *state;
    struct place p;
    place_make(&p);
    char path[512];
    (void)snprintf(path, sizeof path, "%s", place_path(&p, "x.parquet"));
    const char *word = "{\"b\":\"a word that is long enough for a dictionary\"}\n";
    char text[4096] = "";
    for (size_t i = 0; i < 40; i++)
        (void)strcat(text, word);
    save_parquet(t, path, "b utf8", text);
    static const char *const schemas[] = {"b utf8", "b binary"};
    for (size_t i = 0; i < 2; i++) {
        T_FAULT_LOOP(t) {
            char first = 0;
            slp_rc rc = read_kept(t, path, schemas[i], &first);
            assert_true(t->fault_hit ? rc == SLP_NO_MEMORY : rc == SLP_OK && first == 'a');
        }
    }
    place_drop(&p);
}

T_MAIN(T_TEST(dictionaries_are_kept_but_where_the_type_widens_and_survive_every_fault),
       T_TEST(the_same_rows_come_from_every_format), T_TEST(types_widen_without_loss),
       T_TEST(a_time_that_does_not_fit_is_named_by_row),
       T_TEST(text_that_is_no_utf8_is_refused_though_its_bytes_together_are),
       T_TEST(null_is_refused_where_it_arrives),
       T_TEST(the_files_own_columns_come_when_none_are_wanted),
       T_TEST(files_that_cannot_be_read_say_why), T_TEST(the_part_of_a_text_is_opened_once),
       T_TEST(row_groups_are_parts_of_their_own), T_TEST(schemas_of_files_are_found),
       T_TEST(what_comes_on_a_pipe_is_read_like_a_file),
       T_TEST(types_come_from_rows_that_are_read_again),
       T_TEST(columns_may_be_chosen_after_they_are_known), T_TEST(inputs_survive_every_fault))
