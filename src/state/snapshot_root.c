#include <inttypes.h>

#include "base/num.h"
#include "state/bug.h"
#include "state/snapshot_priv.h"

static const uint8_t root_magic[8] = {'S', 'L', 'E', 'E', 'P', 'R', 'O', 'T'};

/* ------------------------------------------------------------------ shapes, as
 * docs/format/snapshot.md */

struct snap_verified {
    struct slice root;
    uint64_t number;
    uint64_t minted;
};

/* An unfiled file that a fold holds. */
struct snap_hold {
    uint32_t unfiled; /* its ordinal */
    struct state_id job;
};

struct snap_root {
    struct state_snapshot self;
    int64_t time_us;
    struct hash128 table;
    struct slice name;
    struct slice schema_json;
    uint32_t schema_version;
    uint32_t key_version;
    bool has_evicted;
    const struct snap_file *unfiled;
    size_t unfiled_count;
    const struct snap_job *jobs;
    size_t job_count;
    const struct snap_verified *verified;
    size_t verified_count;
    struct state_global global;
    const struct snap_hold *held;
    size_t held_count;
};

static const struct state_wire_field entry_fields[] = {
    ONE(1, TEXT, "name", struct state_shard_entry, name),
    ONE(3, RANGE_LO, "lo", struct state_shard_entry, range),
    ONE(5, RANGE_HI, "hi", struct state_shard_entry, range),
    ONE(7, U64, "bytes", struct state_shard_entry, bytes),
};
static const struct state_shape entry_shape =
    SHAPE("a shard's entry", struct state_shard_entry, entry_fields);

static const struct state_wire_field list_fields[] = {
    ONE(1, TEXT, "name", struct state_list_entry, name),
    ONE(3, U32, "kind", struct state_list_entry, kind),
    ONE(5, U64, "bytes", struct state_list_entry, bytes),
    ONE(7, U64, "count", struct state_list_entry, count),
    ONE(9, U32, "run", struct state_list_entry, run),
    ONE(11, HASH, "first", struct state_list_entry, first),
    ONE(13, I64, "time_us", struct state_list_entry, time_us),
};
static const struct state_shape list_shape =
    SHAPE("a list's entry", struct state_list_entry, list_fields);

static const struct state_wire_field verified_fields[] = {
    ONE(1, TEXT, "root", struct snap_verified, root),
    ONE(3, U64, "number", struct snap_verified, number),
    ONE(5, U64, "minted", struct snap_verified, minted),
};
static const struct state_shape verified_shape =
    SHAPE("a verified snapshot", struct snap_verified, verified_fields);

static const struct state_wire_field hold_fields[] = {
    ONE(1, U32, "unfiled", struct snap_hold, unfiled),
    ONE(3, ID, "job", struct snap_hold, job),
};
static const struct state_shape hold_shape = SHAPE("a held file", struct snap_hold, hold_fields);

static const struct state_wire_field root_fields[] = {
    ONE(1, U64, "number", struct snap_root, self.number),
    ONE(3, HASH, "frame_hash", struct snap_root, self.frame_hash),
    ONE(5, I64, "time_us", struct snap_root, time_us),
    ONE(7, HASH, "table", struct snap_root, table),
    ONE(9, TEXT, "schema", struct snap_root, schema_json),
    ONE(11, U32, "schema_version", struct snap_root, schema_version),
    ONE(13, U32, "key_version", struct snap_root, key_version),
    ONE(15, BOOL, "has_evicted", struct snap_root, has_evicted),
    LIST(17, SHAPE, "list", struct snap_root, self.lists, self.list_count, &list_shape),
    LIST(21, SHAPE, "unfiled", struct snap_root, unfiled, unfiled_count, &state_snap_file_shape),
    LIST(23, SHAPE, "job", struct snap_root, jobs, job_count, &state_snap_job_shape),
    LIST(27, SHAPE, "verified", struct snap_root, verified, verified_count, &verified_shape),
    LIST(29, SHAPE, "shard", struct snap_root, self.shards, self.shard_count, &entry_shape),
    {.id = 31,
     .type = STATE_WIRE_SHAPE,
     .name = "global",
     .offset = offsetof(struct snap_root, global),
     .of = &state_global_shape},
    LIST(33, SHAPE, "held", struct snap_root, held, held_count, &hold_shape),
    ONE(2, TEXT, "name", struct snap_root, name),
    ONE(4, TEXT, "parent", struct snap_root, self.parent),
};
static const struct state_shape root_shape = SHAPE("a root", struct snap_root, root_fields);

/* ------------------------------------------------------------------ writing */

static slp_rc holds_view(const struct table_state *s, struct arena *arena, struct snap_root *root,
                         struct slp_err *err)
{
    void *room = NULL;
    TRY(arena_array(arena, s->unfiled_count, sizeof(struct snap_hold), &room, err));
    struct snap_hold *holds = room;
    for (size_t i = 0; i < s->unfiled_count; i++)
        if (s->unfiled[i]->ref.job)
            holds[root->held_count++] =
                (struct snap_hold){.unfiled = (uint32_t)i, .job = s->unfiled[i]->ref.job->id};
    root->held = holds;
    return SLP_OK;
}

static slp_rc global_view(const struct table_state *s, struct arena *arena, struct snap_root *root,
                          struct slp_err *err)
{
    void *room = NULL;
    TRY(arena_array(arena, s->unfiled_count, sizeof(struct snap_file), &room, err));
    struct snap_file *unfiled = room;
    for (size_t i = 0; i < s->unfiled_count; i++)
        unfiled[i] = state_snap_file(&s->unfiled[i]->file);
    TRY(state_snap_jobs(s, NULL, arena, &root->jobs, &root->job_count, err));
    TRY(arena_array(arena, s->verified_count, sizeof(struct snap_verified), &room, err));
    struct snap_verified *verified = room;
    for (size_t i = 0; i < s->verified_count; i++)
        verified[i] = (struct snap_verified){.root = slice_str(s->verified[i].root),
                                             .number = s->verified[i].number,
                                             .minted = s->verified[i].minted};
    root->unfiled = unfiled;
    root->unfiled_count = s->unfiled_count;
    root->verified = verified;
    root->verified_count = s->verified_count;
    return SLP_OK;
}

slp_rc state_root_encode(const struct table_state *s, const struct state_snapshot *snapshot,
                         struct arena *arena, struct buf *out, struct slp_err *err)
{
    struct snap_root root = {.self = *snapshot,
                             .time_us = s->time_us,
                             .table = s->table,
                             .name = s->name,
                             .schema_json = s->schema_json,
                             .schema_version = s->schema_version,
                             .key_version = s->key_version,
                             .has_evicted = s->ring.has_evicted};
    root.global = s->global;
    TRY(holds_view(s, arena, &root, err));
    TRY(global_view(s, arena, &root, err));
    return state_snap_write(root_magic, &root_shape, &root, out, err);
}

slp_rc state_root_show(struct slice bytes, struct arena *arena, struct show *s, struct slp_err *err)
{
    return state_snap_show(root_magic, &root_shape, bytes, arena, s, err);
}

/* ------------------------------------------------------------------ reading */

slp_rc state_root_decode(struct slice bytes, struct arena *arena, struct state_snapshot *out,
                         struct slp_err *err)
{
    struct snap_root root;
    memset(&root, 0, sizeof root);
    TRY(state_snap_read(root_magic, &root_shape, bytes, arena, &root, err));
    *out = root.self;
    return SLP_OK;
}

static slp_rc load_verified(struct table_state *s, const struct snap_root *root,
                            struct slp_err *err)
{
    if (root->verified_count > STATE_VERIFIED_MAX)
        FAIL(err, CORRUPT, "%zu verified snapshots in a root, at most %u", root->verified_count,
             STATE_VERIFIED_MAX);
    for (size_t i = 0; i < root->verified_count; i++) {
        const struct snap_verified *from = &root->verified[i];
        if (from->root.len >= STATE_ROOT_NAME_BYTES)
            FAIL(err, CORRUPT, "a verified snapshot with a name of %zu bytes", from->root.len);
        struct state_verified *v = &s->verified[s->verified_count++];
        *v = (struct state_verified){.number = from->number, .minted = from->minted};
        memcpy(v->root, from->root.ptr, from->root.len);
    }
    return SLP_OK;
}

static slp_rc load_unfiled(struct table_state *s, const struct snap_root *root, struct slp_err *err)
{
    for (size_t i = 0; i + (STATE_BUG(FORGET_UNFILED) ? 1 : 0) < root->unfiled_count; i++) {
        struct state_entry *e = NULL;
        TRY(state_snap_load_file(s, &root->unfiled[i], &e, err));
        slp_rc rc = state_unfiled_add(s, e, err);
        if (e->refs == 0)
            state_entry_free(s->mem, e);
        TRY(rc);
    }
    return SLP_OK;
}

/* Unfiled files that folds hold. */
static slp_rc hold_unfiled(struct table_state *s, const struct snap_root *root, struct slp_err *err)
{
    for (size_t i = 0; i < root->held_count; i++) {
        const struct snap_hold *hold = &root->held[i];
        const struct state_job *job = state_job_find(s, hold->job);
        if (hold->unfiled >= s->unfiled_count || !job || job->kind != STATE_JOB_FOLD)
            FAIL(err, CORRUPT, "fold %zu of a snapshot holds what is not there", i);
        s->unfiled[hold->unfiled]->ref.job = job;
    }
    return SLP_OK;
}

/* Submitted files that batches hold. */
static slp_rc check_submitted(const struct table_state *s, struct slp_err *err)
{
    for (size_t i = 0; i < state_submitted_count(s); i++) {
        struct state_id id = state_submitted_at(s, i)->job;
        const struct state_job *job = state_job_find(s, id);
        if (!state_id_is_none(id) && (!job || job->kind != STATE_JOB_BATCH))
            FAIL(err, CORRUPT, "submitted file %zu of a snapshot is held by a job that is none", i);
    }
    return SLP_OK;
}

slp_rc state_load_root(struct state_loader *l, struct slice bytes, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct table_state *s = l->state;
    struct snap_root root;
    struct arena arena;
    memset(&root, 0, sizeof root);
    arena_init(&arena, s->mem, STATE_SNAPSHOT_ARENA_MAX);
    TRY_OUT(state_snap_read(root_magic, &root_shape, bytes, &arena, &root, err));
    s->number = root.self.number;
    s->time_us = root.time_us;
    s->table = root.table;
    s->schema_version = root.schema_version;
    s->key_version = root.key_version;
    s->is_created = root.self.shard_count > 0;
    TRY_OUT(arena_copy(&s->keys, root.name, &s->name, err));
    TRY_OUT(arena_copy(&s->keys, root.schema_json, &s->schema_json, err));
    l->has_evicted = root.has_evicted;
    s->tokens_from = root.self.number;
    TRY_OUT(state_snap_load_jobs(s, root.jobs, root.job_count, err));
    TRY_OUT(load_verified(s, &root, err));
    TRY_OUT(load_unfiled(s, &root, err));
    TRY_OUT(state_global_copy(s->mem, &s->keys, &root.global, &s->global, err));
    TRY_OUT(hold_unfiled(s, &root, err));
    TRY_OUT(check_submitted(s, err));
out:
    arena_fini(&arena);
    return rc;
}
