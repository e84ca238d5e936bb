#include "jobs/work.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/num.h"
#include "jobs/batch.h"
#include "state/global.h"
#include "upkeep/upkeep.h"

#define ARENA_MAX_BYTES ((size_t)1 << 30)
#define FAILURES_MAX    10
#define SLICE_US        ((int64_t)200 * 1000)

/* A table as this worker knows it. */
struct known {
    struct state_table *table;
    struct hash128 id;
    char name[STATE_TABLE_NAME_MAX + 1];
    bool is_listed; /* in the catalogue, when it was last read */
    bool is_offline;
    uint64_t number;    /* of the state when nothing was due any more */
    int64_t next_us;    /* look again then, changed or not; INT64_MAX: only when it changed */
    int64_t retry_us;   /* it failed: leave it alone until then */
    int64_t collect_us; /* the next collection */
    uint64_t collected; /* the number of the state at the last one */
};

struct worker {
    struct state_instance *instance;
    const struct jobs_options *o;
    struct alloc *mem;
    struct known *tables;
    size_t count;
    size_t room;
    struct known *at;   /* the table at hand; NULL: none */
    int64_t collect_us; /* the next collection of what belongs to no table */
    struct jobs_result result;
    slp_rc first_rc;
    struct slp_err first_err;
};

static struct store *store_of(const struct worker *w)
{
    return state_instance_store(w->instance);
}

static bool is_cancelled(const struct worker *w)
{
    return w->o->cancel && *w->o->cancel;
}

static struct slice name_of(const struct known *k)
{
    return slice_str(k->name);
}

static void tell(void *context, const char *line)
{
    const struct worker *w = context;
    if (w->o->on_line)
        w->o->on_line(w->o->context, w->at ? w->at->name : NULL, line);
}

static void tell_progress(void *context, const struct compact_progress *p)
{
    const struct worker *w = context;
    if (w->o->on_progress)
        w->o->on_progress(w->o->context, w->at->name, p);
}

/* ------------------------------------------------------------------ tables */

static slp_rc add_known(struct worker *w, struct hash128 id, struct known **out,
                        struct slp_err *err)
{
    if (w->count == w->room) {
        size_t room = num_max_size(16, 2 * w->room);
        void *larger = NULL;
        if (room > JOBS_TABLES_MAX)
            FAIL(err, LIMIT, "a worker looks after %u tables at most", JOBS_TABLES_MAX);
        TRY(alloc_array(w->mem, room, sizeof *w->tables, &larger, err));
        if (w->count)
            memcpy(larger, w->tables, w->count * sizeof *w->tables);
        alloc_free(w->mem, w->tables, w->room * sizeof *w->tables);
        w->tables = larger;
        w->room = room;
    }
    *out = &w->tables[w->count++];
    **out = (struct known){.id = id, .next_us = INT64_MIN};
    return SLP_OK;
}

static slp_rc note_table(struct worker *w, const struct state_table_entry *entry,
                         struct slp_err *err)
{
    struct known *k = NULL;
    for (size_t i = 0; i < w->count && !k; i++)
        if (hash_equal(w->tables[i].id, entry->id))
            k = &w->tables[i];
    if (!k)
        TRY(add_known(w, entry->id, &k, err));
    if (k->is_offline && !entry->is_offline)
        k->next_us = INT64_MIN;
    k->is_listed = true;
    k->is_offline = entry->is_offline;
    (void)snprintf(k->name, sizeof k->name, "%.*s", SLICE_ARG(entry->name));
    return SLP_OK;
}

static void drop_unlisted(struct worker *w)
{
    size_t kept = 0;
    for (size_t i = 0; i < w->count; i++) {
        if (w->tables[i].is_listed)
            w->tables[kept++] = w->tables[i];
        else
            state_table_close(w->tables[i].table);
    }
    w->count = kept;
}

static slp_rc list_tables(struct worker *w, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct arena arena;
    struct state_table_entry *entries = NULL;
    size_t count = 0;
    arena_init(&arena, w->mem, ARENA_MAX_BYTES);
    TRY_OUT(state_table_list(w->instance, &arena, &entries, &count, err));
    for (size_t i = 0; i < w->count; i++)
        w->tables[i].is_listed = false;
    for (size_t i = 0; i < count; i++)
        TRY_OUT(note_table(w, &entries[i], err));
    drop_unlisted(w);
out:
    arena_fini(&arena);
    return rc;
}

static slp_rc open_table(struct worker *w, struct known *k, struct slp_err *err)
{
    if (k->table)
        return state_table_refresh(k->table, err);
    return state_table_open(w->instance, name_of(k), &k->table, err);
}

/* ------------------------------------------------------------------ what is due */

static void note_first(struct worker *w, slp_rc rc, const struct slp_err *err)
{
    if (w->first_rc == SLP_OK) {
        w->first_rc = rc;
        w->first_err = *err;
    }
}

/* Files at fault are told of, and tried again in time: the table is none the worse. */
static slp_rc ingest(struct worker *w, struct known *k, struct slp_err *err)
{
    struct jobs_batch_result result = {0};
    struct jobs_batch_options o = {.memory = w->o->memory,
                                   .threads = w->o->threads,
                                   .cancel = w->o->cancel,
                                   .on_line = tell,
                                   .context = w};
    slp_rc rc = jobs_batch_run(k->table, &o, w->mem, &result, err);
    w->result.batches += result.batches;
    w->result.failures += result.failures;
    if (result.failures)
        note_first(w, result.first_rc, &result.first_err);
    return rc;
}

static slp_rc split(struct worker *w, struct known *k, struct slp_err *err)
{
    struct schema_properties p = state_table_properties(k->table);
    int64_t threshold = schema_property_number(&p, SCHEMA_PROPERTY_SPLIT_THRESHOLD);
    size_t count = 0;
    char line[64];
    TRY(upkeep_split(k->table, threshold, false, w->mem, &count, err));
    w->result.splits += count;
    (void)snprintf(line, sizeof line, "%zu partition%s split", count, count == 1 ? "" : "s");
    if (count)
        tell(w, line);
    return SLP_OK;
}

static slp_rc compact(struct worker *w, struct known *k, struct slp_err *err)
{
    struct compact_result result = {0};
    struct compact_options o = {.memory = w->o->memory,
                                .threads = w->o->threads,
                                .cancel = w->o->cancel,
                                .on_job = tell,
                                .on_progress = tell_progress,
                                .context = w};
    slp_rc rc = compact_run(k->table, &o, w->mem, &result, err);
    w->result.compactions += result.jobs;
    return rc;
}

static slp_rc collect(struct worker *w, struct known *k, struct slp_err *err)
{
    struct upkeep_gc_options o = {.min_age_s = -1, .cancel = w->o->cancel};
    struct upkeep_gc_result result = {0};
    char line[96];
    int64_t now_us = store_now_us(store_of(w));
    if (now_us < k->collect_us || state_number(state_table_view(k->table)) == k->collected)
        return SLP_OK;
    TRY(upkeep_collect(k->table, &o, w->mem, &result, err));
    k->collect_us = now_us + JOBS_COLLECT_S * 1000000;
    k->collected = state_number(state_table_view(k->table));
    w->result.collected += result.objects;
    (void)snprintf(line, sizeof line, "%zu objects collected, %" PRIu64 " bytes", result.objects,
                   result.bytes);
    if (result.objects)
        tell(w, line);
    return SLP_OK;
}

/* When the earliest open job is overdue, a batch or garbage may be due. */
static int64_t next_look(const struct known *k)
{
    const struct table_state *s = state_table_view(k->table);
    int64_t at_us = state_number(s) == k->collected ? INT64_MAX : k->collect_us;
    for (size_t i = 0; i < state_job_count(s) && !k->is_offline; i++) {
        const struct state_job *job = state_job_at(s, i);
        if (!state_job_is_import(job))
            at_us = num_min_i64(at_us, job->deadline_us);
    }
    return num_min_i64(at_us, jobs_batch_next_us(k->table));
}

static slp_rc work_on(struct worker *w, struct known *k, struct slp_err *err)
{
    TRY(open_table(w, k, err));
    bool is_new = state_number(state_table_view(k->table)) != k->number;
    if (!is_new && store_now_us(store_of(w)) < k->next_us)
        return SLP_OK;
    TRY(state_table_read_defaults(k->table, err));
    if (!state_is_paused(state_table_view(k->table)))
        TRY(ingest(w, k, err));
    if (!k->is_offline && !state_is_paused(state_table_view(k->table))) {
        TRY(split(w, k, err));
        TRY(compact(w, k, err));
    }
    state_table_keep_due(k->table);
    TRY(collect(w, k, err));
    k->number = state_number(state_table_view(k->table));
    k->next_us = next_look(k);
    return SLP_OK;
}

/* A table that fails is told of, once, and left alone for a while. */
static void note_failure(struct worker *w, struct known *k, slp_rc rc, const struct slp_err *err)
{
    char line[SLP_ERR_TEXT_BYTES + 16];
    (void)snprintf(line, sizeof line, "failed: %s", err->text[0] ? err->text : "out of memory");
    tell(w, line);
    k->retry_us = store_now_us(store_of(w)) + JOBS_RETRY_S * 1000000;
    k->number = 0;
    k->next_us = INT64_MIN;
    w->result.failures++;
    note_first(w, rc, err);
}

static void work_on_all(struct worker *w)
{
    for (size_t i = 0; i < w->count && !is_cancelled(w); i++) {
        struct slp_err err = {.code = SLP_OK};
        struct known *k = &w->tables[i];
        w->at = k;
        if (!w->o->once && store_now_us(store_of(w)) < k->retry_us)
            continue;
        slp_rc rc = work_on(w, k, &err);
        if (rc != SLP_OK && !is_cancelled(w))
            note_failure(w, k, rc, &err);
    }
}

/* What belongs to no table: all that is left of those that were dropped. */
static slp_rc collect_tables(struct worker *w, struct slp_err *err)
{
    struct upkeep_gc_options o = {.min_age_s = -1, .cancel = w->o->cancel};
    struct upkeep_gc_result result = {0};
    char line[112];
    TRY(upkeep_collect_tables(w->instance, &o, w->mem, &result, err));
    w->result.collected += result.objects;
    (void)snprintf(line, sizeof line, "%zu objects of dropped tables collected, %" PRIu64 " bytes",
                   result.objects, result.bytes);
    if (result.objects)
        tell(w, line);
    return SLP_OK;
}

static void collect_rest(struct worker *w)
{
    char line[SLP_ERR_TEXT_BYTES + 32];
    struct slp_err err = {.code = SLP_OK};
    int64_t now_us = store_now_us(store_of(w));
    if (is_cancelled(w) || now_us < w->collect_us)
        return;
    w->at = NULL;
    w->collect_us = now_us + JOBS_COLLECT_S * 1000000;
    slp_rc rc = collect_tables(w, &err);
    if (rc == SLP_OK || is_cancelled(w))
        return;
    (void)snprintf(line, sizeof line, "failed: dropped tables: %s", err.text);
    tell(w, line);
    w->result.failures++;
    note_first(w, rc, &err);
}

/* ------------------------------------------------------------------ committing */

static bool pack_all(struct worker *w)
{
    bool found = false;
    for (size_t i = 0; i < w->count && !is_cancelled(w); i++) {
        struct slp_err err = {.code = SLP_OK};
        struct known *k = &w->tables[i];
        uint32_t packed = 0;
        w->at = k;
        if (store_now_us(store_of(w)) < k->retry_us)
            continue;
        slp_rc rc = k->table ? SLP_OK : open_table(w, k, &err);
        if (rc == SLP_OK)
            rc = state_table_pack(k->table, &packed, &err);
        if (rc != SLP_OK)
            note_failure(w, k, rc, &err);
        w->result.packed += packed;
        found = found || packed > 0;
    }
    return found;
}

/* ------------------------------------------------------------------ loops */

static void wait_for(struct worker *w, int64_t us)
{
    for (int64_t left = us; left > 0 && !is_cancelled(w); left -= SLICE_US)
        store_sleep_us(store_of(w), num_min_i64(left, SLICE_US));
}

/* A catalogue that cannot be read now may be read in a while. */
static slp_rc list_patiently(struct worker *w, int *failures, struct slp_err *err)
{
    slp_rc rc = list_tables(w, err);
    if (rc == SLP_OK) {
        *failures = 0;
        return SLP_OK;
    }
    if (w->o->once || rc != SLP_UNAVAILABLE || ++*failures == FAILURES_MAX)
        return rc;
    err_clear(err);
    return SLP_OK;
}

static slp_rc work_loop(struct worker *w, struct slp_err *err)
{
    int failures = 0;
    while (!is_cancelled(w)) {
        TRY(list_patiently(w, &failures, err));
        work_on_all(w);
        collect_rest(w);
        if (w->o->once)
            break;
        wait_for(w, w->o->wait_us ? w->o->wait_us : (int64_t)JOBS_INTERVAL_S * 1000000);
    }
    return SLP_OK;
}

/* New tables are found once in JOBS_INTERVAL_S. */
static slp_rc commit_loop(struct worker *w, struct slp_err *err)
{
    int failures = 0;
    int64_t listed_us = INT64_MIN;
    int64_t most_us = w->o->wait_us ? w->o->wait_us : JOBS_COMMIT_MOST_US;
    int64_t wait_us = JOBS_COMMIT_LEAST_US;
    while (!is_cancelled(w)) {
        int64_t now_us = store_now_us(store_of(w));
        if (listed_us == INT64_MIN || now_us - listed_us > (int64_t)JOBS_INTERVAL_S * 1000000) {
            TRY(list_patiently(w, &failures, err));
            listed_us = now_us;
        }
        bool found = pack_all(w);
        if (w->o->once)
            break;
        wait_us = found ? JOBS_COMMIT_LEAST_US : num_min_i64(2 * wait_us, most_us);
        wait_for(w, wait_us);
    }
    return SLP_OK;
}

slp_rc jobs_work(struct state_instance *instance, const struct jobs_options *options,
                 struct alloc *mem, struct jobs_result *out, struct slp_err *err)
{
    struct worker w = {.instance = instance, .o = options, .mem = mem};
    slp_rc rc = options->commits ? commit_loop(&w, err) : work_loop(&w, err);
    if (rc == SLP_OK && options->once && is_cancelled(&w))
        rc = err_set(err, SLP_CANCELLED, "cancelled");
    if (rc == SLP_OK && options->once && w.first_rc != SLP_OK) {
        rc = w.first_rc;
        if (err)
            *err = w.first_err;
    }
    for (size_t i = 0; i < w.count; i++)
        state_table_close(w.tables[i].table);
    alloc_free(mem, w.tables, w.room * sizeof *w.tables);
    *out = w.result;
    return rc;
}
