#include <math.h>

#include "predicate/tree.h"

enum pred_class pred_class_of(struct arr_type type)
{
    if (type.kind >= ARR_KEY_KIND_COUNT)
        return PRED_CLASS_NONE;
    switch (type.kind) {
    case ARR_NULL:
        return PRED_CLASS_NONE;
    case ARR_FLOAT:
    case ARR_DOUBLE:
        return PRED_CLASS_REAL;
    case ARR_UTF8:
    case ARR_BINARY:
    case ARR_FIXED_BINARY:
        return PRED_CLASS_BYTES;
    default:
        return PRED_CLASS_NUM;
    }
}

int pred_value_compare(enum pred_class c, const struct pred_value *a, const struct pred_value *b)
{
    if (c == PRED_CLASS_REAL)
        return pred_compare_doubles(a->real, b->real);
    if (c == PRED_CLASS_BYTES)
        return slice_compare(a->bytes, b->bytes);
    return (a->num > b->num) - (a->num < b->num);
}

int64_t pred_ordinal_real(double d)
{
    uint64_t bits = 0;
    if (isnan(d))
        return INT64_MAX;
    d += 0.0; /* -0.0 becomes 0.0 */
    memcpy(&bits, &d, sizeof bits);
    /* Negative ones count down: flip all but the sign, as two's complement wants it. */
    if (bits >> 63)
        bits ^= INT64_MAX;
    return (int64_t)bits;
}

int64_t pred_ordinal_num(enum arr_kind kind, i128 num)
{
    return (int64_t)(kind == ARR_UINT64 ? num + INT64_MIN : num);
}

static bool is_text(struct arr_type t)
{
    return t.kind == ARR_UTF8;
}

static bool is_moment(struct arr_type t)
{
    return t.kind == ARR_DATE32 || t.kind == ARR_TIMESTAMP;
}

static bool is_instant(struct arr_type t)
{
    return t.kind == ARR_TIMESTAMP && t.utc;
}

enum pred_pairing pred_pairing_of(struct arr_type a, struct arr_type b)
{
    enum pred_class x = pred_class_of(a);
    enum pred_class y = pred_class_of(b);
    if (x == PRED_CLASS_NONE || y == PRED_CLASS_NONE)
        return PRED_PAIR_NOT_COMPARABLE;
    if (x == PRED_CLASS_BYTES || y == PRED_CLASS_BYTES)
        return x == y && is_text(a) == is_text(b) ? PRED_PAIR_BYTES : PRED_PAIR_NOT_COMPARABLE;
    bool is_bool = a.kind == ARR_BOOL || b.kind == ARR_BOOL;
    if (is_bool && a.kind != b.kind)
        return PRED_PAIR_NOT_COMPARABLE;
    if (is_moment(a) != is_moment(b) || is_instant(a) != is_instant(b))
        return PRED_PAIR_NOT_COMPARABLE;
    if (x != y)
        return PRED_PAIR_MIXED;
    return x == PRED_CLASS_REAL ? PRED_PAIR_REAL : PRED_PAIR_NUM;
}
