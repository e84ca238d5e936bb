/*
 * Partitions, files and jobs, one by one.
 */
#include <inttypes.h>
#include <string.h>

#include "app.h"
#include "base/amount.h"
#include "base/err.h"

/* ---- Shown ---- */

typedef slp_rc (*show_fn)(struct slp_instance *, const char *, const char *, struct slp_rows **,
                          struct slp_err *);

static slp_rc print_thing(struct app *app, show_fn show, struct slp_err *err)
{
    struct slp_instance *instance = NULL;
    struct slp_rows *rows = NULL;
    TRY(app_instance(app, &instance, err));
    TRY(show(instance, app->args->arguments[0], app->args->arguments[1], &rows, err));
    return app_print_rows(app, rows, true, err);
}

slp_rc run_job_show(struct app *app, const struct args *args, struct slp_err *err)
{
    (void)args;
    return print_thing(app, slp_job_show, err);
}

slp_rc run_file_show(struct app *app, const struct args *args, struct slp_err *err)
{
    (void)args;
    return print_thing(app, slp_file_show, err);
}

static slp_rc show_partition(struct slp_instance *instance, const char *table, const char *text,
                             struct slp_rows **out, struct slp_err *err)
{
    int64_t partition = 0;
    if (!text_parse_whole(slice_str(text), &partition))
        FAIL(err, INVALID, "\"%s\" is no number of a partition; 'sleeper partition list' has them",
             text);
    return slp_partition_show(instance, table, (uint64_t)partition, out, err);
}

slp_rc run_partition_show(struct app *app, const struct args *args, struct slp_err *err)
{
    (void)args;
    return print_thing(app, show_partition, err);
}

/* ---- Jobs ---- */

slp_rc run_job_list(struct app *app, const struct args *args, struct slp_err *err)
{
    static const char *const kinds[] = {"ingest", "export", "compact", "purge", "fold"};
    struct slp_instance *instance = NULL;
    struct slp_rows *rows = NULL;
    const char *kind = args_value(args, OPTION_KIND);
    const char *where = NULL;
    if (kind && strcmp(kind, "compaction") == 0)
        kind = "compact";
    for (size_t i = 0; kind && i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kind, kinds[i]) == 0)
            TRY(app_format(app, &where, err, "kind = '%s'", kind));
    if (kind && !where)
        FAIL(err, INVALID,
             "--kind \"%s\" is not known; expected ingest, export, compact, purge or fold", kind);
    TRY(app_instance(app, &instance, err));
    TRY((args_has(args, OPTION_ALL) ? slp_job_history : slp_job_list)(instance, args->arguments[0],
                                                                      &rows, err));
    slp_rc rc = where ? slp_rows_where(&rows, where, err) : SLP_OK;
    if (rc != SLP_OK) {
        slp_rows_close(rows);
        return rc;
    }
    return app_print_rows(app, rows, true, err);
}

slp_rc run_job_cancel(struct app *app, const struct args *args, struct slp_err *err)
{
    struct slp_instance *instance = NULL;
    TRY(app_instance(app, &instance, err));
    TRY(slp_job_cancel(instance, args->arguments[0], args->arguments[1], err));
    app_notice(app, "job %s is cancelled; what its worker comes with is refused",
               args->arguments[1]);
    return SLP_OK;
}

/* ---- Split and merge ---- */

/* The keys of --at, one a line. */
static slp_rc points_of_options(struct app *app, const char **out, struct slp_err *err)
{
    const char *text = "";
    const char *key = NULL;
    for (int i = 0; (key = args_nth(app->args, OPTION_AT, i)) != NULL; i++)
        TRY(app_format(app, &text, err, "%s%s\n", text, key));
    *out = text;
    return SLP_OK;
}

static slp_rc split_options(struct app *app, struct slp_partition_split_options *o,
                            struct slp_err *err)
{
    const struct args *args = app->args;
    const char *path = args_value(args, OPTION_POINTS);
    int64_t leaves = 0;
    if (!!path + args_has(args, OPTION_AT) + args_has(args, OPTION_LEAVES) != 1)
        FAIL(err, INVALID, "give one of --at KEY, --points FILE and --leaves N");
    TRY(args_number(args, OPTION_LEAVES, &leaves, err));
    if (args_has(args, OPTION_LEAVES) && leaves == 0)
        FAIL(err, INVALID, "--leaves takes at least 1");
    o->leaves = (uint64_t)leaves;
    o->base64 = args_has(args, OPTION_BASE64);
    if (path)
        return app_read_file(app, path, &o->points, err);
    return leaves ? SLP_OK : points_of_options(app, &o->points, err);
}

slp_rc run_partition_split(struct app *app, const struct args *args, struct slp_err *err)
{
    struct slp_instance *instance = NULL;
    uint64_t made = 0;
    struct slp_partition_split_options o = {.table = args->arguments[0],
                                            .dry_run = args_has(args, OPTION_DRY_RUN)};
    TRY(split_options(app, &o, err));
    TRY(app_instance(app, &instance, err));
    TRY(slp_partition_split(instance, &o, &made, err));
    app_notice(app, "%" PRIu64 " partition%s %s", made, made == 1 ? "" : "s",
               o.dry_run ? "would be added" : "added");
    return SLP_OK;
}

slp_rc run_partition_merge(struct app *app, const struct args *args, struct slp_err *err)
{
    struct slp_instance *instance = NULL;
    int64_t below = 0;
    uint64_t merged = 0;
    bool dry_run = args_has(args, OPTION_DRY_RUN);
    TRY(args_number(args, OPTION_BELOW, &below, err));
    if (args_has(args, OPTION_BELOW) && below == 0)
        FAIL(err, INVALID, "--below takes at least 1");
    TRY(app_instance(app, &instance, err));
    TRY(slp_partition_merge(instance, args->arguments[0], below, dry_run, &merged, err));
    app_notice(app, "%" PRIu64 " partition%s %s", merged, merged == 1 ? "" : "s",
               dry_run ? "would be merged into a neighbour" : "merged into a neighbour");
    return SLP_OK;
}
