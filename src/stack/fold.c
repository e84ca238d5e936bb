#include "stack/fold.h"

#include "stack/fold_priv.h"

struct about {
    const char *name;
    bool commutes;
};

static const struct about table[] = {
#define FOLD(enumerator, name, commutes) {#name, commutes},
#include "stack/fold.def"
#undef FOLD
};

const char *stack_fold_name(enum fold_op op)
{
    return table[op].name;
}

bool stack_fold_commutes(enum fold_op op)
{
    return table[op].commutes;
}

static bool is_name(struct slice text, const char *name)
{
    if (text.len != strlen(name))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        if ((c >= 'A' && c <= 'Z' ? c + 32 : c) != name[i])
            return false;
    }
    return true;
}

bool stack_fold_parse(struct slice name, enum fold_op *out)
{
    for (size_t i = 0; i < FOLD_OP_COUNT; i++) {
        if (is_name(name, table[i].name)) {
            *out = (enum fold_op)i;
            return true;
        }
    }
    return false;
}

unsigned stack_fold_bits(enum arr_kind kind, bool *is_signed)
{
    *is_signed = true;
    switch (kind) {
    case ARR_INT8:
        return 8;
    case ARR_INT16:
        return 16;
    case ARR_INT32:
        return 32;
    case ARR_INT64:
        return 64;
    default:
        break;
    }
    *is_signed = false;
    switch (kind) {
    case ARR_UINT8:
        return 8;
    case ARR_UINT16:
        return 16;
    case ARR_UINT32:
        return 32;
    case ARR_UINT64:
        return 64;
    default:
        return 0;
    }
}

bool stack_fold_is_integer(enum arr_kind kind)
{
    bool is_signed = false;
    return stack_fold_bits(kind, &is_signed) != 0;
}

static bool is_float(enum arr_kind kind)
{
    return kind == ARR_FLOAT || kind == ARR_DOUBLE;
}

bool stack_value_is_ordered(struct arr_type type)
{
    return !arr_type_is_nested(type) && type.kind != ARR_INTERVAL && type.kind != ARR_NULL;
}

/* The values of a map. */
static const struct arr_field *map_value(const struct arr_field *field)
{
    return &field->children[0].children[1];
}

static bool allows_map(enum fold_op op, const struct arr_field *field)
{
    if (field->type.kind != ARR_MAP || field->child_count != 1 ||
        field->children[0].child_count != 2 ||
        !stack_value_is_ordered(field->children[0].children[0].type))
        return false;
    struct arr_type value = map_value(field)->type;
    return op == FOLD_MAP_SUM ? stack_fold_is_integer(value.kind) : stack_value_is_ordered(value);
}

bool stack_fold_allows(enum fold_op op, const struct arr_field *field)
{
    enum arr_kind kind = field->type.kind;
    switch (op) {
    case FOLD_SUM:
        return stack_fold_is_integer(kind) || is_float(kind) || kind == ARR_DECIMAL128;
    case FOLD_COUNT:
    case FOLD_BIT_AND:
    case FOLD_BIT_OR:
        return stack_fold_is_integer(kind);
    case FOLD_MIN:
    case FOLD_MAX:
        return stack_value_is_ordered(field->type);
    case FOLD_BOOL_AND:
    case FOLD_BOOL_OR:
        return kind == ARR_BOOL;
    case FOLD_MAP_SUM:
    case FOLD_MAP_MIN:
    case FOLD_MAP_MAX:
        return allows_map(op, field);
    case FOLD_SET_UNION:
        return kind == ARR_LIST && field->child_count == 1 &&
               stack_value_is_ordered(field->children[0].type);
    case FOLD_LIST_UNION:
        return kind == ARR_LIST;
    default:
        return true;
    }
}

bool stack_fold_carry(enum fold_op op, const struct arr_field *field, struct arr_type *out)
{
    bool is_text = op == FOLD_MAP_SUM || (op == FOLD_SUM && is_float(field->type.kind));
    if (op != FOLD_SUM && op != FOLD_COUNT && op != FOLD_MAP_SUM)
        return false;
    *out = (struct arr_type){.kind = is_text ? ARR_BINARY : ARR_INT64};
    return true;
}

bool stack_fold_lifts(enum fold_op op)
{
    return op == FOLD_COUNT || op == FOLD_SET_UNION || op == FOLD_MAP_SUM || op == FOLD_MAP_MIN ||
           op == FOLD_MAP_MAX;
}

/* One row a group, one behind another: nothing to fold. */
static bool is_plain(const struct fold_group *groups, size_t count)
{
    for (size_t g = 1; g < count; g++)
        if (groups[g].end - groups[g].first != 1 || groups[g].first != groups[0].first + g)
            return false;
    return count > 0 && groups[0].end - groups[0].first == 1;
}

/* Carries of the rows that are copied as they are. */
static slp_rc copy_carries(const struct fold_col *c, int64_t first, int64_t count,
                           struct slp_err *err)
{
    if (!c->carry_out || !c->carry_in)
        return SLP_OK;
    TRY(stack_pad(c->carry_out, c->out->rows - count, err));
    return arr_col_append_run(c->carry_out, c->carry_in, first, count, err);
}

static slp_rc fold(const struct fold_col *c, const struct fold_group *groups, size_t count,
                   struct slp_err *err)
{
    switch (c->op) {
    case FOLD_SUM:
        if (is_float(c->field->type.kind))
            return stack_fold_float(c, groups, count, err);
        return stack_fold_number(c, groups, count, err);
    case FOLD_COUNT:
    case FOLD_BOOL_AND:
    case FOLD_BOOL_OR:
    case FOLD_BIT_AND:
    case FOLD_BIT_OR:
        return stack_fold_number(c, groups, count, err);
    case FOLD_MAP_SUM:
    case FOLD_MAP_MIN:
    case FOLD_MAP_MAX:
        return stack_fold_map(c, groups, count, err);
    case FOLD_SET_UNION:
    case FOLD_LIST_UNION:
        return stack_fold_list(c, groups, count, err);
    default:
        return stack_fold_choice(c, groups, count, err);
    }
}

slp_rc stack_fold(const struct fold_col *c, const struct fold_group *groups, size_t count,
                  struct slp_err *err)
{
    if (is_plain(groups, count) && !(c->is_raw && stack_fold_lifts(c->op))) {
        TRY(arr_col_append_run(c->out, c->in, groups[0].first, (int64_t)count, err));
        return copy_carries(c, groups[0].first, (int64_t)count, err);
    }
    return fold(c, groups, count, err);
}

slp_rc stack_append_blank(struct arr_col *c, const struct arr_field *field, struct slp_err *err)
{
    static const uint8_t zeros[64] = {0};
    static const int32_t no_items = 0;
    if (field->nullable || field->type.kind == ARR_NULL)
        return arr_col_append_null(c, err);
    if (field->type.kind == ARR_BOOL)
        return arr_col_append_bool(c, false, err);
    if (arr_type_is_list(field->type))
        return arr_col_append_lists(c, &no_items, 1, NULL, 0, err);
    if (field->type.kind == ARR_STRUCT) {
        for (size_t i = 0; i < field->child_count; i++)
            TRY(stack_append_blank(&c->children[i], &field->children[i], err));
        return arr_col_append_structs(c, 1, NULL, 0, err);
    }
    size_t width = arr_type_width(field->type);
    if (width <= sizeof zeros)
        return arr_col_append(c, slice_of(zeros, width), err);
    void *room = NULL;
    TRY(alloc_zeroed(c->data.mem, width, &room, err));
    slp_rc rc = arr_col_append(c, slice_of(room, width), err);
    alloc_free(c->data.mem, room, width);
    return rc;
}

slp_rc stack_pad(struct arr_col *carry, int64_t rows, struct slp_err *err)
{
    while (carry->rows < rows) {
        if (carry->type.kind == ARR_BINARY)
            TRY(arr_col_append(carry, slice_of(NULL, 0), err));
        else
            TRY(arr_col_append_i64(carry, 0, err));
    }
    return SLP_OK;
}

slp_rc stack_fold_put_carry(struct arr_col *carry, int64_t row, struct slice value,
                            struct slp_err *err)
{
    assert(carry->rows <= row);
    TRY(stack_pad(carry, row, err));
    return arr_col_append(carry, value, err);
}
