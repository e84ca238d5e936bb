
#include "base/num.h"
#include "state/view_priv.h"

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
        order = state_id_compare(a->file->id, b->file->id);
    return order ? order : slice_compare(a->range.lo, b->range.lo);
}

/* ------------------------------------------------------------------ files */

/* One allocation: the struct, then name, first key, last key and a zero byte, extra. */
static size_t file_bytes(const struct state_file *f)
{
    return sizeof *f + f->name.len + f->info.first_key.len + f->last_end.len + f->extra.len;
}

static struct slice put(uint8_t **at, struct slice s, size_t zeros)
{
    struct slice copy = slice_of(*at, s.len + zeros);
    if (s.len)
        memcpy(*at, s.ptr, s.len);
    memset(*at + s.len, 0, zeros);
    *at += s.len + zeros;
    return copy;
}

slp_rc state_file_new(struct table_state *s, const struct state_new_file *entry, struct state_id id,
                      struct state_file **out, struct slp_err *err)
{
    struct slice first = entry->info.first_key;
    struct slice last = entry->info.last_key;
    void *room = NULL;
    TRY(alloc_zeroed(s->mem,
                     sizeof **out + entry->name.len + first.len + last.len + 1 + entry->extra.len,
                     &room, err));
    struct state_file *f = room;
    uint8_t *at = (uint8_t *)(f + 1);
    f->id = id;
    f->info = entry->info;
    f->name = put(&at, entry->name, 0);
    f->info.first_key = put(&at, first, 0);
    f->last_end = put(&at, last, 1);
    f->info.last_key = slice_first(f->last_end, last.len);
    f->extra = put(&at, entry->extra, 0);
    f->schema_version = entry->schema_version;
    f->low = id.at;
    f->high = id.at;
    f->time_us = s->time_us;
    *out = f;
    return SLP_OK;
}

void state_file_free(struct alloc *mem, struct state_file *f)
{
    if (f)
        alloc_free(mem, f, file_bytes(f));
}

struct key_range state_file_range(const struct state_file *f)
{
    return (struct key_range){.lo = f->info.first_key, .hi = f->last_end, .has_hi = true};
}

/* One reference less; a file without any goes, and its name is kept among the dead. */
static slp_rc drop_reference(struct table_state *s, struct state_file *f, struct state_position at,
                             struct slp_err *err)
{
    if (--f->refs > 0)
        return SLP_OK;
    struct state_dead_file dead = {
        .file_bytes = f->info.file_bytes, .since = at, .since_us = s->time_us};
    slp_rc rc =
        state_grow(s->mem, &s->dead, &s->dead_room, s->dead_count + 1, sizeof *s->dead, err);
    if (rc == SLP_OK)
        rc = arena_copy(&s->keys, f->name, &dead.name, err);
    if (rc == SLP_OK)
        s->dead[s->dead_count++] = dead;
    state_file_free(s->mem, f);
    return rc;
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
    if (!range.has_hi)
        return;
    *end = state_leaf_holding(s, range.hi) + 1;
    if (slice_compare(s->leaves[*end - 1]->range.lo, range.hi) >= 0)
        --*end;
}

static bool same_range(struct key_range a, struct key_range b)
{
    return slice_equal(a.lo, b.lo) && a.has_hi == b.has_hi &&
           (!a.has_hi || slice_equal(a.hi, b.hi));
}

size_t state_tree_find(const struct table_state *s, struct key_range range)
{
    if (s->leaf_count == 0)
        return SIZE_MAX;
    size_t i = state_leaf_holding(s, range.lo);
    return same_range(s->leaves[i]->range, range) ? i : SIZE_MAX;
}

struct state_reference *state_leaf_reference(struct state_leaf *leaf, struct state_id file)
{
    for (size_t i = 0; i < leaf->ref_count; i++)
        if (state_id_equal(leaf->refs[i].file->id, file))
            return &leaf->refs[i];
    return NULL;
}

/* The part of `whole` that lies in the leaf; rows are known where it is cut at the file's own
 * ends. */
static bool narrow(const struct state_reference *whole, struct key_range leaf,
                   struct state_reference *out)
{
    struct key_range part = key_range_clip(whole->range, leaf);
    if (key_range_is_empty(part))
        return false;
    *out = *whole;
    out->range = part;
    if (!slice_equal(part.lo, whole->range.lo))
        out->row_lo = -1;
    if (!slice_equal(part.hi, whole->range.hi))
        out->row_hi = -1;
    return true;
}

/* Insert in order. References of new files belong at the end, most often. */
static slp_rc leaf_insert(struct table_state *s, struct state_leaf *leaf,
                          const struct state_reference *ref, struct slp_err *err)
{
    TRY(state_grow(s->mem, &leaf->refs, &leaf->ref_room, leaf->ref_count + 1, sizeof *leaf->refs,
                   err));
    size_t at = leaf->ref_count;
    while (at > 0 && state_reference_order(&leaf->refs[at - 1], ref) > 0)
        at--;
    memmove(leaf->refs + at + 1, leaf->refs + at, (leaf->ref_count - at) * sizeof *ref);
    leaf->refs[at] = *ref;
    leaf->ref_count++;
    ref->file->refs++;
    return SLP_OK;
}

slp_rc state_tree_file(struct table_state *s, struct state_file *f, struct slp_err *err)
{
    struct state_reference whole = {
        .file = f, .range = state_file_range(f), .row_lo = 0, .row_hi = f->info.rows};
    size_t first = 0;
    size_t end = 0;
    state_leaves_meeting(s, whole.range, &first, &end);
    for (size_t i = first; i < end; i++) {
        struct state_reference ref;
        if (narrow(&whole, s->leaves[i]->range, &ref))
            TRY(leaf_insert(s, s->leaves[i], &ref, err));
    }
    return SLP_OK;
}

static void leaf_free(struct table_state *s, struct state_leaf *leaf)
{
    if (!leaf)
        return;
    for (size_t i = 0; i < leaf->ref_count; i++)
        if (--leaf->refs[i].file->refs == 0)
            state_file_free(s->mem, leaf->refs[i].file);
    alloc_free(s->mem, leaf->refs, leaf->ref_room * sizeof *leaf->refs);
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
    s->leaves[s->leaf_count++] = leaf;
    return SLP_OK;
}

slp_rc state_tree_append(struct table_state *s, struct key_range range, struct slp_err *err)
{
    TRY(state_grow(s->mem, &s->leaves, &s->leaf_room, s->leaf_count + 1, sizeof *s->leaves, err));
    struct key_range copy = {.has_hi = range.has_hi};
    if (s->leaf_count)
        copy.lo = s->leaves[s->leaf_count - 1]->range.hi;
    if (range.has_hi)
        TRY(arena_copy(&s->keys, range.hi, &copy.hi, err));
    return append_leaf(s, copy, err);
}

slp_rc state_tree_refer(struct table_state *s, struct state_file *f, struct state_job *job,
                        int64_t row_lo, int64_t row_hi, struct slp_err *err)
{
    struct state_leaf *leaf = s->leaves[s->leaf_count - 1];
    struct state_reference whole = {
        .file = f, .range = state_file_range(f), .row_lo = 0, .row_hi = f->info.rows};
    struct state_reference ref;
    if (!narrow(&whole, leaf->range, &ref))
        FAIL(err, CORRUPT, "a reference to a file that does not meet its leaf");
    ref.job = job;
    ref.row_lo = row_lo;
    ref.row_hi = row_hi;
    return leaf_insert(s, leaf, &ref, err);
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
static int64_t cut_row(const struct state_split_item *item, const struct state_file *f, size_t key)
{
    for (size_t i = 0; i < item->cut_count; i++) {
        const struct state_split_cut *cut = &item->cuts[i];
        if (cut->key == key && state_id_equal(cut->file, f->id) && cut->row <= f->info.rows)
            return cut->row;
    }
    return -1;
}

/* Give the i-th new leaf its parts of the old leaf's references. */
static slp_rc split_references(struct table_state *s, const struct state_leaf *old,
                               const struct state_split_item *item, size_t i,
                               struct state_leaf *leaf, struct slp_err *err)
{
    for (size_t k = 0; k < old->ref_count; k++) {
        struct state_reference ref;
        if (!narrow(&old->refs[k], leaf->range, &ref))
            continue;
        if (ref.row_lo < 0 && i > 0)
            ref.row_lo = cut_row(item, ref.file, i - 1);
        if (ref.row_hi < 0 && i < item->key_count)
            ref.row_hi = cut_row(item, ref.file, i);
        TRY(leaf_insert(s, leaf, &ref, err));
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
            struct state_reference ref = leaf->refs[k];
            if (ref.job != job) {
                leaf->refs[kept++] = ref;
                continue;
            }
            slp_rc one = drop_reference(s, ref.file, at, rc == SLP_OK ? err : NULL);
            rc = rc == SLP_OK ? one : rc;
        }
        leaf->ref_count = kept;
    }
    return rc;
}
