#include "key/key.h"

#include "lib/t.h"

static void the_successor_ends_all_that_begin_with_a_prefix(void **state)
{
    struct t *t = *state;
    static const struct {
        const char *prefix;
        size_t bytes;
        const char *successor; /* NULL: no end */
    } cases[] = {
        {"", 0, NULL},
        {"a", 1, "b"},
        {"ab", 2, "ac"},
        {"a\xff", 2, "b"},
        {"\xff\xff", 2, NULL},
        {"a\xff\xff", 3, "b"},
        {"\x01\xfe", 2, "\x01\xff"},
    };
    struct buf out;
    buf_init(&out, &t->mem, 100);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bool has_end = !cases[i].successor;
        assert_ok(
            t, key_successor(slice_of(cases[i].prefix, cases[i].bytes), &out, &has_end, &t->err));
        assert_int_equal(has_end, cases[i].successor != NULL);
        if (has_end)
            assert_true(slice_is(buf_slice(&out), cases[i].successor));
    }
    buf_fini(&out);
}

/* All intervals with bounds of this list are tried against each other on the same list as keys. */
static const char *const points[] = {"", "a", "a1", "b", "c"};
#define POINTS (sizeof points / sizeof *points)

static struct key_range range_at(size_t n)
{
    struct key_range r = {.lo = slice_str(points[n % POINTS])};
    size_t hi = n / POINTS;
    r.has_hi = hi < POINTS;
    if (r.has_hi)
        r.hi = slice_str(points[hi]);
    return r;
}

static void clipping_keeps_what_both_hold(void **state)
{
    (void)state;
    for (size_t i = 0; i < POINTS * (POINTS + 1); i++) {
        for (size_t j = 0; j < POINTS * (POINTS + 1); j++) {
            struct key_range a = range_at(i);
            struct key_range b = range_at(j);
            struct key_range both = key_range_clip(a, b);
            bool meets = false;
            for (size_t k = 0; k < POINTS; k++) {
                struct slice key = slice_str(points[k]);
                bool want = key_range_holds(a, key) && key_range_holds(b, key);
                assert_int_equal(key_range_holds(both, key), want);
                meets |= want;
            }
            assert_int_equal(key_range_meets(a, b), meets);
            assert_int_equal(key_range_is_empty(both), !meets);
        }
    }
}

static void the_lower_bound_is_the_first_key_not_below(void **state)
{
    struct t *t = *state;
    struct key_vec keys;
    key_vec_init(&keys, &t->mem, 1 << 10);
    assert_int_equal(key_lower_bound(&keys, slice_str("a")), 0);
    static const char *const texts[] = {"b", "b", "d", "f"};
    for (size_t i = 0; i < 4; i++)
        assert_ok(t, key_vec_append(&keys, slice_str(texts[i]), &t->err));
    static const struct {
        const char *key;
        int64_t at;
    } cases[] = {{"", 0}, {"a", 0}, {"b", 0}, {"c", 2}, {"d", 2}, {"da", 3}, {"f", 3}, {"g", 4}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(key_lower_bound(&keys, slice_str(cases[i].key)), cases[i].at);
    key_vec_fini(&keys);
}

static void a_successor_that_finds_no_memory_changes_nothing(void **state)
{
    struct t *t = *state;
    T_FAULT_LOOP(t) {
        struct buf out;
        bool has_end = false;
        buf_init(&out, &t->mem, 1 << 20);
        slp_rc rc = key_successor(slice_str("abc"), &out, &has_end, &t->err);
        assert_int_equal(rc, t->fault_hit ? SLP_NO_MEMORY : SLP_OK);
        assert_int_equal(has_end, rc == SLP_OK);
        buf_fini(&out);
    }
}

static void a_copied_range_is_its_own_or_is_not_made(void **state)
{
    struct t *t = *state;
    T_FAULT_LOOP(t) {
        char lo[] = "b";
        struct arena arena;
        struct key_range copy = {.lo = slice_str("untouched")};
        arena_init(&arena, &t->mem, 1 << 20);
        struct key_range range = {.lo = slice_str(lo), .hi = slice_str("d"), .has_hi = true};
        slp_rc rc = key_range_copy(&arena, range, &copy, &t->err);
        lo[0] = 'x';
        assert_int_equal(rc, t->fault_hit ? SLP_NO_MEMORY : SLP_OK);
        assert_true(slice_is(copy.lo, rc == SLP_OK ? "b" : "untouched"));
        assert_true(copy.has_hi == (rc == SLP_OK));
        arena_fini(&arena);
    }
}

T_MAIN(T_TEST(the_successor_ends_all_that_begin_with_a_prefix),
       T_TEST(clipping_keeps_what_both_hold), T_TEST(the_lower_bound_is_the_first_key_not_below),
       T_TEST(a_successor_that_finds_no_memory_changes_nothing),
       T_TEST(a_copied_range_is_its_own_or_is_not_made))
