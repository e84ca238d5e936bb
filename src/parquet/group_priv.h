/*
 * What a finished row group tells the writer besides its bytes. For src/parquet alone.
 */
#ifndef SLP_PARQUET_GROUP_PRIV_H
#define SLP_PARQUET_GROUP_PRIV_H

#include "parquet/bounds.h"
#include "parquet/leaf.h"
#include "parquet/leaves.h"
#include "parquet/writer.h"

/* As parquet.thrift numbers ColumnIndex.boundary_order. */
enum pq_boundary_order {
    PQ_BOUNDARY_UNORDERED = 0,
    PQ_BOUNDARY_ASCENDING = 1,
    PQ_BOUNDARY_DESCENDING = 2
};

/* Bounds as they are kept: minimum and maximum one behind the other in the group's bytes. */
struct pq_bounds_ref {
    enum pq_bounds_state state;
    bool min_exact;
    bool max_exact;
    uint32_t min_len;
    uint32_t max_len;
    size_t at;
    int64_t nan_count;
};

struct pq_page_facts {
    int64_t null_count;
    uint64_t unencoded_bytes; /* BYTE_ARRAY: of the strings alone */
    struct pq_bounds_ref bounds;
    bool is_null_page; /* no value in it */
};

struct pq_chunk_facts {
    int codec;
    enum pq_encoding encoding; /* of the data pages */
    bool has_dictionary;
    uint64_t offset;           /* from the start of the group: the dictionary page or first page */
    uint32_t dictionary_bytes; /* header and body; 0: none */
    uint64_t bytes;            /* pages with their headers */
    uint64_t uncompressed_bytes;
    uint64_t unencoded_bytes;
    size_t first_page; /* in the group's list of pages */
    size_t page_count;
    size_t first_count;  /* of its pages' level histograms, in the group's */
    int64_t value_count; /* nulls included; of flat columns the rows */
    int64_t null_count;
    struct pq_bounds_ref bounds;
    bool has_nan_count; /* of floats: NaN were counted */
    bool has_column_index;
    enum pq_boundary_order boundary_order;
    size_t bloom_at;      /* of the filter with its header, in the group's filters */
    uint32_t bloom_bytes; /* 0: none */
};

/* The inside of a group, for pages that come from elsewhere (carry.c). Whoever fills it counts its
 * rows last: until then it has none. */
struct pq_group_inside {
    struct alloc *mem;
    const struct pq_leaves *leaves;
    const struct pq_write_options *options;
    struct pq_chunk_facts *chunks; /* of each leaf */
    struct buf *bytes;
    struct buf *pages;      /* struct pq_page_place, of all chunks */
    struct buf *page_facts; /* struct pq_page_facts, as many */
    struct buf *bounds;     /* what struct pq_bounds_ref points to */
    struct buf *histograms; /* int64_t: of the levels of each page, as histogram.h has them */
    int64_t *rows;
};

/* What the group held is forgotten. */
void pq_group_open(struct pq_group *g, struct pq_group_inside *out);

/* Append bounds to the bytes that keep them; `*ref` says where. Errors: LIMIT, NO_MEMORY. */
SLP_NODISCARD slp_rc pq_keep_bounds(struct buf *bytes, const struct pq_bounds *b,
                                    struct pq_bounds_ref *ref, struct slp_err *err);

/* As pq_group_encode; each chunk goes into the sink when it is finished, unless that is NULL, and
 * the group keeps its facts alone. Errors also those of the sink. */
SLP_NODISCARD slp_rc pq_group_encode_to(struct pq_group *g, const struct arr_batch *batch,
                                        int64_t block_rows, struct sink *to, struct slp_err *err);

/* What no sink has taken. */
struct slice pq_group_all_bytes(const struct pq_group *g);

/* The chunk's bloom filter with its header, to be written behind the group; empty: none. */
struct slice pq_group_bloom(const struct pq_group *g, const struct pq_chunk_facts *c);
const struct pq_chunk_facts *pq_group_chunk(const struct pq_group *g, size_t column);
const struct pq_leaf *pq_group_leaf(const struct pq_group *g, size_t column);
const struct pq_leaf_field *pq_group_leaf_field(const struct pq_group *g, size_t column);

/* Page `i` of a chunk: where it stands and what is in it. */
const struct pq_page_place *pq_group_page(const struct pq_group *g, const struct pq_chunk_facts *c,
                                          size_t i);
const struct pq_page_facts *pq_group_page_facts(const struct pq_group *g,
                                                const struct pq_chunk_facts *c, size_t i);

/* The level histograms of a chunk's pages, one behind the other. */
const int64_t *pq_group_histograms(const struct pq_group *g, const struct pq_chunk_facts *c);

/* Only for KNOWN bounds. */
struct slice pq_group_min(const struct pq_group *g, const struct pq_bounds_ref *b);
struct slice pq_group_max(const struct pq_group *g, const struct pq_bounds_ref *b);

#endif
