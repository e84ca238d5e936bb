/*
 * From nested columns to the levels of their leaves: the way back of nested.h.
 *
 *   optional list of optional int32   [[1, null], null, []]
 *
 *   rows      repetition 0 0 0        definition 0 0 0        one entry a row
 *   present              0 0 0                   1 0 1        lists that are not null
 *   items                0 1 0 0                 2 2 0 1      each item an entry
 *   present              0 1 0 0                 3 2 0 1      items that are not null
 *
 * Each step takes the entries above it; those that end there stay as they are. The values of a leaf
 * are the present slots of its column, in order.
 */
#ifndef SLP_PARQUET_SHRED_H
#define SLP_PARQUET_SHRED_H

#include "parquet/leaves.h"
#include "parquet/levels.h"

struct pq_shred; /* buffers, kept from column to column */

SLP_NODISCARD slp_rc pq_shred_new(struct alloc *mem, struct pq_shred **out, struct slp_err *err);
void pq_shred_free(struct pq_shred *s); /* NULL is accepted */

/* Takes one leaf: its column and the levels of all rows, which hold until it returns. */
typedef slp_rc (*pq_shred_fn)(void *arg, const struct arr_col *leaf, const struct pq_levels *levels,
                              struct slp_err *err);

/*
 * Give `take` the leaves of a nested column, in the order of pq_leaves_of.
 *
 * Errors   BAD_INPUT  a null where none may be, by field
 *          LIMIT      more than PQ_LEVELS_MAX_BYTES entries; NO_MEMORY; those of `take`
 * Cost     a pass over the entries for each list and each nullable field above a leaf
 */
SLP_NODISCARD slp_rc pq_shred_column(struct pq_shred *s, const struct arr_field *field,
                                     const struct arr_col *col, pq_shred_fn take, void *arg,
                                     struct slp_err *err);

#endif
