#include "parquet/shred.h"

#include "lib/random_rows.h"
#include "lib/t.h"
#include "parquet/writer.h"

static struct arr_field item = {.name = "item", .type = {.kind = ARR_INT32}, .nullable = true};
static struct arr_field list = {
    .name = "l", .type = {.kind = ARR_LIST}, .nullable = true, .children = &item, .child_count = 1};
static const struct arr_schema schema = {.fields = &list, .count = 1};

/* [[1, null], null, []] */
static void make_lists(struct t *t, struct arr_col *c)
{
    static const int32_t lengths[] = {2, 0, 0};
    static const uint8_t validity[] = {0x05};
    assert_ok(t, arr_col_init_field(c, &t->mem, &list, &t->err));
    assert_ok(t, arr_col_append_i64(&c->children[0], 1, &t->err));
    assert_ok(t, arr_col_append_null(&c->children[0], &t->err));
    assert_ok(t, arr_col_append_lists(c, lengths, 3, validity, 0, &t->err));
}

static slp_rc expect_levels(void *arg, const struct arr_col *leaf, const struct pq_levels *levels,
                            struct slp_err *err)
{
    static const uint8_t definitions[] = {3, 2, 0, 1};
    static const uint8_t repetitions[] = {0, 1, 0, 0};
    (void)err;
    assert_int_equal(leaf->type.kind, ARR_INT32);
    assert_int_equal(levels->definitions.len, 4);
    assert_int_equal(levels->repetitions.len, 4);
    assert_memory_equal(levels->definitions.ptr, definitions, 4);
    assert_memory_equal(levels->repetitions.ptr, repetitions, 4);
    ++*(int *)arg;
    return SLP_OK;
}

static void lists_become_levels(void **state)
{
    struct t *t = *state;
    struct pq_shred *s = NULL;
    struct arr_col c;
    int leaves = 0;
    make_lists(t, &c);
    assert_ok(t, pq_shred_new(&t->mem, &s, &t->err));
    for (int again = 0; again < 2; again++)
        assert_ok(t, pq_shred_column(s, &list, &c, expect_levels, &leaves, &t->err));
    assert_int_equal(leaves, 2);
    pq_shred_free(s);
    arr_col_fini(&c);
}

static slp_rc ignore(void *arg, const struct arr_col *leaf, const struct pq_levels *levels,
                     struct slp_err *err)
{
    (void)arg;
    (void)leaf;
    (void)levels;
    (void)err;
    return SLP_OK;
}

static void nulls_that_may_not_be_are_bad_input(void **state)
{
    struct t *t = *state;
    struct arr_field strict_item = item;
    struct arr_field strict = list;
    struct pq_shred *s = NULL;
    struct arr_col c;
    strict_item.nullable = false;
    strict.children = &strict_item;
    make_lists(t, &c);
    assert_ok(t, pq_shred_new(&t->mem, &s, &t->err));
    assert_rc(t, pq_shred_column(s, &strict, &c, ignore, NULL, &t->err), SLP_BAD_INPUT);
    assert_err_has(t, "\"item\" is null");
    err_clear(&t->err);
    strict = list;
    strict.nullable = false;
    assert_rc(t, pq_shred_column(s, &strict, &c, ignore, NULL, &t->err), SLP_BAD_INPUT);
    assert_err_has(t, "\"l\" is null");
    pq_shred_free(s);
    arr_col_fini(&c);
}

/* A member that may not be null is none where its struct is null. */
static void members_of_null_structs_are_not_asked(void **state)
{
    struct t *t = *state;
    static struct arr_field member = {.name = "m", .type = {.kind = ARR_INT32}};
    static const struct arr_field outer = {.name = "s",
                                           .type = {.kind = ARR_STRUCT},
                                           .nullable = true,
                                           .children = &member,
                                           .child_count = 1};
    struct pq_shred *s = NULL;
    struct arr_col c;
    assert_ok(t, arr_col_init_field(&c, &t->mem, &outer, &t->err));
    assert_ok(t, arr_col_append_nulls(&c, 3, &t->err));
    assert_ok(t, pq_shred_new(&t->mem, &s, &t->err));
    assert_ok(t, pq_shred_column(s, &outer, &c, ignore, NULL, &t->err));
    pq_shred_free(s);
    arr_col_fini(&c);
}

static void pages_of_lists_end_where_rows_end(void **state)
{
    struct t *t = *state;
    struct t_shape shape = {.list_items = 9, .depth = 2};
    struct pq_write_options o;
    struct pq_group *g = NULL;
    struct arr_batch b;
    struct pq_chunk_place place;
    int64_t rows = 0;
    t_random_batch(t, &schema, &shape, 300, &b);
    pq_write_options_init(&o);
    o.page_bytes = 60;
    o.no_dictionary = true;
    assert_ok(t, pq_group_new(&t->mem, &schema, &o, &g, &t->err));
    assert_ok(t, pq_group_encode(g, &b, 100, &t->err));
    pq_group_place(g, 0, &place);
    assert_true(place.page_count > 20);
    for (size_t i = 0; i < place.page_count; i++) {
        assert_int_equal(place.pages[i].first_row, rows);
        assert_true(place.pages[i].rows > 0);
        int64_t block = rows / 100;
        rows += place.pages[i].rows;
        assert_true(rows <= (block + 1) * 100);
    }
    assert_int_equal(rows, 300);
    pq_group_free(g);
    arr_batch_fini(&b);
}

static void shredding_survives_every_fault(void **state)
{
    struct t *t = *state;
    struct arr_col c;
    make_lists(t, &c);
    T_FAULT_LOOP(t) {
        struct pq_shred *s = NULL;
        slp_rc rc = pq_shred_new(&t->mem, &s, &t->err);
        if (rc == SLP_OK)
            rc = pq_shred_column(s, &list, &c, ignore, NULL, &t->err);
        pq_shred_free(s);
        assert_true(t->fault_hit ? rc != SLP_OK : rc == SLP_OK);
    }
    arr_col_fini(&c);
}

static void nested_groups_survive_every_fault(void **state)
{
    struct t *t = *state;
    struct pq_write_options o;
    struct arr_batch b;
    struct t_shape shape = {.list_items = 3, .depth = 2, .null_percent = 30};
    t_random_batch(t, &schema, &shape, 50, &b);
    pq_write_options_init(&o);
    T_FAULT_LOOP(t) {
        struct pq_group *g = NULL;
        slp_rc rc = pq_group_new(&t->mem, &schema, &o, &g, &t->err);
        if (rc == SLP_OK)
            rc = pq_group_encode(g, &b, 20, &t->err);
        pq_group_free(g);
        assert_true(t->fault_hit ? rc != SLP_OK : rc == SLP_OK);
    }
    arr_batch_fini(&b);
}

T_MAIN(T_TEST(lists_become_levels), T_TEST(nulls_that_may_not_be_are_bad_input),
       T_TEST(members_of_null_structs_are_not_asked), T_TEST(pages_of_lists_end_where_rows_end),
       T_TEST(shredding_survives_every_fault), T_TEST(nested_groups_survive_every_fault))
