#include <inttypes.h>
#include <stdlib.h>

#include "base/num.h"
#include "upkeep/upkeep.h"

#define PAGE_OBJECTS   1000u
#define WORK_MAX_BYTES ((size_t)4 << 30)
#define SECOND_US      ((int64_t)1000000)

/* What the state says of a name in data/. */
struct known {
    struct slice name; /* relative to the table */
    bool is_live;
    int64_t since_us; /* dead since */
};

struct collection {
    struct state_table *table;
    const struct upkeep_gc_options *options;
    struct alloc *mem;
    struct arena arena;
    struct known *known;
    size_t known_count;
    int64_t now_us;
    uint64_t job_frame; /* outputs of open jobs have bases from here on */
    struct upkeep_gc_result result;
};

static int compare_known(const void *a, const void *b)
{
    const struct known *x = a;
    const struct known *y = b;
    return slice_compare(x->name, y->name);
}

static slp_rc know_files(struct collection *c, struct slp_err *err)
{
    const struct table_state *view = state_table_view(c->table);
    const struct state_file **live = NULL;
    size_t live_count = 0;
    size_t dead_count = state_dead_count(view);
    TRY(state_files(view, &c->arena, &live, &live_count, err));
    TRY(arena_array(&c->arena, live_count + dead_count, sizeof *c->known, (void **)&c->known, err));
    for (size_t i = 0; i < live_count; i++)
        c->known[c->known_count++] = (struct known){.name = live[i]->name, .is_live = true};
    for (size_t i = 0; i < dead_count; i++) {
        const struct state_dead_file *dead = state_dead_at(view, i);
        c->known[c->known_count++] = (struct known){.name = dead->name, .since_us = dead->since_us};
    }
    qsort(c->known, c->known_count, sizeof *c->known, compare_known);
    return SLP_OK;
}

/* A job whose outputs are not spared: it is overdue, or the caller says that nobody is at work. */
static bool is_over(const struct collection *c, const struct state_job *job)
{
    return job->deadline_us < c->now_us || c->options->min_age_s == 0;
}

/* The least frame that an open job was assigned at; those that are over were ended before, or would
 * be. */
static void know_jobs(struct collection *c)
{
    const struct table_state *view = state_table_view(c->table);
    c->job_frame = UINT64_MAX;
    for (size_t i = 0; i < state_job_count(view); i++) {
        const struct state_job *job = state_job_at(view, i);
        if (!c->options->dry_run || !is_over(c, job))
            c->job_frame = num_min_u64(c->job_frame, job->id.at.frame);
    }
}

static slp_rc end_job(struct collection *c, const struct state_job *job, struct slp_err *err)
{
    struct state_fail_item item = {
        .job = job->id, .attempt = job->attempt, .why = slice_str("its outputs are collected")};
    struct state_txn txn = {.kind = STATE_FAIL, .fail = {.items = &item, .count = 1}};
    struct state_result result = {0};
    TRY(key_range_copy(&c->arena, job->range, &item.range, err));
    TRY(state_table_commit(c->table, &txn, NULL, &result, err));
    slp_rc rc = state_result_check(&result, err);
    if (rc != SLP_CONFLICT)
        return rc;
    err_clear(err); /* its maker ended it just now */
    return SLP_OK;
}

/*
 * End in the log what is over, before an output of it is deleted: late jobs may finish, ended ones
 * are refused.
 */
static slp_rc end_jobs(struct collection *c, struct slp_err *err)
{
    for (size_t i = 0; i < state_job_count(state_table_view(c->table));) {
        const struct state_job *job = state_job_at(state_table_view(c->table), i);
        struct state_id id = job->id;
        if (is_over(c, job))
            TRY(end_job(c, job, err));
        i += state_job_find(state_table_view(c->table), id) != NULL; /* else the next one is at i */
    }
    return SLP_OK;
}

/* The base in "data/hh/<base>-<id>...": the digits behind the last slash. */
static uint64_t base_of(struct slice name)
{
    size_t at = name.len;
    uint64_t base = 0;
    while (at > 0 && name.ptr[at - 1] != '/')
        at--;
    for (; at < name.len && name.ptr[at] >= '0' && name.ptr[at] <= '9'; at++)
        if (__builtin_mul_overflow(base, (uint64_t)10, &base) ||
            __builtin_add_overflow(base, (uint64_t)(name.ptr[at] - '0'), &base))
            return UINT64_MAX;
    return base;
}

/* May this object go? `name` is relative to the table. */
static bool is_garbage(const struct collection *c, struct slice name, int64_t modified_us)
{
    int64_t given = c->options->min_age_s;
    struct known wanted = {.name = name};
    const struct known *known =
        bsearch(&wanted, c->known, c->known_count, sizeof *c->known, compare_known);
    if (known) {
        int64_t age = given >= 0 ? given : UPKEEP_DEAD_AGE_S;
        return !known->is_live && known->since_us <= c->now_us - age * SECOND_US;
    }
    int64_t age = given >= 0 ? given : UPKEEP_STRANGER_AGE_S;
    return base_of(name) < c->job_frame && modified_us <= c->now_us - age * SECOND_US;
}

static slp_rc collect_page(struct collection *c, struct slice prefix,
                           const struct store_item *items, size_t count, struct slp_err *err)
{
    struct store *store = state_instance_store(state_table_instance(c->table));
    for (size_t i = 0; i < count; i++) {
        struct slice name = slice_after(items[i].name, prefix.len);
        if (c->options->cancel && *c->options->cancel)
            FAIL(err, CANCELLED, "cancelled");
        if (!is_garbage(c, name, items[i].modified_us))
            continue;
        if (!c->options->dry_run)
            TRY(store_delete(store, items[i].name, err));
        c->result.objects++;
        c->result.bytes += items[i].size;
    }
    return SLP_OK;
}

/* List all of data/ page by page; what a page brings is dropped before the next. */
static slp_rc collect_all(struct collection *c, struct slp_err *err)
{
    struct store *store = state_instance_store(state_table_instance(c->table));
    struct state_name folder;
    struct state_name after = {.len = 0};
    TRY(state_table_object(c->table, slice_str("data/"), &folder, err));
    struct slice prefix = slice_first(state_name_slice(&folder), folder.len - 5);
    for (;;) {
        struct arena page;
        struct store_item *items = NULL;
        size_t count = 0;
        arena_init(&page, c->mem, WORK_MAX_BYTES);
        slp_rc rc = store_list(store, state_name_slice(&folder), state_name_slice(&after),
                               PAGE_OBJECTS, &page, &items, &count, err);
        if (rc == SLP_OK)
            rc = collect_page(c, prefix, items, count, err);
        if (rc == SLP_OK && count > 0) {
            after.len = num_min_size(items[count - 1].name.len, STORE_NAME_MAX);
            memcpy(after.text, items[count - 1].name.ptr, after.len);
        }
        arena_fini(&page);
        TRY(rc);
        if (count < PAGE_OBJECTS)
            return SLP_OK;
    }
}

slp_rc upkeep_collect(struct state_table *table, const struct upkeep_gc_options *options,
                      struct alloc *mem, struct upkeep_gc_result *out, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct collection c = {.table = table, .options = options, .mem = mem};
    arena_init(&c.arena, mem, WORK_MAX_BYTES);
    TRY_OUT(state_table_refresh(table, err));
    c.now_us = store_now_us(state_instance_store(state_table_instance(table)));
    if (!options->dry_run)
        TRY_OUT(end_jobs(&c, err));
    TRY_OUT(know_files(&c, err));
    know_jobs(&c);
    TRY_OUT(collect_all(&c, err));
    *out = c.result;
out:
    arena_fini(&c.arena);
    return rc;
}
