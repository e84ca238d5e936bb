#include "parquet/shape.h"

#include "lib/random_rows.h"
#include "parquet/reader.h"
#include "parquet/writer.h"

static const struct t_shape shape = {.depth = 6,
                                     .children = 4,
                                     .null_percent = 20,
                                     .list_items = 3,
                                     .without_null = true,
                                     .only_parquet = true};

/* Write some rows and read the footer. */
static void write_and_open(struct t *t, const struct arr_schema *schema, struct buf *bytes,
                           struct memory_source *src, struct pq_file **out)
{
    struct buf_sink sink;
    struct pq_writer *w = NULL;
    struct pq_group *group = NULL;
    struct arr_batch rows;
    struct pq_write_options o;
    uint64_t offset = 0;
    pq_write_options_init(&o);
    sink_buf_init(&sink, "test", bytes);
    t_random_batch(t, schema, &shape, 3, &rows);
    assert_ok(t, pq_writer_new(&t->mem, &sink.base, schema, &o, &w, &t->err));
    assert_ok(t, pq_group_new(&t->mem, schema, &o, &group, &t->err));
    assert_ok(t, pq_group_encode(group, &rows, 3, &t->err));
    assert_ok(t, pq_writer_group(w, group, &offset, &t->err));
    assert_ok(t, pq_writer_finish(w, NULL, NULL, &t->err));
    pq_group_free(group);
    pq_writer_free(w);
    arr_batch_fini(&rows);
    source_memory_init(src, "test", buf_slice(bytes));
    assert_ok(t, pq_file_open(&src->base, &t->mem, out, &t->err));
}

static void same_node(const struct pq_node *made, const struct pq_node *found, size_t first_leaf)
{
    assert_int_equal(made->definition, found->definition);
    assert_int_equal(made->repetition, found->repetition);
    assert_int_equal(made->first_leaf + first_leaf, found->first_leaf);
    assert_int_equal(made->leaf_count, found->leaf_count);
    assert_int_equal(made->field->child_count, found->field->child_count);
    for (size_t i = 0; i < made->field->child_count; i++)
        same_node(&made->children[i], &found->children[i], first_leaf);
}

static void same_leaf(const struct pq_column *made, const struct pq_column *found)
{
    assert_int_equal(made->physical, found->physical);
    if (made->physical == PQ_FIXED_LEN_BYTE_ARRAY)
        assert_int_equal(made->type_length, found->type_length);
    assert_int_equal(made->optional, found->optional);
    assert_true(arr_type_equal(made->type, found->type));
    assert_int_equal(made->is_nested, found->is_nested);
    assert_int_equal(made->definition_max, found->definition_max);
    assert_int_equal(made->repetition_max, found->repetition_max);
    if (!made->is_nested)
        return;
    assert_memory_equal(made->item_definitions, found->item_definitions,
                        (size_t)made->repetition_max + 1);
    assert_int_equal(made->shared_definition, found->shared_definition);
    assert_int_equal(made->shared_repetition, found->shared_repetition);
}

static void it_is_what_a_footer_says(void **state)
{
    struct t *t = *state;
    for (int round = 0; round < 200; round++) {
        struct arena a;
        struct arr_schema schema;
        struct buf bytes;
        struct memory_source src;
        struct pq_file *f = NULL;
        arena_init(&a, &t->mem, 1 << 22);
        buf_init(&bytes, &t->mem, 1 << 24);
        t_random_schema(t, &a, &shape, 1 + t_below(t, 3), &schema);
        write_and_open(t, &schema, &bytes, &src, &f);
        const struct pq_meta *m = pq_file_meta(f);
        for (size_t i = 0; i < schema.count; i++) {
            struct pq_node node;
            struct pq_column *columns = NULL;
            assert_ok(t, pq_shape_of(&schema.fields[i], &a, &node, &columns, &t->err));
            same_node(&node, &m->nodes[i], m->nodes[i].first_leaf);
            for (size_t k = 0; k < node.leaf_count; k++)
                same_leaf(&columns[k], &m->columns[m->nodes[i].first_leaf + k]);
        }
        pq_file_free(f);
        buf_fini(&bytes);
        arena_fini(&a);
    }
}

static void what_parquet_has_no_type_for_is_refused(void **state)
{
    struct t *t = *state;
    struct arena a;
    struct pq_node node;
    struct pq_column *columns = NULL;
    struct arr_field item = {.name = "element", .type = {.kind = ARR_FIXED_BINARY}};
    struct arr_field list = {
        .name = "l", .type = {.kind = ARR_LIST}, .children = &item, .child_count = 1};
    arena_init(&a, &t->mem, 1 << 20);
    assert_rc(t, pq_shape_of(&list, &a, &node, &columns, &t->err), SLP_UNSUPPORTED);
    arena_fini(&a);
}

static void more_leaves_than_columns_are_refused(void **state)
{
    struct t *t = *state;
    struct arena a;
    struct pq_node node;
    struct pq_column *columns = NULL;
    size_t count = ARR_COLUMNS_MAX + 1;
    void *room = NULL;
    arena_init(&a, &t->mem, 1 << 24);
    assert_ok(t, arena_array(&a, count, sizeof(struct arr_field), &room, &t->err));
    struct arr_field *members = room;
    for (size_t i = 0; i < count; i++)
        members[i] = (struct arr_field){.name = "m", .type = {.kind = ARR_INT32}};
    struct arr_field field = {
        .name = "s", .type = {.kind = ARR_STRUCT}, .children = members, .child_count = count};
    assert_rc(t, pq_shape_of(&field, &a, &node, &columns, &t->err), SLP_LIMIT);
    arena_fini(&a);
}

static void every_fault_is_told(void **state)
{
    struct t *t = *state;
    struct arena made;
    struct arr_field field;
    arena_init(&made, alloc_system(), 1 << 22);
    do {
        t_random_field(t, &made, &shape, "c", &field);
    } while (!arr_type_is_nested(field.type));
    T_FAULT_LOOP(t) {
        struct arena a;
        struct pq_node node;
        struct pq_column *columns = NULL;
        arena_init(&a, &t->mem, 1 << 22);
        slp_rc rc = pq_shape_of(&field, &a, &node, &columns, &t->err);
        assert_true(rc == SLP_OK || rc == SLP_NO_MEMORY);
        arena_fini(&a);
    }
    arena_fini(&made);
}

T_MAIN(T_TEST(it_is_what_a_footer_says), T_TEST(what_parquet_has_no_type_for_is_refused),
       T_TEST(more_leaves_than_columns_are_refused), T_TEST(every_fault_is_told))
