#include <inttypes.h>

#include "base/json.h"
#include "datafile/file_priv.h"

#define ARENA_MAX_BYTES ((size_t)1 << 30)

/* Where the footer says that the top stands. */
struct top_place {
    uint64_t offset;
    uint64_t bytes;
    uint64_t first_offset; /* of slice 0: where the last row group ends */
};

struct printing {
    struct source *src;
    struct arena arena;
    struct alloc *mem;
    struct buf *out;
};

static slp_rc print_hex(struct buf *out, struct slice key, struct slp_err *err)
{
    for (size_t i = 0; i < key.len; i++)
        TRY(buf_printf(out, err, "%02x", key.ptr[i]));
    return SLP_OK;
}

static slp_rc print_slice(struct printing *p, const struct index_top *top, size_t number,
                          struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct buf bytes;
    struct index_slice slice = {0};
    const struct index_slice_place *place = &top->slices[number];
    buf_init(&bytes, p->mem, ARENA_MAX_BYTES);
    TRY_OUT(source_read_buf(p->src, place->offset, place->bytes, &bytes, err));
    TRY_OUT(datafile_slice_decode(buf_slice(&bytes), top, number, &p->arena, &slice, err));
    TRY_OUT(buf_printf(p->out, err, "slice %zu  at %" PRIu64 "  %" PRIu32 " bytes  %zu blocks\n",
                       number, place->offset, place->bytes, slice.block_count));
    for (size_t b = 0; b < slice.block_count; b++) {
        TRY_OUT(buf_printf(p->out, err, "  block %" PRId64 "  row %" PRId64 "  key ",
                           slice.first_block + (int64_t)b, slice.first_rows[b]));
        TRY_OUT(print_hex(p->out, slice.keys[b].bytes, err));
        TRY_OUT(buf_append_u8(p->out, '\n', err));
    }
out:
    buf_fini(&bytes);
    return rc;
}

static slp_rc print_index(struct printing *p, const struct top_place *place, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct buf bytes;
    struct index_top top = {0};
    buf_init(&bytes, p->mem, INDEX_TOP_MAX_BYTES);
    if (place->bytes > INDEX_TOP_MAX_BYTES)
        FAIL_OUT(err, CORRUPT, "its key index has a top of %" PRIu64 " bytes", place->bytes);
    TRY_OUT(source_read_buf(p->src, place->offset, (size_t)place->bytes, &bytes, err));
    TRY_OUT(datafile_top_decode(buf_slice(&bytes), place->offset, place->first_offset, &p->arena,
                                &top, err));
    TRY_OUT(buf_printf(p->out, err,
                       "key index  top at %" PRIu64 ", %" PRIu64 " bytes  %" PRId64
                       " blocks  %zu slices  keys of version %" PRIu32 "\n",
                       place->offset, place->bytes, top.block_count, top.slice_count,
                       top.key_version));
    for (size_t i = 0; i < top.slice_count; i++)
        TRY_OUT(print_slice(p, &top, i, err));
out:
    buf_fini(&bytes);
    return err_wrap(err, rc, "key index");
}

static uint64_t end_of_groups(const struct pq_meta *m)
{
    uint64_t end = INDEX_FIRST_PAGE;
    for (size_t g = 0; g < m->group_count; g++) {
        for (size_t c = 0; c < m->column_count; c++) {
            const struct pq_chunk *chunk = &m->groups[g].chunks[c];
            uint64_t start = chunk->dictionary_page_offset ? chunk->dictionary_page_offset
                                                           : chunk->data_page_offset;
            if (start + chunk->compressed_bytes > end)
                end = start + chunk->compressed_bytes;
        }
    }
    return end;
}

static slp_rc find_top(const struct pq_meta *m, struct arena *a, struct top_place *out, bool *found,
                       struct slp_err *err)
{
    struct json place;
    const struct json *offset = NULL;
    const struct json *bytes = NULL;
    *found = false;
    for (size_t i = 0; i < m->key_value_count && !*found; i++) {
        if (!slice_is(m->key_values[i].key, "sleeper.key_index"))
            continue;
        TRY(json_parse(m->key_values[i].value, a, &place, err));
        TRY(json_expect(&place, JSON_IS_OBJECT, "sleeper.key_index", err));
        TRY(json_need(&place, "offset", JSON_IS_INTEGER, &offset, err));
        TRY(json_need(&place, "bytes", JSON_IS_INTEGER, &bytes, err));
        if (offset->integer < (int64_t)INDEX_FIRST_PAGE || bytes->integer < 0)
            FAIL(err, CORRUPT, "the footer names no place for the key index");
        *out = (struct top_place){.offset = (uint64_t)offset->integer,
                                  .bytes = (uint64_t)bytes->integer,
                                  .first_offset = end_of_groups(m)};
        if (out->first_offset > out->offset)
            FAIL(err, CORRUPT,
                 "the footer puts the key index at offset %" PRIu64 ", inside row groups",
                 out->offset);
        *found = true;
    }
    return SLP_OK;
}

slp_rc datafile_index_print(struct source *src, const struct pq_meta *meta, struct alloc *mem,
                            struct buf *out, struct slp_err *err)
{
    struct printing p = {.src = src, .mem = mem, .out = out};
    struct top_place place = {0};
    bool found = false;
    arena_init(&p.arena, mem, ARENA_MAX_BYTES);
    slp_rc rc = find_top(meta, &p.arena, &place, &found, err);
    if (rc == SLP_OK && found)
        rc = print_index(&p, &place, err);
    arena_fini(&p.arena);
    return rc;
}
