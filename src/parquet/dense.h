/*
 * Dense values of a page: the next `n` present ones, nulls left out, of every encoding. `n` is at
 * most PQ_STEP_ROWS. Damage and exhaustion are CORRUPT.
 */
#ifndef SLP_PARQUET_DENSE_H
#define SLP_PARQUET_DENSE_H

#include "parquet/cursor.h"

/* Can pages of this column be of this encoding? Errors: UNSUPPORTED, by name. */
SLP_NODISCARD slp_rc pq_dense_check(const struct pq_column *column, int encoding,
                                    struct slp_err *err);

/* Find the parts of `values` that the encoding has, before the first value is taken. */
SLP_NODISCARD slp_rc pq_dense_open(struct pq_cursor *c, struct slice values, struct slp_err *err);

/* Fixed-width elements of the column's Arrow type into `dst`. */
SLP_NODISCARD slp_rc pq_dense_fixed(struct pq_cursor *c, uint8_t *dst, size_t n,
                                    struct slp_err *err);

/* Booleans, as bits into zeroed room. */
SLP_NODISCARD slp_rc pq_dense_bits(struct pq_cursor *c, uint8_t *dst, size_t n,
                                   struct slp_err *err);

/* Strings: their bytes behind out->data, and where each ends into `ends`. */
SLP_NODISCARD slp_rc pq_dense_strings(struct pq_cursor *c, struct arr_col *out, int32_t *ends,
                                      size_t n, struct slp_err *err);

/* The next `n` values as indices into the dictionary, of a page that has them. Errors: CORRUPT. */
SLP_NODISCARD slp_rc pq_dense_indices(struct pq_cursor *c, uint32_t *dst, size_t n,
                                      struct slp_err *err);

/* Pass over `n` values, if they are there and that takes no decoding. */
bool pq_dense_skip(struct pq_cursor *c, size_t n);

#endif
