#include <stdio.h>

#include "state/state.h"

#include "lib/t.h"
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

static slp_rc make_table(struct t *t, struct state_instance *i, const char *name)
{
    struct slice points[2] = {slice_str("g"), slice_str("p")};
    struct state_table_options o = {.name = slice_str(name),
                                    .schema_json = slice_str(schema_json),
                                    .split_points = points,
                                    .split_point_count = 2};
    return state_table_create(i, &o, &t->err);
}

static struct state_table *table_of(struct t *t, struct world *w, const char *name)
{
    struct state_table *table = NULL;
    assert_ok(t, make_table(t, w->instance, name));
    assert_ok(t, state_table_open(w->instance, slice_str(name), &table, &t->err));
    return table;
}

static slp_rc add_one(struct t *t, struct state_table *table, const char *token,
                      struct state_result *result)
{
    struct state_new_file f = file_of("data/00/x.parquet", "b", "k", 10);
    struct state_txn txn = {.kind = STATE_ADD, .add = {.files = &f, .count = 1}};
    struct state_commit_options o = {.token = token ? slice_str(token) : (struct slice){0}};
    return state_table_commit(table, &txn, &o, result, &t->err);
}

static void an_instance_is_made_once_and_named_when_it_is_missing(void **state)
{
    struct t *t = *state;
    struct store *store = NULL;
    struct state_instance *instance = NULL;
    assert_ok(t, store_memory_new(&t->mem, &store, &t->err));
    assert_rc(t, state_instance_open(&t->mem, store, NULL, &instance, &t->err), SLP_NOT_FOUND);
    assert_err_has(t, "no instance at this place");
    assert_err_has(t, "init");
    assert_ok(t, state_instance_create(store, NULL, &t->err));
    assert_rc(t, state_instance_create(store, NULL, &t->err), SLP_EXISTS);
    assert_ok(t, state_instance_open(&t->mem, store, NULL, &instance, &t->err));
    assert_int_equal(store_counts_read(store).requests[STORE_GET], 4); /* the head comes along */
    struct hash128 a = state_random_id(instance);
    assert_false(hash_equal(a, state_random_id(instance)));
    state_instance_close(instance);
    store_close(store);
}

static void other_layouts_and_damaged_instances_are_refused(void **state)
{
    static const struct {
        const char *text;
        slp_rc rc;
    } cases[] = {
        {"{\"layout\":2,\"instance\":\"x\"}", SLP_UNSUPPORTED},
        {"{\"layout\":0,\"instance\":\"6f1c0f6e2f5a4d0c9b7e6a5d4c3b2a19\"}", SLP_CORRUPT},
        {"{\"layout\":1,\"instance\":\"6f1c\"}", SLP_CORRUPT},
        {"{\"layout\":1}", SLP_CORRUPT},
        {"{\"lay", SLP_CORRUPT},
        {"[]", SLP_CORRUPT},
        {"{\"layout\":1,\"more\":{},\"instance\":\"6f1c0f6e2f5a4d0c9b7e6a5d4c3b2a19\"}", SLP_OK},
    };
    struct t *t = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct store *store = NULL;
        struct state_instance *instance = NULL;
        assert_ok(t, store_memory_new(&t->mem, &store, &t->err));
        assert_ok(t, store_put_if_absent(store, slice_str("sleeper.json"), slice_str(cases[i].text),
                                         &t->err));
        assert_rc(t, state_instance_open(&t->mem, store, NULL, &instance, &t->err), cases[i].rc);
        if (cases[i].rc == SLP_OK)
            assert_int_equal(state_instance_id(instance).bytes[0], 0x6f);
        else
            assert_err_has(t, "sleeper.json");
        state_instance_close(instance);
        store_close(store);
    }
}

static void tables_are_created_once_listed_and_found(void **state)
{
    struct t *t = *state;
    struct world w;
    struct arena a;
    struct state_table_entry *entries = NULL;
    size_t count = 0;
    world_open(t, &w);
    assert_ok(t, make_table(t, w.instance, "trips"));
    assert_ok(t, make_table(t, w.instance, "flights"));
    assert_rc(t, make_table(t, w.instance, "trips"), SLP_EXISTS);
    assert_rc(t, make_table(t, w.instance, "9"), SLP_INVALID);
    assert_rc(t, make_table(t, w.instance, "a/b"), SLP_INVALID);
    assert_rc(t, make_table(t, w.instance, ""), SLP_INVALID);
    arena_init(&a, &t->mem, 1 << 20);
    assert_ok(t, state_table_list(w.instance, &a, &entries, &count, &t->err));
    assert_int_equal(count, 2);
    assert_true(slice_is(entries[0].name, "flights"));
    assert_true(slice_is(entries[1].name, "trips"));
    arena_fini(&a);
    struct state_table *table = NULL;
    assert_rc(t, state_table_open(w.instance, slice_str("fligths"), &table, &t->err),
              SLP_NOT_FOUND);
    assert_err_has(t, "did you mean \"flights\"");
    assert_ok(t, state_table_open(w.instance, slice_str("flights"), &table, &t->err));
    assert_int_equal(state_leaf_count(state_table_view(table)), 3);
    assert_int_equal(state_table_schema(table)->columns.count, 2);
    state_table_close(table);
    world_close(&w);
}

/* And each one read of the floor behind it (rule F1). */
static void a_commit_is_one_write_and_a_current_refresh_one_read(void **state)
{
    struct t *t = *state;
    struct world w;
    struct state_result r;
    world_open(t, &w);
    struct state_table *table = table_of(t, &w, "t");
    struct store_counts before = store_counts_read(w.store);
    assert_ok(t, add_one(t, table, NULL, &r));
    struct store_counts after = store_counts_read(w.store);
    assert_int_equal(after.requests[STORE_PUT_IF_ABSENT] - before.requests[STORE_PUT_IF_ABSENT], 1);
    assert_int_equal(after.requests[STORE_GET] - before.requests[STORE_GET], 1);
    assert_ok(t, state_result_check(&r, &t->err));
    assert_int_equal(r.outcome.at.frame, 2);
    assert_ok(t, state_table_refresh(table, &t->err));
    assert_int_equal(store_counts_read(w.store).requests[STORE_GET] - after.requests[STORE_GET], 2);
    assert_int_equal(store_counts_read(w.store).rounds - after.rounds, 1);
    assert_int_equal(state_number(state_table_view(table)), 2);
    assert_int_equal(state_leaf_at(state_table_view(table), 0)->ref_count, 1);
    assert_int_equal(state_leaf_at(state_table_view(table), 2)->ref_count, 0);
    state_table_close(table);
    world_close(&w);
}

/* The catalogue's head; its tail together with the table's head and first frames, which are all. */
static void opening_a_small_table_costs_few_reads_in_few_rounds(void **state)
{
    struct t *t = *state;
    struct world w;
    struct state_result r;
    struct state_table *fresh = NULL;
    world_open(t, &w);
    struct state_table *table = table_of(t, &w, "t");
    for (int i = 0; i < 2; i++)
        assert_ok(t, add_one(t, table, NULL, &r));
    struct store_counts before = store_counts_read(w.store);
    assert_ok(t, state_table_open(w.instance, slice_str("t"), &fresh, &t->err));
    struct store_counts after = store_counts_read(w.store);
    assert_int_equal(after.requests[STORE_GET] - before.requests[STORE_GET], 9);
    assert_int_equal(after.rounds - before.rounds, 2);
    state_table_close(fresh);
    state_table_close(table);
    world_close(&w);
}

static void a_token_commits_once_whoever_repeats_it(void **state)
{
    struct t *t = *state;
    struct world w;
    struct state_result first;
    struct state_result again;
    world_open(t, &w);
    struct state_table *table = table_of(t, &w, "t");
    struct state_table *stale = NULL;
    assert_ok(t, state_table_open(w.instance, slice_str("t"), &stale, &t->err));
    assert_ok(t, add_one(t, table, "job-7", &first));
    assert_false(first.outcome.is_duplicate);
    assert_ok(t, add_one(t, table, "job-7", &again));
    assert_true(again.outcome.is_duplicate);
    assert_int_equal(again.outcome.at.frame, first.outcome.at.frame);
    assert_int_equal(state_number(state_table_view(table)), 2);
    assert_ok(t, add_one(t, stale, "job-7", &again));
    assert_true(again.outcome.is_duplicate);
    assert_int_equal(again.outcome.at.frame, first.outcome.at.frame);
    assert_ok(t, add_one(t, stale, "job-8", &again));
    assert_false(again.outcome.is_duplicate);
    assert_int_equal(state_leaf_at(state_table_view(stale), 0)->ref_count, 2);
    state_table_close(stale);
    state_table_close(table);
    world_close(&w);
}

static void a_token_older_than_the_ring_is_still_known(void **state)
{
    struct t *t = *state;
    struct world w;
    struct state_result first;
    struct state_result r;
    struct state_options o = {.rules = {.ring_max = 3, .unfiled_max = 4, .leaf_max = 100}};
    assert_ok(t, store_memory_new(&t->mem, &w.store, &t->err));
    assert_ok(t, state_instance_create(w.store, NULL, &t->err));
    assert_ok(t, state_instance_open(&t->mem, w.store, &o, &w.instance, &t->err));
    struct state_table *table = table_of(t, &w, "t");
    assert_ok(t, add_one(t, table, "old", &first));
    for (int i = 0; i < 9; i++)
        assert_ok(t, add_one(t, table, NULL, &r));
    assert_ok(t, add_one(t, table, "old", &r));
    assert_true(r.outcome.is_duplicate);
    assert_int_equal(r.outcome.at.frame, first.outcome.at.frame);
    state_table_close(table);
    world_close(&w);
}

/* Others commit more than the ring holds while this handle sleeps; its next commit still counts. */
static void a_commit_on_a_stale_handle_gets_a_new_base_when_it_expires(void **state)
{
    struct t *t = *state;
    struct world w;
    struct state_result r;
    struct state_options o = {.rules = {.ring_max = 3, .unfiled_max = 4, .leaf_max = 100}};
    assert_ok(t, store_memory_new(&t->mem, &w.store, &t->err));
    assert_ok(t, state_instance_create(w.store, NULL, &t->err));
    assert_ok(t, state_instance_open(&t->mem, w.store, &o, &w.instance, &t->err));
    struct state_table *table = table_of(t, &w, "t");
    struct state_table *stale = NULL;
    assert_ok(t, state_table_open(w.instance, slice_str("t"), &stale, &t->err));
    for (int i = 0; i < 9; i++)
        assert_ok(t, add_one(t, table, NULL, &r));
    assert_ok(t, add_one(t, stale, NULL, &r));
    assert_ok(t, state_result_check(&r, &t->err));
    assert_int_equal(r.outcome.at.frame, 12); /* frame 11 holds it expired */
    assert_int_equal(state_leaf_at(state_table_view(stale), 0)->ref_count, 10);
    state_table_close(stale);
    state_table_close(table);
    world_close(&w);
}

static void commit_in_vain_says_why(void **state)
{
    struct t *t = *state;
    struct world w;
    struct state_result r;
    world_open(t, &w);
    struct state_table *table = table_of(t, &w, "t");
    struct state_id input = id_of(9, 9, 9);
    struct state_assign_item items[2] = {
        {.leaf = range_of("", "g"), .inputs = &input, .input_count = 1},
        {.leaf = range_of("", "h"), .inputs = &input, .input_count = 1}};
    struct state_txn txn = {.kind = STATE_ASSIGN, .assign = {.items = items, .count = 2}};
    assert_ok(t, state_table_commit(table, &txn, NULL, &r, &t->err));
    assert_int_equal(r.outcome.item_count, 2);
    assert_int_equal(r.outcome.items[0], STATE_REASON_NO_INPUT);
    assert_int_equal(r.outcome.items[1], STATE_REASON_NO_LEAF);
    assert_rc(t, state_result_check(&r, &t->err), SLP_CONFLICT);
    assert_err_has(t, "NO_INPUT");
    state_table_close(table);
    world_close(&w);
}

static void a_transaction_too_large_for_a_frame_is_refused_unwritten(void **state)
{
    struct t *t = *state;
    struct world w;
    struct state_result r;
    world_open(t, &w);
    struct state_table *table = table_of(t, &w, "t");
    static struct state_new_file files[40000];
    for (size_t i = 0; i < 40000; i++)
        files[i] = file_of("data/00/00000000000000000001-0123456789abcdef0123456789abcdef.parquet",
                           "b", "k", 10);
    struct state_txn txn = {.kind = STATE_ADD, .add = {.files = files, .count = 40000}};
    assert_rc(t, state_table_commit(table, &txn, NULL, &r, &t->err), SLP_LIMIT);
    assert_err_has(t, "fewer things");
    assert_ok(t, state_table_refresh(table, &t->err));
    assert_int_equal(state_number(state_table_view(table)), 1);
    state_table_close(table);
    world_close(&w);
}

static void cancel_and_deadline_end_a_commit_before_it_writes(void **state)
{
    struct t *t = *state;
    struct world w;
    struct state_result r;
    volatile int cancel = 1;
    world_open(t, &w);
    struct state_table *table = table_of(t, &w, "t");
    struct state_new_file f = file_of("data/00/x.parquet", "b", "k", 10);
    struct state_txn txn = {.kind = STATE_ADD, .add = {.files = &f, .count = 1}};
    struct state_commit_options o = {.cancel = &cancel};
    assert_rc(t, state_table_commit(table, &txn, &o, &r, &t->err), SLP_CANCELLED);
    assert_ok(t, state_table_refresh(table, &t->err));
    assert_int_equal(state_number(state_table_view(table)), 1);
    state_table_close(table);
    world_close(&w);
}

static void names_of_data_files_begin_with_the_base(void **state)
{
    struct t *t = *state;
    struct world w;
    struct state_name name;
    struct state_name object;
    world_open(t, &w);
    struct state_table *table = table_of(t, &w, "t");
    assert_ok(t, state_data_name(table, slice_str("1.0.0-1"), &name, &t->err));
    assert_memory_equal(name.text, "data/", 5);
    assert_memory_equal(name.text + 8, "00000000000000000001-", 21);
    assert_memory_equal(name.text + 5, name.text + 29, 2);
    assert_non_null(strstr(name.text, "-1.0.0-1.parquet"));
    assert_ok(t, state_table_object(table, state_name_slice(&name), &object, &t->err));
    assert_memory_equal(object.text, "t/", 2);
    assert_string_equal(object.text + 35, name.text);
    assert_rc(t, state_data_name(table, slice_str("../x"), &name, &t->err), SLP_INVALID);
    state_table_close(table);
    world_close(&w);
}

static void history_tells_every_transaction_with_its_verdict(void **state)
{
    struct t *t = *state;
    struct world w;
    struct state_result r;
    struct state_history *h = NULL;
    struct state_history_entry e;
    world_open(t, &w);
    struct state_table *table = table_of(t, &w, "t");
    assert_ok(t, add_one(t, table, NULL, &r));
    struct state_txn txn = {.kind = STATE_FILE_DOWN};
    struct state_id none = id_of(7, 0, 0);
    txn.file_down = (struct state_file_down){.files = &none, .count = 1};
    assert_ok(t, state_table_commit(table, &txn, NULL, &r, &t->err));
    for (int i = 0; i < 30; i++)
        assert_ok(t, add_one(t, table, NULL, &r));
    assert_ok(t, state_history_open(w.instance, table, &h, &t->err));
    assert_ok(t, state_history_next(h, &e, &t->err));
    assert_true(slice_is(e.summary, "create t with 3 leaves"));
    assert_ok(t, state_history_next(h, &e, &t->err));
    assert_true(slice_is(e.summary, "add 1 file, 10 rows, 100 bytes"));
    assert_int_equal(e.outcome.reason, STATE_REASON_APPLIED);
    assert_ok(t, state_history_next(h, &e, &t->err));
    assert_int_equal(e.at.frame, 3);
    assert_int_equal(e.outcome.reason, STATE_REASON_NOT_UNFILED);
    for (int i = 0; i < 30; i++)
        assert_ok(t, state_history_next(h, &e, &t->err));
    assert_rc(t, state_history_next(h, &e, &t->err), SLP_DONE);
    state_history_close(h);
    assert_ok(t, state_history_open(w.instance, NULL, &h, &t->err));
    assert_ok(t, state_history_next(h, &e, &t->err));
    assert_true(slice_is(e.summary, "create table t"));
    assert_rc(t, state_history_next(h, &e, &t->err), SLP_DONE);
    state_history_close(h);
    state_table_close(table);
    world_close(&w);
}

/* The name of frame n of the only table. */
static void frame_name(struct state_table *table, uint64_t n, struct state_name *out)
{
    char text[32];
    struct slp_err err;
    (void)snprintf(text, sizeof text, "log/%020llu", (unsigned long long)n);
    assert_int_equal(state_table_object(table, slice_str(text), out, &err), SLP_OK);
}

static void damaged_missing_and_foreign_frames_are_named(void **state)
{
    struct t *t = *state;
    for (int how = 0; how < 4; how++) {
        struct world w;
        struct state_result r;
        struct state_name name;
        struct buf bytes;
        world_open(t, &w);
        struct state_table *table = table_of(t, &w, "t");
        for (int i = 0; i < 5; i++)
            assert_ok(t, add_one(t, table, NULL, &r));
        buf_init(&bytes, &t->mem, 1 << 20);
        frame_name(table, how == 2 ? 4 : 3, &name);
        assert_ok(t, store_get(w.store, state_name_slice(&name), &bytes, &t->err));
        frame_name(table, 3, &name);
        assert_ok(t, store_delete(w.store, state_name_slice(&name), &t->err));
        if (how == 1)
            bytes.ptr[70] ^= 4;
        if (how == 3)
            bytes.len = 0;
        if (how != 0)
            assert_ok(t, store_put_if_absent(w.store, state_name_slice(&name), buf_slice(&bytes),
                                             &t->err));
        struct state_table *fresh = NULL;
        assert_rc(t, state_table_open(w.instance, slice_str("t"), &fresh, &t->err), SLP_CORRUPT);
        assert_err_has(t, name.text);
        assert_err_has(t, how == 0 ? "missing" : how == 2 ? "number 4 at offset 16" : "offset");
        buf_fini(&bytes);
        state_table_close(table);
        world_close(&w);
    }
}

static void a_frame_of_another_chain_is_refused(void **state)
{
    struct t *t = *state;
    struct world w;
    struct state_result r;
    struct state_name a;
    struct state_name b;
    struct buf bytes;
    world_open(t, &w);
    struct state_table *one = table_of(t, &w, "one");
    struct state_table *two = table_of(t, &w, "two");
    assert_ok(t, add_one(t, one, NULL, &r));
    buf_init(&bytes, &t->mem, 1 << 20);
    frame_name(one, 2, &a);
    frame_name(two, 2, &b);
    assert_ok(t, store_get(w.store, state_name_slice(&a), &bytes, &t->err));
    assert_ok(t, store_put_if_absent(w.store, state_name_slice(&b), buf_slice(&bytes), &t->err));
    assert_rc(t, state_table_refresh(two, &t->err), SLP_CORRUPT);
    assert_err_has(t, "chain");
    assert_int_equal(state_number(state_table_view(two)), 1);
    buf_fini(&bytes);
    state_table_close(one);
    state_table_close(two);
    world_close(&w);
}

/* Everything a user of the state does, once, on a store that lasts from round to round. */
static slp_rc walk(struct t *t, struct store *store)
{
    slp_rc rc = SLP_OK;
    struct state_instance *instance = NULL;
    struct state_table *table = NULL;
    struct state_history *h = NULL;
    struct state_history_entry e;
    struct state_result r;
    struct hash128 seed = {{7}};
    struct state_options o = {.seed = &seed};
    TRY_OUT(state_instance_open(&t->mem, store, &o, &instance, &t->err));
    TRY_OUT(state_table_open(instance, slice_str("t"), &table, &t->err));
    TRY_OUT(add_one(t, table, NULL, &r));
    TRY_OUT(state_table_refresh(table, &t->err));
    TRY_OUT(state_history_open(instance, table, &h, &t->err));
    do
        rc = state_history_next(h, &e, &t->err);
    while (rc == SLP_OK);
    rc = rc == SLP_DONE ? SLP_OK : rc;
out:
    state_history_close(h);
    state_table_close(table);
    state_instance_close(instance);
    return rc;
}

/* The store has memory of its own: what it keeps is no leak. After a write that happened, what went
 * wrong then is told as UNKNOWN. */
static void every_fault_is_told_and_leaves_nothing_behind(void **state)
{
    struct t *t = *state;
    T_FAULT_LOOP(t) {
        struct store *store = NULL;
        struct state_instance *instance = NULL;
        assert_ok(t, store_memory_new(alloc_system(), &store, &t->err));
        assert_ok(t, state_instance_create(store, NULL, &t->err));
        slp_rc rc = state_instance_open(&t->mem, store, NULL, &instance, &t->err);
        if (rc == SLP_OK)
            rc = make_table(t, instance, "t");
        state_instance_close(instance);
        if (rc == SLP_OK)
            rc = walk(t, store);
        store_close(store);
        if (t->fault_hit) /* one that a hint met is told to nobody */
            assert_true(rc == SLP_NO_MEMORY || rc == SLP_UNKNOWN || rc == SLP_OK);
        else
            assert_int_equal(rc, SLP_OK);
    }
}

/* A handle that ran out of memory in the middle of a frame begins anew and is whole again. */
static void a_refresh_after_running_out_of_memory_is_whole(void **state)
{
    struct t *t = *state;
    struct store *store = NULL;
    struct state_instance *writer = NULL;
    struct state_table *table = NULL;
    struct state_result r;
    assert_ok(t, store_memory_new(alloc_system(), &store, &t->err));
    assert_ok(t, state_instance_create(store, NULL, &t->err));
    assert_ok(t, state_instance_open(alloc_system(), store, NULL, &writer, &t->err));
    assert_ok(t, make_table(t, writer, "t"));
    assert_ok(t, state_table_open(writer, slice_str("t"), &table, &t->err));
    T_FAULT_LOOP(t) {
        struct state_instance *instance = NULL;
        struct state_table *reader = NULL;
        slp_rc rc = state_instance_open(&t->mem, store, NULL, &instance, &t->err);
        if (rc == SLP_OK)
            rc = state_table_open(instance, slice_str("t"), &reader, &t->err);
        if (rc == SLP_OK)
            rc = add_one(t, table, NULL, &r);
        if (rc == SLP_OK && state_table_refresh(reader, &t->err) != SLP_OK)
            rc = state_table_refresh(reader, &t->err);
        if (rc == SLP_OK)
            assert_int_equal(state_leaf_at(state_table_view(reader), 0)->ref_count,
                             state_leaf_at(state_table_view(table), 0)->ref_count);
        state_table_close(reader);
        state_instance_close(instance);
        assert_true(rc == SLP_OK || t->fault_hit);
    }
    state_table_close(table);
    state_instance_close(writer);
    store_close(store);
}

T_MAIN(T_TEST(an_instance_is_made_once_and_named_when_it_is_missing),
       T_TEST(other_layouts_and_damaged_instances_are_refused),
       T_TEST(tables_are_created_once_listed_and_found),
       T_TEST(a_commit_is_one_write_and_a_current_refresh_one_read),
       T_TEST(opening_a_small_table_costs_few_reads_in_few_rounds),
       T_TEST(a_token_commits_once_whoever_repeats_it),
       T_TEST(a_token_older_than_the_ring_is_still_known),
       T_TEST(a_commit_on_a_stale_handle_gets_a_new_base_when_it_expires),
       T_TEST(commit_in_vain_says_why),
       T_TEST(a_transaction_too_large_for_a_frame_is_refused_unwritten),
       T_TEST(cancel_and_deadline_end_a_commit_before_it_writes),
       T_TEST(names_of_data_files_begin_with_the_base),
       T_TEST(history_tells_every_transaction_with_its_verdict),
       T_TEST(damaged_missing_and_foreign_frames_are_named),
       T_TEST(a_frame_of_another_chain_is_refused),
       T_TEST(every_fault_is_told_and_leaves_nothing_behind),
       T_TEST(a_refresh_after_running_out_of_memory_is_whole))
