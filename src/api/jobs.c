/*
 * Jobs as rows: files that wait, jobs that are open, and, from what is left of the log, those that
 * ended.
 */
#include <stdlib.h>

#include "api/listing.h"
#include "base/num.h"
#include "state/global.h"

/* What a row says of a job. */
struct row {
    struct state_id id;
    const char *kind; /* NULL: not known */
    const char *state;
    uint32_t attempt; /* 0: none */
    const struct key_range *range;
    size_t inputs;
    int64_t deadline_us; /* -1: none */
    int64_t ended_us;    /* -1: not yet */
    struct slice why;
    struct slice path;
};

static struct list_value text_or_null(struct slice text)
{
    return text.len ? list_text(text) : list_null();
}

static struct list_value number_or_null(int64_t number)
{
    return number < 0 ? list_null() : list_number(number);
}

static slp_rc add_row(struct listing *l, const struct row *r, struct slp_err *err)
{
    char id[STATE_ID_TEXT_BYTES];
    state_id_format(r->id, id);
    struct list_value row[] = {list_text(slice_str(id)),
                               r->kind ? list_text(slice_str(r->kind)) : list_null(),
                               r->attempt ? list_number(r->attempt) : list_null(),
                               list_null(),
                               list_null(),
                               list_number((int64_t)r->inputs),
                               number_or_null(r->deadline_us),
                               list_text(slice_str(r->state)),
                               number_or_null(r->ended_us),
                               text_or_null(r->why),
                               text_or_null(r->path)};
    if (r->range)
        TRY(api_range_text(l, *r->range, &row[3], &row[4], err));
    return api_list_add(l->list, row, err);
}

/* Nobody is known to work on a job whose deadline has passed, as one has that was only made: whoever
 * compacts next takes it over. An import is for its own author alone. */
static const char *open_state(const struct state_job *job, int64_t now_us)
{
    bool is_held = job->kind == STATE_JOB_IMPORT || job->deadline_us > now_us;
    return is_held ? "running" : "waiting";
}

static slp_rc add_open(struct listing *l, struct slp_err *err)
{
    int64_t now_us = store_now_us(l->instance->store);
    for (size_t i = 0; i < state_job_count(l->view); i++) {
        const struct state_job *job = state_job_at(l->view, i);
        struct row r = {.id = job->id,
                        .kind = api_job_kind(job->kind),
                        .state = open_state(job, now_us),
                        .attempt = job->attempt,
                        .range = &job->range,
                        .inputs = job->inputs,
                        .deadline_us = job->deadline_us,
                        .ended_us = -1};
        TRY(add_row(l, &r, err));
    }
    return SLP_OK;
}

static slp_rc add_waiting(struct listing *l, struct slp_err *err)
{
    for (size_t i = 0; i < state_submitted_count(l->view); i++) {
        const struct state_submitted *f = state_submitted_at(l->view, i);
        struct row r = {.id = f->id,
                        .kind = "ingest",
                        .state = "waiting",
                        .inputs = 1,
                        .deadline_us = -1,
                        .ended_us = -1,
                        .why = f->why,
                        .path = f->path};
        if (state_id_is_none(f->job))
            TRY(add_row(l, &r, err));
    }
    return SLP_OK;
}

/* ---- From the log ---- */

/* A job that the log began, ascending by id. */
struct begun {
    struct state_id id;
    uint32_t kind;
    uint32_t attempt;
    size_t inputs;
};

static int by_id(const void *a, const void *b)
{
    const struct begun *x = a;
    const struct begun *y = b;
    return state_id_compare(x->id, y->id);
}

static struct begun *find_begun(const struct buf *begun, struct state_id id)
{
    struct begun key = {.id = id};
    if (begun->len == 0)
        return NULL;
    return bsearch(&key, begun->ptr, begun->len / sizeof key, sizeof key, by_id);
}

static bool was_applied(const struct state_outcome *o, size_t i)
{
    if (o->is_duplicate || !o->items || i >= o->item_count)
        return !o->is_duplicate && o->reason == STATE_REASON_APPLIED;
    return o->items[i] == STATE_REASON_APPLIED;
}

static slp_rc note_assigned(const struct state_history_entry *e, struct buf *begun,
                            struct slp_err *err)
{
    for (size_t i = 0; i < e->txn->assign.count; i++) {
        const struct state_assign_item *item = &e->txn->assign.items[i];
        struct begun b = {.id = {.at = e->at, .item = (uint32_t)i},
                          .kind = item->kind,
                          .attempt = 1,
                          .inputs = item->input_count};
        if (was_applied(&e->outcome, i))
            TRY(buf_append(begun, &b, sizeof b, err));
    }
    return SLP_OK;
}

static slp_rc add_ended(struct listing *l, const struct state_history_entry *e,
                        const struct buf *begun, struct row *r, struct slp_err *err)
{
    const struct begun *b = find_begun(begun, r->id);
    r->ended_us = e->txn->time_us;
    r->deadline_us = -1;
    if (b) {
        r->kind = api_job_kind(b->kind);
        r->inputs = b->inputs;
    }
    return add_row(l, r, err);
}

static slp_rc note_replaced(struct listing *l, const struct state_history_entry *e,
                            const struct buf *begun, struct slp_err *err)
{
    for (size_t i = 0; i < e->txn->replace.count; i++) {
        const struct state_replace_item *item = &e->txn->replace.items[i];
        struct row r = {.id = item->job,
                        .kind = "compact",
                        .state = "done",
                        .attempt = item->attempt,
                        .range = &item->range};
        if (was_applied(&e->outcome, i))
            TRY(add_ended(l, e, begun, &r, err));
    }
    return SLP_OK;
}

static slp_rc note_failed(struct listing *l, const struct state_history_entry *e,
                          const struct buf *begun, struct slp_err *err)
{
    for (size_t i = 0; i < e->txn->fail.count; i++) {
        const struct state_fail_item *item = &e->txn->fail.items[i];
        struct row r = {.id = item->job,
                        .state = "failed",
                        .attempt = item->attempt,
                        .range = &item->range,
                        .why = item->why};
        if (was_applied(&e->outcome, i))
            TRY(add_ended(l, e, begun, &r, err));
    }
    return SLP_OK;
}

static slp_rc note_added(struct listing *l, const struct state_history_entry *e,
                         const struct buf *begun, struct slp_err *err)
{
    const struct state_add *add = e->txn->kind == STATE_ADD ? &e->txn->add : &e->txn->overwrite.add;
    struct row r = {.id = add->job, .kind = "ingest", .state = "done", .attempt = add->attempt};
    if (!add->ends_job || !was_applied(&e->outcome, 0))
        return SLP_OK;
    return add_ended(l, e, begun, &r, err);
}

static slp_rc note_entry(struct listing *l, const struct state_history_entry *e, struct buf *begun,
                         struct slp_err *err)
{
    if (e->txn->body.is_missing)
        return SLP_OK;
    switch (e->txn->kind) {
    case STATE_ASSIGN:
        return note_assigned(e, begun, err);
    case STATE_REPLACE:
        return note_replaced(l, e, begun, err);
    case STATE_FAIL:
        return note_failed(l, e, begun, err);
    case STATE_ADD:
    case STATE_OVERWRITE:
        return note_added(l, e, begun, err);
    default:
        return SLP_OK;
    }
}

#define BEGUN_MAX_BYTES ((size_t)1 << 30)

static slp_rc add_history(struct listing *l, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct buf begun;
    struct state_history *history = NULL;
    buf_init(&begun, l->instance->mem, BEGUN_MAX_BYTES);
    TRY_OUT(state_history_open(l->instance->state, l->table, &history, err));
    while (rc == SLP_OK) {
        struct state_history_entry e = {.txn = NULL};
        rc = state_history_next(history, &e, err);
        if (rc == SLP_OK)
            rc = note_entry(l, &e, &begun, err);
    }
    rc = rc == SLP_DONE ? SLP_OK : rc;
out:
    state_history_close(history);
    buf_fini(&begun);
    return rc;
}

/* ---- Lists ---- */

static const struct list_column columns[] = {{"id", ARR_UTF8},
                                             {"kind", ARR_UTF8},
                                             {"attempt", ARR_INT64},
                                             {"from", ARR_UTF8},
                                             {"to", ARR_UTF8},
                                             {"inputs", ARR_INT64},
                                             {"deadline", ARR_TIMESTAMP},
                                             {"state", ARR_UTF8},
                                             {"ended", ARR_TIMESTAMP},
                                             {"why", ARR_UTF8},
                                             {"path", ARR_UTF8}};

static slp_rc fill_open(struct listing *l, struct slp_err *err)
{
    TRY(add_open(l, err));
    return add_waiting(l, err);
}

static slp_rc fill_all(struct listing *l, struct slp_err *err)
{
    TRY(add_history(l, err));
    return fill_open(l, err);
}

slp_rc slp_job_list(struct slp_instance *instance, const char *table, struct slp_rows **out,
                    struct slp_err *err)
{
    static const struct list_kind kind = {columns, 11, fill_open};
    return api_make_list(instance, table, &kind, NULL, out, err);
}

slp_rc slp_job_history(struct slp_instance *instance, const char *table, struct slp_rows **out,
                       struct slp_err *err)
{
    static const struct list_kind kind = {columns, 11, fill_all};
    return api_make_list(instance, table, &kind, NULL, out, err);
}
