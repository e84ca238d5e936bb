#include "api/list.h"

#include "api/instance.h"

struct list {
    struct arr_stream base;
    struct alloc *mem;
    struct arena arena;
    struct arr_schema schema;
    struct arr_batch batch;
    bool is_given;
};

#define LIST_SCHEMA_MAX_BYTES ((size_t)1 << 20)

void api_list_free(struct list *l)
{
    if (!l)
        return;
    arr_batch_fini(&l->batch);
    arena_fini(&l->arena);
    alloc_delete(l->mem, l);
}

static void list_close(struct arr_stream *stream)
{
    api_list_free((struct list *)(void *)stream);
}

static slp_rc list_next(struct arr_stream *stream, struct arr_batch *out, struct slp_err *err)
{
    struct list *l = (struct list *)(void *)stream;
    if (l->is_given || l->batch.rows == 0)
        return SLP_DONE;
    if (!out->cols)
        TRY(arr_batch_init(out, l->mem, &l->schema, err));
    arr_batch_clear(out);
    TRY(arr_batch_append_run(out, &l->batch, 0, l->batch.rows, err));
    l->is_given = true;
    return SLP_OK;
}

static slp_rc make_schema(struct list *l, const struct list_column *columns, size_t count,
                          struct slp_err *err)
{
    TRY(arena_array(&l->arena, count, sizeof *l->schema.fields, (void **)&l->schema.fields, err));
    l->schema.count = count;
    for (size_t i = 0; i < count; i++)
        l->schema.fields[i] = (struct arr_field){
            .name = columns[i].name,
            .nullable = true,
            .type = {.kind = columns[i].kind,
                     .unit = columns[i].kind == ARR_TIMESTAMP ? ARR_MICRO : ARR_SECOND,
                     .utc = columns[i].kind == ARR_TIMESTAMP},
        };
    return SLP_OK;
}

slp_rc api_list_new(struct alloc *mem, const struct list_column *columns, size_t count,
                    struct list **out, struct slp_err *err)
{
    static const struct arr_stream_ops ops = {.next = list_next, .close = list_close};
    slp_rc rc = SLP_OK;
    struct list *l = NULL;
    TRY(alloc_new(mem, &l, err));
    l->mem = mem;
    l->base.ops = &ops;
    l->base.schema = &l->schema;
    arena_init(&l->arena, mem, LIST_SCHEMA_MAX_BYTES);
    TRY_OUT(make_schema(l, columns, count, err));
    TRY_OUT(arr_batch_init(&l->batch, mem, &l->schema, err));
    *out = l;
    return SLP_OK;
out:
    api_list_free(l);
    return rc;
}

static slp_rc append_value(struct arr_col *c, const struct list_value *v, struct slp_err *err)
{
    if (v->is_null)
        return arr_col_append_null(c, err);
    if (c->type.kind == ARR_UTF8)
        return arr_col_append(c, v->text, err);
    if (c->type.kind == ARR_BOOL)
        return arr_col_append_bool(c, v->number != 0, err);
    return arr_col_append_i64(c, v->number, err);
}

slp_rc api_list_add(struct list *l, const struct list_value *values, struct slp_err *err)
{
    for (size_t i = 0; i < l->schema.count; i++)
        TRY(append_value(&l->batch.cols[i], &values[i], err));
    l->batch.rows++;
    return SLP_OK;
}

slp_rc api_list_rows(struct list *l, struct slp_rows **out, struct slp_err *err)
{
    return api_rows_wrap(l->mem, &l->base, out, err);
}
