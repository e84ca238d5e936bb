#include "stack/fold_items.h"

slp_rc stack_fold_items_collect(const struct fold_col *c, struct fold_group g,
                                struct fold_items *out, struct slp_err *err)
{
    size_t count = 0;
    bool has_value = false;
    for (uint32_t r = g.first; r < g.end; r++) {
        int64_t from = 0;
        int64_t end = arr_col_items(c->in, r, &from);
        count += (size_t)(end - from);
        has_value |= !arr_col_is_null(c->in, r);
    }
    if (count > (size_t)ARR_ITEMS_MAX)
        FAIL(err, LIMIT, "the collections of one key have %zu items; at most %lld are united",
             count, (long long)ARR_ITEMS_MAX);
    /* Twice: sorting merges from one half into the other. */
    TRY(buf_resize(c->scratch, 2 * count * sizeof(uint32_t), err));
    uint32_t *rows = (uint32_t *)(void *)c->scratch->ptr;
    size_t n = 0;
    for (uint32_t r = g.first; r < g.end; r++) {
        int64_t from = 0;
        int64_t end = arr_col_items(c->in, r, &from);
        for (int64_t i = from; i < end; i++)
            rows[n++] = (uint32_t)i;
    }
    *out = (struct fold_items){.rows = rows, .count = n, .has_value = has_value};
    return SLP_OK;
}

static bool is_after(const struct arr_col *by, uint32_t a, uint32_t b)
{
    if (arr_col_is_null(by, a) || arr_col_is_null(by, b))
        return !arr_col_is_null(by, a) && arr_col_is_null(by, b);
    return stack_value_compare(by, a, by, b) > 0;
}

/* Merge two sorted neighbours [at, middle) and [middle, end) into `to`. */
static void merge_pair(const struct arr_col *by, const uint32_t *from, size_t at, size_t middle,
                       size_t end, uint32_t *to)
{
    size_t left = at;
    size_t right = middle;
    for (size_t i = at; i < end; i++) {
        bool take_right = left == middle || (right < end && is_after(by, from[left], from[right]));
        to[i] = take_right ? from[right++] : from[left++];
    }
}

void stack_fold_items_sort(struct fold_items *items, const struct arr_col *by)
{
    size_t n = items->count;
    bool is_sorted = true;
    for (size_t i = 1; i < n && is_sorted; i++)
        is_sorted = !is_after(by, items->rows[i - 1], items->rows[i]);
    if (is_sorted)
        return;
    uint32_t *from = items->rows;
    uint32_t *to = items->rows + n;
    for (size_t width = 1; width < n; width *= 2) {
        for (size_t at = 0; at < n; at += 2 * width)
            merge_pair(by, from, at, num_min_size(at + width, n), num_min_size(at + 2 * width, n),
                       to);
        uint32_t *swap = from;
        from = to;
        to = swap;
    }
    items->rows = from;
}
