#include "base/alloc.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"

/* What costs little to map, beside what is done with so many bytes. */
#define LARGE_BYTES (512 * 1024)

static void *system_resize(struct alloc *self, void *ptr, size_t old_bytes, size_t new_bytes)
{
    (void)self;
    (void)old_bytes;
    if (new_bytes == 0) {
        free(ptr);
        return NULL;
    }
    return realloc(ptr, new_bytes);
}

void alloc_return_large(void)
{
#ifdef M_MMAP_THRESHOLD
    (void)mallopt(M_MMAP_THRESHOLD, LARGE_BYTES);
#endif
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
