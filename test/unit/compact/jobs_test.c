#include "compact/jobs.h"

#include "lib/refs.h"
#include "lib/table.h"

static const struct compact_options options = {.all = true, .memory = 64 << 20, .threads = 1};

static const char *const points[] = {"c", "e", "g", "i", "k", "m", "o"};

/* A table of eight leaves with two runs each. */
static void open_table(struct t *t, struct t_table *tt)
{
    t_table_open(t, tt, T_SCHEMA_KV, points, 7);
    for (int i = 0; i < 2; i++)
        t_table_add(t, tt, "a,1\nd,2\nf,3\nh,4\nj,5\nl,6\nn,7\np,8\n");
}

static const struct table_state *view(const struct t_table *tt)
{
    return state_table_view(tt->table);
}

/* Take all that is due. */
static void take_all(struct t *t, struct t_table *tt, struct compact_jobs *j)
{
    struct arena arena;
    struct compact_due due = {0};
    size_t taken = 0;
    struct compact_rules rules = compact_rules_for(tt->table, &options);
    arena_init(&arena, &t->mem, 1 << 24);
    compact_jobs_init(j, tt->table, &options, &t->mem);
    assert_ok(t, compact_find_due(view(tt), &rules, false, &arena, &due, &t->err));
    assert_int_equal(due.count, 8);
    assert_ok(t, compact_jobs_assign(j, due.choices, due.count, &taken, &t->err));
    assert_int_equal(taken, 8);
    assert_int_equal(j->count, 8);
    arena_fini(&arena);
}

static void many_small_jobs_take_two_transactions(void **state)
{
    struct t *t = *state;
    struct t_table tt;
    struct compact_result result = {0};
    open_table(t, &tt);
    uint64_t before = state_number(view(&tt));
    assert_ok(t, compact_run(tt.table, &options, &t->mem, &result, &t->err));
    assert_int_equal(result.jobs, 8);
    assert_int_equal(result.rows, 16);
    assert_int_equal(state_number(view(&tt)), before + 2);
    t_table_close(&tt);
}

static void what_is_held_is_extended_once_half_of_its_time_has_passed(void **state)
{
    struct t *t = *state;
    struct t_table tt;
    struct compact_jobs j;
    open_table(t, &tt);
    take_all(t, &tt, &j);
    uint64_t before = state_number(view(&tt));
    assert_ok(t, compact_jobs_keep(&j, &t->err));
    assert_int_equal(state_number(view(&tt)), before);
    j.begun_us -= (int64_t)3600 * 1000000;
    assert_ok(t, compact_jobs_keep(&j, &t->err));
    assert_int_equal(state_number(view(&tt)), before + 1);
    for (size_t i = 0; i < state_job_count(view(&tt)); i++) {
        assert_int_equal(state_job_at(view(&tt), i)->extension, 1);
        assert_int_equal(state_job_at(view(&tt), i)->deadline_us, j.deadline_us);
    }
    compact_jobs_fail(&j, NULL, "the test is over");
    assert_int_equal(state_job_count(view(&tt)), 0);
    compact_jobs_fini(&j);
    t_table_close(&tt);
}

static void overdue_jobs_are_taken_over_with_the_next_attempt_and_the_first_holder_notices(
    void **state)
{
    struct t *t = *state;
    struct t_table tt;
    struct compact_jobs first;
    struct compact_jobs second;
    struct arena arena;
    struct compact_job job;
    open_table(t, &tt);
    take_all(t, &tt, &first);
    compact_jobs_init(&second, tt.table, &options, &t->mem);
    assert_ok(t, compact_jobs_take_over(&second, &t->err));
    assert_int_equal(second.count, 0);            /* not yet */
    first.deadline_us = first.begun_us - 1000000; /* it has less than no time */
    assert_ok(t, compact_jobs_keep(&first, &t->err));
    assert_ok(t, compact_jobs_take_over(&second, &t->err));
    assert_int_equal(second.count, 8);
    assert_int_equal(second.held[0].attempt, 2);
    arena_init(&arena, &t->mem, 1 << 20);
    assert_rc(t, compact_jobs_describe(&first, &first.held[0], &arena, &job, &t->err),
              SLP_CONFLICT);
    assert_ok(t, compact_jobs_describe(&second, &second.held[0], &arena, &job, &t->err));
    assert_int_equal(job.attempt, 2);
    assert_int_equal(job.input_count, 2);
    first.begun_us -= (int64_t)3600 * 1000000;
    assert_ok(t, compact_jobs_keep(&first, &t->err));
    assert_int_equal(first.held[0].hold, COMPACT_JOB_GONE);
    compact_jobs_fail(&second, NULL, "the test is over");
    arena_fini(&arena);
    compact_jobs_fini(&first);
    compact_jobs_fini(&second);
    t_table_close(&tt);
}

/* Somebody else takes a job over while it is being merged: what was made of it goes. */
struct thief {
    struct t *t;
    struct state_table *table;
    bool has_struck;
};

static void strike(void *context, const struct compact_progress *p)
{
    struct thief *thief = context;
    struct state_result result = {0};
    if (thief->has_struck || !p->job)
        return;
    thief->has_struck = true;
    assert_ok(thief->t, state_table_refresh(thief->table, &thief->t->err));
    const struct state_job *job = state_job_at(state_table_view(thief->table), 0);
    struct state_reassign_item item = {.job = job->id,
                                       .attempt = job->attempt,
                                       .range = job->range,
                                       .extension = job->extension,
                                       .deadline_us = INT64_MAX / 2};
    struct state_txn txn = {.kind = STATE_REASSIGN, .reassign = {.items = &item, .count = 1}};
    assert_ok(thief->t, state_table_commit(thief->table, &txn, NULL, &result, &thief->t->err));
    assert_ok(thief->t, state_result_check(&result, &thief->t->err));
}

static void a_job_that_was_taken_over_while_it_ran_changes_nothing(void **state)
{
    struct t *t = *state;
    struct t_table tt;
    struct thief thief = {.t = t};
    struct compact_options o = options;
    struct compact_result result = {0};
    t_table_open(t, &tt, T_SCHEMA_KV, NULL, 0);
    t_table_add(t, &tt, "a,1\n");
    t_table_add(t, &tt, "b,2\n");
    assert_ok(t, state_table_open(tt.instance, slice_str("test"), &thief.table, &t->err));
    o.on_progress = strike;
    o.context = &thief;
    assert_ok(t, compact_run(tt.table, &o, &t->mem, &result, &t->err));
    assert_true(thief.has_struck);
    assert_int_equal(result.jobs, 0);
    assert_int_equal(state_job_count(view(&tt)), 1);
    assert_int_equal(state_job_at(view(&tt), 0)->attempt, 2);
    assert_int_equal(state_leaf_at(view(&tt), 0)->ref_count, 2);
    state_table_close(thief.table);
    t_table_close(&tt);
}

static void jobs_that_are_only_made_are_run_by_whoever_comes_next(void **state)
{
    struct t *t = *state;
    struct t_table tt;
    struct compact_options o = options;
    struct compact_result result = {0};
    open_table(t, &tt);
    o.makes_only = true;
    assert_ok(t, compact_run(tt.table, &o, &t->mem, &result, &t->err));
    assert_int_equal(result.jobs, 8);
    assert_int_equal(state_job_count(view(&tt)), 8);
    o.makes_only = false;
    assert_ok(t, compact_run(tt.table, &o, &t->mem, &result, &t->err));
    assert_int_equal(result.jobs, 8);
    assert_int_equal(state_job_count(view(&tt)), 0);
    assert_int_equal(state_leaf_at(view(&tt), 0)->ref_count, 1);
    t_table_close(&tt);
}

T_MAIN(T_TEST(many_small_jobs_take_two_transactions),
       T_TEST(what_is_held_is_extended_once_half_of_its_time_has_passed),
       T_TEST(overdue_jobs_are_taken_over_with_the_next_attempt_and_the_first_holder_notices),
       T_TEST(a_job_that_was_taken_over_while_it_ran_changes_nothing),
       T_TEST(jobs_that_are_only_made_are_run_by_whoever_comes_next))
