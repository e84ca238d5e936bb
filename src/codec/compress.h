/*
 * Block compression as Parquet numbers it. Contexts are reused: a `struct cx_codec` belongs to one
 * thread. Rare codecs are opened on first use; a missing library is UNSUPPORTED with its name and
 * package.
 */
#ifndef SLP_CODEC_COMPRESS_H
#define SLP_CODEC_COMPRESS_H

#include "base/buf.h"

/* The numbers of Parquet's CompressionCodec. */
enum cx_kind {
    CX_NONE = 0,
    CX_SNAPPY = 1,
    CX_GZIP = 2,
    CX_LZO = 3,
    CX_BROTLI = 4,
    CX_LZ4 = 5,
    CX_ZSTD = 6,
    CX_LZ4_RAW = 7
};

const char *cx_kind_name(int kind); /* "zstd"; "unknown" beyond the table */

struct cx_codec; /* compression and decompression contexts, made when first needed */

SLP_NODISCARD slp_rc cx_codec_new(struct alloc *mem, struct cx_codec **out, struct slp_err *err);
void cx_codec_free(struct cx_codec *c);

/*
 * Decompress `in` into exactly `out_len` bytes at `out` (room for out_len; nothing beyond is
 * written).
 *
 * Errors   CORRUPT      damaged, or of another length
 *          UNSUPPORTED  the codec, by name
 *          NO_MEMORY
 */
SLP_NODISCARD slp_rc cx_decompress(struct cx_codec *c, enum cx_kind kind, struct slice in,
                                   uint8_t *out, size_t out_len, struct slp_err *err);

/* The same of one LZ4 frame, the form of lz4 files and of Arrow. */
SLP_NODISCARD slp_rc cx_lz4_frame_decompress(struct cx_codec *c, struct slice in, uint8_t *out,
                                             size_t out_len, struct slp_err *err);

/* What bytes are. ZSTD at level 1 searches text and numbers with tables of other sizes than it
 * chooses by itself, which is faster and makes less of them; the format does not change. Where
 * nothing repeats it does not search at all, and only packs bytes by how often each occurs. */
enum cx_content {
    CX_CONTENT_ANY,
    CX_CONTENT_TEXT,      /* strings, whole or with their prefixes taken off */
    CX_CONTENT_NUMBERS,   /* of a fixed width */
    CX_CONTENT_UNREPEATED /* either, in which nothing was found that stood there before */
};

/* Does it matter what bytes are? */
bool cx_minds_content(enum cx_kind kind, int level);

/* Append the compressed form of `in` to `out`. `level` 0 means the codec's default. NONE copies.
 * Errors: UNSUPPORTED, LIMIT, NO_MEMORY. */
SLP_NODISCARD slp_rc cx_compress_content(struct cx_codec *c, enum cx_kind kind, int level,
                                         enum cx_content content, struct slice in, struct buf *out,
                                         struct slp_err *err);

/* The same of anything. */
SLP_NODISCARD slp_rc cx_compress(struct cx_codec *c, enum cx_kind kind, int level, struct slice in,
                                 struct buf *out, struct slp_err *err);

#endif
