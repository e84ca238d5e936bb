#include "base/arena.h"

#include <stdalign.h>

#include "base/num.h"

#define FIRST_BLOCK_BYTES ((size_t)4096)
#define LAST_BLOCK_BYTES  ((size_t)1 << 20)
#define ALIGNMENT         ((size_t)16)

struct arena_block {
    struct arena_block *next;
    size_t bytes; /* of `data` */
    alignas(16) uint8_t data[];
};

void arena_init(struct arena *a, struct alloc *mem, size_t max)
{
    *a = (struct arena){.mem = mem, .max = max};
}

void arena_fini(struct arena *a)
{
    struct arena_block *block = a->blocks;
    while (block) {
        struct arena_block *next = block->next;
        alloc_free(a->mem, block, sizeof *block + block->bytes);
        block = next;
    }
    a->blocks = NULL;
    a->used = 0;
    a->total = 0;
}

static slp_rc add_block(struct arena *a, size_t bytes, struct slp_err *err)
{
    size_t grown =
        a->blocks ? num_min_size(a->blocks->bytes * 2, LAST_BLOCK_BYTES) : FIRST_BLOCK_BYTES;
    size_t want = num_max_size(grown, bytes);
    if (want > a->max - a->total)
        want = bytes; /* the last bytes below the maximum are still given */
    if (want > a->max - a->total)
        FAIL(err, LIMIT, "an arena of %zu bytes and %zu more exceed its limit of %zu bytes",
             a->total, want, a->max);
    struct arena_block *block = NULL;
    size_t whole = 0;
    if (num_add_size(sizeof *block, want, &whole))
        block = a->mem->resize(a->mem, NULL, 0, whole);
    if (!block)
        FAIL(err, NO_MEMORY, "out of memory for %zu bytes", want);
    block->next = a->blocks;
    block->bytes = want;
    a->blocks = block;
    a->used = 0;
    a->total += want;
    return SLP_OK;
}

slp_rc arena_alloc(struct arena *a, size_t bytes, void **out, struct slp_err *err)
{
    if (bytes > SIZE_MAX - ALIGNMENT)
        FAIL(err, LIMIT, "%zu bytes do not fit the address space", bytes);
    size_t want = (num_max_size(bytes, 1) + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
    if (!a->blocks || want > a->blocks->bytes - a->used)
        TRY(add_block(a, want, err));
    void *ptr = a->blocks->data + a->used;
    memset(ptr, 0, want);
    a->used += want;
    *out = ptr;
    return SLP_OK;
}

slp_rc arena_array(struct arena *a, size_t count, size_t size, void **out, struct slp_err *err)
{
    size_t bytes = 0;
    if (!num_mul_size(count, size, &bytes))
        FAIL(err, LIMIT, "%zu elements of %zu bytes do not fit the address space", count, size);
    return arena_alloc(a, bytes, out, err);
}

slp_rc arena_text(struct arena *a, struct slice s, const char **out, struct slp_err *err)
{
    size_t bytes = 0;
    if (!num_add_size(s.len, 1, &bytes))
        FAIL(err, LIMIT, "%zu bytes of text do not fit the address space", s.len);
    void *ptr = NULL;
    TRY(arena_alloc(a, bytes, &ptr, err));
    if (s.len)
        memcpy(ptr, s.ptr, s.len);
    *out = ptr;
    return SLP_OK;
}

slp_rc arena_copy(struct arena *a, struct slice s, struct slice *out, struct slp_err *err)
{
    const char *text = NULL;
    TRY(arena_text(a, s, &text, err));
    *out = slice_of(text, s.len);
    return SLP_OK;
}
