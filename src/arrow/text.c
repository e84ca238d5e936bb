#include "arrow/text.h"

#include <stdio.h>

#include "arrow/half.h"
#include "arrow/text_priv.h"
#include "base/json.h"
#include "base/text.h"

/* Of a text that is refused, messages show this much. */
#define SHOWN_BYTES 40u

/* Binary values up to this size are decoded without memory. */
#define SMALL_BYTES 512u

static size_t write_value(const struct arr_col *c, int64_t row, char *out)
{
    i128 decimal = 0;
    uint16_t half = 0;
    struct arr_interval interval = {0};
    switch (c->type.kind) {
    case ARR_BOOL:
        memcpy(out, arr_col_i64(c, row) ? "true" : "false", 5);
        return arr_col_i64(c, row) ? 4 : 5;
    case ARR_UINT64:
        return arr_write_u64((uint64_t)arr_col_i64(c, row), out);
    case ARR_FLOAT:
        return arr_write_f32((float)arr_col_f64(c, row), out);
    case ARR_DOUBLE:
        return arr_write_f64(arr_col_f64(c, row), out);
    case ARR_DATE32:
        return arr_write_date(arr_col_i64(c, row), out);
    case ARR_TIMESTAMP:
        return arr_write_timestamp(arr_col_i64(c, row), c->type.unit, c->type.utc, out);
    case ARR_DECIMAL128:
        memcpy(&decimal, arr_col_bytes(c, row).ptr, sizeof decimal);
        return arr_write_decimal(decimal, c->type.scale, out);
    case ARR_DECIMAL256:
        return arr_write_decimal256(arr_col_bytes(c, row).ptr, c->type.scale, out);
    case ARR_FLOAT16:
        memcpy(&half, arr_col_bytes(c, row).ptr, sizeof half);
        return arr_write_f16(half, out);
    case ARR_TIME32:
    case ARR_TIME64:
        return arr_write_time(arr_col_i64(c, row), c->type.unit, out);
    case ARR_DURATION:
        return arr_write_duration(arr_col_i64(c, row), c->type.unit, out);
    case ARR_INTERVAL:
        memcpy(&interval, arr_col_bytes(c, row).ptr, sizeof interval);
        return arr_write_interval(&interval, out);
    default:
        return arr_write_i64(arr_col_i64(c, row), out);
    }
}

slp_rc arr_text_format(const struct arr_col *c, int64_t row, struct buf *out, struct slp_err *err)
{
    assert(!arr_col_is_null(c, row));
    if (arr_type_is_nested(c->type))
        return arr_text_json(c, row, out, err);
    if (c->type.kind == ARR_UTF8)
        return buf_append_slice(out, arr_col_bytes(c, row), err);
    if (c->type.kind == ARR_BINARY || c->type.kind == ARR_FIXED_BINARY) {
        struct slice raw = arr_col_bytes(c, row);
        size_t bytes = arr_base64_bytes(raw.len);
        TRY(buf_reserve(out, bytes, err));
        arr_base64_write(raw, (char *)out->ptr + out->len);
        out->len += bytes;
        return SLP_OK;
    }
    char text[TEXT_VALUE_BYTES];
    return buf_append(out, text, write_value(c, row, text), err);
}

/* Can the text of this value stand in JSON without quotes? NaN and infinities cannot. */
static bool is_bare(const struct arr_col *c, int64_t row)
{
    enum arr_kind kind = c->type.kind;
    if (kind == ARR_FLOAT || kind == ARR_DOUBLE || kind == ARR_FLOAT16) {
        double value = arr_col_f64(c, row);
        return value - value == 0;
    }
    return kind <= ARR_UINT64 || kind == ARR_DECIMAL128 || kind == ARR_DECIMAL256;
}

static slp_rc put_json_struct(const struct arr_col *c, int64_t row, struct buf *out,
                              struct slp_err *err)
{
    TRY(buf_append_u8(out, '{', err));
    for (size_t i = 0; i < c->child_count; i++) {
        if (i)
            TRY(buf_append_u8(out, ',', err));
        TRY(json_write_text(out, slice_str(c->fields[i].name), err));
        TRY(buf_append_u8(out, ':', err));
        TRY(arr_text_json(&c->children[i], row, out, err));
    }
    return buf_append_u8(out, '}', err);
}

/* Names of JSON are texts: maps by other keys are lists of their entries. */
static slp_rc put_json_list(const struct arr_col *c, int64_t row, struct buf *out,
                            struct slp_err *err)
{
    const struct arr_col *items = &c->children[0];
    const struct arr_col *keys = c->type.kind == ARR_MAP ? &items->children[0] : NULL;
    bool is_object = keys && keys->type.kind == ARR_UTF8;
    int64_t from = 0;
    int64_t to = arr_col_items(c, row, &from);
    TRY(buf_append_u8(out, is_object ? '{' : '[', err));
    for (int64_t i = from; i < to; i++) {
        if (i > from)
            TRY(buf_append_u8(out, ',', err));
        if (is_object) {
            TRY(json_write_text(out, arr_col_bytes(keys, i), err));
            TRY(buf_append_u8(out, ':', err));
        }
        TRY(arr_text_json(is_object ? &items->children[1] : items, i, out, err));
    }
    return buf_append_u8(out, is_object ? '}' : ']', err);
}

slp_rc arr_text_json(const struct arr_col *c, int64_t row, struct buf *out, struct slp_err *err)
{
    if (arr_col_is_null(c, row))
        return buf_append(out, "null", 4, err);
    if (c->type.kind == ARR_UTF8)
        return json_write_text(out, arr_col_bytes(c, row), err);
    if (c->type.kind == ARR_STRUCT)
        return put_json_struct(c, row, out, err);
    if (arr_type_is_list(c->type))
        return put_json_list(c, row, out, err);
    if (is_bare(c, row))
        return arr_text_format(c, row, out, err);
    TRY(buf_append_u8(out, '"', err));
    TRY(arr_text_format(c, row, out, err));
    return buf_append_u8(out, '"', err);
}

/* What a type's text is like, for messages. */
static void describe(struct arr_type type, char *out, size_t out_bytes)
{
    static const char *const plain[ARR_KIND_COUNT] = {
        [ARR_NULL] = "no value at all",
        [ARR_BOOL] = "true or false",
        [ARR_INT8] = "a whole number from -128 to 127",
        [ARR_INT16] = "a whole number from -32768 to 32767",
        [ARR_INT32] = "a whole number from -2147483648 to 2147483647",
        [ARR_INT64] = "a whole number from -9223372036854775808 to 9223372036854775807",
        [ARR_UINT8] = "a whole number from 0 to 255",
        [ARR_UINT16] = "a whole number from 0 to 65535",
        [ARR_UINT32] = "a whole number from 0 to 4294967295",
        [ARR_UINT64] = "a whole number from 0 to 18446744073709551615",
        [ARR_FLOAT] = "a number such as -1.5, 1e30 or NaN, within the range of a float",
        [ARR_DOUBLE] = "a number such as -1.5, 1e300 or NaN, within the range of a double",
        [ARR_DATE32] = "a date such as 2001-01-31",
        [ARR_UTF8] = "UTF-8",
        [ARR_BINARY] = "base64 with padding",
        [ARR_FLOAT16] = "a number such as -1.5, 6e4 or NaN, within the range of a half float",
        [ARR_INTERVAL] = "an interval such as P1M2DT3.5S",
        [ARR_LIST] = "no text: lists are not read from texts",
        [ARR_STRUCT] = "no text: structs are not read from texts",
        [ARR_MAP] = "no text: maps are not read from texts",
    };
    static const char *const fractions[] = {"no fraction", "at most 3 digits of a fraction",
                                            "at most 6 digits of a fraction",
                                            "at most 9 digits of a fraction"};
    switch (type.kind) {
    case ARR_TIMESTAMP:
        (void)snprintf(out, out_bytes, "a time such as 2001-01-31T06:00:00%s, with %s",
                       type.utc ? "Z" : " without zone", fractions[type.unit]);
        return;
    case ARR_FIXED_BINARY:
        (void)snprintf(out, out_bytes, "base64 with padding of %d bytes", type.width);
        return;
    case ARR_TIME32:
    case ARR_TIME64:
        (void)snprintf(out, out_bytes, "a time of day such as 06:00:00, with %s",
                       fractions[type.unit]);
        return;
    case ARR_DURATION:
        (void)snprintf(out, out_bytes, "a duration such as PT90S, with %s", fractions[type.unit]);
        return;
    case ARR_DECIMAL128:
    case ARR_DECIMAL256:
        (void)snprintf(out, out_bytes, "a number of at most %d digits, %d of them behind the point",
                       type.precision, type.scale);
        return;
    default:
        (void)snprintf(out, out_bytes, "%s", plain[type.kind]);
    }
}

static slp_rc refuse(struct arr_type type, struct slice text, struct slp_err *err)
{
    char shown[SHOWN_BYTES + 1];
    char name[64];
    char expected[128];
    size_t n = num_min_size(text.len, SHOWN_BYTES);
    while (n < text.len && n > 0 && (text.ptr[n] & 0xc0) == 0x80)
        n--; /* not within a character */
    bool is_text = text_is_utf8(slice_first(text, n));
    for (size_t i = 0; i < n; i++) {
        uint8_t c = text.ptr[i];
        shown[i] = c < 0x20 || c == 0x7f || (c >= 0x80 && !is_text) ? '?' : (char)c;
    }
    shown[n] = 0;
    arr_type_format(type, name, sizeof name);
    describe(type, expected, sizeof expected);
    FAIL(err, INVALID, "\"%s%s\" is no %s; expected %s", shown, n < text.len ? "..." : "", name,
         expected);
}

/* Does a number that was read fit the column? Unsigned ones go by their own way. */
static bool int_fits(enum arr_kind kind, int64_t value)
{
    switch (kind) {
    case ARR_INT8:
        return value >= INT8_MIN && value <= INT8_MAX;
    case ARR_INT16:
        return value >= INT16_MIN && value <= INT16_MAX;
    case ARR_INT32:
        return value >= INT32_MIN && value <= INT32_MAX;
    case ARR_UINT8:
        return value >= 0 && value <= UINT8_MAX;
    case ARR_UINT16:
        return value >= 0 && value <= UINT16_MAX;
    case ARR_UINT32:
        return value >= 0 && value <= UINT32_MAX;
    default:
        return true;
    }
}

/* Booleans, integers and times become an int64. */
static bool read_i64(struct arr_type type, struct slice text, int64_t *out)
{
    uint64_t large = 0;
    int32_t days = 0;
    bool is_read = false;
    switch (type.kind) {
    case ARR_BOOL:
        *out = arr_text_is_word(text, "true");
        return *out || arr_text_is_word(text, "false");
    case ARR_UINT64:
        is_read = arr_text_u64(text, &large);
        *out = (int64_t)large;
        return is_read;
    case ARR_DATE32:
        is_read = arr_text_date(text, &days);
        *out = days;
        return is_read;
    case ARR_TIMESTAMP:
        return arr_text_timestamp(text, type.unit, type.utc, out);
    case ARR_TIME32:
    case ARR_TIME64:
        return arr_read_time(text, type.unit, out);
    case ARR_DURATION:
        return arr_read_duration(text, type.unit, out);
    default:
        return arr_text_i64(text, out) && int_fits(type.kind, *out);
    }
}

static slp_rc parse_binary(struct arr_col *c, struct slice text, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    uint8_t small[SMALL_BYTES];
    uint8_t *raw = small;
    size_t bytes = 0;
    struct buf large;
    buf_init(&large, c->data.mem, ARR_BYTES_MAX);
    if (text.len / 4 * 3 > sizeof small) {
        TRY_OUT(buf_reserve(&large, text.len / 4 * 3, err));
        raw = large.ptr;
    }
    if (!arr_base64_read(text, raw, &bytes) ||
        (c->type.kind == ARR_FIXED_BINARY && bytes != (size_t)c->type.width))
        rc = refuse(c->type, text, err);
    else
        rc = arr_col_append(c, slice_of(raw, bytes), err);
out:
    buf_fini(&large);
    return rc;
}

/* Kinds whose values are bytes: halves, wide decimals, intervals. */
static slp_rc parse_bytes(struct arr_col *c, struct slice text, struct slp_err *err)
{
    uint8_t bytes[32] = {0};
    double real = 0;
    uint16_t half = 0;
    struct arr_interval interval = {0};
    bool is_read = false;
    if (c->type.kind == ARR_DECIMAL256) {
        is_read = arr_read_decimal256(text, c->type.precision, c->type.scale, bytes);
    } else if (c->type.kind == ARR_INTERVAL) {
        is_read = arr_read_interval(text, &interval);
        memcpy(bytes, &interval, sizeof interval);
    } else {
        is_read = arr_text_f64(text, &real);
        half = arr_half_of_f64(real);
        memcpy(bytes, &half, sizeof half);
        /* Beyond the largest, or a number that would become zero. */
        bool is_finite = real - real == 0;
        if ((is_finite && (half & 0x7fff) == 0x7c00) || (real != 0 && (half & 0x7fff) == 0))
            is_read = false;
    }
    if (!is_read)
        return refuse(c->type, text, err);
    return arr_col_append(c, slice_of(bytes, arr_type_width(c->type)), err);
}

slp_rc arr_text_parse(struct arr_col *c, struct slice text, struct slp_err *err)
{
    int64_t integer = 0;
    double real = 0;
    float narrow = 0;
    i128 decimal = 0;
    switch (c->type.kind) {
    case ARR_NULL:
    case ARR_LIST:
    case ARR_STRUCT:
    case ARR_MAP:
        return refuse(c->type, text, err);
    case ARR_FLOAT16:
    case ARR_DECIMAL256:
    case ARR_INTERVAL:
        return parse_bytes(c, text, err);
    case ARR_UTF8:
        if (!text_is_utf8(text))
            return refuse(c->type, text, err);
        return arr_col_append(c, text, err);
    case ARR_BINARY:
    case ARR_FIXED_BINARY:
        return parse_binary(c, text, err);
    case ARR_FLOAT:
        if (!arr_read_f32(text, &narrow))
            return refuse(c->type, text, err);
        return arr_col_append(c, slice_of(&narrow, sizeof narrow), err);
    case ARR_DOUBLE:
        if (!arr_text_f64(text, &real))
            return refuse(c->type, text, err);
        return arr_col_append(c, slice_of(&real, sizeof real), err);
    case ARR_DECIMAL128:
        if (!arr_read_decimal(text, c->type.precision, c->type.scale, &decimal))
            return refuse(c->type, text, err);
        return arr_col_append(c, slice_of(&decimal, sizeof decimal), err);
    default:
        if (!read_i64(c->type, text, &integer))
            return refuse(c->type, text, err);
        return arr_col_append_i64(c, integer, err);
    }
}
