/*
 * Commands that take rows away: delete, purge.
 */
#include <inttypes.h>

#include "app.h"
#include "base/err.h"

slp_rc run_delete(struct app *app, const struct args *args, struct slp_err *err)
{
    struct slp_instance *instance = NULL;
    struct slp_delete_result result = {0};
    struct slp_delete_options o = {.table = args->arguments[0],
                                   .from = args_value(args, OPTION_FROM),
                                   .to = args_value(args, OPTION_TO),
                                   .token = args_value(args, OPTION_TOKEN),
                                   .dry_run = args_has(args, OPTION_DRY_RUN)};
    TRY(app_keys(app, &o.keys, err));
    TRY(app_instance(app, &instance, err));
    if ((o.from || o.to) && !o.dry_run)
        TRY(app_confirm(app, "All rows of the range are deleted. Go on?", err));
    TRY(slp_delete(instance, &o, &result, err));
    if (result.was_duplicate) {
        app_notice(app, "nothing to do: token \"%s\" was committed at sequence %" PRIu64, o.token,
                   result.sequence);
        return SLP_OK;
    }
    if (o.from || o.to) {
        if (o.dry_run)
            app_notice(app, "%" PRId64 " row%s would be deleted", result.rows,
                       result.rows == 1 ? "" : "s");
        else
            app_notice(app, "range deleted, sequence %" PRIu64, result.sequence);
        return SLP_OK;
    }
    const char *s = result.keys == 1 ? "" : "s";
    if (o.dry_run)
        app_notice(app, "%zu key%s would be deleted", result.keys, s);
    else
        app_notice(app, "%zu key%s deleted, sequence %" PRIu64, result.keys, s, result.sequence);
    return SLP_OK;
}

slp_rc run_purge(struct app *app, const struct args *args, struct slp_err *err)
{
    struct slp_instance *instance = NULL;
    struct slp_delete_result result = {0};
    struct slp_purge_options o = {.table = args->arguments[0],
                                  .where = args_value(args, OPTION_WHERE),
                                  .dry_run = args_has(args, OPTION_DRY_RUN)};
    TRY(app_instance(app, &instance, err));
    if (!o.dry_run)
        TRY(app_confirm(app, "The rows for which this is true are purged for good. Go on?", err));
    TRY(slp_purge(instance, &o, &result, err));
    if (o.dry_run)
        app_notice(app, "%" PRId64 " row%s would be purged", result.rows,
                   result.rows == 1 ? "" : "s");
    else
        app_notice(app, "purge committed, sequence %" PRIu64 "; compactions remove the bytes",
                   result.sequence);
    return SLP_OK;
}
