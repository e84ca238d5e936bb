#include "codec/unpack.h"

#include "base/num.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

/* A value may begin at any bit and have 64, so that nine bytes are loaded for it. */
#define LOAD_BYTES 9u

/* The last values are unpacked from a copy of their bytes. */
#define TAIL_BYTES 32u

static uint64_t mask_of(unsigned width)
{
    return width ? UINT64_MAX >> (64 - width) : 0;
}

/* How many values can be loaded whole without leaving the input. */
static size_t loadable(struct slice in, uint64_t bit, unsigned width, size_t n)
{
    if (in.len < LOAD_BYTES)
        return 0;
    uint64_t last_bit = (uint64_t)(in.len - LOAD_BYTES) * 8 + 7; /* a load may begin here */
    if (bit > last_bit)
        return 0;
    return width ? num_min_size(n, (size_t)((last_bit - bit) / width + 1)) : n;
}

static void unpack32_inside(const uint8_t *in, uint64_t bit, unsigned width, uint32_t *out,
                            size_t n)
{
    uint64_t mask = mask_of(width);
    for (size_t i = 0; i < n; i++) {
        out[i] = (uint32_t)(num_load_u64le(in + (bit >> 3)) >> (bit & 7) & mask);
        bit += width;
    }
}

#if defined(__x86_64__)

/* Values whose bits, wherever in a byte they begin, lie within four bytes. */
#define AVX2_WIDTH_MAX 25u

/* Where the four bytes of value i of eight begin, counted from byte 0 for the first four and from
 * byte width / 2 for the others, and how far its bits are shifted there. */
#define BIT(w, i)  ((i) * (w) - ((i) < 4 ? 0 : 8 * ((w) / 2)))
#define AT(w, i)   (uint8_t)(BIT(w, i) >> 3)
#define FOUR(w, i) AT(w, i), AT(w, i) + 1, AT(w, i) + 2, AT(w, i) + 3
#define BYTES(w)                                                                                   \
    {                                                                                              \
        FOUR(w, 0), FOUR(w, 1), FOUR(w, 2), FOUR(w, 3), FOUR(w, 4), FOUR(w, 5), FOUR(w, 6),        \
            FOUR(w, 7)                                                                             \
    }
#define SHIFTS(w)                                                                                  \
    {                                                                                              \
        BIT(w, 0) & 7, BIT(w, 1) & 7, BIT(w, 2) & 7, BIT(w, 3) & 7, BIT(w, 4) & 7, BIT(w, 5) & 7,  \
            BIT(w, 6) & 7, BIT(w, 7) & 7                                                           \
    }
#define FOR_WIDTHS(f)                                                                              \
    {                                                                                              \
        f(0), f(1), f(2), f(3), f(4), f(5), f(6), f(7), f(8), f(9), f(10), f(11), f(12), f(13),    \
            f(14), f(15), f(16), f(17), f(18), f(19), f(20), f(21), f(22), f(23), f(24), f(25)     \
    }

static const uint8_t bytes_of[AVX2_WIDTH_MAX + 1][32] = FOR_WIDTHS(BYTES);
static const uint8_t shifts_of[AVX2_WIDTH_MAX + 1][8] = FOR_WIDTHS(SHIFTS);

/*
 * Eight values a step, which take `width` bytes: four from 16 bytes at the start, four from 16
 * bytes at the fifth. Each lane is given the four bytes that hold its value, shifted and masked.
 */
__attribute__((target("avx2"))) static size_t unpack32_avx2(const uint8_t *in, size_t readable,
                                                            unsigned width, uint32_t *out, size_t n)
{
    size_t upper = width / 2;
    size_t done = 0;
    __m256i pick = _mm256_loadu_si256((const __m256i *)(const void *)bytes_of[width]);
    __m256i shift =
        _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)shifts_of[width]));
    __m256i mask = _mm256_set1_epi32((int)mask_of(width));
    for (; n - done >= 8 && readable >= upper + 16; done += 8) {
        __m128i low = _mm_loadu_si128((const __m128i *)(const void *)in);
        __m128i high = _mm_loadu_si128((const __m128i *)(const void *)(in + upper));
        __m256i v = _mm256_shuffle_epi8(_mm256_set_m128i(high, low), pick);
        v = _mm256_and_si256(_mm256_srlv_epi32(v, shift), mask);
        _mm256_storeu_si256((__m256i *)(void *)(out + done), v);
        in += width;
        readable -= width;
    }
    return done;
}

/* Values that lie, two neighbours together, within 16 bytes. */
#define AVX2_LONG_WIDTH_MAX 57u

/* Two neighbours a register of 16 bytes: which bytes of it go to which of its lanes, and how far the
 * lanes are shifted. */
struct pairs {
    uint8_t bytes[4][16];
    uint8_t shifts[4][2];
};

#define FIRST(w, j)  (2 * (j) * (w)&7)
#define SECOND(w, j) (FIRST(w, j) + (w))
#define EIGHT(at)    (at), (at) + 1, (at) + 2, (at) + 3, (at) + 4, (at) + 5, (at) + 6, (at) + 7
#define PAIR(w, j)                                                                                 \
    {                                                                                              \
        EIGHT(0), EIGHT(SECOND(w, j) >> 3)                                                         \
    }
#define PAIR_SHIFTS(w, j)                                                                          \
    {                                                                                              \
        FIRST(w, j), SECOND(w, j) & 7                                                              \
    }
#define PAIRS(w)                                                                                   \
    {                                                                                              \
        {PAIR(w, 0), PAIR(w, 1), PAIR(w, 2), PAIR(w, 3)},                                          \
        {                                                                                          \
            PAIR_SHIFTS(w, 0), PAIR_SHIFTS(w, 1), PAIR_SHIFTS(w, 2), PAIR_SHIFTS(w, 3)             \
        }                                                                                          \
    }
#define TEN(w)                                                                                     \
    PAIRS(w), PAIRS(w + 1), PAIRS(w + 2), PAIRS(w + 3), PAIRS(w + 4), PAIRS(w + 5), PAIRS(w + 6),  \
        PAIRS(w + 7), PAIRS(w + 8), PAIRS(w + 9)

static const struct pairs pairs_of[] = {TEN(0),    TEN(10),   TEN(20),   TEN(30),   TEN(40),
                                        PAIRS(50), PAIRS(51), PAIRS(52), PAIRS(53), PAIRS(54),
                                        PAIRS(55), PAIRS(56), PAIRS(57)};

__attribute__((target("avx2"))) static inline __m256i take_pairs(const uint8_t *first,
                                                                 const uint8_t *second,
                                                                 __m256i pick, __m256i shift)
{
    __m128i low = _mm_loadu_si128((const __m128i *)(const void *)first);
    __m128i high = _mm_loadu_si128((const __m128i *)(const void *)second);
    return _mm256_srlv_epi64(_mm256_shuffle_epi8(_mm256_set_m128i(high, low), pick), shift);
}

__attribute__((target("avx2"))) static inline __m256i load_shifts(const uint8_t *shifts)
{
    return _mm256_cvtepu8_epi64(_mm_cvtsi32_si128((int)num_load_u32le(shifts)));
}

/* Eight values a step, which take `width` bytes. */
__attribute__((target("avx2"))) static size_t unpack64_avx2(const uint8_t *in, size_t readable,
                                                            unsigned width, uint64_t *out, size_t n)
{
    const struct pairs *p = &pairs_of[width];
    size_t at[4] = {0, 2 * width >> 3, 4 * width >> 3, 6 * width >> 3};
    __m256i pick_low = _mm256_loadu_si256((const __m256i *)(const void *)p->bytes[0]);
    __m256i pick_high = _mm256_loadu_si256((const __m256i *)(const void *)p->bytes[2]);
    __m256i shift_low = load_shifts(p->shifts[0]);
    __m256i shift_high = load_shifts(p->shifts[2]);
    __m256i mask = _mm256_set1_epi64x((int64_t)mask_of(width));
    size_t done = 0;
    for (; n - done >= 8 && readable >= at[3] + 16; done += 8) {
        __m256i low = take_pairs(in, in + at[1], pick_low, shift_low);
        __m256i high = take_pairs(in + at[2], in + at[3], pick_high, shift_high);
        _mm256_storeu_si256((__m256i *)(void *)(out + done), _mm256_and_si256(low, mask));
        _mm256_storeu_si256((__m256i *)(void *)(out + done + 4), _mm256_and_si256(high, mask));
        in += width;
        readable -= width;
    }
    return done;
}

/* Values from a whole byte on; returns how many were unpacked. */
static size_t unpack32_wide(struct slice in, uint64_t bit, unsigned width, uint32_t *out, size_t n)
{
    size_t from = (size_t)(bit >> 3);
    if ((bit & 7) || width == 0 || width > AVX2_WIDTH_MAX || from > in.len ||
        !__builtin_cpu_supports("avx2"))
        return 0;
    return unpack32_avx2(in.ptr + from, in.len - from, width, out, n);
}

static size_t unpack64_wide(struct slice in, uint64_t bit, unsigned width, uint64_t *out, size_t n)
{
    size_t from = (size_t)(bit >> 3);
    if ((bit & 7) || width == 0 || width > AVX2_LONG_WIDTH_MAX || n < 8 || from > in.len ||
        !__builtin_cpu_supports("avx2"))
        return 0;
    return unpack64_avx2(in.ptr + from, in.len - from, width, out, n);
}

#else

static size_t unpack32_wide(struct slice in, uint64_t bit, unsigned width, uint32_t *out, size_t n)
{
    (void)in, (void)bit, (void)width, (void)out, (void)n;
    return 0;
}

static size_t unpack64_wide(struct slice in, uint64_t bit, unsigned width, uint64_t *out, size_t n)
{
    (void)in, (void)bit, (void)width, (void)out, (void)n;
    return 0;
}

#endif

static void unpack64_inside(const uint8_t *in, uint64_t bit, unsigned width, uint64_t *out,
                            size_t n)
{
    uint64_t mask = mask_of(width);
    /* Most have no bit in a ninth byte. */
    for (size_t i = 0; i < n && width <= 57; i++) {
        out[i] = num_load_u64le(in + (bit >> 3)) >> (bit & 7) & mask;
        bit += width;
    }
    for (size_t i = 0; i < n && width > 57; i++) {
        const uint8_t *p = in + (bit >> 3);
        unsigned shift = (unsigned)(bit & 7);
        uint64_t high = (uint64_t)p[8] << 1 << (63 - shift);
        out[i] = (num_load_u64le(p) >> shift | high) & mask;
        bit += width;
    }
}

/* Copy what is left of the input, from the byte that holds `*bit` on; `*bit` counts from there. */
static void copy_tail(struct slice in, uint64_t *bit, uint8_t tail[TAIL_BYTES])
{
    size_t from = num_min_size((size_t)(*bit >> 3), in.len);
    size_t left = in.len - from;
    assert(left < LOAD_BYTES);
    memset(tail, 0, TAIL_BYTES);
    if (left)
        memcpy(tail, in.ptr + from, left);
    *bit &= 7;
}

void cx_unpack32(struct slice in, uint64_t bit, unsigned width, uint32_t *out, size_t n)
{
    size_t done = unpack32_wide(in, bit, width, out, n);
    cx_unpack32_plain(in, bit + (uint64_t)done * width, width, out + done, n - done);
}

void cx_unpack32_plain(struct slice in, uint64_t bit, unsigned width, uint32_t *out, size_t n)
{
    size_t inside = loadable(in, bit, width, n);
    unpack32_inside(in.ptr, bit, width, out, inside);
    if (inside == n)
        return;
    bit += (uint64_t)inside * width;
    uint8_t tail[TAIL_BYTES];
    copy_tail(in, &bit, tail);
    unpack32_inside(tail, bit, width, out + inside, n - inside);
}

void cx_unpack64(struct slice in, uint64_t bit, unsigned width, uint64_t *out, size_t n)
{
    size_t done = unpack64_wide(in, bit, width, out, n);
    cx_unpack64_plain(in, bit + (uint64_t)done * width, width, out + done, n - done);
}

void cx_unpack64_plain(struct slice in, uint64_t bit, unsigned width, uint64_t *out, size_t n)
{
    size_t inside = loadable(in, bit, width, n);
    unpack64_inside(in.ptr, bit, width, out, inside);
    if (inside == n)
        return;
    bit += (uint64_t)inside * width;
    uint8_t tail[TAIL_BYTES];
    copy_tail(in, &bit, tail);
    unpack64_inside(tail, bit, width, out + inside, n - inside);
}

/* Eight values at a time. The word is halved three times: its upper half moves up to where the next
 * lane begins, then the upper halves in lanes of 32 bits, then those in lanes of 16. */
static void unpack8_words(const uint8_t *in, unsigned width, uint8_t *out, size_t words)
{
    uint64_t word = mask_of(8 * width);
    uint64_t half = mask_of(4 * width);
    uint64_t quarter = mask_of(2 * width) * UINT64_C(0x0000000100000001);
    uint64_t eighth = mask_of(width) * UINT64_C(0x0001000100010001);
    for (size_t i = 0; i < words; i++) {
        uint64_t v = num_load_u64le(in + i * width) & word;
        v = (v & half) | (v << (32 - 4 * width) & half << 32);
        v = (v & quarter) | (v << (16 - 2 * width) & quarter << 16);
        v = (v & eighth) | (v << (8 - width) & eighth << 8);
        num_store_u64le(out + 8 * i, v);
    }
}

void cx_unpack8(struct slice in, uint64_t bit, unsigned width, uint8_t *out, size_t n)
{
    assert(width <= 8);
    if (width && (bit & 7) == 0) {
        size_t from = (size_t)(bit >> 3);
        size_t words = in.len >= from + 8 ? (in.len - from - 8) / width + 1 : 0;
        words = num_min_size(words, n / 8);
        unpack8_words(in.ptr + from, width, out, words);
        bit += (uint64_t)words * 8 * width;
        out += words * 8;
        n -= words * 8;
    }
    while (n) {
        uint32_t step[64];
        size_t take = num_min_size(n, sizeof step / sizeof *step);
        cx_unpack32(in, bit, width, step, take);
        for (size_t i = 0; i < take; i++)
            out[i] = (uint8_t)step[i];
        bit += (uint64_t)take * width;
        out += take;
        n -= take;
    }
}
