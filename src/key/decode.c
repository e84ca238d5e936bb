#include "key/key_priv.h"

/* Find the 00 00 that ends a string; zero bytes inside are 00 FF. */
static slp_rc string_end(struct slice key, size_t offset, size_t *end, struct slp_err *err)
{
    size_t at = offset;
    while (at < key.len) {
        const uint8_t *nul = memchr(key.ptr + at, 0, key.len - at);
        if (!nul)
            break;
        at = (size_t)(nul - key.ptr) + 1;
        if (at == key.len)
            break;
        if (key.ptr[at] == 0) {
            *end = at + 1;
            return SLP_OK;
        }
        if (key.ptr[at] != 0xff)
            FAIL(err, CORRUPT, "key: byte %02x behind a zero byte at offset %zu, expected 00 or ff",
                 key.ptr[at], at);
        at++;
    }
    FAIL(err, CORRUPT, "key: the text at offset %zu has no end in %zu bytes", offset, key.len);
}

/* Bytes behind the marker of a value that is no string; `first` is the first of them. */
static size_t value_bytes(enum arr_kind kind, uint8_t first)
{
    if (kind == ARR_BOOL)
        return 1;
    if (kind != ARR_DECIMAL128)
        return 8;
    return 1 + (size_t)(first < KEY_DECIMAL_0 ? KEY_DECIMAL_0 - first : first - KEY_DECIMAL_0);
}

slp_rc key_field_end(struct arr_type type, struct slice key, size_t offset, size_t *end,
                     struct slp_err *err)
{
    if (offset >= key.len)
        FAIL(err, CORRUPT, "key: ends at offset %zu where a field is expected", offset);
    if (key.ptr[offset] != KEY_MARK_VALUE)
        FAIL(err, CORRUPT, "key: marker %02x at offset %zu, expected %02x", key.ptr[offset], offset,
             KEY_MARK_VALUE);
    if (type.kind == ARR_UTF8 || type.kind == ARR_BINARY || type.kind == ARR_FIXED_BINARY)
        return string_end(key, offset + 1, end, err);
    size_t left = key.len - offset - 1;
    size_t bytes = value_bytes(type.kind, left ? key.ptr[offset + 1] : KEY_DECIMAL_0);
    if (bytes > left)
        FAIL(err, CORRUPT, "key: the field at offset %zu has %zu bytes, %zu are left", offset,
             bytes, left);
    *end = offset + 1 + bytes;
    return SLP_OK;
}

slp_rc key_prefix_bytes(const struct key_spec *spec, struct slice key, size_t fields, size_t *bytes,
                        struct slp_err *err)
{
    size_t offset = 0;
    assert(fields <= spec->field_count);
    for (size_t f = 0; f < fields; f++)
        TRY(key_field_end(spec->types[f], key, offset, &offset, err));
    *bytes = offset;
    return SLP_OK;
}

static slp_rc refuse_value(struct arr_type type, const char *what, struct slp_err *err)
{
    char name[64];
    arr_type_format(type, name, sizeof name);
    FAIL(err, CORRUPT, "key: %s for the type %s", what, name);
}

/* Does an int64 fit the column, unsigned ones by their bits? */
static bool fits(enum arr_kind kind, int64_t value)
{
    switch (kind) {
    case ARR_INT8:
        return value >= INT8_MIN && value <= INT8_MAX;
    case ARR_INT16:
        return value >= INT16_MIN && value <= INT16_MAX;
    case ARR_INT32:
    case ARR_DATE32:
        return value >= INT32_MIN && value <= INT32_MAX;
    case ARR_UINT8:
        return (uint64_t)value <= UINT8_MAX;
    case ARR_UINT16:
        return (uint64_t)value <= UINT16_MAX;
    case ARR_UINT32:
        return (uint64_t)value <= UINT32_MAX;
    default:
        return true;
    }
}

static slp_rc decode_word(uint64_t word, struct arr_col *c, struct slp_err *err)
{
    enum arr_kind kind = c->type.kind;
    if (kind == ARR_FLOAT || kind == ARR_DOUBLE) {
        double value = key_f64_of_bits(word);
        bool is_nan = value != value;
        if (word == KEY_MINUS_ZERO || (is_nan && word != KEY_NAN))
            return refuse_value(c->type, "a second zero or NaN", err);
        if (kind == ARR_FLOAT && !is_nan && (double)(float)value != value)
            return refuse_value(c->type, "a number with too many digits", err);
        return arr_col_append_f64(c, value, err);
    }
    bool is_unsigned = kind >= ARR_UINT8 && kind <= ARR_UINT64;
    int64_t value = (int64_t)(is_unsigned ? word : word ^ KEY_SIGN);
    if (!fits(kind, value))
        return refuse_value(c->type, "a number out of range", err);
    return arr_col_append_i64(c, value, err);
}

static slp_rc decode_decimal(struct slice value, struct arr_col *c, struct slp_err *err)
{
    bool is_negative = value.ptr[0] < KEY_DECIMAL_0;
    size_t bytes = value.len - 1;
    uint8_t flip = is_negative ? 0xff : 0;
    if (bytes > 16)
        return refuse_value(c->type, "more than 16 bytes", err);
    if (bytes && (value.ptr[1] ^ flip) == 0)
        return refuse_value(c->type, "a leading zero byte", err);
    u128 number = 0;
    for (size_t i = 1; i <= bytes; i++)
        number = number << 8 | (uint8_t)(value.ptr[i] ^ flip);
    u128 limit = (u128)1 << 127;
    if (number > limit || (number == limit && !is_negative))
        return refuse_value(c->type, "a number out of range", err);
    if (is_negative)
        number = ~number + 1;
    return arr_col_append(c, slice_of(&number, sizeof number), err);
}

/* Bytes between marker and 00 00, without the FF behind each 00; at most as many as the key has. */
static size_t unescape(struct slice value, uint8_t *out)
{
    size_t n = 0;
    for (size_t i = 0; i < value.len; i++) {
        out[n++] = value.ptr[i];
        if (value.ptr[i] == 0)
            i++;
    }
    return n;
}

static slp_rc decode_string(struct slice value, struct arr_col *c, struct slp_err *err)
{
    struct buf plain;
    slp_rc rc = SLP_OK;
    buf_init(&plain, c->data.mem, SIZE_MAX / 4);
    value = slice_first(value, value.len - 2);
    if (value.len && memchr(value.ptr, 0, value.len)) {
        TRY_OUT(buf_reserve(&plain, value.len, err));
        plain.len = unescape(value, plain.ptr);
        value = buf_slice(&plain);
    }
    if (c->type.kind == ARR_FIXED_BINARY && value.len != (size_t)c->type.width)
        rc = refuse_value(c->type, "a value of another length", err);
    else
        rc = arr_col_append(c, value, err);
out:
    buf_fini(&plain);
    return rc;
}

/* Decode what stands between a marker and the end of the field. */
static slp_rc decode_value(struct slice value, struct arr_col *c, struct slp_err *err)
{
    if (key_is_word(c->type.kind))
        return decode_word(num_load_u64be(value.ptr), c, err);
    if (c->type.kind == ARR_DECIMAL128)
        return decode_decimal(value, c, err);
    if (c->type.kind != ARR_BOOL)
        return decode_string(value, c, err);
    if (value.ptr[0] > 1)
        return refuse_value(c->type, "neither 00 nor 01", err);
    return arr_col_append_bool(c, value.ptr[0], err);
}

static slp_rc decode_fields(const struct key_spec *spec, struct slice key, struct arr_col *values,
                            size_t *done, struct slp_err *err)
{
    size_t offset = 0;
    while (offset < key.len) {
        size_t end = 0;
        if (*done == spec->field_count)
            FAIL(err, CORRUPT, "key: %zu bytes behind its %zu fields at offset %zu",
                 key.len - offset, spec->field_count, offset);
        TRY(key_field_end(spec->types[*done], key, offset, &end, err));
        slp_rc rc = decode_value(slice_sub(key, offset + 1, end - offset - 1), &values[*done], err);
        if (rc != SLP_OK)
            return err_append(err, rc, " at offset %zu", offset);
        offset = end;
        (*done)++;
    }
    return SLP_OK;
}

slp_rc key_decode(const struct key_spec *spec, struct slice key, struct arr_col *values,
                  size_t *fields, struct slp_err *err)
{
    size_t done = 0;
    slp_rc rc = decode_fields(spec, key, values, &done, err);
    if (rc == SLP_OK) {
        *fields = done;
        return SLP_OK;
    }
    while (done-- > 0)
        arr_col_truncate(&values[done], values[done].rows - 1);
    return rc;
}
