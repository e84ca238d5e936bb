/*
 * Writing Parquet's hybrid of run lengths and bit packing: levels and dictionary indices.
 *
 *   run       varint(count << 1)        the value in (width + 7) / 8 bytes, little-endian
 *   literal   varint(groups << 1 | 1)   groups * 8 values, bit-packed
 *
 * A literal begins and ends at multiples of eight values from where it began, so runs are looked
 * for there; the last literal is padded with zeros to a whole group. A run is written when it is
 * longer than what two headers more cost: from 8 values on, 16 at widths 2 and 3, 32 at width 1.
 */
#ifndef SLP_CODEC_RLE_ENCODE_H
#define SLP_CODEC_RLE_ENCODE_H

#include "base/buf.h"

/* Append `count` values below 2^width, width 1 to 32. Errors: LIMIT, NO_MEMORY. */
SLP_NODISCARD slp_rc cx_rle_encode(const uint32_t *values, size_t count, unsigned width,
                                   struct buf *out, struct slp_err *err);

/* Append bits [first, first + count) of a bitmap as values of width 1. Errors: LIMIT, NO_MEMORY. */
SLP_NODISCARD slp_rc cx_rle_encode_bits(const uint8_t *bits, size_t first, size_t count,
                                        struct buf *out, struct slp_err *err);

/* Append one run of `count` times `value`. Errors: LIMIT, NO_MEMORY. */
SLP_NODISCARD slp_rc cx_rle_encode_run(uint32_t value, size_t count, unsigned width,
                                       struct buf *out, struct slp_err *err);

#endif
