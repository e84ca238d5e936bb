/*
 * State: instances, the catalogue of tables, and tables as logs of transactions.
 *
 *   <root>/sleeper.json                          instance id and layout version; written once
 *   <root>/log/<20 digits>                       the catalogue: a log whose state is names -> ids
 *   <root>/t/<table id>/log/<20 digits>          the frames of a table, from 1
 *   <root>/t/<table id>/inbox/<base>-<txid>      transactions that wait to be packed into a frame
 *   <root>/t/<table id>/snap/<base>-<hash>       roots and shards of snapshots
 *   <root>/t/<table id>/floor                    the lowest frame of the log, and a snapshot
 *   <root>/t/<table id>/data/<hh>/<base>-<id>.parquet
 *
 * A table's state is a function of its own log alone. A handle replays it; `state_table_view` is
 * what it has replayed to. To change a table: fill a struct state_txn from what the view says,
 * commit it, look at the outcome. Preconditions stand in the transaction and are judged when it is
 * replayed, by everybody alike, so a commit may succeed and yet change nothing: a recorded no-op
 * with a reason (state_result_check makes an error of that).
 *
 *     TRY(state_table_open(instance, slice_str("flights"), &table, err));
 *     struct state_txn txn = {.kind = STATE_ADD, .add = {.files = files, .count = n}};
 *     TRY_OUT(state_table_commit(table, &txn, NULL, &result, err));
 *     TRY_OUT(state_result_check(&result, err));
 *
 * A commit creates frame n+1. Whoever loses that race reads the winner, applies it and tries n+2;
 * after two losses the transaction is left in the inbox, where whoever waits longest packs all that
 * it sees into one frame (rule C1). Handles of one instance share a queue for each log: what several
 * threads commit at once goes into one frame. An outcome that is not known is found out by looking for the transaction's id in the
 * frames (rule I4); ids make it harmless if a lost attempt lands later (rule I3).
 *
 * Nothing taken from the log counts until its floor is read after it (rule F1): commits and refreshes
 * end with that read.
 *
 * Threads: an instance may be shared; each handle belongs to one thread at a time.
 */
#ifndef SLP_STATE_STATE_H
#define SLP_STATE_STATE_H

#include "base/show.h"
#include "schema/properties.h"
#include "state/txn.h"
#include "state/view.h"
#include "store/store.h"

/* The layout version of sleeper.json that this program writes, and the highest it opens. */
#define STATE_LAYOUT_VERSION 1

/* How long a commit goes on trying when the caller does not say: longer than any queue of writers
 * that still moves. */
#define STATE_COMMIT_WAIT_US ((int64_t)600 * 1000 * 1000)

#define STATE_TABLE_NAME_MAX 128u

/* The name of an object, relative to the root of the store. */
struct state_name {
    char text[STORE_NAME_MAX + 1]; /* terminated */
    size_t len;
};

static inline struct slice state_name_slice(const struct state_name *n)
{
    return slice_of(n->text, n->len);
}

struct state_instance;
struct state_table;

struct state_options {
    const struct hash128 *seed; /* of all random ids; NULL: the kernel's randomness */
    struct state_rules rules;   /* zeroed: the default */
};

/*
 * Make an instance. `options` may be NULL, here and below.
 * Errors   EXISTS   there is one already
 *          and whatever the store returns
 */
SLP_NODISCARD slp_rc state_instance_create(struct store *store, const struct state_options *options,
                                           struct slp_err *err);

/*
 * Open one. The store is borrowed and outlives it.
 * Errors   NOT_FOUND    no instance there: "no instance at this place; make one with 'sleeper init'"
 *          UNSUPPORTED  a newer layout
 *          CORRUPT      sleeper.json is damaged
 * Cost     one round of two requests: the catalogue's head comes along, for whoever asks first
 */
SLP_NODISCARD slp_rc state_instance_open(struct alloc *mem, struct store *store,
                                         const struct state_options *options,
                                         struct state_instance **out, struct slp_err *err);
void state_instance_close(struct state_instance *i); /* NULL is accepted; close its tables first */

struct store *state_instance_store(struct state_instance *i);
struct hash128 state_instance_id(const struct state_instance *i);

/* A random id that no other call has had: for file names, attempts, tokens. Safe from any thread.
 */
struct hash128 state_random_id(struct state_instance *i);

/* [A-Za-z_][A-Za-z0-9_.-]*, at most STATE_TABLE_NAME_MAX bytes. Errors: INVALID. */
SLP_NODISCARD slp_rc state_table_name_check(struct slice name, struct slp_err *err);

struct state_table_entry {
    struct slice name;
    struct hash128 id;
    int64_t created_us;
    bool is_offline; /* compactions and splits are not made by themselves; all else works */
};

/* All tables, ascending by name, into an arena. Cost: the frames of the catalogue, read anew. */
SLP_NODISCARD slp_rc state_table_list(struct state_instance *i, struct arena *arena,
                                      struct state_table_entry **out, size_t *count,
                                      struct slp_err *err);

/* All that the catalogue says of tables there are, by one reading of it, into an arena. */
struct state_contents {
    struct state_table_entry *tables; /* as state_table_list */
    size_t table_count;
    struct state_property *defaults; /* as state_defaults_list */
    size_t default_count;
};

SLP_NODISCARD slp_rc state_contents_list(struct state_instance *i, struct arena *arena,
                                         struct state_contents *out, struct slp_err *err);

struct state_table_options {
    struct slice name;
    struct slice schema_json;         /* canonical: schema_format's */
    const struct slice *split_points; /* encoded keys, ascending, none empty; may be NULL */
    size_t split_point_count;
    const struct state_property *properties; /* names ascend; may be NULL */
    size_t property_count;
    uint32_t engine; /* these four as in struct state_create; zeroed: a bag */
    bool is_ordered;
    uint32_t order_by;
    struct slice engine_text;
};

/*
 * Make a table. Its own log is begun first, then the name is entered into the catalogue.
 * Errors   INVALID  the name or the split points
 *          EXISTS   a table of this name, or somebody made one meanwhile
 *          and whatever the store returns
 */
SLP_NODISCARD slp_rc state_table_create(struct state_instance *i,
                                        const struct state_table_options *options,
                                        struct slp_err *err);

/* Give a table another name. Errors: INVALID, NOT_FOUND, EXISTS, CONFLICT; those of a commit. */
SLP_NODISCARD slp_rc state_table_rename(struct state_instance *i, struct slice name,
                                        struct slice to, struct slp_err *err);

/* Take it offline or online; `*was_changed` is false where it is so already. */
SLP_NODISCARD slp_rc state_table_set_offline(struct state_instance *i, struct slice name,
                                             bool is_offline, bool *was_changed,
                                             struct slp_err *err);

/*
 * Drop a table: its log ends, its floor goes to the maximum (rule F2), then its name goes. Whoever
 * is stopped in between leaves a name whose table is dropped; the next call goes on from there.
 * From then on whoever has it open is told NOT_FOUND, and nothing that comes late counts. Objects
 * stay until they are collected. A table whose log is damaged can be dropped too.
 *
 * Errors   NOT_FOUND  the name; and those of a commit
 */
SLP_NODISCARD slp_rc state_table_drop(struct state_instance *i, struct slice name,
                                      struct slp_err *err);

/* A table that was dropped: its id is never a table's again. */
struct state_dropped_table {
    struct hash128 id;
    int64_t dropped_us; /* the dropping transaction's time */
};

/* All of them, in order of dropping: what lies below t/<id>/, but for `floor`, is garbage. */
SLP_NODISCARD slp_rc state_dropped_list(struct state_instance *i, struct arena *arena,
                                        struct state_dropped_table **out, size_t *count,
                                        struct slp_err *err);

/* The instance's defaults of properties, ascending by name; and setting them, whose names ascend. */
SLP_NODISCARD slp_rc state_defaults_list(struct state_instance *i, struct arena *arena,
                                         struct state_property **out, size_t *count,
                                         struct slp_err *err);
SLP_NODISCARD slp_rc state_defaults_set(struct state_instance *i,
                                        const struct state_property *items, size_t count,
                                        struct slp_err *err);

/*
 * Open a table by name and replay its log. The instance outlives it.
 * Errors   NOT_FOUND  no such table (with the nearest name); and those of state_table_refresh
 * Cost     the frames of the catalogue; those of the table since the snapshot that its floor names,
 *          and that, if there is one; up to 16 a round
 */
SLP_NODISCARD slp_rc state_table_open(struct state_instance *i, struct slice name,
                                      struct state_table **out, struct slp_err *err);

/*
 * Says what is wanted of a table once its schema is known, for keys can only be encoded then: an
 * interval, in which leaves must be loaded. Of `t` only name, schema and key spec may be asked.
 * `*range` borrows until the call that opens returns.
 */
typedef slp_rc (*state_choose_fn)(void *context, struct state_table *t, struct key_range *range,
                                  struct slp_err *err);

/* What of a table is opened; zeroed: all of it, at the tip. */
struct state_open_options {
    /* Leaves that share a key with it; blank: all. The view has no others, nor does it say what files
     * nobody refers to; what is committed through such a handle is judged for all leaves by whoever has
     * them, and its outcome tells only of those that are loaded. */
    struct key_range range;
    uint64_t at; /* the state behind this frame, which then stays as it is; 0: the tip */
    /* In place of `range`. It is asked with the schema of the snapshot that is begun from, and not at
     * all where there is none, or may fail, so the caller asks state_table_cover for what it wants
     * when the table is open. NULL: `range` says it. */
    state_choose_fn choose;
    void *context;
    bool is_without_head; /* replay the log itself, from its floor: what `check` believes */
};

/*
 * Open a part of a table, or an earlier state of it. Root and one shard give exact verdicts for that
 * shard (rule P1); where leaves were merged over a bound of what is loaded, more is (rule P3).
 *
 * Errors   NOT_FOUND  also for a state that is not there yet or not kept any more
 *          and those of state_table_open
 * Cost     as state_table_open, but only shards that meet the range
 */
SLP_NODISCARD slp_rc state_table_open_with(struct state_instance *i, struct slice name,
                                           const struct state_open_options *options,
                                           struct state_table **out, struct slp_err *err);

/*
 * The last frame whose table time is not above `time_us`: what the table was then is its state behind
 * that frame. `t` need not be at the tip.
 *
 * Errors   NOT_FOUND  older than what is kept
 * Cost     a replay to the tip; one from each snapshot that is too young, from the newest on, up to
 *          its first frame; then one up to that time
 */
SLP_NODISCARD slp_rc state_table_find_time(struct state_table *t, int64_t time_us, uint64_t *number,
                                           struct slp_err *err);

/* Open by id, without the catalogue. `options` may be NULL. */
SLP_NODISCARD slp_rc state_table_open_id(struct state_instance *i, struct hash128 id,
                                         struct state_table **out, struct slp_err *err);
SLP_NODISCARD slp_rc state_table_open_id_with(struct state_instance *i, struct hash128 id,
                                              const struct state_open_options *options,
                                              struct state_table **out, struct slp_err *err);

/*
 * Have the leaves that share a key with `range` (blank: all) at hand, in place of those that are:
 * a handle that is asked for one interval after the other has all of them from the third on.
 *
 * Errors   those of state_table_open_with; after one the view may be blank until a refresh succeeds
 * Cost     none where they are at hand; else that of opening, without the catalogue
 */
SLP_NODISCARD slp_rc state_table_cover(struct state_table *t, struct key_range range,
                                       struct slp_err *err);
void state_table_close(struct state_table *t); /* NULL is accepted */

/*
 * Replay to the tip.
 * Errors   CORRUPT      a frame that is damaged, missing or of another chain, with its name
 *          UNSUPPORTED  a frame of a newer program, with what is not understood; replay stops
 * before and whatever the store returns. The view stays where the last good frame left it: it is
 *          one of a whole frame always. After NO_MEMORY, damage inside a frame, or where more had to be
 *          loaded and could not, it may be blank until a refresh succeeds.
 * Cost     two requests when nothing is new, the next frame and the floor; else up to 16 a round, and
 *          a round for each 16 bodies that stand apart
 */
SLP_NODISCARD slp_rc state_table_refresh(struct state_table *t, struct slp_err *err);

/*
 * Replay to the tip, and at least to frame `number`: what a receipt asks for.
 * Errors   UNAVAILABLE  the log does not reach that far; and those of state_table_refresh
 */
SLP_NODISCARD slp_rc state_table_refresh_to(struct state_table *t, uint64_t number,
                                            struct slp_err *err);

/* What has been replayed so far. Valid until the next refresh, commit or close. */
const struct table_state *state_table_view(const struct state_table *t);

/* The lowest frame that may still be part of the log, as it was when it was last read. */
uint64_t state_table_lowest(const struct state_table *t);

/* Transactions that the packer of the last frame saw waiting in the inbox; 0 where it did not look. */
uint32_t state_table_waiting(const struct state_table *t);

struct hash128 state_table_id(const struct state_table *t);
struct slice state_table_name(const struct state_table *t); /* hex id when opened by id */
struct state_instance *state_table_instance(const struct state_table *t);

/* Parsed once, lives as long as the handle. */
const struct schema *state_table_schema(const struct state_table *t);
const struct key_spec *state_table_key_spec(const struct state_table *t);

/*
 * The properties that count for this table: its own, as the view has them, else the instance's
 * defaults, else those of schema/properties.def. The instance's are those of when the handle was
 * opened by name; one that was opened by id has none until it reads them. Borrows from the handle.
 *
 *     struct schema_properties p = state_table_properties(table);
 *     int64_t rows = schema_property_number(&p, SCHEMA_PROPERTY_SPLIT_THRESHOLD);
 */
struct schema_properties state_table_properties(const struct state_table *t);

/* Read the instance's defaults anew. Cost: that of reading the catalogue. */
SLP_NODISCARD slp_rc state_table_read_defaults(struct state_table *t, struct slp_err *err);

/* The same where they were read already; copies. */
SLP_NODISCARD slp_rc state_table_set_defaults(struct state_table *t,
                                              const struct state_property *items, size_t count,
                                              struct slp_err *err);

/*
 * A fresh name for a data file: "data/<hh>/<base>-<id>.parquet", relative to the table. `base` is
 * the frame the view stands at (rule G1); the id is random, `suffix` (letters, digits, dots
 * and dashes, or empty; for people, such as "12.0.3-1" for job and attempt) follows it.
 * Errors: INVALID for the suffix, LIMIT.
 */
SLP_NODISCARD slp_rc state_data_name(struct state_table *t, struct slice suffix,
                                     struct state_name *out, struct slp_err *err);

/* The name in the store of something relative to the table: "t/<table id>/<name>". */
SLP_NODISCARD slp_rc state_table_object(const struct state_table *t, struct slice name,
                                        struct state_name *out, struct slp_err *err);

struct state_commit_options {
    struct slice token; /* client token: the same again is a duplicate; empty: none */
    const struct slice
        *bodies; /* of embedded files: a file's `body` counts in it, from 1 (rule G4) */
    size_t body_count;
    int64_t max_wait_us;        /* go on trying for so long; 0: STATE_COMMIT_WAIT_US */
    const volatile int *cancel; /* set non-zero by somebody else to give up; may be NULL */
};

/* What a commit came to. `items` is valid until the next refresh, commit or close. */
struct state_result {
    struct state_outcome outcome;
    uint32_t losses; /* races lost on the way */
};

/*
 * Commit a transaction: sets its envelope, writes it, replays up to it. With a token that was
 * committed before nothing is written and the outcome is the first one's (is_duplicate).
 *
 * txn      kind and payload are the caller's; the envelope is set here
 * Errors   LIMIT        more than a body can hold, or files whose names alone fill a frame; more
 *                       bytes of embedded files than a frame holds
 *          UNAVAILABLE  not committed in time
 *          CANCELLED    by the caller, before anything was written
 *          UNKNOWN      given up (time or cancel) while an attempt may still land
 *          and those of state_table_refresh
 * Cost     one write and one read when nobody else commits, and one write before where the payload is
 *          too large for a frame and stands in an object of its own; a read and a write more for each of two races lost;
 *          then a write to the inbox, a look at the tail after each PUT time, at least one listing,
 *          and one removal
 */
SLP_NODISCARD slp_rc state_table_commit(struct state_table *t, struct state_txn *txn,
                                        const struct state_commit_options *options,
                                        struct state_result *out, struct slp_err *err);

/*
 * Was a transaction of this client token committed, as far as was replayed? Then `*out` says where
 * (is_duplicate): who has much to do before it commits asks first.
 *
 * Cost   nothing; a read where the token is so old that only the snapshot knows it, and likewise where
 *        it is new and there is a snapshot
 */
SLP_NODISCARD slp_rc state_table_find_token(struct state_table *t, struct slice token,
                                            struct state_outcome *out, bool *is_found,
                                            struct slp_err *err);

/*
 * Pack what waits in the table's inbox into a frame, at once: what a resident committer does again
 * and again (rule C1). `*packed` says how many transactions it held; losing the race for the frame
 * leaves it 0, for then somebody else has moved on.
 *
 * Errors   whatever the store returns; those of state_table_refresh. A frame whose creation was not
 *          answered is no error here: nobody was told anything.
 * Cost     a refresh and a listing when nothing waits; else a round of reads, a write, a round of
 *          removals more
 */
SLP_NODISCARD slp_rc state_table_pack(struct state_table *t, uint32_t *packed, struct slp_err *err);

/* Frames since the newest verified snapshot after which the next one is due. */
#define STATE_KEEP_FRAMES 256u

/* Of a large state it is due later: after a 256th of its references, at most these. */
#define STATE_KEEP_FRAMES_MOST 4096u

/* It is due sooner when the frames since have so many bytes, bodies that stand apart included: what a
 * head holds of them, or four for each reference if that is more, at most these. So whoever opens a
 * part of a table reads 8 MB in four rounds at most. */
#define STATE_KEEP_BYTES      ((uint64_t)1 << 20)
#define STATE_KEEP_BYTES_MOST ((uint64_t)4 << 20)

/* What keeping a log short came to. */
struct state_kept {
    bool is_made;      /* a snapshot was made, reproduced and recorded as verified */
    uint64_t verified; /* the frame of the newest verified snapshot; 0: there is none */
    uint64_t floor;    /* the lowest frame that is part of the log */
    uint64_t deleted;  /* frames below it that went */
};

/*
 * Keep the log short: make a snapshot when `every` frames (0: as the property
 * statestore.snapshot.frames says) have come since the
 * newest verified one, reproduce it by a second replay that begins at that one, record it as verified
 * (rule S2), raise the floor to the one before it and delete the frames below (rules F2, S3). Anyone
 * may call it at any time; doing so twice or at once is harmless. From then on opening the table
 * reads the snapshot and the frames behind it.
 *
 * Errors   CORRUPT  the second replay came to something else: nothing is recorded or deleted
 *          LIMIT    the global part of the state is larger than STATE_SNAPSHOT_MAX_BYTES
 *          and those of commits and of the store
 * Cost     a refresh when nothing is due; else a second replay, the objects written and read once,
 *          a commit, a listing, and a deletion for each frame
 */
SLP_NODISCARD slp_rc state_table_keep(struct state_table *t, uint64_t every, struct state_kept *out,
                                      struct slp_err *err);

/* The same, but at once, and without deleting what came before: whoever pins what is now does not
 * forget what was. */
SLP_NODISCARD slp_rc state_table_snapshot(struct state_table *t, struct state_kept *out,
                                          struct slp_err *err);

/*
 * The same if a snapshot is due: what whoever has committed calls when it is done. Losing to somebody
 * else is no error, and neither is a store that does not answer: the next one does it.
 */
void state_table_keep_due(struct state_table *t);

/* OK if the transaction and all of its items were applied. Errors: CONFLICT with the first reason.
 */
SLP_NODISCARD slp_rc state_result_check(const struct state_result *r, struct slp_err *err);

/* The id of the i-th file, output or job that a transaction made. */
struct state_id state_result_id(const struct state_result *r, uint32_t item);

/* One transaction of a log, for people. */
struct state_history_entry {
    struct state_position at;
    const struct state_txn *txn; /* decoded; borrowed until the next call */
    struct state_outcome outcome;
    struct slice summary; /* "add 2 files, 3000 rows, 40960 bytes" */
};

struct state_history;

/* Go through a table's log from the first frame behind the snapshot that its floor names, from frame
 * 1 while nothing was trimmed. NULL table: the catalogue's log. */
SLP_NODISCARD slp_rc state_history_open(struct state_instance *i, const struct state_table *t,
                                        struct state_history **out, struct slp_err *err);

/* The next transaction; DONE at the tip. Errors as state_table_refresh. */
SLP_NODISCARD slp_rc state_history_next(struct state_history *h, struct state_history_entry *out,
                                        struct slp_err *err);
void state_history_close(struct state_history *h); /* NULL is accepted */

/* Do these bytes begin as an object of a log does: frame, inbox, body, floor, head, root, shard or list? And as a frame? */
bool state_object_is(struct slice bytes);
bool state_frame_is(struct slice bytes);

/*
 * Describe such an object in the object of `s` that is open, by the names of docs/format/log.md and
 * docs/format/snapshot.md: what it is, its size and hash, and all that it holds; of a head its objects and
 * frames too. Keys are hexadecimal, times are microseconds since 1970.
 *
 * Errors  CORRUPT with the offset, UNSUPPORTED, as on replay; NO_MEMORY, LIMIT
 */
SLP_NODISCARD slp_rc state_object_show(struct slice bytes, struct alloc *mem, struct show *s,
                                       struct slp_err *err);

/* A frame as text, for `inspect`: header, then each transaction with all of its fields. Appends.
 * Errors: CORRUPT, UNSUPPORTED as on replay. */
SLP_NODISCARD slp_rc state_frame_print(struct slice frame, struct alloc *mem, struct buf *out,
                                       struct slp_err *err);

#endif
