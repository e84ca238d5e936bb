/*
 * What arrow_cdata_test.py calls: random batches out through the C Data Interface, and batches in
 * again, held against what went out. The test compiles this with src/arrow and src/base into a
 * library of its own.
 */
#include "arrow/cdata.h"

#include <stdlib.h>

#include "arrow/text.h"
#include "lib/random_rows.h"

#define ARENA_MAX ((size_t)16 << 20)

struct bench {
    struct t *t;
    struct arena arena;
    struct arr_schema schema;
    struct arr_batch batch;
    struct buf text;
};

struct bench *bench_open(uint64_t seed, unsigned depth, size_t columns, int64_t rows);
int bench_export(struct bench *b, struct ArrowSchema *schema, struct ArrowArray *array);
const char *bench_type(struct bench *b, size_t column);
const char *bench_text(struct bench *b, size_t column, int64_t row);
const char *bench_compare(struct bench *b, struct ArrowSchema *schema, struct ArrowArray *array);
void bench_close(struct bench *b);

struct bench *bench_open(uint64_t seed, unsigned depth, size_t columns, int64_t rows)
{
    struct bench *b = calloc(1, sizeof *b);
    void *state = NULL;
    struct t_shape shape = {
        .depth = depth, .children = 3, .null_percent = 20, .list_items = 5, .text_bytes = 30};
    assert_non_null(b);
    assert_int_equal(t_setup(&state), 0);
    b->t = state;
    b->t->random = seed;
    arena_init(&b->arena, &b->t->mem, ARENA_MAX);
    buf_init(&b->text, &b->t->mem, ARENA_MAX);
    t_random_schema(b->t, &b->arena, &shape, columns, &b->schema);
    for (size_t i = 0; i < columns; i++)
        b->schema.fields[i].is_dictionary = t_below(b->t, 5) == 0;
    t_random_batch(b->t, &b->schema, &shape, rows, &b->batch);
    return b;
}

/* A copy goes out; the bench keeps its own. */
int bench_export(struct bench *b, struct ArrowSchema *schema, struct ArrowArray *array)
{
    struct arr_batch copy = {0};
    struct slp_err *err = &b->t->err;
    slp_rc rc = arr_batch_init(&copy, alloc_system(), &b->schema, err);
    if (rc == SLP_OK)
        rc = arr_batch_append_run(&copy, &b->batch, 0, b->batch.rows, err);
    if (rc == SLP_OK)
        rc = arr_export_schema(&b->schema, alloc_system(), schema, err);
    if (rc == SLP_OK)
        rc = arr_export_batch(&copy, array, err);
    arr_batch_fini(&copy);
    return rc;
}

const char *bench_type(struct bench *b, size_t column)
{
    buf_clear(&b->text);
    assert_int_equal(buf_resize(&b->text, 4096, NULL), SLP_OK);
    arr_field_type_format(&b->schema.fields[column], (char *)b->text.ptr, b->text.len);
    return (const char *)b->text.ptr;
}

/* NULL for a null. */
const char *bench_text(struct bench *b, size_t column, int64_t row)
{
    const struct arr_col *c = &b->batch.cols[column];
    buf_clear(&b->text);
    if (arr_col_is_null(c, row))
        return NULL;
    assert_int_equal(arr_text_format(c, row, &b->text, NULL), SLP_OK);
    assert_int_equal(buf_append_u8(&b->text, 0, NULL), SLP_OK);
    return (const char *)b->text.ptr;
}

/* What differs between the bench's rows and these, or NULL. Releases both. */
const char *bench_compare(struct bench *b, struct ArrowSchema *schema, struct ArrowArray *array)
{
    struct arr_batch again = {0};
    struct slp_err *err = &b->t->err;
    const char *says = NULL;
    slp_rc rc = arr_batch_init(&again, &b->t->mem, &b->schema, err);
    if (rc == SLP_OK)
        rc = arr_import_batch(array, schema, &again, err);
    if (rc != SLP_OK)
        says = err->text;
    else if (again.rows != b->batch.rows)
        says = "another number of rows";
    for (size_t i = 0; !says && i < b->schema.count; i++) {
        for (int64_t row = 0; !says && row < again.rows; row++) {
            if (!t_value_equal(&again.cols[i], row, &b->batch.cols[i], row))
                says = b->schema.fields[i].name;
        }
    }
    arr_batch_fini(&again);
    array->release(array);
    schema->release(schema);
    return says;
}

void bench_close(struct bench *b)
{
    arr_batch_fini(&b->batch);
    buf_fini(&b->text);
    arena_fini(&b->arena);
    assert_int_equal(b->t->live_count, 0);
    free(b->t);
    free(b);
}
