/*
 * Questions before something is done that cannot be taken back.
 *
 *            on a terminal                 elsewhere                   spared by
 *   mild     -                             -
 *   moderate asks y or n                   -                           --yes
 *   severe   asks for the table's name     refused, exit code 10       --yes, --confirm NAME
 *
 * With --no-input what would be asked is refused. Questions go to standard error.
 */
#include <stdio.h>
#include <string.h>

#include "app.h"
#include "base/err.h"
#include "os/terminal.h"

#define ANSWER_BYTES 256

static bool can_ask(void)
{
    return os_terminal_is(0) && os_terminal_is(2);
}

static slp_rc refuse(struct app *app, const char *hint, struct slp_err *err)
{
    app->was_declined = true;
    FAIL(err, INVALID, "not confirmed, so nothing was done; %s", hint);
}

/* The next line of standard input without its end; empty at its end. */
static void read_answer(char answer[ANSWER_BYTES])
{
    answer[0] = '\0';
    if (!fgets(answer, ANSWER_BYTES, stdin))
        answer[0] = '\0';
    answer[strcspn(answer, "\r\n")] = '\0';
}

slp_rc app_confirm(struct app *app, const char *question, struct slp_err *err)
{
    char answer[ANSWER_BYTES];
    if (args_has(app->args, OPTION_YES) || !can_ask())
        return SLP_OK;
    if (args_has(app->args, OPTION_NO_INPUT))
        return refuse(app, "--no-input forbids the question; give --yes", err);
    (void)fprintf(stderr, "%s [y/N] ", question);
    read_answer(answer);
    if (strcmp(answer, "y") != 0 && strcmp(answer, "Y") != 0 && strcmp(answer, "yes") != 0)
        return refuse(app, "answer y, or give --yes", err);
    return SLP_OK;
}

slp_rc app_confirm_name(struct app *app, const char *question, const char *name,
                        struct slp_err *err)
{
    char answer[ANSWER_BYTES];
    const char *given = args_value(app->args, OPTION_CONFIRM);
    if (given && strcmp(given, name) != 0) {
        app->was_declined = true;
        FAIL(err, INVALID, "--confirm \"%s\" is not \"%s\", so nothing was done", given, name);
    }
    if (given || args_has(app->args, OPTION_YES))
        return SLP_OK;
    if (args_has(app->args, OPTION_NO_INPUT) || !can_ask())
        return refuse(app, "give --confirm with the table's name, or --yes", err);
    (void)fprintf(stderr, "%s Type \"%s\" to go on: ", question, name);
    read_answer(answer);
    if (strcmp(answer, name) != 0)
        return refuse(app, "that was not the table's name", err);
    return SLP_OK;
}
