#include "jobs/batch.h"

#include <stdio.h>

#include "jobs/keeper.h"
#include "jobs/work.h"
#include "os/clock.h"
#include "os/file.h"

#include "lib/place.h"
#include "lib/refs.h"
#include "lib/table.h"

#define DAY_US ((int64_t)86400 * 1000000)

struct scene {
    struct t_table tt;
    struct place place;
    char paths[8][256];
};

static void write_text(const char *path, const char *text)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

/* A table, and eight names for files in a folder of the test's own. */
static void scene_open(struct t *t, struct scene *p)
{
    place_make(&p->place);
    for (size_t i = 0; i < 8; i++)
        (void)snprintf(p->paths[i], sizeof p->paths[i], "%s/%zu.csv", p->place.path, i);
    t_table_open(t, &p->tt, T_SCHEMA_KV, NULL, 0);
}

static void scene_close(struct scene *p)
{
    place_drop(&p->place);
    t_table_close(&p->tt);
}

static struct jobs_submit_result submit(struct t *t, struct scene *p, size_t from, size_t count)
{
    const char *inputs[8];
    struct jobs_submit_result result = {0};
    struct jobs_submit_options o = {.inputs = inputs, .input_count = count};
    for (size_t i = 0; i < count; i++)
        inputs[i] = p->paths[from + i];
    assert_ok(t, jobs_submit(p->tt.table, &o, &t->mem, &result, &t->err));
    return result;
}

static void write_files(struct scene *p, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char text[64];
        (void)snprintf(text, sizeof text, "k,v\nk%zu,%zu\n", i, i);
        write_text(p->paths[i], text);
    }
}

static const struct table_state *view_of(const struct scene *p)
{
    return state_table_view(p->tt.table);
}

static struct jobs_batch_result run(struct t *t, struct scene *p, bool all)
{
    struct jobs_batch_result result = {0};
    struct jobs_batch_options o = {.all = all, .memory = 64 << 20, .threads = 1};
    assert_ok(t, jobs_batch_run(p->tt.table, &o, &t->mem, &result, &t->err));
    return result;
}

static int64_t rows_of(const struct scene *p)
{
    const struct state_leaf *leaf = state_leaf_at(view_of(p), 0);
    int64_t rows = 0;
    for (size_t i = 0; i < leaf->ref_count; i++)
        rows += t_refs(leaf)[i].file->info.rows;
    return rows;
}

/* ------------------------------------------------------------------ what is due */

static const struct jobs_batch_rules plain = {
    .least_files = 3, .most_files = 2, .least_bytes = 100, .most_bytes = 1000, .age_us = 300000000};

/* Files of these sizes in a bare state; a second between one and the next. */
static struct table_state *state_with(struct t *t, const uint64_t *bytes, size_t count)
{
    struct state_rules rules = state_rules_default();
    struct table_state *s = NULL;
    struct state_outcome o;
    assert_ok(t, state_new(&t->mem, &rules, &s, &t->err));
    for (size_t i = 0; i <= count; i++) {
        char path[16];
        struct state_submit_file f = {.bytes = i ? bytes[i - 1] : 0};
        struct state_txn txn = {.kind = i ? STATE_SUBMIT : STATE_CREATE,
                                .rule_version = STATE_RULE_VERSION,
                                .base = i,
                                .time_us = (int64_t)i * 1000000};
        txn.txid.bytes[0] = (uint8_t)i;
        (void)snprintf(path, sizeof path, "/%zu", i);
        f.path = slice_str(path);
        f.reading.kinds = slice_str(f.bytes % 10 ? "op" : "");
        if (i)
            txn.submit = (struct state_submit){.files = &f, .count = 1};
        else
            txn.create = (struct state_create){.schema_json = slice_str("{}"), .key_version = 1};
        assert_ok(t, state_apply(s, &txn, (struct state_position){.frame = i + 1}, &o, &t->err));
        assert_int_equal(o.reason, STATE_REASON_APPLIED);
    }
    return s;
}

struct due_case {
    uint64_t bytes[6];
    size_t count;
    int64_t now_s;
    bool all;
    const char *expected; /* a digit a file, batches apart by spaces; "-": what waits */
};

static void what_is_due_is_cut_in_order_of_age(void **state)
{
    struct t *t = *state;
    static const struct due_case cases[] = {
        {{10, 10}, 2, 5, false, "-12"},          /* too few, too small, too young */
        {{10, 10, 10}, 3, 5, false, "-123"},     /* too small */
        {{100, 100}, 2, 5, false, "-12"},        /* too few */
        {{100, 100, 100}, 3, 5, false, "12 3"},  /* enough of both */
        {{10, 11, 10, 11}, 4, 5, true, "13 24"}, /* those that end with 1 are read otherwise */
        {{10, 10}, 2, 301, false, "12"},         /* the first has waited 300 s */
        {{10, 10}, 2, 300, false, "-12"},        /* and not yet */
        {{10, 10}, 2, 5, true, "12"},            /* all are asked for */
        {{600, 2000, 600, 300},
         4,
         5,
         false,
         "14 2 3"}, /* the first that fits; one too large alone */
        {{900, 50, 50, 50, 900}, 5, 5, false, "12 34 5"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct due_case *c = &cases[i];
        struct arena a;
        struct jobs_batch_plan plan = {0};
        struct jobs_batch_look look = {
            .now_us = c->now_s * 1000000, .all = c->all, .since_us = INT64_MAX};
        char text[64] = "";
        size_t n = 0;
        struct table_state *s = state_with(t, c->bytes, c->count);
        arena_init(&a, &t->mem, 1 << 20);
        assert_ok(t, jobs_batch_due(s, &plain, &look, &a, &plan, &t->err));
        for (size_t b = 0; b < plan.count; b++) {
            if (b)
                text[n++] = ' ';
            if (plan.batches[b].action == JOBS_BATCH_WAIT)
                text[n++] = '-';
            for (size_t f = 0; f < plan.batches[b].count; f++)
                text[n++] = (char)plan.batches[b].files[f]->path.ptr[1];
            assert_true(strlen(plan.batches[b].why) > 0);
        }
        text[n] = 0;
        assert_string_equal(text, c->expected);
        arena_fini(&a);
        state_free(s);
    }
}

static void planning_survives_every_fault(void **state)
{
    struct t *t = *state;
    static const uint64_t bytes[] = {100, 100, 100};
    struct table_state *s = state_with(t, bytes, 3);
    struct jobs_batch_look look = {.now_us = 5000000};
    T_FAULT_LOOP(t) {
        struct arena a;
        struct jobs_batch_plan plan = {0};
        arena_init(&a, &t->mem, 1 << 20);
        slp_rc rc = jobs_batch_due(s, &plain, &look, &a, &plan, &t->err);
        assert_true(t->fault_hit ? rc != SLP_OK : rc == SLP_OK);
        assert_int_equal(plan.count, rc == SLP_OK ? 2 : 0);
        arena_fini(&a);
    }
    state_free(s);
}

/* ------------------------------------------------------------------ submitted and run */

static void what_is_submitted_waits_and_is_ingested_once_it_is_due(void **state)
{
    struct t *t = *state;
    static struct scene p;
    scene_open(t, &p);
    write_files(&p, 3);
    struct jobs_submit_result result = submit(t, &p, 0, 2);
    assert_int_equal(result.files, 2);
    assert_int_equal(result.known, 0);
    assert_int_equal(result.bytes, 18);
    assert_int_equal(result.sequence, state_number(view_of(&p)));
    result = submit(t, &p, 1, 2);
    assert_int_equal(result.known, 1);
    assert_int_equal(state_submitted_count(view_of(&p)), 3);
    assert_int_equal(run(t, &p, false).batches, 0); /* too small, too young */
    struct jobs_batch_result done = run(t, &p, true);
    assert_int_equal(done.batches, 1);
    assert_int_equal(done.files, 3);
    assert_int_equal(done.rows, 3);
    assert_int_equal(rows_of(&p), 3);
    assert_int_equal(state_submitted_count(view_of(&p)), 0);
    assert_int_equal(state_job_count(view_of(&p)), 0);
    assert_int_equal(run(t, &p, true).batches, 0);
    scene_close(&p);
}

static void a_submit_with_a_token_counts_once(void **state)
{
    struct t *t = *state;
    static struct scene p;
    scene_open(t, &p);
    write_files(&p, 1);
    const char *input = p.paths[0];
    struct jobs_submit_result result = {0};
    struct jobs_submit_options o = {
        .inputs = &input, .input_count = 1, .token = slice_str("monday")};
    assert_ok(t, jobs_submit(p.tt.table, &o, &t->mem, &result, &t->err));
    assert_int_equal(run(t, &p, true).rows, 1);
    uint64_t first = result.sequence;
    assert_ok(t, jobs_submit(p.tt.table, &o, &t->mem, &result, &t->err));
    assert_true(result.is_duplicate);
    assert_int_equal(result.sequence, first);
    assert_int_equal(state_submitted_count(view_of(&p)), 0);
    scene_close(&p);
}

static void what_cannot_wait_is_refused_by_name(void **state)
{
    struct t *t = *state;
    static struct scene p;
    scene_open(t, &p);
    const char *inputs[] = {"-", p.paths[0], "/dev/null"};
    static const slp_rc expected[] = {SLP_INVALID, SLP_NOT_FOUND, SLP_INVALID};
    for (size_t i = 0; i < 3; i++) {
        struct jobs_submit_result result = {0};
        struct jobs_submit_options o = {.inputs = inputs + i, .input_count = 1};
        assert_rc(t, jobs_submit(p.tt.table, &o, &t->mem, &result, &t->err), expected[i]);
    }
    write_files(&p, 1);
    struct jobs_submit_result result = {0};
    struct jobs_submit_options o = {.inputs = inputs + 1, .input_count = 1, .dry_run = true};
    assert_ok(t, jobs_submit(p.tt.table, &o, &t->mem, &result, &t->err));
    assert_int_equal(result.files, 1);
    assert_int_equal(state_submitted_count(view_of(&p)), 0);
    scene_close(&p);
}

static void a_file_at_fault_does_not_keep_the_others(void **state)
{
    struct t *t = *state;
    static struct scene p;
    scene_open(t, &p);
    write_files(&p, 4);
    (void)submit(t, &p, 0, 4);
    os_file_drop(p.paths[1]);
    write_text(p.paths[2], "k,v\nx,no number\n");
    struct jobs_batch_result done = run(t, &p, true);
    assert_int_equal(done.failures, 2);
    assert_int_equal(done.first_rc, SLP_NOT_FOUND);
    assert_int_equal(done.batches, 1);
    assert_int_equal(done.rows, 2);
    assert_int_equal(state_submitted_count(view_of(&p)), 2);
    for (size_t i = 0; i < 2; i++) {
        const struct state_submitted *f = state_submitted_at(view_of(&p), i);
        assert_int_equal(f->failures, 1);
        assert_true(slice_is(f->path, p.paths[1 + i]));
        assert_true(f->why.len > 0);
    }
    assert_int_equal(run(t, &p, false).failures, 0); /* its time has not come */
    assert_int_equal(run(t, &p, true).failures, 2);
    assert_int_equal(run(t, &p, true).failures, 2);
    assert_int_equal(run(t, &p, true).failures, 0); /* given up */
    write_files(&p, 3);
    (void)submit(t, &p, 1, 1); /* once more, from the beginning */
    assert_int_equal(run(t, &p, true).rows, 1);
    size_t gone = 0;
    assert_ok(t, jobs_withdraw(p.tt.table, NULL, 0, &t->mem, &gone, &t->err));
    assert_int_equal(gone, 1);
    assert_int_equal(state_submitted_count(view_of(&p)), 0);
    assert_int_equal(rows_of(&p), 3);
    scene_close(&p);
}

static void what_waits_can_be_taken_back(void **state)
{
    struct t *t = *state;
    static struct scene p;
    scene_open(t, &p);
    write_files(&p, 2);
    (void)submit(t, &p, 0, 2);
    const char *path = p.paths[0];
    size_t gone = 0;
    assert_ok(t, jobs_withdraw(p.tt.table, &path, 1, &t->mem, &gone, &t->err));
    assert_int_equal(gone, 1);
    assert_rc(t, jobs_withdraw(p.tt.table, &path, 1, &t->mem, &gone, &t->err), SLP_NOT_FOUND);
    assert_ok(t, jobs_withdraw(p.tt.table, NULL, 0, &t->mem, &gone, &t->err));
    assert_int_equal(gone, 0);
    assert_int_equal(run(t, &p, true).rows, 1);
    scene_close(&p);
}

static void files_without_rows_are_ingested_too(void **state)
{
    struct t *t = *state;
    static struct scene p;
    scene_open(t, &p);
    write_text(p.paths[0], "k,v\n");
    (void)submit(t, &p, 0, 1);
    struct jobs_batch_result done = run(t, &p, true);
    assert_int_equal(done.batches, 1);
    assert_int_equal(done.rows, 0);
    assert_int_equal(state_submitted_count(view_of(&p)), 0);
    assert_int_equal(state_job_count(view_of(&p)), 0);
    scene_close(&p);
}

/* ------------------------------------------------------------------ taken over */

/* A batch over all that waits, by somebody who then is gone. */
static struct state_id take(struct t *t, struct scene *p, int64_t deadline_us)
{
    struct state_result result = {0};
    struct state_id ids[8];
    struct state_assign_item item = {
        .inputs = ids, .kind = STATE_JOB_BATCH, .deadline_us = deadline_us};
    for (size_t i = 0; i < state_submitted_count(view_of(p)); i++)
        ids[item.input_count++] = state_submitted_at(view_of(p), i)->id;
    struct state_txn txn = {.kind = STATE_ASSIGN, .assign = {.items = &item, .count = 1}};
    assert_ok(t, state_table_commit(p->tt.table, &txn, NULL, &result, &t->err));
    assert_ok(t, state_result_check(&result, &t->err));
    return state_result_id(&result, 0);
}

static enum state_reason end_late(struct t *t, struct scene *p, struct state_id job,
                                  uint32_t attempt)
{
    struct state_result result = {0};
    struct state_txn txn = {.kind = STATE_ADD,
                            .add = {.job = job, .attempt = attempt, .ends_job = true}};
    assert_ok(t, state_table_commit(p->tt.table, &txn, NULL, &result, &t->err));
    return result.outcome.reason;
}

static void a_batch_whose_worker_died_is_taken_over_and_ingested_once_T1(void **state)
{
    struct t *t = *state;
    static struct scene p;
    scene_open(t, &p);
    write_files(&p, 2);
    (void)submit(t, &p, 0, 2);
    struct state_id job = take(t, &p, store_now_us(p.tt.store) + DAY_US);
    assert_int_equal(run(t, &p, true).batches, 0); /* it may be at work */
    struct state_fail_item item = {.job = job, .attempt = 1};
    struct state_result result = {0};
    struct state_txn txn = {.kind = STATE_FAIL, .fail = {.items = &item, .count = 1}};
    assert_ok(t, state_table_commit(p.tt.table, &txn, NULL, &result, &t->err));
    job = take(t, &p, 0);
    assert_int_equal(run(t, &p, false).rows, 2); /* overdue: due or not, it was begun */
    assert_int_equal(end_late(t, &p, job, 1), STATE_REASON_NO_JOB);
    assert_int_equal(end_late(t, &p, job, 2), STATE_REASON_NO_JOB);
    assert_int_equal(rows_of(&p), 2);
    scene_close(&p);
}

static void a_batch_that_nobody_ends_has_one_failure_more(void **state)
{
    struct t *t = *state;
    static struct scene p;
    scene_open(t, &p);
    write_files(&p, 2);
    (void)submit(t, &p, 0, 2);
    struct state_id job = take(t, &p, 0);
    for (uint32_t attempt = 1; attempt < JOBS_BATCH_ATTEMPTS_MAX; attempt++) {
        struct state_reassign_item item = {.job = job, .attempt = attempt};
        struct state_result result = {0};
        struct state_txn txn = {.kind = STATE_REASSIGN, .reassign = {.items = &item, .count = 1}};
        assert_ok(t, state_table_commit(p.tt.table, &txn, NULL, &result, &t->err));
        assert_ok(t, state_result_check(&result, &t->err));
    }
    struct jobs_batch_result done = run(t, &p, false);
    assert_int_equal(done.failures, 1);
    assert_int_equal(done.batches, 0);
    assert_int_equal(state_submitted_at(view_of(&p), 0)->failures, 1);
    assert_int_equal(run(t, &p, true).batches, 2); /* each alone */
    scene_close(&p);
}

static void a_job_is_extended_while_it_is_kept(void **state)
{
    struct t *t = *state;
    static struct scene p;
    struct jobs_keeper *k = NULL;
    scene_open(t, &p);
    write_files(&p, 1);
    (void)submit(t, &p, 0, 1);
    struct state_id job = take(t, &p, 0);
    assert_ok(t, jobs_keeper_begin(p.tt.table, job, 1, 20000, &t->mem, &k, &t->err));
    for (int i = 0; i < 2000 && state_job_find(view_of(&p), job)->extension == 0; i++) {
        os_clock_sleep_us(os_clock_system(), 5000);
        assert_ok(t, state_table_refresh(p.tt.table, &t->err));
    }
    jobs_keeper_end(k);
    assert_true(state_job_find(view_of(&p), job)->extension > 0);
    assert_true(state_job_find(view_of(&p), job)->deadline_us > 0);
    scene_close(&p);
}

static void who_is_cancelled_leaves_the_files_free(void **state)
{
    struct t *t = *state;
    static struct scene p;
    volatile int cancel = 1;
    struct jobs_batch_result result = {0};
    struct jobs_batch_options o = {
        .all = true, .memory = 64 << 20, .threads = 1, .cancel = &cancel};
    scene_open(t, &p);
    write_files(&p, 1);
    (void)submit(t, &p, 0, 1);
    assert_rc(t, jobs_batch_run(p.tt.table, &o, &t->mem, &result, &t->err), SLP_CANCELLED);
    assert_int_equal(state_job_count(view_of(&p)), 0);
    assert_int_equal(run(t, &p, true).rows, 1);
    scene_close(&p);
}

/* Whatever fails in between: nothing is lost, nothing is there twice. */
static void running_survives_every_fault(void **state)
{
    struct t *t = *state;
    static struct scene p;
    T_FAULT_LOOP(t) {
        struct jobs_batch_result result = {0};
        struct jobs_batch_options o = {.all = true, .memory = 64 << 20, .threads = 1};
        t->fault_armed = false;
        scene_open(t, &p);
        write_files(&p, 2);
        (void)submit(t, &p, 0, 2);
        t->fault_armed = true;
        (void)!jobs_batch_run(p.tt.table, &o, &t->mem, &result, &t->err);
        t->fault_armed = false;
        assert_ok(t, state_table_refresh(p.tt.table, &t->err));
        for (int i = 0; i < 3; i++)
            (void)run(t, &p, true);
        assert_int_equal(rows_of(&p) + (int64_t)state_submitted_count(view_of(&p)), 2);
        scene_close(&p);
        t->fault_armed = true;
    }
}

/* ------------------------------------------------------------------ workers */

static void a_worker_ingests_what_is_due_and_says_when_to_look_again(void **state)
{
    struct t *t = *state;
    static struct scene p;
    struct jobs_result result = {0};
    struct jobs_options o = {.once = true, .memory = 64 << 20, .threads = 1};
    scene_open(t, &p);
    write_files(&p, 2);
    (void)submit(t, &p, 0, 2);
    assert_ok(t, jobs_work(p.tt.instance, &o, &t->mem, &result, &t->err));
    assert_int_equal(result.batches, 0);
    assert_int_equal(jobs_batch_next_us(p.tt.table),
                     state_submitted_at(view_of(&p), 0)->time_us + 300 * (int64_t)1000000);
    struct state_property item = {.name = slice_str("ingest.batcher.job.min.size"),
                                  .value = slice_str("1")};
    struct state_result set = {0};
    struct state_txn txn = {.kind = STATE_PROPERTIES, .properties = {.items = &item, .count = 1}};
    assert_ok(t, state_table_commit(p.tt.table, &txn, NULL, &set, &t->err));
    assert_ok(t, jobs_work(p.tt.instance, &o, &t->mem, &result, &t->err));
    assert_int_equal(result.batches, 1);
    assert_ok(t, state_table_refresh(p.tt.table, &t->err));
    assert_int_equal(rows_of(&p), 2);
    assert_true(jobs_batch_next_us(p.tt.table) == INT64_MAX);
    scene_close(&p);
}

T_MAIN(T_TEST(what_is_due_is_cut_in_order_of_age), T_TEST(planning_survives_every_fault),
       T_TEST(what_is_submitted_waits_and_is_ingested_once_it_is_due),
       T_TEST(a_submit_with_a_token_counts_once), T_TEST(what_cannot_wait_is_refused_by_name),
       T_TEST(a_file_at_fault_does_not_keep_the_others), T_TEST(what_waits_can_be_taken_back),
       T_TEST(files_without_rows_are_ingested_too),
       T_TEST(a_batch_whose_worker_died_is_taken_over_and_ingested_once_T1),
       T_TEST(a_batch_that_nobody_ends_has_one_failure_more),
       T_TEST(a_job_is_extended_while_it_is_kept), T_TEST(who_is_cancelled_leaves_the_files_free),
       T_TEST(running_survives_every_fault),
       T_TEST(a_worker_ingests_what_is_due_and_says_when_to_look_again))
