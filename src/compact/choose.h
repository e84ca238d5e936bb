/*
 * Choosing what to compact: a pure function of the state.
 *
 *   leaf 0   [1][2][3]...           a strategy says which runs go together    MERGE, a job each
 *   leaf 1   [1]                    left alone: it has one run
 *   unfiled  [============] [====]  wide files: folded into one, or           FOLD, a job
 *                                   filed under the leaves they meet          FILE
 *
 * An unfiled file is looked at by every query that meets it and is a run of all the leaves it spans,
 * so few may stay. One that would bring at least COMPACT_FILED_BYTES to each leaf, or that meets few
 * leaves, is filed; smaller ones are folded together, as the table's strategy says, until they are
 * large enough. Rule O4 says which may be folded where order matters.
 */
#ifndef SLP_COMPACT_CHOOSE_H
#define SLP_COMPACT_CHOOSE_H

#include "compact/strategy.h"

/* With this many unfiled files that no strategy folds, they are filed whatever lies below them: a
 * table takes only so many (rule P2). */
#define COMPACT_UNFILED_MANY 32u

#define COMPACT_FILED_BYTES  ((uint64_t)64 << 10)
#define COMPACT_FILED_LEAVES 16u

enum compact_choice_kind { COMPACT_DUE_MERGE, COMPACT_DUE_FOLD, COMPACT_DUE_FILE };

const char *compact_choice_name(enum compact_choice_kind kind); /* "merge" */

/* What is due. Files are in order of lowest position. */
struct compact_choice {
    enum compact_choice_kind kind;
    size_t leaf_index;
    struct key_range leaf; /* MERGE */
    struct state_id *inputs;
    size_t input_count;
    size_t runs;
    int64_t rows;
    uint64_t bytes;
    bool drops_deletes; /* MERGE: nothing older is there (rule O6) */
    const char *why;    /* for people, constant */
};

/* A leaf of which runs are left alone. */
struct compact_left {
    size_t leaf_index;
    size_t runs; /* that are free and left alone */
    size_t held; /* by open jobs */
    int64_t rows;
    uint64_t bytes;
    const char *why;
};

struct compact_due {
    struct compact_choice *choices; /* FILE first, then FOLD, then MERGE in order of leaves */
    size_t count;
    size_t dropped;            /* more jobs would be due than the table may have */
    struct compact_left *left; /* of every leaf of which something is, if asked for */
    size_t left_count;
};

/*
 * All that is due. Where that is more jobs than `rules->job_limit` allows, those with the most runs.
 *
 * explains  tell of leaves that are left alone too
 * arena     all that the plan has: it outlives the next change of the state
 * Errors    NO_MEMORY, LIMIT
 * Cost      a look at every reference; what the strategy takes
 */
SLP_NODISCARD slp_rc compact_find_due(const struct table_state *s,
                                      const struct compact_rules *rules, bool explains,
                                      struct arena *arena, struct compact_due *out,
                                      struct slp_err *err);

/* The runs of a leaf as strategies see them, into an arena. Errors: NO_MEMORY, LIMIT. */
SLP_NODISCARD slp_rc compact_runs_of(const struct table_state *s, const struct state_leaf *leaf,
                                     bool with_times, struct arena *arena,
                                     struct compact_leaf_runs *out, struct slp_err *err);

#endif
