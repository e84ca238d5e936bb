/*
 * The batcher: submitted, taken back, run, explained.
 */
#include "jobs/batch.h"

#include "api/listing.h"
#include "base/num.h"

static slp_rc reading_of(const struct slp_batch_submit_options *o, struct state_table *table,
                         struct state_reading *out, struct slp_err *err)
{
    const struct schema *schema = state_table_schema(table);
    *out = (struct state_reading){.skips = o->skip_bad_rows, .most = (uint64_t)o->max_errors};
    if (o->max_errors < 0 || (o->max_errors && !o->skip_bad_rows))
        FAIL(err, INVALID, "a number of bad rows is not negative, and is for skipping them");
    if (o->format)
        TRY(api_input_format(o->format, &(enum rows_format){ROWS_AUTO}, err));
    if (o->format)
        out->format = slice_str(o->format);
    if (!o->row_kinds)
        return SLP_OK;
    out->kinds = slice_str(o->row_kinds);
    if (out->kinds.len == 0 || out->kinds.len > STATE_READING_KINDS_MAX)
        FAIL(err, INVALID, "a column of row kinds has a name of 1 to %u bytes",
             STATE_READING_KINDS_MAX);
    if (arr_schema_find(&schema->columns, out->kinds) >= 0)
        FAIL(err, INVALID, "\"%s\" is a field of the table and cannot hold the rows' kinds",
             o->row_kinds);
    return SLP_OK;
}

slp_rc slp_batch_submit(struct slp_instance *instance,
                        const struct slp_batch_submit_options *options,
                        struct slp_batch_submit_result *out, struct slp_err *err)
{
    struct state_table *table = NULL;
    struct jobs_submit_result result = {0};
    struct jobs_submit_options o = {.inputs = options->inputs,
                                    .input_count = api_count_texts(options->inputs),
                                    .dry_run = options->dry_run,
                                    .cancel = instance->cancel};
    if (o.input_count == 0)
        FAIL(err, INVALID, "nothing to submit: name files or folders");
    if (options->token)
        o.token = slice_str(options->token);
    TRY(api_instance_table(instance, options->table, &table, err));
    TRY(reading_of(options, table, &o.reading, err));
    TRY(jobs_submit(table, &o, instance->mem, &result, err));
    if (!options->dry_run)
        state_table_keep_due(table);
    *out = (struct slp_batch_submit_result){.files = result.files,
                                            .known = result.known,
                                            .bytes = result.bytes,
                                            .sequence = result.sequence,
                                            .was_duplicate = result.is_duplicate};
    return SLP_OK;
}

slp_rc slp_batch_withdraw(struct slp_instance *instance, const char *table,
                          const char *const *paths, size_t *count, struct slp_err *err)
{
    struct state_table *t = NULL;
    size_t gone = 0;
    TRY(api_instance_table(instance, table, &t, err));
    TRY(jobs_withdraw(t, paths, api_count_texts(paths), instance->mem, &gone, err));
    if (count)
        *count = gone;
    return SLP_OK;
}

slp_rc slp_batch_run(struct slp_instance *instance, const struct slp_batch_run_options *options,
                     struct slp_batch_run_result *out, struct slp_err *err)
{
    struct state_table *table = NULL;
    struct jobs_batch_result result = {0};
    struct jobs_batch_options o = {.all = options->all,
                                   .memory = (size_t)api_instance_memory(instance),
                                   .threads = api_instance_threads(instance),
                                   .cancel = instance->cancel,
                                   .on_line = options->on_line,
                                   .context = options->context};
    *out = (struct slp_batch_run_result){0};
    TRY(api_instance_table(instance, options->table, &table, err));
    slp_rc rc = jobs_batch_run(table, &o, instance->mem, &result, err);
    *out = (struct slp_batch_run_result){.batches = result.batches,
                                         .files = result.files,
                                         .rows = result.rows,
                                         .failures = result.failures};
    if (result.batches)
        state_table_keep_due(table);
    if (rc == SLP_OK && result.failures) {
        rc = result.first_rc;
        if (err)
            *err = result.first_err;
    }
    return rc;
}

/* ---- As rows ---- */

static slp_rc fill_due(struct listing *l, struct slp_err *err)
{
    static const char *const actions[] = {"run", "wait", "given up"};
    const bool *all = l->context;
    struct jobs_batch_plan plan = {0};
    struct jobs_batch_rules rules = jobs_batch_rules_for(l->table);
    struct jobs_batch_look look = {
        .now_us = store_now_us(l->instance->store), .all = *all, .since_us = INT64_MAX};
    TRY(jobs_batch_due(l->view, &rules, &look, &l->arena, &plan, err));
    for (size_t i = 0; i < plan.count; i++) {
        const struct jobs_batch *b = &plan.batches[i];
        bool waits = b->action == JOBS_BATCH_WAIT;
        struct list_value row[] = {list_text(slice_str(actions[b->action])),
                                   list_number((int64_t)b->count),
                                   list_number((int64_t)num_min_u64(b->bytes, INT64_MAX)),
                                   list_number(b->since_us),
                                   waits ? list_number(b->due_us) : list_null(),
                                   list_text(slice_str(b->why)),
                                   b->count == 1 ? list_text(b->files[0]->path) : list_null()};
        TRY(api_list_add(l->list, row, err));
    }
    return SLP_OK;
}

slp_rc slp_batch_due(struct slp_instance *instance, const char *table, bool all,
                     struct slp_rows **out, struct slp_err *err)
{
    static const struct list_column columns[] = {{"action", ARR_UTF8},   {"files", ARR_INT64},
                                                 {"bytes", ARR_INT64},   {"since", ARR_TIMESTAMP},
                                                 {"due", ARR_TIMESTAMP}, {"why", ARR_UTF8},
                                                 {"path", ARR_UTF8}};
    static const struct list_kind kind = {columns, 7, fill_due};
    return api_make_list(instance, table, &kind, &all, out, err);
}
