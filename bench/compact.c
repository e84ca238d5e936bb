/*
 * One compaction without the final syncs, as peers write: `sleeper compact NAME --all` but for that.
 *
 *     bench.compact INSTANCE TABLE THREADS [MEMORY_MB]
 *
 * Prints rows and seconds from opening the instance to the answer.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "sleeper/sleeper.h"

static double now_s(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void must(slp_rc rc, const struct slp_err *err)
{
    if (rc != SLP_OK) {
        (void)fprintf(stderr, "bench.compact: %s\n", err->text);
        exit(1);
    }
}

int main(int argc, char **argv)
{
    struct slp_err err = {.code = SLP_OK};
    struct slp_instance *instance = NULL;
    struct slp_compact_result result = {0};
    if (argc < 4) {
        (void)fprintf(stderr, "usage: bench.compact INSTANCE TABLE THREADS [MEMORY_MB]\n");
        return 2;
    }
    struct slp_instance_options o = {.threads = strtoul(argv[3], NULL, 10), .no_sync = true};
    if (argc > 4)
        o.memory = strtoull(argv[4], NULL, 10) << 20;
    struct slp_compact_options c = {.table = argv[2], .all = true};
    double start = now_s();
    must(slp_instance_open(argv[1], &o, &instance, &err), &err);
    must(slp_compact(instance, &c, &result, &err), &err);
    slp_instance_close(instance);
    (void)printf("%" PRId64 " rows %.3f s\n", (int64_t)result.rows, now_s() - start);
    return 0;
}
