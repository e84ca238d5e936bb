#include "parquet/writer.h"

#include <inttypes.h>

#include "base/num.h"
#include "parquet/footer_write.h"
#include "parquet/histogram.h"
#include "parquet/index_write.h"

#define MAGIC           "PAR1"
#define MAGIC_BYTES     4u
#define NOTES_MAX_BYTES ((size_t)4 << 30)

/* Key values, names and bounds: all of the footer lives here until it is written. */
struct pq_writer {
    struct alloc *mem;
    struct sink *sink;
    struct arena notes;
    struct pq_leaves leaves;
    struct pq_file_note file;
    struct pq_group_note **last_group;
    struct pq_key_value_note **last_key_value;
    struct pq_group_note *groups;
    struct pq_key_value_note *key_values;
    struct buf column_indexes; /* of all groups so far, as they will stand in the file */
    struct buf offset_indexes;
    bool has_raw; /* bytes of the caller's: no group may follow */
    bool is_finished;
};

void pq_writer_free(struct pq_writer *w)
{
    if (!w)
        return;
    arena_fini(&w->notes);
    buf_fini(&w->column_indexes);
    buf_fini(&w->offset_indexes);
    alloc_delete(w->mem, w);
}

slp_rc pq_writer_new(struct alloc *mem, struct sink *sink, const struct arr_schema *schema,
                     const struct pq_write_options *options, struct pq_writer **out,
                     struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct pq_writer *w = NULL;
    TRY(alloc_new(mem, &w, err));
    w->mem = mem;
    w->sink = sink;
    w->last_group = &w->groups;
    w->last_key_value = &w->key_values;
    arena_init(&w->notes, mem, NOTES_MAX_BYTES);
    buf_init(&w->column_indexes, mem, PQ_FOOTER_MAX_BYTES);
    buf_init(&w->offset_indexes, mem, PQ_FOOTER_MAX_BYTES);
    TRY_OUT(pq_leaves_of(schema, &w->notes, &w->leaves, err));
    w->file = (struct pq_file_note){.schema = schema, .leaves = &w->leaves, .options = options};
    for (size_t i = 0; i < options->sorting_count; i++)
        assert(options->sorting_columns[i] < schema->count);
    for (size_t i = 0; i < options->key_value_count; i++)
        TRY_OUT(
            pq_writer_key_value(w, options->key_values[i].key, options->key_values[i].value, err));
    TRY_OUT(sink_write(sink, MAGIC, MAGIC_BYTES, err));
    *out = w;
out:
    if (rc != SLP_OK)
        pq_writer_free(w);
    return rc;
}

slp_rc pq_writer_key_value(struct pq_writer *w, struct slice key, struct slice value,
                           struct slp_err *err)
{
    struct pq_key_value_note *note = NULL;
    assert(!w->is_finished);
    TRY(arena_new(&w->notes, &note, err));
    TRY(arena_copy(&w->notes, key, &note->pair.key, err));
    TRY(arena_copy(&w->notes, value, &note->pair.value, err));
    *w->last_key_value = note;
    w->last_key_value = &note->next;
    w->file.key_value_count++;
    return SLP_OK;
}

static slp_rc note_bounds(struct pq_writer *w, const struct pq_group *g,
                          const struct pq_bounds_ref *b, struct pq_chunk_note *note,
                          struct slp_err *err)
{
    note->nan_count = b->nan_count;
    if (b->state != PQ_BOUNDS_KNOWN)
        return SLP_OK;
    TRY(arena_copy(&w->notes, pq_group_min(g, b), &note->min, err));
    TRY(arena_copy(&w->notes, pq_group_max(g, b), &note->max, err));
    note->min_exact = b->min_exact;
    note->max_exact = b->max_exact;
    note->has_bounds = true;
    return SLP_OK;
}

/* Index offsets count from the start of their buffers until the end of the file is known. */
static slp_rc note_indexes(struct pq_writer *w, const struct pq_group *g, size_t column,
                           uint64_t group_offset, struct pq_chunk_note *note, struct slp_err *err)
{
    size_t start = w->column_indexes.len;
    note->column_index_offset = start;
    if (pq_group_chunk(g, column)->has_column_index)
        TRY(pq_column_index_write(g, column, &w->column_indexes, err));
    note->column_index_bytes = (uint32_t)(w->column_indexes.len - start);
    start = w->offset_indexes.len;
    note->offset_index_offset = start;
    TRY(pq_offset_index_write(g, column, group_offset, &w->offset_indexes, err));
    note->offset_index_bytes = (uint32_t)(w->offset_indexes.len - start);
    return SLP_OK;
}

static slp_rc note_histogram(struct pq_writer *w, const struct pq_group *g, size_t column,
                             struct pq_chunk_note *note, struct slp_err *err)
{
    const struct pq_leaf_field *leaf = pq_group_leaf_field(g, column);
    const struct pq_chunk_facts *c = pq_group_chunk(g, column);
    void *sum = NULL;
    size_t width = pq_histogram_width(leaf);
    if (width == 0)
        return SLP_OK;
    TRY(arena_array(&w->notes, width, sizeof(int64_t), &sum, err));
    pq_histogram_sum(leaf, pq_group_histograms(g, c), c->page_count, sum);
    note->histogram = sum;
    return SLP_OK;
}

static slp_rc note_chunk(struct pq_writer *w, const struct pq_group *g, size_t column,
                         uint64_t group_offset, struct pq_chunk_note *note, struct slp_err *err)
{
    const struct pq_chunk_facts *c = pq_group_chunk(g, column);
    uint64_t first_page = pq_group_page(g, c, 0)->offset;
    *note = (struct pq_chunk_note){.codec = c->codec,
                                   .encoding = c->encoding,
                                   .has_dictionary = c->has_dictionary,
                                   .dictionary_offset = group_offset + c->offset,
                                   .data_offset = group_offset + first_page,
                                   .bytes = c->bytes,
                                   .uncompressed_bytes = c->uncompressed_bytes,
                                   .unencoded_bytes = c->unencoded_bytes,
                                   .page_count = c->page_count,
                                   .value_count = c->value_count,
                                   .null_count = c->null_count,
                                   .has_nan_count = c->has_nan_count};
    TRY(note_bounds(w, g, &c->bounds, note, err));
    TRY(note_histogram(w, g, column, note, err));
    return note_indexes(w, g, column, group_offset, note, err);
}

/* The filters of a group stand behind it. */
static slp_rc write_blooms(struct pq_writer *w, const struct pq_group *g,
                           struct pq_group_note *note, struct slp_err *err)
{
    for (size_t i = 0; i < w->leaves.count; i++) {
        struct slice bloom = pq_group_bloom(g, pq_group_chunk(g, i));
        note->chunks[i].bloom_offset = w->sink->offset;
        note->chunks[i].bloom_bytes = (uint32_t)bloom.len;
        if (bloom.len)
            TRY(sink_write(w->sink, bloom.ptr, bloom.len, err));
    }
    return SLP_OK;
}

/* Note a group whose chunks begin at `offset`. */
static slp_rc note_group(struct pq_writer *w, const struct pq_group *g, uint64_t offset,
                         struct pq_group_note **out, struct slp_err *err)
{
    struct pq_group_note *note = NULL;
    TRY(arena_new(&w->notes, &note, err));
    note->rows = pq_group_rows(g);
    note->offset = offset;
    TRY(arena_array(&w->notes, w->leaves.count, sizeof *note->chunks, (void **)&note->chunks, err));
    for (size_t i = 0; i < w->leaves.count; i++)
        TRY(note_chunk(w, g, i, offset, &note->chunks[i], err));
    *out = note;
    return SLP_OK;
}

/* What is behind the chunks, and the group among the others. */
static slp_rc end_group(struct pq_writer *w, const struct pq_group *g, struct pq_group_note *note,
                        struct slp_err *err)
{
    TRY(write_blooms(w, g, note, err));
    *w->last_group = note;
    w->last_group = &note->next;
    w->file.group_count++;
    return SLP_OK;
}

slp_rc pq_writer_group(struct pq_writer *w, const struct pq_group *g, uint64_t *offset,
                       struct slp_err *err)
{
    struct pq_group_note *note = NULL;
    uint64_t group_offset = w->sink->offset;
    assert(!w->has_raw && !w->is_finished);
    if (pq_group_rows(g) > 0) {
        TRY(note_group(w, g, group_offset, &note, err));
        struct slice bytes = pq_group_all_bytes(g);
        assert(bytes.len == pq_group_bytes(g));
        TRY(sink_write(w->sink, bytes.ptr, bytes.len, err));
        TRY(end_group(w, g, note, err));
    }
    *offset = group_offset;
    return SLP_OK;
}

slp_rc pq_writer_rows(struct pq_writer *w, struct pq_group *g, const struct arr_batch *batch,
                      int64_t block_rows, struct slp_err *err)
{
    struct pq_group_note *note = NULL;
    uint64_t offset = w->sink->offset;
    assert(!w->has_raw && !w->is_finished);
    if (batch->rows == 0)
        return SLP_OK;
    TRY(pq_group_encode_to(g, batch, block_rows, w->sink, err));
    TRY(note_group(w, g, offset, &note, err));
    return end_group(w, g, note, err);
}

slp_rc pq_writer_raw(struct pq_writer *w, struct slice bytes, uint64_t *offset, struct slp_err *err)
{
    uint64_t start = w->sink->offset;
    assert(!w->is_finished);
    w->has_raw = true;
    TRY(sink_write(w->sink, bytes.ptr, bytes.len, err));
    *offset = start;
    return SLP_OK;
}

/* Turn offsets inside the index buffers into those of the file. */
static void place_indexes(struct pq_writer *w, uint64_t column_indexes, uint64_t offset_indexes)
{
    for (struct pq_group_note *g = w->groups; g; g = g->next)
        for (size_t i = 0; i < w->leaves.count; i++) {
            g->chunks[i].column_index_offset += column_indexes;
            g->chunks[i].offset_index_offset += offset_indexes;
        }
}

slp_rc pq_writer_finish(struct pq_writer *w, uint64_t *footer_offset, uint32_t *footer_bytes,
                        struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct buf footer;
    assert(!w->is_finished);
    w->is_finished = true;
    buf_init(&footer, w->mem, PQ_FOOTER_MAX_BYTES);
    uint64_t start = w->sink->offset;
    TRY_OUT(sink_write(w->sink, w->column_indexes.ptr, w->column_indexes.len, err));
    TRY_OUT(sink_write(w->sink, w->offset_indexes.ptr, w->offset_indexes.len, err));
    place_indexes(w, start, start + w->column_indexes.len);
    w->file.groups = w->groups;
    w->file.key_values = w->key_values;
    TRY_OUT(pq_file_metadata_write(&w->file, &footer, err));
    uint32_t bytes = (uint32_t)footer.len;
    uint64_t offset = w->sink->offset;
    TRY_OUT(buf_append_u32le(&footer, bytes, err));
    TRY_OUT(buf_append(&footer, MAGIC, MAGIC_BYTES, err));
    TRY_OUT(sink_write(w->sink, footer.ptr, footer.len, err));
    if (footer_offset)
        *footer_offset = offset;
    if (footer_bytes)
        *footer_bytes = bytes;
out:
    buf_fini(&footer);
    return err_wrap(err, rc, "parquet footer");
}
