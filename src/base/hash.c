#include "base/hash.h"

#include <libdeflate.h>
#if defined(__x86_64__)
#include <nmmintrin.h>
#elif defined(__aarch64__) && defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>
#endif

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/num.h"
#include "base/text.h"

uint32_t hash_crc32(uint32_t seed, struct slice s)
{
    return libdeflate_crc32(seed, s.ptr ? s.ptr : (const uint8_t *)"", s.len);
}

/* One byte at a time over the reversed polynomial: the reference, and the way without an
 * instruction for it. */
static uint32_t crc32c_plain(uint32_t crc, struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        crc ^= s.ptr[i];
        for (int bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ (0x82f63b78u & (0u - (crc & 1u)));
    }
    return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t crc32c_fast(uint32_t crc, struct slice s)
{
    uint64_t wide = crc;
    size_t i = 0;
    for (; i + 8 <= s.len; i += 8)
        wide = _mm_crc32_u64(wide, num_load_u64le(s.ptr + i));
    uint32_t narrow = (uint32_t)wide;
    for (; i < s.len; i++)
        narrow = _mm_crc32_u8(narrow, s.ptr[i]);
    return narrow;
}
#endif

uint32_t hash_crc32c(uint32_t seed, struct slice s)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.2"))
        return ~crc32c_fast(~seed, s);
#endif
    return ~crc32c_plain(~seed, s);
}

uint64_t hash_xxh64(struct slice s, uint64_t seed)
{
    return XXH3_64bits_withSeed(s.ptr, s.len, seed);
}

uint64_t hash_xxh64_first(struct slice s)
{
    return XXH64(s.ptr, s.len, 0);
}

struct hash128 hash_xxh128(struct slice s)
{
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits(s.ptr, s.len));
    struct hash128 out;
    memcpy(out.bytes, canonical.digest, sizeof out.bytes);
    return out;
}

void hash_format(struct hash128 h, char out[33])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < sizeof h.bytes; i++) {
        out[2 * i] = digits[h.bytes[i] >> 4];
        out[2 * i + 1] = digits[h.bytes[i] & 15];
    }
    out[32] = '\0';
}

bool hash_parse(struct slice text, struct hash128 *out)
{
    struct hash128 h;
    if (text.len != 32)
        return false;
    for (size_t i = 0; i < 16; i++) {
        int high = text_hex_digit(text.ptr[2 * i]);
        int low = text_hex_digit(text.ptr[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        h.bytes[i] = (uint8_t)(high << 4 | low);
    }
    *out = h;
    return true;
}
