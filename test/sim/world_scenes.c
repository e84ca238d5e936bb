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

/* The n-th addition: a row at the first key. */
static bool add_one(struct world_seat *seat, int n, struct state_result *r)
{
    struct world_addition *a = &seat->w->additions[n];
    struct state_new_file f;
    a->rows = (struct world_rows){.puts = {(uint64_t)1 << n}};
    if (!world_file(seat, &a->rows, &f))
        return false;
    struct state_txn txn = {.kind = STATE_ADD, .add = {.files = &f, .count = 1}};
    a->is_acknowledged = world_commit(seat, &txn, NO_TOKEN, r);
    return a->is_acknowledged;
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
    struct state_txn txn = {.kind = STATE_RETIRE_PURGE, .retire = {.purges = &at, .count = 1}};
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
