/*
 * Columns of every flat type for tests of the Parquet writer: values that are few, sorted or all
 * different, with nulls nowhere, here and there, in runs, or everywhere.
 */
#ifndef SLP_TEST_PARQUET_ROWS_H
#define SLP_TEST_PARQUET_ROWS_H

#include <math.h>

#include "arrow/batch.h"
#include "base/num.h"
#include "lib/t.h"

enum rows_values { ROWS_RANDOM, ROWS_FEW, ROWS_SORTED, ROWS_SAME, ROWS_VALUE_PATTERNS };
enum rows_nulls {
    ROWS_NO_NULLS,
    ROWS_SOME_NULL,
    ROWS_NULL_RUNS,
    ROWS_ALL_NULL,
    ROWS_NULL_PATTERNS
};

/* The types of tables, that of nulls last, and all that are flat. */
#define ROWS_TYPE_COUNT 27u
#define ROWS_FLAT_COUNT 34u
#define ROWS_NULL_TYPE  (ROWS_TYPE_COUNT - 1)

/* Every flat type, with each unit and each physical form of decimals. */
static inline struct arr_type rows_type(size_t i)
{
    static const struct arr_type types[ROWS_FLAT_COUNT] = {
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
        {.kind = ARR_TIMESTAMP, .unit = ARR_MILLI},
        {.kind = ARR_TIMESTAMP, .unit = ARR_MICRO},
        {.kind = ARR_TIMESTAMP, .unit = ARR_NANO},
        {.kind = ARR_TIMESTAMP, .unit = ARR_MICRO, .utc = true},
        {.kind = ARR_UTF8},
        {.kind = ARR_BINARY},
        {.kind = ARR_FIXED_BINARY, .width = 1},
        {.kind = ARR_FIXED_BINARY, .width = 3},
        {.kind = ARR_FIXED_BINARY, .width = 16},
        {.kind = ARR_DECIMAL128, .precision = 5, .scale = 2},
        {.kind = ARR_DECIMAL128, .precision = 9, .scale = 0},
        {.kind = ARR_DECIMAL128, .precision = 18, .scale = 6},
        {.kind = ARR_DECIMAL128, .precision = 19, .scale = 19},
        {.kind = ARR_DECIMAL128, .precision = 38, .scale = 10},
        {.kind = ARR_NULL},
        {.kind = ARR_FLOAT16},
        {.kind = ARR_TIME32, .unit = ARR_MILLI},
        {.kind = ARR_TIME64, .unit = ARR_MICRO},
        {.kind = ARR_TIME64, .unit = ARR_NANO},
        {.kind = ARR_DECIMAL256, .precision = 40, .scale = 5},
        {.kind = ARR_DECIMAL256, .precision = 76, .scale = 0},
        {.kind = ARR_INTERVAL},
    };
    assert_true(i < ROWS_FLAT_COUNT);
    return types[i];
}

static inline uint64_t rows_mix(uint64_t x)
{
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

/* A number that means the row's value: the same for the same value. */
static inline uint64_t rows_number(uint64_t seed, int64_t row, enum rows_values pattern)
{
    uint64_t r = (uint64_t)row;
    switch (pattern) {
    case ROWS_FEW:
        return rows_mix(rows_mix(seed ^ r) % 11);
    case ROWS_SORTED:
        return r / 5;
    case ROWS_SAME:
        return 3;
    default:
        return rows_mix(seed + r);
    }
}

static inline bool rows_is_null(uint64_t seed, int64_t row, enum rows_nulls pattern)
{
    switch (pattern) {
    case ROWS_SOME_NULL:
        return rows_mix(seed * 31 + (uint64_t)row) % 4 == 0;
    case ROWS_NULL_RUNS:
        return rows_mix(seed * 31 + (uint64_t)row / 150) % 2 == 0;
    case ROWS_ALL_NULL:
        return true;
    default:
        return false;
    }
}

/* Text of 0 to 120 bytes with characters of one to four bytes. */
static inline struct slice rows_text(uint64_t n, uint8_t out[256])
{
    static const char *const pieces[] = {"a",
                                         "Zz",
                                         "\xc3\xa9",
                                         "\xe2\x82\xac",
                                         "\xf0\x9f\x98\x80",
                                         "\xef\xbf\xbf",
                                         "\xf4\x8f\xbf\xbf",
                                         "~"};
    size_t len = 0;
    size_t count = n % 9 == 0 ? 30 : n % 6;
    for (size_t i = 0; i < count; i++) {
        n = i % 16 == 15 ? rows_mix(n) : n;
        const char *piece = pieces[(n >> (4 * (i % 16))) % 8];
        memcpy(out + len, piece, strlen(piece));
        len += strlen(piece);
    }
    return slice_of(out, len);
}

static inline void rows_append_decimal(struct t *t, struct arr_col *c, uint64_t n)
{
    i128 limit = 1;
    for (int32_t i = 0; i < c->type.precision; i++)
        limit *= 10;
    i128 v = (i128)((u128)rows_mix(n) << 64 | rows_mix(n + 1)) % limit;
    if (n % 7 == 0)
        v = n % 2 ? limit - 1 : 1 - limit;
    assert_ok(t, arr_col_append(c, slice_of(&v, sizeof v), &t->err));
}

/* 150 bits of either sign, or few. */
static inline void rows_append_wide_decimal(struct t *t, struct arr_col *c, uint64_t n)
{
    uint64_t v[4] = {rows_mix(n), rows_mix(n + 1), 0, 0};
    v[2] = c->type.precision > 40 ? rows_mix(n + 2) >> 16 : 0;
    v[1] >>= n % 2 ? 8 : 60;
    for (size_t i = 0; i < 4 && n % 3 == 0; i++)
        v[i] = ~v[i];
    assert_ok(t, arr_col_append(c, slice_of(v, sizeof v), &t->err));
}

static inline void rows_append_interval(struct t *t, struct arr_col *c, uint64_t n)
{
    struct arr_interval v;
    memset(&v, 0, sizeof v);
    v.months = (int32_t)(n % 1000);
    v.days = (int32_t)(rows_mix(n) % 40);
    v.nanoseconds = (int64_t)(rows_mix(n + 1) % 86400000) * 1000000;
    assert_ok(t, arr_col_append(c, slice_of(&v, sizeof v), &t->err));
}

static inline void rows_append_float(struct t *t, struct arr_col *c, uint64_t n)
{
    static const double special[] = {0.0, -0.0, (double)NAN, (double)INFINITY, -(double)INFINITY,
                                     1.5, -2.25};
    double v = n % 3 == 0 ? special[n % 7] : (double)(int64_t)n / 3.0;
    assert_ok(t, arr_col_append_f64(c, v, &t->err));
}

/* An integer that fits the type; times stay in the years that every reader can print. */
static inline int64_t rows_integer(struct arr_type type, uint64_t n)
{
    switch (type.kind) {
    case ARR_INT8:
        return (int8_t)n;
    case ARR_INT16:
        return (int16_t)n;
    case ARR_INT32:
        return (int32_t)n;
    case ARR_UINT8:
        return (uint8_t)n;
    case ARR_UINT16:
        return (uint16_t)n;
    case ARR_UINT32:
        return (uint32_t)n;
    case ARR_DATE32:
        return (int64_t)(n % 1000000) - 500000;
    case ARR_TIME32:
    case ARR_TIME64:
        return (int64_t)(n % 86400000);
    case ARR_TIMESTAMP:
        return (int64_t)(n % 4000000000000000u) - 2000000000000000;
    default:
        return (int64_t)n;
    }
}

static inline void rows_append(struct t *t, struct arr_col *c, uint64_t n)
{
    uint8_t bytes[256];
    switch (c->type.kind) {
    case ARR_NULL:
        assert_ok(t, arr_col_append_null(c, &t->err));
        break;
    case ARR_BOOL:
        assert_ok(t, arr_col_append_bool(c, n % 2, &t->err));
        break;
    case ARR_DECIMAL256:
        rows_append_wide_decimal(t, c, n);
        break;
    case ARR_INTERVAL:
        rows_append_interval(t, c, n);
        break;
    case ARR_FLOAT:
    case ARR_DOUBLE:
    case ARR_FLOAT16:
        rows_append_float(t, c, n);
        break;
    case ARR_UTF8:
        assert_ok(t, arr_col_append(c, rows_text(n, bytes), &t->err));
        break;
    case ARR_BINARY:
    case ARR_FIXED_BINARY:
        for (size_t i = 0; i < sizeof bytes; i++)
            bytes[i] = (uint8_t)(i % 3 == 1 ? 0xff : rows_mix(n + i / 9));
        assert_ok(
            t, arr_col_append(
                   c, slice_of(bytes, c->type.kind == ARR_BINARY ? n % 100 : (size_t)c->type.width),
                   &t->err));
        break;
    case ARR_DECIMAL128:
        rows_append_decimal(t, c, n);
        break;
    default:
        assert_ok(t, arr_col_append_i64(c, rows_integer(c->type, n), &t->err));
        break;
    }
}

/* Append `rows` rows to a column. */
static inline void rows_fill(struct t *t, struct arr_col *c, int64_t rows, uint64_t seed,
                             enum rows_values values, enum rows_nulls nulls)
{
    for (int64_t row = 0; row < rows; row++) {
        if (rows_is_null(seed, row, nulls))
            assert_ok(t, arr_col_append_null(c, &t->err));
        else
            rows_append(t, c, rows_number(seed, row, values));
    }
}

#endif
