/*
 * The state of a table from inside, and its tree: leaves, references and the files behind them.
 *
 * Who owns what: schema, bounds of leaves and names of dead files live in `keys`, an arena that only
 * grows, by splits and deaths.
 * A file is one allocation with its name and keys behind it; it goes when its last reference does,
 * and its name is copied to the list of the dead. Interval ends of references borrow from bounds and
 * files. Private to src/state.
 */
#ifndef SLP_STATE_VIEW_PRIV_H
#define SLP_STATE_VIEW_PRIV_H

#include "state/ring.h"
#include "state/view.h"

struct table_state {
    struct alloc *mem;
    struct state_rules rules;
    uint64_t number;
    int64_t time_us;
    bool is_created;
    struct arena keys;
    struct slice name; /* when created */
    struct hash128 table;
    struct slice schema_json;
    uint32_t schema_version;
    uint32_t key_version;
    struct state_leaf **leaves; /* ascending, without gaps */
    size_t leaf_count;
    size_t leaf_room;
    struct state_reference *unfiled;
    size_t unfiled_count;
    size_t unfiled_room;
    struct state_job **jobs; /* ascending by id */
    size_t job_count;
    size_t job_room;
    struct state_dead_file *dead;
    size_t dead_count;
    size_t dead_room;
    struct state_verified verified[STATE_VERIFIED_MAX]; /* the newest last */
    size_t verified_count;
    enum state_reason *items; /* verdicts of the last transaction */
    size_t item_room;
    struct state_ring ring;
    struct state_ring tokens; /* every client token's txid; for authors, never for apply (I5) */
};

/* Make room for one more element in an array that doubles. Errors: NO_MEMORY, LIMIT. */
SLP_NODISCARD slp_rc state_grow(struct alloc *mem, void *array_at, size_t *room, size_t need,
                                size_t element_bytes, struct slp_err *err);

/* The order of references: lowest position, then file. */
int state_reference_order(const struct state_reference *a, const struct state_reference *b);

/* A file from its entry, without references yet: the caller files it or frees it. */
SLP_NODISCARD slp_rc state_file_new(struct table_state *s, const struct state_new_file *entry,
                                    struct state_id id, struct state_file **out,
                                    struct slp_err *err);
void state_file_free(struct alloc *mem, struct state_file *f);

/* Put a reference below every leaf that the file meets (rule P2). On failure it may be below
 * some. */
SLP_NODISCARD slp_rc state_tree_file(struct table_state *s, struct state_file *f,
                                     struct slp_err *err);

/* The index of the leaf with just these bounds; SIZE_MAX if there is none. */
size_t state_tree_find(const struct table_state *s, struct key_range range);

/* The leaf's reference to a file; NULL if it has none. */
struct state_reference *state_leaf_reference(struct state_leaf *leaf, struct state_id file);

/* Split a leaf; the item was judged. */
SLP_NODISCARD slp_rc state_tree_split(struct table_state *s, size_t leaf,
                                      const struct state_split_item *item, struct slp_err *err);

/* Take all references that `job` holds; files that nobody refers to any more die at `at`. */
SLP_NODISCARD slp_rc state_tree_take(struct table_state *s, const struct state_job *job,
                                     struct state_position at, struct slp_err *err);

/* The first leaves of a table. Errors: NO_MEMORY, LIMIT. */
SLP_NODISCARD slp_rc state_tree_begin(struct table_state *s, const struct slice *split_points,
                                      size_t count, struct slp_err *err);

/* For whoever loads a state: a leaf behind the last, which `range` continues; a reference of the
 * last leaf. Errors: CORRUPT for a file outside the leaf, NO_MEMORY, LIMIT. */
SLP_NODISCARD slp_rc state_tree_append(struct table_state *s, struct key_range range,
                                       struct slp_err *err);
SLP_NODISCARD slp_rc state_tree_refer(struct table_state *s, struct state_file *f,
                                      struct state_job *job, int64_t row_lo, int64_t row_hi,
                                      struct slp_err *err);
void state_tree_free(struct table_state *s);

/* Rule 0 and rule I2, the same for every log. `*judged` says that `out` is complete. */
SLP_NODISCARD slp_rc state_rule_zero(struct state_ring *ring, const struct state_txn *txn,
                                     struct state_position at, struct state_outcome *out,
                                     bool *judged, struct slp_err *err);

/* Enter what became of a transaction, into the table of tokens too if it has one. */
SLP_NODISCARD slp_rc state_rule_enter(struct state_ring *ring, struct state_ring *tokens,
                                      const struct state_txn *txn, struct state_position at,
                                      enum state_reason reason, struct slp_err *err);

#endif
