#include "api/fn_sink.h"
#include "api/instance.h"
#include "base/num.h"
#include "ingest/ingest.h"
#include "upkeep/upkeep.h"

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
        FAIL(err, INVALID, "a quarantine file (--quarantine) is for --on-error quarantine");
    if (policy == INGEST_FAIL && o->max_errors)
        FAIL(err, INVALID,
             "a number of bad rows (--max-errors) is for --on-error skip and quarantine");
    if (o->max_errors < 0)
        FAIL(err, INVALID, "a negative number of bad rows");
    out->on_error = (enum ingest_on_error)policy;
    out->layout = (enum ingest_layout)(strategy + INGEST_LAYOUT_AUTO);
    out->quarantine = o->quarantine;
    out->max_errors = o->max_errors;
    return SLP_OK;
}

slp_rc api_input_format(const char *name, enum rows_format *out, struct slp_err *err)
{
    enum rows_format format = ROWS_AUTO;
    if (rows_format_parse(slice_str(name), &format, NULL) != SLP_OK)
        FAIL(err, INVALID,
             "unknown input format \"%s\"; expected parquet, csv, tsv, ndjson or arrow", name);
    *out = format;
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
    if (options->row_kinds)
        o.row_kinds = slice_str(options->row_kinds);
    if (options->format)
        TRY(api_input_format(options->format, &o.format, err));
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
