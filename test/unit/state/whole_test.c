/* A view is one of a whole frame, whatever fails while others are read; bodies are read together. */
#include <stdio.h>

#include "lib/t.h"
#include "state/frame.h"
#include "unit/state/helpers.h"

#define FRAMES 8 /* behind the first two */

static const char json[] =
    "{\"rowKeyFields\":[{\"name\":\"key\",\"type\":\"StringType\"}],\"sortKeyFields\":[],"
    "\"valueFields\":[]}";

/* A store on which frames above a number are not there yet, and each request may fail. */
struct veil {
    struct store base;
    struct store *below;
    struct t *t;
    uint64_t tip;
    uint64_t rounds; /* those with a body in them */
    uint64_t bodies;
};

static bool is_in(const struct store_request *q, const char *folder)
{
    return q->verb == STORE_GET && q->name.len > 35 &&
           slice_starts_with(slice_after(q->name, 35), slice_str(folder));
}

static bool is_hidden(const struct veil *v, const struct store_request *q)
{
    uint64_t number = 0;
    return is_in(q, "log/") && state_digits_parse(slice_last(q->name, 20).ptr, &number) &&
           number > v->tip;
}

static slp_rc veil_submit(struct store *s, struct store_request *requests, size_t count,
                          struct slp_err *err)
{
    struct veil *v = (struct veil *)s;
    uint64_t bodies = v->bodies;
    for (size_t i = 0; i < count; i++) {
        v->bodies += is_in(&requests[i], "body/");
        requests[i].rc = is_hidden(v, &requests[i]) ? SLP_NOT_FOUND : SLP_OK;
        if (t_fault_due(v->t))
            requests[i].rc = SLP_UNAVAILABLE;
    }
    v->rounds += v->bodies > bodies;
    return v->below->ops->submit(v->below, requests, count, err);
}

static slp_rc veil_wait(struct store *s, struct store_request *requests, size_t count,
                        const struct store_wait_options *o, struct slp_err *err)
{
    struct store *below = ((struct veil *)s)->below;
    return below->ops->wait(below, requests, count, o, err);
}

static int64_t veil_clock_us(struct store *s)
{
    return store_now_us(((struct veil *)s)->below);
}

static void veil_sleep_us(struct store *s, int64_t us)
{
    store_sleep_us(((struct veil *)s)->below, us);
}

static const struct store_ops veil_ops = {
    .submit = veil_submit, .wait = veil_wait, .clock_us = veil_clock_us, .sleep_us = veil_sleep_us};

/* What a log looks like from outside: what its frames so far have come to. */
struct sum {
    size_t leaves;
    size_t references;
    int64_t time_us;
};

struct place {
    struct store *store;
    char table[33];
    struct hash128 id;
    struct sum sums[FRAMES + 3]; /* behind each frame */
};

static struct sum sum_of(const struct table_state *s)
{
    struct sum sum = {.leaves = state_leaf_count(s), .time_us = state_time_us(s)};
    for (size_t i = 0; i < sum.leaves; i++)
        sum.references += state_leaf_at(s, i)->ref_count;
    return sum;
}

static void put(struct t *t, const struct place *p, const char *name, struct slice bytes)
{
    char whole[200];
    (void)snprintf(whole, sizeof whole, "t/%s/%s", p->table, name);
    assert_ok(t, store_put_if_absent(p->store, slice_str(whole), bytes, &t->err));
}

/* A file in a body of its own, or in the frame. */
static void add_file(struct t *t, const struct place *p, struct state_txn *txn, bool is_apart,
                     struct buf *out)
{
    char name[64];
    struct arena a;
    struct buf object;
    struct state_apart apart = {.base = txn->base, .object = &object};
    arena_init(&a, &t->mem, STATE_FRAME_ARENA_MAX);
    buf_init(&object, &t->mem, STATE_BODY_MAX_BYTES);
    (void)snprintf(name, sizeof name, "data/00/%020d-%032d.parquet", (int)txn->base, is_apart);
    struct state_new_file file = file_of(name, "a", "z", 10);
    txn->add = (struct state_add){.files = &file, .count = 1};
    if (is_apart) {
        assert_ok(t, state_txn_encode_apart(txn, &apart, &a, out, &t->err));
        put(t, p, apart.name, buf_slice(&object));
    } else {
        assert_ok(t, state_txn_encode(txn, out, &t->err));
    }
    buf_fini(&object);
    arena_fini(&a);
}

/* Frame `number`: a file, one whose transaction stands apart, and leaves split or made one. */
static void put_frame(struct t *t, const struct place *p, uint64_t number, struct hash128 *previous)
{
    char name[64];
    struct buf txns;
    struct buf frame;
    struct slice key = slice_str("m");
    struct state_split_item halves = {.keys = &key, .key_count = 1};
    struct state_merge_item one = {.at = key};
    struct state_txn last = txn_of(number % 2 ? STATE_SPLIT : STATE_MERGE, number);
    buf_init(&txns, &t->mem, STATE_TXN_MAX_BYTES);
    buf_init(&frame, &t->mem, STATE_FRAME_MAX_BYTES);
    for (int i = 0; i < 2; i++) {
        struct state_txn txn = txn_of(STATE_ADD, number);
        txn.txid.bytes[15] = (uint8_t)(i + 1);
        add_file(t, p, &txn, i == 1, &txns);
    }
    if (number % 2)
        last.split = (struct state_split){.items = &halves, .count = 1};
    else
        last.merge = (struct state_merge){.items = &one, .count = 1};
    assert_ok(t, state_txn_encode(&last, &txns, &t->err));
    assert_ok(t, state_frame_encode(number, *previous, buf_slice(&txns), 3, &frame, &t->err));
    *previous = hash_xxh128(buf_slice(&frame));
    (void)snprintf(name, sizeof name, "log/%020d", (int)number);
    put(t, p, name, buf_slice(&frame));
    buf_fini(&frame);
    buf_fini(&txns);
}

static void place_open(struct t *t, struct place *p)
{
    char name[64];
    struct buf first;
    struct state_instance *instance = NULL;
    struct state_table *table = NULL;
    struct slice cut = slice_str("m");
    struct state_table_options make = {.name = slice_str("t"),
                                       .schema_json = slice_str(json),
                                       .split_points = &cut,
                                       .split_point_count = 1};
    assert_ok(t, store_memory_new(alloc_system(), &p->store, &t->err));
    assert_ok(t, state_instance_create(p->store, NULL, &t->err));
    assert_ok(t, state_instance_open(&t->mem, p->store, NULL, &instance, &t->err));
    assert_ok(t, state_table_create(instance, &make, &t->err));
    assert_ok(t, state_table_open(instance, slice_str("t"), &table, &t->err));
    p->id = state_table_id(table);
    state_table_close(table);
    hash_format(p->id, p->table);
    buf_init(&first, &t->mem, STATE_FRAME_MAX_BYTES);
    (void)snprintf(name, sizeof name, "t/%s/log/%020d", p->table, 1);
    assert_ok(t, store_get(p->store, slice_str(name), &first, &t->err));
    struct hash128 previous = hash_xxh128(buf_slice(&first));
    buf_fini(&first);
    for (uint64_t n = 2; n <= FRAMES + 2; n++)
        put_frame(t, p, n, &previous);
    for (uint64_t n = 1; n <= FRAMES + 2; n++) {
        struct state_open_options o = {.at = n};
        assert_ok(t, state_table_open_id_with(instance, p->id, &o, &table, &t->err));
        p->sums[n] = sum_of(state_table_view(table));
        assert_int_equal(p->sums[n].references > 0, n > 1);
        state_table_close(table);
    }
    state_instance_close(instance);
}

static void check_view(const struct place *p, const struct state_table *table)
{
    const struct table_state *s = state_table_view(table);
    struct sum sum = sum_of(s);
    struct sum want = p->sums[state_number(s)];
    assert_int_equal(state_is_created(s), state_number(s) > 0);
    assert_int_equal(sum.leaves, want.leaves);
    assert_int_equal(sum.references, want.references);
    assert_int_equal(sum.time_us, want.time_us);
}

struct opening {
    uint64_t tip;
    const struct state_open_options *options; /* may be NULL */
};

/* Through a veil over all frames behind the tip, which is lifted then. Nothing fails so far. */
static void open_behind(struct veil *v, struct opening o, const struct place *p,
                        struct state_instance **instance, struct state_table **table)
{
    struct t *t = v->t;
    t->fault_hit = true; /* not yet */
    v->tip = o.tip;
    assert_ok(t, state_instance_open(&t->mem, &v->base, NULL, instance, &t->err));
    assert_ok(t, state_table_open_id_with(*instance, p->id, o.options, table, &t->err));
    t->fault_hit = false;
    v->tip = UINT64_MAX;
}

/* The handle stood at frame 2 before; whatever fails behind that, each view is of a whole frame, and
 * where only the store failed of one that is not older. */
static void a_view_is_of_a_whole_frame_whatever_fails(void **state)
{
    struct t *t = *state;
    struct place p = {.store = NULL};
    place_open(t, &p);
    struct veil v = {.base = {.ops = &veil_ops}, .below = p.store, .t = t};
    T_FAULT_LOOP(t) {
        struct state_instance *instance = NULL;
        struct state_table *table = NULL;
        open_behind(&v, (struct opening){.tip = 2}, &p, &instance, &table);
        assert_int_equal(state_number(state_table_view(table)), 2);
        slp_rc rc = state_table_refresh(table, &t->err);
        bool is_hit = t->fault_hit;
        check_view(&p, table);
        if (rc == SLP_UNAVAILABLE)
            assert_true(state_number(state_table_view(table)) >= 2);
        assert_true(is_hit || rc == SLP_OK);
        t->fault_hit = true;
        assert_ok(t, state_table_refresh(table, &t->err));
        check_view(&p, table);
        assert_int_equal(state_number(state_table_view(table)), FRAMES + 2);
        state_table_close(table);
        state_instance_close(instance);
        t->fault_hit = is_hit;
    }
    store_close(p.store);
}

/* Half of the leaves are loaded, and they are merged over their bound again and again. */
static void a_view_of_a_part_is_of_a_whole_frame_whatever_fails(void **state)
{
    struct t *t = *state;
    struct place p = {.store = NULL};
    place_open(t, &p);
    struct veil v = {.base = {.ops = &veil_ops}, .below = p.store, .t = t};
    T_FAULT_LOOP(t) {
        struct state_instance *instance = NULL;
        struct state_table *table = NULL;
        struct state_open_options o = {.range = range_of("", "b")};
        open_behind(&v, (struct opening){.tip = 1, .options = &o}, &p, &instance, &table);
        slp_rc rc = state_table_refresh(table, &t->err);
        assert_true(t->fault_hit || rc == SLP_OK);
        check_view(&p, table);
        state_table_close(table);
        state_instance_close(instance);
    }
    store_close(p.store);
}

static void bodies_of_frames_read_together_are_read_together(void **state)
{
    struct t *t = *state;
    struct place p = {.store = NULL};
    struct state_instance *instance = NULL;
    struct state_table *table = NULL;
    place_open(t, &p);
    struct veil v = {.base = {.ops = &veil_ops}, .below = p.store, .t = t, .tip = 1};
    assert_ok(t, state_instance_open(&t->mem, &v.base, NULL, &instance, &t->err));
    assert_ok(t, state_table_open_id(instance, p.id, &table, &t->err));
    v.tip = UINT64_MAX;
    v.rounds = 0;
    v.bodies = 0;
    struct store_counts before = store_counts_read(&v.base);
    assert_ok(t, state_table_refresh(table, &t->err));
    struct store_counts after = store_counts_read(&v.base);
    assert_int_equal(v.bodies, FRAMES + 1); /* each once */
    /* Frames come one, four and the rest at once, and with each helping a round of bodies, and the
     * floor. */
    assert_int_equal(v.rounds, 3);
    assert_int_equal(after.rounds - before.rounds, 9);
    check_view(&p, table);
    state_table_close(table);
    state_instance_close(instance);
    store_close(p.store);
}

T_MAIN(T_TEST(a_view_is_of_a_whole_frame_whatever_fails),
       T_TEST(a_view_of_a_part_is_of_a_whole_frame_whatever_fails),
       T_TEST(bodies_of_frames_read_together_are_read_together))
