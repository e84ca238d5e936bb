/* rooms: state */
/*
 * Random histories against a plain model: sixteen keys, files that hold one row a key from each of
 * the additions that they stand for. Transactions are planned on a state that may be old when they
 * arrive, some arrive twice, the ring is tiny. After each one every row ever added must be live in
 * just one place; at the end a replay from the bytes must give the same state.
 */
#include <stdio.h>

#include "state/frame.h"
#include "state/global.h"
#include "state/snapshot.h"

#include "lib/refs.h"
#include "lib/t.h"

#define KEYS   16
#define STEPS  80
#define LATE   6
#define FILES  512
#define TRIALS 150

static const char *const key_text[KEYS + 1] = {"a", "b", "c", "d", "e", "f", "g", "h", "i",
                                               "j", "k", "l", "m", "n", "o", "p", "q"};

/* Which additions have a row at each key: bit n stands for the n-th. */
struct content {
    uint64_t at[KEYS];
};

struct known {
    struct state_id id;
    struct content rows;
};

struct model {
    struct content all; /* every row that was ever added */
    struct known files[FILES];
    size_t file_count;
    struct known jobs[FILES];
    size_t job_count;
    int adds;
    bool cuts[KEYS]; /* a leaf begins there */
};

/* A transaction on its way, with what it needs besides its bytes. */
struct letter {
    struct buf bytes;
    struct content add;        /* ADD: of its file */
    struct content outputs[2]; /* REPLACE */
};

/* A snapshot that was made, as far as the next one takes over from it. */
struct parent {
    struct arena arena;
    struct state_snapshot self;
    struct state_shard_entry shards[KEYS];
    struct slice bytes[KEYS];
};

struct trial {
    struct t *t;
    struct parent parent;
    bool is_frame_over; /* the next transaction stands in another one */
    size_t kept;        /* shards that were taken over unseen, */
    size_t made;        /* and others */
    struct model m;
    struct table_state *s;
    struct table_state *part; /* the same below some leaves, replayed from a snapshot; or NULL */
    bool has_parts;
    struct letter post[LATE];
    size_t post_count;
    struct buf log; /* every transaction as it was applied */
    struct state_position ends[STEPS * 3];
    size_t applied;
    uint64_t serial;
};

static struct known *find(struct known *list, size_t count, struct state_id id)
{
    for (size_t i = 0; i < count; i++)
        if (state_id_equal(list[i].id, id))
            return &list[i];
    return NULL;
}

static void learn(struct known *list, size_t *count, struct state_id id, struct content rows)
{
    assert_true(*count < FILES);
    list[(*count)++] = (struct known){.id = id, .rows = rows};
}

/* Rows of a file from `lo` to below `hi`. */
static struct content clip(struct content c, int lo, int hi)
{
    for (int k = 0; k < KEYS; k++)
        if (k < lo || k >= hi)
            c.at[k] = 0;
    return c;
}

static bool is_empty(struct content c)
{
    for (int k = 0; k < KEYS; k++)
        if (c.at[k])
            return false;
    return true;
}

static struct state_new_file file_over(struct content c)
{
    int first = 0;
    int last = KEYS - 1;
    while (!c.at[first])
        first++;
    while (!c.at[last])
        last--;
    struct state_new_file f = {.name = slice_str("f"), .schema_version = 1};
    f.info.rows = 1000;
    f.info.first_key = slice_str(key_text[first]);
    f.info.last_key = slice_str(key_text[last]);
    return f;
}

/* ------------------------------------------------------------------ the claim */

static void every_row_is_in_one_place(struct trial *w)
{
    struct content seen = {{0}};
    struct arena a;
    arena_init(&a, &w->t->mem, 1 << 20);
    const struct state_reference **refs = NULL;
    size_t count = 0;
    assert_ok(w->t,
              state_references_meeting(w->s, (struct key_range){0}, &a, &refs, &count, &w->t->err));
    for (size_t i = 0; i < count; i++) {
        const struct known *f = find(w->m.files, w->m.file_count, refs[i]->file->id);
        assert_non_null(f);
        assert_true(i == 0 ||
                    state_position_compare(refs[i - 1]->file->low, refs[i]->file->low) <= 0);
        for (int k = 0; k < KEYS; k++) {
            if (!key_range_holds(refs[i]->range, slice_str(key_text[k])))
                continue;
            assert_int_equal(seen.at[k] & f->rows.at[k], 0);
            seen.at[k] |= f->rows.at[k];
        }
    }
    assert_memory_equal(&seen, &w->m.all, sizeof seen);
    size_t leaves = 1;
    for (int k = 1; k < KEYS; k++)
        leaves += w->m.cuts[k];
    assert_int_equal(state_leaf_count(w->s), leaves);
    arena_fini(&a);
}

/* ------------------------------------------------------------------ planning */

static void seal(struct trial *w, struct state_txn *txn, struct letter *l)
{
    struct hash128 serial = {{0}};
    memcpy(serial.bytes, &w->serial, sizeof w->serial);
    w->serial++;
    txn->txid = serial;
    txn->rule_version = 1;
    txn->base = state_number(w->s);
    txn->time_us = (int64_t)t_below(w->t, 1000);
    txn->has_token = t_below(w->t, 5) == 0;
    buf_init(&l->bytes, &w->t->mem, STATE_TXN_MAX_BYTES);
    assert_ok(w->t, state_txn_encode(txn, &l->bytes, &w->t->err));
}

static bool plan_add(struct trial *w, struct letter *l)
{
    if (w->m.adds >= 64)
        return false;
    int lo = (int)t_below(w->t, KEYS);
    int hi = lo + 1 + (int)t_below(w->t, (uint64_t)(KEYS - lo));
    for (int k = lo; k < hi; k++)
        if (k == lo || k == hi - 1 || t_below(w->t, 2))
            l->add.at[k] = (uint64_t)1 << w->m.adds;
    w->m.adds++;
    struct state_new_file f = file_over(l->add);
    f.is_unfiled = t_below(w->t, 3) == 0;
    struct state_txn txn = {.kind = STATE_ADD, .add = {.files = &f, .count = 1}};
    seal(w, &txn, l);
    return true;
}

static const struct state_leaf *any_leaf(struct trial *w)
{
    return state_leaf_at(w->s, (size_t)t_below(w->t, state_leaf_count(w->s)));
}

static bool plan_assign(struct trial *w, struct letter *l)
{
    struct state_id inputs[8];
    struct state_assign_item items[2];
    size_t n = 0;
    for (size_t i = 0; i < 2; i++) {
        const struct state_leaf *leaf = any_leaf(w);
        size_t first = n;
        for (size_t k = 0; k < leaf->ref_count && n - first < 4; k++)
            if (t_below(w->t, 3))
                inputs[n++] = t_refs(leaf)[k].file->id;
        items[i] = (struct state_assign_item){
            .leaf = leaf->range, .inputs = inputs + first, .input_count = n - first};
    }
    struct state_txn txn = {.kind = STATE_ASSIGN, .assign = {.items = items, .count = 2}};
    seal(w, &txn, l);
    return true;
}

static bool plan_end_of_job(struct trial *w, struct letter *l, bool fail)
{
    if (state_job_count(w->s) == 0)
        return false;
    const struct state_job *job = state_job_at(w->s, (size_t)t_below(w->t, state_job_count(w->s)));
    if (fail) {
        struct state_fail_item item = {
            .job = job->id, .attempt = job->attempt, .range = job->range};
        struct state_txn txn = {.kind = STATE_FAIL, .fail = {.items = &item, .count = 1}};
        seal(w, &txn, l);
        return true;
    }
    struct content rows = find(w->m.jobs, w->m.job_count, job->id)->rows;
    int cut = (int)t_below(w->t, KEYS);
    struct state_new_file outputs[2];
    size_t n = 0;
    struct content parts[2] = {clip(rows, 0, cut), clip(rows, cut, KEYS)};
    for (size_t i = 0; i < 2; i++) {
        if (is_empty(parts[i]))
            continue;
        l->outputs[n] = parts[i];
        outputs[n] = file_over(parts[i]);
        outputs[n++].purged_through = job->assigned;
    }
    struct state_replace_item item = {.job = job->id,
                                      .attempt = job->attempt,
                                      .range = job->range,
                                      .outputs = outputs,
                                      .output_count = n};
    struct state_txn txn = {.kind = STATE_REPLACE, .replace = {.items = &item, .count = 1}};
    seal(w, &txn, l);
    return true;
}

static bool plan_split(struct trial *w, struct letter *l)
{
    struct slice key = slice_str(key_text[1 + t_below(w->t, KEYS - 1)]);
    struct state_split_item item = {.leaf =
                                        state_leaf_at(w->s, state_leaf_holding(w->s, key))->range,
                                    .keys = &key,
                                    .key_count = 1};
    struct state_txn txn = {.kind = STATE_SPLIT, .split = {.items = &item, .count = 1}};
    seal(w, &txn, l);
    return true;
}

static bool plan_cut(struct trial *w, struct letter *l)
{
    const struct state_leaf *leaf = any_leaf(w);
    if (leaf->ref_count == 0)
        return false;
    const struct state_reference *ref = &t_refs(leaf)[t_below(w->t, leaf->ref_count)];
    struct state_cut_item item = {.leaf = leaf->range,
                                  .file = ref->file->id,
                                  .row_lo = (int64_t)t_below(w->t, 500),
                                  .row_hi = 500 + (int64_t)t_below(w->t, 500)};
    struct state_txn txn = {.kind = STATE_CUT, .cut = {.items = &item, .count = 1}};
    seal(w, &txn, l);
    return true;
}

static bool plan_file_down(struct trial *w, struct letter *l)
{
    if (state_unfiled_count(w->s) == 0)
        return false;
    struct state_id id =
        state_unfiled_at(w->s, (size_t)t_below(w->t, state_unfiled_count(w->s)))->file->id;
    struct state_txn txn = {.kind = STATE_FILE_DOWN, .file_down = {.files = &id, .count = 1}};
    seal(w, &txn, l);
    return true;
}

static bool plan(struct trial *w, struct letter *l)
{
    *l = (struct letter){0};
    switch (t_below(w->t, 12)) {
    case 0:
    case 1:
    case 2:
        return plan_add(w, l);
    case 3:
    case 4:
        return plan_assign(w, l);
    case 5:
    case 6:
    case 7:
        return plan_end_of_job(w, l, false);
    case 8:
        return plan_end_of_job(w, l, true);
    case 9:
        return plan_split(w, l);
    case 10:
        return plan_cut(w, l);
    default:
        return plan_file_down(w, l);
    }
}

/* ------------------------------------------------------------------ arriving */

/* What a job's references hold when it is assigned. */
static struct content held(struct trial *w, const struct state_job *job)
{
    struct content rows = {{0}};
    const struct state_leaf *leaf = state_leaf_find(w->s, job->range);
    for (size_t i = 0; i < leaf->ref_count; i++) {
        const struct state_reference *ref = &t_refs(leaf)[i];
        if (ref->job != job)
            continue;
        const struct known *f = find(w->m.files, w->m.file_count, ref->file->id);
        for (int k = 0; k < KEYS; k++)
            if (key_range_holds(ref->range, slice_str(key_text[k])))
                rows.at[k] |= f->rows.at[k];
    }
    return rows;
}

static void note(struct trial *w, const struct state_txn *txn, const struct letter *l,
                 const struct state_outcome *o)
{
    struct model *m = &w->m;
    struct state_id id = {.at = o->at};
    if (o->is_duplicate || o->reason != STATE_REASON_APPLIED)
        return;
    if (txn->kind == STATE_ADD) {
        learn(m->files, &m->file_count, id, l->add);
        for (int k = 0; k < KEYS; k++)
            m->all.at[k] |= l->add.at[k];
    }
    if (txn->kind == STATE_SPLIT)
        m->cuts[txn->split.items[0].keys[0].ptr[0] - 'a'] = true;
    for (size_t i = 0; txn->kind == STATE_ASSIGN && i < o->item_count; i++) {
        id.item = (uint32_t)i;
        if (o->items[i] == STATE_REASON_APPLIED)
            learn(m->jobs, &m->job_count, id, held(w, state_job_find(w->s, id)));
    }
    for (size_t i = 0; txn->kind == STATE_REPLACE && i < txn->replace.items[0].output_count; i++) {
        id.item = (uint32_t)i;
        learn(m->files, &m->file_count, id, l->outputs[i]);
    }
}

/* The bytes of a snapshot of one shard, and of one object a list but tokens, which apply never needs. */
struct snapshot {
    struct buf root;
    struct buf shard;
    struct buf ring;
    struct buf dead;
};

static void snapshot_fini(struct snapshot *b)
{
    buf_fini(&b->root);
    buf_fini(&b->shard);
    buf_fini(&b->ring);
    buf_fini(&b->dead);
}

static void snapshot_bytes(struct t *t, const struct table_state *s, struct snapshot *b)
{
    struct arena a;
    struct state_shard_entry entry = {.name = slice_str("snap/x")};
    struct state_snapshot self = {.number = state_number(s), .shards = &entry, .shard_count = 1};
    arena_init(&a, &t->mem, 1 << 24);
    buf_init(&b->root, &t->mem, 1 << 24);
    buf_init(&b->shard, &t->mem, 1 << 24);
    buf_init(&b->ring, &t->mem, 1 << 24);
    buf_init(&b->dead, &t->mem, 1 << 24);
    assert_int_equal(state_shard_end(s, 0, NULL), state_leaf_count(s));
    assert_ok(t, state_shard_encode(s, 0, state_leaf_count(s), &a, &b->shard, &t->err));
    assert_ok(t, state_root_encode(s, &self, &a, &b->root, &t->err));
    assert_ok(t, state_ring_encode(&s->ring, 0, s->ring.count, &b->ring, &t->err));
    assert_ok(t, state_dead_encode(s, 0, s->dead_count, &b->dead, &t->err));
    arena_fini(&a);
}

/* Go on from a snapshot of the state, as a reader of a trimmed log does. */
static void reload(struct trial *w)
{
    struct snapshot b;
    struct state_loader l = {0};
    snapshot_bytes(w->t, w->s, &b);
    assert_ok(w->t, state_new(&w->t->mem, &w->s->rules, &l.state, &w->t->err));
    assert_ok(w->t, state_load_root(&l, buf_slice(&b.root), &w->t->err));
    assert_ok(w->t, state_ring_load(&l.state->ring, buf_slice(&b.ring), &w->t->err));
    assert_ok(w->t, state_dead_load(l.state, buf_slice(&b.dead), &w->t->err));
    assert_ok(w->t, state_load_shard(&l, buf_slice(&b.shard), &w->t->err));
    assert_ok(w->t, state_load_end(&l, &w->t->err));
    state_loader_fini(&l);
    state_free(w->s);
    w->s = l.state;
    snapshot_fini(&b);
}

/* The same to the last byte. */
static void expect_same(struct t *t, const struct table_state *a, const struct table_state *b)
{
    struct snapshot x;
    struct snapshot y;
    snapshot_bytes(t, a, &x);
    snapshot_bytes(t, b, &y);
    assert_true(slice_equal(buf_slice(&x.root), buf_slice(&y.root)));
    assert_true(slice_equal(buf_slice(&x.shard), buf_slice(&y.shard)));
    assert_true(slice_equal(buf_slice(&x.ring), buf_slice(&y.ring)));
    assert_true(slice_equal(buf_slice(&x.dead), buf_slice(&y.dead)));
    snapshot_fini(&x);
    snapshot_fini(&y);
}

/* ------------------------------------------------------------------ a part of the leaves */

/* Load the snapshot of some leaves, as a reader of one shard does (rule P1). */
static void take_part(struct trial *w)
{
    struct snapshot b;
    struct buf shard;
    struct arena a;
    struct state_loader l = {0};
    size_t first = (size_t)t_below(w->t, state_leaf_count(w->s));
    size_t end = first + 1 + (size_t)t_below(w->t, state_leaf_count(w->s) - first);
    struct key_range range = state_leaf_at(w->s, first)->range;
    range.hi = state_leaf_at(w->s, end - 1)->range.hi;
    range.has_hi = state_leaf_at(w->s, end - 1)->range.has_hi;
    arena_init(&a, &w->t->mem, 1 << 24);
    buf_init(&shard, &w->t->mem, 1 << 24);
    snapshot_bytes(w->t, w->s, &b);
    assert_ok(w->t, state_shard_encode(w->s, first, end, &a, &shard, &w->t->err));
    assert_ok(w->t, state_new(&w->t->mem, &w->s->rules, &l.state, &w->t->err));
    assert_ok(w->t, state_load_root(&l, buf_slice(&b.root), &w->t->err));
    assert_ok(w->t, key_range_copy(&l.state->keys, range, &l.state->seen, &w->t->err));
    assert_ok(w->t, state_ring_load(&l.state->ring, buf_slice(&b.ring), &w->t->err));
    assert_ok(w->t, state_load_shard(&l, buf_slice(&shard), &w->t->err));
    assert_ok(w->t, state_load_end(&l, &w->t->err));
    state_loader_fini(&l);
    state_free(w->part);
    w->part = l.state;
    buf_fini(&shard);
    snapshot_fini(&b);
    arena_fini(&a);
}

static void expect_same_leaf(const struct state_leaf *a, const struct state_leaf *b)
{
    assert_true(slice_equal(a->range.lo, b->range.lo) && slice_equal(a->range.hi, b->range.hi));
    assert_int_equal(a->ref_count, b->ref_count);
    for (size_t i = 0; i < a->ref_count; i++) {
        struct state_brief x = state_leaf_brief(a, i);
        struct state_brief y = state_leaf_brief(b, i);
        struct state_rows rows = state_held_rows(a, &a->held[i]);
        struct state_rows other = state_held_rows(b, &b->held[i]);
        assert_true(state_id_equal(x.id, y.id));
        assert_true(slice_equal(x.range.lo, y.range.lo) && slice_equal(x.range.hi, y.range.hi));
        assert_int_equal(state_position_compare(x.low, y.low), 0);
        assert_int_equal(state_position_compare(x.high, y.high), 0);
        assert_true(rows.lo == other.lo && rows.hi == other.hi);
        assert_true(x.job ? y.job && state_id_equal(x.job->id, y.job->id) : !y.job);
    }
}

/* Each leaf of the part is a leaf of the whole, and each of those that lies there is in the part. */
static void part_is_the_same(const struct trial *w)
{
    size_t first = state_leaf_holding(w->s, w->part->seen.lo);
    for (size_t i = 0; i < state_leaf_count(w->part); i++)
        expect_same_leaf(state_leaf_at(w->part, i), state_leaf_at(w->s, first + i));
    const struct state_leaf *last = state_leaf_at(w->part, state_leaf_count(w->part) - 1);
    assert_int_equal(last->range.has_hi, w->part->seen.has_hi);
    assert_int_equal(state_unfiled_count(w->part), state_unfiled_count(w->s));
    assert_int_equal(w->part->ring.count, w->s->ring.count);
}

/* The same transaction, where not all leaves are known. */
static void replay_part(struct trial *w, const struct letter *l, struct state_position at)
{
    struct arena a;
    struct state_txn txn;
    struct state_outcome o;
    size_t used = 0;
    bool wants_more = true;
    arena_init(&a, &w->t->mem, 1 << 20);
    assert_ok(w->t, state_txn_decode(buf_slice(&l->bytes), 0, &a, &txn, &used, &w->t->err));
    if (w->part)
        wants_more = state_wants(w->part, &txn, at).kind == STATE_WANT_LEAF;
    if (!wants_more) {
        assert_ok(w->t, state_apply(w->part, &txn, at, &o, &w->t->err));
        part_is_the_same(w);
    }
    if (wants_more || t_below(w->t, 12) == 0)
        take_part(w);
    arena_fini(&a);
}

static struct slice shard_bytes(struct trial *w, size_t first, size_t end)
{
    struct arena a;
    struct buf out;
    struct slice copy;
    arena_init(&a, &w->t->mem, 1 << 24);
    buf_init(&out, &w->t->mem, 1 << 24);
    assert_ok(w->t, state_shard_encode(w->s, first, end, &a, &out, &w->t->err));
    assert_ok(w->t, arena_copy(&w->parent.arena, buf_slice(&out), &copy, &w->t->err));
    buf_fini(&out);
    arena_fini(&a);
    return copy;
}

/* A snapshot of shards of a few leaves, some of which are worth a shard. */
static void make_parent(struct trial *w)
{
    struct parent *p = &w->parent;
    if (p->arena.mem)
        arena_fini(&p->arena);
    memset(p, 0, sizeof *p);
    arena_init(&p->arena, &w->t->mem, 1 << 24);
    p->self.number = state_number(w->s);
    p->self.shards = p->shards;
    for (size_t first = 0; first < state_leaf_count(w->s);) {
        size_t i = p->self.shard_count++;
        size_t end = first + 1 + (size_t)t_below(w->t, 3);
        end = end < state_leaf_count(w->s) ? end : state_leaf_count(w->s);
        struct key_range range = state_leaf_at(w->s, first)->range;
        range.hi = state_leaf_at(w->s, end - 1)->range.hi;
        range.has_hi = state_leaf_at(w->s, end - 1)->range.has_hi;
        assert_ok(w->t, key_range_copy(&p->arena, range, &p->shards[i].range, &w->t->err));
        p->bytes[i] = shard_bytes(w, first, end);
        p->shards[i].bytes = t_below(w->t, 4) ? STATE_SHARD_LEAST_BYTES : p->bytes[i].len;
        first = end;
    }
    w->is_frame_over = true;
}

/* What the next snapshot takes over unseen is what it would come to. */
static void expect_kept_as_made(struct trial *w)
{
    const struct parent *p = &w->parent;
    for (size_t first = 0; p->self.shard_count && first < state_leaf_count(w->s);) {
        size_t end = 0;
        const struct state_shard_entry *kept = NULL;
        size_t whole = state_shard_end(w->s, first, &p->self);
        if (state_shard_is_kept(w->s, first, &p->self, &end, &kept)) {
            assert_int_equal(end, whole);
            assert_true(slice_equal(shard_bytes(w, first, end), p->bytes[kept - p->shards]));
            w->kept++;
        } else {
            w->made++;
        }
        first = whole;
    }
}

static void arrive(struct trial *w, const struct letter *l)
{
    struct arena a;
    struct state_txn txn;
    struct state_outcome o;
    size_t used = 0;
    struct state_position at = {.frame = state_number(w->s) + (t_below(w->t, 3) > 0)};
    if (w->is_frame_over)
        at.frame = state_number(w->s) + 1;
    w->is_frame_over = false;
    if (at.frame == state_number(w->s))
        at.index = w->ends[w->applied - 1].index + 1;
    arena_init(&a, &w->t->mem, 1 << 20);
    assert_ok(w->t, state_txn_decode(buf_slice(&l->bytes), 0, &a, &txn, &used, &w->t->err));
    assert_ok(w->t, state_apply(w->s, &txn, at, &o, &w->t->err));
    assert_ok(w->t, buf_append_slice(&w->log, buf_slice(&l->bytes), &w->t->err));
    w->ends[w->applied++] = at;
    note(w, &txn, l, &o);
    every_row_is_in_one_place(w);
    if (w->has_parts)
        replay_part(w, l, at);
    if (t_below(w->t, 8) == 0)
        reload(w);
    expect_kept_as_made(w);
    if (t_below(w->t, 6) == 0)
        make_parent(w);
    arena_fini(&a);
}

/* Post a letter, or take one out: any of those on their way, sometimes leaving a copy. */
static void step(struct trial *w)
{
    bool deliver = w->post_count == LATE || (w->post_count && t_below(w->t, 2));
    if (!deliver) {
        struct letter *l = &w->post[w->post_count];
        w->post_count += plan(w, l);
        return;
    }
    size_t i = (size_t)t_below(w->t, w->post_count);
    arrive(w, &w->post[i]);
    if (t_below(w->t, 8) == 0)
        return; /* it will come again */
    buf_fini(&w->post[i].bytes);
    w->post[i] = w->post[--w->post_count];
}

static const struct state_rules small = {.ring_max = 12, .unfiled_max = 4, .leaf_max = 12};

static void begin(struct trial *w)
{
    struct letter l = {0};
    struct slice point = slice_str("h");
    struct state_txn txn = {
        .kind = STATE_CREATE,
        .create = {.schema_json = slice_str("{}"), .split_points = &point, .split_point_count = 1}};
    assert_ok(w->t, state_new(&w->t->mem, &small, &w->s, &w->t->err));
    buf_init(&w->log, &w->t->mem, 1 << 24);
    w->m.cuts[7] = true;
    seal(w, &txn, &l);
    w->ends[0].frame = 1;
    struct arena a;
    struct state_outcome o;
    size_t used = 0;
    arena_init(&a, &w->t->mem, 1 << 20);
    assert_ok(w->t, state_txn_decode(buf_slice(&l.bytes), 0, &a, &txn, &used, &w->t->err));
    assert_ok(w->t, state_apply(w->s, &txn, w->ends[0], &o, &w->t->err));
    assert_ok(w->t, buf_append_slice(&w->log, buf_slice(&l.bytes), &w->t->err));
    w->applied = 1;
    arena_fini(&a);
    buf_fini(&l.bytes);
}

static void end_trial(struct trial *w)
{
    if (w->parent.arena.mem)
        arena_fini(&w->parent.arena);
    state_free(w->s);
    buf_fini(&w->log);
}

static void print(struct t *t, const struct table_state *s, struct buf *out)
{
    buf_init(out, &t->mem, 1 << 24);
    assert_ok(t, state_print(s, out, &t->err));
}

/* From its bytes alone, whole, the log gives the state that it gave bit by bit. */
static void replay_equals(struct trial *w)
{
    struct table_state *again = NULL;
    struct slice rest = buf_slice(&w->log);
    assert_ok(w->t, state_new(&w->t->mem, &small, &again, &w->t->err));
    for (size_t i = 0; i < w->applied; i++) {
        struct arena a;
        struct state_txn txn;
        struct state_outcome o;
        size_t used = 0;
        arena_init(&a, &w->t->mem, 1 << 20);
        assert_ok(w->t, state_txn_decode(rest, 0, &a, &txn, &used, &w->t->err));
        assert_ok(w->t, state_apply(again, &txn, w->ends[i], &o, &w->t->err));
        rest = slice_after(rest, used);
        arena_fini(&a);
    }
    assert_int_equal(rest.len, 0);
    struct buf one;
    struct buf two;
    print(w->t, w->s, &one);
    print(w->t, again, &two);
    assert_true(slice_equal(buf_slice(&one), buf_slice(&two)));
    expect_same(w->t, w->s, again);
    buf_fini(&one);
    buf_fini(&two);
    state_free(again);
}

static void every_row_stays_in_one_place_and_replay_and_snapshots_give_the_same_state(void **state)
{
    struct t *t = *state;
    static struct trial w;
    size_t jobs = 0;
    size_t dead = 0;
    size_t kept = 0;
    size_t made = 0;
    for (int i = 0; i < TRIALS; i++) {
        memset(&w, 0, sizeof w);
        w.t = t;
        begin(&w);
        for (int k = 0; k < STEPS * 2; k++)
            step(&w);
        while (w.post_count) {
            arrive(&w, &w.post[--w.post_count]);
            buf_fini(&w.post[w.post_count].bytes);
        }
        replay_equals(&w);
        jobs += w.m.job_count;
        dead += state_dead_count(w.s);
        kept += w.kept;
        made += w.made;
        end_trial(&w);
    }
    /* The histories are worth something: jobs were made and finished, shards kept and made anew. */
    assert_true(jobs > TRIALS * 2 && dead > TRIALS);
    assert_true(kept > TRIALS * 20 && made > TRIALS * 20);
}

static void a_part_of_the_leaves_replays_as_the_whole_does_there(void **state)
{
    struct t *t = *state;
    static struct trial w;
    for (int i = 0; i < TRIALS; i++) {
        memset(&w, 0, sizeof w);
        w.t = t;
        w.has_parts = true;
        begin(&w);
        for (int k = 0; k < STEPS * 2; k++)
            step(&w);
        while (w.post_count)
            buf_fini(&w.post[--w.post_count].bytes);
        state_free(w.part);
        end_trial(&w);
    }
}

T_MAIN(T_TEST(every_row_stays_in_one_place_and_replay_and_snapshots_give_the_same_state),
       T_TEST(a_part_of_the_leaves_replays_as_the_whole_does_there))
