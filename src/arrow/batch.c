#include "arrow/batch.h"

#include "arrow/batch_priv.h"
#include "arrow/bits.h"
#include "arrow/dictionary.h"
#include "arrow/half.h"
#include "base/num.h"

/* Copies of this many bytes are one load and one store; longer ones call memcpy. */
#define WIDE 16u

static void init_buffers(struct arr_col *c, struct alloc *mem, struct arr_type type)
{
    *c = (struct arr_col){.type = type};
    bool variable = arr_type_is_variable(type);
    buf_init(&c->validity, mem, SIZE_MAX / 4);
    buf_init(&c->data, mem, variable ? ARR_BYTES_MAX : SIZE_MAX / 4);
    buf_init(&c->offsets, mem, SIZE_MAX / 4);
}

void arr_col_init(struct arr_col *c, struct alloc *mem, struct arr_type type)
{
    assert(!arr_type_is_nested(type));
    init_buffers(c, mem, type);
}

static slp_rc init_tree(struct arr_col *c, struct alloc *mem, const struct arr_field *field,
                        unsigned depth, struct slp_err *err)
{
    void *room = NULL;
    if (depth > ARR_DEPTH_MAX)
        FAIL(err, LIMIT, "nested deeper than %u", ARR_DEPTH_MAX);
    init_buffers(c, mem, field->type);
    if (!arr_type_is_nested(field->type) || field->child_count == 0)
        return SLP_OK;
    TRY(alloc_array(mem, field->child_count, sizeof(struct arr_col), &room, err));
    c->children = room;
    c->child_count = field->child_count;
    c->fields = field->children;
    for (size_t i = 0; i < c->child_count; i++) {
        slp_rc rc = init_tree(&c->children[i], mem, &field->children[i], depth + 1, err);
        if (rc != SLP_OK) {
            arr_col_fini(c);
            return rc;
        }
    }
    return SLP_OK;
}

slp_rc arr_col_init_field(struct arr_col *c, struct alloc *mem, const struct arr_field *field,
                          struct slp_err *err)
{
    return init_tree(c, mem, field, 1, err);
}

void arr_col_fini(struct arr_col *c)
{
    for (size_t i = 0; i < c->child_count; i++)
        arr_col_fini(&c->children[i]);
    if (c->children)
        alloc_free(c->data.mem, c->children, c->child_count * sizeof *c->children);
    arr_dictionary_unref(c->dictionary);
    buf_fini(&c->validity);
    buf_fini(&c->data);
    buf_fini(&c->offsets);
    c->children = NULL;
    c->child_count = 0;
    c->dictionary = NULL;
    c->rows = 0;
    c->null_count = 0;
}

void arr_col_clear(struct arr_col *c)
{
    for (size_t i = 0; i < c->child_count; i++)
        arr_col_clear(&c->children[i]);
    arr_dictionary_unref(c->dictionary);
    buf_clear(&c->validity);
    buf_clear(&c->data);
    buf_clear(&c->offsets);
    c->dictionary = NULL;
    c->rows = 0;
    c->null_count = 0;
}

size_t arr_col_memory(const struct arr_col *c)
{
    size_t bytes = c->validity.len + c->data.len + c->offsets.len;
    for (size_t i = 0; i < c->child_count; i++)
        bytes += arr_col_memory(&c->children[i]);
    return bytes + (c->dictionary ? arr_col_memory(&c->dictionary->values) : 0);
}

/* From a row of a column with a dictionary to the value. */
static const struct arr_col *see_through(const struct arr_col *c, int64_t *row)
{
    *row = ((const int32_t *)(const void *)c->data.ptr)[*row];
    return &c->dictionary->values;
}

int64_t arr_col_items(const struct arr_col *c, int64_t row, int64_t *from)
{
    assert(row >= 0 && row < c->rows && arr_type_is_list(c->type));
    *from = arr_col_offsets(c)[row];
    return arr_col_offsets(c)[row + 1];
}

struct slice arr_col_bytes(const struct arr_col *c, int64_t row)
{
    assert(row >= 0 && row < c->rows && c->type.kind != ARR_BOOL);
    if (c->type.kind == ARR_NULL)
        return slice_of(NULL, 0);
    if (c->dictionary) {
        if (arr_col_is_null(c, row))
            return slice_of(NULL, 0);
        c = see_through(c, &row);
    }
    if (arr_type_is_variable(c->type)) {
        const int32_t *offsets = arr_col_offsets(c);
        int32_t from = offsets[row];
        size_t len = (size_t)(offsets[row + 1] - from);
        return slice_of(len ? c->data.ptr + from : c->data.ptr, len);
    }
    if (arr_col_is_null(c, row))
        return slice_of(NULL, 0);
    size_t width = arr_type_width(c->type);
    return slice_of(c->data.ptr + (size_t)row * width, width);
}

int64_t arr_col_i64(const struct arr_col *c, int64_t row)
{
    assert(row >= 0 && row < c->rows);
    if (c->dictionary) {
        if (arr_col_is_null(c, row))
            return 0;
        c = see_through(c, &row);
    }
    const uint8_t *data = c->data.ptr;
    switch (c->type.kind) {
    case ARR_BOOL:
        return arr_bit(data, row);
    case ARR_INT8:
        return ((const int8_t *)data)[row];
    case ARR_UINT8:
        return data[row];
    case ARR_INT16:
        return ((const int16_t *)(const void *)data)[row];
    case ARR_UINT16:
        return ((const uint16_t *)(const void *)data)[row];
    case ARR_INT32:
    case ARR_DATE32:
    case ARR_TIME32:
        return ((const int32_t *)(const void *)data)[row];
    case ARR_UINT32:
        return ((const uint32_t *)(const void *)data)[row];
    case ARR_INT64:
    case ARR_UINT64:
    case ARR_TIMESTAMP:
    case ARR_TIME64:
    case ARR_DURATION:
        return ((const int64_t *)(const void *)data)[row];
    default:
        assert(false && "an integer column");
        return 0;
    }
}

double arr_col_f64(const struct arr_col *c, int64_t row)
{
    assert(row >= 0 && row < c->rows);
    if (c->dictionary) {
        if (arr_col_is_null(c, row))
            return 0;
        c = see_through(c, &row);
    }
    if (c->type.kind == ARR_FLOAT)
        return (double)((const float *)(const void *)c->data.ptr)[row];
    if (c->type.kind == ARR_FLOAT16)
        return arr_half_to_f64(((const uint16_t *)(const void *)c->data.ptr)[row]);
    assert(c->type.kind == ARR_DOUBLE);
    return ((const double *)(const void *)c->data.ptr)[row];
}

/* Bytes of `data` that `rows` rows take; false if they do not fit. Variable columns: none. */
static bool data_bytes(struct arr_type type, int64_t rows, size_t *bytes)
{
    *bytes = 0;
    if (type.kind == ARR_BOOL)
        *bytes = arr_bits_bytes(rows);
    return type.kind == ARR_BOOL || num_mul_size((size_t)rows, arr_type_width(type), bytes);
}

static slp_rc reserve_to(struct buf *b, size_t len, struct slp_err *err)
{
    return len > b->len ? buf_reserve(b, len - b->len, err) : SLP_OK;
}

slp_rc arr_col_reserve(struct arr_col *c, int64_t count, size_t var_bytes, bool has_nulls,
                       struct slp_err *err)
{
    if (c->type.kind == ARR_NULL)
        return SLP_OK;
    int64_t rows = 0;
    size_t bytes = 0;
    const struct arr_type *type = arr_col_storage(c);
    if (count > INT64_MAX / 32 - c->rows || !data_bytes(*type, c->rows + count, &bytes))
        FAIL(err, LIMIT, "a column of %lld rows cannot hold %lld more", (long long)c->rows,
             (long long)count);
    rows = c->rows + count;
    if (arr_type_is_variable(*type)) {
        if (var_bytes > ARR_BYTES_MAX - c->data.len)
            FAIL(err, LIMIT,
                 "a column of one batch holds at most %zu bytes of strings: it has %zu and %zu "
                 "more came; use smaller batches",
                 ARR_BYTES_MAX, c->data.len, var_bytes);
        TRY(reserve_to(&c->offsets, ((size_t)rows + 1) * sizeof(int32_t), err));
        if (var_bytes)
            TRY(buf_reserve(&c->data, var_bytes, err));
    } else if (arr_type_is_list(*type)) {
        TRY(reserve_to(&c->offsets, ((size_t)rows + 1) * sizeof(int32_t), err));
    } else {
        TRY(reserve_to(&c->data, bytes, err));
    }
    if (has_nulls || c->validity.len)
        TRY(reserve_to(&c->validity, arr_bits_bytes(rows), err));
    return SLP_OK;
}

/* From the first null on a column has a bitmap: all rows so far are present. */
static void ensure_validity(struct arr_col *c)
{
    if (c->validity.len || c->rows == 0)
        return;
    arr_buf_extend_zeroed(&c->validity, arr_bits_bytes(c->rows));
    arr_bits_set(c->validity.ptr, 0, c->rows);
}

void arr_col_mark(struct arr_col *c, int64_t count, bool present)
{
    if (present && c->validity.len == 0)
        return;
    ensure_validity(c);
    arr_buf_extend_zeroed(&c->validity, arr_bits_bytes(c->rows + count));
    if (present)
        arr_bits_set(c->validity.ptr, c->rows, count);
    else
        c->null_count += count;
}

int32_t *arr_col_extend_offsets(struct arr_col *c, int64_t count)
{
    if (c->offsets.len == 0)
        *(int32_t *)(void *)arr_buf_extend(&c->offsets, sizeof(int32_t)) = 0;
    return (int32_t *)(void *)arr_buf_extend(&c->offsets,
                                             c->offsets.len + (size_t)count * sizeof(int32_t));
}

slp_rc arr_col_append_nulls(struct arr_col *c, int64_t count, struct slp_err *err)
{
    assert(count >= 0);
    if (count == 0)
        return SLP_OK;
    if (arr_type_is_nested(c->type))
        return arr_nested_append_nulls(c, count, err);
    const struct arr_type *type = arr_col_storage(c);
    TRY(arr_col_reserve(c, count, 0, true, err));
    if (type->kind == ARR_NULL) {
        c->null_count += count;
    } else if (arr_type_is_variable(*type)) {
        int32_t end = (int32_t)c->data.len;
        int32_t *offsets = arr_col_extend_offsets(c, count);
        for (int64_t i = 0; i < count; i++)
            offsets[i] = end;
        arr_col_mark(c, count, false);
    } else {
        size_t bytes = 0;
        (void)data_bytes(*type, c->rows + count, &bytes);
        arr_buf_extend_zeroed(&c->data, bytes);
        arr_col_mark(c, count, false);
    }
    c->rows += count;
    return SLP_OK;
}

slp_rc arr_col_append_null(struct arr_col *c, struct slp_err *err)
{
    return arr_col_append_nulls(c, 1, err);
}

/* Is there room for one more value? Then nothing has to grow. */
static bool fits_as_it_is(const struct arr_col *c, size_t len, bool variable)
{
    return (c->validity.len == 0 || c->validity.cap > c->validity.len) &&
           c->data.cap - c->data.len >= len &&
           (!variable || (c->offsets.len && c->offsets.cap - c->offsets.len >= sizeof(int32_t)));
}

slp_rc arr_col_append(struct arr_col *c, struct slice value, struct slp_err *err)
{
    assert(c->type.kind != ARR_NULL && c->type.kind != ARR_BOOL);
    assert(!arr_type_is_nested(c->type) && !c->dictionary);
    bool variable = arr_type_is_variable(c->type);
    bool fits = fits_as_it_is(c, value.len, variable);
    if (variable) {
        if (!fits)
            TRY(arr_col_reserve(c, 1, value.len, false, err));
        int32_t *end = arr_col_extend_offsets(c, 1);
        if (value.len)
            memcpy(arr_buf_extend(&c->data, c->data.len + value.len), value.ptr, value.len);
        *end = (int32_t)c->data.len;
    } else {
        assert(value.len == arr_type_width(c->type));
        if (!fits)
            TRY(arr_col_reserve(c, 1, 0, false, err));
        memcpy(arr_buf_extend(&c->data, c->data.len + value.len), value.ptr, value.len);
    }
    arr_col_mark(c, 1, true);
    c->rows++;
    return SLP_OK;
}

slp_rc arr_col_append_bool(struct arr_col *c, bool value, struct slp_err *err)
{
    assert(c->type.kind == ARR_BOOL && !c->dictionary);
    TRY(arr_col_reserve(c, 1, 0, false, err));
    arr_buf_extend_zeroed(&c->data, arr_bits_bytes(c->rows + 1));
    if (value)
        arr_bits_set(c->data.ptr, c->rows, 1);
    arr_col_mark(c, 1, true);
    c->rows++;
    return SLP_OK;
}

slp_rc arr_col_append_i64(struct arr_col *c, int64_t value, struct slp_err *err)
{
    if (c->type.kind == ARR_BOOL)
        return arr_col_append_bool(c, value != 0, err);
    assert((c->type.kind >= ARR_INT8 && c->type.kind <= ARR_UINT64) || c->type.kind == ARR_DATE32 ||
           c->type.kind == ARR_TIMESTAMP ||
           (c->type.kind >= ARR_TIME32 && c->type.kind <= ARR_DURATION));
    /* Little-endian: the low bytes are the narrower integer. */
    return arr_col_append(c, slice_of(&value, arr_type_width(c->type)), err);
}

slp_rc arr_col_append_f64(struct arr_col *c, double value, struct slp_err *err)
{
    if (c->type.kind == ARR_FLOAT) {
        float narrow = (float)value;
        return arr_col_append(c, slice_of(&narrow, sizeof narrow), err);
    }
    if (c->type.kind == ARR_FLOAT16) {
        uint16_t half = arr_half_of_f64(value);
        return arr_col_append(c, slice_of(&half, sizeof half), err);
    }
    assert(c->type.kind == ARR_DOUBLE);
    return arr_col_append(c, slice_of(&value, sizeof value), err);
}

void arr_col_mark_bits(struct arr_col *c, const uint8_t *bits, int64_t first, int64_t count,
                       int64_t nulls)
{
    if (nulls == 0) {
        arr_col_mark(c, count, true);
        return;
    }
    ensure_validity(c);
    arr_buf_extend_zeroed(&c->validity, arr_bits_bytes(c->rows + count));
    arr_bits_copy(c->validity.ptr, c->rows, bits, first, count);
    c->null_count += nulls;
}

static void append_run_strings(struct arr_col *c, const struct arr_col *from, int64_t first,
                               int64_t count)
{
    const int32_t *src = arr_col_offsets(from) + first;
    size_t bytes = (size_t)(src[count] - src[0]);
    int32_t shift = (int32_t)c->data.len - src[0];
    int32_t *offsets = arr_col_extend_offsets(c, count);
    for (int64_t i = 0; i < count; i++)
        offsets[i] = src[i + 1] + shift;
    if (bytes)
        memcpy(arr_buf_extend(&c->data, c->data.len + bytes), from->data.ptr + src[0], bytes);
}

slp_rc arr_col_append_run(struct arr_col *c, const struct arr_col *from, int64_t first,
                          int64_t count, struct slp_err *err)
{
    assert(arr_type_equal(c->type, from->type) && c != from);
    assert(first >= 0 && count >= 0 && count <= from->rows - first);
    if (count == 0)
        return SLP_OK;
    if (c->type.kind == ARR_NULL)
        return arr_col_append_nulls(c, count, err);
    if (c->dictionary != from->dictionary)
        return arr_dictionary_append_run(c, from, first, count, err);
    if (arr_type_is_nested(c->type))
        return arr_nested_append_run(c, from, first, count, err);
    const struct arr_type *type = arr_col_storage(c);
    bool variable = arr_type_is_variable(*type);
    int64_t nulls = 0;
    if (from->validity.len)
        nulls = count - arr_bits_count(from->validity.ptr, first, count);
    size_t var_bytes = 0;
    if (variable)
        var_bytes = (size_t)(arr_col_offsets(from)[first + count] - arr_col_offsets(from)[first]);
    TRY(arr_col_reserve(c, count, var_bytes, nulls > 0, err));
    if (variable) {
        append_run_strings(c, from, first, count);
    } else if (type->kind == ARR_BOOL) {
        arr_buf_extend_zeroed(&c->data, arr_bits_bytes(c->rows + count));
        arr_bits_copy(c->data.ptr, c->rows, from->data.ptr, first, count);
    } else {
        size_t width = arr_type_width(*type);
        size_t bytes = (size_t)count * width;
        memcpy(arr_buf_extend(&c->data, c->data.len + bytes),
               from->data.ptr + (size_t)first * width, bytes);
    }
    arr_col_mark_bits(c, from->validity.ptr, first, count, nulls);
    c->rows += count;
    return SLP_OK;
}

#define GATHER(name, type)                                                                         \
    static void name(uint8_t *dst, const uint8_t *src, const uint32_t *rows, int64_t count)        \
    {                                                                                              \
        type *to = (type *)(void *)dst;                                                            \
        const type *from = (const type *)(const void *)src;                                        \
        for (int64_t i = 0; i < count; i++)                                                        \
            to[i] = from[rows[i]];                                                                 \
    }

GATHER(gather8, uint8_t)
GATHER(gather16, uint16_t)
GATHER(gather32, uint32_t)
GATHER(gather64, uint64_t)

static void gather_wide(uint8_t *dst, const uint8_t *src, const uint32_t *rows, int64_t count,
                        size_t width)
{
    if (width == 16) {
        for (int64_t i = 0; i < count; i++)
            memcpy(dst + (size_t)i * 16, src + (size_t)rows[i] * 16, 16);
        return;
    }
    for (int64_t i = 0; i < count; i++)
        memcpy(dst + (size_t)i * width, src + (size_t)rows[i] * width, width);
}

static void gather_fixed(uint8_t *dst, const uint8_t *src, const uint32_t *rows, int64_t count,
                         size_t width)
{
    switch (width) {
    case 1:
        gather8(dst, src, rows, count);
        return;
    case 2:
        gather16(dst, src, rows, count);
        return;
    case 4:
        gather32(dst, src, rows, count);
        return;
    case 8:
        gather64(dst, src, rows, count);
        return;
    default:
        gather_wide(dst, src, rows, count, width);
    }
}

static size_t picked_bytes(const struct arr_col *from, const uint32_t *rows, int64_t count)
{
    const int32_t *offsets = arr_col_offsets(from);
    size_t bytes = 0;
    for (int64_t i = 0; i < count; i++)
        bytes += (size_t)(offsets[(size_t)rows[i] + 1] - offsets[rows[i]]);
    return bytes;
}

/*
 * Copy strings one behind another. Short ones are copied WIDE bytes at a time where the
 * destination has room for it; the source may always be read that far (BUF_PADDING).
 */
static void gather_strings(struct arr_col *c, const struct arr_col *from, const uint32_t *rows,
                           int64_t count, size_t bytes)
{
    const int32_t *src = arr_col_offsets(from);
    const uint8_t *data = from->data.ptr;
    size_t at = c->data.len;
    bool has_slack = c->data.cap - at >= bytes + WIDE;
    int32_t *offsets = arr_col_extend_offsets(c, count);
    uint8_t *dst = c->data.ptr;
    for (int64_t i = 0; i < count; i++) {
        int32_t start = src[rows[i]];
        size_t len = (size_t)(src[(size_t)rows[i] + 1] - start);
        if (len <= WIDE && has_slack)
            memcpy(dst + at, data + start, WIDE);
        else
            memcpy(dst + at, data + start, len);
        at += len;
        offsets[i] = (int32_t)at;
    }
    c->data.len = at;
}

static slp_rc append_picked_strings(struct arr_col *c, const struct arr_col *from,
                                    const uint32_t *rows, int64_t count, struct slp_err *err)
{
    size_t bytes = picked_bytes(from, rows, count);
    TRY(arr_col_reserve(c, count, bytes, from->validity.len != 0, err));
    if (bytes && bytes + WIDE <= ARR_BYTES_MAX - c->data.len)
        TRY(buf_reserve(&c->data, bytes + WIDE, err));
    if (bytes) {
        gather_strings(c, from, rows, count, bytes);
        return SLP_OK;
    }
    int32_t end = (int32_t)c->data.len;
    int32_t *offsets = arr_col_extend_offsets(c, count);
    for (int64_t i = 0; i < count; i++)
        offsets[i] = end;
    return SLP_OK;
}

void arr_col_mark_picked(struct arr_col *c, const struct arr_col *from, const uint32_t *rows,
                         int64_t count)
{
    if (from->validity.len == 0) {
        arr_col_mark(c, count, true);
        return;
    }
    ensure_validity(c);
    arr_buf_extend_zeroed(&c->validity, arr_bits_bytes(c->rows + count));
    int64_t present = arr_bits_pick(c->validity.ptr, c->rows, from->validity.ptr, rows, count);
    c->null_count += count - present;
    if (c->null_count == 0)
        buf_clear(&c->validity);
}

slp_rc arr_col_append_picked(struct arr_col *c, const struct arr_col *from, const uint32_t *rows,
                             int64_t count, struct slp_err *err)
{
    assert(arr_type_equal(c->type, from->type) && c != from && count >= 0);
    if (count == 0)
        return SLP_OK;
    if (c->type.kind == ARR_NULL)
        return arr_col_append_nulls(c, count, err);
    if (c->dictionary != from->dictionary)
        return arr_dictionary_append_picked(c, from, rows, count, err);
    if (arr_type_is_nested(c->type))
        return arr_nested_append_picked(c, from, rows, count, err);
    const struct arr_type *type = arr_col_storage(c);
    if (arr_type_is_variable(*type)) {
        TRY(append_picked_strings(c, from, rows, count, err));
    } else {
        TRY(arr_col_reserve(c, count, 0, from->validity.len != 0, err));
        size_t width = arr_type_width(*type);
        if (type->kind == ARR_BOOL) {
            arr_buf_extend_zeroed(&c->data, arr_bits_bytes(c->rows + count));
            (void)arr_bits_pick(c->data.ptr, c->rows, from->data.ptr, rows, count);
        } else {
            gather_fixed(arr_buf_extend(&c->data, c->data.len + (size_t)count * width),
                         from->data.ptr, rows, count, width);
        }
    }
    arr_col_mark_picked(c, from, rows, count);
    c->rows += count;
    return SLP_OK;
}

/* Cut a bitmap, with zeros behind its last bit. */
static void truncate_bits(struct buf *b, int64_t bits)
{
    b->len = arr_bits_bytes(bits);
    if (bits & 7)
        b->ptr[b->len - 1] = (uint8_t)(b->ptr[b->len - 1] & ((1u << (bits & 7)) - 1));
}

/* Children hold what `rows` rows need, and nothing beyond. */
static void truncate_children(struct arr_col *c, int64_t rows)
{
    int64_t end = rows;
    if (arr_type_is_list(c->type)) {
        end = c->offsets.len ? arr_col_offsets(c)[rows] : 0;
        if (c->offsets.len)
            c->offsets.len = ((size_t)rows + 1) * sizeof(int32_t);
    }
    for (size_t i = 0; i < c->child_count; i++)
        arr_col_truncate(&c->children[i], end);
}

void arr_col_truncate(struct arr_col *c, int64_t rows)
{
    assert(rows >= 0 && rows <= c->rows);
    bool is_nested = arr_type_is_nested(c->type);
    const struct arr_type *type = arr_col_storage(c);
    if (is_nested)
        truncate_children(c, rows);
    if (rows == c->rows)
        return;
    if (type->kind == ARR_NULL) {
        c->null_count = rows;
    } else if (type->kind == ARR_BOOL) {
        truncate_bits(&c->data, rows);
    } else if (arr_type_is_variable(*type)) {
        c->data.len = (size_t)arr_col_offsets(c)[rows];
        c->offsets.len = ((size_t)rows + 1) * sizeof(int32_t);
    } else if (!is_nested) {
        c->data.len = (size_t)rows * arr_type_width(*type);
    }
    if (c->validity.len) {
        truncate_bits(&c->validity, rows);
        c->null_count = rows - arr_bits_count(c->validity.ptr, 0, rows);
        if (c->null_count == 0)
            buf_clear(&c->validity);
    }
    c->rows = rows;
}

slp_rc arr_batch_init(struct arr_batch *b, struct alloc *mem, const struct arr_schema *schema,
                      struct slp_err *err)
{
    void *cols = NULL;
    TRY(alloc_array(mem, schema->count, sizeof(struct arr_col), &cols, err));
    *b = (struct arr_batch){.schema = schema, .cols = cols, .mem = mem};
    for (size_t i = 0; i < schema->count; i++) {
        slp_rc rc = arr_col_init_field(&b->cols[i], mem, &schema->fields[i], err);
        if (rc != SLP_OK) {
            arr_batch_fini(b);
            return err_wrap(err, rc, "column \"%s\"", schema->fields[i].name);
        }
    }
    return SLP_OK;
}

void arr_batch_fini(struct arr_batch *b)
{
    if (!b->cols)
        return;
    for (size_t i = 0; i < b->schema->count; i++)
        arr_col_fini(&b->cols[i]);
    alloc_free(b->mem, b->cols, b->schema->count * sizeof *b->cols);
    *b = (struct arr_batch){0};
}

void arr_batch_clear(struct arr_batch *b)
{
    for (size_t i = 0; i < b->schema->count; i++)
        arr_col_clear(&b->cols[i]);
    b->rows = 0;
}

size_t arr_batch_memory(const struct arr_batch *b)
{
    size_t bytes = 0;
    for (size_t i = 0; b->cols && i < b->schema->count; i++)
        bytes += arr_col_memory(&b->cols[i]);
    return bytes;
}

void arr_batch_truncate(struct arr_batch *b, int64_t rows)
{
    assert(rows >= 0 && rows <= b->rows);
    for (size_t i = 0; i < b->schema->count; i++) {
        if (b->cols[i].rows >= rows)
            arr_col_truncate(&b->cols[i], rows);
    }
    b->rows = rows;
}

slp_rc arr_batch_append_run(struct arr_batch *b, const struct arr_batch *from, int64_t first,
                            int64_t count, struct slp_err *err)
{
    assert(b->schema->count == from->schema->count);
    for (size_t i = 0; i < b->schema->count; i++) {
        slp_rc rc = arr_col_append_run(&b->cols[i], &from->cols[i], first, count, err);
        if (rc != SLP_OK) {
            arr_batch_truncate(b, b->rows);
            return err_wrap(err, rc, "column \"%s\"", b->schema->fields[i].name);
        }
    }
    b->rows += count;
    return SLP_OK;
}

slp_rc arr_batch_append_picked(struct arr_batch *b, const struct arr_batch *from,
                               const uint32_t *rows, int64_t count, struct slp_err *err)
{
    assert(b->schema->count == from->schema->count);
    for (size_t i = 0; i < b->schema->count; i++) {
        slp_rc rc = arr_col_append_picked(&b->cols[i], &from->cols[i], rows, count, err);
        if (rc != SLP_OK) {
            arr_batch_truncate(b, b->rows);
            return err_wrap(err, rc, "column \"%s\"", b->schema->fields[i].name);
        }
    }
    b->rows += count;
    return SLP_OK;
}
