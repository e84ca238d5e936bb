#include "codec/values.h"

#include "base/num.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define NANOS_PER_DAY  INT64_C(86400000000000)
#define JULIAN_OF_1970 2440588

void cx_narrow_32_to_8(uint8_t *dst, const uint8_t *src, size_t n)
{
    for (size_t i = 0; i < n; i++)
        dst[i] = src[4 * i];
}

void cx_narrow_32_to_16(uint8_t *dst, const uint8_t *src, size_t n)
{
    for (size_t i = 0; i < n; i++)
        memcpy(dst + 2 * i, src + 4 * i, 2);
}

void cx_narrow_64_to_32(uint8_t *dst, const uint8_t *src, size_t n)
{
    for (size_t i = 0; i < n; i++)
        memcpy(dst + 4 * i, src + 8 * i, 4);
}

void cx_widen_32_to_128(uint8_t *dst, const uint8_t *src, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        i128 v = (int32_t)num_load_u32le(src + 4 * i);
        memcpy(dst + 16 * i, &v, sizeof v);
    }
}

void cx_widen_64_to_128(uint8_t *dst, const uint8_t *src, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        i128 v = (int64_t)num_load_u64le(src + 8 * i);
        memcpy(dst + 16 * i, &v, sizeof v);
    }
}

static bool decimal_be(uint8_t *dst, size_t width, struct slice src)
{
    uint8_t sign = src.len && src.ptr[0] & 0x80 ? 0xff : 0;
    for (; src.len > width; src = slice_after(src, 1)) {
        if (src.ptr[0] != sign || ((src.ptr[1] ^ sign) & 0x80))
            return false;
    }
    for (size_t i = 0; i < width; i++)
        dst[i] = i < src.len ? src.ptr[src.len - 1 - i] : sign;
    return true;
}

bool cx_decimal_be(uint8_t dst[16], struct slice src)
{
    return decimal_be(dst, 16, src);
}

bool cx_decimal_be_256(uint8_t dst[32], struct slice src)
{
    return decimal_be(dst, 32, src);
}

size_t cx_intervals(uint8_t *dst, const uint8_t *src, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t months = num_load_u32le(src + 12 * i);
        uint32_t days = num_load_u32le(src + 12 * i + 4);
        uint64_t millis = num_load_u32le(src + 12 * i + 8);
        if (months > INT32_MAX || days > INT32_MAX)
            return i;
        num_store_u32le(dst + 16 * i, months);
        num_store_u32le(dst + 16 * i + 4, days);
        num_store_u64le(dst + 16 * i + 8, millis * 1000000);
    }
    return n;
}

/* Neither part has a sign: no day is before the first, and no time before its day. */
static inline i128 int96_at(const uint8_t *src)
{
    uint64_t nanos = num_load_u64le(src);
    int64_t day = (int64_t)num_load_u32le(src + 8) - JULIAN_OF_1970;
    return (i128)day * NANOS_PER_DAY + nanos;
}

size_t cx_int96_to_units(uint8_t *dst, const uint8_t *src, int64_t nanos, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        i128 from = int96_at(src + 12 * i);
        i128 v = from / nanos - (from % nanos < 0);
        if (v < INT64_MIN || v > INT64_MAX)
            return i;
        num_store_u64le(dst + 8 * i, (uint64_t)v);
    }
    return n;
}

#define GATHER(name, type)                                                                         \
    static void name(uint8_t *dst, const uint8_t *dict, const uint32_t *indices, size_t n)         \
    {                                                                                              \
        for (size_t i = 0; i < n; i++)                                                             \
            memcpy(dst + i * sizeof(type), dict + indices[i] * sizeof(type), sizeof(type));        \
    }

GATHER(gather_1, uint8_t)
GATHER(gather_2, uint16_t)
GATHER(gather_4, uint32_t)
GATHER(gather_8, uint64_t)
GATHER(gather_16, u128)

void cx_gather(uint8_t *dst, const uint8_t *dict, size_t width, const uint32_t *indices, size_t n)
{
    switch (width) {
    case 1:
        gather_1(dst, dict, indices, n);
        return;
    case 2:
        gather_2(dst, dict, indices, n);
        return;
    case 4:
        gather_4(dst, dict, indices, n);
        return;
    case 8:
        gather_8(dst, dict, indices, n);
        return;
    case 16:
        gather_16(dst, dict, indices, n);
        return;
    default:
        for (size_t i = 0; i < n; i++)
            memcpy(dst + i * width, dict + indices[i] * width, width);
    }
}

/* One body, compiled with vectors and without. */
static inline uint32_t max_u32(const uint32_t *v, size_t n)
{
    uint32_t max = 0;
    for (size_t i = 0; i < n; i++)
        max = v[i] > max ? v[i] : max;
    return max;
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static uint32_t max_u32_avx2(const uint32_t *v, size_t n)
{
    uint32_t lanes[8] = {0};
    size_t whole = n - n % 8;
    for (size_t i = 0; i < whole; i += 8) {
        for (size_t k = 0; k < 8; k++)
            lanes[k] = v[i + k] > lanes[k] ? v[i + k] : lanes[k];
    }
    uint32_t max = max_u32(lanes, 8);
    uint32_t rest = max_u32(v + whole, n - whole);
    return max > rest ? max : rest;
}
#endif

uint32_t cx_max_u32(const uint32_t *v, size_t n)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2"))
        return max_u32_avx2(v, n);
#endif
    return max_u32(v, n);
}

uint64_t cx_gather_ends(int32_t *ends, uint64_t base, const int32_t *dict_offsets,
                        const uint32_t *indices, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const int32_t *o = dict_offsets + indices[i];
        base += (uint64_t)(o[1] - o[0]);
        ends[i] = (int32_t)(uint32_t)base;
    }
    return base;
}

void cx_gather_strings(uint8_t *dst, const uint8_t *dict, const int32_t *dict_offsets,
                       const uint32_t *indices, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const int32_t *o = dict_offsets + indices[i];
        size_t len = (size_t)(o[1] - o[0]);
        const uint8_t *src = dict + o[0];
        memcpy(dst, src, CX_COPY_SLACK);
        if (len > CX_COPY_SLACK)
            memcpy(dst + CX_COPY_SLACK, src + CX_COPY_SLACK, len - CX_COPY_SLACK);
        dst += len;
    }
}

size_t cx_plain_ends(int32_t *ends, uint64_t base, struct slice in, size_t n, uint64_t *end,
                     size_t *used)
{
    size_t at = 0;
    size_t i = 0;
    for (; i < n && in.len - at >= 4; i++) {
        size_t len = num_load_u32le(in.ptr + at);
        if (len > in.len - at - 4)
            break;
        at += 4 + len;
        base += len;
        ends[i] = (int32_t)(uint32_t)base;
    }
    *end = base;
    *used = at;
    return i;
}

void cx_plain_strings(uint8_t *dst, struct slice in, size_t n)
{
    const uint8_t *src = in.ptr;
    const uint8_t *end = in.ptr + in.len;
    for (size_t i = 0; i < n; i++) {
        size_t len = num_load_u32le(src);
        src += 4;
        if (len <= CX_COPY_SLACK && (size_t)(end - src) >= CX_COPY_SLACK)
            memcpy(dst, src, CX_COPY_SLACK);
        else
            memcpy(dst, src, len);
        src += len;
        dst += len;
    }
}

/* Through a register, because the two may overlap. */
static inline void copy_16(uint8_t *dst, const uint8_t *src)
{
    uint8_t step[CX_COPY_SLACK];
    memcpy(step, src, sizeof step);
    memcpy(dst, step, sizeof step);
}

/* Strings still to be put together; all of this moves on. */
struct joining {
    uint8_t *dst;
    int32_t *ends;
    size_t base;
    const uint8_t *before;
    struct slice in;
    const int64_t *prefixes;
    const int64_t *suffixes;
};

static void join_plain(struct joining *j, size_t n)
{
    uint8_t *dst = j->dst;
    const uint8_t *before = j->before;
    const uint8_t *suffix = j->in.ptr;
    const uint8_t *safe = j->in.len >= CX_COPY_SLACK ? j->in.ptr + j->in.len - CX_COPY_SLACK : NULL;
    for (size_t i = 0; i < n; i++) {
        size_t prefix = (size_t)j->prefixes[i];
        size_t more = (size_t)j->suffixes[i];
        if (prefix <= CX_COPY_SLACK)
            copy_16(dst, before);
        else
            memcpy(dst, before, prefix);
        before = dst;
        dst += prefix;
        if (more <= CX_COPY_SLACK && safe && suffix <= safe)
            copy_16(dst, suffix);
        else if (more)
            memcpy(dst, suffix, more);
        dst += more;
        suffix += more;
        j->base += prefix + more;
        j->ends[i] = (int32_t)j->base;
    }
    j->dst = dst;
    j->before = before;
    j->in = slice_after(j->in, (size_t)(suffix - j->in.ptr));
    j->ends += n;
    j->prefixes += n;
    j->suffixes += n;
}

size_t cx_join_prefixes_plain(uint8_t *dst, int32_t *ends, size_t base, const uint8_t *before,
                              struct slice in, const int64_t *prefixes, const int64_t *suffixes,
                              size_t n)
{
    struct joining j = {dst, ends, base, before, in, prefixes, suffixes};
    join_plain(&j, n);
    return in.len - j.in.len;
}

#if defined(__x86_64__)

/* Strings of so many bytes, with suffixes of CX_COPY_SLACK at most, are put together in a
 * register: reading back what was just written would wait for its store. */
#define REGISTER_BYTES 32u

/* Strings that are too long are joined so many at a time before registers are tried again. */
#define LONG_STRINGS 16u

/* Windows on these, at REGISTER_BYTES - prefix, say which bytes stay (0xff), and where in a suffix
 * the others come from (0x80: nowhere). */
#define SAME(v) v, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v
#define RISING  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
static const uint8_t stays[REGISTER_BYTES * 2] = {SAME(0xff), SAME(0xff), SAME(0), SAME(0)};
static const uint8_t comes[REGISTER_BYTES * 2] = {SAME(0x80), SAME(0x80), RISING, SAME(0x80)};

__attribute__((target("avx2"))) static inline __m256i load_32(const uint8_t *p)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

/* Of the string before what stays, and of the suffix, which is in both halves, what comes. */
__attribute__((target("avx2"))) static inline __m256i join(__m256i before, const uint8_t *suffix,
                                                           size_t prefix)
{
    size_t at = REGISTER_BYTES - prefix;
    __m256i both =
        _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)suffix));
    __m256i kept = _mm256_and_si256(before, load_32(stays + at));
    return _mm256_or_si256(kept, _mm256_shuffle_epi8(both, load_32(comes + at)));
}

/* As many strings from the first on as are short; returns how many. Works on copies of what moves:
 * bytes that are written may be anything's. */
__attribute__((target("avx2"))) static size_t join_short(struct joining *j, size_t n)
{
    const struct joining from = *j;
    __m256i value = load_32(from.before);
    const uint8_t *last = from.before;
    const uint8_t *suffix = from.in.ptr;
    const uint8_t *end = from.in.ptr + from.in.len;
    uint8_t *dst = from.dst;
    size_t i = 0;
    for (; i < n && (size_t)(end - suffix) >= CX_COPY_SLACK; i++) {
        size_t prefix = (size_t)from.prefixes[i];
        size_t more = (size_t)from.suffixes[i];
        if (more > CX_COPY_SLACK || prefix + more > REGISTER_BYTES)
            break;
        value = join(value, suffix, prefix);
        _mm256_storeu_si256((__m256i *)(void *)dst, value);
        last = dst;
        dst += prefix + more;
        suffix += more;
        from.ends[i] = (int32_t)(from.base + (size_t)(dst - from.dst));
    }
    *j = (struct joining){.dst = dst,
                          .ends = from.ends + i,
                          .base = from.base + (size_t)(dst - from.dst),
                          .before = last,
                          .in = slice_after(from.in, (size_t)(suffix - from.in.ptr)),
                          .prefixes = from.prefixes + i,
                          .suffixes = from.suffixes + i};
    return i;
}

#endif

size_t cx_join_prefixes(uint8_t *dst, int32_t *ends, size_t base, const uint8_t *before,
                        struct slice in, const int64_t *prefixes, const int64_t *suffixes, size_t n)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2")) {
        struct joining j = {dst, ends, base, before, in, prefixes, suffixes};
        while (n) {
            n -= join_short(&j, n);
            size_t step = n < LONG_STRINGS ? n : LONG_STRINGS;
            join_plain(&j, step);
            n -= step;
        }
        return in.len - j.in.len;
    }
#endif
    return cx_join_prefixes_plain(dst, ends, base, before, in, prefixes, suffixes, n);
}

static size_t bit_at(const uint8_t *bits, size_t i)
{
    return (size_t)(bits[i >> 3] >> (i & 7)) & 1;
}

/* From the last row to the first: a row is written behind the dense value that is read next. */
#define SPREAD(name, type)                                                                         \
    static void name(uint8_t *values, const uint8_t *bits, size_t rows, size_t present)            \
    {                                                                                              \
        type *v = (type *)(void *)values;                                                          \
        for (size_t i = rows; i-- > present;) {                                                    \
            size_t bit = bit_at(bits, i);                                                          \
            present -= bit;                                                                        \
            v[i] = v[present] & (type)(0 - (type)bit);                                             \
        }                                                                                          \
    }

SPREAD(spread_1, uint8_t)
SPREAD(spread_2, uint16_t)
SPREAD(spread_4, uint32_t)
SPREAD(spread_8, uint64_t)
SPREAD(spread_16, u128)

static void spread_any(uint8_t *values, size_t width, const uint8_t *bits, size_t rows,
                       size_t present)
{
    for (size_t i = rows; i-- > present;) {
        if (bit_at(bits, i))
            memmove(values + i * width, values + --present * width, width);
        else
            memset(values + i * width, 0, width);
    }
}

void cx_spread(uint8_t *values, size_t width, const uint8_t *bits, size_t rows, size_t present)
{
    switch (width) {
    case 1:
        spread_1(values, bits, rows, present);
        return;
    case 2:
        spread_2(values, bits, rows, present);
        return;
    case 4:
        spread_4(values, bits, rows, present);
        return;
    case 8:
        spread_8(values, bits, rows, present);
        return;
    case 16:
        spread_16(values, bits, rows, present);
        return;
    default:
        spread_any(values, width, bits, rows, present);
    }
}

void cx_spread_ends(int32_t *ends, int32_t base, const uint8_t *bits, size_t rows, size_t present)
{
    for (size_t i = rows; i-- > 0;) {
        ends[i] = present ? ends[present - 1] : base;
        present -= bit_at(bits, i);
    }
}

void cx_spread_bits(uint8_t *dst, const uint8_t *dense, const uint8_t *bits, size_t rows)
{
    size_t at = 0;
    for (size_t i = 0; i < rows; i++) {
        size_t bit = bit_at(bits, i);
        dst[i >> 3] = (uint8_t)(dst[i >> 3] | (bit & bit_at(dense, at)) << (i & 7));
        at += bit;
    }
}

void cx_join_streams(uint8_t *dst, const uint8_t *in, size_t width, size_t count, size_t first,
                     size_t n)
{
    for (size_t j = 0; j < width; j++) {
        const uint8_t *stream = in + j * count + first;
        for (size_t i = 0; i < n; i++)
            dst[i * width + j] = stream[i];
    }
}
