#include "predicate/pick.h"

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

T_MAIN(T_TEST(rows_are_picked_in_order_where_the_truth_is_true),
       T_TEST(picking_survives_every_fault))
