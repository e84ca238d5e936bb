/* rooms: parquet */
#include <stdio.h>
#include <stdlib.h>

#include "base/num.h"
#include "lib/t.h"
#include "parquet/reader.h"
#include "parquet/writer.h"

/* Columns that differ by a thousand and more in what they take: pages stay pages, and what is
 * written comes back. */

#define INTS       400
#define TEXT_BYTES 1024
#define BLOB_BYTES (1u << 20)
#define BLOCK_ROWS 512
#define PAGE_BYTES ((size_t)1 << 20)

static void name_fields(struct arr_field *fields, char (*names)[16], size_t ints,
                        enum arr_kind wide)
{
    for (size_t i = 0; i < ints; i++) {
        (void)snprintf(names[i], sizeof names[i], "n%zu", i);
        fields[i] = (struct arr_field){.name = names[i], .type = {.kind = ARR_INT32}};
    }
    fields[ints] = (struct arr_field){.name = "wide", .type = {.kind = wide}};
}

static void fill(struct t *t, struct arr_batch *b, size_t ints, size_t wide_bytes, int64_t rows)
{
    uint8_t *bytes = malloc(wide_bytes);
    assert_non_null(bytes);
    for (int64_t row = 0; row < rows; row++) {
        for (size_t i = 0; i < ints; i++)
            assert_ok(t, arr_col_append_i64(&b->cols[i], (int64_t)t_below(t, 100000), &t->err));
        for (size_t i = 0; i < wide_bytes; i++)
            bytes[i] = (uint8_t)('a' + (t_random(t) >> 40) % 26);
        assert_ok(t, arr_col_append(&b->cols[ints], slice_of(bytes, wide_bytes), &t->err));
    }
    b->rows = rows;
    free(bytes);
}

/* Each block begins a page of every column, and no page of several rows is larger than asked. */
static void check_pages(const struct pq_group *g, size_t columns, int64_t rows)
{
    for (size_t i = 0; i < columns; i++) {
        struct pq_chunk_place place;
        int64_t next = 0;
        pq_group_place(g, i, &place);
        for (size_t k = 0; k < place.page_count; k++) {
            const struct pq_page_place *p = &place.pages[k];
            assert_int_equal(p->first_row, next);
            next += p->rows;
            assert_int_equal(p->first_row / BLOCK_ROWS, (next - 1) / BLOCK_ROWS);
            assert_true(p->rows == 1 || p->bytes <= PAGE_BYTES + 4096);
        }
        assert_int_equal(next, rows);
    }
}

static void check_values(struct t *t, struct slice file, const struct arr_batch *want)
{
    struct memory_source src;
    struct pq_file *f = NULL;
    struct arr_stream *stream = NULL;
    struct arr_batch got = {0};
    const struct pq_read_options o = {0};
    int64_t row = 0;
    slp_rc rc = SLP_OK;
    source_memory_init(&src, "wide", file);
    assert_ok(t, pq_file_open(&src.base, &t->mem, &f, &t->err));
    assert_ok(t, pq_read(f, &src.base, &o, &t->mem, &stream, &t->err));
    while ((rc = arr_stream_next(stream, &got, &t->err)) == SLP_OK) {
        for (size_t i = 0; i < want->schema->count; i++)
            for (int64_t k = 0; k < got.rows; k++)
                assert_true(slice_equal(arr_col_bytes(&got.cols[i], k),
                                        arr_col_bytes(&want->cols[i], row + k)));
        row += got.rows;
    }
    assert_int_equal(rc, SLP_DONE);
    assert_int_equal(row, want->rows);
    arr_batch_fini(&got);
    arr_stream_close(stream);
    pq_file_free(f);
}

/* Write rows of `ints` numbers and one wide value, look at the pages, and read all back. */
static void check(struct t *t, size_t ints, enum arr_kind wide, size_t wide_bytes, int64_t rows)
{
    static struct arr_field fields[INTS + 1];
    static char names[INTS][16];
    const struct arr_schema schema = {.fields = fields, .count = ints + 1};
    struct arr_batch b = {0};
    struct buf file;
    struct buf_sink sink;
    struct pq_write_options o;
    struct pq_writer *w = NULL;
    struct pq_group *g = NULL;
    name_fields(fields, names, ints, wide);
    pq_write_options_init(&o);
    buf_init(&file, alloc_system(), (size_t)1 << 30);
    sink_buf_init(&sink, "wide", &file);
    assert_ok(t, arr_batch_init(&b, &t->mem, &schema, &t->err));
    fill(t, &b, ints, wide_bytes, rows);
    size_t before = t->live_bytes;
    t->peak_bytes = before;
    assert_ok(t, pq_writer_new(&t->mem, &sink.base, &schema, &o, &w, &t->err));
    assert_ok(t, pq_group_new(&t->mem, &schema, &o, &g, &t->err));
    assert_ok(t, pq_writer_rows(w, g, &b, BLOCK_ROWS, &t->err));
    assert_ok(t, pq_writer_finish(w, NULL, NULL, &t->err));
    /* The wide column's chunk, in a buffer that doubles, and what a page and a dictionary take. */
    assert_true(t->peak_bytes - before <= 2 * wide_bytes * (size_t)rows + 8 * PAGE_BYTES);
    check_pages(g, ints + 1, rows);
    check_values(t, buf_slice(&file), &b);
    pq_group_free(g);
    pq_writer_free(w);
    arr_batch_fini(&b);
    buf_fini(&file);
}

static void text_of_a_kilobyte_stands_beside_hundreds_of_numbers(void **state)
{
    check(*state, INTS, ARR_UTF8, TEXT_BYTES, 3 * BLOCK_ROWS - 7);
}

static void blobs_of_a_megabyte_have_a_page_each(void **state)
{
    check(*state, 2, ARR_BINARY, BLOB_BYTES, 9);
}

T_MAIN(T_TEST(text_of_a_kilobyte_stands_beside_hundreds_of_numbers),
       T_TEST(blobs_of_a_megabyte_have_a_page_each))
