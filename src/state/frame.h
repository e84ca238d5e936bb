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
    uint32_t txn_count;
    struct state_txn *txns; /* in the arena */
    struct slice *encoded;  /* the bytes of each; in the arena */
};

/* Write a frame of `txn_count` encoded transactions; replaces `out`. Errors: LIMIT, NO_MEMORY. */
SLP_NODISCARD slp_rc state_frame_encode(uint64_t number, struct hash128 previous,
                                        struct slice transactions, uint32_t txn_count,
                                        struct buf *out, struct slp_err *err);

/*
 * Read header and all transactions.
 * Errors   CORRUPT      with the offset
 *          UNSUPPORTED  a newer format, or what state_txn_decode does not know
 *          NO_MEMORY, LIMIT
 */
SLP_NODISCARD slp_rc state_frame_decode(struct slice bytes, struct arena *arena,
                                        struct state_frame *out, struct slp_err *err);

#endif
