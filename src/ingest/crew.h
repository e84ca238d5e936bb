/*
 * A crew: several threads that merge what came in and encode it, each a stretch of keys at a time
 * (ingest/stretch.h); groups are written in order (output/team.h).
 */
#ifndef SLP_INGEST_CREW_H
#define SLP_INGEST_CREW_H

#include "ingest/intake.h"
#include "output/output.h"

/* How many threads may sort and merge. */
struct ingest_crew {
    size_t threads; /* fewer than 2: none, one thread merges and others encode */
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
 * Write all rows, which are of the table's schema, into one file after the other; the runs stay the
 * caller's.
 *
 * Errors   CANCELLED, CORRUPT a spilled run, and whatever the output returns
 */
SLP_NODISCARD slp_rc ingest_crew_run(const struct ingest_crew_options *options,
                                     const struct ingest_rows *rows, struct output *out,
                                     struct alloc *mem, struct slp_err *err);

#endif
