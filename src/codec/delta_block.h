/*
 * The numbers of one block of DELTA_BINARY_PACKED: 128 differences, what each is above the least of
 * them, and the bits that each miniblock of 32 needs.
 *
 *   values  ... 7 | 10 12 11 20 ...      differences  3 2 -1 9 ...
 *                                        least -1, above it  4 3 0 10 ...  widths: bits of all or-ed
 *
 * Each body is compiled for AVX-512, for AVX2 and for any processor; the first that runs here is
 * taken. The plain ones are the twins that tests compare.
 */
#ifndef SLP_CODEC_DELTA_BLOCK_H
#define SLP_CODEC_DELTA_BLOCK_H

#include <stdint.h>

#define CX_DELTA_BLOCK 128u
#define CX_DELTA_MINI  32u
#define CX_DELTA_MINIS (CX_DELTA_BLOCK / CX_DELTA_MINI)

/* `v` points at the first value of a whole block; the one before it is read too. Differences wrap
 * around. Returns the least of them, signed; `bits` is what the values of each miniblock have set
 * among them. */
int32_t cx_delta_block_32(const int32_t *v, uint32_t *above, uint32_t *bits);
int64_t cx_delta_block_64(const int64_t *v, uint64_t *above, uint64_t *bits);

int32_t cx_delta_block_32_plain(const int32_t *v, uint32_t *above, uint32_t *bits);
int64_t cx_delta_block_64_plain(const int64_t *v, uint64_t *above, uint64_t *bits);

#endif
