/*
 * Gathering a key index while a file is written: keys of block starts when rows come, places of
 * pages when their group is written, which may be later; then all of it as bytes.
 */
#ifndef SLP_DATAFILE_INDEX_BUILD_H
#define SLP_DATAFILE_INDEX_BUILD_H

#include "datafile/index.h"
#include "key/key.h"
#include "parquet/writer.h"

struct index_builder {
    struct alloc *mem;
    size_t column_count;
    struct key_vec keys;   /* first key of each block */
    struct buf continues;  /* u8 a block */
    struct buf first_rows; /* int64_t a block, and one more: rows so far */
    struct buf last_key;   /* of all rows so far */
    struct buf groups;     /* struct index_group */
    struct buf chunks;     /* struct index_chunk: group * columns + column */
    struct buf offsets;    /* uint64_t: block * columns + column */
    struct buf bytes;      /* uint32_t: likewise */
    int64_t placed_blocks; /* blocks whose groups were written */
};

struct index_group {
    int64_t first_block;
    int64_t block_count;
};

void datafile_index_init(struct index_builder *b, struct alloc *mem, size_t column_count);
void datafile_index_fini(struct index_builder *b);

/* The next group has `rows` rows in blocks of `block_rows`; `ends` holds the first and the last key
 * of each block. Errors: LIMIT, NO_MEMORY. */
SLP_NODISCARD slp_rc datafile_index_rows(struct index_builder *b, const struct key_vec *ends,
                                         int64_t rows, int64_t block_rows, struct slp_err *err);

/* The oldest group without a place was written at `offset`. Errors: LIMIT, NO_MEMORY. */
SLP_NODISCARD slp_rc datafile_index_group(struct index_builder *b, const struct pq_group *group,
                                          int64_t block_rows, uint64_t offset, struct slp_err *err);

/*
 * Append slices and top to `out`. `offset` is where the first of these bytes will stand; all groups
 * were placed. `*top_at` is where in them the top begins. Errors: LIMIT, NO_MEMORY.
 */
SLP_NODISCARD slp_rc datafile_index_finish(struct index_builder *b,
                                           const struct index_column *columns, struct buf *out,
                                           size_t *top_at, struct slp_err *err);

#endif
