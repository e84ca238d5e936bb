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
 *
 * Rows that nobody wants are passed over by pq_chunk_seek. With an offset index the pages between
 * are neither read nor decompressed, whether the column is flat or nested: rows begin with pages
 * then. Without, headers say how many rows of a flat column a page has, and its body is left alone;
 * of a nested one, pages are decoded and forgotten.
 */
#ifndef SLP_PARQUET_CHUNK_H
#define SLP_PARQUET_CHUNK_H

#include "arrow/dictionary.h"
#include "parquet/index_read.h"
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
    bool mends_v2;       /* the writer's v2 pages are compressed though they say they are not */
    size_t window_bytes; /* what one read aims at */
    struct buf window;   /* bytes of the chunk */
    uint64_t window_at;  /* their offset in the file */
    size_t used;         /* of the window: pages behind us */
    uint64_t end;        /* of the chunk, in the file */
    uint64_t last_end;   /* how far pages of old writers may go beyond it */
    uint64_t stop;       /* windows go no further: behind it is nothing that is wanted so far */
    int64_t rows_left; /* in pages not opened yet; nested columns: entries, or more after a jump */
    int64_t row;       /* the next one, from the start of the row group */
    const struct pq_offset_index *index; /* of the chunk; NULL: not known */
    size_t next_page;                    /* data pages opened or passed over */
    size_t pages_read;                   /* of all chunks: data pages opened */
    bool has_jumped;                     /* in this chunk */
    bool keeps_dictionary; /* flat columns: rows stay indices where the file has them so */
    uint64_t page_offset;  /* of the page being decoded, for messages */
    struct pq_cursor page;
    struct pq_dictionary dict;
    uint64_t dictionary_at;        /* in the file */
    bool has_forgotten;            /* the dictionary, which was large, at a page without indices */
    struct arr_dictionary *shared; /* keeps_dictionary: holds the values of `dict` */
    struct pq_scratch scratch;     /* its codec is borrowed from the stream */
    struct pq_ahead ahead;         /* nested columns */
    struct arr_col passed;         /* rows that were decoded to get past them */
    struct pq_levels passed_levels;
};

/* A chunk to read, and what is known of it. */
struct pq_chunk_start {
    const struct pq_chunk *chunk;
    const struct pq_offset_index *index; /* read only what is sought; NULL: all of it, in order */
    size_t window_bytes;
};

/* `column`, `src` and `codec` outlive the reader. */
void pq_chunk_reader_init(struct pq_chunk_reader *r, struct alloc *mem,
                          const struct pq_column *column, struct source *src,
                          struct cx_codec *codec, bool verify_crc);
void pq_chunk_reader_fini(struct pq_chunk_reader *r);

/* Go to the start of a chunk; `*range` is the first window, for the caller to read before rows are
 * taken (its len is 0 when there is nothing to read). Errors: NO_MEMORY. */
SLP_NODISCARD slp_rc pq_chunk_begin(struct pq_chunk_reader *r, const struct pq_chunk_start *start,
                                    struct io_range *range, struct slp_err *err);

/*
 * Go on to `row` of the row group, not before the next one; rows up to `end` are wanted then, and
 * pages are read ahead as far.
 *
 * Errors   CORRUPT  the offset index and the pages contradict each other; else as pq_chunk_rows
 */
SLP_NODISCARD slp_rc pq_chunk_seek(struct pq_chunk_reader *r, int64_t row, int64_t end,
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
