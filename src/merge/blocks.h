/*
 * Sorting rows that stand in many blocks, in no order, all at once.
 *
 *   blocks   | c a d | b a |        spans   (0, 1) (1, 1) (1, 0) (0, 0) (0, 2): block and row
 *
 * What comes out is a plan (merge/gather.h): each column gathers by it. Nobody moves rows to sort
 * them, and neighbours that stay neighbours are one span.
 */
#ifndef SLP_MERGE_BLOCKS_H
#define SLP_MERGE_BLOCKS_H

#include "merge/gather.h"

/* Scratch that merge_sort_blocks takes, bytes a row. */
#define MERGE_SORT_ROW_BYTES 32u

/* Kept from one sort to the next. */
struct merge_order {
    struct buf room;
    struct merge_span *spans; /* in `room` */
    size_t span_count;
    int64_t rows;
};

void merge_order_init(struct merge_order *o, struct alloc *mem);
void merge_order_fini(struct merge_order *o);

/*
 * Find the order of the rows of all blocks, which all have columns of keys, or all have keys; equal
 * keys by their numbers, where there are none by block and row.
 *
 * Errors   LIMIT beyond 2^32 - 1 rows, NO_MEMORY
 * Cost     buckets by 8 bytes of the keys at a time
 */
SLP_NODISCARD slp_rc merge_sort_blocks(struct merge_order *o, const struct run_block *blocks,
                                       size_t count, struct slp_err *err);

#endif
