#include "parquet/nested.h"

#include "arrow/bits.h"

slp_rc pq_nested_init(struct pq_nested *n, struct alloc *mem, const struct pq_node *node,
                      struct pq_chunk_reader *chunks, struct slp_err *err)
{
    struct pq_nested fresh = {.node = node, .chunks = chunks, .mem = mem};
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
    return n->chunks[node->first_leaf - n->node->first_leaf].column;
}

/* Read the leaves below a node into the columns they are for. */
static slp_rc read_leaves(struct pq_nested *n, const struct pq_node *node, int64_t rows,
                          bool is_last, struct arr_col *out, struct slp_err *err)
{
    for (size_t i = 0; i < node->field->child_count; i++)
        TRY(read_leaves(n, &node->children[i], rows, is_last, &out->children[i], err));
    if (node->field->child_count)
        return SLP_OK;
    size_t leaf = node->first_leaf - n->node->first_leaf;
    struct pq_levels *levels = &n->levels[leaf];
    buf_clear(&levels->definitions);
    buf_clear(&levels->repetitions);
    slp_rc rc = pq_chunk_nested(&n->chunks[leaf], rows, is_last, levels, out, err);
    return err_wrap(err, rc, "leaf \"%s\"", n->chunks[leaf].column->path);
}

/* Each leaf against the one before it; what two share is shared by all between. */
static slp_rc check_leaves(const struct pq_nested *n, struct slp_err *err)
{
    for (size_t i = 1; i < n->node->leaf_count; i++) {
        const struct pq_column *c = n->chunks[i].column;
        if (c->shared_definition == 0 && c->shared_repetition == 0)
            continue;
        if (!pq_levels_agree(
                buf_slice(&n->levels[i - 1].definitions), buf_slice(&n->levels[i - 1].repetitions),
                buf_slice(&n->levels[i].definitions), buf_slice(&n->levels[i].repetitions),
                c->shared_definition, c->shared_repetition))
            FAIL(err, CORRUPT,
                 "leaf \"%s\", page at offset %llu: other levels than those of \"%s\" in what "
                 "holds both",
                 c->path, (unsigned long long)n->chunks[i].page_offset,
                 n->chunks[i - 1].column->path);
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

slp_rc pq_nested_rows(struct pq_nested *n, int64_t rows, bool is_last, struct arr_col *out,
                      struct slp_err *err)
{
    TRY(read_leaves(n, n->node, rows, is_last, out, err));
    TRY(check_leaves(n, err));
    return assemble(n, n->node, out, err);
}
