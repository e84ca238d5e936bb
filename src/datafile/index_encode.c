#include "base/hash.h"
#include "base/num.h"
#include "datafile/datafile.h"
#include "datafile/index.h"

static slp_rc put_i64(struct buf *out, int64_t v, struct slp_err *err)
{
    assert(v >= 0);
    return buf_append_varint(out, (uint64_t)v, err);
}

/* One key of a list; `before` is the one before it, blank at restart points. */
static slp_rc put_key(struct buf *out, const struct index_key *key, struct slice before,
                      struct slp_err *err)
{
    size_t most = num_min_size(before.len, key->bytes.len);
    size_t shared = 0;
    while (shared < most && before.ptr[shared] == key->bytes.ptr[shared])
        shared++;
    struct slice rest = slice_after(key->bytes, shared);
    TRY(buf_append_varint(out, (uint64_t)shared * 2 + key->continues, err));
    TRY(buf_append_varint(out, rest.len, err));
    return buf_append_slice(out, rest, err);
}

static slp_rc put_crc(struct buf *out, size_t start, struct slp_err *err)
{
    uint32_t crc = hash_crc32c(0, slice_after(buf_slice(out), start));
    return buf_append_u32le(out, crc, err);
}

/* The parameters of a type as in the bytes of a schema; behind them the levels of a nested leaf. */
static slp_rc put_column(struct buf *out, const struct index_column *c, struct slp_err *err)
{
    enum arr_kind kind = c->type.kind;
    bool is_time = arr_type_has_zone(c->type);
    unsigned flags = (c->nullable ? INDEX_NULLABLE : 0) | (is_time && c->type.utc ? INDEX_UTC : 0) |
                     (c->is_nested ? INDEX_NESTED : 0);
    TRY(put_i64(out, c->field_id, err));
    TRY(buf_append_u8(out, (uint8_t)kind, err));
    TRY(buf_append_u8(out, (uint8_t)flags, err));
    if (is_time)
        TRY(buf_append_u8(out, (uint8_t)c->type.unit, err));
    if (kind == ARR_FIXED_BINARY)
        TRY(put_i64(out, c->type.width, err));
    if (kind == ARR_DECIMAL128) {
        TRY(buf_append_u8(out, (uint8_t)c->type.precision, err));
        TRY(buf_append_u8(out, (uint8_t)c->type.scale, err));
    }
    if (!c->is_nested)
        return SLP_OK;
    TRY(buf_append_u8(out, c->definition_max, err));
    return buf_append_u8(out, c->repetition_max, err);
}

slp_rc datafile_top_encode(const struct index_top *top, struct buf *out, struct slp_err *err)
{
    size_t start = out->len;
    TRY(buf_append(out, "SLKT", 4, err));
    TRY(buf_append_varint(out, INDEX_VERSION, err));
    TRY(buf_append_varint(out, top->key_version, err));
    TRY(put_i64(out, top->rows, err));
    TRY(put_i64(out, top->block_count, err));
    TRY(put_i64(out, top->group_count, err));
    TRY(buf_append_varint(out, top->column_count, err));
    for (size_t i = 0; i < top->column_count; i++)
        TRY(put_column(out, &top->columns[i], err));
    for (size_t i = 0; i < top->slice_count; i++) {
        const struct index_slice_place *p = &top->slices[i];
        TRY(put_i64(out, p->rows, err));
        TRY(buf_append_varint(out, p->bytes, err));
        bool restarts = i % INDEX_RESTART == 0;
        struct slice before = restarts ? slice_of(NULL, 0) : top->slices[i - 1].key.bytes;
        TRY(put_key(out, &p->key, before, err));
    }
    TRY(buf_append_varint(out, top->last_key.len, err));
    TRY(buf_append_slice(out, top->last_key, err));
    TRY(buf_append_varint(out, 0, err));
    return put_crc(out, start, err);
}

static slp_rc put_chunk(struct buf *out, const struct index_slice *s, size_t part,
                        size_t column_count, size_t column, struct slp_err *err)
{
    const struct index_part *p = &s->parts[part];
    const struct index_chunk *c = &s->chunks[part * column_count + column];
    TRY(put_i64(out, c->codec, err));
    TRY(buf_append_varint(out, c->dictionary_bytes, err));
    if (c->dictionary_bytes)
        TRY(buf_append_varint(out, c->dictionary_offset, err));
    TRY(buf_append_varint(out, s->offsets[p->first_block * column_count + column], err));
    for (size_t b = p->first_block; b < p->first_block + p->block_count; b++)
        TRY(buf_append_varint(out, s->bytes[b * column_count + column], err));
    return SLP_OK;
}

slp_rc datafile_slice_encode(const struct index_slice *s, size_t column_count, struct buf *out,
                             struct slp_err *err)
{
    size_t start = out->len;
    TRY(buf_append(out, "SLKS", 4, err));
    TRY(buf_append_varint(out, INDEX_VERSION, err));
    TRY(put_i64(out, s->first_block, err));
    TRY(buf_append_varint(out, s->block_count, err));
    for (size_t b = 0; b < s->block_count; b++) {
        bool restarts = b % INDEX_RESTART == 0;
        struct slice before = restarts ? slice_of(NULL, 0) : s->keys[b - 1].bytes;
        TRY(put_key(out, &s->keys[b], before, err));
    }
    for (size_t b = 0; b < s->block_count; b++)
        TRY(put_i64(out, s->first_rows[b + 1] - s->first_rows[b], err));
    TRY(put_i64(out, s->first_group, err));
    TRY(buf_append_varint(out, s->part_count, err));
    for (size_t p = 0; p < s->part_count; p++) {
        TRY(buf_append_varint(out, s->parts[p].block_count, err));
        for (size_t c = 0; c < column_count; c++)
            TRY(put_chunk(out, s, p, column_count, c, err));
    }
    TRY(buf_append_varint(out, 0, err));
    return put_crc(out, start, err);
}
