/*
 * What keeps a store small and sound: collecting, checking, repairing. Part of sleeper.h, whose
 * conventions and common errors hold here too.
 */
#ifndef SLEEPER_UPKEEP_H
#define SLEEPER_UPKEEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sleeper/types.h"

#ifdef __cplusplus
extern "C" {
#endif

struct slp_instance;
struct slp_rows;

struct slp_gc_options {
    const char *table; /* NULL: all, and what is left of tables that are none */
    int64_t min_age_s; /* seconds, in place of the properties of age; -1: these */
    bool dry_run;
};

struct slp_gc_result {
    size_t objects;
    uint64_t bytes;
    bool is_capped; /* a table's gc.files.maximum was reached: there is more */
};

/*
 * Delete objects that nothing needs any more: dead data files, what killed writers left, old
 * snapshots, transactions and frames that are over; without a table also what is left of tables that
 * were dropped or never finished. First a mark is committed that keeps everybody from naming what
 * goes, so it may run beside writers at any time: one that is slower than gc.strangers.delay is
 * refused. With `min_age_s` below the longest ingest, compaction or query, only while there is none.
 * What was deleted before an error stays deleted.
 *
 * list     NULL, or rows for what went, or with `dry_run` would: object, bytes, why, age_seconds
 * Errors   NOT_FOUND  the table
 *          CORRUPT    a snapshot that must be kept is damaged: see slp_check
 */
SLP_PUBLIC SLP_NODISCARD slp_rc slp_gc(struct slp_instance *instance,
                                       const struct slp_gc_options *options,
                                       struct slp_gc_result *out, struct slp_rows **list,
                                       struct slp_err *err);

/*
 * Verify log, snapshots, state and every data file of a table, NULL: of all, and the catalogue. What
 * is found comes as rows: object, severity (error, warning, info), problem. `*problem_count` says how
 * many are no mere information; 0 means clean.
 *
 * Errors   NOT_FOUND  the table
 *          and what kept it from looking; damage is a row, not an error
 * Cost     reads every file twice
 */
SLP_PUBLIC SLP_NODISCARD slp_rc slp_check(struct slp_instance *instance, const char *table,
                                          struct slp_rows **out, size_t *problem_count,
                                          struct slp_err *err);

struct slp_repair_options {
    const char *table; /* its name, or its id where the catalogue is damaged */
    bool dry_run;
};

struct slp_repair_result {
    bool was_damaged;  /* else nothing was, or would be, changed */
    size_t lost;       /* objects that cannot be read any more */
    size_t undecided;  /* data files that nothing proves to be committed */
    uint64_t sequence; /* the frame that the table stands at */
    char broken[64];   /* where the old log is, below the table */
};

/*
 * Repair a table whose log, snapshots, floor or head are damaged: it begins anew with the newest
 * snapshot that can be read and all frames behind it that can. What they do not prove to be committed
 * is left out and listed as undecided. The old log is copied aside first; data files are not touched.
 * Nobody else may use the table meanwhile. Look at a dry run first.
 *
 * list     rows: object, verdict (kept, lost, damaged, committed, spare, foreign, undecided), text;
 *          docs/guide/operations.md says what each means
 * Errors   NOT_FOUND  the table
 *          CORRUPT    nothing is left to begin with
 */
SLP_PUBLIC SLP_NODISCARD slp_rc slp_repair(struct slp_instance *instance,
                                           const struct slp_repair_options *options,
                                           struct slp_repair_result *out, struct slp_rows **list,
                                           struct slp_err *err);

#ifdef __cplusplus
}
#endif

#endif
