/* rooms: parquet */
#include "codec/delta_decode.h"

#include "codec/unpack.h"
#include "fuzz/pages.h"

#define MODEL_VALUES_MAX 70000u

/* What the model keeps of a stream. */
struct stream {
    struct slice in;
    bool is_wrong;
};

static uint64_t take_varint(struct stream *s)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < 10 && i < s->in.len; i++) {
        v |= (uint64_t)(s->in.ptr[i] & 0x7f) << (7 * i);
        if (s->in.ptr[i] < 0x80) {
            s->in = slice_after(s->in, i + 1);
            return v;
        }
    }
    s->is_wrong = true;
    return 0;
}

/* One number of `width` bits, bit by bit; bits beyond the input are wrong. */
static uint64_t take_bits(struct stream *s, uint64_t bit, unsigned width)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < width; i++, bit++) {
        if (bit / 8 >= s->in.len) {
            s->is_wrong = true;
            return 0;
        }
        v |= (uint64_t)(s->in.ptr[bit / 8] >> (bit % 8) & 1) << i;
    }
    return v;
}

static uint64_t unzigzag(uint64_t v)
{
    return v >> 1 ^ (0 - (v & 1));
}

/* The format read a value at a time: the first `count` values, or fewer where it is damaged. */
static size_t model(struct slice in, uint64_t *out, size_t count)
{
    struct stream s = {.in = in};
    uint64_t block = take_varint(&s);
    uint64_t minis = take_varint(&s);
    uint64_t values = take_varint(&s);
    uint64_t value = unzigzag(take_varint(&s));
    size_t done = 0;
    if (s.is_wrong || values == 0 || count == 0)
        return 0;
    out[done++] = value;
    while (done < count && done < values) {
        uint64_t least = unzigzag(take_varint(&s));
        struct slice widths = s.in;
        if (s.is_wrong || minis > widths.len)
            return done;
        s.in = slice_after(s.in, (size_t)minis);
        for (uint64_t m = 0; m < minis && done < count && done < values; m++) {
            uint64_t mini = block / minis;
            unsigned width = widths.ptr[m];
            if (width > 64)
                return done;
            for (uint64_t i = 0; i < mini && done < count && done < values; i++) {
                value += least + take_bits(&s, i * width, width);
                if (s.is_wrong)
                    return done;
                out[done++] = value;
            }
            s.in = slice_after(s.in, num_min_size((size_t)(mini * width / 8), s.in.len));
        }
    }
    return done;
}

/* Whatever the decoder hands out is what the model says, in steps of any size; where it stops early,
 * the model does within the same miniblock. */
static void compare_with_model(struct slice body, int32_t rows, size_t portion)
{
    static uint64_t want[MODEL_VALUES_MAX];
    static int64_t got[MODEL_VALUES_MAX];
    struct cx_delta d;
    if (!cx_delta_init(&d, body))
        return;
    size_t count = num_min_size((size_t)rows, (size_t)num_min_u64(d.left, MODEL_VALUES_MAX));
    size_t done = 0;
    for (size_t n = 1; n && done < count; done += n)
        n = cx_delta_next(&d, got + done, num_min_size(portion, count - done));
    size_t wanted = model(body, want, count);
    if (done > wanted || (done && memcmp(want, got, done * sizeof *want) != 0))
        abort();
}

#define ENCODING                            PQ_DELTA_BINARY_PACKED
#define ENCODING_MODEL(body, rows, portion) compare_with_model(body, rows, portion)

#include "fuzz/encoding.h"
