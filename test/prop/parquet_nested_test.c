/* rooms: parquet */
#include <stdlib.h>

#include "base/num.h"
#include "lib/random_rows.h"
#include "lib/t.h"
#include "parquet/reader.h"
#include "parquet/writer.h"

/*
 * What is written of random nested columns is read back: every depth, null, empty list, page
 * version, codec, page and batch size.
 */

#define ROUNDS     200
#define FILE_BYTES ((size_t)64 << 20)

static struct pq_write_options random_options(struct t *t)
{
    static const enum cx_kind codecs[] = {CX_NONE, CX_SNAPPY, CX_ZSTD, CX_LZ4_RAW, CX_GZIP};
    struct pq_write_options o;
    pq_write_options_init(&o);
    o.codec = codecs[t_below(t, 5)];
    o.level = 1;
    o.page_v2 = t_below(t, 2);
    o.page_bytes = t_below(t, 2) ? 1 + t_below(t, 200) : 0;
    o.no_dictionary = t_below(t, 3) == 0;
    return o;
}

static void write_file(struct t *t, const struct arr_schema *schema,
                       const struct arr_batch *batches, size_t groups, struct buf *out)
{
    struct buf_sink sink;
    struct pq_writer *w = NULL;
    struct pq_group *group = NULL;
    struct pq_write_options o = random_options(t);
    uint64_t offset = 0;
    sink_buf_init(&sink, "test", out);
    assert_ok(t, pq_writer_new(&t->mem, &sink.base, schema, &o, &w, &t->err));
    assert_ok(t, pq_group_new(&t->mem, schema, &o, &group, &t->err));
    for (size_t i = 0; i < groups; i++) {
        int64_t block_rows = 1 + (int64_t)t_below(t, (uint64_t)batches[i].rows + 1);
        assert_ok(t, pq_group_encode(group, &batches[i], block_rows, &t->err));
        assert_ok(t, pq_writer_group(w, group, &offset, &t->err));
    }
    assert_ok(t, pq_writer_finish(w, NULL, NULL, &t->err));
    pq_group_free(group);
    pq_writer_free(w);
}

/* All rows of the file, one behind another. */
static void read_file(struct t *t, struct slice bytes, const struct pq_read_options *o,
                      struct arr_batch *out, struct pq_file **f)
{
    struct memory_source src;
    struct arr_stream *s = NULL;
    struct arr_batch b = {0};
    slp_rc rc = SLP_OK;
    source_memory_init(&src, "test", bytes);
    assert_ok(t, pq_file_open(&src.base, &t->mem, f, &t->err));
    assert_ok(t, pq_read(*f, &src.base, o, &t->mem, &s, &t->err));
    assert_int_equal(s->schema->count, pq_file_meta(*f)->schema.count);
    assert_ok(t, arr_batch_init(out, &t->mem, &pq_file_meta(*f)->schema, &t->err));
    while ((rc = arr_stream_next(s, &b, &t->err)) == SLP_OK) {
        assert_true(b.rows <= o->batch_rows);
        for (size_t i = 0; i < s->schema->count; i++) {
            t_assert_col_sound(&b.cols[i]);
            assert_ok(t, arr_col_append_run(&out->cols[i], &b.cols[i], 0, b.rows, &t->err));
        }
        out->rows += b.rows;
    }
    assert_rc(t, rc, SLP_DONE);
    arr_batch_fini(&b);
    arr_stream_close(s);
}

static void round_trip(struct t *t, const struct t_shape *shape)
{
    struct arena a;
    struct arr_schema schema;
    struct arr_batch batches[3];
    struct arr_batch all;
    struct arr_batch got = {0};
    struct pq_file *f = NULL;
    struct buf bytes;
    size_t groups = 1 + t_below(t, 3);
    arena_init(&a, &t->mem, 1 << 24);
    buf_init(&bytes, &t->mem, FILE_BYTES);
    t_random_schema(t, &a, shape, 1 + t_below(t, 4), &schema);
    assert_ok(t, arr_batch_init(&all, &t->mem, &schema, &t->err));
    for (size_t i = 0; i < groups; i++) {
        int64_t rows = t_below(t, 4) ? (int64_t)t_below(t, 60) : (int64_t)t_below(t, 1500);
        t_random_batch(t, &schema, shape, rows, &batches[i]);
        for (size_t c = 0; c < schema.count; c++)
            assert_ok(t, arr_col_append_run(&all.cols[c], &batches[i].cols[c], 0, rows, &t->err));
        all.rows += rows;
    }
    write_file(t, &schema, batches, groups, &bytes);
    struct pq_read_options o = {.batch_rows = 1 + (int64_t)t_below(t, 1200)};
    read_file(t, buf_slice(&bytes), &o, &got, &f);
    for (size_t i = 0; i < schema.count; i++)
        assert_true(schema.fields[i].nullable == got.schema->fields[i].nullable);
    t_assert_batch_equal(&all, &got);
    arr_batch_fini(&got);
    arr_batch_fini(&all);
    for (size_t i = 0; i < groups; i++)
        arr_batch_fini(&batches[i]);
    pq_file_free(f);
    buf_fini(&bytes);
    arena_fini(&a);
}

static void random_nested_columns_are_read_back(void **state)
{
    struct t *t = *state;
    for (int i = 0; i < ROUNDS; i++) {
        struct t_shape shape = {.depth = 1 + (unsigned)t_below(t, 5),
                                .children = 1 + (unsigned)t_below(t, 3),
                                .null_percent = (unsigned)t_below(t, 3) * 30,
                                .list_items = (unsigned)t_below(t, 6),
                                .few_values = t_below(t, 2),
                                .only_parquet = true};
        round_trip(t, &shape);
    }
}

/* One path of lists and structs as deep as fields may be. */
static void columns_of_any_depth_are_read_back(void **state)
{
    struct t *t = *state;
    static struct arr_field path[ARR_DEPTH_MAX];
    for (unsigned depth = 2; depth <= ARR_DEPTH_MAX; depth += depth < 8 ? 1 : 14) {
        struct arr_schema schema = {.fields = path, .count = 1};
        struct t_shape shape = {.depth = depth, .null_percent = 3, .list_items = 1};
        struct arr_batch batch;
        struct arr_batch got = {0};
        struct pq_file *f = NULL;
        struct buf bytes;
        buf_init(&bytes, &t->mem, FILE_BYTES);
        for (unsigned i = 0; i < depth; i++)
            path[i] = (struct arr_field){.name = "x",
                                         .type.kind = i + 1 == depth  ? ARR_INT32
                                                      : t_below(t, 2) ? ARR_LIST
                                                                      : ARR_STRUCT,
                                         .nullable = true,
                                         .children = i + 1 == depth ? NULL : &path[i + 1],
                                         .child_count = i + 1 < depth};
        t_random_batch(t, &schema, &shape, 200, &batch);
        write_file(t, &schema, &batch, 1, &bytes);
        struct pq_read_options o = {.batch_rows = 30};
        read_file(t, buf_slice(&bytes), &o, &got, &f);
        t_assert_batch_equal(&batch, &got);
        arr_batch_fini(&got);
        arr_batch_fini(&batch);
        pq_file_free(f);
        buf_fini(&bytes);
    }
}

T_MAIN(T_TEST(random_nested_columns_are_read_back), T_TEST(columns_of_any_depth_are_read_back))
