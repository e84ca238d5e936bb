/*
 * Level histograms: how many entries of a page, or of a chunk, have each repetition level and each
 * definition level. A reader knows from them how many lists, structs and values it will meet.
 *
 *   optional list of optional int32   [[1, null], null, []]
 *
 *   repetition 0 1 0 0   ->   3 1          levels 0 and 1
 *   definition 3 2 0 1   ->   1 1 1 1      levels 0 to 3
 *
 * The counts of a page are those of its repetition levels and behind them those of its definition
 * levels; a kind of level that the leaf does not have has no counts. The format lets those of
 * definition levels 0 and 1 out; they are written, and cost two small numbers a page.
 *
 * For src/parquet alone.
 */
#ifndef SLP_PARQUET_HISTOGRAM_H
#define SLP_PARQUET_HISTOGRAM_H

#include "codec/thrift_write.h"
#include "parquet/leaves.h"

/* Counts (int64_t) that a page has; 0: the leaf has no levels. */
size_t pq_histogram_width(const struct pq_leaf_field *leaf);

/*
 * Append the counts of a page from its levels.
 *
 * Errors   LIMIT, NO_MEMORY
 * Cost     a pass over the levels for each level that occurs below
 */
SLP_NODISCARD slp_rc pq_histogram_of_levels(const struct pq_leaf_field *leaf,
                                            const uint8_t *repetitions, const uint8_t *definitions,
                                            size_t entries, struct buf *out, struct slp_err *err);

/* The same for a flat column, of which rows are null or not. Errors: LIMIT, NO_MEMORY. */
SLP_NODISCARD slp_rc pq_histogram_of_rows(const struct pq_leaf_field *leaf, int64_t nulls,
                                          int64_t values, struct buf *out, struct slp_err *err);

/* The counts of `pages` pages into those of all of them, pq_histogram_width long and zeroed. */
void pq_histogram_sum(const struct pq_leaf_field *leaf, const int64_t *counts, size_t pages,
                      int64_t *sum);

/* Put fields `id` (repetition levels) and `id` + 1, each a list with the counts of one page behind
 * those of the other; nothing of levels that the leaf does not have. */
void pq_histogram_put(struct cx_put *w, int16_t id, const struct pq_leaf_field *leaf,
                      const int64_t *counts, size_t pages);

#endif
