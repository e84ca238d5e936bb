#include "store/memory.h"

#include "lib/t.h"

struct set_clock {
    struct os_clock base;
    int64_t now_us;
};

static int64_t set_now_us(struct os_clock *clock)
{
    return ((struct set_clock *)clock)->now_us;
}

static void set_sleep_us(struct os_clock *clock, int64_t us)
{
    ((struct set_clock *)clock)->now_us += us;
}

static void time_is_that_of_the_clock_given(void **state)
{
    static const struct os_clock_ops ops = {set_now_us, set_now_us, set_sleep_us};
    struct t *t = *state;
    struct set_clock clock = {{&ops}, 1000};
    struct store *s = NULL;
    struct arena arena;
    struct store_item *items = NULL;
    size_t count = 0;
    arena_init(&arena, &t->mem, 1 << 20);
    assert_ok(t, store_memory_new(&t->mem, &s, &t->err));
    store_memory_set_clock(s, &clock.base);
    store_sleep_us(s, 500);
    assert_int_equal(store_now_us(s), 1500);
    assert_ok(t, store_put_if_absent(s, slice_str("a"), slice_str("x"), &t->err));
    assert_ok(t, store_list(s, slice_str(""), slice_str(""), 0, &arena, &items, &count, &t->err));
    assert_int_equal(items[0].modified_us, 1500);
    store_close(s);
    store_close(NULL);
    arena_fini(&arena);
}

static void a_listing_is_cut_at_its_limit(void **state)
{
    struct t *t = *state;
    struct store *s = NULL;
    struct arena arena;
    struct store_item *items = NULL;
    size_t count = 0;
    arena_init(&arena, &t->mem, 1 << 20);
    assert_ok(t, store_memory_new(&t->mem, &s, &t->err));
    for (uint32_t i = 0; i < STORE_LIST_MAX + 5; i++) {
        char name[8] = {(char)('a' + i / 676), (char)('a' + i / 26 % 26), (char)('a' + i % 26)};
        assert_ok(t, store_put_if_absent(s, slice_str(name), slice_str(""), &t->err));
    }
    assert_ok(t,
              store_list(s, slice_str(""), slice_str(""), 99999, &arena, &items, &count, &t->err));
    assert_int_equal(count, STORE_LIST_MAX);
    assert_ok(
        t, store_list(s, slice_str(""), items[count - 1].name, 0, &arena, &items, &count, &t->err));
    assert_int_equal(count, 5);
    store_close(s);
    arena_fini(&arena);
}

T_MAIN(T_TEST(time_is_that_of_the_clock_given), T_TEST(a_listing_is_cut_at_its_limit))
