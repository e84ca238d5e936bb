#include "stack/spread.h"

#include "stack/stack_priv.h"

void stack_needs(const struct stack *s, unsigned form, bool *need)
{
    const struct arr_schema *all = &s->schemas[form].columns;
    for (size_t i = 0; i < s->filters.count; i++) {
        const struct stack_filter *f = &s->filters.at[i];
        if (f->where)
            pred_columns(f->where, need);
        else
            need[f->column] = true;
    }
    if (s->has_order)
        need[s->order_column] = true;
    for (size_t i = 0; i < s->column_count; i++) {
        need[i] = need[i] || s->columns[i].is_key;
        if (form & STACK_CARRIES && s->columns[i].carry != STACK_NO_CARRY)
            need[s->column_count + s->columns[i].carry] = need[i];
    }
    if (form & STACK_KINDS)
        need[all->count - 1] = true;
}

struct spread {
    struct run run;
    struct alloc *mem;
    struct run *in;
    const size_t *columns;
    size_t count;
    struct arr_batch blanks; /* of columns that the input has: without rows */
    bool *is_there;
    struct arr_col *shown;
    struct arr_batch view;
};

static slp_rc fill(struct arr_col *c, const struct arr_field *field, int64_t rows,
                   struct slp_err *err)
{
    if (c->rows > rows)
        arr_col_truncate(c, rows);
    if (field->nullable)
        return arr_col_append_nulls(c, rows - c->rows, err);
    while (c->rows < rows)
        TRY(stack_append_blank(c, field, err));
    return SLP_OK;
}

static slp_rc spread_next(struct run *run, struct run_block *out, struct slp_err *err)
{
    struct spread *s = (struct spread *)(void *)run;
    const struct arr_schema *all = s->blanks.schema;
    struct run_block block = {0};
    slp_rc rc = run_next(s->in, &block, err);
    if (rc != SLP_OK)
        return rc;
    for (size_t i = 0; i < all->count; i++) {
        if (s->is_there[i])
            continue;
        TRY(fill(&s->blanks.cols[i], &all->fields[i], block.batch->rows, err));
        s->shown[i] = s->blanks.cols[i];
    }
    for (size_t i = 0; i < s->count; i++)
        s->shown[s->columns[i]] = block.batch->cols[i];
    s->view = (struct arr_batch){
        .schema = all, .rows = block.batch->rows, .cols = s->shown, .mem = s->mem};
    *out = block;
    out->batch = &s->view;
    return SLP_OK;
}

static void spread_close(struct run *run)
{
    struct spread *s = (struct spread *)(void *)run;
    size_t count = s->blanks.schema ? s->blanks.schema->count : 0;
    run_close(s->in);
    alloc_free(s->mem, s->is_there, count * sizeof *s->is_there);
    alloc_free(s->mem, s->shown, count * sizeof *s->shown);
    arr_batch_fini(&s->blanks);
    alloc_delete(s->mem, s);
}

slp_rc stack_spread(struct alloc *mem, const struct arr_schema *all, const size_t *columns,
                    size_t count, struct run *input, struct run **out, struct slp_err *err)
{
    static const struct run_ops ops = {.next = spread_next, .close = spread_close};
    struct spread *s = NULL;
    slp_rc rc = alloc_new(mem, &s, err);
    if (rc != SLP_OK) {
        run_close(input);
        return rc;
    }
    s->run.ops = &ops;
    s->mem = mem;
    s->in = input;
    s->columns = columns;
    s->count = count;
    TRY_OUT(arr_batch_init(&s->blanks, mem, all, err));
    TRY_OUT(alloc_array(mem, all->count, sizeof *s->is_there, (void **)&s->is_there, err));
    TRY_OUT(alloc_array(mem, all->count, sizeof *s->shown, (void **)&s->shown, err));
    for (size_t i = 0; i < count; i++)
        s->is_there[columns[i]] = true;
    *out = &s->run;
    s = NULL;
out:
    if (s)
        spread_close(&s->run);
    return rc;
}
