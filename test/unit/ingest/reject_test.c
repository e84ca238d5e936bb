#include "ingest/reject.h"

#include <stdio.h>
#include <unistd.h>

#include "unit/ingest/support.h"

#define BAD "k,v\nb,1\nc,x\n,2\na,3\n"

static slp_rc ingest_with(struct t *t, struct t_table *tt, const char *path,
                          struct ingest_options o, struct ingest_result *r)
{
    const char *inputs[] = {path};
    o.inputs = inputs;
    o.input_count = 1;
    o.memory = 16 << 20;
    o.threads = 1;
    return ingest_run(tt->table, &o, &t->mem, r, &t->err);
}

/* The whole of a small file; empty if there is none. */
static const char *read_text(const char *path)
{
    static char text[4096];
    FILE *f = fopen(path, "rb");
    size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;
    if (f)
        assert_int_equal(fclose(f), 0);
    text[n] = 0;
    return text;
}

static void skipping_counts_bad_rows_and_takes_the_others(void **state)
{
    struct t *t = *state;
    struct t_table tt;
    struct place p;
    struct ingest_result r = {0};
    place_make(&p);
    place_write(&p, "x.csv", BAD);
    t_table_open(t, &tt, T_SCHEMA_KV, NULL, 0);
    assert_ok(t, ingest_with(t, &tt, place_path(&p, "x.csv"),
                             (struct ingest_options){.on_error = INGEST_SKIP}, &r));
    assert_int_equal(r.rows, 2);
    assert_int_equal(r.rejected, 2);
    expect_table(t, &tt, "a,3\nb,1\n");
    t_table_close(&tt);
    place_drop(&p);
}

static void a_quarantine_has_rows_and_reasons(void **state)
{
    struct t *t = *state;
    struct t_table tt;
    struct place p;
    char file[512];
    struct ingest_result r = {0};
    place_make(&p);
    place_write(&p, "x.csv", BAD);
    (void)snprintf(file, sizeof file, "%s", place_path(&p, "bad.ndjson"));
    t_table_open(t, &tt, T_SCHEMA_KV, NULL, 0);
    struct ingest_options o = {.on_error = INGEST_QUARANTINE, .quarantine = file};
    assert_ok(t, ingest_with(t, &tt, place_path(&p, "x.csv"), o, &r));
    assert_int_equal(r.rejected, 2);
    const char *text = read_text(file);
    assert_non_null(strstr(text, "\"line\":3,\"column\":\"v\",\"reason\":"));
    assert_non_null(strstr(text, "\"text\":\"c,x\"}\n"));
    assert_non_null(strstr(text, "\"line\":4,\"column\":\"k\",\"reason\":"));
    assert_non_null(strstr(text, "\"text\":\",2\"}\n"));
    /* It may hold what somebody still has to mend. */
    assert_rc(t, ingest_with(t, &tt, place_path(&p, "x.csv"), o, &r), SLP_EXISTS);
    assert_err_has(t, "bad.ndjson");
    t_table_close(&tt);
    place_drop(&p);
}

static void what_is_no_utf8_stands_in_base64(void **state)
{
    struct t *t = *state;
    struct place p;
    char file[512];
    struct ingest_rejects rejects;
    place_make(&p);
    (void)snprintf(file, sizeof file, "%s", place_path(&p, "bad.ndjson"));
    struct ingest_reject_options o = {.policy = INGEST_QUARANTINE, .most = -1, .quarantine = file};
    assert_ok(t, ingest_rejects_init(&rejects, &t->mem, &o, &t->err));
    const struct rows_rejects *rows = ingest_rejects_rows(&rejects);
    struct rows_reject row = {
        .file = "f", .row = 3, .reason = "bad \xff", .text = slice_of("\xff\x00\x01", 3)};
    assert_ok(t, rows->take(rows->context, &row, &t->err));
    assert_ok(t, ingest_rejects_finish(&rejects, &t->err));
    assert_string_equal(read_text(file),
                        "{\"file\":\"f\",\"row\":3,\"reason\":\"bad ?\",\"base64\":\"/wAB\"}\n");
    ingest_rejects_withdraw(&rejects);
    assert_int_not_equal(access(file, F_OK), 0);
    ingest_rejects_fini(&rejects);
    place_drop(&p);
}

static void no_bad_row_makes_no_file(void **state)
{
    struct t *t = *state;
    struct t_table tt;
    struct place p;
    char file[512];
    struct ingest_result r = {0};
    place_make(&p);
    place_write(&p, "x.csv", "k,v\nb,1\n");
    (void)snprintf(file, sizeof file, "%s", place_path(&p, "bad.ndjson"));
    t_table_open(t, &tt, T_SCHEMA_KV, NULL, 0);
    struct ingest_options o = {.on_error = INGEST_QUARANTINE, .quarantine = file};
    assert_ok(t, ingest_with(t, &tt, place_path(&p, "x.csv"), o, &r));
    assert_int_equal(r.rejected, 0);
    assert_int_not_equal(access(file, F_OK), 0);
    t_table_close(&tt);
    place_drop(&p);
}

static void more_than_the_most_end_it_and_leave_nothing(void **state)
{
    struct t *t = *state;
    struct t_table tt;
    struct place p;
    char file[512];
    struct ingest_result r = {0};
    place_make(&p);
    place_write(&p, "x.csv", BAD);
    (void)snprintf(file, sizeof file, "%s", place_path(&p, "bad.ndjson"));
    t_table_open(t, &tt, T_SCHEMA_KV, NULL, 0);
    struct ingest_options o = {.on_error = INGEST_QUARANTINE, .quarantine = file, .max_errors = 1};
    assert_rc(t, ingest_with(t, &tt, place_path(&p, "x.csv"), o, &r), SLP_BAD_INPUT);
    assert_err_has(t, "more than 1 bad row");
    assert_err_has(t, "line 3, column \"v\"");
    assert_int_not_equal(access(file, F_OK), 0);
    assert_int_equal(state_number(state_table_view(tt.table)), 1);
    o.max_errors = 2;
    assert_ok(t, ingest_with(t, &tt, place_path(&p, "x.csv"), o, &r));
    t_table_close(&tt);
    place_drop(&p);
}

static void rejecting_survives_every_fault(void **state)
{
    struct t *t = *state;
    struct place p;
    char file[512];
    place_make(&p);
    (void)snprintf(file, sizeof file, "%s", place_path(&p, "bad.ndjson"));
    T_FAULT_LOOP(t) {
        struct ingest_rejects rejects;
        struct ingest_reject_options o = {
            .policy = INGEST_QUARANTINE, .most = -1, .quarantine = file};
        struct rows_reject row = {
            .file = "f", .line = 3, .reason = "bad", .text = slice_of("\xff\x00\x01", 3)};
        slp_rc rc = ingest_rejects_init(&rejects, &t->mem, &o, &t->err);
        if (rc == SLP_OK)
            rc = rejects.rows.take(rejects.rows.context, &row, &t->err);
        if (rc == SLP_OK)
            rc = ingest_rejects_finish(&rejects, &t->err);
        assert_true(t->fault_hit ? rc != SLP_OK : rc == SLP_OK);
        ingest_rejects_withdraw(&rejects);
        ingest_rejects_fini(&rejects);
    }
    place_drop(&p);
}

T_MAIN(T_TEST(skipping_counts_bad_rows_and_takes_the_others),
       T_TEST(a_quarantine_has_rows_and_reasons), T_TEST(what_is_no_utf8_stands_in_base64),
       T_TEST(no_bad_row_makes_no_file), T_TEST(more_than_the_most_end_it_and_leave_nothing),
       T_TEST(rejecting_survives_every_fault))
