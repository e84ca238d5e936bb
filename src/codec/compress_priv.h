/*
 * The codecs that our own data files do not use: their libraries are opened on first use, so that
 * a lookup in a folder loads none of them, nor the C++ runtime that snappy brings. Each
 * `struct cx_rare` opens for itself and closes at its end: no global table. What is loaded once
 * stays mapped until the process ends, so opening it again costs some symbol lookups.
 */
#ifndef SLP_CODEC_COMPRESS_PRIV_H
#define SLP_CODEC_COMPRESS_PRIV_H

#include "base/buf.h"

struct cx_rare {
    void *snappy_library; /* libsnappy.so.1; its functions return 0 when it went well */
    int (*snappy_decompress)(const char *in, size_t in_bytes, char *out, size_t *out_bytes);
    int (*snappy_length)(const char *in, size_t in_bytes, size_t *out_bytes);
    int (*snappy_compress)(const char *in, size_t in_bytes, char *out, size_t *out_bytes);
    size_t (*snappy_bound)(size_t in_bytes);
    void *lz4_library; /* liblz4.so.1 */
    int (*lz4_decompress)(const char *in, char *out, int in_bytes, int out_bytes);
    int (*lz4_compress)(const char *in, char *out, int in_bytes, int out_bytes);
    int (*lz4_bound)(int in_bytes);
    size_t (*lz4_frame_new)(void **context, unsigned version); /* 0 when it went well */
    size_t (*lz4_frame_free)(void *context);
    size_t (*lz4_frame_decompress)(void *context, void *out, size_t *out_bytes, const void *in,
                                   size_t *in_bytes, const void *options);
    unsigned (*lz4_frame_is_error)(size_t code);
    void *brotli_library; /* libbrotlidec.so.1 */
    int (*brotli_decompress)(size_t in_bytes, const uint8_t *in, size_t *out_bytes, uint8_t *out);
    void *brotli_out_library; /* libbrotlienc.so.1 */
    int (*brotli_compress)(int level, int window, int mode, size_t in_bytes, const uint8_t *in,
                           size_t *out_bytes, uint8_t *out);
    size_t (*brotli_bound)(size_t in_bytes); /* 0: too many */
};

void cx_rare_fini(struct cx_rare *r);

/* As cx_decompress does for its kinds. LZ4 with and without Hadoop's framing. */
SLP_NODISCARD slp_rc cx_snappy_decompress(struct cx_rare *r, struct slice in, uint8_t *out,
                                          size_t out_len, struct slp_err *err);
SLP_NODISCARD slp_rc cx_lz4_decompress(struct cx_rare *r, struct slice in, bool may_be_framed,
                                       uint8_t *out, size_t out_len, struct slp_err *err);
SLP_NODISCARD slp_rc cx_lz4_frame(struct cx_rare *r, struct slice in, uint8_t *out, size_t out_len,
                                  struct slp_err *err);
SLP_NODISCARD slp_rc cx_brotli_decompress(struct cx_rare *r, struct slice in, uint8_t *out,
                                          size_t out_len, struct slp_err *err);

/* Append one block. */
SLP_NODISCARD slp_rc cx_snappy_compress(struct cx_rare *r, struct slice in, struct buf *out,
                                        struct slp_err *err);
SLP_NODISCARD slp_rc cx_lz4_compress(struct cx_rare *r, struct slice in, struct buf *out,
                                     struct slp_err *err);
SLP_NODISCARD slp_rc cx_brotli_compress(struct cx_rare *r, int level, struct slice in,
                                        struct buf *out, struct slp_err *err);

#endif
