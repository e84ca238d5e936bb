/* rooms: output merge */
#include "state/pressure.h"

#include "lib/table.h"

/* One range over everything. */
static const struct key_range everywhere = {0};

static void set(struct t *t, struct t_table *tt, const char *name, const char *value)
{
    struct state_result result = {0};
    struct state_property item = {.name = slice_str(name), .value = slice_str(value)};
    struct state_txn txn = {.kind = STATE_PROPERTIES, .properties = {.items = &item, .count = 1}};
    assert_ok(t, state_table_commit(tt->table, &txn, NULL, &result, &t->err));
    assert_ok(t, state_result_check(&result, &t->err));
}

static void delays_grow_from_the_soft_limit_to_the_hard_one(void **state)
{
    (void)state;
    int64_t before = -1;
    for (size_t depth = 0; depth < 600; depth++) {
        struct state_pressure p = {.depth = depth};
        int64_t us = state_pressure_delay_us(&p, NULL, false);
        assert_true(us >= before);
        if (depth < 64)
            assert_int_equal(us, 0);
        if (depth >= 64)
            assert_true(us > 0);
        assert_true(us <= 10000000);
        before = us;
    }
    assert_int_equal(before, 10000000);
}

static void wide_files_delay_those_who_add_more_of_them(void **state)
{
    (void)state;
    struct state_pressure p = {.unfiled = 60};
    assert_int_equal(state_pressure_delay_us(&p, NULL, false), 0);
    assert_true(state_pressure_delay_us(&p, NULL, true) > 0);
    p = (struct state_pressure){.waiting = 5000};
    assert_true(state_pressure_delay_us(&p, NULL, false) > 0);
}

static void too_many_runs_refuse_rows_there_and_only_there(void **state)
{
    struct t *t = *state;
    struct t_table tt;
    static const char *const points[] = {"m"};
    t_table_open(t, &tt, T_SCHEMA_KV, points, 1);
    set(t, &tt, "backpressure.depth.hard", "4");
    set(t, &tt, "backpressure.depth.soft", "4");
    struct key_range low = {0};
    struct key_range high = {0};
    for (int i = 0; i < 4; i++) {
        low = state_leaf_at(state_table_view(tt.table), 0)->range;
        assert_ok(t, state_pressure_admit(tt.table, low, false, NULL, &t->err));
        t_table_add(t, &tt, "a,1\n");
    }
    low = state_leaf_at(state_table_view(tt.table), 0)->range;
    high = state_leaf_at(state_table_view(tt.table), 1)->range;
    struct state_pressure p;
    assert_ok(t, state_pressure_of(tt.table, everywhere, &p, &t->err));
    assert_int_equal(p.depth, 4);
    assert_rc(t, state_pressure_admit(tt.table, low, false, NULL, &t->err), SLP_UNAVAILABLE);
    assert_err_has(t, "backpressure.depth.hard is 4");
    assert_err_has(t, "sleeper compact test");
    assert_ok(t, state_pressure_admit(tt.table, high, false, NULL, &t->err));
    t_table_close(&tt);
}

static void who_is_delayed_can_be_cancelled(void **state)
{
    struct t *t = *state;
    struct t_table tt;
    volatile int cancel = 1;
    t_table_open(t, &tt, T_SCHEMA_KV, NULL, 0);
    set(t, &tt, "backpressure.depth.soft", "1");
    t_table_add(t, &tt, "a,1\n");
    assert_rc(t, state_pressure_admit(tt.table, everywhere, false, &cancel, &t->err),
              SLP_CANCELLED);
    t_table_close(&tt);
}

T_MAIN(T_TEST(delays_grow_from_the_soft_limit_to_the_hard_one),
       T_TEST(wide_files_delay_those_who_add_more_of_them),
       T_TEST(too_many_runs_refuse_rows_there_and_only_there),
       T_TEST(who_is_delayed_can_be_cancelled))
