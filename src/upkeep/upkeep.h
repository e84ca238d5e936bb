/*
 * Upkeep: collecting what nothing refers to, checking everything, splitting leaves, showing stored
 * things as text.
 */
#ifndef SLP_UPKEEP_UPKEEP_H
#define SLP_UPKEEP_UPKEEP_H

#include "base/show.h"
#include "state/state.h"

/*
 * Ages below which things are spared, unless the caller says otherwise: files that no state refers
 * to any more, for the sake of readers on their way; and strangers, which no state ever knew, since
 * somebody may be about to commit them. A shorter age for strangers is for times without writers.
 */
#define UPKEEP_DEAD_AGE_S     ((int64_t)3600)
#define UPKEEP_STRANGER_AGE_S ((int64_t)7 * 24 * 3600)

struct upkeep_gc_options {
    int64_t min_age_s; /* for both; -1: the two above */
    bool dry_run;
    const volatile int *cancel;
};

struct upkeep_gc_result {
    size_t objects;
    uint64_t bytes;
};

/*
 * Delete the data objects of a table that its state, read afresh, does not refer to: dead files,
 * and strangers (what killed writers left). Ages are by the store's clock; a dead file counts from
 * when it became dead, a stranger from when it was written. Outputs of open jobs are spared; jobs
 * whose deadline has passed are ended in the log first, and a `min_age_s` of 0, which says that
 * nobody is at work, ends all of them.
 *
 * Errors  CANCELLED  what was deleted so far stays deleted
 *         and those of state_table_commit and of the store
 * Cost    one listing of data/, one delete an object
 */
SLP_NODISCARD slp_rc upkeep_collect(struct state_table *table,
                                    const struct upkeep_gc_options *options, struct alloc *mem,
                                    struct upkeep_gc_result *out, struct slp_err *err);

/* A problem that check found. */
typedef slp_rc (*upkeep_problem_fn)(void *context, struct slice object, const char *problem,
                                    struct slp_err *err);

/*
 * Verify a table: the chain of its log, its state replayed twice, every live file (datafile_verify:
 * checksums, order, counts, key index), references inside their files, rows of the leaves. Problems
 * are told; errors are what kept it from looking. Opening the table has already failed with CORRUPT
 * when its log is damaged.
 */
SLP_NODISCARD slp_rc upkeep_check(struct state_table *table, const volatile int *cancel,
                                  upkeep_problem_fn problem, void *context, struct alloc *mem,
                                  struct slp_err *err);

/*
 * Split leaves with more than `threshold_rows` rows, each into as many as needed, at row keys taken
 * from the key index of its largest file: block starts, cut to the shortest separator between row
 * keys. Moves no data. References at the new bounds are cut exactly where that is known. `*count`
 * says how many leaves were split (or would be).
 */
SLP_NODISCARD slp_rc upkeep_split(struct state_table *table, int64_t threshold_rows, bool dry_run,
                                  struct alloc *mem, size_t *count, struct slp_err *err);

/*
 * Split at these row keys, or prefixes of them; sorted here. Those at which a bound stands are passed
 * over. One transaction for each leaf, or for each few thousand keys of one; references are cut
 * exactly. `*made` is how many bounds were made, or would be.
 *
 * Errors  INVALID   a key that is empty or too long
 *         CONFLICT  others split and merge there all the time
 *         LIMIT     so many leaves that a table does not hold them
 */
SLP_NODISCARD slp_rc upkeep_split_at(struct state_table *table, struct slice *keys, size_t count,
                                     bool dry_run, struct alloc *mem, uint64_t *made,
                                     struct slp_err *err);

/*
 * Split into `leaves` leaves of about equal size, several levels at once, at row keys from the key
 * indexes of all files; where those are too coarse, from the key columns. Bounds that stand are kept.
 * A row key is never parted, so there may be fewer.
 *
 * Errors  INVALID  no rows to go by
 */
SLP_NODISCARD slp_rc upkeep_split_evenly(struct state_table *table, uint64_t leaves, bool dry_run,
                                         struct alloc *mem, uint64_t *made, struct slp_err *err);

/*
 * Merge neighbours that have together at most `below_rows` rows, from the first leaf on (rule P3), as
 * many as fit. Rows are those that the state tells; unfiled files count in equal shares. Pairs, then
 * pairs of these: a transaction a level. `*merged` is how many bounds went, or would.
 */
SLP_NODISCARD slp_rc upkeep_merge_leaves(struct state_table *table, int64_t below_rows,
                                         bool dry_run, struct alloc *mem, uint64_t *merged,
                                         struct slp_err *err);

/*
 * A stored thing, as text or JSON, by path in the local file system: any Parquet file (footer, pages,
 * indexes, filters; the key index of ours), a log frame, sleeper.json, which is JSON in both forms.
 * A Parquet file that is damaged or not supported is shown as far as it can be looked at.
 *
 * Errors  NOT_FOUND, DENIED  the path
 *         CORRUPT            what begins like one of these and is damaged
 *         UNSUPPORTED        what it is not able to show
 *         LIMIT              a description of more than 1 GiB
 */
SLP_NODISCARD slp_rc upkeep_inspect(const char *path, enum show_form form, struct alloc *mem,
                                    struct sink *out, struct slp_err *err);

#endif
