/*
 * Keeping a log short: snapshots are written, reproduced, recorded as verified, and frames below
 * them deleted (rules F2, S1 to S3). Private to src/state; state_table_keep is the door.
 */
#ifndef SLP_STATE_KEEP_H
#define SLP_STATE_KEEP_H

#include "state/replica.h"
#include "state/snapshot.h"

/* Read an object of a snapshot and check that it is what its name says. Errors: NOT_FOUND, CORRUPT. */
SLP_NODISCARD slp_rc state_snapshot_read(struct state_replica *r, struct slice name,
                                         struct buf *out, struct slp_err *err);

/* The name of a snapshot's object in the store; do these bytes belong to that name? Errors: CORRUPT. */
void state_snapshot_object(const struct state_replica *r, struct slice name,
                           struct state_name *out);
SLP_NODISCARD slp_rc state_snapshot_check(struct slice name, struct slice bytes,
                                          struct slp_err *err);

enum state_keep_mode {
    STATE_KEEP_WRITE,   /* write what is not there yet */
    STATE_KEEP_SALVAGE, /* the same, but the floor, which may be damaged, is not asked */
    STATE_KEEP_COMPARE  /* what is there must be the same, byte for byte */
};

/*
 * The snapshot of what `r` has replayed to, taking over what it can from `parent` (the name of a
 * root; empty: none). `root` is its name, `*minted` the lowest base of objects that are its own.
 * Writing also copies embedded files out of the log. Errors: CORRUPT when comparing finds a difference;
 * LIMIT for a state that no snapshot holds; NOT_FOUND when `r` had to begin behind the parent, whose
 * frames were trimmed.
 */
SLP_NODISCARD slp_rc state_snapshot_make(struct state_replica *r, enum state_keep_mode mode,
                                         struct slice parent, char root[STATE_ROOT_NAME_BYTES],
                                         uint64_t *minted, struct slp_err *err);

/*
 * Copy the live embedded files that frames behind `since` added out to the names that follow from
 * their positions (rule G4). Before `verified` is committed; those at and below the parent's frame were
 * copied before that one was. One that is there already is no error. `floor_counts`: frames that it has
 * passed are NOT_FOUND, for others may have raised it meanwhile (rule F1).
 *
 * Errors  CORRUPT  a frame that is shorter than its entry says; NOT_FOUND when it is gone
 * Cost    a round of reads and one of writes for each 16 of them
 */
SLP_NODISCARD slp_rc state_embedded_move(struct state_replica *r, uint64_t since, bool floor_counts,
                                         struct slp_err *err);

/* Replay to just `number`; false if the log was trimmed behind it meanwhile. */
SLP_NODISCARD slp_rc state_keep_replay(struct state_replica *r, uint64_t number, bool *is_there,
                                       struct slp_err *err);

/*
 * Bring a replica that has replayed to the tip back to the state behind frame `number`: from the
 * newest snapshot at or below it that the state knows, verified or pinned, and the frames behind that.
 * Errors   NOT_FOUND  it is not there yet, or the frames that lead to it are gone
 */
SLP_NODISCARD slp_rc state_keep_go_back(struct state_replica *r, uint64_t number,
                                        struct slp_err *err);

/* Is the next snapshot due, one a few hundred frames (`every`) or a megabyte of them? The log alone
 * decides, so everybody finds the same (rule S1); who has not replayed the frames since the newest
 * verified one counts the bytes of those that it has. */
bool state_keep_is_due(const struct state_replica *r, uint64_t every);

/* Replay a second time, from `parent` or from the beginning, to `number`, and compare what that comes
 * to with the snapshot `root`. Not the same, without error: the log was trimmed meanwhile. Errors:
 * CORRUPT, NOT_FOUND when it came to something else. */
SLP_NODISCARD slp_rc state_keep_reproduce(struct state_replica *r, struct slice parent,
                                          const char *root, uint64_t number, bool *is_same,
                                          struct slp_err *err);

/* Raise the floor as far as rule S3 allows and delete the frames below it. */
SLP_NODISCARD slp_rc state_keep_trim(struct state_replica *r, struct state_kept *out,
                                     struct slp_err *err);

/*
 * Replay from the root of a snapshot: of all leaves, or of those that meet r->scope. Errors:
 * NOT_FOUND when the root or one of its objects is gone.
 */
SLP_NODISCARD slp_rc state_snapshot_load(struct state_replica *r, struct slice root,
                                         struct slp_err *err);

/* The same when the root's bytes are at hand. */
SLP_NODISCARD slp_rc state_snapshot_load_bytes(struct state_replica *r, struct slice root,
                                               struct slice bytes, struct slp_err *err);

/*
 * A txid among those that the ring of the snapshot which `r` stands on had forgotten (rules I4, I5).
 * Cost: a read for each run of tokens, of which there are few, until it is found.
 */
SLP_NODISCARD slp_rc state_tokens_look_up(struct state_replica *r, struct hash128 txid,
                                          struct state_token *out, bool *is_found,
                                          struct slp_err *err);

#endif
