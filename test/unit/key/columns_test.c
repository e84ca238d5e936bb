#include "key/columns.h"

#include "base/num.h"
#include "key/order.h"
#include "lib/t.h"

#define FIELDS_MAX 6

struct table {
    struct key_spec spec;
    struct arr_field fields[FIELDS_MAX];
    struct arr_schema columns;
    struct arr_batch batch;
    struct key_vec keys;
};

static void table_init(struct t *t, struct table *b, const enum arr_kind *kinds, size_t count)
{
    *b = (struct table){.spec = {.field_count = count, .row_key_count = 1}};
    for (size_t i = 0; i < count; i++) {
        b->fields[i] =
            (struct arr_field){.name = "f", .type = {.kind = kinds[i]}, .nullable = true};
        b->spec.types[i] = b->fields[i].type;
        b->spec.columns[i] = i;
    }
    b->columns = (struct arr_schema){.fields = b->fields, .count = count};
    assert_ok(t, arr_batch_init(&b->batch, &t->mem, &b->columns, &t->err));
    key_vec_init(&b->keys, &t->mem, 1 << 24);
}

static void table_fini(struct table *b)
{
    arr_batch_fini(&b->batch);
    key_vec_fini(&b->keys);
}

/* Texts of few letters and many lengths, behind a part that most of them share; numbers that are
 * often equal. */
static void random_rows(struct t *t, struct table *b, int64_t rows, size_t most_bytes)
{
    for (size_t c = 0; c < b->columns.count; c++) {
        struct arr_col *col = &b->batch.cols[c];
        for (int64_t row = 0; row < rows; row++) {
            uint8_t bytes[64];
            memset(bytes, 'c', sizeof bytes);
            size_t len = t_below(t, most_bytes + 1);
            size_t same = t_below(t, 4) ? len / 2 : 0;
            for (size_t i = same; i < len; i++)
                bytes[i] = (uint8_t)(1 + t_below(t, 3) * 127);
            uint64_t number = t_below(t, 3) ? t_below(t, 4) : t_random(t);
            memcpy(bytes + 48, &number, sizeof number);
            bool is_text = arr_type_is_variable(col->type);
            struct slice value =
                is_text ? slice_of(bytes, len) : slice_of(bytes + 48, arr_type_width(col->type));
            assert_ok(t, arr_col_append(col, value, &t->err));
        }
    }
    b->batch.rows = rows;
    assert_ok(t, key_encode_rows(&b->spec, &b->batch, 0, rows, &b->keys, &t->err));
}

static uint64_t part_of(struct slice key, size_t at)
{
    uint64_t part = 0;
    for (size_t i = at; i < at + 8; i++)
        part = part << 8 | (i < key.len ? key.ptr[i] : 0);
    return part;
}

static size_t common_of(struct slice a, struct slice b)
{
    size_t n = 0;
    while (n < a.len && n < b.len && a.ptr[n] == b.ptr[n])
        n++;
    return n;
}

static int sign_of(int order)
{
    return (order > 0) - (order < 0);
}

static void assert_as_encoded(struct t *t, const struct table *b, int64_t first)
{
    struct key_columns k;
    int64_t rows = b->batch.rows - first;
    assert_true(key_columns_init(&b->spec, &b->batch, first, rows, &k));
    for (int64_t i = 0; i < rows; i++) {
        int64_t j = (int64_t)t_below(t, (uint64_t)rows);
        struct slice x = key_at(&b->keys, first + i);
        struct slice y = key_at(&b->keys, first + j);
        assert_int_equal(sign_of(key_columns_compare(&k, i, &k, j)), sign_of(slice_compare(x, y)));
        assert_int_equal(key_columns_common(&k, i, &k, j), common_of(x, y));
        size_t at = t_below(t, x.len + 4);
        assert_true(key_columns_part(&k, i, at) == part_of(x, at));
    }
    for (size_t at = 0; at < 30; at++) {
        uint64_t parts[64];
        assert_true(rows <= 64);
        key_columns_parts(&k, 0, rows, at, parts);
        for (int64_t i = 0; i < rows; i++)
            assert_true(parts[i] == part_of(key_at(&b->keys, first + i), at));
    }
    if (first == 0)
        assert_int_equal(key_columns_first_fall(&k), key_first_fall(&b->keys, 0));
}

static const enum arr_kind shapes[][4] = {
    {ARR_UTF8, ARR_INT64, ARR_BINARY, ARR_INT8},   {ARR_INT64, ARR_UTF8, ARR_UINT64, ARR_FLOAT},
    {ARR_BINARY, ARR_DOUBLE, ARR_INT16, ARR_UTF8}, {ARR_TIMESTAMP, ARR_DATE32, ARR_UINT8, ARR_UTF8},
    {ARR_UTF8, ARR_UTF8, ARR_UINT16, ARR_UINT32},  {ARR_INT32, ARR_UTF8, ARR_INT64, ARR_BINARY},
};
#define SHAPES (sizeof shapes / sizeof shapes[0])

static void answers_are_those_of_the_encoding(void **state)
{
    struct t *t = *state;
    for (size_t s = 0; s < SHAPES; s++) {
        for (size_t fields = 1; fields <= 4; fields++) {
            struct table b;
            table_init(t, &b, shapes[s], fields);
            random_rows(t, &b, 40, 1 + t_below(t, 24));
            assert_as_encoded(t, &b, 0);
            assert_as_encoded(t, &b, 7);
            table_fini(&b);
        }
    }
}

static void the_first_row_that_falls_is_found(void **state)
{
    struct t *t = *state;
    static const char *const rows[] = {"abcdefghij", "abcdefghik", "abcdefghik", "abcdefghi", "z"};
    static const enum arr_kind text = ARR_UTF8;
    struct table b;
    struct key_columns k;
    table_init(t, &b, &text, 1);
    for (size_t i = 0; i < 5; i++)
        assert_ok(t, arr_col_append(&b.batch.cols[0], slice_str(rows[i]), &t->err));
    b.batch.rows = 5;
    assert_true(key_columns_init(&b.spec, &b.batch, 0, 5, &k));
    assert_int_equal(key_columns_first_fall(&k), 3);
    assert_true(key_columns_init(&b.spec, &b.batch, 0, 3, &k));
    assert_int_equal(key_columns_first_fall(&k), 3);
    assert_true(key_columns_init(&b.spec, &b.batch, 3, 2, &k));
    assert_int_equal(key_columns_first_fall(&k), 2);
    table_fini(&b);
}

/* One row of one column. */
static bool stays(struct t *t, enum arr_kind kind, const struct slice *value)
{
    struct table b;
    struct key_columns k;
    table_init(t, &b, &kind, 1);
    if (value)
        assert_ok(t, arr_col_append(&b.batch.cols[0], *value, &t->err));
    else
        assert_ok(t, arr_col_append_null(&b.batch.cols[0], &t->err));
    b.batch.rows = 1;
    bool answer = key_columns_init(&b.spec, &b.batch, 0, 1, &k);
    table_fini(&b);
    return answer;
}

static void nulls_zero_bytes_other_types_and_long_keys_are_to_be_encoded(void **state)
{
    struct t *t = *state;
    static const uint8_t bytes[KEY_MAX_BYTES + 1] = {'a', 'b', 0, 'c'};
    static uint8_t letters[KEY_MAX_BYTES];
    memset(letters, 'x', sizeof letters);
    struct slice good = slice_of(bytes, 2);
    struct slice has_zero = slice_of(bytes, 4);
    struct slice longest = slice_of(letters, KEY_MAX_BYTES - 3);
    struct slice too_long = slice_of(letters, KEY_MAX_BYTES - 2);
    struct slice whole = slice_of(bytes, 16);
    assert_true(stays(t, ARR_UTF8, &good));
    assert_false(stays(t, ARR_UTF8, NULL));
    assert_false(stays(t, ARR_INT64, NULL));
    assert_false(stays(t, ARR_BINARY, &has_zero));
    assert_true(stays(t, ARR_BINARY, &longest));
    assert_false(stays(t, ARR_BINARY, &too_long));
    assert_false(stays(t, ARR_DECIMAL128, &whole));
}

static void numbers_order_rows_whose_keys_are_equal(void **state)
{
    struct t *t = *state;
    const enum arr_kind kinds[] = {ARR_UTF8};
    const uint32_t narrow[] = {5, 3, 9};
    const uint64_t wide[] = {7, 105, 104};
    struct table b;
    struct key_columns k;
    struct key_columns l;
    struct key_vec keys;
    table_init(t, &b, kinds, 1);
    for (int i = 0; i < 3; i++)
        assert_ok(t, arr_col_append(&b.batch.cols[0], slice_str(i < 2 ? "a" : "b"), &t->err));
    b.batch.rows = 3;
    assert_true(key_columns_init(&b.spec, &b.batch, 0, 3, &k));
    assert_int_equal(key_columns_compare(&k, 0, &k, 1), 0);
    l = k;
    k.numbers = (struct key_numbers){.narrow = narrow, .base = 100};
    l.numbers = (struct key_numbers){.wide = wide};
    assert_true(key_columns_compare(&k, 0, &k, 1) > 0);
    assert_true(key_columns_compare(&k, 0, &k, 2) < 0);
    assert_true(key_columns_compare(&k, 0, &l, 0) > 0);
    assert_int_equal(key_columns_compare(&k, 0, &l, 1), 0);
    key_vec_init(&keys, &t->mem, 1 << 10);
    assert_ok(t, key_columns_encode(&k, 1, 2, &keys, &t->err));
    assert_int_equal(keys.count, 2);
    assert_int_equal(key_at(&keys, 0).len, 4 + KEY_NUMBER_BYTES);
    assert_int_equal(num_load_u64be(key_at(&keys, 0).ptr + 4), 103);
    assert_int_equal(num_load_u64be(key_at(&keys, 1).ptr + 4), 109);
    key_vec_fini(&keys);
    table_fini(&b);
}

T_MAIN(T_TEST(numbers_order_rows_whose_keys_are_equal), T_TEST(answers_are_those_of_the_encoding),
       T_TEST(the_first_row_that_falls_is_found),
       T_TEST(nulls_zero_bytes_other_types_and_long_keys_are_to_be_encoded))
