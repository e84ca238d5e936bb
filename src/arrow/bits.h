/*
 * Bitmaps, least significant bit first: validity and BOOL. A bitmap of n bits has (n + 7) / 8
 * bytes, and the bits behind the n-th are zero, so equal bitmaps have equal bytes.
 */
#ifndef SLP_ARROW_BITS_H
#define SLP_ARROW_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline size_t arr_bits_bytes(int64_t bits)
{
    return ((size_t)bits + 7) / 8;
}

/* Copy `count` bits to a place whose bits are zero. Cost: 64 bits a step, whatever the
 * alignment. */
void arr_bits_copy(uint8_t *dst, int64_t dst_bit, const uint8_t *src, int64_t src_bit,
                   int64_t count);

/* Set `count` bits. */
void arr_bits_set(uint8_t *dst, int64_t dst_bit, int64_t count);

/* How many of `count` bits are set. */
int64_t arr_bits_count(const uint8_t *src, int64_t src_bit, int64_t count);

/* Gather: bit rows[i] of `src` becomes bit dst_bit + i of `dst`, whose bits are zero. Returns how
 * many were set. */
int64_t arr_bits_pick(uint8_t *dst, int64_t dst_bit, const uint8_t *src, const uint32_t *rows,
                      int64_t count);

#endif
