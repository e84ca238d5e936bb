#include <stdlib.h>

#include "base/num.h"
#include "state/bug.h"
#include "state/global.h"
#include "state/reach.h"
#include "upkeep/sweep.h"

#define WORK_MAX_BYTES ((size_t)4 << 30)

/* How often what is kept is worked out anew when another collector was faster. */
#define JUDGEMENTS_MAX 4

/* Commits that marks may take: where they are to be the tip, the log has to be moved on first. */
#define COMMITS_MAX 4

/* What the state says of a name in data/. */
struct known {
    struct slice name; /* relative to the table */
    bool is_live;
    bool is_held;         /* by a pin */
    uint64_t since_frame; /* dead since */
    int64_t since_us;     /* by table time */
};

struct marks {
    uint64_t minted;  /* M */
    uint64_t horizon; /* H */
};

struct collection {
    struct state_table *table;
    const struct upkeep_gc_options *options;
    struct alloc *mem;
    struct arena arena; /* what is known of the state that is judged by */
    struct sweep sweep;
    size_t prefix_bytes; /* of "t/<id>/" in names of objects */
    int64_t lag_us;      /* of strangers */
    int64_t delay_us;    /* of dead files */
    struct marks aim;    /* what ages allow */
    struct marks marks;  /* what is judged by */
    struct marks need;   /* the lowest that let everything go that may */
    bool is_waiting;     /* leftovers carry the last number of the log */
    struct known *known;
    size_t known_count;
    uint64_t job_frame; /* outputs of open jobs have bases from here on */
    uint64_t floor;
    bool has_bodies; /* the two below were worked out */
    bool has_snapshots;
    struct state_names bodies;
    struct state_names snapshots;
};

/* ------------------------------------------------------------------ what the state knows */

static int compare_known(const void *a, const void *b)
{
    const struct known *x = a;
    const struct known *y = b;
    return slice_compare(x->name, y->name);
}

/* A pinned state from before the file died may still have it (rule G2). */
static bool is_pinned(const struct table_state *s, uint64_t since)
{
    for (size_t i = 0; i < state_pin_count(s); i++)
        if (state_pin_at(s, i)->number < since)
            return true;
    return false;
}

static slp_rc know_files(struct collection *c, struct slp_err *err)
{
    const struct table_state *view = state_table_view(c->table);
    const struct state_file **live = NULL;
    size_t live_count = 0;
    size_t dead_count = state_dead_count(view);
    TRY(state_files(view, &c->arena, &live, &live_count, err));
    TRY(arena_array(&c->arena, live_count + dead_count, sizeof *c->known, (void **)&c->known, err));
    c->known_count = 0;
    for (size_t i = 0; i < live_count; i++)
        c->known[c->known_count++] = (struct known){.name = live[i]->name, .is_live = true};
    for (size_t i = 0; i < dead_count; i++) {
        const struct state_dead_file *dead = state_dead_at(view, i);
        c->known[c->known_count++] = (struct known){.name = dead->name,
                                                    .is_held = is_pinned(view, dead->since.frame),
                                                    .since_frame = dead->since.frame,
                                                    .since_us = dead->since_us};
    }
    if (c->known_count)
        qsort(c->known, c->known_count, sizeof *c->known, compare_known);
    return SLP_OK;
}

/* A job whose outputs are not spared: it is overdue, or the caller says that nobody is at work. */
static bool is_over(const struct collection *c, const struct state_job *job)
{
    return job->deadline_us < c->sweep.now_us || c->options->min_age_s == 0;
}

/* The least frame that an open job was assigned at; those that are over were ended before, or would
 * be. */
static void know_jobs(struct collection *c)
{
    const struct table_state *view = state_table_view(c->table);
    c->job_frame = UINT64_MAX;
    for (size_t i = 0; i < state_job_count(view) && !STATE_BUG(NO_JOB_EXEMPT); i++) {
        const struct state_job *job = state_job_at(view, i);
        if (!c->options->dry_run || !is_over(c, job))
            c->job_frame = num_min_u64(c->job_frame, job->id.at.frame);
    }
}

/* Everything that is judged by, from the state as it is now: behind the collect, when it counts
 * (rule G2). */
static slp_rc know(struct collection *c, struct slp_err *err)
{
    arena_fini(&c->arena);
    arena_init(&c->arena, c->mem, WORK_MAX_BYTES);
    c->has_bodies = false;
    c->has_snapshots = false;
    TRY(know_files(c, err));
    know_jobs(c);
    return state_table_floor_read(c->table, &c->floor, NULL, err);
}

/* ------------------------------------------------------------------ jobs that are over */

static slp_rc end_job(struct collection *c, const struct state_job *job, struct slp_err *err)
{
    struct state_fail_item item = {
        .job = job->id, .attempt = job->attempt, .why = slice_str("its outputs are collected")};
    struct state_txn txn = {.kind = STATE_FAIL, .fail = {.items = &item, .count = 1}};
    struct state_result result = {0};
    TRY(key_range_copy(&c->arena, job->range, &item.range, err));
    TRY(state_table_commit(c->table, &txn, NULL, &result, err));
    slp_rc rc = state_result_check(&result, err);
    if (rc != SLP_CONFLICT)
        return rc;
    err_clear(err); /* its maker ended it just now */
    return SLP_OK;
}

/*
 * End in the log what is over, before an output of it is deleted: late jobs may finish, ended ones
 * are refused.
 */
static slp_rc end_jobs(struct collection *c, struct slp_err *err)
{
    for (size_t i = 0; i < state_job_count(state_table_view(c->table));) {
        const struct state_job *job = state_job_at(state_table_view(c->table), i);
        struct state_id id = job->id;
        if (is_over(c, job))
            TRY(end_job(c, job, err));
        i += state_job_find(state_table_view(c->table), id) != NULL; /* else the next one is at i */
    }
    return SLP_OK;
}

/* ------------------------------------------------------------------ pins that have expired */

/* By the store's clock, read afresh (rule T1): what only they held may go then. */
static slp_rc take_pins_away(struct collection *c, struct slp_err *err)
{
    for (size_t i = 0; i < state_pin_count(state_table_view(c->table));) {
        const struct state_pin *pin = state_pin_at(state_table_view(c->table), i);
        struct state_result result = {0};
        struct state_txn txn = {.kind = STATE_UNPIN, .unpin = {.at = pin->at}};
        if (!pin->expires_us || pin->expires_us > store_now_us(c->sweep.store)) {
            i++;
            continue;
        }
        TRY(arena_copy(&c->arena, pin->name, &txn.unpin.name, err));
        TRY(state_table_commit(c->table, &txn, NULL, &result, err));
        pin = state_pin_find(state_table_view(c->table), txn.unpin.name);
        i += pin &&
             state_position_compare(pin->at, txn.unpin.at) == 0; /* else the next one is at i */
    }
    return SLP_OK;
}

/* ------------------------------------------------------------------ how far the log had come */

/* An object that carries a number proves that the log had come so far when it was written. */
static slp_rc note_stamp(void *context, const struct store_item *item, struct slp_err *err)
{
    struct collection *c = context;
    uint64_t number = 0;
    struct slice name = slice_after(item->name, c->prefix_bytes);
    (void)err;
    if (!state_frame_number(name, &number))
        number = state_mint_base(name);
    if (number > state_number(state_table_view(c->table)))
        return SLP_OK; /* it came since */
    int64_t age_us = c->sweep.now_us - item->modified_us;
    if (age_us >= c->lag_us && number > c->aim.minted)
        c->aim.minted = number;
    if (age_us >= c->delay_us && number > c->aim.horizon)
        c->aim.horizon = number;
    return SLP_OK;
}

static slp_rc each_below(struct collection *c, const char *folder, sweep_fn fn, struct slp_err *err)
{
    struct state_name prefix;
    TRY(state_table_object(c->table, slice_str(folder), &prefix, err));
    c->prefix_bytes = prefix.len - strlen(folder);
    return upkeep_sweep_each(&c->sweep, state_name_slice(&prefix), fn, c, err);
}

/* Marks never fall, so those that there are count (rule G1). */
static slp_rc find_aim(struct collection *c, struct slp_err *err)
{
    const struct table_state *view = state_table_view(c->table);
    if (c->options->min_age_s == 0) {
        /* The commit that this takes moves the log on. */
        c->aim =
            (struct marks){.minted = state_number(view) + 1, .horizon = state_number(view) + 1};
    } else {
        TRY(each_below(c, "log/", note_stamp, err));
        TRY(each_below(c, "snap/", note_stamp, err));
    }
    if (c->aim.minted < state_minted(view))
        c->aim.minted = state_minted(view);
    if (c->aim.horizon < state_horizon(view))
        c->aim.horizon = state_horizon(view);
    return SLP_OK;
}

/* ------------------------------------------------------------------ judging */

static void need_minted(struct collection *c, uint64_t base)
{
    if (c->need.minted <= base)
        c->need.minted = base + 1;
}

/* Was something of this base made before M? What is so old itself and is not is waiting. */
static bool is_before(struct collection *c, uint64_t base, int64_t modified_us)
{
    bool is_old = modified_us <= c->sweep.now_us - c->lag_us;
    if (base == 0) /* not a name that a program of ours gives */
        return is_old && c->marks.minted > 0;
    if (base < c->marks.minted)
        return true;
    c->is_waiting |= is_old && base == state_number(state_table_view(c->table));
    return false;
}

static const char *judge_known(struct collection *c, const struct known *known)
{
    bool is_old = known->since_us <= c->sweep.now_us - c->delay_us || c->options->min_age_s == 0;
    if (known->is_live || known->is_held || !is_old)
        return NULL;
    if (known->since_frame >= c->marks.horizon) {
        c->is_waiting |= known->since_frame == state_number(state_table_view(c->table));
        return NULL;
    }
    if (c->need.horizon <= known->since_frame)
        c->need.horizon = known->since_frame + 1;
    return "nothing refers to it any more";
}

static const char *judge_data(struct collection *c, struct slice name, int64_t modified_us)
{
    struct known wanted = {.name = name};
    uint64_t base = state_mint_base(name);
    const struct known *known =
        c->known_count ? bsearch(&wanted, c->known, c->known_count, sizeof *c->known, compare_known)
                       : NULL;
    if (known)
        return judge_known(c, known);
    if (base >= c->job_frame || !is_before(c, base, modified_us))
        return NULL;
    need_minted(c, base);
    return "no state has named it";
}

/* Rule G2: a body that a frame names is read whenever the frame is. */
static slp_rc judge_body(struct collection *c, struct slice name, int64_t modified_us,
                         const char **why, struct slp_err *err)
{
    uint64_t base = state_mint_base(name);
    if (!is_before(c, base, modified_us))
        return SLP_OK;
    if (!c->has_bodies)
        TRY(state_bodies_named(c->table, c->floor, &c->arena, &c->bodies, err));
    c->has_bodies = true;
    if (state_names_have(&c->bodies, name))
        return SLP_OK;
    need_minted(c, base);
    *why = "no frame names this body";
    return SLP_OK;
}

/* Rule S3. */
static slp_rc judge_snapshot(struct collection *c, struct slice name, int64_t modified_us,
                             const char **why, struct slp_err *err)
{
    uint64_t base = state_mint_base(name);
    if (!is_before(c, base, modified_us))
        return SLP_OK;
    if (!c->has_snapshots)
        TRY(state_snapshot_reachable(c->table, c->marks.horizon, &c->arena, &c->snapshots, err));
    c->has_snapshots = true;
    if (state_names_have(&c->snapshots, name))
        return SLP_OK;
    need_minted(c, base);
    c->need.horizon = c->marks.horizon > c->need.horizon
                          ? c->marks.horizon
                          : c->need.horizon; /* else it may be restored */
    *why = "no snapshot that is kept has it";
    return SLP_OK;
}

static bool begins(struct slice name, const char *with)
{
    size_t n = strlen(with);
    return name.len >= n && memcmp(name.ptr, with, n) == 0;
}

/* Why it may go, by the marks that are judged by; `*why` stays NULL when it may not. */
static slp_rc judge(struct collection *c, struct slice object, int64_t modified_us,
                    const char **why, struct slp_err *err)
{
    uint64_t number = 0;
    struct slice name = slice_after(object, c->prefix_bytes);
    if (begins(name, "data/"))
        *why = judge_data(c, name, modified_us);
    else if (begins(name, STATE_BODY_PREFIX))
        return judge_body(c, name, modified_us, why, err);
    else if (begins(name, "snap/"))
        return judge_snapshot(c, name, modified_us, why, err);
    else if (begins(name, "inbox/") && state_inbox_is_over(c->table, name))
        *why = "this transaction is over";
    else if (begins(name, "log/") && state_frame_number(name, &number) && number < c->floor)
        *why = "this frame is below the floor";
    return SLP_OK;
}

static slp_rc note_candidate(void *context, const struct store_item *item, struct slp_err *err)
{
    struct collection *c = context;
    const char *why = NULL;
    TRY(judge(c, item->name, item->modified_us, &why, err));
    return why ? upkeep_sweep_add(&c->sweep, item, why, err) : SLP_OK;
}

/* What may go once the marks are what they are to be. Nothing is deleted on the strength of this. */
static slp_rc find_candidates(struct collection *c, struct slp_err *err)
{
    c->marks = c->aim;
    c->sweep.count = 0;
    TRY(know(c, err));
    TRY(each_below(c, "", note_candidate, err));
    return SLP_OK;
}

/* Judge again what was found, from the state behind the collect (rule G2). */
static slp_rc judge_again(struct collection *c, struct slp_err *err)
{
    const struct table_state *view = state_table_view(c->table);
    c->marks = (struct marks){.minted = state_minted(view), .horizon = state_horizon(view)};
    TRY(know(c, err));
    for (size_t i = 0; i < c->sweep.count; i++) {
        struct sweep_item *item = &c->sweep.items[i];
        item->why = NULL;
        TRY(judge(c, item->object, item->modified_us, &item->why, err));
    }
    return SLP_OK;
}

/*
 * A snapshot that must be kept is gone: damage, or another collector deleted it, which has seen a later
 * state or floor. Then it need not be kept there.
 */
static slp_rc judge_all(struct collection *c,
                        slp_rc (*judge_fn)(struct collection *, struct slp_err *),
                        struct slp_err *err)
{
    slp_rc rc = judge_fn(c, err);
    for (int i = 1; rc == SLP_CORRUPT && i < JUDGEMENTS_MAX; i++) {
        err_clear(err);
        TRY(state_table_refresh(c->table, err));
        if (c->aim.horizon < state_horizon(state_table_view(c->table)))
            c->aim.horizon = state_horizon(state_table_view(c->table));
        rc = judge_fn(c, err);
    }
    return rc;
}

/* ------------------------------------------------------------------ committing */

static slp_rc commit_marks(struct collection *c, uint64_t forget, struct slp_err *err)
{
    uint64_t number = state_number(state_table_view(c->table));
    struct state_result result = {0};
    struct state_txn txn = {.kind = STATE_COLLECT,
                            .collect = {.minted = num_min_u64(c->aim.minted, number),
                                        .horizon = num_min_u64(c->aim.horizon, number),
                                        .forget = forget}};
    TRY(state_table_commit(c->table, &txn, NULL, &result, err));
    return state_result_check(&result, err);
}

/* Rule G1: first the marks stand in the log. */
static slp_rc raise_marks(struct collection *c, struct slp_err *err)
{
    for (int i = 0; i < COMMITS_MAX; i++) {
        const struct table_state *view = state_table_view(c->table);
        bool is_enough =
            state_minted(view) >= c->need.minted && state_horizon(view) >= c->need.horizon;
        if (is_enough && !(i == 0 && c->is_waiting))
            return SLP_OK;
        TRY(commit_marks(c, 0, err));
    }
    return SLP_OK;
}

/* Files that have gone need not be known any longer: those that died below what was spared. */
static slp_rc forget(struct collection *c, struct slp_err *err)
{
    uint64_t below = num_min_u64(c->marks.horizon, state_number(state_table_view(c->table)));
    bool is_any = false;
    for (size_t i = 0; i < c->known_count; i++) {
        const struct known *k = &c->known[i];
        if (!k->is_live && !k->is_held && !judge_known(c, k) && k->since_frame < below)
            below = k->since_frame;
    }
    for (size_t i = 0; i < c->known_count; i++)
        is_any |= !c->known[i].is_live && !c->known[i].is_held && c->known[i].since_frame < below;
    return is_any ? commit_marks(c, below, err) : SLP_OK;
}

/* ------------------------------------------------------------------ all of it */

static void read_properties(struct collection *c)
{
    struct schema_properties p = state_table_properties(c->table);
    int64_t lag_s = schema_property_number(&p, SCHEMA_PROPERTY_GC_LAG);
    int64_t delay_s = schema_property_number(&p, SCHEMA_PROPERTY_GC_DELAY) * 60;
    int64_t history_s = schema_property_number(&p, SCHEMA_PROPERTY_GC_HISTORY);
    if (delay_s < history_s)
        delay_s = history_s;
    if (c->options->min_age_s >= 0) {
        lag_s = c->options->min_age_s;
        delay_s = lag_s;
    }
    c->lag_us = lag_s * SWEEP_SECOND_US;
    c->delay_us = delay_s * SWEEP_SECOND_US;
    c->sweep.most = (size_t)schema_property_number(&p, SCHEMA_PROPERTY_GC_MOST);
    c->sweep.batch = (size_t)schema_property_number(&p, SCHEMA_PROPERTY_GC_BATCH);
}

static slp_rc collect(struct collection *c, struct slp_err *err)
{
    TRY(state_table_refresh(c->table, err));
    TRY(state_table_read_defaults(c->table, err));
    read_properties(c);
    if (!c->options->dry_run) {
        TRY(end_jobs(c, err));
        TRY(take_pins_away(c, err));
    }
    TRY(find_aim(c, err));
    TRY(judge_all(c, find_candidates, err));
    if (c->options->dry_run)
        return upkeep_sweep_run(&c->sweep, err);
    TRY(raise_marks(c, err));
    if (c->sweep.count > 0) {
        TRY(state_table_refresh(c->table, err));
        if (!STATE_BUG(STALE_LIST))
            TRY(judge_all(c, judge_again, err));
        TRY(upkeep_sweep_run(&c->sweep, err));
    }
    return c->sweep.is_capped ? SLP_OK : forget(c, err);
}

slp_rc upkeep_collect(struct state_table *table, const struct upkeep_gc_options *options,
                      struct alloc *mem, struct upkeep_gc_result *out, struct slp_err *err)
{
    struct upkeep_gc_result result = {0};
    struct collection c = {.table = table, .options = options, .mem = mem};
    upkeep_sweep_init(&c.sweep, state_instance_store(state_table_instance(table)), options, mem,
                      &result);
    arena_init(&c.arena, mem, WORK_MAX_BYTES);
    slp_rc rc = collect(&c, err);
    result.is_capped = c.sweep.is_capped;
    if (rc == SLP_OK)
        *out = result;
    arena_fini(&c.arena);
    upkeep_sweep_fini(&c.sweep);
    return rc;
}
