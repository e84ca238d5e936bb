/* Files are submitted and taken back; batches are taken, run and ended. */
#include "jobs/batch.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/num.h"
#include "base/text.h"
#include "ingest/ingest.h"
#include "jobs/keeper.h"
#include "os/expand.h"
#include "os/file.h"

#define ARENA_MAX_BYTES ((size_t)1 << 30)

/* A job has two minutes and a second for this many bytes, and an hour at most; it is extended while
 * it is at work. */
#define BATCH_BYTES_PER_S ((uint64_t)8 << 20)
#define BATCH_LEAST_S     120
#define BATCH_MOST_S      3600

static struct store *store_of(const struct state_table *table)
{
    return state_instance_store(state_table_instance(table));
}

/* ------------------------------------------------------------------ submitted */

struct submission {
    struct arena arena;
    const struct state_reading *reading;
    struct buf files; /* struct state_submit_file */
};

static slp_rc add_file(struct submission *s, const char *path, struct slp_err *err)
{
    char absolute[OS_PATH_MAX];
    struct os_stat stat;
    struct state_submit_file f = {.bytes = 0};
    TRY(os_path_absolute(absolute, path, err));
    TRY(os_file_stat(absolute, &stat, err));
    if (!stat.is_file)
        FAIL(err, INVALID, "\"%s\" is no regular file, so it cannot wait to be ingested", path);
    f.bytes = stat.size;
    f.reading = *s->reading;
    TRY(arena_copy(&s->arena, slice_str(absolute), &f.path, err));
    if (f.path.len > STATE_PATH_MAX)
        FAIL(err, INVALID, "\"%s\": a path of %zu bytes, at most %u", path, f.path.len,
             STATE_PATH_MAX);
    return buf_append(&s->files, &f, sizeof f, err);
}

static slp_rc add_input(struct submission *s, const char *input, struct slp_err *err)
{
    const char **paths = NULL;
    size_t count = 0;
    if (slice_is(slice_str(input), "-"))
        FAIL(err, INVALID, "standard input cannot wait to be ingested; name files");
    TRY(os_expand(input, &s->arena, &paths, &count, err));
    for (size_t i = 0; i < count; i++)
        TRY(add_file(s, paths[i], err));
    return SLP_OK;
}

static bool is_waiting(const struct table_state *s, struct slice path)
{
    for (size_t i = 0; i < state_submitted_count(s); i++) {
        const struct state_submitted *f = state_submitted_at(s, i);
        if (state_id_is_none(f->job) && slice_equal(f->path, path))
            return true;
    }
    return false;
}

static slp_rc commit_submit(struct state_table *table, const struct jobs_submit_options *o,
                            const struct state_submit *submit, struct jobs_submit_result *out,
                            struct slp_err *err)
{
    struct state_result result = {0};
    struct state_txn txn = {.kind = STATE_SUBMIT, .submit = *submit};
    struct state_commit_options commit = {.token = o->token, .cancel = o->cancel};
    TRY(state_table_commit(table, &txn, &commit, &result, err));
    if (result.outcome.reason == STATE_REASON_SUBMITTED)
        FAIL(err, LIMIT,
             "%zu files wait to be ingested, so %zu more are refused; at most %u, and %zu bytes of "
             "paths; a worker or 'sleeper ingest --run-batches' ingests them",
             state_submitted_count(state_table_view(table)), submit->count, STATE_SUBMITTED_MAX,
             STATE_SUBMITTED_MAX_BYTES);
    TRY(state_result_check(&result, err));
    out->sequence = result.outcome.at.frame;
    out->is_duplicate = result.outcome.is_duplicate;
    return SLP_OK;
}

slp_rc jobs_submit(struct state_table *table, const struct jobs_submit_options *o,
                   struct alloc *mem, struct jobs_submit_result *out, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct submission s;
    struct jobs_submit_result result = {0};
    arena_init(&s.arena, mem, ARENA_MAX_BYTES);
    s.reading = &o->reading;
    buf_init(&s.files, mem, ARENA_MAX_BYTES);
    for (size_t i = 0; i < o->input_count; i++)
        TRY_OUT(add_input(&s, o->inputs[i], err));
    struct state_submit submit = {.files = (const void *)s.files.ptr,
                                  .count = s.files.len / sizeof *submit.files};
    result.files = submit.count;
    result.sequence = state_number(state_table_view(table));
    for (size_t i = 0; i < submit.count; i++) {
        result.bytes += submit.files[i].bytes;
        result.known += is_waiting(state_table_view(table), submit.files[i].path);
    }
    if (!o->dry_run)
        TRY_OUT(commit_submit(table, o, &submit, &result, err));
    *out = result;
out:
    buf_fini(&s.files);
    arena_fini(&s.arena);
    return rc;
}

/* ------------------------------------------------------------------ taken back */

static slp_rc commit_withdraw(struct state_table *table, const struct state_id *ids, size_t count,
                              size_t *gone, struct slp_err *err)
{
    struct state_result result = {0};
    struct state_txn txn = {.kind = STATE_WITHDRAW, .withdraw = {.files = ids, .count = count}};
    *gone = 0;
    if (count == 0)
        return SLP_OK;
    TRY(state_table_commit(table, &txn, NULL, &result, err));
    for (size_t i = 0; i < result.outcome.item_count; i++)
        *gone += result.outcome.items[i] == STATE_REASON_APPLIED;
    return SLP_OK;
}

/* Free files that `wanted` says yes to. */
static slp_rc withdraw_if(struct state_table *table,
                          bool (*wanted)(const struct state_submitted *f, const void *context),
                          const void *context, struct alloc *mem, size_t *gone, struct slp_err *err)
{
    const struct table_state *s = state_table_view(table);
    size_t count = state_submitted_count(s);
    size_t n = 0;
    struct state_id *ids = NULL;
    *gone = 0;
    if (count == 0)
        return SLP_OK;
    TRY(alloc_array(mem, count, sizeof *ids, (void **)&ids, err));
    for (size_t i = 0; i < count; i++) {
        const struct state_submitted *f = state_submitted_at(s, i);
        if (state_id_is_none(f->job) && wanted(f, context))
            ids[n++] = f->id;
    }
    slp_rc rc = commit_withdraw(table, ids, n, gone, err);
    alloc_free(mem, ids, count * sizeof *ids);
    return rc;
}

static bool is_path(const struct state_submitted *f, const void *context)
{
    return slice_is(f->path, context);
}

static bool is_given_up(const struct state_submitted *f, const void *context)
{
    const int64_t *before_us = context;
    return f->failures >= JOBS_BATCH_FAILURES_MAX && f->failed_us <= *before_us;
}

slp_rc jobs_withdraw(struct state_table *table, const char *const *paths, size_t path_count,
                     struct alloc *mem, size_t *count, struct slp_err *err)
{
    int64_t ever_us = INT64_MAX;
    *count = 0;
    if (path_count == 0)
        return withdraw_if(table, is_given_up, &ever_us, mem, count, err);
    for (size_t i = 0; i < path_count; i++) {
        char absolute[OS_PATH_MAX];
        size_t gone = 0;
        TRY(os_path_absolute(absolute, paths[i], err));
        TRY(withdraw_if(table, is_path, absolute, mem, &gone, err));
        if (gone == 0)
            FAIL(err, NOT_FOUND, "\"%s\" does not wait; 'sleeper job list' has those that do",
                 absolute);
        *count += gone;
    }
    return SLP_OK;
}

/* What was given up is listed for a while. */
static slp_rc forget_old(struct state_table *table, struct alloc *mem, struct slp_err *err)
{
    struct schema_properties p = state_table_properties(table);
    int64_t minutes = schema_property_number(&p, SCHEMA_PROPERTY_BATCH_TRACKING);
    int64_t before_us = store_now_us(store_of(table)) - minutes * 60 * 1000000;
    size_t gone = 0;
    return withdraw_if(table, is_given_up, &before_us, mem, &gone, err);
}

/* ------------------------------------------------------------------ a batch at hand */

struct batcher {
    struct state_table *table;
    const struct jobs_batch_options *o;
    struct alloc *mem;
    int64_t begun_us;
    struct jobs_batch_result result;
};

struct held {
    struct state_id job;
    uint32_t attempt;
    struct state_id *files;
    const char **paths;
    size_t count;
    struct state_reading reading; /* of all of them */
};

static const struct table_state *view_of(const struct batcher *b)
{
    return state_table_view(b->table);
}

static void tell(const struct batcher *b, const char *line)
{
    if (b->o->on_line)
        b->o->on_line(b->o->context, line);
}

static int64_t job_time_us(const struct batcher *b, uint64_t bytes)
{
    int64_t seconds =
        num_min_i64(BATCH_MOST_S, BATCH_LEAST_S + (int64_t)(bytes / BATCH_BYTES_PER_S));
    return (b->o->job_s ? b->o->job_s : seconds) * 1000000;
}

/* What the job holds now. Errors: CONFLICT when it is not ours. */
static slp_rc copy_reading(struct arena *arena, const struct state_reading *from,
                           struct state_reading *to, struct slp_err *err)
{
    *to = *from;
    TRY(arena_copy(arena, from->format, &to->format, err));
    return arena_copy(arena, from->kinds, &to->kinds, err);
}

static slp_rc copy_held(const struct batcher *b, struct arena *arena, struct held *h,
                        uint64_t *bytes, struct slp_err *err)
{
    const struct table_state *s = view_of(b);
    const struct state_job *job = state_job_find(s, h->job);
    void *room = NULL;
    if (!job || job->attempt != h->attempt)
        FAIL(err, CONFLICT, "somebody else has taken the batch over, or ended it");
    TRY(arena_array(arena, job->inputs + (size_t)1, sizeof *h->files, &room, err));
    h->files = room;
    TRY(arena_array(arena, job->inputs + (size_t)1, sizeof *h->paths, &room, err));
    h->paths = room;
    *bytes = 0;
    for (size_t i = 0; i < state_submitted_count(s) && h->count < job->inputs; i++) {
        const struct state_submitted *f = state_submitted_at(s, i);
        if (!state_id_equal(f->job, h->job))
            continue;
        h->files[h->count] = f->id;
        if (h->count == 0)
            TRY(copy_reading(arena, &f->reading, &h->reading, err));
        TRY(arena_text(arena, f->path, &h->paths[h->count++], err));
        *bytes += num_min_u64(f->bytes, UINT64_MAX - *bytes);
    }
    return SLP_OK;
}

/* No more than apply keeps, cut between characters. */
static struct slice short_text(const char *text)
{
    struct slice s = slice_str(text);
    s = slice_first(s, num_min_size(s.len, STATE_FAILURE_MAX));
    while (s.len > 0 && !text_is_utf8(s))
        s.len--;
    return s;
}

/* End the job without rows; the files from `faulty` on have one failure more. What cannot be told is
 * overdue in minutes. */
static slp_rc give_back(const struct batcher *b, const struct held *h,
                        const struct state_id *faulty, size_t faulty_count, const char *why,
                        struct slp_err *err)
{
    struct state_result result = {0};
    struct state_fail_item item = {.job = h->job,
                                   .attempt = h->attempt,
                                   .why = short_text(why),
                                   .faulty = faulty,
                                   .faulty_count = faulty_count};
    struct state_txn txn = {.kind = STATE_FAIL, .fail = {.items = &item, .count = 1}};
    return state_table_commit(b->table, &txn, NULL, &result, err);
}

/* Errors that say nothing of what is in the files. */
static bool is_ours(slp_rc rc)
{
    return rc == SLP_UNAVAILABLE || rc == SLP_CANCELLED || rc == SLP_UNKNOWN || rc == SLP_CONFLICT;
}

/* The file at fault is told by its path; where that is not known it may be any. */
static slp_rc blame(struct batcher *b, const struct held *h, struct slice path, slp_rc rc,
                    const struct slp_err *cause, struct slp_err *err)
{
    char line[SLP_ERR_TEXT_BYTES + 96];
    char id[STATE_ID_TEXT_BYTES];
    const struct state_id *faulty = h->files;
    size_t count = h->count;
    for (size_t i = 0; i < h->count; i++) {
        if (!slice_is(path, h->paths[i]))
            continue;
        faulty = &h->files[i];
        count = 1;
    }
    state_id_format(h->job, id);
    const char *why = cause->text[0] ? cause->text : "out of memory";
    (void)snprintf(line, sizeof line, "failed: batch %s: %s", id, why);
    tell(b, line);
    if (b->result.failures++ == 0) {
        b->result.first_rc = rc;
        b->result.first_err = *cause;
    }
    return give_back(b, h, faulty, count, why, err);
}

static void tell_done(struct batcher *b, const struct held *h, const struct ingest_result *r)
{
    char line[200];
    char left_out[64] = "";
    char id[STATE_ID_TEXT_BYTES];
    state_id_format(h->job, id);
    if (r->rejected)
        (void)snprintf(left_out, sizeof left_out, ", %" PRId64 " bad row%s left out", r->rejected,
                       r->rejected == 1 ? "" : "s");
    (void)snprintf(line, sizeof line, "batch %s: %zu file%s ingested, %" PRId64 " row%s%s", id,
                   h->count, h->count == 1 ? "" : "s", r->rows, r->rows == 1 ? "" : "s", left_out);
    b->result.batches++;
    b->result.files += h->count;
    b->result.rows += r->rows;
    tell(b, line);
}

/* Is the job still this attempt's? Else whoever has it, or had, told the log of it. */
static bool is_taken(const struct batcher *b, const struct held *h)
{
    const struct state_job *job = state_job_find(view_of(b), h->job);
    return !job || job->attempt != h->attempt;
}

static slp_rc ingest(struct batcher *b, const struct held *h, int64_t time_us, struct buf *blamed,
                     struct ingest_result *out, struct slp_err *err)
{
    struct jobs_keeper *keeper = NULL;
    struct ingest_options o = {.inputs = h->paths,
                               .input_count = h->count,
                               .memory = b->o->memory,
                               .threads = b->o->threads,
                               .cancel = b->o->cancel,
                               .job = h->job,
                               .attempt = h->attempt,
                               .blamed = blamed,
                               .row_kinds = h->reading.kinds,
                               .on_error = h->reading.skips ? INGEST_SKIP : INGEST_FAIL,
                               .max_errors = (int64_t)num_min_u64(h->reading.most, INT64_MAX)};
    if (h->reading.format.len)
        TRY(rows_format_parse(h->reading.format, &o.format, err));
    TRY(jobs_keeper_begin(b->table, h->job, h->attempt, time_us, b->mem, &keeper, err));
    slp_rc rc = ingest_run(b->table, &o, b->mem, out, err);
    jobs_keeper_end(keeper);
    return rc;
}

/* What became of it that is no success. OK: go on with others. */
static slp_rc settle(struct batcher *b, const struct held *h, struct slice blamed, slp_rc rc,
                     struct slp_err *cause, struct slp_err *err)
{
    char line[96];
    char id[STATE_ID_TEXT_BYTES];
    if (rc == SLP_CONFLICT && is_taken(b, h)) {
        state_id_format(h->job, id);
        (void)snprintf(line, sizeof line, "batch %s: somebody else has taken it over", id);
        tell(b, line);
        return SLP_OK;
    }
    if (!is_ours(rc))
        return blame(b, h, blamed, rc, cause, err);
    if (rc != SLP_UNKNOWN)
        (void)!give_back(b, h, NULL, 0, cause->text, NULL);
    if (err)
        *err = *cause;
    return rc;
}

static slp_rc run_held(struct batcher *b, struct held *h, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    uint64_t bytes = 0;
    struct arena arena;
    struct buf blamed;
    struct slp_err cause = {.code = SLP_OK};
    struct ingest_result result = {0};
    arena_init(&arena, b->mem, ARENA_MAX_BYTES);
    buf_init(&blamed, b->mem, STATE_PATH_MAX + 1);
    rc = copy_held(b, &arena, h, &bytes, &cause);
    if (rc == SLP_OK)
        rc = ingest(b, h, job_time_us(b, bytes), &blamed, &result, &cause);
    if (rc == SLP_OK)
        tell_done(b, h, &result);
    else
        rc = settle(b, h, buf_slice(&blamed), rc, &cause, err);
    buf_fini(&blamed);
    arena_fini(&arena);
    return rc;
}

/* ------------------------------------------------------------------ taken */

/* One that others left; what nobody ends is perhaps what ends them. */
static slp_rc take_over(struct batcher *b, const struct state_job *job, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    uint64_t bytes = 0;
    struct arena arena;
    struct state_result result = {0};
    struct held h = {.job = job->id, .attempt = job->attempt};
    struct state_reassign_item item = {
        .job = job->id, .attempt = job->attempt, .extension = job->extension};
    struct state_txn txn = {.kind = STATE_REASSIGN, .reassign = {.items = &item, .count = 1}};
    arena_init(&arena, b->mem, ARENA_MAX_BYTES);
    TRY_OUT(copy_held(b, &arena, &h, &bytes, err));
    if (job->attempt >= JOBS_BATCH_ATTEMPTS_MAX) {
        struct slp_err cause = {.code = SLP_OK};
        (void)err_set(&cause, SLP_UNAVAILABLE, "begun %u times and never ended",
                      JOBS_BATCH_ATTEMPTS_MAX);
        rc = blame(b, &h, (struct slice){0}, SLP_UNAVAILABLE, &cause, err);
        goto out;
    }
    item.deadline_us = store_now_us(store_of(b->table)) + job_time_us(b, bytes);
    TRY_OUT(state_table_commit(b->table, &txn, NULL, &result, err));
    if (result.outcome.reason != STATE_REASON_APPLIED)
        goto out;
    struct held mine = {.job = h.job, .attempt = h.attempt + 1};
    rc = run_held(b, &mine, err);
out:
    arena_fini(&arena);
    return rc;
}

static const struct state_job *find_overdue(const struct batcher *b)
{
    int64_t now_us = store_now_us(store_of(b->table));
    for (size_t i = 0; i < state_job_count(view_of(b)); i++) {
        const struct state_job *job = state_job_at(view_of(b), i);
        if (job->kind == STATE_JOB_BATCH && job->deadline_us <= now_us)
            return job;
    }
    return NULL;
}

static slp_rc assign(struct batcher *b, const struct jobs_batch *batch, struct arena *arena,
                     struct held *out, struct slp_err *err)
{
    void *room = NULL;
    struct state_result result = {0};
    TRY(arena_array(arena, batch->count, sizeof(struct state_id), &room, err));
    struct state_id *ids = room;
    for (size_t i = 0; i < batch->count; i++)
        ids[i] = batch->files[i]->id;
    struct state_assign_item item = {.inputs = ids,
                                     .input_count = batch->count,
                                     .deadline_us = store_now_us(store_of(b->table)) +
                                                    job_time_us(b, batch->bytes),
                                     .kind = STATE_JOB_BATCH};
    struct state_txn txn = {.kind = STATE_ASSIGN, .assign = {.items = &item, .count = 1}};
    TRY(state_table_commit(b->table, &txn, NULL, &result, err));
    if (result.outcome.reason == STATE_REASON_APPLIED)
        *out = (struct held){.job = state_result_id(&result, 0), .attempt = 1};
    return SLP_OK;
}

/* Take the first that is due; none when others were faster. */
static slp_rc take_due(struct batcher *b, bool *found, struct held *out, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct arena arena;
    struct jobs_batch_plan plan = {0};
    struct jobs_batch_rules rules = jobs_batch_rules_for(b->table);
    struct jobs_batch_look look = {
        .now_us = store_now_us(store_of(b->table)), .all = b->o->all, .since_us = b->begun_us};
    arena_init(&arena, b->mem, ARENA_MAX_BYTES);
    TRY_OUT(jobs_batch_due(view_of(b), &rules, &look, &arena, &plan, err));
    *found = plan.run_count > 0;
    if (*found)
        TRY_OUT(assign(b, &plan.batches[0], &arena, out, err));
out:
    arena_fini(&arena);
    return rc;
}

static slp_rc run_round(struct batcher *b, bool *found, struct slp_err *err)
{
    struct held h = {.attempt = 0};
    const struct state_job *job = find_overdue(b);
    *found = true;
    if (job)
        return take_over(b, job, err);
    TRY(take_due(b, found, &h, err));
    return h.attempt ? run_held(b, &h, err) : SLP_OK;
}

slp_rc jobs_batch_run(struct state_table *table, const struct jobs_batch_options *o,
                      struct alloc *mem, struct jobs_batch_result *out, struct slp_err *err)
{
    struct batcher b = {
        .table = table, .o = o, .mem = mem, .begun_us = store_now_us(store_of(table))};
    bool found = state_submitted_count(state_table_view(table)) > 0;
    slp_rc rc = found ? forget_old(table, mem, err) : SLP_OK;
    while (found && rc == SLP_OK) {
        if (o->cancel && *o->cancel)
            rc = err_set(err, SLP_CANCELLED, "cancelled");
        else if (state_is_paused(state_table_view(table)))
            rc = err_set(err, SLP_CONFLICT,
                         "the table is paused, so nothing is ingested; 'sleeper table resume' ends "
                         "that");
        else
            rc = run_round(&b, &found, err);
    }
    *out = b.result;
    return rc;
}
