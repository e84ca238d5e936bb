/*
 * Work on tables: compaction, and the worker that does for all tables what is due. Part of sleeper.h,
 * whose conventions and common errors hold here too.
 *
 * Jobs stand in the table's log: made, run, extended, ended, and taken over by others when their
 * deadline has passed. So any number of processes may work on one table, and none of them matters.
 */
#ifndef SLEEPER_WORK_H
#define SLEEPER_WORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sleeper/types.h"

#ifdef __cplusplus
extern "C" {
#endif

struct slp_instance;
struct slp_rows;

/* How far work is: told at each row group that is written and when jobs end. */
struct slp_progress {
    const char *table;
    const char *job; /* "12.0.0"; NULL between jobs */
    size_t jobs;     /* ended */
    size_t jobs_due; /* ended, and known to be due */
    int64_t rows;    /* written */
    int64_t rows_due;
};

struct slp_compact_options {
    const char *table;
    bool all; /* every leaf with more than one run becomes one run; else: what is due */
    bool dry_run;
    void (*on_job)(void *context, const char *line); /* told a line when a job ends; may be NULL */
    void *context;
    const char *strategy; /* size-ratio, basic, leveled, time-window; NULL: the table's property */
    bool makes_only;      /* make the jobs in the log and leave them to whoever compacts next */
    void (*on_progress)(void *context, const struct slp_progress *progress); /* may be NULL */
};

struct slp_compact_result {
    size_t jobs;                      /* that ended; with dry_run or makes_only: that are made */
    int64_t rows;                     /* that were merged */
    size_t files_before, files_after; /* of the table */
    bool is_offline; /* the table is offline: nobody does this unless asked, as here */
};

/*
 * Merge runs of files into fewer until nothing is due. Answers stay the same; inputs stay on disk
 * until slp_gc. Jobs that were finished before an error stay finished. A dry run counts the jobs
 * that would be begun now and tells them to `on_job`.
 *
 * Errors   NOT_FOUND  the table
 *          INVALID    a strategy that is none
 *          CONFLICT   the table is paused; others were faster a thousand times
 *          UNKNOWN    the end of a job: the next call finds out
 */
SLP_PUBLIC SLP_NODISCARD slp_rc slp_compact(struct slp_instance *instance,
                                            const struct slp_compact_options *options,
                                            struct slp_compact_result *out, struct slp_err *err);

/* What slp_compact would do now, and what it would leave alone, as rows: action (file, fold, merge,
 * leave), partition, from, to, runs, files, rows, bytes, held (runs of open jobs), why. Errors: as
 * slp_compact. */
SLP_PUBLIC SLP_NODISCARD slp_rc slp_compact_due(struct slp_instance *instance,
                                                const struct slp_compact_options *options,
                                                struct slp_rows **out, struct slp_err *err);

struct slp_work_options {
    bool once;         /* do what is due on all tables, and end */
    bool commits;      /* be a resident committer, and nothing else: pack what waits in inboxes */
    double interval_s; /* between looks at the tables; 0: 10; a committer's longest: 1 */
    /* Told a line when something was done or failed, by table, NULL for what belongs to none; may be
     * NULL, as below. */
    void (*on_line)(void *context, const char *table, const char *line);
    void (*on_progress)(void *context, const struct slp_progress *progress);
    void *context;
};

struct slp_work_result {
    size_t compactions;
    size_t splits;
    size_t collected; /* objects */
    uint64_t packed;  /* transactions, by a committer */
    size_t failures;  /* times that something failed on a table; on_line was told */
    size_t batches;   /* of submitted files, ingested */
};

/*
 * Do what is due on all tables, and go on until the instance's cancel flag is set: ingest batches of
 * submitted files, split partitions that are over the threshold, compact, keep snapshots, collect
 * garbage, also of tables that were dropped. Tables that are offline are
 * not split or compacted, and neither are paused ones. What fails on one table does not keep the
 * others waiting.
 *
 * Errors   with `once` the first that a table met, after all were worked on; CANCELLED
 *          without: those of reading the catalogue. Being cancelled is no error then
 */
SLP_PUBLIC SLP_NODISCARD slp_rc slp_work(struct slp_instance *instance,
                                         const struct slp_work_options *options,
                                         struct slp_work_result *out, struct slp_err *err);

#ifdef __cplusplus
}
#endif

#endif
