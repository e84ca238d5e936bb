#include "parquet/carry.h"

#include "lib/random_rows.h"
#include "parquet/group_priv.h"
#include "parquet/histogram.h"
#include "parquet/reader.h"

/*
 * Random columns are written as a file, groups of its blocks are carried into a second one, and
 * what the second says and holds is compared with the first.
 */

#define ROWS       4000
#define BLOCK_ROWS 250

struct file {
    struct buf bytes;
    struct buf footer;
    struct arena arena;
    struct pq_meta meta;
};

struct two {
    struct arena arena;
    struct arr_schema schema;
    struct pq_write_options options;
    struct arr_batch rows;
    struct pq_group *group;
    struct file from;
};

static void parse(struct t *t, struct file *f)
{
    struct source *src = t_source(t, f->bytes.ptr, f->bytes.len);
    buf_init(&f->footer, &t->mem, PQ_FOOTER_MAX_BYTES);
    arena_init(&f->arena, &t->mem, 1 << 26);
    assert_ok(t, pq_footer_read(src, &f->footer, &t->err));
    assert_ok(t, pq_meta_parse(buf_slice(&f->footer), f->bytes.len, &f->arena, &f->meta, &t->err));
    source_close(src);
}

static void file_fini(struct file *f)
{
    buf_fini(&f->bytes);
    buf_fini(&f->footer);
    arena_fini(&f->arena);
}

/* Two row groups of the same rows. */
static void begin(struct t *t, struct two *w, const struct t_shape *shape, size_t columns)
{
    struct pq_writer *writer = NULL;
    struct buf_sink sink;
    uint64_t offset = 0;
    memset(w, 0, sizeof *w);
    arena_init(&w->arena, &t->mem, 1 << 24);
    pq_write_options_init(&w->options);
    t_random_schema(t, &w->arena, shape, columns, &w->schema);
    t_random_batch(t, &w->schema, shape, ROWS, &w->rows);
    assert_ok(t, pq_group_new(&t->mem, &w->schema, &w->options, &w->group, &t->err));
    assert_ok(t, pq_group_encode(w->group, &w->rows, BLOCK_ROWS, &t->err));
    buf_init(&w->from.bytes, &t->mem, 1 << 28);
    sink_buf_init(&sink, "from", &w->from.bytes);
    assert_ok(t, pq_writer_new(&t->mem, &sink.base, &w->schema, &w->options, &writer, &t->err));
    for (int i = 0; i < 2; i++)
        assert_ok(t, pq_writer_group(writer, w->group, &offset, &t->err));
    assert_ok(t, pq_writer_finish(writer, NULL, NULL, &t->err));
    pq_writer_free(writer);
    parse(t, &w->from);
}

static void finish(struct two *w)
{
    pq_group_free(w->group);
    arr_batch_fini(&w->rows);
    file_fini(&w->from);
    arena_fini(&w->arena);
}

static slp_rc carry(struct t *t, struct two *w, int64_t first, int64_t count, bool *done)
{
    struct source *src = t_source(t, w->from.bytes.ptr, w->from.bytes.len);
    struct pq_carry what = {
        .meta = &w->from.meta, .src = src, .group = 1, .first = first, .count = count};
    slp_rc rc = pq_group_carry(w->group, &what, done, &t->err);
    source_close(src);
    return rc;
}

/* Rows of the only group that `to` has are those from `first` on. */
static void expect_rows(struct t *t, const struct two *w, struct file *to, int64_t first,
                        int64_t count)
{
    struct source *src = t_source(t, to->bytes.ptr, to->bytes.len);
    struct pq_file *file = NULL;
    struct arr_stream *stream = NULL;
    struct arr_batch got = {0};
    struct arr_batch expected;
    struct pq_read_options o = {.batch_rows = ROWS};
    assert_ok(t, arr_batch_init(&expected, &t->mem, &w->schema, &t->err));
    assert_ok(t, arr_batch_append_run(&expected, &w->rows, first, count, &t->err));
    assert_ok(t, pq_file_open(src, &t->mem, &file, &t->err));
    assert_ok(t, pq_read(file, src, &o, &t->mem, &stream, &t->err));
    assert_ok(t, arr_stream_next(stream, &got, &t->err));
    t_assert_batch_equal(&got, &expected);
    assert_rc(t, arr_stream_next(stream, &got, &t->err), SLP_DONE);
    arr_batch_fini(&got);
    arr_stream_close(stream);
    pq_file_free(file);
    source_close(src);
    arr_batch_fini(&expected);
}

/* The group, carried, as a file of its own. */
static void write_carried(struct t *t, struct two *w, struct file *to)
{
    struct pq_writer *writer = NULL;
    struct buf_sink sink;
    uint64_t offset = 0;
    buf_init(&to->bytes, &t->mem, 1 << 28);
    sink_buf_init(&sink, "to", &to->bytes);
    assert_ok(t, pq_writer_new(&t->mem, &sink.base, &w->schema, &w->options, &writer, &t->err));
    assert_ok(t, pq_writer_group(writer, w->group, &offset, &t->err));
    assert_ok(t, pq_writer_finish(writer, NULL, NULL, &t->err));
    pq_writer_free(writer);
    parse(t, to);
}

/* The level histograms of the carried pages are those of their rows. */
static void expect_histograms(const struct two *w, int64_t first)
{
    size_t counted = 0;
    for (size_t i = 0; i < w->schema.count; i++) {
        const struct pq_leaf_field *leaf = pq_group_leaf_field(w->group, i);
        const struct pq_chunk_facts *c = pq_group_chunk(w->group, i);
        const int64_t *counts = pq_group_histograms(w->group, c);
        assert_int_equal(c->first_count, counted);
        counted += c->page_count * pq_histogram_width(leaf);
        for (size_t page = 0; leaf->definition_max && page < c->page_count; page++) {
            const struct pq_page_place *place = pq_group_page(w->group, c, page);
            int64_t nulls = 0;
            for (int64_t row = 0; row < place->rows; row++)
                nulls += arr_col_is_null(&w->rows.cols[i], first + place->first_row + row);
            assert_int_equal(counts[2 * page], nulls);
            assert_int_equal(counts[2 * page + 1], place->rows - nulls);
        }
    }
}

static void carried_pages_hold_the_rows_and_say_what_encoded_ones_say(void **state)
{
    struct t *t = *state;
    for (int round = 0; round < 30; round++) {
        struct two w;
        struct file carried = {0};
        struct file encoded = {0};
        struct t_shape shape = {.depth = 1,
                                .null_percent = round % 3 ? 20 : 0,
                                .few_values = round % 2 == 0,
                                .without_null = true,
                                .only_parquet = true};
        bool done = false;
        begin(t, &w, &shape, 1 + t_below(t, 6));
        int64_t first = BLOCK_ROWS * (int64_t)t_below(t, ROWS / BLOCK_ROWS - 4);
        int64_t count = BLOCK_ROWS * (1 + (int64_t)t_below(t, 4));
        assert_ok(t, carry(t, &w, first, count, &done));
        if (!done) { /* a dictionary larger than the few pages asked for */
            finish(&w);
            continue;
        }
        assert_int_equal(pq_group_rows(w.group), count);
        expect_histograms(&w, first);
        write_carried(t, &w, &carried);
        expect_rows(t, &w, &carried, first, count);
        bool whole = false;
        assert_ok(t, carry(t, &w, 0, ROWS, &whole));
        assert_true(whole);
        write_carried(t, &w, &encoded);
        for (size_t i = 0; i < w.schema.count; i++) {
            const struct pq_chunk *a = &encoded.meta.groups[0].chunks[i];
            const struct pq_chunk *b = &w.from.meta.groups[1].chunks[i];
            assert_int_equal(a->value_count, b->value_count);
            assert_int_equal(a->null_count, b->null_count);
            assert_int_equal(a->compressed_bytes, b->compressed_bytes);
            assert_int_equal(a->uncompressed_bytes, b->uncompressed_bytes);
            assert_int_equal(a->codec, b->codec);
            assert_true(slice_equal(a->min_value, b->min_value));
            assert_true(slice_equal(a->max_value, b->max_value));
            assert_int_equal(a->column_index_bytes, b->column_index_bytes);
        }
        file_fini(&carried);
        file_fini(&encoded);
        finish(&w);
    }
}

static const struct t_shape numbers = {
    .depth = 1, .kinds = (uint64_t)1 << ARR_INT64, .only_parquet = true};

static void rows_that_do_not_begin_or_end_with_pages_are_not_carried(void **state)
{
    struct t *t = *state;
    struct two w;
    bool done = true;
    begin(t, &w, &numbers, 2);
    assert_ok(t, carry(t, &w, BLOCK_ROWS - 1, BLOCK_ROWS, &done));
    assert_false(done);
    assert_int_equal(pq_group_rows(w.group), 0);
    assert_ok(t, carry(t, &w, BLOCK_ROWS, BLOCK_ROWS + 1, &done));
    assert_false(done);
    assert_ok(t, carry(t, &w, ROWS - BLOCK_ROWS, BLOCK_ROWS, &done));
    assert_true(done);
    finish(&w);
}

static void what_the_options_would_make_otherwise_is_not_carried(void **state)
{
    struct t *t = *state;
    struct two w;
    bool done = true;
    struct pq_column_options column = {.bloom = true};
    begin(t, &w, &numbers, 1);
    w.options.codec = CX_SNAPPY;
    assert_ok(t, carry(t, &w, 0, ROWS, &done));
    bool is_plain = w.from.meta.groups[1].chunks[0].codec == CX_NONE;
    assert_int_equal(done, is_plain);
    w.options.codec = CX_ZSTD;
    w.options.page_v2 = true;
    assert_ok(t, carry(t, &w, 0, ROWS, &done));
    assert_false(done);
    w.options.page_v2 = false;
    w.options.columns = &column;
    assert_ok(t, carry(t, &w, 0, ROWS, &done));
    assert_false(done);
    w.options.columns = NULL;
    assert_ok(t, carry(t, &w, 0, ROWS, &done));
    assert_true(done);
    finish(&w);
}

static void a_damaged_page_is_never_carried(void **state)
{
    struct t *t = *state;
    for (int round = 0; round < 50; round++) {
        struct two w;
        bool done = false;
        begin(t, &w, &numbers, 1);
        const struct pq_chunk *chunk = &w.from.meta.groups[1].chunks[0];
        uint64_t begin_at =
            chunk->dictionary_page_offset ? chunk->dictionary_page_offset : chunk->data_page_offset;
        w.from.bytes.ptr[begin_at + t_below(t, chunk->compressed_bytes)] ^=
            (uint8_t)(1 + t_below(t, 255));
        slp_rc rc = carry(t, &w, 0, ROWS, &done);
        assert_true(rc == SLP_CORRUPT || (rc == SLP_OK && !done));
        assert_int_equal(pq_group_rows(w.group), 0);
        err_clear(&t->err);
        finish(&w);
    }
}

static void carrying_survives_every_fault(void **state)
{
    struct t *t = *state;
    struct two w;
    begin(t, &w, &numbers, 3);
    T_FAULT_LOOP(t) {
        struct pq_group *group = NULL;
        bool done = false;
        struct source *src = t_source(t, w.from.bytes.ptr, w.from.bytes.len);
        struct pq_carry what = {.meta = &w.from.meta, .src = src, .count = ROWS};
        slp_rc rc = pq_group_new(&t->mem, &w.schema, &w.options, &group, &t->err);
        if (rc == SLP_OK)
            rc = pq_group_carry(group, &what, &done, &t->err);
        assert_true(t->fault_hit ? rc != SLP_OK : rc == SLP_OK && done);
        assert_true(rc == SLP_OK || !group || pq_group_rows(group) == 0);
        pq_group_free(group);
        source_close(src);
    }
    finish(&w);
}

T_MAIN(T_TEST(carried_pages_hold_the_rows_and_say_what_encoded_ones_say),
       T_TEST(rows_that_do_not_begin_or_end_with_pages_are_not_carried),
       T_TEST(what_the_options_would_make_otherwise_is_not_carried),
       T_TEST(a_damaged_page_is_never_carried), T_TEST(carrying_survives_every_fault))
