/*
 * A cursor over one page: its rows are decoded in as many portions as its user likes, straight into
 * the column they are for. The reader fills batches with it whatever the page boundaries are;
 * pq_page_decode is one portion of everything.
 *
 *   levels ----> which rows are present: runs, or a bitmap of one step
 *   values ----> dense values of the step's present rows, at the end of the column
 *                then spread over the rows, in place, where some are null
 *
 * Of a nested column an entry of its levels is not always a row: pq_cursor_levels hands levels out
 * and pq_cursor_slots decodes what belongs to them.
 *
 * A step is at most PQ_STEP_ROWS rows, so that what lies between the two stays in the first-level
 * cache, and memory grows by what was decoded and never by what a header claims.
 */
#ifndef SLP_PARQUET_CURSOR_H
#define SLP_PARQUET_CURSOR_H

#include "codec/delta_decode.h"
#include "codec/rle_decode.h"
#include "parquet/page.h"

#define PQ_STEP_ROWS 1024u

struct pq_cursor {
    const struct pq_column *column;
    const struct pq_dictionary *dict; /* NULL: none */
    int encoding;                     /* enum pq_encoding */
    int64_t rows_left;                /* nested columns: entries */
    bool is_nested;
    bool has_levels; /* flat columns: one bit a row */
    struct cx_rle levels;
    struct cx_rle repetitions; /* nested columns with lists */
    struct slice values;       /* PLAIN and strings of deltas: not read yet; stream split: all */
    size_t value_at;           /* PLAIN booleans: bit in `values`; stream split: value */
    struct cx_rle indices;     /* of the dictionary, or booleans */
    struct cx_delta numbers;   /* DELTA_BINARY_PACKED; lengths; lengths of suffixes */
    struct cx_delta prefixes;
    struct buf *previous; /* DELTA_BYTE_ARRAY: the last string; in the scratch */
};

/*
 * Open a page: check, decompress, find levels and values. `body` and what `scratch` holds are
 * borrowed until the last row is decoded. Errors as pq_page_decode.
 */
SLP_NODISCARD slp_rc pq_cursor_open(struct pq_cursor *c, const struct pq_column *column,
                                    enum cx_kind codec, const struct pq_page_header *header,
                                    struct slice body, const struct pq_dictionary *dict,
                                    struct pq_scratch *scratch, struct slp_err *err);

/*
 * The levels of the next `count` entries of a nested column, at most PQ_STEP_ROWS and rows_left,
 * one byte each; levels that the page leaves out are 0. Then their values: a slot in `out` for each
 * entry that has one. Errors: CORRUPT.
 */
SLP_NODISCARD slp_rc pq_cursor_levels(struct pq_cursor *c, size_t count, uint8_t *definitions,
                                      uint8_t *repetitions, struct slp_err *err);
SLP_NODISCARD slp_rc pq_cursor_slots(struct pq_cursor *c, const uint8_t *definitions, size_t count,
                                     struct arr_col *out, struct slp_err *err);

/* Append the next `rows` rows, at most rows_left, to `out`. Errors as pq_page_decode. */
SLP_NODISCARD slp_rc pq_cursor_decode(struct pq_cursor *c, int64_t rows, struct arr_col *out,
                                      struct slp_err *err);

/* Pass over the next `rows` rows, at most rows_left. What cannot be passed over undecoded goes
 * through `passed`, a column of the same type. Errors as pq_page_decode. */
SLP_NODISCARD slp_rc pq_cursor_skip(struct pq_cursor *c, int64_t rows, struct arr_col *passed,
                                    struct slp_err *err);

#endif
