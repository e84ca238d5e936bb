#include "os/signal.h"

#include <signal.h>

/* The signal flag that docs/ARCHITECTURE.md names: written by the handler alone. */
static volatile int came;

static void note(int number)
{
    came = number;
}

void os_signal_watch(void)
{
    struct sigaction action = {.sa_handler = note, .sa_flags = (int)SA_RESETHAND};
    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    (void)sigemptyset(&ignore.sa_mask);
    (void)sigaction(SIGPIPE, &ignore, NULL);
    (void)sigaction(SIGXFSZ, &ignore, NULL);
}

const volatile int *os_signal_flag(void)
{
    return &came;
}
