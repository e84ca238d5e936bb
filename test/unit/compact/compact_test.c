#include "compact/compact.h"

#include <stdio.h>

#include "compact/choose.h"
#include "lib/refs.h"
#include "lib/table.h"
#include "merge/merge.h"

static struct compact_options all_options(void)
{
    return (struct compact_options){.all = true, .memory = 64 << 20, .threads = 1};
}

static size_t live_files(struct t *t, struct t_table *tt)
{
    struct arena arena;
    const struct state_file **files = NULL;
    size_t count = 0;
    arena_init(&arena, &t->mem, 1 << 20);
    assert_ok(t, state_files(state_table_view(tt->table), &arena, &files, &count, &t->err));
    arena_fini(&arena);
    return count;
}

/* The rows of the only file of leaf `i`, as text. */
static void expect_leaf(struct t *t, struct t_table *tt, size_t i, const char *expected)
{
    struct state_name object;
    struct source *src = NULL;
    struct datafile *file = NULL;
    struct run *run = NULL;
    struct run_block block = {0};
    struct buf text;
    const struct state_leaf *leaf = state_leaf_at(state_table_view(tt->table), i);
    assert_int_equal(leaf->ref_count, 1);
    const struct state_file *f = t_refs(leaf)[0].file;
    struct datafile_read_options o = {.range = t_refs(leaf)[0].range, .batch_rows = 1000};
    buf_init(&text, &t->mem, 1 << 20);
    assert_ok(t, state_table_object(tt->table, f->name, &object, &t->err));
    assert_ok(t, store_open(tt->store, state_name_slice(&object), &t->mem, &src, &t->err));
    assert_ok(t, datafile_open(&t->mem, src, &f->info, state_table_schema(tt->table),
                               state_table_key_spec(tt->table), &file, &t->err));
    assert_ok(t, datafile_read(file, &o, &run, NULL, &t->err));
    while (run_next(run, &block, &t->err) == SLP_OK)
        for (int64_t r = 0; r < block.batch->rows; r++) {
            assert_ok(t, arr_text_format(&block.batch->cols[0], r, &text, &t->err));
            assert_ok(t, buf_append_u8(&text, ',', &t->err));
            if (!arr_col_is_null(&block.batch->cols[1], r))
                assert_ok(t, arr_text_format(&block.batch->cols[1], r, &text, &t->err));
            assert_ok(t, buf_append_u8(&text, ' ', &t->err));
        }
    assert_ok(t, buf_append_u8(&text, 0, &t->err));
    assert_string_equal((const char *)text.ptr, expected);
    run_close(run);
    datafile_close(file);
    buf_fini(&text);
}

static void all_runs_of_a_leaf_become_one_and_keep_every_row(void **state)
{
    struct t *t = *state;
    struct t_table tt;
    struct compact_options o = all_options();
    struct compact_result result = {0};
    t_table_open(t, &tt, T_SCHEMA_KV, NULL, 0);
    t_table_add(t, &tt, "a,1\nc,\n");
    t_table_add(t, &tt, "b,2\nc,30\n");
    t_table_add(t, &tt, "a,10\n");
    assert_ok(t, compact_run(tt.table, &o, &t->mem, &result, &t->err));
    assert_int_equal(result.jobs, 1);
    assert_int_equal(result.rows, 5);
    assert_int_equal(live_files(t, &tt), 1);
    expect_leaf(t, &tt, 0, "a,1 a,10 b,2 c, c,30 ");
    assert_int_equal(state_job_count(state_table_view(tt.table)), 0);
    assert_int_equal(state_dead_count(state_table_view(tt.table)), 3);
    t_table_close(&tt);
}

/* Blocks of the only file of the only leaf whose values are a dictionary, and all. */
static void count_dictionaries(struct t *t, struct t_table *tt, int64_t *kept, int64_t *all)
{
    struct state_name object;
    struct source *src = NULL;
    struct datafile *file = NULL;
    struct run *run = NULL;
    struct run_block block = {0};
    struct datafile_read_options o = {.keeps_dictionaries = true};
    const struct state_file *f = t_refs(state_leaf_at(state_table_view(tt->table), 0))[0].file;
    assert_ok(t, state_table_object(tt->table, f->name, &object, &t->err));
    assert_ok(t, store_open(tt->store, state_name_slice(&object), &t->mem, &src, &t->err));
    assert_ok(t, datafile_open(&t->mem, src, &f->info, state_table_schema(tt->table),
                               state_table_key_spec(tt->table), &file, &t->err));
    assert_ok(t, datafile_read(file, &o, &run, NULL, &t->err));
    while (run_next(run, &block, &t->err) == SLP_OK) {
        *kept += block.batch->cols[1].dictionary != NULL;
        ++*all;
    }
    run_close(run);
    datafile_close(file);
}

/* Row `i` of all files: every eleventh value is null, the others are few. */
static void put_row(struct t *t, int i, char end, struct buf *text)
{
    assert_ok(t, buf_printf(text, &t->err, "k%06d,", i));
    if (i % 11)
        assert_ok(t, buf_printf(text, &t->err, "%lld", (long long)(i * 7919 % 13) * 1000000007));
    assert_ok(t, buf_append_u8(text, (uint8_t)end, &t->err));
}

static void values_that_are_few_stay_a_dictionary(void **state)
{
    struct t *t = *state;
    enum { FILES = 5, ROWS = 4000 };
    struct t_table tt;
    struct buf text;
    struct compact_options o = all_options();
    struct compact_result result = {0};
    int64_t kept = 0;
    int64_t all = 0;
    buf_init(&text, &t->mem, 1 << 20);
    t_table_open(t, &tt, T_SCHEMA_KV, NULL, 0);
    for (int f = 0; f < FILES; f++) {
        buf_clear(&text);
        for (int i = f; i < ROWS; i += FILES)
            put_row(t, i, '\n', &text);
        assert_ok(t, buf_append_u8(&text, 0, &t->err));
        t_table_add(t, &tt, (const char *)text.ptr);
    }
    assert_ok(t, compact_run(tt.table, &o, &t->mem, &result, &t->err));
    buf_clear(&text);
    for (int i = 0; i < ROWS; i++)
        put_row(t, i, ' ', &text);
    assert_ok(t, buf_append_u8(&text, 0, &t->err));
    expect_leaf(t, &tt, 0, (const char *)text.ptr);
    count_dictionaries(t, &tt, &kept, &all);
    assert_true(all > 0);
    assert_int_equal(kept, all);
    buf_fini(&text);
    t_table_close(&tt);
}

static void one_run_is_left_alone(void **state)
{
    struct t *t = *state;
    struct t_table tt;
    struct compact_options o = all_options();
    struct compact_result result = {0};
    t_table_open(t, &tt, T_SCHEMA_KV, NULL, 0);
    t_table_add(t, &tt, "a,1\n");
    uint64_t before = state_number(state_table_view(tt.table));
    assert_ok(t, compact_run(tt.table, &o, &t->mem, &result, &t->err));
    assert_int_equal(result.jobs, 0);
    assert_int_equal(state_number(state_table_view(tt.table)), before);
    t_table_close(&tt);
}

/* Upstream's size ratio: of equal runs four are due, since three weigh three times the fourth. */
static void without_all_the_strategy_of_the_table_says_what_is_due(void **state)
{
    struct t *t = *state;
    struct t_table tt;
    struct compact_options o = {.memory = 64 << 20, .threads = 1};
    struct compact_result result = {0};
    t_table_open(t, &tt, T_SCHEMA_KV, NULL, 0);
    for (unsigned i = 0; i < 4; i++) {
        assert_ok(t, compact_run(tt.table, &o, &t->mem, &result, &t->err));
        assert_int_equal(result.jobs, 0);
        t_table_add(t, &tt, "a,1\n");
    }
    o.has_strategy = true;
    o.strategy = COMPACT_BASIC;
    assert_ok(t, compact_run(tt.table, &o, &t->mem, &result, &t->err));
    assert_int_equal(result.jobs, 0);
    o.has_strategy = false;
    assert_ok(t, compact_run(tt.table, &o, &t->mem, &result, &t->err));
    assert_int_equal(result.jobs, 1);
    assert_int_equal(live_files(t, &tt), 1);
    t_table_close(&tt);
}

static void leaves_take_their_own_rows_of_wide_and_shared_files(void **state)
{
    struct t *t = *state;
    struct t_table tt;
    struct compact_options o = all_options();
    struct compact_result result = {0};
    static const char *const points[] = {"c"};
    t_table_open(t, &tt, T_SCHEMA_KV, points, 1);
    t_table_add(t, &tt, "a,1\nc,3\n");
    t_table_add_as(t, &tt, "b,2\nd,4\n", true);
    assert_ok(t, compact_run(tt.table, &o, &t->mem, &result, &t->err));
    assert_int_equal(result.jobs, 2);
    assert_int_equal(result.rows, 4);
    assert_int_equal(state_unfiled_count(state_table_view(tt.table)), 0);
    expect_leaf(t, &tt, 0, "a,1 b,2 ");
    expect_leaf(t, &tt, 1, "c,3 d,4 ");
    t_table_close(&tt);
}

static void wide_files_over_few_leaves_are_filed(void **state)
{
    struct t *t = *state;
    struct t_table tt;
    struct compact_options o = {.memory = 64 << 20, .threads = 1};
    struct compact_result result = {0};
    static const char *const points[] = {"m"};
    t_table_open(t, &tt, T_SCHEMA_KV, points, 1);
    t_table_add_as(t, &tt, "k,1\np,2\n", true);
    assert_ok(t, compact_run(tt.table, &o, &t->mem, &result, &t->err));
    assert_int_equal(result.filed, 1);
    assert_int_equal(result.jobs, 0);
    assert_int_equal(state_unfiled_count(state_table_view(tt.table)), 0);
    t_table_close(&tt);
}

static void hundreds_of_runs_become_one(void **state)
{
    struct t *t = *state;
    struct t_table tt;
    struct compact_options o = all_options();
    struct compact_result result = {0};
    t_table_open(t, &tt, T_SCHEMA_KV, NULL, 0);
    for (unsigned i = 0; i < 300; i++)
        t_table_add(t, &tt, "a,1\n");
    assert_ok(t, compact_run(tt.table, &o, &t->mem, &result, &t->err));
    assert_int_equal(result.jobs, 1);
    assert_int_equal(live_files(t, &tt), 1);
    t_table_close(&tt);
}

/* Assign a job over everything in the only leaf, as somebody who then dies. */
static void abandon_a_job(struct t *t, struct t_table *tt, int64_t deadline_us)
{
    struct state_id inputs[8];
    struct state_result result = {0};
    const struct state_leaf *leaf = state_leaf_at(state_table_view(tt->table), 0);
    struct state_assign_item item = {
        .leaf = leaf->range, .inputs = inputs, .deadline_us = deadline_us};
    for (size_t i = 0; i < leaf->ref_count && i < 8; i++)
        inputs[item.input_count++] = t_refs(leaf)[i].file->id;
    struct state_txn txn = {.kind = STATE_ASSIGN, .assign = {.items = &item, .count = 1}};
    assert_ok(t, state_table_commit(tt->table, &txn, NULL, &result, &t->err));
    assert_ok(t, state_result_check(&result, &t->err));
}

static void a_dead_makers_job_is_taken_over_after_its_deadline_only(void **state)
{
    struct t *t = *state;
    struct t_table tt;
    struct compact_options o = all_options();
    struct compact_result result = {0};
    t_table_open(t, &tt, T_SCHEMA_KV, NULL, 0);
    t_table_add(t, &tt, "a,1\n");
    t_table_add(t, &tt, "b,2\n");
    int64_t now_us = store_now_us(tt.store);
    abandon_a_job(t, &tt, now_us + (int64_t)3600 * 1000000);
    assert_ok(t, compact_run(tt.table, &o, &t->mem, &result, &t->err));
    assert_int_equal(result.jobs, 0);
    assert_int_equal(state_job_count(state_table_view(tt.table)), 1);
    t_table_close(&tt);

    t_table_open(t, &tt, T_SCHEMA_KV, NULL, 0);
    t_table_add(t, &tt, "a,1\n");
    t_table_add(t, &tt, "b,2\n");
    abandon_a_job(t, &tt, now_us - 1);
    assert_ok(t, compact_run(tt.table, &o, &t->mem, &result, &t->err));
    assert_int_equal(result.jobs, 1);
    assert_int_equal(state_job_count(state_table_view(tt.table)), 0);
    expect_leaf(t, &tt, 0, "a,1 b,2 ");
    t_table_close(&tt);
}

static void a_cancelled_job_leaves_nothing_held_and_nothing_written(void **state)
{
    struct t *t = *state;
    struct t_table tt;
    volatile int cancel = 1;
    struct compact_options o = all_options();
    struct compact_result result = {0};
    struct arena arena;
    struct store_item *items = NULL;
    size_t count = 0;
    o.cancel = &cancel;
    t_table_open(t, &tt, T_SCHEMA_KV, NULL, 0);
    t_table_add(t, &tt, "a,1\n");
    t_table_add(t, &tt, "b,2\n");
    assert_rc(t, compact_run(tt.table, &o, &t->mem, &result, &t->err), SLP_CANCELLED);
    assert_int_equal(state_job_count(state_table_view(tt.table)), 0);
    assert_int_equal(live_files(t, &tt), 2);
    arena_init(&arena, &t->mem, 1 << 20);
    assert_ok(t, store_list(tt.store, slice_str("t/"), slice_of(NULL, 0), 0, &arena, &items, &count,
                            &t->err));
    size_t data = 0;
    for (size_t i = 0; i < count; i++)
        data += slice_equal(slice_last(items[i].name, 8), slice_str(".parquet"));
    assert_int_equal(data, 2);
    arena_fini(&arena);
    t_table_close(&tt);
}

static void a_damaged_input_stops_the_job_and_is_named(void **state)
{
    struct t *t = *state;
    struct t_table tt;
    struct compact_options o = all_options();
    struct compact_result result = {0};
    struct state_name object;
    struct buf bytes;
    t_table_open(t, &tt, T_SCHEMA_KV, NULL, 0);
    t_table_add(t, &tt, "a,1\nb,2\n");
    t_table_add(t, &tt, "b,2\n");
    const struct state_leaf *leaf = state_leaf_at(state_table_view(tt.table), 0);
    assert_ok(t, state_table_object(tt.table, t_refs(leaf)[0].file->name, &object, &t->err));
    buf_init(&bytes, &t->mem, 1 << 20);
    assert_ok(t, store_get(tt.store, state_name_slice(&object), &bytes, &t->err));
    bytes.ptr[40] ^= 1;
    assert_ok(t, store_delete(tt.store, state_name_slice(&object), &t->err));
    assert_ok(t,
              store_put_if_absent(tt.store, state_name_slice(&object), buf_slice(&bytes), &t->err));
    assert_rc(t, compact_run(tt.table, &o, &t->mem, &result, &t->err), SLP_CORRUPT);
    assert_err_has(t, object.text);
    assert_int_equal(live_files(t, &tt), 2);
    assert_int_equal(state_job_count(state_table_view(tt.table)), 0);
    buf_fini(&bytes);
    t_table_close(&tt);
}

static void every_store_fault_leaves_the_old_files_or_the_new_one(void **state)
{
    struct t *t = *state;
    for (uint64_t at = 0; at < 40; at++) {
        struct t_table tt;
        struct store *faulty = NULL;
        struct state_instance *instance = NULL;
        struct state_table *table = NULL;
        struct compact_options o = all_options();
        struct compact_result result = {0};
        t_table_open(t, &tt, T_SCHEMA_KV, NULL, 0);
        t_table_add(t, &tt, "a,1\n");
        t_table_add(t, &tt, "b,2\n");
        struct store_fault_plan plan = {.fault_at = at, .kind = (enum store_fault)t_below(t, 3)};
        assert_ok(t, store_faulty_new(&t->mem, tt.store, &plan, &faulty, &t->err));
        slp_rc rc = state_instance_open(&t->mem, faulty, NULL, &instance, &t->err);
        if (rc == SLP_OK)
            rc = state_table_open(instance, slice_str("test"), &table, &t->err);
        if (rc == SLP_OK)
            rc = compact_run(table, &o, &t->mem, &result, &t->err);
        state_table_close(table);
        state_instance_close(instance);
        store_close(faulty);
        assert_ok(t, state_table_refresh(tt.table, &t->err));
        size_t files = live_files(t, &tt);
        assert_true(files == 2 || files == 1);
        if (rc == SLP_OK)
            assert_int_equal(files, 1);
        if (files == 1)
            expect_leaf(t, &tt, 0, "a,1 b,2 ");
        t_table_close(&tt);
    }
}

static void jobs_survive_every_allocation_fault(void **state)
{
    struct t *t = *state;
    struct compact_options o = all_options();
    for (uint64_t at = 0; at < 400; at += at < 64 ? 1 : 1 + t_below(t, 8)) {
        struct t_table tt;
        struct compact_result result = {0};
        t_table_open(t, &tt, T_SCHEMA_KV, NULL, 0);
        t_table_add(t, &tt, "a,1\n");
        t_table_add(t, &tt, "b,2\n");
        t->fault_armed = true;
        t->fault_hit = false;
        t->fault_left = at;
        slp_rc rc = compact_run(tt.table, &o, &t->mem, &result, &t->err);
        bool hit = t->fault_hit;
        t->fault_armed = false;
        assert_true(hit || rc == SLP_OK);
        assert_ok(t, state_table_refresh(tt.table, &t->err));
        /* A job may stay held only where nobody knows whether it was assigned. */
        assert_true(rc == SLP_UNKNOWN || state_job_count(state_table_view(tt.table)) == 0);
        if (live_files(t, &tt) == 1)
            expect_leaf(t, &tt, 0, "a,1 b,2 ");
        else
            assert_int_equal(live_files(t, &tt), 2);
        t_table_close(&tt);
        if (!hit)
            break;
    }
}

T_MAIN(T_TEST(all_runs_of_a_leaf_become_one_and_keep_every_row),
       T_TEST(values_that_are_few_stay_a_dictionary), T_TEST(one_run_is_left_alone),
       T_TEST(without_all_the_strategy_of_the_table_says_what_is_due),
       T_TEST(leaves_take_their_own_rows_of_wide_and_shared_files),
       T_TEST(wide_files_over_few_leaves_are_filed), T_TEST(hundreds_of_runs_become_one),
       T_TEST(a_dead_makers_job_is_taken_over_after_its_deadline_only),
       T_TEST(a_cancelled_job_leaves_nothing_held_and_nothing_written),
       T_TEST(a_damaged_input_stops_the_job_and_is_named),
       T_TEST(every_store_fault_leaves_the_old_files_or_the_new_one),
       T_TEST(jobs_survive_every_allocation_fault))
