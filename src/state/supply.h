/*
 * What apply wants to see before it judges: see supply.c. Private to src/state.
 */
#ifndef SLP_STATE_SUPPLY_H
#define SLP_STATE_SUPPLY_H

#include "state/replica.h"

/*
 * Before the first transaction of a frame is applied: what the state there says is wanted.
 *
 * Errors   CONFLICT  r->is_widened: more leaves have to be loaded (rule P3)
 *          and whatever the store returns; the state is behind the frame before. What is gone or
 *          damaged is told by state_supply
 * Cost     no read without bodies that stand apart or a restore; a round for each STATE_READ_AHEAD
 *          such bodies of the frames that were read together
 */
SLP_NODISCARD slp_rc state_supply_frame(struct state_replica *r, const struct state_frame *frame,
                                        struct slp_err *err);

/* Inside the frame: what is still missing. Errors: CORRUPT for what is gone or damaged (rule G3), or
 * UNAVAILABLE with r->is_overtaken where the floor has passed; and those above. */
SLP_NODISCARD slp_rc state_supply(struct state_replica *r, struct state_txn *txn,
                                  struct state_position at, struct slp_err *err);

/* Give up what was read ahead. */
void state_supply_forget(struct state_replica *r);

#endif
