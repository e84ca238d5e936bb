/*
 * Choosing what to compact: a pure function of the state.
 */
#ifndef SLP_COMPACT_CHOOSE_H
#define SLP_COMPACT_CHOOSE_H

#include "state/view.h"

/* A job merges at most this many references; a leaf with more has several turns. */
#define COMPACT_INPUTS_MAX 256u

/* One job that is due: free references of one leaf, oldest first. */
struct compact_choice {
    struct key_range leaf;
    struct state_id *inputs;
    size_t input_count;
    uint64_t input_bytes; /* of the files whole */
};

/*
 * The first leaf, from key `from` on, with at least `least_runs` free runs; its references are the
 * job's inputs. None: `out->input_count` is 0. Keys and ids are copied into `arena`.
 *
 * Errors  NO_MEMORY, LIMIT
 */
SLP_NODISCARD slp_rc compact_choose(const struct table_state *s, struct slice from,
                                    size_t least_runs, struct arena *arena,
                                    struct compact_choice *out, struct slp_err *err);

/* With this many unfiled files they are filed down whatever lies below them: a table takes only so
 * many (rule P2), and every query looks at each. */
#define COMPACT_UNFILED_MANY 32u

/* Are there unfiled files over a leaf that would be due if they were filed, or simply many? */
bool compact_wants_filing(const struct table_state *s, size_t least_runs);

#endif
