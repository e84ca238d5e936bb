#include "predicate/interval.h"

#include <stdio.h>
#include <string.h>

#include "lib/t.h"

/* "b-d" is [b, d), "b-" has no end, "-d" begins at the beginning, "b!c" is a point. */
static struct pred_intervals parse(struct t *t, struct arena *a, const char *text)
{
    struct pred_intervals set = {0};
    void *room = NULL;
    assert_ok(t, arena_array(a, 16, sizeof *set.items, &room, &t->err));
    set.items = room;
    while (*text) {
        size_t lo = strcspn(text, "-!");
        size_t hi = strcspn(text + lo + 1, " ");
        struct pred_interval *next = &set.items[set.count++];
        next->is_point = text[lo] == '!';
        next->range.lo = slice_of(text, lo);
        next->range.hi = slice_of(text + lo + 1, hi);
        next->range.has_hi = hi > 0;
        text += lo + 1 + hi;
        text += *text == ' ';
    }
    return set;
}

static void assert_set(const struct pred_intervals *set, const char *expected)
{
    char text[256] = "";
    size_t at = 0;
    for (size_t i = 0; i < set->count; i++) {
        struct key_range r = set->items[i].range;
        int n = snprintf(text + at, sizeof text - at, "%s%.*s%c%.*s", i ? " " : "", SLICE_ARG(r.lo),
                         set->items[i].is_point ? '!' : '-', r.has_hi ? (int)r.hi.len : 0,
                         (const char *)r.hi.ptr);
        at += (size_t)n;
    }
    assert_string_equal(text, expected);
}

static void sets_are_sorted_and_joined_where_they_overlap(void **state)
{
    struct t *t = *state;
    static const char *const cases[][2] = {
        {"c-d a-b", "a-b c-d"}, {"a-c b-d", "a-d"}, {"a-d b-c", "a-d"}, {"a-b b-c", "a-b b-c"},
        {"c- a-b", "a-b c-"},   {"a- b-c", "a-"},   {"b-a c-c", ""},    {"b!c a!b", "a!b b!c"},
        {"b!c b!c", "b!c"},     {"b!c a-d", "a-d"}, {"b!c b-d", "b-d"}, {"-b a-c d-", "-c d-"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena a;
        arena_init(&a, &t->mem, 1 << 20);
        struct pred_intervals set = parse(t, &a, cases[i][0]);
        pred_intervals_normalise(&set);
        assert_set(&set, cases[i][1]);
        arena_fini(&a);
    }
}

static void common_parts_are_those_of_both(void **state)
{
    struct t *t = *state;
    static const char *const cases[][3] = {
        {"a-c", "b-d", "b-c"},         {"a-b", "b-c", ""},  {"a-", "-c", "a-c"},
        {"a-c e-g", "b-f", "b-c e-f"}, {"-", "a-b", "a-b"}, {"b!c", "a-d", "b!c"},
        {"a!b c!d e!f", "b-e", "c!d"}, {"", "a-b", ""},     {"a- ", "b-", "b-"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena a;
        struct pred_intervals common;
        arena_init(&a, &t->mem, 1 << 20);
        struct pred_intervals x = parse(t, &a, cases[i][0]);
        struct pred_intervals y = parse(t, &a, cases[i][1]);
        assert_ok(t, pred_intervals_intersect(&x, &y, &a, &common, &t->err));
        assert_set(&common, cases[i][2]);
        assert_ok(t, pred_intervals_intersect(&y, &x, &a, &common, &t->err));
        assert_set(&common, cases[i][2]);
        struct pred_intervals all = {.is_all = true};
        assert_ok(t, pred_intervals_intersect(&all, &x, &a, &common, &t->err));
        assert_int_equal(common.count, x.count);
        arena_fini(&a);
    }
}

static void complements_hold_the_rest(void **state)
{
    struct t *t = *state;
    static const char *const cases[][2] = {
        {"a-b", "-a b-"},
        {"-b", "b-"},
        {"b-", "-b"},
        {"", "-"},
        {"-", ""},
        {"a!b b!c", "-a c-"},
        {"a-b c-d", "-a b-c d-"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena a;
        struct pred_intervals rest;
        arena_init(&a, &t->mem, 1 << 20);
        struct pred_intervals set = parse(t, &a, cases[i][0]);
        assert_ok(t, pred_intervals_complement(&set, &a, &rest, &t->err));
        assert_set(&rest, cases[i][1]);
        arena_fini(&a);
    }
}

static void bounds_join_what_touches_and_then_neighbours(void **state)
{
    struct t *t = *state;
    static const struct {
        const char *set;
        size_t max;
        const char *bounded;
    } cases[] = {
        {"a!b b!c d-e", 10, "a-c d-e"},        {"a-b c-d e-f g-h", 4, "a-b c-d e-f g-h"},
        {"a-b c-d e-f g-h", 3, "a-d e-h"},     {"a-b c-d e-f g-", 1, "a-"},
        {"a-b c-d e-f g-h i-j", 2, "a-f g-j"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena a;
        arena_init(&a, &t->mem, 1 << 20);
        struct pred_intervals set = parse(t, &a, cases[i].set);
        pred_intervals_bound(&set, cases[i].max);
        assert_set(&set, cases[i].bounded);
        arena_fini(&a);
    }
}

T_MAIN(T_TEST(sets_are_sorted_and_joined_where_they_overlap),
       T_TEST(common_parts_are_those_of_both), T_TEST(complements_hold_the_rest),
       T_TEST(bounds_join_what_touches_and_then_neighbours))
