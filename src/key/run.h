/*
 * A run: a sorted sequence of rows with their keys, handed out block by block. Data files, spilled
 * runs and buffers in memory are runs; merging takes them.
 */
#ifndef SLP_KEY_RUN_H
#define SLP_KEY_RUN_H

#include "arrow/batch.h"
#include "key/columns.h"

/* Rows of a run, owned by it until its next call. */
struct run_block {
    const struct arr_batch *batch;
    const struct key_vec *keys; /* keys->count == batch->rows; NULL only where `columns` is not */
    const struct key_columns *columns; /* in place of keys, where who opened the run asked for it */
    bool is_ascending; /* the run has compared each key of the block with the one before */
    bool is_partial;   /* only columns of the key have rows until run_complete: one large row; only
                          where who opened the run asked for it */
};

struct run;

struct run_ops {
    /* The next block, not empty. DONE at the end. Keys never fall, from block to block neither. */
    slp_rc (*next)(struct run *r, struct run_block *out, struct slp_err *err);
    /* Fill the other columns of a partial block, in place. NULL where blocks are never partial. */
    slp_rc (*complete)(struct run *r, struct slp_err *err);
    void (*close)(struct run *r);
};

struct run {
    const struct run_ops *ops;
};

static inline slp_rc run_next(struct run *r, struct run_block *out, struct slp_err *err)
{
    return r->ops->next(r, out, err);
}

/* Of the block that run_next gave last, which is partial. */
static inline slp_rc run_complete(struct run *r, struct slp_err *err)
{
    return r->ops->complete(r, err);
}

/* Close and release; NULL is accepted. */
static inline void run_close(struct run *r)
{
    if (r)
        r->ops->close(r);
}

#endif
