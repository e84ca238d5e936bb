/*
 * The state at scale: a million files in 100,000 leaves. Replay, snapshot, loading whole and in part,
 * and what they take of memory and reads. CPU time is told, for the machine may be shared.
 *
 *     bench.state FOLDER [FILES] [LEAVES]
 *
 * FOLDER is made, and must not be there.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "os/clock.h"
#include "state/state.h"

#define FILES_A_COMMIT 5000u

static const char schema_json[] =
    "{\"rowKeyFields\":[{\"name\":\"key\",\"type\":\"LongType\"}],\"sortKeyFields\":[],"
    "\"valueFields\":[]}";

static void must(slp_rc rc, const struct slp_err *err)
{
    if (rc != SLP_OK) {
        (void)fprintf(stderr, "bench.state: %s\n", err->text);
        exit(1);
    }
}

/* ------------------------------------------------------------------ memory that is counted */

struct counted {
    struct alloc mem;
    size_t live;
};

static void *counted_resize(struct alloc *self, void *ptr, size_t old_bytes, size_t new_bytes)
{
    struct counted *c = (struct counted *)self;
    void *p = alloc_system()->resize(alloc_system(), ptr, old_bytes, new_bytes);
    if (p || new_bytes == 0)
        c->live += new_bytes - old_bytes;
    return p;
}

static struct counted counted = {.mem = {.resize = counted_resize}};

static double cpu_s(void)
{
    struct rusage u;
    (void)getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static double wall_s(void)
{
    return (double)os_clock_mono_us(os_clock_system()) / 1e6;
}

struct span {
    double cpu;
    double wall;
    struct store_counts counts;
};

static struct span begin(struct store *store)
{
    return (struct span){.cpu = cpu_s(), .wall = wall_s(), .counts = store_counts_read(store)};
}

static void tell(struct store *store, const struct span *s, const char *what, double things)
{
    struct store_counts c = store_counts_read(store);
    double cpu = cpu_s() - s->cpu;
    printf("%-34s %9.3f s cpu %9.3f s wall %10.0f a cpu s  rounds %" PRIu64 " gets %" PRIu64
           " read %.2f MB written %.2f MB\n",
           what, cpu, wall_s() - s->wall, cpu > 0 ? things / cpu : 0, c.rounds - s->counts.rounds,
           c.requests[STORE_GET] - s->counts.requests[STORE_GET],
           (double)(c.bytes_in - s->counts.bytes_in) / 1e6,
           (double)(c.bytes_out - s->counts.bytes_out) / 1e6);
    (void)fflush(stdout);
}

/* ------------------------------------------------------------------ what is written */

static void key_of(uint64_t n, uint8_t out[9])
{
    out[0] = 0x80;
    for (int i = 0; i < 8; i++)
        out[1 + i] = (uint8_t)(n >> (56 - 8 * i));
}

static void make_table(struct state_instance *i, uint64_t leaves)
{
    struct slp_err err = {0};
    uint8_t(*keys)[9] = malloc(leaves * sizeof *keys);
    struct slice *points = malloc(leaves * sizeof *points);
    uint64_t first = leaves < 20000 ? leaves : 20000; /* as many as a frame holds */
    for (uint64_t k = 1; k < first; k++) {
        key_of(k * (leaves / first) << 20, keys[k]);
        points[k - 1] = slice_of(keys[k], 9);
    }
    struct state_table_options o = {.name = slice_str("t"),
                                    .schema_json = slice_str(schema_json),
                                    .split_points = points,
                                    .split_point_count = first - 1};
    must(state_table_create(i, &o, &err), &err);
    free(keys);
    free(points);
}

/* Split each leaf until there are as many as wanted, one item a leaf, many a commit. */
static void split_table(struct state_table *t, uint64_t leaves)
{
    struct slp_err err = {0};
    uint64_t have = state_leaf_count(state_table_view(t));
    uint64_t parts = leaves / have;
    struct state_split_item *items = calloc(2000, sizeof *items);
    struct slice *keys = calloc(2000 * parts, sizeof *keys);
    uint8_t(*bytes)[9] = calloc(2000 * parts, sizeof *bytes);
    for (uint64_t i = 0; parts > 1 && i < have; i += 2000) {
        uint64_t n = 0;
        for (; n < 2000 && i + n < have; n++) {
            for (uint64_t k = 1; k < parts; k++) {
                key_of(((i + n) * parts + k) << 20, bytes[n * parts + k]);
                keys[n * parts + k] = slice_of(bytes[n * parts + k], 9);
            }
            items[n] = (struct state_split_item){
                .leaf = state_leaf_at(state_table_view(t), (i + n) - i + i * parts)->range,
                .keys = &keys[n * parts + 1],
                .key_count = parts - 1};
        }
        struct state_result r;
        struct state_txn txn = {.kind = STATE_SPLIT, .split = {.items = items, .count = n}};
        must(state_table_commit(t, &txn, NULL, &r, &err), &err);
        must(state_result_check(&r, &err), &err);
    }
    free(items);
    free(keys);
    free(bytes);
}

static void add_files(struct state_table *t, uint64_t files, uint64_t leaves)
{
    struct slp_err err = {0};
    struct state_new_file *batch = calloc(FILES_A_COMMIT, sizeof *batch);
    struct state_name *names = calloc(FILES_A_COMMIT, sizeof *names);
    uint8_t(*keys)[2][9] = calloc(FILES_A_COMMIT, sizeof *keys);
    for (uint64_t at = 0; at < files; at += FILES_A_COMMIT) {
        for (uint64_t k = 0; k < FILES_A_COMMIT; k++) {
            uint64_t leaf = (at + k) % leaves;
            struct state_new_file *f = &batch[k];
            must(state_data_name(t, slice_of(NULL, 0), &names[k], &err), &err);
            key_of((leaf << 20) + (at + k) % 1000, keys[k][0]);
            key_of((leaf << 20) + 500000 + (at + k) % 1000, keys[k][1]);
            *f = (struct state_new_file){.name = state_name_slice(&names[k]), .schema_version = 1};
            f->info = (struct datafile_info){.file_bytes = 123456789 + k,
                                             .rows = 1000000 + (int64_t)k,
                                             .first_key = slice_of(keys[k][0], 9),
                                             .last_key = slice_of(keys[k][1], 9),
                                             .top_offset = 123450000,
                                             .top_bytes = 900,
                                             .index_offset = 123400000,
                                             .footer_offset = 123451000,
                                             .footer_bytes = 5000,
                                             .crc32c = (uint32_t)(k * 2654435761u)};
        }
        struct state_result r;
        struct state_txn txn = {.kind = STATE_ADD,
                                .add = {.files = batch, .count = FILES_A_COMMIT}};
        must(state_table_commit(t, &txn, NULL, &r, &err), &err);
        must(state_result_check(&r, &err), &err);
    }
    free(batch);
    free(names);
    free(keys);
}

/* A job over each of the leaves, and its end; many items a commit. */
static void assign_jobs(struct state_table *t, uint64_t jobs)
{
    struct slp_err err = {0};
    const uint64_t most = 8000;
    struct state_assign_item *items = calloc(most, sizeof *items);
    struct state_id *inputs = calloc(most, sizeof *inputs);
    for (uint64_t at = 0; at < jobs; at += most) {
        uint64_t n = 0;
        for (; n < most && at + n < jobs; n++) {
            const struct state_leaf *leaf = state_leaf_at(state_table_view(t), at + n);
            inputs[n] = state_leaf_brief(leaf, 0).id;
            items[n] = (struct state_assign_item){
                .leaf = leaf->range, .inputs = &inputs[n], .input_count = 1, .deadline_us = 1};
        }
        struct state_result r;
        struct state_txn txn = {.kind = STATE_ASSIGN, .assign = {.items = items, .count = n}};
        must(state_table_commit(t, &txn, NULL, &r, &err), &err);
        must(state_result_check(&r, &err), &err);
    }
    free(items);
    free(inputs);
}

static void finish_jobs(struct state_table *t, uint64_t jobs)
{
    struct slp_err err = {0};
    const uint64_t most = 2000;
    struct state_replace_item *items = calloc(most, sizeof *items);
    struct state_new_file *outputs = calloc(most, sizeof *outputs);
    struct state_name *names = calloc(most, sizeof *names);
    for (uint64_t done = 0; done < jobs;) {
        uint64_t n = 0;
        for (; n < most && done + n < jobs; n++) {
            const struct state_job *job = state_job_at(state_table_view(t), n);
            must(state_data_name(t, slice_of(NULL, 0), &names[n], &err), &err);
            outputs[n] = (struct state_new_file){.name = state_name_slice(&names[n]),
                                                 .schema_version = 1,
                                                 .purged_through = job->assigned};
            outputs[n].info.rows = 10;
            outputs[n].info.first_key = job->range.lo;
            outputs[n].info.last_key = job->range.lo;
            items[n] = (struct state_replace_item){.job = job->id,
                                                   .attempt = job->attempt,
                                                   .range = job->range,
                                                   .outputs = &outputs[n],
                                                   .output_count = 1};
        }
        struct state_result r;
        struct state_txn txn = {.kind = STATE_REPLACE, .replace = {.items = items, .count = n}};
        must(state_table_commit(t, &txn, NULL, &r, &err), &err);
        must(state_result_check(&r, &err), &err);
        done += n;
    }
    free(items);
    free(outputs);
    free(names);
}

static void open_all(struct store *store, const char *what, double things, bool part)
{
    struct slp_err err = {0};
    struct state_instance *i = NULL;
    struct state_table *t = NULL;
    uint8_t lo[9];
    uint8_t hi[9];
    key_of((uint64_t)12345 << 20, lo);
    key_of(((uint64_t)12345 << 20) + 1, hi);
    struct state_open_options o = {0};
    if (part)
        o.range = (struct key_range){.lo = slice_of(lo, 9), .hi = slice_of(hi, 9), .has_hi = true};
    struct span s = begin(store);
    size_t before = counted.live;
    must(state_instance_open(&counted.mem, store, NULL, &i, &err), &err);
    must(state_table_open_with(i, slice_str("t"), &o, &t, &err), &err);
    tell(store, &s, what, things);
    printf("%-34s %9.1f MB allocated\n", "", (double)(counted.live - before) / 1e6);
    state_table_close(t);
    state_instance_close(i);
}

int main(int argc, char **argv)
{
    struct slp_err err = {0};
    struct store *store = NULL;
    struct state_instance *i = NULL;
    struct state_table *t = NULL;
    struct state_kept kept;
    uint64_t files = argc > 2 ? strtoull(argv[2], NULL, 10) : 1000000;
    uint64_t leaves = argc > 3 ? strtoull(argv[3], NULL, 10) : 100000;
    uint64_t jobs = leaves < 65536 ? leaves : 65536;
    uint64_t ends = jobs < 30000 ? jobs : 30000;
    if (argc < 2)
        return 2;
    must(store_folder_open(alloc_system(), argv[1], true, &store, &err), &err);
    must(state_instance_create(store, NULL, &err), &err);
    must(state_instance_open(alloc_system(), store, NULL, &i, &err), &err);
    make_table(i, leaves);
    must(state_table_open(i, slice_str("t"), &t, &err), &err);
    struct span s = begin(store);
    split_table(t, leaves);
    tell(store, &s, "splits", (double)leaves);
    s = begin(store);
    add_files(t, files, leaves);
    tell(store, &s, "adding files", (double)files);
    open_all(store, "replay from frame 1", (double)files, false);
    for (int k = 0; k < 2; k++) {
        s = begin(store);
        must(state_table_keep(t, 1, &kept, &err), &err);
        tell(store, &s, "snapshot, verified", (double)files);
    }
    add_files(t, FILES_A_COMMIT, leaves);
    open_all(store, "loading whole", (double)files, false);
    open_all(store, "first answer: a part", 1, true);
    s = begin(store);
    assign_jobs(t, jobs);
    tell(store, &s, "jobs over leaves", (double)jobs);
    s = begin(store);
    finish_jobs(t, ends);
    tell(store, &s, "finished compactions", (double)ends);
    state_table_close(t);
    state_instance_close(i);
    store_close(store);
    return 0;
}
