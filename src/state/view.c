#include "state/view.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/num.h"
#include "state/view_priv.h"
#include "state/wire.h"

/* The references of one leaf, unpacked. */
#define PRINT_ARENA_MAX ((size_t)1 << 30)

uint64_t state_number(const struct table_state *s)
{
    return s->number;
}

int64_t state_time_us(const struct table_state *s)
{
    return s->time_us;
}

bool state_is_created(const struct table_state *s)
{
    return s->is_created;
}

struct slice state_schema_json(const struct table_state *s)
{
    return s->schema_json;
}

uint32_t state_schema_version(const struct table_state *s)
{
    return s->schema_version;
}

uint32_t state_key_version(const struct table_state *s)
{
    return s->key_version;
}

size_t state_leaf_count(const struct table_state *s)
{
    return s->leaf_count;
}

const struct state_leaf *state_leaf_at(const struct table_state *s, size_t i)
{
    assert(i < s->leaf_count);
    return s->leaves[i];
}

const struct state_leaf *state_leaf_find(const struct table_state *s, struct key_range range)
{
    size_t i = state_tree_find(s, range);
    return i == SIZE_MAX ? NULL : s->leaves[i];
}

size_t state_unfiled_count(const struct table_state *s)
{
    return s->unfiled_count;
}

const struct state_reference *state_unfiled_at(const struct table_state *s, size_t i)
{
    assert(i < s->unfiled_count);
    return &s->unfiled[i]->ref;
}

size_t state_job_count(const struct table_state *s)
{
    return s->job_count;
}

const struct state_job *state_job_at(const struct table_state *s, size_t i)
{
    assert(i < s->job_count);
    return s->jobs[i];
}

size_t state_verified_count(const struct table_state *s)
{
    return s->verified_count;
}

const struct state_verified *state_verified_at(const struct table_state *s, size_t i)
{
    assert(i < s->verified_count);
    return &s->verified[i];
}

size_t state_dead_count(const struct table_state *s)
{
    return s->dead_count;
}

const struct state_dead_file *state_dead_at(const struct table_state *s, size_t i)
{
    assert(i < s->dead_count);
    return &s->dead[i];
}

/* ------------------------------------------------------------------ references of a range */

static int by_order(const void *a, const void *b)
{
    const struct state_reference *const *x = a;
    const struct state_reference *const *y = b;
    return state_reference_order(*x, *y);
}

/* Which references are asked for. */
struct selection {
    struct key_range range;      /* those that share a key with it */
    const struct state_job *job; /* those that it holds; NULL: all */
};

static bool is_picked(struct key_range range, const struct state_job *job,
                      const struct selection *which)
{
    return key_range_meets(range, which->range) && (!which->job || job == which->job);
}

/* What was picked so far: in the second pass written to `refs`, in the first only counted. */
struct picked {
    const struct state_reference **refs;
    struct state_reference *views;
    struct state_file *files;
    struct arena *arena;
    size_t count;
};

static slp_rc pick_leaf(const struct state_leaf *leaf, const struct selection *which,
                        struct picked *p, struct slp_err *err)
{
    for (size_t i = 0; i < leaf->ref_count; i++) {
        const struct state_held *held = &leaf->held[i];
        if (!is_picked(state_held_range(leaf, held), held->job, which))
            continue;
        size_t n = p->count++;
        if (!p->refs)
            continue;
        TRY(state_held_view(leaf, held, &p->files[n], p->arena, &p->views[n], err));
        p->refs[n] = &p->views[n];
    }
    return SLP_OK;
}

static slp_rc pick_all(const struct table_state *s, const struct selection *which, struct picked *p,
                       struct slp_err *err)
{
    size_t first = 0;
    size_t end = 0;
    p->count = 0;
    for (size_t i = 0; i < s->unfiled_count; i++) {
        const struct state_reference *ref = &s->unfiled[i]->ref;
        if (!is_picked(ref->range, ref->job, which))
            continue;
        if (p->refs)
            p->refs[p->count] = ref;
        p->count++;
    }
    state_leaves_meeting(s, which->range, &first, &end);
    for (size_t i = first; i < end; i++)
        TRY(pick_leaf(s->leaves[i], which, p, err));
    return SLP_OK;
}

static slp_rc select_references(const struct table_state *s, const struct selection *which,
                                struct arena *arena, const struct state_reference ***out,
                                size_t *count, struct slp_err *err)
{
    struct picked p = {.arena = arena};
    TRY(pick_all(s, which, &p, err));
    size_t n = p.count;
    void *room = NULL;
    TRY(arena_array(arena, n, sizeof *p.views, &room, err));
    p.views = room;
    TRY(arena_array(arena, n, sizeof *p.files, &room, err));
    p.files = room;
    TRY(arena_array(arena, n, sizeof(const struct state_reference *), &room, err));
    p.refs = room;
    if (n) {
        TRY(pick_all(s, which, &p, err));
        qsort(p.refs, n, sizeof(const struct state_reference *), by_order);
    }
    *out = p.refs;
    *count = n;
    return SLP_OK;
}

slp_rc state_leaf_references(const struct state_leaf *leaf, struct arena *arena,
                             const struct state_reference **out, struct slp_err *err)
{
    void *room = NULL;
    TRY(arena_array(arena, leaf->ref_count, sizeof(struct state_reference), &room, err));
    struct state_reference *refs = room;
    TRY(arena_array(arena, leaf->ref_count, sizeof(struct state_file), &room, err));
    struct state_file *files = room;
    for (size_t i = 0; i < leaf->ref_count; i++)
        TRY(state_held_view(leaf, &leaf->held[i], &files[i], arena, &refs[i], err));
    *out = refs;
    return SLP_OK;
}

slp_rc state_references_meeting(const struct table_state *s, struct key_range range,
                                struct arena *arena, const struct state_reference ***out,
                                size_t *count, struct slp_err *err)
{
    struct selection which = {.range = range};
    return select_references(s, &which, arena, out, count, err);
}

slp_rc state_job_references(const struct table_state *s, const struct state_job *job,
                            struct arena *arena, const struct state_reference ***out, size_t *count,
                            struct slp_err *err)
{
    struct selection which = {.range = job->range, .job = job};
    return select_references(s, &which, arena, out, count, err);
}

/* Rows of a reference, an estimate where it is not cut; those of its file, and that one's bytes. */
static int64_t held_rows(const struct state_leaf *leaf, const struct state_held *held, bool *exact,
                         int64_t *file_rows, uint64_t *file_bytes)
{
    struct state_rows rows = state_held_rows(leaf, held);
    state_entry_size(held->file, file_rows, file_bytes);
    if (rows.lo >= 0 && rows.hi >= 0)
        return num_max_i64(rows.hi - rows.lo, 0);
    *exact = false;
    return *file_rows / num_max_i64(held->file->refs, 1);
}

struct state_brief state_leaf_brief(const struct state_leaf *leaf, size_t i)
{
    assert(i < leaf->ref_count);
    const struct state_held *held = &leaf->held[i];
    struct state_brief b = {
        .id = state_entry_id(held->file), .job = held->job, .range = state_held_range(leaf, held)};
    state_entry_positions(held->file, &b.low, &b.high);
    bool exact = true;
    b.rows = held_rows(leaf, held, &exact, &b.file_rows, &b.file_bytes);
    return b;
}

static int by_id(const void *a, const void *b)
{
    const struct state_entry *const *x = a;
    const struct state_entry *const *y = b;
    return state_id_compare(state_entry_id(*x), state_entry_id(*y));
}

/* Which files are wanted. */
struct wanted {
    uint64_t since;   /* added behind this frame */
    bool is_embedded; /* those in frames alone */
    bool is_shared;   /* those with several references alone */
};

static bool is_wanted(const struct state_entry *e, const struct wanted *w)
{
    return e->frame > w->since && (!w->is_shared || e->refs > 1) &&
           (!w->is_embedded || state_entry_is_embedded(e));
}

/* Those behind the leaves, as often as there are references; returns how many. `files` may be NULL. */
static size_t gather(const struct table_state *s, const struct wanted *w,
                     const struct state_entry **files)
{
    size_t n = 0;
    for (size_t i = 0; i < s->leaf_count; i++) {
        const struct state_leaf *leaf = s->leaves[i];
        for (size_t k = 0; k < leaf->ref_count && leaf->changed > w->since; k++) {
            if (!is_wanted(leaf->held[k].file, w))
                continue;
            if (files)
                files[n] = leaf->held[k].file;
            n++;
        }
    }
    return n;
}

/* Every live file that is wanted once, ascending by id. */
static slp_rc all_entries(const struct table_state *s, const struct wanted *w, struct arena *arena,
                          const struct state_entry ***out, size_t *count, struct slp_err *err)
{
    size_t n = s->unfiled_count + gather(s, w, NULL);
    const struct state_entry **files = NULL;
    TRY(arena_array(arena, n, sizeof(const struct state_entry *), (void **)&files, err));
    n = gather(s, w, files);
    for (size_t i = 0; i < s->unfiled_count; i++)
        if (is_wanted(s->unfiled[i]->entry, w))
            files[n++] = s->unfiled[i]->entry;
    if (n)
        qsort(files, n, sizeof(const struct state_entry *), by_id);
    size_t distinct = 0;
    for (size_t i = 0; i < n; i++)
        if (i == 0 || files[i] != files[i - 1])
            files[distinct++] = files[i];
    *out = files;
    *count = distinct;
    return SLP_OK;
}

static slp_rc view_files(const struct table_state *s, const struct wanted *w, struct arena *arena,
                         const struct state_file ***out, size_t *count, struct slp_err *err)
{
    const struct state_entry **entries = NULL;
    size_t n = 0;
    void *room = NULL;
    TRY(all_entries(s, w, arena, &entries, &n, err));
    TRY(arena_array(arena, n, sizeof(struct state_file), &room, err));
    struct state_file *views = room;
    TRY(arena_array(arena, n, sizeof(const struct state_file *), &room, err));
    const struct state_file **files = room;
    for (size_t i = 0; i < n; i++) {
        TRY(state_entry_view(entries[i], arena, &views[i], err));
        files[i] = &views[i];
    }
    *out = files;
    *count = n;
    return SLP_OK;
}

slp_rc state_files(const struct table_state *s, struct arena *arena, const struct state_file ***out,
                   size_t *count, struct slp_err *err)
{
    struct wanted all = {.since = 0};
    return view_files(s, &all, arena, out, count, err);
}

slp_rc state_files_embedded(const struct table_state *s, uint64_t since, struct arena *arena,
                            const struct state_file ***out, size_t *count, struct slp_err *err)
{
    struct wanted embedded = {.since = since, .is_embedded = true};
    return view_files(s, &embedded, arena, out, count, err);
}

slp_rc state_files_count(const struct table_state *s, struct arena *arena, size_t *count,
                         struct slp_err *err)
{
    struct wanted all = {.since = 0};
    struct wanted shared = {.is_shared = true};
    const struct state_entry **files = NULL;
    size_t n = 0;
    size_t references = s->unfiled_count + gather(s, &all, NULL);
    size_t several = gather(s, &shared, NULL);
    TRY(all_entries(s, &shared, arena, &files, &n, err));
    *count = references - several + n;
    return SLP_OK;
}

static void add_size(const struct state_entry *e, size_t *count, uint64_t *bytes)
{
    int64_t rows = 0;
    uint64_t file_bytes = 0;
    state_entry_size(e, &rows, &file_bytes);
    *bytes += file_bytes;
    ++*count;
}

slp_rc state_files_size(const struct table_state *s, struct arena *arena, size_t *count,
                        uint64_t *bytes, struct slp_err *err)
{
    struct wanted shared = {.is_shared = true};
    const struct state_entry **files = NULL;
    size_t several = 0;
    size_t n = 0;
    uint64_t sum = 0;
    TRY(all_entries(s, &shared, arena, &files, &several, err));
    for (size_t i = 0; i < several; i++)
        add_size(files[i], &n, &sum);
    for (size_t i = 0; i < s->leaf_count; i++)
        for (size_t k = 0; k < s->leaves[i]->ref_count; k++)
            if (!is_wanted(s->leaves[i]->held[k].file, &shared))
                add_size(s->leaves[i]->held[k].file, &n, &sum);
    for (size_t i = 0; i < s->unfiled_count; i++)
        if (!is_wanted(s->unfiled[i]->entry, &shared))
            add_size(s->unfiled[i]->entry, &n, &sum);
    *count = n;
    *bytes = sum;
    return SLP_OK;
}

/* ------------------------------------------------------------------ measures of a leaf */

int64_t state_reference_rows(const struct state_reference *ref, struct key_range range)
{
    struct key_range inside = key_range_clip(ref->range, range);
    bool all_of_file = slice_compare(inside.lo, ref->file->info.first_key) <= 0 &&
                       key_range_holds(inside, ref->file->info.last_key);
    if (all_of_file)
        return ref->file->info.rows;
    bool all_of_ref = slice_equal(inside.lo, ref->range.lo) && inside.has_hi == ref->range.has_hi &&
                      slice_equal(inside.hi, ref->range.hi);
    return all_of_ref && ref->row_lo >= 0 && ref->row_hi >= 0 ? ref->row_hi - ref->row_lo : -1;
}

int64_t state_leaf_rows(const struct state_leaf *leaf, bool *exact)
{
    bool all = true;
    int64_t rows = 0;
    for (size_t i = 0; i < leaf->ref_count; i++) {
        int64_t file_rows = 0;
        uint64_t file_bytes = 0;
        int64_t more = held_rows(leaf, &leaf->held[i], &all, &file_rows, &file_bytes);
        if (!num_add_i64(rows, more, &rows))
            rows = INT64_MAX;
    }
    if (exact)
        *exact = all;
    return rows;
}

uint64_t state_leaf_bytes(const struct state_leaf *leaf)
{
    uint64_t bytes = 0;
    bool exact = true;
    for (size_t i = 0; i < leaf->ref_count; i++) {
        int64_t file_rows = 0;
        uint64_t file_bytes = 0;
        int64_t rows = held_rows(leaf, &leaf->held[i], &exact, &file_rows, &file_bytes);
        u128 share = (u128)file_bytes * (uint64_t)rows / (uint64_t)num_max_i64(file_rows, 1);
        if (share > UINT64_MAX - bytes)
            return UINT64_MAX;
        bytes += (uint64_t)share;
    }
    return bytes;
}

/* ------------------------------------------------------------------ text */

static slp_rc print_range(struct key_range range, struct buf *out, struct slp_err *err)
{
    TRY(buf_printf(out, err, " ["));
    TRY(state_hex(range.lo, out, err));
    TRY(buf_printf(out, err, ", "));
    if (range.has_hi)
        TRY(state_hex(range.hi, out, err));
    return buf_printf(out, err, ")");
}

/* What most files do not have. */
static slp_rc print_kinds(const struct state_file *f, struct buf *out, struct slp_err *err)
{
    if (state_position_compare(f->purged_through, f->id.at) != 0)
        TRY(buf_printf(out, err, " purged %" PRIu64 ".%u", f->purged_through.frame,
                       f->purged_through.index));
    if (f->deletes || f->resets || f->stack)
        TRY(buf_printf(out, err, " deletes %" PRIu64 " resets %" PRIu64 " stack %u", f->deletes,
                       f->resets, f->stack));
    return f->log_offset ? buf_printf(out, err, " at %" PRIu64 " of its frame", f->log_offset)
                         : SLP_OK;
}

static slp_rc print_reference(const struct state_reference *ref, const char *what, struct buf *out,
                              struct slp_err *err)
{
    const struct state_file *f = ref->file;
    char id[STATE_ID_TEXT_BYTES];
    state_id_format(f->id, id);
    TRY(buf_printf(out, err, "%s %s %.*s", what, id, SLICE_ARG(f->name)));
    TRY(print_range(ref->range, out, err));
    TRY(buf_printf(out, err,
                   " rows %" PRId64 " [%" PRId64 ", %" PRId64 ") bytes %" PRIu64
                   " crc %08x positions %" PRIu64 ".%u to %" PRIu64 ".%u references %u extra ",
                   f->info.rows, ref->row_lo, ref->row_hi, f->info.file_bytes, f->info.crc32c,
                   f->low.frame, f->low.index, f->high.frame, f->high.index, f->refs));
    TRY(state_hex(f->extra, out, err));
    TRY(print_kinds(f, out, err));
    if (ref->job) {
        state_id_format(ref->job->id, id);
        TRY(buf_printf(out, err, " job %s", id));
    }
    return buf_append_u8(out, '\n', err);
}

static slp_rc print_leaf(const struct table_state *s, size_t i, struct buf *out,
                         struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct arena arena;
    const struct state_leaf *leaf = s->leaves[i];
    const struct state_reference *refs = NULL;
    arena_init(&arena, s->mem, PRINT_ARENA_MAX);
    TRY_OUT(buf_printf(out, err, "leaf"));
    TRY_OUT(print_range(leaf->range, out, err));
    TRY_OUT(buf_append_u8(out, '\n', err));
    TRY_OUT(state_leaf_references(leaf, &arena, &refs, err));
    for (size_t k = 0; k < leaf->ref_count; k++)
        TRY_OUT(print_reference(&refs[k], "  reference", out, err));
out:
    arena_fini(&arena);
    return rc;
}

static slp_rc print_jobs(const struct table_state *s, struct buf *out, struct slp_err *err)
{
    for (size_t i = 0; i < s->job_count; i++) {
        const struct state_job *job = s->jobs[i];
        char id[STATE_ID_TEXT_BYTES];
        state_id_format(job->id, id);
        TRY(buf_printf(out, err,
                       "job %s kind %u attempt %u extension %u assigned %" PRIu64
                       ".%u deadline %" PRId64 " inputs %u%s",
                       id, job->kind, job->attempt, job->extension, job->assigned.frame,
                       job->assigned.index, job->deadline_us, job->inputs,
                       job->drops_deletes ? " drops deletes" : ""));
        TRY(print_range(job->range, out, err));
        TRY(buf_printf(out, err, " positions %" PRIu64 ".%u to %" PRIu64 ".%u\n", job->low.frame,
                       job->low.index, job->high.frame, job->high.index));
    }
    return SLP_OK;
}

slp_rc state_print(const struct table_state *s, struct buf *out, struct slp_err *err)
{
    TRY(buf_printf(out, err, "frame %" PRIu64 " time %" PRId64 " schema %u key %u ring %u\n",
                   s->number, s->time_us, s->schema_version, s->key_version, s->ring.count));
    for (size_t i = 0; i < s->leaf_count; i++)
        TRY(print_leaf(s, i, out, err));
    for (size_t i = 0; i < s->unfiled_count; i++)
        TRY(print_reference(&s->unfiled[i]->ref, "unfiled", out, err));
    TRY(print_jobs(s, out, err));
    TRY(state_global_print(&s->global, out, err));
    for (size_t i = 0; i < s->verified_count; i++)
        TRY(buf_printf(out, err, "verified %s at %" PRIu64 " minted %" PRIu64 "\n",
                       s->verified[i].root, s->verified[i].number, s->verified[i].minted));
    for (size_t i = 0; i < s->dead_count; i++)
        TRY(buf_printf(out, err, "dead %.*s bytes %" PRIu64 " since %" PRIu64 ".%u\n",
                       SLICE_ARG(s->dead[i].name), s->dead[i].file_bytes, s->dead[i].since.frame,
                       s->dead[i].since.index));
    return SLP_OK;
}
