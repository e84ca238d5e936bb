/*
 * Page indexes: where the pages of a chunk stand, and what is in them.
 *
 *   OffsetIndex   a page a line: offset, bytes with header, first row
 *   ColumnIndex   a page a line: only nulls?, least and greatest value, nulls, NaN
 *
 *   rows  0 .. 99   min 3   max 17
 *       100 .. 199  min 17  max 40         5 <= x <= 16  ->  page 0 alone, rows 0 .. 99
 *       200 .. 250  only nulls
 *
 * Bounds prune and never answer: they may be cut, and a writer may have got them wrong in ways that
 * show. A bound that cannot be one (wrong width, NaN, least above greatest) counts as none. An
 * index that contradicts itself or the chunk is CORRUPT; whoever reads rows goes on without it.
 */
#ifndef SLP_PARQUET_INDEX_READ_H
#define SLP_PARQUET_INDEX_READ_H

#include "parquet/bounds.h"

/* An index longer than this is not read. */
#define PQ_INDEX_MAX_BYTES (256u << 20)

struct pq_page_location {
    uint64_t offset; /* of the header in the file */
    uint32_t bytes;  /* header and body */
    int64_t first_row;
    int64_t rows;
};

struct pq_offset_index {
    struct pq_page_location *pages;
    size_t count;
    const int64_t *unencoded_bytes; /* of the strings of each page; NULL: not given */
};

struct pq_page_bounds {
    bool is_null_page; /* no value in it, and no bounds */
    struct slice min;  /* PLAIN form without the length of BYTE_ARRAY */
    struct slice max;
    int64_t null_count; /* -1: not given */
    int64_t nan_count;  /* -1: not given */
};

struct pq_column_index {
    struct pq_page_bounds *pages;
    size_t count;
    int boundary_order; /* 0 none, 1 ascending, 2 descending; anything else is taken for none */
};

/*
 * Parse an index into an arena; bounds stay slices of `in`.
 *
 * file_bytes, rows   of the file, and of the chunk: pages lie inside, their rows ascend from 0
 * Errors             CORRUPT with the offset inside the index; LIMIT, NO_MEMORY
 */
SLP_NODISCARD slp_rc pq_offset_index_parse(struct slice in, uint64_t file_bytes, int64_t rows,
                                           struct arena *a, struct pq_offset_index *out,
                                           struct slp_err *err);
SLP_NODISCARD slp_rc pq_column_index_parse(struct slice in, struct arena *a,
                                           struct pq_column_index *out, struct slp_err *err);

struct pq_page_index {
    struct pq_offset_index offsets;
    struct pq_column_index bounds; /* count 0: the chunk has none */
};

/*
 * Read and parse both indexes of a chunk of `rows` rows into an arena, bytes included.
 *
 * Errors   NOT_FOUND  the chunk has no OffsetIndex
 *          CORRUPT    either is damaged, or they speak of different pages; LIMIT, NO_MEMORY, and
 *                     whatever the source returns
 * Cost     one round
 */
SLP_NODISCARD slp_rc pq_page_index_read(struct source *src, const struct pq_chunk *chunk,
                                        int64_t rows, struct arena *a, struct pq_page_index *out,
                                        struct slp_err *err);

/* How the values of a column of a file compare; NONE where its bounds cannot be used. */
enum pq_order pq_order_of(const struct pq_column *column);

/* Values from `low` to `high`, both included, in PLAIN form; .ptr NULL: without end. NaN is in
 * none. */
struct pq_value_range {
    struct slice low;
    struct slice high;
};

/* Can these be bounds of the column: of its width, no NaN, in order? */
bool pq_bounds_are_known(const struct pq_column *column, struct slice min, struct slice max);

/* May a column with these bounds have a value in the range? true where they cannot be used. */
bool pq_bounds_may_hold(const struct pq_column *column, struct slice min, struct slice max,
                        const struct pq_value_range *range);

/* The same for a page of an index. */
bool pq_page_may_hold(const struct pq_column *column, const struct pq_column_index *x, size_t page,
                      const struct pq_value_range *range);

#endif
