#include "ingest/spill.h"

#include "base/hash.h"
#include "base/num.h"
#include "codec/compress.h"
#include "merge/merge.h"
#include "os/writer.h"

#define HEAD_BYTES        16u
#define PART_HEAD_BYTES   8u
#define BLOCK_ROWS_MAX    65536
#define BLOCK_BYTES_LIMIT ((size_t)UINT32_MAX)

/* A part is kept compressed if that takes off at least an eighth. */
#define GAIN_SHIFT 3

static const uint8_t magic[4] = {'S', 'P', 'L', '1'};

struct spilled_run {
    struct run base;
    struct alloc *mem;
    struct os_temp *file;
    struct cx_codec *codec;
    struct buf body;
    struct buf packed; /* one part, while writing */
    struct arr_batch rows;
    struct key_vec keys;
    uint64_t at;  /* where the next block begins */
    uint64_t end; /* of the file */
};

/* ---- Writing ---- */

static slp_rc put_part(struct spilled_run *r, const struct buf *part, struct slp_err *err)
{
    struct slice stored = buf_slice(part);
    if (part->len > BLOCK_BYTES_LIMIT)
        FAIL(err, LIMIT, "spilled rows: a block has %zu bytes of one column; expected at most %zu",
             part->len, BLOCK_BYTES_LIMIT);
    if (part->len > 0) {
        buf_clear(&r->packed);
        TRY(cx_compress(r->codec, CX_SNAPPY, 0, stored, &r->packed, err));
        if (r->packed.len < part->len - (part->len >> GAIN_SHIFT))
            stored = buf_slice(&r->packed);
    }
    TRY(buf_append_u32le(&r->body, (uint32_t)part->len, err));
    TRY(buf_append_u32le(&r->body, (uint32_t)stored.len, err));
    return buf_append_slice(&r->body, stored, err);
}

static slp_rc put_column(struct spilled_run *r, const struct arr_col *c, struct slp_err *err)
{
    TRY(buf_append_u64le(&r->body, (uint64_t)c->null_count, err));
    TRY(put_part(r, &c->validity, err));
    TRY(put_part(r, &c->data, err));
    return put_part(r, &c->offsets, err);
}

static slp_rc write_block(struct spilled_run *r, struct slp_err *err)
{
    uint8_t head[HEAD_BYTES];
    buf_clear(&r->body);
    for (size_t c = 0; c < r->rows.schema->count; c++)
        TRY(put_column(r, &r->rows.cols[c], err));
    TRY(put_part(r, &r->keys.bytes, err));
    TRY(put_part(r, &r->keys.offsets, err));
    memcpy(head, magic, sizeof magic);
    num_store_u32le(head + 4, (uint32_t)r->rows.rows);
    num_store_u32le(head + 8, (uint32_t)r->body.len);
    num_store_u32le(head + 12, hash_crc32c(0, buf_slice(&r->body)));
    struct sink *sink = os_temp_sink(r->file);
    TRY(sink_write(sink, head, sizeof head, err));
    return sink_write(sink, r->body.ptr, r->body.len, err);
}

static slp_rc write_all(struct spilled_run *r, const struct ingest_spill_options *o,
                        struct merge *merge, struct slp_err *err)
{
    for (;;) {
        if (o->cancel && *o->cancel)
            FAIL(err, CANCELLED, "cancelled");
        arr_batch_clear(&r->rows);
        key_vec_clear(&r->keys);
        slp_rc rc = merge_next(merge, BLOCK_ROWS_MAX, o->block_bytes, &r->rows, &r->keys, err);
        if (rc == SLP_DONE)
            break;
        TRY(rc);
        TRY(write_block(r, err));
    }
    r->end = os_temp_sink(r->file)->offset;
    return os_temp_flush(r->file, err);
}

/* ---- Reading ---- */

static slp_rc damaged(const struct spilled_run *r, const char *what, struct slp_err *err)
{
    FAIL(err, CORRUPT,
         "spilled rows: %s in the block at offset %llu; the temporary folder's device "
         "may be damaged",
         what, (unsigned long long)r->at);
}

/* Take `n` bytes from the front of what is left of a body. */
static bool take(struct slice *left, size_t n, struct slice *out)
{
    if (left->len < n)
        return false;
    *out = slice_first(*left, n);
    *left = slice_after(*left, n);
    return true;
}

static slp_rc get_part(struct spilled_run *r, struct slice *left, struct buf *out,
                       struct slp_err *err)
{
    struct slice head;
    struct slice stored;
    if (!take(left, PART_HEAD_BYTES, &head) || !take(left, num_load_u32le(head.ptr + 4), &stored))
        return damaged(r, "a part is cut off", err);
    size_t len = num_load_u32le(head.ptr);
    buf_clear(out);
    TRY(buf_reserve(out, len, err));
    enum cx_kind kind = stored.len == len ? CX_NONE : CX_SNAPPY;
    if (len > 0)
        TRY(cx_decompress(r->codec, kind, stored, out->ptr, len, err));
    out->len = len;
    return SLP_OK;
}

static slp_rc get_column(struct spilled_run *r, struct slice *left, struct arr_col *c, int64_t rows,
                         struct slp_err *err)
{
    struct slice nulls;
    if (!take(left, sizeof(uint64_t), &nulls))
        return damaged(r, "a column is cut off", err);
    TRY(get_part(r, left, &c->validity, err));
    TRY(get_part(r, left, &c->data, err));
    TRY(get_part(r, left, &c->offsets, err));
    c->null_count = (int64_t)num_load_u64le(nulls.ptr);
    c->rows = rows;
    return SLP_OK;
}

static slp_rc read_body(struct spilled_run *r, int64_t rows, struct slp_err *err)
{
    struct slice left = buf_slice(&r->body);
    for (size_t c = 0; c < r->rows.schema->count; c++)
        TRY(get_column(r, &left, &r->rows.cols[c], rows, err));
    TRY(get_part(r, &left, &r->keys.bytes, err));
    TRY(get_part(r, &left, &r->keys.offsets, err));
    if (left.len > 0 || r->keys.offsets.len != ((size_t)rows + 1) * sizeof(uint64_t))
        return damaged(r, "the number of bytes is wrong", err);
    r->rows.rows = rows;
    r->keys.count = rows;
    return SLP_OK;
}

static slp_rc spilled_next(struct run *run, struct run_block *out, struct slp_err *err)
{
    struct spilled_run *r = (struct spilled_run *)(void *)run;
    uint8_t head[HEAD_BYTES];
    if (r->at == r->end)
        return SLP_DONE;
    TRY(os_temp_read(r->file, r->at, head, sizeof head, err));
    uint32_t rows = num_load_u32le(head + 4);
    size_t bytes = num_load_u32le(head + 8);
    if (memcmp(head, magic, sizeof magic) != 0 || rows == 0 ||
        !num_range_fits(r->at + HEAD_BYTES, bytes, r->end))
        return damaged(r, "a wrong head", err);
    TRY(buf_resize(&r->body, bytes, err));
    TRY(os_temp_read(r->file, r->at + HEAD_BYTES, r->body.ptr, bytes, err));
    if (hash_crc32c(0, buf_slice(&r->body)) != num_load_u32le(head + 12))
        return damaged(r, "a wrong checksum", err);
    TRY(read_body(r, rows, err));
    r->at += HEAD_BYTES + bytes;
    *out = (struct run_block){.batch = &r->rows, .keys = &r->keys};
    return SLP_OK;
}

static void spilled_close(struct run *run)
{
    struct spilled_run *r = (struct spilled_run *)(void *)run;
    os_temp_close(r->file);
    cx_codec_free(r->codec);
    buf_fini(&r->body);
    buf_fini(&r->packed);
    arr_batch_fini(&r->rows);
    key_vec_fini(&r->keys);
    alloc_delete(r->mem, r);
}

/* ---- Making one ---- */

static slp_rc make_run(struct alloc *mem, const struct ingest_spill_options *o,
                       struct spilled_run **out, struct slp_err *err)
{
    static const struct run_ops ops = {.next = spilled_next, .close = spilled_close};
    slp_rc rc = SLP_OK;
    struct spilled_run *r = NULL;
    TRY(alloc_new(mem, &r, err));
    r->base.ops = &ops;
    r->mem = mem;
    buf_init(&r->body, mem, BLOCK_BYTES_LIMIT);
    buf_init(&r->packed, mem, SIZE_MAX / 4);
    key_vec_init(&r->keys, mem, SIZE_MAX / 4);
    TRY_OUT(arr_batch_init(&r->rows, mem, o->schema, err));
    TRY_OUT(cx_codec_new(mem, &r->codec, err));
    TRY_OUT(os_temp_open(mem, o->folder, &r->file, err));
    *out = r;
    return SLP_OK;
out:
    spilled_close(&r->base);
    return rc;
}

slp_rc ingest_spill(struct alloc *mem, const struct ingest_spill_options *options,
                    struct run **runs, size_t count, struct run **out, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct merge *merge = NULL;
    struct spilled_run *r = NULL;
    TRY(merge_new(mem, options->schema, runs, count, &merge, err));
    TRY_OUT(make_run(mem, options, &r, err));
    TRY_OUT(write_all(r, options, merge, err));
    /* What writing needed is given back: many runs wait for their merge at the same time. */
    buf_fini(&r->body);
    buf_fini(&r->packed);
    arr_batch_fini(&r->rows);
    key_vec_fini(&r->keys);
    TRY_OUT(arr_batch_init(&r->rows, mem, options->schema, err));
    *out = &r->base;
    r = NULL;
out:
    merge_free(merge);
    if (r)
        spilled_close(&r->base);
    return err_wrap(err, rc, "spilling to \"%s\"", options->folder);
}
