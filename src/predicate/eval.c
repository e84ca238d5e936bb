#include <math.h>

#include "predicate/tree.h"

/* Rows that are evaluated together: their truth vectors stay in the first-level cache. */
#define CHUNK_ROWS 2048

/* What the nodes of one chunk share. */
struct chunk {
    const struct arr_col *cols; /* those of the batch, and members behind them */
    int64_t first;
    size_t rows;
};

static const struct arr_col *column_of(const struct chunk *c, size_t column)
{
    return &c->cols[column];
}

/*
 * Leaves compare by three loops a type: equal, less, not greater. The other operators are these
 * with `flip`, which holds because every type here has a total order.
 */
enum loop { LOOP_EQ, LOOP_LT, LOOP_LE };

struct how {
    enum loop loop;
    uint8_t flip;
};

static struct how how_of(enum pred_op op)
{
    uint8_t flip = op == PRED_NE || op == PRED_GT || op == PRED_GE;
    switch (op) {
    case PRED_EQ:
    case PRED_NE:
        return (struct how){LOOP_EQ, flip};
    case PRED_LT:
    case PRED_GE:
        return (struct how){LOOP_LT, flip};
    case PRED_LE:
    case PRED_GT:
        break;
    }
    return (struct how){LOOP_LE, flip};
}

#define COMPARE_LOOPS(name, type)                                                                  \
    static void name(const type *v, size_t n, type with, struct how how, uint8_t *out)             \
    {                                                                                              \
        switch (how.loop) {                                                                        \
        case LOOP_EQ:                                                                              \
            for (size_t i = 0; i < n; i++)                                                         \
                out[i] = (uint8_t)((v[i] == with) ^ how.flip);                                     \
            return;                                                                                \
        case LOOP_LT:                                                                              \
            for (size_t i = 0; i < n; i++)                                                         \
                out[i] = (uint8_t)((v[i] < with) ^ how.flip);                                      \
            return;                                                                                \
        case LOOP_LE:                                                                              \
            for (size_t i = 0; i < n; i++)                                                         \
                out[i] = (uint8_t)((v[i] <= with) ^ how.flip);                                     \
            return;                                                                                \
        }                                                                                          \
    }

COMPARE_LOOPS(compare_i8, int8_t)
COMPARE_LOOPS(compare_i16, int16_t)
COMPARE_LOOPS(compare_i32, int32_t)
COMPARE_LOOPS(compare_i64, int64_t)
COMPARE_LOOPS(compare_u8, uint8_t)
COMPARE_LOOPS(compare_u16, uint16_t)
COMPARE_LOOPS(compare_u32, uint32_t)
COMPARE_LOOPS(compare_u64, uint64_t)
COMPARE_LOOPS(compare_i128, i128)

/*
 * Floats compare as the machine does while the literal is a number: a NaN in the column is then
 * neither equal nor less, which is right for the greatest value. A literal NaN has its own answers.
 */
#define COMPARE_REAL_LOOPS(name, type)                                                             \
    static void name(const type *v, size_t n, double with, struct how how, uint8_t *out)           \
    {                                                                                              \
        if (isnan(with)) {                                                                         \
            for (size_t i = 0; i < n; i++)                                                         \
                out[i] =                                                                           \
                    (uint8_t)((how.loop == LOOP_LE || !!isnan(v[i]) == (how.loop == LOOP_EQ)) ^    \
                              how.flip);                                                           \
            return;                                                                                \
        }                                                                                          \
        switch (how.loop) {                                                                        \
        case LOOP_EQ:                                                                              \
            for (size_t i = 0; i < n; i++)                                                         \
                out[i] = (uint8_t)(((double)v[i] == with) ^ how.flip);                             \
            return;                                                                                \
        case LOOP_LT:                                                                              \
            for (size_t i = 0; i < n; i++)                                                         \
                out[i] = (uint8_t)(((double)v[i] < with) ^ how.flip);                              \
            return;                                                                                \
        case LOOP_LE:                                                                              \
            for (size_t i = 0; i < n; i++)                                                         \
                out[i] = (uint8_t)(((double)v[i] <= with) ^ how.flip);                             \
            return;                                                                                \
        }                                                                                          \
    }

COMPARE_REAL_LOOPS(compare_float, float)
COMPARE_REAL_LOOPS(compare_double, double)

static void compare_bools(const struct arr_col *c, int64_t first, size_t n, bool with,
                          struct how how, uint8_t *out)
{
    for (size_t i = 0; i < n; i++) {
        bool v = arr_bit(c->data.ptr, first + (int64_t)i);
        bool fits = how.loop == LOOP_EQ ? v == with : how.loop == LOOP_LT ? v < with : v <= with;
        out[i] = (uint8_t)(fits ^ how.flip);
    }
}

/* The bytes of one value of a text or binary column. */
static struct slice bytes_at(const struct arr_col *c, int64_t row)
{
    if (c->type.kind == ARR_FIXED_BINARY) {
        size_t width = (size_t)c->type.width;
        return slice_of(c->data.ptr + (size_t)row * width, width);
    }
    const int32_t *offsets = arr_col_offsets(c);
    size_t from = (size_t)offsets[row];
    size_t len = (size_t)offsets[row + 1] - from;
    return slice_of(len ? c->data.ptr + from : NULL, len);
}

static void compare_bytes(const struct arr_col *c, int64_t first, size_t n, struct slice with,
                          struct how how, uint8_t *out)
{
    for (size_t i = 0; i < n; i++) {
        struct slice v = bytes_at(c, first + (int64_t)i);
        bool fits = how.loop == LOOP_EQ   ? slice_equal(v, with)
                    : how.loop == LOOP_LT ? slice_compare(v, with) < 0
                                          : slice_compare(v, with) <= 0;
        out[i] = (uint8_t)(fits ^ how.flip);
    }
}

/* Set the truth of null rows. */
static void set_nulls(const struct arr_col *c, const struct chunk *chunk, uint8_t truth,
                      uint8_t *out)
{
    if (c->validity.len == 0)
        return;
    for (size_t i = 0; i < chunk->rows; i++) {
        if (!arr_bit(c->validity.ptr, chunk->first + (int64_t)i))
            out[i] = truth;
    }
}

static void eval_compare(const struct pred_node *n, const struct chunk *chunk, uint8_t *out)
{
    const struct arr_col *c = column_of(chunk, n->column);
    const void *data = c->data.ptr;
    int64_t first = chunk->first;
    size_t rows = chunk->rows;
    i128 with = n->value.num;
    struct how how = how_of(n->op);
    switch (c->type.kind) {
    case ARR_BOOL:
        compare_bools(c, first, rows, with != 0, how, out);
        break;
    case ARR_INT8:
        compare_i8((const int8_t *)data + first, rows, (int8_t)with, how, out);
        break;
    case ARR_INT16:
        compare_i16((const int16_t *)data + first, rows, (int16_t)with, how, out);
        break;
    case ARR_INT32:
    case ARR_DATE32:
        compare_i32((const int32_t *)data + first, rows, (int32_t)with, how, out);
        break;
    case ARR_INT64:
    case ARR_TIMESTAMP:
        compare_i64((const int64_t *)data + first, rows, (int64_t)with, how, out);
        break;
    case ARR_UINT8:
        compare_u8((const uint8_t *)data + first, rows, (uint8_t)with, how, out);
        break;
    case ARR_UINT16:
        compare_u16((const uint16_t *)data + first, rows, (uint16_t)with, how, out);
        break;
    case ARR_UINT32:
        compare_u32((const uint32_t *)data + first, rows, (uint32_t)with, how, out);
        break;
    case ARR_UINT64:
        compare_u64((const uint64_t *)data + first, rows, (uint64_t)with, how, out);
        break;
    case ARR_DECIMAL128:
        compare_i128((const i128 *)data + first, rows, with, how, out);
        break;
    case ARR_FLOAT:
        compare_float((const float *)data + first, rows, n->value.real, how, out);
        break;
    case ARR_DOUBLE:
        compare_double((const double *)data + first, rows, n->value.real, how, out);
        break;
    default:
        compare_bytes(c, first, rows, n->value.bytes, how, out);
        break;
    }
    set_nulls(c, chunk, n->null_truth, out);
}

/* The number a column holds, at the scale that makes two kinds of moments alike. */
static struct pred_number number_at(const struct arr_col *c, int64_t row, bool as_moment)
{
    struct pred_number n = {0};
    switch (c->type.kind) {
    case ARR_DECIMAL128:
        memcpy(&n.mantissa, c->data.ptr + (size_t)row * sizeof n.mantissa, sizeof n.mantissa);
        n.scale = c->type.scale;
        return n;
    case ARR_UINT64:
        n.mantissa = (uint64_t)arr_col_i64(c, row);
        return n;
    case ARR_TIMESTAMP:
        n.mantissa = arr_col_i64(c, row);
        n.scale = as_moment ? 3 * (int)c->type.unit : 0;
        return n;
    case ARR_DATE32:
        n.mantissa = (i128)arr_col_i64(c, row) * (as_moment ? 86400 : 1);
        return n;
    default:
        n.mantissa = arr_col_i64(c, row);
        return n;
    }
}

static int compare_rows(enum pred_pairing pairing, const struct arr_col *a, const struct arr_col *b,
                        int64_t row)
{
    bool is_a_real = a->type.kind == ARR_FLOAT || a->type.kind == ARR_DOUBLE;
    switch (pairing) {
    case PRED_PAIR_BYTES:
        return slice_compare(bytes_at(a, row), bytes_at(b, row));
    case PRED_PAIR_REAL:
        return pred_compare_doubles(arr_col_f64(a, row), arr_col_f64(b, row));
    case PRED_PAIR_MIXED:
        return is_a_real ? -pred_compare_mixed(number_at(b, row, true), arr_col_f64(a, row))
                         : pred_compare_mixed(number_at(a, row, true), arr_col_f64(b, row));
    default:
        return pred_compare_numbers(number_at(a, row, true), number_at(b, row, true));
    }
}

static bool order_fits(enum loop loop, int order)
{
    return loop == LOOP_EQ ? order == 0 : loop == LOOP_LT ? order < 0 : order <= 0;
}

static void eval_pair(const struct pred_node *n, const struct chunk *chunk, uint8_t *out)
{
    const struct arr_col *a = column_of(chunk, n->column);
    const struct arr_col *b = column_of(chunk, n->other);
    enum pred_pairing pairing = pred_pairing_of(a->type, b->type);
    struct how how = how_of(n->op);
    for (size_t i = 0; i < chunk->rows; i++) {
        int64_t row = chunk->first + (int64_t)i;
        bool is_a_null = arr_col_is_null(a, row);
        bool is_b_null = arr_col_is_null(b, row);
        if (!is_a_null && !is_b_null)
            out[i] = (uint8_t)(order_fits(how.loop, compare_rows(pairing, a, b, row)) ^ how.flip);
        else
            out[i] = n->is_safe ? (uint8_t)((is_a_null == is_b_null) ^ how.flip) : PRED_UNKNOWN;
    }
}

static bool holds_ordinal(const struct pred_set *set, int64_t wanted)
{
    size_t low = 0;
    size_t high = set->count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (set->ordinals[mid] < wanted)
            low = mid + 1;
        else
            high = mid;
    }
    return low < set->count && set->ordinals[low] == wanted;
}

static bool holds_value(const struct pred_set *set, const struct pred_value *wanted)
{
    size_t low = 0;
    size_t high = set->count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (pred_value_compare(set->of, &set->values[mid], wanted) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low < set->count && pred_value_compare(set->of, &set->values[low], wanted) == 0;
}

static bool holds_row(const struct pred_set *set, const struct arr_col *c, int64_t row)
{
    struct pred_value value = {0};
    if (set->of == PRED_CLASS_BYTES)
        value.bytes = bytes_at(c, row);
    else if (set->of == PRED_CLASS_REAL)
        return holds_ordinal(set, pred_ordinal_real(arr_col_f64(c, row)));
    else if (set->ordinals)
        return holds_ordinal(set,
                             pred_ordinal_num(c->type.kind, number_at(c, row, false).mantissa));
    else
        value.num = number_at(c, row, false).mantissa;
    return holds_value(set, &value);
}

/* A value that is not in a list with a NULL may or may not be meant by that NULL. */
static void eval_in(const struct pred_node *n, const struct chunk *chunk, uint8_t *out)
{
    const struct arr_col *c = column_of(chunk, n->column);
    uint8_t found = n->is_negated ? PRED_FALSE : PRED_TRUE;
    uint8_t missed = n->set->has_null ? PRED_UNKNOWN : n->is_negated ? PRED_TRUE : PRED_FALSE;
    for (size_t i = 0; i < chunk->rows; i++)
        out[i] = holds_row(n->set, c, chunk->first + (int64_t)i) ? found : missed;
    set_nulls(c, chunk, PRED_UNKNOWN, out);
}

static void eval_like(const struct pred_node *n, const struct chunk *chunk, uint8_t *out)
{
    const struct arr_col *c = column_of(chunk, n->column);
    for (size_t i = 0; i < chunk->rows; i++)
        out[i] = pred_like_match(n->like, bytes_at(c, chunk->first + (int64_t)i)) != n->is_negated;
    set_nulls(c, chunk, PRED_UNKNOWN, out);
}

/* Truth tables as arithmetic on 0, 1 and 2, so that the loops have no branches. */
static void combine_and(uint8_t *out, const uint8_t *with, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint8_t both = (uint8_t)((out[i] != 0) & (with[i] != 0));
        out[i] = (uint8_t)(both * (1 + ((out[i] | with[i]) >> 1)));
    }
}

static void combine_or(uint8_t *out, const uint8_t *with, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint8_t either = (uint8_t)((out[i] == 1) | (with[i] == 1));
        out[i] = either ? 1 : (uint8_t)(out[i] | with[i]);
    }
}

static bool all_are(const uint8_t *truth, size_t n, uint8_t value)
{
    return n == 0 || (truth[0] == value && memcmp(truth, truth + 1, n - 1) == 0);
}

static void eval_node(const struct pred_node *n, const struct chunk *chunk, uint8_t *out,
                      uint8_t *scratch);

/* `scratch` holds one vector for this list, and behind it those of the lists below. */
static void eval_list(const struct pred_node *n, const struct chunk *chunk, uint8_t *out,
                      uint8_t *scratch)
{
    uint8_t decided = n->kind == PRED_AND ? PRED_FALSE : PRED_TRUE;
    eval_node(n->kids[0], chunk, out, scratch + CHUNK_ROWS);
    for (size_t i = 1; i < n->count && !all_are(out, chunk->rows, decided); i++) {
        eval_node(n->kids[i], chunk, scratch, scratch + CHUNK_ROWS);
        if (n->kind == PRED_AND)
            combine_and(out, scratch, chunk->rows);
        else
            combine_or(out, scratch, chunk->rows);
    }
}

static void eval_is(const struct pred_node *n, const struct chunk *chunk, uint8_t *out,
                    uint8_t *scratch)
{
    uint8_t wanted = n->test == PRED_IS_TRUE ? PRED_TRUE : PRED_UNKNOWN;
    eval_node(n->kids[0], chunk, out, scratch);
    for (size_t i = 0; i < chunk->rows; i++)
        out[i] = (uint8_t)((out[i] == wanted) ^ n->is_negated);
}

static void eval_node(const struct pred_node *n, const struct chunk *chunk, uint8_t *out,
                      uint8_t *scratch)
{
    switch (n->kind) {
    case PRED_CONST:
        memset(out, n->truth, chunk->rows);
        return;
    case PRED_FOLD:
        memset(out, n->truth, chunk->rows);
        set_nulls(column_of(chunk, n->column), chunk, n->null_truth, out);
        return;
    case PRED_CMP:
        eval_compare(n, chunk, out);
        return;
    case PRED_PAIR:
        eval_pair(n, chunk, out);
        return;
    case PRED_IN:
        eval_in(n, chunk, out);
        return;
    case PRED_LIKE:
        eval_like(n, chunk, out);
        return;
    case PRED_IS:
        eval_is(n, chunk, out, scratch);
        return;
    case PRED_AND:
    case PRED_OR:
        eval_list(n, chunk, out, scratch);
        return;
    }
}

static slp_rc eval_columns(const struct pred *p, const struct arr_col *cols, int64_t rows,
                           struct alloc *mem, uint8_t *truth, struct slp_err *err)
{
    void *scratch = NULL;
    size_t scratch_bytes = p->height * CHUNK_ROWS;
    if (scratch_bytes > 0)
        TRY(alloc_zeroed(mem, scratch_bytes, &scratch, err));
    for (int64_t first = 0; first < rows; first += CHUNK_ROWS) {
        struct chunk chunk = {
            .cols = cols,
            .first = first,
            .rows = (size_t)num_min_i64(CHUNK_ROWS, rows - first),
        };
        eval_node(p->root, &chunk, truth + first, scratch);
    }
    alloc_free(mem, scratch, scratch_bytes);
    return SLP_OK;
}

/* ---- Members of structs ---- */

static void join_validity(const struct arr_col *c, size_t bytes, struct buf *out)
{
    for (size_t i = 0; c->validity.len > 0 && i < bytes; i++)
        out->ptr[i] &= c->validity.ptr[i];
}

/*
 * A view of a member as a column: null where it is, or a struct around it. `validity` is room for
 * what comes of both, and the view borrows from it and from the batch.
 */
static slp_rc view_member(const struct arr_batch *batch, const struct pred_member *m,
                          struct buf *validity, struct arr_col *out, struct slp_err *err)
{
    const struct arr_col *c = &batch->cols[m->column];
    size_t bytes = ((size_t)batch->rows + 7) / 8;
    bool has_nulls = false;
    for (size_t i = 0; i < m->depth; i++) {
        has_nulls = has_nulls || c->validity.len > 0;
        c = &c->children[m->path[i]];
    }
    *out = *c;
    if (!has_nulls)
        return SLP_OK;
    TRY(buf_resize(validity, bytes, err));
    memset(validity->ptr, 0xff, bytes);
    join_validity(c, bytes, validity);
    c = &batch->cols[m->column];
    for (size_t i = 0; i < m->depth; i++) {
        join_validity(c, bytes, validity);
        c = &c->children[m->path[i]];
    }
    out->validity = *validity;
    return SLP_OK;
}

/* The columns of the batch and the members behind them, all borrowed. */
static slp_rc eval_members(const struct pred *p, const struct arr_batch *batch, struct alloc *mem,
                           uint8_t *truth, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    size_t columns = p->schema->count;
    size_t count = columns + p->member_count;
    struct arr_col *cols = NULL;
    struct buf *validity = NULL;
    TRY_OUT(alloc_array(mem, count, sizeof *cols, (void **)&cols, err));
    TRY_OUT(alloc_array(mem, p->member_count, sizeof *validity, (void **)&validity, err));
    for (size_t i = 0; i < p->member_count; i++)
        buf_init(&validity[i], mem, SIZE_MAX / 2);
    memcpy(cols, batch->cols, columns * sizeof *cols);
    for (size_t i = 0; i < p->member_count; i++)
        TRY_OUT(view_member(batch, &p->members[i], &validity[i], &cols[columns + i], err));
    rc = eval_columns(p, cols, batch->rows, mem, truth, err);
out:
    for (size_t i = 0; validity && i < p->member_count; i++)
        buf_fini(&validity[i]);
    alloc_free(mem, validity, p->member_count * sizeof *validity);
    alloc_free(mem, cols, count * sizeof *cols);
    return rc;
}

slp_rc pred_eval(const struct pred *p, const struct arr_batch *batch, struct alloc *mem,
                 uint8_t *truth, struct slp_err *err)
{
    if (batch->rows == 0)
        return SLP_OK;
    return p->member_count ? eval_members(p, batch, mem, truth, err)
                           : eval_columns(p, batch->cols, batch->rows, mem, truth, err);
}
