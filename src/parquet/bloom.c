#include "parquet/bloom.h"

#include <inttypes.h>
#include <math.h>

#include "base/hash.h"
#include "base/num.h"
#include "codec/thrift_read.h"
#include "codec/thrift_write.h"

#define BLOCK_BYTES 32u
#define BLOCK_WORDS 8u
#define WORD_BITS   32.0

/* A header as written takes 14 bytes or so; unions of others may have more in them. */
#define HEADER_MAX_BYTES 256u

uint64_t pq_bloom_hash(struct slice value)
{
    return hash_xxh64_first(value);
}

static uint8_t *block_of(const struct pq_bloom *b, uint64_t hash)
{
    uint64_t blocks = b->bytes / BLOCK_BYTES;
    return b->bits + ((hash >> 32) * blocks >> 32) * BLOCK_BYTES;
}

/* One bit a word. The odd constants are those of BloomFilter.md. */
static inline void mask_of(uint64_t hash, uint32_t mask[BLOCK_WORDS])
{
    static const uint32_t salt[BLOCK_WORDS] = {0x47b6137bu, 0x44974d91u, 0x8824ad5bu, 0xa2b7289du,
                                               0x705495c7u, 0x2df1424bu, 0x9efc4947u, 0x5c6bfb31u};
    for (size_t i = 0; i < BLOCK_WORDS; i++)
        mask[i] = 1u << ((uint32_t)hash * salt[i] >> 27);
}

bool pq_bloom_may_contain(const struct pq_bloom *b, uint64_t hash)
{
    const uint8_t *block = block_of(b, hash);
    uint32_t mask[BLOCK_WORDS];
    uint32_t missing = 0;
    mask_of(hash, mask);
    for (size_t i = 0; i < BLOCK_WORDS; i++)
        missing |= mask[i] & ~num_load_u32le(block + 4 * i);
    return missing == 0;
}

void pq_bloom_add(struct pq_bloom *b, uint64_t hash)
{
    uint8_t *block = block_of(b, hash);
    uint32_t mask[BLOCK_WORDS];
    mask_of(hash, mask);
    for (size_t i = 0; i < BLOCK_WORDS; i++)
        num_store_u32le(block + 4 * i, num_load_u32le(block + 4 * i) | mask[i]);
}

size_t pq_bloom_bytes_for(size_t distinct, double fpp)
{
    assert(fpp > 0 && fpp < 1);
    double bits = -8.0 * (double)distinct / log(1 - pow(fpp, 1.0 / 8));
    size_t bytes = PQ_BLOOM_MIN_BYTES;
    while ((double)bytes * 8 < bits && bytes < PQ_BLOOM_MAX_BYTES)
        bytes *= 2;
    return bytes;
}

double pq_bloom_rate(const struct pq_bloom *b, bool is_folded)
{
    size_t step = is_folded ? 2 * BLOCK_BYTES : BLOCK_BYTES;
    double sum = 0;
    for (size_t at = 0; at < b->bytes; at += step) {
        double rate = 1;
        for (size_t i = at; i < at + BLOCK_BYTES; i += 4) {
            uint32_t word = num_load_u32le(b->bits + i);
            if (is_folded)
                word |= num_load_u32le(b->bits + i + BLOCK_BYTES);
            rate *= __builtin_popcount(word) / WORD_BITS;
        }
        sum += rate;
    }
    size_t blocks = b->bytes / step;
    return sum / (double)blocks;
}

void pq_bloom_fold(struct pq_bloom *b, size_t bytes)
{
    assert(bytes >= PQ_BLOOM_MIN_BYTES && (bytes & (bytes - 1)) == 0);
    while (b->bytes > bytes) {
        b->bytes /= 2;
        for (size_t at = 0; at < b->bytes; at += BLOCK_BYTES)
            for (size_t i = 0; i < BLOCK_BYTES; i++)
                b->bits[at + i] = b->bits[2 * at + i] | b->bits[2 * at + BLOCK_BYTES + i];
    }
}

/* Each of the three unions has one member that is ours, an empty struct with number 1. */
static void put_choice(struct cx_put *w, int16_t id)
{
    cx_put_struct(w, id);
    cx_put_struct(w, 1);
    cx_put_end(w);
    cx_put_end(w);
}

slp_rc pq_bloom_write(const struct pq_bloom *b, struct buf *out, struct slp_err *err)
{
    struct cx_put w;
    cx_put_init(&w, out, err);
    cx_put_i32(&w, 1, (int32_t)b->bytes);
    put_choice(&w, 2); /* BLOCK */
    put_choice(&w, 3); /* XXHASH */
    put_choice(&w, 4); /* UNCOMPRESSED */
    TRY(cx_put_finish(&w));
    return buf_append(out, b->bits, b->bytes, err);
}

static void add_values(struct pq_bloom *b, const struct pq_values *v)
{
    if (v->physical == PQ_BYTE_ARRAY) {
        for (size_t i = 0; i < v->count; i++)
            pq_bloom_add(
                b, pq_bloom_hash(slice_of(v->data + v->offsets[i],
                                          (size_t)v->offsets[i + 1] - (size_t)v->offsets[i])));
        return;
    }
    for (size_t i = 0; i < v->count; i++)
        pq_bloom_add(b, pq_bloom_hash(slice_of(v->data + i * v->width, v->width)));
}

slp_rc pq_bloom_of(const struct pq_values *v, size_t count, double fpp, struct buf *scratch,
                   struct buf *out, struct slp_err *err)
{
    assert(v->physical != PQ_BOOLEAN);
    buf_clear(scratch);
    TRY(buf_resize(scratch, pq_bloom_bytes_for(count, fpp), err));
    struct pq_bloom b = {.bits = scratch->ptr, .bytes = scratch->len};
    add_values(&b, v);
    while (b.bytes > PQ_BLOOM_MIN_BYTES && pq_bloom_rate(&b, true) <= fpp)
        pq_bloom_fold(&b, b.bytes / 2);
    return pq_bloom_write(&b, out, err);
}

/* Does a union have the member 1 and nothing else? */
static bool is_first_member(struct cx_thrift *t, enum cx_thrift_type type)
{
    int32_t id = 0;
    bool is_first = false;
    if (!cx_thrift_struct(t, type))
        return false;
    while (cx_thrift_field(t, &id, &type)) {
        is_first = id == 1;
        cx_thrift_skip(t, type);
    }
    return is_first;
}

static slp_rc parse_header(struct slice in, uint64_t offset, int64_t *bits_bytes,
                           size_t *header_bytes, struct slp_err *err)
{
    struct cx_thrift t;
    int32_t id = 0;
    enum cx_thrift_type type = CX_THRIFT_STOP;
    bool is_known[5] = {false};
    *bits_bytes = 0;
    cx_thrift_init(&t, in);
    while (cx_thrift_field(&t, &id, &type)) {
        if (id == 1)
            *bits_bytes = cx_thrift_int(&t, type);
        else if (id >= 2 && id <= 4)
            is_known[id] = is_first_member(&t, type);
        else
            cx_thrift_skip(&t, type);
    }
    if (t.wrong)
        FAIL(err, CORRUPT, "bloom filter at offset %" PRIu64 ": header: %s", offset, t.wrong);
    if (!is_known[2] || !is_known[3] || !is_known[4])
        FAIL(err, UNSUPPORTED,
             "bloom filter at offset %" PRIu64
             ": another algorithm, hash or compression than split "
             "blocks, xxhash and none",
             offset);
    if (*bits_bytes < (int64_t)PQ_BLOOM_MIN_BYTES || *bits_bytes > (int64_t)PQ_BLOOM_MAX_BYTES ||
        *bits_bytes % BLOCK_BYTES != 0)
        FAIL(err, CORRUPT,
             "bloom filter at offset %" PRIu64 ": %" PRId64
             " bytes, expected a multiple of 32 up to %u",
             offset, *bits_bytes, PQ_BLOOM_MAX_BYTES);
    *header_bytes = cx_thrift_offset(&t);
    return SLP_OK;
}

slp_rc pq_bloom_read(struct source *src, uint64_t offset, uint32_t bytes, struct buf *room,
                     struct pq_bloom *out, struct slp_err *err)
{
    int64_t bits_bytes = 0;
    size_t header_bytes = 0;
    if (offset >= src->size || bytes > src->size - offset)
        FAIL(err, CORRUPT,
             "bloom filter at offset %" PRIu64 " of %" PRIu32 " bytes: the file has %" PRIu64,
             offset, bytes, src->size);
    uint64_t left = src->size - offset;
    size_t first = bytes ? bytes : left < HEADER_MAX_BYTES ? (size_t)left : HEADER_MAX_BYTES;
    TRY(source_read_buf(src, offset, first, room, err));
    TRY(parse_header(buf_slice(room), offset, &bits_bytes, &header_bytes, err));
    size_t whole = header_bytes + (size_t)bits_bytes;
    if (whole > left || (bytes && whole > bytes))
        FAIL(err, CORRUPT,
             "bloom filter at offset %" PRIu64 ": its header says %zu bytes, %" PRIu64 " are there",
             offset, whole, bytes ? bytes : left);
    if (whole > room->len)
        TRY(source_read_buf(src, offset, whole, room, err));
    *out = (struct pq_bloom){.bits = room->ptr + header_bytes, .bytes = (size_t)bits_bytes};
    return SLP_OK;
}
