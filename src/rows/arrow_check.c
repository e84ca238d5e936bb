/*
 * Rows and dictionaries of Arrow IPC, before nanoarrow decodes them. Version 0.9 reaches for
 * parts that may be missing, adds to lengths without looking whether the sum is a number, counts the parts of rows but not those of
 * dictionaries, leaves compressed dictionaries as they are, and believes that columns which share a
 * dictionary share its type. So these are looked at here, in the metadata's flatbuffer, whose
 * verification has made every offset in it safe.
 */
#include "rows/arrow_check.h"

#include <inttypes.h>

#include "arrow/batch.h"
#include "base/num.h"

#include <nanoarrow/nanoarrow.h>
#include <nanoarrow/nanoarrow_ipc.h>

#include <nanoarrow/ipc/flatcc_generated.h>

/* Trees are no deeper than the verification of flatbuffers allows, which is 100 levels. */
static slp_rc check_fields(org_apache_arrow_flatbuf_Field_vec_t fields, struct slp_err *err)
{
    for (size_t i = 0; i < org_apache_arrow_flatbuf_Field_vec_len(fields); i++) {
        org_apache_arrow_flatbuf_Field_table_t field =
            org_apache_arrow_flatbuf_Field_vec_at(fields, i);
        org_apache_arrow_flatbuf_DictionaryEncoding_table_t dictionary =
            org_apache_arrow_flatbuf_Field_dictionary(field);
        if (!org_apache_arrow_flatbuf_Field_type(field))
            FAIL(err, CORRUPT, "field %zu has no type", i);
        if (dictionary && !org_apache_arrow_flatbuf_DictionaryEncoding_indexType(dictionary))
            FAIL(err, CORRUPT, "field %zu has a dictionary and no type of its indices", i);
        TRY(check_fields(org_apache_arrow_flatbuf_Field_children(field), err));
    }
    return SLP_OK;
}

slp_rc rows_arrow_check_message(struct slice metadata, struct slp_err *err)
{
    org_apache_arrow_flatbuf_Message_table_t message =
        org_apache_arrow_flatbuf_Message_as_root(metadata.ptr);
    flatbuffers_generic_t header = org_apache_arrow_flatbuf_Message_header(message);
    if (!header)
        FAIL(err, CORRUPT, "a message without a header");
    if (org_apache_arrow_flatbuf_Message_header_type(message) !=
        org_apache_arrow_flatbuf_MessageHeader_Schema)
        return SLP_OK;
    return check_fields(org_apache_arrow_flatbuf_Schema_fields(header), err);
}

static size_t buffer_count(const struct ArrowArrayView *view)
{
    size_t count = 0;
    for (int i = 0; i < NANOARROW_MAX_FIXED_BUFFERS; i++)
        count += view->layout.buffer_type[i] != NANOARROW_BUFFER_TYPE_NONE;
    return count;
}

/* Buffers of a column of a flat type; 0 for one that nanoarrow does not know. */
static size_t buffers_of(const struct ArrowSchema *schema)
{
    struct ArrowArrayView view;
    size_t count = 0;
    if (ArrowArrayViewInitFromSchema(&view, schema, NULL) == NANOARROW_OK)
        count = buffer_count(&view);
    ArrowArrayViewReset(&view);
    return count;
}

static const struct ArrowIpcDictionaryEncoding *encoding_at(
    const struct ArrowIpcDictionaryEncodings *all, size_t i)
{
    return &((const struct ArrowIpcDictionaryEncoding *)(const void *)all->encodings.data)[i];
}

slp_rc rows_arrow_check_encodings(const struct ArrowIpcDictionaryEncodings *all,
                                  struct slp_err *err)
{
    size_t count = (size_t)all->encodings.size_bytes / sizeof(struct ArrowIpcDictionaryEncoding);
    for (size_t i = 0; i < count; i++) {
        const struct ArrowIpcDictionaryEncoding *e = encoding_at(all, i);
        const struct ArrowIpcDictionaryEncoding *first =
            ArrowIpcDictionaryEncodingsFindById(all, e->id);
        const struct ArrowSchema *values = e->schema->dictionary;
        if (values->n_children != 0 || values->dictionary)
            FAIL(err, UNSUPPORTED, "arrow: column \"%.80s\": a dictionary of nested values",
                 e->schema->name ? e->schema->name : "");
        if (strcmp(first->schema->dictionary->format, values->format) != 0)
            FAIL(err, CORRUPT, "arrow: column \"%.80s\": a dictionary of two types",
                 e->schema->name ? e->schema->name : "");
    }
    return SLP_OK;
}

typedef org_apache_arrow_flatbuf_RecordBatch_table_t rows_table;

/* A compressed buffer begins with the bytes it will have, or -1. No codec makes more of one byte. */
#define RATIO_MAX 65536u

static slp_rc check_compressed(struct slice buffer, size_t i, struct slp_err *err)
{
    if (buffer.len == 0)
        return SLP_OK;
    if (buffer.len < sizeof(uint64_t))
        FAIL(err, CORRUPT, "buffer %zu: %zu bytes, compressed", i, buffer.len);
    uint64_t bytes = num_load_u64le(buffer.ptr);
    uint64_t most = buffer.len < UINT64_MAX / RATIO_MAX ? buffer.len * RATIO_MAX : UINT64_MAX;
    if (bytes != UINT64_MAX && bytes > most)
        FAIL(err, CORRUPT, "buffer %zu: %zu bytes that claim to become %" PRIu64, i, buffer.len,
             bytes);
    return SLP_OK;
}

static slp_rc check_parts(rows_table rows, struct slice body, struct slp_err *err)
{
    org_apache_arrow_flatbuf_FieldNode_vec_t nodes =
        org_apache_arrow_flatbuf_RecordBatch_nodes(rows);
    org_apache_arrow_flatbuf_Buffer_vec_t buffers =
        org_apache_arrow_flatbuf_RecordBatch_buffers(rows);
    int64_t length = org_apache_arrow_flatbuf_RecordBatch_length(rows);
    bool is_compressed = org_apache_arrow_flatbuf_RecordBatch_compression_is_present(rows);
    if (length < 0 || length > ARR_ITEMS_MAX)
        FAIL(err, CORRUPT, "%" PRId64 " rows, at most %" PRId64 " are read", length, ARR_ITEMS_MAX);
    for (size_t i = 0; i < org_apache_arrow_flatbuf_FieldNode_vec_len(nodes); i++) {
        org_apache_arrow_flatbuf_FieldNode_struct_t node =
            org_apache_arrow_flatbuf_FieldNode_vec_at(nodes, i);
        int64_t items = org_apache_arrow_flatbuf_FieldNode_length(node);
        int64_t nulls = org_apache_arrow_flatbuf_FieldNode_null_count(node);
        if (items < 0 || items > ARR_ITEMS_MAX || nulls < 0 || nulls > items)
            FAIL(err, CORRUPT, "column %zu: %" PRId64 " values of which %" PRId64 " are null", i,
                 items, nulls);
    }
    for (size_t i = 0; i < org_apache_arrow_flatbuf_Buffer_vec_len(buffers); i++) {
        org_apache_arrow_flatbuf_Buffer_struct_t buffer =
            org_apache_arrow_flatbuf_Buffer_vec_at(buffers, i);
        int64_t offset = org_apache_arrow_flatbuf_Buffer_offset(buffer);
        int64_t bytes = org_apache_arrow_flatbuf_Buffer_length(buffer);
        if (offset < 0 || bytes < 0 || !num_range_fits((uint64_t)offset, (uint64_t)bytes, body.len))
            FAIL(err, CORRUPT,
                 "buffer %zu: %" PRId64 " bytes at %" PRId64 " lie outside the body of %zu", i,
                 bytes, offset, body.len);
        if (is_compressed)
            TRY(check_compressed(slice_sub(body, (size_t)offset, (size_t)bytes), i, err));
    }
    return SLP_OK;
}

slp_rc rows_arrow_check_rows(struct slice metadata, struct slice body, struct slp_err *err)
{
    rows_table rows = org_apache_arrow_flatbuf_Message_header(
        org_apache_arrow_flatbuf_Message_as_root(metadata.ptr));
    return check_parts(rows, body, err);
}

slp_rc rows_arrow_check_dictionary(struct slice metadata, struct slice body,
                                   const struct ArrowIpcDictionaryEncodings *all,
                                   struct slp_err *err)
{
    org_apache_arrow_flatbuf_Message_table_t message =
        org_apache_arrow_flatbuf_Message_as_root(metadata.ptr);
    org_apache_arrow_flatbuf_DictionaryBatch_table_t batch =
        org_apache_arrow_flatbuf_Message_header(message);
    rows_table rows = org_apache_arrow_flatbuf_DictionaryBatch_data(batch);
    if (!rows)
        FAIL(err, CORRUPT, "a dictionary without values");
    int64_t id = org_apache_arrow_flatbuf_DictionaryBatch_id(batch);
    const struct ArrowIpcDictionaryEncoding *e = ArrowIpcDictionaryEncodingsFindById(all, id);
    if (!e)
        FAIL(err, CORRUPT, "dictionary %" PRId64 ", which no column has", id);
    if (org_apache_arrow_flatbuf_RecordBatch_compression_is_present(rows))
        FAIL(err, UNSUPPORTED,
             "a compressed dictionary; write it without compression or without dictionaries");
    size_t nodes = org_apache_arrow_flatbuf_FieldNode_vec_len(
        org_apache_arrow_flatbuf_RecordBatch_nodes(rows));
    size_t buffers =
        org_apache_arrow_flatbuf_Buffer_vec_len(org_apache_arrow_flatbuf_RecordBatch_buffers(rows));
    size_t expected = buffers_of(e->schema->dictionary);
    if (nodes != 1 || buffers != expected)
        FAIL(err, CORRUPT, "a dictionary of %zu columns in %zu buffers, expected 1 in %zu", nodes,
             buffers, expected);
    return check_parts(rows, body, err);
}
