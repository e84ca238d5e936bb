/*
 * Putting one page: header, CRC, compression. The layout of both versions stands in parquet/page.h.
 */
#ifndef SLP_PARQUET_PAGE_WRITE_H
#define SLP_PARQUET_PAGE_WRITE_H

#include "codec/compress.h"
#include "parquet/page.h"

/* A page before compression. */
struct pq_page_body {
    enum pq_page_kind kind;
    enum pq_encoding encoding; /* of its values */
    int64_t rows;
    int64_t entries;         /* levels, nulls included: of flat columns the rows; of a dictionary
                                  its values */
    int64_t null_count;      /* version 2: entries without a value */
    struct slice bytes;      /* levels, then values */
    size_t repetition_bytes; /* version 2: at the start, as the definition levels behind them */
    size_t definition_bytes; /* version 2: of the levels, which are not compressed */
};

struct pq_page_sink {
    struct buf *out;    /* pages are appended to it */
    struct buf *header; /* overwritten */
    struct cx_codec *codec;
    enum cx_kind kind;
    int level;
    enum cx_content content; /* of pages of values; indices are anything */
    bool is_unrepeated;      /* the last trial: searching them for repeats gains nothing */
    size_t untried_bytes;    /* of pages of values since the last trial, or the start */
    bool was_tried;
    size_t usual_part; /* of a page that is left when it was not searched; 0: none was */
    uint64_t bytes;    /* of pages so far, with their headers */
    uint64_t uncompressed_bytes;
};

/* Append what the sink's codec makes of the bytes of a page. Errors: UNSUPPORTED, LIMIT,
 * NO_MEMORY. */
SLP_NODISCARD slp_rc pq_page_compress(const struct pq_page_sink *s, enum pq_encoding encoding,
                                      struct slice bytes, struct buf *out, struct slp_err *err);

/* Append a page. Errors: LIMIT for a page over PQ_PAGE_MAX_BYTES; UNSUPPORTED (the codec);
 * NO_MEMORY; `out` may hold a part of the page afterwards. */
SLP_NODISCARD slp_rc pq_page_put(struct pq_page_sink *s, const struct pq_page_body *body,
                                 struct slp_err *err);

#endif
