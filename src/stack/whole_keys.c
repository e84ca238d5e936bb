#include "key/order.h"
#include "stack/iterate_priv.h"

/*
 * Blocks of whole keys: the rows of a block's last key wait until another key comes.
 *
 *   in   a a b | b b c | c        out   a a | b b b | c c
 */
struct whole {
    struct run run;
    struct alloc *mem;
    struct run *in;
    struct arr_batch batch; /* what goes out next */
    struct key_vec keys;
    struct arr_batch last; /* what waits */
    struct key_vec last_keys;
    bool is_done;
};

static slp_rc append(struct arr_batch *batch, struct key_vec *keys, const struct arr_batch *from,
                     const struct key_vec *from_keys, int64_t first, int64_t count,
                     struct slp_err *err)
{
    if (count == 0)
        return SLP_OK;
    TRY(arr_batch_append_run(batch, from, first, count, err));
    return key_vec_append_run(keys, from_keys, first, count, err);
}

/* Where the last key of the block begins. */
static int64_t last_key(const struct key_vec *keys)
{
    int64_t at = keys->count - 1;
    while (at > 0 && slice_equal(key_at(keys, at - 1), key_at(keys, at)))
        at--;
    return at;
}

static slp_rc take_block(struct whole *w, const struct run_block *block, struct slp_err *err)
{
    const struct key_vec *keys = block->keys;
    int64_t at = last_key(keys);
    bool continues =
        w->last_keys.count > 0 && slice_equal(key_at(&w->last_keys, 0), key_at(keys, 0));
    if (!(continues && at == 0)) {
        TRY(append(&w->batch, &w->keys, &w->last, &w->last_keys, 0, w->last_keys.count, err));
        TRY(append(&w->batch, &w->keys, block->batch, keys, 0, at, err));
        arr_batch_clear(&w->last);
        key_vec_clear(&w->last_keys);
    }
    TRY(append(&w->last, &w->last_keys, block->batch, keys, at, keys->count - at, err));
    if (w->last_keys.count > STACK_GROUP_ROWS_MAX)
        FAIL(err, LIMIT, "more than %d rows of one key before an iterator that works on whole keys",
             STACK_GROUP_ROWS_MAX);
    return SLP_OK;
}

static slp_rc whole_next(struct run *run, struct run_block *out, struct slp_err *err)
{
    struct whole *w = (struct whole *)(void *)run;
    arr_batch_clear(&w->batch);
    key_vec_clear(&w->keys);
    while (w->keys.count == 0 && !w->is_done) {
        struct run_block block = {0};
        slp_rc rc = run_next(w->in, &block, err);
        if (rc == SLP_DONE) {
            w->is_done = true;
            TRY(append(&w->batch, &w->keys, &w->last, &w->last_keys, 0, w->last_keys.count, err));
            break;
        }
        TRY(rc);
        TRY(take_block(w, &block, err));
    }
    if (w->keys.count == 0)
        return SLP_DONE;
    *out = (struct run_block){.batch = &w->batch, .keys = &w->keys};
    return SLP_OK;
}

static void whole_close(struct run *run)
{
    struct whole *w = (struct whole *)(void *)run;
    run_close(w->in);
    arr_batch_fini(&w->batch);
    arr_batch_fini(&w->last);
    key_vec_fini(&w->keys);
    key_vec_fini(&w->last_keys);
    alloc_delete(w->mem, w);
}

slp_rc iter_whole_keys(const struct arr_schema *schema, struct alloc *mem, struct run *input,
                       struct run **out, struct slp_err *err)
{
    static const struct run_ops ops = {.next = whole_next, .close = whole_close};
    struct whole *w = NULL;
    slp_rc rc = alloc_new(mem, &w, err);
    if (rc != SLP_OK) {
        run_close(input);
        return rc;
    }
    w->run.ops = &ops;
    w->mem = mem;
    w->in = input;
    key_vec_init(&w->keys, mem, SIZE_MAX / 4);
    key_vec_init(&w->last_keys, mem, SIZE_MAX / 4);
    TRY_OUT(arr_batch_init(&w->batch, mem, schema, err));
    TRY_OUT(arr_batch_init(&w->last, mem, schema, err));
    *out = &w->run;
    w = NULL;
out:
    if (w)
        whole_close(&w->run);
    return rc;
}
