/*
 * An instance in memory with one table "t" of a text key, open.
 */
#ifndef SLP_TEST_STATE_ONE_TABLE_H
#define SLP_TEST_STATE_ONE_TABLE_H

#include "state/state.h"

#include "lib/t.h"

static const char schema_json[] =
    "{\"rowKeyFields\":[{\"name\":\"key\",\"type\":\"StringType\"}],\"sortKeyFields\":[],"
    "\"valueFields\":[]}";

struct world {
    struct store *store;
    struct state_instance *instance;
    struct state_table *table;
};

static inline void world_open(struct t *t, struct world *w)
{
    struct state_table_options make = {.name = slice_str("t"),
                                       .schema_json = slice_str(schema_json)};
    assert_ok(t, store_memory_new(alloc_system(), &w->store, &t->err));
    assert_ok(t, state_instance_create(w->store, NULL, &t->err));
    assert_ok(t, state_instance_open(&t->mem, w->store, NULL, &w->instance, &t->err));
    assert_ok(t, state_table_create(w->instance, &make, &t->err));
    assert_ok(t, state_table_open(w->instance, slice_str("t"), &w->table, &t->err));
}

static inline void world_close(struct world *w)
{
    state_table_close(w->table);
    state_instance_close(w->instance);
    store_close(w->store);
}

#endif
