/*
 * An arena: memory for one piece of work, released at once when the work ends.
 *
 * Blocks come from a `struct alloc` and double from 4 KiB to 1 MiB; a larger request has a block of
 * its own. What must outlive the work is copied out by name. Not for use by several threads at
 * once.
 */
#ifndef SLP_BASE_ARENA_H
#define SLP_BASE_ARENA_H

#include "base/alloc.h"
#include "base/slice.h"

struct arena_block;

struct arena {
    struct alloc *mem;
    struct arena_block *blocks; /* newest first */
    size_t used;                /* bytes taken from the newest block */
    size_t total;               /* bytes held from `mem` */
    size_t max;                 /* bytes it may hold */
};

void arena_init(struct arena *a, struct alloc *mem, size_t max);
void arena_fini(struct arena *a);

/* `bytes` zeroed bytes, aligned to 16. Errors: LIMIT beyond `max`, NO_MEMORY. */
SLP_NODISCARD slp_rc arena_alloc(struct arena *a, size_t bytes, void **out, struct slp_err *err);

/* Zeroed room for `count` elements of `size` bytes. Errors also LIMIT if the product overflows. */
SLP_NODISCARD slp_rc arena_array(struct arena *a, size_t count, size_t size, void **out,
                                 struct slp_err *err);

/* A copy of `s`. */
SLP_NODISCARD slp_rc arena_copy(struct arena *a, struct slice s, struct slice *out,
                                struct slp_err *err);

/* A copy of `s` with a terminator behind it. A NUL inside `s` stays where it is. */
SLP_NODISCARD slp_rc arena_text(struct arena *a, struct slice s, const char **out,
                                struct slp_err *err);

#define arena_new(a, out, err) arena_alloc((a), sizeof **(out), (void **)(out), (err))

#endif
