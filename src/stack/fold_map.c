#include "stack/fold_items.h"

/* Entries of one group while they are folded. */
struct entries {
    const struct fold_col *c;
    const struct arr_col *keys;
    const struct arr_col *values;
    struct fold_items items;
    struct buf carries; /* map_sum: an int64 for each entry of the result */
    bool has_carry;
};

/* Which map of the group an entry stands in, to find its carry. */
static slp_rc carry_of(const struct entries *e, struct fold_group g, uint32_t entry, int64_t *out,
                       struct slp_err *err)
{
    *out = 0;
    if (!e->c->carry_in)
        return SLP_OK;
    const int32_t *offsets = arr_col_offsets(e->c->in);
    uint32_t low = g.first;
    uint32_t high = g.end;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if ((uint32_t)offsets[middle] <= entry)
            low = middle;
        else
            high = middle;
    }
    struct slice stored = arr_col_bytes(e->c->carry_in, low);
    if (stored.len == 0)
        return SLP_OK;
    if (stored.len != 8 * (size_t)(offsets[low + 1] - offsets[low]))
        FAIL(err, CORRUPT, "the carry of a map of %d entries has %zu bytes",
             offsets[low + 1] - offsets[low], stored.len);
    memcpy(out, stored.ptr + 8 * (entry - (uint32_t)offsets[low]), sizeof *out);
    return SLP_OK;
}

/* The entries from `at` on that have one key: up to where. */
static size_t same_key(const struct entries *e, size_t at)
{
    size_t end = at + 1;
    while (end < e->items.count &&
           stack_value_compare(e->keys, e->items.rows[at], e->keys, e->items.rows[end]) == 0)
        end++;
    return end;
}

static slp_rc sum_values(struct entries *e, struct fold_group g, size_t at, size_t end,
                         struct slp_err *err)
{
    struct arr_col *out = &e->c->out->children[0].children[1];
    bool is_signed = false;
    unsigned bits = stack_fold_bits(e->values->type.kind, &is_signed);
    bool has_value = false;
    u128 sum = 0;
    for (size_t i = at; i < end; i++) {
        uint32_t entry = e->items.rows[i];
        if (arr_col_is_null(e->values, entry))
            continue;
        int64_t carry = 0;
        TRY(carry_of(e, g, entry, &carry, err));
        int64_t value = arr_col_i64(e->values, entry);
        i128 whole = is_signed ? (i128)value : (i128)(uint64_t)value;
        sum += (u128)whole;
        sum += (u128)(i128)carry << bits;
        has_value = true;
    }
    i128 low = 0;
    int64_t beyond = 0;
    fold_split((i128)sum, bits, is_signed, &low, &beyond);
    e->has_carry |= beyond != 0;
    TRY(buf_append_u64le(&e->carries, (uint64_t)beyond, err));
    return has_value ? stack_fold_append_int(out, low, err) : arr_col_append_null(out, err);
}

static slp_rc choose_value(struct entries *e, size_t at, size_t end, struct slp_err *err)
{
    struct arr_col *out = &e->c->out->children[0].children[1];
    uint32_t best = e->items.rows[at];
    for (size_t i = at + 1; i < end; i++) {
        uint32_t entry = e->items.rows[i];
        if (arr_col_is_null(e->values, entry))
            continue;
        int order = arr_col_is_null(e->values, best)
                        ? 0
                        : stack_value_compare(e->values, entry, e->values, best);
        if (arr_col_is_null(e->values, best) || (e->c->op == FOLD_MAP_MAX ? order > 0 : order < 0))
            best = entry;
    }
    return arr_col_append_run(out, e->values, best, 1, err);
}

static slp_rc fold_entries(struct entries *e, struct fold_group g, int32_t *length,
                           struct slp_err *err)
{
    struct arr_col *out = &e->c->out->children[0];
    *length = 0;
    for (size_t at = 0; at < e->items.count;) {
        size_t end = same_key(e, at);
        TRY(arr_col_append_run(&out->children[0], e->keys, e->items.rows[at], 1, err));
        if (e->c->op == FOLD_MAP_SUM)
            TRY(sum_values(e, g, at, end, err));
        else
            TRY(choose_value(e, at, end, err));
        TRY(arr_col_append_structs(out, 1, NULL, 0, err));
        ++*length;
        at = end;
    }
    return SLP_OK;
}

static slp_rc fold_one(struct entries *e, struct fold_group g, struct slp_err *err)
{
    const struct fold_col *c = e->c;
    int32_t length = 0;
    buf_clear(&e->carries);
    e->has_carry = false;
    TRY(stack_fold_items_collect(c, g, &e->items, err));
    if (!e->items.has_value)
        return arr_col_append_null(c->out, err);
    stack_fold_items_sort(&e->items, e->keys);
    TRY(fold_entries(e, g, &length, err));
    TRY(arr_col_append_lists(c->out, &length, 1, NULL, 0, err));
    if (!e->has_carry)
        return SLP_OK;
    return stack_fold_put_carry(c->carry_out, c->out->rows - 1, buf_slice(&e->carries), err);
}

slp_rc stack_fold_map(const struct fold_col *c, const struct fold_group *groups, size_t count,
                      struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct entries e = {
        .c = c, .keys = &c->in->children[0].children[0], .values = &c->in->children[0].children[1]};
    buf_init(&e.carries, c->scratch->mem, ARR_BYTES_MAX);
    for (size_t g = 0; g < count; g++)
        TRY_OUT(fold_one(&e, groups[g], err));
out:
    buf_fini(&e.carries);
    return rc;
}
