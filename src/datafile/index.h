/*
 * The key index of a data file: its bytes, and what they say. docs/format/datafile.md specifies it.
 * Pure: the writer fills these structs and encodes, the reader decodes; nothing is read here.
 */
#ifndef SLP_DATAFILE_INDEX_H
#define SLP_DATAFILE_INDEX_H

#include "arrow/type.h"
#include "base/buf.h"

#define INDEX_VERSION       1u
#define INDEX_RESTART       16u
#define INDEX_TOP_MAX_BYTES (64u * 1024 * 1024)

/* More rows than any file holds; sums of them stay far from overflow. */
#define INDEX_ROWS_MAX ((int64_t)1 << 56)

/* The first page of a file may begin here, behind the magic. */
#define INDEX_FIRST_PAGE 4u

/* Flags of a column. */
#define INDEX_NULLABLE 1u
#define INDEX_UTC      2u
#define INDEX_NESTED   4u

/* A leaf of the file: a flat field of the schema, or one of those inside a nested field. */
struct index_column {
    int32_t field_id; /* of the field of the schema that it is, or is in */
    struct arr_type type;
    bool nullable;
    bool is_nested;
    uint8_t definition_max; /* nested ones */
    uint8_t repetition_max;
};

/* A key at which a block or slice begins. */
struct index_key {
    struct slice bytes;
    bool continues; /* the block before ends with the same key */
};

struct index_slice_place {
    struct index_key key;
    int64_t rows;
    uint32_t bytes;
    int64_t first_row; /* rows of the slices before; not stored */
    uint64_t offset;   /* not stored */
};

struct index_top {
    uint32_t key_version;
    int64_t rows;
    int64_t block_count;
    int64_t group_count;
    const struct index_column *columns;
    size_t column_count;
    struct index_slice_place *slices;
    size_t slice_count;
    struct slice last_key;
};

/* Blocks of one row group in one slice. */
struct index_part {
    size_t first_block; /* in the slice */
    size_t block_count;
};

/* One column of one part. */
struct index_chunk {
    int codec;
    uint32_t dictionary_bytes; /* 0: none */
    uint64_t dictionary_offset;
};

struct index_slice {
    int64_t first_block; /* in the file */
    size_t block_count;
    struct index_key *keys;
    int64_t *first_rows; /* block_count + 1 of them, counted in the file */
    int64_t first_group;
    struct index_part *parts;
    size_t part_count;
    struct index_chunk *chunks; /* part * columns + column */
    uint64_t *offsets;          /* block * columns + column: of its first page */
    uint32_t *bytes;            /* likewise: of its pages */
};

/* Append the bytes of a top or slice, CRC included. Errors: LIMIT, NO_MEMORY. */
SLP_NODISCARD slp_rc datafile_top_encode(const struct index_top *top, struct buf *out,
                                         struct slp_err *err);
SLP_NODISCARD slp_rc datafile_slice_encode(const struct index_slice *slice, size_t column_count,
                                           struct buf *out, struct slp_err *err);

/*
 * Read a top. What `out` holds is in the arena or in `bytes`.
 *
 * `offset` says where `bytes` stand in the file, `first_offset` where slice 0 does.
 *
 * Errors   CORRUPT      with the byte in the top
 *          UNSUPPORTED  a newer version, or an odd field
 *          LIMIT, NO_MEMORY
 */
SLP_NODISCARD slp_rc datafile_top_decode(struct slice bytes, uint64_t offset, uint64_t first_offset,
                                         struct arena *a, struct index_top *out,
                                         struct slp_err *err);

/* Read slice `number` of the file with this top; what it says is compared with the top. All of
 * `out` is in the arena. Errors as above. */
SLP_NODISCARD slp_rc datafile_slice_decode(struct slice bytes, const struct index_top *top,
                                           size_t number, struct arena *a, struct index_slice *out,
                                           struct slp_err *err);

#endif
