/*
 * The codecs few files need: their libraries are opened on first use, so that a lookup in a folder
 * loads neither. Each `struct cx_rare` opens for itself and closes at its end: no global table.
 */
#ifndef SLP_CODEC_COMPRESS_PRIV_H
#define SLP_CODEC_COMPRESS_PRIV_H

#include "base/buf.h"

struct cx_rare {
    void *lz4_library; /* liblz4.so.1 */
    int (*lz4_decompress)(const char *in, char *out, int in_bytes, int out_bytes);
    int (*lz4_compress)(const char *in, char *out, int in_bytes, int out_bytes);
    int (*lz4_bound)(int in_bytes);
    void *brotli_library; /* libbrotlidec.so.1 */
    int (*brotli_decompress)(size_t in_bytes, const uint8_t *in, size_t *out_bytes, uint8_t *out);
};

void cx_rare_fini(struct cx_rare *r);

/* As cx_decompress does for its kinds. LZ4 with and without Hadoop's framing. */
SLP_NODISCARD slp_rc cx_lz4_decompress(struct cx_rare *r, struct slice in, bool may_be_framed,
                                       uint8_t *out, size_t out_len, struct slp_err *err);
SLP_NODISCARD slp_rc cx_brotli_decompress(struct cx_rare *r, struct slice in, uint8_t *out,
                                          size_t out_len, struct slp_err *err);

/* Append one LZ4 block. */
SLP_NODISCARD slp_rc cx_lz4_compress(struct cx_rare *r, struct slice in, struct buf *out,
                                     struct slp_err *err);

#endif
