/*
 * Bounds: the least and the greatest value of a page or chunk, as statistics and column indexes
 * state them.
 *
 * They are bounds, not always values: a string longer than PQ_BOUND_CUT_BYTES is cut, downwards for
 * the minimum, upwards for the maximum, and then marked as not exact.
 *
 *   maximum "ab...yz" (80 bytes)  ->  its first 64 bytes, the last character incremented
 *   maximum ff ff ... ff (80)     ->  nothing above it is shorter: UNKNOWN
 *
 * Floats: NaN takes no part and is counted; a minimum of zero is -0.0 and a maximum +0.0, so that a
 * reader who compares bits still finds both zeros inside.
 */
#ifndef SLP_PARQUET_BOUNDS_H
#define SLP_PARQUET_BOUNDS_H

#include "parquet/values.h"

/* Bounds of BYTE_ARRAY columns have at most this many bytes, and one more when incrementing the
 * last character makes it longer. */
#define PQ_BOUND_CUT_BYTES 64u

/* The most bytes that can be asked for instead. */
#define PQ_BOUND_CUT_MOST_BYTES 250u

/* Longest bound: FIXED_LEN_BYTE_ARRAY is never cut, and left out beyond this. */
#define PQ_BOUND_MAX_BYTES 256u

enum pq_bounds_state {
    PQ_BOUNDS_EMPTY,  /* no value takes part: only nulls, or only NaN */
    PQ_BOUNDS_KNOWN,  /* min and max hold */
    PQ_BOUNDS_UNKNOWN /* there are values, but no bound can be stated */
};

struct pq_bounds {
    enum pq_bounds_state state;
    bool min_exact;
    bool max_exact;
    uint32_t min_len; /* bytes */
    uint32_t max_len;
    int64_t nan_count;
    uint8_t min[PQ_BOUND_MAX_BYTES]; /* PLAIN form, without the length of BYTE_ARRAY */
    uint8_t max[PQ_BOUND_MAX_BYTES];
};

static inline struct slice pq_bounds_min(const struct pq_bounds *b)
{
    return slice_of(b->min, b->min_len);
}

static inline struct slice pq_bounds_max(const struct pq_bounds *b)
{
    return slice_of(b->max, b->max_len);
}

/* The bounds of values [from, from + count). */
void pq_bounds_of(const struct pq_values *v, size_t from, size_t count, struct pq_bounds *out);

/* The same with strings cut to `cut_bytes`, 1 to PQ_BOUND_CUT_MOST_BYTES. */
void pq_bounds_of_cut(const struct pq_values *v, size_t from, size_t count, size_t cut_bytes,
                      struct pq_bounds *out);

/* The same of the strings that `picked` names, at least one: values of an order. */
void pq_bounds_of_picked(const struct pq_values *v, const uint32_t *picked, size_t count,
                         size_t cut_bytes, struct pq_bounds *out);

/* Widen `whole`, which begins zeroed, by the bounds of a part. */
void pq_bounds_add(enum pq_order order, struct pq_bounds *whole, const struct pq_bounds *part);

/* Compare two bounds of one column: less, equal, greater than 0. */
int pq_bound_compare(enum pq_order order, struct slice a, struct slice b);

#endif
