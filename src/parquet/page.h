/*
 * Pages: header, body, values. Decoding appends a page's rows to an Arrow column; it is what the
 * reader of foreign files and the range reader of our own data files share.
 *
 *   | header, Thrift compact | body, compressed_bytes of it |
 *   v1 body: [repetition levels] [definition levels] values                 all compressed together
 *   v2 body: repetition levels | definition levels | values      the values compressed or not
 *
 * Levels are RLE and bit-packed, behind a u32 length in v1; those whose greatest is 0 are left out.
 * Flat columns have one bit of definition level or none: pq_page_decode is for them. Nested ones
 * are read by pq_chunk_nested (nested.h).
 */
#ifndef SLP_PARQUET_PAGE_H
#define SLP_PARQUET_PAGE_H

#include "arrow/batch.h"
#include "codec/compress.h"
#include "parquet/meta.h"

enum pq_page_kind {
    PQ_PAGE_DATA = 0,
    PQ_PAGE_INDEX = 1,
    PQ_PAGE_DICTIONARY = 2,
    PQ_PAGE_DATA_V2 = 3
};

/* A page decompresses to at most this, whatever its header says. */
#define PQ_PAGE_MAX_BYTES (1u << 30)

/* A page header is at most this long. */
#define PQ_PAGE_HEADER_MAX_BYTES (1u << 16)

struct pq_page_header {
    enum pq_page_kind kind;
    uint32_t compressed_bytes;
    uint32_t uncompressed_bytes;
    bool has_crc;
    uint32_t crc;              /* of the body as it is stored */
    int32_t value_count;       /* rows, nulls included */
    int encoding;              /* enum pq_encoding, checked when decoded */
    int definition_encoding;   /* v1 */
    int repetition_encoding;   /* v1 */
    uint32_t definition_bytes; /* v2 */
    uint32_t repetition_bytes; /* v2 */
    bool is_compressed;        /* v2; true for others */
};

/* Parse a header at the start of `in`; `*header_bytes` says where the body begins. Errors: CORRUPT;
 * LIMIT when `in` ends inside the header and more bytes might help. */
SLP_NODISCARD slp_rc pq_page_header_parse(struct slice in, struct pq_page_header *out,
                                          size_t *header_bytes, struct slp_err *err);

/* A chunk's dictionary, decoded: one Arrow column of its values. */
struct pq_dictionary {
    struct arr_col values;
    bool loaded;
};

/* What decoding needs besides the page: contexts and scratch of one thread. */
struct pq_scratch {
    struct alloc *mem;
    struct cx_codec *codec;
    struct buf body; /* decompressed */
    struct buf levels;
    struct buf indices;
    bool verify_crc;
    bool demand_crc;      /* with verify_crc: a page without a checksum is CORRUPT */
    bool carries_strings; /* DELTA_BYTE_ARRAY goes on from the page before, as old writers had it */
};

SLP_NODISCARD slp_rc pq_scratch_init(struct pq_scratch *s, struct alloc *mem, bool verify_crc,
                                     struct slp_err *err);
void pq_scratch_fini(struct pq_scratch *s);

/* Decode a dictionary page body (as stored) into `dict`, whose column is initialised by this call.
 * Errors as below. */
SLP_NODISCARD slp_rc pq_dictionary_decode(const struct pq_column *column, enum cx_kind codec,
                                          const struct pq_page_header *header, struct slice body,
                                          struct pq_scratch *scratch, struct pq_dictionary *dict,
                                          struct slp_err *err);

/*
 * Append the rows of a data page to `out`. `dict` may be NULL when the chunk has none.
 *
 * Errors   CORRUPT      CRC, lengths, levels, indices beyond the dictionary, values beyond the page
 *          UNSUPPORTED  encoding or codec, by name
 *          LIMIT, NO_MEMORY; `out` may hold part of the page afterwards and is to be dropped
 */
SLP_NODISCARD slp_rc pq_page_decode(const struct pq_column *column, enum cx_kind codec,
                                    const struct pq_page_header *header, struct slice body,
                                    const struct pq_dictionary *dict, struct pq_scratch *scratch,
                                    struct arr_col *out, struct slp_err *err);

#endif
