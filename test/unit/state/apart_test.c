/* Payloads that are too large for a frame: they stand in an object of their own (rules I1, G3). */
#include <stdio.h>

#include "lib/refs.h"
#include "lib/t.h"
#include "state/frame.h"
#include "unit/state/helpers.h"
#include "unit/state/one_table.h"

#define LONG_FILES 12
#define LONG_KEY   60000

/* Few files with keys so long that they fill more than a frame. */
static void long_files(struct state_new_file *files)
{
    static char keys[2][LONG_KEY];
    static char names[LONG_FILES][64];
    memset(keys[0], 'a', LONG_KEY);
    memset(keys[1], 'b', LONG_KEY);
    for (int i = 0; i < LONG_FILES; i++) {
        (void)snprintf(names[i], sizeof names[i], "data/00/%020d-%032d.parquet", 1, i);
        files[i] = file_of(names[i], "a", "b", 10);
        files[i].info.first_key = slice_of(keys[0], LONG_KEY);
        files[i].info.last_key = slice_of(keys[1], LONG_KEY);
    }
}

static size_t list(struct t *t, struct world *w, const char *prefix, struct state_name *last,
                   uint64_t *last_bytes)
{
    struct arena a;
    struct store_item *items = NULL;
    size_t count = 0;
    struct state_name name;
    arena_init(&a, &t->mem, 1 << 20);
    assert_ok(t, state_table_object(w->table, slice_str(prefix), &name, &t->err));
    assert_ok(t, store_list(w->store, state_name_slice(&name), (struct slice){0}, 0, &a, &items,
                            &count, &t->err));
    if (count) {
        last->len = items[count - 1].name.len;
        memcpy(last->text, items[count - 1].name.ptr, last->len);
        *last_bytes = items[count - 1].size;
    }
    arena_fini(&a);
    return count;
}

static void what_no_frame_holds_stands_apart(void **state)
{
    struct t *t = *state;
    struct world w;
    struct state_result r;
    struct state_name name;
    uint64_t bytes = 0;
    struct state_new_file files[LONG_FILES];
    world_open(t, &w);
    long_files(files);
    struct state_txn txn = {.kind = STATE_ADD, .add = {.files = files, .count = LONG_FILES}};
    assert_ok(t, state_table_commit(w.table, &txn, NULL, &r, &t->err));
    assert_ok(t, state_result_check(&r, &t->err));
    assert_int_equal(txn.body.name.len, 0);
    assert_int_equal(list(t, &w, "body/", &name, &bytes), 1);
    assert_int_equal(list(t, &w, "log/", &name, &bytes), 2);
    assert_true(bytes < 4096);
    /* Another reader finds the same. */
    struct state_table *other = NULL;
    assert_ok(t, state_table_open(w.instance, slice_str("t"), &other, &t->err));
    assert_int_equal(state_leaf_at(state_table_view(other), 0)->ref_count, LONG_FILES);
    state_table_close(other);
    /* Rule G3: without its body the log is damaged for everyone. */
    assert_int_equal(list(t, &w, "body/", &name, &bytes), 1);
    assert_ok(t, store_delete(w.store, state_name_slice(&name), &t->err));
    assert_rc(t, state_table_open(w.instance, slice_str("t"), &other, &t->err), SLP_CORRUPT);
    assert_err_has(t, "body/");
    world_close(&w);
}

#define MANY 10000

static void ten_thousand_files_are_one_transaction(void **state)
{
    struct t *t = *state;
    struct world w;
    struct state_result r;
    struct state_name name;
    uint64_t bytes = 0;
    static struct state_new_file files[MANY];
    static char names[MANY][72];
    static char keys[MANY][2][16];
    world_open(t, &w);
    for (int i = 0; i < MANY; i++) {
        (void)snprintf(names[i], sizeof names[i], "data/00/%020d-%032d.parquet", 1, i);
        (void)snprintf(keys[i][0], sizeof keys[i][0], "k%08d", 2 * i);
        (void)snprintf(keys[i][1], sizeof keys[i][1], "k%08d", 2 * i + 1);
        files[i] = file_of(names[i], keys[i][0], keys[i][1], 10);
    }
    struct state_txn txn = {.kind = STATE_ADD, .add = {.files = files, .count = MANY}};
    assert_ok(t, state_table_commit(w.table, &txn, NULL, &r, &t->err));
    assert_ok(t, state_result_check(&r, &t->err));
    assert_int_equal(state_leaf_at(state_table_view(w.table), 0)->ref_count, MANY);
    assert_int_equal(list(t, &w, "log/", &name, &bytes), 2);
    assert_true(bytes <= STATE_FRAME_MAX_BYTES - STATE_FRAME_BODIES_MAX);
    world_close(&w);
}

static void standing_apart_survives_every_fault(void **state)
{
    struct t *t = *state;
    struct world w;
    struct state_new_file files[LONG_FILES];
    world_open(t, &w);
    long_files(files);
    T_FAULT_LOOP(t) {
        struct state_instance *instance = NULL;
        struct state_table *table = NULL;
        struct state_result r;
        struct state_txn txn = {.kind = STATE_ADD, .add = {.files = files, .count = LONG_FILES}};
        slp_rc rc = state_instance_open(&t->mem, w.store, NULL, &instance, &t->err);
        if (rc == SLP_OK)
            rc = state_table_open(instance, slice_str("t"), &table, &t->err);
        if (rc == SLP_OK)
            rc = state_table_commit(table, &txn, NULL, &r, &t->err);
        assert_true(t->fault_hit || rc == SLP_OK);
        assert_int_equal(txn.body.name.len, 0);
        state_table_close(table);
        state_instance_close(instance);
    }
    world_close(&w);
}

T_MAIN(T_TEST(what_no_frame_holds_stands_apart), T_TEST(ten_thousand_files_are_one_transaction),
       T_TEST(standing_apart_survives_every_fault))
