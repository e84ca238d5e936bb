/*
 * The inbox of a log: transactions that wait for somebody to pack them into a frame (rules C1, C2).
 *
 *   inbox/<base, 20 digits>-<txid, 32 hexadecimal digits>     one transaction, with a checksum
 *
 * Whoever waits there longest packs at once, the k-th behind it after k steps of at most
 * STATE_INBOX_STEP_US; who packed the last frame packs the next one, too. Who packs takes everything it sees. Packing a transaction twice is harmless
 * (rule I3), so there is no lease, and what is left over may be removed by anyone once its txid is
 * in the ring or its base has left it. Transactions that this program does not understand are left
 * to those who do. Nothing here needs to be durable. Private to src/state.
 */
#ifndef SLP_STATE_INBOX_H
#define SLP_STATE_INBOX_H

#include "state/replica.h"

#define STATE_INBOX_STEP_US    ((int64_t)100 * 1000)
#define STATE_INBOX_HEAD_BYTES 16u

/* Wrap an encoded transaction, with the bodies of its embedded files behind it (frame.h), as an object
 * of an inbox; replaces `out`. Errors: LIMIT, NO_MEMORY. */
SLP_NODISCARD slp_rc state_inbox_encode(struct slice txn, struct buf *out, struct slp_err *err);

/* What was wrapped, borrowed. Errors: CORRUPT with the offset, UNSUPPORTED. */
SLP_NODISCARD slp_rc state_inbox_decode(struct slice object, struct slice *txn,
                                        struct slp_err *err);

/*
 * Leave a transaction, encoded in `body` with the bodies of its embedded files behind it; `*name`
 * says where. That it is there already is no error.
 * Errors: what the store returns; UNKNOWN says that it may be there.
 */
SLP_NODISCARD slp_rc state_inbox_leave(struct state_replica *r, const struct state_txn *txn,
                                       struct slice body, struct state_name *name,
                                       struct slp_err *err);

/* How many wait longer than `name`, and in all. One that the listing does not show waits behind all. */
SLP_NODISCARD slp_rc state_inbox_rank(struct state_replica *r, const struct state_name *name,
                                      size_t *rank, size_t *waiting, struct slp_err *err);

/*
 * Pack what waits, and `own` (may be empty) if it is not seen there, into the next frame; replay
 * that; remove what is left over. Nothing to pack is no error and leaves `*packed` 0.
 *
 * Errors   CONFLICT     somebody else made the frame
 *          UNKNOWN, UNAVAILABLE and whatever else the store returns; those of replay
 * Cost     one listing; a round of reads; the frame; a round of removals
 */
SLP_NODISCARD slp_rc state_inbox_pack(struct state_replica *r, struct slice own, uint32_t *packed,
                                      struct slp_err *err);

/* Remove an object that nobody needs any more; that it fails does not matter. */
void state_inbox_drop(struct state_replica *r, const struct state_name *name);

#endif
