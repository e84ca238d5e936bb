/*
 * Bit packing as Parquet's hybrid encoding has it: values of `width` bits one behind another, least
 * significant bit first.
 *
 *   width 3, values 0 1 2 3 4 5 6 7:  10001000 11000110 11111010   (bytes 0x88 0xc6 0xfa)
 *
 * Eight values take exactly `width` bytes, so packing goes by eights.
 */
#ifndef SLP_CODEC_BIT_PACK_H
#define SLP_CODEC_BIT_PACK_H

#include <stddef.h>
#include <stdint.h>

/* Bytes behind the packed ones that cx_bit_pack may overwrite. */
#define CX_BIT_PACK_SLACK 32u

/* Bits that hold `v`: 0 for 0, 8 for 255. */
static inline unsigned cx_bit_width(uint32_t v)
{
    return v ? 32u - (unsigned)__builtin_clz(v) : 0;
}

/* Pack `groups` times eight values of at most `width` bits, 1 to 32, into groups * width bytes. */
void cx_bit_pack(const uint32_t *values, size_t groups, unsigned width, uint8_t *out);

#endif
