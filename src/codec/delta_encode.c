#include "codec/delta_encode.h"

#include "base/num.h"
#include "codec/bit_pack.h"

#define BLOCK_VALUES 128u
#define MINIS        4u
#define MINI_VALUES  (BLOCK_VALUES / MINIS)

/* Zigzag minimum, widths, miniblocks at 64 bits, and what packing may write behind them. */
#define BLOCK_MAX_BYTES (10 + MINIS + BLOCK_VALUES * 8 + CX_BIT_PACK_SLACK)

/* Copies of short strings are of this size whatever they need. */
#define SHORT_BYTES CX_DELTA_OVERREAD

/* Where integers come from: arrays, or the lengths that lie between offsets. */
struct numbers {
    const int32_t *i32;
    const int64_t *i64;
    const int32_t *offsets;
};

static uint64_t zigzag(int64_t v)
{
    return (uint64_t)v << 1 ^ (v < 0 ? UINT64_MAX : 0);
}

static int64_t first_of(const struct numbers *v)
{
    if (v->i64)
        return v->i64[0];
    return v->i32 ? v->i32[0] : v->offsets[1] - v->offsets[0];
}

static void deltas_32(const int32_t *v, size_t n, int64_t *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (int32_t)((uint32_t)v[i] - (uint32_t)v[(ptrdiff_t)i - 1]);
}

static void deltas_64(const int64_t *v, size_t n, int64_t *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (int64_t)((uint64_t)v[i] - (uint64_t)v[(ptrdiff_t)i - 1]);
}

/* `o` is the offset at which the first of the values begins; a length fits 31 bits, so their
 * differences fit 32. */
static void deltas_of_lengths(const int32_t *o, size_t n, int64_t *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (int64_t)o[i + 1] - o[i] - ((int64_t)o[i] - o[(ptrdiff_t)i - 1]);
}

/* 32 values of any width take whole words, and half a word where the width is odd. */
static void pack_wide(const uint64_t *v, unsigned width, uint8_t *out)
{
    uint64_t bits = 0;
    unsigned fill = 0;
    for (size_t i = 0; i < MINI_VALUES; i++) {
        bits |= v[i] << fill;
        fill += width;
        if (fill >= 64) {
            num_store_u64le(out, bits);
            out += 8;
            fill -= 64;
            bits = fill ? v[i] >> (width - fill) : 0;
        }
    }
    if (fill)
        num_store_u32le(out, (uint32_t)bits);
}

static void pack_narrow(const uint64_t *v, unsigned width, uint8_t *out)
{
    uint32_t narrow[MINI_VALUES];
    for (size_t i = 0; i < MINI_VALUES; i++)
        narrow[i] = (uint32_t)v[i];
    cx_bit_pack(narrow, MINI_VALUES / 8, width, out);
}

static unsigned width_of(const uint64_t *v)
{
    uint64_t all = 0;
    for (size_t i = 0; i < MINI_VALUES; i++)
        all |= v[i];
    return all ? 64 - (unsigned)__builtin_clzll(all) : 0;
}

/* A block of `n` differences, at least one, in an array of a whole block. */
static slp_rc put_block(int64_t *deltas, size_t n, struct buf *out, struct slp_err *err)
{
    int64_t min = deltas[0];
    for (size_t i = 1; i < n; i++)
        min = deltas[i] < min ? deltas[i] : min;
    uint64_t above[BLOCK_VALUES];
    for (size_t i = n; i < BLOCK_VALUES; i++)
        deltas[i] = min;
    for (size_t i = 0; i < BLOCK_VALUES; i++)
        above[i] = (uint64_t)deltas[i] - (uint64_t)min;
    TRY(buf_reserve(out, BLOCK_MAX_BYTES, err));
    TRY(buf_append_varint(out, zigzag(min), err));
    uint8_t *widths = out->ptr + out->len;
    uint8_t *to = widths + MINIS;
    for (size_t m = 0; m < MINIS; m++) {
        unsigned width = width_of(above + m * MINI_VALUES);
        widths[m] = (uint8_t)width;
        if (width > 32)
            pack_wide(above + m * MINI_VALUES, width, to);
        else if (width)
            pack_narrow(above + m * MINI_VALUES, width, to);
        to += width * MINI_VALUES / 8;
    }
    out->len = (size_t)(to - out->ptr);
    return SLP_OK;
}

static slp_rc encode(const struct numbers *v, size_t n, struct buf *out, struct slp_err *err)
{
    int64_t deltas[BLOCK_VALUES];
    TRY(buf_append_varint(out, BLOCK_VALUES, err));
    TRY(buf_append_varint(out, MINIS, err));
    TRY(buf_append_varint(out, n, err));
    TRY(buf_append_varint(out, n ? zigzag(first_of(v)) : 0, err));
    for (size_t at = 1; at < n; at += BLOCK_VALUES) {
        size_t step = num_min_size(n - at, BLOCK_VALUES);
        if (v->i64)
            deltas_64(v->i64 + at, step, deltas);
        else if (v->i32)
            deltas_32(v->i32 + at, step, deltas);
        else
            deltas_of_lengths(v->offsets + at, step, deltas);
        TRY(put_block(deltas, step, out, err));
    }
    return SLP_OK;
}

slp_rc cx_delta_encode_32(const int32_t *values, size_t n, struct buf *out, struct slp_err *err)
{
    return encode(&(struct numbers){.i32 = values}, n, out, err);
}

slp_rc cx_delta_encode_64(const int64_t *values, size_t n, struct buf *out, struct slp_err *err)
{
    return encode(&(struct numbers){.i64 = values}, n, out, err);
}

slp_rc cx_delta_encode_lengths(const uint8_t *data, const int32_t *offsets, size_t n,
                               struct buf *out, struct slp_err *err)
{
    TRY(encode(&(struct numbers){.offsets = offsets}, n, out, err));
    if (n == 0)
        return SLP_OK;
    return buf_append(out, data + offsets[0], (size_t)offsets[n] - (size_t)offsets[0], err);
}

/* How many of the first `most` bytes are the same. Words are loaded beyond `most`. */
static inline size_t common(const uint8_t *a, const uint8_t *b, size_t most)
{
    for (size_t i = 0; i < most; i += 8) {
        uint64_t differ = num_load_u64le(a + i) ^ num_load_u64le(b + i);
        if (differ)
            return num_min_size(i + (size_t)__builtin_ctzll(differ) / 8, most);
    }
    return most;
}

/* Strings as they are taken apart: what each shares with the one before, what is left of it. */
struct parts {
    int32_t *prefixes;
    int32_t *lengths;
    size_t bytes; /* of all that is left */
};

static slp_rc parts_of(struct buf *scratch, size_t n, struct parts *out, struct slp_err *err)
{
    buf_clear(scratch);
    TRY(buf_resize(scratch, 2 * n * sizeof(int32_t), err));
    out->prefixes = (int32_t *)(void *)scratch->ptr;
    out->lengths = out->prefixes + n;
    out->bytes = 0;
    return SLP_OK;
}

static inline void split(struct parts *p, size_t i, const uint8_t *last, size_t last_len,
                         const uint8_t *value, size_t len)
{
    size_t prefix = common(last, value, num_min_size(last_len, len));
    p->prefixes[i] = (int32_t)prefix;
    p->lengths[i] = (int32_t)(len - prefix);
    p->bytes += len - prefix;
}

/* What is written too much lies where the next value goes, or in the room behind the last. */
static inline uint8_t *put_rest(uint8_t *to, const uint8_t *from, size_t len)
{
    if (len <= SHORT_BYTES)
        memcpy(to, from, SHORT_BYTES);
    else
        memcpy(to, from, len);
    return to + len;
}

static slp_rc put_numbers(const struct parts *p, size_t n, struct buf *out, struct slp_err *err)
{
    TRY(cx_delta_encode_32(p->prefixes, n, out, err));
    TRY(cx_delta_encode_32(p->lengths, n, out, err));
    return buf_reserve(out, p->bytes + SHORT_BYTES, err);
}

slp_rc cx_delta_encode_strings(const uint8_t *data, const int32_t *offsets, size_t n,
                               struct buf *scratch, struct buf *out, struct slp_err *err)
{
    struct parts p = {0};
    const uint8_t *last = data;
    size_t last_len = 0;
    TRY(parts_of(scratch, n, &p, err));
    for (size_t i = 0; i < n; i++) {
        size_t len = (size_t)offsets[i + 1] - (size_t)offsets[i];
        split(&p, i, last, last_len, data + offsets[i], len);
        last = data + offsets[i];
        last_len = len;
    }
    TRY(put_numbers(&p, n, out, err));
    uint8_t *to = out->ptr + out->len;
    for (size_t i = 0; i < n; i++)
        to = put_rest(to, data + offsets[i] + p.prefixes[i], (size_t)p.lengths[i]);
    out->len += p.bytes;
    return SLP_OK;
}

slp_rc cx_delta_encode_fixed(const uint8_t *data, size_t width, size_t n, struct buf *scratch,
                             struct buf *out, struct slp_err *err)
{
    struct parts p = {0};
    TRY(parts_of(scratch, n, &p, err));
    for (size_t i = 0; i < n; i++)
        split(&p, i, i ? data + (i - 1) * width : data, i ? width : 0, data + i * width, width);
    TRY(put_numbers(&p, n, out, err));
    uint8_t *to = out->ptr + out->len;
    for (size_t i = 0; i < n; i++)
        to = put_rest(to, data + i * width + p.prefixes[i], (size_t)p.lengths[i]);
    out->len += p.bytes;
    return SLP_OK;
}
