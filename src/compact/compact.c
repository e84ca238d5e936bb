#include "compact/compact.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/num.h"
#include "compact/choose.h"
#include "compact/passes.h"

#define WORK_MAX_BYTES ((size_t)1 << 30)

/* A job is given a second for this many bytes, a small part of what a slow machine merges, and a
 * minute more. Who is later still may finish unless somebody has ended the job; so a killed one
 * holds its inputs for minutes and not for ever. */
#define JOB_BYTES_PER_S ((uint64_t)1 << 20)
#define JOB_LEAST_S     60u

/* Commits that came to nothing because others were faster; far beyond what fair luck gives. */
#define CONFLICTS_MAX 1000

struct compaction {
    struct state_table *table;
    const struct compact_options *options;
    struct alloc *mem;
    struct compact_result result;
    int conflicts;
};

static const struct table_state *view_of(const struct compaction *c)
{
    return state_table_view(c->table);
}

static struct store *store_of(const struct compaction *c)
{
    return state_instance_store(state_table_instance(c->table));
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

static slp_rc commit(struct compaction *c, struct state_txn *txn, struct state_result *result,
                     struct slp_err *err)
{
    TRY(state_table_commit(c->table, txn, NULL, result, err));
    return state_result_check(result, err);
}

static slp_rc fail_job(struct compaction *c, struct state_id id, uint32_t attempt,
                       struct key_range range, const char *why, struct slp_err *err)
{
    struct state_fail_item item = {
        .job = id, .attempt = attempt, .range = range, .why = slice_str(why)};
    struct state_txn txn = {.kind = STATE_FAIL, .fail = {.items = &item, .count = 1}};
    struct state_result result = {0};
    return commit(c, &txn, &result, err);
}

static slp_rc fail_overdue(struct compaction *c, const struct state_job *job, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct arena arena;
    struct key_range range;
    arena_init(&arena, c->mem, WORK_MAX_BYTES);
    TRY_OUT(key_range_copy(&arena, job->range, &range, err));
    rc = fail_job(c, job->id, job->attempt, range, "its deadline passed", err);
out:
    arena_fini(&arena);
    return count_conflict(c, rc, err);
}

/* End jobs whose deadline has passed: their makers are gone, or will be told when they finish. */
static slp_rc end_overdue(struct compaction *c, struct slp_err *err)
{
    int64_t now_us = store_now_us(store_of(c));
    for (size_t i = 0; i < state_job_count(view_of(c));) {
        const struct state_job *job = state_job_at(view_of(c), i);
        if (job->deadline_us < now_us)
            TRY(fail_overdue(c, job, err)); /* the next one stands at `i` now */
        else
            i++;
    }
    return SLP_OK;
}

static slp_rc file_down(struct compaction *c, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct state_id *files = NULL;
    struct state_result result = {0};
    size_t count = state_unfiled_count(view_of(c));
    TRY(alloc_array(c->mem, count, sizeof *files, (void **)&files, err));
    for (size_t i = 0; i < count; i++)
        files[i] = state_unfiled_at(view_of(c), i)->file->id;
    struct state_txn txn = {.kind = STATE_FILE_DOWN, .file_down = {.files = files, .count = count}};
    rc = commit(c, &txn, &result, err);
    alloc_free(c->mem, files, count * sizeof *files);
    return count_conflict(c, rc, err);
}

/* ---- One job ---- */

static slp_rc copy_slice(struct arena *a, struct slice *s, struct slp_err *err)
{
    return arena_copy(a, *s, s, err);
}

static slp_rc copy_input(struct compaction *c, const struct state_reference *ref,
                         struct arena *arena, struct compact_input *out, struct slp_err *err)
{
    struct state_name object;
    TRY(state_table_object(c->table, ref->file->name, &object, err));
    out->info = ref->file->info;
    out->expected_rows = state_reference_rows(ref, ref->range);
    out->form = process_form(ref->file->stack);
    out->mark = ref->file->purged_through;
    TRY(arena_copy(arena, state_name_slice(&object), &out->object, err));
    TRY(copy_slice(arena, &out->info.first_key, err));
    TRY(copy_slice(arena, &out->info.last_key, err));
    return key_range_copy(arena, ref->range, &out->range, err);
}

/* Assign the job in the log and copy what it is to do. */
static slp_rc assign(struct compaction *c, const struct compact_choice *choice, struct arena *arena,
                     struct compact_job *out, struct slp_err *err)
{
    int64_t seconds = (int64_t)(choice->input_bytes / JOB_BYTES_PER_S) + JOB_LEAST_S;
    seconds = c->options->job_s ? c->options->job_s : seconds;
    struct state_assign_item item = {.leaf = choice->leaf,
                                     .inputs = choice->inputs,
                                     .input_count = choice->input_count,
                                     .deadline_us = store_now_us(store_of(c)) + seconds * 1000000};
    struct state_txn txn = {.kind = STATE_ASSIGN, .assign = {.items = &item, .count = 1}};
    struct state_result result = {0};
    const struct state_reference **refs = NULL;
    TRY(commit(c, &txn, &result, err));
    *out = (struct compact_job){.id = state_result_id(&result, 0), .range = choice->leaf};
    const struct state_job *job = state_job_find(view_of(c), out->id);
    if (!job)
        FAIL(err, CONFLICT, "somebody ended the job at once");
    out->attempt = job->attempt;
    out->assigned = job->assigned;
    out->drops_deletes = job->drops_deletes;
    out->kind = job->kind;
    TRY(state_job_references(view_of(c), job, arena, &refs, &out->input_count, err));
    TRY(arena_array(arena, out->input_count, sizeof *out->inputs, (void **)&out->inputs, err));
    for (size_t i = 0; i < out->input_count; i++)
        TRY(copy_input(c, refs[i], arena, &out->inputs[i], err));
    return SLP_OK;
}

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

static slp_rc finish(struct compaction *c, const struct compact_job *job, struct output *out,
                     struct slp_err *err)
{
    struct state_new_file *files = NULL;
    size_t count = 0;
    struct state_result result = {0};
    TRY(output_finish(out, &files, &count, err));
    for (size_t i = 0; i < count; i++)
        files[i].purged_through = job->assigned;
    struct state_replace_item item = {.job = job->id,
                                      .attempt = job->attempt,
                                      .range = job->range,
                                      .outputs = files,
                                      .output_count = count};
    struct state_txn txn = {.kind = STATE_REPLACE, .replace = {.items = &item, .count = 1}};
    return commit(c, &txn, &result, err);
}

static slp_rc merge_and_finish(struct compaction *c, const struct compact_job *job, int64_t *rows,
                               struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct output *out = NULL;
    struct buf lineage;
    char id[STATE_ID_TEXT_BYTES];
    char suffix[STATE_ID_TEXT_BYTES + 16];
    buf_init(&lineage, c->mem, WORK_MAX_BYTES);
    state_id_format(job->id, id);
    int n = snprintf(suffix, sizeof suffix, "%s-%u", id, job->attempt);
    TRY_OUT(write_lineage(c, job, &lineage, err));
    struct output_options o = {.suffix = slice_of(suffix, (size_t)n),
                               .lineage = buf_slice(&lineage)};
    TRY_OUT(output_new(c->table, &o, c->mem, &out, err));
    TRY_OUT(compact_merge(c->table, job, c->options, out, c->mem, err));
    *rows = output_rows(out);
    TRY_OUT(finish(c, job, out, err));
out:
    /* Where the outcome is not known the files may be named by the log: they stay. */
    if (rc != SLP_OK && rc != SLP_UNKNOWN && out)
        output_discard(out);
    output_free(out);
    buf_fini(&lineage);
    return rc;
}

static void tell(struct compaction *c, const struct compact_job *job, int64_t rows)
{
    char line[256];
    char id[STATE_ID_TEXT_BYTES];
    state_id_format(job->id, id);
    (void)snprintf(line, sizeof line, "job %s: %zu files merged, %" PRId64 " rows", id,
                   job->input_count, rows);
    if (c->options->on_job)
        c->options->on_job(c->options->context, line);
}

/* Run an assigned job; when it fails here, end it in the log so that nothing stays held. */
static slp_rc run_job(struct compaction *c, const struct compact_job *job, struct slp_err *err)
{
    int64_t rows = 0;
    slp_rc rc = merge_and_finish(c, job, &rows, err);
    if (rc == SLP_OK) {
        c->result.jobs++;
        c->result.rows += rows;
        tell(c, job, rows);
        return SLP_OK;
    }
    if (rc != SLP_CONFLICT && rc != SLP_UNKNOWN)
        (void)!fail_job(c, job->id, job->attempt, job->range, err ? err->text : "failed", NULL);
    return count_conflict(c, rc, err);
}

static slp_rc run_choice(struct compaction *c, const struct compact_choice *choice,
                         struct slp_err *err)
{
    struct arena arena;
    struct compact_job job = {0};
    arena_init(&arena, c->mem, WORK_MAX_BYTES);
    slp_rc rc = assign(c, choice, &arena, &job, err);
    if (rc == SLP_OK)
        rc = run_job(c, &job, err);
    else if (job.attempt) /* it stands in the log, and what it is to do could not be copied */
        (void)!fail_job(c, job.id, job.attempt, job.range, "it could not be begun", NULL);
    else
        rc = count_conflict(c, rc, err);
    arena_fini(&arena);
    return rc;
}

/* ---- All that is due ---- */

static size_t least_runs(const struct compaction *c)
{
    return c->options->all ? 2 : COMPACT_DUE_RUNS;
}

static void tell_due(struct compaction *c, const struct compact_choice *choice)
{
    char line[128];
    c->result.jobs++;
    (void)snprintf(line, sizeof line, "due: a partition with %zu files to merge",
                   choice->input_count);
    if (c->options->on_job)
        c->options->on_job(c->options->context, line);
}

static void tell_filing(const struct compaction *c)
{
    char line[128];
    size_t count = state_unfiled_count(view_of(c));
    (void)snprintf(line, sizeof line,
                   "due: %zu wide file%s to be filed under partitions, and what is due then", count,
                   count == 1 ? "" : "s");
    if (c->options->on_job)
        c->options->on_job(c->options->context, line);
}

/* Tell every leaf that is due once, in key order. */
static slp_rc tell_all_due(struct compaction *c, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct arena arena;
    struct slice from = {0};
    arena_init(&arena, c->mem, WORK_MAX_BYTES);
    if (compact_wants_filing(view_of(c), least_runs(c)))
        tell_filing(c);
    for (;;) {
        struct compact_choice choice = {0};
        TRY_OUT(compact_choose(view_of(c), from, least_runs(c), &arena, &choice, err));
        if (choice.input_count == 0)
            break;
        tell_due(c, &choice);
        if (!choice.leaf.has_hi)
            break;
        from = choice.leaf.hi;
    }
out:
    arena_fini(&arena);
    return rc;
}

/* What others hold is not merged here: say so, or "--all" seems to have done nothing. */
static void tell_held(const struct compaction *c)
{
    int64_t now_us = store_now_us(store_of(c));
    for (size_t i = 0; i < state_job_count(view_of(c)) && c->options->on_job; i++) {
        char line[256];
        char id[STATE_ID_TEXT_BYTES];
        const struct state_job *job = state_job_at(view_of(c), i);
        state_id_format(job->id, id);
        int64_t left_s = num_max_i64(job->deadline_us - now_us, 0) / 1000000;
        (void)snprintf(line, sizeof line,
                       "job %s of another process holds %u files; if that process is gone, compact "
                       "again in %" PRId64 " s",
                       id, job->inputs, left_s + 1);
        c->options->on_job(c->options->context, line);
    }
}

static slp_rc run_one(struct compaction *c, bool *found, struct slp_err *err)
{
    struct arena arena;
    struct compact_choice choice = {0};
    arena_init(&arena, c->mem, WORK_MAX_BYTES);
    slp_rc rc = compact_choose(view_of(c), slice_of(NULL, 0), least_runs(c), &arena, &choice, err);
    *found = rc == SLP_OK && choice.input_count > 0;
    if (*found)
        rc = run_choice(c, &choice, err);
    arena_fini(&arena);
    return rc;
}

slp_rc compact_run(struct state_table *table, const struct compact_options *options,
                   struct alloc *mem, struct compact_result *out, struct slp_err *err)
{
    struct compaction c = {.table = table, .options = options, .mem = mem};
    struct slp_err local = {.code = SLP_OK};
    bool found = true;
    err = err ? err : &local;
    TRY(state_table_refresh(table, err));
    if (options->dry_run) {
        TRY(tell_all_due(&c, err));
    } else {
        TRY(end_overdue(&c, err));
        while (compact_wants_filing(view_of(&c), least_runs(&c)))
            TRY(file_down(&c, err));
        while (found)
            TRY(run_one(&c, &found, err));
        tell_held(&c);
    }
    *out = c.result;
    return SLP_OK;
}
