/*
 * Repair of a table that is damaged in more than one place: whatever fails meanwhile, a second repair
 * finishes; whatever byte of the log is damaged, it ends with a table that check finds sound, or says why not.
 */
#include <stdio.h>
#include <string.h>

#include "lib/table.h"
#include "upkeep/upkeep.h"

/* The last frame but one: it holds a file. */
#define MIDDLE 8u

/* ---- Stores ---- */

/* Replaces what is there; an object of no bytes at all is removed. */
static void put(struct t *t, struct store *s, struct slice name, struct slice body)
{
    assert_ok(t, store_delete(s, name, &t->err));
    if (body.ptr)
        assert_ok(t, store_put_if_absent(s, name, body, &t->err));
}

static struct store_item *list(struct t *t, struct store *s, struct arena *arena, size_t *count)
{
    struct store_item *items = NULL;
    assert_ok(t, store_list(s, slice_str(""), slice_of(NULL, 0), 0, arena, &items, count, &t->err));
    return items;
}

static struct store *copy_of(struct t *t, struct store *from)
{
    struct arena arena;
    struct store *out = NULL;
    struct buf bytes;
    size_t count = 0;
    arena_init(&arena, &t->mem, 1 << 22);
    buf_init(&bytes, &t->mem, 1 << 22);
    assert_ok(t, store_memory_new(alloc_system(), &out, &t->err));
    const struct store_item *items = list(t, from, &arena, &count);
    for (size_t i = 0; i < count; i++) {
        assert_ok(t, store_get(from, items[i].name, &bytes, &t->err));
        assert_ok(t, store_put_if_absent(out, items[i].name, buf_slice(&bytes), &t->err));
    }
    buf_fini(&bytes);
    arena_fini(&arena);
    return out;
}

/* Repair may replace these two, and no other that there was. */
static bool is_replaceable(struct slice name)
{
    struct slice floor = slice_str("/floor");
    struct slice head = slice_str("/head");
    return (name.len > floor.len && slice_equal(slice_last(name, floor.len), floor)) ||
           (name.len > head.len && slice_equal(slice_last(name, head.len), head));
}

static void expect_nothing_destroyed(struct t *t, struct store *before, struct store *after)
{
    struct arena arena;
    struct buf was;
    struct buf is;
    size_t count = 0;
    arena_init(&arena, &t->mem, 1 << 22);
    buf_init(&was, &t->mem, 1 << 22);
    buf_init(&is, &t->mem, 1 << 22);
    const struct store_item *items = list(t, before, &arena, &count);
    for (size_t i = 0; i < count; i++) {
        if (is_replaceable(items[i].name))
            continue;
        assert_ok(t, store_get(before, items[i].name, &was, &t->err));
        assert_ok(t, store_get(after, items[i].name, &is, &t->err));
        assert_true(slice_equal(buf_slice(&was), buf_slice(&is)));
    }
    buf_fini(&was);
    buf_fini(&is);
    arena_fini(&arena);
}

/* ---- A table, and what is left of it ---- */

struct world {
    struct store *store;
    struct hash128 table;
    char newest[128]; /* snapshot */
    struct buf want;  /* the live files that a repair without faults leaves */
};

static struct state_name object_of(struct t *t, struct t_table *tt, const char *name)
{
    struct state_name object;
    assert_ok(t, state_table_object(tt->table, slice_str(name), &object, &t->err));
    return object;
}

/* A file inside its frame; the object that it was made as stays: a stranger that tells its maker. */
static void add_embedded(struct t *t, struct t_table *tt, const char *text)
{
    struct arr_batch rows;
    struct key_vec keys;
    struct buf body;
    struct output *out = NULL;
    struct output_options o = {.threads = 1};
    struct state_new_file *files = NULL;
    struct state_name object;
    struct state_result result = {0};
    size_t count = 0;
    buf_init(&body, &t->mem, 1 << 20);
    t_table_rows(t, tt, text, &rows, &keys);
    assert_ok(t, output_new(tt->table, &o, &t->mem, &out, &t->err));
    assert_ok(t, output_take(out, &rows, &keys, &t->err));
    assert_ok(t, output_finish(out, &files, &count, &t->err));
    assert_ok(t, state_table_object(tt->table, files[0].name, &object, &t->err));
    assert_ok(t, store_get(tt->store, state_name_slice(&object), &body, &t->err));
    struct slice bodies[] = {buf_slice(&body)};
    files[0].name = (struct slice){0};
    files[0].body = 1;
    struct state_txn txn = {.kind = STATE_ADD, .add = {.files = files, .count = 1}};
    struct state_commit_options commit = {.bodies = bodies, .body_count = 1};
    assert_ok(t, state_table_commit(tt->table, &txn, &commit, &result, &t->err));
    assert_ok(t, state_result_check(&result, &t->err));
    output_free(out);
    arr_batch_fini(&rows);
    key_vec_fini(&keys);
    buf_fini(&body);
}

static void keep(struct t *t, struct t_table *tt)
{
    struct state_kept kept;
    assert_ok(t, state_table_keep(tt->table, 1, &kept, &t->err));
    assert_true(kept.is_made);
}

/* A sound table; its store stays with the world. */
static void world_open(struct t *t, struct world *w, bool is_kept)
{
    struct t_table tt;
    *w = (struct world){.store = NULL};
    buf_init(&w->want, &t->mem, 1 << 20);
    assert_ok(t, store_memory_new(alloc_system(), &w->store, &t->err));
    t_table_open_in(t, &tt, w->store, T_SCHEMA_KV, NULL, 0);
    w->table = state_table_id(tt.table);
    t_table_add(t, &tt, "a,1\nb,2\n");
    for (int i = 0; is_kept && i < 2; i++) {
        add_embedded(t, &tt, "c,3\n");
        keep(t, &tt);
    }
    t_table_add(t, &tt, "d,4\n");
    add_embedded(t, &tt, "e,5\n");
    t_table_add(t, &tt, "f,6\n");
    if (is_kept) {
        const struct table_state *view = state_table_view(tt.table);
        struct state_name root =
            object_of(t, &tt, state_verified_at(view, state_verified_count(view) - 1)->root);
        (void)snprintf(w->newest, sizeof w->newest, "%.*s", SLICE_ARG(state_name_slice(&root)));
    }
    state_table_close(tt.table);
    state_instance_close(tt.instance);
}

static void world_close(struct world *w)
{
    buf_fini(&w->want);
    store_close(w->store);
}

static struct state_name name_in(const struct world *w, const char *name)
{
    char hex[33];
    struct state_name out;
    hash_format(w->table, hex);
    out.len = (size_t)snprintf(out.text, sizeof out.text, "t/%s/%s", hex, name);
    return out;
}

/* A frame in the middle is damaged, the newest snapshot lost, and a stranger is there. */
static void damage(struct t *t, struct world *w)
{
    char frame[32];
    struct buf bytes;
    (void)snprintf(frame, sizeof frame, "log/%020u", MIDDLE);
    struct state_name damaged = name_in(w, frame);
    struct state_name stranger = name_in(w, "data/3f/00000000000000000002-ff.parquet");
    buf_init(&bytes, &t->mem, 1 << 20);
    assert_ok(t, store_get(w->store, state_name_slice(&damaged), &bytes, &t->err));
    bytes.ptr[bytes.len / 2] ^= 1;
    put(t, w->store, state_name_slice(&damaged), buf_slice(&bytes));
    put(t, w->store, slice_str(w->newest), slice_of(NULL, 0));
    put(t, w->store, state_name_slice(&stranger), slice_str("junk"));
    buf_fini(&bytes);
}

static slp_rc repair(struct t *t, struct store *store, const struct world *w,
                     struct upkeep_repair_result *out)
{
    struct state_instance *instance = NULL;
    struct upkeep_repair_options o = {.dry_run = false};
    err_clear(&t->err);
    slp_rc rc = state_instance_open(&t->mem, store, NULL, &instance, &t->err);
    if (rc == SLP_OK)
        rc = upkeep_repair(instance, w->table, &o, &t->mem, out, &t->err);
    state_instance_close(instance);
    return rc;
}

static slp_rc fail_at(void *context, const struct upkeep_finding *finding, struct slp_err *err)
{
    (void)context;
    (void)err;
    if (finding->severity == UPKEEP_ERROR)
        fail_msg("%.*s: %.*s", SLICE_ARG(finding->object), SLICE_ARG(finding->text));
    return SLP_OK;
}

/* The table opens and check finds nothing; the names of its live files replace `out`. */
static void look(struct t *t, struct store *store, const struct world *w, struct buf *out)
{
    struct state_instance *instance = NULL;
    struct state_table *table = NULL;
    struct arena arena;
    const struct state_file **files = NULL;
    size_t count = 0;
    arena_init(&arena, &t->mem, 1 << 22);
    buf_clear(out);
    assert_ok(t, state_instance_open(&t->mem, store, NULL, &instance, &t->err));
    assert_ok(t, state_table_open_id(instance, w->table, &table, &t->err));
    assert_ok(t, upkeep_check(table, NULL, fail_at, NULL, &t->mem, &t->err));
    assert_ok(t, state_files(state_table_view(table), &arena, &files, &count, &t->err));
    for (size_t i = 0; i < count; i++)
        assert_ok(t, buf_printf(out, &t->err, "%.*s\n", SLICE_ARG(files[i]->name)));
    state_table_close(table);
    state_instance_close(instance);
    arena_fini(&arena);
}

/* What a repair without faults leaves, and that it names what was damaged. */
static void expect(struct t *t, struct world *w, size_t lost)
{
    struct upkeep_repair_result result = {.lost = 0};
    struct store *store = copy_of(t, w->store);
    assert_ok(t, repair(t, store, w, &result));
    assert_true(result.is_damaged);
    assert_int_equal(result.lost, lost);
    assert_int_equal(result.undecided, 4);
    look(t, store, w, &w->want);
    assert_true(w->want.len > 0);
    store_close(store);
}

/* After a repair that failed or did not: nothing is destroyed, and one more leaves what a first would. */
static void expect_finished(struct t *t, struct store *store, const struct world *w)
{
    struct upkeep_repair_result result = {.lost = 0};
    struct buf got;
    buf_init(&got, &t->mem, 1 << 20);
    expect_nothing_destroyed(t, w->store, store);
    assert_ok(t, repair(t, store, w, &result));
    expect_nothing_destroyed(t, w->store, store);
    look(t, store, w, &got);
    assert_true(slice_equal(buf_slice(&got), buf_slice(&w->want)));
    buf_fini(&got);
}

/* ---- Faults ---- */

static void repairing_survives_running_out_of_memory_and_is_finished_by_the_next(void **state)
{
    struct t *t = *state;
    struct world w;
    world_open(t, &w, true);
    damage(t, &w);
    expect(t, &w, 2);
    T_FAULT_LOOP(t) {
        struct upkeep_repair_result result = {.lost = 0};
        bool was_armed = t->fault_armed;
        t->fault_armed = false;
        struct store *store = copy_of(t, w.store);
        t->fault_armed = was_armed;
        slp_rc rc = repair(t, store, &w, &result);
        t->fault_armed = false;
        if (rc ==
            SLP_OK) /* whatever met the fault was a hint, and no object was taken for damaged */
            assert_int_equal(result.lost, 2);
        else
            assert_true(t->fault_hit && (rc == SLP_NO_MEMORY || rc == SLP_UNKNOWN));
        expect_finished(t, store, &w);
        t->fault_armed = was_armed;
        store_close(store);
    }
    world_close(&w);
}

static void every_request_that_fails_leaves_what_the_next_repair_finishes(void **state)
{
    struct t *t = *state;
    struct world w;
    world_open(t, &w, true);
    damage(t, &w);
    expect(t, &w, 2);
    for (int kind = STORE_FAULT_BEFORE; kind <= STORE_FAULT_LOST_ANSWER; kind++) {
        bool is_hit = true;
        for (uint64_t at = 0; is_hit; at++) {
            struct store_fault_plan plan = {.fault_at = at, .kind = (enum store_fault)kind};
            struct upkeep_repair_result result = {.lost = 0};
            struct store *faulty = NULL;
            struct store *store = copy_of(t, w.store);
            size_t before = t->live_bytes;
            assert_ok(t, store_faulty_new(alloc_system(), store, &plan, &faulty, &t->err));
            slp_rc rc = repair(t, faulty, &w, &result);
            assert_int_equal(t->live_bytes, before);
            is_hit = store_faulty_hits(faulty) > 0;
            store_close(faulty);
            assert_true(rc == SLP_OK || (is_hit && (rc == SLP_UNAVAILABLE || rc == SLP_UNKNOWN)));
            expect_finished(t, store, &w);
            store_close(store);
        }
    }
    world_close(&w);
}

/* A file more, by whoever goes on before the next repair; not where the table cannot be opened. */
static bool add_one(struct t *t, struct store *store)
{
    struct t_table tt = {.store = store};
    assert_ok(t, state_instance_open(&t->mem, store, NULL, &tt.instance, &t->err));
    slp_rc rc = state_table_open(tt.instance, slice_str("test"), &tt.table, &t->err);
    if (rc == SLP_OK)
        t_table_add(t, &tt, "g,7\n");
    state_table_close(tt.table);
    state_instance_close(tt.instance);
    return rc == SLP_OK;
}

static void what_is_committed_after_a_repair_that_failed_outlives_the_next(void **state)
{
    struct t *t = *state;
    struct world w;
    struct buf had;
    struct buf got;
    bool is_hit = true;
    size_t added = 0;
    world_open(t, &w, false);
    buf_init(&had, &t->mem, 1 << 20);
    buf_init(&got, &t->mem, 1 << 20);
    struct state_name head = name_in(&w, "head");
    put(t, w.store, state_name_slice(&head), slice_str("junk"));
    for (uint64_t at = 0; is_hit; at++) {
        struct store_fault_plan plan = {.fault_at = at, .kind = STORE_FAULT_AFTER};
        struct upkeep_repair_result result = {.lost = 0};
        struct store *faulty = NULL;
        struct store *store = copy_of(t, w.store);
        assert_ok(t, store_faulty_new(alloc_system(), store, &plan, &faulty, &t->err));
        slp_rc rc = repair(t, faulty, &w, &result);
        is_hit = store_faulty_hits(faulty) > 0;
        store_close(faulty);
        assert_true(rc == SLP_OK || is_hit);
        if (add_one(t, store)) {
            added++;
            look(t, store, &w, &had);
            assert_ok(t, repair(t, store, &w, &result));
            look(t, store, &w, &got);
            assert_true(slice_equal(buf_slice(&got), buf_slice(&had)));
        }
        store_close(store);
    }
    assert_true(added > 10);
    buf_fini(&had);
    buf_fini(&got);
    world_close(&w);
}

/* ---- Bytes ---- */

static bool is_of_log(struct slice name)
{
    return memmem(name.ptr, name.len, "/log/", 5) || memmem(name.ptr, name.len, "/snap/", 6) ||
           is_replaceable(name);
}

/* One object is damaged or gone: an error that says what to do, or a table that is sound. */
static void repair_one(struct t *t, const struct world *w, struct slice name, struct slice body)
{
    struct upkeep_repair_result result = {.lost = 0};
    struct buf files;
    struct store *store = copy_of(t, w->store);
    buf_init(&files, &t->mem, 1 << 20);
    put(t, store, name, body);
    slp_rc rc = repair(t, store, w, &result);
    if (rc == SLP_OK) {
        look(t, store, w, &files);
    } else {
        assert_int_equal(rc, SLP_CORRUPT);
        assert_err_has(t, "take it from a copy");
    }
    buf_fini(&files);
    store_close(store);
}

/* Some bytes of each object of the log, and each of these objects as a whole. */
static void spoil_bytes(struct t *t, const struct world *w, uint64_t stride)
{
    struct arena arena;
    struct buf bytes;
    size_t count = 0;
    arena_init(&arena, &t->mem, 1 << 22);
    buf_init(&bytes, &t->mem, 1 << 22);
    const struct store_item *items = list(t, w->store, &arena, &count);
    for (size_t i = 0; i < count; i++) {
        if (!is_of_log(items[i].name))
            continue;
        assert_ok(t, store_get(w->store, items[i].name, &bytes, &t->err));
        for (size_t at = t_below(t, stride); at < bytes.len; at += 1 + t_below(t, 2 * stride)) {
            uint8_t was = bytes.ptr[at];
            bytes.ptr[at] ^= (uint8_t)(1 + t_below(t, 255));
            repair_one(t, w, items[i].name, buf_slice(&bytes));
            bytes.ptr[at] = was;
        }
        repair_one(t, w, items[i].name, slice_of(NULL, 0));
    }
    buf_fini(&bytes);
    arena_fini(&arena);
}

static void whatever_byte_of_a_log_with_snapshots_is_damaged_repair_ends(void **state)
{
    struct t *t = *state;
    struct world w;
    world_open(t, &w, true);
    spoil_bytes(t, &w, 32);
    world_close(&w);
}

static void whatever_byte_of_a_log_without_a_snapshot_is_damaged_repair_ends(void **state)
{
    struct t *t = *state;
    struct world w;
    world_open(t, &w, false);
    spoil_bytes(t, &w, 32);
    world_close(&w);
}

/* Numbers are gone through one by one, and the log goes on above the highest. */
static void names_that_no_log_comes_to_are_refused(void **state)
{
    struct t *t = *state;
    struct world w;
    static const struct {
        const char *name;
        const char *text;
    } strays[] = {
        {"log/00000000000005000000", "is not of this log"},
        {"log/18446744073709551614", "is not of this log"},
        {"data/3f/18446744073709551614-ff.parquet", "no log comes to the number in this name"}};
    world_open(t, &w, true);
    damage(t, &w);
    for (size_t i = 0; i < sizeof strays / sizeof *strays; i++) {
        struct upkeep_repair_options o = {.told = NULL};
        struct upkeep_repair_result result = {0};
        struct state_instance *instance = NULL;
        struct state_name stray = name_in(&w, strays[i].name);
        put(t, w.store, state_name_slice(&stray), slice_str("junk"));
        assert_ok(t, state_instance_open(&t->mem, w.store, NULL, &instance, &t->err));
        assert_rc(t, upkeep_repair(instance, w.table, &o, &t->mem, &result, &t->err), SLP_CORRUPT);
        assert_err_has(t, strays[i].text);
        assert_err_has(t, strays[i].name);
        state_instance_close(instance);
        put(t, w.store, state_name_slice(&stray), slice_of(NULL, 0));
    }
    world_close(&w);
}

T_MAIN(T_TEST(names_that_no_log_comes_to_are_refused),
       T_TEST(repairing_survives_running_out_of_memory_and_is_finished_by_the_next),
       T_TEST(every_request_that_fails_leaves_what_the_next_repair_finishes),
       T_TEST(what_is_committed_after_a_repair_that_failed_outlives_the_next),
       T_TEST(whatever_byte_of_a_log_with_snapshots_is_damaged_repair_ends),
       T_TEST(whatever_byte_of_a_log_without_a_snapshot_is_damaged_repair_ends))
