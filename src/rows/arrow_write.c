/*
 * Arrow IPC streams, through nanoarrow, as in arrow_read.c. Buffers of a batch are shown
 * to nanoarrow where they lie; it lays out one message in memory of its own (at most the batch once
 * more, and metadata) and hands it to our sink. An out of memory of its own is NO_MEMORY.
 */
#include <errno.h>

#include <nanoarrow/nanoarrow.h>
#include <nanoarrow/nanoarrow_ipc.h>

#include "arrow/cdata.h"
#include "rows/rows_priv.h"

struct arrow_output {
    struct rows_output base; /* first */
    struct ArrowSchema schema;
    struct ArrowArrayView view;
    struct ArrowIpcWriter writer;
    struct slp_err *err; /* of the call that is under way */
    slp_rc sink_rc;      /* what the sink said */
    bool is_begun;       /* the schema is written */
};

/* ---- Errors ---- */

/* What nanoarrow answered: the sink's own error if that was it. */
static slp_rc check(const struct arrow_output *o, ArrowErrorCode code,
                    const struct ArrowError *error, struct slp_err *err)
{
    if (code == NANOARROW_OK)
        return SLP_OK;
    if (o->sink_rc != SLP_OK)
        return o->sink_rc;
    if (code == ENOMEM)
        FAIL(err, NO_MEMORY, "arrow: out of memory");
    FAIL(err, UNSUPPORTED, "arrow: %s", error->message[0] ? error->message : strerror(code));
}

/* ---- The sink as nanoarrow's stream ---- */

static ArrowErrorCode stream_write(struct ArrowIpcOutputStream *stream, const void *bytes,
                                   int64_t n, int64_t *written, struct ArrowError *error)
{
    struct arrow_output *o = stream->private_data;
    (void)error;
    o->sink_rc = sink_write(o->base.sink, bytes, (size_t)n, o->err);
    *written = n;
    return o->sink_rc == SLP_OK ? NANOARROW_OK : EIO;
}

static void stream_release(struct ArrowIpcOutputStream *stream)
{
    stream->release = NULL;
}

/* ---- Schema and batches ---- */

/* Keys of maps have no nulls, in Arrow; a file of others may say that they might. */
void rows_arrow_set_map_keys(struct ArrowSchema *s)
{
    for (int64_t i = 0; i < s->n_children; i++)
        rows_arrow_set_map_keys(s->children[i]);
    if (strcmp(s->format, "+m") == 0)
        s->children[0]->children[0]->flags &= ~(int64_t)ARROW_FLAG_NULLABLE;
}

static slp_rc write_schema(struct arrow_output *o, struct slp_err *err)
{
    struct ArrowError error = {0};
    if (o->is_begun)
        return SLP_OK;
    o->is_begun = true;
    o->err = err;
    return check(o, ArrowIpcWriterWriteSchema(&o->writer, &o->schema, &error), &error, err);
}

static void show_buffer(struct ArrowBufferView *view, const struct buf *b)
{
    view->data.as_uint8 = b->ptr;
    view->size_bytes = (int64_t)b->len;
}

/* Show a column and those within it. nanoarrow takes the number of buffers from an array. */
static void show_column(struct ArrowArrayView *view, const struct arr_col *c)
{
    static const struct ArrowArray shapes[] = {
        {.n_buffers = 0}, {.n_buffers = 1}, {.n_buffers = 2}, {.n_buffers = 3}};
    size_t buffers = 0;
    bool is_null = c->type.kind == ARR_NULL;
    view->length = c->rows;
    view->null_count = is_null ? c->rows : c->null_count;
    if (!is_null)
        show_buffer(&view->buffer_views[buffers++], &c->validity);
    if (arr_type_is_list(c->type) || arr_type_is_variable(c->type))
        show_buffer(&view->buffer_views[buffers++], &c->offsets);
    if (!is_null && !arr_type_is_nested(c->type))
        show_buffer(&view->buffer_views[buffers++], &c->data);
    view->array = &shapes[buffers];
    for (size_t i = 0; i < c->child_count; i++)
        show_column(view->children[i], &c->children[i]);
}

static slp_rc arrow_batch(struct rows_output *base, const struct arr_batch *b, struct slp_err *err)
{
    struct arrow_output *o = (struct arrow_output *)base;
    struct ArrowError error = {0};
    TRY(write_schema(o, err));
    if (b->rows == 0)
        return SLP_OK;
    o->view.length = b->rows;
    o->view.null_count = 0;
    for (size_t i = 0; i < b->schema->count; i++)
        show_column(o->view.children[i], &b->cols[i]);
    o->err = err;
    return check(o, ArrowIpcWriterWriteArrayView(&o->writer, &o->view, &error), &error, err);
}

static slp_rc arrow_finish(struct rows_output *base, struct slp_err *err)
{
    struct arrow_output *o = (struct arrow_output *)base;
    struct ArrowError error = {0};
    TRY(write_schema(o, err));
    o->err = err;
    return check(o, ArrowIpcWriterWriteArrayView(&o->writer, NULL, &error), &error, err);
}

static void arrow_free(struct rows_output *base)
{
    struct arrow_output *o = (struct arrow_output *)base;
    if (o->writer.private_data)
        ArrowIpcWriterReset(&o->writer);
    ArrowArrayViewReset(&o->view);
    if (o->schema.release)
        ArrowSchemaRelease(&o->schema);
    alloc_delete(base->mem, o);
}

/* nanoarrow 0.9 writes no dictionary batches. */
static slp_rc refuse_dictionaries(const struct arr_schema *s, struct slp_err *err)
{
    for (size_t i = 0; i < s->count; i++) {
        if (s->fields[i].is_dictionary)
            FAIL(err, UNSUPPORTED,
                 "arrow: column \"%s\" is kept as a dictionary, which is not written; read it "
                 "without keep_dictionaries, or take the rows as a stream",
                 s->fields[i].name);
    }
    return SLP_OK;
}

slp_rc rows_arrow_writer(const struct rows_output *from, struct rows_output **out,
                         struct slp_err *err)
{
    static const struct rows_output_ops ops = {
        .batch = arrow_batch, .finish = arrow_finish, .free = arrow_free};
    slp_rc rc = SLP_OK;
    struct arrow_output *o = NULL;
    struct ArrowError error = {0};
    TRY(refuse_dictionaries(from->schema, err));
    TRY(alloc_new(from->mem, &o, err));
    rows_output_init(&o->base, &ops, from);
    ArrowArrayViewInitFromType(&o->view, NANOARROW_TYPE_UNINITIALIZED);
    struct ArrowIpcOutputStream stream = {
        .write = stream_write, .release = stream_release, .private_data = o};
    TRY_OUT(check(o, ArrowIpcWriterInit(&o->writer, &stream), &error, err));
    TRY_OUT(arr_export_schema(from->schema, from->mem, &o->schema, err));
    rows_arrow_set_map_keys(&o->schema);
    TRY_OUT(check(o, ArrowArrayViewInitFromSchema(&o->view, &o->schema, &error), &error, err));
    *out = &o->base;
out:
    if (rc != SLP_OK)
        rows_output_free(&o->base);
    return rc;
}
