#include "parquet/leaves.h"

#include "lib/random_rows.h"
#include "lib/t.h"
#include "parquet/meta_priv.h"

static void leaves_have_the_paths_of_the_format(void **state)
{
    struct t *t = *state;
    static struct arr_field kv[] = {
        {.name = "k", .type = {.kind = ARR_UTF8}, .nullable = true},
        {.name = "v", .type = {.kind = ARR_INT32}, .nullable = true},
    };
    static struct arr_field entries = {
        .name = "x", .type = {.kind = ARR_STRUCT}, .children = kv, .child_count = 2};
    static struct arr_field map = {
        .name = "m", .type = {.kind = ARR_MAP}, .children = &entries, .child_count = 1};
    static struct arr_field fields[] = {
        {.name = "a", .type = {.kind = ARR_INT64}},
        {.name = "l",
         .type = {.kind = ARR_LIST},
         .nullable = true,
         .children = &map,
         .child_count = 1},
    };
    static const struct arr_schema schema = {.fields = fields, .count = 2};
    static const char *const path[] = {"l", "list", "element", "key_value", "key"};
    struct pq_leaves leaves;
    struct arena a;
    arena_init(&a, &t->mem, 1 << 20);
    assert_ok(t, pq_leaves_of(&schema, &a, &leaves, &t->err));
    assert_int_equal(leaves.count, 3);
    assert_false(leaves.items[0].is_nested);
    const struct pq_leaf_field *key = &leaves.items[1];
    assert_int_equal(key->path_count, 5);
    for (size_t i = 0; i < 5; i++)
        assert_string_equal(key->path[i], path[i]);
    /* The list's null, its item, the map's entry; a key is never null. */
    assert_int_equal(key->definition_max, 3);
    assert_int_equal(key->repetition_max, 2);
    assert_int_equal(key->column, 1);
    assert_int_equal(leaves.items[2].definition_max, 4);
    assert_string_equal(leaves.items[2].path[4], "value");
    arena_fini(&a);
}

static void a_struct_without_members_is_refused(void **state)
{
    struct t *t = *state;
    static struct arr_field field = {.name = "s", .type = {.kind = ARR_STRUCT}};
    static const struct arr_schema schema = {.fields = &field, .count = 1};
    struct pq_leaves leaves = {.count = 7};
    struct arena a;
    arena_init(&a, &t->mem, 1 << 20);
    assert_rc(t, pq_leaves_of(&schema, &a, &leaves, &t->err), SLP_UNSUPPORTED);
    assert_err_has(t, "column \"s\": parquet has no struct without members");
    assert_int_equal(leaves.count, 7);
    arena_fini(&a);
}

/* The elements that are put make the tree that is read: types, levels, paths. */
static void schemas_are_read_back(void **state)
{
    struct t *t = *state;
    for (int round = 0; round < 100; round++) {
        struct t_shape shape = {
            .depth = 1 + (unsigned)t_below(t, 6), .children = 3, .only_parquet = true};
        struct arena a;
        struct arr_schema schema;
        struct pq_leaves leaves;
        struct pq_meta m = {0};
        struct buf bytes;
        struct cx_put w;
        arena_init(&a, &t->mem, 1 << 22);
        buf_init(&bytes, &t->mem, 1 << 20);
        t_random_schema(t, &a, &shape, 1 + t_below(t, 4), &schema);
        assert_ok(t, pq_leaves_of(&schema, &a, &leaves, &t->err));
        cx_put_init(&w, &bytes, &t->err);
        pq_leaves_put_schema(&w, &schema, &leaves);
        assert_ok(t, cx_put_finish(&w));
        assert_ok(t, pq_meta_parse(buf_slice(&bytes), 100, &a, &m, &t->err));
        assert_int_equal(m.schema.count, schema.count);
        assert_int_equal(m.column_count, leaves.count);
        for (size_t i = 0; i < schema.count; i++)
            assert_true(arr_field_same_type(&schema.fields[i], &m.schema.fields[i]));
        for (size_t i = 0; i < leaves.count; i++) {
            assert_int_equal(m.columns[i].definition_max, leaves.items[i].definition_max);
            assert_int_equal(m.columns[i].repetition_max, leaves.items[i].repetition_max);
            assert_int_equal(m.columns[i].physical, leaves.items[i].leaf.physical);
            assert_int_equal(m.columns[i].is_nested, leaves.items[i].is_nested);
        }
        buf_fini(&bytes);
        arena_fini(&a);
    }
}

static void leaves_survive_every_fault(void **state)
{
    struct t *t = *state;
    static struct arr_field item = {.name = "item", .type = {.kind = ARR_INT32}};
    static struct arr_field list = {
        .name = "l", .type = {.kind = ARR_LIST}, .children = &item, .child_count = 1};
    static const struct arr_schema schema = {.fields = &list, .count = 1};
    T_FAULT_LOOP(t) {
        struct arena a;
        struct pq_leaves leaves;
        arena_init(&a, &t->mem, 1 << 20);
        slp_rc rc = pq_leaves_of(&schema, &a, &leaves, &t->err);
        assert_true(t->fault_hit ? rc != SLP_OK : rc == SLP_OK);
        arena_fini(&a);
    }
}

T_MAIN(T_TEST(leaves_have_the_paths_of_the_format), T_TEST(a_struct_without_members_is_refused),
       T_TEST(schemas_are_read_back), T_TEST(leaves_survive_every_fault))
