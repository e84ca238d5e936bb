/* Small ingests whose files stand in the log (rule G4). */
#include "unit/ingest/support.h"

static void set_embed(struct t *t, struct t_table *tt, const char *bytes)
{
    struct state_result r;
    struct state_property p = {.name = slice_str("ingest.embed.max.size"),
                               .value = slice_str(bytes)};
    struct state_txn txn = {.kind = STATE_PROPERTIES, .properties = {.items = &p, .count = 1}};
    assert_ok(t, state_table_commit(tt->table, &txn, NULL, &r, &t->err));
    assert_ok(t, state_result_check(&r, &t->err));
}

static size_t data_objects(struct t *t, struct t_table *tt)
{
    struct arena a;
    struct store_item *items = NULL;
    size_t count = 0;
    struct state_name name;
    arena_init(&a, &t->mem, 1 << 20);
    assert_ok(t, state_table_object(tt->table, slice_str("data/"), &name, &t->err));
    assert_ok(t, store_list(tt->store, state_name_slice(&name), (struct slice){0}, 0, &a, &items,
                            &count, &t->err));
    arena_fini(&a);
    return count;
}

static void a_small_ingest_is_one_write(void **state)
{
    struct t *t = *state;
    struct t_table tt;
    struct place p;
    struct ingest_result r = {0};
    static const char *const points[] = {"b", "c"};
    place_make(&p);
    place_write(&p, "1.csv", "k,v\nb,1\na,2\nb,3\nd,4\n");
    t_table_open(t, &tt, T_SCHEMA_KV, points, 2);
    set_embed(t, &tt, "64KiB");
    struct store_counts before = store_counts_read(tt.store);
    assert_ok(t, ingest_one(t, &tt, p.path, &r));
    struct store_counts after = store_counts_read(tt.store);
    assert_int_equal(after.requests[STORE_PUT_IF_ABSENT] - before.requests[STORE_PUT_IF_ABSENT], 1);
    assert_int_equal(r.files, 3);
    assert_true(r.bytes > 0);
    assert_int_equal(data_objects(t, &tt), 0);
    expect_table(t, &tt, "a,2\nb,1\nb,3\nd,4\n");
    t_table_close(&tt);
    place_drop(&p);
}

static void what_is_too_large_goes_into_objects(void **state)
{
    struct t *t = *state;
    struct t_table tt;
    struct place p;
    struct ingest_result r = {0};
    static const char *const points[] = {"b", "c"};
    place_make(&p);
    place_write(&p, "1.csv", "k,v\nb,1\na,2\nb,3\nd,4\n");
    t_table_open(t, &tt, T_SCHEMA_KV, points, 2);
    set_embed(t, &tt, "200");
    assert_ok(t, ingest_one(t, &tt, p.path, &r));
    assert_int_equal(data_objects(t, &tt), 3);
    expect_table(t, &tt, "a,2\nb,1\nb,3\nd,4\n");
    t_table_close(&tt);
    place_drop(&p);
}

static void embedding_is_off_unless_asked_for(void **state)
{
    struct t *t = *state;
    struct t_table tt;
    struct place p;
    struct ingest_result r = {0};
    place_make(&p);
    place_write(&p, "1.csv", "k,v\nb,1\n");
    t_table_open(t, &tt, T_SCHEMA_KV, NULL, 0);
    assert_ok(t, ingest_one(t, &tt, p.path, &r));
    assert_int_equal(data_objects(t, &tt), 1);
    t_table_close(&tt);
    place_drop(&p);
}

static void embedding_survives_every_fault(void **state)
{
    struct t *t = *state;
    struct t_table tt;
    struct place p;
    place_make(&p);
    place_write(&p, "1.csv", "k,v\nb,1\na,2\n");
    t_table_open(t, &tt, T_SCHEMA_KV, NULL, 0);
    set_embed(t, &tt, "64KiB");
    T_FAULT_LOOP(t) {
        struct ingest_result r = {0};
        /* A handle of its own: what a commit replays is kept by the handle. */
        struct t_table own = tt;
        own.table = NULL;
        slp_rc rc = state_table_open(tt.instance, slice_str("test"), &own.table, &t->err);
        if (rc == SLP_OK)
            rc = ingest_one(t, &own, p.path, &r);
        assert_true(t->fault_hit || rc == SLP_OK);
        state_table_close(own.table);
        /* The memory store keeps what it was given: not part of what the round must free. */
        t->fault_base = t->live_bytes;
    }
    assert_int_equal(data_objects(t, &tt), 0);
    t_table_close(&tt);
    place_drop(&p);
}

T_MAIN(T_TEST(a_small_ingest_is_one_write), T_TEST(what_is_too_large_goes_into_objects),
       T_TEST(embedding_is_off_unless_asked_for), T_TEST(embedding_survives_every_fault))
