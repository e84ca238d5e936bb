/* rooms: store os base */
/*
 * A writer killed at random moments: what is listed is whole, always; nothing else is left but what
 * a sweep removes; and the next writer goes on.
 */
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "base/hash.h"
#include "lib/place.h"
#include "store/folder.h"

#define KILLS    60
#define BODY_MAX 400000u

/* An object's name is the hash of its body, so that each can be judged alone. */
static void write_for_ever(const char *path, uint64_t seed)
{
    struct t random = {.random = seed};
    struct store *s = NULL;
    uint8_t *body = malloc(BODY_MAX);
    struct store_tag tag = {0};
    if (!body || store_folder_open(alloc_system(), path, false, &s, NULL) != SLP_OK)
        _exit(1);
    for (uint64_t round = 0;; round++) {
        char digits[33];
        char name[80];
        struct store_put *put = NULL;
        size_t n = (size_t)t_below(&random, BODY_MAX);
        memset(body, (int)t_below(&random, 256), n);
        if (n >= 8)
            memcpy(body, &random.random, 8);
        hash_format(hash_xxh128(slice_of(body, n)), digits);
        (void)snprintf(name, sizeof name, "t/%c/%s", digits[0], digits);
        if (round % 3 == 0) {
            if (store_put_open(s, slice_str(name), alloc_system(), &put, NULL) != SLP_OK ||
                sink_write(put->sink, body, n / 2, NULL) != SLP_OK ||
                sink_write(put->sink, body + n / 2, n - n / 2, NULL) != SLP_OK ||
                store_put_commit(put, NULL) != SLP_OK)
                _exit(1);
        } else if (store_put_if_absent(s, slice_str(name), slice_of(body, n), NULL) != SLP_OK) {
            _exit(1);
        }
        if (round == 0 &&
            store_put_if_match(s, slice_str(digits), slice_of(body, n), tag, &tag, NULL) != SLP_OK)
            _exit(1);
    }
}

/* Every object has the bytes its name tells. Returns how many there are. */
static size_t judge(struct t *t, const char *path)
{
    struct store *s = NULL;
    struct arena arena;
    struct buf body;
    size_t all = 0;
    size_t count = 0;
    char after[STORE_NAME_MAX + 1] = "";
    buf_init(&body, &t->mem, 1 << 20);
    assert_ok(t, store_folder_open(&t->mem, path, false, &s, &t->err));
    do {
        struct store_item *items = NULL;
        arena_init(&arena, &t->mem, 1 << 20);
        assert_ok(
            t, store_list(s, slice_str(""), slice_str(after), 0, &arena, &items, &count, &t->err));
        for (size_t i = 0; i < count; i++) {
            char digits[33];
            assert_ok(t, store_get(s, items[i].name, &body, &t->err));
            hash_format(hash_xxh128(buf_slice(&body)), digits);
            assert_true(slice_equal(slice_last(items[i].name, 32), slice_str(digits)));
            (void)snprintf(after, sizeof after, "%.*s", SLICE_ARG(items[i].name));
            /* Judged once: it need not be again. */
            assert_ok(t, store_delete(s, items[i].name, &t->err));
        }
        all += count;
        arena_fini(&arena);
    } while (count == STORE_LIST_MAX);
    store_close(s);
    buf_fini(&body);
    return all;
}

static void a_killed_writer_leaves_only_whole_objects(void **state)
{
    struct t *t = *state;
    struct place p;
    size_t seen = 0;
    place_make(&p);
    for (int kill_count = 0; kill_count < KILLS; kill_count++) {
        uint64_t seed = t_random(t);
        int status = 0;
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0)
            write_for_ever(p.path, seed);
        struct timespec pause = {.tv_nsec = (long)t_below(t, 15000000) + 1000000};
        (void)nanosleep(&pause, NULL);
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        seen += judge(t, p.path);
    }
    assert_true(seen > 0);
    struct store *s = NULL;
    uint64_t removed = 0;
    assert_ok(t, store_folder_open(&t->mem, p.path, false, &s, &t->err));
    assert_ok(t, store_folder_sweep(s, INT64_MAX, &removed, &t->err));
    assert_ok(t, store_put_if_absent(s, slice_str("t/next"), slice_str("x"), &t->err));
    store_close(s);
    place_drop(&p);
}

T_MAIN(T_TEST(a_killed_writer_leaves_only_whole_objects))
