/*
 * Collecting and checking, of one table or of all.
 */
#include "upkeep/upkeep.h"
#include "api/instance.h"
#include "api/list.h"
#include "base/num.h"
#include "store/folder.h"

#define GC_AGE_MAX_S            ((int64_t)1000000000) /* thirty years: nothing is older */
#define INSTANCE_LIST_MAX_BYTES ((size_t)256 << 20)

/* Temporary files of writers that were killed go after this. */
#define SWEEP_AGE_S ((int64_t)7 * 24 * 3600)

/* What is done to one table, or to all in turn. */
typedef slp_rc (*table_fn)(struct slp_instance *instance, struct state_table *table, void *context,
                           struct slp_err *err);

/* Told when a table cannot be opened; what it returns is the answer for that table. */
typedef slp_rc (*unopened_fn)(void *context, struct slice table, slp_rc rc, struct slp_err *err);

static slp_rc pass_on(void *context, struct slice table, slp_rc rc, struct slp_err *err)
{
    (void)context;
    (void)table;
    (void)err;
    return rc;
}

static slp_rc open_and_do(struct slp_instance *instance, const struct state_table_entry *entry,
                          table_fn fn, unopened_fn unopened, void *context, struct slp_err *err)
{
    struct state_table *table = NULL;
    slp_rc rc = state_table_open_id(instance->state, entry->id, &table, err);
    if (rc != SLP_OK)
        return unopened(context, entry->name, rc, err);
    rc = state_table_read_defaults(table, err);
    if (rc == SLP_OK)
        rc = fn(instance, table, context, err);
    state_table_close(table);
    return rc;
}

static slp_rc each_table(struct slp_instance *instance, const char *name, table_fn fn,
                         unopened_fn unopened, void *context, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct arena arena;
    struct state_table *table = NULL;
    struct state_table_entry *tables = NULL;
    size_t count = 0;
    if (name) {
        rc = api_instance_table(instance, name, &table, err);
        if (rc != SLP_OK)
            return unopened(context, slice_str(name), rc, err);
        return fn(instance, table, context, err);
    }
    arena_init(&arena, instance->mem, INSTANCE_LIST_MAX_BYTES);
    TRY_OUT(state_table_list(instance->state, &arena, &tables, &count, err));
    for (size_t i = 0; i < count; i++) {
        rc = open_and_do(instance, &tables[i], fn, unopened, context, err);
        if (rc != SLP_OK) {
            (void)err_wrap(err, rc, "table \"%.*s\"", SLICE_ARG(tables[i].name));
            goto out;
        }
    }
out:
    arena_fini(&arena);
    return rc;
}

/* ------------------------------------------------------------------ gc */

struct gc_call {
    struct upkeep_gc_options options;
    struct slp_gc_result sum;
    struct list *list; /* NULL: nobody wants it */
};

static slp_rc note_garbage(void *context, const struct upkeep_garbage *g, struct slp_err *err)
{
    struct gc_call *call = context;
    struct list_value row[] = {list_text(g->object), list_number((int64_t)g->bytes),
                               list_text(g->why), list_number(g->age_s)};
    return call->list ? api_list_add(call->list, row, err) : SLP_OK;
}

static slp_rc collect_table(struct slp_instance *instance, struct state_table *table, void *context,
                            struct slp_err *err)
{
    struct gc_call *call = context;
    struct upkeep_gc_result result = {0};
    TRY(upkeep_collect(table, &call->options, instance->mem, &result, err));
    call->sum.objects += result.objects;
    call->sum.bytes += result.bytes;
    call->sum.is_capped = call->sum.is_capped || result.is_capped;
    return SLP_OK;
}

static slp_rc collect_all(struct slp_instance *instance, const char *table, struct gc_call *call,
                          struct slp_err *err)
{
    struct upkeep_gc_result rest = {0};
    call->options.told = note_garbage;
    call->options.context = call;
    TRY(each_table(instance, table, collect_table, pass_on, call, err));
    if (table)
        return SLP_OK;
    TRY(upkeep_collect_tables(instance->state, &call->options, instance->mem, &rest, err));
    call->sum.objects += rest.objects;
    call->sum.bytes += rest.bytes;
    call->sum.is_capped = call->sum.is_capped || rest.is_capped;
    return SLP_OK;
}

slp_rc slp_gc(struct slp_instance *instance, const struct slp_gc_options *options,
              struct slp_gc_result *out, struct slp_rows **list, struct slp_err *err)
{
    static const struct list_column columns[] = {
        {"object", ARR_UTF8}, {"bytes", ARR_INT64}, {"why", ARR_UTF8}, {"age_seconds", ARR_INT64}};
    slp_rc rc = SLP_OK;
    int64_t given_s = num_min_i64(options->min_age_s, GC_AGE_MAX_S);
    int64_t age_s = given_s >= 0 ? given_s : SWEEP_AGE_S;
    struct gc_call call = {
        .options = {.min_age_s = given_s, .dry_run = options->dry_run, .cancel = instance->cancel}};
    int64_t before_us = store_now_us(instance->store) - age_s * 1000000;
    if (list)
        TRY(api_list_new(instance->mem, columns, 4, &call.list, err));
    TRY_OUT(collect_all(instance, options->table, &call, err));
    if (!options->dry_run)
        TRY_OUT(store_folder_sweep(instance->store, before_us, NULL, err));
    if (list) {
        struct list *made = call.list;
        call.list = NULL;
        TRY_OUT(api_list_rows(made, list, err));
    }
    *out = call.sum;
out:
    api_list_free(call.list);
    return rc;
}

/* ------------------------------------------------------------------ check */

struct check_call {
    struct list *list;
    size_t problems;
};

static slp_rc note_finding(void *context, const struct upkeep_finding *finding, struct slp_err *err)
{
    struct check_call *call = context;
    const char *severity = upkeep_severity_text(finding->severity);
    struct list_value row[] = {list_text(finding->object), list_text(slice_str(severity)),
                               list_text(finding->text)};
    call->problems += finding->severity != UPKEEP_INFO;
    return api_list_add(call->list, row, err);
}

/* A log that cannot be replayed is a problem of the table, not of checking; so is one that no table's
 * catalogue could be read from. */
static slp_rc note_damaged_log(void *context, struct slice table, slp_rc rc, struct slp_err *err)
{
    if (rc != SLP_CORRUPT)
        return rc;
    struct slp_err found = *err;
    if (!slice_is(table, "catalogue"))
        (void)err_append(&found, rc, "; see 'sleeper repair'");
    struct upkeep_finding finding = {
        .severity = UPKEEP_ERROR, .object = table, .text = slice_str(found.text)};
    return note_finding(context, &finding, err);
}

static slp_rc check_table(struct slp_instance *instance, struct state_table *table, void *context,
                          struct slp_err *err)
{
    return upkeep_check(table, instance->cancel, note_finding, context, instance->mem, err);
}

/* A catalogue that cannot be read is a finding too. */
static slp_rc check_catalogue(struct slp_instance *instance, struct check_call *call,
                              bool *is_sound, struct slp_err *err)
{
    struct arena arena;
    struct state_table_entry *tables = NULL;
    size_t count = 0;
    arena_init(&arena, instance->mem, INSTANCE_LIST_MAX_BYTES);
    slp_rc rc = state_table_list(instance->state, &arena, &tables, &count, err);
    *is_sound = rc == SLP_OK;
    if (rc != SLP_OK)
        rc = note_damaged_log(call, slice_str("catalogue"), rc, err);
    arena_fini(&arena);
    return rc;
}

slp_rc slp_check(struct slp_instance *instance, const char *table, struct slp_rows **out,
                 size_t *problem_count, struct slp_err *err)
{
    static const struct list_column columns[] = {
        {"object", ARR_UTF8}, {"severity", ARR_UTF8}, {"problem", ARR_UTF8}};
    slp_rc rc = SLP_OK;
    bool is_sound = true;
    struct check_call call = {0};
    struct slp_err local = {.code = SLP_OK};
    err = err ? err : &local;
    TRY(api_list_new(instance->mem, columns, 3, &call.list, err));
    TRY_OUT(check_catalogue(instance, &call, &is_sound, err));
    if (is_sound)
        TRY_OUT(each_table(instance, table, check_table, note_damaged_log, &call, err));
    struct list *made = call.list;
    call.list = NULL;
    TRY_OUT(api_list_rows(made, out, err));
    *problem_count = call.problems;
out:
    api_list_free(call.list);
    return rc;
}

/* ------------------------------------------------------------------ repair */

static slp_rc note_repair(void *context, const struct upkeep_repair_row *r, struct slp_err *err)
{
    struct list_value row[] = {list_text(r->object), list_text(r->verdict), list_text(r->text)};
    return api_list_add(context, row, err);
}

/* By name; by id where the catalogue cannot be read. */
static slp_rc find_table_id(struct slp_instance *instance, struct slice table, struct hash128 *id,
                            struct slp_err *err)
{
    struct arena arena;
    struct state_table_entry *tables = NULL;
    size_t count = 0;
    bool is_found = false;
    arena_init(&arena, instance->mem, INSTANCE_LIST_MAX_BYTES);
    slp_rc rc = state_table_list(instance->state, &arena, &tables, &count, err);
    for (size_t i = 0; rc == SLP_OK && i < count && !is_found; i++) {
        is_found = slice_equal(tables[i].name, table);
        if (is_found)
            *id = tables[i].id;
    }
    arena_fini(&arena);
    if (is_found)
        return SLP_OK;
    if (table.len == 32 && hash_parse(table, id)) {
        err_clear(err);
        return SLP_OK;
    }
    TRY(rc);
    FAIL(err, NOT_FOUND, "no table \"%.*s\"; 'sleeper table list' shows those there are",
         SLICE_ARG(table));
}

slp_rc slp_repair(struct slp_instance *instance, const struct slp_repair_options *options,
                  struct slp_repair_result *out, struct slp_rows **list, struct slp_err *err)
{
    static const struct list_column columns[] = {
        {"object", ARR_UTF8}, {"verdict", ARR_UTF8}, {"text", ARR_UTF8}};
    slp_rc rc = SLP_OK;
    struct hash128 id;
    struct upkeep_repair_result result = {0};
    struct upkeep_repair_options o = {
        .dry_run = options->dry_run, .cancel = instance->cancel, .told = note_repair};
    struct list *rows = NULL;
    TRY(find_table_id(instance, slice_str(options->table), &id, err));
    TRY(api_list_new(instance->mem, columns, 3, &rows, err));
    o.context = rows;
    TRY_OUT(upkeep_repair(instance->state, id, &o, instance->mem, &result, err));
    struct list *made = rows;
    rows = NULL;
    TRY_OUT(api_list_rows(made, list, err));
    *out = (struct slp_repair_result){.was_damaged = result.is_damaged,
                                      .lost = result.lost,
                                      .undecided = result.undecided,
                                      .sequence = result.number};
    memcpy(out->broken, result.broken, sizeof out->broken);
out:
    api_list_free(rows);
    return err_wrap(err, rc, "table \"%s\"", options->table);
}
