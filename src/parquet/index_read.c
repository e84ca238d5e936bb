#include "parquet/index_read.h"

#include <inttypes.h>
#include <math.h>

#include "arrow/half.h"
#include "base/num.h"
#include "codec/thrift_read.h"

static slp_rc fail_at(const struct cx_thrift *t, struct slp_err *err)
{
    FAIL(err, CORRUPT, "page index: %s at offset %zu of it", t->wrong, cx_thrift_offset(t));
}

static void parse_location(struct cx_thrift *t, struct pq_page_location *out)
{
    int32_t id = 0;
    enum cx_thrift_type type = CX_THRIFT_STOP;
    int64_t offset = -1;
    int64_t bytes = -1;
    int64_t first_row = -1;
    while (cx_thrift_field(t, &id, &type)) {
        if (id == 1)
            offset = cx_thrift_int(t, type);
        else if (id == 2)
            bytes = cx_thrift_int(t, type);
        else if (id == 3)
            first_row = cx_thrift_int(t, type);
        else
            cx_thrift_skip(t, type);
    }
    if (offset < 0 || bytes <= 0 || bytes > INT32_MAX || first_row < 0)
        cx_thrift_fail(t, "a page without offset, size or first row");
    *out = (struct pq_page_location){(uint64_t)offset, (uint32_t)bytes, first_row, 0};
}

/* Integers of a list, one a page; `*out` stays NULL where the field is of another type. */
static slp_rc parse_integers(struct cx_thrift *t, enum cx_thrift_type type, struct arena *a,
                             int64_t **out, size_t *count, struct slp_err *err)
{
    size_t n = cx_thrift_list(t, type, CX_THRIFT_I64);
    if (n == 0)
        return SLP_OK;
    TRY(arena_array(a, n, sizeof **out, (void **)out, err));
    for (size_t i = 0; i < n; i++)
        (*out)[i] = cx_thrift_int(t, CX_THRIFT_I64);
    *count = n;
    return SLP_OK;
}

/* Pages lie inside the file, and their rows are those of the chunk, in order. */
static slp_rc check_locations(const struct pq_offset_index *x, uint64_t file_bytes, int64_t rows,
                              struct slp_err *err)
{
    for (size_t i = 0; i < x->count; i++) {
        struct pq_page_location *p = &x->pages[i];
        if (p->offset > file_bytes || p->bytes > file_bytes - p->offset)
            FAIL(err, CORRUPT,
                 "offset index: page %zu at offset %" PRIu64 " of %" PRIu32
                 " bytes: the file has %" PRIu64,
                 i, p->offset, p->bytes, file_bytes);
        int64_t end = i + 1 < x->count ? x->pages[i + 1].first_row : rows;
        if ((i == 0 && p->first_row != 0) || end <= p->first_row || end > rows)
            FAIL(err, CORRUPT,
                 "offset index: page %zu has rows %" PRId64 " to %" PRId64 " of %" PRId64, i,
                 p->first_row, end, rows);
        p->rows = end - p->first_row;
    }
    if (x->count == 0 && rows > 0)
        FAIL(err, CORRUPT, "offset index: no pages for %" PRId64 " rows", rows);
    return SLP_OK;
}

slp_rc pq_offset_index_parse(struct slice in, uint64_t file_bytes, int64_t rows, struct arena *a,
                             struct pq_offset_index *out, struct slp_err *err)
{
    struct cx_thrift t;
    struct pq_offset_index x = {0};
    int64_t *unencoded = NULL;
    size_t unencoded_count = 0;
    int32_t id = 0;
    enum cx_thrift_type type = CX_THRIFT_STOP;
    cx_thrift_init(&t, in);
    while (cx_thrift_field(&t, &id, &type)) {
        if (id == 1) {
            x.count = cx_thrift_list(&t, type, CX_THRIFT_STRUCT);
            TRY(arena_array(a, x.count, sizeof *x.pages, (void **)&x.pages, err));
            for (size_t i = 0; i < x.count && !t.wrong; i++)
                parse_location(&t, &x.pages[i]);
        } else if (id == 2) {
            TRY(parse_integers(&t, type, a, &unencoded, &unencoded_count, err));
        } else {
            cx_thrift_skip(&t, type);
        }
    }
    if (t.wrong)
        return fail_at(&t, err);
    TRY(check_locations(&x, file_bytes, rows, err));
    if (unencoded_count == x.count)
        x.unencoded_bytes = unencoded;
    *out = x;
    return SLP_OK;
}

/* The lists of a ColumnIndex as they stand. */
struct lists {
    struct slice *mins;
    struct slice *maxs;
    bool *null_pages;
    int64_t *null_counts;
    int64_t *nan_counts;
    size_t min_count;
    size_t max_count;
    size_t null_page_count;
    size_t null_count_count;
    size_t nan_count_count;
};

static slp_rc parse_slices(struct cx_thrift *t, enum cx_thrift_type type, struct arena *a,
                           struct slice **out, size_t *count, struct slp_err *err)
{
    *count = cx_thrift_list(t, type, CX_THRIFT_BINARY);
    TRY(arena_array(a, *count, sizeof **out, (void **)out, err));
    for (size_t i = 0; i < *count; i++)
        (*out)[i] = cx_thrift_binary(t, CX_THRIFT_BINARY);
    return SLP_OK;
}

/* Booleans in lists are a byte each: 1 is true, 0 or 2 is false. */
static slp_rc parse_booleans(struct cx_thrift *t, enum cx_thrift_type type, struct arena *a,
                             bool **out, size_t *count, struct slp_err *err)
{
    *count = cx_thrift_list(t, type, CX_THRIFT_TRUE);
    TRY(arena_array(a, *count, sizeof **out, (void **)out, err));
    for (size_t i = 0; i < *count; i++)
        (*out)[i] = cx_thrift_int(t, CX_THRIFT_I8) == 1;
    return SLP_OK;
}

static slp_rc parse_lists(struct cx_thrift *t, struct arena *a, struct lists *l, int *order,
                          struct slp_err *err)
{
    int32_t id = 0;
    enum cx_thrift_type type = CX_THRIFT_STOP;
    while (cx_thrift_field(t, &id, &type)) {
        switch (id) {
        case 1:
            TRY(parse_booleans(t, type, a, &l->null_pages, &l->null_page_count, err));
            break;
        case 2:
            TRY(parse_slices(t, type, a, &l->mins, &l->min_count, err));
            break;
        case 3:
            TRY(parse_slices(t, type, a, &l->maxs, &l->max_count, err));
            break;
        case 4:
            *order = (int)(uint8_t)cx_thrift_int(t, type);
            break;
        case 5:
            TRY(parse_integers(t, type, a, &l->null_counts, &l->null_count_count, err));
            break;
        case 8:
            TRY(parse_integers(t, type, a, &l->nan_counts, &l->nan_count_count, err));
            break;
        default:
            cx_thrift_skip(t, type);
        }
    }
    return t->wrong ? fail_at(t, err) : SLP_OK;
}

slp_rc pq_column_index_parse(struct slice in, struct arena *a, struct pq_column_index *out,
                             struct slp_err *err)
{
    struct cx_thrift t;
    struct lists l = {0};
    struct pq_column_index x = {0};
    cx_thrift_init(&t, in);
    TRY(parse_lists(&t, a, &l, &x.boundary_order, err));
    x.count = l.null_page_count;
    if (l.min_count != x.count || l.max_count != x.count ||
        (l.null_counts && l.null_count_count != x.count) ||
        (l.nan_counts && l.nan_count_count != x.count))
        FAIL(err, CORRUPT, "column index: %zu null pages, %zu minima, %zu maxima", x.count,
             l.min_count, l.max_count);
    TRY(arena_array(a, x.count, sizeof *x.pages, (void **)&x.pages, err));
    for (size_t i = 0; i < x.count; i++)
        x.pages[i] = (struct pq_page_bounds){.is_null_page = l.null_pages[i],
                                             .min = l.mins[i],
                                             .max = l.maxs[i],
                                             .null_count = l.null_counts ? l.null_counts[i] : -1,
                                             .nan_count = l.nan_counts ? l.nan_counts[i] : -1};
    *out = x;
    return SLP_OK;
}

/* Both speak of the same pages. */
static slp_rc check_agreement(const struct pq_page_index *x, struct slp_err *err)
{
    if (x->bounds.count == 0)
        return SLP_OK;
    if (x->bounds.count != x->offsets.count)
        FAIL(err, CORRUPT, "column index of %zu pages, offset index of %zu", x->bounds.count,
             x->offsets.count);
    return SLP_OK;
}

static slp_rc read_parts(struct source *src, const struct pq_chunk *chunk, struct arena *a,
                         struct slice *offsets, struct slice *bounds, struct slp_err *err)
{
    uint8_t *room = NULL;
    uint64_t bytes = (uint64_t)chunk->offset_index_bytes + chunk->column_index_bytes;
    if (bytes > PQ_INDEX_MAX_BYTES)
        FAIL(err, LIMIT, "page index of %" PRIu64 " bytes, at most %u are read", bytes,
             PQ_INDEX_MAX_BYTES);
    TRY(arena_array(a, (size_t)bytes, 1, (void **)&room, err));
    const struct io_range ranges[] = {
        {chunk->offset_index_offset, chunk->offset_index_bytes, room},
        {chunk->column_index_offset, chunk->column_index_bytes, room + chunk->offset_index_bytes},
    };
    TRY(source_read(src, ranges, chunk->column_index_bytes ? 2 : 1, err));
    *offsets = slice_of(room, chunk->offset_index_bytes);
    *bounds = slice_of(room + chunk->offset_index_bytes, chunk->column_index_bytes);
    return SLP_OK;
}

slp_rc pq_page_index_read(struct source *src, const struct pq_chunk *chunk, int64_t rows,
                          struct arena *a, struct pq_page_index *out, struct slp_err *err)
{
    struct slice offsets = {0};
    struct slice bounds = {0};
    struct pq_page_index x = {0};
    if (chunk->offset_index_offset == 0 || chunk->offset_index_bytes == 0)
        FAIL(err, NOT_FOUND, "the chunk has no page index");
    TRY(read_parts(src, chunk, a, &offsets, &bounds, err));
    TRY(pq_offset_index_parse(offsets, src->size, rows, a, &x.offsets, err));
    if (bounds.len)
        TRY(pq_column_index_parse(bounds, a, &x.bounds, err));
    TRY(check_agreement(&x, err));
    *out = x;
    return SLP_OK;
}

static bool is_unsigned(enum arr_kind kind)
{
    return kind == ARR_UINT8 || kind == ARR_UINT16 || kind == ARR_UINT32 || kind == ARR_UINT64;
}

enum pq_order pq_order_of(const struct pq_column *column)
{
    enum arr_kind kind = column->type.kind;
    switch (column->physical) {
    case PQ_BOOLEAN:
        return PQ_ORDER_BOOL;
    case PQ_INT32:
        return is_unsigned(kind) ? PQ_ORDER_UINT32 : PQ_ORDER_INT32;
    case PQ_INT64:
        return is_unsigned(kind) ? PQ_ORDER_UINT64 : PQ_ORDER_INT64;
    case PQ_FLOAT:
        return PQ_ORDER_FLOAT;
    case PQ_DOUBLE:
        return PQ_ORDER_DOUBLE;
    case PQ_BYTE_ARRAY:
        return kind == ARR_UTF8     ? PQ_ORDER_UTF8
               : kind == ARR_BINARY ? PQ_ORDER_BYTES
                                    : PQ_ORDER_NONE;
    case PQ_FIXED_LEN_BYTE_ARRAY:
        if (kind == ARR_DECIMAL128 || kind == ARR_DECIMAL256)
            return PQ_ORDER_DECIMAL;
        if (kind == ARR_FLOAT16)
            return PQ_ORDER_FLOAT16;
        return kind == ARR_FIXED_BINARY ? PQ_ORDER_FIXED : PQ_ORDER_NONE;
    case PQ_INT96:
        break;
    }
    return PQ_ORDER_NONE;
}

static bool is_nan(enum pq_order order, struct slice bound)
{
    double wide = 0;
    float narrow = 0;
    if (order == PQ_ORDER_DOUBLE)
        memcpy(&wide, bound.ptr, sizeof wide);
    if (order == PQ_ORDER_FLOAT)
        memcpy(&narrow, bound.ptr, sizeof narrow);
    if (order == PQ_ORDER_FLOAT16)
        wide = arr_half_to_f64(num_load_u16le(bound.ptr));
    return isnan(wide) || isnan(narrow);
}

/* Can these bytes be a bound of the column? */
static bool is_bound(const struct pq_column *column, enum pq_order order, struct slice bound)
{
    static const size_t widths[] = {1, 4, 8, 12, 4, 8, 0, 0};
    size_t width = column->physical == PQ_FIXED_LEN_BYTE_ARRAY ? (size_t)column->type_length
                                                               : widths[column->physical];
    if (column->physical == PQ_BYTE_ARRAY)
        return bound.ptr != NULL;
    return bound.ptr && bound.len == width && width > 0 && !is_nan(order, bound);
}

bool pq_bounds_are_known(const struct pq_column *column, struct slice min, struct slice max)
{
    enum pq_order order = pq_order_of(column);
    return order != PQ_ORDER_NONE && is_bound(column, order, min) && is_bound(column, order, max) &&
           pq_bound_compare(order, min, max) <= 0;
}

bool pq_bounds_may_hold(const struct pq_column *column, struct slice min, struct slice max,
                        const struct pq_value_range *range)
{
    enum pq_order order = pq_order_of(column);
    if (!pq_bounds_are_known(column, min, max))
        return true;
    if (range->low.ptr && pq_bound_compare(order, max, range->low) < 0)
        return false;
    return !range->high.ptr || pq_bound_compare(order, min, range->high) <= 0;
}

bool pq_page_may_hold(const struct pq_column *column, const struct pq_column_index *x, size_t page,
                      const struct pq_value_range *range)
{
    assert(page < x->count);
    const struct pq_page_bounds *p = &x->pages[page];
    /* parquet-mr calls every page one of nulls, of -1 of them, if it kept no statistics. */
    if (p->is_null_page)
        return !column->optional || p->null_count < 0;
    return pq_bounds_may_hold(column, p->min, p->max, range);
}
