/*
 * Commits: create frame n+1, together with what else this process commits; on loss read the winner
 * and try again; after two losses wait in the inbox (rule C1). Base and txid stay the same in every
 * attempt (rules I1, I2), so attempts whose answer was lost are harmless whenever they land (rule
 * I3), and are found by their txid in the frames (rule I4).
 */
#include <inttypes.h>

#include "base/num.h"
#include "state/bug.h"
#include "state/inbox.h"
#include "state/keep.h"
#include "state/view_priv.h"

/* Races lost before a transaction goes into the inbox. */
#define DIRECT_LOSSES 2u

/* The longest pause after the store has failed, doubled up to this from the first one. */
#define FIRST_PAUSE_US 1000
#define LAST_PAUSE_US  32000

/* Who waits in the inbox watches the tail: not all the time, but so that reading it takes at most one
 * part of so many, within these. */
#define POLL_PARTS    16
#define LEAST_POLL_US 200
#define MOST_POLL_US  100000

/* When to look who waits: within these. */
#define LEAST_LOOK_US 1000
#define MOST_LOOK_US  1000000

/* Who packs waits for those who were in the last frame, a part of what creating one takes, and counts
 * them so often meanwhile. */
#define GATHER_PART  4
#define GATHER_LOOKS 4

/* Who does not pack looks after so many times what it waited before; and then the k-th waits k times so
 * many puts, within these (rule C1). */
#define FIRST_LOOK_WAITS 3
#define STEP_PUTS        8
#define LEAST_STEP_US    10000

/* What is waited for is thought to take longer by this part of what it took longer, but shorter at
 * once: one that slept too long must not sleep as long again. */
#define SLOWER_PART 16

/* That others commit, too, is believed for so many times what creating a frame takes. */
#define CROWD_PUTS 32

struct attempt {
    struct state_replica *r;
    struct state_txn *txn;
    struct buf body;       /* the transaction, then the bodies of its embedded files (frame.h) */
    size_t txn_bytes;      /* of the former */
    struct slice embedded; /* the latter */
    int64_t deadline_us;
    const volatile int *cancel;
    uint32_t losses;
    uint32_t failures; /* of the store, since it last answered */
    bool may_land;     /* an attempt was not answered: it may be in the log, now or later */
    bool is_crowded;   /* it waits in the inbox from the beginning, or after races that were lost */
    uint64_t made;     /* the newest frame that was created here, durably */
    int64_t read_us;   /* how long reading the tail took */
    /* While it waits in the inbox. */
    bool is_left;
    bool is_ranked;
    struct state_name left;
    int64_t left_us; /* when it was left, and when to look who waits */
    int64_t look_us;
};

static struct state_ring *ring_of(struct state_replica *r, bool tokens)
{
    if (r->machine.is_catalogue)
        return tokens ? &r->machine.catalogue.tokens : &r->machine.catalogue.ring;
    return tokens ? &r->machine.table->tokens : &r->machine.table->ring;
}

/* Objects of the snapshot that the replica stands on are gone: it slept, and a collector took them. Go
 * on from the newest one. */
static slp_rc begin_anew(struct state_replica *r, struct slp_err *err)
{
    err_clear(err);
    TRY(state_floor_read(r->store, r->mem, r->place, &r->floor, err));
    TRY(state_replica_load(r, err));
    return state_replica_refresh(r, err);
}

/* How often a snapshot may be collected while its tokens are looked at. */
#define BEGINNINGS_MAX 8

/* Is a transaction of this id in the log already, as far as it was replayed? What the ring has
 * forgotten the tokens of the snapshot know (rule I5). */
static slp_rc find_first(struct state_replica *r, struct hash128 txid, int tries,
                         struct state_outcome *out, bool *is_found, struct slp_err *err)
{
    struct state_token token;
    const struct state_ring_entry *first = state_ring_find(ring_of(r, false), txid);
    if (!first)
        first = state_ring_find(ring_of(r, true), txid);
    *is_found = first != NULL;
    if (first) {
        *out =
            (struct state_outcome){.at = first->at, .reason = first->reason, .is_duplicate = true};
        return SLP_OK;
    }
    slp_rc rc = state_tokens_look_up(r, txid, &token, is_found, err);
    if (rc == SLP_NOT_FOUND && tries < BEGINNINGS_MAX) {
        TRY(begin_anew(r, err));
        return find_first(r, txid, tries + 1, out, is_found, err);
    }
    TRY(rc);
    if (*is_found)
        *out = (struct state_outcome){.at = token.at, .reason = token.reason, .is_duplicate = true};
    return SLP_OK;
}

static slp_rc token_txid(struct state_replica *r, struct slice token, struct hash128 *out,
                         struct slp_err *err)
{
    static const uint8_t head[6] = {'t', 'o', 'k', 'e', 'n', 0};
    struct hash128 table = {{0}};
    if (!r->machine.is_catalogue)
        table = r->machine.table->table;
    slp_rc rc = SLP_OK;
    struct buf b;
    buf_init(&b, r->mem, sizeof head + sizeof table.bytes + STATE_TXN_MAX_BYTES);
    TRY_OUT(buf_append(&b, head, sizeof head, err));
    TRY_OUT(buf_append(&b, table.bytes, sizeof table.bytes, err));
    TRY_OUT(buf_append_slice(&b, token, err));
    *out = hash_xxh128(buf_slice(&b));
out:
    buf_fini(&b);
    return rc;
}

/* OK to go on. */
static slp_rc check_patience(const struct attempt *a, struct slp_err *err)
{
    if (a->cancel && *a->cancel)
        FAIL(err, CANCELLED, "cancelled after %u lost races", a->losses);
    if (store_now_us(a->r->store) >= a->deadline_us)
        FAIL(err, UNAVAILABLE, "not committed in time, %u races lost", a->losses);
    return SLP_OK;
}

static void pause_a_little(struct attempt *a, uint32_t times)
{
    int64_t most = times < 6 ? (int64_t)FIRST_PAUSE_US << times : LAST_PAUSE_US;
    struct hash128 random = state_random_id(a->r->instance);
    store_sleep_us(a->r->store, (int64_t)(num_load_u64le(random.bytes) %
                                          (uint64_t)num_min_i64(most, LAST_PAUSE_US)));
}

/* Make the object that holds the payload durable. Its name says its content, so that the put may be
 * repeated; nobody else has one of other bytes by that name. */
static slp_rc put_body(struct attempt *a, const struct state_apart *apart, struct slp_err *err)
{
    struct state_name whole;
    state_snapshot_object(a->r, slice_str(apart->name), &whole);
    for (uint32_t times = 0;; times++) {
        slp_rc rc = store_put_if_absent(a->r->store, state_name_slice(&whole),
                                        buf_slice(apart->object), err);
        if (rc != SLP_CONFLICT && rc != SLP_UNKNOWN && rc != SLP_UNAVAILABLE)
            return rc;
        err_clear(err);
        if (rc == SLP_CONFLICT)
            return SLP_OK;
        TRY(check_patience(a, err));
        pause_a_little(a, times);
    }
}

/* The same with the payload in an object of its own, which is durable first (rule I1). */
static slp_rc encode_apart(struct attempt *a, struct state_txn *txn, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct arena arena;
    struct buf object;
    struct state_apart apart = {.base = txn->base, .object = &object};
    arena_init(&arena, a->r->mem, STATE_FRAME_ARENA_MAX);
    buf_init(&object, a->r->mem, STATE_BODY_MAX_BYTES * 2);
    buf_clear(&a->body);
    TRY_OUT(state_txn_encode_apart(txn, &apart, &arena, &a->body, err));
    TRY_OUT(put_body(a, &apart, err));
out:
    txn->body = (struct state_body){0}; /* it borrows from here */
    buf_fini(&object);
    arena_fini(&arena);
    return rc;
}

/* A payload that is too large for a frame goes apart, but for one with embedded files. */
static slp_rc encode_body(struct attempt *a, struct state_txn *txn, struct slp_err *err)
{
    txn->base = a->r->number;
    a->r->watched_base = a->r->number;
    buf_clear(&a->body);
    slp_rc rc = state_txn_encode(txn, &a->body, err);
    if (rc == SLP_LIMIT && a->embedded.len == 0 && txn->body.name.len == 0) {
        err_clear(err);
        rc = encode_apart(a, txn, err);
    }
    if (rc == SLP_LIMIT)
        (void)err_append(err, rc, "; commit fewer things at once");
    TRY(rc);
    a->txn_bytes = a->body.len;
    TRY(buf_append_slice(&a->body, a->embedded, err));
    a->r->watched = slice_first(buf_slice(&a->body), a->txn_bytes);
    return SLP_OK;
}

/* The same with a new base. From its bytes: what its author filled in may borrow from a state that
 * a snapshot has taken the place of. */
static slp_rc renew_base(struct attempt *a, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct arena arena;
    struct buf old;
    struct state_txn txn;
    size_t used = 0;
    buf_init(&old, a->r->mem, STATE_TXN_MAX_BYTES * 2);
    arena_init(&arena, a->r->mem, STATE_FRAME_ARENA_MAX);
    TRY_OUT(buf_append(&old, a->body.ptr, a->txn_bytes, err));
    struct hash128 hash = hash_xxh128(buf_slice(&old));
    TRY_OUT(buf_append(&a->r->watched_before, hash.bytes, sizeof hash.bytes, err));
    TRY_OUT(state_txn_decode(buf_slice(&old), 0, &arena, &txn, &used, err));
    TRY_OUT(encode_body(a, &txn, err));
    a->txn->base = txn.base;
out:
    arena_fini(&arena);
    buf_fini(&old);
    return rc;
}

/* Replay to the tip, waiting while the store is not there. */
static slp_rc catch_up(struct attempt *a, struct slp_err *err)
{
    for (uint32_t times = 0;; times++) {
        slp_rc rc = state_replica_refresh(a->r, err);
        if (rc != SLP_UNAVAILABLE)
            return rc;
        err_clear(err);
        TRY(check_patience(a, err));
        pause_a_little(a, times);
    }
}

/*
 * What the store says of a write: CONFLICT somebody was first; UNKNOWN it may have happened, or may
 * yet; UNAVAILABLE it has not. Then the tail is read again; anything else ends the commit.
 */
static slp_rc look_again(struct attempt *a, slp_rc rc, struct slp_err *err)
{
    if (rc != SLP_CONFLICT && rc != SLP_UNKNOWN && rc != SLP_UNAVAILABLE)
        return rc;
    /* Who was first may be a copy of this very one, until it is read. */
    bool may_land = a->may_land || rc == SLP_UNKNOWN;
    a->may_land = may_land || rc == SLP_CONFLICT;
    a->losses += rc == SLP_CONFLICT;
    a->failures = rc == SLP_CONFLICT ? 0 : a->failures + 1;
    err_clear(err);
    if (STATE_BUG(FRESH_TXID)) {
        a->txn->txid = state_random_id(a->r->instance);
        a->r->watched_txid = a->txn->txid;
        TRY(renew_base(a, err));
    }
    TRY(catch_up(a, err));
    a->may_land = may_land;
    return SLP_OK;
}

/* Our transaction is in this frame: replay up to it. */
static slp_rc take_shared(struct attempt *a, const struct state_shared *frame, struct slp_err *err)
{
    a->may_land = true; /* it has, whatever replay says */
    a->failures = 0;
    if (frame->number == a->r->number + 1)
        return state_replica_take(a->r, buf_slice(&frame->bytes), err);
    return catch_up(a, err);
}

static int64_t since(const struct attempt *a, int64_t start_us)
{
    return num_max_i64(store_now_us(a->r->store) - start_us, 0);
}

/* One attempt to create the next frame, with whatever waits in the queue of this process. */
static slp_rc try_directly(struct attempt *a, struct slp_err *err)
{
    struct state_replica *r = a->r;
    struct state_waiter w = {.body = slice_first(buf_slice(&a->body), a->txn_bytes),
                             .embedded = slice_after(buf_slice(&a->body), a->txn_bytes),
                             .number = r->number,
                             .previous = r->previous};
    int64_t start_us = store_now_us(r->store);
    state_queue_turn(r->queue, r->store, &w);
    r->crowd.put_us = since(a, start_us);
    if (w.rc == SLP_OK) {
        a->made = w.frame->number;
        slp_rc rc = take_shared(a, w.frame, err);
        state_shared_unref(w.frame);
        return rc;
    }
    if (err)
        *err = w.err;
    return look_again(a, w.rc, err);
}

/* ------------------------------------------------------------------ the inbox */

/* Who packed the last frame counts soon who is there again. The others leave it to it, for as long as
 * that should take; where nobody is known to pack, for one PUT time. */
static int64_t first_look_us(const struct state_crowd *c)
{
    int64_t us = c->put_us;
    if (c->is_packer)
        us = c->put_us / GATHER_PART / GATHER_LOOKS;
    else if (c->count)
        us = FIRST_LOOK_WAITS * c->wait_us;
    return num_min_i64(num_max_i64(us, c->is_packer ? LEAST_POLL_US : LEAST_LOOK_US), MOST_LOOK_US);
}

static slp_rc leave_in_inbox(struct attempt *a, struct slp_err *err)
{
    slp_rc rc = state_inbox_leave(a->r, a->txn, buf_slice(&a->body), &a->left, err);
    a->is_left = rc == SLP_OK || rc == SLP_UNKNOWN;
    a->is_ranked = false;
    a->may_land = a->may_land || a->is_left; /* from now on anyone may pack it */
    a->left_us = store_now_us(a->r->store);
    a->look_us = a->left_us + first_look_us(&a->r->crowd);
    return rc == SLP_OK ? rc : look_again(a, rc, err);
}

static slp_rc pack_inbox(struct attempt *a, struct slp_err *err)
{
    uint32_t packed = 0;
    struct state_replica *r = a->r;
    int64_t start_us = store_now_us(r->store);
    a->is_ranked = false;
    slp_rc rc = state_inbox_pack(r, buf_slice(&a->body), &packed, err);
    r->crowd.put_us = since(a, start_us);
    if (rc != SLP_OK)
        return look_again(a, rc, err);
    a->failures = 0;
    if (packed)
        a->made = r->number;
    return SLP_OK;
}

static int64_t step_us(const struct state_crowd *c)
{
    int64_t us = STEP_PUTS * num_max_i64(c->put_us, c->wait_us);
    return num_min_i64(num_max_i64(us, LEAST_STEP_US), STATE_INBOX_STEP_US);
}

/* Who waits? The oldest packs, and who packed the last frame, once those are there that it expects;
 * the k-th behind the oldest waits k times as long (rule C1). */
static slp_rc take_turn(struct attempt *a, struct slp_err *err)
{
    const struct state_crowd *c = &a->r->crowd;
    size_t rank = 0;
    size_t waiting = 0;
    slp_rc rc = state_inbox_rank(a->r, &a->left, &rank, &waiting, err);
    if (rc != SLP_OK)
        return look_again(a, rc, err);
    int64_t now_us = store_now_us(a->r->store);
    if (rank > 0 && !c->is_packer) {
        rank = num_min_size(rank, STORE_LIST_MAX);
        a->look_us = now_us + (int64_t)rank * step_us(c);
        a->is_ranked = true;
        return SLP_OK;
    }
    if (waiting >= c->count || since(a, a->left_us) >= c->put_us / GATHER_PART)
        return pack_inbox(a, err);
    a->look_us = now_us + c->put_us / GATHER_PART / GATHER_LOOKS;
    return SLP_OK;
}

/* Sleep, no longer than until the next look, and read the tail. A crowd's next frame is not there
 * before its time. Behind a frame of somebody else the ranks are others. */
static slp_rc watch_tail(struct attempt *a, int64_t now_us, struct slp_err *err)
{
    struct state_replica *r = a->r;
    uint64_t number = r->number;
    int64_t poll_us =
        num_min_i64(num_max_i64(a->read_us * POLL_PARTS, LEAST_POLL_US), MOST_POLL_US);
    if (r->crowd.count) {
        int64_t half_us = r->crowd.wait_us / 2 - since(a, a->left_us);
        poll_us = num_max_i64(poll_us, num_max_i64(half_us, r->crowd.wait_us / 8));
    }
    store_sleep_us(r->store, num_min_i64(poll_us, a->look_us - now_us));
    int64_t start_us = store_now_us(r->store);
    TRY(catch_up(a, err));
    a->read_us = since(a, start_us);
    if (a->is_ranked && r->number > number) {
        a->look_us = start_us;
        a->is_ranked = false;
    }
    return SLP_OK;
}

/* One step of waiting. */
static slp_rc wait_in_inbox(struct attempt *a, struct slp_err *err)
{
    if (!a->is_left)
        return leave_in_inbox(a, err);
    int64_t now_us = store_now_us(a->r->store);
    if (now_us < a->look_us)
        return watch_tail(a, now_us, err);
    return a->is_ranked ? pack_inbox(a, err) : take_turn(a, err);
}

/* Nobody needs the object any more. */
static void leave_inbox(struct attempt *a)
{
    if (a->is_left)
        state_inbox_drop(a->r, &a->left);
    a->is_left = false;
}

/*
 * A snapshot took the place of frames that may have held it: then its tokens do (rule I4). In none of
 * them, and its base is older than the ring: it never will be applied.
 */
static slp_rc ask_tokens(struct attempt *a, struct slp_err *err)
{
    struct state_replica *r = a->r;
    struct state_token first;
    r->is_unsure = false;
    slp_rc rc = state_tokens_look_up(r, r->watched_txid, &first, &r->is_found, err);
    if (rc == SLP_NOT_FOUND)
        return begin_anew(r, err);
    TRY(rc);
    if (r->is_found)
        r->outcome = (struct state_outcome){.at = first.at, .reason = first.reason};
    else if (!a->txn->has_token && a->may_land &&
             since(a, a->txn->time_us) > STATE_TXID_KEPT_US / 2)
        FAIL(err, UNKNOWN, "an attempt is older than random ids are kept");
    r->is_expired = !r->is_found;
    return SLP_OK;
}

static slp_rc try_until_found(struct attempt *a, struct slp_err *err)
{
    struct state_replica *r = a->r;
    for (;;) {
        TRY(check_patience(a, err));
        a->is_crowded = a->is_crowded || a->losses >= DIRECT_LOSSES;
        TRY(a->is_crowded ? wait_in_inbox(a, err) : try_directly(a, err));
        if (r->is_found)
            return SLP_OK;
        if (r->is_unsure)
            TRY(ask_tokens(a, err));
        if (r->is_found)
            return SLP_OK;
        if (r->is_expired) {
            /* This replica saw every frame since the old base: it is in none (rule I4). Copies that
             * are still under way have the old base and are expired too. */
            r->is_expired = false;
            leave_inbox(a);
            TRY(renew_base(a, err));
        }
        if (a->failures)
            pause_a_little(a, a->failures);
    }
}

/* Whether the next commit meets others is guessed from this one. */
static void note_crowd(struct attempt *a)
{
    struct state_replica *r = a->r;
    struct state_crowd *c = &r->crowd;
    c->at_us = store_now_us(r->store);
    c->is_packer = a->is_crowded && r->outcome.at.frame == a->made;
    if (a->is_crowded) {
        int64_t wait_us = since(a, a->left_us);
        if (c->wait_us > 0 && wait_us > c->wait_us)
            wait_us = c->wait_us + (wait_us - c->wait_us) / SLOWER_PART;
        c->wait_us = wait_us;
        c->count = r->company > 1 ? r->company : 0;
    } else {
        c->wait_us = c->put_us;
        c->count = a->losses ? 2 : 0;
    }
}

static bool is_crowd_there(const struct attempt *a)
{
    const struct state_crowd *c = &a->r->crowd;
    return c->count && since(a, c->at_us) < CROWD_PUTS * num_max_i64(c->put_us, c->wait_us);
}

/* Somebody else's frame may be seen before it is durable, and then nobody may be told of it. */
static slp_rc settle(struct state_replica *r, const struct state_outcome *o, struct slp_err *err)
{
    struct state_name name;
    if (STATE_BUG(TELL_BEFORE_SETTLE))
        return SLP_OK;
    state_replica_name(r, o->at.frame, &name);
    slp_rc rc = store_settle(r->store, state_name_slice(&name), err);
    if (rc != SLP_OK)
        return err_wrap(err, SLP_UNKNOWN, "the frame that holds it may not be durable");
    return SLP_OK;
}

static slp_rc tell_unknown(const char *what, slp_rc rc, struct slp_err *err)
{
    struct slp_err cause = {.code = rc};
    if (err)
        cause = *err;
    return err_set(err, SLP_UNKNOWN, "%s: %s", what, cause.text);
}

/* What was never read back from the log of a dropped table has had no effect. */
static slp_rc tell_unfound(const struct attempt *a, slp_rc rc, struct slp_err *err)
{
    bool is_dropped = rc == SLP_NOT_FOUND && a->r->floor.number == STATE_FLOOR_DROPPED;
    if (rc == SLP_OK || !a->may_land || is_dropped)
        return rc;
    return tell_unknown("an attempt was not answered, so it may be in the log; look before "
                        "repeating it",
                        rc, err);
}

/* The frame may have been given up behind the transaction: what is told of is a state behind a whole
 * frame. */
static slp_rc read_to_end(struct attempt *a, struct slp_err *err)
{
    err_clear(err);
    if (!a->r->is_broken)
        return SLP_OK;
    slp_rc rc = catch_up(a, err);
    return rc == SLP_OK ? rc
                        : tell_unknown("it stands in the log, but its frame was not read to the "
                                       "end",
                                       rc, err);
}

/* Time is up, and an attempt may be in the log: what could not be read may be there now. */
static void look_last(struct attempt *a)
{
    slp_rc rc = state_replica_refresh(a->r, NULL);
    (void)rc; /* found or not found, nothing else matters */
}

static slp_rc commit_watched(struct attempt *a, struct slp_err *err)
{
    struct state_replica *r = a->r;
    a->is_crowded = is_crowd_there(a);
    if (!a->is_crowded)
        r->crowd.count = 0;
    r->is_watching = true;
    buf_clear(&r->watched_before);
    r->watched_txid = a->txn->txid;
    r->is_found = false;
    r->is_expired = false;
    r->is_unsure = false;
    slp_rc rc = encode_body(a, a->txn, err);
    if (rc == SLP_OK)
        rc = try_until_found(a, err);
    if (rc == SLP_UNAVAILABLE && !r->is_found && a->may_land)
        look_last(a);
    r->is_watching = false;
    leave_inbox(a);
    if (!r->is_found)
        return tell_unfound(a, rc, err);
    TRY(read_to_end(a, err));
    note_crowd(a);
    return r->outcome.at.frame > a->made ? settle(r, &r->outcome, err) : SLP_OK;
}

/* Bodies of embedded files as a section of a frame. */
static slp_rc join_bodies(const struct state_commit_options *o, struct buf *out,
                          struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    for (size_t i = 0; i < o->body_count && rc == SLP_OK; i++) {
        assert(o->bodies[i].len >= STATE_BODY_LEAST_BYTES);
        rc = state_bodies_append(out, 0, o->bodies[i], err);
    }
    if (rc != SLP_LIMIT && state_bodies_room(buf_slice(out)) <= STATE_FRAME_BODIES_MAX)
        return rc;
    FAIL(err, LIMIT, "embedded files have more bytes than the %zu that a frame holds",
         STATE_FRAME_BODIES_MAX);
}

slp_rc state_replica_commit(struct state_replica *r, struct state_txn *txn,
                            const struct state_commit_options *options, struct state_result *out,
                            struct slp_err *err)
{
    static const struct state_commit_options plain;
    slp_rc rc = SLP_OK;
    const struct state_commit_options *o = options ? options : &plain;
    struct attempt a = {.r = r, .txn = txn, .cancel = o->cancel};
    struct state_outcome outcome = {.at = {.frame = 0}};
    bool is_found = false;
    struct buf embedded;
    int64_t now_us = store_now_us(r->store);
    int64_t wait_us = o->max_wait_us > 0 ? o->max_wait_us : STATE_COMMIT_WAIT_US;
    a.deadline_us = now_us > INT64_MAX - wait_us ? INT64_MAX : now_us + wait_us;
    buf_init(&embedded, r->mem, STATE_FRAME_BODIES_MAX);
    buf_init(&a.body, r->mem, STATE_TXN_MAX_BYTES * 2 + STATE_FRAME_BODIES_MAX);
    txn->rule_version = STATE_RULE_VERSION;
    txn->features = 0;
    txn->time_us = num_max_i64(now_us, 0);
    txn->has_token = o->token.len > 0;
    txn->txid = state_random_id(r->instance);
    txn->body = (struct state_body){0};
    TRY_OUT(join_bodies(o, &embedded, err));
    a.embedded = buf_slice(&embedded);
    if (r->is_broken)
        TRY_OUT(catch_up(&a, err));
    if (txn->has_token)
        TRY_OUT(token_txid(r, o->token, &txn->txid, err));
    if (txn->has_token)
        TRY_OUT(find_first(r, txn->txid, 0, &outcome, &is_found, err));
    if (is_found) {
        TRY_OUT(settle(r, &outcome, err));
        *out = (struct state_result){.outcome = outcome};
        goto out;
    }
    TRY_OUT(commit_watched(&a, err));
    state_head_refresh(r);
    *out = (struct state_result){.outcome = r->outcome, .losses = a.losses};
out:
    txn->body = (struct state_body){0}; /* its name is ours */
    buf_fini(&embedded);
    buf_fini(&a.body);
    return err_wrap(err, rc, "commit of \"%s\"", state_kind_text(txn->kind));
}

slp_rc state_replica_find_token(struct state_replica *r, struct slice token,
                                struct state_outcome *out, bool *is_found, struct slp_err *err)
{
    struct hash128 txid;
    TRY(token_txid(r, token, &txid, err));
    return find_first(r, txid, 0, out, is_found, err);
}

slp_rc state_result_check(const struct state_result *r, struct slp_err *err)
{
    enum state_reason reason = r->outcome.reason;
    for (size_t i = 0; i < r->outcome.item_count && reason == STATE_REASON_APPLIED; i++)
        reason = r->outcome.items[i];
    if (reason != STATE_REASON_APPLIED)
        FAIL(err, CONFLICT,
             "transaction %" PRIu64 ".%u changed nothing or not all it should (%s): %s",
             r->outcome.at.frame, r->outcome.at.index, state_reason_name(reason),
             state_reason_text(reason));
    return SLP_OK;
}

struct state_id state_result_id(const struct state_result *r, uint32_t item)
{
    return (struct state_id){.at = r->outcome.at, .item = item};
}
