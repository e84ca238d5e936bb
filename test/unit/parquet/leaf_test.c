#include "parquet/leaf.h"

#include "base/num.h"

#include "lib/t.h"

static void assert_leaf(struct t *t, struct arr_type type, enum pq_physical physical, size_t width,
                        enum pq_order order)
{
    struct arr_field field = {.name = "x", .type = type, .nullable = true};
    struct pq_leaf leaf;
    assert_ok(t, pq_leaf_of(&field, &leaf, &t->err));
    assert_int_equal(leaf.physical, physical);
    assert_int_equal(leaf.width, width);
    assert_int_equal(leaf.order, order);
}

static struct arr_type decimal(int32_t precision, int32_t scale)
{
    return (struct arr_type){.kind = ARR_DECIMAL128, .precision = precision, .scale = scale};
}

static void types_have_the_physical_form_of_the_profile(void **state)
{
    struct t *t = *state;
    assert_leaf(t, (struct arr_type){.kind = ARR_BOOL}, PQ_BOOLEAN, 0, PQ_ORDER_BOOL);
    assert_leaf(t, (struct arr_type){.kind = ARR_UINT8}, PQ_INT32, 4, PQ_ORDER_UINT32);
    assert_leaf(t, (struct arr_type){.kind = ARR_UINT64}, PQ_INT64, 8, PQ_ORDER_UINT64);
    assert_leaf(t, (struct arr_type){.kind = ARR_TIMESTAMP}, PQ_INT64, 8, PQ_ORDER_INT64);
    assert_leaf(t, (struct arr_type){.kind = ARR_UTF8}, PQ_BYTE_ARRAY, 0, PQ_ORDER_UTF8);
    assert_leaf(t, (struct arr_type){.kind = ARR_BINARY}, PQ_BYTE_ARRAY, 0, PQ_ORDER_BYTES);
    assert_leaf(t, (struct arr_type){.kind = ARR_FIXED_BINARY, .width = 5}, PQ_FIXED_LEN_BYTE_ARRAY,
                5, PQ_ORDER_FIXED);
    assert_leaf(t, decimal(9, 2), PQ_INT32, 4, PQ_ORDER_INT32);
    assert_leaf(t, decimal(10, 2), PQ_INT64, 8, PQ_ORDER_INT64);
    assert_leaf(t, decimal(19, 2), PQ_FIXED_LEN_BYTE_ARRAY, 9, PQ_ORDER_DECIMAL);
    assert_leaf(t, decimal(38, 38), PQ_FIXED_LEN_BYTE_ARRAY, 16, PQ_ORDER_DECIMAL);
}

static void decimals_take_the_fewest_bytes(void **state)
{
    (void)state;
    i128 largest = 0;
    for (int32_t precision = 1; precision <= 38; precision++) {
        largest = largest * 10 + 9;
        size_t width = 1;
        while (width < 16 && largest >> (8 * width - 1) != 0)
            width++;
        assert_int_equal(pq_decimal_width(precision), width);
    }
}

static void what_parquet_has_no_type_for_is_refused_by_name(void **state)
{
    struct t *t = *state;
    static const struct arr_type types[] = {
        {.kind = ARR_FIXED_BINARY, .width = 0},
        {.kind = ARR_DECIMAL128, .precision = 5, .scale = -1},
        {.kind = ARR_DECIMAL128, .precision = 5, .scale = 6},
        {.kind = ARR_DECIMAL128, .precision = 39, .scale = 6},
        {.kind = ARR_DECIMAL128, .precision = 0, .scale = 0},
    };
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        struct arr_field field = {.name = "amount", .type = types[i], .nullable = true};
        struct pq_leaf leaf;
        assert_rc(t, pq_leaf_of(&field, &leaf, &t->err), SLP_UNSUPPORTED);
        assert_err_has(t, "column \"amount\"");
    }
}

static void assert_element(struct t *t, struct arr_field field, const char *bytes, size_t len)
{
    struct pq_leaf leaf;
    struct buf b;
    struct cx_put w;
    buf_init(&b, &t->mem, 1000);
    assert_ok(t, pq_leaf_of(&field, &leaf, &t->err));
    cx_put_init(&w, &b, &t->err);
    cx_put_list(&w, 1, CX_WIRE_STRUCT, 1);
    pq_leaf_put(&w, &field, &leaf);
    assert_ok(t, cx_put_finish(&w));
    assert_int_equal(b.len, len + 3);
    assert_memory_equal(b.ptr + 2, bytes, len);
    buf_fini(&b);
}

static void elements_have_both_annotations_and_the_field_id(void **state)
{
    struct t *t = *state;
    /* type, repetition, name, converted type, field id, logical type STRING */
    assert_element(
        t, (struct arr_field){.name = "s", .type = {.kind = ARR_UTF8}, .nullable = true, .id = 7},
        "\x15\x0c\x25\x02\x18\x01s\x25\x00\x35\x0e\x1c\x1c\x00\x00\x00", 16);
    /* No annotation and no id: nothing but type, repetition, name. */
    assert_element(
        t, (struct arr_field){.name = "n", .type = {.kind = ARR_INT64}, .nullable = false, .id = 0},
        "\x15\x04\x25\x00\x18\x01n\x00", 8);
    /* TIMESTAMP(utc, NANOS) has no converted type. */
    assert_element(
        t,
        (struct arr_field){.name = "t",
                           .type = {.kind = ARR_TIMESTAMP, .unit = ARR_NANO, .utc = true},
                           .nullable = true,
                           .id = 0},
        "\x15\x04\x25\x02\x18\x01t\x6c\x8c\x11\x1c\x3c\x00\x00\x00\x00\x00", 17);
    /* DECIMAL(5, 2): scale and precision stand twice. */
    assert_element(
        t, (struct arr_field){.name = "d", .type = decimal(5, 2), .nullable = true, .id = 0},
        "\x15\x02\x25\x02\x18\x01"
        "d\x25\x0a\x15\x04\x15\x0a\x2c\x5c\x15\x04\x15\x0a\x00\x00\x00",
        22);
}

static void elements_say_what_bytes_mean_where_parquet_can(void **state)
{
    struct t *t = *state;
    /* Type, repetition, name, converted type JSON, logical type 12. */
    assert_element(t,
                   (struct arr_field){.name = "j", .type = {.kind = ARR_UTF8}, .extension = "json"},
                   "\x15\x0c\x25\x00\x18\x01j\x25\x26\x4c\xcc\x00\x00\x00", 14);
    /* A uuid has 16 bytes and no converted type. */
    assert_element(t,
                   (struct arr_field){.name = "u",
                                      .type = {.kind = ARR_FIXED_BINARY, .width = 16},
                                      .extension = "uuid"},
                   "\x15\x0e\x15\x20\x15\x00\x18\x01u\x6c\xec\x00\x00\x00", 14);
    assert_element(t,
                   (struct arr_field){.name = "b", .type = {.kind = ARR_BINARY}, .extension = "x"},
                   "\x15\x0c\x25\x00\x18\x01"
                   "b\x00",
                   8);
    /* TIME(not utc, MICROS), with its converted type; a duration is a plain number. */
    assert_element(t,
                   (struct arr_field){.name = "t", .type = {.kind = ARR_TIME64, .unit = ARR_MICRO}},
                   "\x15\x04\x25\x00\x18\x01t\x25\x10\x4c\x7c\x12\x1c\x2c\x00\x00\x00\x00\x00", 19);
    assert_element(t, (struct arr_field){.name = "d", .type = {.kind = ARR_DURATION}},
                   "\x15\x04\x25\x00\x18\x01"
                   "d\x00",
                   8);
}

T_MAIN(T_TEST(types_have_the_physical_form_of_the_profile), T_TEST(decimals_take_the_fewest_bytes),
       T_TEST(what_parquet_has_no_type_for_is_refused_by_name),
       T_TEST(elements_have_both_annotations_and_the_field_id),
       T_TEST(elements_say_what_bytes_mean_where_parquet_can))
