/*
 * Bounds as values: what statistics and indexes state in bytes, as Arrow has it.
 */
#ifndef SLP_PARQUET_KNOWN_H
#define SLP_PARQUET_KNOWN_H

#include "parquet/index_read.h"
#include "parquet/page.h"

/*
 * Append the least and the greatest value of a flat column to `out`, which is of its Arrow type;
 * null for what is no bound: bytes of another length, NaN, the least above the greatest, values that
 * have no order of their own (INT96, INTERVAL).
 *
 * Errors  NO_MEMORY
 */
SLP_NODISCARD slp_rc pq_bounds_append(const struct pq_column *column, struct slice min,
                                      struct slice max, struct pq_scratch *scratch,
                                      struct arr_col *out, struct slp_err *err);

/* The hash of a value of the column for its bloom filter, from the form that arr_col_append takes;
 * false where the stored form is not known. */
bool pq_bloom_hash_of(const struct pq_column *column, struct slice value, uint64_t *hash);

#endif
