/* rooms: predicate */
#include "predicate/predicate.h"

#include <stdlib.h>

#include "arrow/text.h"

#define ROWS 4

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct arr_field fields[] = {
    {.name = "id", .type = {.kind = ARR_INT32}},
    {.name = "u", .type = {.kind = ARR_UINT64}},
    {.name = "f", .type = {.kind = ARR_FLOAT}},
    {.name = "d", .type = {.kind = ARR_DOUBLE}},
    {.name = "s", .type = {.kind = ARR_UTF8}},
    {.name = "b", .type = {.kind = ARR_BOOL}},
    {.name = "day", .type = {.kind = ARR_DATE32}},
    {.name = "ts", .type = {.kind = ARR_TIMESTAMP, .unit = ARR_MICRO}},
    {.name = "at", .type = {.kind = ARR_TIMESTAMP, .unit = ARR_NANO, .utc = true}},
    {.name = "m", .type = {.kind = ARR_DECIMAL128, .precision = 20, .scale = 4}},
    {.name = "bin", .type = {.kind = ARR_BINARY}},
    {.name = "fx", .type = {.kind = ARR_FIXED_BINARY, .width = 2}},
    {.name = "t8", .type = {.kind = ARR_INT8}},
    {.name = "nothing", .type = {.kind = ARR_NULL}},
};

#define COLUMNS (sizeof fields / sizeof *fields)

static const struct arr_schema schema = {.fields = fields, .count = COLUMNS};

static const struct key_spec spec = {
    .field_count = 3,
    .row_key_count = 1,
    .columns = {4, 0, 3},
    .types = {{.kind = ARR_UTF8}, {.kind = ARR_INT32}, {.kind = ARR_DOUBLE}},
};

/* The key columns s, id and d have no null. */
static const char *const values[ROWS][COLUMNS] = {
    {"1", "0", "0.5", "-0", "a", "true", "2001-01-31", "2001-01-31", "2001-01-31", "1.5",
     "Cv8=", "YWI=", "127", NULL},
    {"-2147483648", "18446744073709551615", "NaN", "NaN", "", "false", "0001-01-01", "0001-01-01",
     "1970-01-01", "-0.0001", "", "AAA=", "-128", NULL},
    {"2147483647", "9223372036854775808", "0.1", "1e300", "\xc3\xb6%_", "true", "9999-12-31",
     "9999-12-31", "2262-01-01", "9999999999999999.9999", "/w==", "//8=", "0", NULL},
    {"0", NULL, NULL, "-Infinity", "abc", NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL},
};

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void make_rows(struct arr_batch *batch, struct key_vec *keys)
{
    require(arr_batch_init(batch, alloc_system(), &schema, NULL) == SLP_OK);
    for (size_t i = 0; i < ROWS * COLUMNS; i++) {
        struct arr_col *c = &batch->cols[i % COLUMNS];
        const char *text = values[i / COLUMNS][i % COLUMNS];
        slp_rc rc = text ? arr_text_parse(c, slice_str(text), NULL) : arr_col_append_null(c, NULL);
        require(rc == SLP_OK);
    }
    batch->rows = ROWS;
    key_vec_init(keys, alloc_system(), 1 << 20);
    require(key_encode_rows(&spec, batch, 0, ROWS, keys, NULL) == SLP_OK);
}

/* Rows that are TRUE have keys in the ranges. */
static void check_ranges(const struct pred *p, const struct key_vec *keys, const uint8_t *truth,
                         struct arena *a)
{
    struct key_range *ranges = NULL;
    size_t count = 0;
    require(pred_key_ranges(p, &spec, a, &ranges, &count, NULL) == SLP_OK);
    require(count <= PRED_RANGES_MAX);
    for (int64_t row = 0; row < ROWS; row++) {
        bool is_held = false;
        for (size_t i = 0; i < count; i++)
            is_held = is_held || key_range_holds(ranges[i], key_at(keys, row));
        require(is_held || truth[row] != PRED_TRUE);
    }
}

/* What is written means the same. */
static void check_text(const struct pred *p, const struct arr_batch *batch, const uint8_t *truth,
                       struct arena *a)
{
    struct buf text;
    const struct pred *again = NULL;
    uint8_t same[ROWS];
    buf_init(&text, alloc_system(), 64 << 20);
    require(pred_format(p, &text, NULL) == SLP_OK);
    /* A short text may become a long one: names are quoted and values written in full. */
    if (text.len <= PRED_TEXT_MAX_BYTES) {
        require(pred_compile(buf_slice(&text), &schema, NULL, 0, a, &again, NULL) == SLP_OK);
        require(pred_eval(again, batch, alloc_system(), same, NULL) == SLP_OK);
        require(memcmp(truth, same, ROWS) == 0);
    }
    buf_fini(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct arr_batch batch;
    struct key_vec keys;
    struct arena a;
    struct slp_err err;
    const struct pred *p = NULL;
    uint8_t truth[ROWS];
    const struct pred_param params[] = {
        {.name = slice_str("p"), .text = slice_str("1")},
        {.name = slice_str(""), .text = slice_str("2001-01-31")},
    };
    make_rows(&batch, &keys);
    arena_init(&a, alloc_system(), (size_t)1 << 30);
    if (pred_compile(slice_of(data, n), &schema, params, 2, &a, &p, &err) == SLP_OK) {
        require(pred_eval(p, &batch, alloc_system(), truth, NULL) == SLP_OK);
        check_ranges(p, &keys, truth, &a);
        check_text(p, &batch, truth, &a);
    }
    arena_fini(&a);
    key_vec_fini(&keys);
    arr_batch_fini(&batch);
    return 0;
}
