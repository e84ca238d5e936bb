#include "state/snapshot.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/num.h"
#include "state/shape.h"
#include "state/txn_priv.h"

static const uint8_t root_magic[8] = {'S', 'L', 'E', 'E', 'P', 'R', 'O', 'T'};
static const uint8_t shard_magic[8] = {'S', 'L', 'E', 'E', 'P', 'S', 'H', 'D'};

#define VERSION    1u
#define HEAD_BYTES 12u

/* ------------------------------------------------------------------ shapes, as
 * docs/format/snapshot.md */

/* A row number that may not be known: one more than it, 0 when it is not. */
struct snap_ref {
    uint32_t file; /* its ordinal in the shard */
    uint32_t has_job;
    struct state_id job;
    uint64_t row_lo;
    uint64_t row_hi;
};

struct snap_leaf {
    struct key_range range;
    const struct snap_ref *refs;
    size_t ref_count;
};

struct snap_file {
    struct state_id id;
    struct state_new_file entry;
    struct state_id low; /* positions; their ordinals are 0 */
    struct state_id high;
    int64_t time_us;
};

struct snap_shard {
    const struct snap_file *files; /* ascending by id */
    size_t file_count;
    const struct snap_leaf *leaves;
    size_t leaf_count;
};

struct snap_job {
    struct state_id id;
    uint32_t attempt;
    int64_t deadline_us;
    struct key_range range;
    struct state_id low;
    struct state_id high;
    uint32_t inputs;
};

struct snap_dead {
    struct slice name;
    uint64_t file_bytes;
    struct state_id since;
    int64_t since_us;
};

struct snap_txid {
    struct hash128 txid;
    struct state_id at;
    uint32_t reason;
};

struct snap_verified {
    struct slice root;
    uint64_t number;
    uint64_t minted;
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
    const struct snap_txid *ring; /* oldest first */
    size_t ring_count;
    const struct snap_txid *tokens;
    size_t token_count;
    const struct snap_file *unfiled;
    size_t unfiled_count;
    const struct snap_job *jobs;
    size_t job_count;
    const struct snap_dead *dead;
    size_t dead_count;
    const struct snap_verified *verified;
    size_t verified_count;
};

static const struct state_wire_field ref_fields[] = {
    ONE(1, U32, "file", struct snap_ref, file),
    ONE(3, U64, "row_lo", struct snap_ref, row_lo),
    ONE(5, U64, "row_hi", struct snap_ref, row_hi),
    ONE(7, U32, "has_job", struct snap_ref, has_job),
    ONE(9, ID, "job", struct snap_ref, job),
};
static const struct state_shape ref_shape = SHAPE("a reference", struct snap_ref, ref_fields);

static const struct state_wire_field leaf_fields[] = {
    ONE(1, RANGE_LO, "lo", struct snap_leaf, range),
    ONE(3, RANGE_HI, "hi", struct snap_leaf, range),
    LIST(5, SHAPE, "reference", struct snap_leaf, refs, ref_count, &ref_shape),
};
static const struct state_shape leaf_shape = SHAPE("a leaf", struct snap_leaf, leaf_fields);

static const struct state_wire_field file_fields[] = {
    ONE(1, ID, "id", struct snap_file, id),
    {.id = 3,
     .type = STATE_WIRE_SHAPE,
     .name = "entry",
     .offset = offsetof(struct snap_file, entry),
     .of = &state_file_shape},
    ONE(5, ID, "low", struct snap_file, low),
    ONE(7, ID, "high", struct snap_file, high),
    ONE(9, I64, "time_us", struct snap_file, time_us),
};
static const struct state_shape file_shape = SHAPE("a file", struct snap_file, file_fields);

static const struct state_wire_field shard_fields[] = {
    LIST(1, SHAPE, "file", struct snap_shard, files, file_count, &file_shape),
    LIST(3, SHAPE, "leaf", struct snap_shard, leaves, leaf_count, &leaf_shape),
};
static const struct state_shape shard_shape = SHAPE("a shard", struct snap_shard, shard_fields);

static const struct state_wire_field entry_fields[] = {
    ONE(1, TEXT, "name", struct state_shard_entry, name),
    ONE(3, RANGE_LO, "lo", struct state_shard_entry, range),
    ONE(5, RANGE_HI, "hi", struct state_shard_entry, range),
    ONE(7, U64, "bytes", struct state_shard_entry, bytes),
};
static const struct state_shape entry_shape =
    SHAPE("a shard's entry", struct state_shard_entry, entry_fields);

static const struct state_wire_field txid_fields[] = {
    ONE(1, HASH, "txid", struct snap_txid, txid),
    ONE(3, ID, "at", struct snap_txid, at),
    ONE(5, U32, "reason", struct snap_txid, reason),
};
static const struct state_shape txid_shape = SHAPE("a txid", struct snap_txid, txid_fields);

static const struct state_wire_field job_fields[] = {
    ONE(1, ID, "id", struct snap_job, id),
    ONE(3, U32, "attempt", struct snap_job, attempt),
    ONE(5, I64, "deadline_us", struct snap_job, deadline_us),
    ONE(7, RANGE_LO, "lo", struct snap_job, range),
    ONE(9, RANGE_HI, "hi", struct snap_job, range),
    ONE(11, ID, "low", struct snap_job, low),
    ONE(13, ID, "high", struct snap_job, high),
    ONE(15, U32, "inputs", struct snap_job, inputs),
};
static const struct state_shape job_shape = SHAPE("a job", struct snap_job, job_fields);

static const struct state_wire_field dead_fields[] = {
    ONE(1, TEXT, "name", struct snap_dead, name),
    ONE(3, U64, "bytes", struct snap_dead, file_bytes),
    ONE(5, ID, "since", struct snap_dead, since),
    ONE(7, I64, "since_us", struct snap_dead, since_us),
};
static const struct state_shape dead_shape = SHAPE("a dead file", struct snap_dead, dead_fields);

static const struct state_wire_field verified_fields[] = {
    ONE(1, TEXT, "root", struct snap_verified, root),
    ONE(3, U64, "number", struct snap_verified, number),
    ONE(5, U64, "minted", struct snap_verified, minted),
};
static const struct state_shape verified_shape =
    SHAPE("a verified snapshot", struct snap_verified, verified_fields);

static const struct state_wire_field root_fields[] = {
    ONE(1, U64, "number", struct snap_root, self.number),
    ONE(3, HASH, "frame_hash", struct snap_root, self.frame_hash),
    ONE(5, I64, "time_us", struct snap_root, time_us),
    ONE(7, HASH, "table", struct snap_root, table),
    ONE(9, TEXT, "schema", struct snap_root, schema_json),
    ONE(11, U32, "schema_version", struct snap_root, schema_version),
    ONE(13, U32, "key_version", struct snap_root, key_version),
    ONE(15, BOOL, "has_evicted", struct snap_root, has_evicted),
    LIST(17, SHAPE, "txid", struct snap_root, ring, ring_count, &txid_shape),
    LIST(19, SHAPE, "token", struct snap_root, tokens, token_count, &txid_shape),
    LIST(21, SHAPE, "unfiled", struct snap_root, unfiled, unfiled_count, &file_shape),
    LIST(23, SHAPE, "job", struct snap_root, jobs, job_count, &job_shape),
    LIST(25, SHAPE, "dead", struct snap_root, dead, dead_count, &dead_shape),
    LIST(27, SHAPE, "verified", struct snap_root, verified, verified_count, &verified_shape),
    LIST(29, SHAPE, "shard", struct snap_root, self.shards, self.shard_count, &entry_shape),
    ONE(2, TEXT, "name", struct snap_root, name),
    ONE(4, TEXT, "parent", struct snap_root, self.parent),
};
static const struct state_shape root_shape = SHAPE("a root", struct snap_root, root_fields);

/* ------------------------------------------------------------------ writing */

static slp_rc write_object(const uint8_t magic[8], const struct state_shape *shape,
                           const void *value, struct buf *out, struct slp_err *err)
{
    buf_clear(out);
    TRY(buf_append(out, magic, 8, err));
    TRY(buf_append_u32le(out, VERSION, err));
    return state_wire_write(shape, value, out, err);
}

static struct state_id at_position(struct state_position p)
{
    return (struct state_id){.at = p};
}

static struct snap_file file_view(const struct state_file *f)
{
    return (struct snap_file){.id = f->id,
                              .entry = {.name = f->name,
                                        .info = f->info,
                                        .schema_version = f->schema_version,
                                        .extra = f->extra},
                              .low = at_position(f->low),
                              .high = at_position(f->high),
                              .time_us = f->time_us};
}

static int by_file_id(const void *a, const void *b)
{
    const struct state_file *const *x = a;
    const struct state_file *const *y = b;
    return state_id_compare((*x)->id, (*y)->id);
}

struct file_list {
    const struct state_file **files;
    size_t count;
};

/* The files behind leaves [first, end), each once, ascending by id. */
static slp_rc files_behind(const struct table_state *s, size_t first, size_t end,
                           struct arena *arena, struct file_list *out, struct slp_err *err)
{
    size_t n = 0;
    void *room = NULL;
    for (size_t i = first; i < end; i++)
        n += s->leaves[i]->ref_count;
    TRY(arena_array(arena, n + 1, sizeof(struct state_file *), &room, err));
    const struct state_file **files = room;
    n = 0;
    for (size_t i = first; i < end; i++)
        for (size_t k = 0; k < s->leaves[i]->ref_count; k++)
            files[n++] = s->leaves[i]->refs[k].file;
    qsort(files, n, sizeof(struct state_file *), by_file_id);
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (kept == 0 || files[kept - 1] != files[i])
            files[kept++] = files[i];
    *out = (struct file_list){.files = files, .count = kept};
    return SLP_OK;
}

static slp_rc leaf_view(const struct state_leaf *leaf, const struct file_list *list,
                        struct arena *arena, struct snap_leaf *out, struct slp_err *err)
{
    void *room = NULL;
    TRY(arena_array(arena, leaf->ref_count, sizeof(struct snap_ref), &room, err));
    struct snap_ref *refs = room;
    for (size_t i = 0; i < leaf->ref_count; i++) {
        const struct state_reference *ref = &leaf->refs[i];
        const struct state_file *wanted = ref->file;
        const struct state_file **found =
            bsearch(&wanted, list->files, list->count, sizeof(struct state_file *), by_file_id);
        refs[i] = (struct snap_ref){.file = (uint32_t)(found - list->files),
                                    .row_lo = (uint64_t)(ref->row_lo + 1),
                                    .row_hi = (uint64_t)(ref->row_hi + 1),
                                    .has_job = ref->job ? 1 : 0};
        if (ref->job)
            refs[i].job = ref->job->id;
    }
    *out = (struct snap_leaf){.range = leaf->range, .refs = refs, .ref_count = leaf->ref_count};
    return SLP_OK;
}

slp_rc state_shard_encode(const struct table_state *s, size_t first, size_t end,
                          struct arena *arena, struct buf *out, struct slp_err *err)
{
    struct file_list list = {0};
    struct snap_shard shard = {0};
    void *room = NULL;
    TRY(files_behind(s, first, end, arena, &list, err));
    shard.file_count = list.count;
    TRY(arena_array(arena, shard.file_count, sizeof(struct snap_file), &room, err));
    struct snap_file *views = room;
    for (size_t i = 0; i < shard.file_count; i++)
        views[i] = file_view(list.files[i]);
    shard.leaf_count = end - first;
    TRY(arena_array(arena, shard.leaf_count, sizeof(struct snap_leaf), &room, err));
    struct snap_leaf *leaves = room;
    for (size_t i = first; i < end; i++)
        TRY(leaf_view(s->leaves[i], &list, arena, &leaves[i - first], err));
    shard.files = views;
    shard.leaves = leaves;
    return write_object(shard_magic, &shard_shape, &shard, out, err);
}

/* About what a leaf takes in a shard. */
static size_t leaf_bytes(const struct state_leaf *leaf)
{
    size_t bytes = leaf->range.lo.len + leaf->range.hi.len + 8;
    for (size_t i = 0; i < leaf->ref_count; i++) {
        const struct state_file *f = leaf->refs[i].file;
        bytes += 80 + f->name.len + f->info.first_key.len + f->info.last_key.len + f->extra.len;
    }
    return bytes;
}

static bool begins_a_shard(const struct state_snapshot *parent, struct slice lo)
{
    for (size_t i = 0; parent && i < parent->shard_count; i++)
        if (slice_equal(parent->shards[i].range.lo, lo))
            return true;
    return false;
}

size_t state_shard_end(const struct table_state *s, size_t first,
                       const struct state_snapshot *parent)
{
    size_t bytes = 0;
    size_t end = first;
    while (end < s->leaf_count && bytes < STATE_SHARD_BYTES &&
           (end == first || !begins_a_shard(parent, s->leaves[end]->range.lo)))
        bytes += leaf_bytes(s->leaves[end++]);
    return end;
}

static slp_rc ring_view(const struct state_ring *ring, struct arena *arena,
                        const struct snap_txid **out, size_t *count, struct slp_err *err)
{
    void *room = NULL;
    TRY(arena_array(arena, ring->count, sizeof(struct snap_txid), &room, err));
    struct snap_txid *txids = room;
    for (uint32_t i = 0; i < ring->count; i++) {
        const struct state_ring_entry *e = &ring->entries[((uint64_t)ring->first + i) % ring->room];
        txids[i] = (struct snap_txid){
            .txid = e->txid, .at = at_position(e->at), .reason = (uint32_t)e->reason};
    }
    *out = txids;
    *count = ring->count;
    return SLP_OK;
}

static slp_rc global_view(const struct table_state *s, struct arena *arena, struct snap_root *root,
                          struct slp_err *err)
{
    void *room = NULL;
    TRY(ring_view(&s->ring, arena, &root->ring, &root->ring_count, err));
    TRY(ring_view(&s->tokens, arena, &root->tokens, &root->token_count, err));
    TRY(arena_array(arena, s->unfiled_count, sizeof(struct snap_file), &room, err));
    struct snap_file *unfiled = room;
    for (size_t i = 0; i < s->unfiled_count; i++)
        unfiled[i] = file_view(s->unfiled[i].file);
    TRY(arena_array(arena, s->job_count, sizeof(struct snap_job), &room, err));
    struct snap_job *jobs = room;
    for (size_t i = 0; i < s->job_count; i++) {
        const struct state_job *j = s->jobs[i];
        jobs[i] = (struct snap_job){.id = j->id,
                                    .attempt = j->attempt,
                                    .deadline_us = j->deadline_us,
                                    .range = j->range,
                                    .low = at_position(j->low),
                                    .high = at_position(j->high),
                                    .inputs = j->inputs};
    }
    TRY(arena_array(arena, s->dead_count, sizeof(struct snap_dead), &room, err));
    struct snap_dead *dead = room;
    for (size_t i = 0; i < s->dead_count; i++)
        dead[i] = (struct snap_dead){.name = s->dead[i].name,
                                     .file_bytes = s->dead[i].file_bytes,
                                     .since = at_position(s->dead[i].since),
                                     .since_us = s->dead[i].since_us};
    TRY(arena_array(arena, s->verified_count, sizeof(struct snap_verified), &room, err));
    struct snap_verified *verified = room;
    for (size_t i = 0; i < s->verified_count; i++)
        verified[i] = (struct snap_verified){.root = slice_str(s->verified[i].root),
                                             .number = s->verified[i].number,
                                             .minted = s->verified[i].minted};
    root->unfiled = unfiled;
    root->unfiled_count = s->unfiled_count;
    root->jobs = jobs;
    root->job_count = s->job_count;
    root->dead = dead;
    root->dead_count = s->dead_count;
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
    TRY(global_view(s, arena, &root, err));
    return write_object(root_magic, &root_shape, &root, out, err);
}

/* ------------------------------------------------------------------ reading */

static slp_rc read_object(const uint8_t magic[8], const struct state_shape *shape,
                          struct slice bytes, struct arena *arena, void *value, struct slp_err *err)
{
    if (bytes.len < HEAD_BYTES || memcmp(bytes.ptr, magic, 8) != 0)
        FAIL(err, CORRUPT, "%s of a snapshot: its magic is missing at offset 0", shape->name);
    uint32_t version = num_load_u32le(bytes.ptr + 8);
    if (version != VERSION)
        FAIL(err, UNSUPPORTED,
             "snapshot of format %u at offset 8, this program reads %u; use a newer one", version,
             VERSION);
    return state_wire_read(shape, slice_after(bytes, HEAD_BYTES), HEAD_BYTES, arena, value, err);
}

slp_rc state_root_decode(struct slice bytes, struct arena *arena, struct state_snapshot *out,
                         struct slp_err *err)
{
    struct snap_root root;
    memset(&root, 0, sizeof root);
    TRY(read_object(root_magic, &root_shape, bytes, arena, &root, err));
    *out = root.self;
    return SLP_OK;
}

static slp_rc load_ring(struct state_ring *ring, const struct snap_txid *txids, size_t count,
                        struct slp_err *err)
{
    for (size_t i = 0; i < count; i++) {
        if (ring->count == ring->max || state_ring_find(ring, txids[i].txid))
            FAIL(err, CORRUPT, "txid %zu of a snapshot is one too many or stands twice", i);
        TRY(state_ring_add(ring, txids[i].txid, txids[i].at.at, (enum state_reason)txids[i].reason,
                           err));
    }
    return SLP_OK;
}

static slp_rc load_jobs(struct table_state *s, const struct snap_root *root, struct slp_err *err)
{
    TRY(state_grow(s->mem, &s->jobs, &s->job_room, root->job_count, sizeof *s->jobs, err));
    for (size_t i = 0; i < root->job_count; i++) {
        const struct snap_job *from = &root->jobs[i];
        struct state_job *job = NULL;
        if (i && state_id_compare(root->jobs[i - 1].id, from->id) >= 0)
            FAIL(err, CORRUPT, "job %zu of a snapshot stands out of order", i);
        TRY(alloc_new(s->mem, &job, err));
        s->jobs[s->job_count++] = job;
        job->id = from->id;
        job->attempt = from->attempt;
        job->deadline_us = from->deadline_us;
        job->low = from->low.at;
        job->high = from->high.at;
        job->inputs = from->inputs;
        TRY(key_range_copy(&s->keys, from->range, &job->range, err));
    }
    return SLP_OK;
}

static slp_rc load_dead(struct table_state *s, const struct snap_root *root, struct slp_err *err)
{
    TRY(state_grow(s->mem, &s->dead, &s->dead_room, root->dead_count, sizeof *s->dead, err));
    for (size_t i = 0; i < root->dead_count; i++) {
        const struct snap_dead *from = &root->dead[i];
        struct state_dead_file *dead = &s->dead[i];
        *dead = (struct state_dead_file){
            .file_bytes = from->file_bytes, .since = from->since.at, .since_us = from->since_us};
        TRY(arena_copy(&s->keys, from->name, &dead->name, err));
        s->dead_count++;
    }
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

/* A file from its entry, with the positions and the time that it had. */
static slp_rc load_file(struct table_state *s, const struct snap_file *from,
                        struct state_file **out, struct slp_err *err)
{
    if (from->entry.info.rows <= 0 ||
        slice_compare(from->entry.info.first_key, from->entry.info.last_key) > 0)
        FAIL(err, CORRUPT, "a file without rows, or whose first key is above its last");
    TRY(state_file_new(s, &from->entry, from->id, out, err));
    (*out)->low = from->low.at;
    (*out)->high = from->high.at;
    (*out)->time_us = from->time_us;
    return SLP_OK;
}

static slp_rc load_unfiled(struct table_state *s, const struct snap_root *root, struct slp_err *err)
{
    TRY(state_grow(s->mem, &s->unfiled, &s->unfiled_room, root->unfiled_count, sizeof *s->unfiled,
                   err));
    for (size_t i = 0; i < root->unfiled_count; i++) {
        struct state_file *f = NULL;
        TRY(load_file(s, &root->unfiled[i], &f, err));
        f->refs = 1;
        s->unfiled[s->unfiled_count++] = (struct state_reference){
            .file = f, .range = state_file_range(f), .row_lo = 0, .row_hi = f->info.rows};
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
    TRY_OUT(read_object(root_magic, &root_shape, bytes, &arena, &root, err));
    s->number = root.self.number;
    s->time_us = root.time_us;
    s->table = root.table;
    s->schema_version = root.schema_version;
    s->key_version = root.key_version;
    s->is_created = root.self.shard_count > 0;
    TRY_OUT(arena_copy(&s->keys, root.name, &s->name, err));
    TRY_OUT(arena_copy(&s->keys, root.schema_json, &s->schema_json, err));
    TRY_OUT(load_ring(&s->ring, root.ring, root.ring_count, err));
    s->ring.has_evicted = root.has_evicted && s->ring.count > 0;
    TRY_OUT(load_ring(&s->tokens, root.tokens, root.token_count, err));
    TRY_OUT(load_jobs(s, &root, err));
    TRY_OUT(load_dead(s, &root, err));
    TRY_OUT(load_verified(s, &root, err));
    TRY_OUT(load_unfiled(s, &root, err));
out:
    arena_fini(&arena);
    return rc;
}

/* ------------------------------------------------------------------ files of several shards */

static size_t slot_of(const struct state_loader *l, struct state_id id)
{
    uint64_t h = id.at.frame * 0x9e3779b97f4a7c15u + id.at.index * 0xff51afd7ed558ccdu + id.item;
    size_t i = (size_t)((h ^ (h >> 29)) * 0x94d049bb133111ebu >> 20) & (l->room - 1);
    while (l->files[i] && !state_id_equal(l->files[i]->id, id))
        i = (i + 1) & (l->room - 1);
    return i;
}

/* Room for `more` files at a load of at most a half. */
static slp_rc reserve_files(struct state_loader *l, size_t more, struct slp_err *err)
{
    size_t room = l->room ? l->room : 64;
    while (room < (l->count + more) * 2)
        room *= 2;
    if (room == l->room)
        return SLP_OK;
    struct state_loader grown = {.state = l->state, .room = room, .count = l->count};
    TRY(alloc_array(l->state->mem, room, sizeof(struct state_file *), (void **)&grown.files, err));
    for (size_t i = 0; i < l->room; i++)
        if (l->files[i])
            grown.files[slot_of(&grown, l->files[i]->id)] = l->files[i];
    alloc_free(l->state->mem, l->files, l->room * sizeof(struct state_file *));
    *l = grown;
    return SLP_OK;
}

void state_loader_fini(struct state_loader *l)
{
    for (size_t i = 0; i < l->room; i++)
        if (l->files[i] && l->files[i]->refs == 0)
            state_file_free(l->state->mem, l->files[i]); /* no leaf has it */
    alloc_free(l->state->mem, l->files, l->room * sizeof(struct state_file *));
    l->files = NULL;
    l->room = 0;
}

/* The file of an entry: one that an earlier shard brought, or a new one. */
static slp_rc find_or_load(struct state_loader *l, const struct snap_file *from,
                           struct state_file **out, struct slp_err *err)
{
    size_t slot = slot_of(l, from->id);
    if (!l->files[slot]) {
        TRY(load_file(l->state, from, &l->files[slot], err));
        l->count++;
    }
    *out = l->files[slot];
    return SLP_OK;
}

static struct state_job *open_job(const struct table_state *s, struct state_id id)
{
    size_t lo = 0;
    size_t hi = s->job_count;
    while (lo < hi) {
        size_t middle = lo + (hi - lo) / 2;
        if (state_id_compare(s->jobs[middle]->id, id) < 0)
            lo = middle + 1;
        else
            hi = middle;
    }
    return lo < s->job_count && state_id_equal(s->jobs[lo]->id, id) ? s->jobs[lo] : NULL;
}

static slp_rc load_leaf(struct state_loader *l, const struct snap_leaf *leaf,
                        struct state_file *const *files, size_t file_count, struct slp_err *err)
{
    struct table_state *s = l->state;
    size_t n = s->leaf_count;
    bool fits = n == 0 ? leaf->range.lo.len == 0
                       : s->leaves[n - 1]->range.has_hi &&
                             slice_equal(s->leaves[n - 1]->range.hi, leaf->range.lo);
    if (!fits || key_range_is_empty(leaf->range))
        FAIL(err, CORRUPT, "leaf %zu of a snapshot does not begin where the one before ends", n);
    TRY(state_tree_append(s, leaf->range, err));
    for (size_t i = 0; i < leaf->ref_count; i++) {
        const struct snap_ref *ref = &leaf->refs[i];
        struct state_job *job = ref->has_job ? open_job(s, ref->job) : NULL;
        if (ref->file >= file_count || (ref->has_job && !job) ||
            ref->row_lo > (uint64_t)files[ref->file]->info.rows + 1 ||
            ref->row_hi > (uint64_t)files[ref->file]->info.rows + 1)
            FAIL(err, CORRUPT, "reference %zu of leaf %zu names what the snapshot does not have", i,
                 n);
        TRY(state_tree_refer(s, files[ref->file], job, (int64_t)ref->row_lo - 1,
                             (int64_t)ref->row_hi - 1, err));
    }
    return SLP_OK;
}

slp_rc state_load_shard(struct state_loader *l, struct slice bytes, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct snap_shard shard;
    struct arena arena;
    void *room = NULL;
    memset(&shard, 0, sizeof shard);
    arena_init(&arena, l->state->mem, STATE_SNAPSHOT_ARENA_MAX);
    TRY_OUT(read_object(shard_magic, &shard_shape, bytes, &arena, &shard, err));
    TRY_OUT(reserve_files(l, shard.file_count, err));
    TRY_OUT(arena_array(&arena, shard.file_count, sizeof(struct state_file *), &room, err));
    struct state_file **files = room;
    for (size_t i = 0; i < shard.file_count; i++)
        TRY_OUT(find_or_load(l, &shard.files[i], &files[i], err));
    for (size_t i = 0; i < shard.leaf_count; i++)
        TRY_OUT(load_leaf(l, &shard.leaves[i], files, shard.file_count, err));
out:
    arena_fini(&arena);
    return rc;
}

slp_rc state_load_end(struct state_loader *l, struct slp_err *err)
{
    const struct table_state *s = l->state;
    for (size_t i = 0; i < l->room; i++)
        if (l->files[i] && l->files[i]->refs == 0)
            FAIL(err, CORRUPT, "a snapshot has a file \"%.*s\" that no leaf refers to",
                 SLICE_ARG(l->files[i]->name));
    if (s->is_created && (s->leaf_count == 0 || s->leaves[s->leaf_count - 1]->range.has_hi))
        FAIL(err, CORRUPT, "the shards of a snapshot do not cover all keys");
    return SLP_OK;
}
