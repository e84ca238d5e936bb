#include "key/order.h"

#include "base/num.h"

/* Is `b` below `a`? Both lie in a key vector, whose bytes may be read beyond the last one. */
static bool falls(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
    size_t common = num_min_size(a_len, b_len);
    for (size_t i = 0; i < common; i += 8) {
        uint64_t x = num_load_u64be(a + i);
        uint64_t y = num_load_u64be(b + i);
        if (x == y)
            continue;
        size_t differs_at = i + (size_t)__builtin_clzll(x ^ y) / 8;
        return differs_at < common ? y < x : b_len < a_len;
    }
    return b_len < a_len;
}

int64_t key_first_fall(const struct key_vec *v, int64_t first)
{
    const uint64_t *offsets = (const uint64_t *)(const void *)v->offsets.ptr;
    const uint8_t *bytes = v->bytes.ptr;
    for (int64_t i = first + 1; i < v->count; i++) {
        size_t a_len = (size_t)(offsets[i] - offsets[i - 1]);
        size_t b_len = (size_t)(offsets[i + 1] - offsets[i]);
        if (a_len && falls(bytes + offsets[i - 1], a_len, bytes + offsets[i], b_len))
            return i;
    }
    return v->count;
}

slp_rc key_vec_append_run(struct key_vec *out, const struct key_vec *from, int64_t first,
                          int64_t count, struct slp_err *err)
{
    assert(first >= 0 && count >= 0 && count <= from->count - first && out != from);
    if (count == 0)
        return SLP_OK;
    const uint64_t *src = (const uint64_t *)(const void *)from->offsets.ptr + first;
    size_t bytes = (size_t)(src[count] - src[0]);
    size_t old_bytes = out->bytes.len;
    bool is_blank = out->offsets.len == 0;
    TRY(buf_reserve(&out->offsets, ((size_t)count + is_blank) * sizeof(uint64_t), err));
    TRY(buf_append(&out->bytes, bytes ? from->bytes.ptr + src[0] : NULL, bytes, err));
    uint64_t *offsets = (uint64_t *)(void *)out->offsets.ptr;
    if (is_blank)
        offsets[0] = 0;
    for (int64_t i = 0; i < count; i++)
        offsets[out->count + 1 + i] = src[i + 1] - src[0] + old_bytes;
    out->count += count;
    out->offsets.len = ((size_t)out->count + 1) * sizeof(uint64_t);
    return SLP_OK;
}
