/*
 * Ingest: rows of files into a table, sorted, in one atomic commit.
 *
 *   inputs -> batches (threads) -> pile -> bins, sorted at once -> data files -> one ADD
 *                                  `-> when memory is full: sorted into a spilled run, merged at the end
 *
 * Where a stack is run over the rows, or they are cut at leaves, they are sorted by chunks and merged
 * (ingest/intake.h).
 *
 * Memory stays within `memory`: batches in flight, the rows held with what sorts them, and the row
 * groups being written are all counted (ingest/budget.h). What does not fit is spilled as
 * sorted runs into temporary files without a name, and merged at the end. What
 * the reader of a Parquet file needs depends on the file, and is counted too (ingest/meter.h): rows are
 * spilled earlier where it is much. It needs for each column a page, its compressed form for a moment,
 * and the dictionary; a file in which these alone exceed `memory` is read all the same. Equal keys
 * keep the order of the input, file, then row (rule O1), whatever the threads do.
 *
 * Output: where the table has one leaf, or a leaf gets enough bytes, one file a leaf; where rows
 * are few and leaves many, one wide file, which the log calls unfiled. Beyond 2,048 leaves
 * neighbours share a file, which is filed under each, so that one transaction can name them all.
 * Data files are durable before the transaction that names them is written; what a killed ingest
 * leaves behind is collected later.
 */
#ifndef SLP_INGEST_INGEST_H
#define SLP_INGEST_INGEST_H

#include "ingest/reject.h"
#include "state/state.h"

/* A leaf gets a file of its own when its rows take at least this many bytes; else all leaves share
 * a wide file... */
#define INGEST_LEAF_FILE_BYTES ((uint64_t)4 << 20)
/* ...if there are more leaves with rows than this. */
#define INGEST_LEAF_FILES_MAX 16u

/* How rows are spread over files. */
enum ingest_layout {
    INGEST_LAYOUT_PROPERTY = 0, /* as ingest.file.writing.strategy says */
    INGEST_LAYOUT_AUTO,         /* by the rule above */
    INGEST_LAYOUT_LEAF,         /* a file a leaf, one_file_per_leaf */
    INGEST_LAYOUT_WIDE          /* one file over all leaves, one_reference_per_leaf */
};

struct ingest_options {
    const char *const *inputs; /* files, folders, globs, "-"; input_count of them */
    size_t input_count;
    struct ingest_queue *queue; /* in place of inputs: batches of the table's columns; NULL: none */
    enum rows_format format;    /* ROWS_AUTO: by content */
    struct slice token;         /* client token; empty: none */
    bool dry_run;               /* read, check and sort nothing; write nothing */
    enum ingest_on_error on_error;
    int64_t max_errors;          /* bad rows that skip and quarantine bear; 0: any number */
    const char *quarantine;      /* the file for bad rows; QUARANTINE needs one */
    enum ingest_layout layout;   /* 0: as the table's property says */
    struct slice row_kinds;      /* the column of row kinds (ingest/kinds.h); empty: all are puts */
    const struct slice *deletes; /* instead of inputs: whole encoded keys to be deleted */
    size_t delete_count;
    size_t memory;              /* bytes; at least 16 MiB */
    size_t threads;             /* at least 1 */
    const char *temp_folder;    /* for spills; NULL: $TMPDIR or /tmp */
    const volatile int *cancel; /* may be NULL */
    struct state_id job; /* the batch that this is, which ends with the commit; none: blank */
    uint32_t attempt;    /* of it */
    struct buf *blamed;  /* told the path of the input that was at fault; may be NULL */
};

struct ingest_result {
    int64_t rows;     /* that came in; a table whose engine reduces writes fewer */
    int64_t rejected; /* rows that did not fit */
    size_t inputs;    /* files read */
    size_t files;     /* data files written */
    uint64_t bytes;   /* of them */
    struct state_position at;
    bool is_duplicate; /* the token was known; `at` is the first commit's */
    size_t spilled_runs;
};

/*
 * Ingest all inputs into `table` as one transaction. No rows: nothing is committed, but the end of a
 * job, and `at` is where the table stands. A token that was committed before is noticed before anything is read.
 *
 * Errors   NOT_FOUND, DENIED   an input
 *          BAD_INPUT    rows that do not fit the table: file, line or row, column; more of them than
 *                       `max_errors`
 *          EXISTS       the quarantine file is there
 *          CORRUPT, UNSUPPORTED   an input, by name
 *          LIMIT        device full; a key or value too long
 *          CANCELLED    nothing was committed
 *          and those of state_table_commit
 */
SLP_NODISCARD slp_rc ingest_run(struct state_table *table, const struct ingest_options *options,
                                struct alloc *mem, struct ingest_result *out, struct slp_err *err);

#endif
