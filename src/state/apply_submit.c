/* Submitted files: a queue in the global part, from which batches take what they ingest. */

#include "base/num.h"
#include "state/apply_priv.h"
#include "state/bug.h"

/* ------------------------------------------------------------------ the list */

slp_rc state_submitted_text(struct alloc *mem, struct slice *text, struct slice by,
                            struct slp_err *err)
{
    void *copy = NULL;
    if (by.len) {
        TRY(alloc_room(mem, by.len, &copy, err));
        memcpy(copy, by.ptr, by.len);
    }
    alloc_free(mem, (void *)(uintptr_t)text->ptr, text->len);
    *text = (struct slice){.ptr = copy, .len = by.len};
    return SLP_OK;
}

bool state_reading_equal(const struct state_reading *a, const struct state_reading *b)
{
    return slice_equal(a->format, b->format) && slice_equal(a->kinds, b->kinds) &&
           a->skips == b->skips && a->most == b->most;
}

static slp_rc copy_reading(struct alloc *mem, struct state_reading *to,
                           const struct state_reading *from, struct slp_err *err)
{
    TRY(state_submitted_text(mem, &to->format, from->format, err));
    TRY(state_submitted_text(mem, &to->kinds, from->kinds, err));
    to->skips = from->skips;
    to->most = from->most;
    return SLP_OK;
}

slp_rc state_submitted_append(struct alloc *mem, struct state_global *g,
                              const struct state_submitted *from, struct slp_err *err)
{
    TRY(state_grow(mem, &g->submitted, &g->submitted_room, g->submitted_count + 1,
                   sizeof *g->submitted, err));
    struct state_submitted *f = &g->submitted[g->submitted_count++];
    *f = *from;
    f->path = (struct slice){0};
    f->why = (struct slice){0};
    f->reading = (struct state_reading){.skips = false};
    slp_rc rc = state_submitted_text(mem, &f->path, from->path, err);
    if (rc == SLP_OK)
        rc = state_submitted_text(mem, &f->why, from->why, err);
    if (rc == SLP_OK)
        rc = copy_reading(mem, &f->reading, &from->reading, err);
    g->submitted_bytes += f->path.len;
    if (rc != SLP_OK)
        state_submitted_drop(mem, g, g->submitted_count - 1);
    return rc;
}

void state_submitted_drop(struct alloc *mem, struct state_global *g, size_t i)
{
    struct state_submitted *f = &g->submitted[i];
    g->submitted_bytes -= f->path.len;
    alloc_free(mem, (void *)(uintptr_t)f->path.ptr, f->path.len);
    alloc_free(mem, (void *)(uintptr_t)f->why.ptr, f->why.len);
    alloc_free(mem, (void *)(uintptr_t)f->reading.format.ptr, f->reading.format.len);
    alloc_free(mem, (void *)(uintptr_t)f->reading.kinds.ptr, f->reading.kinds.len);
    g->submitted_count--;
    memmove(f, f + 1, (g->submitted_count - i) * sizeof *f);
}

static struct state_submitted *find(struct table_state *s, struct state_id id)
{
    const struct state_submitted *f = state_submitted_find(s, id);
    return f ? &s->global.submitted[f - s->global.submitted] : NULL;
}

/* The one that waits by this path. */
static struct state_submitted *find_waiting(struct table_state *s, struct slice path)
{
    struct state_global *g = &s->global;
    for (size_t i = 0; i < g->submitted_count; i++)
        if (state_id_is_none(g->submitted[i].job) && slice_equal(g->submitted[i].path, path))
            return &g->submitted[i];
    return NULL;
}

/* ------------------------------------------------------------------ submit, withdraw */

/* Those that wait already count as if they did not: nobody can say how many that will be. */
static enum state_reason judge_submit(const struct table_state *s, const struct state_submit *p)
{
    size_t bytes = s->global.submitted_bytes;
    if (p->count == 0)
        return STATE_REASON_EMPTY;
    if (p->count > STATE_SUBMITTED_MAX ||
        s->global.submitted_count > STATE_SUBMITTED_MAX - p->count)
        return STATE_REASON_SUBMITTED;
    for (size_t i = 0; i < p->count; i++) {
        bytes += p->files[i].path.len;
        if (p->files[i].path.len == 0 || p->files[i].path.len > STATE_PATH_MAX ||
            p->files[i].reading.format.len > STATE_READING_FORMAT_MAX ||
            p->files[i].reading.kinds.len > STATE_READING_KINDS_MAX)
            return STATE_REASON_SUBMITTED;
    }
    return bytes > STATE_SUBMITTED_MAX_BYTES ? STATE_REASON_SUBMITTED : STATE_REASON_APPLIED;
}

/* One that waits stays where it is, so that it is not made to wait longer by being named again; what
 * failed before is as new. */
static slp_rc submit_again(struct table_state *s, struct state_submitted *f,
                           const struct state_submit_file *from, struct slp_err *err)
{
    TRY(state_submitted_text(s->mem, &f->why, (struct slice){0}, err));
    TRY(copy_reading(s->mem, &f->reading, &from->reading, err));
    f->time_us = f->failures ? s->time_us : f->time_us;
    f->bytes = from->bytes;
    f->failures = 0;
    f->failed_us = 0;
    return SLP_OK;
}

slp_rc state_apply_submit(const struct state_act *act, enum state_reason *reason,
                          struct slp_err *err)
{
    const struct state_submit *p = &act->txn->submit;
    struct table_state *s = act->s;
    *reason = judge_submit(s, p);
    for (size_t i = 0; *reason == STATE_REASON_APPLIED && i < p->count; i++) {
        struct state_submitted made = {.id = {.at = act->at, .item = (uint32_t)i},
                                       .path = p->files[i].path,
                                       .bytes = p->files[i].bytes,
                                       .time_us = s->time_us,
                                       .reading = p->files[i].reading};
        struct state_submitted *there = find_waiting(s, made.path);
        TRY(there ? submit_again(s, there, &p->files[i], err)
                  : state_submitted_append(s->mem, &s->global, &made, err));
    }
    return SLP_OK;
}

void state_apply_withdraw(struct table_state *s, struct state_id file, enum state_reason *reason)
{
    const struct state_submitted *f = find(s, file);
    bool is_free = f && (state_id_is_none(f->job) || STATE_BUG(WITHDRAW_HELD));
    *reason = !f ? STATE_REASON_NOT_SUBMITTED : is_free ? STATE_REASON_APPLIED : STATE_REASON_BUSY;
    if (*reason == STATE_REASON_APPLIED)
        state_submitted_drop(s->mem, &s->global, (size_t)(f - s->global.submitted));
}

/* ------------------------------------------------------------------ batches */

enum state_reason state_judge_batch(const struct table_state *s,
                                    const struct state_assign_item *item)
{
    if (item->input_count == 0)
        return STATE_REASON_EMPTY;
    for (size_t i = 0; i < item->input_count; i++) {
        const struct state_submitted *f = state_submitted_find(s, item->inputs[i]);
        if (!f)
            return STATE_REASON_NOT_SUBMITTED;
        if (!state_id_is_none(f->job))
            return STATE_REASON_BUSY;
    }
    return STATE_REASON_APPLIED;
}

uint32_t state_submitted_hold(struct table_state *s, const struct state_assign_item *item,
                              struct state_id job)
{
    uint32_t held = 0;
    for (size_t i = 0; i < item->input_count; i++) {
        struct state_submitted *f = find(s, item->inputs[i]);
        held += state_id_is_none(f->job); /* it may be named twice */
        f->job = job;
    }
    return held;
}

void state_submitted_end(struct table_state *s, struct state_id job)
{
    struct state_global *g = &s->global;
    if (STATE_BUG(BATCH_AGAIN))
        state_submitted_free(s, job);
    for (size_t i = g->submitted_count; i > 0; i--)
        if (state_id_equal(g->submitted[i - 1].job, job))
            state_submitted_drop(s->mem, g, i - 1);
}

void state_submitted_free(struct table_state *s, struct state_id job)
{
    for (size_t i = 0; i < s->global.submitted_count; i++)
        if (state_id_equal(s->global.submitted[i].job, job))
            s->global.submitted[i].job = (struct state_id){.item = 0};
}

slp_rc state_submitted_blame(struct table_state *s, const struct state_fail_item *item,
                             struct slp_err *err)
{
    for (size_t i = 0; i < item->faulty_count; i++) {
        struct state_submitted *f = find(s, item->faulty[i]);
        if (!f || !state_id_equal(f->job, item->job))
            continue;
        size_t kept = num_min_size(item->why.len, STATE_FAILURE_MAX);
        TRY(state_submitted_text(s->mem, &f->why, slice_first(item->why, kept), err));
        f->failures += f->failures < UINT32_MAX;
        f->failed_us = s->time_us;
    }
    return SLP_OK;
}
