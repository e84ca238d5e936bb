#include "state/inbox.h"

#include <stdio.h>

#include "lib/refs.h"
#include "lib/t.h"
#include "unit/state/helpers.h"

static const char schema_json[] =
    "{\"rowKeyFields\":[{\"name\":\"key\",\"type\":\"StringType\"}],\"sortKeyFields\":[],"
    "\"valueFields\":[]}";

struct world {
    struct store *store;
    struct state_instance *instance;
    struct state_table *table;
    struct state_replica replica; /* of the same table, for what handles do not show */
};

static void world_open(struct t *t, struct world *w, const struct state_options *o)
{
    struct state_table_options make = {.name = slice_str("t"),
                                       .schema_json = slice_str(schema_json)};
    assert_ok(t, store_memory_new(alloc_system(), &w->store, &t->err));
    assert_ok(t, state_instance_create(w->store, NULL, &t->err));
    assert_ok(t, state_instance_open(&t->mem, w->store, o, &w->instance, &t->err));
    assert_ok(t, state_table_create(w->instance, &make, &t->err));
    assert_ok(t, state_table_open(w->instance, slice_str("t"), &w->table, &t->err));
    struct hash128 id = state_table_id(w->table);
    assert_ok(t, state_replica_init(&w->replica, w->instance, &id, &t->err));
    assert_ok(t, state_replica_refresh(&w->replica, &t->err));
}

static void world_close(struct world *w)
{
    state_replica_fini(&w->replica);
    state_table_close(w->table);
    state_instance_close(w->instance);
    store_close(w->store);
}

/* An addition as its author would leave it, with a txid that begins with `tag`. */
static void encode_add(struct t *t, const char *name, uint8_t tag, uint64_t base,
                       struct state_txn *txn, struct buf *body)
{
    struct state_new_file f = file_of(name, "b", "k", 10);
    *txn = (struct state_txn){.kind = STATE_ADD,
                              .rule_version = STATE_RULE_VERSION,
                              .txid = {{tag}},
                              .base = base,
                              .add = {.files = &f, .count = 1}};
    buf_clear(body);
    assert_ok(t, state_txn_encode(txn, body, &t->err));
}

static void leave(struct t *t, struct world *w, const char *name, uint8_t tag, uint64_t base,
                  struct state_name *left)
{
    struct state_txn txn;
    struct buf body;
    buf_init(&body, &t->mem, STATE_TXN_MAX_BYTES);
    encode_add(t, name, tag, base, &txn, &body);
    assert_ok(t, state_inbox_leave(&w->replica, &txn, buf_slice(&body), left, &t->err));
    buf_fini(&body);
}

static size_t waiting(struct t *t, struct world *w)
{
    struct arena a;
    struct store_item *items = NULL;
    size_t count = 0;
    char prefix[96];
    (void)snprintf(prefix, sizeof prefix, "%sinbox/", w->replica.place);
    arena_init(&a, &t->mem, 1 << 20);
    assert_ok(t, store_list(w->store, slice_str(prefix), (struct slice){0}, 0, &a, &items, &count,
                            &t->err));
    arena_fini(&a);
    return count;
}

static size_t references(const struct world *w)
{
    return state_leaf_at(state_table_view(w->table), 0)->ref_count;
}

/* ------------------------------------------------------------------ objects */

static void an_object_is_magic_version_checksum_and_a_transaction(void **state)
{
    struct t *t = *state;
    static const uint8_t golden[] = {'S', 'L', 'E', 'E',  'P',  'I',  'N',  'B', 1,
                                     0,   0,   0,   0x39, 0x64, 0xc5, 0x72, 't', 'x'};
    struct buf object;
    struct slice txn;
    buf_init(&object, &t->mem, 1024);
    assert_ok(t, state_inbox_encode(slice_str("tx"), &object, &t->err));
    assert_int_equal(object.len, sizeof golden);
    assert_memory_equal(object.ptr, golden, sizeof golden);
    assert_ok(t, state_inbox_decode(buf_slice(&object), &txn, &t->err));
    assert_true(slice_is(txn, "tx"));
    for (size_t i = 0; i < object.len; i++) {
        object.ptr[i] ^= 0x10;
        assert_rc(t, state_inbox_decode(buf_slice(&object), &txn, &t->err), SLP_CORRUPT);
        assert_err_has(t, "offset");
        object.ptr[i] ^= 0x10;
        assert_rc(t, state_inbox_decode(slice_first(buf_slice(&object), i), &txn, &t->err),
                  SLP_CORRUPT);
    }
    buf_fini(&object);
}

/* ------------------------------------------------------------------ packing */

/* Rule C1: whoever packs takes all it sees, oldest first; rule C2: what is left over goes. */
static void everything_that_waits_goes_into_one_frame(void **state)
{
    struct t *t = *state;
    struct world w;
    struct state_name left[3];
    uint32_t packed = 9;
    world_open(t, &w, NULL);
    assert_ok(t, state_table_pack(w.table, &packed, &t->err));
    assert_int_equal(packed, 0);
    leave(t, &w, "data/one", 9, 1, &left[0]);
    leave(t, &w, "data/two", 5, 1, &left[1]);
    leave(t, &w, "data/three", 1, 1, &left[2]);
    leave(t, &w, "data/three", 1, 1, &left[2]); /* that it is there is no error */
    assert_ok(t, state_table_pack(w.table, &packed, &t->err));
    assert_int_equal(packed, 3);
    const struct table_state *s = state_table_view(w.table);
    assert_int_equal(state_number(s), 2);
    assert_int_equal(references(&w), 3);
    assert_int_equal(t_refs(state_leaf_at(s, 0))[2].file->id.at.index, 2);
    assert_int_equal(waiting(t, &w), 3);
    assert_ok(t, state_table_pack(w.table, &packed, &t->err));
    assert_int_equal(packed, 0);
    assert_int_equal(waiting(t, &w), 0);
    assert_int_equal(state_number(s), 2);
    world_close(&w);
}

/* Rule I3: a packer that is late packs what stands in the log already; nothing counts twice. */
static void packing_twice_is_harmless(void **state)
{
    struct t *t = *state;
    struct world w;
    struct state_name left;
    uint32_t packed = 0;
    world_open(t, &w, NULL);
    leave(t, &w, "data/one", 9, 1, &left);
    assert_ok(t, state_table_pack(w.table, &packed, &t->err));
    leave(t, &w, "data/two", 5, 1, &left);
    /* This one has seen nothing of it. */
    assert_int_equal(w.replica.number, 1);
    assert_rc(t, state_inbox_pack(&w.replica, (struct slice){0}, &packed, &t->err), SLP_CONFLICT);
    struct buf again;
    struct state_txn txn;
    buf_init(&again, &t->mem, STATE_TXN_MAX_BYTES);
    encode_add(t, "data/one", 9, 1, &txn, &again);
    assert_ok(t, state_replica_refresh(&w.replica, &t->err));
    assert_ok(t, state_inbox_pack(&w.replica, buf_slice(&again), &packed, &t->err));
    assert_int_equal(packed, 2);
    assert_ok(t, state_table_refresh(w.table, &t->err));
    assert_int_equal(references(&w), 2);
    buf_fini(&again);
    world_close(&w);
}

static void put_object(struct t *t, struct world *w, const char *name, struct slice bytes)
{
    char whole[200];
    (void)snprintf(whole, sizeof whole, "%sinbox/%s", w->replica.place, name);
    assert_ok(t, store_put_if_absent(w->store, slice_str(whole), bytes, &t->err));
}

/* Damage, what a newer program left, what belongs into another log: left alone by those who cannot
 * read it, and in nobody's way. */
static void what_cannot_be_packed_stays_and_hinders_nobody(void **state)
{
    struct t *t = *state;
    struct world w;
    struct state_name left;
    struct buf body;
    struct buf object;
    uint32_t packed = 0;
    world_open(t, &w, NULL);
    buf_init(&body, &t->mem, 4096);
    buf_init(&object, &t->mem, 4096);
    put_object(t, &w, "README", slice_str("not ours"));
    struct state_txn foreign = {.kind = STATE_CREATE_TABLE,
                                .rule_version = STATE_RULE_VERSION,
                                .base = 1,
                                .create_table = {.name = slice_str("x")}};
    assert_ok(t, state_txn_encode(&foreign, &body, &t->err));
    assert_ok(t, state_inbox_encode(buf_slice(&body), &object, &t->err));
    put_object(t, &w, "00000000000000000001-0000000000000000000000000000000a", buf_slice(&object));
    /* The length, then a kind that nobody has yet. */
    body.ptr[1] = 63;
    assert_ok(t, state_inbox_encode(buf_slice(&body), &object, &t->err));
    put_object(t, &w, "00000000000000000001-0000000000000000000000000000000b", buf_slice(&object));
    leave(t, &w, "data/one", 9, 1, &left);
    assert_ok(t, state_table_pack(w.table, &packed, &t->err));
    assert_int_equal(packed, 1);
    assert_int_equal(references(&w), 1);
    assert_ok(t, state_table_pack(w.table, &packed, &t->err));
    assert_int_equal(packed, 0);
    assert_int_equal(waiting(t, &w), 3);
    buf_fini(&body);
    buf_fini(&object);
    world_close(&w);
}

/* Rule C2: a base that has left the ring can never count. */
static void what_has_expired_in_the_inbox_is_removed(void **state)
{
    struct t *t = *state;
    struct world w;
    struct state_name left;
    struct state_options o = {.rules = {.ring_max = 2, .unfiled_max = 4, .leaf_max = 100}};
    uint32_t packed = 0;
    world_open(t, &w, &o);
    leave(t, &w, "data/late", 9, 1, &left);
    for (int i = 0; i < 5; i++) {
        struct state_new_file f = file_of("x", "b", "k", 10);
        struct state_txn txn = {.kind = STATE_ADD, .add = {.files = &f, .count = 1}};
        struct state_result r;
        assert_ok(t, state_table_commit(w.table, &txn, NULL, &r, &t->err));
    }
    assert_ok(t, state_table_pack(w.table, &packed, &t->err));
    assert_int_equal(packed, 0);
    assert_int_equal(waiting(t, &w), 0);
    assert_int_equal(references(&w), 5);
    world_close(&w);
}

static void rank_is_by_age(void **state)
{
    struct t *t = *state;
    struct world w;
    struct state_name left[4];
    size_t rank = 0;
    size_t count = 0;
    world_open(t, &w, NULL);
    for (uint8_t i = 0; i < 4; i++) {
        leave(t, &w, "data/x", (uint8_t)(i + 1), 1, &left[i]);
        store_sleep_us(w.store, 20); /* names decide between equal ages */
    }
    for (size_t i = 0; i < 4; i++) {
        assert_ok(t, state_inbox_rank(&w.replica, &left[i], &rank, &count, &t->err));
        assert_int_equal(rank, i);
        assert_int_equal(count, 4);
    }
    state_inbox_drop(&w.replica, &left[0]);
    assert_ok(t, state_inbox_rank(&w.replica, &left[3], &rank, &count, &t->err));
    assert_int_equal(rank, 2);
    assert_ok(t, state_inbox_rank(&w.replica, &left[0], &rank, &count, &t->err));
    assert_int_equal(rank, 3);
    world_close(&w);
}

/* ------------------------------------------------------------------ commits that lose */

/* A store on which somebody else is always first, for so many frames. */
struct rival {
    struct store base;
    struct store *below;
    struct state_table *other; /* a handle on the store below */
    int wins;
    bool packs;      /* it packs the inbox while its victim lists that */
    uint32_t packed; /* and that many were there */
    int settled;
    int64_t slept_us;
};

static slp_rc rival_submit(struct store *s, struct store_request *requests, size_t count,
                           struct slp_err *err)
{
    struct rival *v = (struct rival *)s;
    bool is_frame = requests[0].verb == STORE_PUT_IF_ABSENT && requests[0].name.len > 40 &&
                    slice_starts_with(slice_after(requests[0].name, 35), slice_str("log/"));
    if (v->other && is_frame && v->wins > 0) {
        struct state_new_file f = file_of("rival", "b", "k", 10);
        struct state_txn txn = {.kind = STATE_ADD, .add = {.files = &f, .count = 1}};
        struct state_result r;
        v->wins--;
        TRY(state_table_commit(v->other, &txn, NULL, &r, err));
    }
    if (v->packs && requests[0].verb == STORE_LIST_FROM && v->packed == 0)
        TRY(state_table_pack(v->other, &v->packed, err));
    return store_submit(v->below, requests, count, err);
}

static slp_rc rival_settle(struct store *s, struct slice name, struct slp_err *err)
{
    (void)name;
    (void)err;
    ((struct rival *)s)->settled++;
    return SLP_OK;
}

static slp_rc rival_wait(struct store *s, struct store_request *requests, size_t count,
                         const struct store_wait_options *o, struct slp_err *err)
{
    return store_wait(((struct rival *)s)->below, requests, count, o, err);
}

/* Time goes by where the victim sleeps, and only there. */
static int64_t rival_clock_us(struct store *s)
{
    return (int64_t)1700000000 * 1000000 + ((struct rival *)s)->slept_us;
}

static void rival_sleep_us(struct store *s, int64_t us)
{
    ((struct rival *)s)->slept_us += us;
}

static const struct store_ops rival_ops = {.submit = rival_submit,
                                           .wait = rival_wait,
                                           .settle = rival_settle,
                                           .clock_us = rival_clock_us,
                                           .sleep_us = rival_sleep_us};

/* The table again, through a store in which the handle of `w` is somebody else. */
static void rival_open(struct t *t, struct world *w, struct rival *v,
                       struct state_instance **instance, struct state_table **table)
{
    *v = (struct rival){.base = {.ops = &rival_ops}, .below = w->store};
    assert_ok(t, state_instance_open(&t->mem, &v->base, NULL, instance, &t->err));
    assert_ok(t, state_table_open(*instance, slice_str("t"), table, &t->err));
    v->other = w->table;
}

/* Lose so many races, then win: two directly, the others while packing. */
static void lose(struct t *t, int wins, uint64_t listings)
{
    struct world w;
    struct rival v;
    struct state_instance *instance = NULL;
    struct state_table *table = NULL;
    struct state_result r;
    world_open(t, &w, NULL);
    rival_open(t, &w, &v, &instance, &table);
    v.wins = wins;
    struct state_new_file f = file_of("mine", "b", "k", 10);
    struct state_txn txn = {.kind = STATE_ADD, .add = {.files = &f, .count = 1}};
    assert_ok(t, state_table_commit(table, &txn, NULL, &r, &t->err));
    assert_ok(t, state_result_check(&r, &t->err));
    assert_false(r.outcome.is_duplicate);
    assert_int_equal(r.losses, wins);
    assert_int_equal(store_counts_read(&v.base).requests[STORE_LIST_FROM], listings);
    assert_int_equal(waiting(t, &w), 0);
    assert_ok(t, state_table_refresh(w.table, &t->err));
    assert_int_equal(references(&w), (size_t)wins + 1);
    state_table_close(table);
    state_instance_close(instance);
    world_close(&w);
}

static void after_two_losses_a_transaction_waits_in_the_inbox_and_is_packed(void **state)
{
    struct t *t = *state;
    lose(t, 0, 0);
    lose(t, 1, 0);
    lose(t, 2, 2); /* one for the rank, one to pack */
    lose(t, 5, 8);
}

/* Somebody else's frame may be seen before it is durable: nobody is told before it is. */
static void what_somebody_else_packed_is_durable_before_it_is_told(void **state)
{
    struct t *t = *state;
    struct world w;
    struct rival v;
    struct state_instance *instance = NULL;
    struct state_table *table = NULL;
    struct state_result r;
    world_open(t, &w, NULL);
    rival_open(t, &w, &v, &instance, &table);
    for (int i = 0; i < 2; i++) {
        struct state_new_file f = file_of("mine", "b", "k", 10);
        struct state_txn txn = {.kind = STATE_ADD, .add = {.files = &f, .count = 1}};
        struct state_name left;
        /* A rival that does not lose a race itself packs nothing on its way. */
        assert_ok(t, state_table_refresh(w.table, &t->err));
        v.wins = i == 1 ? 2 : 0;
        v.packs = i == 1;
        if (i == 1)
            leave(t, &w, "data/dead", 3, 1, &left);
        assert_ok(t, state_table_commit(table, &txn, NULL, &r, &t->err));
        assert_int_equal(v.settled, i); /* its own frame is durable */
        assert_int_equal(r.losses, i * 2);
    }
    assert_int_equal(v.packed, 2); /* what the dead one left, and ours behind it */
    assert_int_equal(r.outcome.at.index, 1);
    state_table_close(table);
    state_instance_close(instance);
    world_close(&w);
}

/* The transaction of somebody who died in the inbox is committed by the next who waits there. */
static void what_the_dead_left_is_packed_by_the_living(void **state)
{
    struct t *t = *state;
    struct world w;
    struct state_instance *instance = NULL;
    struct state_table *table = NULL;
    struct state_result r;
    struct state_name left;
    world_open(t, &w, NULL);
    leave(t, &w, "data/dead", 3, 1, &left);
    struct rival v = {.base = {.ops = &rival_ops}, .below = w.store};
    assert_ok(t, state_instance_open(&t->mem, &v.base, NULL, &instance, &t->err));
    assert_ok(t, state_table_open(instance, slice_str("t"), &table, &t->err));
    v.other = w.table;
    v.wins = 2;
    struct state_new_file f = file_of("mine", "b", "k", 10);
    struct state_txn txn = {.kind = STATE_ADD, .add = {.files = &f, .count = 1}};
    assert_ok(t, state_table_commit(table, &txn, NULL, &r, &t->err));
    assert_int_equal(r.outcome.at.frame, 4);
    assert_int_equal(r.outcome.at.index, 1);
    assert_ok(t, state_table_refresh(w.table, &t->err));
    assert_int_equal(references(&w), 4);
    state_table_close(table);
    state_instance_close(instance);
    world_close(&w);
}

static void packing_survives_every_fault(void **state)
{
    struct t *t = *state;
    struct world w;
    struct state_name left;
    uint8_t tag = 1;
    world_open(t, &w, NULL);
    T_FAULT_LOOP(t) {
        struct state_replica r = {0};
        struct hash128 id = state_table_id(w.table);
        struct state_instance *instance = NULL;
        uint32_t packed = 0;
        struct buf body;
        struct state_txn txn;
        buf_init(&body, alloc_system(), STATE_TXN_MAX_BYTES);
        encode_add(t, "data/x", tag++, 1, &txn, &body);
        slp_rc rc = state_instance_open(&t->mem, w.store, NULL, &instance, &t->err);
        if (rc == SLP_OK)
            rc = state_replica_init(&r, instance, &id, &t->err);
        if (rc == SLP_OK)
            rc = state_replica_refresh(&r, &t->err);
        if (rc == SLP_OK)
            rc = state_inbox_leave(&r, &txn, buf_slice(&body), &left, &t->err);
        if (rc == SLP_OK)
            rc = state_inbox_pack(&r, buf_slice(&body), &packed, &t->err);
        if (t->fault_hit)
            assert_true(rc == SLP_NO_MEMORY || rc == SLP_UNKNOWN || rc == SLP_OK);
        else
            assert_true(packed >= 1); /* what earlier rounds left is packed too */
        buf_fini(&body);
        if (r.instance)
            state_replica_fini(&r);
        state_instance_close(instance);
    }
    world_close(&w);
}

T_MAIN(T_TEST(an_object_is_magic_version_checksum_and_a_transaction),
       T_TEST(everything_that_waits_goes_into_one_frame), T_TEST(packing_twice_is_harmless),
       T_TEST(what_cannot_be_packed_stays_and_hinders_nobody),
       T_TEST(what_somebody_else_packed_is_durable_before_it_is_told),
       T_TEST(what_has_expired_in_the_inbox_is_removed), T_TEST(rank_is_by_age),
       T_TEST(after_two_losses_a_transaction_waits_in_the_inbox_and_is_packed),
       T_TEST(what_the_dead_left_is_packed_by_the_living), T_TEST(packing_survives_every_fault))
