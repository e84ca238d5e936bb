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

void state_snapshot_object(const struct state_replica *r, struct slice name, struct state_name *out)
{
    int n = snprintf(out->text, sizeof out->text, "%s%.*s", r->place, SLICE_ARG(name));
    out->len = (size_t)n;
}

slp_rc state_snapshot_check(struct slice name, struct slice bytes, struct slp_err *err)
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
    state_snapshot_object(r, name, &whole);
    TRY(store_get(r->store, state_name_slice(&whole), out, err));
    return state_snapshot_check(name, buf_slice(out), err);
}

/* Write it if it is not there yet, or compare. */
static slp_rc put_object(struct state_replica *r, enum state_keep_mode mode, struct slice name,
                         struct slice bytes, struct slp_err *err)
{
    struct state_name whole;
    state_snapshot_object(r, name, &whole);
    if (mode != STATE_KEEP_COMPARE) {
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
    struct state_list_entry *lists;
    size_t list_room;
};

/* ---- Lists ---- */

/* Name an object. */
static slp_rc take_over(struct maker *m, const struct state_list_entry *entry, struct slp_err *err)
{
    if (m->self.list_count == m->list_room) {
        size_t more = m->list_room ? m->list_room * 2 : 16;
        void *room = NULL;
        TRY(arena_array(&m->arena, more, sizeof *entry, &room, err));
        if (m->list_room)
            memcpy(room, m->lists, m->list_room * sizeof *entry);
        m->lists = room;
        m->list_room = more;
    }
    m->lists[m->self.list_count++] = *entry;
    return SLP_OK;
}

/* Write what is in m->bytes, or name the parent's object that is the same. */
static slp_rc make_list_object(struct maker *m, struct state_list_entry entry, struct slp_err *err)
{
    char name[STATE_ROOT_NAME_BYTES];
    struct slice bytes = buf_slice(&m->bytes);
    object_name(m->r->number, bytes, name);
    entry.bytes = bytes.len;
    struct slice hex = slice_last(slice_str(name), 32);
    for (size_t i = 0; i < m->parent.list_count; i++) {
        const struct state_list_entry *old = &m->parent.lists[i];
        if (old->kind == entry.kind && old->name.len == NAME_BYTES &&
            slice_equal(slice_last(old->name, 32), hex))
            entry.name = old->name;
    }
    if (!entry.name.ptr) {
        TRY(arena_copy(&m->arena, slice_str(name), &entry.name, err));
        TRY(put_object(m->r, m->mode, entry.name, bytes, err));
    }
    return take_over(m, &entry, err);
}

static slp_rc make_ring_and_dead(struct maker *m, struct slp_err *err)
{
    const struct table_state *s = m->r->machine.table;
    for (size_t at = 0; at < s->ring.count;) {
        size_t end = state_ring_cut(&s->ring, at);
        TRY(state_ring_encode(&s->ring, at, end, &m->bytes, err));
        struct state_list_entry entry = {.kind = STATE_LIST_RING, .count = end - at};
        TRY(make_list_object(m, entry, err));
        at = end;
    }
    for (size_t at = 0; at < s->dead_count;) {
        size_t end = state_dead_cut(s, at);
        TRY(state_dead_encode(s, at, end, &m->bytes, err));
        struct state_list_entry entry = {.kind = STATE_LIST_DEAD, .count = end - at};
        TRY(make_list_object(m, entry, err));
        at = end;
    }
    return SLP_OK;
}

/* ---- Tokens ---- */

struct token_run {
    struct state_token *tokens;
    size_t count;
};

/* What has come since the parent. */
static slp_rc new_run(struct maker *m, struct token_run *out, struct slp_err *err)
{
    const struct state_ring *from = &m->r->machine.table->tokens;
    void *room = NULL;
    TRY(arena_array(&m->arena, from->count, sizeof *out->tokens, &room, err));
    out->tokens = room;
    for (uint32_t i = 0; i < from->count; i++) {
        const struct state_ring_entry *e = &from->entries[((uint64_t)from->first + i) % from->room];
        if (e->at.frame > m->parent.number)
            out->tokens[out->count++] = (struct state_token){
                .txid = e->txid, .at = e->at, .reason = e->reason, .is_client = e->is_client};
    }
    out->count = state_tokens_sort(out->tokens, out->count);
    return SLP_OK;
}

/* The parent's runs from which on all are merged into the new one: while they are not longer than two
 * of what they are merged into. `*keep` objects of tokens stay as they are. */
static void choose_merge(const struct maker *m, size_t fresh, size_t *keep, uint64_t *total)
{
    uint64_t sum = fresh;
    size_t end = m->parent.list_count;
    *keep = end;
    while (end > 0) {
        const struct state_list_entry *last = &m->parent.lists[end - 1];
        uint64_t count = 0;
        size_t first = end;
        while (first > 0 && m->parent.lists[first - 1].kind == STATE_LIST_TOKENS &&
               m->parent.lists[first - 1].run == last->run)
            count += m->parent.lists[--first].count;
        if (first == end || count > 2 * sum)
            break;
        sum += count;
        end = first;
        *keep = end;
    }
    *total = sum;
}

/* Append an old run's object to what is being merged; random txids go when they are old (rule I4). */
static slp_rc merge_object(struct maker *m, const struct state_list_entry *old,
                           struct token_run *to, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct buf bytes;
    struct arena arena;
    struct state_token *tokens = NULL;
    size_t count = 0;
    bool is_old = old->time_us < m->r->machine.table->time_us - STATE_TXID_KEPT_US;
    buf_init(&bytes, m->r->mem, STATE_SNAPSHOT_MAX_BYTES);
    arena_init(&arena, m->r->mem, STATE_SNAPSHOT_ARENA_MAX);
    TRY_OUT(state_snapshot_read(m->r, old->name, &bytes, err));
    TRY_OUT(state_tokens_load(buf_slice(&bytes), &arena, &tokens, &count, err));
    if (count > old->count)
        FAIL_OUT(err, CORRUPT, "%zu txids in an object that the root says has %" PRIu64, count,
                 old->count);
    for (size_t i = 0; i < count; i++)
        if (tokens[i].is_client || !is_old)
            to->tokens[to->count++] = tokens[i];
out:
    arena_fini(&arena);
    buf_fini(&bytes);
    return rc;
}

static slp_rc keep_objects(struct maker *m, size_t end, uint32_t *runs, struct slp_err *err)
{
    *runs = 0;
    for (size_t i = 0; i < end; i++) {
        if (m->parent.lists[i].kind != STATE_LIST_TOKENS)
            continue;
        TRY(take_over(m, &m->parent.lists[i], err));
        *runs = m->parent.lists[i].run + 1;
    }
    return SLP_OK;
}

static slp_rc write_run(struct maker *m, const struct token_run *run, uint32_t number,
                        struct slp_err *err)
{
    for (size_t at = 0; at < run->count; at += STATE_TOKENS_PER_OBJECT) {
        size_t n = num_min_size(run->count - at, STATE_TOKENS_PER_OBJECT);
        TRY(state_tokens_encode(run->tokens + at, n, &m->bytes, err));
        struct state_list_entry entry = {.kind = STATE_LIST_TOKENS,
                                         .count = n,
                                         .run = number,
                                         .first = run->tokens[at].txid,
                                         .time_us = m->r->machine.table->time_us};
        TRY(make_list_object(m, entry, err));
    }
    return SLP_OK;
}

static slp_rc make_tokens(struct maker *m, struct slp_err *err)
{
    struct token_run fresh = {.count = 0};
    struct token_run merged = {.count = 0};
    size_t keep = 0;
    uint64_t total = 0;
    uint32_t runs = 0;
    void *room = NULL;
    TRY(new_run(m, &fresh, err));
    choose_merge(m, fresh.count, &keep, &total);
    if (fresh.count == 0)
        keep = m->parent.list_count;
    TRY(keep_objects(m, keep, &runs, err));
    TRY(arena_array(&m->arena, (size_t)total, sizeof *merged.tokens, &room, err));
    merged.tokens = room;
    for (size_t i = keep; i < m->parent.list_count; i++)
        TRY(merge_object(m, &m->parent.lists[i], &merged, err));
    if (fresh.count)
        memcpy(merged.tokens + merged.count, fresh.tokens, fresh.count * sizeof *fresh.tokens);
    merged.count = state_tokens_sort(merged.tokens, merged.count + fresh.count);
    return write_run(m, &merged, runs, err);
}

/* ---- Shards ---- */

static const struct state_shard_entry *same_in_parent(const struct maker *m, struct key_range range,
                                                      struct slice hex)
{
    const struct state_shard_entry *e = state_shard_at(&m->parent, range.lo);
    return e && e->name.len == NAME_BYTES && slice_equal(slice_last(e->name, 32), hex) ? e : NULL;
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
        size_t end = 0;
        const struct state_shard_entry *kept = NULL;
        if (state_shard_is_kept(s, first, &m->parent, &end, &kept)) {
            m->shards[m->self.shard_count++] = *kept;
        } else {
            end = state_shard_end(s, first, &m->parent);
            TRY(make_shard(m, first, end, err));
        }
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
    assert(!state_is_partial(r->machine.table));
    if (r->machine.table->tokens_from > m.parent.number)
        FAIL_OUT(err, NOT_FOUND, "frames behind its parent are gone: newer ones were verified");
    if (mode != STATE_KEEP_COMPARE)
        TRY_OUT(state_embedded_move(r, m.parent.number, mode == STATE_KEEP_WRITE, err));
    TRY_OUT(make_ring_and_dead(&m, err));
    TRY_OUT(make_tokens(&m, err));
    m.self.lists = m.lists;
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
