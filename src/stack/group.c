#include "base/num.h"
#include "stack/stack_priv.h"

/* Buffers of keys may be read beyond their end (base/buf.h), so eight bytes a step. */
static inline bool same_bytes(const uint8_t *a, const uint8_t *b, uint64_t len)
{
    for (; len >= 8; len -= 8, a += 8, b += 8)
        if (num_load_u64le(a) != num_load_u64le(b))
            return false;
    if (len == 0)
        return true;
    uint64_t differ = num_load_u64le(a) ^ num_load_u64le(b);
    return differ << (64 - 8 * len) == 0;
}

/* The rows that have the key of row `first`: up to where. */
static int64_t end_of_key(const struct key_vec *keys, int64_t first)
{
    const uint64_t *offsets = (const uint64_t *)(const void *)keys->offsets.ptr;
    const uint8_t *bytes = keys->bytes.ptr;
    uint64_t len = offsets[first + 1] - offsets[first];
    int64_t end = first + 1;
    while (end < keys->count && offsets[end + 1] - offsets[end] == len &&
           same_bytes(bytes + offsets[end - 1], bytes + offsets[end], len))
        end++;
    return end;
}

/* Rows [first, end) of one key: what the last delete or reset among them leaves. */
static struct fold_group cut_group(const uint8_t *kinds, int64_t first, int64_t end)
{
    struct fold_group g = {.first = (uint32_t)first, .end = (uint32_t)end, .kind = STACK_PUT};
    for (int64_t r = end - 1; kinds && r >= first; r--) {
        if (kinds[r] == STACK_PUT)
            continue;
        bool is_last = r == end - 1;
        bool is_delete = kinds[r] == STACK_DELETE;
        g.kind = is_delete && is_last ? STACK_DELETE : STACK_RESET;
        g.first = (uint32_t)(is_delete && !is_last ? r + 1 : r);
        break;
    }
    return g;
}

slp_rc stack_group(const struct key_vec *keys, const uint8_t *kinds, struct buf *out,
                   struct slp_err *err)
{
    TRY(buf_resize(out, (size_t)keys->count * sizeof(struct fold_group), err));
    struct fold_group *groups = (struct fold_group *)(void *)out->ptr;
    size_t n = 0;
    for (int64_t first = 0; first < keys->count;) {
        int64_t end = end_of_key(keys, first);
        groups[n++] = cut_group(kinds, first, end);
        first = end;
    }
    return buf_resize(out, n * sizeof *groups, err);
}

size_t stack_groups_drop(struct fold_group *groups, size_t count)
{
    size_t n = 0;
    for (size_t g = 0; g < count; g++) {
        if (groups[g].kind == STACK_DELETE)
            continue;
        groups[n] = groups[g];
        groups[n++].kind = STACK_PUT;
    }
    return n;
}

slp_rc stack_kinds_of(const struct stack *s, const struct arr_batch *b, unsigned form,
                      const uint8_t **out, struct slp_err *err)
{
    *out = NULL;
    if (!(form & STACK_KINDS))
        return SLP_OK;
    size_t at = s->column_count + (form & STACK_CARRIES ? s->carry_count : 0);
    const struct arr_col *kinds = &b->cols[at];
    assert(!kinds->dictionary);
    for (int64_t r = 0; r < b->rows; r++)
        if (arr_col_is_null(kinds, r) || kinds->data.ptr[r] >= STACK_KIND_COUNT)
            FAIL(err, CORRUPT, "column %s, row %lld of a block: no kind of a row", STACK_KIND_NAME,
                 (long long)r);
    *out = kinds->data.ptr;
    return SLP_OK;
}
