#include "state/apply_priv.h"

bool state_sees(const struct table_state *s, struct key_range range)
{
    return key_range_meets(s->seen, range);
}

/* ------------------------------------------------------------------ split */

/* How many leaves there are is in no reader's view of one (rule P1): authors keep to the limit. */
static enum state_reason judge_split(const struct table_state *s,
                                     const struct state_split_item *item, size_t *leaf)
{
    if (!state_sees(s, item->leaf))
        return STATE_REASON_UNSEEN;
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
    return STATE_REASON_APPLIED;
}

slp_rc state_apply_split(struct table_state *s, const struct state_split_item *item,
                         enum state_reason *reason, struct slp_err *err)
{
    size_t leaf = 0;
    *reason = judge_split(s, item, &leaf);
    return *reason == STATE_REASON_APPLIED ? state_tree_split(s, leaf, item, err) : SLP_OK;
}

/* ------------------------------------------------------------------ merge */

/* Rule P3: both must be leaves with just these bounds. */
static enum state_reason judge_merge(const struct table_state *s,
                                     const struct state_merge_item *item, size_t *left)
{
    struct key_range low = {.lo = item->range.lo, .hi = item->at, .has_hi = true};
    struct key_range high = item->range;
    high.lo = item->at;
    if (!state_sees(s, item->range))
        return STATE_REASON_UNSEEN;
    *left = state_tree_find(s, low);
    bool both = *left != SIZE_MAX && state_tree_find(s, high) == *left + 1;
    return both ? STATE_REASON_APPLIED : STATE_REASON_NO_LEAF;
}

slp_rc state_apply_merge(struct table_state *s, const struct state_merge_item *item,
                         enum state_reason *reason, struct slp_err *err)
{
    size_t left = 0;
    *reason = judge_merge(s, item, &left);
    return *reason == STATE_REASON_APPLIED ? state_tree_merge(s, left, err) : SLP_OK;
}

/* ------------------------------------------------------------------ cut */

/* The leaf's only reference to a file. After merges there may be several: then none is meant. */
static struct state_held *only_held(const struct state_leaf *leaf, struct state_id file)
{
    size_t near = 0;
    struct state_held *held = state_leaf_held(leaf, file, &near);
    if (!held)
        return NULL;
    bool is_last = held + 1 == leaf->held + leaf->ref_count;
    return is_last || held[1].file != held->file ? held : NULL;
}

slp_rc state_apply_cut(struct table_state *s, const struct state_cut_item *item,
                       enum state_reason *reason, struct slp_err *err)
{
    int64_t rows = 0;
    uint64_t file_bytes = 0;
    if (!state_sees(s, item->leaf)) {
        *reason = STATE_REASON_UNSEEN;
        return SLP_OK;
    }
    size_t leaf = state_tree_find(s, item->leaf);
    if (leaf == SIZE_MAX) {
        *reason = STATE_REASON_NO_LEAF;
        return SLP_OK;
    }
    struct state_held *ref = only_held(s->leaves[leaf], item->file);
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
    s->leaves[leaf]->changed = s->number;
    struct state_part cut = {.range = state_held_range(s->leaves[leaf], ref),
                             .rows = {.lo = item->row_lo, .hi = item->row_hi}};
    return state_held_set(s, s->leaves[leaf], ref, cut, err);
}
