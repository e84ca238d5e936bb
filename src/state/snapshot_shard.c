#include <inttypes.h>
#include <stdlib.h>

#include "state/snapshot_priv.h"

/* About what a reference takes in a shard, besides its file's entry. */
#define REFERENCE_BYTES 80u

static const uint8_t shard_magic[8] = {'S', 'L', 'E', 'E', 'P', 'S', 'H', 'D'};

/* ------------------------------------------------------------------ shapes, as
 * docs/format/snapshot.md */

/* A row number that may not be known: one more than it, 0 when it is not. */
struct snap_ref {
    uint32_t file; /* its ordinal in the shard */
    uint32_t has_job;
    struct state_id job;
    uint64_t row_lo;
    uint64_t row_hi;
    struct key_range range; /* where it does not follow from file and leaf */
};

struct snap_leaf {
    struct key_range range;
    const struct snap_ref *refs;
    size_t ref_count;
};

struct snap_shard {
    const struct snap_file *files; /* ascending by id */
    size_t file_count;
    const struct snap_leaf *leaves;
    size_t leaf_count;
    const struct snap_job *jobs; /* ascending by id */
    size_t job_count;
};

static const struct state_wire_field ref_fields[] = {
    ONE(1, U32, "file", struct snap_ref, file),
    ONE(3, U64, "row_lo", struct snap_ref, row_lo),
    ONE(5, U64, "row_hi", struct snap_ref, row_hi),
    ONE(7, U32, "has_job", struct snap_ref, has_job),
    ONE(9, ID, "job", struct snap_ref, job),
    ONE(11, RANGE_LO, "lo", struct snap_ref, range),
    ONE(13, RANGE_HI, "hi", struct snap_ref, range),
};
static const struct state_shape ref_shape = SHAPE("a reference", struct snap_ref, ref_fields);

static const struct state_wire_field leaf_fields[] = {
    ONE(1, RANGE_LO, "lo", struct snap_leaf, range),
    ONE(3, RANGE_HI, "hi", struct snap_leaf, range),
    LIST(5, SHAPE, "reference", struct snap_leaf, refs, ref_count, &ref_shape),
};
static const struct state_shape leaf_shape = SHAPE("a leaf", struct snap_leaf, leaf_fields);

static const struct state_wire_field shard_fields[] = {
    LIST(1, SHAPE, "file", struct snap_shard, files, file_count, &state_snap_file_shape),
    LIST(3, SHAPE, "leaf", struct snap_shard, leaves, leaf_count, &leaf_shape),
    LIST(5, SHAPE, "job", struct snap_shard, jobs, job_count, &state_snap_job_shape),
};
static const struct state_shape shard_shape = SHAPE("a shard", struct snap_shard, shard_fields);

/* ------------------------------------------------------------------ writing */

static int by_file_id(const void *a, const void *b)
{
    const struct state_entry *const *x = a;
    const struct state_entry *const *y = b;
    return state_id_compare(state_entry_id(*x), state_entry_id(*y));
}

struct file_list {
    const struct state_entry **files;
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
    TRY(arena_array(arena, n + 1, sizeof(struct state_entry *), &room, err));
    const struct state_entry **files = room;
    n = 0;
    for (size_t i = first; i < end; i++)
        for (size_t k = 0; k < s->leaves[i]->ref_count; k++)
            files[n++] = s->leaves[i]->held[k].file;
    qsort(files, n, sizeof(struct state_entry *), by_file_id);
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
        const struct state_held *ref = &leaf->held[i];
        struct state_rows rows = state_held_rows(leaf, ref);
        const struct state_entry *wanted = ref->file;
        const struct state_entry **found =
            bsearch(&wanted, list->files, list->count, sizeof(struct state_entry *), by_file_id);
        refs[i] = (struct snap_ref){.file = (uint32_t)(found - list->files),
                                    .row_lo = (uint64_t)(rows.lo + 1),
                                    .row_hi = (uint64_t)(rows.hi + 1),
                                    .has_job = ref->job ? 1 : 0};
        if (ref->job)
            refs[i].job = ref->job->id;
        if (state_held_is_part(leaf, ref))
            refs[i].range = state_held_range(leaf, ref);
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
    for (size_t i = 0; i < shard.file_count; i++) {
        struct state_file f;
        TRY(state_entry_view(list.files[i], arena, &f, err));
        views[i] = state_snap_file(&f);
    }
    shard.leaf_count = end - first;
    TRY(arena_array(arena, shard.leaf_count, sizeof(struct snap_leaf), &room, err));
    struct snap_leaf *leaves = room;
    for (size_t i = first; i < end; i++)
        TRY(leaf_view(s->leaves[i], &list, arena, &leaves[i - first], err));
    shard.files = views;
    shard.leaves = leaves;
    struct key_range whole = s->leaves[first]->range;
    whole.hi = s->leaves[end - 1]->range.hi;
    whole.has_hi = s->leaves[end - 1]->range.has_hi;
    TRY(state_snap_jobs(s, &whole, arena, &shard.jobs, &shard.job_count, err));
    return state_snap_write(shard_magic, &shard_shape, &shard, out, err);
}

/* About what a leaf takes in a shard. */
static size_t leaf_bytes(const struct state_leaf *leaf)
{
    size_t bytes = leaf->range.lo.len + leaf->range.hi.len + 8;
    for (size_t i = 0; i < leaf->ref_count; i++) {
        bytes += REFERENCE_BYTES + state_entry_weight(leaf->held[i].file);
    }
    return bytes;
}

const struct state_shard_entry *state_shard_at(const struct state_snapshot *parent, struct slice lo)
{
    size_t first = 0;
    size_t end = parent ? parent->shard_count : 0;
    while (first < end) {
        size_t middle = first + (end - first) / 2;
        int order = slice_compare(parent->shards[middle].range.lo, lo);
        if (order == 0)
            return &parent->shards[middle];
        if (order < 0)
            first = middle + 1;
        else
            end = middle;
    }
    return NULL;
}

/* Does a shard of the parent begin here, and is it, or what stands before it, worth a shard? */
static bool begins_a_shard(const struct state_snapshot *parent, struct slice lo, size_t before)
{
    const struct state_shard_entry *e = state_shard_at(parent, lo);
    return e && (before >= STATE_SHARD_LEAST_BYTES || e->bytes >= STATE_SHARD_LEAST_BYTES);
}

size_t state_shard_end(const struct table_state *s, size_t first,
                       const struct state_snapshot *parent)
{
    size_t bytes = 0;
    size_t end = first;
    while (end < s->leaf_count && bytes < STATE_SHARD_BYTES &&
           (end == first || !begins_a_shard(parent, s->leaves[end]->range.lo, bytes)))
        bytes += leaf_bytes(s->leaves[end++]);
    return end;
}

/* The parent cut there by the same sizes, so what is left to ask is whether the next one is too short. */
bool state_shard_is_kept(const struct table_state *s, size_t first,
                         const struct state_snapshot *parent, size_t *end,
                         const struct state_shard_entry **out)
{
    const struct state_shard_entry *e = state_shard_at(parent, s->leaves[first]->range.lo);
    size_t i = first;
    bool is_end = false;
    if (!e)
        return false;
    for (; i < s->leaf_count && !is_end; i++) {
        const struct state_leaf *leaf = s->leaves[i];
        if (leaf->changed > parent->number)
            return false;
        is_end = leaf->range.has_hi == e->range.has_hi && slice_equal(leaf->range.hi, e->range.hi);
    }
    bool is_short = e->range.has_hi && e + 1 < parent->shards + parent->shard_count &&
                    e[1].bytes < STATE_SHARD_LEAST_BYTES;
    if (!is_end || (is_short && state_shard_end(s, first, parent) != i))
        return false;
    *end = i;
    *out = e;
    return true;
}

slp_rc state_shard_show(struct slice bytes, struct arena *arena, struct show *s,
                        struct slp_err *err)
{
    return state_snap_show(shard_magic, &shard_shape, bytes, arena, s, err);
}

/* ------------------------------------------------------------------ files of several shards */

static size_t slot_of(const struct state_loader *l, struct state_id id)
{
    uint64_t h = id.at.frame * 0x9e3779b97f4a7c15u + id.at.index * 0xff51afd7ed558ccdu + id.item;
    size_t i = (size_t)((h ^ (h >> 29)) * 0x94d049bb133111ebu >> 20) & (l->room - 1);
    while (l->files[i] && !state_id_equal(state_entry_id(l->files[i]), id))
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
    struct state_loader grown = *l;
    grown.room = room;
    grown.files = NULL;
    TRY(alloc_array(l->state->mem, room, sizeof(struct state_entry *), (void **)&grown.files, err));
    for (size_t i = 0; i < l->room; i++)
        if (l->files[i])
            grown.files[slot_of(&grown, state_entry_id(l->files[i]))] = l->files[i];
    alloc_free(l->state->mem, l->files, l->room * sizeof(struct state_entry *));
    *l = grown;
    return SLP_OK;
}

void state_loader_fini(struct state_loader *l)
{
    for (size_t i = 0; i < l->room; i++)
        if (l->files[i] && l->files[i]->refs == 0)
            state_entry_free(l->state->mem, l->files[i]); /* no leaf has it */
    alloc_free(l->state->mem, l->files, l->room * sizeof(struct state_entry *));
    l->files = NULL;
    l->room = 0;
}

/* The file of an entry: one that an earlier shard brought, or a new one. */
static slp_rc find_or_load(struct state_loader *l, const struct snap_file *from,
                           struct state_entry **out, struct slp_err *err)
{
    size_t slot = slot_of(l, from->id);
    if (!l->files[slot]) {
        TRY(state_snap_load_file(l->state, from, &l->files[slot], err));
        l->count++;
    }
    *out = l->files[slot];
    return SLP_OK;
}

static struct state_job *open_job(const struct table_state *s, struct state_id id)
{
    size_t i = state_job_index(s, id);
    return i == SIZE_MAX ? NULL : s->jobs[i];
}

static bool has_rows(const struct state_entry *e, const struct snap_ref *ref)
{
    int64_t rows = 0;
    uint64_t file_bytes = 0;
    state_entry_size(e, &rows, &file_bytes);
    return ref->row_lo <= (uint64_t)rows + 1 && ref->row_hi <= (uint64_t)rows + 1;
}

/* Leaves follow each other without gaps. */
static slp_rc check_next(const struct table_state *s, struct key_range range, struct slp_err *err)
{
    size_t n = s->leaf_count;
    bool fits = n == 0 ? slice_equal(range.lo, s->seen.lo)
                       : s->leaves[n - 1]->range.has_hi &&
                             slice_equal(s->leaves[n - 1]->range.hi, range.lo);
    if (!fits || key_range_is_empty(range))
        FAIL(err, CORRUPT, "leaf %zu of a snapshot does not begin where the one before ends", n);
    return SLP_OK;
}

static slp_rc load_leaf(struct state_loader *l, const struct snap_leaf *leaf,
                        struct state_entry *const *files, size_t file_count, struct slp_err *err)
{
    struct table_state *s = l->state;
    size_t n = s->leaf_count;
    TRY(check_next(s, leaf->range, err));
    TRY(state_tree_append(s, leaf->range, err));
    for (size_t i = 0; i < leaf->ref_count; i++) {
        const struct snap_ref *ref = &leaf->refs[i];
        struct state_job *job = ref->has_job ? open_job(s, ref->job) : NULL;
        if (ref->file >= file_count || (ref->has_job && !job) || !has_rows(files[ref->file], ref))
            FAIL(err, CORRUPT, "reference %zu of leaf %zu names what the snapshot does not have", i,
                 n);
        struct state_part part = {
            .range = ref->range,
            .rows = {.lo = (int64_t)ref->row_lo - 1, .hi = (int64_t)ref->row_hi - 1}};
        TRY(state_tree_refer(s, files[ref->file], job, part, err));
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
    TRY_OUT(state_snap_read(shard_magic, &shard_shape, bytes, &arena, &shard, err));
    TRY_OUT(state_snap_load_jobs(l->state, shard.jobs, shard.job_count, err));
    TRY_OUT(reserve_files(l, shard.file_count, err));
    TRY_OUT(arena_array(&arena, shard.file_count, sizeof(struct state_entry *), &room, err));
    struct state_entry **files = room;
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
    struct table_state *s = l->state;
    s->ring.has_evicted = l->has_evicted && s->ring.count > 0;
    for (size_t i = 0; i < l->room; i++)
        if (l->files[i] && l->files[i]->refs == 0)
            FAIL(err, CORRUPT, "a snapshot has a file of frame %" PRIu64 " that no leaf refers to",
                 l->files[i]->frame);
    struct key_range last = {.has_hi = true};
    if (s->leaf_count)
        last = s->leaves[s->leaf_count - 1]->range;
    if (s->is_created && (last.has_hi != s->seen.has_hi || !slice_equal(last.hi, s->seen.hi)))
        FAIL(err, CORRUPT, "the shards of a snapshot do not cover all keys");
    return SLP_OK;
}
