/*
 * Snapshots: the state of a table as objects, a root and shards by interval of keys.
 * docs/format/snapshot.md has the bytes.
 *
 *   root    position, hash of its frame, the global part, and the names of the others
 *   shard   leaves of an interval with their references, the files behind them, and their jobs
 *   lists   ring, dead files and tokens (snapshot_list.h)
 *
 * The bytes of a state are one and the same whoever makes them, given the same cuts between shards,
 * so an object's name, which is the hash of its content, is the digest that a second replay has to
 * reproduce (rules S1, S2). A shard holds no position: where nothing changed, the next snapshot takes
 * it over.
 *
 * Pure. Private to src/state.
 */
#ifndef SLP_STATE_SNAPSHOT_H
#define SLP_STATE_SNAPSHOT_H

#include "state/snapshot_list.h"

/* A root or shard. A state whose global part is larger has no snapshot. */
#define STATE_SNAPSHOT_MAX_BYTES ((size_t)256 << 20)

/* A shard ends behind the leaf that makes it so long. */
#ifdef SLEEPER_BUGS
#define STATE_SHARD_BYTES ((size_t)256) /* the simulator's tables are small (bug.h) */
#else
#define STATE_SHARD_BYTES ((size_t)1 << 20)
#endif

/* Where the parent's shards are shorter, they are put together. */
#define STATE_SHARD_LEAST_BYTES (STATE_SHARD_BYTES / 8)

/* What decoding one of them may take. */
#define STATE_SNAPSHOT_ARENA_MAX ((size_t)2 << 30)

struct state_shard_entry {
    struct slice name; /* relative to the table */
    struct key_range range;
    uint64_t bytes;
};

struct state_snapshot {
    uint64_t number;
    struct hash128 frame_hash; /* of frame `number`: what the next one must name */
    struct slice parent;       /* root of the snapshot before; empty: none */
    const struct state_shard_entry *shards;
    size_t shard_count;
    const struct state_list_entry *lists; /* rings, dead, tokens; each in order */
    size_t list_count;
};

/* Where a shard that begins with leaf `first` ends: as it did in the parent, and where it is long. */
size_t state_shard_end(const struct table_state *s, size_t first,
                       const struct state_snapshot *parent);

/*
 * Is the shard that begins with leaf `first` one of the parent's, because it ends where that did and
 * nothing of its leaves has changed since? Then `*end` and `*out`: it comes out as that one.
 */
bool state_shard_is_kept(const struct table_state *s, size_t first,
                         const struct state_snapshot *parent, size_t *end,
                         const struct state_shard_entry **out);

/* The parent's shard whose lowest key is `lo`; NULL if there is none. */
const struct state_shard_entry *state_shard_at(const struct state_snapshot *parent,
                                               struct slice lo);

/* The leaves [first, end) as a shard; replaces `out`. Errors: NO_MEMORY, LIMIT. */
SLP_NODISCARD slp_rc state_shard_encode(const struct table_state *s, size_t first, size_t end,
                                        struct arena *arena, struct buf *out, struct slp_err *err);

/* The global part and what `snapshot` says; replaces `out`. Errors: NO_MEMORY, LIMIT. */
SLP_NODISCARD slp_rc state_root_encode(const struct table_state *s,
                                       const struct state_snapshot *snapshot, struct arena *arena,
                                       struct buf *out, struct slp_err *err);

/* What a root says of itself and its shards, into the arena; borrows from `bytes`.
 * Errors: CORRUPT, UNSUPPORTED, NO_MEMORY, LIMIT. */
SLP_NODISCARD slp_rc state_root_decode(struct slice bytes, struct arena *arena,
                                       struct state_snapshot *out, struct slp_err *err);

/* Show all that a root or a shard says in the object that is open. Errors: CORRUPT, UNSUPPORTED, NO_MEMORY, LIMIT. */
SLP_NODISCARD slp_rc state_root_show(struct slice bytes, struct arena *arena, struct show *s,
                                     struct slp_err *err);
SLP_NODISCARD slp_rc state_shard_show(struct slice bytes, struct arena *arena, struct show *s,
                                      struct slp_err *err);

/*
 * Fill a blank state: first the root, then the lists that are wanted, each in order, and shards in
 * order, then the end. With less than all shards, state->seen says between which keys they lie.
 * Errors   CORRUPT with the offset or what is wrong; UNSUPPORTED; NO_MEMORY, LIMIT. Then the state
 *          is good for state_free only.
 */
struct state_loader {
    struct table_state *state;
    struct state_entry **files; /* found by id: open addressing */
    size_t room;                /* a power of two */
    size_t count;
    bool has_evicted; /* what the root says of the ring */
};

SLP_NODISCARD slp_rc state_load_root(struct state_loader *l, struct slice bytes,
                                     struct slp_err *err);
SLP_NODISCARD slp_rc state_load_shard(struct state_loader *l, struct slice bytes,
                                      struct slp_err *err);
SLP_NODISCARD slp_rc state_load_end(struct state_loader *l, struct slp_err *err);
void state_loader_fini(struct state_loader *l); /* before the state is freed; not the state */

#endif
