/*
 * Work: compaction and workers, and how far they are.
 *
 *   on a terminal    one line that is rewritten, below it what ends        --progress auto
 *   elsewhere        a line a job                                          auto, never
 *   for programs     an object a line                                      json
 *
 * All of it goes to standard error.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "app.h"
#include "base/err.h"
#include "os/clock.h"
#include "os/terminal.h"

#define LINE_EVERY_US   ((int64_t)100 * 1000)
#define RECORD_EVERY_US ((int64_t)1000 * 1000)

enum progress_form { PROGRESS_NONE, PROGRESS_LINE, PROGRESS_LINES, PROGRESS_JSON };

struct progress {
    struct app *app;
    enum progress_form form;
    bool is_colored;
    bool is_drawn;   /* a line without end stands there */
    int64_t told_us; /* when something was told last */
    size_t jobs;     /* that had ended then */
};

static bool is_word(const char *word, const char *expected)
{
    return word && strcmp(word, expected) == 0;
}

static struct progress progress_begin(struct app *app)
{
    const char *when = args_value(app->args, OPTION_PROGRESS);
    const char *color = args_value(app->args, OPTION_COLOR);
    bool on_terminal = os_terminal_is(2);
    struct progress p = {.app = app};
    if (is_word(when, "json"))
        p.form = PROGRESS_JSON;
    else if (is_word(when, "never") || app->quiet)
        p.form = PROGRESS_NONE;
    else if (on_terminal)
        p.form = PROGRESS_LINE;
    else if (is_word(when, "always"))
        p.form = PROGRESS_LINES;
    p.is_colored = is_word(color, "always") ||
                   (!is_word(color, "never") && on_terminal && !os_environment("NO_COLOR"));
    return p;
}

static void wipe(struct progress *p)
{
    if (p->is_drawn)
        (void)fputs("\r\033[K", stderr);
    p->is_drawn = false;
}

/* Rows of `due` in percent; what was not foreseen may be more. */
static int percent(int64_t rows, int64_t due)
{
    if (due <= 0)
        return 0;
    return rows >= due ? 100 : (int)((double)rows * 100.0 / (double)due);
}

static void draw(struct progress *p, const struct slp_progress *now)
{
    const char *bold = p->is_colored ? "\033[1m" : "";
    const char *plain = p->is_colored ? "\033[0m" : "";
    wipe(p);
    (void)fprintf(stderr, "%s%s%s: job %zu of %zu, %" PRId64 " of %" PRId64 " rows, %d %%%s", bold,
                  now->table, plain, now->jobs + (now->job ? 1 : 0), now->jobs_due, now->rows,
                  now->rows_due, percent(now->rows, now->rows_due),
                  p->form == PROGRESS_LINES ? "\n" : "");
    p->is_drawn = p->form == PROGRESS_LINE;
    (void)fflush(stderr);
}

static void record(const struct slp_progress *now)
{
    (void)fprintf(stderr, "{\"table\":\"%s\",\"job\":", now->table);
    if (now->job)
        (void)fprintf(stderr, "\"%s\"", now->job);
    else
        (void)fputs("null", stderr);
    (void)fprintf(stderr,
                  ",\"jobs\":%zu,\"jobs_due\":%zu,\"rows\":%" PRId64 ",\"rows_due\":%" PRId64 "}\n",
                  now->jobs, now->jobs_due, now->rows, now->rows_due);
}

static void on_progress(void *context, const struct slp_progress *now)
{
    struct progress *p = context;
    int64_t now_us = os_clock_mono_us(os_clock_system());
    int64_t every_us = p->form == PROGRESS_LINE ? LINE_EVERY_US : RECORD_EVERY_US;
    bool is_end = now->jobs != p->jobs;
    if (p->form == PROGRESS_NONE || (!is_end && p->told_us && now_us - p->told_us < every_us))
        return;
    p->told_us = now_us;
    p->jobs = now->jobs;
    if (p->form == PROGRESS_JSON)
        record(now);
    else
        draw(p, now);
}

static bool begins_with(const char *text, const char *head)
{
    return strncmp(text, head, strlen(head)) == 0;
}

static void tell(struct progress *p, const char *table, const char *line)
{
    bool is_bad = p->is_colored && begins_with(line, "failed");
    wipe(p);
    if (p->form == PROGRESS_JSON && !begins_with(line, "failed"))
        return; /* it was told as a record */
    app_notice(p->app, "%s%s%s%s%s", table ? table : "", table ? ": " : "",
               is_bad ? "\033[31m" : "", line, is_bad ? "\033[0m" : "");
}

static void on_job(void *context, const char *line)
{
    tell(context, NULL, line);
}

static void on_line(void *context, const char *table, const char *line)
{
    tell(context, table, line);
}

/* ---- compact ---- */

static slp_rc explain(struct app *app, struct slp_instance *instance,
                      const struct slp_compact_options *o, struct slp_err *err)
{
    struct slp_rows *rows = NULL;
    TRY(slp_compact_due(instance, o, &rows, err));
    return app_print_rows(app, rows, true, err);
}

slp_rc run_compact(struct app *app, const struct args *args, struct slp_err *err)
{
    struct slp_instance *instance = NULL;
    struct slp_compact_result result = {0};
    struct progress p = progress_begin(app);
    struct slp_compact_options o = {.table = args->arguments[0],
                                    .all = args_has(args, OPTION_ALL),
                                    .makes_only = args_has(args, OPTION_MAKE_ONLY),
                                    .strategy = args_value(args, OPTION_STRATEGY),
                                    .on_job = on_job,
                                    .on_progress = on_progress,
                                    .context = &p};
    TRY(app_instance(app, &instance, err));
    if (args_has(args, OPTION_DRY_RUN))
        return explain(app, instance, &o, err);
    slp_rc rc = slp_compact(instance, &o, &result, err);
    wipe(&p);
    TRY(rc);
    if (result.is_offline)
        app_notice(app, "table \"%s\" is offline: workers leave it alone", o.table);
    app_notice(app, "%zu job%s %s, %" PRId64 " rows; files: %zu before, %zu after", result.jobs,
               result.jobs == 1 ? "" : "s", o.makes_only ? "made" : "run", result.rows,
               result.files_before, result.files_after);
    return SLP_OK;
}

/* ---- worker ---- */

slp_rc run_worker(struct app *app, const struct args *args, struct slp_err *err)
{
    struct slp_instance *instance = NULL;
    struct slp_work_result result = {0};
    struct progress p = progress_begin(app);
    int64_t interval_s = 0;
    struct slp_work_options o = {.once = args_has(args, OPTION_ONCE),
                                 .commits = args_has(args, OPTION_COMMIT),
                                 .on_line = on_line,
                                 .on_progress = on_progress,
                                 .context = &p};
    TRY(args_duration(args, OPTION_INTERVAL, &interval_s, err));
    if (args_has(args, OPTION_INTERVAL) && interval_s == 0)
        FAIL(err, INVALID, "--interval takes at least 1s");
    o.interval_s = (double)interval_s;
    TRY(app_instance(app, &instance, err));
    slp_rc rc = slp_work(instance, &o, &result, err);
    wipe(&p);
    TRY(rc);
    if (o.commits)
        app_notice(app, "%" PRIu64 " transaction%s packed", result.packed,
                   result.packed == 1 ? "" : "s");
    else
        app_notice(app, "%zu job%s run, %zu partition%s split, %zu object%s collected",
                   result.batches + result.compactions,
                   result.batches + result.compactions == 1 ? "" : "s", result.splits,
                   result.splits == 1 ? "" : "s", result.collected,
                   result.collected == 1 ? "" : "s");
    return SLP_OK;
}
