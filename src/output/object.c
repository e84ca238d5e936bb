#include "output/object.h"

struct output_object {
    struct sink base;
    struct alloc *mem;
    struct store *store;
    struct buf name;
    struct buf held;
    size_t held_max;
    struct store_put *put; /* NULL: what came is held */
};

/* Held no longer: what came goes into the store. */
static slp_rc move_out(struct output_object *o, struct slp_err *err)
{
    TRY(store_put_open(o->store, buf_slice(&o->name), o->mem, &o->put, err));
    if (o->held.len)
        TRY(sink_write(o->put->sink, o->held.ptr, o->held.len, err));
    buf_fini(&o->held);
    return SLP_OK;
}

static slp_rc object_write(struct sink *sink, const void *bytes, size_t n, struct slp_err *err)
{
    struct output_object *o = (struct output_object *)(void *)sink;
    if (!o->put && n <= o->held_max - o->held.len)
        return buf_append(&o->held, bytes, n, err);
    if (!o->put)
        TRY(move_out(o, err));
    return sink_write(o->put->sink, bytes, n, err);
}

static void release(struct output_object *o)
{
    buf_fini(&o->name);
    buf_fini(&o->held);
    alloc_delete(o->mem, o);
}

slp_rc output_object_open(struct store *store, struct slice name, size_t held_max,
                          struct alloc *mem, struct output_object **out, struct slp_err *err)
{
    static const struct sink_ops ops = {.write = object_write};
    slp_rc rc = SLP_OK;
    struct output_object *o = NULL;
    TRY(alloc_new(mem, &o, err));
    *o = (struct output_object){
        .base = {.ops = &ops}, .mem = mem, .store = store, .held_max = held_max};
    buf_init(&o->name, mem, name.len + 1);
    buf_init(&o->held, mem, held_max);
    TRY_OUT(buf_append_slice(&o->name, name, err));
    TRY_OUT(buf_append_u8(&o->name, 0, err));
    o->name.len--;
    o->base.name = (const char *)o->name.ptr;
    if (held_max == 0)
        TRY_OUT(move_out(o, err));
    *out = o;
out:
    if (rc != SLP_OK)
        release(o);
    return rc;
}

struct sink *output_object_sink(struct output_object *o)
{
    return o->put && o->held_max == 0 ? o->put->sink : &o->base;
}

slp_rc output_object_commit(struct output_object *o, struct buf *held, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    if (o->put)
        rc = store_put_commit(o->put, err);
    else
        buf_take(held, &o->held);
    release(o);
    return rc;
}

void output_object_abort(struct output_object *o)
{
    if (!o)
        return;
    store_put_abort(o->put);
    release(o);
}
