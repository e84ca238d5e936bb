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
#include "state/head.h"
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

/* The snapshot that a replica stands on, as far as it is asked for later. */
struct state_base {
    uint64_t number;                  /* the frame it stands at; 0: there is none */
    char root[STATE_ROOT_NAME_BYTES]; /* terminated */
    struct arena arena;
    struct state_list_entry *lists;
    size_t list_count;
};

/* What the last commit met, for the next one: do others commit to this log, too (rule C1)? */
struct state_crowd {
    uint32_t count;  /* transactions in its frame, 2 where it raced; 0: it met nobody */
    bool is_packer;  /* it packed them itself */
    int64_t put_us;  /* how long creating a frame took last, */
    int64_t wait_us; /* and waiting in the inbox until it was found in one */
    int64_t at_us;   /* when that was */
};

struct state_ahead;

/* A round of reads that was asked for together with the objects of a snapshot. */
struct state_probe;

struct state_replica {
    struct state_instance *instance;
    struct store *store;
    struct alloc *mem;
    struct state_queue *queue; /* shared with all who commit to this log through the instance */
    char place[64];            /* "" or "t/<table id>/" */
    struct state_machine machine;
    uint64_t number;         /* the last frame that was replayed */
    struct hash128 previous; /* its hash */
    uint32_t waiting;        /* transactions that its packer saw in the inbox */
    bool is_broken;          /* it has to begin anew; stopped inside a frame the machine is blank */
    struct key_range scope;  /* leaves that are wanted; blank: all */
    struct arena scope_arena;
    /* Sets the scope, once, when the global part of a snapshot is there; NULL: it is set. */
    slp_rc (*choose)(void *context, const struct table_state *s, struct slp_err *err);
    void *choose_context;
    bool is_widened;              /* the last replay found that more leaves are wanted */
    bool is_overtaken;            /* it met a frame below the floor whose body or root is gone */
    struct table_state *restored; /* what a restore goes back to, while it is applied */
    struct state_base base;
    struct state_since since;  /* frames behind the base, for the head */
    struct store_tag head_tag; /* of the head that was read or written last; zero: none was there */
    int64_t head_us;           /* when that was written */
    bool is_head_known;        /* the two are of use */
    bool is_head_tried;
    struct buf head_objects; /* of the snapshot at this frame, as they stand in a head */
    uint64_t head_objects_at;
    uint32_t head_object_count;
    bool is_unproven;              /* begun from a head whose last frame was not yet compared */
    struct state_probe *probe;     /* NULL: none is at hand */
    struct state_replica *beside;  /* its probe is asked for together with the head */
    const struct state_head *hint; /* while a snapshot is loaded for a head */
    struct state_floor floor;      /* as it was last read; of a catalogue never */
    uint64_t seen;                 /* the highest number of a frame that was there */
    size_t asked;                  /* so many frames were asked for last */
    struct arena arena;            /* transactions of the frame at hand */
    struct buf frames[STATE_READ_AHEAD];
    size_t frame_count;        /* as many were read last */
    struct state_ahead *ahead; /* bodies of theirs that were read ahead (supply.h); NULL: none */
    struct buf floor_bytes;
    /* The transaction whose fate somebody waits for. */
    bool is_watching;
    struct hash128 watched_txid;
    struct slice watched;      /* its bytes: another author with the same token has others */
    struct buf watched_before; /* hashes of its bytes with the bases that it had before */
    uint64_t watched_base;
    bool is_found;
    bool is_expired;
    bool
        is_unsure; /* a snapshot skipped the frames that might hold it: its tokens tell (rule I4) */
    struct state_outcome outcome;
    uint32_t company; /* transactions in the frame it was found in */
    struct state_crowd crowd;
    enum state_reason *items; /* copied: the machine's do not last */
    size_t item_room;
};

/* Nothing is read yet. `table` NULL: the catalogue. Errors: NO_MEMORY. */
SLP_NODISCARD slp_rc state_replica_init(struct state_replica *r, struct state_instance *instance,
                                        const struct hash128 *table, struct slp_err *err);
void state_replica_fini(struct state_replica *r);

/*
 * Read the next frames, at most `width`, into r->frames; none means that the tip is reached, and so does
 * less than r->asked where none is seen behind them: it may ask for less or more than `width`. The
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
SLP_NODISCARD slp_rc state_replica_close_frame(struct state_replica *r,
                                               const struct state_frame *frame, struct slice bytes,
                                               struct slp_err *err);

/*
 * All three, for all transactions of one frame. What it needs of the store is read before the first
 * is applied; where it fails behind that, the state is blank: a view is always one of a whole frame.
 */
SLP_NODISCARD slp_rc state_replica_take(struct state_replica *r, struct slice bytes,
                                        struct slp_err *err);

/* Replay to the tip. */
SLP_NODISCARD slp_rc state_replica_refresh(struct state_replica *r, struct slp_err *err);

/* Go on from the snapshot that the floor names. Errors: CORRUPT when it is gone or damaged. */
SLP_NODISCARD slp_rc state_replica_load(struct state_replica *r, struct slp_err *err);

/* What leaves are wanted from the next load of a snapshot on. Errors: NO_MEMORY, LIMIT. */
SLP_NODISCARD slp_rc state_replica_set_scope(struct state_replica *r, struct key_range range,
                                             struct slp_err *err);

/* Go back to before frame 1. */
void state_replica_restart(struct state_replica *r);

/*
 * Begin from the head of the log, if there is one that can be believed so far; else nothing has
 * happened. Errors: those of the store, NO_MEMORY.
 */
SLP_NODISCARD slp_rc state_head_begin(struct state_replica *r, struct slp_err *err);

/* Write the head if it is due, from what was replayed. It is a hint: no error is told. */
void state_head_refresh(struct state_replica *r);

/* Rewrite it at once, whoever wrote it last: behind a snapshot that it does not name yet a reader would
 * look for frames that are gone. Cost: a read and a write. */
void state_head_renew(struct state_replica *r);

/* Is the head that this replica began from to be believed? `bytes` is what the log has of its last
 * frame, the first STATE_FRAME_HEAD_BYTES; the floor was read since. */
bool state_head_is_proven(const struct state_replica *r, struct slice bytes);

/* Ask for the frames behind `number`, and what proves a head that ends there, with the next round of
 * reading a snapshot. */
SLP_NODISCARD slp_rc state_probe_new(struct state_replica *r, uint64_t number, struct slp_err *err);

/* Ask for the beginning of the log together with its head, which a young log then does not need. */
SLP_NODISCARD slp_rc state_probe_new_first(struct state_replica *r, struct slp_err *err);

/* Do the answers hold the whole log, from frame 1 to the tip? */
bool state_probe_is_whole(const struct state_replica *r);
size_t state_probe_requests(struct state_replica *r, struct store_request *out);
void state_probe_answer(struct state_replica *r, const struct store_request *requests);
void state_probe_free(struct state_replica *r);

/* The base. Errors: NO_MEMORY. */
SLP_NODISCARD slp_rc state_base_set(struct state_base *b, struct alloc *mem, struct slice root,
                                    const struct state_snapshot *self, struct slp_err *err);
void state_base_fini(struct state_base *b);

/* Commit; as state_table_commit, for which `table` gives tokens their room of names. */
SLP_NODISCARD slp_rc state_replica_find_token(struct state_replica *r, struct slice token,
                                              struct state_outcome *out, bool *is_found,
                                              struct slp_err *err);
SLP_NODISCARD slp_rc state_replica_commit(struct state_replica *r, struct state_txn *txn,
                                          const struct state_commit_options *options,
                                          struct state_result *out, struct slp_err *err);

/* "t/<id>/log/00000000000000000012" */
void state_replica_name(const struct state_replica *r, uint64_t number, struct state_name *out);

struct alloc *state_instance_mem(struct state_instance *i);

/* The catalogue's head as it was read when the instance was opened, for the first who asks: `out`,
 * blank, takes the bytes. False when it has been given away. */
bool state_instance_take_head(struct state_instance *i, struct buf *out, struct store_tag *tag,
                              slp_rc *rc);
struct state_rules state_instance_rules(const struct state_instance *i);
struct state_queues *state_instance_queues(struct state_instance *i);

#endif
