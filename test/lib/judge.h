/*
 * Asking another reader, a script in Python, what it makes of what a test wrote. The interpreter is
 * $SLEEPER_PYTHON or python3; one without the reader's library skips the test by name.
 *
 *     int code = judge_run("test/interop/x_judge.py", "pyarrow /folder");
 *     ... remove the folder ...
 *     judge_expect(code, "pyarrow");
 */
#ifndef SLP_TEST_JUDGE_H
#define SLP_TEST_JUDGE_H

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "lib/t.h"

#define JUDGE_MISSING 77 /* how scripts end where a library is not installed */
#define JUDGE_NO_SUCH 127

static inline const char *judge_python(void)
{
    const char *named = getenv("SLEEPER_PYTHON");
    return named && *named ? named : "python3";
}

/* The exit code of the script. */
static inline int judge_run(const char *script, const char *arguments)
{
    char command[4096];
    (void)snprintf(command, sizeof command, "\"%s\" %s %s", judge_python(), script, arguments);
    (void)fflush(NULL);
    int status = system(command); /* NOLINT(cert-env33-c): a test of our own script */
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static inline void judge_expect(int code, const char *judge)
{
    if (code == JUDGE_MISSING || code == JUDGE_NO_SUCH) {
        print_message("skipped: %s is not installed for %s\n", judge, judge_python());
        skip();
    }
    assert_int_equal(code, 0);
}

#endif
