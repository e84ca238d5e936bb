/*
 * Dictionaries of Arrow IPC, before nanoarrow decodes them. Version 0.9 counts the parts of record
 * batches but not those of dictionaries, leaves compressed ones as they are, and believes that
 * columns which share a dictionary share its type. So these are looked at here, in the metadata's
 * flatbuffer, whose verification has made every offset in it safe.
 */
#include "rows/arrow_dictionary.h"

#include <inttypes.h>

#include <nanoarrow/nanoarrow.h>
#include <nanoarrow/nanoarrow_ipc.h>

#include <nanoarrow/ipc/flatcc_generated.h>

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

slp_rc rows_arrow_check_dictionary(struct slice metadata,
                                   const struct ArrowIpcDictionaryEncodings *all,
                                   struct slp_err *err)
{
    org_apache_arrow_flatbuf_Message_table_t message =
        org_apache_arrow_flatbuf_Message_as_root(metadata.ptr);
    org_apache_arrow_flatbuf_DictionaryBatch_table_t batch =
        org_apache_arrow_flatbuf_Message_header(message);
    org_apache_arrow_flatbuf_RecordBatch_table_t rows =
        batch ? org_apache_arrow_flatbuf_DictionaryBatch_data(batch) : NULL;
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
    return SLP_OK;
}
