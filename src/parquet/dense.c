#include "parquet/dense.h"

#include "arrow/bits.h"
#include "base/num.h"
#include "codec/values.h"
#include "parquet/meta_priv.h"

/* Stored values on their way to another type, PQ_DECIMAL_BYTES_MAX each at most. */
#define CONVERT_BYTES 4096u

static const char *encoding_name(int encoding)
{
    static const char *const names[] = {"PLAIN",
                                        "GROUP_VAR_INT",
                                        "PLAIN_DICTIONARY",
                                        "RLE",
                                        "BIT_PACKED",
                                        "DELTA_BINARY_PACKED",
                                        "DELTA_LENGTH_BYTE_ARRAY",
                                        "DELTA_BYTE_ARRAY",
                                        "RLE_DICTIONARY",
                                        "BYTE_STREAM_SPLIT",
                                        "ALP"};
    return encoding >= 0 && (size_t)encoding < sizeof names / sizeof *names ? names[encoding]
                                                                            : "unknown";
}

static bool is_dictionary(int encoding)
{
    return encoding == PQ_PLAIN_DICTIONARY || encoding == PQ_RLE_DICTIONARY;
}

static bool is_legal(enum pq_physical physical, int encoding)
{
    switch (encoding) {
    case PQ_PLAIN:
        return true;
    case PQ_PLAIN_DICTIONARY:
    case PQ_RLE_DICTIONARY:
        return physical != PQ_BOOLEAN;
    case PQ_RLE:
        return physical == PQ_BOOLEAN;
    case PQ_DELTA_BINARY_PACKED:
        return physical == PQ_INT32 || physical == PQ_INT64;
    case PQ_DELTA_LENGTH_BYTE_ARRAY:
        return physical == PQ_BYTE_ARRAY;
    case PQ_DELTA_BYTE_ARRAY:
        return physical == PQ_BYTE_ARRAY || physical == PQ_FIXED_LEN_BYTE_ARRAY;
    case PQ_BYTE_STREAM_SPLIT:
        return physical != PQ_BOOLEAN && physical != PQ_INT96 && physical != PQ_BYTE_ARRAY;
    default:
        return false;
    }
}

slp_rc pq_dense_check(const struct pq_column *column, int encoding, struct slp_err *err)
{
    static const char *const names[] = {"BOOLEAN", "INT32",  "INT64",      "INT96",
                                        "FLOAT",   "DOUBLE", "BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY"};
    if (!is_legal(column->physical, encoding))
        FAIL(err, UNSUPPORTED, "encoding %s (%d) of %s is not supported", encoding_name(encoding),
             encoding, names[column->physical]);
    return SLP_OK;
}

static size_t stored_width(const struct pq_column *column)
{
    static const size_t widths[] = {0, 4, 8, 12, 4, 8, 0, 0};
    return column->physical == PQ_FIXED_LEN_BYTE_ARRAY ? (size_t)column->type_length
                                                       : widths[column->physical];
}

static slp_rc fail_short(struct slp_err *err)
{
    FAIL(err, CORRUPT, "a page has fewer values than its header says");
}

static slp_rc open_deltas(struct pq_cursor *c, struct slice values, struct slp_err *err)
{
    struct slice rest = values;
    bool is_good = true;
    if (c->encoding == PQ_DELTA_BYTE_ARRAY)
        is_good = cx_delta_init(&c->prefixes, rest) && cx_delta_rest(&c->prefixes, &rest);
    is_good = is_good && cx_delta_init(&c->numbers, rest);
    if (is_good && c->encoding != PQ_DELTA_BINARY_PACKED)
        is_good = cx_delta_rest(&c->numbers, &c->values);
    if (!is_good)
        FAIL(err, CORRUPT, "%s: damaged blocks in %zu bytes", encoding_name(c->encoding),
             values.len);
    return SLP_OK;
}

static slp_rc open_indices(struct pq_cursor *c, struct slice values, struct slp_err *err)
{
    if (!c->dict || !c->dict->loaded)
        FAIL(err, CORRUPT, "a page of dictionary indices, and no dictionary before it");
    unsigned width = values.ptr[0];
    if (width > 32)
        FAIL(err, CORRUPT, "dictionary indices of %u bits, expected at most 32", width);
    cx_rle_init(&c->indices, slice_after(values, 1), width);
    return SLP_OK;
}

static slp_rc open_booleans(struct pq_cursor *c, struct slice values, struct slp_err *err)
{
    size_t len = values.len >= 4 ? num_load_u32le(values.ptr) : SIZE_MAX;
    if (values.len < 4 || len > values.len - 4)
        FAIL(err, CORRUPT, "RLE booleans: a length beyond the page of %zu bytes", values.len);
    cx_rle_init(&c->indices, slice_sub(values, 4, len), 1);
    return SLP_OK;
}

/* A page of nulls alone may have no values at all: then nothing is opened and nothing found. */
slp_rc pq_dense_open(struct pq_cursor *c, struct slice values, struct slp_err *err)
{
    c->values = values;
    if (values.len == 0) {
        cx_rle_init(&c->indices, values, 1);
        return SLP_OK;
    }
    if (is_dictionary(c->encoding))
        return open_indices(c, values, err);
    if (c->encoding == PQ_RLE)
        return open_booleans(c, values, err);
    if (c->encoding == PQ_DELTA_BINARY_PACKED || c->encoding == PQ_DELTA_LENGTH_BYTE_ARRAY ||
        c->encoding == PQ_DELTA_BYTE_ARRAY)
        return open_deltas(c, values, err);
    if (c->encoding == PQ_BYTE_STREAM_SPLIT && values.len % stored_width(c->column) != 0)
        FAIL(err, CORRUPT, "BYTE_STREAM_SPLIT: %zu bytes of values of %zu bytes", values.len,
             stored_width(c->column));
    return SLP_OK;
}

/* The next indices of the dictionary, all of which lie inside it. */
static slp_rc take_indices(struct pq_cursor *c, uint32_t *indices, size_t n, struct slp_err *err)
{
    size_t got = cx_rle_next(&c->indices, indices, n);
    if (got < n)
        return fail_short(err);
    uint32_t max = cx_max_u32(indices, n);
    if (n && (!c->dict || (int64_t)max >= c->dict->values.rows))
        FAIL(err, CORRUPT, "index %u of a dictionary of %lld values", max,
             c->dict ? (long long)c->dict->values.rows : 0LL);
    return SLP_OK;
}

slp_rc pq_dense_indices(struct pq_cursor *c, uint32_t *dst, size_t n, struct slp_err *err)
{
    assert(is_dictionary(c->encoding));
    return take_indices(c, dst, n, err);
}

/* The bytes of the next string behind c->values: what its prefix shares with the one before, and
 * its suffix. */
static slp_rc take_prefixed(struct pq_cursor *c, struct slp_err *err)
{
    int64_t prefix = 0;
    int64_t suffix = 0;
    if (cx_delta_next(&c->prefixes, &prefix, 1) != 1 || cx_delta_next(&c->numbers, &suffix, 1) != 1)
        return fail_short(err);
    if (prefix < 0 || (uint64_t)prefix > c->previous->len || suffix < 0 ||
        (uint64_t)suffix > c->values.len)
        FAIL(err, CORRUPT, "DELTA_BYTE_ARRAY: %lld bytes of the string before and %lld more",
             (long long)prefix, (long long)suffix);
    c->previous->len = (size_t)prefix;
    TRY(buf_append_slice(c->previous, slice_first(c->values, (size_t)suffix), err));
    c->values = slice_after(c->values, (size_t)suffix);
    return SLP_OK;
}

static slp_rc take_prefixed_fixed(struct pq_cursor *c, uint8_t *dst, size_t width, size_t n,
                                  struct slp_err *err)
{
    for (size_t i = 0; i < n; i++) {
        TRY(take_prefixed(c, err));
        if (c->previous->len != width)
            FAIL(err, CORRUPT, "DELTA_BYTE_ARRAY: a value of %zu bytes, expected %zu",
                 c->previous->len, width);
        memcpy(dst + i * width, c->previous->ptr, width);
    }
    return SLP_OK;
}

static slp_rc take_numbers(struct pq_cursor *c, uint8_t *dst, size_t n, struct slp_err *err)
{
    int64_t step[CONVERT_BYTES / sizeof(int64_t)];
    size_t width = stored_width(c->column);
    bool is_direct = width == sizeof *step && (uintptr_t)dst % sizeof *step == 0;
    while (n) {
        size_t take = num_min_size(n, sizeof step / sizeof *step);
        int64_t *to = is_direct ? (int64_t *)(void *)dst : step;
        if (cx_delta_next(&c->numbers, to, take) != take)
            return fail_short(err);
        if (width == 4)
            cx_narrow_64_to_32(dst, (const uint8_t *)step, take);
        else if (!is_direct)
            memcpy(dst, step, take * 8);
        dst += take * width;
        n -= take;
    }
    return SLP_OK;
}

/* The next values as the page's physical type has them. */
static slp_rc take_stored(struct pq_cursor *c, uint8_t *dst, size_t n, struct slp_err *err)
{
    size_t width = stored_width(c->column);
    switch (c->encoding) {
    case PQ_PLAIN:
        if (n > c->values.len / width)
            return fail_short(err);
        memcpy(dst, c->values.ptr, n * width);
        c->values = slice_after(c->values, n * width);
        return SLP_OK;
    case PQ_BYTE_STREAM_SPLIT: {
        size_t count = c->values.len / width;
        if (n > count - c->value_at)
            return fail_short(err);
        cx_join_streams(dst, c->values.ptr, width, count, c->value_at, n);
        c->value_at += n;
        return SLP_OK;
    }
    case PQ_DELTA_BINARY_PACKED:
        return take_numbers(c, dst, n, err);
    default:
        assert(c->encoding == PQ_DELTA_BYTE_ARRAY);
        return take_prefixed_fixed(c, dst, width, n, err);
    }
}

static slp_rc convert_decimal(enum arr_kind kind, uint8_t *dst, struct slice src,
                              struct slp_err *err)
{
    bool is_wide = kind == ARR_DECIMAL256;
    if (!(is_wide ? cx_decimal_be_256(dst, src) : cx_decimal_be(dst, src)))
        FAIL(err, CORRUPT, "a decimal of more than %d bits", is_wide ? 256 : 128);
    return SLP_OK;
}

static slp_rc convert_fixed(const struct pq_column *column, uint8_t *dst, const uint8_t *src,
                            size_t n, struct slp_err *err)
{
    size_t width = stored_width(column);
    size_t element = arr_type_width(column->type);
    if (column->type.kind == ARR_INTERVAL) {
        if (cx_intervals(dst, src, n) < n)
            FAIL(err, UNSUPPORTED, "an interval of more than 2^31 months or days");
        return SLP_OK;
    }
    for (size_t i = 0; i < n; i++)
        TRY(convert_decimal(column->type.kind, dst + element * i, slice_of(src + width * i, width),
                            err));
    return SLP_OK;
}

static slp_rc convert_int96(const struct pq_column *column, uint8_t *dst, const uint8_t *src,
                            size_t n, struct slp_err *err)
{
    static const int64_t nanos[] = {
        [ARR_SECOND] = 1000000000, [ARR_MILLI] = 1000000, [ARR_MICRO] = 1000, [ARR_NANO] = 1};
    if (cx_int96_to_units(dst, src, nanos[column->type.unit], n) < n)
        FAIL(err, UNSUPPORTED,
             "an INT96 timestamp beyond what 64 bits of %s hold: take a larger unit",
             column->type.unit == ARR_NANO ? "nanoseconds (1677 to 2262)" : "microseconds");
    return SLP_OK;
}

/* Stored values to elements of the column's Arrow type, where the two differ. */
static slp_rc convert(const struct pq_column *column, uint8_t *dst, const uint8_t *src, size_t n,
                      struct slp_err *err)
{
    bool is_decimal = column->type.kind == ARR_DECIMAL128;
    switch (column->physical) {
    case PQ_INT32:
        if (is_decimal)
            cx_widen_32_to_128(dst, src, n);
        else if (arr_type_width(column->type) == 1)
            cx_narrow_32_to_8(dst, src, n);
        else
            cx_narrow_32_to_16(dst, src, n);
        return SLP_OK;
    case PQ_INT64:
        cx_widen_64_to_128(dst, src, n);
        return SLP_OK;
    case PQ_INT96:
        return convert_int96(column, dst, src, n, err);
    default:
        return convert_fixed(column, dst, src, n, err);
    }
}

/* Are stored values elements of the Arrow type already? */
static bool is_same(const struct pq_column *column)
{
    return column->type.kind != ARR_DECIMAL128 && column->type.kind != ARR_DECIMAL256 &&
           column->physical != PQ_INT96 && arr_type_width(column->type) == stored_width(column);
}

static slp_rc take_decimal_strings(struct pq_cursor *c, uint8_t *dst, size_t n, struct slp_err *err)
{
    size_t element = arr_type_width(c->column->type);
    for (size_t i = 0; i < n; i++) {
        struct slice s = c->values;
        int64_t len = 0;
        if (c->encoding == PQ_DELTA_BYTE_ARRAY) {
            TRY(take_prefixed(c, err));
            s = buf_slice(c->previous);
            len = (int64_t)s.len;
        } else if (c->encoding == PQ_DELTA_LENGTH_BYTE_ARRAY) {
            if (cx_delta_next(&c->numbers, &len, 1) != 1)
                return fail_short(err);
        } else {
            if (s.len < 4)
                return fail_short(err);
            len = num_load_u32le(s.ptr);
            s = slice_after(s, 4);
        }
        if (len < 0 || (uint64_t)len > s.len)
            return fail_short(err);
        TRY(convert_decimal(c->column->type.kind, dst + element * i, slice_first(s, (size_t)len),
                            err));
        if (c->encoding != PQ_DELTA_BYTE_ARRAY)
            c->values = slice_after(s, (size_t)len);
    }
    return SLP_OK;
}

slp_rc pq_dense_fixed(struct pq_cursor *c, uint8_t *dst, size_t n, struct slp_err *err)
{
    assert(n <= PQ_STEP_ROWS);
    size_t element = arr_type_width(c->column->type);
    if (is_dictionary(c->encoding)) {
        uint32_t indices[PQ_STEP_ROWS];
        TRY(take_indices(c, indices, n, err));
        if (n)
            cx_gather(dst, c->dict->values.data.ptr, element, indices, n);
        return SLP_OK;
    }
    if (c->column->physical == PQ_BYTE_ARRAY)
        return take_decimal_strings(c, dst, n, err);
    if (is_same(c->column))
        return take_stored(c, dst, n, err);
    uint8_t step[CONVERT_BYTES];
    size_t width = stored_width(c->column);
    while (n) {
        size_t take = num_min_size(n, sizeof step / width);
        TRY(take_stored(c, step, take, err));
        TRY(convert(c->column, dst, step, take, err));
        dst += take * element;
        n -= take;
    }
    return SLP_OK;
}

slp_rc pq_dense_bits(struct pq_cursor *c, uint8_t *dst, size_t n, struct slp_err *err)
{
    if (c->encoding == PQ_PLAIN) {
        if (n > c->values.len * 8 - c->value_at)
            return fail_short(err);
        arr_bits_copy(dst, 0, c->values.ptr, (int64_t)c->value_at, (int64_t)n);
        c->value_at += n;
        return SLP_OK;
    }
    uint32_t values[PQ_STEP_ROWS];
    if (cx_rle_next(&c->indices, values, n) < n)
        return fail_short(err);
    for (size_t i = 0; i < n; i++)
        dst[i >> 3] = (uint8_t)(dst[i >> 3] | (values[i] & 1) << (i & 7));
    return SLP_OK;
}

/* Room for the bytes up to `end`, and for copies that write beyond it. */
static slp_rc reserve_strings(struct arr_col *out, uint64_t end, struct slp_err *err)
{
    if (end > ARR_BYTES_MAX - CX_JOIN_SLACK)
        FAIL(err, LIMIT, "a batch holds at most %zu bytes of strings a column: read fewer rows",
             ARR_BYTES_MAX - CX_JOIN_SLACK);
    return buf_reserve(&out->data, (size_t)end - out->data.len + CX_JOIN_SLACK, err);
}

static slp_rc dictionary_strings(struct pq_cursor *c, struct arr_col *out, int32_t *ends, size_t n,
                                 struct slp_err *err)
{
    uint32_t indices[PQ_STEP_ROWS];
    TRY(take_indices(c, indices, n, err));
    if (n == 0)
        return SLP_OK;
    const struct arr_col *dict = &c->dict->values;
    uint64_t end = cx_gather_ends(ends, out->data.len, arr_col_offsets(dict), indices, n);
    TRY(reserve_strings(out, end, err));
    cx_gather_strings(out->data.ptr + out->data.len, dict->data.ptr, arr_col_offsets(dict), indices,
                      n);
    out->data.len = (size_t)end;
    return SLP_OK;
}

static slp_rc plain_strings(struct pq_cursor *c, struct arr_col *out, int32_t *ends, size_t n,
                            struct slp_err *err)
{
    uint64_t end = 0;
    size_t used = 0;
    if (cx_plain_ends(ends, out->data.len, c->values, n, &end, &used) < n)
        return fail_short(err);
    TRY(reserve_strings(out, end, err));
    cx_plain_strings(out->data.ptr + out->data.len, slice_first(c->values, used), n);
    out->data.len = (size_t)end;
    c->values = slice_after(c->values, used);
    return SLP_OK;
}

/* The strings stand one behind another: one copy for the step. */
static slp_rc counted_strings(struct pq_cursor *c, struct arr_col *out, int32_t *ends, size_t n,
                              struct slp_err *err)
{
    int64_t lengths[PQ_STEP_ROWS];
    if (cx_delta_next(&c->numbers, lengths, n) < n)
        return fail_short(err);
    uint64_t total = 0;
    for (size_t i = 0; i < n; i++) {
        if (lengths[i] < 0 || lengths[i] > INT32_MAX)
            FAIL(err, CORRUPT, "DELTA_LENGTH_BYTE_ARRAY: a string of %lld bytes",
                 (long long)lengths[i]);
        total += (uint64_t)lengths[i];
        ends[i] = (int32_t)(uint32_t)(out->data.len + total);
    }
    if (total > c->values.len)
        return fail_short(err);
    TRY(reserve_strings(out, out->data.len + total, err));
    TRY(buf_append_slice(&out->data, slice_first(c->values, (size_t)total), err));
    c->values = slice_after(c->values, (size_t)total);
    return SLP_OK;
}

/* What each string of a step shares with the one before it, and what it adds. */
struct prefixed {
    int64_t prefixes[PQ_STEP_ROWS];
    int64_t suffixes[PQ_STEP_ROWS];
    uint64_t bytes; /* of all strings */
};

/* The lengths of the next strings, all of which are possible. */
static slp_rc take_prefixed_lengths(struct pq_cursor *c, struct prefixed *p, size_t n,
                                    struct slp_err *err)
{
    if (cx_delta_next(&c->prefixes, p->prefixes, n) < n ||
        cx_delta_next(&c->numbers, p->suffixes, n) < n)
        return fail_short(err);
    uint64_t last = c->previous->len;
    uint64_t left = c->values.len;
    p->bytes = 0;
    for (size_t i = 0; i < n; i++) {
        int64_t prefix = p->prefixes[i];
        int64_t suffix = p->suffixes[i];
        if (prefix < 0 || (uint64_t)prefix > last || suffix < 0 || (uint64_t)suffix > left)
            FAIL(err, CORRUPT, "DELTA_BYTE_ARRAY: %lld bytes of the string before and %lld more",
                 (long long)prefix, (long long)suffix);
        left -= (uint64_t)suffix;
        last = (uint64_t)prefix + (uint64_t)suffix;
        p->bytes += last;
    }
    return SLP_OK;
}

static slp_rc prefixed_strings(struct pq_cursor *c, struct arr_col *out, int32_t *ends, size_t n,
                               struct slp_err *err)
{
    struct prefixed p;
    TRY(take_prefixed_lengths(c, &p, n, err));
    TRY(reserve_strings(out, out->data.len + p.bytes, err));
    TRY(buf_reserve(c->previous, CX_JOIN_SLACK, err));
    uint8_t *dst = out->data.ptr + out->data.len;
    size_t used = cx_join_prefixes(dst, ends, out->data.len, c->previous->ptr, c->values,
                                   p.prefixes, p.suffixes, n);
    out->data.len += (size_t)p.bytes;
    c->values = slice_after(c->values, used);
    size_t last = n ? (size_t)(p.prefixes[n - 1] + p.suffixes[n - 1]) : 0;
    return n ? buf_assign(c->previous, slice_last(buf_slice(&out->data), last), err) : SLP_OK;
}

slp_rc pq_dense_strings(struct pq_cursor *c, struct arr_col *out, int32_t *ends, size_t n,
                        struct slp_err *err)
{
    assert(n <= PQ_STEP_ROWS);
    switch (c->encoding) {
    case PQ_PLAIN:
        return plain_strings(c, out, ends, n, err);
    case PQ_DELTA_LENGTH_BYTE_ARRAY:
        return counted_strings(c, out, ends, n, err);
    case PQ_DELTA_BYTE_ARRAY:
        return prefixed_strings(c, out, ends, n, err);
    default:
        return dictionary_strings(c, out, ends, n, err);
    }
}

static bool skip_indices(struct cx_rle *r, uint64_t n)
{
    struct cx_rle before = *r;
    while (n && cx_rle_fill(r)) {
        uint64_t at_hand = r->run_left ? r->run_left : r->packed_left;
        uint64_t take = at_hand < n ? at_hand : n;
        cx_rle_drop(r, take);
        n -= take;
    }
    if (n)
        *r = before;
    return n == 0;
}

bool pq_dense_skip(struct pq_cursor *c, size_t n)
{
    size_t width = stored_width(c->column);
    if (is_dictionary(c->encoding) || c->encoding == PQ_RLE)
        return skip_indices(&c->indices, n);
    if (c->encoding != PQ_PLAIN || width == 0 || n > c->values.len / width)
        return false;
    c->values = slice_after(c->values, n * width);
    return true;
}
