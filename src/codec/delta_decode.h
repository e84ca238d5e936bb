/*
 * DELTA_BINARY_PACKED: integers as differences in blocks of packed miniblocks.
 *
 *   block size | miniblocks a block | values | first value (zigzag)
 *   block: smallest difference (zigzag) | one width byte a miniblock | miniblocks
 *
 * Block size, counts and values are varints. Arithmetic wraps. Behind the last value nothing is
 * promised: widths of miniblocks not needed are arbitrary and their bodies absent. Differences may
 * have 64 bits whatever the type is: DuckDB writes those of 32-bit integers with 33.
 */
#ifndef SLP_CODEC_DELTA_DECODE_H
#define SLP_CODEC_DELTA_DECODE_H

#include "base/slice.h"

struct cx_delta {
    struct slice in; /* not read yet */
    unsigned bits;   /* widest difference: 32 or 64 */
    uint64_t left;   /* values not handed out yet */
    uint64_t value;  /* the last one, or the first before it was handed out */
    bool is_first;   /* `value` was not handed out yet */
    uint64_t minis;  /* a block */
    uint64_t mini_values;
    uint64_t min_delta;  /* of the current block */
    struct slice widths; /* of miniblocks not begun yet */
    unsigned width;      /* of the current miniblock */
    struct slice mini;
    uint64_t mini_bit;
    uint64_t mini_left; /* values */
};

/* false if the head is damaged. `d->left` then says how many values there are. */
bool cx_delta_init(struct cx_delta *d, struct slice in);

/* Take up to `n` values. Returns how many: fewer at the last one and where the input is damaged,
 * behind which there are none. */
size_t cx_delta_next(struct cx_delta *d, int64_t *out, size_t n);

/* What lies behind the last value of a decoder that was not used yet. false if the input ends
 * before. Cost: O(blocks), without unpacking. */
bool cx_delta_rest(const struct cx_delta *d, struct slice *rest);

#endif
