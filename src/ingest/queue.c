#include "ingest/queue.h"

#include "base/num.h"

/* Batches that wait: bounded by their bytes, and so many empty ones. */
#define WAITING_MAX_BYTES ((size_t)1 << 24)

/* One batch, given once. */
struct pushed {
    struct arr_stream base;
    struct alloc *mem;
    struct arr_batch batch;
    uint64_t part;
    size_t bytes;
};

static slp_rc pushed_next(struct arr_stream *stream, struct arr_batch *out, struct slp_err *err)
{
    struct pushed *p = (struct pushed *)(void *)stream;
    (void)err;
    if (p->batch.rows == 0)
        return SLP_DONE;
    arr_batch_fini(out);
    *out = p->batch;
    p->batch = (struct arr_batch){0};
    return SLP_OK;
}

static void pushed_close(struct arr_stream *stream)
{
    struct pushed *p = (struct pushed *)(void *)stream;
    arr_batch_fini(&p->batch);
    alloc_delete(p->mem, p);
}

void ingest_queue_init(struct ingest_queue *q, struct alloc *mem, size_t most)
{
    *q = (struct ingest_queue){.mem = mem, .most = most};
    os_mutex_init(&q->lock);
    os_cond_init(&q->changed);
    buf_init(&q->waiting, mem, WAITING_MAX_BYTES);
}

static struct pushed **first_of(const struct ingest_queue *q)
{
    return (struct pushed **)(void *)q->waiting.ptr;
}

void ingest_queue_fini(struct ingest_queue *q)
{
    for (size_t i = 0; i < q->waiting.len / sizeof(struct pushed *); i++)
        pushed_close(&first_of(q)[i]->base);
    buf_fini(&q->waiting);
    os_cond_fini(&q->changed);
    os_mutex_fini(&q->lock);
}

/* Enter the batch in the list; DONE where nobody needs it. The lock is held. */
static slp_rc enter(struct ingest_queue *q, struct pushed *p, struct slp_err *err)
{
    while (!q->is_ended && q->bytes > 0 && q->bytes + p->bytes > q->most)
        os_cond_wait(&q->changed, &q->lock);
    if (q->is_ended) {
        if (err)
            *err = q->err;
        return q->rc != SLP_OK ? q->rc : SLP_DONE;
    }
    if (q->next_part == INGEST_PARTS_MAX)
        FAIL(err, LIMIT, "more than %llu batches in one commit; push larger ones",
             (unsigned long long)INGEST_PARTS_MAX);
    TRY(buf_append(&q->waiting, &p, sizeof(struct pushed *), err));
    p->part = q->next_part++;
    q->bytes += p->bytes;
    os_cond_broadcast(&q->changed);
    return SLP_OK;
}

slp_rc ingest_queue_push(struct ingest_queue *q, struct arr_batch *batch, struct slp_err *err)
{
    static const struct arr_stream_ops ops = {.next = pushed_next, .close = pushed_close};
    struct pushed *p = NULL;
    slp_rc rc = batch->rows ? alloc_new(q->mem, &p, err) : SLP_OK;
    if (!p) {
        arr_batch_fini(batch);
        return rc;
    }
    *p = (struct pushed){.base = {.ops = &ops, .schema = batch->schema},
                         .mem = q->mem,
                         .batch = *batch,
                         .bytes = arr_batch_memory(batch)};
    *batch = (struct arr_batch){0};
    os_mutex_lock(&q->lock);
    rc = enter(q, p, err);
    os_mutex_unlock(&q->lock);
    if (rc != SLP_OK)
        pushed_close(&p->base);
    return rc == SLP_DONE ? SLP_OK : rc;
}

void ingest_queue_close(struct ingest_queue *q)
{
    os_mutex_lock(&q->lock);
    q->is_closed = true;
    os_cond_broadcast(&q->changed);
    os_mutex_unlock(&q->lock);
}

void ingest_queue_end(struct ingest_queue *q, slp_rc rc, const struct slp_err *err)
{
    os_mutex_lock(&q->lock);
    q->is_ended = true;
    q->rc = rc;
    q->err = *err;
    os_cond_broadcast(&q->changed);
    os_mutex_unlock(&q->lock);
}

slp_rc ingest_queue_next(struct ingest_queue *q, struct ingest_part *out, struct slp_err *err)
{
    slp_rc rc = SLP_DONE;
    (void)err;
    os_mutex_lock(&q->lock);
    while (q->waiting.len == 0 && !q->is_closed)
        os_cond_wait(&q->changed, &q->lock);
    if (q->waiting.len > 0) {
        struct pushed *p = first_of(q)[0];
        q->waiting.len -= sizeof(struct pushed *);
        memmove(q->waiting.ptr, q->waiting.ptr + sizeof(struct pushed *), q->waiting.len);
        q->bytes -= p->bytes;
        *out = (struct ingest_part){
            .stream = &p->base, .path = "pushed batch", .ordinal = p->part << INGEST_ROW_BITS};
        os_cond_broadcast(&q->changed);
        rc = SLP_OK;
    }
    os_mutex_unlock(&q->lock);
    return rc;
}
