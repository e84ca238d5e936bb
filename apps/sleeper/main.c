/*
 * sleeper: the command line.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "app.h"
#include "base/err.h"
#include "os/reader.h"
#include "os/signal.h"
#include "os/terminal.h"

#define ARENA_MAX_BYTES ((size_t)256 << 20)
#define FILE_MAX_BYTES  ((size_t)64 << 20)
#define EXIT_DECLINED   10
#define EXIT_PARTIAL    3

slp_rc app_instance_uri(const struct app *app, const char **out, struct slp_err *err)
{
    const char *uri = args_value(app->args, OPTION_INSTANCE);
    if (!uri)
        uri = os_environment("SLEEPER_INSTANCE");
    if (!uri || !*uri)
        FAIL(err, INVALID, "no instance is named: give -I FOLDER or set SLEEPER_INSTANCE");
    *out = uri;
    return SLP_OK;
}

/* SLEEPER_TRACE=store tells of every request. */
static void print_trace(void *context, const char *line)
{
    (void)context;
    (void)fprintf(stderr, "store: %s\n", line);
}

static slp_rc set_trace(struct slp_instance_options *o, struct slp_err *err)
{
    const char *parts = os_environment("SLEEPER_TRACE");
    if (!parts)
        return SLP_OK;
    if (strcmp(parts, "store") != 0)
        FAIL(err, INVALID, "SLEEPER_TRACE=%s is not known; this version has: store", parts);
    o->trace = print_trace;
    return SLP_OK;
}

slp_rc app_instance(struct app *app, struct slp_instance **out, struct slp_err *err)
{
    if (!app->instance) {
        const char *uri = NULL;
        struct slp_instance_options o = {.cancel = os_signal_flag()};
        int64_t threads = 0;
        TRY(app_instance_uri(app, &uri, err));
        TRY(args_number(app->args, OPTION_THREADS, &threads, err));
        TRY(args_size(app->args, OPTION_MEMORY, &o.memory, err));
        if (args_has(app->args, OPTION_THREADS) && (threads < 1 || threads > 256))
            FAIL(err, INVALID, "--threads takes 1 to 256");
        if (args_has(app->args, OPTION_MEMORY) && o.memory < 16u * 1024 * 1024)
            FAIL(err, INVALID, "--memory takes at least 16MiB");
        o.threads = (size_t)threads;
        TRY(set_trace(&o, err));
        TRY(slp_instance_open(uri, &o, &app->instance, err));
    }
    *out = app->instance;
    return SLP_OK;
}

/* One item of a CSV list at *text, in the arena; moves *text behind it and its comma. */
static slp_rc list_item(struct app *app, const char **text, const char **out, struct slp_err *err)
{
    const char *at = *text;
    if (*at != '"') {
        size_t len = strcspn(at, ",");
        TRY(arena_text(&app->arena, slice_of(at, len), out, err));
        *text = at + len;
        return SLP_OK;
    }
    char *copy = NULL;
    size_t n = 0;
    TRY(arena_alloc(&app->arena, strlen(at) + 1, (void **)&copy, err));
    for (at++; *at && (*at != '"' || at[1] == '"'); at++) {
        at += *at == '"';
        copy[n++] = *at;
    }
    if (*at != '"')
        FAIL(err, INVALID, "a quote in the list %s is not closed", *text);
    *out = copy;
    *text = at + 1;
    return SLP_OK;
}

slp_rc app_list(struct app *app, const char *text, const char *const **out, struct slp_err *err)
{
    size_t count = 1;
    for (const char *c = text; *c; c++)
        count += *c == ',';
    const char **items = NULL;
    TRY(arena_array(&app->arena, count + 1, sizeof *items, (void **)&items, err));
    size_t n = 0;
    while (n < count) {
        TRY(list_item(app, &text, &items[n++], err));
        if (*text == '\0')
            break;
        if (*text != ',')
            FAIL(err, INVALID, "expected a comma before \"%s\"", text);
        text++;
    }
    *out = items;
    return SLP_OK;
}

slp_rc app_pairs(struct app *app, enum option_id id, const struct slp_param **out, size_t *count,
                 struct slp_err *err)
{
    size_t n = 0;
    while (args_nth(app->args, id, (int)n))
        n++;
    struct slp_param *pairs = NULL;
    TRY(arena_array(&app->arena, n, sizeof *pairs, (void **)&pairs, err));
    for (size_t i = 0; i < n; i++) {
        const char *text = args_nth(app->args, id, (int)i);
        const char *equals = strchr(text, '=');
        if (!equals || equals == text)
            FAIL(err, INVALID, "--%s \"%s\": expected NAME=VALUE", option_table[id].name, text);
        TRY(arena_text(&app->arena, slice_of(text, (size_t)(equals - text)), &pairs[i].name, err));
        pairs[i].value = equals + 1;
    }
    *out = pairs;
    *count = n;
    return SLP_OK;
}

slp_rc app_read_file(struct app *app, const char *path, const char **out, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct os_reader *reader = NULL;
    struct buf text;
    size_t got = 0;
    buf_init(&text, alloc_system(), FILE_MAX_BYTES);
    TRY_OUT(os_reader_open(alloc_system(), path, &reader, err));
    do {
        TRY_OUT(buf_reserve(&text, 65536, err));
        TRY_OUT(os_reader_read(reader, text.ptr + text.len, 65536, &got, err));
        text.len += got;
    } while (got > 0);
    if (text.len && memchr(text.ptr, 0, text.len))
        FAIL_OUT(err, BAD_INPUT, "\"%s\" is no text: it holds a NUL byte", path);
    TRY_OUT(arena_text(&app->arena, buf_slice(&text), out, err));
out:
    os_reader_close(reader);
    buf_fini(&text);
    return rc;
}

/* How a Parquet file is to be written; `*is_said` if there is a word about it. */
static slp_rc parquet_options(struct app *app, struct slp_parquet_options *o, bool *is_said,
                              struct slp_err *err)
{
    const struct args *args = app->args;
    int64_t version = 0;
    for (int i = 0; i < OPTION_COUNT; i++)
        *is_said = *is_said || (PARQUET_OPTIONS >> i & 1 && args_has(args, (enum option_id)i));
    o->profile = args_value(args, OPTION_PROFILE);
    o->codec = args_value(args, OPTION_CODEC);
    TRY(app_pairs(app, OPTION_ENCODING, &o->encodings, &o->encoding_count, err));
    if (args_has(args, OPTION_BLOOM))
        TRY(app_list(app, args_value(args, OPTION_BLOOM), &o->bloom, err));
    TRY(args_number(args, OPTION_ROW_GROUP_ROWS, &o->row_group_rows, err));
    TRY(args_number(args, OPTION_PAGE_ROWS, &o->page_rows, err));
    TRY(args_size(args, OPTION_PAGE_SIZE, &o->page_bytes, err));
    TRY(args_number(args, OPTION_PAGE_VERSION, &version, err));
    if (args_has(args, OPTION_PAGE_VERSION) && version != 1 && version != 2)
        FAIL(err, INVALID, "--page-version %" PRId64 " is not known; expected 1 or 2", version);
    o->page_version = (int)version;
    return SLP_OK;
}

static slp_rc write_rows(struct app *app, struct slp_rows *rows, struct output *out,
                         struct slp_err *err)
{
    const char *format = args_value(app->args, OPTION_FORMAT);
    struct slp_output_options o = {.format = format,
                                   .no_header = args_has(app->args, OPTION_NO_HEADER),
                                   .width = output_width(out),
                                   .human = output_is_terminal(out)};
    if (!format)
        o.format = output_is_terminal(out) ? "table" : "csv";
    if (output_is_terminal(out) &&
        (strcmp(o.format, "arrow") == 0 || strcmp(o.format, "parquet") == 0))
        FAIL(err, INVALID, "%s is no text for a terminal; give --output FILE or a pipe", o.format);
    struct slp_parquet_options parquet = {0};
    bool is_said = false;
    TRY(parquet_options(app, &parquet, &is_said, err));
    o.parquet = is_said ? &parquet : NULL;
    return slp_rows_write(rows, &o, output_write, out, NULL, err);
}

slp_rc app_selection(struct app *app, const char *const **columns, int64_t *limit,
                     struct slp_err *err)
{
    if (args_has(app->args, OPTION_COLUMNS))
        TRY(app_list(app, args_value(app->args, OPTION_COLUMNS), columns, err));
    TRY(args_number(app->args, OPTION_LIMIT, limit, err));
    if (args_has(app->args, OPTION_LIMIT) && *limit == 0)
        *limit = -1; /* none: the API's zero means all */
    return SLP_OK;
}

static slp_rc narrow_rows(struct app *app, struct slp_rows **rows, struct slp_err *err)
{
    const char *where = args_value(app->args, OPTION_WHERE);
    const char *const *columns = NULL;
    int64_t limit = 0;
    TRY(app_selection(app, &columns, &limit, err));
    if (where)
        TRY(slp_rows_where(rows, where, err));
    if (columns || limit)
        TRY(slp_rows_select(rows, columns, limit, err));
    return SLP_OK;
}

slp_rc app_print_rows(struct app *app, struct slp_rows *rows, bool narrow, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct output *out = NULL;
    if (narrow)
        TRY_OUT(narrow_rows(app, &rows, err));
    TRY_OUT(output_open(app, &out, err));
    rc = write_rows(app, rows, out, err);
    rc = output_close(out, rc, err);
out:
    slp_rows_close(rows);
    return rc;
}

slp_rc app_format(struct app *app, const char **out, struct slp_err *err, const char *format, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, format);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n < 0)
        FAIL(err, INVALID, "a text of more than 2 GiB");
    TRY(arena_alloc(&app->arena, (size_t)n + 1, (void **)&text, err));
    va_start(args, format);
    (void)vsnprintf(text, (size_t)n + 1, format, args);
    va_end(args);
    *out = text;
    return SLP_OK;
}

void app_notice(const struct app *app, const char *format, ...)
{
    if (app->quiet)
        return;
    va_list args;
    va_start(args, format);
    (void)vfprintf(stderr, format, args);
    va_end(args);
    (void)fputc('\n', stderr);
}

static void print_counts(const struct app *app)
{
    struct slp_counts c = {0};
    if (!app->verbose || !app->instance)
        return;
    slp_instance_counts(app->instance, &c);
    (void)fprintf(stderr,
                  "requests: %" PRIu64 " get, %" PRIu64 " put, %" PRIu64 " list, %" PRIu64
                  " delete, in %" PRIu64 " rounds\n"
                  "bytes read: %" PRIu64 " (log %" PRIu64 ", key index %" PRIu64 ", data %" PRIu64
                  "); written: %" PRIu64 "\nfiles: %" PRIu64 " considered, %" PRIu64 " read\n",
                  c.gets, c.puts, c.lists, c.deletes, c.rounds, c.bytes_read, c.log_bytes,
                  c.index_bytes, c.data_bytes, c.bytes_written, c.files_considered, c.files_read);
}

static slp_rc run_args(struct app *app, struct slp_err *err)
{
    const struct args *args = app->args;
    if (!args->command || args_has(args, OPTION_HELP)) {
        struct output *out = NULL;
        TRY(output_open(app, &out, err));
        return output_close(out, help_print(args->command, output_write, out), err);
    }
    return args->command->run(app, args, err);
}

int main(int argc, char **argv)
{
    static struct args args; /* large; written once, here */
    struct slp_err err = {.code = SLP_OK};
    struct app app = {.args = &args};
    alloc_pool_large();
    arena_init(&app.arena, alloc_system(), ARENA_MAX_BYTES);
    os_streams_hold();
    os_signal_watch();
    slp_rc rc = args_parse(argc, argv, &args, &err);
    app.quiet = args_has(&args, OPTION_QUIET);
    app.verbose = args_has(&args, OPTION_VERBOSE);
    if (rc == SLP_OK)
        rc = run_args(&app, &err);
    print_counts(&app);
    if (rc != SLP_OK)
        (void)fprintf(stderr, "sleeper: %s\n", err.text[0] ? err.text : slp_rc_name(rc));
    slp_instance_close(app.instance);
    arena_fini(&app.arena);
    if (rc == SLP_OK && app.is_partial)
        return EXIT_PARTIAL;
    return app.was_declined ? EXIT_DECLINED : slp_rc_exit_code(rc);
}
