/*
 * What every test stands on: cmocka, and a `struct t` with an allocator that counts, fails and
 * finds leaks, a seed, a source that counts and fails, and an error to pass along. Tests include
 * this header and never cmocka.h itself.
 *
 *     static void claim_as_a_name(void **state)
 *     {
 *         struct t *t = *state;
 *         ...
 *     }
 *     T_MAIN(T_TEST(claim_as_a_name), ...)
 *
 * A test that leaves memory behind fails. Failures print the seed; SEED=n runs again with it.
 */
#ifndef SLP_TEST_T_H
#define SLP_TEST_T_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/io.h"

struct t {
    struct alloc mem; /* first: the allocator finds its `struct t` behind it */
    struct slp_err err;
    uint64_t seed;
    uint64_t random;   /* state of t_random */
    size_t live_bytes; /* allocated and not freed */
    size_t live_count; /* allocations not freed */
    size_t peak_bytes;
    uint64_t allocs; /* allocations and growths so far */
    uint64_t reads;  /* ranges read from t_source so far */
    bool fault_armed;
    bool fault_hit;      /* the fault of this round was delivered */
    uint64_t fault_at;   /* the k of this round */
    uint64_t fault_left; /* operations until it is due */
    size_t fault_base;   /* live bytes when the loop began */
    struct memory_source source;
    bool source_faults;
};

int t_setup(void **state);
int t_teardown(void **state);

/* The next of a reproducible sequence of 64-bit numbers; one below `limit`. */
uint64_t t_random(struct t *t);
uint64_t t_below(struct t *t, uint64_t limit);

/* A source over bytes that counts reads in `t` and takes part in fault loops (UNAVAILABLE). One at
 * a time. */
struct source *t_source(struct t *t, const void *bytes, size_t n);

/* The k-th operation that allocates or reads fails, k = 0, 1, ... until a round ends without
 * meeting its fault; every k up to 64, then a seeded sample. Each round must free what it took. */
#define T_FAULT_LOOP(t) for (t_fault_begin(t); t_fault_next(t);)
void t_fault_begin(struct t *t);
bool t_fault_next(struct t *t);

/* Is it this operation's turn to fail? For fakes that take part in fault loops. */
bool t_fault_due(struct t *t);

#define assert_ok(t, call)     t_assert_rc((t), (call), SLP_OK, #call, __FILE__, __LINE__)
#define assert_rc(t, call, rc) t_assert_rc((t), (call), (rc), #call, __FILE__, __LINE__)
void t_assert_rc(struct t *t, slp_rc got, slp_rc want, const char *call, const char *file,
                 int line);

/* The error's text contains `part`. */
#define assert_err_has(t, part) t_assert_text((t)->err.text, (part), __FILE__, __LINE__)
void t_assert_text(const char *text, const char *part, const char *file, int line);

/* Others' test data: $SLEEPER_TEST_DATA or ../shared/data; skips the test by name when it is not
 * there. */
const char *t_data_dir(void);

#define T_TEST(f) cmocka_unit_test_setup_teardown(f, t_setup, t_teardown)
#define T_MAIN(...)                                                                                \
    int main(void)                                                                                 \
    {                                                                                              \
        const struct CMUnitTest tests[] = {__VA_ARGS__};                                           \
        return cmocka_run_group_tests_name(__FILE__, tests, 0, 0);                                 \
    }

#endif
