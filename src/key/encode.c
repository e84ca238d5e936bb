#include "key/key_priv.h"

/* Strings up to this length are copied as one load and one store where there is room. */
#define WIDE 16u

void key_spec_init(struct key_spec *spec, const struct schema *schema)
{
    *spec =
        (struct key_spec){.field_count = schema->key_count, .row_key_count = schema->row_key_count};
    for (size_t i = 0; i < schema->key_count; i++) {
        spec->columns[i] = schema->key_columns[i];
        spec->types[i] = schema->columns.fields[schema->key_columns[i]].type;
    }
}

bool key_type_allowed(struct arr_type type)
{
    return type.kind > ARR_NULL && type.kind < ARR_KEY_KIND_COUNT;
}

/* One key column as the loops want it. */
struct field_source {
    enum arr_kind kind;
    bool has_nul; /* strings: some of them hold a zero byte and are escaped */
    size_t width; /* FIXED_BINARY */
    const uint8_t *data;
    const int32_t *offsets; /* strings */
};

static struct slice string_at(const struct field_source *s, int64_t row)
{
    if (s->kind == ARR_FIXED_BINARY)
        return slice_of(s->data + (size_t)row * s->width, s->width);
    return slice_of(s->data + s->offsets[row], (size_t)(s->offsets[row + 1] - s->offsets[row]));
}

static void source_init(struct field_source *s, const struct arr_col *c, int64_t first,
                        int64_t count)
{
    /* A column of empty strings holds no memory; its loops still want a pointer. */
    static const uint8_t nothing[WIDE];
    *s = (struct field_source){.kind = c->type.kind,
                               .width = arr_type_width(c->type),
                               .data = c->data.ptr ? c->data.ptr : nothing};
    if (arr_type_is_variable(c->type)) {
        s->offsets = arr_col_offsets(c);
        size_t bytes = (size_t)(s->offsets[first + count] - s->offsets[first]);
        s->has_nul = bytes && memchr(s->data + s->offsets[first], 0, bytes);
    } else if (c->type.kind == ARR_FIXED_BINARY) {
        s->has_nul = memchr(s->data + (size_t)first * s->width, 0, (size_t)count * s->width);
    }
}

static size_t count_nul(struct slice s)
{
    size_t count = 0;
    for (size_t i = 0; i < s.len; i++)
        count += s.ptr[i] == 0;
    return count;
}

/* Unsigned magnitude; the least i128 has one too. */
static u128 magnitude(const uint8_t *element, bool *is_negative)
{
    u128 value = 0;
    memcpy(&value, element, sizeof value);
    *is_negative = value >> 127;
    return *is_negative ? ~value + 1 : value;
}

static unsigned magnitude_bytes(u128 value)
{
    uint64_t high = (uint64_t)(value >> 64);
    uint64_t low = (uint64_t)value;
    if (high)
        return 16 - (unsigned)__builtin_clzll(high) / 8;
    return low ? 8 - (unsigned)__builtin_clzll(low) / 8 : 0;
}

/* Add what each row's value takes, marker included, to `sizes`. */
static void add_sizes(const struct field_source *s, int64_t first, int64_t count, uint64_t *sizes)
{
    if (s->offsets && !s->has_nul) {
        const int32_t *offsets = s->offsets + first;
        for (int64_t i = 0; i < count; i++)
            sizes[i] += (uint64_t)(offsets[i + 1] - offsets[i]) + 3;
        return;
    }
    if (s->offsets || s->kind == ARR_FIXED_BINARY) {
        for (int64_t i = 0; i < count; i++) {
            struct slice value = string_at(s, first + i);
            sizes[i] += value.len + (s->has_nul ? count_nul(value) : 0) + 3;
        }
        return;
    }
    if (s->kind == ARR_DECIMAL128) {
        for (int64_t i = 0; i < count; i++) {
            bool is_negative = false;
            u128 value = magnitude(s->data + (size_t)(first + i) * 16, &is_negative);
            sizes[i] += 2 + magnitude_bytes(value);
        }
        return;
    }
    uint64_t bytes = s->kind == ARR_BOOL ? 2 : 9;
    for (int64_t i = 0; i < count; i++)
        sizes[i] += bytes;
}

static uint8_t *put_word(uint8_t *at, uint64_t word)
{
    at[0] = KEY_MARK_VALUE;
    num_store_u64be(at + 1, word);
    return at + 9;
}

static uint8_t *put_signed(uint8_t *at, int64_t value)
{
    return put_word(at, (uint64_t)value ^ KEY_SIGN);
}

/* Value, then 00 00. With `has_slack`, WIDE bytes behind the place may be overwritten: they belong
 * to fields that come later. */
static uint8_t *put_plain(uint8_t *at, struct slice value, bool has_slack)
{
    *at++ = KEY_MARK_VALUE;
    if (has_slack && value.len <= WIDE)
        memcpy(at, value.ptr, WIDE);
    else
        memcpy(at, value.ptr, value.len);
    at += value.len;
    num_store_u16le(at, 0);
    return at + 2;
}

static uint8_t *put_escaped(uint8_t *at, struct slice value)
{
    *at++ = KEY_MARK_VALUE;
    while (value.len) {
        const uint8_t *nul = memchr(value.ptr, 0, value.len);
        size_t plain = nul ? (size_t)(nul - value.ptr) : value.len;
        memcpy(at, value.ptr, plain);
        at += plain;
        value = slice_after(value, plain);
        if (nul) {
            *at++ = 0;
            *at++ = 0xff;
            value = slice_after(value, 1);
        }
    }
    num_store_u16le(at, 0);
    return at + 2;
}

static uint8_t *put_decimal(uint8_t *at, const uint8_t *element)
{
    bool is_negative = false;
    u128 value = magnitude(element, &is_negative);
    unsigned bytes = magnitude_bytes(value);
    *at++ = KEY_MARK_VALUE;
    *at++ = (uint8_t)(is_negative ? KEY_DECIMAL_0 - bytes : KEY_DECIMAL_0 + bytes);
    for (unsigned i = bytes; i-- > 0;) {
        uint8_t byte = (uint8_t)(value >> (8 * i));
        *at++ = is_negative ? (uint8_t)~byte : byte;
    }
    return at;
}

#define ELEMENT(type) (((const type *)(const void *)s->data)[row])

/* Encode one value; its room was measured by add_sizes. */
static uint8_t *put_value(uint8_t *at, const struct field_source *s, int64_t row, bool has_slack)
{
    switch (s->kind) {
    case ARR_BOOL:
        at[0] = KEY_MARK_VALUE;
        at[1] = arr_bit(s->data, row);
        return at + 2;
    case ARR_INT8:
        return put_signed(at, ELEMENT(int8_t));
    case ARR_INT16:
        return put_signed(at, ELEMENT(int16_t));
    case ARR_INT32:
    case ARR_DATE32:
        return put_signed(at, ELEMENT(int32_t));
    case ARR_INT64:
    case ARR_TIMESTAMP:
        return put_signed(at, ELEMENT(int64_t));
    case ARR_UINT8:
        return put_word(at, ELEMENT(uint8_t));
    case ARR_UINT16:
        return put_word(at, ELEMENT(uint16_t));
    case ARR_UINT32:
        return put_word(at, ELEMENT(uint32_t));
    case ARR_UINT64:
        return put_word(at, ELEMENT(uint64_t));
    case ARR_FLOAT:
        return put_word(at, key_bits_of_f64((double)ELEMENT(float)));
    case ARR_DOUBLE:
        return put_word(at, key_bits_of_f64(ELEMENT(double)));
    case ARR_DECIMAL128:
        return put_decimal(at, s->data + (size_t)row * 16);
    default:
        if (s->has_nul)
            return put_escaped(at, string_at(s, row));
        return put_plain(at, string_at(s, row), has_slack);
    }
}

/* What rows are written with. */
struct layout {
    size_t fields;
    size_t gap;     /* bytes left free behind each key */
    bool has_slack; /* as put_plain has it */
};

static void put_rows(const struct field_source *sources, struct layout l, int64_t first,
                     int64_t count, uint8_t *at)
{
    for (int64_t row = first; row < first + count; row++) {
        for (size_t f = 0; f < l.fields; f++)
            at = put_value(at, &sources[f], row, l.has_slack);
        at += l.gap;
    }
}

static slp_rc refuse_null(const struct arr_col *c, const char *name, int64_t first, int64_t count,
                          struct slp_err *err)
{
    if (c->validity.len == 0)
        return SLP_OK;
    for (int64_t row = first; row < first + count; row++) {
        if (arr_col_is_null(c, row))
            FAIL(err, BAD_INPUT, "column \"%s\" is null in row %lld; key fields hold no nulls",
                 name, (long long)row);
    }
    return SLP_OK;
}

/* Sizes become ends, a gap behind each, the first row beginning at `at`. */
static slp_rc sum_sizes(uint64_t *sizes, int64_t first, int64_t count, size_t gap, uint64_t at,
                        struct slp_err *err)
{
    for (int64_t i = 0; i < count; i++) {
        if (sizes[i] > KEY_MAX_BYTES)
            FAIL(err, LIMIT, "the key of row %lld takes %llu bytes; expected at most %u",
                 (long long)(first + i), (unsigned long long)sizes[i], KEY_MAX_BYTES);
        at += sizes[i] + gap;
        sizes[i] = at;
    }
    return SLP_OK;
}

slp_rc key_encode_spaced(const struct key_spec *spec, const struct arr_batch *batch,
                         struct key_rows rows, struct key_vec *out, struct slp_err *err)
{
    const int64_t first = rows.first;
    const int64_t count = rows.count;
    struct field_source sources[SCHEMA_KEY_FIELDS_MAX];
    assert(first >= 0 && count >= 0 && count <= batch->rows - first);
    if (count == 0)
        return SLP_OK;
    for (size_t f = 0; f < spec->field_count; f++) {
        size_t at = spec->columns[f];
        assert(arr_type_equal(batch->cols[at].type, spec->types[f]));
        TRY(refuse_null(&batch->cols[at], batch->schema->fields[at].name, first, count, err));
        source_init(&sources[f], &batch->cols[at], first, count);
    }
    size_t extra = ((size_t)count + 1) * sizeof(uint64_t);
    TRY(buf_reserve(&out->offsets, extra, err));
    uint64_t *offsets = (uint64_t *)(void *)out->offsets.ptr;
    if (out->count == 0)
        offsets[0] = 0;
    uint64_t *ends = offsets + out->count + 1;
    memset(ends, 0, (size_t)count * sizeof *ends);
    for (size_t f = 0; f < spec->field_count; f++)
        add_sizes(&sources[f], first, count, ends);
    TRY(sum_sizes(ends, first, count, rows.gap, out->bytes.len, err));
    size_t bytes = (size_t)ends[count - 1] - out->bytes.len;
    bool has_slack =
        out->bytes.max - out->bytes.len >= WIDE && bytes <= out->bytes.max - out->bytes.len - WIDE;
    TRY(buf_reserve(&out->bytes, bytes + (has_slack ? WIDE : 0), err));
    struct layout l = {.fields = spec->field_count, .gap = rows.gap, .has_slack = has_slack};
    put_rows(sources, l, first, count, out->bytes.ptr + out->bytes.len);
    out->bytes.len += bytes;
    out->count += count;
    out->offsets.len = ((size_t)out->count + 1) * sizeof(uint64_t);
    return SLP_OK;
}

slp_rc key_encode_rows(const struct key_spec *spec, const struct arr_batch *batch, int64_t first,
                       int64_t count, struct key_vec *out, struct slp_err *err)
{
    struct key_rows rows = {.first = first, .count = count};
    return key_encode_spaced(spec, batch, rows, out, err);
}

slp_rc key_encode_prefix(const struct key_spec *spec, const struct arr_col *values, size_t fields,
                         struct buf *out, struct slp_err *err)
{
    struct field_source sources[SCHEMA_KEY_FIELDS_MAX];
    uint64_t bytes = 0;
    assert(fields <= spec->field_count);
    for (size_t f = 0; f < fields; f++) {
        assert(values[f].rows >= 1 && arr_type_equal(values[f].type, spec->types[f]));
        if (arr_col_is_null(&values[f], 0))
            FAIL(err, INVALID, "key field %zu is null; key fields hold no nulls", f + 1);
        source_init(&sources[f], &values[f], 0, 1);
        add_sizes(&sources[f], 0, 1, &bytes);
    }
    if (bytes > KEY_MAX_BYTES)
        FAIL(err, LIMIT, "a key of %llu bytes; expected at most %u", (unsigned long long)bytes,
             KEY_MAX_BYTES);
    TRY(buf_reserve(out, (size_t)bytes, err));
    put_rows(sources, (struct layout){.fields = fields}, 0, 1, out->ptr + out->len);
    out->len += (size_t)bytes;
    return SLP_OK;
}
