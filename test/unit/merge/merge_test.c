#include "merge/merge.h"

#include <stdio.h>

#include "lib/run.h"

static struct arr_field fields[] = {
    {.name = "id", .type = {.kind = ARR_INT32}},
    {.name = "text", .type = {.kind = ARR_UTF8}, .nullable = true},
};
static const struct arr_schema schema = {.fields = fields, .count = 2};

/* Rows whose key is one word each; "id" counts them, "text" is the key, null for every third. */
struct rows {
    struct arr_batch batch;
    struct key_vec keys;
};

static void rows_init(struct t *t, struct rows *r, const char *const *keys, size_t count)
{
    assert_ok(t, arr_batch_init(&r->batch, &t->mem, &schema, &t->err));
    key_vec_init(&r->keys, &t->mem, 1 << 20);
    for (size_t i = 0; i < count; i++) {
        struct slice key = slice_str(keys[i]);
        assert_ok(t, key_vec_append(&r->keys, key, &t->err));
        assert_ok(t, arr_col_append_i64(&r->batch.cols[0], (int64_t)i, &t->err));
        if (i % 3 == 2)
            assert_ok(t, arr_col_append_null(&r->batch.cols[1], &t->err));
        else
            assert_ok(t, arr_col_append(&r->batch.cols[1], key, &t->err));
        r->batch.rows++;
    }
}

static void rows_fini(struct rows *r)
{
    arr_batch_fini(&r->batch);
    key_vec_fini(&r->keys);
}

static void assert_ids(const struct arr_batch *b, const int64_t *want, int64_t count)
{
    assert_int_equal(b->rows, count);
    for (int64_t i = 0; i < count; i++)
        assert_int_equal(arr_col_i64(&b->cols[0], i), want[i]);
}

static const char *const words[] = {"b", "c", "c", "x", "a", "c", "d", "c", "c"};

/* Three inputs: b c c x, a c d, c c; in blocks of two rows. */
static void three_runs(struct t *t, struct rows *rows, struct t_run *runs, struct run **inputs)
{
    rows_init(t, rows, words, 9);
    t_run_init(&runs[0], &t->mem, &rows->batch, &rows->keys, 0, 4, 2);
    t_run_init(&runs[1], &t->mem, &rows->batch, &rows->keys, 4, 7, 2);
    t_run_init(&runs[2], &t->mem, &rows->batch, &rows->keys, 7, 9, 2);
    for (size_t i = 0; i < 3; i++)
        inputs[i] = &runs[i].base;
}

static void equal_keys_come_in_the_order_of_inputs(void **state)
{
    struct t *t = *state;
    struct rows rows;
    struct t_run runs[3];
    struct run *inputs[3];
    three_runs(t, &rows, runs, inputs);
    struct merge *m = NULL;
    assert_ok(t, merge_new(&t->mem, &schema, inputs, 3, &m, &t->err));
    struct arr_batch out;
    struct key_vec keys;
    assert_ok(t, arr_batch_init(&out, &t->mem, &schema, &t->err));
    key_vec_init(&keys, &t->mem, 1 << 20);
    assert_ok(t, merge_next(m, 100, SIZE_MAX, &out, &keys, &t->err));
    assert_ids(&out, (const int64_t[]){4, 0, 1, 2, 5, 7, 8, 6, 3}, 9);
    assert_int_equal(out.cols[1].null_count, 3);
    assert_true(slice_is(arr_col_bytes(&out.cols[1], 1), "b"));
    assert_int_equal(keys.count, 9);
    assert_true(slice_is(key_at(&keys, 7), "d"));
    assert_rc(t, merge_next(m, 100, SIZE_MAX, &out, &keys, &t->err), SLP_DONE);
    assert_int_equal(out.rows, 9);
    merge_free(m);
    for (size_t i = 0; i < 3; i++)
        assert_true(runs[i].is_closed);
    arr_batch_fini(&out);
    key_vec_fini(&keys);
    rows_fini(&rows);
}

static void rows_and_bytes_asked_for_bound_a_step(void **state)
{
    struct t *t = *state;
    struct rows rows;
    struct t_run runs[3];
    struct run *inputs[3];
    three_runs(t, &rows, runs, inputs);
    struct merge *m = NULL;
    assert_ok(t, merge_new(&t->mem, &schema, inputs, 3, &m, &t->err));
    struct arr_batch out;
    assert_ok(t, arr_batch_init(&out, &t->mem, &schema, &t->err));
    assert_ok(t, merge_next(m, 2, SIZE_MAX, &out, NULL, &t->err));
    assert_ids(&out, (const int64_t[]){4, 0}, 2);
    assert_ok(t, merge_next(m, 5, 1, &out, NULL, &t->err));
    assert_ids(&out, (const int64_t[]){4, 0, 1}, 3);
    arr_batch_clear(&out);
    assert_ok(t, merge_next(m, 100, SIZE_MAX, &out, NULL, &t->err));
    assert_ids(&out, (const int64_t[]){2, 5, 7, 8, 6, 3}, 6);
    merge_free(m);
    arr_batch_fini(&out);
    rows_fini(&rows);
}

static void long_runs_of_one_input_are_found_by_galloping(void **state)
{
    struct t *t = *state;
    char text[600][4];
    const char *list[600];
    for (size_t i = 0; i < 600; i++) {
        /* Input 0: 000 to 499, input 1: 250 a hundred times. */
        (void)snprintf(text[i], sizeof text[i], "%03u", i < 500 ? (unsigned)i : 250u);
        list[i] = text[i];
    }
    struct rows rows;
    rows_init(t, &rows, list, 600);
    struct t_run runs[2];
    t_run_init(&runs[0], &t->mem, &rows.batch, &rows.keys, 0, 500, 400);
    t_run_init(&runs[1], &t->mem, &rows.batch, &rows.keys, 500, 600, 30);
    struct run *inputs[2] = {&runs[0].base, &runs[1].base};
    struct merge *m = NULL;
    assert_ok(t, merge_new(&t->mem, &schema, inputs, 2, &m, &t->err));
    struct arr_batch out;
    assert_ok(t, arr_batch_init(&out, &t->mem, &schema, &t->err));
    assert_ok(t, merge_next(m, 1000, SIZE_MAX, &out, NULL, &t->err));
    assert_int_equal(out.rows, 600);
    for (int64_t i = 0; i < 600; i++) {
        int64_t want = i <= 250 ? i : i <= 350 ? i + 249 : i - 100;
        assert_int_equal(arr_col_i64(&out.cols[0], i), want);
    }
    merge_free(m);
    arr_batch_fini(&out);
    rows_fini(&rows);
}

static void assert_refused(struct t *t, const char *const *list, size_t count, int64_t block_rows,
                           const char *text)
{
    struct rows rows;
    rows_init(t, &rows, list, count);
    struct t_run runs[2];
    t_run_init(&runs[0], &t->mem, &rows.batch, &rows.keys, 0, 0, 1);
    t_run_init(&runs[1], &t->mem, &rows.batch, &rows.keys, 0, (int64_t)count, block_rows);
    struct run *inputs[2] = {&runs[0].base, &runs[1].base};
    struct merge *m = NULL;
    assert_ok(t, merge_new(&t->mem, &schema, inputs, 2, &m, &t->err));
    struct arr_batch out;
    assert_ok(t, arr_batch_init(&out, &t->mem, &schema, &t->err));
    assert_rc(t, merge_next(m, 100, SIZE_MAX, &out, NULL, &t->err), SLP_CORRUPT);
    assert_err_has(t, text);
    merge_free(m);
    arr_batch_fini(&out);
    rows_fini(&rows);
}

static void falling_keys_are_refused_with_input_and_keys(void **state)
{
    struct t *t = *state;
    const char *const list[] = {"a", "c", "b", "d"};
    assert_refused(t, list, 4, 4, "input 1 of the merge is not sorted: key 62 comes after key 63");
    assert_refused(t, list, 4, 2, "input 1 of the merge is not sorted: key 62 comes after key 63");
}

static void inputs_are_closed_when_there_are_too_many(void **state)
{
    struct t *t = *state;
    struct t_run run;
    struct run *inputs[MERGE_INPUTS_MAX + 1];
    t_run_init(&run, &t->mem, NULL, NULL, 0, 0, 1);
    for (size_t i = 0; i <= MERGE_INPUTS_MAX; i++)
        inputs[i] = &run.base;
    struct merge *m = NULL;
    assert_rc(t, merge_new(&t->mem, &schema, inputs, MERGE_INPUTS_MAX + 1, &m, &t->err), SLP_LIMIT);
    assert_true(run.is_closed);
    assert_null(m);
}

static void merge_survives_every_fault(void **state)
{
    struct t *t = *state;
    struct rows rows;
    struct t_run runs[3];
    struct run *inputs[3];
    three_runs(t, &rows, runs, inputs);
    T_FAULT_LOOP(t) {
        struct merge *m = NULL;
        struct arr_batch out = {0};
        struct key_vec keys;
        key_vec_init(&keys, &t->mem, 1 << 20);
        t_run_init(&runs[0], &t->mem, &rows.batch, &rows.keys, 0, 4, 1);
        t_run_init(&runs[1], &t->mem, &rows.batch, &rows.keys, 4, 7, 1);
        t_run_init(&runs[2], &t->mem, &rows.batch, &rows.keys, 7, 9, 1);
        slp_rc rc = merge_new(&t->mem, &schema, inputs, 3, &m, &t->err);
        if (rc == SLP_OK)
            rc = arr_batch_init(&out, &t->mem, &schema, &t->err);
        if (rc == SLP_OK)
            rc = merge_next(m, 100, SIZE_MAX, &out, &keys, &t->err);
        assert_int_equal(rc, t->fault_hit ? SLP_NO_MEMORY : SLP_OK);
        merge_free(m);
        for (size_t i = 0; i < 3; i++)
            assert_true(runs[i].is_closed);
        arr_batch_fini(&out);
        key_vec_fini(&keys);
    }
    rows_fini(&rows);
}

T_MAIN(T_TEST(equal_keys_come_in_the_order_of_inputs),
       T_TEST(rows_and_bytes_asked_for_bound_a_step),
       T_TEST(long_runs_of_one_input_are_found_by_galloping),
       T_TEST(falling_keys_are_refused_with_input_and_keys),
       T_TEST(inputs_are_closed_when_there_are_too_many), T_TEST(merge_survives_every_fault))
