/*
 * Transactions: what may be written into a log, as plain structs, and their bytes.
 *
 * A transaction is built by filling a `struct state_txn` and is read back into the same struct. The
 * envelope (txid, base, time, kind, rule version, features) is set by whoever commits; the payload
 * is one member of the union, chosen by `kind`. docs/format/log.md has the bytes, and for each kind
 * its scope, precondition and effect.
 *
 *   kind       scope   what it does
 *   CREATE     table   schema, key version and first leaves: the first transaction of a table
 *   ADD        global  files; apply files them under whatever leaves they meet (rule P2), or keeps
 *                      those marked `is_unfiled` in the list of unfiled files
 *   ASSIGN     leaf    items: a job over references of one leaf
 *   REPLACE    job     items: finish a job: its inputs go, its outputs come in their place
 *   FAIL       job     items: end a job; its inputs are free again
 *   SPLIT      leaf    items: one leaf becomes several, and references become several with it
 *   CUT        leaf    items: the exact rows of one reference
 *   FILE_DOWN  global  items: an unfiled file gets a reference under each leaf it meets
 *   VERIFIED    global   a snapshot was reproduced: frames up to it may go
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
#define STATE_TXN_MAX_BYTES ((size_t)1 << 20)

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

/* "12.0.3", with a terminator. */
#define STATE_ID_TEXT_BYTES 48
void state_id_format(struct state_id id, char out[STATE_ID_TEXT_BYTES]);
bool state_id_parse(struct slice text, struct state_id *out); /* false if it is none */

/* A file as its maker hands it in. */
struct state_new_file {
    struct slice name; /* relative to the table: "data/3f/...parquet"; state_data_name makes it */
    struct datafile_info info;
    uint32_t schema_version; /* 1 for now */
    bool is_unfiled;         /* ADD only: meets so many leaves that one entry is better than many */
    struct slice extra;      /* fields of even ids that this program does not know, as they stood */
};

struct state_create {
    struct slice name;                /* the table's name when it was made; for people */
    struct hash128 table;             /* the table's id */
    struct slice schema_json;         /* canonical */
    uint32_t key_version;             /* KEY_VERSION */
    const struct slice *split_points; /* ascending keys between the first leaves */
    size_t split_point_count;
};

struct state_add {
    const struct state_new_file *files;
    size_t count;
};

struct state_assign_item {
    struct key_range leaf;         /* must be a leaf with just these bounds */
    const struct state_id *inputs; /* files with a free reference in it */
    size_t input_count;
    int64_t deadline_us; /* on the store's clock; later others may FAIL the job */
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
    struct slice why; /* for people */
};

struct state_fail {
    const struct state_fail_item *items;
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

struct state_create_table {
    struct slice name;
    struct hash128 table;
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
        struct state_create_table create_table;
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

/* One line about a transaction for people: "add 2 files, 3000 rows, 40960 bytes". Appends. */
SLP_NODISCARD slp_rc state_txn_summary(const struct state_txn *txn, struct buf *out,
                                       struct slp_err *err);

#endif
