/*
 * Tables as a whole: properties, names, earlier states.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "app.h"
#include "base/err.h"

/* ---- Properties ---- */

/* PROPERTY=VALUE of arguments, --set and --unset. */
static slp_rc one_setting(struct app *app, const char *text, struct slp_setting *out,
                          struct slp_err *err)
{
    const char *equals = strchr(text, '=');
    if (!equals || equals == text)
        FAIL(err, INVALID, "\"%s\": expected PROPERTY=VALUE", text);
    TRY(arena_text(&app->arena, slice_of(text, (size_t)(equals - text)), &out->name, err));
    out->value = equals + 1;
    return SLP_OK;
}

static size_t count_option(const struct args *args, enum option_id id)
{
    size_t n = 0;
    while (args_nth(args, id, (int)n))
        n++;
    return n;
}

slp_rc app_settings(struct app *app, const char *const *texts, const struct slp_setting **out,
                    size_t *count, struct slp_err *err)
{
    size_t given = 0;
    size_t set = count_option(app->args, OPTION_SET);
    size_t unset = count_option(app->args, OPTION_UNSET);
    struct slp_setting *list = NULL;
    while (texts && texts[given])
        given++;
    TRY(arena_array(&app->arena, given + set + unset, sizeof *list, (void **)&list, err));
    for (size_t i = 0; i < given; i++)
        TRY(one_setting(app, texts[i], &list[i], err));
    for (size_t i = 0; i < set; i++)
        TRY(one_setting(app, args_nth(app->args, OPTION_SET, (int)i), &list[given + i], err));
    for (size_t i = 0; i < unset; i++)
        list[given + set + i] =
            (struct slp_setting){.name = args_nth(app->args, OPTION_UNSET, (int)i)};
    *out = list;
    *count = given + set + unset;
    return SLP_OK;
}

/* Shows the change before it makes it. */
static slp_rc set_properties(struct app *app, const char *table, const char *const *texts,
                             struct slp_err *err)
{
    struct slp_instance *instance = NULL;
    struct slp_rows *changes = NULL;
    const struct slp_setting *settings = NULL;
    size_t count = 0;
    TRY(app_settings(app, texts, &settings, &count, err));
    if (count == 0)
        FAIL(err, INVALID, "give PROPERTY=VALUE or --unset PROPERTY");
    TRY(app_instance(app, &instance, err));
    TRY(slp_properties_set(instance, table, settings, count, true, &changes, err));
    TRY(app_print_rows(app, changes, false, err));
    if (args_has(app->args, OPTION_DRY_RUN))
        return SLP_OK;
    return slp_properties_set(instance, table, settings, count, false, NULL, err);
}

slp_rc run_table_set(struct app *app, const struct args *args, struct slp_err *err)
{
    return set_properties(app, args->arguments[0], args->arguments + 1, err);
}

slp_rc run_instance_set(struct app *app, const struct args *args, struct slp_err *err)
{
    return set_properties(app, NULL, args->arguments, err);
}

slp_rc run_table_properties(struct app *app, const struct args *args, struct slp_err *err)
{
    (void)args;
    return app_print_list(app, slp_properties, err);
}

slp_rc run_instance_properties(struct app *app, const struct args *args, struct slp_err *err)
{
    (void)args;
    return app_print_list(app, slp_properties, err); /* no argument: no table */
}

/* ---- Names ---- */

slp_rc run_table_rename(struct app *app, const struct args *args, struct slp_err *err)
{
    struct slp_instance *instance = NULL;
    TRY(app_instance(app, &instance, err));
    TRY(slp_table_rename(instance, args->arguments[0], args->arguments[1], err));
    app_notice(app, "table \"%s\" is now \"%s\"", args->arguments[0], args->arguments[1]);
    return SLP_OK;
}

slp_rc run_table_drop(struct app *app, const struct args *args, struct slp_err *err)
{
    struct slp_instance *instance = NULL;
    const char *name = args->arguments[0];
    TRY(app_instance(app, &instance, err));
    TRY(app_confirm_name(app, "All rows of the table are lost.", name, err));
    TRY(slp_table_drop(instance, name, err));
    app_notice(app, "table \"%s\" dropped; 'sleeper gc' removes its objects", name);
    return SLP_OK;
}

static slp_rc set_offline(struct app *app, bool is_offline, struct slp_err *err)
{
    struct slp_instance *instance = NULL;
    const char *name = app->args->arguments[0];
    bool was_changed = false;
    TRY(app_instance(app, &instance, err));
    if (is_offline)
        TRY(app_confirm(app, "Nothing is compacted or split by itself while it is offline. Go on?",
                        err));
    TRY(slp_table_set_offline(instance, name, is_offline, &was_changed, err));
    app_notice(app, "table \"%s\" is %s%s", name, is_offline ? "offline" : "online",
               was_changed ? "" : " already");
    return SLP_OK;
}

slp_rc run_table_online(struct app *app, const struct args *args, struct slp_err *err)
{
    (void)args;
    return set_offline(app, false, err);
}

slp_rc run_table_offline(struct app *app, const struct args *args, struct slp_err *err)
{
    (void)args;
    return set_offline(app, true, err);
}

/* ---- Earlier states ---- */

slp_rc app_min_sequence(struct app *app, uint64_t *out, struct slp_err *err)
{
    int64_t number = 0;
    TRY(args_number(app->args, OPTION_MIN_SEQ, &number, err));
    *out = (uint64_t)number;
    return SLP_OK;
}

static slp_rc set_paused(struct app *app, bool is_paused, struct slp_err *err)
{
    struct slp_instance *instance = NULL;
    const char *name = app->args->arguments[0];
    bool was_changed = false;
    TRY(app_instance(app, &instance, err));
    if (is_paused)
        TRY(app_confirm(app, "Nothing is ingested into it while it is paused. Go on?", err));
    TRY(slp_table_set_paused(instance, name, is_paused, &was_changed, err));
    app_notice(app, "table \"%s\" is %s%s", name, is_paused ? "paused" : "not paused",
               was_changed ? ""
               : is_paused ? " already"
                           : "");
    return SLP_OK;
}

slp_rc run_table_pause(struct app *app, const struct args *args, struct slp_err *err)
{
    (void)args;
    return set_paused(app, true, err);
}

slp_rc run_table_resume(struct app *app, const struct args *args, struct slp_err *err)
{
    (void)args;
    return set_paused(app, false, err);
}

slp_rc run_table_restore(struct app *app, const struct args *args, struct slp_err *err)
{
    struct slp_instance *instance = NULL;
    const char *name = args->arguments[0];
    const char *to = args_value(args, OPTION_TO);
    uint64_t sequence = 0;
    if (!to)
        FAIL(err, INVALID, "restore to what? give --to PIN or --to SEQUENCE");
    TRY(app_instance(app, &instance, err));
    TRY(app_confirm(app, "What was committed since is no longer in the table. Go on?", err));
    TRY(slp_table_restore(instance, name, to, &sequence, err));
    app_notice(app, "table \"%s\" is what it was at %s, sequence %" PRIu64, name, to, sequence);
    return SLP_OK;
}

slp_rc run_pin(struct app *app, const struct args *args, struct slp_err *err)
{
    struct slp_instance *instance = NULL;
    struct slp_pin_options o = {.table = args->arguments[0], .name = args->arguments[1]};
    uint64_t sequence = 0;
    TRY(args_duration(args, OPTION_EXPIRES, &o.expires_s, err));
    if (args_has(args, OPTION_EXPIRES) && o.expires_s == 0)
        FAIL(err, INVALID, "--expires takes at least 1s");
    TRY(app_instance(app, &instance, err));
    TRY(slp_pin(instance, &o, &sequence, err));
    app_notice(app, "pin \"%s\" keeps table \"%s\" at sequence %" PRIu64, o.name, o.table,
               sequence);
    return SLP_OK;
}

slp_rc run_unpin(struct app *app, const struct args *args, struct slp_err *err)
{
    struct slp_instance *instance = NULL;
    TRY(app_instance(app, &instance, err));
    TRY(slp_unpin(instance, args->arguments[0], args->arguments[1], err));
    app_notice(app, "pin \"%s\" is gone", args->arguments[1]);
    return SLP_OK;
}

slp_rc run_pin_list(struct app *app, const struct args *args, struct slp_err *err)
{
    (void)args;
    return app_print_list(app, slp_pin_list, err);
}
