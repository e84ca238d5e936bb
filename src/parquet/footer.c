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
        FAIL(err, UNSUPPORTED,
             "the footer is encrypted, and with it the names of the columns: files with Parquet's "
             "encryption are not supported, decrypt this one first");
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

/* Read the metadata's first bytes, before those of `end` that the file's last bytes begin with. */
static slp_rc read_front(struct source *src, size_t whole, struct buf *end, struct slp_err *err)
{
    size_t have = end->len;
    size_t front = whole - have;
    TRY(buf_reserve(end, front, err));
    memmove(end->ptr + front, end->ptr, have);
    struct io_range range = {.offset = src->size - whole, .len = front, .dst = end->ptr};
    TRY(source_read(src, &range, 1, err));
    end->len = whole;
    return SLP_OK;
}

/* Metadata and tail, and nothing else, into `end`. */
static slp_rc read_footer(struct source *src, size_t max_bytes, struct buf *end,
                          struct slp_err *err)
{
    uint32_t meta_bytes = 0;
    if (src->size < FILE_BYTES_MIN)
        FAIL(err, CORRUPT, "%llu bytes are no Parquet file, expected at least %u",
             (unsigned long long)src->size, FILE_BYTES_MIN);
    size_t first = src->size < FIRST_READ_BYTES ? (size_t)src->size : FIRST_READ_BYTES;
    TRY(source_read_buf(src, src->size - first, first, end, err));
    TRY(parse_tail(src, buf_slice(end), &meta_bytes, err));
    if (meta_bytes > max_bytes)
        FAIL(err, LIMIT, "metadata of %u bytes, at most %zu are wanted", meta_bytes, max_bytes);
    size_t whole = (size_t)meta_bytes + TAIL_BYTES;
    if (whole > end->len)
        return read_front(src, whole, end, err);
    memmove(end->ptr, end->ptr + (end->len - whole), whole);
    end->len = whole;
    return SLP_OK;
}

slp_rc pq_footer_read(struct source *src, struct buf *out, struct slp_err *err)
{
    struct buf end;
    buf_init(&end, out->mem, PQ_FOOTER_MAX_BYTES + TAIL_BYTES);
    slp_rc rc = read_footer(src, out->max, &end, err);
    if (rc == SLP_OK) {
        end.len -= TAIL_BYTES;
        end.max = out->max;
        buf_fini(out);
        buf_take(out, &end);
    }
    buf_fini(&end);
    return err_wrap(err, rc, "parquet footer");
}
