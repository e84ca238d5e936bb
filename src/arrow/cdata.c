#include "arrow/cdata.h"

#include <errno.h>

#include "arrow/cdata_priv.h"

/* What an exported schema keeps: its own places for the children, and pointers to them. */
struct schema_keep {
    struct alloc *mem;
    struct ArrowSchema *children;
    struct ArrowSchema **pointers;
    size_t count;
};

/* A child owns its texts, because a consumer may move it out and release the parent. */
struct field_keep {
    struct alloc *mem;
    size_t bytes; /* of all of it */
    char format[ARR_FORMAT_BYTES];
    char name[];
};

static void release_field(struct ArrowSchema *s)
{
    struct field_keep *k = s->private_data;
    alloc_free(k->mem, k, k->bytes);
    s->release = NULL;
}

static void release_schema(struct ArrowSchema *s)
{
    struct schema_keep *k = s->private_data;
    struct alloc *mem = k->mem;
    for (size_t i = 0; k->children && i < k->count; i++) {
        if (k->children[i].release)
            k->children[i].release(&k->children[i]);
    }
    alloc_free(mem, k->children, k->count * sizeof *k->children);
    alloc_free(mem, k->pointers, k->count * sizeof *k->pointers);
    alloc_delete(mem, k);
    s->release = NULL;
}

/* The format string of a type, at most ARR_FORMAT_BYTES with its terminator. */
static void write_format(struct arr_type t, char *out)
{
    static const char *const plain[ARR_KIND_COUNT] = {
        [ARR_NULL] = "n",     [ARR_BOOL] = "b",   [ARR_INT8] = "c",   [ARR_INT16] = "s",
        [ARR_INT32] = "i",    [ARR_INT64] = "l",  [ARR_UINT8] = "C",  [ARR_UINT16] = "S",
        [ARR_UINT32] = "I",   [ARR_UINT64] = "L", [ARR_FLOAT] = "f",  [ARR_DOUBLE] = "g",
        [ARR_DATE32] = "tdD", [ARR_UTF8] = "u",   [ARR_BINARY] = "z",
    };
    static const char units[] = "smun";
    switch (t.kind) {
    case ARR_TIMESTAMP:
        (void)snprintf(out, ARR_FORMAT_BYTES, "ts%c:%s", units[t.unit], t.utc ? "UTC" : "");
        return;
    case ARR_FIXED_BINARY:
        (void)snprintf(out, ARR_FORMAT_BYTES, "w:%d", t.width);
        return;
    case ARR_DECIMAL128:
        (void)snprintf(out, ARR_FORMAT_BYTES, "d:%d,%d", t.precision, t.scale);
        return;
    default:
        (void)snprintf(out, ARR_FORMAT_BYTES, "%s", plain[t.kind]);
    }
}

static slp_rc export_field(const struct arr_field *f, struct alloc *mem, struct ArrowSchema *out,
                           struct slp_err *err)
{
    void *room = NULL;
    size_t name_bytes = strlen(f->name) + 1;
    TRY(alloc_zeroed(mem, sizeof(struct field_keep) + name_bytes, &room, err));
    struct field_keep *k = room;
    k->mem = mem;
    k->bytes = sizeof *k + name_bytes;
    write_format(f->type, k->format);
    memcpy(k->name, f->name, name_bytes);
    *out = (struct ArrowSchema){.format = k->format,
                                .name = k->name,
                                .flags = f->nullable ? ARROW_FLAG_NULLABLE : 0,
                                .release = release_field,
                                .private_data = k};
    return SLP_OK;
}

static slp_rc export_fields(const struct arr_schema *schema, struct schema_keep *k,
                            struct slp_err *err)
{
    void *room = NULL;
    TRY(alloc_array(k->mem, k->count, sizeof *k->pointers, &room, err));
    k->pointers = room;
    TRY(alloc_array(k->mem, k->count, sizeof *k->children, &room, err));
    k->children = room;
    for (size_t i = 0; i < k->count; i++) {
        TRY(export_field(&schema->fields[i], k->mem, &k->children[i], err));
        k->pointers[i] = &k->children[i];
    }
    return SLP_OK;
}

slp_rc arr_export_schema(const struct arr_schema *schema, struct alloc *mem,
                         struct ArrowSchema *out, struct slp_err *err)
{
    struct schema_keep *k = NULL;
    TRY(alloc_new(mem, &k, err));
    k->mem = mem;
    k->count = schema->count;
    struct ArrowSchema whole = {.format = "+s",
                                .name = "",
                                .n_children = (int64_t)schema->count,
                                .release = release_schema,
                                .private_data = k};
    slp_rc rc = export_fields(schema, k, err);
    if (rc != SLP_OK) {
        release_schema(&whole);
        return rc;
    }
    whole.children = k->pointers;
    *out = whole;
    return SLP_OK;
}

/* One column that was moved out: it owns its buffers, and may be moved on by itself. */
struct column_keep {
    struct alloc *mem;
    struct arr_col col;
    const void *buffers[3];
};

struct batch_keep {
    struct alloc *mem;
    struct ArrowArray *children;
    struct ArrowArray **pointers;
    const void *buffers[1];
    size_t count;
};

static void release_column(struct ArrowArray *a)
{
    struct column_keep *k = a->private_data;
    arr_col_fini(&k->col);
    alloc_delete(k->mem, k);
    a->release = NULL;
}

static void release_batch(struct ArrowArray *a)
{
    struct batch_keep *k = a->private_data;
    struct alloc *mem = k->mem;
    for (size_t i = 0; k->children && i < k->count; i++) {
        if (k->children[i].release)
            k->children[i].release(&k->children[i]);
    }
    alloc_free(mem, k->children, k->count * sizeof *k->children);
    alloc_free(mem, k->pointers, k->count * sizeof *k->pointers);
    alloc_delete(mem, k);
    a->release = NULL;
}

static slp_rc column_keep_new(struct alloc *mem, struct ArrowArray *out, struct slp_err *err)
{
    struct column_keep *k = NULL;
    TRY(alloc_new(mem, &k, err));
    k->mem = mem;
    *out = (struct ArrowArray){.release = release_column, .private_data = k};
    return SLP_OK;
}

static slp_rc column_keeps_new(struct batch_keep *k, struct slp_err *err)
{
    void *room = NULL;
    TRY(alloc_array(k->mem, k->count, sizeof *k->pointers, &room, err));
    k->pointers = room;
    TRY(alloc_array(k->mem, k->count, sizeof *k->children, &room, err));
    k->children = room;
    for (size_t i = 0; i < k->count; i++) {
        TRY(column_keep_new(k->mem, &k->children[i], err));
        k->pointers[i] = &k->children[i];
    }
    return SLP_OK;
}

/* Everything that can fail, before anything moves. */
static slp_rc batch_keep_new(struct alloc *mem, size_t count, struct ArrowArray *out,
                             struct slp_err *err)
{
    struct batch_keep *k = NULL;
    TRY(alloc_new(mem, &k, err));
    k->mem = mem;
    k->count = count;
    struct ArrowArray whole = {.release = release_batch, .private_data = k};
    slp_rc rc = column_keeps_new(k, err);
    if (rc != SLP_OK) {
        release_batch(&whole);
        return rc;
    }
    *out = whole;
    return SLP_OK;
}

/* Consumers may ask for a buffer even where there are no rows. */
static const int64_t no_bytes[8];

static const void *start_of(const struct buf *b)
{
    return b->ptr && b->len ? (const void *)b->ptr : no_bytes;
}

static void move_column(struct arr_col *from, struct ArrowArray *to)
{
    struct column_keep *k = to->private_data;
    struct arr_col *c = &k->col;
    *c = *from;
    arr_col_init(from, c->data.mem, c->type);
    to->length = c->rows;
    to->null_count = c->null_count;
    to->buffers = k->buffers;
    if (c->type.kind == ARR_NULL)
        return;
    k->buffers[0] = c->null_count ? c->validity.ptr : NULL;
    if (arr_type_is_variable(c->type)) {
        /* A column without rows still has one offset: zero. */
        k->buffers[1] = start_of(&c->offsets);
        k->buffers[2] = start_of(&c->data);
        to->n_buffers = 3;
    } else {
        k->buffers[1] = start_of(&c->data);
        to->n_buffers = 2;
    }
}

slp_rc arr_export_batch(struct arr_batch *batch, struct ArrowArray *out, struct slp_err *err)
{
    struct ArrowArray whole = {0};
    size_t count = batch->schema->count;
    TRY(batch_keep_new(batch->mem, count, &whole, err));
    struct batch_keep *k = whole.private_data;
    for (size_t i = 0; i < count; i++)
        move_column(&batch->cols[i], &k->children[i]);
    whole.length = batch->rows;
    whole.n_buffers = 1;
    whole.buffers = k->buffers;
    whole.n_children = (int64_t)count;
    whole.children = k->pointers;
    batch->rows = 0;
    *out = whole;
    return SLP_OK;
}

struct stream_keep {
    struct alloc *mem;
    struct arr_stream *stream;
    struct arr_batch batch;
    struct slp_err err;
};

/* The interface has codes of errno. */
static int code_of(slp_rc rc)
{
    if (rc == SLP_OK)
        return 0;
    if (rc == SLP_NO_MEMORY)
        return ENOMEM;
    return rc == SLP_INVALID ? EINVAL : EIO;
}

static int stream_schema(struct ArrowArrayStream *s, struct ArrowSchema *out)
{
    struct stream_keep *k = s->private_data;
    return code_of(arr_export_schema(k->stream->schema, k->mem, out, &k->err));
}

static int stream_next(struct ArrowArrayStream *s, struct ArrowArray *out)
{
    struct stream_keep *k = s->private_data;
    slp_rc rc = arr_stream_next(k->stream, &k->batch, &k->err);
    if (rc == SLP_DONE) {
        *out = (struct ArrowArray){0};
        return 0;
    }
    if (rc == SLP_OK)
        rc = arr_export_batch(&k->batch, out, &k->err);
    return code_of(rc);
}

static const char *stream_error(struct ArrowArrayStream *s)
{
    struct stream_keep *k = s->private_data;
    return k->err.text[0] ? k->err.text : NULL;
}

static void release_stream(struct ArrowArrayStream *s)
{
    struct stream_keep *k = s->private_data;
    arr_batch_fini(&k->batch);
    arr_stream_close(k->stream);
    alloc_delete(k->mem, k);
    s->release = NULL;
}

slp_rc arr_export_stream(struct arr_stream *stream, struct alloc *mem, struct ArrowArrayStream *out,
                         struct slp_err *err)
{
    struct stream_keep *k = NULL;
    TRY(alloc_new(mem, &k, err));
    k->mem = mem;
    k->stream = stream;
    *out = (struct ArrowArrayStream){.get_schema = stream_schema,
                                     .get_next = stream_next,
                                     .get_last_error = stream_error,
                                     .release = release_stream,
                                     .private_data = k};
    return SLP_OK;
}
