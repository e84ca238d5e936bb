/* Payloads that are too large for a frame: they stand in an object of their own (rules I1, G3). */
#include <stdio.h>

#include "lib/refs.h"
#include "lib/t.h"
#include "state/frame.h"
#include "unit/state/helpers.h"
#include "unit/state/one_table.h"

#define LONG_FILES 12
#define LONG_KEY   60000

/* Few files with keys so long that they fill more than a frame. */
static void long_files(struct state_new_file *files)
{
    static char keys[2][LONG_KEY];
    static char names[LONG_FILES][64];
    memset(keys[0], 'a', LONG_KEY);
    memset(keys[1], 'b', LONG_KEY);
    for (int i = 0; i < LONG_FILES; i++) {
        (void)snprintf(names[i], sizeof names[i], "data/00/%020d-%032d.parquet", 1, i);
        files[i] = file_of(names[i], "a", "b", 10);
        files[i].info.first_key = slice_of(keys[0], LONG_KEY);
        files[i].info.last_key = slice_of(keys[1], LONG_KEY);
    }
}

static size_t list(struct t *t, struct world *w, const char *prefix, struct state_name *last,
                   uint64_t *last_bytes)
{
    struct arena a;
    struct store_item *items = NULL;
    size_t count = 0;
    struct state_name name;
    arena_init(&a, &t->mem, 1 << 20);
    assert_ok(t, state_table_object(w->table, slice_str(prefix), &name, &t->err));
    assert_ok(t, store_list(w->store, state_name_slice(&name), (struct slice){0}, 0, &a, &items,
                            &count, &t->err));
    if (count) {
        last->len = items[count - 1].name.len;
        memcpy(last->text, items[count - 1].name.ptr, last->len);
        *last_bytes = items[count - 1].size;
    }
    arena_fini(&a);
    return count;
}

static void what_no_frame_holds_stands_apart(void **state)
{
    struct t *t = *state;
    struct world w;
    struct state_result r;
    struct state_name name;
    uint64_t bytes = 0;
    struct state_new_file files[LONG_FILES];
    world_open(t, &w);
    long_files(files);
    struct state_txn txn = {.kind = STATE_ADD, .add = {.files = files, .count = LONG_FILES}};
    assert_ok(t, state_table_commit(w.table, &txn, NULL, &r, &t->err));
    assert_ok(t, state_result_check(&r, &t->err));
    assert_int_equal(txn.body.name.len, 0);
    assert_int_equal(list(t, &w, "body/", &name, &bytes), 1);
    assert_int_equal(list(t, &w, "log/", &name, &bytes), 2);
    assert_true(bytes < 4096);
    /* Another reader finds the same. */
    struct state_table *other = NULL;
    assert_ok(t, state_table_open(w.instance, slice_str("t"), &other, &t->err));
    assert_int_equal(state_leaf_at(state_table_view(other), 0)->ref_count, LONG_FILES);
    state_table_close(other);
    /* Rule G3: without its body the log is damaged for everyone. */
    assert_int_equal(list(t, &w, "body/", &name, &bytes), 1);
    assert_ok(t, store_delete(w.store, state_name_slice(&name), &t->err));
    assert_rc(t, state_table_open(w.instance, slice_str("t"), &other, &t->err), SLP_CORRUPT);
    assert_err_has(t, "body/");
    world_close(&w);
}

#define MANY 10000

static void ten_thousand_files_are_one_transaction(void **state)
{
    struct t *t = *state;
    struct world w;
    struct state_result r;
    struct state_name name;
    uint64_t bytes = 0;
    static struct state_new_file files[MANY];
    static char names[MANY][72];
    static char keys[MANY][2][16];
    world_open(t, &w);
    for (int i = 0; i < MANY; i++) {
        (void)snprintf(names[i], sizeof names[i], "data/00/%020d-%032d.parquet", 1, i);
        (void)snprintf(keys[i][0], sizeof keys[i][0], "k%08d", 2 * i);
        (void)snprintf(keys[i][1], sizeof keys[i][1], "k%08d", 2 * i + 1);
        files[i] = file_of(names[i], keys[i][0], keys[i][1], 10);
    }
    struct state_txn txn = {.kind = STATE_ADD, .add = {.files = files, .count = MANY}};
    assert_ok(t, state_table_commit(w.table, &txn, NULL, &r, &t->err));
    assert_ok(t, state_result_check(&r, &t->err));
    assert_int_equal(state_leaf_at(state_table_view(w.table), 0)->ref_count, MANY);
    assert_int_equal(list(t, &w, "log/", &name, &bytes), 2);
    assert_true(bytes <= STATE_FRAME_MAX_BYTES - STATE_FRAME_BODIES_MAX);
    world_close(&w);
}

static void standing_apart_survives_every_fault(void **state)
{
    struct t *t = *state;
    struct world w;
    struct state_new_file files[LONG_FILES];
    world_open(t, &w);
    long_files(files);
    T_FAULT_LOOP(t) {
        struct state_instance *instance = NULL;
        struct state_table *table = NULL;
        struct state_result r;
        struct state_txn txn = {.kind = STATE_ADD, .add = {.files = files, .count = LONG_FILES}};
        slp_rc rc = state_instance_open(&t->mem, w.store, NULL, &instance, &t->err);
        if (rc == SLP_OK)
            rc = state_table_open(instance, slice_str("t"), &table, &t->err);
        if (rc == SLP_OK)
            rc = state_table_commit(table, &txn, NULL, &r, &t->err);
        assert_true(t->fault_hit || rc == SLP_OK);
        assert_int_equal(txn.body.name.len, 0);
        state_table_close(table);
        state_instance_close(instance);
    }
    world_close(&w);
}

/* ------------------------------------------------------------------ a frame that is read half */

/* A store on which somebody else packs the first frame that is created here, another transaction
 * behind its own, whose body cannot be had a few times while hours go by. */
struct packer {
    struct store base;
    struct store *below;
    struct slice other;
    int packs;
    int refusals;
    int64_t ahead_us;
};

static slp_rc pack(struct packer *p, const struct store_request *q, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct arena a;
    struct buf txns;
    struct buf bytes;
    struct state_frame frame = {0};
    arena_init(&a, alloc_system(), 1 << 20);
    buf_init(&txns, alloc_system(), STATE_TXN_MAX_BYTES);
    buf_init(&bytes, alloc_system(), STATE_FRAME_MAX_BYTES);
    TRY_OUT(state_frame_decode(q->body, &a, &frame, err));
    TRY_OUT(buf_append_slice(&txns, frame.transactions, err));
    TRY_OUT(buf_append_slice(&txns, p->other, err));
    TRY_OUT(state_frame_encode(frame.number, frame.previous, buf_slice(&txns), 2, &bytes, err));
    TRY_OUT(store_put_if_absent(p->below, q->name, buf_slice(&bytes), err));
out:
    buf_fini(&bytes);
    buf_fini(&txns);
    arena_fini(&a);
    return rc;
}

static bool is_in(const struct store_request *q, enum store_verb verb, const char *folder)
{
    return q->verb == verb && q->name.len > 35 &&
           slice_starts_with(slice_after(q->name, 35), slice_str(folder));
}

static slp_rc packer_submit(struct store *s, struct store_request *requests, size_t count,
                            struct slp_err *err)
{
    struct packer *p = (struct packer *)s;
    if (p->packs > 0 && is_in(requests, STORE_PUT_IF_ABSENT, "log/")) {
        p->packs--;
        TRY(pack(p, requests, err));
    }
    if (p->refusals > 0 && is_in(requests, STORE_GET, "body/")) {
        p->refusals--;
        p->ahead_us += STATE_COMMIT_WAIT_US;
        FAIL(err, UNAVAILABLE, "the body is not given");
    }
    return store_submit(p->below, requests, count, err);
}

static slp_rc packer_wait(struct store *s, struct store_request *requests, size_t count,
                          const struct store_wait_options *o, struct slp_err *err)
{
    return store_wait(((struct packer *)s)->below, requests, count, o, err);
}

static int64_t packer_clock_us(struct store *s)
{
    const struct packer *p = (const struct packer *)s;
    return store_now_us(p->below) + p->ahead_us;
}

static void packer_sleep_us(struct store *s, int64_t us)
{
    store_sleep_us(((struct packer *)s)->below, us);
}

static const struct store_ops packer_ops = {.submit = packer_submit,
                                            .wait = packer_wait,
                                            .clock_us = packer_clock_us,
                                            .sleep_us = packer_sleep_us};

/* What somebody else commits: its body is there, its transaction is appended to `out`. */
static void stand_apart(struct t *t, struct world *w, struct state_new_file *files, struct buf *out)
{
    struct arena a;
    struct buf object;
    char hex[33];
    char name[200];
    struct state_apart apart = {.base = 1, .object = &object};
    struct state_txn txn = {.kind = STATE_ADD,
                            .rule_version = STATE_RULE_VERSION,
                            .txid = {{7}},
                            .base = 1,
                            .add = {.files = files, .count = LONG_FILES}};
    struct hash128 id = state_table_id(w->table);
    arena_init(&a, &t->mem, STATE_FRAME_ARENA_MAX);
    buf_init(&object, &t->mem, STATE_BODY_MAX_BYTES);
    assert_ok(t, state_txn_encode_apart(&txn, &apart, &a, out, &t->err));
    hash_format(id, hex);
    (void)snprintf(name, sizeof name, "t/%s/%s", hex, apart.name);
    assert_ok(t, store_put_if_absent(w->store, slice_str(name), buf_slice(&object), &t->err));
    buf_fini(&object);
    arena_fini(&a);
}

/* Whoever is told of its commit sees whole frames: what stands behind it in its frame, too. */
static void a_commit_is_told_when_its_frame_was_read_to_the_end(void **state)
{
    struct t *t = *state;
    struct state_new_file files[LONG_FILES];
    long_files(files);
    for (int refusals = 0; refusals < 3; refusals++) {
        struct world w;
        struct state_instance *instance = NULL;
        struct state_table *table = NULL;
        struct state_result r;
        struct buf other;
        struct state_new_file mine = file_of("mine", "b", "k", 10);
        struct state_txn txn = {.kind = STATE_ADD, .add = {.files = &mine, .count = 1}};
        world_open(t, &w);
        buf_init(&other, &t->mem, STATE_TXN_MAX_BYTES);
        stand_apart(t, &w, files, &other);
        struct packer p = {.base = {.ops = &packer_ops},
                           .below = w.store,
                           .other = buf_slice(&other),
                           .packs = 1,
                           .refusals = refusals};
        assert_ok(t, state_instance_open(&t->mem, &p.base, NULL, &instance, &t->err));
        assert_ok(t, state_table_open(instance, slice_str("t"), &table, &t->err));
        slp_rc rc = state_table_commit(table, &txn, NULL, &r, &t->err);
        if (refusals == 2) {
            assert_rc(t, rc, SLP_UNKNOWN);
            assert_err_has(t, "it may be in the log");
            assert_ok(t, state_table_refresh(table, &t->err));
        } else {
            assert_ok(t, rc);
            assert_int_equal(r.outcome.at.index, 0);
        }
        assert_int_equal(p.packs + p.refusals, 0);
        assert_int_equal(state_leaf_at(state_table_view(table), 0)->ref_count, LONG_FILES + 1);
        state_table_close(table);
        state_instance_close(instance);
        buf_fini(&other);
        world_close(&w);
    }
}

T_MAIN(T_TEST(what_no_frame_holds_stands_apart), T_TEST(ten_thousand_files_are_one_transaction),
       T_TEST(a_commit_is_told_when_its_frame_was_read_to_the_end),
       T_TEST(standing_apart_survives_every_fault))
