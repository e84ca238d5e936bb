/*
 * The floor of a table's log: the lowest number that may still be part of it, and a verified
 * snapshot to begin from (rules F1, F2).
 *
 * It is one object, raised and never lowered, durably so before any frame below it is deleted. A
 * table without the object has floor 1. Nothing taken from the log counts until the floor is read
 * after it: a frame below the floor may have been deleted and created again by somebody who slept.
 * The catalogue's log is never trimmed and has no floor. Private to src/state.
 */
#ifndef SLP_STATE_FLOOR_H
#define SLP_STATE_FLOOR_H

#include "state/view.h"
#include "store/store.h"

#define STATE_FLOOR_MAX_BYTES 256u

/* The floor of a dropped table: no frame counts any more. It names no snapshot. */
#define STATE_FLOOR_DROPPED UINT64_MAX

struct state_floor {
    uint64_t number;                  /* 1: nothing was ever trimmed */
    char root[STATE_ROOT_NAME_BYTES]; /* relative to the table; empty while the number is 1 */
    struct store_tag tag;             /* of the object; zero while there is none */
};

/* Replaces `out`. Errors: NO_MEMORY, LIMIT. */
SLP_NODISCARD slp_rc state_floor_encode(const struct state_floor *floor, struct buf *out,
                                        struct slp_err *err);

/* Errors: CORRUPT with the offset, UNSUPPORTED. The tag is left alone. */
SLP_NODISCARD slp_rc state_floor_decode(struct slice bytes, struct state_floor *out,
                                        struct slp_err *err);

/* What the answer to a GET of the floor says; `r` was waited for. Errors: those of the request and
 * of decoding. */
SLP_NODISCARD slp_rc state_floor_answer(const struct store_request *r, struct state_floor *out,
                                        struct slp_err *err);

/* Read the floor of the table at `place` ("t/<id>/"). Cost: one request. */
SLP_NODISCARD slp_rc state_floor_read(struct store *store, struct alloc *mem, const char *place,
                                      struct state_floor *out, struct slp_err *err);

/*
 * Does frame `number`, just created, count? Rule F1. The catalogue's (an empty place) always does. The floor is read every
 * time: rule F3, by which a young answer may stand for it, is not used, for folders must not and its clock is the store's.
 * Errors: UNKNOWN if not, or if the floor cannot be read: replay tells.
 */
SLP_NODISCARD slp_rc state_floor_confirm(struct store *store, struct alloc *mem, const char *place,
                                         uint64_t number, struct slp_err *err);

/*
 * Raise it, durably, to the number and root of `to`. `*floor` is what it was when it was read, and
 * becomes what it is now; a floor that is as high already is left alone.
 *
 * Errors   CONFLICT  somebody changed it: read it again
 *          UNKNOWN and whatever else the store returns
 */
SLP_NODISCARD slp_rc state_floor_raise(struct store *store, struct alloc *mem, const char *place,
                                       const struct state_floor *to, struct state_floor *floor,
                                       struct slp_err *err);

/* Raise it to the maximum, for good: no frame of this log counts from then on (rule F2). Errors:
 * UNAVAILABLE when others go on raising it; and those of state_floor_raise. */
SLP_NODISCARD slp_rc state_floor_close(struct store *store, struct alloc *mem, const char *place,
                                       struct slp_err *err);

#endif
