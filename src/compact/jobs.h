/*
 * The jobs that this process holds, and what becomes of them in the log.
 *
 *   ASSIGN, or REASSIGN of what others left    held
 *   merged into files, not told yet            merged
 *   REPLACE, many jobs at a time               gone
 *   FAIL, when it cannot be done               gone
 *
 * All that are held share one deadline. While half of its time has passed, whoever works calls
 * compact_jobs_keep, which extends those in hand by one transaction: so a deadline can be short, a
 * killed process holds its inputs for minutes only, and a merge may still take hours. Whose job was
 * taken over all the same (it was frozen) is told by CONFLICT and drops what it made: outputs carry
 * the attempt in their names, and a finish counts while its attempt is current (rule T1).
 *
 * Processes share the work by taking few jobs at a time: what one holds the others pass over.
 */
#ifndef SLP_COMPACT_JOBS_H
#define SLP_COMPACT_JOBS_H

#include "compact/choose.h"
#include "compact/run.h"

/* As many jobs are taken at a time, and more bytes than these only with one job. */
#define COMPACT_JOBS_MAX       256u
#define COMPACT_JOBS_MAX_BYTES ((uint64_t)64 << 20)

/* A job that was begun so often and never ended is given up, and its inputs are free again. */
#define COMPACT_ATTEMPTS_MAX 8u

enum compact_hold { COMPACT_JOB_HELD, COMPACT_JOB_MERGED, COMPACT_JOB_GONE };

struct compact_held {
    enum compact_hold hold;
    struct state_id id;
    uint32_t attempt;
    uint32_t kind;
    struct key_range range;
    struct output *out; /* MERGED */
    struct state_new_file *files;
    size_t file_count;
    size_t inputs;
    int64_t rows;
    uint64_t bytes;
};

struct compact_jobs {
    struct state_table *table;
    const struct compact_options *options;
    struct alloc *mem;
    struct arena arena; /* what outlives the next change of the state: ranges */
    struct compact_held held[COMPACT_JOBS_MAX];
    size_t count;
    int64_t begun_us; /* when the deadline was set, on the store's clock */
    int64_t deadline_us;
};

void compact_jobs_init(struct compact_jobs *j, struct state_table *table,
                       const struct compact_options *options, struct alloc *mem);

/* Release; files that were not committed are removed. */
void compact_jobs_fini(struct compact_jobs *j);

/*
 * Take the first of `choices`, MERGEs and FOLDs, by one ASSIGN; `*taken` is how many were tried. Those
 * that others were faster with are not held. Nothing is held before.
 *
 * Errors  those of state_table_commit
 */
SLP_NODISCARD slp_rc compact_jobs_assign(struct compact_jobs *j,
                                         const struct compact_choice *choices, size_t count,
                                         size_t *taken, struct slp_err *err);

/*
 * Take over jobs whose deadline has passed on the store's clock, by one REASSIGN; those that failed too
 * often are ended instead. Imports are left alone: what they add comes from outside. Nothing is held
 * before.
 */
SLP_NODISCARD slp_rc compact_jobs_take_over(struct compact_jobs *j, struct slp_err *err);

/* Make jobs that nobody holds: the first process that looks takes them over. `*made` is how many. */
SLP_NODISCARD slp_rc compact_jobs_make(struct compact_jobs *j, const struct compact_choice *choices,
                                       size_t count, size_t *made, struct slp_err *err);

/* What the job is to do, copied from the state. Errors: CONFLICT when it is not ours any more. */
SLP_NODISCARD slp_rc compact_jobs_describe(const struct compact_jobs *j,
                                           const struct compact_held *held, struct arena *arena,
                                           struct compact_job *out, struct slp_err *err);

/* Extend what is held if half of its time has passed. Errors: those of a commit. */
SLP_NODISCARD slp_rc compact_jobs_keep(struct compact_jobs *j, struct slp_err *err);

/* Tell the log of all that is merged; `*done` and `*rows` are what counted. Errors: those of a commit;
 * UNKNOWN: the files may be named by the log and stay. */
SLP_NODISCARD slp_rc compact_jobs_finish(struct compact_jobs *j, size_t *done, int64_t *rows,
                                         struct slp_err *err);

/* End one, or all that are held, without result, in the log too. What cannot be told is overdue in
 * minutes. */
void compact_jobs_fail(struct compact_jobs *j, struct compact_held *one, const char *why);

#endif
