/*
 * Bit unpacking: `n` values of `width` bits each, least significant bit first, from any bit of the
 * input. Not a byte outside the input is read: no padding is needed.
 */
#ifndef SLP_CODEC_UNPACK_H
#define SLP_CODEC_UNPACK_H

#include "base/slice.h"

/* Values of 0 to 32 bits. The input holds `bit` + n * width bits at least. Cost: about 1/2 ns
 * a value of at most 25 bits. */
void cx_unpack32(struct slice in, uint64_t bit, unsigned width, uint32_t *out, size_t n);

/* The same without vectors: what machines without AVX2 run, and tests compare. */
void cx_unpack32_plain(struct slice in, uint64_t bit, unsigned width, uint32_t *out, size_t n);

/* Values of 0 to 8 bits, a byte each. Cost: below 1/2 ns a value. */
void cx_unpack8(struct slice in, uint64_t bit, unsigned width, uint8_t *out, size_t n);

/* Values of 0 to 64 bits. Cost: about 1/2 ns a value of at most 57 bits. */
void cx_unpack64(struct slice in, uint64_t bit, unsigned width, uint64_t *out, size_t n);

/* The same without vectors. */
void cx_unpack64_plain(struct slice in, uint64_t bit, unsigned width, uint64_t *out, size_t n);

#endif
