#include "lib/random_rows.h"
#include "unit/rows/nested.h"

/* `text` as a value of `from`, behind a null, taken as a column of `to`. */
static slp_rc take(struct t *t, const char *from, const char *text, const char *to, struct buf *out)
{
    struct arena a;
    struct arr_col staged;
    struct arr_col taken;
    arena_init(&a, alloc_system(), 1 << 20);
    struct arr_field have = nested_field(&a, from);
    struct arr_field want = nested_field(&a, to);
    assert_true(rows_field_widens(&have, &want));
    assert_ok(t, arr_col_init_field(&staged, &t->mem, &have, &t->err));
    assert_ok(t, arr_col_init_field(&taken, &t->mem, &want, &t->err));
    assert_ok(t, arr_col_append_null(&staged, &t->err));
    assert_ok(t, nested_put(t, &have, text, &staged));
    slp_rc rc = rows_take_column(&staged, &want, 10, &taken, &t->err);
    if (rc == SLP_OK) {
        t_assert_col_sound(&taken);
        assert_int_equal(taken.rows, 2);
        assert_true(arr_col_is_null(&taken, 0));
        assert_true(taken.fields == want.children);
        if (!arr_col_is_null(&taken, 1))
            assert_ok(t, arr_text_format(&taken, 1, out, &t->err));
    }
    arr_col_fini(&staged);
    arr_col_fini(&taken);
    arena_fini(&a);
    return rc;
}

static void nested_values_widen_where_nothing_is_lost(void **state)
{
    static const char *const cases[][4] = {
        {"list<int32>", "[1,null,-3]", "list<int64>", "[1,null,-3]"},
        {"list<list<float>>", "[[0.5],[],null]", "list<list<double>>", "[[0.5],[],null]"},
        {"list<int32!>", "[1]", "list<int32>", "[1]"},
        {"list<int32>", "[1]", "list<int32!>", "[1]"},
        {"struct<x int8, y utf8>", "{\"x\":1,\"y\":\"q\"}", "struct<y utf8, x int64>",
         "{\"y\":\"q\",\"x\":1}"},
        {"struct<x int8>", "{\"x\":1}", "struct<a list<int8>, x int8, b struct<c int8>>",
         "{\"a\":null,\"x\":1,\"b\":null}"},
        {"map<utf8, int32>", "{\"a\":1,\"b\":null}", "map<utf8, int64>", "{\"a\":1,\"b\":null}"},
        {"map<int8, list<uint8>>", "{\"-1\":[255]}", "map<int16, list<int16>>",
         "[{\"key\":-1,\"value\":[255]}]"},
        {"map<utf8, struct<x int8>>", "{\"a\":{\"x\":1},\"b\":null}",
         "map<utf8, struct<y bool, x int32>>", "{\"a\":{\"y\":null,\"x\":1},\"b\":null}"},
        {"struct<m list<timestamp[ms]>>", "{\"m\":[\"2001-01-31T06:00:00\"]}",
         "struct<m list<timestamp[us]>>", "{\"m\":[\"2001-01-31T06:00:00\"]}"},
        {"list<utf8>", "[\"hi\"]", "list<binary>", "[\"aGk=\"]"},
        {"struct<x int8, y utf8>", "{\"x\":1,\"y\":\"q\"}", "struct<y utf8>", "{\"y\":\"q\"}"},
        {"struct<x int8, y utf8, y utf8>", "{\"x\":1}", "struct<x int16, z int8>",
         "{\"x\":1,\"z\":null}"},
        {"list<struct<w list<int8>, x int8>>", "[{\"x\":1},null,{\"w\":[1]}]",
         "list<struct<x int8>>", "[{\"x\":1},null,{\"x\":null}]"},
    };
    struct t *t = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf out;
        buf_init(&out, alloc_system(), 1 << 16);
        assert_ok(t, take(t, cases[i][0], cases[i][1], cases[i][2], &out));
        assert_int_equal(buf_append_u8(&out, 0, NULL), SLP_OK);
        assert_string_equal((const char *)out.ptr, cases[i][3]);
        buf_fini(&out);
    }
}

static void what_would_lose_something_is_no_widening(void **state)
{
    static const char *const cases[][2] = {
        {"list<int64>", "list<int32>"},
        {"list<int32>", "int32"},
        {"int32", "list<int32>"},
        {"list<int32>", "struct<element int32>"},
        {"struct<x int32, y utf8>", "struct<z int32>"},
        {"list<struct<x int32>>", "list<struct<y int32>>"},
        {"struct<x int32, x int32>", "struct<x int32>"},
        {"struct<x int32>", "struct<x int32, y utf8!>"},
        {"struct<X int32>", "struct<x int32>"},
        {"map<utf8, int64>", "map<utf8, int32>"},
        {"map<int64, utf8>", "map<utf8, utf8>"},
        {"map<utf8, int32>", "list<struct<key utf8, value int32>>"},
    };
    struct arena a;
    struct t *t = *state;
    arena_init(&a, &t->mem, 1 << 20);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arr_field from = nested_field(&a, cases[i][0]);
        struct arr_field to = nested_field(&a, cases[i][1]);
        assert_false(rows_field_widens(&from, &to));
    }
    arena_fini(&a);
}

static void nulls_and_times_that_do_not_fit_are_refused_by_row(void **state)
{
    static const char *const cases[][4] = {
        {"list<int32>", "[1,null]", "list<int32!>", "rows 11 to 12 hold a null in \"element\""},
        {"list<int32>", "[1,null]", "list<int64!>", "rows 11 to 12 hold a null in \"element\""},
        {"struct<x list<int8>>", "{}", "struct<x list<int8>!>", "hold a null in \"x\""},
        {"struct<x int8, y int8>", "{\"y\":1}", "struct<y int8, x int8!>", "hold a null in \"x\""},
        {"map<utf8, int32>", "{\"a\":null}", "map<utf8, int32!>", "hold a null in \"value\""},
        {"list<timestamp[ms]>", "[\"2001-01-01\",\"3000-01-01\"]", "list<timestamp[ns]>",
         "row 12: a time beyond what timestamp[ns] can hold"},
        {"list<struct<x map<utf8, timestamp[ms]>>>", "[{\"x\":{\"a\":\"3000-01-01\"}}]",
         "list<struct<x map<utf8, timestamp[ns]>>>", "row 12: a time beyond"},
    };
    struct t *t = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf out;
        buf_init(&out, alloc_system(), 1 << 16);
        assert_rc(t, take(t, cases[i][0], cases[i][1], cases[i][2], &out), SLP_BAD_INPUT);
        assert_err_has(t, cases[i][3]);
        buf_fini(&out);
    }
}

/* A null struct may have a member that may not be null: there is none. */
static void members_of_a_null_struct_are_nobody_s_nulls(void **state)
{
    struct t *t = *state;
    struct buf out;
    buf_init(&out, alloc_system(), 1 << 16);
    assert_ok(t, take(t, "struct<x struct<y int8!>!>", "null", "struct<x struct<y int8!>!>", &out));
    assert_ok(t, take(t, "struct<x struct<y int8>>", "null", "struct<x struct<y int64!>!>", &out));
    buf_fini(&out);
}

static void texts_within_are_looked_at(void **state)
{
    struct t *t = *state;
    struct arena a;
    struct arr_col staged;
    struct arr_col taken;
    static const char *const wants[] = {"list<utf8>", "list<binary>"};
    for (size_t i = 0; i < 2; i++) {
        const int32_t one = 1;
        arena_init(&a, alloc_system(), 1 << 20);
        struct arr_field have = nested_field(&a, "list<utf8>");
        struct arr_field want = nested_field(&a, wants[i]);
        assert_ok(t, arr_col_init_field(&staged, &t->mem, &have, &t->err));
        assert_ok(t, arr_col_init_field(&taken, &t->mem, &want, &t->err));
        assert_ok(t, arr_col_append(staged.children, slice_str("\xff"), &t->err));
        assert_ok(t, arr_col_append_lists(&staged, &one, 1, NULL, 0, &t->err));
        slp_rc rc = rows_take_column(&staged, &want, 0, &taken, &t->err);
        assert_int_equal(rc, i ? SLP_OK : SLP_BAD_INPUT);
        if (rc != SLP_OK)
            assert_err_has(t, "rows 1 to 1 hold what is no UTF-8 text in \"element\"");
        arr_col_fini(&staged);
        arr_col_fini(&taken);
        arena_fini(&a);
    }
}

/* Long columns, of which each value is wider than before. */
static void many_rows_widen(void **state)
{
    struct t *t = *state;
    const struct t_shape shape = {.depth = 4,
                                  .children = 3,
                                  .null_percent = 20,
                                  .list_items = 3,
                                  .kinds = 1u << ARR_INT32 | 1u << ARR_LIST | 1u << ARR_MAP |
                                           1u << ARR_STRUCT | 1u << ARR_UTF8};
    for (int i = 0; i < 30; i++) {
        struct arena a;
        struct arr_schema from;
        struct arr_schema to;
        struct arr_batch b;
        struct arr_col taken;
        arena_init(&a, alloc_system(), 1 << 22);
        t_random_schema(t, &a, &shape, 1, &from);
        assert_ok(t, arr_schema_copy(&a, &from, &to, &t->err));
        struct arr_field *f = to.fields;
        while (f->child_count)
            f = &f->children[f->child_count - 1];
        f->type.kind = f->type.kind == ARR_UTF8 ? ARR_BINARY : ARR_INT64;
        assert_true(rows_field_widens(from.fields, to.fields));
        t_random_batch(t, &from, &shape, 700, &b);
        assert_ok(t, arr_col_init_field(&taken, &t->mem, to.fields, &t->err));
        assert_ok(t, rows_take_column(b.cols, to.fields, 0, &taken, &t->err));
        t_assert_col_sound(&taken);
        assert_int_equal(taken.rows, 700);
        for (int64_t row = 0; row < 700 && f->type.kind == ARR_INT64; row++) {
            struct buf texts[2];
            for (size_t k = 0; k < 2; k++) {
                const struct arr_col *c = k ? &taken : b.cols;
                buf_init(&texts[k], alloc_system(), 1 << 20);
                if (!arr_col_is_null(c, row))
                    assert_ok(t, arr_text_format(c, row, &texts[k], &t->err));
            }
            assert_true(slice_equal(buf_slice(&texts[0]), buf_slice(&texts[1])));
            buf_fini(&texts[0]);
            buf_fini(&texts[1]);
        }
        arr_col_fini(&taken);
        arr_batch_fini(&b);
        arena_fini(&a);
    }
}

static void every_fault_is_told(void **state)
{
    struct t *t = *state;
    const char *text = "[{\"x\":1,\"m\":{\"a\":2}},null]";
    T_FAULT_LOOP(t) {
        struct arena a;
        struct arr_col staged;
        struct arr_col taken;
        arena_init(&a, alloc_system(), 1 << 20);
        struct arr_field have = nested_field(&a, "list<struct<x int8, m map<utf8, int8>>>");
        struct arr_field want =
            nested_field(&a, "list<struct<n utf8, m map<utf8, int16>, x int8>>");
        assert_int_equal(arr_col_init_field(&staged, alloc_system(), &have, NULL), SLP_OK);
        struct rows_json_pull p;
        rows_json_init(&p, alloc_system(), 1 << 20);
        char padded[100] = "";
        strcat(padded, text);
        assert_int_equal(rows_json_cell(&p, slice_of(padded, strlen(text)), &have, &staged, NULL),
                         SLP_OK);
        rows_json_fini(&p);
        slp_rc rc = arr_col_init_field(&taken, &t->mem, &want, &t->err);
        if (rc == SLP_OK) {
            rc = rows_take_column(&staged, &want, 0, &taken, &t->err);
            arr_col_fini(&taken);
        }
        assert_true(rc == SLP_OK || rc == SLP_NO_MEMORY);
        arr_col_fini(&staged);
        arena_fini(&a);
    }
}

T_MAIN(T_TEST(nested_values_widen_where_nothing_is_lost),
       T_TEST(what_would_lose_something_is_no_widening),
       T_TEST(nulls_and_times_that_do_not_fit_are_refused_by_row),
       T_TEST(members_of_a_null_struct_are_nobody_s_nulls), T_TEST(texts_within_are_looked_at),
       T_TEST(many_rows_widen), T_TEST(every_fault_is_told))
