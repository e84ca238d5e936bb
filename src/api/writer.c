#include "sleeper/writer.h"

#include "api/instance.h"
#include "base/num.h"
#include "ingest/ingest.h"
#include "ingest/queue.h"

/* Pushed batches that wait take at most this share of the memory. */
#define QUEUE_SHARE 8u

/* With no more than this the commit does all by itself: threads would cost more than they bring. */
#define SMALL_BYTES ((size_t)1 << 20)

/*
 * An ingest that reads a queue, with a handle of the table whose view stays what it is meanwhile. It
 * runs in a thread of the writer's own as soon as what was pushed is not small any more.
 */
struct slp_writer {
    struct slp_instance *instance;
    struct state_table *table;
    struct ingest_queue queue;
    struct os_mutex lock; /* guards the next two */
    struct os_pool *pool; /* NULL: all that was pushed waits in the queue */
    size_t pushed_bytes;
    struct buf token;
    struct ingest_options options;
    int cancel;
    struct ingest_result result; /* of the thread, once it has ended */
    slp_rc rc;
    struct slp_err err;
};

static void run(void *arg)
{
    struct slp_writer *w = arg;
    w->rc = ingest_run(w->table, &w->options, w->instance->mem, &w->result, &w->err);
    ingest_queue_end(&w->queue, w->rc, &w->err);
}

static void release(struct slp_writer *w, bool is_good)
{
    struct alloc *mem = w->instance->mem;
    os_pool_free(w->pool);
    ingest_queue_fini(&w->queue);
    buf_fini(&w->token);
    api_instance_return(w->instance, w->table, is_good);
    os_mutex_fini(&w->lock);
    alloc_delete(mem, w);
}

static slp_rc set_options(struct slp_writer *w, const struct slp_writer_options *o,
                          struct slp_err *err)
{
    static const struct slp_writer_options plain;
    o = o ? o : &plain;
    os_mutex_lock(&w->instance->lock);
    uint64_t memory = o->memory ? o->memory : api_instance_memory(w->instance);
    uint64_t threads = o->threads ? o->threads : api_instance_threads(w->instance);
    os_mutex_unlock(&w->instance->lock);
    size_t most = (size_t)(memory / QUEUE_SHARE);
    if (o->token && !*o->token)
        FAIL(err, INVALID, "an empty token is no name: a repeat could not be told from another");
    if (o->token)
        TRY(buf_append_slice(&w->token, slice_str(o->token), err));
    w->queue.most = most;
    w->options = (struct ingest_options){.queue = &w->queue,
                                         .token = buf_slice(&w->token),
                                         .memory = (size_t)memory - most,
                                         .threads = (size_t)threads,
                                         .cancel = &w->cancel};
    return SLP_OK;
}

slp_rc slp_writer_open(struct slp_instance *instance, const char *table,
                       const struct slp_writer_options *options, struct slp_writer **out,
                       struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct slp_writer *w = NULL;
    if (!table)
        FAIL(err, INVALID, "no table is named");
    TRY(alloc_new(instance->mem, &w, err));
    w->instance = instance;
    ingest_queue_init(&w->queue, instance->mem, 0);
    buf_init(&w->token, instance->mem, STATE_VALUE_MAX);
    os_mutex_init(&w->lock);
    TRY_OUT(set_options(w, options, err));
    TRY_OUT(api_instance_borrow(instance, table, &w->table, err));
    *out = w;
out:
    if (rc != SLP_OK)
        release(w, false);
    return rc;
}

/* Begin to read the queue, when so much more comes that it is worth a thread. */
static slp_rc begin(struct slp_writer *w, size_t bytes, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    os_mutex_lock(&w->lock);
    w->pushed_bytes += bytes;
    if (!w->pool && w->pushed_bytes > num_min_size(SMALL_BYTES, w->queue.most)) {
        rc = os_pool_new(w->instance->mem, 1, &w->pool, err);
        if (rc == SLP_OK)
            os_pool_submit(w->pool, run, w);
    }
    os_mutex_unlock(&w->lock);
    return rc;
}

slp_rc slp_writer_push(struct slp_writer *writer, const struct ArrowArray *batch,
                       const struct ArrowSchema *schema, struct slp_err *err)
{
    struct arr_batch rows = {0};
    struct alloc *mem = writer->instance->mem;
    TRY(arr_batch_init(&rows, mem, &state_table_schema(writer->table)->columns, err));
    slp_rc rc = rows_import(mem, batch, schema, &rows, err);
    if (rc != SLP_OK)
        rc = err_wrap(err, rc, "pushed batch");
    else
        rc = begin(writer, arr_batch_memory(&rows), err);
    if (rc != SLP_OK) {
        arr_batch_fini(&rows);
        return rc;
    }
    return ingest_queue_push(&writer->queue, &rows, err);
}

slp_rc slp_writer_commit(struct slp_writer *writer, struct slp_ingest_result *out,
                         struct slp_err *err)
{
    ingest_queue_close(&writer->queue);
    if (writer->pool) {
        os_pool_wait(writer->pool);
    } else {
        writer->options.threads = 1;
        run(writer);
    }
    slp_rc rc = writer->rc;
    const struct ingest_result *r = &writer->result;
    if (rc != SLP_OK && err)
        *err = writer->err;
    if (rc == SLP_OK)
        state_table_keep_due(writer->table);
    if (rc == SLP_OK && out)
        *out = (struct slp_ingest_result){.rows = r->rows,
                                          .files_written = r->files,
                                          .bytes_written = r->bytes,
                                          .sequence = r->at.frame,
                                          .was_duplicate = r->is_duplicate};
    release(writer, rc == SLP_OK);
    return rc;
}

void slp_writer_abort(struct slp_writer *writer)
{
    if (!writer)
        return;
    __atomic_store_n(&writer->cancel, 1, __ATOMIC_RELEASE);
    ingest_queue_close(&writer->queue);
    release(writer, !writer->pool);
}
