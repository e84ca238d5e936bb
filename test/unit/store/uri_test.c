#include "lib/place.h"
#include "store/store.h"

static void paths_and_file_uris_name_the_same_folder(void **state)
{
    struct t *t = *state;
    struct place p;
    char uri[2048];
    place_make(&p);
    struct store *s = NULL;
    assert_ok(t, store_open_uri(&t->mem, place_path(&p, "a b"), true, &s, &t->err));
    assert_ok(t, store_put_if_absent(s, slice_str("o"), slice_str("x"), &t->err));
    store_close(s);
    static const char *const before[] = {"file://", "file://localhost"};
    for (size_t i = 0; i < 2; i++) {
        (void)snprintf(uri, sizeof uri, "%s%s/a%%20b/", before[i], p.path);
        assert_ok(t, store_open_uri(&t->mem, uri, false, &s, &t->err));
        assert_rc(t, store_put_if_absent(s, slice_str("o"), slice_str("x"), &t->err), SLP_CONFLICT);
        store_close(s);
    }
    place_drop(&p);
}

static void other_schemes_are_unsupported_by_name(void **state)
{
    struct t *t = *state;
    struct store *s = NULL;
    assert_rc(t, store_open_uri(&t->mem, "s3://bucket/prefix", true, &s, &t->err), SLP_UNSUPPORTED);
    assert_err_has(t, "\"s3\"");
    assert_err_has(t, "file:///dir");
    assert_rc(t, store_open_uri(&t->mem, "gopher://x", true, &s, &t->err), SLP_UNSUPPORTED);
    assert_null(s);
}

static void uris_that_name_no_path_are_invalid(void **state)
{
    struct t *t = *state;
    struct store *s = NULL;
    static const char *const bad[] = {
        "", "file://", "file://host/x", "file:///a%", "file:///a%2", "file:///a%zz", "file:///%00"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_rc(t, store_open_uri(&t->mem, bad[i], true, &s, &t->err), SLP_INVALID);
    assert_rc(t, store_open_uri(&t->mem, "file:///no/such/folder", false, &s, &t->err),
              SLP_NOT_FOUND);
}

T_MAIN(T_TEST(paths_and_file_uris_name_the_same_folder),
       T_TEST(other_schemes_are_unsupported_by_name), T_TEST(uris_that_name_no_path_are_invalid))
