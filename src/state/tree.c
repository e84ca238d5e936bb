
#include "base/num.h"
#include "state/bug.h"
#include "state/view_priv.h"

/* What unpacking one file takes. */
#define NAME_ARENA_MAX ((size_t)1 << 20)

slp_rc state_grow(struct alloc *mem, void *array_at, size_t *room, size_t need,
                  size_t element_bytes, struct slp_err *err)
{
    if (need <= *room)
        return SLP_OK;
    size_t want = *room ? *room * 2 : 4;
    want = num_max_size(want, need);
    size_t bytes = 0;
    if (!num_mul_size(want, element_bytes, &bytes))
        FAIL(err, LIMIT, "%zu elements of %zu bytes do not fit the address space", want,
             element_bytes);
    void *old = NULL;
    memcpy(&old, array_at, sizeof old);
    void *grown = mem->resize(mem, old, *room * element_bytes, bytes);
    if (!grown)
        FAIL(err, NO_MEMORY, "out of memory for %zu bytes of state", bytes);
    memcpy(array_at, &grown, sizeof grown);
    *room = want;
    return SLP_OK;
}

int state_reference_order(const struct state_reference *a, const struct state_reference *b)
{
    int order = state_position_compare(a->file->low, b->file->low);
    if (!order)
        order = state_position_compare(a->file->high, b->file->high);
    if (!order)
        order = state_id_compare(a->file->id, b->file->id);
    return order ? order : slice_compare(a->range.lo, b->range.lo);
}

/* ------------------------------------------------------------------ files */

struct state_file state_file_of(const struct table_state *s, const struct state_new_file *entry,
                                struct state_id id)
{
    return (struct state_file){.id = id,
                               .name = entry->name,
                               .info = entry->info,
                               .schema_version = entry->schema_version,
                               .low = id.at,
                               .high = id.at,
                               .time_us = s->time_us,
                               .deletes = entry->deletes,
                               .resets = entry->resets,
                               .stack = entry->stack,
                               .purged_through = id.at,
                               .log_offset = entry->body_offset,
                               .extra = entry->extra};
}

struct key_range state_file_range(const struct state_file *f)
{
    return (struct key_range){.lo = f->info.first_key, .hi = f->last_end, .has_hi = true};
}

/* The name of a file that dies, in the arena of the state. */
static slp_rc keep_name(struct table_state *s, const struct state_entry *e,
                        struct state_dead_file *dead, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct arena arena;
    struct state_file f;
    arena_init(&arena, s->mem, NAME_ARENA_MAX);
    TRY_OUT(state_entry_view(e, &arena, &f, err));
    TRY_OUT(arena_copy(&s->keys, f.name, &dead->name, err));
    dead->file_bytes = f.info.file_bytes;
out:
    arena_fini(&arena);
    return rc;
}

slp_rc state_bury(struct table_state *s, struct state_entry *e, struct state_position at,
                  struct slp_err *err)
{
    if (state_is_partial(s)) {
        /* There may be more references below leaves that are not loaded. */
        state_entry_free(s->mem, e);
        return SLP_OK;
    }
    struct state_dead_file dead = {.since = at, .since_us = s->time_us};
    slp_rc rc =
        state_grow(s->mem, &s->dead, &s->dead_room, s->dead_count + 1, sizeof *s->dead, err);
    if (rc == SLP_OK)
        rc = keep_name(s, e, &dead, err);
    if (rc == SLP_OK)
        s->dead[s->dead_count++] = dead;
    state_entry_free(s->mem, e);
    return rc;
}

/* ------------------------------------------------------------------ references */

static struct key_range natural_range(const struct state_leaf *leaf, const struct state_held *held)
{
    return key_range_clip(state_entry_range(held->file), leaf->range);
}

struct key_range state_held_range(const struct state_leaf *leaf, const struct state_held *held)
{
    return held->part ? held->part->range : natural_range(leaf, held);
}

static bool same_range(struct key_range a, struct key_range b)
{
    return slice_equal(a.lo, b.lo) && a.has_hi == b.has_hi &&
           (!a.has_hi || slice_equal(a.hi, b.hi));
}

bool state_held_is_part(const struct state_leaf *leaf, const struct state_held *held)
{
    return held->part && !same_range(held->part->range, natural_range(leaf, held));
}

/* Rows are known where the reference begins or ends as its file does. */
static struct state_rows natural_rows(const struct state_leaf *leaf, const struct state_held *held)
{
    struct key_range whole = state_entry_range(held->file);
    struct key_range part = key_range_clip(whole, leaf->range);
    struct state_rows rows = {.lo = -1, .hi = -1};
    if (slice_equal(part.lo, whole.lo))
        rows.lo = 0;
    if (slice_equal(part.hi, whole.hi)) {
        uint64_t file_bytes = 0;
        state_entry_size(held->file, &rows.hi, &file_bytes);
    }
    return rows;
}

struct state_rows state_held_rows(const struct state_leaf *leaf, const struct state_held *held)
{
    return held->part ? held->part->rows : natural_rows(leaf, held);
}

slp_rc state_held_set(struct table_state *s, const struct state_leaf *leaf, struct state_held *held,
                      struct state_part part, struct slp_err *err)
{
    struct state_rows natural = natural_rows(leaf, held);
    if (part.rows.lo == natural.lo && part.rows.hi == natural.hi &&
        same_range(part.range, natural_range(leaf, held))) {
        alloc_delete(s->mem, held->part);
        held->part = NULL;
        return SLP_OK;
    }
    if (!held->part)
        TRY(alloc_new(s->mem, &held->part, err));
    *held->part = part;
    return SLP_OK;
}

slp_rc state_held_view(const struct state_leaf *leaf, const struct state_held *held,
                       struct state_file *file, struct arena *arena, struct state_reference *out,
                       struct slp_err *err)
{
    TRY(state_entry_view(held->file, arena, file, err));
    struct state_rows rows = state_held_rows(leaf, held);
    *out = (struct state_reference){.file = file,
                                    .job = held->job,
                                    .range = state_held_range(leaf, held),
                                    .row_lo = rows.lo,
                                    .row_hi = rows.hi};
    return SLP_OK;
}

/* ------------------------------------------------------------------ leaves */

/* The first leaf whose end is above `key`: the one that holds it. */
size_t state_leaf_holding(const struct table_state *s, struct slice key)
{
    size_t lo = 0;
    size_t hi = s->leaf_count;
    while (lo + 1 < hi) {
        size_t middle = lo + (hi - lo) / 2;
        if (slice_compare(s->leaves[middle]->range.lo, key) <= 0)
            lo = middle;
        else
            hi = middle;
    }
    return lo;
}

void state_leaves_meeting(const struct table_state *s, struct key_range range, size_t *first,
                          size_t *end)
{
    *first = 0;
    *end = 0;
    if (s->leaf_count == 0 || key_range_is_empty(range))
        return;
    *first = state_leaf_holding(s, range.lo);
    *end = s->leaf_count;
    struct key_range held = s->leaves[*first]->range;
    if (held.has_hi && slice_compare(held.hi, range.lo) <= 0)
        ++*first; /* behind all that are loaded */
    if (!range.has_hi)
        return;
    *end = state_leaf_holding(s, range.hi) + 1;
    if (slice_compare(s->leaves[*end - 1]->range.lo, range.hi) >= 0)
        --*end;
    *end = num_max_size(*first, *end);
}

size_t state_tree_find(const struct table_state *s, struct key_range range)
{
    if (s->leaf_count == 0)
        return SIZE_MAX;
    size_t i = state_leaf_holding(s, range.lo);
    return same_range(s->leaves[i]->range, range) ? i : SIZE_MAX;
}

struct state_held *state_leaf_held(const struct state_leaf *leaf, struct state_id file,
                                   size_t *near)
{
    size_t i = *near < leaf->ref_count ? *near : 0;
    for (size_t n = 0; n < leaf->ref_count; n++, i = i + 1 < leaf->ref_count ? i + 1 : 0) {
        if (!state_id_equal(state_entry_id(leaf->held[i].file), file))
            continue;
        while (i > 0 && leaf->held[i - 1].file == leaf->held[i].file)
            i--;
        *near = i + 1;
        return &leaf->held[i];
    }
    return NULL;
}

/* Room for more references: leaves are many, so it grows by half. */
static slp_rc leaf_reserve(struct table_state *s, struct state_leaf *leaf, size_t count,
                           struct slp_err *err)
{
    size_t room = leaf->ref_room;
    if (count <= room)
        return SLP_OK;
    room = num_max_size(room + room / 2, count + 3);
    void *grown = s->mem->resize(s->mem, leaf->held, leaf->ref_room * sizeof *leaf->held,
                                 room * sizeof *leaf->held);
    if (!grown)
        FAIL(err, NO_MEMORY, "out of memory for %zu references", room);
    leaf->held = grown;
    leaf->ref_room = room;
    return SLP_OK;
}

/* Where a reference to a file belongs. Those of new files do at the end, most often. */
static size_t place_in_leaf(const struct state_leaf *leaf, const struct state_entry *file)
{
    size_t at = leaf->ref_count;
    while (at > 0 && state_entry_order(leaf->held[at - 1].file, file) > 0)
        at--;
    return at;
}

/* Insert at a place. */
static slp_rc leaf_put(struct table_state *s, struct state_leaf *leaf, size_t at,
                       struct state_held held, struct slp_err *err)
{
    TRY(leaf_reserve(s, leaf, leaf->ref_count + 1, err));
    if (at < leaf->ref_count)
        memmove(leaf->held + at + 1, leaf->held + at, (leaf->ref_count - at) * sizeof *leaf->held);
    leaf->held[at] = held;
    leaf->ref_count++;
    leaf->depth_most++;
    if (!STATE_BUG(FORGET_CHANGE))
        leaf->changed = s->number;
    held.file->refs++;
    return SLP_OK;
}

/* Insert in order. */
static slp_rc leaf_insert(struct table_state *s, struct state_leaf *leaf, struct state_entry *file,
                          struct state_job *job, struct state_held **out, struct slp_err *err)
{
    size_t at = place_in_leaf(leaf, file);
    TRY(leaf_put(s, leaf, at, (struct state_held){.file = file, .job = job}, err));
    *out = &leaf->held[at];
    return SLP_OK;
}

/* Does the leaf hold all keys of `range`, which is not empty? */
static bool holds_all(const struct state_leaf *leaf, struct key_range range)
{
    return slice_compare(leaf->range.lo, range.lo) <= 0 &&
           (!leaf->range.has_hi || (range.has_hi && slice_compare(range.hi, leaf->range.hi) <= 0));
}

/* The leaves that a file meets. Files of one transaction ascend, most often, each within a leaf: it is
 * the one of the file before or the next. */
static void find_leaves(struct table_state *s, struct key_range range, size_t *first, size_t *end)
{
    for (size_t i = s->filed_at; i < s->leaf_count && i <= s->filed_at + 1; i++) {
        if (!holds_all(s->leaves[i], range))
            continue;
        *first = i;
        *end = i + 1;
        s->filed_at = i;
        return;
    }
    state_leaves_meeting(s, range, first, end);
    s->filed_at = *end > 0 ? *end - 1 : 0;
}

slp_rc state_tree_file(struct table_state *s, struct state_entry *f, bool is_newest,
                       struct slp_err *err)
{
    struct key_range whole = state_entry_range(f);
    size_t first = 0;
    size_t end = 0;
    find_leaves(s, whole, &first, &end);
    for (size_t i = first; i < end; i++) {
        struct state_leaf *leaf = s->leaves[i];
        size_t at = is_newest ? leaf->ref_count : place_in_leaf(leaf, f);
        TRY(leaf_put(s, leaf, at, (struct state_held){.file = f}, err));
    }
    return SLP_OK;
}

static void leaf_free(struct table_state *s, struct state_leaf *leaf)
{
    if (!leaf)
        return;
    for (size_t i = 0; i < leaf->ref_count; i++) {
        alloc_delete(s->mem, leaf->held[i].part);
        if (--leaf->held[i].file->refs == 0)
            state_entry_free(s->mem, leaf->held[i].file);
    }
    alloc_free(s->mem, leaf->held, leaf->ref_room * sizeof *leaf->held);
    alloc_delete(s->mem, leaf);
}

void state_tree_free(struct table_state *s)
{
    for (size_t i = 0; i < s->leaf_count; i++)
        leaf_free(s, s->leaves[i]);
    alloc_free(s->mem, s->leaves, s->leaf_room * sizeof *s->leaves);
    s->leaves = NULL;
    s->leaf_count = 0;
    s->leaf_room = 0;
}

/* A leaf at the end of `s->leaves`, whose room is there. */
static slp_rc append_leaf(struct table_state *s, struct key_range range, struct slp_err *err)
{
    struct state_leaf *leaf = NULL;
    TRY(alloc_new(s->mem, &leaf, err));
    leaf->range = range;
    leaf->changed = s->number;
    s->leaves[s->leaf_count++] = leaf;
    return SLP_OK;
}

slp_rc state_tree_append(struct table_state *s, struct key_range range, struct slp_err *err)
{
    TRY(state_grow(s->mem, &s->leaves, &s->leaf_room, s->leaf_count + 1, sizeof *s->leaves, err));
    struct key_range copy = {.has_hi = range.has_hi};
    if (s->leaf_count)
        copy.lo = s->leaves[s->leaf_count - 1]->range.hi;
    else
        TRY(arena_copy(&s->keys, range.lo, &copy.lo, err));
    if (range.has_hi)
        TRY(arena_copy(&s->keys, range.hi, &copy.hi, err));
    return append_leaf(s, copy, err);
}

slp_rc state_tree_refer(struct table_state *s, struct state_entry *f, struct state_job *job,
                        struct state_part part, struct slp_err *err)
{
    struct state_leaf *leaf = s->leaves[s->leaf_count - 1];
    struct state_held *held = NULL;
    struct key_range natural = key_range_clip(state_entry_range(f), leaf->range);
    if (key_range_is_empty(natural))
        FAIL(err, CORRUPT, "a reference to a file that does not meet its leaf");
    bool is_whole = !part.range.has_hi || same_range(part.range, natural);
    if (is_whole)
        part.range = natural;
    else
        TRY(key_range_copy(&s->keys, part.range, &part.range, err));
    if (key_range_is_empty(part.range) ||
        !same_range(key_range_clip(part.range, natural), part.range))
        FAIL(err, CORRUPT, "a reference to more than its leaf has of a file");
    TRY(leaf_insert(s, leaf, f, job, &held, err));
    return state_held_set(s, leaf, held, part, err);
}

slp_rc state_tree_begin(struct table_state *s, const struct slice *split_points, size_t count,
                        struct slp_err *err)
{
    TRY(state_grow(s->mem, &s->leaves, &s->leaf_room, count + 1, sizeof *s->leaves, err));
    struct key_range range = {0};
    for (size_t i = 0; i < count; i++) {
        TRY(arena_copy(&s->keys, split_points[i], &range.hi, err));
        range.has_hi = true;
        TRY(append_leaf(s, range, err));
        range = (struct key_range){.lo = range.hi};
    }
    return append_leaf(s, range, err);
}

/* The row that begins at keys[key] of a split, if a cut names it; -1 otherwise. */
static int64_t cut_row(const struct state_split_item *item, const struct state_entry *f, size_t key)
{
    int64_t rows = 0;
    uint64_t file_bytes = 0;
    state_entry_size(f, &rows, &file_bytes);
    for (size_t i = 0; i < item->cut_count; i++) {
        const struct state_split_cut *cut = &item->cuts[i];
        if (cut->key == key && state_id_equal(cut->file, state_entry_id(f)) && cut->row <= rows)
            return cut->row;
    }
    return -1;
}

/* The rows of the part of `whole` that falls below the i-th new leaf. */
static struct state_rows split_rows(const struct state_leaf *old, const struct state_held *whole,
                                    const struct state_split_item *item, size_t i,
                                    struct key_range part)
{
    struct key_range range = state_held_range(old, whole);
    struct state_rows rows = state_held_rows(old, whole);
    if (!slice_equal(part.lo, range.lo))
        rows.lo = -1;
    if (!slice_equal(part.hi, range.hi))
        rows.hi = -1;
    if (rows.lo < 0 && i > 0 && slice_equal(part.lo, item->keys[i - 1]))
        rows.lo = cut_row(item, whole->file, i - 1);
    if (rows.hi < 0 && i < item->key_count && slice_equal(part.hi, item->keys[i]))
        rows.hi = cut_row(item, whole->file, i);
    return rows;
}

/* Give the i-th new leaf its parts of the old leaf's references. */
static slp_rc split_references(struct table_state *s, const struct state_leaf *old,
                               const struct state_split_item *item, size_t i,
                               struct state_leaf *leaf, struct slp_err *err)
{
    for (size_t k = 0; k < old->ref_count; k++) {
        const struct state_held *whole = &old->held[k];
        struct state_held *held = NULL;
        struct state_part part = {.range =
                                      key_range_clip(state_held_range(old, whole), leaf->range)};
        if (key_range_is_empty(part.range))
            continue;
        part.rows = split_rows(old, whole, item, i, part.range);
        struct state_job *job = STATE_BUG(JOB_ONE_HALF) && i > 0 ? NULL : whole->job;
        TRY(leaf_insert(s, leaf, whole->file, job, &held, err));
        TRY(state_held_set(s, leaf, held, part, err));
    }
    return SLP_OK;
}

static slp_rc make_parts(struct table_state *s, const struct state_leaf *old,
                         const struct state_split_item *item, struct state_leaf **parts,
                         struct slp_err *err)
{
    struct key_range range = old->range;
    for (size_t i = 0; i <= item->key_count; i++) {
        TRY(alloc_new(s->mem, &parts[i], err));
        range.has_hi = i < item->key_count || old->range.has_hi;
        range.hi = old->range.hi;
        if (i < item->key_count)
            TRY(arena_copy(&s->keys, item->keys[i], &range.hi, err));
        parts[i]->range = range;
        parts[i]->changed = s->number;
        range.lo = range.hi;
        TRY(split_references(s, old, item, i, parts[i], err));
    }
    return SLP_OK;
}

slp_rc state_tree_split(struct table_state *s, size_t at, const struct state_split_item *item,
                        struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    size_t more = item->key_count;
    struct state_leaf **parts = NULL;
    TRY(state_grow(s->mem, &s->leaves, &s->leaf_room, s->leaf_count + more, sizeof *s->leaves,
                   err));
    TRY(alloc_array(s->mem, more + 1, sizeof(struct state_leaf *), (void **)&parts, err));
    TRY_OUT(make_parts(s, s->leaves[at], item, parts, err));
    leaf_free(s, s->leaves[at]);
    memmove(s->leaves + at + 1 + more, s->leaves + at + 1,
            (s->leaf_count - at - 1) * sizeof(struct state_leaf *));
    memcpy(s->leaves + at, parts, (more + 1) * sizeof(struct state_leaf *));
    s->leaf_count += more;
out:
    if (rc != SLP_OK)
        for (size_t i = 0; i <= more; i++)
            leaf_free(s, parts[i]);
    alloc_free(s->mem, parts, (more + 1) * sizeof(struct state_leaf *));
    return rc;
}

/* The reference of the left half that `right` continues; NULL if there is none. */
static struct state_held *continued(const struct state_leaf *merged, const struct state_held *right,
                                    struct key_range range)
{
    for (size_t i = 0; i < merged->ref_count; i++) {
        struct state_held *left = &merged->held[i];
        if (left->file == right->file && left->job == right->job &&
            slice_equal(state_held_range(merged, left).hi, range.lo))
            return left;
    }
    return NULL;
}

/* Give the merged leaf all references of one half. */
static slp_rc merge_references(struct table_state *s, const struct state_leaf *half,
                               struct state_leaf *merged, struct slp_err *err)
{
    for (size_t i = 0; i < half->ref_count; i++) {
        const struct state_held *from = &half->held[i];
        struct state_part part = {.range = state_held_range(half, from),
                                  .rows = state_held_rows(half, from)};
        struct state_held *to = continued(merged, from, part.range);
        if (to) {
            part.range.lo = state_held_range(merged, to).lo;
            part.rows.lo = state_held_rows(merged, to).lo;
        } else {
            TRY(leaf_insert(s, merged, from->file, from->job, &to, err));
        }
        TRY(state_held_set(s, merged, to, part, err));
    }
    return SLP_OK;
}

slp_rc state_tree_merge(struct table_state *s, size_t at, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct state_leaf *merged = NULL;
    struct state_leaf *left = s->leaves[at];
    struct state_leaf *right = s->leaves[at + 1];
    TRY(alloc_new(s->mem, &merged, err));
    merged->changed = s->number;
    merged->range = (struct key_range){
        .lo = left->range.lo, .hi = right->range.hi, .has_hi = right->range.has_hi};
    TRY_OUT(merge_references(s, left, merged, err));
    TRY_OUT(merge_references(s, right, merged, err));
    leaf_free(s, left);
    leaf_free(s, right);
    s->leaf_count--;
    s->leaves[at] = merged;
    memmove(s->leaves + at + 1, s->leaves + at + 2,
            (s->leaf_count - at - 1) * sizeof(struct state_leaf *));
    merged = NULL;
out:
    leaf_free(s, merged);
    return rc;
}

void state_tree_touch(struct table_state *s, struct key_range range)
{
    size_t first = 0;
    size_t end = 0;
    state_leaves_meeting(s, range, &first, &end);
    for (size_t i = first; i < end; i++)
        s->leaves[i]->changed = s->number;
}

slp_rc state_tree_take(struct table_state *s, const struct state_job *job, struct state_position at,
                       struct slp_err *err)
{
    size_t first = 0;
    size_t end = 0;
    slp_rc rc = SLP_OK;
    state_leaves_meeting(s, job->range, &first, &end);
    for (size_t i = first; i < end; i++) {
        struct state_leaf *leaf = s->leaves[i];
        size_t kept = 0;
        for (size_t k = 0; k < leaf->ref_count; k++) {
            struct state_held held = leaf->held[k];
            if (held.job != job) {
                leaf->held[kept++] = held;
                continue;
            }
            alloc_delete(s->mem, held.part);
            if (--held.file->refs > 0)
                continue;
            slp_rc one = state_bury(s, held.file, at, rc == SLP_OK ? err : NULL);
            rc = rc == SLP_OK ? one : rc;
        }
        leaf->ref_count = kept;
    }
    return rc;
}
