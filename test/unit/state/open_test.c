#include "state/open.h"

#include <stdio.h>

#include "lib/refs.h"
#include "lib/t.h"
#include "state/inbox.h"
#include "unit/state/helpers.h"
#include "unit/state/one_table.h"

/* Bytes of a file that is embedded, told apart by `tag`. */
static struct slice body_of(uint8_t tag, size_t n)
{
    static uint8_t bytes[4][2048];
    assert_true(tag < 4 && n <= 2048);
    for (size_t i = 0; i < n; i++)
        bytes[tag][i] = (uint8_t)(i * 7 + tag);
    return slice_of(bytes[tag], n);
}

static struct state_new_file embedded_of(const char *first, const char *last, uint32_t body,
                                         size_t bytes)
{
    struct state_new_file f = file_of("", first, last, 10);
    f.name = (struct slice){0};
    f.info.file_bytes = bytes;
    f.body = body;
    return f;
}

static slp_rc add_embedded(struct t *t, struct state_table *table, struct state_result *r)
{
    struct slice bodies[] = {body_of(1, 1000), body_of(2, 2000)};
    struct state_new_file files[] = {embedded_of("a", "c", 1, 1000),
                                     embedded_of("d", "f", 2, 2000)};
    struct state_txn txn = {.kind = STATE_ADD, .add = {.files = files, .count = 2}};
    struct state_commit_options o = {.bodies = bodies, .body_count = 2};
    return state_table_commit(table, &txn, &o, r, &t->err);
}

/* The i-th reference of the only leaf has these bytes. */
static void expect_bytes(struct t *t, struct state_table *table, size_t i, struct slice expected)
{
    struct state_name object;
    struct source *src = NULL;
    struct buf out;
    const struct state_leaf *leaf = state_leaf_at(state_table_view(table), 0);
    const struct state_file *f = t_refs(leaf)[i].file;
    buf_init(&out, &t->mem, 1 << 20);
    assert_ok(t, state_table_object(table, f->name, &object, &t->err));
    assert_ok(t, state_open_source(table, state_name_slice(&object), f->info.file_bytes, &t->mem,
                                   &src, &t->err));
    assert_int_equal(src->size, expected.len);
    assert_ok(t, source_read_buf(src, 0, expected.len, &out, &t->err));
    assert_memory_equal(out.ptr, expected.ptr, expected.len);
    assert_rc(t, source_read_buf(src, 1, expected.len, &out, &t->err), SLP_CORRUPT);
    source_close(src);
    buf_fini(&out);
}

static size_t object_count(struct t *t, struct world *w, const char *prefix)
{
    struct arena a;
    struct store_item *items = NULL;
    size_t count = 0;
    struct state_name name;
    arena_init(&a, &t->mem, 1 << 20);
    assert_ok(t, state_table_object(w->table, slice_str(prefix), &name, &t->err));
    assert_ok(t, store_list(w->store, state_name_slice(&name), (struct slice){0}, 0, &a, &items,
                            &count, &t->err));
    arena_fini(&a);
    return count;
}

static void an_embedded_file_is_read_from_its_frame(void **state)
{
    struct t *t = *state;
    struct world w;
    struct state_result r;
    struct buf place;
    world_open(t, &w);
    assert_ok(t, add_embedded(t, w.table, &r));
    assert_ok(t, state_result_check(&r, &t->err));
    assert_int_equal(object_count(t, &w, "data/"), 0);
    expect_bytes(t, w.table, 0, body_of(1, 1000));
    expect_bytes(t, w.table, 1, body_of(2, 2000));
    buf_init(&place, &t->mem, 1000);
    const struct state_leaf *leaf = state_leaf_at(state_table_view(w.table), 0);
    assert_ok(t, state_file_place(w.table, t_refs(leaf)[0].file, &place, &t->err));
    assert_true(slice_starts_with(buf_slice(&place), slice_str("log:2:")));
    buf_fini(&place);
    world_close(&w);
}

/* Rule G4: where the frame has gone it is under the name that follows from its position. */
static void an_embedded_file_that_was_moved_is_read_by_its_name(void **state)
{
    struct t *t = *state;
    struct world w;
    struct state_result r;
    struct state_name frame;
    struct state_name object;
    world_open(t, &w);
    assert_ok(t, add_embedded(t, w.table, &r));
    const struct state_leaf *leaf = state_leaf_at(state_table_view(w.table), 0);
    assert_ok(t, state_table_object(w.table, t_refs(leaf)[0].file->name, &object, &t->err));
    assert_ok(t,
              store_put_if_absent(w.store, state_name_slice(&object), body_of(1, 1000), &t->err));
    assert_ok(t,
              state_table_object(w.table, slice_str("log/00000000000000000002"), &frame, &t->err));
    assert_ok(t, store_delete(w.store, state_name_slice(&frame), &t->err));
    expect_bytes(t, w.table, 0, body_of(1, 1000));
    struct source *src = NULL;
    assert_ok(t, state_table_object(w.table, t_refs(leaf)[1].file->name, &object, &t->err));
    assert_rc(t,
              state_open_source(w.table, state_name_slice(&object), 2000, &t->mem, &src, &t->err),
              SLP_NOT_FOUND);
    world_close(&w);
}

static void names_tell_what_is_embedded(void **state)
{
    (void)state;
    uint64_t frame = 0;
    uint64_t offset = 0;
    assert_true(state_embedded_at(slice_str("t/x/data/02/00000000000000000258-log-77.parquet"),
                                  &frame, &offset));
    assert_int_equal(frame, 258);
    assert_int_equal(offset, 77);
    static const char *const others[] = {
        "",
        "data/02/00000000000000000258-abc.parquet",
        "data/02/00000000000000000258-log-.parquet",
        "data/02/-log-77.parquet",
        "data/02/00000000000000000000-log-77.parquet",
        "data/02/00000000000000000001-log-77.parquet2",
        "data/02/99999999999999999999-log-99999999999999999999.parquet",
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_false(state_embedded_at(slice_str(others[i]), &frame, &offset));
}

/* Through the inbox: another packs it, into a frame with others. */
static void embedded_files_go_through_the_inbox(void **state)
{
    struct t *t = *state;
    struct world w;
    struct buf payload;
    uint32_t packed = 0;
    struct state_name left;
    struct state_replica replica;
    struct hash128 id;
    world_open(t, &w);
    id = state_table_id(w.table);
    assert_ok(t, state_replica_init(&replica, w.instance, &id, &t->err));
    assert_ok(t, state_replica_refresh(&replica, &t->err));
    buf_init(&payload, &t->mem, 1 << 22);
    for (uint8_t tag = 1; tag <= 3; tag++) {
        struct state_new_file f = embedded_of("a", "c", 1, 500u * tag);
        struct state_txn txn = {.kind = STATE_ADD,
                                .rule_version = STATE_RULE_VERSION,
                                .txid = {{tag}},
                                .base = 1,
                                .add = {.files = &f, .count = 1}};
        buf_clear(&payload);
        assert_ok(t, state_txn_encode(&txn, &payload, &t->err));
        /* What comes without its bytes would be damage in a frame: it stays. */
        if (tag < 3)
            assert_ok(t, state_bodies_append(&payload, 0, body_of(tag, 500u * tag), &t->err));
        assert_ok(t, state_inbox_leave(&replica, &txn, buf_slice(&payload), &left, &t->err));
    }
    assert_ok(t, state_table_pack(w.table, &packed, &t->err));
    assert_int_equal(packed, 2);
    assert_ok(t, state_table_refresh(w.table, &t->err));
    const struct state_leaf *leaf = state_leaf_at(state_table_view(w.table), 0);
    assert_int_equal(leaf->ref_count, 2);
    for (size_t i = 0; i < 2; i++) {
        uint64_t bytes = t_refs(leaf)[i].file->info.file_bytes;
        expect_bytes(t, w.table, i, body_of((uint8_t)(bytes / 500), (size_t)bytes));
    }
    buf_fini(&payload);
    state_replica_fini(&replica);
    world_close(&w);
}

static void more_than_a_frame_holds_is_refused(void **state)
{
    struct t *t = *state;
    struct world w;
    struct state_result r;
    struct buf large;
    world_open(t, &w);
    buf_init(&large, &t->mem, SIZE_MAX / 4);
    assert_ok(t, buf_resize(&large, STATE_FRAME_BODIES_MAX, &t->err));
    memset(large.ptr, 0, large.len);
    struct slice body = buf_slice(&large);
    struct state_new_file f = embedded_of("a", "c", 1, body.len);
    struct state_txn txn = {.kind = STATE_ADD, .add = {.files = &f, .count = 1}};
    struct state_commit_options o = {.bodies = &body, .body_count = 1};
    assert_rc(t, state_table_commit(w.table, &txn, &o, &r, &t->err), SLP_LIMIT);
    assert_err_has(t, "embedded");
    body.len -= 1 << 17;
    f.info.file_bytes = body.len;
    assert_ok(t, state_table_commit(w.table, &txn, &o, &r, &t->err));
    assert_ok(t, state_result_check(&r, &t->err));
    buf_fini(&large);
    world_close(&w);
}

static void embedding_survives_every_fault(void **state)
{
    struct t *t = *state;
    struct world w;
    world_open(t, &w);
    T_FAULT_LOOP(t) {
        struct state_instance *instance = NULL;
        struct state_table *table = NULL;
        struct state_result r;
        slp_rc rc = state_instance_open(&t->mem, w.store, NULL, &instance, &t->err);
        if (rc == SLP_OK)
            rc = state_table_open(instance, slice_str("t"), &table, &t->err);
        if (rc == SLP_OK)
            rc = add_embedded(t, table, &r);
        assert_true(t->fault_hit || rc == SLP_OK);
        state_table_close(table);
        state_instance_close(instance);
    }
    assert_ok(t, state_table_refresh(w.table, &t->err));
    world_close(&w);
}

T_MAIN(T_TEST(an_embedded_file_is_read_from_its_frame),
       T_TEST(an_embedded_file_that_was_moved_is_read_by_its_name),
       T_TEST(names_tell_what_is_embedded), T_TEST(embedded_files_go_through_the_inbox),
       T_TEST(more_than_a_frame_holds_is_refused), T_TEST(embedding_survives_every_fault))
