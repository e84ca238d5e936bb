#include <math.h>

#include "stack/exact.h"
#include "stack/fold_priv.h"

static slp_rc append_float(struct arr_col *c, double value, struct slp_err *err)
{
    return arr_col_append_f64(c, value, err);
}

/* A sum that is not a number of finite digits: infinities and NaN go over all else. */
static bool has_special(const struct fold_col *c, struct fold_group g, double *out)
{
    bool is_special = false;
    double sum = 0;
    for (uint32_t r = g.first; r < g.end; r++) {
        bool is_beyond = c->carry_in && arr_col_bytes(c->carry_in, r).len != 0;
        double value = is_beyond ? 0 : arr_col_f64(c->in, r);
        if (isfinite(value))
            continue;
        is_special = true;
        sum += value;
    }
    *out = isnan(sum) ? (double)NAN : sum;
    return is_special;
}

static slp_rc add_rows(const struct fold_col *c, struct fold_group g, struct stack_exact *x,
                       struct slp_err *err)
{
    stack_exact_clear(x);
    for (uint32_t r = g.first; r < g.end; r++) {
        struct slice beyond = slice_of(NULL, 0);
        if (c->carry_in)
            beyond = arr_col_bytes(c->carry_in, r);
        if (beyond.len == 0)
            stack_exact_add(x, arr_col_f64(c->in, r));
        else if (!stack_exact_add_stored(x, beyond))
            FAIL(err, CORRUPT, "the carry of a sum of floats has %zu bytes that are none",
                 beyond.len);
    }
    return SLP_OK;
}

/* A single value stays as it is. Else it is what the exact sum rounds to. */
static slp_rc sum_group(const struct fold_col *c, struct fold_group g, struct slp_err *err)
{
    double sum = 0;
    if (has_special(c, g, &sum))
        return append_float(c->out, sum, err);
    struct stack_exact x;
    bool is_exact = false;
    uint8_t stored[EXACT_MAX_BYTES];
    TRY(add_rows(c, g, &x, err));
    sum = stack_exact_round(&x, c->field->type.kind == ARR_FLOAT, &is_exact);
    TRY(append_float(c->out, sum, err));
    if (is_exact)
        return SLP_OK;
    size_t bytes = stack_exact_store(&x, stored);
    return stack_fold_put_carry(c->carry_out, c->out->rows - 1, slice_of(stored, bytes), err);
}

slp_rc stack_fold_float(const struct fold_col *c, const struct fold_group *groups, size_t count,
                        struct slp_err *err)
{
    for (size_t g = 0; g < count; g++) {
        if (fold_first_value(c->in, groups[g].first, groups[g].end) == groups[g].end)
            TRY(arr_col_append_null(c->out, err));
        else
            TRY(sum_group(c, groups[g], err));
    }
    return SLP_OK;
}
