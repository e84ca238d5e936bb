/*
 * The loops that turn stored values into Arrow's: plain arguments, no allocation, no error struct.
 * A `step` is a run of values small enough for the first-level cache; callers cut pages into steps.
 *
 * Strings are copied 16 bytes at a time: destinations need CX_COPY_SLACK writable bytes behind
 * their end; sources need it readable only where that is said.
 */
#ifndef SLP_CODEC_VALUES_H
#define SLP_CODEC_VALUES_H

#include "base/slice.h"

#define CX_COPY_SLACK 16u

/* Where strings are joined from prefixes, a register of 32 bytes is written. */
#define CX_JOIN_SLACK 32u

/* Narrow 32-bit integers to their low 8 or 16 bits; 64-bit ones to their low 32. */
void cx_narrow_32_to_8(uint8_t *dst, const uint8_t *src, size_t n);
void cx_narrow_32_to_16(uint8_t *dst, const uint8_t *src, size_t n);
void cx_narrow_64_to_32(uint8_t *dst, const uint8_t *src, size_t n);

/* Widen signed integers to 128 bits. */
void cx_widen_32_to_128(uint8_t *dst, const uint8_t *src, size_t n);
void cx_widen_64_to_128(uint8_t *dst, const uint8_t *src, size_t n);

/* One big-endian two's complement number of any length, as decimals are stored. false if it needs
 * more than 128 bits. */
bool cx_decimal_be(uint8_t dst[16], struct slice src);

/* The same into 32 bytes; false if it needs more than 256 bits. */
bool cx_decimal_be_256(uint8_t dst[32], struct slice src);

/* INTERVAL: months, days, milliseconds, 4 bytes each, to months, days and nanoseconds in 4, 4 and 8
 * bytes. Returns how many of the first ones fit. */
size_t cx_intervals(uint8_t *dst, const uint8_t *src, size_t n);

/* INT96: nanoseconds of the day (8 bytes) and Julian day (4 bytes) to units of `nanos` nanoseconds
 * since 1970, rounded down. Returns how many of the first ones fit 64 bits. */
size_t cx_int96_to_units(uint8_t *dst, const uint8_t *src, int64_t nanos, size_t n);

/* Values of `width` bytes by index; every index lies inside the dictionary. */
void cx_gather(uint8_t *dst, const uint8_t *dict, size_t width, const uint32_t *indices, size_t n);

uint32_t cx_max_u32(const uint32_t *v, size_t n); /* 0 when n is 0 */

/* The ends of dictionary strings one behind another, `base` before the first. Returns the end of
 * the last one; ends wrap if that exceeds 32 bits. */
uint64_t cx_gather_ends(int32_t *ends, uint64_t base, const int32_t *dict_offsets,
                        const uint32_t *indices, size_t n);

/* Copy those strings. Both sides need CX_COPY_SLACK. */
void cx_gather_strings(uint8_t *dst, const uint8_t *dict, const int32_t *dict_offsets,
                       const uint32_t *indices, size_t n);

/* The ends of PLAIN strings (u32 length, bytes) one behind another. Returns how many are whole;
 * `*end` is the end of the last one and `*used` the bytes they take in `in`. */
size_t cx_plain_ends(int32_t *ends, uint64_t base, struct slice in, size_t n, uint64_t *end,
                     size_t *used);

/* Copy the first `n` PLAIN strings, all of which are whole. Reads nothing outside `in`. */
void cx_plain_strings(uint8_t *dst, struct slice in, size_t n);

/*
 * Strings that each share a prefix with the one before, and whose suffixes stand one behind another
 * at the start of `in`: all lengths were checked. `before` is the string before the first; it has
 * CX_JOIN_SLACK readable bytes, and `dst` needs as many. The end of string i, `base` before the first, goes into ends[i]. Returns
 * the bytes of all suffixes.
 */
size_t cx_join_prefixes(uint8_t *dst, int32_t *ends, size_t base, const uint8_t *before,
                        struct slice in, const int64_t *prefixes, const int64_t *suffixes,
                        size_t n);

/* The same without vectors: what machines without AVX2 run, and tests compare. */
size_t cx_join_prefixes_plain(uint8_t *dst, int32_t *ends, size_t base, const uint8_t *before,
                              struct slice in, const int64_t *prefixes, const int64_t *suffixes,
                              size_t n);

/*
 * Spread dense values over rows: `values` holds one element a set bit; afterwards one a row, zero
 * bytes where the bit is clear. In place.
 */
void cx_spread(uint8_t *values, size_t width, const uint8_t *bits, size_t rows, size_t present);

/* The same for ends of strings: a clear bit repeats the end before it, `base` at first. */
void cx_spread_ends(int32_t *ends, int32_t base, const uint8_t *bits, size_t rows, size_t present);

/* The same for bits, into a zeroed bitmap. */
void cx_spread_bits(uint8_t *dst, const uint8_t *dense, const uint8_t *bits, size_t rows);

/* BYTE_STREAM_SPLIT: values [first, first + n) of `count` of `width` bytes, byte j of value i at
 * in[j * count + i]. */
void cx_join_streams(uint8_t *dst, const uint8_t *in, size_t width, size_t count, size_t first,
                     size_t n);

#endif
