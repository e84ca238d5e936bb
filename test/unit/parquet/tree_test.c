#include <stdio.h>

#include "lib/t.h"
#include "parquet/meta_priv.h"

#define MAX_ELEMENTS 300

/* A schema as text: "optional group a LIST {", "repeated int32 b", "}" and so on, one word for each
 * part, without punctuation but for braces. */
static void parse_text(const char *text, struct pq_element *items, size_t *count)
{
    static const char *const repetitions[] = {"required", "optional", "repeated"};
    size_t open[PQ_ELEMENT_DEPTH_MAX + 2];
    size_t depth = 1;
    char repetition[16];
    char type[16];
    char name[32];
    static char names[MAX_ELEMENTS][32];
    int used = 0;
    *count = 1;
    items[0] = (struct pq_element){.converted = -1, .name = slice_str("root")};
    open[0] = 0;
    while (sscanf(text, " %15s%n", repetition, &used) == 1) {
        text += used;
        if (strcmp(repetition, "}") == 0)
            depth--;
        if (strcmp(repetition, "}") == 0 || strcmp(repetition, "{") == 0)
            continue;
        assert_int_equal(sscanf(text, " %15s %31s%n", type, name, &used), 2);
        text += used;
        struct pq_element *e = &items[*count];
        snprintf(names[*count], sizeof names[0], "%s", name);
        *e = (struct pq_element){.converted = -1, .name = slice_str(names[*count])};
        for (int i = 0; i < 3; i++) {
            if (strcmp(repetitions[i], repetition) == 0)
                e->repetition = i;
        }
        items[open[depth - 1]].children++;
        if (strcmp(type, "int32") == 0) {
            e->has_physical = true;
            e->physical = PQ_INT32;
        } else {
            e->logical = strcmp(type, "LIST") == 0  ? PQ_LOGICAL_LIST
                         : strcmp(type, "MAP") == 0 ? PQ_LOGICAL_MAP
                                                    : PQ_LOGICAL_NONE;
            open[depth++] = *count;
        }
        (*count)++;
    }
}

static slp_rc build(struct t *t, const char *text, struct arena *a, struct pq_meta *m)
{
    static struct pq_element items[MAX_ELEMENTS];
    struct pq_elements e = {.items = items};
    parse_text(text, items, &e.count);
    return pq_tree_build(&e, a, m, &t->err);
}

/* Each layout the format has known, as Arrow sees it, and the levels of its first leaf. */
static void every_layout_of_lists_and_maps_has_its_type(void **state)
{
    struct t *t = *state;
    static const struct {
        const char *schema;
        const char *type;
        int definition;
        int repetition;
    } cases[] = {
        {"optional int32 a", "int32", 1, 0},
        {"required group a { required int32 b optional int32 c }", "struct<b: int32, c: int32>", 0,
         0},
        {"optional LIST a { repeated group list { optional int32 element } }",
         "list<element: int32>", 3, 1},
        {"required LIST a { repeated group bag { required int32 x } }", "list<x: int32>", 1, 1},
        {"optional LIST a { repeated int32 x }", "list<x: int32>", 2, 1},
        {"optional LIST a { repeated group x { required int32 y required int32 z } }",
         "list<x: struct<y: int32, z: int32>>", 2, 1},
        {"optional LIST a { repeated group array { required int32 y } }",
         "list<array: struct<y: int32>>", 2, 1},
        {"optional LIST a { repeated group a_tuple { required int32 y } }",
         "list<a_tuple: struct<y: int32>>", 2, 1},
        {"optional LIST a { repeated group b_tuple { required int32 y } }", "list<y: int32>", 2, 1},
        {"optional LIST a { repeated group x { repeated int32 y } }",
         "list<x: struct<y: list<y: int32>>>", 3, 2},
        {"optional LIST a { repeated LIST array { repeated int32 array } }",
         "list<array: list<array: int32>>", 3, 2},
        {"repeated int32 a", "list<a: int32>", 1, 1},
        {"repeated group a { optional int32 b }", "list<a: struct<b: int32>>", 2, 1},
        {"optional MAP a { repeated group kv { required int32 k optional int32 v } }",
         "map<int32, int32>", 2, 1},
        {"optional MAP a { repeated group kv { required int32 k } }", "list<k: int32>", 2, 1},
        {"optional MAP a { repeated group kv { optional int32 k optional int32 v } }",
         "map<int32, int32>", 3, 1},
        {"optional MAP a { repeated group kv { required int32 k optional LIST v { repeated group "
         "list { optional int32 e } } } }",
         "map<int32, list<e: int32>>", 2, 1},
        /* Annotations of groups that are no lists and maps. */
        {"optional LIST a { required int32 x }", "struct<x: int32>", 1, 0},
        {"optional LIST a { repeated int32 x optional int32 y }",
         "struct<x: list<x: int32>, y: int32>", 2, 1},
        {"optional MAP a { repeated int32 x }", "struct<x: list<x: int32>>", 2, 1},
        {"optional MAP a { repeated group x { required int32 a required int32 b required int32 c } "
         "}",
         "struct<x: list<x: struct<a: int32, b: int32, c: int32>>>", 2, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena a;
        struct pq_meta m = {0};
        char type[200];
        arena_init(&a, &t->mem, 1 << 20);
        assert_ok(t, build(t, cases[i].schema, &a, &m));
        assert_int_equal(m.schema.count, 1);
        arr_field_type_format(&m.schema.fields[0], type, sizeof type);
        assert_string_equal(type, cases[i].type);
        assert_int_equal(m.columns[0].definition_max, cases[i].definition);
        assert_int_equal(m.columns[0].repetition_max, cases[i].repetition);
        assert_int_equal(m.nodes[0].leaf_count, m.column_count);
        assert_int_equal(pq_meta_is_flat(&m), i == 0);
        arena_fini(&a);
    }
}

static void leaves_know_their_path_and_what_they_share(void **state)
{
    struct t *t = *state;
    struct arena a;
    struct pq_meta m = {0};
    arena_init(&a, &t->mem, 1 << 20);
    assert_ok(t, build(t,
                       "optional int32 x optional group s { optional LIST l { repeated group list {"
                       " optional group e { required int32 p optional int32 q } } }"
                       " required int32 r }",
                       &a, &m));
    assert_int_equal(m.schema.count, 2);
    assert_int_equal(m.column_count, 4);
    assert_string_equal(m.columns[0].path, "x");
    assert_string_equal(m.columns[1].path, "s.l.list.e.p");
    assert_string_equal(m.columns[3].path, "s.r");
    assert_false(m.columns[0].is_nested);
    assert_true(m.columns[1].is_nested && m.columns[3].is_nested);
    /* p and q are in e, whose levels are 4 and 1; r and q are in s. */
    assert_int_equal(m.columns[1].shared_definition, 0);
    assert_int_equal(m.columns[2].shared_definition, 4);
    assert_int_equal(m.columns[2].shared_repetition, 1);
    assert_int_equal(m.columns[3].shared_definition, 1);
    assert_int_equal(m.columns[3].shared_repetition, 0);
    assert_int_equal(m.columns[2].definition_max, 5);
    assert_int_equal(m.columns[2].item_definitions[0], 0);
    assert_int_equal(m.columns[2].item_definitions[1], 3);
    const struct pq_node *list = &m.nodes[1].children[0];
    assert_int_equal(list->definition, 2);
    assert_int_equal(list->first_leaf, 1);
    assert_int_equal(list->leaf_count, 2);
    assert_int_equal(list->children[0].definition, 4);
    assert_int_equal(list->children[0].repetition, 1);
    arena_fini(&a);
}

/* `depth` fields within each other, the last one a number. */
static void deep_schema(char *text, size_t bytes, int depth, bool lists)
{
    size_t at = 0;
    for (int i = 1; i < depth; i++)
        at += (size_t)snprintf(text + at, bytes - at,
                               lists ? "optional LIST a { repeated group list { "
                                     : "optional group a { ");
    at += (size_t)snprintf(text + at, bytes - at, "optional int32 x ");
    for (int i = 1; i < depth; i++)
        at += (size_t)snprintf(text + at, bytes - at, lists ? "} } " : "} ");
}

static void fields_may_be_64_deep(void **state)
{
    struct t *t = *state;
    static char text[8000];
    for (int lists = 0; lists < 2; lists++) {
        struct arena a;
        struct pq_meta m = {0};
        arena_init(&a, &t->mem, 1 << 20);
        deep_schema(text, sizeof text, ARR_DEPTH_MAX, lists);
        assert_ok(t, build(t, text, &a, &m));
        assert_int_equal(m.columns[0].definition_max, lists ? 2 * 63 + 1 : 64);
        assert_int_equal(m.columns[0].repetition_max, lists ? 63 : 0);
        deep_schema(text, sizeof text, ARR_DEPTH_MAX + 1, lists);
        assert_rc(t, build(t, text, &a, &m), SLP_LIMIT);
        assert_err_has(t, "nested deeper than 64");
        arena_fini(&a);
    }
}

static void counts_of_children_must_add_up(void **state)
{
    struct t *t = *state;
    static struct pq_element items[4];
    for (int32_t children = -1; children < 5; children++) {
        struct arena a;
        struct pq_meta m = {0};
        struct pq_elements e = {.items = items, .count = 3};
        arena_init(&a, &t->mem, 1 << 20);
        for (size_t i = 0; i < 3; i++)
            items[i] = (struct pq_element){.converted = -1, .name = slice_str("x")};
        items[0].children = 1;
        items[1].children = children;
        items[2].has_physical = true;
        items[2].physical = PQ_INT32;
        slp_rc rc = pq_tree_build(&e, &a, &m, &t->err);
        assert_int_equal(rc, children == 1   ? SLP_OK
                             : children == 0 ? SLP_UNSUPPORTED
                                             : SLP_CORRUPT);
        err_clear(&t->err);
        arena_fini(&a);
    }
}

static void trees_survive_every_fault(void **state)
{
    struct t *t = *state;
    T_FAULT_LOOP(t) {
        struct arena a;
        struct pq_meta m = {0};
        arena_init(&a, &t->mem, 1 << 20);
        slp_rc rc =
            build(t, "optional LIST a { repeated group l { optional int32 e } } repeated int32 b",
                  &a, &m);
        assert_true(t->fault_hit ? rc != SLP_OK : rc == SLP_OK);
        arena_fini(&a);
    }
}

T_MAIN(T_TEST(every_layout_of_lists_and_maps_has_its_type),
       T_TEST(leaves_know_their_path_and_what_they_share), T_TEST(fields_may_be_64_deep),
       T_TEST(counts_of_children_must_add_up), T_TEST(trees_survive_every_fault))
