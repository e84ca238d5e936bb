#include "os/expand.h"

#include "lib/place.h"

/* Expand, and compare with names below the place, separated by blanks. */
static void expect(struct t *t, struct place *p, const char *input, const char *names)
{
    struct arena arena;
    struct buf got;
    const char **paths = NULL;
    size_t count = 0;
    arena_init(&arena, &t->mem, 1 << 20);
    buf_init(&got, &t->mem, 1 << 16);
    assert_ok(t, os_expand(place_path(p, input), &arena, &paths, &count, &t->err));
    size_t skipped = strlen(p->path) + 1;
    for (size_t i = 0; i < count; i++) {
        assert_true(strlen(paths[i]) > skipped);
        assert_ok(t, buf_printf(&got, &t->err, "%s%s", i ? " " : "", paths[i] + skipped));
    }
    assert_ok(t, buf_append_u8(&got, 0, &t->err));
    assert_string_equal((const char *)got.ptr, names);
    buf_fini(&got);
    arena_fini(&arena);
}

static void fill(struct place *p)
{
    static const char *const folders[] = {"d",      "d/date=1", "d/date=2", "d/date=2/deep",
                                          "d/.git", "empty"};
    static const char *const files[] = {"a.csv",        "b.csv",          "c[1].csv",
                                        "c1.csv",       ".hidden.csv",    "d/_SUCCESS",
                                        "d/date=1/x",   "d/date=2/y",     "d/date=2/deep/z",
                                        "d/.git/other", "d/date=2/.y.crc"};
    place_make(p);
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        place_make_folder(p, folders[i]);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        place_write(p, files[i], "1");
}

static void files_folders_and_patterns_expand_in_order(void **state)
{
    struct t *t = *state;
    struct place p;
    fill(&p);
    expect(t, &p, "a.csv", "a.csv");
    expect(t, &p, "*.csv", "a.csv b.csv c1.csv c[1].csv");
    expect(t, &p, "[ab].csv", "a.csv b.csv");
    expect(t, &p, "c[1].csv", "c[1].csv");
    expect(t, &p, "?.csv", "a.csv b.csv");
    expect(t, &p, "d", "d/date=1/x d/date=2/deep/z d/date=2/y");
    expect(t, &p, "d/date=*", "d/date=1/x d/date=2/deep/z d/date=2/y");
    expect(t, &p, "d/date=*/y", "d/date=2/y");
    expect(t, &p, "*/*/[xy]", "d/date=1/x d/date=2/y");
    expect(t, &p, ".h*", ".hidden.csv");
    place_drop(&p);
}

static void what_names_no_file_is_not_found(void **state)
{
    struct t *t = *state;
    struct place p;
    struct arena arena;
    const char **paths = NULL;
    size_t count = 0;
    static const char *const none[] = {"no.csv", "*.parquet", "empty", "no/*", "a.csv/*", "e*"};
    fill(&p);
    arena_init(&arena, &t->mem, 1 << 20);
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_rc(t, os_expand(place_path(&p, none[i]), &arena, &paths, &count, &t->err),
                  SLP_NOT_FOUND);
    assert_null(paths);
    arena_fini(&arena);
    place_drop(&p);
}

static void folders_that_link_to_themselves_are_a_limit(void **state)
{
    struct t *t = *state;
    struct place p;
    struct arena arena;
    const char **paths = NULL;
    size_t count = 0;
    place_make(&p);
    arena_init(&arena, &t->mem, 1 << 20);
    assert_int_equal(symlink(".", place_path(&p, "again")), 0);
    assert_rc(t, os_expand(p.path, &arena, &paths, &count, &t->err), SLP_LIMIT);
    assert_err_has(t, "nested more than 32 deep");
    arena_fini(&arena);
    place_drop(&p);
}

static void every_fault_is_survived(void **state)
{
    struct t *t = *state;
    struct place p;
    fill(&p);
    T_FAULT_LOOP(t) {
        struct arena arena;
        const char **paths = NULL;
        size_t count = 0;
        arena_init(&arena, &t->mem, 1 << 20);
        slp_rc rc = os_expand(p.path, &arena, &paths, &count, &t->err);
        assert_rc(t, rc, t->fault_hit ? SLP_NO_MEMORY : SLP_OK);
        assert_int_equal(count, t->fault_hit ? 0 : 7);
        arena_fini(&arena);
    }
    place_drop(&p);
}

T_MAIN(T_TEST(files_folders_and_patterns_expand_in_order), T_TEST(what_names_no_file_is_not_found),
       T_TEST(folders_that_link_to_themselves_are_a_limit), T_TEST(every_fault_is_survived))
