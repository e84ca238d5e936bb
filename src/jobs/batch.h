/*
 * The batcher: input files that were submitted to a table, ingested together.
 *
 *   submit             SUBMIT: the file waits in the global part of the state
 *   due                enough files and bytes wait, or one of them has waited for long enough
 *   taken              ASSIGN, a job of kind batch, over at most so many files and bytes
 *   ingested           the ADD of its rows ends the job, and the files go with it
 *   at fault           FAIL, which names the file and why; the others are free again at once
 *
 * When anything is due, all that waits is (upstream's rule), oldest first, each file into the first
 * batch that has room for it; one that is larger than a batch may be is alone. A file that failed is
 * tried again alone after JOBS_BATCH_RETRY_S, JOBS_BATCH_FAILURES_MAX times in all; then it is given
 * up: it stays in the list with the reason until it is submitted again, withdrawn, or the property
 * ingest.batcher.file.tracking.ttl.minutes has passed.
 *
 * A batch is ingested once, whoever dies or comes late: its job has a deadline, which is extended by
 * a thread of its own while the ingest is at work; whoever sees it pass begins the next attempt, and
 * the ADD counts only while its attempt is current (rule T1). So it needs no client token, which the
 * log would keep for ever.
 */
#ifndef SLP_JOBS_BATCH_H
#define SLP_JOBS_BATCH_H

#include "state/global.h"
#include "state/state.h"

#define JOBS_BATCH_RETRY_S      60
#define JOBS_BATCH_FAILURES_MAX 3u

/* A batch that was begun so often and never ended has one failure more: perhaps it kills whoever
 * reads it. */
#define JOBS_BATCH_ATTEMPTS_MAX 3u

/* How a batch is cut, and when: the table's properties. */
struct jobs_batch_rules {
    uint64_t least_files, most_files;
    uint64_t least_bytes, most_bytes;
    int64_t age_us; /* a file waits no longer than this */
};

struct jobs_batch_rules jobs_batch_rules_for(const struct state_table *table);

enum jobs_batch_action {
    JOBS_BATCH_RUN,  /* due */
    JOBS_BATCH_WAIT, /* not yet */
    JOBS_BATCH_GIVEN_UP
};

struct jobs_batch {
    enum jobs_batch_action action;
    const struct state_submitted **files; /* borrowed from the state */
    size_t count;
    uint64_t bytes;
    struct state_reading reading; /* RUN: of all of them; borrowed likewise */
    int64_t since_us;             /* when the oldest was submitted */
    int64_t due_us;               /* WAIT: when its time comes, though nothing else happens */
    const char *why;
};

struct jobs_batch_plan {
    struct jobs_batch *batches; /* RUN, then WAIT, then GIVEN_UP */
    size_t count;
    size_t run_count;
};

/* What is looked at: what failed since `since_us` is not tried again before its time. */
struct jobs_batch_look {
    int64_t now_us;   /* on the store's clock */
    bool all;         /* nothing need be waited for */
    int64_t since_us; /* with `all`: what failed from then on waits all the same */
};

/*
 * What is due, and what is not and why. Pure. Files that batches hold are left out; those of a batch
 * are read alike.
 * Errors   NO_MEMORY, LIMIT of the arena
 */
SLP_NODISCARD slp_rc jobs_batch_due(const struct table_state *s,
                                    const struct jobs_batch_rules *rules,
                                    const struct jobs_batch_look *look, struct arena *arena,
                                    struct jobs_batch_plan *out, struct slp_err *err);

struct jobs_submit_options {
    const char *const *inputs; /* files, folders, globs */
    size_t input_count;
    struct state_reading reading; /* of all of them */
    struct slice token;           /* client token; empty: none */
    bool dry_run;
    const volatile int *cancel;
};

struct jobs_submit_result {
    size_t files;
    size_t known; /* of them waited already */
    uint64_t bytes;
    uint64_t sequence; /* the frame that says so */
    bool is_duplicate; /* the token was known; `sequence` is the first one's */
};

/*
 * Submit files to a table, by one transaction: their absolute paths and sizes, and how they are read.
 *
 * Errors   NOT_FOUND  an input
 *          INVALID    one that is no regular file, such as standard input, or a path beyond
 *                     STATE_PATH_MAX
 *          LIMIT      more wait than STATE_SUBMITTED_MAX
 *          and those of state_table_commit
 */
SLP_NODISCARD slp_rc jobs_submit(struct state_table *table, const struct jobs_submit_options *o,
                                 struct alloc *mem, struct jobs_submit_result *out,
                                 struct slp_err *err);

/*
 * Take submitted files back, those of these paths that no batch holds; no paths: all that were given
 * up. `*count` is how many went.
 *
 * Errors   NOT_FOUND  a path that does not wait
 *          and those of state_table_commit
 */
SLP_NODISCARD slp_rc jobs_withdraw(struct state_table *table, const char *const *paths,
                                   size_t path_count, struct alloc *mem, size_t *count,
                                   struct slp_err *err);

struct jobs_batch_options {
    bool all; /* also what is not due yet, or waits after a failure */
    size_t memory;
    size_t threads;
    int64_t job_s; /* time of a job before others may take it over; 0: by its size */
    const volatile int *cancel;
    void (*on_line)(void *context, const char *line); /* may be NULL */
    void *context;
};

struct jobs_batch_result {
    size_t batches; /* that were ingested */
    size_t files;
    int64_t rows;
    size_t failures; /* batches in which a file was at fault: `on_line` was told */
    slp_rc first_rc; /* of these; SLP_OK: none */
    struct slp_err first_err;
};

/*
 * Run the batches that are due, and overdue ones of others, until none is. A file at fault does not
 * keep the others waiting, and is no error here.
 *
 * Errors   CONFLICT   the table is paused, or cannot take files now
 *          CANCELLED  the batch at hand is free again
 *          UNKNOWN    of its commit: the next call finds out
 *          and what is not a file's fault; the batch is free again where that could be said
 */
SLP_NODISCARD slp_rc jobs_batch_run(struct state_table *table, const struct jobs_batch_options *o,
                                    struct alloc *mem, struct jobs_batch_result *out,
                                    struct slp_err *err);

/* When something of the batcher is due, if nothing else happens; INT64_MAX: never. */
int64_t jobs_batch_next_us(const struct state_table *table);

#endif
