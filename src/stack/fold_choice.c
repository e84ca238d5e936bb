#include "arrow/dictionary.h"
#include "stack/fold_priv.h"

/* Order as int64: of floats by value, -0 before 0, every NaN equal and last. */
static int64_t ordinal(double value)
{
    int64_t bits = 0;
    if (value != value)
        return INT64_MAX;
    memcpy(&bits, &value, sizeof bits);
    return bits >= 0 ? bits : INT64_MIN - bits - 1;
}

static i128 decimal_at(const struct arr_col *c, int64_t row)
{
    i128 value = 0;
    struct slice bytes = arr_col_bytes(c, row);
    memcpy(&value, bytes.ptr, sizeof value);
    return value;
}

/* 32 bytes, two's complement, little-endian. */
static int compare_wide(const uint8_t *a, const uint8_t *b)
{
    int sign = (int8_t)b[31] < 0;
    if (((int8_t)a[31] < 0) != sign)
        return sign ? 1 : -1;
    for (int i = 31; i >= 0; i--)
        if (a[i] != b[i])
            return a[i] < b[i] ? -1 : 1;
    return 0;
}

int stack_value_compare(const struct arr_col *a, int64_t row_a, const struct arr_col *b,
                        int64_t row_b)
{
    switch (a->type.kind) {
    case ARR_UTF8:
    case ARR_BINARY:
    case ARR_FIXED_BINARY:
        return slice_compare(arr_col_bytes(a, row_a), arr_col_bytes(b, row_b));
    case ARR_FLOAT:
    case ARR_DOUBLE:
    case ARR_FLOAT16: {
        int64_t x = ordinal(arr_col_f64(a, row_a));
        int64_t y = ordinal(arr_col_f64(b, row_b));
        return (x > y) - (x < y);
    }
    case ARR_DECIMAL128: {
        i128 x = decimal_at(a, row_a);
        i128 y = decimal_at(b, row_b);
        return (x > y) - (x < y);
    }
    case ARR_DECIMAL256:
        return compare_wide(arr_col_bytes(a, row_a).ptr, arr_col_bytes(b, row_b).ptr);
    case ARR_UINT64: {
        uint64_t x = (uint64_t)arr_col_i64(a, row_a);
        uint64_t y = (uint64_t)arr_col_i64(b, row_b);
        return (x > y) - (x < y);
    }
    default: {
        int64_t x = arr_col_i64(a, row_a);
        int64_t y = arr_col_i64(b, row_b);
        return (x > y) - (x < y);
    }
    }
}

/* Null loses to any; of two nulls neither wins. */
static bool wins(bool greatest, const struct arr_col *c, uint32_t row, uint32_t over)
{
    if (arr_col_is_null(c, row))
        return false;
    if (arr_col_is_null(c, over))
        return true;
    int order = stack_value_compare(c, row, c, over);
    return greatest ? order > 0 : order < 0;
}

/* Of equal values the oldest row is chosen. */
static void choose_best(bool greatest, const struct arr_col *c, const struct fold_group *groups,
                        size_t count, uint32_t *rows)
{
    for (size_t g = 0; g < count; g++) {
        uint32_t best = groups[g].first;
        for (uint32_t r = best + 1; r < groups[g].end; r++)
            if (wins(greatest, c, r, best))
                best = r;
        rows[g] = best;
    }
}

/* The loops over plain elements without nulls, one a C type. */
#define BEST(name, type)                                                                           \
    static void least_##name(const type *v, const struct fold_group *groups, size_t count,         \
                             uint32_t *rows)                                                       \
    {                                                                                              \
        for (size_t g = 0; g < count; g++) {                                                       \
            uint32_t best = groups[g].first;                                                       \
            for (uint32_t r = best + 1; r < groups[g].end; r++)                                    \
                best = v[r] < v[best] ? r : best;                                                  \
            rows[g] = best;                                                                        \
        }                                                                                          \
    }                                                                                              \
    static void greatest_##name(const type *v, const struct fold_group *groups, size_t count,      \
                                uint32_t *rows)                                                    \
    {                                                                                              \
        for (size_t g = 0; g < count; g++) {                                                       \
            uint32_t best = groups[g].first;                                                       \
            for (uint32_t r = best + 1; r < groups[g].end; r++)                                    \
                best = v[r] > v[best] ? r : best;                                                  \
            rows[g] = best;                                                                        \
        }                                                                                          \
    }

BEST(i32, int32_t)
BEST(i64, int64_t)

static void choose_extreme(bool greatest, const struct arr_col *in, const struct fold_group *groups,
                           size_t count, uint32_t *rows)
{
    const void *data = in->data.ptr;
    bool is_plain = !in->dictionary && in->null_count == 0;
    switch (is_plain ? in->type.kind : ARR_NULL) {
    case ARR_INT32:
    case ARR_DATE32:
    case ARR_TIME32:
        if (greatest)
            greatest_i32(data, groups, count, rows);
        else
            least_i32(data, groups, count, rows);
        return;
    case ARR_INT64:
    case ARR_TIMESTAMP:
    case ARR_TIME64:
    case ARR_DURATION:
        if (greatest)
            greatest_i64(data, groups, count, rows);
        else
            least_i64(data, groups, count, rows);
        return;
    default:
        choose_best(greatest, in, groups, count, rows);
    }
}

/* The oldest or the newest that is not null; else any. */
static void choose_present(bool newest, const struct arr_col *in, const struct fold_group *groups,
                           size_t count, uint32_t *rows)
{
    for (size_t g = 0; g < count; g++) {
        uint32_t first = groups[g].first;
        uint32_t last = groups[g].end - 1;
        if (newest) {
            while (last > first && arr_col_is_null(in, last))
                last--;
            rows[g] = last;
        } else {
            while (first < last && arr_col_is_null(in, first))
                first++;
            rows[g] = first;
        }
    }
}

void stack_fold_choose(bool newest, const struct arr_col *order, const struct fold_group *groups,
                       size_t count, uint32_t *rows)
{
    for (size_t g = 0; g < count; g++) {
        uint32_t best = newest && !order ? groups[g].end - 1 : groups[g].first;
        for (uint32_t r = best + 1; order && r < groups[g].end; r++) {
            if (wins(newest, order, r, best) || (newest && !wins(true, order, best, r)))
                best = r;
        }
        rows[g] = best;
    }
}

slp_rc stack_fold_choice(const struct fold_col *c, const struct fold_group *groups, size_t count,
                         struct slp_err *err)
{
    TRY(buf_resize(c->scratch, count * sizeof(uint32_t), err));
    uint32_t *rows = (uint32_t *)(void *)c->scratch->ptr;
    switch (c->op) {
    case FOLD_MIN:
    case FOLD_MAX:
        choose_extreme(c->op == FOLD_MAX, c->in, groups, count, rows);
        break;
    case FOLD_ANY:
    case FOLD_FIRST_VALUE:
    case FOLD_LAST_VALUE:
        choose_present(c->op == FOLD_LAST_VALUE, c->in, groups, count, rows);
        break;
    default:
        stack_fold_choose(c->op == FOLD_LAST, NULL, groups, count, rows);
    }
    return arr_col_append_picked(c->out, c->in, rows, (int64_t)count, err);
}
