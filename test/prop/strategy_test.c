/* rooms: compact */
#include "compact/strategy.h"

#include "lib/t.h"

/*
 * Strategies against plain transcriptions, and what must hold of every job: whole, free, disjoint
 * runs, at most a batch of them, neighbours where order matters, and that applying them again and
 * again ends.
 */

#define RUNS_MAX 60

struct leaf {
    struct compact_leaf_run runs[RUNS_MAX];
    size_t count;
    bool is_ordered;
    uint64_t next; /* the next position */
};

static void add_run(struct t *t, struct leaf *l)
{
    static const int64_t sizes[] = {0, 1, 10, 100, 1000, 100000};
    struct compact_leaf_run *run = &l->runs[l->count++];
    *run = (struct compact_leaf_run){.count = 1 + t_below(t, 3), .is_free = true, .is_fresh = true};
    run->low = run->high = (struct state_position){.frame = ++l->next};
    run->rows = sizes[t_below(t, 6)] + (int64_t)t_below(t, 5);
    run->bytes = (uint64_t)run->rows * 10;
    run->time_us = (int64_t)l->next * 3600 * 1000000;
}

static void random_leaf(struct t *t, struct leaf *l)
{
    *l = (struct leaf){.is_ordered = t_below(t, 2)};
    size_t count = t_below(t, 40);
    while (l->count < count) {
        add_run(t, l);
        l->runs[l->count - 1].is_free = t_below(t, 8) != 0;
    }
}

static struct compact_rules random_rules(struct t *t)
{
    return (struct compact_rules){.strategy = (enum compact_strategy)t_below(t, 5),
                                  .batch = 2 + t_below(t, 12),
                                  .ratio = 1 + t_below(t, 5),
                                  .partition_jobs = t_below(t, 3) ? INT32_MAX : t_below(t, 4),
                                  .fanout = 2 + t_below(t, 10),
                                  .window_s = 86400,
                                  .job_limit = 1000};
}

static struct compact_groups choose(struct t *t, const struct compact_rules *rules,
                                    const struct leaf *l, struct arena *arena)
{
    struct compact_groups groups = {0};
    struct compact_leaf_runs runs = {.runs = l->runs,
                                     .count = l->count,
                                     .is_ordered = l->is_ordered,
                                     .time_us = (int64_t)l->next * 3600 * 1000000};
    assert_ok(t, compact_strategy_apply(rules, &runs, arena, &groups, &t->err));
    return groups;
}

/* Between the lowest and the highest index of a group there is nothing else. */
static bool are_neighbours(const struct compact_group *g)
{
    size_t lo = g->runs[0];
    size_t hi = g->runs[0];
    for (size_t i = 0; i < g->count; i++) {
        lo = g->runs[i] < lo ? g->runs[i] : lo;
        hi = g->runs[i] > hi ? g->runs[i] : hi;
    }
    return hi - lo + 1 == g->count;
}

static void check_groups(const struct compact_rules *rules, const struct leaf *l,
                         const struct compact_groups *groups)
{
    bool taken[RUNS_MAX] = {false};
    bool by_position = l->is_ordered || rules->strategy == COMPACT_LEVELED ||
                       rules->strategy == COMPACT_TIME_WINDOW;
    size_t most = rules->strategy == COMPACT_FORCED ? COMPACT_FORCED_BATCH : rules->batch;
    if (rules->strategy == COMPACT_SIZE_RATIO)
        assert_true(groups->count <= rules->partition_jobs);
    for (size_t i = 0; i < groups->count; i++) {
        const struct compact_group *g = &groups->items[i];
        assert_true(g->count >= 2 && g->count <= most);
        assert_non_null(g->why);
        for (size_t k = 0; k < g->count; k++) {
            assert_true(g->runs[k] < l->count);
            assert_true(l->runs[g->runs[k]].is_free);
            assert_false(taken[g->runs[k]]);
            taken[g->runs[k]] = true;
        }
        if (by_position)
            assert_true(are_neighbours(g));
    }
}

static void jobs_take_free_runs_once_and_neighbours_where_order_matters(void **state)
{
    struct t *t = *state;
    for (int round = 0; round < 4000; round++) {
        struct arena arena;
        struct leaf l;
        struct compact_rules rules = random_rules(t);
        random_leaf(t, &l);
        arena_init(&arena, &t->mem, 1 << 24);
        struct compact_groups groups = choose(t, &rules, &l, &arena);
        check_groups(&rules, &l, &groups);
        arena_fini(&arena);
    }
}

/* ---- Upstream's rules, written down plainly: sorted rows in, sizes of jobs out ---- */

struct plain_job {
    size_t first;
    size_t count;
};

static bool plain_meets(const int64_t *rows, size_t first, size_t count, uint64_t ratio)
{
    uint64_t sum = 0;
    for (size_t i = 0; i + 1 < count; i++)
        sum += (uint64_t)rows[first + i];
    return count >= 2 && sum >= ratio * (uint64_t)rows[first + count - 1];
}

static size_t plain_size_ratio(const int64_t *rows, size_t count, const struct compact_rules *r,
                               struct plain_job *jobs)
{
    size_t n = 0;
    while (count >= 2 && !plain_meets(rows, 0, count, r->ratio))
        count--;
    if (count < 2)
        return 0;
    if (count <= r->batch) {
        jobs[n++] = (struct plain_job){0, count};
        return n;
    }
    for (size_t at = 0; at < count;) {
        size_t window = at + r->batch <= count ? r->batch : count - at;
        if (plain_meets(rows, at, window, r->ratio)) {
            jobs[n++] = (struct plain_job){at, window};
            at += window;
        } else {
            at++;
        }
    }
    return n;
}

static size_t plain_basic(size_t count, const struct compact_rules *r, struct plain_job *jobs)
{
    size_t n = 0;
    for (size_t at = 0; at + r->batch <= count; at += r->batch)
        jobs[n++] = (struct plain_job){at, r->batch};
    return n;
}

/* Positions of the free runs, ascending by rows. */
static size_t sort_plainly(const struct leaf *l, size_t *order, int64_t *rows)
{
    size_t n = 0;
    for (size_t i = 0; i < l->count; i++) {
        if (!l->runs[i].is_free)
            continue;
        size_t at = n++;
        for (; at > 0 && rows[at - 1] > l->runs[i].rows; at--) {
            rows[at] = rows[at - 1];
            order[at] = order[at - 1];
        }
        rows[at] = l->runs[i].rows;
        order[at] = i;
    }
    return n;
}

static void where_order_does_not_matter_jobs_are_those_of_upstream(void **state)
{
    struct t *t = *state;
    size_t made = 0;
    for (int round = 0; round < 6000; round++) {
        struct arena arena;
        struct leaf l;
        size_t order[RUNS_MAX];
        int64_t rows[RUNS_MAX];
        struct plain_job jobs[RUNS_MAX];
        struct compact_rules rules = random_rules(t);
        rules.strategy = t_below(t, 3) ? COMPACT_SIZE_RATIO : COMPACT_BASIC;
        random_leaf(t, &l);
        l.is_ordered = false;
        size_t count = sort_plainly(&l, order, rows);
        size_t expected = rules.strategy == COMPACT_BASIC
                              ? plain_basic(count, &rules, jobs)
                              : plain_size_ratio(rows, count, &rules, jobs);
        if (rules.strategy == COMPACT_SIZE_RATIO && expected > rules.partition_jobs)
            expected = rules.partition_jobs;
        arena_init(&arena, &t->mem, 1 << 24);
        struct compact_groups groups = choose(t, &rules, &l, &arena);
        assert_int_equal(groups.count, expected);
        for (size_t i = 0; i < expected; i++) {
            assert_int_equal(groups.items[i].count, jobs[i].count);
            for (size_t k = 0; k < jobs[i].count; k++)
                assert_int_equal(groups.items[i].runs[k], order[jobs[i].first + k]);
        }
        made += expected;
        arena_fini(&arena);
    }
    assert_true(made > 1000);
}

/* ---- Again and again ---- */

/* What running the first job comes to: one run, where the oldest of its inputs stood. */
static void run_group(struct leaf *l, const struct compact_group *g)
{
    struct compact_leaf_run out = {.count = 1, .is_free = true};
    bool gone[RUNS_MAX] = {false};
    size_t at = SIZE_MAX;
    for (size_t i = 0; i < g->count; i++) {
        const struct compact_leaf_run *run = &l->runs[g->runs[i]];
        bool is_first = at == SIZE_MAX;
        if (is_first || state_position_compare(run->low, out.low) < 0) {
            out.low = run->low;
            at = g->runs[i];
        }
        if (is_first || state_position_compare(run->high, out.high) > 0)
            out.high = run->high;
        out.rows += run->rows;
        gone[g->runs[i]] = true;
    }
    size_t n = 0;
    for (size_t i = 0; i < l->count; i++) {
        if (i == at)
            l->runs[n++] = out;
        else if (!gone[i])
            l->runs[n++] = l->runs[i];
    }
    l->count = n;
}

static int64_t all_rows(const struct leaf *l)
{
    int64_t rows = 0;
    for (size_t i = 0; i < l->count; i++)
        rows += l->runs[i].rows;
    return rows;
}

static void choosing_and_running_ends_and_keeps_every_row(void **state)
{
    struct t *t = *state;
    for (int round = 0; round < 1500; round++) {
        struct leaf l;
        struct compact_rules rules = random_rules(t);
        rules.partition_jobs = INT32_MAX;
        random_leaf(t, &l);
        int64_t rows = all_rows(&l);
        size_t steps = 0;
        for (;;) {
            struct arena arena;
            arena_init(&arena, &t->mem, 1 << 24);
            struct compact_groups groups = choose(t, &rules, &l, &arena);
            check_groups(&rules, &l, &groups);
            bool found = groups.count > 0;
            if (found)
                run_group(&l, &groups.items[0]);
            arena_fini(&arena);
            if (!found)
                break;
            assert_true(++steps < RUNS_MAX);
            assert_int_equal(all_rows(&l), rows);
        }
    }
}

static void leveled_keeps_few_runs_and_all_leaves_one(void **state)
{
    struct t *t = *state;
    struct leaf l = {.is_ordered = true};
    struct compact_rules rules = compact_rules_of(NULL);
    for (int i = 0; i < 2000; i++) {
        struct compact_groups groups = {.count = 1};
        add_run(t, &l);
        l.runs[l.count - 1].rows = 100;
        rules.strategy = i == 1999 ? COMPACT_FORCED : COMPACT_LEVELED;
        while (groups.count > 0) {
            struct arena arena;
            arena_init(&arena, &t->mem, 1 << 24);
            groups = choose(t, &rules, &l, &arena);
            if (groups.count > 0)
                run_group(&l, &groups.items[0]);
            arena_fini(&arena);
        }
        assert_true(l.count <= 3 + 4); /* fresh ones, and a run of each level */
    }
    assert_int_equal(l.count, 1);
    assert_int_equal(l.runs[0].rows, 200000);
}

static void every_allocation_may_fail(void **state)
{
    struct t *t = *state;
    struct leaf l = {.is_ordered = true};
    struct compact_rules rules = compact_rules_of(NULL);
    for (int i = 0; i < 30; i++)
        add_run(t, &l);
    rules.strategy = COMPACT_FORCED;
    T_FAULT_LOOP(t) {
        struct arena arena;
        struct compact_groups groups = {0};
        struct compact_leaf_runs runs = {.runs = l.runs, .count = l.count};
        arena_init(&arena, &t->mem, 1 << 24);
        slp_rc rc = compact_strategy_apply(&rules, &runs, &arena, &groups, &t->err);
        assert_true(t->fault_hit ? rc == SLP_NO_MEMORY : rc == SLP_OK && groups.count == 1);
        arena_fini(&arena);
    }
}

T_MAIN(T_TEST(jobs_take_free_runs_once_and_neighbours_where_order_matters),
       T_TEST(where_order_does_not_matter_jobs_are_those_of_upstream),
       T_TEST(choosing_and_running_ends_and_keeps_every_row),
       T_TEST(leveled_keeps_few_runs_and_all_leaves_one), T_TEST(every_allocation_may_fail))
