#include <inttypes.h>
#include <stdio.h>

#include "base/hash.h"
#include "base/num.h"
#include "datafile/file_priv.h"

#define PIECE_BYTES     (1024u * 1024)
#define FOOTER_OVERHEAD 8u /* its length and the magic behind it */

/* All bytes against the checksum of the log entry. */
static slp_rc verify_bytes(struct datafile *f, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    uint32_t crc = 0;
    struct buf piece;
    buf_init(&piece, f->mem, PIECE_BYTES);
    for (uint64_t at = 0; at < f->src->size; at += piece.len) {
        uint64_t left = f->src->size - at;
        size_t len = left < PIECE_BYTES ? (size_t)left : PIECE_BYTES;
        TRY_OUT(source_read_buf(f->src, at, len, &piece, err));
        crc = hash_crc32c(crc, buf_slice(&piece));
    }
    if (crc != f->info.crc32c)
        FAIL_OUT(err, CORRUPT, "CRC32C of the file is %08" PRIx32 ", its log entry says %08" PRIx32,
                 crc, f->info.crc32c);
out:
    buf_fini(&piece);
    return rc;
}

/* The footer names the key index that the log entry named. */
static slp_rc verify_key_values(const struct datafile *f, const struct pq_meta *meta,
                                struct slp_err *err)
{
    char text[96];
    (void)snprintf(text, sizeof text,
                   "{\"version\":%u,\"offset\":%" PRIu64 ",\"bytes\":%" PRIu32 "}", INDEX_VERSION,
                   f->info.top_offset, f->info.top_bytes);
    for (size_t i = 0; i < meta->key_value_count; i++) {
        if (slice_is(meta->key_values[i].key, "sleeper.key_index") &&
            slice_is(meta->key_values[i].value, text))
            return SLP_OK;
    }
    FAIL(err, CORRUPT, "the footer does not say \"sleeper.key_index\": %s", text);
}

static slp_rc verify_schema(const struct datafile *f, const struct pq_meta *meta,
                            struct slp_err *err)
{
    if (meta->rows != f->info.rows || (int64_t)meta->group_count != f->top.group_count ||
        meta->column_count != f->top.column_count)
        FAIL(err, CORRUPT,
             "the footer says %" PRId64 " rows in %zu groups of %zu columns, the key index %" PRId64
             " in %" PRId64 " of %zu",
             meta->rows, meta->group_count, meta->column_count, f->info.rows, f->top.group_count,
             f->top.column_count);
    for (size_t i = 0; i < meta->schema.count; i++) {
        const struct pq_node *node = &meta->nodes[i];
        for (size_t k = node->first_leaf; k < node->first_leaf + node->leaf_count; k++) {
            const struct index_column *c = &f->top.columns[k];
            if (node->field->id != c->field_id || meta->columns[k].is_nested != c->is_nested)
                FAIL(err, CORRUPT,
                     "column %zu has field id %" PRId32 " in the footer, %" PRId32
                     " in the key index",
                     k, node->field->id, c->field_id);
        }
    }
    return SLP_OK;
}

/* One part of a slice against its row group; only the first part of a group begins with it. */
static slp_rc verify_part(const struct datafile *f, const struct index_slice *s, size_t part,
                          const struct pq_group_meta *group, bool is_start, struct slp_err *err)
{
    size_t columns = f->top.column_count;
    for (size_t c = 0; c < columns; c++) {
        const struct index_chunk *chunk = &s->chunks[part * columns + c];
        const struct pq_chunk *meta = &group->chunks[c];
        bool has_dictionary = meta->dictionary_page_offset != 0;
        if (chunk->codec != meta->codec || has_dictionary != (chunk->dictionary_bytes != 0) ||
            (has_dictionary && chunk->dictionary_offset != meta->dictionary_page_offset))
            FAIL(err, CORRUPT,
                 "row group %" PRId64 ", column %zu: codec or dictionary differ "
                 "between footer and key index",
                 s->first_group + (int64_t)part, c);
        uint64_t first = s->offsets[s->parts[part].first_block * columns + c];
        if (is_start && first != meta->data_page_offset)
            FAIL(err, CORRUPT,
                 "row group %" PRId64 ", column %zu begins at offset %" PRIu64
                 " in the footer, %" PRIu64 " in the key index",
                 s->first_group + (int64_t)part, c, meta->data_page_offset, first);
    }
    return SLP_OK;
}

/* Every group of the footer has its parts in the index, as many rows in both. */
static slp_rc verify_groups(struct datafile *f, const struct pq_meta *meta, struct slp_err *err)
{
    int64_t current = -1;
    int64_t rows = 0;
    for (size_t i = 0; i < f->top.slice_count; i++) {
        const struct index_slice *s = NULL;
        TRY(datafile_load_slice(f, (int64_t)i * DATAFILE_SLICE_BLOCKS, PIECE_BYTES, &s, err));
        for (size_t p = 0; p < s->part_count; p++) {
            int64_t group = s->first_group + (int64_t)p;
            bool is_start = group != current;
            bool is_whole = current < 0 || rows == meta->groups[current].rows;
            if ((is_start && (group != current + 1 || !is_whole)) ||
                group >= (int64_t)meta->group_count)
                FAIL(err, CORRUPT,
                     "slice %zu of the key index goes on with row group %" PRId64 " after %" PRId64
                     " rows of group %" PRId64,
                     i, group, rows, current);
            TRY(verify_part(f, s, p, &meta->groups[group], is_start, err));
            const struct index_part *part = &s->parts[p];
            rows = (is_start ? 0 : rows) + s->first_rows[part->first_block + part->block_count] -
                   s->first_rows[part->first_block];
            current = group;
        }
    }
    if (current + 1 != (int64_t)meta->group_count || rows != meta->groups[current].rows)
        FAIL(err, CORRUPT, "the key index ends with row group %" PRId64 " of %zu", current,
             meta->group_count);
    return SLP_OK;
}

static slp_rc verify_footer(struct datafile *f, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct buf bytes;
    struct arena a;
    struct pq_meta meta;
    buf_init(&bytes, f->mem, PQ_FOOTER_MAX_BYTES);
    arena_init(&a, f->mem, SIZE_MAX / 2);
    TRY_OUT(pq_footer_read(f->src, &bytes, err));
    if (bytes.len != f->info.footer_bytes ||
        f->info.footer_offset + bytes.len + FOOTER_OVERHEAD != f->info.file_bytes)
        FAIL_OUT(err, CORRUPT,
                 "the footer has %zu bytes, its log entry says %" PRIu32 " at offset %" PRIu64,
                 bytes.len, f->info.footer_bytes, f->info.footer_offset);
    TRY_OUT(pq_meta_parse(buf_slice(&bytes), f->src->size, &a, &meta, err));
    TRY_OUT(verify_schema(f, &meta, err));
    TRY_OUT(verify_key_values(f, &meta, err));
    TRY_OUT(verify_groups(f, &meta, err));
out:
    arena_fini(&a);
    buf_fini(&bytes);
    return rc;
}

/* One block as it was read: the reader has compared its first key with the index already. */
static slp_rc verify_block(struct datafile *f, int64_t block, const struct run_block *got,
                           const struct buf *last_key, struct slp_err *err)
{
    const struct index_slice *s = NULL;
    TRY(datafile_load_slice(f, block, PIECE_BYTES, &s, err));
    size_t inside = (size_t)(block - s->first_block);
    bool continues = block > 0 && slice_equal(key_at(got->keys, 0), buf_slice(last_key));
    if (got->batch->rows != s->first_rows[inside + 1] - s->first_rows[inside])
        FAIL(err, CORRUPT, "block %" PRId64 " has %" PRId64 " rows in the range of the file", block,
             got->batch->rows);
    if (continues != s->keys[inside].continues)
        FAIL(err, CORRUPT, "block %" PRId64 " is %smarked as one that continues a key", block,
             continues ? "not " : "");
    return SLP_OK;
}

static slp_rc verify_rows(struct datafile *f, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct run *run = NULL;
    struct run_block got;
    struct buf last_key;
    struct datafile_read_options all = {.prefetch_bytes = PIECE_BYTES};
    int64_t block = 0;
    buf_init(&last_key, f->mem, KEY_MAX_BYTES);
    TRY_OUT(datafile_read(f, &all, &run, NULL, err));
    while ((rc = run_next(run, &got, err)) == SLP_OK) {
        TRY_OUT(verify_block(f, block++, &got, &last_key, err));
        TRY_OUT(buf_assign(&last_key, key_at(got.keys, got.keys->count - 1), err));
    }
    if (rc != SLP_DONE)
        goto out;
    rc = SLP_OK;
    if (block != f->top.block_count || !slice_equal(buf_slice(&last_key), f->top.last_key))
        FAIL_OUT(err, CORRUPT,
                 "the rows end in block %" PRId64 " of %" PRId64
                 ", or with another key than the log entry says",
                 block, f->top.block_count);
out:
    run_close(run);
    buf_fini(&last_key);
    return rc;
}

slp_rc datafile_verify(struct datafile *f, struct slp_err *err)
{
    slp_rc rc = verify_bytes(f, err);
    if (rc == SLP_OK)
        rc = verify_footer(f, err);
    if (rc == SLP_OK)
        rc = verify_rows(f, err);
    return err_wrap(err, rc, "data file \"%s\"", f->src->name);
}
