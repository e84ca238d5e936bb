#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "app.h"
#include "base/err.h"
#include "base/text.h"

slp_rc run_init(struct app *app, const struct args *args, struct slp_err *err)
{
    (void)args;
    const char *uri = NULL;
    TRY(app_instance_uri(app, &uri, err));
    TRY(slp_instance_create(uri, err));
    app_notice(app, "instance created at %s", uri);
    return SLP_OK;
}

slp_rc run_table_create(struct app *app, const struct args *args, struct slp_err *err)
{
    struct slp_instance *instance = NULL;
    struct slp_table_options o = {.name = args->arguments[0]};
    const char *schema = args_value(args, OPTION_SCHEMA);
    const char *points = args_value(args, OPTION_SPLIT_POINTS);
    o.like_file = args_value(args, OPTION_LIKE);
    if (!schema == !o.like_file)
        FAIL(err, INVALID, "give either --schema FILE or --like FILE with --row-key");
    if (schema && (args_has(args, OPTION_ROW_KEY) || args_has(args, OPTION_SORT_KEY)))
        FAIL(err, INVALID, "--row-key and --sort-key go with --like; a schema names its own");
    if (o.like_file && !args_has(args, OPTION_ROW_KEY))
        FAIL(err, INVALID, "--like needs --row-key A[,B]: the fields rows are found by");
    TRY(app_instance(app, &instance, err));
    if (schema)
        TRY(app_read_file(app, schema, &o.schema_json, err));
    if (o.like_file)
        TRY(app_list(app, args_value(args, OPTION_ROW_KEY), &o.row_key, err));
    if (args_has(args, OPTION_SORT_KEY))
        TRY(app_list(app, args_value(args, OPTION_SORT_KEY), &o.sort_key, err));
    if (points)
        TRY(app_read_file(app, points, &o.split_points, err));
    o.split_points_base64 = args_has(args, OPTION_BASE64);
    o.engine = args_value(args, OPTION_ENGINE);
    o.order_by = args_value(args, OPTION_ORDER_BY);
    TRY(app_settings(app, NULL, &o.settings, &o.setting_count, err));
    TRY(slp_table_create(instance, &o, err));
    app_notice(app, "table \"%s\" created", o.name);
    return SLP_OK;
}

slp_rc app_print_list(struct app *app, list_fn list, struct slp_err *err)
{
    struct slp_instance *instance = NULL;
    struct slp_rows *rows = NULL;
    TRY(app_instance(app, &instance, err));
    TRY(list(instance, app->args->arguments[0], &rows, err));
    return app_print_rows(app, rows, true, err);
}

static slp_rc list_tables(struct slp_instance *instance, const char *table, struct slp_rows **out,
                          struct slp_err *err)
{
    (void)table;
    return slp_table_list(instance, out, err);
}

slp_rc run_table_list(struct app *app, const struct args *args, struct slp_err *err)
{
    (void)args;
    return app_print_list(app, list_tables, err);
}

slp_rc run_table_describe(struct app *app, const struct args *args, struct slp_err *err)
{
    (void)args;
    return app_print_list(app, slp_table_describe, err);
}

slp_rc run_partition_list(struct app *app, const struct args *args, struct slp_err *err)
{
    (void)args;
    return app_print_list(app, slp_partition_list, err);
}

slp_rc run_file_list(struct app *app, const struct args *args, struct slp_err *err)
{
    (void)args;
    return app_print_list(app, slp_file_list, err);
}

slp_rc run_log(struct app *app, const struct args *args, struct slp_err *err)
{
    (void)args;
    return app_print_list(app, slp_log_list, err);
}

slp_rc run_status(struct app *app, const struct args *args, struct slp_err *err)
{
    struct slp_instance *instance = NULL;
    struct slp_rows *rows = NULL;
    const char *at = args_value(args, OPTION_AT);
    if (!at)
        return app_print_list(app, slp_status, err);
    if (!args->arguments[0])
        FAIL(err, INVALID, "--at is about one table: sleeper status NAME --at STATE");
    TRY(app_instance(app, &instance, err));
    TRY(slp_status_at(instance, args->arguments[0], at, &rows, err));
    return app_print_rows(app, rows, true, err);
}

slp_rc run_check(struct app *app, const struct args *args, struct slp_err *err)
{
    struct slp_instance *instance = NULL;
    struct slp_rows *rows = NULL;
    size_t problems = 0;
    TRY(app_instance(app, &instance, err));
    TRY(slp_check(instance, args->arguments[0], &rows, &problems, err));
    TRY(app_print_rows(app, rows, true, err));
    if (problems)
        FAIL(err, CORRUPT, "%zu problem%s found", problems, problems == 1 ? "" : "s");
    app_notice(app, "no problems found");
    return SLP_OK;
}

slp_rc app_values(struct app *app, enum option_id id, const char *const **out, struct slp_err *err)
{
    int n = 0;
    const char **list = NULL;
    while (args_nth(app->args, id, n))
        n++;
    if (n == 0)
        return SLP_OK;
    TRY(arena_array(&app->arena, (size_t)n + 1, sizeof *list, (void **)&list, err));
    for (int i = 0; i < n; i++)
        list[i] = args_nth(app->args, id, i);
    *out = list;
    return SLP_OK;
}

/* Of a get none where --key names fields. */
slp_rc app_keys(struct app *app, const char *const **out, struct slp_err *err)
{
    const struct args *args = app->args;
    const char *path = args_value(args, OPTION_KEYS);
    const char *const *given = args->arguments + 1;
    size_t count = (size_t)args->argument_count - 1;
    if (path && count)
        FAIL(err, INVALID, "give keys either as arguments or by --keys");
    if (!path) {
        *out = given;
        return SLP_OK;
    }
    const char *text = NULL;
    TRY(app_read_file(app, path, &text, err));
    size_t lines = 1;
    for (const char *c = text; *c; c++)
        lines += *c == '\n';
    const char **keys = NULL;
    TRY(arena_array(&app->arena, lines + 1, sizeof *keys, (void **)&keys, err));
    size_t n = 0;
    while (*text) {
        size_t len = strcspn(text, "\n");
        size_t shown = len > 0 && text[len - 1] == '\r' ? len - 1 : len;
        if (shown)
            TRY(arena_text(&app->arena, slice_of(text, shown), &keys[n++], err));
        text += len + (text[len] == '\n');
    }
    *out = keys;
    return SLP_OK;
}

slp_rc run_get(struct app *app, const struct args *args, struct slp_err *err)
{
    struct slp_instance *instance = NULL;
    struct slp_rows *rows = NULL;
    struct slp_get_options o = {.table = args->arguments[0]};
    int64_t limit = 0; /* kept when printing */
    o.at = args_value(args, OPTION_AT);
    TRY(app_min_sequence(app, &o.min_sequence, err));
    TRY(app_keys(app, &o.keys, err));
    TRY(app_values(app, OPTION_ITERATOR, &o.iterators, err));
    TRY(app_pairs(app, OPTION_KEY, &o.key_fields, &o.key_field_count, err));
    if (o.key_field_count && o.keys[0])
        FAIL(err, INVALID, "give keys either as text or by --key FIELD=VALUE");
    if (!o.key_field_count && !o.keys[0] && !args_has(args, OPTION_KEYS))
        FAIL(err, INVALID, "\"get\" needs a key: sleeper get NAME KEY");
    if (!args_has(args, OPTION_WHERE)) /* a condition may be about other columns */
        TRY(app_selection(app, &o.columns, &limit, err));
    TRY(app_instance(app, &instance, err));
    TRY(slp_get(instance, &o, &rows, err));
    return app_print_rows(app, rows, true, err);
}

static slp_rc scan_options(struct app *app, struct slp_scan_options *o, struct slp_err *err)
{
    const struct args *args = app->args;
    int64_t max_rows = 0;
    o->table = args->arguments[0];
    o->from = args_value(args, OPTION_FROM);
    o->to = args_value(args, OPTION_TO);
    o->where = args_value(args, OPTION_WHERE);
    o->in_key_order = true;
    TRY(app_values(app, OPTION_ITERATOR, &o->iterators, err));
    o->at = args_value(args, OPTION_AT);
    TRY(app_min_sequence(app, &o->min_sequence, err));
    TRY(app_pairs(app, OPTION_PARAM, &o->params, &o->param_count, err));
    TRY(args_number(args, OPTION_MAX_ROWS, &max_rows, err));
    TRY(args_size(args, OPTION_MAX_BYTES, &o->max_bytes, err));
    o->max_rows = (uint64_t)max_rows;
    if (args_has(args, OPTION_MAX_ROWS) && o->max_rows == 0)
        FAIL(err, INVALID, "--max-rows takes at least 1; for no rows there is --limit 0");
    if (args_has(args, OPTION_MAX_BYTES) && o->max_bytes == 0)
        FAIL(err, INVALID, "--max-bytes takes at least 1");
    return SLP_OK;
}

slp_rc run_scan(struct app *app, const struct args *args, struct slp_err *err)
{
    (void)args;
    struct slp_instance *instance = NULL;
    struct slp_rows *rows = NULL;
    struct slp_scan_options o = {0};
    TRY(scan_options(app, &o, err));
    TRY(app_selection(app, &o.columns, &o.limit, err));
    TRY(app_instance(app, &instance, err));
    TRY(slp_scan(instance, &o, &rows, err));
    return app_print_rows(app, rows, false, err);
}

slp_rc run_count(struct app *app, const struct args *args, struct slp_err *err)
{
    struct slp_instance *instance = NULL;
    struct slp_scan_options o = {0};
    struct output *out = NULL;
    int64_t count = 0;
    (void)args;
    TRY(scan_options(app, &o, err));
    TRY(app_instance(app, &instance, err));
    if (args_has(args, OPTION_FORMAT)) {
        struct slp_rows *rows = NULL;
        TRY(slp_count_rows(instance, &o, &rows, err));
        return app_print_rows(app, rows, false, err);
    }
    TRY(slp_count(instance, &o, &count, err));
    char line[32];
    int n = snprintf(line, sizeof line, "%" PRId64 "\n", count);
    TRY(output_open(app, &out, err));
    slp_rc rc = output_write(out, line, (size_t)n) ? SLP_IO : SLP_OK;
    return output_close(out, rc, err);
}

slp_rc run_split(struct app *app, const struct args *args, struct slp_err *err)
{
    struct slp_instance *instance = NULL;
    size_t splits = 0;
    struct slp_split_options o = {.table = args->arguments[0],
                                  .dry_run = args_has(args, OPTION_DRY_RUN)};
    TRY(args_number(args, OPTION_THRESHOLD, &o.threshold_rows, err));
    if (args_has(args, OPTION_THRESHOLD) && o.threshold_rows == 0)
        FAIL(err, INVALID, "--threshold takes at least 1");
    TRY(app_instance(app, &instance, err));
    TRY(slp_split(instance, &o, &splits, err));
    app_notice(app, "%zu partition%s %s", splits, splits == 1 ? "" : "s",
               o.dry_run ? "would be split" : "split");
    return SLP_OK;
}

slp_rc run_gc(struct app *app, const struct args *args, struct slp_err *err)
{
    struct slp_instance *instance = NULL;
    struct slp_gc_result result = {0};
    struct slp_rows *rows = NULL;
    struct slp_gc_options o = {
        .table = args->arguments[0], .min_age_s = -1, .dry_run = args_has(args, OPTION_DRY_RUN)};
    bool is_listed = o.dry_run || args_has(args, OPTION_FORMAT) || args_has(args, OPTION_OUTPUT);
    TRY(args_duration(args, OPTION_MIN_AGE, &o.min_age_s, err));
    TRY(app_instance(app, &instance, err));
    TRY(slp_gc(instance, &o, &result, is_listed ? &rows : NULL, err));
    if (is_listed)
        TRY(app_print_rows(app, rows, true, err));
    app_notice(app, "%zu object%s, %" PRIu64 " bytes %s%s", result.objects,
               result.objects == 1 ? "" : "s", result.bytes,
               o.dry_run ? "would be deleted" : "deleted",
               result.is_capped ? "; there are more than gc.files.maximum: run it again" : "");
    return SLP_OK;
}

slp_rc run_partition_split_points(struct app *app, const struct args *args, struct slp_err *err)
{
    struct slp_instance *instance = NULL;
    struct output *out = NULL;
    TRY(app_instance(app, &instance, err));
    TRY(output_open(app, &out, err));
    slp_rc rc = slp_partition_split_points(instance, args->arguments[0],
                                           args_has(args, OPTION_BASE64), output_write, out, err);
    return output_close(out, rc, err);
}

slp_rc run_cat(struct app *app, const struct args *args, struct slp_err *err)
{
    struct slp_rows *rows = NULL;
    struct slp_read_counts c = {0};
    struct slp_files_options o = {.inputs = args->arguments,
                                  .format = args_value(args, OPTION_INPUT_FORMAT),
                                  .where = args_value(args, OPTION_WHERE),
                                  .crc = args_value(args, OPTION_CRC),
                                  .counts = &c};
    TRY(app_selection(app, &o.columns, &o.limit, err));
    TRY(slp_files_rows(&o, &rows, err));
    slp_rc rc = app_print_rows(app, rows, false, err);
    if (app->verbose && o.where)
        (void)fprintf(stderr,
                      "row groups: %" PRIu64 " considered, %" PRIu64 " pruned\n"
                      "pages: %" PRIu64 " in page indexes, %" PRIu64 " read\n"
                      "rows left to the predicate: %" PRId64 "; bytes read: %" PRIu64 "\n",
                      c.groups, c.groups_pruned, c.pages, c.pages_read, c.rows, c.bytes);
    return rc;
}

slp_rc run_inspect(struct app *app, const struct args *args, struct slp_err *err)
{
    struct output *out = NULL;
    TRY(output_open(app, &out, err));
    slp_rc rc =
        slp_inspect(args->arguments[0], args_value(args, OPTION_FORMAT), output_write, out, err);
    return output_close(out, rc, err);
}

slp_rc run_version(struct app *app, const struct args *args, struct slp_err *err)
{
    struct output *out = NULL;
    char line[64];
    (void)args;
    int n = snprintf(line, sizeof line, "sleeper %s\n", slp_version());
    TRY(output_open(app, &out, err));
    slp_rc rc = output_write(out, line, (size_t)n) ? SLP_IO : SLP_OK;
    return output_close(out, rc, err);
}

static const struct command *command_named(const struct args *args)
{
    for (int i = 0; i < command_count; i++) {
        const char *words = command_table[i].words;
        size_t first = strcspn(words, " ");
        if (!slice_is(slice_of(words, first), args->arguments[0]))
            continue;
        if (!words[first] ||
            (args->argument_count > 1 && strcmp(words + first + 1, args->arguments[1]) == 0))
            return &command_table[i];
    }
    return NULL;
}

slp_rc run_help(struct app *app, const struct args *args, struct slp_err *err)
{
    struct output *out = NULL;
    const struct command *command = NULL;
    bool manual = args->argument_count == 1 && strcmp(args->arguments[0], "manual-page") == 0;
    if (args->argument_count > 0 && !manual) {
        command = command_named(args);
        if (!command)
            return args_unknown_command(args, err);
    }
    TRY(output_open(app, &out, err));
    slp_rc rc = manual ? help_manual(output_write, out) : help_print(command, output_write, out);
    return output_close(out, rc, err);
}
