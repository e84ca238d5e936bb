#include "upkeep/upkeep.h"

#include <stdio.h>

#include "lib/refs.h"
#include "lib/table.h"

static size_t data_objects(struct t *t, struct t_table *tt)
{
    struct arena arena;
    struct store_item *items = NULL;
    size_t count = 0;
    size_t data = 0;
    arena_init(&arena, &t->mem, 1 << 20);
    assert_ok(t, store_list(tt->store, slice_str("t/"), slice_of(NULL, 0), 0, &arena, &items,
                            &count, &t->err));
    for (size_t i = 0; i < count; i++)
        data += slice_equal(slice_last(items[i].name, 8), slice_str(".parquet"));
    arena_fini(&arena);
    return data;
}

static struct upkeep_gc_result collect(struct t *t, struct t_table *tt, int64_t min_age_s,
                                       bool dry_run)
{
    struct upkeep_gc_options o = {.min_age_s = min_age_s, .dry_run = dry_run};
    struct upkeep_gc_result result = {0};
    assert_ok(t, upkeep_collect(tt->table, &o, &t->mem, &result, &t->err));
    return result;
}

static void put_stranger(struct t *t, struct t_table *tt, const char *name)
{
    struct state_name object;
    assert_ok(t, state_table_object(tt->table, slice_str(name), &object, &t->err));
    assert_ok(
        t, store_put_if_absent(tt->store, state_name_slice(&object), slice_str("junk"), &t->err));
}

/* Replace everything in the only leaf by nothing, so that its files are dead. */
static void kill_files(struct t *t, struct t_table *tt)
{
    struct state_id inputs[8];
    struct state_result result = {0};
    const struct state_leaf *leaf = state_leaf_at(state_table_view(tt->table), 0);
    struct state_assign_item item = {
        .leaf = leaf->range, .inputs = inputs, .deadline_us = INT64_MAX};
    for (size_t i = 0; i < leaf->ref_count && i < 8; i++)
        inputs[item.input_count++] = t_refs(leaf)[i].file->id;
    struct state_txn assign = {.kind = STATE_ASSIGN, .assign = {.items = &item, .count = 1}};
    assert_ok(t, state_table_commit(tt->table, &assign, NULL, &result, &t->err));
    assert_ok(t, state_result_check(&result, &t->err));
    struct state_replace_item end = {
        .job = state_result_id(&result, 0), .attempt = 1, .range = {.has_hi = false}};
    struct state_txn replace = {.kind = STATE_REPLACE, .replace = {.items = &end, .count = 1}};
    assert_ok(t, state_table_commit(tt->table, &replace, NULL, &result, &t->err));
    assert_ok(t, state_result_check(&result, &t->err));
}

static void live_files_are_never_collected(void **state)
{
    struct t *t = *state;
    struct t_table tt;
    t_table_open(t, &tt, T_SCHEMA_KV, NULL, 0);
    t_table_add(t, &tt, "a,1\n");
    t_table_add_as(t, &tt, "b,1\n", true);
    assert_int_equal(collect(t, &tt, 0, false).objects, 0);
    assert_int_equal(data_objects(t, &tt), 2);
    t_table_close(&tt);
}

static void dead_files_and_strangers_go_when_they_are_old_enough(void **state)
{
    struct t *t = *state;
    struct t_table tt;
    t_table_open(t, &tt, T_SCHEMA_KV, NULL, 0);
    t_table_add(t, &tt, "a,1\n");
    put_stranger(t, &tt, "data/3f/00000000000000000001-ff.parquet");
    kill_files(t, &tt);
    assert_int_equal(collect(t, &tt, -1, false).objects, 0);
    assert_int_equal(collect(t, &tt, 3600, false).objects, 0);
    struct upkeep_gc_result dry = collect(t, &tt, 0, true);
    assert_int_equal(dry.objects, 2);
    assert_true(dry.bytes > 4);
    assert_int_equal(data_objects(t, &tt), 2);
    assert_int_equal(collect(t, &tt, 0, false).objects, 2);
    assert_int_equal(data_objects(t, &tt), 0);
    t_table_close(&tt);
}

/* Assign a job over the table's one file, and write an output of it. */
static void open_job(struct t *t, struct t_table *tt, int64_t deadline_us)
{
    struct state_name name;
    struct state_result result = {0};
    t_table_add(t, tt, "a,1\n");
    put_stranger(t, tt, "data/3f/00000000000000000001-ff.parquet");
    const struct state_leaf *leaf = state_leaf_at(state_table_view(tt->table), 0);
    struct state_id input = t_refs(leaf)[0].file->id;
    struct state_assign_item item = {
        .leaf = leaf->range, .inputs = &input, .input_count = 1, .deadline_us = deadline_us};
    struct state_txn assign = {.kind = STATE_ASSIGN, .assign = {.items = &item, .count = 1}};
    assert_ok(t, state_table_commit(tt->table, &assign, NULL, &result, &t->err));
    assert_ok(t, state_data_name(tt->table, slice_str("job"), &name, &t->err));
    put_stranger(t, tt, name.text);
}

static size_t open_jobs(const struct t_table *tt)
{
    return state_job_count(state_table_view(tt->table));
}

static void outputs_of_an_open_job_are_spared(void **state)
{
    struct t *t = *state;
    struct t_table tt;
    t_table_open(t, &tt, T_SCHEMA_KV, NULL, 0);
    open_job(t, &tt, INT64_MAX);
    (void)collect(t, &tt, 1, false);
    assert_int_equal(open_jobs(&tt), 1);
    assert_true(data_objects(t, &tt) >= 2);
    t_table_close(&tt);
}

static void a_job_ends_in_the_log_before_its_outputs_go(void **state)
{
    struct t *t = *state;
    for (int64_t deadline_us = 1; deadline_us != 0;
         deadline_us = deadline_us == 1 ? INT64_MAX : 0) {
        struct t_table tt;
        t_table_open(t, &tt, T_SCHEMA_KV, NULL, 0);
        open_job(t, &tt, deadline_us);
        assert_int_equal(collect(t, &tt, 0, true).objects, 2);
        assert_int_equal(open_jobs(&tt), 1);
        assert_int_equal(collect(t, &tt, 0, false).objects, 2);
        assert_int_equal(open_jobs(&tt), 0);
        assert_int_equal(data_objects(t, &tt), 1);
        t_table_close(&tt);
    }
}

/* ---- Check ---- */

struct found {
    size_t count;
    char last[512];
};

static slp_rc note(void *context, const struct upkeep_finding *finding, struct slp_err *err)
{
    struct found *f = context;
    (void)err;
    if (finding->severity == UPKEEP_INFO)
        return SLP_OK;
    f->count++;
    (void)snprintf(f->last, sizeof f->last, "%.*s: %.*s", SLICE_ARG(finding->object),
                   SLICE_ARG(finding->text));
    return SLP_OK;
}

static struct found check(struct t *t, struct t_table *tt)
{
    struct found f = {0};
    assert_ok(t, upkeep_check(tt->table, NULL, note, &f, &t->mem, &t->err));
    return f;
}

static void a_sound_table_has_no_problems(void **state)
{
    struct t *t = *state;
    struct t_table tt;
    static const char *const points[] = {"c", "e"};
    t_table_open(t, &tt, T_SCHEMA_KV, points, 2);
    assert_int_equal(check(t, &tt).count, 0);
    t_table_add(t, &tt, "a,1\nd,\nf,3\n");
    t_table_add_as(t, &tt, "b,1\nd,2\n", true);
    assert_int_equal(check(t, &tt).count, 0);
    t_table_close(&tt);
}

/* However many ways lead over it. */
static void a_damaged_frame_is_one_problem(void **state)
{
    struct t *t = *state;
    struct t_table tt;
    struct state_name object;
    struct buf bytes;
    t_table_open(t, &tt, T_SCHEMA_KV, NULL, 0);
    t_table_add(t, &tt, "a,1\nb,2\n");
    t_table_add(t, &tt, "c,3\n");
    struct slice name = slice_str("log/00000000000000000002");
    assert_ok(t, state_table_object(tt.table, name, &object, &t->err));
    buf_init(&bytes, &t->mem, 1 << 20);
    assert_ok(t, store_get(tt.store, state_name_slice(&object), &bytes, &t->err));
    bytes.ptr[bytes.len / 2] ^= 1;
    assert_ok(t, store_delete(tt.store, state_name_slice(&object), &t->err));
    struct found gone = check(t, &tt);
    assert_int_equal(gone.count, 1);
    assert_non_null(strstr(gone.last, "00000000000000000002\" is not there"));
    assert_ok(t,
              store_put_if_absent(tt.store, state_name_slice(&object), buf_slice(&bytes), &t->err));
    struct found damaged = check(t, &tt);
    assert_int_equal(damaged.count, 1);
    assert_non_null(strstr(damaged.last, "damaged frame"));
    assert_non_null(strstr(damaged.last, "sleeper repair"));
    buf_fini(&bytes);
    t_table_close(&tt);
}

static void every_flipped_byte_of_a_data_file_is_found(void **state)
{
    struct t *t = *state;
    struct t_table tt;
    struct state_name object;
    struct buf bytes;
    t_table_open(t, &tt, T_SCHEMA_KV, NULL, 0);
    t_table_add(t, &tt, "a,1\nb,2\n");
    const struct state_leaf *leaf = state_leaf_at(state_table_view(tt.table), 0);
    assert_ok(t, state_table_object(tt.table, t_refs(leaf)[0].file->name, &object, &t->err));
    buf_init(&bytes, &t->mem, 1 << 20);
    assert_ok(t, store_get(tt.store, state_name_slice(&object), &bytes, &t->err));
    for (size_t i = 0; i < bytes.len; i += 1 + t_below(t, 24)) {
        bytes.ptr[i] ^= (uint8_t)(1u << t_below(t, 8));
        struct slice damaged = buf_slice(&bytes);
        assert_ok(t, store_delete(tt.store, state_name_slice(&object), &t->err));
        assert_ok(t, store_put_if_absent(tt.store, state_name_slice(&object), damaged, &t->err));
        assert_true(check(t, &tt).count > 0);
        assert_ok(t, store_delete(tt.store, state_name_slice(&object), &t->err));
        struct slice cut = slice_first(damaged, i);
        assert_ok(t, store_put_if_absent(tt.store, state_name_slice(&object), cut, &t->err));
        assert_true(check(t, &tt).count > 0);
        assert_ok(t, store_delete(tt.store, state_name_slice(&object), &t->err));
        struct found gone = check(t, &tt);
        assert_int_equal(gone.count, 1);
        assert_non_null(strstr(gone.last, "not there"));
        bytes.len = damaged.len;
        buf_fini(&bytes);
        t_table_close(&tt);
        t_table_open(t, &tt, T_SCHEMA_KV, NULL, 0);
        t_table_add(t, &tt, "a,1\nb,2\n");
        leaf = state_leaf_at(state_table_view(tt.table), 0);
        assert_ok(t, state_table_object(tt.table, t_refs(leaf)[0].file->name, &object, &t->err));
        assert_ok(t, store_get(tt.store, state_name_slice(&object), &bytes, &t->err));
    }
    buf_fini(&bytes);
    t_table_close(&tt);
}

/* ---- Split ---- */

static void splitting_moves_no_rows_and_cuts_exactly(void **state)
{
    struct t *t = *state;
    struct t_table tt;
    struct buf text;
    size_t count = 0;
    bool exact = false;
    int64_t rows = 0;
    t_table_open(t, &tt, T_SCHEMA_KV, NULL, 0);
    buf_init(&text, &t->mem, 1 << 20);
    for (int i = 0; i < 5000; i++)
        assert_ok(t, buf_printf(&text, &t->err, "k%05d,%d\n", i, i));
    assert_ok(t, buf_append_u8(&text, 0, &t->err));
    t_table_add(t, &tt, (const char *)text.ptr);
    t_table_add(t, &tt, "k00001,7\nk04999,8\nz,9\n");
    assert_ok(t, upkeep_split(tt.table, 1500, true, &t->mem, &count, &t->err));
    assert_int_equal(count, 1);
    assert_int_equal(state_leaf_count(state_table_view(tt.table)), 1);
    assert_ok(t, upkeep_split(tt.table, 1500, false, &t->mem, &count, &t->err));
    assert_int_equal(count, 1);
    const struct table_state *view = state_table_view(tt.table);
    assert_true(state_leaf_count(view) > 1);
    for (size_t i = 0; i < state_leaf_count(view); i++) {
        rows += state_leaf_rows(state_leaf_at(view, i), &exact);
        assert_true(exact);
    }
    assert_int_equal(rows, 5003);
    assert_int_equal(check(t, &tt).count, 0);
    buf_fini(&text);
    t_table_close(&tt);
}

/* Guessed, both leaves had half of the file. */
static void who_splits_cuts_what_was_filed_down_and_records_it(void **state)
{
    struct t *t = *state;
    struct t_table tt;
    struct buf text;
    size_t count = 0;
    bool exact = true;
    static const char *const points[] = {"m"};
    struct state_result result = {0};
    t_table_open(t, &tt, T_SCHEMA_KV, points, 1);
    buf_init(&text, &t->mem, 1 << 20);
    for (int i = 0; i < 910; i++)
        assert_ok(t, buf_printf(&text, &t->err, "%c%05d,%d\n", i < 900 ? 'a' : 'z', i, i));
    assert_ok(t, buf_append_u8(&text, 0, &t->err));
    t_table_add_as(t, &tt, (const char *)text.ptr, true);
    struct state_id wide = state_unfiled_at(state_table_view(tt.table), 0)->file->id;
    struct state_txn down = {.kind = STATE_FILE_DOWN, .file_down = {.files = &wide, .count = 1}};
    assert_ok(t, state_table_commit(tt.table, &down, NULL, &result, &t->err));
    const struct table_state *view = state_table_view(tt.table);
    assert_int_equal(state_leaf_rows(state_leaf_at(view, 1), &exact), 455);
    assert_false(exact);
    uint64_t before = state_number(view);
    assert_ok(t, upkeep_split(tt.table, 300, true, &t->mem, &count, &t->err));
    assert_int_equal(count, 1);
    assert_int_equal(state_number(state_table_view(tt.table)), before);
    assert_ok(t, upkeep_split(tt.table, 300, false, &t->mem, &count, &t->err));
    assert_int_equal(count, 1);
    view = state_table_view(tt.table);
    size_t last = state_leaf_count(view) - 1;
    assert_true(last > 1);
    for (size_t i = 0; i <= last; i++) {
        int64_t rows = state_leaf_rows(state_leaf_at(view, i), &exact);
        assert_true(exact);
        assert_true(i == last ? rows == 10 : rows <= 300);
    }
    /* The cut of each of the two leaves, and one split. */
    assert_int_equal(state_number(view), before + 3);
    assert_ok(t, upkeep_split(tt.table, 300, false, &t->mem, &count, &t->err));
    assert_int_equal(count, 0);
    assert_int_equal(state_number(state_table_view(tt.table)), before + 3);
    assert_int_equal(check(t, &tt).count, 0);
    buf_fini(&text);
    t_table_close(&tt);
}

static void leaves_of_one_block_are_split_by_their_rows(void **state)
{
    struct t *t = *state;
    struct t_table tt;
    size_t count = 0;
    t_table_open(t, &tt, T_SCHEMA_KV, NULL, 0);
    t_table_add(t, &tt, "a,1\nb,2\nb,3\nc,4\nd,5\ne,6\n");
    assert_ok(t, upkeep_split(tt.table, 2, false, &t->mem, &count, &t->err));
    assert_int_equal(count, 1);
    const struct table_state *view = state_table_view(tt.table);
    assert_int_equal(state_leaf_count(view), 3);
    int64_t rows = 0;
    for (size_t i = 0; i < 3; i++) {
        int64_t here = state_leaf_rows(state_leaf_at(view, i), NULL);
        assert_in_range(here, 1, 3);
        rows += here;
    }
    assert_int_equal(rows, 6);
    assert_int_equal(check(t, &tt).count, 0);
    t_table_close(&tt);
}

static void a_single_row_key_is_never_parted(void **state)
{
    struct t *t = *state;
    struct t_table tt;
    struct buf text;
    size_t count = 1;
    t_table_open(t, &tt, T_SCHEMA_KV, NULL, 0);
    buf_init(&text, &t->mem, 1 << 20);
    for (int i = 0; i < 5000; i++)
        assert_ok(t, buf_printf(&text, &t->err, "same,%d\n", i));
    assert_ok(t, buf_append_u8(&text, 0, &t->err));
    t_table_add(t, &tt, (const char *)text.ptr);
    assert_ok(t, upkeep_split(tt.table, 100, false, &t->mem, &count, &t->err));
    assert_int_equal(count, 0);
    assert_int_equal(state_leaf_count(state_table_view(tt.table)), 1);
    buf_fini(&text);
    t_table_close(&tt);
}

static void splitting_survives_every_fault(void **state)
{
    struct t *t = *state;
    struct t_table tt;
    struct buf text;
    size_t count = 0;
    t_table_open(t, &tt, T_SCHEMA_KV, NULL, 0);
    buf_init(&text, &t->mem, 1 << 20);
    for (int i = 0; i < 200; i++)
        assert_ok(t, buf_printf(&text, &t->err, "k%05d,%d\n", i, i));
    assert_ok(t, buf_append_u8(&text, 0, &t->err));
    t_table_add(t, &tt, (const char *)text.ptr);
    T_FAULT_LOOP(t) {
        struct state_instance *instance = NULL; /* of its own: handles keep room for next time */
        struct state_table *table = NULL;
        slp_rc rc = state_instance_open(&t->mem, tt.store, NULL, &instance, &t->err);
        if (rc == SLP_OK)
            rc = state_table_open(instance, slice_str("test"), &table, &t->err);
        if (rc == SLP_OK)
            rc = upkeep_split(table, 50, true, &t->mem, &count, &t->err);
        state_table_close(table);
        state_instance_close(instance);
        assert_true(t->fault_hit ? rc != SLP_OK : rc == SLP_OK);
    }
    buf_fini(&text);
    t_table_close(&tt);
}

T_MAIN(T_TEST(live_files_are_never_collected),
       T_TEST(dead_files_and_strangers_go_when_they_are_old_enough),
       T_TEST(outputs_of_an_open_job_are_spared),
       T_TEST(a_job_ends_in_the_log_before_its_outputs_go), T_TEST(a_sound_table_has_no_problems),
       T_TEST(a_damaged_frame_is_one_problem), T_TEST(every_flipped_byte_of_a_data_file_is_found),
       T_TEST(splitting_moves_no_rows_and_cuts_exactly),
       T_TEST(who_splits_cuts_what_was_filed_down_and_records_it),
       T_TEST(leaves_of_one_block_are_split_by_their_rows),
       T_TEST(a_single_row_key_is_never_parted), T_TEST(splitting_survives_every_fault))
