/*
 * Strategies compared offline: the adds of a table's log, or made-up ones, are replayed into a state
 * of memory, once for each strategy, which makes its jobs after every add; jobs end at once, with
 * outputs as large as their inputs. No data is read.
 *
 *     bench.strategies URI TABLE the log of a table, as far as it is kept
 *     bench.strategies --adds N LEAVES                   N adds of one run each, a tenth of them ten
 *                                                        times as large
 *
 * write amplification   bytes written, those of ingest included, a byte that was added
 * read amplification    runs of a leaf, the mean over leaves and over time; and the most
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "compact/choose.h"
#include "state/state.h"

#define ARENA_BYTES ((size_t)1 << 32)
#define MADE_ROWS   100000

struct tally {
    double added; /* bytes */
    double rewritten;
    double depth_sum;
    size_t depth_max;
    size_t samples;
    size_t jobs;
};

struct replay {
    struct table_state *s;
    struct compact_rules rules;
    struct tally tally;
    uint64_t names;
};

static struct slp_err err;

static void must(slp_rc rc)
{
    if (rc == SLP_OK)
        return;
    (void)fprintf(stderr, "bench.strategies: %s\n", err.text);
    exit(1);
}

/* In a frame of its own, with an identity of its own. */
static struct state_outcome apply(struct replay *r, struct state_txn *txn)
{
    struct state_outcome o = {0};
    uint64_t frame = state_number(r->s) + 1;
    txn->rule_version = STATE_RULE_VERSION;
    txn->base = frame - 1;
    txn->txid = hash_xxh128(slice_of((const uint8_t *)&frame, sizeof frame));
    must(state_apply(r->s, txn, (struct state_position){.frame = frame}, &o, &err));
    return o;
}

/* ------------------------------------------------------------------ jobs */

/* What a job would write: as many rows and bytes as it reads, from its first key to its last. */
static struct state_new_file output_of(struct replay *r, const struct state_job *job,
                                       const struct compact_choice *c, struct arena *arena,
                                       char name[48])
{
    const struct state_reference **refs = NULL;
    size_t count = 0;
    must(state_job_references(r->s, job, arena, &refs, &count, &err));
    struct state_new_file f = {.schema_version = 1, .purged_through = job->assigned};
    (void)snprintf(name, 48, "data/00/made-%" PRIu64 ".parquet", ++r->names);
    f.name = slice_str(name);
    f.is_unfiled = c->kind == COMPACT_DUE_FOLD;
    f.info = refs[0]->file->info;
    f.info.first_key = refs[0]->range.lo;
    f.info.last_key = refs[0]->range.lo;
    for (size_t i = 0; i < count; i++) {
        struct slice last = refs[i]->file->info.last_key;
        last = key_range_holds(refs[i]->range, last) ? last : refs[i]->range.lo;
        if (slice_compare(refs[i]->range.lo, f.info.first_key) < 0)
            f.info.first_key = refs[i]->range.lo;
        if (slice_compare(last, f.info.last_key) > 0)
            f.info.last_key = last;
    }
    f.info.rows = num_max_i64(c->rows, 1);
    f.info.file_bytes = c->bytes + 2048;
    must(arena_copy(arena, f.info.first_key, &f.info.first_key, &err));
    must(arena_copy(arena, f.info.last_key, &f.info.last_key, &err));
    return f;
}

static void run_job(struct replay *r, const struct compact_choice *c, struct arena *arena)
{
    char name[48];
    bool is_fold = c->kind == COMPACT_DUE_FOLD;
    struct state_assign_item item = {.inputs = c->inputs,
                                     .input_count = c->input_count,
                                     .deadline_us = INT64_MAX,
                                     .kind = is_fold ? STATE_JOB_FOLD : STATE_JOB_LEAF,
                                     .drops_deletes = c->drops_deletes};
    if (!is_fold)
        item.leaf = c->leaf;
    struct state_txn txn = {.kind = STATE_ASSIGN,
                            .time_us = state_time_us(r->s),
                            .assign = {.items = &item, .count = 1}};
    struct state_outcome o = apply(r, &txn);
    if (o.reason != STATE_REASON_APPLIED)
        return;
    struct state_id id = {.at = {.frame = state_number(r->s)}};
    const struct state_job *job = state_job_find(r->s, id);
    struct state_new_file f = output_of(r, job, c, arena, name);
    struct state_replace_item end = {
        .job = id, .attempt = 1, .range = job->range, .outputs = &f, .output_count = 1};
    struct state_txn ends = {.kind = STATE_REPLACE,
                             .time_us = state_time_us(r->s),
                             .replace = {.items = &end, .count = 1}};
    o = apply(r, &ends);
    if (o.reason != STATE_REASON_APPLIED) {
        (void)fprintf(stderr, "bench.strategies: a job was refused: %s\n",
                      state_reason_text(o.reason));
        exit(1);
    }
    r->tally.jobs++;
    r->tally.rewritten += (double)c->bytes;
}

static bool compact_once(struct replay *r)
{
    struct arena arena;
    struct compact_due due = {0};
    arena_init(&arena, alloc_system(), ARENA_BYTES);
    must(compact_find_due(r->s, &r->rules, false, &arena, &due, &err));
    size_t jobs = r->tally.jobs;
    bool is_filed = due.count > 0 && due.choices[0].kind == COMPACT_DUE_FILE;
    if (is_filed) {
        struct state_txn txn = {
            .kind = STATE_FILE_DOWN,
            .time_us = state_time_us(r->s),
            .file_down = {.files = due.choices[0].inputs, .count = due.choices[0].input_count}};
        (void)apply(r, &txn);
    }
    for (size_t i = 0; i < due.count && !is_filed; i++)
        run_job(r, &due.choices[i], &arena);
    arena_fini(&arena);
    return is_filed || r->tally.jobs > jobs;
}

static void look(struct replay *r)
{
    size_t leaves = state_leaf_count(r->s);
    size_t unfiled = state_unfiled_count(r->s);
    double sum = 0;
    for (size_t i = 0; i < leaves; i++) {
        struct arena arena;
        struct compact_leaf_runs runs = {0};
        arena_init(&arena, alloc_system(), ARENA_BYTES);
        must(compact_runs_of(r->s, state_leaf_at(r->s, i), false, &arena, &runs, &err));
        size_t depth = runs.count + (runs.is_ordered ? 0 : unfiled);
        sum += (double)depth;
        r->tally.depth_max = num_max_size(r->tally.depth_max, depth);
        arena_fini(&arena);
    }
    r->tally.depth_sum += sum / (double)leaves;
    r->tally.samples++;
}

static void after_add(struct replay *r, const struct state_new_file *files, size_t count)
{
    for (size_t i = 0; i < count; i++)
        r->tally.added += (double)files[i].info.file_bytes;
    while (r->rules.strategy != COMPACT_FORCED && compact_once(r))
        ;
    look(r);
}

/* ------------------------------------------------------------------ what is replayed */

static bool is_replayed(enum state_kind kind)
{
    return kind == STATE_CREATE || kind == STATE_ADD || kind == STATE_OVERWRITE ||
           kind == STATE_SPLIT;
}

static void replay_log(struct replay *r, struct state_instance *instance, struct state_table *table)
{
    struct state_history *h = NULL;
    struct state_history_entry entry;
    slp_rc rc = SLP_OK;
    must(state_history_open(instance, table, &h, &err));
    while ((rc = state_history_next(h, &entry, &err)) == SLP_OK) {
        struct state_txn txn = *entry.txn;
        size_t count = 0;
        if (entry.outcome.reason != STATE_REASON_APPLIED || !is_replayed(txn.kind))
            continue;
        const struct state_new_file *files = state_txn_files(&txn, &count);
        struct state_outcome o = apply(r, &txn);
        if (o.reason == STATE_REASON_APPLIED && count)
            after_add(r, files, count);
    }
    state_history_close(h);
    if (rc != SLP_DONE)
        must(rc);
    if (!state_is_created(r->s)) {
        (void)fprintf(stderr, "bench.strategies: the log does not reach back to its beginning\n");
        exit(1);
    }
}

static void key_of(uint64_t n, uint8_t out[9])
{
    out[0] = 0x80;
    num_store_u64be(out + 1, n);
}

static void replay_made(struct replay *r, uint64_t adds, uint64_t leaves)
{
    uint8_t(*keys)[9] = calloc(leaves + 1, sizeof *keys);
    struct slice *points = calloc(leaves + 1, sizeof *points);
    for (uint64_t i = 0; i <= leaves; i++) {
        key_of(i << 20, keys[i]);
        points[i] = slice_of(keys[i], sizeof keys[i]);
    }
    struct state_txn txn = {.kind = STATE_CREATE,
                            .create = {.name = slice_str("made"),
                                       .schema_json = slice_str("{}"),
                                       .key_version = 1,
                                       .split_points = points + 1,
                                       .split_point_count = leaves - 1}};
    (void)apply(r, &txn);
    for (uint64_t i = 0; i < adds; i++) {
        char name[48];
        uint64_t size = i % 10 == 9 ? 10 : 1;
        (void)snprintf(name, sizeof name, "data/00/%" PRIu64 ".parquet", i);
        uint8_t last[9];
        key_of((leaves << 20) - 1, last);
        struct state_new_file f = {.name = slice_str(name),
                                   .schema_version = 1,
                                   .info = {.rows = (int64_t)(MADE_ROWS * size),
                                            .file_bytes = MADE_ROWS * 20 * size,
                                            .first_key = points[0],
                                            .last_key = slice_of(last, sizeof last),
                                            .top_offset = 300,
                                            .top_bytes = 7,
                                            .index_offset = 200,
                                            .footer_offset = 400,
                                            .footer_bytes = 9}};
        struct state_txn add = {.kind = STATE_ADD,
                                .time_us = (int64_t)(i + 1) * 600 * 1000000,
                                .add = {.files = &f, .count = 1}};
        if (apply(r, &add).reason == STATE_REASON_APPLIED)
            after_add(r, &f, 1);
    }
    free(keys);
    free(points);
}

static void print(const struct replay *r, const char *name)
{
    const struct tally *t = &r->tally;
    printf("%-12s  %8zu  %8.2f  %10.2f  %8zu\n", name, t->jobs,
           t->added > 0 ? (t->added + t->rewritten) / t->added : 0,
           t->samples ? t->depth_sum / (double)t->samples : 0, t->depth_max);
    (void)fflush(stdout);
}

int main(int argc, char **argv)
{
    struct store *store = NULL;
    struct state_instance *instance = NULL;
    struct state_table *table = NULL;
    struct state_rules rules = state_rules_default();
    bool is_made = argc == 4 && strcmp(argv[1], "--adds") == 0;
    if (argc < 3) {
        (void)fprintf(stderr, "usage: bench.strategies URI TABLE | --adds N LEAVES\n");
        return 2;
    }
    if (!is_made) {
        must(store_open_uri(alloc_system(), argv[1], false, &store, &err));
        must(state_instance_open(alloc_system(), store, NULL, &instance, &err));
        must(state_table_open(instance, slice_str(argv[2]), &table, &err));
    }
    printf("strategy          jobs     write        read  at most\n");
    for (unsigned i = COMPACT_SIZE_RATIO; i <= COMPACT_FORCED; i++) {
        struct replay r = {.rules = compact_rules_of(NULL)};
        if (table) {
            struct schema_properties p = state_table_properties(table);
            r.rules = compact_rules_of(&p);
        }
        r.rules.strategy = (enum compact_strategy)i;
        must(state_new(alloc_system(), &rules, &r.s, &err));
        if (is_made)
            replay_made(&r, (uint64_t)strtoul(argv[2], NULL, 10),
                        (uint64_t)strtoul(argv[3], NULL, 10));
        else
            replay_log(&r, instance, table);
        print(&r, i == COMPACT_FORCED ? "none" : compact_strategy_name((enum compact_strategy)i));
        state_free(r.s);
    }
    state_table_close(table);
    state_instance_close(instance);
    store_close(store);
    return 0;
}
