#include "sim/sim.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "store/memory.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#elif defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#include <sanitizer/asan_interface.h>
#elif __has_feature(thread_sanitizer)
#define __SANITIZE_THREAD__ 1
#include <sanitizer/tsan_interface.h>
#endif
#endif

#define STACK_BYTES ((size_t)256 * 1024)
#define DAY_US      ((int64_t)86400 * 1000 * 1000)

uint64_t sim_random(struct sim *sim)
{
    uint64_t z = (sim->random += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint64_t sim_below(struct sim *sim, uint64_t limit)
{
    return sim_random(sim) % limit;
}

void sim_fail(struct sim *sim, const char *format, ...)
{
    if (sim->failure[0])
        return;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(sim->failure, sizeof sim->failure, format, args);
    va_end(args);
}

bool sim_has_failed(const struct sim *sim)
{
    return sim->failure[0] != '\0';
}

/* ------------------------------------------------------------------ memory of actors */

struct block {
    struct block *next;
    struct block **link; /* what points here */
    _Alignas(16) uint8_t data[];
};

static void *resize(struct alloc *self, void *ptr, size_t old_bytes, size_t new_bytes)
{
    struct sim *sim = (struct sim *)(void *)((uint8_t *)self - offsetof(struct sim, mem));
    struct block *grown = NULL;
    if (new_bytes) {
        grown = malloc(sizeof *grown + new_bytes);
        if (!grown)
            return NULL;
        grown->next = sim->blocks;
        grown->link = (struct block **)&sim->blocks;
        if (grown->next)
            grown->next->link = &grown->next;
        sim->blocks = grown;
        if (ptr)
            memcpy(grown->data, ptr, old_bytes < new_bytes ? old_bytes : new_bytes);
    }
    if (ptr) {
        struct block *old = (struct block *)(void *)((uint8_t *)ptr - offsetof(struct block, data));
        *old->link = old->next;
        if (old->next)
            old->next->link = old->link;
        free(old);
    }
    return grown ? grown->data : NULL;
}

/* ------------------------------------------------------------------ stacks */

/* One world at a time. A stack is used again by the next one, so what the sanitizer noted of frames
 * that a killed actor never left is wiped. */
static uint8_t stacks[SIM_ACTORS_MAX][STACK_BYTES];

static void *clean_stack(size_t i)
{
#if defined(__SANITIZE_ADDRESS__)
    __asan_unpoison_memory_region(stacks[i], STACK_BYTES);
#endif
    return stacks[i];
}

static void enter_actor(struct sim *sim, struct sim_actor *a)
{
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_start_switch_fiber(&sim->scheduler_fiber, a->stack, STACK_BYTES);
#elif defined(__SANITIZE_THREAD__)
    __tsan_switch_to_fiber(a->fiber, 0);
#endif
    (void)swapcontext(&sim->scheduler, &a->context);
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(sim->scheduler_fiber, NULL, NULL);
#endif
}

static void leave_actor(struct sim *sim, struct sim_actor *a)
{
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_start_switch_fiber(a->is_done ? NULL : &a->fiber, sim->scheduler_stack,
                                   sim->scheduler_stack_bytes);
#elif defined(__SANITIZE_THREAD__)
    __tsan_switch_to_fiber(sim->scheduler_fiber, 0);
#endif
    (void)swapcontext(&a->context, &sim->scheduler);
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(a->fiber, &sim->scheduler_stack, &sim->scheduler_stack_bytes);
#endif
}

/* makecontext hands over ints alone: a pointer comes in two halves. */
static void first_entry(unsigned high, unsigned low)
{
    struct sim *sim = (struct sim *)(((uintptr_t)high << 32) | (uintptr_t)low);
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(NULL, &sim->scheduler_stack, &sim->scheduler_stack_bytes);
#endif
    struct sim_actor *a = &sim->actors[sim->running];
    a->run(sim, a->arg);
    a->is_done = true;
    leave_actor(sim, a);
}

void sim_spawn(struct sim *sim, const char *name, sim_actor_fn run, void *arg)
{
    if (sim->actor_count == SIM_ACTORS_MAX) {
        sim_fail(sim, "too many actors");
        return;
    }
    struct sim_actor *a = &sim->actors[sim->actor_count++];
    *a = (struct sim_actor){.name = name, .run = run, .arg = arg, .wake_us = sim->now_us};
    if (sim->faults.skew_us)
        a->skew_us =
            (int64_t)sim_below(sim, (uint64_t)sim->faults.skew_us * 2) - sim->faults.skew_us;
    a->stack = clean_stack(sim->actor_count - 1);
    if (getcontext(&a->context) != 0)
        abort();
    a->context.uc_stack.ss_sp = a->stack;
    a->context.uc_stack.ss_size = STACK_BYTES;
    a->context.uc_link = NULL;
#if defined(__SANITIZE_THREAD__)
    a->fiber = __tsan_create_fiber(0);
#endif
    uintptr_t p = (uintptr_t)sim;
    makecontext(&a->context, (void (*)(void))first_entry, 2, (unsigned)(p >> 32),
                (unsigned)(p & 0xffffffffu));
    /* The address sanitizer wipes what it knows of a stack whose size stands here, at each switch. */
    a->context.uc_stack.ss_size = 0;
}

void sim_be_steady(struct sim *sim)
{
    sim->actors[sim->running].is_steady = true;
}

/* The running actor waits for so long; it may be longer, or for ever. */
static void pass_time(struct sim *sim, int64_t us)
{
    struct sim_actor *a = &sim->actors[sim->running];
    if (sim_below(sim, 1000) < sim->faults.freeze && !a->is_steady) {
        us += (int64_t)sim_below(sim, (uint64_t)DAY_US * 2);
        sim->freezes++;
    }
    if (sim_below(sim, 1000) < sim->faults.kill && !a->is_steady) {
        a->is_killed = true;
        sim->kills++;
    }
    a->wake_us = sim->now_us + us;
    leave_actor(sim, a);
}

/* ------------------------------------------------------------------ the store */

static int64_t some_delay(struct sim *sim)
{
    return (int64_t)sim_below(sim, sim_below(sim, 8) ? 3000 : 200000);
}

static void take_effect(struct sim *sim, struct store_request *r)
{
    slp_rc rc = store_submit(sim->below, r, 1, &r->err);
    if (rc == SLP_OK)
        rc = store_wait(sim->below, r, 1, NULL, &r->err);
    if (rc != SLP_OK)
        r->rc = rc;
    if (r->rc != SLP_OK || r->verb == STORE_GET || r->verb == STORE_LIST_FROM)
        return;
    if (r->is_fleeting) {
        struct sim_fleeting *f = &sim->fleeting[sim->fleeting_count++ % SIM_FLEETING_MAX];
        f->at_us = sim->now_us;
        memcpy(f->name, r->name.ptr, r->name.len);
        f->name[r->name.len] = '\0';
    }
    if (sim->on_effect)
        sim->on_effect(sim, r->verb, r->name);
}

static void lose(struct sim *sim, const char *name)
{
    slp_rc rc = store_delete(sim->below, slice_str(name), NULL);
    (void)rc; /* nothing fails in memory */
}

/* The power goes: young fleeting writes were never on a disk. */
static void cut_power(struct sim *sim)
{
    for (size_t i = 0; i < SIM_FLEETING_MAX && i < sim->fleeting_count; i++) {
        const struct sim_fleeting *f = &sim->fleeting[i];
        if (f->name[0] && f->at_us > sim->now_us - SIM_FLEETING_US)
            lose(sim, f->name);
    }
    sim->fleeting_count = 0;
    sim->cuts++;
}

/* ------------------------------------------------------------------ durability */

/* The length of the folder's name, with its slash. */
static size_t folder_bytes(struct slice name)
{
    size_t n = name.len;
    while (n > 0 && name.ptr[n - 1] != '/')
        n--;
    return n;
}

/* Seen from now on; durable when its author has synced the folder. */
static void show(struct sim *sim, struct slice name)
{
    if (sim->visible_count == SIM_VISIBLE_MAX) {
        sim_fail(sim, "too many objects that are not durable");
        return;
    }
    struct sim_visible *v = &sim->visible[sim->visible_count++];
    memcpy(v->name, name.ptr, name.len);
    v->name[name.len] = '\0';
}

static void make_durable(struct sim *sim, struct slice name)
{
    struct slice folder = slice_first(name, folder_bytes(name));
    size_t kept = 0;
    for (size_t i = 0; i < sim->visible_count; i++) {
        struct slice seen = slice_str(sim->visible[i].name);
        if (!slice_equal(slice_first(seen, folder_bytes(seen)), folder))
            sim->visible[kept++] = sim->visible[i];
    }
    sim->visible_count = kept;
}

/* The machine stands still: nobody goes on, and what only its memory had is gone. */
static void lose_power(struct sim *sim)
{
    cut_power(sim);
    for (size_t i = 0; i < sim->visible_count; i++)
        lose(sim, sim->visible[i].name);
    sim->lost += sim->visible_count;
    sim->visible_count = 0;
    sim->delayed_count = 0;
    for (size_t i = 0; i < sim->actor_count; i++)
        sim->actors[i].is_killed = true;
}

static slp_rc sim_settle(struct store *s, struct slice name, struct slp_err *err)
{
    struct sim *sim = (struct sim *)s;
    (void)err;
    sim->settles++;
    if (sim->faults.power == 0)
        return SLP_OK;
    pass_time(sim, some_delay(sim));
    make_durable(sim, name);
    pass_time(sim, some_delay(sim));
    return SLP_OK;
}

/* A listing as it was a moment ago. */
static void list_stale(struct sim *sim, struct store_request *r)
{
    size_t kept = 0;
    int64_t before_us = sim->now_us - (int64_t)sim_below(sim, 400000);
    for (size_t i = 0; i < r->item_count; i++)
        if (r->items[i].modified_us < before_us)
            r->items[kept++] = r->items[i];
    r->item_count = kept;
}

/* Keep a write for later. */
static void put_off(struct sim *sim, const struct store_request *r)
{
    if (sim->delayed_count == SIM_DELAYED_MAX || r->verb != STORE_PUT_IF_ABSENT)
        return;
    struct sim_delayed *d = &sim->delayed[sim->delayed_count];
    memcpy(d->name, r->name.ptr, r->name.len);
    d->name[r->name.len] = '\0';
    buf_init(&d->body, &sim->mem, r->body.len + 1);
    if (buf_append_slice(&d->body, r->body, NULL) != SLP_OK)
        return;
    /* Soon, so that it meets the next attempt; or when nobody thinks of it any more. */
    uint64_t most = sim_below(sim, 8) ? 6000 : sim_below(sim, 2) ? 500000 : (uint64_t)DAY_US;
    d->at_us = sim->now_us + (int64_t)sim_below(sim, most);
    sim->delayed_count++;
}

static void run_request(struct sim *sim, struct store_request *r)
{
    bool is_write = r->verb == STORE_PUT_IF_ABSENT || r->verb == STORE_PUT_IF_MATCH;
    uint64_t luck = sim_below(sim, 1000);
    const struct sim_faults *f = &sim->faults;
    if (sim_below(sim, 1000) < f->throttle) {
        sim->throttled_until_us = sim->now_us + (int64_t)sim_below(sim, 300000);
        sim->throttles++;
    }
    if (sim_below(sim, 10000) < f->cut)
        cut_power(sim);
    pass_time(sim, some_delay(sim));
    if (luck < f->refuse || sim->now_us < sim->throttled_until_us) {
        r->rc = err_set(&r->err, SLP_UNAVAILABLE, "refused by the simulator");
    } else if (is_write && luck < f->refuse + f->lose_before) {
        put_off(sim, r);
        r->rc = err_set(&r->err, SLP_UNKNOWN, "lost by the simulator");
    } else {
        take_effect(sim, r);
        if (is_write && luck < f->refuse + f->lose_before + f->lose_after)
            r->rc = err_set(&r->err, SLP_UNKNOWN, "answer lost by the simulator");
        if (r->verb == STORE_LIST_FROM && r->rc == SLP_OK && sim_below(sim, 1000) < f->stale)
            list_stale(sim, r);
    }
    bool is_shown =
        f->power && r->verb == STORE_PUT_IF_ABSENT && !r->is_fleeting && r->rc == SLP_OK;
    if (is_shown)
        show(sim, r->name);
    pass_time(sim, some_delay(sim));
    if (is_shown && sim_below(sim, 1000) < f->power) {
        lose_power(sim);
        pass_time(sim, 0);
    }
    if (is_shown)
        make_durable(sim, r->name);
}

static slp_rc sim_submit(struct store *s, struct store_request *requests, size_t count,
                         struct slp_err *err)
{
    (void)s;
    (void)requests;
    (void)count;
    (void)err;
    return SLP_OK; /* all happens while somebody waits */
}

static slp_rc sim_wait(struct store *s, struct store_request *requests, size_t count,
                       const struct store_wait_options *o, struct slp_err *err)
{
    (void)o;
    (void)err;
    struct sim *sim = (struct sim *)s;
    for (size_t i = 0; i < count; i++)
        run_request(sim, &requests[i]);
    return SLP_OK;
}

static slp_rc sim_open(struct store *s, struct slice name, struct alloc *mem, struct source **out,
                       struct slp_err *err)
{
    (void)s;
    (void)name;
    (void)mem;
    (void)out;
    FAIL(err, UNSUPPORTED, "the simulator has no sources yet");
}

static slp_rc sim_put_open(struct store *s, struct slice name, struct alloc *mem,
                           struct store_put **out, struct slp_err *err)
{
    (void)s;
    (void)name;
    (void)mem;
    (void)out;
    FAIL(err, UNSUPPORTED, "the simulator has no streamed writes yet");
}

/* Ages of objects follow the virtual clock. */
static int64_t world_clock_us(struct os_clock *clock)
{
    return ((struct sim *)(void *)((uint8_t *)clock - offsetof(struct sim, clock)))->now_us;
}

static const struct os_clock_ops world_clock_ops = {.wall_us = world_clock_us,
                                                    .mono_us = world_clock_us};

static int64_t sim_clock_us(struct store *s)
{
    const struct sim *sim = (const struct sim *)s;
    return sim->now_us + sim->actors[sim->running].skew_us;
}

static void sim_sleep_us(struct store *s, int64_t us)
{
    pass_time((struct sim *)s, us);
}

static const struct store_ops sim_ops = {.submit = sim_submit,
                                         .wait = sim_wait,
                                         .open = sim_open,
                                         .put_open = sim_put_open,
                                         .settle = sim_settle,
                                         .clock_us = sim_clock_us,
                                         .sleep_us = sim_sleep_us};

/* ------------------------------------------------------------------ the world */

void sim_begin(struct sim *sim, uint64_t seed, const struct sim_faults *faults)
{
    memset(sim, 0, sizeof *sim);
    sim->base.ops = &sim_ops;
    sim->mem.resize = resize;
    sim->random = seed;
    sim->faults = *faults;
    sim->now_us = (int64_t)1700000000 * 1000 * 1000;
    if (store_memory_new(&sim->mem, &sim->below, NULL) != SLP_OK)
        abort();
    sim->clock.ops = &world_clock_ops;
    store_memory_set_clock(sim->below, &sim->clock);
#if defined(__SANITIZE_THREAD__)
    sim->scheduler_fiber = __tsan_get_current_fiber();
#endif
}

/* The write that is due before `until_us`, if any. */
static bool land_one(struct sim *sim, int64_t until_us)
{
    for (size_t i = 0; i < sim->delayed_count; i++) {
        struct sim_delayed *d = &sim->delayed[i];
        if (d->at_us > until_us)
            continue;
        slp_rc rc = store_put_if_absent(sim->below, slice_str(d->name), buf_slice(&d->body), NULL);
        sim->late_writes += rc == SLP_OK;
        if (rc == SLP_OK && sim->on_effect)
            sim->on_effect(sim, STORE_PUT_IF_ABSENT, slice_str(d->name));
        if (sim->on_settle)
            sim->on_settle(sim);
        buf_fini(&d->body);
        *d = sim->delayed[--sim->delayed_count];
        return true;
    }
    return false;
}

void sim_run(struct sim *sim)
{
    for (sim->steps = 0; !sim_has_failed(sim); sim->steps++) {
        size_t next = SIZE_MAX;
        for (size_t i = 0; i < sim->actor_count; i++) {
            const struct sim_actor *a = &sim->actors[i];
            if (!a->is_done && !a->is_killed &&
                (next == SIZE_MAX || a->wake_us < sim->actors[next].wake_us))
                next = i;
        }
        if (next == SIZE_MAX)
            break;
        if (sim->steps == SIM_STEPS_MAX) {
            sim_fail(sim, "actor %s has not ended after %d steps", sim->actors[next].name,
                     SIM_STEPS_MAX);
            break;
        }
        while (land_one(sim, sim->actors[next].wake_us))
            continue;
        if (sim->actors[next].wake_us > sim->now_us)
            sim->now_us = sim->actors[next].wake_us;
        sim->running = next;
        enter_actor(sim, &sim->actors[next]);
        if (sim->on_settle)
            sim->on_settle(sim);
    }
    while (land_one(sim, INT64_MAX))
        continue;
}

void sim_end(struct sim *sim)
{
    store_close(sim->below);
#if defined(__SANITIZE_THREAD__)
    for (size_t i = 0; i < sim->actor_count; i++)
        __tsan_destroy_fiber(sim->actors[i].fiber);
#endif
    for (struct block *b = sim->blocks; b;) {
        struct block *next = b->next;
        free(b);
        b = next;
    }
    sim->blocks = NULL;
}
