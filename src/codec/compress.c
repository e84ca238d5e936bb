#include "codec/compress.h"

#include <libdeflate.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "base/num.h"
#include "codec/compress_priv.h"

#define GZIP_LEVEL_DEFAULT 6
#define GZIP_LEVEL_MAX     12

/* The level of zstd whose search is ours. */
#define TUNED_LEVEL 1

/* Up to this many bytes of numbers its own choice is as good. */
#define SMALL_BYTES ((size_t)16 << 10)

/* A negative level passes over as many bytes as its number says where nothing was found. It leaves
 * literals as they are unless told otherwise by a parameter that zstd.h names by number only. */
#define UNREPEATED_LEVEL     (-131072)
#define UNREPEATED_HASH_LOG  6
#define UNREPEATED_MIN_MATCH 7
#define LITERAL_MODE         ZSTD_c_experimentalParam5
#define LITERAL_MODE_PACKED  1

/* How zstd searches: 0 is what it chooses itself by level and length. */
struct search {
    int level;
    int hash_log;
    int min_match;
    int literal_mode;
};

struct cx_codec {
    struct alloc *mem;
    ZSTD_CCtx *zstd_out;
    struct search search;  /* as zstd_out has it */
    bool has_literal_mode; /* zstd_out takes it */
    ZSTD_DCtx *zstd_in;
    struct libdeflate_compressor *gzip_out;
    struct libdeflate_decompressor *gzip_in;
    int gzip_level; /* of gzip_out */
    struct cx_rare rare;
};

const char *cx_kind_name(int kind)
{
    static const char *const names[] = {"none",   "snappy", "gzip", "lzo",
                                        "brotli", "lz4",    "zstd", "lz4_raw"};
    return kind >= 0 && (size_t)kind < sizeof names / sizeof *names ? names[kind] : "unknown";
}

slp_rc cx_codec_new(struct alloc *mem, struct cx_codec **out, struct slp_err *err)
{
    struct cx_codec *c = NULL;
    TRY(alloc_new(mem, &c, err));
    c->mem = mem;
    *out = c;
    return SLP_OK;
}

void cx_codec_free(struct cx_codec *c)
{
    if (!c)
        return;
    ZSTD_freeCCtx(c->zstd_out);
    ZSTD_freeDCtx(c->zstd_in);
    libdeflate_free_compressor(c->gzip_out);
    libdeflate_free_decompressor(c->gzip_in);
    cx_rare_fini(&c->rare);
    alloc_delete(c->mem, c);
}

static slp_rc wrong_length(struct slp_err *err, const char *kind, size_t got, size_t want)
{
    FAIL(err, CORRUPT, "%s: %zu bytes decompressed, expected %zu", kind, got, want);
}

static slp_rc zstd_decompress(struct cx_codec *c, struct slice in, uint8_t *out, size_t out_len,
                              struct slp_err *err)
{
    if (!c->zstd_in)
        c->zstd_in = ZSTD_createDCtx();
    if (!c->zstd_in)
        FAIL(err, NO_MEMORY, "zstd: out of memory for a context");
    size_t got = ZSTD_decompressDCtx(c->zstd_in, out, out_len, in.ptr, in.len);
    if (ZSTD_getErrorCode(got) == ZSTD_error_memory_allocation)
        FAIL(err, NO_MEMORY, "zstd: out of memory");
    if (ZSTD_isError(got))
        FAIL(err, CORRUPT, "zstd: %s in %zu bytes, expected %zu decompressed",
             ZSTD_getErrorName(got), in.len, out_len);
    return got == out_len ? SLP_OK : wrong_length(err, "zstd", got, out_len);
}

/* Members follow one another (RFC 1952): some writers put several into a page. */
static slp_rc gzip_decompress(struct cx_codec *c, struct slice in, uint8_t *out, size_t out_len,
                              struct slp_err *err)
{
    if (!c->gzip_in)
        c->gzip_in = libdeflate_alloc_decompressor();
    if (!c->gzip_in)
        FAIL(err, NO_MEMORY, "gzip: out of memory for a context");
    size_t done = 0;
    size_t at = 0;
    do {
        size_t used = 0;
        size_t got = 0;
        enum libdeflate_result result = libdeflate_gzip_decompress_ex(
            c->gzip_in, in.ptr + at, in.len - at, out + done, out_len - done, &used, &got);
        if (result != LIBDEFLATE_SUCCESS)
            FAIL(err, CORRUPT, "gzip: damaged at byte %zu of %zu, or longer than %zu bytes", at,
                 in.len, out_len);
        at += used;
        done += got;
    } while (at < in.len);
    return done == out_len ? SLP_OK : wrong_length(err, "gzip", done, out_len);
}

slp_rc cx_decompress(struct cx_codec *c, enum cx_kind kind, struct slice in, uint8_t *out,
                     size_t out_len, struct slp_err *err)
{
    uint8_t nowhere[1];
    if (out_len == 0)
        out = nowhere;
    if (in.len == 0)
        in.ptr = nowhere;
    switch (kind) {
    case CX_NONE:
        if (in.len != out_len)
            return wrong_length(err, "none", in.len, out_len);
        memcpy(out, in.ptr, out_len);
        return SLP_OK;
    case CX_SNAPPY:
        return cx_snappy_decompress(&c->rare, in, out, out_len, err);
    case CX_GZIP:
        return gzip_decompress(c, in, out, out_len, err);
    case CX_ZSTD:
        return zstd_decompress(c, in, out, out_len, err);
    case CX_BROTLI:
        return cx_brotli_decompress(&c->rare, in, out, out_len, err);
    case CX_LZ4:
    case CX_LZ4_RAW:
        return cx_lz4_decompress(&c->rare, in, kind == CX_LZ4, out, out_len, err);
    case CX_LZO:
        break;
    }
    FAIL(err, UNSUPPORTED, "compression %s (%d) is not supported", cx_kind_name((int)kind),
         (int)kind);
}

slp_rc cx_lz4_frame_decompress(struct cx_codec *c, struct slice in, uint8_t *out, size_t out_len,
                               struct slp_err *err)
{
    return cx_lz4_frame(&c->rare, in, out, out_len, err);
}

/*
 * Level 1 looks for matches through a table of 2^13 to 2^15 places and wants 5 to 7 bytes of them,
 * more of both the longer the input. Text repeats what is near: a table that stays in the first
 * cache finds it sooner, and overwrites what is far. Numbers of 8 bytes share 6 of them at most.
 * Measured in docs/format/parquet-profile.md.
 */
static struct search search_of(int level, enum cx_content content, size_t bytes)
{
    struct search s = {.level = level};
    if (level != TUNED_LEVEL || content == CX_CONTENT_ANY ||
        (content == CX_CONTENT_NUMBERS && bytes <= SMALL_BYTES))
        return s;
    if (content == CX_CONTENT_UNREPEATED)
        return (struct search){UNREPEATED_LEVEL, UNREPEATED_HASH_LOG, UNREPEATED_MIN_MATCH,
                               LITERAL_MODE_PACKED};
    s.hash_log = content == CX_CONTENT_TEXT ? 12 : 13;
    s.min_match = 6;
    return s;
}

/* A parameter that zstd refuses keeps the value it had: what comes out is right all the same. */
static void set_search(struct cx_codec *c, struct search s)
{
    if (s.literal_mode && !c->has_literal_mode)
        s = search_of(TUNED_LEVEL, CX_CONTENT_TEXT, 0);
    if (c->search.level == s.level && c->search.hash_log == s.hash_log &&
        c->search.min_match == s.min_match)
        return;
    (void)ZSTD_CCtx_setParameter(c->zstd_out, ZSTD_c_compressionLevel, s.level);
    (void)ZSTD_CCtx_setParameter(c->zstd_out, ZSTD_c_hashLog, s.hash_log);
    (void)ZSTD_CCtx_setParameter(c->zstd_out, ZSTD_c_minMatch, s.min_match);
    if (c->has_literal_mode)
        (void)ZSTD_CCtx_setParameter(c->zstd_out, LITERAL_MODE, s.literal_mode);
    c->search = s;
}

/* The context, made when first needed; NULL without memory. */
static ZSTD_CCtx *zstd_context(struct cx_codec *c)
{
    if (c->zstd_out)
        return c->zstd_out;
    c->zstd_out = ZSTD_createCCtx();
    if (c->zstd_out)
        c->has_literal_mode = !ZSTD_isError(ZSTD_CCtx_setParameter(c->zstd_out, LITERAL_MODE, 0));
    return c->zstd_out;
}

static slp_rc zstd_compress(struct cx_codec *c, struct search search, struct slice in,
                            struct buf *out, struct slp_err *err)
{
    if (!zstd_context(c))
        FAIL(err, NO_MEMORY, "zstd: out of memory for a context");
    size_t bound = ZSTD_compressBound(in.len);
    if (ZSTD_isError(bound))
        FAIL(err, LIMIT, "zstd: %zu bytes are too many", in.len);
    TRY(buf_reserve(out, bound, err));
    set_search(c, search);
    size_t got = ZSTD_compress2(c->zstd_out, out->ptr + out->len, bound, in.ptr, in.len);
    if (ZSTD_isError(got))
        FAIL(err, NO_MEMORY, "zstd: %s", ZSTD_getErrorName(got));
    out->len += got;
    return SLP_OK;
}

static slp_rc gzip_compress(struct cx_codec *c, int level, struct slice in, struct buf *out,
                            struct slp_err *err)
{
    level = level == 0 ? GZIP_LEVEL_DEFAULT : level;
    if (level < 1 || level > GZIP_LEVEL_MAX)
        FAIL(err, INVALID, "gzip: level %d, expected 1 to %d", level, GZIP_LEVEL_MAX);
    if (c->gzip_level != level) {
        libdeflate_free_compressor(c->gzip_out);
        c->gzip_out = libdeflate_alloc_compressor(level);
        c->gzip_level = c->gzip_out ? level : 0;
    }
    if (!c->gzip_out)
        FAIL(err, NO_MEMORY, "gzip: out of memory for a context");
    size_t bound = libdeflate_gzip_compress_bound(c->gzip_out, in.len);
    TRY(buf_reserve(out, bound, err));
    size_t got = libdeflate_gzip_compress(c->gzip_out, in.ptr, in.len, out->ptr + out->len, bound);
    SLP_INVARIANT(got > 0);
    out->len += got;
    return SLP_OK;
}

bool cx_minds_content(enum cx_kind kind, int level)
{
    return kind == CX_ZSTD && level == TUNED_LEVEL;
}

slp_rc cx_compress(struct cx_codec *c, enum cx_kind kind, int level, struct slice in,
                   struct buf *out, struct slp_err *err)
{
    return cx_compress_content(c, kind, level, CX_CONTENT_ANY, in, out, err);
}

slp_rc cx_compress_content(struct cx_codec *c, enum cx_kind kind, int level,
                           enum cx_content content, struct slice in, struct buf *out,
                           struct slp_err *err)
{
    static const uint8_t nothing[1];
    if (in.len == 0)
        in.ptr = nothing;
    switch (kind) {
    case CX_NONE:
        return buf_append_slice(out, in, err);
    case CX_SNAPPY:
        return cx_snappy_compress(&c->rare, in, out, err);
    case CX_GZIP:
        return gzip_compress(c, level, in, out, err);
    case CX_ZSTD:
        return zstd_compress(c, search_of(level, content, in.len), in, out, err);
    case CX_LZ4_RAW:
        return cx_lz4_compress(&c->rare, in, out, err);
    case CX_BROTLI:
        return cx_brotli_compress(&c->rare, level, in, out, err);
    case CX_LZO:
    case CX_LZ4:
        break;
    }
    FAIL(err, UNSUPPORTED, "writing compression %s (%d) is not supported", cx_kind_name((int)kind),
         (int)kind);
}
