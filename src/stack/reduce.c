#include "key/order.h"
#include "stack/stack_priv.h"

#define BLOCK_ROWS 4096

/*
 * One row a key. The groups of a block are folded column by column; the last one may go on in the
 * next block, so it waits, folded, in `last`:
 *
 *   block 1   a a b c c            block 2   c c c d d e
 *             |-| | `-- last                 `---'   |  `-- last
 *             out out                last + folded   out
 *                                    = two rows in `pair`, folded into out
 *
 * Folding is associative, so a group may come in any number of pieces.
 */
struct reduce {
    struct stack_run run;
    const struct stack *s;
    struct alloc *mem;
    const struct stack_options *o;
    struct run *in;
    const unsigned *form_in;
    struct stack_draft out;
    struct stack_draft last; /* at most one row */
    struct stack_draft pair;
    struct buf groups;
    struct buf pair_groups;
    struct buf rows; /* scratch: a row a group */
    bool is_done;
};

/* Rows to fold: a block, or rows that were folded before. */
struct rows_in {
    const struct arr_batch *batch;
    const struct key_vec *keys;
    unsigned form;
    bool is_raw;
};

/* What the fold of a column needs but for the groups. */
static struct fold_col fold_of(struct reduce *r, const struct rows_in *in, size_t column,
                               struct stack_draft *to)
{
    const struct stack_column *about = &r->s->columns[column];
    bool has_carry = about->carry != STACK_NO_CARRY;
    return (struct fold_col){
        .op = about->op,
        .field = &r->s->schemas[0].columns.fields[column],
        .in = &in->batch->cols[column],
        .carry_in = stack_carry_col(r->s, in->batch, in->form, column),
        .out = &to->batch.cols[column],
        .carry_out = has_carry ? &to->batch.cols[r->s->column_count + about->carry] : NULL,
        .is_raw = in->is_raw,
        .scratch = &r->rows,
    };
}

static bool chooses_rows(const struct stack *s)
{
    return s->engine == STACK_LAST || s->engine == STACK_FIRST;
}

/* Engines that choose whole rows: the choice once, then every column is gathered. */
static slp_rc choose_rows(struct reduce *r, const struct rows_in *in,
                          const struct fold_group *groups, size_t count, struct stack_draft *to,
                          struct slp_err *err)
{
    const struct stack *s = r->s;
    const struct arr_col *order = s->has_order ? &in->batch->cols[s->order_column] : NULL;
    TRY(buf_resize(&r->rows, count * sizeof(uint32_t), err));
    uint32_t *rows = (uint32_t *)(void *)r->rows.ptr;
    stack_fold_choose(s->engine == STACK_LAST, order, groups, count, rows);
    for (size_t i = 0; i < s->column_count; i++) {
        slp_rc rc = arr_col_append_picked(&to->batch.cols[i], &in->batch->cols[i], rows,
                                          (int64_t)count, err);
        if (rc != SLP_OK)
            return err_wrap(err, rc, "column \"%s\"", s->schemas[0].columns.fields[i].name);
    }
    return SLP_OK;
}

/* Groups from `g` on that are one put each, in neighbouring rows: up to where. */
static size_t end_of_singles(const struct fold_group *groups, size_t g, size_t count)
{
    uint32_t first = groups[g].first;
    size_t end = g;
    while (end < count && groups[end].first == first + (end - g) &&
           groups[end].end == groups[end].first + 1 && groups[end].kind == STACK_PUT)
        end++;
    return end;
}

static slp_rc append_keys(const struct rows_in *in, const struct fold_group *groups, size_t count,
                          struct stack_draft *to, struct slp_err *err)
{
    for (size_t g = 0; g < count;) {
        size_t end = end_of_singles(groups, g, count);
        if (end > g + 1) {
            TRY(key_vec_append_run(&to->keys, in->keys, groups[g].first, (int64_t)(end - g), err));
            g = end;
            continue;
        }
        TRY(stack_draft_kind(to, to->keys.count, groups[g].kind, err));
        TRY(key_vec_append(&to->keys, key_at(in->keys, groups[g].first), err));
        g++;
    }
    return SLP_OK;
}

static slp_rc fold_rows(struct reduce *r, const struct rows_in *in, const struct fold_group *groups,
                        size_t count, struct stack_draft *to, struct slp_err *err)
{
    if (count == 0)
        return SLP_OK;
    if (chooses_rows(r->s)) {
        TRY(choose_rows(r, in, groups, count, to, err));
    } else {
        for (size_t i = 0; i < r->s->column_count; i++) {
            struct fold_col c = fold_of(r, in, i, to);
            slp_rc rc = stack_fold(&c, groups, count, err);
            if (rc != SLP_OK)
                return err_wrap(err, rc, "column \"%s\"", c.field->name);
        }
    }
    return append_keys(in, groups, count, to, err);
}

/* The same into the output, where deletes may end. */
static slp_rc emit(struct reduce *r, const struct rows_in *in, struct fold_group *groups,
                   size_t count, struct slp_err *err)
{
    if (stack_drops(r->o) && (in->form & STACK_KINDS))
        count = stack_groups_drop(groups, count);
    return fold_rows(r, in, groups, count, &r->out, err);
}

/* What stands in a draft, as rows to fold, and their groups. */
static slp_rc rows_of(struct reduce *r, struct stack_draft *d, struct rows_in *out, size_t *count,
                      struct slp_err *err)
{
    struct run_block block = {0};
    const uint8_t *kinds = NULL;
    unsigned form = stack_draft_form(d);
    TRY(stack_draft_show(d, form, &block, err));
    TRY(stack_kinds_of(r->s, block.batch, form, &kinds, err));
    TRY(stack_group(block.keys, kinds, &r->pair_groups, err));
    *count = r->pair_groups.len / sizeof(struct fold_group);
    *out = (struct rows_in){.batch = block.batch, .keys = block.keys, .form = form};
    return SLP_OK;
}

static struct fold_group *pair_groups(const struct reduce *r)
{
    return (struct fold_group *)(void *)r->pair_groups.ptr;
}

/* The group that waited is complete. */
static slp_rc emit_last(struct reduce *r, struct slp_err *err)
{
    if (stack_draft_rows(&r->last) == 0)
        return SLP_OK;
    struct rows_in in = {0};
    size_t count = 0;
    TRY(rows_of(r, &r->last, &in, &count, err));
    TRY(emit(r, &in, pair_groups(r), count, err));
    stack_draft_clear(&r->last);
    return SLP_OK;
}

/* Fold the group that waited, and the group of a block that continues it, into `last`. */
static slp_rc join_last(struct reduce *r, const struct rows_in *in, const struct fold_group *group,
                        struct slp_err *err)
{
    struct rows_in both = {0};
    size_t count = 0;
    stack_draft_clear(&r->pair);
    TRY(rows_of(r, &r->last, &both, &count, err));
    TRY(fold_rows(r, &both, pair_groups(r), count, &r->pair, err));
    TRY(fold_rows(r, in, group, 1, &r->pair, err));
    TRY(rows_of(r, &r->pair, &both, &count, err));
    assert(count == 1);
    stack_draft_clear(&r->last);
    return fold_rows(r, &both, pair_groups(r), count, &r->last, err);
}

static slp_rc take_block(struct reduce *r, const struct run_block *block, struct slp_err *err)
{
    const uint8_t *kinds = NULL;
    struct rows_in in = {.batch = block->batch,
                         .keys = block->keys,
                         .form = *r->form_in,
                         .is_raw = r->o->mode == STACK_INGEST};
    TRY(stack_kinds_of(r->s, in.batch, in.form, &kinds, err));
    TRY(stack_group(in.keys, kinds, &r->groups, err));
    struct fold_group *groups = (struct fold_group *)(void *)r->groups.ptr;
    size_t count = r->groups.len / sizeof *groups;
    bool continues = stack_draft_rows(&r->last) != 0 &&
                     slice_equal(key_at(&r->last.keys, 0), key_at(in.keys, 0));
    if (continues) {
        TRY(join_last(r, &in, groups, err));
        groups++;
        count--;
    }
    if (count == 0)
        return SLP_OK;
    TRY(emit_last(r, err));
    struct fold_group waits = groups[count - 1];
    TRY(emit(r, &in, groups, count - 1, err));
    return fold_rows(r, &in, &waits, 1, &r->last, err);
}

/* A query hands out what fits the fields. */
static slp_rc check_sums(const struct reduce *r, struct slp_err *err)
{
    const struct stack *s = r->s;
    for (size_t i = 0; i < s->column_count; i++) {
        const struct arr_col *carry = stack_carry_col(s, &r->out.batch, STACK_CARRIES, i);
        const struct arr_field *field = &s->schemas[0].columns.fields[i];
        bool is_rounded = field->type.kind == ARR_FLOAT || field->type.kind == ARR_DOUBLE;
        if (!carry || carry->rows == 0 || is_rounded)
            continue;
        char type[64];
        arr_field_type_format(field, type, sizeof type);
        for (int64_t row = 0; row < carry->rows; row++) {
            bool fits = carry->type.kind == ARR_BINARY ? arr_col_bytes(carry, row).len == 0
                                                       : arr_col_i64(carry, row) == 0;
            if (!fits)
                FAIL(err, LIMIT,
                     "the %s of field \"%s\" does not fit %s: what is stored is exact; widen the "
                     "field, or ask for other columns",
                     stack_fold_name(s->columns[i].op), field->name, type);
        }
    }
    return SLP_OK;
}

static slp_rc fill(struct reduce *r, struct slp_err *err)
{
    int64_t enough = r->o->block_rows ? r->o->block_rows : BLOCK_ROWS;
    while (!r->is_done && stack_draft_rows(&r->out) < enough) {
        struct run_block block = {0};
        slp_rc rc = run_next(r->in, &block, err);
        if (rc == SLP_DONE) {
            r->is_done = true;
            return emit_last(r, err);
        }
        TRY(rc);
        TRY(take_block(r, &block, err));
    }
    return SLP_OK;
}

static slp_rc reduce_next(struct run *run, struct run_block *out, struct slp_err *err)
{
    struct reduce *r = (struct reduce *)(void *)run;
    stack_draft_clear(&r->out);
    TRY(fill(r, err));
    if (stack_draft_rows(&r->out) == 0)
        return SLP_DONE;
    unsigned form = stack_draft_form(&r->out);
    if (r->o->mode == STACK_QUERY) {
        TRY(check_sums(r, err));
        for (size_t i = 0; i < r->s->carry_count; i++)
            arr_col_clear(&r->out.batch.cols[r->s->column_count + i]);
        form = 0;
    }
    r->run.form |= form;
    return stack_draft_show(&r->out, r->run.form, out, err);
}

static void reduce_close(struct run *run)
{
    struct reduce *r = (struct reduce *)(void *)run;
    run_close(r->in);
    stack_draft_fini(&r->out);
    stack_draft_fini(&r->last);
    stack_draft_fini(&r->pair);
    buf_fini(&r->groups);
    buf_fini(&r->pair_groups);
    buf_fini(&r->rows);
    alloc_delete(r->mem, r);
}

slp_rc stack_reduce_open(const struct stack_stage *stage, struct stack_run **out,
                         struct slp_err *err)
{
    static const struct run_ops ops = {.next = reduce_next, .close = reduce_close};
    slp_rc rc = SLP_OK;
    struct reduce *r = NULL;
    rc = alloc_new(stage->mem, &r, err);
    if (rc != SLP_OK) {
        run_close(stage->in);
        return rc;
    }
    r->run.base.ops = &ops;
    r->s = stage->s;
    r->mem = stage->mem;
    r->o = stage->o;
    r->in = stage->in;
    r->form_in = stage->form;
    buf_init(&r->groups, r->mem, SIZE_MAX / 2);
    buf_init(&r->pair_groups, r->mem, SIZE_MAX / 2);
    buf_init(&r->rows, r->mem, SIZE_MAX / 2);
    TRY_OUT(stack_draft_init(&r->out, r->s, r->mem, err));
    TRY_OUT(stack_draft_init(&r->last, r->s, r->mem, err));
    TRY_OUT(stack_draft_init(&r->pair, r->s, r->mem, err));
    *out = &r->run;
    r = NULL;
out:
    if (r)
        reduce_close(&r->run.base);
    return rc;
}
