#include "codec/rle_encode.h"

#include "base/num.h"
#include "codec/bit_pack.h"

/* Runs of bits worth writing: 32 values, four whole bytes. */
#define RUN_BYTES 4u

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

/* How many whole bytes from bit `at` on equal `value`. */
static size_t same_bytes(const uint8_t *bits, size_t at, size_t end, uint8_t value)
{
    size_t n = 0;
    while (at + 8 <= end && byte_at(bits, at, end) == value) {
        at += 8;
        n++;
    }
    return n;
}

/* Where the next run of RUN_BYTES bytes begins, or `end`. */
static size_t literal_bits_end(const uint8_t *bits, size_t at, size_t end)
{
    while (at + RUN_BYTES * 8 <= end) {
        uint8_t v = byte_at(bits, at, end);
        if ((v == 0 || v == 0xff) && same_bytes(bits, at, end, v) >= RUN_BYTES)
            return at;
        at += 8;
    }
    return end;
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
            TRY(buf_reserve(out, groups, err));
            for (; at < stop; at += 8)
                out->ptr[out->len++] = byte_at(bits, at, end);
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
