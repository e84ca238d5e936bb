/*
 * Carrying out a merge plan: columns and keys gather rows from the current blocks of many inputs.
 *
 * A plan is a list of spans, rows that stand together in one input's block and go out together.
 * When inputs interleave at random most spans are one row, so these kernels make no call a span:
 * one loop a column, specialised by width. What a plan takes of one input is one stretch of its
 * block (a part), so that sizes are known without a walk over the spans.
 */
#ifndef SLP_MERGE_GATHER_H
#define SLP_MERGE_GATHER_H

#include "key/run.h"

struct merge_span {
    uint32_t input;
    uint32_t rows;
    int64_t first; /* row in the input's block */
};

/* Rows [first, end) of an input's block, all of which the plan's spans take. */
struct merge_part {
    int64_t first;
    int64_t end;
};

/* Where a column's rows of one input are, and its bytes. */
struct merge_source {
    const struct arr_col *col; /* of columns, not of keys; of the block, or its rows decoded */
    const uint8_t *data;
    const void *offsets; /* strings: int32_t; keys: uint64_t */
    uint32_t shift;      /* what its indices into a dictionary are raised by */
};

struct merge_plan {
    const struct run_block *blocks; /* current block of each input; batch NULL: none */
    const struct merge_part *parts; /* of each input */
    struct merge_source *sources;   /* room for one of each input */
    size_t input_count;
    const struct merge_span *spans;
    size_t span_count;
    int64_t rows; /* of all spans */
};

/* Append the planned rows of column `column` to `out`, which is plain, as they are. Errors: LIMIT,
 * NO_MEMORY; `out` may then hold a part and is to be dropped. */
SLP_NODISCARD slp_rc merge_gather_col(const struct merge_plan *plan, size_t column,
                                      struct arr_col *out, struct slp_err *err);

/* The two halves of that, between which sources may be changed: those of all inputs that rows come
 * from, and their rows. Where `out` has a dictionary all sources have indices, which are shifted. */
void merge_gather_sources(const struct merge_plan *plan, size_t column);
SLP_NODISCARD slp_rc merge_gather_rows(const struct merge_plan *plan, struct arr_col *out,
                                       struct slp_err *err);

/* Append the keys of the planned rows. Errors as above. */
SLP_NODISCARD slp_rc merge_gather_keys(const struct merge_plan *plan, struct key_vec *out,
                                       struct slp_err *err);

#endif
