/*
 * Repairing a damaged table.
 */
#include <inttypes.h>

#include "app.h"
#include "base/err.h"

slp_rc run_repair(struct app *app, const struct args *args, struct slp_err *err)
{
    struct slp_instance *instance = NULL;
    struct slp_rows *rows = NULL;
    struct slp_repair_result result = {0};
    struct slp_repair_options o = {.table = args->arguments[0],
                                   .dry_run = args_has(args, OPTION_DRY_RUN)};
    TRY(app_instance(app, &instance, err));
    TRY(slp_repair(instance, &o, &result, &rows, err));
    TRY(app_print_rows(app, rows, true, err));
    if (!result.was_damaged)
        app_notice(app, "nothing is damaged, so nothing was changed");
    else if (o.dry_run)
        app_notice(app, "%zu lost, %zu undecided; the table would be that of frame %" PRIu64,
                   result.lost, result.undecided, result.sequence);
    else
        app_notice(app,
                   "%zu lost, %zu undecided; the log goes on behind frame %" PRIu64
                   ", the old one is in %s below the table",
                   result.lost, result.undecided, result.sequence, result.broken);
    return SLP_OK;
}
