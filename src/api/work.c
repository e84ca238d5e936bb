/*
 * Compaction, explained and run; workers.
 */
#include "sleeper/work.h"

#include <stdio.h>

#include "api/listing.h"
#include "base/num.h"
#include "compact/compact.h"
#include "jobs/work.h"
#include "process/retire.h"

#define DUE_MAX_BYTES ((size_t)4 << 30)

static slp_rc count_files(struct slp_instance *instance, struct state_table *table, size_t *count,
                          struct slp_err *err)
{
    struct arena arena;
    arena_init(&arena, instance->mem, DUE_MAX_BYTES);
    slp_rc rc = state_files_count(state_table_view(table), &arena, count, err);
    arena_fini(&arena);
    return rc;
}

/* Who is told, and of which table. */
struct told {
    const struct slp_compact_options *options;
};

static void tell_line(void *context, const char *line)
{
    const struct told *told = context;
    if (told->options->on_job)
        told->options->on_job(told->options->context, line);
}

static void tell_progress(void *context, const struct compact_progress *p)
{
    const struct told *told = context;
    struct slp_progress progress = {.table = told->options->table,
                                    .job = p->job,
                                    .jobs = p->jobs,
                                    .jobs_due = p->jobs_due,
                                    .rows = p->rows,
                                    .rows_due = p->rows_due};
    if (told->options->on_progress)
        told->options->on_progress(told->options->context, &progress);
}

static slp_rc take_options(struct slp_instance *instance, const struct slp_compact_options *options,
                           struct told *told, struct compact_options *out, struct slp_err *err)
{
    *out = (struct compact_options){.all = options->all,
                                    .makes_only = options->makes_only,
                                    .has_strategy = options->strategy != NULL,
                                    .memory = (size_t)api_instance_memory(instance),
                                    .threads = api_instance_threads(instance),
                                    .cancel = instance->cancel,
                                    .on_job = tell_line,
                                    .on_progress = tell_progress,
                                    .context = told};
    if (options->strategy && !compact_strategy_parse(slice_str(options->strategy), &out->strategy))
        FAIL(err, INVALID,
             "unknown strategy \"%s\"; expected size-ratio, basic, leveled or time-window",
             options->strategy);
    if (options->all && options->strategy)
        FAIL(err, INVALID, "all runs of a partition become one or a strategy chooses: not both");
    return SLP_OK;
}

/* What is due, with the arena that has it. */
static slp_rc find_due(struct state_table *table, const struct compact_options *o,
                       struct arena *arena, struct compact_due *out, struct slp_err *err)
{
    struct compact_rules rules = compact_rules_for(table, o);
    return compact_find_due(state_table_view(table), &rules, true, arena, out, err);
}

static slp_rc tell_due(struct slp_instance *instance, struct state_table *table,
                       struct compact_options *o, size_t *jobs, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct arena arena;
    struct compact_due due = {0};
    char line[256];
    arena_init(&arena, instance->mem, DUE_MAX_BYTES);
    TRY_OUT(find_due(table, o, &arena, &due, err));
    for (size_t i = 0; i < due.count; i++) {
        const struct compact_choice *c = &due.choices[i];
        (void)snprintf(line, sizeof line, "due: %s %zu file%s: %s", compact_choice_name(c->kind),
                       c->input_count, c->input_count == 1 ? "" : "s", c->why);
        tell_line(o->context, line);
    }
    *jobs = due.count;
out:
    arena_fini(&arena);
    return rc;
}

static slp_rc is_offline(struct slp_instance *instance, const char *table, bool *out,
                         struct slp_err *err)
{
    struct arena arena;
    struct state_table_entry *tables = NULL;
    size_t count = 0;
    arena_init(&arena, instance->mem, DUE_MAX_BYTES);
    slp_rc rc = state_table_list(instance->state, &arena, &tables, &count, err);
    *out = false;
    for (size_t i = 0; rc == SLP_OK && i < count; i++)
        if (slice_equal(tables[i].name, slice_str(table)))
            *out = tables[i].is_offline;
    arena_fini(&arena);
    return rc;
}

slp_rc slp_compact(struct slp_instance *instance, const struct slp_compact_options *options,
                   struct slp_compact_result *out, struct slp_err *err)
{
    struct state_table *table = NULL;
    struct compact_result result = {0};
    struct slp_compact_result answer = {0};
    struct told told = {.options = options};
    struct compact_options o;
    TRY(take_options(instance, options, &told, &o, err));
    TRY(api_instance_table(instance, options->table, &table, err));
    TRY(is_offline(instance, options->table, &answer.is_offline, err));
    TRY(count_files(instance, table, &answer.files_before, err));
    if (options->dry_run)
        TRY(tell_due(instance, table, &o, &result.jobs, err));
    else
        TRY(compact_run(table, &o, instance->mem, &result, err));
    if (!options->dry_run)
        TRY(process_retire(table, instance->mem, NULL, err));
    TRY(count_files(instance, table, &answer.files_after, err));
    /* Whoever runs jobs that were only made keeps the log, too. */
    if (!options->dry_run && !options->makes_only)
        state_table_keep_due(table);
    answer.jobs = result.jobs;
    answer.rows = result.rows;
    *out = answer;
    return SLP_OK;
}

/* ---- As rows ---- */

static slp_rc add_row(struct listing *l, const char *action, const struct compact_choice *c,
                      size_t held, struct slp_err *err)
{
    bool is_leaf = c->kind == COMPACT_DUE_MERGE;
    struct list_value row[] = {list_text(slice_str(action)),
                               is_leaf ? list_number((int64_t)c->leaf_index) : list_null(),
                               list_null(),
                               list_null(),
                               list_number((int64_t)c->runs),
                               c->inputs ? list_number((int64_t)c->input_count) : list_null(),
                               list_number(c->rows),
                               list_number((int64_t)num_min_u64(c->bytes, INT64_MAX)),
                               list_number((int64_t)held),
                               list_text(slice_str(c->why))};
    if (is_leaf)
        TRY(api_range_text(l, state_leaf_at(l->view, c->leaf_index)->range, &row[2], &row[3], err));
    return api_list_add(l->list, row, err);
}

static slp_rc fill_due(struct listing *l, struct slp_err *err)
{
    struct compact_due due = {0};
    TRY(find_due(l->table, l->context, &l->arena, &due, err));
    for (size_t i = 0; i < due.count; i++)
        TRY(add_row(l, compact_choice_name(due.choices[i].kind), &due.choices[i], 0, err));
    for (size_t i = 0; i < due.left_count; i++) {
        const struct compact_left *left = &due.left[i];
        struct compact_choice c = {.kind = COMPACT_DUE_MERGE,
                                   .leaf_index = left->leaf_index,
                                   .runs = left->runs,
                                   .rows = left->rows,
                                   .bytes = left->bytes,
                                   .why = left->why};
        TRY(add_row(l, "leave", &c, left->held, err));
    }
    return SLP_OK;
}

slp_rc slp_compact_due(struct slp_instance *instance, const struct slp_compact_options *options,
                       struct slp_rows **out, struct slp_err *err)
{
    static const struct list_column columns[] = {
        {"action", ARR_UTF8}, {"partition", ARR_INT64}, {"from", ARR_UTF8},  {"to", ARR_UTF8},
        {"runs", ARR_INT64},  {"files", ARR_INT64},     {"rows", ARR_INT64}, {"bytes", ARR_INT64},
        {"held", ARR_INT64},  {"why", ARR_UTF8}};
    static const struct list_kind kind = {columns, 10, fill_due};
    struct told told = {.options = options};
    struct compact_options o;
    TRY(take_options(instance, options, &told, &o, err));
    return api_make_list(instance, options->table, &kind, &o, out, err);
}

/* ---- Workers ---- */

static void tell_table(void *context, const char *table, const char *line)
{
    const struct slp_work_options *o = context;
    if (o->on_line)
        o->on_line(o->context, table, line);
}

static void tell_table_progress(void *context, const char *table, const struct compact_progress *p)
{
    const struct slp_work_options *o = context;
    struct slp_progress progress = {.table = table,
                                    .job = p->job,
                                    .jobs = p->jobs,
                                    .jobs_due = p->jobs_due,
                                    .rows = p->rows,
                                    .rows_due = p->rows_due};
    if (o->on_progress)
        o->on_progress(o->context, &progress);
}

#define WORK_INTERVAL_MAX_S 86400.0

slp_rc slp_work(struct slp_instance *instance, const struct slp_work_options *options,
                struct slp_work_result *out, struct slp_err *err)
{
    struct jobs_result result = {0};
    struct slp_work_options told = *options;
    struct jobs_options o = {.once = options->once,
                             .commits = options->commits,
                             .memory = (size_t)api_instance_memory(instance),
                             .threads = api_instance_threads(instance),
                             .cancel = instance->cancel,
                             .on_line = tell_table,
                             .on_progress = tell_table_progress,
                             .context = &told};
    if (!(options->interval_s >= 0 && options->interval_s <= WORK_INTERVAL_MAX_S))
        FAIL(err, INVALID, "an interval is at most a day");
    o.wait_us = (int64_t)(options->interval_s * 1e6);
    slp_rc rc = jobs_work(instance->state, &o, instance->mem, &result, err);
    *out = (struct slp_work_result){.compactions = result.compactions,
                                    .splits = result.splits,
                                    .collected = result.collected,
                                    .packed = result.packed,
                                    .failures = result.failures,
                                    .batches = result.batches};
    return rc;
}
