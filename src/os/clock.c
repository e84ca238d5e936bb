#include "os/clock.h"

#include <time.h>

static int64_t read_clock(clockid_t which)
{
    struct timespec now = {0};
    (void)clock_gettime(which, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int64_t system_wall_us(struct os_clock *clock)
{
    (void)clock;
    return read_clock(CLOCK_REALTIME);
}

static int64_t system_mono_us(struct os_clock *clock)
{
    (void)clock;
    return read_clock(CLOCK_MONOTONIC);
}

static void system_sleep_us(struct os_clock *clock, int64_t us)
{
    (void)clock;
    struct timespec span = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};
    if (us > 0)
        (void)nanosleep(&span, NULL);
}

struct os_clock *os_clock_system(void)
{
    static const struct os_clock_ops ops = {
        .wall_us = system_wall_us, .mono_us = system_mono_us, .sleep_us = system_sleep_us};
    /* Holds a constant pointer and is never written. */
    static struct os_clock system = {.ops = &ops};
    return &system;
}

int64_t os_clock_wall_us(struct os_clock *clock)
{
    return clock->ops->wall_us(clock);
}

int64_t os_clock_mono_us(struct os_clock *clock)
{
    return clock->ops->mono_us(clock);
}

void os_clock_sleep_us(struct os_clock *clock, int64_t us)
{
    clock->ops->sleep_us(clock, us);
}
