/*
 * A column's values as Parquet stores them: physical width, no slots for nulls, so that encoding,
 * dictionaries and bounds are plain loops over arrays.
 *
 *   Arrow column   1  -  2  3  -      validity 1 0 1 1 0
 *   values         1  2  3            and the validity stands beside them as levels
 *
 * Where the Arrow column has this form already (no nulls, same width) nothing is copied.
 */
#ifndef SLP_PARQUET_VALUES_H
#define SLP_PARQUET_VALUES_H

#include "arrow/batch.h"
#include "parquet/leaf.h"

/* Bytes behind the last value that wide loads may touch. */
#define PQ_VALUES_OVERREAD 16u

struct pq_values {
    enum pq_physical physical;
    enum pq_order order;
    size_t width;           /* bytes of a value; 0 for BOOLEAN and BYTE_ARRAY */
    const uint8_t *data;    /* never NULL; PQ_VALUES_OVERREAD bytes behind the last may be read */
    const int32_t *offsets; /* BYTE_ARRAY: count + 1 */
    size_t count;
};

/* Memory for values that had to be converted; of one column at a time. */
struct pq_values_scratch {
    struct buf converted;
    struct buf dense;
};

void pq_values_scratch_init(struct pq_values_scratch *s, struct alloc *mem);
void pq_values_scratch_fini(struct pq_values_scratch *s);

/*
 * The values of `col`, borrowed from it or from `scratch` until its next use.
 *
 * Errors   BAD_INPUT  a timestamp or time in seconds beyond milliseconds, a decimal beyond its
 *                     precision's physical type, an interval that is negative or has parts of a
 *                     millisecond, with the row
 *          LIMIT, NO_MEMORY
 */
SLP_NODISCARD slp_rc pq_values_of(const struct arr_col *col, const struct pq_leaf *leaf,
                                  struct pq_values_scratch *scratch, struct pq_values *out,
                                  struct slp_err *err);

/* Bytes of values [from, from + count) in PLAIN form. */
size_t pq_values_plain_bytes(const struct pq_values *v, size_t from, size_t count);

/* The greatest count <= `most` whose PLAIN form has at most `bytes` bytes; at least 1 when `most`
 * is. */
size_t pq_values_fit(const struct pq_values *v, size_t from, size_t most, size_t bytes);

/* Append the PLAIN form. Errors: LIMIT, NO_MEMORY. */
SLP_NODISCARD slp_rc pq_values_encode_plain(const struct pq_values *v, size_t from, size_t count,
                                            struct buf *out, struct slp_err *err);

#endif
