#include "parquet/geo.h"
#include "parquet/meta_priv.h"

/* A FIXED_LEN_BYTE_ARRAY beyond this is taken for damage. */
#define FIXED_BYTES_MAX (16 * 1024 * 1024)

/* Digits that 128 and 256 bits hold. */
#define DIGITS_128 38
#define DIGITS_256 76

static int32_t take_int(struct cx_thrift *t, enum cx_thrift_type type)
{
    int64_t v = cx_thrift_int(t, type);
    return v < INT32_MIN ? INT32_MIN : v > INT32_MAX ? INT32_MAX : (int32_t)v;
}

static void parse_unit(struct cx_thrift *t, enum cx_thrift_type type, struct pq_element *e)
{
    int32_t id = 0;
    if (!cx_thrift_struct(t, type))
        return;
    while (cx_thrift_field(t, &id, &type)) {
        e->unit = id >= 1 && id <= 3 ? id : 0;
        cx_thrift_skip(t, type);
    }
}

/* DECIMAL {1 scale, 2 precision}, TIME and TIMESTAMP {1 utc, 2 unit}, INTEGER {1 bits, 2 signed},
 * GEOMETRY and GEOGRAPHY {1 crs, 2 algorithm}. */
static void parse_logical_member(struct cx_thrift *t, enum cx_thrift_type type,
                                 struct pq_element *e)
{
    int32_t id = 0;
    bool is_decimal = e->logical == PQ_LOGICAL_DECIMAL;
    bool is_time = e->logical == PQ_LOGICAL_TIME || e->logical == PQ_LOGICAL_TIMESTAMP;
    bool is_integer = e->logical == PQ_LOGICAL_INTEGER;
    bool is_geo = e->logical == PQ_LOGICAL_GEOMETRY || e->logical == PQ_LOGICAL_GEOGRAPHY;
    if (!cx_thrift_struct(t, type))
        return;
    while (cx_thrift_field(t, &id, &type)) {
        if (is_decimal && id == 1)
            e->scale = take_int(t, type);
        else if (is_decimal && id == 2)
            e->precision = take_int(t, type);
        else if (is_time && id == 1)
            e->is_utc = cx_thrift_bool(t, type);
        else if (is_time && id == 2)
            parse_unit(t, type, e);
        else if (is_integer && id == 1)
            e->bits = take_int(t, type);
        else if (is_integer && id == 2)
            e->is_signed = cx_thrift_bool(t, type);
        else if (is_geo && id == 1)
            e->crs = cx_thrift_binary(t, type);
        else if (is_geo && id == 2)
            e->algorithm = take_int(t, type);
        else
            cx_thrift_skip(t, type);
    }
}

static void parse_logical(struct cx_thrift *t, enum cx_thrift_type type, struct pq_element *e)
{
    int32_t id = 0;
    if (!cx_thrift_struct(t, type))
        return;
    while (cx_thrift_field(t, &id, &type)) {
        e->logical = id;
        parse_logical_member(t, type, e);
    }
}

/* Older files have a converted type alone: the same as a logical one. */
static void adopt_converted(struct pq_element *e)
{
    static const int logical_of[22] = {
        [0] = PQ_LOGICAL_STRING,    [1] = PQ_LOGICAL_MAP,        [2] = PQ_LOGICAL_MAP,
        [3] = PQ_LOGICAL_LIST,      [4] = PQ_LOGICAL_ENUM,       [5] = PQ_LOGICAL_DECIMAL,
        [6] = PQ_LOGICAL_DATE,      [7] = PQ_LOGICAL_TIME,       [8] = PQ_LOGICAL_TIME,
        [9] = PQ_LOGICAL_TIMESTAMP, [10] = PQ_LOGICAL_TIMESTAMP, [11] = PQ_LOGICAL_INTEGER,
        [12] = PQ_LOGICAL_INTEGER,  [13] = PQ_LOGICAL_INTEGER,   [14] = PQ_LOGICAL_INTEGER,
        [15] = PQ_LOGICAL_INTEGER,  [16] = PQ_LOGICAL_INTEGER,   [17] = PQ_LOGICAL_INTEGER,
        [18] = PQ_LOGICAL_INTEGER,  [19] = PQ_LOGICAL_JSON,      [20] = PQ_LOGICAL_BSON,
        [21] = PQ_LOGICAL_INTERVAL,
    };
    if (e->logical != PQ_LOGICAL_NONE || e->converted < 0 || e->converted > 21)
        return;
    e->logical = logical_of[e->converted];
    e->is_utc = true;
    if (e->logical == PQ_LOGICAL_TIME)
        e->unit = e->converted == 7 ? 1 : 2;
    if (e->logical == PQ_LOGICAL_TIMESTAMP)
        e->unit = e->converted == 9 ? 1 : 2;
    if (e->logical == PQ_LOGICAL_INTEGER) {
        e->bits = 8 << ((e->converted - 11) & 3);
        e->is_signed = e->converted >= 15;
    }
}

void pq_element_parse(struct cx_thrift *at, struct pq_element *out)
{
    struct pq_element e = {.converted = -1};
    int32_t id = 0;
    enum cx_thrift_type type;
    struct cx_thrift copy = *at;
    struct cx_thrift *t = &copy;
    while (cx_thrift_field(t, &id, &type)) {
        switch (id) {
        case 1:
            e.physical = take_int(t, type);
            e.has_physical = true;
            break;
        case 2:
            e.type_length = take_int(t, type);
            break;
        case 3:
            e.repetition = take_int(t, type);
            break;
        case 4:
            e.name = cx_thrift_binary(t, type);
            break;
        case 5:
            e.children = take_int(t, type);
            break;
        case 6:
            e.converted = take_int(t, type);
            break;
        case 7:
            e.scale = take_int(t, type);
            break;
        case 8:
            e.precision = take_int(t, type);
            break;
        case 9:
            e.field_id = take_int(t, type);
            break;
        case 10:
            parse_logical(t, type, &e);
            break;
        default:
            cx_thrift_skip(t, type);
        }
    }
    adopt_converted(&e);
    *out = e;
    *at = copy;
}

static slp_rc resolve_decimal(const struct pq_element *e, struct pq_column *c, struct slp_err *err)
{
    if (e->precision < 1 || e->scale < 0 || e->scale > e->precision)
        FAIL(err, CORRUPT, "decimal(%d, %d) is outside the format", e->precision, e->scale);
    bool is_wide = e->precision > DIGITS_128;
    if (e->precision > DIGITS_256)
        FAIL(err, UNSUPPORTED, "decimals of %d digits are not supported, at most %d are",
             e->precision, DIGITS_256);
    if (is_wide && (c->physical == PQ_INT32 || c->physical == PQ_INT64))
        FAIL(err, CORRUPT, "a decimal of %d digits stored as an integer", e->precision);
    if (c->physical == PQ_FIXED_LEN_BYTE_ARRAY && c->type_length > PQ_DECIMAL_BYTES_MAX)
        FAIL(err, UNSUPPORTED, "decimals of %d bytes are not supported, at most %d are",
             c->type_length, PQ_DECIMAL_BYTES_MAX);
    c->type = (struct arr_type){.kind = is_wide ? ARR_DECIMAL256 : ARR_DECIMAL128,
                                .precision = e->precision,
                                .scale = e->scale};
    return SLP_OK;
}

static slp_rc resolve_integer(const struct pq_element *e, struct pq_column *c)
{
    static const enum arr_kind kinds[2][4] = {{ARR_UINT8, ARR_UINT16, ARR_UINT32, ARR_UINT64},
                                              {ARR_INT8, ARR_INT16, ARR_INT32, ARR_INT64}};
    for (size_t i = 0; i < 4; i++) {
        enum pq_physical stored = i == 3 ? PQ_INT64 : PQ_INT32;
        if (e->bits == 8 << i && c->physical == stored)
            c->type.kind = kinds[e->is_signed][i];
    }
    return SLP_OK;
}

static slp_rc resolve_timestamp(const struct pq_element *e, struct pq_column *c,
                                struct slp_err *err)
{
    if (c->physical != PQ_INT64)
        return SLP_OK;
    if (e->unit == 0)
        FAIL(err, UNSUPPORTED, "the unit of its timestamps is not known");
    c->type = (struct arr_type){
        .kind = ARR_TIMESTAMP, .unit = (enum arr_unit)(ARR_SECOND + e->unit), .utc = e->is_utc};
    return SLP_OK;
}

static slp_rc resolve_time(const struct pq_element *e, struct pq_column *c, struct slp_err *err)
{
    if (c->physical != PQ_INT32 && c->physical != PQ_INT64)
        return SLP_OK;
    if (e->unit == 0)
        FAIL(err, UNSUPPORTED, "the unit of its times of day is not known");
    bool is_short = c->physical == PQ_INT32;
    if (is_short == (e->unit == 1))
        c->type = (struct arr_type){.kind = is_short ? ARR_TIME32 : ARR_TIME64,
                                    .unit = (enum arr_unit)(ARR_SECOND + e->unit),
                                    .utc = e->is_utc};
    return SLP_OK;
}

static void resolve_fixed(struct pq_column *c, int32_t width, enum arr_kind kind)
{
    if (c->physical == PQ_FIXED_LEN_BYTE_ARRAY && c->type_length == width)
        c->type = (struct arr_type){.kind = kind};
}

/* An annotation on a physical type it does not belong to is left aside. */
static slp_rc resolve_logical(const struct pq_element *e, struct pq_column *c, struct slp_err *err)
{
    switch (e->logical) {
    case PQ_LOGICAL_STRING:
    case PQ_LOGICAL_ENUM:
    case PQ_LOGICAL_JSON:
        if (c->physical == PQ_BYTE_ARRAY)
            c->type.kind = ARR_UTF8;
        return SLP_OK;
    case PQ_LOGICAL_DECIMAL:
        if (c->physical == PQ_INT32 || c->physical == PQ_INT64 || c->physical == PQ_BYTE_ARRAY ||
            c->physical == PQ_FIXED_LEN_BYTE_ARRAY)
            return resolve_decimal(e, c, err);
        return SLP_OK;
    case PQ_LOGICAL_DATE:
        if (c->physical == PQ_INT32)
            c->type.kind = ARR_DATE32;
        return SLP_OK;
    case PQ_LOGICAL_TIME:
        return resolve_time(e, c, err);
    case PQ_LOGICAL_TIMESTAMP:
        return resolve_timestamp(e, c, err);
    case PQ_LOGICAL_INTERVAL:
        resolve_fixed(c, 12, ARR_INTERVAL);
        return SLP_OK;
    case PQ_LOGICAL_INTEGER:
        return resolve_integer(e, c);
    case PQ_LOGICAL_NULL:
        c->type = (struct arr_type){.kind = ARR_NULL};
        return SLP_OK;
    case PQ_LOGICAL_FLOAT16:
        resolve_fixed(c, 2, ARR_FLOAT16);
        return SLP_OK;
    default:
        return SLP_OK;
    }
}

/* What the values mean beyond their type. */
static slp_rc name_extension(const struct pq_element *e, const struct pq_column *c, struct arena *a,
                             const char **out, struct slp_err *err)
{
    bool is_bytes = c->physical == PQ_BYTE_ARRAY;
    *out = NULL;
    if (e->logical == PQ_LOGICAL_UUID && c->type.kind == ARR_FIXED_BINARY && c->type.width == 16)
        *out = "uuid";
    else if (!is_bytes)
        *out = NULL;
    else if (e->logical == PQ_LOGICAL_ENUM)
        *out = "enum";
    else if (e->logical == PQ_LOGICAL_JSON)
        *out = "json";
    else if (e->logical == PQ_LOGICAL_BSON)
        *out = "bson";
    else if (e->logical == PQ_LOGICAL_GEOMETRY || e->logical == PQ_LOGICAL_GEOGRAPHY)
        return pq_geo_format(e->logical == PQ_LOGICAL_GEOGRAPHY, e->crs, e->algorithm, a, out, err);
    return SLP_OK;
}

slp_rc pq_column_resolve(const struct pq_element *e, struct arena *a, struct pq_column *out,
                         const char **extension, struct slp_err *err)
{
    static const enum arr_kind plain[] = {ARR_BOOL,  ARR_INT32,  ARR_INT64,  ARR_TIMESTAMP,
                                          ARR_FLOAT, ARR_DOUBLE, ARR_BINARY, ARR_FIXED_BINARY};
    if (e->physical < 0 || e->physical > PQ_FIXED_LEN_BYTE_ARRAY)
        FAIL(err, CORRUPT, "physical type %d is not known", e->physical);
    struct pq_column c = {.physical = (enum pq_physical)e->physical};
    c.type.kind = plain[e->physical];
    if (c.physical == PQ_FIXED_LEN_BYTE_ARRAY) {
        if (e->type_length < 1 || e->type_length > FIXED_BYTES_MAX)
            FAIL(err, CORRUPT, "fixed binary of %d bytes, expected 1 to %d", e->type_length,
                 FIXED_BYTES_MAX);
        c.type_length = e->type_length;
        c.type.width = c.type_length;
    }
    TRY(resolve_logical(e, &c, err));
    TRY(name_extension(e, &c, a, extension, err));
    *out = c;
    return SLP_OK;
}
