/*
 * A crew: threads that sort or merge what came in and encode it, each some stretches of keys at a
 * time (ingest/stretch.h); groups are written in order (output/team.h).
 *
 *   piles alone         a bin after the other is sorted and gathered into the group (ingest/bins.h)
 *   with spilled runs   bins are merged with the runs' parts in the same stretches
 *   held runs           are merged, and what was spilled with them
 */
#ifndef SLP_INGEST_CREW_H
#define SLP_INGEST_CREW_H

#include "ingest/intake.h"
#include "output/output.h"

/* How many threads may sort and merge. */
struct ingest_crew {
    size_t
        threads; /* 0: memory has room for none; of runs fewer than 2: one thread merges and others
                       encode */
    size_t group_bytes;
    int64_t group_rows;
};

/*
 * Each thread, and one more stretch that is ahead, has a group's rows, what encoding these takes and a
 * window of every run. As many threads as the memory has room for beside what is held.
 */
struct ingest_crew ingest_crew_of(const struct ingest_budget *b, const struct ingest_rows *rows,
                                  const struct output *out);

struct ingest_crew_options {
    struct ingest_crew crew;
    const struct state_table *table;
    const volatile int *cancel; /* may be NULL */
};

/*
 * Write all rows, which are of the table's schema, into one file after the other; runs and piles stay
 * the caller's, and piles are arranged.
 *
 * Errors   CANCELLED, CORRUPT a spilled run, and whatever the output returns
 */
SLP_NODISCARD slp_rc ingest_crew_run(const struct ingest_crew_options *options,
                                     const struct ingest_rows *rows, struct output *out,
                                     struct alloc *mem, struct slp_err *err);

#endif
