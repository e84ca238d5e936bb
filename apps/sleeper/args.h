/*
 * The command line, parsed by table: options.def and commands.def.
 *
 * Options may stand before and behind the command, as --name VALUE, --name=VALUE or -n VALUE; "--"
 * ends them; "-" and negative numbers are arguments. Names are never abbreviated. Everything points
 * into argv.
 */
#ifndef SLEEPER_APP_ARGS_H
#define SLEEPER_APP_ARGS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/num.h"
#include "sleeper/types.h"

enum option_id {
#define OPTION(id, long_name, letter, argument, help) OPTION_##id,
#include "options.def"
#undef OPTION
    OPTION_COUNT
};

/* Sets of options: there are more than 64. */
#define BIT(id) ((u128)1 << OPTION_##id)
#define GLOBAL_OPTIONS                                                                             \
    (BIT(INSTANCE) | BIT(FORMAT) | BIT(OUTPUT) | BIT(QUIET) | BIT(VERBOSE) | BIT(PROGRESS) |       \
     BIT(COLOR) | BIT(THREADS) | BIT(MEMORY) | BIT(YES) | BIT(NO_INPUT) | BIT(HELP))
#define ROW_OPTIONS (BIT(WHERE) | BIT(COLUMNS) | BIT(LIMIT) | BIT(NO_HEADER))
#define PARQUET_OPTIONS                                                                            \
    (BIT(PROFILE) | BIT(CODEC) | BIT(ENCODING) | BIT(BLOOM) | BIT(ROW_GROUP_ROWS) |                \
     BIT(PAGE_ROWS) | BIT(PAGE_SIZE) | BIT(PAGE_VERSION))
#define SELECT_OPTIONS                                                                             \
    (BIT(FROM) | BIT(TO) | BIT(WHERE) | BIT(PARAM) | BIT(MAX_ROWS) | BIT(MAX_BYTES) | BIT(AT) |    \
     BIT(MIN_SEQ))

struct option {
    const char *name;
    char letter;          /* 0: none */
    const char *argument; /* NULL: a flag */
    const char *help;
};

extern const struct option option_table[OPTION_COUNT];

struct args;
struct app;

struct command {
    const char *words;     /* "table create" */
    const char *arguments; /* for help: "NAME KEY..." */
    int fewest;
    int most;     /* -1: any number */
    u128 options; /* BITs, global ones not included */
    const char *summary;
    const char *examples; /* lines */
    slp_rc (*run)(struct app *app, const struct args *args, struct slp_err *err);
};

extern const struct command command_table[];
extern const int command_count;

#define ARGS_MAX 4096

/* Values of options in order; arguments of the command. */
struct args {
    const struct command *command; /* NULL: none was named */
    int option_count;
    enum option_id options[ARGS_MAX];
    const char *values[ARGS_MAX]; /* NULL for flags */
    int argument_count;
    const char *arguments[ARGS_MAX + 1]; /* ends with NULL */
};

/* Parse. Errors: INVALID for an unknown command or option, with the nearest one; a missing value or
 * argument. */
SLP_NODISCARD slp_rc args_parse(int argc, char **argv, struct args *out, struct slp_err *err);

/* The error for arguments that name no command: INVALID, with the nearest one. There is an
 * argument. */
SLP_NODISCARD slp_rc args_unknown_command(const struct args *args, struct slp_err *err);

bool args_has(const struct args *args, enum option_id id);

/* The last value of an option, or NULL. */
const char *args_value(const struct args *args, enum option_id id);

/* The n-th value of an option that may be repeated, or NULL. */
const char *args_nth(const struct args *args, enum option_id id, int n);

/* A number, a size in bytes (128MB, 2GiB), a duration in seconds (90s, 12h); `out` is left alone
 * when the option is not given. Errors: INVALID. */
SLP_NODISCARD slp_rc args_number(const struct args *args, enum option_id id, int64_t *out,
                                 struct slp_err *err);
SLP_NODISCARD slp_rc args_size(const struct args *args, enum option_id id, uint64_t *out,
                               struct slp_err *err);
SLP_NODISCARD slp_rc args_duration(const struct args *args, enum option_id id, int64_t *out_s,
                                   struct slp_err *err);

#endif
