/*
 * Memory comes from a `struct alloc`: one function that allocates, resizes and frees. Everything
 * that allocates is given one, so tests can count, fail and find leaks. `malloc` appears in alloc.c
 * alone.
 */
#ifndef SLP_BASE_ALLOC_H
#define SLP_BASE_ALLOC_H

#include <stddef.h>

#include "base/err.h"

struct alloc {
    /*
     * Resize `ptr` from `old_bytes` to `new_bytes`. ptr NULL allocates; new_bytes 0 frees and
     * returns NULL. NULL on failure, and `ptr` stays valid. Memory is aligned to 16 bytes and not
     * zeroed.
     */
    void *(*resize)(struct alloc *self, void *ptr, size_t old_bytes, size_t new_bytes);
};

/* The allocator of the process. It is safe to use from any thread. */
struct alloc *alloc_system(void);

/*
 * Have large allocations of this process mapped each by itself, so that freeing one gives its memory
 * back to the system. Otherwise the C library learns from the first large ones to keep them, each
 * thread in a heap of its own, and buffers of many sizes leave holes there: a process took 1.6 times
 * what was allocated. It is for a program's main, before other threads begin; a library leaves the
 * allocator to its host.
 */
void alloc_return_large(void);

/* `bytes` zeroed bytes in `*out`; at least one byte is allocated. Errors: NO_MEMORY. */
SLP_NODISCARD slp_rc alloc_zeroed(struct alloc *mem, size_t bytes, void **out, struct slp_err *err);

/* The same with bytes of any value: for large buffers of which little may be used, since a page
 * that nobody touches costs nothing. */
SLP_NODISCARD slp_rc alloc_room(struct alloc *mem, size_t bytes, void **out, struct slp_err *err);

/* Zeroed room for `count` elements of `size` bytes. Errors: NO_MEMORY, LIMIT if the product
 * overflows. */
SLP_NODISCARD slp_rc alloc_array(struct alloc *mem, size_t count, size_t size, void **out,
                                 struct slp_err *err);

/* Give back what alloc_zeroed, alloc_room (bytes) or alloc_array (count times size) gave. NULL is
 * accepted. */
void alloc_free(struct alloc *mem, void *ptr, size_t bytes);

/* The same for one struct: `TRY(alloc_new(mem, &thing, err))` where `thing` is a typed pointer. */
#define alloc_new(mem, out, err) alloc_zeroed((mem), sizeof **(out), (void **)(out), (err))
#define alloc_delete(mem, ptr)   alloc_free((mem), (ptr), sizeof *(ptr))

#endif
