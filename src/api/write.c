#include "api/fn_sink.h"
#include "api/instance.h"
#include "api/list.h"
#include "base/num.h"
#include "ingest/ingest.h"
#include "store/folder.h"
#include "upkeep/upkeep.h"

#define GC_AGE_MAX_S            ((int64_t)1000000000) /* thirty years: nothing is older */
#define INSTANCE_LIST_MAX_BYTES ((size_t)256 << 20)

/* The place of a name in a list that ends with NULL; -1: it is not there. */
static int place_of(const char *name, const char *const *names)
{
    for (int i = 0; names[i]; i++)
        if (strcmp(name, names[i]) == 0)
            return i;
    return -1;
}

static slp_rc parse_policies(const struct slp_ingest_options *o, struct ingest_options *out,
                             struct slp_err *err)
{
    static const char *const policies[] = {"fail", "skip", "quarantine", NULL};
    static const char *const strategies[] = {"auto", "one_file_per_leaf", "one_reference_per_leaf",
                                             NULL};
    int policy = o->on_error ? place_of(o->on_error, policies) : 0;
    int strategy = o->file_strategy ? place_of(o->file_strategy, strategies) : -1;
    if (policy < 0)
        FAIL(err, INVALID, "unknown policy \"%s\" for bad rows; expected fail, skip or quarantine",
             o->on_error);
    if (o->file_strategy && strategy < 0)
        FAIL(err, INVALID,
             "unknown file strategy \"%s\"; expected auto, one_file_per_leaf or "
             "one_reference_per_leaf",
             o->file_strategy);
    if (policy != INGEST_QUARANTINE && o->quarantine)
        FAIL(err, INVALID, "a quarantine file is for the policy quarantine");
    if (policy == INGEST_FAIL && o->max_errors)
        FAIL(err, INVALID, "a number of bad rows is for the policies skip and quarantine");
    if (o->max_errors < 0)
        FAIL(err, INVALID, "a negative number of bad rows");
    out->on_error = (enum ingest_on_error)policy;
    out->layout = (enum ingest_layout)(strategy + INGEST_LAYOUT_AUTO);
    out->quarantine = o->quarantine;
    out->max_errors = o->max_errors;
    return SLP_OK;
}

slp_rc slp_ingest(struct slp_instance *instance, const struct slp_ingest_options *options,
                  struct slp_ingest_result *out, struct slp_err *err)
{
    struct state_table *table = NULL;
    struct ingest_result result = {0};
    struct ingest_options o = {.inputs = options->inputs,
                               .dry_run = options->dry_run,
                               .memory = (size_t)api_instance_memory(instance),
                               .threads = api_instance_threads(instance),
                               .cancel = instance->cancel};
    o.input_count = api_count_texts(o.inputs);
    if (o.input_count == 0)
        FAIL(err, INVALID, "nothing to ingest: name files, folders or - for standard input");
    if (options->token)
        o.token = slice_str(options->token);
    if (options->format && rows_format_parse(slice_str(options->format), &o.format, NULL) != SLP_OK)
        FAIL(err, INVALID,
             "unknown input format \"%s\"; expected parquet, csv, tsv, ndjson or arrow",
             options->format);
    TRY(parse_policies(options, &o, err));
    TRY(api_instance_table(instance, options->table, &table, err));
    TRY(ingest_run(table, &o, instance->mem, &result, err));
    state_table_keep_due(table);
    *out = (struct slp_ingest_result){.rows = result.rows,
                                      .files_read = result.inputs,
                                      .files_written = result.files,
                                      .bytes_written = result.bytes,
                                      .sequence = result.at.frame,
                                      .was_duplicate = result.is_duplicate,
                                      .rows_rejected = result.rejected};
    return SLP_OK;
}

/* Partitions are split that have more rows than this. */
static int64_t split_threshold(const struct state_table *table)
{
    struct schema_properties p = state_table_properties(table);
    int64_t least = schema_property_number(&p, SCHEMA_PROPERTY_SPLIT_LEAST_ROWS);
    return num_max_i64(schema_property_number(&p, SCHEMA_PROPERTY_SPLIT_THRESHOLD), least - 1);
}

slp_rc slp_split(struct slp_instance *instance, const struct slp_split_options *options,
                 size_t *split_count, struct slp_err *err)
{
    struct state_table *table = NULL;
    TRY(api_instance_table(instance, options->table, &table, err));
    int64_t rows = options->threshold_rows ? options->threshold_rows : split_threshold(table);
    TRY(upkeep_split(table, rows, options->dry_run, instance->mem, split_count, err));
    if (!options->dry_run)
        state_table_keep_due(table);
    return SLP_OK;
}

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

struct gc_call {
    struct upkeep_gc_options options;
    struct slp_gc_result sum;
};

static slp_rc collect_table(struct slp_instance *instance, struct state_table *table, void *context,
                            struct slp_err *err)
{
    struct gc_call *call = context;
    struct upkeep_gc_result result = {0};
    TRY(upkeep_collect(table, &call->options, instance->mem, &result, err));
    call->sum.objects += result.objects;
    call->sum.bytes += result.bytes;
    return SLP_OK;
}

slp_rc slp_gc(struct slp_instance *instance, const struct slp_gc_options *options,
              struct slp_gc_result *out, struct slp_err *err)
{
    int64_t given_s = num_min_i64(options->min_age_s, GC_AGE_MAX_S);
    int64_t age_s = given_s >= 0 ? given_s : UPKEEP_STRANGER_AGE_S;
    struct gc_call call = {
        .options = {.min_age_s = given_s, .dry_run = options->dry_run, .cancel = instance->cancel}};
    int64_t before_us = store_now_us(instance->store) - age_s * 1000000;
    TRY(each_table(instance, options->table, collect_table, pass_on, &call, err));
    if (!options->dry_run)
        TRY(store_folder_sweep(instance->store, before_us, NULL, err));
    *out = call.sum;
    return SLP_OK;
}

struct check_call {
    struct list *list;
    size_t problems;
};

static slp_rc note_problem(void *context, struct slice object, const char *problem,
                           struct slp_err *err)
{
    struct check_call *call = context;
    struct list_value row[] = {list_text(object), list_text(slice_str(problem))};
    call->problems++;
    return api_list_add(call->list, row, err);
}

/* A log that cannot be replayed is a problem of the table, not of checking. */
static slp_rc note_damaged_log(void *context, struct slice table, slp_rc rc, struct slp_err *err)
{
    if (rc != SLP_CORRUPT)
        return rc;
    struct slp_err found = *err;
    return note_problem(context, table, found.text, err);
}

static slp_rc check_table(struct slp_instance *instance, struct state_table *table, void *context,
                          struct slp_err *err)
{
    return upkeep_check(table, instance->cancel, note_problem, context, instance->mem, err);
}

slp_rc slp_check(struct slp_instance *instance, const char *table, struct slp_rows **out,
                 size_t *problem_count, struct slp_err *err)
{
    static const struct list_column columns[] = {{"object", ARR_UTF8}, {"problem", ARR_UTF8}};
    struct check_call call = {0};
    struct slp_err local = {.code = SLP_OK};
    err = err ? err : &local;
    TRY(api_list_new(instance->mem, columns, 2, &call.list, err));
    slp_rc rc = each_table(instance, table, check_table, note_damaged_log, &call, err);
    if (rc != SLP_OK) {
        api_list_free(call.list);
        return rc;
    }
    TRY(api_list_rows(call.list, out, err));
    *problem_count = call.problems;
    return SLP_OK;
}

slp_rc slp_inspect(const char *path, const char *format, slp_write_fn write, void *context,
                   struct slp_err *err)
{
    struct fn_sink sink;
    bool is_json = format && strcmp(format, "json") == 0;
    if (format && !is_json && strcmp(format, "text") != 0)
        FAIL(err, INVALID, "format \"%s\" is not known to inspect; expected text or json", format);
    api_fn_sink_init(&sink, write, context);
    return upkeep_inspect(path, is_json ? SHOW_AS_JSON : SHOW_AS_TEXT, alloc_system(), &sink.base,
                          err);
}
