/*
 * BYTE_STREAM_SPLIT: the first bytes of all values, then all second bytes, and so on. Nothing gets
 * smaller by it, but bytes that are alike, such as signs and exponents, then stand together for the
 * codec.
 *
 *   a0 a1 a2 a3  b0 b1 b2 b3   ->   a0 b0  a1 b1  a2 b2  a3 b3
 *
 * The way back is cx_join_streams in codec/values.h.
 */
#ifndef SLP_CODEC_STREAMS_H
#define SLP_CODEC_STREAMS_H

#include <stddef.h>
#include <stdint.h>

/* Split `n` values of `width` bytes; `out` has room for as many bytes and does not overlap. Cost:
 * 1 to 2 ns a value of 4 or 8 bytes. */
void cx_split_streams(uint8_t *out, const uint8_t *values, size_t width, size_t n);

/* The same, byte by byte: what the above is tested against, and does with other widths. */
void cx_split_streams_plain(uint8_t *out, const uint8_t *values, size_t width, size_t first,
                            size_t n, size_t count);

#endif
