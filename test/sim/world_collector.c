/* Who deletes: the product's collector, with ages of a second or none, so that what is worked on at
 * the same moment is on the edge. */
#include "sim/world.h"
#include "upkeep/upkeep.h"

static slp_rc told(void *context, const struct upkeep_garbage *garbage, struct slp_err *err)
{
    struct world *w = context;
    (void)garbage;
    (void)err;
    w->tally.deleted++;
    return SLP_OK;
}

/* Nobody was at work, or it takes what it finds a second old. */
static void collect(struct world_seat *seat)
{
    struct world *w = seat->w;
    struct slp_err err = {0};
    struct upkeep_gc_result result = {0};
    struct upkeep_gc_options options = {
        .min_age_s = sim_below(&w->sim, 3) != 0, .told = told, .context = w};
    slp_rc rc = upkeep_collect(seat->table, &options, &w->sim.mem, &result, &err);
    w->tally.collects += world_accepts(w, rc, &err);
}

void world_collector(struct sim *sim, void *arg)
{
    struct world *w = arg;
    struct world_seat seat;
    if (!world_sit(w, (struct key_range){0}, &seat))
        return;
    for (int i = 0; i < 4 && !sim_has_failed(sim) && !w->later_frame; i++) {
        collect(&seat);
        world_pause(&seat, 150000);
    }
    world_leave(&seat);
}
