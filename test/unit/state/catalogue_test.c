#include "state/catalogue.h"

#include "lib/t.h"
#include "unit/state/helpers.h"

/* A catalogue, and the frame that was applied last. */
struct made {
    struct t *t;
    struct state_catalogue c;
    uint64_t frame;
};

static void begin(struct made *m, struct t *t)
{
    struct state_rules rules = state_rules_default();
    *m = (struct made){.t = t};
    state_catalogue_init(&m->c, &t->mem, &rules);
}

static enum state_reason do_it(struct made *m, struct state_txn *txn)
{
    struct state_outcome o = {0};
    struct state_position at = {.frame = ++m->frame};
    assert_ok(m->t, state_catalogue_apply(&m->c, txn, at, &o, &m->t->err));
    return o.reason;
}

static struct hash128 id_number(uint8_t n)
{
    struct hash128 id = {{n}};
    return id;
}

static enum state_reason create(struct made *m, const char *name, uint8_t id)
{
    struct state_txn txn = txn_of(STATE_CREATE_TABLE, m->frame + 1);
    txn.create_table = (struct state_create_table){.name = slice_str(name), .table = id_number(id)};
    return do_it(m, &txn);
}

static enum state_reason change(struct made *m, enum state_kind kind, uint8_t id, const char *name)
{
    struct state_txn txn = txn_of(kind, m->frame + 1);
    txn.name_table = (struct state_name_table){.name = slice_str(name), .table = id_number(id)};
    return do_it(m, &txn);
}

static void names_are_free_or_taken(void **state)
{
    struct made m;
    begin(&m, *state);
    assert_int_equal(create(&m, "b", 1), STATE_REASON_APPLIED);
    assert_int_equal(create(&m, "b", 2), STATE_REASON_NAME_TAKEN);
    assert_int_equal(create(&m, "c", 1), STATE_REASON_CREATED);
    assert_int_equal(create(&m, "9", 3), STATE_REASON_BAD_NAME);
    assert_int_equal(create(&m, "a", 2), STATE_REASON_APPLIED);
    assert_true(slice_is(m.c.entries[0].name, "a"));
    state_catalogue_fini(&m.c);
}

static void a_table_gets_another_name_and_keeps_all_else(void **state)
{
    struct made m;
    begin(&m, *state);
    assert_int_equal(create(&m, "a", 1), STATE_REASON_APPLIED);
    assert_int_equal(create(&m, "b", 2), STATE_REASON_APPLIED);
    int64_t created = m.c.entries[0].created_us;
    assert_int_equal(change(&m, STATE_OFFLINE, 1, ""), STATE_REASON_APPLIED);
    assert_int_equal(change(&m, STATE_RENAME_TABLE, 1, "b"), STATE_REASON_NAME_TAKEN);
    assert_int_equal(change(&m, STATE_RENAME_TABLE, 1, "-"), STATE_REASON_BAD_NAME);
    assert_int_equal(change(&m, STATE_RENAME_TABLE, 9, "z"), STATE_REASON_UNKNOWN_TABLE);
    assert_int_equal(change(&m, STATE_RENAME_TABLE, 1, "c"), STATE_REASON_APPLIED);
    assert_null(state_catalogue_find(&m.c, slice_str("a")));
    const struct state_table_entry *e = state_catalogue_find(&m.c, slice_str("c"));
    assert_non_null(e);
    assert_true(e->is_offline && e->created_us == created);
    assert_ptr_equal(state_catalogue_find_id(&m.c, id_number(1)), e);
    assert_int_equal(create(&m, "a", 3), STATE_REASON_APPLIED);
    state_catalogue_fini(&m.c);
}

/* A create that was on its way while the table was dropped, under another txid. */
static void a_late_create_does_not_resurrect_a_dropped_table(void **state)
{
    struct made m;
    begin(&m, *state);
    assert_int_equal(create(&m, "a", 1), STATE_REASON_APPLIED);
    assert_int_equal(change(&m, STATE_DROP_TABLE, 1, ""), STATE_REASON_APPLIED);
    assert_int_equal(m.c.count, 0);
    assert_int_equal(m.c.dropped_count, 1);
    assert_int_equal(create(&m, "a", 1), STATE_REASON_DROPPED);
    assert_int_equal(change(&m, STATE_DROP_TABLE, 1, ""), STATE_REASON_DROPPED);
    assert_int_equal(change(&m, STATE_RENAME_TABLE, 1, "b"), STATE_REASON_DROPPED);
    assert_int_equal(create(&m, "a", 2), STATE_REASON_APPLIED);
    state_catalogue_fini(&m.c);
}

static void tables_go_offline_and_come_back(void **state)
{
    struct made m;
    begin(&m, *state);
    assert_int_equal(create(&m, "a", 1), STATE_REASON_APPLIED);
    assert_int_equal(change(&m, STATE_ONLINE, 1, ""), STATE_REASON_ALREADY);
    assert_int_equal(change(&m, STATE_OFFLINE, 1, ""), STATE_REASON_APPLIED);
    assert_int_equal(change(&m, STATE_OFFLINE, 1, ""), STATE_REASON_ALREADY);
    assert_int_equal(change(&m, STATE_ONLINE, 1, ""), STATE_REASON_APPLIED);
    assert_int_equal(change(&m, STATE_ONLINE, 2, ""), STATE_REASON_UNKNOWN_TABLE);
    state_catalogue_fini(&m.c);
}

static void defaults_of_properties_are_the_instances(void **state)
{
    struct made m;
    begin(&m, *state);
    struct state_property p[2] = {{.name = slice_str("a"), .value = slice_str("1")},
                                  {.name = slice_str("b"), .value = slice_str("2")}};
    struct state_txn txn = txn_of(STATE_DEFAULTS, m.frame + 1);
    txn.properties = (struct state_set_properties){.items = p, .count = 2};
    assert_int_equal(do_it(&m, &txn), STATE_REASON_APPLIED);
    p[0].is_unset = true;
    txn = txn_of(STATE_DEFAULTS, m.frame + 1);
    txn.properties = (struct state_set_properties){.items = p, .count = 1};
    assert_int_equal(do_it(&m, &txn), STATE_REASON_APPLIED);
    assert_int_equal(m.c.default_count, 1);
    assert_true(slice_is(m.c.defaults[0].name, "b"));
    p[0].name = slice_str("c");
    txn = txn_of(STATE_DEFAULTS, m.frame + 1);
    txn.properties = (struct state_set_properties){.items = p, .count = 2};
    assert_int_equal(do_it(&m, &txn), STATE_REASON_PROPERTY); /* not in order */
    state_catalogue_fini(&m.c);
}

static void a_catalogue_survives_every_fault(void **state)
{
    struct t *t = *state;
    T_FAULT_LOOP(t) {
        struct state_rules rules = state_rules_default();
        struct state_catalogue c;
        struct state_outcome o;
        struct state_property p = {.name = slice_str("a"), .value = slice_str("1")};
        struct state_txn txns[4] = {txn_of(STATE_CREATE_TABLE, 1), txn_of(STATE_RENAME_TABLE, 2),
                                    txn_of(STATE_DEFAULTS, 3), txn_of(STATE_DROP_TABLE, 4)};
        txns[0].create_table.name = slice_str("a");
        txns[1].name_table.name = slice_str("b");
        txns[2].properties = (struct state_set_properties){.items = &p, .count = 1};
        slp_rc rc = SLP_OK;
        state_catalogue_init(&c, &t->mem, &rules);
        for (uint64_t i = 0; i < 4 && rc == SLP_OK; i++) {
            struct state_position at = {.frame = i + 1};
            rc = state_catalogue_apply(&c, &txns[i], at, &o, &t->err);
            if (rc == SLP_OK)
                assert_int_equal(o.reason, STATE_REASON_APPLIED);
        }
        assert_int_equal(rc, t->fault_hit ? SLP_NO_MEMORY : SLP_OK);
        state_catalogue_fini(&c);
    }
}

T_MAIN(T_TEST(names_are_free_or_taken), T_TEST(a_table_gets_another_name_and_keeps_all_else),
       T_TEST(a_late_create_does_not_resurrect_a_dropped_table),
       T_TEST(tables_go_offline_and_come_back), T_TEST(defaults_of_properties_are_the_instances),
       T_TEST(a_catalogue_survives_every_fault))
