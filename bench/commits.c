/*
 * Commits a second to one table in a folder, all durable, in a closed loop; what each costs of syncs,
 * requests and lost races. What the device gives is measured in the same run: as many writers that
 * create objects with names of their own, synced the same way, and commit nothing.
 *
 *     bench.commits FOLDER [SECONDS]
 *
 * FOLDER is made, and must not be there. Absolute numbers are noise; ratios and syncs are not.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/thread.h"
#include "state/state.h"

#define WRITERS_MAX 64

static const char schema_json[] =
    "{\"rowKeyFields\":[{\"name\":\"key\",\"type\":\"StringType\"}],\"sortKeyFields\":[],"
    "\"valueFields\":[]}";

struct writer {
    const char *path;
    struct store *store;
    struct state_instance *instance; /* shared by threads; NULL: its own */
    int number;
    bool is_bare;
    int64_t end_us; /* monotonic */
    uint64_t done;
    uint64_t losses;
    struct slp_err err;
};

struct totals {
    uint64_t done;
    uint64_t losses;
    struct store_counts counts;
};

static int64_t now_us(void)
{
    return os_clock_mono_us(os_clock_system());
}

static void must(slp_rc rc, const struct slp_err *err)
{
    if (rc != SLP_OK) {
        (void)fprintf(stderr, "bench.commits: %s\n", err->text);
        exit(1);
    }
}

static struct state_new_file some_file(const char *name)
{
    struct state_new_file f = {.name = slice_str(name), .schema_version = 1};
    f.info.file_bytes = 1000;
    f.info.rows = 10;
    f.info.first_key = slice_str("first");
    f.info.last_key = slice_str("last");
    return f;
}

static slp_rc write_bare(struct writer *w)
{
    uint8_t body[200] = {0};
    char name[64];
    while (now_us() < w->end_us) {
        (void)snprintf(name, sizeof name, "bare/%d-%d/%llu", (int)getpid(), w->number,
                       (unsigned long long)w->done);
        TRY(store_put_if_absent(w->store, slice_str(name), slice_of(body, sizeof body), &w->err));
        w->done++;
    }
    return SLP_OK;
}

static slp_rc write_commits(struct writer *w)
{
    slp_rc rc = SLP_OK;
    struct state_instance *own = NULL;
    struct state_table *table = NULL;
    if (!w->instance)
        TRY(state_instance_open(alloc_system(), w->store, NULL, &own, &w->err));
    TRY_OUT(state_table_open(w->instance ? w->instance : own, slice_str("t"), &table, &w->err));
    while (now_us() < w->end_us) {
        struct state_result r;
        struct state_name name;
        TRY_OUT(state_data_name(table, slice_of(NULL, 0), &name, &w->err));
        struct state_new_file f = some_file(name.text);
        f.is_unfiled = false;
        struct state_txn txn = {.kind = STATE_ADD, .add = {.files = &f, .count = 1}};
        TRY_OUT(state_table_commit(table, &txn, NULL, &r, &w->err));
        TRY_OUT(state_result_check(&r, &w->err));
        w->done++;
        w->losses += r.losses;
    }
out:
    state_table_close(table);
    state_instance_close(own);
    return rc;
}

static void run_writer(void *arg)
{
    struct writer *w = arg;
    slp_rc rc = w->is_bare ? write_bare(w) : write_commits(w);
    if (rc != SLP_OK && w->err.code == SLP_OK)
        w->err.code = rc;
}

static struct totals run_threads(const char *path, int count, bool is_bare, int64_t us)
{
    static struct writer writers[WRITERS_MAX];
    struct slp_err err = {0};
    struct store *store = NULL;
    struct state_instance *instance = NULL;
    struct os_pool *pool = NULL;
    struct totals sum = {0};
    must(store_folder_open(alloc_system(), path, false, &store, &err), &err);
    must(state_instance_open(alloc_system(), store, NULL, &instance, &err), &err);
    must(os_pool_new(alloc_system(), (size_t)count, &pool, &err), &err);
    int64_t end = now_us() + us;
    for (int i = 0; i < count; i++) {
        writers[i] = (struct writer){.path = path,
                                     .store = store,
                                     .instance = instance,
                                     .number = i,
                                     .is_bare = is_bare,
                                     .end_us = end};
        os_pool_submit(pool, run_writer, &writers[i]);
    }
    os_pool_wait(pool);
    os_pool_free(pool);
    for (int i = 0; i < count; i++) {
        must(writers[i].err.code, &writers[i].err);
        sum.done += writers[i].done;
        sum.losses += writers[i].losses;
    }
    sum.counts = store_counts_read(store);
    state_instance_close(instance);
    store_close(store);
    return sum;
}

static void run_child(const char *path, int number, bool is_bare, int64_t us, int to)
{
    struct slp_err err = {0};
    struct store *store = NULL;
    must(store_folder_open(alloc_system(), path, false, &store, &err), &err);
    struct writer w = {.path = path,
                       .store = store,
                       .number = number,
                       .is_bare = is_bare,
                       .end_us = now_us() + us};
    run_writer(&w);
    must(w.err.code, &w.err);
    struct totals sum = {w.done, w.losses, store_counts_read(store)};
    if (write(to, &sum, sizeof sum) != (ssize_t)sizeof sum)
        exit(1);
    store_close(store);
    exit(0);
}

static struct totals run_processes(const char *path, int count, bool is_bare, int64_t us)
{
    int ends[2];
    struct totals sum = {0};
    if (pipe(ends) != 0)
        exit(1);
    for (int i = 0; i < count; i++)
        if (fork() == 0)
            run_child(path, i, is_bare, us, ends[1]);
    for (int i = 0; i < count; i++) {
        int status = 0;
        if (wait(&status) < 0 || status != 0)
            exit(1);
    }
    for (int i = 0; i < count; i++) {
        struct totals one;
        if (read(ends[0], &one, sizeof one) != (ssize_t)sizeof one)
            exit(1);
        sum.done += one.done;
        sum.losses += one.losses;
        sum.counts.syncs += one.counts.syncs;
        for (int v = 0; v < STORE_VERB_COUNT; v++)
            sum.counts.requests[v] += one.counts.requests[v];
    }
    (void)close(ends[0]);
    (void)close(ends[1]);
    return sum;
}

static void report(const char *what, int count, struct totals bare, struct totals ours, double s)
{
    double n = (double)ours.done;
    (void)printf("%2d %-9s  bare %6.0f/s  commits %6.0f/s  %5.2f of bare; a commit: %4.2f syncs  "
                 "%4.2f lost races  %4.1f gets  %4.2f puts  %4.2f lists\n",
                 count, what, (double)bare.done / s, n / s, n / (double)bare.done,
                 (double)ours.counts.syncs / n, (double)ours.losses / n,
                 (double)ours.counts.requests[STORE_GET] / n,
                 (double)(ours.counts.requests[STORE_PUT_IF_ABSENT] +
                          ours.counts.requests[STORE_PUT_IF_MATCH]) /
                     n,
                 (double)ours.counts.requests[STORE_LIST_FROM] / n);
    (void)fflush(stdout);
}

/* Each measurement has an instance of its own, so that none replays what another wrote. */
static void begin(const char *root, char *path, size_t room, int n)
{
    struct slp_err err = {0};
    struct store *store = NULL;
    struct state_instance *instance = NULL;
    struct state_table_options o = {.name = slice_str("t"), .schema_json = slice_str(schema_json)};
    (void)snprintf(path, room, "%s/%d", root, n);
    must(store_folder_open(alloc_system(), path, true, &store, &err), &err);
    must(state_instance_create(store, NULL, &err), &err);
    must(state_instance_open(alloc_system(), store, NULL, &instance, &err), &err);
    must(state_table_create(instance, &o, &err), &err);
    state_instance_close(instance);
    store_close(store);
}

int main(int argc, char **argv)
{
    char path[4096];
    if (argc < 2) {
        (void)fprintf(stderr, "usage: bench.commits FOLDER [SECONDS]\n");
        return 2;
    }
    int64_t us = (argc > 2 ? atoi(argv[2]) : 5) * (int64_t)1000000;
    double s = (double)us / 1e6;
    static const int counts[2] = {1, 16};
    for (int i = 0; i < 2; i++) {
        begin(argv[1], path, sizeof path, i);
        struct totals bare = run_threads(path, counts[i], true, us);
        report("threads", counts[i], bare, run_threads(path, counts[i], false, us), s);
    }
    begin(argv[1], path, sizeof path, 2);
    struct totals bare = run_processes(path, 16, true, us);
    report("processes", 16, bare, run_processes(path, 16, false, us), s);
    return 0;
}
