/*
 * Writing the delta encodings. Their layout stands in codec/delta_decode.h.
 *
 *   DELTA_BINARY_PACKED      integers
 *   DELTA_LENGTH_BYTE_ARRAY  lengths as above, then all bytes
 *   DELTA_BYTE_ARRAY         how many bytes are those of the value before, as above; the rest as
 *                            DELTA_LENGTH_BYTE_ARRAY
 *
 * Blocks have 128 values in 4 miniblocks, what every writer uses; the last miniblock is padded with
 * zeros to its full length, and those that no value needs have width 0 and no body. Differences of
 * 32-bit integers wrap at 32 bits, so that no width exceeds 32, as strict readers demand.
 *
 *   10 11 12 14 15:  128 4 5 zigzag(10) | zigzag(1) 1 0 0 0 | 0 0 1 0 (32 bits in all)
 *
 * Cost: about 1 ns an integer; strings the same and a copy of their bytes.
 */
#ifndef SLP_CODEC_DELTA_ENCODE_H
#define SLP_CODEC_DELTA_ENCODE_H

#include "base/buf.h"

/* Bytes behind the last byte of strings that must be readable. */
#define CX_DELTA_OVERREAD 16u

/* Append `n` integers. Errors: LIMIT, NO_MEMORY. */
SLP_NODISCARD slp_rc cx_delta_encode_32(const int32_t *values, size_t n, struct buf *out,
                                        struct slp_err *err);
SLP_NODISCARD slp_rc cx_delta_encode_64(const int64_t *values, size_t n, struct buf *out,
                                        struct slp_err *err);

/* Append `n` strings, string i at data[offsets[i]] to data[offsets[i + 1]], as
 * DELTA_LENGTH_BYTE_ARRAY. Errors: LIMIT, NO_MEMORY. */
SLP_NODISCARD slp_rc cx_delta_encode_lengths(const uint8_t *data, const int32_t *offsets, size_t n,
                                             struct buf *out, struct slp_err *err);

/* The same strings as DELTA_BYTE_ARRAY. `scratch` is overwritten. Errors: LIMIT, NO_MEMORY. */
SLP_NODISCARD slp_rc cx_delta_encode_strings(const uint8_t *data, const int32_t *offsets, size_t n,
                                             struct buf *scratch, struct buf *out,
                                             struct slp_err *err);

/* The same for values of `width` bytes each, one behind another. */
SLP_NODISCARD slp_rc cx_delta_encode_fixed(const uint8_t *data, size_t width, size_t n,
                                           struct buf *scratch, struct buf *out,
                                           struct slp_err *err);

#endif
