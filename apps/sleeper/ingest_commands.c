#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "app.h"
#include "base/err.h"
#include "os/file.h"

/* Names tried for a quarantine file that was not named. */
#define QUARANTINE_NAMES 1000

/* The first free name. */
static slp_rc choose_quarantine(struct app *app, const char *table, const char **out,
                                struct slp_err *err)
{
    char path[512];
    for (int i = 1; i <= QUARANTINE_NAMES; i++) {
        int n = i == 1 ? snprintf(path, sizeof path, "%s.rejected.ndjson", table)
                       : snprintf(path, sizeof path, "%s.rejected-%d.ndjson", table, i);
        if (n < 0 || (size_t)n >= sizeof path)
            FAIL(err, INVALID, "the table's name is too long for a file; give --quarantine FILE");
        if (!os_file_exists(path))
            return arena_text(&app->arena, slice_of(path, (size_t)n), out, err);
    }
    FAIL(err, EXISTS, "%d files \"%s.rejected...\" are there already; give --quarantine FILE",
         QUARANTINE_NAMES, table);
}

static slp_rc most_bad_rows(const struct args *args, int64_t *out, struct slp_err *err)
{
    TRY(args_number(args, OPTION_MAX_ERRORS, out, err));
    if (args_has(args, OPTION_MAX_ERRORS) && *out == 0)
        FAIL(err, INVALID, "--max-errors takes at least 1; for none there is --on-error fail");
    return SLP_OK;
}

static slp_rc bad_row_options(struct app *app, struct slp_ingest_options *o, struct slp_err *err)
{
    const struct args *args = app->args;
    o->on_error = args_value(args, OPTION_ON_ERROR);
    o->quarantine = args_value(args, OPTION_QUARANTINE);
    o->file_strategy = args_value(args, OPTION_FILE_STRATEGY);
    TRY(most_bad_rows(args, &o->max_errors, err));
    if (o->on_error && strcmp(o->on_error, "fail") != 0 && strcmp(o->on_error, "skip") != 0 &&
        strcmp(o->on_error, "quarantine") != 0)
        FAIL(err, INVALID, "--on-error %s is not known; expected fail, skip or quarantine",
             o->on_error);
    bool is_quarantine = o->on_error && strcmp(o->on_error, "quarantine") == 0;
    if (is_quarantine && !o->quarantine)
        return choose_quarantine(app, o->table, &o->quarantine, err);
    return SLP_OK;
}

static const char *plural(uint64_t n)
{
    return n == 1 ? "" : "s";
}

static void tell_rejected(struct app *app, const struct slp_ingest_options *o,
                          const struct slp_ingest_result *r)
{
    if (r->rows_rejected == 0)
        return;
    app->is_partial = true;
    const char *s = plural((uint64_t)r->rows_rejected);
    if (o->quarantine && !o->dry_run)
        app_notice(app, "%" PRId64 " bad row%s left out, in \"%s\"", r->rows_rejected, s,
                   o->quarantine);
    else
        app_notice(app, "%" PRId64 " bad row%s %s", r->rows_rejected, s,
                   o->dry_run ? "would be left out" : "left out");
}

/* ---- The batcher ---- */

static slp_rc submit(struct app *app, struct slp_instance *instance, struct slp_err *err)
{
    const struct args *args = app->args;
    struct slp_batch_submit_result r = {0};
    const char *policy = args_value(args, OPTION_ON_ERROR);
    struct slp_batch_submit_options o = {.table = args->arguments[0],
                                         .inputs = args->arguments + 1,
                                         .token = args_value(args, OPTION_TOKEN),
                                         .dry_run = args_has(args, OPTION_DRY_RUN),
                                         .format = args_value(args, OPTION_INPUT_FORMAT),
                                         .row_kinds = args_value(args, OPTION_ROW_KIND_COLUMN),
                                         .skip_bad_rows = policy && strcmp(policy, "skip") == 0};
    TRY(most_bad_rows(args, &o.max_errors, err));
    TRY(slp_batch_submit(instance, &o, &r, err));
    if (r.was_duplicate)
        app_notice(app, "nothing to do: token \"%s\" was committed at sequence %" PRIu64, o.token,
                   r.sequence);
    else if (o.dry_run)
        app_notice(app, "%zu file%s, %" PRIu64 " bytes, would be submitted; %zu wait%s already",
                   r.files, plural(r.files), r.bytes, r.known, r.known == 1 ? "s" : "");
    else
        app_notice(app,
                   "%zu file%s submitted, %" PRIu64 " bytes; %zu waited already, sequence %" PRIu64,
                   r.files, plural(r.files), r.bytes, r.known, r.sequence);
    return SLP_OK;
}

static void on_batch(void *context, const char *line)
{
    app_notice(context, "%s", line);
}

static slp_rc run_batches(struct app *app, struct slp_instance *instance, struct slp_err *err)
{
    struct slp_batch_run_result r = {0};
    struct slp_batch_run_options o = {.table = app->args->arguments[0],
                                      .all = args_has(app->args, OPTION_ALL),
                                      .on_line = on_batch,
                                      .context = app};
    struct slp_rows *rows = NULL;
    if (args_has(app->args, OPTION_DRY_RUN)) {
        TRY(slp_batch_due(instance, o.table, o.all, &rows, err));
        return app_print_rows(app, rows, true, err);
    }
    slp_rc rc = slp_batch_run(instance, &o, &r, err);
    app_notice(app, "%zu batch%s run, %zu file%s, %" PRId64 " row%s", r.batches,
               r.batches == 1 ? "" : "es", r.files, plural(r.files), r.rows,
               plural((uint64_t)r.rows));
    return rc;
}

static slp_rc withdraw(struct app *app, struct slp_instance *instance, struct slp_err *err)
{
    size_t count = 0;
    TRY(slp_batch_withdraw(instance, app->args->arguments[0], app->args->arguments + 1, &count,
                           err));
    app_notice(app, "%zu file%s taken back", count, plural(count));
    return SLP_OK;
}

/* Options that say how rows are read travel with the files that are submitted; where a batch is run,
 * they are known already. */
static slp_rc check_reading_options(const struct args *args, struct slp_err *err)
{
    static const enum option_id others[] = {OPTION_INPUT_FORMAT, OPTION_ROW_KIND_COLUMN,
                                            OPTION_ON_ERROR, OPTION_MAX_ERRORS};
    const char *policy = args_value(args, OPTION_ON_ERROR);
    bool submits = args_has(args, OPTION_BATCH);
    for (size_t i = 0; !submits && i < sizeof others / sizeof *others; i++)
        if (args_has(args, others[i]))
            FAIL(err, INVALID,
                 "how files are read is said when they are submitted: give these options with "
                 "--batch");
    if (args_has(args, OPTION_QUARANTINE) || (policy && strcmp(policy, "quarantine") == 0))
        FAIL(err, INVALID,
             "a batch has no quarantine file, since a worker elsewhere may run it; --on-error skip "
             "leaves bad rows out, and without it a file that has some is put aside by itself");
    if (args_has(args, OPTION_FILE_STRATEGY))
        FAIL(err, INVALID,
             "a batch's data files are laid out as the table's ingest.file.writing.strategy says");
    if (policy && strcmp(policy, "fail") != 0 && strcmp(policy, "skip") != 0)
        FAIL(err, INVALID, "unknown policy \"%s\" for bad rows of a batch; expected fail or skip",
             policy);
    return SLP_OK;
}

static slp_rc check_batch_options(const struct args *args, struct slp_err *err)
{
    int modes = args_has(args, OPTION_BATCH) + args_has(args, OPTION_RUN_BATCHES) +
                args_has(args, OPTION_WITHDRAW);
    bool has_inputs = args->arguments[1] != NULL;
    if (modes > 1)
        FAIL(err, INVALID, "--batch, --run-batches and --withdraw do not go together");
    if (args_has(args, OPTION_ALL) && !args_has(args, OPTION_RUN_BATCHES))
        FAIL(err, INVALID, "--all is for --run-batches");
    if (!has_inputs && !args_has(args, OPTION_RUN_BATCHES) && !args_has(args, OPTION_WITHDRAW))
        FAIL(err, INVALID, "\"ingest\" needs more arguments: sleeper ingest NAME INPUT...");
    if (has_inputs && args_has(args, OPTION_RUN_BATCHES))
        FAIL(err, INVALID, "--run-batches takes no files: --batch submits them");
    if (args_has(args, OPTION_DRY_RUN) && args_has(args, OPTION_WITHDRAW))
        FAIL(err, INVALID, "--withdraw has no --dry-run; 'sleeper job list' shows what waits");
    return modes > 0 ? check_reading_options(args, err) : SLP_OK;
}

static slp_rc run_batcher(struct app *app, bool *is_done, struct slp_err *err)
{
    struct slp_instance *instance = NULL;
    const struct args *args = app->args;
    TRY(check_batch_options(args, err));
    *is_done = args_has(args, OPTION_BATCH) || args_has(args, OPTION_RUN_BATCHES) ||
               args_has(args, OPTION_WITHDRAW);
    if (!*is_done)
        return SLP_OK;
    TRY(app_instance(app, &instance, err));
    if (args_has(args, OPTION_BATCH))
        return submit(app, instance, err);
    return args_has(args, OPTION_WITHDRAW) ? withdraw(app, instance, err)
                                           : run_batches(app, instance, err);
}

/* ---- Ingest ---- */

slp_rc run_ingest(struct app *app, const struct args *args, struct slp_err *err)
{
    struct slp_instance *instance = NULL;
    struct slp_ingest_options o = {.table = args->arguments[0], .inputs = args->arguments + 1};
    struct slp_ingest_result result = {0};
    bool is_done = false;
    if (args_value(args, OPTION_TOKEN) && !*args_value(args, OPTION_TOKEN))
        FAIL(err, INVALID,
             "--token \"\" is no name: a repeat could not be told from another ingest");
    TRY(run_batcher(app, &is_done, err));
    if (is_done)
        return SLP_OK;
    TRY(bad_row_options(app, &o, err));
    o.format = args_value(args, OPTION_INPUT_FORMAT);
    o.row_kinds = args_value(args, OPTION_ROW_KIND_COLUMN);
    o.token = args_value(args, OPTION_TOKEN);
    o.dry_run = args_has(args, OPTION_DRY_RUN);
    TRY(app_instance(app, &instance, err));
    TRY(slp_ingest(instance, &o, &result, err));
    const char *rows = plural((uint64_t)result.rows);
    const char *files = plural(result.files_read);
    if (result.was_duplicate)
        app_notice(app, "nothing to do: token \"%s\" was committed at sequence %" PRIu64, o.token,
                   result.sequence);
    else if (o.dry_run)
        app_notice(app, "%" PRId64 " row%s of %zu file%s can be ingested", result.rows, rows,
                   result.files_read, files);
    else
        app_notice(app, "%" PRId64 " row%s of %zu file%s in %zu data file%s, sequence %" PRIu64,
                   result.rows, rows, result.files_read, files, result.files_written,
                   plural(result.files_written), result.sequence);
    tell_rejected(app, &o, &result);
    return SLP_OK;
}
