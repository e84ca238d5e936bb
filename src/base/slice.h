/*
 * A slice borrows bytes: a pointer and a length, never freed, never kept longer than its lender
 * allows. Text is a slice too; it has a length and no terminator.
 */
#ifndef SLP_BASE_SLICE_H
#define SLP_BASE_SLICE_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
    const uint8_t *ptr; /* may be NULL when len is 0 */
    size_t len;         /* bytes */
};

static inline struct slice slice_of(const void *ptr, size_t len)
{
    return (struct slice){.ptr = ptr, .len = len};
}

static inline struct slice slice_str(const char *text)
{
    return slice_of(text, strlen(text));
}

static inline struct slice slice_first(struct slice s, size_t n)
{
    assert(n <= s.len);
    return slice_of(s.ptr, n);
}

static inline struct slice slice_last(struct slice s, size_t n)
{
    assert(n <= s.len);
    return slice_of(n ? s.ptr + (s.len - n) : s.ptr, n);
}

static inline struct slice slice_after(struct slice s, size_t n)
{
    return slice_last(s, s.len - n);
}

static inline struct slice slice_sub(struct slice s, size_t from, size_t n)
{
    assert(from <= s.len && n <= s.len - from);
    return slice_of(n ? s.ptr + from : s.ptr, n);
}

/* The order of memcmp, a shorter slice before those it begins: less, equal, greater than 0. */
static inline int slice_compare(struct slice a, struct slice b)
{
    size_t common = a.len < b.len ? a.len : b.len;
    int order = common ? memcmp(a.ptr, b.ptr, common) : 0;
    if (order)
        return order;
    return (a.len > b.len) - (a.len < b.len);
}

static inline bool slice_equal(struct slice a, struct slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool slice_is(struct slice s, const char *text)
{
    return slice_equal(s, slice_str(text));
}

static inline bool slice_starts_with(struct slice s, struct slice prefix)
{
    return s.len >= prefix.len && slice_equal(slice_of(s.ptr, prefix.len), prefix);
}

/* How many bytes both begin with. */
static inline size_t slice_common(struct slice a, struct slice b)
{
    size_t most = a.len < b.len ? a.len : b.len;
    size_t n = 0;
    while (n < most && a.ptr[n] == b.ptr[n])
        n++;
    return n;
}

/* For printf: `printf("%.*s", SLICE_ARG(s))`. */
#define SLICE_ARG(s) (int)((s).len < 0x7fffffff ? (s).len : 0x7fffffff), (const char *)(s).ptr

#endif
