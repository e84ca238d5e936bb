/*
 * Several processes on one folder at once: one winner a name, listings that lose nothing, no
 * update of a replaced object lost.
 */
#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "lib/place.h"
#include "store/store.h"

#define PROCESSES 16
#define NAMES     40

/* Shared by parent and children. */
struct board {
    int go;
    int won[NAMES];
    int failed;
};

static struct board *board_new(void)
{
    void *room =
        mmap(NULL, sizeof(struct board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(room != MAP_FAILED);
    return room;
}

static void add(int *counter)
{
    (void)__atomic_fetch_add(counter, 1, __ATOMIC_SEQ_CST);
}

typedef void (*racer_fn)(struct store *s, struct board *board, int who);

static void race(struct t *t, const char *path, struct board *board, int processes, racer_fn racer)
{
    pid_t children[PROCESSES];
    assert_true(processes <= PROCESSES);
    for (int who = 0; who < processes; who++) {
        children[who] = fork();
        assert_true(children[who] >= 0);
        if (children[who] == 0) {
            struct store *s = NULL;
            if (store_folder_open(alloc_system(), path, false, &s, NULL) != SLP_OK)
                _exit(1);
            while (!__atomic_load_n(&board->go, __ATOMIC_SEQ_CST))
                (void)sched_yield();
            racer(s, board, who);
            store_close(s);
            _exit(0);
        }
    }
    add(&board->go);
    for (int who = 0; who < processes; who++) {
        int status = 0;
        assert_int_equal(waitpid(children[who], &status, 0), children[who]);
        assert_int_equal(status, 0);
    }
    assert_int_equal(board->failed, 0);
    (void)t;
}

static void create_all(struct store *s, struct board *board, int who)
{
    for (int i = 0; i < NAMES; i++) {
        char name[32];
        char body[32];
        (void)snprintf(name, sizeof name, "t/%d/log/%d", i % 3, i);
        (void)snprintf(body, sizeof body, "%d", who);
        slp_rc rc = store_put_if_absent(s, slice_str(name), slice_str(body), NULL);
        if (rc == SLP_OK)
            add(&board->won[i]);
        else if (rc != SLP_CONFLICT)
            add(&board->failed);
    }
}

static void of_sixteen_creators_one_wins_each_name(void **state)
{
    struct t *t = *state;
    struct place p;
    struct board *board = board_new();
    place_make(&p);
    race(t, p.path, board, PROCESSES, create_all);
    for (int i = 0; i < NAMES; i++)
        assert_int_equal(board->won[i], 1);
    place_drop(&p);
    assert_int_equal(munmap(board, sizeof *board), 0);
}

/* Add one to a number in an object, ten times. */
static void increment(struct store *s, struct board *board, int who)
{
    struct buf out;
    buf_init(&out, alloc_system(), 100);
    (void)who;
    for (int done = 0; done < 10;) {
        char body[16];
        struct store_request r = {
            .verb = STORE_GET, .name = slice_str("t/1/floor"), .len = UINT64_MAX, .out = &out};
        if (store_submit(s, &r, 1, NULL) != SLP_OK || r.rc != SLP_OK) {
            add(&board->failed);
            break;
        }
        memcpy(body, out.ptr, out.len);
        body[out.len] = '\0';
        (void)snprintf(body, sizeof body, "%d", atoi(body) + 1);
        slp_rc rc = store_put_if_match(s, r.name, slice_str(body), r.tag, NULL, NULL);
        done += rc == SLP_OK;
        if (rc != SLP_OK && rc != SLP_CONFLICT)
            add(&board->failed);
    }
    buf_fini(&out);
}

static void no_increment_of_a_replaced_object_is_lost(void **state)
{
    struct t *t = *state;
    struct place p;
    struct store *s = NULL;
    struct buf out;
    struct board *board = board_new();
    place_make(&p);
    buf_init(&out, &t->mem, 100);
    assert_ok(t, store_folder_open(&t->mem, p.path, false, &s, &t->err));
    assert_ok(t, store_put_if_absent(s, slice_str("t/1/floor"), slice_str("0"), &t->err));
    race(t, p.path, board, 4, increment);
    assert_ok(t, store_get(s, slice_str("t/1/floor"), &out, &t->err));
    assert_true(slice_is(buf_slice(&out), "40"));
    store_close(s);
    buf_fini(&out);
    place_drop(&p);
    assert_int_equal(munmap(board, sizeof *board), 0);
}

/* Who is 0 lists; the others create and delete around 50 objects that stay. */
static void list_or_disturb(struct store *s, struct board *board, int who)
{
    for (int round = 0; round < 30; round++) {
        struct arena arena;
        struct store_item *items = NULL;
        size_t count = 0;
        size_t stayed = 0;
        char name[32];
        if (who) {
            (void)snprintf(name, sizeof name, "d/%d-%d", who * 10 + round % 5, round);
            if (store_put_if_absent(s, slice_str(name), slice_str("x"), NULL) != SLP_OK ||
                store_delete(s, slice_str(name), NULL) != SLP_OK)
                add(&board->failed);
            continue;
        }
        arena_init(&arena, alloc_system(), 1 << 20);
        if (store_list(s, slice_str("d/"), slice_str(""), 0, &arena, &items, &count, NULL) !=
            SLP_OK)
            add(&board->failed);
        for (size_t i = 0; i < count; i++)
            stayed += slice_starts_with(items[i].name, slice_str("d/stays"));
        if (stayed != 50)
            add(&board->failed);
        arena_fini(&arena);
    }
}

static void a_listing_sees_all_that_was_there_throughout(void **state)
{
    struct t *t = *state;
    struct place p;
    struct board *board = board_new();
    place_make(&p);
    place_make_folder(&p, "d");
    for (int i = 0; i < 50; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "d/stays%d", i);
        place_write(&p, name, "x");
    }
    race(t, p.path, board, 5, list_or_disturb);
    place_drop(&p);
    assert_int_equal(munmap(board, sizeof *board), 0);
}

T_MAIN(T_TEST(of_sixteen_creators_one_wins_each_name),
       T_TEST(no_increment_of_a_replaced_object_is_lost),
       T_TEST(a_listing_sees_all_that_was_there_throughout))
