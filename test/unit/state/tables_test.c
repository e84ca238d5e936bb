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
};

static void world_open(struct t *t, struct world *w)
{
    assert_ok(t, store_memory_new(&t->mem, &w->store, &t->err));
    assert_ok(t, state_instance_create(w->store, NULL, &t->err));
    assert_ok(t, state_instance_open(&t->mem, w->store, NULL, &w->instance, &t->err));
}

static void world_close(struct world *w)
{
    state_instance_close(w->instance);
    store_close(w->store);
}

static slp_rc make_table(struct t *t, struct state_instance *i, const char *name,
                         const struct state_property *properties, size_t count)
{
    struct state_table_options o = {.name = slice_str(name),
                                    .schema_json = slice_str(schema_json),
                                    .properties = properties,
                                    .property_count = count};
    return state_table_create(i, &o, &t->err);
}

static struct state_table *open_table(struct t *t, struct world *w, const char *name)
{
    struct state_table *table = NULL;
    assert_ok(t, state_table_open(w->instance, slice_str(name), &table, &t->err));
    return table;
}

static slp_rc add_one(struct t *t, struct state_table *table)
{
    struct state_result result;
    struct state_new_file f = file_of("data/00/x.parquet", "b", "k", 10);
    struct state_txn txn = {.kind = STATE_ADD, .add = {.files = &f, .count = 1}};
    TRY(state_table_commit(table, &txn, NULL, &result, &t->err));
    return state_result_check(&result, &t->err);
}

static void a_table_is_found_under_its_new_name_only(void **state)
{
    struct t *t = *state;
    struct world w;
    struct state_table *table = NULL;
    world_open(t, &w);
    assert_ok(t, make_table(t, w.instance, "old", NULL, 0));
    assert_ok(t, make_table(t, w.instance, "other", NULL, 0));
    assert_rc(t, state_table_rename(w.instance, slice_str("old"), slice_str("other"), &t->err),
              SLP_EXISTS);
    assert_rc(t, state_table_rename(w.instance, slice_str("old"), slice_str("9"), &t->err),
              SLP_INVALID);
    assert_rc(t, state_table_rename(w.instance, slice_str("none"), slice_str("new"), &t->err),
              SLP_NOT_FOUND);
    struct state_table *before = open_table(t, &w, "old");
    assert_ok(t, state_table_rename(w.instance, slice_str("old"), slice_str("new"), &t->err));
    assert_rc(t, state_table_open(w.instance, slice_str("old"), &table, &t->err), SLP_NOT_FOUND);
    table = open_table(t, &w, "new");
    assert_ok(t, add_one(t, before));
    assert_ok(t, state_table_refresh(table, &t->err));
    assert_int_equal(state_number(state_table_view(table)), 2);
    state_table_close(before);
    state_table_close(table);
    world_close(&w);
}

static void what_is_offline_already_is_not_changed(void **state)
{
    struct t *t = *state;
    struct world w;
    struct arena arena;
    struct state_table_entry *entries = NULL;
    size_t count = 0;
    bool was_changed = false;
    world_open(t, &w);
    arena_init(&arena, &t->mem, 1 << 20);
    assert_ok(t, make_table(t, w.instance, "t", NULL, 0));
    struct slice name = slice_str("t");
    assert_ok(t, state_table_set_offline(w.instance, name, true, &was_changed, &t->err));
    assert_true(was_changed);
    assert_ok(t, state_table_set_offline(w.instance, name, true, &was_changed, &t->err));
    assert_false(was_changed);
    assert_ok(t, state_table_list(w.instance, &arena, &entries, &count, &t->err));
    assert_int_equal(count, 1);
    assert_true(entries[0].is_offline);
    assert_ok(t, state_table_set_offline(w.instance, name, false, &was_changed, &t->err));
    assert_true(was_changed);
    arena_fini(&arena);
    world_close(&w);
}

/* Rule F2: nothing that comes late counts, and whoever has it open is told. */
static void a_dropped_table_takes_nothing_and_its_name_is_free(void **state)
{
    struct t *t = *state;
    struct world w;
    struct arena arena;
    struct state_dropped_table *dropped = NULL;
    struct state_table *table = NULL;
    size_t count = 0;
    world_open(t, &w);
    arena_init(&arena, &t->mem, 1 << 20);
    assert_ok(t, make_table(t, w.instance, "t", NULL, 0));
    struct state_table *writer = open_table(t, &w, "t");
    struct state_table *reader = open_table(t, &w, "t");
    assert_ok(t, add_one(t, writer));
    assert_ok(t, state_table_drop(w.instance, slice_str("t"), &t->err));
    assert_rc(t, add_one(t, writer), SLP_NOT_FOUND);
    assert_err_has(t, "the table was dropped");
    assert_rc(t, state_table_refresh(reader, &t->err), SLP_NOT_FOUND);
    assert_rc(t, state_table_open(w.instance, slice_str("t"), &table, &t->err), SLP_NOT_FOUND);
    assert_rc(t, state_table_drop(w.instance, slice_str("t"), &t->err), SLP_NOT_FOUND);
    assert_rc(t, state_table_open_id(w.instance, state_table_id(writer), &table, &t->err),
              SLP_NOT_FOUND);
    assert_ok(t, state_dropped_list(w.instance, &arena, &dropped, &count, &t->err));
    assert_int_equal(count, 1);
    assert_true(hash_equal(dropped[0].id, state_table_id(writer)));
    assert_ok(t, make_table(t, w.instance, "t", NULL, 0));
    table = open_table(t, &w, "t");
    assert_int_equal(state_number(state_table_view(table)), 1);
    state_table_close(table);
    state_table_close(reader);
    state_table_close(writer);
    arena_fini(&arena);
    world_close(&w);
}

/* Somebody was stopped after the table's own log had ended: the name is there, the table is not. */
static void a_drop_that_was_stopped_goes_on_where_it_was(void **state)
{
    struct t *t = *state;
    struct world w;
    struct state_table *table = NULL;
    struct state_result result;
    world_open(t, &w);
    assert_ok(t, make_table(t, w.instance, "t", NULL, 0));
    struct state_table *half = open_table(t, &w, "t");
    struct state_txn txn = {.kind = STATE_DROP};
    assert_ok(t, state_table_commit(half, &txn, NULL, &result, &t->err));
    assert_rc(t, state_table_open(w.instance, slice_str("t"), &table, &t->err), SLP_NOT_FOUND);
    assert_err_has(t, "the table was dropped");
    assert_ok(t, state_table_drop(w.instance, slice_str("t"), &t->err));
    assert_ok(t, make_table(t, w.instance, "t", NULL, 0));
    state_table_close(half);
    world_close(&w);
}

static int64_t threshold_of(const struct state_table *table)
{
    struct schema_properties p = state_table_properties(table);
    return schema_property_number(&p, SCHEMA_PROPERTY_SPLIT_THRESHOLD);
}

static void the_tables_own_value_counts_before_the_instances(void **state)
{
    struct t *t = *state;
    struct world w;
    struct arena arena;
    struct state_property item = {.name = slice_str("partition.splitting.threshold"),
                                  .value = slice_str("70")};
    struct state_property *defaults = NULL;
    size_t count = 0;
    world_open(t, &w);
    arena_init(&arena, &t->mem, 1 << 20);
    assert_ok(t, make_table(t, w.instance, "plain", NULL, 0));
    assert_ok(t, make_table(t, w.instance, "own", &item, 1));
    struct state_table *plain = open_table(t, &w, "plain");
    assert_int_equal(threshold_of(plain), 1000000000);
    item.value = slice_str("500");
    assert_ok(t, state_defaults_set(w.instance, &item, 1, &t->err));
    assert_int_equal(threshold_of(plain), 1000000000);
    assert_ok(t, state_table_read_defaults(plain, &t->err));
    assert_int_equal(threshold_of(plain), 500);
    struct state_table *own = open_table(t, &w, "own");
    assert_int_equal(threshold_of(own), 70);
    assert_ok(t, state_defaults_list(w.instance, &arena, &defaults, &count, &t->err));
    assert_int_equal(count, 1);
    assert_true(slice_is(defaults[0].value, "500"));
    item.is_unset = true;
    assert_ok(t, state_defaults_set(w.instance, &item, 1, &t->err));
    assert_ok(t, state_table_read_defaults(plain, &t->err));
    assert_int_equal(threshold_of(plain), 1000000000);
    state_table_close(own);
    state_table_close(plain);
    arena_fini(&arena);
    world_close(&w);
}

static slp_rc live_and_die(struct t *t, struct state_instance *i)
{
    struct state_property item = {.name = slice_str("a"), .value = slice_str("b")};
    bool was_changed = false;
    TRY(state_defaults_set(i, &item, 1, &t->err));
    TRY(make_table(t, i, "t", &item, 1));
    TRY(state_table_set_offline(i, slice_str("t"), true, &was_changed, &t->err));
    TRY(state_table_rename(i, slice_str("t"), slice_str("u"), &t->err));
    return state_table_drop(i, slice_str("u"), &t->err);
}

static void the_catalogue_survives_every_fault(void **state)
{
    struct t *t = *state;
    T_FAULT_LOOP(t) {
        struct store *store = NULL;
        struct state_instance *instance = NULL;
        assert_ok(t, store_memory_new(alloc_system(), &store, &t->err));
        assert_ok(t, state_instance_create(store, NULL, &t->err));
        slp_rc rc = state_instance_open(&t->mem, store, NULL, &instance, &t->err);
        if (rc == SLP_OK)
            rc = live_and_die(t, instance);
        state_instance_close(instance);
        store_close(store);
        if (t->fault_hit) /* one that a hint met is told to nobody */
            assert_true(rc == SLP_NO_MEMORY || rc == SLP_UNKNOWN || rc == SLP_OK);
        else
            assert_int_equal(rc, SLP_OK);
    }
}

T_MAIN(T_TEST(a_table_is_found_under_its_new_name_only),
       T_TEST(what_is_offline_already_is_not_changed),
       T_TEST(a_dropped_table_takes_nothing_and_its_name_is_free),
       T_TEST(a_drop_that_was_stopped_goes_on_where_it_was),
       T_TEST(the_tables_own_value_counts_before_the_instances),
       T_TEST(the_catalogue_survives_every_fault))
