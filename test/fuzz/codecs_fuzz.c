/* rooms: codec */
#include "codec/compress.h"

#include <stdlib.h>

#include "base/num.h"

/*
 * Each codec's wrapper: what is damaged is refused and writes nothing beyond its room; what we
 * compress comes back.
 *
 *   codec; 8: an LZ4 frame; else modulo 9 | output bytes, u16 | input
 */

#define HEAD_BYTES 3u
#define LZ4_FRAME  8
#define KINDS      9

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void round_trip(struct cx_codec *c, enum cx_kind kind, struct slice in)
{
    struct buf packed;
    uint8_t *out = alloc_system()->resize(alloc_system(), NULL, 0, in.len + 1);
    buf_init(&packed, alloc_system(), (size_t)1 << 24);
    slp_rc rc = out ? cx_compress(c, kind, 0, in, &packed, NULL) : SLP_NO_MEMORY;
    if (rc == SLP_OK && (cx_decompress(c, kind, buf_slice(&packed), out, in.len, NULL) != SLP_OK ||
                         !slice_equal(in, slice_of(out, in.len))))
        abort();
    if (rc == SLP_CORRUPT)
        abort();
    buf_fini(&packed);
    alloc_system()->resize(alloc_system(), out, in.len + 1, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct cx_codec *c = NULL;
    if (n < HEAD_BYTES)
        return 0;
    struct slice in = slice_after(slice_of(data, n), HEAD_BYTES);
    int kind = data[0] % KINDS;
    size_t room = num_load_u16le(data + 1);
    uint8_t *out = malloc(room ? room : 1); /* of its own size: ASan sees a write beyond it */
    if (!out || cx_codec_new(alloc_system(), &c, NULL) != SLP_OK)
        abort();
    slp_rc rc = kind == LZ4_FRAME ? cx_lz4_frame_decompress(c, in, out, room, NULL)
                                  : cx_decompress(c, (enum cx_kind)kind, in, out, room, NULL);
    if (rc != SLP_OK && rc != SLP_CORRUPT && rc != SLP_UNSUPPORTED)
        abort();
    if (kind != LZ4_FRAME && kind != CX_LZO)
        round_trip(c, (enum cx_kind)kind, in);
    free(out);
    cx_codec_free(c);
    return 0;
}
