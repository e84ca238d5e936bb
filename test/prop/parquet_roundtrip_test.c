/* rooms: parquet */
/*
 * What is written is read back: the same schema, rows and bits, for every flat type, pattern of
 * values and nulls, and size around the edges of blocks and pages.
 */
#include "parquet/reader.h"
#include "parquet/writer.h"

#include <stdio.h>

#include "prop/parquet_rows.h"

#define FILE_MAX ((size_t)1 << 30)

struct shape {
    int64_t rows; /* in each group */
    size_t groups;
    int64_t block_rows;
    size_t page_bytes;
    enum rows_values values;
    enum rows_nulls nulls;
    enum cx_kind codec;
    bool nullable;
    bool no_dictionary;
    bool page_v2;
    int64_t page_rows;
    enum pq_profile profile;
    unsigned encoding; /* enum pq_write_encoding, of the columns that can have it */
};

struct table {
    struct arr_field fields[ROWS_FLAT_COUNT];
    char names[ROWS_FLAT_COUNT][16];
    struct pq_column_options options[ROWS_FLAT_COUNT];
    struct arr_schema schema;
    struct arr_batch rows; /* of all groups */
    struct buf file;
};

/* Columns that are not nullable have no type of only nulls. */
static void make_schema(struct table *x, bool nullable)
{
    x->schema.count = nullable ? ROWS_FLAT_COUNT : ROWS_FLAT_COUNT - 1;
    x->schema.fields = x->fields;
    for (size_t i = 0; i < x->schema.count; i++) {
        (void)snprintf(x->names[i], sizeof x->names[i], "c%zu", i);
        x->fields[i] = (struct arr_field){.name = x->names[i],
                                          .type = rows_type(i + (!nullable && i >= ROWS_NULL_TYPE)),
                                          .nullable = nullable,
                                          .id = (int32_t)i};
    }
}

/* Name the shape's encoding where Parquet has it for the type; now and then other things too. */
static void make_options(struct t *t, struct table *x, const struct shape *s,
                         struct pq_write_options *o)
{
    pq_write_options_init(o);
    o->codec = s->codec;
    o->page_bytes = s->page_bytes;
    o->page_rows = s->page_rows;
    o->page_v2 = s->page_v2;
    o->profile = s->profile;
    o->no_dictionary = s->no_dictionary;
    o->columns = x->options;
    for (size_t i = 0; i < x->schema.count; i++) {
        struct pq_column_options *c = &x->options[i];
        struct pq_group *g = NULL;
        struct arr_schema one = {.fields = &x->fields[i], .count = 1};
        struct pq_write_options only = {.columns = c};
        *c = (struct pq_column_options){.encoding = (enum pq_write_encoding)s->encoding,
                                        .no_statistics = t_below(t, 8) == 0,
                                        .no_dictionary = t_below(t, 8) == 0,
                                        .has_codec = t_below(t, 8) == 0,
                                        .codec = CX_NONE};
        if (pq_group_new(&t->mem, &one, &only, &g, &t->err) != SLP_OK)
            c->encoding = PQ_WRITE_BEST;
        pq_group_free(g);
    }
}

static void write_group(struct t *t, struct table *x, struct pq_writer *w,
                        const struct pq_write_options *o, const struct shape *s, uint64_t seed)
{
    struct arr_batch b = {0};
    struct pq_group *g = NULL;
    uint64_t offset = 0;
    assert_ok(t, arr_batch_init(&b, &t->mem, &x->schema, &t->err));
    for (size_t i = 0; i < x->schema.count; i++)
        rows_fill(t, &b.cols[i], s->rows, seed + i, s->values, s->nulls);
    b.rows = s->rows;
    assert_ok(t, pq_group_new(&t->mem, &x->schema, o, &g, &t->err));
    assert_ok(t, pq_group_encode(g, &b, s->block_rows, &t->err));
    assert_int_equal(pq_group_rows(g), s->rows);
    assert_ok(t, pq_writer_group(w, g, &offset, &t->err));
    assert_int_equal(x->file.len - offset, pq_group_bytes(g));
    assert_ok(t, arr_batch_append_run(&x->rows, &b, 0, b.rows, &t->err));
    pq_group_free(g);
    arr_batch_fini(&b);
}

static void write_table(struct t *t, struct table *x, const struct shape *s)
{
    struct pq_write_options o;
    struct buf_sink sink;
    struct pq_writer *w = NULL;
    make_schema(x, s->nullable);
    make_options(t, x, s, &o);
    buf_init(&x->file, &t->mem, FILE_MAX);
    sink_buf_init(&sink, "test", &x->file);
    assert_ok(t, arr_batch_init(&x->rows, &t->mem, &x->schema, &t->err));
    assert_ok(t, pq_writer_new(&t->mem, &sink.base, &x->schema, &o, &w, &t->err));
    uint64_t seed = t_random(t);
    for (size_t i = 0; i < s->groups; i++)
        write_group(t, x, w, &o, s, seed + 100 * i);
    assert_ok(t, pq_writer_finish(w, NULL, NULL, &t->err));
    pq_writer_free(w);
}

static void free_table(struct table *x)
{
    arr_batch_fini(&x->rows);
    buf_fini(&x->file);
}

static void assert_same_buffer(const struct buf *a, const struct buf *b)
{
    assert_int_equal(a->len, b->len);
    if (a->len)
        assert_memory_equal(a->ptr, b->ptr, a->len);
}

/* Equal columns have equal bytes; offsets of no rows may stand or not. */
static void assert_same_column(const struct arr_col *a, const struct arr_col *b)
{
    assert_true(arr_type_equal(a->type, b->type));
    assert_int_equal(a->rows, b->rows);
    assert_int_equal(a->null_count, b->null_count);
    assert_same_buffer(&a->validity, &b->validity);
    assert_same_buffer(&a->data, &b->data);
    if (a->rows > 0)
        assert_same_buffer(&a->offsets, &b->offsets);
}

static void assert_same_schema(const struct arr_schema *a, const struct arr_schema *b)
{
    assert_int_equal(a->count, b->count);
    for (size_t i = 0; i < a->count; i++) {
        assert_string_equal(a->fields[i].name, b->fields[i].name);
        assert_true(arr_type_equal(a->fields[i].type, b->fields[i].type));
        assert_int_equal(a->fields[i].nullable, b->fields[i].nullable);
        assert_int_equal(a->fields[i].id, b->fields[i].id);
    }
}

static void read_back(struct t *t, const struct table *x, const struct shape *s)
{
    struct memory_source source;
    struct pq_file *f = NULL;
    struct arr_stream *stream = NULL;
    struct pq_read_options o = {.batch_rows = 137};
    struct arr_batch got = {0};
    struct arr_batch all = {0};
    source_memory_init(&source, "test", buf_slice(&x->file));
    assert_ok(t, pq_file_open(&source.base, &t->mem, &f, &t->err));
    const struct pq_meta *m = pq_file_meta(f);
    assert_same_schema(&m->schema, &x->schema);
    assert_int_equal(m->rows, x->rows.rows);
    assert_int_equal(m->group_count, s->rows ? s->groups : 0);
    assert_ok(t, arr_batch_init(&all, &t->mem, &x->schema, &t->err));
    assert_ok(t, pq_read(f, &source.base, &o, &t->mem, &stream, &t->err));
    slp_rc rc = SLP_OK;
    while ((rc = arr_stream_next(stream, &got, &t->err)) == SLP_OK)
        assert_ok(t, arr_batch_append_run(&all, &got, 0, got.rows, &t->err));
    assert_rc(t, rc, SLP_DONE);
    for (size_t i = 0; i < x->schema.count; i++)
        assert_same_column(&all.cols[i], &x->rows.cols[i]);
    arr_batch_fini(&got);
    arr_batch_fini(&all);
    arr_stream_close(stream);
    pq_file_free(f);
}

static void round_trip(struct t *t, const struct shape *s)
{
    struct table x = {0};
    write_table(t, &x, s);
    read_back(t, &x, s);
    free_table(&x);
}

static void every_pattern_is_read_back(void **state)
{
    struct t *t = *state;
    for (unsigned v = 0; v < ROWS_VALUE_PATTERNS; v++)
        for (unsigned n = 0; n < ROWS_NULL_PATTERNS; n++)
            for (unsigned i = 0; i < 4; i++)
                round_trip(t, &(struct shape){.rows = 700,
                                              .groups = 1,
                                              .block_rows = 300,
                                              .page_bytes = i % 2 ? 500 : 0,
                                              .values = (enum rows_values)v,
                                              .nulls = (enum rows_nulls)n,
                                              .codec = CX_ZSTD,
                                              .nullable = n > 0 || i % 2,
                                              .no_dictionary = i / 2 != 0});
}

static void sizes_around_a_block_are_read_back(void **state)
{
    struct t *t = *state;
    static const int64_t sizes[] = {0, 1, 7, 8, 9, 63, 64, 65, 127, 128, 129, 191, 192, 193, 1000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (unsigned n = 0; n < ROWS_NULL_PATTERNS; n++)
            round_trip(t, &(struct shape){.rows = sizes[i],
                                          .groups = 2,
                                          .block_rows = 64,
                                          .page_bytes = i % 2 ? 100 : 0,
                                          .values = (enum rows_values)(t_below(t, 4)),
                                          .nulls = (enum rows_nulls)n,
                                          .codec = CX_ZSTD,
                                          .nullable = n > 0});
}

static void every_encoding_is_read_back(void **state)
{
    struct t *t = *state;
    for (unsigned e = 0; e < PQ_WRITE_ENCODING_COUNT; e++)
        for (unsigned v = 0; v < ROWS_VALUE_PATTERNS; v++)
            for (unsigned i = 0; i < 4; i++)
                round_trip(t, &(struct shape){.rows = 400 + (int64_t)t_below(t, 300),
                                              .groups = 1,
                                              .block_rows = 300,
                                              .page_bytes = i % 2 ? 900 : 0,
                                              .page_rows = (int64_t)t_below(t, 2) * 129,
                                              .values = (enum rows_values)v,
                                              .nulls = (enum rows_nulls)i,
                                              .codec = i % 3 ? CX_ZSTD : CX_NONE,
                                              .nullable = i > 0,
                                              .page_v2 = (i + e) % 2 != 0,
                                              .encoding = e});
}

static void random_shapes_and_codecs_are_read_back(void **state)
{
    struct t *t = *state;
    static const enum cx_kind codecs[] = {CX_NONE, CX_SNAPPY, CX_GZIP, CX_ZSTD};
    for (unsigned i = 0; i < 24; i++) {
        enum rows_nulls nulls = (enum rows_nulls)t_below(t, ROWS_NULL_PATTERNS);
        round_trip(t, &(struct shape){.rows = (int64_t)t_below(t, 2000),
                                      .groups = 1 + (size_t)t_below(t, 3),
                                      .block_rows = 1 + (int64_t)t_below(t, 1200),
                                      .page_bytes = 1 + (size_t)t_below(t, 5000),
                                      .values = (enum rows_values)t_below(t, ROWS_VALUE_PATTERNS),
                                      .nulls = nulls,
                                      .codec = codecs[t_below(t, 4)],
                                      .nullable = nulls != ROWS_NO_NULLS || t_below(t, 2),
                                      .no_dictionary = t_below(t, 3) == 0,
                                      .page_v2 = t_below(t, 2) == 0,
                                      .profile = (enum pq_profile)t_below(t, 2),
                                      .encoding = (unsigned)t_below(t, PQ_WRITE_ENCODING_COUNT)});
    }
}

T_MAIN(T_TEST(every_pattern_is_read_back), T_TEST(sizes_around_a_block_are_read_back),
       T_TEST(every_encoding_is_read_back), T_TEST(random_shapes_and_codecs_are_read_back))
