/*
 * Reading one column chunk from front to back: windows of its bytes, pages in them, rows out of
 * those.
 *
 *   | dictionary page | data page | data page | ... |      the chunk in the file
 *           `-- window, moved on and grown as pages need --'
 *
 * Of a nested column rows come with their levels, from which nested.h makes lists and structs.
 * Where a row ends is known when the next one begins, so a step of levels is decoded ahead.
 *
 * The first windows of all columns of a row group can be read in one round: `pq_chunk_begin` says
 * what to read, and decoding finds it there.
 */
#ifndef SLP_PARQUET_CHUNK_H
#define SLP_PARQUET_CHUNK_H

#include "parquet/levels.h"

/* Levels that were decoded and not handed out. */
struct pq_ahead {
    size_t at;
    size_t end;
    uint8_t last_definition; /* of the entry before; 0 at the start of a chunk */
    uint8_t definitions[PQ_STEP_ROWS];
    uint8_t repetitions[PQ_STEP_ROWS];
};

struct pq_chunk_reader {
    const struct pq_column *column;
    struct source *src;
    enum cx_kind codec;
    bool mends_v2;        /* the writer's v2 pages are compressed though they say they are not */
    size_t window_bytes;  /* what one read aims at */
    struct buf window;    /* bytes of the chunk */
    uint64_t window_at;   /* their offset in the file */
    size_t used;          /* of the window: pages behind us */
    uint64_t end;         /* of the chunk, in the file */
    uint64_t last_end;    /* how far pages of old writers may go beyond it */
    int64_t rows_left;    /* in pages not opened yet; nested columns: entries */
    uint64_t page_offset; /* of the page being decoded, for messages */
    struct pq_cursor page;
    struct pq_dictionary dict;
    struct pq_scratch scratch; /* its codec is borrowed from the stream */
    struct pq_ahead ahead;     /* nested columns */
};

/* `column`, `src` and `codec` outlive the reader. */
void pq_chunk_reader_init(struct pq_chunk_reader *r, struct alloc *mem,
                          const struct pq_column *column, struct source *src,
                          struct cx_codec *codec, bool verify_crc);
void pq_chunk_reader_fini(struct pq_chunk_reader *r);

/* Go to the start of a chunk; `*range` is the first window, for the caller to read before rows are
 * taken (its len is 0 when there is nothing to read). Errors: NO_MEMORY. */
SLP_NODISCARD slp_rc pq_chunk_begin(struct pq_chunk_reader *r, const struct pq_chunk *chunk,
                                    size_t window_bytes, struct io_range *range,
                                    struct slp_err *err);

/* Append the next `rows` rows of the chunk. Errors as pq_page_decode, with the page's offset, and
 * those of the source. */
SLP_NODISCARD slp_rc pq_chunk_rows(struct pq_chunk_reader *r, int64_t rows, struct arr_col *out,
                                   struct slp_err *err);

/*
 * The same of a leaf of a nested column: append the levels of the next `rows` rows to `levels`, and
 * a slot to `out` for each entry that has one. With `is_last` the chunk has no more rows. Errors
 * also CORRUPT for levels that cannot follow each other, LIMIT beyond PQ_LEVELS_MAX_BYTES.
 */
SLP_NODISCARD slp_rc pq_chunk_nested(struct pq_chunk_reader *r, int64_t rows, bool is_last,
                                     struct pq_levels *levels, struct arr_col *out,
                                     struct slp_err *err);

#endif
