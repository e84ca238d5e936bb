/*
 * The state of a table from inside, and its tree: leaves, references and the files behind them.
 *
 * Who owns what: schema, bounds of leaves and names of dead files live in `keys`, an arena that only
 * grows, by splits and deaths.
 * A file is one packed entry (entry.h); it goes when its last reference does, and its name is copied
 * to the list of the dead. A reference is an entry, a job, and rows where they are not those that
 * follow from the file's ends; its interval is where file and leaf meet. A million files with a
 * reference each below 100,000 leaves stay under 200 MB. Private to src/state.
 */
#ifndef SLP_STATE_VIEW_PRIV_H
#define SLP_STATE_VIEW_PRIV_H

#include "state/entry.h"
#include "state/global_priv.h"
#include "state/ring.h"

/* Rows of a file below a leaf: the first, and one beyond the last; -1: not known. */
struct state_rows {
    int64_t lo;
    int64_t hi;
};

/*
 * What a reference is where that does not follow from file and leaf. Its interval does not where
 * leaves were merged: one half may have replaced what the other still refers to.
 */
struct state_part {
    struct key_range range; /* borrows from the arena and the entry */
    struct state_rows rows;
};

/* A reference, in its leaf. */
struct state_held {
    struct state_entry *file;
    struct state_job *job;   /* NULL: free */
    struct state_part *part; /* NULL: where file and leaf meet, and rows known at the file's ends */
};

/* An unfiled file, unpacked: there are few. */
struct state_unfiled {
    struct state_entry *entry;
    struct state_file file;
    struct state_reference ref;
    struct arena arena;
};

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
    size_t filed_at; /* the leaf that the last file was filed under, for the next one; a hint */
    struct state_unfiled **unfiled;
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
    struct state_global global;
    struct key_range seen; /* leaves of these keys are loaded; blank bounds: all */
    struct state_ring ring;
    uint64_t tokens_from;     /* `tokens` has those behind this frame */
    struct state_ring tokens; /* every client token's txid; for authors, never for apply (I5) */
};

/* Make room for one more element in an array that doubles. Errors: NO_MEMORY, LIMIT. */
SLP_NODISCARD slp_rc state_grow(struct alloc *mem, void *array_at, size_t *room, size_t need,
                                size_t element_bytes, struct slp_err *err);

/* The order of references: lowest position, then file. */
int state_reference_order(const struct state_reference *a, const struct state_reference *b);

/* A new file, made by transaction `id.at` now. Borrows from its entry; without `last_end`. */
struct state_file state_file_of(const struct table_state *s, const struct state_new_file *entry,
                                struct state_id id);

/* Interval and rows of a reference of `leaf`. */
struct key_range state_held_range(const struct state_leaf *leaf, const struct state_held *held);
struct state_rows state_held_rows(const struct state_leaf *leaf, const struct state_held *held);
SLP_NODISCARD slp_rc state_held_set(struct table_state *s, const struct state_leaf *leaf,
                                    struct state_held *held, struct state_part part,
                                    struct slp_err *err);

/* Does its interval not follow from file and leaf? */
bool state_held_is_part(const struct state_leaf *leaf, const struct state_held *held);

/* Unpack a reference and, into `file`, what it refers to. */
SLP_NODISCARD slp_rc state_held_view(const struct state_leaf *leaf, const struct state_held *held,
                                     struct state_file *file, struct arena *arena,
                                     struct state_reference *out, struct slp_err *err);

/* Enter a file into the list of unfiled ones, which then owns it; take the i-th out again. */
SLP_NODISCARD slp_rc state_unfiled_add(struct table_state *s, struct state_entry *e,
                                       struct slp_err *err);
struct state_entry *state_unfiled_take(struct table_state *s, size_t i);

/* The live embedded files that frames behind `since` brought, once each, ascending by id. Errors:
 * NO_MEMORY, LIMIT. */
SLP_NODISCARD slp_rc state_files_embedded(const struct table_state *s, uint64_t since,
                                          struct arena *arena, const struct state_file ***out,
                                          size_t *count, struct slp_err *err);

/* Put a reference below every leaf that the file meets (rule P2): with `is_newest`, behind all others,
 * for its rows have the position of the transaction at hand. On failure it may be below some. */
SLP_NODISCARD slp_rc state_tree_file(struct table_state *s, struct state_entry *f, bool is_newest,
                                     struct slp_err *err);

/* Does its record belong to leaves (rule P4), not to the global part? */
static inline bool state_job_is_local(const struct state_job *job)
{
    return job->kind == STATE_JOB_LEAF;
}

/* Were not all leaves loaded? */
static inline bool state_is_partial(const struct table_state *s)
{
    return s->seen.lo.len > 0 || s->seen.has_hi;
}

/* The index of an open job; SIZE_MAX if it is not. */
size_t state_job_index(const struct table_state *s, struct state_id id);

/* The index of the leaf with just these bounds; SIZE_MAX if there is none. */
size_t state_tree_find(const struct table_state *s, struct key_range range);

/* The leaf's first reference to a file; NULL if it has none. After merges there may be several, which
 * stand together. It is looked for from `*near` on, 0 at first, which moves behind it: whoever names
 * files in the leaf's order finds each at once. */
struct state_held *state_leaf_held(const struct state_leaf *leaf, struct state_id file,
                                   size_t *near);

/* Split a leaf; the item was judged. */
SLP_NODISCARD slp_rc state_tree_split(struct table_state *s, size_t leaf,
                                      const struct state_split_item *item, struct slp_err *err);

/* Make one of leaf `at` and the next one; references that continue one another become one. */
SLP_NODISCARD slp_rc state_tree_merge(struct table_state *s, size_t at, struct slp_err *err);

/* What a snapshot says of the leaves that meet `range` changes now. Whoever puts references into a
 * leaf need not say so. */
void state_tree_touch(struct table_state *s, struct key_range range);

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
SLP_NODISCARD slp_rc state_tree_refer(struct table_state *s, struct state_entry *f,
                                      struct state_job *job, struct state_part part,
                                      struct slp_err *err);

/* A file that nothing refers to any more dies at `at`: its name is kept, its entry goes. */
SLP_NODISCARD slp_rc state_bury(struct table_state *s, struct state_entry *e,
                                struct state_position at, struct slp_err *err);
void state_tree_free(struct table_state *s);

/* Would rule 0 or rule I2 make it a no-op? Then `out` says what it comes to. Changes nothing. */
bool state_rule_judge(const struct state_ring *ring, const struct state_txn *txn,
                      struct state_position at, struct state_outcome *out);

/* Rule 0 and rule I2, the same for every log. `*judged` says that `out` is complete. */
SLP_NODISCARD slp_rc state_rule_zero(struct state_ring *ring, const struct state_txn *txn,
                                     struct state_position at, struct state_outcome *out,
                                     bool *judged, struct slp_err *err);

/* Enter what became of a transaction into the ring and, by its table of tokens, for authors: there
 * client tokens, and with `keeps_random` all. */
SLP_NODISCARD slp_rc state_rule_enter(struct state_ring *ring, struct state_ring *tokens,
                                      bool keeps_random, const struct state_txn *txn,
                                      struct state_position at, enum state_reason reason,
                                      struct slp_err *err);

#endif
