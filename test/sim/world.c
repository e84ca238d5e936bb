#include "sim/world.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "state/global.h"

static const char schema_json[] =
    "{\"rowKeyFields\":[{\"name\":\"key\",\"type\":\"StringType\"}],\"sortKeyFields\":[],"
    "\"valueFields\":[]}";

static const char letters[] = "bcdefghijklmnop";

#define YEARS_US ((int64_t)3 * 365 * 86400 * 1000 * 1000)

struct key_range world_range(const char *lo, const char *hi)
{
    struct key_range r = {.lo = slice_of(lo, *lo != 0)};
    r.has_hi = *hi != 0;
    if (r.has_hi)
        r.hi = slice_of(hi, 1);
    return r;
}

static bool is_at(struct key_range range, int k)
{
    return key_range_holds(range, slice_of(letters + k, 1));
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

static char first_of(struct slice key)
{
    return key.len ? (char)key.ptr[0] : 0;
}

static void keep_past(struct world *w, const struct table_state *s)
{
    if (s->number >= WORLD_FRAMES || s->leaf_count > WORLD_LEAVES) {
        sim_fail(&w->sim, "the world is too small: frame %" PRIu64 ", %zu leaves", s->number,
                 s->leaf_count);
        return;
    }
    struct world_past *p = &w->pasts[s->number];
    memcpy(p->visible, w->visible, sizeof p->visible);
    p->global = global_digest(s);
    p->leaf_count = s->leaf_count;
    for (size_t i = 0; i < s->leaf_count; i++) {
        p->leaves[i].lo = first_of(s->leaves[i]->range.lo);
        p->leaves[i].hi = s->leaves[i]->range.has_hi ? first_of(s->leaves[i]->range.hi) : 0;
        p->leaves[i].digest = leaf_digest(s, s->leaves[i]);
    }
}

/* A leaf of somebody's view is the oracle's of that frame. */
static bool is_as_it_was(const struct world_past *p, const struct table_state *s,
                         const struct state_leaf *leaf)
{
    for (size_t i = 0; i < p->leaf_count; i++)
        if (p->leaves[i].lo == first_of(leaf->range.lo))
            return p->leaves[i].hi == (leaf->range.has_hi ? first_of(leaf->range.hi) : 0) &&
                   p->leaves[i].digest == leaf_digest(s, leaf);
    return false;
}

static void check_view(struct world *w, const struct table_state *s)
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

static struct world_file *file_of(struct world *w, const struct state_file *f)
{
    size_t i = f->info.crc32c;
    if (i < w->file_count && slice_is(f->name, w->files[i].name))
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
    return letters[k] >= (char)p->predicate.ptr[0] && letters[k] <= (char)p->predicate.ptr[2];
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
        const struct world_file *f = file_of(w, refs[i]->file);
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
        const struct world_file *file = file_of(w, f);
        if (!file)
            return;
        if (!file->is_there)
            sim_fail(&w->sim, "a live file without its object: %s", file->name);
        if (file->has_extra != (f->extra.len > 0))
            sim_fail(&w->sim, "the even field of a later version is lost: %s", file->name);
        for (int k = 0; k < WORLD_KEYS; k++) {
            uint64_t here = file->rows.puts[k] | file->rows.dels[k];
            if (!is_at(refs[i]->range, k))
                continue;
            if ((seen.puts[k] | seen.dels[k]) & here)
                sim_fail(&w->sim, "rows of additions %" PRIx64 " at key %c are in two places",
                         (seen.puts[k] | seen.dels[k]) & here, letters[k]);
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
                     s->number, letters[k], rows.puts[k], w->visible[k]);
}

/* ------------------------------------------------------------------ the oracle: what is visible */

static void note_add(struct world *w, const struct state_add *add, struct state_position at)
{
    for (size_t i = 0; i < add->count; i++) {
        size_t number = add->files[i].info.crc32c;
        const struct world_file *f = number < w->file_count ? &w->files[number] : NULL;
        uint64_t all = 0;
        for (int k = 0; f && k < WORLD_KEYS; k++) {
            all |= f->rows.puts[k] | f->rows.dels[k];
            if (f->rows.dels[k])
                w->visible[k] = 0;
            w->visible[k] |= f->rows.puts[k];
        }
        for (int n = 0; n < WORLD_ADDITIONS; n++) {
            if (!(all >> n & 1))
                continue;
            w->additions[n].at = at;
            if (++w->additions[n].applied > 1)
                sim_fail(&w->sim, "addition %d is applied twice", n);
        }
    }
}

static void note_purge(struct world *w, char lo, char hi, const struct state_position *at)
{
    for (int k = 0; k < WORLD_KEYS; k++)
        if (letters[k] >= lo && letters[k] <= hi)
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
            if (letters[k] >= p->lo && letters[k] <= p->hi)
                w->visible[k] &= ~older;
    }
    w->tally.restores++;
}

static void note(struct world *w, const struct state_txn *txn, const struct state_outcome *o,
                 struct state_position at)
{
    if (w->verdict_count < WORLD_TXNS)
        w->verdicts[w->verdict_count++] = (struct world_verdict){.at = at, .reason = o->reason};
    if (o->reason != STATE_REASON_APPLIED || o->is_duplicate)
        return;
    if (txn->kind == STATE_ADD)
        note_add(w, &txn->add, at);
    else if (txn->kind == STATE_RANGE_DELETE)
        note_purge(w, first_of(txn->range_delete.range.lo),
                   (char)(first_of(txn->range_delete.range.hi) - 1), NULL);
    else if (txn->kind == STATE_PURGE)
        note_purge(w, (char)txn->purge.predicate.ptr[0], (char)txn->purge.predicate.ptr[2], &at);
    else if (txn->kind == STATE_RESTORE)
        note_restore(w, &txn->restore, at.frame);
}

/* Fencing: whoever ends or takes over a job knew it as it is (rule T1). */
struct fence {
    bool is_stale[4];
};

static void look_at_jobs(const struct table_state *s, const struct state_txn *txn,
                         struct fence *out)
{
    for (size_t i = 0; txn->kind == STATE_REPLACE && i < txn->replace.count && i < 4; i++) {
        const struct state_job *job = state_job_find(s, txn->replace.items[i].job);
        out->is_stale[i] = !job || job->attempt != txn->replace.items[i].attempt;
    }
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
        struct fence fence = {{false}};
        look_at_jobs(r->machine.table, &frame.txns[i], &fence);
        TRY(state_replica_apply(r, &frame, i, &o, err));
        check_fence(w, &fence, &o);
        note(w, &frame.txns[i], &o, (struct state_position){.frame = frame.number, .index = i});
    }
    TRY(state_replica_close_frame(r, &frame, bytes, err));
    w->tally.frames++;
    return SLP_OK;
}

static void settle(struct sim *sim)
{
    struct world *w = (struct world *)(void *)sim;
    struct slp_err err = {0};
    if (!w->is_changed || w->later_frame || sim_has_failed(sim))
        return;
    w->is_changed = false;
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
    }
    check_rows(w, w->oracle.machine.table);
}

static void effect(struct sim *sim, enum store_verb verb, struct slice name)
{
    struct world *w = (struct world *)(void *)sim;
    struct slice rest = slice_after(name, 35); /* "t/<32 digits>/" */
    if (slice_starts_with(rest, slice_str("log/")))
        w->is_changed = true;
    if (!slice_starts_with(rest, slice_str("data/")))
        return;
    for (size_t i = 0; i < w->file_count; i++)
        if (slice_is(rest, w->files[i].name))
            w->files[i].is_there = verb != STORE_DELETE;
    w->is_changed = w->is_changed || verb == STORE_DELETE;
}

/* ------------------------------------------------------------------ actors' hands */

bool world_accepts(struct world *w, slp_rc rc, const struct slp_err *err)
{
    bool is_told_later = w->later_frame && rc == SLP_UNSUPPORTED;
    if (rc != SLP_OK && rc != SLP_UNKNOWN && rc != SLP_UNAVAILABLE && !is_told_later)
        sim_fail(&w->sim, "%s: %s: %s", w->sim.actors[w->sim.running].name, err_name(rc),
                 err->text);
    return rc == SLP_OK;
}

static slp_rc open_seat(struct world *w, struct key_range range, struct world_seat *out,
                        struct slp_err *err)
{
    struct hash128 seed = {{0}};
    uint64_t random = sim_random(&w->sim);
    memcpy(seed.bytes, &random, sizeof random);
    struct state_options o = {
        .seed = &seed, .rules = {.ring_max = WORLD_RING, .unfiled_max = 6, .leaf_max = 1000}};
    struct state_open_options part = {.range = range};
    slp_rc rc = SLP_UNAVAILABLE;
    for (int i = 0; i < 100 && rc == SLP_UNAVAILABLE; i++)
        rc = state_instance_open(&w->sim.mem, &w->sim.base, &o, &out->instance, err);
    if (rc != SLP_OK)
        return rc;
    rc = SLP_UNAVAILABLE;
    for (int i = 0; i < 100 && rc == SLP_UNAVAILABLE; i++)
        rc = state_table_open_with(out->instance, slice_str("t"), &part, &out->table, err);
    return rc;
}

bool world_sit(struct world *w, struct key_range range, struct world_seat *out)
{
    struct slp_err err = {0};
    *out = (struct world_seat){.w = w};
    if (!world_accepts(w, open_seat(w, range, out, &err), &err))
        return false;
    check_view(w, state_table_view(out->table));
    return true;
}

void world_leave(struct world_seat *seat)
{
    state_table_close(seat->table);
    state_instance_close(seat->instance);
}

bool world_refresh(struct world_seat *seat)
{
    struct slp_err err = {0};
    struct world *w = seat->w;
    uint64_t least = w->acknowledged;
    if (!world_accepts(w, state_table_refresh(seat->table, &err), &err))
        return false;
    const struct table_state *s = state_table_view(seat->table);
    check_view(w, s);
    if (s->number < least)
        sim_fail(&w->sim,
                 "a read at frame %" PRIu64 " misses frame %" PRIu64 ", which somebody was "
                 "told of before",
                 s->number, least);
    return !sim_has_failed(&w->sim);
}

static void check_answer(struct world *w, const struct state_result *r)
{
    const struct state_outcome *o = &r->outcome;
    size_t i = 0;
    while (i < w->verdict_count && state_position_compare(w->verdicts[i].at, o->at) != 0)
        i++;
    if (i == w->verdict_count)
        sim_fail(&w->sim, "told of transaction %" PRIu64 ".%u, which the log does not have",
                 o->at.frame, o->at.index);
    else if (w->verdicts[i].reason != o->reason)
        sim_fail(&w->sim, "told that transaction %" PRIu64 ".%u is %s, but it is %s", o->at.frame,
                 o->at.index, state_reason_name(o->reason),
                 state_reason_name(w->verdicts[i].reason));
    if (o->at.frame > w->acknowledged)
        w->acknowledged = o->at.frame;
}

bool world_commit(struct world_seat *seat, struct state_txn *txn, struct slice token,
                  struct state_result *r)
{
    struct slp_err err = {0};
    struct state_commit_options o = {.token = token};
    slp_rc rc = state_table_commit(seat->table, txn, &o, r, &err);
    if (!world_accepts(seat->w, rc, &err))
        return false;
    check_answer(seat->w, r);
    check_view(seat->w, state_table_view(seat->table));
    if (r->outcome.reason == STATE_REASON_EXPIRED)
        sim_fail(&seat->w->sim, "told that a transaction of its own is expired");
    return r->outcome.reason == STATE_REASON_APPLIED && !sim_has_failed(&seat->w->sim);
}

bool world_file(struct world_seat *seat, const struct world_rows *rows, struct state_new_file *out)
{
    struct world *w = seat->w;
    struct state_name name;
    struct state_name whole;
    int first = 0;
    int last = WORLD_KEYS - 1;
    while (first < WORLD_KEYS && !(rows->puts[first] | rows->dels[first]))
        first++;
    while (last >= 0 && !(rows->puts[last] | rows->dels[last]))
        last--;
    if (last < 0 || w->file_count == WORLD_FILES ||
        state_data_name(seat->table, (struct slice){0}, &name, NULL) != SLP_OK ||
        state_table_object(seat->table, state_name_slice(&name), &whole, NULL) != SLP_OK)
        return false;
    struct world_file *f = &w->files[w->file_count];
    (void)snprintf(f->name, sizeof f->name, "%s", name.text);
    f->rows = *rows;
    *out = (struct state_new_file){.name = slice_str(f->name),
                                   .schema_version =
                                       state_schema_version(state_table_view(seat->table))};
    out->info.rows = 100;
    out->info.crc32c = (uint32_t)w->file_count++;
    out->info.first_key = slice_of(letters + first, 1);
    out->info.last_key = slice_of(letters + last, 1);
    for (int k = 0; k < WORLD_KEYS; k++)
        out->deletes += rows->dels[k] != 0;
    slp_rc rc = SLP_UNAVAILABLE;
    for (int i = 0; i < 3 && rc == SLP_UNAVAILABLE; i++)
        rc = store_put_if_absent(&w->sim.base, state_name_slice(&whole), slice_str("rows"), NULL);
    return rc == SLP_OK;
}

void world_pause(struct world_seat *seat, uint64_t most_us)
{
    store_sleep_us(&seat->w->sim.base, (int64_t)sim_below(&seat->w->sim, most_us));
}

/* ------------------------------------------------------------------ the beginning */

static void make_additions(struct world *w)
{
    for (int n = 0; n < WORLD_ADDITIONS; n++) {
        int lo = (int)sim_below(&w->sim, WORLD_KEYS);
        struct world_rows *rows = &w->additions[n].rows;
        bool is_delete = w->has_deletes && sim_below(&w->sim, 4) == 0;
        for (int k = lo; k < WORLD_KEYS && k < lo + 6; k++)
            (is_delete ? rows->dels : rows->puts)[k] = (uint64_t)1 << n;
    }
}

static bool make_table(struct world *w, uint64_t seed)
{
    static const struct slice points[2] = {{(const uint8_t *)"e", 1}, {(const uint8_t *)"h", 1}};
    struct state_table_options o = {.name = slice_str("t"),
                                    .schema_json = slice_str(schema_json),
                                    .split_points = points,
                                    .split_point_count = 1 + seed % 2};
    struct hash128 id_seed = {{1}};
    struct state_options options = {
        .seed = &id_seed, .rules = {.ring_max = WORLD_RING, .unfiled_max = 6, .leaf_max = 1000}};
    struct state_table *table = NULL;
    bool ok =
        state_instance_create(w->sim.below, &options, NULL) == SLP_OK &&
        state_instance_open(&w->sim.mem, w->sim.below, &options, &w->instance, NULL) == SLP_OK &&
        state_table_create(w->instance, &o, NULL) == SLP_OK &&
        state_table_open(w->instance, slice_str("t"), &table, NULL) == SLP_OK;
    if (!ok)
        return false;
    struct hash128 id = state_table_id(table);
    state_table_close(table);
    return state_replica_init(&w->oracle, w->instance, &id, NULL) == SLP_OK;
}

/* How the store and the actors behave, by the seed. */
static struct sim_faults faults_of(uint64_t seed)
{
    struct sim_faults f = {
        .refuse = 20, .lose_before = 40, .lose_after = 40, .freeze = 3, .kill = 2, .stale = 200};
    switch (seed % 5) {
    case 1: /* sleepers who are not answered */
        f = (struct sim_faults){.lose_before = 60, .lose_after = 150, .freeze = 25, .kill = 1};
        break;
    case 2: /* a busy store */
        f.throttle = 4;
        f.cut = 10;
        break;
    case 3: /* nobody lives long, clocks are wrong */
        f.kill = 6;
        f.skew_us = YEARS_US;
        break;
    case 4: /* all is well, but slow */
        f = (struct sim_faults){.freeze = 2, .cut = 20};
        break;
    default:
        break;
    }
    return f;
}

/* ------------------------------------------------------------------ the actors of a seed */

static void spawn_writers(struct world *w, struct world_writer *writers, int count)
{
    static const char *const names[2] = {"writer", "successor"};
    for (int i = 0; i < count; i++) {
        writers[i] = (struct world_writer){.w = w, .number = i, .has_tokens = i % 2 == 0};
        sim_spawn(&w->sim, names[0], world_writer, &writers[i]);
    }
    for (int i = 0; i < count; i += 2) {
        writers[count + i] = writers[i];
        writers[count + i].is_successor = true;
        sim_spawn(&w->sim, names[1], world_writer, &writers[count + i]);
    }
}

/* Writers and what moves the log, always; of the others some. */
static void spawn_all(struct world *w, uint64_t seed, struct world_writer *writers)
{
    static const struct {
        const char *name;
        sim_actor_fn run;
    } others[] = {
        {"compactor", world_compactor},
        {"other compactor", world_compactor},
        {"cutter", world_cutter},
        {"folder", world_folder},
        {"importer", world_importer},
        {"collector", world_collector},
        {"other collector", world_collector},
        {"pinner", world_pinner},
        {"purger", world_purger},
        {"setter", world_setter},
        {"shard reader", world_shard_reader},
        {"other shard reader", world_shard_reader},
        {"repeater", world_repeater},
        {"committer", world_committer},
    };
    spawn_writers(w, writers, 4);
    for (int i = 0; i < 2; i++) {
        writers[8 + i] = (struct world_writer){.w = w, .number = 4 + i};
        if (seed % 3 == 0)
            sim_spawn(&w->sim, "leaver", world_leaver, &writers[8 + i]);
    }
    sim_spawn(&w->sim, "keeper", world_keeper, w);
    sim_spawn(&w->sim, "other keeper", world_keeper, w);
    sim_spawn(&w->sim, "reader", world_reader, w);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (sim_below(&w->sim, 2))
            sim_spawn(&w->sim, others[i].name, others[i].run, w);
    if (seed % 7 == 0)
        sim_spawn(&w->sim, "newcomer", world_newcomer, w);
}

/* ------------------------------------------------------------------ the end */

/* Whoever comes back to a quiet table can end all that is open, and commit. */
static void check_nothing_sticks(struct world *w, struct world_seat *seat)
{
    const struct table_state *s = state_table_view(seat->table);
    struct state_result r;
    if (state_is_paused(s)) {
        struct state_txn resume = {.kind = STATE_RESUME};
        (void)world_commit(seat, &resume, (struct slice){0}, &r);
    }
    for (size_t left = 200; left > 0 && state_job_count(state_table_view(seat->table)); left--) {
        struct state_job job = *state_job_at(state_table_view(seat->table), 0);
        char lo = first_of(job.range.lo);
        char hi = job.range.has_hi ? first_of(job.range.hi) : 0;
        struct key_range range = job.kind == STATE_JOB_FOLD ? job.range : world_range(&lo, &hi);
        struct state_reassign_item item = {.job = job.id,
                                           .attempt = job.attempt,
                                           .range = range,
                                           .extension = job.extension,
                                           .deadline_us = job.deadline_us + 1};
        struct state_txn reassign = {.kind = STATE_REASSIGN,
                                     .reassign = {.items = &item, .count = 1}};
        if (!world_commit(seat, &reassign, (struct slice){0}, &r))
            sim_fail(&w->sim, "a job cannot be taken over: %s",
                     state_reason_name(r.outcome.reason));
        const struct state_job *now = state_job_find(state_table_view(seat->table), job.id);
        if (!now || sim_has_failed(&w->sim))
            return;
        struct state_fail_item end = {.job = job.id, .attempt = now->attempt, .range = now->range};
        struct state_txn fail = {.kind = STATE_FAIL, .fail = {.items = &end, .count = 1}};
        if (!world_commit(seat, &fail, (struct slice){0}, &r))
            sim_fail(&w->sim, "a job cannot be ended: %s", state_reason_name(r.outcome.reason));
    }
    if (state_job_count(state_table_view(seat->table)))
        sim_fail(&w->sim, "jobs stay open for ever");
}

/* A pinned state opens, is what it was, and all its files are there (rule S4). */
static void check_pins(struct world *w, struct world_seat *seat)
{
    for (size_t i = 0; i < state_pin_count(state_table_view(seat->table)); i++) {
        struct slp_err err = {0};
        struct state_open_options o = {.at =
                                           state_pin_at(state_table_view(seat->table), i)->number};
        struct state_table *then = NULL;
        struct arena a;
        const struct state_file **files = NULL;
        size_t count = 0;
        if (state_table_open_with(seat->instance, slice_str("t"), &o, &then, &err) != SLP_OK) {
            sim_fail(&w->sim, "a pin does not resolve: %s", err.text);
            return;
        }
        check_view(w, state_table_view(then));
        arena_init(&a, &w->sim.mem, 4 << 20);
        if (state_files(state_table_view(then), &a, &files, &count, NULL) == SLP_OK)
            for (size_t k = 0; k < count; k++) {
                const struct world_file *f = file_of(w, files[k]);
                if (f && !f->is_there)
                    sim_fail(&w->sim, "a pinned file without its object: %s", f->name);
            }
        arena_fini(&a);
        state_table_close(then);
    }
}

static void check_acknowledged(struct world *w)
{
    for (int n = 0; n < WORLD_ADDITIONS; n++) {
        if (w->additions[n].is_acknowledged && w->additions[n].applied != 1)
            sim_fail(&w->sim, "addition %d was acknowledged and is applied %u times", n,
                     w->additions[n].applied);
        w->tally.acknowledged += w->additions[n].is_acknowledged;
    }
}

/* When everything has come to rest. */
static void run_last(struct sim *sim, void *arg)
{
    struct world *w = arg;
    struct world_seat seat;
    if (w->later_frame || !world_sit(w, (struct key_range){0}, &seat))
        return;
    if (world_refresh(&seat)) {
        check_nothing_sticks(w, &seat);
        check_pins(w, &seat);
    }
    world_leave(&seat);
    (void)sim;
}

void world_run(struct world *w, uint64_t seed)
{
    static struct world_writer writers[10];
    struct sim_faults faults = faults_of(seed);
    memset(w, 0, sizeof *w);
    sim_begin(&w->sim, seed, &faults);
    buf_init(&w->frame, &w->sim.mem, STATE_FRAME_MAX_BYTES);
    w->has_deletes = seed % 4 != 0;
    w->has_unfiled = seed % 3 != 0;
    if (!make_table(w, seed)) {
        sim_fail(&w->sim, "no table");
        return;
    }
    w->sim.on_effect = effect;
    w->sim.on_settle = settle;
    w->is_changed = true;
    make_additions(w);
    settle(&w->sim);
    spawn_all(w, seed, writers);
    sim_run(&w->sim);
    if (sim_has_failed(&w->sim))
        return;
    check_acknowledged(w);
    /* The dust has settled: no more faults, and clocks are right. */
    w->sim.faults = (struct sim_faults){0};
    w->sim.throttled_until_us = 0;
    w->sim.now_us += (int64_t)86400 * 1000 * 1000;
    w->sim.actor_count = 0;
    sim_spawn(&w->sim, "last", run_last, w);
    sim_run(&w->sim);
}

void world_end(struct world *w)
{
    sim_end(&w->sim);
}
