#include "codec/bit_pack.h"

#include <assert.h>

#include "base/num.h"

/* Four values as one number of 4 * width bits, which fit 64 up to width 16. */
static inline uint64_t four(const uint32_t *v, unsigned width)
{
    uint64_t low = v[0] | (uint64_t)v[1] << width;
    uint64_t high = v[2] | (uint64_t)v[3] << width;
    return low | high << (2 * width);
}

static void pack_to_8(const uint32_t *v, size_t groups, unsigned width, uint8_t *out)
{
    for (size_t g = 0; g < groups; g++, v += 8, out += width)
        num_store_u64le(out, four(v, width) | four(v + 4, width) << (4 * width));
}

static void pack_to_16(const uint32_t *v, size_t groups, unsigned width, uint8_t *out)
{
    for (size_t g = 0; g < groups; g++, v += 8, out += width) {
        u128 bits = four(v, width) | (u128)four(v + 4, width) << (4 * width);
        memcpy(out, &bits, sizeof bits);
    }
}

/* Eight values are up to 256 bits: two halves of 4 * width, which meet inside a byte when width is
 * odd. */
static void pack_to_32(const uint32_t *v, size_t groups, unsigned width, uint8_t *out)
{
    unsigned half_bits = 4 * width;
    unsigned shared_bits = half_bits % 8;
    for (size_t g = 0; g < groups; g++, v += 8, out += width) {
        u128 low = (v[0] | (uint64_t)v[1] << width) | (u128)(v[2] | (uint64_t)v[3] << width)
                                                          << (2 * width);
        u128 high = (v[4] | (uint64_t)v[5] << width) | (u128)(v[6] | (uint64_t)v[7] << width)
                                                           << (2 * width);
        if (shared_bits)
            high = high << shared_bits | low >> (half_bits - shared_bits);
        memcpy(out, &low, sizeof low);
        memcpy(out + half_bits / 8, &high, sizeof high);
    }
}

void cx_bit_pack(const uint32_t *values, size_t groups, unsigned width, uint8_t *out)
{
    assert(width >= 1 && width <= 32);
    if (width <= 8)
        pack_to_8(values, groups, width, out);
    else if (width <= 16)
        pack_to_16(values, groups, width, out);
    else
        pack_to_32(values, groups, width, out);
}
