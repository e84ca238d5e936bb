/*
 * Intake: from inputs to sorted runs, in memory and spilled, by several threads.
 *
 *   worker | next part -> batches -> chunk -> sorted run, held -> when it holds too much: spilled |
 *
 *                                      `-> pile (ingest/pile.h) -> when all hold too much: spilled
 *
 * Rows that are written as they are, into one file after the other, are piled up, which costs least;
 * others, of which leaves are to be counted or stacks run, are sorted chunk by chunk.
 *
 * Every worker takes parts from the feed, and has chunks, held runs and spills of its own. When no
 * part is left a worker sorts chunks that those still reading hand over, so one large part keeps
 * more than one thread busy. Nothing depends on who did what: keys carry ordinals
 * (ingest/sorted.h).
 */
#ifndef SLP_INGEST_INTAKE_H
#define SLP_INGEST_INTAKE_H

#include "ingest/budget.h"
#include "ingest/feed.h"
#include "ingest/kinds.h"
#include "ingest/meter.h"
#include "ingest/pile.h"
#include "key/run.h"
#include "state/state.h"

struct ingest_intake_options {
    const struct state_table *table; /* its view stays what it is meanwhile */
    struct ingest_feed *feed;
    const struct ingest_budget *budget;
    const struct ingest_meter *meter; /* of the allocator; NULL: only what is held counts */
    const char *temp_folder;
    const volatile int *cancel; /* may be NULL */
    bool dry_run;               /* read and encode keys, keep nothing */
    bool may_pile; /* rows may be held in piles: where they are written as they are, to one leaf */
    const struct ingest_kinds *kinds; /* streams are of their `want`, runs of their rows; NULL: both
                                         are of the table's columns */
};

/* What came in. */
struct ingest_rows {
    struct alloc *mem;
    struct buf runs;            /* of struct run *; their keys carry ordinals */
    struct ingest_pile **piles; /* rows that were not spilled, where they were held in piles */
    size_t pile_count;          /* that have rows */
    size_t pile_room;
    int64_t rows;
    uint64_t bytes;      /* of rows in memory, keys not counted */
    size_t leaves;       /* that have rows, if the table has more than one */
    size_t held_bytes;   /* of runs that are not spilled, and of piles */
    size_t spilled_runs; /* written, those merged into others too */
};

/*
 * Read everything. `out` is blank, and to be finished after success.
 * Errors   those of the feed and its streams, of keys and of spilling; the one of the earliest part
 *          when several threads meet one; CANCELLED
 */
SLP_NODISCARD slp_rc ingest_intake(struct alloc *mem, const struct ingest_intake_options *options,
                                   struct ingest_rows *out, struct slp_err *err);
void ingest_rows_fini(struct ingest_rows *r); /* closes runs; a zeroed one is accepted */

#endif
