#include "ingest/pile.h"

#include "arrow/bits.h"
#include "base/num.h"

/* Smaller batches wait until they are so much together: blocks of few rows make many short slices. */
#define WAIT_ROWS  16384
#define WAIT_BYTES (INGEST_BLOCK_BYTES / 4)

/* What a field adds to a key beside its bytes, and a number's bytes: more than they do. */
#define FIELD_BYTES 16u

/* ---- Slabs ---- */

/* The first slab is small, the others are larger. */
#define SLAB_FIRST_BYTES ((size_t)256 << 10)
#define SLAB_MORE_BYTES  ((size_t)4 << 20)
#define SLAB_BYTES       (4 * SLAB_MORE_BYTES)

/* What is larger than this part of a slab has one to itself. */
#define SLAB_PART 8u

static size_t aligned(size_t bytes)
{
    return (bytes + 15) & ~(size_t)15;
}

struct slab {
    void *ptr;
    size_t bytes;
};

static void *slab_new(struct ingest_slabs *s, size_t bytes)
{
    struct slab slab = {.ptr = s->mem->resize(s->mem, NULL, 0, bytes), .bytes = bytes};
    if (slab.ptr && buf_append(&s->list, &slab, sizeof slab, NULL) != SLP_OK) {
        alloc_free(s->mem, slab.ptr, bytes);
        return NULL;
    }
    return slab.ptr;
}

/* How large the next slab is: memory that is not used may be there all the same. */
static size_t slab_bytes(const struct ingest_slabs *s)
{
    if (s->taken < SLAB_FIRST_BYTES)
        return SLAB_FIRST_BYTES;
    if (s->taken < SLAB_MORE_BYTES)
        return SLAB_MORE_BYTES / 4;
    return s->taken < 4 * SLAB_BYTES ? SLAB_MORE_BYTES : SLAB_BYTES;
}

static void *slabs_take(struct ingest_slabs *s, size_t bytes)
{
    size_t next = slab_bytes(s);
    if (bytes > s->left && bytes > next / SLAB_PART) {
        void *ptr = slab_new(s, bytes);
        s->taken += ptr ? bytes : 0;
        return ptr;
    }
    if (bytes > s->left) {
        uint8_t *slab = slab_new(s, next);
        if (!slab)
            return NULL;
        s->at = slab;
        s->left = next;
    }
    void *ptr = s->at;
    s->at += bytes;
    s->left -= bytes;
    s->taken += bytes;
    return ptr;
}

static void *slabs_resize(struct alloc *self, void *ptr, size_t old_bytes, size_t new_bytes)
{
    struct ingest_slabs *s = (struct ingest_slabs *)(void *)self;
    if (new_bytes == 0)
        return NULL;
    void *out = slabs_take(s, aligned(new_bytes));
    if (out && ptr)
        memcpy(out, ptr, num_min_size(old_bytes, new_bytes));
    return out;
}

static void slabs_clear(struct ingest_slabs *s)
{
    const struct slab *list = (const struct slab *)(const void *)s->list.ptr;
    for (size_t i = 0; i < s->list.len / sizeof *list; i++)
        alloc_free(s->mem, list[i].ptr, list[i].bytes);
    buf_fini(&s->list);
    s->left = 0;
    s->taken = 0;
}

/* ---- A pile ---- */

slp_rc ingest_pile_init(struct ingest_pile *p, struct alloc *mem, const struct arr_schema *schema,
                        const struct key_spec *spec, struct slp_err *err)
{
    *p = (struct ingest_pile){.mem = mem, .schema = schema, .spec = spec};
    buf_init(&p->origins, mem, SIZE_MAX / 4);
    buf_init(&p->blocks, mem, SIZE_MAX / 4);
    key_vec_init(&p->samples, mem, SIZE_MAX / 4);
    TRY(alloc_new(mem, &p->slabs, err));
    p->slabs->base.resize = slabs_resize;
    p->slabs->mem = mem;
    buf_init(&p->slabs->list, mem, SIZE_MAX / 4);
    return arr_batch_init(&p->waiting, mem, schema, err);
}

size_t ingest_pile_blocks(const struct ingest_pile *p)
{
    return p->blocks.len / sizeof(struct ingest_block);
}

struct ingest_block *ingest_pile_block(const struct ingest_pile *p, size_t i)
{
    return &((struct ingest_block *)(void *)p->blocks.ptr)[i];
}

static void free_block(struct ingest_block *b)
{
    if (b->widths)
        alloc_free(b->rows.mem, b->widths, b->rows.schema->count * sizeof *b->widths);
    arr_batch_fini(&b->rows);
    buf_fini(&b->places);
    buf_fini(&b->origins);
    buf_fini(&b->ends);
}

void ingest_pile_clear(struct ingest_pile *p)
{
    for (size_t i = 0; i < ingest_pile_blocks(p); i++)
        free_block(ingest_pile_block(p, i));
    buf_fini(&p->blocks);
    key_vec_fini(&p->samples);
    if (p->waiting.schema)
        arr_batch_clear(&p->waiting);
    buf_clear(&p->origins);
    if (p->slabs)
        slabs_clear(p->slabs);
    p->rows = 0;
    p->bytes = 0;
}

void ingest_pile_fini(struct ingest_pile *p)
{
    if (!p->mem)
        return;
    ingest_pile_clear(p);
    arr_batch_fini(&p->waiting);
    buf_fini(&p->origins);
    if (p->slabs)
        alloc_delete(p->mem, p->slabs);
}

/* ---- Keys ---- */

/* The most bytes that a key of these rows may have, or more; nulls make it too many. */
static size_t longest_key(const struct key_spec *spec, const struct arr_batch *rows)
{
    size_t bytes = 0;
    for (size_t f = 0; f < spec->field_count; f++) {
        const struct arr_col *c = &rows->cols[spec->columns[f]];
        if (c->null_count > 0 || c->dictionary || arr_type_is_nested(c->type))
            return SIZE_MAX;
        bytes += FIELD_BYTES;
        if (!arr_type_is_variable(c->type)) {
            bytes += arr_type_width(c->type);
            continue;
        }
        const int32_t *offsets = arr_col_offsets(c);
        int32_t longest = 0;
        for (int64_t i = 0; i < rows->rows; i++) {
            int32_t len = offsets[i + 1] - offsets[i];
            longest = len > longest ? len : longest;
        }
        bytes += 2 * (size_t)longest; /* zero bytes are escaped */
    }
    return bytes;
}

/* Refuse keys that cannot be encoded, before they are held. */
static slp_rc check_keys(const struct ingest_pile *p, const struct arr_batch *rows,
                         struct slp_err *err)
{
    struct key_vec keys;
    if (longest_key(p->spec, rows) <= KEY_MAX_BYTES)
        return SLP_OK;
    key_vec_init(&keys, p->mem, SIZE_MAX / 4);
    slp_rc rc = key_encode_rows(p->spec, rows, 0, rows->rows, &keys, err);
    key_vec_fini(&keys);
    return rc;
}

/* ---- Blocks ---- */

/* Rows of a batch, for one block. */
struct rows {
    const struct arr_batch *batch;
    int64_t first;
    int64_t count;
};

/* The length of all texts, if they have one; 0: they have not. */
static uint32_t even_width(const struct arr_col *c, const struct rows *r)
{
    if (!arr_type_is_variable(c->type) || c->dictionary || c->offsets.len == 0)
        return 0;
    const int32_t *offsets = arr_col_offsets(c) + r->first;
    int32_t width = offsets[1] - offsets[0];
    int32_t differs = 0;
    for (int64_t i = 0; i < r->count; i++)
        differs |= (offsets[i + 1] - offsets[i]) ^ width;
    return differs ? 0 : (uint32_t)width;
}

/* Room for just so many bytes: what grows has too much. */
static slp_rc reserve_exactly(struct buf *b, size_t bytes, struct slp_err *err)
{
    b->max = bytes;
    return buf_reserve(b, bytes, err);
}

static slp_rc copy_even(struct arr_col *to, const struct arr_col *from, const struct rows *r,
                        uint32_t width, struct slp_err *err)
{
    size_t bytes = (size_t)r->count * width;
    TRY(reserve_exactly(&to->data, bytes, err));
    TRY(buf_append(&to->data, from->data.ptr + arr_col_offsets(from)[r->first], bytes, err));
    to->rows = r->count;
    return SLP_OK;
}

/* Room for all that a column that is not nested will have, in slabs. */
static slp_rc reserve_column(struct arr_col *to, const struct arr_col *from, const struct rows *r,
                             struct slp_err *err)
{
    size_t rows = (size_t)r->count;
    if (from->validity.len)
        TRY(reserve_exactly(&to->validity, arr_bits_bytes(r->count), err));
    if (from->type.kind == ARR_BOOL)
        return reserve_exactly(&to->data, arr_bits_bytes(r->count), err);
    if (!arr_type_is_variable(from->type))
        return reserve_exactly(&to->data, rows * arr_type_width(from->type), err);
    const int32_t *offsets = arr_col_offsets(from) + r->first;
    TRY(reserve_exactly(&to->offsets, (rows + 1) * sizeof *offsets, err));
    return reserve_exactly(&to->data, (size_t)(offsets[rows] - offsets[0]), err);
}

static slp_rc copy_column(struct ingest_pile *p, struct arr_col *to, const struct arr_col *from,
                          const struct rows *r, uint32_t *width, struct slp_err *err)
{
    bool is_flat = !arr_type_is_nested(from->type) && from->type.kind != ARR_NULL;
    *width = from->null_count ? 0 : even_width(from, r);
    if (is_flat && !from->dictionary) {
        to->data.mem = &p->slabs->base;
        to->offsets.mem = &p->slabs->base;
        to->validity.mem = &p->slabs->base;
    }
    if (*width)
        return copy_even(to, from, r, *width, err);
    if (is_flat && !from->dictionary)
        TRY(reserve_column(to, from, r, err));
    return arr_col_append_run(to, from, r->first, r->count, err);
}

/* Beside what slabs have: what describes the columns here and in the views of it, and nested ones. */
static size_t block_bytes(const struct ingest_block *b)
{
    size_t bytes = sizeof *b + 3 * b->rows.schema->count * sizeof(struct arr_col) + b->origins.len;
    for (size_t c = 0; c < b->rows.schema->count; c++)
        if (arr_type_is_nested(b->rows.cols[c].type))
            bytes += arr_col_memory(&b->rows.cols[c]);
    return bytes;
}

static slp_rc take_samples(struct ingest_pile *p, const struct rows *r,
                           const struct ingest_block *b, struct slp_err *err)
{
    for (int64_t i = r->count > INGEST_SAMPLE_ROWS ? INGEST_SAMPLE_ROWS / 2 : 0; i < r->count;
         i += INGEST_SAMPLE_ROWS) {
        struct key_rows one = {.first = r->first + i, .count = 1, .gap = INGEST_ORDINAL_BYTES};
        TRY(key_encode_spaced(p->spec, r->batch, one, &p->samples, err));
        num_store_u64be(p->samples.bytes.ptr + p->samples.bytes.len - INGEST_ORDINAL_BYTES,
                        ingest_block_ordinal(b, i));
    }
    return SLP_OK;
}

static slp_rc fill_block(struct ingest_pile *p, struct ingest_block *b, const struct rows *r,
                         struct buf *origins, struct slp_err *err)
{
    void *room = NULL;
    size_t before = p->slabs->taken + p->samples.bytes.len + p->samples.offsets.len;
    TRY(arr_batch_init(&b->rows, p->mem, p->schema, err));
    TRY(alloc_array(p->mem, p->schema->count, sizeof *b->widths, &room, err));
    b->widths = room;
    for (size_t c = 0; c < p->schema->count; c++)
        TRY(copy_column(p, &b->rows.cols[c], &r->batch->cols[c], r, &b->widths[c], err));
    b->rows.rows = r->count;
    buf_init(&b->places, &p->slabs->base, SIZE_MAX / 4);
    TRY(reserve_exactly(&b->places, (size_t)r->count * sizeof(uint16_t), err));
    buf_init(&b->ends, p->mem, SIZE_MAX / 4);
    buf_init(&b->origins, p->mem, SIZE_MAX / 4);
    buf_take(&b->origins, origins);
    TRY(take_samples(p, r, b, err));
    TRY(buf_append(&p->blocks, b, sizeof *b, err));
    p->rows += r->count;
    p->bytes +=
        block_bytes(b) + p->slabs->taken + p->samples.bytes.len + p->samples.offsets.len - before;
    return SLP_OK;
}

/* Make rows a block; `origins` are taken. */
static slp_rc add_block(struct ingest_pile *p, const struct rows *r, struct buf *origins,
                        struct slp_err *err)
{
    struct ingest_block b = {.widths = NULL};
    slp_rc rc = fill_block(p, &b, r, origins, err);
    if (rc != SLP_OK)
        free_block(&b);
    return rc;
}

static slp_rc add_rows(struct ingest_pile *p, const struct rows *r, uint64_t ordinal,
                       struct slp_err *err)
{
    struct ingest_origin origin = {.ordinal = ordinal};
    struct buf origins;
    buf_init(&origins, p->mem, SIZE_MAX / 4);
    slp_rc rc = buf_append(&origins, &origin, sizeof origin, err);
    if (rc == SLP_OK)
        rc = add_block(p, r, &origins, err);
    buf_fini(&origins);
    return rc;
}

slp_rc ingest_pile_end(struct ingest_pile *p, struct slp_err *err)
{
    struct rows r = {.batch = &p->waiting, .count = p->waiting.rows};
    if (r.count == 0)
        return SLP_OK;
    TRY(add_block(p, &r, &p->origins, err));
    buf_init(&p->origins, p->mem, SIZE_MAX / 4);
    arr_batch_clear(&p->waiting);
    return SLP_OK;
}

static slp_rc wait_for_more(struct ingest_pile *p, const struct arr_batch *batch, uint64_t ordinal,
                            struct slp_err *err)
{
    struct ingest_origin origin = {.ordinal = ordinal, .row = p->waiting.rows};
    TRY(buf_append(&p->origins, &origin, sizeof origin, err));
    TRY(arr_batch_append_run(&p->waiting, batch, 0, batch->rows, err));
    if (p->waiting.rows < WAIT_ROWS && arr_batch_memory(&p->waiting) < WAIT_BYTES)
        return SLP_OK;
    return ingest_pile_end(p, err);
}

slp_rc ingest_pile_add(struct ingest_pile *p, const struct arr_batch *batch, uint64_t ordinal,
                       struct slp_err *err)
{
    size_t bytes = arr_batch_memory(batch);
    TRY(check_keys(p, batch, err));
    if (batch->rows < WAIT_ROWS && bytes < WAIT_BYTES)
        return wait_for_more(p, batch, ordinal, err);
    TRY(ingest_pile_end(p, err));
    size_t row_bytes = bytes / (size_t)batch->rows + 1;
    int64_t step =
        num_min_i64((int64_t)(INGEST_BLOCK_BYTES / row_bytes) + 1, (int64_t)INGEST_BLOCK_ROWS);
    int64_t blocks = (batch->rows + step - 1) / step;
    step = (batch->rows + blocks - 1) / blocks;
    for (int64_t first = 0; first < batch->rows; first += step) {
        struct rows r = {
            .batch = batch, .first = first, .count = num_min_i64(step, batch->rows - first)};
        TRY(add_rows(p, &r, ordinal + (uint64_t)first, err));
    }
    return SLP_OK;
}

uint64_t ingest_block_ordinal(const struct ingest_block *b, int64_t row)
{
    const struct ingest_origin *o = (const struct ingest_origin *)(const void *)b->origins.ptr;
    size_t low = 0;
    size_t high = b->origins.len / sizeof *o;
    if (b->places.len)
        row = ((const uint16_t *)(const void *)b->places.ptr)[row];
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (o[middle].row <= row)
            low = middle;
        else
            high = middle;
    }
    return o[low].ordinal + (uint64_t)(row - o[low].row);
}

/* ---- Views ---- */

void ingest_view_init(struct ingest_view *v, struct alloc *mem, const struct arr_schema *schema,
                      const struct key_spec *spec)
{
    *v = (struct ingest_view){.block = {.batch = NULL}};
    ingest_window_init(&v->window, mem, schema, spec);
    buf_init(&v->ordinals.numbers, mem, SIZE_MAX / 4);
}

void ingest_view_fini(struct ingest_view *v)
{
    ingest_window_fini(&v->window);
    buf_fini(&v->ordinals.numbers);
}

slp_rc ingest_even_prepare(struct ingest_even *e, uint32_t width, int64_t rows, struct slp_err *err)
{
    size_t bytes = ((size_t)rows + 1) * sizeof(int32_t);
    if (e->width == width && bytes <= e->offsets.len)
        return SLP_OK;
    buf_clear(&e->offsets);
    TRY(buf_reserve(&e->offsets, bytes, err));
    int32_t *offsets = (int32_t *)(void *)e->offsets.ptr;
    for (int64_t i = 0; i <= rows; i++)
        offsets[i] = (int32_t)(i * width);
    e->offsets.len = bytes;
    e->width = width;
    return SLP_OK;
}

/* Ordinals of the rows, from the first on. */
static slp_rc find_ordinals(struct ingest_ordinals *o, const struct ingest_look *look,
                            struct slp_err *err)
{
    const struct ingest_block *b = look->block;
    const struct ingest_origin *origin = (const struct ingest_origin *)(const void *)b->origins.ptr;
    const uint16_t *places = b->places.len ? (const uint16_t *)(const void *)b->places.ptr : NULL;
    int64_t count = look->end - look->first;
    o->is_wide = b->origins.len > sizeof *origin;
    o->base = origin->ordinal;
    size_t bytes = (size_t)count * (o->is_wide ? sizeof(uint64_t) : sizeof(uint32_t));
    buf_clear(&o->numbers);
    TRY(buf_reserve(&o->numbers, bytes, err));
    o->numbers.len = bytes;
    uint64_t *wide = (uint64_t *)(void *)o->numbers.ptr;
    uint32_t *narrow = (uint32_t *)(void *)o->numbers.ptr;
    for (int64_t i = 0; i < count && o->is_wide; i++)
        wide[i] = ingest_block_ordinal(b, look->first + i);
    for (int64_t i = 0; i < count && !o->is_wide; i++)
        narrow[i] = places ? places[look->first + i] : (uint32_t)(look->first + i);
    return SLP_OK;
}

slp_rc ingest_view_open(struct ingest_view *v, const struct ingest_look *look, struct slp_err *err)
{
    const struct ingest_block *b = look->block;
    struct ingest_window_rows rows = {.batch = &b->rows,
                                      .ordinals = look->has_numbers ? &v->ordinals : NULL,
                                      .first = look->first,
                                      .count = look->end - look->first,
                                      .encoded = look->encoded,
                                      .widths = b->widths,
                                      .even = look->even};
    assert(look->first < look->end && look->end <= b->rows.rows);
    if (look->has_numbers)
        TRY(find_ordinals(&v->ordinals, look, err));
    return ingest_window_look(&v->window, &rows, &v->block, err);
}
