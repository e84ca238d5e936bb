#include "ingest/ingest.h"

#include "unit/ingest/support.h"

/* A table with a leaf for each point and one more. */
static void open_split(struct t *t, struct t_table *tt, size_t points)
{
    static const char *const names[] = {"b", "c", "d", "e", "f", "g", "h", "i",
                                        "j", "k", "l", "m", "n", "o", "p", "q"};
    t_table_open(t, tt, T_SCHEMA_KV, names, points);
}

static void rows_come_out_sorted_with_ties_as_they_were(void **state)
{
    struct t *t = *state;
    struct t_table tt;
    struct place p;
    struct ingest_result r = {0};
    place_make(&p);
    place_write(&p, "1.csv", "k,v\nb,1\na,2\nb,3\n");
    place_write(&p, "2.csv", "v,k\n4,b\n,a\n");
    t_table_open(t, &tt, T_SCHEMA_KV, NULL, 0);
    assert_ok(t, ingest_one(t, &tt, p.path, &r));
    assert_int_equal(r.rows, 5);
    assert_int_equal(r.inputs, 2);
    assert_int_equal(r.files, 1);
    assert_int_equal(r.at.frame, 2);
    assert_int_equal(r.spilled_runs, 0);
    assert_false(r.is_duplicate);
    expect_table(t, &tt, "a,2\na,\nb,1\nb,3\nb,4\n");
    const struct state_leaf *leaf = state_leaf_at(state_table_view(tt.table), 0);
    assert_int_equal(t_refs(leaf)[0].file->info.file_bytes, r.bytes);
    t_table_close(&tt);
    place_drop(&p);
}

static void a_file_for_each_of_few_leaves(void **state)
{
    struct t *t = *state;
    struct t_table tt;
    struct place p;
    struct ingest_result r = {0};
    place_make(&p);
    place_write(&p, "rows.csv", "k,v\nb,1\na,2\nf,3\ne,4\nbb,5\nz,6\na,7\nc,8\n");
    open_split(t, &tt, 15);
    assert_ok(t, ingest_one(t, &tt, place_path(&p, "rows.csv"), &r));
    assert_int_equal(r.files, 6);
    expect_table(t, &tt, "a,2\na,7\nb,1\nbb,5\nc,8\ne,4\nf,3\nz,6\n");
    assert_int_equal(state_unfiled_count(state_table_view(tt.table)), 0);
    t_table_close(&tt);
    place_drop(&p);
}

static void one_wide_file_for_few_rows_in_many_leaves(void **state)
{
    struct t *t = *state;
    struct t_table tt;
    struct place p;
    struct ingest_result r = {0};
    place_make(&p);
    place_write(&p, "all.csv", "k\nq\np\no\nn\nm\nl\nk\nj\ni\nh\ng\nf\ne\nd\nc\nb\na\n");
    open_split(t, &tt, 16);
    assert_ok(t, ingest_one(t, &tt, place_path(&p, "all.csv"), &r));
    assert_int_equal(r.files, 1);
    assert_int_equal(state_unfiled_count(state_table_view(tt.table)), 1);
    t_table_close(&tt);
    /* As many leaves in the table, but only sixteen that have rows. */
    place_write(&p, "some.csv", "k\np\no\nn\nm\nl\nk\nj\ni\nh\ng\nf\ne\nd\nc\nb\na\n");
    open_split(t, &tt, 16);
    assert_ok(t, ingest_one(t, &tt, place_path(&p, "some.csv"), &r));
    assert_int_equal(r.files, 16);
    assert_int_equal(state_unfiled_count(state_table_view(tt.table)), 0);
    t_table_close(&tt);
    place_drop(&p);
}

static void no_rows_commit_nothing(void **state)
{
    struct t *t = *state;
    struct t_table tt;
    struct place p;
    struct ingest_result r = {.rows = 7};
    place_make(&p);
    place_write(&p, "rows.csv", "k,v\n");
    t_table_open(t, &tt, T_SCHEMA_KV, NULL, 0);
    assert_ok(t, ingest_one(t, &tt, place_path(&p, "rows.csv"), &r));
    assert_int_equal(r.rows, 0);
    assert_int_equal(r.files, 0);
    assert_int_equal(r.at.frame, 1);
    assert_int_equal(count_objects(t, &tt, "/data/"), 0);
    assert_int_equal(count_objects(t, &tt, "/log/"), 1);
    t_table_close(&tt);
    place_drop(&p);
}

static void a_dry_run_reads_everything_and_writes_nothing(void **state)
{
    struct t *t = *state;
    struct t_table tt;
    struct place p;
    struct ingest_result r = {0};
    place_make(&p);
    place_write(&p, "rows.csv", "k,v\nb,1\na,2\n");
    place_write(&p, "bad.csv", "k,v\nb,one\n");
    t_table_open(t, &tt, T_SCHEMA_KV, NULL, 0);
    const char *inputs[] = {place_path(&p, "rows.csv")};
    struct ingest_options o = {
        .inputs = inputs, .input_count = 1, .dry_run = true, .memory = 16 << 20, .threads = 1};
    assert_ok(t, ingest_run(tt.table, &o, &t->mem, &r, &t->err));
    assert_int_equal(r.rows, 2);
    assert_int_equal(r.files, 0);
    inputs[0] = place_path(&p, "bad.csv");
    assert_rc(t, ingest_run(tt.table, &o, &t->mem, &r, &t->err), SLP_BAD_INPUT);
    assert_int_equal(count_objects(t, &tt, "/data/"), 0);
    assert_int_equal(count_objects(t, &tt, "/log/"), 1);
    t_table_close(&tt);
    place_drop(&p);
}

static void a_token_makes_a_repeat_harmless(void **state)
{
    struct t *t = *state;
    struct t_table tt;
    struct place p;
    struct ingest_result first = {0};
    struct ingest_result again = {0};
    place_make(&p);
    place_write(&p, "rows.csv", "k,v\nb,1\na,2\n");
    t_table_open(t, &tt, T_SCHEMA_KV, NULL, 0);
    const char *inputs[] = {place_path(&p, "rows.csv")};
    struct ingest_options o = {.inputs = inputs,
                               .input_count = 1,
                               .token = slice_str("monday"),
                               .memory = 16 << 20,
                               .threads = 1};
    assert_ok(t, ingest_run(tt.table, &o, &t->mem, &first, &t->err));
    assert_ok(t, ingest_run(tt.table, &o, &t->mem, &again, &t->err));
    assert_false(first.is_duplicate);
    assert_true(again.is_duplicate);
    assert_int_equal(again.at.frame, first.at.frame);
    assert_int_equal(again.files, 0);
    assert_int_equal(count_objects(t, &tt, "/data/"), 1);
    expect_table(t, &tt, "a,2\nb,1\n");
    o.token = slice_str("tuesday");
    assert_ok(t, ingest_run(tt.table, &o, &t->mem, &again, &t->err));
    assert_false(again.is_duplicate);
    assert_int_equal(count_objects(t, &tt, "/data/"), 2);
    t_table_close(&tt);
    place_drop(&p);
}

/* Another handle committed the token while this one was at work. */
static void a_token_of_somebody_faster_is_a_duplicate_too(void **state)
{
    struct t *t = *state;
    struct t_table tt;
    struct place p;
    struct state_table *other = NULL;
    struct ingest_result r = {0};
    place_make(&p);
    place_write(&p, "rows.csv", "k,v\nb,1\na,2\n");
    t_table_open(t, &tt, T_SCHEMA_KV, NULL, 0);
    assert_ok(t, state_table_open(tt.instance, slice_str("test"), &other, &t->err));
    const char *inputs[] = {place_path(&p, "rows.csv")};
    struct ingest_options o = {.inputs = inputs,
                               .input_count = 1,
                               .token = slice_str("monday"),
                               .memory = 16 << 20,
                               .threads = 1};
    assert_ok(t, ingest_run(other, &o, &t->mem, &r, &t->err));
    assert_ok(t, ingest_run(tt.table, &o, &t->mem, &r, &t->err));
    assert_true(r.is_duplicate);
    assert_int_equal(count_objects(t, &tt, "/data/"), 1);
    expect_table(t, &tt, "a,2\nb,1\n");
    state_table_close(other);
    t_table_close(&tt);
    place_drop(&p);
}

struct bad {
    const char *text;
    slp_rc rc;
    const char *says;
};

static void bad_input_is_named_and_leaves_nothing(void **state)
{
    static const struct bad cases[] = {
        {"k,v\na,1\nb,x\n", SLP_BAD_INPUT, "line 3"},
        {"k,v\na,1,2\n", SLP_BAD_INPUT, "line 2"},
        {"k,v\n,1\n", SLP_BAD_INPUT, "\"k\""},
        {"kk,v\na,1\n", SLP_BAD_INPUT, "\"k\""},
    };
    struct t *t = *state;
    struct t_table tt;
    struct place p;
    place_make(&p);
    place_write(&p, "good.csv", "k,v\na,1\n");
    open_split(t, &tt, 3);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ingest_result r = {0};
        place_write(&p, "rows.csv", cases[i].text);
        assert_rc(t, ingest_one(t, &tt, p.path, &r), cases[i].rc);
        assert_err_has(t, "rows.csv");
        assert_err_has(t, cases[i].says);
    }
    struct ingest_result r = {0};
    assert_rc(t, ingest_one(t, &tt, place_path(&p, "absent.csv"), &r), SLP_NOT_FOUND);
    assert_int_equal(r.rows, 0);
    assert_int_equal(count_objects(t, &tt, "/data/"), 0);
    assert_int_equal(count_objects(t, &tt, "/log/"), 1);
    t_table_close(&tt);
    place_drop(&p);
}

static void a_key_that_is_too_long_is_named_and_leaves_nothing(void **state)
{
    struct t *t = *state;
    struct t_table tt;
    struct place p;
    struct ingest_result r = {0};
    size_t room = KEY_MAX_BYTES + 16;
    char *text = malloc(room);
    assert_non_null(text);
    memset(text, 'x', room);
    memcpy(text, "k\n", 2);
    text[room - 1] = 0;
    place_make(&p);
    place_write(&p, "rows.csv", text);
    t_table_open(t, &tt, T_SCHEMA_KV, NULL, 0);
    assert_rc(t, ingest_one(t, &tt, place_path(&p, "rows.csv"), &r), SLP_LIMIT);
    assert_err_has(t, "rows.csv");
    /* The longest one goes in. */
    text[KEY_MAX_BYTES - 3 + 2] = 0;
    place_write(&p, "rows.csv", text);
    assert_ok(t, ingest_one(t, &tt, place_path(&p, "rows.csv"), &r));
    assert_int_equal(r.rows, 1);
    free(text);
    t_table_close(&tt);
    place_drop(&p);
}

static void cancelling_leaves_nothing(void **state)
{
    struct t *t = *state;
    struct t_table tt;
    struct place p;
    struct ingest_result r = {0};
    int cancel = 1;
    place_make(&p);
    place_write(&p, "rows.csv", "k,v\nb,1\na,2\n");
    t_table_open(t, &tt, T_SCHEMA_KV, NULL, 0);
    const char *inputs[] = {place_path(&p, "rows.csv")};
    struct ingest_options o = {
        .inputs = inputs, .input_count = 1, .memory = 16 << 20, .threads = 1, .cancel = &cancel};
    assert_rc(t, ingest_run(tt.table, &o, &t->mem, &r, &t->err), SLP_CANCELLED);
    assert_int_equal(count_objects(t, &tt, "/data/"), 0);
    assert_int_equal(count_objects(t, &tt, "/log/"), 1);
    t_table_close(&tt);
    place_drop(&p);
}

static void ingest_survives_every_fault(void **state)
{
    struct t *t = *state;
    struct place p;
    struct t_table tt;
    place_make(&p);
    place_write(&p, "rows.csv", "k,v\nb,1\na,2\nc,3\n");
    const char *inputs[] = {place_path(&p, "rows.csv")};
    open_split(t, &tt, 1);
    uint64_t frames = 1;
    T_FAULT_LOOP(t) {
        struct ingest_result r = {0};
        struct state_table *table = NULL;
        struct ingest_options o = {
            .inputs = inputs, .input_count = 1, .memory = 16 << 20, .threads = 1};
        /* A handle of its own: what a commit replays is kept by the handle. */
        slp_rc rc = state_table_open(tt.instance, slice_str("test"), &table, &t->err);
        if (rc == SLP_OK)
            rc = ingest_run(table, &o, &t->mem, &r, &t->err);
        assert_true(t->fault_hit || rc == SLP_OK);
        assert_true(rc == SLP_OK || rc == SLP_NO_MEMORY || rc == SLP_UNKNOWN);
        state_table_close(table);
        /* The memory store keeps what it was given: not part of what the round must free. */
        if (rc == SLP_OK)
            frames++;
        t->fault_base = t->live_bytes;
    }
    assert_int_equal(count_objects(t, &tt, "/data/") % 2, 0);
    assert_true(count_objects(t, &tt, "/log/") >= frames);
    t_table_close(&tt);
    place_drop(&p);
}

T_MAIN(T_TEST(rows_come_out_sorted_with_ties_as_they_were), T_TEST(a_file_for_each_of_few_leaves),
       T_TEST(one_wide_file_for_few_rows_in_many_leaves), T_TEST(no_rows_commit_nothing),
       T_TEST(a_dry_run_reads_everything_and_writes_nothing),
       T_TEST(a_token_makes_a_repeat_harmless),
       T_TEST(a_token_of_somebody_faster_is_a_duplicate_too),
       T_TEST(bad_input_is_named_and_leaves_nothing),
       T_TEST(a_key_that_is_too_long_is_named_and_leaves_nothing),
       T_TEST(cancelling_leaves_nothing), T_TEST(ingest_survives_every_fault))
