#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

#include "os/thread.h"
#include "state/state.h"

#include "lib/refs.h"
#include "lib/t.h"
#include "unit/state/helpers.h"

static const char schema_json[] =
    "{\"rowKeyFields\":[{\"name\":\"key\",\"type\":\"StringType\"}],\"sortKeyFields\":[],"
    "\"valueFields\":[]}";

static slp_rc make_table(struct state_instance *i, struct slp_err *err)
{
    struct state_table_options o = {.name = slice_str("t"), .schema_json = slice_str(schema_json)};
    return state_table_create(i, &o, err);
}

/* Add a file of this name. */
static slp_rc add_named(struct state_table *table, const char *name, const char *token,
                        struct state_result *r, struct slp_err *err)
{
    struct state_new_file f = file_of(name, "b", "k", 10);
    struct state_txn txn = {.kind = STATE_ADD, .add = {.files = &f, .count = 1}};
    struct state_commit_options o = {.token = token ? slice_str(token) : (struct slice){0}};
    return state_table_commit(table, &txn, &o, r, err);
}

/* How often the table holds a file of this name. */
static size_t times(const struct state_table *table, const char *name)
{
    const struct table_state *s = state_table_view(table);
    size_t n = 0;
    for (size_t i = 0; i < state_leaf_count(s); i++)
        for (size_t k = 0; k < state_leaf_at(s, i)->ref_count; k++)
            n += slice_is(t_refs(state_leaf_at(s, i))[k].file->name, name);
    return n;
}

/* ------------------------------------------------------------------ threads */

#define WRITERS 8
#define COMMITS 25

struct writer {
    struct store *store;
    const char *path; /* a folder that each opens for himself, as processes do; else NULL */
    int number;
    bool shares_tokens; /* every writer commits under the same tokens */
    int committed;
    int duplicates;
    uint32_t losses;
    struct slp_err err;
};

static slp_rc write_all(struct writer *w)
{
    slp_rc rc = SLP_OK;
    struct store *folder = NULL;
    struct state_instance *instance = NULL;
    struct state_table *table = NULL;
    if (w->path)
        TRY_OUT(store_folder_open(alloc_system(), w->path, false, &folder, &w->err));
    TRY_OUT(
        state_instance_open(alloc_system(), w->path ? folder : w->store, NULL, &instance, &w->err));
    TRY_OUT(state_table_open(instance, slice_str("t"), &table, &w->err));
    for (int i = 0; i < COMMITS; i++) {
        char name[32];
        char token[32];
        struct state_result r;
        (void)snprintf(name, sizeof name, "w%d-%d", w->number, i);
        (void)snprintf(token, sizeof token, "token-%d", i);
        TRY_OUT(add_named(table, name, w->shares_tokens ? token : NULL, &r, &w->err));
        TRY_OUT(state_result_check(&r, &w->err));
        w->committed += !r.outcome.is_duplicate;
        w->duplicates += r.outcome.is_duplicate;
        w->losses += r.losses;
    }
out:
    state_table_close(table);
    state_instance_close(instance);
    store_close(folder);
    return rc;
}

static void run_writer(void *arg)
{
    struct writer *w = arg;
    slp_rc rc = write_all(w);
    if (rc != SLP_OK && w->err.code == SLP_OK)
        w->err.code = rc;
}

/* Begin a table in the store and have all writers at it at once. */
static void race(struct t *t, struct store *store, const char *path, bool shares_tokens,
                 struct writer *writers)
{
    struct state_instance *instance = NULL;
    struct os_pool *pool = NULL;
    assert_ok(t, state_instance_create(store, NULL, &t->err));
    assert_ok(t, state_instance_open(&t->mem, store, NULL, &instance, &t->err));
    assert_ok(t, make_table(instance, &t->err));
    state_instance_close(instance);
    assert_ok(t, os_pool_new(alloc_system(), WRITERS, &pool, &t->err));
    for (int i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){
            .store = store, .path = path, .number = i, .shares_tokens = shares_tokens};
        os_pool_submit(pool, run_writer, &writers[i]);
    }
    os_pool_wait(pool);
    os_pool_free(pool);
    for (int i = 0; i < WRITERS; i++)
        assert_string_equal(writers[i].err.text, "");
}

static struct state_table *look(struct t *t, struct store *store, struct state_instance **instance)
{
    struct state_table *table = NULL;
    assert_ok(t, state_instance_open(&t->mem, store, NULL, instance, &t->err));
    assert_ok(t, state_table_open(*instance, slice_str("t"), &table, &t->err));
    return table;
}

/* All commits of all writers are there, once. */
static void expect_all(struct t *t, struct store *store)
{
    struct state_instance *instance = NULL;
    struct state_table *table = look(t, store, &instance);
    /* Several may stand in one frame. */
    assert_true(state_number(state_table_view(table)) <= 1 + WRITERS * COMMITS);
    assert_int_equal(state_leaf_at(state_table_view(table), 0)->ref_count, WRITERS * COMMITS);
    for (int w = 0; w < WRITERS; w++)
        for (int i = 0; i < COMMITS; i++) {
            char name[32];
            (void)snprintf(name, sizeof name, "w%d-%d", w, i);
            assert_int_equal(times(table, name), 1);
        }
    state_table_close(table);
    state_instance_close(instance);
}

static void writers_at_once_all_commit_everything_once(void **state)
{
    struct t *t = *state;
    struct writer writers[WRITERS];
    struct store *store = NULL;
    assert_ok(t, store_memory_new(alloc_system(), &store, &t->err));
    race(t, store, NULL, false, writers);
    expect_all(t, store);
    store_close(store);
}

/* nftw has no argument. */
static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *where)
{
    (void)info;
    (void)type;
    (void)where;
    return remove(path);
}

static void writers_at_once_in_a_folder_all_commit_everything_once(void **state)
{
    struct t *t = *state;
    struct writer writers[WRITERS];
    struct store *store = NULL;
    char path[] = "/tmp/sleeper-commit-XXXXXX";
    assert_non_null(mkdtemp(path));
    assert_ok(t, store_folder_open(&t->mem, path, true, &store, &t->err));
    race(t, store, path, false, writers);
    expect_all(t, store);
    store_close(store);
    assert_int_equal(nftw(path, remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
}

/* The same tokens from everybody: one of them commits, the others are told where it stands. */
static void a_token_that_several_use_at_once_counts_once(void **state)
{
    struct t *t = *state;
    struct writer writers[WRITERS];
    struct store *store = NULL;
    struct state_instance *instance = NULL;
    assert_ok(t, store_memory_new(alloc_system(), &store, &t->err));
    race(t, store, NULL, true, writers);
    struct state_table *table = look(t, store, &instance);
    int committed = 0;
    int duplicates = 0;
    for (int i = 0; i < WRITERS; i++) {
        committed += writers[i].committed;
        duplicates += writers[i].duplicates;
    }
    assert_int_equal(committed, COMMITS);
    assert_int_equal(duplicates, (WRITERS - 1) * COMMITS);
    assert_int_equal(state_leaf_at(state_table_view(table), 0)->ref_count, COMMITS);
    state_table_close(table);
    state_instance_close(instance);
    store_close(store);
}

/* ------------------------------------------------------------------ stores that fail */

/* Commits through a store that fails once; what was acknowledged is there once, what was not is
 * there once or not at all. */
static void commit_with_fault(struct t *t, struct store *below, enum store_fault kind, uint64_t at)
{
    struct store_fault_plan plan = {.fault_at = at, .kind = kind};
    struct store *store = NULL;
    struct state_instance *instance = NULL;
    struct state_table *table = NULL;
    bool acknowledged[4] = {false};
    char names[4][48];
    assert_ok(t, store_faulty_new(&t->mem, below, &plan, &store, &t->err));
    slp_rc rc = state_instance_open(&t->mem, store, NULL, &instance, &t->err);
    if (rc == SLP_OK)
        rc = state_table_open(instance, slice_str("t"), &table, &t->err);
    for (size_t i = 0; i < 4; i++) {
        struct state_result r;
        (void)snprintf(names[i], sizeof names[i], "k%d-%d-%zu", (int)kind, (int)at, i);
        if (table)
            acknowledged[i] = add_named(table, names[i], NULL, &r, &t->err) == SLP_OK;
    }
    /* One failure is got over: reading again is enough. Opening does not try twice. */
    if (table)
        assert_true(acknowledged[0] && acknowledged[1] && acknowledged[2] && acknowledged[3]);
    else
        assert_int_equal(rc, SLP_UNAVAILABLE);
    state_table_close(table);
    state_instance_close(instance);
    store_close(store);
    table = look(t, below, &instance);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(times(table, names[i]), acknowledged[i]);
    state_table_close(table);
    state_instance_close(instance);
}

static void lost_answers_and_failures_lose_and_double_nothing(void **state)
{
    struct t *t = *state;
    struct store *below = NULL;
    struct state_instance *instance = NULL;
    assert_ok(t, store_memory_new(&t->mem, &below, &t->err));
    assert_ok(t, state_instance_create(below, NULL, &t->err));
    assert_ok(t, state_instance_open(&t->mem, below, NULL, &instance, &t->err));
    assert_ok(t, make_table(instance, &t->err));
    state_instance_close(instance);
    static const enum store_fault kinds[3] = {STORE_FAULT_BEFORE, STORE_FAULT_AFTER,
                                              STORE_FAULT_LOST_ANSWER};
    for (size_t k = 0; k < 3; k++)
        for (uint64_t at = 0; at < 24; at++)
            commit_with_fault(t, below, kinds[k], at);
    store_close(below);
}

/* What it takes to open instance and table. */
static uint64_t requests_of_opening(struct t *t, struct store *store)
{
    struct state_instance *instance = NULL;
    struct store_counts before = store_counts_read(store);
    struct state_table *table = look(t, store, &instance);
    struct store_counts after = store_counts_read(store);
    uint64_t n = 0;
    for (int verb = 0; verb < STORE_VERB_COUNT; verb++)
        n += after.requests[verb] - before.requests[verb];
    state_table_close(table);
    state_instance_close(instance);
    return n;
}

/* A store that stays away: the commit gives up in time, and says whether it may have landed. */
static void a_store_that_stays_away_ends_the_commit_in_time(void **state)
{
    static const struct {
        enum store_fault kind;
        slp_rc rc;
        size_t found;
    } cases[] = {{STORE_FAULT_BEFORE, SLP_UNAVAILABLE, 0},
                 {STORE_FAULT_LOST_ANSWER, SLP_UNKNOWN, 1}};
    struct t *t = *state;
    for (size_t i = 0; i < 2; i++) {
        struct store *below = NULL;
        struct store *store = NULL;
        struct state_instance *instance = NULL;
        struct state_table *table = NULL;
        assert_ok(t, store_memory_new(&t->mem, &below, &t->err));
        assert_ok(t, state_instance_create(below, NULL, &t->err));
        assert_ok(t, state_instance_open(&t->mem, below, NULL, &instance, &t->err));
        assert_ok(t, make_table(instance, &t->err));
        state_instance_close(instance);
        struct store_fault_plan plan = {
            .kind = cases[i].kind, .for_good = true, .fault_at = requests_of_opening(t, below)};
        assert_ok(t, store_faulty_new(&t->mem, below, &plan, &store, &t->err));
        assert_ok(t, state_instance_open(&t->mem, store, NULL, &instance, &t->err));
        assert_ok(t, state_table_open(instance, slice_str("t"), &table, &t->err));
        struct state_new_file f = file_of("x", "b", "k", 10);
        struct state_txn txn = {.kind = STATE_ADD, .add = {.files = &f, .count = 1}};
        struct state_commit_options o = {.max_wait_us = 20000};
        struct state_result r;
        assert_rc(t, state_table_commit(table, &txn, &o, &r, &t->err), cases[i].rc);
        state_table_close(table);
        state_instance_close(instance);
        store_close(store);
        table = look(t, below, &instance);
        assert_int_equal(times(table, "x"), cases[i].found);
        state_table_close(table);
        state_instance_close(instance);
        store_close(below);
    }
}

T_MAIN(T_TEST(writers_at_once_all_commit_everything_once),
       T_TEST(writers_at_once_in_a_folder_all_commit_everything_once),
       T_TEST(a_token_that_several_use_at_once_counts_once),
       T_TEST(lost_answers_and_failures_lose_and_double_nothing),
       T_TEST(a_store_that_stays_away_ends_the_commit_in_time))
