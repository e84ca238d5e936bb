/*
 * Checksums and hashes. CRC32 (the one of zip and gzip) is what Parquet pages carry; CRC32C guards
 * our own structures; XXH3 names and links: 64 bits for tables in memory, 128 bits for chains and
 * identities. XXH3 is not cryptographic: it finds accidents, not forgers.
 */
#ifndef SLP_BASE_HASH_H
#define SLP_BASE_HASH_H

#include "base/slice.h"

struct hash128 {
    uint8_t bytes[16]; /* canonical big-endian form */
};

/* CRC32 as in zip. `seed` is 0, or the result so far to go on from. */
uint32_t hash_crc32(uint32_t seed, struct slice s);

/* CRC32C (Castagnoli). `seed` is 0, or the result so far to go on from. */
uint32_t hash_crc32c(uint32_t seed, struct slice s);

uint64_t hash_xxh64(struct slice s, uint64_t seed);

/* XXH64 itself, the older function, without a seed: what bloom filters of Parquet are made with. */
uint64_t hash_xxh64_first(struct slice s);

struct hash128 hash_xxh128(struct slice s);

static inline bool hash_equal(struct hash128 a, struct hash128 b)
{
    return memcmp(a.bytes, b.bytes, sizeof a.bytes) == 0;
}

/* 32 lower-case hexadecimal digits and a terminator. */
void hash_format(struct hash128 h, char out[33]);

/* Parse exactly 32 hexadecimal digits. false if they are not. */
bool hash_parse(struct slice text, struct hash128 *out);

#endif
