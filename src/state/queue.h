/*
 * The shared queue of a process: commits to one log through one instance, by whatever handles, go
 * into one frame.
 *
 *   thread 1  ---- leads: packs 1, 2, 3 ---- creates n+1 ----| told
 *   thread 2        waits ...............................    | told      all three stand in n+1
 *   thread 3            waits ...........................    | told
 *   thread 4                     waits ...................   leads: packs 4 ...
 *
 * Whoever finds nobody leading leads for one frame: it packs its own transaction and those that
 * wait, oldest first, as far as a frame holds them, and creates the frame behind the newest one
 * that any of them has replayed or this queue has made. Then all are told what the store said, and
 * each looks for its own transaction in the frame with its own replica: the queue judges nothing
 * (rule C3). A leader that expects those of the last frame again waits for them a quarter of what
 * creating that took, so that threads in a loop share one frame, not two by turns.
 *
 * Threads: any number. A queue's lock is held for moments only, never while the store works; the
 * lock of the table of queues is never taken with it. Private to src/state.
 */
#ifndef SLP_STATE_QUEUE_H
#define SLP_STATE_QUEUE_H

#include "os/thread.h"
#include "state/frame.h"
#include "store/store.h"

/* The queues of an instance, one a log that somebody has open. */
struct state_queues {
    struct os_mutex lock; /* guards the list and its counts */
    struct state_queue *first;
};

struct state_queue;

/* A frame that was created, held by all whose transactions are in it. */
struct state_shared {
    struct alloc *mem;
    uint32_t refs; /* atomic */
    uint64_t number;
    struct buf bytes;
};

void state_shared_unref(struct state_shared *f); /* NULL is accepted */

/* A transaction in the queue, in its author's storage. */
struct state_waiter {
    struct slice body;       /* encoded */
    struct slice embedded;   /* bodies of its embedded files, of index 0 */
    uint64_t number;         /* its author has replayed to here, */
    struct hash128 previous; /* and this is that frame's hash */
    /* What came of it. */
    slp_rc rc; /* of creating the frame; UNAVAILABLE also when it was not tried */
    struct slp_err err;
    struct state_shared *frame; /* when rc is OK: release it */
    /* The queue's. */
    struct state_waiter *next;
    bool is_told;
};

void state_queues_init(struct state_queues *qs);
void state_queues_fini(struct state_queues *qs); /* all queues were given back */

/* The queue of the log at `place`; made when nobody has it yet. Errors: NO_MEMORY. */
SLP_NODISCARD slp_rc state_queue_ref(struct state_queues *qs, struct alloc *mem, const char *place,
                                     struct state_queue **out, struct slp_err *err);
void state_queue_unref(struct state_queues *qs, struct state_queue *q); /* NULL is accepted */

/* How many wait for whoever leads now. For tests and for people: it changes at once. */
size_t state_queue_waiting(struct state_queue *q);

/* Have the waiter's transaction tried once in a frame; returns when `w` says what came of it. */
void state_queue_turn(struct state_queue *q, struct store *store, struct state_waiter *w);

#endif
