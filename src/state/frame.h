/*
 * Frames: the objects of a log, as bytes. docs/format/log.md has the layout.
 *
 *   | 56 bytes: magic, version, CRC32C, number, previous hash, counts | fields | transactions | bodies |
 *
 * Pure. Private to src/state.
 */
#ifndef SLP_STATE_FRAME_H
#define SLP_STATE_FRAME_H

#include "state/txn.h"

#define STATE_FRAME_VERSION    1u
#define STATE_FRAME_HEAD_BYTES 56u
#define STATE_FRAME_TXNS_MAX   10000u
#define STATE_FRAME_FIELDS_MAX 65536u
#define STATE_FRAME_BODIES_MAX ((size_t)4 << 20)

/* Nothing shorter is a data file: an index takes a byte more of it at most. */
#define STATE_BODY_LEAST_BYTES 64u
#define STATE_FRAME_MAX_BYTES                                                                      \
    (STATE_FRAME_HEAD_BYTES + STATE_FRAME_FIELDS_MAX + STATE_TXN_MAX_BYTES + STATE_FRAME_BODIES_MAX)

/* What a frame's transactions may take of memory when decoded: lists of short fields grow most. */
#define STATE_FRAME_ARENA_MAX ((size_t)512 << 20)

struct state_frame {
    uint64_t number;
    struct hash128 previous;
    struct slice fields;       /* borrowed from the bytes, as all slices here */
    struct slice transactions; /* `txn_count` of them, encoded */
    struct slice bodies;
    uint32_t waiting; /* transactions that its packer saw in the inbox */
    uint32_t txn_count;
    struct state_txn *txns; /* in the arena; their embedded files know where their bytes are */
    struct slice *encoded;  /* the bytes of each; in the arena */
};

/* Write a frame of `txn_count` encoded transactions; replaces `out`. Errors: LIMIT, NO_MEMORY. */
SLP_NODISCARD slp_rc state_frame_encode(uint64_t number, struct hash128 previous,
                                        struct slice transactions, uint32_t txn_count,
                                        struct buf *out, struct slp_err *err);

/* What a frame is made of. */
struct state_frame_parts {
    uint64_t number;
    struct hash128 previous;
    struct slice transactions; /* `txn_count` of them, encoded */
    uint32_t txn_count;
    struct slice bodies; /* as state_bodies_append makes them; empty: none */
    uint32_t waiting;    /* transactions seen in the inbox */
};

/* The same with bodies and what its packer saw. Errors: LIMIT for more bytes of bodies than a frame
 * holds, NO_MEMORY. */
SLP_NODISCARD slp_rc state_frame_encode_parts(const struct state_frame_parts *parts,
                                              struct buf *out, struct slp_err *err);

/*
 * Bodies of embedded files (rule G4): behind the transactions of a frame, and behind the one of an
 * inbox object, where its index is 0. Indexes ascend; the n-th body of an index is the one that a
 * file of that transaction calls n, from 1.
 */
SLP_NODISCARD slp_rc state_bodies_append(struct buf *bodies, uint32_t txn, struct slice body,
                                         struct slp_err *err);

/* Append all bodies of a section, which has index 0, as those of transaction `txn`. */
SLP_NODISCARD slp_rc state_bodies_copy(struct buf *bodies, uint32_t txn, struct slice section,
                                       struct slp_err *err);

/* The most bytes that state_bodies_copy appends. */
static inline size_t state_bodies_room(struct slice section)
{
    return section.len + section.len / STATE_BODY_LEAST_BYTES;
}

/* The body at *at; *at moves behind it. `place` is the offset of the section in its object. DONE at
 * the end. Errors: CORRUPT with the offset. */
SLP_NODISCARD slp_rc state_bodies_next(struct slice bodies, uint64_t place, size_t *at,
                                       uint32_t *txn, struct slice *body, struct slp_err *err);

/*
 * Read header and all transactions.
 * Errors   CORRUPT      with the offset; an embedded file without its bytes is (rule G3)
 *          UNSUPPORTED  a newer format, or what state_txn_decode does not know
 *          NO_MEMORY, LIMIT
 */
SLP_NODISCARD slp_rc state_frame_decode(struct slice bytes, struct arena *arena,
                                        struct state_frame *out, struct slp_err *err);

/* The number and the transactions of what may be a frame, without checking anything but lengths. */
bool state_frame_peek(struct slice bytes, uint64_t *number, struct slice *transactions);

#endif
