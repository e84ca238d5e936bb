#include "sleeper/sleeper.h"

#include <stdio.h>

#include "lib/place.h"
#include "lib/t.h"
#include "os/thread.h"

static const char *const schema_json =
    "{\"fields\":[{\"name\":\"k\",\"type\":\"int64\"},"
    "{\"name\":\"v\",\"type\":\"double\",\"nullable\":true}],\"rowKey\":[\"k\"],\"sortKey\":[]}";

struct api {
    struct place place;
    struct slp_instance *instance;
};

static void api_open(struct t *t, struct api *a)
{
    char uri[512];
    struct slp_table_options o = {.name = "t", .schema_json = schema_json};
    place_make(&a->place);
    (void)snprintf(uri, sizeof uri, "%s", place_path(&a->place, "instance"));
    assert_ok(t, slp_instance_create(uri, &t->err));
    assert_ok(t, slp_instance_open(uri, NULL, &a->instance, &t->err));
    assert_ok(t, slp_table_create(a->instance, &o, &t->err));
}

static void api_close(struct api *a)
{
    slp_instance_close(a->instance);
    place_drop(&a->place);
}

static void keep_schema(struct ArrowSchema *schema)
{
    schema->release = NULL;
}

static void keep_array(struct ArrowArray *array)
{
    array->release = NULL;
}

#define ROWS 500

/* Push one column, by this name and format. */
static slp_rc push_column(struct slp_writer *w, const char *name, const char *format,
                          const void *values, const void *validity, struct slp_err *err)
{
    struct ArrowSchema field = {.format = format,
                                .name = name,
                                .flags = validity ? ARROW_FLAG_NULLABLE : 0,
                                .release = keep_schema};
    struct ArrowSchema *fields[] = {&field};
    struct ArrowSchema schema = {
        .format = "+s", .n_children = 1, .children = fields, .release = keep_schema};
    const void *buffers[] = {validity, values};
    struct ArrowArray column = {.length = ROWS,
                                .null_count = validity ? -1 : 0,
                                .n_buffers = 2,
                                .buffers = buffers,
                                .release = keep_array};
    struct ArrowArray *columns[] = {&column};
    const void *none[] = {NULL};
    struct ArrowArray batch = {.length = ROWS,
                               .n_buffers = 1,
                               .buffers = none,
                               .n_children = 1,
                               .children = columns,
                               .release = keep_array};
    return slp_writer_push(w, &batch, &schema, err);
}

/* Keys [first, first + ROWS), as int32: they widen. */
static slp_rc push_keys(struct slp_writer *w, int32_t first, struct slp_err *err)
{
    int32_t keys[ROWS];
    for (int32_t i = 0; i < ROWS; i++)
        keys[i] = first + (i * 7) % ROWS;
    return push_column(w, "k", "i", keys, NULL, err);
}

static void expect_count(struct t *t, struct api *a, int64_t expected)
{
    int64_t count = -1;
    struct slp_scan_options o = {.table = "t"};
    assert_ok(t, slp_count(a->instance, &o, &count, &t->err));
    assert_int_equal(count, expected);
}

static void pushed_rows_are_one_commit(void **state)
{
    struct t *t = *state;
    struct api a;
    struct slp_writer *w = NULL;
    struct slp_ingest_result r = {0};
    api_open(t, &a);
    assert_ok(t, slp_writer_open(a.instance, "t", NULL, &w, &t->err));
    for (int32_t i = 0; i < 10; i++)
        assert_ok(t, push_keys(w, i * ROWS, &t->err));
    expect_count(t, &a, 0);
    assert_ok(t, slp_writer_commit(w, &r, &t->err));
    assert_int_equal(r.rows, 10 * ROWS);
    assert_int_equal(r.sequence, 2);
    expect_count(t, &a, 10 * ROWS);
    api_close(&a);
}

static void a_bad_batch_is_refused_and_the_writer_goes_on(void **state)
{
    struct t *t = *state;
    struct api a;
    struct slp_writer *w = NULL;
    static const double values[ROWS];
    static const int64_t keys[ROWS];
    static const uint8_t none[ROWS];
    api_open(t, &a);
    assert_ok(t, slp_writer_open(a.instance, "t", NULL, &w, &t->err));
    assert_rc(t, push_column(w, "key", "l", keys, NULL, &t->err), SLP_BAD_INPUT);
    assert_err_has(t, "no column \"k\"");
    assert_rc(t, push_column(w, "k", "g", values, NULL, &t->err), SLP_BAD_INPUT);
    assert_err_has(t, "column \"k\"");
    assert_rc(t, push_column(w, "k", "l", keys, none, &t->err), SLP_BAD_INPUT);
    assert_err_has(t, "null");
    assert_ok(t, push_keys(w, 0, &t->err));
    assert_ok(t, slp_writer_commit(w, NULL, &t->err));
    expect_count(t, &a, ROWS);
    api_close(&a);
}

static void aborting_leaves_nothing(void **state)
{
    struct t *t = *state;
    struct api a;
    struct slp_writer *w = NULL;
    api_open(t, &a);
    assert_ok(t, slp_writer_open(a.instance, "t", NULL, &w, &t->err));
    assert_ok(t, push_keys(w, 0, &t->err));
    slp_writer_abort(w);
    slp_writer_abort(NULL);
    assert_ok(t, slp_writer_open(a.instance, "t", NULL, &w, &t->err));
    assert_ok(t, slp_writer_commit(w, NULL, &t->err));
    expect_count(t, &a, 0);
    assert_rc(t, slp_writer_open(a.instance, "nowhere", NULL, &w, &t->err), SLP_NOT_FOUND);
    api_close(&a);
}

static void a_token_makes_a_repeat_harmless(void **state)
{
    struct t *t = *state;
    struct api a;
    struct slp_writer_options o = {.token = "one"};
    api_open(t, &a);
    for (int i = 0; i < 2; i++) {
        struct slp_writer *w = NULL;
        struct slp_ingest_result r = {0};
        assert_ok(t, slp_writer_open(a.instance, "t", &o, &w, &t->err));
        for (int32_t b = 0; b < 4; b++)
            assert_ok(t, push_keys(w, b, &t->err));
        assert_ok(t, slp_writer_commit(w, &r, &t->err));
        assert_int_equal(r.was_duplicate, i == 1);
        assert_int_equal(r.sequence, 2);
    }
    expect_count(t, &a, 4 * ROWS);
    api_close(&a);
}

#define PUSHERS 4
#define PUSHES  20

struct pusher {
    struct slp_writer *w;
    int32_t first;
    slp_rc rc;
};

static void push_many(void *arg)
{
    struct pusher *p = arg;
    struct slp_err err = {0};
    for (int32_t i = 0; i < PUSHES && p->rc == SLP_OK; i++)
        p->rc = push_keys(p->w, p->first + i * ROWS, &err);
}

static void many_threads_push(void **state)
{
    struct t *t = *state;
    struct api a;
    struct os_pool *pool = NULL;
    struct pusher pushers[PUSHERS] = {{0}};
    struct slp_writer_options o = {.memory = 16 << 20, .threads = 2};
    struct slp_writer *w = NULL;
    api_open(t, &a);
    assert_ok(t, slp_writer_open(a.instance, "t", &o, &w, &t->err));
    assert_ok(t, os_pool_new(alloc_system(), PUSHERS, &pool, &t->err));
    for (int32_t i = 0; i < PUSHERS; i++) {
        pushers[i] = (struct pusher){.w = w, .first = i * PUSHES * ROWS};
        os_pool_submit(pool, push_many, &pushers[i]);
    }
    os_pool_free(pool);
    for (size_t i = 0; i < PUSHERS; i++)
        assert_int_equal(pushers[i].rc, SLP_OK);
    assert_ok(t, slp_writer_commit(w, NULL, &t->err));
    expect_count(t, &a, (int64_t)PUSHERS * PUSHES * ROWS);
    api_close(&a);
}

/* What is pushed beyond a mebibyte is sorted beside the pushing. */
static void a_large_writer_reads_while_it_is_pushed_to(void **state)
{
    struct t *t = *state;
    struct api a;
    struct slp_writer *w = NULL;
    api_open(t, &a);
    assert_ok(t, slp_writer_open(a.instance, "t", NULL, &w, &t->err));
    for (int32_t i = 0; i < 300; i++)
        assert_ok(t, push_keys(w, i * ROWS, &t->err));
    assert_ok(t, slp_writer_commit(w, NULL, &t->err));
    expect_count(t, &a, 300 * ROWS);
    api_close(&a);
}

#define COMMITS 20

struct committer {
    struct slp_instance *instance;
    int number;
    slp_rc rc;
    struct slp_err err;
};

static void commit_often(void *arg)
{
    struct committer *c = arg;
    for (int32_t i = 0; i < COMMITS && c->rc == SLP_OK; i++) {
        struct slp_writer *w = NULL;
        c->rc = slp_writer_open(c->instance, "t", NULL, &w, &c->err);
        if (c->rc != SLP_OK)
            return;
        c->rc = push_keys(w, (c->number * COMMITS + i) * ROWS, &c->err);
        if (c->rc != SLP_OK)
            slp_writer_abort(w);
        else
            c->rc = slp_writer_commit(w, NULL, &c->err);
    }
}

/* Writers of one instance, each in a thread of its own. Who comes after another takes its handle of the
 * table, so what a commit reads does not grow with the log. */
static void many_threads_have_writers_of_one_instance(void **state)
{
    struct t *t = *state;
    struct api a;
    struct committer committers[8];
    struct slp_counts counts;
    struct os_pool *pool = NULL;
    api_open(t, &a);
    assert_ok(t, os_pool_new(alloc_system(), 8, &pool, &t->err));
    for (int i = 0; i < 8; i++) {
        committers[i] = (struct committer){.instance = a.instance, .number = i};
        os_pool_submit(pool, commit_often, &committers[i]);
    }
    os_pool_wait(pool);
    os_pool_free(pool);
    for (int i = 0; i < 8; i++)
        assert_rc(t, committers[i].rc, SLP_OK);
    slp_instance_counts(a.instance, &counts);
    assert_in_range(counts.gets, 8 * COMMITS, 8 * COMMITS * 20);
    expect_count(t, &a, 8 * COMMITS * ROWS);
    api_close(&a);
}

/* The table of a handle that is idle is another one meanwhile. */
static void a_table_made_anew_is_not_mistaken_for_the_old_one(void **state)
{
    struct t *t = *state;
    struct api a;
    struct slp_writer *w = NULL;
    struct slp_table_options o = {.name = "t", .schema_json = schema_json};
    api_open(t, &a);
    for (int i = 0; i < 2; i++) {
        assert_ok(t, slp_writer_open(a.instance, "t", NULL, &w, &t->err));
        assert_ok(t, push_keys(w, 0, &t->err));
        assert_ok(t, slp_writer_commit(w, NULL, &t->err));
        expect_count(t, &a, ROWS);
        if (i == 0) {
            assert_ok(t, slp_table_drop(a.instance, "t", &t->err));
            assert_ok(t, slp_table_create(a.instance, &o, &t->err));
        }
    }
    api_close(&a);
}

T_MAIN(T_TEST(pushed_rows_are_one_commit), T_TEST(a_bad_batch_is_refused_and_the_writer_goes_on),
       T_TEST(aborting_leaves_nothing), T_TEST(a_token_makes_a_repeat_harmless),
       T_TEST(many_threads_push), T_TEST(a_large_writer_reads_while_it_is_pushed_to),
       T_TEST(many_threads_have_writers_of_one_instance),
       T_TEST(a_table_made_anew_is_not_mistaken_for_the_old_one))
