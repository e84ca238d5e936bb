#include "parquet/min_max.h"

#define FLOAT_INFINITY  0x7f800000
#define DOUBLE_INFINITY 0x7ff0000000000000

/* The bodies, inlined into functions that differ in their target only. */
#define DEFINE_INTEGERS(name, uint, sint, target)                                                  \
    target void name(const uint *v, size_t n, uint flip, uint *min_out, uint *max_out)             \
    {                                                                                              \
        sint min = (sint)(v[0] ^ flip);                                                            \
        sint max = min;                                                                            \
        for (size_t i = 0; i < n; i++) {                                                           \
            sint x = (sint)(v[i] ^ flip);                                                          \
            min = x < min ? x : min;                                                               \
            max = x > max ? x : max;                                                               \
        }                                                                                          \
        *min_out = (uint)min ^ flip;                                                               \
        *max_out = (uint)max ^ flip;                                                               \
    }

/* Turning the bits around twice is the identity. */
#define DEFINE_FLOATS(name, uint, sint, bits, infinity, target)                                    \
    target bool name(const uint *v, size_t n, uint *min_out, uint *max_out)                        \
    {                                                                                              \
        const uint magnitude = (uint)-1 >> 1;                                                      \
        uint negative = v[0] >> ((bits)-1) ? magnitude : 0;                                        \
        sint min = (sint)(v[0] ^ negative);                                                        \
        sint max = min;                                                                            \
        for (size_t i = 0; i < n; i++) {                                                           \
            sint x = (sint)(v[i] ^ ((uint)((sint)v[i] >> ((bits)-1)) & magnitude));                \
            min = x < min ? x : min;                                                               \
            max = x > max ? x : max;                                                               \
        }                                                                                          \
        if (max > (infinity) || min < -(infinity)-1)                                               \
            return false;                                                                          \
        *min_out = (uint)min ^ (min < 0 ? magnitude : 0);                                          \
        *max_out = (uint)max ^ (max < 0 ? magnitude : 0);                                          \
        return true;                                                                               \
    }

#define DEFINE_ALL(suffix, target)                                                                 \
    DEFINE_INTEGERS(pq_min_max_32##suffix, uint32_t, int32_t, target)                              \
    DEFINE_INTEGERS(pq_min_max_64##suffix, uint64_t, int64_t, target)                              \
    DEFINE_FLOATS(pq_min_max_float##suffix, uint32_t, int32_t, 32, FLOAT_INFINITY, target)         \
    DEFINE_FLOATS(pq_min_max_double##suffix, uint64_t, int64_t, 64, DOUBLE_INFINITY, target)

DEFINE_ALL(_plain, )

#if defined(__x86_64__)

DEFINE_ALL(_avx2, __attribute__((target("avx2"))) static)
DEFINE_ALL(_avx512, __attribute__((target("avx512f,avx512vl,avx512dq,avx512bw"))) static)

static bool has_avx512(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw");
}

#define BEST(call)                                                                                 \
    (has_avx512() ? call(_avx512) : __builtin_cpu_supports("avx2") ? call(_avx2) : call(_plain))

#else

#define BEST(call) call(_plain)

#endif

void pq_min_max_32(const uint32_t *v, size_t n, uint32_t flip, uint32_t *min, uint32_t *max)
{
#define CALL(suffix) pq_min_max_32##suffix(v, n, flip, min, max)
    BEST(CALL);
#undef CALL
}

void pq_min_max_64(const uint64_t *v, size_t n, uint64_t flip, uint64_t *min, uint64_t *max)
{
#define CALL(suffix) pq_min_max_64##suffix(v, n, flip, min, max)
    BEST(CALL);
#undef CALL
}

bool pq_min_max_float(const uint32_t *v, size_t n, uint32_t *min, uint32_t *max)
{
#define CALL(suffix) pq_min_max_float##suffix(v, n, min, max)
    return BEST(CALL);
#undef CALL
}

bool pq_min_max_double(const uint64_t *v, size_t n, uint64_t *min, uint64_t *max)
{
#define CALL(suffix) pq_min_max_double##suffix(v, n, min, max)
    return BEST(CALL);
#undef CALL
}
