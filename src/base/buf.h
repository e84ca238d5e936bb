/*
 * A growable byte buffer with a maximum. It owns its bytes, grows by doubling and answers LIMIT
 * beyond its maximum, so a hostile length never becomes an allocation.
 *
 * A buffer that was initialised and never grown holds no memory; `buf_fini` of a zeroed one does
 * nothing. `buf_clear` keeps the memory for the next use. At least BUF_PADDING bytes behind `len`
 * may be read, and written up to `cap`, so that wide loads need no special case at the end.
 */
#ifndef SLP_BASE_BUF_H
#define SLP_BASE_BUF_H

#include "base/alloc.h"
#include "base/slice.h"

/* Readable bytes behind the last one of any buffer that holds memory. */
#define BUF_PADDING 64u

struct buf {
    uint8_t *ptr;
    size_t len; /* bytes in use */
    size_t cap; /* bytes allocated, less the padding */
    size_t max; /* bytes it may grow to */
    struct alloc *mem;
};

void buf_init(struct buf *b, struct alloc *mem, size_t max);
void buf_fini(struct buf *b);
void buf_clear(struct buf *b);

/* Make room for `extra` more bytes behind `len`. Errors: LIMIT, NO_MEMORY. */
SLP_NODISCARD slp_rc buf_reserve(struct buf *b, size_t extra, struct slp_err *err);

/* Append bytes. Errors as buf_reserve. */
SLP_NODISCARD slp_rc buf_append(struct buf *b, const void *bytes, size_t n, struct slp_err *err);
SLP_NODISCARD slp_rc buf_append_slice(struct buf *b, struct slice s, struct slp_err *err);
SLP_NODISCARD slp_rc buf_append_u8(struct buf *b, uint8_t v, struct slp_err *err);
SLP_NODISCARD slp_rc buf_append_u32le(struct buf *b, uint32_t v, struct slp_err *err);
SLP_NODISCARD slp_rc buf_append_u64le(struct buf *b, uint64_t v, struct slp_err *err);

/* Append an unsigned LEB128 varint, 1 to 10 bytes. */
SLP_NODISCARD slp_rc buf_append_varint(struct buf *b, uint64_t v, struct slp_err *err);

/* Append formatted text, without its terminator. */
SLP_NODISCARD slp_rc buf_printf(struct buf *b, struct slp_err *err, const char *format, ...)
    SLP_PRINTF(3, 4);

/* Replace the contents. `s` must not lie inside `b`. */
SLP_NODISCARD slp_rc buf_assign(struct buf *b, struct slice s, struct slp_err *err);

/* Set `len`, growing as needed; new bytes are zero. Errors as buf_reserve. */
SLP_NODISCARD slp_rc buf_resize(struct buf *b, size_t len, struct slp_err *err);

/* Move the contents of `from` to `to`, which must be blank or finished; `from` is blank
 * afterwards. */
void buf_take(struct buf *to, struct buf *from);

static inline struct slice buf_slice(const struct buf *b)
{
    return slice_of(b->ptr, b->len);
}

#endif
