#include "os/thread.h"

#include <stdbool.h>
#include <time.h>

#include "os/error.h"

struct task {
    os_pool_fn fn;
    void *arg;
};

struct os_pool {
    struct alloc *mem;
    struct os_mutex lock;   /* guards all below */
    struct os_cond filled;  /* a task came, or the end */
    struct os_cond drained; /* a task was taken or finished */
    struct task queue[OS_POOL_QUEUE];
    size_t first;   /* index of the oldest task */
    size_t waiting; /* tasks in the queue */
    size_t running; /* tasks taken and not finished */
    bool is_ending;
    size_t started;
    size_t threads;
    pthread_t workers[];
};

void os_mutex_init(struct os_mutex *m)
{
    int rc = pthread_mutex_init(&m->inner, NULL);
    SLP_INVARIANT(rc == 0);
}

void os_mutex_fini(struct os_mutex *m)
{
    (void)pthread_mutex_destroy(&m->inner);
}

void os_mutex_lock(struct os_mutex *m)
{
    int rc = pthread_mutex_lock(&m->inner);
    SLP_INVARIANT(rc == 0);
}

void os_mutex_unlock(struct os_mutex *m)
{
    int rc = pthread_mutex_unlock(&m->inner);
    SLP_INVARIANT(rc == 0);
}

void os_cond_init(struct os_cond *c)
{
    pthread_condattr_t attributes;
    int rc = pthread_condattr_init(&attributes);
    SLP_INVARIANT(rc == 0);
    rc = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    SLP_INVARIANT(rc == 0);
    rc = pthread_cond_init(&c->inner, &attributes);
    SLP_INVARIANT(rc == 0);
    (void)pthread_condattr_destroy(&attributes);
}

void os_cond_fini(struct os_cond *c)
{
    (void)pthread_cond_destroy(&c->inner);
}

void os_cond_wait(struct os_cond *c, struct os_mutex *m)
{
    (void)pthread_cond_wait(&c->inner, &m->inner);
}

void os_cond_wait_us(struct os_cond *c, struct os_mutex *m, int64_t us)
{
    struct timespec until;
    if (us <= 0 || clock_gettime(CLOCK_MONOTONIC, &until) != 0)
        return;
    int64_t ns = until.tv_nsec + us % 1000000 * 1000;
    until.tv_sec += (time_t)(us / 1000000 + ns / 1000000000);
    until.tv_nsec = (long)(ns % 1000000000);
    (void)pthread_cond_timedwait(&c->inner, &m->inner, &until);
}

void os_cond_signal(struct os_cond *c)
{
    (void)pthread_cond_signal(&c->inner);
}

void os_cond_broadcast(struct os_cond *c)
{
    (void)pthread_cond_broadcast(&c->inner);
}

static void *work(void *arg)
{
    struct os_pool *pool = arg;
    os_mutex_lock(&pool->lock);
    for (;;) {
        while (pool->waiting == 0 && !pool->is_ending)
            os_cond_wait(&pool->filled, &pool->lock);
        if (pool->waiting == 0)
            break;
        struct task task = pool->queue[pool->first];
        pool->first = (pool->first + 1) % OS_POOL_QUEUE;
        pool->waiting--;
        pool->running++;
        os_cond_broadcast(&pool->drained);
        os_mutex_unlock(&pool->lock);
        task.fn(task.arg);
        os_mutex_lock(&pool->lock);
        pool->running--;
        os_cond_broadcast(&pool->drained);
    }
    os_mutex_unlock(&pool->lock);
    return NULL;
}

static size_t pool_bytes(size_t threads)
{
    return sizeof(struct os_pool) + threads * sizeof(pthread_t);
}

slp_rc os_pool_new(struct alloc *mem, size_t threads, struct os_pool **out, struct slp_err *err)
{
    if (threads > OS_POOL_MAX_THREADS)
        FAIL(err, LIMIT, "%zu threads are more than %u", threads, OS_POOL_MAX_THREADS);
    void *room = NULL;
    TRY(alloc_zeroed(mem, pool_bytes(threads), &room, err));
    struct os_pool *pool = room;
    pool->mem = mem;
    pool->threads = threads;
    os_mutex_init(&pool->lock);
    os_cond_init(&pool->filled);
    os_cond_init(&pool->drained);
    for (; pool->started < threads; pool->started++) {
        int code = pthread_create(&pool->workers[pool->started], NULL, work, pool);
        if (code) {
            slp_rc rc = os_error(err, code, "start", "a thread");
            os_pool_free(pool);
            return rc;
        }
    }
    *out = pool;
    return SLP_OK;
}

void os_pool_submit(struct os_pool *pool, os_pool_fn fn, void *arg)
{
    if (pool->threads == 0) {
        fn(arg);
        return;
    }
    os_mutex_lock(&pool->lock);
    while (pool->waiting == OS_POOL_QUEUE)
        os_cond_wait(&pool->drained, &pool->lock);
    pool->queue[(pool->first + pool->waiting) % OS_POOL_QUEUE] = (struct task){fn, arg};
    pool->waiting++;
    os_cond_signal(&pool->filled);
    os_mutex_unlock(&pool->lock);
}

void os_pool_wait(struct os_pool *pool)
{
    os_mutex_lock(&pool->lock);
    while (pool->waiting || pool->running)
        os_cond_wait(&pool->drained, &pool->lock);
    os_mutex_unlock(&pool->lock);
}

void os_pool_free(struct os_pool *pool)
{
    if (!pool)
        return;
    os_mutex_lock(&pool->lock);
    pool->is_ending = true;
    os_cond_broadcast(&pool->filled);
    os_mutex_unlock(&pool->lock);
    for (size_t i = 0; i < pool->started; i++)
        (void)pthread_join(pool->workers[i], NULL);
    os_cond_fini(&pool->drained);
    os_cond_fini(&pool->filled);
    os_mutex_fini(&pool->lock);
    alloc_free(pool->mem, pool, pool_bytes(pool->threads));
}
