/*
 * One job, file or partition, shown; a job ended.
 */
#include <inttypes.h>
#include <stdio.h>

#include "api/listing.h"
#include "base/num.h"
#include "state/global.h"

/* A file and its record may be asked for by the end of its name; as many are considered. */
#define WORK_MAX_BYTES ((size_t)1 << 30)

const char *api_job_kind(uint32_t kind)
{
    switch (kind) {
    case STATE_JOB_FOLD:
        return "fold";
    case STATE_JOB_IMPORT:
    case STATE_JOB_BATCH:
        return "ingest";
    default:
        return "compact";
    }
}

static slp_rc find_job(const struct table_state *s, const char *text, const struct state_job **out,
                       struct slp_err *err)
{
    struct state_id id;
    if (!state_id_parse(slice_str(text), &id))
        FAIL(err, INVALID, "\"%s\" is no job; their ids are like 12.0.0", text);
    const struct state_job *job = state_job_find(s, id);
    if (!job)
        FAIL(err, NOT_FOUND,
             "no job \"%s\" is open; 'sleeper job list' shows those that are, with --all what "
             "became "
             "of others",
             text);
    *out = job;
    return SLP_OK;
}

static slp_rc add_text(struct listing *l, const char *field, struct slice text, struct slp_err *err)
{
    return api_add_field(l, field, list_text(text), err);
}

static slp_rc add_bool(struct listing *l, const char *field, bool value, struct slp_err *err)
{
    return add_text(l, field, slice_str(value ? "true" : "false"), err);
}

static slp_rc add_range(struct listing *l, struct key_range range, struct slp_err *err)
{
    struct list_value lo;
    struct list_value hi;
    TRY(api_range_text(l, range, &lo, &hi, err));
    TRY(api_add_field(l, "from", lo, err));
    return api_add_field(l, "to", hi, err);
}

/* "3.0": a position, as a transaction of the log has it. */
static slp_rc add_position(struct listing *l, const char *field, struct state_position at,
                           struct slp_err *err)
{
    char text[40];
    (void)snprintf(text, sizeof text, "%" PRIu64 ".%" PRIu32, at.frame, at.index);
    return add_text(l, field, slice_str(text), err);
}

/* ---- Jobs ---- */

static slp_rc add_job(struct listing *l, const struct state_job *job, struct slp_err *err)
{
    char id[STATE_ID_TEXT_BYTES];
    state_id_format(job->id, id);
    TRY(add_text(l, "id", slice_str(id), err));
    TRY(add_text(l, "kind", slice_str(api_job_kind(job->kind)), err));
    TRY(api_add_number(l, "attempt", job->attempt, err));
    TRY(api_add_number(l, "extensions", job->extension, err));
    TRY(add_position(l, "assigned", job->assigned, err));
    TRY(api_add_time(l, "deadline", job->deadline_us, err));
    TRY(add_range(l, job->range, err));
    TRY(add_position(l, "from_position", job->low, err));
    TRY(add_position(l, "to_position", job->high, err));
    TRY(add_bool(l, "drops_deletes", job->drops_deletes, err));
    return api_add_number(l, "inputs", job->inputs, err);
}

/* A file that waits, or that a batch holds. */
static slp_rc add_submitted(struct listing *l, const struct state_submitted *f, struct slp_err *err)
{
    char id[STATE_ID_TEXT_BYTES];
    state_id_format(f->id, id);
    TRY(add_text(l, "id", slice_str(id), err));
    TRY(add_text(l, "kind", slice_str("ingest"), err));
    TRY(add_text(l, "path", f->path, err));
    TRY(api_add_number(l, "bytes", (int64_t)f->bytes, err));
    TRY(api_add_time(l, "submitted", f->time_us, err));
    if (f->reading.format.len)
        TRY(add_text(l, "format", f->reading.format, err));
    if (f->reading.kinds.len)
        TRY(add_text(l, "row_kinds", f->reading.kinds, err));
    if (f->reading.skips)
        TRY(add_text(l, "bad_rows", slice_str("skip"), err));
    if (f->reading.most)
        TRY(api_add_number(l, "max_errors", (int64_t)num_min_u64(f->reading.most, INT64_MAX), err));
    TRY(api_add_number(l, "failures", f->failures, err));
    if (f->failures == 0)
        return SLP_OK;
    TRY(api_add_time(l, "failed", f->failed_us, err));
    return add_text(l, "why", f->why, err);
}

static slp_rc fill_job(struct listing *l, struct slp_err *err)
{
    struct state_id id = {.item = 0};
    const struct state_job *job = NULL;
    const struct state_reference **refs = NULL;
    size_t count = 0;
    const struct state_submitted *waits =
        state_id_parse(slice_str(l->context), &id) ? state_submitted_find(l->view, id) : NULL;
    if (waits)
        return add_submitted(l, waits, err);
    TRY(find_job(l->view, l->context, &job, err));
    TRY(add_job(l, job, err));
    TRY(state_job_references(l->view, job, &l->arena, &refs, &count, err));
    for (size_t i = 0; i < count; i++)
        TRY(add_text(l, "input", refs[i]->file->name, err));
    for (size_t i = 0; i < state_submitted_count(l->view); i++)
        if (state_id_equal(state_submitted_at(l->view, i)->job, job->id))
            TRY(add_text(l, "input", state_submitted_at(l->view, i)->path, err));
    return SLP_OK;
}

static const struct list_column fields[] = {{"field", ARR_UTF8}, {"value", ARR_UTF8}};

slp_rc slp_job_show(struct slp_instance *instance, const char *table, const char *job,
                    struct slp_rows **out, struct slp_err *err)
{
    static const struct list_kind kind = {fields, 2, fill_job};
    return api_make_list(instance, table, &kind, job, out, err);
}

slp_rc slp_job_cancel(struct slp_instance *instance, const char *table, const char *job,
                      struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct arena arena;
    struct state_table *t = NULL;
    const struct state_job *open = NULL;
    struct state_result result = {0};
    struct state_fail_item item = {.why = slice_str("cancelled")};
    struct state_txn txn = {.kind = STATE_FAIL, .fail = {.items = &item, .count = 1}};
    arena_init(&arena, instance->mem, WORK_MAX_BYTES);
    TRY_OUT(api_instance_table(instance, table, &t, err));
    TRY_OUT(find_job(state_table_view(t), job, &open, err));
    item.job = open->id;
    item.attempt = open->attempt;
    TRY_OUT(key_range_copy(&arena, open->range, &item.range, err));
    TRY_OUT(state_table_commit(t, &txn, NULL, &result, err));
    rc = state_result_check(&result, err);
out:
    arena_fini(&arena);
    return rc;
}

/* ---- Files ---- */

/* The file of this name, or the only one whose name ends so. */
static slp_rc find_file(struct listing *l, const char *name, const struct state_file **out,
                        struct slp_err *err)
{
    const struct state_file **files = NULL;
    const struct state_file *found = NULL;
    size_t count = 0;
    size_t matches = 0;
    struct slice wanted = slice_str(name);
    TRY(state_files(l->view, &l->arena, &files, &count, err));
    for (size_t i = 0; i < count; i++) {
        struct slice has = files[i]->name;
        if (wanted.len == 0 || has.len < wanted.len ||
            !slice_equal(slice_last(has, wanted.len), wanted))
            continue;
        found = files[i];
        matches++;
    }
    if (matches == 0)
        FAIL(err, NOT_FOUND, "no data file \"%s\"; 'sleeper file list' shows those there are",
             name);
    if (matches > 1)
        FAIL(err, INVALID, "%zu data files have names that end in \"%s\"", matches, name);
    *out = found;
    return SLP_OK;
}

static slp_rc add_places(struct listing *l, const struct state_file *f, struct slp_err *err)
{
    size_t first = 0;
    size_t end = 0;
    bool is_unfiled = false;
    for (size_t i = 0; i < state_unfiled_count(l->view); i++)
        is_unfiled = is_unfiled || state_id_equal(state_unfiled_at(l->view, i)->file->id, f->id);
    TRY(add_bool(l, "unfiled", is_unfiled, err));
    state_leaves_meeting(l->view, state_file_range(f), &first, &end);
    for (size_t i = first; i < end; i++) {
        const struct state_leaf *leaf = state_leaf_at(l->view, i);
        for (size_t k = 0; k < leaf->ref_count; k++)
            if (state_id_equal(state_leaf_brief(leaf, k).id, f->id))
                TRY(api_add_number(l, "partition", (int64_t)i, err));
    }
    return SLP_OK;
}

static slp_rc add_sizes(struct listing *l, const struct state_file *f, struct slp_err *err)
{
    char crc[12];
    (void)snprintf(crc, sizeof crc, "%08" PRIx32, f->info.crc32c);
    TRY(api_add_number(l, "rows", f->info.rows, err));
    TRY(api_add_number(l, "deletes", (int64_t)f->deletes, err));
    TRY(api_add_number(l, "resets", (int64_t)f->resets, err));
    TRY(api_add_number(l, "bytes", (int64_t)f->info.file_bytes, err));
    TRY(api_add_number(l, "key_index_bytes",
                       (int64_t)(f->info.top_offset + f->info.top_bytes - f->info.index_offset),
                       err));
    return add_text(l, "crc32c", slice_str(crc), err);
}

static slp_rc fill_file(struct listing *l, struct slp_err *err)
{
    const struct state_file *f = NULL;
    struct slice first = {0};
    struct slice last = {0};
    char id[STATE_ID_TEXT_BYTES];
    TRY(find_file(l, l->context, &f, err));
    state_id_format(f->id, id);
    TRY(api_key_text(l, f->info.first_key, &first, err));
    TRY(api_key_text(l, f->info.last_key, &last, err));
    TRY(add_text(l, "name", f->name, err));
    TRY(add_text(l, "id", slice_str(id), err));
    TRY(add_sizes(l, f, err));
    TRY(add_text(l, "first_key", first, err));
    TRY(add_text(l, "last_key", last, err));
    TRY(add_position(l, "from_position", f->low, err));
    TRY(add_position(l, "to_position", f->high, err));
    TRY(add_position(l, "purged_through", f->purged_through, err));
    TRY(api_add_time(l, "made", f->time_us, err));
    TRY(api_add_number(l, "schema_version", f->schema_version, err));
    TRY(api_add_number(l, "stack_version", f->stack, err));
    return add_places(l, f, err);
}

slp_rc slp_file_show(struct slp_instance *instance, const char *table, const char *file,
                     struct slp_rows **out, struct slp_err *err)
{
    static const struct list_kind kind = {fields, 2, fill_file};
    return api_make_list(instance, table, &kind, file, out, err);
}

/* ---- Partitions ---- */

static slp_rc add_reference(struct listing *l, const struct state_reference *ref, bool is_unfiled,
                            struct slp_err *err)
{
    char job[STATE_ID_TEXT_BYTES];
    int64_t rows = state_reference_rows(ref, ref->range);
    struct list_value row[] = {list_text(ref->file->name),
                               list_null(),
                               list_null(),
                               rows >= 0 ? list_number(rows) : list_null(),
                               list_number((int64_t)ref->file->info.rows),
                               list_number((int64_t)ref->file->info.file_bytes),
                               list_number((int64_t)ref->file->low.frame),
                               list_number((int64_t)ref->file->high.frame),
                               list_number(is_unfiled),
                               list_null()};
    TRY(api_range_text(l, ref->range, &row[1], &row[2], err));
    if (slice_compare(ref->range.lo, ref->file->info.first_key) <= 0)
        row[1] = list_null();
    if (ref->range.has_hi && slice_compare(ref->range.hi, ref->file->info.last_key) > 0)
        row[2] = list_null();
    if (ref->job) {
        state_id_format(ref->job->id, job);
        row[9] = list_text(slice_str(job));
    }
    return api_list_add(l->list, row, err);
}

static slp_rc fill_partition(struct listing *l, struct slp_err *err)
{
    const uint64_t *wanted = l->context;
    const struct state_reference *refs = NULL;
    size_t count = state_leaf_count(l->view);
    if (*wanted >= count)
        FAIL(err, NOT_FOUND, "no partition %" PRIu64 "; there are %zu, from 0 on", *wanted, count);
    const struct state_leaf *leaf = state_leaf_at(l->view, (size_t)*wanted);
    TRY(state_leaf_references(leaf, &l->arena, &refs, err));
    for (size_t i = 0; i < leaf->ref_count; i++)
        TRY(add_reference(l, &refs[i], false, err));
    for (size_t i = 0; i < state_unfiled_count(l->view); i++) {
        const struct state_reference *ref = state_unfiled_at(l->view, i);
        if (key_range_meets(ref->range, leaf->range))
            TRY(add_reference(l, ref, true, err));
    }
    return SLP_OK;
}

slp_rc slp_partition_show(struct slp_instance *instance, const char *table, uint64_t partition,
                          struct slp_rows **out, struct slp_err *err)
{
    static const struct list_column columns[] = {{"file", ARR_UTF8},
                                                 {"from", ARR_UTF8},
                                                 {"to", ARR_UTF8},
                                                 {"rows", ARR_INT64},
                                                 {"file_rows", ARR_INT64},
                                                 {"file_bytes", ARR_INT64},
                                                 {"from_sequence", ARR_INT64},
                                                 {"to_sequence", ARR_INT64},
                                                 {"unfiled", ARR_BOOL},
                                                 {"job", ARR_UTF8}};
    static const struct list_kind kind = {columns, 10, fill_partition};
    return api_make_list(instance, table, &kind, &partition, out, err);
}
