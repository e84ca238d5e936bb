#include "ingest/sorted.h"

#include "base/num.h"
#include "key/order.h"
#include "merge/merge.h"

/* Bytes a row of merge_sort's scratch and of the order it gives. */
#define SORT_ROW_BYTES (32 + sizeof(uint32_t))

/* Rows to be handed out, of a run or of a stretch of it. */
struct cursor {
    struct ingest_window window;
    int64_t at;
    int64_t end;
};

struct sorted_run {
    struct run base;
    struct alloc *mem;
    struct arr_batch rows;
    struct ingest_ordinals ordinals;
    struct cursor cursor;
};

struct sorted_part {
    struct run base;
    struct alloc *mem;
    const struct sorted_run *of;
    struct cursor cursor;
};

slp_rc ingest_chunk_init(struct ingest_chunk *c, struct alloc *mem, const struct arr_schema *schema,
                         struct slp_err *err)
{
    TRY(arr_batch_init(&c->rows, mem, schema, err));
    key_vec_init(&c->keys, mem, SIZE_MAX / 4);
    buf_init(&c->ordinals, mem, SIZE_MAX / 4);
    buf_init(&c->order, mem, SIZE_MAX / 4);
    return SLP_OK;
}

void ingest_chunk_fini(struct ingest_chunk *c)
{
    arr_batch_fini(&c->rows);
    key_vec_fini(&c->keys);
    buf_fini(&c->ordinals);
    buf_fini(&c->order);
}

void ingest_chunk_clear(struct ingest_chunk *c)
{
    arr_batch_clear(&c->rows);
    key_vec_clear(&c->keys);
    buf_clear(&c->ordinals);
    buf_clear(&c->order);
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
    /* Both have a schema of their own: that of the batch ends with its stream. */
    struct arr_batch blank = c->rows;
    const struct arr_schema *schema = batch->schema;
    c->rows = *batch;
    c->rows.schema = blank.schema;
    *batch = blank;
    batch->schema = schema;
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

slp_rc ingest_chunk_sort(struct ingest_chunk *c, struct slp_err *err)
{
    size_t bytes = (size_t)c->keys.count * sizeof(uint32_t);
    assert(c->rows.rows == c->keys.count);
    buf_clear(&c->order);
    TRY(buf_reserve(&c->order, bytes, err));
    TRY(merge_sort(c->rows.mem, &c->keys, (uint32_t *)(void *)c->order.ptr, err));
    c->order.len = bytes;
    return SLP_OK;
}

static slp_rc gather(struct ingest_chunk *c, struct sorted_run *r, struct slp_err *err)
{
    const uint32_t *order = (const uint32_t *)(const void *)c->order.ptr;
    const uint64_t *ordinals = (const uint64_t *)(const void *)c->ordinals.ptr;
    TRY(ingest_ordinals_pick(&r->ordinals, ordinals, order, c->rows.rows, err));
    r->cursor.end = c->rows.rows;
    if (key_first_fall(&c->keys, 0) < c->keys.count)
        return arr_batch_append_picked(&r->rows, &c->rows, order, c->rows.rows, err);
    struct arr_batch blank = r->rows;
    r->rows = c->rows;
    c->rows = blank;
    return SLP_OK;
}

static slp_rc cursor_next(struct cursor *c, const struct sorted_run *r, struct run_block *out,
                          struct slp_err *err)
{
    if (c->at == c->end)
        return SLP_DONE;
    return ingest_window_next(&c->window, &r->rows, &r->ordinals, &c->at, c->end, out, err);
}

static slp_rc sorted_next(struct run *run, struct run_block *out, struct slp_err *err)
{
    struct sorted_run *r = (struct sorted_run *)(void *)run;
    return cursor_next(&r->cursor, r, out, err);
}

static void sorted_close(struct run *run)
{
    struct sorted_run *r = (struct sorted_run *)(void *)run;
    ingest_window_fini(&r->cursor.window);
    arr_batch_fini(&r->rows);
    buf_fini(&r->ordinals.numbers);
    alloc_delete(r->mem, r);
}

static const struct run_ops sorted_ops = {.next = sorted_next, .close = sorted_close};

static slp_rc make_run(struct alloc *mem, const struct arr_schema *schema,
                       const struct key_spec *spec, struct sorted_run **out, struct slp_err *err)
{
    struct sorted_run *r = NULL;
    TRY(alloc_new(mem, &r, err));
    r->base.ops = &sorted_ops;
    r->mem = mem;
    buf_init(&r->ordinals.numbers, mem, SIZE_MAX / 4);
    ingest_window_init(&r->cursor.window, mem, schema, spec);
    slp_rc rc = arr_batch_init(&r->rows, mem, schema, err);
    if (rc != SLP_OK)
        sorted_close(&r->base);
    else
        *out = r;
    return rc;
}

slp_rc ingest_chunk_take(struct ingest_chunk *c, const struct key_spec *spec, struct alloc *mem,
                         struct run **out, struct slp_err *err)
{
    struct sorted_run *r = NULL;
    assert((size_t)c->rows.rows * sizeof(uint32_t) == c->order.len);
    slp_rc rc = make_run(mem, c->rows.schema, spec, &r, err);
    if (rc == SLP_OK) {
        rc = gather(c, r, err);
        if (rc == SLP_OK)
            *out = &r->base;
        else
            sorted_close(&r->base);
    }
    ingest_chunk_clear(c);
    return rc;
}

const struct arr_batch *ingest_sorted_rows(const struct run *run)
{
    return &((const struct sorted_run *)(const void *)run)->rows;
}

const struct ingest_ordinals *ingest_sorted_ordinals(const struct run *run)
{
    return &((const struct sorted_run *)(const void *)run)->ordinals;
}

size_t ingest_sorted_bytes(const struct run *run)
{
    const struct sorted_run *r = (const struct sorted_run *)(const void *)run;
    size_t columns = r->rows.schema->count * sizeof(struct arr_col);
    return arr_batch_memory(&r->rows) + r->ordinals.numbers.len + 2 * columns;
}

bool ingest_is_sorted_run(const struct run *run)
{
    return run->ops == &sorted_ops;
}

static slp_rc part_next(struct run *run, struct run_block *out, struct slp_err *err)
{
    struct sorted_part *p = (struct sorted_part *)(void *)run;
    return cursor_next(&p->cursor, p->of, out, err);
}

static void part_close(struct run *run)
{
    struct sorted_part *p = (struct sorted_part *)(void *)run;
    ingest_window_fini(&p->cursor.window);
    alloc_delete(p->mem, p);
}

static slp_rc find_part(const struct sorted_run *r, const struct ingest_stretch *stretch,
                        struct cursor *c, struct slp_err *err)
{
    struct key_vec *scratch = &c->window.keys;
    c->end = r->rows.rows;
    if (stretch->has_lo)
        TRY(ingest_lower_bound(c->window.spec, &r->rows, &r->ordinals, stretch->lo, scratch, &c->at,
                               err));
    if (stretch->has_hi)
        TRY(ingest_lower_bound(c->window.spec, &r->rows, &r->ordinals, stretch->hi, scratch,
                               &c->end, err));
    return SLP_OK;
}

slp_rc ingest_sorted_part(const struct run *run, const struct ingest_stretch *stretch,
                          struct alloc *mem, struct run **out, struct slp_err *err)
{
    static const struct run_ops ops = {.next = part_next, .close = part_close};
    const struct sorted_run *r = (const struct sorted_run *)(const void *)run;
    const struct ingest_window *w = &r->cursor.window;
    struct sorted_part *p = NULL;
    TRY(alloc_new(mem, &p, err));
    *p = (struct sorted_part){.base = {.ops = &ops}, .mem = mem, .of = r};
    ingest_window_init(&p->cursor.window, mem, w->schema, w->spec);
    slp_rc rc = find_part(r, stretch, &p->cursor, err);
    if (rc != SLP_OK)
        part_close(&p->base);
    else
        *out = &p->base;
    return rc;
}
