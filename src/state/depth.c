#include <stdlib.h>

#include "base/num.h"
#include "state/entry.h"
#include "state/view_priv.h"

/* What a reference covers of its leaf. Files of one transaction are one run. */
struct span {
    struct key_range range;
    struct state_position made;
    size_t run; /* spans of one transaction have the same */
};

static size_t gather(const struct table_state *s, const struct state_leaf *leaf, struct span *out)
{
    size_t n = 0;
    for (size_t i = 0; i < leaf->ref_count; i++) {
        const struct state_held *held = &leaf->held[i];
        out[n].range = key_range_clip(state_held_range(leaf, held), leaf->range);
        out[n].made = state_entry_id(held->file).at;
        n += !key_range_is_empty(out[n].range);
    }
    for (size_t i = 0; i < s->unfiled_count; i++) {
        const struct state_reference *ref = &s->unfiled[i]->ref;
        out[n].range = key_range_clip(ref->range, leaf->range);
        out[n].made = ref->file->id.at;
        n += !key_range_is_empty(out[n].range);
    }
    return n;
}

static int by_run(const void *a, const void *b)
{
    const struct span *x = a;
    const struct span *y = b;
    return state_position_compare(x->made, y->made);
}

static int by_begin(const void *a, const void *b)
{
    const struct span *const *x = a;
    const struct span *const *y = b;
    return slice_compare((*x)->range.lo, (*y)->range.lo);
}

static int by_end(const void *a, const void *b)
{
    const struct span *const *x = a;
    const struct span *const *y = b;
    if (!(*x)->range.has_hi || !(*y)->range.has_hi)
        return (int)!(*x)->range.has_hi - (int)!(*y)->range.has_hi;
    return slice_compare((*x)->range.hi, (*y)->range.hi);
}

/* From key to key: what ends there is left, what begins there is entered. */
static size_t sweep(struct span **begins, struct span **ends, size_t n, size_t *open)
{
    size_t ended = 0;
    size_t runs = 0;
    size_t deepest = 0;
    for (size_t i = 0; i < n; i++) {
        struct slice key = begins[i]->range.lo;
        for (; ends[ended]->range.has_hi && slice_compare(ends[ended]->range.hi, key) <= 0; ended++)
            runs -= --open[ends[ended]->run] == 0;
        runs += open[begins[i]->run]++ == 0;
        deepest = num_max_size(deepest, runs);
    }
    return deepest;
}

slp_rc state_leaf_depth(const struct table_state *s, const struct state_leaf *leaf, size_t *out,
                        struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    size_t most = leaf->ref_count + s->unfiled_count;
    struct span *spans = NULL;
    struct span **begins = NULL;
    struct span **ends = NULL;
    size_t *open = NULL;
    *out = most;
    if (most == 0)
        return SLP_OK;
    TRY_OUT(alloc_array(s->mem, most, sizeof *spans, (void **)&spans, err));
    TRY_OUT(alloc_array(s->mem, most, sizeof(struct span *), (void **)&begins, err));
    TRY_OUT(alloc_array(s->mem, most, sizeof(struct span *), (void **)&ends, err));
    TRY_OUT(alloc_array(s->mem, most, sizeof *open, (void **)&open, err));
    size_t n = gather(s, leaf, spans);
    qsort(spans, n, sizeof *spans, by_run);
    for (size_t i = 0; i < n; i++) {
        spans[i].run = i > 0 ? spans[i - 1].run + (by_run(&spans[i - 1], &spans[i]) != 0) : 0;
        begins[i] = &spans[i];
        ends[i] = &spans[i];
    }
    qsort(begins, n, sizeof(struct span *), by_begin);
    qsort(ends, n, sizeof(struct span *), by_end);
    *out = sweep(begins, ends, n, open);
out:
    alloc_free(s->mem, spans, most * sizeof *spans);
    alloc_free(s->mem, begins, most * sizeof(struct span *));
    alloc_free(s->mem, ends, most * sizeof(struct span *));
    alloc_free(s->mem, open, most * sizeof *open);
    return rc;
}
