#include "predicate/interval.h"

#include <stdlib.h>

slp_rc pred_successor(struct slice bytes, struct arena *arena, struct slice *out, bool *has_end,
                      struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct buf next;
    *has_end = false;
    buf_init(&next, arena->mem, bytes.len);
    TRY_OUT(key_successor(bytes, &next, has_end, err));
    if (*has_end)
        TRY_OUT(arena_copy(arena, buf_slice(&next), out, err));
out:
    buf_fini(&next);
    return rc;
}

/* Does the end of `a` come before the end of `b`? */
static bool ends_before(struct key_range a, struct key_range b)
{
    return a.has_hi && (!b.has_hi || slice_compare(a.hi, b.hi) < 0);
}

static int compare_intervals(const void *a, const void *b)
{
    const struct pred_interval *x = a;
    const struct pred_interval *y = b;
    return slice_compare(x->range.lo, y->range.lo);
}

static bool is_empty(struct key_range r)
{
    return r.has_hi && slice_compare(r.lo, r.hi) >= 0;
}

/* `b` begins inside `a` or before its end. */
static bool overlaps(struct key_range a, struct key_range b)
{
    return !a.has_hi || slice_compare(b.lo, a.hi) < 0;
}

void pred_intervals_normalise(struct pred_intervals *set)
{
    size_t kept = 0;
    if (set->count > 1)
        qsort(set->items, set->count, sizeof *set->items, compare_intervals);
    for (size_t i = 0; i < set->count; i++) {
        struct pred_interval next = set->items[i];
        struct pred_interval *last = kept > 0 ? &set->items[kept - 1] : NULL;
        if (is_empty(next.range))
            continue;
        if (!last || !overlaps(last->range, next.range)) {
            set->items[kept++] = next;
            continue;
        }
        bool is_wider = ends_before(last->range, next.range);
        bool is_narrower = ends_before(next.range, last->range);
        /* A point in a wider one is no point any more; one that is there twice stays. */
        last->is_point = last->is_point && next.is_point && !is_wider && !is_narrower;
        if (is_wider) {
            last->range.hi = next.range.hi;
            last->range.has_hi = next.range.has_hi;
        }
    }
    set->count = kept;
}

void pred_intervals_bound(struct pred_intervals *set, size_t max)
{
    size_t kept = 0;
    assert(max > 0);
    for (size_t i = 0; i < set->count; i++) {
        struct key_range next = set->items[i].range;
        struct pred_interval *last = kept > 0 ? &set->items[kept - 1] : NULL;
        bool touches = last && last->range.has_hi && slice_equal(last->range.hi, next.lo);
        if (!touches) {
            set->items[kept++] = set->items[i];
            continue;
        }
        last->is_point = false;
        last->range.hi = next.hi;
        last->range.has_hi = next.has_hi;
    }
    set->count = kept;
    if (kept <= max)
        return;
    size_t each = (kept + max - 1) / max;
    size_t joined = 0;
    for (size_t i = 0; i < kept; i += each) {
        size_t last = i + each < kept ? i + each - 1 : kept - 1;
        struct pred_interval run = {.range = set->items[i].range};
        run.range.hi = set->items[last].range.hi;
        run.range.has_hi = set->items[last].range.has_hi;
        set->items[joined++] = run;
    }
    set->count = joined;
}

static slp_rc new_items(size_t count, struct arena *arena, struct pred_intervals *out,
                        struct slp_err *err)
{
    void *room = NULL;
    TRY(arena_array(arena, count, sizeof *out->items, &room, err));
    *out = (struct pred_intervals){.items = room};
    return SLP_OK;
}

/* Is this the encoding of one value and its successor? A half-open end never falls inside a point,
 * so the common part of a point and anything is the point or nothing. */
static bool common_is_point(const struct pred_interval *a, const struct pred_interval *b)
{
    return a->is_point || b->is_point;
}

slp_rc pred_intervals_intersect(const struct pred_intervals *a, const struct pred_intervals *b,
                                struct arena *arena, struct pred_intervals *out,
                                struct slp_err *err)
{
    if (a->is_all || b->is_all) {
        *out = a->is_all ? *b : *a;
        return SLP_OK;
    }
    struct pred_intervals common;
    TRY(new_items(a->count + b->count, arena, &common, err));
    size_t i = 0;
    size_t k = 0;
    while (i < a->count && k < b->count) {
        const struct pred_interval *x = &a->items[i];
        const struct pred_interval *y = &b->items[k];
        struct pred_interval both = {.range = key_range_clip(x->range, y->range),
                                     .is_point = common_is_point(x, y)};
        if (!is_empty(both.range))
            common.items[common.count++] = both;
        if (ends_before(x->range, y->range))
            i++;
        else
            k++;
    }
    *out = common;
    return SLP_OK;
}

slp_rc pred_intervals_complement(const struct pred_intervals *set, struct arena *arena,
                                 struct pred_intervals *out, struct slp_err *err)
{
    struct pred_intervals rest;
    struct key_range gap = {0};
    TRY(new_items(set->count + 1, arena, &rest, err));
    bool is_open = !set->is_all;
    for (size_t i = 0; i < set->count; i++) {
        struct key_range r = set->items[i].range;
        gap.hi = r.lo;
        gap.has_hi = true;
        if (!is_empty(gap))
            rest.items[rest.count++].range = gap;
        gap = (struct key_range){.lo = r.hi};
        is_open = r.has_hi;
    }
    if (is_open)
        rest.items[rest.count++].range = gap;
    *out = rest;
    return SLP_OK;
}
