#include "state/head.h"

#include <stdio.h>

#include "base/num.h"
#include "state/keep.h"

#include "lib/t.h"
#include "unit/state/helpers.h"

static const char schema_json[] =
    "{\"rowKeyFields\":[{\"name\":\"key\",\"type\":\"StringType\"}],\"sortKeyFields\":[],"
    "\"valueFields\":[]}";

struct world {
    struct store *store;
    struct state_instance *instance;
    struct state_table *table;
    char head[48];
};

static void world_open(struct t *t, struct world *w)
{
    struct state_table_options make = {.name = slice_str("t"),
                                       .schema_json = slice_str(schema_json)};
    char hex[33];
    assert_ok(t, store_memory_new(alloc_system(), &w->store, &t->err));
    assert_ok(t, state_instance_create(w->store, NULL, &t->err));
    assert_ok(t, state_instance_open(&t->mem, w->store, NULL, &w->instance, &t->err));
    assert_ok(t, state_table_create(w->instance, &make, &t->err));
    assert_ok(t, state_table_open(w->instance, slice_str("t"), &w->table, &t->err));
    hash_format(state_table_id(w->table), hex);
    (void)snprintf(w->head, sizeof w->head, "t/%s/head", hex);
}

static void world_close(struct world *w)
{
    state_table_close(w->table);
    state_instance_close(w->instance);
    store_close(w->store);
}

static void add_some(struct t *t, struct state_table *table, int count)
{
    for (int i = 0; i < count; i++) {
        struct state_result r;
        struct state_new_file f = file_of("data/00/x.parquet", "b", "k", 10);
        struct state_txn txn = {.kind = STATE_ADD, .add = {.files = &f, .count = 1}};
        assert_ok(t, state_table_commit(table, &txn, NULL, &r, &t->err));
    }
}

/* Have the next commit write a head. */
static void commit_with_head(struct t *t, struct world *w)
{
    store_sleep_us(w->store, 2 * STATE_HEAD_EVERY_US);
    add_some(t, w->table, 1);
}

static void print(struct t *t, struct state_table *table, struct buf *out)
{
    buf_init(out, &t->mem, 1 << 24);
    assert_ok(t, state_print(state_table_view(table), out, &t->err));
}

/* A fresh handle sees what the writer's does; returns the rounds that it took. */
static uint64_t open_is_same(struct t *t, struct world *w)
{
    struct state_table *fresh = NULL;
    struct buf one;
    struct buf two;
    uint64_t before = store_counts_read(w->store).rounds;
    assert_ok(t, state_table_open_id(w->instance, state_table_id(w->table), &fresh, &t->err));
    uint64_t rounds = store_counts_read(w->store).rounds - before;
    print(t, w->table, &one);
    print(t, fresh, &two);
    assert_true(slice_equal(buf_slice(&one), buf_slice(&two)));
    buf_fini(&one);
    buf_fini(&two);
    state_table_close(fresh);
    return rounds;
}

static void get_head(struct t *t, struct world *w, struct buf *out)
{
    buf_init(out, &t->mem, STATE_HEAD_MAX_BYTES);
    assert_ok(t, store_get(w->store, slice_str(w->head), out, &t->err));
}

static void put_head(struct t *t, struct world *w, struct slice bytes)
{
    assert_ok(t, store_delete(w->store, slice_str(w->head), &t->err));
    assert_ok(t, store_put_if_absent(w->store, slice_str(w->head), bytes, &t->err));
}

static void a_head_saves_the_search_for_the_tip(void **state)
{
    struct t *t = *state;
    struct world w;
    world_open(t, &w);
    add_some(t, w.table, 60);
    commit_with_head(t, &w);
    assert_int_equal(open_is_same(t, &w),
                     2);     /* the head; the tail, what proves the head, the floor */
    add_some(t, w.table, 3); /* within a second: the head lags */
    assert_in_range(open_is_same(t, &w), 3, 4);
    assert_ok(t, store_delete(w.store, slice_str(w.head), &t->err));
    assert_in_range(open_is_same(t, &w), 5, 12);
    world_close(&w);
}

static void a_small_state_stands_in_the_head_whole(void **state)
{
    struct t *t = *state;
    struct world w;
    struct state_kept kept;
    world_open(t, &w);
    for (int i = 0; i < 3; i++) {
        add_some(t, w.table, 5);
        assert_ok(t, state_table_keep(w.table, 4, &kept, &t->err));
        assert_true(kept.is_made);
    }
    commit_with_head(t, &w);
    assert_int_equal(open_is_same(t, &w), 2);
    world_close(&w);
}

/* Any byte of it changed, or cut off anywhere: the state is the same. */
static void a_damaged_head_is_no_harm(void **state)
{
    struct t *t = *state;
    struct world w;
    struct buf bytes;
    struct state_kept kept;
    world_open(t, &w);
    add_some(t, w.table, 5);
    assert_ok(t, state_table_keep(w.table, 4, &kept, &t->err));
    commit_with_head(t, &w);
    get_head(t, &w, &bytes);
    for (int i = 0; i < 60; i++) {
        size_t at = i < 20 ? (size_t)i * 3 : t_below(t, bytes.len);
        bytes.ptr[at] ^= (uint8_t)(1 + t_below(t, 255));
        put_head(t, &w, i % 4 ? buf_slice(&bytes) : slice_first(buf_slice(&bytes), at));
        (void)open_is_same(t, &w);
    }
    buf_fini(&bytes);
    world_close(&w);
}

/* Whole, but not of this log: its frames lead elsewhere, or nobody verified its root. */
/* Rule F4: it is a hint, whatever it says. */
static void a_lying_head_is_not_believed(void **state)
{
    struct t *t = *state;
    struct world w;
    struct world other;
    struct buf old;
    struct buf bytes;
    struct state_head head;
    struct state_kept kept;
    world_open(t, &w);
    world_open(t, &other);
    add_some(t, w.table, 9);
    add_some(t, other.table, 5);
    assert_ok(t, state_table_keep(other.table, 4, &kept, &t->err));
    commit_with_head(t, &w);
    commit_with_head(t, &other);
    get_head(t, &other, &bytes);
    put_head(t, &w, buf_slice(&bytes));
    (void)open_is_same(t, &w);
    /* The frames of one log on top of the root of another. */
    get_head(t, &w, &old);
    assert_ok(t, state_head_decode(buf_slice(&old), &head, &t->err));
    head.frames = slice_of(NULL, 0);
    head.to = head.from;
    buf_clear(&bytes);
    assert_ok(t, state_head_encode(&head, &bytes, &t->err));
    put_head(t, &w, buf_slice(&bytes));
    (void)open_is_same(t, &w);
    buf_fini(&old);
    buf_fini(&bytes);
    world_close(&other);
    world_close(&w);
}

/* An old head under a log that was trimmed since, down to what it held. */
static void a_head_that_lags_behind_the_floor_is_not_believed(void **state)
{
    struct t *t = *state;
    struct world w;
    struct buf bytes;
    struct state_kept kept;
    world_open(t, &w);
    add_some(t, w.table, 5);
    commit_with_head(t, &w);
    get_head(t, &w, &bytes);
    for (int i = 0; i < 4; i++) {
        add_some(t, w.table, 5);
        assert_ok(t, state_table_keep(w.table, 4, &kept, &t->err));
    }
    assert_true(kept.floor > 8);
    put_head(t, &w, buf_slice(&bytes));
    (void)open_is_same(t, &w);
    buf_fini(&bytes);
    world_close(&w);
}

static void heads_come_back_as_they_were_written(void **state)
{
    struct t *t = *state;
    struct buf objects;
    struct buf bytes;
    struct state_head again;
    struct slice found;
    struct state_since since;
    buf_init(&objects, &t->mem, 1 << 20);
    buf_init(&bytes, &t->mem, 1 << 20);
    state_since_init(&since, &t->mem, false);
    state_since_reset(&since, 7);
    assert_ok(t, state_since_add(&since, 8, slice_str("eight"), &t->err));
    assert_ok(t, state_since_add(&since, 10, slice_str("ten"), &t->err)); /* does not follow */
    assert_ok(t, state_since_add(&since, 9, slice_str("nine"), &t->err));
    assert_int_equal(since.to, 9);
    assert_ok(t, state_head_append(&objects, slice_str("snap/a"), slice_str("A"), &t->err));
    assert_ok(t, state_head_append(&objects, slice_str("snap/b"), slice_str(""), &t->err));
    struct state_head head = {.time_us = 5,
                              .from = 7,
                              .to = 9,
                              .root = slice_str("snap/a"),
                              .objects = buf_slice(&objects),
                              .object_count = 2,
                              .frames = buf_slice(&since.bytes)};
    assert_ok(t, state_head_encode(&head, &bytes, &t->err));
    assert_ok(t, state_head_decode(buf_slice(&bytes), &again, &t->err));
    assert_int_equal(again.time_us, 5);
    assert_int_equal(again.from, 7);
    assert_int_equal(again.to, 9);
    assert_true(slice_is(again.root, "snap/a"));
    assert_true(state_head_object(&again, slice_str("snap/b"), &found) && found.len == 0);
    assert_false(state_head_object(&again, slice_str("snap/c"), &found));
    size_t at = 0;
    assert_true(state_head_frame(again.frames, &at, &found) && slice_is(found, "eight"));
    assert_true(state_head_frame(again.frames, &at, &found) && slice_is(found, "nine"));
    assert_false(state_head_frame(again.frames, &at, &found));
    state_since_begin(&since, 8);
    at = 0;
    assert_true(state_head_frame(buf_slice(&since.bytes), &at, &found) && slice_is(found, "nine"));
    assert_true(slice_equal(slice_after(buf_slice(&since.bytes), since.last), slice_str("nine")));
    state_since_begin(&since, 20);
    assert_int_equal(since.bytes.len, 0);
    state_since_fini(&since);
    buf_fini(&objects);
    buf_fini(&bytes);
}

/* Else a writer of large frames would write no head any more, whatever snapshots come. */
static void the_newest_frames_are_at_hand(void **state)
{
    struct t *t = *state;
    static uint8_t large[STATE_HEAD_FRAMES_BYTES / 3];
    struct state_since since;
    struct slice frame;
    size_t at = 0;
    state_since_init(&since, &t->mem, false);
    state_since_reset(&since, 0);
    for (uint64_t n = 1; n <= 50; n++) {
        assert_ok(t, state_since_add(&since, n, slice_of(large, sizeof large - n), &t->err));
        assert_int_equal(since.to, n);
        assert_in_range(since.to - since.from, 1, 3);
    }
    state_since_begin(&since, 49);
    assert_true(state_head_frame(buf_slice(&since.bytes), &at, &frame));
    assert_int_equal(frame.len, sizeof large - 50);
    state_since_fini(&since);
}

static void what_is_due_is_kept_by_whoever_comes_by(void **state)
{
    struct t *t = *state;
    struct world w;
    world_open(t, &w);
    add_some(t, w.table, (int)STATE_KEEP_FRAMES - 2);
    state_table_keep_due(w.table);
    assert_int_equal(state_verified_count(state_table_view(w.table)), 0);
    add_some(t, w.table, 1);
    state_table_keep_due(w.table);
    state_table_keep_due(w.table);
    assert_int_equal(state_verified_count(state_table_view(w.table)), 1);
    assert_int_equal(state_verified_at(state_table_view(w.table), 0)->number, STATE_KEEP_FRAMES);
    /* The head names it at once, within its second too, and whoever wrote that last. */
    assert_int_equal(open_is_same(t, &w), 2);
    world_close(&w);
}

/* Every state that the frames still lead to can be opened, and pinned or verified ones. */
static void earlier_states_can_be_opened_while_they_are_kept(void **state)
{
    struct t *t = *state;
    struct world w;
    struct state_kept kept = {0};
    static struct buf then[40];
    uint64_t tip = 0;
    world_open(t, &w);
    for (tip = state_number(state_table_view(w.table)); tip < 30;
         tip = state_number(state_table_view(w.table))) {
        print(t, w.table, &then[tip]);
        if (tip == 11 || tip == 16 || tip == 22)
            assert_ok(t, state_table_keep(w.table, 4, &kept, &t->err));
        else
            add_some(t, w.table, 1);
    }
    assert_true(kept.floor > 5);
    for (uint64_t at = 1; at < tip; at++) {
        struct state_table *old = NULL;
        struct state_open_options o = {.at = at};
        slp_rc rc = state_table_open_with(w.instance, slice_str("t"), &o, &old, &t->err);
        bool is_kept = at + 1 >= kept.floor || at == 11;
        assert_int_equal(rc, is_kept ? SLP_OK : SLP_NOT_FOUND);
        if (rc != SLP_OK)
            assert_err_has(t, "gone");
        if (rc == SLP_OK && then[at].len) {
            struct buf now;
            struct state_result r;
            struct state_txn txn = {.kind = STATE_ADD};
            assert_ok(t, state_table_refresh(old, &t->err)); /* it stays */
            print(t, old, &now);
            assert_true(slice_equal(buf_slice(&now), buf_slice(&then[at])));
            assert_rc(t, state_table_commit(old, &txn, NULL, &r, &t->err), SLP_INVALID);
            buf_fini(&now);
        }
        state_table_close(old);
    }
    struct state_table *old = NULL;
    struct state_open_options o = {.at = tip + 5};
    assert_rc(t, state_table_open_with(w.instance, slice_str("t"), &o, &old, &t->err),
              SLP_NOT_FOUND);
    assert_ok(t, state_table_refresh_to(w.table, tip, &t->err));
    assert_rc(t, state_table_refresh_to(w.table, tip + 1, &t->err), SLP_UNAVAILABLE);
    for (size_t i = 0; i < 40; i++)
        buf_fini(&then[i]);
    world_close(&w);
}

static void opening_from_a_head_survives_every_fault(void **state)
{
    struct t *t = *state;
    struct world w;
    struct state_kept kept;
    world_open(t, &w);
    add_some(t, w.table, 5);
    assert_ok(t, state_table_keep(w.table, 4, &kept, &t->err));
    commit_with_head(t, &w);
    T_FAULT_LOOP(t) {
        struct state_instance *instance = NULL;
        struct state_table *fresh = NULL;
        slp_rc rc = state_instance_open(&t->mem, w.store, NULL, &instance, &t->err);
        if (rc == SLP_OK)
            rc = state_table_open(instance, slice_str("t"), &fresh, &t->err);
        assert_int_equal(rc, t->fault_hit ? SLP_NO_MEMORY : SLP_OK);
        state_table_close(fresh);
        state_instance_close(instance);
    }
    world_close(&w);
}

T_MAIN(T_TEST(a_head_saves_the_search_for_the_tip), T_TEST(a_small_state_stands_in_the_head_whole),
       T_TEST(a_damaged_head_is_no_harm), T_TEST(a_lying_head_is_not_believed),
       T_TEST(a_head_that_lags_behind_the_floor_is_not_believed),
       T_TEST(heads_come_back_as_they_were_written), T_TEST(the_newest_frames_are_at_hand),
       T_TEST(what_is_due_is_kept_by_whoever_comes_by),
       T_TEST(earlier_states_can_be_opened_while_they_are_kept),
       T_TEST(opening_from_a_head_survives_every_fault))
