#include "base/num.h"
#include "state/open.h"
#include "upkeep/split_priv.h"
#include "upkeep/upkeep.h"

#define WORK_MAX_BYTES ((size_t)1 << 30)

struct splitting {
    struct state_table *table;
    struct alloc *mem;
    struct arena arena;    /* of one leaf */
    struct datafile *file; /* the leaf's largest, by rows */
    int64_t rows;          /* it has in the leaf, as far as that is known */
};

static int64_t rows_of(const struct state_reference *ref)
{
    int64_t rows = state_reference_rows(ref, ref->range);
    return rows >= 0 ? rows : ref->file->info.rows;
}

static const struct state_reference *largest(const struct state_reference *refs, size_t count)
{
    const struct state_reference *best = NULL;
    for (size_t i = 0; i < count; i++)
        if (!best || rows_of(&refs[i]) > rows_of(best))
            best = &refs[i];
    return best;
}

slp_rc upkeep_open_file(struct state_table *table, const struct state_reference *ref,
                        struct alloc *mem, struct datafile **out, struct slp_err *err)
{
    struct state_name object;
    TRY(state_table_object(table, ref->file->name, &object, err));
    return state_open_file(table, state_name_slice(&object), &ref->file->info, mem, out, err);
}

/* The row key that block `block` begins with: where a leaf may be split. */
static slp_rc row_key_at(struct splitting *s, int64_t block, struct slice *out, struct slp_err *err)
{
    const struct schema *schema = state_table_schema(s->table);
    int64_t first_row = 0;
    size_t bytes = 0;
    struct slice key;
    TRY(datafile_block(s->file, block, &key, &first_row, err));
    TRY(key_prefix_bytes(state_table_key_spec(s->table), key, schema->row_key_count, &bytes, err));
    return arena_copy(&s->arena, slice_first(key, bytes), out, err);
}

/* The keys chosen so far; the next one lies above `last`. */
struct chosen {
    struct slice *keys;
    size_t count;
    size_t most;
    struct slice last;
};

/* Take `key` if it parts the leaf: above the one before, inside the leaf. Copies. */
static slp_rc offer_key(struct splitting *s, struct key_range leaf, struct slice key,
                        struct chosen *c, struct slp_err *err)
{
    if (slice_compare(key, c->last) <= 0 || !key_range_holds(leaf, key))
        return SLP_OK;
    TRY(arena_copy(&s->arena, key, &c->last, err));
    c->keys[c->count++] = c->last;
    return SLP_OK;
}

/* Where the i-th of the chosen keys is due among `total` things of equal weight. */
static int64_t due_place(const struct chosen *c, int64_t total)
{
    return (int64_t)((uint64_t)total * (c->count + 1) / (c->most + 1));
}

static slp_rc choose_by_blocks(struct splitting *s, struct key_range leaf, int64_t first,
                               int64_t end, struct chosen *c, struct slp_err *err)
{
    for (int64_t block = first + 1; block < end && c->count < c->most; block++) {
        struct slice key;
        if (block - first < due_place(c, end - first))
            continue;
        TRY(row_key_at(s, block, &key, err));
        TRY(offer_key(s, leaf, key, c, err));
    }
    return SLP_OK;
}

static slp_rc offer_rows(struct splitting *s, struct key_range leaf, const struct key_vec *keys,
                         int64_t seen, struct chosen *c, struct slp_err *err)
{
    const struct key_spec *spec = state_table_key_spec(s->table);
    for (int64_t i = 0; i < keys->count && c->count < c->most; i++) {
        size_t bytes = 0;
        struct slice key = key_at(keys, i);
        if (seen + i < due_place(c, s->rows))
            continue;
        TRY(key_prefix_bytes(spec, key, spec->row_key_count, &bytes, err));
        TRY(offer_key(s, leaf, slice_first(key, bytes), c, err));
    }
    return SLP_OK;
}

/* Few blocks for many parts: the keys of the rows themselves. */
static slp_rc choose_by_rows(struct splitting *s, struct key_range leaf, struct chosen *c,
                             struct slp_err *err)
{
    struct run *run = NULL;
    const struct key_spec *spec = state_table_key_spec(s->table);
    struct datafile_read_options o = {
        .range = leaf, .columns = &spec->columns[0], .column_count = 1};
    slp_rc rc = datafile_read(s->file, &o, &run, NULL, err);
    int64_t seen = 0;
    while (rc == SLP_OK) {
        struct run_block block = {0};
        rc = run_next(run, &block, err);
        if (rc == SLP_OK)
            rc = offer_rows(s, leaf, block.keys, seen, c, err);
        if (rc == SLP_OK)
            seen += block.batch->rows;
    }
    run_close(run);
    return rc == SLP_DONE ? SLP_OK : rc;
}

/*
 * Keys that part the leaf into `parts` of about equal size, going by its largest file. A row key is
 * never parted, so a leaf of few row keys gives fewer keys, or none.
 */
static slp_rc choose_keys(struct splitting *s, struct key_range leaf, size_t parts,
                          struct chosen *out, struct slp_err *err)
{
    int64_t first = 0;
    int64_t end = 0;
    struct chosen c = {.most = num_min_size(parts - 1, STATE_SPLIT_KEYS_MAX), .last = leaf.lo};
    TRY(arena_array(&s->arena, c.most, sizeof *c.keys, (void **)&c.keys, err));
    TRY(datafile_find(s->file, leaf, &first, &end, err));
    if (first < end) {
        /* What stands before the first row would part nothing. */
        struct slice first_key;
        TRY(row_key_at(s, first, &first_key, err));
        c.last = slice_compare(first_key, c.last) > 0 ? first_key : c.last;
    }
    if (end - first >= UPKEEP_BLOCKS_A_PART * (int64_t)parts)
        TRY(choose_by_blocks(s, leaf, first, end, &c, err));
    else
        TRY(choose_by_rows(s, leaf, &c, err));
    *out = c;
    return SLP_OK;
}

/* The first of the keys that parts the reference; `item->key_count` if none does. */
static size_t first_inside(const struct state_reference *ref, const struct state_split_item *item)
{
    size_t k = 0;
    while (k < item->key_count && !key_range_holds(ref->range, item->keys[k]))
        k++;
    return k;
}

slp_rc upkeep_find_cuts(struct state_table *table, const struct state_reference *refs, size_t count,
                        struct arena *arena, struct state_split_item *item, struct slp_err *err)
{
    struct state_split_cut *cuts = NULL;
    size_t n = 0;
    TRY(arena_array(arena, count * item->key_count, sizeof *cuts, (void **)&cuts, err));
    for (size_t i = 0; i < count; i++) {
        struct datafile *file = NULL;
        size_t k = first_inside(&refs[i], item);
        if (k == item->key_count)
            continue;
        slp_rc rc = upkeep_open_file(table, &refs[i], arena->mem, &file, err);
        for (; k < item->key_count && rc == SLP_OK; k++) {
            struct state_split_cut *cut = &cuts[n];
            if (!key_range_holds(refs[i].range, item->keys[k]))
                break;
            cut->file = refs[i].file->id;
            cut->key = (uint32_t)k;
            rc = datafile_lower_bound(file, item->keys[k], &cut->row, err);
            n += rc == SLP_OK;
        }
        datafile_close(file);
        TRY(rc);
    }
    item->cuts = cuts;
    item->cut_count = n;
    return SLP_OK;
}

/* ---- References whose rows are not known ---- */

static bool is_cut(const struct state_reference *ref)
{
    return ref->row_lo >= 0 && ref->row_hi >= 0;
}

/* After merges a leaf may refer to a file more than once: then a cut could mean either (NO_INPUT). */
static bool is_only(const struct state_reference *refs, size_t count, size_t i)
{
    return (i == 0 || !state_id_equal(refs[i - 1].file->id, refs[i].file->id)) &&
           (i + 1 == count || !state_id_equal(refs[i + 1].file->id, refs[i].file->id));
}

/* May the leaf have more rows than the threshold, while that is not known? */
static bool is_worth_cutting(const struct state_leaf *leaf, int64_t threshold_rows)
{
    bool is_exact = false;
    uint64_t most = 0;
    (void)state_leaf_rows(leaf, &is_exact);
    for (size_t i = 0; i < leaf->ref_count && !is_exact; i++)
        most += (uint64_t)state_leaf_brief(leaf, i).file_rows;
    return !is_exact && most > (uint64_t)threshold_rows;
}

static slp_rc find_cut(struct splitting *s, const struct state_reference *ref,
                       struct state_cut_item *out, struct slp_err *err)
{
    struct datafile *file = NULL;
    out->file = ref->file->id;
    out->row_lo = ref->row_lo;
    out->row_hi = ref->row_hi;
    TRY(upkeep_open_file(s->table, ref, s->mem, &file, err));
    slp_rc rc = SLP_OK;
    if (out->row_lo < 0)
        rc = datafile_lower_bound(file, ref->range.lo, &out->row_lo, err);
    if (rc == SLP_OK && out->row_hi < 0)
        rc = datafile_lower_bound(file, ref->range.hi, &out->row_hi, err);
    datafile_close(file);
    return rc;
}

/*
 * Where the rows of a leaf are guessed and decide whether it is split, its references are cut, and that
 * is recorded: nobody has to look again. `*rows` is what the leaf has then. Who records it may replay
 * what others did: the leaf is looked for again.
 */
static slp_rc cut_leaf(struct splitting *s, const struct state_leaf *leaf, bool dry_run,
                       int64_t *rows, struct slp_err *err)
{
    size_t n = 0;
    struct state_cut_item *items = NULL;
    const struct state_reference *refs = NULL;
    struct state_result result = {0};
    size_t count = leaf->ref_count;
    struct key_range range;
    *rows = 0;
    TRY(state_leaf_references(leaf, &s->arena, &refs, err));
    TRY(key_range_copy(&s->arena, leaf->range, &range, err));
    TRY(arena_array(&s->arena, count, sizeof *items, (void **)&items, err));
    for (size_t i = 0; i < count; i++) {
        struct state_cut_item cut = {.row_lo = refs[i].row_lo, .row_hi = refs[i].row_hi};
        if (!is_cut(&refs[i]))
            TRY(find_cut(s, &refs[i], &cut, err));
        *rows += num_max_i64(cut.row_hi - cut.row_lo, 0);
        cut.leaf = range;
        if (!is_cut(&refs[i]) && is_only(refs, count, i))
            items[n++] = cut;
    }
    if (n == 0 || dry_run)
        return SLP_OK;
    struct state_txn txn = {.kind = STATE_CUT, .cut = {.items = items, .count = n}};
    return state_table_commit(s->table, &txn, NULL, &result, err);
}

static slp_rc plan_leaf(struct splitting *s, const struct state_leaf *leaf, int64_t threshold_rows,
                        struct state_split_item *item, struct slp_err *err)
{
    struct chosen chosen = {.count = 0};
    int64_t rows = state_leaf_rows(leaf, NULL);
    size_t parts = (size_t)(rows / threshold_rows) + (rows % threshold_rows != 0);
    const struct state_reference *refs = NULL;
    if (leaf->ref_count == 0 || parts < 2)
        return SLP_OK;
    TRY(state_leaf_references(leaf, &s->arena, &refs, err));
    const struct state_reference *ref = largest(refs, leaf->ref_count);
    TRY(key_range_copy(&s->arena, leaf->range, &item->leaf, err));
    TRY(upkeep_open_file(s->table, ref, s->mem, &s->file, err));
    s->rows = rows_of(ref);
    slp_rc rc = choose_keys(s, item->leaf, parts, &chosen, err);
    datafile_close(s->file);
    s->file = NULL;
    TRY(rc);
    item->keys = chosen.keys;
    item->key_count = chosen.count;
    if (chosen.count == 0)
        return SLP_OK;
    return upkeep_find_cuts(s->table, refs, leaf->ref_count, &s->arena, item, err);
}

static slp_rc split_leaf(struct splitting *s, const struct state_leaf *leaf, int64_t threshold_rows,
                         bool dry_run, bool *was_split, struct slp_err *err)
{
    struct state_split_item item = {.key_count = 0};
    struct state_result result = {0};
    TRY(plan_leaf(s, leaf, threshold_rows, &item, err));
    *was_split = item.key_count > 0;
    if (!*was_split || dry_run)
        return SLP_OK;
    struct state_txn txn = {.kind = STATE_SPLIT, .split = {.items = &item, .count = 1}};
    TRY(state_table_commit(s->table, &txn, NULL, &result, err));
    slp_rc rc = state_result_check(&result, err);
    if (rc != SLP_CONFLICT)
        return rc;
    *was_split = false; /* somebody split it first */
    err_clear(err);
    return SLP_OK;
}

static slp_rc look_at_leaf(struct splitting *s, size_t i, int64_t threshold_rows, bool dry_run,
                           bool *was_split, struct slp_err *err)
{
    const struct state_leaf *leaf = state_leaf_at(state_table_view(s->table), i);
    if (is_worth_cutting(leaf, threshold_rows)) {
        int64_t rows = 0;
        TRY(cut_leaf(s, leaf, dry_run, &rows, err));
        if (rows <= threshold_rows || i >= state_leaf_count(state_table_view(s->table)))
            return SLP_OK;
        leaf = state_leaf_at(state_table_view(s->table), i);
    }
    return split_leaf(s, leaf, threshold_rows, dry_run, was_split, err);
}

slp_rc upkeep_split(struct state_table *table, int64_t threshold_rows, bool dry_run,
                    struct alloc *mem, size_t *count, struct slp_err *err)
{
    size_t splits = 0;
    if (threshold_rows < 1)
        FAIL(err, INVALID, "a split threshold is at least one row");
    TRY(state_table_refresh(table, err));
    /* From the last leaf to the first: a split moves only the leaves behind it. */
    for (size_t i = state_leaf_count(state_table_view(table)); i-- > 0;) {
        struct splitting s = {.table = table, .mem = mem};
        const struct table_state *view = state_table_view(table);
        bool was_split = false;
        if (i >= state_leaf_count(view))
            continue;
        arena_init(&s.arena, mem, WORK_MAX_BYTES);
        slp_rc rc = look_at_leaf(&s, i, threshold_rows, dry_run, &was_split, err);
        arena_fini(&s.arena);
        TRY(rc);
        splits += was_split;
    }
    *count = splits;
    return SLP_OK;
}
