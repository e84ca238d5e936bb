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

static slp_rc bad_row_options(struct app *app, struct slp_ingest_options *o, struct slp_err *err)
{
    const struct args *args = app->args;
    o->on_error = args_value(args, OPTION_ON_ERROR);
    o->quarantine = args_value(args, OPTION_QUARANTINE);
    o->file_strategy = args_value(args, OPTION_FILE_STRATEGY);
    TRY(args_number(args, OPTION_MAX_ERRORS, &o->max_errors, err));
    if (args_has(args, OPTION_MAX_ERRORS) && o->max_errors == 0)
        FAIL(err, INVALID, "--max-errors takes at least 1; for none there is --on-error fail");
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

slp_rc run_ingest(struct app *app, const struct args *args, struct slp_err *err)
{
    struct slp_instance *instance = NULL;
    struct slp_ingest_options o = {.table = args->arguments[0], .inputs = args->arguments + 1};
    struct slp_ingest_result result = {0};
    TRY(bad_row_options(app, &o, err));
    o.format = args_value(args, OPTION_INPUT_FORMAT);
    o.row_kinds = args_value(args, OPTION_ROW_KIND_COLUMN);
    o.token = args_value(args, OPTION_TOKEN);
    if (o.token && !*o.token)
        FAIL(err, INVALID,
             "--token \"\" is no name: a repeat could not be told from another ingest");
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
