#include "state/replica.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/num.h"
#include "state/txn_priv.h"
#include "state/view_priv.h"

/* ------------------------------------------------------------------ the machine */

static slp_rc machine_begin(struct state_replica *r, struct slp_err *err)
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
    arena_init(&r->arena, r->mem, STATE_FRAME_ARENA_MAX);
    for (size_t i = 0; i < STATE_READ_AHEAD; i++)
        buf_init(&r->frames[i], r->mem, STATE_FRAME_MAX_BYTES);
    TRY(state_queue_ref(state_instance_queues(instance), r->mem, r->place, &r->queue, err));
    return machine_begin(r, err);
}

void state_replica_fini(struct state_replica *r)
{
    state_free(r->machine.table);
    state_catalogue_fini(&r->machine.catalogue);
    arena_fini(&r->arena);
    for (size_t i = 0; i < STATE_READ_AHEAD; i++)
        buf_fini(&r->frames[i]);
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

/* One round: GETs of the next `width` frames. `*got` counts those that are there without a gap. */
static slp_rc read_round(struct state_replica *r, size_t width, size_t *got, struct slp_err *err)
{
    struct store_request *requests = NULL;
    struct state_name *names = NULL;
    slp_rc rc = SLP_OK;
    TRY(alloc_array(r->mem, width, sizeof *requests, (void **)&requests, err));
    TRY_OUT(alloc_array(r->mem, width, sizeof *names, (void **)&names, err));
    for (size_t i = 0; i < width; i++) {
        state_replica_name(r, r->number + 1 + i, &names[i]);
        requests[i] = (struct store_request){.verb = STORE_GET,
                                             .name = state_name_slice(&names[i]),
                                             .len = UINT64_MAX,
                                             .out = &r->frames[i]};
    }
    TRY_OUT(store_submit(r->store, requests, width, err));
    TRY_OUT(store_wait(r->store, requests, width, NULL, err));
    size_t n = 0;
    bool gap = false;
    for (size_t i = 0; i < width; i++) {
        slp_rc one = requests[i].rc;
        if (one == SLP_NOT_FOUND) {
            gap = true;
        } else if (one == SLP_OK) {
            r->seen = r->number + 1 + i > r->seen ? r->number + 1 + i : r->seen;
            n += !gap;
        } else if (!gap) {
            if (one == SLP_LIMIT)
                one = err_set(err, SLP_CORRUPT, "longer than a frame may be");
            else
                one = err_set(err, one, "%s", requests[i].err.text);
            rc = err_wrap(err, one, "frame \"%s\"", names[i].text);
            goto out;
        }
    }
    *got = n;
out:
    alloc_free(r->mem, names, width * sizeof *names);
    alloc_free(r->mem, requests, width * sizeof *requests);
    return rc;
}

/*
 * Frames are created in order, so one that is missing where a later one was seen *before* it was
 * asked for is lost. Seen in the same round, it may just have been created in between: ask again.
 */
slp_rc state_replica_fetch(struct state_replica *r, size_t width, size_t *got, struct slp_err *err)
{
    size_t n = 0;
    for (;;) {
        uint64_t seen_before = r->seen;
        TRY(read_round(r, width, &n, err));
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
    struct state_frame frame;
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
        TRY(machine_begin(r, err));
        r->number = 0;
        memset(&r->previous, 0, sizeof r->previous);
        r->is_broken = false;
    }
    size_t width = r->number ? 1 : 4;
    for (size_t got = 0;;) {
        TRY(state_replica_fetch(r, width, &got, err));
        for (size_t i = 0; i < got; i++)
            TRY(state_replica_take(r, buf_slice(&r->frames[i]), err));
        if (got < width && r->seen <= r->number)
            return SLP_OK;
        width = num_min_size(width * 4, STATE_READ_AHEAD);
    }
}
