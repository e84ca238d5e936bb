/*
 * Scenes: two actors in an order that is written down, for what random ones hardly ever come to. The
 * store is slow but true. The author stops where a write of its own has taken effect and it has not
 * heard of that yet; then the others go on, as long as they like.
 */
#include <string.h>

#include "sim/world.h"
#include "state/global.h"
#include "upkeep/upkeep.h"

#define NO_TOKEN ((struct slice){0})
#define LOOK_US  1000

/* Longer than a transaction may be here, so that its payload stands apart. */
#define LONG_BYTES (STATE_TXN_MAX_BYTES + 200)

/* More than the ring holds; files that fill a shard. */
#define MANY 30
#define SOME 8

/* One world at a time. */
static struct {
    const char *stop; /* what the name of the author's write has in it */
    bool is_reached;
    bool is_over;
} scene;

/* The author is spawned first. */
static void stop_author(struct sim *sim, enum store_verb verb, struct slice name)
{
    world_effect(sim, verb, name);
    bool is_wanted = scene.stop && !scene.is_reached && verb == STORE_PUT_IF_ABSENT &&
                     sim->running == 0 &&
                     memmem(name.ptr, name.len, scene.stop, strlen(scene.stop)) != NULL;
    if (!is_wanted)
        return;
    scene.is_reached = true;
    while (!scene.is_over && !sim_has_failed(sim))
        store_sleep_us(&sim->base, LOOK_US);
}

static bool sit_when_author_stops(struct world *w, struct world_seat *seat)
{
    while (!scene.is_reached && !sim_has_failed(&w->sim))
        store_sleep_us(&w->sim.base, LOOK_US);
    return world_sit(w, (struct key_range){0}, seat);
}

/* ------------------------------------------------------------------ what scenes have in common */

static enum state_reason set_colour(struct world_seat *seat, struct slice value)
{
    struct state_result r = {.losses = 0};
    struct state_property item = {.name = slice_str("colour"), .value = value};
    struct state_txn txn = {.kind = STATE_PROPERTIES, .properties = {.items = &item, .count = 1}};
    (void)world_commit(seat, &txn, NO_TOKEN, &r);
    return r.outcome.reason;
}

/* So many commits, with snapshots and trimming. */
static void move_on(struct world_seat *seat, int count)
{
    struct world *w = seat->w;
    for (int i = 0; i < count && !sim_has_failed(&w->sim); i++) {
        struct slp_err err = {0};
        struct state_kept kept = {0};
        (void)set_colour(seat, slice_str(i % 2 ? "red" : "blue"));
        (void)world_accepts(w, state_table_keep(seat->table, 4, &kept, &err), &err);
    }
}

/* The n-th addition. */
static bool add_rows(struct world_seat *seat, int n, struct world_rows rows, bool is_unfiled,
                     struct state_result *r)
{
    struct world_addition *a = &seat->w->additions[n];
    struct state_new_file f;
    a->rows = rows;
    if (!world_file(seat, &a->rows, &f))
        return false;
    f.is_unfiled = is_unfiled;
    struct state_txn txn = {.kind = STATE_ADD, .add = {.files = &f, .count = 1}};
    a->is_acknowledged = world_commit(seat, &txn, NO_TOKEN, r);
    return a->is_acknowledged;
}

/* A row at the first key. */
static bool add_one(struct world_seat *seat, int n, struct state_result *r)
{
    return add_rows(seat, n, (struct world_rows){.puts = {(uint64_t)1 << n}}, false, r);
}

/* A job over two files, or one, from beginning to end; what it makes out of them in `out`. */
static bool do_job(struct world_seat *seat, uint32_t kind, const struct state_id *inputs,
                   size_t count, struct state_id *out)
{
    struct world *w = seat->w;
    struct state_result r = {.losses = 0};
    struct state_new_file file;
    struct world_rows rows;
    struct state_assign_item item = {
        .kind = kind, .inputs = inputs, .input_count = count, .deadline_us = INT64_MAX / 2};
    struct state_txn assign = {.kind = STATE_ASSIGN, .assign = {.items = &item, .count = 1}};
    const struct table_state *s = state_table_view(seat->table);
    if (kind == STATE_JOB_LEAF)
        item.leaf = state_leaf_at(s, state_leaf_holding(s, slice_of(world_letters, 1)))->range;
    if (!world_commit(seat, &assign, NO_TOKEN, &r))
        return false;
    const struct state_job *job =
        state_job_find(state_table_view(seat->table), state_result_id(&r, 0));
    world_merge(w, state_table_view(seat->table), job, &rows);
    struct state_replace_item done = {.job = job->id, .attempt = 1, .range = job->range};
    struct state_txn replace = {.kind = STATE_REPLACE, .replace = {.items = &done, .count = 1}};
    if (rows.puts[0] | rows.dels[0]) {
        struct state_position mark = job->assigned;
        if (!world_file(seat, &rows, &file))
            return false;
        file.purged_through = mark;
        file.is_unfiled = kind == STATE_JOB_FOLD;
        done.outputs = &file;
        done.output_count = 1;
    }
    bool ok = world_commit(seat, &replace, NO_TOKEN, &r);
    *out = state_result_id(&r, 0);
    return ok;
}

/* ------------------------------------------------------------------ NO_TOKENS */

/* Rule I4: it has created the frame, and before it reads the floor the ring and the floor have passed
 * that. Only the snapshot's tokens know that it was applied. */
static void slow_author(struct sim *sim, void *arg)
{
    struct world *w = arg;
    struct world_seat seat;
    struct state_result r = {.losses = 0};
    if (!world_sit(w, (struct key_range){0}, &seat))
        return;
    if (!add_one(&seat, 0, &r))
        sim_fail(sim, "what was applied is not found");
    else if (w->floor.number <= r.outcome.at.frame)
        sim_fail(sim, "the scene shows nothing: the floor has not passed the frame");
    world_leave(&seat);
}

static void pass_author(struct sim *sim, void *arg)
{
    struct world_seat seat;
    (void)sim;
    if (!sit_when_author_stops(arg, &seat))
        return;
    move_on(&seat, MANY);
    scene.is_over = true;
    world_leave(&seat);
}

/* ------------------------------------------------------------------ BODY_FREE */

/* Rules G1 and G2: its body is there and the frame that names it is not, so it is a stranger. Once it
 * may have gone, the transaction is too old, and nobody asks for the body. */
static void late_author(struct sim *sim, void *arg)
{
    static uint8_t text[LONG_BYTES];
    struct world_seat seat;
    if (!world_sit(arg, (struct key_range){0}, &seat))
        return;
    memset(text, 'x', sizeof text);
    if (set_colour(&seat, slice_of(text, sizeof text)) != STATE_REASON_TOO_OLD)
        sim_fail(sim, "a body that may have gone is not too old");
    world_leave(&seat);
}

static void collect_body(struct sim *sim, void *arg)
{
    struct world *w = arg;
    struct world_seat seat;
    struct slp_err err = {0};
    struct upkeep_gc_result result = {0};
    struct upkeep_gc_options options = {.min_age_s = 0};
    if (!sit_when_author_stops(w, &seat))
        return;
    move_on(&seat, 3);
    (void)world_accepts(w, upkeep_collect(seat.table, &options, &sim->mem, &result, &err), &err);
    if (result.objects == 0)
        sim_fail(sim, "the scene shows nothing: no body was collected");
    scene.is_over = true;
    world_leave(&seat);
}

/* ------------------------------------------------------------------ RETIRE_CHECKED */

static bool retire(struct world_seat *seat, struct state_position at)
{
    const struct table_state *s = state_table_view(seat->table);
    struct state_result r;
    struct state_txn collect = {.kind = STATE_COLLECT,
                                .collect = {.minted = state_minted(s), .horizon = state_number(s)}};
    struct state_txn txn = {.kind = STATE_RETIRE_PURGE,
                            .retire = {.purges = &at, .count = 1, .seen = state_number(s)}};
    return world_commit(seat, &collect, NO_TOKEN, &r) && world_commit(seat, &txn, NO_TOKEN, &r);
}

/* Rule P5: a purge is retired while the one leaf has files, and none of them below it, and the other
 * has none. Who has loaded that leaf alone comes to the same. */
static void retire_under_a_part(struct sim *sim, void *arg)
{
    static const char lo = 'm';
    static const char hi = 'n';
    struct world *w = arg;
    struct world_seat all;
    struct world_seat part;
    struct state_result r = {.losses = 0};
    struct state_txn purge = {
        .kind = STATE_PURGE,
        .purge = {.predicate = slice_str("b-c"), .is_on_keys = true, .schema_version = 1}};
    if (!world_sit(w, (struct key_range){0}, &all) || !world_commit(&all, &purge, NO_TOKEN, &r))
        return;
    struct state_position at = r.outcome.at;
    for (int n = 0; n < SOME; n++)
        if (!add_one(&all, n, &r))
            return;
    move_on(&all, 12);
    if (!world_sit(w, world_range(&lo, &hi), &part))
        return;
    if (!state_is_partial(state_table_view(part.table)))
        sim_fail(sim, "the scene shows nothing: all leaves are loaded");
    bool is_retired = retire(&all, at);
    (void)world_refresh(&part);
    if (!is_retired)
        sim_fail(sim, "a purge cannot be retired");
    world_leave(&part);
    world_leave(&all);
}

/* ------------------------------------------------------------------ FOLD_HOLES */

/* Rule O4: while order does not count, two wide files with an add between are folded. The delete that
 * comes then is not folded into what reaches over that add. */
static void fold_over_a_hole(struct sim *sim, void *arg)
{
    struct world *w = arg;
    struct world_seat seat;
    struct state_result r[4];
    struct state_id both[2];
    struct state_id folded;
    if (!world_sit(w, (struct key_range){0}, &seat))
        return;
    for (int n = 0; n < 4; n++) {
        struct world_rows rows = {.puts = {0}};
        if (n == 3) {
            both[0] = (struct state_id){.at = r[0].outcome.at};
            both[1] = (struct state_id){.at = r[2].outcome.at};
            if (!do_job(&seat, STATE_JOB_FOLD, both, 2, &folded))
                sim_fail(sim, "the scene shows nothing: the fold was refused");
            rows.dels[0] = (uint64_t)1 << n;
        } else {
            rows.puts[0] = (uint64_t)1 << n;
        }
        if (sim_has_failed(sim) || !add_rows(&seat, n, rows, n != 1, &r[n]))
            return;
    }
    both[0] = folded;
    both[1] = (struct state_id){.at = r[3].outcome.at};
    (void)do_job(&seat, STATE_JOB_FOLD, both, 2, &folded);
    world_leave(&seat);
}

/* ------------------------------------------------------------------ RETIRE_BLIND */

/* Rule P5: a range delete was carried out, and a restore brings back the file that it was about. Who
 * has not seen that takes the delete for done. */
static void restore_under_a_retirement(struct sim *sim, void *arg)
{
    struct world *w = arg;
    struct world_seat seat;
    struct state_result r = {.losses = 0};
    struct state_result wiped = {.losses = 0};
    struct state_id file;
    struct state_txn wipe = {.kind = STATE_RANGE_DELETE,
                             .range_delete = {.range = world_range("b", "c")}};
    struct state_txn pause = {.kind = STATE_PAUSE};
    if (!world_sit(w, (struct key_range){0}, &seat) || !add_one(&seat, 0, &r))
        return;
    file = (struct state_id){.at = r.outcome.at};
    bool is_wiped = world_commit(&seat, &wipe, NO_TOKEN, &wiped);
    move_on(&seat, 12);
    const struct table_state *s = state_table_view(seat.table);
    size_t count = state_verified_count(s);
    struct state_verified root = {.number = 0};
    if (count)
        root = *state_verified_at(s, count - 1);
    struct state_txn back = {.kind = STATE_RESTORE,
                             .restore = {.root = slice_str(root.root), .number = root.number}};
    bool is_done = is_wiped && do_job(&seat, STATE_JOB_LEAF, &file, 1, &file);
    struct state_txn txn = {.kind = STATE_RETIRE_PURGE,
                            .retire = {.purges = &wiped.outcome.at,
                                       .count = 1,
                                       .seen = state_number(state_table_view(seat.table))}};
    is_done = is_done && world_commit(&seat, &pause, NO_TOKEN, &r);
    if (!is_done || root.number < wiped.outcome.at.frame ||
        !world_commit(&seat, &back, NO_TOKEN, &r))
        sim_fail(sim, "the scene shows nothing: no restore of what was wiped");
    else
        (void)world_commit(&seat, &txn, NO_TOKEN, &r);
    world_leave(&seat);
}

/* ------------------------------------------------------------------ all of them */

static const struct {
    const char *name; /* of the bug that it finds */
    const char *stop;
    sim_actor_fn author;
    sim_actor_fn others; /* may be NULL */
} scenes[] = {
    {"NO_TOKENS", "/log/", slow_author, pass_author},
    {"BODY_FREE", "/" STATE_BODY_PREFIX, late_author, collect_body},
    {"RETIRE_CHECKED", NULL, retire_under_a_part, NULL},
    {"FOLD_HOLES", NULL, fold_over_a_hole, NULL},
    {"RETIRE_BLIND", NULL, restore_under_a_retirement, NULL},
};

const char *world_scene_name(size_t i)
{
    return i < sizeof scenes / sizeof *scenes ? scenes[i].name : NULL;
}

void world_scene(struct world *w, size_t i)
{
    static const struct sim_faults none;
    memset(&scene, 0, sizeof scene);
    scene.stop = scenes[i].stop;
    if (!world_begin(w, 0, &none))
        return;
    w->sim.on_effect = stop_author;
    sim_spawn(&w->sim, "author", scenes[i].author, w);
    if (scenes[i].others)
        sim_spawn(&w->sim, "others", scenes[i].others, w);
    sim_run(&w->sim);
    world_rest(w);
}
