#include "state/replica.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/num.h"
#include "state/txn_priv.h"
#include "state/view_priv.h"

/* ------------------------------------------------------------------ the machine */

slp_rc state_replica_blank(struct state_replica *r, struct slp_err *err)
{
    struct state_machine *m = &r->machine;
    if (m->is_catalogue) {
        state_catalogue_fini(&m->catalogue);
        state_catalogue_init(&m->catalogue, r->mem, &m->rules);
        return SLP_OK;
    }
    struct table_state *blank = NULL;
    TRY(state_new(r->mem, &m->rules, &blank, err));
    state_free(m->table);
    m->table = blank;
    return SLP_OK;
}

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
    arena_init(&r->arena, r->mem, STATE_FRAME_ARENA_MAX);
    for (size_t i = 0; i < STATE_READ_AHEAD; i++)
        buf_init(&r->frames[i], r->mem, STATE_FRAME_MAX_BYTES);
    TRY(state_queue_ref(state_instance_queues(instance), r->mem, r->place, &r->queue, err));
    return state_replica_blank(r, err);
}

void state_replica_fini(struct state_replica *r)
{
    state_free(r->machine.table);
    state_catalogue_fini(&r->machine.catalogue);
    arena_fini(&r->arena);
    for (size_t i = 0; i < STATE_READ_AHEAD; i++)
        buf_fini(&r->frames[i]);
    buf_fini(&r->floor_bytes);
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

struct round {
    struct store_request requests[STATE_READ_AHEAD + 1]; /* frames, then the floor */
    struct state_name names[STATE_READ_AHEAD + 1];
};

/* The requests of a round; returns how many. The floor is asked for behind the frames where that
 * says that it is read after them. */
static size_t make_round(struct state_replica *r, size_t width, struct round *round)
{
    size_t n = 0;
    for (; n < width; n++) {
        state_replica_name(r, r->number + 1 + n, &round->names[n]);
        round->requests[n].out = &r->frames[n];
    }
    if (!r->machine.is_catalogue && r->store->is_ordered) {
        struct state_name *name = &round->names[n];
        name->len = (size_t)snprintf(name->text, sizeof name->text, "%sfloor", r->place);
        round->requests[n++].out = &r->floor_bytes;
    }
    for (size_t i = 0; i < n; i++) {
        round->requests[i].verb = STORE_GET;
        round->requests[i].name = state_name_slice(&round->names[i]);
        round->requests[i].len = UINT64_MAX;
    }
    return n;
}

/* `*got` counts the frames that are there without a gap. */
static slp_rc judge_round(struct state_replica *r, size_t width, struct round *round, size_t *got,
                          struct slp_err *err)
{
    size_t n = 0;
    bool gap = false;
    for (size_t i = 0; i < width; i++) {
        slp_rc one = round->requests[i].rc;
        if (one == SLP_NOT_FOUND) {
            gap = true;
        } else if (one == SLP_OK) {
            r->seen = r->number + 1 + i > r->seen ? r->number + 1 + i : r->seen;
            n += !gap;
        } else if (!gap) {
            if (one == SLP_LIMIT)
                one = err_set(err, SLP_CORRUPT, "longer than a frame may be");
            else
                one = err_set(err, one, "%s", round->requests[i].err.text);
            return err_wrap(err, one, "frame \"%s\"", round->names[i].text);
        }
    }
    *got = n;
    return SLP_OK;
}

/* One round: GETs of the next `width` frames, and after them the floor. */
static slp_rc read_round(struct state_replica *r, size_t width, size_t *got, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct round *round = NULL;
    size_t n = 0;
    TRY(alloc_new(r->mem, &round, err));
    size_t count = make_round(r, width, round);
    TRY_OUT(store_submit(r->store, round->requests, count, err));
    TRY_OUT(store_wait(r->store, round->requests, count, NULL, err));
    TRY_OUT(judge_round(r, width, round, &n, err));
    if (count > width)
        TRY_OUT(state_floor_answer(&round->requests[width], &r->floor, err));
    else if (!r->machine.is_catalogue)
        TRY_OUT(state_floor_read(r->store, r->mem, r->place, &r->floor, err));
    *got = n;
out:
    alloc_delete(r->mem, round);
    return rc;
}

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
        uint64_t seen_before = r->seen;
        TRY(read_round(r, width, &n, err));
        if (r->floor.number > r->number + 1) {
            if (++loads > LOADS_MAX)
                FAIL(err, UNAVAILABLE, "the log is trimmed faster than its snapshots are read");
            TRY(state_replica_load(r, err));
            continue;
        }
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

/*
 * Keep what became of the watched transaction. With other bytes it is another author's, who had the
 * same token. Its own it must be taken for wherever they are the same, however the answer to the
 * create read: who believes that somebody else was first may delete the files it had uploaded.
 */
static slp_rc note_outcome(struct state_replica *r, struct slice encoded,
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
    if (o->item_count)
        memcpy(r->items, o->items, o->item_count * sizeof *r->items);
    r->outcome.items = o->item_count ? r->items : NULL;
    r->outcome.is_duplicate = o->is_duplicate || !slice_equal(encoded, r->watched);
    r->is_found = true;
    return SLP_OK;
}

slp_rc state_replica_apply(struct state_replica *r, const struct state_frame *frame, uint32_t index,
                           struct state_outcome *out, struct slp_err *err)
{
    struct state_machine *m = &r->machine;
    const struct state_txn *txn = &frame->txns[index];
    struct state_position at = {.frame = frame->number, .index = index};
    r->is_broken = true; /* until the frame is closed */
    if (m->is_catalogue)
        TRY(state_catalogue_apply(&m->catalogue, txn, at, out, err));
    else
        TRY(state_apply(m->table, txn, at, out, err));
    if (r->is_watching && hash_equal(r->watched_txid, txn->txid))
        TRY(note_outcome(r, frame->encoded[index], out, err));
    return SLP_OK;
}

void state_replica_close_frame(struct state_replica *r, const struct state_frame *frame,
                               struct slice bytes)
{
    r->number = frame->number;
    r->previous = hash_xxh128(bytes);
    r->is_broken = false;
}

slp_rc state_replica_take(struct state_replica *r, struct slice bytes, struct slp_err *err)
{
    struct state_frame frame = {0};
    struct state_outcome outcome;
    TRY(state_replica_open_frame(r, bytes, &frame, err));
    for (uint32_t i = 0; i < frame.txn_count; i++)
        TRY(state_replica_apply(r, &frame, i, &outcome, err));
    state_replica_close_frame(r, &frame, bytes);
    return SLP_OK;
}

slp_rc state_replica_refresh(struct state_replica *r, struct slp_err *err)
{
    if (r->is_broken) {
        TRY(state_replica_blank(r, err));
        r->number = 0;
        memset(&r->previous, 0, sizeof r->previous);
        r->is_broken = false;
    }
    /* A table's beginning comes with its floor; a catalogue has none. */
    size_t width = r->number ? 1 : r->machine.is_catalogue ? 3 : 4;
    for (size_t got = 0;;) {
        TRY(state_replica_fetch(r, width, &got, err));
        for (size_t i = 0; i < got; i++)
            TRY(state_replica_take(r, buf_slice(&r->frames[i]), err));
        if (got < width && r->seen <= r->number)
            return SLP_OK;
        width = width < 4 ? 4 : STATE_READ_AHEAD;
    }
}
