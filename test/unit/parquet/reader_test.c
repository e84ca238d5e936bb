#include "parquet/reader.h"

#include <stdio.h>

#include "lib/t.h"
#include "parquet/chunk.h"
#include "parquet/writer.h"

#define GROUP_ROWS 1000
#define GROUPS     3

static struct arr_field fields[] = {
    {.name = "id", .type = {.kind = ARR_INT64}, .id = 1},
    {.name = "word", .type = {.kind = ARR_UTF8}, .nullable = true, .id = 2},
    {.name = "x", .type = {.kind = ARR_DOUBLE}, .nullable = true, .id = 3},
};
static const struct arr_schema schema = {.fields = fields, .count = 3};

/* Row `row` of the file: id is the row, every fifth word is null, every third x. */
static void append_row(struct t *t, struct arr_batch *b, int64_t row)
{
    char word[40];
    int n = snprintf(word, sizeof word, "word-%lld", (long long)(row % 700));
    assert_ok(t, arr_col_append_i64(&b->cols[0], row, &t->err));
    if (row % 5)
        assert_ok(t, arr_col_append(&b->cols[1], slice_of(word, (size_t)n), &t->err));
    else
        assert_ok(t, arr_col_append_null(&b->cols[1], &t->err));
    if (row % 3)
        assert_ok(t, arr_col_append_f64(&b->cols[2], (double)row / 7, &t->err));
    else
        assert_ok(t, arr_col_append_null(&b->cols[2], &t->err));
    b->rows++;
}

/* GROUPS row groups, pages of 300 rows and less, so that page ends of columns differ. */
static void write_file(struct t *t, struct buf *out)
{
    struct buf_sink sink;
    struct pq_write_options options;
    struct pq_writer *w = NULL;
    buf_init(out, &t->mem, 1 << 24);
    sink_buf_init(&sink, "test", out);
    pq_write_options_init(&options);
    options.page_bytes = 1500;
    assert_ok(t, pq_writer_new(&t->mem, &sink.base, &schema, &options, &w, &t->err));
    for (int64_t g = 0; g < GROUPS; g++) {
        struct arr_batch b;
        struct pq_group *group = NULL;
        uint64_t offset = 0;
        assert_ok(t, arr_batch_init(&b, &t->mem, &schema, &t->err));
        for (int64_t row = 0; row < GROUP_ROWS; row++)
            append_row(t, &b, g * GROUP_ROWS + row);
        assert_ok(t, pq_group_new(&t->mem, &schema, &options, &group, &t->err));
        assert_ok(t, pq_group_encode(group, &b, 300, &t->err));
        assert_ok(t, pq_writer_group(w, group, &offset, &t->err));
        pq_group_free(group);
        arr_batch_fini(&b);
    }
    assert_ok(t, pq_writer_finish(w, NULL, NULL, &t->err));
    pq_writer_free(w);
}

/* Check a row of a batch whose columns are those of `columns`. */
static void assert_row(const struct arr_batch *b, int64_t at, int64_t row)
{
    for (size_t i = 0; i < b->schema->count; i++) {
        const struct arr_col *c = &b->cols[i];
        char word[40];
        switch (b->schema->fields[i].id) {
        case 1:
            assert_int_equal(arr_col_i64(c, at), row);
            break;
        case 2:
            snprintf(word, sizeof word, "word-%lld", (long long)(row % 700));
            assert_int_equal(arr_col_is_null(c, at), row % 5 == 0);
            assert_true(slice_is(arr_col_bytes(c, at), row % 5 ? word : ""));
            break;
        default:
            assert_int_equal(arr_col_is_null(c, at), row % 3 == 0);
            assert_true(row % 3 == 0 || arr_col_f64(c, at) == (double)row / 7);
        }
    }
}

static slp_rc read_all(struct t *t, const struct pq_file *f, struct source *src,
                       const struct pq_read_options *options, int64_t first_row, int64_t *rows)
{
    struct arr_stream *s = NULL;
    struct arr_batch b = {0};
    int64_t limit = options->batch_rows ? options->batch_rows : PQ_BATCH_ROWS_DEFAULT;
    *rows = 0;
    slp_rc rc = pq_read(f, src, options, &t->mem, &s, &t->err);
    while (rc == SLP_OK && (rc = arr_stream_next(s, &b, &t->err)) == SLP_OK) {
        assert_true(b.rows > 0 && b.rows <= limit);
        for (int64_t i = 0; i < b.rows; i++)
            assert_row(&b, i, first_row + *rows + i);
        *rows += b.rows;
    }
    if (rc == SLP_DONE)
        assert_int_equal(arr_stream_next(s, &b, &t->err), SLP_DONE);
    arr_batch_fini(&b);
    arr_stream_close(s);
    return rc == SLP_DONE ? SLP_OK : rc;
}

static void batches_of_any_size_hold_all_rows(void **state)
{
    struct t *t = *state;
    static const int64_t sizes[] = {0, 1, 7, 299, 300, 301, 999, 1000, 5000};
    struct buf bytes;
    struct pq_file *f = NULL;
    write_file(t, &bytes);
    struct source *src = t_source(t, bytes.ptr, bytes.len);
    assert_ok(t, pq_file_open(src, &t->mem, &f, &t->err));
    assert_int_equal(pq_file_meta(f)->rows, GROUPS * GROUP_ROWS);
    assert_int_equal(pq_file_meta(f)->schema.fields[1].id, 2);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        int64_t rows = 0;
        struct pq_read_options options = {.batch_rows = sizes[i]};
        assert_ok(t, read_all(t, f, src, &options, 0, &rows));
        assert_int_equal(rows, GROUPS * GROUP_ROWS);
    }
    pq_file_free(f);
    buf_fini(&bytes);
}

static void chosen_columns_and_groups_are_read_alone(void **state)
{
    struct t *t = *state;
    static const size_t columns[] = {2, 0};
    struct buf bytes;
    struct pq_file *f = NULL;
    int64_t rows = 0;
    write_file(t, &bytes);
    struct source *src = t_source(t, bytes.ptr, bytes.len);
    assert_ok(t, pq_file_open(src, &t->mem, &f, &t->err));
    struct pq_read_options options = {
        .columns = columns, .column_count = 2, .first_group = 1, .group_count = 1};
    uint64_t reads = src->reads;
    uint64_t rounds = src->rounds;
    assert_ok(t, read_all(t, f, src, &options, GROUP_ROWS, &rows));
    assert_int_equal(rows, GROUP_ROWS);
    /* Small chunks: one round brings both whole. */
    assert_int_equal(src->rounds - rounds, 1);
    assert_int_equal(src->reads - reads, 2);
    options.group_count = 0;
    assert_ok(t, read_all(t, f, src, &options, GROUP_ROWS, &rows));
    assert_int_equal(rows, 2 * GROUP_ROWS);
    options = (struct pq_read_options){.columns = columns, .column_count = 0};
    assert_ok(t, read_all(t, f, src, &options, 0, &rows));
    assert_int_equal(rows, GROUPS * GROUP_ROWS);
    options = (struct pq_read_options){.first_group = GROUPS};
    assert_ok(t, read_all(t, f, src, &options, 0, &rows));
    assert_int_equal(rows, 0);
    pq_file_free(f);
    buf_fini(&bytes);
}

static void wrong_options_are_invalid(void **state)
{
    struct t *t = *state;
    static const size_t columns[] = {3};
    static const struct pq_read_options cases[] = {
        {.columns = columns, .column_count = 1},
        {.first_group = GROUPS + 1},
        {.first_group = 1, .group_count = GROUPS},
        {.batch_rows = -1},
    };
    struct buf bytes;
    struct pq_file *f = NULL;
    struct arr_stream *s = NULL;
    write_file(t, &bytes);
    struct source *src = t_source(t, bytes.ptr, bytes.len);
    assert_ok(t, pq_file_open(src, &t->mem, &f, &t->err));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_rc(t, pq_read(f, src, &cases[i], &t->mem, &s, &t->err), SLP_INVALID);
        assert_null(s);
    }
    pq_file_free(f);
    buf_fini(&bytes);
}

static void small_windows_move_and_grow(void **state)
{
    struct t *t = *state;
    static const size_t windows[] = {1, 16, 100, 1000, 4000, 1 << 20};
    struct buf bytes;
    struct pq_file *f = NULL;
    struct cx_codec *codec = NULL;
    write_file(t, &bytes);
    struct source *src = t_source(t, bytes.ptr, bytes.len);
    assert_ok(t, pq_file_open(src, &t->mem, &f, &t->err));
    assert_ok(t, cx_codec_new(&t->mem, &codec, &t->err));
    const struct pq_meta *m = pq_file_meta(f);
    for (size_t i = 0; i < sizeof windows / sizeof *windows; i++) {
        struct pq_chunk_reader r;
        struct io_range range;
        struct arr_col c;
        pq_chunk_reader_init(&r, &t->mem, &m->columns[0], src, codec, true);
        arr_col_init(&c, &t->mem, m->columns[0].type);
        for (size_t g = 0; g < 2; g++) {
            const struct pq_chunk_start start = {.chunk = &m->groups[g].chunks[0],
                                                 .window_bytes = windows[i]};
            assert_ok(t, pq_chunk_begin(&r, &start, &range, &t->err));
            assert_ok(t, source_read(src, &range, 1, &t->err));
            assert_ok(t, pq_chunk_rows(&r, 10, &c, &t->err));
            assert_ok(t, pq_chunk_rows(&r, GROUP_ROWS - 10, &c, &t->err));
            assert_rc(t, pq_chunk_rows(&r, 1, &c, &t->err), SLP_CORRUPT);
        }
        assert_int_equal(c.rows, 2 * GROUP_ROWS);
        for (int64_t row = 0; row < c.rows; row++)
            assert_int_equal(arr_col_i64(&c, row), row);
        arr_col_fini(&c);
        pq_chunk_reader_fini(&r);
    }
    cx_codec_free(codec);
    pq_file_free(f);
    buf_fini(&bytes);
}

/* With small windows every page is large; behind it neither its bytes nor the window are kept. */
static void buffers_of_large_pages_are_given_back(void **state)
{
    struct t *t = *state;
    struct buf bytes;
    struct pq_file *f = NULL;
    struct cx_codec *codec = NULL;
    struct pq_chunk_reader r;
    struct io_range range;
    struct arr_col c;
    write_file(t, &bytes);
    struct source *src = t_source(t, bytes.ptr, bytes.len);
    assert_ok(t, pq_file_open(src, &t->mem, &f, &t->err));
    assert_ok(t, cx_codec_new(&t->mem, &codec, &t->err));
    const struct pq_meta *m = pq_file_meta(f);
    const struct pq_chunk *chunk = &m->groups[0].chunks[1];
    assert_int_not_equal(chunk->codec, CX_NONE);
    for (size_t window = 16; window <= 1 << 20; window <<= 16) {
        pq_chunk_reader_init(&r, &t->mem, &m->columns[1], src, codec, true);
        arr_col_init(&c, &t->mem, m->columns[1].type);
        const struct pq_chunk_start start = {.chunk = chunk, .window_bytes = window};
        assert_ok(t, pq_chunk_begin(&r, &start, &range, &t->err));
        assert_ok(t, source_read(src, &range, 1, &t->err));
        assert_ok(t, pq_chunk_rows(&r, GROUP_ROWS, &c, &t->err));
        assert_int_equal(r.window.cap == 0, window == 16);
        arr_col_fini(&c);
        pq_chunk_reader_fini(&r);
    }
    cx_codec_free(codec);
    pq_file_free(f);
    buf_fini(&bytes);
}

static void a_damaged_page_is_named_and_ends_the_stream(void **state)
{
    struct t *t = *state;
    struct buf bytes;
    struct pq_file *f = NULL;
    struct arr_stream *s = NULL;
    struct arr_batch b = {0};
    write_file(t, &bytes);
    struct source *src = t_source(t, bytes.ptr, bytes.len);
    assert_ok(t, pq_file_open(src, &t->mem, &f, &t->err));
    const struct pq_chunk *c = &pq_file_meta(f)->groups[1].chunks[2];
    bytes.ptr[c->data_page_offset + c->compressed_bytes - 3] ^= 0x40;
    struct pq_read_options options = {0};
    assert_ok(t, pq_read(f, src, &options, &t->mem, &s, &t->err));
    assert_ok(t, arr_stream_next(s, &b, &t->err));
    assert_rc(t, arr_stream_next(s, &b, &t->err), SLP_CORRUPT);
    assert_err_has(t, "column \"x\", row group 1: page at offset ");
    assert_err_has(t, "checksum");
    assert_int_equal(b.rows, 0);
    assert_rc(t, arr_stream_next(s, &b, &t->err), SLP_CORRUPT);
    assert_err_has(t, "failed before");
    arr_batch_fini(&b);
    arr_stream_close(s);
    pq_file_free(f);
    buf_fini(&bytes);
}

/* Without checksums every changed byte reaches the decoders. */
static void changed_files_are_read_or_refused(void **state)
{
    struct t *t = *state;
    struct buf bytes;
    write_file(t, &bytes);
    for (size_t round = 0; round < 1500; round++) {
        size_t at = (size_t)t_below(t, bytes.len);
        uint8_t kept = bytes.ptr[at];
        bytes.ptr[at] = (uint8_t)t_random(t);
        struct source *src = t_source(t, bytes.ptr, bytes.len);
        struct pq_file *f = NULL;
        slp_rc rc = pq_file_open(src, &t->mem, &f, &t->err);
        struct arr_stream *s = NULL;
        struct arr_batch b = {0};
        struct pq_read_options options = {.crc = PQ_CRC_NEVER};
        if (rc == SLP_OK)
            rc = pq_read(f, src, &options, &t->mem, &s, &t->err);
        while (rc == SLP_OK)
            rc = arr_stream_next(s, &b, &t->err);
        assert_true(rc == SLP_DONE || rc == SLP_CORRUPT || rc == SLP_UNSUPPORTED ||
                    rc == SLP_LIMIT);
        arr_batch_fini(&b);
        arr_stream_close(s);
        pq_file_free(f);
        bytes.ptr[at] = kept;
    }
    buf_fini(&bytes);
}

static void readers_survive_every_fault(void **state)
{
    struct t *t = *state;
    struct buf bytes;
    write_file(t, &bytes);
    T_FAULT_LOOP(t) {
        struct source *src = t_source(t, bytes.ptr, bytes.len);
        struct pq_file *f = NULL;
        int64_t rows = 0;
        struct pq_read_options options = {.batch_rows = 400};
        slp_rc rc = pq_file_open(src, &t->mem, &f, &t->err);
        if (rc == SLP_OK)
            rc = read_all(t, f, src, &options, 0, &rows);
        assert_int_equal(rc != SLP_OK, t->fault_hit);
        pq_file_free(f);
    }
    buf_fini(&bytes);
}

T_MAIN(T_TEST(batches_of_any_size_hold_all_rows), T_TEST(chosen_columns_and_groups_are_read_alone),
       T_TEST(wrong_options_are_invalid), T_TEST(small_windows_move_and_grow),
       T_TEST(buffers_of_large_pages_are_given_back),
       T_TEST(a_damaged_page_is_named_and_ends_the_stream),
       T_TEST(changed_files_are_read_or_refused), T_TEST(readers_survive_every_fault))
