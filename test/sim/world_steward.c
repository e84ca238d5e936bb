/* Nothing is assigned past its deadline for ever: as long as somebody looks, whoever else is there. */
#include <inttypes.h>

#include "sim/world.h"

/* How long a job may be open behind its deadline while the steward is there: a few of its commits, when the
 * store loses answers and refuses for a while. */
#define OVERDUE_US ((int64_t)120 * 1000 * 1000)

#define LOOK_US   200000
#define ENDS_MOST 8

/* ------------------------------------------------------------------ the oracle */

/* Since when is this attempt, as far as it was extended, past its deadline? */
static int64_t overdue_since(const struct world_overdue *list, size_t count,
                             const struct state_job *job, int64_t now_us)
{
    for (size_t i = 0; i < count; i++)
        if (state_id_equal(list[i].job, job->id) && list[i].attempt == job->attempt &&
            list[i].extension == job->extension)
            return list[i].since_us;
    return now_us;
}

void world_check_deadlines(struct world *w)
{
    const struct table_state *s = w->oracle.machine.table;
    struct world_overdue now[WORLD_JOBS];
    size_t count = 0;
    for (size_t i = 0; w->has_steward && i < state_job_count(s) && count < WORLD_JOBS; i++) {
        const struct state_job *job = state_job_at(s, i);
        if (job->deadline_us >= w->sim.now_us)
            continue;
        struct world_overdue *o = &now[count++];
        *o = (struct world_overdue){
            .job = job->id,
            .attempt = job->attempt,
            .extension = job->extension,
            .since_us = overdue_since(w->overdue, w->overdue_count, job, w->sim.now_us)};
        if (w->sim.now_us - o->since_us > OVERDUE_US)
            sim_fail(&w->sim, "a job is open %" PRId64 " s behind its deadline, and is not ended",
                     (w->sim.now_us - o->since_us) / 1000000);
    }
    memcpy(w->overdue, now, count * sizeof *now);
    w->overdue_count = count;
}

/* ------------------------------------------------------------------ the actor */

/* When the next of the others wakes, or a write comes late; false when there is nobody any more. */
static bool others_wake(const struct sim *sim, int64_t *at_us)
{
    *at_us = INT64_MAX;
    for (size_t i = 0; i < sim->actor_count; i++) {
        const struct sim_actor *a = &sim->actors[i];
        if (i != sim->running && !a->is_done && !a->is_killed && a->wake_us < *at_us)
            *at_us = a->wake_us;
    }
    bool is_somebody = *at_us != INT64_MAX;
    for (size_t i = 0; i < sim->delayed_count; i++)
        if (sim->delayed[i].at_us < *at_us)
            *at_us = sim->delayed[i].at_us;
    return is_somebody;
}

/* Where all others sleep for days, it does, too, until what it knows to be open is due; where that is
 * not all there is, it looks again. */
static int64_t sleep_us(struct world_seat *seat)
{
    const struct sim *sim = &seat->w->sim;
    const struct table_state *s = state_table_view(seat->table);
    int64_t next_us = 0;
    if (state_number(s) < seat->w->oracle.number || !others_wake(sim, &next_us))
        return LOOK_US;
    for (size_t i = 0; i < state_job_count(s); i++)
        if (state_job_at(s, i)->deadline_us < next_us)
            next_us = state_job_at(s, i)->deadline_us;
    return next_us - sim->now_us > LOOK_US ? next_us - sim->now_us : LOOK_US;
}

/* Its clock is right, and it knows all attempts as they are, or a little late. */
static void end_overdue(struct world_seat *seat)
{
    const struct table_state *s = state_table_view(seat->table);
    struct state_fail_item ends[ENDS_MOST];
    struct state_result r;
    size_t n = 0;
    for (size_t i = 0; i < state_job_count(s) && n < ENDS_MOST; i++) {
        const struct state_job *job = state_job_at(s, i);
        if (job->deadline_us < seat->w->sim.now_us)
            ends[n++] = (struct state_fail_item){
                .job = job->id, .attempt = job->attempt, .range = job->range};
    }
    struct state_txn fail = {.kind = STATE_FAIL, .fail = {.items = ends, .count = n}};
    if (n && world_commit(seat, &fail, (struct slice){0}, &r))
        seat->w->tally.ended += n;
}

void world_steward(struct sim *sim, void *arg)
{
    struct world *w = arg;
    struct world_seat seat;
    int64_t next_us = 0;
    sim_be_steady(sim);
    if (!world_sit(w, (struct key_range){0}, &seat))
        return;
    w->has_steward = true;
    while (!sim_has_failed(sim) && !w->later_frame && others_wake(sim, &next_us)) {
        if (world_refresh(&seat))
            end_overdue(&seat);
        store_sleep_us(&sim->base, sleep_us(&seat));
    }
    w->has_steward = false;
    world_leave(&seat);
}
