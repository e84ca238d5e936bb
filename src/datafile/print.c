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

struct showing {
    struct source *src;
    struct arena arena;
    struct alloc *mem;
    struct show *s;
};

static slp_rc show_slice(struct showing *p, const struct index_top *top, size_t number,
                         struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct buf bytes;
    struct index_slice slice = {0};
    const struct index_slice_place *place = &top->slices[number];
    buf_init(&bytes, p->mem, ARENA_MAX_BYTES);
    TRY_OUT(source_read_buf(p->src, place->offset, place->bytes, &bytes, err));
    TRY_OUT(datafile_slice_decode(buf_slice(&bytes), top, number, &p->arena, &slice, err));
    show_open(p->s, NULL, SHOW_OBJECT, true);
    show_uint(p->s, "offset", place->offset);
    show_uint(p->s, "bytes", place->bytes);
    show_open(p->s, "blocks", SHOW_LIST, true);
    for (size_t b = 0; b < slice.block_count; b++) {
        show_open(p->s, NULL, SHOW_OBJECT, true);
        show_int(p->s, "block", slice.first_block + (int64_t)b);
        show_int(p->s, "first_row", slice.first_rows[b]);
        show_hex(p->s, "key", slice.keys[b].bytes);
        show_close(p->s);
    }
    show_close(p->s);
    show_close(p->s);
out:
    buf_fini(&bytes);
    return rc;
}

static slp_rc show_index(struct showing *p, const struct top_place *place, struct slp_err *err)
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
    show_open(p->s, "key_index", SHOW_OBJECT, true);
    show_uint(p->s, "offset", place->offset);
    show_uint(p->s, "bytes", place->bytes);
    show_uint(p->s, "key_version", top.key_version);
    show_int(p->s, "rows", top.rows);
    show_int(p->s, "blocks", top.block_count);
    show_hex(p->s, "last_key", top.last_key);
    show_open(p->s, "slices", SHOW_LIST, true);
    for (size_t i = 0; rc == SLP_OK && i < top.slice_count; i++)
        rc = show_slice(p, &top, i, err);
    show_close(p->s);
    show_close(p->s);
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

slp_rc datafile_index_show(struct source *src, const struct pq_meta *meta, struct alloc *mem,
                           struct show *s, struct slp_err *err)
{
    struct showing p = {.src = src, .mem = mem, .s = s};
    struct top_place place = {0};
    bool found = false;
    arena_init(&p.arena, mem, ARENA_MAX_BYTES);
    slp_rc rc = find_top(meta, &p.arena, &place, &found, err);
    if (rc == SLP_OK && found)
        rc = show_index(&p, &place, err);
    arena_fini(&p.arena);
    return rc;
}
