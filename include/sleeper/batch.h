/*
 * The batcher: input files that are submitted to a table, and ingested together when enough wait or
 * one has waited for long enough. Part of sleeper.h, whose conventions and common errors hold here
 * too.
 *
 * What waits stands in the table's log, so nothing of it is lost, and each file is ingested once,
 * whoever runs its batch and whoever dies in between. Workers (slp_work) run what is due; the
 * properties ingest.batcher.* say when that is and how batches are cut.
 */
#ifndef SLEEPER_BATCH_H
#define SLEEPER_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sleeper/types.h"

#ifdef __cplusplus
extern "C" {
#endif

struct slp_instance;
struct slp_rows;

struct slp_batch_submit_options {
    const char *table;
    const char *const *inputs; /* files, folders, globs; ended by NULL */
    const char *token;         /* a repeat with the same token changes nothing; may be NULL */
    bool dry_run;              /* look at the files, submit nothing */
    /* How they are read, as in struct slp_ingest_options; files that are read alike share batches. */
    const char *format;    /* NULL: by content */
    const char *row_kinds; /* NULL: all rows are puts */
    bool skip_bad_rows;    /* else a file with one is at fault */
    int64_t max_errors;    /* of a batch, with skip_bad_rows; 0: any number */
};

struct slp_batch_submit_result {
    size_t files;
    size_t known; /* of them waited already: each waits once */
    uint64_t bytes;
    uint64_t sequence;  /* the frame that says so */
    bool was_duplicate; /* the token was known: `sequence` is that of the first time */
};

/*
 * Submit files, by their absolute paths, which whoever runs the batch must be able to read. One that
 * waits already waits once, with the size that it has now; one that failed is as new; one that was
 * taken by a batch before is ingested again.
 *
 * Errors   INVALID    no inputs; one that is no regular file; a format or a column that cannot be
 *          NOT_FOUND  the table or an input
 *          LIMIT      10,000 files wait at most
 *          UNKNOWN    it may have been committed: repeat it, with the same token if it had one
 */
SLP_PUBLIC SLP_NODISCARD slp_rc slp_batch_submit(struct slp_instance *instance,
                                                 const struct slp_batch_submit_options *options,
                                                 struct slp_batch_submit_result *out,
                                                 struct slp_err *err);

/*
 * Take back files that wait; without paths (NULL) all that were given up. `*count` (may be NULL) is
 * how many went.
 * Errors   NOT_FOUND  the table; a path that does not wait
 */
SLP_PUBLIC SLP_NODISCARD slp_rc slp_batch_withdraw(struct slp_instance *instance, const char *table,
                                                   const char *const *paths, size_t *count,
                                                   struct slp_err *err);

struct slp_batch_run_options {
    const char *table;
    bool all; /* also what is not due yet, and what waits after a failure */
    void (*on_line)(void *context,
                    const char *line); /* told a line when a batch ends; may be NULL */
    void *context;
};

struct slp_batch_run_result {
    size_t batches; /* that were ingested */
    size_t files;
    int64_t rows;
    size_t failures; /* batches in which a file was at fault */
};

/*
 * Run the batches that are due, and those that others left, until none is. A file at fault (missing,
 * damaged, with rows that do not fit) keeps no other waiting: it is tried again alone, after a minute
 * and three times in all, and then given up. `out` is filled on failure too.
 *
 * Errors   CONFLICT  the table is paused, or takes no files now
 *          and the first of a file, after all others were ingested
 */
SLP_PUBLIC SLP_NODISCARD slp_rc slp_batch_run(struct slp_instance *instance,
                                              const struct slp_batch_run_options *options,
                                              struct slp_batch_run_result *out,
                                              struct slp_err *err);

/* What slp_batch_run would do now, and what not and why, as rows: action (run, wait, given up),
 * files, bytes, since, due, why, path (of one file). Errors: NOT_FOUND, the table. */
SLP_PUBLIC SLP_NODISCARD slp_rc slp_batch_due(struct slp_instance *instance, const char *table,
                                              bool all, struct slp_rows **out, struct slp_err *err);

#ifdef __cplusplus
}
#endif

#endif
