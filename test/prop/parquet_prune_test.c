/* rooms: parquet */
/*
 * Pruning loses no row: whatever value or range is asked for, the pages that hold it are those that
 * may hold it by the page index, and the bloom filter never says that a value is not there which
 * is.
 */
#include <stdio.h>

#include "arrow/half.h"
#include "parquet/bloom.h"
#include "parquet/group_priv.h"
#include "parquet/index_read.h"
#include "parquet/reader.h"
#include "prop/parquet_rows.h"

#define ROWS       900
#define BLOCK_ROWS 250
#define FILE_MAX   ((size_t)1 << 26)
#define ASKS       60u

/* One column in a file of its own, and its values as they are stored. */
struct one {
    struct arr_field field;
    struct arr_schema schema;
    struct pq_column_options column;
    struct pq_write_options options;
    struct arr_batch batch;
    struct pq_group *group;
    struct buf file;
    uint64_t bloom_at; /* in the file */
    struct pq_values_scratch scratch;
    struct pq_values values;
    struct pq_leaf leaf;
};

static void write_one(struct t *t, struct one *o, size_t type, enum rows_values values,
                      enum rows_nulls nulls)
{
    struct buf_sink sink;
    struct pq_writer *w = NULL;
    uint64_t offset = 0;
    memset(o, 0, sizeof *o);
    o->field = (struct arr_field){.name = "x", .type = rows_type(type), .nullable = nulls > 0};
    o->schema = (struct arr_schema){.fields = &o->field, .count = 1};
    pq_write_options_init(&o->options);
    o->column = (struct pq_column_options){.bloom = true};
    o->options.columns = &o->column;
    o->options.page_bytes = 600;
    o->options.bound_bytes = (uint32_t)(1 + t_below(t, 20));
    buf_init(&o->file, &t->mem, FILE_MAX);
    sink_buf_init(&sink, "test", &o->file);
    assert_ok(t, arr_batch_init(&o->batch, &t->mem, &o->schema, &t->err));
    rows_fill(t, &o->batch.cols[0], ROWS, t_random(t), values, nulls);
    o->batch.rows = ROWS;
    assert_ok(t, pq_group_new(&t->mem, &o->schema, &o->options, &o->group, &t->err));
    assert_ok(t, pq_group_encode(o->group, &o->batch, BLOCK_ROWS, &t->err));
    assert_ok(t, pq_writer_new(&t->mem, &sink.base, &o->schema, &o->options, &w, &t->err));
    assert_ok(t, pq_writer_group(w, o->group, &offset, &t->err));
    o->bloom_at = offset + pq_group_bytes(o->group);
    assert_ok(t, pq_writer_finish(w, NULL, NULL, &t->err));
    pq_writer_free(w);
    pq_values_scratch_init(&o->scratch, &t->mem);
    assert_ok(t, pq_leaf_of(&o->field, &o->leaf, &t->err));
    assert_ok(t, pq_values_of(&o->batch.cols[0], &o->leaf, &o->scratch, &o->values, &t->err));
}

static void free_one(struct one *o)
{
    pq_values_scratch_fini(&o->scratch);
    pq_group_free(o->group);
    arr_batch_fini(&o->batch);
    buf_fini(&o->file);
}

/* Value i as bounds have it. */
static struct slice value_at(const struct one *o, size_t i, uint8_t *bit)
{
    const struct pq_values *v = &o->values;
    if (v->physical == PQ_BOOLEAN) {
        *bit = arr_bit(v->data, (int64_t)i);
        return slice_of(bit, 1);
    }
    if (v->physical != PQ_BYTE_ARRAY)
        return slice_of(v->data + i * v->width, v->width);
    return slice_of(v->data + v->offsets[i], (size_t)(v->offsets[i + 1] - v->offsets[i]));
}

static bool is_nan(const struct one *o, struct slice value)
{
    double v = 0;
    float f = 0;
    if (o->values.order == PQ_ORDER_DOUBLE)
        memcpy(&v, value.ptr, sizeof v);
    if (o->values.order == PQ_ORDER_FLOAT)
        memcpy(&f, value.ptr, sizeof f);
    if (o->values.order == PQ_ORDER_FLOAT16)
        v = arr_half_to_f64(num_load_u16le(value.ptr));
    return isnan(v) || isnan(f);
}

/* Every row whose value lies in the range is on a page that may hold it. */
static void ask(const struct one *o, const struct pq_column *column, const struct pq_page_index *x,
                const struct pq_value_range *range)
{
    enum pq_order order = o->values.order;
    size_t value = 0;
    size_t page = 0;
    for (int64_t row = 0; row < ROWS; row++) {
        uint8_t bit = 0;
        while (row >= x->offsets.pages[page].first_row + x->offsets.pages[page].rows)
            page++;
        if (arr_col_is_null(&o->batch.cols[0], row))
            continue;
        struct slice v = value_at(o, value++, &bit);
        bool is_in = !is_nan(o, v) &&
                     (!range->low.ptr || pq_bound_compare(order, v, range->low) >= 0) &&
                     (!range->high.ptr || pq_bound_compare(order, v, range->high) <= 0);
        if (is_in)
            assert_true(pq_page_may_hold(column, &x->bounds, page, range));
    }
}

/* How many pages are left for a range: pruning that keeps all would pass the rest. */
static size_t pages_left(const struct pq_column *column, const struct pq_page_index *x,
                         const struct pq_value_range *range)
{
    size_t left = 0;
    for (size_t i = 0; i < x->bounds.count; i++)
        left += pq_page_may_hold(column, &x->bounds, i, range);
    return left;
}

static void ask_ranges(struct t *t, const struct one *o, const struct pq_column *column,
                       const struct pq_page_index *x)
{
    for (unsigned i = 0; i < ASKS && o->values.count > 0 && x->bounds.count > 0; i++) {
        uint8_t bits[2] = {0};
        struct pq_value_range range = {value_at(o, (size_t)t_below(t, o->values.count), &bits[0]),
                                       value_at(o, (size_t)t_below(t, o->values.count), &bits[1])};
        if (i % 3 == 0)
            range.high = range.low;
        if (i % 7 == 1)
            range.low.ptr = NULL;
        if (i % 7 == 2)
            range.high.ptr = NULL;
        ask(o, column, x, &range);
    }
}

static void ask_bloom(struct t *t, const struct one *o, const struct pq_chunk *chunk)
{
    struct memory_source source;
    struct pq_bloom b;
    struct buf room;
    if (o->values.physical == PQ_BOOLEAN)
        return;
    buf_init(&room, &t->mem, FILE_MAX);
    source_memory_init(&source, "test", buf_slice(&o->file));
    assert_int_equal(chunk->bloom_offset, o->bloom_at);
    assert_ok(t, pq_bloom_read(&source.base, chunk->bloom_offset, chunk->bloom_bytes, &room, &b,
                               &t->err));
    assert_int_equal(source.base.rounds, 1);
    for (size_t i = 0; i < o->values.count; i++) {
        uint8_t bit = 0;
        assert_true(pq_bloom_may_contain(&b, pq_bloom_hash(value_at(o, i, &bit))));
    }
    buf_fini(&room);
}

static void prune_one(struct t *t, size_t type, enum rows_values values, enum rows_nulls nulls)
{
    struct one o;
    struct memory_source source;
    struct pq_file *f = NULL;
    struct arena a;
    struct pq_page_index x;
    write_one(t, &o, type, values, nulls);
    arena_init(&a, &t->mem, FILE_MAX);
    source_memory_init(&source, "test", buf_slice(&o.file));
    assert_ok(t, pq_file_open(&source.base, &t->mem, &f, &t->err));
    const struct pq_meta *m = pq_file_meta(f);
    const struct pq_column *column = &m->columns[0];
    source.base.rounds = 0;
    assert_ok(t, pq_page_index_read(&source.base, &m->groups[0].chunks[0], ROWS, &a, &x, &t->err));
    assert_int_equal(source.base.rounds, 1);
    assert_int_equal(x.offsets.count, pq_group_chunk(o.group, 0)->page_count);
    if (x.bounds.count > 0)
        assert_int_equal(pq_order_of(column), o.leaf.order);
    ask_ranges(t, &o, column, &x);
    ask_bloom(t, &o, &m->groups[0].chunks[0]);
    if (values == ROWS_SORTED && nulls == ROWS_NO_NULLS && o.field.type.kind == ARR_INT64) {
        struct pq_value_range range = {value_at(&o, 400, NULL), value_at(&o, 400, NULL)};
        assert_true(pages_left(column, &x, &range) <= 2);
    }
    pq_file_free(f);
    arena_fini(&a);
    free_one(&o);
}

static void no_row_is_lost(void **state)
{
    struct t *t = *state;
    for (size_t type = 0; type < ROWS_FLAT_COUNT; type++)
        for (unsigned v = 0; v < ROWS_VALUE_PATTERNS; v++)
            for (unsigned n = 0; n < ROWS_NULL_PATTERNS; n++)
                if (n > 0 || rows_type(type).kind != ARR_NULL)
                    prune_one(t, type, (enum rows_values)v, (enum rows_nulls)n);
}

T_MAIN(T_TEST(no_row_is_lost))
