/*
 * The head of a log: a hint that saves whoever opens it the search for where to begin. It holds the
 * newest verified snapshot's root, for a small state all of its objects, and the frames since,
 * verbatim. docs/format/snapshot.md has the bytes.
 *
 * It is never the truth (rule F4). Who has committed or kept rewrites it, at most once a second, from
 * frames that counted, by a put that waits for nothing. Who reads it believes its frames by their
 * chain, once the last of them is seen to be the log's, and its root when the floor names it or a
 * `verified` among those frames does. A head that is damaged, lies, or lags too far costs a few reads
 * more: then the floor and the frames tell. Private to src/state.
 */
#ifndef SLP_STATE_HEAD_H
#define SLP_STATE_HEAD_H

#include "state/snapshot.h"

/* Frames in a head, of a table and of the catalogue, whose state has no snapshot. */
#define STATE_HEAD_FRAMES_BYTES    ((size_t)1 << 20)
#define STATE_HEAD_CATALOGUE_BYTES ((size_t)16 << 20)

/* A longer root is named only; objects of a state that are together no longer stand in it. */
#define STATE_HEAD_ROOT_BYTES ((size_t)64 << 10)

#define STATE_HEAD_MAX_BYTES                                                                       \
    (STATE_HEAD_CATALOGUE_BYTES + STATE_HEAD_FRAMES_BYTES + 4 * STATE_HEAD_ROOT_BYTES)

/* A head is not rewritten sooner than this after it was. */
#define STATE_HEAD_EVERY_US 1000000

/* Who was told that somebody else has written one looks again after this. */
#define STATE_HEAD_RETRY_US (10 * STATE_HEAD_EVERY_US)

/* Frames, one behind the other: each its length as u32, little-endian, then its bytes. */
struct state_since {
    struct buf bytes;
    uint64_t from;     /* the first one follows this frame */
    uint64_t to;       /* the last one's number */
    size_t last;       /* where the last one's bytes begin */
    size_t most_bytes; /* beyond it the oldest go */
    /* Bytes of all frames since `counted_from`, up to each of them, whether they are still here or not:
     * for the cadence of snapshots. */
    uint64_t *sums;
    size_t sum_count;
    size_t sum_room;
    uint64_t counted_from;
};

/* As many frames are counted at once: then a snapshot is due in any case. */
#define STATE_SINCE_COUNTED_MAX ((size_t)65536)

void state_since_init(struct state_since *s, struct alloc *mem, bool is_catalogue);
void state_since_fini(struct state_since *s);

/* Nothing yet; the next frame is `number` + 1. */
void state_since_reset(struct state_since *s, uint64_t number);

/* Note a frame that counts. One that does not follow is left out; where one does not fit, the oldest
 * go: the next snapshot stands behind them. Errors: NO_MEMORY. */
SLP_NODISCARD slp_rc state_since_add(struct state_since *s, uint64_t number, struct slice frame,
                                     struct slp_err *err);

/* Count the bytes of a frame, and of bodies that it names. Errors: NO_MEMORY. */
SLP_NODISCARD slp_rc state_since_count(struct state_since *s, uint64_t number, uint64_t bytes,
                                       struct slp_err *err);

/* The bytes of the frames behind `number`, of those that were counted. */
uint64_t state_since_bytes(const struct state_since *s, uint64_t number);

/* Leave out all frames up to `number`, if they are at hand; where not even the one behind it is, none
 * are left. */
void state_since_begin(struct state_since *s, uint64_t number);

struct state_head {
    int64_t time_us;       /* its writer's estimate of the store's clock */
    uint64_t from;         /* the frame that the root stands at; 0: there is none */
    uint64_t to;           /* the last frame */
    struct slice root;     /* name of the root, empty without one */
    struct slice objects;  /* of the snapshot, in here: see state_head_object */
    uint32_t object_count; /* the first one is the root */
    struct slice frames;   /* as in a state_since */
};

/* Replaces `out`. Errors: NO_MEMORY, LIMIT. */
SLP_NODISCARD slp_rc state_head_encode(const struct state_head *head, struct buf *out,
                                       struct slp_err *err);

/* Borrows. All lengths have been checked. Errors: CORRUPT with the offset, UNSUPPORTED. */
SLP_NODISCARD slp_rc state_head_decode(struct slice bytes, struct state_head *out,
                                       struct slp_err *err);

/* Append an object to `out`, for state_head.objects. Errors: NO_MEMORY, LIMIT. */
SLP_NODISCARD slp_rc state_head_append(struct buf *out, struct slice name, struct slice bytes,
                                       struct slp_err *err);

/* The bytes of an object of the snapshot; false if it does not stand in the head. */
bool state_head_object(const struct state_head *head, struct slice name, struct slice *bytes);

/* The next frame at `*at`, which moves behind it; false at the end. */
bool state_head_frame(struct slice frames, size_t *at, struct slice *frame);

#endif
