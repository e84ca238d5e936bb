/*
 * Clocks, behind a table of functions so that a simulator can put its own time in their place.
 * Wall time is microseconds since 1970 and may jump; monotonic time only goes forward and means
 * something within one process. Sleeping happens here and in store_wait, nowhere else.
 */
#ifndef SLP_OS_CLOCK_H
#define SLP_OS_CLOCK_H

#include <stdint.h>

struct os_clock;

struct os_clock_ops {
    int64_t (*wall_us)(struct os_clock *clock);
    int64_t (*mono_us)(struct os_clock *clock);
    void (*sleep_us)(struct os_clock *clock, int64_t us);
};

/* The owner of an implementation embeds this as its first member. */
struct os_clock {
    const struct os_clock_ops *ops;
};

/* The clock of the machine; usable from any thread. */
struct os_clock *os_clock_system(void);

int64_t os_clock_wall_us(struct os_clock *clock);
int64_t os_clock_mono_us(struct os_clock *clock);

/* Returns early when a signal comes, so that an interrupted program notices; zero or less does
 * nothing. */
void os_clock_sleep_us(struct os_clock *clock, int64_t us);

#endif
