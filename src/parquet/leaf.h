/*
 * What a field of ours becomes in a Parquet file: physical type, annotations, order of its bounds.
 * The table stands in docs/format/parquet-profile.md.
 */
#ifndef SLP_PARQUET_LEAF_H
#define SLP_PARQUET_LEAF_H

#include "arrow/type.h"
#include "codec/thrift_write.h"
#include "parquet/meta.h"

/* How a column's values compare, on their physical form. */
enum pq_order {
    PQ_ORDER_NONE,
    PQ_ORDER_BOOL,
    PQ_ORDER_INT32,
    PQ_ORDER_UINT32,
    PQ_ORDER_INT64,
    PQ_ORDER_UINT64,
    PQ_ORDER_FLOAT,
    PQ_ORDER_DOUBLE,
    PQ_ORDER_FLOAT16, /* halves, little-endian */
    PQ_ORDER_UTF8,    /* unsigned bytes, bounds cut between characters */
    PQ_ORDER_BYTES,   /* unsigned bytes, bounds cut anywhere */
    PQ_ORDER_FIXED,   /* unsigned bytes, all of one length */
    PQ_ORDER_DECIMAL, /* big-endian two's complement, all of one length */
};

struct pq_leaf {
    enum pq_physical physical;
    size_t width; /* bytes of a value; 0 for BOOLEAN and BYTE_ARRAY */
    enum pq_order order;
};

/* NaN are among its values, and counted. */
static inline bool pq_order_is_float(enum pq_order order)
{
    return order == PQ_ORDER_FLOAT || order == PQ_ORDER_DOUBLE || order == PQ_ORDER_FLOAT16;
}

/* Bytes of the shortest big-endian two's complement that holds `precision` digits, 1 to 76. */
size_t pq_decimal_width(int32_t precision);

/* Errors: UNSUPPORTED for what Parquet has no type for (fixed_binary(0), a decimal whose scale is
 * negative or beyond its precision) and for nested fields, by field name. */
SLP_NODISCARD slp_rc pq_leaf_of(const struct arr_field *field, struct pq_leaf *out,
                                struct slp_err *err);

/* Write the field's SchemaElement as the next element of a list. */
void pq_leaf_put(struct cx_put *w, const struct arr_field *field, const struct pq_leaf *leaf);

#endif
