#include "args.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/amount.h"
#include "base/err.h"
#include "base/num.h"
#include "base/text.h"

const struct option option_table[OPTION_COUNT] = {
#define OPTION(id, long_name, letter, argument, help) {long_name, letter, argument, help},
#include "options.def"
#undef OPTION
};

static int option_by_name(struct slice name)
{
    for (int i = 0; i < OPTION_COUNT; i++)
        if (slice_is(name, option_table[i].name))
            return i;
    return -1;
}

static int option_by_letter(char letter)
{
    for (int i = 0; i < OPTION_COUNT; i++)
        if (option_table[i].letter == letter)
            return i;
    return -1;
}

static const char *nearest_option(struct slice name)
{
    const char *best = NULL;
    size_t best_distance = SIZE_MAX;
    for (int i = 0; i < OPTION_COUNT; i++) {
        struct slice candidate = slice_str(option_table[i].name);
        size_t distance = text_distance(name, candidate);
        if (distance < best_distance && text_is_near(name, candidate, distance)) {
            best = option_table[i].name;
            best_distance = distance;
        }
    }
    return best;
}

static slp_rc unknown_option(struct slice name, struct slp_err *err)
{
    const char *near = nearest_option(name);
    if (near)
        FAIL(err, INVALID, "unknown option --%.*s; did you mean --%s?", SLICE_ARG(name), near);
    for (int i = 0; i < command_count; i++)
        if (slice_is(name, command_table[i].words))
            FAIL(err, INVALID, "unknown option --%.*s; there is a command: sleeper %s",
                 SLICE_ARG(name), command_table[i].words);
    FAIL(err, INVALID, "unknown option --%.*s; see: sleeper help", SLICE_ARG(name));
}

/* "-" alone and negative numbers are arguments. */
static bool looks_like_option(const char *arg)
{
    return arg[0] == '-' && arg[1] != '\0' && !isdigit((unsigned char)arg[1]) && arg[1] != '.';
}

static slp_rc add_option(struct args *out, int id, const char *value, struct slp_err *err)
{
    if (out->option_count == ARGS_MAX)
        FAIL(err, INVALID, "more than %d options", ARGS_MAX);
    out->options[out->option_count] = (enum option_id)id;
    out->values[out->option_count++] = value;
    return SLP_OK;
}

/* Parse the option at argv[*at], moving *at over its value. */
static slp_rc parse_option(int argc, char **argv, int *at, struct args *out, struct slp_err *err)
{
    const char *arg = argv[*at];
    const char *value = NULL;
    int id = -1;
    if (arg[1] == '-') {
        const char *equals = strchr(arg, '=');
        struct slice name =
            equals ? slice_of(arg + 2, (size_t)(equals - arg - 2)) : slice_str(arg + 2);
        id = option_by_name(name);
        if (id < 0)
            return unknown_option(name, err);
        value = equals ? equals + 1 : NULL;
        if (value && !option_table[id].argument)
            FAIL(err, INVALID, "option --%s takes no value", option_table[id].name);
    } else {
        id = option_by_letter(arg[1]);
        if (id < 0)
            FAIL(err, INVALID, "unknown option -%c; see: sleeper help", arg[1]);
        if (arg[2] && !option_table[id].argument)
            FAIL(err, INVALID, "option -%c takes no value; write letters apart", arg[1]);
        value = arg[2] ? arg + 2 : NULL;
    }
    if (option_table[id].argument && !value) {
        if (*at + 1 >= argc)
            FAIL(err, INVALID, "option --%s needs a value: --%s %s", option_table[id].name,
                 option_table[id].name, option_table[id].argument);
        value = argv[++*at];
    }
    return add_option(out, id, value, err);
}

/* How many of the leading arguments name the command: 0 if they do not. */
static int match_command(const struct command *command, const struct args *args)
{
    const char *words = command->words;
    int count = 0;
    while (*words) {
        size_t len = strcspn(words, " ");
        if (count >= args->argument_count ||
            !slice_is(slice_of(words, len), args->arguments[count]))
            return 0;
        count++;
        words += len;
        words += *words == ' ';
    }
    return count;
}

/* A noun without its verb, as in "table": the commands that begin with it. False if it is none. */
static bool list_verbs(const char *noun, char *out, size_t room)
{
    size_t used = 0;
    for (int i = 0; i < command_count; i++) {
        const char *words = command_table[i].words;
        size_t len = strcspn(words, " ");
        if (!words[len] || !slice_is(slice_of(words, len), noun))
            continue;
        int n = snprintf(out + used, room - used, "%s%s", used ? ", " : "", words + len + 1);
        used = num_min_size(used + (size_t)n, room - 1);
    }
    return used > 0;
}

slp_rc args_unknown_command(const struct args *args, struct slp_err *err)
{
    char given[128];
    const char *first = args->arguments[0];
    const char *second = args->argument_count > 1 ? args->arguments[1] : NULL;
    const char *best = NULL;
    size_t best_distance = SIZE_MAX;
    bool is_noun = false;
    if (!second && list_verbs(first, given, sizeof given))
        FAIL(err, INVALID, "\"%s\" needs one more word: %s; see: sleeper help", first, given);
    for (int i = 0; i < command_count; i++) {
        const char *words = command_table[i].words;
        bool two = strchr(words, ' ') != NULL;
        size_t first_len = strcspn(words, " ");
        bool same_noun = two && slice_is(slice_of(words, first_len), first);
        is_noun = is_noun || same_noun;
        (void)snprintf(given, sizeof given, "%s%s%s", first, two && second ? " " : "",
                       two && second ? second : "");
        size_t distance = text_distance(slice_str(given), slice_str(words));
        if (distance < best_distance &&
            (same_noun || text_is_near(slice_str(given), slice_str(words), distance))) {
            best = words;
            best_distance = distance;
        }
    }
    const char *gap = is_noun && second ? " " : "";
    const char *verb = is_noun && second ? second : "";
    if (best)
        FAIL(err, INVALID, "unknown command \"%s%s%s\"; did you mean \"%s\"?", first, gap, verb,
             best);
    FAIL(err, INVALID, "unknown command \"%s%s%s\"; see: sleeper help", first, gap, verb);
}

/* An option whose value is one of the words in `allowed`, divided by |. */
static slp_rc check_word(const struct args *args, enum option_id id, const char *allowed,
                         struct slp_err *err)
{
    const char *value = args_value(args, id);
    for (const char *word = allowed; value && *word;) {
        size_t len = strcspn(word, "|");
        if (slice_is(slice_of(word, len), value))
            return SLP_OK;
        word += len + (word[len] == '|');
    }
    if (value)
        FAIL(err, INVALID, "--%s \"%s\" is not known; expected one of %s", option_table[id].name,
             value, allowed);
    return SLP_OK;
}

static slp_rc check_options(const struct args *args, struct slp_err *err)
{
    const struct command *command = args->command;
    for (int i = 0; i < args->option_count; i++) {
        u128 bit = (u128)1 << args->options[i];
        if (!(bit & (command->options | GLOBAL_OPTIONS)))
            FAIL(err, INVALID, "\"%s\" takes no option --%s; see: sleeper help %s", command->words,
                 option_table[args->options[i]].name, command->words);
    }
    return SLP_OK;
}

static slp_rc find_command(struct args *args, struct slp_err *err)
{
    TRY(check_word(args, OPTION_PROGRESS, "auto|always|never|json", err));
    TRY(check_word(args, OPTION_COLOR, "auto|always|never", err));
    if (args->argument_count == 0)
        return SLP_OK;
    int used = 0;
    for (int i = 0; i < command_count && used == 0; i++) {
        used = match_command(&command_table[i], args);
        if (used)
            args->command = &command_table[i];
    }
    if (!args->command)
        return args_unknown_command(args, err);
    args->argument_count -= used;
    memmove(args->arguments, args->arguments + used,
            (size_t)(args->argument_count + 1) * sizeof args->arguments[0]);
    const struct command *command = args->command;
    if (args_has(args, OPTION_HELP))
        return SLP_OK;
    if (args->argument_count < command->fewest)
        FAIL(err, INVALID, "\"%s\" needs %s: sleeper %s %s", command->words,
             command->fewest == 1 ? "an argument" : "more arguments", command->words,
             command->arguments);
    if (command->most >= 0 && args->argument_count > command->most)
        FAIL(err, INVALID, "\"%s\" takes no argument \"%s\": sleeper %s%s%s", command->words,
             args->arguments[command->most], command->words, *command->arguments ? " " : "",
             command->arguments);
    return check_options(args, err);
}

slp_rc args_parse(int argc, char **argv, struct args *out, struct slp_err *err)
{
    out->command = NULL;
    out->option_count = 0;
    out->argument_count = 0;
    bool options_end = false;
    for (int i = 1; i < argc; i++) {
        if (!options_end && strcmp(argv[i], "--") == 0) {
            options_end = true;
        } else if (!options_end && looks_like_option(argv[i])) {
            TRY(parse_option(argc, argv, &i, out, err));
        } else {
            if (out->argument_count == ARGS_MAX)
                FAIL(err, INVALID, "more than %d arguments; give a folder or a file of keys",
                     ARGS_MAX);
            out->arguments[out->argument_count++] = argv[i];
        }
    }
    out->arguments[out->argument_count] = NULL;
    return find_command(out, err);
}

bool args_has(const struct args *args, enum option_id id)
{
    for (int i = 0; i < args->option_count; i++)
        if (args->options[i] == id)
            return true;
    return false;
}

const char *args_nth(const struct args *args, enum option_id id, int n)
{
    for (int i = 0; i < args->option_count; i++)
        if (args->options[i] == id && n-- == 0)
            return args->values[i];
    return NULL;
}

const char *args_value(const struct args *args, enum option_id id)
{
    for (int i = args->option_count; i-- > 0;)
        if (args->options[i] == id)
            return args->values[i];
    return NULL;
}

slp_rc args_number(const struct args *args, enum option_id id, int64_t *out, struct slp_err *err)
{
    const char *text = args_value(args, id);
    if (text && !text_parse_whole(slice_str(text), out))
        FAIL(err, INVALID, "--%s \"%s\" is no whole number", option_table[id].name, text);
    return SLP_OK;
}

slp_rc args_size(const struct args *args, enum option_id id, uint64_t *out, struct slp_err *err)
{
    const char *text = args_value(args, id);
    if (!text)
        return SLP_OK;
    int64_t value = 0;
    if (!text_parse_bytes(slice_str(text), &value))
        FAIL(err, INVALID, "--%s \"%s\" is no size; write bytes, or 128MB, 2GiB",
             option_table[id].name, text);
    *out = (uint64_t)value;
    return SLP_OK;
}

slp_rc args_duration(const struct args *args, enum option_id id, int64_t *out_s,
                     struct slp_err *err)
{
    const char *text = args_value(args, id);
    if (text && !text_parse_seconds(slice_str(text), out_s))
        FAIL(err, INVALID, "--%s \"%s\" is no duration; write 90s, 30m, 12h or 7d",
             option_table[id].name, text);
    return SLP_OK;
}
