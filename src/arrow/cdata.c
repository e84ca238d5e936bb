#include "arrow/cdata.h"

#include <errno.h>

#include "arrow/batch_priv.h"
#include "arrow/cdata_priv.h"
#include "arrow/dictionary.h"

/* What an exported schema owns: its texts and its children, for a consumer may move any child out
 * and release the parent. */
struct schema_keep {
    struct alloc *mem;
    size_t bytes; /* of all of it */
    size_t count;
    struct ArrowSchema *children;
    struct ArrowSchema **pointers;
    struct ArrowSchema dictionary; /* of a field that is exported as one */
    char format[ARR_FORMAT_BYTES];
    char name[];
};

static void release_schema(struct ArrowSchema *s)
{
    struct schema_keep *k = s->private_data;
    for (size_t i = 0; k->children && i < k->count; i++) {
        if (k->children[i].release)
            k->children[i].release(&k->children[i]);
    }
    if (k->dictionary.release)
        k->dictionary.release(&k->dictionary);
    alloc_free(k->mem, k->children, k->count * sizeof *k->children);
    alloc_free(k->mem, k->pointers, k->count * sizeof *k->pointers);
    alloc_free(k->mem, k, k->bytes);
    s->release = NULL;
}

static slp_rc schema_keep_new(const char *name, struct alloc *mem, struct schema_keep **out,
                              struct slp_err *err)
{
    void *room = NULL;
    size_t name_bytes = strlen(name) + 1;
    TRY(alloc_zeroed(mem, sizeof(struct schema_keep) + name_bytes, &room, err));
    struct schema_keep *k = room;
    k->mem = mem;
    k->bytes = sizeof *k + name_bytes;
    memcpy(k->name, name, name_bytes);
    *out = k;
    return SLP_OK;
}

static slp_rc export_field(const struct arr_field *f, struct alloc *mem, struct ArrowSchema *out,
                           struct slp_err *err);

static slp_rc export_children(const struct arr_field *f, struct schema_keep *k, struct slp_err *err)
{
    void *room = NULL;
    k->count = f->child_count;
    TRY(alloc_array(k->mem, k->count, sizeof *k->pointers, &room, err));
    k->pointers = room;
    TRY(alloc_array(k->mem, k->count, sizeof *k->children, &room, err));
    k->children = room;
    for (size_t i = 0; i < k->count; i++) {
        TRY(export_field(&f->children[i], k->mem, &k->children[i], err));
        k->pointers[i] = &k->children[i];
    }
    return SLP_OK;
}

/* The field is one of indices; the values are described beside it. */
static slp_rc export_dictionary(const struct arr_field *f, struct schema_keep *k,
                                struct slp_err *err)
{
    struct arr_field values = {.name = "", .type = f->type, .nullable = true};
    arr_format_write((struct arr_type){.kind = ARR_INT32}, k->format);
    return export_field(&values, k->mem, &k->dictionary, err);
}

static slp_rc export_field(const struct arr_field *f, struct alloc *mem, struct ArrowSchema *out,
                           struct slp_err *err)
{
    struct schema_keep *k = NULL;
    slp_rc rc = SLP_OK;
    TRY(schema_keep_new(f->name, mem, &k, err));
    struct ArrowSchema s = {.format = k->format,
                            .name = k->name,
                            .metadata = arr_extension_metadata(f->extension),
                            .flags = f->nullable ? ARROW_FLAG_NULLABLE : 0,
                            .n_children = (int64_t)f->child_count,
                            .release = release_schema,
                            .private_data = k};
    arr_format_write(f->type, k->format);
    if (arr_type_is_nested(f->type))
        rc = export_children(f, k, err);
    else if (arr_field_as_dictionary(f))
        rc = export_dictionary(f, k, err);
    if (rc != SLP_OK) {
        release_schema(&s);
        return rc;
    }
    s.children = k->pointers;
    s.dictionary = k->dictionary.release ? &k->dictionary : NULL;
    *out = s;
    return SLP_OK;
}

slp_rc arr_export_schema(const struct arr_schema *schema, struct alloc *mem,
                         struct ArrowSchema *out, struct slp_err *err)
{
    struct arr_field whole = {.name = "",
                              .type = {.kind = ARR_STRUCT},
                              .children = schema->fields,
                              .child_count = schema->count};
    return export_field(&whole, mem, out, err);
}

/* An array that was moved out: it owns its buffers and its children, any of which may be moved on
 * by itself. */
struct array_keep {
    struct alloc *mem;
    struct arr_col col; /* without children: only what it owns itself */
    const void *buffers[3];
    size_t count;
    struct ArrowArray *children;
    struct ArrowArray **pointers;
    struct ArrowArray dictionary;
};

static void release_array(struct ArrowArray *a)
{
    struct array_keep *k = a->private_data;
    for (size_t i = 0; k->children && i < k->count; i++) {
        if (k->children[i].release)
            k->children[i].release(&k->children[i]);
    }
    if (k->dictionary.release)
        k->dictionary.release(&k->dictionary);
    arr_col_fini(&k->col);
    alloc_free(k->mem, k->children, k->count * sizeof *k->children);
    alloc_free(k->mem, k->pointers, k->count * sizeof *k->pointers);
    alloc_delete(k->mem, k);
    a->release = NULL;
}

static slp_rc array_keep_new(struct alloc *mem, const struct arr_col *cols, size_t count,
                             struct ArrowArray *out, struct slp_err *err);

static slp_rc array_keeps_new(struct array_keep *k, const struct arr_col *cols, struct slp_err *err)
{
    void *room = NULL;
    TRY(alloc_array(k->mem, k->count, sizeof *k->pointers, &room, err));
    k->pointers = room;
    TRY(alloc_array(k->mem, k->count, sizeof *k->children, &room, err));
    k->children = room;
    for (size_t i = 0; i < k->count; i++) {
        const struct arr_col *c = &cols[i];
        TRY(array_keep_new(k->mem, c->children, c->child_count, &k->children[i], err));
        k->pointers[i] = &k->children[i];
        if (!c->dictionary)
            continue;
        struct array_keep *child = k->children[i].private_data;
        TRY(array_keep_new(k->mem, NULL, 0, &child->dictionary, err));
    }
    return SLP_OK;
}

/* Everything that can fail, before anything moves: places for an array with these children. */
static slp_rc array_keep_new(struct alloc *mem, const struct arr_col *cols, size_t count,
                             struct ArrowArray *out, struct slp_err *err)
{
    struct array_keep *k = NULL;
    TRY(alloc_new(mem, &k, err));
    k->mem = mem;
    k->count = count;
    struct ArrowArray whole = {.release = release_array, .private_data = k};
    slp_rc rc = count ? array_keeps_new(k, cols, err) : SLP_OK;
    if (rc != SLP_OK) {
        release_array(&whole);
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

/* The buffers of a column, in the order of the interface. A column without rows still has one
 * offset: zero. */
static void show_buffers(const struct arr_col *c, struct ArrowArray *to)
{
    struct array_keep *k = to->private_data;
    const struct arr_type *type = arr_col_storage(c);
    to->length = c->rows;
    to->null_count = c->null_count;
    to->buffers = k->buffers;
    if (type->kind == ARR_NULL)
        return;
    to->n_buffers = 1;
    k->buffers[0] = c->null_count ? c->validity.ptr : NULL;
    if (arr_type_is_variable(*type) || arr_type_is_list(*type))
        k->buffers[to->n_buffers++] = start_of(&c->offsets);
    if (!arr_type_is_nested(*type))
        k->buffers[to->n_buffers++] = start_of(&c->data);
}

static void move_buffers(struct arr_col *from, struct arr_col *to)
{
    *to = (struct arr_col){.type = from->type, .rows = from->rows, .null_count = from->null_count};
    buf_take(&to->validity, &from->validity);
    buf_take(&to->data, &from->data);
    buf_take(&to->offsets, &from->offsets);
    to->dictionary = from->dictionary;
    from->dictionary = NULL;
    from->rows = 0;
    from->null_count = 0;
}

/* The values stay where they are: others may share them. The array holds them by a count. */
static void show_dictionary(struct array_keep *k, struct ArrowArray *to)
{
    struct array_keep *values = k->dictionary.private_data;
    show_buffers(&k->col.dictionary->values, &k->dictionary);
    values->col.dictionary = arr_dictionary_ref(k->col.dictionary);
    to->dictionary = &k->dictionary;
}

static void move_column(struct arr_col *from, struct ArrowArray *to)
{
    struct array_keep *k = to->private_data;
    move_buffers(from, &k->col);
    show_buffers(&k->col, to);
    to->n_children = (int64_t)k->count;
    to->children = k->pointers;
    for (size_t i = 0; i < k->count; i++)
        move_column(&from->children[i], &k->children[i]);
    if (k->col.dictionary)
        show_dictionary(k, to);
}

/* Columns are dictionaries where the schema says so, and only there. */
static slp_rc match_dictionaries(struct arr_col *c, const struct arr_field *f, struct slp_err *err)
{
    for (size_t i = 0; i < c->child_count; i++)
        TRY(match_dictionaries(&c->children[i], &f->children[i], err));
    if (arr_field_as_dictionary(f) && !c->dictionary)
        return arr_col_number_rows(c, err);
    return !arr_field_as_dictionary(f) && c->dictionary ? arr_col_decode_dictionary(c, err)
                                                        : SLP_OK;
}

slp_rc arr_export_batch(struct arr_batch *batch, struct ArrowArray *out, struct slp_err *err)
{
    struct ArrowArray whole = {0};
    size_t count = batch->schema->count;
    for (size_t i = 0; i < count; i++) {
        slp_rc rc = match_dictionaries(&batch->cols[i], &batch->schema->fields[i], err);
        if (rc != SLP_OK)
            return err_wrap(err, rc, "column \"%s\"", batch->schema->fields[i].name);
    }
    TRY(array_keep_new(batch->mem, batch->cols, count, &whole, err));
    struct array_keep *k = whole.private_data;
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
