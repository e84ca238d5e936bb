/* rooms: store os base */
/*
 * Memory that runs out at every place of a store: outputs stay as they were, nothing leaks, and
 * what was not answered OK and is no UNKNOWN did not happen.
 */
#include "lib/place.h"
#include "store/memory.h"
#include "store/store.h"

static struct slice text(const char *s)
{
    return slice_str(s);
}

/* Every call of a store once; the first error ends it. */
static slp_rc use(struct t *t, struct store *s, struct arena *arena, struct buf *out)
{
    struct store_tag tag = {0};
    struct source *src = NULL;
    struct store_put *put = NULL;
    struct store_item *items = NULL;
    size_t count = 0;
    uint8_t got[4];
    struct io_range range = {0, 4, got};
    slp_rc rc = SLP_OK;
    TRY_OUT(store_put_if_absent(s, text("a/one"), text("body"), &t->err));
    TRY_OUT(store_put_if_match(s, text("a/two"), text("body"), tag, &tag, &t->err));
    TRY_OUT(store_put_if_match(s, text("a/two"), text("more"), tag, &tag, &t->err));
    TRY_OUT(store_put_open(s, text("a/three"), &t->mem, &put, &t->err));
    rc = sink_write(put->sink, "streamed", 8, &t->err);
    if (rc != SLP_OK) {
        store_put_abort(put);
        goto out;
    }
    TRY_OUT(store_put_commit(put, &t->err));
    TRY_OUT(store_get(s, text("a/one"), out, &t->err));
    TRY_OUT(store_list(s, text("a/"), text(""), 0, arena, &items, &count, &t->err));
    assert_int_equal(count, 3);
    TRY_OUT(store_open(s, text("a/three"), &t->mem, &src, &t->err));
    rc = source_read(src, &range, 1, &t->err);
    source_close(src);
    TRY_OUT(rc);
    TRY_OUT(store_delete(s, text("a/one"), &t->err));
out:
    return rc;
}

static slp_rc use_new(struct t *t, const char *path)
{
    struct store *s = NULL;
    struct arena arena;
    struct buf out;
    slp_rc rc = SLP_OK;
    arena_init(&arena, &t->mem, 1 << 20);
    buf_init(&out, &t->mem, 1 << 20);
    rc = path ? store_folder_open(&t->mem, path, true, &s, &t->err)
              : store_memory_new(&t->mem, &s, &t->err);
    if (rc == SLP_OK)
        rc = use(t, s, &arena, &out);
    store_close(s);
    buf_fini(&out);
    arena_fini(&arena);
    return rc;
}

static void memory_survives_every_fault(void **state)
{
    struct t *t = *state;
    T_FAULT_LOOP(t) {
        slp_rc rc = use_new(t, NULL);
        assert_rc(t, rc, t->fault_hit ? SLP_NO_MEMORY : SLP_OK);
    }
}

static void folder_survives_every_fault(void **state)
{
    struct t *t = *state;
    T_FAULT_LOOP(t) {
        struct place p;
        place_make(&p);
        slp_rc rc = use_new(t, p.path);
        place_drop(&p);
        assert_rc(t, rc, t->fault_hit ? SLP_NO_MEMORY : SLP_OK);
    }
}

static void faulty_survives_every_fault(void **state)
{
    struct t *t = *state;
    struct store_fault_plan never = {.fault_at = UINT64_MAX};
    T_FAULT_LOOP(t) {
        struct store *below = NULL;
        struct store *s = NULL;
        struct arena arena;
        struct buf out;
        arena_init(&arena, &t->mem, 1 << 20);
        buf_init(&out, &t->mem, 1 << 20);
        slp_rc rc = store_memory_new(&t->mem, &below, &t->err);
        if (rc == SLP_OK)
            rc = store_faulty_new(&t->mem, below, &never, &s, &t->err);
        if (rc == SLP_OK)
            rc = use(t, s, &arena, &out);
        store_close(s);
        store_close(below);
        buf_fini(&out);
        arena_fini(&arena);
        assert_rc(t, rc, t->fault_hit ? SLP_NO_MEMORY : SLP_OK);
    }
}

/* Every request of a sequence fails in each way: the caller sees a code it can act on. */
static void every_fault_of_the_store_has_a_code_to_act_on(void **state)
{
    struct t *t = *state;
    for (int kind = STORE_FAULT_BEFORE; kind <= STORE_FAULT_LOST_ANSWER; kind++) {
        bool was_hit = true;
        for (uint64_t at = 0; was_hit; at++) {
            struct store_fault_plan plan = {.fault_at = at, .kind = (enum store_fault)kind};
            struct store *below = NULL;
            struct store *s = NULL;
            struct arena arena;
            struct buf out;
            arena_init(&arena, &t->mem, 1 << 20);
            buf_init(&out, &t->mem, 1 << 20);
            assert_ok(t, store_memory_new(&t->mem, &below, &t->err));
            assert_ok(t, store_faulty_new(&t->mem, below, &plan, &s, &t->err));
            slp_rc rc = use(t, s, &arena, &out);
            was_hit = store_faulty_hits(s) != 0;
            assert_true(was_hit ? rc == SLP_UNAVAILABLE || rc == SLP_UNKNOWN : rc == SLP_OK);
            assert_true(kind != STORE_FAULT_BEFORE || rc != SLP_UNKNOWN);
            store_close(s);
            store_close(below);
            buf_fini(&out);
            arena_fini(&arena);
        }
    }
}

T_MAIN(T_TEST(memory_survives_every_fault), T_TEST(folder_survives_every_fault),
       T_TEST(faulty_survives_every_fault), T_TEST(every_fault_of_the_store_has_a_code_to_act_on))
