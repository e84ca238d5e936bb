/*
 * The world of the simulations: one table, actors that change and read it, and an oracle.
 *
 * An *addition* is what one writer wants to have added: rows at some of twelve keys, or deletes of
 * them. A file says which additions have a row at each key; its number stands in the place of its
 * checksum, so contents follow files through jobs and snapshots. The *oracle* replays each frame when
 * it is created, from the store that is below the faults, so it never meets a floor, a snapshot or a
 * frame that was created a second time. It knows which rows have to be visible, from the
 * transactions alone: a second implementation of what the state's purges, deletes, jobs and restores
 * come to. Of each frame it keeps digests, which every view of every actor is compared with.
 *
 * world_run runs a seed; sim.failure says what went wrong.
 */
#ifndef SLP_TEST_WORLD_H
#define SLP_TEST_WORLD_H

#include "sim/sim.h"
#include "state/bug.h"
#include "state/floor.h"
#include "state/replica.h"
#include "state/view_priv.h"

#define WORLD_KEYS      12
#define WORLD_COMMITS   5
#define WORLD_ADDITIONS 60
#define WORLD_FILES     1024
#define WORLD_FRAMES    1024
#define WORLD_LEAVES    32
#define WORLD_TXNS      4096
#define WORLD_PURGES    128
#define WORLD_RESTORES  64
#define WORLD_ROOTS     64
#define WORLD_BODIES    256
#define WORLD_SUBMITTED 64
#define WORLD_JOBS      64

#define WORLD_ROOT_OBJECTS 64
#define WORLD_BODY_BYTES   64

/* What a file holds: a bit for each addition. */
struct world_rows {
    uint64_t puts[WORLD_KEYS];
    uint64_t dels[WORLD_KEYS];
};

struct world_file {
    char name[STORE_NAME_MAX];
    struct world_rows rows;
    bool is_there;  /* as an object */
    bool has_extra; /* an even field of a later version */
    bool is_embedded;
    uint64_t frame; /* that has its bytes; 0: none, or it is gone */
};

struct world_addition {
    struct world_rows rows;
    struct state_position at; /* where it was applied */
    unsigned applied;         /* how often */
    bool is_acknowledged;
};

/* A state as the oracle has seen it. */
struct world_past {
    uint64_t visible[WORLD_KEYS];
    uint64_t files[WORLD_FILES / 64]; /* a bit for each that is live */
    uint64_t global;                  /* digests */
    size_t leaf_count;
    struct {
        char lo; /* 0: the beginning */
        char hi; /* 0: no end */
        uint64_t digest;
    } leaves[WORLD_LEAVES];
};

struct world_verdict {
    struct state_position at;
    enum state_reason reason;
};

struct world_purge {
    struct state_position at;
    char lo;
    char hi;
};

/* A restore that was applied: replay wants its root as long as its frame is in the log. */
struct world_restore {
    uint64_t frame;
    char root[STATE_ROOT_NAME_BYTES];
};

/* A verified snapshot, and what it reaches. */
struct world_root {
    char name[STATE_ROOT_NAME_BYTES];
    uint64_t number;
    uint64_t objects[WORLD_ROOT_OBJECTS]; /* digests of names */
    size_t count;
};

/* A file that waits to be ingested, or is held by a batch. */
struct world_submitted {
    struct state_id id;
    struct state_id job; /* none: it waits */
    int addition;
};

/* A job that is open behind its deadline. */
struct world_overdue {
    struct state_id job;
    uint32_t attempt;
    uint32_t extension;
    int64_t since_us;
};

/* A payload out of line, and a frame that names it. */
struct world_body {
    uint64_t frame;
    uint64_t object;
};

struct world_tally {
    size_t acknowledged, jobs, reassigned, splits, merges, repeats, packed, shared, snapshots,
        trimmed;
    size_t collects, deleted, pins, restores, purges, retired, folds, imports, partial_reads, reads;
    size_t later; /* frames of a later version */
    size_t even;  /* files with an even field of a later version */
    size_t bodies, embedded, lies;
    size_t parts; /* frames that one was replayed over */
    size_t batches, withdrawn;
    size_t ended; /* jobs that were overdue */
    size_t frames;
};

struct world {
    struct sim sim;
    struct state_instance *instance; /* the oracle's */
    struct state_replica oracle;
    struct buf frame;
    struct state_replica part; /* of the table; frame by frame beside the oracle */
    uint64_t part_from;        /* the frame that it is there since; 0: there is none */
    size_t part_roots;         /* verified snapshots when one was begun last */
    bool is_changed;           /* a frame came, or an object went */
    uint64_t later_frame;      /* of a version that this one cannot read; 0: none */
    uint64_t acknowledged;     /* the highest frame that anyone was told of */
    uint64_t visible[WORLD_KEYS];
    struct world_file files[WORLD_FILES];
    size_t file_count;
    struct world_addition additions[WORLD_ADDITIONS];
    struct world_past pasts[WORLD_FRAMES];
    struct world_verdict verdicts[WORLD_TXNS];
    size_t verdict_count;
    struct world_purge purges[WORLD_PURGES];
    size_t purge_count;
    struct world_restore restores[WORLD_RESTORES];
    size_t restore_count;
    struct world_root roots[WORLD_ROOTS]; /* in the order of being verified */
    size_t root_count;
    struct world_body bodies[WORLD_BODIES];
    size_t body_count;
    struct state_floor floor; /* as it is */
    uint64_t floor_at;        /* where the root stands that it names */
    uint64_t minted;          /* M and H, which only rise */
    uint64_t horizon;
    uint64_t lost[WORLD_FILES / 64]; /* a bit for each file that was deleted */
    int first_key;                   /* below it there is nothing: leaves stay empty */
    uint32_t ring_max;               /* txids that a state knows */
    bool has_deletes;
    bool has_unfiled;
    struct world_submitted submitted[WORLD_SUBMITTED]; /* ascending by id */
    size_t submitted_count;
    struct world_overdue overdue[WORLD_JOBS];
    size_t overdue_count;
    bool has_steward; /* somebody ends what is overdue */
    struct world_tally tally;
};

/* A handle of one actor. */
struct world_seat {
    struct world *w;
    struct state_instance *instance;
    struct state_table *table;
};

struct world_writer {
    struct world *w;
    int number;
    bool has_tokens;
    bool is_successor;
};

/* A job as whoever does it knows it. */
struct world_work {
    struct state_id id;
    uint32_t attempt;
    uint32_t extension;
    char lo; /* its interval */
    char hi;
    bool has_rows;
    struct world_rows rows;
    struct state_position mark;
    bool is_fold;
};

static inline char world_key(int k)
{
    return (char)('b' + k);
}

extern const char world_letters[];

static inline char world_first_of(struct slice key)
{
    return key.len ? (char)key.ptr[0] : 0;
}

/* The oracle: told of what has taken effect, and behind each step; hold a view against it. */
void world_effect(struct sim *sim, enum store_verb verb, struct slice name);
void world_settle(struct sim *sim);
void world_check_view(struct world *w, const struct table_state *s);
struct world_file *world_file_of(struct world *w, const struct state_file *f);

/* Submitted files: told of each transaction that was applied; what has to hold behind each frame, and in
 * the end; which additions are only submitted. */
void world_note_batch(struct world *w, const struct state_txn *txn, const struct state_outcome *o,
                      struct state_position at);
void world_check_submitted(struct world *w, const struct table_state *s);
void world_check_batches(struct world *w);
void world_prepare_batches(struct world *w);

/* No job is past its deadline for long, at each step. */
void world_check_deadlines(struct world *w);

/* Take the oracle's newest frame with a part of the table, too. */
void world_follow(struct world *w);

/* What has to stay. */
void world_note_verified(struct world *w, const struct state_verify *v);
void world_note_body(struct world *w, const struct state_txn *txn, uint64_t frame);
void world_check_deleted(struct world *w, struct slice name);
void world_check_pins(struct world *w);
void world_check_floor(struct world *w);

/* The interval between two characters; 0: unbounded. The characters stay in place. */
struct key_range world_range(const char *lo, const char *hi);

/* Everybody opens for himself. False when it cannot be, or must not. */
bool world_sit(struct world *w, struct key_range range, struct world_seat *out);
void world_leave(struct world_seat *seat);

/* What an actor may be told; anything else is a failure. True for OK. */
bool world_accepts(struct world *w, slp_rc rc, const struct slp_err *err);

/* Commit, and hold the answer against the oracle. True if it was applied. */
bool world_commit(struct world_seat *seat, struct state_txn *txn, struct slice token,
                  struct state_result *r);
bool world_commit_with(struct world_seat *seat, struct state_txn *txn,
                       const struct state_commit_options *o, struct state_result *r);

/* Refresh, and hold the view against the oracle. */
bool world_refresh(struct world_seat *seat);

/* The same as bytes of WORLD_BODY_BYTES that are to stand in a frame. */
bool world_embedded(struct world_seat *seat, const struct world_rows *rows,
                    struct state_new_file *out);

/* A new file of these rows, written; false if there are none or the store does not want it. */
bool world_file(struct world_seat *seat, const struct world_rows *rows, struct state_new_file *out);

void world_pause(struct world_seat *seat, uint64_t most_us);

/* The rows that the references of a job hold, or all of the table's in order, as a merge of their
 * files comes to. */
void world_merge(struct world *w, const struct table_state *s, const struct state_job *job,
                 struct world_rows *out);

/* Actors. Writers take a struct world_writer, the others the world. */
void world_writer(struct sim *sim, void *arg);
void world_leaver(struct sim *sim, void *arg);
void world_committer(struct sim *sim, void *arg);
void world_repeater(struct sim *sim, void *arg);
void world_keeper(struct sim *sim, void *arg);
void world_compactor(struct sim *sim, void *arg);
void world_cutter(struct sim *sim, void *arg);
void world_folder(struct sim *sim, void *arg);
void world_importer(struct sim *sim, void *arg);
void world_collector(struct sim *sim, void *arg);
void world_pinner(struct sim *sim, void *arg);
void world_purger(struct sim *sim, void *arg);
void world_setter(struct sim *sim, void *arg);
void world_newcomer(struct sim *sim, void *arg);
void world_batcher(struct sim *sim, void *arg);
void world_steward(struct sim *sim, void *arg);
void world_reader(struct sim *sim, void *arg);
void world_shard_reader(struct sim *sim, void *arg);

/* Make a table, with nobody there yet; false when that has failed. When all have ended, see what it came
 * to, once more without faults. */
bool world_begin(struct world *w, uint64_t seed, const struct sim_faults *faults);
void world_rest(struct world *w);

/* Run a seed in `w`, whose failure then says what went wrong. */
void world_run(struct world *w, uint64_t seed);

/* The same with the i-th scene, named after the planted bug that it finds; NULL: there is none. */
const char *world_scene_name(size_t i);
void world_scene(struct world *w, size_t i);
void world_end(struct world *w);

#endif
