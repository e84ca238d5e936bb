#include "stack/stack_priv.h"

slp_rc stack_draft_init(struct stack_draft *d, const struct stack *s, struct alloc *mem,
                        struct slp_err *err)
{
    const struct arr_schema *all = &s->schemas[STACK_FORMS - 1].columns;
    void *room = NULL;
    *d = (struct stack_draft){.s = s};
    TRY(arr_batch_init(&d->batch, mem, all, err));
    key_vec_init(&d->keys, mem, SIZE_MAX / 4);
    buf_init(&d->picks, mem, SIZE_MAX / 2);
    slp_rc rc = alloc_array(mem, all->count, sizeof *d->shown, &room, err);
    if (rc != SLP_OK) {
        arr_batch_fini(&d->batch);
        return rc;
    }
    d->shown = room;
    return SLP_OK;
}

void stack_draft_fini(struct stack_draft *d)
{
    if (!d->s)
        return;
    size_t count = d->s->schemas[STACK_FORMS - 1].columns.count;
    alloc_free(d->batch.mem, d->shown, count * sizeof *d->shown);
    key_vec_fini(&d->keys);
    buf_fini(&d->picks);
    arr_batch_fini(&d->batch);
    d->s = NULL;
}

void stack_draft_clear(struct stack_draft *d)
{
    arr_batch_clear(&d->batch);
    key_vec_clear(&d->keys);
}

static struct arr_col *carry_at(const struct stack_draft *d, size_t carry)
{
    return &d->batch.cols[d->s->column_count + carry];
}

static struct arr_col *kind_col(const struct stack_draft *d)
{
    return &d->batch.cols[d->s->column_count + d->s->carry_count];
}

unsigned stack_draft_form(const struct stack_draft *d)
{
    unsigned form = kind_col(d)->rows ? STACK_KINDS : 0;
    for (size_t i = 0; i < d->s->carry_count; i++)
        if (carry_at(d, i)->rows)
            form |= STACK_CARRIES;
    return form;
}

slp_rc stack_draft_kind(struct stack_draft *d, int64_t row, enum stack_kind kind,
                        struct slp_err *err)
{
    if (kind == STACK_PUT)
        return SLP_OK;
    TRY(stack_pad(kind_col(d), row, err));
    return arr_col_append_i64(kind_col(d), kind, err);
}

slp_rc stack_draft_show(struct stack_draft *d, unsigned form, struct run_block *out,
                        struct slp_err *err)
{
    const struct stack *s = d->s;
    int64_t rows = d->keys.count;
    size_t n = s->column_count;
    assert((stack_draft_form(d) & ~form) == 0);
    for (size_t i = 0; i < n; i++) {
        assert(d->batch.cols[i].rows == rows);
        d->shown[i] = d->batch.cols[i];
    }
    for (size_t i = 0; (form & STACK_CARRIES) && i < s->carry_count; i++) {
        TRY(stack_pad(carry_at(d, i), rows, err));
        d->shown[n++] = *carry_at(d, i);
    }
    if (form & STACK_KINDS) {
        TRY(stack_pad(kind_col(d), rows, err));
        d->shown[n++] = *kind_col(d);
    }
    d->view = (struct arr_batch){
        .schema = &s->schemas[form].columns, .rows = rows, .cols = d->shown, .mem = d->batch.mem};
    *out = (struct run_block){.batch = &d->view, .keys = &d->keys};
    return SLP_OK;
}
