/*
 * Apply: the pure function that replays a transaction. docs/format/log.md says for each kind what
 * is demanded and what happens. First everything that a transaction or item demands is judged, then
 * it is done; only running out of memory stops it in between, and then the state is thrown away.
 */

#include "base/num.h"
#include "state/view_priv.h"

struct state_rules state_rules_default(void)
{
    return (struct state_rules){.ring_max = 65536, .unfiled_max = 64, .leaf_max = 1u << 20};
}

/* What the tables of one state may hold of bounds, names and schema. */
#define KEYS_MAX_BYTES ((size_t)4 << 30)

/* What unpacking one unfiled file takes. */
#define UNFILED_ARENA_MAX ((size_t)1 << 20)

slp_rc state_new(struct alloc *mem, const struct state_rules *rules, struct table_state **out,
                 struct slp_err *err)
{
    struct table_state *s = NULL;
    TRY(alloc_new(mem, &s, err));
    s->mem = mem;
    s->rules = *rules;
    arena_init(&s->keys, mem, KEYS_MAX_BYTES);
    state_ring_init(&s->ring, mem, rules->ring_max);
    state_ring_init(&s->tokens, mem, UINT32_MAX);
    *out = s;
    return SLP_OK;
}

void state_free(struct table_state *s)
{
    if (!s)
        return;
    struct alloc *mem = s->mem;
    state_tree_free(s);
    while (s->unfiled_count > 0)
        state_entry_free(mem, state_unfiled_take(s, s->unfiled_count - 1));
    for (size_t i = 0; i < s->job_count; i++)
        alloc_delete(mem, s->jobs[i]);
    alloc_free(mem, s->unfiled, s->unfiled_room * sizeof *s->unfiled);
    alloc_free(mem, s->jobs, s->job_room * sizeof *s->jobs);
    alloc_free(mem, s->dead, s->dead_room * sizeof *s->dead);
    alloc_free(mem, s->items, s->item_room * sizeof *s->items);
    state_ring_fini(&s->ring);
    state_ring_fini(&s->tokens);
    arena_fini(&s->keys);
    alloc_delete(mem, s);
}

/* ------------------------------------------------------------------ rule 0 */

slp_rc state_rule_zero(struct state_ring *ring, const struct state_txn *txn,
                       struct state_position at, struct state_outcome *out, bool *judged,
                       struct slp_err *err)
{
    *out = (struct state_outcome){.at = at, .reason = STATE_REASON_APPLIED};
    *judged = true;
    if (txn->base < state_ring_oldest_frame(ring)) {
        out->reason = STATE_REASON_EXPIRED;
        return SLP_OK;
    }
    const struct state_ring_entry *first = state_ring_find(ring, txn->txid);
    if (first) {
        out->at = first->at;
        out->reason = first->reason;
        out->is_duplicate = true;
        return SLP_OK;
    }
    if (txn->base >= at.frame) {
        out->reason = STATE_REASON_BASE;
        return state_ring_add(ring, txn->txid, at, STATE_REASON_BASE, err);
    }
    *judged = false;
    return SLP_OK;
}

slp_rc state_rule_enter(struct state_ring *ring, struct state_ring *tokens,
                        const struct state_txn *txn, struct state_position at,
                        enum state_reason reason, struct slp_err *err)
{
    TRY(state_ring_add(ring, txn->txid, at, reason, err));
    if (txn->has_token && !state_ring_find(tokens, txn->txid))
        TRY(state_ring_add(tokens, txn->txid, at, reason, err));
    return SLP_OK;
}

/* ------------------------------------------------------------------ create */

static slp_rc apply_create(struct table_state *s, const struct state_create *c,
                           enum state_reason *reason, struct slp_err *err)
{
    if (s->is_created) {
        *reason = STATE_REASON_CREATED;
        return SLP_OK;
    }
    if (c->split_point_count >= s->rules.leaf_max) {
        *reason = STATE_REASON_LEAVES;
        return SLP_OK;
    }
    for (size_t i = 0; i < c->split_point_count; i++) {
        struct slice before = i ? c->split_points[i - 1] : (struct slice){0};
        if (slice_compare(before, c->split_points[i]) >= 0) {
            *reason = STATE_REASON_BAD_SPLIT;
            return SLP_OK;
        }
    }
    TRY(arena_copy(&s->keys, c->name, &s->name, err));
    TRY(arena_copy(&s->keys, c->schema_json, &s->schema_json, err));
    TRY(state_tree_begin(s, c->split_points, c->split_point_count, err));
    s->table = c->table;
    s->key_version = c->key_version;
    s->schema_version = 1;
    s->is_created = true;
    return SLP_OK;
}

/* ------------------------------------------------------------------ files */

static enum state_reason judge_file(const struct table_state *s, const struct state_new_file *f)
{
    if (f->schema_version != s->schema_version)
        return STATE_REASON_SCHEMA;
    if (f->info.rows <= 0 || slice_compare(f->info.first_key, f->info.last_key) > 0 ||
        f->info.last_key.len > KEY_MAX_BYTES || f->info.first_key.len > KEY_MAX_BYTES)
        return STATE_REASON_BAD_FILE;
    return STATE_REASON_APPLIED;
}

static enum state_reason judge_add(const struct table_state *s, const struct state_add *add)
{
    if (add->count == 0)
        return STATE_REASON_EMPTY;
    size_t unfiled = s->unfiled_count;
    for (size_t i = 0; i < add->count; i++) {
        enum state_reason reason = judge_file(s, &add->files[i]);
        if (reason != STATE_REASON_APPLIED)
            return reason;
        unfiled += add->files[i].is_unfiled;
    }
    return unfiled > s->unfiled_count && unfiled > s->rules.unfiled_max ? STATE_REASON_UNFILED
                                                                        : STATE_REASON_APPLIED;
}

slp_rc state_unfiled_add(struct table_state *s, struct state_entry *e, struct slp_err *err)
{
    struct state_unfiled *u = NULL;
    TRY(state_grow(s->mem, &s->unfiled, &s->unfiled_room, s->unfiled_count + 1, sizeof u, err));
    TRY(alloc_new(s->mem, &u, err));
    arena_init(&u->arena, s->mem, UNFILED_ARENA_MAX);
    slp_rc rc = state_entry_view(e, &u->arena, &u->file, err);
    if (rc != SLP_OK) {
        arena_fini(&u->arena);
        alloc_delete(s->mem, u);
        return rc;
    }
    e->refs = 1;
    u->entry = e;
    u->file.refs = 1;
    u->ref = (struct state_reference){.file = &u->file,
                                      .range = state_file_range(&u->file),
                                      .row_lo = 0,
                                      .row_hi = u->file.info.rows};
    s->unfiled[s->unfiled_count++] = u;
    return SLP_OK;
}

struct state_entry *state_unfiled_take(struct table_state *s, size_t i)
{
    struct state_unfiled *u = s->unfiled[i];
    struct state_entry *e = u->entry;
    s->unfiled_count--;
    memmove(s->unfiled + i, s->unfiled + i + 1, (s->unfiled_count - i) * sizeof u);
    arena_fini(&u->arena);
    alloc_delete(s->mem, u);
    e->refs = 0;
    return e;
}

/* Put a file below the leaves, or into the list of unfiled ones. */
static slp_rc enter_file(struct table_state *s, const struct state_file *f, bool is_unfiled,
                         struct slp_err *err)
{
    struct state_entry *e = NULL;
    TRY(state_entry_new(s->mem, f, &e, err));
    slp_rc rc = is_unfiled ? state_unfiled_add(s, e, err) : state_tree_file(s, e, err);
    if (e->refs == 0)
        state_entry_free(s->mem, e);
    return rc;
}

static slp_rc apply_add(struct table_state *s, const struct state_add *add,
                        struct state_position at, enum state_reason *reason, struct slp_err *err)
{
    *reason = judge_add(s, add);
    if (*reason != STATE_REASON_APPLIED)
        return SLP_OK;
    for (size_t i = 0; i < add->count; i++) {
        struct state_id id = {.at = at, .item = (uint32_t)i};
        struct state_file f = state_file_of(s, &add->files[i], id);
        TRY(enter_file(s, &f, add->files[i].is_unfiled, err));
    }
    return SLP_OK;
}

static slp_rc apply_file_down_item(struct table_state *s, struct state_id id,
                                   enum state_reason *reason, struct slp_err *err)
{
    size_t i = 0;
    while (i < s->unfiled_count && !state_id_equal(s->unfiled[i]->file.id, id))
        i++;
    if (i == s->unfiled_count) {
        *reason = STATE_REASON_NOT_UNFILED;
        return SLP_OK;
    }
    struct state_entry *e = state_unfiled_take(s, i);
    slp_rc rc = state_tree_file(s, e, err);
    if (e->refs == 0)
        state_entry_free(s->mem, e);
    return rc;
}

/* ------------------------------------------------------------------ jobs */

static enum state_reason judge_assign(const struct table_state *s,
                                      const struct state_assign_item *item, size_t *leaf)
{
    *leaf = state_tree_find(s, item->leaf);
    if (*leaf == SIZE_MAX)
        return STATE_REASON_NO_LEAF;
    if (item->input_count == 0)
        return STATE_REASON_EMPTY;
    for (size_t i = 0; i < item->input_count; i++) {
        const struct state_held *ref = state_leaf_held(s->leaves[*leaf], item->inputs[i]);
        if (!ref)
            return STATE_REASON_NO_INPUT;
        if (ref->job)
            return STATE_REASON_BUSY;
    }
    return STATE_REASON_APPLIED;
}

/* The references become the job's; their positions its interval (rule O1). */
static void hold_inputs(struct state_leaf *leaf, const struct state_assign_item *item,
                        struct state_job *job)
{
    for (size_t i = 0; i < item->input_count; i++) {
        struct state_position low;
        struct state_position high;
        struct state_held *ref = state_leaf_held(leaf, item->inputs[i]);
        if (ref->job)
            continue; /* named twice */
        ref->job = job;
        state_entry_positions(ref->file, &low, &high);
        if (job->inputs == 0 || state_position_compare(low, job->low) < 0)
            job->low = low;
        if (job->inputs == 0 || state_position_compare(high, job->high) > 0)
            job->high = high;
        job->inputs++;
    }
}

static slp_rc apply_assign_item(struct table_state *s, const struct state_assign_item *item,
                                struct state_id id, enum state_reason *reason, struct slp_err *err)
{
    size_t leaf = 0;
    *reason = judge_assign(s, item, &leaf);
    if (*reason != STATE_REASON_APPLIED)
        return SLP_OK;
    TRY(state_grow(s->mem, &s->jobs, &s->job_room, s->job_count + 1, sizeof *s->jobs, err));
    struct state_job *job = NULL;
    TRY(alloc_new(s->mem, &job, err));
    job->id = id;
    job->attempt = 1;
    job->deadline_us = item->deadline_us;
    job->range = s->leaves[leaf]->range;
    s->jobs[s->job_count++] = job;
    hold_inputs(s->leaves[leaf], item, job);
    return SLP_OK;
}

/* The index of an open job; SIZE_MAX if it is not. */
static size_t find_job(const struct table_state *s, struct state_id id)
{
    size_t lo = 0;
    size_t hi = s->job_count;
    while (lo < hi) {
        size_t middle = lo + (hi - lo) / 2;
        if (state_id_compare(s->jobs[middle]->id, id) < 0)
            lo = middle + 1;
        else
            hi = middle;
    }
    return lo < s->job_count && state_id_equal(s->jobs[lo]->id, id) ? lo : SIZE_MAX;
}

const struct state_job *state_job_find(const struct table_state *s, struct state_id id)
{
    size_t i = find_job(s, id);
    return i == SIZE_MAX ? NULL : s->jobs[i];
}

static enum state_reason judge_job(const struct table_state *s, struct state_id id,
                                   uint32_t attempt, struct key_range range, size_t *at)
{
    *at = find_job(s, id);
    if (*at == SIZE_MAX)
        return STATE_REASON_NO_JOB;
    const struct state_job *job = s->jobs[*at];
    if (!slice_equal(job->range.lo, range.lo) || job->range.has_hi != range.has_hi ||
        (range.has_hi && !slice_equal(job->range.hi, range.hi)))
        return STATE_REASON_NO_JOB;
    return job->attempt == attempt ? STATE_REASON_APPLIED : STATE_REASON_ATTEMPT;
}

/* A job that holds nothing any more. */
static void close_job(struct table_state *s, size_t at)
{
    alloc_delete(s->mem, s->jobs[at]);
    s->job_count--;
    memmove(s->jobs + at, s->jobs + at + 1, (s->job_count - at) * sizeof *s->jobs);
}

static enum state_reason judge_outputs(const struct table_state *s,
                                       const struct state_replace_item *item)
{
    for (size_t i = 0; i < item->output_count; i++) {
        const struct state_new_file *f = &item->outputs[i];
        enum state_reason reason = judge_file(s, f);
        if (reason != STATE_REASON_APPLIED)
            return reason;
        if (f->is_unfiled || !key_range_holds(item->range, f->info.first_key) ||
            !key_range_holds(item->range, f->info.last_key))
            return STATE_REASON_OUTSIDE;
    }
    return STATE_REASON_APPLIED;
}

static slp_rc apply_replace_item(struct table_state *s, const struct state_replace_item *item,
                                 struct state_id first_output, enum state_reason *reason,
                                 struct slp_err *err)
{
    size_t at = 0;
    *reason = judge_job(s, item->job, item->attempt, item->range, &at);
    if (*reason == STATE_REASON_APPLIED)
        *reason = judge_outputs(s, item);
    if (*reason != STATE_REASON_APPLIED)
        return SLP_OK;
    const struct state_job *job = s->jobs[at];
    TRY(state_tree_take(s, job, first_output.at, err));
    for (size_t i = 0; i < item->output_count; i++) {
        struct state_id id = first_output;
        id.item += (uint32_t)i;
        struct state_file f = state_file_of(s, &item->outputs[i], id);
        f.low = job->low;
        f.high = job->high;
        TRY(enter_file(s, &f, false, err));
    }
    close_job(s, at);
    return SLP_OK;
}

static void apply_fail_item(struct table_state *s, const struct state_fail_item *item,
                            enum state_reason *reason)
{
    size_t at = 0;
    *reason = judge_job(s, item->job, item->attempt, item->range, &at);
    if (*reason != STATE_REASON_APPLIED)
        return;
    size_t first = 0;
    size_t end = 0;
    state_leaves_meeting(s, s->jobs[at]->range, &first, &end);
    for (size_t i = first; i < end; i++)
        for (size_t k = 0; k < s->leaves[i]->ref_count; k++)
            if (s->leaves[i]->held[k].job == s->jobs[at])
                s->leaves[i]->held[k].job = NULL;
    close_job(s, at);
}

/* ------------------------------------------------------------------ leaves */

static enum state_reason judge_split(const struct table_state *s,
                                     const struct state_split_item *item, size_t *leaf)
{
    *leaf = state_tree_find(s, item->leaf);
    if (*leaf == SIZE_MAX)
        return STATE_REASON_NO_LEAF;
    if (item->key_count == 0 || item->key_count > STATE_SPLIT_KEYS_MAX)
        return STATE_REASON_BAD_SPLIT;
    struct slice before = item->leaf.lo;
    for (size_t i = 0; i < item->key_count; i++) {
        struct slice key = item->keys[i];
        if (slice_compare(key, before) <= 0 || !key_range_holds(item->leaf, key) ||
            key.len > KEY_MAX_BYTES)
            return STATE_REASON_BAD_SPLIT;
        before = key;
    }
    return s->leaf_count + item->key_count > s->rules.leaf_max ? STATE_REASON_LEAVES
                                                               : STATE_REASON_APPLIED;
}

static slp_rc apply_split_item(struct table_state *s, const struct state_split_item *item,
                               enum state_reason *reason, struct slp_err *err)
{
    size_t leaf = 0;
    *reason = judge_split(s, item, &leaf);
    return *reason == STATE_REASON_APPLIED ? state_tree_split(s, leaf, item, err) : SLP_OK;
}

static slp_rc apply_cut_item(struct table_state *s, const struct state_cut_item *item,
                             enum state_reason *reason, struct slp_err *err)
{
    int64_t rows = 0;
    uint64_t file_bytes = 0;
    size_t leaf = state_tree_find(s, item->leaf);
    if (leaf == SIZE_MAX) {
        *reason = STATE_REASON_NO_LEAF;
        return SLP_OK;
    }
    struct state_held *ref = state_leaf_held(s->leaves[leaf], item->file);
    if (!ref) {
        *reason = STATE_REASON_NO_INPUT;
        return SLP_OK;
    }
    state_entry_size(ref->file, &rows, &file_bytes);
    if (item->row_lo > item->row_hi || item->row_hi > rows) {
        *reason = STATE_REASON_BAD_ROWS;
        return SLP_OK;
    }
    *reason = STATE_REASON_APPLIED;
    struct state_rows cut = {.lo = item->row_lo, .hi = item->row_hi};
    return state_held_set_rows(s, s->leaves[leaf], ref, cut, err);
}

/* ------------------------------------------------------------------ snapshots */

/* Is it one of the two newest? With none verified there is no parent. */
static bool is_parent(const struct table_state *s, struct slice root)
{
    if (s->verified_count == 0)
        return root.len == 0;
    for (size_t i = s->verified_count; i > 0 && i + 2 > s->verified_count; i--)
        if (slice_is(root, s->verified[i - 1].root))
            return true;
    return false;
}

/* Rule S2. */
static enum state_reason judge_verified(const struct table_state *s, const struct state_verify *v,
                                        uint64_t frame)
{
    if (!slice_starts_with(v->root, slice_str("snap/")) || v->root.len >= STATE_ROOT_NAME_BYTES ||
        memchr(v->root.ptr, 0, v->root.len) || v->number == 0 || v->number >= frame)
        return STATE_REASON_BAD_SNAPSHOT;
    if (!is_parent(s, v->parent))
        return STATE_REASON_PARENT;
    if (s->verified_count && v->number <= s->verified[s->verified_count - 1].number)
        return STATE_REASON_BACKWARDS;
    return STATE_REASON_APPLIED;
}

static void apply_verified(struct table_state *s, const struct state_verify *v, uint64_t frame,
                           enum state_reason *reason)
{
    *reason = judge_verified(s, v, frame);
    if (*reason != STATE_REASON_APPLIED)
        return;
    if (s->verified_count == STATE_VERIFIED_MAX) {
        s->verified_count--;
        memmove(s->verified, s->verified + 1, s->verified_count * sizeof *s->verified);
    }
    struct state_verified *made = &s->verified[s->verified_count++];
    *made = (struct state_verified){.number = v->number, .minted = v->minted};
    memcpy(made->root, v->root.ptr, v->root.len);
}

/* ------------------------------------------------------------------ dispatch */

static size_t item_count(const struct state_txn *txn)
{
    switch (txn->kind) {
    case STATE_ASSIGN:
        return txn->assign.count;
    case STATE_REPLACE:
        return txn->replace.count;
    case STATE_FAIL:
        return txn->fail.count;
    case STATE_SPLIT:
        return txn->split.count;
    case STATE_CUT:
        return txn->cut.count;
    case STATE_FILE_DOWN:
        return txn->file_down.count;
    default:
        break;
    }
    return 0;
}

/* The i-th item. `id` is that of what it makes first. */
static slp_rc apply_item(struct table_state *s, const struct state_txn *txn, size_t i,
                         struct state_id id, enum state_reason *reason, struct slp_err *err)
{
    switch (txn->kind) {
    case STATE_ASSIGN:
        return apply_assign_item(s, &txn->assign.items[i], id, reason, err);
    case STATE_REPLACE:
        return apply_replace_item(s, &txn->replace.items[i], id, reason, err);
    case STATE_FAIL:
        apply_fail_item(s, &txn->fail.items[i], reason);
        return SLP_OK;
    case STATE_SPLIT:
        return apply_split_item(s, &txn->split.items[i], reason, err);
    case STATE_CUT:
        return apply_cut_item(s, &txn->cut.items[i], reason, err);
    case STATE_FILE_DOWN:
        return apply_file_down_item(s, txn->file_down.files[i], reason, err);
    default:
        break;
    }
    return SLP_OK;
}

static slp_rc apply_items(struct table_state *s, const struct state_txn *txn,
                          struct state_outcome *out, struct slp_err *err)
{
    size_t count = item_count(txn);
    if (count == 0) {
        out->reason = STATE_REASON_EMPTY;
        return SLP_OK;
    }
    TRY(state_grow(s->mem, &s->items, &s->item_room, count, sizeof *s->items, err));
    struct state_id id = {.at = out->at};
    bool any = false;
    for (size_t i = 0; i < count; i++) {
        s->items[i] = STATE_REASON_APPLIED;
        TRY(apply_item(s, txn, i, id, &s->items[i], err));
        any = any || s->items[i] == STATE_REASON_APPLIED;
        id.item += txn->kind == STATE_REPLACE ? (uint32_t)txn->replace.items[i].output_count : 1;
    }
    out->reason = any ? STATE_REASON_APPLIED : s->items[0];
    out->items = s->items;
    out->item_count = count;
    return SLP_OK;
}

static slp_rc apply_payload(struct table_state *s, const struct state_txn *txn,
                            struct state_outcome *out, struct slp_err *err)
{
    if (txn->kind == STATE_CREATE)
        return apply_create(s, &txn->create, &out->reason, err);
    if (!s->is_created) {
        out->reason = STATE_REASON_NO_TABLE;
        return SLP_OK;
    }
    if (txn->kind == STATE_ADD)
        return apply_add(s, &txn->add, out->at, &out->reason, err);
    if (txn->kind == STATE_VERIFIED) {
        apply_verified(s, &txn->verified, out->at.frame, &out->reason);
        return SLP_OK;
    }
    return apply_items(s, txn, out, err);
}

slp_rc state_apply(struct table_state *s, const struct state_txn *txn, struct state_position at,
                   struct state_outcome *out, struct slp_err *err)
{
    assert(at.frame >= s->number);
    bool judged = false;
    s->number = at.frame;
    s->time_us = num_max_i64(s->time_us, txn->time_us);
    struct state_outcome outcome;
    TRY(state_rule_zero(&s->ring, txn, at, &outcome, &judged, err));
    if (!judged) {
        TRY(apply_payload(s, txn, &outcome, err));
        TRY(state_rule_enter(&s->ring, &s->tokens, txn, at, outcome.reason, err));
    }
    *out = outcome;
    return SLP_OK;
}
