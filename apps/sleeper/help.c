#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "app.h"

const struct command command_table[] = {
#define COMMAND(handler, words, arguments, fewest, most, options, summary, examples)               \
    {words, arguments, fewest, most, options, summary, examples, run_##handler},
#include "commands.def"
#undef COMMAND
};

const int command_count = (int)(sizeof command_table / sizeof command_table[0]);

struct printer {
    int (*write)(void *, const void *, size_t);
    void *context;
    int failed;
};

static void print(struct printer *p, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void print(struct printer *p, const char *format, ...)
{
    char line[2048];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (n < 0 || p->failed)
        return;
    size_t len = (size_t)n < sizeof line ? (size_t)n : sizeof line - 1;
    p->failed = p->write(p->context, line, len);
}

static void print_option(struct printer *p, const struct option *o)
{
    char left[64];
    char letter[8] = "    ";
    if (o->letter)
        (void)snprintf(letter, sizeof letter, "-%c, ", o->letter);
    (void)snprintf(left, sizeof left, "%s--%s%s%s", letter, o->name, o->argument ? " " : "",
                   o->argument ? o->argument : "");
    print(p, "  %-30s %s\n", left, o->help);
}

static void print_options(struct printer *p, const char *title, u128 options)
{
    if (!options)
        return;
    print(p, "\n%s\n", title);
    for (int i = 0; i < OPTION_COUNT; i++)
        if (options & ((u128)1 << i))
            print_option(p, &option_table[i]);
}

static void print_examples(struct printer *p, const char *examples, const char *indent)
{
    while (*examples) {
        size_t len = strcspn(examples, "\n");
        print(p, "%s%.*s\n", indent, (int)len, examples);
        examples += len + (examples[len] == '\n');
    }
}

static void print_all(struct printer *p)
{
    print(p, "Sleeper: a key-value store over sorted Parquet files.\n\n"
             "  sleeper -I /tmp/demo init\n"
             "  export SLEEPER_INSTANCE=/tmp/demo\n"
             "  sleeper table create flights --like flights.parquet --row-key origin --sort-key "
             "date,destination\n"
             "  sleeper ingest flights flights.parquet\n"
             "  sleeper get flights ATL\n\n"
             "Commands\n");
    for (int i = 0; i < command_count; i++)
        print(p, "  %-24s %s\n", command_table[i].words, command_table[i].summary);
    print_options(p, "Options of every command", GLOBAL_OPTIONS);
    print(
        p,
        "\nsleeper help COMMAND tells more. Exit codes: 0 success, 1 failure, 2 usage, 3 bad rows "
        "left out, 4 not\nfound, 5 conflict, 6 temporary, 7 access denied, 8 corruption, 9 "
        "limit, 10 not confirmed, 130 interrupted.\n");
}

slp_rc help_print(const struct command *command, int (*write)(void *, const void *, size_t),
                  void *context)
{
    struct printer p = {.write = write, .context = context};
    if (!command) {
        print_all(&p);
    } else {
        print(&p, "sleeper %s%s%s: %s\n\nExamples\n", command->words,
              *command->arguments ? " " : "", command->arguments, command->summary);
        print_examples(&p, command->examples, "  ");
        print_options(&p, "Options", command->options);
        print_options(&p, "Options of every command", GLOBAL_OPTIONS);
    }
    return p.failed ? SLP_IO : SLP_OK;
}

/* Text in roff: a line must not begin with a dot or quote, backslashes and hyphens are escaped. */
static void print_roff(struct printer *p, const char *text)
{
    char out[1024];
    size_t n = 0;
    for (; *text && n + 4 < sizeof out; text++) {
        if (n == 0 && (*text == '.' || *text == '\'')) {
            out[n++] = '\\';
            out[n++] = '&';
        }
        if (*text == '\\' || *text == '-')
            out[n++] = '\\';
        if (*text == '\\')
            out[n++] = 'e';
        else
            out[n++] = *text;
    }
    out[n] = '\0';
    print(p, "%s", out);
}

static void manual_option(struct printer *p, const struct option *o)
{
    print(p, ".TP\n.B ");
    if (o->letter) {
        print(p, "\\-%c\\fR, \\fB", o->letter);
    }
    print_roff(p, "--");
    print_roff(p, o->name);
    if (o->argument)
        print(p, " \\fI%s", o->argument);
    print(p, "\n");
    print_roff(p, o->help);
    print(p, "\n");
}

static void manual_command(struct printer *p, const struct command *c)
{
    print(p, ".SS sleeper ");
    print_roff(p, c->words);
    if (*c->arguments) {
        print(p, " ");
        print_roff(p, c->arguments);
    }
    print(p, "\n");
    print_roff(p, c->summary);
    print(p, ".\n");
    for (int i = 0; i < OPTION_COUNT; i++)
        if (c->options & ((u128)1 << i))
            manual_option(p, &option_table[i]);
    print(p, ".PP\n.nf\n");
    const char *line = c->examples;
    while (*line) {
        char text[256];
        size_t len = strcspn(line, "\n");
        (void)snprintf(text, sizeof text, "%.*s", (int)len, line);
        print_roff(p, text);
        print(p, "\n");
        line += len + (line[len] == '\n');
    }
    print(p, ".fi\n");
}

slp_rc help_manual(int (*write)(void *, const void *, size_t), void *context)
{
    struct printer p = {.write = write, .context = context};
    print(&p,
          ".TH SLEEPER 1 \"2026-11-22\" \"sleeper %s\" \"User Commands\"\n.SH NAME\n"
          "sleeper \\- a key\\-value store over sorted Parquet files\n.SH SYNOPSIS\n"
          ".B sleeper\n[\\fIoptions\\fR] \\fIcommand\\fR [\\fIarguments\\fR]\n.SH DESCRIPTION\n"
          "Rows live in sorted Parquet files in a folder; a numbered log of small files beside\n"
          "them is the only thing that changes. Nothing runs when nothing is asked.\n"
          ".SH OPTIONS OF EVERY COMMAND\n",
          slp_version());
    for (int i = 0; i < OPTION_COUNT; i++)
        if (GLOBAL_OPTIONS & ((u128)1 << i))
            manual_option(&p, &option_table[i]);
    print(&p, ".SH COMMANDS\n");
    for (int i = 0; i < command_count; i++)
        manual_command(&p, &command_table[i]);
    print(&p, ".SH EXIT STATUS\n");
    static const struct {
        const char *name;
        int code;
        const char *action;
    } codes[] = {
#define SLP_STATUS(name, value, exit_code, action) {#name, exit_code, action},
#include "sleeper/status.def"
#undef SLP_STATUS
    };
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        if (strcmp(codes[i].name, "DONE") == 0)
            continue;
        print(&p, ".TP\n.B %d\n%s: ", codes[i].code, codes[i].name);
        print_roff(&p, codes[i].action);
        print(&p, "\n");
    }
    print(&p,
          ".TP\n.B 3\nrows were ingested, and bad ones left out as \\-\\-on\\-error wanted\n"
          ".TP\n.B 10\na confirmation is missing or was declined\n"
          ".SH ENVIRONMENT\n.TP\n.B SLEEPER_INSTANCE\nthe instance, where \\-I is not given\n"
          ".TP\n.B SLEEPER_TRACE\nstore: tell on standard error about each request to the store\n"
          ".TP\n.B TMPDIR\nwhere rows are spilled while they are sorted; else /tmp\n"
          ".TP\n.B NO_COLOR\nwhere it is set to anything, no colours\n");
    return p.failed ? SLP_IO : SLP_OK;
}
