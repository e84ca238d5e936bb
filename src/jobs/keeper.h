/*
 * A thread that extends one job while somebody else works on it.
 *
 * Half of its time after it was begun, and again after each half of it, it commits an EXTEND through
 * a handle of its own, so that a deadline can be short and work may still take hours. What it cannot
 * say it does not say: then the job is taken over, and its late end is refused (rule T1).
 */
#ifndef SLP_JOBS_KEEPER_H
#define SLP_JOBS_KEEPER_H

#include "state/state.h"

struct jobs_keeper;

/*
 * Keep `attempt` of a job, that has `time_us` from now on.
 * Errors   NO_MEMORY; UNAVAILABLE when the kernel gives no thread
 */
SLP_NODISCARD slp_rc jobs_keeper_begin(struct state_table *table, struct state_id job,
                                       uint32_t attempt, int64_t time_us, struct alloc *mem,
                                       struct jobs_keeper **out, struct slp_err *err);

/* Stop, and wait until the thread has. */
void jobs_keeper_end(struct jobs_keeper *k);

#endif
