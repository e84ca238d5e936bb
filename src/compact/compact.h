/*
 * Compaction: runs of a leaf into fewer, through jobs in the log.
 *
 *   choose   what is due, and why                    choose.h: pure, from the state
 *   assign   many jobs by one transaction            jobs.h: attempt, deadline, inputs
 *   merge    the inputs, clipped to the leaf, streaming, into one run: a file, or several large ones
 *   finish   REPLACE, of many small jobs at once: inputs out, outputs in; rows were counted and agree
 *
 * Files of a leaf that many leaves share, or unfiled ones, are clipped: each leaf takes its own
 * rows. Several processes may compact one table: each takes a helping of the jobs that are due, and
 * passes over what others hold. A job that is killed stays in the log until its deadline; whoever
 * compacts next takes it over.
 */
#ifndef SLP_COMPACT_COMPACT_H
#define SLP_COMPACT_COMPACT_H

#include "compact/choose.h"
#include "state/state.h"

/* How far a run is: told at each row group and when jobs end. */
struct compact_progress {
    const char *job; /* "12.0.0"; NULL between jobs */
    size_t jobs;     /* ended */
    size_t jobs_due; /* ended, and known to be due */
    int64_t rows;    /* written by jobs that ended, and so far by this one */
    int64_t rows_due;
};

struct compact_options {
    bool all;          /* leaves with more than one run become one run; else what is due */
    bool makes_only;   /* make the jobs and leave them to whoever compacts next */
    bool has_strategy; /* `strategy` in place of the table's */
    enum compact_strategy strategy;
    size_t memory; /* bytes */
    size_t threads;
    int64_t job_s; /* how long a job has until it is extended or others take it; 0: by size */
    int64_t stretch_rows; /* threads merge about so many rows at a time; 0: by size */
    int64_t copy_bytes; /* blocks that one input owns are copied by runs of so many bytes and more;
                           0: COMPACT_COPY_BYTES; below 0: never */
    const volatile int *cancel;
    void (*on_job)(void *context, const char *line); /* a line a job; may be NULL */
    void (*on_progress)(void *context, const struct compact_progress *p); /* may be NULL */
    void *context;
};

#define COMPACT_COPY_BYTES ((int64_t)256 << 10)

struct compact_result {
    size_t jobs;  /* that ended, or were made */
    size_t filed; /* wide files that were filed under leaves */
    int64_t rows;
};

/* What a table's properties and the options say. */
struct compact_rules compact_rules_for(const struct state_table *table,
                                       const struct compact_options *options);

/*
 * Make the jobs that are due and run them, until none is due. Wide files that are to be filed are
 * filed first.
 *
 * Errors   CONFLICT   the table is paused; others were faster too often
 *          CORRUPT    an input, by name; rows that are not conserved
 *          CANCELLED  the jobs in hand are ended in the log, nothing is left behind
 *          LIMIT      device full
 *          and those of state_table_commit. Losing a job to somebody else is no error: it goes on
 *          with the next
 * Cost     an ASSIGN and a REPLACE for each helping of jobs (COMPACT_JOBS_MAX, 64 MiB), an EXTEND
 *          for each minute and more; what merging takes
 */
SLP_NODISCARD slp_rc compact_run(struct state_table *table, const struct compact_options *options,
                                 struct alloc *mem, struct compact_result *out,
                                 struct slp_err *err);

#endif
