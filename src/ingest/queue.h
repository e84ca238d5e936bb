/*
 * The queue: batches that a program pushes, for an ingest that reads them like the parts of files.
 *
 *   push, push, ... -> | waiting, up to so many bytes | -> ingest_feed_next, by its threads
 *
 * Each batch is a part of its own; parts are numbered as they are pushed, so equal keys keep that
 * order.
 *
 * Threads   any may push and take
 */
#ifndef SLP_INGEST_QUEUE_H
#define SLP_INGEST_QUEUE_H

#include "ingest/feed.h"

struct ingest_queue {
    struct alloc *mem;
    struct os_mutex lock; /* guards all below */
    struct os_cond changed;
    struct buf waiting; /* of struct arr_stream * */
    size_t bytes;       /* of their rows */
    size_t most;        /* pushing waits beyond so many */
    uint64_t next_part;
    bool is_closed; /* nothing more is pushed */
    bool is_ended;  /* nobody takes any more */
    slp_rc rc;      /* how that ended */
    struct slp_err err;
};

void ingest_queue_init(struct ingest_queue *q, struct alloc *mem, size_t most);
void ingest_queue_fini(struct ingest_queue *q);

/*
 * Push a batch, whose contents are taken, on failure too. Where the ingest has ended well, since its
 * token was known, the batch is dropped.
 *
 * Errors   what ingest_queue_end was told; LIMIT beyond INGEST_PARTS_MAX batches; NO_MEMORY
 */
SLP_NODISCARD slp_rc ingest_queue_push(struct ingest_queue *q, struct arr_batch *batch,
                                       struct slp_err *err);

/* Nothing more is pushed. */
void ingest_queue_close(struct ingest_queue *q);

/* Nobody takes any more, for this reason: who pushes is told. */
void ingest_queue_end(struct ingest_queue *q, slp_rc rc, const struct slp_err *err);

/* The next batch as a part; waits for one. DONE when there will be none. */
SLP_NODISCARD slp_rc ingest_queue_next(struct ingest_queue *q, struct ingest_part *out,
                                       struct slp_err *err);

#endif
