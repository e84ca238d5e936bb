#include "arrow/dictionary.h"
#include "stack/fold_priv.h"

static i128 pow10_of(int32_t n)
{
    i128 p = 1;
    for (int32_t i = 0; i < n; i++)
        p *= 10;
    return p;
}

slp_rc stack_fold_append_int(struct arr_col *c, i128 value, struct slp_err *err)
{
    return arr_col_append(c, slice_of(&value, arr_type_width(c->type)), err);
}

/* The element of an integer or decimal column, 0 where it is null. */
static i128 number_at(const struct arr_col *c, uint32_t row)
{
    if (c->type.kind == ARR_DECIMAL128) {
        i128 value = 0;
        struct slice bytes = arr_col_bytes(c, row);
        if (bytes.len > 0)
            memcpy(&value, bytes.ptr, bytes.len);
        return value;
    }
    int64_t value = arr_col_i64(c, row);
    return c->type.kind == ARR_UINT64 ? (i128)(uint64_t)value : (i128)value;
}

static slp_rc append_sum(const struct fold_col *c, i128 low, int64_t beyond, struct slp_err *err)
{
    TRY(stack_fold_append_int(c->out, low, err));
    if (beyond == 0)
        return SLP_OK;
    return stack_fold_put_carry(c->carry_out, c->out->rows - 1, slice_of(&beyond, sizeof beyond),
                                err);
}

/* Integers: what is stored and its carry make one number of at most 127 bits. */
static slp_rc sum_integers(const struct fold_col *c, struct fold_group g, struct slp_err *err)
{
    bool is_signed = false;
    unsigned bits = stack_fold_bits(c->in->type.kind, &is_signed);
    u128 sum = 0;
    for (uint32_t r = g.first; r < g.end; r++) {
        sum += (u128)number_at(c->in, r);
        if (c->carry_in)
            sum += (u128)(i128)arr_col_i64(c->carry_in, r) << bits;
    }
    i128 low = 0;
    int64_t beyond = 0;
    fold_split((i128)sum, bits, is_signed, &low, &beyond);
    return append_sum(c, low, beyond, err);
}

/* Decimals: digits that leave the field go over to the carry, by steps of 10^precision. */
static slp_rc sum_decimals(const struct fold_col *c, struct fold_group g, struct slp_err *err)
{
    i128 one = pow10_of(c->in->type.precision);
    i128 low = 0;
    int64_t beyond = 0;
    for (uint32_t r = g.first; r < g.end; r++) {
        i128 value = number_at(c->in, r);
        if (value >= one || value <= -one)
            FAIL(err, CORRUPT, "a decimal of more than %d digits", c->in->type.precision);
        beyond += c->carry_in ? arr_col_i64(c->carry_in, r) : 0;
        if (low > 0 && value >= one - low) {
            low -= one;
            beyond++;
        } else if (low < 0 && value <= -one - low) {
            low += one;
            beyond--;
        }
        low += value;
    }
    /* One form for each sum: field and carry have one sign. */
    if (beyond > 0 && low < 0) {
        low += one;
        beyond--;
    } else if (beyond < 0 && low > 0) {
        low -= one;
        beyond++;
    }
    return append_sum(c, low, beyond, err);
}

/* Sums of 64-bit elements where no carry comes in and none is null: false where one leaves 64
 * bits. Null slots are 0, so they may be summed too. */
static bool sum_i64(const int64_t *v, struct fold_group g, int64_t *out)
{
    int64_t sum = 0;
    bool fits = true;
    for (uint32_t r = g.first; r < g.end; r++)
        fits &= num_add_i64(sum, v[r], &sum);
    *out = sum;
    return fits;
}

/* The same for int32: the sum of 2^32 of them fits 64 bits. */
static bool sum_i32(const int32_t *v, struct fold_group g, int64_t *out)
{
    int64_t sum = 0;
    for (uint32_t r = g.first; r < g.end; r++)
        sum += v[r];
    *out = sum;
    return sum >= INT32_MIN && sum <= INT32_MAX;
}

static slp_rc sum_slowly(const struct fold_col *c, struct fold_group g, struct slp_err *err)
{
    return c->in->type.kind == ARR_DECIMAL128 ? sum_decimals(c, g, err) : sum_integers(c, g, err);
}

static bool group_has_value(const struct fold_col *c, struct fold_group g)
{
    return c->in->null_count == 0 || fold_first_value(c->in, g.first, g.end) < g.end;
}

/* Sums of all groups at once, in `sums`. false when one leaves its field: then all are done slowly.
 */
static bool sum_plainly(const struct fold_col *c, const struct fold_group *groups, size_t count,
                        void *sums)
{
    const void *data = c->in->data.ptr;
    bool fits = true;
    if (c->in->type.kind == ARR_INT64) {
        int64_t *out = sums;
        for (size_t g = 0; g < count; g++)
            fits &= sum_i64(data, groups[g], &out[g]);
        return fits;
    }
    int32_t *out = sums;
    for (size_t g = 0; g < count; g++) {
        int64_t sum = 0;
        fits &= sum_i32(data, groups[g], &sum);
        out[g] = (int32_t)sum;
    }
    return fits;
}

static bool is_plain(const struct fold_col *c)
{
    enum arr_kind kind = c->in->type.kind;
    return !c->carry_in && !c->in->dictionary && c->in->null_count == 0 &&
           (kind == ARR_INT64 || kind == ARR_INT32);
}

static slp_rc sum(const struct fold_col *c, const struct fold_group *groups, size_t count,
                  struct slp_err *err)
{
    if (is_plain(c)) {
        TRY(buf_resize(c->scratch, count * sizeof(int64_t), err));
        struct arr_col sums = {.type = c->in->type, .rows = (int64_t)count, .data = *c->scratch};
        if (sum_plainly(c, groups, count, c->scratch->ptr))
            return arr_col_append_run(c->out, &sums, 0, (int64_t)count, err);
    }
    for (size_t g = 0; g < count; g++) {
        if (group_has_value(c, groups[g]))
            TRY(sum_slowly(c, groups[g], err));
        else
            TRY(arr_col_append_null(c->out, err));
    }
    return SLP_OK;
}

/* Raw rows count one each; a delete's blank stays. */
static slp_rc count_rows(const struct fold_col *c, const struct fold_group *groups, size_t count,
                         struct slp_err *err)
{
    bool is_signed = false;
    unsigned bits = stack_fold_bits(c->field->type.kind, &is_signed);
    for (size_t g = 0; g < count; g++) {
        if (groups[g].kind == STACK_DELETE) {
            TRY(stack_append_blank(c->out, c->field, err));
            continue;
        }
        i128 low = 0;
        int64_t beyond = 0;
        fold_split(groups[g].end - groups[g].first, bits, is_signed, &low, &beyond);
        TRY(append_sum(c, low, beyond, err));
    }
    return SLP_OK;
}

static slp_rc fold_bools(const struct fold_col *c, struct fold_group g, struct slp_err *err)
{
    bool is_and = c->op == FOLD_BOOL_AND;
    bool all = is_and;
    for (uint32_t r = g.first; r < g.end; r++) {
        if (arr_col_is_null(c->in, r))
            continue;
        bool value = arr_col_i64(c->in, r) != 0;
        all = is_and ? all && value : all || value;
    }
    return arr_col_append_bool(c->out, all, err);
}

static slp_rc fold_bits_of(const struct fold_col *c, struct fold_group g, struct slp_err *err)
{
    bool is_and = c->op == FOLD_BIT_AND;
    uint64_t all = is_and ? UINT64_MAX : 0;
    for (uint32_t r = g.first; r < g.end; r++) {
        if (arr_col_is_null(c->in, r))
            continue;
        uint64_t value = (uint64_t)arr_col_i64(c->in, r);
        all = is_and ? all & value : all | value;
    }
    return arr_col_append(c->out, slice_of(&all, arr_type_width(c->in->type)), err);
}

static slp_rc logic(const struct fold_col *c, const struct fold_group *groups, size_t count,
                    struct slp_err *err)
{
    for (size_t g = 0; g < count; g++) {
        if (!group_has_value(c, groups[g]))
            TRY(arr_col_append_null(c->out, err));
        else if (c->in->type.kind == ARR_BOOL)
            TRY(fold_bools(c, groups[g], err));
        else
            TRY(fold_bits_of(c, groups[g], err));
    }
    return SLP_OK;
}

slp_rc stack_fold_number(const struct fold_col *c, const struct fold_group *groups, size_t count,
                         struct slp_err *err)
{
    if (c->op == FOLD_COUNT && c->is_raw)
        return count_rows(c, groups, count, err);
    if (c->op == FOLD_SUM || c->op == FOLD_COUNT)
        return sum(c, groups, count, err);
    return logic(c, groups, count, err);
}
