#include "compact/choose.h"

#include <stdlib.h>

#include "base/num.h"
#include "state/global.h"

#define SCRATCH_MAX_BYTES ((size_t)1 << 30)

struct planner {
    const struct table_state *s;
    const struct compact_rules *rules;
    bool explains;
    bool is_ordered;
    struct arena *arena;  /* of the plan */
    struct arena scratch; /* of the leaf at hand */
    struct compact_due plan;
    size_t choice_room;
    size_t left_room;
};

const char *compact_choice_name(enum compact_choice_kind kind)
{
    static const char *const names[] = {"merge", "fold", "file"};
    return names[kind];
}

/* Room for one more in an array of the arena, which doubles. */
static slp_rc grow(struct arena *a, void **array, size_t count, size_t *room, size_t size,
                   struct slp_err *err)
{
    void *larger = NULL;
    if (count < *room)
        return SLP_OK;
    size_t more = num_max_size(16, 2 * *room);
    TRY(arena_array(a, more, size, &larger, err));
    if (count)
        memcpy(larger, *array, count * size);
    *array = larger;
    *room = more;
    return SLP_OK;
}

/* ------------------------------------------------------------------ the runs of a leaf */

static bool same_position(struct state_position a, struct state_position b)
{
    return state_position_compare(a, b) == 0;
}

/* Are a reference and the run before it of one run? Where order matters that is one interval of
 * positions, as apply judges; elsewhere what one transaction made. */
static bool is_same_run(const struct compact_leaf_run *run, const struct state_brief *ref,
                        struct state_id last, bool is_ordered)
{
    if (is_ordered)
        return same_position(run->low, ref->low) && same_position(run->high, ref->high);
    return same_position(last.at, ref->id.at);
}

static void join(struct compact_leaf_run *run, const struct state_brief *ref)
{
    u128 share = (u128)ref->file_bytes * (uint64_t)num_max_i64(ref->rows, 0) /
                 (uint64_t)num_max_i64(ref->file_rows, 1);
    run->count++;
    run->is_free = run->is_free && !ref->job;
    if (!num_add_i64(run->rows, ref->rows, &run->rows))
        run->rows = INT64_MAX;
    if (!num_add_u64(run->bytes, (uint64_t)share, &run->bytes))
        run->bytes = UINT64_MAX;
}

static size_t collect_runs(const struct state_leaf *leaf, bool is_ordered,
                           struct compact_leaf_run *runs)
{
    struct state_id last = {{0}, 0};
    size_t count = 0;
    for (size_t i = 0; i < leaf->ref_count; i++) {
        struct state_brief ref = state_leaf_brief(leaf, i);
        if (count == 0 || !is_same_run(&runs[count - 1], &ref, last, is_ordered))
            runs[count++] = (struct compact_leaf_run){
                .first = i,
                .low = ref.low,
                .high = ref.high,
                .is_free = true,
                .is_fresh = same_position(ref.id.at, ref.low) && same_position(ref.low, ref.high)};
        join(&runs[count - 1], &ref);
        last = ref.id;
    }
    return count;
}

static slp_rc add_times(const struct state_leaf *leaf, struct arena *arena,
                        struct compact_leaf_run *runs, size_t count, struct slp_err *err)
{
    const struct state_reference *refs = NULL;
    TRY(state_leaf_references(leaf, arena, &refs, err));
    for (size_t i = 0; i < count; i++)
        runs[i].time_us = refs[runs[i].first].file->time_us;
    return SLP_OK;
}

static int run_order(const struct compact_leaf_run *a, const struct compact_leaf_run *b)
{
    int order = state_position_compare(a->low, b->low);
    return order ? order : state_position_compare(a->high, b->high);
}

/* Rule O3: an unfiled file is a run of every leaf that it meets, and no leaf's job can take it. */
static void insert_unfiled(const struct table_state *s, const struct state_leaf *leaf,
                           struct compact_leaf_run *runs, size_t *count)
{
    for (size_t i = 0; i < state_unfiled_count(s); i++) {
        const struct state_reference *ref = state_unfiled_at(s, i);
        struct compact_leaf_run run = {.low = ref->file->low, .high = ref->file->high};
        if (!key_range_meets(ref->range, leaf->range))
            continue;
        size_t at = *count;
        while (at > 0 && run_order(&runs[at - 1], &run) > 0)
            at--;
        memmove(&runs[at + 1], &runs[at], (*count - at) * sizeof *runs);
        runs[at] = run;
        ++*count;
    }
}

static size_t count_jobs(const struct state_leaf *leaf)
{
    size_t count = 0;
    for (size_t i = 0; i < leaf->ref_count; i++) {
        const struct state_job *job = state_leaf_brief(leaf, i).job;
        bool is_new = job != NULL;
        for (size_t k = 0; k < i && is_new; k++)
            is_new = state_leaf_brief(leaf, k).job != job;
        count += is_new;
    }
    return count;
}

slp_rc compact_runs_of(const struct table_state *s, const struct state_leaf *leaf, bool with_times,
                       struct arena *arena, struct compact_leaf_runs *out, struct slp_err *err)
{
    struct compact_leaf_run *runs = NULL;
    bool is_ordered = state_is_order_sensitive(s);
    size_t most = leaf->ref_count + (is_ordered ? state_unfiled_count(s) : 0);
    TRY(arena_array(arena, most, sizeof *runs, (void **)&runs, err));
    size_t count = collect_runs(leaf, is_ordered, runs);
    if (with_times)
        TRY(add_times(leaf, arena, runs, count, err));
    if (is_ordered)
        insert_unfiled(s, leaf, runs, &count);
    *out = (struct compact_leaf_runs){
        .runs = runs, .count = count, .is_ordered = is_ordered, .time_us = state_time_us(s)};
    return SLP_OK;
}

/* ------------------------------------------------------------------ rule O6 */

struct held_keys {
    struct key_range keys; /* from the lowest to the highest of the inputs */
    struct state_position high;
};

static void widen(struct key_range *keys, struct key_range more, bool is_first)
{
    if (is_first || slice_compare(more.lo, keys->lo) < 0)
        keys->lo = more.lo;
    if (is_first || slice_compare(more.hi, keys->hi) > 0)
        keys->hi = more.hi;
    keys->has_hi = true;
}

static bool is_input(const struct compact_choice *c, struct state_id file)
{
    for (size_t i = 0; i < c->input_count; i++)
        if (state_id_equal(c->inputs[i], file))
            return true;
    return false;
}

static bool may_be_older(const struct held_keys *held, struct state_position low,
                         struct key_range keys)
{
    return state_position_compare(low, held->high) <= 0 && key_range_meets(keys, held->keys);
}

/* Does the job hold the oldest data of its leaf in its key range? Only asked where there are deletes. */
static bool holds_oldest(const struct table_state *s, const struct state_leaf *leaf,
                         const struct compact_choice *c)
{
    struct held_keys held = {.keys = {.has_hi = true}};
    bool is_first = true;
    for (size_t i = 0; i < leaf->ref_count; i++) {
        struct state_brief ref = state_leaf_brief(leaf, i);
        if (!is_input(c, ref.id))
            continue;
        widen(&held.keys, ref.range, is_first);
        if (is_first || state_position_compare(ref.high, held.high) > 0)
            held.high = ref.high;
        is_first = false;
    }
    for (size_t i = 0; i < leaf->ref_count; i++) {
        struct state_brief ref = state_leaf_brief(leaf, i);
        if (!is_input(c, ref.id) && may_be_older(&held, ref.low, ref.range))
            return false;
    }
    for (size_t i = 0; i < state_unfiled_count(s); i++) {
        const struct state_reference *ref = state_unfiled_at(s, i);
        if (key_range_meets(ref->range, leaf->range) &&
            may_be_older(&held, ref->file->low, ref->range))
            return false;
    }
    return true;
}

/* ------------------------------------------------------------------ leaves */

static slp_rc add_choice(struct planner *p, const struct compact_choice *c, struct slp_err *err)
{
    TRY(grow(p->arena, (void **)&p->plan.choices, p->plan.count, &p->choice_room, sizeof *c, err));
    p->plan.choices[p->plan.count++] = *c;
    return SLP_OK;
}

static int by_index(const void *a, const void *b)
{
    size_t x = *(const size_t *)a;
    size_t y = *(const size_t *)b;
    return (x > y) - (x < y);
}

static void add_size(struct compact_choice *c, const struct compact_leaf_run *run)
{
    c->runs++;
    if (!num_add_i64(c->rows, run->rows, &c->rows))
        c->rows = INT64_MAX;
    if (!num_add_u64(c->bytes, run->bytes, &c->bytes))
        c->bytes = UINT64_MAX;
}

static slp_rc choose_group(struct planner *p, size_t index, const struct compact_leaf_runs *runs,
                           const struct compact_group *g, struct slp_err *err)
{
    const struct state_leaf *leaf = state_leaf_at(p->s, index);
    struct compact_choice c = {
        .kind = COMPACT_DUE_MERGE, .leaf_index = index, .leaf = leaf->range, .why = g->why};
    size_t files = 0;
    qsort(g->runs, g->count, sizeof *g->runs, by_index);
    for (size_t i = 0; i < g->count; i++)
        files += runs->runs[g->runs[i]].count;
    TRY(arena_array(p->arena, files, sizeof *c.inputs, (void **)&c.inputs, err));
    for (size_t i = 0; i < g->count; i++) {
        const struct compact_leaf_run *run = &runs->runs[g->runs[i]];
        for (size_t k = 0; k < run->count; k++)
            c.inputs[c.input_count++] = state_leaf_brief(leaf, run->first + k).id;
        add_size(&c, run);
    }
    c.drops_deletes = state_has_deleted(p->s) && holds_oldest(p->s, leaf, &c);
    return add_choice(p, &c, err);
}

static bool is_taken(const struct compact_groups *groups, size_t run)
{
    for (size_t i = 0; i < groups->count; i++)
        for (size_t k = 0; k < groups->items[i].count; k++)
            if (groups->items[i].runs[k] == run)
                return true;
    return false;
}

static slp_rc leave(struct planner *p, size_t index, const struct compact_leaf_runs *runs,
                    const struct compact_groups *groups, struct slp_err *err)
{
    struct compact_left left = {.leaf_index = index, .why = groups->left};
    for (size_t i = 0; i < runs->count; i++) {
        const struct compact_leaf_run *run = &runs->runs[i];
        left.held += run->count > 0 && !run->is_free;
        if (!run->is_free || is_taken(groups, i))
            continue;
        left.runs++;
        (void)!num_add_i64(left.rows, run->rows, &left.rows);
        (void)!num_add_u64(left.bytes, run->bytes, &left.bytes);
    }
    if (left.runs == 0 && groups->count > 0)
        return SLP_OK;
    if (left.runs == 0 && left.held > 0)
        left.why = "open jobs hold all of it";
    TRY(grow(p->arena, (void **)&p->plan.left, p->plan.left_count, &p->left_room, sizeof left,
             err));
    p->plan.left[p->plan.left_count++] = left;
    return SLP_OK;
}

/* ---- Runs that have something to lose ---- */

static bool is_due_a_purge(const struct table_state *s, const struct state_reference *ref)
{
    for (size_t i = state_purge_count(s); i-- > 0;) {
        const struct state_purge *purge = state_purge_at(s, i);
        if (state_position_compare(purge->at, ref->file->purged_through) <= 0)
            return false;
        if (!purge->is_range || key_range_meets(purge->range, ref->range))
            return true;
    }
    return false;
}

/* Deletes that lie below nothing: once a job went over all of a leaf they are gone. */
static bool has_idle_deletes(const struct planner *p, const struct compact_leaf_runs *runs,
                             const struct state_reference *ref)
{
    return p->rules->strategy == COMPACT_FORCED && runs->count == 1 &&
           (ref->file->deletes > 0 || ref->file->resets > 0);
}

/* May a single run of some leaf be worth a job? */
static bool has_cleaning(const struct planner *p)
{
    return state_purge_count(p->s) > 0 ||
           (p->rules->strategy == COMPACT_FORCED && state_has_deleted(p->s));
}

/* Runs that no group has taken are rewritten where rows of them were purged (rule V3), so that what
 * was purged goes however little else is to be done. */
static slp_rc clean_runs(struct planner *p, size_t index, const struct compact_leaf_runs *runs,
                         const struct compact_groups *groups, struct slp_err *err)
{
    const struct state_reference *refs = NULL;
    TRY(state_leaf_references(state_leaf_at(p->s, index), &p->scratch, &refs, err));
    for (size_t i = 0; i < runs->count; i++) {
        const struct compact_leaf_run *run = &runs->runs[i];
        bool is_due = false;
        for (size_t k = 0; k < run->count; k++)
            is_due = is_due || is_due_a_purge(p->s, &refs[run->first + k]) ||
                     has_idle_deletes(p, runs, &refs[run->first + k]);
        size_t self = i;
        struct compact_group one = {.runs = &self, .count = 1, .why = "rows of it are to go"};
        if (is_due && run->is_free && !is_taken(groups, i))
            TRY(choose_group(p, index, runs, &one, err));
    }
    return SLP_OK;
}

static slp_rc plan_leaf(struct planner *p, size_t index, struct slp_err *err)
{
    const struct state_leaf *leaf = state_leaf_at(p->s, index);
    struct compact_leaf_runs runs = {0};
    struct compact_groups groups = {0};
    TRY(compact_runs_of(p->s, leaf, p->rules->strategy == COMPACT_TIME_WINDOW, &p->scratch, &runs,
                        err));
    if (p->rules->strategy == COMPACT_SIZE_RATIO && p->rules->partition_jobs < INT32_MAX)
        runs.open_jobs = count_jobs(leaf);
    TRY(compact_strategy_apply(p->rules, &runs, &p->scratch, &groups, err));
    for (size_t i = 0; i < groups.count; i++)
        TRY(choose_group(p, index, &runs, &groups.items[i], err));
    if (has_cleaning(p))
        TRY(clean_runs(p, index, &runs, &groups, err));
    return p->explains ? leave(p, index, &runs, &groups, err) : SLP_OK;
}

static slp_rc plan_leaves(struct planner *p, struct slp_err *err)
{
    for (size_t i = 0; i < state_leaf_count(p->s); i++) {
        size_t worth = has_cleaning(p) ? 1 : 2;
        if (!p->explains && state_leaf_at(p->s, i)->ref_count < worth)
            continue;
        slp_rc rc = plan_leaf(p, i, err);
        arena_fini(&p->scratch);
        TRY(rc);
    }
    return SLP_OK;
}

/* ------------------------------------------------------------------ unfiled files */

static bool is_to_be_filed(const struct planner *p, const struct state_reference *ref)
{
    size_t first = 0;
    size_t end = 0;
    state_leaves_meeting(p->s, ref->range, &first, &end);
    return p->rules->strategy == COMPACT_FORCED || end - first <= COMPACT_FILED_LEAVES ||
           ref->file->info.file_bytes / (end - first) >= COMPACT_FILED_BYTES;
}

static slp_rc add_unfiled(struct planner *p, struct compact_choice *c,
                          const struct state_reference *ref, struct slp_err *err)
{
    if (!c->inputs)
        TRY(arena_array(p->arena, state_unfiled_count(p->s), sizeof *c->inputs, (void **)&c->inputs,
                        err));
    struct compact_leaf_run run = {.rows = ref->file->info.rows,
                                   .bytes = ref->file->info.file_bytes};
    c->inputs[c->input_count++] = ref->file->id;
    add_size(c, &run);
    return SLP_OK;
}

/* Rule O4: does a run of leaves stand between two unfiled files? */
static bool is_parted(const struct table_state *s, const struct state_file *a,
                      const struct state_file *b)
{
    for (size_t i = 0; i < state_add_count(s); i++) {
        struct state_position at = state_add_at(s, i);
        if (state_position_compare(at, a->low) >= 0 && state_position_compare(at, b->low) <= 0)
            return true;
    }
    return false;
}

static int by_low(const void *a, const void *b)
{
    const struct state_reference *const *x = a;
    const struct state_reference *const *y = b;
    int order = state_position_compare((*x)->file->low, (*y)->file->low);
    order = order ? order : state_position_compare((*x)->file->high, (*y)->file->high);
    return order ? order : state_id_compare((*x)->file->id, (*y)->file->id);
}

/* Unfiled files as the runs of one leaf, with a mark where an add stands between. */
static slp_rc fold(struct planner *p, const struct state_reference **files, size_t count,
                   struct slp_err *err)
{
    struct compact_leaf_run *runs = NULL;
    const struct state_reference **of = NULL;
    struct compact_groups groups = {0};
    size_t n = 0;
    TRY(arena_array(&p->scratch, 2 * count, sizeof *runs, (void **)&runs, err));
    TRY(arena_array(&p->scratch, 2 * count, sizeof(const struct state_reference *), (void **)&of,
                    err));
    for (size_t i = 0; i < count; i++) {
        const struct state_file *f = files[i]->file;
        if (i > 0 && p->is_ordered && is_parted(p->s, files[i - 1]->file, f))
            runs[n++] = (struct compact_leaf_run){.low = f->low, .high = f->high};
        of[n] = files[i];
        runs[n++] = (struct compact_leaf_run){.count = 1,
                                              .low = f->low,
                                              .high = f->high,
                                              .rows = f->info.rows,
                                              .bytes = f->info.file_bytes,
                                              .time_us = f->time_us,
                                              .is_free = !files[i]->job,
                                              .is_fresh = same_position(f->low, f->high) &&
                                                          same_position(f->id.at, f->low)};
    }
    struct compact_leaf_runs leaf = {
        .runs = runs, .count = n, .is_ordered = p->is_ordered, .time_us = state_time_us(p->s)};
    TRY(compact_strategy_apply(p->rules, &leaf, &p->scratch, &groups, err));
    for (size_t i = 0; i < groups.count; i++) {
        struct compact_choice c = {.kind = COMPACT_DUE_FOLD, .why = groups.items[i].why};
        qsort(groups.items[i].runs, groups.items[i].count, sizeof(size_t), by_index);
        for (size_t k = 0; k < groups.items[i].count; k++)
            TRY(add_unfiled(p, &c, of[groups.items[i].runs[k]], err));
        TRY(add_choice(p, &c, err));
    }
    return SLP_OK;
}

/* Files under the leaves that they meet: those worth it, or all that are free. */
static slp_rc file_some(struct planner *p, bool all, const char *why, struct slp_err *err)
{
    struct compact_choice c = {.kind = COMPACT_DUE_FILE, .why = why};
    for (size_t i = 0; i < state_unfiled_count(p->s); i++) {
        const struct state_reference *ref = state_unfiled_at(p->s, i);
        if (!ref->job && (all || is_to_be_filed(p, ref)))
            TRY(add_unfiled(p, &c, ref, err));
    }
    return c.input_count ? add_choice(p, &c, err) : SLP_OK;
}

static slp_rc plan_unfiled(struct planner *p, struct slp_err *err)
{
    const struct state_reference **files = NULL;
    size_t unfiled = state_unfiled_count(p->s);
    size_t count = 0;
    if (unfiled == 0)
        return SLP_OK;
    TRY(file_some(p, false, "it brings enough to each partition that it meets", err));
    TRY(arena_array(&p->scratch, unfiled, sizeof(const struct state_reference *), (void **)&files,
                    err));
    for (size_t i = 0; i < unfiled; i++) {
        const struct state_reference *ref = state_unfiled_at(p->s, i);
        if (ref->job || !is_to_be_filed(p, ref))
            files[count++] = ref;
    }
    qsort(files, count, sizeof(const struct state_reference *), by_low);
    size_t before = p->plan.count;
    TRY(fold(p, files, count, err));
    if (p->plan.count == before && count >= COMPACT_UNFILED_MANY)
        TRY(file_some(p, true, "there are too many wide files", err));
    return SLP_OK;
}

/* ------------------------------------------------------------------ all of it */

static int by_need(const void *a, const void *b)
{
    const struct compact_choice *x = a;
    const struct compact_choice *y = b;
    if ((x->kind == COMPACT_DUE_FILE) != (y->kind == COMPACT_DUE_FILE))
        return x->kind == COMPACT_DUE_FILE ? -1 : 1;
    if (x->runs != y->runs)
        return x->runs > y->runs ? -1 : 1;
    if (x->kind != y->kind)
        return x->kind > y->kind ? -1 : 1;
    return (x->leaf_index > y->leaf_index) - (x->leaf_index < y->leaf_index);
}

/* Upstream takes some at random; here those that shorten reads the most. */
static void limit_jobs(struct planner *p)
{
    size_t open = state_job_count(p->s) - state_job_count_of(p->s, STATE_JOB_IMPORT) -
                  state_job_count_of(p->s, STATE_JOB_BATCH);
    size_t most = p->rules->job_limit - num_min_size(p->rules->job_limit, open);
    size_t files = p->plan.count && p->plan.choices[0].kind == COMPACT_DUE_FILE;
    if (p->plan.count - files <= most)
        return;
    qsort(p->plan.choices, p->plan.count, sizeof *p->plan.choices, by_need);
    p->plan.dropped = p->plan.count - files - most;
    p->plan.count = files + most;
}

slp_rc compact_find_due(const struct table_state *s, const struct compact_rules *rules,
                        bool explains, struct arena *arena, struct compact_due *out,
                        struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct planner p = {.s = s,
                        .rules = rules,
                        .explains = explains,
                        .is_ordered = state_is_order_sensitive(s),
                        .arena = arena};
    arena_init(&p.scratch, arena->mem, SCRATCH_MAX_BYTES);
    TRY_OUT(plan_unfiled(&p, err));
    arena_fini(&p.scratch);
    TRY_OUT(plan_leaves(&p, err));
    limit_jobs(&p);
    *out = p.plan;
out:
    arena_fini(&p.scratch);
    return rc;
}
