#include "compact/compact.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/num.h"
#include "compact/jobs.h"
#include "compact/passes.h"
#include "state/global.h"

#define WORK_MAX_BYTES ((size_t)1 << 30)
#define PLAN_MAX_BYTES ((size_t)4 << 30)

/* Commits that came to nothing because others were faster; far beyond what fair luck gives. */
#define CONFLICTS_MAX 1000

/* What was merged is told at once when it waited so long, or there is so much of it. */
#define FINISH_WAIT_US ((int64_t)1000 * 1000)
#define FINISH_BYTES   ((uint64_t)256 << 20)

struct compaction {
    struct state_table *table;
    const struct compact_options *options;
    struct compact_rules rules;
    struct alloc *mem;
    struct compact_result result;
    struct compact_jobs *jobs;
    struct compact_held *current; /* being merged */
    struct compact_progress progress;
    int64_t merged_us;     /* when the oldest result that was not told was merged */
    uint64_t merged_bytes; /* of those */
    int conflicts;
};

static const struct table_state *view_of(const struct compaction *c)
{
    return state_table_view(c->table);
}

static int64_t now_us(const struct compaction *c)
{
    return store_now_us(state_instance_store(state_table_instance(c->table)));
}

static bool is_cancelled(const struct compaction *c)
{
    return c->options->cancel && *c->options->cancel;
}

/* Somebody else changed what a transaction relied on: look again, but not for ever. */
static slp_rc count_conflict(struct compaction *c, slp_rc rc, struct slp_err *err)
{
    if (rc != SLP_CONFLICT)
        return rc;
    if (++c->conflicts > CONFLICTS_MAX)
        return err_append(err, rc, "; gave up after %d lost races", CONFLICTS_MAX);
    err_clear(err);
    return SLP_OK;
}

struct compact_rules compact_rules_for(const struct state_table *table,
                                       const struct compact_options *options)
{
    struct schema_properties p = state_table_properties(table);
    struct compact_rules rules = compact_rules_of(&p);
    if (options->has_strategy)
        rules.strategy = options->strategy;
    if (options->all)
        rules.strategy = COMPACT_FORCED;
    return rules;
}

static void tell_progress(struct compaction *c, int64_t rows_of_current)
{
    char id[STATE_ID_TEXT_BYTES];
    if (!c->options->on_progress)
        return;
    struct compact_progress p = c->progress;
    p.jobs = c->result.jobs;
    p.rows = c->result.rows + rows_of_current;
    if (c->current) {
        state_id_format(c->current->id, id);
        p.job = id;
    }
    c->options->on_progress(c->options->context, &p);
}

static slp_rc file_down(struct compaction *c, const struct compact_choice *choice,
                        struct slp_err *err)
{
    struct state_result result = {0};
    struct state_txn txn = {.kind = STATE_FILE_DOWN,
                            .file_down = {.files = choice->inputs, .count = choice->input_count}};
    TRY(state_table_commit(c->table, &txn, NULL, &result, err));
    slp_rc rc = state_result_check(&result, err);
    if (rc == SLP_OK)
        c->result.filed += choice->input_count;
    return count_conflict(c, rc, err);
}

/* ---- One job ---- */

static slp_rc write_lineage(struct compaction *c, const struct compact_job *job, struct buf *out,
                            struct slp_err *err)
{
    char table[33];
    char id[STATE_ID_TEXT_BYTES];
    hash_format(state_table_id(c->table), table);
    state_id_format(job->id, id);
    TRY(buf_printf(out, err,
                   "{\"table\":\"%s\",\"base\":%" PRIu64
                   ",\"job\":\"%s\",\"attempt\":%u,\"parents\":[",
                   table, state_number(view_of(c)), id, job->attempt));
    for (size_t i = 0; i < job->input_count; i++)
        TRY(buf_printf(out, err, "%s\"%.*s\"", i ? "," : "", SLICE_ARG(job->inputs[i].object)));
    return buf_printf(out, err, "]}");
}

/* Between row groups: keep what is held alive. A store that does not answer is asked again at the
 * next group; what was taken over meanwhile is not worth finishing. */
static slp_rc between_groups(void *context, int64_t rows, struct slp_err *err)
{
    struct compaction *c = context;
    (void)!compact_jobs_keep(c->jobs, NULL);
    if (c->current->hold == COMPACT_JOB_GONE)
        FAIL(err, CONFLICT, "somebody else has taken the job over");
    tell_progress(c, rows);
    return SLP_OK;
}

static slp_rc take_files(struct compaction *c, const struct compact_job *job, struct slp_err *err)
{
    struct compact_held *held = c->current;
    TRY(output_finish(held->out, &held->files, &held->file_count, err));
    for (size_t i = 0; i < held->file_count; i++) {
        held->files[i].purged_through = job->assigned;
        held->files[i].is_unfiled = held->kind == STATE_JOB_FOLD;
    }
    held->rows = output_rows(held->out);
    held->bytes = output_bytes(held->out);
    return SLP_OK;
}

static slp_rc merge_job(struct compaction *c, const struct compact_job *job, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct buf lineage;
    struct output *out = NULL;
    char id[STATE_ID_TEXT_BYTES];
    char suffix[STATE_ID_TEXT_BYTES + 16];
    buf_init(&lineage, c->mem, WORK_MAX_BYTES);
    state_id_format(job->id, id);
    int n = snprintf(suffix, sizeof suffix, "%s-%u", id, job->attempt);
    TRY_OUT(write_lineage(c, job, &lineage, err));
    struct output_options o = {.suffix = slice_of(suffix, (size_t)n),
                               .lineage = buf_slice(&lineage),
                               .on_group = job->on_group,
                               .on_group_context = job->on_group_context};
    TRY_OUT(output_new(c->table, &o, c->mem, &out, err));
    TRY_OUT(compact_merge(c->table, job, c->options, out, c->mem, err));
    c->current->out = out;
    rc = take_files(c, job, err);
    if (rc == SLP_OK)
        out = NULL;
    else
        c->current->out = NULL;
out:
    if (out)
        output_discard(out);
    output_free(out);
    buf_fini(&lineage);
    return rc;
}

static slp_rc run_held(struct compaction *c, struct compact_held *held, struct slp_err *err)
{
    struct arena arena;
    struct compact_job job = {0};
    arena_init(&arena, c->mem, WORK_MAX_BYTES);
    c->current = held;
    slp_rc rc = compact_jobs_describe(c->jobs, held, &arena, &job, err);
    job.on_group = between_groups;
    job.on_group_context = c;
    if (rc == SLP_OK)
        rc = merge_job(c, &job, err);
    arena_fini(&arena);
    c->current = NULL;
    if (rc == SLP_OK) {
        c->merged_us = c->merged_bytes ? c->merged_us : now_us(c);
        c->merged_bytes += num_max_size(1, (size_t)held->bytes);
        held->hold = COMPACT_JOB_MERGED;
        return SLP_OK;
    }
    if (rc == SLP_CONFLICT)
        compact_jobs_fail(c->jobs, held, "it was lost to somebody else");
    return count_conflict(c, rc, err);
}

static slp_rc finish(struct compaction *c, struct slp_err *err)
{
    c->merged_bytes = 0;
    TRY(compact_jobs_finish(c->jobs, &c->result.jobs, &c->result.rows, err));
    tell_progress(c, 0);
    return SLP_OK;
}

/* Run all that is held. What was merged before something failed counts; the rest is ended. */
static slp_rc run_all_held(struct compaction *c, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    for (size_t i = 0; i < c->jobs->count && rc == SLP_OK; i++) {
        struct compact_held *held = &c->jobs->held[i];
        (void)!compact_jobs_keep(c->jobs, NULL);
        if (held->hold != COMPACT_JOB_HELD)
            continue;
        rc = is_cancelled(c) ? err_set(err, SLP_CANCELLED, "cancelled") : run_held(c, held, err);
        if (rc == SLP_OK && c->merged_bytes > 0 &&
            (c->merged_bytes >= FINISH_BYTES || now_us(c) - c->merged_us >= FINISH_WAIT_US))
            rc = finish(c, err);
    }
    if (rc == SLP_OK)
        rc = finish(c, err);
    else if (rc != SLP_UNKNOWN)
        (void)!compact_jobs_finish(c->jobs, &c->result.jobs, &c->result.rows, NULL);
    compact_jobs_fail(c->jobs, NULL, rc == SLP_OK ? "its end was refused" : err->text);
    return rc;
}

/* ---- All that is due ---- */

static void expect(struct compaction *c, const struct compact_due *plan)
{
    c->progress.jobs_due = c->result.jobs;
    c->progress.rows_due = c->result.rows;
    for (size_t i = 0; i < plan->count; i++) {
        bool is_job = plan->choices[i].kind != COMPACT_DUE_FILE;
        c->progress.jobs_due += is_job;
        if (is_job &&
            !num_add_i64(c->progress.rows_due, plan->choices[i].rows, &c->progress.rows_due))
            c->progress.rows_due = INT64_MAX;
    }
}

/* Take helpings of the plan and run them, until others are faster or it is done. */
static slp_rc run_plan(struct compaction *c, const struct compact_due *plan, struct slp_err *err)
{
    size_t done = 0;
    while (done < plan->count) {
        size_t taken = 0;
        TRY(compact_jobs_assign(c->jobs, plan->choices + done, plan->count - done, &taken, err));
        size_t held = c->jobs->count;
        TRY(run_all_held(c, err));
        done += taken;
        if (held < taken) {
            err_set(err, SLP_CONFLICT, "others took what was due");
            return count_conflict(c, SLP_CONFLICT, err); /* look at what they left */
        }
    }
    return SLP_OK;
}

static slp_rc make_plan(struct compaction *c, const struct compact_due *plan, struct slp_err *err)
{
    size_t made = 0;
    TRY(compact_jobs_make(c->jobs, plan->choices, plan->count, &made, err));
    c->result.jobs += made;
    return SLP_OK;
}

/* One round: what others left, else what is due. */
static slp_rc run_round(struct compaction *c, bool *found, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct arena arena;
    struct compact_due plan = {0};
    arena_init(&arena, c->mem, PLAN_MAX_BYTES);
    *found = true;
    if (!c->options->makes_only) {
        TRY_OUT(compact_jobs_take_over(c->jobs, err));
        if (c->jobs->count > 0) {
            rc = run_all_held(c, err);
            goto out;
        }
    }
    TRY_OUT(compact_find_due(view_of(c), &c->rules, false, &arena, &plan, err));
    *found = plan.count > 0;
    if (!*found)
        goto out;
    expect(c, &plan);
    if (plan.choices[0].kind == COMPACT_DUE_FILE)
        rc = file_down(c, &plan.choices[0], err); /* and then look again */
    else
        rc = c->options->makes_only ? make_plan(c, &plan, err) : run_plan(c, &plan, err);
out:
    arena_fini(&arena);
    return rc;
}

/* What others hold is not merged here: say so, or "--all" seems to have done nothing. */
static void tell_others(const struct compaction *c)
{
    int64_t now = now_us(c);
    for (size_t i = 0; i < state_job_count(view_of(c)) && c->options->on_job; i++) {
        char line[256];
        char id[STATE_ID_TEXT_BYTES];
        const struct state_job *job = state_job_at(view_of(c), i);
        state_id_format(job->id, id);
        int64_t left_s = num_max_i64(job->deadline_us - now, 0) / 1000000;
        if (state_job_is_import(job) || c->options->makes_only)
            continue;
        (void)snprintf(line, sizeof line,
                       "job %s of another process holds %u files; if that process is gone, compact "
                       "again in %" PRId64 " s",
                       id, job->inputs, left_s + 1);
        c->options->on_job(c->options->context, line);
    }
}

static slp_rc run_rounds(struct compaction *c, struct slp_err *err)
{
    bool found = true;
    while (found) {
        if (is_cancelled(c))
            FAIL(err, CANCELLED, "cancelled");
        if (state_is_paused(view_of(c)))
            FAIL(err, CONFLICT,
                 "the table is paused, so no jobs are made; 'sleeper table resume' ends that");
        TRY(run_round(c, &found, err));
    }
    tell_others(c);
    return SLP_OK;
}

slp_rc compact_run(struct state_table *table, const struct compact_options *options,
                   struct alloc *mem, struct compact_result *out, struct slp_err *err)
{
    struct compaction c = {.table = table, .options = options, .mem = mem};
    struct slp_err local = {.code = SLP_OK};
    err = err ? err : &local;
    TRY(state_table_refresh(table, err));
    TRY(alloc_new(mem, &c.jobs, err));
    c.rules = compact_rules_for(table, options);
    compact_jobs_init(c.jobs, table, options, mem);
    slp_rc rc = run_rounds(&c, err);
    compact_jobs_fini(c.jobs);
    alloc_delete(mem, c.jobs);
    *out = c.result; /* jobs that ended before an error stay ended */
    return rc;
}
