/*
 * Writing Parquet files, a row group at a time.
 *
 * Encoding and writing are apart: `pq_group` turns rows into finished, compressed pages of one row
 * group in memory and needs no file, so several threads may encode several groups; `pq_writer` puts
 * groups one behind another into a sink, then page index and footer. A caller may put bytes of its
 * own between the last group and the page index (pq_writer_raw), as data files do with their key
 * index.
 *
 *   | PAR1 | group 0: chunk of column 0, 1, ... | its bloom filters | group 1 ... | raw bytes |
 *   | column and offset indexes | footer | N | PAR1 |
 *
 * A *block* is a run of rows at whose start every column begins a page; inside a block a wide
 * column may have several. docs/format/parquet-profile.md says which encodings and options we
 * write.
 */
#ifndef SLP_PARQUET_WRITER_H
#define SLP_PARQUET_WRITER_H

#include "arrow/batch.h"
#include "codec/compress.h"
#include "parquet/meta.h"

/* Which readers a file is for. */
enum pq_profile {
    PQ_PROFILE_DEFAULT, /* those of the last years: delta encodings, where they pay */
    PQ_PROFILE_COMPAT   /* all since 2013: PLAIN and dictionaries */
};

/* How a column is encoded. What Parquet does not have for a column's physical type is refused. */
enum pq_write_encoding {
    PQ_WRITE_BEST, /* chosen for each chunk from its data, among what the profile has */
    PQ_WRITE_PLAIN,
    PQ_WRITE_DICTIONARY, /* where one is not worth it or too large: as BEST */
    PQ_WRITE_DELTA_BINARY_PACKED,
    PQ_WRITE_DELTA_LENGTH_BYTE_ARRAY,
    PQ_WRITE_DELTA_BYTE_ARRAY,
    PQ_WRITE_BYTE_STREAM_SPLIT,
    PQ_WRITE_RLE, /* booleans */
    PQ_WRITE_ENCODING_COUNT
};

/* What is said of one column; all zero says nothing. */
struct pq_column_options {
    enum pq_write_encoding encoding;
    bool no_dictionary;
    bool has_codec; /* codec and level are this column's own */
    enum cx_kind codec;
    int level;
    bool no_statistics; /* no bounds, no column index; null counts stay */
    bool bloom;         /* a filter behind each row group */
    double bloom_fpp;   /* how often it may say "maybe" wrongly, below 1; 0: 0.01 */
};

struct pq_write_options {
    enum cx_kind codec; /* CX_ZSTD */
    int level;          /* 1 */
    size_t page_bytes;  /* a page inside a block is closed at this many bytes before compression; 0:
                           1 MiB */
    int64_t page_rows;  /* and at this many rows; 0: no such bound */
    bool page_v2;       /* data pages of version 2 */
    enum pq_profile profile;
    uint32_t bound_bytes; /* bounds of strings are cut to this many; 0: PQ_BOUND_CUT_BYTES; at most
                             PQ_BOUND_CUT_MOST_BYTES */
    bool no_dictionary;
    const struct pq_column_options *columns; /* one a column of the schema; may be NULL */
    const size_t *sorting_columns; /* indexes, written as sorting_columns, ascending; may be NULL */
    size_t sorting_count;
    const struct pq_key_value *key_values; /* of the footer; copied by pq_writer_new */
    size_t key_value_count;
};

void pq_write_options_init(struct pq_write_options *o);

/* For readers of any age: profile COMPAT, SNAPPY, pages of version 1. */
void pq_write_options_compat(struct pq_write_options *o);

/* "DELTA_BYTE_ARRAY", as parquet.thrift names them; BEST is "BEST". */
const char *pq_write_encoding_name(enum pq_write_encoding e);

/* By name, in any case. false if it is none. */
bool pq_write_encoding_parse(struct slice name, enum pq_write_encoding *out);

/* A page as it stands in its group: offsets count from the start of the group. */
struct pq_page_place {
    uint64_t offset;   /* of its header */
    uint32_t bytes;    /* header and body */
    int64_t first_row; /* in the group */
    int64_t rows;
};

/* A chunk as it stands in its group. */
struct pq_chunk_place {
    uint64_t dictionary_offset; /* valid when dictionary_bytes is not 0 */
    uint32_t dictionary_bytes;  /* header and body of the dictionary page; 0: none */
    int codec;
    const struct pq_page_place *pages;
    size_t page_count;
};

struct pq_group;

/* `schema` and `options` outlive the group. Errors: UNSUPPORTED for a column that Parquet has no
 * type for, by name; INVALID for an encoding that its type cannot have; NO_MEMORY. */
SLP_NODISCARD slp_rc pq_group_new(struct alloc *mem, const struct arr_schema *schema,
                                  const struct pq_write_options *options, struct pq_group **out,
                                  struct slp_err *err);
void pq_group_free(struct pq_group *g);

/*
 * Encode all rows of a batch as the whole group: blocks of `block_rows` rows each (at least 1), the
 * last one shorter. What the group held before is forgotten, its memory used again; after an error
 * it has no rows. Pure: no I/O.
 *
 * Errors   BAD_INPUT    a null in a column that is not nullable; a timestamp in seconds beyond
 *                       milliseconds; a decimal with too many digits (column and row)
 *          LIMIT        a page over PQ_PAGE_MAX_BYTES: one value of 1 GiB
 *          UNSUPPORTED  the codec
 *          NO_MEMORY
 * Cost     one pass a column; memory: the compressed group and scratch of one column
 */
SLP_NODISCARD slp_rc pq_group_encode(struct pq_group *g, const struct arr_batch *batch,
                                     int64_t block_rows, struct slp_err *err);

int64_t pq_group_rows(const struct pq_group *g);

/* As it will stand in the file; bloom filters come behind it. */
uint64_t pq_group_bytes(const struct pq_group *g);
void pq_group_place(const struct pq_group *g, size_t column, struct pq_chunk_place *out);

struct pq_writer;

/* Writes the leading magic. `sink` stands at offset 0 of its object; it, `schema` and what
 * `options` points to outlive the writer. Errors: as pq_group_new, and whatever the sink
 * returns. */
SLP_NODISCARD slp_rc pq_writer_new(struct alloc *mem, struct sink *sink,
                                   const struct arr_schema *schema,
                                   const struct pq_write_options *options, struct pq_writer **out,
                                   struct slp_err *err);
void pq_writer_free(struct pq_writer *w);

/* Write an encoded group; `*offset` says where it begins in the file. One without rows is left out.
 * The group may be freed afterwards. */
SLP_NODISCARD slp_rc pq_writer_group(struct pq_writer *w, const struct pq_group *g,
                                     uint64_t *offset, struct slp_err *err);

/*
 * Encode all rows of a batch into `g` and write them as the next group, each chunk as soon as it is
 * finished: in memory there is one chunk, not the group, and its bytes are used again. Afterwards
 * the group is as after pq_group_encode, without its bytes. No rows: no group.
 *
 * Errors   as pq_group_encode and whatever the sink returns; the file cannot be finished after one
 */
SLP_NODISCARD slp_rc pq_writer_rows(struct pq_writer *w, struct pq_group *g,
                                    const struct arr_batch *batch, int64_t block_rows,
                                    struct slp_err *err);

/* Write bytes that no reader of Parquet looks at; `*offset` says where they begin. Only after the
 * last group. */
SLP_NODISCARD slp_rc pq_writer_raw(struct pq_writer *w, struct slice bytes, uint64_t *offset,
                                   struct slp_err *err);

/* Add to the footer's key-value metadata; both are copied. */
SLP_NODISCARD slp_rc pq_writer_key_value(struct pq_writer *w, struct slice key, struct slice value,
                                         struct slp_err *err);

/* Write page indexes and footer. `*footer_offset` and `*footer_bytes` (metadata only) may be
 * NULL. */
SLP_NODISCARD slp_rc pq_writer_finish(struct pq_writer *w, uint64_t *footer_offset,
                                      uint32_t *footer_bytes, struct slp_err *err);

#endif
