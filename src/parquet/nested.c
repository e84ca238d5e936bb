#include "parquet/nested.h"

#include "arrow/bits.h"
#include "base/num.h"

slp_rc pq_nested_init(struct pq_nested *n, struct alloc *mem, const struct pq_node *node,
                      const struct pq_column *columns, struct slp_err *err)
{
    struct pq_nested fresh = {.node = node, .columns = columns, .mem = mem};
    TRY(alloc_array(mem, node->leaf_count, sizeof *fresh.levels, (void **)&fresh.levels, err));
    for (size_t i = 0; i < node->leaf_count; i++) {
        buf_init(&fresh.levels[i].definitions, mem, PQ_LEVELS_MAX_BYTES);
        buf_init(&fresh.levels[i].repetitions, mem, PQ_LEVELS_MAX_BYTES);
    }
    buf_init(&fresh.lengths, mem, (PQ_LEVELS_MAX_BYTES + 1) * sizeof(int32_t));
    buf_init(&fresh.bits, mem, PQ_LEVELS_MAX_BYTES);
    *n = fresh;
    return SLP_OK;
}

void pq_nested_fini(struct pq_nested *n)
{
    for (size_t i = 0; n->levels && i < n->node->leaf_count; i++) {
        buf_fini(&n->levels[i].definitions);
        buf_fini(&n->levels[i].repetitions);
    }
    if (n->levels)
        alloc_free(n->mem, n->levels, n->node->leaf_count * sizeof *n->levels);
    n->levels = NULL;
    buf_fini(&n->lengths);
    buf_fini(&n->bits);
}

static const struct pq_levels *levels_of(const struct pq_nested *n, const struct pq_node *node)
{
    return &n->levels[node->first_leaf - n->node->first_leaf];
}

static const struct pq_column *column_of(const struct pq_nested *n, const struct pq_node *node)
{
    return &n->columns[node->first_leaf - n->node->first_leaf];
}

/* The column that a leaf is for. */
static struct arr_col *leaf_column(const struct pq_nested *n, size_t leaf, struct arr_col *out)
{
    const struct pq_node *node = n->node;
    while (node->field->child_count) {
        size_t i = 0;
        while (node->children[i].first_leaf + node->children[i].leaf_count <=
               n->node->first_leaf + leaf)
            i++;
        node = &node->children[i];
        out = &out->children[i];
    }
    return out;
}

/* Read the leaves into the columns they are for. */
static slp_rc read_leaves(struct pq_nested *n, struct pq_chunk_reader *chunks, int64_t rows,
                          bool is_last, struct arr_col *out, struct slp_err *err)
{
    for (size_t leaf = 0; leaf < n->node->leaf_count; leaf++) {
        struct arr_col *col = leaf_column(n, leaf, out);
        slp_rc rc = pq_chunk_nested(&chunks[leaf], rows, is_last, &n->levels[leaf], col, err);
        if (rc != SLP_OK)
            return err_wrap(err, rc, "leaf \"%s\"", n->columns[leaf].path);
    }
    return SLP_OK;
}

static slp_rc fail_leaf(const struct pq_nested *n, size_t leaf,
                        const struct pq_chunk_reader *chunks, struct slp_err *err)
{
    static const char what[] = "other levels than those of";
    const char *path = n->columns[leaf].path;
    const char *before = n->columns[leaf - 1].path;
    if (chunks)
        FAIL(err, CORRUPT, "leaf \"%s\", page at offset %llu: %s \"%s\" in what holds both", path,
             (unsigned long long)chunks[leaf].page_offset, what, before);
    FAIL(err, CORRUPT, "leaf \"%s\": %s \"%s\" in what holds both", path, what, before);
}

/* Each leaf against the one before it; what two share is shared by all between. `chunks` tell the
 * place, and may be NULL. */
static slp_rc check_leaves(const struct pq_nested *n, const struct pq_chunk_reader *chunks,
                           struct slp_err *err)
{
    for (size_t i = 1; i < n->node->leaf_count; i++) {
        const struct pq_column *c = &n->columns[i];
        if (c->shared_definition == 0 && c->shared_repetition == 0)
            continue;
        if (!pq_levels_agree(
                buf_slice(&n->levels[i - 1].definitions), buf_slice(&n->levels[i - 1].repetitions),
                buf_slice(&n->levels[i].definitions), buf_slice(&n->levels[i].repetitions),
                c->shared_definition, c->shared_repetition))
            return fail_leaf(n, i, chunks, err);
    }
    return SLP_OK;
}

static slp_rc zeroed(struct buf *b, size_t bytes, struct slp_err *err)
{
    buf_clear(b);
    return buf_resize(b, bytes, err);
}

static slp_rc assemble_list(struct pq_nested *n, const struct pq_node *node,
                            struct pq_level_rule rule, struct arr_col *out, struct slp_err *err)
{
    const struct pq_levels *levels = levels_of(n, node);
    size_t entries = levels->definitions.len;
    TRY(zeroed(&n->lengths, (entries + 1) * sizeof(int32_t), err));
    TRY(zeroed(&n->bits, arr_bits_bytes((int64_t)entries + 1), err));
    int32_t *lengths = (int32_t *)(void *)n->lengths.ptr;
    size_t slots = pq_levels_lists(levels->definitions.ptr, levels->repetitions.ptr, entries, rule,
                                   lengths, n->bits.ptr);
    SLP_INVARIANT(lengths[0] == 0);
    return arr_col_append_lists(out, lengths + 1, (int64_t)slots,
                                rule.present > rule.slot ? n->bits.ptr : NULL, 1, err);
}

static slp_rc assemble_struct(struct pq_nested *n, const struct pq_node *node,
                              struct pq_level_rule rule, struct arr_col *out, struct slp_err *err)
{
    const struct pq_levels *levels = levels_of(n, node);
    size_t entries = levels->definitions.len;
    int64_t slots = out->children[0].rows - out->rows;
    for (size_t i = 1; i < out->child_count; i++) {
        if (out->children[i].rows != out->children[0].rows)
            FAIL(err, CORRUPT, "member \"%s\" has %lld values, \"%s\" has %lld",
                 node->field->children[i].name, (long long)out->children[i].rows,
                 node->field->children[0].name, (long long)out->children[0].rows);
    }
    if (rule.present == rule.slot)
        return arr_col_append_structs(out, slots, NULL, 0, err);
    TRY(zeroed(&n->bits, arr_bits_bytes((int64_t)entries), err));
    size_t counted = pq_levels_structs(levels->definitions.ptr, levels->repetitions.ptr, entries,
                                       rule, n->bits.ptr);
    SLP_INVARIANT((int64_t)counted == slots);
    return arr_col_append_structs(out, slots, n->bits.ptr, 0, err);
}

/* From the leaves up. */
static slp_rc assemble(struct pq_nested *n, const struct pq_node *node, struct arr_col *out,
                       struct slp_err *err)
{
    for (size_t i = 0; i < node->field->child_count; i++)
        TRY(assemble(n, &node->children[i], &out->children[i], err));
    if (node->field->child_count == 0)
        return SLP_OK;
    const uint8_t *items = column_of(n, node)->item_definitions;
    struct pq_level_rule rule = {
        .repetition = node->repetition,
        .slot = items[node->repetition],
        .present = node->definition,
    };
    if (!arr_type_is_list(node->field->type))
        return assemble_struct(n, node, rule, out, err);
    rule.item = items[node->repetition + 1];
    return assemble_list(n, node, rule, out, err);
}

slp_rc pq_nested_rows(struct pq_nested *n, struct pq_chunk_reader *chunks, int64_t rows,
                      bool is_last, struct arr_col *out, struct slp_err *err)
{
    pq_nested_begin(n);
    TRY(read_leaves(n, chunks, rows, is_last, out, err));
    TRY(check_leaves(n, chunks, err));
    return assemble(n, n->node, out, err);
}

void pq_nested_begin(struct pq_nested *n)
{
    for (size_t i = 0; i < n->node->leaf_count; i++) {
        buf_clear(&n->levels[i].definitions);
        buf_clear(&n->levels[i].repetitions);
    }
}

/* One step of a page: levels, then the values they speak of. */
static slp_rc take_step(struct pq_cursor *page, const struct pq_column *c, struct pq_levels *levels,
                        struct arr_col *out, struct slp_err *err)
{
    size_t at = levels->definitions.len;
    size_t count = (size_t)num_min_i64(PQ_STEP_ROWS, page->rows_left);
    TRY(buf_resize(&levels->definitions, at + count, err));
    TRY(buf_resize(&levels->repetitions, at + count, err));
    uint8_t *definitions = levels->definitions.ptr + at;
    uint8_t *repetitions = levels->repetitions.ptr + at;
    TRY(pq_cursor_levels(page, count, definitions, repetitions, err));
    if ((at == 0 && repetitions[0]) ||
        !pq_levels_are_sound(definitions, repetitions, count, at ? definitions[-1] : 0,
                             c->item_definitions, c->repetition_max))
        FAIL(err, CORRUPT, "repetition levels that go on with no list");
    return pq_cursor_slots(page, definitions, count, out, err);
}

slp_rc pq_nested_page(struct pq_nested *n, size_t leaf, const struct pq_cursor *opened,
                      struct arr_col *out, struct slp_err *err)
{
    struct pq_cursor page = *opened;
    struct arr_col *col = leaf_column(n, leaf, out);
    assert(leaf < n->node->leaf_count);
    while (page.rows_left)
        TRY(take_step(&page, &n->columns[leaf], &n->levels[leaf], col, err));
    return SLP_OK;
}

slp_rc pq_nested_end(struct pq_nested *n, struct arr_col *out, struct slp_err *err)
{
    TRY(check_leaves(n, NULL, err));
    return assemble(n, n->node, out, err);
}
