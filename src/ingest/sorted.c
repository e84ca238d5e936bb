#include "ingest/sorted.h"

#include "base/num.h"
#include "key/order.h"
#include "merge/merge.h"

/* Bytes a row of merge_sort's scratch and of the order it gives. */
#define SORT_ROW_BYTES (24 + sizeof(uint32_t))

/* Short keys are copied by one wide load and store. */
#define WIDE 32u

/* How far ahead of the copying keys are asked for. */
#define AHEAD 16

struct sorted_run {
    struct run base;
    struct alloc *mem;
    struct arr_batch rows;
    struct key_vec keys;
    bool is_given;
};

slp_rc ingest_chunk_init(struct ingest_chunk *c, struct alloc *mem, const struct arr_schema *schema,
                         struct slp_err *err)
{
    TRY(arr_batch_init(&c->rows, mem, schema, err));
    key_vec_init(&c->keys, mem, SIZE_MAX / 4);
    buf_init(&c->ordinals, mem, SIZE_MAX / 4);
    return SLP_OK;
}

void ingest_chunk_fini(struct ingest_chunk *c)
{
    arr_batch_fini(&c->rows);
    key_vec_fini(&c->keys);
    buf_fini(&c->ordinals);
}

void ingest_chunk_clear(struct ingest_chunk *c)
{
    arr_batch_clear(&c->rows);
    key_vec_clear(&c->keys);
    buf_clear(&c->ordinals);
}

size_t ingest_chunk_bytes(const struct ingest_chunk *c)
{
    return arr_batch_memory(&c->rows) + c->keys.bytes.len + c->keys.offsets.len + c->ordinals.len +
           (size_t)c->rows.rows * SORT_ROW_BYTES;
}

static slp_rc take_rows(struct ingest_chunk *c, struct arr_batch *batch, struct slp_err *err)
{
    if (c->rows.rows > 0)
        return arr_batch_append_run(&c->rows, batch, 0, batch->rows, err);
    const struct arr_schema *schema = c->rows.schema; /* that of the batch ends with its stream */
    arr_batch_fini(&c->rows);
    c->rows = *batch;
    c->rows.schema = schema;
    *batch = (struct arr_batch){0};
    return SLP_OK;
}

slp_rc ingest_chunk_add(struct ingest_chunk *c, const struct key_spec *spec,
                        struct arr_batch *batch, uint64_t ordinal, struct slp_err *err)
{
    int64_t count = batch->rows;
    size_t bytes = (size_t)count * sizeof ordinal;
    assert(c->ordinals.len == 0 ||
           num_load_u64le(c->ordinals.ptr + c->ordinals.len - sizeof ordinal) < ordinal);
    TRY(key_encode_rows(spec, batch, 0, count, &c->keys, err));
    TRY(buf_reserve(&c->ordinals, bytes, err));
    uint64_t *ordinals = (uint64_t *)(void *)(c->ordinals.ptr + c->ordinals.len);
    for (int64_t i = 0; i < count; i++)
        ordinals[i] = ordinal + (uint64_t)i;
    c->ordinals.len += bytes;
    return take_rows(c, batch, err);
}

/* Copy a key; up to WIDE bytes more than `len` are written, and read, which vectors allow. */
static inline void copy_key(uint8_t *dst, const uint8_t *src, size_t len)
{
    if (len <= WIDE)
        memcpy(dst, src, WIDE);
    else
        memcpy(dst, src, len);
}

static void copy_keys(const struct ingest_chunk *c, const uint32_t *order, struct key_vec *out)
{
    const uint64_t *ordinals = (const uint64_t *)(const void *)c->ordinals.ptr;
    const uint64_t *from = (const uint64_t *)(const void *)c->keys.offsets.ptr;
    uint64_t *ends = (uint64_t *)(void *)out->offsets.ptr;
    uint8_t *dst = out->bytes.ptr;
    size_t at = 0;
    int64_t count = c->keys.count;
    ends[0] = 0;
    for (int64_t i = 0; i < count; i++) {
        if (i + AHEAD < count)
            __builtin_prefetch(c->keys.bytes.ptr + from[order[i + AHEAD]]);
        uint32_t row = order[i];
        size_t len = (size_t)(from[row + 1] - from[row]);
        copy_key(dst + at, c->keys.bytes.ptr + from[row], len);
        num_store_u64be(dst + at + len, ordinals[row]);
        at += len + INGEST_ORDINAL_BYTES;
        ends[i + 1] = at;
    }
    out->bytes.len = at;
    out->offsets.len = ((size_t)count + 1) * sizeof *ends;
    out->count = count;
}

static slp_rc gather(struct ingest_chunk *c, bool is_sorted, const uint32_t *order,
                     struct sorted_run *r, struct slp_err *err)
{
    size_t count = (size_t)c->keys.count;
    TRY(buf_reserve(&r->keys.bytes, c->keys.bytes.len + count * INGEST_ORDINAL_BYTES + WIDE, err));
    TRY(buf_reserve(&r->keys.offsets, (count + 1) * sizeof(uint64_t), err));
    copy_keys(c, order, &r->keys);
    if (!is_sorted)
        return arr_batch_append_picked(&r->rows, &c->rows, order, c->rows.rows, err);
    struct arr_batch blank = r->rows;
    r->rows = c->rows;
    c->rows = blank;
    return SLP_OK;
}

static slp_rc sorted_next(struct run *run, struct run_block *out, struct slp_err *err)
{
    struct sorted_run *r = (struct sorted_run *)(void *)run;
    (void)err;
    if (r->is_given || r->rows.rows == 0)
        return SLP_DONE;
    r->is_given = true;
    *out = ingest_sorted_block(run);
    return SLP_OK;
}

static void sorted_close(struct run *run)
{
    struct sorted_run *r = (struct sorted_run *)(void *)run;
    arr_batch_fini(&r->rows);
    key_vec_fini(&r->keys);
    alloc_delete(r->mem, r);
}

static slp_rc make_run(struct alloc *mem, const struct arr_schema *schema, struct sorted_run **out,
                       struct slp_err *err)
{
    static const struct run_ops ops = {.next = sorted_next, .close = sorted_close};
    struct sorted_run *r = NULL;
    TRY(alloc_new(mem, &r, err));
    r->base.ops = &ops;
    r->mem = mem;
    key_vec_init(&r->keys, mem, SIZE_MAX / 4);
    slp_rc rc = arr_batch_init(&r->rows, mem, schema, err);
    if (rc != SLP_OK)
        alloc_delete(mem, r);
    else
        *out = r;
    return rc;
}

slp_rc ingest_sort(struct ingest_chunk *c, struct alloc *mem, struct run **out, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct sorted_run *r = NULL;
    size_t count = (size_t)c->keys.count;
    void *order = NULL;
    assert(c->rows.rows == c->keys.count);
    TRY_OUT(make_run(mem, c->rows.schema, &r, err));
    TRY_OUT(alloc_array(mem, count, sizeof(uint32_t), &order, err));
    TRY_OUT(merge_sort(mem, &c->keys, order, err));
    bool is_sorted = key_first_fall(&c->keys, 0) == c->keys.count;
    TRY_OUT(gather(c, is_sorted, order, r, err));
    *out = &r->base;
    r = NULL;
out:
    if (r)
        sorted_close(&r->base);
    alloc_free(mem, order, count * sizeof(uint32_t));
    ingest_chunk_clear(c);
    return rc;
}

struct run_block ingest_sorted_block(const struct run *run)
{
    const struct sorted_run *r = (const struct sorted_run *)(const void *)run;
    return (struct run_block){.batch = &r->rows, .keys = &r->keys};
}

size_t ingest_sorted_bytes(const struct run *run)
{
    const struct sorted_run *r = (const struct sorted_run *)(const void *)run;
    return arr_batch_memory(&r->rows) + r->keys.bytes.len + r->keys.offsets.len;
}

void ingest_strip(struct key_vec *keys)
{
    uint64_t *offsets = (uint64_t *)(void *)keys->offsets.ptr;
    uint8_t *bytes = keys->bytes.ptr;
    size_t at = 0;
    uint64_t first = 0;
    for (int64_t i = 0; i < keys->count; i++) {
        uint64_t end = offsets[i + 1];
        size_t len = (size_t)(end - first) - INGEST_ORDINAL_BYTES;
        memmove(bytes + at, bytes + first, len);
        at += len;
        offsets[i + 1] = at;
        first = end;
    }
    keys->bytes.len = at;
}
