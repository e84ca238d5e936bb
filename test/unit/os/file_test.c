#include "os/file.h"

#include <errno.h>
#include <fcntl.h>

#include "lib/place.h"
#include "os/error.h"
#include "os/folder.h"

static void codes_say_what_a_caller_can_do(void **state)
{
    struct t *t = *state;
    static const struct {
        int code;
        slp_rc rc;
    } cases[] = {
        {ENOENT, SLP_NOT_FOUND},
        {ENOTDIR, SLP_NOT_FOUND},
        {EEXIST, SLP_EXISTS},
        {EACCES, SLP_DENIED},
        {EPERM, SLP_DENIED},
        {EROFS, SLP_DENIED},
        {ENOSPC, SLP_LIMIT},
        {EDQUOT, SLP_LIMIT},
        {EMFILE, SLP_UNAVAILABLE},
        {ENOMEM, SLP_NO_MEMORY},
        {ENAMETOOLONG, SLP_INVALID},
        {EISDIR, SLP_INVALID},
        {EOPNOTSUPP, SLP_UNSUPPORTED},
        {EIO, SLP_IO},
        {99999, SLP_IO},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(os_error_code(cases[i].code), cases[i].rc);
    assert_rc(t, os_error(&t->err, ENOSPC, "write", "/a/b"), SLP_LIMIT);
    assert_string_equal(t->err.text, "cannot write \"/a/b\": no space left on device");
}

static void paths_are_joined_and_cut(void **state)
{
    struct t *t = *state;
    static const struct {
        const char *folder;
        const char *name;
        const char *joined;
        const char *parent;
    } cases[] = {
        {"a", "b", "a/b", "a"},    {"a/", "b", "a/b", "a"}, {"/", "b", "/b", "/"},
        {"a", "", "a", "."},       {"/", "", "/", "/"},     {"a//b", "", "a//b", "a"},
        {"a/b/", "", "a/b/", "a"},
    };
    char path[OS_PATH_MAX];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_ok(t, os_path_join(path, cases[i].folder, slice_str(cases[i].name), &t->err));
        assert_string_equal(path, cases[i].joined);
        os_path_parent(path);
        assert_string_equal(path, cases[i].parent);
    }
    char longest[OS_PATH_MAX];
    memset(longest, 'x', sizeof longest);
    assert_rc(t, os_path_join(path, "", slice_of(longest, OS_PATH_MAX - 1), &t->err), SLP_INVALID);
    assert_ok(t, os_path_join(path, "", slice_of(longest, OS_PATH_MAX - 2), &t->err));
    assert_rc(t, os_path_join(path, "a", slice_of("b\0c", 3), &t->err), SLP_INVALID);
}

static void what_was_written_is_read(void **state)
{
    struct t *t = *state;
    struct place p;
    char got[16] = "";
    size_t n = 0;
    int fd = -1;
    struct os_stat info;
    place_make(&p);
    const char *path = place_path(&p, "f");
    assert_false(os_file_exists(path));
    assert_ok(t, os_file_open(path, OS_OPEN_READ | OS_OPEN_WRITE | OS_OPEN_NEW, &fd, &t->err));
    assert_ok(t, os_file_write(fd, path, "hello World", 11, &t->err));
    assert_ok(t, os_file_sync(fd, path, &t->err));
    os_file_write_back(fd, 0, 11);
    assert_ok(t, os_file_pread(fd, path, 6, got, 5, &t->err));
    assert_string_equal(got, "World");
    assert_rc(t, os_file_pread(fd, path, 7, got, 5, &t->err), SLP_CORRUPT);
    assert_err_has(t, "ends at offset 11");
    assert_rc(t, os_file_pread(fd, path, UINT64_MAX, got, 1, &t->err), SLP_CORRUPT);
    assert_ok(t, os_file_stat_fd(fd, path, &info, &t->err));
    assert_int_equal(info.size, 11);
    assert_int_equal(info.links, 1);
    assert_true(info.is_file && !info.is_folder);
    os_file_close(fd);
    os_file_close(-1);
    assert_rc(t, os_file_open(path, OS_OPEN_WRITE | OS_OPEN_NEW, &fd, &t->err), SLP_EXISTS);
    assert_ok(t, os_file_open(path, OS_OPEN_READ, &fd, &t->err));
    assert_ok(t, os_file_read(fd, path, got, sizeof got, &n, &t->err));
    assert_int_equal(n, 11);
    assert_ok(t, os_file_read(fd, path, got, sizeof got, &n, &t->err));
    assert_int_equal(n, 0);
    os_file_close(fd);
    assert_rc(t, os_file_open(place_path(&p, "no"), OS_OPEN_READ, &fd, &t->err), SLP_NOT_FOUND);
    assert_err_has(t, "no such file or directory");
    place_drop(&p);
}

static void ranges_agree_with_a_plain_copy(void **state)
{
    struct t *t = *state;
    struct place p;
    static uint8_t body[100000];
    static uint8_t got[400000];
    int fd = -1;
    place_make(&p);
    const char *path = place_path(&p, "f");
    for (size_t i = 0; i < sizeof body; i++)
        body[i] = (uint8_t)t_random(t);
    assert_ok(t, os_file_open(path, OS_OPEN_READ | OS_OPEN_WRITE | OS_OPEN_NEW, &fd, &t->err));
    assert_ok(t, os_file_write(fd, path, body, sizeof body, &t->err));
    for (int round = 0; round < 100; round++) {
        struct io_range ranges[150];
        struct os_read_counts counts = {0};
        size_t count = (size_t)t_below(t, 150);
        uint64_t at = 0;
        uint8_t *dst = got;
        for (size_t i = 0; i < count; i++) {
            uint64_t step = t_below(t, 10) ? t_below(t, 200) : t_below(t, 9000);
            size_t len = t_below(t, 5) ? (size_t)t_below(t, 1000) : 0;
            at = at + step + len > sizeof body ? 0 : at + step;
            ranges[i] = (struct io_range){at, len, dst};
            at += len;
            dst += len;
        }
        assert_ok(t, os_file_read_ranges(fd, path, ranges, count, &counts, &t->err));
        assert_true(counts.reads <= count);
        for (size_t i = 0; i < count; i++)
            assert_true(ranges[i].len == 0 ||
                        memcmp(ranges[i].dst, body + ranges[i].offset, ranges[i].len) == 0);
    }
    os_file_close(fd);
    place_drop(&p);
}

static void an_unnamed_file_gets_a_free_name_only(void **state)
{
    struct t *t = *state;
    struct place p;
    int one = -1;
    place_make(&p);
    assert_ok(t, os_file_open_unnamed(p.path, &one, &t->err));
    assert_ok(t, os_file_write(one, "unnamed", "x", 1, &t->err));
    place_write(&p, "taken", "y");
    assert_rc(t, os_file_name_unnamed(one, place_path(&p, "taken"), &t->err), SLP_EXISTS);
    assert_rc(t, os_file_name_unnamed(one, place_path(&p, "no/x"), &t->err), SLP_NOT_FOUND);
    assert_ok(t, os_file_name_unnamed(one, place_path(&p, "free"), &t->err));
    assert_true(os_file_exists(place_path(&p, "free")));
    os_file_close(one);
    assert_rc(t, os_file_open_unnamed(place_path(&p, "no"), &one, &t->err), SLP_NOT_FOUND);
    place_drop(&p);
}

static void names_are_linked_replaced_and_removed(void **state)
{
    struct t *t = *state;
    struct place p;
    char a[300];
    char b[300];
    struct os_stat info;
    place_make(&p);
    place_write(&p, "a", "1");
    (void)snprintf(a, sizeof a, "%s/a", p.path);
    (void)snprintf(b, sizeof b, "%s/b", p.path);
    assert_ok(t, os_file_link(a, b, &t->err));
    assert_rc(t, os_file_link(a, b, &t->err), SLP_EXISTS);
    assert_ok(t, os_file_stat(a, &info, &t->err));
    assert_int_equal(info.links, 2);
    place_write(&p, "c", "22");
    assert_ok(t, os_file_rename(place_path(&p, "c"), b, &t->err));
    assert_ok(t, os_file_stat(b, &info, &t->err));
    assert_int_equal(info.size, 2);
    assert_ok(t, os_file_remove(b, &t->err));
    assert_rc(t, os_file_remove(b, &t->err), SLP_NOT_FOUND);
    os_file_drop(b);
    assert_rc(t, os_file_stat(b, &info, &t->err), SLP_NOT_FOUND);
    place_drop(&p);
}

static void a_lock_that_is_held_is_unavailable(void **state)
{
    struct t *t = *state;
    struct place p;
    int one = -1;
    int two = -1;
    place_make(&p);
    const char *path = place_path(&p, "l");
    unsigned how = OS_OPEN_READ | OS_OPEN_WRITE | OS_OPEN_CREATE;
    assert_ok(t, os_file_open(path, how, &one, &t->err));
    assert_ok(t, os_file_open(path, how, &two, &t->err));
    assert_ok(t, os_file_lock(one, path, 0, &t->err));
    assert_rc(t, os_file_lock(two, path, 2, &t->err), SLP_UNAVAILABLE);
    assert_err_has(t, "another process kept it");
    os_file_close(one);
    assert_ok(t, os_file_lock(two, path, 0, &t->err));
    os_file_close(two);
    place_drop(&p);
}

static slp_rc count_entry(void *arg, const struct os_folder_entry *e, struct slp_err *err)
{
    int *counts = arg;
    counts[0] += e->is_file;
    counts[1] += e->is_folder;
    counts[2] += e->name[0] == 'l';
    if (strcmp(e->name, "stop") == 0)
        FAIL(err, CANCELLED, "enough");
    return SLP_OK;
}

static void folders_are_made_and_read(void **state)
{
    struct t *t = *state;
    struct place p;
    int counts[3] = {0};
    place_make(&p);
    assert_ok(t, os_folder_make_all(place_path(&p, "a/b/c"), true, &t->err));
    assert_ok(t, os_folder_make_all(place_path(&p, "a/b/c"), false, &t->err));
    place_write(&p, "f", "");
    assert_rc(t, os_folder_make_all(place_path(&p, "f/g"), true, &t->err), SLP_EXISTS);
    assert_rc(t, os_folder_make_all(place_path(&p, "f"), true, &t->err), SLP_EXISTS);
    assert_int_equal(symlink("f", place_path(&p, "link")), 0);
    assert_int_equal(symlink("a", place_path(&p, "linked")), 0);
    assert_int_equal(symlink("nowhere", place_path(&p, "lost")), 0);
    assert_ok(t, os_folder_each(p.path, count_entry, counts, &t->err));
    assert_int_equal(counts[0], 2);
    assert_int_equal(counts[1], 2);
    assert_int_equal(counts[2], 2);
    place_write(&p, "stop", "");
    assert_rc(t, os_folder_each(p.path, count_entry, counts, &t->err), SLP_CANCELLED);
    assert_rc(t, os_folder_each(place_path(&p, "no"), count_entry, counts, &t->err), SLP_NOT_FOUND);
    assert_ok(t, os_folder_sync(p.path, &t->err));
    assert_true(*os_folder_temporary() != '\0');
    place_drop(&p);
}

T_MAIN(T_TEST(codes_say_what_a_caller_can_do), T_TEST(paths_are_joined_and_cut),
       T_TEST(what_was_written_is_read), T_TEST(ranges_agree_with_a_plain_copy),
       T_TEST(an_unnamed_file_gets_a_free_name_only), T_TEST(names_are_linked_replaced_and_removed),
       T_TEST(a_lock_that_is_held_is_unavailable), T_TEST(folders_are_made_and_read))
