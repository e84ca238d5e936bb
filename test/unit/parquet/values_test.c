#include "parquet/values.h"

#include "base/num.h"
#include "lib/t.h"

struct column {
    struct arr_col col;
    struct pq_leaf leaf;
    struct pq_values_scratch scratch;
    struct pq_values values;
};

static void begin(struct t *t, struct column *c, struct arr_type type)
{
    struct arr_field field = {.name = "x", .type = type, .nullable = true};
    arr_col_init(&c->col, &t->mem, type);
    pq_values_scratch_init(&c->scratch, &t->mem);
    assert_ok(t, pq_leaf_of(&field, &c->leaf, &t->err));
}

static void finish(struct column *c)
{
    arr_col_fini(&c->col);
    pq_values_scratch_fini(&c->scratch);
}

static void assert_plain(struct t *t, struct column *c, size_t from, size_t count,
                         const char *bytes, size_t len)
{
    struct buf b;
    buf_init(&b, &t->mem, 10000);
    assert_ok(t, pq_values_encode_plain(&c->values, from, count, &b, &t->err));
    assert_int_equal(b.len, len);
    assert_int_equal(pq_values_plain_bytes(&c->values, from, count), len);
    if (len)
        assert_memory_equal(b.ptr, bytes, len);
    buf_fini(&b);
}

static void take(struct t *t, struct column *c)
{
    assert_ok(t, pq_values_of(&c->col, &c->leaf, &c->scratch, &c->values, &t->err));
}

static void nulls_leave_no_slots(void **state)
{
    struct t *t = *state;
    struct column c;
    begin(t, &c, (struct arr_type){.kind = ARR_INT32});
    for (int64_t i = 0; i < 5; i++)
        if (i == 1 || i == 4)
            assert_ok(t, arr_col_append_null(&c.col, &t->err));
        else
            assert_ok(t, arr_col_append_i64(&c.col, i - 1, &t->err));
    take(t, &c);
    assert_int_equal(c.values.count, 3);
    assert_plain(t, &c, 0, 3, "\xff\xff\xff\xff\1\0\0\0\2\0\0\0", 12);
    finish(&c);
}

static void strings_have_their_length_before_them(void **state)
{
    struct t *t = *state;
    struct column c;
    begin(t, &c, (struct arr_type){.kind = ARR_UTF8});
    assert_ok(t, arr_col_append(&c.col, slice_str("ab"), &t->err));
    assert_ok(t, arr_col_append_null(&c.col, &t->err));
    assert_ok(t, arr_col_append(&c.col, slice_str(""), &t->err));
    assert_ok(t, arr_col_append(&c.col, slice_str("longer than sixteen bytes"), &t->err));
    take(t, &c);
    assert_plain(t, &c, 0, 3, "\2\0\0\0ab\0\0\0\0\x19\0\0\0longer than sixteen bytes", 39);
    assert_plain(t, &c, 1, 1, "\0\0\0\0", 4);
    finish(&c);
}

static void only_empty_strings_have_no_bytes_to_borrow(void **state)
{
    struct t *t = *state;
    struct column c;
    begin(t, &c, (struct arr_type){.kind = ARR_BINARY});
    for (int i = 0; i < 3; i++)
        assert_ok(t, arr_col_append(&c.col, slice_str(""), &t->err));
    take(t, &c);
    assert_non_null(c.values.data);
    assert_plain(t, &c, 0, 3, "\0\0\0\0\0\0\0\0\0\0\0\0", 12);
    finish(&c);
}

static void narrow_integers_widen_by_value(void **state)
{
    struct t *t = *state;
    static const struct {
        enum arr_kind kind;
        int64_t value;
        const char *bytes;
    } cases[] = {{ARR_INT8, -2, "\xfe\xff\xff\xff"},
                 {ARR_INT16, -2, "\xfe\xff\xff\xff"},
                 {ARR_UINT8, 200, "\xc8\0\0\0"},
                 {ARR_UINT16, 60000, "\x60\xea\0\0"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct column c;
        begin(t, &c, (struct arr_type){.kind = cases[i].kind});
        assert_ok(t, arr_col_append_null(&c.col, &t->err));
        assert_ok(t, arr_col_append_i64(&c.col, cases[i].value, &t->err));
        take(t, &c);
        assert_plain(t, &c, 0, 1, cases[i].bytes, 4);
        finish(&c);
    }
}

static void booleans_are_bits_from_any_value_on(void **state)
{
    struct t *t = *state;
    struct column c;
    begin(t, &c, (struct arr_type){.kind = ARR_BOOL});
    for (int i = 0; i < 20; i++) {
        if (i % 3 == 0)
            assert_ok(t, arr_col_append_null(&c.col, &t->err));
        assert_ok(t, arr_col_append_bool(&c.col, i % 4 == 0, &t->err));
    }
    take(t, &c);
    assert_plain(t, &c, 0, 20, "\x11\x11\x01", 3);
    assert_plain(t, &c, 3, 9, "\x22\x00", 2);
    finish(&c);
}

static void seconds_become_milliseconds_or_are_refused(void **state)
{
    struct t *t = *state;
    struct column c;
    begin(t, &c, (struct arr_type){.kind = ARR_TIMESTAMP, .unit = ARR_SECOND});
    assert_ok(t, arr_col_append_i64(&c.col, -2, &t->err));
    take(t, &c);
    assert_plain(t, &c, 0, 1, "\x30\xf8\xff\xff\xff\xff\xff\xff", 8);
    assert_ok(t, arr_col_append_i64(&c.col, INT64_MAX / 1000 + 1, &t->err));
    assert_rc(t, pq_values_of(&c.col, &c.leaf, &c.scratch, &c.values, &t->err), SLP_BAD_INPUT);
    assert_err_has(t, "row 1: timestamp of 9223372036854776 seconds");
    finish(&c);
}

static void append_decimal(struct t *t, struct column *c, i128 v)
{
    assert_ok(t, arr_col_append(&c->col, slice_of(&v, sizeof v), &t->err));
}

static void decimals_are_little_integers_or_big_endian_bytes(void **state)
{
    struct t *t = *state;
    struct column c;
    begin(t, &c, (struct arr_type){.kind = ARR_DECIMAL128, .precision = 9});
    append_decimal(t, &c, -2);
    take(t, &c);
    assert_plain(t, &c, 0, 1, "\xfe\xff\xff\xff", 4);
    append_decimal(t, &c, (i128)1 << 31);
    assert_rc(t, pq_values_of(&c.col, &c.leaf, &c.scratch, &c.values, &t->err), SLP_BAD_INPUT);
    assert_err_has(t, "row 1: decimal has more than its 9 digits");
    finish(&c);
    begin(t, &c, (struct arr_type){.kind = ARR_DECIMAL128, .precision = 20});
    append_decimal(t, &c, 258);
    append_decimal(t, &c, -2);
    take(t, &c);
    assert_plain(t, &c, 0, 2, "\0\0\0\0\0\0\0\1\2\xff\xff\xff\xff\xff\xff\xff\xff\xfe", 18);
    finish(&c);
}

static void intervals_are_months_days_and_milliseconds_or_refused(void **state)
{
    struct t *t = *state;
    struct column c;
    static const struct arr_interval bad[] = {{-1, 0, 0}, {0, -1, 0}, {0, 0, -1000000}, {0, 0, 1}};
    struct arr_interval good = {1, 2, 3000000};
    begin(t, &c, (struct arr_type){.kind = ARR_INTERVAL});
    assert_ok(t, arr_col_append(&c.col, slice_of((const uint8_t *)&good, sizeof good), &t->err));
    take(t, &c);
    assert_plain(t, &c, 0, 1, "\1\0\0\0\2\0\0\0\3\0\0\0", 12);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        arr_col_clear(&c.col);
        assert_ok(t,
                  arr_col_append(&c.col, slice_of((const uint8_t *)&bad[i], sizeof *bad), &t->err));
        assert_rc(t, pq_values_of(&c.col, &c.leaf, &c.scratch, &c.values, &t->err), SLP_BAD_INPUT);
    }
    finish(&c);
}

static void a_page_takes_what_fits_and_one_at_least(void **state)
{
    struct t *t = *state;
    struct column c;
    begin(t, &c, (struct arr_type){.kind = ARR_UTF8});
    static const char *const texts[] = {"0123456789", "", "0", "0123456789012345"};
    for (size_t i = 0; i < 4; i++)
        assert_ok(t, arr_col_append(&c.col, slice_str(texts[i]), &t->err));
    take(t, &c);
    assert_int_equal(pq_values_fit(&c.values, 0, 4, 1000), 4);
    assert_int_equal(pq_values_fit(&c.values, 0, 4, 43), 4);
    assert_int_equal(pq_values_fit(&c.values, 0, 4, 42), 3);
    assert_int_equal(pq_values_fit(&c.values, 0, 4, 18), 2);
    assert_int_equal(pq_values_fit(&c.values, 0, 4, 17), 1);
    assert_int_equal(pq_values_fit(&c.values, 0, 4, 1), 1);
    assert_int_equal(pq_values_fit(&c.values, 3, 1, 1), 1);
    assert_int_equal(pq_values_fit(&c.values, 4, 0, 1), 0);
    finish(&c);
}

static void every_fault_is_out_of_memory(void **state)
{
    struct t *t = *state;
    struct column c;
    begin(t, &c, (struct arr_type){.kind = ARR_INT8});
    for (int i = 0; i < 100; i++) {
        assert_ok(t, arr_col_append_null(&c.col, &t->err));
        assert_ok(t, arr_col_append_i64(&c.col, i, &t->err));
    }
    T_FAULT_LOOP(t) {
        struct pq_values_scratch scratch;
        struct pq_values values = {0};
        struct buf b;
        buf_init(&b, &t->mem, 10000);
        pq_values_scratch_init(&scratch, &t->mem);
        slp_rc rc = pq_values_of(&c.col, &c.leaf, &scratch, &values, &t->err);
        assert_true(rc == SLP_OK || values.data == NULL);
        if (rc == SLP_OK)
            rc = pq_values_encode_plain(&values, 0, values.count, &b, &t->err);
        assert_int_equal(rc, t->fault_hit ? SLP_NO_MEMORY : SLP_OK);
        pq_values_scratch_fini(&scratch);
        buf_fini(&b);
    }
    finish(&c);
}

T_MAIN(T_TEST(nulls_leave_no_slots), T_TEST(strings_have_their_length_before_them),
       T_TEST(only_empty_strings_have_no_bytes_to_borrow), T_TEST(narrow_integers_widen_by_value),
       T_TEST(booleans_are_bits_from_any_value_on),
       T_TEST(seconds_become_milliseconds_or_are_refused),
       T_TEST(decimals_are_little_integers_or_big_endian_bytes),
       T_TEST(intervals_are_months_days_and_milliseconds_or_refused),
       T_TEST(a_page_takes_what_fits_and_one_at_least), T_TEST(every_fault_is_out_of_memory))
