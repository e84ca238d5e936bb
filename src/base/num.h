/*
 * Numbers: 128-bit integers, checked arithmetic, checked narrowing, unaligned little- and
 * big-endian access.
 *
 * Sizes from outside are checked here before they become an allocation or an index. A narrowing
 * cast is a claim about a range; these helpers make the claim and say whether it holds.
 */
#ifndef SLP_BASE_NUM_H
#define SLP_BASE_NUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

__extension__ typedef unsigned __int128 u128;
__extension__ typedef __int128 i128;

static inline bool num_add_size(size_t a, size_t b, size_t *sum)
{
    return !__builtin_add_overflow(a, b, sum);
}

static inline bool num_mul_size(size_t a, size_t b, size_t *product)
{
    return !__builtin_mul_overflow(a, b, product);
}

static inline bool num_add_u64(uint64_t a, uint64_t b, uint64_t *sum)
{
    return !__builtin_add_overflow(a, b, sum);
}

static inline bool num_add_i64(int64_t a, int64_t b, int64_t *sum)
{
    return !__builtin_add_overflow(a, b, sum);
}

static inline bool num_mul_i64(int64_t a, int64_t b, int64_t *product)
{
    return !__builtin_mul_overflow(a, b, product);
}

/* Does [offset, offset + len) lie inside [0, size)? Never overflows. */
static inline bool num_range_fits(uint64_t offset, uint64_t len, uint64_t size)
{
    return offset <= size && len <= size - offset;
}

static inline size_t num_min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

static inline size_t num_max_size(size_t a, size_t b)
{
    return a > b ? a : b;
}

static inline uint64_t num_min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static inline int64_t num_min_i64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static inline int64_t num_max_i64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static inline uint16_t num_load_u16le(const void *p)
{
    uint16_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline uint32_t num_load_u32le(const void *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline uint64_t num_load_u64le(const void *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline void num_store_u16le(void *p, uint16_t v)
{
    memcpy(p, &v, sizeof v);
}

static inline void num_store_u32le(void *p, uint32_t v)
{
    memcpy(p, &v, sizeof v);
}

static inline void num_store_u64le(void *p, uint64_t v)
{
    memcpy(p, &v, sizeof v);
}

static inline uint64_t num_load_u64be(const void *p)
{
    return __builtin_bswap64(num_load_u64le(p));
}

static inline void num_store_u64be(void *p, uint64_t v)
{
    num_store_u64le(p, __builtin_bswap64(v));
}

static inline uint32_t num_load_u32be(const void *p)
{
    return __builtin_bswap32(num_load_u32le(p));
}

static inline void num_store_u32be(void *p, uint32_t v)
{
    num_store_u32le(p, __builtin_bswap32(v));
}

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "Sleeper is built for little-endian machines"
#endif

#endif
