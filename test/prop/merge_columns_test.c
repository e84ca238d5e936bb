/* rooms: merge */
#include <stdlib.h>

#include "lib/run.h"
#include "merge/merge.h"

static struct arr_field fields[] = {
    {.name = "text", .type = {.kind = ARR_UTF8}},
    {.name = "long", .type = {.kind = ARR_INT64}},
    {.name = "id", .type = {.kind = ARR_INT32}},
};
static const struct arr_schema schema = {.fields = fields, .count = 3};
static const struct key_spec spec = {
    .field_count = 2,
    .row_key_count = 1,
    .columns = {0, 1},
    .types = {{.kind = ARR_UTF8}, {.kind = ARR_INT64}},
};

/* One kind of texts: what letters, how long, behind how many that all share. */
struct shape {
    uint64_t letters;
    uint8_t first;
    uint64_t min_bytes;
    uint64_t max_bytes;
    size_t common_bytes;
    uint64_t zero_one_in; /* so many texts has one with a zero byte; 0: none has */
};

static const struct shape shapes[] = {
    {26, 'a', 10, 10, 0, 0}, {26, 'a', 10, 10, 0, 200}, {2, 'a', 0, 12, 0, 0},
    {4, 'a', 5, 9, 4096, 0}, {1, 'a', 6, 6, 0, 0},      {2, 254, 6, 20, 0, 0},
    {256, 'a', 0, 40, 0, 0},
};
#define SHAPES (sizeof shapes / sizeof shapes[0])

struct rows {
    struct arr_batch batch;
    struct key_vec keys;
};

static void rows_init(struct t *t, struct rows *r)
{
    assert_ok(t, arr_batch_init(&r->batch, &t->mem, &schema, &t->err));
    key_vec_init(&r->keys, &t->mem, 1 << 28);
}

static void rows_fini(struct rows *r)
{
    arr_batch_fini(&r->batch);
    key_vec_fini(&r->keys);
}

static void random_rows(struct t *t, const struct shape *s, int64_t count, struct arr_batch *out)
{
    struct buf text;
    buf_init(&text, &t->mem, 1 << 20);
    for (int64_t i = 0; i < count; i++) {
        buf_clear(&text);
        for (size_t k = 0; k < s->common_bytes; k++)
            assert_ok(t, buf_append_u8(&text, 'c', &t->err));
        uint64_t len = s->min_bytes + t_below(t, s->max_bytes - s->min_bytes + 1);
        for (uint64_t k = 0; k < len; k++)
            assert_ok(t,
                      buf_append_u8(&text, (uint8_t)(s->first + t_below(t, s->letters)), &t->err));
        if (s->zero_one_in && t_below(t, s->zero_one_in) == 0)
            assert_ok(t, buf_append_u8(&text, 0, &t->err));
        assert_ok(t, arr_col_append(&out->cols[0], buf_slice(&text), &t->err));
        int64_t number = t_below(t, 2) ? (int64_t)t_below(t, 4) - 2 : (int64_t)t_random(t);
        assert_ok(t, arr_col_append_i64(&out->cols[1], number, &t->err));
        assert_ok(t, arr_col_append_i64(&out->cols[2], i, &t->err));
    }
    out->rows = count;
    buf_fini(&text);
}

/* Rows of `from` in the order of their keys. */
static void sort_into(struct t *t, const struct arr_batch *from, struct rows *out)
{
    struct key_vec keys;
    uint32_t *order = calloc((size_t)from->rows + 1, sizeof *order);
    assert_non_null(order);
    key_vec_init(&keys, &t->mem, 1 << 28);
    assert_ok(t, key_encode_rows(&spec, from, 0, from->rows, &keys, &t->err));
    assert_ok(t, merge_sort(&t->mem, &keys, order, &t->err));
    for (size_t c = 0; c < schema.count; c++)
        assert_ok(t, arr_col_append_picked(&out->batch.cols[c], &from->cols[c], order, from->rows,
                                           &t->err));
    out->batch.rows += from->rows;
    for (int64_t i = 0; i < from->rows; i++)
        assert_ok(t, key_vec_append(&out->keys, key_at(&keys, order[i]), &t->err));
    key_vec_fini(&keys);
    free(order);
}

/* Keys are wanted from some row on, as a merge that was begun without may be asked for them. */
static void merge_all(struct t *t, const struct rows *inputs, size_t count, int64_t keys_from,
                      struct rows *out)
{
    struct t_run *runs = calloc(count, sizeof *runs);
    struct run **list = calloc(count, sizeof *list);
    assert_non_null(runs);
    assert_non_null(list);
    for (size_t i = 0; i < count; i++) {
        t_run_init(&runs[i], &t->mem, &inputs[i].batch, &inputs[i].keys, 0, inputs[i].batch.rows,
                   1 + (int64_t)t_below(t, 200));
        runs[i].spec = &spec;
        list[i] = &runs[i].base;
    }
    struct merge *m = NULL;
    assert_ok(t, merge_new(&t->mem, &schema, list, count, &m, &t->err));
    slp_rc rc = SLP_OK;
    while (rc == SLP_OK) {
        int64_t most = 1 + (int64_t)t_below(t, 700);
        struct key_vec *keys = out->batch.rows >= keys_from ? &out->keys : NULL;
        rc = merge_next(m, most, SIZE_MAX, &out->batch, keys, &t->err);
    }
    assert_rc(t, rc, SLP_DONE);
    merge_free(m);
    free(list);
    free(runs);
}

static void assert_same(const struct arr_batch *got, const struct arr_batch *want)
{
    assert_int_equal(got->rows, want->rows);
    for (int64_t i = 0; i < want->rows; i++)
        assert_int_equal(arr_col_i64(&got->cols[2], i), arr_col_i64(&want->cols[2], i));
    assert_int_equal(got->cols[0].data.len, want->cols[0].data.len);
    assert_memory_equal(got->cols[0].data.ptr, want->cols[0].data.ptr, want->cols[0].data.len);
    assert_memory_equal(got->cols[1].data.ptr, want->cols[1].data.ptr, want->cols[1].data.len);
}

static void check(struct t *t, const struct shape *s, size_t count, int64_t rows, int64_t keys_from)
{
    struct rows *inputs = calloc(count, sizeof *inputs);
    struct rows all;
    struct rows want;
    struct rows got;
    assert_non_null(inputs);
    rows_init(t, &all);
    rows_init(t, &want);
    rows_init(t, &got);
    for (size_t i = 0; i < count; i++) {
        struct arr_batch loose;
        assert_ok(t, arr_batch_init(&loose, &t->mem, &schema, &t->err));
        random_rows(t, s, (int64_t)t_below(t, (uint64_t)rows) + 1, &loose);
        rows_init(t, &inputs[i]);
        sort_into(t, &loose, &inputs[i]);
        assert_ok(t, arr_batch_append_run(&all.batch, &inputs[i].batch, 0, loose.rows, &t->err));
        arr_batch_fini(&loose);
    }
    sort_into(t, &all.batch, &want);
    merge_all(t, inputs, count, keys_from, &got);
    assert_same(&got.batch, &want.batch);
    for (int64_t i = 1; i <= got.keys.count; i++)
        assert_true(slice_equal(key_at(&got.keys, got.keys.count - i),
                                key_at(&want.keys, want.keys.count - i)));
    for (size_t i = 0; i < count; i++)
        rows_fini(&inputs[i]);
    rows_fini(&all);
    rows_fini(&want);
    rows_fini(&got);
    free(inputs);
}

static void keys_that_stay_in_columns_merge_as_encoded_ones(void **state)
{
    struct t *t = *state;
    for (size_t s = 0; s < SHAPES; s++) {
        check(t, &shapes[s], 1, 500, INT64_MAX);
        check(t, &shapes[s], 2, 900, INT64_MAX);
        check(t, &shapes[s], 3 + t_below(t, 12), 600, INT64_MAX);
        check(t, &shapes[s], 3 + t_below(t, 12), 300, 0);
        check(t, &shapes[s], 3 + t_below(t, 12), 300, 400);
    }
}

T_MAIN(T_TEST(keys_that_stay_in_columns_merge_as_encoded_ones))
