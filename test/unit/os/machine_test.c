#include "os/machine.h"

#include <signal.h>
#include <sys/wait.h>

#include "lib/place.h"
#include "os/clock.h"
#include "os/random.h"
#include "os/signal.h"

static void make_machine(struct place *p)
{
    place_make(p);
    static const char *const folders[] = {"proc",
                                          "proc/self",
                                          "sys",
                                          "sys/fs",
                                          "sys/fs/cgroup",
                                          "sys/fs/cgroup/memory",
                                          "sys/fs/cgroup/a",
                                          "sys/fs/cgroup/a/b"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        place_make_folder(p, folders[i]);
}

static void memory_is_the_least_of_what_is_free_and_the_limits(void **state)
{
    (void)state;
    struct place p;
    make_machine(&p);
    assert_int_equal(os_machine_memory(p.path), 1 << 30);
    place_write(&p, "proc/meminfo", "MemTotal:  9999 kB\nMemAvailable:   5000 kB\n");
    assert_int_equal(os_machine_memory(p.path), 5000 * 1024);
    place_write(&p, "proc/self/cgroup", "0::/a/b\n");
    place_write(&p, "sys/fs/cgroup/a/b/memory.max", "max\n");
    assert_int_equal(os_machine_memory(p.path), 5000 * 1024);
    place_write(&p, "sys/fs/cgroup/a/memory.max", "4000000\n");
    assert_int_equal(os_machine_memory(p.path), 4000000);
    place_write(&p, "sys/fs/cgroup/memory.max", "3000000\n");
    assert_int_equal(os_machine_memory(p.path), 3000000);
    place_write(&p, "sys/fs/cgroup/memory/memory.limit_in_bytes", "2000000\n");
    assert_int_equal(os_machine_memory(p.path), 2000000);
    place_drop(&p);
}

static void this_machine_has_memory_and_cores(void **state)
{
    (void)state;
    assert_true(os_machine_memory("") > 1 << 20);
    assert_true(os_machine_cores() >= 1);
    assert_true(os_machine_peak_memory() > 1 << 20);
}

static void clocks_go_forward(void **state)
{
    (void)state;
    struct os_clock *clock = os_clock_system();
    int64_t before = os_clock_mono_us(clock);
    os_clock_sleep_us(clock, 1000);
    os_clock_sleep_us(clock, 0);
    os_clock_sleep_us(clock, -5);
    assert_true(os_clock_mono_us(clock) - before >= 1000);
    assert_true(os_clock_wall_us(clock) > 1700000000000000);
}

static void random_bytes_differ(void **state)
{
    struct t *t = *state;
    uint8_t a[32] = {0};
    uint8_t b[32] = {0};
    assert_ok(t, os_random(a, sizeof a, &t->err));
    assert_ok(t, os_random(b, sizeof b, &t->err));
    assert_memory_not_equal(a, b, sizeof a);
}

static void the_first_signal_sets_the_flag_and_the_second_ends(void **state)
{
    (void)state;
    int status = 0;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        os_signal_watch();
        if (*os_signal_flag() != 0)
            _exit(1);
        (void)raise(SIGINT);
        if (*os_signal_flag() != SIGINT)
            _exit(2);
        (void)raise(SIGINT);
        _exit(3);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGINT);
}

T_MAIN(T_TEST(memory_is_the_least_of_what_is_free_and_the_limits),
       T_TEST(this_machine_has_memory_and_cores), T_TEST(clocks_go_forward),
       T_TEST(random_bytes_differ), T_TEST(the_first_signal_sets_the_flag_and_the_second_ends))
