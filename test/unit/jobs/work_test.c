#include "jobs/work.h"

#include <stdio.h>

#include "state/global.h"
#include "state/inbox.h"

#include "lib/refs.h"
#include "lib/table.h"

static struct jobs_options once(void)
{
    return (struct jobs_options){.once = true, .memory = 64 << 20, .threads = 1};
}

static void make_other(struct t *t, struct t_table *tt, const char *name)
{
    struct state_table_options o = {.name = slice_str(name), .schema_json = slice_str(T_SCHEMA_KV)};
    assert_ok(t, state_table_create(tt->instance, &o, &t->err));
}

static void add_runs(struct t *t, struct t_table *tt, int count)
{
    for (int i = 0; i < count; i++)
        t_table_add(t, tt, "a,1\nb,2\n");
}

static void once_does_what_is_due_on_all_tables_and_ends(void **state)
{
    struct t *t = *state;
    struct t_table tt;
    struct jobs_options o = once();
    struct jobs_result result = {0};
    t_table_open(t, &tt, T_SCHEMA_KV, NULL, 0);
    make_other(t, &tt, "other");
    add_runs(t, &tt, 4);
    assert_ok(t, jobs_work(tt.instance, &o, &t->mem, &result, &t->err));
    assert_int_equal(result.compactions, 1);
    assert_int_equal(result.failures, 0);
    assert_ok(t, state_table_refresh(tt.table, &t->err));
    uint64_t number = state_number(state_table_view(tt.table));
    assert_ok(t, jobs_work(tt.instance, &o, &t->mem, &result, &t->err));
    assert_int_equal(result.compactions, 0);
    assert_ok(t, state_table_refresh(tt.table, &t->err));
    assert_int_equal(state_number(state_table_view(tt.table)), number);
    t_table_close(&tt);
}

static void an_offline_table_is_left_alone(void **state)
{
    struct t *t = *state;
    struct t_table tt;
    struct jobs_options o = once();
    struct jobs_result result = {0};
    bool changed = false;
    t_table_open(t, &tt, T_SCHEMA_KV, NULL, 0);
    add_runs(t, &tt, 4);
    assert_ok(t, state_table_set_offline(tt.instance, slice_str("test"), true, &changed, &t->err));
    assert_ok(t, jobs_work(tt.instance, &o, &t->mem, &result, &t->err));
    assert_int_equal(result.compactions, 0);
    t_table_close(&tt);
}

struct heard {
    char text[512];
};

static void hear(void *context, const char *table, const char *line)
{
    struct heard *h = context;
    size_t used = strlen(h->text);
    (void)snprintf(h->text + used, sizeof h->text - used, "%s: %s\n", table, line);
}

static void what_fails_on_one_table_does_not_keep_the_others_waiting(void **state)
{
    struct t *t = *state;
    struct t_table tt;
    struct heard heard = {.text = ""};
    struct jobs_options o = once();
    struct jobs_result result = {0};
    struct state_table *other = NULL;
    struct state_name object;
    o.on_line = hear;
    o.context = &heard;
    t_table_open(t, &tt, T_SCHEMA_KV, NULL, 0);
    make_other(t, &tt, "damaged");
    add_runs(t, &tt, 4);
    assert_ok(t, state_table_open(tt.instance, slice_str("damaged"), &other, &t->err));
    struct t_table second = {.store = tt.store, .instance = tt.instance, .table = other};
    add_runs(t, &second, 4);
    const struct state_leaf *leaf = state_leaf_at(state_table_view(other), 0);
    assert_ok(t, state_table_object(other, t_refs(leaf)[0].file->name, &object, &t->err));
    assert_ok(t, store_delete(tt.store, state_name_slice(&object), &t->err));
    state_table_close(other);
    assert_rc(t, jobs_work(tt.instance, &o, &t->mem, &result, &t->err), SLP_CORRUPT);
    assert_int_equal(result.compactions, 1);
    assert_int_equal(result.failures, 1);
    assert_non_null(strstr(heard.text, "damaged: failed: "));
    assert_non_null(strstr(heard.text, "test: job "));
    t_table_close(&tt);
}

static void a_committer_looks_at_all_tables_and_ends(void **state)
{
    struct t *t = *state;
    struct t_table tt;
    struct jobs_options o = once();
    struct jobs_result result = {0};
    o.commits = true;
    t_table_open(t, &tt, T_SCHEMA_KV, NULL, 0);
    assert_ok(t, jobs_work(tt.instance, &o, &t->mem, &result, &t->err));
    assert_int_equal(result.packed, 0);
    t_table_close(&tt);
}

/* Rule C1, k = 0: what an author left and then slept over is in the log all the same. */
static void a_committer_packs_what_waits_C1(void **state)
{
    struct t *t = *state;
    struct t_table tt;
    struct buf body;
    struct state_name left;
    struct state_replica r;
    struct jobs_options o = once();
    struct jobs_result result = {0};
    struct state_property p = {.name = slice_str("a"), .value = slice_str("b")};
    struct state_txn txn = {.kind = STATE_PROPERTIES,
                            .rule_version = STATE_RULE_VERSION,
                            .txid = {{7}},
                            .properties = {.items = &p, .count = 1}};
    o.commits = true;
    t_table_open(t, &tt, T_SCHEMA_KV, NULL, 0);
    txn.base = state_number(state_table_view(tt.table));
    struct hash128 id = state_table_id(tt.table);
    buf_init(&body, &t->mem, STATE_TXN_MAX_BYTES);
    assert_ok(t, state_replica_init(&r, tt.instance, &id, &t->err));
    assert_ok(t, state_replica_refresh(&r, &t->err));
    assert_ok(t, state_txn_encode(&txn, &body, &t->err));
    assert_ok(t, state_inbox_leave(&r, &txn, buf_slice(&body), &left, &t->err));
    assert_ok(t, jobs_work(tt.instance, &o, &t->mem, &result, &t->err));
    assert_int_equal(result.packed, 1);
    assert_ok(t, state_table_refresh(tt.table, &t->err));
    assert_int_equal(state_property_count(state_table_view(tt.table)), 1);
    assert_ok(t, jobs_work(tt.instance, &o, &t->mem, &result, &t->err));
    assert_int_equal(result.packed, 0);
    state_replica_fini(&r);
    buf_fini(&body);
    t_table_close(&tt);
}

static void a_cancelled_worker_ends_at_once(void **state)
{
    struct t *t = *state;
    struct t_table tt;
    volatile int cancel = 1;
    struct jobs_options o = {.memory = 64 << 20, .threads = 1, .cancel = &cancel};
    struct jobs_result result = {0};
    t_table_open(t, &tt, T_SCHEMA_KV, NULL, 0);
    assert_ok(t, jobs_work(tt.instance, &o, &t->mem, &result, &t->err));
    o.commits = true;
    assert_ok(t, jobs_work(tt.instance, &o, &t->mem, &result, &t->err));
    o.once = true;
    assert_rc(t, jobs_work(tt.instance, &o, &t->mem, &result, &t->err), SLP_CANCELLED);
    t_table_close(&tt);
}

T_MAIN(T_TEST(once_does_what_is_due_on_all_tables_and_ends), T_TEST(an_offline_table_is_left_alone),
       T_TEST(what_fails_on_one_table_does_not_keep_the_others_waiting),
       T_TEST(a_committer_looks_at_all_tables_and_ends), T_TEST(a_committer_packs_what_waits_C1),
       T_TEST(a_cancelled_worker_ends_at_once))
