#include "key/order.h"
#include "stack/stack_priv.h"

#define BLOCK_ROWS 4096

/*
 * Bag with kinds: all rows stay but those that a later delete or reset of their key ends. The rows
 * of a block's last key wait in `last`, since the next block may end them.
 */
struct bag {
    struct stack_run run;
    const struct stack *s;
    struct alloc *mem;
    const struct stack_options *o;
    struct run *in;
    const unsigned *form_in;
    struct stack_draft out;
    struct stack_draft last;
    struct buf groups;
    bool is_done;
};

static slp_rc append(const struct stack *s, const struct arr_batch *batch,
                     const struct key_vec *keys, struct fold_group g, struct stack_draft *to,
                     struct slp_err *err)
{
    for (size_t i = 0; i < s->column_count; i++) {
        slp_rc rc =
            arr_col_append_run(&to->batch.cols[i], &batch->cols[i], g.first, g.end - g.first, err);
        if (rc != SLP_OK)
            return err_wrap(err, rc, "column \"%s\"", s->schemas[0].columns.fields[i].name);
    }
    TRY(stack_draft_kind(to, to->keys.count, g.kind, err));
    return key_vec_append_run(&to->keys, keys, g.first, g.end - g.first, err);
}

static slp_rc emit(struct bag *b, const struct arr_batch *batch, const struct key_vec *keys,
                   struct fold_group g, struct slp_err *err)
{
    if (stack_drops(b->o) && stack_groups_drop(&g, 1) == 0)
        return SLP_OK;
    return append(b->s, batch, keys, g, &b->out, err);
}

/* The rows that waited, as one group of their draft. */
static slp_rc emit_last(struct bag *b, struct slp_err *err)
{
    int64_t rows = stack_draft_rows(&b->last);
    if (rows == 0)
        return SLP_OK;
    struct run_block block = {0};
    const uint8_t *kinds = NULL;
    TRY(stack_draft_show(&b->last, STACK_KINDS, &block, err));
    TRY(stack_kinds_of(b->s, block.batch, STACK_KINDS, &kinds, err));
    struct fold_group g = {.first = 0, .end = (uint32_t)rows, .kind = (enum stack_kind)kinds[0]};
    TRY(emit(b, block.batch, block.keys, g, err));
    stack_draft_clear(&b->last);
    return SLP_OK;
}

/* The rows that wait are a lone delete? */
static slp_rc is_delete(struct bag *b, bool *out, struct slp_err *err)
{
    struct run_block block = {0};
    const uint8_t *kinds = NULL;
    TRY(stack_draft_show(&b->last, STACK_KINDS, &block, err));
    TRY(stack_kinds_of(b->s, block.batch, STACK_KINDS, &kinds, err));
    *out = kinds[0] == STACK_DELETE;
    return SLP_OK;
}

/* More rows of the key that waits: behind a delete the first of them is a reset. */
static slp_rc join_last(struct bag *b, const struct run_block *block, struct fold_group g,
                        struct slp_err *err)
{
    bool behind_delete = false;
    TRY(is_delete(b, &behind_delete, err));
    if (behind_delete && g.kind == STACK_PUT)
        g.kind = STACK_RESET;
    if (g.kind != STACK_PUT)
        stack_draft_clear(&b->last);
    return append(b->s, block->batch, block->keys, g, &b->last, err);
}

static slp_rc take_block(struct bag *b, const struct run_block *block, struct slp_err *err)
{
    const uint8_t *kinds = NULL;
    TRY(stack_kinds_of(b->s, block->batch, *b->form_in, &kinds, err));
    TRY(stack_group(block->keys, kinds, &b->groups, err));
    const struct fold_group *groups = (const struct fold_group *)(const void *)b->groups.ptr;
    size_t count = b->groups.len / sizeof *groups;
    size_t at = 0;
    if (stack_draft_rows(&b->last) != 0 &&
        slice_equal(key_at(&b->last.keys, 0), key_at(block->keys, 0))) {
        TRY(join_last(b, block, groups[0], err));
        at = 1;
    }
    if (at == count)
        return SLP_OK;
    TRY(emit_last(b, err));
    for (; at + 1 < count; at++)
        TRY(emit(b, block->batch, block->keys, groups[at], err));
    return append(b->s, block->batch, block->keys, groups[at], &b->last, err);
}

static slp_rc fill(struct bag *b, struct slp_err *err)
{
    int64_t enough = b->o->block_rows ? b->o->block_rows : BLOCK_ROWS;
    while (!b->is_done && stack_draft_rows(&b->out) < enough) {
        struct run_block block = {0};
        slp_rc rc = run_next(b->in, &block, err);
        if (rc == SLP_DONE) {
            b->is_done = true;
            return emit_last(b, err);
        }
        TRY(rc);
        TRY(take_block(b, &block, err));
    }
    return SLP_OK;
}

static slp_rc bag_next(struct run *run, struct run_block *out, struct slp_err *err)
{
    struct bag *b = (struct bag *)(void *)run;
    stack_draft_clear(&b->out);
    TRY(fill(b, err));
    if (stack_draft_rows(&b->out) == 0)
        return SLP_DONE;
    b->run.form |= stack_draft_form(&b->out);
    return stack_draft_show(&b->out, b->run.form, out, err);
}

static void bag_close(struct run *run)
{
    struct bag *b = (struct bag *)(void *)run;
    run_close(b->in);
    stack_draft_fini(&b->out);
    stack_draft_fini(&b->last);
    buf_fini(&b->groups);
    alloc_delete(b->mem, b);
}

slp_rc stack_bag_open(const struct stack_stage *stage, struct stack_run **out, struct slp_err *err)
{
    static const struct run_ops ops = {.next = bag_next, .close = bag_close};
    struct bag *b = NULL;
    slp_rc rc = alloc_new(stage->mem, &b, err);
    if (rc != SLP_OK) {
        run_close(stage->in);
        return rc;
    }
    b->run.base.ops = &ops;
    b->s = stage->s;
    b->mem = stage->mem;
    b->o = stage->o;
    b->in = stage->in;
    b->form_in = stage->form;
    buf_init(&b->groups, b->mem, SIZE_MAX / 2);
    TRY_OUT(stack_draft_init(&b->out, b->s, b->mem, err));
    TRY_OUT(stack_draft_init(&b->last, b->s, b->mem, err));
    *out = &b->run;
    b = NULL;
out:
    if (b)
        bag_close(&b->run.base);
    return rc;
}
