#include "compact/jobs.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/num.h"

#define ARENA_MAX_BYTES ((size_t)1 << 30)

/* A job has two minutes and a second for this many bytes, and an hour at most; it is extended while
 * it is at work. */
#define JOB_BYTES_PER_S ((uint64_t)8 << 20)
#define JOB_LEAST_S     120
#define JOB_MOST_S      3600

/* Of one transaction: what a frame holds, and room for the envelope. */
#define TXN_ITEM_BYTES ((size_t)700 << 10)

/* A name of an output and its keys, at least so much of a frame. */
#define ID_BYTES 16u

static struct store *store_of(const struct compact_jobs *j)
{
    return state_instance_store(state_table_instance(j->table));
}

static const struct table_state *view_of(const struct compact_jobs *j)
{
    return state_table_view(j->table);
}

void compact_jobs_init(struct compact_jobs *j, struct state_table *table,
                       const struct compact_options *options, struct alloc *mem)
{
    *j = (struct compact_jobs){.table = table, .options = options, .mem = mem};
    arena_init(&j->arena, mem, ARENA_MAX_BYTES);
}

static void drop_output(struct compact_held *held, bool removes_files)
{
    if (held->out && removes_files)
        output_discard(held->out);
    output_free(held->out);
    held->out = NULL;
    held->hold = COMPACT_JOB_GONE;
}

static void forget_all(struct compact_jobs *j)
{
    for (size_t i = 0; i < j->count; i++)
        drop_output(&j->held[i], true);
    j->count = 0;
    arena_fini(&j->arena);
}

void compact_jobs_fini(struct compact_jobs *j)
{
    forget_all(j);
}

static void set_deadline(struct compact_jobs *j, uint64_t bytes)
{
    int64_t seconds = num_min_i64(JOB_MOST_S, JOB_LEAST_S + (int64_t)(bytes / JOB_BYTES_PER_S));
    seconds = j->options->job_s ? j->options->job_s : seconds;
    j->begun_us = store_now_us(store_of(j));
    j->deadline_us = j->begun_us + seconds * 1000000;
}

static slp_rc commit(struct compact_jobs *j, struct state_txn *txn, struct state_result *result,
                     struct slp_err *err)
{
    *result = (struct state_result){0};
    return state_table_commit(j->table, txn, NULL, result, err);
}

/* Was the i-th item of what was committed applied? */
static bool was_applied(const struct state_result *r, size_t i)
{
    if (!r->outcome.items || i >= r->outcome.item_count)
        return r->outcome.reason == STATE_REASON_APPLIED;
    return r->outcome.items[i] == STATE_REASON_APPLIED;
}

static slp_rc hold(struct compact_jobs *j, const struct state_job *job, uint64_t bytes,
                   struct slp_err *err)
{
    struct compact_held *held = &j->held[j->count];
    *held = (struct compact_held){.hold = COMPACT_JOB_HELD,
                                  .id = job->id,
                                  .attempt = job->attempt,
                                  .kind = job->kind,
                                  .inputs = job->inputs,
                                  .bytes = bytes};
    TRY(key_range_copy(&j->arena, job->range, &held->range, err));
    j->count++;
    return SLP_OK;
}

/* A job of an attempt that is ours. */
struct claim {
    struct state_id id;
    uint32_t attempt;
    uint64_t bytes;
};

/* What was claimed and cannot be held, for want of memory, is ended in the log at once. */
static void renounce(struct compact_jobs *j, const struct claim *claims, size_t count)
{
    struct state_result result = {0};
    struct state_fail_item items[COMPACT_JOBS_MAX];
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        const struct state_job *job = state_job_find(view_of(j), claims[i].id);
        if (job && job->attempt == claims[i].attempt)
            items[n++] = (struct state_fail_item){.job = job->id,
                                                  .attempt = job->attempt,
                                                  .range = job->range,
                                                  .why = slice_str("it could not be begun")};
    }
    struct state_txn txn = {.kind = STATE_FAIL, .fail = {.items = items, .count = n}};
    if (n > 0)
        (void)!commit(j, &txn, &result, NULL);
    forget_all(j);
}

/* Hold those that are there, with just this attempt. */
static slp_rc hold_all(struct compact_jobs *j, const struct claim *claims, size_t count,
                       struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    for (size_t i = 0; i < count && rc == SLP_OK; i++) {
        const struct state_job *job = state_job_find(view_of(j), claims[i].id);
        if (job && job->attempt == claims[i].attempt)
            rc = hold(j, job, claims[i].bytes, err);
    }
    if (rc != SLP_OK)
        renounce(j, claims, count);
    return rc;
}

/* ------------------------------------------------------------------ made */

static size_t item_bytes(const struct compact_choice *c)
{
    return c->leaf.lo.len + c->leaf.hi.len + (c->input_count + 2) * ID_BYTES;
}

/* As many of the choices as go into one transaction and one helping. */
static size_t helping(const struct compact_choice *choices, size_t count, size_t most,
                      uint64_t most_bytes, uint64_t *bytes)
{
    size_t n = 0;
    size_t encoded = 0;
    *bytes = 0;
    while (n < count && n < most) {
        encoded += item_bytes(&choices[n]);
        if (n > 0 && (choices[n].bytes > most_bytes - num_min_u64(*bytes, most_bytes) ||
                      encoded > TXN_ITEM_BYTES))
            break;
        *bytes += choices[n++].bytes;
    }
    return n;
}

static slp_rc assign(struct compact_jobs *j, const struct compact_choice *choices, size_t count,
                     int64_t deadline_us, struct state_result *result, struct slp_err *err)
{
    struct state_assign_item *items = NULL;
    TRY(alloc_array(j->mem, count, sizeof *items, (void **)&items, err));
    for (size_t i = 0; i < count; i++) {
        const struct compact_choice *c = &choices[i];
        items[i] = (struct state_assign_item){.inputs = c->inputs,
                                              .input_count = c->input_count,
                                              .deadline_us = deadline_us,
                                              .kind = STATE_JOB_FOLD};
        if (c->kind == COMPACT_DUE_FOLD)
            continue;
        items[i].leaf = c->leaf;
        items[i].kind = STATE_JOB_LEAF;
        items[i].drops_deletes = c->drops_deletes;
    }
    struct state_txn txn = {.kind = STATE_ASSIGN, .assign = {.items = items, .count = count}};
    slp_rc rc = commit(j, &txn, result, err);
    alloc_free(j->mem, items, count * sizeof *items);
    return rc;
}

slp_rc compact_jobs_assign(struct compact_jobs *j, const struct compact_choice *choices,
                           size_t count, size_t *taken, struct slp_err *err)
{
    struct state_result result = {0};
    struct claim claims[COMPACT_JOBS_MAX];
    uint64_t bytes = 0;
    forget_all(j);
    size_t n = helping(choices, count, COMPACT_JOBS_MAX, COMPACT_JOBS_MAX_BYTES, &bytes);
    set_deadline(j, bytes);
    TRY(assign(j, choices, n, j->deadline_us, &result, err));
    for (size_t i = 0; i < n; i++)
        claims[i] = (struct claim){
            .id = state_result_id(&result, (uint32_t)i), .attempt = 1, .bytes = choices[i].bytes};
    TRY(hold_all(j, claims, n, err));
    *taken = n;
    return SLP_OK;
}

slp_rc compact_jobs_make(struct compact_jobs *j, const struct compact_choice *choices, size_t count,
                         size_t *made, struct slp_err *err)
{
    struct state_result result = {0};
    uint64_t bytes = 0;
    size_t done = 0;
    int64_t now_us = store_now_us(store_of(j));
    forget_all(j);
    *made = 0;
    while (done < count) {
        size_t n = helping(choices + done, count - done, SIZE_MAX, UINT64_MAX, &bytes);
        TRY(assign(j, choices + done, n, now_us, &result, err));
        for (size_t i = 0; i < n; i++)
            *made += was_applied(&result, i);
        done += n;
    }
    return SLP_OK;
}

/* ------------------------------------------------------------------ taken over */

static bool is_for_us(const struct state_job *job, int64_t now_us)
{
    return !state_job_is_import(job) && job->deadline_us <= now_us;
}

static slp_rc give_up(struct compact_jobs *j, const struct state_job *job, struct slp_err *err)
{
    struct state_result result = {0};
    struct state_fail_item item = {.job = job->id,
                                   .attempt = job->attempt,
                                   .range = job->range,
                                   .why = slice_str("it was begun too often")};
    struct state_txn txn = {.kind = STATE_FAIL, .fail = {.items = &item, .count = 1}};
    return commit(j, &txn, &result, err);
}

/* The log grows by one transaction for each of them: there are few. */
static slp_rc give_up_hopeless(struct compact_jobs *j, struct slp_err *err)
{
    int64_t now_us = store_now_us(store_of(j));
    size_t i = 0;
    while (i < state_job_count(view_of(j))) {
        const struct state_job *job = state_job_at(view_of(j), i);
        size_t before = state_job_count(view_of(j));
        if (is_for_us(job, now_us) && job->attempt >= COMPACT_ATTEMPTS_MAX)
            TRY(give_up(j, job, err));
        if (state_job_count(view_of(j)) >= before)
            i++;
    }
    return SLP_OK;
}

/* Of the files that a job merges, whole. */
static slp_rc job_bytes(const struct compact_jobs *j, const struct state_job *job, uint64_t *bytes,
                        struct slp_err *err)
{
    struct arena arena;
    const struct state_reference **refs = NULL;
    size_t count = 0;
    arena_init(&arena, j->mem, ARENA_MAX_BYTES);
    slp_rc rc = state_job_references(view_of(j), job, &arena, &refs, &count, err);
    *bytes = 0;
    for (size_t i = 0; rc == SLP_OK && i < count; i++)
        if (!num_add_u64(*bytes, refs[i]->file->info.file_bytes, bytes))
            *bytes = UINT64_MAX;
    arena_fini(&arena);
    return rc;
}

/* Overdue jobs, one helping, from a place on that differs from process to process: else all would
 * want the same. */
static slp_rc pick_overdue(struct compact_jobs *j, struct state_reassign_item *items, size_t *count,
                           struct slp_err *err)
{
    const struct table_state *s = view_of(j);
    size_t jobs = state_job_count(s);
    int64_t now_us = store_now_us(store_of(j));
    size_t start = 0;
    uint64_t sum = 0;
    if (jobs > COMPACT_JOBS_MAX) {
        struct hash128 random = state_random_id(state_table_instance(j->table));
        start = (size_t)(num_load_u64le(random.bytes) % jobs);
    }
    for (size_t i = 0; i < jobs && *count < COMPACT_JOBS_MAX; i++) {
        const struct state_job *job = state_job_at(s, (start + i) % jobs);
        uint64_t bytes = 0;
        if (!is_for_us(job, now_us))
            continue;
        TRY(job_bytes(j, job, &bytes, err));
        if (*count > 0 && bytes > COMPACT_JOBS_MAX_BYTES - num_min_u64(sum, COMPACT_JOBS_MAX_BYTES))
            break;
        sum += bytes;
        items[(*count)++] = (struct state_reassign_item){.job = job->id,
                                                         .attempt = job->attempt,
                                                         .range = job->range,
                                                         .extension = job->extension};
    }
    set_deadline(j, sum);
    for (size_t i = 0; i < *count; i++)
        items[i].deadline_us = j->deadline_us;
    return SLP_OK;
}

slp_rc compact_jobs_take_over(struct compact_jobs *j, struct slp_err *err)
{
    struct state_result result = {0};
    struct state_reassign_item items[COMPACT_JOBS_MAX];
    struct claim claims[COMPACT_JOBS_MAX];
    forget_all(j);
    TRY(give_up_hopeless(j, err));
    size_t count = 0;
    TRY(pick_overdue(j, items, &count, err));
    if (count == 0)
        return SLP_OK;
    struct state_txn txn = {.kind = STATE_REASSIGN, .reassign = {.items = items, .count = count}};
    TRY(commit(j, &txn, &result, err));
    size_t taken = 0;
    for (size_t i = 0; i < count; i++)
        if (was_applied(&result, i))
            claims[taken++] = (struct claim){.id = items[i].job, .attempt = items[i].attempt + 1};
    return hold_all(j, claims, taken, err);
}

/* ------------------------------------------------------------------ described */

static slp_rc copy_input(const struct compact_jobs *j, const struct state_reference *ref,
                         struct arena *arena, struct compact_input *out, struct slp_err *err)
{
    struct state_name object;
    TRY(state_table_object(j->table, ref->file->name, &object, err));
    out->info = ref->file->info;
    out->expected_rows = state_reference_rows(ref, ref->range);
    out->form = process_form(ref->file->stack);
    out->mark = ref->file->purged_through;
    TRY(arena_copy(arena, state_name_slice(&object), &out->object, err));
    TRY(arena_copy(arena, ref->file->info.first_key, &out->info.first_key, err));
    TRY(arena_copy(arena, ref->file->info.last_key, &out->info.last_key, err));
    return key_range_copy(arena, ref->range, &out->range, err);
}

slp_rc compact_jobs_describe(const struct compact_jobs *j, const struct compact_held *held,
                             struct arena *arena, struct compact_job *out, struct slp_err *err)
{
    const struct state_reference **refs = NULL;
    const struct state_job *job = state_job_find(view_of(j), held->id);
    if (!job || job->attempt != held->attempt)
        FAIL(err, CONFLICT, "somebody else has taken the job over, or ended it");
    *out = (struct compact_job){.id = held->id,
                                .attempt = held->attempt,
                                .assigned = job->assigned,
                                .range = held->range,
                                .kind = job->kind,
                                .drops_deletes = job->drops_deletes};
    TRY(state_job_references(view_of(j), job, arena, &refs, &out->input_count, err));
    TRY(arena_array(arena, out->input_count, sizeof *out->inputs, (void **)&out->inputs, err));
    for (size_t i = 0; i < out->input_count; i++)
        TRY(copy_input(j, refs[i], arena, &out->inputs[i], err));
    return SLP_OK;
}

/* ------------------------------------------------------------------ kept */

slp_rc compact_jobs_keep(struct compact_jobs *j, struct slp_err *err)
{
    struct state_result result = {0};
    struct state_extend_item items[COMPACT_JOBS_MAX];
    size_t places[COMPACT_JOBS_MAX];
    size_t count = 0;
    int64_t now_us = store_now_us(store_of(j));
    int64_t time_us = j->deadline_us - j->begun_us;
    if (now_us - j->begun_us < time_us / 2)
        return SLP_OK;
    for (size_t i = 0; i < j->count; i++) {
        if (j->held[i].hold == COMPACT_JOB_GONE)
            continue;
        places[count] = i;
        items[count++] = (struct state_extend_item){.job = j->held[i].id,
                                                    .attempt = j->held[i].attempt,
                                                    .range = j->held[i].range,
                                                    .deadline_us = now_us + time_us};
    }
    if (count == 0)
        return SLP_OK;
    struct state_txn txn = {.kind = STATE_EXTEND, .extend = {.items = items, .count = count}};
    TRY(commit(j, &txn, &result, err));
    j->begun_us = now_us;
    j->deadline_us = now_us + time_us;
    for (size_t i = 0; i < count; i++)
        if (!was_applied(&result, i))
            drop_output(&j->held[places[i]], true);
    return SLP_OK;
}

/* ------------------------------------------------------------------ ended */

static size_t output_bytes_of(const struct compact_held *held)
{
    size_t bytes = 2 * ID_BYTES + held->range.lo.len + held->range.hi.len;
    for (size_t i = 0; i < held->file_count; i++)
        bytes += 64 + held->files[i].name.len + held->files[i].info.first_key.len +
                 held->files[i].info.last_key.len;
    return bytes;
}

/* Two outputs over one leaf by one transaction would count as one run, which they are not; and a
 * fold is over all leaves. */
static bool goes_along(const struct compact_held *one, struct compact_held *const *chosen,
                       size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (one->kind == STATE_JOB_FOLD || chosen[i]->kind == STATE_JOB_FOLD ||
            key_range_meets(one->range, chosen[i]->range))
            return false;
    return true;
}

static size_t pick_merged(struct compact_jobs *j, struct compact_held **chosen)
{
    size_t count = 0;
    size_t bytes = 0;
    for (size_t i = 0; i < j->count; i++) {
        struct compact_held *held = &j->held[i];
        if (held->hold != COMPACT_JOB_MERGED || !goes_along(held, chosen, count))
            continue;
        bytes += output_bytes_of(held);
        if (count > 0 && bytes > TXN_ITEM_BYTES)
            break;
        chosen[count++] = held;
    }
    return count;
}

static bool is_ours(const struct compact_jobs *j, const struct compact_held *held)
{
    const struct state_job *job = state_job_find(view_of(j), held->id);
    return job && job->attempt == held->attempt;
}

static void tell(const struct compact_jobs *j, const struct compact_held *held)
{
    char line[256];
    char id[STATE_ID_TEXT_BYTES];
    state_id_format(held->id, id);
    (void)snprintf(line, sizeof line, "job %s: %zu file%s %s, %" PRId64 " row%s", id, held->inputs,
                   held->inputs == 1 ? "" : "s", held->kind == STATE_JOB_FOLD ? "folded" : "merged",
                   held->rows, held->rows == 1 ? "" : "s");
    if (j->options->on_job)
        j->options->on_job(j->options->context, line);
}

static slp_rc finish_some(struct compact_jobs *j, struct compact_held **chosen, size_t count,
                          size_t *done, int64_t *rows, struct slp_err *err)
{
    struct state_result result = {0};
    struct state_replace_item items[COMPACT_JOBS_MAX];
    for (size_t i = 0; i < count; i++)
        items[i] = (struct state_replace_item){.job = chosen[i]->id,
                                               .attempt = chosen[i]->attempt,
                                               .range = chosen[i]->range,
                                               .outputs = chosen[i]->files,
                                               .output_count = chosen[i]->file_count};
    struct state_txn txn = {.kind = STATE_REPLACE, .replace = {.items = items, .count = count}};
    slp_rc rc = commit(j, &txn, &result, err);
    if (rc == SLP_OK && result.outcome.is_duplicate && !result.outcome.items)
        rc = err_set(err, SLP_UNKNOWN,
                     "the end of %zu jobs is in the log, and nothing more is known", count);
    for (size_t i = 0; i < count; i++) {
        bool counts = rc == SLP_OK && was_applied(&result, i);
        drop_output(chosen[i], !counts && rc != SLP_UNKNOWN);
        if (!counts && rc != SLP_UNKNOWN && is_ours(j, chosen[i]))
            chosen[i]->hold = COMPACT_JOB_HELD; /* to be ended, or nobody could take its inputs */
        if (!counts)
            continue;
        ++*done;
        *rows += chosen[i]->rows;
        tell(j, chosen[i]);
    }
    return rc;
}

slp_rc compact_jobs_finish(struct compact_jobs *j, size_t *done, int64_t *rows, struct slp_err *err)
{
    struct compact_held *chosen[COMPACT_JOBS_MAX];
    size_t count = pick_merged(j, chosen);
    while (count > 0) {
        TRY(finish_some(j, chosen, count, done, rows, err));
        count = pick_merged(j, chosen);
    }
    return SLP_OK;
}

void compact_jobs_fail(struct compact_jobs *j, struct compact_held *one, const char *why)
{
    struct state_result result = {0};
    struct state_fail_item items[COMPACT_JOBS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < j->count; i++) {
        struct compact_held *held = &j->held[i];
        if (held->hold == COMPACT_JOB_GONE || (one && held != one))
            continue;
        items[count++] = (struct state_fail_item){
            .job = held->id, .attempt = held->attempt, .range = held->range, .why = slice_str(why)};
        drop_output(held, true);
    }
    struct state_txn txn = {.kind = STATE_FAIL, .fail = {.items = items, .count = count}};
    if (count > 0)
        (void)!commit(j, &txn, &result, NULL);
}
