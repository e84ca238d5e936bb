#include <stdio.h>

#include "predicate/predicate.h"
#include "unit/rows/nested.h"

/* s struct<a, in struct<v>, "b.c">, l list, m map, n.x, "n", x.y struct<z>, A struct, a struct */
struct sample {
    struct arena arena;
    struct arr_field fields[9];
    struct arr_schema schema;
};

static void make_sample(struct sample *s)
{
    static const char *const columns[][2] = {
        {"s", "struct<a int32, nest struct<v double, W utf8>, b.c utf8>"},
        {"l", "list<struct<a int32>>"},
        {"m", "map<utf8, int32>"},
        {"n.x", "int32"},
        {"n", "struct<x utf8, y int32>"},
        {"x.y", "struct<z int32>"},
        {"Up", "struct<Q int32, q int32>"},
        {"t", "time32[ms]"},
        {"k", "int32"},
    };
    arena_init(&s->arena, alloc_system(), 1 << 20);
    for (size_t i = 0; i < 9; i++) {
        s->fields[i] = nested_field(&s->arena, columns[i][1]);
        s->fields[i].name = columns[i][0];
        s->fields[i].nullable = true;
    }
    s->schema = (struct arr_schema){.fields = s->fields, .count = 9};
}

static void names_find_columns_before_members(void **state)
{
    static const char *const cases[][2] = {
        {"s.a = 1", "\"s\".\"a\" = 1"},
        {"S.A = 1", "\"s\".\"a\" = 1"},
        {"\"s\".\"nest\".v < 1e0", "\"s\".\"nest\".\"v\" < 1e0"},
        {"s.nest.w LIKE 'a%'", "\"s\".\"nest\".\"W\" LIKE 'a%'"},
        {"s.\"b.c\" = 'x'", "\"s\".\"b.c\" = 'x'"},
        {"n.x = 1", "\"n.x\" = 1"},
        {"n.y = 1", "\"n\".\"y\" = 1"},
        {"x.y.z IN (1, 2)", "\"x.y\".\"z\" IN (1, 2)"},
        {"\"x.y\".z = 1", "\"x.y\".\"z\" = 1"},
        {"up.\"Q\" = Up.q", "\"Up\".\"Q\" = \"Up\".\"q\""},
        {"s.a = s.a", "\"s\".\"a\" = \"s\".\"a\""},
        {"l IS NULL OR NOT m IS NULL", "\"l\" IS NULL OR \"m\" IS NOT NULL"},
        {"s.nest IS NOT NULL", "\"s\".\"nest\" IS NOT NULL"},
        {"t IS NULL", "\"t\" IS NULL"},
        {"s.a BETWEEN k AND 7", "\"s\".\"a\" >= \"k\" AND \"s\".\"a\" <= 7"},
    };
    struct t *t = *state;
    struct sample s;
    make_sample(&s);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct pred *p = NULL;
        struct buf text;
        buf_init(&text, &t->mem, 1000);
        assert_ok(t,
                  pred_compile(slice_str(cases[i][0]), &s.schema, NULL, 0, &s.arena, &p, &t->err));
        assert_ok(t, pred_format(p, &text, &t->err));
        assert_ok(t, buf_append_u8(&text, 0, &t->err));
        assert_string_equal((const char *)text.ptr, cases[i][1]);
        /* What is written names the same. */
        assert_ok(t,
                  pred_compile(slice_str(cases[i][1]), &s.schema, NULL, 0, &s.arena, &p, &t->err));
        buf_fini(&text);
    }
    arena_fini(&s.arena);
}

static void what_names_nothing_is_told_by_its_place(void **state)
{
    static const struct {
        const char *text;
        slp_rc rc;
        const char *part;
    } cases[] = {
        {"\"s.a\" = 1", SLP_INVALID, "unknown column \"s.a\""},
        {"s.b = 1", SLP_INVALID,
         "\"s\" has no member \"b\"; did you mean \"a\"?\n  s.b = 1\n  ^~~"},
        {"s.nest.longer = 1", SLP_INVALID, "\"nest\" has no member \"longer\"; members: v, W\n"},
        {"k.a = 1", SLP_INVALID, "\"k\" has no member \"a\": it is no struct, it is int32\n"},
        {"l.a = 1", SLP_INVALID,
         "\"l\" has no member \"a\": it is no struct, it is list<element: struct<a: int32>>\n"},
        {"m.q = 1", SLP_INVALID, "it is no struct, it is map<string, int32>\n"},
        {"up.Q.z = 1", SLP_INVALID, "\"Q\" has no member \"z\": it is no struct"},
        {"up.\"qQ\" = 1", SLP_INVALID, "\"Up\" has no member \"qQ\""},
        {"x.z = 1", SLP_INVALID, "unknown column \"x.z\""},
        {"s = 1", SLP_UNSUPPORTED, "conditions take IS NULL of it, and its members, as s.a\n"},
        {"s.nest = 1", SLP_UNSUPPORTED, "and its members, as nest.v\n"},
        {"l = 1", SLP_UNSUPPORTED, "of which conditions take IS NULL alone\n  l = 1\n  ^"},
        {"t = '06:00:00'", SLP_UNSUPPORTED,
         "has type time32[ms], of which conditions take IS NULL"},
        {"m[1] = 1", SLP_UNSUPPORTED, "taking items of lists and maps by [ is not supported yet"},
        {"s.a = 'x'", SLP_INVALID, "\"a\""},
    };
    struct t *t = *state;
    struct sample s;
    make_sample(&s);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct pred *p = NULL;
        assert_rc(t,
                  pred_compile(slice_str(cases[i].text), &s.schema, NULL, 0, &s.arena, &p, &t->err),
                  cases[i].rc);
        assert_err_has(t, cases[i].part);
        assert_null(p);
    }
    arena_fini(&s.arena);
}

/* Two members that differ by case only. */
static void members_equal_but_for_case_are_asked_for(void **state)
{
    struct t *t = *state;
    struct sample s;
    const struct pred *p = NULL;
    make_sample(&s);
    s.fields[6].children[1].name = "qq";
    s.fields[6].children[0].name = "QQ";
    assert_rc(t, pred_compile(slice_str("up.Qq = 1"), &s.schema, NULL, 0, &s.arena, &p, &t->err),
              SLP_INVALID);
    assert_err_has(t, "could be any of QQ, qq; write the one you mean in double quotes");
    arena_fini(&s.arena);
}

static void members_are_bounded(void **state)
{
    struct t *t = *state;
    struct sample s;
    struct buf text;
    struct arr_field many[1100];
    char names[1100][8];
    const struct pred *p = NULL;
    make_sample(&s);
    buf_init(&text, &t->mem, 1 << 16);
    for (size_t i = 0; i < 1100; i++) {
        (void)snprintf(names[i], sizeof names[i], "m%zu", i);
        many[i] = (struct arr_field){.name = names[i], .type = {.kind = ARR_INT32}};
        assert_ok(t, buf_printf(&text, &t->err, "%ss.m%zu = 1", i ? " OR " : "", i));
    }
    s.fields[0].children = many;
    s.fields[0].child_count = 1100;
    assert_rc(t, pred_compile(buf_slice(&text), &s.schema, NULL, 0, &s.arena, &p, &t->err),
              SLP_LIMIT);
    assert_err_has(t, "a condition over more than 1024 members of structs");
    buf_fini(&text);
    arena_fini(&s.arena);
}

/* {"a":7,"nest":null,...}, and a null that holds an 8. */
static void fill(struct t *t, const struct sample *s, struct arr_batch *batch)
{
    assert_ok(t, arr_batch_init(batch, alloc_system(), &s->schema, &t->err));
    const uint8_t has_struct = 1;
    struct arr_col *c = &batch->cols[0];
    assert_ok(t, arr_col_append_i64(&c->children[0], 7, &t->err));
    assert_ok(t, arr_col_append_i64(&c->children[0], 8, &t->err));
    for (size_t i = 1; i < 3; i++)
        assert_ok(t, arr_col_append_nulls(&c->children[i], 2, &t->err));
    assert_ok(t, arr_col_append_structs(c, 2, &has_struct, 0, &t->err));
    batch->rows = 2;
}

static void every_fault_is_told(void **state)
{
    struct t *t = *state;
    struct sample s;
    struct arr_batch batch = {0};
    make_sample(&s);
    fill(t, &s, &batch);
    T_FAULT_LOOP(t) {
        struct arena a;
        const struct pred *p = NULL;
        uint8_t truth[2] = {9, 9};
        struct slice text = slice_str("s.a = 7 AND s.nest.W IS NULL");
        arena_init(&a, &t->mem, 1 << 20);
        slp_rc rc = pred_compile(text, &s.schema, NULL, 0, &a, &p, &t->err);
        if (rc == SLP_OK)
            rc = pred_eval(p, &batch, &t->mem, truth, &t->err);
        assert_int_equal(rc, t->fault_hit ? SLP_NO_MEMORY : SLP_OK);
        if (rc == SLP_OK)
            assert_true(truth[0] == PRED_TRUE && truth[1] == PRED_UNKNOWN);
        arena_fini(&a);
    }
    arr_batch_fini(&batch);
    arena_fini(&s.arena);
}

T_MAIN(T_TEST(names_find_columns_before_members), T_TEST(what_names_nothing_is_told_by_its_place),
       T_TEST(members_equal_but_for_case_are_asked_for), T_TEST(members_are_bounded),
       T_TEST(every_fault_is_told))
