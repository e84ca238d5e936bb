#include "datafile/copy.h"

#include <inttypes.h>

#include "base/num.h"
#include "datafile/file_priv.h"
#include "datafile/group_priv.h"
#include "parquet/carry.h"

#define ARENA_MAX_BYTES ((size_t)1 << 30)

struct datafile_copier {
    struct datafile *f;
    struct buf footer;
    struct arena arena;
    struct pq_meta meta;
};

bool datafile_may_copy(const struct datafile *f)
{
    const struct arr_schema *s = &f->schema->columns;
    if (f->top.column_count != s->count)
        return false;
    for (size_t i = 0; i < s->count; i++) {
        if (f->file_columns[i] != i || f->top.columns[i].is_nested ||
            f->top.columns[i].nullable != s->fields[i].nullable)
            return false;
    }
    return true;
}

struct slice datafile_last_key(const struct datafile *f)
{
    return f->top.last_key;
}

uint32_t datafile_footer_bytes(const struct datafile *f)
{
    return f->info.footer_bytes;
}

static size_t part_of(const struct index_slice *s, size_t inside)
{
    size_t part = 0;
    while (inside >= s->parts[part].first_block + s->parts[part].block_count)
        part++;
    return part;
}

slp_rc datafile_block_info(struct datafile *f, int64_t block, enum cx_kind codec,
                           struct datafile_block_info *out, struct slp_err *err)
{
    const struct index_slice *s = NULL;
    slp_rc rc = datafile_load_slice(f, block, 0, &s, err);
    if (rc != SLP_OK)
        return err_wrap(err, rc, "data file \"%s\"", f->src->name);
    size_t inside = (size_t)(block - s->first_block);
    size_t part = part_of(s, inside);
    size_t columns = f->top.column_count;
    *out = (struct datafile_block_info){
        .key = s->keys[inside].bytes,
        .continues = s->keys[inside].continues,
        .first_row = s->first_rows[inside],
        .rows = s->first_rows[inside + 1] - s->first_rows[inside],
        .group = s->first_group + (int64_t)part,
        .has_codec = true,
    };
    for (size_t c = 0; c < columns; c++) {
        int has = s->chunks[part * columns + c].codec;
        out->bytes += s->bytes[inside * columns + c];
        out->has_codec = out->has_codec && (has == (int)codec || has == CX_NONE);
    }
    return SLP_OK;
}

static slp_rc check_footer(const struct datafile *f, const struct pq_meta *meta,
                           struct slp_err *err)
{
    if (meta->rows != f->info.rows || (int64_t)meta->group_count != f->top.group_count ||
        meta->column_count != f->top.column_count)
        FAIL(err, CORRUPT,
             "the footer says %" PRId64 " rows in %zu groups of %zu columns, the key index %" PRId64
             " in %" PRId64 " of %zu",
             meta->rows, meta->group_count, meta->column_count, f->info.rows, f->top.group_count,
             f->top.column_count);
    return SLP_OK;
}

slp_rc datafile_copier_new(struct datafile *f, struct datafile_copier **out, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct datafile_copier *c = NULL;
    assert(datafile_may_copy(f));
    TRY(alloc_new(f->mem, &c, err));
    c->f = f;
    buf_init(&c->footer, f->mem, PQ_FOOTER_MAX_BYTES);
    arena_init(&c->arena, f->mem, ARENA_MAX_BYTES);
    TRY_OUT(source_read_buf(f->src, f->info.footer_offset, f->info.footer_bytes, &c->footer, err));
    TRY_OUT(pq_meta_parse(buf_slice(&c->footer), f->src->size, &c->arena, &c->meta, err));
    TRY_OUT(check_footer(f, &c->meta, err));
    *out = c;
out:
    if (rc != SLP_OK)
        datafile_copier_free(c);
    return err_wrap(err, rc, "data file \"%s\"", f->src->name);
}

void datafile_copier_free(struct datafile_copier *c)
{
    if (!c)
        return;
    struct alloc *mem = c->f->mem;
    buf_fini(&c->footer);
    arena_fini(&c->arena);
    alloc_delete(mem, c);
}

/* The last key before block `end`. */
static slp_rc read_last_key(struct datafile *f, int64_t end, struct buf *out, struct slp_err *err)
{
    struct datafile_block_info last = {0};
    struct datafile_block_info next = {0};
    struct run *run = NULL;
    struct run_block got = {0};
    slp_rc rc = SLP_OK;
    if (end == f->top.block_count)
        return buf_assign(out, f->top.last_key, err);
    TRY(datafile_block_info(f, end, CX_NONE, &next, err));
    if (next.continues)
        return buf_assign(out, next.key, err);
    TRY(datafile_block_info(f, end - 1, CX_NONE, &last, err));
    struct datafile_read_options o = {.range = {.lo = last.key, .hi = next.key, .has_hi = true},
                                      .columns = f->spec->columns,
                                      .column_count = 1};
    TRY(datafile_read(f, &o, &run, NULL, err));
    while ((rc = run_next(run, &got, err)) == SLP_OK)
        TRY_OUT(buf_assign(out, key_at(got.keys, got.keys->count - 1), err));
    if (rc == SLP_DONE)
        rc = out->len
                 ? SLP_OK
                 : err_set(err, SLP_CORRUPT, "block %" PRId64 " has no key of its own", end - 1);
out:
    run_close(run);
    return rc;
}

/*
 * What the new file's key index is told: the first key of each block, and the last one, of which
 * only the very last must be known; of the others, whether the next block continues it.
 */
static slp_rc take_keys(struct datafile_group *g, struct datafile *f,
                        const struct datafile_blocks *blocks, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct buf last_key;
    struct slice before = {0};
    struct datafile_block_info b = {0};
    buf_init(&last_key, f->mem, KEY_MAX_BYTES);
    key_vec_clear(&g->ends);
    for (int64_t i = blocks->first; i < blocks->end; i++) {
        TRY_OUT(datafile_block_info(f, i, CX_NONE, &b, err));
        if (i > blocks->first)
            TRY_OUT(key_vec_append(&g->ends, b.continues ? b.key : before, err));
        TRY_OUT(key_vec_append(&g->ends, b.key, err));
        before = b.key;
    }
    TRY_OUT(read_last_key(f, blocks->end, &last_key, err));
    TRY_OUT(key_vec_append(&g->ends, buf_slice(&last_key), err));
out:
    buf_fini(&last_key);
    return rc;
}

/* Have all blocks but the last as many rows as the first, and the last no more? */
static slp_rc size_blocks(struct datafile *f, const struct datafile_blocks *blocks,
                          int64_t *block_rows, bool *is_even, struct slp_err *err)
{
    struct datafile_block_info b = {0};
    *is_even = true;
    for (int64_t i = blocks->first; i < blocks->end; i++) {
        TRY(datafile_block_info(f, i, CX_NONE, &b, err));
        *block_rows = i == blocks->first ? b.rows : *block_rows;
        bool is_last = i + 1 == blocks->end;
        *is_even = *is_even && (is_last ? b.rows <= *block_rows : b.rows == *block_rows);
    }
    return SLP_OK;
}

/* Footer and key index tell the same pages: as many bytes a block in every column. */
static slp_rc check_places(const struct datafile_group *g, struct datafile *f,
                           const struct datafile_blocks *blocks, int64_t block_rows,
                           struct slp_err *err)
{
    for (size_t c = 0; c < f->top.column_count; c++) {
        struct pq_chunk_place place;
        size_t page = 0;
        pq_group_place(g->pages, c, &place);
        for (int64_t i = blocks->first; i < blocks->end; i++) {
            const struct index_slice *s = NULL;
            uint64_t bytes = 0;
            int64_t end_row = (i - blocks->first + 1) * block_rows;
            TRY(datafile_load_slice(f, i, 0, &s, err));
            for (; page < place.page_count && place.pages[page].first_row < end_row; page++)
                bytes += place.pages[page].bytes;
            if (bytes != s->bytes[(size_t)(i - s->first_block) * f->top.column_count + c])
                FAIL(err, CORRUPT,
                     "block %" PRId64 ", column %zu: the page index tells %" PRIu64
                     " bytes, the key index others",
                     i, c, bytes);
        }
    }
    return SLP_OK;
}

/* Where the blocks lie in their row group, as the footer tells it. */
static slp_rc locate(const struct datafile_copier *c, const struct datafile_blocks *blocks,
                     struct pq_carry *what, struct slp_err *err)
{
    struct datafile_block_info first = {0};
    struct datafile_block_info last = {0};
    int64_t group_row = 0;
    TRY(datafile_block_info(c->f, blocks->first, CX_NONE, &first, err));
    TRY(datafile_block_info(c->f, blocks->end - 1, CX_NONE, &last, err));
    assert(first.group == last.group);
    for (int64_t g = 0; g < first.group; g++)
        group_row += c->meta.groups[g].rows;
    *what = (struct pq_carry){.meta = &c->meta,
                              .src = c->f->src,
                              .group = (size_t)first.group,
                              .first = first.first_row - group_row,
                              .count = last.first_row + last.rows - first.first_row};
    if (what->first < 0 || what->first + what->count > c->meta.groups[first.group].rows)
        FAIL(err, CORRUPT, "block %" PRId64 " begins at row %" PRId64 ", its row group at %" PRId64,
             blocks->first, first.first_row, group_row);
    return SLP_OK;
}

static slp_rc copy(struct datafile_group *g, struct datafile_copier *c,
                   const struct datafile_blocks *blocks, bool *done, struct slp_err *err)
{
    struct pq_carry what;
    int64_t block_rows = 0;
    TRY(size_blocks(c->f, blocks, &block_rows, done, err));
    if (!*done)
        return SLP_OK;
    if (!g->pages)
        TRY(pq_group_new(g->mem, &g->schema->columns, &g->options, &g->pages, err));
    TRY(locate(c, blocks, &what, err));
    TRY(pq_group_carry(g->pages, &what, done, err));
    if (!*done)
        return SLP_OK;
    TRY(check_places(g, c->f, blocks, block_rows, err));
    TRY(take_keys(g, c->f, blocks, err));
    g->block_rows = block_rows;
    g->rows = what.count;
    return SLP_OK;
}

slp_rc datafile_group_copy(struct datafile_group *g, struct datafile_copier *c,
                           const struct datafile_blocks *blocks, bool *done, struct slp_err *err)
{
    bool is_copied = false;
    assert(blocks->first < blocks->end && g->schema == c->f->schema);
    g->rows = 0;
    slp_rc rc = copy(g, c, blocks, &is_copied, err);
    if (rc != SLP_OK)
        return err_wrap(err, rc, "data file \"%s\"", c->f->src->name);
    *done = is_copied;
    return SLP_OK;
}
