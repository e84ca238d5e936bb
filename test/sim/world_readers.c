/* Who reads: all of it, or some leaves. What they see is held against the oracle. */
#include "sim/world.h"

void world_reader(struct sim *sim, void *arg)
{
    struct world *w = arg;
    struct world_seat seat;
    if (!world_sit(w, (struct key_range){0}, &seat))
        return;
    for (int i = 0; i < 14 && !sim_has_failed(sim); i++) {
        w->tally.reads += world_refresh(&seat);
        world_pause(&seat, 40000);
    }
    world_leave(&seat);
}

/* Opens a part again and again, and stays for a while (rules P1, P3). */
void world_shard_reader(struct sim *sim, void *arg)
{
    struct world *w = arg;
    for (int i = 0; i < 5 && !sim_has_failed(sim) && !w->later_frame; i++) {
        struct world_seat seat;
        char lo = world_key((int)sim_below(sim, WORLD_KEYS));
        char hi = (char)(lo + 1);
        if (!world_sit(w, world_range(&lo, &hi), &seat))
            return;
        for (int k = 0; k < 4 && !sim_has_failed(sim); k++) {
            w->tally.partial_reads += world_refresh(&seat);
            world_pause(&seat, 30000);
        }
        world_leave(&seat);
    }
}
