/*
 * Strategies: which runs of one leaf go together. Pure functions of the runs.
 *
 *   size ratio   runs of like size are merged: the largest of a job is at most 1/ratio of the others
 *                together. Rows are rewritten about once each time that their number grows by that
 *   basic        every `batch` runs, the smallest first
 *   leveled      a run is of level n when its rows lie in [fanout^n, fanout^(n+1)); fresh runs are
 *                merged into the level they come to, and that into the next while it is as large
 *   time window  fresh runs of a window of time that has ended are merged, and never again; of one
 *                that has not, every `batch`
 *
 * Sizes are rows, as the state tells them. Where order matters (rule O3) a job takes only runs that
 * stand side by side in the order of their lowest positions, and what is held by another job, or by
 * a file that is not filed, separates them. Elsewhere any runs that are free go together.
 *
 * Every job takes at least two runs and leaves one, so choosing and running ends; only
 * COMPACT_FORCED takes a single one, when asked to.
 */
#ifndef SLP_COMPACT_STRATEGY_H
#define SLP_COMPACT_STRATEGY_H

#include "schema/properties.h"
#include "state/view.h"

/* The first are in the order of the property compaction.strategy.class. */
enum compact_strategy {
    COMPACT_SIZE_RATIO,
    COMPACT_BASIC,
    COMPACT_LEVELED,
    COMPACT_TIME_WINDOW,
    COMPACT_FORCED /* all runs of a leaf become one: compact --all */
};

/* "size-ratio" */
const char *compact_strategy_name(enum compact_strategy strategy);

/* Its name, or upstream's; false for what is none. */
bool compact_strategy_parse(struct slice text, enum compact_strategy *out);

/* Runs of a job when all of a leaf become one. */
#define COMPACT_FORCED_BATCH 1000u

struct compact_rules {
    enum compact_strategy strategy;
    size_t batch;          /* runs of a job at most */
    uint64_t ratio;        /* size ratio */
    size_t partition_jobs; /* size ratio: open jobs of a leaf at most, those there are included */
    uint64_t fanout;       /* leveled */
    int64_t window_s;      /* time window */
    size_t job_limit;      /* open jobs of the table at most */
};

/* What the properties of a table say; NULL: the defaults. */
struct compact_rules compact_rules_of(const struct schema_properties *p);

/* Fresh runs of a leveled table from which on they are merged. */
#define COMPACT_LEVEL_FRESH 4u

/* One run of a leaf: the references [first, first + count) of it. */
struct compact_leaf_run {
    size_t first;
    size_t count;
    struct state_position low;
    struct state_position high;
    int64_t rows;
    uint64_t bytes;  /* of its files, by share */
    int64_t time_us; /* when it was made */
    bool is_free;    /* no job holds it; else it only stands in the way */
    bool is_fresh;   /* it was added; else a job made it */
};

/* Runs that go together, by index; and why. */
struct compact_group {
    size_t *runs;
    size_t count;
    int64_t rows;
    const char *why; /* for people, constant */
};

struct compact_groups {
    struct compact_group *items;
    size_t count;
    const char *left; /* why the other runs are left alone, for people; constant */
};

struct compact_leaf_runs {
    const struct compact_leaf_run *runs; /* ascending by low, then high */
    size_t count;
    bool is_ordered;  /* only neighbours go together */
    size_t open_jobs; /* over the leaf */
    int64_t time_us;  /* table time */
};

/*
 * The jobs that a strategy makes of a leaf's runs. Indexes of a group ascend when `is_ordered`, else
 * they are in the order of choosing.
 *
 * Errors  NO_MEMORY, LIMIT
 * Cost    size ratio: runs squared at worst, where each one is too large for all smaller ones
 *         together; the others: a sort
 */
SLP_NODISCARD slp_rc compact_strategy_apply(const struct compact_rules *rules,
                                            const struct compact_leaf_runs *leaf,
                                            struct arena *arena, struct compact_groups *out,
                                            struct slp_err *err);

#endif
