/* Who works on what is there: jobs, splits and merges, imports, purges, pins, restores. */
#include <stdio.h>

#include "sim/world.h"
#include "state/global.h"

#include "lib/refs.h"

#define NO_TOKEN ((struct slice){0})

/* ------------------------------------------------------------------ jobs */

static void learn_work(struct world *w, const struct table_state *s, const struct state_job *job,
                       struct world_work *out)
{
    *out = (struct world_work){.id = job->id,
                               .attempt = job->attempt,
                               .extension = job->extension,
                               .lo = job->range.lo.len ? (char)job->range.lo.ptr[0] : 0,
                               .hi = job->range.has_hi ? (char)job->range.hi.ptr[0] : 0,
                               .mark = job->assigned,
                               .is_fold = job->kind == STATE_JOB_FOLD};
    world_merge(w, s, job, &out->rows);
    for (int k = 0; k < WORLD_KEYS; k++) {
        if (job->drops_deletes)
            out->rows.dels[k] = 0;
        out->has_rows = out->has_rows || (out->rows.puts[k] | out->rows.dels[k]);
    }
}

/* A fold's interval ends above its last key by more than a character. */
static struct key_range range_of(const struct world_work *work, const struct table_state *s)
{
    const struct state_job *job = state_job_find(s, work->id);
    return job ? job->range : world_range(&work->lo, &work->hi);
}

static void extend(struct world_seat *seat, struct world_work *work)
{
    struct state_result r;
    struct state_extend_item item = {.job = work->id,
                                     .attempt = work->attempt,
                                     .range = range_of(work, state_table_view(seat->table)),
                                     .deadline_us = store_now_us(&seat->w->sim.base) + 5000000};
    struct state_txn txn = {.kind = STATE_EXTEND, .extend = {.items = &item, .count = 1}};
    if (item.deadline_us > 0 && world_commit(seat, &txn, NO_TOKEN, &r))
        work->extension++;
}

/* What was learnt when it was begun is what comes out, however long it took. */
static void finish(struct world_seat *seat, struct world_work *work)
{
    struct state_result r;
    struct state_new_file out;
    bool is_left = sim_below(&seat->w->sim, 10) == 0;
    if (work->has_rows && !world_file(seat, &work->rows, &out))
        return;
    world_pause(seat, sim_below(&seat->w->sim, 4) ? 60000 : 600000); /* it may be late */
    if (is_left)
        return; /* the worker is gone, its output is a stranger */
    if (sim_below(&seat->w->sim, 3) == 0)
        extend(seat, work);
    struct key_range range = range_of(work, state_table_view(seat->table));
    struct state_replace_item item = {.job = work->id,
                                      .attempt = work->attempt,
                                      .range = range,
                                      .outputs = &out,
                                      .output_count = work->has_rows};
    if (work->has_rows) {
        out.purged_through = work->mark;
        out.is_unfiled = work->is_fold;
    }
    struct state_txn txn = {.kind = STATE_REPLACE, .replace = {.items = &item, .count = 1}};
    seat->w->tally.jobs += world_commit(seat, &txn, NO_TOKEN, &r);
}

static size_t free_files(const struct state_leaf *leaf, struct state_id *out, size_t most)
{
    const struct state_reference *refs = t_refs(leaf);
    size_t n = 0;
    for (size_t i = 0; i < leaf->ref_count && n < most; i++) {
        bool is_new = !refs[i].job;
        for (size_t k = 0; k < n && is_new; k++)
            is_new = !state_id_equal(out[k], refs[i].file->id);
        if (is_new)
            out[n++] = refs[i].file->id;
    }
    return n;
}

/* Any inputs, adjacent or not, oldest or not: apply judges. */
static size_t choose_inputs(struct world *w, struct state_id *inputs, size_t n)
{
    if (n < 2 || sim_below(&w->sim, 2))
        return n;
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (sim_below(&w->sim, 3))
            inputs[kept++] = inputs[i];
    return kept ? kept : n;
}

/* Jobs over a leaf or two in one transaction. */
static void compact(struct world_seat *seat)
{
    struct world *w = seat->w;
    const struct table_state *s = state_table_view(seat->table);
    struct state_id inputs[2][16];
    struct state_assign_item items[2];
    struct state_result r;
    size_t count = 0;
    size_t first = (size_t)sim_below(&w->sim, state_leaf_count(s));
    for (size_t i = first; i < state_leaf_count(s) && count < 2; i++) {
        const struct state_leaf *leaf = state_leaf_at(s, i);
        size_t n = choose_inputs(w, inputs[count], free_files(leaf, inputs[count], 16));
        if (n == 0)
            continue;
        items[count] = (struct state_assign_item){
            .leaf = leaf->range,
            .inputs = inputs[count],
            .input_count = n,
            .deadline_us = store_now_us(&w->sim.base) + (int64_t)sim_below(&w->sim, 300000),
            .drops_deletes = w->has_deletes && sim_below(&w->sim, 2)};
        if (items[count].deadline_us < 0)
            items[count].deadline_us = 0;
        count++;
    }
    struct state_txn txn = {.kind = STATE_ASSIGN, .assign = {.items = items, .count = count}};
    if (count == 0 || !world_commit(seat, &txn, NO_TOKEN, &r))
        return;
    struct world_work work[2];
    bool is_mine[2] = {false, false};
    for (size_t i = 0; i < count; i++) {
        const struct state_job *job =
            state_job_find(state_table_view(seat->table), state_result_id(&r, (uint32_t)i));
        is_mine[i] = job && job->attempt == 1;
        if (is_mine[i])
            learn_work(w, state_table_view(seat->table), job, &work[i]);
    }
    for (size_t i = 0; i < count && !sim_has_failed(&w->sim); i++)
        if (is_mine[i])
            finish(seat, &work[i]);
}

/* A job whose deadline has passed is somebody else's: ended, or done once more. */
static void take_over(struct world_seat *seat)
{
    struct world *w = seat->w;
    const struct table_state *s = state_table_view(seat->table);
    struct state_result r;
    if (state_job_count(s) == 0)
        return;
    const struct state_job *job = state_job_at(s, (size_t)sim_below(&w->sim, state_job_count(s)));
    bool is_early = sim_below(&w->sim, 8) == 0; /* a clock may be wrong */
    if (job->deadline_us > store_now_us(&w->sim.base) && !is_early)
        return;
    struct state_id id = job->id;
    struct state_fail_item end = {.job = id, .attempt = job->attempt, .range = job->range};
    struct state_txn fail = {.kind = STATE_FAIL, .fail = {.items = &end, .count = 1}};
    struct state_reassign_item again = {.job = id,
                                        .attempt = job->attempt,
                                        .range = job->range,
                                        .extension = job->extension,
                                        .deadline_us = job->deadline_us + 100000};
    struct state_txn reassign = {.kind = STATE_REASSIGN, .reassign = {.items = &again, .count = 1}};
    bool is_failed = sim_below(&w->sim, 3) == 0 || state_job_is_import(job);
    if (sim_below(&w->sim, 2))
        world_pause(seat, 60000); /* what it has seen is old by then */
    if (!world_commit(seat, is_failed ? &fail : &reassign, NO_TOKEN, &r) || is_failed)
        return;
    w->tally.reassigned++;
    job = state_job_find(state_table_view(seat->table), id);
    struct world_work work;
    if (!job || state_position_compare(job->assigned, r.outcome.at) != 0)
        return;
    learn_work(w, state_table_view(seat->table), job, &work);
    finish(seat, &work);
}

void world_compactor(struct sim *sim, void *arg)
{
    struct world *w = arg;
    struct world_seat seat;
    if (!world_sit(w, (struct key_range){0}, &seat))
        return;
    for (int i = 0; i < 8 && world_refresh(&seat); i++) {
        if (sim_below(sim, 2))
            take_over(&seat);
        else
            compact(&seat);
        world_pause(&seat, 50000);
    }
    world_leave(&seat);
}

/* ------------------------------------------------------------------ unfiled files */

static void fold(struct world_seat *seat)
{
    struct world *w = seat->w;
    const struct table_state *s = state_table_view(seat->table);
    struct state_id inputs[8];
    struct state_result r;
    size_t n = 0;
    for (size_t i = 0; i < state_unfiled_count(s) && n < 8; i++)
        if (!state_unfiled_at(s, i)->job && sim_below(&w->sim, 3))
            inputs[n++] = state_unfiled_at(s, i)->file->id;
    struct state_assign_item item = {
        .kind = STATE_JOB_FOLD, .inputs = inputs, .input_count = n, .deadline_us = 1};
    struct state_txn txn = {.kind = STATE_ASSIGN, .assign = {.items = &item, .count = 1}};
    if (n == 0 || !world_commit(seat, &txn, NO_TOKEN, &r))
        return;
    w->tally.folds++;
    const struct state_job *job =
        state_job_find(state_table_view(seat->table), state_result_id(&r, 0));
    struct world_work work;
    if (!job || job->attempt != 1)
        return;
    learn_work(w, state_table_view(seat->table), job, &work);
    finish(seat, &work);
}

/* Two at once, of which one may be gone. */
static void file_down(struct world_seat *seat)
{
    const struct table_state *s = state_table_view(seat->table);
    struct state_id ids[2];
    struct state_result r;
    size_t n = 0;
    for (size_t i = 0; i < state_unfiled_count(s) && n < 2; i++)
        ids[n++] = state_unfiled_at(s, i)->file->id;
    struct state_txn txn = {.kind = STATE_FILE_DOWN, .file_down = {.files = ids, .count = n}};
    if (n)
        (void)world_commit(seat, &txn, NO_TOKEN, &r);
}

void world_folder(struct sim *sim, void *arg)
{
    struct world *w = arg;
    struct world_seat seat;
    if (!world_sit(w, (struct key_range){0}, &seat))
        return;
    for (int i = 0; i < 8 && world_refresh(&seat); i++) {
        if (sim_below(sim, 3))
            fold(&seat);
        else
            file_down(&seat);
        world_pause(&seat, 60000);
    }
    world_leave(&seat);
}

/* ------------------------------------------------------------------ leaves */

/* One or two leaves at once, some of them gone. */
static void split(struct world_seat *seat)
{
    struct world *w = seat->w;
    const struct table_state *s = state_table_view(seat->table);
    char keys[2];
    struct slice at[2];
    struct state_split_item items[2];
    struct state_result r;
    for (int i = 0; i < 2; i++) {
        keys[i] = world_key((int)sim_below(&w->sim, WORLD_KEYS));
        at[i] = slice_of(&keys[i], 1);
        items[i] =
            (struct state_split_item){.leaf = state_leaf_at(s, state_leaf_holding(s, at[i]))->range,
                                      .keys = &at[i],
                                      .key_count = 1};
    }
    size_t count = 1 + (size_t)sim_below(&w->sim, 2);
    struct state_txn txn = {.kind = STATE_SPLIT, .split = {.items = items, .count = count}};
    w->tally.splits += world_commit(seat, &txn, NO_TOKEN, &r);
}

static void merge(struct world_seat *seat)
{
    struct world *w = seat->w;
    const struct table_state *s = state_table_view(seat->table);
    struct state_result r;
    if (state_leaf_count(s) < 2)
        return;
    size_t i = (size_t)sim_below(&w->sim, state_leaf_count(s) - 1);
    struct key_range left = state_leaf_at(s, i)->range;
    struct key_range right = state_leaf_at(s, i + 1)->range;
    struct state_merge_item item = {
        .range = {.lo = left.lo, .hi = right.hi, .has_hi = right.has_hi}, .at = right.lo};
    struct state_txn txn = {.kind = STATE_MERGE, .merge = {.items = &item, .count = 1}};
    w->tally.merges += world_commit(seat, &txn, NO_TOKEN, &r);
}

void world_cutter(struct sim *sim, void *arg)
{
    struct world *w = arg;
    struct world_seat seat;
    if (!world_sit(w, (struct key_range){0}, &seat))
        return;
    for (int i = 0; i < 8 && world_refresh(&seat); i++) {
        if (sim_below(sim, 2))
            split(&seat);
        else
            merge(&seat);
        world_pause(&seat, 80000);
    }
    world_leave(&seat);
}

/* ------------------------------------------------------------------ imports */

void world_importer(struct sim *sim, void *arg)
{
    struct world *w = arg;
    struct world_seat seat;
    struct state_result r;
    if (!world_sit(w, (struct key_range){0}, &seat))
        return;
    struct state_assign_item item = {.kind = STATE_JOB_IMPORT, .deadline_us = INT64_MAX / 2};
    struct state_txn begin = {.kind = STATE_ASSIGN, .assign = {.items = &item, .count = 1}};
    if (world_commit(&seat, &begin, NO_TOKEN, &r)) {
        struct state_id job = state_result_id(&r, 0);
        struct state_new_file files[3];
        size_t count = 0;
        /* Files are old when they are added at last. */
        for (int i = 0; i < 3; i++, world_pause(&seat, 200000))
            count += world_file(&seat, &w->additions[50 + i].rows, &files[count]);
        for (size_t i = 0; i < count && !sim_has_failed(sim); i++) {
            files[i].schema_version = state_schema_version(state_table_view(seat.table));
            struct state_txn add = {.kind = STATE_ADD,
                                    .add = {.files = &files[i],
                                            .count = 1,
                                            .job = job,
                                            .attempt = 1,
                                            .ends_job = i + 1 == count}};
            w->tally.imports += world_commit(&seat, &add, NO_TOKEN, &r);
            world_pause(&seat, 100000);
        }
    }
    world_leave(&seat);
}

/* ------------------------------------------------------------------ purges and properties */

static void purge(struct world_seat *seat)
{
    struct world *w = seat->w;
    char lo = world_key((int)sim_below(&w->sim, WORLD_KEYS));
    char hi = (char)(lo + 1 + (char)sim_below(&w->sim, 3));
    char text[4] = {lo, '-', hi, 0};
    struct state_result r;
    struct state_txn txn = {
        .kind = STATE_PURGE,
        .purge = {.predicate = slice_str(text),
                  .is_on_keys = true,
                  .schema_version = state_schema_version(state_table_view(seat->table))}};
    struct state_txn wipe = {.kind = STATE_RANGE_DELETE,
                             .range_delete = {.range = world_range(&lo, &hi)}};
    w->tally.purges += world_commit(seat, sim_below(&w->sim, 2) ? &txn : &wipe, NO_TOKEN, &r);
}

/* What no live file and no open job is below (rule P5). */
static void retire(struct world_seat *seat)
{
    struct world *w = seat->w;
    const struct table_state *s = state_table_view(seat->table);
    struct arena a;
    const struct state_file **files = NULL;
    size_t count = 0;
    struct state_result r;
    if (state_purge_count(s) == 0)
        return;
    struct state_position at = state_purge_at(s, 0)->at;
    bool is_needed = false;
    arena_init(&a, &w->sim.mem, 4 << 20);
    if (state_files(s, &a, &files, &count, NULL) != SLP_OK)
        count = 0;
    for (size_t i = 0; i < count; i++)
        is_needed = is_needed || state_position_compare(files[i]->purged_through, at) < 0;
    arena_fini(&a);
    for (size_t i = 0; i < state_job_count(s); i++)
        is_needed = is_needed || state_position_compare(state_job_at(s, i)->assigned, at) < 0;
    struct state_txn txn = {.kind = STATE_RETIRE_PURGE,
                            .retire = {.purges = &at, .count = 1, .seen = state_number(s)}};
    if (!is_needed)
        w->tally.retired += world_commit(seat, &txn, NO_TOKEN, &r);
}

void world_purger(struct sim *sim, void *arg)
{
    struct world *w = arg;
    struct world_seat seat;
    if (!world_sit(w, (struct key_range){0}, &seat))
        return;
    for (int i = 0; i < 6 && !sim_has_failed(sim) && world_refresh(&seat); i++) {
        if (i < 2)
            purge(&seat);
        else
            retire(&seat);
        world_pause(&seat, 120000);
    }
    world_leave(&seat);
}

void world_setter(struct sim *sim, void *arg)
{
    struct world *w = arg;
    struct world_seat seat;
    if (!world_sit(w, (struct key_range){0}, &seat))
        return;
    for (int i = 0; i < 4 && !sim_has_failed(sim) && world_refresh(&seat); i++) {
        struct state_result r;
        char value[16];
        (void)snprintf(value, sizeof value, "%d", i);
        struct state_property item = {.name = slice_str("colour"), .value = slice_str(value)};
        const struct table_state *s = state_table_view(seat.table);
        struct state_txn set = {.kind = STATE_PROPERTIES,
                                .properties = {.items = &item, .count = 1}};
        struct state_txn alter = {
            .kind = STATE_ALTER,
            .alter = {.version = state_schema_next(s), .schema_json = state_schema_json(s)}};
        (void)world_commit(&seat, i == 2 ? &alter : &set, NO_TOKEN, &r);
        world_pause(&seat, 200000);
    }
    world_leave(&seat);
}

/* ------------------------------------------------------------------ pins and restores */

static void pin(struct world_seat *seat, int i)
{
    struct world *w = seat->w;
    const struct table_state *s = state_table_view(seat->table);
    char name[16];
    struct state_result r;
    if (state_verified_count(s) == 0)
        return;
    const struct state_verified *v =
        state_verified_at(s, (size_t)sim_below(&w->sim, state_verified_count(s)));
    (void)snprintf(name, sizeof name, "pin%d", i);
    struct state_txn txn = {
        .kind = STATE_PIN,
        .pin = {.name = slice_str(name), .root = slice_str(v->root), .number = v->number}};
    w->tally.pins += world_commit(seat, &txn, NO_TOKEN, &r);
}

static void unpin(struct world_seat *seat)
{
    struct state_result r;
    const struct table_state *s = state_table_view(seat->table);
    if (state_pin_count(s) == 0)
        return;
    struct state_txn txn = {.kind = STATE_UNPIN, .unpin = {.name = state_pin_at(s, 0)->name}};
    (void)world_commit(seat, &txn, NO_TOKEN, &r);
}

/* Back to a pinned or verified state, while nobody else can add. */
static void restore(struct world_seat *seat)
{
    struct world *w = seat->w;
    struct state_result r = {.losses = 0};
    char root[STATE_ROOT_NAME_BYTES] = {0};
    struct state_txn pause = {.kind = STATE_PAUSE};
    struct state_txn resume = {.kind = STATE_RESUME};
    if (!world_commit(seat, &pause, NO_TOKEN, &r) || !world_refresh(seat))
        return;
    const struct table_state *s = state_table_view(seat->table);
    size_t pins = state_pin_count(s);
    size_t all = pins + state_verified_count(s);
    size_t i = all ? (size_t)sim_below(&w->sim, all) : 0;
    struct state_txn txn = {.kind = STATE_RESTORE};
    if (i < pins) {
        memcpy(root, state_pin_at(s, i)->root.ptr, state_pin_at(s, i)->root.len);
        txn.restore.number = state_pin_at(s, i)->number;
    } else if (i < all) {
        memcpy(root, state_verified_at(s, i - pins)->root, sizeof root);
        txn.restore.number = state_verified_at(s, i - pins)->number;
    }
    txn.restore.root = slice_str(root);
    r.outcome.reason = STATE_REASON_APPLIED;
    if (all)
        (void)world_commit(seat, &txn, NO_TOKEN, &r);
    if (i < pins && r.outcome.reason == STATE_REASON_TOO_OLD)
        sim_fail(&w->sim, "a pinned state cannot be restored");
    for (int k = 0; k < 3 && !sim_has_failed(&w->sim); k++)
        if (world_commit(seat, &resume, NO_TOKEN, &r))
            break;
}

void world_pinner(struct sim *sim, void *arg)
{
    struct world *w = arg;
    struct world_seat seat;
    if (!world_sit(w, (struct key_range){0}, &seat))
        return;
    for (int i = 0; i < 7 && world_refresh(&seat); i++) {
        if (i == 6 || sim_below(sim, 6) == 0)
            unpin(&seat);
        else if (i >= 2 && sim_below(sim, 4) == 0)
            restore(&seat);
        else
            pin(&seat, i);
        world_pause(&seat, 120000);
    }
    world_leave(&seat);
}
