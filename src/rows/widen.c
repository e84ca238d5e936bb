#include "base/num.h"
#include "rows/rows_priv.h"

/* Bits of an integer, less the sign: 0 for other kinds. */
static unsigned value_bits(enum arr_kind k)
{
    static const uint8_t bits[ARR_KIND_COUNT] = {
        [ARR_INT8] = 7,  [ARR_INT16] = 15,  [ARR_INT32] = 31,  [ARR_INT64] = 63,
        [ARR_UINT8] = 8, [ARR_UINT16] = 16, [ARR_UINT32] = 32, [ARR_UINT64] = 64,
    };
    return bits[k];
}

static bool is_signed(enum arr_kind k)
{
    return k >= ARR_INT8 && k <= ARR_INT64;
}

bool rows_widens(struct arr_type from, struct arr_type to)
{
    if (arr_type_equal(from, to) || from.kind == ARR_NULL)
        return true;
    if (value_bits(from.kind) && value_bits(to.kind))
        return value_bits(from.kind) <= value_bits(to.kind) &&
               (!is_signed(from.kind) || is_signed(to.kind));
    if (from.kind == ARR_FLOAT)
        return to.kind == ARR_DOUBLE;
    if (from.kind == ARR_TIMESTAMP)
        return to.kind == ARR_TIMESTAMP && from.utc == to.utc && from.unit <= to.unit;
    if (from.kind == ARR_DECIMAL128)
        return to.kind == ARR_DECIMAL128 && from.scale == to.scale &&
               from.precision <= to.precision;
    return false;
}

/* How many of the finer unit make one of the coarser. */
static int64_t unit_factor(enum arr_unit from, enum arr_unit to)
{
    int64_t factor = 1;
    for (unsigned i = from; i < to; i++)
        factor *= 1000;
    return factor;
}

/* One value; null and rows of equal layout have been dealt with. */
static slp_rc widen_value(const struct arr_col *from, int64_t row, int64_t factor,
                          struct arr_col *to, struct slp_err *err)
{
    if (from->type.kind == ARR_FLOAT)
        return arr_col_append_f64(to, arr_col_f64(from, row), err);
    int64_t value = arr_col_i64(from, row);
    if (!num_mul_i64(value, factor, &value)) {
        char name[64];
        arr_type_format(to->type, name, sizeof name);
        FAIL(err, BAD_INPUT, "a time beyond what %s can hold", name);
    }
    return arr_col_append_i64(to, value, err);
}

slp_rc rows_widen(const struct arr_col *from, struct arr_col *to, int64_t *row, struct slp_err *err)
{
    *row = 0;
    if (from->type.kind == ARR_NULL)
        return arr_col_append_nulls(to, from->rows, err);
    if (from->type.kind == ARR_DECIMAL128) {
        struct arr_col same = *from;
        same.type = to->type;
        return arr_col_append_run(to, &same, 0, from->rows, err);
    }
    int64_t factor =
        from->type.kind == ARR_TIMESTAMP ? unit_factor(from->type.unit, to->type.unit) : 1;
    for (; *row < from->rows; (*row)++) {
        if (arr_col_is_null(from, *row))
            TRY(arr_col_append_null(to, err));
        else
            TRY(widen_value(from, *row, factor, to, err));
    }
    return SLP_OK;
}
