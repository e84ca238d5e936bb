#include <stdio.h>
#include <string.h>

#include "api/instance.h"

#include "lib/place.h"
#include "lib/t.h"
#include "state/global.h"

static const char *const schema = "{\"fields\":[{\"name\":\"k\",\"type\":\"string\"},"
                                  "{\"name\":\"v\",\"type\":\"int64\",\"nullable\":true}],"
                                  "\"rowKey\":[\"k\"],\"sortKey\":[]}";

/* An instance with a table t of two files, in a folder of the test's own. */
struct api {
    struct t *t;
    struct place place;
    char uri[512];
    struct slp_instance *instance;
};

static void load(struct api *a)
{
    const char *const inputs[] = {place_path(&a->place, "rows.csv"), NULL};
    struct slp_ingest_options o = {.table = "t", .inputs = inputs};
    struct slp_ingest_result result = {0};
    assert_ok(a->t, slp_ingest(a->instance, &o, &result, &a->t->err));
}

static void api_open(struct api *a, struct t *t)
{
    struct slp_table_options o = {.name = "t", .schema_json = schema};
    *a = (struct api){.t = t};
    place_make(&a->place);
    (void)snprintf(a->uri, sizeof a->uri, "%s", place_path(&a->place, "instance"));
    place_write(&a->place, "rows.csv", "k,v\na,1\nb,2\n");
    assert_ok(t, slp_instance_create(a->uri, &t->err));
    assert_ok(t, slp_instance_open(a->uri, NULL, &a->instance, &t->err));
    assert_ok(t, slp_table_create(a->instance, &o, &t->err));
    load(a);
    load(a);
}

static void api_close(struct api *a)
{
    slp_instance_close(a->instance);
    place_drop(&a->place);
}

/* What was written, terminated. */
struct text {
    char bytes[8192];
    size_t len;
};

static int take(void *context, const void *bytes, size_t n)
{
    struct text *text = context;
    if (n >= sizeof text->bytes - text->len)
        return 1;
    memcpy(text->bytes + text->len, bytes, n);
    text->len += n;
    text->bytes[text->len] = '\0';
    return 0;
}

/* Rows as CSV; closes them. */
static void print(struct t *t, struct slp_rows *rows, struct text *out)
{
    *out = (struct text){.len = 0};
    assert_ok(t, slp_rows_write(rows, NULL, take, out, NULL, &t->err));
    slp_rows_close(rows);
}

/* A job over both files, as a worker makes it. */
static void assign(struct api *a, char id[STATE_ID_TEXT_BYTES])
{
    struct t *t = a->t;
    struct state_table *table = NULL;
    struct state_result result = {0};
    assert_ok(t, api_instance_table(a->instance, "t", &table, &t->err));
    const struct state_leaf *leaf = state_leaf_at(state_table_view(table), 0);
    assert_int_equal(leaf->ref_count, 2);
    struct state_id inputs[] = {state_leaf_brief(leaf, 0).id, state_leaf_brief(leaf, 1).id};
    struct state_assign_item item = {
        .leaf = leaf->range, .inputs = inputs, .input_count = 2, .deadline_us = INT64_MAX / 2};
    struct state_txn txn = {.kind = STATE_ASSIGN, .assign = {.items = &item, .count = 1}};
    assert_ok(t, state_table_commit(table, &txn, NULL, &result, &t->err));
    assert_ok(t, state_result_check(&result, &t->err));
    state_id_format(state_result_id(&result, 0), id);
}

static void a_cancelled_job_frees_its_inputs(void **state)
{
    struct t *t = *state;
    struct api a;
    struct slp_rows *rows = NULL;
    struct text text;
    char id[STATE_ID_TEXT_BYTES];
    api_open(&a, t);
    assign(&a, id);
    assert_ok(t, slp_job_show(a.instance, "t", id, &rows, &t->err));
    print(t, rows, &text);
    assert_non_null(strstr(text.bytes, "kind,compact\n"));
    assert_non_null(strstr(text.bytes, "inputs,2\ninput,data/"));
    assert_ok(t, slp_partition_show(a.instance, "t", 0, &rows, &t->err));
    print(t, rows, &text);
    assert_non_null(strstr(text.bytes, id));
    assert_ok(t, slp_job_cancel(a.instance, "t", id, &t->err));
    assert_rc(t, slp_job_cancel(a.instance, "t", id, &t->err), SLP_NOT_FOUND);
    assert_rc(t, slp_job_show(a.instance, "t", id, &rows, &t->err), SLP_NOT_FOUND);
    assert_ok(t, slp_partition_show(a.instance, "t", 0, &rows, &t->err));
    print(t, rows, &text);
    assert_null(strstr(text.bytes, id));
    api_close(&a);
}

/* Rows of an earlier state outlive what happens to the table, and the handle it is kept by. */
static void rows_of_an_earlier_state_stay_what_they_are(void **state)
{
    struct t *t = *state;
    struct api a;
    struct slp_rows *rows = NULL;
    struct text text;
    api_open(&a, t);
    struct slp_scan_options o = {.table = "t", .at = "2"};
    assert_ok(t, slp_scan(a.instance, &o, &rows, &t->err));
    assert_ok(t, slp_table_rename(a.instance, "t", "u", &t->err));
    print(t, rows, &text);
    assert_string_equal(text.bytes, "k,v\na,1\nb,2\n");
    assert_rc(t, slp_scan(a.instance, &o, &rows, &t->err), SLP_NOT_FOUND);
    o.table = "u";
    o.at = "nothing";
    assert_rc(t, slp_scan(a.instance, &o, &rows, &t->err), SLP_INVALID);
    o.at = "77";
    assert_rc(t, slp_scan(a.instance, &o, &rows, &t->err), SLP_NOT_FOUND);
    o.at = "0";
    assert_rc(t, slp_scan(a.instance, &o, &rows, &t->err), SLP_NOT_FOUND);
    api_close(&a);
}

/* A program that has a table open meets another one of that name. */
static void a_table_that_somebody_else_has_made_anew_is_opened_anew(void **state)
{
    struct t *t = *state;
    struct api a;
    struct slp_instance *other = NULL;
    struct slp_scan_options scan = {.table = "t"};
    struct slp_table_options again = {.name = "t", .schema_json = schema};
    int64_t count = 0;
    api_open(&a, t);
    assert_ok(t, slp_count(a.instance, &scan, &count, &t->err));
    assert_int_equal(count, 4);
    assert_ok(t, slp_instance_open(a.uri, NULL, &other, &t->err));
    assert_ok(t, slp_table_drop(other, "t", &t->err));
    assert_rc(t, slp_count(a.instance, &scan, &count, &t->err), SLP_NOT_FOUND);
    assert_ok(t, slp_table_create(other, &again, &t->err));
    assert_ok(t, slp_count(a.instance, &scan, &count, &t->err));
    assert_int_equal(count, 0);
    slp_instance_close(other);
    api_close(&a);
}

static void a_restore_ends_jobs_and_leaves_a_pause_as_it_was(void **state)
{
    struct t *t = *state;
    struct api a;
    struct slp_pin_options pin = {.table = "t", .name = "p"};
    struct slp_scan_options scan = {.table = "t"};
    char id[STATE_ID_TEXT_BYTES];
    struct slp_rows *rows = NULL;
    int64_t count = 0;
    bool was_changed = false;
    api_open(&a, t);
    assert_ok(t, slp_pin(a.instance, &pin, NULL, &t->err));
    assign(&a, id);
    assert_ok(t, slp_table_set_paused(a.instance, "t", true, &was_changed, &t->err));
    assert_ok(t, slp_table_restore(a.instance, "t", "p", NULL, &t->err));
    assert_rc(t, slp_job_show(a.instance, "t", id, &rows, &t->err), SLP_NOT_FOUND);
    assert_ok(t, slp_count(a.instance, &scan, &count, &t->err));
    assert_int_equal(count, 4);
    assert_ok(t, slp_table_set_paused(a.instance, "t", true, &was_changed, &t->err));
    assert_false(was_changed);
    assert_ok(t, slp_table_set_paused(a.instance, "t", false, &was_changed, &t->err));
    assert_true(was_changed);
    load(&a);
    api_close(&a);
}

T_MAIN(T_TEST(a_cancelled_job_frees_its_inputs),
       T_TEST(rows_of_an_earlier_state_stay_what_they_are),
       T_TEST(a_table_that_somebody_else_has_made_anew_is_opened_anew),
       T_TEST(a_restore_ends_jobs_and_leaves_a_pause_as_it_was))
