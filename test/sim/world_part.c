/*
 * The oracle: a part of the table, replayed frame by frame beside all of it, comes to the same as far
 * as it goes (rules P1 to P5). It begins at a verified snapshot, with one leaf.
 */
#include <inttypes.h>

#include "sim/world.h"
#include "state/keep.h"

/* Another leaf has its turn at the next snapshot when a part was followed for so many frames. */
#define FRAMES 12

/* Digests are compared every so many frames, verdicts never: a view is what they come to. */
#define COMPARE 4

static void drop(struct world *w)
{
    if (w->part_from)
        state_replica_fini(&w->part);
    w->part_from = 0;
}

/* From the snapshot to where the oracle is. */
static slp_rc catch_up(struct world *w, struct slice root, struct slp_err *err)
{
    struct buf bytes;
    slp_rc rc = state_snapshot_load(&w->part, root, err);
    buf_init(&bytes, &w->sim.mem, STATE_FRAME_MAX_BYTES);
    while (rc == SLP_OK && w->part.number < w->oracle.number) {
        struct state_name name;
        state_replica_name(&w->part, w->part.number + 1, &name);
        rc = store_get(w->sim.below, state_name_slice(&name), &bytes, err);
        if (rc == SLP_OK)
            rc = state_replica_take(&w->part, buf_slice(&bytes), err);
    }
    buf_fini(&bytes);
    return rc;
}

/* Where that is not possible any more, another time. */
static void begin(struct world *w)
{
    const struct table_state *s = w->oracle.machine.table;
    struct slp_err err = {0};
    w->part_roots = w->root_count;
    if (s->leaf_count < 2)
        return;
    drop(w);
    if (state_replica_init(&w->part, w->instance, &s->table, &err) != SLP_OK)
        return;
    w->part_from = w->oracle.number;
    if (state_replica_set_scope(&w->part, s->leaves[w->root_count * 7 % s->leaf_count]->range,
                                &err) != SLP_OK ||
        catch_up(w, slice_str(w->roots[w->root_count - 1].name), &err) != SLP_OK)
        drop(w);
}

static void follow(struct world *w)
{
    struct slp_err err = {0};
    slp_rc rc = state_replica_take(&w->part, buf_slice(&w->frame), &err);
    if (rc == SLP_CONFLICT && w->part.is_widened) {
        drop(w); /* a merge over its bound (rule P3) */
        return;
    }
    if (rc != SLP_OK)
        sim_fail(&w->sim, "a part at frame %" PRIu64 ": %s", w->oracle.number, err.text);
    else if (w->part.number % COMPARE == 0)
        world_check_view(w, w->part.machine.table);
    w->tally.parts++;
}

void world_follow(struct world *w)
{
    if (w->part_from)
        follow(w);
    bool is_long = !w->part_from || w->oracle.number - w->part_from >= FRAMES;
    if (is_long && w->root_count > w->part_roots && !sim_has_failed(&w->sim))
        begin(w);
}
