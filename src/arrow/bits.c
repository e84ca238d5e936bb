#include "arrow/bits.h"

#include "base/num.h"

static bool get(const uint8_t *bits, int64_t i)
{
    return (bits[i >> 3] >> (i & 7)) & 1;
}

static void or_bit(uint8_t *bits, int64_t i, bool value)
{
    bits[i >> 3] = (uint8_t)(bits[i >> 3] | (unsigned)value << (i & 7));
}

/* 64 bits from any bit on; touches only bytes that hold some of them. */
static uint64_t load64(const uint8_t *src, int64_t bit)
{
    const uint8_t *p = src + (bit >> 3);
    unsigned shift = (unsigned)(bit & 7);
    uint64_t word = num_load_u64le(p);
    if (shift == 0)
        return word;
    return word >> shift | (uint64_t)p[8] << (64 - shift);
}

void arr_bits_copy(uint8_t *dst, int64_t dst_bit, const uint8_t *src, int64_t src_bit,
                   int64_t count)
{
    int64_t i = 0;
    for (; i < count && ((dst_bit + i) & 7) != 0; i++)
        or_bit(dst, dst_bit + i, get(src, src_bit + i));
    for (; count - i >= 64; i += 64)
        num_store_u64le(dst + ((dst_bit + i) >> 3), load64(src, src_bit + i));
    for (; i < count; i++)
        or_bit(dst, dst_bit + i, get(src, src_bit + i));
}

void arr_bits_set(uint8_t *dst, int64_t dst_bit, int64_t count)
{
    int64_t i = 0;
    for (; i < count && ((dst_bit + i) & 7) != 0; i++)
        or_bit(dst, dst_bit + i, true);
    int64_t whole = (count - i) / 8;
    if (whole)
        memset(dst + ((dst_bit + i) >> 3), 0xff, (size_t)whole);
    for (i += whole * 8; i < count; i++)
        or_bit(dst, dst_bit + i, true);
}

int64_t arr_bits_count(const uint8_t *src, int64_t src_bit, int64_t count)
{
    int64_t set = 0;
    int64_t i = 0;
    for (; count - i >= 64; i += 64)
        set += __builtin_popcountll(load64(src, src_bit + i));
    for (; i < count; i++)
        set += get(src, src_bit + i);
    return set;
}

int64_t arr_bits_pick(uint8_t *dst, int64_t dst_bit, const uint8_t *src, const uint32_t *rows,
                      int64_t count)
{
    int64_t set = 0;
    for (int64_t i = 0; i < count; i++) {
        bool value = get(src, rows[i]);
        or_bit(dst, dst_bit + i, value);
        set += value;
    }
    return set;
}
