/* Batches: files are submitted and taken back, and batches take and ingest them. The oracle keeps the list
 * of what waits from the transactions alone, beside the state's. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim/world.h"
#include "state/global.h"

/* A path names the addition whose rows it has: two a group, which is submitted under a token. */
#define FIRST_ADDITION 30
#define GROUPS         8
#define PATH_PREFIX    "addition "

#define NO_TOKEN ((struct slice){0})

/* ------------------------------------------------------------------ the oracle's list */

static int addition_of(struct slice path)
{
    char text[24] = {0};
    memcpy(text, path.ptr, path.len < sizeof text ? path.len : sizeof text - 1);
    return (int)strtol(text + strlen(PATH_PREFIX), NULL, 10);
}

static struct world_submitted *find_waiting(struct world *w, int addition)
{
    for (size_t i = 0; i < w->submitted_count; i++)
        if (w->submitted[i].addition == addition && state_id_is_none(w->submitted[i].job))
            return &w->submitted[i];
    return NULL;
}

static void forget(struct world *w, size_t i)
{
    w->submitted_count--;
    memmove(&w->submitted[i], &w->submitted[i + 1],
            (w->submitted_count - i) * sizeof w->submitted[i]);
}

static void note_submit(struct world *w, const struct state_submit *p, struct state_position at)
{
    for (size_t i = 0; i < p->count; i++) {
        struct world_submitted made = {.id = {.at = at, .item = (uint32_t)i},
                                       .addition = addition_of(p->files[i].path)};
        if (find_waiting(w, made.addition))
            continue;
        if (w->submitted_count == WORLD_SUBMITTED)
            sim_fail(&w->sim, "the world is too small: %d submitted files", WORLD_SUBMITTED);
        else
            w->submitted[w->submitted_count++] = made;
    }
}

static void note_withdraw(struct world *w, struct state_id id)
{
    for (size_t i = 0; i < w->submitted_count; i++)
        if (state_id_equal(w->submitted[i].id, id)) {
            if (!state_id_is_none(w->submitted[i].job))
                sim_fail(&w->sim, "a file is withdrawn that a batch holds");
            forget(w, i);
            w->tally.withdrawn++;
            return;
        }
    sim_fail(&w->sim, "a file is withdrawn that does not wait any more");
}

static void note_assign(struct world *w, const struct state_assign_item *item, struct state_id job)
{
    for (size_t k = 0; item->kind == STATE_JOB_BATCH && k < item->input_count; k++)
        for (size_t i = 0; i < w->submitted_count; i++)
            if (state_id_equal(w->submitted[i].id, item->inputs[k]))
                w->submitted[i].job = job;
}

/* The batch has just the rows of what it held. */
static void note_end(struct world *w, const struct state_add *add)
{
    uint64_t held = 0;
    uint64_t added = 0;
    for (size_t i = w->submitted_count; i > 0; i--)
        if (state_id_equal(w->submitted[i - 1].job, add->job)) {
            held |= (uint64_t)1 << w->submitted[i - 1].addition;
            forget(w, i - 1);
        }
    for (size_t i = 0; held && i < add->count; i++)
        for (int k = 0; k < WORLD_KEYS; k++)
            added |= w->files[add->files[i].info.crc32c].rows.puts[k];
    w->tally.batches += held != 0;
    if (added != held)
        sim_fail(&w->sim, "a batch of additions %" PRIx64 " has ingested %" PRIx64, held, added);
}

static void set_free(struct world *w, const struct state_id *job)
{
    for (size_t i = 0; i < w->submitted_count; i++)
        if (!job || state_id_equal(w->submitted[i].job, *job))
            w->submitted[i].job = (struct state_id){.item = 0};
}

void world_note_batch(struct world *w, const struct state_txn *txn, const struct state_outcome *o,
                      struct state_position at)
{
    if (txn->kind == STATE_SUBMIT)
        note_submit(w, &txn->submit, at);
    else if (txn->kind == STATE_ADD && txn->add.ends_job)
        note_end(w, &txn->add);
    else if (txn->kind == STATE_RESTORE)
        set_free(w, NULL);
    for (uint32_t i = 0; i < o->item_count; i++) {
        if (o->items[i] != STATE_REASON_APPLIED)
            continue;
        if (txn->kind == STATE_WITHDRAW)
            note_withdraw(w, txn->withdraw.files[i]);
        else if (txn->kind == STATE_ASSIGN)
            note_assign(w, &txn->assign.items[i], (struct state_id){.at = at, .item = i});
        else if (txn->kind == STATE_FAIL)
            set_free(w, &txn->fail.items[i].job);
    }
}

/* The state's list is the oracle's: whatever left it was ingested or withdrawn, once. */
void world_check_submitted(struct world *w, const struct table_state *s)
{
    bool is_same = state_submitted_count(s) == w->submitted_count;
    for (size_t i = 0; i < w->submitted_count && is_same; i++)
        is_same = state_id_equal(state_submitted_at(s, i)->id, w->submitted[i].id) &&
                  state_id_equal(state_submitted_at(s, i)->job, w->submitted[i].job);
    if (!is_same)
        sim_fail(&w->sim, "%zu submitted files wait, and %zu should, or by other batches",
                 state_submitted_count(s), w->submitted_count);
}

/* ------------------------------------------------------------------ the actor */

static void submit(struct world_seat *seat)
{
    char token[24];
    char paths[2][24];
    struct state_submit_file files[2];
    struct state_result r;
    int group = (int)sim_below(&seat->w->sim, GROUPS);
    (void)snprintf(token, sizeof token, "submit %d", group);
    for (int i = 0; i < 2; i++) {
        (void)snprintf(paths[i], sizeof paths[i], PATH_PREFIX "%d", FIRST_ADDITION + 2 * group + i);
        files[i] = (struct state_submit_file){.path = slice_str(paths[i]), .bytes = 1};
    }
    struct state_txn txn = {.kind = STATE_SUBMIT, .submit = {.files = files, .count = 2}};
    (void)world_commit(seat, &txn, slice_str(token), &r);
}

/* Some of them are held, or gone by then. */
static void withdraw(struct world_seat *seat)
{
    const struct table_state *s = state_table_view(seat->table);
    struct state_id ids[2];
    struct state_result r;
    size_t n = 0;
    for (size_t i = 0; i < state_submitted_count(s) && n < 2; i++)
        if (sim_below(&seat->w->sim, 3) == 0)
            ids[n++] = state_submitted_at(s, i)->id;
    struct state_txn txn = {.kind = STATE_WITHDRAW, .withdraw = {.files = ids, .count = n}};
    if (sim_below(&seat->w->sim, 2))
        world_pause(seat, 60000);
    if (n)
        (void)world_commit(seat, &txn, NO_TOKEN, &r);
}

/* A file for each that it holds; how it ends is for apply to judge. */
static void run(struct world_seat *seat, struct state_id id, uint32_t attempt)
{
    struct world *w = seat->w;
    const struct table_state *s = state_table_view(seat->table);
    int additions[4];
    struct state_new_file files[4];
    struct state_result r;
    size_t n = 0;
    size_t count = 0;
    for (size_t i = 0; i < state_submitted_count(s) && n < 4; i++)
        if (state_id_equal(state_submitted_at(s, i)->job, id))
            additions[n++] = addition_of(state_submitted_at(s, i)->path);
    while (count < n && world_file(seat, &w->additions[additions[count]].rows, &files[count]))
        count++;
    world_pause(seat, sim_below(&w->sim, 4) ? 60000 : 600000); /* it may be late */
    if (count < n || n == 0 || sim_below(&w->sim, 8) == 0)
        return;
    struct state_txn add = {
        .kind = STATE_ADD,
        .add = {.files = files, .count = n, .job = id, .attempt = attempt, .ends_job = true}};
    (void)world_commit(seat, &add, NO_TOKEN, &r);
}

static void take(struct world_seat *seat)
{
    struct world *w = seat->w;
    const struct table_state *s = state_table_view(seat->table);
    struct state_id inputs[3];
    struct state_result r;
    size_t n = 0;
    for (size_t i = 0; i < state_submitted_count(s) && n < 3; i++)
        if (sim_below(&w->sim, 4))
            inputs[n++] = state_submitted_at(s, i)->id;
    int64_t deadline_us = store_now_us(&w->sim.base) + (int64_t)sim_below(&w->sim, 300000);
    struct state_assign_item item = {.kind = STATE_JOB_BATCH,
                                     .inputs = inputs,
                                     .input_count = n,
                                     .deadline_us = deadline_us < 0 ? 0 : deadline_us};
    struct state_txn txn = {.kind = STATE_ASSIGN, .assign = {.items = &item, .count = 1}};
    if (n && world_commit(seat, &txn, NO_TOKEN, &r))
        run(seat, state_result_id(&r, 0), 1);
}

/* A batch whose deadline has passed, or nearly: it is given up, for which its first file is to blame, or
 * run again. */
static void take_over(struct world_seat *seat)
{
    struct world *w = seat->w;
    const struct table_state *s = state_table_view(seat->table);
    const struct state_job *job = NULL;
    struct state_result r;
    for (size_t i = 0; i < state_job_count(s) && !job; i++)
        if (state_job_at(s, i)->kind == STATE_JOB_BATCH)
            job = state_job_at(s, i);
    if (!job || (job->deadline_us > store_now_us(&w->sim.base) && sim_below(&w->sim, 8)))
        return;
    struct state_id id = job->id;
    uint32_t attempt = job->attempt;
    struct state_id faulty = {.item = 0};
    for (size_t i = 0; i < state_submitted_count(s); i++)
        if (state_id_equal(state_submitted_at(s, i)->job, id))
            faulty = state_submitted_at(s, i)->id;
    struct state_fail_item end = {.job = id,
                                  .attempt = attempt,
                                  .why = slice_str("no such file"),
                                  .faulty = &faulty,
                                  .faulty_count = 1};
    struct state_txn fail = {.kind = STATE_FAIL, .fail = {.items = &end, .count = 1}};
    struct state_reassign_item again = {.job = id,
                                        .attempt = attempt,
                                        .extension = job->extension,
                                        .deadline_us = job->deadline_us + 100000};
    struct state_txn reassign = {.kind = STATE_REASSIGN, .reassign = {.items = &again, .count = 1}};
    bool is_failed = sim_below(&w->sim, 3) == 0;
    if (world_commit(seat, is_failed ? &fail : &reassign, NO_TOKEN, &r) && !is_failed)
        run(seat, id, attempt + 1);
}

void world_batcher(struct sim *sim, void *arg)
{
    struct world *w = arg;
    struct world_seat seat;
    if (!world_sit(w, (struct key_range){0}, &seat))
        return;
    for (int i = 0; i < 12 && world_refresh(&seat); i++) {
        uint64_t kind = sim_below(sim, 8);
        if (kind < 3 || i == 0)
            submit(&seat);
        else if (kind < 5)
            take(&seat);
        else if (kind < 7)
            take_over(&seat);
        else
            withdraw(&seat);
        world_pause(&seat, 50000);
    }
    world_leave(&seat);
}

void world_check_batches(struct world *w)
{
    for (size_t i = 0; i < w->submitted_count; i++)
        if (w->additions[w->submitted[i].addition].applied)
            sim_fail(&w->sim, "addition %d waits to be ingested, and was",
                     w->submitted[i].addition);
}

void world_prepare_batches(struct world *w)
{
    for (int n = FIRST_ADDITION; n < FIRST_ADDITION + 2 * GROUPS; n++)
        for (int k = 0; k < WORLD_KEYS; k++) {
            struct world_rows *rows = &w->additions[n].rows;
            rows->puts[k] |= rows->dels[k];
            rows->dels[k] = 0;
        }
}
