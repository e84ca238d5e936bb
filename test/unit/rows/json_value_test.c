#include <stdio.h>

#include "lib/random_rows.h"
#include "unit/rows/nested.h"

static void values_are_what_the_text_says(void **state)
{
    static const char *const cases[][3] = {
        {"int64", "-5", "-5"},
        {"int64", "\"7\"", "7"},
        {"uint64", "18446744073709551615", "18446744073709551615"},
        {"utf8", "\"\\u00e9\\n\"", "\xc3\xa9\n"},
        {"utf8", "null", "null"},
        {"bool", "true", "true"},
        {"list<int32>", "[]", "[]"},
        {"list<int32>", " [ 1 , null , \"3\" ] ", "[1,null,3]"},
        {"list<int32>", "null", "null"},
        {"list<list<utf8>>", "[[\"a\",\"b\"],[],null,[null]]", "[[\"a\",\"b\"],[],null,[null]]"},
        {"struct<x int32, y utf8>", "{\"x\":1,\"y\":\"q\"}", "{\"x\":1,\"y\":\"q\"}"},
        {"struct<x int32, y utf8>", "{\"y\":\"q\",\"x\":1}", "{\"x\":1,\"y\":\"q\"}"},
        {"struct<x int32, y utf8>", "{\"y\":\"q\"}", "{\"x\":null,\"y\":\"q\"}"},
        {"struct<x int32, y utf8>", "{}", "{\"x\":null,\"y\":null}"},
        {"struct<x int32>", "{\"w\":[{\"x\":7}],\"x\":1,\"z\":{\"x\":2}}", "{\"x\":1}"},
        {"struct<x int32>", "{\"z\":0,\"x\":null,\"z\":1}", "{\"x\":null}"},
        {"list<struct<x int32>>", "[{\"x\":1,\"z\":0},{}]", "[{\"x\":1},{\"x\":null}]"},
        {"struct<x list<int8>, y struct<z bool>>", "{\"x\":[1],\"y\":{\"z\":false}}",
         "{\"x\":[1],\"y\":{\"z\":false}}"},
        {"map<utf8, double>", "{\"a\":1.5,\"\":null}", "{\"a\":1.5,\"\":null}"},
        {"map<utf8, double>", "{}", "{}"},
        {"map<int32, list<int32>>", "{\"-7\":[1,2],\"8\":null}",
         "[{\"key\":-7,\"value\":[1,2]},{\"key\":8,\"value\":null}]"},
        {"map<utf8, int32>", "[{\"value\":1,\"key\":\"a\"},{\"key\":\"b\"}]",
         "{\"a\":1,\"b\":null}"},
        {"map<list<int8>, bool>", "[{\"key\":[1],\"value\":true}]",
         "[{\"key\":[1],\"value\":true}]"},
        {"map<date, time32[ms]>", "{\"2001-01-31\":\"06:00:00.001\"}",
         "[{\"key\":\"2001-01-31\",\"value\":\"06:00:00.001\"}]"},
        {"list<map<utf8, struct<x float16>>>", "[{\"a\":{\"x\":0.5}},{}]",
         "[{\"a\":{\"x\":0.5}},{}]"},
        {"struct<x int32!>", "null", "null"},
    };
    struct t *t = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct arena a;
        struct arr_col c;
        struct buf out;
        char want[200];
        arena_init(&a, alloc_system(), 1 << 20);
        buf_init(&out, alloc_system(), 1 << 20);
        struct arr_field field = nested_field(&a, cases[i][0]);
        assert_ok(t, arr_col_init_field(&c, alloc_system(), &field, &t->err));
        assert_ok(t, nested_put(t, &field, cases[i][1], &c));
        assert_ok(t, nested_put(t, &field, cases[i][1], &c));
        t_assert_col_sound(&c);
        nested_print(&c, &out);
        (void)snprintf(want, sizeof want, "%s\n%s\n", cases[i][2], cases[i][2]);
        assert_string_equal((const char *)out.ptr, want);
        arr_col_fini(&c);
        buf_fini(&out);
        arena_fini(&a);
    }
}

struct bad {
    const char *type;
    const char *good;
    const char *text;
    const char *part;
};

static const struct bad bads[] = {
    {"int64", "1", "[1]", "an array, expected a value of int64"},
    {"int64", "1", "1.5", "\"1.5\" is no int64"},
    {"int64", "1", "1 2", "a number, expected the end"},
    {"int64!", "1", "null", "null, and the column may not be"},
    {"list<int32>", "[1]", "{}", "an object, expected a value of list<element: int32>"},
    {"list<int32>", "[1]", "1", "a number, expected a value of list"},
    {"list<int32>", "[1]", "[1,\"x\"]", "[1]: \"x\" is no int32"},
    {"list<int32!>", "[1]", "[1,2,null]", "[2]: null, and the column may not be"},
    {"list<int32>", "[1]", "[1", "expected a comma and a value, or the end of the array"},
    {"list<int32>", "[1]", "[1,]", "expected a comma and a value, or the end of the array"},
    {"list<int32>", "[1]", "[1 2]", "expected a comma and a value, or the end of the array"},
    {"list<int32>", "[1]", "[,]", "expected a value"},
    {"list<list<int32>>", "[[1]]", "[[1],[2,3.5]]", "[1]: [1]: \"3.5\""},
    {"struct<x int32, y utf8>", "{}", "[]", "an array, expected a value of struct<x: int32"},
    {"struct<x int32, y utf8>", "{}", "{\"z\":1,\"X\":2}",
     "none of its members is known; expected \"x\" or others of its type"},
    {"list<struct<x int32>>", "[]", "[{\"x\":1},{\"z\":1}]",
     "[1]: none of its members is known; expected \"x\""},
    {"struct<x int32>", "{}", "{\"x\":1,\"z\":[1,}}", "expected a value"},
    {"struct<x int32, y utf8>", "{}", "{\"x\":1,\"x\":2}", "\"x\" is there twice"},
    {"struct<x int32, y utf8>", "{}", "{\"x\":1,\"y\":2}", "y: a number, expected a value of"},
    {"struct<x int32!, y utf8>", "{\"x\":1}", "{\"y\":\"q\"}", "x is missing, and may not be null"},
    {"struct<x int32!, y utf8>", "{\"x\":1}", "{\"y\":\"q\",\"x\":null}",
     "x: null, and the column may not be"},
    {"struct<x list<struct<y bool>>>", "{}", "{\"x\":[{},{\"y\":1}]}", "x: [1]: y: a number"},
    {"map<utf8, int32>", "{}", "1", "a number, expected a value of map"},
    {"map<utf8, int32>", "{}", "[{\"value\":1}]", "[0]: key is missing, and may not be null"},
    {"map<utf8, int32>", "{}", "[{\"key\":null}]", "[0]: key: null, and the column may not be"},
    {"map<utf8, int32>", "{}", "[null]", "[0]: null, and the column may not be"},
    {"map<list<int8>, int32>", "{}", "{\"[1]\":1}", "entry 0: \"[1]\" is no list"},
    {"map<int32, int32>", "{}", "{\"1\":1,\"q\":2}", "entry 1: \"q\" is no int32"},
    {"map<utf8, int32!>", "{}", "{\"a\":null}", "entry 0: null, and the column may not be"},
    {"map<utf8, list<int8>>", "{}", "{\"a\":[],\"b\":[1,200]}", "entry 1: [1]: \"200\""},
    {"map<utf8, int32>", "{}", "{\"a\" 1}", "expected \":\""},
};

static void what_does_not_fit_is_refused_by_its_path_and_leaves_no_trace(void **state)
{
    struct t *t = *state;
    for (size_t i = 0; i < sizeof bads / sizeof bads[0]; i++) {
        struct arena a;
        struct arr_col c;
        struct arr_col want;
        arena_init(&a, alloc_system(), 1 << 20);
        struct arr_field field = nested_field(&a, bads[i].type);
        assert_ok(t, arr_col_init_field(&c, alloc_system(), &field, &t->err));
        assert_ok(t, arr_col_init_field(&want, alloc_system(), &field, &t->err));
        assert_ok(t, nested_put(t, &field, bads[i].good, &c));
        assert_rc(t, nested_put(t, &field, bads[i].text, &c), SLP_BAD_INPUT);
        assert_err_has(t, bads[i].part);
        arr_col_truncate(&c, 1);
        t_assert_col_sound(&c);
        assert_ok(t, nested_put(t, &field, bads[i].good, &c));
        for (int k = 0; k < 2; k++)
            assert_ok(t, nested_put(t, &field, bads[i].good, &want));
        t_assert_col_equal(&c, &want);
        arr_col_fini(&c);
        arr_col_fini(&want);
        arena_fini(&a);
    }
}

static void depth_is_that_of_the_type(void **state)
{
    struct t *t = *state;
    struct arena a;
    struct arr_col c;
    char type[512] = "";
    char text[512] = "";
    size_t depth = ARR_DEPTH_MAX - 1;
    for (size_t i = 0; i < depth; i++) {
        strcat(type, "list<");
        text[i] = '[';
        text[2 * depth - 1 - i] = ']';
    }
    strcat(type, "int32");
    for (size_t i = 0; i < depth; i++)
        strcat(type, ">");
    arena_init(&a, &t->mem, 1 << 20);
    struct arr_field field = nested_field(&a, type);
    assert_ok(t, arr_col_init_field(&c, &t->mem, &field, &t->err));
    assert_ok(t, nested_put(t, &field, text, &c));
    t_assert_col_sound(&c);
    memmove(text + depth + 1, text + depth, depth);
    text[depth] = '[';
    assert_rc(t, nested_put(t, &field, text, &c), SLP_BAD_INPUT);
    assert_err_has(t, "an array, expected a value of int32");
    arr_col_fini(&c);
    arena_fini(&a);
}

static void what_is_printed_is_read_back(void **state)
{
    struct t *t = *state;
    const struct t_shape shape = {.depth = 5,
                                  .children = 3,
                                  .null_percent = 20,
                                  .list_items = 4,
                                  .without_null = true,
                                  .only_parquet = true};
    for (int i = 0; i < 300; i++) {
        struct arena a;
        struct arr_field field;
        struct arr_col c;
        struct arr_col back;
        arena_init(&a, alloc_system(), 1 << 22);
        t_random_field(t, &a, &shape, "c", &field);
        assert_ok(t, arr_col_init_field(&c, alloc_system(), &field, &t->err));
        assert_ok(t, arr_col_init_field(&back, alloc_system(), &field, &t->err));
        for (int64_t row = 0; row < 20 && arr_type_is_nested(field.type); row++) {
            struct buf text;
            buf_init(&text, alloc_system(), 1 << 20);
            t_random_value(t, &c, &field, &shape);
            if (arr_col_is_null(&c, row))
                assert_ok(t, buf_append(&text, "null", 4, &t->err));
            else
                assert_ok(t, arr_text_format(&c, row, &text, &t->err));
            assert_ok(t, buf_append_u8(&text, 0, &t->err));
            assert_ok(t, nested_put(t, &field, (const char *)text.ptr, &back));
            buf_fini(&text);
        }
        t_assert_col_sound(&back);
        t_assert_col_equal(&c, &back);
        arr_col_fini(&c);
        arr_col_fini(&back);
        arena_fini(&a);
    }
}

static void every_fault_leaves_the_rows_before(void **state)
{
    struct t *t = *state;
    const char *type = "struct<x list<utf8>, y map<utf8, struct<z int64>>>";
    const char *text = "{\"y\":{\"k\\u00e9\":{\"z\":1},\"l\":null},\"x\":[\"a\",null]}";
    T_FAULT_LOOP(t) {
        struct arena a;
        struct arr_col c;
        arena_init(&a, alloc_system(), 1 << 20);
        struct arr_field field = nested_field(&a, type);
        slp_rc rc = arr_col_init_field(&c, &t->mem, &field, &t->err);
        if (rc == SLP_OK) {
            for (int64_t row = 0; row < 3 && rc == SLP_OK; row++) {
                rc = nested_put(t, &field, text, &c);
                arr_col_truncate(&c, rc == SLP_OK ? row + 1 : row);
                t_assert_col_sound(&c);
            }
            arr_col_fini(&c);
        }
        assert_true(rc == SLP_OK || rc == SLP_NO_MEMORY);
        arena_fini(&a);
    }
}

T_MAIN(T_TEST(values_are_what_the_text_says),
       T_TEST(what_does_not_fit_is_refused_by_its_path_and_leaves_no_trace),
       T_TEST(depth_is_that_of_the_type), T_TEST(what_is_printed_is_read_back),
       T_TEST(every_fault_leaves_the_rows_before))
