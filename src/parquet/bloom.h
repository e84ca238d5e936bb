/*
 * Bloom filters of column chunks: the split-block filters of Parquet's BloomFilter.md.
 *
 *   | header, Thrift compact | bits: blocks of 32 bytes |
 *
 *   h = XXH64 of the value's PLAIN bytes, without the length of BYTE_ARRAY
 *   block = ((h >> 32) * blocks) >> 32;  in each of its 8 words one bit, told by the low half of h
 *
 * A filter says "not there" or "maybe"; how often it says "maybe" of what is not there is its rate,
 * the `fpp`. It is made for as many distinct values as there are values, and then folded (blocks 2i
 * and 2i + 1 become block i) as long as its set bits keep the rate: columns that repeat get small
 * filters.
 *
 * Hashes are of the stored bytes, so two values that are equal and stored differently (0.0 and
 * -0.0, or NaN of several bits) have several hashes: whoever prunes must not ask for those.
 */
#ifndef SLP_PARQUET_BLOOM_H
#define SLP_PARQUET_BLOOM_H

#include "base/io.h"
#include "parquet/values.h"

#define PQ_BLOOM_FPP_DEFAULT 0.01

/* A filter has at least one block, and at most this, as other readers bound it. */
#define PQ_BLOOM_MIN_BYTES 32u
#define PQ_BLOOM_MAX_BYTES (128u << 20)

/* Bits of a filter; they belong to whoever made them. */
struct pq_bloom {
    uint8_t *bits;
    size_t bytes; /* a multiple of 32 */
};

/* The hash of a value in PLAIN form, without the length of BYTE_ARRAY. */
uint64_t pq_bloom_hash(struct slice value);

/* May the value of this hash be there? */
bool pq_bloom_may_contain(const struct pq_bloom *b, uint64_t hash);

void pq_bloom_add(struct pq_bloom *b, uint64_t hash);

/* Bytes of a filter that holds `distinct` values at a rate of `fpp`, between 0 and 1: a power of
 * two. */
size_t pq_bloom_bytes_for(size_t distinct, double fpp);

/* The rate that the set bits make, as it is or as it would be at half the bytes. */
double pq_bloom_rate(const struct pq_bloom *b, bool is_folded);

/* Fold to `bytes`, a power of two; `b->bytes` is one, too. */
void pq_bloom_fold(struct pq_bloom *b, size_t bytes);

/* Append header and bits. Errors: LIMIT, NO_MEMORY. */
SLP_NODISCARD slp_rc pq_bloom_write(const struct pq_bloom *b, struct buf *out, struct slp_err *err);

/* Append a filter of all values: made as if there were `count`, folded, with its header. `v` is not
 * of BOOLEAN, and may have each of them once. `scratch` is overwritten. Errors: LIMIT, NO_MEMORY. */
SLP_NODISCARD slp_rc pq_bloom_of(const struct pq_values *v, size_t count, double fpp,
                                 struct buf *scratch, struct buf *out, struct slp_err *err);

/*
 * Read the filter at `offset`, of `bytes` bytes with its header, or 0 where the footer does not
 * say, into `room`; `out` borrows it.
 *
 * Errors   CORRUPT      header or length, with the offset in the file
 *          UNSUPPORTED  another algorithm, hash or compression
 *          LIMIT, NO_MEMORY, and whatever the source returns
 * Cost     one round where the length is known, else two
 */
SLP_NODISCARD slp_rc pq_bloom_read(struct source *src, uint64_t offset, uint32_t bytes,
                                   struct buf *room, struct pq_bloom *out, struct slp_err *err);

#endif
