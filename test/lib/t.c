#include "lib/t.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/num.h"

#define SYSTEMATIC_FAULTS 64u

static void *counting_resize(struct alloc *self, void *ptr, size_t old_bytes, size_t new_bytes)
{
    struct t *t = (struct t *)(void *)self;
    if (new_bytes > 0) {
        t->allocs++;
        if (t_fault_due(t))
            return NULL;
    }
    struct alloc *system = alloc_system();
    void *out = system->resize(system, ptr, old_bytes, new_bytes);
    if (new_bytes > 0 && !out)
        return NULL;
    if (ptr) {
        t->live_bytes -= old_bytes;
        t->live_count--;
    }
    if (new_bytes > 0) {
        t->live_bytes += new_bytes;
        t->live_count++;
        t->peak_bytes = num_max_size(t->peak_bytes, t->live_bytes);
    }
    return out;
}

int t_setup(void **state)
{
    struct t *t = calloc(1, sizeof *t);
    if (!t)
        return -1;
    t->mem.resize = counting_resize;
    const char *seed = getenv("SEED");
    t->seed = seed ? strtoull(seed, NULL, 0) : 1;
    t->random = t->seed;
    *state = t;
    return 0;
}

int t_teardown(void **state)
{
    struct t *t = *state;
    int leaked = t->live_count != 0;
    if (leaked)
        print_error("%zu bytes in %zu allocations were not freed (SEED=%llu)\n", t->live_bytes,
                    t->live_count, (unsigned long long)t->seed);
    free(t);
    return leaked ? -1 : 0;
}

/* splitmix64 */
uint64_t t_random(struct t *t)
{
    uint64_t z = (t->random += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint64_t t_below(struct t *t, uint64_t limit)
{
    return limit ? t_random(t) % limit : 0;
}

bool t_fault_due(struct t *t)
{
    if (!t->fault_armed || t->fault_hit)
        return false;
    if (t->fault_left > 0) {
        t->fault_left--;
        return false;
    }
    t->fault_hit = true;
    return true;
}

void t_fault_begin(struct t *t)
{
    t->fault_armed = false;
    t->fault_base = t->live_bytes;
    t->fault_at = UINT64_MAX;
}

bool t_fault_next(struct t *t)
{
    if (t->fault_armed) {
        if (t->live_bytes != t->fault_base)
            fail_msg("fault %llu: %zu bytes held, %zu before it (SEED=%llu)",
                     (unsigned long long)t->fault_at, t->live_bytes, t->fault_base,
                     (unsigned long long)t->seed);
        if (!t->fault_hit) {
            t->fault_armed = false;
            return false;
        }
    }
    t->fault_at += t->fault_at == UINT64_MAX || t->fault_at < SYSTEMATIC_FAULTS
                       ? 1
                       : 1 + t_below(t, t->fault_at / 4);
    t->fault_armed = true;
    t->fault_hit = false;
    t->fault_left = t->fault_at;
    return true;
}

static slp_rc failing_read(struct source *src, const struct io_range *ranges, size_t count,
                           struct slp_err *err)
{
    struct memory_source *m = (struct memory_source *)(void *)src;
    struct t *t = (struct t *)(void *)((uint8_t *)m - offsetof(struct t, source));
    t->reads += count;
    if (t_fault_due(t))
        FAIL(err, UNAVAILABLE, "a fault that the test asked for");
    for (size_t i = 0; i < count; i++)
        if (ranges[i].len)
            memcpy(ranges[i].dst, m->bytes.ptr + ranges[i].offset, ranges[i].len);
    return SLP_OK;
}

struct source *t_source(struct t *t, const void *bytes, size_t n)
{
    static const struct source_ops ops = {.read = failing_read};
    source_memory_init(&t->source, "test", slice_of(bytes, n));
    t->source.base.ops = &ops;
    return &t->source.base;
}

void t_assert_rc(struct t *t, slp_rc got, slp_rc want, const char *call, const char *file, int line)
{
    if (got == want)
        return;
    print_error("%s: %s, expected %s: %s (SEED=%llu)\n", call, err_name(got), err_name(want),
                t->err.text, (unsigned long long)t->seed);
    _fail(file, line);
}

void t_assert_text(const char *text, const char *part, const char *file, int line)
{
    if (strstr(text, part))
        return;
    print_error("\"%s\" does not contain \"%s\"\n", text, part);
    _fail(file, line);
}

const char *t_data_dir(void)
{
    const char *dir = getenv("SLEEPER_TEST_DATA");
    if (!dir || !*dir)
        dir = "../shared/data";
    struct stat info;
    if (stat(dir, &info) != 0) {
        print_message("no test data of others at SLEEPER_TEST_DATA or ../shared/data\n");
        skip();
    }
    return dir;
}
