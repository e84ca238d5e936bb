/*
 * The inputs of a job as one thread has them open: files, of which it merges one stretch of keys
 * after another, and how many rows it has read of each.
 */
#ifndef SLP_COMPACT_INPUTS_H
#define SLP_COMPACT_INPUTS_H

#include "compact/run.h"
#include "merge/merge.h"

struct compact_inputs {
    struct alloc *mem;
    const struct compact_job *job;
    const struct arr_schema *columns; /* of the table */
    size_t prefetch_bytes;            /* a window of one input */
    struct datafile **files;
    int64_t *rows;                  /* read so far, by input */
    struct datafile_copier *copier; /* of `copied`, kept for its next blocks; NULL: none */
    size_t copied;
};

/*
 * Open all inputs of `job`, which outlives them, each to read windows of `prefetch_bytes`.
 *
 * Errors   CORRUPT  an input that is not there, by name
 *          and those of datafile_open
 */
SLP_NODISCARD slp_rc compact_inputs_open(struct state_table *table, const struct compact_job *job,
                                         size_t prefetch_bytes, struct alloc *mem,
                                         struct compact_inputs *out, struct slp_err *err);
void compact_inputs_close(struct compact_inputs *in); /* a zeroed one is accepted */

/*
 * What pages a block of this file has, on average; 0 where each is one row, since of large ones only
 * that is in memory which comes out next (merge/merge.h), unless rows are processed.
 */
uint64_t compact_inputs_block_bytes(const struct datafile *f, const struct compact_job *job);

/* The same of the input with the widest rows, which is opened for that. Errors: those of
 * datafile_open. */
SLP_NODISCARD slp_rc compact_inputs_widest(struct state_table *table, const struct compact_job *job,
                                           struct alloc *mem, uint64_t *block_bytes,
                                           struct slp_err *err);

/* Merge what the inputs hold in `range`; `*out` is NULL when that is nothing. Errors: those of
 * datafile_read. */
SLP_NODISCARD slp_rc compact_inputs_merge(struct compact_inputs *in, struct key_range range,
                                          struct merge **out, struct slp_err *err);

/* The storage columns that rows of a job's inputs have together. */
unsigned compact_inputs_form(const struct compact_job *job);

/* The same of a job that processes its rows: purges are applied, and blocks have the columns of
 * compact_inputs_form. */
SLP_NODISCARD slp_rc compact_inputs_run(struct compact_inputs *in, struct key_range range,
                                        struct run **out, struct slp_err *err);

/*
 * Make blocks of one input the whole of `g`, without decoding them, and count their rows. `*done`
 * is false when that cannot be: then they are to be merged. Errors: those of datafile_copier_new
 * and datafile_group_copy.
 */
SLP_NODISCARD slp_rc compact_inputs_copy(struct compact_inputs *in,
                                         const struct compact_stretch *stretch,
                                         struct datafile_group *g, bool *done, struct slp_err *err);

#endif
