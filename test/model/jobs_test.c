/* rooms: base */
/*
 * Fencing of jobs, all of it (rules O1, T1, P4): one job over a leaf with two files, two workers that may
 * freeze anywhere, a third who reassigns or fails what is overdue, by clocks that are wrong, a splitter.
 * Bounds: three attempts, two extensions, eight transactions. What has to hold: the rows of the inputs are
 * in just one place; an output counts only if its attempt was current; whoever was extended keeps the job.
 */
#include <string.h>

#include "model/search.h"

#include "lib/t.h"

#define LEFT  0 /* halves of the leaf after a split */
#define RIGHT 1

enum breakage { NOTHING, ANY_ATTEMPT, ANY_EXTENSION, JOB_ONE_HALF, KEEP_INPUTS };

static enum breakage broken;

/* What a worker knows of the attempt that it is at. */
struct worker {
    uint8_t is_at_work;
    uint8_t attempt;
    uint8_t extension; /* as often as it has extended it */
};

struct leaf_state {
    uint8_t is_open;
    uint8_t attempt;
    uint8_t extension;
    uint8_t is_split;
    uint8_t held[2];   /* the input's references, by half: held by the job */
    uint8_t inputs[2]; /* ... are there */
    uint8_t outputs[2];
    uint8_t assigned; /* jobs so far */
    uint8_t steps;
    uint8_t stolen; /* an extended attempt was taken over by who did not know */
    uint8_t stale;  /* an output of another attempt counted */
    struct worker workers[2];
    uint8_t seen_attempt; /* by who reassigns */
    uint8_t seen_extension;
    uint8_t has_seen;
};

static void assign(struct search *s, const struct leaf_state *from)
{
    struct leaf_state n = *from;
    if (n.is_open || n.assigned == 2 || !n.inputs[LEFT] || !n.inputs[RIGHT])
        return;
    n.is_open = 1;
    n.attempt = 1;
    n.extension = 0;
    n.assigned++;
    n.held[LEFT] = n.held[RIGHT] = 1;
    n.steps++;
    for (int i = 0; i < 2; i++) {
        struct leaf_state m = n;
        m.workers[i] = (struct worker){.is_at_work = 1, .attempt = 1};
        search_offer(s, &m);
    }
}

/* A replace by worker i: judged by attempt alone. */
static void finish(struct search *s, const struct leaf_state *from, int i)
{
    struct leaf_state n = *from;
    const struct worker *w = &n.workers[i];
    if (!w->is_at_work)
        return;
    bool is_current = n.is_open && n.attempt == w->attempt;
    n.steps++;
    n.workers[i].is_at_work = 0;
    if (is_current || (broken == ANY_ATTEMPT && n.is_open)) {
        n.stale = n.stale || !is_current;
        for (int half = 0; half < 2; half++) {
            n.inputs[half] = n.inputs[half] && (!n.held[half] || broken == KEEP_INPUTS);
            n.held[half] = 0;
            n.outputs[half]++;
        }
        n.is_open = 0;
    }
    search_offer(s, &n);
}

static void extend(struct search *s, const struct leaf_state *from, int i)
{
    struct leaf_state n = *from;
    if (!n.workers[i].is_at_work || !n.is_open || n.attempt != n.workers[i].attempt ||
        n.extension == 2)
        return;
    n.extension++;
    n.workers[i].extension++;
    n.steps++;
    search_offer(s, &n);
}

/* Who looks at a job decides later by what was seen; clocks say nothing. */
static void take_over(struct search *s, const struct leaf_state *from)
{
    struct leaf_state n = *from;
    if (n.is_open && !n.has_seen) {
        n.has_seen = 1;
        n.seen_attempt = n.attempt;
        n.seen_extension = n.extension;
        search_offer(s, &n);
        return;
    }
    if (!n.has_seen)
        return;
    bool is_same = n.is_open && n.attempt == n.seen_attempt && n.extension == n.seen_extension;
    bool is_taken =
        is_same || (broken == ANY_EXTENSION && n.is_open && n.attempt == n.seen_attempt);
    n.has_seen = 0;
    n.seen_attempt = n.seen_extension = 0;
    n.steps++;
    struct leaf_state failed = n;
    if (is_taken && n.attempt < 3) {
        n.stolen = n.stolen || !is_same;
        n.attempt++;
        n.extension = 0;
        n.workers[1] = (struct worker){.is_at_work = 1, .attempt = n.attempt};
    }
    search_offer(s, &n);
    if (is_same) { /* or it ends the job */
        failed.is_open = 0;
        failed.held[LEFT] = failed.held[RIGHT] = 0;
        search_offer(s, &failed);
    }
}

static void step(struct search *s, const void *state)
{
    const struct leaf_state *from = state;
    if (from->steps == 8)
        return;
    assign(s, from);
    take_over(s, from);
    for (int i = 0; i < 2; i++) {
        finish(s, from, i);
        extend(s, from, i);
    }
    if (!from->is_split) {
        struct leaf_state n = *from;
        n.is_split = 1;
        n.steps++;
        if (broken == JOB_ONE_HALF)
            n.held[RIGHT] = 0;
        search_offer(s, &n);
    }
}

static const char *check(const void *state)
{
    const struct leaf_state *s = state;
    for (int half = 0; half < 2; half++)
        if (s->inputs[half] + s->outputs[half] != 1)
            return "rows are lost, or in two places";
    if (s->stale)
        return "an output of an attempt that is over counts";
    return s->stolen ? "a job that was extended was taken over" : NULL;
}

static const char *look(enum breakage what, size_t *count)
{
    struct leaf_state start = {.inputs = {1, 1}};
    struct search s = {.bytes = sizeof start, .step = step, .check = check};
    broken = what;
    return search_all(&s, &start, 1000000, count);
}

static void jobs_are_fenced_in_every_order(void **state)
{
    size_t count = 0;
    (void)state;
    const char *complaint = look(NOTHING, &count);
    print_message("%zu states\n", count);
    if (complaint)
        print_error("%s\n", complaint);
    assert_null(complaint);
    assert_true(count > 1000);
}

static void each_planted_bug_is_found(void **state)
{
    static const char *const names[] = {"", "ANY_ATTEMPT", "ANY_EXTENSION", "JOB_ONE_HALF",
                                        "KEEP_INPUTS"};
    (void)state;
    for (int i = ANY_ATTEMPT; i <= KEEP_INPUTS; i++) {
        size_t count = 0;
        const char *complaint = look((enum breakage)i, &count);
        print_message("%s: %s, after %zu states\n", names[i], complaint ? complaint : "", count);
        assert_non_null(complaint);
    }
}

T_MAIN(T_TEST(jobs_are_fenced_in_every_order), T_TEST(each_planted_bug_is_found))
