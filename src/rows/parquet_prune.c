#include "rows/parquet_prune.h"

#include "base/num.h"
#include "parquet/bloom.h"
#include "parquet/known.h"
#include "predicate/prune.h"

/* One column of the predicate, in the group at hand. */
struct known {
    bool is_used;
    bool is_usable; /* flat, and of the type that the predicate was bound to */
    struct pred_facts facts;
    struct arr_col bounds;
    const struct pq_column *column;
    const struct pq_chunk *chunk;
    bool has_asked; /* for the filter */
    struct pq_bloom bloom;
    struct buf room;
    struct pq_page_index index;
    size_t page;
};

struct pruner {
    const struct rows_prune *p;
    struct source *src;
    struct pq_scratch scratch;
    struct known *known; /* one a wanted column */
    const struct pq_group_meta *group;
};

static struct pred_facts facts_of(void *context, size_t column)
{
    const struct pruner *w = context;
    return w->known[column].facts;
}

static bool load_bloom(struct pruner *w, struct known *k)
{
    if (!k->has_asked && k->chunk->bloom_offset &&
        pq_bloom_read(w->src, k->chunk->bloom_offset, k->chunk->bloom_bytes, &k->room, &k->bloom,
                      NULL) != SLP_OK)
        k->bloom.bits = NULL;
    k->has_asked = true;
    return k->bloom.bits != NULL;
}

static bool may_hold(void *context, size_t column, struct slice value)
{
    struct pruner *w = context;
    struct known *k = &w->known[column];
    uint64_t hash = 0;
    if (!k->is_usable || !pq_bloom_hash_of(k->column, value, &hash) || !load_bloom(w, k))
        return true;
    return pq_bloom_may_contain(&k->bloom, hash);
}

/* ---- Facts ---- */

/* Nothing is known but what the type says. */
static struct pred_facts any_facts(const struct arr_field *field)
{
    bool is_real = field->type.kind == ARR_FLOAT || field->type.kind == ARR_DOUBLE;
    return (struct pred_facts){.may_be_null = true, .may_have_value = true, .may_be_nan = is_real};
}

static slp_rc set_bounds(struct pruner *w, struct known *k, struct slice min, struct slice max,
                         struct slp_err *err)
{
    arr_col_clear(&k->bounds);
    TRY(pq_bounds_append(k->column, min, max, &w->scratch, &k->bounds, err));
    k->facts.bounds = &k->bounds;
    return SLP_OK;
}

/* What the footer says of a chunk. */
static slp_rc learn_chunk(struct pruner *w, size_t i, struct slp_err *err)
{
    struct known *k = &w->known[i];
    const struct pq_meta *m = pq_file_meta(w->p->file);
    const struct arr_field *field = &w->p->want->fields[i];
    size_t place = w->p->places[i];
    k->is_used = true;
    k->facts = any_facts(field);
    if (place == SIZE_MAX) {
        k->facts = (struct pred_facts){.may_be_null = true};
        return SLP_OK;
    }
    const struct pq_node *node = &m->nodes[place];
    k->column = &m->columns[node->first_leaf];
    k->chunk = &w->group->chunks[node->first_leaf];
    k->is_usable = node->field->child_count == 0 && !k->column->is_nested &&
                   arr_type_equal(field->type, node->field->type);
    if (!k->is_usable)
        return SLP_OK;
    arr_col_init(&k->bounds, w->p->mem, k->column->type);
    k->facts.may_be_null = k->column->optional && k->chunk->null_count != 0;
    k->facts.may_have_value = k->chunk->null_count < 0 || k->chunk->null_count < w->group->rows;
    return set_bounds(w, k, k->chunk->min_value, k->chunk->max_value, err);
}

/* What the column index says of a page. */
static slp_rc learn_page(struct pruner *w, struct known *k, struct slp_err *err)
{
    const struct pq_page_bounds *b = &k->index.bounds.pages[k->page];
    int64_t rows = k->index.offsets.pages[k->page].rows;
    k->facts.may_be_null = k->column->optional && b->null_count != 0;
    k->facts.may_have_value = !k->column->optional || b->null_count < rows;
    if (b->nan_count == 0)
        k->facts.may_be_nan = false;
    else
        k->facts.may_be_nan =
            k->column->type.kind == ARR_FLOAT || k->column->type.kind == ARR_DOUBLE;
    k->facts.bounds = NULL;
    /* Some writers call every page one of nulls if they kept no statistics: only the count counts. */
    return b->is_null_page ? SLP_OK : set_bounds(w, k, b->min, b->max, err);
}

/* ---- Pages ---- */

/* Read what indexes there are; false if there are none of use. */
static slp_rc read_indexes(struct pruner *w, struct arena *a, bool *has_any, struct slp_err *err)
{
    *has_any = false;
    for (size_t i = 0; i < w->p->want->count; i++) {
        struct known *k = &w->known[i];
        k->index = (struct pq_page_index){0};
        k->page = 0;
        if (!k->is_used || !k->is_usable)
            continue;
        slp_rc rc = pq_page_index_read(w->src, k->chunk, w->group->rows, a, &k->index, err);
        if (rc == SLP_NO_MEMORY)
            return rc;
        if (rc != SLP_OK || k->index.bounds.count == 0)
            k->index = (struct pq_page_index){0};
        w->p->counts->pages += k->index.offsets.count;
        *has_any = *has_any || k->index.offsets.count > 0;
    }
    return SLP_OK;
}

static int64_t page_end(const struct known *k)
{
    const struct pq_page_location *at = &k->index.offsets.pages[k->page];
    return at->first_row + at->rows;
}

/* Go to the pages that hold a row. Returns where the first of them ends. */
static slp_rc step(struct pruner *w, int64_t row, int64_t *end, struct slp_err *err)
{
    *end = w->group->rows;
    for (size_t i = 0; i < w->p->want->count; i++) {
        struct known *k = &w->known[i];
        if (k->index.offsets.count == 0)
            continue;
        bool has_moved = row == 0;
        for (; page_end(k) <= row; k->page++)
            has_moved = true;
        if (has_moved)
            TRY(learn_page(w, k, err));
        *end = num_min_i64(*end, page_end(k));
    }
    return SLP_OK;
}

struct ranges {
    struct pq_row_range *items;
    size_t count;
    size_t room;
};

static slp_rc add_range(struct ranges *r, struct arena *a, struct pq_row_range range,
                        struct slp_err *err)
{
    if (r->count && r->items[r->count - 1].hi == range.lo) {
        r->items[r->count - 1].hi = range.hi;
        return SLP_OK;
    }
    if (r->count == r->room) {
        struct pq_row_range *more = NULL;
        size_t room = r->room ? 2 * r->room : 16;
        TRY(arena_array(a, room, sizeof *more, (void **)&more, err));
        if (r->count)
            memcpy(more, r->items, r->count * sizeof *more);
        r->items = more;
        r->room = room;
    }
    r->items[r->count++] = range;
    return SLP_OK;
}

static slp_rc prune_pages(struct pruner *w, struct arena *a, int64_t first, struct ranges *out,
                          struct slp_err *err)
{
    const struct pred_witness witness = {.context = w, .facts = facts_of};
    int64_t end = 0;
    for (int64_t row = 0; row < w->group->rows; row = end) {
        TRY(step(w, row, &end, err));
        if (pred_may_be_true(w->p->pred, &witness))
            TRY(add_range(out, a, (struct pq_row_range){first + row, first + end}, err));
    }
    return SLP_OK;
}

/* ---- A group ---- */

static slp_rc prune_group(struct pruner *w, struct arena *a, int64_t first, struct ranges *out,
                          struct slp_err *err)
{
    struct pred_witness witness = {.context = w, .facts = facts_of};
    bool has_any = false;
    w->p->counts->groups++;
    if (w->group->rows == 0)
        return SLP_OK;
    bool is_in = pred_may_be_true(w->p->pred, &witness);
    witness.may_hold = may_hold;
    is_in = is_in && pred_may_be_true(w->p->pred, &witness);
    if (is_in) {
        TRY(read_indexes(w, a, &has_any, err));
        struct pq_row_range whole = {first, first + w->group->rows};
        TRY(has_any ? prune_pages(w, a, first, out, err) : add_range(out, a, whole, err));
    }
    w->p->counts->groups_pruned += out->count == 0;
    for (size_t i = 0; i < out->count; i++)
        w->p->counts->rows += out->items[i].hi - out->items[i].lo;
    return SLP_OK;
}

static void fini(struct pruner *w)
{
    size_t count = w->p->want->count;
    for (size_t i = 0; w->known && i < count; i++) {
        buf_fini(&w->known[i].room);
        arr_col_fini(&w->known[i].bounds);
    }
    alloc_free(w->p->mem, w->known, count * sizeof *w->known);
    pq_scratch_fini(&w->scratch);
}

static slp_rc learn_group(struct pruner *w, struct arena *a, struct slp_err *err)
{
    bool *used = NULL;
    size_t count = w->p->want->count;
    TRY(arena_array(a, count, sizeof *used, (void **)&used, err));
    pred_columns(w->p->pred, used);
    for (size_t i = 0; i < count; i++) {
        buf_init(&w->known[i].room, w->p->mem, PQ_BLOOM_MAX_BYTES + PQ_PAGE_HEADER_MAX_BYTES);
        if (used[i])
            TRY(learn_chunk(w, i, err));
    }
    return SLP_OK;
}

slp_rc rows_parquet_prune(const struct rows_prune *p, struct source *src, size_t group,
                          struct arena *arena, struct pq_row_range **ranges, size_t *count,
                          struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    const struct pq_meta *m = pq_file_meta(p->file);
    struct pruner w = {.p = p, .src = src, .group = &m->groups[group]};
    struct ranges out = {0};
    int64_t first = 0;
    for (size_t i = 0; i < group; i++)
        first += m->groups[i].rows;
    TRY(pq_scratch_init(&w.scratch, p->mem, false, err));
    TRY_OUT(alloc_array(p->mem, p->want->count, sizeof *w.known, (void **)&w.known, err));
    TRY_OUT(learn_group(&w, arena, err));
    TRY_OUT(prune_group(&w, arena, first, &out, err));
    *ranges = out.items;
    *count = out.count;
out:
    fini(&w);
    return rc;
}
