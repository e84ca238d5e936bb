#include "base/num.h"
#include "key/key.h"

void key_vec_init(struct key_vec *v, struct alloc *mem, size_t max_bytes)
{
    *v = (struct key_vec){0};
    buf_init(&v->bytes, mem, max_bytes);
    buf_init(&v->offsets, mem, SIZE_MAX / 4);
}

void key_vec_fini(struct key_vec *v)
{
    buf_fini(&v->bytes);
    buf_fini(&v->offsets);
    v->count = 0;
}

void key_vec_clear(struct key_vec *v)
{
    buf_clear(&v->bytes);
    buf_clear(&v->offsets);
    v->count = 0;
}

slp_rc key_vec_append(struct key_vec *v, struct slice key, struct slp_err *err)
{
    TRY(buf_reserve(&v->offsets, 2 * sizeof(uint64_t), err));
    TRY(buf_append_slice(&v->bytes, key, err));
    if (v->offsets.len == 0)
        TRY(buf_append_u64le(&v->offsets, 0, err));
    TRY(buf_append_u64le(&v->offsets, v->bytes.len, err));
    v->count++;
    return SLP_OK;
}

int64_t key_lower_bound(const struct key_vec *v, struct slice key)
{
    int64_t low = 0;
    int64_t high = v->count;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (slice_compare(key_at(v, middle), key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}
