#include "state/queue.h"

#include "os/clock.h"
#include "store/folder.h"

#include "lib/place.h"
#include "lib/t.h"

/* A store whose writes wait at a gate, and then do what they are told. */
struct gate {
    struct store base;
    struct store *below;
    struct os_mutex lock;
    struct os_cond moved;
    bool is_open;
    int arrived;
    slp_rc answer; /* of writes; OK: the store's below */
};

static slp_rc gate_submit(struct store *s, struct store_request *requests, size_t count,
                          struct slp_err *err)
{
    struct gate *g = (struct gate *)s;
    os_mutex_lock(&g->lock);
    g->arrived++;
    os_cond_broadcast(&g->moved);
    while (!g->is_open)
        os_cond_wait(&g->moved, &g->lock);
    slp_rc answer = g->answer;
    os_mutex_unlock(&g->lock);
    if (answer == SLP_OK)
        return store_submit(g->below, requests, count, err);
    for (size_t i = 0; i < count; i++)
        requests[i].rc = err_set(&requests[i].err, answer, "the gate says so");
    return SLP_OK;
}

static slp_rc gate_wait(struct store *s, struct store_request *requests, size_t count,
                        const struct store_wait_options *o, struct slp_err *err)
{
    struct gate *g = (struct gate *)s;
    return g->answer == SLP_OK ? store_wait(g->below, requests, count, o, err) : SLP_OK;
}

static const struct store_ops gate_ops = {.submit = gate_submit, .wait = gate_wait};

#define WAITERS 8

struct author {
    struct gate *gate;
    struct state_queue *queue;
    struct state_waiter waiter;
    uint8_t body[64];
};

struct world {
    struct gate gate;
    struct state_queues queues;
    struct state_queue *queue;
    struct os_pool *pool;
    struct author authors[WAITERS];
};

static struct world *world_new(struct t *t, slp_rc answer)
{
    static struct world w;
    memset(&w, 0, sizeof w);
    w.gate.base.ops = &gate_ops;
    w.gate.answer = answer;
    os_mutex_init(&w.gate.lock);
    os_cond_init(&w.gate.moved);
    assert_ok(t, store_memory_new(alloc_system(), &w.gate.below, &t->err));
    state_queues_init(&w.queues);
    assert_ok(t, state_queue_ref(&w.queues, alloc_system(), "t/x/", &w.queue, &t->err));
    assert_ok(t, os_pool_new(alloc_system(), WAITERS, &w.pool, &t->err));
    return &w;
}

static void world_free(struct world *w)
{
    os_pool_free(w->pool);
    for (int i = 0; i < WAITERS; i++)
        state_shared_unref(w->authors[i].waiter.frame);
    state_queue_unref(&w->queues, w->queue);
    state_queues_fini(&w->queues);
    store_close(w->gate.below);
    os_cond_fini(&w->gate.moved);
    os_mutex_fini(&w->gate.lock);
}

static void take_turn(void *arg)
{
    struct author *a = arg;
    state_queue_turn(a->queue, &a->gate->base, &a->waiter);
}

/* The i-th author's transaction is some bytes: the queue looks at none. */
static void begin(struct world *w, int i, size_t bytes)
{
    struct author *a = &w->authors[i];
    memset(a->body, 'a' + i, sizeof a->body);
    a->gate = &w->gate;
    a->queue = w->queue;
    a->waiter.body = slice_of(a->body, bytes);
    os_pool_submit(w->pool, take_turn, a);
}

/* One leads and stands at the gate, the others wait behind. */
static void gather(struct world *w, int count)
{
    begin(w, 0, 10);
    os_mutex_lock(&w->gate.lock);
    while (w->gate.arrived == 0)
        os_cond_wait(&w->gate.moved, &w->gate.lock);
    os_mutex_unlock(&w->gate.lock);
    for (int i = 1; i < count; i++)
        begin(w, i, (size_t)(10 + i));
    while (state_queue_waiting(w->queue) < (size_t)count - 1)
        os_clock_sleep_us(os_clock_system(), 100);
}

static void open_gate(struct world *w)
{
    os_mutex_lock(&w->gate.lock);
    w->gate.is_open = true;
    os_cond_broadcast(&w->gate.moved);
    os_mutex_unlock(&w->gate.lock);
    os_pool_wait(w->pool);
}

static void those_that_wait_go_into_one_frame_behind_the_leaders(void **state)
{
    struct t *t = *state;
    struct world *w = world_new(t, SLP_OK);
    gather(w, WAITERS);
    open_gate(w);
    size_t bytes = 0;
    for (int i = 0; i < WAITERS; i++) {
        assert_int_equal(w->authors[i].waiter.rc, SLP_OK);
        assert_int_equal(w->authors[i].waiter.frame->number, i ? 2 : 1);
        bytes += i ? (size_t)(10 + i) : 0;
    }
    struct state_shared *second = w->authors[1].waiter.frame;
    assert_ptr_equal(second, w->authors[WAITERS - 1].waiter.frame);
    assert_int_equal(second->bytes.len, STATE_FRAME_HEAD_BYTES + bytes);
    /* It follows the first one. */
    struct hash128 first = hash_xxh128(buf_slice(&w->authors[0].waiter.frame->bytes));
    assert_memory_equal(second->bytes.ptr + 24, first.bytes, 16);
    assert_int_equal(store_counts_read(w->gate.below).requests[STORE_PUT_IF_ABSENT], 2);
    world_free(w);
}

static void what_the_store_says_everybody_in_the_frame_is_told(void **state)
{
    struct t *t = *state;
    static const slp_rc answers[4] = {SLP_CONFLICT, SLP_UNKNOWN, SLP_UNAVAILABLE, SLP_DENIED};
    for (size_t k = 0; k < 4; k++) {
        struct world *w = world_new(t, answers[k]);
        gather(w, 3);
        open_gate(w);
        for (int i = 0; i < 3; i++) {
            assert_int_equal(w->authors[i].waiter.rc, answers[k]);
            assert_null(w->authors[i].waiter.frame);
            assert_non_null(strstr(w->authors[i].waiter.err.text, "the gate says so"));
        }
        world_free(w);
    }
}

/* Whoever has replayed most says where the frame goes: others would lose the race for all. */
static void a_frame_goes_behind_the_newest_that_anyone_knows(void **state)
{
    struct t *t = *state;
    struct world *w = world_new(t, SLP_OK);
    w->authors[2].waiter.number = 41;
    w->authors[2].waiter.previous = (struct hash128){{7}};
    gather(w, 3);
    open_gate(w);
    assert_int_equal(w->authors[0].waiter.frame->number, 1);
    assert_int_equal(w->authors[1].waiter.frame->number, 42);
    assert_int_equal(w->authors[1].waiter.frame->bytes.ptr[24], 7);
    world_free(w);
}

/* ------------------------------------------------------------------ a crowd in a loop */

#define CROWD             16
#define ROUNDS            8
#define CROWD_BYTES       16u
#define CROWD_FRAME_SYNCS 2u /* of its contents and of its folder */
#define CROWD_FIRST_SYNCS 4u /* folders that are new, up to the root */

/* A store whose frames are created when all who still commit are in them or wait for the next. */
struct crowd {
    struct store base;
    struct store *below;
    struct state_queue *queue;
    int committing; /* atomic */
    int failed;     /* atomic */
};

static slp_rc crowd_submit(struct store *s, struct store_request *requests, size_t count,
                           struct slp_err *err)
{
    struct crowd *c = (struct crowd *)s;
    if (requests[0].verb == STORE_PUT_IF_ABSENT) {
        size_t packed = (requests[0].body.len - STATE_FRAME_HEAD_BYTES) / CROWD_BYTES;
        while (state_queue_waiting(c->queue) + packed <
               (size_t)__atomic_load_n(&c->committing, __ATOMIC_SEQ_CST))
            os_clock_sleep_us(os_clock_system(), 20);
    }
    return store_submit(c->below, requests, count, err);
}

static slp_rc crowd_wait(struct store *s, struct store_request *requests, size_t count,
                         const struct store_wait_options *o, struct slp_err *err)
{
    return store_wait(((struct crowd *)s)->below, requests, count, o, err);
}

static const struct store_ops crowd_ops = {.submit = crowd_submit, .wait = crowd_wait};

static void commit_in_a_loop(void *arg)
{
    struct crowd *c = arg;
    static const uint8_t bytes[CROWD_BYTES] = "a transaction.";
    for (int i = 0; i < ROUNDS; i++) {
        struct state_waiter w = {.body = slice_of(bytes, sizeof bytes)};
        state_queue_turn(c->queue, &c->base, &w);
        state_shared_unref(w.frame);
        if (w.rc != SLP_OK)
            (void)__atomic_fetch_add(&c->failed, 1, __ATOMIC_SEQ_CST);
    }
    (void)__atomic_fetch_sub(&c->committing, 1, __ATOMIC_SEQ_CST);
}

/* Two frames, one after the other, hold all: who is not in the one waits for the other. So sixteen threads
 * that commit in a loop have at most two syncs for four commits, on a folder, whoever comes first. */
static void threads_of_a_process_share_syncs(void **state)
{
    struct t *t = *state;
    struct place p;
    struct state_queues qs;
    struct os_pool *pool = NULL;
    struct crowd c = {.base = {.ops = &crowd_ops}, .committing = CROWD};
    place_make(&p);
    assert_ok(t, store_folder_open(alloc_system(), p.path, true, &c.below, &t->err));
    state_queues_init(&qs);
    assert_ok(t, state_queue_ref(&qs, alloc_system(), "t/x/", &c.queue, &t->err));
    assert_ok(t, os_pool_new(alloc_system(), CROWD, &pool, &t->err));
    for (int i = 0; i < CROWD; i++)
        os_pool_submit(pool, commit_in_a_loop, &c);
    os_pool_wait(pool);
    os_pool_free(pool);
    struct store_counts counts = store_counts_read(c.below);
    uint64_t frames = counts.requests[STORE_PUT_IF_ABSENT];
    print_message("%d commits: %d frames, %d syncs\n", CROWD * ROUNDS, (int)frames,
                  (int)counts.syncs);
    assert_int_equal(c.failed, 0);
    assert_in_range(frames, ROUNDS, 2 * ROUNDS);
    assert_in_range(counts.syncs, frames * CROWD_FRAME_SYNCS,
                    frames * CROWD_FRAME_SYNCS + CROWD_FIRST_SYNCS);
    state_queue_unref(&qs, c.queue);
    state_queues_fini(&qs);
    store_close(c.below);
    place_drop(&p);
}

static void a_log_has_one_queue_as_long_as_somebody_has_it(void **state)
{
    struct t *t = *state;
    struct state_queues qs;
    struct state_queue *a = NULL;
    struct state_queue *b = NULL;
    struct state_queue *c = NULL;
    state_queues_init(&qs);
    assert_ok(t, state_queue_ref(&qs, &t->mem, "t/a/", &a, &t->err));
    assert_ok(t, state_queue_ref(&qs, &t->mem, "t/a/", &b, &t->err));
    assert_ok(t, state_queue_ref(&qs, &t->mem, "", &c, &t->err));
    assert_ptr_equal(a, b);
    assert_ptr_not_equal(a, c);
    state_queue_unref(&qs, a);
    state_queue_unref(&qs, c);
    assert_int_equal(state_queue_waiting(b), 0);
    state_queue_unref(&qs, b);
    state_queue_unref(&qs, NULL);
    state_queues_fini(&qs);
}

/* Out of memory before anything is written: the leader is told so, nothing is there. */
static void a_turn_survives_every_fault(void **state)
{
    struct t *t = *state;
    T_FAULT_LOOP(t) {
        struct state_queues qs;
        struct state_queue *q = NULL;
        struct store *store = NULL;
        struct state_waiter w = {.body = slice_str("some transaction")};
        state_queues_init(&qs);
        assert_ok(t, store_memory_new(alloc_system(), &store, &t->err));
        slp_rc rc = state_queue_ref(&qs, &t->mem, "t/a/", &q, &t->err);
        if (rc == SLP_OK) {
            state_queue_turn(q, store, &w);
            rc = w.rc;
            state_shared_unref(w.frame);
        }
        assert_int_equal(rc, t->fault_hit ? SLP_NO_MEMORY : SLP_OK);
        assert_int_equal(store_counts_read(store).requests[STORE_PUT_IF_ABSENT],
                         t->fault_hit ? 0 : 1);
        state_queue_unref(&qs, q);
        state_queues_fini(&qs);
        store_close(store);
    }
}

T_MAIN(T_TEST(those_that_wait_go_into_one_frame_behind_the_leaders),
       T_TEST(what_the_store_says_everybody_in_the_frame_is_told),
       T_TEST(a_frame_goes_behind_the_newest_that_anyone_knows),
       T_TEST(threads_of_a_process_share_syncs),
       T_TEST(a_log_has_one_queue_as_long_as_somebody_has_it), T_TEST(a_turn_survives_every_fault))
