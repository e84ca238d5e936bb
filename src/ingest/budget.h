/*
 * How an ingest divides the memory it may use.
 *
 *   memory | output: groups being encoded and written | spare | worker | worker | ...
 *   worker | a batch being read | a chunk being sorted, twice | what it holds sorted
 *
 *   with piles: memory | makers: groups gathered, encoded and written | spare | piles of all workers
 *
 * Reading and sorting come first, merging and writing afterwards; what was not spilled is held
 * through both, beside what either needs. The spare eighth is for what
 * readers, compressors and the allocator take beyond the rows. Readers that need more than that take
 * it from what is held, which is then spilled earlier.
 *
 * Columns take memory beside their bytes: a window of the reader, and what describes them in each
 * batch. Of a table of thousands there are fewer workers, and fewer and longer spilled runs.
 *
 * Pure.
 */
#ifndef SLP_INGEST_BUDGET_H
#define SLP_INGEST_BUDGET_H

#include <stddef.h>

#define INGEST_MEMORY_MIN ((size_t)16 << 20)

/* Beside piles this part of the memory is spare. */
#define INGEST_PILE_SPARE 16u

struct ingest_budget {
    size_t memory;         /* all of it */
    size_t workers;        /* threads that read and sort */
    size_t output_bytes;   /* for groups being written */
    size_t output_threads; /* that encode them */
    size_t batch_bytes;    /* rows read at once */
    size_t chunk_bytes;    /* rows sorted at once, with all that sorting takes: at least, */
    size_t chunk_max;      /* and at most, when much is held and runs would be many */
    size_t held_bytes;     /* sorted rows that a worker holds before it spills them */
    size_t pile_bytes;     /* of all workers' piles together, before one is spilled */
    size_t metered_bytes;  /* of all that is allocated, read ahead too: beyond it workers spill */
    size_t block_bytes;    /* rows of one block of a spilled run */
    size_t columns_bytes;  /* what describes the columns of a run that is merged */
    size_t fan_in;         /* spilled runs that one merge may have before the output's */
};

/* Less than INGEST_MEMORY_MIN counts as that, no thread as one, and no column. */
struct ingest_budget ingest_budget_of(size_t memory, size_t threads, size_t columns);

/* What reads a spilled run: a block, parts of it decompressed, and a window. */
size_t ingest_reader_bytes(const struct ingest_budget *b);

/* What a merge holds of one spilled run: a reader, and the file's buffer. */
size_t ingest_spilled_bytes(const struct ingest_budget *b);

#endif
