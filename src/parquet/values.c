#include "parquet/values.h"

#include <inttypes.h>

#include "arrow/bits.h"
#include "base/num.h"

#define MILLIS_PER_SECOND  1000
#define NANOS_PER_MILLI    1000000
#define WIDE_DECIMAL_BYTES 32u

/* Strings up to this long are copied as one block of this size. */
#define SHORT_BYTES PQ_VALUES_OVERREAD

static const uint8_t nothing[PQ_VALUES_OVERREAD];

void pq_values_scratch_init(struct pq_values_scratch *s, struct alloc *mem)
{
    buf_init(&s->converted, mem, SIZE_MAX / 2);
    buf_init(&s->dense, mem, SIZE_MAX / 2);
}

void pq_values_scratch_fini(struct pq_values_scratch *s)
{
    buf_fini(&s->converted);
    buf_fini(&s->dense);
}

/* Room for `count` values of `width` bytes; the buffer's bytes are not set. */
static slp_rc make_room(struct buf *b, size_t count, size_t width, struct slp_err *err)
{
    size_t bytes = 0;
    if (!num_mul_size(count, width, &bytes))
        FAIL(err, LIMIT, "%zu values of %zu bytes do not fit the address space", count, width);
    buf_clear(b);
    TRY(buf_reserve(b, bytes, err));
    b->len = bytes;
    return SLP_OK;
}

/* Integers of 8 and 16 bits become INT32; the unsigned ones keep their value. */
static void widen(enum arr_kind kind, const uint8_t *from, size_t count, int32_t *to)
{
    const int8_t *i8 = (const int8_t *)from;
    const int16_t *i16 = (const int16_t *)(const void *)from;
    const uint16_t *u16 = (const uint16_t *)(const void *)from;
    switch (kind) {
    case ARR_INT8:
        for (size_t i = 0; i < count; i++)
            to[i] = i8[i];
        break;
    case ARR_UINT8:
        for (size_t i = 0; i < count; i++)
            to[i] = from[i];
        break;
    case ARR_INT16:
        for (size_t i = 0; i < count; i++)
            to[i] = i16[i];
        break;
    default:
        for (size_t i = 0; i < count; i++)
            to[i] = u16[i];
        break;
    }
}

static slp_rc seconds_to_millis(const int64_t *from, size_t count, int64_t *to, struct slp_err *err)
{
    for (size_t i = 0; i < count; i++)
        if (!num_mul_i64(from[i], MILLIS_PER_SECOND, &to[i]))
            FAIL(err, BAD_INPUT,
                 "row %zu: timestamp of %" PRId64
                 " seconds is beyond what parquet holds in milliseconds",
                 i, from[i]);
    return SLP_OK;
}

static i128 decimal_at(const uint8_t *data, size_t row)
{
    i128 v;
    memcpy(&v, data + row * sizeof v, sizeof v);
    return v;
}

/* Does `v` fit `width` bytes of two's complement? */
static bool decimal_fits(i128 v, size_t width)
{
    return width == sizeof v || v >> (8 * width - 1) == 0 || v >> (8 * width - 1) == -1;
}

/* The lowest `width` bytes of a little-endian number, turned around where Parquet has it so. */
static void put_decimal(const uint8_t *from, const struct pq_leaf *leaf, uint8_t *to)
{
    bool is_big_endian = leaf->physical == PQ_FIXED_LEN_BYTE_ARRAY;
    for (size_t i = 0; i < leaf->width; i++)
        to[i] = from[is_big_endian ? leaf->width - 1 - i : i];
}

static slp_rc convert_decimals(const struct arr_col *col, const struct pq_leaf *leaf, uint8_t *to,
                               struct slp_err *err)
{
    for (size_t row = 0; row < (size_t)col->rows; row++, to += leaf->width) {
        i128 v = decimal_at(col->data.ptr, row);
        if (!decimal_fits(v, leaf->width))
            FAIL(err, BAD_INPUT, "row %zu: decimal has more than its %" PRId32 " digits", row,
                 col->type.precision);
        put_decimal(col->data.ptr + row * sizeof v, leaf, to);
    }
    return SLP_OK;
}

/* The bytes that are left out repeat the sign. */
static slp_rc convert_wide_decimals(const struct arr_col *col, const struct pq_leaf *leaf,
                                    uint8_t *to, struct slp_err *err)
{
    for (size_t row = 0; row < (size_t)col->rows; row++, to += leaf->width) {
        const uint8_t *v = col->data.ptr + row * WIDE_DECIMAL_BYTES;
        uint8_t sign = v[leaf->width - 1] & 0x80 ? 0xff : 0;
        for (size_t i = leaf->width; i < WIDE_DECIMAL_BYTES; i++)
            if (v[i] != sign)
                FAIL(err, BAD_INPUT, "row %zu: decimal has more than its %" PRId32 " digits", row,
                     col->type.precision);
        put_decimal(v, leaf, to);
    }
    return SLP_OK;
}

static slp_rc times_to_millis(const int32_t *from, size_t count, int32_t *to, struct slp_err *err)
{
    for (size_t i = 0; i < count; i++) {
        int64_t millis = (int64_t)from[i] * MILLIS_PER_SECOND;
        if (millis != (int32_t)millis)
            FAIL(err, BAD_INPUT, "row %zu: %" PRId32 " seconds are no time of day", i, from[i]);
        to[i] = (int32_t)millis;
    }
    return SLP_OK;
}

/* Parquet's have no sign and count in milliseconds. */
static slp_rc convert_intervals(const struct arr_col *col, uint8_t *to, struct slp_err *err)
{
    for (size_t row = 0; row < (size_t)col->rows; row++, to += 12) {
        struct arr_interval v;
        memcpy(&v, col->data.ptr + row * sizeof v, sizeof v);
        int64_t millis = v.nanoseconds / NANOS_PER_MILLI;
        if (v.months < 0 || v.days < 0 || v.nanoseconds < 0 || millis > UINT32_MAX ||
            v.nanoseconds % NANOS_PER_MILLI != 0)
            FAIL(err, BAD_INPUT,
                 "row %zu: parquet has intervals of whole milliseconds that are not negative", row);
        num_store_u32le(to, (uint32_t)v.months);
        num_store_u32le(to + 4, (uint32_t)v.days);
        num_store_u32le(to + 8, (uint32_t)millis);
    }
    return SLP_OK;
}

static bool is_stored_as_it_is(struct arr_type type)
{
    switch (type.kind) {
    case ARR_INT8:
    case ARR_INT16:
    case ARR_UINT8:
    case ARR_UINT16:
    case ARR_DECIMAL128:
    case ARR_DECIMAL256:
    case ARR_INTERVAL:
        return false;
    case ARR_TIMESTAMP:
    case ARR_TIME32:
        return type.unit != ARR_SECOND;
    default:
        return true;
    }
}

/* Values of the physical width, nulls still among them. */
static slp_rc convert(const struct arr_col *col, const struct pq_leaf *leaf, struct buf *scratch,
                      const uint8_t **data, struct slp_err *err)
{
    size_t rows = (size_t)col->rows;
    const void *from = col->data.ptr;
    *data = col->data.ptr;
    if (rows == 0 || is_stored_as_it_is(col->type))
        return SLP_OK;
    TRY(make_room(scratch, rows, leaf->width, err));
    void *to = scratch->ptr;
    *data = scratch->ptr;
    switch (col->type.kind) {
    case ARR_TIMESTAMP:
        return seconds_to_millis(from, rows, to, err);
    case ARR_TIME32:
        return times_to_millis(from, rows, to, err);
    case ARR_DECIMAL128:
        return convert_decimals(col, leaf, to, err);
    case ARR_DECIMAL256:
        return convert_wide_decimals(col, leaf, to, err);
    case ARR_INTERVAL:
        return convert_intervals(col, to, err);
    default:
        widen(col->type.kind, from, rows, to);
        return SLP_OK;
    }
}

/* Each loop writes every row and moves on only past those that are present. */
static void pick_fixed(const uint8_t *validity, const uint8_t *from, size_t rows, size_t width,
                       uint8_t *to)
{
    size_t n = 0;
    switch (width) {
    case 4:
        for (size_t i = 0; i < rows; i++) {
            memcpy(to + n * 4, from + i * 4, 4);
            n += arr_bit(validity, (int64_t)i);
        }
        break;
    case 8:
        for (size_t i = 0; i < rows; i++) {
            memcpy(to + n * 8, from + i * 8, 8);
            n += arr_bit(validity, (int64_t)i);
        }
        break;
    default:
        for (size_t i = 0; i < rows; i++) {
            memcpy(to + n * width, from + i * width, width);
            n += arr_bit(validity, (int64_t)i);
        }
        break;
    }
}

/* Null rows have no bytes, so leaving out their offsets leaves the others right. */
static void pick_offsets(const uint8_t *validity, const int32_t *from, size_t rows, int32_t *to)
{
    size_t n = 0;
    for (size_t i = 0; i < rows; i++) {
        assert(arr_bit(validity, (int64_t)i) || from[i] == from[i + 1]);
        to[n] = from[i];
        n += arr_bit(validity, (int64_t)i);
    }
    to[n] = from[rows];
}

static void pick_bits(const uint8_t *validity, const uint8_t *from, size_t rows, uint8_t *to)
{
    size_t n = 0;
    for (size_t i = 0; i < rows; i++) {
        if (!arr_bit(validity, (int64_t)i))
            continue;
        if (arr_bit(from, (int64_t)i))
            to[n >> 3] = (uint8_t)(to[n >> 3] | 1u << (n & 7));
        n++;
    }
}

/* The same values without the slots of null rows. */
static slp_rc drop_nulls(const struct arr_col *col, struct buf *scratch, struct pq_values *v,
                         struct slp_err *err)
{
    size_t rows = (size_t)col->rows;
    const uint8_t *validity = col->validity.ptr;
    if (v->physical == PQ_BYTE_ARRAY) {
        TRY(make_room(scratch, v->count + 1, sizeof *v->offsets, err));
        pick_offsets(validity, v->offsets, rows, (int32_t *)(void *)scratch->ptr);
        v->offsets = (const int32_t *)(const void *)scratch->ptr;
        return SLP_OK;
    }
    if (v->physical == PQ_BOOLEAN) {
        buf_clear(scratch);
        TRY(buf_resize(scratch, arr_bits_bytes((int64_t)v->count), err));
        pick_bits(validity, v->data, rows, scratch->ptr);
    } else {
        /* One more: the loops write the slot behind the last value when null rows end the
         * column. */
        TRY(make_room(scratch, v->count + 1, v->width, err));
        pick_fixed(validity, v->data, rows, v->width, scratch->ptr);
    }
    v->data = scratch->ptr;
    return SLP_OK;
}

slp_rc pq_values_of(const struct arr_col *col, const struct pq_leaf *leaf,
                    struct pq_values_scratch *scratch, struct pq_values *out, struct slp_err *err)
{
    bool all_null = col->type.kind == ARR_NULL;
    struct pq_values v = {.physical = leaf->physical,
                          .order = leaf->order,
                          .width = leaf->width,
                          .data = nothing,
                          .count = all_null ? 0 : (size_t)(col->rows - col->null_count)};
    if (v.count > 0) {
        TRY(convert(col, leaf, &scratch->converted, &v.data, err));
        if (leaf->physical == PQ_BYTE_ARRAY)
            v.offsets = arr_col_offsets(col);
        if (col->null_count > 0)
            TRY(drop_nulls(col, &scratch->dense, &v, err));
        if (!v.data)
            v.data = nothing; /* only empty strings */
    }
    *out = v;
    return SLP_OK;
}

size_t pq_values_plain_bytes(const struct pq_values *v, size_t from, size_t count)
{
    if (count == 0)
        return 0;
    if (v->physical == PQ_BOOLEAN)
        return arr_bits_bytes((int64_t)count);
    if (v->physical != PQ_BYTE_ARRAY)
        return count * v->width;
    return (size_t)v->offsets[from + count] - (size_t)v->offsets[from] + 4 * count;
}

size_t pq_values_fit(const struct pq_values *v, size_t from, size_t most, size_t bytes)
{
    if (pq_values_plain_bytes(v, from, most) <= bytes)
        return most;
    size_t low = 1;
    size_t high = most;
    while (low < high) {
        size_t middle = high - (high - low) / 2;
        if (pq_values_plain_bytes(v, from, middle) <= bytes)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

/* Copies of a fixed size are two instructions; what they write too much is overwritten by the next
 * value or lies in the room reserved behind the last. */
static uint8_t *put_strings(const struct pq_values *v, size_t from, size_t count, uint8_t *to)
{
    const int32_t *offsets = v->offsets + from;
    for (size_t i = 0; i < count; i++) {
        const uint8_t *bytes = v->data + offsets[i];
        size_t len = (size_t)offsets[i + 1] - (size_t)offsets[i];
        num_store_u32le(to, (uint32_t)len);
        to += 4;
        if (len <= SHORT_BYTES)
            memcpy(to, bytes, SHORT_BYTES);
        else
            memcpy(to, bytes, len);
        to += len;
    }
    return to;
}

slp_rc pq_values_encode_plain(const struct pq_values *v, size_t from, size_t count, struct buf *out,
                              struct slp_err *err)
{
    size_t bytes = pq_values_plain_bytes(v, from, count);
    if (bytes == 0)
        return SLP_OK;
    TRY(buf_reserve(out, bytes + PQ_VALUES_OVERREAD, err));
    uint8_t *to = out->ptr + out->len;
    if (v->physical == PQ_BOOLEAN) {
        memset(to, 0, bytes);
        arr_bits_copy(to, 0, v->data, (int64_t)from, (int64_t)count);
    } else if (v->physical == PQ_BYTE_ARRAY) {
        uint8_t *end = put_strings(v, from, count, to);
        assert(end == to + bytes);
        (void)end;
    } else {
        memcpy(to, v->data + from * v->width, bytes);
    }
    out->len += bytes;
    return SLP_OK;
}
