#include "state/replica.h"
#include "state/bug.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/num.h"
#include "state/global.h"
#include "state/keep.h"
#include "state/supply.h"
#include "state/txn_priv.h"
#include "state/view_priv.h"

/* ------------------------------------------------------------------ the machine */

/* What stands before frame 1. */
static void make_blank(struct state_replica *r)
{
    struct state_machine *m = &r->machine;
    if (m->is_catalogue) {
        state_catalogue_fini(&m->catalogue);
        state_catalogue_init(&m->catalogue, r->mem, &m->rules);
    } else {
        state_reset(m->table);
    }
    state_free(r->restored);
    r->restored = NULL;
    state_supply_forget(r);
}

void state_replica_restart(struct state_replica *r)
{
    make_blank(r);
    r->number = 0;
    memset(&r->previous, 0, sizeof r->previous);
    r->is_broken = false;
    r->is_unproven = false;
    state_probe_free(r);
    state_base_fini(&r->base);
    state_since_reset(&r->since, 0);
}

/* A transaction may get a new base so often: as many hashes. */
#define WATCHED_MAX_BYTES ((size_t)1 << 20)

slp_rc state_replica_init(struct state_replica *r, struct state_instance *instance,
                          const struct hash128 *table, struct slp_err *err)
{
    *r = (struct state_replica){.instance = instance,
                                .store = state_instance_store(instance),
                                .mem = state_instance_mem(instance)};
    r->machine.is_catalogue = !table;
    r->machine.rules = state_instance_rules(instance);
    if (table) {
        char hex[33];
        hash_format(*table, hex);
        (void)snprintf(r->place, sizeof r->place, "t/%s/", hex);
    }
    r->floor.number = 1;
    buf_init(&r->floor_bytes, r->mem, STATE_FLOOR_MAX_BYTES);
    buf_init(&r->watched_before, r->mem, WATCHED_MAX_BYTES);
    buf_init(&r->head_objects, r->mem, 4 * STATE_HEAD_ROOT_BYTES);
    state_since_init(&r->since, r->mem, !table);
    arena_init(&r->arena, r->mem, STATE_FRAME_ARENA_MAX);
    for (size_t i = 0; i < STATE_READ_AHEAD; i++)
        buf_init(&r->frames[i], r->mem, STATE_FRAME_MAX_BYTES);
    TRY(state_queue_ref(state_instance_queues(instance), r->mem, r->place, &r->queue, err));
    if (table)
        return state_new(r->mem, &r->machine.rules, &r->machine.table, err);
    state_catalogue_init(&r->machine.catalogue, r->mem, &r->machine.rules);
    return SLP_OK;
}

void state_replica_fini(struct state_replica *r)
{
    state_free(r->machine.table);
    state_free(r->restored);
    state_supply_forget(r);
    state_catalogue_fini(&r->machine.catalogue);
    arena_fini(&r->arena);
    for (size_t i = 0; i < STATE_READ_AHEAD; i++)
        buf_fini(&r->frames[i]);
    buf_fini(&r->floor_bytes);
    buf_fini(&r->watched_before);
    state_probe_free(r);
    state_base_fini(&r->base);
    state_since_fini(&r->since);
    if (r->scope_arena.mem)
        arena_fini(&r->scope_arena);
    buf_fini(&r->head_objects);
    alloc_free(r->mem, r->items, r->item_room * sizeof *r->items);
    state_queue_unref(state_instance_queues(r->instance), r->queue);
    r->queue = NULL;
    r->machine.table = NULL;
    r->items = NULL;
    r->item_room = 0;
}

void state_replica_name(const struct state_replica *r, uint64_t number, struct state_name *out)
{
    int n = snprintf(out->text, sizeof out->text, "%slog/%020" PRIu64, r->place, number);
    out->len = (size_t)n;
}

/* ------------------------------------------------------------------ reading */

/* Frames asked for when nothing is known: a table's beginning comes with its floor. */
#define FIRST_WIDTH 4

/* Of the first frames, when they may turn out not to be needed: a young table's are short. */
#define FIRST_BYTES ((uint64_t)16 << 10)

/* Behind a head: one that is missing is told from the tip by the one behind it. */
#define TAIL_WIDTH 2

struct state_probe {
    uint64_t number; /* frames behind it are asked for */
    size_t width;    /* as many */
    size_t count;    /* requests */
    bool is_asked;   /* the answers are there */
    bool has_proof;  /* behind the frames, the beginning of frame `number` */
    bool has_floor;  /* the last one, for it is read after the frames */
    struct store_request requests[STATE_READ_AHEAD + 2];
    struct state_name names[STATE_READ_AHEAD + 2];
    struct buf proof;
};

/* The next request of a probe. */
static struct store_request *add_request(struct state_probe *p, struct buf *out, uint64_t len)
{
    struct store_request *q = &p->requests[p->count];
    q->verb = STORE_GET;
    q->name = state_name_slice(&p->names[p->count]);
    q->len = len;
    q->out = out;
    p->count++;
    return q;
}

/* The requests of a round. The floor is asked for behind the frames where that says that it is read
 * after them. */
static slp_rc make_probe(struct state_replica *r, uint64_t number, size_t width, bool has_proof,
                         struct slp_err *err)
{
    struct state_probe *p = NULL;
    assert(!r->probe && width <= STATE_READ_AHEAD);
    TRY(alloc_new(r->mem, &p, err));
    buf_init(&p->proof, r->mem, STATE_FRAME_HEAD_BYTES);
    p->number = number;
    p->width = width;
    p->has_proof = has_proof;
    for (size_t i = 0; i < width; i++) {
        state_replica_name(r, number + 1 + i, &p->names[p->count]);
        (void)add_request(p, &r->frames[i], UINT64_MAX);
    }
    if (has_proof) {
        state_replica_name(r, number, &p->names[p->count]);
        (void)add_request(p, &p->proof, STATE_FRAME_HEAD_BYTES);
    }
    p->has_floor = !r->machine.is_catalogue && r->store->is_ordered;
    if (p->has_floor) {
        struct state_name *name = &p->names[p->count];
        name->len = (size_t)snprintf(name->text, sizeof name->text, "%sfloor", r->place);
        (void)add_request(p, &r->floor_bytes, UINT64_MAX);
    }
    r->probe = p;
    return SLP_OK;
}

size_t state_probe_requests(struct state_replica *r, struct store_request *out)
{
    memcpy(out, r->probe->requests, r->probe->count * sizeof *out);
    return r->probe->count;
}

void state_probe_answer(struct state_replica *r, const struct store_request *requests)
{
    memcpy(r->probe->requests, requests, r->probe->count * sizeof *requests);
    r->probe->is_asked = true;
}

void state_probe_free(struct state_replica *r)
{
    if (!r->probe)
        return;
    buf_fini(&r->probe->proof);
    alloc_delete(r->mem, r->probe);
    r->probe = NULL;
}

/* How many frames are asked for where the tip is thought to be. */
static size_t tail_width(const struct state_replica *r)
{
    return r->is_unproven && !r->machine.is_catalogue ? TAIL_WIDTH : 1;
}

slp_rc state_probe_new(struct state_replica *r, uint64_t number, struct slp_err *err)
{
    return make_probe(r, number, tail_width(r), true, err);
}

slp_rc state_probe_new_first(struct state_replica *r, struct slp_err *err)
{
    TRY(make_probe(r, 0, FIRST_WIDTH, false, err));
    for (size_t i = 0; i < FIRST_WIDTH; i++)
        r->probe->requests[i].len = FIRST_BYTES;
    return SLP_OK;
}

bool state_probe_is_whole(const struct state_replica *r)
{
    const struct state_probe *p = r->probe;
    struct state_floor floor = {.number = 0};
    bool has_tip = false;
    if (!p || !p->is_asked || p->number > 0 || !p->has_floor)
        return false;
    for (size_t i = 0; i < p->count; i++)
        if (p->requests[i].rc == SLP_NO_MEMORY)
            return true; /* as whoever judges them says */
    for (size_t i = 0; i < p->width; i++) {
        const struct store_request *q = &p->requests[i];
        if (q->rc != SLP_OK && q->rc != SLP_NOT_FOUND)
            return false;
        if (q->rc == SLP_OK && q->out->len >= FIRST_BYTES)
            return false; /* the rest of it was not read */
        has_tip = has_tip || q->rc == SLP_NOT_FOUND;
    }
    return has_tip && state_floor_answer(&p->requests[p->count - 1], &floor, NULL) == SLP_OK &&
           floor.number == 1;
}

/* `*got` counts the frames that are there without a gap. */
static slp_rc judge_frames(struct state_replica *r, const struct state_probe *p, size_t *got,
                           struct slp_err *err)
{
    size_t n = 0;
    bool gap = false;
    for (size_t i = 0; i < p->width; i++) {
        slp_rc one = p->requests[i].rc;
        if (one == SLP_NOT_FOUND) {
            gap = true;
        } else if (one == SLP_OK) {
            r->seen = r->number + 1 + i > r->seen ? r->number + 1 + i : r->seen;
            n += !gap;
        } else if (!gap) {
            if (one == SLP_LIMIT)
                one = err_set(err, SLP_CORRUPT, "longer than a frame may be");
            else
                one = err_set(err, one, "%s", p->requests[i].err.text);
            return err_wrap(err, one, "frame \"%s\"", p->names[i].text);
        }
    }
    *got = n;
    return SLP_OK;
}

/* What the answers say: frames, the floor after them, and whether the head lied. */
static slp_rc judge_probe(struct state_replica *r, const struct state_probe *p, size_t *got,
                          bool *is_proven, struct slp_err *err)
{
    const struct store_request *proof = &p->requests[p->width];
    TRY(judge_frames(r, p, got, err));
    if (p->has_floor)
        TRY(state_floor_answer(&p->requests[p->count - 1], &r->floor, err));
    else if (!r->machine.is_catalogue)
        TRY(state_floor_read(r->store, r->mem, r->place, &r->floor, err));
    if (p->has_proof && proof->rc != SLP_OK && proof->rc != SLP_NOT_FOUND)
        return err_set(err, proof->rc, "%s", proof->err.text);
    *is_proven = !p->has_proof || state_head_is_proven(r, buf_slice(&p->proof));
    return SLP_OK;
}

/* One round: GETs of the next `width` frames, and after them the floor. It may have been made together
 * with the reading of a snapshot. */
static slp_rc read_round(struct state_replica *r, size_t *width, size_t *got, bool *is_proven,
                         struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    if (r->probe && r->probe->number != r->number)
        state_probe_free(r);
    if (!r->probe)
        TRY(make_probe(r, r->number, *width, r->is_unproven, err));
    if (!r->probe->is_asked) {
        TRY_OUT(store_submit(r->store, r->probe->requests, r->probe->count, err));
        TRY_OUT(store_wait(r->store, r->probe->requests, r->probe->count, NULL, err));
    }
    *width = r->probe->width;
    TRY_OUT(judge_probe(r, r->probe, got, is_proven, err));
out:
    state_probe_free(r);
    return rc;
}

/* Two keys, the bounds of what is wanted. */
#define SCOPE_MAX_BYTES ((size_t)1 << 20)

/* How often a reader follows a floor that moves while it loads. */
#define LOADS_MAX 16

/*
 * Frames are created in order, so one that is missing where a later one was seen *before* it was
 * asked for is lost, unless the floor has passed it. Seen in the same round, it may just have been
 * created in between: ask again.
 */
slp_rc state_replica_fetch(struct state_replica *r, size_t width, size_t *got, struct slp_err *err)
{
    size_t n = 0;
    for (int loads = 0;;) {
        bool is_proven = true;
        uint64_t seen_before = r->seen;
        TRY(read_round(r, &width, &n, &is_proven, err));
        if (r->floor.number == STATE_FLOOR_DROPPED)
            FAIL(err, NOT_FOUND, "the table was dropped");
        /* On top of a head frames count only if its last one is still part of the log. */
        bool is_trusted = (STATE_BUG(NO_FLOOR_READER) && n == 0) ||
                          (STATE_BUG(BOUNDED_READ) && n > 0 && !r->is_watching) ||
                          (STATE_BUG(ACK_ON_SIGHT) && n > 0 && r->is_watching);
        if (r->floor.number > r->number + (r->is_unproven ? 0 : 1) && !is_trusted) {
            if (++loads > LOADS_MAX)
                FAIL(err, UNAVAILABLE, "the log is trimmed faster than its snapshots are read");
            TRY(state_replica_load(r, err));
            r->is_unproven = false;
            continue;
        }
        if (!is_proven) {
            state_replica_restart(r);
            width = FIRST_WIDTH;
            continue;
        }
        r->is_unproven = false;
        if (n > 0 || r->seen <= r->number)
            break;
        if (seen_before > r->number) {
            struct state_name name;
            state_replica_name(r, r->number + 1, &name);
            FAIL(err, CORRUPT, "frame \"%s\" is missing, though frame %" PRIu64 " was there",
                 name.text, seen_before);
        }
        width = 1;
    }
    r->asked = width;
    r->frame_count = n;
    *got = n;
    return SLP_OK;
}

slp_rc state_replica_open_frame(struct state_replica *r, struct slice bytes,
                                struct state_frame *out, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct state_name name;
    struct state_frame frame;
    state_replica_name(r, r->number + 1, &name);
    arena_fini(&r->arena);
    TRY_OUT(state_frame_decode(bytes, &r->arena, &frame, err));
    if (frame.number != r->number + 1)
        FAIL_OUT(err, CORRUPT, "number %" PRIu64 " at offset 16, expected %" PRIu64, frame.number,
                 r->number + 1);
    if (!hash_equal(frame.previous, r->previous))
        FAIL_OUT(err, CORRUPT,
                 "the hash at offset 24 is not that of frame %" PRIu64 ": the chain is broken",
                 r->number);
    for (uint32_t i = 0; i < frame.txn_count; i++)
        if (state_kind_is_catalogue(frame.txns[i].kind) != r->machine.is_catalogue)
            FAIL_OUT(err, CORRUPT, "transaction %u is of a kind (%s) that has no place in this log",
                     i, state_kind_text(frame.txns[i].kind));
    *out = frame;
out:
    return err_wrap(err, rc, "frame \"%s\"", name.text);
}

/* Are these bytes its author's own, with this base or one that it had before? A copy with an older base
 * comes too late, and so the author sets a new one while a copy with the last is still under way. */
static bool is_own(const struct state_replica *r, struct slice encoded)
{
    struct slice before = buf_slice(&r->watched_before);
    struct hash128 hash = hash_xxh128(encoded);
    bool is_found = slice_equal(encoded, r->watched);
    for (size_t i = 0; i < before.len && !is_found; i += sizeof hash.bytes)
        is_found = memcmp(before.ptr + i, hash.bytes, sizeof hash.bytes) == 0;
    return is_found;
}

/*
 * Keep what became of the watched transaction. With other bytes it is another author's, who had the
 * same token. Its own it must be taken for wherever they are the same, however the answer to the
 * create read: who believes that somebody else was first may delete the files it had uploaded.
 */
static slp_rc note_outcome(struct state_replica *r, struct slice encoded, uint32_t company,
                           const struct state_outcome *o, struct slp_err *err)
{
    if (o->reason == STATE_REASON_EXPIRED && !o->is_duplicate) {
        r->is_expired = true;
        return SLP_OK;
    }
    if (r->is_found)
        return SLP_OK;
    TRY(state_grow(r->mem, &r->items, &r->item_room, o->item_count, sizeof *r->items, err));
    r->outcome = *o;
    r->company = company;
    if (o->item_count)
        memcpy(r->items, o->items, o->item_count * sizeof *r->items);
    r->outcome.items = o->item_count ? r->items : NULL;
    r->outcome.is_duplicate = o->is_duplicate || !is_own(r, encoded);
    r->is_found = true;
    return SLP_OK;
}

/* Whoever makes the next snapshot begins with one of the two newest; what stands in the older one's
 * runs need not be at hand. Its authors look there. */
static slp_rc forget_tokens(struct state_replica *r, struct slp_err *err)
{
    struct table_state *s = r->machine.table;
    uint64_t number = s->verified_count >= 2 ? s->verified[s->verified_count - 2].number : 0;
    if (number <= s->tokens_from || r->base.number < number)
        return SLP_OK;
    TRY(state_ring_forget(&s->tokens, number, err));
    s->tokens_from = number;
    return SLP_OK;
}

slp_rc state_replica_apply(struct state_replica *r, const struct state_frame *frame, uint32_t index,
                           struct state_outcome *out, struct slp_err *err)
{
    struct state_machine *m = &r->machine;
    struct state_txn *txn = &frame->txns[index];
    struct state_position at = {.frame = frame->number, .index = index};
    r->is_broken = true; /* until the frame is closed */
    if (m->is_catalogue) {
        TRY(state_catalogue_apply(&m->catalogue, txn, at, out, err));
    } else {
        TRY(state_supply(r, txn, at, err));
        slp_rc rc = state_apply(m->table, txn, at, out, err);
        if (txn->kind == STATE_RESTORE && txn->restore.from == r->restored) {
            state_free(r->restored);
            r->restored = NULL;
        }
        TRY(rc);
        if (txn->kind == STATE_VERIFIED)
            TRY(forget_tokens(r, err));
    }
    if (r->is_watching && hash_equal(r->watched_txid, txn->txid))
        TRY(note_outcome(r, frame->encoded[index], frame->txn_count, out, err));
    return SLP_OK;
}

/* The bytes of a frame with those bodies of it that stand apart. */
static uint64_t whole_bytes(const struct state_frame *frame, struct slice bytes)
{
    uint64_t sum = bytes.len;
    for (uint32_t i = 0; i < frame->txn_count; i++)
        if (!num_add_u64(sum, frame->txns[i].body.bytes, &sum))
            return UINT64_MAX;
    return sum;
}

slp_rc state_replica_close_frame(struct state_replica *r, const struct state_frame *frame,
                                 struct slice bytes, struct slp_err *err)
{
    TRY(state_since_count(&r->since, frame->number, whole_bytes(frame, bytes), err));
    TRY(state_since_add(&r->since, frame->number, bytes, err));
    r->number = frame->number;
    r->waiting = frame->waiting;
    r->previous = hash_xxh128(bytes);
    r->is_broken = false;
    return SLP_OK;
}

slp_rc state_replica_take(struct state_replica *r, struct slice bytes, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct state_frame frame = {0};
    struct state_outcome outcome;
    TRY(state_replica_open_frame(r, bytes, &frame, err));
    TRY(state_supply_frame(r, &frame, err));
    for (uint32_t i = 0; i < frame.txn_count; i++)
        TRY_OUT(state_replica_apply(r, &frame, i, &outcome, err));
    TRY_OUT(state_replica_close_frame(r, &frame, bytes, err));
out:
    if (rc != SLP_OK && r->is_broken)
        make_blank(r);
    return rc;
}

slp_rc state_replica_set_scope(struct state_replica *r, struct key_range range, struct slp_err *err)
{
    struct arena arena;
    struct key_range copy;
    arena_init(&arena, r->mem, SCOPE_MAX_BYTES);
    slp_rc rc = key_range_copy(&arena, range, &copy, err);
    if (rc != SLP_OK) {
        arena_fini(&arena);
        return rc;
    }
    if (r->scope_arena.mem)
        arena_fini(&r->scope_arena);
    r->scope_arena = arena;
    r->scope = copy;
    return SLP_OK;
}

static slp_rc refresh_once(struct state_replica *r, struct slp_err *err)
{
    if (r->is_broken)
        state_replica_restart(r);
    if (r->number == 0 && !r->is_head_tried)
        TRY(state_head_begin(r, err));
    /* A table's beginning comes with its floor; a catalogue has none. */
    size_t width = r->number ? tail_width(r) : FIRST_WIDTH - (size_t)r->machine.is_catalogue;
    for (size_t got = 0;;) {
        TRY(state_replica_fetch(r, width, &got, err));
        for (size_t i = 0; i < got; i++)
            TRY(state_replica_take(r, buf_slice(&r->frames[i]), err));
        if (got < r->asked && r->seen <= r->number)
            return SLP_OK;
        width = width < TAIL_WIDTH ? FIRST_WIDTH : STATE_READ_AHEAD;
    }
}

/* How often a scope grows before all is loaded. */
#define WIDENINGS_MAX 8

static slp_rc refresh_whole(struct state_replica *r, struct slp_err *err)
{
    int loads = 0;
    for (int i = 0;;) {
        r->is_widened = false;
        r->is_overtaken = false;
        slp_rc rc = refresh_once(r, err);
        bool is_wider = rc == SLP_CONFLICT && r->is_widened;
        bool is_later = rc == SLP_UNAVAILABLE && r->is_overtaken && loads++ < LOADS_MAX;
        if (!is_wider && !is_later)
            return rc;
        err_clear(err);
        if (is_wider && i++ == WIDENINGS_MAX)
            TRY(state_replica_set_scope(r, (struct key_range){0}, err));
        r->is_head_tried = false;
    }
}

slp_rc state_replica_refresh(struct state_replica *r, struct slp_err *err)
{
    slp_rc rc = refresh_whole(r, err);
    if (rc != SLP_OK && r->is_unproven) {
        r->is_broken = true; /* what a head says and nobody has proven is nobody's view */
        make_blank(r);
    }
    return rc;
}
