#include "parquet/leaf.h"

#include <inttypes.h>

#include "parquet/geo.h"

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
    LOGICAL_NONE = 0,
    LOGICAL_STRING = 1,
    LOGICAL_ENUM = 4,
    LOGICAL_DECIMAL = 5,
    LOGICAL_DATE = 6,
    LOGICAL_TIME = 7,
    LOGICAL_TIMESTAMP = 8,
    LOGICAL_INTEGER = 10,
    LOGICAL_UNKNOWN = 11,
    LOGICAL_JSON = 12,
    LOGICAL_BSON = 13,
    LOGICAL_UUID = 14,
    LOGICAL_FLOAT16 = 15
};
enum {
    CONVERTED_NONE = -1,
    CONVERTED_UTF8 = 0,
    CONVERTED_ENUM = 4,
    CONVERTED_DECIMAL = 5,
    CONVERTED_DATE = 6,
    CONVERTED_TIME_MILLIS = 7,
    CONVERTED_TIME_MICROS = 8,
    CONVERTED_TIMESTAMP_MILLIS = 9,
    CONVERTED_TIMESTAMP_MICROS = 10,
    CONVERTED_UINT_8 = 11,
    CONVERTED_UINT_16 = 12,
    CONVERTED_UINT_32 = 13,
    CONVERTED_UINT_64 = 14,
    CONVERTED_INT_8 = 15,
    CONVERTED_INT_16 = 16,
    CONVERTED_JSON = 19,
    CONVERTED_BSON = 20,
    CONVERTED_INTERVAL = 21
};
enum { UNIT_MILLIS = 1, UNIT_MICROS = 2, UNIT_NANOS = 3 };

#define DECIMAL_INT32_PRECISION 9
#define DECIMAL_INT64_PRECISION 18
#define DECIMAL_MAX_PRECISION   76
#define INTERVAL_BYTES          12
#define UUID_BYTES              16

size_t pq_decimal_width(int32_t precision)
{
    /* The most digits that n bytes hold, n = 1 to 32. */
    static const int32_t digits[] = {2,  4,  6,  9,  11, 14, 16, 18, 21, 23, 26,
                                     28, 31, 33, 35, 38, 40, 43, 45, 47, 50, 52,
                                     55, 57, 59, 62, 64, 67, 69, 71, 74, 76};
    size_t width = 1;
    while (width < sizeof digits / sizeof *digits && digits[width - 1] < precision)
        width++;
    return width;
}

static slp_rc decimal_leaf(const struct arr_field *field, struct pq_leaf *out, struct slp_err *err)
{
    struct arr_type type = field->type;
    bool is_wide = type.kind == ARR_DECIMAL256;
    int most = is_wide ? DECIMAL_MAX_PRECISION : DECIMAL_MAX_PRECISION / 2;
    if (type.precision < 1 || type.precision > most || type.scale < 0 ||
        type.scale > type.precision)
        FAIL(err, UNSUPPORTED,
             "column \"%s\": parquet has no decimal(%" PRId32 ", %" PRId32
             "), expected precision 1 to %d and scale 0 to precision",
             field->name, type.precision, type.scale, most);
    if (!is_wide && type.precision <= DECIMAL_INT32_PRECISION)
        *out = (struct pq_leaf){PQ_INT32, 4, PQ_ORDER_INT32};
    else if (!is_wide && type.precision <= DECIMAL_INT64_PRECISION)
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
        [ARR_TIME32] = {PQ_INT32, 4, PQ_ORDER_INT32},
        [ARR_TIME64] = {PQ_INT64, 8, PQ_ORDER_INT64},
        [ARR_DURATION] = {PQ_INT64, 8, PQ_ORDER_INT64},
        [ARR_INTERVAL] = {PQ_FIXED_LEN_BYTE_ARRAY, INTERVAL_BYTES, PQ_ORDER_NONE},
        [ARR_FLOAT16] = {PQ_FIXED_LEN_BYTE_ARRAY, 2, PQ_ORDER_FLOAT16},
        [ARR_UTF8] = {PQ_BYTE_ARRAY, 0, PQ_ORDER_UTF8},
        [ARR_BINARY] = {PQ_BYTE_ARRAY, 0, PQ_ORDER_BYTES},
    };
    assert(field->type.kind < ARR_KIND_COUNT);
    if (arr_type_is_nested(field->type)) {
        char name[80];
        arr_field_type_format(field, name, sizeof name);
        FAIL(err, UNSUPPORTED, "column \"%s\": type %s is not written yet", field->name, name);
    }
    if (field->type.kind == ARR_DECIMAL128 || field->type.kind == ARR_DECIMAL256)
        return decimal_leaf(field, out, err);
    *out = plain[field->type.kind];
    if (field->type.kind == ARR_BINARY && pq_geo_is(field->extension))
        out->order = PQ_ORDER_NONE;
    if (field->type.kind == ARR_FIXED_BINARY) {
        if (field->type.width < 1)
            FAIL(err, UNSUPPORTED,
                 "column \"%s\": parquet has no fixed_binary(%" PRId32 "), expected 1 byte or more",
                 field->name, field->type.width);
        *out = (struct pq_leaf){PQ_FIXED_LEN_BYTE_ARRAY, (size_t)field->type.width, PQ_ORDER_FIXED};
    }
    return SLP_OK;
}

/* What the bytes of a column mean beyond its type, where Parquet can say so. */
struct meaning {
    const char *extension;
    enum arr_kind kind;
    int logical;
    int converted;
};

static const struct meaning *meaning_of(const struct arr_field *field)
{
    static const struct meaning meanings[] = {
        {"json", ARR_UTF8, LOGICAL_JSON, CONVERTED_JSON},
        {"enum", ARR_UTF8, LOGICAL_ENUM, CONVERTED_ENUM},
        {"bson", ARR_BINARY, LOGICAL_BSON, CONVERTED_BSON},
        {"uuid", ARR_FIXED_BINARY, LOGICAL_UUID, CONVERTED_NONE}};
    for (size_t i = 0; field->extension && i < sizeof meanings / sizeof *meanings; i++)
        if (meanings[i].kind == field->type.kind &&
            strcmp(meanings[i].extension, field->extension) == 0 &&
            (meanings[i].kind != ARR_FIXED_BINARY || field->type.width == UUID_BYTES))
            return &meanings[i];
    return NULL;
}

static int converted_unit(struct arr_type type, int millis, int micros)
{
    if (type.unit == ARR_NANO)
        return CONVERTED_NONE;
    return type.unit == ARR_MICRO ? micros : millis;
}

static int converted_type(const struct arr_field *field)
{
    static const int converted[ARR_KIND_COUNT] = {
        [ARR_NULL] = CONVERTED_NONE,          [ARR_BOOL] = CONVERTED_NONE,
        [ARR_INT8] = CONVERTED_INT_8,         [ARR_INT16] = CONVERTED_INT_16,
        [ARR_INT32] = CONVERTED_NONE,         [ARR_INT64] = CONVERTED_NONE,
        [ARR_UINT8] = CONVERTED_UINT_8,       [ARR_UINT16] = CONVERTED_UINT_16,
        [ARR_UINT32] = CONVERTED_UINT_32,     [ARR_UINT64] = CONVERTED_UINT_64,
        [ARR_FLOAT] = CONVERTED_NONE,         [ARR_DOUBLE] = CONVERTED_NONE,
        [ARR_DATE32] = CONVERTED_DATE,        [ARR_UTF8] = CONVERTED_UTF8,
        [ARR_BINARY] = CONVERTED_NONE,        [ARR_FIXED_BINARY] = CONVERTED_NONE,
        [ARR_DECIMAL128] = CONVERTED_DECIMAL, [ARR_DECIMAL256] = CONVERTED_DECIMAL,
        [ARR_FLOAT16] = CONVERTED_NONE,       [ARR_DURATION] = CONVERTED_NONE,
        [ARR_INTERVAL] = CONVERTED_INTERVAL};
    const struct meaning *m = meaning_of(field);
    struct arr_type type = field->type;
    if (m)
        return m->converted;
    if (type.kind == ARR_TIMESTAMP)
        return converted_unit(type, CONVERTED_TIMESTAMP_MILLIS, CONVERTED_TIMESTAMP_MICROS);
    if (type.kind == ARR_TIME32 || type.kind == ARR_TIME64)
        return converted_unit(type, CONVERTED_TIME_MILLIS, CONVERTED_TIME_MICROS);
    return converted[type.kind];
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

static void time_or_timestamp(struct cx_put *w, struct arr_type type)
{
    int16_t unit = type.unit == ARR_NANO    ? UNIT_NANOS
                   : type.unit == ARR_MICRO ? UNIT_MICROS
                                            : UNIT_MILLIS;
    cx_put_struct(w, type.kind == ARR_TIMESTAMP ? LOGICAL_TIMESTAMP : LOGICAL_TIME);
    cx_put_bool(w, 1, type.utc);
    cx_put_struct(w, 2);
    empty_member(w, unit);
    cx_put_end(w);
    cx_put_end(w);
}

/* The member of the LogicalType union without anything in it; LOGICAL_NONE: another, or none. */
static int16_t plain_member(const struct arr_field *field)
{
    static const int16_t members[ARR_KIND_COUNT] = {[ARR_NULL] = LOGICAL_UNKNOWN,
                                                    [ARR_DATE32] = LOGICAL_DATE,
                                                    [ARR_UTF8] = LOGICAL_STRING,
                                                    [ARR_FLOAT16] = LOGICAL_FLOAT16};
    const struct meaning *m = meaning_of(field);
    return m ? (int16_t)m->logical : members[field->type.kind];
}

/* Members that say more; called only for kinds that have one. */
static void full_member(struct cx_put *w, struct arr_type type)
{
    switch (type.kind) {
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
    case ARR_TIMESTAMP:
    case ARR_TIME32:
    case ARR_TIME64:
        time_or_timestamp(w, type);
        break;
    default:
        decimal(w, type);
        break;
    }
}

static bool has_full_member(enum arr_kind kind)
{
    return kind == ARR_INT8 || kind == ARR_INT16 || (kind >= ARR_UINT8 && kind <= ARR_UINT64) ||
           kind == ARR_TIMESTAMP || kind == ARR_TIME32 || kind == ARR_TIME64 ||
           kind == ARR_DECIMAL128 || kind == ARR_DECIMAL256;
}

static void logical_type(struct cx_put *w, const struct arr_field *field)
{
    int16_t plain = plain_member(field);
    bool is_geo = field->type.kind == ARR_BINARY && pq_geo_is(field->extension);
    if (plain == LOGICAL_NONE && !is_geo && !has_full_member(field->type.kind))
        return;
    cx_put_struct(w, ELEMENT_LOGICAL);
    if (plain != LOGICAL_NONE)
        empty_member(w, plain);
    else if (is_geo)
        pq_geo_put(w, field->extension);
    else
        full_member(w, field->type);
    cx_put_end(w);
}

void pq_leaf_put(struct cx_put *w, const struct arr_field *field, const struct pq_leaf *leaf)
{
    struct arr_type type = field->type;
    int converted = converted_type(field);
    cx_put_element_struct(w);
    cx_put_i32(w, ELEMENT_TYPE, (int32_t)leaf->physical);
    if (leaf->physical == PQ_FIXED_LEN_BYTE_ARRAY)
        cx_put_i32(w, ELEMENT_TYPE_LENGTH, (int32_t)leaf->width);
    cx_put_i32(w, ELEMENT_REPETITION, field->nullable ? REPETITION_OPTIONAL : REPETITION_REQUIRED);
    cx_put_binary(w, ELEMENT_NAME, slice_str(field->name));
    if (converted != CONVERTED_NONE)
        cx_put_i32(w, ELEMENT_CONVERTED, converted);
    if (type.kind == ARR_DECIMAL128 || type.kind == ARR_DECIMAL256) {
        cx_put_i32(w, ELEMENT_SCALE, type.scale);
        cx_put_i32(w, ELEMENT_PRECISION, type.precision);
    }
    if (field->id)
        cx_put_i32(w, ELEMENT_FIELD_ID, field->id);
    logical_type(w, field);
    cx_put_end(w);
}
