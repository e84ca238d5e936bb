#include "parquet/meta_priv.h"

/*
 * The tree of a schema: elements of the file in, fields of Arrow out, with the levels of each.
 *
 *   optional group a (LIST) {          a: list, nullable       definition 1
 *     repeated group list {                                    its items: definition 2, repetition 1
 *       optional int32 element;          element: int32        definition 3
 *     }
 *   }
 *
 * Recursion follows the depth of fields, which is bounded by ARR_DEPTH_MAX.
 */

#define OPTIONAL 1
#define REPEATED 2

/* Where in the tree we are: levels of a value that is present. */
struct place {
    unsigned depth; /* of fields, as Arrow counts */
    uint8_t definition;
    uint8_t repetition;
};

struct tree {
    struct pq_elements *e;
    struct arena *a;
    struct pq_meta *meta;
    uint8_t item_definitions[ARR_DEPTH_MAX + 1]; /* of the lists around the current place */
    struct place shared;                         /* of the next leaf and the one before it */
    struct slp_err *err;
};

/* ---- Parents and ends, without recursion ---- */

static slp_rc check_element(const struct pq_element *e, size_t i, struct slp_err *err)
{
    bool is_group = !e->has_physical;
    if (i && (e->repetition < 0 || e->repetition > REPEATED))
        FAIL(err, CORRUPT, "column \"%.*s\": repetition %d is not possible", SLICE_ARG(e->name),
             e->repetition);
    if (e->children < 0 || (e->has_physical && e->children > 0 && i))
        FAIL(err, CORRUPT, "column \"%.*s\": %d children are not possible", SLICE_ARG(e->name),
             e->children);
    if (is_group && e->children == 0 && i)
        FAIL(err, UNSUPPORTED, "column \"%.*s\": a group without members is not supported",
             SLICE_ARG(e->name));
    if (e->name.len && memchr(e->name.ptr, 0, e->name.len))
        FAIL(err, UNSUPPORTED, "a column name with a NUL byte is not supported");
    return SLP_OK;
}

/* Returns the number of leaves; the counts of children use up the list just so. */
static slp_rc index_elements(struct tree *t, size_t *leaf_count)
{
    struct pq_elements *e = t->e;
    uint32_t parents[PQ_ELEMENT_DEPTH_MAX];
    int32_t left[PQ_ELEMENT_DEPTH_MAX];
    size_t depth = 0;
    for (uint32_t i = 0; i < e->count; i++) {
        const struct pq_element *element = &e->items[i];
        TRY(check_element(element, i, t->err));
        if (i && depth == 0)
            FAIL(t->err, CORRUPT, "the schema's root has %d children, %zu elements follow them",
                 e->items[0].children, e->count - i);
        e->parents[i] = depth ? parents[depth - 1] : 0;
        e->ends[i] = i + 1;
        if (element->children) {
            if (depth == PQ_ELEMENT_DEPTH_MAX)
                FAIL(t->err, LIMIT, "columns are nested deeper than %u levels", ARR_DEPTH_MAX);
            parents[depth] = i;
            left[depth++] = element->children;
            continue;
        }
        if (i)
            e->leaves[(*leaf_count)++] = i;
        while (depth && --left[depth - 1] == 0)
            e->ends[parents[--depth]] = i + 1;
    }
    if (depth)
        FAIL(t->err, CORRUPT, "the schema ends with %d children missing", left[depth - 1]);
    return SLP_OK;
}

static size_t count_children(const struct pq_elements *e, size_t i)
{
    return (size_t)e->items[i].children;
}

/* ---- Fields ---- */

static slp_rc build_field(struct tree *t, size_t i, struct place at, struct arr_field *field,
                          struct pq_node *node);

/* "a.list.element"; of a column at the top its name. */
static slp_rc make_path(struct tree *t, size_t i, const char *name, const char **out)
{
    struct slice names[PQ_ELEMENT_DEPTH_MAX];
    size_t depth = 0;
    size_t bytes = 0;
    *out = name;
    if (t->e->parents[i] == 0)
        return SLP_OK;
    for (size_t at = i; at; at = t->e->parents[at]) {
        names[depth] = t->e->items[at].name;
        bytes += names[depth++].len + 1;
    }
    uint8_t *path = NULL;
    TRY(arena_array(t->a, bytes, 1, (void **)&path, t->err));
    *out = (const char *)path;
    while (depth--) {
        if (names[depth].len)
            memcpy(path, names[depth].ptr, names[depth].len);
        path += names[depth].len;
        *path++ = depth ? '.' : 0;
    }
    return SLP_OK;
}

static slp_rc build_leaf(struct tree *t, size_t i, struct place at, struct arr_field *field)
{
    struct pq_meta *m = t->meta;
    struct pq_column *c = &m->columns[m->column_count];
    slp_rc rc = pq_column_resolve(&t->e->items[i], t->a, c, &field->extension, t->err);
    TRY(make_path(t, i, field->name, &c->path));
    if (rc != SLP_OK)
        return err_wrap(t->err, rc, "column \"%s\"", c->path);
    if (c->physical == PQ_INT96)
        c->type.unit = t->e->int96_unit;
    c->optional = at.definition > 0;
    c->definition_max = at.definition;
    c->repetition_max = at.repetition;
    c->is_nested = at.depth > 1;
    c->shared_definition = t->shared.definition;
    c->shared_repetition = t->shared.repetition;
    if (c->is_nested) {
        struct slice copy;
        TRY(arena_copy(t->a, slice_of(t->item_definitions, (size_t)at.repetition + 1), &copy,
                       t->err));
        c->item_definitions = copy.ptr;
    }
    field->type = c->type;
    field->nullable = field->nullable || c->type.kind == ARR_NULL;
    m->column_count++;
    return SLP_OK;
}

static slp_rc make_children(struct tree *t, size_t count, struct arr_field *field,
                            struct pq_node *node)
{
    TRY(arena_array(t->a, count, sizeof *field->children, (void **)&field->children, t->err));
    TRY(arena_array(t->a, count, sizeof *node->children, (void **)&node->children, t->err));
    field->child_count = count;
    return SLP_OK;
}

/* The members of group `i`, of a struct that stands at `at`. */
static slp_rc build_struct(struct tree *t, size_t i, struct place at, struct arr_field *field,
                           struct pq_node *node)
{
    const struct pq_elements *e = t->e;
    field->type = (struct arr_type){.kind = ARR_STRUCT};
    TRY(make_children(t, count_children(e, i), field, node));
    struct place inside = at;
    inside.depth++;
    size_t member = i + 1;
    for (size_t k = 0; k < field->child_count; k++) {
        if (k)
            t->shared = at;
        TRY(build_field(t, member, inside, &field->children[k], &node->children[k]));
        member = e->ends[member];
    }
    return SLP_OK;
}

static slp_rc build_value(struct tree *t, size_t i, struct place at, struct arr_field *field,
                          struct pq_node *node);

/* The name, id and node of a field whose values stand at `at`. */
static slp_rc begin_field(struct tree *t, size_t i, struct place at, struct arr_field *field,
                          struct pq_node *node)
{
    const struct pq_element *e = &t->e->items[i];
    if (at.depth > ARR_DEPTH_MAX)
        FAIL(t->err, LIMIT, "column \"%.*s\": nested deeper than %u levels", SLICE_ARG(e->name),
             ARR_DEPTH_MAX);
    TRY(arena_text(t->a, e->name, &field->name, t->err));
    field->id = e->field_id > 0 ? e->field_id : 0;
    *node = (struct pq_node){
        .field = field,
        .definition = at.definition,
        .repetition = at.repetition,
        .first_leaf = t->meta->column_count,
    };
    return SLP_OK;
}

/* Where the items of a list that stands at `at` are. */
static struct place enter_list(struct tree *t, struct place at)
{
    struct place in = {.depth = at.depth + 1,
                       .definition = (uint8_t)(at.definition + 1),
                       .repetition = (uint8_t)(at.repetition + 1)};
    /* A place deeper than fields may be is refused by begin_field, which comes next. */
    if (in.repetition <= ARR_DEPTH_MAX)
        t->item_definitions[in.repetition] = in.definition;
    return in;
}

/* A list whose items are element `repeated` itself, each time it repeats, or the field in it. */
static slp_rc build_list(struct tree *t, size_t repeated, size_t item, struct place at,
                         struct arr_field *field, struct pq_node *node)
{
    struct place in = enter_list(t, at);
    field->type = (struct arr_type){.kind = ARR_LIST};
    TRY(make_children(t, 1, field, node));
    if (item != repeated)
        return build_field(t, item, in, field->children, node->children);
    TRY(begin_field(t, item, in, field->children, node->children));
    return build_value(t, item, in, field->children, node->children);
}

/* Keys and values stand in the `repeated` group of a map; without values it is a list of keys. */
static slp_rc build_map(struct tree *t, size_t repeated, struct place at, struct arr_field *field,
                        struct pq_node *node)
{
    if (count_children(t->e, repeated) == 1)
        return build_list(t, repeated, repeated + 1, at, field, node);
    struct place in = enter_list(t, at);
    field->type = (struct arr_type){.kind = ARR_MAP};
    TRY(make_children(t, 1, field, node));
    TRY(begin_field(t, repeated, in, field->children, node->children));
    TRY(build_struct(t, repeated, in, field->children, node->children));
    node->children->leaf_count = t->meta->column_count - node->children->first_leaf;
    return SLP_OK;
}

/* Is the repeated group in list `list` the element, not a mere layer around it? The rules of the
 * format for layouts of before it had one. */
static bool is_element(const struct pq_elements *e, size_t list, size_t repeated)
{
    const struct pq_element *r = &e->items[repeated];
    struct slice name = e->items[list].name;
    if (r->has_physical || count_children(e, repeated) != 1)
        return true;
    if (e->items[repeated + 1].repetition == REPEATED || slice_is(r->name, "array"))
        return true;
    return r->name.len == name.len + 6 && slice_equal(slice_first(r->name, name.len), name) &&
           slice_is(slice_after(r->name, name.len), "_tuple");
}

/* The value of an element, its repetition aside. */
static slp_rc build_value(struct tree *t, size_t i, struct place at, struct arr_field *field,
                          struct pq_node *node)
{
    const struct pq_elements *e = t->e;
    int logical = e->items[i].logical;
    size_t only = i + 1;
    slp_rc rc = SLP_OK;
    bool holds_repeated = !e->items[i].has_physical && count_children(e, i) == 1 &&
                          e->items[only].repetition == REPEATED;
    bool is_map = holds_repeated && !e->items[only].has_physical && count_children(e, only) <= 2;
    if (e->items[i].has_physical) {
        rc = build_leaf(t, i, at, field);
    } else if (logical == PQ_LOGICAL_LIST && holds_repeated) {
        size_t item = is_element(e, i, only) ? only : only + 1;
        rc = build_list(t, only, item, at, field, node);
    } else if (logical == PQ_LOGICAL_MAP && is_map) {
        rc = build_map(t, only, at, field, node);
    } else {
        field->extension = logical == PQ_LOGICAL_VARIANT ? "variant" : NULL;
        rc = build_struct(t, i, at, field, node);
    }
    node->leaf_count = t->meta->column_count - node->first_leaf;
    return rc;
}

/* A field: one that repeats by itself is a list, neither it nor its items null. */
static slp_rc build_field(struct tree *t, size_t i, struct place at, struct arr_field *field,
                          struct pq_node *node)
{
    int32_t repetition = t->e->items[i].repetition;
    field->nullable = repetition == OPTIONAL;
    at.definition = (uint8_t)(at.definition + field->nullable);
    TRY(begin_field(t, i, at, field, node));
    if (repetition != REPEATED)
        return build_value(t, i, at, field, node);
    TRY(build_list(t, i, i, at, field, node));
    node->leaf_count = t->meta->column_count - node->first_leaf;
    return SLP_OK;
}

slp_rc pq_tree_build(struct pq_elements *e, struct arena *a, struct pq_meta *meta,
                     struct slp_err *err)
{
    struct tree t = {.e = e, .a = a, .meta = meta, .err = err};
    size_t leaf_count = 0;
    TRY(arena_array(a, e->count, sizeof *e->parents, (void **)&e->parents, err));
    TRY(arena_array(a, e->count, sizeof *e->ends, (void **)&e->ends, err));
    TRY(arena_array(a, e->count, sizeof *e->leaves, (void **)&e->leaves, err));
    TRY(index_elements(&t, &leaf_count));
    if (leaf_count > ARR_COLUMNS_MAX)
        FAIL(err, LIMIT, "%zu columns, at most %u are read", leaf_count, ARR_COLUMNS_MAX);
    size_t count = count_children(e, 0);
    TRY(arena_array(a, leaf_count, sizeof *meta->columns, (void **)&meta->columns, err));
    TRY(arena_array(a, count, sizeof *meta->nodes, (void **)&meta->nodes, err));
    TRY(arena_array(a, count, sizeof *meta->schema.fields, (void **)&meta->schema.fields, err));
    meta->schema.count = count;
    meta->column_count = 0;
    size_t element = 1;
    for (size_t i = 0; i < count; i++) {
        t.shared = (struct place){0};
        TRY(build_field(&t, element, (struct place){.depth = 1}, &meta->schema.fields[i],
                        &meta->nodes[i]));
        element = e->ends[element];
    }
    return SLP_OK;
}

bool pq_meta_is_flat(const struct pq_meta *m)
{
    for (size_t i = 0; i < m->column_count; i++) {
        if (m->columns[i].is_nested)
            return false;
    }
    return true;
}
