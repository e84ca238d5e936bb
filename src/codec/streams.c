#include "codec/streams.h"

#include "base/num.h"

/* Values that are split in one go: their bytes stay in the first-level cache. */
#define STEP_VALUES 256u

void cx_split_streams_plain(uint8_t *out, const uint8_t *values, size_t width, size_t first,
                            size_t n, size_t count)
{
    for (size_t j = 0; j < width; j++) {
        uint8_t *stream = out + j * count + first;
        const uint8_t *v = values + first * width + j;
        for (size_t i = 0; i < n; i++)
            stream[i] = v[i * width];
    }
}

/* Exchange blocks of `shift` bits between two rows of a matrix of 8 x 8 bytes. */
static inline void exchange(uint64_t *a, uint64_t *b, unsigned shift, uint64_t mask)
{
    uint64_t t = (*a >> shift ^ *b) & mask;
    *b ^= t;
    *a ^= t << shift;
}

/* Turn 8 rows of 8 bytes into 8 columns. */
static inline void transpose(uint64_t m[8])
{
    for (size_t i = 0; i < 4; i++)
        exchange(&m[i], &m[i + 4], 32, 0x00000000ffffffffu);
    for (size_t i = 0; i < 8; i += i % 4 == 1 ? 3 : 1)
        exchange(&m[i], &m[i + 2], 16, 0x0000ffff0000ffffu);
    for (size_t i = 0; i < 8; i += 2)
        exchange(&m[i], &m[i + 1], 8, 0x00ff00ff00ff00ffu);
}

static void split_8(uint8_t *out, const uint8_t *values, size_t groups, size_t count)
{
    for (size_t g = 0; g < groups; g++) {
        uint64_t m[8];
        for (size_t i = 0; i < 8; i++)
            m[i] = num_load_u64le(values + g * 64 + i * 8);
        transpose(m);
        for (size_t j = 0; j < 8; j++)
            num_store_u64le(out + j * count + g * 8, m[j]);
    }
}

/* Row i holds values i and i + 4 of eight, so that four exchanges and a shuffle are left out: the
 * columns then are the low and the high halves of one another. */
static void split_4(uint8_t *out, const uint8_t *values, size_t groups, size_t count)
{
    for (size_t g = 0; g < groups; g++) {
        uint64_t m[4];
        const uint8_t *v = values + g * 32;
        for (size_t i = 0; i < 4; i++)
            m[i] = num_load_u32le(v + i * 4) | (uint64_t)num_load_u32le(v + 16 + i * 4) << 32;
        for (size_t i = 0; i < 2; i++)
            exchange(&m[i], &m[i + 2], 16, 0x0000ffff0000ffffu);
        for (size_t i = 0; i < 4; i += 2)
            exchange(&m[i], &m[i + 1], 8, 0x00ff00ff00ff00ffu);
        for (size_t j = 0; j < 4; j++)
            num_store_u64le(out + j * count + g * 8, m[j]);
    }
}

void cx_split_streams(uint8_t *out, const uint8_t *values, size_t width, size_t n)
{
    size_t groups = 0;
    if (width == 4 || width == 8) {
        groups = n / 8;
        if (width == 8)
            split_8(out, values, groups, n);
        else
            split_4(out, values, groups, n);
    }
    for (size_t at = groups * 8; at < n; at += STEP_VALUES)
        cx_split_streams_plain(out, values, width, at, num_min_size(n - at, STEP_VALUES), n);
}
