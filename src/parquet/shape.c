#include "parquet/shape.h"

#include "parquet/leaves.h"

/* Where in the tree we are: levels of a value that is present. */
struct place {
    uint8_t definition;
    uint8_t repetition;
};

struct shape {
    struct arena *a;
    struct pq_column *columns; /* NULL while leaves are counted */
    size_t count;
    uint8_t item_definitions[ARR_DEPTH_MAX + 1]; /* of the lists around the current place */
    struct place shared;                         /* of the next leaf and the one before it */
    bool is_nested;
    struct slp_err *err;
};

static slp_rc add_leaf(struct shape *s, const struct arr_field *field, struct place at)
{
    struct pq_leaf leaf;
    struct slice items = {0};
    TRY(pq_leaf_of(field, &leaf, s->err));
    struct pq_column *c = &s->columns[s->count++];
    *c = (struct pq_column){.physical = leaf.physical,
                            .type_length = (int32_t)leaf.width,
                            .optional = at.definition > 0,
                            .type = field->type,
                            .path = field->name,
                            .is_nested = s->is_nested,
                            .definition_max = at.definition,
                            .repetition_max = at.repetition,
                            .shared_definition = s->shared.definition,
                            .shared_repetition = s->shared.repetition};
    if (!s->is_nested)
        return SLP_OK;
    TRY(arena_copy(s->a, slice_of(s->item_definitions, (size_t)at.repetition + 1), &items, s->err));
    c->item_definitions = items.ptr;
    return SLP_OK;
}

static slp_rc build(struct shape *s, const struct arr_field *parent, const struct arr_field *field,
                    struct place at, struct pq_node *node)
{
    at.definition = (uint8_t)(at.definition + pq_is_optional(parent, field));
    *node = (struct pq_node){.field = field,
                             .definition = at.definition,
                             .repetition = at.repetition,
                             .first_leaf = s->count};
    if (field->child_count == 0)
        TRY(add_leaf(s, field, at));
    else
        TRY(arena_array(s->a, field->child_count, sizeof *node->children, (void **)&node->children,
                        s->err));
    struct place inside = at;
    if (arr_type_is_list(field->type)) {
        inside = (struct place){.definition = (uint8_t)(at.definition + 1),
                                .repetition = (uint8_t)(at.repetition + 1)};
        assert(inside.repetition <= ARR_DEPTH_MAX);
        s->item_definitions[inside.repetition] = inside.definition;
    }
    for (size_t i = 0; i < field->child_count; i++) {
        if (i)
            s->shared = at;
        TRY(build(s, field, &field->children[i], inside, &node->children[i]));
    }
    node->leaf_count = s->count - node->first_leaf;
    return SLP_OK;
}

slp_rc pq_shape_of(const struct arr_field *field, struct arena *a, struct pq_node *node,
                   struct pq_column **columns, struct slp_err *err)
{
    struct shape s = {.a = a, .is_nested = field->child_count > 0, .err = err};
    size_t count = arr_field_leaf_count(field);
    if (count > ARR_COLUMNS_MAX)
        FAIL(err, LIMIT, "%zu columns, at most %u are read", count, ARR_COLUMNS_MAX);
    TRY(arena_array(a, count, sizeof *s.columns, (void **)&s.columns, err));
    TRY(build(&s, NULL, field, (struct place){0}, node));
    *columns = s.columns;
    return SLP_OK;
}
