/*
 * What the commands of the program share: the parsed arguments, the instance, where output goes.
 */
#ifndef SLEEPER_APP_APP_H
#define SLEEPER_APP_APP_H

#include "args.h"
#include "base/arena.h"
#include "sleeper/sleeper.h"

struct output;

struct app {
    const struct args *args;
    struct arena arena;            /* lives as long as the command */
    struct slp_instance *instance; /* opened by app_instance */
    bool quiet;
    bool verbose;
    bool is_partial;   /* some of it was left out: exit code 3 */
    bool was_declined; /* a confirmation is missing: exit code 10 */
};

/* Open the instance of -I or $SLEEPER_INSTANCE, once. Errors: INVALID when none is named, and those
 * of opening. */
SLP_NODISCARD slp_rc app_instance(struct app *app, struct slp_instance **out, struct slp_err *err);

/* The URI of -I or $SLEEPER_INSTANCE. Errors: INVALID. */
SLP_NODISCARD slp_rc app_instance_uri(const struct app *app, const char **out, struct slp_err *err);

/* Split "a,b,c" (CSV rules: quotes hold commas) into a list that ends with NULL, in the arena. */
SLP_NODISCARD slp_rc app_list(struct app *app, const char *text, const char *const **out,
                              struct slp_err *err);

/* Keys of a command: its arguments behind the first, or the lines of --keys. */
SLP_NODISCARD slp_rc app_keys(struct app *app, const char *const **out, struct slp_err *err);

/* All values of an option that may be repeated, ended by NULL; NULL where there is none. */
SLP_NODISCARD slp_rc app_values(struct app *app, enum option_id id, const char *const **out,
                                struct slp_err *err);

/* NAME=VALUE of every --param or --key. */
SLP_NODISCARD slp_rc app_pairs(struct app *app, enum option_id id, const struct slp_param **out,
                               size_t *count, struct slp_err *err);

/* A whole file as terminated text, in the arena; "-" is standard input. At most 64 MiB. */
SLP_NODISCARD slp_rc app_read_file(struct app *app, const char *path, const char **out,
                                   struct slp_err *err);

/* The columns of --columns (NULL: all) and the rows of --limit, as the API takes them. */
SLP_NODISCARD slp_rc app_selection(struct app *app, const char *const **columns, int64_t *limit,
                                   struct slp_err *err);

/* Write rows in the format asked for and close them; with `narrow`, what --where, --columns and
 * --limit leave of them. */
SLP_NODISCARD slp_rc app_print_rows(struct app *app, struct slp_rows *rows, bool narrow,
                                    struct slp_err *err);

/* Commands that print one list of a table, or of the whole instance when no table is named. */
typedef slp_rc (*list_fn)(struct slp_instance *, const char *, struct slp_rows **,
                          struct slp_err *);
SLP_NODISCARD slp_rc app_print_list(struct app *app, list_fn list, struct slp_err *err);

/* --min-seq. Errors: INVALID. */
SLP_NODISCARD slp_rc app_min_sequence(struct app *app, uint64_t *out, struct slp_err *err);

/* PROPERTY=VALUE of `texts` (may be NULL) and of --set, and --unset PROPERTY, in the arena. */
SLP_NODISCARD slp_rc app_settings(struct app *app, const char *const *texts,
                                  const struct slp_setting **out, size_t *count,
                                  struct slp_err *err);

/* Ask on a terminal before something that is hard to take back. Errors: INVALID when it was
 * declined; the program then ends with exit code 10. */
SLP_NODISCARD slp_rc app_confirm(struct app *app, const char *question, struct slp_err *err);

/* The same before something that cannot be taken back: the name is to be typed, and without a
 * terminal --confirm NAME or --yes is needed. */
SLP_NODISCARD slp_rc app_confirm_name(struct app *app, const char *question, const char *name,
                                      struct slp_err *err);

/* Text in the arena. */
SLP_NODISCARD slp_rc app_format(struct app *app, const char **out, struct slp_err *err,
                                const char *format, ...) __attribute__((format(printf, 4, 5)));

/* A notice on standard error, unless --quiet. */
void app_notice(const struct app *app, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * Where data goes: standard output, or --output FILE, which appears under its name when it is
 * finished. Used as an slp_write_fn. A reader that went away (a broken pipe) ends writing silently.
 */
SLP_NODISCARD slp_rc output_open(struct app *app, struct output **out, struct slp_err *err);
int output_write(void *output, const void *bytes, size_t n);
bool output_is_terminal(const struct output *o);
size_t output_width(const struct output *o); /* columns; 0: no terminal */
/* Flush and make the file visible, or drop it when `rc` is an error. Returns `rc`, or what went
 * wrong. */
SLP_NODISCARD slp_rc output_close(struct output *o, slp_rc rc, struct slp_err *err);

/* Help of the program or of one command; the manual page. */
slp_rc help_print(const struct command *command, int (*write)(void *, const void *, size_t),
                  void *context);
slp_rc help_manual(int (*write)(void *, const void *, size_t), void *context);

/* One handler a command. */
#define COMMAND(handler, words, arguments, fewest, most, options, summary, examples)               \
    slp_rc run_##handler(struct app *app, const struct args *args, struct slp_err *err);
#include "commands.def"
#undef COMMAND

#endif
