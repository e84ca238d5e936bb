#include <inttypes.h>

#include "base/hash.h"
#include "base/num.h"
#include "datafile/datafile.h"
#include "datafile/index.h"

/* A place in bytes from outside. Every take checks what is left; the first wrong byte is told. */
struct cursor {
    struct slice in; /* all of it, less the CRC */
    size_t at;
};

static slp_rc take_u8(struct cursor *c, uint8_t *out, struct slp_err *err)
{
    if (c->at == c->in.len)
        FAIL(err, CORRUPT, "it ends at byte %zu, more was expected", c->at);
    *out = c->in.ptr[c->at++];
    return SLP_OK;
}

/* A number of at most `max`, in shortest form. */
static slp_rc take(struct cursor *c, uint64_t max, uint64_t *out, struct slp_err *err)
{
    size_t start = c->at;
    uint64_t v = 0;
    uint8_t byte = 0x80;
    for (unsigned shift = 0; byte & 0x80; shift += 7) {
        TRY(take_u8(c, &byte, err));
        uint64_t bits = byte & 0x7fu;
        if (shift > 63 || (shift == 63 && bits > 1) || (byte == 0 && shift > 0))
            FAIL(err, CORRUPT, "no number at byte %zu", start);
        v |= bits << shift;
    }
    if (v > max)
        FAIL(err, CORRUPT, "%" PRIu64 " at byte %zu, expected at most %" PRIu64, v, start, max);
    *out = v;
    return SLP_OK;
}

static slp_rc take_i64(struct cursor *c, int64_t min, int64_t max, int64_t *out,
                       struct slp_err *err)
{
    size_t start = c->at;
    uint64_t v = 0;
    TRY(take(c, (uint64_t)max, &v, err));
    if ((int64_t)v < min)
        FAIL(err, CORRUPT, "%" PRIu64 " at byte %zu, expected at least %" PRId64, v, start, min);
    *out = (int64_t)v;
    return SLP_OK;
}

static slp_rc take_u32(struct cursor *c, uint32_t max, uint32_t *out, struct slp_err *err)
{
    uint64_t v = 0;
    TRY(take(c, max, &v, err));
    *out = (uint32_t)v;
    return SLP_OK;
}

static slp_rc take_bytes(struct cursor *c, size_t len, struct slice *out, struct slp_err *err)
{
    if (len > c->in.len - c->at)
        FAIL(err, CORRUPT, "%zu bytes at byte %zu, %zu are left", len, c->at, c->in.len - c->at);
    *out = slice_sub(c->in, c->at, len);
    c->at += len;
    return SLP_OK;
}

/* How many things follow, each of `each` bytes at least: never more than fit. */
static slp_rc take_count(struct cursor *c, size_t each, uint64_t max, size_t *out,
                         struct slp_err *err)
{
    size_t start = c->at;
    uint64_t v = 0;
    TRY(take(c, max, &v, err));
    if (v > (c->in.len - c->at) / each)
        FAIL(err, CORRUPT, "%" PRIu64 " entries at byte %zu do not fit the %zu bytes left", v,
             start, c->in.len - c->at);
    *out = (size_t)v;
    return SLP_OK;
}

/* Check magic, CRC and version. */
static slp_rc open_cursor(struct cursor *c, struct slice bytes, const char *magic,
                          struct slp_err *err)
{
    if (bytes.len < 9 || memcmp(bytes.ptr, magic, 4) != 0)
        FAIL(err, CORRUPT, "no %s at its start", magic);
    struct slice body = slice_first(bytes, bytes.len - 4);
    uint32_t want = num_load_u32le(bytes.ptr + body.len);
    uint32_t got = hash_crc32c(0, body);
    if (got != want)
        FAIL(err, CORRUPT, "CRC32C of its %zu bytes is %08" PRIx32 ", expected %08" PRIx32,
             body.len, got, want);
    *c = (struct cursor){.in = body, .at = 4};
    uint64_t version = 0;
    TRY(take(c, UINT64_MAX, &version, err));
    if (version != INDEX_VERSION)
        FAIL(err, UNSUPPORTED,
             "version %" PRIu64 " of the key index, this program reads version %u: use a newer one",
             version, INDEX_VERSION);
    return SLP_OK;
}

/* The fields at the end: none is known, even ones may be ignored. */
static slp_rc take_fields(struct cursor *c, struct slp_err *err)
{
    for (;;) {
        uint64_t tag = 0;
        uint64_t len = 0;
        struct slice unused = {0};
        TRY(take(c, UINT64_MAX, &tag, err));
        if (tag == 0)
            break;
        if (tag & 1)
            FAIL(err, UNSUPPORTED, "field %" PRIu64 " is not known: use a newer version", tag);
        TRY(take(c, SIZE_MAX, &len, err));
        TRY(take_bytes(c, (size_t)len, &unused, err));
    }
    if (c->at != c->in.len)
        FAIL(err, CORRUPT, "%zu bytes too many at byte %zu", c->in.len - c->at, c->at);
    return SLP_OK;
}

/*
 * Key `i` of a list. The bytes come from the arena, or from `in` where nothing is shared and the
 * input lives as long.
 */
static slp_rc take_key(struct cursor *c, size_t i, const struct index_key *before, struct arena *a,
                       struct index_key *out, struct slp_err *err)
{
    size_t start = c->at;
    uint64_t head = 0;
    uint64_t rest_len = 0;
    struct slice rest = {0};
    size_t most = i % INDEX_RESTART ? before->bytes.len : 0;
    TRY(take(c, (uint64_t)most * 2 + 1, &head, err));
    size_t shared = (size_t)(head >> 1);
    TRY(take(c, KEY_MAX_BYTES - shared, &rest_len, err));
    TRY(take_bytes(c, (size_t)rest_len, &rest, err));
    void *room = NULL;
    TRY(arena_alloc(a, shared + rest.len, &room, err));
    uint8_t *key = room;
    if (shared)
        memcpy(key, before->bytes.ptr, shared);
    if (rest.len)
        memcpy(key + shared, rest.ptr, rest.len);
    *out = (struct index_key){.bytes = slice_of(key, shared + rest.len), .continues = head & 1};
    if (i > 0 && slice_compare(before->bytes, out->bytes) > 0)
        FAIL(err, CORRUPT, "the key at byte %zu is below the one before it", start);
    return SLP_OK;
}

static slp_rc take_type(struct cursor *c, struct index_column *out, struct slp_err *err)
{
    size_t start = c->at;
    uint8_t kind = 0;
    uint8_t flags = 0;
    uint8_t a = 0;
    uint8_t b = 0;
    int64_t width = 0;
    TRY(take_u8(c, &kind, err));
    TRY(take_u8(c, &flags, err));
    if (kind >= ARR_FLAT_KIND_COUNT)
        FAIL(err, UNSUPPORTED, "type %u at byte %zu is not known: use a newer version", kind,
             start);
    bool is_time = arr_type_has_zone((struct arr_type){.kind = kind});
    if (flags > (INDEX_NULLABLE | INDEX_UTC | INDEX_NESTED) || (flags & INDEX_UTC && !is_time))
        FAIL(err, CORRUPT, "flags %u of a column at byte %zu", flags, start + 1);
    if (is_time || kind == ARR_DECIMAL128)
        TRY(take_u8(c, &a, err));
    if (kind == ARR_DECIMAL128)
        TRY(take_u8(c, &b, err));
    if (kind == ARR_FIXED_BINARY)
        TRY(take_i64(c, 1, ARR_FIXED_MAX_BYTES, &width, err));
    if ((is_time && a > ARR_NANO) || (kind == ARR_DECIMAL128 && (a < 1 || a > 38 || b > a)))
        FAIL(err, CORRUPT, "a type that cannot be at byte %zu", start);
    out->nullable = flags & INDEX_NULLABLE;
    out->is_nested = flags & INDEX_NESTED;
    out->type = (struct arr_type){.kind = kind, .utc = flags & INDEX_UTC, .width = (int32_t)width};
    if (is_time)
        out->type.unit = (enum arr_unit)a;
    if (kind == ARR_DECIMAL128) {
        out->type.precision = a;
        out->type.scale = b;
    }
    if (!out->is_nested)
        return SLP_OK;
    TRY(take_u8(c, &out->definition_max, err));
    return take_u8(c, &out->repetition_max, err);
}

static slp_rc take_columns(struct cursor *c, struct arena *a, struct index_top *top,
                           struct slp_err *err)
{
    void *room = NULL;
    TRY(take_count(c, 3, ARR_COLUMNS_MAX, &top->column_count, err));
    TRY(arena_array(a, top->column_count, sizeof(struct index_column), &room, err));
    struct index_column *columns = room;
    for (size_t i = 0; i < top->column_count; i++) {
        int64_t id = 0;
        TRY(take_i64(c, 0, INT32_MAX, &id, err));
        columns[i].field_id = (int32_t)id;
        TRY(take_type(c, &columns[i], err));
    }
    top->columns = columns;
    return SLP_OK;
}

static slp_rc take_slices(struct cursor *c, uint64_t offset, uint64_t first_offset, struct arena *a,
                          struct index_top *top, struct slp_err *err)
{
    uint64_t count = ((uint64_t)top->block_count - 1) / DATAFILE_SLICE_BLOCKS + 1;
    if (count > (c->in.len - c->at) / 4)
        FAIL(err, CORRUPT, "%" PRIu64 " slices do not fit the %zu bytes left", count,
             c->in.len - c->at);
    void *room = NULL;
    TRY(arena_array(a, (size_t)count, sizeof(struct index_slice_place), &room, err));
    top->slices = room;
    top->slice_count = (size_t)count;
    uint64_t at = first_offset;
    int64_t row = 0;
    for (size_t i = 0; i < top->slice_count; i++) {
        struct index_slice_place *p = &top->slices[i];
        p->first_row = row;
        p->offset = at;
        TRY(take_i64(c, 1, top->rows - row, &p->rows, err));
        TRY(take_u32(c, UINT32_MAX, &p->bytes, err));
        TRY(take_key(c, i, i ? &top->slices[i - 1].key : NULL, a, &p->key, err));
        row += p->rows;
        if (p->bytes > offset - at)
            FAIL(err, CORRUPT, "slice %zu of %" PRIu32 " bytes ends behind the top", i, p->bytes);
        at += p->bytes;
    }
    if (row != top->rows || at != offset)
        FAIL(err, CORRUPT,
             "slices hold %" PRId64 " rows and end at offset %" PRIu64 ", expected %" PRId64
             " and %" PRIu64,
             row, at, top->rows, offset);
    return SLP_OK;
}

static slp_rc take_top(struct cursor *c, uint64_t offset, uint64_t first_offset, struct arena *a,
                       struct index_top *top, struct slp_err *err)
{
    uint64_t len = 0;
    struct slice last = {0};
    TRY(take_u32(c, UINT32_MAX, &top->key_version, err));
    if (top->key_version != KEY_VERSION)
        FAIL(err, UNSUPPORTED, "keys of version %" PRIu32 ", this program reads version %u",
             top->key_version, KEY_VERSION);
    TRY(take_i64(c, 1, INDEX_ROWS_MAX, &top->rows, err));
    TRY(take_i64(c, (top->rows - 1) / DATAFILE_BLOCK_ROWS_MAX + 1, top->rows, &top->block_count,
                 err));
    TRY(take_i64(c, 1, top->block_count, &top->group_count, err));
    TRY(take_columns(c, a, top, err));
    TRY(take_slices(c, offset, first_offset, a, top, err));
    TRY(take(c, KEY_MAX_BYTES, &len, err));
    TRY(take_bytes(c, (size_t)len, &last, err));
    if (slice_compare(last, top->slices[top->slice_count - 1].key.bytes) < 0)
        FAIL(err, CORRUPT, "the last key is below the last slice's first");
    TRY(arena_copy(a, last, &top->last_key, err));
    return take_fields(c, err);
}

slp_rc datafile_top_decode(struct slice bytes, uint64_t offset, uint64_t first_offset,
                           struct arena *a, struct index_top *out, struct slp_err *err)
{
    assert(first_offset <= offset);
    struct cursor c = {0};
    struct index_top top = {0};
    slp_rc rc = open_cursor(&c, bytes, "SLKT", err);
    if (rc == SLP_OK)
        rc = take_top(&c, offset, first_offset, a, &top, err);
    if (rc == SLP_OK)
        *out = top;
    return err_wrap(err, rc, "top of the key index at offset %" PRIu64, offset);
}

/* Room for a slice of so many blocks; each was seen to have a byte a column. */
static slp_rc make_room(struct index_slice *s, size_t columns, struct arena *a, struct slp_err *err)
{
    void *p = NULL;
    TRY(arena_array(a, s->block_count, sizeof *s->keys, &p, err));
    s->keys = p;
    TRY(arena_array(a, s->block_count + 1, sizeof *s->first_rows, &p, err));
    s->first_rows = p;
    TRY(arena_array(a, s->block_count * columns, sizeof *s->offsets, &p, err));
    s->offsets = p;
    TRY(arena_array(a, s->block_count * columns, sizeof *s->bytes, &p, err));
    s->bytes = p;
    return SLP_OK;
}

static slp_rc take_blocks(struct cursor *c, const struct index_top *top, size_t number,
                          struct arena *a, struct index_slice *s, struct slp_err *err)
{
    const struct index_slice_place *place = &top->slices[number];
    for (size_t b = 0; b < s->block_count; b++)
        TRY(take_key(c, b, b ? &s->keys[b - 1] : NULL, a, &s->keys[b], err));
    bool is_last = number + 1 == top->slice_count;
    struct slice end = is_last ? top->last_key : place[1].key.bytes;
    if (!slice_equal(s->keys[0].bytes, place->key.bytes) ||
        s->keys[0].continues != place->key.continues ||
        slice_compare(s->keys[s->block_count - 1].bytes, end) > 0)
        FAIL(err, CORRUPT, "its keys are not those the top says");
    s->first_rows[0] = place->first_row;
    for (size_t b = 0; b < s->block_count; b++) {
        int64_t rows = 0;
        TRY(take_i64(c, 1, DATAFILE_BLOCK_ROWS_MAX, &rows, err));
        s->first_rows[b + 1] = s->first_rows[b] + rows;
    }
    if (s->first_rows[s->block_count] - place->first_row != place->rows)
        FAIL(err, CORRUPT, "its blocks hold %" PRId64 " rows, the top says %" PRId64,
             s->first_rows[s->block_count] - place->first_row, place->rows);
    return SLP_OK;
}

/* Pages and dictionaries lie before the key index. */
static slp_rc check_place(uint64_t offset, uint64_t bytes, uint64_t end, size_t at,
                          struct slp_err *err)
{
    if (offset < INDEX_FIRST_PAGE || !num_range_fits(offset, bytes, end))
        FAIL(err, CORRUPT,
             "pages at offset %" PRIu64 " of %" PRIu64 " bytes (byte %zu) do not lie between the "
             "magic and offset %" PRIu64,
             offset, bytes, at, end);
    return SLP_OK;
}

static slp_rc take_chunk(struct cursor *c, const struct index_top *top, struct index_slice *s,
                         size_t part, size_t column, struct slp_err *err)
{
    uint64_t end = top->slices[0].offset;
    uint64_t at = 0;
    uint32_t codec = 0;
    size_t start = c->at;
    struct index_chunk *chunk = &s->chunks[part * top->column_count + column];
    size_t first = s->parts[part].first_block;
    TRY(take_u32(c, INT32_MAX, &codec, err));
    chunk->codec = (int)codec;
    TRY(take_u32(c, UINT32_MAX, &chunk->dictionary_bytes, err));
    if (chunk->dictionary_bytes) {
        TRY(take(c, UINT64_MAX, &chunk->dictionary_offset, err));
        TRY(check_place(chunk->dictionary_offset, chunk->dictionary_bytes, end, start, err));
    }
    TRY(take(c, UINT64_MAX, &at, err));
    for (size_t b = first; b < first + s->parts[part].block_count; b++) {
        size_t cell = b * top->column_count + column;
        TRY(take_u32(c, UINT32_MAX, &s->bytes[cell], err));
        TRY(check_place(at, s->bytes[cell], end, start, err));
        s->offsets[cell] = at;
        at += s->bytes[cell];
    }
    return SLP_OK;
}

static slp_rc take_parts(struct cursor *c, const struct index_top *top, struct arena *a,
                         struct index_slice *s, struct slp_err *err)
{
    size_t columns = top->column_count;
    void *p = NULL;
    TRY(take_i64(c, 0, top->group_count - 1, &s->first_group, err));
    TRY(take_count(c, 1, s->block_count, &s->part_count, err));
    if (s->part_count == 0 || (int64_t)s->part_count > top->group_count - s->first_group)
        FAIL(err, CORRUPT, "%zu parts from row group %" PRId64 ", the file has %" PRId64 " groups",
             s->part_count, s->first_group, top->group_count);
    if (columns && s->part_count > (c->in.len - c->at) / columns)
        FAIL(err, CORRUPT, "%zu parts of %zu columns do not fit the %zu bytes left", s->part_count,
             columns, c->in.len - c->at);
    TRY(arena_array(a, s->part_count, sizeof *s->parts, &p, err));
    s->parts = p;
    TRY(arena_array(a, s->part_count * columns, sizeof *s->chunks, &p, err));
    s->chunks = p;
    size_t block = 0;
    for (size_t i = 0; i < s->part_count; i++) {
        int64_t blocks = 0;
        TRY(take_i64(c, 1, (int64_t)(s->block_count - block), &blocks, err));
        s->parts[i] = (struct index_part){.first_block = block, .block_count = (size_t)blocks};
        block += (size_t)blocks;
        for (size_t k = 0; k < columns; k++)
            TRY(take_chunk(c, top, s, i, k, err));
    }
    if (block != s->block_count)
        FAIL(err, CORRUPT, "its parts have %zu blocks, expected %zu", block, s->block_count);
    return SLP_OK;
}

static slp_rc take_slice(struct cursor *c, const struct index_top *top, size_t number,
                         struct arena *a, struct index_slice *s, struct slp_err *err)
{
    int64_t first = (int64_t)number * DATAFILE_SLICE_BLOCKS;
    int64_t blocks = num_min_i64(top->block_count - first, DATAFILE_SLICE_BLOCKS);
    TRY(take_i64(c, first, first, &s->first_block, err));
    TRY(take_count(c, 3 + top->column_count, (uint64_t)blocks, &s->block_count, err));
    if ((int64_t)s->block_count != blocks)
        FAIL(err, CORRUPT, "%zu blocks, expected %" PRId64, s->block_count, blocks);
    TRY(make_room(s, top->column_count, a, err));
    TRY(take_blocks(c, top, number, a, s, err));
    TRY(take_parts(c, top, a, s, err));
    return take_fields(c, err);
}

slp_rc datafile_slice_decode(struct slice bytes, const struct index_top *top, size_t number,
                             struct arena *a, struct index_slice *out, struct slp_err *err)
{
    assert(number < top->slice_count);
    struct cursor c = {0};
    struct index_slice s = {0};
    slp_rc rc = open_cursor(&c, bytes, "SLKS", err);
    if (rc == SLP_OK)
        rc = take_slice(&c, top, number, a, &s, err);
    if (rc == SLP_OK)
        *out = s;
    return err_wrap(err, rc, "slice %zu of the key index at offset %" PRIu64, number,
                    top->slices[number].offset);
}
