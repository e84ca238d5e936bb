/* rooms: state */
/*
 * Random histories of all kinds of transactions against a plain model: sixteen keys, files that hold
 * one row a key from each of the additions that they stand for. Transactions are planned on a state
 * that may be old when they arrive, and some arrive twice. After each one
 *
 *   - every row that was added, and not taken back by a restore, is live in just one place (P3, P4, G5);
 *   - a state of the middle leaves alone has the same verdicts about them, the same references below
 *     them and the same global part (rule P1);
 *
 * and at the end a replay of the bytes gives the same state. Now and then the state is put away as a
 * snapshot and taken from there again.
 */
#include <inttypes.h>
#include <stdio.h>

#include "state/apply_priv.h"
#include "state/snapshot.h"
#include "state/snapshot_list.h"

#include "lib/t.h"

#define KEYS   16
#define STEPS  160
#define LATE   5
#define FILES  1024
#define TRIALS 60

static const char *const key_text[KEYS + 1] = {"a", "b", "c", "d", "e", "f", "g", "h", "i",
                                               "j", "k", "l", "m", "n", "o", "p", "q"};

/* The leaves of [e, k) are those that the partial state has; nobody merges over its bounds. */
#define SEEN_LO 4
#define SEEN_HI 10

struct content {
    uint64_t at[KEYS];
};

struct known {
    struct state_id id;
    struct content rows;
};

struct letter {
    struct buf bytes;
    struct content files[2]; /* of what it adds */
};

struct trial {
    struct t *t;
    struct table_state *s;
    struct table_state *part;
    struct content all;
    struct content all_at[STEPS * 3];
    struct known files[FILES];
    size_t file_count;
    struct known jobs[FILES];
    size_t job_count;
    struct letter post[LATE];
    size_t post_count;
    struct buf log;
    struct state_position ends[STEPS * 3];
    size_t applied;
    size_t kinds[32]; /* applied, by kind */
    uint64_t serial;
    int adds;
    uint32_t engine;
};

static struct known *find(struct known *list, size_t count, struct state_id id)
{
    for (size_t i = 0; i < count; i++)
        if (state_id_equal(list[i].id, id))
            return &list[i];
    return NULL;
}

static void learn(struct known *list, size_t *count, struct state_id id, struct content rows)
{
    assert_true(*count < FILES);
    list[(*count)++] = (struct known){.id = id, .rows = rows};
}

static struct content clip(struct content c, struct key_range range)
{
    for (int k = 0; k < KEYS; k++)
        if (!key_range_holds(range, slice_str(key_text[k])))
            c.at[k] = 0;
    return c;
}

static bool is_empty(struct content c)
{
    for (int k = 0; k < KEYS; k++)
        if (c.at[k])
            return false;
    return true;
}

/* ------------------------------------------------------------------ planning */

static void seal(struct trial *w, struct state_txn *txn, struct letter *l)
{
    memcpy(txn->txid.bytes, &w->serial, sizeof w->serial);
    w->serial++;
    txn->rule_version = 1;
    txn->base = state_number(w->s);
    txn->time_us = (int64_t)t_below(w->t, 1000);
    buf_init(&l->bytes, &w->t->mem, STATE_TXN_MAX_BYTES);
    assert_ok(w->t, state_txn_encode(txn, &l->bytes, &w->t->err));
}

/* A file over these rows; `name` holds its name. */
static struct state_new_file file_over(struct trial *w, struct content c, char name[64])
{
    int first = 0;
    int last = KEYS - 1;
    while (!c.at[first])
        first++;
    while (!c.at[last])
        last--;
    (void)snprintf(name, 64, "data/00/%020" PRIu64 "-%" PRIu64, state_number(w->s), w->serial);
    struct state_new_file f = {.name = slice_str(name),
                               .schema_version = state_schema_version(w->s)};
    f.info.rows = 1000;
    f.info.first_key = slice_str(key_text[first]);
    f.info.last_key = slice_str(key_text[last]);
    return f;
}

static const struct state_job *any_job(struct trial *w)
{
    size_t count = state_job_count(w->s);
    return count ? state_job_at(w->s, (size_t)t_below(w->t, count)) : NULL;
}

static bool plan_add(struct trial *w, struct letter *l)
{
    char name[64];
    if (w->adds >= 64)
        return false;
    int lo = (int)t_below(w->t, KEYS);
    int hi = lo + 1 + (int)t_below(w->t, (uint64_t)(KEYS - lo));
    for (int k = lo; k < hi; k++)
        if (k == lo || k == hi - 1 || t_below(w->t, 2))
            l->files[0].at[k] = (uint64_t)1 << w->adds;
    w->adds++;
    struct state_new_file f = file_over(w, l->files[0], name);
    f.is_unfiled = t_below(w->t, 3) == 0;
    f.deletes = t_below(w->t, 9) == 0;
    struct state_txn txn = {.kind = STATE_ADD, .add = {.files = &f, .count = 1}};
    const struct state_job *job = any_job(w);
    if (job && state_job_is_import(job) && t_below(w->t, 2)) {
        txn.add.job = job->id;
        txn.add.attempt = job->attempt;
        txn.add.ends_job = true;
    }
    if (t_below(w->t, 6) == 0) {
        txn = (struct state_txn){.kind = STATE_OVERWRITE};
        txn.overwrite.add = (struct state_add){.files = &f, .count = 1};
    }
    seal(w, &txn, l);
    return true;
}

static const struct state_leaf *any_leaf(struct trial *w)
{
    return state_leaf_at(w->s, (size_t)t_below(w->t, state_leaf_count(w->s)));
}

static bool plan_assign(struct trial *w, struct letter *l)
{
    struct state_id inputs[64];
    struct state_assign_item items[2] = {{.deadline_us = 1}, {.deadline_us = 2}};
    size_t n = 0;
    for (size_t i = 0; i < 2; i++) {
        const struct state_leaf *leaf = any_leaf(w);
        size_t first = n;
        bool all = t_below(w->t, 2);
        for (size_t k = 0; k < leaf->ref_count && n - first < 30; k++)
            if (all || t_below(w->t, 3))
                inputs[n++] = state_leaf_brief(leaf, k).id;
        items[i].leaf = leaf->range;
        items[i].inputs = inputs + first;
        items[i].input_count = n - first;
        items[i].drops_deletes = t_below(w->t, 4) == 0;
    }
    struct state_txn txn = {.kind = STATE_ASSIGN, .assign = {.items = items, .count = 2}};
    seal(w, &txn, l);
    return true;
}

static bool plan_global_job(struct trial *w, struct letter *l)
{
    struct state_id inputs[8];
    size_t count = state_unfiled_count(w->s);
    struct state_assign_item item = {.inputs = inputs, .kind = STATE_JOB_IMPORT};
    for (size_t i = 0; i < count && i < 8; i++)
        if (t_below(w->t, 4))
            inputs[item.input_count++] = state_unfiled_at(w->s, i)->file->id;
    if (item.input_count)
        item.kind = STATE_JOB_FOLD;
    struct state_txn txn = {.kind = STATE_ASSIGN, .assign = {.items = &item, .count = 1}};
    seal(w, &txn, l);
    return true;
}

static bool plan_replace(struct trial *w, struct letter *l)
{
    const struct state_job *job = any_job(w);
    char names[2][64];
    struct state_new_file outputs[2];
    size_t n = 0;
    if (!job || state_job_is_import(job))
        return false;
    struct content rows = find(w->jobs, w->job_count, job->id)->rows;
    struct slice middle = slice_str(key_text[t_below(w->t, KEYS)]);
    struct key_range halves[2] = {{.hi = middle, .has_hi = true}, {.lo = middle}};
    for (size_t i = 0; i < 2; i++) {
        struct content half = clip(rows, halves[i]);
        if (is_empty(half))
            continue;
        l->files[n] = half;
        outputs[n] = file_over(w, half, names[n]);
        outputs[n].is_unfiled = job->kind == STATE_JOB_FOLD;
        outputs[n++].purged_through = job->assigned;
    }
    struct state_replace_item item = {.job = job->id,
                                      .attempt = job->attempt,
                                      .range = job->range,
                                      .outputs = outputs,
                                      .output_count = n};
    struct state_txn txn = {.kind = STATE_REPLACE, .replace = {.items = &item, .count = 1}};
    seal(w, &txn, l);
    return true;
}

static bool plan_job(struct trial *w, struct letter *l)
{
    const struct state_job *job = any_job(w);
    if (!job)
        return false;
    struct state_id faulty[2] = {{{0}, 0}};
    struct state_fail_item fail = {.job = job->id,
                                   .attempt = job->attempt,
                                   .range = job->range,
                                   .why = slice_str("it was so"),
                                   .faulty = faulty};
    for (size_t i = 0; i < state_submitted_count(w->s) && fail.faulty_count < 2; i++)
        faulty[fail.faulty_count++] = state_submitted_at(w->s, i)->id;
    struct state_extend_item extend = {
        .job = job->id, .attempt = job->attempt, .range = job->range, .deadline_us = 5};
    struct state_reassign_item reassign = {
        .job = job->id, .attempt = job->attempt, .range = job->range, .extension = job->extension};
    struct state_txn txn = {.kind = STATE_FAIL, .fail = {.items = &fail, .count = 1}};
    uint64_t which = t_below(w->t, 3);
    if (which == 1)
        txn = (struct state_txn){.kind = STATE_EXTEND, .extend = {.items = &extend, .count = 1}};
    if (which == 2)
        txn = (struct state_txn){.kind = STATE_REASSIGN,
                                 .reassign = {.items = &reassign, .count = 1}};
    seal(w, &txn, l);
    return true;
}

/* Submitted files, some of them named again; batches over them; and files taken back. */
static bool plan_submit(struct trial *w, struct letter *l)
{
    struct state_id inputs[8];
    struct state_submit_file files[3];
    size_t count = state_submitted_count(w->s);
    size_t n = 0;
    struct state_txn txn = {.kind = STATE_SUBMIT, .submit = {.files = files, .count = 3}};
    for (size_t i = 0; i < 3; i++)
        files[i] = (struct state_submit_file){.path = slice_str(key_text[t_below(w->t, KEYS)]),
                                              .bytes = t_below(w->t, 1000)};
    for (size_t i = 0; i < count && n < 8; i++)
        if (t_below(w->t, 2))
            inputs[n++] = state_submitted_at(w->s, i)->id;
    struct state_assign_item item = {
        .inputs = inputs, .input_count = n, .kind = STATE_JOB_BATCH, .deadline_us = 3};
    uint64_t which = t_below(w->t, 4);
    if (which == 1 || which == 2)
        txn = (struct state_txn){.kind = STATE_ASSIGN, .assign = {.items = &item, .count = 1}};
    else if (which == 3)
        txn = (struct state_txn){.kind = STATE_WITHDRAW,
                                 .withdraw = {.files = inputs, .count = n ? 1 : 0}};
    seal(w, &txn, l);
    return true;
}

static bool plan_split(struct trial *w, struct letter *l)
{
    struct slice key = slice_str(key_text[1 + t_below(w->t, KEYS - 1)]);
    struct state_split_item item = {.leaf =
                                        state_leaf_at(w->s, state_leaf_holding(w->s, key))->range,
                                    .keys = &key,
                                    .key_count = 1};
    struct state_txn txn = {.kind = STATE_SPLIT, .split = {.items = &item, .count = 1}};
    seal(w, &txn, l);
    return true;
}

static bool plan_merge(struct trial *w, struct letter *l)
{
    size_t count = state_leaf_count(w->s);
    if (count < 2)
        return false;
    size_t i = (size_t)t_below(w->t, count - 1);
    struct key_range range = state_leaf_at(w->s, i)->range;
    struct slice at = range.hi;
    range.hi = state_leaf_at(w->s, i + 1)->range.hi;
    range.has_hi = state_leaf_at(w->s, i + 1)->range.has_hi;
    if (slice_is(at, key_text[SEEN_LO]) || slice_is(at, key_text[SEEN_HI]))
        return false;
    struct state_merge_item item = {.range = range, .at = at};
    struct state_txn txn = {.kind = STATE_MERGE, .merge = {.items = &item, .count = 1}};
    seal(w, &txn, l);
    return true;
}

static bool plan_cut(struct trial *w, struct letter *l)
{
    const struct state_leaf *leaf = any_leaf(w);
    if (leaf->ref_count == 0)
        return false;
    struct state_cut_item item = {
        .leaf = leaf->range,
        .file = state_leaf_brief(leaf, (size_t)t_below(w->t, leaf->ref_count)).id,
        .row_lo = (int64_t)t_below(w->t, 500),
        .row_hi = 500 + (int64_t)t_below(w->t, 500)};
    struct state_txn txn = {.kind = STATE_CUT, .cut = {.items = &item, .count = 1}};
    seal(w, &txn, l);
    return true;
}

static bool plan_file_down(struct trial *w, struct letter *l)
{
    size_t count = state_unfiled_count(w->s);
    if (count == 0)
        return false;
    struct state_id id = state_unfiled_at(w->s, (size_t)t_below(w->t, count))->file->id;
    struct state_txn txn = {.kind = STATE_FILE_DOWN, .file_down = {.files = &id, .count = 1}};
    seal(w, &txn, l);
    return true;
}

static bool plan_purge(struct trial *w, struct letter *l)
{
    struct state_txn txn = {.kind = STATE_RANGE_DELETE};
    struct state_position at = {0};
    uint64_t which = t_below(w->t, 3);
    if (which == 1) {
        txn = (struct state_txn){.kind = STATE_PURGE};
        txn.purge = (struct state_purge_rows){.predicate = slice_str("k = 1"),
                                              .is_on_keys = true,
                                              .schema_version = state_schema_version(w->s)};
    } else if (which == 2 && state_purge_count(w->s)) {
        at = state_purge_at(w->s, (size_t)t_below(w->t, state_purge_count(w->s)))->at;
        txn = (struct state_txn){.kind = STATE_RETIRE_PURGE,
                                 .retire = {.purges = &at, .count = 1, .seen = state_number(w->s)}};
    }
    seal(w, &txn, l);
    return true;
}

static struct slice root_name(uint64_t number, char out[32])
{
    (void)snprintf(out, 32, "snap/%" PRIu64, number);
    return slice_str(out);
}

static bool plan_snapshot(struct trial *w, struct letter *l)
{
    char root[32];
    char parent[32];
    uint64_t number = state_number(w->s);
    size_t count = state_verified_count(w->s);
    const struct state_verified *v = count ? state_verified_at(w->s, count - 1) : NULL;
    struct state_txn txn = {.kind = STATE_VERIFIED};
    txn.verified =
        (struct state_verify){.root = root_name(number, root), .number = number, .minted = number};
    if (v)
        txn.verified.parent = root_name(v->number, parent);
    if (v && t_below(w->t, 3) == 0) {
        txn = (struct state_txn){.kind = STATE_PIN};
        txn.pin = (struct state_pin_snapshot){.name = slice_str(key_text[t_below(w->t, KEYS)]),
                                              .root = root_name(v->number, root),
                                              .number = v->number};
    } else if (v && t_below(w->t, 3) == 0) {
        txn = (struct state_txn){.kind = STATE_UNPIN};
        size_t pins = state_pin_count(w->s);
        if (pins)
            txn.unpin.name = state_pin_at(w->s, (size_t)t_below(w->t, pins))->name;
    }
    seal(w, &txn, l);
    return true;
}

static bool plan_restore(struct trial *w, struct letter *l)
{
    char root[32];
    size_t count = state_verified_count(w->s);
    struct state_txn txn = {.kind = state_is_paused(w->s) ? STATE_RESUME : STATE_PAUSE};
    if (state_is_paused(w->s) && count && t_below(w->t, 2)) {
        const struct state_verified *v = state_verified_at(w->s, (size_t)t_below(w->t, count));
        txn = (struct state_txn){.kind = STATE_RESTORE};
        txn.restore =
            (struct state_restore){.root = root_name(v->number, root), .number = v->number};
    }
    seal(w, &txn, l);
    return true;
}

static bool plan_settings(struct trial *w, struct letter *l)
{
    uint64_t now = state_number(w->s);
    struct state_property p = {.name = slice_str(key_text[t_below(w->t, KEYS)]),
                               .value = slice_str("v"),
                               .is_unset = t_below(w->t, 3) == 0};
    struct state_txn txn = {.kind = STATE_PROPERTIES, .properties = {.items = &p, .count = 1}};
    uint64_t which = t_below(w->t, 3);
    if (which == 1) {
        txn = (struct state_txn){.kind = STATE_ALTER};
        txn.alter = (struct state_alter){.version = state_schema_next(w->s),
                                         .schema_json = slice_str("{}")};
    } else if (which == 2) {
        uint64_t horizon = now > 9 ? now - 9 : 0;
        txn = (struct state_txn){.kind = STATE_COLLECT};
        txn.collect = (struct state_collect){
            .minted = now > 5 ? now - 5 : 0, .horizon = horizon, .forget = horizon / 2};
    }
    seal(w, &txn, l);
    return true;
}

static bool (*const planners[])(struct trial *, struct letter *) = {
    plan_add,      plan_add,     plan_add,      plan_add,        plan_assign,    plan_assign,
    plan_replace,  plan_replace, plan_replace,  plan_global_job, plan_job,       plan_split,
    plan_split,    plan_merge,   plan_merge,    plan_cut,        plan_file_down, plan_purge,
    plan_snapshot, plan_restore, plan_settings, plan_submit,     plan_submit,
};

/* ------------------------------------------------------------------ claims */

static void every_row_is_in_one_place(struct trial *w)
{
    struct content seen = {{0}};
    struct arena a;
    const struct state_reference **refs = NULL;
    size_t count = 0;
    arena_init(&a, &w->t->mem, 1 << 22);
    assert_ok(w->t,
              state_references_meeting(w->s, (struct key_range){0}, &a, &refs, &count, &w->t->err));
    for (size_t i = 0; i < count; i++) {
        const struct known *f = find(w->files, w->file_count, refs[i]->file->id);
        assert_non_null(f);
        struct content rows = clip(f->rows, refs[i]->range);
        for (int k = 0; k < KEYS; k++) {
            assert_int_equal(seen.at[k] & rows.at[k], 0);
            seen.at[k] |= rows.at[k];
        }
    }
    assert_memory_equal(&seen, &w->all, sizeof seen);
    arena_fini(&a);
}

static void print_global(struct trial *w, const struct table_state *s, struct buf *out)
{
    buf_init(out, &w->t->mem, 1 << 22);
    assert_ok(w->t, state_global_print(&s->global, out, &w->t->err));
    for (size_t i = 0; i < state_unfiled_count(s); i++) {
        const struct state_reference *ref = state_unfiled_at(s, i);
        char id[STATE_ID_TEXT_BYTES];
        state_id_format(ref->file->id, id);
        assert_ok(w->t, buf_printf(out, &w->t->err, "unfiled %s %d\n", id, ref->job != NULL));
    }
}

/* Rule P1: the leaves that the partial state has are those of the whole one. */
static void the_part_is_a_part(struct trial *w)
{
    struct buf whole;
    struct buf part;
    size_t first = 0;
    size_t end = 0;
    print_global(w, w->s, &whole);
    print_global(w, w->part, &part);
    assert_true(slice_equal(buf_slice(&whole), buf_slice(&part)));
    buf_fini(&whole);
    buf_fini(&part);
    state_leaves_meeting(w->s, w->part->seen, &first, &end);
    assert_int_equal(end - first, state_leaf_count(w->part));
    for (size_t i = 0; i < state_leaf_count(w->part); i++) {
        const struct state_leaf *a = state_leaf_at(w->s, first + i);
        const struct state_leaf *b = state_leaf_at(w->part, i);
        assert_true(slice_equal(a->range.lo, b->range.lo) && slice_equal(a->range.hi, b->range.hi));
        assert_int_equal(a->ref_count, b->ref_count);
        for (size_t k = 0; k < a->ref_count; k++) {
            struct state_brief x = state_leaf_brief(a, k);
            struct state_brief y = state_leaf_brief(b, k);
            assert_true(state_id_equal(x.id, y.id) && slice_equal(x.range.lo, y.range.lo) &&
                        slice_equal(x.range.hi, y.range.hi));
            assert_int_equal(x.job != NULL, y.job != NULL);
            assert_true(!x.job || state_id_equal(x.job->id, y.job->id));
        }
    }
}

static void verdicts_agree(const struct state_outcome *whole, const struct state_outcome *part)
{
    assert_int_equal(whole->is_duplicate, part->is_duplicate);
    assert_int_equal(whole->item_count, part->item_count);
    for (size_t i = 0; i < whole->item_count; i++)
        assert_true(part->items[i] == STATE_REASON_UNSEEN || part->items[i] == whole->items[i]);
    if (whole->item_count == 0 && !whole->is_duplicate)
        assert_int_equal(whole->reason, part->reason);
}

/* ------------------------------------------------------------------ replaying */

/* Leave only the leaves of [e, k), which the table was made with. */
static void restrict_to_seen(struct table_state *s)
{
    static const size_t from = 1; /* leaves are [, e), [e, k), [k, ) */
    assert_int_equal(s->leaf_count, 3);
    alloc_delete(s->mem, s->leaves[0]);
    alloc_delete(s->mem, s->leaves[2]);
    s->leaves[0] = s->leaves[from];
    s->leaf_count = 1;
    s->seen = s->leaves[0]->range;
}

/* Replay the first `count` transactions. A restore in them replays what it goes back to. */
static struct table_state *replay(struct trial *w, size_t count, bool is_part);

static size_t count_up_to(const struct trial *w, uint64_t frame)
{
    size_t n = 0;
    while (n < w->applied && w->ends[n].frame <= frame)
        n++;
    return n;
}

static void apply_one(struct trial *w, struct table_state *s, struct state_txn *txn,
                      struct state_position at, bool is_part, struct state_outcome *o)
{
    struct table_state *from = NULL;
    struct state_want want = state_wants(s, txn, at);
    if (want.kind == STATE_WANT_ROOT) {
        from = replay(w, count_up_to(w, want.number), is_part);
        from->number = want.number;
        txn->restore.from = from;
    }
    assert_ok(w->t, state_apply(s, txn, at, o, &w->t->err));
    txn->restore.from = txn->kind == STATE_RESTORE ? NULL : txn->restore.from;
    state_free(from);
}

static const struct state_rules small = {.ring_max = 12, .unfiled_max = 4, .leaf_max = 12};

static struct table_state *replay(struct trial *w, size_t count, bool is_part)
{
    struct table_state *s = NULL;
    struct slice rest = buf_slice(&w->log);
    assert_ok(w->t, state_new(&w->t->mem, &small, &s, &w->t->err));
    for (size_t i = 0; i < count; i++) {
        struct arena a;
        struct state_txn txn;
        struct state_outcome o;
        size_t used = 0;
        arena_init(&a, &w->t->mem, 1 << 20);
        assert_ok(w->t, state_txn_decode(rest, 0, &a, &txn, &used, &w->t->err));
        apply_one(w, s, &txn, w->ends[i], is_part, &o);
        if (i == 0 && is_part)
            restrict_to_seen(s);
        rest = slice_after(rest, used);
        arena_fini(&a);
    }
    return s;
}

/* What a job's references hold when it is assigned. */
static struct content held(struct trial *w, struct state_id id)
{
    struct content rows = {{0}};
    struct arena a;
    const struct state_reference **refs = NULL;
    size_t count = 0;
    arena_init(&a, &w->t->mem, 1 << 22);
    assert_ok(w->t,
              state_job_references(w->s, state_job_find(w->s, id), &a, &refs, &count, &w->t->err));
    for (size_t i = 0; i < count; i++) {
        struct content one =
            clip(find(w->files, w->file_count, refs[i]->file->id)->rows, refs[i]->range);
        for (int k = 0; k < KEYS; k++)
            rows.at[k] |= one.at[k];
    }
    arena_fini(&a);
    return rows;
}

static void note(struct trial *w, const struct state_txn *txn, const struct letter *l,
                 const struct state_outcome *o)
{
    struct state_id id = {.at = o->at};
    if (o->is_duplicate || o->reason != STATE_REASON_APPLIED)
        return;
    w->kinds[txn->kind]++;
    if (txn->kind == STATE_ADD || txn->kind == STATE_OVERWRITE) {
        learn(w->files, &w->file_count, id, l->files[0]);
        for (int k = 0; k < KEYS; k++)
            w->all.at[k] |= l->files[0].at[k];
    }
    for (size_t i = 0; txn->kind == STATE_ASSIGN && i < o->item_count; i++) {
        id.item = (uint32_t)i;
        if (o->items[i] == STATE_REASON_APPLIED)
            learn(w->jobs, &w->job_count, id, held(w, id));
    }
    for (size_t i = 0; txn->kind == STATE_REPLACE && i < txn->replace.items[0].output_count; i++) {
        id.item = (uint32_t)i;
        learn(w->files, &w->file_count, id, l->files[i]);
    }
    if (txn->kind == STATE_RESTORE)
        w->all = w->all_at[count_up_to(w, txn->restore.number) - 1];
}

/* The objects of a snapshot of one shard. */
struct objects {
    struct buf root;
    struct buf ring;
    struct buf dead;
    struct buf shard;
};

static void objects_make(struct trial *w, struct objects *o)
{
    struct arena a;
    struct state_shard_entry entry = {.name = slice_str("snap/x")};
    struct state_snapshot self = {.number = state_number(w->s), .shards = &entry, .shard_count = 1};
    struct buf *all[] = {&o->root, &o->ring, &o->dead, &o->shard};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        buf_init(all[i], &w->t->mem, 1 << 24);
    arena_init(&a, &w->t->mem, 1 << 24);
    assert_ok(w->t, state_shard_encode(w->s, 0, state_leaf_count(w->s), &a, &o->shard, &w->t->err));
    assert_ok(w->t, state_root_encode(w->s, &self, &a, &o->root, &w->t->err));
    assert_ok(w->t, state_ring_encode(&w->s->ring, 0, w->s->ring.count, &o->ring, &w->t->err));
    assert_ok(w->t, state_dead_encode(w->s, 0, w->s->dead_count, &o->dead, &w->t->err));
    arena_fini(&a);
}

static void print(struct t *t, const struct table_state *s, struct buf *out)
{
    buf_init(out, &t->mem, 1 << 24);
    assert_ok(t, state_print(s, out, &t->err));
}

static void same_text(struct trial *w, const struct table_state *x, const struct table_state *y)
{
    struct buf one;
    struct buf two;
    print(w->t, x, &one);
    print(w->t, y, &two);
    assert_true(slice_equal(buf_slice(&one), buf_slice(&two)));
    buf_fini(&one);
    buf_fini(&two);
}

/* Go on from a snapshot, as a reader of a trimmed log does. */
static void reload(struct trial *w)
{
    struct objects o;
    struct state_loader l = {0};
    objects_make(w, &o);
    assert_ok(w->t, state_new(&w->t->mem, &w->s->rules, &l.state, &w->t->err));
    assert_ok(w->t, state_load_root(&l, buf_slice(&o.root), &w->t->err));
    assert_ok(w->t, state_ring_load(&l.state->ring, buf_slice(&o.ring), &w->t->err));
    assert_ok(w->t, state_dead_load(l.state, buf_slice(&o.dead), &w->t->err));
    assert_ok(w->t, state_load_shard(&l, buf_slice(&o.shard), &w->t->err));
    assert_ok(w->t, state_load_end(&l, &w->t->err));
    state_loader_fini(&l);
    same_text(w, w->s, l.state);
    state_free(w->s);
    w->s = l.state;
    buf_fini(&o.root);
    buf_fini(&o.ring);
    buf_fini(&o.dead);
    buf_fini(&o.shard);
}

static void arrive(struct trial *w, const struct letter *l)
{
    struct arena a;
    struct state_txn txn;
    struct state_outcome o;
    struct state_outcome of_part;
    size_t used = 0;
    struct state_position at = {.frame = state_number(w->s) + (t_below(w->t, 3) > 0)};
    if (w->applied && at.frame == state_number(w->s))
        at.index = w->ends[w->applied - 1].index + 1;
    if (at.frame == 0)
        at.frame = 1;
    arena_init(&a, &w->t->mem, 1 << 20);
    assert_ok(w->t, state_txn_decode(buf_slice(&l->bytes), 0, &a, &txn, &used, &w->t->err));
    apply_one(w, w->s, &txn, at, false, &o);
    apply_one(w, w->part, &txn, at, true, &of_part);
    if (w->applied == 0)
        restrict_to_seen(w->part);
    verdicts_agree(&o, &of_part);
    assert_ok(w->t, buf_append_slice(&w->log, buf_slice(&l->bytes), &w->t->err));
    note(w, &txn, l, &o);
    w->all_at[w->applied] = w->all;
    w->ends[w->applied++] = at;
    every_row_is_in_one_place(w);
    the_part_is_a_part(w);
    if (t_below(w->t, 8) == 0)
        reload(w);
    arena_fini(&a);
}

static void step(struct trial *w)
{
    bool deliver = w->post_count == LATE || (w->post_count && t_below(w->t, 5) < 3);
    if (!deliver) {
        struct letter *l = &w->post[w->post_count];
        *l = (struct letter){0};
        w->post_count += planners[t_below(w->t, sizeof planners / sizeof *planners)](w, l);
        return;
    }
    size_t i = (size_t)t_below(w->t, w->post_count);
    arrive(w, &w->post[i]);
    if (t_below(w->t, 8) == 0)
        return; /* it will come again */
    buf_fini(&w->post[i].bytes);
    w->post[i] = w->post[--w->post_count];
}

static void begin(struct trial *w)
{
    struct letter l = {0};
    struct slice points[2] = {slice_str(key_text[SEEN_LO]), slice_str(key_text[SEEN_HI])};
    struct state_txn txn = {.kind = STATE_CREATE,
                            .create = {.schema_json = slice_str("{}"),
                                       .split_points = points,
                                       .split_point_count = 2,
                                       .engine = w->engine}};
    assert_ok(w->t, state_new(&w->t->mem, &small, &w->s, &w->t->err));
    assert_ok(w->t, state_new(&w->t->mem, &small, &w->part, &w->t->err));
    buf_init(&w->log, &w->t->mem, 1 << 24);
    seal(w, &txn, &l);
    arrive(w, &l);
    buf_fini(&l.bytes);
}

static void replay_equals(struct trial *w)
{
    struct table_state *again = replay(w, w->applied, false);
    same_text(w, w->s, again);
    state_free(again);
}

static void rows_stay_in_one_place_parts_agree_and_snapshots_give_the_same_P1(void **state)
{
    struct t *t = *state;
    static struct trial w;
    size_t kinds[32] = {0};
    for (int i = 0; i < TRIALS; i++) {
        memset(&w, 0, sizeof w);
        w.t = t;
        w.engine = i % 2 ? STATE_ENGINE_BAG : STATE_ENGINE_LAST;
        begin(&w);
        for (int k = 0; k < STEPS * 2; k++)
            step(&w);
        while (w.post_count) {
            arrive(&w, &w.post[--w.post_count]);
            buf_fini(&w.post[w.post_count].bytes);
        }
        replay_equals(&w);
        for (size_t k = 0; k < 32; k++)
            kinds[k] += w.kinds[k];
        state_free(w.s);
        state_free(w.part);
        buf_fini(&w.log);
    }
    /* The histories are worth something: each kind was applied, again and again. */
    for (size_t k = STATE_CREATE; k <= STATE_WITHDRAW; k++)
        if (k != STATE_DROP && kinds[k] < 8)
            fail_msg("kind %zu was applied only %zu times", k, kinds[k]);
}

T_MAIN(T_TEST(rows_stay_in_one_place_parts_agree_and_snapshots_give_the_same_P1))
