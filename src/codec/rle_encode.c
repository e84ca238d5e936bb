#include "codec/rle_encode.h"

#include "base/num.h"
#include "codec/bit_pack.h"

/* Runs of bits worth writing: 32 values, four whole bytes. */
#define RUN_BYTES 4u

/* How far a word lets the search for such a run go on. */
#define WORD_STEP_BITS (64 - (RUN_BYTES - 1) * 8)

slp_rc cx_rle_encode_run(uint32_t value, size_t count, unsigned width, struct buf *out,
                         struct slp_err *err)
{
    uint8_t bytes[4];
    num_store_u32le(bytes, value);
    TRY(buf_append_varint(out, (uint64_t)count << 1, err));
    return buf_append(out, bytes, (width + 7) / 8, err);
}

/* How many values from `at` on equal the one there. */
static size_t run_length(const uint32_t *values, size_t at, size_t count)
{
    size_t end = at + 1;
    while (end < count && values[end] == values[at])
        end++;
    return end - at;
}

/* Where the next run of at least `min_run` begins: a multiple of eight values behind `at`, or
 * `count`. */
static size_t literal_end(const uint32_t *values, size_t at, size_t count, size_t min_run)
{
    while (at + min_run <= count) {
        /* Most groups differ in the first or the last pair: look there before counting. */
        if (values[at] == values[at + 1] && values[at] == values[at + min_run - 1] &&
            run_length(values, at, count) >= min_run)
            return at;
        at += 8;
    }
    return count;
}

static slp_rc literal(const uint32_t *values, size_t count, unsigned width, struct buf *out,
                      struct slp_err *err)
{
    size_t whole = count / 8;
    size_t groups = (count + 7) / 8;
    TRY(buf_append_varint(out, (uint64_t)groups << 1 | 1, err));
    TRY(buf_reserve(out, groups * width + CX_BIT_PACK_SLACK, err));
    cx_bit_pack(values, whole, width, out->ptr + out->len);
    if (whole < groups) {
        uint32_t padded[8] = {0};
        memcpy(padded, values + whole * 8, (count - whole * 8) * sizeof *values);
        cx_bit_pack(padded, 1, width, out->ptr + out->len + whole * width);
    }
    out->len += groups * width;
    return SLP_OK;
}

slp_rc cx_rle_encode(const uint32_t *values, size_t count, unsigned width, struct buf *out,
                     struct slp_err *err)
{
    assert(width >= 1 && width <= 32);
    size_t min_run = width >= 4 ? 8 : width == 1 ? 32 : 16;
    size_t at = 0;
    while (at < count) {
        size_t end = literal_end(values, at, count, min_run);
        if (end > at)
            TRY(literal(values + at, end - at, width, out, err));
        at = end;
        if (at < count) {
            size_t run = run_length(values, at, count);
            TRY(cx_rle_encode_run(values[at], run, width, out, err));
            at += run;
        }
    }
    return SLP_OK;
}

/* Eight bits from bit `at` on; those behind `end` are zero. */
static uint8_t byte_at(const uint8_t *bits, size_t at, size_t end)
{
    size_t left = end - at;
    unsigned shift = at % 8;
    unsigned v = (unsigned)bits[at / 8] >> shift;
    if (shift && left > 8 - shift)
        v |= (unsigned)bits[at / 8 + 1] << (8 - shift);
    return (uint8_t)(left < 8 ? v & ((1u << left) - 1) : v);
}

/* 64 bits from bit `at` on; all of them are there. */
static inline uint64_t word_at(const uint8_t *bits, size_t at)
{
    unsigned shift = at % 8;
    uint64_t v = num_load_u64le(bits + at / 8) >> shift;
    return shift ? v | (uint64_t)bits[at / 8 + 8] << (64 - shift) : v;
}

/* How many whole bytes from bit `at` on equal `value`. */
static size_t same_bytes(const uint8_t *bits, size_t at, size_t end, uint8_t value)
{
    const uint64_t word = value * (uint64_t)0x0101010101010101;
    size_t n = 0;
    for (; at + 64 <= end && word_at(bits, at) == word; at += 64)
        n += 8;
    for (; at + 8 <= end && byte_at(bits, at, end) == value; at += 8)
        n++;
    return n;
}

/* The high bit of each byte that is zero. */
static inline uint64_t zero_bytes(uint64_t v)
{
    const uint64_t low = 0x7f7f7f7f7f7f7f7f;
    return ~(((v & low) + low) | v | low);
}

/* The high bit of the first of RUN_BYTES zero bytes, wherever they begin. */
static inline uint64_t zero_runs(uint64_t v)
{
    uint64_t zero = zero_bytes(v);
    zero &= zero >> 8;
    return zero & zero >> 16;
}

/* Where the next run of RUN_BYTES bytes begins, or `end`. A word shows those that begin in its first
 * five bytes. */
static size_t literal_bits_end(const uint8_t *bits, size_t at, size_t end)
{
    while (at + 64 <= end) {
        uint64_t word = word_at(bits, at);
        uint64_t runs = zero_runs(word) | zero_runs(~word);
        if (runs)
            return at + (size_t)__builtin_ctzll(runs) / 8 * 8;
        at += WORD_STEP_BITS;
    }
    for (; at + RUN_BYTES * 8 <= end; at += 8) {
        uint8_t v = byte_at(bits, at, end);
        if ((v == 0 || v == 0xff) && same_bytes(bits, at, end, v) >= RUN_BYTES)
            return at;
    }
    return end;
}

/* Bits as they are, those behind `end` zero; `to` has room for a word more. */
static void copy_bits(const uint8_t *bits, size_t at, size_t stop, size_t end, uint8_t *to)
{
    for (; at < stop && at + 64 <= end; at += 64, to += 8)
        num_store_u64le(to, word_at(bits, at));
    for (; at < stop; at += 8)
        *to++ = byte_at(bits, at, end);
}

slp_rc cx_rle_encode_bits(const uint8_t *bits, size_t first, size_t count, struct buf *out,
                          struct slp_err *err)
{
    size_t at = first;
    size_t end = first + count;
    while (at < end) {
        size_t stop = literal_bits_end(bits, at, end);
        if (stop > at) {
            size_t groups = (stop - at + 7) / 8;
            TRY(buf_append_varint(out, (uint64_t)groups << 1 | 1, err));
            TRY(buf_reserve(out, groups + 8, err));
            copy_bits(bits, at, stop, end, out->ptr + out->len);
            out->len += groups;
        }
        at = stop;
        if (at < end) {
            uint8_t v = byte_at(bits, at, end);
            size_t n = same_bytes(bits, at, end, v) * 8;
            TRY(cx_rle_encode_run(v & 1u, n, 1, out, err));
            at += n;
        }
    }
    return SLP_OK;
}
