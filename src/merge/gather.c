#include "merge/gather.h"

#include "arrow/bits.h"
#include "base/num.h"

/* Strings up to this long are copied by one wide load and store; keys, which have several
 * fields. */
#define WIDE     16u
#define WIDE_KEY 32u

/*
 * Many inputs are more streams than a processor follows by itself, and more bytes than its nearer
 * caches hold: so whoever reads from a stream asks for what stands this far behind it. Memory
 * beyond the end may be named: nothing is read there.
 */
#define AHEAD_BYTES 192u

static inline void fetch_ahead(const void *at)
{
    __builtin_prefetch((const void *)((uintptr_t)at + AHEAD_BYTES));
}

void merge_gather_sources(const struct merge_plan *plan, size_t column)
{
    for (size_t i = 0; i < plan->input_count; i++) {
        if (plan->parts[i].first < plan->parts[i].end)
            plan->sources[i] = (struct merge_source){.col = &plan->blocks[i].batch->cols[column]};
    }
}

/* Look up each input's bytes once, and not at every span. */
static void find_bytes(const struct merge_plan *plan)
{
    for (size_t i = 0; i < plan->input_count; i++) {
        struct merge_source *source = &plan->sources[i];
        if (plan->parts[i].first == plan->parts[i].end)
            continue;
        source->data = source->col->data.ptr;
        source->offsets = source->col->offsets.ptr;
    }
}

#define COPY_FIXED(name, type)                                                                     \
    static void name(const struct merge_plan *plan, uint8_t *dst)                                  \
    {                                                                                              \
        const struct merge_source *sources = plan->sources;                                        \
        const struct merge_span *end = plan->spans + plan->span_count;                             \
        type *to = (type *)(void *)dst;                                                            \
        for (const struct merge_span *span = plan->spans; span < end; span++) {                    \
            const type *src = (const type *)(const void *)sources[span->input].data + span->first; \
            uint32_t i = 0;                                                                        \
            fetch_ahead(src + span->rows);                                                         \
            do                                                                                     \
                to[i] = src[i];                                                                    \
            while (++i < span->rows);                                                              \
            to += span->rows;                                                                      \
        }                                                                                          \
    }

COPY_FIXED(copy8, uint8_t)
COPY_FIXED(copy16, uint16_t)
COPY_FIXED(copy32, uint32_t)
COPY_FIXED(copy64, uint64_t)

/* Indices into the dictionaries of sources, as those of all of them together. */
static void copy_indices(const struct merge_plan *plan, uint32_t *to)
{
    const struct merge_source *sources = plan->sources;
    const struct merge_span *end = plan->spans + plan->span_count;
    for (const struct merge_span *span = plan->spans; span < end; span++) {
        const struct merge_source *from = &sources[span->input];
        const uint32_t *src = (const uint32_t *)(const void *)from->data + span->first;
        uint32_t i = 0;
        fetch_ahead(src + span->rows);
        do
            to[i] = src[i] + from->shift;
        while (++i < span->rows);
        to += span->rows;
    }
}

static void copy_wide(const struct merge_plan *plan, size_t width, uint8_t *dst)
{
    for (size_t s = 0; s < plan->span_count; s++) {
        const struct merge_span *span = &plan->spans[s];
        size_t bytes = span->rows * width;
        memcpy(dst, plan->sources[span->input].data + (size_t)span->first * width, bytes);
        dst += bytes;
    }
}

static slp_rc gather_indices(const struct merge_plan *plan, struct arr_col *out,
                             struct slp_err *err)
{
    size_t bytes = (size_t)plan->rows * sizeof(uint32_t);
    TRY(buf_reserve(&out->data, bytes, err));
    copy_indices(plan, (uint32_t *)(void *)(out->data.ptr + out->data.len));
    out->data.len += bytes;
    return SLP_OK;
}

static slp_rc gather_fixed(const struct merge_plan *plan, struct arr_col *out, struct slp_err *err)
{
    size_t width = arr_type_width(out->type);
    size_t bytes = 0;
    if (!num_mul_size((size_t)plan->rows, width, &bytes))
        FAIL(err, LIMIT, "%lld rows of %zu bytes are too many for one batch", (long long)plan->rows,
             width);
    TRY(buf_reserve(&out->data, bytes, err));
    uint8_t *dst = out->data.ptr + out->data.len;
    if (width == 1)
        copy8(plan, dst);
    else if (width == 2)
        copy16(plan, dst);
    else if (width == 4)
        copy32(plan, dst);
    else if (width == 8)
        copy64(plan, dst);
    else
        copy_wide(plan, width, dst);
    out->data.len += bytes;
    return SLP_OK;
}

static slp_rc gather_bools(const struct merge_plan *plan, struct arr_col *out, struct slp_err *err)
{
    int64_t at = out->rows;
    TRY(buf_resize(&out->data, arr_bits_bytes(at + plan->rows), err));
    for (size_t s = 0; s < plan->span_count; s++) {
        const struct merge_span *span = &plan->spans[s];
        arr_bits_copy(out->data.ptr, at, plan->sources[span->input].data, span->first, span->rows);
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

static void copy_key_bytes(uint8_t *dst, const uint8_t *src, size_t len)
{
    if (len <= WIDE_KEY)
        memcpy(dst, src, WIDE_KEY);
    else
        memcpy(dst, src, len);
}

static size_t string_bytes(const struct merge_plan *plan)
{
    size_t bytes = 0;
    for (size_t i = 0; i < plan->input_count; i++) {
        const struct merge_part *part = &plan->parts[i];
        const int32_t *offsets = plan->sources[i].offsets;
        if (part->first < part->end)
            bytes += (size_t)(offsets[part->end] - offsets[part->first]);
    }
    return bytes;
}

static void copy_strings(const struct merge_plan *plan, struct arr_col *out)
{
    int32_t *ends = (int32_t *)(void *)(out->offsets.ptr + out->offsets.len);
    uint8_t *data = out->data.ptr;
    size_t at = out->data.len;
    for (size_t s = 0; s < plan->span_count; s++) {
        const struct merge_span *span = &plan->spans[s];
        const struct merge_source *from = &plan->sources[span->input];
        const int32_t *offsets = (const int32_t *)from->offsets + span->first;
        int32_t shift = (int32_t)at - offsets[0];
        size_t bytes = (size_t)(offsets[span->rows] - offsets[0]);
        fetch_ahead(offsets + span->rows);
        fetch_ahead(from->data + offsets[span->rows]);
        if (bytes)
            copy_bytes(data + at, from->data + offsets[0], bytes);
        uint32_t i = 1;
        do
            *ends++ = offsets[i] + shift;
        while (++i <= span->rows);
        at += bytes;
    }
    out->data.len = at;
    out->offsets.len += (size_t)plan->rows * sizeof(int32_t);
}

static slp_rc gather_strings(const struct merge_plan *plan, struct arr_col *out,
                             struct slp_err *err)
{
    size_t bytes = string_bytes(plan);
    if (bytes > ARR_BYTES_MAX - WIDE - num_min_size(out->data.len, ARR_BYTES_MAX - WIDE))
        FAIL(err, LIMIT,
             "a column of one batch holds at most %zu bytes of strings: it has %zu and %zu more "
             "came; use smaller batches",
             ARR_BYTES_MAX - WIDE, out->data.len, bytes);
    if (out->offsets.len == 0)
        TRY(buf_append_u32le(&out->offsets, 0, err));
    TRY(buf_reserve(&out->offsets, (size_t)plan->rows * sizeof(int32_t), err));
    TRY(buf_reserve(&out->data, bytes + WIDE, err));
    copy_strings(plan, out);
    return SLP_OK;
}

static int64_t count_nulls(const struct merge_plan *plan)
{
    int64_t nulls = 0;
    for (size_t i = 0; i < plan->input_count; i++) {
        const struct merge_part *part = &plan->parts[i];
        int64_t rows = part->end - part->first;
        if (rows == 0)
            continue;
        const struct buf *validity = &plan->sources[i].col->validity;
        if (validity->len)
            nulls += rows - arr_bits_count(validity->ptr, part->first, rows);
    }
    return nulls;
}

/* A column keeps no bitmap until its first null comes. Called before its rows are counted. */
static slp_rc gather_validity(const struct merge_plan *plan, struct arr_col *out,
                              struct slp_err *err)
{
    int64_t nulls = count_nulls(plan);
    if (nulls == 0 && out->validity.len == 0)
        return SLP_OK;
    int64_t at = out->rows;
    bool is_new = out->validity.len == 0;
    TRY(buf_resize(&out->validity, arr_bits_bytes(at + plan->rows), err));
    if (is_new)
        arr_bits_set(out->validity.ptr, 0, at);
    for (size_t s = 0; s < plan->span_count; s++) {
        const struct merge_span *span = &plan->spans[s];
        const struct buf *validity = &plan->sources[span->input].col->validity;
        if (validity->len)
            arr_bits_copy(out->validity.ptr, at, validity->ptr, span->first, span->rows);
        else
            arr_bits_set(out->validity.ptr, at, span->rows);
        at += span->rows;
    }
    out->null_count += nulls;
    return SLP_OK;
}

/* Lists, structs and maps: each span by itself, children and validity with it. */
static slp_rc gather_nested(const struct merge_plan *plan, struct arr_col *out, struct slp_err *err)
{
    for (size_t s = 0; s < plan->span_count; s++) {
        const struct merge_span *span = &plan->spans[s];
        TRY(arr_col_append_run(out, plan->sources[span->input].col, span->first, span->rows, err));
    }
    return SLP_OK;
}

slp_rc merge_gather_rows(const struct merge_plan *plan, struct arr_col *out, struct slp_err *err)
{
    if (out->type.kind == ARR_NULL)
        return arr_col_append_nulls(out, plan->rows, err);
    if (arr_type_is_nested(out->type))
        return gather_nested(plan, out, err);
    find_bytes(plan);
    if (out->dictionary)
        TRY(gather_indices(plan, out, err));
    else if (arr_type_is_variable(out->type))
        TRY(gather_strings(plan, out, err));
    else if (out->type.kind == ARR_BOOL)
        TRY(gather_bools(plan, out, err));
    else
        TRY(gather_fixed(plan, out, err));
    TRY(gather_validity(plan, out, err));
    out->rows += plan->rows;
    return SLP_OK;
}

slp_rc merge_gather_col(const struct merge_plan *plan, size_t column, struct arr_col *out,
                        struct slp_err *err)
{
    merge_gather_sources(plan, column);
    return merge_gather_rows(plan, out, err);
}

/* The same for keys. */
static size_t find_keys(const struct merge_plan *plan)
{
    size_t bytes = 0;
    for (size_t i = 0; i < plan->input_count; i++) {
        const struct merge_part *part = &plan->parts[i];
        if (part->first == part->end)
            continue;
        const struct key_vec *from = plan->blocks[i].keys;
        const uint64_t *offsets = (const uint64_t *)(const void *)from->offsets.ptr;
        plan->sources[i] = (struct merge_source){.data = from->bytes.ptr, .offsets = offsets};
        bytes += (size_t)(offsets[part->end] - offsets[part->first]);
    }
    return bytes;
}

static void copy_keys(const struct merge_plan *plan, struct key_vec *out)
{
    uint64_t *ends = (uint64_t *)(void *)(out->offsets.ptr + out->offsets.len);
    uint8_t *data = out->bytes.ptr;
    size_t at = out->bytes.len;
    for (size_t s = 0; s < plan->span_count; s++) {
        const struct merge_span *span = &plan->spans[s];
        const struct merge_source *from = &plan->sources[span->input];
        const uint64_t *offsets = (const uint64_t *)from->offsets + span->first;
        size_t bytes = (size_t)(offsets[span->rows] - offsets[0]);
        copy_key_bytes(data + at, from->data + offsets[0], bytes);
        uint32_t i = 1;
        do
            *ends++ = offsets[i] - offsets[0] + at;
        while (++i <= span->rows);
        at += bytes;
    }
    out->bytes.len = at;
}

slp_rc merge_gather_keys(const struct merge_plan *plan, struct key_vec *out, struct slp_err *err)
{
    size_t bytes = find_keys(plan);
    if (out->offsets.len == 0)
        TRY(buf_append_u64le(&out->offsets, 0, err));
    TRY(buf_reserve(&out->offsets, (size_t)plan->rows * sizeof(uint64_t), err));
    TRY(buf_reserve(&out->bytes, bytes + WIDE_KEY, err));
    copy_keys(plan, out);
    out->offsets.len += (size_t)plan->rows * sizeof(uint64_t);
    out->count += plan->rows;
    return SLP_OK;
}
