#include "state/keep.h"

#include <stdio.h>

#include "base/num.h"

#include "lib/t.h"
#include "unit/state/helpers.h"

static const char schema_json[] =
    "{\"rowKeyFields\":[{\"name\":\"key\",\"type\":\"StringType\"}],\"sortKeyFields\":[],"
    "\"valueFields\":[]}";

static const struct state_rules small = {.ring_max = 6, .unfiled_max = 4, .leaf_max = 100};

struct world {
    struct store *store;
    struct state_instance *instance;
    struct state_table *table;
    char place[40]; /* "t/<id>/" */
};

static void world_open(struct t *t, struct world *w)
{
    struct slice points[2] = {slice_str("g"), slice_str("p")};
    struct state_table_options make = {.name = slice_str("t"),
                                       .schema_json = slice_str(schema_json),
                                       .split_points = points,
                                       .split_point_count = 2};
    struct state_options o = {.rules = small};
    char hex[33];
    assert_ok(t, store_memory_new(alloc_system(), &w->store, &t->err));
    assert_ok(t, state_instance_create(w->store, NULL, &t->err));
    assert_ok(t, state_instance_open(&t->mem, w->store, &o, &w->instance, &t->err));
    assert_ok(t, state_table_create(w->instance, &make, &t->err));
    assert_ok(t, state_table_open(w->instance, slice_str("t"), &w->table, &t->err));
    hash_format(state_table_id(w->table), hex);
    (void)snprintf(w->place, sizeof w->place, "t/%s/", hex);
}

static void world_close(struct world *w)
{
    state_table_close(w->table);
    state_instance_close(w->instance);
    store_close(w->store);
}

static slp_rc add(struct t *t, struct state_table *table, const char *token, struct state_result *r)
{
    struct state_new_file f = file_of("data/00/x.parquet", "b", "k", 10);
    struct state_txn txn = {.kind = STATE_ADD, .add = {.files = &f, .count = 1}};
    struct state_commit_options o = {.token = token ? slice_str(token) : (struct slice){0}};
    return state_table_commit(table, &txn, &o, r, &t->err);
}

static void add_some(struct t *t, struct state_table *table, int count)
{
    struct state_result r;
    for (int i = 0; i < count; i++)
        assert_ok(t, add(t, table, NULL, &r));
}

static struct state_kept keep(struct t *t, struct world *w)
{
    struct state_kept kept;
    assert_ok(t, state_table_keep(w->table, 4, &kept, &t->err));
    return kept;
}

/* What two handles see is the same to the last byte. */
static void expect_same(struct t *t, struct state_table *a, struct state_table *b)
{
    struct buf one;
    struct buf two;
    buf_init(&one, &t->mem, 1 << 24);
    buf_init(&two, &t->mem, 1 << 24);
    assert_ok(t, state_print(state_table_view(a), &one, &t->err));
    assert_ok(t, state_print(state_table_view(b), &two, &t->err));
    assert_true(slice_equal(buf_slice(&one), buf_slice(&two)));
    buf_fini(&one);
    buf_fini(&two);
}

static size_t objects(struct t *t, struct world *w, const char *below)
{
    struct arena a;
    struct store_item *items = NULL;
    size_t count = 0;
    char prefix[80];
    (void)snprintf(prefix, sizeof prefix, "%s%s", w->place, below);
    arena_init(&a, &t->mem, 1 << 20);
    assert_ok(t, store_list(w->store, slice_str(prefix), (struct slice){0}, 0, &a, &items, &count,
                            &t->err));
    arena_fini(&a);
    return count;
}

/* ------------------------------------------------------------------ keeping a log short */

static void a_snapshot_is_made_when_it_is_due_and_frames_go_behind_the_second(void **state)
{
    struct t *t = *state;
    struct world w;
    world_open(t, &w);
    struct state_kept kept = keep(t, &w);
    assert_false(kept.is_made);
    assert_int_equal(kept.floor, 1);
    add_some(t, w.table, 4); /* frames 2 to 5 */
    kept = keep(t, &w);
    assert_true(kept.is_made);
    assert_int_equal(kept.verified, 5);
    assert_int_equal(kept.floor, 1);
    assert_int_equal(kept.deleted, 0);
    kept = keep(t, &w);
    assert_false(kept.is_made);
    add_some(t, w.table, 3); /* frames 7 to 9: 6 recorded the first one */
    kept = keep(t, &w);
    assert_true(kept.is_made);
    assert_int_equal(kept.verified, 9);
    assert_int_equal(kept.floor, 6);
    assert_int_equal(kept.deleted, 5);
    assert_int_equal(objects(t, &w, "log/"), 5);
    /* Whoever opens it now sees the same. */
    struct state_table *fresh = NULL;
    assert_ok(t, state_table_open(w.instance, slice_str("t"), &fresh, &t->err));
    expect_same(t, w.table, fresh);
    assert_int_equal(state_verified_count(state_table_view(fresh)), 2);
    add_some(t, fresh, 1);
    assert_ok(t, state_table_refresh(w.table, &t->err));
    expect_same(t, w.table, fresh);
    state_table_close(fresh);
    world_close(&w);
}

/* Rule S1: names follow from content, so unchanged shards are the parent's. */
static void what_did_not_change_is_taken_over(void **state)
{
    struct t *t = *state;
    struct world w;
    world_open(t, &w);
    add_some(t, w.table, 4);
    assert_true(keep(t, &w).is_made);
    assert_int_equal(objects(t, &w, "snap/"), 4); /* root, shard, ring and tokens */
    struct state_result r;
    struct state_id none = id_of(7, 0, 0);
    for (int i = 0; i < 4; i++) {
        struct state_txn txn = {.kind = STATE_FILE_DOWN, .file_down = {.files = &none, .count = 1}};
        assert_ok(t, state_table_commit(w.table, &txn, NULL, &r, &t->err));
    }
    assert_true(keep(t, &w).is_made);
    assert_int_equal(objects(t, &w, "snap/"), 7); /* the shard is the same */
    world_close(&w);
}

static void everything_in_a_state_comes_back(void **state)
{
    struct t *t = *state;
    struct world w;
    struct state_result r;
    world_open(t, &w);
    struct state_new_file files[3] = {file_of("data/00/a", "b", "z", 10),
                                      file_of("data/00/b", "h", "m", 20),
                                      file_of("data/00/c", "b", "y", 30)};
    files[2].is_unfiled = true;
    struct state_txn txn = {.kind = STATE_ADD, .add = {.files = files, .count = 3}};
    assert_ok(t, state_table_commit(w.table, &txn, NULL, &r, &t->err));
    struct state_id inputs[2] = {state_result_id(&r, 0), state_result_id(&r, 1)};
    struct state_assign_item item = {
        .leaf = range_of("g", "p"), .inputs = inputs, .input_count = 2, .deadline_us = 77};
    txn = (struct state_txn){.kind = STATE_ASSIGN, .assign = {.items = &item, .count = 1}};
    assert_ok(t, state_table_commit(w.table, &txn, NULL, &r, &t->err));
    assert_ok(t, state_result_check(&r, &t->err));
    struct state_cut_item cut = {
        .leaf = range_of("p", NULL), .file = inputs[0], .row_lo = 7, .row_hi = 10};
    txn = (struct state_txn){.kind = STATE_CUT, .cut = {.items = &cut, .count = 1}};
    assert_ok(t, state_table_commit(w.table, &txn, NULL, &r, &t->err));
    assert_ok(t, state_result_check(&r, &t->err));
    assert_ok(t, add(t, w.table, "token", &r));
    for (int i = 0; i < 3; i++) {
        add_some(t, w.table, 4);
        assert_true(keep(t, &w).is_made);
    }
    struct state_table *fresh = NULL;
    assert_ok(t, state_table_open(w.instance, slice_str("t"), &fresh, &t->err));
    expect_same(t, w.table, fresh);
    assert_int_equal(state_job_count(state_table_view(fresh)), 1);
    assert_int_equal(state_unfiled_count(state_table_view(fresh)), 1);
    /* The token has left the ring long since (rule I5). */
    struct state_result again;
    assert_ok(t, add(t, fresh, "token", &again));
    assert_true(again.outcome.is_duplicate);
    assert_int_equal(again.outcome.at.frame, r.outcome.at.frame);
    state_table_close(fresh);
    world_close(&w);
}

/* ------------------------------------------------------------------ readers behind the floor */

static void a_reader_that_the_floor_has_passed_goes_on_from_the_snapshot(void **state)
{
    struct t *t = *state;
    struct world w;
    struct state_table *slow = NULL;
    struct state_history *h = NULL;
    struct state_history_entry e;
    world_open(t, &w);
    add_some(t, w.table, 2);
    assert_ok(t, state_table_open(w.instance, slice_str("t"), &slow, &t->err));
    for (int i = 0; i < 4; i++) {
        add_some(t, w.table, 4);
        assert_true(keep(t, &w).is_made);
    }
    assert_ok(t, state_table_refresh(slow, &t->err));
    expect_same(t, w.table, slow);
    assert_int_equal(state_table_schema(slow)->columns.count, 1);
    /* Its history begins behind the snapshot. */
    assert_ok(t, state_history_open(w.instance, slow, &h, &t->err));
    assert_ok(t, state_history_next(h, &e, &t->err));
    assert_int_equal(e.at.frame, state_verified_at(state_table_view(slow), 3)->number + 1);
    assert_rc(t, state_history_next(h, &e, &t->err), SLP_DONE);
    state_history_close(h);
    state_table_close(slow);
    world_close(&w);
}

static slp_rc get_frame(struct t *t, struct world *w, uint64_t number, struct buf *out)
{
    char name[96];
    (void)snprintf(name, sizeof name, "%slog/%020llu", w->place, (unsigned long long)number);
    return store_get(w->store, slice_str(name), out, &t->err);
}

/* Rule F1: a frame that was deleted is created again by somebody who slept; it counts for nobody,
 * not for its author either, who commits where the log is now. All answers here are of one moment of the store's clock: who
 * skipped the check because its last one is young would take the frame (rule F3). */
static void a_frame_below_the_floor_counts_for_nobody(void **state)
{
    struct t *t = *state;
    struct world w;
    struct state_table *slow = NULL;
    struct state_table *slower = NULL;
    struct state_result r;
    struct buf zombie;
    struct state_instance *other = NULL; /* with a queue of its own, as another process has */
    struct state_options o = {.rules = small};
    world_open(t, &w);
    assert_ok(t, state_instance_open(&t->mem, w.store, &o, &other, &t->err));
    assert_ok(t, state_table_open(other, slice_str("t"), &slow, &t->err));
    assert_ok(t, state_table_open(other, slice_str("t"), &slower, &t->err));
    buf_init(&zombie, &t->mem, 1 << 20);
    add_some(t, w.table, 4);
    assert_ok(t, get_frame(t, &w, 2, &zombie));
    assert_true(keep(t, &w).is_made);
    add_some(t, w.table, 4);
    assert_true(keep(t, &w).is_made);
    assert_rc(t, get_frame(t, &w, 2, &zombie), SLP_NOT_FOUND);
    /* Its create of frame 2 succeeds. */
    size_t before = state_leaf_at(state_table_view(w.table), 0)->ref_count;
    assert_ok(t, add(t, slow, "mine", &r));
    assert_ok(t, state_result_check(&r, &t->err));
    assert_ok(t, get_frame(t, &w, 2, &zombie));
    assert_true(r.outcome.at.frame > 9);
    assert_ok(t, state_table_refresh(w.table, &t->err));
    assert_int_equal(state_leaf_at(state_table_view(w.table), 0)->ref_count, before + 1);
    expect_same(t, w.table, slow);
    /* Neither does one who stands just before it follow it. */
    assert_ok(t, state_table_refresh(slower, &t->err));
    expect_same(t, w.table, slower);
    buf_fini(&zombie);
    state_table_close(slow);
    state_table_close(slower);
    state_instance_close(other);
    world_close(&w);
}

/* Without the floor's snapshot or with another one's bytes nothing is answered. */
static void a_damaged_or_missing_snapshot_is_named(void **state)
{
    struct t *t = *state;
    for (int how = 0; how < 2; how++) {
        struct world w;
        struct state_table *fresh = NULL;
        struct state_floor floor;
        char name[160];
        world_open(t, &w);
        for (int i = 0; i < 2; i++) {
            add_some(t, w.table, 4);
            assert_true(keep(t, &w).is_made);
        }
        assert_ok(t, state_floor_read(w.store, &t->mem, w.place, &floor, &t->err));
        (void)snprintf(name, sizeof name, "%s%s", w.place, floor.root);
        assert_ok(t, store_delete(w.store, slice_str(name), &t->err));
        if (how)
            assert_ok(
                t, store_put_if_absent(w.store, slice_str(name), slice_str("SLEEPROT"), &t->err));
        assert_rc(t, state_table_open(w.instance, slice_str("t"), &fresh, &t->err), SLP_CORRUPT);
        assert_err_has(t, floor.root);
        world_close(&w);
    }
}

/* Rule S2: what a second replay does not come to is neither recorded nor relied on. */
static void a_snapshot_that_is_not_reproduced_is_not_recorded(void **state)
{
    struct t *t = *state;
    struct world w;
    struct state_replica r = {0};
    struct hash128 id;
    char root[STATE_ROOT_NAME_BYTES];
    char name[160];
    uint64_t minted = 0;
    bool is_same = true;
    world_open(t, &w);
    add_some(t, w.table, 4);
    id = state_table_id(w.table);
    assert_ok(t, state_replica_init(&r, w.instance, &id, &t->err));
    assert_ok(t, state_replica_refresh(&r, &t->err));
    r.machine.table->time_us++; /* this replay went wrong */
    assert_ok(t,
              state_snapshot_make(&r, STATE_KEEP_WRITE, slice_of(NULL, 0), root, &minted, &t->err));
    r.machine.table->time_us--;
    assert_rc(t, state_keep_reproduce(&r, slice_of(NULL, 0), root, r.number, &is_same, &t->err),
              SLP_NOT_FOUND); /* the second one's is not there */
    assert_false(is_same);
    /* Made rightly, then damaged on its way. */
    assert_ok(t,
              state_snapshot_make(&r, STATE_KEEP_WRITE, slice_of(NULL, 0), root, &minted, &t->err));
    (void)snprintf(name, sizeof name, "%s%s", w.place, root);
    assert_ok(t, store_delete(w.store, slice_str(name), &t->err));
    assert_ok(t, store_put_if_absent(w.store, slice_str(name), slice_str("x"), &t->err));
    assert_rc(t, state_keep_reproduce(&r, slice_of(NULL, 0), root, r.number, &is_same, &t->err),
              SLP_CORRUPT);
    assert_err_has(t, "second replay");
    assert_false(is_same);
    state_replica_fini(&r);
    world_close(&w);
}

/* Its txids since the parent are not at hand where the frames behind that are gone: whoever makes it was
 * overtaken by those who verified newer ones, which is nothing wrong. */
static void who_begins_behind_the_parent_makes_no_snapshot(void **state)
{
    struct t *t = *state;
    struct world w;
    struct state_replica r = {0};
    struct hash128 id;
    char root[STATE_ROOT_NAME_BYTES];
    uint64_t minted = 0;
    world_open(t, &w);
    for (int i = 0; i < 2; i++) {
        add_some(t, w.table, 4);
        assert_true(keep(t, &w).is_made);
    }
    size_t before = objects(t, &w, "snap/");
    id = state_table_id(w.table);
    assert_ok(t, state_replica_init(&r, w.instance, &id, &t->err));
    assert_ok(t, state_replica_refresh(&r, &t->err));
    struct slice first = slice_str(state_verified_at(r.machine.table, 0)->root);
    assert_rc(t, state_snapshot_make(&r, STATE_KEEP_WRITE, first, root, &minted, &t->err),
              SLP_NOT_FOUND);
    assert_err_has(t, "newer ones were verified");
    assert_int_equal(objects(t, &w, "snap/"), before);
    struct slice second = slice_str(state_verified_at(r.machine.table, 1)->root);
    assert_ok(t, state_snapshot_make(&r, STATE_KEEP_WRITE, second, root, &minted, &t->err));
    state_replica_fini(&r);
    world_close(&w);
}

/* ------------------------------------------------------------------ the floor */

static void the_floor_is_magic_version_checksum_number_and_root(void **state)
{
    struct t *t = *state;
    static const uint8_t golden[] = {'S', 'L', 'E', 'E', 'P', 'F', 'L', 'R', 1,   0,
                                     0,   0,   0,   0,   0,   0,   9,   0,   0,   0,
                                     0,   0,   0,   0,   's', 'n', 'a', 'p', '/', 'x'};
    struct state_floor floor = {.number = 9, .root = "snap/x"};
    struct state_floor back = {0};
    struct buf bytes;
    buf_init(&bytes, &t->mem, STATE_FLOOR_MAX_BYTES);
    assert_ok(t, state_floor_encode(&floor, &bytes, &t->err));
    assert_int_equal(bytes.len, sizeof golden);
    assert_memory_equal(bytes.ptr, golden, 12);
    assert_memory_equal(bytes.ptr + 16, golden + 16, sizeof golden - 16);
    uint32_t crc = hash_crc32c(0, slice_of(golden, 12));
    crc = hash_crc32c(crc, slice_of(golden + 16, sizeof golden - 16));
    assert_int_equal(num_load_u32le(bytes.ptr + 12), crc);
    assert_ok(t, state_floor_decode(buf_slice(&bytes), &back, &t->err));
    assert_int_equal(back.number, 9);
    assert_string_equal(back.root, "snap/x");
    for (size_t i = 0; i < bytes.len; i++) {
        bytes.ptr[i] ^= 0x10;
        assert_rc(t, state_floor_decode(buf_slice(&bytes), &back, &t->err), SLP_CORRUPT);
        bytes.ptr[i] ^= 0x10;
        assert_rc(t, state_floor_decode(slice_first(buf_slice(&bytes), i), &back, &t->err),
                  SLP_CORRUPT);
    }
    buf_fini(&bytes);
}

/* Rule F2. */
static void the_floor_only_rises(void **state)
{
    struct t *t = *state;
    struct store *store = NULL;
    struct state_floor mine;
    struct state_floor yours;
    static const struct state_floor to[3] = {{.number = 5, .root = "snap/a"},
                                             {.number = 7, .root = "snap/b"},
                                             {.number = 4, .root = "snap/c"}};
    assert_ok(t, store_memory_new(&t->mem, &store, &t->err));
    assert_ok(t, state_floor_read(store, &t->mem, "t/x/", &mine, &t->err));
    assert_int_equal(mine.number, 1);
    yours = mine;
    assert_ok(t, state_floor_raise(store, &t->mem, "t/x/", &to[0], &mine, &t->err));
    assert_rc(t, state_floor_raise(store, &t->mem, "t/x/", &to[1], &yours, &t->err), SLP_CONFLICT);
    assert_ok(t, state_floor_read(store, &t->mem, "t/x/", &yours, &t->err));
    assert_int_equal(yours.number, 5);
    assert_ok(t, state_floor_raise(store, &t->mem, "t/x/", &to[2], &yours, &t->err));
    assert_ok(t, state_floor_raise(store, &t->mem, "t/x/", &to[1], &yours, &t->err));
    assert_ok(t, state_floor_read(store, &t->mem, "t/x/", &mine, &t->err));
    assert_int_equal(mine.number, 7);
    assert_string_equal(mine.root, "snap/b");
    store_close(store);
}

/* ------------------------------------------------------------------ apply */

static enum state_reason verify(struct t *t, struct table_state *s, const char *root,
                                uint64_t number, const char *parent)
{
    struct state_txn txn = txn_of(STATE_VERIFIED, state_number(s) + 1);
    txn.verified = (struct state_verify){
        .root = slice_str(root), .number = number, .parent = slice_str(parent), .minted = number};
    return apply_next(t, s, &txn).reason;
}

static void a_snapshot_is_verified_only_behind_one_of_the_two_newest(void **state)
{
    struct t *t = *state;
    struct table_state *s = state_of(t, NULL, NULL, 0);
    assert_int_equal(verify(t, s, "snap/a", 1, "snap/x"), STATE_REASON_PARENT);
    assert_int_equal(verify(t, s, "root", 1, ""), STATE_REASON_BAD_SNAPSHOT);
    assert_int_equal(verify(t, s, "snap/a", 9, ""), STATE_REASON_BAD_SNAPSHOT);
    assert_int_equal(verify(t, s, "snap/a", 0, ""), STATE_REASON_BAD_SNAPSHOT);
    assert_int_equal(verify(t, s, "snap/a", 2, ""), STATE_REASON_APPLIED);
    assert_int_equal(verify(t, s, "snap/b", 3, ""), STATE_REASON_PARENT);
    assert_int_equal(verify(t, s, "snap/b", 2, "snap/a"),
                     STATE_REASON_BACKWARDS); /* two at one frame: S2 */
    assert_int_equal(verify(t, s, "snap/b", 3, "snap/a"), STATE_REASON_APPLIED);
    assert_int_equal(verify(t, s, "snap/c", 4, "snap/a"), STATE_REASON_APPLIED);
    assert_int_equal(verify(t, s, "snap/d", 5, "snap/a"), STATE_REASON_PARENT);
    for (uint64_t i = 0; i < 12; i++) {
        char root[16];
        (void)snprintf(root, sizeof root, "snap/%02d", (int)i);
        assert_int_equal(
            verify(t, s, root, 6 + i, state_verified_at(s, state_verified_count(s) - 1)->root),
            STATE_REASON_APPLIED);
    }
    assert_int_equal(state_verified_count(s), STATE_VERIFIED_MAX);
    assert_string_equal(state_verified_at(s, STATE_VERIFIED_MAX - 1)->root, "snap/11");
    state_free(s);
}

/* ------------------------------------------------------------------ damage and faults */

/* Any bytes in place of a root or shard: refused, or a state; never more than that. */
static void damaged_snapshots_are_refused_or_read(void **state)
{
    struct t *t = *state;
    static const char *const points[2] = {"g", "p"};
    struct table_state *s = state_of(t, NULL, points, 2);
    struct state_new_file f[2] = {file_of("a", "b", "z", 10), file_of("b", "c", "d", 9)};
    f[1].is_unfiled = true;
    add_files(t, s, f, 2);
    struct state_id input = id_of(2, 0, 0);
    assert_int_equal(assign(t, s, range_of("g", "p"), &input, 1).reason, STATE_REASON_APPLIED);
    struct arena a;
    struct buf objects[2];
    struct state_shard_entry entry = {.name = slice_str("snap/x")};
    struct state_snapshot self = {.number = 3, .shards = &entry, .shard_count = 1};
    arena_init(&a, &t->mem, 1 << 24);
    buf_init(&objects[0], &t->mem, 1 << 20);
    buf_init(&objects[1], &t->mem, 1 << 20);
    assert_ok(t, state_root_encode(s, &self, &a, &objects[0], &t->err));
    assert_ok(t, state_shard_encode(s, 0, 3, &a, &objects[1], &t->err));
    size_t refused = 0;
    for (size_t which = 0; which < 2; which++)
        for (size_t i = 0; i < objects[which].len * 3; i++) {
            uint8_t *at = &objects[which].ptr[i / 3];
            uint8_t old = *at;
            struct state_loader l = {0};
            *at = (uint8_t)(i % 3 == 0 ? old ^ 1 : i % 3 == 1 ? old ^ 0x80 : 0xff);
            assert_ok(t, state_new(&t->mem, &small, &l.state, &t->err));
            slp_rc rc = state_load_root(&l, buf_slice(&objects[0]), &t->err);
            if (rc == SLP_OK)
                rc = state_load_shard(&l, buf_slice(&objects[1]), &t->err);
            if (rc == SLP_OK)
                rc = state_load_end(&l, &t->err);
            assert_true(rc == SLP_OK || rc == SLP_CORRUPT || rc == SLP_UNSUPPORTED ||
                        rc == SLP_LIMIT);
            refused += rc != SLP_OK;
            state_loader_fini(&l);
            state_free(l.state);
            *at = old;
        }
    assert_true(refused > objects[0].len);
    arena_fini(&a);
    buf_fini(&objects[0]);
    buf_fini(&objects[1]);
    state_free(s);
}

static void keeping_and_loading_survive_every_fault(void **state)
{
    struct t *t = *state;
    T_FAULT_LOOP(t) {
        struct store *store = NULL;
        struct state_instance *instance = NULL;
        struct state_instance *writer = NULL;
        struct state_table *table = NULL;
        struct state_table *fresh = NULL;
        struct state_kept kept;
        struct state_options o = {.rules = small};
        struct state_table_options make = {.name = slice_str("t"),
                                           .schema_json = slice_str(schema_json)};
        assert_ok(t, store_memory_new(alloc_system(), &store, &t->err));
        assert_ok(t, state_instance_create(store, NULL, &t->err));
        assert_ok(t, state_instance_open(alloc_system(), store, &o, &writer, &t->err));
        assert_ok(t, state_table_create(writer, &make, &t->err));
        assert_ok(t, state_table_open(writer, slice_str("t"), &table, &t->err));
        add_some(t, table, 4);
        assert_ok(t, state_table_keep(table, 4, &kept, &t->err));
        add_some(t, table, 4);
        assert_ok(t, state_table_keep(table, 4, &kept, &t->err));
        add_some(t, table, 4);
        slp_rc rc = state_instance_open(&t->mem, store, &o, &instance, &t->err);
        if (rc == SLP_OK)
            rc = state_table_open(instance, slice_str("t"), &fresh, &t->err);
        if (rc == SLP_OK)
            rc = state_table_keep(fresh, 4, &kept, &t->err);
        if (t->fault_hit)
            assert_true(rc == SLP_NO_MEMORY || rc == SLP_UNKNOWN || rc == SLP_OK); /* a hint */
        else
            assert_true(rc == SLP_OK && kept.is_made);
        state_table_close(fresh);
        state_instance_close(instance);
        /* Nothing that a fault left behind is in anybody's way. */
        assert_ok(t, state_table_keep(table, 1, &kept, &t->err));
        assert_ok(t, state_table_refresh(table, &t->err));
        assert_int_equal(state_leaf_at(state_table_view(table), 0)->ref_count, 12);
        state_table_close(table);
        state_instance_close(writer);
        store_close(store);
    }
}

T_MAIN(T_TEST(a_snapshot_is_made_when_it_is_due_and_frames_go_behind_the_second),
       T_TEST(what_did_not_change_is_taken_over), T_TEST(everything_in_a_state_comes_back),
       T_TEST(a_reader_that_the_floor_has_passed_goes_on_from_the_snapshot),
       T_TEST(a_frame_below_the_floor_counts_for_nobody),
       T_TEST(a_damaged_or_missing_snapshot_is_named),
       T_TEST(a_snapshot_that_is_not_reproduced_is_not_recorded),
       T_TEST(who_begins_behind_the_parent_makes_no_snapshot),
       T_TEST(the_floor_is_magic_version_checksum_number_and_root), T_TEST(the_floor_only_rises),
       T_TEST(a_snapshot_is_verified_only_behind_one_of_the_two_newest),
       T_TEST(damaged_snapshots_are_refused_or_read),
       T_TEST(keeping_and_loading_survive_every_fault))
