#include "parquet/page_write.h"

#include <inttypes.h>

#include "base/hash.h"
#include "codec/thrift_write.h"

/* A page header as written here is shorter. */
#define HEADER_MAX_BYTES 80u

/* Whether a search gains anything is tried on a page, behind so many bytes of a chunk, for which
 * alone it would not pay, and again behind so many more. In larger pages a search that finds
 * nothing makes such steps that it costs nothing either. */
#define TRIAL_MOST_BYTES  ((size_t)64 << 10)
#define TRIAL_FIRST_BYTES ((size_t)256 << 10)
#define TRIAL_NEXT_BYTES  ((size_t)4 << 20)

/* It does not where it saves no more than one byte in so many. */
#define TRIAL_PART 1024u

/* How much of a page is left is counted in so many parts; pages that differ by more are not alike. */
#define PARTS         1024u
#define CHANGED_PARTS 32u

static void put_v1(struct cx_put *w, const struct pq_page_body *body)
{
    cx_put_struct(w, 5);
    cx_put_i32(w, 1, (int32_t)body->entries);
    cx_put_i32(w, 2, (int32_t)body->encoding);
    cx_put_i32(w, 3, PQ_RLE); /* definition levels */
    cx_put_i32(w, 4, PQ_RLE); /* repetition levels */
    cx_put_end(w);
}

static void put_v2(struct cx_put *w, const struct pq_page_body *body, bool is_compressed)
{
    cx_put_struct(w, 8);
    cx_put_i32(w, 1, (int32_t)body->entries);
    cx_put_i32(w, 2, (int32_t)body->null_count);
    cx_put_i32(w, 3, (int32_t)body->rows);
    cx_put_i32(w, 4, (int32_t)body->encoding);
    cx_put_i32(w, 5, (int32_t)body->definition_bytes);
    cx_put_i32(w, 6, (int32_t)body->repetition_bytes);
    cx_put_bool(w, 7, is_compressed);
    cx_put_end(w);
}

static void put_dictionary(struct cx_put *w, const struct pq_page_body *body)
{
    cx_put_struct(w, 7);
    cx_put_i32(w, 1, (int32_t)body->entries);
    cx_put_i32(w, 2, (int32_t)body->encoding);
    cx_put_end(w);
}

/* The header for the bytes that will stand behind it. */
static slp_rc put_header(struct pq_page_sink *s, const struct pq_page_body *body,
                         struct slice stored, bool is_compressed, struct slp_err *err)
{
    struct cx_put w;
    buf_clear(s->header);
    cx_put_init(&w, s->header, err);
    cx_put_i32(&w, 1, (int32_t)body->kind);
    cx_put_i32(&w, 2, (int32_t)body->bytes.len);
    cx_put_i32(&w, 3, (int32_t)stored.len);
    cx_put_i32(&w, 4, (int32_t)hash_crc32(0, stored));
    if (body->kind == PQ_PAGE_DICTIONARY)
        put_dictionary(&w, body);
    else if (body->kind == PQ_PAGE_DATA_V2)
        put_v2(&w, body, is_compressed);
    else
        put_v1(&w, body);
    return cx_put_finish(&w);
}

static enum cx_content content_of(const struct pq_page_sink *s, enum pq_encoding encoding)
{
    if (encoding == PQ_RLE_DICTIONARY)
        return CX_CONTENT_ANY;
    return s->is_unrepeated ? CX_CONTENT_UNREPEATED : s->content;
}

slp_rc pq_page_compress(const struct pq_page_sink *s, enum pq_encoding encoding, struct slice bytes,
                        struct buf *out, struct slp_err *err)
{
    return cx_compress_content(s->codec, s->kind, s->level, content_of(s, encoding), bytes, out,
                               err);
}

/* How many bytes a page takes, compressed as what it is said to be. Nothing stays behind. */
static slp_rc measure(const struct pq_page_sink *s, enum cx_content content, struct slice bytes,
                      size_t *out, struct slp_err *err)
{
    size_t start = s->out->len;
    TRY(cx_compress_content(s->codec, s->kind, s->level, content, bytes, s->out, err));
    *out = s->out->len - start;
    s->out->len = start;
    return SLP_OK;
}

/* Before a page is compressed: see now and then whether it is worth while to search it. */
static slp_rc try_unrepeated(struct pq_page_sink *s, const struct pq_page_body *body,
                             struct slp_err *err)
{
    size_t searched = 0;
    size_t unrepeated = 0;
    if (body->encoding == PQ_RLE_DICTIONARY || s->content == CX_CONTENT_ANY ||
        !cx_minds_content(s->kind, s->level))
        return SLP_OK;
    if (body->bytes.len > TRIAL_MOST_BYTES) {
        s->is_unrepeated = false;
        return SLP_OK;
    }
    s->untried_bytes += body->bytes.len;
    if (s->untried_bytes < (s->was_tried ? TRIAL_NEXT_BYTES : TRIAL_FIRST_BYTES))
        return SLP_OK;
    TRY(measure(s, s->content, body->bytes, &searched, err));
    TRY(measure(s, CX_CONTENT_UNREPEATED, body->bytes, &unrepeated, err));
    s->is_unrepeated = unrepeated <= searched + searched / TRIAL_PART;
    s->untried_bytes = 0;
    s->was_tried = true;
    s->usual_part = 0;
    return SLP_OK;
}

/* What shrinks by more or less than the first page that was not searched is something else: the
 * next page is tried. */
static void see_change(struct pq_page_sink *s, size_t stored, size_t bytes)
{
    if (!s->is_unrepeated || bytes == 0)
        return;
    size_t part = stored * PARTS / bytes;
    if (s->usual_part == 0)
        s->usual_part = part;
    else if (part + CHANGED_PARTS < s->usual_part || part > s->usual_part + CHANGED_PARTS)
        s->untried_bytes = TRIAL_NEXT_BYTES;
}

/* Version 2: levels as they are, then values compressed where that makes them smaller. */
static slp_rc store_v2(struct pq_page_sink *s, const struct pq_page_body *body, bool *is_compressed,
                       struct slp_err *err)
{
    size_t level_bytes = body->repetition_bytes + body->definition_bytes;
    struct slice values = slice_after(body->bytes, level_bytes);
    TRY(buf_append_slice(s->out, slice_first(body->bytes, level_bytes), err));
    size_t start = s->out->len;
    *is_compressed = false;
    if (values.len > 0 && s->kind != CX_NONE) {
        TRY(pq_page_compress(s, body->encoding, values, s->out, err));
        *is_compressed = s->out->len - start < values.len;
        if (*is_compressed)
            return SLP_OK;
        s->out->len = start;
    }
    return buf_append_slice(s->out, values, err);
}

/*
 * Compress behind the last byte and put the header before that: the header's length depends on what
 * comes out, so room is left and the body moved down.
 */
slp_rc pq_page_put(struct pq_page_sink *s, const struct pq_page_body *body, struct slp_err *err)
{
    struct buf *out = s->out;
    size_t start = out->len;
    bool is_compressed = true;
    if (body->bytes.len > PQ_PAGE_MAX_BYTES || body->entries > INT32_MAX)
        FAIL(err, LIMIT,
             "a page of %zu bytes and %" PRId64 " values, at most %u bytes are possible",
             body->bytes.len, body->entries, PQ_PAGE_MAX_BYTES);
    TRY(try_unrepeated(s, body, err));
    TRY(buf_reserve(out, HEADER_MAX_BYTES, err));
    out->len += HEADER_MAX_BYTES;
    if (body->kind == PQ_PAGE_DATA_V2)
        TRY(store_v2(s, body, &is_compressed, err));
    else
        TRY(pq_page_compress(s, body->encoding, body->bytes, out, err));
    struct slice stored =
        slice_of(out->ptr + start + HEADER_MAX_BYTES, out->len - start - HEADER_MAX_BYTES);
    see_change(s, stored.len, body->bytes.len);
    TRY(put_header(s, body, stored, is_compressed, err));
    assert(s->header->len <= HEADER_MAX_BYTES);
    memmove(out->ptr + start + s->header->len, stored.ptr, stored.len);
    memcpy(out->ptr + start, s->header->ptr, s->header->len);
    out->len = start + s->header->len + stored.len;
    s->uncompressed_bytes += s->header->len + body->bytes.len;
    s->bytes += s->header->len + stored.len;
    return SLP_OK;
}
