#include "base/json.h"

#include "lib/t.h"

static const char document[] =
    "{\"name\": \"a\\u00e9\\n\", \"list\": [1, -2.5, true, null, []], \"big\": "
    "9223372036854775807, \"none\": {}}";

static void a_document_becomes_a_tree(void **state)
{
    struct t *t = *state;
    struct arena a;
    arena_init(&a, &t->mem, 1 << 20);
    struct json doc = {0};
    assert_ok(t, json_parse(slice_str(document), &a, &doc, &t->err));
    assert_int_equal(doc.count, 4);
    assert_true(slice_is(doc.names[0], "name"));
    const struct json *value = NULL;
    assert_ok(t, json_need(&doc, "name", JSON_IS_TEXT, &value, &t->err));
    assert_true(slice_is(value->text, "a\xc3\xa9\n"));
    assert_ok(t, json_need(&doc, "list", JSON_IS_ARRAY, &value, &t->err));
    assert_int_equal(value->count, 5);
    assert_int_equal(value->items[0].integer, 1);
    assert_true(value->items[1].real == -2.5);
    assert_true(value->items[2].kind == JSON_IS_BOOL && value->items[2].is_true);
    assert_int_equal(value->items[3].kind, JSON_IS_NULL);
    assert_int_equal(value->items[4].count, 0);
    assert_ok(t, json_need(&doc, "big", JSON_IS_REAL, &value, &t->err));
    assert_true(value->integer == INT64_MAX);
    assert_ok(t, json_may(&doc, "absent", JSON_IS_TEXT, &value, &t->err));
    assert_null(value);
    arena_fini(&a);
}

static void what_is_no_json_is_refused_with_its_place(void **state)
{
    struct t *t = *state;
    static const struct {
        const char *text;
        const char *says;
    } cases[] = {
        {"", "no valid JSON: line 1"},
        {"{\"a\": 1,\n  \"b\" 2}", "line 2 column 7"},
        {"{\"a\": 1, \"a\": 2}", "duplicate"},
        {"[1, 2] 3", "line 1 column 8"},
        {"\"\\u0000\"", "\\u0000"},
        {"123456789012345678901234567890", "too big"},
        {"\"\xff\"", "unable to decode byte 0xff"},
    };
    struct arena a;
    arena_init(&a, &t->mem, 1 << 20);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct json doc = {.integer = 77};
        assert_rc(t, json_parse(slice_str(cases[i].text), &a, &doc, &t->err), SLP_INVALID);
        assert_err_has(t, cases[i].says);
        assert_int_equal(doc.integer, 77);
    }
    arena_fini(&a);
}

static void nesting_has_a_limit(void **state)
{
    struct t *t = *state;
    struct arena a;
    arena_init(&a, &t->mem, 1 << 20);
    char text[200];
    memset(text, '[', 100);
    memset(text + 100, ']', 100);
    struct json doc = {0};
    assert_rc(t, json_parse(slice_of(text, 200), &a, &doc, &t->err), SLP_LIMIT);
    assert_ok(t, json_parse(slice_of(text + 40, 120), &a, &doc, &t->err));
    arena_fini(&a);
}

static void members_are_named_when_they_are_wrong(void **state)
{
    struct t *t = *state;
    struct arena a;
    arena_init(&a, &t->mem, 1 << 20);
    struct json doc = {0};
    const struct json *value = NULL;
    assert_ok(t, json_parse(slice_str("{\"nmae\": 3}"), &a, &doc, &t->err));
    assert_rc(t, json_need(&doc, "name", JSON_IS_TEXT, &value, &t->err), SLP_INVALID);
    assert_err_has(t, "member \"name\" is missing, expected a text");
    assert_rc(t, json_may(&doc, "nmae", JSON_IS_TEXT, &value, &t->err), SLP_INVALID);
    assert_err_has(t, "member \"nmae\" is an integer, expected a text");
    static const char *const names[] = {"id", "name"};
    assert_rc(t, json_only(&doc, names, 2, &t->err), SLP_INVALID);
    assert_err_has(t, "unknown member \"nmae\"; did you mean \"name\"?");
    assert_rc(t, json_only(&doc, names, 1, &t->err), SLP_INVALID);
    assert_string_equal(t->err.text, "unknown member \"nmae\"");
    arena_fini(&a);
}

static void written_text_is_read_back(void **state)
{
    struct t *t = *state;
    struct arena a;
    struct buf b;
    arena_init(&a, &t->mem, 1 << 20);
    buf_init(&b, &t->mem, 1 << 16);
    char text[128];
    for (int i = 1; i < 128; i++)
        text[i - 1] = (char)i;
    struct slice all = slice_of(text, 127);
    struct json doc = {0};
    assert_ok(t, json_write_text(&b, all, &t->err));
    assert_ok(t, json_parse(buf_slice(&b), &a, &doc, &t->err));
    assert_true(slice_equal(doc.text, all));
    buf_clear(&b);
    assert_ok(t, json_write_text(&b, slice_str("\x01\"\\\n\xc3\xa9/"), &t->err));
    assert_true(slice_is(buf_slice(&b), "\"\\u0001\\\"\\\\\\n\xc3\xa9/\""));
    buf_fini(&b);
    arena_fini(&a);
}

static void every_fault_is_an_error(void **state)
{
    struct t *t = *state;
    T_FAULT_LOOP(t) {
        struct arena a;
        struct buf b;
        arena_init(&a, &t->mem, 1 << 20);
        buf_init(&b, &t->mem, 1 << 20);
        struct json doc = {.integer = 77};
        char text[600];
        memset(text, '"', sizeof text);
        slp_rc rc = json_parse(slice_str(document), &a, &doc, &t->err);
        if (rc == SLP_OK)
            rc = json_write_text(&b, slice_of(text, sizeof text), &t->err);
        assert_int_equal(rc, t->fault_hit ? SLP_NO_MEMORY : SLP_OK);
        if (rc != SLP_OK)
            assert_int_equal(b.len, 0);
        buf_fini(&b);
        arena_fini(&a);
    }
}

T_MAIN(T_TEST(a_document_becomes_a_tree), T_TEST(what_is_no_json_is_refused_with_its_place),
       T_TEST(nesting_has_a_limit), T_TEST(members_are_named_when_they_are_wrong),
       T_TEST(written_text_is_read_back), T_TEST(every_fault_is_an_error))
