/*
 * What seeds of the simulator found, each as a scene of its own: an author stops at one of its requests,
 * and others do just what it took.
 */
#include <stdio.h>

#include "lib/refs.h"
#include "lib/t.h"
#include "state/inbox.h"
#include "state/keep.h"
#include "unit/state/helpers.h"

static const char schema_json[] =
    "{\"rowKeyFields\":[{\"name\":\"key\",\"type\":\"StringType\"}],\"sortKeyFields\":[],"
    "\"valueFields\":[]}";

static const struct state_rules small = {.ring_max = 6, .unfiled_max = 4, .leaf_max = 100};

/* ------------------------------------------------------------------ the stage */

struct scene;

/* Told of each request of the author before it happens; `folder` is what stands behind "t/<id>/". */
typedef slp_rc (*scene_fn)(struct scene *s, const struct store_request *q, struct slice folder,
                           struct slp_err *err);

struct scene {
    struct store base; /* the author's: time goes by where it sleeps, and only there */
    struct store *below;
    int64_t slept_us;
    scene_fn happens;
    int step;
    struct state_instance *instance; /* the others' */
    struct state_table *table;
    struct state_replica packer;
    struct state_instance *own_instance; /* the author's */
    struct state_table *own;
    struct buf first; /* what the scene keeps */
    struct buf second;
};

static slp_rc scene_submit(struct store *s, struct store_request *requests, size_t count,
                           struct slp_err *err)
{
    struct scene *c = (struct scene *)s;
    for (size_t i = 0; i < count; i++) {
        struct slice name = requests[i].name;
        if (c->happens)
            TRY(c->happens(c, &requests[i], name.len > 35 ? slice_after(name, 35) : name, err));
        TRY(store_submit(c->below, &requests[i], 1, err));
    }
    return SLP_OK;
}

static slp_rc scene_wait(struct store *s, struct store_request *requests, size_t count,
                         const struct store_wait_options *o, struct slp_err *err)
{
    return store_wait(((struct scene *)s)->below, requests, count, o, err);
}

static int64_t scene_clock_us(struct store *s)
{
    return (int64_t)1700000000 * 1000000 + ((struct scene *)s)->slept_us;
}

static void scene_sleep_us(struct store *s, int64_t us)
{
    ((struct scene *)s)->slept_us += us;
}

static const struct store_ops scene_ops = {.submit = scene_submit,
                                           .wait = scene_wait,
                                           .clock_us = scene_clock_us,
                                           .sleep_us = scene_sleep_us};

static void scene_open(struct t *t, struct scene *s)
{
    struct state_table_options make = {.name = slice_str("t"),
                                       .schema_json = slice_str(schema_json)};
    struct state_options o = {.rules = small};
    *s = (struct scene){.base = {.ops = &scene_ops}};
    buf_init(&s->first, &t->mem, STATE_FRAME_MAX_BYTES);
    buf_init(&s->second, &t->mem, STATE_FRAME_MAX_BYTES);
    assert_ok(t, store_memory_new(&t->mem, &s->below, &t->err));
    assert_ok(t, state_instance_create(s->below, NULL, &t->err));
    assert_ok(t, state_instance_open(&t->mem, s->below, &o, &s->instance, &t->err));
    assert_ok(t, state_table_create(s->instance, &make, &t->err));
    assert_ok(t, state_table_open(s->instance, slice_str("t"), &s->table, &t->err));
    struct hash128 id = state_table_id(s->table);
    assert_ok(t, state_replica_init(&s->packer, s->instance, &id, &t->err));
    assert_ok(t, state_instance_open(&t->mem, &s->base, &o, &s->own_instance, &t->err));
    assert_ok(t, state_table_open(s->own_instance, slice_str("t"), &s->own, &t->err));
}

static void scene_close(struct scene *s)
{
    state_table_close(s->own);
    state_instance_close(s->own_instance);
    state_replica_fini(&s->packer);
    state_table_close(s->table);
    state_instance_close(s->instance);
    store_close(s->below);
    buf_fini(&s->first);
    buf_fini(&s->second);
}

/* ---- What others do ---- */

static slp_rc add_some(struct state_table *table, int count, struct slp_err *err)
{
    for (int i = 0; i < count; i++) {
        struct state_new_file f = file_of("theirs", "b", "k", 10);
        struct state_txn txn = {.kind = STATE_ADD, .add = {.files = &f, .count = 1}};
        struct state_result r;
        TRY(state_table_commit(table, &txn, NULL, &r, err));
    }
    return SLP_OK;
}

/* A frame of these bytes alone, behind the newest: a packer that looked at the inbox long ago. */
static slp_rc pack_bytes(struct scene *s, struct slice txn, struct slp_err *err)
{
    TRY(state_replica_refresh(&s->packer, err));
    struct state_waiter w = {
        .body = txn, .number = s->packer.number, .previous = s->packer.previous};
    state_queue_turn(s->packer.queue, s->below, &w);
    state_shared_unref(w.frame);
    return w.rc == SLP_OK ? SLP_OK : err_set(err, w.rc, "%s", w.err.text);
}

static bool is_put(const struct store_request *q, struct slice folder, const char *prefix)
{
    return q->verb == STORE_PUT_IF_ABSENT && slice_starts_with(folder, slice_str(prefix));
}

static size_t times(const struct state_table *table, const char *name)
{
    const struct state_leaf *leaf = state_leaf_at(state_table_view(table), 0);
    size_t n = 0;
    for (size_t k = 0; k < leaf->ref_count; k++)
        n += slice_is(t_refs(leaf)[k].file->name, name);
    return n;
}

/* ------------------------------------------------------------------ copies of one's own */

/* The transactions of a frame that is being created. */
static slp_rc keep_transactions(struct slice frame, struct buf *out, struct slp_err *err)
{
    struct arena a;
    struct state_frame decoded = {0};
    arena_init(&a, alloc_system(), 1 << 20);
    slp_rc rc = state_frame_decode(frame, &a, &decoded, err);
    if (rc == SLP_OK)
        rc = buf_append_slice(out, decoded.transactions, err);
    arena_fini(&a);
    return rc;
}

static slp_rc keep_payload(struct slice object, struct buf *out, struct slp_err *err)
{
    struct slice txn;
    TRY(state_inbox_decode(object, &txn, err));
    return buf_append_slice(out, txn, err);
}

/*
 * The author loses two races to commits that drive its base out of the ring, so what it packs itself
 * comes too late. With a new base it waits in the inbox, and somebody reads it there. A copy of the first
 * one comes, too late again: the author sets another base. Only then comes the one that was read.
 */
static slp_rc come_late(struct scene *s, const struct store_request *q, struct slice folder,
                        struct slp_err *err)
{
    bool is_frame = is_put(q, folder, "log/");
    bool is_left = is_put(q, folder, "inbox/");
    if (s->step == 0 && is_frame) {
        s->step = 1;
        return add_some(s->table, 7, err);
    }
    if (s->step == 1 && is_frame) {
        s->step = 2;
        return add_some(s->table, 1, err);
    }
    if (s->step == 2 && is_frame) {
        s->step = 3;
        return keep_transactions(q->body, &s->first, err);
    }
    if (s->step == 3 && is_left) {
        s->step = 4;
        return keep_payload(q->body, &s->second, err);
    }
    if (s->step == 4 && is_frame) {
        s->step = 5;
        return pack_bytes(s, buf_slice(&s->first), err);
    }
    if (s->step == 5 && is_left) {
        s->step = 6;
        return pack_bytes(s, buf_slice(&s->second), err);
    }
    return SLP_OK;
}

/* Whoever is told that somebody else was first deletes the files that it had written: by token, too, the
 * author's own copy is no repeat, whatever its base. */
static void an_authors_own_copy_with_an_earlier_base_is_no_repeat_I4(void **state)
{
    struct t *t = *state;
    for (int has_token = 0; has_token < 2; has_token++) {
        struct scene s;
        struct state_result r;
        struct state_new_file f = file_of("mine", "b", "k", 10);
        struct state_txn txn = {.kind = STATE_ADD, .add = {.files = &f, .count = 1}};
        struct state_commit_options o = {.token =
                                             has_token ? slice_str("token") : (struct slice){0}};
        scene_open(t, &s);
        s.happens = come_late;
        assert_ok(t, state_table_commit(s.own, &txn, &o, &r, &t->err));
        assert_int_equal(s.step, 6);
        assert_ok(t, state_result_check(&r, &t->err));
        assert_false(r.outcome.is_duplicate);
        s.happens = NULL;
        assert_ok(t, state_table_refresh(s.own, &t->err));
        assert_int_equal(times(s.own, "mine"), 1);
        if (has_token) { /* and a repeat is one */
            f = file_of("again", "b", "k", 10);
            assert_ok(t, state_table_commit(s.own, &txn, &o, &r, &t->err));
            assert_true(r.outcome.is_duplicate);
            assert_int_equal(times(s.own, "again"), 0);
        }
        scene_close(&s);
    }
}

/* ------------------------------------------------------------------ a reader in a hurry */

static bool is_frame_get(const struct store_request *q, struct slice folder, uint64_t number)
{
    char name[32];
    (void)snprintf(name, sizeof name, "log/%020llu", (unsigned long long)number);
    return q->verb == STORE_GET && slice_is(folder, name);
}

static slp_rc trim(struct scene *s, struct slp_err *err)
{
    struct state_kept kept;
    TRY(state_table_keep(s->table, 1, &kept, err));
    TRY(add_some(s->table, 1, err));
    TRY(state_table_keep(s->table, 1, &kept, err));
    return add_some(s->table, 3, err);
}

/*
 * The reader asks for frames 3 to 6 in one round: 3 is not there yet, 4 is. So it asks for 3 again, alone.
 * Meanwhile the log is trimmed, and the reader goes on from a snapshot; behind that there are more frames
 * than the one it still asks for.
 */
static slp_rc trim_behind_a_gap(struct scene *s, const struct store_request *q, struct slice folder,
                                struct slp_err *err)
{
    if (s->step == 0 && is_frame_get(q, folder, 4)) {
        s->step = 1;
        return add_some(s->table, 2, err);
    }
    if (s->step == 1 && is_frame_get(q, folder, 3)) {
        s->step = 2;
        return trim(s, err);
    }
    return SLP_OK;
}

/* A refresh that has met a snapshot goes on to the tip: who stopped before it would miss what was
 * acknowledged before it began, and a keeper would not know the snapshot that it stands on. */
static void a_reader_that_goes_on_from_a_snapshot_reads_to_the_tip_F1(void **state)
{
    struct t *t = *state;
    struct scene s;
    struct state_kept kept;
    scene_open(t, &s);
    assert_ok(t, add_some(s.table, 1, &t->err));
    s.happens = trim_behind_a_gap;
    assert_ok(t, state_table_refresh(s.own, &t->err));
    assert_int_equal(s.step, 2);
    s.happens = NULL;
    assert_int_equal(state_number(state_table_view(s.own)),
                     state_number(state_table_view(s.table)));
    assert_ok(t, state_table_keep(s.own, 1, &kept, &t->err));
    assert_true(kept.is_made);
    scene_close(&s);
}

/* ------------------------------------------------------------------ what goes meanwhile */

#define LONG_FILES 12
#define LONG_KEY   60000

/* A commit whose payload is too large for a frame. */
static slp_rc add_apart(struct state_table *table, struct slp_err *err)
{
    static char keys[2][LONG_KEY];
    static char names[LONG_FILES][16];
    struct state_new_file files[LONG_FILES];
    struct state_result r;
    memset(keys[0], 'a', LONG_KEY);
    memset(keys[1], 'b', LONG_KEY);
    for (int i = 0; i < LONG_FILES; i++) {
        (void)snprintf(names[i], sizeof names[i], "long %d", i);
        files[i] = file_of(names[i], "a", "b", 10);
        files[i].info.first_key = slice_of(keys[0], LONG_KEY);
        files[i].info.last_key = slice_of(keys[1], LONG_KEY);
    }
    struct state_txn txn = {.kind = STATE_ADD, .add = {.files = files, .count = LONG_FILES}};
    return state_table_commit(table, &txn, NULL, &r, err);
}

/* The frame is read; before its body is, the floor passes it, and a collector takes the body. */
static slp_rc take_body_away(struct scene *s, const struct store_request *q, struct slice folder,
                             struct slp_err *err)
{
    if (s->step > 0 || q->verb != STORE_GET || !slice_starts_with(folder, slice_str("body/")))
        return SLP_OK;
    s->step = 1;
    TRY(trim(s, err));
    return store_delete(s->below, q->name, err);
}

/* What is gone is damage only at or above the floor. */
static void a_body_that_goes_while_its_frame_is_trimmed_is_no_damage_F1_G3(void **state)
{
    struct t *t = *state;
    struct scene s;
    scene_open(t, &s);
    assert_ok(t, add_apart(s.table, &t->err));
    s.happens = take_body_away;
    assert_ok(t, state_table_refresh(s.own, &t->err));
    assert_int_equal(s.step, 1);
    s.happens = NULL;
    assert_int_equal(state_number(state_table_view(s.own)),
                     state_number(state_table_view(s.table)));
    assert_int_equal(times(s.own, "long 0"), 1);
    scene_close(&s);
}

/* Delete what the snapshot that `r` stands on has of txids, and its root. */
static void collect_base(struct t *t, struct scene *s, const struct state_replica *r)
{
    size_t gone = 0;
    struct state_name name;
    for (size_t i = 0; i < r->base.list_count; i++) {
        if (r->base.lists[i].kind != STATE_LIST_TOKENS)
            continue;
        state_snapshot_object(r, r->base.lists[i].name, &name);
        assert_ok(t, store_delete(s->below, state_name_slice(&name), &t->err));
        gone++;
    }
    assert_true(gone > 0);
    state_snapshot_object(r, slice_str(r->base.root), &name);
    assert_ok(t, store_delete(s->below, state_name_slice(&name), &t->err));
}

/* Who sleeps while the snapshot is collected that it stands on looks for its token in the newest one. */
static void a_token_is_found_though_the_snapshot_one_stands_on_is_gone_I5(void **state)
{
    struct t *t = *state;
    struct scene s;
    struct state_replica late;
    struct state_result first;
    struct state_result again;
    struct state_new_file f = file_of("mine", "b", "k", 10);
    struct state_txn txn = {.kind = STATE_ADD, .add = {.files = &f, .count = 1}};
    struct state_commit_options o = {.token = slice_str("token")};
    scene_open(t, &s);
    struct hash128 id = state_table_id(s.table);
    assert_ok(t, state_replica_init(&late, s.own_instance, &id, &t->err));
    assert_ok(t, state_table_commit(s.table, &txn, &o, &first, &t->err));
    assert_ok(t, add_some(s.table, 7, &t->err)); /* it leaves the ring */
    assert_ok(t, trim(&s, &t->err));
    assert_ok(t, state_replica_refresh(&late, &t->err));
    assert_true(late.base.number > first.outcome.at.frame);
    assert_ok(t, add_some(s.table, 40, &t->err)); /* so that all txids are merged anew */
    assert_ok(t, trim(&s, &t->err));
    assert_ok(t, trim(&s, &t->err));
    collect_base(t, &s, &late);
    assert_ok(t, state_replica_commit(&late, &txn, &o, &again, &t->err));
    assert_true(again.outcome.is_duplicate);
    assert_int_equal(again.outcome.at.frame, first.outcome.at.frame);
    state_replica_fini(&late);
    scene_close(&s);
}

#define EMBEDDED_BYTES 500u

static slp_rc add_embedded(struct state_table *table, struct state_result *r, struct slp_err *err)
{
    static const uint8_t bytes[EMBEDDED_BYTES] = {7};
    struct slice bodies[] = {slice_of(bytes, sizeof bytes)};
    struct state_new_file f = file_of("", "b", "k", 10);
    f.name = (struct slice){0};
    f.info.file_bytes = sizeof bytes;
    f.body = 1;
    struct state_txn txn = {.kind = STATE_ADD, .add = {.files = &f, .count = 1}};
    struct state_commit_options o = {.bodies = bodies, .body_count = 1};
    return state_table_commit(table, &txn, &o, r, err);
}

/* Before the keeper reads what is embedded in frame 2, others trim that; and somebody who slept creates
 * a frame of this number again. */
static slp_rc create_again(struct scene *s, const struct store_request *q, struct slice folder,
                           struct slp_err *err)
{
    if (s->step > 0 || q->offset == 0 || !is_frame_get(q, folder, 2))
        return SLP_OK;
    s->step = 1;
    TRY(trim(s, err));
    return store_put_if_absent(s->below, q->name, slice_str("a short frame"), err);
}

/* Frames count only if the floor, read after them, has not passed them. */
static void a_keeper_takes_no_embedded_file_from_a_frame_that_was_made_again_F1_G4(void **state)
{
    struct t *t = *state;
    struct scene s;
    struct state_kept kept;
    struct state_result r;
    scene_open(t, &s);
    assert_ok(t, add_embedded(s.table, &r, &t->err));
    assert_int_equal(r.outcome.at.frame, 2);
    s.happens = create_again;
    assert_ok(t, state_table_keep(s.own, 1, &kept, &t->err));
    assert_int_equal(s.step, 1);
    assert_false(kept.is_made); /* it was overtaken */
    scene_close(&s);
}

T_MAIN(T_TEST(a_body_that_goes_while_its_frame_is_trimmed_is_no_damage_F1_G3),
       T_TEST(a_token_is_found_though_the_snapshot_one_stands_on_is_gone_I5),
       T_TEST(a_keeper_takes_no_embedded_file_from_a_frame_that_was_made_again_F1_G4),
       T_TEST(a_reader_that_goes_on_from_a_snapshot_reads_to_the_tip_F1),
       T_TEST(an_authors_own_copy_with_an_earlier_base_is_no_repeat_I4))
