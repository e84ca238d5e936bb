#include "state/keep.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/num.h"

/* "snap/<base, 20 digits>-<hash, 32 hexadecimal digits>" */
#define NAME_BYTES 58u

/* ------------------------------------------------------------------ objects */

static void object_name(uint64_t base, struct slice bytes, char out[STATE_ROOT_NAME_BYTES])
{
    char hex[33];
    hash_format(hash_xxh128(bytes), hex);
    (void)snprintf(out, STATE_ROOT_NAME_BYTES, "snap/%020" PRIu64 "-%s", base, hex);
}

static void whole_name(const struct state_replica *r, struct slice name, struct state_name *out)
{
    int n = snprintf(out->text, sizeof out->text, "%s%.*s", r->place, SLICE_ARG(name));
    out->len = (size_t)n;
}

static slp_rc check_object(struct slice name, struct slice bytes, struct slp_err *err)
{
    struct hash128 named;
    if (name.len != NAME_BYTES || !hash_parse(slice_last(name, 32), &named) ||
        !hash_equal(named, hash_xxh128(bytes)))
        FAIL(err, CORRUPT, "snapshot \"%.*s\": its %zu bytes are not those of its name",
             SLICE_ARG(name), bytes.len);
    return SLP_OK;
}

slp_rc state_snapshot_read(struct state_replica *r, struct slice name, struct buf *out,
                           struct slp_err *err)
{
    struct state_name whole;
    whole_name(r, name, &whole);
    TRY(store_get(r->store, state_name_slice(&whole), out, err));
    return check_object(name, buf_slice(out), err);
}

/* Write it if it is not there yet, or compare. */
static slp_rc put_object(struct state_replica *r, enum state_keep_mode mode, struct slice name,
                         struct slice bytes, struct slp_err *err)
{
    struct state_name whole;
    whole_name(r, name, &whole);
    if (mode == STATE_KEEP_WRITE) {
        slp_rc rc = store_put_if_absent(r->store, state_name_slice(&whole), bytes, err);
        if (rc == SLP_CONFLICT)
            err_clear(err); /* its name says what is in it */
        return rc == SLP_CONFLICT ? SLP_OK : rc;
    }
    slp_rc rc = SLP_OK;
    struct buf there;
    buf_init(&there, r->mem, STATE_SNAPSHOT_MAX_BYTES);
    TRY_OUT(store_get(r->store, state_name_slice(&whole), &there, err));
    if (!slice_equal(buf_slice(&there), bytes))
        FAIL_OUT(err, CORRUPT, "snapshot \"%s\" is not what a second replay comes to", whole.text);
out:
    buf_fini(&there);
    return rc;
}

/* ------------------------------------------------------------------ making */

struct maker {
    struct state_replica *r;
    enum state_keep_mode mode;
    struct arena arena; /* of the whole: parent, list of shards */
    struct buf parent_bytes;
    struct state_snapshot parent;
    struct buf bytes;
    struct state_snapshot self;
    struct state_shard_entry *shards;
    size_t room;
    uint64_t minted;
};

static const struct state_shard_entry *same_in_parent(const struct maker *m, struct key_range range,
                                                      struct slice hex)
{
    for (size_t i = 0; i < m->parent.shard_count; i++) {
        const struct state_shard_entry *e = &m->parent.shards[i];
        if (slice_equal(e->range.lo, range.lo) && e->name.len == NAME_BYTES &&
            slice_equal(slice_last(e->name, 32), hex))
            return e;
    }
    return NULL;
}

/* One shard: written, or taken over where the parent has just this one. */
static slp_rc make_shard(struct maker *m, size_t first, size_t end, struct slp_err *err)
{
    const struct table_state *s = m->r->machine.table;
    slp_rc rc = SLP_OK;
    struct arena arena;
    char name[STATE_ROOT_NAME_BYTES];
    struct state_shard_entry *entry = &m->shards[m->self.shard_count];
    entry->range = s->leaves[first]->range;
    entry->range.hi = s->leaves[end - 1]->range.hi;
    entry->range.has_hi = s->leaves[end - 1]->range.has_hi;
    arena_init(&arena, m->r->mem, STATE_SNAPSHOT_ARENA_MAX);
    TRY_OUT(state_shard_encode(s, first, end, &arena, &m->bytes, err));
    entry->bytes = m->bytes.len;
    object_name(m->r->number, buf_slice(&m->bytes), name);
    const struct state_shard_entry *old =
        same_in_parent(m, entry->range, slice_last(slice_str(name), 32));
    if (old)
        entry->name = old->name;
    else
        TRY_OUT(arena_copy(&m->arena, slice_str(name), &entry->name, err));
    if (!old)
        TRY_OUT(put_object(m->r, m->mode, entry->name, buf_slice(&m->bytes), err));
    m->self.shard_count++;
out:
    arena_fini(&arena);
    return rc;
}

static slp_rc make_shards(struct maker *m, struct slp_err *err)
{
    const struct table_state *s = m->r->machine.table;
    void *room = NULL;
    TRY(arena_array(&m->arena, s->leaf_count, sizeof *m->shards, &room, err));
    m->shards = room;
    for (size_t first = 0; first < s->leaf_count;) {
        size_t end = state_shard_end(s, first, &m->parent);
        TRY(make_shard(m, first, end, err));
        first = end;
    }
    m->self.shards = m->shards;
    return SLP_OK;
}

slp_rc state_snapshot_make(struct state_replica *r, enum state_keep_mode mode, struct slice parent,
                           char root[STATE_ROOT_NAME_BYTES], uint64_t *minted, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct maker m = {.r = r, .mode = mode};
    arena_init(&m.arena, r->mem, STATE_SNAPSHOT_ARENA_MAX);
    buf_init(&m.parent_bytes, r->mem, STATE_SNAPSHOT_MAX_BYTES);
    buf_init(&m.bytes, r->mem, STATE_SNAPSHOT_MAX_BYTES);
    m.self =
        (struct state_snapshot){.number = r->number, .frame_hash = r->previous, .parent = parent};
    if (parent.len) {
        TRY_OUT(state_snapshot_read(r, parent, &m.parent_bytes, err));
        TRY_OUT(state_root_decode(buf_slice(&m.parent_bytes), &m.arena, &m.parent, err));
    }
    TRY_OUT(make_shards(&m, err));
    TRY_OUT(state_root_encode(r->machine.table, &m.self, &m.arena, &m.bytes, err));
    object_name(r->number, buf_slice(&m.bytes), root);
    TRY_OUT(put_object(r, mode, slice_str(root), buf_slice(&m.bytes), err));
    *minted = r->number;
out:
    buf_fini(&m.bytes);
    buf_fini(&m.parent_bytes);
    arena_fini(&m.arena);
    return err_wrap(err, rc, "snapshot at frame %" PRIu64, r->number);
}

/* ------------------------------------------------------------------ loading */

/* Read the shards of one round and load them in order. */
static slp_rc load_round(struct state_replica *r, struct state_loader *l,
                         const struct state_shard_entry *shards, size_t count, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct store_request requests[STATE_READ_AHEAD] = {0};
    struct state_name names[STATE_READ_AHEAD];
    struct buf bytes[STATE_READ_AHEAD];
    for (size_t i = 0; i < count; i++) {
        buf_init(&bytes[i], r->mem, STATE_SNAPSHOT_MAX_BYTES);
        whole_name(r, shards[i].name, &names[i]);
        requests[i] = (struct store_request){.verb = STORE_GET,
                                             .name = state_name_slice(&names[i]),
                                             .len = UINT64_MAX,
                                             .out = &bytes[i]};
    }
    TRY_OUT(store_submit(r->store, requests, count, err));
    TRY_OUT(store_wait(r->store, requests, count, NULL, err));
    for (size_t i = 0; i < count; i++) {
        if (requests[i].rc != SLP_OK) {
            rc = err_set(err, requests[i].rc, "%s", requests[i].err.text);
            goto out;
        }
        TRY_OUT(check_object(shards[i].name, buf_slice(&bytes[i]), err));
        TRY_OUT(state_load_shard(l, buf_slice(&bytes[i]), err));
    }
out:
    for (size_t i = 0; i < count; i++)
        buf_fini(&bytes[i]);
    return rc;
}

/* The fate of the watched transaction, as far as a snapshot tells it (rule I4). Its items are not
 * told any more, nor whether it was another author's. */
static void look_for_watched(struct state_replica *r)
{
    const struct table_state *s = r->machine.table;
    const struct state_ring_entry *first = state_ring_find(&s->ring, r->watched_txid);
    if (!first)
        first = state_ring_find(&s->tokens, r->watched_txid);
    r->is_found = first != NULL;
    if (first)
        r->outcome = (struct state_outcome){.at = first->at, .reason = first->reason};
    else if (r->watched_base < state_ring_oldest_frame(&s->ring))
        *(r->watched_has_token ? &r->is_expired : &r->is_lost) = true;
}

slp_rc state_snapshot_load(struct state_replica *r, struct slice root, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct buf bytes;
    struct arena arena;
    struct state_snapshot self;
    struct state_loader l = {0};
    buf_init(&bytes, r->mem, STATE_SNAPSHOT_MAX_BYTES);
    arena_init(&arena, r->mem, STATE_SNAPSHOT_ARENA_MAX);
    TRY_OUT(state_new(r->mem, &r->machine.rules, &l.state, err));
    TRY_OUT(state_snapshot_read(r, root, &bytes, err));
    TRY_OUT(state_root_decode(buf_slice(&bytes), &arena, &self, err));
    TRY_OUT(state_load_root(&l, buf_slice(&bytes), err));
    for (size_t i = 0; i < self.shard_count; i += STATE_READ_AHEAD)
        TRY_OUT(load_round(r, &l, self.shards + i,
                           num_min_size(self.shard_count - i, STATE_READ_AHEAD), err));
    TRY_OUT(state_load_end(&l, err));
    state_loader_fini(&l);
    state_free(r->machine.table);
    r->machine.table = l.state;
    r->number = self.number;
    r->previous = self.frame_hash;
    r->is_broken = false;
    l.state = NULL;
    if (r->is_watching)
        look_for_watched(r);
out:
    if (l.state) {
        state_loader_fini(&l);
        state_free(l.state);
    }
    arena_fini(&arena);
    buf_fini(&bytes);
    return err_wrap(err, rc, "snapshot \"%.*s\"", SLICE_ARG(root));
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
