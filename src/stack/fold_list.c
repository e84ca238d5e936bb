#include "stack/fold_items.h"

/* Keep the first of equal neighbours. */
static void keep_different(struct fold_items *items, const struct arr_col *by)
{
    size_t n = 0;
    for (size_t i = 0; i < items->count; i++) {
        uint32_t row = items->rows[i];
        if (n > 0) {
            uint32_t last = items->rows[n - 1];
            bool is_null = arr_col_is_null(by, row);
            if (is_null == arr_col_is_null(by, last) &&
                (is_null || stack_value_compare(by, last, by, row) == 0))
                continue;
        }
        items->rows[n++] = row;
    }
    items->count = n;
}

static slp_rc unite(const struct fold_col *c, struct fold_group g, struct slp_err *err)
{
    struct fold_items items = {0};
    const struct arr_col *from = &c->in->children[0];
    TRY(stack_fold_items_collect(c, g, &items, err));
    if (!items.has_value)
        return arr_col_append_null(c->out, err);
    if (c->op == FOLD_SET_UNION) {
        stack_fold_items_sort(&items, from);
        keep_different(&items, from);
    }
    int32_t length = (int32_t)items.count;
    TRY(arr_col_append_picked(&c->out->children[0], from, items.rows, length, err));
    return arr_col_append_lists(c->out, &length, 1, NULL, 0, err);
}

slp_rc stack_fold_list(const struct fold_col *c, const struct fold_group *groups, size_t count,
                       struct slp_err *err)
{
    for (size_t g = 0; g < count; g++)
        TRY(unite(c, groups[g], err));
    return SLP_OK;
}
