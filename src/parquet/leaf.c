#include "parquet/leaf.h"

#include <inttypes.h>

/* Fields of SchemaElement, members of the LogicalType union and values of ConvertedType, as
 * parquet.thrift numbers them. */
enum {
    ELEMENT_TYPE = 1,
    ELEMENT_TYPE_LENGTH = 2,
    ELEMENT_REPETITION = 3,
    ELEMENT_NAME = 4,
    ELEMENT_CONVERTED = 6,
    ELEMENT_SCALE = 7,
    ELEMENT_PRECISION = 8,
    ELEMENT_FIELD_ID = 9,
    ELEMENT_LOGICAL = 10
};
enum { REPETITION_REQUIRED = 0, REPETITION_OPTIONAL = 1 };
enum {
    LOGICAL_STRING = 1,
    LOGICAL_DECIMAL = 5,
    LOGICAL_DATE = 6,
    LOGICAL_TIMESTAMP = 8,
    LOGICAL_INTEGER = 10,
    LOGICAL_UNKNOWN = 11
};
enum {
    CONVERTED_NONE = -1,
    CONVERTED_UTF8 = 0,
    CONVERTED_DECIMAL = 5,
    CONVERTED_DATE = 6,
    CONVERTED_TIMESTAMP_MILLIS = 9,
    CONVERTED_TIMESTAMP_MICROS = 10,
    CONVERTED_UINT_8 = 11,
    CONVERTED_UINT_16 = 12,
    CONVERTED_UINT_32 = 13,
    CONVERTED_UINT_64 = 14,
    CONVERTED_INT_8 = 15,
    CONVERTED_INT_16 = 16
};
enum { UNIT_MILLIS = 1, UNIT_MICROS = 2, UNIT_NANOS = 3 };

#define DECIMAL_INT32_PRECISION 9
#define DECIMAL_INT64_PRECISION 18
#define DECIMAL_MAX_PRECISION   38

size_t pq_decimal_width(int32_t precision)
{
    /* The most digits that n bytes hold, n = 1 to 16. */
    static const int32_t digits[] = {2, 4, 6, 9, 11, 14, 16, 18, 21, 23, 26, 28, 31, 33, 35, 38};
    size_t width = 1;
    while (width < sizeof digits / sizeof *digits && digits[width - 1] < precision)
        width++;
    return width;
}

static slp_rc decimal_leaf(const struct arr_field *field, struct pq_leaf *out, struct slp_err *err)
{
    struct arr_type type = field->type;
    if (type.precision < 1 || type.precision > DECIMAL_MAX_PRECISION || type.scale < 0 ||
        type.scale > type.precision)
        FAIL(err, UNSUPPORTED,
             "column \"%s\": parquet has no decimal(%" PRId32 ", %" PRId32
             "), expected precision 1 to %d and scale 0 to precision",
             field->name, type.precision, type.scale, DECIMAL_MAX_PRECISION);
    if (type.precision <= DECIMAL_INT32_PRECISION)
        *out = (struct pq_leaf){PQ_INT32, 4, PQ_ORDER_INT32};
    else if (type.precision <= DECIMAL_INT64_PRECISION)
        *out = (struct pq_leaf){PQ_INT64, 8, PQ_ORDER_INT64};
    else
        *out = (struct pq_leaf){PQ_FIXED_LEN_BYTE_ARRAY, pq_decimal_width(type.precision),
                                PQ_ORDER_DECIMAL};
    return SLP_OK;
}

slp_rc pq_leaf_of(const struct arr_field *field, struct pq_leaf *out, struct slp_err *err)
{
    static const struct pq_leaf plain[ARR_KIND_COUNT] = {
        [ARR_NULL] = {PQ_INT32, 4, PQ_ORDER_NONE},
        [ARR_BOOL] = {PQ_BOOLEAN, 0, PQ_ORDER_BOOL},
        [ARR_INT8] = {PQ_INT32, 4, PQ_ORDER_INT32},
        [ARR_INT16] = {PQ_INT32, 4, PQ_ORDER_INT32},
        [ARR_INT32] = {PQ_INT32, 4, PQ_ORDER_INT32},
        [ARR_INT64] = {PQ_INT64, 8, PQ_ORDER_INT64},
        [ARR_UINT8] = {PQ_INT32, 4, PQ_ORDER_UINT32},
        [ARR_UINT16] = {PQ_INT32, 4, PQ_ORDER_UINT32},
        [ARR_UINT32] = {PQ_INT32, 4, PQ_ORDER_UINT32},
        [ARR_UINT64] = {PQ_INT64, 8, PQ_ORDER_UINT64},
        [ARR_FLOAT] = {PQ_FLOAT, 4, PQ_ORDER_FLOAT},
        [ARR_DOUBLE] = {PQ_DOUBLE, 8, PQ_ORDER_DOUBLE},
        [ARR_DATE32] = {PQ_INT32, 4, PQ_ORDER_INT32},
        [ARR_TIMESTAMP] = {PQ_INT64, 8, PQ_ORDER_INT64},
        [ARR_UTF8] = {PQ_BYTE_ARRAY, 0, PQ_ORDER_UTF8},
        [ARR_BINARY] = {PQ_BYTE_ARRAY, 0, PQ_ORDER_BYTES},
    };
    assert(field->type.kind < ARR_KIND_COUNT);
    if (field->type.kind >= ARR_TABLE_KIND_COUNT) {
        char name[80];
        arr_field_type_format(field, name, sizeof name);
        FAIL(err, UNSUPPORTED, "column \"%s\": type %s is not written yet", field->name, name);
    }
    if (field->type.kind == ARR_DECIMAL128)
        return decimal_leaf(field, out, err);
    *out = plain[field->type.kind];
    if (field->type.kind == ARR_FIXED_BINARY) {
        if (field->type.width < 1)
            FAIL(err, UNSUPPORTED,
                 "column \"%s\": parquet has no fixed_binary(%" PRId32 "), expected 1 byte or more",
                 field->name, field->type.width);
        *out = (struct pq_leaf){PQ_FIXED_LEN_BYTE_ARRAY, (size_t)field->type.width, PQ_ORDER_FIXED};
    }
    return SLP_OK;
}

static int converted_type(struct arr_type type)
{
    static const int converted[ARR_KIND_COUNT] = {
        [ARR_NULL] = CONVERTED_NONE,         [ARR_BOOL] = CONVERTED_NONE,
        [ARR_INT8] = CONVERTED_INT_8,        [ARR_INT16] = CONVERTED_INT_16,
        [ARR_INT32] = CONVERTED_NONE,        [ARR_INT64] = CONVERTED_NONE,
        [ARR_UINT8] = CONVERTED_UINT_8,      [ARR_UINT16] = CONVERTED_UINT_16,
        [ARR_UINT32] = CONVERTED_UINT_32,    [ARR_UINT64] = CONVERTED_UINT_64,
        [ARR_FLOAT] = CONVERTED_NONE,        [ARR_DOUBLE] = CONVERTED_NONE,
        [ARR_DATE32] = CONVERTED_DATE,       [ARR_UTF8] = CONVERTED_UTF8,
        [ARR_BINARY] = CONVERTED_NONE,       [ARR_FIXED_BINARY] = CONVERTED_NONE,
        [ARR_DECIMAL128] = CONVERTED_DECIMAL};
    if (type.kind != ARR_TIMESTAMP)
        return converted[type.kind];
    if (type.unit == ARR_NANO)
        return CONVERTED_NONE;
    return type.unit == ARR_MICRO ? CONVERTED_TIMESTAMP_MICROS : CONVERTED_TIMESTAMP_MILLIS;
}

static void empty_member(struct cx_put *w, int16_t id)
{
    cx_put_struct(w, id);
    cx_put_end(w);
}

static void integer(struct cx_put *w, int8_t bits, bool is_signed)
{
    cx_put_struct(w, LOGICAL_INTEGER);
    cx_put_i8(w, 1, bits);
    cx_put_bool(w, 2, is_signed);
    cx_put_end(w);
}

static void decimal(struct cx_put *w, struct arr_type type)
{
    cx_put_struct(w, LOGICAL_DECIMAL);
    cx_put_i32(w, 1, type.scale);
    cx_put_i32(w, 2, type.precision);
    cx_put_end(w);
}

static void timestamp(struct cx_put *w, struct arr_type type)
{
    int16_t unit = type.unit == ARR_NANO    ? UNIT_NANOS
                   : type.unit == ARR_MICRO ? UNIT_MICROS
                                            : UNIT_MILLIS;
    cx_put_struct(w, LOGICAL_TIMESTAMP);
    cx_put_bool(w, 1, type.utc);
    cx_put_struct(w, 2);
    empty_member(w, unit);
    cx_put_end(w);
    cx_put_end(w);
}

static bool has_logical_type(enum arr_kind kind)
{
    return kind != ARR_BOOL && kind != ARR_INT32 && kind != ARR_INT64 && kind != ARR_FLOAT &&
           kind != ARR_DOUBLE && kind != ARR_BINARY && kind != ARR_FIXED_BINARY;
}

/* The member of the LogicalType union. */
static void logical_member(struct cx_put *w, struct arr_type type)
{
    switch (type.kind) {
    case ARR_NULL:
        empty_member(w, LOGICAL_UNKNOWN);
        break;
    case ARR_INT8:
    case ARR_INT16:
        integer(w, type.kind == ARR_INT8 ? 8 : 16, true);
        break;
    case ARR_UINT8:
    case ARR_UINT16:
        integer(w, type.kind == ARR_UINT8 ? 8 : 16, false);
        break;
    case ARR_UINT32:
    case ARR_UINT64:
        integer(w, type.kind == ARR_UINT32 ? 32 : 64, false);
        break;
    case ARR_DATE32:
        empty_member(w, LOGICAL_DATE);
        break;
    case ARR_TIMESTAMP:
        timestamp(w, type);
        break;
    case ARR_UTF8:
        empty_member(w, LOGICAL_STRING);
        break;
    case ARR_DECIMAL128:
        decimal(w, type);
        break;
    default:
        break;
    }
}

void pq_leaf_put(struct cx_put *w, const struct arr_field *field, const struct pq_leaf *leaf)
{
    struct arr_type type = field->type;
    int converted = converted_type(type);
    cx_put_element_struct(w);
    cx_put_i32(w, ELEMENT_TYPE, (int32_t)leaf->physical);
    if (leaf->physical == PQ_FIXED_LEN_BYTE_ARRAY)
        cx_put_i32(w, ELEMENT_TYPE_LENGTH, (int32_t)leaf->width);
    cx_put_i32(w, ELEMENT_REPETITION, field->nullable ? REPETITION_OPTIONAL : REPETITION_REQUIRED);
    cx_put_binary(w, ELEMENT_NAME, slice_str(field->name));
    if (converted != CONVERTED_NONE)
        cx_put_i32(w, ELEMENT_CONVERTED, converted);
    if (type.kind == ARR_DECIMAL128) {
        cx_put_i32(w, ELEMENT_SCALE, type.scale);
        cx_put_i32(w, ELEMENT_PRECISION, type.precision);
    }
    if (field->id)
        cx_put_i32(w, ELEMENT_FIELD_ID, field->id);
    if (has_logical_type(type.kind)) {
        cx_put_struct(w, ELEMENT_LOGICAL);
        logical_member(w, type);
        cx_put_end(w);
    }
    cx_put_end(w);
}
