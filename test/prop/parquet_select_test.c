/* rooms: parquet */
/*
 * Reading some rows reads what a full scan has in them: whatever ranges or picked rows, types,
 * nesting, page sizes, with offset indexes and without, as dictionaries and plain.
 */
#include <stdlib.h>

#include "base/num.h"
#include "lib/random_rows.h"
#include "lib/t.h"
#include "parquet/reader.h"
#include "parquet/writer.h"

#define ROUNDS     120
#define RANGES     40
#define FILE_BYTES ((size_t)64 << 20)

struct sample {
    struct arena arena;
    struct arr_schema schema;
    struct arr_batch all;
    struct buf bytes;
    struct memory_source src;
    struct pq_file *file;
};

static void write_sample(struct t *t, struct sample *s, size_t groups,
                         const struct arr_batch *batches)
{
    static const enum cx_kind codecs[] = {CX_NONE, CX_SNAPPY, CX_ZSTD};
    struct buf_sink sink;
    struct pq_writer *w = NULL;
    struct pq_group *group = NULL;
    struct pq_write_options o;
    uint64_t offset = 0;
    pq_write_options_init(&o);
    o.codec = codecs[t_below(t, 3)];
    o.page_v2 = t_below(t, 2);
    o.page_bytes = 1 + t_below(t, 300);
    o.no_dictionary = t_below(t, 3) == 0;
    sink_buf_init(&sink, "test", &s->bytes);
    assert_ok(t, pq_writer_new(&t->mem, &sink.base, &s->schema, &o, &w, &t->err));
    assert_ok(t, pq_group_new(&t->mem, &s->schema, &o, &group, &t->err));
    for (size_t i = 0; i < groups; i++) {
        assert_ok(t, pq_group_encode(group, &batches[i], 1 + (int64_t)t_below(t, 200), &t->err));
        assert_ok(t, pq_writer_group(w, group, &offset, &t->err));
    }
    assert_ok(t, pq_writer_finish(w, NULL, NULL, &t->err));
    pq_group_free(group);
    pq_writer_free(w);
}

/* Of a file that others write there may be no index, or none of some columns. */
static void drop_indexes(struct t *t, const struct pq_meta *m)
{
    uint64_t keep = t_below(t, 3);
    for (size_t g = 0; g < m->group_count; g++) {
        for (size_t i = 0; i < m->column_count; i++) {
            if (keep == 0 || (keep == 1 && t_below(t, 2)))
                m->groups[g].chunks[i].offset_index_offset = 0;
        }
    }
}

static void make(struct t *t, struct sample *s)
{
    struct t_shape shape = {.depth = 1 + (unsigned)t_below(t, 4),
                            .children = 1 + (unsigned)t_below(t, 3),
                            .null_percent = (unsigned)t_below(t, 3) * 30,
                            .list_items = (unsigned)t_below(t, 6),
                            .few_values = t_below(t, 2),
                            .only_parquet = true};
    struct arr_batch batches[3];
    size_t groups = 1 + t_below(t, 3);
    memset(s, 0, sizeof *s);
    arena_init(&s->arena, &t->mem, 1 << 24);
    buf_init(&s->bytes, &t->mem, FILE_BYTES);
    t_random_schema(t, &s->arena, &shape, 1 + t_below(t, 4), &s->schema);
    assert_ok(t, arr_batch_init(&s->all, &t->mem, &s->schema, &t->err));
    for (size_t i = 0; i < groups; i++) {
        int64_t rows = t_below(t, 4) ? (int64_t)t_below(t, 1200) : (int64_t)t_below(t, 30);
        t_random_batch(t, &s->schema, &shape, rows, &batches[i]);
        assert_ok(t, arr_batch_append_run(&s->all, &batches[i], 0, rows, &t->err));
    }
    write_sample(t, s, groups, batches);
    for (size_t i = 0; i < groups; i++)
        arr_batch_fini(&batches[i]);
    source_memory_init(&s->src, "test", buf_slice(&s->bytes));
    assert_ok(t, pq_file_open(&s->src.base, &t->mem, &s->file, &t->err));
    drop_indexes(t, pq_file_meta(s->file));
}

static void unmake(struct sample *s)
{
    pq_file_free(s->file);
    arr_batch_fini(&s->all);
    buf_fini(&s->bytes);
    arena_fini(&s->arena);
}

static size_t random_ranges(struct t *t, int64_t rows, struct pq_row_range *out)
{
    size_t count = t_below(t, RANGES);
    int64_t at = 0;
    int64_t gap = 1 + rows / (int64_t)(count + 1);
    for (size_t i = 0; i < count; i++) {
        out[i].lo = num_min_i64(rows, at + (int64_t)t_below(t, (uint64_t)(2 * gap)));
        out[i].hi = num_min_i64(rows, out[i].lo + (int64_t)t_below(t, (uint64_t)(2 * gap)));
        at = out[i].hi;
    }
    return count;
}

/* The stream has these rows of the sample and no others. */
static void assert_rows(struct t *t, const struct sample *s, struct arr_stream *stream,
                        const uint32_t *rows, size_t count)
{
    struct arr_batch b = {0};
    slp_rc rc = SLP_OK;
    size_t at = 0;
    while ((rc = arr_stream_next(stream, &b, &t->err)) == SLP_OK) {
        assert_true(b.rows > 0 && (size_t)b.rows <= count - at);
        for (size_t i = 0; i < s->schema.count; i++) {
            t_assert_col_sound(&b.cols[i]);
            for (int64_t r = 0; r < b.rows; r++)
                assert_true(t_value_equal(&b.cols[i], r, &s->all.cols[i], rows[at + (size_t)r]));
        }
        at += (size_t)b.rows;
    }
    assert_rc(t, rc, SLP_DONE);
    assert_int_equal(at, count);
    arr_batch_fini(&b);
    arr_stream_close(stream);
}

static void ranges_of_rows_are_those_of_a_full_scan(void **state)
{
    struct t *t = *state;
    for (int round = 0; round < ROUNDS; round++) {
        struct sample s;
        struct pq_row_range ranges[RANGES];
        struct arr_stream *stream = NULL;
        uint32_t *rows = NULL;
        size_t count = 0;
        make(t, &s);
        rows = malloc(((size_t)s.all.rows + 1) * sizeof *rows);
        assert_non_null(rows);
        struct pq_read_options o = {.batch_rows = 1 + (int64_t)t_below(t, 600),
                                    .ranges = ranges,
                                    .range_count = random_ranges(t, s.all.rows, ranges),
                                    .memory_bytes = t_below(t, 2) ? 1 : 0,
                                    .keep_dictionaries = t_below(t, 2)};
        for (size_t i = 0; i < o.range_count; i++) {
            for (int64_t row = ranges[i].lo; row < ranges[i].hi; row++)
                rows[count++] = (uint32_t)row;
        }
        assert_ok(t, pq_read(s.file, &s.src.base, &o, &t->mem, &stream, &t->err));
        assert_rows(t, &s, stream, rows, count);
        free(rows);
        unmake(&s);
    }
}

/* Picks by a coin a row, or a few stretches; keeps what it picked. */
struct chooser {
    struct t *t;
    uint64_t one_in;
    uint32_t *picked;
    uint32_t *rows; /* of the file */
    size_t count;
    int64_t seen;
    const struct pq_row_range *ranges;
    size_t range;
};

static slp_rc choose(void *context, const struct arr_batch *b, const uint32_t **picked,
                     int64_t *count, struct slp_err *err)
{
    struct chooser *c = context;
    bool is_in = false;
    (void)err;
    *count = 0;
    for (int64_t i = 0; i < b->rows; i++) {
        while (c->seen >= c->ranges[c->range].hi || c->seen < c->ranges[c->range].lo) {
            c->range += c->seen >= c->ranges[c->range].hi;
            c->seen = num_max_i64(c->seen, c->ranges[c->range].lo);
        }
        is_in = t_below(c->t, c->one_in) == 0 ? !is_in : is_in;
        if (is_in) {
            c->picked[(*count)++] = (uint32_t)i;
            c->rows[c->count++] = (uint32_t)c->seen;
        }
        c->seen++;
    }
    *picked = c->picked;
    return SLP_OK;
}

static void rows_that_are_picked_are_those_of_a_full_scan(void **state)
{
    struct t *t = *state;
    for (int round = 0; round < ROUNDS; round++) {
        struct sample s;
        struct arr_stream *stream = NULL;
        struct arr_batch b = {0};
        slp_rc rc = SLP_OK;
        make(t, &s);
        struct pq_row_range whole = {0, s.all.rows};
        struct pq_row_range ranges[RANGES + 1];
        size_t range_count = random_ranges(t, s.all.rows, ranges);
        bool is_whole = t_below(t, 2);
        struct chooser c = {.t = t,
                            .one_in = t_below(t, 3) ? 1 + t_below(t, 500) : 2,
                            .picked = malloc(((size_t)s.all.rows + 1) * 4),
                            .rows = malloc(((size_t)s.all.rows + 1) * 4),
                            .ranges = is_whole ? &whole : ranges};
        size_t column = t_below(t, s.schema.count);
        struct pq_filter filter = {&column, 1, choose, &c};
        struct pq_read_options o = {.batch_rows = 1 + (int64_t)t_below(t, 600),
                                    .ranges = is_whole ? NULL : ranges,
                                    .range_count = range_count,
                                    .keep_dictionaries = t_below(t, 2)};
        size_t at = 0;
        assert_non_null(c.picked);
        assert_non_null(c.rows);
        assert_ok(t, pq_read_select(s.file, &s.src.base, &o, &filter, &t->mem, &stream, &t->err));
        while ((rc = arr_stream_next(stream, &b, &t->err)) == SLP_OK) {
            assert_true(b.rows > 0 && at + (size_t)b.rows == c.count);
            for (size_t i = 0; i < s.schema.count; i++) {
                t_assert_col_sound(&b.cols[i]);
                for (int64_t r = 0; r < b.rows; r++)
                    assert_true(
                        t_value_equal(&b.cols[i], r, &s.all.cols[i], c.rows[at + (size_t)r]));
            }
            at += (size_t)b.rows;
        }
        assert_rc(t, rc, SLP_DONE);
        assert_int_equal(at, c.count);
        arr_batch_fini(&b);
        arr_stream_close(stream);
        free(c.picked);
        free(c.rows);
        unmake(&s);
    }
}

T_MAIN(T_TEST(ranges_of_rows_are_those_of_a_full_scan),
       T_TEST(rows_that_are_picked_are_those_of_a_full_scan))
