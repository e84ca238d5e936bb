#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/num.h"

#define FIRST_BYTES 256u

void buf_init(struct buf *b, struct alloc *mem, size_t max)
{
    *b = (struct buf){.mem = mem, .max = max};
}

void buf_fini(struct buf *b)
{
    if (b->ptr)
        alloc_free(b->mem, b->ptr, b->cap + BUF_PADDING);
    b->ptr = NULL;
    b->len = 0;
    b->cap = 0;
}

void buf_clear(struct buf *b)
{
    b->len = 0;
}

slp_rc buf_reserve(struct buf *b, size_t extra, struct slp_err *err)
{
    if (extra <= b->cap - b->len && b->ptr)
        return SLP_OK;
    size_t want = 0;
    if (!num_add_size(b->len, extra, &want) || want > b->max || want > SIZE_MAX - BUF_PADDING)
        FAIL(err, LIMIT, "%zu bytes and %zu more exceed the limit of %zu bytes", b->len, extra,
             b->max);
    size_t cap = num_max_size(b->cap, FIRST_BYTES);
    while (cap < want)
        cap = cap > SIZE_MAX / 2 ? want : cap * 2;
    cap = num_max_size(num_min_size(cap, b->max), want);
    size_t old_bytes = b->ptr ? b->cap + BUF_PADDING : 0;
    size_t new_bytes = 0;
    uint8_t *ptr = NULL;
    if (num_add_size(cap, BUF_PADDING, &new_bytes))
        ptr = b->mem->resize(b->mem, b->ptr, old_bytes, new_bytes);
    if (!ptr)
        FAIL(err, NO_MEMORY, "out of memory for a buffer of %zu bytes", cap);
    memset(ptr + cap, 0, BUF_PADDING);
    b->ptr = ptr;
    b->cap = cap;
    return SLP_OK;
}

slp_rc buf_append(struct buf *b, const void *bytes, size_t n, struct slp_err *err)
{
    TRY(buf_reserve(b, n, err));
    if (n)
        memcpy(b->ptr + b->len, bytes, n);
    b->len += n;
    return SLP_OK;
}

slp_rc buf_append_slice(struct buf *b, struct slice s, struct slp_err *err)
{
    return buf_append(b, s.ptr, s.len, err);
}

slp_rc buf_append_u8(struct buf *b, uint8_t v, struct slp_err *err)
{
    return buf_append(b, &v, 1, err);
}

slp_rc buf_append_u32le(struct buf *b, uint32_t v, struct slp_err *err)
{
    uint8_t bytes[4];
    num_store_u32le(bytes, v);
    return buf_append(b, bytes, sizeof bytes, err);
}

slp_rc buf_append_u64le(struct buf *b, uint64_t v, struct slp_err *err)
{
    uint8_t bytes[8];
    num_store_u64le(bytes, v);
    return buf_append(b, bytes, sizeof bytes, err);
}

slp_rc buf_append_varint(struct buf *b, uint64_t v, struct slp_err *err)
{
    uint8_t bytes[10];
    size_t n = 0;
    while (v >= 0x80) {
        bytes[n++] = (uint8_t)(v | 0x80);
        v >>= 7;
    }
    bytes[n++] = (uint8_t)v;
    return buf_append(b, bytes, n, err);
}

slp_rc buf_printf(struct buf *b, struct slp_err *err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n < 0)
        FAIL(err, INVALID, "text that cannot be formatted");
    TRY(buf_reserve(b, (size_t)n + 1, err));
    va_start(args, format);
    (void)vsnprintf((char *)b->ptr + b->len, (size_t)n + 1, format, args);
    va_end(args);
    b->len += (size_t)n;
    return SLP_OK;
}

slp_rc buf_assign(struct buf *b, struct slice s, struct slp_err *err)
{
    size_t old_len = b->len;
    b->len = 0;
    slp_rc rc = buf_reserve(b, s.len, err);
    if (rc != SLP_OK) {
        b->len = old_len;
        return rc;
    }
    if (s.len)
        memcpy(b->ptr, s.ptr, s.len);
    b->len = s.len;
    return SLP_OK;
}

slp_rc buf_resize(struct buf *b, size_t len, struct slp_err *err)
{
    if (len > b->len) {
        TRY(buf_reserve(b, len - b->len, err));
        memset(b->ptr + b->len, 0, len - b->len);
    }
    b->len = len;
    return SLP_OK;
}

void buf_take(struct buf *to, struct buf *from)
{
    *to = *from;
    from->ptr = NULL;
    from->len = 0;
    from->cap = 0;
}
