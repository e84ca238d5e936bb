/* Who adds rows, and who moves the log: writers, leavers, packers, keepers. */
#include <stdio.h>

#include "sim/world.h"
#include "state/inbox.h"

/* What an addition is added as. */
struct shape {
    struct state_new_file files[WORLD_KEYS];
    size_t count;
    struct slice body;
};

/* A file for each key: so many names that the payload stands in an object of its own. */
static bool make_many(struct world_seat *seat, const struct world_rows *rows, struct shape *out)
{
    for (int k = 0; k < WORLD_KEYS; k++) {
        struct world_rows one = {.puts = {0}};
        one.puts[k] = rows->puts[k];
        one.dels[k] = rows->dels[k];
        if (!(one.puts[k] | one.dels[k]))
            continue;
        if (!world_file(seat, &one, &out->files[out->count]))
            return false;
        out->count++;
    }
    return out->count > 0;
}

/* An object of its own, bytes in the frame, or many. */
static bool make_shape(struct world_writer *me, struct world_seat *seat, int i, struct shape *out)
{
    static const char bytes[WORLD_BODY_BYTES];
    const struct world_rows *rows = &me->w->additions[me->number * WORLD_COMMITS + i].rows;
    uint64_t kind = sim_below(&me->w->sim, 8);
    *out = (struct shape){.count = 0};
    if (kind == 0)
        return make_many(seat, rows, out);
    out->count = 1;
    if (kind > 3)
        return world_file(seat, rows, &out->files[0]);
    out->body = slice_of(bytes, sizeof bytes);
    return world_embedded(seat, rows, &out->files[0]);
}

/* One addition, tried again under a new name where it was refused; never where nobody knows. */
static void commit_one(struct world_writer *me, struct world_seat *seat, int i)
{
    struct world *w = me->w;
    struct world_addition *a = &w->additions[me->number * WORLD_COMMITS + i];
    char token[32];
    (void)snprintf(token, sizeof token, "writer %d commit %d", me->number, i);
    for (int attempt = 0; attempt < 3 && !sim_has_failed(&w->sim); attempt++) {
        struct shape shape;
        struct state_result r = {.losses = 0};
        if (!make_shape(me, seat, i, &shape))
            return;
        for (size_t k = 0; k < shape.count; k++)
            shape.files[k].is_unfiled =
                w->has_unfiled && shape.count == 1 && (me->number + i) % 3 == 0;
        struct state_txn txn = {.kind = STATE_ADD,
                                .add = {.files = shape.files, .count = shape.count}};
        struct state_commit_options o = {.bodies = &shape.body, .body_count = shape.body.len > 0};
        if (me->has_tokens)
            o.token = slice_str(token);
        if (world_commit_with(seat, &txn, &o, &r)) {
            a->is_acknowledged = true;
            if (r.outcome.is_duplicate && !me->is_successor && !me->has_tokens)
                sim_fail(&w->sim, "an addition is told to be a duplicate");
            return;
        }
        if (r.outcome.reason == STATE_REASON_APPLIED || me->has_tokens)
            return; /* it is not known, or what it came to stays so */
        world_pause(seat, 20000);
    }
}

void world_writer(struct sim *sim, void *arg)
{
    struct world_writer *me = arg;
    struct world_seat seat;
    if (!world_sit(me->w, (struct key_range){0}, &seat))
        return;
    for (int i = 0; i < WORLD_COMMITS && !sim_has_failed(sim) && !me->w->later_frame; i++)
        commit_one(me, &seat, i);
    world_leave(&seat);
}

/* ------------------------------------------------------------------ the inbox */

/* With the payload in an object of its own, which is durable first. */
static bool encode_apart(struct world_writer *me, struct state_replica *replica,
                         struct state_txn *txn, struct buf *body)
{
    struct buf object;
    struct arena a;
    struct state_apart apart = {.base = replica->number, .object = &object};
    char whole[STORE_NAME_MAX];
    struct alloc *mem = &me->w->sim.mem;
    buf_init(&object, mem, STATE_BODY_MAX_BYTES);
    arena_init(&a, mem, 1 << 20);
    bool ok = state_txn_encode_apart(txn, &apart, &a, body, NULL) == SLP_OK;
    (void)snprintf(whole, sizeof whole, "%s%s", replica->place, apart.name);
    slp_rc rc = SLP_UNAVAILABLE;
    for (int i = 0; ok && i < 3 && rc == SLP_UNAVAILABLE; i++)
        rc = store_put_if_absent(replica->store, slice_str(whole), buf_slice(&object), NULL);
    arena_fini(&a);
    buf_fini(&object);
    return ok && rc == SLP_OK;
}

static bool encode_one(struct world_writer *me, struct world_seat *seat,
                       struct state_replica *replica, int i, struct state_txn *txn,
                       struct buf *body)
{
    struct state_new_file f;
    if (!world_file(seat, &me->w->additions[me->number * WORLD_COMMITS + i].rows, &f))
        return false;
    f.schema_version = replica->machine.table->schema_version;
    *txn = (struct state_txn){.kind = STATE_ADD,
                              .rule_version = STATE_RULE_VERSION,
                              .txid = state_random_id(replica->instance),
                              .base = replica->number,
                              .time_us = store_now_us(replica->store),
                              .add = {.files = &f, .count = 1}};
    if (sim_below(&me->w->sim, 16) == 0) {
        txn->base += 1 + sim_below(&me->w->sim, 4); /* a program that lies, or counts badly */
        me->w->tally.lies++;
    }
    if (sim_below(&me->w->sim, 3))
        return state_txn_encode(txn, body, NULL) == SLP_OK;
    return encode_apart(me, replica, txn, body);
}

/* Leave a transaction in the inbox and ask no more: it counts once or not at all. */
static void leave_one(struct world_writer *me, struct world_seat *seat,
                      struct state_replica *replica, int i)
{
    struct state_name left;
    struct state_txn txn;
    struct buf body;
    buf_init(&body, &me->w->sim.mem, STATE_TXN_MAX_BYTES);
    if (encode_one(me, seat, replica, i, &txn, &body))
        (void)world_accepts(me->w, state_inbox_leave(replica, &txn, buf_slice(&body), &left, NULL),
                            &(struct slp_err){.text = "the inbox"});
    buf_fini(&body);
}

/* Two at once, as threads of one process commit: a frame of two with the newest base. */
static void commit_two(struct world_writer *me, struct world_seat *seat,
                       struct state_replica *replica, int i)
{
    struct state_name name;
    struct state_txn txn;
    struct buf bodies;
    struct buf frame;
    struct store *store = &me->w->sim.base;
    buf_init(&bodies, &me->w->sim.mem, STATE_TXN_MAX_BYTES);
    buf_init(&frame, &me->w->sim.mem, STATE_FRAME_MAX_BYTES);
    state_replica_name(replica, replica->number + 1, &name);
    if (encode_one(me, seat, replica, i, &txn, &bodies) &&
        encode_one(me, seat, replica, i + 1, &txn, &bodies) &&
        state_frame_encode(replica->number + 1, replica->previous, buf_slice(&bodies), 2, &frame,
                           NULL) == SLP_OK &&
        store_put_if_absent(store, state_name_slice(&name), buf_slice(&frame), NULL) == SLP_OK)
        me->w->tally.shared++;
    buf_fini(&bodies);
    buf_fini(&frame);
}

/* A replica of its own, beside the handle. */
static bool begin_replica(struct world_seat *seat, struct state_replica *out)
{
    struct hash128 id = state_table_id(seat->table);
    return state_replica_init(out, seat->instance, &id, NULL) == SLP_OK;
}

void world_leaver(struct sim *sim, void *arg)
{
    struct world_writer *me = arg;
    struct world_seat seat;
    struct state_replica replica;
    if (!world_sit(me->w, (struct key_range){0}, &seat) || !begin_replica(&seat, &replica))
        return;
    for (int i = 0; i + 1 < WORLD_COMMITS && !sim_has_failed(sim); i += 2) {
        /* Files are named after what the handle has seen, and no later than the base. */
        slp_rc rc = state_table_refresh(seat.table, NULL);
        if (rc == SLP_OK)
            rc = state_replica_refresh(&replica, NULL);
        if (rc == SLP_OK && me->number % 2) {
            commit_two(me, &seat, &replica, i);
        } else if (rc == SLP_OK) {
            leave_one(me, &seat, &replica, i);
            leave_one(me, &seat, &replica, i + 1);
        }
        world_pause(&seat, 40000);
    }
    state_replica_fini(&replica);
    world_leave(&seat);
}

void world_committer(struct sim *sim, void *arg)
{
    struct world *w = arg;
    struct world_seat seat;
    if (!world_sit(w, (struct key_range){0}, &seat))
        return;
    for (int i = 0; i < 16 && !sim_has_failed(sim) && !w->later_frame; i++) {
        struct slp_err err = {0};
        uint32_t packed = 0;
        (void)world_accepts(w, state_table_pack(seat.table, &packed, &err), &err);
        w->tally.packed += packed;
        w->tally.shared += packed > 1;
        world_pause(&seat, 20000);
    }
    world_leave(&seat);
}

/* ------------------------------------------------------------------ the repeater */

static bool encode_again(const struct state_replica *replica, const struct state_frame *old,
                         struct buf *out)
{
    struct state_frame_parts parts = {.number = replica->number + 1,
                                      .previous = replica->previous,
                                      .transactions = old->transactions,
                                      .txn_count = old->txn_count,
                                      .bodies = old->bodies};
    return state_frame_encode_parts(&parts, out, NULL) == SLP_OK;
}

/* Pack the transactions of some earlier frame once more, as a slow packer of an inbox would. */
static void repeat_one(struct world_seat *seat, struct state_replica *replica, struct buf *old)
{
    struct world *w = seat->w;
    struct arena a;
    struct buf frame;
    struct state_frame decoded;
    struct state_name name;
    /* Where copies of what the ring has forgotten just come too late. */
    uint64_t edge = state_ring_oldest_frame(&replica->machine.table->ring);
    state_replica_name(
        replica, edge && sim_below(&w->sim, 2) ? edge : 1 + sim_below(&w->sim, replica->number),
        &name);
    if (store_get(&w->sim.base, state_name_slice(&name), old, NULL) != SLP_OK)
        return;
    world_pause(seat, 60000);
    if (state_replica_refresh(replica, NULL) != SLP_OK)
        return;
    arena_init(&a, &w->sim.mem, 1 << 20);
    buf_init(&frame, &w->sim.mem, 1 << 20);
    state_replica_name(replica, replica->number + 1, &name);
    if (state_frame_decode(buf_slice(old), &a, &decoded, NULL) == SLP_OK &&
        encode_again(replica, &decoded, &frame))
        w->tally.repeats += store_put_if_absent(&w->sim.base, state_name_slice(&name),
                                                buf_slice(&frame), NULL) == SLP_OK;
    buf_fini(&frame);
    arena_fini(&a);
}

void world_repeater(struct sim *sim, void *arg)
{
    struct world *w = arg;
    struct world_seat seat;
    struct state_replica replica;
    struct buf old;
    if (!world_sit(w, (struct key_range){0}, &seat) || !begin_replica(&seat, &replica))
        return;
    buf_init(&old, &sim->mem, 1 << 20);
    for (int i = 0; i < 12 && !sim_has_failed(sim) && !w->later_frame; i++)
        if (state_replica_refresh(&replica, NULL) == SLP_OK)
            repeat_one(&seat, &replica, &old);
    buf_fini(&old);
    state_replica_fini(&replica);
    world_leave(&seat);
}

/* ------------------------------------------------------------------ the keeper */

/* Snapshots, and frames deleted below them, under everybody's feet. */
void world_keeper(struct sim *sim, void *arg)
{
    struct world *w = arg;
    struct world_seat seat;
    if (!world_sit(w, (struct key_range){0}, &seat))
        return;
    for (int i = 0; i < 10 && !sim_has_failed(sim) && !w->later_frame; i++) {
        struct slp_err err = {0};
        struct state_kept kept = {0};
        (void)world_accepts(w, state_table_keep(seat.table, 4, &kept, &err), &err);
        w->tally.snapshots += kept.is_made;
        w->tally.trimmed += (size_t)kept.deleted;
        world_pause(&seat, 40000);
    }
    world_leave(&seat);
}

/* ------------------------------------------------------------------ the newcomer */

/* Of a later version: files have even fields that this one keeps, and at last an odd one. */
void world_newcomer(struct sim *sim, void *arg)
{
    static const char even[] = "\x3c\x05later";
    static const char odd[] = "\x3d\x0dlater version";
    struct world *w = arg;
    struct world_seat seat;
    if (!world_sit(w, (struct key_range){0}, &seat))
        return;
    for (int i = 0; i < 6 && !sim_has_failed(sim); i++) {
        struct state_new_file f;
        struct state_result r;
        struct slp_err err = {0};
        bool is_last = i == 5 && sim_below(sim, 2);
        int n = WORLD_ADDITIONS - 1 - i;
        if (!world_file(&seat, &w->additions[n].rows, &f))
            continue;
        f.extra = is_last ? slice_of(odd, sizeof odd - 1) : slice_of(even, sizeof even - 1);
        w->files[f.info.crc32c].has_extra = true;
        struct state_txn txn = {.kind = STATE_ADD, .add = {.files = &f, .count = 1}};
        if (!is_last) {
            (void)world_commit(&seat, &txn, (struct slice){0}, &r);
            world_pause(&seat, 60000);
            continue;
        }
        slp_rc rc = state_table_commit(seat.table, &txn, NULL, &r, &err);
        if (w->later_frame && rc == SLP_OK)
            sim_fail(sim, "a frame of a later version was read");
        w->tally.later++;
    }
    world_leave(&seat);
}
