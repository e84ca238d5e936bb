#include "codec/rle_decode.h"

#include "base/num.h"
#include "codec/unpack.h"

/* Heads hold a count of 31 bits and a flag. */
#define HEAD_MAX_BYTES 5

void cx_rle_init(struct cx_rle *r, struct slice in, unsigned width)
{
    assert(width <= 32);
    *r = (struct cx_rle){.in = in, .width = width};
    if (width == 0)
        r->run_left = UINT64_MAX;
}

static bool take_head(struct slice *in, uint64_t *head)
{
    uint64_t v = 0;
    for (size_t i = 0; i < HEAD_MAX_BYTES && i < in->len; i++) {
        v |= (uint64_t)(in->ptr[i] & 0x7f) << (7 * i);
        if (in->ptr[i] < 0x80) {
            *head = v;
            *in = slice_after(*in, i + 1);
            return true;
        }
    }
    return false;
}

static void take_packed(struct cx_rle *r, uint64_t groups)
{
    size_t bytes = num_min_size((size_t)(groups * r->width), r->in.len);
    r->packed = slice_first(r->in, bytes);
    r->packed_bit = 0;
    r->packed_left = num_min_size((size_t)groups * 8, bytes * 8 / r->width);
    r->in = slice_after(r->in, bytes);
}

static bool take_run(struct cx_rle *r, uint64_t count)
{
    size_t bytes = (r->width + 7) / 8;
    if (bytes > r->in.len)
        return false;
    uint8_t value[4] = {0};
    memcpy(value, r->in.ptr, bytes);
    r->in = slice_after(r->in, bytes);
    r->run_value = num_load_u32le(value);
    r->run_left = count;
    return true;
}

bool cx_rle_fill(struct cx_rle *r)
{
    while (r->run_left == 0 && r->packed_left == 0) {
        uint64_t head = 0;
        if (!take_head(&r->in, &head))
            return false;
        if (head & 1)
            take_packed(r, head >> 1);
        else if (!take_run(r, head >> 1))
            return false;
    }
    return true;
}

void cx_rle_drop(struct cx_rle *r, uint64_t n)
{
    if (r->run_left) {
        assert(n <= r->run_left);
        r->run_left -= n;
        return;
    }
    assert(n <= r->packed_left);
    r->packed_left -= n;
    r->packed_bit += n * r->width;
}

static void fill_run(uint32_t *out, uint32_t value, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = value;
}

size_t cx_rle_next(struct cx_rle *r, uint32_t *out, size_t n)
{
    size_t done = 0;
    while (done < n && cx_rle_fill(r)) {
        uint64_t at_hand = r->run_left ? r->run_left : r->packed_left;
        size_t take = at_hand < n - done ? (size_t)at_hand : n - done;
        if (r->run_left)
            fill_run(out + done, r->run_value, take);
        else
            cx_unpack32(r->packed, r->packed_bit, r->width, out + done, take);
        cx_rle_drop(r, take);
        done += take;
    }
    return done;
}
