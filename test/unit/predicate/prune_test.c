#include "predicate/prune.h"

#include <math.h>

#include "lib/t.h"

static struct arr_field fields[] = {
    {.name = "n", .type = {.kind = ARR_INT32}, .nullable = true},
    {.name = "s", .type = {.kind = ARR_UTF8}, .nullable = true},
    {.name = "x", .type = {.kind = ARR_DOUBLE}, .nullable = true},
};
static const struct arr_schema schema = {.fields = fields, .count = 3};

/* n from 3 to 17 without nulls; s from "ab" to "ad", some null; x from 1.5 to 2, maybe NaN. */
struct world {
    struct arr_col bounds[3];
    struct pred_facts facts[3];
    int64_t missing; /* n cannot be this one, the filter says */
};

static struct pred_facts facts_of(void *context, size_t column)
{
    const struct world *w = context;
    return w->facts[column];
}

static bool may_hold(void *context, size_t column, struct slice value)
{
    const struct world *w = context;
    int32_t n = 0;
    if (column != 0)
        return true;
    assert_int_equal(value.len, sizeof n);
    memcpy(&n, value.ptr, sizeof n);
    return n != w->missing;
}

static void make(struct t *t, struct world *w)
{
    *w = (struct world){.missing = 5};
    for (size_t i = 0; i < 3; i++) {
        arr_col_init(&w->bounds[i], &t->mem, fields[i].type);
        w->facts[i] = (struct pred_facts){.may_be_null = i > 0,
                                          .may_have_value = true,
                                          .may_be_nan = i == 2,
                                          .bounds = &w->bounds[i]};
    }
    assert_ok(t, arr_col_append_i64(&w->bounds[0], 3, &t->err));
    assert_ok(t, arr_col_append_i64(&w->bounds[0], 17, &t->err));
    assert_ok(t, arr_col_append(&w->bounds[1], slice_str("ab"), &t->err));
    assert_ok(t, arr_col_append(&w->bounds[1], slice_str("ad"), &t->err));
    assert_ok(t, arr_col_append_f64(&w->bounds[2], 1.5, &t->err));
    assert_ok(t, arr_col_append_f64(&w->bounds[2], 2, &t->err));
}

static void what_cannot_be_true_is_told_from_what_may(void **state)
{
    struct t *t = *state;
    static const struct {
        const char *where;
        bool expected;
    } cases[] = {
        {"n = 2", false},
        {"n = 3", true},
        {"n = 5", false},
        {"n in (1, 5, 40)", false},
        {"n in (1, 6, 40)", true},
        {"n not in (1, 2)", true},
        {"n < 3", false},
        {"n <= 3", true},
        {"n > 17", false},
        {"n >= 17", true},
        {"n <> 4", true},
        {"n is null", false},
        {"n is not null", true},
        {"(n > 20) is unknown", false},
        {"(n > 20) is not true", true},
        {"not n > 2", false},
        {"n > 20 or s is null", true},
        {"n > 5 and n > 20", false},
        {"n > 20 and s = 'ac'", false},
        {"s = 'a'", false},
        {"s like 'ac%'", true},
        {"s like 'b%'", false},
        {"s like 'aa%'", false},
        {"s not like 'b%'", true},
        {"(s > 'zz') is unknown", true},
        {"x = 1", false},
        {"x > 3", true}, /* NaN is greater than all */
        {"x < 1.5", false},
        {"x is nan", true},
        {"n = x", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct world w;
        struct arena a;
        const struct pred *p = NULL;
        make(t, &w);
        arena_init(&a, &t->mem, 1 << 20);
        const struct pred_witness witness = {&w, facts_of, may_hold};
        assert_ok(t, pred_compile(slice_str(cases[i].where), &schema, NULL, 0, &a, &p, &t->err));
        if (pred_may_be_true(p, &witness) != cases[i].expected)
            fail_msg("%s: expected %d", cases[i].where, cases[i].expected);
        for (size_t k = 0; k < 3; k++)
            arr_col_fini(&w.bounds[k]);
        arena_fini(&a);
    }
}

static void columns_of_nulls_and_unknown_ones_have_the_truths_that_are_left(void **state)
{
    struct t *t = *state;
    struct world w;
    struct arena a;
    const struct pred *p = NULL;
    make(t, &w);
    arena_init(&a, &t->mem, 1 << 20);
    const struct pred_witness witness = {&w, facts_of, NULL};
    assert_ok(t, pred_compile(slice_str("n > 1000"), &schema, NULL, 0, &a, &p, &t->err));
    w.facts[0].bounds = NULL;
    assert_true(pred_may_be_true(p, &witness));
    w.facts[0] = (struct pred_facts){.may_be_null = true};
    assert_false(pred_may_be_true(p, &witness));
    assert_ok(t, pred_compile(slice_str("n is null"), &schema, NULL, 0, &a, &p, &t->err));
    assert_true(pred_may_be_true(p, &witness));
    for (size_t k = 0; k < 3; k++)
        arr_col_fini(&w.bounds[k]);
    arena_fini(&a);
}

T_MAIN(T_TEST(what_cannot_be_true_is_told_from_what_may),
       T_TEST(columns_of_nulls_and_unknown_ones_have_the_truths_that_are_left))
