#include "parquet/levels.h"

#include "base/num.h"
#include "codec/bit_pack.h"
#include "codec/unpack.h"

/* ---- Opening ---- */

/* The old BIT_PACKED levels: most significant bit first, without a length. They are unpacked, and
 * read as one packed run of 8 bits each. */
static void open_packed(struct cx_rle *levels, unsigned width, size_t count, uint8_t *unpacked,
                        struct slice *body)
{
    size_t bytes = (count * width + 7) / 8;
    size_t bit = 0;
    for (size_t i = 0; i < count; i++) {
        unsigned v = 0;
        for (unsigned k = 0; k < width; k++, bit++)
            v = v << 1 | (unsigned)(body->ptr[bit >> 3] >> (7 - (bit & 7)) & 1);
        unpacked[i] = (uint8_t)v;
    }
    cx_rle_init(levels, slice_of(NULL, 0), 8);
    levels->packed = slice_of(unpacked, count);
    levels->packed_left = count;
    *body = slice_after(*body, bytes);
}

/* One kind of levels of a v1 page. */
struct kind {
    struct cx_rle *levels;
    int encoding;
    uint8_t max;
    size_t room; /* in the scratch: where they may be unpacked to */
};

static slp_rc open_v1(const struct kind *k, size_t count, struct slice *body,
                      struct pq_scratch *scratch, struct slp_err *err)
{
    unsigned width = cx_bit_width(k->max);
    if (k->max == 0) {
        cx_rle_init(k->levels, slice_of(NULL, 0), 0);
        return SLP_OK;
    }
    if (k->encoding == PQ_BIT_PACKED) {
        if (count > body->len * 8 / width)
            FAIL(err, CORRUPT, "%zu levels of %u bits in a page of %zu bytes", count, width,
                 body->len);
        buf_clear(&scratch->levels);
        TRY(buf_reserve(&scratch->levels, 2 * count, err));
        open_packed(k->levels, width, count, scratch->levels.ptr + k->room, body);
        return SLP_OK;
    }
    if (k->encoding != PQ_RLE)
        FAIL(err, UNSUPPORTED, "levels of encoding %d are not supported", k->encoding);
    size_t len = body->len >= 4 ? num_load_u32le(body->ptr) : SIZE_MAX;
    if (body->len < 4 || len > body->len - 4)
        FAIL(err, CORRUPT, "levels beyond the page of %zu bytes", body->len);
    cx_rle_init(k->levels, slice_sub(*body, 4, len), width);
    *body = slice_after(*body, 4 + len);
    return SLP_OK;
}

slp_rc pq_levels_open_v1(struct pq_cursor *c, const struct pq_page_header *header,
                         struct slice *body, struct pq_scratch *scratch, struct slp_err *err)
{
    size_t count = (size_t)c->rows_left;
    const struct kind repetitions = {&c->repetitions, header->repetition_encoding,
                                     c->column->repetition_max, 0};
    const struct kind definitions = {&c->levels, header->definition_encoding,
                                     c->column->definition_max, count};
    slp_rc rc = open_v1(&repetitions, count, body, scratch, err);
    if (rc != SLP_OK)
        return err_wrap(err, rc, "repetition levels");
    rc = open_v1(&definitions, count, body, scratch, err);
    return err_wrap(err, rc, "definition levels");
}

void pq_levels_open_v2(struct pq_cursor *c, struct slice repetitions, struct slice definitions)
{
    cx_rle_init(&c->repetitions, repetitions, cx_bit_width(c->column->repetition_max));
    cx_rle_init(&c->levels, definitions, cx_bit_width(c->column->definition_max));
}

/* ---- Decoding ---- */

static uint8_t greatest(const uint8_t *v, size_t n)
{
    uint8_t max = 0;
    for (size_t i = 0; i < n; i++)
        max = v[i] > max ? v[i] : max;
    return max;
}

/* Returns how many there were; values of more than 8 bits come from damage and end it. */
static size_t take_bytes(struct cx_rle *r, uint8_t *out, size_t n)
{
    size_t done = 0;
    while (done < n && cx_rle_fill(r)) {
        uint64_t at_hand = r->run_left ? r->run_left : r->packed_left;
        size_t take = at_hand < n - done ? (size_t)at_hand : n - done;
        if (r->run_left && r->run_value > UINT8_MAX)
            return done;
        if (r->run_left)
            memset(out + done, (int)r->run_value, take);
        else
            cx_unpack8(r->packed, r->packed_bit, r->width, out + done, take);
        cx_rle_drop(r, take);
        done += take;
    }
    return done;
}

slp_rc pq_cursor_levels(struct pq_cursor *c, size_t count, uint8_t *definitions,
                        uint8_t *repetitions, struct slp_err *err)
{
    assert(c->is_nested && count <= PQ_STEP_ROWS && count <= (uint64_t)c->rows_left);
    if (take_bytes(&c->repetitions, repetitions, count) < count ||
        greatest(repetitions, count) > c->column->repetition_max)
        FAIL(err, CORRUPT, "damaged repetition levels, or fewer than values");
    if (take_bytes(&c->levels, definitions, count) < count ||
        greatest(definitions, count) > c->column->definition_max)
        FAIL(err, CORRUPT, "damaged definition levels, or fewer than values");
    c->rows_left -= (int64_t)count;
    return SLP_OK;
}

/* ---- What levels say ---- */

static size_t count_zeros(const uint8_t *v, size_t n)
{
    size_t zeros = 0;
    for (size_t i = 0; i < n; i++)
        zeros += v[i] == 0;
    return zeros;
}

size_t pq_levels_cut(const uint8_t *repetitions, size_t count, int64_t rows, int64_t *begun)
{
    size_t at = count_zeros(repetitions, count);
    if ((int64_t)at <= rows) {
        *begun = (int64_t)at;
        return count;
    }
    *begun = rows;
    for (at = 0; rows >= 0; at++)
        rows -= repetitions[at] == 0;
    return at - 1;
}

/* Entries of one repetition level need an item at hand and one before. */
static unsigned count_unsound(const uint8_t *definitions, const uint8_t *repetitions, size_t count,
                              uint8_t repetition, uint8_t item)
{
    unsigned wrong = 0;
    for (size_t i = 1; i < count; i++)
        wrong |= (unsigned)(repetitions[i] == repetition) &
                 ((unsigned)(definitions[i] < item) | (unsigned)(definitions[i - 1] < item));
    return wrong;
}

bool pq_levels_are_sound(const uint8_t *definitions, const uint8_t *repetitions, size_t count,
                         uint8_t before, const uint8_t *item_definitions, uint8_t repetition_max)
{
    if (count == 0)
        return true;
    uint8_t first = item_definitions[repetitions[0]];
    unsigned wrong = definitions[0] < first || before < first;
    for (unsigned r = 1; r <= repetition_max; r++)
        wrong |= count_unsound(definitions, repetitions, count, (uint8_t)r, item_definitions[r]);
    return !wrong;
}

size_t pq_levels_count(const uint8_t *v, size_t n, uint8_t least)
{
    size_t found = 0;
    for (size_t i = 0; i < n; i++)
        found += v[i] >= least;
    return found;
}

/* One bit a byte: is it `least` or more? */
static void compare_bits(const uint8_t *v, size_t n, uint8_t least, uint8_t *bits)
{
    for (size_t i = 0; i < n; i += 8) {
        unsigned byte = 0;
        for (size_t k = 0; k < 8 && i + k < n; k++)
            byte |= (unsigned)(v[i + k] >= least) << k;
        bits[i / 8] = (uint8_t)byte;
    }
}

size_t pq_levels_slots(const uint8_t *definitions, size_t count, uint8_t slot, uint8_t present,
                       uint8_t *bits, size_t *set)
{
    size_t slots = pq_levels_count(definitions, count, slot);
    *set = pq_levels_count(definitions, count, present);
    if (*set == slots)
        return slots;
    memset(bits, 0, PQ_STEP_ROWS / 8);
    if (slots == count) {
        compare_bits(definitions, count, present, bits);
        return slots;
    }
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        /* What is present has a slot: the bit of another one is clear, and met again. */
        bits[at >> 3] = (uint8_t)(bits[at >> 3] | (definitions[i] >= present) << (at & 7));
        at += definitions[i] >= slot;
    }
    return slots;
}

size_t pq_levels_lists(const uint8_t *definitions, const uint8_t *repetitions, size_t count,
                       struct pq_level_rule rule, int32_t *lengths, uint8_t *bits)
{
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        uint8_t d = definitions[i];
        bool begins = repetitions[i] <= rule.repetition && d >= rule.slot;
        at += begins;
        lengths[at] += repetitions[i] <= rule.repetition + 1 && d >= rule.item;
        bits[at >> 3] = (uint8_t)(bits[at >> 3] | (begins && d >= rule.present) << (at & 7));
    }
    return at;
}

size_t pq_levels_structs(const uint8_t *definitions, const uint8_t *repetitions, size_t count,
                         struct pq_level_rule rule, uint8_t *bits)
{
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        if (repetitions[i] > rule.repetition || definitions[i] < rule.slot)
            continue;
        bits[at >> 3] = (uint8_t)(bits[at >> 3] | (definitions[i] >= rule.present) << (at & 7));
        at++;
    }
    return at;
}

static uint8_t least(uint8_t a, uint8_t b)
{
    return a < b ? a : b;
}

/* The next entry that begins at `repetition` or above. */
static size_t next_shared(struct slice repetitions, size_t at, uint8_t repetition)
{
    while (at < repetitions.len && repetitions.ptr[at] > repetition)
        at++;
    return at;
}

/* The same entries in both: those above `repetition` are left out of account. */
static bool agree_one_by_one(struct slice definitions, struct slice definitions_b,
                             const uint8_t *repetitions, uint8_t definition, uint8_t repetition)
{
    unsigned wrong = 0;
    for (size_t i = 0; i < definitions.len; i++)
        wrong |= (unsigned)(repetitions[i] <= repetition) &
                 (unsigned)(least(definitions.ptr[i], definition) !=
                            least(definitions_b.ptr[i], definition));
    return !wrong;
}

bool pq_levels_agree(struct slice definitions, struct slice repetitions, struct slice definitions_b,
                     struct slice repetitions_b, uint8_t definition, uint8_t repetition)
{
    size_t a = 0;
    size_t b = 0;
    if (slice_equal(repetitions, repetitions_b))
        return agree_one_by_one(definitions, definitions_b, repetitions.ptr, definition,
                                repetition);
    for (;; a++, b++) {
        a = next_shared(repetitions, a, repetition);
        b = next_shared(repetitions_b, b, repetition);
        if (a == repetitions.len || b == repetitions_b.len)
            return a == repetitions.len && b == repetitions_b.len;
        if (repetitions.ptr[a] != repetitions_b.ptr[b] ||
            least(definitions.ptr[a], definition) != least(definitions_b.ptr[b], definition))
            return false;
    }
}
