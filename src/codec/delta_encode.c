#include "codec/delta_encode.h"

#include "base/num.h"
#include "codec/bit_pack.h"
#include "codec/delta_block.h"

#define BLOCK_VALUES CX_DELTA_BLOCK
#define MINIS        CX_DELTA_MINIS
#define MINI_VALUES  CX_DELTA_MINI

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

static inline uint64_t zigzag(int64_t v)
{
    return (uint64_t)v << 1 ^ (v < 0 ? UINT64_MAX : 0);
}

static int64_t first_of(const struct numbers *v)
{
    if (v->i64)
        return v->i64[0];
    return v->i32 ? v->i32[0] : v->offsets[1] - v->offsets[0];
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

static inline unsigned width_of(uint64_t bits)
{
    return bits ? 64 - (unsigned)__builtin_clzll(bits) : 0;
}

/* Behind `to`, which has room for it. Returns the end. */
static inline uint8_t *put_varint(uint8_t *to, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        *to++ = (uint8_t)(v | 0x80);
    *to++ = (uint8_t)v;
    return to;
}

/* A block of 128 values, of which the one before the first is read too. */
static uint8_t *put_block_32(const int32_t *v, uint8_t *to)
{
    uint32_t above[BLOCK_VALUES];
    uint32_t bits[MINIS];
    to = put_varint(to, zigzag(cx_delta_block_32(v, above, bits)));
    uint8_t *widths = to;
    to += MINIS;
    for (size_t m = 0; m < MINIS; m++) {
        unsigned width = width_of(bits[m]);
        widths[m] = (uint8_t)width;
        if (width)
            cx_bit_pack(above + m * MINI_VALUES, MINI_VALUES / 8, width, to);
        to += width * MINI_VALUES / 8;
    }
    return to;
}

static uint8_t *put_block_64(const int64_t *v, uint8_t *to)
{
    uint64_t above[BLOCK_VALUES];
    uint64_t bits[MINIS];
    to = put_varint(to, zigzag(cx_delta_block_64(v, above, bits)));
    uint8_t *widths = to;
    to += MINIS;
    for (size_t m = 0; m < MINIS; m++) {
        unsigned width = width_of(bits[m]);
        widths[m] = (uint8_t)width;
        if (width > 32)
            pack_wide(above + m * MINI_VALUES, width, to);
        else if (width)
            pack_narrow(above + m * MINI_VALUES, width, to);
        to += width * MINI_VALUES / 8;
    }
    return to;
}

/* The values of a block and the one before them, where they do not lie so in memory: lengths, and a
 * last block that is filled up with its least difference, which takes no bits. */
static const int32_t *gather_32(const struct numbers *v, size_t at, size_t n, int32_t *room)
{
    int32_t min = INT32_MAX;
    if (v->i32)
        memcpy(room, v->i32 + at - 1, (n + 1) * sizeof *room);
    else
        for (size_t i = 0; i <= n; i++)
            room[i] = v->offsets[at + i] - v->offsets[at + i - 1];
    for (size_t i = 1; n < BLOCK_VALUES && i <= n; i++) {
        int32_t d = (int32_t)((uint32_t)room[i] - (uint32_t)room[i - 1]);
        min = d < min ? d : min;
    }
    for (size_t i = n + 1; i <= BLOCK_VALUES; i++)
        room[i] = (int32_t)((uint32_t)room[i - 1] + (uint32_t)min);
    return room + 1;
}

static const int64_t *gather_64(const int64_t *v, size_t n, int64_t *room)
{
    int64_t min = INT64_MAX;
    memcpy(room, v - 1, (n + 1) * sizeof *room);
    for (size_t i = 1; i <= n; i++) {
        int64_t d = (int64_t)((uint64_t)room[i] - (uint64_t)room[i - 1]);
        min = d < min ? d : min;
    }
    for (size_t i = n + 1; i <= BLOCK_VALUES; i++)
        room[i] = (int64_t)((uint64_t)room[i - 1] + (uint64_t)min);
    return room + 1;
}

/* The `n` values from `at` on as the next block. */
static uint8_t *put_block(const struct numbers *v, size_t at, size_t n, uint8_t *to)
{
    int32_t narrow[BLOCK_VALUES + 1];
    int64_t wide[BLOCK_VALUES + 1];
    if (v->i64)
        return put_block_64(n < BLOCK_VALUES ? gather_64(v->i64 + at, n, wide) : v->i64 + at, to);
    if (v->i32 && n == BLOCK_VALUES)
        return put_block_32(v->i32 + at, to);
    return put_block_32(gather_32(v, at, n, narrow), to);
}

static slp_rc encode(const struct numbers *v, size_t n, struct buf *out, struct slp_err *err)
{
    TRY(buf_append_varint(out, BLOCK_VALUES, err));
    TRY(buf_append_varint(out, MINIS, err));
    TRY(buf_append_varint(out, n, err));
    TRY(buf_append_varint(out, n ? zigzag(first_of(v)) : 0, err));
    for (size_t at = 1; at < n; at += BLOCK_VALUES) {
        TRY(buf_reserve(out, BLOCK_MAX_BYTES, err));
        uint8_t *end = put_block(v, at, num_min_size(n - at, BLOCK_VALUES), out->ptr + out->len);
        out->len = (size_t)(end - out->ptr);
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

/* How many of the first `most` bytes are the same. Words are loaded beyond `most`, and what is there
 * does not count: it may never have been written. */
static inline size_t common(const uint8_t *a, const uint8_t *b, size_t most)
{
    size_t i = 0;
    for (; i + 8 <= most; i += 8) {
        uint64_t differ = num_load_u64le(a + i) ^ num_load_u64le(b + i);
        if (differ)
            return i + (size_t)__builtin_ctzll(differ) / 8;
    }
    if (i == most)
        return most;
    uint64_t differ = (num_load_u64le(a + i) ^ num_load_u64le(b + i)) << (8 * (8 - (most - i)));
    return differ ? i + (size_t)__builtin_ctzll(differ) / 8 - (8 - (most - i)) : most;
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
