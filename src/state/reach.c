#include "state/reach.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/num.h"
#include "state/bug.h"
#include "state/global.h"
#include "state/keep.h"

#define DIGITS 20u

/* ------------------------------------------------------------------ names */

static int compare_slices(const void *a, const void *b)
{
    const struct slice *x = a;
    const struct slice *y = b;
    return slice_compare(*x, *y);
}

bool state_names_have(const struct state_names *names, struct slice name)
{
    return names->count && bsearch(&name, names->names, names->count, sizeof name, compare_slices);
}

/* A list that grows in an arena. */
struct gathering {
    struct arena *arena;
    struct slice *names;
    size_t count;
    size_t room;
};

static slp_rc gather(struct gathering *g, struct slice name, struct slp_err *err)
{
    if (g->count == g->room) {
        size_t more = g->room ? g->room * 2 : 64;
        void *room = NULL;
        TRY(arena_array(g->arena, more, sizeof *g->names, &room, err));
        if (g->count)
            memcpy(room, g->names, g->count * sizeof *g->names);
        g->names = room;
        g->room = more;
    }
    TRY(arena_copy(g->arena, name, &g->names[g->count], err));
    g->count++;
    return SLP_OK;
}

static struct state_names gathered(const struct gathering *g)
{
    size_t kept = 0;
    if (g->count)
        qsort(g->names, g->count, sizeof *g->names, compare_slices);
    for (size_t i = 0; i < g->count; i++)
        if (kept == 0 || !slice_equal(g->names[kept - 1], g->names[i]))
            g->names[kept++] = g->names[i];
    return (struct state_names){.names = g->names, .count = kept};
}

bool state_frame_number(struct slice name, uint64_t *out)
{
    uint64_t n = 0;
    if (name.len < DIGITS || (name.len > DIGITS && name.ptr[name.len - DIGITS - 1] != '/'))
        return false;
    for (size_t i = name.len - DIGITS; i < name.len; i++) {
        uint8_t c = name.ptr[i];
        if (c < '0' || c > '9' || __builtin_mul_overflow(n, (uint64_t)10, &n) ||
            __builtin_add_overflow(n, (uint64_t)(c - '0'), &n))
            return false;
    }
    *out = n;
    return true;
}

/* ------------------------------------------------------------------ floor, inbox */

slp_rc state_table_floor_read(struct state_table *t, uint64_t *number, char *root,
                              struct slp_err *err)
{
    struct state_floor floor = {0};
    struct state_name place;
    struct state_instance *i = state_table_instance(t);
    TRY(state_table_object(t, slice_of(NULL, 0), &place, err));
    TRY(state_floor_read(state_instance_store(i), state_instance_mem(i), place.text, &floor, err));
    *number = floor.number;
    if (root)
        memcpy(root, floor.root, sizeof floor.root);
    return SLP_OK;
}

bool state_inbox_is_over(const struct state_table *t, struct slice name)
{
    struct hash128 txid;
    const struct state_ring *ring = &state_table_view(t)->ring;
    static const size_t prefix = sizeof "inbox/" - 1;
    if (name.len != prefix + DIGITS + 1 + 32 || !hash_parse(slice_last(name, 32), &txid))
        return false;
    uint64_t base = state_mint_base(name);
    return state_ring_find(ring, txid) || base < state_ring_oldest_frame(ring);
}

slp_rc state_log_close(struct state_instance *i, struct hash128 table, struct slp_err *err)
{
    char hex[33];
    char place[40];
    hash_format(table, hex);
    (void)snprintf(place, sizeof place, "t/%s/", hex);
    return state_floor_close(state_instance_store(i), state_instance_mem(i), place, err);
}

/* ------------------------------------------------------------------ snapshots */

static slp_rc gather_root(struct gathering *g, struct state_replica *r, struct slice root,
                          uint64_t *number, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct buf bytes;
    struct arena arena;
    struct state_snapshot self = {.number = 0};
    buf_init(&bytes, r->mem, STATE_SNAPSHOT_MAX_BYTES);
    arena_init(&arena, r->mem, STATE_SNAPSHOT_ARENA_MAX);
    rc = state_snapshot_read(r, root, &bytes, err);
    if (rc == SLP_NOT_FOUND)
        FAIL_OUT(err, CORRUPT, "it is gone");
    TRY_OUT(rc);
    TRY_OUT(state_root_decode(buf_slice(&bytes), &arena, &self, err));
    TRY_OUT(gather(g, root, err));
    for (size_t i = 0; i < self.shard_count; i++)
        TRY_OUT(gather(g, self.shards[i].name, err));
    for (size_t i = 0; i < self.list_count; i++)
        TRY_OUT(gather(g, self.lists[i].name, err));
    *number = self.number;
out:
    arena_fini(&arena);
    buf_fini(&bytes);
    return err_wrap(err, rc, "snapshot \"%.*s\", which must be kept", SLICE_ARG(root));
}

/* Rule S3. What a root of the state names is read once, though it may be there for several reasons. */
static slp_rc gather_snapshots(struct gathering *g, const struct state_table *t,
                               struct state_replica *r, const char *floor_root, uint64_t horizon,
                               struct slp_err *err)
{
    const struct table_state *s = state_table_view(t);
    size_t count = state_verified_count(s);
    uint64_t from = UINT64_MAX; /* the frame that the floor's root stands at */
    uint64_t number = 0;
    if (*floor_root)
        TRY(gather_root(g, r, slice_str(floor_root), &from, err));
    for (size_t i = 0; i < count && !STATE_BUG(KEEP_NONE); i++) {
        const struct state_verified *v = state_verified_at(s, i);
        if (i + 2 < count && v->number < from && v->number < horizon)
            continue;
        if (strcmp(v->root, floor_root) != 0)
            TRY(gather_root(g, r, slice_str(v->root), &number, err));
    }
    for (size_t i = 0; i < state_pin_count(s); i++)
        TRY(gather_root(g, r, state_pin_at(s, i)->root, &number, err));
    return SLP_OK;
}

/* ------------------------------------------------------------------ frames */

struct looking {
    struct state_replica r; /* for its place */
    state_frame_look_fn fn;
    void *context;
};

static slp_rc look_at(struct looking *l, uint64_t number, const struct state_name *name,
                      struct slice bytes, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct arena arena;
    struct state_frame frame = {0};
    arena_init(&arena, l->r.mem, STATE_FRAME_ARENA_MAX);
    TRY_OUT(
        err_wrap(err, state_frame_decode(bytes, &arena, &frame, err), "frame \"%s\"", name->text));
    if (frame.number != number)
        FAIL_OUT(err, CORRUPT, "frame \"%s\" says that its number is %" PRIu64 ", at offset 16",
                 name->text, frame.number);
    struct state_frame_look look = {.number = number,
                                    .name = state_name_slice(name),
                                    .txns = frame.txns,
                                    .txn_count = frame.txn_count};
    TRY_OUT(l->fn(l->context, &look, err));
out:
    arena_fini(&arena);
    return rc;
}

/* A frame that is not there has been trimmed, or is lost. */
static slp_rc check_trimmed(struct looking *l, uint64_t number, const struct state_name *name,
                            struct slp_err *err)
{
    struct state_floor floor = {0};
    TRY(state_floor_read(l->r.store, l->r.mem, l->r.place, &floor, err));
    if (floor.number <= number)
        FAIL(err, CORRUPT, "frame \"%s\" is not there", name->text);
    return SLP_OK;
}

static slp_rc look_at_some(struct looking *l, uint64_t first, size_t count, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct store_request requests[STATE_READ_AHEAD] = {0};
    struct state_name names[STATE_READ_AHEAD];
    struct buf bytes[STATE_READ_AHEAD];
    for (size_t i = 0; i < count; i++) {
        buf_init(&bytes[i], l->r.mem, STATE_FRAME_MAX_BYTES);
        state_replica_name(&l->r, first + i, &names[i]);
        requests[i] = (struct store_request){.verb = STORE_GET,
                                             .name = state_name_slice(&names[i]),
                                             .len = UINT64_MAX,
                                             .out = &bytes[i]};
    }
    TRY_OUT(store_submit(l->r.store, requests, count, err));
    TRY_OUT(store_wait(l->r.store, requests, count, NULL, err));
    for (size_t i = 0; i < count; i++) {
        rc = requests[i].rc;
        if (rc == SLP_NOT_FOUND) {
            TRY_OUT(check_trimmed(l, first + i, &names[i], err));
            continue;
        }
        if (rc != SLP_OK) {
            rc = err_set(err, rc, "%s", requests[i].err.text);
            goto out;
        }
        TRY_OUT(look_at(l, first + i, &names[i], buf_slice(&bytes[i]), err));
    }
out:
    for (size_t i = 0; i < count; i++)
        buf_fini(&bytes[i]);
    return rc;
}

slp_rc state_frames_look(struct state_table *t, uint64_t from, uint64_t to, state_frame_look_fn fn,
                         void *context, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct looking l = {.fn = fn, .context = context};
    struct hash128 id = state_table_id(t);
    TRY_OUT(state_replica_init(&l.r, state_table_instance(t), &id, err));
    for (uint64_t n = from; n <= to;) {
        size_t count = (size_t)num_min_u64(to - n + 1, STATE_READ_AHEAD);
        TRY_OUT(look_at_some(&l, n, count, err));
        n += count;
    }
out:
    state_replica_fini(&l.r);
    return rc;
}

struct restores {
    struct gathering *g;
    struct state_replica *r;
};

/* A no-op's root may be gone: nobody reads it. */
static slp_rc gather_restores(void *context, const struct state_frame_look *look,
                              struct slp_err *err)
{
    struct restores *rs = context;
    uint64_t number = 0;
    for (uint32_t i = 0; i < look->txn_count; i++) {
        if (look->txns[i].kind != STATE_RESTORE || look->txns[i].body.is_missing ||
            STATE_BUG(RESTORE_ROOT))
            continue;
        slp_rc rc = gather_root(rs->g, rs->r, look->txns[i].restore.root, &number, err);
        if (rc != SLP_OK && rc != SLP_CORRUPT)
            return rc;
        err_clear(err);
    }
    return SLP_OK;
}

slp_rc state_snapshot_reachable(struct state_table *t, uint64_t horizon, struct arena *arena,
                                struct state_names *out, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct gathering g = {.arena = arena};
    struct hash128 id = state_table_id(t);
    struct state_replica r = {0}; /* for its place */
    char root[STATE_ROOT_NAME_BYTES] = {0};
    uint64_t floor = 0;
    struct restores rs = {0};
    TRY_OUT(state_replica_init(&r, state_table_instance(t), &id, err));
    TRY_OUT(state_table_floor_read(t, &floor, root, err));
    TRY_OUT(gather_snapshots(&g, t, &r, root, horizon, err));
    /* Replay of a restore in the log wants the root that it names. */
    rs.g = &g;
    rs.r = &r;
    TRY_OUT(
        state_frames_look(t, floor, state_number(state_table_view(t)), gather_restores, &rs, err));
    *out = gathered(&g);
out:
    state_replica_fini(&r);
    return rc;
}

static slp_rc gather_bodies(void *context, const struct state_frame_look *look, struct slp_err *err)
{
    for (uint32_t i = 0; i < look->txn_count; i++)
        if (look->txns[i].body.name.len && !STATE_BUG(BODY_EARLY))
            TRY(gather(context, look->txns[i].body.name, err));
    return SLP_OK;
}

slp_rc state_bodies_named(struct state_table *t, uint64_t floor, struct arena *arena,
                          struct state_names *out, struct slp_err *err)
{
    struct gathering g = {.arena = arena};
    TRY(state_frames_look(t, floor, state_number(state_table_view(t)), gather_bodies, &g, err));
    *out = gathered(&g);
    return SLP_OK;
}

/* ------------------------------------------------------------------ checking */

slp_rc state_hashed_check(struct state_table *t, struct slice name, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct state_name object;
    struct hash128 named;
    struct buf bytes;
    struct state_instance *i = state_table_instance(t);
    TRY(state_table_object(t, name, &object, err));
    buf_init(&bytes, state_instance_mem(i), STATE_SNAPSHOT_MAX_BYTES);
    rc = store_get(state_instance_store(i), state_name_slice(&object), &bytes, err);
    if (rc == SLP_NOT_FOUND)
        FAIL_OUT(err, CORRUPT, "it is not there");
    TRY_OUT(rc);
    if (name.len < 32 || !hash_parse(slice_last(name, 32), &named) ||
        !hash_equal(named, hash_xxh128(buf_slice(&bytes))))
        FAIL_OUT(err, CORRUPT, "its %zu bytes are not those of its name", bytes.len);
out:
    buf_fini(&bytes);
    return rc;
}

slp_rc state_head_check(struct state_table *t, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct state_name object;
    struct state_head head;
    struct buf bytes;
    struct state_instance *i = state_table_instance(t);
    TRY(state_table_object(t, slice_str("head"), &object, err));
    buf_init(&bytes, state_instance_mem(i), STATE_HEAD_MAX_BYTES);
    rc = store_get(state_instance_store(i), state_name_slice(&object), &bytes, err);
    if (rc == SLP_NOT_FOUND) {
        err_clear(err);
        rc = SLP_OK;
        goto out;
    }
    TRY_OUT(rc);
    TRY_OUT(state_head_decode(buf_slice(&bytes), &head, err));
out:
    buf_fini(&bytes);
    return rc;
}

slp_rc state_print_from(struct state_table *t, const char *root, struct buf *out,
                        struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct hash128 id = state_table_id(t);
    struct state_replica r = {0};
    bool is_there = false;
    buf_clear(out);
    TRY_OUT(state_replica_init(&r, state_table_instance(t), &id, err));
    TRY_OUT(state_floor_read(r.store, r.mem, r.place, &r.floor, err));
    TRY_OUT(state_snapshot_load(&r, slice_str(root), err));
    TRY_OUT(state_keep_replay(&r, state_number(state_table_view(t)), &is_there, err));
    if (is_there)
        TRY_OUT(state_print(r.machine.table, out, err));
out:
    state_replica_fini(&r);
    return rc;
}
