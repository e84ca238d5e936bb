/*
 * What apply wants to see before it judges a transaction: bodies that stand apart, the root of a
 * restore, leaves for a merge over a bound of what is loaded. Apply is pure, so it is fetched here.
 *
 * All that the state before a frame says is wanted is fetched before the first transaction of the
 * frame is applied, so that a store that fails leaves a view at a whole frame. What only becomes
 * wanted inside the frame is fetched there.
 *
 * Bodies are asked for together: the first that is not at hand brings those of the frames that were
 * read with its own, up to STATE_READ_AHEAD of them and AHEAD_BYTES.
 */
#include "state/supply.h"

#include <inttypes.h>

#include "state/global.h"
#include "state/keep.h"

#define AHEAD_BYTES ((uint64_t)32 << 20)

struct state_ahead {
    size_t count;
    uint64_t bytes;
    struct state_name names[STATE_READ_AHEAD]; /* empty: taken */
    struct buf bodies[STATE_READ_AHEAD];
    struct store_request requests[STATE_READ_AHEAD];
};

void state_supply_forget(struct state_replica *r)
{
    struct state_ahead *a = r->ahead;
    for (size_t i = 0; a && i < a->count; i++)
        buf_fini(&a->bodies[i]);
    alloc_delete(r->mem, a);
    r->ahead = NULL;
}

/* ------------------------------------------------------------------ one thing */

/*
 * What the next frame names is gone. Where the floor has passed that frame nobody keeps it any more
 * (rules F1, G2), and replay goes on from a snapshot; else it is damage (rule G3).
 */
static slp_rc judge_gone(struct state_replica *r, struct slice name, struct slp_err *err)
{
    struct state_floor floor = {0};
    err_clear(err);
    TRY(state_floor_read(r->store, r->mem, r->place, &floor, err));
    r->is_overtaken = floor.number > r->number + 1;
    if (r->is_overtaken)
        FAIL(err, UNAVAILABLE, "frame %" PRIu64 " is below the floor by now, and \"%.*s\" is gone",
             r->number + 1, SLICE_ARG(name));
    FAIL(err, CORRUPT, "\"%s%.*s\" is gone, which frame %" PRIu64 " names", r->place,
         SLICE_ARG(name), r->number + 1);
}

/* A body's bytes become the transaction's payload; in the arena, for the payload borrows. */
static slp_rc take_body(struct state_replica *r, struct state_txn *txn, struct slice bytes,
                        struct slp_err *err)
{
    struct slice kept;
    TRY(arena_copy(&r->arena, bytes, &kept, err));
    return state_txn_take_body(txn, kept, &r->arena, err);
}

/* A body that stands apart; one that is gone or damaged is CORRUPT for everyone (rule G3). */
static slp_rc read_body(struct state_replica *r, struct state_txn *txn, struct slice name,
                        struct slp_err *err)
{
    struct buf bytes;
    struct state_name whole;
    buf_init(&bytes, r->mem, STATE_BODY_MAX_BYTES);
    state_snapshot_object(r, name, &whole);
    slp_rc rc = store_get(r->store, state_name_slice(&whole), &bytes, err);
    if (rc == SLP_NOT_FOUND)
        rc = judge_gone(r, name, err);
    if (rc == SLP_OK)
        rc = take_body(r, txn, buf_slice(&bytes), err);
    buf_fini(&bytes);
    return rc;
}

/* The state that a restore goes back to; it is given up after the transaction. */
static slp_rc read_root(struct state_replica *r, struct state_txn *txn,
                        const struct state_want *want, struct slp_err *err)
{
    struct state_replica second = {0};
    struct hash128 table = r->machine.table->table;
    slp_rc rc = state_replica_init(&second, r->instance, &table, err);
    second.scope = r->machine.table->seen; /* all that is loaded here, at least */
    if (rc == SLP_OK)
        rc = state_snapshot_load(&second, want->name, err);
    if (rc == SLP_OK && second.number != want->number)
        rc =
            err_set(err, SLP_CORRUPT, "snapshot \"%.*s\" stands at frame %" PRIu64 ", not %" PRIu64,
                    SLICE_ARG(want->name), second.number, want->number);
    if (rc == SLP_NOT_FOUND)
        rc = judge_gone(r, want->name, err);
    if (rc == SLP_OK) {
        txn->restore.from = second.machine.table;
        r->restored = second.machine.table;
        second.machine.table = NULL;
    }
    if (second.mem)
        state_replica_fini(&second);
    return rc;
}

/* A merge over a bound of what is loaded: more has to be, from the beginning (rule P3). */
static slp_rc widen_scope(struct state_replica *r, struct key_range range, struct slp_err *err)
{
    struct key_range wide = r->scope;
    if (slice_compare(range.lo, wide.lo) < 0)
        wide.lo = range.lo;
    if (!range.has_hi || (wide.has_hi && slice_compare(range.hi, wide.hi) > 0)) {
        wide.hi = range.hi;
        wide.has_hi = range.has_hi;
    }
    TRY(state_replica_set_scope(r, wide, err));
    r->is_widened = true;
    r->is_broken = true; /* it begins anew */
    FAIL(err, CONFLICT, "leaves were merged over a bound of what is loaded");
}

slp_rc state_supply(struct state_replica *r, struct state_txn *txn, struct state_position at,
                    struct slp_err *err)
{
    for (;;) {
        struct state_want want = state_wants(r->machine.table, txn, at);
        switch (want.kind) {
        case STATE_WANT_NOTHING:
            return SLP_OK;
        case STATE_WANT_BODY:
            TRY(read_body(r, txn, want.name, err));
            break;
        case STATE_WANT_ROOT:
            TRY(read_root(r, txn, &want, err));
            break;
        case STATE_WANT_LEAF:
            return widen_scope(r, want.range, err);
        }
    }
}

/* ------------------------------------------------------------------ reading ahead */

/* Ask for the body of a transaction, if it is wanted. False when the round is full. */
static bool ask_for(struct state_replica *r, const struct state_txn *txn, uint64_t frame)
{
    struct state_ahead *a = r->ahead;
    struct state_want want =
        state_wants(r->machine.table, txn, (struct state_position){.frame = frame});
    if (want.kind != STATE_WANT_BODY)
        return true;
    if (a->count == STATE_READ_AHEAD || (a->count > 0 && txn->body.bytes > AHEAD_BYTES - a->bytes))
        return false;
    size_t i = a->count++;
    a->bytes += txn->body.bytes < AHEAD_BYTES - a->bytes ? txn->body.bytes : AHEAD_BYTES - a->bytes;
    state_snapshot_object(r, want.name, &a->names[i]);
    buf_init(&a->bodies[i], r->mem, STATE_BODY_MAX_BYTES);
    a->requests[i] = (struct store_request){.verb = STORE_GET,
                                            .name = state_name_slice(&a->names[i]),
                                            .len = UINT64_MAX,
                                            .out = &a->bodies[i]};
    return true;
}

/* The same for a frame that was read and not looked at: what is wrong in it is told in its turn. */
static bool ask_for_frame(struct state_replica *r, struct slice bytes)
{
    struct arena arena;
    struct slice rest;
    bool is_room = true;
    uint64_t number = 0;
    if (!state_frame_peek(bytes, &number, &rest) || number <= r->number + 1)
        return true;
    arena_init(&arena, r->mem, STATE_FRAME_ARENA_MAX);
    while (is_room && rest.len > 0) {
        size_t used = 0;
        bool is_apart = false;
        struct state_txn txn;
        if (state_txn_peek(rest, &used, &is_apart, NULL) != SLP_OK ||
            (is_apart && state_txn_decode(rest, 0, &arena, &txn, &used, NULL) != SLP_OK))
            break;
        is_room = !is_apart || ask_for(r, &txn, number);
        rest = slice_after(rest, used);
    }
    arena_fini(&arena);
    return is_room;
}

/* One round: the bodies of this frame from transaction `from` on, and of those behind it. */
static slp_rc read_ahead(struct state_replica *r, const struct state_frame *frame, uint32_t from,
                         struct slp_err *err)
{
    bool is_room = true;
    state_supply_forget(r);
    TRY(alloc_new(r->mem, &r->ahead, err));
    for (uint32_t i = from; is_room && i < frame->txn_count; i++)
        is_room = ask_for(r, &frame->txns[i], frame->number);
    for (size_t i = 0; is_room && i < r->frame_count; i++)
        is_room = ask_for_frame(r, buf_slice(&r->frames[i]));
    TRY(store_submit(r->store, r->ahead->requests, r->ahead->count, err));
    return store_wait(r->store, r->ahead->requests, r->ahead->count, NULL, err);
}

static bool find_ahead(const struct state_replica *r, struct slice name, size_t *out)
{
    struct state_name whole;
    state_snapshot_object(r, name, &whole);
    for (size_t i = 0; r->ahead && i < r->ahead->count; i++) {
        *out = i;
        if (slice_equal(state_name_slice(&r->ahead->names[i]), state_name_slice(&whole)))
            return true;
    }
    return false;
}

/* Is it said of what was read, not of the store or of memory? */
static bool is_damage(slp_rc rc)
{
    return rc == SLP_NOT_FOUND || rc == SLP_CORRUPT;
}

/* The body of the i-th transaction. One that is gone or damaged is left for apply, which may not want
 * it any more when its turn has come. */
static slp_rc supply_body(struct state_replica *r, const struct state_frame *frame, uint32_t i,
                          struct slp_err *err)
{
    size_t k = 0;
    struct state_txn *txn = &frame->txns[i];
    if (!find_ahead(r, txn->body.name, &k)) {
        slp_rc rc = read_ahead(r, frame, i, err);
        if (rc != SLP_OK || !find_ahead(r, txn->body.name, &k)) {
            state_supply_forget(r);
            return rc;
        }
    }
    const struct store_request *q = &r->ahead->requests[k];
    slp_rc rc = q->rc == SLP_OK ? take_body(r, txn, buf_slice(&r->ahead->bodies[k]), err) : q->rc;
    if (q->rc != SLP_OK)
        rc = err_set(err, q->rc, "%s", q->err.text);
    r->ahead->names[k].len = 0;
    buf_fini(&r->ahead->bodies[k]);
    if (!is_damage(rc))
        return rc;
    err_clear(err);
    return SLP_OK;
}

/* Of several restores in one frame each has its root read in its turn. */
static bool is_only_restore(const struct state_frame *frame)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < frame->txn_count; i++)
        n += frame->txns[i].kind == STATE_RESTORE;
    return n == 1;
}

static slp_rc supply_root(struct state_replica *r, const struct state_frame *frame, uint32_t i,
                          const struct state_want *want, struct slp_err *err)
{
    if (!is_only_restore(frame))
        return SLP_OK;
    slp_rc rc = read_root(r, &frame->txns[i], want, err);
    if (!is_damage(rc))
        return rc;
    err_clear(err);
    return SLP_OK;
}

slp_rc state_supply_frame(struct state_replica *r, const struct state_frame *frame,
                          struct slp_err *err)
{
    if (r->machine.is_catalogue)
        return SLP_OK;
    state_free(r->restored);
    r->restored = NULL;
    for (uint32_t i = 0; i < frame->txn_count; i++) {
        const struct state_txn *txn = &frame->txns[i];
        struct state_position at = {.frame = frame->number, .index = i};
        bool may_want =
            txn->body.is_missing || txn->kind == STATE_RESTORE || txn->kind == STATE_MERGE;
        if (!may_want)
            continue;
        if (state_wants(r->machine.table, txn, at).kind == STATE_WANT_BODY)
            TRY(supply_body(r, frame, i, err));
        struct state_want want = state_wants(r->machine.table, txn, at);
        if (want.kind == STATE_WANT_ROOT)
            TRY(supply_root(r, frame, i, &want, err));
        if (want.kind == STATE_WANT_LEAF)
            return widen_scope(r, want.range, err);
    }
    return SLP_OK;
}
