#include "output/output.h"

#include <stdio.h>
#include <string.h>

#include "lib/table.h"

static size_t count_data(struct t *t, struct t_table *tt)
{
    struct arena arena;
    struct store_item *items = NULL;
    size_t count = 0;
    size_t found = 0;
    arena_init(&arena, &t->mem, 1 << 20);
    assert_ok(t, store_list(tt->store, slice_str("t/"), slice_str(""), 0, &arena, &items, &count,
                            &t->err));
    for (size_t i = 0; i < count; i++) {
        char name[STORE_NAME_MAX + 1];
        (void)snprintf(name, sizeof name, "%.*s", SLICE_ARG(items[i].name));
        found += strstr(name, "/data/") != NULL;
    }
    arena_fini(&arena);
    return found;
}

static slp_rc take(struct t *t, struct t_table *tt, struct output *out, const char *text)
{
    struct arr_batch rows;
    struct key_vec keys;
    t_table_rows(t, tt, text, &rows, &keys);
    slp_rc rc = output_take(out, &rows, &keys, &t->err);
    arr_batch_fini(&rows);
    key_vec_fini(&keys);
    return rc;
}

static void a_cut_ends_a_file_and_rows_begin_one(void **state)
{
    struct t *t = *state;
    struct t_table tt;
    struct output *out = NULL;
    struct output_options o = {.suffix = slice_str("12.0.0-1")};
    struct state_new_file *files = NULL;
    size_t count = 0;
    t_table_open(t, &tt, T_SCHEMA_KV, NULL, 0);
    assert_ok(t, output_new(tt.table, &o, &t->mem, &out, &t->err));
    assert_ok(t, output_cut(out, &t->err));
    assert_ok(t, take(t, &tt, out, "a,1\nb,2\n"));
    assert_ok(t, take(t, &tt, out, ""));
    assert_ok(t, take(t, &tt, out, "b,3\n"));
    assert_ok(t, output_cut(out, &t->err));
    assert_ok(t, output_cut(out, &t->err));
    assert_ok(t, take(t, &tt, out, "c,4\n"));
    assert_ok(t, output_finish(out, &files, &count, &t->err));
    assert_int_equal(count, 2);
    assert_int_equal(files[0].info.rows, 3);
    assert_int_equal(files[1].info.rows, 1);
    assert_int_equal(output_rows(out), 4);
    assert_int_equal(output_bytes(out), files[0].info.file_bytes + files[1].info.file_bytes);
    assert_true(slice_starts_with(files[0].name, slice_str("data/")));
    assert_non_null(memmem(files[0].name.ptr, files[0].name.len, "12.0.0-1", 8));
    assert_false(slice_equal(files[0].name, files[1].name));
    assert_int_equal(count_data(t, &tt), 2);
    output_discard(out);
    assert_int_equal(count_data(t, &tt), 0);
    output_free(out);
    t_table_close(&tt);
}

static void a_file_that_is_large_enough_is_ended(void **state)
{
    struct t *t = *state;
    struct t_table tt;
    struct output *out = NULL;
    struct output_options o = {.file_bytes = 1};
    struct state_new_file *files = NULL;
    size_t count = 0;
    t_table_open(t, &tt, T_SCHEMA_KV, NULL, 0);
    assert_ok(t, output_new(tt.table, &o, &t->mem, &out, &t->err));
    for (int i = 0; i < 3; i++)
        assert_ok(t, take(t, &tt, out, "a,1\nb,2\n"));
    assert_ok(t, output_finish(out, &files, &count, &t->err));
    assert_int_equal(count, 3);
    output_free(out);
    t_table_close(&tt);
}

static void what_is_not_finished_is_not_seen(void **state)
{
    struct t *t = *state;
    struct t_table tt;
    struct output *out = NULL;
    struct output_options o = {.threads = 1};
    t_table_open(t, &tt, T_SCHEMA_KV, NULL, 0);
    assert_ok(t, output_new(tt.table, &o, &t->mem, &out, &t->err));
    assert_ok(t, take(t, &tt, out, "a,1\n"));
    output_free(out);
    assert_int_equal(count_data(t, &tt), 0);
    t_table_close(&tt);
}

static void groups_are_as_large_as_the_memory_allows(void **state)
{
    struct t *t = *state;
    struct t_table tt;
    t_table_open(t, &tt, T_SCHEMA_KV, NULL, 0);
    const struct {
        size_t memory;
        size_t threads;
        size_t bytes;
    } cases[] = {{0, 1, OUTPUT_GROUP_BYTES_MAX},
                 {(size_t)64 << 20, 1, (size_t)16 << 20},
                 {(size_t)64 << 20, 3, (size_t)8 << 20},
                 {(size_t)1 << 40, 3, OUTPUT_GROUP_BYTES_MAX},
                 {1, 3, OUTPUT_GROUP_BYTES_MIN}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct output *out = NULL;
        struct output_options o = {.memory = cases[i].memory, .threads = cases[i].threads};
        assert_ok(t, output_new(tt.table, &o, &t->mem, &out, &t->err));
        assert_int_equal(output_group_bytes(out), cases[i].bytes);
        assert_int_equal(output_group_rows(out), OUTPUT_GROUP_ROWS);
        output_free(out);
    }
    t_table_close(&tt);
}

/* The store keeps the file and loses the answer: nothing names it, so it failed and can go. */
static void a_file_whose_answer_was_lost_is_discarded_with_the_others(void **state)
{
    struct t *t = *state;
    struct t_table below;
    t_table_open(t, &below, T_SCHEMA_KV, NULL, 0);
    size_t lost = 0;
    for (uint64_t at = 0;; at++) {
        struct t_table tt = {0};
        struct output *out = NULL;
        struct output_options o = {.threads = 1};
        struct state_new_file *files = NULL;
        size_t count = 0;
        struct store_fault_plan plan = {.fault_at = at, .kind = STORE_FAULT_LOST_ANSWER};
        assert_ok(t, store_faulty_new(&t->mem, below.store, &plan, &tt.store, &t->err));
        slp_rc rc = state_instance_open(&t->mem, tt.store, NULL, &tt.instance, &t->err);
        if (rc == SLP_OK)
            rc = state_table_open(tt.instance, slice_str("test"), &tt.table, &t->err);
        if (rc == SLP_OK)
            rc = output_new(tt.table, &o, &t->mem, &out, &t->err);
        if (rc == SLP_OK) {
            assert_ok(t, take(t, &tt, out, "a,1\n"));
            rc = output_finish(out, &files, &count, &t->err);
            lost += rc != SLP_OK;
            assert_int_equal(count_data(t, &below), 1);
            output_discard(out);
            assert_int_equal(count_data(t, &below), 0);
        }
        assert_true(rc == SLP_OK || rc == SLP_UNAVAILABLE);
        bool met = store_faulty_hits(tt.store) > 0;
        output_free(out);
        t_table_close(&tt);
        if (!met)
            break;
    }
    assert_int_equal(lost, 1);
    t_table_close(&below);
}

static void output_survives_every_fault(void **state)
{
    struct t *t = *state;
    struct t_table tt;
    t_table_open(t, &tt, T_SCHEMA_KV, NULL, 0);
    T_FAULT_LOOP(t) {
        struct output *out = NULL;
        struct output_options o = {.threads = 1, .lineage = slice_str("{}")};
        struct state_new_file *files = NULL;
        size_t count = 0;
        struct arr_batch rows = {0};
        struct key_vec keys;
        t->fault_armed = false;
        t_table_rows(t, &tt, "a,1\nb,2\n", &rows, &keys);
        t->fault_armed = true;
        slp_rc rc = output_new(tt.table, &o, &t->mem, &out, &t->err);
        if (rc == SLP_OK)
            rc = output_take(out, &rows, &keys, &t->err);
        if (rc == SLP_OK)
            rc = output_finish(out, &files, &count, &t->err);
        t->fault_armed = false;
        assert_int_equal(rc, t->fault_hit ? SLP_NO_MEMORY : SLP_OK);
        assert_int_equal(count, t->fault_hit ? 0 : 1);
        if (out)
            output_discard(out);
        output_free(out);
        arr_batch_fini(&rows);
        key_vec_fini(&keys);
        assert_int_equal(count_data(t, &tt), 0);
        t->fault_armed = true;
    }
    t_table_close(&tt);
}

T_MAIN(T_TEST(a_cut_ends_a_file_and_rows_begin_one), T_TEST(a_file_that_is_large_enough_is_ended),
       T_TEST(what_is_not_finished_is_not_seen), T_TEST(groups_are_as_large_as_the_memory_allows),
       T_TEST(a_file_whose_answer_was_lost_is_discarded_with_the_others),
       T_TEST(output_survives_every_fault))
