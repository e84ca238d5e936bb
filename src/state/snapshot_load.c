/*
 * Loading a snapshot: the root, then all objects that are wanted, up to STATE_READ_AHEAD a round. A
 * replica with a scope wants the ring and the shards that meet it; one without wants all shards and
 * the dead.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/num.h"
#include "state/bug.h"
#include "state/keep.h"

/* An object to read: a list's or a shard's. */
struct wanted {
    struct slice name;
    uint32_t list; /* its kind; 0: a shard */
};

struct loading {
    struct state_replica *r;
    struct state_loader loader;
    struct arena arena;
    struct wanted *objects;
    size_t count;
};

static bool is_scope_whole(const struct state_replica *r)
{
    return r->scope.lo.len == 0 && !r->scope.has_hi;
}

/* What has to be read, in the order in which it is loaded; which leaves that makes. */
static slp_rc plan(struct loading *l, const struct state_snapshot *self, struct slp_err *err)
{
    const struct state_replica *r = l->r;
    struct key_range *seen = &l->loader.state->seen;
    void *room = NULL;
    size_t first = 0;
    size_t end = self->shard_count;
    TRY(arena_array(&l->arena, self->list_count + self->shard_count, sizeof *l->objects, &room,
                    err));
    l->objects = room;
    for (size_t i = 0; i < self->list_count; i++) {
        uint32_t kind = self->lists[i].kind;
        if (kind == STATE_LIST_RING && STATE_BUG(FORGET_RING))
            continue;
        if (kind == STATE_LIST_RING || (kind == STATE_LIST_DEAD && is_scope_whole(r)))
            l->objects[l->count++] = (struct wanted){.name = self->lists[i].name, .list = kind};
    }
    while (first < end && !key_range_meets(self->shards[first].range, r->scope))
        first++;
    while (end > first && !key_range_meets(self->shards[end - 1].range, r->scope))
        end--;
    if (first < end && end - first < self->shard_count) {
        struct key_range range = self->shards[first].range;
        range.hi = self->shards[end - 1].range.hi;
        range.has_hi = self->shards[end - 1].range.has_hi;
        TRY(key_range_copy(&l->loader.state->keys, range, seen, err));
    }
    for (size_t i = first; i < end; i++)
        l->objects[l->count++] = (struct wanted){.name = self->shards[i].name};
    return SLP_OK;
}

static slp_rc load_object(struct loading *l, const struct wanted *w, struct slice bytes,
                          struct slp_err *err)
{
    struct table_state *s = l->loader.state;
    TRY(state_snapshot_check(w->name, bytes, err));
    if (w->list == STATE_LIST_RING)
        return state_ring_load(&s->ring, bytes, err);
    if (w->list == STATE_LIST_DEAD)
        return state_dead_load(s, bytes, err);
    return state_load_shard(&l->loader, bytes, err);
}

/* Read and load some objects. With the last of them comes the probe that a head asked for. */
static slp_rc load_round(struct loading *l, const struct wanted *objects, size_t count,
                         bool is_last, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct store_request requests[2 * STATE_READ_AHEAD + 2] = {0};
    struct state_name names[STATE_READ_AHEAD];
    struct buf bytes[STATE_READ_AHEAD];
    struct state_replica *r = l->r;
    size_t all = count;
    for (size_t i = 0; i < count; i++) {
        buf_init(&bytes[i], r->mem, STATE_SNAPSHOT_MAX_BYTES);
        state_snapshot_object(r, objects[i].name, &names[i]);
        requests[i] = (struct store_request){.verb = STORE_GET,
                                             .name = state_name_slice(&names[i]),
                                             .len = UINT64_MAX,
                                             .out = &bytes[i]};
    }
    if (is_last && r->probe)
        all += state_probe_requests(r, requests + count);
    TRY_OUT(store_submit(r->store, requests, all, err));
    TRY_OUT(store_wait(r->store, requests, all, NULL, err));
    if (all > count)
        state_probe_answer(r, requests + count);
    for (size_t i = 0; i < count; i++) {
        if (requests[i].rc != SLP_OK) {
            rc = err_set(err, requests[i].rc, "%s", requests[i].err.text);
            goto out;
        }
        TRY_OUT(load_object(l, &objects[i], buf_slice(&bytes[i]), err));
        buf_fini(&bytes[i]);
    }
out:
    for (size_t i = 0; i < count; i++)
        buf_fini(&bytes[i]);
    return rc;
}

static slp_rc load_objects(struct loading *l, struct slp_err *err)
{
    size_t i = 0;
    struct slice bytes;
    /* What stands in the head need not be read. */
    if (l->r->hint)
        for (; i < l->count && state_head_object(l->r->hint, l->objects[i].name, &bytes); i++)
            TRY(load_object(l, &l->objects[i], bytes, err));
    while (i < l->count) {
        size_t n = num_min_size(l->count - i, STATE_READ_AHEAD);
        TRY(load_round(l, l->objects + i, n, i + n == l->count, err));
        i += n;
    }
    return SLP_OK;
}

/* The fate of the watched transaction, as far as a snapshot tells it without its tokens (rule I4).
 * Its items are not told any more, nor whether it was another author's. */
static void look_for_watched(struct state_replica *r)
{
    const struct table_state *s = r->machine.table;
    const struct state_ring_entry *first = state_ring_find(&s->ring, r->watched_txid);
    r->is_found = first != NULL;
    r->is_unsure = !first && r->watched_base < state_ring_oldest_frame(&s->ring);
    if (first)
        r->outcome = (struct state_outcome){.at = first->at, .reason = first->reason};
}

/* What was loaded takes the place of what was there. */
static slp_rc install(struct state_replica *r, struct loading *l, const struct state_snapshot *self,
                      struct slice root, struct slp_err *err)
{
    struct state_base base = {.number = self->number};
    TRY(state_base_set(&base, r->mem, root, self, err));
    state_loader_fini(&l->loader);
    state_free(r->machine.table);
    r->machine.table = l->loader.state;
    l->loader.state = NULL;
    state_base_fini(&r->base);
    r->base = base;
    r->number = self->number;
    r->previous = self->frame_hash;
    r->is_broken = false;
    state_since_reset(&r->since, r->number);
    if (r->is_watching)
        look_for_watched(r);
    return SLP_OK;
}

slp_rc state_snapshot_load_bytes(struct state_replica *r, struct slice root, struct slice bytes,
                                 struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct state_snapshot self;
    struct loading l = {.r = r};
    arena_init(&l.arena, r->mem, STATE_SNAPSHOT_ARENA_MAX);
    TRY_OUT(state_new(r->mem, &r->machine.rules, &l.loader.state, err));
    TRY_OUT(state_snapshot_check(root, bytes, err));
    TRY_OUT(state_root_decode(bytes, &l.arena, &self, err));
    TRY_OUT(state_load_root(&l.loader, bytes, err));
    if (r->choose)
        TRY_OUT(r->choose(r->choose_context, l.loader.state, err));
    TRY_OUT(plan(&l, &self, err));
    TRY_OUT(load_objects(&l, err));
    TRY_OUT(state_load_end(&l.loader, err));
    TRY_OUT(install(r, &l, &self, root, err));
out:
    if (l.loader.state) {
        state_loader_fini(&l.loader);
        state_free(l.loader.state);
    }
    arena_fini(&l.arena);
    return err_wrap(err, rc, "snapshot \"%.*s\"", SLICE_ARG(root));
}

slp_rc state_snapshot_load(struct state_replica *r, struct slice root, struct slp_err *err)
{
    struct buf bytes;
    buf_init(&bytes, r->mem, STATE_SNAPSHOT_MAX_BYTES);
    slp_rc rc = err_wrap(err, state_snapshot_read(r, root, &bytes, err), "snapshot \"%.*s\"",
                         SLICE_ARG(root));
    if (rc == SLP_OK)
        rc = state_snapshot_load_bytes(r, root, buf_slice(&bytes), err);
    buf_fini(&bytes);
    return rc;
}

slp_rc state_replica_load(struct state_replica *r, struct slp_err *err)
{
    char root[STATE_ROOT_NAME_BYTES];
    memcpy(root, r->floor.root, sizeof root);
    slp_rc rc = state_snapshot_load(r, slice_str(root), err);
    if (rc != SLP_NOT_FOUND)
        return rc;
    /* Then the floor has moved: read it again (rule F2). */
    err_clear(err);
    TRY(state_floor_read(r->store, r->mem, r->place, &r->floor, err));
    if (strcmp(root, r->floor.root) == 0)
        FAIL(err, CORRUPT, "snapshot \"%s\", which the floor of the log names, is gone", root);
    return SLP_OK;
}

/* ------------------------------------------------------------------ tokens */

static slp_rc find_in_object(struct state_replica *r, const struct state_list_entry *object,
                             struct hash128 txid, struct state_token *out, bool *is_found,
                             struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct buf bytes;
    struct arena arena;
    struct state_token *tokens = NULL;
    size_t count = 0;
    buf_init(&bytes, r->mem, STATE_SNAPSHOT_MAX_BYTES);
    arena_init(&arena, r->mem, STATE_SNAPSHOT_ARENA_MAX);
    TRY_OUT(state_snapshot_read(r, object->name, &bytes, err));
    TRY_OUT(state_tokens_load(buf_slice(&bytes), &arena, &tokens, &count, err));
    const struct state_token *found = state_tokens_find(tokens, count, txid);
    *is_found = found != NULL;
    if (found)
        *out = *found;
out:
    arena_fini(&arena);
    buf_fini(&bytes);
    return rc;
}

/* May the object with index `i` hold this txid: is it the last of its run that begins at or below? */
static bool may_hold(const struct state_base *base, size_t i, struct hash128 txid)
{
    const struct state_list_entry *e = &base->lists[i];
    if (e->kind != STATE_LIST_TOKENS || memcmp(e->first.bytes, txid.bytes, sizeof txid.bytes) > 0)
        return false;
    if (i + 1 == base->list_count)
        return true;
    const struct state_list_entry *next = &base->lists[i + 1];
    return next->run != e->run || memcmp(next->first.bytes, txid.bytes, sizeof txid.bytes) > 0;
}

slp_rc state_tokens_look_up(struct state_replica *r, struct hash128 txid, struct state_token *out,
                            bool *is_found, struct slp_err *err)
{
    *is_found = false;
    for (size_t i = 0; i < r->base.list_count && !*is_found; i++)
        if (may_hold(&r->base, i, txid))
            TRY(find_in_object(r, &r->base.lists[i], txid, out, is_found, err));
    return SLP_OK;
}

/* ------------------------------------------------------------------ the base */

void state_base_fini(struct state_base *b)
{
    if (b->arena.mem)
        arena_fini(&b->arena);
    *b = (struct state_base){.number = 0};
}

slp_rc state_base_set(struct state_base *b, struct alloc *mem, struct slice root,
                      const struct state_snapshot *self, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    void *room = NULL;
    struct state_base base = {.number = self->number, .list_count = self->list_count};
    assert(root.len < sizeof base.root);
    memcpy(base.root, root.ptr, root.len);
    arena_init(&base.arena, mem, STATE_SNAPSHOT_ARENA_MAX);
    TRY_OUT(arena_array(&base.arena, self->list_count, sizeof *base.lists, &room, err));
    base.lists = room;
    for (size_t i = 0; i < self->list_count; i++) {
        base.lists[i] = self->lists[i];
        TRY_OUT(arena_copy(&base.arena, self->lists[i].name, &base.lists[i].name, err));
    }
    *b = base;
out:
    if (rc != SLP_OK)
        arena_fini(&base.arena);
    return rc;
}
