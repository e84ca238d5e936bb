/*
 * The hybrid of runs and bit packing that carries levels, dictionary indices and booleans.
 *
 *   varint head, lowest bit 0: run     | head >> 1 values | the value in (width + 7) / 8 bytes
 *                lowest bit 1: packed  | (head >> 1) * 8 values of `width` bits
 *
 * The input ends where it ends: a decoder hands out what there is and its caller knows how much was
 * expected. Some writers cut the padding of the last packed group; the values before it count.
 *
 * The runs are open to look at: `cx_rle_fill` makes one of `run_left` and `packed_left` positive,
 * and whoever takes values from the struct by hand counts them down (cx_rle_drop).
 */
#ifndef SLP_CODEC_RLE_DECODE_H
#define SLP_CODEC_RLE_DECODE_H

#include "base/slice.h"

struct cx_rle {
    struct slice in; /* not read yet */
    unsigned width;  /* bits, 0 to 32 */
    uint32_t run_value;
    uint64_t run_left;    /* values of the current run */
    uint64_t packed_left; /* values of the current packed groups */
    struct slice packed;
    uint64_t packed_bit; /* where the next one begins */
};

/* Width 0 is a run of zeros without end: writers differ in what they put down for it. */
void cx_rle_init(struct cx_rle *r, struct slice in, unsigned width);

/* See that values are at hand. false at the end of the input or where it is damaged. */
bool cx_rle_fill(struct cx_rle *r);

/* Count `n` values, at most those at hand, as taken. */
void cx_rle_drop(struct cx_rle *r, uint64_t n);

/* Take up to `n` values. Returns how many: fewer only at the end of the input. */
size_t cx_rle_next(struct cx_rle *r, uint32_t *out, size_t n);

#endif
