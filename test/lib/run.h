/*
 * A run over rows in memory for tests: hands out blocks of given sizes and forgets each one when
 * the next is asked for, as files do, so that whoever keeps a block too long is found by ASan.
 */
#ifndef SLP_TEST_RUN_H
#define SLP_TEST_RUN_H

#include "key/order.h"
#include "key/run.h"
#include "lib/t.h"

struct t_run {
    struct run base;
    struct alloc *mem;
    const struct arr_batch *rows; /* the test's */
    const struct key_vec *keys;
    int64_t first; /* of the rows this run has */
    int64_t end;
    int64_t block_rows;
    const struct key_spec *spec; /* set by the test: keys stay in columns where they can */
    bool is_closed;
    bool has_block;
    struct arr_batch batch;
    struct key_vec block_keys;
    struct key_columns columns;
};

static void t_run_forget(struct t_run *r)
{
    if (!r->has_block)
        return;
    arr_batch_fini(&r->batch);
    key_vec_fini(&r->block_keys);
    r->has_block = false;
}

static slp_rc t_run_next(struct run *run, struct run_block *out, struct slp_err *err)
{
    struct t_run *r = (struct t_run *)(void *)run;
    t_run_forget(r);
    if (r->first == r->end)
        return SLP_DONE;
    int64_t n = r->end - r->first < r->block_rows ? r->end - r->first : r->block_rows;
    TRY(arr_batch_init(&r->batch, r->mem, r->rows->schema, err));
    key_vec_init(&r->block_keys, r->mem, SIZE_MAX / 4);
    r->has_block = true;
    TRY(arr_batch_append_run(&r->batch, r->rows, r->first, n, err));
    TRY(key_vec_append_run(&r->block_keys, r->keys, r->first, n, err));
    r->first += n;
    *out = (struct run_block){.batch = &r->batch, .keys = &r->block_keys};
    if (r->spec && key_columns_init(r->spec, &r->batch, 0, n, &r->columns))
        *out = (struct run_block){.batch = &r->batch, .columns = &r->columns, .is_ascending = true};
    return SLP_OK;
}

static void t_run_close(struct run *run)
{
    struct t_run *r = (struct t_run *)(void *)run;
    t_run_forget(r);
    r->is_closed = true;
}

/* Rows [first, end) of `rows` in blocks of `block_rows`. */
static inline void t_run_init(struct t_run *r, struct alloc *mem, const struct arr_batch *rows,
                              const struct key_vec *keys, int64_t first, int64_t end,
                              int64_t block_rows)
{
    static const struct run_ops ops = {.next = t_run_next, .close = t_run_close};
    *r = (struct t_run){.base = {.ops = &ops},
                        .mem = mem,
                        .rows = rows,
                        .keys = keys,
                        .first = first,
                        .end = end,
                        .block_rows = block_rows};
}

#endif
