#include "merge/merge.h"

#include "lib/t.h"

static void put(struct t *t, struct key_vec *v, const char *text, size_t len)
{
    assert_ok(t, key_vec_append(v, slice_of(text, len), &t->err));
}

static void assert_order(struct t *t, const struct key_vec *v, const uint32_t *want)
{
    uint32_t order[64];
    assert_true(v->count <= 64);
    assert_ok(t, merge_sort(&t->mem, v, order, &t->err));
    assert_memory_equal(order, want, (size_t)v->count * sizeof *want);
}

static void keys_that_begin_others_come_first(void **state)
{
    struct t *t = *state;
    struct key_vec v;
    key_vec_init(&v, &t->mem, 1 << 20);
    put(t, &v, "ab\0\0", 4);
    put(t, &v, "ab\0", 3);
    put(t, &v, "b", 1);
    put(t, &v, "", 0);
    put(t, &v, "ab", 2);
    assert_order(t, &v, (const uint32_t[]){3, 4, 1, 0, 2});
    key_vec_fini(&v);
}

static void equal_keys_keep_their_order(void **state)
{
    struct t *t = *state;
    struct key_vec v;
    key_vec_init(&v, &t->mem, 1 << 20);
    uint32_t want[60];
    for (uint32_t i = 0; i < 60; i++) {
        put(t, &v, i % 2 ? "a key of more than sixteen bytes" : "b", i % 2 ? 32 : 1);
        want[i] = i < 30 ? 2 * i + 1 : 2 * (i - 30);
    }
    assert_order(t, &v, want);
    key_vec_fini(&v);
}

static void keys_that_differ_far_behind_a_common_part_are_sorted(void **state)
{
    struct t *t = *state;
    struct key_vec v;
    key_vec_init(&v, &t->mem, 1 << 20);
    char key[1001];
    memset(key, 'x', sizeof key);
    uint32_t want[40];
    for (uint32_t i = 0; i < 39; i++) {
        key[1000] = (char)(100 - i);
        put(t, &v, key, sizeof key);
        want[i + 1] = 38 - i;
    }
    put(t, &v, key, 999);
    want[0] = 39;
    assert_order(t, &v, want);
    key_vec_fini(&v);
}

static void sorted_keys_cost_no_memory(void **state)
{
    struct t *t = *state;
    struct key_vec v;
    key_vec_init(&v, &t->mem, 1 << 20);
    put(t, &v, "a", 1);
    put(t, &v, "a", 1);
    put(t, &v, "b", 1);
    uint64_t before = t->allocs;
    assert_order(t, &v, (const uint32_t[]){0, 1, 2});
    assert_int_equal(t->allocs, before);
    key_vec_fini(&v);
}

static void no_keys_are_sorted_too(void **state)
{
    struct t *t = *state;
    struct key_vec v;
    key_vec_init(&v, &t->mem, 1 << 20);
    assert_ok(t, merge_sort(&t->mem, &v, NULL, &t->err));
    key_vec_fini(&v);
}

static void more_rows_than_32_bits_count_are_refused(void **state)
{
    struct t *t = *state;
    struct key_vec v;
    key_vec_init(&v, &t->mem, 1 << 20);
    v.count = (int64_t)UINT32_MAX + 1;
    assert_rc(t, merge_sort(&t->mem, &v, NULL, &t->err), SLP_LIMIT);
    v.count = 0;
    key_vec_fini(&v);
}

static void sort_survives_every_fault(void **state)
{
    struct t *t = *state;
    struct key_vec v;
    key_vec_init(&v, &t->mem, 1 << 20);
    for (uint32_t i = 0; i < 1000; i++) {
        uint8_t key[2] = {(uint8_t)t_below(t, 3), (uint8_t)t_random(t)};
        assert_ok(t, key_vec_append(&v, slice_of(key, 2), &t->err));
    }
    T_FAULT_LOOP(t) {
        uint32_t order[1000] = {7777};
        slp_rc rc = merge_sort(&t->mem, &v, order, &t->err);
        assert_int_equal(rc, t->fault_hit ? SLP_NO_MEMORY : SLP_OK);
        if (t->fault_hit)
            assert_int_equal(order[0], 7777);
    }
    key_vec_fini(&v);
}

T_MAIN(T_TEST(keys_that_begin_others_come_first), T_TEST(equal_keys_keep_their_order),
       T_TEST(keys_that_differ_far_behind_a_common_part_are_sorted),
       T_TEST(sorted_keys_cost_no_memory), T_TEST(no_keys_are_sorted_too),
       T_TEST(more_rows_than_32_bits_count_are_refused), T_TEST(sort_survives_every_fault))
