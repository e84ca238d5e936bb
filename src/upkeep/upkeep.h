/*
 * Upkeep: collecting what nothing refers to, checking everything, splitting leaves, showing stored
 * things as text.
 */
#ifndef SLP_UPKEEP_UPKEEP_H
#define SLP_UPKEEP_UPKEEP_H

#include "base/show.h"
#include "state/state.h"

/* An object that a collector deletes, or would in a dry run. */
struct upkeep_garbage {
    struct slice object; /* its name in the store */
    uint64_t bytes;
    struct slice why; /* "nothing has referred to it for long enough" */
    int64_t age_s;    /* since it was written, by the store's clock */
};

/* Told each of them, a deleted one when it is gone. */
typedef slp_rc (*upkeep_garbage_fn)(void *context, const struct upkeep_garbage *garbage,
                                    struct slp_err *err);

struct upkeep_gc_options {
    int64_t min_age_s; /* in place of the three properties of age below; -1: these */
    bool dry_run;
    const volatile int *cancel;
    upkeep_garbage_fn told; /* may be NULL */
    void *context;
};

struct upkeep_gc_result {
    size_t objects;
    uint64_t bytes;
    bool is_capped; /* gc.files.maximum was reached: there is more */
};

/*
 * Collect a table: first commit two marks, then delete what they let go.
 *
 *   M   the frame that the log had reached gc.strangers.delay (7 days) ago
 *   H   the frame that it had reached gc.delay.minutes, or gc.history if that is longer, ago
 *
 * How far the log had come at a time is told by the store's stamps of frames and of roots of
 * snapshots (rule T1). From the `collect` on, apply refuses whatever names an object made before M, so
 * nobody can be about to commit one (rule G1). What goes is worked out from the state behind it
 * (rule G2):
 *
 *   data/   strangers made before M that no open job can have made; files that died before H, are dead
 *           for so long by table time too, and in no pinned state
 *   body/   made before M and named by no frame at or above the floor
 *   snap/   made before M and reachable from no snapshot that must be kept (rule S3)
 *   inbox/  transactions that are over (rule C2)
 *   log/    frames below the floor
 *
 * Nothing to delete: nothing is committed, but that a log which stands still is moved on by one frame
 * while somebody's leftovers carry its last number. Jobs whose deadline has passed are ended in the
 * log first, pins that have expired are taken away. Who is slower than M is refused (TOO_OLD) and has lost nothing but its work; a reader that is
 * slower than H finds files gone. With `min_age_s` 0, for times without writers and readers, marks are
 * the tip, and all open jobs are ended.
 *
 * Anyone may call it at any time, twice at once too. Killed anywhere it leaves the rest for the next
 * call. At most gc.files.maximum objects go in a call, gc.batch.size at once.
 *
 * Errors  CANCELLED  what was deleted so far stays deleted
 *         CORRUPT    a snapshot that must be kept is damaged: nothing of snap/ can be judged
 *         and those of state_table_commit and of the store
 * Cost    a listing of the table; a commit, and one more when dead files are forgotten; roots of the
 *         snapshots that are kept, frames from the floor on if there are old bodies; a delete an object
 */
SLP_NODISCARD slp_rc upkeep_collect(struct state_table *table,
                                    const struct upkeep_gc_options *options, struct alloc *mem,
                                    struct upkeep_gc_result *out, struct slp_err *err);

/*
 * Collect what belongs to no table: all objects but `floor` of tables that were dropped at least
 * gc.delay.minutes ago, and of those that were begun, never entered into the catalogue, and of which
 * nothing was written for gc.strangers.delay. The floor of the latter is raised to the maximum first
 * (rule F2), so that whoever enters one after all has a dropped table. Delays are the instance's
 * defaults. Counts are added to `out`.
 *
 * Errors  as upkeep_collect
 * Cost    a listing of one name for each table; a whole one for those that go
 */
SLP_NODISCARD slp_rc upkeep_collect_tables(struct state_instance *instance,
                                           const struct upkeep_gc_options *options,
                                           struct alloc *mem, struct upkeep_gc_result *out,
                                           struct slp_err *err);

/* How bad a finding is. */
enum upkeep_severity {
    UPKEEP_ERROR,   /* answers may be wrong or fail: `repair`, or a copy from elsewhere */
    UPKEEP_WARNING, /* nothing is lost; it costs time, or goes away by itself */
    UPKEEP_INFO     /* worth knowing: leftovers that gc removes when they are old enough */
};

const char *upkeep_severity_text(enum upkeep_severity severity); /* "error" */

/* What check found. */
struct upkeep_finding {
    enum upkeep_severity severity;
    struct slice object; /* relative to the table, or "log" */
    struct slice text;
};

typedef slp_rc (*upkeep_finding_fn)(void *context, const struct upkeep_finding *finding,
                                    struct slp_err *err);

/*
 * Verify a table:
 *
 *   log        its frames from the floor on, each by itself, the chain, the state replayed again
 *              from what `open` begins with and from the older snapshot that is kept
 *   time       stamps more than an hour ahead of the store (rule T1)
 *   snapshots  every object of those that must be kept has the hash that its name says (rules S1, S3)
 *   bodies     that frames name are there and have their hashes (rule G3)
 *   leaves, references, rows   cover every key; lie inside their files; add up
 *   files      datafile_verify: checksums, order, counts, key index; those that only pins have are there
 *   strangers  objects that nothing knows, as information
 *
 * What is wrong is told; errors are what kept it from looking. Opening the table has already failed
 * with CORRUPT when its log is damaged.
 *
 * Cost  reads everything
 */
SLP_NODISCARD slp_rc upkeep_check(struct state_table *table, const volatile int *cancel,
                                  upkeep_finding_fn found, void *context, struct alloc *mem,
                                  struct slp_err *err);

/* What repair found, or did. */
struct upkeep_repair_row {
    struct slice object;  /* relative to the table */
    struct slice verdict; /* kept, lost, damaged, committed, spare, foreign, undecided */
    struct slice text;
};

typedef slp_rc (*upkeep_repair_fn)(void *context, const struct upkeep_repair_row *row,
                                   struct slp_err *err);

struct upkeep_repair_options {
    bool dry_run;
    const volatile int *cancel;
    upkeep_repair_fn told; /* may be NULL */
    void *context;
};

struct upkeep_repair_result {
    bool is_damaged;  /* else nothing was done */
    size_t lost;      /* objects of the log, snapshots or files that cannot be read */
    size_t committed; /* files that were, as lineage proves, by what is lost; they are left out */
    size_t undecided; /* files that may have been committed by what is lost */
    uint64_t number;  /* the frame that the table stands at now */
    char broken[64];  /* where the old log was copied to, relative to the table */
};

/*
 * Repair a table whose log is damaged (state/salvage.h): from the newest snapshot that can be read, and
 * every frame behind it that can. Then what is left of data is compared with that state: live files
 * that are missing or shorter than they were are named, and stay, so that reading them fails by name;
 * files that no readable frame names are judged by their lineage and left out: "committed" is what another file was made of,
 * "spare" an output whose inputs are all live, "foreign" another table's, "undecided" the rest. The old log is
 * copied to broken-<time>/ first. Nobody else uses the table meanwhile.
 *
 * Errors  as state_salvage_open; those of the store
 * Cost    log, snapshots, a listing; the footer of each undecided file
 */
SLP_NODISCARD slp_rc upkeep_repair(struct state_instance *instance, struct hash128 table,
                                   const struct upkeep_repair_options *options, struct alloc *mem,
                                   struct upkeep_repair_result *out, struct slp_err *err);

/*
 * Split leaves with more than `threshold_rows` rows, each into as many as needed, at row keys taken
 * from the key index of its largest file: block starts, cut to the shortest separator between row
 * keys. Moves no data. References at the new bounds are cut exactly where that is known. `*count`
 * says how many leaves were split (or would be).
 *
 * Where rows of a reference are not known, as behind files that were filed down, and the leaf may be
 * over the threshold, the reference is cut first, and the cut recorded.
 * Cost    for each such reference, once: its file's key index and a key page at each bound
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
