/*
 * Nested columns: from the leaves' levels to lists, structs and maps.
 *
 *   optional struct { list of int32 a; int32 b }       leaves a, b; two rows {[1, 2], 7} and null
 *
 *     a  repetition 0 1 0   definition 2 2 0           slots 1 2     lengths 2 0, list null in row 1
 *     b             0   0              1   0           slots 7 -     struct null in row 1
 *
 * Each leaf is read for as many rows as the batch has; then the tree is put together from the
 * leaves up, each node by the levels of the first leaf below it. Leaves of one struct must agree on
 * how often and where it stands: those that do not are CORRUPT.
 */
#ifndef SLP_PARQUET_NESTED_H
#define SLP_PARQUET_NESTED_H

#include "parquet/chunk.h"

/* What one nested column needs for a batch; kept from batch to batch. */
struct pq_nested {
    const struct pq_node *node;
    const struct pq_column *columns; /* node->leaf_count of them, borrowed */
    struct pq_levels *levels;        /* one a leaf */
    struct buf lengths;
    struct buf bits;
    struct alloc *mem;
};

/* `node` and `columns`, its leaves', outlive it. Errors: NO_MEMORY; nothing needs releasing then. */
SLP_NODISCARD slp_rc pq_nested_init(struct pq_nested *n, struct alloc *mem,
                                    const struct pq_node *node, const struct pq_column *columns,
                                    struct slp_err *err);
void pq_nested_fini(struct pq_nested *n);

/* Append the next `rows` rows of a row group, all that are left of it if `is_last`; `chunks` are the
 * leaves'. Errors as pq_chunk_nested, and CORRUPT where leaves disagree, by path. */
SLP_NODISCARD slp_rc pq_nested_rows(struct pq_nested *n, struct pq_chunk_reader *chunks,
                                    int64_t rows, bool is_last, struct arr_col *out,
                                    struct slp_err *err);

/*
 * The same from pages at hand, which together hold whole rows: begin, then each page of each leaf in
 * order, opened (cursor.h), then end. `leaf` counts from 0 in the column. Errors as pq_page_decode, and CORRUPT for levels that cannot follow each other or where leaves disagree; `out` is to be
 * dropped then.
 */
void pq_nested_begin(struct pq_nested *n);
SLP_NODISCARD slp_rc pq_nested_page(struct pq_nested *n, size_t leaf,
                                    const struct pq_cursor *opened, struct arr_col *out,
                                    struct slp_err *err);
SLP_NODISCARD slp_rc pq_nested_end(struct pq_nested *n, struct arr_col *out, struct slp_err *err);

#endif
