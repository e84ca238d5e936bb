#include "key/order.h"
#include "stack/iterate_priv.h"

/*
 * Blocks of whole keys: the rows of a block's last key wait until another key comes.
 *
 *   in   a a b | b b c | c        out   a a | b b b | c c
 */
struct held {
    struct arr_batch batch;
    struct key_vec keys;
};

struct whole {
    struct run run;
    struct alloc *mem;
    struct run *in;
    struct held out;  /* what goes out next */
    struct held last; /* what waits */
    bool is_done;
};

static slp_rc append(struct held *to, const struct run_block *from, int64_t first, int64_t count,
                     struct slp_err *err)
{
    if (count == 0)
        return SLP_OK;
    TRY(arr_batch_append_run(&to->batch, from->batch, first, count, err));
    return key_vec_append_run(&to->keys, from->keys, first, count, err);
}

static void clear(struct held *h)
{
    arr_batch_clear(&h->batch);
    key_vec_clear(&h->keys);
}

/* What waits is complete. */
static slp_rc release_last(struct whole *w, struct slp_err *err)
{
    struct run_block last = {.batch = &w->last.batch, .keys = &w->last.keys};
    TRY(append(&w->out, &last, 0, w->last.keys.count, err));
    clear(&w->last);
    return SLP_OK;
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
        w->last.keys.count > 0 && slice_equal(key_at(&w->last.keys, 0), key_at(keys, 0));
    if (!continues || at > 0) {
        struct run_block head = *block;
        int64_t of_last = continues ? stack_iter_end_of_key(keys, 0) : 0;
        TRY(append(&w->last, &head, 0, of_last, err));
        TRY(release_last(w, err));
        TRY(append(&w->out, &head, of_last, at - of_last, err));
    }
    TRY(append(&w->last, block, at, keys->count - at, err));
    if (w->last.keys.count > STACK_GROUP_ROWS_MAX)
        FAIL(err, LIMIT, "more than %d rows of one key before an iterator that works on whole keys",
             STACK_GROUP_ROWS_MAX);
    return SLP_OK;
}

static slp_rc whole_next(struct run *run, struct run_block *out, struct slp_err *err)
{
    struct whole *w = (struct whole *)(void *)run;
    clear(&w->out);
    while (w->out.keys.count == 0 && !w->is_done) {
        struct run_block block = {0};
        slp_rc rc = run_next(w->in, &block, err);
        w->is_done = rc == SLP_DONE;
        if (w->is_done) {
            TRY(release_last(w, err));
        } else {
            TRY(rc);
            TRY(take_block(w, &block, err));
        }
    }
    if (w->out.keys.count == 0)
        return SLP_DONE;
    *out = (struct run_block){.batch = &w->out.batch, .keys = &w->out.keys};
    return SLP_OK;
}

static void whole_close(struct run *run)
{
    struct whole *w = (struct whole *)(void *)run;
    run_close(w->in);
    arr_batch_fini(&w->out.batch);
    arr_batch_fini(&w->last.batch);
    key_vec_fini(&w->out.keys);
    key_vec_fini(&w->last.keys);
    alloc_delete(w->mem, w);
}

slp_rc stack_iter_whole_keys(const struct arr_schema *schema, struct alloc *mem, struct run *input,
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
    key_vec_init(&w->out.keys, mem, SIZE_MAX / 4);
    key_vec_init(&w->last.keys, mem, SIZE_MAX / 4);
    TRY_OUT(arr_batch_init(&w->out.batch, mem, schema, err));
    TRY_OUT(arr_batch_init(&w->last.batch, mem, schema, err));
    *out = &w->run;
    w = NULL;
out:
    if (w)
        whole_close(&w->run);
    return rc;
}
