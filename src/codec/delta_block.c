#include "codec/delta_block.h"

#include <stdbool.h>
#include <stddef.h>

/* Loops of fixed length over arrays of numbers, which compilers turn into vectors. */
#define DEFINE_BLOCK(name, sint, uint, target)                                                     \
    target sint name(const sint *v, uint *above, uint *bits)                                       \
    {                                                                                              \
        sint min = (sint)((uint)v[0] - (uint)v[-1]);                                               \
        for (size_t i = 0; i < CX_DELTA_BLOCK; i++) {                                              \
            sint d = (sint)((uint)v[i] - (uint)v[(ptrdiff_t)i - 1]);                               \
            min = d < min ? d : min;                                                               \
            above[i] = (uint)d;                                                                    \
        }                                                                                          \
        for (size_t m = 0; m < CX_DELTA_MINIS; m++) {                                              \
            uint all = 0;                                                                          \
            for (size_t i = m * CX_DELTA_MINI; i < (m + 1) * CX_DELTA_MINI; i++) {                 \
                above[i] -= (uint)min;                                                             \
                all |= above[i];                                                                   \
            }                                                                                      \
            bits[m] = all;                                                                         \
        }                                                                                          \
        return min;                                                                                \
    }

#define DEFINE_BLOCKS(suffix, target)                                                              \
    DEFINE_BLOCK(cx_delta_block_32##suffix, int32_t, uint32_t, target)                             \
    DEFINE_BLOCK(cx_delta_block_64##suffix, int64_t, uint64_t, target)

DEFINE_BLOCKS(_plain, )

#if defined(__x86_64__)

DEFINE_BLOCKS(_avx2, __attribute__((target("avx2"))) static)
DEFINE_BLOCKS(_avx512, __attribute__((target("avx512f,avx512vl,avx512dq,avx512bw"))) static)

static bool has_avx512(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw");
}

int32_t cx_delta_block_32(const int32_t *v, uint32_t *above, uint32_t *bits)
{
    if (has_avx512())
        return cx_delta_block_32_avx512(v, above, bits);
    if (__builtin_cpu_supports("avx2"))
        return cx_delta_block_32_avx2(v, above, bits);
    return cx_delta_block_32_plain(v, above, bits);
}

int64_t cx_delta_block_64(const int64_t *v, uint64_t *above, uint64_t *bits)
{
    if (has_avx512())
        return cx_delta_block_64_avx512(v, above, bits);
    if (__builtin_cpu_supports("avx2"))
        return cx_delta_block_64_avx2(v, above, bits);
    return cx_delta_block_64_plain(v, above, bits);
}

#else

int32_t cx_delta_block_32(const int32_t *v, uint32_t *above, uint32_t *bits)
{
    return cx_delta_block_32_plain(v, above, bits);
}

int64_t cx_delta_block_64(const int64_t *v, uint64_t *above, uint64_t *bits)
{
    return cx_delta_block_64_plain(v, above, bits);
}

#endif
