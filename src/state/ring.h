/*
 * The ring of transaction ids (rule I3): the last `max` ids with where they stand and what became
 * of them, found by id. The oldest leaves when a new one enters a full ring. One with max
 * UINT32_MAX never forgets: the table of client tokens.
 *
 * Pure. Private to src/state.
 */
#ifndef SLP_STATE_RING_H
#define SLP_STATE_RING_H

#include "state/txn.h"

struct state_ring_entry {
    struct hash128 txid;
    struct state_position at;
    enum state_reason reason;
    bool is_client; /* the hash of a client token */
    uint32_t next;  /* in its bucket: index + 1; 0 ends */
};

struct state_ring {
    struct alloc *mem;
    struct state_ring_entry *entries; /* `room` of them; from `first`, `count` are in use, round */
    uint32_t *heads;                  /* as many as `room`: index + 1; 0: empty */
    uint32_t room;                    /* a power of two, or max */
    uint32_t first;
    uint32_t count;
    uint32_t max;
    bool has_evicted;
};

void state_ring_init(struct state_ring *r, struct alloc *mem, uint32_t max);
void state_ring_fini(struct state_ring *r);

/* NULL if it is not there. Valid until the next call that changes the ring. */
struct state_ring_entry *state_ring_find(const struct state_ring *r, struct hash128 txid);

/* The frame of the first entry when anything was evicted; 0 before. A base below it is too old. */
uint64_t state_ring_oldest_frame(const struct state_ring *r);

/* Forget all entries up to frame `number`: nobody looks for them here any more. Errors: NO_MEMORY; the
 * ring is as it was. */
SLP_NODISCARD slp_rc state_ring_forget(struct state_ring *r, uint64_t number, struct slp_err *err);

/* The entry that was added last; there is one. */
struct state_ring_entry *state_ring_last(struct state_ring *r);

/* Enter an id that is not there. Errors: NO_MEMORY; the ring is as it was. */
SLP_NODISCARD slp_rc state_ring_add(struct state_ring *r, struct hash128 txid,
                                    struct state_position at, enum state_reason reason,
                                    struct slp_err *err);

#endif
