#include "store/store_priv.h"

/*
 * Requests are numbered as they arrive: each of a batch, each opening of an object, each read of an
 * open one and each commit of a streamed write is one.
 */
struct faulty_store {
    struct store base;
    struct store *below;
    struct alloc *mem;
    struct store_fault_plan plan;
    uint64_t seen; /* requests so far; atomic */
    uint64_t hits; /* faults so far; atomic */
    int silent;    /* the next store_wait gets no answer; atomic */
};

static bool fault_due(struct faulty_store *f)
{
    uint64_t at = __atomic_fetch_add(&f->seen, 1, __ATOMIC_RELAXED);
    bool due = at == f->plan.fault_at || (f->plan.for_good && at > f->plan.fault_at);
    if (due)
        store_count(&f->hits, 1);
    return due;
}

static slp_rc unavailable(struct slp_err *err)
{
    FAIL(err, UNAVAILABLE, "a fault that was asked for; nothing was done");
}

static slp_rc lost(struct slp_err *err)
{
    FAIL(err, UNKNOWN, "a fault that was asked for; the answer was lost");
}

/* Pass one request on to the store below, as it would come from a caller. */
static void pass_on(struct faulty_store *f, struct store_request *r)
{
    struct slp_err err = {0};
    slp_rc rc = store_submit(f->below, r, 1, &err);
    if (rc == SLP_OK)
        rc = store_wait(f->below, r, 1, NULL, &err);
    if (rc != SLP_OK) {
        r->rc = rc;
        r->err = err;
    }
    if (r->rc == SLP_OK && r->verb == STORE_GET)
        store_count(&f->base.counts.bytes_in, r->out->len);
    if (r->rc == SLP_OK && (r->verb == STORE_PUT_IF_ABSENT || r->verb == STORE_PUT_IF_MATCH))
        store_count(&f->base.counts.bytes_out, r->body.len);
}

static void fail_request(struct faulty_store *f, struct store_request *r)
{
    bool is_write = store_is_write(r->verb);
    if (f->plan.kind == STORE_FAULT_BEFORE || !is_write) {
        r->rc = unavailable(&r->err);
        return;
    }
    pass_on(f, r);
    if (f->plan.kind == STORE_FAULT_AFTER)
        __atomic_store_n(&f->silent, 1, __ATOMIC_RELAXED);
    else
        r->rc = lost(&r->err);
}

static slp_rc faulty_submit(struct store *s, struct store_request *requests, size_t count,
                            struct slp_err *err)
{
    (void)err;
    struct faulty_store *f = (struct faulty_store *)s;
    for (size_t i = 0; i < count; i++) {
        if (requests[i].rc != SLP_OK)
            continue;
        if (fault_due(f))
            fail_request(f, &requests[i]);
        else
            pass_on(f, &requests[i]);
    }
    return SLP_OK;
}

static slp_rc faulty_wait(struct store *s, struct store_request *requests, size_t count,
                          const struct store_wait_options *o, struct slp_err *err)
{
    (void)requests;
    (void)count;
    (void)o;
    struct faulty_store *f = (struct faulty_store *)s;
    if (__atomic_exchange_n(&f->silent, 0, __ATOMIC_RELAXED))
        FAIL(err, UNAVAILABLE, "a fault that was asked for; no answer came");
    return SLP_OK;
}

struct faulty_source {
    struct source base;
    struct faulty_store *store;
    struct source *below;
};

static slp_rc faulty_source_read(struct source *src, const struct io_range *ranges, size_t count,
                                 struct slp_err *err)
{
    struct faulty_source *source = (struct faulty_source *)src;
    if (fault_due(source->store))
        return unavailable(err);
    TRY(source_read(source->below, ranges, count, err));
    struct store_counts *counts = &source->store->base.counts;
    for (size_t i = 0; i < count; i++)
        store_count(&counts->bytes_in, ranges[i].len);
    store_count(&counts->requests[STORE_GET], count);
    store_count(&counts->rounds, 1);
    return SLP_OK;
}

static void faulty_source_close(struct source *src)
{
    struct faulty_source *source = (struct faulty_source *)src;
    source_close(source->below);
    alloc_delete(source->store->mem, source);
}

static slp_rc faulty_open(struct store *s, struct slice name, struct alloc *mem,
                          struct source **out, struct slp_err *err)
{
    static const struct source_ops ops = {.read = faulty_source_read, .close = faulty_source_close};
    struct faulty_store *f = (struct faulty_store *)s;
    struct faulty_source *source = NULL;
    if (fault_due(f))
        return unavailable(err);
    TRY(alloc_new(f->mem, &source, err));
    slp_rc rc = store_open(f->below, name, mem, &source->below, err);
    if (rc != SLP_OK) {
        alloc_delete(f->mem, source);
        return rc;
    }
    source->store = f;
    source->base =
        (struct source){.ops = &ops, .name = source->below->name, .size = source->below->size};
    *out = &source->base;
    return SLP_OK;
}

struct faulty_put {
    struct store_put base;
    struct store_put *below;
};

static slp_rc faulty_put_open(struct store *s, struct slice name, struct alloc *mem,
                              struct store_put **out, struct slp_err *err)
{
    struct faulty_store *f = (struct faulty_store *)s;
    struct faulty_put *p = NULL;
    TRY(alloc_new(f->mem, &p, err));
    slp_rc rc = store_put_open(f->below, name, mem, &p->below, err);
    if (rc != SLP_OK) {
        alloc_delete(f->mem, p);
        return rc;
    }
    p->base = (struct store_put){.store = s, .sink = p->below->sink};
    *out = &p->base;
    return SLP_OK;
}

static void faulty_put_abort(struct store_put *put)
{
    struct faulty_put *p = (struct faulty_put *)put;
    store_put_abort(p->below);
    alloc_delete(((struct faulty_store *)put->store)->mem, p);
}

static slp_rc faulty_put_commit(struct store_put *put, struct slp_err *err)
{
    struct faulty_put *p = (struct faulty_put *)put;
    struct faulty_store *f = (struct faulty_store *)put->store;
    bool is_due = fault_due(f);
    if (is_due && f->plan.kind == STORE_FAULT_BEFORE) {
        faulty_put_abort(put);
        return unavailable(err);
    }
    uint64_t bytes = p->base.sink->offset;
    slp_rc rc = store_put_commit(p->below, err);
    if (rc == SLP_OK)
        store_count(&f->base.counts.bytes_out, bytes);
    p->below = NULL;
    faulty_put_abort(put);
    return is_due ? lost(err) : rc;
}

static slp_rc faulty_settle(struct store *s, struct slice name, struct slp_err *err)
{
    struct faulty_store *f = (struct faulty_store *)s;
    if (fault_due(f))
        return unavailable(err);
    return store_settle(f->below, name, err);
}

static int64_t faulty_clock_us(struct store *s)
{
    return store_now_us(((struct faulty_store *)s)->below);
}

static void faulty_sleep_us(struct store *s, int64_t us)
{
    store_sleep_us(((struct faulty_store *)s)->below, us);
}

static void faulty_close(struct store *s)
{
    struct faulty_store *f = (struct faulty_store *)s;
    alloc_delete(f->mem, f);
}

slp_rc store_faulty_new(struct alloc *mem, struct store *below, const struct store_fault_plan *plan,
                        struct store **out, struct slp_err *err)
{
    static const struct store_ops ops = {
        .submit = faulty_submit,
        .wait = faulty_wait,
        .open = faulty_open,
        .put_open = faulty_put_open,
        .put_commit = faulty_put_commit,
        .put_abort = faulty_put_abort,
        .settle = faulty_settle,
        .clock_us = faulty_clock_us,
        .sleep_us = faulty_sleep_us,
        .close = faulty_close,
    };
    struct faulty_store *f = NULL;
    TRY(alloc_new(mem, &f, err));
    f->base.ops = &ops;
    f->base.is_ordered = below->is_ordered;
    f->below = below;
    f->mem = mem;
    f->plan = *plan;
    *out = &f->base;
    return SLP_OK;
}

uint64_t store_faulty_hits(struct store *s)
{
    return __atomic_load_n(&((struct faulty_store *)s)->hits, __ATOMIC_RELAXED);
}
