#include "predicate/predicate.h"

#include "predicate/tree.h"

slp_rc pred_compile(struct slice text, const struct arr_schema *schema,
                    const struct pred_param *params, size_t param_count, struct arena *arena,
                    const struct pred **out, struct slp_err *err)
{
    struct pred_syntax *tree = NULL;
    struct pred *bound = NULL;
    /* Names and texts of the tree borrow from here, so that the caller's text may go. */
    TRY(arena_copy(arena, slice_first(text, num_min_size(text.len, PRED_TEXT_MAX_BYTES + 1)), &text,
                   err));
    TRY(pred_parse(text, params, param_count, arena, &tree, err));
    TRY(pred_bind(text, tree, schema, arena, &bound, err));
    *out = bound;
    return SLP_OK;
}

const struct arr_field *pred_field(const struct pred *p, size_t column)
{
    return column < p->schema->count ? &p->schema->fields[column]
                                     : p->members[column - p->schema->count].field;
}

/* The column of the schema that a number is in. */
static size_t top_of(const struct pred *p, size_t column)
{
    return column < p->schema->count ? column : p->members[column - p->schema->count].column;
}

static void mark_columns(const struct pred *p, const struct pred_node *n, bool *used)
{
    if (n->kind == PRED_PAIR)
        used[top_of(p, n->other)] = true;
    if (n->kind != PRED_CONST && n->count == 0)
        used[top_of(p, n->column)] = true;
    for (size_t i = 0; i < n->count; i++)
        mark_columns(p, n->kids[i], used);
}

void pred_columns(const struct pred *p, bool *used)
{
    mark_columns(p, p->root, used);
}
