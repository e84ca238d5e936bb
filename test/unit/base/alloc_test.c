#include "base/alloc.h"

#include <pthread.h>

#include "lib/t.h"

static void zeroed_bytes_are_zero_and_room_is_not_touched(void **state)
{
    struct t *t = *state;
    static const uint8_t zeros[100];
    void *zeroed = NULL;
    void *room = NULL;
    assert_ok(t, alloc_zeroed(&t->mem, sizeof zeros, &zeroed, &t->err));
    assert_memory_equal(zeroed, zeros, sizeof zeros);
    assert_ok(t, alloc_room(&t->mem, sizeof zeros, &room, &t->err));
    memset(room, 1, sizeof zeros);
    assert_memory_equal(zeroed, zeros, sizeof zeros);
    alloc_free(&t->mem, zeroed, sizeof zeros);
    alloc_free(&t->mem, room, sizeof zeros);
}

static void no_bytes_are_still_something_to_free(void **state)
{
    struct t *t = *state;
    void *zeroed = NULL;
    void *room = NULL;
    assert_ok(t, alloc_zeroed(&t->mem, 0, &zeroed, &t->err));
    assert_ok(t, alloc_room(&t->mem, 0, &room, &t->err));
    assert_non_null(zeroed);
    assert_non_null(room);
    alloc_free(&t->mem, zeroed, 0);
    alloc_free(&t->mem, room, 0);
    alloc_free(&t->mem, NULL, 7);
}

static void what_overflows_is_limit(void **state)
{
    struct t *t = *state;
    void *array = NULL;
    assert_rc(t, alloc_array(&t->mem, SIZE_MAX / 2, 3, &array, &t->err), SLP_LIMIT);
    assert_null(array);
}

static void outputs_are_untouched_at_every_fault(void **state)
{
    struct t *t = *state;
    T_FAULT_LOOP(t) {
        void *zeroed = NULL;
        void *room = NULL;
        slp_rc first = alloc_zeroed(&t->mem, 10, &zeroed, &t->err);
        slp_rc second = alloc_room(&t->mem, 10, &room, &t->err);
        assert_int_equal(first == SLP_OK, zeroed != NULL);
        assert_int_equal(second == SLP_OK, room != NULL);
        assert_int_equal(t->fault_hit, first != SLP_OK || second != SLP_OK);
        alloc_free(&t->mem, zeroed, 10);
        alloc_free(&t->mem, room, 10);
    }
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define REFUSES_BY_ABORT true
#elif defined(__has_feature)
#define REFUSES_BY_ABORT (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#else
#define REFUSES_BY_ABORT false
#endif

#define LARGE ((size_t)1 << 20)

static void *take(size_t bytes)
{
    struct alloc *mem = alloc_system();
    void *ptr = mem->resize(mem, NULL, 0, bytes);
    assert_non_null(ptr);
    memset(ptr, 7, bytes);
    return ptr;
}

static void give(void *ptr, size_t bytes)
{
    (void)alloc_system()->resize(alloc_system(), ptr, bytes, 0);
}

/* Nothing is kept from before. */
static void pool_of(size_t limit)
{
    alloc_pool_large();
    alloc_limit_large(0);
    assert_int_equal(alloc_kept_bytes(), 0);
    alloc_limit_large(limit);
}

static void a_large_block_is_given_out_again(void **state)
{
    (void)state;
    pool_of(64 * LARGE);
    void *first = take(2 * LARGE);
    give(first, 2 * LARGE);
    size_t kept = alloc_kept_bytes();
    assert_in_range(kept, 2 * LARGE, 2 * LARGE + LARGE / 4);
    void *again = take(2 * LARGE - 1000);
    assert_ptr_equal(again, first);
    assert_int_equal(alloc_kept_bytes(), 0);
    give(again, 2 * LARGE - 1000);
    assert_int_equal(alloc_kept_bytes(), kept);
    /* It is far too large for this. */
    void *small = take(LARGE / 2);
    assert_int_equal(alloc_kept_bytes(), kept);
    give(small, LARGE / 2);
}

static void the_smallest_that_fits_is_given(void **state)
{
    (void)state;
    pool_of(64 * LARGE);
    void *wide = take(3 * LARGE);
    void *close = take(2 * LARGE);
    give(wide, 3 * LARGE);
    give(close, 2 * LARGE);
    assert_ptr_equal(take(2 * LARGE), close);
    assert_ptr_equal(take(2 * LARGE), wide);
    assert_int_equal(alloc_kept_bytes(), 0);
    give(close, 2 * LARGE);
    give(wide, 2 * LARGE);
}

static void a_block_that_grows_keeps_its_bytes(void **state)
{
    (void)state;
    struct alloc *mem = alloc_system();
    for (int kept = 0; kept < 2; kept++) {
        pool_of(256 * LARGE);
        uint8_t *p = take(100);
        if (kept) {
            give(take(LARGE), LARGE);
            give(take(3 * LARGE), 3 * LARGE);
        }
        size_t bytes = 100;
        for (size_t next = 1000; next < 40 * LARGE; next = next * 7 / 4) {
            p = mem->resize(mem, p, bytes, next);
            assert_non_null(p);
            assert_int_equal(p[0], 7);
            assert_int_equal(p[bytes - 1], 7);
            memset(p, 7, next);
            bytes = next;
        }
        for (size_t next = bytes / 3; next > 10; next /= 3) {
            p = mem->resize(mem, p, bytes, next);
            assert_non_null(p);
            assert_int_equal(p[0], 7);
            assert_int_equal(p[next - 1], 7);
            bytes = next;
        }
        give(p, bytes);
    }
}

/* A quarter of the limit is kept, and less of it the more is in use. */
static void what_is_kept_stays_within_the_limit(void **state)
{
    (void)state;
    const size_t bytes = 3 * LARGE / 2;
    pool_of(8 * LARGE);
    void *first = take(bytes);
    void *second = take(bytes);
    give(first, bytes);
    size_t kept = alloc_kept_bytes();
    give(second, bytes);
    assert_int_equal(alloc_kept_bytes(), kept);
    assert_ptr_equal(take(bytes), second);
    give(second, bytes);
    void *used = take(7 * LARGE);
    assert_int_equal(alloc_kept_bytes(), 0);
    void *unkept = take(bytes);
    give(unkept, bytes);
    assert_int_equal(alloc_kept_bytes(), 0);
    give(used, 7 * LARGE);
    assert_int_equal(alloc_kept_bytes(), 0);
}

static void a_large_block_that_becomes_small_is_not_in_use(void **state)
{
    (void)state;
    struct alloc *mem = alloc_system();
    pool_of(8 * LARGE);
    for (int i = 0; i < 20; i++) {
        void *p = mem->resize(mem, take(LARGE / 2), LARGE / 2, LARGE / 2 - 1);
        assert_non_null(p);
        give(p, LARGE / 2 - 1);
    }
    give(take(LARGE), LARGE);
    assert_in_range(alloc_kept_bytes(), LARGE, 2 * LARGE);
}

static void a_lower_limit_gives_back_at_once(void **state)
{
    (void)state;
    pool_of(64 * LARGE);
    void *blocks[4];
    for (size_t i = 0; i < 4; i++)
        blocks[i] = take(LARGE);
    for (size_t i = 0; i < 4; i++)
        give(blocks[i], LARGE);
    assert_in_range(alloc_kept_bytes(), 4 * LARGE, 5 * LARGE);
    alloc_limit_large(8 * LARGE);
    assert_in_range(alloc_kept_bytes(), 1, 2 * LARGE);
    alloc_limit_large(LARGE);
    assert_int_equal(alloc_kept_bytes(), 0);
}

#define CREW       4
#define CREW_TURNS 200
#define CREW_HELD  3

/* One thread of those that take, grow, shrink and give blocks, each with bytes of its own. */
struct hand {
    pthread_t thread;
    unsigned number;
    bool is_wrong; /* bytes that were not those written, or no memory */
    bool over;     /* more kept than the highest limit allows */
};

static void fill(struct hand *h, uint8_t *p, size_t bytes)
{
    p[0] = (uint8_t)h->number;
    p[bytes / 2] = (uint8_t)h->number;
    p[bytes - 1] = (uint8_t)h->number;
}

static void look(struct hand *h, const uint8_t *p, size_t bytes)
{
    h->is_wrong = h->is_wrong || p[0] != h->number || p[bytes - 1] != h->number;
}

/* Limits go up and down meanwhile. */
static void *work(void *arg)
{
    struct hand *h = (struct hand *)arg;
    struct alloc *mem = alloc_system();
    uint8_t *held[CREW_HELD] = {NULL};
    size_t bytes[CREW_HELD] = {0};
    uint64_t seed = h->number;
    for (int turn = 0; turn < CREW_TURNS && !h->is_wrong; turn++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        size_t i = (size_t)(seed >> 33) % CREW_HELD;
        size_t next = turn % 4 == 3 ? 0 : LARGE / 4 + (size_t)(seed >> 40) % (2 * LARGE);
        if (held[i])
            look(h, held[i], bytes[i]);
        held[i] = held[i] || next ? mem->resize(mem, held[i], bytes[i], next) : NULL;
        h->is_wrong = h->is_wrong || (next && !held[i]);
        if (held[i] && bytes[i])
            h->is_wrong = h->is_wrong || held[i][0] != h->number;
        bytes[i] = next;
        if (held[i])
            fill(h, held[i], next);
        if (turn % 50 == 0)
            alloc_limit_large((8 + seed % 24) * LARGE);
        h->over = h->over || alloc_kept_bytes() > 8 * LARGE;
    }
    for (size_t i = 0; i < CREW_HELD; i++)
        if (held[i])
            (void)mem->resize(mem, held[i], bytes[i], 0);
    return NULL;
}

static void threads_share_what_is_kept(void **state)
{
    (void)state;
    struct hand hands[CREW] = {{0}};
    pool_of(32 * LARGE);
    for (unsigned i = 0; i < CREW; i++) {
        hands[i].number = i + 1;
        assert_int_equal(pthread_create(&hands[i].thread, NULL, work, &hands[i]), 0);
    }
    for (unsigned i = 0; i < CREW; i++)
        assert_int_equal(pthread_join(hands[i].thread, NULL), 0);
    for (unsigned i = 0; i < CREW; i++) {
        assert_false(hands[i].is_wrong);
        assert_false(hands[i].over);
    }
    /* All was counted back: beside what is in use here there is room to keep something. */
    pool_of(8 * LARGE);
    void *first = take(LARGE);
    void *all = take(5 * LARGE);
    give(first, LARGE);
    assert_in_range(alloc_kept_bytes(), LARGE, 2 * LARGE);
    give(all, 5 * LARGE);
    alloc_limit_large(0);
    assert_int_equal(alloc_kept_bytes(), 0);
}

static void no_more_than_some_blocks_are_kept(void **state)
{
    (void)state;
    void *blocks[80];
    pool_of((size_t)16 << 30);
    for (size_t i = 0; i < 80; i++)
        blocks[i] = take(LARGE);
    for (size_t i = 0; i < 80; i++)
        give(blocks[i], LARGE);
    assert_in_range(alloc_kept_bytes(), 64 * LARGE, 64 * LARGE + 64 * (LARGE / 8));
}

static void what_is_kept_is_given_up_for_what_cannot_be_had(void **state)
{
    (void)state;
    struct alloc *mem = alloc_system();
    if (REFUSES_BY_ABORT) {
        print_message("skipped: sanitizers end the program where memory is refused\n");
        skip();
    }
    pool_of(64 * LARGE);
    void *first = take(2 * LARGE);
    assert_null(mem->resize(mem, NULL, 0, SIZE_MAX / 4));
    assert_null(mem->resize(mem, first, 2 * LARGE, SIZE_MAX / 4));
    assert_int_equal(((uint8_t *)first)[0], 7);
    give(take(LARGE), LARGE);
    assert_null(mem->resize(mem, NULL, 0, SIZE_MAX / 4));
    assert_int_equal(alloc_kept_bytes(), 0);
    give(first, 2 * LARGE);
}

T_MAIN(T_TEST(zeroed_bytes_are_zero_and_room_is_not_touched),
       T_TEST(no_bytes_are_still_something_to_free), T_TEST(what_overflows_is_limit),
       T_TEST(outputs_are_untouched_at_every_fault), T_TEST(a_large_block_is_given_out_again),
       T_TEST(the_smallest_that_fits_is_given), T_TEST(a_block_that_grows_keeps_its_bytes),
       T_TEST(what_is_kept_stays_within_the_limit),
       T_TEST(a_large_block_that_becomes_small_is_not_in_use),
       T_TEST(a_lower_limit_gives_back_at_once), T_TEST(threads_share_what_is_kept),
       T_TEST(no_more_than_some_blocks_are_kept),
       T_TEST(what_is_kept_is_given_up_for_what_cannot_be_had))
