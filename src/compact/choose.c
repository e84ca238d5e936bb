#include "compact/choose.h"

#include "base/num.h"

/* References of a leaf ascend by position, then id: files of one run stand together. */
static size_t free_runs(const struct state_leaf *leaf, size_t *free_refs)
{
    struct state_position last = {0};
    size_t runs = 0;
    *free_refs = 0;
    for (size_t i = 0; i < leaf->ref_count; i++) {
        struct state_brief ref = state_leaf_brief(leaf, i);
        if (ref.job)
            continue;
        runs += state_position_compare(last, ref.id.at) != 0;
        last = ref.id.at;
        ++*free_refs;
    }
    return runs;
}

static slp_rc choose_leaf(const struct state_leaf *leaf, size_t free_refs, struct arena *arena,
                          struct compact_choice *out, struct slp_err *err)
{
    size_t count = num_min_size(free_refs, COMPACT_INPUTS_MAX);
    struct compact_choice c = {.input_count = 0};
    TRY(key_range_copy(arena, leaf->range, &c.leaf, err));
    TRY(arena_array(arena, count, sizeof *c.inputs, (void **)&c.inputs, err));
    for (size_t i = 0; i < leaf->ref_count && c.input_count < count; i++) {
        struct state_brief ref = state_leaf_brief(leaf, i);
        if (ref.job)
            continue;
        c.inputs[c.input_count++] = ref.id;
        c.input_bytes += ref.file_bytes;
    }
    *out = c;
    return SLP_OK;
}

slp_rc compact_choose(const struct table_state *s, struct slice from, size_t least_runs,
                      struct arena *arena, struct compact_choice *out, struct slp_err *err)
{
    *out = (struct compact_choice){.input_count = 0};
    for (size_t i = state_leaf_holding(s, from); i < state_leaf_count(s); i++) {
        const struct state_leaf *leaf = state_leaf_at(s, i);
        size_t free_refs = 0;
        if (free_runs(leaf, &free_refs) < least_runs)
            continue;
        return choose_leaf(leaf, free_refs, arena, out, err);
    }
    return SLP_OK;
}

bool compact_wants_filing(const struct table_state *s, size_t least_runs)
{
    size_t unfiled = state_unfiled_count(s);
    if (unfiled >= COMPACT_UNFILED_MANY)
        return true;
    for (size_t i = 0; unfiled > 0 && i < state_leaf_count(s); i++)
        if (state_leaf_depth(s, state_leaf_at(s, i)) >= least_runs)
            return true;
    return false;
}
