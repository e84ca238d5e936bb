#include "datafile/index_build.h"

#include "base/num.h"
#include "datafile/datafile.h"

#define BUILD_MAX_BYTES (SIZE_MAX / 4)

void datafile_index_init(struct index_builder *b, struct alloc *mem, size_t column_count)
{
    *b = (struct index_builder){.mem = mem, .column_count = column_count};
    key_vec_init(&b->keys, mem, BUILD_MAX_BYTES);
    buf_init(&b->continues, mem, BUILD_MAX_BYTES);
    buf_init(&b->first_rows, mem, BUILD_MAX_BYTES);
    buf_init(&b->last_key, mem, KEY_MAX_BYTES);
    buf_init(&b->groups, mem, BUILD_MAX_BYTES);
    buf_init(&b->chunks, mem, BUILD_MAX_BYTES);
    buf_init(&b->offsets, mem, BUILD_MAX_BYTES);
    buf_init(&b->bytes, mem, BUILD_MAX_BYTES);
}

void datafile_index_fini(struct index_builder *b)
{
    key_vec_fini(&b->keys);
    buf_fini(&b->continues);
    buf_fini(&b->first_rows);
    buf_fini(&b->last_key);
    buf_fini(&b->groups);
    buf_fini(&b->chunks);
    buf_fini(&b->offsets);
    buf_fini(&b->bytes);
}

static int64_t rows_so_far(const struct index_builder *b)
{
    const int64_t *rows = (const int64_t *)(const void *)b->first_rows.ptr;
    size_t count = b->first_rows.len / sizeof *rows;
    return count ? rows[count - 1] : 0;
}

slp_rc datafile_index_rows(struct index_builder *b, const struct key_vec *ends, int64_t rows,
                           int64_t block_rows, struct slp_err *err)
{
    int64_t blocks = ends->count / 2;
    assert(rows > 0 && block_rows > 0 && blocks == (rows - 1) / block_rows + 1);
    struct index_group group = {.first_block = b->keys.count, .block_count = blocks};
    int64_t base = rows_so_far(b);
    bool has_rows = b->first_rows.len > 0;
    if (!has_rows)
        TRY(buf_append_u64le(&b->first_rows, 0, err));
    for (int64_t i = 0; i < blocks; i++) {
        struct slice key = key_at(ends, 2 * i);
        struct slice before = i ? key_at(ends, 2 * i - 1) : buf_slice(&b->last_key);
        bool continues = (i || has_rows) && slice_equal(before, key);
        int64_t end = base + num_min_i64((i + 1) * block_rows, rows);
        TRY(key_vec_append(&b->keys, key, err));
        TRY(buf_append_u8(&b->continues, continues, err));
        TRY(buf_append_u64le(&b->first_rows, (uint64_t)end, err));
    }
    TRY(buf_append(&b->groups, &group, sizeof group, err));
    return buf_assign(&b->last_key, key_at(ends, ends->count - 1), err);
}

/* Where the pages of one column stand, block by block; a block's pages are contiguous. */
static void place_column(struct index_builder *b, const struct pq_chunk_place *chunk, size_t column,
                         int64_t block_rows, uint64_t offset)
{
    uint64_t *offsets = (uint64_t *)(void *)b->offsets.ptr;
    uint32_t *bytes = (uint32_t *)(void *)b->bytes.ptr;
    for (size_t p = 0; p < chunk->page_count; p++) {
        const struct pq_page_place *page = &chunk->pages[p];
        int64_t block = b->placed_blocks + page->first_row / block_rows;
        size_t cell = (size_t)block * b->column_count + column;
        assert(cell < b->bytes.len / sizeof *bytes);
        if (bytes[cell] == 0)
            offsets[cell] = offset + page->offset;
        SLP_INVARIANT(offset + page->offset == offsets[cell] + bytes[cell]);
        bytes[cell] += page->bytes;
    }
}

slp_rc datafile_index_group(struct index_builder *b, const struct pq_group *group,
                            int64_t block_rows, uint64_t offset, struct slp_err *err)
{
    int64_t blocks = (pq_group_rows(group) - 1) / block_rows + 1;
    size_t cells = (size_t)(b->placed_blocks + blocks) * b->column_count;
    assert(b->placed_blocks + blocks <= b->keys.count);
    TRY(buf_resize(&b->offsets, cells * sizeof(uint64_t), err));
    TRY(buf_resize(&b->bytes, cells * sizeof(uint32_t), err));
    for (size_t c = 0; c < b->column_count; c++) {
        struct pq_chunk_place chunk;
        pq_group_place(group, c, &chunk);
        struct index_chunk entry = {
            .codec = chunk.codec,
            .dictionary_bytes = chunk.dictionary_bytes,
            .dictionary_offset = chunk.dictionary_bytes ? offset + chunk.dictionary_offset : 0};
        TRY(buf_append(&b->chunks, &entry, sizeof entry, err));
        place_column(b, &chunk, c, block_rows, offset);
    }
    b->placed_blocks += blocks;
    return SLP_OK;
}

/* What one slice is encoded from. Its parts and chunks are the builder's groups, cut. */
struct slice_room {
    struct index_key keys[DATAFILE_SLICE_BLOCKS];
    struct index_part parts[DATAFILE_SLICE_BLOCKS];
};

/* `*group` is the first group with blocks in the slice; moves on to that of the next slice. */
static void cut_parts(const struct index_builder *b, struct slice_room *room, size_t *group,
                      struct index_slice *s)
{
    const struct index_group *groups = (const struct index_group *)(const void *)b->groups.ptr;
    int64_t end = s->first_block + (int64_t)s->block_count;
    s->first_group = (int64_t)*group;
    s->chunks = (struct index_chunk *)(void *)b->chunks.ptr + *group * b->column_count;
    for (size_t block = 0; block < s->block_count;) {
        const struct index_group *g = &groups[*group];
        int64_t group_end = g->first_block + g->block_count;
        int64_t part_end = num_min_i64(group_end, end);
        struct index_part *part = &room->parts[s->part_count++];
        *part = (struct index_part){.first_block = block,
                                    .block_count = (size_t)(part_end - s->first_block) - block};
        block += part->block_count;
        if (group_end <= end)
            ++*group;
    }
}

/* Fill `s` with the blocks from `first` on, at most a slice of them. */
static void cut_slice(const struct index_builder *b, struct slice_room *room, int64_t first,
                      size_t *group, struct index_slice *s)
{
    size_t cell = (size_t)first * b->column_count;
    *s = (struct index_slice){.first_block = first,
                              .block_count =
                                  (size_t)num_min_i64(b->keys.count - first, DATAFILE_SLICE_BLOCKS),
                              .keys = room->keys,
                              .parts = room->parts,
                              .first_rows = (int64_t *)(void *)b->first_rows.ptr + first,
                              .offsets = (uint64_t *)(void *)b->offsets.ptr + cell,
                              .bytes = (uint32_t *)(void *)b->bytes.ptr + cell};
    for (size_t i = 0; i < s->block_count; i++)
        room->keys[i] = (struct index_key){.bytes = key_at(&b->keys, first + (int64_t)i),
                                           .continues = b->continues.ptr[first + (int64_t)i]};
    cut_parts(b, room, group, s);
}

static slp_rc encode_slices(const struct index_builder *b, struct slice_room *room,
                            struct index_slice_place *places, struct buf *out, struct slp_err *err)
{
    size_t group = 0;
    for (int64_t first = 0; first < b->keys.count; first += DATAFILE_SLICE_BLOCKS) {
        struct index_slice s;
        struct index_slice_place *place = &places[first / DATAFILE_SLICE_BLOCKS];
        size_t before = out->len;
        cut_slice(b, room, first, &group, &s);
        TRY(datafile_slice_encode(&s, b->column_count, out, err));
        if (out->len - before > UINT32_MAX)
            FAIL(err, LIMIT, "a slice of the key index has %zu bytes", out->len - before);
        *place = (struct index_slice_place){.key = s.keys[0],
                                            .rows = s.first_rows[s.block_count] - s.first_rows[0],
                                            .bytes = (uint32_t)(out->len - before)};
    }
    return SLP_OK;
}

slp_rc datafile_index_finish(struct index_builder *b, const struct index_column *columns,
                             struct buf *out, size_t *top_at, struct slp_err *err)
{
    assert(b->keys.count > 0 && b->placed_blocks == b->keys.count);
    slp_rc rc = SLP_OK;
    size_t slice_count = (size_t)((b->keys.count - 1) / DATAFILE_SLICE_BLOCKS + 1);
    struct slice_room *room = NULL;
    void *places = NULL;
    TRY_OUT(alloc_new(b->mem, &room, err));
    TRY_OUT(alloc_array(b->mem, slice_count, sizeof(struct index_slice_place), &places, err));
    TRY_OUT(encode_slices(b, room, places, out, err));
    struct index_top top = {.key_version = KEY_VERSION,
                            .rows = rows_so_far(b),
                            .block_count = b->keys.count,
                            .group_count = (int64_t)(b->groups.len / sizeof(struct index_group)),
                            .columns = columns,
                            .column_count = b->column_count,
                            .slices = places,
                            .slice_count = slice_count,
                            .last_key = buf_slice(&b->last_key)};
    *top_at = out->len;
    TRY_OUT(datafile_top_encode(&top, out, err));
    if (out->len - *top_at > INDEX_TOP_MAX_BYTES)
        FAIL_OUT(err, LIMIT, "the key index has a top of %zu bytes, at most %u are read",
                 out->len - *top_at, INDEX_TOP_MAX_BYTES);
out:
    if (room)
        alloc_delete(b->mem, room);
    alloc_free(b->mem, places, slice_count * sizeof(struct index_slice_place));
    return rc;
}
