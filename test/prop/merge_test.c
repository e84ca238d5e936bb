/* rooms: merge */
#include "merge/merge.h"

#include <stdlib.h>

#include "lib/run.h"

/* One kind of keys: what letters, how long, behind what they all begin with. */
struct shape {
    const char *name;
    uint64_t letters;
    uint64_t min_bytes;
    uint64_t max_bytes;
    size_t common_bytes;
    uint8_t first; /* the least letter */
};

static const struct shape shapes[] = {
    {"random bytes", 256, 0, 40, 0, 0},
    {"two letters, short", 2, 0, 4, 0, 0},
    {"zeros and ones around one window", 2, 14, 19, 0, 0},
    {"zeros only, lengths differ", 1, 0, 70, 0, 0},
    {"all equal", 1, 5, 5, 0, 0},
    {"eight bytes", 256, 8, 8, 0, 0},
    {"sixteen bytes, few", 2, 16, 16, 0, 0},
    {"behind a common part", 3, 1, 6, 61, 0},
    {"long, differ late", 2, 120, 130, 0, 0},
    {"words that tie now and then", 6, 5, 30, 0, 0},
    {"six bytes, many equal", 3, 6, 6, 2, 0},
    {"nine bytes, many equal", 3, 9, 9, 1, 0},
    {"ten bytes, of which four zeros", 1, 10, 10, 0, 0},
    {"words of ones, as an input's at its end", 2, 6, 12, 0, 254},
};
#define SHAPES (sizeof shapes / sizeof shapes[0])

static void random_key(struct t *t, const struct shape *s, struct buf *out)
{
    uint64_t len = s->min_bytes + t_below(t, s->max_bytes - s->min_bytes + 1);
    buf_clear(out);
    for (size_t i = 0; i < s->common_bytes; i++)
        assert_ok(t, buf_append_u8(out, 'c', &t->err));
    for (uint64_t i = 0; i < len; i++)
        assert_ok(t, buf_append_u8(out, (uint8_t)(s->first + t_below(t, s->letters)), &t->err));
}

static void random_keys(struct t *t, const struct shape *s, int64_t count, struct key_vec *out)
{
    struct buf key;
    buf_init(&key, &t->mem, 1 << 20);
    for (int64_t i = 0; i < count; i++) {
        random_key(t, s, &key);
        assert_ok(t, key_vec_append(out, buf_slice(&key), &t->err));
    }
    buf_fini(&key);
}

/* The model: a plain stable sort of row numbers by whole keys. */
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

static uint32_t *model_order(const struct key_vec *keys, int64_t first, int64_t count)
{
    struct model_row *rows = calloc((size_t)count + 1, sizeof *rows);
    uint32_t *order = calloc((size_t)count + 1, sizeof *order);
    assert_non_null(rows);
    assert_non_null(order);
    for (int64_t i = 0; i < count; i++)
        rows[i] = (struct model_row){.key = key_at(keys, first + i), .row = (uint32_t)(first + i)};
    qsort(rows, (size_t)count, sizeof *rows, compare_rows);
    for (int64_t i = 0; i < count; i++)
        order[i] = rows[i].row;
    free(rows);
    return order;
}

static void sorting_equals_a_plain_stable_sort(void **state)
{
    struct t *t = *state;
    static const int64_t counts[] = {0, 1, 2, 24, 25, 100, 1000, 5000};
    for (size_t s = 0; s < SHAPES; s++) {
        for (size_t c = 0; c < sizeof counts / sizeof counts[0]; c++) {
            struct key_vec keys;
            key_vec_init(&keys, &t->mem, 1 << 24);
            random_keys(t, &shapes[s], counts[c], &keys);
            uint32_t *want = model_order(&keys, 0, counts[c]);
            uint32_t *got = calloc((size_t)counts[c] + 1, sizeof *got);
            assert_non_null(got);
            assert_ok(t, merge_sort(&t->mem, &keys, got, &t->err));
            if (memcmp(got, want, (size_t)counts[c] * sizeof *got) != 0)
                fail_msg("%s, %lld keys (SEED=%llu)", shapes[s].name, (long long)counts[c],
                         (unsigned long long)t->seed);
            free(got);
            free(want);
            key_vec_fini(&keys);
        }
    }
}

static struct arr_field fields[] = {
    {.name = "id", .type = {.kind = ARR_INT32}},
    {.name = "text", .type = {.kind = ARR_UTF8}, .nullable = true},
    {.name = "flag", .type = {.kind = ARR_BOOL}, .nullable = true},
    {.name = "small", .type = {.kind = ARR_INT8}},
    {.name = "half", .type = {.kind = ARR_UINT16}, .nullable = true},
    {.name = "long", .type = {.kind = ARR_INT64}},
    {.name = "money", .type = {.kind = ARR_DECIMAL128, .precision = 38, .scale = 2}},
    {.name = "hash", .type = {.kind = ARR_FIXED_BINARY, .width = 5}, .nullable = true},
    {.name = "nothing", .type = {.kind = ARR_NULL}, .nullable = true},
};
static const struct arr_schema schema = {.fields = fields,
                                         .count = sizeof fields / sizeof fields[0]};

static void random_value(struct t *t, struct arr_col *c, int64_t row, uint64_t null_one_in)
{
    uint8_t bytes[40];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)t_random(t);
    if (c->type.kind == ARR_NULL || (null_one_in && t_below(t, null_one_in) == 0))
        assert_ok(t, arr_col_append_null(c, &t->err));
    else if (c->type.kind == ARR_BOOL)
        assert_ok(t, arr_col_append_bool(c, bytes[0] & 1, &t->err));
    else if (c->type.kind == ARR_INT32)
        assert_ok(t, arr_col_append_i64(c, row, &t->err));
    else if (arr_type_is_variable(c->type))
        assert_ok(t, arr_col_append(c, slice_of(bytes, t_below(t, sizeof bytes)), &t->err));
    else
        assert_ok(t, arr_col_append(c, slice_of(bytes, arr_type_width(c->type)), &t->err));
}

static void random_rows(struct t *t, int64_t count, struct arr_batch *out)
{
    assert_ok(t, arr_batch_init(out, &t->mem, &schema, &t->err));
    for (size_t c = 0; c < schema.count; c++) {
        uint64_t null_one_in = schema.fields[c].nullable ? 1 + t_below(t, 6) * 40 : 0;
        for (int64_t i = 0; i < count; i++)
            random_value(t, &out->cols[c], i, null_one_in);
    }
    out->rows = count;
}

static void assert_same_bytes(const struct buf *got, const struct buf *want)
{
    assert_int_equal(got->len, want->len);
    if (want->len)
        assert_memory_equal(got->ptr, want->ptr, want->len);
}

static void assert_same_batch(const struct arr_batch *got, const struct arr_batch *want)
{
    assert_int_equal(got->rows, want->rows);
    for (size_t c = 0; c < schema.count; c++) {
        assert_int_equal(got->cols[c].rows, want->rows);
        assert_int_equal(got->cols[c].null_count, want->cols[c].null_count);
        assert_same_bytes(&got->cols[c].validity, &want->cols[c].validity);
        assert_same_bytes(&got->cols[c].data, &want->cols[c].data);
        assert_same_bytes(&got->cols[c].offsets, &want->cols[c].offsets);
    }
}

/* Rows of all inputs one behind another, each input sorted. */
struct pile {
    struct arr_batch rows;
    struct key_vec keys;
    int64_t *ends; /* of each input */
    size_t inputs;
};

static void pile_init(struct t *t, struct pile *p, const struct shape *s, size_t inputs,
                      int64_t rows)
{
    struct key_vec loose;
    struct arr_batch loose_rows;
    key_vec_init(&loose, &t->mem, 1 << 26);
    random_keys(t, s, rows, &loose);
    random_rows(t, rows, &loose_rows);
    *p = (struct pile){.inputs = inputs};
    p->ends = calloc(inputs, sizeof *p->ends);
    assert_non_null(p->ends);
    key_vec_init(&p->keys, &t->mem, 1 << 26);
    assert_ok(t, arr_batch_init(&p->rows, &t->mem, &schema, &t->err));
    int64_t at = 0;
    for (size_t i = 0; i < inputs; i++) {
        uint64_t most = (uint64_t)(rows - at) / (inputs - i) * 2 + 1;
        int64_t n = i + 1 == inputs ? rows - at : (int64_t)t_below(t, most);
        n = n < rows - at ? n : rows - at;
        uint32_t *order = model_order(&loose, at, n);
        for (int64_t k = 0; k < n; k++)
            assert_ok(t, key_vec_append(&p->keys, key_at(&loose, order[k]), &t->err));
        for (size_t c = 0; c < schema.count; c++)
            assert_ok(
                t, arr_col_append_picked(&p->rows.cols[c], &loose_rows.cols[c], order, n, &t->err));
        free(order);
        at += n;
        p->ends[i] = at;
    }
    p->rows.rows = rows;
    arr_batch_fini(&loose_rows);
    key_vec_fini(&loose);
}

static void pile_fini(struct pile *p)
{
    arr_batch_fini(&p->rows);
    key_vec_fini(&p->keys);
    free(p->ends);
}

static void merge_all(struct t *t, const struct pile *p, uint64_t block_rows, uint64_t step_rows,
                      struct arr_batch *out, struct key_vec *keys)
{
    struct t_run *runs = calloc(p->inputs, sizeof *runs);
    struct run **inputs = calloc(p->inputs, sizeof *inputs);
    assert_non_null(runs);
    assert_non_null(inputs);
    for (size_t i = 0; i < p->inputs; i++) {
        t_run_init(&runs[i], &t->mem, &p->rows, &p->keys, i ? p->ends[i - 1] : 0, p->ends[i],
                   1 + (int64_t)t_below(t, block_rows));
        inputs[i] = &runs[i].base;
    }
    struct merge *m = NULL;
    assert_ok(t, merge_new(&t->mem, &schema, inputs, p->inputs, &m, &t->err));
    slp_rc rc = SLP_OK;
    while (rc == SLP_OK) {
        int64_t before = out->rows;
        int64_t most = 1 + (int64_t)t_below(t, step_rows);
        rc = merge_next(m, most, SIZE_MAX, out, keys, &t->err);
        assert_true(out->rows - before <= most);
        assert_int_equal(rc == SLP_OK, out->rows > before);
    }
    assert_int_equal(rc, SLP_DONE);
    merge_free(m);
    free(inputs);
    free(runs);
}

static void check_merge(struct t *t, const struct shape *s, size_t inputs, int64_t rows,
                        uint64_t block_rows, uint64_t step_rows)
{
    struct pile p;
    pile_init(t, &p, s, inputs, rows);
    struct arr_batch got;
    struct arr_batch want;
    struct key_vec keys;
    assert_ok(t, arr_batch_init(&got, &t->mem, &schema, &t->err));
    assert_ok(t, arr_batch_init(&want, &t->mem, &schema, &t->err));
    key_vec_init(&keys, &t->mem, 1 << 26);
    merge_all(t, &p, block_rows, step_rows, &got, &keys);
    uint32_t *order = model_order(&p.keys, 0, rows);
    for (size_t c = 0; c < schema.count; c++)
        assert_ok(t, arr_col_append_picked(&want.cols[c], &p.rows.cols[c], order, rows, &t->err));
    want.rows = rows;
    assert_same_batch(&got, &want);
    assert_int_equal(keys.count, rows);
    for (int64_t i = 0; i < rows; i++)
        assert_true(slice_equal(key_at(&keys, i), key_at(&p.keys, order[i])));
    free(order);
    arr_batch_fini(&got);
    arr_batch_fini(&want);
    key_vec_fini(&keys);
    pile_fini(&p);
}

static void merging_equals_sorting_all_rows(void **state)
{
    struct t *t = *state;
    for (size_t s = 0; s < SHAPES; s++) {
        check_merge(t, &shapes[s], 1, 300, 50, 100);
        check_merge(t, &shapes[s], 2, 2000, 300, 5000);
        check_merge(t, &shapes[s], 3 + t_below(t, 30), 1500, 20, 40);
        check_merge(t, &shapes[s], 3 + t_below(t, 6), 1500, 1, 5000);
    }
}

static void a_thousand_inputs_of_tiny_blocks_are_merged(void **state)
{
    struct t *t = *state;
    check_merge(t, &shapes[0], 1000, 3000, 2, 5000);
    check_merge(t, &shapes[7], MERGE_INPUTS_MAX, 1500, 1, 5000);
}

T_MAIN(T_TEST(sorting_equals_a_plain_stable_sort), T_TEST(merging_equals_sorting_all_rows),
       T_TEST(a_thousand_inputs_of_tiny_blocks_are_merged))
