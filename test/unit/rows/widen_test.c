#include "unit/rows/sample.h"

static struct arr_type type_of(const char *name)
{
    struct arr_type type;
    assert_int_equal(arr_type_parse(slice_str(name), &type, NULL), SLP_OK);
    return type;
}

static slp_rc widen(struct t *t, const char *from_type, const char *text, const char *to_type,
                    struct buf *out)
{
    struct arr_col from;
    struct arr_col to;
    int64_t row = 0;
    arr_col_init(&from, &t->mem, type_of(from_type));
    arr_col_init(&to, &t->mem, type_of(to_type));
    assert_true(rows_widens(from.type, to.type));
    assert_ok(t, arr_col_append_null(&from, &t->err));
    assert_ok(t, arr_text_parse(&from, slice_str(text), &t->err));
    slp_rc rc = rows_widen(&from, &to, &row, &t->err);
    if (rc == SLP_OK) {
        assert_int_equal(to.rows, 2);
        assert_true(arr_col_is_null(&to, 0));
        assert_ok(t, arr_text_format(&to, 1, out, &t->err));
    } else {
        assert_int_equal(row, 1);
    }
    arr_col_fini(&from);
    arr_col_fini(&to);
    return rc;
}

static void values_stay_what_they_are(void **state)
{
    struct t *t = *state;
    static const char *const cases[][4] = {
        {"int8", "-128", "int64", "-128"},
        {"uint32", "4294967295", "int64", "4294967295"},
        {"float16", "1.5", "float", "1.5"},
        {"float16", "-0.25", "double", "-0.25"},
        {"float", "0.5", "double", "0.5"},
        {"time32[ms]", "06:00:00.001", "time64[ns]", "06:00:00.001"},
        {"duration[s]", "PT90S", "duration[us]", "PT90S"},
        {"decimal(5, 2)", "-1.25", "decimal(38, 2)", "-1.25"},
        {"decimal(38, 2)", "-1.25", "decimal256(50, 2)", "-1.25"},
        {"decimal256(50, 2)", "123.45", "decimal256(60, 2)", "123.45"},
        {"utf8", "hi", "binary", "aGk="},
        {"fixed_binary(2)", "aGk=", "binary", "aGk="},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf out;
        buf_init(&out, alloc_system(), 1 << 16);
        assert_ok(t, widen(t, cases[i][0], cases[i][1], cases[i][2], &out));
        assert_int_equal(buf_append_u8(&out, 0, NULL), SLP_OK);
        assert_string_equal((const char *)out.ptr, cases[i][3]);
        buf_fini(&out);
    }
}

static void what_would_lose_something_is_no_widening(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"int64", "int32"},
        {"int8", "uint8"},
        {"uint64", "int64"},
        {"float", "float16"},
        {"time64[us]", "time32[ms]"},
        {"duration[us]", "time64[us]"},
        {"duration[us]", "int64"},
        {"decimal(10, 2)", "decimal(12, 3)"},
        {"decimal256(50, 2)", "decimal(38, 2)"},
        {"binary", "utf8"},
        {"interval", "duration[us]"},
        {"timestamp[us]", "timestamp[us, UTC]"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_false(rows_widens(type_of(cases[i][0]), type_of(cases[i][1])));
}

static void a_time_beyond_the_finer_unit_is_refused_by_row(void **state)
{
    struct t *t = *state;
    struct buf out;
    buf_init(&out, alloc_system(), 1 << 16);
    assert_rc(t, widen(t, "timestamp[ms]", "3000-01-01", "timestamp[ns]", &out), SLP_BAD_INPUT);
    assert_err_has(t, "a time beyond what timestamp[ns] can hold");
    buf_fini(&out);
}

T_MAIN(T_TEST(values_stay_what_they_are), T_TEST(what_would_lose_something_is_no_widening),
       T_TEST(a_time_beyond_the_finer_unit_is_refused_by_row))
