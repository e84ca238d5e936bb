/* rooms: parquet */
#include "codec/rle_decode.h"

#include "fuzz/pages.h"

#define MODEL_VALUES_MAX 70000u

/* The format read a value at a time: the first `count` values, or fewer where the input ends. */
static size_t model(struct slice in, unsigned width, uint32_t *out, size_t count)
{
    size_t done = 0;
    size_t at = 0;
    while (done < count) {
        uint64_t head = 0;
        unsigned bytes = 0;
        for (; bytes < 5 && at < in.len; bytes++, at++) {
            head |= (uint64_t)(in.ptr[at] & 0x7f) << (7 * bytes);
            if (in.ptr[at] < 0x80)
                break;
        }
        if (bytes == 5 || at == in.len)
            return done;
        at++;
        uint64_t bit = (uint64_t)at * 8;
        uint64_t n = head & 1 ? (head >> 1) * 8 : head >> 1;
        size_t value_bits = head & 1 ? width : (width + 7) / 8 * 8;
        if (!(head & 1) && value_bits / 8 > in.len - at)
            return done;
        for (uint64_t i = 0; i < n && done < count; i++) {
            uint64_t v = 0;
            uint64_t from = head & 1 ? bit + i * width : bit;
            if (from + value_bits > (uint64_t)in.len * 8)
                break;
            for (size_t k = 0; k < value_bits; k++, from++)
                v |= (uint64_t)(in.ptr[from / 8] >> (from % 8) & 1) << k;
            out[done++] = (uint32_t)v;
        }
        uint64_t taken = head & 1 ? (head >> 1) * width : value_bits / 8;
        at = (size_t)num_min_u64(in.len, at + taken);
    }
    return done;
}

/* The first byte is the width, 1 to 32. */
static void compare_with_model(struct slice body, int32_t rows, size_t portion)
{
    static uint32_t want[MODEL_VALUES_MAX];
    static uint32_t got[MODEL_VALUES_MAX];
    struct cx_rle r;
    if (body.len == 0)
        return;
    unsigned width = 1 + body.ptr[0] % 32u;
    struct slice in = slice_after(body, 1);
    cx_rle_init(&r, in, width);
    size_t count = num_min_size((size_t)rows, MODEL_VALUES_MAX);
    size_t done = 0;
    for (size_t n = 1; n && done < count; done += n)
        n = cx_rle_next(&r, got + done, num_min_size(portion, count - done));
    if (model(in, width, want, count) != done)
        abort();
    if (done && memcmp(want, got, done * sizeof *want) != 0)
        abort();
}

#define ENCODING                            PQ_RLE
#define ENCODING_MODEL(body, rows, portion) compare_with_model(body, rows, portion)

#include "fuzz/encoding.h"
