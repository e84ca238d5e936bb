#include "codec/compress_priv.h"

#include <dlfcn.h>
#include <limits.h>

#include "base/num.h"

/* Levels of brotli are 0 to 11; ours begin with 1, and 0 asks for what Arrow takes. A window of
 * 2^22 bytes is the largest that every decoder has. */
#define BROTLI_LEVEL_DEFAULT 8
#define BROTLI_LEVEL_MAX     11
#define BROTLI_WINDOW        22

/* LZ4F_VERSION: of the interface, in every library since 1.7. */
#define LZ4_FRAME_VERSION 100u

/* One function of an opened library. ISO C has no conversion from object to function pointers;
 * POSIX promises that copying the bytes is one. */
static bool symbol(void *library, const char *name, void *function)
{
    void *address = dlsym(library, name);
    memcpy(function, &address, sizeof address);
    return address != NULL;
}

/* Never unloaded: the next codec finds it in place, with nothing to search, map and relocate. */
static void *open_library(const char *name)
{
    return dlopen(name, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
}

/* Take the library with all its functions, or give it back and say what is missing. */
static slp_rc keep(void *library, bool is_whole, void **slot, const char *what, struct slp_err *err)
{
    if (is_whole) {
        *slot = library;
        return SLP_OK;
    }
    if (library)
        dlclose(library);
    FAIL(err, UNSUPPORTED, "compression %s", what);
}

static slp_rc open_snappy(struct cx_rare *r, struct slp_err *err)
{
    if (r->snappy_library)
        return SLP_OK;
    void *l = open_library("libsnappy.so.1");
    bool is_whole = l && symbol(l, "snappy_uncompress", &r->snappy_decompress) &&
                    symbol(l, "snappy_uncompressed_length", &r->snappy_length) &&
                    symbol(l, "snappy_compress", &r->snappy_compress) &&
                    symbol(l, "snappy_max_compressed_length", &r->snappy_bound);
    return keep(l, is_whole, &r->snappy_library,
                "snappy needs the library libsnappy.so.1: install the package libsnappy1v5", err);
}

static slp_rc open_lz4(struct cx_rare *r, struct slp_err *err)
{
    if (r->lz4_library)
        return SLP_OK;
    void *l = open_library("liblz4.so.1");
    bool is_whole = l && symbol(l, "LZ4_decompress_safe", &r->lz4_decompress) &&
                    symbol(l, "LZ4_compress_default", &r->lz4_compress) &&
                    symbol(l, "LZ4_compressBound", &r->lz4_bound) &&
                    symbol(l, "LZ4F_createDecompressionContext", &r->lz4_frame_new) &&
                    symbol(l, "LZ4F_freeDecompressionContext", &r->lz4_frame_free) &&
                    symbol(l, "LZ4F_decompress", &r->lz4_frame_decompress) &&
                    symbol(l, "LZ4F_isError", &r->lz4_frame_is_error);
    return keep(l, is_whole, &r->lz4_library,
                "lz4 needs the library liblz4.so.1: install the package liblz4-1", err);
}

static slp_rc open_brotli(struct cx_rare *r, struct slp_err *err)
{
    if (r->brotli_library)
        return SLP_OK;
    void *l = open_library("libbrotlidec.so.1");
    bool is_whole = l && symbol(l, "BrotliDecoderDecompress", &r->brotli_decompress);
    return keep(l, is_whole, &r->brotli_library,
                "brotli needs the library libbrotlidec.so.1: install the package libbrotli1", err);
}

static slp_rc open_brotli_out(struct cx_rare *r, struct slp_err *err)
{
    if (r->brotli_out_library)
        return SLP_OK;
    void *l = open_library("libbrotlienc.so.1");
    bool is_whole = l && symbol(l, "BrotliEncoderCompress", &r->brotli_compress) &&
                    symbol(l, "BrotliEncoderMaxCompressedSize", &r->brotli_bound);
    return keep(l, is_whole, &r->brotli_out_library,
                "brotli needs the library libbrotlienc.so.1: install the package libbrotli1", err);
}

void cx_rare_fini(struct cx_rare *r)
{
    if (r->snappy_library)
        dlclose(r->snappy_library);
    if (r->lz4_library)
        dlclose(r->lz4_library);
    if (r->brotli_library)
        dlclose(r->brotli_library);
    if (r->brotli_out_library)
        dlclose(r->brotli_out_library);
    *r = (struct cx_rare){0};
}

slp_rc cx_snappy_decompress(struct cx_rare *r, struct slice in, uint8_t *out, size_t out_len,
                            struct slp_err *err)
{
    size_t len = 0;
    TRY(open_snappy(r, err));
    if (r->snappy_length((const char *)in.ptr, in.len, &len) != 0)
        FAIL(err, CORRUPT, "snappy: no length at the start of %zu bytes", in.len);
    if (len != out_len)
        FAIL(err, CORRUPT, "snappy: %zu bytes decompressed, expected %zu", len, out_len);
    if (r->snappy_decompress((const char *)in.ptr, in.len, (char *)out, &len) != 0)
        FAIL(err, CORRUPT, "snappy: %zu bytes are damaged", in.len);
    return SLP_OK;
}

slp_rc cx_snappy_compress(struct cx_rare *r, struct slice in, struct buf *out, struct slp_err *err)
{
    TRY(open_snappy(r, err));
    if (in.len > UINT32_MAX)
        FAIL(err, LIMIT, "snappy: %zu bytes are more than one block holds", in.len);
    size_t len = r->snappy_bound(in.len);
    TRY(buf_reserve(out, len, err));
    int status =
        r->snappy_compress((const char *)in.ptr, in.len, (char *)(out->ptr + out->len), &len);
    SLP_INVARIANT(status == 0);
    out->len += len;
    return SLP_OK;
}

static bool lz4_block(const struct cx_rare *r, struct slice in, uint8_t *out, size_t out_len)
{
    return in.len <= INT_MAX && out_len <= INT_MAX &&
           r->lz4_decompress((const char *)in.ptr, (char *)out, (int)in.len, (int)out_len) ==
               (int)out_len;
}

/* Hadoop's framing: [raw bytes, u32 big-endian][stored bytes, u32 big-endian][block] and again.
 * Every length must fit, or the bytes are taken for a bare block. */
static bool lz4_framed(const struct cx_rare *r, struct slice in, uint8_t *out, size_t out_len)
{
    size_t done = 0;
    while (in.len >= 8) {
        size_t raw = num_load_u32be(in.ptr);
        size_t stored = num_load_u32be(in.ptr + 4);
        in = slice_after(in, 8);
        if (stored > in.len || raw > out_len - done ||
            !lz4_block(r, slice_first(in, stored), out + done, raw))
            return false;
        in = slice_after(in, stored);
        done += raw;
    }
    return in.len == 0 && done == out_len;
}

slp_rc cx_lz4_decompress(struct cx_rare *r, struct slice in, bool may_be_framed, uint8_t *out,
                         size_t out_len, struct slp_err *err)
{
    TRY(open_lz4(r, err));
    if (may_be_framed && lz4_framed(r, in, out, out_len))
        return SLP_OK;
    if (!lz4_block(r, in, out, out_len))
        FAIL(err, CORRUPT, "lz4: %zu bytes are damaged or not of %zu bytes", in.len, out_len);
    return SLP_OK;
}

slp_rc cx_lz4_frame(struct cx_rare *r, struct slice in, uint8_t *out, size_t out_len,
                    struct slp_err *err)
{
    void *context = NULL;
    size_t done = 0;
    size_t hint = 1; /* bytes that are expected next; 0: the frame is whole */
    uint8_t end = 0; /* a place to write nothing to */
    TRY(open_lz4(r, err));
    if (r->lz4_frame_new(&context, LZ4_FRAME_VERSION) != 0)
        FAIL(err, NO_MEMORY, "lz4: no memory for a frame");
    while (hint && in.len) {
        size_t taken = in.len;
        size_t got = out_len - done;
        hint =
            r->lz4_frame_decompress(context, got ? out + done : &end, &got, in.ptr, &taken, NULL);
        if (r->lz4_frame_is_error(hint) || (taken == 0 && got == 0))
            break;
        done += got;
        in = slice_after(in, taken);
    }
    (void)r->lz4_frame_free(context);
    if (hint || in.len || done != out_len)
        FAIL(err, CORRUPT, "lz4: a frame is damaged or not of %zu bytes", out_len);
    return SLP_OK;
}

slp_rc cx_brotli_decompress(struct cx_rare *r, struct slice in, uint8_t *out, size_t out_len,
                            struct slp_err *err)
{
    TRY(open_brotli(r, err));
    size_t got = out_len;
    if (r->brotli_decompress(in.len, in.ptr, &got, out) != 1 || got != out_len)
        FAIL(err, CORRUPT, "brotli: %zu bytes are damaged or not of %zu bytes", in.len, out_len);
    return SLP_OK;
}

slp_rc cx_lz4_compress(struct cx_rare *r, struct slice in, struct buf *out, struct slp_err *err)
{
    TRY(open_lz4(r, err));
    int bound = in.len <= INT_MAX ? r->lz4_bound((int)in.len) : 0;
    if (bound <= 0)
        FAIL(err, LIMIT, "lz4: %zu bytes are more than one block holds", in.len);
    TRY(buf_reserve(out, (size_t)bound, err));
    int got =
        r->lz4_compress((const char *)in.ptr, (char *)(out->ptr + out->len), (int)in.len, bound);
    if (got <= 0)
        FAIL(err, NO_MEMORY, "lz4: compressing %zu bytes failed", in.len);
    out->len += (size_t)got;
    return SLP_OK;
}

slp_rc cx_brotli_compress(struct cx_rare *r, int level, struct slice in, struct buf *out,
                          struct slp_err *err)
{
    level = level == 0 ? BROTLI_LEVEL_DEFAULT : level;
    if (level < 1 || level > BROTLI_LEVEL_MAX)
        FAIL(err, INVALID, "brotli: level %d, expected 1 to %d", level, BROTLI_LEVEL_MAX);
    TRY(open_brotli_out(r, err));
    size_t len = r->brotli_bound(in.len);
    if (len == 0)
        FAIL(err, LIMIT, "brotli: %zu bytes are too many", in.len);
    TRY(buf_reserve(out, len, err));
    if (r->brotli_compress(level, BROTLI_WINDOW, 0, in.len, in.ptr, &len, out->ptr + out->len) != 1)
        FAIL(err, NO_MEMORY, "brotli: compressing %zu bytes failed", in.len);
    out->len += len;
    return SLP_OK;
}
