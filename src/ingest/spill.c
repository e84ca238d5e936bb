#include "ingest/spill.h"

#include "arrow/bits.h"
#include "base/hash.h"
#include "base/num.h"
#include "codec/compress.h"
#include "ingest/bins.h"
#include "ingest/sorted.h"
#include "ingest/stretch.h"
#include "merge/merge.h"
#include "os/writer.h"

#define BLOCK_ROWS_MAX    65536
#define BLOCK_BYTES_LIMIT ((size_t)UINT32_MAX)

/* Parts of a column, in the order of the block. */
#define COLUMN_PARTS 3u

/* Where a part begins. */
#define ALIGNMENT 8u

/* Shorter parts are never compressed; one that could not be halved is not tried in so many blocks. */
#define COMPRESS_MIN_BYTES ((size_t)4096)
#define PLAIN_BLOCKS       16u

struct block {
    uint64_t offset;
    uint32_t bytes;
    uint32_t crc;
    int64_t rows;
    uint64_t base; /* of its ordinals */
    bool is_wide;
};

/* What is read of a run: blocks one after the other, by one thread. */
struct reader {
    struct alloc *mem;
    const struct spilled_run *of;
    struct cx_codec *codec; /* NULL: not needed yet */
    size_t next;            /* block to read */
    size_t end;
    struct buf body;           /* of the block being written, or looked at */
    struct buf *unpacked;      /* parts that are compressed, one buffer a part; NULL: none was */
    struct arr_batch rows;     /* of a block: borrowed from `body` and `unpacked` */
    struct ingest_ordinals at; /* of its rows, likewise */
    struct ingest_window window;
    int64_t row;     /* of the block: next to be handed out */
    int64_t row_end; /* of those that are */
    struct buf lo;   /* bounds, where there are any: of the first block to read, */
    struct buf hi;   /* and of the last */
    size_t lo_block;
    bool has_lo;
    bool has_hi;
};

struct spilled_run {
    struct run base;
    struct alloc *mem;
    struct os_temp *file;
    struct buf blocks;     /* of struct block */
    struct key_vec firsts; /* of each the first key, with its ordinal */
    uint8_t *plain;        /* so many blocks more a part is not tried, one a part */
    size_t parts;          /* of a block */
    struct reader reader;
};

struct spilled_part {
    struct run base;
    struct alloc *mem;
    struct reader reader;
};

static size_t block_count(const struct spilled_run *r)
{
    return r->blocks.len / sizeof(struct block);
}

static const struct block *block_at(const struct spilled_run *r, size_t i)
{
    return &((const struct block *)(const void *)r->blocks.ptr)[i];
}

/* Columns of a tree, itself included. */
static size_t count_nodes(const struct arr_col *c)
{
    size_t count = 1;
    for (size_t i = 0; i < c->child_count; i++)
        count += count_nodes(&c->children[i]);
    return count;
}

static size_t aligned(size_t bytes)
{
    return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

/* ---- Writing ---- */

/* Rows [first, first + count) of sorted rows. */
struct piece {
    const struct arr_batch *rows;
    const struct ingest_ordinals *ordinals;
    int64_t first;
    int64_t count;
};

static slp_rc too_large(size_t bytes, struct slp_err *err)
{
    FAIL(err, LIMIT, "spilled rows: a block has %zu bytes of one column; expected at most %zu",
         bytes, BLOCK_BYTES_LIMIT);
}

/* Append a part, compressed if that halves it. */
static slp_rc put_part(struct spilled_run *r, size_t part, struct slice bytes, struct slp_err *err)
{
    struct buf *body = &r->reader.body;
    size_t at = body->len;
    size_t stored = 0;
    if (bytes.len > BLOCK_BYTES_LIMIT)
        return too_large(bytes.len, err);
    if (bytes.len >= COMPRESS_MIN_BYTES && r->plain[part] == 0) {
        TRY(cx_compress(r->reader.codec, CX_LZ4_RAW, 0, bytes, body, err));
        stored = body->len - at;
        if (stored > bytes.len / 2) {
            body->len = at;
            r->plain[part] = PLAIN_BLOCKS;
        }
    } else if (r->plain[part] > 0) {
        r->plain[part]--;
    }
    if (body->len == at) {
        TRY(buf_append_slice(body, bytes, err));
        stored = bytes.len;
    }
    num_store_u32le(body->ptr + 8 * part, (uint32_t)bytes.len);
    num_store_u32le(body->ptr + 8 * part + 4, (uint32_t)stored);
    return buf_resize(body, aligned(body->len), err);
}

static slp_rc put_numbers(struct spilled_run *r, const struct piece *p, struct slp_err *err)
{
    size_t width = p->ordinals->is_wide ? sizeof(uint64_t) : sizeof(uint32_t);
    const uint8_t *from = p->ordinals->numbers.ptr + (size_t)p->first * width;
    return put_part(r, 0, slice_of(from, (size_t)p->count * width), err);
}

/* Make room for a part that is put down as it is. */
static slp_rc put_room(struct spilled_run *r, size_t part, size_t bytes, uint8_t **out,
                       struct slp_err *err)
{
    size_t at = r->reader.body.len;
    if (bytes > BLOCK_BYTES_LIMIT - ALIGNMENT)
        return too_large(bytes, err);
    TRY(buf_resize(&r->reader.body, at + aligned(bytes), err));
    num_store_u32le(r->reader.body.ptr + 8 * part, (uint32_t)bytes);
    num_store_u32le(r->reader.body.ptr + 8 * part + 4, (uint32_t)bytes);
    *out = r->reader.body.ptr + at;
    return SLP_OK;
}

/* Bits of a bitmap, if there is one. */
static slp_rc put_bits(struct spilled_run *r, size_t part, const struct buf *bits, int64_t first,
                       int64_t count, struct slp_err *err)
{
    uint8_t *out = NULL;
    TRY(put_room(r, part, bits->len ? arr_bits_bytes(count) : 0, &out, err));
    if (bits->len)
        arr_bits_copy(out, 0, bits->ptr, first, count);
    return SLP_OK;
}

/* Offsets of strings or lists, from 0 on. */
static slp_rc put_offsets(struct spilled_run *r, size_t part, const int32_t *offsets, int64_t count,
                          struct slp_err *err)
{
    uint8_t *room = NULL;
    TRY(put_room(r, part, ((size_t)count + 1) * sizeof *offsets, &room, err));
    int32_t *out = (int32_t *)(void *)room;
    for (int64_t i = 0; i <= count; i++)
        out[i] = offsets[i] - offsets[0];
    return SLP_OK;
}

/* Rows of a column, its parts from `*part` on, then its children. Trees are at most ARR_DEPTH_MAX
 * deep. */
static slp_rc put_column(struct spilled_run *r, size_t *part, const struct arr_col *c,
                         int64_t first, int64_t count, struct slp_err *err)
{
    size_t at = *part;
    bool is_list = arr_type_is_list(c->type);
    *part += COLUMN_PARTS;
    TRY(put_bits(r, at, &c->validity, first, count, err));
    if (c->type.kind == ARR_BOOL)
        return put_bits(r, at + 1, &c->data, first, count, err);
    if ((is_list || arr_type_is_variable(c->type)) && c->offsets.len) {
        const int32_t *offsets = arr_col_offsets(c) + first;
        size_t bytes = (size_t)(offsets[count] - offsets[0]);
        TRY(put_offsets(r, at + 2, offsets, count, err));
        if (is_list)
            return put_column(r, part, &c->children[0], offsets[0], (int64_t)bytes, err);
        return put_part(r, at + 1, slice_of(bytes ? c->data.ptr + offsets[0] : NULL, bytes), err);
    }
    if (is_list) /* of no rows at all */
        return put_column(r, part, &c->children[0], 0, 0, err);
    for (size_t i = 0; i < c->child_count; i++)
        TRY(put_column(r, part, &c->children[i], first, count, err));
    size_t width = c->child_count ? 0 : arr_type_width(c->type);
    if (width == 0 || count == 0)
        return SLP_OK;
    struct slice data = slice_of(c->data.ptr + (size_t)first * width, (size_t)count * width);
    return put_part(r, at + 1, data, err);
}

static slp_rc write_block(struct spilled_run *r, const struct piece *p, struct slp_err *err)
{
    struct sink *sink = os_temp_sink(r->file);
    struct block block = {.offset = sink->offset,
                          .rows = p->count,
                          .base = p->ordinals->base,
                          .is_wide = p->ordinals->is_wide};
    buf_clear(&r->reader.body);
    TRY(buf_resize(&r->reader.body, 8 * r->parts, err));
    TRY(put_numbers(r, p, err));
    size_t part = 1;
    for (size_t c = 0; c < p->rows->schema->count; c++)
        TRY(put_column(r, &part, &p->rows->cols[c], p->first, p->count, err));
    block.bytes = (uint32_t)r->reader.body.len;
    block.crc = hash_crc32c(0, buf_slice(&r->reader.body));
    TRY(buf_append(&r->blocks, &block, sizeof block, err));
    TRY(ingest_key_append(r->reader.window.spec, p->rows, p->ordinals, p->first, &r->firsts, err));
    return sink_write(sink, r->reader.body.ptr, r->reader.body.len, err);
}

static slp_rc check_cancel(const struct ingest_spill_options *o, struct slp_err *err)
{
    if (o->cancel && *o->cancel)
        FAIL(err, CANCELLED, "cancelled");
    return SLP_OK;
}

/* The ordinals that stand behind the keys. */
static slp_rc take_ordinals(const struct key_vec *keys, struct buf *scratch,
                            struct ingest_ordinals *out, struct slp_err *err)
{
    size_t bytes = (size_t)keys->count * sizeof(uint64_t);
    buf_clear(scratch);
    TRY(buf_reserve(scratch, bytes, err));
    uint64_t *ordinals = (uint64_t *)(void *)scratch->ptr;
    const uint64_t *ends = (const uint64_t *)(const void *)keys->offsets.ptr + 1;
    for (int64_t i = 0; i < keys->count; i++)
        ordinals[i] = num_load_u64be(keys->bytes.ptr + ends[i] - INGEST_ORDINAL_BYTES);
    return ingest_ordinals_pick(out, ordinals, NULL, keys->count, err);
}

/* What a merge gives, block by block. */
struct merged {
    struct arr_batch rows;
    struct key_vec keys;
    struct ingest_ordinals ordinals;
    struct buf scratch;
};

static slp_rc write_merged(struct spilled_run *r, const struct ingest_spill_options *o,
                           struct merge *merge, struct merged *m, struct slp_err *err)
{
    for (;;) {
        TRY(check_cancel(o, err));
        arr_batch_clear(&m->rows);
        key_vec_clear(&m->keys);
        slp_rc rc = merge_next(merge, BLOCK_ROWS_MAX, o->block_bytes, &m->rows, &m->keys, err);
        if (rc == SLP_DONE)
            return os_temp_flush(r->file, err);
        TRY(rc);
        TRY(take_ordinals(&m->keys, &m->scratch, &m->ordinals, err));
        struct piece p = {.rows = &m->rows, .ordinals = &m->ordinals, .count = m->rows.rows};
        TRY(write_block(r, &p, err));
    }
}

/* All rows of a piece, which stands at its beginning, block by block. */
static slp_rc write_rows(struct spilled_run *r, const struct ingest_spill_options *o,
                         struct piece p, struct slp_err *err)
{
    int64_t rows = p.rows->rows;
    size_t row_bytes = arr_batch_memory(p.rows) / (size_t)num_max_i64(rows, 1) + 1;
    int64_t step = num_min_i64((int64_t)(o->block_bytes / row_bytes) + 1, BLOCK_ROWS_MAX);
    for (; p.first < rows; p.first += p.count) {
        TRY(check_cancel(o, err));
        p.count = num_min_i64(step, rows - p.first);
        TRY(write_block(r, &p, err));
    }
    return SLP_OK;
}

static slp_rc write_sorted(struct spilled_run *r, const struct ingest_spill_options *o,
                           const struct run *run, struct slp_err *err)
{
    struct piece p = {.rows = ingest_sorted_rows(run), .ordinals = ingest_sorted_ordinals(run)};
    TRY(write_rows(r, o, p, err));
    return os_temp_flush(r->file, err);
}

/* Bin by bin. */
static slp_rc write_bins(struct spilled_run *r, const struct ingest_spill_options *o,
                         struct ingest_bin *bin, size_t count, struct merged *m,
                         struct slp_err *err)
{
    struct piece p = {.rows = &m->rows, .ordinals = &m->ordinals};
    for (size_t i = 0; i < count; i++) {
        arr_batch_clear(&m->rows);
        TRY(ingest_bin_sort(bin, i, err));
        TRY(ingest_bin_gather(bin, &m->rows, &m->ordinals, err));
        TRY(write_rows(r, o, p, err));
    }
    return os_temp_flush(r->file, err);
}

/* ---- Reading ---- */

static slp_rc damaged(const struct block *b, const char *what, struct slp_err *err)
{
    FAIL(err, CORRUPT,
         "spilled rows: %s in the block at offset %llu; the temporary folder's device "
         "may be damaged",
         what, (unsigned long long)b->offset);
}

/* Decompress a part into room of its own. */
static slp_rc unpack(struct reader *r, size_t part, struct slice stored, size_t len,
                     struct slp_err *err)
{
    if (!r->unpacked) {
        void *room = NULL;
        TRY(alloc_array(r->mem, r->of->parts, sizeof *r->unpacked, &room, err));
        r->unpacked = room;
        for (size_t i = 0; i < r->of->parts; i++)
            buf_init(&r->unpacked[i], r->mem, BLOCK_BYTES_LIMIT);
    }
    if (!r->codec)
        TRY(cx_codec_new(r->mem, &r->codec, err));
    struct buf *out = &r->unpacked[part];
    buf_clear(out);
    TRY(buf_reserve(out, len, err));
    return cx_decompress(r->codec, CX_LZ4_RAW, stored, out->ptr, len, err);
}

/* Have `out` borrow a part from the block, whose parts before it end at `*end`. Those that were not
 * written have no bytes. */
static slp_rc get_part(struct reader *r, size_t part, size_t *end, struct buf *out,
                       struct slp_err *err)
{
    const uint8_t *head = r->body.ptr + 8 * part;
    size_t len = num_load_u32le(head);
    size_t stored = num_load_u32le(head + 4);
    uint8_t *from = r->body.ptr + *end;
    *end += aligned(stored);
    if (len != stored) {
        TRY(unpack(r, part, slice_of(from, stored), len, err));
        from = r->unpacked[part].ptr;
    }
    out->ptr = from;
    out->len = len;
    return SLP_OK;
}

/* The parts of a column in the order in which put_column put them down. */
static slp_rc get_column(struct reader *r, size_t *part, size_t *end, struct arr_col *c,
                         int64_t rows, struct slp_err *err)
{
    size_t at = *part;
    bool is_list = arr_type_is_list(c->type);
    int64_t below = rows;
    *part += COLUMN_PARTS;
    c->rows = rows;
    TRY(get_part(r, at, end, &c->validity, err));
    TRY(get_part(r, at + 2, end, &c->offsets, err));
    if (is_list)
        below = c->offsets.len ? arr_col_offsets(c)[rows] : 0;
    for (size_t i = 0; i < c->child_count; i++)
        TRY(get_column(r, part, end, &c->children[i], below, err));
    return get_part(r, at + 1, end, &c->data, err);
}

static slp_rc get_parts(struct reader *r, struct slp_err *err)
{
    size_t end = 8 * r->of->parts;
    size_t part = 1;
    TRY(get_part(r, 0, &end, &r->at.numbers, err));
    for (size_t c = 0; c < r->rows.schema->count; c++)
        TRY(get_column(r, &part, &end, &r->rows.cols[c], r->rows.rows, err));
    return SLP_OK;
}

static slp_rc load_block(struct reader *r, const struct block *b, struct slp_err *err)
{
    buf_clear(&r->body);
    TRY(buf_reserve(&r->body, b->bytes, err));
    TRY(os_temp_read(r->of->file, b->offset, r->body.ptr, b->bytes, err));
    r->body.len = b->bytes;
    if (hash_crc32c(0, buf_slice(&r->body)) != b->crc)
        return damaged(b, "a wrong checksum", err);
    r->rows.rows = b->rows;
    r->at.base = b->base;
    r->at.is_wide = b->is_wide;
    return get_parts(r, err);
}

/* Read a block, and find the rows of it that are inside the bounds. */
static slp_rc read_block(struct reader *r, struct slp_err *err)
{
    const struct key_spec *spec = r->window.spec;
    struct key_vec *scratch = &r->window.keys;
    size_t number = r->next;
    if (!r->rows.cols)
        TRY(arr_batch_init(&r->rows, r->mem, r->window.schema, err));
    TRY(load_block(r, block_at(r->of, number), err));
    r->row = 0;
    r->row_end = r->rows.rows;
    if (r->has_lo && number == r->lo_block)
        TRY(ingest_lower_bound(spec, &r->rows, &r->at, buf_slice(&r->lo), scratch, &r->row, err));
    if (r->has_hi && number + 1 == r->end)
        TRY(ingest_lower_bound(spec, &r->rows, &r->at, buf_slice(&r->hi), scratch, &r->row_end,
                               err));
    r->next++;
    return SLP_OK;
}

static slp_rc reader_next(struct reader *r, struct run_block *out, struct slp_err *err)
{
    while (r->row >= r->row_end) {
        if (r->next >= r->end)
            return SLP_DONE;
        TRY(read_block(r, err));
    }
    return ingest_window_next(&r->window, &r->rows, &r->at, &r->row, r->row_end, out, err);
}

static slp_rc spilled_next(struct run *run, struct run_block *out, struct slp_err *err)
{
    return reader_next(&((struct spilled_run *)(void *)run)->reader, out, err);
}

/* Forget what was borrowed. */
static void give_back(struct arr_col *c)
{
    c->validity = (struct buf){0};
    c->data = (struct buf){.mem = c->data.mem}; /* which the list of children came from */
    c->offsets = (struct buf){0};
    for (size_t i = 0; i < c->child_count; i++)
        give_back(&c->children[i]);
}

static void reader_init(struct reader *r, struct alloc *mem, const struct spilled_run *of,
                        const struct arr_schema *schema, const struct key_spec *spec)
{
    *r = (struct reader){.mem = mem, .of = of};
    buf_init(&r->body, mem, BLOCK_BYTES_LIMIT);
    buf_init(&r->lo, mem, SIZE_MAX / 4);
    buf_init(&r->hi, mem, SIZE_MAX / 4);
    ingest_window_init(&r->window, mem, schema, spec);
}

static void reader_fini(struct reader *r)
{
    cx_codec_free(r->codec);
    buf_fini(&r->body);
    buf_fini(&r->lo);
    buf_fini(&r->hi);
    for (size_t i = 0; r->unpacked && i < r->of->parts; i++)
        buf_fini(&r->unpacked[i]);
    if (r->unpacked)
        alloc_free(r->mem, r->unpacked, r->of->parts * sizeof *r->unpacked);
    for (size_t c = 0; r->rows.cols && c < r->rows.schema->count; c++)
        give_back(&r->rows.cols[c]);
    arr_batch_fini(&r->rows);
    ingest_window_fini(&r->window);
}

static void spilled_close(struct run *run)
{
    struct spilled_run *r = (struct spilled_run *)(void *)run;
    reader_fini(&r->reader);
    os_temp_close(r->file);
    buf_fini(&r->blocks);
    key_vec_fini(&r->firsts);
    alloc_free(r->mem, r->plain, r->parts);
    alloc_delete(r->mem, r);
}

static const struct run_ops spilled_ops = {.next = spilled_next, .close = spilled_close};

/* ---- Parts ---- */

bool ingest_is_spilled_run(const struct run *run)
{
    return run->ops == &spilled_ops;
}

size_t ingest_spilled_blocks(const struct run *run)
{
    return block_count((const struct spilled_run *)(const void *)run);
}

struct slice ingest_spilled_block(const struct run *run, size_t i, int64_t *rows)
{
    const struct spilled_run *r = (const struct spilled_run *)(const void *)run;
    *rows = block_at(r, i)->rows;
    return key_at(&r->firsts, (int64_t)i);
}

static slp_rc part_next(struct run *run, struct run_block *out, struct slp_err *err)
{
    return reader_next(&((struct spilled_part *)(void *)run)->reader, out, err);
}

static void part_close(struct run *run)
{
    struct spilled_part *p = (struct spilled_part *)(void *)run;
    reader_fini(&p->reader);
    alloc_delete(p->mem, p);
}

/* Blocks that may hold rows of the stretch. */
static slp_rc bound(struct reader *r, const struct ingest_stretch *stretch, struct slp_err *err)
{
    const struct key_vec *firsts = &r->of->firsts;
    r->end = block_count(r->of);
    r->has_lo = stretch->has_lo;
    r->has_hi = stretch->has_hi;
    if (stretch->has_lo) {
        size_t above = (size_t)key_lower_bound(firsts, stretch->lo);
        r->next = above > 0 ? above - 1 : 0;
        r->lo_block = r->next;
        TRY(buf_assign(&r->lo, stretch->lo, err));
    }
    if (stretch->has_hi) {
        r->end = (size_t)key_lower_bound(firsts, stretch->hi);
        TRY(buf_assign(&r->hi, stretch->hi, err));
    }
    return SLP_OK;
}

slp_rc ingest_spilled_part(const struct run *run, const struct ingest_stretch *stretch,
                           struct alloc *mem, struct run **out, struct slp_err *err)
{
    static const struct run_ops ops = {.next = part_next, .close = part_close};
    const struct spilled_run *r = (const struct spilled_run *)(const void *)run;
    const struct ingest_window *w = &r->reader.window;
    struct spilled_part *p = NULL;
    TRY(alloc_new(mem, &p, err));
    p->base.ops = &ops;
    p->mem = mem;
    reader_init(&p->reader, mem, r, w->schema, w->spec);
    slp_rc rc = bound(&p->reader, stretch, err);
    if (rc != SLP_OK)
        part_close(&p->base);
    else
        *out = &p->base;
    return rc;
}

/* ---- Making one ---- */

static slp_rc make_run(struct alloc *mem, const struct ingest_spill_options *o,
                       struct spilled_run **out, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct spilled_run *r = NULL;
    void *room = NULL;
    TRY(alloc_new(mem, &r, err));
    r->base.ops = &spilled_ops;
    r->mem = mem;
    buf_init(&r->blocks, mem, SIZE_MAX / 4);
    key_vec_init(&r->firsts, mem, SIZE_MAX / 4);
    reader_init(&r->reader, mem, r, o->schema, o->spec);
    TRY_OUT(arr_batch_init(&r->reader.rows, mem, o->schema, err));
    r->parts = 1;
    for (size_t c = 0; c < o->schema->count; c++)
        r->parts += COLUMN_PARTS * count_nodes(&r->reader.rows.cols[c]);
    TRY_OUT(alloc_array(mem, r->parts, 1, &room, err));
    r->plain = room;
    TRY_OUT(cx_codec_new(mem, &r->reader.codec, err));
    TRY_OUT(os_temp_open(mem, o->folder, &r->file, err));
    *out = r;
    return SLP_OK;
out:
    spilled_close(&r->base);
    return rc;
}

/* What writing needed is given back: many runs wait for their merge at the same time. */
static void end_writing(struct spilled_run *r)
{
    buf_fini(&r->reader.body);
    r->reader.end = block_count(r);
}

slp_rc ingest_spill(struct alloc *mem, const struct ingest_spill_options *options,
                    struct run **runs, size_t count, struct run **out, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct merge *merge = NULL;
    struct spilled_run *r = NULL;
    struct merged m = {0};
    buf_init(&m.ordinals.numbers, mem, SIZE_MAX / 4);
    buf_init(&m.scratch, mem, SIZE_MAX / 4);
    key_vec_init(&m.keys, mem, SIZE_MAX / 4);
    TRY(merge_new(mem, options->schema, runs, count, &merge, err));
    TRY_OUT(arr_batch_init(&m.rows, mem, options->schema, err));
    TRY_OUT(make_run(mem, options, &r, err));
    TRY_OUT(write_merged(r, options, merge, &m, err));
    end_writing(r);
    *out = &r->base;
    r = NULL;
out:
    merge_free(merge);
    arr_batch_fini(&m.rows);
    key_vec_fini(&m.keys);
    buf_fini(&m.ordinals.numbers);
    buf_fini(&m.scratch);
    if (r)
        spilled_close(&r->base);
    return err_wrap(err, rc, "spilling to \"%s\"", options->folder);
}

slp_rc ingest_spill_sorted(struct alloc *mem, const struct ingest_spill_options *options,
                           struct run *run, struct run **out, struct slp_err *err)
{
    struct spilled_run *r = NULL;
    slp_rc rc = make_run(mem, options, &r, err);
    if (rc == SLP_OK)
        rc = write_sorted(r, options, run, err);
    run_close(run);
    if (rc == SLP_OK) {
        end_writing(r);
        *out = &r->base;
    } else if (r) {
        spilled_close(&r->base);
    }
    return err_wrap(err, rc, "spilling to \"%s\"", options->folder);
}

/* Arrange a pile by stretches that are cut by its samples. */
static slp_rc arrange_pile(struct alloc *mem, const struct ingest_spill_options *o,
                           struct ingest_pile *pile, struct arena *arena, size_t *bins,
                           struct slp_err *err)
{
    struct ingest_cuttable from = {.spec = o->spec, .piles = &pile, .pile_count = 1};
    struct ingest_stretches cut = {0};
    struct ingest_sieve sieve = {0};
    struct ingest_arrange_options arrange = {
        .piles = &pile, .count = 1, .sieve = &sieve, .threads = 1, .cancel = o->cancel};
    TRY(ingest_pile_end(pile, err));
    TRY(ingest_cut(&from, ingest_bin_target(pile->rows, pile->bytes), mem, arena, &cut, err));
    TRY(ingest_sieve_init(&sieve, mem, cut.items, cut.count, err));
    slp_rc rc = ingest_piles_arrange(mem, &arrange, err);
    ingest_sieve_fini(&sieve);
    *bins = cut.count;
    return rc;
}

slp_rc ingest_spill_pile(struct alloc *mem, const struct ingest_spill_options *options,
                         struct ingest_pile *pile, struct run **out, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct spilled_run *r = NULL;
    struct merged m = {0};
    struct ingest_bin bin = {0};
    struct arena arena;
    size_t bins = 0;
    arena_init(&arena, mem, SIZE_MAX / 4);
    buf_init(&m.ordinals.numbers, mem, SIZE_MAX / 4);
    TRY_OUT(arrange_pile(mem, options, pile, &arena, &bins, err));
    const struct ingest_bins all = {.piles = &pile, .pile_count = 1, .has_ordinals = true};
    TRY_OUT(ingest_bin_init(&bin, mem, &all, err));
    TRY_OUT(arr_batch_init(&m.rows, mem, options->schema, err));
    TRY_OUT(make_run(mem, options, &r, err));
    TRY_OUT(write_bins(r, options, &bin, bins, &m, err));
    end_writing(r);
    *out = &r->base;
    r = NULL;
out:
    arr_batch_fini(&m.rows);
    buf_fini(&m.ordinals.numbers);
    ingest_bin_fini(&bin);
    ingest_pile_clear(pile);
    arena_fini(&arena);
    if (r)
        spilled_close(&r->base);
    return err_wrap(err, rc, "spilling to \"%s\"", options->folder);
}
