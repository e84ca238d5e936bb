#include "parquet/cursor.h"

#include "arrow/bits.h"
#include "base/hash.h"
#include "base/num.h"
#include "codec/values.h"
#include "parquet/dense.h"
#include "parquet/levels.h"

#define STEP_BITS_BYTES (PQ_STEP_ROWS / 8)

/* More than this many bytes out of one byte no decoder of the kind can give; a header that says so
 * is damaged, and is found out before memory is asked for. */
static uint64_t largest_ratio(enum cx_kind kind)
{
    switch (kind) {
    case CX_NONE:
        return 1;
    case CX_SNAPPY:
        return 32;
    case CX_LZ4:
    case CX_LZ4_RAW:
        return 256;
    case CX_GZIP:
        return 1100;
    case CX_ZSTD:
        return 64 * 1024;
    default:
        return PQ_PAGE_MAX_BYTES;
    }
}

/* Decompress into the scratch, or borrow what is not compressed. */
static slp_rc unpack_body(enum cx_kind codec, struct slice stored, size_t len,
                          struct pq_scratch *scratch, struct slice *out, struct slp_err *err)
{
    if (stored.len == 0 && len == 0) {
        *out = stored;
        return SLP_OK;
    }
    if (len > PQ_PAGE_MAX_BYTES)
        FAIL(err, LIMIT, "a page of %zu bytes, at most %u are read", len, PQ_PAGE_MAX_BYTES);
    if (len > 64 + stored.len * largest_ratio(codec))
        FAIL(err, CORRUPT, "%zu bytes of %s cannot hold %zu", stored.len, cx_kind_name((int)codec),
             len);
    if (codec == CX_NONE) {
        if (stored.len != len)
            FAIL(err, CORRUPT, "%zu bytes that are not compressed, expected %zu", stored.len, len);
        *out = stored;
        return SLP_OK;
    }
    buf_clear(&scratch->body);
    TRY(buf_reserve(&scratch->body, len, err));
    TRY(cx_decompress(scratch->codec, codec, stored, scratch->body.ptr, len, err));
    scratch->body.len = len;
    *out = buf_slice(&scratch->body);
    return SLP_OK;
}

static uint8_t reverse_bits(uint8_t v)
{
    uint8_t r = 0;
    for (unsigned i = 0; i < 8; i++)
        r = (uint8_t)(r << 1 | (v >> i & 1));
    return r;
}

/* The old BIT_PACKED levels: one bit a row from the most significant on, without a length. They are
 * turned around and read as one packed run. */
static slp_rc open_packed_levels(struct pq_cursor *c, struct slice *body,
                                 struct pq_scratch *scratch, struct slp_err *err)
{
    size_t len = arr_bits_bytes(c->rows_left);
    if (len > body->len)
        FAIL(err, CORRUPT, "levels of %zu bytes in a page of %zu", len, body->len);
    buf_clear(&scratch->levels);
    TRY(buf_resize(&scratch->levels, len, err));
    for (size_t i = 0; i < len; i++)
        scratch->levels.ptr[i] = reverse_bits(body->ptr[i]);
    cx_rle_init(&c->levels, slice_of(NULL, 0), 1);
    c->levels.packed = buf_slice(&scratch->levels);
    c->levels.packed_left = (uint64_t)c->rows_left;
    *body = slice_after(*body, len);
    return SLP_OK;
}

/* The levels at the start of a v1 body; `body` is what follows them. */
static slp_rc open_levels(struct pq_cursor *c, int encoding, struct slice *body,
                          struct pq_scratch *scratch, struct slp_err *err)
{
    if (encoding == PQ_BIT_PACKED)
        return open_packed_levels(c, body, scratch, err);
    if (encoding != PQ_RLE)
        FAIL(err, UNSUPPORTED, "definition levels of encoding %d are not supported", encoding);
    size_t len = body->len >= 4 ? num_load_u32le(body->ptr) : SIZE_MAX;
    if (body->len < 4 || len > body->len - 4)
        FAIL(err, CORRUPT, "definition levels beyond the page of %zu bytes", body->len);
    cx_rle_init(&c->levels, slice_sub(*body, 4, len), 1);
    *body = slice_after(*body, 4 + len);
    return SLP_OK;
}

static slp_rc open_v1(struct pq_cursor *c, enum cx_kind codec, const struct pq_page_header *header,
                      struct slice body, struct pq_scratch *scratch, struct slp_err *err)
{
    struct slice values = {0};
    TRY(unpack_body(codec, body, header->uncompressed_bytes, scratch, &values, err));
    if (c->is_nested)
        TRY(pq_levels_open_v1(c, header, &values, scratch, err));
    else if (c->has_levels)
        TRY(open_levels(c, header->definition_encoding, &values, scratch, err));
    return pq_dense_open(c, values, err);
}

static slp_rc open_v2(struct pq_cursor *c, enum cx_kind codec, const struct pq_page_header *header,
                      struct slice body, struct pq_scratch *scratch, struct slp_err *err)
{
    size_t levels = (size_t)header->definition_bytes + header->repetition_bytes;
    if (levels > body.len || levels > header->uncompressed_bytes)
        FAIL(err, CORRUPT, "levels of %zu bytes in a page of %zu", levels, body.len);
    if (c->is_nested)
        pq_levels_open_v2(c, slice_first(body, header->repetition_bytes),
                          slice_sub(body, header->repetition_bytes, header->definition_bytes));
    else if (c->has_levels)
        cx_rle_init(&c->levels, slice_sub(body, header->repetition_bytes, header->definition_bytes),
                    1);
    struct slice values = slice_after(body, levels);
    size_t len = header->uncompressed_bytes - levels;
    /* Some writers leave the values out where every row is null, whatever the sizes say. */
    if (values.len == 0)
        len = 0;
    TRY(unpack_body(header->is_compressed ? codec : CX_NONE, values, len, scratch, &values, err));
    return pq_dense_open(c, values, err);
}

slp_rc pq_cursor_open(struct pq_cursor *c, const struct pq_column *column, enum cx_kind codec,
                      const struct pq_page_header *header, struct slice body,
                      const struct pq_dictionary *dict, struct pq_scratch *scratch,
                      struct slp_err *err)
{
    if (body.len != header->compressed_bytes)
        FAIL(err, CORRUPT, "a page of %zu bytes, its header says %u", body.len,
             header->compressed_bytes);
    if (header->has_crc && scratch->verify_crc && hash_crc32(0, body) != header->crc)
        FAIL(err, CORRUPT, "the page's checksum is %08x, expected %08x", hash_crc32(0, body),
             header->crc);
    if (!header->has_crc && scratch->verify_crc && scratch->demand_crc)
        FAIL(err, CORRUPT, "the page has no checksum, and one is asked for");
    struct pq_cursor fresh = {
        .column = column,
        .dict = dict,
        .encoding = header->encoding,
        .rows_left = header->value_count,
        .is_nested = column->is_nested && header->kind != PQ_PAGE_DICTIONARY,
        .has_levels = column->optional && header->kind != PQ_PAGE_DICTIONARY,
        .previous = &scratch->indices,
    };
    if (!scratch->carries_strings)
        buf_clear(fresh.previous);
    TRY(pq_dense_check(column, header->encoding, err));
    TRY(header->kind == PQ_PAGE_DATA_V2 ? open_v2(&fresh, codec, header, body, scratch, err)
                                        : open_v1(&fresh, codec, header, body, scratch, err));
    *c = fresh;
    return SLP_OK;
}

/* Rows of one step: how many are present, and which, unless all or none are. */
struct step {
    size_t rows;
    size_t present;
    uint8_t bits[STEP_BITS_BYTES];
};

/* The levels of a step that runs end inside of, as a bitmap. */
static slp_rc mix_levels(struct cx_rle *levels, struct step *s, struct slp_err *err)
{
    memset(s->bits, 0, sizeof s->bits);
    size_t done = 0;
    while (done < s->rows) {
        if (!cx_rle_fill(levels) || (levels->run_left && levels->run_value > 1))
            FAIL(err, CORRUPT, "damaged definition levels, or fewer than rows");
        uint64_t at_hand = levels->run_left ? levels->run_left : levels->packed_left;
        size_t take = at_hand < s->rows - done ? (size_t)at_hand : s->rows - done;
        if (levels->run_left == 0)
            arr_bits_copy(s->bits, (int64_t)done, levels->packed.ptr, (int64_t)levels->packed_bit,
                          (int64_t)take);
        else if (levels->run_value)
            arr_bits_set(s->bits, (int64_t)done, (int64_t)take);
        cx_rle_drop(levels, take);
        done += take;
    }
    s->present = (size_t)arr_bits_count(s->bits, 0, (int64_t)s->rows);
    return SLP_OK;
}

static slp_rc take_levels(struct pq_cursor *c, struct step *s, struct slp_err *err)
{
    s->present = s->rows;
    if (!c->has_levels)
        return SLP_OK;
    struct cx_rle *levels = &c->levels;
    bool is_run = cx_rle_fill(levels) && levels->run_left >= s->rows && levels->run_value <= 1;
    if (!is_run)
        return mix_levels(levels, s, err);
    s->present = levels->run_value ? s->rows : 0;
    cx_rle_drop(levels, s->rows);
    return SLP_OK;
}

static slp_rc grow(struct buf *b, size_t len, struct slp_err *err)
{
    return len > b->len ? buf_resize(b, len, err) : SLP_OK;
}

/* Note which rows of the step are present; a bitmap begins with the first null. */
static slp_rc append_validity(struct arr_col *out, const struct step *s, struct slp_err *err)
{
    bool has_nulls = s->present < s->rows;
    if (!has_nulls && out->validity.len == 0)
        return SLP_OK;
    bool begins = out->validity.len == 0;
    TRY(grow(&out->validity, arr_bits_bytes(out->rows + (int64_t)s->rows), err));
    if (begins)
        arr_bits_set(out->validity.ptr, 0, out->rows);
    if (has_nulls)
        arr_bits_copy(out->validity.ptr, out->rows, s->bits, 0, (int64_t)s->rows);
    else
        arr_bits_set(out->validity.ptr, out->rows, (int64_t)s->rows);
    out->null_count += (int64_t)(s->rows - s->present);
    return SLP_OK;
}

static slp_rc append_fixed(struct pq_cursor *c, const struct step *s, struct arr_col *out,
                           struct slp_err *err)
{
    size_t width = arr_type_width(out->type);
    TRY(buf_reserve(&out->data, s->rows * width, err));
    uint8_t *dst = out->data.ptr + out->data.len;
    TRY(pq_dense_fixed(c, dst, s->present, err));
    if (s->present < s->rows)
        cx_spread(dst, width, s->bits, s->rows, s->present);
    out->data.len += s->rows * width;
    return SLP_OK;
}

static slp_rc append_bits(struct pq_cursor *c, const struct step *s, struct arr_col *out,
                          struct slp_err *err)
{
    uint8_t dense[STEP_BITS_BYTES] = {0};
    uint8_t spread[STEP_BITS_BYTES] = {0};
    TRY(grow(&out->data, arr_bits_bytes(out->rows + (int64_t)s->rows), err));
    TRY(pq_dense_bits(c, dense, s->present, err));
    if (s->present < s->rows)
        cx_spread_bits(spread, dense, s->bits, s->rows);
    arr_bits_copy(out->data.ptr, out->rows, s->present < s->rows ? spread : dense, 0,
                  (int64_t)s->rows);
    return SLP_OK;
}

static slp_rc append_strings(struct pq_cursor *c, const struct step *s, struct arr_col *out,
                             struct slp_err *err)
{
    if (out->offsets.len == 0)
        TRY(buf_append_u32le(&out->offsets, 0, err));
    TRY(buf_reserve(&out->offsets, s->rows * sizeof(int32_t), err));
    int32_t *ends = (int32_t *)(void *)(out->offsets.ptr + out->offsets.len);
    int32_t base = (int32_t)out->data.len;
    TRY(pq_dense_strings(c, out, ends, s->present, err));
    if (s->present < s->rows)
        cx_spread_ends(ends, base, s->bits, s->rows, s->present);
    out->offsets.len += s->rows * sizeof(int32_t);
    return SLP_OK;
}

/* Of a column that is kept as a dictionary, indices. */
static slp_rc append_indices(struct pq_cursor *c, const struct step *s, struct arr_col *out,
                             struct slp_err *err)
{
    TRY(buf_reserve(&out->data, s->rows * sizeof(uint32_t), err));
    uint8_t *dst = out->data.ptr + out->data.len;
    TRY(pq_dense_indices(c, (uint32_t *)(void *)dst, s->present, err));
    if (s->present < s->rows)
        cx_spread(dst, sizeof(uint32_t), s->bits, s->rows, s->present);
    out->data.len += s->rows * sizeof(uint32_t);
    return SLP_OK;
}

static slp_rc append_step(struct pq_cursor *c, const struct step *s, struct arr_col *out,
                          struct slp_err *err)
{
    if (out->type.kind == ARR_NULL) {
        if (s->present)
            FAIL(err, CORRUPT, "a value in a column of nulls");
        out->null_count += (int64_t)s->rows;
    } else if (s->present == 0) {
        return arr_col_append_nulls(out, (int64_t)s->rows, err);
    } else {
        if (out->dictionary)
            TRY(append_indices(c, s, out, err));
        else if (out->type.kind == ARR_BOOL)
            TRY(append_bits(c, s, out, err));
        else if (arr_type_is_variable(out->type))
            TRY(append_strings(c, s, out, err));
        else
            TRY(append_fixed(c, s, out, err));
        TRY(append_validity(out, s, err));
    }
    out->rows += (int64_t)s->rows;
    return SLP_OK;
}

slp_rc pq_cursor_slots(struct pq_cursor *c, const uint8_t *definitions, size_t count,
                       struct arr_col *out, struct slp_err *err)
{
    const struct pq_column *column = c->column;
    struct step s;
    s.rows = pq_levels_slots(definitions, count, column->item_definitions[column->repetition_max],
                             column->definition_max, s.bits, &s.present);
    return s.rows ? append_step(c, &s, out, err) : SLP_OK;
}

slp_rc pq_cursor_decode(struct pq_cursor *c, int64_t rows, struct arr_col *out, struct slp_err *err)
{
    assert(rows >= 0 && rows <= c->rows_left && !c->is_nested &&
           arr_type_equal(out->type, c->column->type));
    while (rows) {
        struct step s;
        s.rows = rows < (int64_t)PQ_STEP_ROWS ? (size_t)rows : PQ_STEP_ROWS;
        TRY(take_levels(c, &s, err));
        TRY(append_step(c, &s, out, err));
        rows -= (int64_t)s.rows;
        c->rows_left -= (int64_t)s.rows;
    }
    return SLP_OK;
}

slp_rc pq_cursor_skip(struct pq_cursor *c, int64_t rows, struct arr_col *passed,
                      struct slp_err *err)
{
    while (rows) {
        struct step s;
        s.rows = rows < (int64_t)PQ_STEP_ROWS ? (size_t)rows : PQ_STEP_ROWS;
        TRY(take_levels(c, &s, err));
        if (!pq_dense_skip(c, s.present)) {
            arr_col_clear(passed);
            TRY(append_step(c, &s, passed, err));
        }
        rows -= (int64_t)s.rows;
        c->rows_left -= (int64_t)s.rows;
    }
    return SLP_OK;
}
