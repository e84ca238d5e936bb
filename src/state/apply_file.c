#include <inttypes.h>
#include <stdio.h>

#include "state/apply_priv.h"
#include "state/bug.h"

/* What unpacking one unfiled file takes. */
#define UNFILED_ARENA_MAX ((size_t)1 << 20)

/* ------------------------------------------------------------------ unfiled files */

slp_rc state_unfiled_add(struct table_state *s, struct state_entry *e, struct slp_err *err)
{
    struct state_unfiled *u = NULL;
    TRY(state_grow(s->mem, &s->unfiled, &s->unfiled_room, s->unfiled_count + 1, sizeof u, err));
    TRY(alloc_new(s->mem, &u, err));
    arena_init(&u->arena, s->mem, UNFILED_ARENA_MAX);
    slp_rc rc = state_entry_view(e, &u->arena, &u->file, err);
    if (rc != SLP_OK) {
        arena_fini(&u->arena);
        alloc_delete(s->mem, u);
        return rc;
    }
    e->refs = 1;
    u->entry = e;
    u->file.refs = 1;
    u->ref = (struct state_reference){.file = &u->file,
                                      .range = state_file_range(&u->file),
                                      .row_lo = 0,
                                      .row_hi = u->file.info.rows};
    s->unfiled[s->unfiled_count++] = u;
    return SLP_OK;
}

struct state_entry *state_unfiled_take(struct table_state *s, size_t i)
{
    struct state_unfiled *u = s->unfiled[i];
    struct state_entry *e = u->entry;
    s->unfiled_count--;
    memmove(s->unfiled + i, s->unfiled + i + 1, (s->unfiled_count - i) * sizeof u);
    arena_fini(&u->arena);
    alloc_delete(s->mem, u);
    e->refs = 0;
    return e;
}

/* Rule O4: positions below the oldest unfiled file are no fold's business. */
void state_trim_adds(struct table_state *s)
{
    struct state_global *g = &s->global;
    size_t below = 0;
    struct state_position oldest = {.frame = UINT64_MAX};
    for (size_t i = 0; i < s->unfiled_count; i++)
        if (state_position_compare(s->unfiled[i]->file.low, oldest) < 0)
            oldest = s->unfiled[i]->file.low;
    while (below < g->add_count && state_position_compare(g->adds[below], oldest) < 0)
        below++;
    g->add_count -= below;
    if (below && g->add_count)
        memmove(g->adds, g->adds + below, g->add_count * sizeof *g->adds);
}

/* Leaves have a run of this lowest position: no fold may reach over it (rule O4). */
static slp_rc note_filed(struct table_state *s, struct state_position low, struct slp_err *err)
{
    struct state_global *g = &s->global;
    size_t i = g->add_count;
    while (i > 0 && state_position_compare(g->adds[i - 1], low) > 0)
        i--;
    if (s->unfiled_count == 0 || (i > 0 && state_position_compare(g->adds[i - 1], low) == 0))
        return SLP_OK;
    TRY(state_grow(s->mem, &g->adds, &g->add_room, g->add_count + 1, sizeof *g->adds, err));
    memmove(g->adds + i + 1, g->adds + i, (g->add_count - i) * sizeof *g->adds);
    g->adds[i] = low;
    g->add_count++;
    return SLP_OK;
}

slp_rc state_apply_file_down(struct table_state *s, struct state_id id, enum state_reason *reason,
                             struct slp_err *err)
{
    size_t i = 0;
    while (i < s->unfiled_count && !state_id_equal(s->unfiled[i]->file.id, id))
        i++;
    if (i == s->unfiled_count) {
        *reason = STATE_REASON_NOT_UNFILED;
        return SLP_OK;
    }
    if (s->unfiled[i]->ref.job) {
        *reason = STATE_REASON_BUSY;
        return SLP_OK;
    }
    struct state_entry *e = state_unfiled_take(s, i);
    struct state_position low;
    struct state_position high;
    state_entry_positions(e, &low, &high);
    slp_rc rc = state_tree_file(s, e, false, err);
    if (e->refs == 0)
        state_entry_free(s->mem, e); /* it meets no leaf that is loaded */
    if (rc == SLP_OK)
        rc = note_filed(s, low, err);
    state_trim_adds(s);
    return rc;
}

/* ------------------------------------------------------------------ judging */

enum state_reason state_judge_object(const struct table_state *s, const struct state_txn *txn,
                                     struct slice name, bool may_be_old)
{
    uint64_t minted = state_mint_base(name);
    if (minted > txn->base)
        return STATE_REASON_BASE; /* rule I2 */
    if (minted < s->global.minted && !may_be_old && !STATE_BUG(NO_M))
        return STATE_REASON_TOO_OLD; /* rule G1 */
    return STATE_REASON_APPLIED;
}

enum state_reason state_judge_file(const struct state_new_file *f)
{
    uint64_t rows = f->info.rows > 0 ? (uint64_t)f->info.rows : 0;
    bool is_embedded = f->body > 0;
    if (rows == 0 || slice_compare(f->info.first_key, f->info.last_key) > 0 ||
        f->info.last_key.len > KEY_MAX_BYTES || f->info.first_key.len > KEY_MAX_BYTES)
        return STATE_REASON_BAD_FILE;
    if (f->deletes > rows || f->resets > rows - f->deletes || is_embedded != (f->name.len == 0))
        return STATE_REASON_BAD_FILE;
    return STATE_REASON_APPLIED;
}

/* Rule V3: its mark is its own position, which its author cannot know. */
static enum state_reason judge_added(const struct state_act *act, const struct state_new_file *f,
                                     bool is_import)
{
    enum state_reason reason = state_judge_file(f);
    if (f->schema_version != act->s->schema_version)
        return STATE_REASON_SCHEMA;
    if (reason != STATE_REASON_APPLIED)
        return reason;
    if (f->purged_through.frame != 0)
        return STATE_REASON_MARK;
    return f->body ? STATE_REASON_APPLIED
                   : state_judge_object(act->s, act->txn, f->name, is_import);
}

static enum state_reason judge_add(const struct state_act *act, const struct state_add *add,
                                   size_t *import)
{
    const struct table_state *s = act->s;
    enum state_reason reason = STATE_REASON_APPLIED;
    size_t unfiled = s->unfiled_count;
    *import = SIZE_MAX;
    if (s->global.is_paused)
        return STATE_REASON_PAUSED;
    if (add->count == 0 && !add->ends_job)
        return STATE_REASON_EMPTY;
    if (!state_id_is_none(add->job)) {
        *import = state_judge_import(s, add, &reason);
        if (*import == SIZE_MAX)
            return reason;
    } else if (add->ends_job) {
        return STATE_REASON_NO_JOB;
    }
    for (size_t i = 0; i < add->count; i++) {
        reason = judge_added(act, &add->files[i], *import != SIZE_MAX);
        if (reason != STATE_REASON_APPLIED)
            return reason;
        unfiled += add->files[i].is_unfiled;
    }
    return unfiled > s->unfiled_count && unfiled > s->rules.unfiled_max ? STATE_REASON_UNFILED
                                                                        : STATE_REASON_APPLIED;
}

/* ------------------------------------------------------------------ entering */

slp_rc state_enter_file(struct table_state *s, const struct state_file *f, bool is_unfiled,
                        struct slp_err *err)
{
    struct state_entry *e = NULL;
    TRY(state_entry_new(s->mem, f, &e, err));
    bool is_newest = state_position_compare(f->low, f->id.at) == 0;
    slp_rc rc = is_unfiled ? state_unfiled_add(s, e, err) : state_tree_file(s, e, is_newest, err);
    if (e->refs == 0)
        state_entry_free(s->mem, e);
    if ((f->deletes || f->resets) && !STATE_BUG(NO_FLAG))
        s->global.has_deleted = true; /* rule O3 */
    return rc;
}

/* Rule G4: where an embedded file stands once it is copied out of the log. */
static void moved_name(const struct state_file *f, char out[80])
{
    (void)snprintf(out, 80, "data/%02x/%020" PRIu64 "-log-%" PRIu64 ".parquet",
                   (unsigned)(f->id.at.frame & 0xff), f->id.at.frame, f->log_offset);
}

/* For the planted bug that breaks rule P2. */
static bool meets_many(const struct table_state *s, const struct state_file *f)
{
    return state_leaf_holding(s, f->info.last_key) > state_leaf_holding(s, f->info.first_key) + 1;
}

static slp_rc enter_all(const struct state_act *act, const struct state_add *add, size_t import,
                        struct slp_err *err)
{
    struct table_state *s = act->s;
    bool has_filed = false;
    for (size_t i = 0; i < add->count; i++) {
        char name[80];
        struct state_id id = {.at = act->at, .item = (uint32_t)i};
        struct state_file f = state_file_of(s, &add->files[i], id);
        if (f.log_offset) {
            moved_name(&f, name);
            f.name = slice_str(name);
        }
        bool is_wide = STATE_BUG(COUNT_LEAVES) && meets_many(s, &f);
        has_filed = has_filed || !(add->files[i].is_unfiled || is_wide);
        TRY(state_enter_file(s, &f, add->files[i].is_unfiled || is_wide, err));
    }
    if (has_filed)
        TRY(note_filed(s, act->at, err));
    if (add->ends_job) {
        state_submitted_end(s, add->job);
        state_close_job(s, import);
    }
    return SLP_OK;
}

slp_rc state_apply_add(const struct state_act *act, const struct state_add *add,
                       enum state_reason *reason, struct slp_err *err)
{
    size_t import = 0;
    *reason = judge_add(act, add, &import);
    return *reason == STATE_REASON_APPLIED ? enter_all(act, add, import, err) : SLP_OK;
}

static enum state_reason judge_overwrite(const struct state_act *act,
                                         const struct state_overwrite *o, size_t *import)
{
    if (key_range_is_empty(o->range))
        return STATE_REASON_EMPTY;
    for (size_t i = 0; i < o->add.count; i++)
        if (!key_range_holds(o->range, o->add.files[i].info.first_key) ||
            !key_range_holds(o->range, o->add.files[i].info.last_key))
            return STATE_REASON_OUTSIDE;
    return judge_add(act, &o->add, import);
}

/* Rule V4: what was there goes as by a range delete at this position; its own files are not below
 * it. */
slp_rc state_apply_overwrite(const struct state_act *act, enum state_reason *reason,
                             struct slp_err *err)
{
    const struct state_overwrite *o = &act->txn->overwrite;
    struct state_purge purge = {
        .at = act->at, .is_range = true, .range = o->range, .time_us = act->s->time_us};
    size_t import = 0;
    *reason = judge_overwrite(act, o, &import);
    if (*reason != STATE_REASON_APPLIED)
        return SLP_OK;
    TRY(state_add_purge(act->s, &purge, err));
    return enter_all(act, &o->add, import, err);
}
