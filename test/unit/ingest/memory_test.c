/*
 * The memory an ingest takes, counted where it is allocated and as the kernel sees it: never more
 * than it was given (and what a process takes anyway), whether rows are spilled or not.
 */
#include <sys/wait.h>

#include "os/machine.h"
#include "unit/ingest/support.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HAS_SHADOW true
#elif defined(__has_feature)
#define HAS_SHADOW (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#else
#define HAS_SHADOW false
#endif

#define MIB   ((size_t)1 << 20)
#define SLICE "test/data/flights-slice.parquet"

/* Counts, from any thread. Room that a buffer has to grow is counted though nobody touched it. */
struct counter {
    struct alloc mem;
    size_t live;
    size_t peak;
};

static void *count_resize(struct alloc *self, void *ptr, size_t old_bytes, size_t new_bytes)
{
    struct counter *c = (struct counter *)(void *)self;
    struct alloc *system = alloc_system();
    void *out = system->resize(system, ptr, old_bytes, new_bytes);
    if (new_bytes && !out)
        return NULL;
    size_t live = __atomic_add_fetch(&c->live, new_bytes - (ptr ? old_bytes : 0), __ATOMIC_SEQ_CST);
    size_t peak = __atomic_load_n(&c->peak, __ATOMIC_SEQ_CST);
    while (live > peak && !__atomic_compare_exchange_n(&c->peak, &peak, live, false,
                                                       __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
        continue;
    return out;
}

static const char flights[] =
    "{\"fields\":[{\"id\":1,\"name\":\"date\",\"type\":\"timestamp[us]\",\"nullable\":false},"
    "{\"id\":2,\"name\":\"delay\",\"type\":\"int64\",\"nullable\":true},"
    "{\"id\":3,\"name\":\"distance\",\"type\":\"int64\",\"nullable\":true},"
    "{\"id\":4,\"name\":\"origin\",\"type\":\"string\",\"nullable\":false},"
    "{\"id\":5,\"name\":\"destination\",\"type\":\"string\",\"nullable\":false}],"
    "\"rowKey\":[\"origin\"],\"sortKey\":[\"date\",\"destination\"]}";

static const char long_strings[] =
    "{\"fields\":[{\"id\":1,\"name\":\"k\",\"type\":\"string\",\"nullable\":false},"
    "{\"id\":2,\"name\":\"v\",\"type\":\"string\",\"nullable\":false}],"
    "\"rowKey\":[\"k\"]}";

static struct ingest_result ingest_counted(struct t *t, const char *schema,
                                           const struct ingest_options *options, size_t *peak)
{
    struct t_table tt;
    struct counter c = {.mem = {.resize = count_resize}};
    struct ingest_result r = {0};
    struct ingest_options o = *options;
    t_table_open(t, &tt, schema, NULL, 0);
    assert_ok(t, ingest_run(tt.table, &o, &c.mem, &r, &t->err));
    assert_int_equal(c.live, 0);
    *peak = c.peak;
    t_table_close(&tt);
    return r;
}

/* Ingest the slice `times` times at once. */
static struct ingest_result ingest_slices(struct t *t, size_t memory, size_t threads, size_t times,
                                          size_t *peak)
{
    const char *inputs[16];
    struct ingest_options o = {
        .inputs = inputs, .input_count = times, .memory = memory, .threads = threads};
    for (size_t i = 0; i < times; i++)
        inputs[i] = SLICE;
    return ingest_counted(t, flights, &o, peak);
}

#define LONG_ROWS  400
#define LONG_BYTES ((size_t)64 << 10)

/* Rows of one long string each. They compress well: the store, which counts too, holds the files. */
static void write_long_strings(struct t *t, struct place *p)
{
    char line[LONG_BYTES + 64];
    FILE *f = fopen(place_path(p, "long.csv"), "w");
    assert_non_null(f);
    assert_true(fputs("k,v\n", f) >= 0);
    for (int i = 0; i < LONG_ROWS; i++) {
        size_t n = (size_t)snprintf(line, sizeof line, "%016llx,", (unsigned long long)t_random(t));
        for (size_t k = 0; k < LONG_BYTES; k++, n++)
            line[n] = k < 64 ? (char)('0' + t_below(t, 64)) : line[n - 64];
        line[n++] = '\n';
        assert_int_equal(fwrite(line, 1, n, f), n);
    }
    assert_int_equal(fclose(f), 0);
}

static void long_strings_stay_within_the_memory(void **state)
{
    struct t *t = *state;
    struct place p;
    size_t peak = 0;
    place_make(&p);
    write_long_strings(t, &p);
    const char *inputs[] = {place_path(&p, "long.csv")};
    for (size_t threads = 1; threads <= 4; threads *= 2) {
        struct ingest_options o = {
            .inputs = inputs, .input_count = 1, .memory = 16 * MIB, .threads = threads};
        struct ingest_result r = ingest_counted(t, long_strings, &o, &peak);
        assert_int_equal(r.rows, LONG_ROWS);
        assert_true(r.spilled_runs > 0);
        assert_true(peak <= 16 * MIB);
    }
    place_drop(&p);
}

static void little_memory_is_enough_and_kept(void **state)
{
    struct t *t = *state;
    size_t peak = 0;
    struct ingest_result r = ingest_slices(t, 16 * MIB, 1, 2, &peak);
    assert_int_equal(r.rows, 2 * 245522);
    assert_true(r.spilled_runs > 0);
    assert_true(peak <= 16 * MIB);
}

static void much_memory_spills_nothing(void **state)
{
    struct t *t = *state;
    size_t peak = 0;
    struct ingest_result r = ingest_slices(t, 128 * MIB, 2, 1, &peak);
    assert_int_equal(r.rows, 245522);
    assert_int_equal(r.spilled_runs, 0);
    assert_true(peak <= 128 * MIB);
}

/* In a process of its own: what the kernel counted, from before the ingest to after it. */
static size_t resident_bytes_of_ingest(struct t *t, size_t memory, size_t times)
{
    int pipe_of[2];
    size_t bytes = 0;
    int status = 0;
    assert_int_equal(pipe(pipe_of), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        size_t peak = 0;
        (void)ingest_slices(t, memory, 2, times, &peak);
        bytes = (size_t)os_machine_peak_memory();
        _exit(write(pipe_of[1], &bytes, sizeof bytes) == (ssize_t)sizeof bytes ? 0 : 1);
    }
    assert_int_equal(read(pipe_of[0], &bytes, sizeof bytes), sizeof bytes);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    (void)close(pipe_of[0]);
    (void)close(pipe_of[1]);
    return bytes;
}

static void the_process_stays_within_its_memory_and_a_margin(void **state)
{
    if (HAS_SHADOW) {
        print_message("skipped: peak memory of the process: sanitizers take their own\n");
        skip();
    }
    assert_true(resident_bytes_of_ingest(*state, 32 * MIB, 6) <= 32 * MIB + 64 * MIB);
}

T_MAIN(T_TEST(little_memory_is_enough_and_kept), T_TEST(much_memory_spills_nothing),
       T_TEST(long_strings_stay_within_the_memory),
       T_TEST(the_process_stays_within_its_memory_and_a_margin))
