/*
 * Arrow IPC streams, through nanoarrow: the one file that includes it. Buffers of a batch are shown
 * to nanoarrow where they lie; it lays out one message in memory of its own (at most the batch once
 * more, and metadata) and hands it to our sink. An out of memory of its own is NO_MEMORY.
 */
#include <errno.h>

#include <nanoarrow/nanoarrow.h>
#include <nanoarrow/nanoarrow_ipc.h>

#include "rows/rows_priv.h"

struct arrow_output {
    struct rows_output base; /* first */
    struct ArrowSchema schema;
    struct ArrowArrayView view;
    struct ArrowArray *shapes; /* of columns: nanoarrow takes the number of buffers from them */
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

/* ---- Schema ---- */

static enum ArrowType plain_type(enum arr_kind kind)
{
    static const enum ArrowType types[ARR_KIND_COUNT] = {
        [ARR_NULL] = NANOARROW_TYPE_NA,       [ARR_BOOL] = NANOARROW_TYPE_BOOL,
        [ARR_INT8] = NANOARROW_TYPE_INT8,     [ARR_INT16] = NANOARROW_TYPE_INT16,
        [ARR_INT32] = NANOARROW_TYPE_INT32,   [ARR_INT64] = NANOARROW_TYPE_INT64,
        [ARR_UINT8] = NANOARROW_TYPE_UINT8,   [ARR_UINT16] = NANOARROW_TYPE_UINT16,
        [ARR_UINT32] = NANOARROW_TYPE_UINT32, [ARR_UINT64] = NANOARROW_TYPE_UINT64,
        [ARR_FLOAT] = NANOARROW_TYPE_FLOAT,   [ARR_DOUBLE] = NANOARROW_TYPE_DOUBLE,
        [ARR_DATE32] = NANOARROW_TYPE_DATE32, [ARR_UTF8] = NANOARROW_TYPE_STRING,
        [ARR_BINARY] = NANOARROW_TYPE_BINARY,
    };
    return types[kind];
}

static ArrowErrorCode set_type(struct ArrowSchema *s, struct arr_type t)
{
    static const enum ArrowTimeUnit units[] = {
        [ARR_SECOND] = NANOARROW_TIME_UNIT_SECOND,
        [ARR_MILLI] = NANOARROW_TIME_UNIT_MILLI,
        [ARR_MICRO] = NANOARROW_TIME_UNIT_MICRO,
        [ARR_NANO] = NANOARROW_TIME_UNIT_NANO,
    };
    switch (t.kind) {
    case ARR_TIMESTAMP:
        return ArrowSchemaSetTypeDateTime(s, NANOARROW_TYPE_TIMESTAMP, units[t.unit],
                                          t.utc ? "UTC" : NULL);
    case ARR_FIXED_BINARY:
        return ArrowSchemaSetTypeFixedSize(s, NANOARROW_TYPE_FIXED_SIZE_BINARY, t.width);
    case ARR_DECIMAL128:
        return ArrowSchemaSetTypeDecimal(s, NANOARROW_TYPE_DECIMAL128, t.precision, t.scale);
    default:
        return ArrowSchemaSetType(s, plain_type(t.kind));
    }
}

/* Kinds that have no type here are refused by column. */
static slp_rc check_types(const struct arr_schema *s, struct slp_err *err)
{
    for (size_t i = 0; i < s->count; i++) {
        enum arr_kind kind = s->fields[i].type.kind;
        bool is_known = kind == ARR_TIMESTAMP || kind == ARR_FIXED_BINARY ||
                        kind == ARR_DECIMAL128 || plain_type(kind) != NANOARROW_TYPE_UNINITIALIZED;
        if (is_known)
            continue;
        char name[64];
        arr_type_format(s->fields[i].type, name, sizeof name);
        FAIL(err, UNSUPPORTED, "column \"%s\": %s is not written as Arrow", s->fields[i].name,
             name);
    }
    return SLP_OK;
}

static ArrowErrorCode set_schema(struct ArrowSchema *s, const struct arr_schema *from)
{
    ArrowSchemaInit(s);
    NANOARROW_RETURN_NOT_OK(ArrowSchemaSetTypeStruct(s, (int64_t)from->count));
    for (size_t i = 0; i < from->count; i++) {
        const struct arr_field *f = &from->fields[i];
        NANOARROW_RETURN_NOT_OK(set_type(s->children[i], f->type));
        NANOARROW_RETURN_NOT_OK(ArrowSchemaSetName(s->children[i], f->name));
        s->children[i]->flags = f->nullable ? ARROW_FLAG_NULLABLE : 0;
    }
    return NANOARROW_OK;
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

/* ---- Batches ---- */

static void show_buffer(struct ArrowBufferView *view, const struct buf *b)
{
    view->data.as_uint8 = b->ptr;
    view->size_bytes = (int64_t)b->len;
}

static int64_t buffer_count(struct arr_type t)
{
    if (t.kind == ARR_NULL)
        return 0;
    return arr_type_is_variable(t) ? 3 : 2;
}

static void show_column(struct ArrowArrayView *view, const struct ArrowArray *shape,
                        const struct arr_col *c)
{
    view->array = shape;
    view->length = c->rows;
    view->null_count = c->type.kind == ARR_NULL ? c->rows : c->null_count;
    if (c->type.kind == ARR_NULL)
        return;
    show_buffer(&view->buffer_views[0], &c->validity);
    if (arr_type_is_variable(c->type)) {
        show_buffer(&view->buffer_views[1], &c->offsets);
        show_buffer(&view->buffer_views[2], &c->data);
    } else {
        show_buffer(&view->buffer_views[1], &c->data);
    }
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
        show_column(o->view.children[i], &o->shapes[i], &b->cols[i]);
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
    alloc_free(base->mem, o->shapes, base->schema->count * sizeof *o->shapes);
    alloc_delete(base->mem, o);
}

slp_rc rows_arrow_writer(const struct rows_output *from, struct rows_output **out,
                         struct slp_err *err)
{
    static const struct rows_output_ops ops = {
        .batch = arrow_batch, .finish = arrow_finish, .free = arrow_free};
    slp_rc rc = SLP_OK;
    struct arrow_output *o = NULL;
    struct ArrowError error = {0};
    TRY(check_types(from->schema, err));
    TRY(alloc_new(from->mem, &o, err));
    rows_output_init(&o->base, &ops, from);
    ArrowArrayViewInitFromType(&o->view, NANOARROW_TYPE_UNINITIALIZED);
    struct ArrowIpcOutputStream stream = {
        .write = stream_write, .release = stream_release, .private_data = o};
    TRY_OUT(check(o, ArrowIpcWriterInit(&o->writer, &stream), &error, err));
    TRY_OUT(check(o, set_schema(&o->schema, from->schema), &error, err));
    TRY_OUT(check(o, ArrowArrayViewInitFromSchema(&o->view, &o->schema, &error), &error, err));
    TRY_OUT(
        alloc_array(from->mem, from->schema->count, sizeof *o->shapes, (void **)&o->shapes, err));
    for (size_t i = 0; i < from->schema->count; i++)
        o->shapes[i].n_buffers = buffer_count(from->schema->fields[i].type);
    *out = &o->base;
out:
    if (rc != SLP_OK)
        rows_output_free(&o->base);
    return rc;
}
