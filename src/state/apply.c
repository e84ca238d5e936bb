/*
 * Apply: the pure function that replays a transaction. docs/format/log.md says for each kind what
 * is demanded and what happens. First everything that a transaction or item demands is judged, then
 * it is done; only running out of memory stops it in between, and then the state is thrown away.
 */

#include "base/num.h"
#include "state/apply_priv.h"
#include "state/bug.h"

struct state_rules state_rules_default(void)
{
    return (struct state_rules){.ring_max = 65536, .unfiled_max = 64, .leaf_max = 1u << 20};
}

/* What the tables of one state may hold of bounds, names and schema. */
#define KEYS_MAX_BYTES ((size_t)4 << 30)

static void begin(struct table_state *s, struct alloc *mem, struct state_rules rules)
{
    *s = (struct table_state){.mem = mem, .rules = rules};
    arena_init(&s->keys, mem, KEYS_MAX_BYTES);
    state_ring_init(&s->ring, mem, rules.ring_max);
    state_ring_init(&s->tokens, mem, UINT32_MAX);
}

static void end(struct table_state *s)
{
    struct alloc *mem = s->mem;
    state_tree_free(s);
    while (s->unfiled_count > 0)
        state_entry_free(mem, state_unfiled_take(s, s->unfiled_count - 1));
    state_free_jobs(s);
    state_global_fini(mem, &s->global);
    alloc_free(mem, s->unfiled, s->unfiled_room * sizeof *s->unfiled);
    alloc_free(mem, s->jobs, s->job_room * sizeof *s->jobs);
    alloc_free(mem, s->dead, s->dead_room * sizeof *s->dead);
    alloc_free(mem, s->items, s->item_room * sizeof *s->items);
    state_ring_fini(&s->ring);
    state_ring_fini(&s->tokens);
    arena_fini(&s->keys);
}

slp_rc state_new(struct alloc *mem, const struct state_rules *rules, struct table_state **out,
                 struct slp_err *err)
{
    struct table_state *s = NULL;
    TRY(alloc_new(mem, &s, err));
    begin(s, mem, *rules);
    *out = s;
    return SLP_OK;
}

void state_reset(struct table_state *s)
{
    struct alloc *mem = s->mem;
    struct state_rules rules = s->rules;
    end(s);
    begin(s, mem, rules);
}

void state_free(struct table_state *s)
{
    if (!s)
        return;
    struct alloc *mem = s->mem;
    end(s);
    alloc_delete(mem, s);
}

/* ------------------------------------------------------------------ rule 0 */

bool state_rule_judge(const struct state_ring *ring, const struct state_txn *txn,
                      struct state_position at, struct state_outcome *out)
{
    *out = (struct state_outcome){.at = at, .reason = STATE_REASON_APPLIED};
    if (txn->base + (STATE_BUG(RING_INCLUSIVE) ? 1 : 0) < state_ring_oldest_frame(ring) &&
        !STATE_BUG(NO_EXPIRY)) {
        out->reason = STATE_REASON_EXPIRED; /* rule I3 */
        return true;
    }
    const struct state_ring_entry *first = state_ring_find(ring, txn->txid);
    if (first && !STATE_BUG(NO_RING)) {
        out->at = first->at;
        out->reason = first->reason;
        out->is_duplicate = true;
        return true;
    }
    bool is_early = txn->base >= at.frame && !STATE_BUG(NO_BASE);
    if (is_early)
        out->reason = STATE_REASON_BASE; /* rule I2 */
    return is_early;
}

/* An expired one does not enter the ring, and a duplicate is there. */
slp_rc state_rule_zero(struct state_ring *ring, const struct state_txn *txn,
                       struct state_position at, struct state_outcome *out, bool *judged,
                       struct slp_err *err)
{
    *judged = state_rule_judge(ring, txn, at, out);
    bool is_entered = out->reason == STATE_REASON_BASE || STATE_BUG(EXPIRED_IN_RING);
    if (*judged && !out->is_duplicate && is_entered)
        return state_ring_add(ring, txn->txid, at, out->reason, err);
    return SLP_OK;
}

slp_rc state_rule_enter(struct state_ring *ring, struct state_ring *tokens, bool keeps_random,
                        const struct state_txn *txn, struct state_position at,
                        enum state_reason reason, struct slp_err *err)
{
    TRY(state_ring_add(ring, txn->txid, at, reason, err));
    /* One that the ring had forgotten enters again, so that what a snapshot holds of the frames behind
     * its parent does not depend on what was known before. */
    if (keeps_random && !STATE_BUG(NO_TOKENS)
            ? false
            : !txn->has_token || state_ring_find(tokens, txn->txid))
        return SLP_OK;
    TRY(state_ring_add(tokens, txn->txid, at, reason, err));
    state_ring_last(tokens)->is_client = txn->has_token;
    return SLP_OK;
}

/* ------------------------------------------------------------------ create */

/* Rule O2: an order by a field goes with last and first only. */
static enum state_reason judge_create(const struct table_state *s, const struct state_create *c)
{
    bool is_ordered = c->engine == STATE_ENGINE_LAST || c->engine == STATE_ENGINE_FIRST;
    if (s->is_created)
        return STATE_REASON_CREATED;
    if (c->split_point_count >= s->rules.leaf_max)
        return STATE_REASON_LEAVES;
    for (size_t i = 0; i < c->split_point_count; i++) {
        struct slice before = i ? c->split_points[i - 1] : (struct slice){0};
        if (slice_compare(before, c->split_points[i]) >= 0)
            return STATE_REASON_BAD_SPLIT;
    }
    if (c->engine > STATE_ENGINE_PARTIAL || (c->order_by && !is_ordered))
        return STATE_REASON_ENGINE;
    return state_judge_properties(c->properties, c->property_count, 0);
}

static slp_rc begin_global(struct table_state *s, const struct state_create *c,
                           struct state_position at, struct slp_err *err)
{
    struct state_global *g = &s->global;
    struct state_schema first = {.version = 1, .json = s->schema_json, .at = at};
    g->engine = c->engine;
    g->is_ordered = c->is_ordered;
    g->order_by = c->order_by;
    g->schema_highest = 1;
    TRY(arena_copy(&s->keys, c->engine_text, &g->engine_text, err));
    TRY(state_grow(s->mem, &g->schemas, &g->schema_room, 1, sizeof first, err));
    g->schemas[g->schema_count++] = first;
    struct state_property_list list = {.mem = s->mem,
                                       .texts = &s->keys,
                                       .items = &g->properties,
                                       .count = &g->property_count,
                                       .room = &g->property_room};
    return state_set_properties(&list, c->properties, c->property_count, err);
}

static slp_rc apply_create(struct table_state *s, const struct state_create *c,
                           struct state_position at, enum state_reason *reason, struct slp_err *err)
{
    *reason = judge_create(s, c);
    if (*reason != STATE_REASON_APPLIED)
        return SLP_OK;
    TRY(arena_copy(&s->keys, c->name, &s->name, err));
    TRY(arena_copy(&s->keys, c->schema_json, &s->schema_json, err));
    TRY(state_tree_begin(s, c->split_points, c->split_point_count, err));
    TRY(begin_global(s, c, at, err));
    s->table = c->table;
    s->key_version = c->key_version;
    s->schema_version = 1;
    s->is_created = true;
    return SLP_OK;
}

/* ------------------------------------------------------------------ what stands in the frame */

/*
 * What can be judged without a body: whether there is a table to apply it to, and the marks of all
 * that it adds (rules I1, G1). A body that was made too early may be gone, so it is not wanted then.
 */
static enum state_reason judge_head(const struct table_state *s, const struct state_txn *txn)
{
    const struct state_body *body = &txn->body;
    if (s->global.is_dropped)
        return STATE_REASON_DROPPED;
    if (!s->is_created && txn->kind != STATE_CREATE)
        return STATE_REASON_NO_TABLE;
    if (body->name.len == 0)
        return STATE_REASON_APPLIED;
    enum state_reason reason =
        STATE_BUG(BODY_FREE) ? STATE_REASON_APPLIED : state_judge_object(s, txn, body->name, false);
    bool may_be_old = txn->kind == STATE_REPLACE || !state_id_is_none(body->job);
    for (size_t i = 0; reason == STATE_REASON_APPLIED && i < body->object_count; i++)
        if (body->objects[i].len)
            reason = state_judge_object(s, txn, body->objects[i], may_be_old);
    return reason;
}

/* Rule P3: a merge at a bound of what is loaded wants the neighbour. */
static bool wants_leaf(const struct table_state *s, const struct state_txn *txn,
                       struct key_range *range)
{
    for (size_t i = 0; txn->kind == STATE_MERGE && i < txn->merge.count; i++) {
        const struct state_merge_item *item = &txn->merge.items[i];
        bool at_lo = s->seen.lo.len > 0 && slice_equal(item->at, s->seen.lo);
        bool at_hi = s->seen.has_hi && slice_equal(item->at, s->seen.hi);
        *range = item->range;
        if ((at_lo || at_hi) && !STATE_BUG(MERGE_BLIND))
            return true;
    }
    return false;
}

struct state_want state_wants(const struct table_state *s, const struct state_txn *txn,
                              struct state_position at)
{
    struct state_want want = {.kind = STATE_WANT_NOTHING};
    struct state_outcome outcome;
    if (state_rule_judge(&s->ring, txn, at, &outcome) || judge_head(s, txn) != STATE_REASON_APPLIED)
        return want;
    if (txn->body.is_missing) {
        want.kind = STATE_WANT_BODY;
        want.name = txn->body.name;
    } else if (txn->kind == STATE_RESTORE && !txn->restore.from &&
               state_judge_restore(s, txn) == STATE_REASON_APPLIED) {
        want.kind = STATE_WANT_ROOT;
        want.name = txn->restore.root;
        want.number = txn->restore.number;
    } else if (wants_leaf(s, txn, &want.range)) {
        want.kind = STATE_WANT_LEAF;
    }
    return want;
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
    case STATE_EXTEND:
        return txn->extend.count;
    case STATE_REASSIGN:
        return txn->reassign.count;
    case STATE_SPLIT:
        return txn->split.count;
    case STATE_MERGE:
        return txn->merge.count;
    case STATE_CUT:
        return txn->cut.count;
    case STATE_FILE_DOWN:
        return txn->file_down.count;
    case STATE_RETIRE_PURGE:
        return txn->retire.count;
    case STATE_WITHDRAW:
        return txn->withdraw.count;
    default:
        return 0;
    }
}

/* The i-th item. `id` is that of what it makes first. */
static slp_rc apply_item(const struct state_act *act, size_t i, struct state_id id,
                         enum state_reason *reason, struct slp_err *err)
{
    struct table_state *s = act->s;
    const struct state_txn *txn = act->txn;
    switch (txn->kind) {
    case STATE_ASSIGN:
        return state_apply_assign(act, &txn->assign.items[i], id, reason, err);
    case STATE_REPLACE:
        return state_apply_replace(act, &txn->replace.items[i], id, reason, err);
    case STATE_FAIL:
        return state_apply_fail(s, &txn->fail.items[i], reason, err);
    case STATE_EXTEND:
        state_apply_extend(s, &txn->extend.items[i], reason);
        return SLP_OK;
    case STATE_REASSIGN:
        state_apply_reassign(act, &txn->reassign.items[i], reason);
        return SLP_OK;
    case STATE_SPLIT:
        return state_apply_split(s, &txn->split.items[i], reason, err);
    case STATE_MERGE:
        return state_apply_merge(s, &txn->merge.items[i], reason, err);
    case STATE_CUT:
        return state_apply_cut(s, &txn->cut.items[i], reason, err);
    case STATE_FILE_DOWN:
        return state_apply_file_down(s, txn->file_down.files[i], reason, err);
    case STATE_RETIRE_PURGE:
        state_apply_retire(act, txn->retire.purges[i], reason);
        return SLP_OK;
    case STATE_WITHDRAW:
        state_apply_withdraw(s, txn->withdraw.files[i], reason);
        return SLP_OK;
    default:
        return SLP_OK;
    }
}

static slp_rc apply_items(const struct state_act *act, struct state_outcome *out,
                          struct slp_err *err)
{
    struct table_state *s = act->s;
    size_t count = item_count(act->txn);
    if (count == 0) {
        out->reason = STATE_REASON_EMPTY;
        return SLP_OK;
    }
    TRY(state_grow(s->mem, &s->items, &s->item_room, count, sizeof *s->items, err));
    struct state_id id = {.at = out->at};
    bool any = false;
    for (size_t i = 0; i < count; i++) {
        bool is_replace = act->txn->kind == STATE_REPLACE;
        s->items[i] = STATE_REASON_APPLIED;
        if (STATE_BUG(ALL_OR_NOTHING) && i > 0 && s->items[i - 1] != STATE_REASON_APPLIED)
            s->items[i] = s->items[i - 1];
        else
            TRY(apply_item(act, i, id, &s->items[i], err));
        any = any || s->items[i] == STATE_REASON_APPLIED;
        id.item += is_replace ? (uint32_t)act->txn->replace.items[i].output_count : 1;
    }
    out->reason = any ? STATE_REASON_APPLIED : s->items[0];
    out->items = s->items;
    out->item_count = count;
    return SLP_OK;
}

static slp_rc apply_payload(const struct state_act *act, struct state_outcome *out,
                            struct slp_err *err)
{
    const struct state_txn *txn = act->txn;
    bool is_global = false;
    out->reason = judge_head(act->s, txn);
    if (out->reason != STATE_REASON_APPLIED)
        return SLP_OK;
    if (txn->body.is_missing)
        FAIL(err, CORRUPT, "the body \"%.*s\" of a transaction was not read",
             SLICE_ARG(txn->body.name)); /* rule G3 */
    if (txn->kind == STATE_CREATE)
        return apply_create(act->s, &txn->create, act->at, &out->reason, err);
    TRY(state_apply_global(act, &is_global, &out->reason, err));
    return is_global ? SLP_OK : apply_items(act, out, err);
}

slp_rc state_apply(struct table_state *s, const struct state_txn *txn, struct state_position at,
                   struct state_outcome *out, struct slp_err *err)
{
    assert(at.frame >= s->number);
    bool judged = false;
    struct state_act act = {.s = s, .txn = txn, .at = at};
    s->number = at.frame;
    s->time_us = num_max_i64(s->time_us, txn->time_us);
    struct state_outcome outcome;
    TRY(state_rule_zero(&s->ring, txn, at, &outcome, &judged, err));
    if (!judged) {
        TRY(apply_payload(&act, &outcome, err));
        TRY(state_rule_enter(&s->ring, &s->tokens, true, txn, at, outcome.reason, err));
    }
    *out = outcome;
    return SLP_OK;
}
