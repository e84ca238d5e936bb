/*
 * The state of a table in one line. Depth, rows, and files that several leaves share are properties of
 * all leaves together, so that all are loaded; the catalogue is read once, whatever the number of tables.
 */
#include <stdio.h>

#include "api/at.h"
#include "api/listing.h"
#include "base/num.h"
#include "process/process.h"
#include "state/global.h"

/* What is gathered leaf by leaf. */
struct leaf_sums {
    size_t depth;        /* the most runs over one key */
    uint64_t unassigned; /* bytes that wait to be merged: of leaves of several runs, in no job */
};

static slp_rc sum_leaves(const struct table_state *s, struct leaf_sums *out, struct slp_err *err)
{
    struct leaf_sums sums = {.depth = 0};
    for (size_t i = 0; i < state_leaf_count(s); i++) {
        const struct state_leaf *leaf = state_leaf_at(s, i);
        size_t depth = 0;
        size_t free_refs = 0;
        TRY(state_leaf_depth(s, leaf, &depth, err));
        for (size_t k = 0; k < leaf->ref_count; k++)
            free_refs += !state_leaf_brief(leaf, k).job;
        sums.depth = depth > sums.depth ? depth : sums.depth;
        if (depth > 1 && leaf->ref_count)
            sums.unassigned += (uint64_t)((double)state_leaf_bytes(leaf) * (double)free_refs /
                                          (double)leaf->ref_count);
    }
    *out = sums;
    return SLP_OK;
}

/* Why ingests are delayed or refused, apart by blanks; nothing where they are not. */
static struct slice signals_of(const struct listing *l, const struct leaf_sums *sums, char *out,
                               size_t room)
{
    struct schema_properties p = state_table_properties(l->table);
    int64_t depth = (int64_t)sums->depth;
    int64_t unfiled = (int64_t)state_unfiled_count(l->view);
    const char *paused = state_is_paused(l->view) ? " paused" : "";
    const char *deep =
        depth >= schema_property_number(&p, SCHEMA_PROPERTY_DEPTH_HARD)   ? " depth-hard"
        : depth >= schema_property_number(&p, SCHEMA_PROPERTY_DEPTH_SOFT) ? " depth-soft"
                                                                          : "";
    bool is_wide = unfiled >= schema_property_number(&p, SCHEMA_PROPERTY_UNFILED_SOFT);
    bool is_long =
        state_table_waiting(l->table) >= schema_property_number(&p, SCHEMA_PROPERTY_WAITING_SOFT);
    int n = snprintf(out, room, "%s%s%s%s", paused, deep, is_wide ? " unfiled-soft" : "",
                     is_long ? " waiting-soft" : "");
    return n > 0 ? slice_of(out + 1, (size_t)n - 1) : slice_of(out, 0);
}

static bool is_offline(const struct listing *l, const struct state_contents *c)
{
    for (size_t i = 0; i < c->table_count; i++)
        if (hash_equal(c->tables[i].id, state_table_id(l->table)))
            return c->tables[i].is_offline;
    return false;
}

static slp_rc sum_files(struct listing *l, size_t *count, int64_t *bytes, struct slp_err *err)
{
    uint64_t sum = 0;
    TRY(state_files_size(l->view, &l->arena, count, &sum, err));
    *bytes = (int64_t)num_min_u64(sum, INT64_MAX);
    return SLP_OK;
}

/* Do queries give the rows as files have them? */
static slp_rc keeps_rows(const struct listing *l, bool *out, struct slp_err *err)
{
    struct process *p = NULL;
    struct schema_properties properties = state_table_properties(l->table);
    TRY(process_open(l->table, l->instance->mem, &p, err));
    *out = !p && schema_property_text(&properties, SCHEMA_PROPERTY_ITERATORS).len == 0;
    process_close(p);
    return SLP_OK;
}

/* Rows of queries where that is as cheap as asking the log, else those that are stored: a look at a
 * table neither reads all of it nor fails of what its engine or iterators make of a row. */
static slp_rc sum_rows(struct listing *l, int64_t *out, struct slp_err *err)
{
    const struct table_state *s = l->view;
    bool is_kept = false;
    struct query_options o = {.cancel = l->instance->cancel, .counts = &l->instance->counts};
    TRY(keeps_rows(l, &is_kept, err));
    if (is_kept)
        return query_count(l->table, &o, l->instance->mem, out, err);
    *out = 0;
    for (size_t i = 0; i < state_leaf_count(s); i++)
        *out += state_leaf_rows(state_leaf_at(s, i), NULL);
    for (size_t i = 0; i < state_unfiled_count(s); i++)
        *out += state_unfiled_at(s, i)->file->info.rows;
    return SLP_OK;
}

static const struct list_column columns[] = {
    {"table", ARR_UTF8},        {"sequence", ARR_INT64},       {"partitions", ARR_INT64},
    {"files", ARR_INT64},       {"unfiled", ARR_INT64},        {"rows", ARR_INT64},
    {"bytes", ARR_INT64},       {"depth", ARR_INT64},          {"jobs", ARR_INT64},
    {"dead_files", ARR_INT64},  {"time", ARR_TIMESTAMP},       {"unassigned_bytes", ARR_INT64},
    {"waiting", ARR_INT64},     {"pins", ARR_INT64},           {"purges", ARR_INT64},
    {"properties", ARR_INT64},  {"schema_version", ARR_INT64}, {"snapshot", ARR_INT64},
    {"minted_mark", ARR_INT64}, {"horizon_mark", ARR_INT64},   {"has_deleted", ARR_BOOL},
    {"offline", ARR_BOOL},      {"paused", ARR_BOOL},          {"signals", ARR_UTF8}};

static slp_rc add_status(struct listing *l, struct slice name, struct slp_err *err)
{
    const struct table_state *s = l->view;
    size_t count = 0;
    int64_t rows = 0;
    int64_t bytes = 0;
    char signals[64];
    const struct state_contents *contents = l->context;
    TRY(sum_files(l, &count, &bytes, err));
    TRY(state_table_set_defaults(l->table, contents->defaults, contents->default_count, err));
    TRY(sum_rows(l, &rows, err));
    struct leaf_sums sums = {.depth = 0};
    TRY(sum_leaves(s, &sums, err));
    size_t verified = state_verified_count(s);
    struct list_value row[] = {
        list_text(name),
        list_number((int64_t)state_number(s)),
        list_number((int64_t)state_leaf_count(s)),
        list_number((int64_t)count),
        list_number((int64_t)state_unfiled_count(s)),
        list_number(rows),
        list_number(bytes),
        list_number((int64_t)sums.depth),
        list_number((int64_t)state_job_count(s)),
        list_number((int64_t)state_dead_count(s)),
        list_number(state_time_us(s)),
        list_number((int64_t)sums.unassigned),
        list_number(state_table_waiting(l->table)),
        list_number((int64_t)state_pin_count(s)),
        list_number((int64_t)state_purge_count(s)),
        list_number((int64_t)state_property_count(s)),
        list_number(state_schema_version(s)),
        verified ? list_number((int64_t)state_verified_at(s, verified - 1)->number) : list_null(),
        list_number((int64_t)state_minted(s)),
        list_number((int64_t)state_horizon(s)),
        list_number(state_has_deleted(s)),
        list_number(is_offline(l, contents)),
        list_number(state_is_paused(s)),
        list_text(signals_of(l, &sums, signals, sizeof signals))};
    return api_list_add(l->list, row, err);
}

static slp_rc fill_status(struct listing *l, struct slp_err *err)
{
    const char *name = l->context;
    struct state_contents contents;
    TRY(state_contents_list(l->instance->state, &l->arena, &contents, err));
    l->context = &contents;
    slp_rc rc = add_status(l, slice_str(name), err);
    l->context = name;
    return rc;
}

static slp_rc fill_status_of_all(struct listing *l, struct slp_err *err)
{
    struct state_contents contents;
    TRY(state_contents_list(l->instance->state, &l->arena, &contents, err));
    l->context = &contents;
    slp_rc rc = api_each_listed(l, add_status, err);
    l->context = NULL;
    return rc;
}

slp_rc slp_status_at(struct slp_instance *instance, const char *table, const char *at,
                     struct slp_rows **out, struct slp_err *err)
{
    static const struct list_kind kind = {columns, sizeof columns / sizeof *columns, fill_status};
    struct listing l = {.instance = instance, .context = table};
    struct reading reading = {.table = table, .at = at};
    struct state_table *owned = NULL;
    TRY(api_table_for_reading(instance, &reading, &l.table, &owned, err));
    l.view = state_table_view(l.table);
    slp_rc rc = api_fill_list(&l, &kind, out, err);
    state_table_close(owned);
    return rc;
}

slp_rc slp_status(struct slp_instance *instance, const char *table, struct slp_rows **out,
                  struct slp_err *err)
{
    static const struct list_kind all = {columns, sizeof columns / sizeof *columns,
                                         fill_status_of_all};
    struct listing l = {.instance = instance};
    return table ? slp_status_at(instance, table, NULL, out, err)
                 : api_fill_list(&l, &all, out, err);
}
