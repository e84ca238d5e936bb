/*
 * Collecting, in a memory store whose clock the test owns. Rules in the names of tests are those that
 * they break without: G1, G2, S3, C2, F2, T1.
 */
#include <stdio.h>
#include <string.h>

#include "lib/refs.h"
#include "lib/table.h"
#include "os/clock.h"
#include "state/frame.h"
#include "state/global.h"
#include "state/reach.h"
#include "store/memory.h"
#include "upkeep/upkeep.h"

#define DAY_S    ((int64_t)24 * 3600)
#define SECOND   ((int64_t)1000 * 1000)
#define START_US ((int64_t)1700000000 * SECOND)

/* A clock that stands still until it is moved. */
struct hand {
    struct os_clock base;
    int64_t now_us;
};

static int64_t hand_us(struct os_clock *c)
{
    return ((struct hand *)c)->now_us;
}

static void hand_sleep(struct os_clock *c, int64_t us)
{
    ((struct hand *)c)->now_us += us > 0 ? us : 0;
}

static const struct os_clock_ops hand_ops = {
    .wall_us = hand_us, .mono_us = hand_us, .sleep_us = hand_sleep};

struct world {
    struct hand clock;
    struct t_table tt;
    char last[600]; /* what was told last */
    size_t told;
};

static void begin(struct t *t, struct world *w)
{
    struct store *store = NULL;
    *w = (struct world){.clock = {.base = {.ops = &hand_ops}, .now_us = START_US}};
    assert_ok(t, store_memory_new(&t->mem, &store, &t->err));
    store_memory_set_clock(store, &w->clock.base);
    t_table_open_in(t, &w->tt, store, T_SCHEMA_KV, NULL, 0);
}

static void pass_s(struct world *w, int64_t s)
{
    w->clock.now_us += s * SECOND;
}

static slp_rc note(void *context, const struct upkeep_garbage *g, struct slp_err *err)
{
    struct world *w = context;
    (void)err;
    w->told++;
    (void)snprintf(w->last, sizeof w->last, "%.*s: %.*s", SLICE_ARG(g->object), SLICE_ARG(g->why));
    return SLP_OK;
}

static size_t collect_as(struct t *t, struct world *w, int64_t min_age_s, bool dry_run)
{
    struct upkeep_gc_options o = {
        .min_age_s = min_age_s, .dry_run = dry_run, .told = note, .context = w};
    struct upkeep_gc_result result = {0};
    w->told = 0;
    assert_ok(t, upkeep_collect(w->tt.table, &o, &t->mem, &result, &t->err));
    assert_int_equal(result.objects, w->told);
    return result.objects;
}

static size_t collect(struct t *t, struct world *w)
{
    return collect_as(t, w, -1, false);
}

static const struct table_state *view(const struct world *w)
{
    return state_table_view(w->tt.table);
}

static void put(struct t *t, struct world *w, const char *name)
{
    struct state_name object;
    assert_ok(t, state_table_object(w->tt.table, slice_str(name), &object, &t->err));
    assert_ok(
        t, store_put_if_absent(w->tt.store, state_name_slice(&object), slice_str("junk"), &t->err));
}

static bool is_there(struct t *t, struct world *w, const char *name)
{
    struct state_name object;
    struct buf bytes;
    buf_init(&bytes, &t->mem, 1 << 20);
    assert_ok(t, state_table_object(w->tt.table, slice_str(name), &object, &t->err));
    slp_rc rc = store_get(w->tt.store, state_name_slice(&object), &bytes, &t->err);
    buf_fini(&bytes);
    return rc == SLP_OK;
}

/* A frame that changes nothing. */
static void move_on(struct t *t, struct world *w, int frames)
{
    for (int i = 0; i < frames; i++) {
        struct state_result result = {0};
        struct state_txn txn = {.kind = STATE_UNPIN, .unpin = {.name = slice_str("none")}};
        assert_ok(t, state_table_commit(w->tt.table, &txn, NULL, &result, &t->err));
    }
}

static void name_at(char out[128], uint64_t base, const char *folder, const char *rest)
{
    (void)snprintf(out, 128, "%s%020llu-%s", folder, (unsigned long long)base, rest);
}

/* Replace all in the only leaf by nothing. */
static void kill_files(struct t *t, struct world *w)
{
    struct state_id inputs[8];
    struct state_result result = {0};
    const struct state_leaf *leaf = state_leaf_at(view(w), 0);
    struct state_assign_item item = {
        .leaf = leaf->range, .inputs = inputs, .deadline_us = INT64_MAX};
    for (size_t i = 0; i < leaf->ref_count && i < 8; i++)
        inputs[item.input_count++] = t_refs(leaf)[i].file->id;
    struct state_txn assign = {.kind = STATE_ASSIGN, .assign = {.items = &item, .count = 1}};
    assert_ok(t, state_table_commit(w->tt.table, &assign, NULL, &result, &t->err));
    assert_ok(t, state_result_check(&result, &t->err));
    struct state_replace_item end = {
        .job = state_result_id(&result, 0), .attempt = 1, .range = {.has_hi = false}};
    struct state_txn replace = {.kind = STATE_REPLACE, .replace = {.items = &end, .count = 1}};
    assert_ok(t, state_table_commit(w->tt.table, &replace, NULL, &result, &t->err));
    assert_ok(t, state_result_check(&result, &t->err));
}

/* ---- G1: the marks go first ---- */

static void a_stranger_goes_when_the_log_has_left_it_behind_for_seven_days_G1(void **state)
{
    struct t *t = *state;
    struct world w;
    char name[128];
    begin(t, &w);
    move_on(t, &w, 3);
    name_at(name, state_number(view(&w)), "data/3f/", "ff.parquet");
    put(t, &w, name);
    move_on(t, &w, 1);
    pass_s(&w, 6 * DAY_S);
    assert_int_equal(collect(t, &w), 0);
    pass_s(&w, DAY_S);
    assert_int_equal(collect_as(t, &w, -1, true), 1);
    assert_true(is_there(t, &w, name));
    assert_int_equal(state_minted(view(&w)), 0); /* a dry run commits nothing */
    assert_int_equal(collect(t, &w), 1);
    assert_non_null(strstr(w.last, "no state has named it"));
    assert_false(is_there(t, &w, name));
    t_table_close(&w.tt);
}

static void the_age_of_a_stranger_does_not_count_but_that_of_its_base_G1(void **state)
{
    struct t *t = *state;
    struct world w;
    char old[128];
    char young[128];
    begin(t, &w);
    name_at(old, state_number(view(&w)), "data/3f/", "old.parquet");
    move_on(t, &w, 2);
    pass_s(&w, 7 * DAY_S + 1);
    move_on(t, &w, 1);
    name_at(young, state_number(view(&w)), "data/3f/", "young.parquet");
    /* Written just now, by a writer that slept for a week: what it commits is refused. */
    put(t, &w, old);
    put(t, &w, young);
    assert_int_equal(collect(t, &w), 1);
    assert_false(is_there(t, &w, old));
    assert_true(is_there(t, &w, young));
    t_table_close(&w.tt);
}

static void what_was_made_before_the_mark_is_refused_once_it_may_have_gone_G1(void **state)
{
    struct t *t = *state;
    struct world w;
    char name[128];
    struct state_table *late = NULL;
    struct state_result result = {0};
    begin(t, &w);
    assert_ok(t, state_table_open(w.tt.instance, slice_str("test"), &late, &t->err));
    name_at(name, state_number(view(&w)), "data/3f/", "late.parquet");
    put(t, &w, name);
    move_on(t, &w, 1);
    pass_s(&w, 8 * DAY_S);
    assert_int_equal(collect(t, &w), 1);
    struct state_new_file file = {.name = slice_str(name), .schema_version = 1};
    file.info = (struct datafile_info){
        .file_bytes = 4, .rows = 1, .first_key = slice_str("a"), .last_key = slice_str("a")};
    struct state_txn txn = {.kind = STATE_ADD, .add = {.files = &file, .count = 1}};
    assert_ok(t, state_table_commit(late, &txn, NULL, &result, &t->err));
    assert_int_equal(result.outcome.reason, STATE_REASON_TOO_OLD);
    state_table_close(late);
    t_table_close(&w.tt);
}

static void a_log_that_stands_still_is_moved_on_so_that_leftovers_grow_old_G1(void **state)
{
    struct t *t = *state;
    struct world w;
    char name[128];
    begin(t, &w);
    uint64_t number = state_number(view(&w));
    name_at(name, number, "data/3f/", "ff.parquet");
    put(t, &w, name);
    pass_s(&w, 7 * DAY_S);
    assert_int_equal(collect(t, &w), 0);
    assert_int_equal(state_number(view(&w)), number + 1);
    assert_int_equal(collect(t, &w), 0);
    assert_int_equal(state_number(view(&w)), number + 1);
    pass_s(&w, 7 * DAY_S);
    assert_int_equal(collect(t, &w), 1);
    t_table_close(&w.tt);
}

/* ---- G2: what goes is worked out behind the collect ---- */

/* A file, a snapshot behind it, and pin "p" of that; it expires then, or never. */
static void add_and_pin(struct t *t, struct world *w, int64_t expires_us)
{
    struct state_kept kept;
    struct state_result result = {0};
    t_table_add(t, &w->tt, "a,1\n");
    assert_ok(t, state_table_keep(w->tt.table, 1, &kept, &t->err));
    const struct state_verified *v = state_verified_at(view(w), 0);
    struct state_txn pin = {.kind = STATE_PIN,
                            .pin = {.name = slice_str("p"),
                                    .root = slice_str(v->root),
                                    .number = v->number,
                                    .expires_us = expires_us}};
    assert_ok(t, state_table_commit(w->tt.table, &pin, NULL, &result, &t->err));
    assert_ok(t, state_result_check(&result, &t->err));
}

static void dead_files_wait_for_readers_and_for_pins_G2(void **state)
{
    struct t *t = *state;
    struct world w;
    struct state_result result = {0};
    begin(t, &w);
    add_and_pin(t, &w, 0);
    kill_files(t, &w);
    move_on(t, &w, 1);
    assert_int_equal(collect(t, &w), 0);
    pass_s(&w, 30 * DAY_S);
    (void)collect(t, &w);
    assert_int_equal(state_dead_count(view(&w)), 1); /* the pin has it */
    struct state_txn unpin = {.kind = STATE_UNPIN, .unpin = {.name = slice_str("p")}};
    assert_ok(t, state_table_commit(w.tt.table, &unpin, NULL, &result, &t->err));
    assert_true(collect(t, &w) >= 1);
    assert_non_null(strstr(w.last, ": "));
    assert_int_equal(state_dead_count(view(&w)), 0);
    assert_int_equal(collect(t, &w), 0);
    t_table_close(&w.tt);
}

/* Whoever collects takes away what has expired by the store's clock, and no pin that has its name since. */
static void an_expired_pin_goes_and_with_it_what_it_held_T1(void **state)
{
    struct t *t = *state;
    struct world w;
    struct state_result result = {0};
    begin(t, &w);
    add_and_pin(t, &w, store_now_us(w.tt.store) + (int64_t)20 * DAY_S * 1000000);
    struct state_txn late = {.kind = STATE_UNPIN, .unpin = {.name = slice_str("p"), .at = {1, 0}}};
    assert_ok(t, state_table_commit(w.tt.table, &late, NULL, &result, &t->err));
    assert_int_equal(result.outcome.reason, STATE_REASON_NO_PIN);
    kill_files(t, &w);
    move_on(t, &w, 1);
    pass_s(&w, 19 * DAY_S);
    (void)collect(t, &w);
    assert_int_equal(state_pin_count(view(&w)), 1);
    assert_int_equal(state_dead_count(view(&w)), 1);
    pass_s(&w, 2 * DAY_S);
    assert_true(collect(t, &w) >= 1);
    assert_int_equal(state_pin_count(view(&w)), 0);
    assert_int_equal(state_dead_count(view(&w)), 0);
    t_table_close(&w.tt);
}

static void a_dead_file_is_as_young_as_the_younger_of_two_clocks_says_T1(void **state)
{
    struct t *t = *state;
    struct world w;
    begin(t, &w);
    t_table_add(t, &w.tt, "a,1\n");
    pass_s(&w, 3600 * 2); /* an author whose clock is ahead */
    kill_files(t, &w);
    move_on(t, &w, 1);
    pass_s(&w, -3600 * 2);
    t_table_add(t, &w.tt, "b,1\n");
    pass_s(&w, 3600 + 1);
    assert_int_equal(collect(t, &w), 0);
    pass_s(&w, 3600 * 2);
    assert_int_equal(collect(t, &w), 1);
    t_table_close(&w.tt);
}

static void history_is_kept_for_as_long_as_the_property_says(void **state)
{
    struct t *t = *state;
    struct world w;
    struct state_result result = {0};
    begin(t, &w);
    struct state_property p = {.name = slice_str("gc.history"), .value = slice_str("30d")};
    struct state_txn set = {.kind = STATE_PROPERTIES, .properties = {.items = &p, .count = 1}};
    assert_ok(t, state_table_commit(w.tt.table, &set, NULL, &result, &t->err));
    t_table_add(t, &w.tt, "a,1\n");
    kill_files(t, &w);
    move_on(t, &w, 1);
    pass_s(&w, 29 * DAY_S);
    assert_int_equal(collect(t, &w), 0);
    assert_int_equal(state_dead_count(view(&w)), 1);
    pass_s(&w, 2 * DAY_S);
    assert_int_equal(collect(t, &w), 1);
    t_table_close(&w.tt);
}

static void outputs_of_open_jobs_are_spared_however_old_they_are_G1(void **state)
{
    struct t *t = *state;
    struct world w;
    char name[128];
    struct state_result result = {0};
    begin(t, &w);
    t_table_add(t, &w.tt, "a,1\n");
    const struct state_leaf *leaf = state_leaf_at(view(&w), 0);
    struct state_id input = t_refs(leaf)[0].file->id;
    struct state_assign_item item = {
        .leaf = leaf->range, .inputs = &input, .input_count = 1, .deadline_us = INT64_MAX};
    struct state_txn assign = {.kind = STATE_ASSIGN, .assign = {.items = &item, .count = 1}};
    assert_ok(t, state_table_commit(w.tt.table, &assign, NULL, &result, &t->err));
    name_at(name, state_number(view(&w)), "data/3f/", "job.parquet");
    put(t, &w, name);
    move_on(t, &w, 1);
    pass_s(&w, 100 * DAY_S);
    assert_int_equal(collect(t, &w), 0);
    assert_true(is_there(t, &w, name));
    t_table_close(&w.tt);
}

/* Commit an add whose payload is out of line, by hand; `name` is that of its body. */
static void add_apart(struct t *t, struct world *w, char name[128])
{
    struct arena arena;
    struct buf body;
    struct buf txn_bytes;
    struct buf frame;
    char last[64];
    struct state_name object;
    uint64_t number = state_number(view(w));
    struct state_apart apart = {.base = number, .object = &body};
    struct state_new_file file = {.schema_version = 1};
    char file_name[128];
    arena_init(&arena, &t->mem, 1 << 20);
    buf_init(&body, &t->mem, 1 << 20);
    buf_init(&txn_bytes, &t->mem, 1 << 20);
    buf_init(&frame, &t->mem, 1 << 20);
    name_at(file_name, number, "data/3f/", "apart.parquet");
    file.name = slice_str(file_name);
    file.info = (struct datafile_info){
        .file_bytes = 4, .rows = 1, .first_key = slice_str("a"), .last_key = slice_str("a")};
    struct state_txn txn = {.kind = STATE_ADD,
                            .rule_version = STATE_RULE_VERSION,
                            .base = number,
                            .add = {.files = &file, .count = 1}};
    txn.txid.bytes[0] = 77;
    assert_ok(t, state_txn_encode_apart(&txn, &apart, &arena, &txn_bytes, &t->err));
    (void)snprintf(name, 128, "%s", apart.name);
    assert_ok(t, state_table_object(w->tt.table, slice_str(name), &object, &t->err));
    assert_ok(
        t, store_put_if_absent(w->tt.store, state_name_slice(&object), buf_slice(&body), &t->err));
    (void)snprintf(last, sizeof last, "log/%020llu", (unsigned long long)number);
    assert_ok(t, state_table_object(w->tt.table, slice_str(last), &object, &t->err));
    assert_ok(t, store_get(w->tt.store, state_name_slice(&object), &frame, &t->err));
    struct hash128 previous = hash_xxh128(buf_slice(&frame));
    assert_ok(t,
              state_frame_encode(number + 1, previous, buf_slice(&txn_bytes), 1, &frame, &t->err));
    (void)snprintf(last, sizeof last, "log/%020llu", (unsigned long long)number + 1);
    assert_ok(t, state_table_object(w->tt.table, slice_str(last), &object, &t->err));
    assert_ok(
        t, store_put_if_absent(w->tt.store, state_name_slice(&object), buf_slice(&frame), &t->err));
    assert_ok(t, state_table_refresh(w->tt.table, &t->err));
    buf_fini(&body);
    buf_fini(&txn_bytes);
    buf_fini(&frame);
    arena_fini(&arena);
}

static void a_body_that_a_frame_names_stays_and_another_goes_G2(void **state)
{
    struct t *t = *state;
    struct world w;
    char name[128];
    char other[128];
    begin(t, &w);
    move_on(t, &w, 1);
    add_apart(t, &w, name);
    assert_int_equal(state_leaf_at(view(&w), 0)->ref_count, 1);
    name_at(other, 1, "body/", "00112233445566778899aabbccddeeff");
    put(t, &w, other);
    move_on(t, &w, 1);
    pass_s(&w, 100 * DAY_S);
    assert_int_equal(collect(t, &w), 1);
    assert_false(is_there(t, &w, other));
    assert_true(is_there(t, &w, name));
    t_table_close(&w.tt);
}

/* ---- S3, F2, C2 ---- */

static size_t count_below(struct t *t, struct world *w, const char *folder)
{
    struct arena arena;
    struct store_item *items = NULL;
    struct state_name prefix;
    size_t count = 0;
    arena_init(&arena, &t->mem, 1 << 22);
    assert_ok(t, state_table_object(w->tt.table, slice_str(folder), &prefix, &t->err));
    assert_ok(t, store_list(w->tt.store, state_name_slice(&prefix), slice_of(NULL, 0), 1000, &arena,
                            &items, &count, &t->err));
    arena_fini(&arena);
    return count;
}

static void snapshots_that_nobody_begins_from_go_and_the_table_still_opens_S3(void **state)
{
    struct t *t = *state;
    struct world w;
    struct state_kept kept;
    begin(t, &w);
    for (int i = 0; i < 6; i++) {
        char row[16];
        (void)snprintf(row, sizeof row, "k%d,%d\n", i, i);
        t_table_add(t, &w.tt, row);
        assert_ok(t, state_table_keep(w.tt.table, 1, &kept, &t->err));
    }
    size_t before = count_below(t, &w, "snap/");
    move_on(t, &w, 1);
    assert_int_equal(collect(t, &w), 0);
    pass_s(&w, 8 * DAY_S);
    assert_true(collect(t, &w) > 0);
    assert_true(count_below(t, &w, "snap/") < before);
    struct arena arena;
    struct state_names kept_names;
    arena_init(&arena, &t->mem, 1 << 22);
    assert_ok(t, state_snapshot_reachable(w.tt.table, state_horizon(view(&w)), &arena, &kept_names,
                                          &t->err));
    assert_int_equal(count_below(t, &w, "snap/"), kept_names.count);
    for (size_t i = 0; i < kept_names.count; i++) {
        char name[128];
        (void)snprintf(name, sizeof name, "%.*s", SLICE_ARG(kept_names.names[i]));
        assert_true(is_there(t, &w, name));
    }
    arena_fini(&arena);
    struct state_table *again = NULL;
    assert_ok(t, state_table_open(w.tt.instance, slice_str("test"), &again, &t->err));
    assert_int_equal(state_leaf_at(state_table_view(again), 0)->ref_count, 6);
    state_table_close(again);
    assert_int_equal(collect(t, &w), 0);
    t_table_close(&w.tt);
}

static void a_snapshot_that_may_be_restored_is_kept_G5(void **state)
{
    struct t *t = *state;
    struct world w;
    struct state_kept kept;
    struct state_result result = {0};
    begin(t, &w);
    struct state_property p = {.name = slice_str("gc.history"), .value = slice_str("300d")};
    struct state_txn set = {.kind = STATE_PROPERTIES, .properties = {.items = &p, .count = 1}};
    assert_ok(t, state_table_commit(w.tt.table, &set, NULL, &result, &t->err));
    for (int i = 0; i < 5; i++) {
        t_table_add(t, &w.tt, "a,1\n");
        assert_ok(t, state_table_keep(w.tt.table, 1, &kept, &t->err));
    }
    move_on(t, &w, 1);
    pass_s(&w, 100 * DAY_S);
    (void)collect(t, &w);
    for (size_t i = 0; i < state_verified_count(view(&w)); i++)
        assert_true(is_there(t, &w, state_verified_at(view(&w), i)->root));
    t_table_close(&w.tt);
}

static void frames_below_the_floor_go_whoever_left_them_F2(void **state)
{
    struct t *t = *state;
    struct world w;
    struct state_kept kept;
    begin(t, &w);
    move_on(t, &w, 3);
    assert_ok(t, state_table_keep(w.tt.table, 1, &kept, &t->err));
    move_on(t, &w, 2);
    assert_ok(t, state_table_keep(w.tt.table, 1, &kept, &t->err));
    assert_true(kept.floor > 2);
    put(t, &w, "log/00000000000000000002"); /* created by somebody who slept */
    assert_int_equal(collect(t, &w), 1);
    assert_non_null(strstr(w.last, "below the floor"));
    assert_false(is_there(t, &w, "log/00000000000000000002"));
    t_table_close(&w.tt);
}

/* Whoever looks at frames while another trims them: what the floor has passed is left out, and a body that
 * such a frame named may go. */
static void frames_that_are_trimmed_while_bodies_are_looked_for_are_left_out_G2(void **state)
{
    struct t *t = *state;
    struct world w;
    struct state_kept kept;
    struct state_table *slow = NULL;
    struct arena arena;
    struct state_names names;
    char name[128];
    begin(t, &w);
    move_on(t, &w, 1);
    add_apart(t, &w, name);
    move_on(t, &w, 1);
    arena_init(&arena, &t->mem, 1 << 22);
    assert_ok(t, state_table_open(w.tt.instance, slice_str("test"), &slow, &t->err));
    assert_ok(t, state_bodies_named(slow, 1, &arena, &names, &t->err));
    assert_true(state_names_have(&names, slice_str(name)));
    for (int i = 0; i < 2; i++) {
        move_on(t, &w, 1);
        assert_ok(t, state_table_keep(w.tt.table, 1, &kept, &t->err));
    }
    assert_true(kept.deleted > 0 && kept.floor > state_number(state_table_view(slow)));
    assert_ok(t, state_bodies_named(slow, 1, &arena, &names, &t->err));
    assert_int_equal(names.count, 0);
    arena_fini(&arena);
    state_table_close(slow);
    t_table_close(&w.tt);
}

static void what_waits_in_the_inbox_goes_when_it_is_over_C2(void **state)
{
    struct t *t = *state;
    struct world w;
    struct state_history *h = NULL;
    struct state_history_entry e;
    char hex[33];
    char over[128];
    char waiting[128];
    begin(t, &w);
    assert_ok(t, state_history_open(w.tt.instance, w.tt.table, &h, &t->err));
    assert_ok(t, state_history_next(h, &e, &t->err));
    hash_format(e.txn->txid, hex);
    state_history_close(h);
    name_at(over, 1, "inbox/", hex);
    name_at(waiting, 1, "inbox/", "00112233445566778899aabbccddeeff");
    put(t, &w, over);
    put(t, &w, waiting);
    pass_s(&w, 100 * DAY_S);
    assert_int_equal(collect(t, &w), 1);
    assert_false(is_there(t, &w, over));
    assert_true(is_there(t, &w, waiting));
    t_table_close(&w.tt);
}

/* ---- Bounds ---- */

static void a_collection_deletes_no_more_than_the_property_says_and_the_next_goes_on(void **state)
{
    struct t *t = *state;
    struct world w;
    struct state_result result = {0};
    struct upkeep_gc_result gone = {0};
    struct upkeep_gc_options o = {.min_age_s = -1};
    begin(t, &w);
    struct state_property p[] = {{.name = slice_str("gc.batch.size"), .value = slice_str("2")},
                                 {.name = slice_str("gc.files.maximum"), .value = slice_str("3")}};
    struct state_txn set = {.kind = STATE_PROPERTIES, .properties = {.items = p, .count = 2}};
    assert_ok(t, state_table_commit(w.tt.table, &set, NULL, &result, &t->err));
    for (int i = 0; i < 5; i++) {
        char name[128];
        char rest[32];
        (void)snprintf(rest, sizeof rest, "%d.parquet", i);
        name_at(name, 1, "data/3f/", rest);
        put(t, &w, name);
    }
    pass_s(&w, 8 * DAY_S);
    assert_ok(t, upkeep_collect(w.tt.table, &o, &t->mem, &gone, &t->err));
    assert_int_equal(gone.objects, 3);
    assert_true(gone.is_capped);
    assert_ok(t, upkeep_collect(w.tt.table, &o, &t->mem, &gone, &t->err));
    assert_int_equal(gone.objects, 2);
    assert_false(gone.is_capped);
    t_table_close(&w.tt);
}

static void a_second_collection_finds_and_commits_nothing(void **state)
{
    struct t *t = *state;
    struct world w;
    struct state_kept kept;
    begin(t, &w);
    t_table_add(t, &w.tt, "a,1\n");
    assert_ok(t, state_table_keep(w.tt.table, 1, &kept, &t->err));
    kill_files(t, &w);
    assert_true(collect_as(t, &w, 0, false) > 0);
    uint64_t number = state_number(view(&w));
    assert_int_equal(collect_as(t, &w, 0, true), 0);
    assert_int_equal(collect_as(t, &w, 0, false), 0);
    assert_int_equal(state_number(view(&w)), number);
    assert_int_equal(state_dead_count(view(&w)), 0);
    t_table_close(&w.tt);
}

static void collecting_survives_every_fault_and_goes_on(void **state)
{
    struct t *t = *state;
    struct world w;
    begin(t, &w);
    t_table_add(t, &w.tt, "a,1\n");
    t_table_add(t, &w.tt, "b,1\n");
    kill_files(t, &w);
    for (uint64_t k = 0;; k++) {
        struct store *faulty = NULL;
        struct state_instance *instance = NULL;
        struct state_table *table = NULL;
        struct upkeep_gc_result gone = {0};
        struct upkeep_gc_options o = {.min_age_s = 0};
        struct store_fault_plan plan = {.fault_at = k, .kind = STORE_FAULT_BEFORE};
        assert_ok(t, store_faulty_new(&t->mem, w.tt.store, &plan, &faulty, &t->err));
        slp_rc rc = state_instance_open(&t->mem, faulty, NULL, &instance, &t->err);
        if (rc == SLP_OK)
            rc = state_table_open(instance, slice_str("test"), &table, &t->err);
        if (rc == SLP_OK)
            rc = upkeep_collect(table, &o, &t->mem, &gone, &t->err);
        bool is_hit = store_faulty_hits(faulty) > 0;
        state_table_close(table);
        state_instance_close(instance);
        store_close(faulty);
        if (!is_hit) {
            assert_int_equal(rc, SLP_OK);
            break;
        }
    }
    assert_int_equal(count_below(t, &w, "data/"), 0);
    assert_ok(t, state_table_refresh(w.tt.table, &t->err));
    t_table_close(&w.tt);
}

static void collecting_survives_running_out_of_memory(void **state)
{
    struct t *t = *state;
    struct world w;
    begin(t, &w);
    t_table_add(t, &w.tt, "a,1\n");
    kill_files(t, &w);
    T_FAULT_LOOP(t) {
        struct state_instance *instance = NULL;
        struct state_table *table = NULL;
        struct upkeep_gc_result gone = {0};
        struct upkeep_gc_options o = {.min_age_s = 0, .dry_run = true};
        slp_rc rc = state_instance_open(&t->mem, w.tt.store, NULL, &instance, &t->err);
        if (rc == SLP_OK)
            rc = state_table_open(instance, slice_str("test"), &table, &t->err);
        if (rc == SLP_OK)
            rc = upkeep_collect(table, &o, &t->mem, &gone, &t->err);
        state_table_close(table);
        state_instance_close(instance);
        assert_true(t->fault_hit ? rc != SLP_OK : rc == SLP_OK && gone.objects == 1);
    }
    t_table_close(&w.tt);
}

/* ---- Tables that are none ---- */

static size_t collect_tables(struct t *t, struct world *w, int64_t min_age_s)
{
    struct upkeep_gc_options o = {.min_age_s = min_age_s, .told = note, .context = w};
    struct upkeep_gc_result result = {0};
    assert_ok(t, upkeep_collect_tables(w->tt.instance, &o, &t->mem, &result, &t->err));
    return result.objects;
}

static void objects_of_a_dropped_table_go_after_its_delay_but_for_the_floor(void **state)
{
    struct t *t = *state;
    struct world w;
    begin(t, &w);
    t_table_add(t, &w.tt, "a,1\n");
    assert_int_equal(collect_tables(t, &w, -1), 0);
    assert_ok(t, state_table_drop(w.tt.instance, slice_str("test"), &t->err));
    assert_int_equal(collect_tables(t, &w, -1), 0);
    pass_s(&w, 3600 + 1);
    assert_true(collect_tables(t, &w, -1) >= 3);
    assert_non_null(strstr(w.last, "its table was dropped"));
    assert_int_equal(count_below(t, &w, ""), 1);
    assert_true(is_there(t, &w, "floor"));
    assert_int_equal(collect_tables(t, &w, -1), 0);
    /* Who had it open is told, whatever it tries. */
    assert_int_equal(state_table_refresh(w.tt.table, &t->err), SLP_NOT_FOUND);
    t_table_close(&w.tt);
}

static void a_table_that_was_begun_and_never_entered_goes_after_seven_days_F2(void **state)
{
    struct t *t = *state;
    struct world w;
    static const char *const frame = "t/00112233445566778899aabbccddeeff/log/00000000000000000001";
    static const char *const floor = "t/00112233445566778899aabbccddeeff/floor";
    struct buf bytes;
    begin(t, &w);
    buf_init(&bytes, &t->mem, 1 << 16);
    assert_ok(t, store_put_if_absent(w.tt.store, slice_str(frame), slice_str("x"), &t->err));
    pass_s(&w, 6 * DAY_S);
    assert_int_equal(collect_tables(t, &w, -1), 0);
    pass_s(&w, 2 * DAY_S);
    assert_int_equal(collect_tables(t, &w, -1), 1);
    assert_int_equal(store_get(w.tt.store, slice_str(frame), &bytes, &t->err), SLP_NOT_FOUND);
    assert_ok(t, store_get(w.tt.store, slice_str(floor), &bytes, &t->err));
    assert_int_equal(collect_tables(t, &w, -1), 0);
    assert_ok(t, state_table_refresh(w.tt.table, &t->err));
    buf_fini(&bytes);
    t_table_close(&w.tt);
}

/* ---- Check ---- */

static slp_rc note_finding(void *context, const struct upkeep_finding *f, struct slp_err *err)
{
    struct world *w = context;
    (void)err;
    w->told++;
    (void)snprintf(w->last, sizeof w->last, "%s %.*s: %.*s", upkeep_severity_text(f->severity),
                   SLICE_ARG(f->object), SLICE_ARG(f->text));
    return SLP_OK;
}

static size_t check(struct t *t, struct world *w)
{
    w->told = 0;
    assert_ok(t, upkeep_check(w->tt.table, NULL, note_finding, w, &t->mem, &t->err));
    return w->told;
}

static void a_stamp_more_than_an_hour_ahead_is_named_T1(void **state)
{
    struct t *t = *state;
    struct world w;
    begin(t, &w);
    assert_int_equal(check(t, &w), 0);
    pass_s(&w, 2 * 3600);
    move_on(t, &w, 1);
    assert_int_equal(check(t, &w), 0);
    pass_s(&w, -2 * 3600);
    assert_int_equal(check(t, &w), 1);
    assert_non_null(strstr(w.last, "warning"));
    assert_non_null(strstr(w.last, "log/00000000000000000002: the stamp"));
    t_table_close(&w.tt);
}

static void a_missing_body_and_a_stranger_are_told_by_check_G3(void **state)
{
    struct t *t = *state;
    struct world w;
    char name[128];
    struct state_name object;
    begin(t, &w);
    put(t, &w, "data/3f/00000000000000000001-ff.parquet");
    assert_int_equal(check(t, &w), 1);
    assert_non_null(strstr(w.last, "info data/3f/00000000000000000001-ff.parquet"));
    move_on(t, &w, 1);
    add_apart(t, &w, name);
    assert_ok(t, state_table_object(w.tt.table, slice_str(name), &object, &t->err));
    assert_ok(t, store_delete(w.tt.store, state_name_slice(&object), &t->err));
    assert_int_equal(check(t, &w), 3); /* that body, its file and the stranger */
    t_table_close(&w.tt);
}

T_MAIN(T_TEST(a_stamp_more_than_an_hour_ahead_is_named_T1),
       T_TEST(a_missing_body_and_a_stranger_are_told_by_check_G3),
       T_TEST(a_stranger_goes_when_the_log_has_left_it_behind_for_seven_days_G1),
       T_TEST(the_age_of_a_stranger_does_not_count_but_that_of_its_base_G1),
       T_TEST(what_was_made_before_the_mark_is_refused_once_it_may_have_gone_G1),
       T_TEST(a_log_that_stands_still_is_moved_on_so_that_leftovers_grow_old_G1),
       T_TEST(dead_files_wait_for_readers_and_for_pins_G2),
       T_TEST(an_expired_pin_goes_and_with_it_what_it_held_T1),
       T_TEST(a_dead_file_is_as_young_as_the_younger_of_two_clocks_says_T1),
       T_TEST(history_is_kept_for_as_long_as_the_property_says),
       T_TEST(outputs_of_open_jobs_are_spared_however_old_they_are_G1),
       T_TEST(a_body_that_a_frame_names_stays_and_another_goes_G2),
       T_TEST(snapshots_that_nobody_begins_from_go_and_the_table_still_opens_S3),
       T_TEST(a_snapshot_that_may_be_restored_is_kept_G5),
       T_TEST(frames_below_the_floor_go_whoever_left_them_F2),
       T_TEST(frames_that_are_trimmed_while_bodies_are_looked_for_are_left_out_G2),
       T_TEST(what_waits_in_the_inbox_goes_when_it_is_over_C2),
       T_TEST(a_collection_deletes_no_more_than_the_property_says_and_the_next_goes_on),
       T_TEST(a_second_collection_finds_and_commits_nothing),
       T_TEST(collecting_survives_every_fault_and_goes_on),
       T_TEST(collecting_survives_running_out_of_memory),
       T_TEST(objects_of_a_dropped_table_go_after_its_delay_but_for_the_floor),
       T_TEST(a_table_that_was_begun_and_never_entered_goes_after_seven_days_F2))
