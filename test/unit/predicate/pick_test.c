#include "predicate/pick.h"

#include "arrow/dictionary.h"
#include "lib/t.h"

static struct arr_field fields[] = {{.name = "n", .type = {.kind = ARR_INT64}, .nullable = true}};
static const struct arr_schema schema = {.fields = fields, .count = 1};

/* 0, 1, 2, null, 4, 5, ... */
static void fill(struct t *t, struct arr_batch *batch, int64_t rows)
{
    *batch = (struct arr_batch){.rows = 0};
    assert_ok(t, arr_batch_init(batch, &t->mem, &schema, &t->err));
    for (int64_t i = 0; i < rows; i++)
        assert_ok(t, i == 3 ? arr_col_append_null(&batch->cols[0], &t->err)
                            : arr_col_append_i64(&batch->cols[0], i, &t->err));
    batch->rows = rows;
}

static const struct pred *compile(struct t *t, struct arena *a, const char *text)
{
    const struct pred *pred = NULL;
    arena_init(a, &t->mem, 1 << 20);
    assert_ok(t, pred_compile(slice_str(text), &schema, NULL, 0, a, &pred, &t->err));
    return pred;
}

static void rows_are_picked_in_order_where_the_truth_is_true(void **state)
{
    struct t *t = *state;
    struct pred_picker picker;
    struct arr_batch batch;
    struct arena a;
    const struct pred *pred = compile(t, &a, "n <> 1");
    static const uint32_t want[] = {0, 2, 4, 5};
    fill(t, &batch, 6);
    pred_picker_init(&picker, &t->mem);
    for (int64_t most = 0; most <= 5; most++) {
        assert_ok(t, pred_pick(&picker, pred, &batch, most, &t->err));
        assert_int_equal(picker.count, most < 4 ? most : 4);
        assert_memory_equal(picker.rows, want, (size_t)picker.count * sizeof *want);
    }
    arr_batch_clear(&batch);
    assert_ok(t, pred_pick(&picker, pred, &batch, INT64_MAX, &t->err));
    assert_int_equal(picker.count, 0);
    pred_picker_fini(&picker);
    arr_batch_fini(&batch);
    arena_fini(&a);
}

static void picking_survives_every_fault(void **state)
{
    struct t *t = *state;
    struct arr_batch batch;
    struct arena a;
    const struct pred *pred = compile(t, &a, "n > 2 OR n IS NULL");
    fill(t, &batch, 5);
    T_FAULT_LOOP(t) {
        struct pred_picker picker;
        pred_picker_init(&picker, &t->mem);
        slp_rc rc = pred_pick(&picker, pred, &batch, INT64_MAX, &t->err);
        assert_int_equal(rc, t->fault_hit ? SLP_NO_MEMORY : SLP_OK);
        assert_int_equal(picker.count, rc == SLP_OK ? 2 : 0);
        pred_picker_fini(&picker);
    }
    arr_batch_fini(&batch);
    arena_fini(&a);
}

/* "red", "green", "red", null, "green": a column of indices. */
static void fill_words(struct t *t, const struct arr_schema *of, struct arr_batch *batch)
{
    static const uint32_t before[] = {0, 1, 0};
    static const uint32_t behind[] = {1};
    struct arr_dictionary *d = NULL;
    *batch = (struct arr_batch){.rows = 0};
    assert_ok(t, arr_batch_init(batch, &t->mem, of, &t->err));
    assert_ok(t, arr_dictionary_new(&t->mem, of->fields[0].type, &d, &t->err));
    assert_ok(t, arr_col_append(&d->values, slice_str("red"), &t->err));
    assert_ok(t, arr_col_append(&d->values, slice_str("green"), &t->err));
    arr_col_set_dictionary(&batch->cols[0], d);
    arr_dictionary_unref(d);
    assert_ok(t, arr_col_append_indices(&batch->cols[0], before, 3, &t->err));
    assert_ok(t, arr_col_append_nulls(&batch->cols[0], 1, &t->err));
    assert_ok(t, arr_col_append_indices(&batch->cols[0], behind, 1, &t->err));
    batch->rows = 5;
}

static void rows_of_dictionaries_are_picked_by_value_and_stay_dictionaries(void **state)
{
    struct t *t = *state;
    static struct arr_field word = {.name = "w", .type = {.kind = ARR_UTF8}, .nullable = true};
    const struct arr_schema words = {.fields = &word, .count = 1};
    const struct pred *pred = NULL;
    struct arr_batch batch;
    struct arena a;
    arena_init(&a, &t->mem, 1 << 20);
    assert_ok(t, pred_compile(slice_str("w = 'green' OR w IS NULL"), &words, NULL, 0, &a, &pred,
                              &t->err));
    fill_words(t, &words, &batch);
    T_FAULT_LOOP(t) {
        static const uint32_t want[] = {1, 3, 4};
        struct pred_picker picker;
        pred_picker_init(&picker, &t->mem);
        slp_rc rc = pred_pick(&picker, pred, &batch, INT64_MAX, &t->err);
        assert_int_equal(rc, t->fault_hit ? SLP_NO_MEMORY : SLP_OK);
        assert_int_equal(picker.count, rc == SLP_OK ? 3 : 0);
        if (rc == SLP_OK)
            assert_memory_equal(picker.rows, want, sizeof want);
        assert_non_null(batch.cols[0].dictionary);
        pred_picker_fini(&picker);
    }
    arr_batch_fini(&batch);
    arena_fini(&a);
}

T_MAIN(T_TEST(rows_are_picked_in_order_where_the_truth_is_true),
       T_TEST(rows_of_dictionaries_are_picked_by_value_and_stay_dictionaries),
       T_TEST(picking_survives_every_fault))
