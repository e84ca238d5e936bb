#include "os/thread.h"

#include "lib/t.h"

struct tally {
    struct os_mutex lock;
    uint64_t sum;
};

struct task {
    struct tally *tally;
    uint64_t n;
};

static void add(void *arg)
{
    struct task *task = arg;
    os_mutex_lock(&task->tally->lock);
    task->tally->sum += task->n;
    os_mutex_unlock(&task->tally->lock);
}

static void every_task_runs_once(void **state)
{
    struct t *t = *state;
    static struct task tasks[3000];
    static const size_t sizes[] = {0, 1, 4};
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        struct tally tally = {.sum = 0};
        struct os_pool *pool = NULL;
        os_mutex_init(&tally.lock);
        assert_ok(t, os_pool_new(&t->mem, sizes[k], &pool, &t->err));
        for (uint64_t i = 0; i < 3000; i++) {
            tasks[i] = (struct task){&tally, i};
            os_pool_submit(pool, add, &tasks[i]);
            if (i == 1499) {
                os_pool_wait(pool);
                assert_int_equal(tally.sum, 1499 * 1500 / 2);
            }
        }
        os_pool_free(pool);
        assert_int_equal(tally.sum, 2999 * 3000 / 2);
        os_mutex_fini(&tally.lock);
    }
    os_pool_free(NULL);
}

static void too_many_threads_are_a_limit(void **state)
{
    struct t *t = *state;
    struct os_pool *pool = NULL;
    assert_rc(t, os_pool_new(&t->mem, OS_POOL_MAX_THREADS + 1, &pool, &t->err), SLP_LIMIT);
    assert_null(pool);
}

static void every_fault_is_survived(void **state)
{
    struct t *t = *state;
    T_FAULT_LOOP(t) {
        struct os_pool *pool = NULL;
        slp_rc rc = os_pool_new(&t->mem, 2, &pool, &t->err);
        assert_rc(t, rc, t->fault_hit ? SLP_NO_MEMORY : SLP_OK);
        os_pool_free(pool);
    }
}

T_MAIN(T_TEST(every_task_runs_once), T_TEST(too_many_threads_are_a_limit),
       T_TEST(every_fault_is_survived))
