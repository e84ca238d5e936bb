#include "compact/strategy.h"

#include <stdlib.h>

#include "base/num.h"

static const char *const names[] = {"size-ratio", "basic", "leveled", "time-window", "all"};

const char *compact_strategy_name(enum compact_strategy strategy)
{
    return names[strategy];
}

bool compact_strategy_parse(struct slice text, enum compact_strategy *out)
{
    static const char *const upstream[] = {"SizeRatioCompactionStrategy",
                                           "BasicCompactionStrategy"};
    for (unsigned i = COMPACT_SIZE_RATIO; i <= COMPACT_TIME_WINDOW; i++)
        if (slice_equal(text, slice_str(names[i])) ||
            (i < 2 && slice_equal(text, slice_str(upstream[i])))) {
            *out = (enum compact_strategy)i;
            return true;
        }
    return false;
}

struct compact_rules compact_rules_of(const struct schema_properties *p)
{
    return (struct compact_rules){
        .strategy =
            (enum compact_strategy)schema_property_choice(p, SCHEMA_PROPERTY_COMPACT_STRATEGY),
        .batch = (size_t)schema_property_number(p, SCHEMA_PROPERTY_COMPACT_BATCH),
        .ratio = (uint64_t)schema_property_number(p, SCHEMA_PROPERTY_COMPACT_RATIO),
        .partition_jobs = (size_t)schema_property_number(p, SCHEMA_PROPERTY_COMPACT_PARTITION_JOBS),
        .fanout = (uint64_t)schema_property_number(p, SCHEMA_PROPERTY_COMPACT_FANOUT),
        .window_s = schema_property_number(p, SCHEMA_PROPERTY_COMPACT_WINDOW),
        .job_limit = (size_t)schema_property_number(p, SCHEMA_PROPERTY_COMPACT_JOB_LIMIT)};
}

/* A stretch of runs that may go together, in the order in which a strategy looks at them. */
struct stretch {
    size_t first;
    size_t end;
};

struct chooser {
    const struct compact_rules *rules;
    const struct compact_leaf_runs *leaf;
    struct arena *arena;
    size_t *order;           /* indexes of runs */
    struct stretch *pending; /* of size ratio: still to be looked at */
    size_t pending_count;
    struct compact_groups out;
    size_t most; /* groups at most */
};

static const struct compact_leaf_run *run_at(const struct chooser *c, size_t i)
{
    return &c->leaf->runs[c->order[i]];
}

static bool is_full(const struct chooser *c)
{
    return c->out.count >= c->most;
}

/* Runs [first, end) of the order go together. */
static slp_rc take(struct chooser *c, size_t first, size_t end, const char *why,
                   struct slp_err *err)
{
    struct compact_group *g = &c->out.items[c->out.count];
    *g = (struct compact_group){.count = end - first, .why = why};
    TRY(arena_array(c->arena, g->count, sizeof *g->runs, (void **)&g->runs, err));
    for (size_t i = first; i < end; i++) {
        g->runs[i - first] = c->order[i];
        if (!num_add_i64(g->rows, run_at(c, i)->rows, &g->rows))
            g->rows = INT64_MAX;
    }
    c->out.count++;
    return SLP_OK;
}

/* ------------------------------------------------------------------ size ratio */

/* Are the others together at least `ratio` times the largest? `*largest` is its place. */
static bool meets_ratio(const struct chooser *c, struct stretch s, size_t *largest)
{
    u128 sum = 0;
    *largest = s.first;
    for (size_t i = s.first; i < s.end; i++) {
        sum += (uint64_t)num_max_i64(run_at(c, i)->rows, 0);
        if (run_at(c, i)->rows >= run_at(c, *largest)->rows)
            *largest = i;
    }
    u128 most = s.end > s.first ? (uint64_t)num_max_i64(run_at(c, *largest)->rows, 0) : 0;
    return s.end - s.first >= 2 && sum - most >= most * c->rules->ratio;
}

static const char ratio_why[] = "the largest run is small enough for the others";

/* More runs than a job takes: windows of that many, from one end on; a last one may be shorter. */
static slp_rc slide(struct chooser *c, struct stretch s, struct slp_err *err)
{
    size_t batch = c->rules->batch;
    bool backwards = c->leaf->is_ordered; /* the newest are the smallest, mostly */
    size_t done = 0;
    size_t count = s.end - s.first;
    while (count - done >= 2 && !is_full(c)) {
        size_t n = num_min_size(batch, count - done);
        size_t first = backwards ? s.end - done - n : s.first + done;
        size_t largest = 0;
        if (meets_ratio(c, (struct stretch){first, first + n}, &largest)) {
            TRY(take(c, first, first + n, ratio_why, err));
            done += n;
        } else {
            done++;
        }
    }
    return SLP_OK;
}

/* Upstream's rule: the largest is dropped while it is too large for the others. Sorted by size that
 * is the last one; in order of position it divides its neighbours into those before and behind. */
static slp_rc size_ratio(struct chooser *c, struct stretch s, struct slp_err *err)
{
    c->pending[c->pending_count++] = s;
    while (c->pending_count > 0 && !is_full(c)) {
        struct stretch now = c->pending[--c->pending_count];
        size_t largest = 0;
        if (now.end - now.first < 2)
            continue;
        if (!meets_ratio(c, now, &largest)) {
            c->pending[c->pending_count++] = (struct stretch){now.first, largest};
            c->pending[c->pending_count++] = (struct stretch){largest + 1, now.end};
        } else if (now.end - now.first <= c->rules->batch) {
            TRY(take(c, now.first, now.end, ratio_why, err));
        } else {
            TRY(slide(c, now, err));
        }
    }
    c->out.left = "each run is too large for those that are smaller";
    return SLP_OK;
}

/* ------------------------------------------------------------------ basic */

static slp_rc basic(struct chooser *c, struct stretch s, struct slp_err *err)
{
    size_t batch = c->rules->batch;
    for (size_t i = s.first; s.end - i >= batch && !is_full(c); i += batch)
        TRY(take(c, i, i + batch, "as many runs as a job takes", err));
    c->out.left = "fewer runs than a job takes";
    return SLP_OK;
}

/* ------------------------------------------------------------------ leveled */

static unsigned level_of(const struct chooser *c, int64_t rows)
{
    unsigned level = 0;
    uint64_t fanout = c->rules->fanout;
    SLP_INVARIANT(fanout >= 2);
    for (uint64_t n = (uint64_t)num_max_i64(rows, 0); n >= fanout; level++)
        n /= fanout;
    return level;
}

/* Older runs are joined while the rows so far have come to their level. */
static size_t extend_down(const struct chooser *c, size_t first, size_t end, size_t lowest)
{
    int64_t rows = 0;
    for (size_t i = first; i < end; i++)
        if (!num_add_i64(rows, run_at(c, i)->rows, &rows))
            rows = INT64_MAX;
    while (first > lowest && end - first < c->rules->batch &&
           level_of(c, rows) >= level_of(c, run_at(c, first - 1)->rows)) {
        first--;
        if (!num_add_i64(rows, run_at(c, first)->rows, &rows))
            rows = INT64_MAX;
    }
    return first;
}

/* From the newest to the oldest, which stand first. */
static slp_rc leveled(struct chooser *c, struct stretch s, struct slp_err *err)
{
    size_t fresh = s.end;
    while (fresh > s.first && run_at(c, fresh - 1)->is_fresh)
        fresh--;
    c->out.left = "its levels are in order";
    if (s.end - fresh >= num_min_size(COMPACT_LEVEL_FRESH, c->rules->batch)) {
        size_t end = num_min_size(s.end, fresh + c->rules->batch); /* the oldest of them */
        size_t first = end - fresh < c->rules->batch ? extend_down(c, fresh, end, s.first) : fresh;
        return take(c, first, end, "fresh runs go down a level", err);
    }
    for (size_t i = fresh; i > s.first + 1; i--) {
        size_t first = extend_down(c, i - 1, i, s.first);
        if (i - first >= 2)
            return take(c, first, i, "two runs have come to one level", err);
    }
    return SLP_OK;
}

/* ------------------------------------------------------------------ time window */

static int64_t window_of(const struct chooser *c, int64_t time_us)
{
    return time_us / 1000000 / c->rules->window_s;
}

static slp_rc take_window(struct chooser *c, size_t first, size_t end, struct slp_err *err)
{
    bool is_over = window_of(c, c->leaf->time_us) > window_of(c, run_at(c, first)->time_us);
    size_t batch = c->rules->batch;
    for (size_t i = first; i < end && !is_full(c); i += batch) {
        size_t n = num_min_size(batch, end - i);
        if (n >= 2 && (is_over || n == batch))
            TRY(take(c, i, i + n,
                     is_over ? "their window has ended" : "as many runs as a job takes", err));
    }
    return SLP_OK;
}

/* Fresh runs side by side of one window. */
static slp_rc time_window(struct chooser *c, struct stretch s, struct slp_err *err)
{
    size_t i = s.first;
    while (i < s.end && !is_full(c)) {
        size_t end = i + 1;
        if (run_at(c, i)->is_fresh) {
            while (end < s.end && run_at(c, end)->is_fresh &&
                   window_of(c, run_at(c, end)->time_us) == window_of(c, run_at(c, i)->time_us))
                end++;
            TRY(take_window(c, i, end, err));
        }
        i = end;
    }
    c->out.left = "no window that has ended has several fresh runs";
    return SLP_OK;
}

/* ------------------------------------------------------------------ all */

static slp_rc forced(struct chooser *c, struct stretch s, struct slp_err *err)
{
    size_t batch = COMPACT_FORCED_BATCH;
    for (size_t i = s.first; s.end - i >= 2 && !is_full(c); i += batch) {
        size_t n = num_min_size(batch, s.end - i);
        TRY(take(c, i, i + n, "all runs become one", err));
        if (n < batch)
            break;
    }
    c->out.left = "it has one run";
    return SLP_OK;
}

/* ------------------------------------------------------------------ all of them */

static slp_rc choose(struct chooser *c, struct stretch s, struct slp_err *err)
{
    switch (c->rules->strategy) {
    case COMPACT_SIZE_RATIO:
        return size_ratio(c, s, err);
    case COMPACT_BASIC:
        return basic(c, s, err);
    case COMPACT_LEVELED:
        return leveled(c, s, err);
    case COMPACT_TIME_WINDOW:
        return time_window(c, s, err);
    case COMPACT_FORCED:
        return forced(c, s, err);
    }
    return SLP_OK;
}

/* Smaller ones first; of equal ones the older. */
static int by_rows(const void *a, const void *b, void *context)
{
    const struct compact_leaf_run *runs = context;
    size_t x = *(const size_t *)a;
    size_t y = *(const size_t *)b;
    if (runs[x].rows != runs[y].rows)
        return runs[x].rows < runs[y].rows ? -1 : 1;
    return (x > y) - (x < y);
}

/* Do levels, windows and order go by position? Else runs are looked at by size. */
static bool goes_by_position(const struct chooser *c)
{
    return c->leaf->is_ordered || c->rules->strategy == COMPACT_LEVELED ||
           c->rules->strategy == COMPACT_TIME_WINDOW;
}

/* Stretches of runs that are free, in order of position, with nothing else between. */
static slp_rc choose_neighbours(struct chooser *c, struct slp_err *err)
{
    const struct compact_leaf_runs *leaf = c->leaf;
    for (size_t i = 0; i < leaf->count; i++)
        c->order[i] = i;
    for (size_t i = 0; i < leaf->count && !is_full(c);) {
        size_t end = i;
        while (end < leaf->count && leaf->runs[end].is_free)
            end++;
        if (end > i)
            TRY(choose(c, (struct stretch){i, end}, err));
        i = end + 1;
    }
    return SLP_OK;
}

static slp_rc choose_by_size(struct chooser *c, struct slp_err *err)
{
    const struct compact_leaf_runs *leaf = c->leaf;
    size_t n = 0;
    for (size_t i = 0; i < leaf->count; i++)
        if (leaf->runs[i].is_free)
            c->order[n++] = i;
    qsort_r(c->order, n, sizeof *c->order, by_rows, (void *)(uintptr_t)leaf->runs);
    return choose(c, (struct stretch){0, n}, err);
}

slp_rc compact_strategy_apply(const struct compact_rules *rules,
                              const struct compact_leaf_runs *leaf, struct arena *arena,
                              struct compact_groups *out, struct slp_err *err)
{
    struct chooser c = {.rules = rules, .leaf = leaf, .arena = arena, .most = SIZE_MAX};
    *out = (struct compact_groups){.left = "it has one run"};
    if (leaf->count < 2) {
        out->left = leaf->count ? "it has one run" : "it is empty";
        return SLP_OK;
    }
    if (rules->strategy == COMPACT_SIZE_RATIO)
        c.most = rules->partition_jobs - num_min_size(rules->partition_jobs, leaf->open_jobs);
    TRY(arena_array(arena, leaf->count, sizeof *c.order, (void **)&c.order, err));
    TRY(arena_array(arena, leaf->count + 2, sizeof *c.pending, (void **)&c.pending, err));
    TRY(arena_array(arena, leaf->count / 2 + 1, sizeof *c.out.items, (void **)&c.out.items, err));
    TRY(goes_by_position(&c) ? choose_neighbours(&c, err) : choose_by_size(&c, err));
    if (c.most == 0)
        c.out.left = "it has as many open jobs as it may";
    *out = c.out;
    return SLP_OK;
}
