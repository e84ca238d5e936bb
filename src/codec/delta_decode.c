#include "codec/delta_decode.h"

#include "base/num.h"
#include "codec/unpack.h"

#define VARINT_MAX_BYTES 10
#define STEP_VALUES      64u
#define WIDTH_MAX        64u

/* Wider ones are unpacked faster into 64 bits (codec/unpack.c). */
#define NARROW_WIDTH_MAX 25u

static bool take_varint(struct slice *in, uint64_t *out)
{
    uint64_t v = 0;
    for (size_t i = 0; i < VARINT_MAX_BYTES && i < in->len; i++) {
        v |= (uint64_t)(in->ptr[i] & 0x7f) << (7 * i);
        if (in->ptr[i] < 0x80) {
            *out = v;
            *in = slice_after(*in, i + 1);
            return true;
        }
    }
    return false;
}

static uint64_t unzigzag(uint64_t v)
{
    return (v >> 1) ^ (0 - (v & 1));
}

bool cx_delta_init(struct cx_delta *d, struct slice in)
{
    uint64_t block_values = 0;
    uint64_t minis = 0;
    uint64_t values = 0;
    uint64_t first = 0;
    if (!take_varint(&in, &block_values) || !take_varint(&in, &minis) ||
        !take_varint(&in, &values) || !take_varint(&in, &first))
        return false;
    if (block_values == 0 || block_values > INT32_MAX || minis == 0 || block_values % minis != 0 ||
        block_values / minis % 8 != 0 || values > INT32_MAX)
        return false;
    *d = (struct cx_delta){.in = in,
                           .left = values,
                           .value = unzigzag(first),
                           .is_first = true,
                           .minis = minis,
                           .mini_values = block_values / minis};
    return true;
}

static bool begin_block(struct cx_delta *d)
{
    uint64_t min_delta = 0;
    if (!take_varint(&d->in, &min_delta) || d->minis > d->in.len)
        return false;
    d->min_delta = unzigzag(min_delta);
    d->widths = slice_first(d->in, (size_t)d->minis);
    d->in = slice_after(d->in, (size_t)d->minis);
    return true;
}

/* The last miniblock may lack what no value needs. */
static bool begin_mini(struct cx_delta *d)
{
    if (d->widths.len == 0 && !begin_block(d))
        return false;
    d->width = d->widths.ptr[0];
    d->widths = slice_after(d->widths, 1);
    if (d->width > WIDTH_MAX)
        return false;
    d->mini_left = d->mini_values < d->left ? d->mini_values : d->left;
    uint64_t needed = (d->mini_left * d->width + 7) / 8;
    if (needed > d->in.len)
        return false;
    size_t whole = num_min_size((size_t)(d->mini_values * d->width / 8), d->in.len);
    d->mini = slice_first(d->in, whole);
    d->mini_bit = 0;
    d->in = slice_after(d->in, whole);
    return true;
}

static size_t take_deltas(struct cx_delta *d, int64_t *out, size_t n)
{
    uint64_t deltas[STEP_VALUES];
    size_t take = num_min_size(num_min_size(n, STEP_VALUES), (size_t)d->mini_left);
    uint64_t value = d->value;
    /* What stands behind the miniblock may be loaded with its last values. */
    struct slice ahead = slice_of(d->mini.ptr, d->mini.len + d->in.len);
    if (d->width == 0) {
        /* Even steps, or none: lengths of texts that are all alike. */
        for (size_t i = 0; i < take; i++)
            out[i] = (int64_t)(value + (i + 1) * d->min_delta);
        value += take * d->min_delta;
    } else if (d->width <= NARROW_WIDTH_MAX) {
        uint32_t narrow[STEP_VALUES];
        cx_unpack32(ahead, d->mini_bit, d->width, narrow, take);
        for (size_t i = 0; i < take; i++) {
            value += narrow[i] + d->min_delta;
            out[i] = (int64_t)value;
        }
    } else {
        cx_unpack64(ahead, d->mini_bit, d->width, deltas, take);
        for (size_t i = 0; i < take; i++) {
            value += deltas[i] + d->min_delta;
            out[i] = (int64_t)value;
        }
    }
    d->value = value;
    d->mini_bit += (uint64_t)take * d->width;
    d->mini_left -= take;
    d->left -= take;
    return take;
}

size_t cx_delta_next(struct cx_delta *d, int64_t *out, size_t n)
{
    size_t done = 0;
    if (d->is_first && d->left && n) {
        out[done++] = (int64_t)d->value;
        d->is_first = false;
        d->left--;
    }
    while (done < n && d->left) {
        if (d->mini_left == 0 && !begin_mini(d)) {
            d->left = 0;
            d->mini_left = 0;
            return done;
        }
        done += take_deltas(d, out + done, n - done);
    }
    return done;
}

bool cx_delta_rest(const struct cx_delta *d, struct slice *rest)
{
    assert(d->is_first);
    struct cx_delta copy = *d;
    if (copy.left)
        copy.left--;
    while (copy.left) {
        if (!begin_mini(&copy))
            return false;
        copy.left -= copy.mini_left;
    }
    *rest = copy.in;
    return true;
}
