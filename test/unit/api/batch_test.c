#include <stdio.h>

#include "api/instance.h"

#include "lib/place.h"
#include "lib/t.h"

static void batches_are_submitted_explained_run_and_taken_back(void **state)
{
    struct t *t = *state;
    struct place place;
    char uri[256];
    char path[256];
    struct slp_instance *instance = NULL;
    struct slp_rows *rows = NULL;
    struct slp_batch_submit_result submitted = {0};
    struct slp_batch_run_result done = {0};
    struct slp_table_options table = {.name = "t",
                                      .schema_json =
                                          "{\"fields\":[{\"name\":\"k\",\"type\":\"string\"}],"
                                          "\"rowKey\":[\"k\"],\"sortKey\":[]}"};
    const char *const none[] = {NULL};
    const char *const inputs[] = {path, NULL};
    struct slp_batch_submit_options submit = {.table = "t", .inputs = none};
    struct slp_batch_run_options run = {.table = "t"};
    size_t gone = 0;
    place_make(&place);
    (void)snprintf(uri, sizeof uri, "%s", place_path(&place, "instance"));
    (void)snprintf(path, sizeof path, "%s", place_path(&place, "rows.csv"));
    place_write(&place, "rows.csv", "k\na\nb\n");
    assert_ok(t, slp_instance_create(uri, &t->err));
    assert_ok(t, slp_instance_open(uri, NULL, &instance, &t->err));
    assert_ok(t, slp_table_create(instance, &table, &t->err));
    assert_rc(t, slp_batch_submit(instance, &submit, &submitted, &t->err), SLP_INVALID);
    submit.inputs = inputs;
    assert_ok(t, slp_batch_submit(instance, &submit, &submitted, &t->err));
    assert_int_equal(submitted.files, 1);
    assert_ok(t, slp_batch_due(instance, "t", false, &rows, &t->err));
    slp_rows_close(rows);
    assert_ok(t, slp_batch_run(instance, &run, &done, &t->err));
    assert_int_equal(done.batches, 0);
    assert_ok(t, slp_batch_withdraw(instance, "t", inputs, &gone, &t->err));
    assert_int_equal(gone, 1);
    assert_rc(t, slp_batch_withdraw(instance, "t", inputs, NULL, &t->err), SLP_NOT_FOUND);
    assert_ok(t, slp_batch_submit(instance, &submit, &submitted, &t->err));
    run.all = true;
    assert_ok(t, slp_batch_run(instance, &run, &done, &t->err));
    assert_int_equal(done.rows, 2);
    assert_ok(t, slp_job_history(instance, "t", &rows, &t->err));
    slp_rows_close(rows);
    run.table = "nobody";
    assert_rc(t, slp_batch_run(instance, &run, &done, &t->err), SLP_NOT_FOUND);
    slp_instance_close(instance);
    place_drop(&place);
}

T_MAIN(T_TEST(batches_are_submitted_explained_run_and_taken_back))
