#include <stdlib.h>

#include "state/apply_priv.h"
#include "state/bug.h"

/* What the lists of a restore take: a pointer or two for each file. */
#define RESTORE_ARENA_MAX ((size_t)1 << 30)

/* ------------------------------------------------------------------ verified */

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
static enum state_reason judge_verified(const struct state_act *act)
{
    const struct table_state *s = act->s;
    const struct state_verify *v = &act->txn->verified;
    if (!slice_starts_with(v->root, slice_str("snap/")) || v->root.len >= STATE_ROOT_NAME_BYTES ||
        memchr(v->root.ptr, 0, v->root.len) || v->number == 0 || v->number >= act->at.frame)
        return STATE_REASON_BAD_SNAPSHOT;
    if (!is_parent(s, v->parent) && !STATE_BUG(VERIFIED_ANY))
        return STATE_REASON_PARENT;
    if (s->verified_count && v->number <= s->verified[s->verified_count - 1].number)
        return STATE_REASON_BACKWARDS;
    return v->minted < s->global.minted ? STATE_REASON_TOO_OLD : STATE_REASON_APPLIED;
}

void state_apply_verified(const struct state_act *act, enum state_reason *reason)
{
    struct table_state *s = act->s;
    const struct state_verify *v = &act->txn->verified;
    *reason = judge_verified(act);
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

/* ------------------------------------------------------------------ restore: may it be? */

static bool is_pinned(const struct table_state *s, const struct state_restore *r)
{
    for (size_t i = 0; i < s->global.pin_count; i++)
        if (s->global.pins[i].number == r->number && slice_equal(s->global.pins[i].root, r->root))
            return true;
    return false;
}

static bool is_verified(const struct table_state *s, const struct state_restore *r)
{
    for (size_t i = 0; i < s->verified_count; i++)
        if (s->verified[i].number == r->number && slice_is(r->root, s->verified[i].root))
            return true;
    return false;
}

/* Rule G5: its author has seen the pause, so nothing came in between. */
enum state_reason state_judge_restore(const struct table_state *s, const struct state_txn *txn)
{
    const struct state_restore *r = &txn->restore;
    if (!s->global.is_paused || s->global.paused_at.frame > txn->base)
        return STATE_REASON_NOT_PAUSED;
    if (is_pinned(s, r) && !STATE_BUG(RESTORE_STRICT))
        return STATE_REASON_APPLIED;
    if (r->number < s->global.horizon && !STATE_BUG(NO_H))
        return STATE_REASON_TOO_OLD;
    return is_verified(s, r) ? STATE_REASON_APPLIED : STATE_REASON_NO_SNAPSHOT;
}

/* ------------------------------------------------------------------ restore: files */

struct entry_list {
    struct state_entry **entries; /* ascending by id, each once */
    struct state_entry **copies;  /* of those that are restored */
    size_t count;
};

static int by_id(const void *a, const void *b)
{
    const struct state_entry *const *x = a;
    const struct state_entry *const *y = b;
    return state_id_compare(state_entry_id(*x), state_entry_id(*y));
}

static slp_rc list_entries(const struct table_state *s, struct arena *arena, struct entry_list *out,
                           struct slp_err *err)
{
    size_t n = s->unfiled_count;
    void *room = NULL;
    for (size_t i = 0; i < s->leaf_count; i++)
        n += s->leaves[i]->ref_count;
    TRY(arena_array(arena, n + 1, sizeof(struct state_entry *), &room, err));
    out->entries = room;
    n = 0;
    for (size_t i = 0; i < s->unfiled_count; i++)
        out->entries[n++] = s->unfiled[i]->entry;
    for (size_t i = 0; i < s->leaf_count; i++)
        for (size_t k = 0; k < s->leaves[i]->ref_count; k++)
            out->entries[n++] = s->leaves[i]->held[k].file;
    qsort(out->entries, n, sizeof(struct state_entry *), by_id);
    out->count = 0;
    for (size_t i = 0; i < n; i++)
        if (i == 0 || out->entries[i] != out->entries[i - 1])
            out->entries[out->count++] = out->entries[i];
    TRY(arena_array(arena, out->count, sizeof(struct state_entry *), &room, err));
    out->copies = room;
    for (size_t i = 0; i < out->count; i++)
        out->copies[i] = NULL;
    return SLP_OK;
}

static size_t find_entry(const struct entry_list *list, const struct state_entry *e)
{
    struct state_entry **found =
        bsearch(&e, list->entries, list->count, sizeof(struct state_entry *), by_id);
    return found ? (size_t)(found - list->entries) : SIZE_MAX;
}

/* The copy of an entry of the snapshot, made when it is first wanted. */
static slp_rc copy_of(struct table_state *s, const struct entry_list *list,
                      const struct state_entry *e, struct state_entry **out, struct slp_err *err)
{
    size_t i = find_entry(list, e);
    if (!list->copies[i])
        TRY(state_entry_copy(s->mem, e, &list->copies[i], err));
    *out = list->copies[i];
    return SLP_OK;
}

/* Live files that the snapshot does not have die; in order of their ids. */
static slp_rc bury_others(struct table_state *s, const struct entry_list *live,
                          const struct entry_list *restored, struct state_position at,
                          struct slp_err *err)
{
    for (size_t i = 0; i < live->count; i++) {
        struct state_entry *copy = NULL;
        if (find_entry(restored, live->entries[i]) != SIZE_MAX)
            continue;
        TRY(state_entry_copy(s->mem, live->entries[i], &copy, err));
        TRY(state_bury(s, copy, at, err));
    }
    return SLP_OK;
}

static int by_name(const void *a, const void *b)
{
    const struct slice *x = a;
    const struct slice *y = b;
    return slice_compare(*x, *y);
}

/* Files that live again are not among the dead. */
static slp_rc revive(struct table_state *s, const struct entry_list *restored, struct arena *arena,
                     struct slp_err *err)
{
    void *room = NULL;
    TRY(arena_array(arena, restored->count + 1, sizeof(struct slice), &room, err));
    struct slice *names = room;
    for (size_t i = 0; i < restored->count; i++) {
        struct state_file f;
        TRY(state_entry_view(restored->entries[i], arena, &f, err));
        names[i] = f.name;
    }
    qsort(names, restored->count, sizeof *names, by_name);
    size_t kept = 0;
    for (size_t i = 0; i < s->dead_count; i++)
        if (!bsearch(&s->dead[i].name, names, restored->count, sizeof *names, by_name))
            s->dead[kept++] = s->dead[i];
    s->dead_count = kept;
    return SLP_OK;
}

/* ------------------------------------------------------------------ restore: the tree */

static slp_rc copy_leaf(struct table_state *s, const struct entry_list *restored,
                        const struct state_leaf *from, struct slp_err *err)
{
    TRY(state_tree_append(s, from->range, err));
    for (size_t i = 0; i < from->ref_count; i++) {
        struct state_entry *copy = NULL;
        const struct state_held *held = &from->held[i];
        struct state_part part = {.range = state_held_range(from, held),
                                  .rows = state_held_rows(from, held)};
        TRY(copy_of(s, restored, held->file, &copy, err));
        TRY(state_tree_refer(s, copy, NULL, part, err)); /* free: no job is open (rule G5) */
    }
    return SLP_OK;
}

static slp_rc copy_tree(struct table_state *s, const struct entry_list *restored,
                        const struct table_state *from, struct slp_err *err)
{
    for (size_t i = 0; i < from->unfiled_count; i++) {
        struct state_entry *copy = NULL;
        TRY(copy_of(s, restored, from->unfiled[i]->entry, &copy, err));
        TRY(state_unfiled_add(s, copy, err));
    }
    for (size_t i = 0; i < from->leaf_count; i++)
        TRY(copy_leaf(s, restored, from->leaves[i], err));
    return SLP_OK;
}

static void drop_tree(struct table_state *s)
{
    if (!STATE_BUG(RESTORE_JOBS))
        state_free_jobs(s);
    state_tree_free(s);
    while (s->unfiled_count > 0)
        state_entry_free(s->mem, state_unfiled_take(s, s->unfiled_count - 1));
}

/* ------------------------------------------------------------------ restore: the global part */

/* Purges are for good: the union of both. Range deletes are those of the snapshot. Both ascend. */
static slp_rc merge_purges(struct table_state *s, const struct state_global *now,
                           const struct state_global *then, struct slp_err *err)
{
    size_t i = 0;
    size_t k = 0;
    while (i < now->purge_count || k < then->purge_count) {
        int order = i == now->purge_count ? 1
                    : k == then->purge_count
                        ? -1
                        : state_position_compare(now->purges[i].at, then->purges[k].at);
        bool is_kept = order >= 0 || (!now->purges[i].is_range && !STATE_BUG(RESTORE_PURGES));
        if (is_kept)
            TRY(state_add_purge(s, order < 0 ? &now->purges[i] : &then->purges[k], err));
        i += order <= 0;
        k += order >= 0;
    }
    return SLP_OK;
}

/* Schema, properties and range deletes become those of the snapshot; marks, pins, and the flag of
 * deletes stay. */
static slp_rc restore_global(struct table_state *s, const struct table_state *from,
                             struct state_position at, struct slp_err *err)
{
    struct state_global now = s->global;
    struct state_global mixed = from->global;
    mixed.has_deleted = now.has_deleted || from->global.has_deleted;
    mixed.schema_highest = now.schema_highest;
    mixed.minted = STATE_BUG(RESTORE_MARKS) ? mixed.minted : now.minted;
    mixed.horizon = STATE_BUG(RESTORE_MARKS) ? mixed.horizon : now.horizon;
    mixed.is_paused = now.is_paused;
    mixed.paused_at = now.paused_at;
    mixed.is_dropped = now.is_dropped;
    mixed.restored_at = at;
    mixed.pins = now.pins;
    mixed.pin_count = now.pin_count;
    mixed.submitted = now.submitted; /* they wait for the table, whatever is in it */
    mixed.submitted_count = now.submitted_count;
    mixed.purges = NULL;
    mixed.purge_count = 0;
    s->global = (struct state_global){0};
    slp_rc rc = state_global_copy(s->mem, &s->keys, &mixed, &s->global, err);
    if (rc == SLP_OK)
        rc = merge_purges(s, &now, &from->global, err);
    state_global_fini(s->mem, &now);
    for (size_t i = 0; i < s->global.submitted_count; i++)
        s->global.submitted[i].job = (struct state_id){.item = 0}; /* no job is open (rule G5) */
    if (rc != SLP_OK)
        return rc;
    s->schema_version = from->schema_version;
    return arena_copy(&s->keys, from->schema_json, &s->schema_json, err);
}

static slp_rc restore(struct table_state *s, const struct table_state *from,
                      struct state_position at, struct arena *arena, struct slp_err *err)
{
    struct entry_list live = {0};
    struct entry_list restored = {0};
    TRY(list_entries(s, arena, &live, err));
    TRY(list_entries(from, arena, &restored, err));
    TRY(revive(s, &restored, arena, err));
    TRY(bury_others(s, &live, &restored, at, err));
    drop_tree(s);
    slp_rc rc = copy_tree(s, &restored, from, err);
    for (size_t i = 0; rc != SLP_OK && i < restored.count; i++)
        if (restored.copies[i] && restored.copies[i]->refs == 0)
            state_entry_free(s->mem, restored.copies[i]);
    if (rc == SLP_OK)
        rc = key_range_copy(&s->keys, from->seen, &s->seen, err); /* what its shards have */
    return rc == SLP_OK ? restore_global(s, from, at, err) : rc;
}

slp_rc state_apply_restore(const struct state_act *act, enum state_reason *reason,
                           struct slp_err *err)
{
    const struct table_state *from = act->txn->restore.from;
    struct arena arena;
    *reason = state_judge_restore(act->s, act->txn);
    if (*reason != STATE_REASON_APPLIED)
        return SLP_OK;
    if (!from || from->number != act->txn->restore.number)
        FAIL(err, CORRUPT, "snapshot \"%.*s\" was not read, so it cannot be restored",
             SLICE_ARG(act->txn->restore.root));
    arena_init(&arena, act->s->mem, RESTORE_ARENA_MAX);
    slp_rc rc = restore(act->s, from, act->at, &arena, err);
    arena_fini(&arena);
    return rc;
}
