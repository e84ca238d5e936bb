#include "parquet/encode.h"

#include "base/num.h"
#include "codec/delta_encode.h"
#include "codec/rle_encode.h"
#include "codec/streams.h"

/* A sample is so many stretches of neighbours, because deltas live from what is next to what. */
#define STRETCHES           4u
#define STRETCH_MOST_VALUES 512u
#define STRETCH_MIN_VALUES  64u
#define STRETCH_MOST_BYTES  ((size_t)16 << 10)

/* Of longer values the bytes beside them do not matter. */
#define LONG_VALUE_BYTES 2048u

/* Raw bytes cost as much time as so many of them less cost in size. */
#define RAW_PER_BYTE 16u

bool pq_encoding_is_legal(enum pq_physical physical, enum pq_encoding encoding)
{
    switch (encoding) {
    case PQ_PLAIN:
        return true;
    case PQ_RLE_DICTIONARY:
        return physical != PQ_BOOLEAN;
    case PQ_RLE:
        return physical == PQ_BOOLEAN;
    case PQ_DELTA_BINARY_PACKED:
        return physical == PQ_INT32 || physical == PQ_INT64;
    case PQ_DELTA_LENGTH_BYTE_ARRAY:
        return physical == PQ_BYTE_ARRAY;
    case PQ_DELTA_BYTE_ARRAY:
        return physical == PQ_BYTE_ARRAY || physical == PQ_FIXED_LEN_BYTE_ARRAY;
    case PQ_BYTE_STREAM_SPLIT:
        return physical != PQ_BOOLEAN && physical != PQ_BYTE_ARRAY;
    case PQ_PLAIN_DICTIONARY:
    case PQ_BIT_PACKED:
        break;
    }
    return false;
}

static slp_rc encode_streams(const struct pq_values *v, size_t from, size_t count, struct buf *out,
                             struct slp_err *err)
{
    size_t bytes = count * v->width;
    TRY(buf_reserve(out, bytes, err));
    if (bytes)
        cx_split_streams(out->ptr + out->len, v->data + from * v->width, v->width, count);
    out->len += bytes;
    return SLP_OK;
}

/* Values of booleans as runs have their length before them, in pages of either version. */
static slp_rc encode_runs(const struct pq_values *v, size_t from, size_t count, struct buf *out,
                          struct slp_err *err)
{
    size_t start = out->len;
    TRY(buf_append_u32le(out, 0, err));
    TRY(cx_rle_encode_bits(v->data, from, count, out, err));
    num_store_u32le(out->ptr + start, (uint32_t)(out->len - start - 4));
    return SLP_OK;
}

static slp_rc encode_integers(const struct pq_values *v, size_t from, size_t count, struct buf *out,
                              struct slp_err *err)
{
    const void *data = v->data + from * v->width;
    return v->width == 4 ? cx_delta_encode_32(data, count, out, err)
                         : cx_delta_encode_64(data, count, out, err);
}

slp_rc pq_encode(const struct pq_values *v, enum pq_encoding encoding, struct pq_span span,
                 struct buf *scratch, struct buf *out, struct slp_err *err)
{
    size_t from = span.from;
    size_t count = span.count;
    static const int32_t none[1];
    const int32_t *offsets = v->offsets ? v->offsets + from : none;
    assert(pq_encoding_is_legal(v->physical, encoding));
    switch (encoding) {
    case PQ_DELTA_BINARY_PACKED:
        return encode_integers(v, from, count, out, err);
    case PQ_DELTA_LENGTH_BYTE_ARRAY:
        return cx_delta_encode_lengths(v->data, offsets, count, out, err);
    case PQ_DELTA_BYTE_ARRAY:
        if (v->physical == PQ_BYTE_ARRAY)
            return cx_delta_encode_strings(v->data, offsets, count, scratch, out, err);
        return cx_delta_encode_fixed(v->data + from * v->width, v->width, count, scratch, out, err);
    case PQ_BYTE_STREAM_SPLIT:
        return encode_streams(v, from, count, out, err);
    case PQ_RLE:
        return encode_runs(v, from, count, out, err);
    default:
        return pq_values_encode_plain(v, from, count, out, err);
    }
}

enum cx_content pq_content_of(enum pq_physical physical)
{
    if (physical == PQ_BYTE_ARRAY)
        return CX_CONTENT_TEXT;
    return physical == PQ_BOOLEAN ? CX_CONTENT_ANY : CX_CONTENT_NUMBERS;
}

/* Stretch `i` of the sample. */
static struct pq_span stretch_of(const struct pq_values *v, size_t i)
{
    size_t len = num_min_size(v->count / (16 * STRETCHES), STRETCH_MOST_VALUES);
    len = num_max_size(len, STRETCH_MIN_VALUES);
    size_t from = v->count / STRETCHES * i;
    size_t most = num_min_size(len, v->count - from);
    return (struct pq_span){from, pq_values_fit(v, from, most, STRETCH_MOST_BYTES)};
}

/* Encode the sample into c->encoded; `*values` is how many it has. */
static slp_rc encode_sample(const struct pq_chooser *c, const struct pq_values *v,
                            enum pq_encoding encoding, size_t *values, struct slp_err *err)
{
    size_t sampled = 0;
    buf_clear(c->encoded);
    for (size_t i = 0; i < STRETCHES; i++) {
        struct pq_span span = stretch_of(v, i);
        TRY(pq_encode(v, encoding, span, c->scratch, c->encoded, err));
        sampled += span.count;
    }
    *values = sampled;
    return SLP_OK;
}

/* How many values of a span are the one before. */
static size_t count_repeats(const struct pq_values *v, struct pq_span span)
{
    const uint8_t *data = v->data + span.from * v->width;
    size_t repeats = 0;
    for (size_t i = 1; i < span.count; i++)
        repeats += memcmp(data + i * v->width, data + (i - 1) * v->width, v->width) == 0;
    return repeats;
}

/* What a byte of the sample costs, in bytes and time; the greater the worse. */
static slp_rc cost_of(const struct pq_chooser *c, const struct pq_values *v,
                      enum pq_encoding encoding, size_t *out, struct slp_err *err)
{
    size_t values = 0;
    TRY(encode_sample(c, v, encoding, &values, err));
    size_t raw = c->encoded->len;
    size_t bytes = raw;
    if (c->kind != CX_NONE) {
        buf_clear(c->compressed);
        TRY(cx_compress_content(c->codec, c->kind, c->level, pq_content_of(v->physical),
                                buf_slice(c->encoded), c->compressed, err));
        bytes = num_min_size(c->compressed->len, raw);
    }
    *out = bytes + raw / RAW_PER_BYTE;
    /* Strings that share prefixes are put together one by one when they are read; but where they
     * do, finding the same in whole strings costs the codec nearly as much. */
    if (encoding == PQ_DELTA_BYTE_ARRAY)
        *out += values / 4;
    return SLP_OK;
}

slp_rc pq_choose_encoding(const struct pq_chooser *c, const struct pq_values *v,
                          enum pq_encoding *out, struct slp_err *err)
{
    static const enum pq_encoding integers[] = {PQ_DELTA_BINARY_PACKED};
    static const enum pq_encoding strings[] = {PQ_DELTA_LENGTH_BYTE_ARRAY, PQ_DELTA_BYTE_ARRAY};
    const enum pq_encoding *candidates = NULL;
    size_t count = 0;
    *out = PQ_PLAIN;
    if (v->physical == PQ_INT32 || v->physical == PQ_INT64) {
        candidates = integers;
        count = 1;
    } else if (v->physical == PQ_BYTE_ARRAY) {
        candidates = strings;
        count = 2;
    }
    bool is_long = pq_values_plain_bytes(v, 0, v->count) / LONG_VALUE_BYTES >= v->count;
    if (!c->may_delta || v->count == 0 || count == 0 || is_long)
        return SLP_OK;
    size_t best = 0;
    TRY(cost_of(c, v, PQ_PLAIN, &best, err));
    for (size_t i = 0; i < count; i++) {
        size_t cost = 0;
        TRY(cost_of(c, v, candidates[i], &cost, err));
        if (cost < best) {
            best = cost;
            *out = candidates[i];
        }
    }
    return SLP_OK;
}

slp_rc pq_guess_delta_bytes(const struct pq_chooser *c, const struct pq_values *v, size_t *out,
                            bool *repeats, struct slp_err *err)
{
    size_t values = 0;
    size_t same = 0;
    assert(v->count > 0 && v->width > 0);
    TRY(encode_sample(c, v, PQ_DELTA_BINARY_PACKED, &values, err));
    for (size_t i = 0; i < STRETCHES; i++)
        same += count_repeats(v, stretch_of(v, i));
    *out = (size_t)((double)c->encoded->len / (double)values * (double)v->count);
    *repeats = same * 2 >= values;
    return SLP_OK;
}
