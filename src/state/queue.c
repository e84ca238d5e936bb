#include "state/queue.h"
#include "state/bug.h"

#include <inttypes.h>
#include <stdio.h>

#include "os/clock.h"
#include "state/floor.h"

#define PLACE_BYTES 64u

/* Those who are expected are waited for as long as this part of what creating a frame takes. */
#define GATHER_PART 4

struct state_queue {
    struct state_queue *next; /* guarded by the table's lock, as `refs` */
    size_t refs;
    struct alloc *mem;
    char place[PLACE_BYTES];
    struct os_mutex lock; /* guards all below */
    struct os_cond told;  /* a turn has ended */
    struct os_cond came;  /* as many wait as the leader gathers */
    bool is_led;
    uint32_t waiting;  /* in the list below */
    uint32_t expected; /* of the next frame: those told last, and those that waited meanwhile */
    uint32_t wanted;   /* 0: nobody gathers */
    int64_t put_us;    /* how long creating the last frame took */
    uint64_t number;   /* the newest frame made here, and its hash */
    struct hash128 previous;
    struct state_waiter *first;
    struct state_waiter **end;
};

void state_shared_unref(struct state_shared *f)
{
    if (!f || __atomic_sub_fetch(&f->refs, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    buf_fini(&f->bytes);
    alloc_delete(f->mem, f);
}

/* ------------------------------------------------------------------ the table of queues */

void state_queues_init(struct state_queues *qs)
{
    os_mutex_init(&qs->lock);
    qs->first = NULL;
}

void state_queues_fini(struct state_queues *qs)
{
    assert(!qs->first);
    os_mutex_fini(&qs->lock);
}

static slp_rc queue_new(struct alloc *mem, const char *place, struct state_queue **out,
                        struct slp_err *err)
{
    struct state_queue *q = NULL;
    TRY(alloc_new(mem, &q, err));
    q->mem = mem;
    (void)snprintf(q->place, sizeof q->place, "%s", place);
    os_mutex_init(&q->lock);
    os_cond_init(&q->told);
    os_cond_init(&q->came);
    q->end = &q->first;
    *out = q;
    return SLP_OK;
}

slp_rc state_queue_ref(struct state_queues *qs, struct alloc *mem, const char *place,
                       struct state_queue **out, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    assert(strlen(place) < PLACE_BYTES);
    os_mutex_lock(&qs->lock);
    struct state_queue *q = qs->first;
    while (q && strcmp(q->place, place) != 0)
        q = q->next;
    if (!q) {
        TRY_OUT(queue_new(mem, place, &q, err));
        q->next = qs->first;
        qs->first = q;
    }
    q->refs++;
    *out = q;
out:
    os_mutex_unlock(&qs->lock);
    return rc;
}

void state_queue_unref(struct state_queues *qs, struct state_queue *q)
{
    if (!q)
        return;
    os_mutex_lock(&qs->lock);
    bool is_last = --q->refs == 0;
    if (is_last) {
        struct state_queue **at = &qs->first;
        while (*at != q)
            at = &(*at)->next;
        *at = q->next;
    }
    os_mutex_unlock(&qs->lock);
    if (!is_last)
        return;
    os_cond_fini(&q->came);
    os_cond_fini(&q->told);
    os_mutex_fini(&q->lock);
    alloc_delete(q->mem, q);
}

/* ------------------------------------------------------------------ a turn */

struct batch {
    struct state_waiter *first; /* the leader; linked by `next` */
    uint32_t count;
    size_t bytes;
    size_t embedded; /* bytes of bodies, at most */
    uint64_t number; /* the newest frame that anyone here has replayed or made */
    struct hash128 previous;
};

static void batch_add(struct batch *b, struct state_waiter *w)
{
    b->count++;
    b->bytes += w->body.len;
    b->embedded += state_bodies_room(w->embedded);
    if (w->number > b->number) {
        b->number = w->number;
        b->previous = w->previous;
    }
}

static bool has_room(const struct batch *b, const struct state_waiter *w)
{
    return b->count < STATE_FRAME_TXNS_MAX && w->body.len <= STATE_TXN_MAX_BYTES - b->bytes &&
           (w->embedded.len == 0 ||
            b->embedded + state_bodies_room(w->embedded) <= STATE_FRAME_BODIES_MAX);
}

/* Take the leader and those that wait, oldest first, out of the queue. The lock is held. */
static void take_batch(struct state_queue *q, struct state_waiter *leader, struct batch *b)
{
    struct state_waiter **at = &q->first;
    while (*at != leader)
        at = &(*at)->next;
    *at = leader->next;
    struct state_waiter **tail = &leader->next;
    *b = (struct batch){.first = leader, .number = q->number, .previous = q->previous};
    batch_add(b, leader);
    for (at = &q->first; *at;) {
        struct state_waiter *w = *at;
        if (!has_room(b, w)) {
            at = &w->next;
            continue;
        }
        *at = w->next;
        batch_add(b, w);
        *tail = w;
        tail = &w->next;
    }
    *tail = NULL;
    q->end = at;
    q->waiting -= b->count;
}

/*
 * Those who were told last come back, if they commit in a loop, within moments: one frame takes them
 * all where else they would go into two, turn and turn about. The lock is held, but while waiting.
 */
static void gather(struct state_queue *q)
{
    int64_t left_us = q->put_us / GATHER_PART;
    int64_t end_us = os_clock_mono_us(os_clock_system()) + left_us;
    q->wanted = q->expected;
    while (q->waiting < q->wanted && left_us > 0) {
        os_cond_wait_us(&q->came, &q->lock, left_us);
        left_us = end_us - os_clock_mono_us(os_clock_system());
    }
    q->wanted = 0;
}

static slp_rc pack(const struct batch *b, struct state_shared *f, struct slp_err *err)
{
    struct state_frame_parts parts = {.number = f->number,
                                      .previous = b->previous,
                                      .transactions = b->first->body,
                                      .bodies = b->first->embedded,
                                      .txn_count = b->count};
    if (b->count == 1)
        return state_frame_encode_parts(&parts, &f->bytes, err);
    slp_rc rc = SLP_OK;
    uint32_t index = 0;
    struct buf txns;
    struct buf bodies;
    buf_init(&txns, f->mem, STATE_TXN_MAX_BYTES);
    buf_init(&bodies, f->mem, STATE_FRAME_BODIES_MAX);
    TRY_OUT(buf_reserve(&txns, b->bytes, err));
    for (const struct state_waiter *w = b->first; w; w = w->next, index++) {
        TRY_OUT(buf_append_slice(&txns, w->body, err));
        TRY_OUT(state_bodies_copy(&bodies, index, w->embedded, err));
    }
    parts.transactions = buf_slice(&txns);
    parts.bodies = buf_slice(&bodies);
    TRY_OUT(state_frame_encode_parts(&parts, &f->bytes, err));
out:
    buf_fini(&txns);
    buf_fini(&bodies);
    return rc;
}

/* Durable before anybody is told. */
static slp_rc put_frame(struct store *store, struct slice name, struct slice bytes,
                        struct slp_err *err)
{
    struct store_request q = {.verb = STORE_PUT_IF_ABSENT,
                              .name = name,
                              .body = bytes,
                              .is_fleeting = STATE_BUG(ACK_BEFORE_SYNC)};
    TRY(store_submit(store, &q, 1, err));
    TRY(store_wait(store, &q, 1, NULL, err));
    if (q.rc != SLP_OK && err)
        *err = q.err;
    return q.rc;
}

/* Create the frame. `*is_tried` says whether the store was asked. */
static slp_rc create(const struct state_queue *q, struct store *store, const struct batch *b,
                     struct state_shared **out, bool *is_tried, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct state_shared *f = NULL;
    char name[PLACE_BYTES + 24];
    *is_tried = false;
    TRY(alloc_new(q->mem, &f, err));
    f->mem = q->mem;
    f->refs = 1;
    f->number = b->number + 1;
    buf_init(&f->bytes, q->mem, STATE_FRAME_MAX_BYTES);
    TRY_OUT(pack(b, f, err));
    (void)snprintf(name, sizeof name, "%slog/%020" PRIu64, q->place, f->number);
    *is_tried = true;
    TRY_OUT(put_frame(store, slice_str(name), buf_slice(&f->bytes), err));
    if (!STATE_BUG(NO_FLOOR_WRITER))
        TRY_OUT(state_floor_confirm(store, q->mem, q->place, f->number, err));
    *out = f;
out:
    if (rc != SLP_OK)
        state_shared_unref(f);
    return rc;
}

/* One frame. The lock is held before and behind, not in between. */
static void lead(struct state_queue *q, struct store *store, struct state_waiter *leader)
{
    struct batch b;
    struct state_shared *frame = NULL;
    struct slp_err err = {0};
    bool is_tried = false;
    q->is_led = true;
    if (q->waiting < q->expected)
        gather(q);
    take_batch(q, leader, &b);
    os_mutex_unlock(&q->lock);
    int64_t start_us = os_clock_mono_us(os_clock_system());
    slp_rc rc = create(q, store, &b, &frame, &is_tried, &err);
    int64_t put_us = os_clock_mono_us(os_clock_system()) - start_us;
    if (frame)
        __atomic_store_n(&frame->refs, b.count, __ATOMIC_RELEASE);
    struct hash128 hash = frame ? hash_xxh128(buf_slice(&frame->bytes)) : b.previous;
    os_mutex_lock(&q->lock);
    q->is_led = false;
    q->put_us = put_us;
    q->expected = b.count + q->waiting;
    if (frame) {
        q->number = frame->number;
        q->previous = hash;
    }
    for (struct state_waiter *w = b.first; w;) {
        struct state_waiter *next = w->next; /* once told, it may be gone */
        w->rc = is_tried || w == leader ? rc : SLP_UNAVAILABLE;
        w->err = err;
        w->frame = frame;
        w->is_told = true;
        w = next;
    }
    os_cond_broadcast(&q->told);
}

size_t state_queue_waiting(struct state_queue *q)
{
    os_mutex_lock(&q->lock);
    size_t n = q->waiting;
    os_mutex_unlock(&q->lock);
    return n;
}

void state_queue_turn(struct state_queue *q, struct store *store, struct state_waiter *w)
{
    w->next = NULL;
    w->is_told = false;
    os_mutex_lock(&q->lock);
    *q->end = w;
    q->end = &w->next;
    q->waiting++;
    if (q->wanted && q->waiting >= q->wanted)
        os_cond_signal(&q->came);
    while (!w->is_told && q->is_led)
        os_cond_wait(&q->told, &q->lock);
    if (!w->is_told)
        lead(q, store, w);
    os_mutex_unlock(&q->lock);
}
