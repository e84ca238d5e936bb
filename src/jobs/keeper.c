#include "jobs/keeper.h"

#include "os/clock.h"
#include "os/thread.h"

#define NAP_US ((int64_t)5 * 1000)

struct jobs_keeper {
    struct alloc *mem;
    struct os_pool *pool;
    struct state_instance *instance;
    struct hash128 table;
    struct state_table *own; /* the thread's handle; NULL before it is wanted */
    struct state_id job;
    uint32_t attempt;
    int64_t time_us;
    struct os_mutex lock;
    bool is_over; /* guarded by `lock` */
};

static bool is_over(struct jobs_keeper *k)
{
    os_mutex_lock(&k->lock);
    bool over = k->is_over;
    os_mutex_unlock(&k->lock);
    return over;
}

static slp_rc extend(struct jobs_keeper *k)
{
    struct state_result result = {0};
    struct state_extend_item item = {.job = k->job, .attempt = k->attempt};
    struct state_txn txn = {.kind = STATE_EXTEND, .extend = {.items = &item, .count = 1}};
    struct state_commit_options o = {.max_wait_us = k->time_us / 4};
    if (!k->own)
        TRY(state_table_open_id(k->instance, k->table, &k->own, NULL));
    item.deadline_us = store_now_us(state_instance_store(k->instance)) + k->time_us;
    return state_table_commit(k->own, &txn, &o, &result, NULL);
}

static void keep(void *arg)
{
    struct jobs_keeper *k = arg;
    struct os_clock *clock = os_clock_system();
    int64_t begun_us = os_clock_mono_us(clock);
    while (!is_over(k)) {
        if (os_clock_mono_us(clock) - begun_us >= k->time_us / 2) {
            begun_us = os_clock_mono_us(clock);
            (void)!extend(k);
        }
        os_clock_sleep_us(clock, NAP_US);
    }
}

slp_rc jobs_keeper_begin(struct state_table *table, struct state_id job, uint32_t attempt,
                         int64_t time_us, struct alloc *mem, struct jobs_keeper **out,
                         struct slp_err *err)
{
    struct jobs_keeper *k = NULL;
    TRY(alloc_new(mem, &k, err));
    k->mem = mem;
    k->instance = state_table_instance(table);
    k->table = state_table_id(table);
    k->job = job;
    k->attempt = attempt;
    k->time_us = time_us;
    os_mutex_init(&k->lock);
    slp_rc rc = os_pool_new(mem, 1, &k->pool, err);
    if (rc != SLP_OK) {
        os_mutex_fini(&k->lock);
        alloc_delete(mem, k);
        return rc;
    }
    os_pool_submit(k->pool, keep, k);
    *out = k;
    return SLP_OK;
}

void jobs_keeper_end(struct jobs_keeper *k)
{
    os_mutex_lock(&k->lock);
    k->is_over = true;
    os_mutex_unlock(&k->lock);
    os_pool_free(k->pool);
    state_table_close(k->own);
    os_mutex_fini(&k->lock);
    alloc_delete(k->mem, k);
}
