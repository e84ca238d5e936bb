/*
 * Arrow IPC, through nanoarrow; arrow_check.c and arrow_write.c are the other files that
 * include it.
 *
 *   stream   schema | dictionaries | record batch | record batch | ... | end
 *   file     "ARROW1" 0 0 | stream | footer | "ARROW1"        read up to the end of the stream
 *
 *   message  ff ff ff ff | bytes, u32 | metadata | body      no bytes: the end
 *
 * Messages are cut out here, so that memory grows with what arrives and not with what a length
 * claims; nanoarrow checks and decodes them, and arr_import_batch copies the rows of wanted columns.
 * Out of memory in nanoarrow is NO_MEMORY.
 */
#include <errno.h>
#include <inttypes.h>

#include <nanoarrow/nanoarrow.h>
#include <nanoarrow/nanoarrow_ipc.h>

#include "arrow/cdata.h"
#include "base/num.h"
#include "codec/compress.h"
#include "rows/arrow_check.h"
#include "rows/rows_priv.h"

#define PREFIX_BYTES       8u
#define METADATA_MAX_BYTES ((size_t)256 << 20)
#define BODY_MAX_BYTES     ((size_t)64 << 30)

/* Room grows by this much, or doubles, as a message arrives. */
#define STEP_BYTES ((size_t)1 << 20)

struct rows_arrow {
    struct rows_text_reader base; /* first */
    struct alloc *mem;
    struct arena arena;
    struct rows_text_in *in;
    uint64_t offset; /* of the next message */
    uint64_t at;     /* of the one that is under way */
    struct buf head;
    struct buf body;
    struct ArrowIpcDecoder decoder;
    struct ArrowIpcDictionaryEncodings encodings; /* point into `format` */
    struct ArrowIpcDictionaries dictionaries;
    struct cx_codec *codec;
    struct slp_err *err; /* of the call that is under way */
    slp_rc codec_rc;     /* what decompression said */
    struct ArrowSchema format;
    struct arr_schema have; /* what `format` says */
    const struct arr_schema *want;
    size_t *places;           /* of wanted columns in `have`, SIZE_MAX: missing */
    struct arr_schema picked; /* those that are there, in order of `want` */
    struct ArrowSchema picked_format;
    struct ArrowArray **picked_arrays;
    struct ArrowArray rows; /* of the last record batch; released: none */
    int64_t row;            /* next of these */
    int64_t first_row;      /* of the next batch, in the file */
    struct arr_batch staged;
};

/* ---- Errors ---- */

static slp_rc check(const struct rows_arrow *a, ArrowErrorCode code, const struct ArrowError *error,
                    struct slp_err *err)
{
    if (code == NANOARROW_OK)
        return SLP_OK;
    if (a->codec_rc != SLP_OK)
        return a->codec_rc;
    if (code == ENOMEM)
        FAIL(err, NO_MEMORY, "arrow: out of memory");
    const char *what = error->message[0] ? error->message : strerror(code);
    if (strstr(what, "View not yet supported"))
        FAIL(err, UNSUPPORTED,
             "arrow: message at offset %" PRIu64
             ": views of strings or binaries; write them as strings (Polars: compat_level)",
             a->at);
    if (code == ENOTSUP)
        FAIL(err, UNSUPPORTED, "arrow: message at offset %" PRIu64 ": %s", a->at, what);
    FAIL(err, CORRUPT, "arrow: message at offset %" PRIu64 ": %s", a->at, what);
}

/* What import calls invalid is damage here. */
static slp_rc check_import(const struct rows_arrow *a, slp_rc rc, struct slp_err *err)
{
    rc = err_wrap(err, rc, "arrow: message at offset %" PRIu64, a->at);
    if (rc == SLP_INVALID && err)
        err->code = SLP_CORRUPT;
    return rc == SLP_INVALID ? SLP_CORRUPT : rc;
}

/* ---- Compressed buffers ---- */

static ArrowErrorCode decompress_add(struct ArrowIpcDecompressor *d,
                                     enum ArrowIpcCompressionType type, struct ArrowBufferView src,
                                     uint8_t *dst, int64_t dst_size, struct ArrowError *error)
{
    struct rows_arrow *a = d->private_data;
    struct slice in = slice_of(src.data.data, (size_t)src.size_bytes);
    (void)error;
    if (!a->codec)
        a->codec_rc = cx_codec_new(a->mem, &a->codec, a->err);
    if (a->codec_rc == SLP_OK && type == NANOARROW_IPC_COMPRESSION_TYPE_ZSTD)
        a->codec_rc = cx_decompress(a->codec, CX_ZSTD, in, dst, (size_t)dst_size, a->err);
    else if (a->codec_rc == SLP_OK)
        a->codec_rc = cx_lz4_frame_decompress(a->codec, in, dst, (size_t)dst_size, a->err);
    a->codec_rc =
        err_wrap(a->err, a->codec_rc, "arrow: message at offset %" PRIu64 ": a buffer", a->at);
    return a->codec_rc == SLP_OK ? NANOARROW_OK : EINVAL;
}

static ArrowErrorCode decompress_wait(struct ArrowIpcDecompressor *d, int64_t timeout_ms,
                                      struct ArrowError *error)
{
    (void)d;
    (void)timeout_ms;
    (void)error;
    return NANOARROW_OK;
}

static void decompress_release(struct ArrowIpcDecompressor *d)
{
    d->release = NULL;
}

/* ---- Messages ---- */

/* Append the next `n` bytes. */
static slp_rc take_bytes(struct rows_arrow *a, size_t n, struct buf *out, struct slp_err *err)
{
    while (n) {
        size_t step = num_min_size(n, num_max_size(STEP_BYTES, out->len));
        size_t got = 0;
        TRY(buf_reserve(out, step, err));
        TRY(rows_text_in_take(a->in, out->ptr + out->len, step, &got, err));
        out->len += got;
        a->offset += got;
        if (got < step)
            FAIL(err, CORRUPT,
                 "arrow: message at offset %" PRIu64 ": ends at offset %" PRIu64
                 ", %zu bytes too early",
                 a->at, a->offset, n - got);
        n -= got;
    }
    return SLP_OK;
}

/* The size of the next message's metadata; DONE at the end. */
static slp_rc take_prefix(struct rows_arrow *a, size_t *metadata_bytes, struct slp_err *err)
{
    size_t got = 0;
    buf_clear(&a->head);
    TRY(buf_reserve(&a->head, PREFIX_BYTES, err));
    TRY(rows_text_in_take(a->in, a->head.ptr, PREFIX_BYTES, &got, err));
    a->at = a->offset;
    a->offset += got;
    a->head.len = got;
    if (got == 0)
        return SLP_DONE;
    if (got < PREFIX_BYTES || num_load_u32le(a->head.ptr) != UINT32_MAX)
        FAIL(err, CORRUPT, "arrow: no message at offset %" PRIu64 "; expected ff ff ff ff", a->at);
    *metadata_bytes = num_load_u32le(a->head.ptr + 4);
    if (*metadata_bytes > METADATA_MAX_BYTES)
        FAIL(err, LIMIT,
             "arrow: message at offset %" PRIu64 ": metadata of %zu bytes, more than %zu", a->at,
             *metadata_bytes, METADATA_MAX_BYTES);
    return *metadata_bytes ? SLP_OK : SLP_DONE;
}

/* The next message: `decoder` has its metadata, `body` the rest. DONE at the end. */
static slp_rc take_message(struct rows_arrow *a, struct slp_err *err)
{
    struct ArrowError error = {0};
    size_t metadata_bytes = 0;
    slp_rc rc = take_prefix(a, &metadata_bytes, err);
    if (rc != SLP_OK)
        return rc;
    TRY(take_bytes(a, metadata_bytes, &a->head, err));
    struct ArrowBufferView head = {.data.data = a->head.ptr, .size_bytes = (int64_t)a->head.len};
    TRY(check(a, ArrowIpcDecoderVerifyHeader(&a->decoder, head, &error), &error, err));
    rc = rows_arrow_check_message(slice_after(buf_slice(&a->head), PREFIX_BYTES), err);
    if (rc != SLP_OK)
        return err_wrap(err, rc, "arrow: message at offset %" PRIu64, a->at);
    TRY(check(a, ArrowIpcDecoderDecodeHeader(&a->decoder, head, &error), &error, err));
    int64_t body_bytes = a->decoder.body_size_bytes;
    if (body_bytes < 0 || (uint64_t)body_bytes > BODY_MAX_BYTES)
        FAIL(err, CORRUPT, "arrow: message at offset %" PRIu64 ": a body of %" PRId64 " bytes",
             a->at, body_bytes);
    buf_clear(&a->body);
    return take_bytes(a, (size_t)body_bytes, &a->body, err);
}

static void drop_rows(struct rows_arrow *a)
{
    if (a->rows.release)
        ArrowArrayRelease(&a->rows);
    a->row = 0;
}

static slp_rc decode_dictionary(struct rows_arrow *a, struct ArrowBufferView body,
                                struct slp_err *err)
{
    struct ArrowError error = {0};
    slp_rc rc = rows_arrow_check_dictionary(slice_after(buf_slice(&a->head), PREFIX_BYTES),
                                            buf_slice(&a->body), &a->encodings, err);
    if (rc != SLP_OK)
        return err_wrap(err, rc, "arrow: message at offset %" PRIu64, a->at);
    return check(a,
                 ArrowIpcDecoderDecodeDictionary(&a->decoder, body, NANOARROW_VALIDATION_LEVEL_FULL,
                                                 &a->dictionaries, &error),
                 &error, err);
}

static slp_rc decode_rows(struct rows_arrow *a, struct ArrowBufferView body, struct slp_err *err)
{
    struct ArrowError error = {0};
    slp_rc rc = rows_arrow_check_rows(slice_after(buf_slice(&a->head), PREFIX_BYTES),
                                      buf_slice(&a->body), err);
    if (rc != SLP_OK)
        return err_wrap(err, rc, "arrow: message at offset %" PRIu64, a->at);
    return check(a,
                 ArrowIpcDecoderDecodeArrayWithDictionaries(
                     &a->decoder, body, -1, &a->dictionaries, &a->rows,
                     NANOARROW_VALIDATION_LEVEL_FULL, &error),
                 &error, err);
}

static slp_rc decode_message(struct rows_arrow *a, struct slp_err *err)
{
    struct ArrowBufferView body = {.data.data = a->body.ptr, .size_bytes = (int64_t)a->body.len};
    a->err = err;
    a->codec_rc = SLP_OK;
    switch (a->decoder.message_type) {
    case NANOARROW_IPC_MESSAGE_TYPE_DICTIONARY_BATCH:
        return decode_dictionary(a, body, err);
    case NANOARROW_IPC_MESSAGE_TYPE_RECORD_BATCH:
        return decode_rows(a, body, err);
    default:
        FAIL(err, CORRUPT, "arrow: message at offset %" PRIu64 " is neither rows nor a dictionary",
             a->at);
    }
}

/* Decode messages until one has rows. DONE at the end. */
static slp_rc next_rows(struct rows_arrow *a, struct slp_err *err)
{
    drop_rows(a);
    while (!a->rows.release || a->rows.length == 0) {
        drop_rows(a);
        slp_rc rc = take_message(a, err);
        if (rc != SLP_OK)
            return rc;
        TRY(decode_message(a, err));
    }
    return SLP_OK;
}

/* ---- Batches ---- */

/* Rows of the message that make a batch near the limits. */
static int64_t rows_of_batch(const struct rows_arrow *a, struct rows_limits limits)
{
    int64_t left = a->rows.length - a->row;
    size_t row_bytes = a->body.len / (size_t)a->rows.length + 1;
    size_t by_bytes = num_max_size(limits.bytes / row_bytes, 1);
    int64_t most = num_min_i64(limits.rows, left);
    return by_bytes < (size_t)most ? (int64_t)by_bytes : most;
}

static slp_rc import_slice(struct rows_arrow *a, int64_t count, struct slp_err *err)
{
    struct ArrowArray part = a->rows;
    part.offset += a->row;
    part.length = count;
    part.n_children = (int64_t)a->picked.count;
    part.children = a->picked_arrays;
    size_t next = 0;
    for (size_t i = 0; i < a->want->count; i++) {
        if (a->places[i] != SIZE_MAX)
            a->picked_arrays[next++] = a->rows.children[a->places[i]];
    }
    if (a->staged.schema)
        arr_batch_fini(&a->staged);
    TRY(arr_batch_init(&a->staged, a->mem, &a->picked, err));
    return check_import(a, arr_import_batch(&part, &a->picked_format, &a->staged, err), err);
}

static slp_rc take_columns(void *context, struct arr_batch *staged, int64_t first_row,
                           struct arr_batch *out, const char **column, struct slp_err *err)
{
    const struct rows_arrow *a = context;
    int64_t count = staged->rows;
    size_t next = 0;
    for (size_t i = 0; i < a->want->count; i++) {
        const struct arr_field *field = &a->want->fields[i];
        slp_rc rc = SLP_OK;
        if (a->places[i] == SIZE_MAX)
            rc = arr_col_append_nulls(&out->cols[i], count, err);
        else
            rc = rows_take_column(&staged->cols[next++], field, first_row, &out->cols[i], err);
        if (rc != SLP_OK) {
            *column = field->name;
            return rc;
        }
    }
    out->rows = count;
    return SLP_OK;
}

/* Rows of one message that are left to be taken, as far as a batch has room; all of them may be
 * rejected. DONE at the end. */
static slp_rc fill_some(struct rows_arrow *a, struct arr_batch *out, struct rows_limits limits,
                        struct slp_err *err)
{
    if (!a->rows.release || a->row == a->rows.length) {
        slp_rc rc = next_rows(a, err);
        if (rc != SLP_OK)
            return rc;
    }
    int64_t count = rows_of_batch(a, limits);
    TRY(import_slice(a, count, err));
    a->staged.rows = count;
    const struct rows_sift sift = {.mem = a->mem,
                                   .file = a->in->name,
                                   .rejects = a->base.rejects,
                                   .check = a->base.check,
                                   .take = take_columns,
                                   .context = a};
    TRY(rows_sift(&sift, &a->staged, a->first_row, out, err));
    a->row += count;
    a->first_row += count;
    return SLP_OK;
}

static slp_rc arrow_fill(struct rows_text_reader *base, struct arr_batch *out,
                         struct rows_limits limits, struct slp_err *err)
{
    struct rows_arrow *a = (struct rows_arrow *)base;
    while (out->rows == 0) {
        slp_rc rc = fill_some(a, out, limits, err);
        if (rc != SLP_OK)
            return rc == SLP_DONE ? SLP_OK : rc;
    }
    return SLP_OK;
}

/* ---- Opening ---- */

static void arrow_close(struct rows_text_reader *base)
{
    struct rows_arrow *a = (struct rows_arrow *)base;
    drop_rows(a);
    arr_batch_fini(&a->staged);
    if (a->dictionaries.private_data)
        ArrowIpcDictionariesReset(&a->dictionaries);
    ArrowIpcDictionaryEncodingsReset(&a->encodings);
    if (a->format.release)
        ArrowSchemaRelease(&a->format);
    if (a->decoder.private_data)
        ArrowIpcDecoderReset(&a->decoder);
    cx_codec_free(a->codec);
    buf_fini(&a->head);
    buf_fini(&a->body);
    arena_fini(&a->arena);
    alloc_delete(a->mem, a);
}

/* Pass over the mark that a file begins with. */
static slp_rc skip_magic(struct rows_arrow *a, struct slp_err *err)
{
    static const struct slice magic = {.ptr = (const uint8_t *)"ARROW1", .len = 6};
    while (!a->in->is_end && rows_text_in_rest(a->in).len < PREFIX_BYTES)
        TRY(rows_text_in_more(a->in, err));
    struct slice rest = rows_text_in_rest(a->in);
    if (!slice_starts_with(rest, magic))
        return SLP_OK;
    if (rest.len < PREFIX_BYTES)
        FAIL(err, CORRUPT, "arrow: a file of %zu bytes, expected more", rest.len);
    a->in->at += PREFIX_BYTES;
    a->offset = PREFIX_BYTES;
    return SLP_OK;
}

/* Make the decoder ready for messages of the schema it has just decoded. */
static slp_rc set_schema(struct rows_arrow *a, struct slp_err *err)
{
    struct ArrowError error = {0};
    struct ArrowIpcDecompressor decompressor = {.decompress_add = decompress_add,
                                                .decompress_wait = decompress_wait,
                                                .release = decompress_release,
                                                .private_data = a};
    TRY(check(a, ArrowIpcDecoderSetDecompressor(&a->decoder, &decompressor), &error, err));
    TRY(check(a, ArrowIpcDecoderSetEndianness(&a->decoder, a->decoder.endianness), &error, err));
    TRY(check(
        a,
        ArrowIpcDecoderDecodeSchemaWithDictionaries(&a->decoder, &a->format, &a->encodings, &error),
        &error, err));
    TRY(rows_arrow_check_encodings(&a->encodings, err));
    TRY(check(a, ArrowIpcDictionariesInit(&a->dictionaries, &a->encodings, &error), &error, err));
    return check(
        a, ArrowIpcDecoderSetSchemaWithDictionaries(&a->decoder, &a->format, &a->encodings, &error),
        &error, err);
}

static slp_rc read_schema(struct rows_arrow *a, struct slp_err *err)
{
    TRY(skip_magic(a, err));
    slp_rc rc = take_message(a, err);
    if (rc == SLP_DONE)
        FAIL(err, CORRUPT, "arrow: nothing at offset %" PRIu64 ", expected a schema", a->at);
    TRY(rc);
    if (a->decoder.message_type != NANOARROW_IPC_MESSAGE_TYPE_SCHEMA)
        FAIL(err, CORRUPT, "arrow: message at offset %" PRIu64 " is no schema", a->at);
    TRY(set_schema(a, err));
    return check_import(a, arr_import_schema(&a->format, &a->arena, &a->have, err), err);
}

slp_rc rows_arrow_open(struct alloc *mem, struct rows_text_in *in, struct rows_arrow **out,
                       struct slp_err *err)
{
    static const struct rows_text_reader_ops ops = {.fill = arrow_fill, .close = arrow_close};
    slp_rc rc = SLP_OK;
    struct rows_arrow *a = NULL;
    struct ArrowError error = {0};
    TRY(alloc_new(mem, &a, err));
    *a = (struct rows_arrow){.base = {.ops = &ops}, .mem = mem, .in = in};
    arena_init(&a->arena, mem, ROWS_ARENA_MAX_BYTES);
    buf_init(&a->head, mem, METADATA_MAX_BYTES + PREFIX_BYTES);
    buf_init(&a->body, mem, BODY_MAX_BYTES);
    ArrowIpcDictionaryEncodingsInit(&a->encodings);
    TRY_OUT(check(a, ArrowIpcDecoderInit(&a->decoder), &error, err));
    TRY_OUT(read_schema(a, err));
    TRY_OUT(rows_arrow_want(a, NULL, err));
    *out = a;
out:
    if (rc != SLP_OK)
        arrow_close(&a->base);
    return rc;
}

slp_rc rows_arrow_want(struct rows_arrow *a, const struct arr_schema *want, struct slp_err *err)
{
    struct ArrowSchema **children = NULL;
    a->want = want ? want : &a->have;
    size_t count = a->want->count;
    TRY(arena_array(&a->arena, count, sizeof *a->places, (void **)&a->places, err));
    TRY(arena_array(&a->arena, count, sizeof *children, (void **)&children, err));
    TRY(arena_array(&a->arena, count, sizeof *a->picked_arrays, (void **)&a->picked_arrays, err));
    TRY(arena_array(&a->arena, count, sizeof *a->picked.fields, (void **)&a->picked.fields, err));
    for (size_t i = 0; i < count; i++)
        a->places[i] = i;
    if (want)
        TRY(rows_match(&a->have, want, true, a->places, err));
    a->picked.count = 0;
    for (size_t i = 0; i < count; i++) {
        if (a->places[i] == SIZE_MAX)
            continue;
        children[a->picked.count] = a->format.children[a->places[i]];
        a->picked.fields[a->picked.count++] = a->have.fields[a->places[i]];
    }
    a->picked_format = (struct ArrowSchema){
        .format = "+s", .n_children = (int64_t)a->picked.count, .children = children};
    return SLP_OK;
}

const struct arr_schema *rows_arrow_schema(const struct rows_arrow *a)
{
    return &a->have;
}

struct rows_text_reader *rows_arrow_reader(struct rows_arrow *a)
{
    return &a->base;
}
