#include "key/key.h"

slp_rc key_successor(struct slice prefix, struct buf *out, bool *has_end, struct slp_err *err)
{
    size_t len = prefix.len;
    while (len > 0 && prefix.ptr[len - 1] == 0xff)
        len--;
    TRY(buf_assign(out, slice_first(prefix, len), err));
    if (len)
        out->ptr[len - 1]++;
    *has_end = len > 0;
    return SLP_OK;
}

bool key_range_is_empty(struct key_range r)
{
    return r.has_hi && slice_compare(r.lo, r.hi) >= 0;
}

struct key_range key_range_clip(struct key_range a, struct key_range b)
{
    struct key_range both = a;
    if (slice_compare(b.lo, a.lo) > 0)
        both.lo = b.lo;
    if (b.has_hi && (!a.has_hi || slice_compare(b.hi, a.hi) < 0)) {
        both.hi = b.hi;
        both.has_hi = true;
    }
    return both;
}

bool key_range_meets(struct key_range a, struct key_range b)
{
    return !key_range_is_empty(key_range_clip(a, b));
}

slp_rc key_range_copy(struct arena *arena, struct key_range range, struct key_range *out,
                      struct slp_err *err)
{
    struct key_range copy = {.has_hi = range.has_hi};
    TRY(arena_copy(arena, range.lo, &copy.lo, err));
    TRY(arena_copy(arena, range.hi, &copy.hi, err));
    *out = copy;
    return SLP_OK;
}
