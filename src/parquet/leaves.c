#include "parquet/leaves.h"

/* Numbers of parquet.thrift: fields of SchemaElement, repetitions, converted and logical types. */
enum {
    ELEMENT_REPETITION = 3,
    ELEMENT_NAME = 4,
    ELEMENT_CHILDREN = 5,
    ELEMENT_CONVERTED = 6,
    ELEMENT_FIELD_ID = 9,
    ELEMENT_LOGICAL = 10
};
enum { REQUIRED = 0, OPTIONAL = 1, REPEATED = 2 };
enum { CONVERTED_MAP = 1, CONVERTED_LIST = 3 };
enum { LOGICAL_MAP = 2, LOGICAL_LIST = 3, LOGICAL_VARIANT = 16 };

#define VARIANT_VERSION 1

/* ---- Leaves ---- */

struct walk {
    struct arena *a;
    struct pq_leaf_field *items; /* NULL while they are counted */
    size_t count;
    size_t column;
    const char *path[PQ_ELEMENT_DEPTH_MAX];
    size_t depth;
    struct slp_err *err;
};

static slp_rc add_leaf(struct walk *w, const struct arr_field *field, unsigned definition,
                       unsigned repetition)
{
    struct pq_leaf leaf;
    TRY(pq_leaf_of(field, &leaf, w->err));
    if (w->items) {
        const char **path = NULL;
        TRY(arena_array(w->a, w->depth, sizeof *path, (void **)&path, w->err));
        memcpy(path, w->path, w->depth * sizeof *path);
        w->items[w->count] = (struct pq_leaf_field){
            .field = field,
            .column = w->column,
            .is_nested = w->depth > 1,
            .definition_max = (uint8_t)definition,
            .repetition_max = (uint8_t)repetition,
            .path = path,
            .path_count = w->depth,
            .leaf = leaf,
        };
    }
    w->count++;
    return SLP_OK;
}

static slp_rc push(struct walk *w, const char *name)
{
    if (w->depth == PQ_ELEMENT_DEPTH_MAX)
        FAIL(w->err, LIMIT, "column \"%s\": nested deeper than %u levels", w->path[0],
             ARR_DEPTH_MAX);
    w->path[w->depth++] = name;
    return SLP_OK;
}

static slp_rc walk_field(struct walk *w, const struct arr_field *parent,
                         const struct arr_field *field, const char *name, unsigned definition,
                         unsigned repetition);

/* The fields inside a nested one. */
static slp_rc walk_inside(struct walk *w, const struct arr_field *field, unsigned definition,
                          unsigned repetition)
{
    bool is_list = field->type.kind == ARR_LIST;
    bool is_map = field->type.kind == ARR_MAP;
    const struct arr_field *group = is_map ? field->children : field;
    if (group->child_count == 0)
        FAIL(w->err, UNSUPPORTED, "column \"%s\": parquet has no struct without members",
             w->path[0]);
    if (is_list || is_map) {
        TRY(push(w, is_list ? "list" : "key_value"));
        definition++;
        repetition++;
    }
    for (size_t i = 0; i < group->child_count; i++) {
        const struct arr_field *child = &group->children[i];
        const char *name = child->name;
        if (is_list)
            name = "element";
        else if (is_map)
            name = i ? "value" : "key";
        TRY(walk_field(w, field, child, name, definition, repetition));
    }
    w->depth -= is_list || is_map;
    return SLP_OK;
}

static slp_rc walk_field(struct walk *w, const struct arr_field *parent,
                         const struct arr_field *field, const char *name, unsigned definition,
                         unsigned repetition)
{
    TRY(push(w, name));
    definition += pq_is_optional(parent, field);
    if (arr_type_is_nested(field->type))
        TRY(walk_inside(w, field, definition, repetition));
    else
        TRY(add_leaf(w, field, definition, repetition));
    w->depth--;
    return SLP_OK;
}

static slp_rc walk_schema(struct walk *w, const struct arr_schema *schema)
{
    w->count = 0;
    for (size_t i = 0; i < schema->count; i++) {
        w->column = i;
        TRY(walk_field(w, NULL, &schema->fields[i], schema->fields[i].name, 0, 0));
    }
    return SLP_OK;
}

slp_rc pq_leaves_of(const struct arr_schema *schema, struct arena *a, struct pq_leaves *out,
                    struct slp_err *err)
{
    struct walk w = {.a = a, .err = err};
    TRY(walk_schema(&w, schema));
    TRY(arena_array(a, w.count, sizeof *w.items, (void **)&w.items, err));
    if (w.count)
        TRY(walk_schema(&w, schema));
    *out = (struct pq_leaves){.items = w.items, .count = w.count};
    return SLP_OK;
}

/* ---- The schema ---- */

static size_t count_elements(const struct arr_field *field)
{
    const struct arr_field *group = field->type.kind == ARR_MAP ? field->children : field;
    size_t count = 1u + arr_type_is_list(field->type);
    for (size_t i = 0; i < group->child_count; i++)
        count += count_elements(&group->children[i]);
    return count;
}

/* A group as it begins; its members are the next elements. */
static void put_group(struct cx_put *w, const char *name, int repetition, size_t children,
                      int32_t id, int logical)
{
    cx_put_element_struct(w);
    cx_put_i32(w, ELEMENT_REPETITION, repetition);
    cx_put_binary(w, ELEMENT_NAME, slice_str(name));
    cx_put_i32(w, ELEMENT_CHILDREN, (int32_t)children);
    if (logical == LOGICAL_LIST || logical == LOGICAL_MAP)
        cx_put_i32(w, ELEMENT_CONVERTED, logical == LOGICAL_LIST ? CONVERTED_LIST : CONVERTED_MAP);
    if (id)
        cx_put_i32(w, ELEMENT_FIELD_ID, id);
    if (logical) {
        cx_put_struct(w, ELEMENT_LOGICAL);
        cx_put_struct(w, (int16_t)logical);
        if (logical == LOGICAL_VARIANT)
            cx_put_i8(w, 1, VARIANT_VERSION);
        cx_put_end(w);
        cx_put_end(w);
    }
    cx_put_end(w);
}

static void put_field(struct cx_put *w, const struct arr_field *parent,
                      const struct arr_field *field, const char *name,
                      const struct pq_leaf_field **next)
{
    bool is_optional = pq_is_optional(parent, field);
    int repetition = is_optional ? OPTIONAL : REQUIRED;
    const struct arr_field *group = field;
    bool is_map = field->type.kind == ARR_MAP;
    if (field->type.kind == ARR_LIST) {
        put_group(w, name, repetition, 1, field->id, LOGICAL_LIST);
        put_group(w, "list", REPEATED, 1, 0, 0);
        put_field(w, field, field->children, "element", next);
        return;
    }
    if (is_map) {
        group = field->children;
        put_group(w, name, repetition, 1, field->id, LOGICAL_MAP);
        put_group(w, "key_value", REPEATED, group->child_count, group->id, 0);
    } else if (field->type.kind == ARR_STRUCT) {
        bool is_variant = field->extension && strcmp(field->extension, "variant") == 0;
        put_group(w, name, repetition, field->child_count, field->id,
                  is_variant ? LOGICAL_VARIANT : 0);
    } else {
        struct arr_field named = *field;
        named.name = name;
        named.nullable = is_optional;
        pq_leaf_put(w, &named, &(*next)->leaf);
        (*next)++;
    }
    for (size_t i = 0; i < group->child_count; i++) {
        const struct arr_field *child = &group->children[i];
        const char *of_map = i ? "value" : "key";
        put_field(w, field, child, is_map ? of_map : child->name, next);
    }
}

void pq_leaves_put_schema(struct cx_put *w, const struct arr_schema *schema,
                          const struct pq_leaves *leaves)
{
    const struct pq_leaf_field *next = leaves->items;
    size_t count = 1;
    for (size_t i = 0; i < schema->count; i++)
        count += count_elements(&schema->fields[i]);
    cx_put_list(w, 2, CX_WIRE_STRUCT, count);
    cx_put_element_struct(w);
    cx_put_binary(w, ELEMENT_NAME, slice_str("schema"));
    cx_put_i32(w, ELEMENT_CHILDREN, (int32_t)schema->count);
    cx_put_end(w);
    for (size_t i = 0; i < schema->count; i++)
        put_field(w, NULL, &schema->fields[i], schema->fields[i].name, &next);
}
