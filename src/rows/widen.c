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

static bool is_decimal(enum arr_kind k)
{
    return k == ARR_DECIMAL128 || k == ARR_DECIMAL256;
}

static bool is_time_of_day(enum arr_kind k)
{
    return k == ARR_TIME32 || k == ARR_TIME64;
}

bool rows_widens(struct arr_type from, struct arr_type to)
{
    if (arr_type_equal(from, to) || from.kind == ARR_NULL)
        return true;
    if (value_bits(from.kind) && value_bits(to.kind))
        return value_bits(from.kind) <= value_bits(to.kind) &&
               (!is_signed(from.kind) || is_signed(to.kind));
    if (from.kind == ARR_FLOAT16)
        return to.kind == ARR_FLOAT || to.kind == ARR_DOUBLE;
    if (from.kind == ARR_FLOAT)
        return to.kind == ARR_DOUBLE;
    if (from.kind == ARR_TIMESTAMP)
        return to.kind == ARR_TIMESTAMP && from.utc == to.utc && from.unit <= to.unit;
    if (from.kind == ARR_DURATION || is_time_of_day(from.kind))
        return (to.kind == from.kind || (is_time_of_day(from.kind) && is_time_of_day(to.kind))) &&
               from.unit <= to.unit;
    if (is_decimal(from.kind))
        return is_decimal(to.kind) && from.scale == to.scale && from.precision <= to.precision;
    return (from.kind == ARR_UTF8 || from.kind == ARR_FIXED_BINARY) && to.kind == ARR_BINARY;
}

/* The only member of that name, or NULL. */
static const struct arr_field *find_member(const struct arr_field *f, const char *name,
                                           size_t *count)
{
    const struct arr_field *found = NULL;
    *count = 0;
    for (size_t i = 0; i < f->child_count; i++) {
        if (strcmp(f->children[i].name, name) != 0)
            continue;
        found = &f->children[i];
        ++*count;
    }
    return found;
}

/* Members of `to` that are missing may be null; others than its own are left out, but not all: that is
 * another struct. */
static bool members_widen(const struct arr_field *from, const struct arr_field *to)
{
    size_t met = 0;
    size_t count = 0;
    for (size_t i = 0; i < to->child_count; i++) {
        const struct arr_field *member = &to->children[i];
        const struct arr_field *have = find_member(from, member->name, &count);
        if (have ? count > 1 || !rows_field_widens(have, member) : !member->nullable)
            return false;
        met += count;
    }
    return met > 0 || from->child_count == 0;
}

bool rows_field_widens(const struct arr_field *from, const struct arr_field *to)
{
    if (from->type.kind == ARR_NULL)
        return true;
    if (!arr_type_is_nested(from->type) && !arr_type_is_nested(to->type))
        return rows_widens(from->type, to->type);
    if (from->type.kind != to->type.kind)
        return false;
    if (from->type.kind == ARR_STRUCT)
        return members_widen(from, to);
    if (from->type.kind == ARR_LIST)
        return rows_field_widens(from->children, to->children);
    /* The names of key and value are nobody's choice. */
    const struct arr_field *have = from->children->children;
    const struct arr_field *want = to->children->children;
    return rows_field_widens(&have[0], &want[0]) && rows_field_widens(&have[1], &want[1]);
}

/* How many of the finer unit make one of the coarser; below 0 when `to` is the coarser. */
static int64_t unit_factor(enum arr_unit from, enum arr_unit to)
{
    int64_t factor = 1;
    for (unsigned i = from; i < to; i++)
        factor *= 1000;
    for (unsigned i = to; i < from; i++)
        factor *= 1000;
    return to < from ? -factor : factor;
}

static slp_rc refuse_value(struct arr_type to, const char *what, struct slp_err *err)
{
    char name[64];
    arr_type_format(to, name, sizeof name);
    FAIL(err, BAD_INPUT, "%s beyond what %s can hold", what, name);
}

/* A decimal of another width. The narrower one holds its precision, if the value keeps to it. */
static slp_rc widen_decimal(const struct arr_col *from, int64_t row, struct arr_col *to,
                            struct slp_err *err)
{
    uint8_t wide[32];
    struct slice value = arr_col_bytes(from, row);
    size_t width = arr_type_width(to->type);
    bool is_negative = value.ptr[value.len - 1] & 0x80;
    memset(wide, is_negative ? 0xff : 0, sizeof wide);
    memcpy(wide, value.ptr, value.len);
    for (size_t i = width; i < sizeof wide; i++) {
        if (wide[i] != (is_negative ? 0xff : 0))
            return refuse_value(to->type, "a number", err);
    }
    if (is_negative != (wide[width - 1] >> 7))
        return refuse_value(to->type, "a number", err);
    return arr_col_append(to, slice_of(wide, width), err);
}

/* One value; null and rows of equal layout have been dealt with. */
static slp_rc widen_value(const struct arr_col *from, int64_t row, int64_t factor,
                          struct arr_col *to, struct slp_err *err)
{
    if (from->type.kind == ARR_FLOAT || from->type.kind == ARR_FLOAT16)
        return arr_col_append_f64(to, arr_col_f64(from, row), err);
    if (from->type.kind == ARR_FIXED_BINARY)
        return arr_col_append(to, arr_col_bytes(from, row), err);
    if (is_decimal(from->type.kind))
        return widen_decimal(from, row, to, err);
    int64_t value = arr_col_i64(from, row);
    if (factor < 0) {
        if (value % -factor)
            return refuse_value(to->type, "a part of a unit, which is", err);
        return arr_col_append_i64(to, value / -factor, err);
    }
    if (!num_mul_i64(value, factor, &value))
        return refuse_value(to->type, "a time", err);
    return arr_col_append_i64(to, value, err);
}

static bool is_same_layout(struct arr_type from, struct arr_type to)
{
    return arr_type_equal(from, to) || (is_decimal(from.kind) && from.kind == to.kind) ||
           (from.kind == ARR_UTF8 && to.kind == ARR_BINARY);
}

static slp_rc widen_flat(const struct arr_col *from, struct arr_col *to, int64_t *row,
                         struct slp_err *err)
{
    if (is_same_layout(from->type, to->type)) {
        struct arr_col same = *from;
        same.type = to->type;
        return arr_col_append_run(to, &same, 0, from->rows, err);
    }
    bool has_unit = from->type.kind == ARR_TIMESTAMP || from->type.kind == ARR_DURATION ||
                    is_time_of_day(from->type.kind);
    int64_t factor = has_unit ? unit_factor(from->type.unit, to->type.unit) : 1;
    for (; *row < from->rows; (*row)++) {
        if (arr_col_is_null(from, *row))
            TRY(arr_col_append_null(to, err));
        else
            TRY(widen_value(from, *row, factor, to, err));
    }
    return SLP_OK;
}

static const uint8_t *validity_of(const struct arr_col *c)
{
    return c->validity.len ? c->validity.ptr : NULL;
}

/* The lists of `from`, whose items stand in the child of `to` already. */
static slp_rc append_lengths(const struct arr_col *from, struct arr_col *to, struct slp_err *err)
{
    int32_t lengths[256];
    for (int64_t row = 0; row < from->rows;) {
        int64_t first = row;
        int64_t count = 0;
        for (; count < 256 && row < from->rows; row++) {
            int64_t begin = 0;
            int64_t end = arr_col_items(from, row, &begin);
            lengths[count++] = (int32_t)(end - begin);
        }
        TRY(arr_col_append_lists(to, lengths, count, validity_of(from), first, err));
    }
    return SLP_OK;
}

static slp_rc widen_structs(const struct arr_col *from, struct arr_col *to, bool by_place,
                            int64_t *row, struct slp_err *err);

static slp_rc widen_lists(const struct arr_col *from, struct arr_col *to, int64_t *row,
                          struct slp_err *err)
{
    int64_t item = 0;
    slp_rc rc = from->type.kind == ARR_MAP
                    ? widen_structs(from->children, to->children, true, &item, err)
                    : rows_widen(from->children, to->children, &item, err);
    if (rc == SLP_OK)
        return append_lengths(from, to, err);
    for (int64_t begin = 0; *row + 1 < from->rows; (*row)++)
        if (arr_col_items(from, *row, &begin) > item)
            break;
    return rc;
}

/* Members by name; the pair of a map by place. */
static slp_rc widen_structs(const struct arr_col *from, struct arr_col *to, bool by_place,
                            int64_t *row, struct slp_err *err)
{
    for (size_t i = 0; i < to->child_count; i++) {
        size_t at = by_place ? i : 0;
        while (!by_place && at < from->child_count &&
               strcmp(from->fields[at].name, to->fields[i].name) != 0)
            at++;
        if (at == from->child_count)
            TRY(arr_col_append_nulls(&to->children[i], from->rows, err));
        else
            TRY(rows_widen(&from->children[at], &to->children[i], row, err));
    }
    return arr_col_append_structs(to, from->rows, validity_of(from), 0, err);
}

slp_rc rows_widen(const struct arr_col *from, struct arr_col *to, int64_t *row, struct slp_err *err)
{
    *row = 0;
    if (from->type.kind == ARR_NULL)
        return arr_col_append_nulls(to, from->rows, err);
    if (from->type.kind == ARR_STRUCT)
        return widen_structs(from, to, false, row, err);
    if (arr_type_is_nested(from->type))
        return widen_lists(from, to, row, err);
    return widen_flat(from, to, row, err);
}
