/*
 * Backpressure: what tells that writers are faster than compaction, and what is done about it.
 *
 *   signal      where it is from                                 from here on delayed     refused
 *   depth       runs over the keys that are written              backpressure.depth.soft  .hard
 *   unfiled     wide files of the table                          backpressure.unfiled.soft 64, by apply
 *   waiting     transactions that the last packer saw waiting    backpressure.waiting.soft -
 *
 * Delays grow evenly from nothing at the soft limit to backpressure.delay.max at the hard one, or at
 * twice the soft one where there is none. Readers pay for depth, so a table that nobody compacts
 * takes no more rows in the end, and says so.
 */
#ifndef SLP_STATE_PRESSURE_H
#define SLP_STATE_PRESSURE_H

#include "state/state.h"

struct state_pressure {
    size_t depth; /* the most runs of a leaf that meets the range, unfiled files among them */
    size_t unfiled;
    uint32_t waiting;
};

/*
 * The signals as the view has them; `range` blank: of all leaves. Depth is that over one key where it
 * could be so many, else at most all runs of the leaf: never less than what a reader meets.
 *
 * Errors   NO_MEMORY, LIMIT
 * Cost     where a leaf has had as many files as the soft limit since it was last looked at, its
 *          references are sorted
 */
SLP_NODISCARD slp_rc state_pressure_of(const struct state_table *t, struct key_range range,
                                       struct state_pressure *out, struct slp_err *err);

/* How long a commit is to wait under this pressure, in microseconds; wide files or not. Pure. */
int64_t state_pressure_delay_us(const struct state_pressure *p, const struct schema_properties *o,
                                bool adds_unfiled);

/*
 * What whoever is about to add files in `range` calls: waits as long as it should.
 *
 * Errors   UNAVAILABLE  refused: the property that says so, and what to do
 *          CANCELLED
 */
SLP_NODISCARD slp_rc state_pressure_admit(struct state_table *t, struct key_range range,
                                          bool adds_unfiled, const volatile int *cancel,
                                          struct slp_err *err);

#endif
