/*
 * What roots and shards have in common: the head of an object, and a file's entry. Private to
 * src/state/snapshot*.
 */
#ifndef SLP_STATE_SNAPSHOT_PRIV_H
#define SLP_STATE_SNAPSHOT_PRIV_H

#include "state/shape.h"
#include "state/snapshot.h"
#include "state/txn_priv.h"

struct snap_file {
    struct state_id id;
    struct state_new_file entry;
    struct state_id low; /* positions; their ordinals are 0 */
    struct state_id high;
    int64_t time_us;
};

extern const struct state_shape state_snap_file_shape; /* of a struct snap_file */

struct snap_job {
    struct state_id id;
    uint32_t attempt;
    int64_t deadline_us;
    struct key_range range;
    struct state_id low;
    struct state_id high;
    uint32_t inputs;
    uint32_t kind;
    uint32_t extension;
    struct state_position assigned;
    bool drops_deletes;
};

extern const struct state_shape state_snap_job_shape; /* of a struct snap_job */

/* Magic, version, then the fields of `value`; replaces `out`. Errors: NO_MEMORY, LIMIT. */
SLP_NODISCARD slp_rc state_snap_write(const uint8_t magic[8], const struct state_shape *shape,
                                      const void *value, struct buf *out, struct slp_err *err);

/* Fill `value`, zeroed. Errors: CORRUPT, UNSUPPORTED, NO_MEMORY, LIMIT. */
SLP_NODISCARD slp_rc state_snap_read(const uint8_t magic[8], const struct state_shape *shape,
                                     struct slice bytes, struct arena *arena, void *value,
                                     struct slp_err *err);

/* Show all fields in the object that is open. Errors: as state_snap_read. */
SLP_NODISCARD slp_rc state_snap_show(const uint8_t magic[8], const struct state_shape *shape,
                                     struct slice bytes, struct arena *arena, struct show *s,
                                     struct slp_err *err);

static inline struct state_id state_snap_position(struct state_position p)
{
    return (struct state_id){.at = p};
}

/* The entry of a file, borrowed. */
struct snap_file state_snap_file(const struct state_file *f);

/* A file from its entry, with the positions and the time that it had. Errors: CORRUPT, NO_MEMORY. */
SLP_NODISCARD slp_rc state_snap_load_file(struct table_state *s, const struct snap_file *from,
                                          struct state_entry **out, struct slp_err *err);

/*
 * Open jobs, ascending: those over leaves that meet `range`, which stand in every shard that they
 * meet (rule P4), or with NULL the global ones, which stand in the root.
 */
SLP_NODISCARD slp_rc state_snap_jobs(const struct table_state *s, const struct key_range *range,
                                     struct arena *arena, const struct snap_job **out,
                                     size_t *count, struct slp_err *err);

/* Enter jobs, each once though several shards have it. Errors: CORRUPT when two are not the same. */
SLP_NODISCARD slp_rc state_snap_load_jobs(struct table_state *s, const struct snap_job *jobs,
                                          size_t count, struct slp_err *err);

#endif
