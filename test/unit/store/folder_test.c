/*
 * What is the folder store's alone: how much it syncs, what lies on the disk, permissions, full
 * disks, failing syncs, large folders. Cases that need a kernel that refuses something run in a
 * child with a seccomp filter: the code that is tried is the code that runs.
 */
#include "store/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "lib/place.h"

static struct slice text(const char *s)
{
    return slice_str(s);
}

static struct store *open_place(struct t *t, struct place *p)
{
    struct store *s = NULL;
    assert_ok(t, store_folder_open(&t->mem, p->path, false, &s, &t->err));
    return s;
}

static uint64_t syncs_of_put(struct t *t, struct store *s, const char *name)
{
    uint64_t before = store_counts_read(s).syncs;
    slp_rc rc = store_put_if_absent(s, text(name), text("x"), &t->err);
    assert_true(rc == SLP_OK || rc == SLP_CONFLICT);
    return store_counts_read(s).syncs - before;
}

static void syncs_are_those_of_the_format_page(void **state)
{
    struct t *t = *state;
    struct place p;
    struct source *src = NULL;
    place_make(&p);
    struct store *s = open_place(t, &p);
    assert_int_equal(syncs_of_put(t, s, "sleeper.json"), 2);
    assert_int_equal(syncs_of_put(t, s, "t/7/log/1"), 5);
    assert_int_equal(syncs_of_put(t, s, "t/7/log/2"), 2);
    assert_int_equal(syncs_of_put(t, s, "t/7/log/2"), 0);
    assert_int_equal(syncs_of_put(t, s, "t/7/data/3f/a"), 4);
    assert_int_equal(syncs_of_put(t, s, "t/7/data/40/a"), 3);
    assert_int_equal(syncs_of_put(t, s, "t/7/data/3f/b"), 2);
    uint64_t before = store_counts_read(s).syncs;
    assert_ok(t, store_delete(s, text("t/7/log/2"), &t->err));
    assert_ok(t, store_open(s, text("t/7/log/1"), &t->mem, &src, &t->err));
    source_close(src);
    struct store_request fleeting = {.verb = STORE_PUT_IF_ABSENT,
                                     .name = text("t/7/inbox/1"),
                                     .body = text("x"),
                                     .is_fleeting = true};
    assert_ok(t, store_submit(s, &fleeting, 1, &t->err));
    assert_ok(t, store_wait(s, &fleeting, 1, NULL, &t->err));
    assert_int_equal(fleeting.rc, SLP_OK);
    assert_int_equal(store_counts_read(s).syncs, before);
    store_folder_set_sync(s, false);
    assert_int_equal(syncs_of_put(t, s, "u/1"), 0);
    store_close(s);
    /* Another handle cannot know that the folders above are durable. */
    s = open_place(t, &p);
    assert_int_equal(syncs_of_put(t, s, "t/7/log/3"), 5);
    store_close(s);
    place_drop(&p);
}

static void a_streamed_object_costs_two_syncs(void **state)
{
    struct t *t = *state;
    struct place p;
    struct store_put *put = NULL;
    place_make(&p);
    struct store *s = open_place(t, &p);
    assert_ok(t, store_put_open(s, text("one"), &t->mem, &put, &t->err));
    assert_ok(t, sink_write(put->sink, "abc", 3, &t->err));
    assert_ok(t, store_put_commit(put, &t->err));
    assert_int_equal(store_counts_read(s).syncs, 2);
    assert_int_equal(store_counts_read(s).requests[STORE_PUT_IF_ABSENT], 1);
    store_close(s);
    place_drop(&p);
}

static void close_ranges_are_one_read(void **state)
{
    struct t *t = *state;
    struct place p;
    struct source *src = NULL;
    uint8_t body[20000];
    uint8_t got[64];
    place_make(&p);
    struct store *s = open_place(t, &p);
    for (size_t i = 0; i < sizeof body; i++)
        body[i] = (uint8_t)(i * 7 + i / 256);
    assert_ok(t, store_put_if_absent(s, text("o"), slice_of(body, sizeof body), &t->err));
    assert_ok(t, store_open(s, text("o"), &t->mem, &src, &t->err));
    struct io_range want[] = {{0, 8, got},         {8, 8, got + 8},    {4112, 8, got + 16},
                              {8217, 8, got + 24}, {100, 8, got + 32}, {19992, 8, got + 40}};
    assert_ok(t, source_read(src, want, 6, &t->err));
    for (size_t i = 0; i < 6; i++)
        assert_memory_equal(got + 8 * i, body + want[i].offset, 8);
    struct store_counts counts = store_counts_read(s);
    assert_int_equal(counts.requests[STORE_GET], 4);
    assert_int_equal(counts.bytes_in, 4120 + 3 * 8);
    assert_int_equal(counts.rounds, 2);
    source_close(src);
    store_close(s);
    place_drop(&p);
}

static void opening_says_what_is_wrong_with_a_folder(void **state)
{
    struct t *t = *state;
    struct place p;
    struct store *s = NULL;
    place_make(&p);
    assert_rc(t, store_folder_open(&t->mem, place_path(&p, "no"), false, &s, &t->err),
              SLP_NOT_FOUND);
    assert_err_has(t, "there is no folder");
    place_write(&p, "file", "x");
    assert_rc(t, store_folder_open(&t->mem, place_path(&p, "file"), true, &s, &t->err),
              SLP_INVALID);
    assert_err_has(t, "is a file");
    assert_rc(t, store_folder_open(&t->mem, "", true, &s, &t->err), SLP_INVALID);
    assert_ok(t, store_folder_open(&t->mem, place_path(&p, "a/b/c//"), true, &s, &t->err));
    assert_ok(t, store_put_if_absent(s, text("o"), text("x"), &t->err));
    assert_true(access(place_path(&p, "a/b/c/o"), F_OK) == 0);
    assert_rc(t, store_put_if_absent(s, text("o/p"), text("x"), &t->err), SLP_INVALID);
    assert_err_has(t, "nothing can lie below it");
    store_close(s);
    place_drop(&p);
}

static void names_of_the_stores_own_are_hidden_and_swept(void **state)
{
    struct t *t = *state;
    struct place p;
    struct arena arena;
    struct store_item *items = NULL;
    size_t count = 0;
    uint64_t removed = 0;
    arena_init(&arena, &t->mem, 1 << 20);
    place_make(&p);
    struct store *s = open_place(t, &p);
    assert_ok(t, store_put_if_absent(s, text("t/a"), text("x"), &t->err));
    place_write(&p, "t/.tmp-1234", "left");
    place_write(&p, ".tmp-5678", "left");
    place_write(&p, ".lock", "");
    place_make_folder(&p, ".hidden");
    place_write(&p, ".hidden/o", "");
    assert_ok(t, store_list(s, text(""), text(""), 0, &arena, &items, &count, &t->err));
    assert_int_equal(count, 1);
    assert_ok(t, store_folder_sweep(s, store_now_us(s) - 3600000000, &removed, &t->err));
    assert_int_equal(removed, 0);
    assert_ok(t, store_folder_sweep(s, store_now_us(s) + 3600000000, &removed, &t->err));
    assert_int_equal(removed, 2);
    assert_true(access(place_path(&p, "t/.tmp-1234"), F_OK) != 0);
    assert_true(access(place_path(&p, ".lock"), F_OK) == 0);
    assert_true(access(place_path(&p, "t/a"), F_OK) == 0);
    store_close(s);
    place_drop(&p);
    arena_fini(&arena);
}

static void a_large_folder_is_listed_in_pages(void **state)
{
    struct t *t = *state;
    struct place p;
    struct arena arena;
    place_make(&p);
    struct store *s = open_place(t, &p);
    for (int i = 0; i < 2500; i++) {
        char name[40];
        (void)snprintf(name, sizeof name, "%05d%s", i * 7919 % 2500, i % 5 ? "" : ".d");
        if (i % 5)
            place_write(&p, name, "");
        else
            place_make_folder(&p, name);
    }
    /* 1,030 empty folders before everything: the first page holds nothing that is listed. */
    for (int i = 0; i < 1030; i++) {
        char name[40];
        (void)snprintf(name, sizeof name, "!%d", i);
        place_make_folder(&p, name);
    }
    char after[64] = "";
    size_t seen = 0;
    for (;;) {
        struct store_item *items = NULL;
        size_t count = 0;
        arena_init(&arena, &t->mem, 1 << 20);
        assert_ok(t, store_list(s, text(""), text(after), 900, &arena, &items, &count, &t->err));
        for (size_t i = 0; i < count; i++) {
            assert_true(slice_compare(items[i].name, text(after)) > 0);
            (void)snprintf(after, sizeof after, "%.*s", SLICE_ARG(items[i].name));
        }
        seen += count;
        arena_fini(&arena);
        if (count < 900)
            break;
    }
    assert_int_equal(seen, 2000);
    store_close(s);
    place_drop(&p);
}

/* Run in a child, as `claims` asks; its exit says whether all held. */
static void in_child(void (*claims)(const char *path), const char *path)
{
    int status = 0;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        claims(path);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* In a child there is no cmocka to tell: the line is the exit status. */
#define CLAIM(x)                                                                                   \
    do {                                                                                           \
        if (!(x)) {                                                                                \
            (void)fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #x);                  \
            _exit(1);                                                                              \
        }                                                                                          \
    } while (0)

static struct store *child_open(const char *path)
{
    struct store *s = NULL;
    CLAIM(store_folder_open(alloc_system(), path, false, &s, NULL) == SLP_OK);
    return s;
}

/* From now on this process's `call` fails with `code`, if its argument `arg` has all of `bits`. */
static void refuse(int call, int arg, uint32_t bits, uint32_t code)
{
    struct sock_filter code_of[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)call, 0, 4),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                 (uint32_t)(offsetof(struct seccomp_data, args) + 8 * (size_t)arg)),
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, bits),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, bits, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | code),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = sizeof code_of / sizeof *code_of, .filter = code_of};
    CLAIM(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    CLAIM(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
}

static void all_is_unknown(struct store *s, struct source *src)
{
    struct slp_err err = {0};
    struct buf out;
    struct source *other = NULL;
    struct store_put *put = NULL;
    uint8_t got[1];
    struct io_range range = {0, 1, got};
    buf_init(&out, alloc_system(), 100);
    CLAIM(store_get(s, text("before"), &out, &err) == SLP_UNKNOWN);
    CLAIM(strstr(err.text, "end this process"));
    CLAIM(store_put_if_absent(s, text("other"), text("x"), &err) == SLP_UNKNOWN);
    CLAIM(store_delete(s, text("before"), &err) == SLP_UNKNOWN);
    CLAIM(store_open(s, text("before"), alloc_system(), &other, &err) == SLP_UNKNOWN);
    CLAIM(store_put_open(s, text("more"), alloc_system(), &put, &err) == SLP_UNKNOWN);
    CLAIM(source_read(src, &range, 1, &err) == SLP_UNKNOWN);
}

static void file_sync_fails(const char *path)
{
    struct slp_err err = {0};
    struct source *src = NULL;
    struct store *s = child_open(path);
    CLAIM(store_open(s, text("before"), alloc_system(), &src, NULL) == SLP_OK);
    refuse(__NR_fdatasync, 0, 0, EIO);
    CLAIM(store_put_if_absent(s, text("new"), text("x"), &err) == SLP_UNKNOWN);
    CLAIM(strstr(err.text, "outcome of a write is unknown"));
    CLAIM(strstr(err.text, "\"new\""));
    all_is_unknown(s, src);
}

static void folder_sync_fails(const char *path)
{
    struct slp_err err = {0};
    struct source *src = NULL;
    struct store_put *put = NULL;
    struct store *s = child_open(path);
    CLAIM(store_open(s, text("before"), alloc_system(), &src, NULL) == SLP_OK);
    CLAIM(store_put_open(s, text("streamed"), alloc_system(), &put, NULL) == SLP_OK);
    refuse(__NR_fsync, 0, 0, EIO);
    CLAIM(store_put_commit(put, &err) == SLP_UNKNOWN);
    CLAIM(strstr(err.text, "look before repeating"));
    all_is_unknown(s, src);
}

static void a_failed_sync_is_unknown_and_ends_the_handle(void **state)
{
    struct t *t = *state;
    struct place p;
    place_make(&p);
    struct store *s = open_place(t, &p);
    assert_ok(t, store_put_if_absent(s, text("before"), text("b"), &t->err));
    in_child(file_sync_fails, p.path);
    in_child(folder_sync_fails, p.path);
    /* The sync of the file comes before the link, that of the folder after it. */
    assert_true(access(place_path(&p, "new"), F_OK) != 0);
    assert_true(access(place_path(&p, "streamed"), F_OK) == 0);
    store_close(s);
    place_drop(&p);
}

static void link_fails(const char *path, uint32_t code, slp_rc expected)
{
    struct slp_err err = {0};
    struct store_put *put = NULL;
    struct store *s = child_open(path);
    CLAIM(store_put_open(s, text("linked"), alloc_system(), &put, NULL) == SLP_OK);
    refuse(__NR_linkat, 0, 0, code);
    CLAIM(store_put_commit(put, &err) == expected);
    CLAIM(strstr(err.text, "\"linked\""));
    CLAIM(store_put_if_absent(s, text("other"), text("x"), &err) == expected);
}

static void link_is_not_answered(const char *path)
{
    link_fails(path, EIO, SLP_UNKNOWN);
}

static void link_finds_no_room(const char *path)
{
    link_fails(path, ENOSPC, SLP_LIMIT);
}

static void rename_is_not_answered(const char *path)
{
    struct slp_err err = {0};
    struct store_tag tag;
    struct store *s = child_open(path);
    CLAIM(store_put_if_match(s, text("f"), text("1"), (struct store_tag){0}, &tag, NULL) == SLP_OK);
    refuse(__NR_rename, 0, 0, EIO);
    CLAIM(store_put_if_match(s, text("f"), text("2"), tag, &tag, &err) == SLP_UNKNOWN);
    CLAIM(store_put_if_absent(s, text("other"), text("x"), &err) == SLP_UNKNOWN);
}

static void a_link_that_is_not_answered_is_unknown_and_one_that_is_refused_is_not(void **state)
{
    struct t *t = *state;
    struct place p;
    place_make(&p);
    store_close(open_place(t, &p));
    in_child(link_is_not_answered, p.path);
    in_child(link_finds_no_room, p.path);
    in_child(rename_is_not_answered, p.path);
    place_drop(&p);
}

static void without_unnamed_files(const char *path)
{
    struct store_tag tag;
    struct store_put *put = NULL;
    struct store *s = child_open(path);
    refuse(__NR_openat, 2, O_TMPFILE & ~O_DIRECTORY, EOPNOTSUPP);
    CLAIM(store_put_if_absent(s, text("a/b"), text("one"), NULL) == SLP_OK);
    CLAIM(store_put_if_absent(s, text("a/b"), text("two"), NULL) == SLP_CONFLICT);
    CLAIM(store_put_open(s, text("a/c"), alloc_system(), &put, NULL) == SLP_OK);
    CLAIM(store_put_open(s, text("a/d"), alloc_system(), &put, NULL) == SLP_OK);
    CLAIM(sink_write(put->sink, "three", 5, NULL) == SLP_OK);
    CLAIM(store_put_commit(put, NULL) == SLP_OK);
    CLAIM(store_put_if_match(s, text("f"), text("x"), (struct store_tag){0}, &tag, NULL) == SLP_OK);
    CLAIM(store_put_if_match(s, text("f"), text("y"), tag, &tag, NULL) == SLP_OK);
}

static void temporary_names_serve_where_there_are_no_unnamed_files(void **state)
{
    struct t *t = *state;
    struct place p;
    struct buf out;
    uint64_t removed = 0;
    place_make(&p);
    in_child(without_unnamed_files, p.path);
    struct store *s = open_place(t, &p);
    buf_init(&out, &t->mem, 100);
    assert_ok(t, store_get(s, text("a/b"), &out, &t->err));
    assert_true(slice_is(buf_slice(&out), "one"));
    assert_ok(t, store_get(s, text("a/d"), &out, &t->err));
    assert_true(slice_is(buf_slice(&out), "three"));
    assert_ok(t, store_get(s, text("f"), &out, &t->err));
    assert_true(slice_is(buf_slice(&out), "y"));
    /* All names but that of the write which was never finished are gone. */
    assert_ok(t, store_folder_sweep(s, INT64_MAX, &removed, &t->err));
    assert_int_equal(removed, 1);
    buf_fini(&out);
    store_close(s);
    place_drop(&p);
}

static void without_links(const char *path)
{
    struct slp_err err = {0};
    struct buf out;
    struct store *s = child_open(path);
    refuse(__NR_linkat, 0, 0, EPERM);
#ifdef __NR_link
    refuse(__NR_link, 0, 0, EPERM);
#endif
    buf_init(&out, alloc_system(), 100);
    CLAIM(store_put_if_absent(s, text("new"), text("x"), &err) == SLP_UNSUPPORTED);
    CLAIM(strstr(err.text, "links that never replace"));
    CLAIM(store_get(s, text("before"), &out, &err) == SLP_OK);
}

static void a_file_system_without_links_is_refused_for_writing(void **state)
{
    struct t *t = *state;
    struct place p;
    place_make(&p);
    struct store *s = open_place(t, &p);
    assert_ok(t, store_put_if_absent(s, text("before"), text("b"), &t->err));
    in_child(without_links, p.path);
    store_close(s);
    place_drop(&p);
}

static void as_nobody(const char *path)
{
    struct slp_err err = {0};
    struct arena arena;
    struct store_item *items = NULL;
    size_t count = 0;
    struct buf out;
    struct store *s = NULL;
    if (geteuid() == 0)
        CLAIM(setgid(65534) == 0 && setuid(65534) == 0);
    arena_init(&arena, alloc_system(), 1 << 20);
    buf_init(&out, alloc_system(), 100);
    s = child_open(path);
    CLAIM(store_get(s, text("open"), &out, &err) == SLP_OK);
    CLAIM(store_get(s, text("shut"), &out, &err) == SLP_DENIED);
    CLAIM(strstr(err.text, "\"shut\""));
    CLAIM(store_put_if_absent(s, text("new"), text("x"), &err) == SLP_DENIED);
    CLAIM(strstr(err.text, "permission denied"));
    CLAIM(store_delete(s, text("open"), &err) == SLP_DENIED);
    CLAIM(store_list(s, text(""), text(""), 0, &arena, &items, &count, &err) == SLP_DENIED);
    CLAIM(store_list(s, text("o"), text(""), 0, &arena, &items, &count, &err) == SLP_OK);
    CLAIM(count == 1);
}

static void without_permission_reading_goes_on_and_writing_is_denied(void **state)
{
    struct t *t = *state;
    struct place p;
    place_make(&p);
    struct store *s = open_place(t, &p);
    assert_ok(t, store_put_if_absent(s, text("open"), text("x"), &t->err));
    assert_ok(t, store_put_if_absent(s, text("shut"), text("x"), &t->err));
    assert_ok(t, store_put_if_absent(s, text("closed/o"), text("x"), &t->err));
    assert_int_equal(chmod(place_path(&p, "shut"), 0), 0);
    assert_int_equal(chmod(place_path(&p, "closed"), 0), 0);
    assert_int_equal(chmod(p.path, 0555), 0);
    in_child(as_nobody, p.path);
    assert_int_equal(chmod(p.path, 0755), 0);
    assert_int_equal(chmod(place_path(&p, "closed"), 0755), 0);
    store_close(s);
    place_drop(&p);
}

static void a_full_device_is_a_limit_and_leaves_nothing(void **state)
{
    struct t *t = *state;
    struct place p;
    struct store_put *put = NULL;
    struct arena arena;
    struct store_item *items = NULL;
    size_t count = 0;
    uint8_t chunk[64 * 1024] = {1};
    place_make(&p);
    place_make_folder(&p, "small");
    if (mount("tmpfs", place_path(&p, "small"), "tmpfs", 0, "size=1m") != 0) {
        place_drop(&p);
        print_message("mounting a tmpfs is not permitted here\n");
        skip();
    }
    struct store *s = NULL;
    arena_init(&arena, &t->mem, 1 << 20);
    assert_ok(t, store_folder_open(&t->mem, place_path(&p, "small"), false, &s, &t->err));
    assert_ok(t, store_put_open(s, text("big"), &t->mem, &put, &t->err));
    slp_rc rc = SLP_OK;
    for (int i = 0; i < 64 && rc == SLP_OK; i++)
        rc = sink_write(put->sink, chunk, sizeof chunk, &t->err);
    assert_rc(t, rc, SLP_LIMIT);
    assert_err_has(t, "no space left on device");
    store_put_abort(put);
    assert_ok(t, store_list(s, text(""), text(""), 0, &arena, &items, &count, &t->err));
    assert_int_equal(count, 0);
    assert_ok(t, store_put_if_absent(s, text("fits"), slice_of(chunk, sizeof chunk), &t->err));
    store_close(s);
    assert_int_equal(umount(place_path(&p, "small")), 0);
    place_drop(&p);
    arena_fini(&arena);
}

static void the_lock_file_stays_and_is_free_after_each_write(void **state)
{
    struct t *t = *state;
    struct place p;
    struct store_tag tag;
    place_make(&p);
    struct store *s = open_place(t, &p);
    assert_ok(t, store_put_if_match(s, text("f"), text("1"), (struct store_tag){0}, &tag, &t->err));
    assert_ok(t, store_put_if_match(s, text("f"), text("2"), tag, &tag, &t->err));
    assert_true(access(place_path(&p, ".lock"), F_OK) == 0);
    assert_ok(t, store_put_if_match(s, text("f"), text("3"), tag, &tag, &t->err));
    store_close(s);
    place_drop(&p);
}

T_MAIN(T_TEST(syncs_are_those_of_the_format_page), T_TEST(a_streamed_object_costs_two_syncs),
       T_TEST(close_ranges_are_one_read), T_TEST(opening_says_what_is_wrong_with_a_folder),
       T_TEST(names_of_the_stores_own_are_hidden_and_swept),
       T_TEST(a_large_folder_is_listed_in_pages),
       T_TEST(a_failed_sync_is_unknown_and_ends_the_handle),
       T_TEST(a_link_that_is_not_answered_is_unknown_and_one_that_is_refused_is_not),
       T_TEST(temporary_names_serve_where_there_are_no_unnamed_files),
       T_TEST(a_file_system_without_links_is_refused_for_writing),
       T_TEST(without_permission_reading_goes_on_and_writing_is_denied),
       T_TEST(a_full_device_is_a_limit_and_leaves_nothing),
       T_TEST(the_lock_file_stays_and_is_free_after_each_write))
