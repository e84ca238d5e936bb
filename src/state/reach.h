/*
 * What of a table's objects its log still needs: for collectors, which delete the others, and for
 * checkers, which name them.
 *
 *   snap/   reachable from the two newest verified roots, from every verified one at or above the
 *           root that the floor names, from that root and from those of pins (rule S3); and from those
 *           that the state knows at or above H, which a restore may name (rule G5), and those that a restore in a frame at or above the floor names
 *   body/   named by a frame at or above the floor (rule G2)
 *   inbox/  those whose txid is not in the ring and whose base has not left it (rule C2)
 *   log/    frames at and above the floor (rule F2)
 *
 * What was made at or after M (state_minted) may be about to be needed: it is for the caller to spare
 * it (rules G1, S3).
 */
#ifndef SLP_STATE_REACH_H
#define SLP_STATE_REACH_H

#include "state/state.h"

/* Names relative to the table, ascending, each once. */
struct state_names {
    const struct slice *names;
    size_t count;
};

bool state_names_have(const struct state_names *names, struct slice name);

/* The floor of the table's log, read afresh; `root` (STATE_ROOT_NAME_BYTES, may be NULL) is the
 * snapshot that it names, or empty. Cost: one request. */
SLP_NODISCARD slp_rc state_table_floor_read(struct state_table *t, uint64_t *number, char *root,
                                            struct slp_err *err);

/*
 * Objects of all snapshots that must be kept, from the state as the view has it and from the floor,
 * read afresh. `horizon` is H as it is, or is to be.
 *
 * Errors  CORRUPT  a root that must be kept is damaged or gone: what it names is not known, so nothing
 *                  may go; and whatever the store returns
 * Cost    the floor, and each of these roots
 */
SLP_NODISCARD slp_rc state_snapshot_reachable(struct state_table *t, uint64_t horizon,
                                              struct arena *arena, struct state_names *out,
                                              struct slp_err *err);

/*
 * Bodies that frames from `floor` up to what the view has replayed to name, also those of
 * transactions that were no-ops.
 *
 * Errors  CORRUPT  a frame that is damaged or missing
 * Cost    those frames, one read each, 16 at once
 */
SLP_NODISCARD slp_rc state_bodies_named(struct state_table *t, uint64_t floor, struct arena *arena,
                                        struct state_names *out, struct slp_err *err);

/* Is what waits in the inbox under this name, relative to the table, over (rule C2)? Not so for a
 * name of another form. */
bool state_inbox_is_over(const struct state_table *t, struct slice name);

/* The number in "log/<20 digits>", however it begins; false for another form. */
bool state_frame_number(struct slice name, uint64_t *out);

/* Close the log of a table that the catalogue does not know, before its objects go: its floor is at the
 * maximum for good (rule F2), as that of a dropped table. Errors: those of the store. */
SLP_NODISCARD slp_rc state_log_close(struct state_instance *i, struct hash128 table,
                                     struct slp_err *err);

/* What a frame of the log says, for whoever looks at all of them. */
struct state_frame_look {
    uint64_t number;
    struct slice name;            /* of the object */
    const struct state_txn *txns; /* borrowed until the call is over */
    uint32_t txn_count;
};

typedef slp_rc (*state_frame_look_fn)(void *context, const struct state_frame_look *look,
                                      struct slp_err *err);

/* Read the frames [from, to], and decode each by itself; nothing is applied. Those that the floor passes
 * meanwhile are left out. Errors: CORRUPT with the name for the first that is damaged or missing; UNSUPPORTED; what `fn` returns. */
SLP_NODISCARD slp_rc state_frames_look(struct state_table *t, uint64_t from, uint64_t to,
                                       state_frame_look_fn fn, void *context, struct slp_err *err);

/* Read an object of snap/ or body/, by its name relative to the table, and check that its bytes have the
 * hash that its name says (rules S1, G3). Errors: CORRUPT. */
SLP_NODISCARD slp_rc state_hashed_check(struct state_table *t, struct slice name,
                                        struct slp_err *err);

/* Read the head, if there is one: it is a hint, and nothing depends on it (rule F4). Errors: CORRUPT. */
SLP_NODISCARD slp_rc state_head_check(struct state_table *t, struct slp_err *err);

/*
 * The state as text (state_print) that a replay comes to which begins with the snapshot `root`, of those
 * that state_table_view knows, up to the frame that the view stands at; replaces `out`, which is empty
 * where the log was trimmed meanwhile.
 */
SLP_NODISCARD slp_rc state_print_from(struct state_table *t, const char *root, struct buf *out,
                                      struct slp_err *err);

#endif
