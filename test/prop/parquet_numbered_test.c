/* rooms: parquet */
/*
 * Rows that come as a dictionary make the file that their values make, byte for byte: whatever the
 * type, the nulls, entries that are named twice or never, and how the column is to be written.
 */
#include "arrow/dictionary.h"
#include "parquet/writer.h"

#include "prop/parquet_rows.h"

#define FILE_MAX ((size_t)1 << 28)

struct one {
    struct arr_field field;
    struct arr_schema schema;
    struct pq_column_options column;
    struct pq_write_options options;
};

/* Is it a type that has dictionaries? */
static bool may_be_numbered(struct arr_type type)
{
    return type.kind != ARR_BOOL && type.kind != ARR_NULL;
}

/* The rows as a dictionary: an entry for about every second present row, which rows of equal values
 * may name too, and before them entries that no row names. */
static void number_rows(struct t *t, const struct arr_col *plain, const struct arr_col *others,
                        struct arr_col *out)
{
    struct arr_dictionary *d = NULL;
    assert_ok(t, arr_dictionary_new(&t->mem, plain->type, &d, &t->err));
    for (int64_t i = 0; i < others->rows && i < 40; i++)
        if (!arr_col_is_null(others, i))
            assert_ok(t, arr_col_append_run(&d->values, others, i, 1, &t->err));
    arr_col_set_dictionary(out, d);
    for (int64_t i = 0; i < plain->rows; i++) {
        uint32_t last = (uint32_t)d->values.rows - 1;
        if (arr_col_is_null(plain, i)) {
            assert_ok(t, arr_col_append_null(out, &t->err));
            continue;
        }
        bool repeats = d->values.rows > 0 &&
                       slice_equal(arr_col_bytes(&d->values, last), arr_col_bytes(plain, i));
        if (!repeats || t_below(t, 2)) {
            assert_ok(t, arr_col_append_run(&d->values, plain, i, 1, &t->err));
            last = (uint32_t)d->values.rows - 1;
        }
        assert_ok(t, arr_col_append_indices(out, &last, 1, &t->err));
    }
    arr_dictionary_unref(d);
}

static void write(struct t *t, const struct one *o, const struct arr_batch *b, int64_t block_rows,
                  struct buf *file)
{
    struct buf_sink sink;
    struct pq_writer *w = NULL;
    struct pq_group *g = NULL;
    uint64_t offset = 0;
    buf_init(file, &t->mem, FILE_MAX);
    sink_buf_init(&sink, "test", file);
    assert_ok(t, pq_writer_new(&t->mem, &sink.base, &o->schema, &o->options, &w, &t->err));
    assert_ok(t, pq_group_new(&t->mem, &o->schema, &o->options, &g, &t->err));
    assert_ok(t, pq_group_encode(g, b, block_rows, &t->err));
    assert_ok(t, pq_writer_group(w, g, &offset, &t->err));
    assert_ok(t, pq_writer_finish(w, NULL, NULL, &t->err));
    pq_group_free(g);
    pq_writer_free(w);
}

static void check(struct t *t, struct one *o, int64_t rows, enum rows_values values,
                  enum rows_nulls nulls)
{
    struct arr_batch plain;
    struct arr_batch numbered;
    struct arr_col others;
    struct buf want;
    struct buf got;
    uint64_t seed = t_random(t);
    o->schema = (struct arr_schema){.fields = &o->field, .count = 1};
    assert_ok(t, arr_batch_init(&plain, &t->mem, &o->schema, &t->err));
    assert_ok(t, arr_batch_init(&numbered, &t->mem, &o->schema, &t->err));
    arr_col_init(&others, &t->mem, o->field.type);
    rows_fill(t, &plain.cols[0], rows, seed, values, nulls);
    rows_fill(t, &others, 50, seed + 1, ROWS_FEW, ROWS_SOME_NULL);
    number_rows(t, &plain.cols[0], &others, &numbered.cols[0]);
    plain.rows = numbered.rows = rows;
    int64_t block_rows = 1 + (int64_t)t_below(t, 2000);
    write(t, o, &plain, block_rows, &want);
    write(t, o, &numbered, block_rows, &got);
    assert_int_equal(got.len, want.len);
    assert_memory_equal(got.ptr, want.ptr, want.len);
    buf_fini(&want);
    buf_fini(&got);
    arr_col_fini(&others);
    arr_batch_fini(&plain);
    arr_batch_fini(&numbered);
}

static void choose_options(struct t *t, struct one *o)
{
    static const enum pq_write_encoding encodings[] = {PQ_WRITE_BEST, PQ_WRITE_BEST,
                                                       PQ_WRITE_DICTIONARY, PQ_WRITE_PLAIN};
    o->column = (struct pq_column_options){.encoding = encodings[t_below(t, 4)],
                                           .no_dictionary = t_below(t, 8) == 0,
                                           .no_statistics = t_below(t, 8) == 0,
                                           .bloom = t_below(t, 4) == 0};
    pq_write_options_init(&o->options);
    o->options.columns = &o->column;
    o->options.page_bytes = t_below(t, 2) ? 0 : 1 + t_below(t, 5000);
    o->options.page_v2 = t_below(t, 4) == 0;
    o->options.codec = t_below(t, 3) ? CX_ZSTD : CX_NONE;
}

static void numbered_rows_make_the_file_of_their_values(void **state)
{
    struct t *t = *state;
    for (size_t i = 0; i < ROWS_FLAT_COUNT; i++) {
        if (!may_be_numbered(rows_type(i)))
            continue;
        for (int round = 0; round < 16; round++) {
            struct one o = {.field = {.name = "x", .type = rows_type(i)}};
            enum rows_nulls nulls = (enum rows_nulls)t_below(t, ROWS_NULL_PATTERNS);
            o.field.nullable = nulls != ROWS_NO_NULLS;
            choose_options(t, &o);
            check(t, &o, 1 + (int64_t)t_below(t, 3000),
                  (enum rows_values)t_below(t, ROWS_VALUE_PATTERNS), nulls);
        }
    }
}

/* More values than a dictionary has room for, and one whose values would have to be decoded. */
static void too_many_values_are_written_as_before(void **state)
{
    struct t *t = *state;
    static const enum arr_kind kinds[] = {ARR_UTF8, ARR_INT64, ARR_DOUBLE};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct one o = {.field = {.name = "x", .type = {.kind = kinds[i]}, .nullable = true}};
        pq_write_options_init(&o.options);
        check(t, &o, 30000, ROWS_RANDOM, ROWS_SOME_NULL);
        check(t, &o, 30000, ROWS_SORTED, ROWS_NO_NULLS);
    }
}

static void numbering_survives_every_fault(void **state)
{
    struct t *t = *state;
    struct one o = {.field = {.name = "x", .type = {.kind = ARR_UTF8}, .nullable = true}};
    struct arr_col plain;
    o.schema = (struct arr_schema){.fields = &o.field, .count = 1};
    pq_write_options_init(&o.options);
    arr_col_init(&plain, &t->mem, o.field.type);
    rows_fill(t, &plain, 300, t_random(t), ROWS_FEW, ROWS_SOME_NULL);
    struct arr_batch b;
    assert_ok(t, arr_batch_init(&b, &t->mem, &o.schema, &t->err));
    number_rows(t, &plain, &plain, &b.cols[0]);
    b.rows = 300;
    T_FAULT_LOOP(t) {
        struct pq_group *g = NULL;
        slp_rc rc = pq_group_new(&t->mem, &o.schema, &o.options, &g, &t->err);
        if (rc == SLP_OK)
            rc = pq_group_encode(g, &b, 100, &t->err);
        assert_rc(t, rc, t->fault_hit ? SLP_NO_MEMORY : SLP_OK);
        pq_group_free(g);
    }
    arr_batch_fini(&b);
    arr_col_fini(&plain);
}

T_MAIN(T_TEST(numbered_rows_make_the_file_of_their_values),
       T_TEST(too_many_values_are_written_as_before), T_TEST(numbering_survives_every_fault))
