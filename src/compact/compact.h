/*
 * Compaction: runs of a leaf into fewer, through a job in the log.
 *
 *   choose   a leaf and the references to merge      pure, from the state
 *   assign   a job in the log: attempt, deadline, inputs
 *   merge    the inputs, clipped to the leaf, streaming, into one run: a file, or several large ones
 *   finish   REPLACE: inputs out, output in; rows were counted and must agree
 *
 * Files of a leaf that many leaves share, or unfiled ones, are clipped: each leaf takes its own
 * rows. A job that is killed stays in the log until its deadline; whoever compacts next ends it
 * (FAIL) and goes on.
 */
#ifndef SLP_COMPACT_COMPACT_H
#define SLP_COMPACT_COMPACT_H

#include "state/state.h"

struct compact_options {
    bool all;      /* leaves with more than one run; else with at least COMPACT_DUE_RUNS */
    bool dry_run;  /* tell what is due */
    size_t memory; /* bytes */
    size_t threads;
    int64_t job_s;        /* how long a job may take before others may end it; 0: by its size */
    int64_t stretch_rows; /* threads merge about so many rows at a time; 0: by size */
    int64_t copy_bytes; /* blocks that one input owns are copied by runs of so many bytes and more;
                           0: COMPACT_COPY_BYTES; below 0: never */
    const volatile int *cancel;
    void (*on_job)(void *context, const char *line); /* a line a job; may be NULL */
    void *context;
};

/* Without `all`, a leaf is due when this many runs lie over one of its keys. */
#define COMPACT_DUE_RUNS 11u

#define COMPACT_COPY_BYTES ((int64_t)256 << 10)

struct compact_result {
    size_t jobs;
    int64_t rows;
};

/*
 * Make the jobs that are due and run them, until none is due. Unfiled files are filed down to
 * leaves first where a leaf is due that they meet.
 *
 * Errors   CORRUPT    an input, by name; rows that are not conserved
 *          CANCELLED  the job is ended in the log, nothing is left behind
 *          LIMIT      device full
 *          and those of state_table_commit. Losing a job to somebody else is no error: it goes on
 *          with the next
 */
SLP_NODISCARD slp_rc compact_run(struct state_table *table, const struct compact_options *options,
                                 struct alloc *mem, struct compact_result *out,
                                 struct slp_err *err);

#endif
