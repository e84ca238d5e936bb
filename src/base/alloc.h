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
 * Keep large blocks of this process, those of 512 KiB and more, when they are freed, and give them
 * out again: memory that the kernel gives anew costs a page fault every 4 KiB, a third of the time
 * of an ingest. It is for a program's main, before anything is allocated; a library leaves the
 * allocator to its host.
 *
 *   alloc_system: small -> C library;  large -> a kept block, the smallest that fits, or a mapping
 *                 free:   small -> C library;  large -> kept, the oldest ones leave for the kernel
 *
 * Each large block is mapped by itself, so that one that leaves is given back to the kernel whole.
 * The C library would learn from the first ones to hold them in heaps, a heap a thread, where
 * buffers of many sizes leave holes: a process took 1.6 times what was allocated.
 *
 * Bound    kept and used large blocks together stay under the limit (256 MiB, or what
 *          alloc_limit_large said): before a new block is mapped kept ones leave until it fits. A
 *          quarter of the limit and 64 blocks are kept at most. Used blocks alone are bounded by
 *          those who allocate them. A block is given out for at least half of what it has.
 * Cost     a look through 64 entries. A block that grows is copied into a kept one, else moved by
 *          the kernel; one that shrinks to half of what it has is cut.
 * Threads  any; who finds the pool busy goes to the C library instead of waiting
 * Errors   where there is no memory, all that is kept is given back and the request made again
 *
 * Huge pages were tried for blocks of 2 MiB and more: a page fault less for each 4 KiB, but the
 * resident memory grew by half, and no time was gained.
 */
void alloc_pool_large(void);

/* The most bytes that used and kept large blocks take together, as long as those used are fewer.
 * What is kept beyond that is given back at once, or, where another thread is at the pool, with the
 * next block. Without alloc_pool_large nothing is kept anyway. Threads: any. */
void alloc_limit_large(size_t bytes);

/* Bytes of large blocks that are kept and not in use. Threads: any. */
size_t alloc_kept_bytes(void);

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
