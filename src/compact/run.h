/*
 * Running one job: its inputs merged into new files.
 */
#ifndef SLP_COMPACT_RUN_H
#define SLP_COMPACT_RUN_H

#include "compact/compact.h"
#include "output/output.h"

/* One input as the job found it; everything is copied from the state. */
struct compact_input {
    struct slice object; /* its name in the store */
    struct datafile_info info;
    struct key_range range; /* where its rows count */
    int64_t expected_rows;  /* where the state tells; else -1 */
};

struct compact_job {
    struct state_id id;
    uint32_t attempt;
    struct key_range range;
    struct compact_input *inputs;
    size_t input_count;
};

/*
 * Merge the inputs of `job` into `out`, which has been given no rows before.
 *
 * Errors   CORRUPT    an input by name; an input with another number of rows than the state tells;
 *                     rows that are not conserved
 *          CANCELLED  and whatever reading and writing return
 * Memory   a share of options->memory for each input's read-ahead, and the output's groups
 */
SLP_NODISCARD slp_rc compact_merge(struct state_table *table, const struct compact_job *job,
                                   const struct compact_options *options, struct output *out,
                                   struct alloc *mem, struct slp_err *err);

#endif
