#include "parquet/bounds.h"

#include <math.h>

#include "arrow/bits.h"
#include "arrow/half.h"
#include "base/num.h"
#include "parquet/min_max.h"

#define SURROGATE_FIRST 0xd800u
#define SURROGATE_AFTER 0xe000u
#define CHARACTER_LAST  0x10ffffu

/* The sign bits of numbers of 32 and of 64 bits. */
#define SIGN_32 0x80000000u
#define SIGN_64 0x8000000000000000u

/* Bytes of a string that are compared as one number. */
#define WORD_BYTES   8u
#define PREFIX_BYTES 16u

/* Strings whose first words are compared before any of them is looked at whole. */
#define STRETCH_STRINGS 64u

static void set_known(struct pq_bounds *b, const void *min, const void *max, size_t len)
{
    b->state = PQ_BOUNDS_KNOWN;
    b->min_exact = true;
    b->max_exact = true;
    b->min_len = (uint32_t)len;
    b->max_len = (uint32_t)len;
    memcpy(b->min, min, len);
    memcpy(b->max, max, len);
}

static void bounds_32(const uint8_t *data, size_t count, uint32_t flip, struct pq_bounds *out)
{
    uint32_t min = 0;
    uint32_t max = 0;
    pq_min_max_32((const uint32_t *)(const void *)data, count, flip, &min, &max);
    set_known(out, &min, &max, sizeof min);
}

static void bounds_64(const uint8_t *data, size_t count, uint64_t flip, struct pq_bounds *out)
{
    uint64_t min = 0;
    uint64_t max = 0;
    pq_min_max_64((const uint64_t *)(const void *)data, count, flip, &min, &max);
    set_known(out, &min, &max, sizeof min);
}

/* Zeros of either sign are one bound: a minimum is written as -0.0, a maximum as +0.0. */
static void float_bounds_without_nan(uint32_t min, uint32_t max, struct pq_bounds *out)
{
    min = min << 1 ? min : SIGN_32;
    max = max << 1 ? max : 0;
    set_known(out, &min, &max, sizeof min);
}

static void double_bounds_without_nan(uint64_t min, uint64_t max, struct pq_bounds *out)
{
    min = min << 1 ? min : SIGN_64;
    max = max << 1 ? max : 0;
    set_known(out, &min, &max, sizeof min);
}

/* Where there are NaN. Comparisons with NaN are false, so NaN never replaces a bound; the infinities start below. */
#define DEFINE_FLOAT_BOUNDS(name, type)                                                            \
    static void name(const uint8_t *data, size_t count, struct pq_bounds *out)                     \
    {                                                                                              \
        const type *v = (const type *)(const void *)data;                                          \
        type min = (type)INFINITY;                                                                 \
        type max = (type)-INFINITY;                                                                \
        size_t nan_count = 0;                                                                      \
        for (size_t i = 0; i < count; i++) {                                                       \
            min = v[i] < min ? v[i] : min;                                                         \
            max = v[i] > max ? v[i] : max;                                                         \
            nan_count += v[i] != v[i];                                                             \
        }                                                                                          \
        min = min == 0 ? -(type)0 : min;                                                           \
        max = max == 0 ? (type)0 : max;                                                            \
        if (nan_count < count)                                                                     \
            set_known(out, &min, &max, sizeof min);                                                \
        out->nan_count = (int64_t)nan_count;                                                       \
    }

DEFINE_FLOAT_BOUNDS(float_bounds_with_nan, float)
DEFINE_FLOAT_BOUNDS(double_bounds_with_nan, double)

static void float_bounds(const uint8_t *data, size_t count, struct pq_bounds *out)
{
    uint32_t min = 0;
    uint32_t max = 0;
    if (pq_min_max_float((const uint32_t *)(const void *)data, count, &min, &max))
        float_bounds_without_nan(min, max, out);
    else
        float_bounds_with_nan(data, count, out);
}

static void double_bounds(const uint8_t *data, size_t count, struct pq_bounds *out)
{
    uint64_t min = 0;
    uint64_t max = 0;
    if (pq_min_max_double((const uint64_t *)(const void *)data, count, &min, &max))
        double_bounds_without_nan(min, max, out);
    else
        double_bounds_with_nan(data, count, out);
}

/* Halves: as above, one at a time; -0.0 is 0x8000. */
static void half_bounds(const uint8_t *data, size_t count, struct pq_bounds *out)
{
    size_t nan_count = 0;
    size_t min = 0;
    size_t max = 0;
    for (size_t i = 0; i < count; i++) {
        double v = arr_half_to_f64(num_load_u16le(data + 2 * i));
        nan_count += v != v;
        double low = arr_half_to_f64(num_load_u16le(data + 2 * min));
        double high = arr_half_to_f64(num_load_u16le(data + 2 * max));
        if (v < low || low != low)
            min = i;
        if (v > high || high != high)
            max = i;
    }
    out->nan_count = (int64_t)nan_count;
    if (nan_count == count)
        return;
    set_known(out, data + 2 * min, data + 2 * max, 2);
    if (arr_half_to_f64(num_load_u16le(out->min)) == 0)
        out->min[1] = 0x80;
    if (arr_half_to_f64(num_load_u16le(out->max)) == 0)
        out->max[1] = 0;
}

static void bool_bounds(const uint8_t *bits, size_t from, size_t count, struct pq_bounds *out)
{
    int64_t set = arr_bits_count(bits, (int64_t)from, (int64_t)count);
    uint8_t min = set == (int64_t)count;
    uint8_t max = set > 0;
    set_known(out, &min, &max, 1);
}

static struct slice fixed_at(const struct pq_values *v, size_t i)
{
    return slice_of(v->data + i * v->width, v->width);
}

static void fixed_bounds(const struct pq_values *v, size_t from, size_t count,
                         struct pq_bounds *out)
{
    if (v->width > PQ_BOUND_MAX_BYTES) {
        out->state = PQ_BOUNDS_UNKNOWN;
        return;
    }
    struct slice min = fixed_at(v, from);
    struct slice max = min;
    for (size_t i = from + 1; i < from + count; i++) {
        struct slice value = fixed_at(v, i);
        if (pq_bound_compare(v->order, value, min) < 0)
            min = value;
        else if (pq_bound_compare(v->order, value, max) > 0)
            max = value;
    }
    set_known(out, min.ptr, max.ptr, v->width);
}

/* A string and its first 16 bytes as a number that orders as they do. */
struct prefixed {
    u128 prefix;
    struct slice bytes;
};

/* Of a string of `len` bytes, the bits of its first word. */
static inline uint64_t word_mask(size_t len)
{
    static const uint64_t masks[WORD_BYTES + 1] = {
        0,
        UINT64_MAX << 56,
        UINT64_MAX << 48,
        UINT64_MAX << 40,
        UINT64_MAX << 32,
        UINT64_MAX << 24,
        UINT64_MAX << 16,
        UINT64_MAX << 8,
        UINT64_MAX,
    };
    return masks[num_min_size(len, WORD_BYTES)];
}

/* The same of its two first words. */
static inline u128 prefix_mask(size_t len)
{
    size_t second = len - num_min_size(len, WORD_BYTES);
    return (u128)word_mask(len) << 64 | word_mask(second);
}

static inline struct prefixed string_at(const struct pq_values *v, size_t i)
{
    struct prefixed s;
    s.bytes = slice_of(v->data + v->offsets[i], (size_t)v->offsets[i + 1] - (size_t)v->offsets[i]);
    s.prefix = (u128)num_load_u64be(s.bytes.ptr) << 64 | num_load_u64be(s.bytes.ptr + WORD_BYTES);
    if (s.bytes.len < PREFIX_BYTES)
        s.prefix &= prefix_mask(s.bytes.len);
    return s;
}

/* Equal prefixes of strings no longer than they are leave only the lengths to compare. */
static inline bool is_less(const struct prefixed *a, const struct prefixed *b)
{
    if (a->prefix != b->prefix)
        return a->prefix < b->prefix;
    if (a->bytes.len <= PREFIX_BYTES || b->bytes.len <= PREFIX_BYTES)
        return a->bytes.len < b->bytes.len;
    return slice_compare(a->bytes, b->bytes) < 0;
}

/* The last character of `text` begins here; for text that is not UTF-8, some byte of its last
 * four. */
static size_t last_character(struct slice text)
{
    size_t at = text.len - 1;
    size_t lowest = text.len > 4 ? text.len - 4 : 0;
    while (at > lowest && (text.ptr[at] & 0xc0) == 0x80)
        at--;
    return at;
}

/* The first `n` bytes of a longer text, less those of a character that would be cut. */
static struct slice cut_text(struct slice text, size_t n)
{
    struct slice cut = slice_first(text, n);
    if ((text.ptr[n] & 0xc0) != 0x80)
        return cut;
    return slice_first(cut, last_character(cut));
}

static struct slice cut_value(enum pq_order order, struct slice value, size_t cut_bytes)
{
    return order == PQ_ORDER_UTF8 ? cut_text(value, cut_bytes) : slice_first(value, cut_bytes);
}

/* Decode the one character that `s` is; false if it is not one. */
static bool decode_character(struct slice s, uint32_t *out)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    static const uint8_t lead_mask[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    static const uint8_t lead[] = {0, 0x00, 0xc0, 0xe0, 0xf0};
    if (s.len < 1 || s.len > 4 || (s.ptr[0] & ~lead_mask[s.len] & 0xff) != lead[s.len])
        return false;
    uint32_t c = s.ptr[0] & lead_mask[s.len];
    for (size_t i = 1; i < s.len; i++) {
        if ((s.ptr[i] & 0xc0) != 0x80)
            return false;
        c = c << 6 | (s.ptr[i] & 0x3fu);
    }
    bool is_surrogate = c >= SURROGATE_FIRST && c < SURROGATE_AFTER;
    if (c < least[s.len] || c > CHARACTER_LAST || is_surrogate)
        return false;
    *out = c;
    return true;
}

static size_t encode_character(uint32_t c, uint8_t *to)
{
    if (c < 0x80) {
        to[0] = (uint8_t)c;
        return 1;
    }
    size_t len = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const uint8_t lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = len - 1; i > 0; i--, c >>= 6)
        to[i] = (uint8_t)(0x80 | (c & 0x3f));
    to[0] = (uint8_t)(lead[len] | c);
    return len;
}

/* The shortest bytes above all that begin with `prefix`; their length, 0 if there are none. */
static size_t above_bytes(struct slice prefix, uint8_t *to)
{
    size_t len = prefix.len;
    while (len > 0 && prefix.ptr[len - 1] == 0xff)
        len--;
    if (len == 0)
        return 0;
    memcpy(to, prefix.ptr, len);
    to[len - 1]++;
    return len;
}

/* The same in whole characters; bytes that are not UTF-8 are taken as bytes. */
static size_t above_text(struct slice prefix, uint8_t *to)
{
    while (prefix.len > 0) {
        size_t at = last_character(prefix);
        uint32_t c = 0;
        if (!decode_character(slice_after(prefix, at), &c))
            return above_bytes(prefix, to);
        if (c < CHARACTER_LAST) {
            uint32_t next = c + 1 == SURROGATE_FIRST ? SURROGATE_AFTER : c + 1;
            memcpy(to, prefix.ptr, at);
            return at + encode_character(next, to + at);
        }
        prefix = slice_first(prefix, at);
    }
    return 0;
}

/* Bounds of strings from the least and the greatest of them. */
static void set_strings(const struct pq_values *v, struct slice min, struct slice max,
                        size_t cut_bytes, struct pq_bounds *out)
{
    out->min_exact = min.len <= cut_bytes;
    out->max_exact = max.len <= cut_bytes;
    struct slice low = out->min_exact ? min : cut_value(v->order, min, cut_bytes);
    memcpy(out->min, low.ptr, low.len);
    out->min_len = (uint32_t)low.len;
    out->state = PQ_BOUNDS_KNOWN;
    if (out->max_exact) {
        memcpy(out->max, max.ptr, max.len);
        out->max_len = (uint32_t)max.len;
        return;
    }
    struct slice high = cut_value(v->order, max, cut_bytes);
    size_t len =
        v->order == PQ_ORDER_UTF8 ? above_text(high, out->max) : above_bytes(high, out->max);
    out->max_len = (uint32_t)len;
    if (len == 0)
        out->state = PQ_BOUNDS_UNKNOWN;
}

static inline void take_string(const struct pq_values *v, size_t i, struct prefixed *min,
                               struct prefixed *max)
{
    struct prefixed value = string_at(v, i);
    if (is_less(&value, min))
        *min = value;
    else if (is_less(max, &value))
        *max = value;
}

/* The first eight bytes of strings as numbers that order as they do. */
struct words {
    uint64_t least;
    uint64_t most;
    uint64_t all[STRETCH_STRINGS];
};

static void load_words(const struct pq_values *v, size_t from, size_t count, struct words *w)
{
    w->least = UINT64_MAX;
    w->most = 0;
    for (size_t i = 0; i < count; i++) {
        size_t len = (size_t)v->offsets[from + i + 1] - (size_t)v->offsets[from + i];
        uint64_t word = num_load_u64be(v->data + v->offsets[from + i]) & word_mask(len);
        w->all[i] = word;
        w->least = word < w->least ? word : w->least;
        w->most = word > w->most ? word : w->most;
    }
}

/* Compare those of a stretch that begin with `word`. */
static void take_words(const struct pq_values *v, size_t from, size_t count, const uint64_t *words,
                       uint64_t word, struct prefixed *bounds)
{
    for (size_t i = 0; i < count; i++)
        if (words[i] == word)
            take_string(v, from + i, &bounds[0], &bounds[1]);
}

/* Only strings that begin as the least or the greatest of a stretch do are looked at whole, and
 * only of stretches that may have something to say. */
static void string_bounds(const struct pq_values *v, size_t from, size_t count, size_t cut_bytes,
                          struct pq_bounds *out)
{
    struct prefixed first = string_at(v, from);
    struct prefixed bounds[2] = {first, first};
    for (size_t done = 0; done < count; done += STRETCH_STRINGS) {
        size_t n = num_min_size(count - done, STRETCH_STRINGS);
        struct words w;
        load_words(v, from + done, n, &w);
        if (w.least <= (uint64_t)(bounds[0].prefix >> 64))
            take_words(v, from + done, n, w.all, w.least, bounds);
        if (w.most >= (uint64_t)(bounds[1].prefix >> 64))
            take_words(v, from + done, n, w.all, w.most, bounds);
    }
    set_strings(v, bounds[0].bytes, bounds[1].bytes, cut_bytes, out);
}

void pq_bounds_of_picked(const struct pq_values *v, const uint32_t *picked, size_t count,
                         size_t cut_bytes, struct pq_bounds *out)
{
    assert(v->physical == PQ_BYTE_ARRAY && v->order != PQ_ORDER_NONE && count > 0);
    assert(cut_bytes > 0 && cut_bytes <= PQ_BOUND_CUT_MOST_BYTES);
    struct prefixed min = string_at(v, picked[0]);
    struct prefixed max = min;
    out->nan_count = 0;
    for (size_t i = 1; i < count; i++)
        take_string(v, picked[i], &min, &max);
    set_strings(v, min.bytes, max.bytes, cut_bytes, out);
}

void pq_bounds_of_cut(const struct pq_values *v, size_t from, size_t count, size_t cut_bytes,
                      struct pq_bounds *out)
{
    assert(cut_bytes > 0 && cut_bytes <= PQ_BOUND_CUT_MOST_BYTES);
    out->state = PQ_BOUNDS_EMPTY;
    out->nan_count = 0;
    if (count == 0)
        return;
    const uint8_t *data = v->data + from * v->width;
    switch (v->order) {
    case PQ_ORDER_NONE:
        out->state = PQ_BOUNDS_UNKNOWN;
        break;
    case PQ_ORDER_BOOL:
        bool_bounds(v->data, from, count, out);
        break;
    case PQ_ORDER_INT32:
        bounds_32(data, count, 0, out);
        break;
    case PQ_ORDER_UINT32:
        bounds_32(data, count, SIGN_32, out);
        break;
    case PQ_ORDER_INT64:
        bounds_64(data, count, 0, out);
        break;
    case PQ_ORDER_UINT64:
        bounds_64(data, count, SIGN_64, out);
        break;
    case PQ_ORDER_FLOAT:
        float_bounds(data, count, out);
        break;
    case PQ_ORDER_DOUBLE:
        double_bounds(data, count, out);
        break;
    case PQ_ORDER_FLOAT16:
        half_bounds(data, count, out);
        break;
    case PQ_ORDER_UTF8:
    case PQ_ORDER_BYTES:
        string_bounds(v, from, count, cut_bytes, out);
        break;
    case PQ_ORDER_FIXED:
    case PQ_ORDER_DECIMAL:
        fixed_bounds(v, from, count, out);
        break;
    }
}

void pq_bounds_of(const struct pq_values *v, size_t from, size_t count, struct pq_bounds *out)
{
    pq_bounds_of_cut(v, from, count, PQ_BOUND_CUT_BYTES, out);
}

static void take_min(enum pq_order order, struct pq_bounds *whole, const struct pq_bounds *part)
{
    int c = pq_bound_compare(order, pq_bounds_min(part), pq_bounds_min(whole));
    /* Equal bounds of which one is a value: the value is the bound. */
    whole->min_exact = c < 0 ? part->min_exact : whole->min_exact || (c == 0 && part->min_exact);
    if (c >= 0)
        return;
    memcpy(whole->min, part->min, part->min_len);
    whole->min_len = part->min_len;
}

static void take_max(enum pq_order order, struct pq_bounds *whole, const struct pq_bounds *part)
{
    int c = pq_bound_compare(order, pq_bounds_max(part), pq_bounds_max(whole));
    whole->max_exact = c > 0 ? part->max_exact : whole->max_exact || (c == 0 && part->max_exact);
    if (c <= 0)
        return;
    memcpy(whole->max, part->max, part->max_len);
    whole->max_len = part->max_len;
}

void pq_bounds_add(enum pq_order order, struct pq_bounds *whole, const struct pq_bounds *part)
{
    int64_t nan_count = whole->nan_count + part->nan_count;
    if (part->state == PQ_BOUNDS_UNKNOWN) {
        whole->state = PQ_BOUNDS_UNKNOWN;
    } else if (part->state == PQ_BOUNDS_KNOWN && whole->state == PQ_BOUNDS_EMPTY) {
        *whole = *part;
    } else if (part->state == PQ_BOUNDS_KNOWN && whole->state == PQ_BOUNDS_KNOWN) {
        take_min(order, whole, part);
        take_max(order, whole, part);
    }
    whole->nan_count = nan_count;
}

static int compare_i64(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int compare_u64(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

static int compare_f64(double a, double b)
{
    return (a > b) - (a < b);
}

static double load_float(struct slice s)
{
    float v;
    memcpy(&v, s.ptr, sizeof v);
    return (double)v;
}

static double load_double(struct slice s)
{
    double v;
    memcpy(&v, s.ptr, sizeof v);
    return v;
}

/* The sign bit flipped, two's complement orders as unsigned bytes do. */
static int compare_decimal(struct slice a, struct slice b)
{
    int first = compare_u64(a.ptr[0] ^ 0x80u, b.ptr[0] ^ 0x80u);
    return first ? first : slice_compare(a, b);
}

int pq_bound_compare(enum pq_order order, struct slice a, struct slice b)
{
    switch (order) {
    case PQ_ORDER_INT32:
        return compare_i64((int32_t)num_load_u32le(a.ptr), (int32_t)num_load_u32le(b.ptr));
    case PQ_ORDER_UINT32:
        return compare_u64(num_load_u32le(a.ptr), num_load_u32le(b.ptr));
    case PQ_ORDER_INT64:
        return compare_i64((int64_t)num_load_u64le(a.ptr), (int64_t)num_load_u64le(b.ptr));
    case PQ_ORDER_UINT64:
        return compare_u64(num_load_u64le(a.ptr), num_load_u64le(b.ptr));
    case PQ_ORDER_FLOAT:
        return compare_f64(load_float(a), load_float(b));
    case PQ_ORDER_DOUBLE:
        return compare_f64(load_double(a), load_double(b));
    case PQ_ORDER_FLOAT16:
        return compare_f64(arr_half_to_f64(num_load_u16le(a.ptr)),
                           arr_half_to_f64(num_load_u16le(b.ptr)));
    case PQ_ORDER_DECIMAL:
        return compare_decimal(a, b);
    case PQ_ORDER_NONE:
    case PQ_ORDER_BOOL:
    case PQ_ORDER_UTF8:
    case PQ_ORDER_BYTES:
    case PQ_ORDER_FIXED:
        break;
    }
    return slice_compare(a, b);
}
