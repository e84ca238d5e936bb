/*
 * The oracle: it replays each frame from below the faults, knows what has to be visible, and holds
 * what actors see against that.
 */
#include <inttypes.h>
#include <stdio.h>

#include "sim/world.h"
#include "state/global.h"
#include "state/reach.h"

const char world_letters[] = "bcdefghijklmnop";

static bool is_at(struct key_range range, int k)
{
    return key_range_holds(range, slice_of(world_letters + k, 1));
}

/* ------------------------------------------------------------------ digests */

static void mix(uint64_t *digest, uint64_t n)
{
    *digest = (*digest ^ n) * 0x9e3779b97f4a7c15u;
    *digest ^= *digest >> 29;
}

static void mix_position(uint64_t *digest, struct state_position p)
{
    mix(digest, p.frame);
    mix(digest, p.index);
}

static void mix_id(uint64_t *digest, struct state_id id)
{
    mix_position(digest, id.at);
    mix(digest, id.item);
}

static void mix_bytes(uint64_t *digest, struct slice s)
{
    mix(digest, s.len);
    for (size_t i = 0; i < s.len; i++)
        mix(digest, s.ptr[i]);
}

static void mix_job(uint64_t *digest, const struct state_job *job)
{
    mix_id(digest, job->id);
    mix(digest, job->attempt);
    mix(digest, job->extension);
    mix(digest, (uint64_t)job->deadline_us);
    mix(digest, job->inputs);
    mix(digest, job->drops_deletes);
    mix_position(digest, job->assigned);
    mix_position(digest, job->low);
    mix_position(digest, job->high);
}

static void mix_reference(uint64_t *digest, const struct state_reference *ref)
{
    const struct state_file *f = ref->file;
    mix_id(digest, f->id);
    mix_bytes(digest, f->extra);
    mix_position(digest, f->low);
    mix_position(digest, f->high);
    mix_position(digest, f->purged_through);
    mix(digest, f->info.crc32c);
    mix(digest, (uint64_t)ref->row_lo);
    mix(digest, (uint64_t)ref->row_hi);
    mix_bytes(digest, ref->range.lo);
    mix_bytes(digest, ref->range.hi);
    if (ref->job)
        mix_job(digest, ref->job);
}

static uint64_t global_digest(const struct table_state *s)
{
    uint64_t d = 1;
    mix(&d, (uint64_t)s->time_us);
    mix(&d, s->schema_version);
    mix(&d, state_ring_oldest_frame(&s->ring));
    mix(&d, s->ring.count);
    mix(&d, state_minted(s));
    mix(&d, state_horizon(s));
    mix(&d, state_is_paused(s));
    mix(&d, state_has_deleted(s));
    for (size_t i = 0; i < s->unfiled_count; i++)
        mix_reference(&d, &s->unfiled[i]->ref);
    for (size_t i = 0; i < state_purge_count(s); i++)
        mix_position(&d, state_purge_at(s, i)->at);
    for (size_t i = 0; i < state_pin_count(s); i++)
        mix(&d, state_pin_at(s, i)->number);
    for (size_t i = 0; i < state_verified_count(s); i++)
        mix_bytes(&d, slice_str(state_verified_at(s, i)->root));
    for (size_t i = 0; i < state_add_count(s); i++)
        mix_position(&d, state_add_at(s, i));
    for (size_t i = 0; i < state_property_count(s); i++)
        mix_bytes(&d, state_property_at(s, i)->value);
    for (size_t i = 0; i < state_submitted_count(s); i++) {
        mix_id(&d, state_submitted_at(s, i)->id);
        mix_id(&d, state_submitted_at(s, i)->job);
        mix(&d, state_submitted_at(s, i)->failures);
        mix_bytes(&d, state_submitted_at(s, i)->why);
    }
    for (size_t i = 0; i < s->job_count; i++)
        if (!state_job_is_local(s->jobs[i]))
            mix_job(&d, s->jobs[i]);
    return d;
}

static uint64_t leaf_digest(const struct table_state *s, const struct state_leaf *leaf)
{
    uint64_t d = 2;
    struct arena a;
    const struct state_reference *refs = NULL;
    arena_init(&a, s->mem, 1 << 20);
    if (state_leaf_references(leaf, &a, &refs, NULL) == SLP_OK)
        for (size_t i = 0; i < leaf->ref_count; i++)
            mix_reference(&d, &refs[i]);
    arena_fini(&a);
    return d;
}

static void keep_past(struct world *w, const struct table_state *s)
{
    if (s->number >= WORLD_FRAMES || s->leaf_count > WORLD_LEAVES) {
        sim_fail(&w->sim, "the world is too small: frame %" PRIu64 ", %zu leaves", s->number,
                 s->leaf_count);
        return;
    }
    if (state_minted(s) < w->minted || state_horizon(s) < w->horizon)
        sim_fail(&w->sim, "a mark falls in frame %" PRIu64, s->number);
    w->minted = state_minted(s);
    w->horizon = state_horizon(s);
    struct world_past *p = &w->pasts[s->number];
    memcpy(p->visible, w->visible, sizeof p->visible);
    p->global = global_digest(s);
    p->leaf_count = s->leaf_count;
    for (size_t i = 0; i < s->leaf_count; i++) {
        p->leaves[i].lo = world_first_of(s->leaves[i]->range.lo);
        p->leaves[i].hi = s->leaves[i]->range.has_hi ? world_first_of(s->leaves[i]->range.hi) : 0;
        p->leaves[i].digest = leaf_digest(s, s->leaves[i]);
    }
}

/* A leaf of somebody's view is the oracle's of that frame. */
static bool is_as_it_was(const struct world_past *p, const struct table_state *s,
                         const struct state_leaf *leaf)
{
    for (size_t i = 0; i < p->leaf_count; i++)
        if (p->leaves[i].lo == world_first_of(leaf->range.lo))
            return p->leaves[i].hi == (leaf->range.has_hi ? world_first_of(leaf->range.hi) : 0) &&
                   p->leaves[i].digest == leaf_digest(s, leaf);
    return false;
}

void world_check_view(struct world *w, const struct table_state *s)
{
    uint64_t n = s->number;
    if (n == 0 || sim_has_failed(&w->sim))
        return;
    if (w->later_frame && n >= w->later_frame)
        sim_fail(&w->sim, "frame %" PRIu64 " of a later version was read", n);
    else if (n > w->oracle.number)
        sim_fail(&w->sim, "a view of frame %" PRIu64 ", which the log does not have", n);
    else if (w->pasts[n].global != global_digest(s))
        sim_fail(&w->sim, "the global part at frame %" PRIu64 " is not what replay comes to%s", n,
                 state_is_partial(s) ? " (of a shard)" : "");
    else if (!state_is_partial(s) && w->pasts[n].leaf_count != s->leaf_count)
        sim_fail(&w->sim, "%zu leaves at frame %" PRIu64 ", replay comes to %zu", s->leaf_count, n,
                 w->pasts[n].leaf_count);
    for (size_t i = 0; i < s->leaf_count && !sim_has_failed(&w->sim); i++)
        if (!is_as_it_was(&w->pasts[n], s, s->leaves[i]))
            sim_fail(&w->sim, "leaf %zu at frame %" PRIu64 " is not what replay comes to%s", i, n,
                     state_is_partial(s) ? " (of a shard)" : "");
}

/* ------------------------------------------------------------------ rows */

struct world_file *world_file_of(struct world *w, const struct state_file *f)
{
    size_t i = f->info.crc32c;
    if (i < w->file_count && slice_is(f->name, w->files[i].name) &&
        (f->log_offset > 0) == w->files[i].is_embedded)
        return &w->files[i];
    sim_fail(&w->sim, "a file that nobody made: %.*s", SLICE_ARG(f->name));
    return NULL;
}

/* Is what a purge concerns at key k in this file (rules V3, V4)? Predicates are "b-f". */
static bool is_purged(const struct state_purge *p, const struct state_file *f, int k,
                      const struct state_job *job)
{
    if (!STATE_BUG(PURGE_ALL) && state_position_compare(p->at, f->purged_through) <= 0)
        return false;
    if (job && state_position_compare(p->at, job->assigned) > 0)
        return false;
    if (p->is_range)
        return is_at(p->range, k);
    return world_letters[k] >= (char)p->predicate.ptr[0] &&
           world_letters[k] <= (char)p->predicate.ptr[2];
}

/* One reference behind what was merged so far: its deletes act on older runs. */
static void merge_one(const struct table_state *s, const struct state_reference *ref,
                      const struct world_file *f, const struct state_job *job,
                      struct world_rows *out)
{
    for (int k = 0; k < WORLD_KEYS; k++) {
        bool is_gone = !is_at(ref->range, k);
        for (size_t i = 0; i < state_purge_count(s) && !is_gone; i++)
            is_gone = is_purged(state_purge_at(s, i), ref->file, k, job);
        if (is_gone)
            continue;
        if (f->rows.dels[k])
            out->puts[k] = 0;
        out->puts[k] |= f->rows.puts[k];
        out->dels[k] |= f->rows.dels[k];
    }
}

void world_merge(struct world *w, const struct table_state *s, const struct state_job *job,
                 struct world_rows *out)
{
    struct arena a;
    const struct state_reference **refs = NULL;
    size_t count = 0;
    memset(out, 0, sizeof *out);
    arena_init(&a, s->mem, 4 << 20);
    slp_rc rc = job ? state_job_references(s, job, &a, &refs, &count, NULL)
                    : state_references_meeting(s, (struct key_range){0}, &a, &refs, &count, NULL);
    for (size_t i = 0; rc == SLP_OK && i < count; i++) {
        const struct world_file *f = world_file_of(w, refs[i]->file);
        if (f)
            merge_one(s, refs[i], f, job, out);
    }
    arena_fini(&a);
}

/* ------------------------------------------------------------------ the oracle: what must hold */

/* Every row in one place, inside the positions of its run (rule O1), and its object there. */
static void check_places(struct world *w, const struct state_reference *const *refs, size_t count)
{
    struct world_rows seen = {0};
    for (size_t i = 0; i < count; i++) {
        const struct state_file *f = refs[i]->file;
        const struct world_file *file = world_file_of(w, f);
        if (!file)
            return;
        w->pasts[w->oracle.number].files[f->info.crc32c / 64] |= (uint64_t)1 << f->info.crc32c % 64;
        if (!file->is_there && !file->frame)
            sim_fail(&w->sim, "a live file without its object: %s", file->name);
        if (file->has_extra != (f->extra.len > 0))
            sim_fail(&w->sim, "the even field of a later version is lost: %s", file->name);
        for (int k = 0; k < WORLD_KEYS; k++) {
            uint64_t here = file->rows.puts[k] | file->rows.dels[k];
            if (!is_at(refs[i]->range, k))
                continue;
            if ((seen.puts[k] | seen.dels[k]) & here)
                sim_fail(&w->sim, "rows of additions %" PRIx64 " at key %c are in two places",
                         (seen.puts[k] | seen.dels[k]) & here, world_letters[k]);
            seen.puts[k] |= here;
            for (int n = 0; n < WORLD_ADDITIONS && here >> n; n++)
                if ((here >> n & 1) && (state_position_compare(w->additions[n].at, f->low) < 0 ||
                                        state_position_compare(w->additions[n].at, f->high) > 0))
                    sim_fail(&w->sim, "addition %d is not in the interval of its run", n);
        }
    }
}

static void check_rows(struct world *w, const struct table_state *s)
{
    struct arena a;
    const struct state_reference **refs = NULL;
    size_t count = 0;
    struct world_rows rows;
    arena_init(&a, s->mem, 4 << 20);
    if (state_references_meeting(s, (struct key_range){0}, &a, &refs, &count, NULL) == SLP_OK)
        check_places(w, refs, count);
    arena_fini(&a);
    world_merge(w, s, NULL, &rows);
    for (int k = 0; k < WORLD_KEYS && !sim_has_failed(&w->sim); k++)
        if (rows.puts[k] != w->visible[k])
            sim_fail(&w->sim,
                     "frame %" PRIu64 ": at key %c are additions %" PRIx64 ", not %" PRIx64,
                     s->number, world_letters[k], rows.puts[k], w->visible[k]);
}

/* ------------------------------------------------------------------ the oracle: what is visible */

/* An embedded file is known by its position from now on (rule G4). */
static void note_file(struct world *w, const struct state_new_file *added, struct state_position at)
{
    struct world_file *f = &w->files[added->info.crc32c];
    for (int k = 0; k < WORLD_KEYS; k++) {
        if (f->rows.dels[k])
            w->visible[k] = 0;
        w->visible[k] |= f->rows.puts[k];
    }
    w->tally.even += added->extra.len > 0;
    if (!added->body)
        return;
    (void)snprintf(f->name, sizeof f->name, "data/%02x/%020" PRIu64 "-log-%" PRIu64 ".parquet",
                   (unsigned)(at.frame & 0xff), at.frame, added->body_offset);
    f->is_embedded = true;
    f->frame = at.frame;
    w->tally.embedded++;
}

/* The files of one transaction have the rows of an addition once. */
static void note_add(struct world *w, const struct state_add *add, struct state_position at)
{
    uint64_t all = 0;
    for (size_t i = 0; i < add->count; i++) {
        size_t number = add->files[i].info.crc32c;
        if (number >= w->file_count)
            continue;
        for (int k = 0; k < WORLD_KEYS; k++)
            all |= w->files[number].rows.puts[k] | w->files[number].rows.dels[k];
        note_file(w, &add->files[i], at);
    }
    for (int n = 0; n < WORLD_ADDITIONS; n++) {
        if (!(all >> n & 1))
            continue;
        w->additions[n].at = at;
        if (++w->additions[n].applied > 1)
            sim_fail(&w->sim, "addition %d is applied twice", n);
    }
}

static void note_purge(struct world *w, char lo, char hi, const struct state_position *at)
{
    for (int k = 0; k < WORLD_KEYS; k++)
        if (world_letters[k] >= lo && world_letters[k] <= hi)
            w->visible[k] = 0;
    if (at && w->purge_count < WORLD_PURGES)
        w->purges[w->purge_count++] = (struct world_purge){.at = *at, .lo = lo, .hi = hi};
}

/* Range deletes are those of the snapshot; purges are for good (rule G5). */
static void note_restore(struct world *w, const struct state_restore *r, uint64_t frame)
{
    memcpy(w->visible, w->pasts[r->number].visible, sizeof w->visible);
    if (w->restore_count < WORLD_RESTORES) {
        w->restores[w->restore_count].frame = frame;
        memcpy(w->restores[w->restore_count++].root, r->root.ptr, r->root.len);
    }
    for (size_t i = 0; i < w->purge_count; i++) {
        const struct world_purge *p = &w->purges[i];
        uint64_t older = 0;
        for (int n = 0; n < WORLD_ADDITIONS; n++)
            if (w->additions[n].applied && state_position_compare(w->additions[n].at, p->at) < 0)
                older |= (uint64_t)1 << n;
        for (int k = 0; k < WORLD_KEYS; k++)
            if (world_letters[k] >= p->lo && world_letters[k] <= p->hi)
                w->visible[k] &= ~older;
    }
    w->tally.restores++;
    if (state_job_count(w->oracle.machine.table))
        sim_fail(&w->sim, "a job is open behind a restore"); /* rule G5 */
}

/* Rule V5: rows that a purge took are not seen again. */
static void note_retire(struct world *w, const struct state_retire_purge *r,
                        const struct state_outcome *o)
{
    const struct table_state *s = w->oracle.machine.table;
    for (size_t i = 0; i < r->count && i < o->item_count; i++)
        for (size_t k = 0; k < w->purge_count && o->items[i] == STATE_REASON_APPLIED; k++) {
            bool is_open = state_horizon(s) <= w->purges[k].at.frame;
            if (state_position_compare(w->purges[k].at, r->purges[i]) != 0)
                continue;
            for (size_t p = 0; p < state_pin_count(s); p++)
                is_open = is_open || state_pin_at(s, p)->number < w->purges[k].at.frame;
            if (is_open)
                sim_fail(&w->sim, "a purge is retired though a state before it may be restored");
        }
}

static void note(struct world *w, const struct state_txn *txn, const struct state_outcome *o,
                 struct state_position at)
{
    if (w->verdict_count < WORLD_TXNS)
        w->verdicts[w->verdict_count++] = (struct world_verdict){.at = at, .reason = o->reason};
    if (o->reason != STATE_REASON_APPLIED || o->is_duplicate)
        return;
    if (txn->base >= at.frame)
        sim_fail(&w->sim, "a transaction counts that has seen its own frame"); /* rule I2 */
    world_note_batch(w, txn, o, at);
    if (txn->kind == STATE_VERIFIED)
        world_note_verified(w, &txn->verified);
    else if (txn->kind == STATE_RETIRE_PURGE)
        note_retire(w, &txn->retire, o);
    else if (txn->kind == STATE_ADD)
        note_add(w, &txn->add, at);
    else if (txn->kind == STATE_RANGE_DELETE)
        note_purge(w, world_first_of(txn->range_delete.range.lo),
                   (char)(world_first_of(txn->range_delete.range.hi) - 1), NULL);
    else if (txn->kind == STATE_PURGE)
        note_purge(w, (char)txn->purge.predicate.ptr[0], (char)txn->purge.predicate.ptr[2], &at);
    else if (txn->kind == STATE_RESTORE)
        note_restore(w, &txn->restore, at.frame);
}

/* Fencing: whoever ends or takes over a job knew it as it is (rule T1). */
struct fence {
    bool is_stale[4];
    bool is_pinned; /* what is to be restored */
};

static bool is_stale(const struct table_state *s, struct state_id id, uint32_t attempt)
{
    const struct state_job *job = state_job_find(s, id);
    return !job || job->attempt != attempt;
}

static void look_at_jobs(const struct table_state *s, const struct state_txn *txn,
                         struct fence *out)
{
    for (size_t i = 0; txn->kind == STATE_REPLACE && i < txn->replace.count && i < 4; i++)
        out->is_stale[i] = is_stale(s, txn->replace.items[i].job, txn->replace.items[i].attempt);
    for (size_t i = 0; txn->kind == STATE_FAIL && i < txn->fail.count && i < 4; i++)
        out->is_stale[i] = is_stale(s, txn->fail.items[i].job, txn->fail.items[i].attempt);
    for (size_t i = 0; txn->kind == STATE_EXTEND && i < txn->extend.count && i < 4; i++)
        out->is_stale[i] = is_stale(s, txn->extend.items[i].job, txn->extend.items[i].attempt);
    for (size_t i = 0; txn->kind == STATE_RESTORE && i < state_pin_count(s); i++)
        out->is_pinned =
            out->is_pinned || (state_pin_at(s, i)->number == txn->restore.number &&
                               slice_equal(state_pin_at(s, i)->root, txn->restore.root));
    for (size_t i = 0; txn->kind == STATE_REASSIGN && i < txn->reassign.count && i < 4; i++) {
        const struct state_job *job = state_job_find(s, txn->reassign.items[i].job);
        out->is_stale[i] = !job || job->attempt != txn->reassign.items[i].attempt ||
                           job->extension != txn->reassign.items[i].extension;
    }
}

static void check_fence(struct world *w, const struct fence *f, const struct state_outcome *o)
{
    for (size_t i = 0; i < o->item_count && i < 4; i++)
        if (f->is_stale[i] && o->items[i] == STATE_REASON_APPLIED && !o->is_duplicate)
            sim_fail(&w->sim, "a job was ended or taken over by who did not know it as it is");
    if (f->is_pinned &&
        (o->reason == STATE_REASON_TOO_OLD || o->reason == STATE_REASON_NO_SNAPSHOT))
        sim_fail(&w->sim, "a pinned state cannot be restored");
}

/* ------------------------------------------------------------------ the oracle: replay */

static bool is_of_later_version(struct slice bytes)
{
    static const char mark[] = "later version";
    return memmem(bytes.ptr, bytes.len, mark, sizeof mark - 1) != NULL;
}

static slp_rc take_frame(struct world *w, struct slp_err *err)
{
    struct state_replica *r = &w->oracle;
    struct state_frame frame;
    struct slice bytes = buf_slice(&w->frame);
    TRY(state_replica_open_frame(r, bytes, &frame, err));
    for (uint32_t i = 0; i < frame.txn_count; i++) {
        struct state_outcome o;
        struct fence fence = {.is_pinned = false};
        look_at_jobs(r->machine.table, &frame.txns[i], &fence);
        TRY(state_replica_apply(r, &frame, i, &o, err));
        check_fence(w, &fence, &o);
        world_note_body(w, &frame.txns[i], frame.number);
        note(w, &frame.txns[i], &o, (struct state_position){.frame = frame.number, .index = i});
    }
    TRY(state_replica_close_frame(r, &frame, bytes, err));
    w->tally.frames++;
    return SLP_OK;
}

void world_settle(struct sim *sim)
{
    struct world *w = (struct world *)(void *)sim;
    struct slp_err err = {0};
    if (!sim_has_failed(sim))
        world_check_deadlines(w);
    if (!w->is_changed || w->later_frame || sim_has_failed(sim))
        return;
    w->is_changed = false;
    uint64_t before = w->oracle.number;
    for (;;) {
        struct state_name name;
        state_replica_name(&w->oracle, w->oracle.number + 1, &name);
        if (store_get(sim->below, state_name_slice(&name), &w->frame, NULL) != SLP_OK)
            break;
        if (is_of_later_version(buf_slice(&w->frame))) {
            w->later_frame = w->oracle.number + 1;
            return;
        }
        if (take_frame(w, &err) != SLP_OK) {
            sim_fail(sim, "the oracle: %s", err.text);
            return;
        }
        keep_past(w, w->oracle.machine.table);
        check_rows(w, w->oracle.machine.table);
        world_check_submitted(w, w->oracle.machine.table);
        world_follow(w);
    }
    if (w->oracle.number == before)
        check_rows(w, w->oracle.machine.table); /* an object went */
    world_check_pins(w);
}

static void lose_file(struct world *w, size_t i)
{
    uint64_t bit = (uint64_t)1 << i % 64;
    bool is_lost = !w->files[i].is_there && !w->files[i].frame;
    w->lost[i / 64] = is_lost ? w->lost[i / 64] | bit : w->lost[i / 64] & ~bit;
}

/* A frame goes, and with it what is embedded there. */
static void lose_frame(struct world *w, struct slice name)
{
    uint64_t number = 0;
    if (!state_frame_number(name, &number))
        return;
    for (size_t i = 0; i < w->file_count; i++)
        if (w->files[i].frame == number) {
            w->files[i].frame = 0;
            lose_file(w, i);
        }
}

void world_effect(struct sim *sim, enum store_verb verb, struct slice name)
{
    struct world *w = (struct world *)(void *)sim;
    struct slice rest = slice_after(name, strlen(w->oracle.place)); /* "t/<32 digits>/" */
    bool is_deleted = verb == STORE_DELETE;
    if (slice_is(rest, "floor"))
        world_check_floor(w);
    if (is_deleted)
        world_check_deleted(w, rest);
    if (slice_starts_with(rest, slice_str("log/"))) {
        w->is_changed = true;
        if (is_deleted)
            lose_frame(w, rest);
    }
    if (!slice_starts_with(rest, slice_str("data/")))
        return;
    for (size_t i = 0; i < w->file_count; i++)
        if (slice_is(rest, w->files[i].name)) {
            w->files[i].is_there = !is_deleted;
            lose_file(w, i);
        }
    w->is_changed = w->is_changed || is_deleted;
}
