#include "base/io.h"

#include <inttypes.h>

#include "base/num.h"

slp_rc source_read(struct source *src, const struct io_range *ranges, size_t count,
                   struct slp_err *err)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        if (!num_range_fits(ranges[i].offset, ranges[i].len, src->size))
            FAIL(err, CORRUPT,
                 "\"%s\": %zu bytes at offset %" PRIu64 " lie outside its %" PRIu64 " bytes",
                 src->name, ranges[i].len, ranges[i].offset, src->size);
        bytes += ranges[i].len;
    }
    TRY(src->ops->read(src, ranges, count, err));
    src->rounds++;
    src->reads += count;
    src->read_bytes += bytes;
    return SLP_OK;
}

slp_rc source_read_buf(struct source *src, uint64_t offset, size_t len, struct buf *out,
                       struct slp_err *err)
{
    if (!num_range_fits(offset, len, src->size))
        FAIL(err, CORRUPT,
             "\"%s\": %zu bytes at offset %" PRIu64 " lie outside its %" PRIu64 " bytes", src->name,
             len, offset, src->size);
    size_t old_len = out->len;
    out->len = 0;
    slp_rc rc = buf_reserve(out, len, err);
    if (rc == SLP_OK) {
        struct io_range range = {.offset = offset, .len = len, .dst = out->ptr};
        rc = source_read(src, &range, 1, err);
    }
    out->len = rc == SLP_OK ? len : old_len;
    return rc;
}

void source_close(struct source *src)
{
    if (src && src->ops->close)
        src->ops->close(src);
}

static slp_rc memory_read(struct source *src, const struct io_range *ranges, size_t count,
                          struct slp_err *err)
{
    (void)err;
    const struct memory_source *m = (const struct memory_source *)src;
    for (size_t i = 0; i < count; i++)
        if (ranges[i].len)
            memcpy(ranges[i].dst, m->bytes.ptr + ranges[i].offset, ranges[i].len);
    return SLP_OK;
}

void source_memory_init(struct memory_source *m, const char *name, struct slice bytes)
{
    static const struct source_ops ops = {.read = memory_read};
    *m = (struct memory_source){.base = {.ops = &ops, .name = name, .size = bytes.len},
                                .bytes = bytes};
}

slp_rc sink_write(struct sink *sink, const void *bytes, size_t n, struct slp_err *err)
{
    if (n == 0)
        return SLP_OK;
    TRY(sink->ops->write(sink, bytes, n, err));
    sink->offset += n;
    return SLP_OK;
}

static slp_rc buf_write(struct sink *sink, const void *bytes, size_t n, struct slp_err *err)
{
    return buf_append(((struct buf_sink *)sink)->out, bytes, n, err);
}

void sink_buf_init(struct buf_sink *s, const char *name, struct buf *out)
{
    static const struct sink_ops ops = {.write = buf_write};
    *s = (struct buf_sink){.base = {.ops = &ops, .name = name, .offset = out->len}, .out = out};
}
