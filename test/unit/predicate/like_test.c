#include "predicate/like.h"

#include "lib/t.h"

static bool matches(struct t *t, const char *pattern, const char *escape, const char *text)
{
    struct arena a;
    const struct pred_like *like = NULL;
    arena_init(&a, &t->mem, 1 << 20);
    assert_ok(t, pred_like_compile(slice_str(pattern), slice_str(escape), &a, &like, &t->err));
    bool is_match = pred_like_match(like, slice_str(text));
    arena_fini(&a);
    return is_match;
}

static void patterns_match_whole_texts(void **state)
{
    struct t *t = *state;
    static const struct {
        const char *pattern;
        const char *escape;
        const char *text;
        bool is_match;
    } cases[] = {
        {"abc", "", "abc", true},
        {"abc", "", "abcd", false},
        {"abc", "", "ab", false},
        {"", "", "", true},
        {"", "", "a", false},
        {"%", "", "", true},
        {"%", "", "any", true},
        {"a%", "", "abc", true},
        {"a%", "", "ba", false},
        {"%c", "", "abc", true},
        {"%c", "", "abcd", false},
        {"%b%", "", "abc", true},
        {"a%c", "", "ac", true},
        {"a%c", "", "abcbc", true},
        {"a%c", "", "abcb", false},
        {"_", "", "x", true},
        {"_", "", "", false},
        {"_", "", "xy", false},
        {"_", "", "\xc3\xb6", true},
        {"__", "", "\xc3\xb6", false},
        {"gr_\xc3\x9f%", "",
         "gr\xc3\xb6\xc3\x9f"
         "e",
         true},
        {"%_x", "", "aax", true},
        {"%_x", "", "x", false},
        {"a%b%c%d", "", "a1b2b3c4d", true},
        {"%%%a", "", "bba", true},
        {"a\\%", "", "a\\b", true},
        {"100!%", "!", "100%", true},
        {"100!%", "!", "100x", false},
        {"a!_b", "!", "a_b", true},
        {"a!_b", "!", "axb", false},
        {"a!!b", "!", "a!b", true},
        {"%aab", "", "aaaab", true},
        {"A%", "", "abc", false},
        {"x\xc3\xb6%y", "\xc3\xb6", "x%y", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (matches(t, cases[i].pattern, cases[i].escape, cases[i].text) != cases[i].is_match)
            fail_msg("'%s' LIKE '%s' is %d", cases[i].text, cases[i].pattern, !cases[i].is_match);
    }
}

static void pattern_that_ends_in_its_escape_is_refused(void **state)
{
    struct t *t = *state;
    struct arena a;
    const struct pred_like *like = NULL;
    arena_init(&a, &t->mem, 1 << 20);
    assert_rc(t, pred_like_compile(slice_str("abc!"), slice_str("!"), &a, &like, &t->err),
              SLP_INVALID);
    assert_null(like);
    arena_fini(&a);
}

static void head_is_the_prefix_of_every_match(void **state)
{
    struct t *t = *state;
    struct arena a;
    const struct pred_like *like = NULL;
    arena_init(&a, &t->mem, 1 << 20);
    assert_ok(t, pred_like_compile(slice_str("a!%b%c"), slice_str("!"), &a, &like, &t->err));
    assert_true(slice_is(pred_like_head(like), "a%b"));
    assert_false(like->is_head);
    assert_ok(t, pred_like_compile(slice_str("ab%%"), slice_str(""), &a, &like, &t->err));
    assert_true(like->is_head);
    assert_ok(t, pred_like_compile(slice_str("ab"), slice_str(""), &a, &like, &t->err));
    assert_true(like->is_text);
    arena_fini(&a);
}

static bool model_match(const char *p, const char *s)
{
    if (!*p)
        return !*s;
    if (*p == '%')
        return model_match(p + 1, s) || (*s && model_match(p, s + 1));
    return *s && (*p == '_' || *p == *s) && model_match(p + 1, s + 1);
}

static void random_patterns_match_as_a_recursive_model_does(void **state)
{
    struct t *t = *state;
    for (int round = 0; round < 20000; round++) {
        char pattern[8] = {0};
        char text[10] = {0};
        for (uint64_t i = 0, n = t_below(t, 7); i < n; i++)
            pattern[i] = "ab%_"[t_below(t, 4)];
        for (uint64_t i = 0, n = t_below(t, 9); i < n; i++)
            text[i] = "ab"[t_below(t, 2)];
        if (matches(t, pattern, "", text) != model_match(pattern, text))
            fail_msg("'%s' LIKE '%s' (SEED=%llu)", text, pattern, (unsigned long long)t->seed);
    }
}

T_MAIN(T_TEST(patterns_match_whole_texts), T_TEST(pattern_that_ends_in_its_escape_is_refused),
       T_TEST(head_is_the_prefix_of_every_match),
       T_TEST(random_patterns_match_as_a_recursive_model_does))
