/*
 * The metadata of a Parquet file: what its footer says, checked.
 *
 *   schema    a field a column; nested ones are trees, as Arrow has them
 *   nodes     beside each field: how the levels of the leaves below make it (nested.h)
 *   columns   the leaves, depth first: what pages hold. In a flat file leaf i is field i
 *
 * Lists and maps may stand in the file in every layout that the format has known: three levels, two
 * levels, repeated fields by themselves, maps without values (those are lists of keys). An
 * annotation that does not fit what it is on is left aside.
 *
 * pq_meta_parse reads the Thrift once; strings and statistics stay slices of the footer's bytes,
 * which the caller keeps as long as the metadata. Every length, count and enum is checked; offsets
 * are checked against the file's size.
 */
#ifndef SLP_PARQUET_META_H
#define SLP_PARQUET_META_H

#include "arrow/type.h"
#include "base/io.h"

/* Larger footers are refused, not read: a hostile length must not become an allocation. */
#define PQ_FOOTER_MAX_BYTES (256u * 1024 * 1024)

enum pq_physical {
    PQ_BOOLEAN = 0,
    PQ_INT32 = 1,
    PQ_INT64 = 2,
    PQ_INT96 = 3,
    PQ_FLOAT = 4,
    PQ_DOUBLE = 5,
    PQ_BYTE_ARRAY = 6,
    PQ_FIXED_LEN_BYTE_ARRAY = 7
};

enum pq_encoding {
    PQ_PLAIN = 0,
    PQ_PLAIN_DICTIONARY = 2,
    PQ_RLE = 3,
    PQ_BIT_PACKED = 4,
    PQ_DELTA_BINARY_PACKED = 5,
    PQ_DELTA_LENGTH_BYTE_ARRAY = 6,
    PQ_DELTA_BYTE_ARRAY = 7,
    PQ_RLE_DICTIONARY = 8,
    PQ_BYTE_STREAM_SPLIT = 9
};

/* Elements within elements in the file: a list takes two where Arrow counts one. */
#define PQ_ELEMENT_DEPTH_MAX (2 * ARR_DEPTH_MAX + 2)

/* One leaf: what pages decode to. The members from `path` on are blank where no footer was read. */
struct pq_column {
    enum pq_physical physical;
    int32_t type_length;  /* FIXED_LEN_BYTE_ARRAY: bytes */
    bool optional;        /* it has definition levels; of a flat column, one bit each */
    struct arr_type type; /* what its pages decode to */
    const char *path;     /* "a.list.element" */
    bool is_nested;       /* inside a nested column */
    uint8_t definition_max;
    uint8_t repetition_max;
    /* For each repetition level, the definition level from which a list so deep has an item;
     * repetition_max + 1 of them, the first is 0. */
    const uint8_t *item_definitions;
    /* Levels of the innermost struct that holds the leaf before it too: up to these, the two leaves
     * agree. 0 for the first leaf of a column. */
    uint8_t shared_definition;
    uint8_t shared_repetition;
};

/* How levels make one field of a nested column. */
struct pq_node {
    const struct arr_field *field;
    uint8_t definition; /* from this level on it is not null */
    uint8_t repetition; /* of the innermost list around it */
    size_t first_leaf;
    size_t leaf_count;
    struct pq_node *children; /* field->child_count of them */
};

struct pq_chunk {
    int codec; /* enum cx_kind, or beyond it */
    int64_t value_count;
    uint64_t data_page_offset;
    uint64_t dictionary_page_offset; /* 0: none */
    uint64_t compressed_bytes;       /* all pages with headers, the dictionary's too */
    uint64_t uncompressed_bytes;
    struct slice min_value; /* PLAIN form; .ptr NULL: not given */
    struct slice max_value;
    int64_t null_count;           /* -1: not given */
    uint64_t column_index_offset; /* 0: none */
    uint32_t column_index_bytes;
    uint64_t offset_index_offset; /* 0: none */
    uint32_t offset_index_bytes;
    uint64_t bloom_offset; /* of the filter's header, see bloom.h; 0: none */
    uint32_t bloom_bytes;  /* with its header; 0: the file does not say */
};

struct pq_group_meta {
    int64_t rows;
    struct pq_chunk *chunks; /* one a leaf */
};

struct pq_key_value {
    struct slice key;
    struct slice value;
};

struct pq_meta {
    struct arr_schema schema;  /* field ids as in the file, 0 where it has none */
    struct pq_node *nodes;     /* schema.count of them */
    struct pq_column *columns; /* column_count of them */
    size_t column_count;       /* leaves */
    int64_t rows;
    struct pq_group_meta *groups;
    size_t group_count;
    struct pq_key_value *key_values;
    size_t key_value_count;
    struct slice created_by;
};

/*
 * Parse the metadata of a file of `file_bytes` bytes into an arena.
 *
 * Errors   CORRUPT      with the offset inside the metadata
 *          UNSUPPORTED  a type, a group without members, an encrypted file: by column and feature
 *          LIMIT        more leaves than ARR_COLUMNS_MAX, nested deeper than ARR_DEPTH_MAX
 *          NO_MEMORY
 */
SLP_NODISCARD slp_rc pq_meta_parse(struct slice thrift, uint64_t file_bytes, struct arena *a,
                                   struct pq_meta *out, struct slp_err *err);

/* The same with INT96 as timestamps of a unit; otherwise they are of nanoseconds. */
SLP_NODISCARD slp_rc pq_meta_parse_as(struct slice thrift, uint64_t file_bytes,
                                      enum arr_unit int96_unit, struct arena *a,
                                      struct pq_meta *out, struct slp_err *err);

/* Is every column one leaf, not nested? */
bool pq_meta_is_flat(const struct pq_meta *m);

/*
 * Read the raw metadata of the file behind `src` into `out`.
 *
 * Errors   CORRUPT      no magic, or a length that does not fit the file
 *          UNSUPPORTED  encrypted footer (PARE)
 *          LIMIT        longer than PQ_FOOTER_MAX_BYTES or than out->max
 * Cost     one read of at most 64 KiB; if the footer is longer, a second of what is missing
 */
SLP_NODISCARD slp_rc pq_footer_read(struct source *src, struct buf *out, struct slp_err *err);

#endif
