#include "state/state.h"

#include "lib/t.h"
#include "state/global.h"
#include "unit/state/helpers.h"

static const char schema_json[] =
    "{\"rowKeyFields\":[{\"name\":\"key\",\"type\":\"StringType\"}],\"sortKeyFields\":[],"
    "\"valueFields\":[{\"name\":\"value\",\"type\":\"LongType\"}]}";

struct world {
    struct store *store;
    struct state_instance *instance;
    struct state_table *table;
};

static void world_open(struct t *t, struct world *w)
{
    struct state_table_options o = {.name = slice_str("t"), .schema_json = slice_str(schema_json)};
    assert_ok(t, store_memory_new(&t->mem, &w->store, &t->err));
    assert_ok(t, state_instance_create(w->store, NULL, &t->err));
    assert_ok(t, state_instance_open(&t->mem, w->store, NULL, &w->instance, &t->err));
    assert_ok(t, state_table_create(w->instance, &o, &t->err));
    assert_ok(t, state_table_open(w->instance, slice_str("t"), &w->table, &t->err));
}

static void world_close(struct world *w)
{
    state_table_close(w->table);
    state_instance_close(w->instance);
    store_close(w->store);
}

/* One more frame, later than the one before; its time. */
static int64_t add_one(struct t *t, struct world *w)
{
    struct state_result result;
    struct state_new_file f = file_of("data/00/x.parquet", "b", "k", 10);
    struct state_txn txn = {.kind = STATE_ADD, .add = {.files = &f, .count = 1}};
    store_sleep_us(w->store, 2000);
    assert_ok(t, state_table_commit(w->table, &txn, NULL, &result, &t->err));
    assert_ok(t, state_result_check(&result, &t->err));
    return state_time_us(state_table_view(w->table));
}

static uint64_t find(struct t *t, struct world *w, int64_t time_us)
{
    uint64_t number = 0;
    assert_ok(t, state_table_find_time(w->table, time_us, &number, &t->err));
    return number;
}

static void a_time_leads_to_the_last_frame_that_is_not_younger(void **state)
{
    struct t *t = *state;
    struct world w;
    int64_t times[40] = {0};
    uint64_t number = 0;
    world_open(t, &w);
    int64_t first = state_time_us(state_table_view(w.table));
    for (uint64_t n = 2; n < 40; n++)
        times[n] = add_one(t, &w);
    for (uint64_t n = 2; n < 40; n++) {
        assert_int_equal(find(t, &w, times[n]), n);
        assert_int_equal(find(t, &w, times[n] - 1), n - 1);
    }
    assert_int_equal(find(t, &w, INT64_MAX), 39);
    assert_int_equal(find(t, &w, first), 1);
    assert_rc(t, state_table_find_time(w.table, first - 1, &number, &t->err), SLP_NOT_FOUND);
    world_close(&w);
}

/* Frames below the floor are gone: only what a snapshot stands at, or what comes behind it, is left. */
static void what_is_older_than_the_log_is_not_found_unless_it_is_pinned(void **state)
{
    struct t *t = *state;
    struct world w;
    struct state_kept kept = {0};
    struct state_result result;
    int64_t times[60] = {0};
    uint64_t number = 0;
    world_open(t, &w);
    for (uint64_t n = 2; n <= 9; n++)
        times[n] = add_one(t, &w);
    assert_ok(t, state_table_snapshot(w.table, &kept, &t->err));
    assert_true(kept.is_made);
    const struct state_verified *v = state_verified_at(state_table_view(w.table), 0);
    assert_int_equal(v->number, 9);
    struct state_txn pin = {
        .kind = STATE_PIN,
        .pin = {.name = slice_str("p"), .root = slice_str(v->root), .number = v->number}};
    assert_ok(t, state_table_commit(w.table, &pin, NULL, &result, &t->err));
    assert_ok(t, state_result_check(&result, &t->err));
    for (uint64_t n = state_number(state_table_view(w.table)) + 1; n < 30; n++)
        times[n] = add_one(t, &w);
    assert_ok(t, state_table_keep(w.table, 1, &kept, &t->err));
    (void)add_one(t, &w);
    assert_ok(t, state_table_keep(w.table, 1, &kept, &t->err));
    assert_true(kept.floor > 20);
    assert_int_equal(find(t, &w, times[9]), 9);
    assert_int_equal(find(t, &w, times[15]), 9); /* what came behind the pin is gone */
    assert_rc(t, state_table_find_time(w.table, times[8], &number, &t->err), SLP_NOT_FOUND);
    world_close(&w);
}

/* Pinning what is now forgets nothing of what was. */
static void a_snapshot_by_itself_deletes_no_frame(void **state)
{
    struct t *t = *state;
    struct world w;
    struct state_kept kept = {0};
    world_open(t, &w);
    for (int i = 0; i < 4; i++) {
        (void)add_one(t, &w);
        assert_ok(t, state_table_snapshot(w.table, &kept, &t->err));
        assert_true(kept.is_made);
        assert_int_equal(kept.deleted, 0);
    }
    struct state_open_options o = {.at = 2};
    struct state_table *early = NULL;
    assert_ok(t, state_table_open_with(w.instance, slice_str("t"), &o, &early, &t->err));
    assert_int_equal(state_number(state_table_view(early)), 2);
    state_table_close(early);
    world_close(&w);
}

static void looking_for_a_time_survives_every_fault(void **state)
{
    struct t *t = *state;
    struct world w;
    struct state_kept kept = {0};
    int64_t time_us = 0;
    world_open(t, &w);
    time_us = add_one(t, &w);
    (void)add_one(t, &w);
    assert_ok(t, state_table_snapshot(w.table, &kept, &t->err));
    T_FAULT_LOOP(t) {
        uint64_t number = 0;
        struct state_instance *instance = NULL;
        struct state_table *table = NULL;
        slp_rc rc = state_instance_open(&t->mem, w.store, NULL, &instance, &t->err);
        if (rc == SLP_OK)
            rc = state_table_open(instance, slice_str("t"), &table, &t->err);
        if (rc == SLP_OK)
            rc = state_table_find_time(table, time_us, &number, &t->err);
        state_table_close(table);
        state_instance_close(instance);
        assert_true(rc == SLP_OK ? number == 2 : t->fault_hit);
    }
    world_close(&w);
}

T_MAIN(T_TEST(a_time_leads_to_the_last_frame_that_is_not_younger),
       T_TEST(what_is_older_than_the_log_is_not_found_unless_it_is_pinned),
       T_TEST(a_snapshot_by_itself_deletes_no_frame),
       T_TEST(looking_for_a_time_survives_every_fault))
