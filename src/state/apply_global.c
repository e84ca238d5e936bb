#include "state/apply_priv.h"
#include "state/bug.h"

/* Purges and range deletes that may be open at once: queries consider each of them. */
#define PURGES_MAX 65536u

/* ------------------------------------------------------------------ properties */

enum state_reason state_judge_properties(const struct state_property *items, size_t count,
                                         size_t before)
{
    if (count > STATE_PROPERTIES_MAX || before + count > STATE_PROPERTIES_MAX)
        return STATE_REASON_PROPERTY;
    for (size_t i = 0; i < count; i++) {
        const struct state_property *p = &items[i];
        if (p->name.len == 0 || p->name.len > STATE_NAME_MAX || p->value.len > STATE_VALUE_MAX ||
            (i && slice_compare(items[i - 1].name, p->name) >= 0))
            return STATE_REASON_PROPERTY;
    }
    return STATE_REASON_APPLIED;
}

static slp_rc set_property(const struct state_property_list *list,
                           const struct state_property *item, struct slp_err *err)
{
    struct state_property copy = {0};
    size_t at = 0;
    while (at < *list->count && slice_compare((*list->items)[at].name, item->name) < 0)
        at++;
    bool is_there = at < *list->count && slice_equal((*list->items)[at].name, item->name);
    if (item->is_unset) {
        struct state_property *items = *list->items;
        *list->count -= is_there;
        if (is_there)
            memmove(items + at, items + at + 1, (*list->count - at) * sizeof copy);
        return SLP_OK;
    }
    TRY(arena_copy(list->texts, item->value, &copy.value, err));
    if (is_there) {
        (*list->items)[at].value = copy.value;
        return SLP_OK;
    }
    TRY(arena_copy(list->texts, item->name, &copy.name, err));
    TRY(state_grow(list->mem, list->items, list->room, *list->count + 1, sizeof copy, err));
    struct state_property *items = *list->items;
    memmove(items + at + 1, items + at, (*list->count - at) * sizeof copy);
    items[at] = copy;
    ++*list->count;
    return SLP_OK;
}

slp_rc state_set_properties(const struct state_property_list *list,
                            const struct state_property *items, size_t count, struct slp_err *err)
{
    for (size_t i = 0; i < count; i++)
        TRY(set_property(list, &items[i], err));
    return SLP_OK;
}

static slp_rc apply_properties(const struct state_act *act, enum state_reason *reason,
                               struct slp_err *err)
{
    const struct state_set_properties *p = &act->txn->properties;
    struct table_state *s = act->s;
    struct state_global *g = &s->global;
    *reason = p->count == 0 ? STATE_REASON_EMPTY
                            : state_judge_properties(p->items, p->count, g->property_count);
    struct state_property_list list = {.mem = s->mem,
                                       .texts = &s->keys,
                                       .items = &g->properties,
                                       .count = &g->property_count,
                                       .room = &g->property_room};
    return *reason == STATE_REASON_APPLIED ? state_set_properties(&list, p->items, p->count, err)
                                           : SLP_OK;
}

/* ------------------------------------------------------------------ schema */

static slp_rc apply_alter(const struct state_act *act, enum state_reason *reason,
                          struct slp_err *err)
{
    const struct state_alter *a = &act->txn->alter;
    struct table_state *s = act->s;
    struct state_global *g = &s->global;
    *reason = g->is_paused                         ? STATE_REASON_PAUSED
              : a->version != state_schema_next(s) ? STATE_REASON_SCHEMA
              : a->schema_json.len == 0            ? STATE_REASON_EMPTY
                                                   : STATE_REASON_APPLIED;
    if (*reason != STATE_REASON_APPLIED)
        return SLP_OK;
    struct state_schema made = {.version = a->version, .at = act->at};
    TRY(arena_copy(&s->keys, a->schema_json, &made.json, err));
    TRY(state_grow(s->mem, &g->schemas, &g->schema_room, g->schema_count + 1, sizeof made, err));
    g->schemas[g->schema_count++] = made;
    g->schema_highest = made.version;
    s->schema_version = made.version;
    s->schema_json = made.json;
    return SLP_OK;
}

/* ------------------------------------------------------------------ purges */

slp_rc state_add_purge(struct table_state *s, const struct state_purge *purge, struct slp_err *err)
{
    struct state_global *g = &s->global;
    struct state_purge copy = *purge;
    TRY(key_range_copy(&s->keys, purge->range, &copy.range, err));
    TRY(arena_copy(&s->keys, purge->predicate, &copy.predicate, err));
    TRY(arena_copy(&s->keys, purge->bound, &copy.bound, err));
    TRY(state_grow(s->mem, &g->purges, &g->purge_room, g->purge_count + 1, sizeof copy, err));
    g->purges[g->purge_count++] = copy;
    return SLP_OK;
}

static slp_rc apply_range_delete(const struct state_act *act, enum state_reason *reason,
                                 struct slp_err *err)
{
    struct table_state *s = act->s;
    struct state_purge purge = {.at = act->at,
                                .is_range = true,
                                .range = act->txn->range_delete.range,
                                .time_us = s->time_us};
    *reason = s->global.is_paused                   ? STATE_REASON_PAUSED
              : key_range_is_empty(purge.range)     ? STATE_REASON_EMPTY
              : s->global.purge_count >= PURGES_MAX ? STATE_REASON_PURGES
                                                    : STATE_REASON_APPLIED;
    return *reason == STATE_REASON_APPLIED ? state_add_purge(s, &purge, err) : SLP_OK;
}

/* Rule V3: where the engine reduces, rows that were merged cannot be told apart by their values. */
static enum state_reason judge_purge(const struct table_state *s, const struct state_purge_rows *p)
{
    if (s->global.is_paused)
        return STATE_REASON_PAUSED;
    if (p->predicate.len == 0)
        return STATE_REASON_EMPTY;
    if (p->schema_version != s->schema_version)
        return STATE_REASON_SCHEMA;
    if (s->global.engine != STATE_ENGINE_BAG && !p->is_on_keys)
        return STATE_REASON_VALUES;
    return s->global.purge_count >= PURGES_MAX ? STATE_REASON_PURGES : STATE_REASON_APPLIED;
}

static slp_rc apply_purge(const struct state_act *act, enum state_reason *reason,
                          struct slp_err *err)
{
    const struct state_purge_rows *p = &act->txn->purge;
    struct state_purge purge = {.at = act->at,
                                .predicate = p->predicate,
                                .bound = p->bound,
                                .is_on_keys = p->is_on_keys,
                                .schema_version = p->schema_version,
                                .time_us = act->s->time_us};
    *reason = judge_purge(act->s, p);
    return *reason == STATE_REASON_APPLIED ? state_add_purge(act->s, &purge, err) : SLP_OK;
}

/* Rule P5: whether a live file is below it is for who proposes this to know. What he has seen is worth
 * nothing behind a restore, which may bring such a file back. */
void state_apply_retire(const struct state_act *act, struct state_position purge,
                        enum state_reason *reason)
{
    const struct table_state *s = act->s;
    struct state_global *g = &act->s->global;
    bool is_overtaken = act->txn->retire.seen < g->restored_at.frame && !STATE_BUG(RETIRE_BLIND);
    size_t i = 0;
    while (i < g->purge_count && state_position_compare(g->purges[i].at, purge) != 0)
        i++;
    for (size_t k = 0; STATE_BUG(RETIRE_CHECKED) && k < s->leaf_count; k++)
        i = s->leaves[k]->ref_count ? g->purge_count : i;
    *reason = i == g->purge_count                           ? STATE_REASON_NO_PURGE
              : is_overtaken                                ? STATE_REASON_RESTORED
              : state_purge_is_restorable(s, &g->purges[i]) ? STATE_REASON_RESTORABLE
                                                            : STATE_REASON_APPLIED;
    if (*reason != STATE_REASON_APPLIED)
        return;
    g->purge_count--;
    memmove(g->purges + i, g->purges + i + 1, (g->purge_count - i) * sizeof *g->purges);
}

/* ------------------------------------------------------------------ pins */

static bool is_verified(const struct table_state *s, struct slice root, uint64_t number)
{
    for (size_t i = 0; i < s->verified_count; i++)
        if (s->verified[i].number == number && slice_is(root, s->verified[i].root))
            return true;
    return false;
}

/* Rules S4 and G1. */
static enum state_reason judge_pin(const struct table_state *s, const struct state_pin_snapshot *p)
{
    if (p->name.len == 0 || p->name.len > STATE_NAME_MAX)
        return STATE_REASON_BAD_NAME;
    if (state_pin_find(s, p->name))
        return STATE_REASON_NAME_TAKEN;
    if (s->global.pin_count >= STATE_PINS_MAX)
        return STATE_REASON_PINS;
    if (p->number < s->global.horizon && !STATE_BUG(NO_H))
        return STATE_REASON_TOO_OLD;
    return is_verified(s, p->root, p->number) ? STATE_REASON_APPLIED : STATE_REASON_NO_SNAPSHOT;
}

static slp_rc apply_pin(const struct state_act *act, enum state_reason *reason, struct slp_err *err)
{
    const struct state_pin_snapshot *p = &act->txn->pin;
    struct table_state *s = act->s;
    struct state_global *g = &s->global;
    *reason = judge_pin(s, p);
    if (*reason != STATE_REASON_APPLIED)
        return SLP_OK;
    struct state_pin pin = {.number = p->number, .expires_us = p->expires_us, .at = act->at};
    TRY(arena_copy(&s->keys, p->name, &pin.name, err));
    TRY(arena_copy(&s->keys, p->root, &pin.root, err));
    TRY(state_grow(s->mem, &g->pins, &g->pin_room, g->pin_count + 1, sizeof pin, err));
    size_t at = g->pin_count;
    for (; at > 0 && slice_compare(g->pins[at - 1].name, pin.name) > 0; at--)
        g->pins[at] = g->pins[at - 1];
    g->pins[at] = pin;
    g->pin_count++;
    return SLP_OK;
}

static void apply_unpin(const struct state_act *act, enum state_reason *reason)
{
    struct state_global *g = &act->s->global;
    const struct state_unpin *u = &act->txn->unpin;
    const struct state_pin *pin = state_pin_find(act->s, u->name);
    if (pin && u->at.frame && state_position_compare(u->at, pin->at) != 0)
        pin = NULL; /* it has gone, and its name is another one's (rule T1) */
    *reason = pin ? STATE_REASON_APPLIED : STATE_REASON_NO_PIN;
    if (!pin)
        return;
    size_t at = (size_t)(pin - g->pins);
    g->pin_count--;
    memmove(g->pins + at, g->pins + at + 1, (g->pin_count - at) * sizeof *g->pins);
}

/* ------------------------------------------------------------------ collection */

/* A pinned state from before the file died may still have it. */
static bool is_held_by_pin(const struct state_global *g, const struct state_dead_file *dead)
{
    for (size_t i = 0; i < g->pin_count; i++)
        if (g->pins[i].number < dead->since.frame)
            return true;
    return false;
}

/* Files that a collector has removed need not be known any longer. */
static void forget_dead(struct table_state *s, uint64_t before)
{
    size_t kept = 0;
    for (size_t i = 0; i < s->dead_count; i++)
        if (s->dead[i].since.frame >= before || is_held_by_pin(&s->global, &s->dead[i]))
            s->dead[kept++] = s->dead[i];
    s->dead_count = kept;
}

/* Rule G1: marks only rise, and stand where their author has been. */
static void apply_collect(const struct state_act *act, enum state_reason *reason)
{
    const struct state_collect *c = &act->txn->collect;
    struct state_global *g = &act->s->global;
    uint64_t horizon = c->horizon > g->horizon ? c->horizon : g->horizon;
    bool is_good =
        c->minted <= act->txn->base && c->horizon <= act->txn->base && c->forget <= horizon;
    *reason = is_good ? STATE_REASON_APPLIED : STATE_REASON_BAD_MARK;
    if (!is_good)
        return;
    g->minted = c->minted > g->minted ? c->minted : g->minted;
    g->horizon = horizon;
    if (c->forget)
        forget_dead(act->s, c->forget);
}

/* ------------------------------------------------------------------ pause, drop */

static void apply_pause(const struct state_act *act, bool is_paused, enum state_reason *reason)
{
    struct state_global *g = &act->s->global;
    *reason = g->is_paused != is_paused ? STATE_REASON_APPLIED
              : is_paused               ? STATE_REASON_ALREADY
                                        : STATE_REASON_NOT_PAUSED;
    if (*reason != STATE_REASON_APPLIED)
        return;
    g->is_paused = is_paused;
    g->paused_at = is_paused ? act->at : (struct state_position){0};
}

slp_rc state_apply_global(const struct state_act *act, bool *is_global, enum state_reason *reason,
                          struct slp_err *err)
{
    *is_global = true;
    switch (act->txn->kind) {
    case STATE_ADD:
        return state_apply_add(act, &act->txn->add, reason, err);
    case STATE_OVERWRITE:
        return state_apply_overwrite(act, reason, err);
    case STATE_RANGE_DELETE:
        return apply_range_delete(act, reason, err);
    case STATE_PURGE:
        return apply_purge(act, reason, err);
    case STATE_ALTER:
        return apply_alter(act, reason, err);
    case STATE_PROPERTIES:
        return apply_properties(act, reason, err);
    case STATE_SUBMIT:
        return state_apply_submit(act, reason, err);
    case STATE_VERIFIED:
        state_apply_verified(act, reason);
        return SLP_OK;
    case STATE_PIN:
        return apply_pin(act, reason, err);
    case STATE_UNPIN:
        apply_unpin(act, reason);
        return SLP_OK;
    case STATE_COLLECT:
        apply_collect(act, reason);
        return SLP_OK;
    case STATE_PAUSE:
        apply_pause(act, true, reason);
        return SLP_OK;
    case STATE_RESUME:
        apply_pause(act, false, reason);
        return SLP_OK;
    case STATE_RESTORE:
        return state_apply_restore(act, reason, err);
    case STATE_DROP:
        act->s->global.is_dropped = true;
        return SLP_OK;
    default:
        *is_global = false;
        return SLP_OK;
    }
}
