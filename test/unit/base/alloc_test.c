#include "base/alloc.h"

#include "lib/t.h"

static void zeroed_bytes_are_zero_and_room_is_not_touched(void **state)
{
    struct t *t = *state;
    static const uint8_t zeros[100];
    void *zeroed = NULL;
    void *room = NULL;
    assert_ok(t, alloc_zeroed(&t->mem, sizeof zeros, &zeroed, &t->err));
    assert_memory_equal(zeroed, zeros, sizeof zeros);
    assert_ok(t, alloc_room(&t->mem, sizeof zeros, &room, &t->err));
    memset(room, 1, sizeof zeros);
    assert_memory_equal(zeroed, zeros, sizeof zeros);
    alloc_free(&t->mem, zeroed, sizeof zeros);
    alloc_free(&t->mem, room, sizeof zeros);
}

static void no_bytes_are_still_something_to_free(void **state)
{
    struct t *t = *state;
    void *zeroed = NULL;
    void *room = NULL;
    assert_ok(t, alloc_zeroed(&t->mem, 0, &zeroed, &t->err));
    assert_ok(t, alloc_room(&t->mem, 0, &room, &t->err));
    assert_non_null(zeroed);
    assert_non_null(room);
    alloc_free(&t->mem, zeroed, 0);
    alloc_free(&t->mem, room, 0);
    alloc_free(&t->mem, NULL, 7);
}

static void what_overflows_is_limit(void **state)
{
    struct t *t = *state;
    void *array = NULL;
    assert_rc(t, alloc_array(&t->mem, SIZE_MAX / 2, 3, &array, &t->err), SLP_LIMIT);
    assert_null(array);
}

static void outputs_are_untouched_at_every_fault(void **state)
{
    struct t *t = *state;
    T_FAULT_LOOP(t) {
        void *zeroed = NULL;
        void *room = NULL;
        slp_rc first = alloc_zeroed(&t->mem, 10, &zeroed, &t->err);
        slp_rc second = alloc_room(&t->mem, 10, &room, &t->err);
        assert_int_equal(first == SLP_OK, zeroed != NULL);
        assert_int_equal(second == SLP_OK, room != NULL);
        assert_int_equal(t->fault_hit, first != SLP_OK || second != SLP_OK);
        alloc_free(&t->mem, zeroed, 10);
        alloc_free(&t->mem, room, 10);
    }
}

T_MAIN(T_TEST(zeroed_bytes_are_zero_and_room_is_not_touched),
       T_TEST(no_bytes_are_still_something_to_free), T_TEST(what_overflows_is_limit),
       T_TEST(outputs_are_untouched_at_every_fault))
