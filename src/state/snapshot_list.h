/*
 * Lists of a snapshot: what grows and is no business of a reader of one shard stands in objects of
 * its own, which the root names.
 *
 *   ring     the txids of rule I3, oldest first: whoever judges frames needs them
 *   dead     files no longer referred to, oldest first: collectors need them
 *   tokens   txids that the ring may have forgotten: their authors look for them (rules I4, I5)
 *
 * Ring and dead are cut where an entry's hash says so: what was cut once is cut again, however much
 * has come at the end and gone at the front, so the next snapshot takes most objects over. Tokens are
 * runs, each ascending by txid, of what has come since the parent; a run that is not longer than two
 * new ones is merged into the new one, so there are few, and each is written a few times in its life.
 *
 * Pure. Private to src/state.
 */
#ifndef SLP_STATE_SNAPSHOT_LIST_H
#define SLP_STATE_SNAPSHOT_LIST_H

#include "base/show.h"
#include "state/view_priv.h"

enum state_list_kind { STATE_LIST_RING = 1, STATE_LIST_DEAD = 2, STATE_LIST_TOKENS = 3 };

/* An object of a list, as a root names it. */
struct state_list_entry {
    struct slice name; /* relative to the table */
    uint32_t kind;
    uint64_t bytes;
    uint64_t count;       /* entries in it */
    uint32_t run;         /* tokens: from 0, the oldest */
    struct hash128 first; /* tokens: its first txid */
    int64_t time_us;      /* tokens: table time of the newest of its run */
};

/* How long random txids are kept behind the ring (rule I4). */
#define STATE_TXID_KEPT_US ((int64_t)30 * 24 * 3600 * 1000 * 1000)

/* A txid of a run. */
struct state_token {
    struct hash128 txid;
    struct state_position at;
    enum state_reason reason;
    bool is_client; /* the hash of a client token: kept for ever */
};

/* Where the object that begins with the i-th entry of the ring, or of the dead, ends. */
size_t state_ring_cut(const struct state_ring *ring, size_t i);
size_t state_dead_cut(const struct table_state *s, size_t i);

/* Objects; replace `out`. Errors: NO_MEMORY, LIMIT. */
SLP_NODISCARD slp_rc state_ring_encode(const struct state_ring *ring, size_t first, size_t end,
                                       struct buf *out, struct slp_err *err);
SLP_NODISCARD slp_rc state_dead_encode(const struct table_state *s, size_t first, size_t end,
                                       struct buf *out, struct slp_err *err);
SLP_NODISCARD slp_rc state_tokens_encode(const struct state_token *tokens, size_t count,
                                         struct buf *out, struct slp_err *err);

/* Append what an object holds to a ring, to the dead, or to an array in an arena. Errors: CORRUPT
 * with the offset, UNSUPPORTED, NO_MEMORY, LIMIT. */
SLP_NODISCARD slp_rc state_ring_load(struct state_ring *ring, struct slice bytes,
                                     struct slp_err *err);
SLP_NODISCARD slp_rc state_dead_load(struct table_state *s, struct slice bytes,
                                     struct slp_err *err);
SLP_NODISCARD slp_rc state_tokens_load(struct slice bytes, struct arena *arena,
                                       struct state_token **out, size_t *count,
                                       struct slp_err *err);

/* Show what an object of any kind holds in the object that is open. Errors: CORRUPT with the offset, UNSUPPORTED. */
SLP_NODISCARD slp_rc state_list_show(struct slice bytes, struct show *s, struct slp_err *err);

/* Entries of one object of tokens. */
#define STATE_TOKENS_PER_OBJECT 32768u

/* Sort by txid, each once: the first of equal ones by position stays. Returns how many are left. */
size_t state_tokens_sort(struct state_token *tokens, size_t count);

/* The txid in an ascending array; NULL. */
const struct state_token *state_tokens_find(const struct state_token *tokens, size_t count,
                                            struct hash128 txid);

#endif
