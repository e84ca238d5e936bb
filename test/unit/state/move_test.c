/*
 * Embedded files outlive the frames that they came in (rule G4), and a log that is damaged begins anew
 * with what is left (state/salvage.h).
 */
#include <stdio.h>
#include <string.h>

#include "lib/refs.h"
#include "state/keep.h"
#include "state/open.h"
#include "state/salvage.h"
#include "unit/state/helpers.h"
#include "unit/state/one_table.h"

#define BODY_BYTES 1000u

static struct slice body(void)
{
    static uint8_t bytes[BODY_BYTES];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 7);
    return slice_of(bytes, sizeof bytes);
}

static void add_embedded(struct t *t, struct world *w)
{
    struct slice bodies[] = {body()};
    struct state_result result = {0};
    struct state_new_file file = file_of("", "a", "c", 10);
    file.name = (struct slice){0};
    file.info.file_bytes = BODY_BYTES;
    file.body = 1;
    struct state_txn txn = {.kind = STATE_ADD, .add = {.files = &file, .count = 1}};
    struct state_commit_options o = {.bodies = bodies, .body_count = 1};
    assert_ok(t, state_table_commit(w->table, &txn, &o, &result, &t->err));
    assert_ok(t, state_result_check(&result, &t->err));
}

static void add_file(struct t *t, struct world *w)
{
    struct state_name name;
    struct state_result result = {0};
    assert_ok(t, state_data_name(w->table, slice_str(""), &name, &t->err));
    struct state_new_file file = file_of(name.text, "a", "c", 10);
    struct state_txn txn = {.kind = STATE_ADD, .add = {.files = &file, .count = 1}};
    assert_ok(t, state_table_commit(w->table, &txn, NULL, &result, &t->err));
    assert_ok(t, state_result_check(&result, &t->err));
}

static void keep(struct t *t, struct world *w)
{
    struct state_kept kept;
    assert_ok(t, state_table_keep(w->table, 1, &kept, &t->err));
    assert_true(kept.is_made);
}

/* ---- G4 ---- */

static void an_embedded_file_is_under_its_name_before_its_frame_goes_G4(void **state)
{
    struct t *t = *state;
    struct world w;
    struct state_name object;
    struct buf bytes;
    char frame[32];
    world_open(t, &w);
    buf_init(&bytes, &t->mem, 1 << 20);
    add_embedded(t, &w);
    const struct state_leaf *leaf = state_leaf_at(state_table_view(w.table), 0);
    const struct state_file *f = t_refs(leaf)[0].file;
    (void)snprintf(frame, sizeof frame, "log/%020llu", (unsigned long long)f->id.at.frame);
    assert_ok(t, state_table_object(w.table, f->name, &object, &t->err));
    assert_rc(t, store_get(w.store, state_name_slice(&object), &bytes, &t->err), SLP_NOT_FOUND);
    keep(t, &w);
    assert_ok(t, store_get(w.store, state_name_slice(&object), &bytes, &t->err));
    assert_true(slice_equal(buf_slice(&bytes), body()));
    keep(t, &w);
    struct state_name log;
    assert_ok(t, state_table_object(w.table, slice_str(frame), &log, &t->err));
    assert_rc(t, store_get(w.store, state_name_slice(&log), &bytes, &t->err), SLP_NOT_FOUND);
    assert_ok(t, store_get(w.store, state_name_slice(&object), &bytes, &t->err));
    buf_fini(&bytes);
    world_close(&w);
}

/* ---- Salvage ---- */

static void spoil(struct t *t, struct world *w, const char *name)
{
    struct state_name object;
    struct buf bytes;
    buf_init(&bytes, &t->mem, 1 << 20);
    assert_ok(t, state_table_object(w->table, slice_str(name), &object, &t->err));
    assert_ok(t, store_get(w->store, state_name_slice(&object), &bytes, &t->err));
    bytes.ptr[bytes.len - 1] ^= 1;
    assert_ok(t, store_delete(w->store, state_name_slice(&object), &t->err));
    assert_ok(t,
              store_put_if_absent(w->store, state_name_slice(&object), buf_slice(&bytes), &t->err));
    buf_fini(&bytes);
}

struct heard {
    size_t lost;
    char last[600];
};

static slp_rc hear(void *context, struct slice object, const char *verdict, struct slice text,
                   struct slp_err *err)
{
    struct heard *h = context;
    (void)err;
    h->lost += strcmp(verdict, "lost") == 0;
    (void)snprintf(h->last, sizeof h->last, "%.*s %s: %.*s", SLICE_ARG(object), verdict,
                   SLICE_ARG(text));
    return SLP_OK;
}

/* Salvage and write; then the table opens, has so many references, takes a file, is kept and opens again. */
static void salvage(struct t *t, struct world *w, struct heard *h, size_t refs)
{
    struct state_salvage *s = NULL;
    struct state_table *again = NULL;
    struct state_kept kept;
    char broken[STATE_ROOT_NAME_BYTES];
    struct hash128 id = state_table_id(w->table);
    assert_ok(t, state_salvage_open(w->instance, id, hear, h, &s, &t->err));
    assert_true(state_salvage_is_damaged(s));
    assert_int_equal(state_leaf_at(state_salvage_view(s), 0)->ref_count, refs);
    assert_ok(t, state_salvage_write(s, broken, &t->err));
    state_salvage_close(s);
    state_table_close(w->table);
    assert_ok(t, state_table_open(w->instance, slice_str("t"), &w->table, &t->err));
    assert_int_equal(state_leaf_at(state_table_view(w->table), 0)->ref_count, refs);
    add_file(t, w);
    assert_ok(t, state_table_keep(w->table, 1, &kept, &t->err));
    assert_true(kept.is_made);
    assert_ok(t, state_table_open(w->instance, slice_str("t"), &again, &t->err));
    assert_int_equal(state_leaf_at(state_table_view(again), 0)->ref_count, refs + 1);
    state_table_close(again);
}

static void without_its_newest_snapshot_the_one_before_and_the_frames_tell_all(void **state)
{
    struct t *t = *state;
    struct world w;
    struct heard h = {0};
    char root[STATE_ROOT_NAME_BYTES];
    world_open(t, &w);
    for (int i = 0; i < 3; i++) {
        add_file(t, &w);
        keep(t, &w);
    }
    const struct table_state *view = state_table_view(w.table);
    (void)snprintf(root, sizeof root, "%s",
                   state_verified_at(view, state_verified_count(view) - 1)->root);
    spoil(t, &w, root);
    salvage(t, &w, &h, 3);
    assert_int_equal(h.lost, 1);
    world_close(&w);
}

static void a_damaged_shard_is_as_bad_as_its_root(void **state)
{
    struct t *t = *state;
    struct world w;
    struct heard h = {0};
    struct arena arena;
    struct store_item *items = NULL;
    struct state_name folder;
    size_t count = 0;
    world_open(t, &w);
    for (int i = 0; i < 3; i++) {
        add_file(t, &w);
        keep(t, &w);
    }
    arena_init(&arena, &t->mem, 1 << 22);
    assert_ok(t, state_table_object(w.table, slice_str("snap/"), &folder, &t->err));
    assert_ok(t, store_list(w.store, state_name_slice(&folder), (struct slice){0}, 0, &arena,
                            &items, &count, &t->err));
    /* A shard of the newest snapshot: the last object with the magic of one. */
    for (size_t i = count; i > 0; i--) {
        struct buf bytes;
        char name[STATE_ROOT_NAME_BYTES];
        buf_init(&bytes, &t->mem, 1 << 20);
        assert_ok(t, store_get(w.store, items[i - 1].name, &bytes, &t->err));
        bool is_shard = memcmp(bytes.ptr, "SLEEPSHD", 8) == 0;
        buf_fini(&bytes);
        if (!is_shard)
            continue;
        struct slice rest = slice_after(items[i - 1].name, folder.len - 5);
        (void)snprintf(name, sizeof name, "%.*s", SLICE_ARG(rest));
        spoil(t, &w, name);
        break;
    }
    salvage(t, &w, &h, 3);
    assert_true(h.lost >= 1);
    arena_fini(&arena);
    world_close(&w);
}

static void a_frame_that_is_lost_takes_only_its_own_rows_along(void **state)
{
    struct t *t = *state;
    struct world w;
    struct heard h = {0};
    world_open(t, &w);
    for (int i = 0; i < 4; i++)
        add_file(t, &w);
    spoil(t, &w, "log/00000000000000000003");
    salvage(t, &w, &h, 3);
    assert_int_equal(h.lost, 1);
    assert_non_null(strstr(h.last, "log/00000000000000000003 lost"));
    world_close(&w);
}

static void a_writer_that_slept_through_a_repair_does_not_count_F1(void **state)
{
    struct t *t = *state;
    struct world w;
    struct heard h = {0};
    struct state_table *late = NULL;
    struct state_result result = {0};
    world_open(t, &w);
    add_file(t, &w);
    add_file(t, &w);
    assert_ok(t, state_table_open(w.instance, slice_str("t"), &late, &t->err));
    spoil(t, &w, "log/00000000000000000002");
    salvage(t, &w, &h, 1);
    struct state_new_file file = file_of("data/00/00000000000000000003-late.parquet", "a", "c", 10);
    struct state_txn txn = {.kind = STATE_ADD, .add = {.files = &file, .count = 1}};
    assert_ok(t, state_table_commit(late, &txn, NULL, &result, &t->err));
    assert_true(result.outcome.at.frame > 1000); /* on top of what was repaired */
    state_table_close(late);
    assert_ok(t, state_table_refresh(w.table, &t->err));
    assert_int_equal(state_leaf_at(state_table_view(w.table), 0)->ref_count, 3);
    world_close(&w);
}

static void salvaging_survives_running_out_of_memory(void **state)
{
    struct t *t = *state;
    struct world w;
    struct hash128 id;
    world_open(t, &w);
    add_file(t, &w);
    keep(t, &w);
    add_file(t, &w);
    spoil(t, &w, "log/00000000000000000003");
    id = state_table_id(w.table);
    T_FAULT_LOOP(t) {
        struct state_instance *instance = NULL;
        struct state_salvage *s = NULL;
        slp_rc rc = state_instance_open(&t->mem, w.store, NULL, &instance, &t->err);
        if (rc == SLP_OK)
            rc = state_salvage_open(instance, id, NULL, NULL, &s, &t->err);
        state_salvage_close(s);
        state_instance_close(instance);
        assert_true(t->fault_hit ? rc != SLP_OK : rc == SLP_OK);
    }
    world_close(&w);
}

T_MAIN(T_TEST(an_embedded_file_is_under_its_name_before_its_frame_goes_G4),
       T_TEST(without_its_newest_snapshot_the_one_before_and_the_frames_tell_all),
       T_TEST(a_damaged_shard_is_as_bad_as_its_root),
       T_TEST(a_frame_that_is_lost_takes_only_its_own_rows_along),
       T_TEST(a_writer_that_slept_through_a_repair_does_not_count_F1),
       T_TEST(salvaging_survives_running_out_of_memory))
