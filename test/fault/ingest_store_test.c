/* rooms: ingest */
/*
 * The store fails at each request of an ingest in turn, before or after doing what it was
 * asked: a table opened afterwards has all of the rows or none, and what the answer says is true.
 */
#include "unit/ingest/support.h"

#define REQUESTS_MAX 200u

struct trial {
    struct store_fault_plan plan;
    struct place place;
    const char *input;
};

static void make_trial(struct trial *trial)
{
    place_make(&trial->place);
    place_write(&trial->place, "rows.csv", "k,v\nz,1\na,2\nb,3\n");
    trial->input = place_path(&trial->place, "rows.csv");
}

static int64_t rows_of(struct state_table *table)
{
    int64_t rows = 0;
    const struct table_state *view = state_table_view(table);
    for (size_t i = 0; i < state_leaf_count(view); i++)
        for (size_t r = 0; r < state_leaf_at(view, i)->ref_count; r++)
            rows += t_refs(state_leaf_at(view, i))[r].file->info.rows;
    return rows;
}

/* Ingest through a store that fails; `*hits` says whether it did. */
static slp_rc ingest_faulty(struct t *t, struct t_table *below, struct trial *trial, uint64_t *hits)
{
    slp_rc rc = SLP_OK;
    struct t_table tt = {0};
    struct ingest_result r = {0};
    TRY(store_faulty_new(&t->mem, below->store, &trial->plan, &tt.store, &t->err));
    TRY_OUT(state_instance_open(&t->mem, tt.store, NULL, &tt.instance, &t->err));
    TRY_OUT(state_table_open(tt.instance, slice_str("test"), &tt.table, &t->err));
    TRY_OUT(ingest_one(t, &tt, trial->input, &r));
    assert_int_equal(r.rows, 3);
out:
    *hits = store_faulty_hits(tt.store);
    t_table_close(&tt);
    return rc;
}

/* One round; true if the fault was met. */
static bool try_fault(struct t *t, struct trial *trial)
{
    const char *const points[] = {"m"};
    struct t_table below;
    uint64_t hits = 0;
    t_table_open(t, &below, T_SCHEMA_KV, points, 1);
    slp_rc rc = ingest_faulty(t, &below, trial, &hits);
    assert_ok(t, state_table_refresh(below.table, &t->err));
    int64_t rows = rows_of(below.table);
    size_t objects = count_objects(t, &below, "/data/");
    assert_true(rows == 0 || rows == 3);
    assert_true(rc != SLP_OK || rows == 3);
    assert_true(rc == SLP_OK || rc == SLP_UNKNOWN || rows == 0);
    assert_true(rows == 0 || objects == 2);
    /* What was written and not committed is removed again. */
    if (rc != SLP_OK && rc != SLP_UNKNOWN)
        assert_int_equal(objects, 0);
    if (rows == 3)
        expect_table(t, &below, "a,2\nb,3\nz,1\n");
    t_table_close(&below);
    return hits > 0;
}

static void every_failing_request_is_all_or_nothing(void **state)
{
    static const enum store_fault kinds[] = {STORE_FAULT_BEFORE, STORE_FAULT_AFTER,
                                             STORE_FAULT_LOST_ANSWER};
    struct t *t = *state;
    struct trial trial;
    memset(&trial, 0, sizeof trial);
    make_trial(&trial);
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        uint64_t at = 0;
        trial.plan = (struct store_fault_plan){.kind = kinds[k]};
        for (; at < REQUESTS_MAX; at++) {
            trial.plan.fault_at = at;
            if (!try_fault(t, &trial))
                break;
        }
        assert_in_range(at, 6, REQUESTS_MAX - 1);
    }
    place_drop(&trial.place);
}

T_MAIN(T_TEST(every_failing_request_is_all_or_nothing))
