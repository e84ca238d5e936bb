/* rooms: datafile */
#include "datafile/datafile.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/file.h"
#include "lib/random_rows.h"
#include "prop/parquet_rows.h"

/*
 * Files of random columns, lists, structs and maps among them: reads of ranges and of few columns give
 * the rows that were put in, the file verifies, and one that is damaged is refused or gives just them.
 */

#define BIT(kind) ((uint64_t)1 << (kind))

/* What tables take: no nulls, durations, intervals and wide decimals. */
static const struct t_shape nested = {
    .depth = 4,
    .children = 3,
    .null_percent = 20,
    .list_items = 4,
    .without_null = true,
    .only_parquet = true,
    .kinds = (BIT(ARR_KIND_COUNT) - 1) &
             ~(BIT(ARR_NULL) | BIT(ARR_DURATION) | BIT(ARR_INTERVAL) | BIT(ARR_DECIMAL256))};

#define COLUMNS_MAX 9u

/* Fields that live as long as the file under test. */
struct names {
    char text[COLUMNS_MAX][16];
    struct arr_field fields[COLUMNS_MAX];
};

static struct arr_type random_type(struct t *t)
{
    if (t_below(t, 12) == 0)
        return (struct arr_type){.kind = ARR_TIMESTAMP, .unit = ARR_SECOND};
    struct arr_type type = rows_type(t_below(t, ROWS_TYPE_COUNT));
    return type.kind == ARR_NULL ? (struct arr_type){.kind = ARR_UTF8} : type;
}

/* Some columns of any type; some of them are the key, in any order. */
static void random_schema(struct t *t, struct t_file *f, struct names *names)
{
    size_t count = 1 + t_below(t, COLUMNS_MAX);
    bool is_key[COLUMNS_MAX] = {false};
    f->schema = (struct schema){.columns = {.fields = names->fields, .count = count},
                                .next_field_id = (int32_t)count + 1};
    size_t keys = 1 + t_below(t, count < 3 ? count : 3);
    while (f->schema.key_count < keys) {
        size_t c = t_below(t, count);
        if (!is_key[c])
            f->schema.key_columns[f->schema.key_count++] = c;
        is_key[c] = true;
    }
    f->schema.row_key_count = 1 + t_below(t, keys);
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(names->text[i], sizeof names->text[i], "column %zu", i);
        names->fields[i] = (struct arr_field){.name = names->text[i],
                                              .type = random_type(t),
                                              .nullable = !is_key[i] && t_below(t, 3) > 0,
                                              .id = (int32_t)i + 1};
        if (is_key[i] || t_below(t, 3))
            continue;
        t_random_field(t, &f->arena, &nested, names->text[i], &names->fields[i]);
        names->fields[i].id = (int32_t)i + 1;
    }
    key_spec_init(&f->spec, &f->schema);
}

static void random_column(struct t *t, struct arr_col *c, const struct arr_field *field,
                          int64_t rows)
{
    bool nullable = field->nullable;
    if (arr_type_is_nested(field->type)) {
        for (int64_t row = 0; row < rows; row++)
            t_random_value(t, c, field, &nested);
        return;
    }
    enum rows_values values = (enum rows_values)t_below(t, ROWS_VALUE_PATTERNS);
    enum rows_nulls nulls =
        nullable ? (enum rows_nulls)t_below(t, ROWS_NULL_PATTERNS) : ROWS_NO_NULLS;
    rows_fill(t, c, rows, t_random(t), values, nulls);
}

/* The model's order: whole keys, then where they stood. */
struct model_row {
    struct slice key;
    uint32_t row;
};

static int compare_rows(const void *a, const void *b)
{
    const struct model_row *x = a;
    const struct model_row *y = b;
    int order = slice_compare(x->key, y->key);
    return order ? order : (x->row > y->row) - (x->row < y->row);
}

static void sort_rows(struct t *t, struct t_file *f, const struct arr_batch *loose)
{
    struct key_vec keys;
    size_t count = (size_t)loose->rows;
    struct model_row *rows = calloc(count, sizeof *rows);
    uint32_t *order = calloc(count, sizeof *order);
    assert_non_null(rows);
    assert_non_null(order);
    key_vec_init(&keys, &t->mem, 1 << 28);
    assert_ok(t, key_encode_rows(&f->spec, loose, 0, loose->rows, &keys, &t->err));
    for (size_t i = 0; i < count; i++)
        rows[i] = (struct model_row){.key = key_at(&keys, (int64_t)i), .row = (uint32_t)i};
    qsort(rows, count, sizeof *rows, compare_rows);
    for (size_t i = 0; i < count; i++)
        order[i] = rows[i].row;
    assert_ok(t, arr_batch_append_picked(&f->rows, loose, order, loose->rows, &t->err));
    key_vec_fini(&keys);
    free(order);
    free(rows);
}

static void random_file(struct t *t, struct t_file *f, struct names *names)
{
    static const enum cx_kind codecs[] = {CX_ZSTD, CX_NONE, CX_SNAPPY, CX_GZIP, CX_LZ4_RAW};
    struct arr_batch loose;
    struct datafile_write_options o;
    *f = (struct t_file){.mem = &t->mem};
    arena_init(&f->arena, &t->mem, 1 << 24);
    key_vec_init(&f->keys, &t->mem, 1 << 28);
    buf_init(&f->bytes, &t->mem, 1 << 28);
    random_schema(t, f, names);
    int64_t rows = 1 + (int64_t)t_below(t, t_below(t, 4) ? 500 : 6000);
    assert_ok(t, arr_batch_init(&f->rows, &t->mem, &f->schema.columns, &t->err));
    assert_ok(t, arr_batch_init(&loose, &t->mem, &f->schema.columns, &t->err));
    for (size_t i = 0; i < f->schema.columns.count; i++)
        random_column(t, &loose.cols[i], &names->fields[i], rows);
    loose.rows = rows;
    sort_rows(t, f, &loose);
    arr_batch_fini(&loose);
    t_file_keys(t, f);
    datafile_write_options_init(&o);
    o.codec = codecs[t_below(t, sizeof codecs / sizeof *codecs)];
    o.block_bytes = 1 + t_below(t, 6000);
    assert_ok(t, t_file_write(t, f, &o, 1 + (int64_t)t_below(t, (uint64_t)rows)));
}

/* A bound: a whole key, one that begins keys, or one beside them. */
static void random_bound(struct t *t, const struct t_file *f, struct buf *out)
{
    struct slice key = key_at(&f->keys, (int64_t)t_below(t, (uint64_t)f->keys.count));
    uint64_t way = t_below(t, 4);
    assert_ok(t, buf_assign(out, way == 0 ? slice_first(key, t_below(t, key.len)) : key, &t->err));
    if (way == 1)
        assert_ok(t, buf_append_u8(out, (uint8_t)t_random(t), &t->err));
    if (way == 2)
        out->ptr[t_below(t, out->len)] = (uint8_t)t_random(t);
}

/* What one batch holds against the rows of the model from `row` on. */
static void check_batch(struct t *t, const struct t_file *f, const struct run_block *got,
                        const struct datafile_read_options *o, int64_t row)
{
    for (size_t i = 0; i < got->batch->schema->count; i++) {
        size_t c = o->columns ? o->columns[i] : i;
        struct arr_col want;
        const struct arr_field *field = &f->schema.columns.fields[c];
        assert_ok(t, arr_col_init_field(&want, &t->mem, field, &t->err));
        assert_ok(t, arr_col_append_run(&want, &f->rows.cols[c], row, got->batch->rows, &t->err));
        t_assert_col_sound(&got->batch->cols[i]);
        if (arr_type_is_nested(field->type))
            t_assert_col_equal(&got->batch->cols[i], &want);
        else if (!t_same_column(&got->batch->cols[i], &want))
            fail_msg("column %zu, rows from %lld (SEED=%llu)", c, (long long)row,
                     (unsigned long long)t->seed);
        arr_col_fini(&want);
    }
    assert_int_equal(got->keys->count, got->batch->rows);
    for (int64_t i = 0; i < got->keys->count; i++)
        assert_true(slice_equal(key_at(got->keys, i), key_at(&f->keys, row + i)));
}

static void check_read(struct t *t, const struct t_file *f, struct datafile *file,
                       const struct datafile_read_options *o)
{
    struct run *run = NULL;
    struct run_block got;
    int64_t row = key_lower_bound(&f->keys, o->range.lo);
    int64_t end = o->range.has_hi ? key_lower_bound(&f->keys, o->range.hi) : f->keys.count;
    assert_ok(t, datafile_read(file, o, &run, NULL, &t->err));
    slp_rc rc = SLP_OK;
    while ((rc = run_next(run, &got, &t->err)) == SLP_OK) {
        assert_true(got.batch->rows > 0 && row + got.batch->rows <= end);
        check_batch(t, f, &got, o, row);
        row += got.batch->rows;
    }
    assert_rc(t, rc, SLP_DONE);
    assert_true(row >= end);
    run_close(run);
}

static void check_random_read(struct t *t, const struct t_file *f, struct datafile *file)
{
    struct buf lo;
    struct buf hi;
    size_t columns[COLUMNS_MAX];
    struct datafile_read_options o = {.prefetch_bytes = t_below(t, 3) * 3000,
                                      .batch_rows = t_below(t, 3) * 200};
    buf_init(&lo, &t->mem, 1 << 20);
    buf_init(&hi, &t->mem, 1 << 20);
    if (t_below(t, 4))
        random_bound(t, f, &lo);
    o.range.has_hi = t_below(t, 4);
    if (o.range.has_hi)
        random_bound(t, f, &hi);
    o.range.lo = buf_slice(&lo);
    o.range.hi = buf_slice(&hi);
    if (t_below(t, 2)) {
        o.column_count = t_below(t, COLUMNS_MAX);
        o.columns = columns;
        for (size_t i = 0; i < o.column_count; i++)
            columns[i] = t_below(t, f->schema.columns.count);
    }
    check_read(t, f, file, &o);
    buf_fini(&lo);
    buf_fini(&hi);
}

/* No block that may hold a row of the range is left out. */
static void check_pruning(struct t *t, const struct t_file *f, struct datafile *file)
{
    int64_t row = (int64_t)t_below(t, (uint64_t)f->keys.count);
    int64_t first = 0;
    int64_t end = 0;
    int64_t first_row = 0;
    int64_t end_row = f->keys.count;
    bool has_hi = false;
    struct slice key;
    struct buf hi;
    buf_init(&hi, &t->mem, 1 << 20);
    assert_ok(t, key_successor(key_at(&f->keys, row), &hi, &has_hi, &t->err));
    struct key_range range = {key_at(&f->keys, row), buf_slice(&hi), has_hi};
    assert_ok(t, datafile_find(file, range, &first, &end, &t->err));
    assert_true(first < end);
    assert_ok(t, datafile_block(file, first, &key, &first_row, &t->err));
    if (end < datafile_block_count(file))
        assert_ok(t, datafile_block(file, end, &key, &end_row, &t->err));
    assert_true(first_row <= key_lower_bound(&f->keys, range.lo));
    assert_true(end_row >= key_lower_bound(&f->keys, range.hi) || !has_hi);
    buf_fini(&hi);
}

static void reads_of_random_files_equal_the_rows_put_in(void **state)
{
    struct t *t = *state;
    for (int round = 0; round < 40; round++) {
        struct t_file f;
        struct names names;
        struct datafile *file = NULL;
        random_file(t, &f, &names);
        assert_ok(t, t_file_open(t, &f, &file));
        for (int i = 0; i < 10; i++) {
            check_random_read(t, &f, file);
            check_pruning(t, &f, file);
        }
        assert_ok(t, datafile_verify(file, &t->err));
        datafile_close(file);
        t_file_fini(&f);
    }
}

/* All rows of a file of which some bytes are others: those put in, or an error. */
static slp_rc read_damaged(struct t *t, const struct t_file *f, struct datafile *file)
{
    struct run *run = NULL;
    struct run_block got;
    struct datafile_read_options o = {.prefetch_bytes = t_below(t, 2) * 100000};
    int64_t row = 0;
    slp_rc rc = datafile_read(file, &o, &run, NULL, &t->err);
    if (rc != SLP_OK)
        return rc;
    while ((rc = run_next(run, &got, &t->err)) == SLP_OK) {
        assert_true(row + got.batch->rows <= f->rows.rows);
        check_batch(t, f, &got, &o, row);
        row += got.batch->rows;
    }
    run_close(run);
    return rc;
}

static void damage_is_refused(void **state)
{
    struct t *t = *state;
    size_t refused = 0;
    for (int round = 0; round < 20; round++) {
        struct t_file f;
        struct names names;
        random_file(t, &f, &names);
        for (int i = 0; i < 20; i++) {
            struct datafile *file = NULL;
            size_t at = t_below(t, f.bytes.len);
            uint8_t was = f.bytes.ptr[at];
            f.bytes.ptr[at] ^= (uint8_t)(1 + t_below(t, 255));
            slp_rc rc = t_file_open(t, &f, &file);
            if (rc == SLP_OK) {
                assert_rc(t, datafile_verify(file, &t->err), SLP_CORRUPT);
                rc = read_damaged(t, &f, file);
                datafile_close(file);
            }
            refused += rc != SLP_DONE;
            assert_true(rc == SLP_DONE || rc == SLP_CORRUPT || rc == SLP_UNSUPPORTED);
            f.bytes.ptr[at] = was;
        }
        t_file_fini(&f);
    }
    assert_true(refused > 100);
}

T_MAIN(T_TEST(damage_is_refused), T_TEST(reads_of_random_files_equal_the_rows_put_in))
