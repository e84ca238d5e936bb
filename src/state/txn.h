/*
 * Transactions: what may be written into a log, as plain structs, and their bytes.
 *
 * A transaction is built by filling a `struct state_txn` and is read back into the same struct. The
 * envelope (txid, base, time, kind, rule version, features) is set by whoever commits; the payload
 * is one member of the union, chosen by `kind`. docs/format/log.md has the bytes, and for each kind
 * its scope, precondition and effect.
 *
 *   kind          scope   what it does
 *   CREATE        table   schema, engine, key version and first leaves: the first transaction
 *   ADD           global  files; apply files them under whatever leaves they meet (rule P2), or keeps
 *                         those marked `is_unfiled` in the list of unfiled files
 *   ASSIGN        leaf    items: a job over references of one leaf; over unfiled files (a fold), over
 *                         nothing yet (an import) or submitted files (a batch), global (rule P4)
 *   REPLACE       job     items: finish a job: its inputs go, its outputs come in their place
 *   FAIL          job     items: end a job; its inputs are free again
 *   EXTEND        job     items: a later deadline for the attempt at work
 *   REASSIGN      job     items: the next attempt, by whoever saw the deadline pass (rule T1)
 *   SPLIT         leaf    items: one leaf becomes several, and references become several with it
 *   MERGE         leaves  items: two neighbours become one leaf (rule P3)
 *   CUT           leaf    items: the exact rows of one reference
 *   FILE_DOWN     global  items: an unfiled file gets a reference under each leaf it meets
 *   OVERWRITE     global  what an interval held goes, files come
 *   RANGE_DELETE  global  what an interval holds goes (rule V4)
 *   PURGE         global  rows of which a predicate is true go for good (rule V3)
 *   RETIRE_PURGE  global  items: purges that no live file is below (rules P5, V5)
 *   ALTER         global  the next version of the schema
 *   PROPERTIES    global  names of properties get values, or lose them
 *   VERIFIED      global  a snapshot was reproduced: frames up to it may go
 *   PIN, UNPIN    global  a snapshot stays restorable (rule S4)
 *   COLLECT       global  what was made before M or unreferenced since before H may go (rule G1)
 *   PAUSE, RESUME global  no new rows; again
 *   RESTORE       global  back to a snapshot (rule G5)
 *   DROP          table   the end: nothing is applied behind it
 *   SUBMIT        global  input files that wait to be ingested together
 *   WITHDRAW      global  items: submitted files that wait no longer
 *
 *   CREATE_TABLE, RENAME_TABLE, DROP_TABLE, ONLINE, OFFLINE, DEFAULTS stand in the catalogue's log.
 *
 * A transaction whose payload is too large for a frame has it in an object of its own, the *body*;
 * its envelope, the name of that object and the names of all objects that it adds stay in the frame
 * (rule I1). state_txn_encode_apart writes one, state_wants (global.h) says when the body is wanted,
 * state_txn_take_body reads it.
 *
 * Things made by a transaction are named by where it stands: `struct state_id` is frame, index in
 * the frame and ordinal in the transaction (the i-th file of an ADD; the i-th output of a REPLACE,
 * counted through its items; the i-th item of an ASSIGN for a job). Such ids are never used again.
 *
 * Everything here is pure.
 */
#ifndef SLP_STATE_TXN_H
#define SLP_STATE_TXN_H

#include "base/arena.h"
#include "base/hash.h"
#include "datafile/datafile.h"
#include "key/key.h"

/* The version of apply's rules that this program writes, and the highest it understands. */
#define STATE_RULE_VERSION 1u

/* Bytes of one frame's transactions together, and so of one transaction. */
#ifdef SLEEPER_BUGS
#define STATE_TXN_MAX_BYTES ((size_t)1 << 10) /* the simulator's are small (bug.h) */
#else
#define STATE_TXN_MAX_BYTES ((size_t)1 << 20)
#endif

/* A body out of line, and how its name begins, relative to the table. */
#define STATE_BODY_MAX_BYTES ((size_t)64 << 20)
#define STATE_BODY_PREFIX    "body/"

/* Names of pins and properties, and values of properties. */
#define STATE_NAME_MAX  128u
#define STATE_VALUE_MAX 65536u

/* Paths of submitted files. */
#define STATE_PATH_MAX 4096u

/* Leaves that one split item may make, less one. */
#define STATE_SPLIT_KEYS_MAX 4096u

enum state_kind {
#define STATE_KIND(name, number, text, log) STATE_##name = (number),
#include "state/kind.def"
#undef STATE_KIND
};

const char *state_kind_text(enum state_kind kind); /* "add"; "unknown" beyond the table */

enum state_reason {
#define STATE_REASON(name, number, text) STATE_REASON_##name = (number),
#include "state/reason.def"
#undef STATE_REASON
};

const char *state_reason_name(enum state_reason reason); /* "NO_LEAF" */
const char *state_reason_text(enum state_reason reason); /* "no leaf with these bounds" */

/* Where a transaction stands. Frames count from 1, indexes from 0; frame 0 is before everything. */
struct state_position {
    uint64_t frame;
    uint32_t index;
};

static inline int state_position_compare(struct state_position a, struct state_position b)
{
    if (a.frame != b.frame)
        return a.frame < b.frame ? -1 : 1;
    return (a.index > b.index) - (a.index < b.index);
}

struct state_id {
    struct state_position at;
    uint32_t item;
};

static inline int state_id_compare(struct state_id a, struct state_id b)
{
    int order = state_position_compare(a.at, b.at);
    return order ? order : (a.item > b.item) - (a.item < b.item);
}

static inline bool state_id_equal(struct state_id a, struct state_id b)
{
    return state_id_compare(a, b) == 0;
}

static inline bool state_id_is_none(struct state_id id)
{
    return id.at.frame == 0;
}

/* "12.0.3", with a terminator. */
#define STATE_ID_TEXT_BYTES 48
void state_id_format(struct state_id id, char out[STATE_ID_TEXT_BYTES]);
bool state_id_parse(struct slice text, struct state_id *out); /* false if it is none */

/* A file as its maker hands it in. */
struct state_new_file {
    struct slice name; /* relative to the table: "data/3f/...parquet"; state_data_name makes it */
    struct datafile_info info;
    uint32_t schema_version;
    bool is_unfiled; /* ADD and OVERWRITE: meets so many leaves that one entry is better than many;
                        outputs of folds are */
    uint64_t
        deletes; /* rows of info.rows that are deletes, and resets (rule O5); others are puts */
    uint64_t resets;
    uint32_t stack; /* the storage columns that it has: docs/format/datafile.md */
    struct state_position purged_through; /* an output: job->assigned; else left zero (rule V3) */
    uint32_t body; /* embedded: its bytes are body `body` - 1 of the transaction; it has no name */
    uint64_t body_offset; /* where these bytes are in the frame; known once it is decoded */
    struct slice extra;   /* fields of even ids that this program does not know, as they stood */
};

/* What equal keys become (rule O2); fixed when a table is made. */
enum state_engine {
    STATE_ENGINE_BAG = 0,
    STATE_ENGINE_AGGREGATE = 1,
    STATE_ENGINE_LAST = 2,
    STATE_ENGINE_FIRST = 3,
    STATE_ENGINE_PARTIAL = 4
};

/* A property by name: a value, or none any more. */
struct state_property {
    struct slice name;
    struct slice value;
    bool is_unset; /* in a transaction: take it away */
};

struct state_create {
    struct slice name;                /* the table's name when it was made; for people */
    struct hash128 table;             /* the table's id */
    struct slice schema_json;         /* canonical */
    uint32_t key_version;             /* KEY_VERSION */
    const struct slice *split_points; /* ascending keys between the first leaves */
    size_t split_point_count;
    uint32_t engine;          /* enum state_engine */
    bool is_ordered;          /* the engine is an aggregate that is not commutative (rule O3) */
    uint32_t order_by;        /* last and first: the id of a field, and one; 0: by position */
    struct slice engine_text; /* what else the engine needs, for those who merge */
    const struct state_property *properties; /* what it begins with */
    size_t property_count;
};

struct state_add {
    const struct state_new_file *files;
    size_t count;
    struct state_id job; /* the import or batch that the files belong to (rule G1); none: blank */
    uint32_t attempt;    /* of it */
    bool ends_job;       /* it is over; then there may be no files */
};

enum state_job_kind {
    STATE_JOB_LEAF = 0,   /* over references of one leaf */
    STATE_JOB_FOLD = 1,   /* over unfiled files: its outputs are unfiled */
    STATE_JOB_IMPORT = 2, /* holds nothing; files that it adds may be old (rule G1) */
    STATE_JOB_BATCH = 3   /* an import of submitted files, which go when it ends */
};

struct state_assign_item {
    struct key_range leaf; /* LEAF: must be a leaf with just these bounds; else blank */
    const struct state_id
        *inputs; /* files with a free reference in it; unfiled or submitted ones */
    size_t input_count;
    int64_t deadline_us; /* on the store's clock; later others may REASSIGN or FAIL the job */
    uint32_t kind;       /* enum state_job_kind */
    bool drops_deletes;  /* LEAF: nothing older is there, so deletes need not be kept (rule O6) */
};

struct state_assign {
    const struct state_assign_item *items;
    size_t count;
};

/* `job` must be open with just this attempt and interval. */
struct state_replace_item {
    struct state_id job;
    uint32_t attempt;
    struct key_range range;               /* the job's: the leaf it was assigned over */
    const struct state_new_file *outputs; /* inside `range`; may be none */
    size_t output_count;
};

struct state_replace {
    const struct state_replace_item *items;
    size_t count;
};

struct state_fail_item {
    struct state_id job;
    uint32_t attempt;
    struct key_range range;
    struct slice why;              /* for people */
    const struct state_id *faulty; /* BATCH: those of its files that have one failure more */
    size_t faulty_count;
};

struct state_fail {
    const struct state_fail_item *items;
    size_t count;
};

/* Only while the attempt is current. */
struct state_extend_item {
    struct state_id job;
    uint32_t attempt;
    struct key_range range;
    int64_t deadline_us;
};

struct state_extend {
    const struct state_extend_item *items;
    size_t count;
};

/* Only while nobody extended or reassigned it: `extension` is how often it was extended so far. */
struct state_reassign_item {
    struct state_id job;
    uint32_t attempt;
    struct key_range range;
    uint32_t extension;
    int64_t deadline_us; /* of the next attempt */
};

struct state_reassign {
    const struct state_reassign_item *items;
    size_t count;
};

/* Rows of `file` at and above keys[key] of the split begin at `row`. */
struct state_split_cut {
    struct state_id file;
    uint32_t key;
    int64_t row;
};

struct state_split_item {
    struct key_range leaf;
    const struct slice *keys; /* ascending, inside the leaf and above its lower bound */
    size_t key_count;
    const struct state_split_cut *cuts; /* those that are known */
    size_t cut_count;
};

struct state_split {
    const struct state_split_item *items;
    size_t count;
};

/* [range.lo, at) and [at, range.hi) must be leaves with just these bounds. */
struct state_merge_item {
    struct key_range range;
    struct slice at;
};

struct state_merge {
    const struct state_merge_item *items;
    size_t count;
};

struct state_cut_item {
    struct key_range leaf;
    struct state_id file;
    int64_t row_lo;
    int64_t row_hi; /* one beyond the last */
};

struct state_cut {
    const struct state_cut_item *items;
    size_t count;
};

struct state_file_down {
    const struct state_id *files;
    size_t count;
};

/* A second, independent replay to `number` has reproduced the snapshot `root` (rule S2). */
struct state_verify {
    struct slice root; /* relative to the table: "snap/<base>-<hash>" */
    uint64_t number;   /* the frame it stands at */
    struct slice
        parent;      /* the verified one that it took objects over from; empty: none was there */
    uint64_t minted; /* the lowest base of the objects that it does not share with its parent */
};

/* Files inside `range`, in place of what is there. */
struct state_overwrite {
    struct key_range range;
    struct state_add add;
};

struct state_range_delete {
    struct key_range range;
};

/* Rows committed before it and of which the predicate is TRUE (rule V3). */
struct state_purge_rows {
    struct slice predicate;  /* text, as it was meant when committed: now() is a constant */
    struct slice bound;      /* the same as the predicate room stores it; may be empty */
    bool is_on_keys;         /* it names key fields only: demanded where the engine reduces */
    uint32_t schema_version; /* that it was bound under */
    struct slice why;        /* for people */
};

struct state_retire_purge {
    const struct state_position *purges;
    size_t count;
    uint64_t seen; /* the frame of the state in which its author saw that nothing is below them */
};

struct state_alter {
    uint32_t version; /* the current one, and one */
    struct slice schema_json;
};

struct state_set_properties {
    const struct state_property *items; /* names ascend */
    size_t count;
};

/* A verified snapshot at just its position (rule S4). */
struct state_pin_snapshot {
    struct slice name; /* of the pin: 1 to STATE_NAME_MAX bytes */
    struct slice root;
    uint64_t number;
    int64_t expires_us; /* on the store's clock; later others may UNPIN; 0: never */
};

struct state_unpin {
    struct slice name;
    struct state_position at; /* of the pin: another one of this name stays; frame 0: whichever */
};

/* Frames that its author had replayed to, or below (rule G1). */
struct state_collect {
    uint64_t minted;  /* M: objects made at lower bases than this, and in no state, may go */
    uint64_t horizon; /* H: states below it are not restored; files dead before it may go */
    uint64_t forget;  /* files dead before it have gone, but those that a pin holds; at most H */
};

struct state_note {
    struct slice why; /* for people */
};

/* While paused since before its base, at or above H or at a live pin (rule G5). */
struct table_state;
struct state_restore {
    struct slice root;
    uint64_t number;                /* the frame it stands at */
    const struct table_state *from; /* never in the bytes: the snapshot, as state_wants demands */
};

/* How an input file is read. */
struct state_reading {
    struct slice format; /* its name; empty: as the content says */
    struct slice kinds;  /* the column of row kinds; empty: all rows are puts */
    bool skips;          /* bad rows are left out... */
    uint64_t most;       /* ...so many; 0: any number */
};

/* An input file that waits: where it is, as whoever ingests it will find it. */
struct state_submit_file {
    struct slice path; /* 1 to STATE_PATH_MAX bytes */
    uint64_t bytes;    /* its size, as far as known */
    struct state_reading reading;
};

struct state_submit {
    const struct state_submit_file *files;
    size_t count;
};

struct state_withdraw {
    const struct state_id *files;
    size_t count;
};

struct state_create_table {
    struct slice name;
    struct hash128 table;
};

/* RENAME_TABLE: `name` is the new one. DROP_TABLE, ONLINE, OFFLINE: the name is blank. */
struct state_name_table {
    struct hash128 table;
    struct slice name;
};

/* A payload out of line. */
struct state_body {
    struct slice name;           /* "body/<base>-<hash>", relative to the table; empty: in line */
    uint64_t bytes;              /* of that object */
    const struct slice *objects; /* names of all data files in it */
    size_t object_count;
    struct state_id job; /* an import's: its files may be old; blank: none */
    bool is_missing;     /* the payload was not read yet */
};

struct state_txn {
    enum state_kind kind;
    /* The envelope. */
    uint32_t rule_version;
    uint64_t features; /* a bit for each feature a reader must have; none so far */
    struct hash128 txid;
    uint64_t base;   /* the frame its author had replayed to (rule I2) */
    int64_t time_us; /* its author's estimate of the store's clock, since 1970 (rule T1) */
    bool has_token;  /* the txid is the hash of a client token */
    struct state_body body;
    /* The payload. */
    union {
        struct state_create create;
        struct state_add add;
        struct state_assign assign;
        struct state_replace replace;
        struct state_fail fail;
        struct state_split split;
        struct state_cut cut;
        struct state_file_down file_down;
        struct state_verify verified;
        struct state_extend extend;
        struct state_reassign reassign;
        struct state_merge merge;
        struct state_overwrite overwrite;
        struct state_range_delete range_delete;
        struct state_purge_rows purge;
        struct state_retire_purge retire;
        struct state_alter alter;
        struct state_set_properties properties; /* DEFAULTS too */
        struct state_pin_snapshot pin;
        struct state_unpin unpin;
        struct state_collect collect;
        struct state_note note; /* PAUSE, RESUME, DROP */
        struct state_restore restore;
        struct state_submit submit;
        struct state_withdraw withdraw;
        struct state_create_table create_table;
        struct state_name_table name_table; /* RENAME_TABLE, DROP_TABLE, ONLINE, OFFLINE */
    };
};

/*
 * Append a transaction's bytes to `out`.
 *
 * Errors   LIMIT      longer than STATE_TXN_MAX_BYTES, or than out->max
 *          NO_MEMORY
 */
SLP_NODISCARD slp_rc state_txn_encode(const struct state_txn *txn, struct buf *out,
                                      struct slp_err *err);

/*
 * Read the transaction that `bytes` begins with; `*used` says how many it took. Keys, names and
 * schema borrow from `bytes`; lists are in the arena.
 *
 * Errors   CORRUPT      bytes that are no transaction, with their offset from `place`, the offset
 *                       of `bytes` in its object
 *          UNSUPPORTED  a kind, a field of odd id, a feature or a rule version that this program
 *                       does not know, by name
 *          NO_MEMORY, LIMIT
 */
SLP_NODISCARD slp_rc state_txn_decode(struct slice bytes, uint64_t place, struct arena *arena,
                                      struct state_txn *out, size_t *used, struct slp_err *err);

/* How long the transaction is that `bytes` begins with, and whether its payload stands apart. Errors:
 * CORRUPT, UNSUPPORTED. */
SLP_NODISCARD slp_rc state_txn_peek(struct slice bytes, size_t *used, bool *is_apart,
                                    struct slp_err *err);

/* An object that holds the payload of a transaction. */
#define STATE_BODY_NAME_BYTES 64
struct state_apart {
    uint64_t base;                    /* what its maker has replayed to (rule G1) */
    struct buf *object;               /* its bytes; replaced */
    char name[STATE_BODY_NAME_BYTES]; /* relative to the table */
};

/*
 * Append a transaction whose payload stands in an object of its own. That object is durable before
 * the frame is.
 *
 * txn      as for state_txn_encode; `body` of it is set here and borrows from `apart` and the arena
 * Errors   LIMIT      a payload beyond STATE_BODY_MAX_BYTES, or so many names that a frame does not
 *                     hold them
 *          NO_MEMORY
 */
SLP_NODISCARD slp_rc state_txn_encode_apart(struct state_txn *txn, struct state_apart *apart,
                                            struct arena *arena, struct buf *out,
                                            struct slp_err *err);

/*
 * Give a transaction the payload that its body object holds.
 * Errors   CORRUPT      it is not the object that the transaction names, or adds other files
 *          UNSUPPORTED  as state_txn_decode
 *          NO_MEMORY, LIMIT
 */
SLP_NODISCARD slp_rc state_txn_take_body(struct state_txn *txn, struct slice object,
                                         struct arena *arena, struct slp_err *err);

/* The files that a transaction adds: of an ADD or OVERWRITE; none of other kinds. */
const struct state_new_file *state_txn_files(const struct state_txn *txn, size_t *count);

/* The mint base that the name of an object begins with: "data/3f/<20 digits>-...", 0 for a name of
 * another form. */
uint64_t state_mint_base(struct slice name);

/* Twenty decimal digits, as names of frames and objects have them; false for anything else. */
bool state_digits_parse(const uint8_t digits[20], uint64_t *out);

/* One line about a transaction for people: "add 2 files, 3000 rows, 40960 bytes". Appends. */
SLP_NODISCARD slp_rc state_txn_summary(const struct state_txn *txn, struct buf *out,
                                       struct slp_err *err);

#endif
