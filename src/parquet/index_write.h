/*
 * The page index: per chunk a ColumnIndex (bounds and nulls of each page) and an OffsetIndex (where
 * each page stands). For src/parquet alone.
 */
#ifndef SLP_PARQUET_INDEX_WRITE_H
#define SLP_PARQUET_INDEX_WRITE_H

#include "parquet/group_priv.h"

/* Append the ColumnIndex of a chunk that has one. Errors: LIMIT, NO_MEMORY. */
SLP_NODISCARD slp_rc pq_column_index_write(const struct pq_group *g, size_t column, struct buf *out,
                                           struct slp_err *err);

/* Append the OffsetIndex of a chunk of a group that begins at `group_offset` in its file. Errors:
 * LIMIT, NO_MEMORY. */
SLP_NODISCARD slp_rc pq_offset_index_write(const struct pq_group *g, size_t column,
                                           uint64_t group_offset, struct buf *out,
                                           struct slp_err *err);

#endif
