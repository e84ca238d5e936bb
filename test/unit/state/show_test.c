/* Every object of a log is shown, or refused: whatever its bytes are, and when memory runs out. */
#include "lib/t.h"
#include "unit/state/helpers.h"
#include "unit/state/one_table.h"

static slp_rc describe(struct t *t, struct slice bytes, struct buf *out)
{
    struct show s;
    show_init(&s, SHOW_AS_JSON, out, &t->err);
    show_open(&s, NULL, SHOW_OBJECT, true);
    TRY(state_object_show(bytes, &t->mem, &s, &t->err));
    show_close(&s);
    return show_finish(&s);
}

#define OBJECTS_MAX 32

/* All objects of a log that was kept three times: frames, head, floor, roots, shards, lists. */
struct objects {
    struct arena arena;
    struct slice bytes[OBJECTS_MAX];
    size_t count;
};

static void gather_below(struct t *t, struct world *w, const char *below, struct objects *out)
{
    struct store_item *items = NULL;
    size_t count = 0;
    struct state_name prefix;
    assert_ok(t, state_table_object(w->table, slice_str(below), &prefix, &t->err));
    assert_ok(t, store_list(w->store, state_name_slice(&prefix), (struct slice){0}, 0, &out->arena,
                            &items, &count, &t->err));
    for (size_t i = 0; i < count && out->count < OBJECTS_MAX; i++) {
        struct buf bytes;
        buf_init(&bytes, &t->mem, 1 << 24);
        assert_ok(t, store_get(w->store, items[i].name, &bytes, &t->err));
        if (state_object_is(buf_slice(&bytes)))
            assert_ok(
                t, arena_copy(&out->arena, buf_slice(&bytes), &out->bytes[out->count++], &t->err));
        buf_fini(&bytes);
    }
}

static void gather(struct t *t, struct objects *out)
{
    struct world w;
    struct state_kept kept;
    world_open(t, &w);
    *out = (struct objects){.count = 0};
    arena_init(&out->arena, alloc_system(), 1 << 24);
    for (int i = 0; i < 3; i++) {
        struct state_new_file f = file_of("data/00/x.parquet", "b", "k", 10);
        struct state_txn txn = {.kind = STATE_ADD, .add = {.files = &f, .count = 1}};
        struct state_result r;
        assert_ok(t, state_table_commit(w.table, &txn, NULL, &r, &t->err));
        assert_ok(t, state_table_keep(w.table, 1, &kept, &t->err));
    }
    gather_below(t, &w, "floor", out);
    gather_below(t, &w, "head", out);
    gather_below(t, &w, "snap/", out);
    gather_below(t, &w, "log/", out);
    assert_in_range(out->count, 10, OBJECTS_MAX);
    world_close(&w);
}

static void objects_with_other_bytes_are_shown_or_refused(void **state)
{
    struct t *t = *state;
    struct objects all;
    size_t refused = 0;
    size_t shown = 0;
    gather(t, &all);
    for (size_t i = 0; i < all.count; i++)
        for (size_t k = 0; k <= all.bytes[i].len; k++) {
            struct buf damaged;
            struct buf out;
            buf_init(&damaged, &t->mem, 1 << 24);
            buf_init(&out, &t->mem, 1 << 24);
            assert_ok(t, buf_append_slice(&damaged, all.bytes[i], &t->err));
            if (k < damaged.len)
                damaged.ptr[k] ^= (uint8_t)(1 + t->seed % 255);
            slp_rc rc = describe(t, buf_slice(&damaged), &out);
            assert_true(rc == SLP_OK || rc == SLP_CORRUPT || rc == SLP_UNSUPPORTED ||
                        rc == SLP_LIMIT);
            assert_true(k < damaged.len || rc == SLP_OK);
            shown += rc == SLP_OK;
            refused += rc != SLP_OK;
            buf_fini(&out);
            buf_fini(&damaged);
        }
    print_message("%zu objects: %zu shown, %zu refused\n", all.count, shown, refused);
    /* Frames, head and floor have checksums; objects of snapshots are known by their names. */
    assert_true(refused > shown / 4);
    arena_fini(&all.arena);
}

static void showing_objects_survives_every_fault(void **state)
{
    struct t *t = *state;
    struct objects all;
    gather(t, &all);
    for (size_t i = 0; i < all.count; i++) {
        T_FAULT_LOOP(t) {
            struct buf out;
            buf_init(&out, &t->mem, 1 << 24);
            slp_rc rc = describe(t, all.bytes[i], &out);
            assert_int_equal(rc, t->fault_hit ? SLP_NO_MEMORY : SLP_OK);
            buf_fini(&out);
        }
    }
    arena_fini(&all.arena);
}

T_MAIN(T_TEST(objects_with_other_bytes_are_shown_or_refused),
       T_TEST(showing_objects_survives_every_fault))
