#include "merge/gather.h"

#include "arrow/bits.h"
#include "base/num.h"

/* Strings up to this long are copied by one wide load and store. */
#define WIDE 16u

static const struct arr_col *source_of(const struct merge_plan *plan, size_t column,
                                       const struct merge_span *s)
{
    return &plan->blocks[s->input].batch->cols[column];
}

#define COPY_FIXED(name, type)                                                                     \
    static void name(const struct merge_plan *plan, size_t column, uint8_t *dst)                   \
    {                                                                                              \
        type *to = (type *)(void *)dst;                                                            \
        for (size_t s = 0; s < plan->span_count; s++) {                                            \
            const struct merge_span *span = &plan->spans[s];                                       \
            const struct arr_col *from = source_of(plan, column, span);                            \
            const type *src = (const type *)(const void *)from->data.ptr + span->first;            \
            for (uint32_t i = 0; i < span->rows; i++)                                              \
                to[i] = src[i];                                                                    \
            to += span->rows;                                                                      \
        }                                                                                          \
    }

COPY_FIXED(copy8, uint8_t)
COPY_FIXED(copy16, uint16_t)
COPY_FIXED(copy32, uint32_t)
COPY_FIXED(copy64, uint64_t)

static void copy_wide(const struct merge_plan *plan, size_t column, size_t width, uint8_t *dst)
{
    for (size_t s = 0; s < plan->span_count; s++) {
        const struct merge_span *span = &plan->spans[s];
        const struct arr_col *from = source_of(plan, column, span);
        size_t bytes = span->rows * width;
        memcpy(dst, from->data.ptr + (size_t)span->first * width, bytes);
        dst += bytes;
    }
}

static slp_rc gather_fixed(const struct merge_plan *plan, size_t column, struct arr_col *out,
                           struct slp_err *err)
{
    size_t width = arr_type_width(out->type);
    size_t bytes = 0;
    if (!num_mul_size((size_t)plan->rows, width, &bytes))
        FAIL(err, LIMIT, "%lld rows of %zu bytes are too many for one batch", (long long)plan->rows,
             width);
    TRY(buf_reserve(&out->data, bytes, err));
    uint8_t *dst = out->data.ptr + out->data.len;
    if (width == 1)
        copy8(plan, column, dst);
    else if (width == 2)
        copy16(plan, column, dst);
    else if (width == 4)
        copy32(plan, column, dst);
    else if (width == 8)
        copy64(plan, column, dst);
    else
        copy_wide(plan, column, width, dst);
    out->data.len += bytes;
    return SLP_OK;
}

static slp_rc gather_bools(const struct merge_plan *plan, size_t column, struct arr_col *out,
                           struct slp_err *err)
{
    int64_t at = out->rows;
    TRY(buf_resize(&out->data, arr_bits_bytes(at + plan->rows), err));
    for (size_t s = 0; s < plan->span_count; s++) {
        const struct merge_span *span = &plan->spans[s];
        const struct arr_col *from = source_of(plan, column, span);
        arr_bits_copy(out->data.ptr, at, from->data.ptr, span->first, span->rows);
        at += span->rows;
    }
    return SLP_OK;
}

/* Copy a short or long string; up to WIDE bytes more than `len` are written. */
static void copy_bytes(uint8_t *dst, const uint8_t *src, size_t len)
{
    if (len <= WIDE)
        memcpy(dst, src, WIDE);
    else
        memcpy(dst, src, len);
}

static size_t string_bytes(const struct merge_plan *plan, size_t column)
{
    size_t bytes = 0;
    for (size_t s = 0; s < plan->span_count; s++) {
        const struct merge_span *span = &plan->spans[s];
        const int32_t *offsets = arr_col_offsets(source_of(plan, column, span)) + span->first;
        bytes += (size_t)(offsets[span->rows] - offsets[0]);
    }
    return bytes;
}

static void copy_strings(const struct merge_plan *plan, size_t column, struct arr_col *out)
{
    int32_t *ends = (int32_t *)(void *)(out->offsets.ptr + out->offsets.len);
    size_t at = out->data.len;
    for (size_t s = 0; s < plan->span_count; s++) {
        const struct merge_span *span = &plan->spans[s];
        const struct arr_col *from = source_of(plan, column, span);
        const int32_t *offsets = arr_col_offsets(from) + span->first;
        int32_t shift = (int32_t)at - offsets[0];
        size_t bytes = (size_t)(offsets[span->rows] - offsets[0]);
        if (bytes)
            copy_bytes(out->data.ptr + at, from->data.ptr + offsets[0], bytes);
        for (uint32_t i = 1; i <= span->rows; i++)
            *ends++ = offsets[i] + shift;
        at += bytes;
    }
    out->data.len = at;
    out->offsets.len += (size_t)plan->rows * sizeof(int32_t);
}

static slp_rc gather_strings(const struct merge_plan *plan, size_t column, struct arr_col *out,
                             struct slp_err *err)
{
    size_t bytes = string_bytes(plan, column);
    if (bytes > ARR_BYTES_MAX - WIDE - num_min_size(out->data.len, ARR_BYTES_MAX - WIDE))
        FAIL(err, LIMIT,
             "a column of one batch holds at most %zu bytes of strings: it has %zu and %zu more "
             "came; use smaller batches",
             ARR_BYTES_MAX - WIDE, out->data.len, bytes);
    if (out->offsets.len == 0)
        TRY(buf_append_u32le(&out->offsets, 0, err));
    TRY(buf_reserve(&out->offsets, (size_t)plan->rows * sizeof(int32_t), err));
    TRY(buf_reserve(&out->data, bytes + WIDE, err));
    copy_strings(plan, column, out);
    return SLP_OK;
}

static int64_t count_nulls(const struct merge_plan *plan, size_t column)
{
    int64_t nulls = 0;
    for (size_t s = 0; s < plan->span_count; s++) {
        const struct merge_span *span = &plan->spans[s];
        const struct buf *validity = &source_of(plan, column, span)->validity;
        if (validity->len)
            nulls += span->rows - arr_bits_count(validity->ptr, span->first, span->rows);
    }
    return nulls;
}

/* A column keeps no bitmap until its first null comes. Called before its rows are counted. */
static slp_rc gather_validity(const struct merge_plan *plan, size_t column, struct arr_col *out,
                              struct slp_err *err)
{
    int64_t nulls = count_nulls(plan, column);
    if (nulls == 0 && out->validity.len == 0)
        return SLP_OK;
    int64_t at = out->rows;
    bool is_new = out->validity.len == 0;
    TRY(buf_resize(&out->validity, arr_bits_bytes(at + plan->rows), err));
    if (is_new)
        arr_bits_set(out->validity.ptr, 0, at);
    for (size_t s = 0; s < plan->span_count; s++) {
        const struct merge_span *span = &plan->spans[s];
        const struct buf *validity = &source_of(plan, column, span)->validity;
        if (validity->len)
            arr_bits_copy(out->validity.ptr, at, validity->ptr, span->first, span->rows);
        else
            arr_bits_set(out->validity.ptr, at, span->rows);
        at += span->rows;
    }
    out->null_count += nulls;
    return SLP_OK;
}

slp_rc merge_gather_col(const struct merge_plan *plan, size_t column, struct arr_col *out,
                        struct slp_err *err)
{
    if (out->type.kind == ARR_NULL)
        return arr_col_append_nulls(out, plan->rows, err);
    if (arr_type_is_variable(out->type))
        TRY(gather_strings(plan, column, out, err));
    else if (out->type.kind == ARR_BOOL)
        TRY(gather_bools(plan, column, out, err));
    else
        TRY(gather_fixed(plan, column, out, err));
    TRY(gather_validity(plan, column, out, err));
    out->rows += plan->rows;
    return SLP_OK;
}

static size_t key_bytes(const struct merge_plan *plan)
{
    size_t bytes = 0;
    for (size_t s = 0; s < plan->span_count; s++) {
        const struct merge_span *span = &plan->spans[s];
        const struct key_vec *from = plan->blocks[span->input].keys;
        const uint64_t *offsets = (const uint64_t *)(const void *)from->offsets.ptr + span->first;
        bytes += (size_t)(offsets[span->rows] - offsets[0]);
    }
    return bytes;
}

slp_rc merge_gather_keys(const struct merge_plan *plan, struct key_vec *out, struct slp_err *err)
{
    size_t bytes = key_bytes(plan);
    if (out->offsets.len == 0)
        TRY(buf_append_u64le(&out->offsets, 0, err));
    TRY(buf_reserve(&out->offsets, (size_t)plan->rows * sizeof(uint64_t), err));
    TRY(buf_reserve(&out->bytes, bytes + WIDE, err));
    uint64_t *ends = (uint64_t *)(void *)(out->offsets.ptr + out->offsets.len);
    size_t at = out->bytes.len;
    for (size_t s = 0; s < plan->span_count; s++) {
        const struct merge_span *span = &plan->spans[s];
        const struct key_vec *from = plan->blocks[span->input].keys;
        const uint64_t *offsets = (const uint64_t *)(const void *)from->offsets.ptr + span->first;
        size_t n = (size_t)(offsets[span->rows] - offsets[0]);
        if (n)
            copy_bytes(out->bytes.ptr + at, from->bytes.ptr + offsets[0], n);
        for (uint32_t i = 1; i <= span->rows; i++)
            *ends++ = offsets[i] - offsets[0] + at;
        at += n;
    }
    out->bytes.len = at;
    out->offsets.len += (size_t)plan->rows * sizeof(uint64_t);
    out->count += plan->rows;
    return SLP_OK;
}
