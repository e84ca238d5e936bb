#include "base/num.h"
#include "parquet/meta.h"

#define TAIL_BYTES       8u /* u32 length and magic */
#define FILE_BYTES_MIN   12u
#define FIRST_READ_BYTES (64u * 1024)

static slp_rc parse_tail(struct source *src, struct slice tail, uint32_t *meta_bytes,
                         struct slp_err *err)
{
    const uint8_t *magic = tail.ptr + tail.len - 4;
    unsigned long long magic_offset = src->size - 4;
    if (memcmp(magic, "PARE", 4) == 0)
        FAIL(err, UNSUPPORTED, "the footer is encrypted, which is not supported yet");
    if (memcmp(magic, "PAR1", 4) != 0)
        FAIL(err, CORRUPT, "no magic at offset %llu, expected PAR1: this is no Parquet file",
             magic_offset);
    uint32_t bytes = num_load_u32le(magic - 4);
    if (bytes > src->size - FILE_BYTES_MIN)
        FAIL(err, CORRUPT, "metadata of %u bytes at offset %llu, in a file of %llu bytes", bytes,
             magic_offset - 4, (unsigned long long)src->size);
    if (bytes > PQ_FOOTER_MAX_BYTES)
        FAIL(err, LIMIT, "metadata of %u bytes, at most %u are read", bytes, PQ_FOOTER_MAX_BYTES);
    *meta_bytes = bytes;
    return SLP_OK;
}

static slp_rc read_end(struct source *src, size_t len, struct buf *out, struct slp_err *err)
{
    return source_read_buf(src, src->size - len, len, out, err);
}

slp_rc pq_footer_read(struct source *src, struct buf *out, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct buf end;
    buf_init(&end, out->mem, PQ_FOOTER_MAX_BYTES + TAIL_BYTES);
    if (src->size < FILE_BYTES_MIN)
        FAIL_OUT(err, CORRUPT, "%llu bytes are no Parquet file, expected at least %u",
                 (unsigned long long)src->size, FILE_BYTES_MIN);
    uint32_t meta_bytes = 0;
    size_t first = src->size < FIRST_READ_BYTES ? (size_t)src->size : FIRST_READ_BYTES;
    TRY_OUT(read_end(src, first, &end, err));
    TRY_OUT(parse_tail(src, buf_slice(&end), &meta_bytes, err));
    if ((size_t)meta_bytes + TAIL_BYTES > end.len)
        TRY_OUT(read_end(src, (size_t)meta_bytes + TAIL_BYTES, &end, err));
    struct slice tail = slice_last(buf_slice(&end), (size_t)meta_bytes + TAIL_BYTES);
    TRY_OUT(buf_assign(out, slice_first(tail, meta_bytes), err));
out:
    buf_fini(&end);
    return err_wrap(err, rc, "parquet footer");
}
