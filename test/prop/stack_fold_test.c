/* rooms: stack */
/*
 * The laws of folds, over every operation and type: what was folded in pieces is what is folded at
 * once, to the byte; and where an operation commutes, in whatever order. Integer sums against 128-bit
 * arithmetic.
 */
#include "stack/fold.h"

#include <math.h>

#include "lib/random_rows.h"
#include "lib/t.h"

#define ROWS   24
#define ROUNDS 60

static struct arr_field item = {.name = "item", .type = {.kind = ARR_INT32}, .nullable = true};
static struct arr_field entry[] = {
    {.name = "key", .type = {.kind = ARR_UTF8}},
    {.name = "value", .type = {.kind = ARR_INT8}, .nullable = true},
};
static struct arr_field entries = {
    .name = "entries", .type = {.kind = ARR_STRUCT}, .children = entry, .child_count = 2};

static const struct arr_field fields[] = {
    {.name = "bool", .type = {.kind = ARR_BOOL}, .nullable = true},
    {.name = "int8", .type = {.kind = ARR_INT8}, .nullable = true},
    {.name = "uint16", .type = {.kind = ARR_UINT16}},
    {.name = "int32", .type = {.kind = ARR_INT32}},
    {.name = "int64", .type = {.kind = ARR_INT64}, .nullable = true},
    {.name = "int64 always", .type = {.kind = ARR_INT64}},
    {.name = "uint64", .type = {.kind = ARR_UINT64}, .nullable = true},
    {.name = "float", .type = {.kind = ARR_FLOAT}, .nullable = true},
    {.name = "double", .type = {.kind = ARR_DOUBLE}, .nullable = true},
    {.name = "short decimal",
     .type = {.kind = ARR_DECIMAL128, .precision = 3, .scale = 1},
     .nullable = true},
    {.name = "long decimal",
     .type = {.kind = ARR_DECIMAL128, .precision = 38, .scale = 2},
     .nullable = true},
    {.name = "time", .type = {.kind = ARR_TIMESTAMP, .unit = ARR_MICRO}, .nullable = true},
    {.name = "text", .type = {.kind = ARR_UTF8}, .nullable = true},
    {.name = "list",
     .type = {.kind = ARR_LIST},
     .nullable = true,
     .children = &item,
     .child_count = 1},
    {.name = "map",
     .type = {.kind = ARR_MAP},
     .nullable = true,
     .children = &entries,
     .child_count = 1},
};

static void append_bits(struct t *t, struct arr_col *c)
{
    uint64_t bits[2] = {t_random(t), t_random(t)};
    size_t width = arr_type_width(c->type);
    if (t_below(t, 3) == 0)
        bits[0] = UINT64_MAX >> t_below(t, 64);
    if (t_below(t, 4) == 0)
        bits[0] = t_below(t, 5);
    assert_ok(t, arr_col_append(c, slice_of(bits, width), &t->err));
}

static void append_decimal(struct t *t, struct arr_col *c)
{
    __extension__ __int128 value = 0;
    for (int32_t i = 0; i < c->type.precision; i++)
        value = value * 10 + (t_below(t, 2) ? 9 : (int)t_below(t, 10));
    value = t_below(t, 2) ? value : -value;
    assert_ok(t, arr_col_append(c, slice_of(&value, sizeof value), &t->err));
}

static void append_float(struct t *t, struct arr_col *c)
{
    static const double odd[] = {0.0,     0.1,   1e308, -1e308, 5e-324, 3.4e38,
                                 -3.4e38, 1e-45, 1.0,   -2.5,   1e16,   0.3};
    double value = odd[t_below(t, sizeof odd / sizeof odd[0])];
    if (t_below(t, 40) == 0)
        value = t_below(t, 2) ? (double)INFINITY : (double)NAN;
    assert_ok(t, arr_col_append_f64(c, value, &t->err));
}

static void append_list(struct t *t, struct arr_col *c)
{
    int32_t count = (int32_t)t_below(t, 4);
    for (int32_t i = 0; i < count; i++) {
        if (t_below(t, 6) == 0)
            assert_ok(t, arr_col_append_null(&c->children[0], &t->err));
        else
            assert_ok(t, arr_col_append_i64(&c->children[0], (int64_t)t_below(t, 5), &t->err));
    }
    assert_ok(t, arr_col_append_lists(c, &count, 1, NULL, 0, &t->err));
}

static void append_map(struct t *t, struct arr_col *c)
{
    int32_t count = (int32_t)t_below(t, 4);
    struct arr_col *inner = &c->children[0];
    for (int32_t i = 0; i < count; i++) {
        uint8_t key = (uint8_t)('a' + t_below(t, 4));
        assert_ok(t, arr_col_append(&inner->children[0], slice_of(&key, 1), &t->err));
        if (t_below(t, 6) == 0)
            assert_ok(t, arr_col_append_null(&inner->children[1], &t->err));
        else
            assert_ok(t, arr_col_append_i64(&inner->children[1], (int64_t)t_below(t, 256) - 128,
                                            &t->err));
        assert_ok(t, arr_col_append_structs(inner, 1, NULL, 0, &t->err));
    }
    assert_ok(t, arr_col_append_lists(c, &count, 1, NULL, 0, &t->err));
}

static void append_value(struct t *t, const struct arr_field *f, struct arr_col *c)
{
    if (f->nullable && t_below(t, 5) == 0) {
        assert_ok(t, arr_col_append_null(c, &t->err));
        return;
    }
    switch (f->type.kind) {
    case ARR_BOOL:
        assert_ok(t, arr_col_append_bool(c, t_below(t, 2) != 0, &t->err));
        return;
    case ARR_FLOAT:
    case ARR_DOUBLE:
        append_float(t, c);
        return;
    case ARR_DECIMAL128:
        append_decimal(t, c);
        return;
    case ARR_LIST:
        append_list(t, c);
        return;
    case ARR_MAP:
        append_map(t, c);
        return;
    case ARR_UTF8: {
        uint8_t text[3] = {(uint8_t)('a' + t_below(t, 3)), 'x', 'y'};
        assert_ok(t, arr_col_append(c, slice_of(text, (size_t)t_below(t, 4)), &t->err));
        return;
    }
    default:
        append_bits(t, c);
    }
}

/* A column, its carries, and what folds it. */
struct folded {
    struct t *t;
    enum fold_op op;
    const struct arr_field *field;
    struct arr_type carry_type;
    bool has_carry;
    struct buf scratch;
};

struct column {
    struct arr_col values;
    struct arr_col carries;
};

static void column_init(const struct folded *f, struct column *c)
{
    assert_ok(f->t, arr_col_init_field(&c->values, &f->t->mem, f->field, &f->t->err));
    arr_col_init(&c->carries, &f->t->mem, f->carry_type);
}

static void column_fini(struct column *c)
{
    arr_col_fini(&c->values);
    arr_col_fini(&c->carries);
}

static void fold(struct folded *f, const struct column *in, const struct fold_group *groups,
                 size_t count, bool is_raw, struct column *out)
{
    struct t *t = f->t;
    struct fold_col c = {.op = f->op,
                         .field = f->field,
                         .in = &in->values,
                         .carry_in = f->has_carry && !is_raw ? &in->carries : NULL,
                         .out = &out->values,
                         .carry_out = f->has_carry ? &out->carries : NULL,
                         .is_raw = is_raw,
                         .scratch = &f->scratch};
    assert_ok(t, stack_fold(&c, groups, count, &t->err));
    if (f->has_carry)
        assert_ok(t, stack_pad(&out->carries, out->values.rows, &t->err));
}

/* What users gave becomes what is stored, row by row. */
static void lift(struct folded *f, const struct column *raw, struct column *out)
{
    struct fold_group groups[ROWS];
    size_t rows = (size_t)raw->values.rows;
    for (size_t i = 0; i < rows; i++)
        groups[i] = (struct fold_group){.first = (uint32_t)i, .end = (uint32_t)i + 1};
    fold(f, raw, groups, rows, true, out);
}

static void all_at_once(struct folded *f, const struct column *in, struct column *out)
{
    struct fold_group g = {.first = 0, .end = (uint32_t)in->values.rows};
    fold(f, in, &g, 1, false, out);
}

/* Random neighbours folded, and again, until one row is left. */
static void in_pieces(struct folded *f, const struct column *in, struct column *out)
{
    struct t *t = f->t;
    struct fold_group groups[ROWS];
    size_t n = 0;
    uint32_t rows = (uint32_t)in->values.rows;
    for (uint32_t first = 0; first < rows;) {
        uint32_t end = first + 1 + (uint32_t)t_below(t, 4);
        end = end < rows ? end : rows;
        groups[n++] = (struct fold_group){.first = first, .end = end};
        first = end;
    }
    if (n == 1) {
        fold(f, in, groups, 1, false, out);
        return;
    }
    struct column middle;
    column_init(f, &middle);
    fold(f, in, groups, n, false, &middle);
    if (n == rows)
        all_at_once(f, &middle, out);
    else
        in_pieces(f, &middle, out);
    column_fini(&middle);
}

static void shuffled(struct folded *f, const struct column *in, struct column *out)
{
    struct t *t = f->t;
    uint32_t rows[ROWS];
    uint32_t n = (uint32_t)in->values.rows;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t at = (uint32_t)t_below(t, i + 1);
        rows[i] = rows[at];
        rows[at] = i;
    }
    assert_ok(t, arr_col_append_picked(&out->values, &in->values, rows, n, &t->err));
    if (f->has_carry)
        assert_ok(t, arr_col_append_picked(&out->carries, &in->carries, rows, n, &t->err));
}

static void assert_same(const struct folded *f, const struct column *a, const struct column *b)
{
    t_assert_col_sound(&a->values);
    t_assert_col_equal(&a->values, &b->values);
    if (f->has_carry)
        t_assert_col_equal(&a->carries, &b->carries);
}

static void check_laws(struct folded *f)
{
    struct t *t = f->t;
    struct column raw, stored, once, pieces, other, turned;
    column_init(f, &raw);
    column_init(f, &stored);
    column_init(f, &once);
    column_init(f, &pieces);
    column_init(f, &other);
    column_init(f, &turned);
    for (uint64_t n = t_below(t, ROWS) + 1; n > 0; n--)
        append_value(t, f->field, &raw.values);
    lift(f, &raw, &stored);
    all_at_once(f, &stored, &once);
    in_pieces(f, &stored, &pieces);
    assert_same(f, &once, &pieces);
    if (stack_fold_commutes(f->op)) {
        shuffled(f, &stored, &turned);
        in_pieces(f, &turned, &other);
        assert_same(f, &once, &other);
    }
    column_fini(&raw);
    column_fini(&stored);
    column_fini(&once);
    column_fini(&pieces);
    column_fini(&other);
    column_fini(&turned);
}

static void folds_are_associative_and_commute_where_claimed(void **state)
{
    struct t *t = *state;
    size_t pairs = 0;
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        for (int op = 0; op < FOLD_OP_COUNT; op++) {
            struct folded f = {.t = t, .op = (enum fold_op)op, .field = &fields[i]};
            if (!stack_fold_allows(f.op, f.field))
                continue;
            pairs++;
            f.has_carry = stack_fold_carry(f.op, f.field, &f.carry_type);
            buf_init(&f.scratch, &t->mem, 1 << 24);
            for (int round = 0; round < ROUNDS; round++)
                check_laws(&f);
            buf_fini(&f.scratch);
        }
    }
    assert_true(pairs > 110);
}

static void integer_sums_are_exact(void **state)
{
    struct t *t = *state;
    struct folded f = {.t = t, .op = FOLD_SUM, .field = &fields[5]};
    f.has_carry = stack_fold_carry(f.op, f.field, &f.carry_type);
    buf_init(&f.scratch, &t->mem, 1 << 24);
    for (int round = 0; round < 300; round++) {
        struct column in, out;
        __extension__ __int128 want = 0;
        column_init(&f, &in);
        column_init(&f, &out);
        for (uint64_t n = t_below(t, ROWS) + 1; n > 0; n--)
            append_value(t, f.field, &in.values);
        for (int64_t r = 0; r < in.values.rows; r++)
            want += arr_col_i64(&in.values, r);
        assert_ok(t, stack_pad(&in.carries, in.values.rows, &t->err));
        all_at_once(&f, &in, &out);
        __extension__ __int128 got = arr_col_i64(&out.carries, 0);
        got = got * ((__extension__(__int128) 1) << 64) + arr_col_i64(&out.values, 0);
        assert_true(got == want);
        column_fini(&in);
        column_fini(&out);
    }
    buf_fini(&f.scratch);
}

static void float_sums_round_once(void **state)
{
    struct t *t = *state;
    static const struct {
        double values[4];
        double want;
    } cases[] = {{{0.1, 0.2, 0.3, 0}, 0.6},
                 {{1e308, 1e308, -1e308, -1e308}, 0},
                 {{1e16, 1, 1, -1e16}, 2},
                 {{5e-324, 5e-324, 0, 0}, 1e-323},
                 {{1e308, 1e308, 0, 0}, (double)INFINITY}};
    struct folded f = {.t = t, .op = FOLD_SUM, .field = &fields[8]};
    f.has_carry = stack_fold_carry(f.op, f.field, &f.carry_type);
    buf_init(&f.scratch, &t->mem, 1 << 24);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct column in, out;
        column_init(&f, &in);
        column_init(&f, &out);
        for (int v = 0; v < 4; v++)
            assert_ok(t, arr_col_append_f64(&in.values, cases[i].values[v], &t->err));
        assert_ok(t, stack_pad(&in.carries, 4, &t->err));
        all_at_once(&f, &in, &out);
        double got = arr_col_f64(&out.values, 0);
        assert_memory_equal(&got, &cases[i].want, sizeof got);
        column_fini(&in);
        column_fini(&out);
    }
    buf_fini(&f.scratch);
}

/* docs/format/datafile.md has this vector. */
static void the_carry_of_a_float_is_as_specified(void **state)
{
    struct t *t = *state;
    static const uint8_t want[] = {0x0f, 0,    0,    0,    0,    0,    0,    0,   0x38,
                                   0x33, 0x33, 0x33, 0x33, 0x33, 0x33, 0x01, 0x00};
    struct folded f = {.t = t, .op = FOLD_SUM, .field = &fields[8]};
    struct column in, out;
    f.has_carry = stack_fold_carry(f.op, f.field, &f.carry_type);
    buf_init(&f.scratch, &t->mem, 1 << 24);
    column_init(&f, &in);
    column_init(&f, &out);
    assert_ok(t, arr_col_append_f64(&in.values, 0.1, &t->err));
    assert_ok(t, arr_col_append_f64(&in.values, 0.2, &t->err));
    assert_ok(t, stack_pad(&in.carries, 2, &t->err));
    all_at_once(&f, &in, &out);
    struct slice got = arr_col_bytes(&out.carries, 0);
    assert_int_equal(got.len, sizeof want);
    assert_memory_equal(got.ptr, want, sizeof want);
    column_fini(&in);
    column_fini(&out);
    buf_fini(&f.scratch);
}

T_MAIN(T_TEST(the_carry_of_a_float_is_as_specified),
       T_TEST(folds_are_associative_and_commute_where_claimed), T_TEST(integer_sums_are_exact),
       T_TEST(float_sums_round_once))
