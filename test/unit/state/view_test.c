#include "state/view.h"

#include "lib/refs.h"
#include "lib/t.h"
#include "unit/state/helpers.h"

static const char *const points[] = {"d", "h", "m"};

static void ranges_meet_the_leaves_that_share_a_key_with_them(void **state)
{
    static const struct {
        const char *lo;
        const char *hi;
        size_t first;
        size_t end;
    } cases[] = {
        {"", NULL, 0, 4},  {"", "d", 0, 1},  {"", "da", 0, 2},  {"d", "h", 1, 2}, {"d", NULL, 1, 4},
        {"z", NULL, 3, 4}, {"c", "m", 0, 3}, {"c", "ma", 0, 4}, {"e", "e", 0, 0}, {"f", "e", 0, 0},
    };
    struct t *t = *state;
    struct table_state *s = state_of(t, NULL, points, 3);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t first = 9;
        size_t end = 9;
        state_leaves_meeting(s, range_of(cases[i].lo, cases[i].hi), &first, &end);
        assert_int_equal(first, cases[i].first);
        assert_int_equal(end, cases[i].end);
    }
    assert_int_equal(state_leaf_holding(s, slice_str("")), 0);
    assert_int_equal(state_leaf_holding(s, slice_str("d")), 1);
    assert_int_equal(state_leaf_holding(s, slice_str("czzz")), 0);
    assert_int_equal(state_leaf_holding(s, slice_str("zzz")), 3);
    assert_non_null(state_leaf_find(s, range_of("d", "h")));
    assert_null(state_leaf_find(s, range_of("d", "m")));
    assert_null(state_leaf_find(s, range_of("m", "x")));
    assert_non_null(state_leaf_find(s, range_of("m", NULL)));
    state_free(s);
}

static void references_of_a_range_come_in_order_of_position(void **state)
{
    struct t *t = *state;
    struct table_state *s = state_of(t, NULL, points, 3);
    struct state_new_file wide = file_of("wide", "a", "z", 10);
    struct state_new_file pair[2] = {file_of("left", "b", "e", 10), file_of("right", "e", "i", 10)};
    struct state_new_file last = file_of("last", "c", "c", 1);
    (void)add_files(t, s, pair, 2);
    wide.is_unfiled = true;
    (void)add_files(t, s, &wide, 1);
    (void)add_files(t, s, &last, 1);
    struct arena a;
    const struct state_reference **refs = NULL;
    const struct state_file **files = NULL;
    size_t count = 0;
    arena_init(&a, &t->mem, 1 << 20);
    assert_ok(t, state_references_meeting(s, range_of("c", "f"), &a, &refs, &count, &t->err));
    static const char *const want[] = {"left", "left", "right", "wide", "last"};
    assert_int_equal(count, 5);
    for (size_t i = 0; i < 5; i++)
        assert_true(slice_is(refs[i]->file->name, want[i]));
    assert_true(slice_is(refs[0]->range.lo, "b") && slice_is(refs[1]->range.lo, "d"));
    /* "left" ends with the key "e", which it still holds; a range from above e does not meet it. */
    assert_ok(t, state_references_meeting(s, range_of("e", "f"), &a, &refs, &count, &t->err));
    assert_int_equal(count, 3);
    assert_ok(t, state_references_meeting(s, range_of("ea", "f"), &a, &refs, &count, &t->err));
    assert_int_equal(count, 2);
    assert_ok(t, state_files(s, &a, &files, &count, &t->err));
    assert_int_equal(count, 4);
    assert_true(slice_is(files[0]->name, "left") && slice_is(files[3]->name, "last"));
    /* Counted once, however many references there are. */
    uint64_t bytes = 0;
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += files[i]->info.file_bytes;
    assert_ok(t, state_files_size(s, &a, &count, &bytes, &t->err));
    assert_int_equal(count, 4);
    assert_int_equal(bytes, sum);
    assert_true(bytes > 0);
    assert_ok(t, state_files_count(s, &a, &count, &t->err));
    assert_int_equal(count, 4);
    arena_fini(&a);
    state_free(s);
}

static void rows_of_a_reference_are_told_where_the_state_knows_them(void **state)
{
    struct t *t = *state;
    struct table_state *s = state_of(t, NULL, points, 3);
    struct state_new_file wide = file_of("wide", "b", "i", 10);
    (void)add_files(t, s, &wide, 1);
    const struct state_reference *first = &t_refs(state_leaf_at(s, 0))[0];
    struct state_reference cut = *first;
    struct state_reference whole = *first;
    assert_int_equal(state_reference_rows(first, first->range), -1);
    cut.row_lo = 2;
    cut.row_hi = 6;
    assert_int_equal(state_reference_rows(&cut, cut.range), 4);
    assert_int_equal(state_reference_rows(&cut, range_of("", NULL)), 4);
    assert_int_equal(state_reference_rows(&cut, range_of("c", NULL)), -1);
    whole.range = state_file_range(whole.file);
    assert_int_equal(state_reference_rows(&whole, range_of("", NULL)), 10);
    assert_int_equal(state_reference_rows(&whole, range_of("b", "ia")), 10);
    assert_int_equal(state_reference_rows(&whole, range_of("b", "i")), -1);
    state_free(s);
}

/* By definition: the transactions of which a file covers the key. */
static size_t runs_over(const struct state_new_file *files, const int *made, size_t count, char key)
{
    size_t runs = 0;
    bool is_counted[64] = {false};
    for (size_t i = 0; i < count; i++) {
        bool covers = (char)files[i].info.first_key.ptr[0] <= key &&
                      key <= (char)files[i].info.last_key.ptr[0];
        runs += covers && !is_counted[made[i]];
        is_counted[made[i]] = is_counted[made[i]] || covers;
    }
    return runs;
}

static void the_depth_of_random_files_is_that_of_the_definition(void **state)
{
    struct t *t = *state;
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz";
    for (int trial = 0; trial < 200; trial++) {
        struct table_state *s = state_of(t, NULL, NULL, 0);
        struct state_new_file files[60];
        int made[60];
        size_t count = 0;
        size_t deepest = 0;
        for (int txn = 0; count < 50 && t_below(t, 30); txn++) {
            size_t n = 1 + (size_t)t_below(t, 3);
            bool is_unfiled = state_unfiled_count(s) < 9 && t_below(t, 8) == 0;
            for (size_t i = 0; i < n; i++) {
                size_t lo = (size_t)t_below(t, 26);
                size_t hi = lo + (size_t)t_below(t, 26 - lo);
                struct state_new_file *f = &files[count + i];
                *f = file_of("f", "a", "a", 10);
                f->info.first_key = slice_of(letters + lo, 1);
                f->info.last_key = slice_of(letters + hi, 1);
                f->is_unfiled = is_unfiled;
                made[count + i] = txn;
            }
            assert_int_equal(add_files(t, s, files + count, n).reason, STATE_REASON_APPLIED);
            count += n;
        }
        for (size_t i = 0; i < 26; i++) {
            size_t runs = runs_over(files, made, count, letters[i]);
            deepest = runs > deepest ? runs : deepest;
        }
        assert_int_equal(depth_of(t, s), deepest);
        assert_true(state_leaf_at(s, 0)->depth_most + state_unfiled_count(s) >= deepest);
        state_free(s);
    }
}

static void depth_survives_every_fault(void **state)
{
    struct t *t = *state;
    struct table_state *s = state_of(t, NULL, NULL, 0);
    struct state_new_file files[2] = {file_of("a", "b", "e", 10), file_of("b", "c", "i", 10)};
    size_t depth = 0;
    for (size_t i = 0; i < 2; i++)
        (void)add_files(t, s, files + i, 1);
    T_FAULT_LOOP(t) {
        slp_rc rc = state_leaf_depth(s, state_leaf_at(s, 0), &depth, &t->err);
        assert_true(rc == SLP_NO_MEMORY || (rc == SLP_OK && depth == 2));
    }
    state_free(s);
}

/* The files of one transaction are one run, even where they share a boundary key. */
static void depth_is_the_most_runs_over_one_key(void **state)
{
    struct t *t = *state;
    struct table_state *s = state_of(t, NULL, NULL, 0);
    assert_int_equal(depth_of(t, s), 0);
    struct state_new_file run[2] = {file_of("a", "b", "e", 10), file_of("b", "e", "i", 10)};
    (void)add_files(t, s, run, 2);
    assert_int_equal(depth_of(t, s), 1);
    struct state_new_file apart = file_of("c", "k", "m", 10);
    (void)add_files(t, s, &apart, 1);
    assert_int_equal(depth_of(t, s), 1);
    struct state_new_file over = file_of("d", "e", "e", 10);
    (void)add_files(t, s, &over, 1);
    assert_int_equal(depth_of(t, s), 2);
    struct state_new_file wide = file_of("e", "c", "z", 10);
    wide.is_unfiled = true;
    (void)add_files(t, s, &wide, 1);
    assert_int_equal(depth_of(t, s), 3);
    state_free(s);
}

static void an_empty_state_answers_everything(void **state)
{
    struct t *t = *state;
    struct state_rules rules = state_rules_default();
    struct table_state *s = NULL;
    struct arena a;
    const struct state_reference **refs = NULL;
    size_t count = 9;
    assert_ok(t, state_new(&t->mem, &rules, &s, &t->err));
    arena_init(&a, &t->mem, 1 << 20);
    assert_ok(t, state_references_meeting(s, range_of("", NULL), &a, &refs, &count, &t->err));
    assert_int_equal(count, 0);
    assert_null(state_leaf_find(s, range_of("", NULL)));
    assert_null(state_job_find(s, id_of(1, 0, 0)));
    assert_int_equal(state_number(s), 0);
    assert_false(state_is_created(s));
    arena_fini(&a);
    state_free(s);
}

T_MAIN(T_TEST(ranges_meet_the_leaves_that_share_a_key_with_them),
       T_TEST(references_of_a_range_come_in_order_of_position),
       T_TEST(rows_of_a_reference_are_told_where_the_state_knows_them),
       T_TEST(depth_is_the_most_runs_over_one_key),
       T_TEST(the_depth_of_random_files_is_that_of_the_definition),
       T_TEST(depth_survives_every_fault), T_TEST(an_empty_state_answers_everything))
