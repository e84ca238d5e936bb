#include "base/alloc.h"

#include <malloc.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"

#if defined(__SANITIZE_ADDRESS__)
#define HAS_POISON 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_POISON 1
#endif
#endif
#ifdef HAS_POISON
#include <sanitizer/asan_interface.h>
#endif

/* What costs little to map, beside what is done with so many bytes. */
#define LARGE_BYTES ((size_t)512 << 10)

/* Blocks that wait to be used again. Looking through them all costs less than one page fault. */
#define KEPT_MAX 64u

/* A block is given for less than it has, but for no less than this part of it. */
#define FIT_PART 2u

/* Of the limit, this part may be kept. */
#define KEPT_PART 4u

/* The limit before one is set. */
#define LIMIT_DEFAULT ((size_t)256 << 20)

struct kept {
    void *ptr;
    size_t bytes;
};

/* `is_on` is set before there are threads, sizes are atomic, and the rest is written by
 * who took `is_busy`. */
struct pool {
    bool is_on;
    bool is_busy;
    size_t limit; /* of used and kept bytes together */
    size_t used;  /* bytes of large blocks in use */
    size_t kept;
    size_t count;
    struct kept blocks[KEPT_MAX]; /* the oldest first */
};

static struct pool pool = {.limit = LIMIT_DEFAULT};

/* Blocks to be freed once the pool is left. */
struct dropped {
    void *ptrs[KEPT_MAX];
    size_t count;
};

/* Who finds the pool busy does without it: nobody waits. */
static bool pool_enter(void)
{
    return !__atomic_exchange_n(&pool.is_busy, true, __ATOMIC_ACQUIRE);
}

static void pool_leave(const struct dropped *d)
{
    __atomic_store_n(&pool.is_busy, false, __ATOMIC_RELEASE);
    for (size_t i = 0; i < d->count; i++)
        free(d->ptrs[i]);
}

static void *pool_remove(size_t i)
{
    void *ptr = pool.blocks[i].ptr;
    (void)__atomic_sub_fetch(&pool.kept, pool.blocks[i].bytes, __ATOMIC_RELAXED);
    pool.count--;
    memmove(pool.blocks + i, pool.blocks + i + 1, (pool.count - i) * sizeof *pool.blocks);
    return ptr;
}

/* What is kept or lies behind the bytes that were asked for is nobody's: AddressSanitizer shall
 * say so too. */
static void mark_used(void *ptr, size_t room, size_t bytes)
{
#ifdef HAS_POISON
    ASAN_UNPOISON_MEMORY_REGION(ptr, bytes);
    ASAN_POISON_MEMORY_REGION((char *)ptr + bytes, room - bytes);
#else
    (void)ptr;
    (void)room;
    (void)bytes;
#endif
}

/* Let the oldest blocks go until `more` bytes fit, of which `kept_more` would be kept. */
static void pool_make_room(size_t more, size_t kept_more, struct dropped *d)
{
    size_t limit = __atomic_load_n(&pool.limit, __ATOMIC_RELAXED);
    size_t used = __atomic_load_n(&pool.used, __ATOMIC_RELAXED);
    size_t left = used + more < limit ? limit - used - more : 0;
    while (pool.count && (pool.kept > left || pool.kept + kept_more > limit / KEPT_PART))
        d->ptrs[d->count++] = pool_remove(0);
}

/* A kept block for `bytes`: the smallest that fits, unless it is far too large. Without one, what
 * is kept makes room for a new one. */
static void *pool_take(size_t bytes)
{
    struct dropped d = {.count = 0};
    size_t best = KEPT_MAX;
    if (!pool_enter())
        return NULL;
    for (size_t i = 0; i < pool.count; i++)
        if (pool.blocks[i].bytes >= bytes && pool.blocks[i].bytes / FIT_PART <= bytes &&
            (best == KEPT_MAX || pool.blocks[i].bytes < pool.blocks[best].bytes))
            best = i;
    void *ptr = best < KEPT_MAX ? pool_remove(best) : NULL;
    if (!ptr)
        pool_make_room(bytes, 0, &d);
    pool_leave(&d);
    return ptr;
}

/* Keep a block, or free it. */
static void pool_put(void *ptr, size_t bytes)
{
    struct dropped d = {.count = 0};
    if (!pool_enter()) {
        free(ptr);
        return;
    }
    if (pool.count == KEPT_MAX)
        d.ptrs[d.count++] = pool_remove(0);
    pool_make_room(bytes, bytes, &d);
    size_t limit = __atomic_load_n(&pool.limit, __ATOMIC_RELAXED);
    size_t used = __atomic_load_n(&pool.used, __ATOMIC_RELAXED);
    bool is_kept = bytes <= limit / KEPT_PART && used <= limit && bytes <= limit - used;
    if (is_kept) {
        mark_used(ptr, bytes, 0);
        pool.blocks[pool.count++] = (struct kept){ptr, bytes};
        (void)__atomic_add_fetch(&pool.kept, bytes, __ATOMIC_RELAXED);
    }
    pool_leave(&d);
    if (!is_kept)
        free(ptr);
}

/* Free all that is kept. */
static void pool_drain(void)
{
    struct dropped d = {.count = 0};
    if (!pool_enter())
        return;
    while (pool.count)
        d.ptrs[d.count++] = pool_remove(0);
    pool_leave(&d);
}

static void count_used(size_t more, size_t less)
{
    (void)__atomic_add_fetch(&pool.used, more - less, __ATOMIC_RELAXED);
}

/* Large blocks have one of eight sizes between a power of two and the next, so that one fits where
 * another was. What is never touched costs nothing. */
static size_t rounded(size_t bytes)
{
    size_t step = ((size_t)1 << (63 - __builtin_clzl(bytes))) / 8;
    return bytes > SIZE_MAX - step ? bytes : (bytes + step - 1) & ~(step - 1);
}

static void *large_new(size_t bytes)
{
    void *ptr = pool_take(bytes);
    if (!ptr)
        ptr = malloc(rounded(bytes));
    if (!ptr) {
        pool_drain();
        ptr = malloc(bytes);
    }
    if (!ptr)
        return NULL;
    size_t room = malloc_usable_size(ptr);
    count_used(room, 0);
    mark_used(ptr, room, bytes);
    return ptr;
}

static void large_free(void *ptr)
{
    size_t room = malloc_usable_size(ptr);
    count_used(0, room);
    pool_put(ptr, room);
}

/* Into a block of another size, which the kernel moves; `room` is what it has. */
static void *large_move(void *ptr, size_t room, size_t new_bytes)
{
    bool is_large = new_bytes >= LARGE_BYTES;
    void *out = realloc(ptr, is_large ? rounded(new_bytes) : new_bytes);
    if (!out && new_bytes > room) {
        pool_drain();
        out = realloc(ptr, new_bytes);
    }
    if (!out)
        return NULL;
    size_t now = malloc_usable_size(out);
    count_used(is_large ? now : 0, room);
    mark_used(out, now, new_bytes);
    return out;
}

/* One of the two sizes is large, or both. A block that grows moves into a kept one, where its bytes
 * are copied and no page is touched for the first time. */
static void *large_resize(void *ptr, size_t old_bytes, size_t new_bytes)
{
    bool was_large = old_bytes >= LARGE_BYTES;
    if (!ptr)
        return large_new(new_bytes);
    if (new_bytes == 0) {
        large_free(ptr);
        return NULL;
    }
    size_t room = malloc_usable_size(ptr);
    /* What is small from now on is no longer counted: its owner will give it back as such. */
    bool stays_large = was_large && new_bytes >= LARGE_BYTES;
    if (stays_large && new_bytes <= room && new_bytes >= room / FIT_PART) {
        mark_used(ptr, room, new_bytes);
        return ptr;
    }
    if (was_large && new_bytes < room)
        return large_move(ptr, room, new_bytes);
    void *out = was_large ? pool_take(new_bytes) : large_new(new_bytes);
    if (!out)
        return was_large ? large_move(ptr, room, new_bytes) : NULL;
    size_t out_room = malloc_usable_size(out);
    mark_used(out, out_room, new_bytes);
    memcpy(out, ptr, old_bytes);
    if (was_large) {
        count_used(out_room, 0);
        large_free(ptr);
    } else {
        free(ptr);
    }
    return out;
}

static void *system_resize(struct alloc *self, void *ptr, size_t old_bytes, size_t new_bytes)
{
    (void)self;
    if (pool.is_on && ((ptr && old_bytes >= LARGE_BYTES) || new_bytes >= LARGE_BYTES))
        return large_resize(ptr, old_bytes, new_bytes);
    if (new_bytes == 0) {
        free(ptr);
        return NULL;
    }
    return realloc(ptr, new_bytes);
}

void alloc_pool_large(void)
{
#ifdef M_MMAP_THRESHOLD
    (void)mallopt(M_MMAP_THRESHOLD, LARGE_BYTES);
    pool.is_on = true;
#endif
}

void alloc_limit_large(size_t bytes)
{
    struct dropped d = {.count = 0};
    __atomic_store_n(&pool.limit, bytes, __ATOMIC_RELAXED);
    if (!pool_enter())
        return;
    pool_make_room(0, 0, &d);
    pool_leave(&d);
}

size_t alloc_kept_bytes(void)
{
    return __atomic_load_n(&pool.kept, __ATOMIC_RELAXED);
}

struct alloc *alloc_system(void)
{
    /* Holds a constant function pointer and is never written. */
    static struct alloc system = {.resize = system_resize};
    return &system;
}

slp_rc alloc_room(struct alloc *mem, size_t bytes, void **out, struct slp_err *err)
{
    size_t want = bytes ? bytes : 1;
    void *ptr = mem->resize(mem, NULL, 0, want);
    if (!ptr)
        FAIL(err, NO_MEMORY, "out of memory for %zu bytes", want);
    *out = ptr;
    return SLP_OK;
}

slp_rc alloc_zeroed(struct alloc *mem, size_t bytes, void **out, struct slp_err *err)
{
    void *ptr = NULL;
    TRY(alloc_room(mem, bytes, &ptr, err));
    /* Said for the optimiser, which cannot see that no memory is never OK. */
    SLP_INVARIANT(ptr != NULL);
    memset(ptr, 0, bytes ? bytes : 1);
    *out = ptr;
    return SLP_OK;
}

slp_rc alloc_array(struct alloc *mem, size_t count, size_t size, void **out, struct slp_err *err)
{
    size_t bytes = 0;
    if (!num_mul_size(count, size, &bytes))
        FAIL(err, LIMIT, "%zu elements of %zu bytes do not fit the address space", count, size);
    return alloc_zeroed(mem, bytes, out, err);
}

void alloc_free(struct alloc *mem, void *ptr, size_t bytes)
{
    if (ptr)
        (void)mem->resize(mem, ptr, bytes ? bytes : 1, 0);
}
