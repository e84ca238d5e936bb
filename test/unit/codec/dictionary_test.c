#include "codec/dictionary.h"

#include <stdlib.h>

#include "base/num.h"
#include "lib/t.h"

#define COUNT 5000u

static void values_stand_in_the_order_they_first_appear(void **state)
{
    struct t *t = *state;
    struct cx_dictionary *d = NULL;
    const uint64_t values[] = {7, 3, 7, 0, 3, 7};
    const uint32_t want[] = {0, 1, 0, 2, 1, 0};
    uint32_t indices[6];
    assert_ok(t, cx_dictionary_new(&t->mem, &d, &t->err));
    assert_int_equal(cx_dictionary_add_fixed(d, (const uint8_t *)values, 8, 6, indices), 6);
    assert_memory_equal(indices, want, sizeof want);
    assert_int_equal(cx_dictionary_count(d), 3);
    assert_true(slice_equal(cx_dictionary_values(d),
                            slice_of("\7\0\0\0\0\0\0\0\3\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 24)));
    cx_dictionary_clear(d);
    assert_int_equal(cx_dictionary_count(d), 0);
    cx_dictionary_free(d);
}

static void strings_keep_their_length_before_them(void **state)
{
    struct t *t = *state;
    struct cx_dictionary *d = NULL;
    /* A prefix, an embedded NUL, nothing, and more than the eight bytes of a key. */
    static const char data[] = "a"
                               "ab"
                               ""
                               "a\0"
                               "abcdefgh"
                               "abcdefghi"
                               "abcdefghj"
                               "a"
                               "padding.";
    static const int32_t offsets[] = {0, 1, 3, 3, 5, 13, 22, 31, 32};
    const uint32_t want[] = {0, 1, 2, 3, 4, 5, 6, 0};
    uint32_t indices[8];
    assert_ok(t, cx_dictionary_new(&t->mem, &d, &t->err));
    assert_int_equal(cx_dictionary_add_variable(d, (const uint8_t *)data, offsets, 8, indices), 8);
    assert_memory_equal(indices, want, sizeof want);
    assert_true(
        slice_starts_with(cx_dictionary_values(d),
                          slice_of("\1\0\0\0a\2\0\0\0ab\0\0\0\0\2\0\0\0a\0\10\0\0\0abcd", 29)));
    cx_dictionary_free(d);
}

/* The model: the first row with the same bytes. */
static void assert_indices(const uint8_t *data, size_t width, const uint32_t *indices,
                           struct slice values)
{
    for (size_t i = 0; i < COUNT; i++) {
        assert_true((indices[i] + 1) * width <= values.len);
        assert_memory_equal(values.ptr + indices[i] * width, data + i * width, width);
    }
    for (size_t i = 0; i < values.len / width; i += 97)
        for (size_t j = 0; j < i; j++)
            assert_true(memcmp(values.ptr + i * width, values.ptr + j * width, width) != 0);
}

static void indices_lead_back_to_the_values(void **state)
{
    struct t *t = *state;
    static const size_t widths[] = {1, 4, 8, 9, 16};
    static uint8_t data[COUNT * 16 + CX_DICTIONARY_OVERREAD];
    static uint32_t indices[COUNT];
    struct cx_dictionary *d = NULL;
    assert_ok(t, cx_dictionary_new(&t->mem, &d, &t->err));
    for (size_t w = 0; w < sizeof widths / sizeof *widths; w++) {
        for (size_t i = 0; i < COUNT; i++)
            for (size_t k = 0; k < widths[w]; k++)
                data[i * widths[w] + k] = (uint8_t)(k == widths[w] / 2 ? t_below(t, 250)
                                                    : k == 0           ? t_below(t, 13)
                                                                       : 0);
        cx_dictionary_clear(d);
        assert_int_equal(cx_dictionary_add_fixed(d, data, widths[w], COUNT, indices), COUNT);
        assert_indices(data, widths[w], indices, cx_dictionary_values(d));
    }
    cx_dictionary_free(d);
}

static void a_full_dictionary_says_how_far_it_came(void **state)
{
    struct t *t = *state;
    struct cx_dictionary *d = NULL;
    enum { ROWS = 20000 };
    uint32_t *values = calloc(ROWS, sizeof *values);
    uint32_t *indices = calloc(ROWS, sizeof *indices);
    int32_t *offsets = calloc(ROWS, sizeof *offsets);
    assert_non_null(values);
    assert_non_null(indices);
    assert_non_null(offsets);
    for (uint32_t i = 0; i < ROWS; i++)
        values[i] = i * 977;
    assert_ok(t, cx_dictionary_new(&t->mem, &d, &t->err));
    assert_int_equal(cx_dictionary_add_fixed(d, (const uint8_t *)values, 4, ROWS, indices),
                     CX_DICTIONARY_MAX_COUNT);
    assert_int_equal(cx_dictionary_values(d).len, 4 * CX_DICTIONARY_MAX_COUNT);
    for (uint32_t i = 0; i < CX_DICTIONARY_MAX_COUNT; i++)
        assert_int_equal(indices[i], i);
    /* What is there already is still found. */
    assert_int_equal(cx_dictionary_add_fixed(d, (const uint8_t *)(values + 500), 4, 9, indices), 9);
    assert_int_equal(indices[8], 508);
    /* With the length before each, the bytes are what fills it at the same time. */
    cx_dictionary_clear(d);
    for (uint32_t i = 0; i < ROWS; i++)
        offsets[i] = (int32_t)(4 * i);
    assert_int_equal(
        cx_dictionary_add_variable(d, (const uint8_t *)values, offsets, ROWS - 1, indices),
        CX_DICTIONARY_MAX_COUNT);
    assert_int_equal(cx_dictionary_values(d).len, CX_DICTIONARY_MAX_BYTES);
    cx_dictionary_free(d);
    free(values);
    free(indices);
    free(offsets);
}

static void a_value_larger_than_the_dictionary_does_not_fit(void **state)
{
    struct t *t = *state;
    struct cx_dictionary *d = NULL;
    uint8_t *data = calloc(1, CX_DICTIONARY_MAX_BYTES + 16);
    const int32_t fits[] = {0, CX_DICTIONARY_MAX_BYTES - 4};
    const int32_t too_long[] = {0, CX_DICTIONARY_MAX_BYTES - 3};
    uint32_t index = 9;
    assert_non_null(data);
    assert_ok(t, cx_dictionary_new(&t->mem, &d, &t->err));
    assert_int_equal(cx_dictionary_add_variable(d, data, too_long, 1, &index), 0);
    assert_int_equal(cx_dictionary_count(d), 0);
    assert_int_equal(cx_dictionary_add_variable(d, data, fits, 1, &index), 1);
    assert_int_equal(index, 0);
    cx_dictionary_free(d);
    free(data);
}

static void its_one_allocation_may_fail(void **state)
{
    struct t *t = *state;
    T_FAULT_LOOP(t) {
        struct cx_dictionary *d = NULL;
        slp_rc rc = cx_dictionary_new(&t->mem, &d, &t->err);
        assert_true(t->fault_hit ? rc == SLP_NO_MEMORY && !d : rc == SLP_OK);
        cx_dictionary_free(d);
    }
}

T_MAIN(T_TEST(values_stand_in_the_order_they_first_appear),
       T_TEST(strings_keep_their_length_before_them), T_TEST(indices_lead_back_to_the_values),
       T_TEST(a_full_dictionary_says_how_far_it_came),
       T_TEST(a_value_larger_than_the_dictionary_does_not_fit), T_TEST(its_one_allocation_may_fail))
