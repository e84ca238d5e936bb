#include "parquet/known.h"

#include "base/num.h"
#include "parquet/bloom.h"
#include "parquet/cursor.h"

/* A bound beyond this is not looked at. */
#define BOUND_BYTES_MAX ((size_t)1 << 20)

/* A page of one value. */
static slp_rc append_one(const struct pq_column *column, struct slice bytes,
                         struct pq_scratch *scratch, struct arr_col *out, struct slp_err *err)
{
    const struct pq_page_header header = {
        .kind = PQ_PAGE_DATA,
        .compressed_bytes = (uint32_t)bytes.len,
        .uncompressed_bytes = (uint32_t)bytes.len,
        .value_count = 1,
        .encoding = PQ_PLAIN,
    };
    struct pq_column bare = *column;
    struct pq_cursor c;
    bare.optional = false;
    bare.is_nested = false;
    TRY(pq_cursor_open(&c, &bare, CX_NONE, &header, bytes, NULL, scratch, err));
    return pq_cursor_decode(&c, 1, out, err);
}

static slp_rc append_bound(const struct pq_column *column, struct slice bound,
                           struct pq_scratch *scratch, struct arr_col *out, struct slp_err *err)
{
    struct slice bytes = bound;
    if (column->physical == PQ_BYTE_ARRAY) {
        buf_clear(&scratch->levels);
        TRY(buf_append_u32le(&scratch->levels, (uint32_t)bound.len, err));
        TRY(buf_append_slice(&scratch->levels, bound, err));
        bytes = buf_slice(&scratch->levels);
    }
    int64_t before = out->rows;
    slp_rc rc = append_one(column, bytes, scratch, out, err);
    if (rc == SLP_OK || rc == SLP_NO_MEMORY)
        return rc;
    arr_col_truncate(out, before);
    return arr_col_append_null(out, err);
}

slp_rc pq_bounds_append(const struct pq_column *column, struct slice min, struct slice max,
                        struct pq_scratch *scratch, struct arr_col *out, struct slp_err *err)
{
    bool is_wide = min.len > BOUND_BYTES_MAX || max.len > BOUND_BYTES_MAX;
    if (is_wide || !pq_bounds_are_known(column, min, max))
        return arr_col_append_nulls(out, 2, err);
    TRY(append_bound(column, min, scratch, out, err));
    return append_bound(column, max, scratch, out, err);
}

bool pq_bloom_hash_of(const struct pq_column *column, struct slice value, uint64_t *hash)
{
    uint8_t bytes[4] = {0};
    bool is_decimal = column->type.kind == ARR_DECIMAL128;
    bool is_signed = column->type.kind == ARR_INT8 || column->type.kind == ARR_INT16;
    switch (column->physical) {
    case PQ_INT32:
        /* Stored wider than Arrow has it, or narrower. */
        memset(bytes, is_signed && value.ptr[value.len - 1] & 0x80 ? 0xff : 0, sizeof bytes);
        memcpy(bytes, value.ptr, num_min_size(value.len, sizeof bytes));
        *hash = pq_bloom_hash(slice_of(bytes, sizeof bytes));
        return true;
    case PQ_INT64:
        *hash = pq_bloom_hash(slice_first(value, sizeof(int64_t)));
        return true;
    case PQ_FLOAT:
    case PQ_DOUBLE:
        *hash = pq_bloom_hash(value);
        return true;
    case PQ_BYTE_ARRAY:
        *hash = pq_bloom_hash(value);
        return !is_decimal;
    case PQ_FIXED_LEN_BYTE_ARRAY:
        *hash = pq_bloom_hash(value);
        return !is_decimal && value.len == (size_t)column->type_length;
    default:
        return false;
    }
}
