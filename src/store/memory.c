#include "store/memory.h"

#include <assert.h>

#include "base/num.h"
#include "os/clock.h"
#include "os/thread.h"
#include "store/store_priv.h"

/* An object lives until it is deleted or replaced and the last source over it is closed. */
struct object {
    size_t refs; /* guarded by the store's lock */
    struct store_tag tag;
    int64_t modified_us;
    size_t name_len;
    size_t body_len;
    uint8_t bytes[]; /* name, a terminator, body */
};

struct memory_store {
    struct store base;
    struct alloc *mem;
    struct os_clock *clock;
    struct os_mutex lock;    /* guards all below */
    struct object **objects; /* ascending by name */
    size_t count;
    size_t room; /* elements of `objects` */
};

static struct slice object_name(const struct object *o)
{
    return slice_of(o->bytes, o->name_len);
}

static struct slice object_body(const struct object *o)
{
    return slice_of(o->bytes + o->name_len + 1, o->body_len);
}

static size_t object_bytes(size_t name_len, size_t body_len)
{
    return sizeof(struct object) + name_len + 1 + body_len;
}

static slp_rc object_new(struct memory_store *m, struct slice name, struct slice body,
                         struct object **out, struct slp_err *err)
{
    void *room = NULL;
    if (body.len > SIZE_MAX / 2)
        FAIL(err, LIMIT, "an object of %zu bytes does not fit memory", body.len);
    TRY(alloc_zeroed(m->mem, object_bytes(name.len, body.len), &room, err));
    struct object *o = room;
    o->refs = 1;
    o->tag = store_tag_of(body);
    o->modified_us = os_clock_wall_us(m->clock);
    o->name_len = name.len;
    o->body_len = body.len;
    memcpy(o->bytes, name.ptr, name.len);
    if (body.len)
        memcpy(o->bytes + name.len + 1, body.ptr, body.len);
    *out = o;
    return SLP_OK;
}

static void object_unref(struct memory_store *m, struct object *o)
{
    if (--o->refs == 0)
        alloc_free(m->mem, o, object_bytes(o->name_len, o->body_len));
}

/* The index of the first object whose name is not below `name`. */
static size_t lower_bound(const struct memory_store *m, struct slice name)
{
    size_t low = 0;
    size_t high = m->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (slice_compare(object_name(m->objects[middle]), name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct object *find(const struct memory_store *m, struct slice name)
{
    size_t at = lower_bound(m, name);
    if (at < m->count && slice_equal(object_name(m->objects[at]), name))
        return m->objects[at];
    return NULL;
}

static slp_rc reserve_one(struct memory_store *m, struct slp_err *err)
{
    if (m->count < m->room)
        return SLP_OK;
    size_t room = m->room ? m->room * 2 : 16;
    void *grown = NULL;
    TRY(alloc_array(m->mem, room, sizeof *m->objects, &grown, err));
    if (m->count)
        memcpy(grown, m->objects, m->count * sizeof *m->objects);
    alloc_free(m->mem, m->objects, m->room * sizeof *m->objects);
    m->objects = grown;
    m->room = room;
    return SLP_OK;
}

static slp_rc insert(struct memory_store *m, struct object *o, struct slp_err *err)
{
    TRY(reserve_one(m, err));
    size_t at = lower_bound(m, object_name(o));
    memmove(m->objects + at + 1, m->objects + at, (m->count - at) * sizeof(struct object *));
    m->objects[at] = o;
    m->count++;
    return SLP_OK;
}

static slp_rc run_get(struct memory_store *m, struct store_request *r)
{
    size_t len = 0;
    const struct object *o = find(m, r->name);
    if (!o)
        FAIL(&r->err, NOT_FOUND, "no such object");
    TRY(store_get_span(r, o->body_len, &len, &r->err));
    TRY(buf_assign(r->out, slice_sub(object_body(o), (size_t)r->offset, len), &r->err));
    if (store_get_is_whole(r))
        r->tag = o->tag;
    store_count(&m->base.counts.bytes_in, len);
    return SLP_OK;
}

static slp_rc run_put(struct memory_store *m, struct store_request *r)
{
    bool must_be_absent = r->verb == STORE_PUT_IF_ABSENT || store_tag_is_absent(r->match);
    const struct object *old = find(m, r->name);
    if (must_be_absent && old)
        FAIL(&r->err, CONFLICT, "it exists already");
    if (!must_be_absent && (!old || !store_tag_equal(old->tag, r->match)))
        FAIL(&r->err, CONFLICT, "it is not the one expected, somebody changed it");
    struct object *o = NULL;
    TRY(object_new(m, r->name, r->body, &o, &r->err));
    if (old) {
        size_t at = lower_bound(m, r->name);
        object_unref(m, m->objects[at]);
        m->objects[at] = o;
    } else {
        slp_rc rc = insert(m, o, &r->err);
        if (rc != SLP_OK) {
            object_unref(m, o);
            return rc;
        }
    }
    r->tag = o->tag;
    store_count(&m->base.counts.bytes_out, r->body.len);
    return SLP_OK;
}

static slp_rc run_list(struct memory_store *m, struct store_request *r)
{
    size_t limit = store_list_limit(r);
    size_t from = lower_bound(m, slice_compare(r->after, r->name) > 0 ? r->after : r->name);
    size_t count = 0;
    void *room = NULL;
    if (from < m->count && r->after.len && slice_equal(object_name(m->objects[from]), r->after))
        from++;
    while (count < limit && from + count < m->count &&
           slice_starts_with(object_name(m->objects[from + count]), r->name))
        count++;
    TRY(arena_array(r->arena, count, sizeof *r->items, &room, &r->err));
    struct store_item *items = room;
    for (size_t i = 0; i < count; i++) {
        const struct object *o = m->objects[from + i];
        TRY(arena_copy(r->arena, object_name(o), &items[i].name, &r->err));
        items[i].size = o->body_len;
        items[i].modified_us = o->modified_us;
    }
    r->items = items;
    r->item_count = count;
    return SLP_OK;
}

static slp_rc run_delete(struct memory_store *m, const struct store_request *r)
{
    size_t at = lower_bound(m, r->name);
    if (at == m->count || !slice_equal(object_name(m->objects[at]), r->name))
        return SLP_OK;
    object_unref(m, m->objects[at]);
    memmove(m->objects + at, m->objects + at + 1, (m->count - at - 1) * sizeof(struct object *));
    m->count--;
    return SLP_OK;
}

static slp_rc run(struct memory_store *m, struct store_request *r)
{
    switch (r->verb) {
    case STORE_GET:
        return run_get(m, r);
    case STORE_PUT_IF_ABSENT:
    case STORE_PUT_IF_MATCH:
        return run_put(m, r);
    case STORE_LIST_FROM:
        return run_list(m, r);
    case STORE_DELETE:
        return run_delete(m, r);
    case STORE_VERB_COUNT:
        break;
    }
    FAIL(&r->err, INVALID, "verb %d is not one of the store's", (int)r->verb);
}

static slp_rc memory_submit(struct store *s, struct store_request *requests, size_t count,
                            struct slp_err *err)
{
    (void)err;
    struct memory_store *m = (struct memory_store *)s;
    for (size_t i = 0; i < count; i++) {
        struct store_request *r = &requests[i];
        if (r->rc != SLP_OK)
            continue;
        os_mutex_lock(&m->lock);
        r->rc = run(m, r);
        os_mutex_unlock(&m->lock);
        r->store_time_us = os_clock_wall_us(m->clock);
        (void)err_wrap(&r->err, r->rc, "object \"%.*s\"", SLICE_ARG(r->name));
    }
    return SLP_OK;
}

static slp_rc memory_wait(struct store *s, struct store_request *requests, size_t count,
                          const struct store_wait_options *o, struct slp_err *err)
{
    (void)s;
    (void)requests;
    (void)count;
    (void)o;
    (void)err;
    return SLP_OK;
}

struct object_source {
    struct source base;
    struct memory_store *store;
    struct object *object;
    struct alloc *mem;
};

static slp_rc object_source_read(struct source *src, const struct io_range *ranges, size_t count,
                                 struct slp_err *err)
{
    (void)err;
    struct object_source *o = (struct object_source *)src;
    struct store_counts *counts = &o->store->base.counts;
    struct slice body = object_body(o->object);
    for (size_t i = 0; i < count; i++) {
        if (ranges[i].len)
            memcpy(ranges[i].dst, body.ptr + ranges[i].offset, ranges[i].len);
        store_count(&counts->bytes_in, ranges[i].len);
    }
    store_count(&counts->requests[STORE_GET], count);
    store_count(&counts->rounds, 1);
    store_trace_read(&o->store->base, src->name, ranges, count, SLP_OK);
    return SLP_OK;
}

static void object_source_close(struct source *src)
{
    struct object_source *o = (struct object_source *)src;
    os_mutex_lock(&o->store->lock);
    object_unref(o->store, o->object);
    os_mutex_unlock(&o->store->lock);
    alloc_delete(o->mem, o);
}

static slp_rc memory_open(struct store *s, struct slice name, struct alloc *mem,
                          struct source **out, struct slp_err *err)
{
    static const struct source_ops ops = {.read = object_source_read, .close = object_source_close};
    struct memory_store *m = (struct memory_store *)s;
    struct object_source *source = NULL;
    TRY(alloc_new(mem, &source, err));
    os_mutex_lock(&m->lock);
    struct object *o = find(m, name);
    if (o)
        o->refs++;
    os_mutex_unlock(&m->lock);
    if (!o) {
        alloc_delete(mem, source);
        FAIL(err, NOT_FOUND, "object \"%.*s\": no such object", SLICE_ARG(name));
    }
    *source = (struct object_source){
        .base = {.ops = &ops, .name = (const char *)o->bytes, .size = o->body_len},
        .store = m,
        .object = o,
        .mem = mem};
    *out = &source->base;
    return SLP_OK;
}

struct memory_put {
    struct store_put base;
    struct buf_sink sink;
    struct buf body;
    struct alloc *mem;
    size_t name_len;
    char name[STORE_NAME_MAX + 1];
};

static slp_rc memory_put_open(struct store *s, struct slice name, struct alloc *mem,
                              struct store_put **out, struct slp_err *err)
{
    struct memory_put *p = NULL;
    TRY(alloc_new(mem, &p, err));
    buf_init(&p->body, mem, SIZE_MAX / 4);
    memcpy(p->name, name.ptr, name.len);
    p->name_len = name.len;
    p->mem = mem;
    sink_buf_init(&p->sink, p->name, &p->body);
    p->base = (struct store_put){.store = s, .sink = &p->sink.base};
    *out = &p->base;
    return SLP_OK;
}

static void memory_put_abort(struct store_put *put)
{
    struct memory_put *p = (struct memory_put *)put;
    buf_fini(&p->body);
    alloc_delete(p->mem, p);
}

static slp_rc memory_put_commit(struct store_put *put, struct slp_err *err)
{
    struct memory_put *p = (struct memory_put *)put;
    struct memory_store *m = (struct memory_store *)put->store;
    struct store_request r = {.verb = STORE_PUT_IF_ABSENT,
                              .name = slice_of(p->name, p->name_len),
                              .body = buf_slice(&p->body)};
    os_mutex_lock(&m->lock);
    slp_rc rc = run_put(m, &r);
    os_mutex_unlock(&m->lock);
    (void)err_wrap(&r.err, rc, "object \"%s\"", p->name);
    if (rc != SLP_OK && err)
        *err = r.err;
    memory_put_abort(put);
    return rc;
}

static int64_t memory_clock_us(struct store *s)
{
    return os_clock_wall_us(((struct memory_store *)s)->clock);
}

static void memory_sleep_us(struct store *s, int64_t us)
{
    os_clock_sleep_us(((struct memory_store *)s)->clock, us);
}

static void memory_close(struct store *s)
{
    struct memory_store *m = (struct memory_store *)s;
    for (size_t i = 0; i < m->count; i++)
        object_unref(m, m->objects[i]);
    alloc_free(m->mem, m->objects, m->room * sizeof *m->objects);
    os_mutex_fini(&m->lock);
    alloc_delete(m->mem, m);
}

slp_rc store_memory_new(struct alloc *mem, struct store **out, struct slp_err *err)
{
    static const struct store_ops ops = {
        .submit = memory_submit,
        .wait = memory_wait,
        .open = memory_open,
        .put_open = memory_put_open,
        .put_commit = memory_put_commit,
        .put_abort = memory_put_abort,
        .clock_us = memory_clock_us,
        .sleep_us = memory_sleep_us,
        .close = memory_close,
    };
    struct memory_store *m = NULL;
    TRY(alloc_new(mem, &m, err));
    m->base.ops = &ops;
    m->base.is_ordered = true;
    m->mem = mem;
    m->clock = os_clock_system();
    os_mutex_init(&m->lock);
    *out = &m->base;
    return SLP_OK;
}

void store_memory_set_clock(struct store *s, struct os_clock *clock)
{
    ((struct memory_store *)s)->clock = clock;
}
