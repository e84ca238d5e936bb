/*
 * The global part of a table's state (rule P1): what is not below a leaf, and is kept in the root of
 * every snapshot. Engine, schema versions, properties, purges, pins, the marks of collection, and
 * the positions that folds of unfiled files must not reach over.
 *
 * Pure. Everything is borrowed as view.h says.
 */
#ifndef SLP_STATE_GLOBAL_H
#define SLP_STATE_GLOBAL_H

#include "state/view.h"

/* As many there may be. */
#define STATE_PINS_MAX       1024u
#define STATE_PROPERTIES_MAX 1024u

/* Submitted files at most, and bytes of their paths: they stand in the root of every snapshot. */
#define STATE_SUBMITTED_MAX       10000u
#define STATE_SUBMITTED_MAX_BYTES ((size_t)4 << 20)
#define STATE_READING_FORMAT_MAX  32u
#define STATE_READING_KINDS_MAX   256u

/* Of why one failed, so much is kept. */
#define STATE_FAILURE_MAX 256u

/* Fixed when the table was made (rule O2). */
enum state_engine state_engine(const struct table_state *s);
uint32_t state_order_by(const struct table_state *s); /* a field's id, and one; 0: by position */
struct slice state_engine_text(const struct table_state *s);

/* Was a delete or a reset ever committed? For ever (rule O3). */
bool state_has_deleted(const struct table_state *s);

/* Do jobs take only runs that are adjacent in position (rule O3)? */
bool state_is_order_sensitive(const struct table_state *s);

/* Properties, ascending by name. */
size_t state_property_count(const struct table_state *s);
const struct state_property *state_property_at(const struct table_state *s, size_t i);

/* The value of a property; false where the table does not set it. */
bool state_property_find(const struct table_state *s, struct slice name, struct slice *value);

/* A version of the schema. Files name the one they were written under. */
struct state_schema {
    uint32_t version;
    struct slice json;
    struct state_position at; /* the create or alter that brought it */
};

/* Ascending by version; the last one is current. */
size_t state_schema_count(const struct table_state *s);
const struct state_schema *state_schema_at(const struct table_state *s, size_t i);
const struct state_schema *state_schema_find(const struct table_state *s, uint32_t version);

/* The version that the next alter must name. */
uint32_t state_schema_next(const struct table_state *s);

/*
 * A purge concerns rows of files whose purged_through is below `at` (rule V3). A range delete, and
 * that of an overwrite, is one over an interval of keys (rule V4).
 */
struct state_purge {
    struct state_position at;
    bool is_range;
    struct key_range range;  /* of a range delete */
    struct slice predicate;  /* of a purge: text */
    struct slice bound;      /* as the predicate room stores it; may be empty */
    bool is_on_keys;         /* the predicate names key fields only */
    uint32_t schema_version; /* that it was bound under */
    int64_t time_us;         /* table time when it was committed */
};

/* Ascending by position. */
size_t state_purge_count(const struct table_state *s);
const struct state_purge *state_purge_at(const struct table_state *s, size_t i);

/* May a purge be retired as far as restoring goes (rule V5)? Whether a live file or an open job is
 * below it is for the caller to know (rule P5). */
bool state_purge_is_restorable(const struct table_state *s, const struct state_purge *purge);

struct state_pin {
    struct slice name;
    struct slice root;  /* of a verified snapshot, relative to the table */
    uint64_t number;    /* the frame that it stands at */
    int64_t expires_us; /* on the store's clock; 0: never */
    struct state_position at;
};

/* Ascending by name. */
size_t state_pin_count(const struct table_state *s);
const struct state_pin *state_pin_at(const struct table_state *s, size_t i);
const struct state_pin *state_pin_find(const struct table_state *s, struct slice name);

/* The marks of rule G1: M, below which made things are too old, and H, below which no state is
 * restored; 0 before the first collect. */
uint64_t state_minted(const struct table_state *s);
uint64_t state_horizon(const struct table_state *s);

bool state_is_paused(const struct table_state *s);
struct state_position state_paused_at(const struct table_state *s);
bool state_is_dropped(const struct table_state *s);

/* The lowest positions of runs that leaves were given since the oldest unfiled file, by adds and by
 * filing down, ascending: no fold reaches over one where order counts (rule O4). */
size_t state_add_count(const struct table_state *s);
struct state_position state_add_at(const struct table_state *s, size_t i);

/* An input file that was submitted and is not ingested yet. */
struct state_submitted {
    struct state_id id;
    struct slice path;
    uint64_t bytes;      /* of the file, as its submitter saw it */
    int64_t time_us;     /* table time when it was submitted first */
    uint32_t failures;   /* since then */
    int64_t failed_us;   /* table time of the last one */
    struct slice why;    /* it failed */
    struct state_id job; /* the batch that holds it; none: it waits */
    struct state_reading reading;
};

/* Are they read alike, so that one ingest may have both? */
bool state_reading_equal(const struct state_reading *a, const struct state_reading *b);

/* Ascending by id: in the order in which they were submitted. */
size_t state_submitted_count(const struct table_state *s);
const struct state_submitted *state_submitted_at(const struct table_state *s, size_t i);
const struct state_submitted *state_submitted_find(const struct table_state *s, struct state_id id);

/* Open jobs of a kind. */
size_t state_job_count_of(const struct table_state *s, enum state_job_kind kind);

/*
 * What apply wants before it can judge a transaction: it is pure, so whoever replays fetches it.
 * Transactions that are no-ops for what stands in the frame want nothing, so that what they name
 * need not be there (rules G1, G3).
 */
enum state_want_kind {
    STATE_WANT_NOTHING,
    STATE_WANT_BODY, /* the body object `name`; then state_txn_take_body */
    STATE_WANT_ROOT, /* the snapshot with root `name` at frame `number`; then txn->restore.from */
    STATE_WANT_LEAF  /* leaves of `range`, for a merge over a bound of what is loaded (rule P3) */
};

struct state_want {
    enum state_want_kind kind;
    struct slice name; /* relative to the table */
    uint64_t number;
    struct key_range range;
};

/* Ask again after each thing that was fetched. One that is gone or damaged is CORRUPT. */
struct state_want state_wants(const struct table_state *s, const struct state_txn *txn,
                              struct state_position at);

#endif
