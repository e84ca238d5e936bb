/*
 * The footer's FileMetaData from what the writer noted of each chunk. For src/parquet alone.
 */
#ifndef SLP_PARQUET_FOOTER_WRITE_H
#define SLP_PARQUET_FOOTER_WRITE_H

#include "parquet/bounds.h"
#include "parquet/leaves.h"
#include "parquet/writer.h"

/* A chunk as the footer describes it; offsets are those in the file. */
struct pq_chunk_note {
    int codec;
    enum pq_encoding encoding; /* of the data pages */
    bool has_dictionary;
    uint64_t dictionary_offset;
    uint64_t data_offset;
    uint64_t bytes;
    uint64_t uncompressed_bytes;
    uint64_t unencoded_bytes;
    size_t page_count;
    int64_t value_count; /* nulls included */
    int64_t null_count;
    int64_t nan_count;
    bool has_nan_count; /* NaN were counted */
    bool has_bounds;
    bool min_exact;
    bool max_exact;
    struct slice min;
    struct slice max;
    uint64_t column_index_offset;
    uint32_t column_index_bytes; /* 0: none */
    uint64_t offset_index_offset;
    uint32_t offset_index_bytes;
    const int64_t *histogram; /* of its levels, as histogram.h has them */
    uint64_t bloom_offset;
    uint32_t bloom_bytes; /* 0: none */
};

struct pq_group_note {
    struct pq_group_note *next;
    int64_t rows;
    uint64_t offset;
    struct pq_chunk_note *chunks; /* one a leaf */
};

struct pq_key_value_note {
    struct pq_key_value_note *next;
    struct pq_key_value pair;
};

struct pq_file_note {
    const struct arr_schema *schema;
    const struct pq_leaves *leaves;
    const struct pq_write_options *options;
    const struct pq_group_note *groups;
    size_t group_count;
    const struct pq_key_value_note *key_values;
    size_t key_value_count;
};

/* Append the Thrift of FileMetaData. Errors: LIMIT, NO_MEMORY. */
SLP_NODISCARD slp_rc pq_file_metadata_write(const struct pq_file_note *file, struct buf *out,
                                            struct slp_err *err);

#endif
