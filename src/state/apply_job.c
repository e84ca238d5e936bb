#include "state/apply_priv.h"
#include "state/bug.h"

size_t state_job_index(const struct table_state *s, struct state_id id)
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
    size_t i = state_job_index(s, id);
    return i == SIZE_MAX ? NULL : s->jobs[i];
}

/* The records of leaf jobs stand in the shards of the leaves that they meet (rule P4). */
static void touch(struct table_state *s, const struct state_job *job)
{
    if (state_job_is_local(job))
        state_tree_touch(s, job->range);
}

/* A job that holds nothing any more. */
void state_close_job(struct table_state *s, size_t at)
{
    touch(s, s->jobs[at]);
    alloc_delete(s->mem, s->jobs[at]);
    s->job_count--;
    memmove(s->jobs + at, s->jobs + at + 1, (s->job_count - at) * sizeof *s->jobs);
}

void state_free_jobs(struct table_state *s)
{
    for (size_t i = 0; i < s->job_count; i++)
        alloc_delete(s->mem, s->jobs[i]);
    s->job_count = 0;
}

/* A job's record, at the end of those that are open: its id is the highest so far. */
static slp_rc open_job(const struct state_act *act, const struct state_assign_item *item,
                       struct state_id id, struct state_job **out, struct slp_err *err)
{
    struct table_state *s = act->s;
    TRY(state_grow(s->mem, &s->jobs, &s->job_room, s->job_count + 1, sizeof *s->jobs, err));
    struct state_job *job = NULL;
    TRY(alloc_new(s->mem, &job, err));
    *job = (struct state_job){.id = id,
                              .attempt = 1,
                              .deadline_us = item->deadline_us,
                              .kind = item->kind,
                              .assigned = act->at,
                              .drops_deletes = item->drops_deletes};
    s->jobs[s->job_count++] = job;
    *out = job;
    return SLP_OK;
}

/* ------------------------------------------------------------------ which inputs go together */

/* An interval of positions; of a job's inputs the hull. Blank at first. */
struct hull {
    struct state_position low;
    struct state_position high;
};

static int hull_order(struct hull a, struct hull b)
{
    int order = state_position_compare(a.low, b.low);
    return order ? order : state_position_compare(a.high, b.high);
}

/* What is known of a job's inputs before it is made. */
struct choice {
    struct hull first; /* in order of lowest position, then highest */
    struct hull last;
    struct hull all;
    struct key_range keys; /* from their lowest to their highest key */
    bool any;
};

static void choose(struct choice *c, struct hull run, struct key_range keys)
{
    if (!c->any) {
        *c = (struct choice){.first = run, .last = run, .all = run, .keys = keys, .any = true};
        return;
    }
    if (hull_order(run, c->first) < 0)
        c->first = run;
    if (hull_order(run, c->last) > 0)
        c->last = run;
    if (state_position_compare(run.low, c->all.low) < 0)
        c->all.low = run.low;
    if (state_position_compare(run.high, c->all.high) > 0)
        c->all.high = run.high;
    if (slice_compare(keys.lo, c->keys.lo) < 0)
        c->keys.lo = keys.lo;
    if (slice_compare(keys.hi, c->keys.hi) > 0)
        c->keys.hi = keys.hi;
}

/*
 * Rule O3: a run that stays outside must not stand between the chosen ones in order of lowest
 * position. Files of one interval of positions are one run, taken whole or not at all: two of them
 * may share a key.
 */
static bool stands_between(const struct choice *c, struct hull other)
{
    return hull_order(other, c->first) >= 0 && hull_order(other, c->last) <= 0;
}

/* Rule O6: is all that the job does not hold, and that may have a key of its, newer? */
static bool may_be_older(const struct choice *c, struct hull other, struct key_range keys)
{
    return key_range_meets(keys, c->keys) && state_position_compare(other.low, c->all.high) <= 0;
}

static bool is_named(const struct state_assign_item *item, struct state_id file)
{
    for (size_t i = 0; i < item->input_count; i++)
        if (state_id_equal(item->inputs[i], file))
            return true;
    return false;
}

/* ------------------------------------------------------------------ assign: a leaf */

static struct hull hull_of(const struct state_entry *e)
{
    struct hull run;
    state_entry_positions(e, &run.low, &run.high);
    return run;
}

/* All inputs are there and free; what they span. */
static enum state_reason choose_held(const struct state_leaf *leaf,
                                     const struct state_assign_item *item, struct choice *c)
{
    const struct state_held *end = leaf->held + leaf->ref_count;
    size_t near = 0;
    for (size_t i = 0; i < item->input_count; i++) {
        const struct state_held *ref = state_leaf_held(leaf, item->inputs[i], &near);
        if (!ref)
            return STATE_REASON_NO_INPUT;
        for (const struct state_entry *file = ref->file; ref < end && ref->file == file; ref++) {
            if (ref->job)
                return STATE_REASON_BUSY;
            choose(c, hull_of(file), state_held_range(leaf, ref));
        }
    }
    return STATE_REASON_APPLIED;
}

/* What the job leaves out of its leaf, unfiled files that meet it among that (rules O3, O6). */
static enum state_reason judge_others(const struct table_state *s, const struct state_leaf *leaf,
                                      const struct state_assign_item *item, const struct choice *c)
{
    bool ordered = state_is_order_sensitive(s) && !STATE_BUG(NO_ADJACENCY);
    if (!ordered && !item->drops_deletes)
        return STATE_REASON_APPLIED;
    bool between = false;
    bool older = false;
    for (size_t i = 0; i < leaf->ref_count; i++) {
        const struct state_held *ref = &leaf->held[i];
        if (is_named(item, state_entry_id(ref->file)) || (ref->job && STATE_BUG(DROP_FREE)))
            continue;
        struct hull run = hull_of(ref->file);
        between = between || stands_between(c, run);
        older = older || may_be_older(c, run, state_held_range(leaf, ref));
    }
    for (size_t i = 0; i < s->unfiled_count; i++) {
        const struct state_reference *ref = &s->unfiled[i]->ref;
        struct hull run = {.low = ref->file->low, .high = ref->file->high};
        if (!key_range_meets(ref->range, leaf->range) || STATE_BUG(LEAF_ONLY))
            continue;
        between = between || stands_between(c, run);
        older = older || may_be_older(c, run, ref->range);
    }
    if (ordered && between)
        return STATE_REASON_NOT_ADJACENT;
    if (STATE_BUG(DROP_ANY))
        older = false;
    return item->drops_deletes && older && !STATE_BUG(OLDEST_FINISH) ? STATE_REASON_NOT_OLDEST
                                                                     : STATE_REASON_APPLIED;
}

static enum state_reason judge_leaf_job(const struct table_state *s,
                                        const struct state_assign_item *item, size_t *leaf,
                                        struct choice *c)
{
    if (!state_sees(s, item->leaf))
        return STATE_REASON_UNSEEN;
    *leaf = state_tree_find(s, item->leaf);
    if (*leaf == SIZE_MAX)
        return STATE_REASON_NO_LEAF;
    if (item->input_count == 0)
        return STATE_REASON_EMPTY;
    enum state_reason reason = choose_held(s->leaves[*leaf], item, c);
    return reason == STATE_REASON_APPLIED ? judge_others(s, s->leaves[*leaf], item, c) : reason;
}

/* The references become the job's; their positions its interval (rule O1). */
static slp_rc assign_leaf(const struct state_act *act, const struct state_assign_item *item,
                          struct state_id id, enum state_reason *reason, struct slp_err *err)
{
    size_t at = 0;
    struct choice c = {0};
    struct state_job *job = NULL;
    *reason = judge_leaf_job(act->s, item, &at, &c);
    if (*reason != STATE_REASON_APPLIED)
        return SLP_OK;
    TRY(open_job(act, item, id, &job, err));
    struct state_leaf *leaf = act->s->leaves[at];
    job->range = leaf->range;
    job->low = c.all.low;
    job->high = c.all.high;
    touch(act->s, job);
    size_t near = 0;
    for (size_t i = 0; i < item->input_count; i++) {
        struct state_held *ref = state_leaf_held(leaf, item->inputs[i], &near);
        job->inputs += !ref->job; /* it may be named twice */
        const struct state_entry *file = ref->file;
        for (; ref < leaf->held + leaf->ref_count && ref->file == file; ref++)
            ref->job = job;
    }
    return SLP_OK;
}

/* ------------------------------------------------------------------ assign: unfiled files */

static size_t find_unfiled(const struct table_state *s, struct state_id file)
{
    for (size_t i = 0; i < s->unfiled_count; i++)
        if (state_id_equal(s->unfiled[i]->file.id, file))
            return i;
    return SIZE_MAX;
}

/* For the planted bug that breaks rule O4 behind folds of what was not adjacent. */
static bool is_covered(const struct table_state *s, const struct state_assign_item *item,
                       struct state_position p)
{
    for (size_t i = 0; STATE_BUG(FOLD_HOLES) && i < item->input_count; i++) {
        const struct state_file *f = &s->unfiled[find_unfiled(s, item->inputs[i])]->file;
        if (state_position_compare(f->low, p) <= 0 && state_position_compare(p, f->high) <= 0)
            return true;
    }
    return false;
}

/*
 * Rule O4: nothing that the fold leaves out stands between its runs in order of lowest position, by
 * the list of adds and never by looking at leaves. That one of the runs reaches over a position does
 * not say that it has what was added there: it may be a fold from before order counted.
 */
static bool is_fold_adjacent(const struct table_state *s, const struct state_assign_item *item,
                             const struct choice *c)
{
    bool is_one = hull_order(c->first, c->last) == 0;
    if (STATE_BUG(FOLD_AS_WRITTEN) || STATE_BUG(NO_ADJACENCY))
        return true;
    for (size_t i = 0; STATE_BUG(FOLD_LEAVES) && i < s->leaf_count; i++)
        for (size_t k = 0; k < s->leaves[i]->ref_count; k++)
            if (stands_between(c, hull_of(s->leaves[i]->held[k].file)))
                return false;
    for (size_t i = 0; i < s->global.add_count && !is_one && !STATE_BUG(FOLD_LEAVES); i++) {
        struct state_position p = s->global.adds[i];
        if (state_position_compare(p, c->first.low) >= 0 &&
            state_position_compare(p, c->last.low) <= 0 && !is_covered(s, item, p))
            return false;
    }
    for (size_t i = 0; i < s->unfiled_count; i++) {
        const struct state_file *f = &s->unfiled[i]->file;
        struct hull run = {.low = f->low, .high = f->high};
        if (!is_named(item, f->id) && stands_between(c, run))
            return false;
    }
    return true;
}

static bool is_blank(struct key_range range)
{
    return range.lo.len == 0 && !range.has_hi;
}

static enum state_reason judge_fold(const struct table_state *s,
                                    const struct state_assign_item *item, struct choice *c)
{
    if (!is_blank(item->leaf))
        return STATE_REASON_NO_LEAF;
    if (item->input_count == 0)
        return STATE_REASON_EMPTY;
    if (item->drops_deletes)
        return STATE_REASON_NOT_OLDEST; /* it knows no leaf */
    for (size_t i = 0; i < item->input_count; i++) {
        size_t at = find_unfiled(s, item->inputs[i]);
        if (at == SIZE_MAX)
            return STATE_REASON_NOT_UNFILED;
        const struct state_reference *ref = &s->unfiled[at]->ref;
        if (ref->job)
            return STATE_REASON_BUSY;
        choose(c, (struct hull){.low = ref->file->low, .high = ref->file->high}, ref->range);
    }
    return state_is_order_sensitive(s) && !is_fold_adjacent(s, item, c) ? STATE_REASON_NOT_ADJACENT
                                                                        : STATE_REASON_APPLIED;
}

static slp_rc assign_fold(const struct state_act *act, const struct state_assign_item *item,
                          struct state_id id, enum state_reason *reason, struct slp_err *err)
{
    struct choice c = {0};
    struct state_job *job = NULL;
    *reason = judge_fold(act->s, item, &c);
    if (*reason != STATE_REASON_APPLIED)
        return SLP_OK;
    TRY(open_job(act, item, id, &job, err));
    TRY(key_range_copy(&act->s->keys, c.keys, &job->range, err));
    job->low = c.all.low;
    job->high = c.all.high;
    for (size_t i = 0; i < item->input_count; i++) {
        struct state_reference *ref = &act->s->unfiled[find_unfiled(act->s, item->inputs[i])]->ref;
        job->inputs += !ref->job;
        ref->job = job;
    }
    return SLP_OK;
}

/* Rule P4: imports and folds are global. */
static slp_rc assign_import(const struct state_act *act, const struct state_assign_item *item,
                            struct state_id id, enum state_reason *reason, struct slp_err *err)
{
    struct state_job *job = NULL;
    *reason = !is_blank(item->leaf) ? STATE_REASON_NO_LEAF
              : item->input_count   ? STATE_REASON_NO_INPUT
              : item->drops_deletes ? STATE_REASON_NOT_OLDEST
                                    : STATE_REASON_APPLIED;
    return *reason == STATE_REASON_APPLIED ? open_job(act, item, id, &job, err) : SLP_OK;
}

static slp_rc assign_batch(const struct state_act *act, const struct state_assign_item *item,
                           struct state_id id, enum state_reason *reason, struct slp_err *err)
{
    struct state_job *job = NULL;
    *reason = !is_blank(item->leaf) ? STATE_REASON_NO_LEAF
              : item->drops_deletes ? STATE_REASON_NOT_OLDEST
                                    : state_judge_batch(act->s, item);
    if (*reason != STATE_REASON_APPLIED)
        return SLP_OK;
    TRY(open_job(act, item, id, &job, err));
    job->inputs = state_submitted_hold(act->s, item, id);
    return SLP_OK;
}

slp_rc state_apply_assign(const struct state_act *act, const struct state_assign_item *item,
                          struct state_id id, enum state_reason *reason, struct slp_err *err)
{
    if (act->s->global.is_paused) {
        *reason = STATE_REASON_PAUSED;
        return SLP_OK;
    }
    if (item->kind == STATE_JOB_FOLD)
        return assign_fold(act, item, id, reason, err);
    if (item->kind == STATE_JOB_IMPORT)
        return assign_import(act, item, id, reason, err);
    if (item->kind == STATE_JOB_BATCH)
        return assign_batch(act, item, id, reason, err);
    return assign_leaf(act, item, id, reason, err);
}

/* ------------------------------------------------------------------ fencing */

static bool same_range(struct key_range a, struct key_range b)
{
    return slice_equal(a.lo, b.lo) && a.has_hi == b.has_hi &&
           (!a.has_hi || slice_equal(a.hi, b.hi));
}

/* Open with just this interval and attempt (rule T1)? */
static enum state_reason judge_job(const struct table_state *s, struct state_id id,
                                   uint32_t attempt, struct key_range range, size_t *at)
{
    *at = state_job_index(s, id);
    if (*at == SIZE_MAX)
        return state_sees(s, range) ? STATE_REASON_NO_JOB : STATE_REASON_UNSEEN;
    const struct state_job *job = s->jobs[*at];
    if (!same_range(job->range, range))
        return STATE_REASON_NO_JOB;
    return job->attempt == attempt || STATE_BUG(ANY_ATTEMPT) ? STATE_REASON_APPLIED
                                                             : STATE_REASON_ATTEMPT;
}

size_t state_judge_import(const struct table_state *s, const struct state_add *add,
                          enum state_reason *reason)
{
    size_t at = 0;
    *reason = judge_job(s, add->job, add->attempt, (struct key_range){0}, &at);
    if (*reason == STATE_REASON_APPLIED && !state_job_is_import(s->jobs[at]))
        *reason = STATE_REASON_NO_JOB;
    return *reason == STATE_REASON_APPLIED ? at : SIZE_MAX;
}

void state_apply_extend(struct table_state *s, const struct state_extend_item *item,
                        enum state_reason *reason)
{
    size_t at = 0;
    *reason = judge_job(s, item->job, item->attempt, item->range, &at);
    if (*reason != STATE_REASON_APPLIED)
        return;
    s->jobs[at]->deadline_us = item->deadline_us;
    s->jobs[at]->extension++;
    touch(s, s->jobs[at]);
}

void state_apply_reassign(const struct state_act *act, const struct state_reassign_item *item,
                          enum state_reason *reason)
{
    size_t at = 0;
    *reason = judge_job(act->s, item->job, item->attempt, item->range, &at);
    if (*reason != STATE_REASON_APPLIED)
        return;
    struct state_job *job = act->s->jobs[at];
    if (job->extension != item->extension && !STATE_BUG(ANY_EXTENSION)) {
        *reason = STATE_REASON_EXTENDED;
        return;
    }
    job->attempt++;
    job->extension = 0;
    job->deadline_us = item->deadline_us;
    job->assigned = act->at;
    touch(act->s, job);
}

/* ------------------------------------------------------------------ ends */

static enum state_reason judge_output(const struct table_state *s, const struct state_txn *txn,
                                      const struct state_job *job, const struct state_new_file *f)
{
    enum state_reason reason = state_judge_file(f);
    if (f->schema_version == 0 || f->schema_version > s->schema_version)
        return STATE_REASON_SCHEMA;
    if (reason != STATE_REASON_APPLIED)
        return reason;
    if (f->body)
        return STATE_REASON_BAD_FILE;
    if (f->is_unfiled != (job->kind == STATE_JOB_FOLD) ||
        !key_range_holds(job->range, f->info.first_key) ||
        !key_range_holds(job->range, f->info.last_key))
        return STATE_REASON_OUTSIDE;
    if (state_position_compare(f->purged_through, job->assigned) != 0)
        return STATE_REASON_MARK;                     /* rule V3 */
    return state_judge_object(s, txn, f->name, true); /* its job is open (rule G1) */
}

/* For the planted bug that breaks rule O6. */
static bool is_oldest_now(const struct table_state *s, const struct state_job *job)
{
    size_t first = 0;
    size_t end = 0;
    state_leaves_meeting(s, job->range, &first, &end);
    for (size_t i = first; i < end; i++)
        for (size_t k = 0; k < s->leaves[i]->ref_count; k++) {
            const struct state_held *ref = &s->leaves[i]->held[k];
            if (ref->job != job && state_position_compare(hull_of(ref->file).low, job->high) <= 0)
                return false;
        }
    return true;
}

static enum state_reason judge_replace(const struct state_act *act,
                                       const struct state_replace_item *item, size_t *at)
{
    const struct table_state *s = act->s;
    enum state_reason reason = judge_job(s, item->job, item->attempt, item->range, at);
    if (reason != STATE_REASON_APPLIED)
        return reason;
    const struct state_job *job = s->jobs[*at];
    if (state_job_is_import(job))
        return STATE_REASON_NO_JOB; /* an add ends it */
    if (STATE_BUG(OLDEST_FINISH) && job->drops_deletes && !is_oldest_now(s, job))
        return STATE_REASON_NOT_OLDEST;
    for (size_t i = 0; i < item->output_count; i++) {
        reason = judge_output(s, act->txn, job, &item->outputs[i]);
        if (reason != STATE_REASON_APPLIED)
            return reason;
    }
    bool fits = job->kind != STATE_JOB_FOLD ||
                s->unfiled_count - job->inputs + item->output_count <= s->rules.unfiled_max;
    return fits ? STATE_REASON_APPLIED : STATE_REASON_UNFILED;
}

/* The unfiled files that a fold holds die. */
static slp_rc take_unfiled(struct table_state *s, const struct state_job *job,
                           struct state_position at, struct slp_err *err)
{
    for (size_t i = 0; i < s->unfiled_count;) {
        if (s->unfiled[i]->ref.job != job) {
            i++;
            continue;
        }
        TRY(state_bury(s, state_unfiled_take(s, i), at, err));
    }
    return SLP_OK;
}

/* Outputs take the interval of positions of the inputs, never a new one (rule O1), and the position
 * of the assignment as their mark (rule V3). */
slp_rc state_apply_replace(const struct state_act *act, const struct state_replace_item *item,
                           struct state_id first_output, enum state_reason *reason,
                           struct slp_err *err)
{
    struct table_state *s = act->s;
    size_t at = 0;
    *reason = judge_replace(act, item, &at);
    if (*reason != STATE_REASON_APPLIED)
        return SLP_OK;
    const struct state_job *job = s->jobs[at];
    bool is_fold = job->kind == STATE_JOB_FOLD;
    TRY(is_fold ? take_unfiled(s, job, act->at, err) : state_tree_take(s, job, act->at, err));
    for (size_t i = 0; i < item->output_count; i++) {
        struct state_id id = first_output;
        id.item += (uint32_t)i;
        struct state_file f = state_file_of(s, &item->outputs[i], id);
        f.low = STATE_BUG(NEW_POSITION) ? act->at : job->low;
        f.high = STATE_BUG(NEW_POSITION) ? act->at : job->high;
        f.purged_through = STATE_BUG(MARK_FINISH) ? act->at
                           : STATE_BUG(MARK_MIN)  ? job->low
                                                  : job->assigned;
        TRY(state_enter_file(s, &f, is_fold, err));
    }
    state_close_job(s, at);
    state_trim_adds(s);
    return SLP_OK;
}

/* Nothing is held by `job` any more. */
static void release(struct table_state *s, const struct state_job *job)
{
    size_t first = 0;
    size_t end = 0;
    for (size_t i = 0; i < s->unfiled_count; i++)
        if (s->unfiled[i]->ref.job == job)
            s->unfiled[i]->ref.job = NULL;
    if (job->kind == STATE_JOB_BATCH)
        state_submitted_free(s, job->id);
    if (job->kind != STATE_JOB_LEAF)
        return;
    state_leaves_meeting(s, job->range, &first, &end);
    for (size_t i = first; i < end; i++)
        for (size_t k = 0; k < s->leaves[i]->ref_count; k++)
            if (s->leaves[i]->held[k].job == job)
                s->leaves[i]->held[k].job = NULL;
}

slp_rc state_apply_fail(struct table_state *s, const struct state_fail_item *item,
                        enum state_reason *reason, struct slp_err *err)
{
    size_t at = 0;
    *reason = judge_job(s, item->job, item->attempt, item->range, &at);
    if (STATE_BUG(OVERDUE_STAYS) && *reason == STATE_REASON_APPLIED &&
        s->jobs[at]->deadline_us < s->time_us)
        *reason = STATE_REASON_BUSY;
    if (*reason != STATE_REASON_APPLIED)
        return SLP_OK;
    TRY(state_submitted_blame(s, item, err));
    release(s, s->jobs[at]);
    state_close_job(s, at);
    return SLP_OK;
}
