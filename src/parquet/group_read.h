/*
 * Chosen columns of one row group after another, by rows: what the streams of reader.h
 * stand on.
 *
 *   group  rows 0 ............................................................ rows of the group
 *                  [lo, hi)        [lo, hi)       asked for in ascending order; between them pages
 *                                                 are passed over (chunk.h)
 *
 * Of a group that is read in parts the offset indexes of the chosen chunks are read first, in one
 * round; a chunk whose index is missing or damaged goes without.
 */
#ifndef SLP_PARQUET_GROUP_READ_H
#define SLP_PARQUET_GROUP_READ_H

#include "parquet/nested.h"
#include "parquet/reader.h"

struct pq_group_reader {
    struct alloc *mem;
    const struct pq_meta *meta;
    struct source *src;
    struct arr_schema schema; /* of the chosen columns */
    size_t *columns;          /* their indexes in the file */
    size_t *first_leaves;     /* of each, among the leaves below; and how many leaves */
    size_t *leaves;           /* their indexes in the file */
    size_t leaf_count;
    struct pq_nested *nested;       /* of each column; blank for flat ones */
    struct pq_chunk_reader *chunks; /* of each leaf */
    struct pq_offset_index *indexes;
    struct arena index_arena;
    struct io_range *ranges;
    struct cx_codec *codec;
    size_t window_bytes;
    uint64_t batch_bytes;
    size_t group; /* begun */
};

/* Read `columns` of the schema, whatever columns `options` name. Errors: NO_MEMORY; fini it then,
 * too. */
SLP_NODISCARD slp_rc pq_group_reader_init(struct pq_group_reader *g, const struct pq_meta *meta,
                                          struct source *src, const struct pq_read_options *options,
                                          struct alloc *mem, struct slp_err *err);
void pq_group_reader_fini(struct pq_group_reader *g); /* a zeroed one is accepted */

/* Go to the start of a group, all of which will be read (`is_whole`: the first window of every
 * column comes in one round), or parts. */
SLP_NODISCARD slp_rc pq_group_reader_begin(struct pq_group_reader *g, size_t group, bool is_whole,
                                           struct slp_err *err);

/* Append rows [lo, hi) of the group to column `i`; lo is not below the last hi. `more_to`: rows up
 * to it are wanted next, and may be read ahead. Errors as pq_page_decode, with the column. */
SLP_NODISCARD slp_rc pq_group_reader_rows(struct pq_group_reader *g, size_t i,
                                          struct pq_row_range rows, int64_t more_to,
                                          struct arr_col *out, struct slp_err *err);

/* Rows of one batch of the group, at most `most`, such that its bytes stay bounded. */
int64_t pq_group_reader_batch(const struct pq_group_reader *g, int64_t most);

/* Add what was read since the last call to the counts of `options`. */
void pq_group_reader_count(struct pq_group_reader *g, struct pq_read_counts *counts);

#endif
