#include <stdio.h>
#include <stdlib.h>

#include "upkeep/upkeep.h"

#include "lib/t.h"
#include "lib/table.h"

#define KEYS 400

/* Rows "k0000,0" to "k<count - 1>", every `step`-th. */
static void add_rows(struct t *t, struct t_table *tt, int first, int count, int step)
{
    struct buf text;
    buf_init(&text, &t->mem, 1 << 20);
    for (int i = first; i < count; i += step)
        assert_ok(t, buf_printf(&text, &t->err, "k%04d,%d\n", i, i));
    assert_ok(t, buf_append_u8(&text, 0, &t->err));
    t_table_add(t, tt, (const char *)text.ptr);
    buf_fini(&text);
}

static struct slice key_of(struct t *t, struct t_table *tt, struct arena *arena, int number)
{
    char text[16];
    struct slice out;
    struct buf key;
    buf_init(&key, &t->mem, KEY_MAX_BYTES);
    (void)snprintf(text, sizeof text, "k%04d", number);
    assert_ok(t, key_parse(state_table_key_spec(tt->table), state_table_schema(tt->table),
                           slice_str(text), 1, &key, &t->err));
    assert_ok(t, arena_copy(arena, buf_slice(&key), &out, &t->err));
    buf_fini(&key);
    return out;
}

/* Leaves cover every key, and rows of references are exact: they add up to `rows`. */
static void assert_rows(struct t_table *tt, int64_t rows)
{
    const struct table_state *s = state_table_view(tt->table);
    int64_t sum = 0;
    for (size_t i = 0; i < state_leaf_count(s); i++) {
        const struct state_leaf *leaf = state_leaf_at(s, i);
        bool exact = false;
        sum += state_leaf_rows(leaf, &exact);
        assert_true(exact);
        assert_int_equal(leaf->range.has_hi, i + 1 < state_leaf_count(s));
        if (leaf->range.has_hi)
            assert_true(slice_equal(leaf->range.hi, state_leaf_at(s, i + 1)->range.lo));
    }
    assert_int_equal(sum, rows);
}

static void bounds_are_made_at_just_the_keys_that_are_given(void **state)
{
    struct t *t = *state;
    struct t_table tt;
    struct arena arena;
    uint64_t made = 0;
    arena_init(&arena, &t->mem, 1 << 20);
    t_table_open(t, &tt, T_SCHEMA_KV, NULL, 0);
    add_rows(t, &tt, 0, KEYS, 1);
    add_rows(t, &tt, 100, KEYS, 3);
    int64_t rows = KEYS + 100;
    struct slice keys[] = {key_of(t, &tt, &arena, 300), key_of(t, &tt, &arena, 7),
                           key_of(t, &tt, &arena, 300), key_of(t, &tt, &arena, 9999)};
    assert_ok(t, upkeep_split_at(tt.table, keys, 4, true, &t->mem, &made, &t->err));
    assert_int_equal(made, 3);
    assert_int_equal(state_leaf_count(state_table_view(tt.table)), 1);
    assert_ok(t, upkeep_split_at(tt.table, keys, 3, false, &t->mem, &made, &t->err));
    assert_int_equal(made, 3);
    assert_rows(&tt, rows);
    const struct table_state *s = state_table_view(tt.table);
    assert_int_equal(state_leaf_count(s), 4);
    assert_true(slice_equal(state_leaf_at(s, 1)->range.lo, key_of(t, &tt, &arena, 7)));
    assert_int_equal(state_leaf_rows(state_leaf_at(s, 0), NULL), 7);
    assert_int_equal(state_leaf_rows(state_leaf_at(s, 3), NULL), 0);
    struct slice again = key_of(t, &tt, &arena, 7);
    assert_ok(t, upkeep_split_at(tt.table, &again, 1, false, &t->mem, &made, &t->err));
    assert_int_equal(made, 0);
    struct slice none = {0};
    assert_rc(t, upkeep_split_at(tt.table, &none, 1, false, &t->mem, &made, &t->err), SLP_INVALID);
    t_table_close(&tt);
    arena_fini(&arena);
}

static void many_leaves_at_once_are_of_about_equal_size(void **state)
{
    struct t *t = *state;
    struct t_table tt;
    uint64_t made = 0;
    t_table_open(t, &tt, T_SCHEMA_KV, NULL, 0);
    assert_rc(t, upkeep_split_evenly(tt.table, 4, false, &t->mem, &made, &t->err), SLP_INVALID);
    assert_err_has(t, "no rows to go by");
    add_rows(t, &tt, 0, KEYS, 1);
    add_rows(t, &tt, 0, KEYS, 2);
    assert_ok(t, upkeep_split_evenly(tt.table, 16, false, &t->mem, &made, &t->err));
    assert_int_equal(made, 15);
    assert_rows(&tt, KEYS + KEYS / 2);
    const struct table_state *s = state_table_view(tt.table);
    for (size_t i = 0; i < state_leaf_count(s); i++) {
        assert_in_range(state_leaf_rows(state_leaf_at(s, i), NULL), 25, 55);
    }
    uint64_t frames = state_number(s);
    assert_ok(t, upkeep_split_evenly(tt.table, 16, false, &t->mem, &made, &t->err));
    assert_int_equal(made, 0);
    assert_int_equal(state_number(state_table_view(tt.table)), frames);
    assert_ok(t, upkeep_split_evenly(tt.table, 40, false, &t->mem, &made, &t->err));
    assert_int_equal(state_leaf_count(state_table_view(tt.table)), 16 + made);
    assert_rows(&tt, KEYS + KEYS / 2);
    t_table_close(&tt);
}

/* As many bounds as there are row keys, less one, however many are asked for. */
static void a_row_key_is_not_parted_by_many_leaves(void **state)
{
    struct t *t = *state;
    struct t_table tt;
    uint64_t made = 0;
    t_table_open(t, &tt, T_SCHEMA_KV, NULL, 0);
    t_table_add(t, &tt, "a,1\na,2\na,3\nb,1\nb,2\n");
    assert_ok(t, upkeep_split_evenly(tt.table, 100, false, &t->mem, &made, &t->err));
    assert_int_equal(made, 1);
    assert_rows(&tt, 5);
    t_table_close(&tt);
}

static void merging_goes_on_until_neighbours_are_large_together(void **state)
{
    struct t *t = *state;
    struct t_table tt;
    uint64_t made = 0;
    uint64_t merged = 0;
    uint64_t planned = 0;
    t_table_open(t, &tt, T_SCHEMA_KV, NULL, 0);
    add_rows(t, &tt, 0, KEYS, 1);
    assert_ok(t, upkeep_split_evenly(tt.table, 20, false, &t->mem, &made, &t->err));
    assert_rc(t, upkeep_merge_leaves(tt.table, 0, false, &t->mem, &merged, &t->err), SLP_INVALID);
    assert_ok(t, upkeep_merge_leaves(tt.table, 1, false, &t->mem, &merged, &t->err));
    assert_int_equal(merged, 0);
    assert_ok(t, upkeep_merge_leaves(tt.table, 100, true, &t->mem, &planned, &t->err));
    assert_int_equal(state_leaf_count(state_table_view(tt.table)), made + 1);
    assert_ok(t, upkeep_merge_leaves(tt.table, 100, false, &t->mem, &merged, &t->err));
    assert_int_equal(merged, planned);
    assert_rows(&tt, KEYS);
    const struct table_state *s = state_table_view(tt.table);
    assert_int_equal(state_leaf_count(s), made + 1 - merged);
    for (size_t i = 0; i < state_leaf_count(s); i++)
        assert_true(state_leaf_rows(state_leaf_at(s, i), NULL) <= 100);
    assert_ok(t, upkeep_merge_leaves(tt.table, KEYS, false, &t->mem, &merged, &t->err));
    assert_int_equal(state_leaf_count(state_table_view(tt.table)), 1);
    assert_int_equal(state_leaf_at(state_table_view(tt.table), 0)->ref_count, 1);
    assert_rows(&tt, KEYS);
    t_table_close(&tt);
}

static slp_rc split_and_merge(struct t *t, struct state_table *table)
{
    uint64_t count = 0;
    TRY(upkeep_split_evenly(table, 5, false, &t->mem, &count, &t->err));
    TRY(upkeep_merge_leaves(table, 1000, false, &t->mem, &count, &t->err));
    return SLP_OK;
}

static void splitting_and_merging_survive_every_fault(void **state)
{
    struct t *t = *state;
    struct t_table tt;
    struct store *store = NULL; /* grows with each round, so it is not of the counting allocator */
    assert_ok(t, store_memory_new(alloc_system(), &store, &t->err));
    t_table_open_in(t, &tt, store, T_SCHEMA_KV, NULL, 0);
    add_rows(t, &tt, 0, 40, 1);
    T_FAULT_LOOP(t) {
        struct state_instance *instance = NULL; /* of its own: handles keep room for next time */
        struct state_table *table = NULL;
        slp_rc rc = state_instance_open(alloc_system(), tt.store, NULL, &instance, &t->err);
        if (rc == SLP_OK)
            rc = state_table_open(instance, slice_str("test"), &table, &t->err);
        if (rc == SLP_OK)
            rc = split_and_merge(t, table);
        state_table_close(table);
        state_instance_close(instance);
        assert_true(rc == SLP_OK || (t->fault_hit && rc == SLP_NO_MEMORY));
    }
    assert_ok(t, state_table_refresh(tt.table, &t->err));
    assert_rows(&tt, 40);
    t_table_close(&tt);
}

T_MAIN(T_TEST(bounds_are_made_at_just_the_keys_that_are_given),
       T_TEST(many_leaves_at_once_are_of_about_equal_size),
       T_TEST(a_row_key_is_not_parted_by_many_leaves),
       T_TEST(merging_goes_on_until_neighbours_are_large_together),
       T_TEST(splitting_and_merging_survive_every_fault))
