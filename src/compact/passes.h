/*
 * A job of more inputs than memory has room for is merged in passes.
 *
 *   inputs   1 2 3 4   5 6 7 8   9 10           fan-in 4
 *             `-.-'     `-.-'     `.'           neighbours, so that equal keys keep their order
 *   files       a         b        c            in the store, under names that no log knows
 *               `---------+--------'
 *   output                o
 *
 * The files in between are removed when the job ends, however it ends; a process that dies first
 * leaves strangers, which are collected.
 */
#ifndef SLP_COMPACT_PASSES_H
#define SLP_COMPACT_PASSES_H

#include "compact/run.h"

/*
 * Merge the inputs of `job` into `out`, which has been given no rows before.
 *
 * Errors   as compact_merge_once
 * Memory   as compact_merge_once
 * Cost     with more than two inputs, the one with the widest rows is opened once more; with more
 *          than compact_fan_in inputs, all rows are written once more for each time that they are too
 *          many
 */
SLP_NODISCARD slp_rc compact_merge(struct state_table *table, const struct compact_job *job,
                                   const struct compact_options *options, struct output *out,
                                   struct alloc *mem, struct slp_err *err);

#endif
