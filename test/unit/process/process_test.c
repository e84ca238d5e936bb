#include "process/process.h"

#include <stdio.h>

#include "lib/table.h"
#include "process/retire.h"
#include "state/global.h"

#define SCHEMA                                                                                     \
    "{\"fields\":[{\"id\":1,\"name\":\"k\",\"type\":\"string\",\"nullable\":false},"               \
    "{\"id\":2,\"name\":\"v\",\"type\":\"int64\",\"nullable\":true},"                              \
    "{\"id\":3,\"name\":\"l\",\"type\":\"list\",\"nullable\":true,\"element\":"                    \
    "{\"type\":\"int64\"}}],\"rowKey\":[\"k\"],\"sortKey\":[]}"

static void commit(struct t *t, struct t_table *tt, struct state_txn *txn)
{
    struct state_result result = {0};
    assert_ok(t, state_table_commit(tt->table, txn, NULL, &result, &t->err));
    assert_ok(t, state_result_check(&result, &t->err));
}

static void purge(struct t *t, struct t_table *tt, const char *where)
{
    struct state_txn txn = {.kind = STATE_PURGE,
                            .purge = {.predicate = slice_str(where), .schema_version = 1}};
    txn.purge.schema_version = state_schema_version(state_table_view(tt->table));
    commit(t, tt, &txn);
}

static void delete_range(struct t *t, struct t_table *tt)
{
    struct state_txn txn = {
        .kind = STATE_RANGE_DELETE,
        .range_delete = {.range = {.lo = slice_str("a"), .hi = slice_str("c"), .has_hi = true}}};
    commit(t, tt, &txn);
}

static void set(struct t *t, struct t_table *tt, const char *name, const char *value)
{
    const struct state_property property = {.name = slice_str(name), .value = slice_str(value)};
    struct state_txn txn = {.kind = STATE_PROPERTIES,
                            .properties = {.items = &property, .count = 1}};
    commit(t, tt, &txn);
}

/* Does the table need a process now? */
static bool has_process(struct t *t, struct t_table *tt)
{
    struct process *p = NULL;
    assert_ok(t, process_open(tt->table, &t->mem, &p, &t->err));
    bool has = p != NULL;
    process_close(p);
    return has;
}

static void a_plain_bag_needs_none(void **state)
{
    struct t *t = *state;
    struct t_table tt;
    struct process *p = NULL;
    const struct schema *schema = NULL;
    t_table_open(t, &tt, SCHEMA, NULL, 0);
    t_table_add(t, &tt, "a,1,\n");
    assert_false(has_process(t, &tt));
    assert_ok(t, process_schema(tt.table, NULL, 0, &schema, &t->err));
    assert_true(schema == state_table_schema(tt.table));
    assert_rc(t, process_schema(tt.table, NULL, STACK_KINDS, &schema, &t->err), SLP_CORRUPT);
    assert_err_has(t, "storage columns");
    assert_ok(t, process_open_always(tt.table, &t->mem, &p, &t->err));
    assert_ok(t, process_schema(tt.table, p, STACK_KINDS, &schema, &t->err));
    assert_true(schema->columns.count > state_table_schema(tt.table)->columns.count);
    process_close(p);
    process_close(NULL);
    t_table_close(&tt);
}

static void a_filter_a_purge_or_a_range_delete_makes_one(void **state)
{
    struct t *t = *state;
    for (int what = 0; what < 4; what++) {
        struct t_table tt;
        t_table_open(t, &tt, SCHEMA, NULL, 0);
        t_table_add(t, &tt, "a,1,\nb,2,\n");
        if (what == 0)
            set(t, &tt, "filters", "v > 1");
        else if (what == 1)
            purge(t, &tt, "v = 1");
        else if (what == 2)
            delete_range(t, &tt);
        else
            set(t, &tt, "iterators", "filter(v > 1)"); /* which merges do not run */
        assert_int_equal(has_process(t, &tt), what != 3);
        t_table_close(&tt);
    }
}

static void purges_are_due_above_a_file_s_mark(void **state)
{
    struct t *t = *state;
    struct t_table tt;
    struct process *p = NULL;
    struct arena arena;
    const struct stack_purge *due = NULL;
    size_t count = 0;
    struct state_position at[3];
    const struct state_position none = {0};
    t_table_open(t, &tt, SCHEMA, NULL, 0);
    t_table_add(t, &tt, "a,1,\n");
    purge(t, &tt, "v = 1");
    delete_range(t, &tt);
    purge(t, &tt, "k = 'z'");
    arena_init(&arena, &t->mem, 1 << 20);
    assert_int_equal(state_purge_count(state_table_view(tt.table)), 3);
    for (size_t i = 0; i < 3; i++)
        at[i] = state_purge_at(state_table_view(tt.table), i)->at;
    assert_ok(t, process_open(tt.table, &t->mem, &p, &t->err));
    assert_true(process_has_purges(p, none));
    assert_true(process_has_purges(p, at[1]));
    assert_false(process_has_purges(p, at[2]));
    for (size_t from = 0; from <= 3; from++) {
        for (size_t until = from; until <= 3; until++) {
            struct state_position low = from ? at[from - 1] : none;
            struct state_position high = until ? at[until - 1] : none;
            assert_ok(t, process_purges(p, low, high, &arena, &due, &count, &t->err));
            assert_int_equal(count, until - from);
            for (size_t i = 0; i < count; i++) {
                assert_int_equal(due[i].at.frame, at[from + i].frame);
                assert_int_equal(due[i].where == NULL, from + i == 1);
            }
        }
    }
    arena_fini(&arena);
    process_close(p);
    t_table_close(&tt);
}

/* A process outlives the view that it was made from. */
static void it_does_not_change_with_the_table(void **state)
{
    struct t *t = *state;
    struct t_table tt;
    struct process *p = NULL;
    struct arena arena;
    const struct stack_purge *due = NULL;
    size_t count = 0;
    const struct state_position tip = {.frame = UINT64_MAX, .index = UINT32_MAX};
    t_table_open(t, &tt, SCHEMA, NULL, 0);
    delete_range(t, &tt);
    assert_ok(t, process_open(tt.table, &t->mem, &p, &t->err));
    delete_range(t, &tt);
    assert_ok(t, process_retire(tt.table, &t->mem, &count, &t->err));
    assert_int_equal(count, 2);
    arena_init(&arena, &t->mem, 1 << 20);
    assert_ok(t, process_purges(p, (struct state_position){0}, tip, &arena, &due, &count, &t->err));
    assert_int_equal(count, 1);
    arena_fini(&arena);
    process_close(p);
    t_table_close(&tt);
}

struct config {
    const char *engine;
    const char *filters;
    const char *iterators;
    slp_rc rc;
    const char *text; /* of the engine, or of the error */
    enum state_engine is;
    bool is_ordered;
    uint32_t order_by;
};

static const struct config configs[] = {
    {"", "", "", SLP_OK, "", STATE_ENGINE_BAG, false, 0},
    {"bag", "v > 1; k < 'm';", "dedupe(v); top(3)", SLP_OK, "", STATE_ENGINE_BAG, false, 0},
    {"last", "", "", SLP_OK, "last", STATE_ENGINE_LAST, false, 0},
    {"last(order-by: v)", "", "", SLP_OK, "order-by", STATE_ENGINE_LAST, false, 3},
    {"first", "", "", SLP_OK, "first", STATE_ENGINE_FIRST, false, 0},
    {"partial", "", "", SLP_OK, "partial", STATE_ENGINE_PARTIAL, false, 0},
    {"aggregate(sum: v; set_union: l)", "", "", SLP_OK, "sum", STATE_ENGINE_AGGREGATE, false, 0},
    {"aggregate(sum: v; list_union: l)", "", "", SLP_OK, "list_union", STATE_ENGINE_AGGREGATE, true,
     0},
    {"aggregate(sum: v)", "", "", SLP_INVALID, "value field \"l\" has no operation",
     STATE_ENGINE_BAG, false, 0},
    {"most", "", "", SLP_INVALID, "most", STATE_ENGINE_BAG, false, 0},
    {"bag", "zz > 1", "", SLP_INVALID, "unknown column \"zz\"", STATE_ENGINE_BAG, false, 0},
    {"bag", "v > 1; l = 3", "", SLP_UNSUPPORTED, "filter 2", STATE_ENGINE_BAG, false, 0},
    {"bag", "", "sift(v)", SLP_INVALID, "unknown iterator \"sift\"", STATE_ENGINE_BAG, false, 0},
};

static void a_new_table_s_engine_is_checked(void **state)
{
    struct t *t = *state;
    for (size_t i = 0; i < sizeof configs / sizeof configs[0]; i++) {
        const struct config *c = &configs[i];
        struct arena arena;
        struct schema schema;
        struct process_engine e = {0};
        arena_init(&arena, &t->mem, 1 << 20);
        assert_ok(t, schema_parse(slice_str(SCHEMA), &arena, &schema, &t->err));
        assert_rc(t,
                  process_check(&schema, slice_str(c->engine), slice_str(c->filters),
                                slice_str(c->iterators), &arena, &e, &t->err),
                  c->rc);
        if (c->rc != SLP_OK) {
            assert_err_has(t, c->text);
            assert_int_equal(e.text.len, 0);
        } else {
            char text[200];
            (void)snprintf(text, sizeof text, "%.*s", SLICE_ARG(e.text));
            assert_non_null(strstr(text, c->text));
            assert_int_equal(e.engine, c->is);
            assert_int_equal(e.is_ordered, c->is_ordered);
            assert_int_equal(e.order_by, c->order_by);
        }
        arena_fini(&arena);
    }
}

static void iterators_of_the_table_stand_before_those_of_a_query(void **state)
{
    struct t *t = *state;
    struct t_table tt;
    struct stack_iters *it = NULL;
    const struct slice more[] = {slice_str("map(w = v + 1)"), slice_str("project(w)")};
    const struct slice wrong[] = {slice_str("filter(zz > 1)")};
    const struct slice blank[] = {slice_str(""), slice_str(" ; ")};
    t_table_open(t, &tt, SCHEMA, NULL, 0);
    assert_ok(t, process_iters(tt.table, NULL, 0, &t->mem, &it, &t->err));
    assert_null(it);
    assert_ok(t, process_iters(tt.table, blank, 2, &t->mem, &it, &t->err));
    assert_null(it);
    set(t, &tt, "iterators", "project(k, v)");
    assert_ok(t, process_iters(tt.table, more, 2, &t->mem, &it, &t->err));
    assert_int_equal(stack_iters_count(it), 3);
    assert_int_equal(stack_iters_schema(it)->count, 1);
    assert_string_equal(stack_iters_schema(it)->fields[0].name, "w");
    stack_iters_free(it);
    assert_rc(t, process_iters(tt.table, wrong, 1, &t->mem, &it, &t->err), SLP_INVALID);
    assert_err_has(t, "iterators");
    t_table_close(&tt);
}

static void a_purge_is_kept_for_the_files_below_it(void **state)
{
    struct t *t = *state;
    struct t_table tt;
    size_t count = 9;
    t_table_open(t, &tt, SCHEMA, NULL, 0);
    assert_ok(t, process_retire(tt.table, &t->mem, &count, &t->err));
    assert_int_equal(count, 0);
    delete_range(t, &tt);
    t_table_add(t, &tt, "a,1,\n");
    purge(t, &tt, "v = 2");
    delete_range(t, &tt);
    assert_ok(t, process_retire(tt.table, &t->mem, &count, &t->err));
    assert_int_equal(count, 1);
    assert_int_equal(state_purge_count(state_table_view(tt.table)), 2);
    assert_ok(t, process_retire(tt.table, &t->mem, &count, &t->err));
    assert_int_equal(count, 0);
    assert_ok(t, process_retire(tt.table, &t->mem, NULL, &t->err));
    assert_int_equal(state_purge_count(state_table_view(tt.table)), 2);
    t_table_close(&tt);
}

/* Rule V5: a state before the purge may be restored until it is collected. */
static void a_purge_is_kept_for_the_states_before_it(void **state)
{
    struct t *t = *state;
    struct t_table tt;
    size_t count = 9;
    t_table_open(t, &tt, SCHEMA, NULL, 0);
    purge(t, &tt, "v = 1");
    assert_ok(t, process_retire(tt.table, &t->mem, &count, &t->err));
    assert_int_equal(count, 0);
    t_table_add(t, &tt, "a,1,\n");
    struct state_txn txn = {.kind = STATE_COLLECT, .collect = {0}};
    txn.collect.horizon = state_purge_at(state_table_view(tt.table), 0)->at.frame + 1;
    commit(t, &tt, &txn);
    assert_ok(t, process_retire(tt.table, &t->mem, &count, &t->err));
    assert_int_equal(count, 1);
    t_table_close(&tt);
}

static void every_fault_is_told(void **state)
{
    struct t *t = *state;
    struct t_table tt;
    t_table_open(t, &tt, SCHEMA, NULL, 0);
    t_table_add(t, &tt, "a,1,\n");
    purge(t, &tt, "v = 1");
    delete_range(t, &tt);
    set(t, &tt, "filters", "v > 1; k < 'm'");
    set(t, &tt, "iterators", "filter(v > 1)");
    T_FAULT_LOOP(t) {
        struct process *p = NULL;
        struct stack_iters *it = NULL;
        slp_rc rc = process_open(tt.table, &t->mem, &p, &t->err);
        if (rc == SLP_OK)
            rc = process_iters(tt.table, NULL, 0, &t->mem, &it, &t->err);
        assert_true(rc == SLP_OK || rc == SLP_NO_MEMORY);
        stack_iters_free(it);
        process_close(p);
    }
    t_table_close(&tt);
}

T_MAIN(T_TEST(a_plain_bag_needs_none), T_TEST(a_filter_a_purge_or_a_range_delete_makes_one),
       T_TEST(purges_are_due_above_a_file_s_mark), T_TEST(it_does_not_change_with_the_table),
       T_TEST(a_new_table_s_engine_is_checked),
       T_TEST(iterators_of_the_table_stand_before_those_of_a_query),
       T_TEST(a_purge_is_kept_for_the_files_below_it),
       T_TEST(a_purge_is_kept_for_the_states_before_it), T_TEST(every_fault_is_told))
