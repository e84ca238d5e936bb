#include <stdlib.h>

#include "base/num.h"
#include "upkeep/upkeep.h"

#define WORK_MAX_BYTES ((size_t)1 << 30)

/* Pairs of one transaction. */
#define PAIRS_MAX 1000u

struct merging {
    struct state_table *table;
    struct arena arena;
    struct slice *bounds; /* that are to go, ascending */
    size_t bound_count;
};

/* An unfiled file's rows are shared out among the leaves that it meets. */
static int64_t unfiled_rows(const struct table_state *s, const struct state_leaf *leaf)
{
    int64_t rows = 0;
    for (size_t i = 0; i < state_unfiled_count(s); i++) {
        const struct state_reference *ref = state_unfiled_at(s, i);
        size_t first = 0;
        size_t end = 0;
        if (!key_range_meets(ref->range, leaf->range))
            continue;
        state_leaves_meeting(s, ref->range, &first, &end);
        rows += ref->file->info.rows / num_max_i64((int64_t)(end - first), 1);
    }
    return rows;
}

/* Which bounds may go: leaves are gathered, from the first on, while they are small together. */
static slp_rc choose_bounds(struct merging *m, int64_t below_rows, struct slp_err *err)
{
    const struct table_state *s = state_table_view(m->table);
    size_t leaves = state_leaf_count(s);
    int64_t sum = 0;
    TRY(arena_array(&m->arena, leaves, sizeof *m->bounds, (void **)&m->bounds, err));
    for (size_t i = 0; i < leaves; i++) {
        const struct state_leaf *leaf = state_leaf_at(s, i);
        int64_t rows = state_leaf_rows(leaf, NULL) + unfiled_rows(s, leaf);
        bool fits = i > 0 && rows <= below_rows && sum <= below_rows - rows;
        sum = fits ? sum + rows : rows;
        if (fits)
            TRY(arena_copy(&m->arena, leaf->range.lo, &m->bounds[m->bound_count++], err));
    }
    return SLP_OK;
}

static int compare_bounds(const void *a, const void *b)
{
    return slice_compare(*(const struct slice *)a, *(const struct slice *)b);
}

static bool is_to_go(const struct merging *m, struct slice bound)
{
    return m->bound_count &&
           bsearch(&bound, m->bounds, m->bound_count, sizeof bound, compare_bounds);
}

/* Pairs of neighbours whose common bound is to go, each leaf in one pair at most. */
static slp_rc choose_pairs(struct merging *m, struct arena *arena, struct state_merge_item **out,
                           size_t *count, struct slp_err *err)
{
    const struct table_state *s = state_table_view(m->table);
    struct state_merge_item *items = NULL;
    size_t n = 0;
    TRY(arena_array(arena, PAIRS_MAX, sizeof *items, (void **)&items, err));
    for (size_t i = 1; i < state_leaf_count(s) && n < PAIRS_MAX; i++) {
        const struct state_leaf *right = state_leaf_at(s, i);
        if (!is_to_go(m, right->range.lo))
            continue;
        struct key_range both = right->range;
        both.lo = state_leaf_at(s, i - 1)->range.lo;
        TRY(key_range_copy(arena, both, &items[n].range, err));
        TRY(arena_copy(arena, right->range.lo, &items[n].at, err));
        n++;
        i++;
    }
    *out = items;
    *count = n;
    return SLP_OK;
}

/* `*applied` 0: nothing is left to do, or others were faster everywhere. */
static slp_rc merge_level(struct merging *m, size_t *applied, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct arena arena;
    struct state_merge_item *items = NULL;
    struct state_result result = {0};
    size_t count = 0;
    *applied = 0;
    arena_init(&arena, m->arena.mem, WORK_MAX_BYTES);
    TRY_OUT(choose_pairs(m, &arena, &items, &count, err));
    if (count == 0)
        goto out;
    struct state_txn txn = {.kind = STATE_MERGE, .merge = {.items = items, .count = count}};
    TRY_OUT(state_table_commit(m->table, &txn, NULL, &result, err));
    if (result.outcome.reason != STATE_REASON_APPLIED)
        goto out;
    for (size_t i = 0; i < result.outcome.item_count; i++)
        *applied += result.outcome.items[i] == STATE_REASON_APPLIED;
    if (result.outcome.item_count == 0)
        *applied = count;
out:
    arena_fini(&arena);
    return rc;
}

slp_rc upkeep_merge_leaves(struct state_table *table, int64_t below_rows, bool dry_run,
                           struct alloc *mem, uint64_t *merged, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct merging m = {.table = table};
    uint64_t sum = 0;
    size_t applied = 1;
    if (below_rows < 1)
        FAIL(err, INVALID, "neighbours are merged below at least one row");
    arena_init(&m.arena, mem, WORK_MAX_BYTES);
    TRY_OUT(state_table_refresh(table, err));
    TRY_OUT(choose_bounds(&m, below_rows, err));
    sum = dry_run ? m.bound_count : 0;
    while (!dry_run && applied > 0) {
        TRY_OUT(merge_level(&m, &applied, err));
        sum += applied;
    }
    *merged = sum;
out:
    arena_fini(&m.arena);
    return rc;
}
