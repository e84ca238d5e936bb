/*
 * Retiring purges: a purge that every live file has gone through need not be kept (PROTOCOL.md V3, P5).
 */
#ifndef SLP_PROCESS_RETIRE_H
#define SLP_PROCESS_RETIRE_H

#include "state/state.h"

/*
 * Retire the purges below which there is no live file and no open job, and no state that may be
 * restored (V5). Whoever has a whole view may call it, at any time; twice is harmless. `*count` (may be
 * NULL) is how many were retired.
 *
 * Errors   those of state_table_commit. That others were faster is none
 * Cost     nothing where there are no purges; else a look at each live file, and a commit
 */
SLP_NODISCARD slp_rc process_retire(struct state_table *table, struct alloc *mem, size_t *count,
                                    struct slp_err *err);

#endif
