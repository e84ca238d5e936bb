#include "parquet/footer_write.h"

#include "parquet/histogram.h"
#include "parquet/page.h"

/* Readers take application and version apart, and choose work-arounds by them. */
#define CREATED_BY "sleeper version 0.1.0 (build release)"

#define FORMAT_VERSION 1

static void put_statistics(struct cx_put *w, const struct pq_chunk_note *c, enum pq_order order)
{
    cx_put_struct(w, 12);
    cx_put_i64(w, 3, c->null_count);
    if (c->has_bounds) {
        cx_put_binary(w, 5, c->max);
        cx_put_binary(w, 6, c->min);
        cx_put_bool(w, 7, c->max_exact);
        cx_put_bool(w, 8, c->min_exact);
    }
    if (c->has_nan_count && pq_order_is_float(order))
        cx_put_i64(w, 9, c->nan_count);
    cx_put_end(w);
}

static void put_page_stats(struct cx_put *w, enum pq_page_kind kind, enum pq_encoding encoding,
                           size_t count)
{
    cx_put_element_struct(w);
    cx_put_i32(w, 1, (int32_t)kind);
    cx_put_i32(w, 2, (int32_t)encoding);
    cx_put_i32(w, 3, (int32_t)count);
    cx_put_end(w);
}

/* Those of the pages, the dictionary and the levels, each once. */
static void put_encodings(struct cx_put *w, const struct pq_chunk_note *c, bool is_optional)
{
    bool has_plain = c->has_dictionary || c->encoding == PQ_PLAIN;
    bool has_other = c->encoding != PQ_PLAIN;
    bool has_levels = is_optional && c->encoding != PQ_RLE;
    cx_put_list(w, 2, CX_WIRE_I32, 0u + has_plain + has_levels + has_other);
    if (has_plain)
        cx_put_element_i32(w, PQ_PLAIN);
    if (has_levels)
        cx_put_element_i32(w, PQ_RLE);
    if (has_other)
        cx_put_element_i32(w, (int32_t)c->encoding);
}

static void put_size_statistics(struct cx_put *w, const struct pq_chunk_note *c,
                                const struct pq_leaf_field *field)
{
    bool is_string = field->leaf.physical == PQ_BYTE_ARRAY;
    if (!is_string && pq_histogram_width(field) == 0)
        return;
    cx_put_struct(w, 16);
    if (is_string)
        cx_put_i64(w, 1, (int64_t)c->unencoded_bytes);
    pq_histogram_put(w, 2, field, c->histogram, 1);
    cx_put_end(w);
}

static void put_column_metadata(struct cx_put *w, const struct pq_chunk_note *c,
                                const struct pq_file_note *file, size_t column)
{
    const struct pq_leaf_field *field = &file->leaves->items[column];
    const struct pq_leaf *leaf = &field->leaf;
    bool is_v2 = file->options->page_v2;
    cx_put_struct(w, 3);
    cx_put_i32(w, 1, (int32_t)leaf->physical);
    put_encodings(w, c, field->definition_max > 0);
    cx_put_list(w, 3, CX_WIRE_BINARY, field->path_count); /* path_in_schema */
    for (size_t i = 0; i < field->path_count; i++)
        cx_put_element_binary(w, slice_str(field->path[i]));
    cx_put_i32(w, 4, c->codec);
    cx_put_i64(w, 5, c->value_count);
    cx_put_i64(w, 6, (int64_t)c->uncompressed_bytes);
    cx_put_i64(w, 7, (int64_t)c->bytes);
    cx_put_i64(w, 9, (int64_t)c->data_offset);
    if (c->has_dictionary)
        cx_put_i64(w, 11, (int64_t)c->dictionary_offset);
    put_statistics(w, c, leaf->order);
    cx_put_list(w, 13, CX_WIRE_STRUCT, 1u + c->has_dictionary); /* encoding_stats */
    if (c->has_dictionary)
        put_page_stats(w, PQ_PAGE_DICTIONARY, PQ_PLAIN, 1);
    put_page_stats(w, is_v2 ? PQ_PAGE_DATA_V2 : PQ_PAGE_DATA, c->encoding, c->page_count);
    if (c->bloom_bytes) {
        cx_put_i64(w, 14, (int64_t)c->bloom_offset);
        cx_put_i32(w, 15, (int32_t)c->bloom_bytes);
    }
    put_size_statistics(w, c, field);
    cx_put_end(w);
}

static void put_chunk(struct cx_put *w, const struct pq_file_note *file,
                      const struct pq_group_note *g, size_t column)
{
    const struct pq_chunk_note *c = &g->chunks[column];
    cx_put_element_struct(w);
    cx_put_i64(w, 2, 0); /* file_offset, deprecated */
    put_column_metadata(w, c, file, column);
    cx_put_i64(w, 4, (int64_t)c->offset_index_offset);
    cx_put_i32(w, 5, (int32_t)c->offset_index_bytes);
    if (c->column_index_bytes) {
        cx_put_i64(w, 6, (int64_t)c->column_index_offset);
        cx_put_i32(w, 7, (int32_t)c->column_index_bytes);
    }
    cx_put_end(w);
}

/* The first leaf of a column. */
static size_t leaf_of(const struct pq_file_note *file, size_t column)
{
    size_t leaf = 0;
    while (file->leaves->items[leaf].column != column)
        leaf++;
    return leaf;
}

static void put_sorting_columns(struct cx_put *w, const struct pq_file_note *file)
{
    const struct pq_write_options *o = file->options;
    if (o->sorting_count == 0)
        return;
    cx_put_list(w, 4, CX_WIRE_STRUCT, o->sorting_count);
    for (size_t i = 0; i < o->sorting_count; i++) {
        cx_put_element_struct(w);
        cx_put_i32(w, 1, (int32_t)leaf_of(file, o->sorting_columns[i]));
        cx_put_bool(w, 2, false); /* descending */
        cx_put_bool(w, 3, false); /* nulls_first */
        cx_put_end(w);
    }
}

static void put_group(struct cx_put *w, const struct pq_file_note *file,
                      const struct pq_group_note *g, size_t ordinal)
{
    uint64_t bytes = 0;
    uint64_t uncompressed_bytes = 0;
    cx_put_element_struct(w);
    cx_put_list(w, 1, CX_WIRE_STRUCT, file->leaves->count);
    for (size_t i = 0; i < file->leaves->count; i++) {
        put_chunk(w, file, g, i);
        bytes += g->chunks[i].bytes;
        uncompressed_bytes += g->chunks[i].uncompressed_bytes;
    }
    cx_put_i64(w, 2, (int64_t)uncompressed_bytes);
    cx_put_i64(w, 3, g->rows);
    put_sorting_columns(w, file);
    cx_put_i64(w, 5, (int64_t)g->offset);
    cx_put_i64(w, 6, (int64_t)bytes);
    if (ordinal <= INT16_MAX)
        cx_put_i16(w, 7, (int16_t)ordinal);
    cx_put_end(w);
}

static void put_key_values(struct cx_put *w, const struct pq_file_note *file)
{
    if (file->key_value_count == 0)
        return;
    cx_put_list(w, 5, CX_WIRE_STRUCT, file->key_value_count);
    for (const struct pq_key_value_note *n = file->key_values; n; n = n->next) {
        cx_put_element_struct(w);
        cx_put_binary(w, 1, n->pair.key);
        cx_put_binary(w, 2, n->pair.value);
        cx_put_end(w);
    }
}

slp_rc pq_file_metadata_write(const struct pq_file_note *file, struct buf *out, struct slp_err *err)
{
    struct cx_put w;
    int64_t rows = 0;
    for (const struct pq_group_note *g = file->groups; g; g = g->next)
        rows += g->rows;
    cx_put_init(&w, out, err);
    cx_put_i32(&w, 1, FORMAT_VERSION);
    pq_leaves_put_schema(&w, file->schema, file->leaves);
    cx_put_i64(&w, 3, rows);
    cx_put_list(&w, 4, CX_WIRE_STRUCT, file->group_count);
    size_t ordinal = 0;
    for (const struct pq_group_note *g = file->groups; g; g = g->next)
        put_group(&w, file, g, ordinal++);
    put_key_values(&w, file);
    cx_put_binary(&w, 6, slice_str(CREATED_BY));
    cx_put_list(&w, 7, CX_WIRE_STRUCT, file->leaves->count); /* column_orders */
    for (size_t i = 0; i < file->leaves->count; i++) {
        cx_put_element_struct(&w);
        cx_put_struct(&w, 1); /* TYPE_ORDER */
        cx_put_end(&w);
        cx_put_end(&w);
    }
    return cx_put_finish(&w);
}
