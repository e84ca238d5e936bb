/* rooms: compact */
#include "compact/choose.h"

#include <stdio.h>

#include "../unit/state/helpers.h"
#include "state/global.h"

/*
 * What is due, against apply: on random tables every job that is chosen passes (rules O3, O4, O6), and
 * doing what is due again and again ends with nothing due.
 */

struct world {
    struct t *t;
    struct table_state *s;
    unsigned named;
};

static struct slice letter(uint32_t i)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz";
    return slice_of(letters + i, 1);
}

static void open_world(struct world *w, struct t *t)
{
    struct state_outcome o;
    struct slice keys[25];
    struct state_rules rules = state_rules_default();
    size_t leaves = t_below(t, 2) ? 26 : 1 + t_below(t, 5);
    for (size_t i = 1; i < leaves; i++)
        keys[i - 1] = letter((uint32_t)(i * 26 / leaves));
    *w = (struct world){.t = t};
    assert_ok(t, state_new(&t->mem, &rules, &w->s, &t->err));
    struct state_txn txn = txn_of(STATE_CREATE, 1);
    txn.create =
        (struct state_create){.name = slice_str("t"),
                              .schema_json = slice_str("{}"),
                              .key_version = 1,
                              .split_points = keys,
                              .split_point_count = leaves - 1,
                              .engine = t_below(t, 2) ? STATE_ENGINE_LAST : STATE_ENGINE_BAG};
    assert_ok(t, state_apply(w->s, &txn, (struct state_position){.frame = 1}, &o, &t->err));
    assert_int_equal(o.reason, STATE_REASON_APPLIED);
}

static struct state_new_file new_file(struct world *w, char name[32], struct slice first,
                                      struct slice last, int64_t rows)
{
    (void)snprintf(name, 32, "data/00/%u.parquet", ++w->named);
    struct state_new_file f = file_of(name, "a", "a", rows);
    f.info.first_key = first;
    f.info.last_key = last;
    return f;
}

static void add_something(struct world *w)
{
    static const int64_t sizes[] = {1, 10, 100, 1000, 1000000};
    char names[3][32];
    struct state_new_file files[3];
    bool wide = t_below(w->t, 4) == 0;
    size_t count = wide ? 1 : 1 + t_below(w->t, 3);
    for (size_t i = 0; i < count; i++) {
        uint32_t first = (uint32_t)(i * 26 / count + t_below(w->t, 4));
        uint32_t last = wide ? 25 : first + (uint32_t)t_below(w->t, 4);
        files[i] = new_file(w, names[i], letter(wide ? 0 : first), letter(last),
                            sizes[t_below(w->t, 5)] + (int64_t)t_below(w->t, 9));
        files[i].is_unfiled = wide;
        if (t_below(w->t, 6) == 0)
            files[i].deletes = 1;
    }
    struct state_outcome o = add_files(w->t, w->s, files, count);
    assert_true(o.reason == STATE_REASON_APPLIED || o.reason == STATE_REASON_UNFILED);
}

static struct state_id assign_choice(struct world *w, const struct compact_choice *c)
{
    bool is_fold = c->kind == COMPACT_DUE_FOLD;
    struct state_assign_item item = {.inputs = c->inputs,
                                     .input_count = c->input_count,
                                     .deadline_us = 5,
                                     .kind = is_fold ? STATE_JOB_FOLD : STATE_JOB_LEAF,
                                     .drops_deletes = c->drops_deletes};
    if (!is_fold)
        item.leaf = c->leaf;
    struct state_txn txn = txn_of(STATE_ASSIGN, state_number(w->s) + 1);
    txn.assign = (struct state_assign){.items = &item, .count = 1};
    struct state_outcome o = apply_next(w->t, w->s, &txn);
    assert_int_equal(o.items[0], STATE_REASON_APPLIED);
    return (struct state_id){.at = {.frame = state_number(w->s)}};
}

static void end_job(struct world *w, struct state_id id, const struct compact_choice *c)
{
    char name[32];
    struct arena arena;
    const struct state_reference **refs = NULL;
    size_t count = 0;
    const struct state_job *job = state_job_find(w->s, id);
    assert_non_null(job);
    arena_init(&arena, &w->t->mem, 1 << 24);
    assert_ok(w->t, state_job_references(w->s, job, &arena, &refs, &count, &w->t->err));
    assert_true(count >= c->input_count);
    struct slice first = refs[0]->range.lo;
    for (size_t i = 1; i < count; i++)
        if (slice_compare(refs[i]->range.lo, first) < 0)
            first = refs[i]->range.lo;
    assert_ok(w->t, arena_copy(&arena, first, &first, &w->t->err));
    struct state_new_file f = new_file(w, name, first, first, c->rows + 1);
    f.is_unfiled = c->kind == COMPACT_DUE_FOLD;
    struct state_outcome o = replace(w->t, w->s, id, 1, job->range, &f, 1);
    assert_int_equal(o.items[0], STATE_REASON_APPLIED);
    arena_fini(&arena);
}

static void file_down(struct world *w, const struct compact_choice *c)
{
    struct state_txn txn = txn_of(STATE_FILE_DOWN, state_number(w->s) + 1);
    txn.file_down = (struct state_file_down){.files = c->inputs, .count = c->input_count};
    struct state_outcome o = apply_next(w->t, w->s, &txn);
    for (size_t i = 0; i < o.item_count; i++)
        assert_int_equal(o.items[i], STATE_REASON_APPLIED);
}

/* All that is due at once, as jobs that are open beside each other; then their ends. */
static bool do_what_is_due(struct world *w, const struct compact_rules *rules)
{
    struct arena arena;
    struct compact_due due = {0};
    struct state_id jobs[64];
    size_t first = 0;
    arena_init(&arena, &w->t->mem, 1 << 26);
    assert_ok(w->t, compact_find_due(w->s, rules, true, &arena, &due, &w->t->err));
    bool found = due.count > 0;
    if (found && due.choices[0].kind == COMPACT_DUE_FILE) {
        file_down(w, &due.choices[0]);
        arena_fini(&arena);
        return true;
    }
    size_t end = due.count < 64 ? due.count : 64;
    for (size_t i = first; i < end; i++)
        jobs[i] = assign_choice(w, &due.choices[i]);
    for (size_t i = first; i < end; i++)
        end_job(w, jobs[i], &due.choices[i]);
    arena_fini(&arena);
    return found;
}

static void every_job_that_is_due_passes_apply_and_it_ends(void **state)
{
    struct t *t = *state;
    for (int round = 0; round < 150; round++) {
        struct world w;
        struct compact_rules rules = compact_rules_of(NULL);
        rules.strategy = (enum compact_strategy)t_below(t, 5);
        rules.batch = 2 + t_below(t, 11);
        rules.window_s = 1;
        open_world(&w, t);
        for (int step = 0; step < 30; step++) {
            add_something(&w);
            if (t_below(t, 5) == 0)
                (void)do_what_is_due(&w, &rules);
        }
        int steps = 0;
        while (do_what_is_due(&w, &rules))
            assert_true(++steps < 400);
        assert_int_equal(state_job_count(w.s), 0);
        rules.strategy = COMPACT_FORCED;
        for (steps = 0; do_what_is_due(&w, &rules); steps++)
            assert_true(steps < 100);
        assert_int_equal(state_unfiled_count(w.s), 0);
        state_free(w.s);
    }
}

static void the_limit_of_jobs_keeps_those_with_the_most_runs(void **state)
{
    struct t *t = *state;
    static const char *const points[] = {"h", "p"};
    struct table_state *s = state_of(t, NULL, points, 2);
    struct compact_rules rules = compact_rules_of(NULL);
    struct arena arena;
    struct compact_due due = {0};
    char names[16][16];
    static const char *const firsts[] = {"a", "h", "p"};
    unsigned n = 0;
    for (unsigned leaf = 0; leaf < 3; leaf++)
        for (unsigned i = 0; i < 4 + (leaf == 1); i++) {
            (void)snprintf(names[n], sizeof names[n], "data/%u", n);
            struct state_new_file f = file_of(names[n++], firsts[leaf], firsts[leaf], 10);
            (void)add_files(t, s, &f, 1);
        }
    arena_init(&arena, &t->mem, 1 << 24);
    rules.job_limit = 1;
    assert_ok(t, compact_find_due(s, &rules, false, &arena, &due, &t->err));
    assert_int_equal(due.count, 1);
    assert_int_equal(due.dropped, 2);
    assert_int_equal(due.choices[0].leaf_index, 1);
    assert_int_equal(due.choices[0].runs, 5);
    arena_fini(&arena);
    state_free(s);
}

T_MAIN(T_TEST(every_job_that_is_due_passes_apply_and_it_ends),
       T_TEST(the_limit_of_jobs_keeps_those_with_the_most_runs))
