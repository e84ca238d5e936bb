#include "stack/stack_priv.h"

bool stack_wants_carries(const struct stack *s)
{
    const struct arr_schema *all = &s->schemas[STACK_CARRIES].columns;
    for (size_t i = s->column_count; i < all->count; i++)
        if (all->fields[i].type.kind == ARR_BINARY)
            return true;
    return false;
}

slp_rc stack_append(const struct stack *s, const struct stack_rows *rows, unsigned to_form,
                    struct arr_batch *to, struct slp_err *err)
{
    const struct arr_batch *from = rows->from;
    size_t carries = to_form & STACK_CARRIES ? s->carry_count : 0;
    size_t carries_in = rows->from_form & STACK_CARRIES ? s->carry_count : 0;
    int64_t end = to->rows + rows->count;
    assert((rows->from_form & ~to_form) == 0);
    for (size_t i = 0; i < s->column_count + carries_in; i++)
        TRY(arr_col_append_run(&to->cols[i], &from->cols[i], rows->first, rows->count, err));
    for (size_t i = carries_in; i < carries; i++)
        TRY(stack_pad(&to->cols[s->column_count + i], end, err));
    if (to_form & STACK_KINDS) {
        struct arr_col *kinds = &to->cols[s->column_count + carries];
        if (rows->from_form & STACK_KINDS)
            TRY(arr_col_append_run(kinds, &from->cols[s->column_count + carries_in], rows->first,
                                   rows->count, err));
        else
            TRY(stack_pad(kinds, end, err));
    }
    to->rows = end;
    return SLP_OK;
}

void stack_count_kinds(const struct arr_batch *batch, unsigned form, int64_t out[STACK_KIND_COUNT])
{
    memset(out, 0, STACK_KIND_COUNT * sizeof *out);
    if (!(form & STACK_KINDS)) {
        out[STACK_PUT] = batch->rows;
        return;
    }
    const uint8_t *kinds = batch->cols[batch->schema->count - 1].data.ptr;
    for (int64_t r = 0; r < batch->rows; r++)
        out[kinds[r] % STACK_KIND_COUNT]++;
}
