/*
 * The least and the greatest of many numbers: what page and chunk bounds are made of.
 *
 * Floats are compared as integers, their magnitude bits turned around below zero, because integers
 * have vector instructions for it that do not depend on an order of evaluation. So -0.0 lies below
 * 0.0, and NaN, beyond the infinities, is noticed and left to the caller.
 *
 * Each loop is compiled for AVX-512, for AVX2 and for any processor; the first that runs here is
 * taken. The plain ones are the twins that tests compare.
 */
#ifndef SLP_PARQUET_MIN_MAX_H
#define SLP_PARQUET_MIN_MAX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* `n` is at least 1. `flip` is 0 for signed numbers and the sign bit for unsigned ones: bounds are
 * of v ^ flip, and come back as values. */
void pq_min_max_32(const uint32_t *v, size_t n, uint32_t flip, uint32_t *min, uint32_t *max);
void pq_min_max_64(const uint64_t *v, size_t n, uint64_t flip, uint64_t *min, uint64_t *max);

/* Of floats and doubles as bits. false when a NaN is among them, and nothing is set. */
bool pq_min_max_float(const uint32_t *v, size_t n, uint32_t *min, uint32_t *max);
bool pq_min_max_double(const uint64_t *v, size_t n, uint64_t *min, uint64_t *max);

void pq_min_max_32_plain(const uint32_t *v, size_t n, uint32_t flip, uint32_t *min, uint32_t *max);
void pq_min_max_64_plain(const uint64_t *v, size_t n, uint64_t flip, uint64_t *min, uint64_t *max);
bool pq_min_max_float_plain(const uint32_t *v, size_t n, uint32_t *min, uint32_t *max);
bool pq_min_max_double_plain(const uint64_t *v, size_t n, uint64_t *min, uint64_t *max);

#endif
