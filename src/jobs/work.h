/*
 * Workers: what is due on all tables of an instance, and who does it.
 *
 *   for each table that changed since it was looked at, or of which the time has come:
 *     ingest       batches of submitted files that are due         (not of paused tables)
 *     split        partitions over the table's threshold          (not of offline or paused tables)
 *     compact      jobs that are due, overdue ones of others too   (the same)
 *     snapshot     when one is due, and the log trimmed
 *     collect      once in JOBS_COLLECT_S, when the table changed since
 *   once in JOBS_COLLECT_S: what is left of tables that were dropped
 *   then wait for `interval_s`
 *
 * A table is looked at by one request for its next frame and one for its floor; while that finds
 * nothing new, nothing else happens. Any number of workers may run: they share jobs through the log.
 *
 * A committer packs what waits in the inboxes of all tables at once, so that writers who lost races do
 * not wait for each other (rule C1, k = 0). While nothing waits it looks less and less often.
 */
#ifndef SLP_JOBS_WORK_H
#define SLP_JOBS_WORK_H

#include "compact/compact.h"

#define JOBS_INTERVAL_S      10
#define JOBS_COLLECT_S       ((int64_t)3600)
#define JOBS_RETRY_S         ((int64_t)60) /* a table that failed is left alone for so long */
#define JOBS_COMMIT_LEAST_US ((int64_t)20 * 1000)
#define JOBS_COMMIT_MOST_US  ((int64_t)1000 * 1000)
#define JOBS_TABLES_MAX      65536u

struct jobs_options {
    bool once;    /* do what is due, and end */
    bool commits; /* be a committer, and nothing else */
    int64_t
        wait_us; /* between looks; 0: JOBS_INTERVAL_S; a committer's longest: JOBS_COMMIT_MOST_US */
    size_t memory;
    size_t threads;
    const volatile int *cancel;
    /* May be NULL. `table` is NULL for what belongs to none. */
    void (*on_line)(void *context, const char *table, const char *line);
    void (*on_progress)(void *context, const char *table, const struct compact_progress *p);
    void *context;
};

struct jobs_result {
    size_t batches; /* of submitted files, ingested */
    size_t compactions;
    size_t splits;
    size_t collected;
    uint64_t packed;
    size_t failures; /* tables of which something failed; `on_line` was told */
};

/*
 * Work until `cancel` is set, or with `once` until nothing is due. What fails on one table does not
 * keep the others from being worked on.
 *
 * Errors   with `once` the first that a table met; else those of listing the tables, once ten times
 *          in a row
 *          being cancelled is none, except by a signal that came while `once` was not done: CANCELLED
 */
SLP_NODISCARD slp_rc jobs_work(struct state_instance *instance, const struct jobs_options *options,
                               struct alloc *mem, struct jobs_result *out, struct slp_err *err);

#endif
