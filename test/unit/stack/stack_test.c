#include "stack/stack.h"

#include "lib/t.h"
#include "stack/fold.h"
#include "unit/stack/lib.h"

#define FIELD(id, name, type)                                                                      \
    "{\"id\":" id ",\"name\":\"" name "\",\"type\":\"" type "\",\"nullable\":true}"
#define TABLE                                                                                      \
    "{\"fields\":[{\"id\":1,\"name\":\"k\",\"type\":\"string\",\"nullable\":false}," FIELD(        \
        "2", "n",                                                                                  \
        "int64") "," FIELD("3", "d",                                                               \
                           "double") "," FIELD("4", "s",                                           \
                                               "string") "],\"rowKey\":[\"k\"],\"sortKey\":[]}"

static void is_refused(struct fixture *f, const char *engine, const char *filter, const char *text)
{
    struct t *t = f->t;
    struct stack *s = NULL;
    struct slice one = slice_str(filter ? filter : "");
    struct stack_texts texts = {
        .engine = slice_str(engine), .filters = &one, .filter_count = filter != NULL};
    assert_rc(t, stack_new(&t->mem, &f->schema, &texts, &s, &t->err), SLP_INVALID);
    assert_err_has(t, text);
    assert_null(s);
}

static void engines_that_are_wrong_are_shown_with_a_caret(void **state)
{
    struct t *t = *state;
    struct fixture f;
    fixture_init(&f, t, TABLE);
    is_refused(&f, "bog", NULL, "engine: expected an engine: bag, last");
    is_refused(&f, "aggregate(summ: n)", NULL, "unknown operation \"summ\"");
    is_refused(&f, "aggregate(sum: m; last: *)", NULL, "unknown field \"m\"");
    is_refused(&f, "aggregate(sum: m; last: *)", NULL, "\n                 ^");
    is_refused(&f, "aggregate(sum: s; last: *)", NULL, "sum does not go with");
    is_refused(&f, "aggregate(sum: n, n; last: *)", NULL, "field \"n\" has two operations");
    is_refused(&f, "aggregate(sum: n)", NULL, "value field \"d\" has no operation");
    is_refused(&f, "aggregate(sum: n; sum: *)", NULL, "\"*\" means field \"s\" too");
    is_refused(&f, "aggregate(sum: k; last: *)", NULL, "\"k\" is a key field");
    is_refused(&f, "last(order-by: nn)", NULL, "did you mean \"n\"");
    is_refused(&f, "last(n)", NULL, "expected order-by");
    is_refused(&f, "partial(order-by: n)", NULL, "expected the end");
    is_refused(&f, "aggregate(sum: \"n)", NULL, "a quote without its end");
    is_refused(&f, "bag", "ageOff(n)", "expected \",\", not )");
    is_refused(&f, "bag", "ageOff(n, 7 moons)", "expected an age");
    is_refused(&f, "bag", "ageOff(n, 0)", "expected an age");
    is_refused(&f, "bag", "ageOff(s, 5)", "ageOff needs a timestamp");
    is_refused(&f, "bag", "ageOff(n, 5), n > 3", "expected ageOff");
    is_refused(&f, "bag", "m > 3", "filter 1: unknown column \"m\"");
    fixture_fini(&f);
}

static void text_is(struct fixture *f, const char *engine, const char *want)
{
    struct t *t = f->t;
    struct buf out;
    buf_init(&out, &t->mem, 4096);
    fixture_stack(f, engine, NULL);
    assert_ok(t, stack_format(f->stack, &out, &t->err));
    assert_ok(t, buf_append_u8(&out, 0, &t->err));
    assert_string_equal((const char *)out.ptr, want);
    fixture_stack(f, (const char *)out.ptr, NULL);
    buf_clear(&out);
    assert_ok(t, stack_format(f->stack, &out, &t->err));
    assert_int_equal(memcmp(out.ptr, want, strlen(want)), 0);
    buf_fini(&out);
}

static void engines_are_written_as_they_are_read(void **state)
{
    struct fixture f;
    fixture_init(&f, *state, TABLE);
    text_is(&f, "", "bag");
    text_is(&f, " LAST ( order-by : \"n\" ) ", "last(order-by: \"n\")");
    text_is(&f, "Sum(n),max(d) , min(s)", "aggregate(sum: \"n\"; max: \"d\"; min: \"s\")");
    text_is(&f, "aggregate(sum: n, d; last: *)", "aggregate(sum: \"n\"; sum: \"d\"; last: \"s\")");
    fixture_fini(&f);
}

static void order_sensitivity_is_that_of_the_engine(void **state)
{
    struct fixture f;
    fixture_init(&f, *state, TABLE);
    static const struct {
        const char *engine;
        bool is_sensitive;
    } cases[] = {{"bag", false},
                 {"last", true},
                 {"first", true},
                 {"partial", true},
                 {"sum(n,d),min(s)", false},
                 {"sum(n,d),any(s)", true}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fixture_stack(&f, cases[i].engine, NULL);
        assert_int_equal(stack_is_order_sensitive(f.stack, false), cases[i].is_sensitive);
        assert_true(stack_is_order_sensitive(f.stack, true));
    }
    fixture_fini(&f);
}

static void bag_without_deletes_and_filters_costs_nothing(void **state)
{
    struct fixture f;
    fixture_init(&f, *state, TABLE);
    struct stack_options o = {.mode = STACK_COMPACT};
    struct stack_options with_kinds = {.mode = STACK_COMPACT, .form = STACK_KINDS};
    fixture_stack(&f, "bag", NULL);
    assert_true(stack_is_identity(f.stack, &o));
    assert_false(stack_is_identity(f.stack, &with_kinds));
    fixture_stack(&f, "bag", "n > 3");
    assert_false(stack_is_identity(f.stack, &o));
    fixture_stack(&f, "last", NULL);
    assert_false(stack_is_identity(f.stack, &o));
    fixture_fini(&f);
}

static void stacked_is(struct fixture *f, const struct stack_options *o, const char *rows,
                       const char *want)
{
    struct t *t = f->t;
    bool with_kinds = (o->form & STACK_KINDS) != 0;
    for (int64_t block = 1; block < 8; block++) {
        struct run *run = NULL;
        assert_ok(t, stack_open(f->stack, &t->mem, o, fixture_rows(f, rows, with_kinds, block),
                                &run, &t->err));
        fixture_is(f, run, want);
    }
}

/* Rule O5: what put, delete and reset come to, on bag too. */
static void the_guide_of_kinds_holds(void **state)
{
    struct fixture f;
    fixture_init(&f, *state, TABLE);
    static const char rows[] = "a,1,,\na,2,,\n-b,,,\nb,3,,\nb,4,,\nc,5,,\n-c,,,\n=d,6,,\nd,7,,\n";
    struct stack_options keep = {.mode = STACK_COMPACT, .form = STACK_KINDS};
    struct stack_options end = {.mode = STACK_COMPACT, .form = STACK_KINDS, .is_oldest = true};
    struct stack_options ask = {.mode = STACK_QUERY, .form = STACK_KINDS};
    fixture_stack(&f, "bag", NULL);
    stacked_is(&f, &end, rows,
               "\"a\",1,null,null\n\"a\",2,null,null\n\"b\",3,null,null\n\"b\",4,null,null\n"
               "\"d\",6,null,null\n\"d\",7,null,null\n");
    fixture_stack(&f, "last", NULL);
    stacked_is(&f, &ask, rows, "\"a\",2,null,null\n\"b\",4,null,null\n\"d\",7,null,null\n");
    keep.block_rows = 100;
    struct run *run = NULL;
    int64_t counts[STACK_KIND_COUNT];
    struct run_block block = {0};
    struct t *t = *state;
    assert_ok(t,
              stack_open(f.stack, &t->mem, &keep, fixture_rows(&f, rows, true, 3), &run, &t->err));
    assert_ok(t, run_next(run, &block, &t->err));
    assert_ptr_equal(block.batch->schema, &stack_schema(f.stack, STACK_KINDS)->columns);
    stack_counts(run, counts);
    assert_int_equal(counts[STACK_PUT], 1);
    assert_int_equal(counts[STACK_DELETE], 1);
    assert_int_equal(counts[STACK_RESET], 2);
    run_close(run);
    fixture_fini(&f);
}

static void sums_overflow_only_in_answers(void **state)
{
    struct t *t = *state;
    struct fixture f;
    struct stack_options o = {.mode = STACK_COMPACT};
    struct run *run = NULL;
    struct run_block block = {0};
    fixture_init(&f, t, TABLE);
    fixture_stack(&f, "sum(n,d),min(s)", NULL);
    static const char rows[] = "a,9223372036854775807,1e308,\na,5,1e308,\n";
    stacked_is(&f, &o, rows,
               "\"a\",-9223372036854775804,\"Infinity\",null,1,"
               "\"ICjyeuE8cwQA\"\n");
    o.mode = STACK_QUERY;
    assert_ok(t, stack_open(f.stack, &t->mem, &o, fixture_rows(&f, rows, false, 1), &run, &t->err));
    assert_rc(t, run_next(run, &block, &t->err), SLP_LIMIT);
    assert_err_has(t, "the sum of field \"n\" does not fit int64");
    run_close(run);
    stacked_is(&f, &o, "a,9223372036854775807,1e308,\na,5,1e308,\na,-6,-1e308,\n",
               "\"a\",9223372036854775806,1e308,null\n");
    fixture_fini(&f);
}

/* Rules V1 and V2. */
static void filters_stand_where_the_rules_say(void **state)
{
    struct fixture f;
    fixture_init(&f, *state, TABLE);
    static const char rows[] = "a,1,,\nb,2,,\nb,9,,\nb,3,,\nc,8,,\n";
    struct stack_options job = {.mode = STACK_COMPACT};
    struct stack_options oldest = {.mode = STACK_COMPACT, .is_oldest = true};
    struct stack_options ask = {.mode = STACK_QUERY};
    fixture_stack(&f, "last", "n > 5");
    stacked_is(&f, &job, rows,
               "\"a\",null,null,null,1\n\"b\",null,null,null,1\n"
               "\"c\",8,null,null,0\n");
    stacked_is(&f, &oldest, rows, "\"c\",8,null,null\n");
    fixture_stack(&f, "first", "n > 5");
    stacked_is(&f, &job, rows, "\"a\",1,null,null\n\"b\",2,null,null\n\"c\",8,null,null\n");
    stacked_is(&f, &ask, rows, "\"c\",8,null,null\n");
    fixture_stack(&f, "bag", "n > 5");
    stacked_is(&f, &job, rows, "\"b\",9,null,null\n\"c\",8,null,null\n");
    fixture_stack(&f, "sum(n,d),max(s)", "k <> 'b'");
    stacked_is(&f, &job, rows, "\"a\",1,null,null\n\"c\",8,null,null\n");
    fixture_stack(&f, "bag", "ageOff(n, 2 ms), ageoff ( n , 100 )");
    ask.now_ms = 10;
    stacked_is(&f, &ask, rows, "\"b\",9,null,null\n");
    fixture_fini(&f);
}

static void a_purge_by_value_leaves_deletes(void **state)
{
    struct t *t = *state;
    struct fixture f;
    const struct pred *where = NULL;
    struct run *run = NULL;
    fixture_init(&f, t, TABLE);
    fixture_stack(&f, "bag", NULL);
    assert_ok(
        t, pred_compile(slice_str("n = 1"), &f.schema.columns, NULL, 0, &f.arena, &where, &t->err));
    struct stack_purge purge = {.at = {.frame = 5}, .where = where};
    struct stack_input in = {
        .form = STACK_KINDS, .to_form = STACK_KINDS, .purges = &purge, .purge_count = 1};
    assert_ok(t, stack_input(f.stack, &t->mem, &in,
                             fixture_rows(&f, "a,1,,\n=b,1,,\nb,2,,\n-c,,,\n", true, 9), &run,
                             &t->err));
    fixture_is(&f, run, "\"b\",null,null,null,1\n\"b\",2,null,null,0\n\"c\",null,null,null,1\n");
    assert_ok(t, stack_purge_check(f.stack, where, &t->err));
    fixture_stack(&f, "last", NULL);
    assert_rc(t, stack_purge_check(f.stack, where, &t->err), SLP_INVALID);
    assert_err_has(t, "\"n\" is none");
    fixture_fini(&f);
}

static void purges_are_those_between_mark_and_position(void **state)
{
    (void)state;
    struct stack_purge p[] = {{.at = {.frame = 1}},
                              {.at = {.frame = 3, .index = 1}},
                              {.at = {.frame = 3, .index = 2}},
                              {.at = {.frame = 7}},
                              {.at = {.frame = 8}}};
    struct stack_position mark = {.frame = 3, .index = 1};
    struct stack_position until = {.frame = 7};
    assert_int_equal(stack_purges_between(p, 5, mark, until), 2);
    assert_int_equal(p[0].at.frame, 3);
    assert_int_equal(p[0].at.index, 2);
    assert_int_equal(p[1].at.frame, 7);
}

static void a_kind_that_is_none_is_corrupt(void **state)
{
    struct t *t = *state;
    struct fixture f;
    struct run *run = NULL;
    struct run_block block = {0};
    struct stack_options o = {.mode = STACK_QUERY, .form = STACK_KINDS};
    fixture_init(&f, t, TABLE);
    fixture_stack(&f, "last", NULL);
    struct run *rows = fixture_rows(&f, "a,1,,\nb,2,,\n", true, 9);
    f.batch.cols[4].data.ptr[1] = 7;
    assert_ok(t, stack_open(f.stack, &t->mem, &o, rows, &run, &t->err));
    assert_rc(t, run_next(run, &block, &t->err), SLP_CORRUPT);
    assert_err_has(t, "_sleeper_kind, row 1");
    run_close(run);
    fixture_fini(&f);
}

static slp_rc one_pass(struct fixture *f, struct buf *out)
{
    struct t *t = f->t;
    struct stack *s = NULL;
    struct run *run = NULL;
    struct slice filter = slice_str("d IS NULL");
    struct stack_texts texts = {
        .engine = slice_str("sum(n,d),min(s)"), .filters = &filter, .filter_count = 1};
    struct stack_options o = {.mode = STACK_QUERY, .form = STACK_KINDS};
    slp_rc rc = stack_new(&t->mem, &f->schema, &texts, &s, &t->err);
    f->run.first = 0;
    struct stack_input in = {.form = STACK_KINDS, .to_form = STACK_KINDS | STACK_CARRIES};
    o.form = in.to_form;
    struct run *input = &f->run.base;
    if (rc == SLP_OK)
        rc = stack_input(s, &t->mem, &in, input, &input, &t->err);
    if (rc == SLP_OK)
        rc = stack_open(s, &t->mem, &o, input, &run, &t->err);
    if (rc == SLP_OK)
        rc = fixture_text(f, run, out);
    run_close(run);
    stack_free(s);
    return rc;
}

static void stacks_survive_every_fault(void **state)
{
    struct t *t = *state;
    struct fixture f;
    fixture_init(&f, t, TABLE);
    fixture_stack(&f, "sum(n,d),min(s)", NULL);
    (void)fixture_rows(&f, "a,1,,x\na,2,1.5,y\n-b,,,\nc,3,0.1,\nc,4,0.2,\n", true, 2);
    T_FAULT_LOOP(t) {
        struct buf out;
        buf_init(&out, &t->mem, 1 << 20);
        slp_rc rc = one_pass(&f, &out);
        assert_true(t->fault_hit ? rc != SLP_DONE : rc == SLP_DONE);
        buf_fini(&out);
    }
    fixture_fini(&f);
}

T_MAIN(T_TEST(engines_that_are_wrong_are_shown_with_a_caret),
       T_TEST(engines_are_written_as_they_are_read),
       T_TEST(order_sensitivity_is_that_of_the_engine),
       T_TEST(bag_without_deletes_and_filters_costs_nothing), T_TEST(the_guide_of_kinds_holds),
       T_TEST(sums_overflow_only_in_answers), T_TEST(filters_stand_where_the_rules_say),
       T_TEST(a_purge_by_value_leaves_deletes), T_TEST(purges_are_those_between_mark_and_position),
       T_TEST(a_kind_that_is_none_is_corrupt), T_TEST(stacks_survive_every_fault))
