/*
 * Threads: a pool of a fixed size, mutexes and conditions.
 *
 * The pool has one queue of at most OS_POOL_QUEUE tasks; who submits to a full one waits, so that
 * work never piles up in memory. Tasks tell what went wrong in their own argument: the pool looks
 * at nothing. A pool of no threads runs each task in the submitting thread, in order.
 */
#ifndef SLP_OS_THREAD_H
#define SLP_OS_THREAD_H

#include <pthread.h>

#include "base/alloc.h"

#define OS_POOL_QUEUE       256u
#define OS_POOL_MAX_THREADS 256u

struct os_mutex {
    pthread_mutex_t inner;
};

struct os_cond {
    pthread_cond_t inner;
};

void os_mutex_init(struct os_mutex *m);
void os_mutex_fini(struct os_mutex *m);
void os_mutex_lock(struct os_mutex *m);
void os_mutex_unlock(struct os_mutex *m);

void os_cond_init(struct os_cond *c);
void os_cond_fini(struct os_cond *c);
void os_cond_wait(struct os_cond *c, struct os_mutex *m); /* may wake for nothing */
/* The same, `us` microseconds at most: zero or less does not wait. */
void os_cond_wait_us(struct os_cond *c, struct os_mutex *m, int64_t us);
void os_cond_signal(struct os_cond *c);    /* one waiter */
void os_cond_broadcast(struct os_cond *c); /* all of them */

struct os_pool;

typedef void (*os_pool_fn)(void *arg);

/* Start `threads` workers, at most OS_POOL_MAX_THREADS. Errors: NO_MEMORY, LIMIT, UNAVAILABLE when
 * the kernel gives no more threads. */
SLP_NODISCARD slp_rc os_pool_new(struct alloc *mem, size_t threads, struct os_pool **out,
                                 struct slp_err *err);

/* Have `fn(arg)` run once. Not to be called by tasks of the same pool: a full queue would never
 * drain. */
void os_pool_submit(struct os_pool *pool, os_pool_fn fn, void *arg);

/* Wait until everything submitted so far has run. */
void os_pool_wait(struct os_pool *pool);

/* Wait, end the workers, release. NULL is accepted. */
void os_pool_free(struct os_pool *pool);

#endif
