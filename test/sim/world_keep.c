/*
 * The oracle: what has to stay as long as somebody may want it, and the floor, which only rises.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/num.h"
#include "sim/world.h"
#include "state/global.h"
#include "state/snapshot.h"

static uint64_t digest_of(struct slice name)
{
    return num_load_u64le(hash_xxh128(name).bytes);
}

static bool is_object(struct world *w, struct slice name, struct buf *bytes)
{
    char whole[STORE_NAME_MAX];
    (void)snprintf(whole, sizeof whole, "%s%.*s", w->oracle.place, SLICE_ARG(name));
    return store_get(w->sim.below, slice_str(whole), bytes, NULL) == SLP_OK;
}

/* ------------------------------------------------------------------ snapshots */

static void reach(struct world *w, struct world_root *to, struct slice name, struct buf *bytes)
{
    if (to->count == WORLD_ROOT_OBJECTS)
        sim_fail(&w->sim, "the world is too small: objects of a snapshot");
    else
        to->objects[to->count++] = digest_of(name);
    if (!is_object(w, name, bytes))
        sim_fail(&w->sim, "verified snapshot \"%s\" lacks \"%.*s\"", to->name, SLICE_ARG(name));
}

static void learn_root(struct world *w, struct world_root *to)
{
    struct buf root;
    struct buf bytes;
    struct arena a;
    struct state_snapshot self = {.number = 0};
    buf_init(&root, &w->sim.mem, STATE_SNAPSHOT_MAX_BYTES);
    buf_init(&bytes, &w->sim.mem, STATE_SNAPSHOT_MAX_BYTES);
    arena_init(&a, &w->sim.mem, STATE_SNAPSHOT_ARENA_MAX);
    reach(w, to, slice_str(to->name), &root);
    if (!sim_has_failed(&w->sim) && state_root_decode(buf_slice(&root), &a, &self, NULL) != SLP_OK)
        sim_fail(&w->sim, "verified snapshot \"%s\" is none", to->name);
    for (size_t i = 0; i < self.shard_count; i++)
        reach(w, to, self.shards[i].name, &bytes);
    for (size_t i = 0; i < self.list_count; i++)
        reach(w, to, self.lists[i].name, &bytes);
    if (self.number != to->number)
        sim_fail(&w->sim, "verified snapshot \"%s\" stands at %" PRIu64 ", not %" PRIu64, to->name,
                 self.number, to->number);
    arena_fini(&a);
    buf_fini(&bytes);
    buf_fini(&root);
}

/* Rule S2: what it took over was kept all the time, for its parent was. */
void world_note_verified(struct world *w, const struct state_verify *v)
{
    bool is_kept = w->root_count == 0 && v->parent.len == 0;
    for (size_t i = w->root_count; i > 0 && i + 2 > w->root_count; i--)
        is_kept = is_kept || slice_is(v->parent, w->roots[i - 1].name);
    if (!is_kept)
        sim_fail(&w->sim, "a snapshot counts whose parent nobody had to keep: %.*s",
                 SLICE_ARG(v->parent));
    if (w->root_count == WORLD_ROOTS) {
        sim_fail(&w->sim, "the world is too small: verified snapshots");
        return;
    }
    struct world_root *to = &w->roots[w->root_count++];
    *to = (struct world_root){.number = v->number};
    memcpy(to->name, v->root.ptr, v->root.len);
    learn_root(w, to);
}

static bool is_reached(const struct world_root *root, uint64_t object)
{
    for (size_t i = 0; i < root->count; i++)
        if (root->objects[i] == object)
            return true;
    return false;
}

/* Rule S3: the two newest, those from the floor's on, pins', and those that restores in the log name.
 */
static bool must_stay(const struct world *w, size_t i)
{
    const struct world_root *root = &w->roots[i];
    const struct table_state *s = w->oracle.machine.table;
    if (i + 2 >= w->root_count || (w->floor.number > 1 && root->number >= w->floor_at))
        return true;
    for (size_t k = 0; k < state_pin_count(s); k++)
        if (slice_is(state_pin_at(s, k)->root, root->name))
            return true;
    for (size_t k = 0; k < w->restore_count; k++)
        if (w->restores[k].frame >= w->floor.number && strcmp(w->restores[k].root, root->name) == 0)
            return true;
    return false;
}

static void check_snapshots(struct world *w, struct slice name)
{
    uint64_t object = digest_of(name);
    for (size_t i = 0; i < w->root_count; i++)
        if (is_reached(&w->roots[i], object) && must_stay(w, i))
            sim_fail(&w->sim, "\"%.*s\" was deleted, which snapshot \"%s\" has", SLICE_ARG(name),
                     w->roots[i].name);
}

/* ------------------------------------------------------------------ bodies, pinned files */

void world_note_body(struct world *w, const struct state_txn *txn, uint64_t frame)
{
    if (txn->body.name.len == 0 || txn->body.is_missing)
        return; /* what is too old is refused unread */
    if (w->body_count == WORLD_BODIES)
        sim_fail(&w->sim, "the world is too small: bodies");
    else
        w->bodies[w->body_count++] =
            (struct world_body){.frame = frame, .object = digest_of(txn->body.name)};
    w->tally.bodies++;
}

/* Rule G2. */
static void check_bodies(struct world *w, struct slice name)
{
    for (size_t i = 0; i < w->body_count; i++)
        if (w->bodies[i].object == digest_of(name) && w->bodies[i].frame >= w->floor.number)
            sim_fail(&w->sim,
                     "body \"%.*s\" of frame %" PRIu64 " was deleted, the floor is %" PRIu64,
                     SLICE_ARG(name), w->bodies[i].frame, w->floor.number);
}

/* Rule S4: a pinned state has all its files. */
void world_check_pins(struct world *w)
{
    const struct table_state *s = w->oracle.machine.table;
    for (size_t i = 0; i < state_pin_count(s); i++) {
        uint64_t number = state_pin_at(s, i)->number;
        for (size_t k = 0; k < WORLD_FILES / 64; k++)
            if (w->pasts[number].files[k] & w->lost[k])
                sim_fail(&w->sim, "the state that is pinned at %" PRIu64 " has lost a file",
                         number);
    }
}

/* ------------------------------------------------------------------ the floor */

/* Rule F2. */
void world_check_floor(struct world *w)
{
    struct state_floor floor = {0};
    struct slp_err err = {0};
    size_t i = 0;
    if (state_floor_read(w->sim.below, &w->sim.mem, w->oracle.place, &floor, &err) != SLP_OK)
        sim_fail(&w->sim, "the floor: %s", err.text);
    if (floor.number < w->floor.number)
        sim_fail(&w->sim, "the floor falls from %" PRIu64 " to %" PRIu64, w->floor.number,
                 floor.number);
    if (floor.number > w->oracle.number && !w->later_frame)
        sim_fail(&w->sim, "the floor is %" PRIu64 ", above the tip %" PRIu64, floor.number,
                 w->oracle.number);
    while (i < w->root_count && strcmp(w->roots[i].name, floor.root) != 0)
        i++;
    if (!w->later_frame && (i == w->root_count || w->roots[i].number + 1 < floor.number))
        sim_fail(&w->sim, "floor %" PRIu64 " names \"%s\", which is not verified or below it",
                 floor.number, floor.root);
    w->floor = floor;
    w->floor_at = i < w->root_count ? w->roots[i].number : 0;
}

void world_check_deleted(struct world *w, struct slice name)
{
    if (slice_starts_with(name, slice_str("snap/")))
        check_snapshots(w, name);
    else if (slice_starts_with(name, slice_str(STATE_BODY_PREFIX)))
        check_bodies(w, name);
}
