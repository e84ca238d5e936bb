/* rooms: state */
/*
 * The log under fire: writers with and without tokens, their successors, a compactor, a splitter
 * and a reader, with refused, lost and late writes, freezes and kills. Whatever happens: what was
 * acknowledged has just one effect, every row is in just one place, and who reads after an
 * acknowledgement sees it. Writers that lose races wait in the inbox; leavers put transactions there
 * and go away; a resident committer packs, and a repeater packs transactions that stand in the log
 * once more, as slow packers do (rules C1 to C3, I3).
 *
 * SEED=n runs the seeds from n on; SIM_COUNT=m as many.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/num.h"
#include "sim/sim.h"
#include "state/inbox.h"
#include "state/view_priv.h"

#include "lib/refs.h"
#include "lib/t.h"

#define WRITERS   4
#define COMMITS   6
#define LEAVERS   2
#define ADDITIONS ((WRITERS + LEAVERS) * COMMITS)
#define KEYS      12
#define FILES_MAX 512
#define SEEDS     150
#define RING_MAX  24

static const char schema_json[] =
    "{\"rowKeyFields\":[{\"name\":\"key\",\"type\":\"StringType\"}],\"sortKeyFields\":[],"
    "\"valueFields\":[]}";

/* Which additions have a row at each key; a file's name says which content it has. */
struct file {
    char name[STORE_NAME_MAX];
    uint64_t rows[KEYS];
};

/* An addition as its writers know it: number n is commit n % COMMITS of writer n / COMMITS. */
struct addition {
    uint64_t rows[KEYS];
    bool is_acknowledged;
};

struct world {
    struct sim sim;
    struct file files[FILES_MAX];
    size_t file_count;
    struct addition additions[ADDITIONS];
    size_t jobs_done;
    size_t splits_done;
    size_t repeats; /* frames of transactions that stood in the log before */
    size_t packed;  /* transactions that the resident committer packed */
    size_t shared;  /* frames of several transactions */
    size_t snapshots;
    size_t trimmed; /* frames deleted */
};

struct writer {
    struct world *w;
    int number;
    bool has_tokens;
    bool is_successor; /* repeats all of it under the same tokens */
};

static char key_of(int k)
{
    return (char)('b' + k);
}

static struct file *file_named(struct world *w, struct slice name)
{
    for (size_t i = 0; i < w->file_count; i++)
        if (slice_is(name, w->files[i].name))
            return &w->files[i];
    return NULL;
}

/* A new file of these rows, as its maker hands it in; NULL if there are none. */
static struct file *make_file(struct world *w, struct state_table *table, const uint64_t *rows,
                              struct state_new_file *out)
{
    struct state_name name;
    int first = 0;
    int last = KEYS - 1;
    while (first < KEYS && !rows[first])
        first++;
    while (last >= 0 && !rows[last])
        last--;
    if (last < 0 || w->file_count == FILES_MAX ||
        state_data_name(table, (struct slice){0}, &name, NULL) != SLP_OK)
        return NULL;
    struct file *f = &w->files[w->file_count++];
    (void)snprintf(f->name, sizeof f->name, "%s", name.text);
    memcpy(f->rows, rows, sizeof f->rows);
    static const char letters[] = "bcdefghijklmnop";
    *out = (struct state_new_file){.name = slice_str(f->name), .schema_version = 1};
    out->info.rows = 100;
    out->info.first_key = slice_of(letters + first, 1);
    out->info.last_key = slice_of(letters + last, 1);
    return f;
}

/* Everybody opens for himself, until it works. */
static slp_rc open_all(struct world *w, struct state_instance **instance,
                       struct state_table **table)
{
    struct hash128 seed = {{0}};
    uint64_t random = sim_random(&w->sim);
    memcpy(seed.bytes, &random, sizeof random);
    struct state_options o = {.seed = &seed,
                              .rules = {.ring_max = RING_MAX, .unfiled_max = 64, .leaf_max = 1000}};
    struct slp_err err = {0};
    slp_rc rc = SLP_UNAVAILABLE;
    for (int i = 0; i < 100 && rc == SLP_UNAVAILABLE; i++)
        rc = state_instance_open(&w->sim.mem, &w->sim.base, &o, instance, &err);
    if (rc == SLP_OK)
        rc = SLP_UNAVAILABLE;
    for (int i = 0; i < 100 && rc == SLP_UNAVAILABLE; i++)
        rc = state_table_open(*instance, slice_str("t"), table, &err);
    if (rc != SLP_OK && rc != SLP_UNAVAILABLE)
        sim_fail(&w->sim, "open: %s", err.text);
    return rc;
}

static void acceptable(struct world *w, slp_rc rc, const struct slp_err *err)
{
    if (rc != SLP_OK && rc != SLP_UNKNOWN && rc != SLP_UNAVAILABLE)
        sim_fail(&w->sim, "%s", err->text);
}

static void commit_one(struct writer *me, struct state_table *table, int i)
{
    struct world *w = me->w;
    struct slp_err err = {0};
    struct state_result r;
    struct state_new_file f;
    char token[32];
    int n = me->number * COMMITS + i;
    struct addition *a = &w->additions[n];
    if (!make_file(w, table, a->rows, &f))
        return;
    (void)snprintf(token, sizeof token, "writer %d commit %d", me->number, i);
    struct state_txn txn = {.kind = STATE_ADD, .add = {.files = &f, .count = 1}};
    struct state_commit_options o = {.token =
                                         me->has_tokens ? slice_str(token) : (struct slice){0}};
    slp_rc rc = state_table_commit(table, &txn, &o, &r, &err);
    acceptable(w, rc, &err);
    if (rc != SLP_OK)
        return;
    if (state_result_check(&r, &err) != SLP_OK)
        sim_fail(&w->sim, "addition %d: %s", n, err.text);
    if (r.outcome.is_duplicate && !me->is_successor && !me->has_tokens)
        sim_fail(&w->sim, "addition %d is told to be a duplicate", n);
    a->is_acknowledged = true;
}

static void run_writer(struct sim *sim, void *arg)
{
    struct writer *me = arg;
    struct state_instance *instance = NULL;
    struct state_table *table = NULL;
    if (open_all(me->w, &instance, &table) != SLP_OK)
        return;
    for (int i = 0; i < COMMITS && !sim_has_failed(sim); i++)
        commit_one(me, table, i);
    state_table_close(table);
    state_instance_close(instance);
}

/* ------------------------------------------------------------------ the compactor */

/* The rows that references hold, by key. False when a row is in two places. */
static bool gather(struct world *w, const struct state_reference *const *refs, size_t count,
                   const struct state_job *job, uint64_t *rows)
{
    for (size_t i = 0; i < count; i++) {
        const struct file *f = file_named(w, refs[i]->file->name);
        if (!f) {
            sim_fail(&w->sim, "a file that nobody made");
            return false;
        }
        for (int k = 0; k < KEYS; k++) {
            char key = key_of(k);
            if ((job && refs[i]->job != job) || !key_range_holds(refs[i]->range, slice_of(&key, 1)))
                continue;
            if (rows[k] & f->rows[k]) {
                sim_fail(&w->sim, "rows of additions %llx at key %c are in two places",
                         (unsigned long long)(rows[k] & f->rows[k]), key);
                return false;
            }
            rows[k] |= f->rows[k];
        }
    }
    return true;
}

static bool assign_leaf(struct world *w, struct state_table *table, struct state_id *job)
{
    const struct table_state *s = state_table_view(table);
    struct slp_err err = {0};
    struct state_result r;
    struct state_id inputs[16];
    size_t n = 0;
    const struct state_leaf *leaf =
        state_leaf_at(s, (size_t)sim_below(&w->sim, state_leaf_count(s)));
    for (size_t i = 0; i < leaf->ref_count && n < 16; i++)
        if (!t_refs(leaf)[i].job)
            inputs[n++] = t_refs(leaf)[i].file->id;
    if (n < 2)
        return false;
    struct state_assign_item item = {.leaf = leaf->range, .inputs = inputs, .input_count = n};
    struct state_txn txn = {.kind = STATE_ASSIGN, .assign = {.items = &item, .count = 1}};
    slp_rc rc = state_table_commit(table, &txn, NULL, &r, &err);
    acceptable(w, rc, &err);
    if (rc != SLP_OK || r.outcome.reason != STATE_REASON_APPLIED)
        return false;
    *job = state_result_id(&r, 0);
    return true;
}

static void finish_job(struct world *w, struct state_table *table, struct state_id id)
{
    const struct table_state *s = state_table_view(table);
    const struct state_job *job = state_job_find(s, id);
    struct slp_err err = {0};
    struct arena a;
    const struct state_reference **refs = NULL;
    size_t count = 0;
    uint64_t rows[KEYS] = {0};
    struct state_result r;
    struct state_new_file out;
    if (!job)
        return; /* somebody has failed it meanwhile */
    arena_init(&a, &w->sim.mem, 1 << 20);
    slp_rc rc = state_job_references(s, job, &a, &refs, &count, &err);
    if (rc == SLP_OK && gather(w, refs, count, job, rows) && make_file(w, table, rows, &out)) {
        out.purged_through = job->assigned;
        struct state_replace_item item = {.job = id,
                                          .attempt = job->attempt,
                                          .range = job->range,
                                          .outputs = &out,
                                          .output_count = 1};
        struct state_txn txn = {.kind = STATE_REPLACE, .replace = {.items = &item, .count = 1}};
        rc = state_table_commit(table, &txn, NULL, &r, &err);
        w->jobs_done += rc == SLP_OK && r.outcome.reason == STATE_REASON_APPLIED;
    }
    acceptable(w, rc, &err);
    arena_fini(&a);
}

/* Jobs that others have left behind are ended by whoever sees them. */
static void fail_one(struct world *w, struct state_table *table)
{
    const struct table_state *s = state_table_view(table);
    struct slp_err err = {0};
    struct state_result r;
    if (state_job_count(s) == 0)
        return;
    const struct state_job *job = state_job_at(s, 0);
    struct state_fail_item item = {.job = job->id, .attempt = job->attempt, .range = job->range};
    struct state_txn txn = {.kind = STATE_FAIL, .fail = {.items = &item, .count = 1}};
    acceptable(w, state_table_commit(table, &txn, NULL, &r, &err), &err);
}

static void run_compactor(struct sim *sim, void *arg)
{
    struct world *w = arg;
    struct state_instance *instance = NULL;
    struct state_table *table = NULL;
    if (open_all(w, &instance, &table) != SLP_OK)
        return;
    for (int i = 0; i < 8 && !sim_has_failed(sim); i++) {
        struct slp_err err = {0};
        struct state_id job;
        acceptable(w, state_table_refresh(table, &err), &err);
        if (sim_below(sim, 6) == 0)
            fail_one(w, table);
        else if (assign_leaf(w, table, &job))
            finish_job(w, table, job);
        store_sleep_us(&sim->base, (int64_t)sim_below(sim, 50000));
    }
    state_table_close(table);
    state_instance_close(instance);
}

/* ------------------------------------------------------------------ splitter and reader */

static void run_splitter(struct sim *sim, void *arg)
{
    struct world *w = arg;
    struct state_instance *instance = NULL;
    struct state_table *table = NULL;
    if (open_all(w, &instance, &table) != SLP_OK)
        return;
    for (int i = 0; i < 4 && !sim_has_failed(sim); i++) {
        struct slp_err err = {0};
        struct state_result r;
        char key = key_of((int)sim_below(sim, KEYS));
        struct slice keys[1] = {slice_of(&key, 1)};
        const struct table_state *s = state_table_view(table);
        struct state_split_item item = {.leaf =
                                            state_leaf_at(s, state_leaf_holding(s, keys[0]))->range,
                                        .keys = keys,
                                        .key_count = 1};
        struct state_txn txn = {.kind = STATE_SPLIT, .split = {.items = &item, .count = 1}};
        slp_rc rc = state_table_commit(table, &txn, NULL, &r, &err);
        acceptable(w, rc, &err);
        w->splits_done += rc == SLP_OK && r.outcome.reason == STATE_REASON_APPLIED;
        store_sleep_us(&sim->base, (int64_t)sim_below(sim, 100000));
    }
    state_table_close(table);
    state_instance_close(instance);
}

/* Every row in one place, and all of those that `must` names are there. */
static void check_view(struct world *w, const struct table_state *s, const bool *must)
{
    struct arena a;
    const struct state_reference **refs = NULL;
    size_t count = 0;
    uint64_t rows[KEYS] = {0};
    arena_init(&a, &w->sim.mem, 1 << 20);
    if (state_references_meeting(s, (struct key_range){0}, &a, &refs, &count, NULL) == SLP_OK &&
        gather(w, refs, count, NULL, rows)) {
        for (int n = 0; n < ADDITIONS; n++) {
            uint64_t bit = (uint64_t)1 << n;
            int found = 0;
            int all = 0;
            for (int k = 0; k < KEYS; k++) {
                all += (w->additions[n].rows[k] & bit) != 0;
                found += (rows[k] & bit) != 0;
            }
            if (found != all && (found != 0 || must[n]))
                sim_fail(&w->sim, "addition %d: %d of its %d rows are there", n, found, all);
        }
    }
    arena_fini(&a);
}

static void acknowledged(const struct world *w, bool *out)
{
    for (int n = 0; n < ADDITIONS; n++)
        out[n] = w->additions[n].is_acknowledged;
}

static void run_reader(struct sim *sim, void *arg)
{
    struct world *w = arg;
    struct state_instance *instance = NULL;
    struct state_table *table = NULL;
    if (open_all(w, &instance, &table) != SLP_OK)
        return;
    for (int i = 0; i < 12 && !sim_has_failed(sim); i++) {
        bool must[ADDITIONS];
        struct slp_err err = {0};
        acknowledged(w, must);
        slp_rc rc = state_table_refresh(table, &err);
        acceptable(w, rc, &err);
        if (rc == SLP_OK)
            check_view(w, state_table_view(table), must);
        store_sleep_us(&sim->base, (int64_t)sim_below(sim, 40000));
    }
    state_table_close(table);
    state_instance_close(instance);
}

/* ------------------------------------------------------------------ the inbox */

/* The i-th transaction of somebody who waits for no answer, encoded with the newest base. */
static slp_rc encode_one(struct writer *me, struct state_table *table,
                         struct state_replica *replica, int i, struct state_txn *txn,
                         struct buf *body)
{
    struct state_new_file f;
    if (!make_file(me->w, table, me->w->additions[me->number * COMMITS + i].rows, &f))
        return SLP_UNAVAILABLE;
    *txn = (struct state_txn){.kind = STATE_ADD,
                              .rule_version = STATE_RULE_VERSION,
                              .txid = state_random_id(replica->instance),
                              .base = replica->number,
                              .add = {.files = &f, .count = 1}};
    return state_txn_encode(txn, body, NULL);
}

/* Leave a transaction in the inbox and ask no more: it counts once or not at all. */
static void leave_one(struct writer *me, struct state_table *table, struct state_replica *replica,
                      int i)
{
    struct state_name left;
    struct state_txn txn;
    struct buf body;
    buf_init(&body, &me->w->sim.mem, STATE_TXN_MAX_BYTES);
    slp_rc rc = encode_one(me, table, replica, i, &txn, &body);
    if (rc == SLP_OK)
        rc = state_inbox_leave(replica, &txn, buf_slice(&body), &left, NULL);
    buf_fini(&body);
}

/* Two at once, as threads of one process commit: a frame of two with the newest base. */
static void commit_two(struct writer *me, struct state_table *table, struct state_replica *replica,
                       int i)
{
    struct state_name name;
    struct state_txn txn;
    struct buf bodies;
    struct buf frame;
    buf_init(&bodies, &me->w->sim.mem, STATE_TXN_MAX_BYTES);
    buf_init(&frame, &me->w->sim.mem, STATE_FRAME_MAX_BYTES);
    state_replica_name(replica, replica->number + 1, &name);
    if (encode_one(me, table, replica, i, &txn, &bodies) == SLP_OK &&
        encode_one(me, table, replica, i + 1, &txn, &bodies) == SLP_OK &&
        state_frame_encode(replica->number + 1, replica->previous, buf_slice(&bodies), 2, &frame,
                           NULL) == SLP_OK &&
        store_put_if_absent(&me->w->sim.base, state_name_slice(&name), buf_slice(&frame), NULL) ==
            SLP_OK &&
        state_floor_confirm(&me->w->sim.base, &me->w->sim.mem, replica->place, replica->number + 1,
                            NULL) == SLP_OK) {
        me->w->shared++;
        me->w->additions[me->number * COMMITS + i].is_acknowledged = true;
        me->w->additions[me->number * COMMITS + i + 1].is_acknowledged = true;
    }
    buf_fini(&bodies);
    buf_fini(&frame);
}

static void run_leaver(struct sim *sim, void *arg)
{
    struct writer *me = arg;
    struct state_instance *instance = NULL;
    struct state_table *table = NULL;
    struct state_replica replica;
    if (open_all(me->w, &instance, &table) != SLP_OK)
        return;
    struct hash128 id = state_table_id(table);
    if (state_replica_init(&replica, instance, &id, NULL) != SLP_OK)
        return;
    for (int i = 0; i < COMMITS && !sim_has_failed(sim); i += 2) {
        slp_rc rc = state_replica_refresh(&replica, NULL);
        if (rc == SLP_OK && me->number % 2) {
            commit_two(me, table, &replica, i);
        } else if (rc == SLP_OK) {
            leave_one(me, table, &replica, i);
            leave_one(me, table, &replica, i + 1);
        }
        store_sleep_us(&sim->base, (int64_t)sim_below(sim, 40000));
    }
    state_replica_fini(&replica);
    state_table_close(table);
    state_instance_close(instance);
}

static void run_committer(struct sim *sim, void *arg)
{
    struct world *w = arg;
    struct state_instance *instance = NULL;
    struct state_table *table = NULL;
    if (open_all(w, &instance, &table) != SLP_OK)
        return;
    for (int i = 0; i < 24 && !sim_has_failed(sim); i++) {
        struct slp_err err = {0};
        uint32_t packed = 0;
        acceptable(w, state_table_pack(table, &packed, &err), &err);
        w->packed += packed;
        w->shared += packed > 1;
        store_sleep_us(&sim->base, (int64_t)sim_below(sim, 20000));
    }
    state_table_close(table);
    state_instance_close(instance);
}

/* ------------------------------------------------------------------ the keeper */

/* Snapshots, and frames deleted below them, under everybody's feet. */
static void run_keeper(struct sim *sim, void *arg)
{
    struct world *w = arg;
    struct state_instance *instance = NULL;
    struct state_table *table = NULL;
    if (open_all(w, &instance, &table) != SLP_OK)
        return;
    for (int i = 0; i < 12 && !sim_has_failed(sim); i++) {
        struct slp_err err = {0};
        struct state_kept kept = {0};
        acceptable(w, state_table_keep(table, 5, &kept, &err), &err);
        w->snapshots += kept.is_made;
        w->trimmed += (size_t)kept.deleted;
        store_sleep_us(&sim->base, (int64_t)sim_below(sim, 40000));
    }
    state_table_close(table);
    state_instance_close(instance);
}

/* ------------------------------------------------------------------ the repeater */

/* Pack the transactions of some earlier frame once more, as a slow packer of an inbox would. */
static void repeat_one(struct world *w, struct state_replica *replica, struct buf *old)
{
    struct arena a;
    struct buf frame;
    struct state_frame decoded;
    struct state_name name;
    /* Where copies of what the ring has forgotten just come too late. */
    uint64_t edge = state_ring_oldest_frame(&replica->machine.table->ring);
    state_replica_name(
        replica, edge && sim_below(&w->sim, 2) ? edge : 1 + sim_below(&w->sim, replica->number),
        &name);
    if (store_get(&w->sim.base, state_name_slice(&name), old, NULL) != SLP_OK)
        return;
    store_sleep_us(&w->sim.base, (int64_t)sim_below(&w->sim, 60000));
    if (state_replica_refresh(replica, NULL) != SLP_OK)
        return;
    arena_init(&a, &w->sim.mem, 1 << 20);
    buf_init(&frame, &w->sim.mem, 1 << 20);
    state_replica_name(replica, replica->number + 1, &name);
    if (state_frame_decode(buf_slice(old), &a, &decoded, NULL) == SLP_OK &&
        state_frame_encode(replica->number + 1, replica->previous, decoded.transactions,
                           decoded.txn_count, &frame, NULL) == SLP_OK) {
        slp_rc rc =
            store_put_if_absent(&w->sim.base, state_name_slice(&name), buf_slice(&frame), NULL);
        w->repeats += rc == SLP_OK;
    }
    buf_fini(&frame);
    arena_fini(&a);
}

static void run_repeater(struct sim *sim, void *arg)
{
    struct world *w = arg;
    struct state_instance *instance = NULL;
    struct state_table *table = NULL;
    struct state_replica replica;
    struct buf old;
    if (open_all(w, &instance, &table) != SLP_OK)
        return;
    struct hash128 id = state_table_id(table);
    if (state_replica_init(&replica, instance, &id, NULL) != SLP_OK)
        return;
    buf_init(&old, &sim->mem, 1 << 20);
    for (int i = 0; i < 16 && !sim_has_failed(sim); i++)
        if (state_replica_refresh(&replica, NULL) == SLP_OK)
            repeat_one(w, &replica, &old);
    buf_fini(&old);
    state_replica_fini(&replica);
    state_table_close(table);
    state_instance_close(instance);
}

/* ------------------------------------------------------------------ a run */

static bool make_world(struct world *w, uint64_t seed, const struct sim_faults *faults)
{
    struct state_instance *instance = NULL;
    struct slice point = slice_str("h");
    struct state_table_options o = {.name = slice_str("t"),
                                    .schema_json = slice_str(schema_json),
                                    .split_points = &point,
                                    .split_point_count = 1};
    memset(w, 0, sizeof *w);
    sim_begin(&w->sim, seed, faults);
    struct hash128 id_seed = {{1}};
    struct state_options options = {.seed = &id_seed};
    bool ok = state_instance_create(w->sim.below, &options, NULL) == SLP_OK &&
              state_instance_open(&w->sim.mem, w->sim.below, &options, &instance, NULL) == SLP_OK &&
              state_table_create(instance, &o, NULL) == SLP_OK;
    state_instance_close(instance);
    for (int n = 0; n < ADDITIONS; n++) {
        int lo = (int)sim_below(&w->sim, KEYS);
        for (int k = lo; k < KEYS && k < lo + 5; k++)
            w->additions[n].rows[k] = (uint64_t)1 << n;
    }
    return ok;
}

/* Replay all of it once more, over the store as it is when everything has come to rest. */
static void check_end(struct world *w)
{
    struct state_instance *instance = NULL;
    struct state_table *table = NULL;
    bool must[ADDITIONS];
    struct hash128 seed = {{2}};
    struct state_options o = {.seed = &seed,
                              .rules = {.ring_max = RING_MAX, .unfiled_max = 64, .leaf_max = 1000}};
    struct slp_err err = {0};
    slp_rc rc = state_instance_open(&w->sim.mem, w->sim.below, &o, &instance, &err);
    if (rc == SLP_OK)
        rc = state_table_open(instance, slice_str("t"), &table, &err);
    if (rc == SLP_OK) {
        acknowledged(w, must);
        check_view(w, state_table_view(table), must);
    } else {
        sim_fail(&w->sim, "at the end: %s", err.text);
    }
    state_table_close(table);
    state_instance_close(instance);
}

struct tally {
    size_t kills;
    size_t freezes;
    size_t late_writes;
    size_t jobs;
    size_t splits;
    size_t repeats;
    size_t packed;
    size_t shared;
    size_t snapshots;
    size_t trimmed;
    size_t acknowledged;
};

static void run_seed(struct t *t, struct world *w, uint64_t seed, const struct sim_faults *faults,
                     struct tally *tally)
{
    struct writer writers[WRITERS * 2 + LEAVERS];
    assert_true(make_world(w, seed, faults));
    for (int i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){.w = w, .number = i, .has_tokens = i % 2 == 0};
        sim_spawn(&w->sim, "writer", run_writer, &writers[i]);
    }
    sim_spawn(&w->sim, "compactor", run_compactor, w);
    sim_spawn(&w->sim, "other compactor", run_compactor, w);
    sim_spawn(&w->sim, "splitter", run_splitter, w);
    sim_spawn(&w->sim, "reader", run_reader, w);
    sim_spawn(&w->sim, "repeater", run_repeater, w);
    sim_spawn(&w->sim, "committer", run_committer, w);
    sim_spawn(&w->sim, "keeper", run_keeper, w);
    sim_spawn(&w->sim, "other keeper", run_keeper, w);
    for (int i = 0; i < LEAVERS; i++) {
        writers[WRITERS * 2 + i] = (struct writer){.w = w, .number = WRITERS + i};
        sim_spawn(&w->sim, "leaver", run_leaver, &writers[WRITERS * 2 + i]);
    }
    /* While they run, somebody repeats what writers with tokens do. */
    for (int i = 0; i < WRITERS; i += 2) {
        writers[WRITERS + i] =
            (struct writer){.w = w, .number = i, .has_tokens = true, .is_successor = true};
        sim_spawn(&w->sim, "successor", run_writer, &writers[WRITERS + i]);
    }
    sim_run(&w->sim);
    if (!sim_has_failed(&w->sim))
        check_end(w);
    if (sim_has_failed(&w->sim))
        print_error("SEED=%llu SIM_COUNT=1: %s\n", (unsigned long long)seed, w->sim.failure);
    assert_false(sim_has_failed(&w->sim));
    tally->kills += w->sim.kills;
    tally->freezes += w->sim.freezes;
    tally->late_writes += w->sim.late_writes;
    tally->jobs += w->jobs_done;
    tally->splits += w->splits_done;
    tally->repeats += w->repeats;
    tally->packed += w->packed;
    tally->shared += w->shared;
    tally->snapshots += w->snapshots;
    tally->trimmed += w->trimmed;
    for (int n = 0; n < WRITERS * COMMITS; n++)
        tally->acknowledged += w->additions[n].is_acknowledged;
    sim_end(&w->sim);
    (void)t;
}

static size_t seed_count(void)
{
    const char *text = getenv("SIM_COUNT");
    return text ? (size_t)strtoul(text, NULL, 10) : SEEDS;
}

static void acknowledged_commits_count_once_whatever_happens(void **state)
{
    struct t *t = *state;
    static const struct sim_faults faults = {
        .refuse = 20, .lose_before = 40, .lose_after = 40, .freeze = 3, .kill = 2};
    static struct world w;
    struct tally tally = {0};
    size_t count = seed_count();
    for (size_t i = 0; i < count; i++)
        run_seed(t, &w, t->seed + i, &faults, &tally);
    print_message(
        "%zu seeds: %zu kills, %zu freezes, %zu late writes, %zu jobs, %zu splits, %zu "
        "repeats, %zu packed, %zu frames of several, %zu snapshots, %zu frames trimmed, %zu "
        "acknowledged\n",
        count, tally.kills, tally.freezes, tally.late_writes, tally.jobs, tally.splits,
        tally.repeats, tally.packed, tally.shared, tally.snapshots, tally.trimmed,
        tally.acknowledged);
    /* The runs are worth something. */
    if (count >= SEEDS)
        assert_true(tally.kills > count && tally.freezes > count && tally.late_writes > count / 2 &&
                    tally.jobs > count && tally.splits > count && tally.repeats > count &&
                    tally.packed > count && tally.shared > count / 4 && tally.snapshots > count &&
                    tally.trimmed > count * 3 &&
                    tally.acknowledged > count * WRITERS * COMMITS / 2);
}

/* Without faults nobody gives up: everything is acknowledged. */
static void without_faults_everything_is_acknowledged(void **state)
{
    struct t *t = *state;
    static const struct sim_faults none;
    static struct world w;
    struct tally tally = {0};
    for (size_t i = 0; i < 30; i++)
        run_seed(t, &w, t->seed + i, &none, &tally);
    assert_int_equal(tally.acknowledged, 30 * WRITERS * COMMITS);
}

T_MAIN(T_TEST(acknowledged_commits_count_once_whatever_happens),
       T_TEST(without_faults_everything_is_acknowledged))
