/*
 * The state of a table: what its log says, and how questions are put to it.
 *
 *   leaves      lo ----------- x ------------------- y ---------- (no end)     cover every key
 *   references  [f1   ][f2    ] [f2        ]  [f3   ]  [f3 ]                   file and interval
 *   unfiled              [f4 ------------------------------ ]                  files over many leaves
 *
 * A reference is a file and the interval of keys in which its rows count: the intersection of the
 * file's keys and its leaf. Rows of the file outside it are somebody else's, or nobody's: readers
 * clip. Every live row is in exactly one reference.
 *
 * Runs and order (rule O1): a file carries an interval of positions, [low, high]. An added file has
 * its transaction's position as both; the output of a job takes the interval of the job's inputs.
 * Whoever merges, merges in order of `low`, then of file id. The files that one transaction made
 * are a run; depth is the most runs over one key.
 *
 * The state is a pure function of the frames. A view is borrowed from its handle: pointers stay
 * valid until the handle is refreshed, committed with, or closed. Files and references are kept
 * packed; what asks for them unpacks them into an arena of the caller's, whose lifetime bounds that
 * of the structs as well.
 */
#ifndef SLP_STATE_VIEW_H
#define SLP_STATE_VIEW_H

#include "state/txn.h"

/* Limits that are part of the rules: every reader must use the same. Models shrink them. */
struct state_rules {
    uint32_t ring_max;    /* 65,536 txids (rule I3) */
    uint32_t unfiled_max; /* 64 files */
    uint32_t leaf_max;    /* 1,048,576 leaves */
};

struct state_rules state_rules_default(void);

/* A live file. */
struct state_file {
    struct state_id id; /* id.at: the transaction that made it; the files of one are one run */
    struct slice name;  /* relative to the table: "data/3f/...parquet" */
    struct datafile_info info;
    uint32_t schema_version;
    struct state_position low; /* the interval of positions of its rows */
    struct state_position high;
    int64_t time_us;  /* table time when it was made */
    uint64_t deletes; /* rows of info.rows that are deletes, and resets (rule O5) */
    uint64_t resets;
    uint32_t stack;                       /* its storage columns, as its maker said */
    struct state_position purged_through; /* purges at and below it were applied (rule V3) */
    uint64_t log_offset; /* embedded: where in frame id.at.frame its bytes begin; 0: it is an object
                            `name`, as an embedded one is below the floor (rule G4) */
    uint32_t refs;       /* references to it, or 1 while unfiled */
    struct slice extra;  /* unknown even fields of its entry, kept as they stood */
    struct slice last_end; /* the least key above last_key: where its interval ends */
};

struct state_job {
    struct state_id id;
    uint32_t attempt;          /* from 1 */
    int64_t deadline_us;       /* on the store's clock */
    struct key_range range;    /* of the leaf it was assigned over; leaves may have split since */
    struct state_position low; /* the interval that its outputs take: its inputs' */
    struct state_position high;
    uint32_t inputs;                /* files it was assigned */
    uint32_t kind;                  /* enum state_job_kind */
    uint32_t extension;             /* how often the attempt was extended (rule T1) */
    struct state_position assigned; /* of the attempt: the mark of its outputs (rule V3) */
    bool drops_deletes;             /* it holds the oldest data of its leaf there (rule O6) */
};

/* Does an add end it, and do its rows come from outside? */
static inline bool state_job_is_import(const struct state_job *job)
{
    return job->kind == STATE_JOB_IMPORT || job->kind == STATE_JOB_BATCH;
}

struct state_reference {
    const struct state_file *file;
    const struct state_job *job; /* NULL: free */
    struct key_range range;      /* where the file's rows count; always has an end */
    int64_t row_lo;              /* first row of the file in `range`; -1: not known */
    int64_t row_hi;              /* one beyond the last; -1: not known */
};

struct state_held;

struct state_leaf {
    struct key_range range;
    size_t ref_count;        /* state_leaf_references unpacks them */
    size_t ref_room;         /* the state's own, as `held` */
    struct state_held *held; /* ascending by file->low and high, then id */
    size_t depth_most;       /* no key of it is in more of the runs that it refers to */
    uint64_t changed; /* frame behind which nothing changed that its shard of a snapshot says */
};

/* A file that nothing refers to any more; its object may still be there. */
struct state_dead_file {
    struct slice name;
    uint64_t file_bytes;
    struct state_position since;
    int64_t since_us; /* table time then */
};

/* A snapshot that a second replay has reproduced (rule S2). */
#define STATE_ROOT_NAME_BYTES 64u
struct state_verified {
    uint64_t number;                  /* the frame it stands at */
    uint64_t minted;                  /* the lowest base of its own objects */
    char root[STATE_ROOT_NAME_BYTES]; /* relative to the table, with a terminator */
};

/* As many of the newest are kept in the state. */
#define STATE_VERIFIED_MAX 8u

struct table_state;

/* The number of the last frame in it; 0: nothing. */
uint64_t state_number(const struct table_state *s);

/* Table time: the highest time stamp so far (rule T1). */
int64_t state_time_us(const struct table_state *s);

bool state_is_created(const struct table_state *s);
struct slice state_schema_json(const struct table_state *s);
uint32_t state_schema_version(const struct table_state *s);
uint32_t state_key_version(const struct table_state *s);

/* Leaves ascend and cover every key: there is at least one in a created table. */
size_t state_leaf_count(const struct table_state *s);
const struct state_leaf *state_leaf_at(const struct table_state *s, size_t i);

/* The index of the leaf that holds `key`. */
size_t state_leaf_holding(const struct table_state *s, struct slice key);

/* Leaves that share a key with `range`: [*first, *end). */
void state_leaves_meeting(const struct table_state *s, struct key_range range, size_t *first,
                          size_t *end);

/* The leaf with just these bounds; NULL if there is none. */
const struct state_leaf *state_leaf_find(const struct table_state *s, struct key_range range);

/* The references of a leaf, `leaf->ref_count` of them, ascending by file->low, then file id. Errors:
 * NO_MEMORY, LIMIT. */
SLP_NODISCARD slp_rc state_leaf_references(const struct state_leaf *leaf, struct arena *arena,
                                           const struct state_reference **out, struct slp_err *err);

/* A reference in short, for whoever goes over many: nothing is unpacked. */
struct state_brief {
    struct state_id id;          /* of its file */
    const struct state_job *job; /* NULL: free */
    struct state_position low;   /* of the file */
    struct state_position high;
    struct key_range range; /* where the file's rows count; borrows from the state */
    int64_t file_rows;
    uint64_t file_bytes;
    int64_t rows; /* inside `range`: exact where it is cut, else an equal share of the file's */
};

/* The i-th reference of a leaf; the files of one transaction stand together. */
struct state_brief state_leaf_brief(const struct state_leaf *leaf, size_t i);

/* Unfiled files, in order of their ids; as references without job, over their whole interval. */
size_t state_unfiled_count(const struct table_state *s);
const struct state_reference *state_unfiled_at(const struct table_state *s, size_t i);

/*
 * All references, filed and unfiled, that share a key with `range`, ascending by file->low, then
 * file id, then interval. A file over several leaves comes once a leaf. Errors: NO_MEMORY, LIMIT.
 */
SLP_NODISCARD slp_rc state_references_meeting(const struct table_state *s, struct key_range range,
                                              struct arena *arena,
                                              const struct state_reference ***out, size_t *count,
                                              struct slp_err *err);

/* The interval of keys that a file spans: from its first key to just above its last. */
struct key_range state_file_range(const struct state_file *f);

/* Rows of a reference inside `range`, where the state tells: those of all of its file, or of all of
 * a reference that was cut; else -1. */
int64_t state_reference_rows(const struct state_reference *ref, struct key_range range);

/* Every live file once, ascending by id. Errors: NO_MEMORY, LIMIT. */
SLP_NODISCARD slp_rc state_files(const struct table_state *s, struct arena *arena,
                                 const struct state_file ***out, size_t *count,
                                 struct slp_err *err);

/* How many there are. Errors: NO_MEMORY, LIMIT. */
SLP_NODISCARD slp_rc state_files_count(const struct table_state *s, struct arena *arena,
                                       size_t *count, struct slp_err *err);

/* The same, and their bytes. Cost: no file is unpacked. Errors: NO_MEMORY, LIMIT. */
SLP_NODISCARD slp_rc state_files_size(const struct table_state *s, struct arena *arena,
                                      size_t *count, uint64_t *bytes, struct slp_err *err);

/* The most runs over one key of the leaf, unfiled files included. Cost: its references are sorted.
 * Errors: NO_MEMORY, LIMIT. */
SLP_NODISCARD slp_rc state_leaf_depth(const struct table_state *s, const struct state_leaf *leaf,
                                      size_t *out, struct slp_err *err);

/* Rows in the leaf: exact where references are cut; elsewhere an equal share of the file's rows for
 * each of its references. Unfiled files are left out. `*exact` (may be NULL) says whether all were
 * cut. */
int64_t state_leaf_rows(const struct state_leaf *leaf, bool *exact);
uint64_t state_leaf_bytes(const struct state_leaf *leaf); /* shares of file sizes, by rows */

/* Open jobs, ascending by id. */
size_t state_job_count(const struct table_state *s);
const struct state_job *state_job_at(const struct table_state *s, size_t i);
const struct state_job *state_job_find(const struct table_state *s, struct state_id id);

/* A job's references as they are now, in the order of state_references_meeting. */
SLP_NODISCARD slp_rc state_job_references(const struct table_state *s, const struct state_job *job,
                                          struct arena *arena, const struct state_reference ***out,
                                          size_t *count, struct slp_err *err);

/* Verified snapshots, the newest last. */
size_t state_verified_count(const struct table_state *s);
const struct state_verified *state_verified_at(const struct table_state *s, size_t i);

/* Files that became unreferenced, in the order in which they did. */
size_t state_dead_count(const struct table_state *s);
const struct state_dead_file *state_dead_at(const struct table_state *s, size_t i);

/* What became of a transaction. */
struct state_outcome {
    struct state_position at;       /* a duplicate's: where the first one stands */
    enum state_reason reason;       /* of the whole; APPLIED when at least one item was */
    bool is_duplicate;              /* it was in the log before; `reason` is the first one's */
    const enum state_reason *items; /* one an item; NULL where items are not told any more */
    size_t item_count;
};

/*
 * The pure core. A blank state, then transactions in the order of the log. `state_begin_frame` says
 * which frame the next ones stand in. `at->items` live in the state until the next call.
 *
 * Errors   NO_MEMORY, LIMIT (then the state is good for state_free and state_reset only)
 */
SLP_NODISCARD slp_rc state_new(struct alloc *mem, const struct state_rules *rules,
                               struct table_state **out, struct slp_err *err);
void state_free(struct table_state *s); /* NULL is accepted */

/* Make it blank again: what stands before frame 1. */
void state_reset(struct table_state *s);
SLP_NODISCARD slp_rc state_apply(struct table_state *s, const struct state_txn *txn,
                                 struct state_position at, struct state_outcome *out,
                                 struct slp_err *err);

/* All of the state as text, one thing a line, for comparing states and for people. Appends. */
SLP_NODISCARD slp_rc state_print(const struct table_state *s, struct buf *out, struct slp_err *err);

#endif
