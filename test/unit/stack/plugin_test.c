#include "sleeper/plugin.h"

#include <stdio.h>

#include "lib/t.h"
#include "unit/stack/lib.h"

#define TABLE                                                                                      \
    "{\"fields\":[{\"id\":1,\"name\":\"k\",\"type\":\"string\",\"nullable\":false},"               \
    "{\"id\":2,\"name\":\"x\",\"type\":\"int64\",\"nullable\":true}],"                             \
    "\"rowKey\":[\"k\"],\"sortKey\":[]}"

static slp_rc load(struct fixture *f, const char *plugin, const char *config,
                   struct stack_iters **out)
{
    char text[512];
    (void)snprintf(text, sizeof text, "plugin(\"" PLUGIN_FOLDER "/%s.so\", %s)", plugin, config);
    struct slice one = slice_str(text);
    return stack_iters_new(&f->t->mem, &f->schema, &one, 1, out, &f->t->err);
}

static void example_sums_each_key(void **state)
{
    struct t *t = *state;
    struct fixture f;
    struct stack_iters *it = NULL;
    bool used[2] = {false, false};
    const bool wanted[2] = {true, true};
    struct arena arena;
    arena_init(&arena, &t->mem, 1 << 16);
    fixture_init(&f, t, TABLE);
    assert_ok(t, load(&f, "key_sums", "x", &it));
    assert_int_equal(stack_iters_schema(it)->count, 2);
    assert_string_equal(stack_iters_schema(it)->fields[0].name, "sum");
    assert_ok(t, stack_iters_needs(it, wanted, &arena, used, &t->err));
    arena_fini(&arena);
    assert_false(used[0]);
    assert_true(used[1]);
    for (int64_t rows = 1; rows < 6; rows++) {
        struct run *run = NULL;
        assert_ok(t, stack_iters_open(it, &t->mem,
                                      fixture_rows(&f, "a,1\nb,2\nb,3\nb,\nc,\n", false, rows),
                                      &run, &t->err));
        fixture_is(&f, run, "1,1\n5,3\n0,1\n");
    }
    stack_iters_free(it);
    fixture_fini(&f);
}

static void what_cannot_be_loaded_is_named(void **state)
{
    struct t *t = *state;
    struct fixture f;
    struct stack_iters *it = NULL;
    fixture_init(&f, t, TABLE);
    assert_rc(t, load(&f, "missing", "", &it), SLP_NOT_FOUND);
    assert_err_has(t, "missing.so");
    assert_rc(t, load(&f, "newer", "", &it), SLP_UNSUPPORTED);
    assert_err_has(t, "newer.so\" has version 99");
    assert_rc(t, load(&f, "stranger", "", &it), SLP_INVALID);
    assert_err_has(t, "exports no function sleeper_plugin");
    assert_rc(t, load(&f, "key_sums", "k", &it), SLP_BAD_INPUT);
    assert_err_has(t, "key_sums.so\": open: there is no int64 field \"k\"");
    assert_rc(t, load(&f, "misbehaves", "open", &it), SLP_BAD_INPUT);
    assert_err_has(t, "open: xxx");
    assert_rc(t, load(&f, "misbehaves", "needs", &it), SLP_INVALID);
    assert_err_has(t, "needs field \"nowhere\"");
    assert_rc(t, load(&f, "misbehaves", "per", &it), SLP_INVALID);
    assert_err_has(t, "it works per 7");
    assert_rc(t, load(&f, "misbehaves", "schema", &it), SLP_UNSUPPORTED);
    assert_err_has(t, "the schema it yields");
    fixture_fini(&f);
}

static void what_misbehaves_while_it_runs_is_named(void **state)
{
    struct t *t = *state;
    static const struct {
        const char *config;
        const char *text;
    } cases[] = {
        {"run", "run: no luck today"},       {"nothing", "yielded no rows and no error"},
        {"rows", "made 4 rows of 3"},        {"lengths", "the rows it yields"},
        {"beyond", "came from row 99 of 3"}, {"falls", "out of order"},
    };
    struct fixture f;
    fixture_init(&f, t, TABLE);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct stack_iters *it = NULL;
        struct run *run = NULL;
        struct run_block block = {0};
        assert_ok(t, load(&f, "misbehaves", cases[i].config, &it));
        assert_ok(t, stack_iters_open(it, &t->mem, fixture_rows(&f, "a,1\nb,2\nc,3\n", false, 9),
                                      &run, &t->err));
        assert_rc(t, run_next(run, &block, &t->err), SLP_BAD_INPUT);
        assert_err_has(t, "misbehaves.so");
        assert_err_has(t, cases[i].text);
        run_close(run);
        stack_iters_free(it);
    }
    fixture_fini(&f);
}

static slp_rc run_once(struct fixture *f, struct buf *out)
{
    struct t *t = f->t;
    struct stack_iters *it = NULL;
    struct run *run = NULL;
    slp_rc rc = load(f, "key_sums", "x", &it);
    f->run.first = 0;
    if (rc == SLP_OK)
        rc = stack_iters_open(it, &t->mem, &f->run.base, &run, &t->err);
    if (rc == SLP_OK)
        rc = fixture_text(f, run, out);
    run_close(run);
    stack_iters_free(it);
    return rc;
}

static void plugins_survive_every_fault(void **state)
{
    struct t *t = *state;
    struct fixture f;
    fixture_init(&f, t, TABLE);
    (void)fixture_rows(&f, "a,1\nb,2\nb,3\n", false, 2);
    T_FAULT_LOOP(t) {
        struct buf out;
        buf_init(&out, &t->mem, 1 << 20);
        slp_rc rc = run_once(&f, &out);
        assert_true(t->fault_hit ? rc != SLP_DONE : rc == SLP_DONE);
        buf_fini(&out);
    }
    fixture_fini(&f);
}

T_MAIN(T_TEST(example_sums_each_key), T_TEST(what_cannot_be_loaded_is_named),
       T_TEST(what_misbehaves_while_it_runs_is_named), T_TEST(plugins_survive_every_fault))
