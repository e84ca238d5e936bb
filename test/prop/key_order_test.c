/* rooms: key */
#include <math.h>
#include <stdlib.h>

#include "base/num.h"
#include "key/key.h"
#include "lib/t.h"

/*
 * Random rows of every type, small values and extremes mixed so that equal fields and equal
 * prefixes are common. The model compares values, never bytes of keys.
 */

#define ROWS       160
#define FIELDS_MAX 4

static const struct arr_type types[] = {
    {.kind = ARR_BOOL},
    {.kind = ARR_INT8},
    {.kind = ARR_INT16},
    {.kind = ARR_INT32},
    {.kind = ARR_INT64},
    {.kind = ARR_UINT8},
    {.kind = ARR_UINT16},
    {.kind = ARR_UINT32},
    {.kind = ARR_UINT64},
    {.kind = ARR_FLOAT},
    {.kind = ARR_DOUBLE},
    {.kind = ARR_DATE32},
    {.kind = ARR_TIMESTAMP, .unit = ARR_NANO},
    {.kind = ARR_UTF8},
    {.kind = ARR_BINARY},
    {.kind = ARR_FIXED_BINARY, .width = 3},
    {.kind = ARR_DECIMAL128, .precision = 38, .scale = 2},
};
#define TYPES (sizeof types / sizeof *types)

static double random_double(struct t *t)
{
    static const double special[] = {0.0,       -0.0,     1.0,     -1.0,     INFINITY, -INFINITY,
                                     5e-324,    -5e-324,  1.5e300, -1.5e300, 0.1,      2.0,
                                     16777216., 1.0e-310, 3.5e38,  -3.5e38};
    if (t_below(t, 4)) {
        double value = special[t_below(t, sizeof special / sizeof *special)];
        return value;
    }
    uint64_t bits = t_random(t);
    if (t_below(t, 4) == 0)
        bits |= 0x7ff8000000000000u; /* NaNs with every payload and sign */
    double value = 0;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static size_t random_bytes(struct t *t, uint8_t *out, size_t max)
{
    static const uint8_t letters[] = {0x00, 0x00, 0x01, 0x02, 'a', 'b', 0xfe, 0xff};
    size_t n = (size_t)t_below(t, t_below(t, 8) ? 4 : max + 1);
    for (size_t i = 0; i < n; i++)
        out[i] = letters[t_below(t, sizeof letters)];
    return n;
}

/* An integer of the width: small, an extreme, or any. */
static int64_t random_integer(struct t *t)
{
    switch (t_below(t, 4)) {
    case 0:
        return (int64_t)t_below(t, 5) - 2;
    case 1:
        return t_below(t, 2) ? INT64_MIN + (int64_t)t_below(t, 2)
                             : INT64_MAX - (int64_t)t_below(t, 2);
    case 2:
        return (int64_t)1 << t_below(t, 63);
    default:
        return (int64_t)t_random(t);
    }
}

static slp_rc append_decimal(struct t *t, struct arr_col *c)
{
    u128 value = (u128)(uint64_t)random_integer(t);
    if (t_below(t, 2))
        value = value << 64 | (uint64_t)random_integer(t);
    if (t_below(t, 8) == 0)
        value = (u128)1 << 127; /* the least one: its magnitude takes all 16 bytes */
    if (t_below(t, 2))
        value = (u128)(i128)(int64_t)random_integer(t);
    return arr_col_append(c, slice_of(&value, sizeof value), &t->err);
}

static slp_rc append_random(struct t *t, struct arr_col *c)
{
    uint8_t bytes[64];
    int64_t integer = random_integer(t);
    switch (c->type.kind) {
    case ARR_BOOL:
        return arr_col_append_bool(c, t_below(t, 2), &t->err);
    case ARR_FLOAT: {
        double value = random_double(t);
        float narrow = fabs(value) > 3.4e38 && !isinf(value) ? 1 : (float)value;
        return arr_col_append(c, slice_of(&narrow, sizeof narrow), &t->err);
    }
    case ARR_DOUBLE:
        return arr_col_append_f64(c, random_double(t), &t->err);
    case ARR_UTF8:
    case ARR_BINARY:
        return arr_col_append(c, slice_of(bytes, random_bytes(t, bytes, sizeof bytes)), &t->err);
    case ARR_FIXED_BINARY:
        memset(bytes, 0, 4);
        (void)random_bytes(t, bytes, 3);
        return arr_col_append(c, slice_of(bytes, 3), &t->err);
    case ARR_DECIMAL128:
        return append_decimal(t, c);
    default:
        return arr_col_append(c, slice_of(&integer, arr_type_width(c->type)), &t->err);
    }
}

static int order_doubles(double a, double b)
{
    if (isnan(a) || isnan(b))
        return (isnan(a) != 0) - (isnan(b) != 0);
    return (a > b) - (a < b);
}

static i128 decimal_at(const struct arr_col *c, int64_t row)
{
    i128 value = 0;
    memcpy(&value, arr_col_bytes(c, row).ptr, sizeof value);
    return value;
}

/* The plain comparator. */
static int order_values(const struct arr_col *a, int64_t i, const struct arr_col *b, int64_t j)
{
    switch (a->type.kind) {
    case ARR_FLOAT:
    case ARR_DOUBLE:
        return order_doubles(arr_col_f64(a, i), arr_col_f64(b, j));
    case ARR_UTF8:
    case ARR_BINARY:
    case ARR_FIXED_BINARY:
        return slice_compare(arr_col_bytes(a, i), arr_col_bytes(b, j));
    case ARR_DECIMAL128:
        return (decimal_at(a, i) > decimal_at(b, j)) - (decimal_at(a, i) < decimal_at(b, j));
    case ARR_UINT64: {
        uint64_t x = (uint64_t)arr_col_i64(a, i);
        uint64_t y = (uint64_t)arr_col_i64(b, j);
        return (x > y) - (x < y);
    }
    default:
        return (arr_col_i64(a, i) > arr_col_i64(b, j)) - (arr_col_i64(a, i) < arr_col_i64(b, j));
    }
}

static int sign(int order)
{
    return (order > 0) - (order < 0);
}

struct bench {
    struct key_spec spec;
    struct arr_field fields[FIELDS_MAX];
    struct arr_schema columns;
    struct arr_batch batch;
    struct key_vec keys;
};

static void bench_init(struct t *t, struct bench *b, const struct arr_type *of, size_t count)
{
    *b = (struct bench){.spec = {.field_count = count, .row_key_count = 1}};
    for (size_t i = 0; i < count; i++) {
        b->fields[i] = (struct arr_field){.name = "x", .type = of[i]};
        b->spec.types[i] = of[i];
        b->spec.columns[i] = i;
    }
    b->columns = (struct arr_schema){.fields = b->fields, .count = count};
    assert_ok(t, arr_batch_init(&b->batch, &t->mem, &b->columns, &t->err));
    for (size_t i = 0; i < count; i++) {
        for (int64_t row = 0; row < ROWS; row++)
            assert_ok(t, append_random(t, &b->batch.cols[i]));
    }
    b->batch.rows = ROWS;
    key_vec_init(&b->keys, &t->mem, 1 << 24);
    /* In pieces, so that keys are appended behind others and some pieces hold no zero byte. */
    for (int64_t row = 0; row < ROWS;) {
        int64_t count_now = num_min_i64(ROWS - row, 1 + (int64_t)t_below(t, 7));
        assert_ok(t, key_encode_rows(&b->spec, &b->batch, row, count_now, &b->keys, &t->err));
        row += count_now;
    }
}

static void bench_fini(struct bench *b)
{
    arr_batch_fini(&b->batch);
    key_vec_fini(&b->keys);
}

static int order_rows(const struct bench *b, int64_t i, int64_t j, size_t fields)
{
    int order = 0;
    for (size_t f = 0; f < fields && !order; f++)
        order = order_values(&b->batch.cols[f], i, &b->batch.cols[f], j);
    return order;
}

static void assert_order(const struct bench *b)
{
    for (int64_t i = 0; i < ROWS; i++) {
        for (int64_t j = 0; j < ROWS; j++) {
            int want = order_rows(b, i, j, b->spec.field_count);
            int got = slice_compare(key_at(&b->keys, i), key_at(&b->keys, j));
            assert_int_equal(sign(got), sign(want));
        }
    }
}

/* One-row columns holding the values of a row. */
static void take_row(struct t *t, const struct bench *b, int64_t row, struct arr_col *out)
{
    for (size_t f = 0; f < b->spec.field_count; f++) {
        arr_col_init(&out[f], &t->mem, b->spec.types[f]);
        assert_ok(t, arr_col_append_run(&out[f], &b->batch.cols[f], row, 1, &t->err));
    }
}

static void drop_row(const struct bench *b, struct arr_col *cols)
{
    for (size_t f = 0; f < b->spec.field_count; f++)
        arr_col_fini(&cols[f]);
}

/* decode(encode(x)) = x by value, and every cut inside a field is noticed. */
static void assert_decodes(struct t *t, const struct bench *b, int64_t row)
{
    struct arr_col values[FIELDS_MAX];
    struct slice key = key_at(&b->keys, row);
    size_t ends[FIELDS_MAX + 1];
    for (size_t f = 0; f <= b->spec.field_count; f++)
        assert_ok(t, key_prefix_bytes(&b->spec, key, f, &ends[f], &t->err));
    assert_int_equal(ends[b->spec.field_count], key.len);
    for (size_t f = 0; f < b->spec.field_count; f++)
        arr_col_init(&values[f], &t->mem, b->spec.types[f]);
    size_t whole = 0;
    for (size_t cut = 0; cut <= key.len; cut++) {
        size_t fields = 77;
        whole += whole < b->spec.field_count && cut == ends[whole + 1];
        slp_rc rc = key_decode(&b->spec, slice_first(key, cut), values, &fields, &t->err);
        assert_int_equal(rc, cut == ends[whole] ? SLP_OK : SLP_CORRUPT);
        assert_int_equal(fields, rc == SLP_OK ? whole : 77);
        for (size_t f = 0; f < b->spec.field_count; f++) {
            assert_int_equal(values[f].rows, rc == SLP_OK && f < whole);
            if (values[f].rows)
                assert_int_equal(order_values(&values[f], 0, &b->batch.cols[f], row), 0);
            arr_col_clear(&values[f]);
        }
    }
    drop_row(b, values);
}

/* The interval of a prefix holds the keys that begin with its values, and no others. */
static void assert_boundaries(struct t *t, const struct bench *b, int64_t row, size_t fields)
{
    struct arr_col values[FIELDS_MAX];
    struct buf lo;
    struct buf hi;
    buf_init(&lo, &t->mem, 1 << 20);
    buf_init(&hi, &t->mem, 1 << 20);
    take_row(t, b, row, values);
    assert_ok(t, key_encode_prefix(&b->spec, values, fields, &lo, &t->err));
    struct key_range range = {.lo = buf_slice(&lo)};
    assert_ok(t, key_successor(range.lo, &hi, &range.has_hi, &t->err));
    range.hi = buf_slice(&hi);
    assert_int_equal(range.has_hi, fields > 0);
    assert_true(slice_starts_with(key_at(&b->keys, row), range.lo));
    for (int64_t j = 0; j < ROWS; j++) {
        struct slice key = key_at(&b->keys, j);
        int want = order_rows(b, j, row, fields);
        assert_int_equal(key_range_holds(range, key), want == 0);
        /* A boundary against full keys: below it are just the rows that are less. */
        assert_int_equal(slice_compare(key, range.lo) < 0, want < 0);
        assert_int_equal(slice_starts_with(key, range.lo), want == 0);
    }
    drop_row(b, values);
    buf_fini(&hi);
    buf_fini(&lo);
}

static void order_of_bytes_is_order_of_values_for_every_type(void **state)
{
    struct t *t = *state;
    for (size_t i = 0; i < TYPES; i++) {
        struct bench b;
        bench_init(t, &b, &types[i], 1);
        assert_order(&b);
        for (int64_t row = 0; row < ROWS; row += 3) {
            assert_decodes(t, &b, row);
            assert_boundaries(t, &b, row, 1);
        }
        bench_fini(&b);
    }
}

static void order_of_bytes_is_order_of_tuples(void **state)
{
    struct t *t = *state;
    for (int round = 0; round < 30; round++) {
        struct bench b;
        struct arr_type of[FIELDS_MAX];
        size_t count = 2 + (size_t)t_below(t, FIELDS_MAX - 1);
        for (size_t i = 0; i < count; i++)
            of[i] = types[t_below(t, TYPES)];
        bench_init(t, &b, of, count);
        assert_order(&b);
        for (int64_t row = 0; row < ROWS; row += 37) {
            assert_decodes(t, &b, row);
            for (size_t fields = 0; fields <= count; fields++)
                assert_boundaries(t, &b, row, fields);
        }
        bench_fini(&b);
    }
}

static void damaged_keys_are_corrupt_or_other_values(void **state)
{
    struct t *t = *state;
    struct arr_type of[FIELDS_MAX];
    for (int round = 0; round < 60; round++) {
        struct bench b;
        struct buf key;
        struct arr_col values[FIELDS_MAX];
        for (size_t i = 0; i < 3; i++)
            of[i] = types[t_below(t, TYPES)];
        bench_init(t, &b, of, 3);
        buf_init(&key, &t->mem, 1 << 20);
        for (size_t f = 0; f < 3; f++)
            arr_col_init(&values[f], &t->mem, of[f]);
        for (int64_t row = 0; row < 20; row++) {
            struct buf again;
            buf_init(&again, &t->mem, 1 << 20);
            assert_ok(t, buf_assign(&key, key_at(&b.keys, row), &t->err));
            uint8_t *byte = key.ptr + t_below(t, key.len);
            *byte = (uint8_t)(*byte ^ 1u << t_below(t, 8));
            size_t fields = 0;
            slp_rc rc = key_decode(&b.spec, buf_slice(&key), values, &fields, &t->err);
            assert_true(rc == SLP_OK || rc == SLP_CORRUPT);
            if (rc == SLP_OK) {
                /* Every key that decodes is one that would be written. */
                assert_ok(t, key_encode_prefix(&b.spec, values, fields, &again, &t->err));
                assert_true(slice_equal(buf_slice(&again), buf_slice(&key)));
            }
            for (size_t f = 0; f < 3; f++)
                arr_col_clear(&values[f]);
            buf_fini(&again);
        }
        for (size_t f = 0; f < 3; f++)
            arr_col_fini(&values[f]);
        buf_fini(&key);
        bench_fini(&b);
    }
}

static void decoding_survives_every_fault(void **state)
{
    struct t *t = *state;
    struct bench b;
    struct arr_type of[] = {{.kind = ARR_INT64}, {.kind = ARR_UTF8}};
    bench_init(t, &b, of, 2);
    struct slice key = slice_of("\x02\x80\0\0\0\0\0\0\1\x02\0\xff\0\0", 14);
    T_FAULT_LOOP(t) {
        struct arr_col values[2];
        size_t fields = 77;
        for (size_t f = 0; f < 2; f++)
            arr_col_init(&values[f], &t->mem, of[f]);
        slp_rc rc = key_decode(&b.spec, key, values, &fields, &t->err);
        assert_int_equal(rc, t->fault_hit ? SLP_NO_MEMORY : SLP_OK);
        assert_int_equal(fields, rc == SLP_OK ? 2 : 77);
        assert_int_equal(values[0].rows, rc == SLP_OK);
        assert_int_equal(values[1].rows, rc == SLP_OK);
        drop_row(&b, values);
    }
    bench_fini(&b);
}

T_MAIN(T_TEST(order_of_bytes_is_order_of_values_for_every_type),
       T_TEST(order_of_bytes_is_order_of_tuples), T_TEST(damaged_keys_are_corrupt_or_other_values),
       T_TEST(decoding_survives_every_fault))
