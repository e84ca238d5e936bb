#include "sim/world.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "state/global.h"

static const char schema_json[] =
    "{\"rowKeyFields\":[{\"name\":\"key\",\"type\":\"StringType\"}],\"sortKeyFields\":[],"
    "\"valueFields\":[]}";

#define YEARS_US ((int64_t)3 * 365 * 86400 * 1000 * 1000)

struct key_range world_range(const char *lo, const char *hi)
{
    struct key_range r = {.lo = slice_of(lo, *lo != 0)};
    r.has_hi = *hi != 0;
    if (r.has_hi)
        r.hi = slice_of(hi, 1);
    return r;
}

/* ------------------------------------------------------------------ actors' hands */

bool world_accepts(struct world *w, slp_rc rc, const struct slp_err *err)
{
    bool is_told_later = w->later_frame && rc == SLP_UNSUPPORTED;
    if (rc != SLP_OK && rc != SLP_UNKNOWN && rc != SLP_UNAVAILABLE && !is_told_later)
        sim_fail(&w->sim, "%s: %s: %s", w->sim.actors[w->sim.running].name, err_name(rc),
                 err->text);
    return rc == SLP_OK;
}

static slp_rc open_seat(struct world *w, struct key_range range, struct world_seat *out,
                        struct slp_err *err)
{
    struct hash128 seed = {{0}};
    uint64_t random = sim_random(&w->sim);
    memcpy(seed.bytes, &random, sizeof random);
    struct state_options o = {
        .seed = &seed, .rules = {.ring_max = w->ring_max, .unfiled_max = 6, .leaf_max = 1000}};
    struct state_open_options part = {.range = range};
    slp_rc rc = SLP_UNAVAILABLE;
    for (int i = 0; i < 100 && rc == SLP_UNAVAILABLE; i++)
        rc = state_instance_open(&w->sim.mem, &w->sim.base, &o, &out->instance, err);
    if (rc != SLP_OK)
        return rc;
    rc = SLP_UNAVAILABLE;
    for (int i = 0; i < 100 && rc == SLP_UNAVAILABLE; i++)
        rc = state_table_open_with(out->instance, slice_str("t"), &part, &out->table, err);
    return rc;
}

/* A read that began when frame `least` had been acknowledged. */
static void check_read(struct world *w, const struct table_state *s, uint64_t least)
{
    world_check_view(w, s);
    if (s->number < least)
        sim_fail(&w->sim,
                 "a read at frame %" PRIu64 " misses frame %" PRIu64 ", which somebody was "
                 "told of before",
                 s->number, least);
}

bool world_sit(struct world *w, struct key_range range, struct world_seat *out)
{
    struct slp_err err = {0};
    uint64_t least = w->acknowledged;
    *out = (struct world_seat){.w = w};
    if (!world_accepts(w, open_seat(w, range, out, &err), &err))
        return false;
    check_read(w, state_table_view(out->table), least);
    return true;
}

void world_leave(struct world_seat *seat)
{
    state_table_close(seat->table);
    state_instance_close(seat->instance);
}

bool world_refresh(struct world_seat *seat)
{
    struct slp_err err = {0};
    struct world *w = seat->w;
    uint64_t least = w->acknowledged;
    if (!world_accepts(w, state_table_refresh(seat->table, &err), &err))
        return false;
    check_read(w, state_table_view(seat->table), least);
    return !sim_has_failed(&w->sim);
}

static void check_answer(struct world *w, const struct state_result *r)
{
    const struct state_outcome *o = &r->outcome;
    size_t i = 0;
    while (i < w->verdict_count && state_position_compare(w->verdicts[i].at, o->at) != 0)
        i++;
    if (i == w->verdict_count)
        sim_fail(&w->sim, "told of transaction %" PRIu64 ".%u, which the log does not have",
                 o->at.frame, o->at.index);
    else if (w->verdicts[i].reason != o->reason)
        sim_fail(&w->sim, "told that transaction %" PRIu64 ".%u is %s, but it is %s", o->at.frame,
                 o->at.index, state_reason_name(o->reason),
                 state_reason_name(w->verdicts[i].reason));
    if (o->at.frame > w->acknowledged)
        w->acknowledged = o->at.frame;
}

bool world_commit(struct world_seat *seat, struct state_txn *txn, struct slice token,
                  struct state_result *r)
{
    struct state_commit_options o = {.token = token};
    return world_commit_with(seat, txn, &o, r);
}

bool world_commit_with(struct world_seat *seat, struct state_txn *txn,
                       const struct state_commit_options *o, struct state_result *r)
{
    struct slp_err err = {0};
    slp_rc rc = state_table_commit(seat->table, txn, o, r, &err);
    if (!world_accepts(seat->w, rc, &err))
        return false;
    check_answer(seat->w, r);
    world_check_view(seat->w, state_table_view(seat->table));
    if (r->outcome.reason == STATE_REASON_EXPIRED)
        sim_fail(&seat->w->sim, "told that a transaction of its own is expired");
    return r->outcome.reason == STATE_REASON_APPLIED && !sim_has_failed(&seat->w->sim);
}

/* The file, but for its name. */
static struct world_file *describe(struct world_seat *seat, const struct world_rows *rows,
                                   struct state_new_file *out)
{
    struct world *w = seat->w;
    int first = 0;
    int last = WORLD_KEYS - 1;
    while (first < WORLD_KEYS && !(rows->puts[first] | rows->dels[first]))
        first++;
    while (last >= 0 && !(rows->puts[last] | rows->dels[last]))
        last--;
    if (last < 0 || w->file_count == WORLD_FILES)
        return NULL;
    struct world_file *f = &w->files[w->file_count];
    f->rows = *rows;
    *out = (struct state_new_file){.schema_version =
                                       state_schema_version(state_table_view(seat->table))};
    out->info.rows = 100;
    out->info.crc32c = (uint32_t)w->file_count++;
    out->info.first_key = slice_of(world_letters + first, 1);
    out->info.last_key = slice_of(world_letters + last, 1);
    for (int k = 0; k < WORLD_KEYS; k++)
        out->deletes += rows->dels[k] != 0;
    return f;
}

bool world_embedded(struct world_seat *seat, const struct world_rows *rows,
                    struct state_new_file *out)
{
    if (!describe(seat, rows, out))
        return false;
    out->body = 1;
    out->info.file_bytes = WORLD_BODY_BYTES;
    return true;
}

bool world_file(struct world_seat *seat, const struct world_rows *rows, struct state_new_file *out)
{
    struct world *w = seat->w;
    struct state_name name;
    struct state_name whole;
    if (state_data_name(seat->table, (struct slice){0}, &name, NULL) != SLP_OK ||
        state_table_object(seat->table, state_name_slice(&name), &whole, NULL) != SLP_OK)
        return false;
    struct world_file *f = describe(seat, rows, out);
    if (!f)
        return false;
    (void)snprintf(f->name, sizeof f->name, "%s", name.text);
    out->name = slice_str(f->name);
    slp_rc rc = SLP_UNAVAILABLE;
    for (int i = 0; i < 3 && rc == SLP_UNAVAILABLE; i++)
        rc = store_put_if_absent(&w->sim.base, state_name_slice(&whole), slice_str("rows"), NULL);
    return rc == SLP_OK;
}

void world_pause(struct world_seat *seat, uint64_t most_us)
{
    store_sleep_us(&seat->w->sim.base, (int64_t)sim_below(&seat->w->sim, most_us));
}

/* ------------------------------------------------------------------ the beginning */

static void make_additions(struct world *w)
{
    for (int n = 0; n < WORLD_ADDITIONS; n++) {
        int lo = w->first_key + (int)sim_below(&w->sim, (uint64_t)(WORLD_KEYS - w->first_key));
        struct world_rows *rows = &w->additions[n].rows;
        bool is_delete = w->has_deletes && sim_below(&w->sim, 4) == 0;
        for (int k = lo; k < WORLD_KEYS && k < lo + 6; k++)
            (is_delete ? rows->dels : rows->puts)[k] = (uint64_t)1 << n;
    }
}

static bool make_table(struct world *w, uint64_t seed)
{
    static const struct slice points[2] = {{(const uint8_t *)"e", 1}, {(const uint8_t *)"h", 1}};
    struct state_table_options o = {.name = slice_str("t"),
                                    .schema_json = slice_str(schema_json),
                                    .split_points = points,
                                    .split_point_count = 1 + seed % 2};
    struct hash128 id_seed = {{1}};
    struct state_options options = {
        .seed = &id_seed, .rules = {.ring_max = w->ring_max, .unfiled_max = 6, .leaf_max = 1000}};
    struct state_table *table = NULL;
    bool ok =
        state_instance_create(w->sim.below, &options, NULL) == SLP_OK &&
        state_instance_open(&w->sim.mem, w->sim.below, &options, &w->instance, NULL) == SLP_OK &&
        state_table_create(w->instance, &o, NULL) == SLP_OK &&
        state_table_open(w->instance, slice_str("t"), &table, NULL) == SLP_OK;
    if (!ok)
        return false;
    struct hash128 id = state_table_id(table);
    state_table_close(table);
    return state_replica_init(&w->oracle, w->instance, &id, NULL) == SLP_OK;
}

/* How the store and the actors behave, by the seed. */
static struct sim_faults faults_of(uint64_t seed)
{
    struct sim_faults f = {
        .refuse = 20, .lose_before = 40, .lose_after = 40, .freeze = 3, .kill = 2, .stale = 200};
    switch (seed % 5) {
    case 1: /* sleepers who are not answered */
        f = (struct sim_faults){.lose_before = 60, .lose_after = 150, .freeze = 25, .kill = 1};
        break;
    case 2: /* a busy store */
        f.throttle = 4;
        f.cut = 10;
        break;
    case 3: /* nobody lives long, clocks are wrong */
        f.kill = 6;
        f.skew_us = YEARS_US;
        break;
    case 4: /* all is well, but slow */
        f = (struct sim_faults){.freeze = 2, .cut = 20};
        break;
    default:
        break;
    }
    return f;
}

/* ------------------------------------------------------------------ the actors of a seed */

static void spawn_writers(struct world *w, struct world_writer *writers, int count)
{
    static const char *const names[2] = {"writer", "successor"};
    for (int i = 0; i < count; i++) {
        writers[i] = (struct world_writer){.w = w, .number = i, .has_tokens = i % 2 == 0};
        sim_spawn(&w->sim, names[0], world_writer, &writers[i]);
    }
    for (int i = 0; i < count; i += 2) {
        writers[count + i] = writers[i];
        writers[count + i].is_successor = true;
        sim_spawn(&w->sim, names[1], world_writer, &writers[count + i]);
    }
}

/* What a seed is about: who is there beside writers, two keepers and a reader. */
enum theme { THEME_ANY, THEME_JOBS, THEME_FOLDS, THEME_PURGES, THEME_LOG, THEME_COUNT };

static enum theme theme_of(uint64_t seed)
{
    return (enum theme)(seed / 5 % 8 < THEME_COUNT ? seed / 5 % 8 : THEME_ANY);
}

struct role {
    const char *name;
    sim_actor_fn run;
    uint8_t count[THEME_COUNT]; /* how many; of the first theme some */
};

static const struct role roles[] = {
    {"compactor", world_compactor, {2, 3, 1, 2, 0}},
    {"cutter", world_cutter, {1, 2, 1, 0, 0}},
    {"folder", world_folder, {1, 0, 2, 0, 0}},
    {"importer", world_importer, {1, 0, 1, 0, 0}},
    {"collector", world_collector, {2, 0, 0, 2, 2}},
    {"pinner", world_pinner, {1, 0, 0, 1, 0}},
    {"purger", world_purger, {1, 0, 0, 2, 0}},
    {"setter", world_setter, {1, 0, 0, 0, 0}},
    {"shard reader", world_shard_reader, {2, 2, 2, 2, 0}},
    {"repeater", world_repeater, {1, 0, 0, 0, 2}},
    {"committer", world_committer, {1, 0, 0, 0, 1}},
    {"third keeper", world_keeper, {0, 0, 0, 0, 1}},
};

/* Writers and what moves the log, always; of the others some. */
static void spawn_all(struct world *w, uint64_t seed, struct world_writer *writers)
{
    enum theme theme = theme_of(seed);
    spawn_writers(w, writers, 4);
    for (int i = 0; i < 2; i++) {
        writers[8 + i] = (struct world_writer){.w = w, .number = 4 + i};
        if (seed % 3 == 0 || theme == THEME_LOG)
            sim_spawn(&w->sim, "leaver", world_leaver, &writers[8 + i]);
    }
    sim_spawn(&w->sim, "keeper", world_keeper, w);
    sim_spawn(&w->sim, "other keeper", world_keeper, w);
    sim_spawn(&w->sim, "reader", world_reader, w);
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++)
        for (unsigned k = 0; k < roles[i].count[theme]; k++)
            if (theme != THEME_ANY || sim_below(&w->sim, 2))
                sim_spawn(&w->sim, roles[i].name, roles[i].run, w);
    if (seed % 7 == 0)
        sim_spawn(&w->sim, "newcomer", world_newcomer, w);
    for (int i = 0; i < 3 && seed % 13 == 5; i++)
        sim_spawn(&w->sim, "batcher", world_batcher, w);
    if (seed % 6 == 1)
        sim_spawn(&w->sim, "steward", world_steward, w);
}

/* ------------------------------------------------------------------ the end */

/* Whoever comes back to a quiet table can end all that is open, and commit. */
static void check_nothing_sticks(struct world *w, struct world_seat *seat)
{
    const struct table_state *s = state_table_view(seat->table);
    struct state_result r;
    if (state_is_paused(s)) {
        struct state_txn resume = {.kind = STATE_RESUME};
        (void)world_commit(seat, &resume, (struct slice){0}, &r);
    }
    for (size_t left = 200; left > 0 && state_job_count(state_table_view(seat->table)); left--) {
        struct state_job job = *state_job_at(state_table_view(seat->table), 0);
        char lo = world_first_of(job.range.lo);
        char hi = job.range.has_hi ? world_first_of(job.range.hi) : 0;
        struct key_range range = job.kind == STATE_JOB_FOLD ? job.range : world_range(&lo, &hi);
        struct state_reassign_item item = {.job = job.id,
                                           .attempt = job.attempt,
                                           .range = range,
                                           .extension = job.extension,
                                           .deadline_us = job.deadline_us + 1};
        struct state_txn reassign = {.kind = STATE_REASSIGN,
                                     .reassign = {.items = &item, .count = 1}};
        if (!world_commit(seat, &reassign, (struct slice){0}, &r))
            sim_fail(&w->sim, "a job cannot be taken over: %s",
                     state_reason_name(r.outcome.reason));
        const struct state_job *now = state_job_find(state_table_view(seat->table), job.id);
        if (!now || sim_has_failed(&w->sim))
            return;
        struct state_fail_item end = {.job = job.id, .attempt = now->attempt, .range = now->range};
        struct state_txn fail = {.kind = STATE_FAIL, .fail = {.items = &end, .count = 1}};
        if (!world_commit(seat, &fail, (struct slice){0}, &r))
            sim_fail(&w->sim, "a job cannot be ended: %s", state_reason_name(r.outcome.reason));
    }
    if (state_job_count(state_table_view(seat->table)))
        sim_fail(&w->sim, "jobs stay open for ever");
}

/* A pinned state opens, is what it was, and all its files are there (rule S4). */
static void check_pins(struct world *w, struct world_seat *seat)
{
    for (size_t i = 0; i < state_pin_count(state_table_view(seat->table)); i++) {
        struct slp_err err = {0};
        struct state_open_options o = {.at =
                                           state_pin_at(state_table_view(seat->table), i)->number};
        struct state_table *then = NULL;
        struct arena a;
        const struct state_file **files = NULL;
        size_t count = 0;
        if (state_table_open_with(seat->instance, slice_str("t"), &o, &then, &err) != SLP_OK) {
            sim_fail(&w->sim, "a pin does not resolve: %s", err.text);
            return;
        }
        world_check_view(w, state_table_view(then));
        arena_init(&a, &w->sim.mem, 4 << 20);
        if (state_files(state_table_view(then), &a, &files, &count, NULL) == SLP_OK)
            for (size_t k = 0; k < count; k++) {
                const struct world_file *f = world_file_of(w, files[k]);
                if (f && !f->is_there && !f->frame)
                    sim_fail(&w->sim, "a pinned file without its object: %s", f->name);
            }
        arena_fini(&a);
        state_table_close(then);
    }
}

static void check_acknowledged(struct world *w)
{
    for (int n = 0; n < WORLD_ADDITIONS; n++) {
        if (w->additions[n].is_acknowledged && w->additions[n].applied != 1)
            sim_fail(&w->sim, "addition %d was acknowledged and is applied %u times", n,
                     w->additions[n].applied);
        w->tally.acknowledged += w->additions[n].is_acknowledged;
    }
}

/* When everything has come to rest. */
static void run_last(struct sim *sim, void *arg)
{
    struct world *w = arg;
    struct world_seat seat;
    if (w->later_frame || !world_sit(w, (struct key_range){0}, &seat))
        return;
    if (world_refresh(&seat)) {
        check_nothing_sticks(w, &seat);
        world_check_batches(w);
        check_pins(w, &seat);
    }
    world_leave(&seat);
    (void)sim;
}

bool world_begin(struct world *w, uint64_t seed, const struct sim_faults *faults)
{
    memset(w, 0, sizeof *w);
    sim_begin(&w->sim, seed, faults);
    buf_init(&w->frame, &w->sim.mem, STATE_FRAME_MAX_BYTES);
    w->has_deletes = seed % 4 != 0;
    w->first_key = seed % 8 == 3 ? 5 : 0;
    w->ring_max = theme_of(seed) == THEME_LOG ? 8 : 24;
    w->has_unfiled = seed % 3 != 0;
    if (!make_table(w, seed)) {
        sim_fail(&w->sim, "no table");
        return false;
    }
    w->sim.on_effect = world_effect;
    w->sim.on_settle = world_settle;
    w->is_changed = true;
    make_additions(w);
    world_prepare_batches(w);
    world_settle(&w->sim);
    return true;
}

/* The dust has settled: no more faults, and clocks are right. */
void world_rest(struct world *w)
{
    if (sim_has_failed(&w->sim))
        return;
    check_acknowledged(w);
    w->sim.faults = (struct sim_faults){0};
    w->sim.throttled_until_us = 0;
    w->sim.now_us += (int64_t)86400 * 1000 * 1000;
    w->sim.actor_count = 0;
    sim_spawn(&w->sim, "last", run_last, w);
    sim_run(&w->sim);
}

void world_run(struct world *w, uint64_t seed)
{
    static struct world_writer writers[10];
    struct sim_faults faults = faults_of(seed);
    if (!world_begin(w, seed, &faults))
        return;
    spawn_all(w, seed, writers);
    sim_run(&w->sim);
    world_rest(w);
}

void world_end(struct world *w)
{
    sim_end(&w->sim);
}
