/*
 * A replica of a log: reads its frames in order, checks the chain, and feeds a machine, the state of
 * a table or the catalogue. Commits by creating the next frame.
 *
 * This is the one place where the log meets the store. Private to src/state.
 */
#ifndef SLP_STATE_REPLICA_H
#define SLP_STATE_REPLICA_H

#include "state/catalogue.h"
#include "state/floor.h"
#include "state/frame.h"
#include "state/queue.h"
#include "state/state.h"

/* Frames read at once when far behind. */
#define STATE_READ_AHEAD 16u

struct state_machine {
    bool is_catalogue;
    struct state_rules rules;
    struct table_state *table;        /* NULL in a catalogue */
    struct state_catalogue catalogue; /* blank in a table */
};

struct state_replica {
    struct state_instance *instance;
    struct store *store;
    struct alloc *mem;
    struct state_queue *queue; /* shared with all who commit to this log through the instance */
    char place[64];            /* "" or "t/<table id>/" */
    struct state_machine machine;
    uint64_t number;          /* the last frame that was replayed */
    struct hash128 previous;  /* its hash */
    bool is_broken;           /* the machine stopped inside a frame: it begins anew */
    struct state_floor floor; /* as it was last read; of a catalogue never */
    uint64_t seen;            /* the highest number of a frame that was there */
    struct arena arena;       /* transactions of the frame at hand */
    struct buf frames[STATE_READ_AHEAD];
    struct buf floor_bytes;
    /* The transaction whose fate somebody waits for. */
    bool is_watching;
    struct hash128 watched_txid;
    struct slice watched; /* its bytes: another author with the same token has others */
    uint64_t watched_base;
    bool watched_has_token;
    bool is_found;
    bool is_expired;
    bool
        is_lost; /* a snapshot skipped the frames that might hold it, and does not tell (rule I4) */
    struct state_outcome outcome;
    enum state_reason *items; /* copied: the machine's do not last */
    size_t item_room;
};

/* Nothing is read yet. `table` NULL: the catalogue. Errors: NO_MEMORY. */
SLP_NODISCARD slp_rc state_replica_init(struct state_replica *r, struct state_instance *instance,
                                        const struct hash128 *table, struct slp_err *err);
void state_replica_fini(struct state_replica *r);

/*
 * Read the next frames, at most `width`, into r->frames; none means that the tip is reached. The
 * floor is read after them (rule F1): where it has passed the next frame, the replica first goes on
 * from the snapshot that the floor names.
 */
SLP_NODISCARD slp_rc state_replica_fetch(struct state_replica *r, size_t width, size_t *got,
                                         struct slp_err *err);

/* Check that `bytes` is the next frame and decode it into r->arena. Errors: CORRUPT, UNSUPPORTED. */
SLP_NODISCARD slp_rc state_replica_open_frame(struct state_replica *r, struct slice bytes,
                                              struct state_frame *out, struct slp_err *err);
SLP_NODISCARD slp_rc state_replica_apply(struct state_replica *r, const struct state_frame *frame,
                                         uint32_t index, struct state_outcome *out,
                                         struct slp_err *err);
void state_replica_close_frame(struct state_replica *r, const struct state_frame *frame,
                               struct slice bytes);

/* All three, for all transactions of one frame. */
SLP_NODISCARD slp_rc state_replica_take(struct state_replica *r, struct slice bytes,
                                        struct slp_err *err);

/* Replay to the tip. */
SLP_NODISCARD slp_rc state_replica_refresh(struct state_replica *r, struct slp_err *err);

/* Go on from the snapshot that the floor names. Errors: CORRUPT when it is gone or damaged. */
SLP_NODISCARD slp_rc state_replica_load(struct state_replica *r, struct slp_err *err);

/* Put a blank machine in place of the one that there is. */
SLP_NODISCARD slp_rc state_replica_blank(struct state_replica *r, struct slp_err *err);

/* Commit; as state_table_commit, for which `table` gives tokens their room of names. */
SLP_NODISCARD slp_rc state_replica_commit(struct state_replica *r, struct state_txn *txn,
                                          const struct state_commit_options *options,
                                          struct state_result *out, struct slp_err *err);

/* "t/<id>/log/00000000000000000012" */
void state_replica_name(const struct state_replica *r, uint64_t number, struct state_name *out);

struct alloc *state_instance_mem(struct state_instance *i);
struct state_rules state_instance_rules(const struct state_instance *i);
struct state_queues *state_instance_queues(struct state_instance *i);

#endif
