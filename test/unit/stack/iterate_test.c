#include "stack/iterate.h"

#include "lib/t.h"
#include "stack/iterate_priv.h"
#include "stack/upstream.h"
#include "unit/stack/lib.h"

#define FIELD(id, name, type)                                                                      \
    "{\"id\":" id ",\"name\":\"" name "\",\"type\":\"" type "\",\"nullable\":true}"
#define TABLE                                                                                      \
    "{\"fields\":[{\"id\":1,\"name\":\"k\",\"type\":\"string\",\"nullable\":false}," FIELD(        \
        "2", "n",                                                                                  \
        "int64") "," FIELD("3", "d",                                                               \
                           "double") "," FIELD("4", "s",                                           \
                                               "string") "],\"rowKey\":[\"k\"],\"sortKey\":[]}"
#define ROWS "a,1,0.5,x\na,3,,y\na,2,,\nb,7,1.5,x&y\nc,5,,x|z\nc,5,,z\n"

static void yields(struct fixture *f, const char *text, const char *want)
{
    struct t *t = f->t;
    struct slice one = slice_str(text);
    struct stack_iters *it = NULL;
    assert_ok(t, stack_iters_new(&t->mem, &f->schema, &one, 1, &it, &t->err));
    for (int64_t rows = 1; rows < 7; rows++) {
        struct run *run = NULL;
        assert_ok(t,
                  stack_iters_open(it, &t->mem, fixture_rows(f, ROWS, false, rows), &run, &t->err));
        fixture_is(f, run, want);
    }
    stack_iters_free(it);
}

static void iterators_do_what_the_guide_says(void **state)
{
    struct fixture f;
    fixture_init(&f, *state, TABLE);
    yields(&f, "project(n, k)", "1,\"a\"\n3,\"a\"\n2,\"a\"\n7,\"b\"\n5,\"c\"\n5,\"c\"\n");
    yields(&f, "filter(n >= 5 AND (s = 'z' OR d > 1)); project(n)", "7\n5\n");
    yields(&f, "top(2, n desc); project(k, n)", "\"a\",3\n\"a\",2\n\"b\",7\n\"c\",5\n\"c\",5\n");
    yields(&f, "top(1);project(k,n)", "\"a\",1\n\"b\",7\n\"c\",5\n");
    yields(&f, "dedupe(n); project(k, n)", "\"a\",1\n\"a\",2\n\"a\",3\n\"b\",7\n\"c\",5\n");
    yields(&f, "redact(s, x); project(n)", "1\n2\n5\n");
    yields(&f, "redact(s, x, y); project(n)", "1\n3\n2\n7\n5\n");
    yields(&f, "map(m = n * 2 + 1, n = d); project(m, n); filter(m < 7)", "3,0.5\n5,null\n");
    yields(&f, "map(q = (n + d) / 2); project(q)", "0.75\nnull\nnull\n4.25\nnull\nnull\n");
    yields(&f, "map(is = n > 2, t = 'a;''b'); project(is, t); dedupe(is); top(1)",
           "false,\"a;'b\"\ntrue,\"a;'b\"\ntrue,\"a;'b\"\n");
    yields(&f, "sample(1); sample(0)", "");
    yields(&f, " ",
           "\"a\",1,0.5,\"x\"\n\"a\",3,null,\"y\"\n\"a\",2,null,null\n"
           "\"b\",7,1.5,\"x&y\"\n\"c\",5,null,\"x|z\"\n\"c\",5,null,\"z\"\n");
    fixture_fini(&f);
}

static void iterators_that_are_wrong_are_shown_with_a_caret(void **state)
{
    struct t *t = *state;
    static const struct {
        const char *text;
        const char *says;
    } cases[] = {
        {"toop(2)", "unknown iterator \"toop\""},
        {"top(x)", "expected a number of rows"},
        {"top(2, m)", "unknown field \"m\""},
        {"project()", "expected the name of a field"},
        {"project(k, k)", "field \"k\" twice"},
        {"filter(m = 1)", "iterator 1: unknown column \"m\""},
        {"project(k); filter(n = 1)", "iterator 2: unknown column \"n\""},
        {"sample(2)", "a fraction from 0 to 1"},
        {"redact(n, a)", "a visibility is a text"},
        {"map(x)", "expected \"=\" and an expression"},
        {"map(x = n +)", "expected a field, a number or \"(\""},
        {"map(x = n + s)", "expected a field of numbers"},
        {"map(x = n n)", "expected the end"},
        {"map(x = m + 1)", "unknown field \"m\""},
        {"map(x = (n", "a bracket without its end"},
    };
    struct fixture f;
    fixture_init(&f, t, TABLE);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct slice one = slice_str(cases[i].text);
        struct stack_iters *it = NULL;
        assert_rc(t, stack_iters_new(&t->mem, &f.schema, &one, 1, &it, &t->err), SLP_INVALID);
        assert_err_has(t, cases[i].says);
        assert_err_has(t, "^");
    }
    fixture_fini(&f);
}

static void an_expression_that_overflows_says_where(void **state)
{
    struct t *t = *state;
    static const struct {
        const char *text;
        const char *says;
    } cases[] = {
        {"map(x = n * 9223372036854775807)", "map of \"x\": row 1: the result is beyond int64"},
        {"map(x = 1 / (n - 3))", "row 1: division by zero"},
        {"map(x = n % 0)", "row 0: division by zero"},
    };
    struct fixture f;
    fixture_init(&f, t, TABLE);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct slice one = slice_str(cases[i].text);
        struct stack_iters *it = NULL;
        struct run *run = NULL;
        struct run_block block = {0};
        assert_ok(t, stack_iters_new(&t->mem, &f.schema, &one, 1, &it, &t->err));
        assert_ok(t,
                  stack_iters_open(it, &t->mem, fixture_rows(&f, ROWS, false, 9), &run, &t->err));
        assert_rc(t, run_next(run, &block, &t->err), SLP_INVALID);
        assert_err_has(t, cases[i].says);
        run_close(run);
        stack_iters_free(it);
    }
    fixture_fini(&f);
}

static void visibilities_fail_closed(void **state)
{
    (void)state;
    static const struct slice labels[] = {{(const uint8_t *)"a", 1}, {(const uint8_t *)"b", 1}};
    static const struct {
        const char *text;
        bool visible;
    } cases[] = {{"", true},      {"  ", true},       {"a", true},       {"c", false},
                 {"a&b", true},   {"a&c", false},     {"a|c", true},     {"c|d", false},
                 {"c&d|b", true}, {"c&(d|b)", false}, {"(c|a)&b", true}, {"a&", false},
                 {"(a", false},   {"a)", false},      {"a b", false},    {"\"a\"", true},
                 {"\"a", false},  {"|a", false},      {"ab", false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(stack_iter_is_visible(slice_str(cases[i].text), labels, 2),
                         cases[i].visible);
    char deep[200];
    memset(deep, '(', sizeof deep);
    assert_false(stack_iter_is_visible(slice_of(deep, sizeof deep), labels, 2));
}

static void upstreams_properties_are_translated(void **state)
{
    struct t *t = *state;
    struct arena a;
    struct stack_translated out = {0};
    arena_init(&a, &t->mem, 1 << 20);
    struct stack_upstream in = {.aggregations = slice_str("sum(count),max(x)"),
                                .filters = slice_str("ageOff(ts,604800000)")};
    assert_ok(t, stack_upstream(&in, &a, &out, &t->err));
    assert_true(slice_is(out.engine, "aggregate(sum(count),max(x))"));
    assert_true(slice_is(out.filter, "ageOff(ts,604800000)"));
    in = (struct stack_upstream){.iterator_class =
                                     slice_str("sleeper.core.iterator.impl.AgeOffIterator"),
                                 .iterator_config = slice_str("ts, 1000")};
    assert_ok(t, stack_upstream(&in, &a, &out, &t->err));
    assert_true(slice_is(out.second_filter, "ageOff(\"ts\", 1000)"));
    in.iterator_class = slice_str("SecurityFilteringIterator");
    in.iterator_config = slice_str("vis,public, secret");
    assert_ok(t, stack_upstream(&in, &a, &out, &t->err));
    assert_true(slice_is(out.iterator, "redact(\"vis\", \"public\", \"secret\")"));
    in.iterator_class = slice_str("AdditionIterator");
    assert_ok(t, stack_upstream(&in, &a, &out, &t->err));
    assert_true(slice_is(out.engine, "aggregate(sum: *)"));
    in.iterator_class = slice_str("org.me.Mine");
    assert_rc(t, stack_upstream(&in, &a, &out, &t->err), SLP_UNSUPPORTED);
    assert_err_has(t, "org.me.Mine");
    arena_fini(&a);
}

static slp_rc run_once(struct fixture *f, struct buf *out)
{
    struct t *t = f->t;
    struct stack_iters *it = NULL;
    struct run *run = NULL;
    struct slice one = slice_str("map(m = n + 1.5); top(2, m desc); redact(s, x); filter(m > 2); "
                                 "project(k, m); sample(0.9)");
    slp_rc rc = stack_iters_new(&t->mem, &f->schema, &one, 1, &it, &t->err);
    f->run.first = 0;
    if (rc == SLP_OK)
        rc = stack_iters_open(it, &t->mem, &f->run.base, &run, &t->err);
    if (rc == SLP_OK)
        rc = fixture_text(f, run, out);
    run_close(run);
    stack_iters_free(it);
    return rc;
}

static void iterators_survive_every_fault(void **state)
{
    struct t *t = *state;
    struct fixture f;
    fixture_init(&f, t, TABLE);
    (void)fixture_rows(&f, ROWS, false, 2);
    T_FAULT_LOOP(t) {
        struct buf out;
        buf_init(&out, &t->mem, 1 << 20);
        slp_rc rc = run_once(&f, &out);
        assert_true(t->fault_hit ? rc != SLP_DONE : rc == SLP_DONE);
        buf_fini(&out);
    }
    fixture_fini(&f);
}

static void a_run_is_a_stream(void **state)
{
    struct t *t = *state;
    struct fixture f;
    struct arr_stream *stream = NULL;
    struct arr_batch batch = {0};
    fixture_init(&f, t, TABLE);
    assert_ok(t, stack_stream(&t->mem, &f.schema.columns, fixture_rows(&f, ROWS, false, 4), &stream,
                              &t->err));
    assert_ok(t, arr_stream_next(stream, &batch, &t->err));
    assert_int_equal(batch.rows, 4);
    assert_ok(t, arr_stream_next(stream, &batch, &t->err));
    assert_int_equal(batch.rows, 2);
    assert_rc(t, arr_stream_next(stream, &batch, &t->err), SLP_DONE);
    arr_batch_fini(&batch);
    arr_stream_close(stream);
    fixture_fini(&f);
}

T_MAIN(T_TEST(iterators_do_what_the_guide_says),
       T_TEST(iterators_that_are_wrong_are_shown_with_a_caret),
       T_TEST(an_expression_that_overflows_says_where), T_TEST(visibilities_fail_closed),
       T_TEST(upstreams_properties_are_translated), T_TEST(iterators_survive_every_fault),
       T_TEST(a_run_is_a_stream))
