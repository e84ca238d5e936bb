#include "key/columns.h"

#include "key/key_priv.h"

/* The bytes behind the value of a text are zeros for two bytes at least: so a part that has so many
 * bytes of the text has no byte of the field behind it. */
#define PART_BYTES      8u
#define TEXT_END_BYTES  2u
#define TEXT_PART_BYTES (PART_BYTES - TEXT_END_BYTES)

/* Marker and value. */
#define WORD_BYTES 9u

static size_t text_bytes(const struct key_columns_field *f, int64_t row)
{
    return (size_t)(f->offsets[row + 1] - f->offsets[row]);
}

static struct slice text_of(const struct key_columns_field *f, int64_t row)
{
    return slice_of(f->data + f->offsets[row], text_bytes(f, row));
}

/* The longest of some texts that have `all` bytes together; of few these. */
static size_t longest_text(const int32_t *offsets, int64_t count, size_t all)
{
    int32_t longest = 0;
    if (all <= KEY_MAX_BYTES / 2)
        return all;
    for (int64_t i = 0; i < count; i++) {
        int32_t len = offsets[i + 1] - offsets[i];
        longest = len > longest ? len : longest;
    }
    return (size_t)longest;
}

bool key_columns_init(const struct key_spec *spec, const struct arr_batch *batch, int64_t first,
                      int64_t count, struct key_columns *out)
{
    assert(count > 0 && first >= 0 && first + count <= batch->rows);
    size_t bytes = 0; /* of the longest key, or more */
    out->spec = spec;
    out->batch = batch;
    out->first = first;
    out->numbers = (struct key_numbers){.narrow = NULL};
    out->count = count;
    for (size_t i = 0; i < spec->field_count; i++) {
        const struct arr_col *c = &batch->cols[spec->columns[i]];
        struct key_columns_field *f = &out->fields[i];
        if (c->null_count > 0 || c->dictionary)
            return false;
        *f = (struct key_columns_field){.kind = c->type.kind, .data = c->data.ptr};
        if (key_is_word(c->type.kind)) {
            f->data += (size_t)first * arr_type_width(c->type);
            bytes += WORD_BYTES;
            continue;
        }
        if (!arr_type_is_variable(c->type) || !c->data.ptr)
            return false;
        f->offsets = arr_col_offsets(c) + first;
        size_t all = (size_t)(f->offsets[count] - f->offsets[0]);
        if (all > 0 && memchr(f->data + f->offsets[0], 0, all))
            return false;
        bytes += longest_text(f->offsets, count, all) + 1 + TEXT_END_BYTES;
    }
    return bytes <= KEY_MAX_BYTES;
}

#define ELEMENT(type) (((const type *)(const void *)f->data)[row])

/* The eight bytes behind the marker. */
static uint64_t word_of(const struct key_columns_field *f, int64_t row)
{
    switch (f->kind) {
    case ARR_INT8:
        return (uint64_t)(int64_t)ELEMENT(int8_t) ^ KEY_SIGN;
    case ARR_INT16:
        return (uint64_t)(int64_t)ELEMENT(int16_t) ^ KEY_SIGN;
    case ARR_INT32:
    case ARR_DATE32:
        return (uint64_t)(int64_t)ELEMENT(int32_t) ^ KEY_SIGN;
    case ARR_UINT8:
        return ELEMENT(uint8_t);
    case ARR_UINT16:
        return ELEMENT(uint16_t);
    case ARR_UINT32:
        return ELEMENT(uint32_t);
    case ARR_UINT64:
        return ELEMENT(uint64_t);
    case ARR_FLOAT:
        return key_bits_of_f64((double)ELEMENT(float));
    case ARR_DOUBLE:
        return key_bits_of_f64(ELEMENT(double));
    default:
        return ELEMENT(uint64_t) ^ KEY_SIGN;
    }
}

static uint64_t number_of(const struct key_columns *k, int64_t row)
{
    const struct key_numbers *n = &k->numbers;
    return n->wide ? n->wide[row] : n->base + n->narrow[row];
}

slp_rc key_columns_encode(const struct key_columns *k, int64_t first, int64_t count,
                          struct key_vec *out, struct slp_err *err)
{
    int64_t before = out->count;
    struct key_rows rows = {.first = k->first + first,
                            .count = count,
                            .gap = key_columns_have_numbers(k) ? KEY_NUMBER_BYTES : 0};
    TRY(key_encode_spaced(k->spec, k->batch, rows, out, err));
    const uint64_t *ends = (const uint64_t *)(const void *)out->offsets.ptr + before + 1;
    for (int64_t i = 0; rows.gap && i < count; i++)
        num_store_u64be(out->bytes.ptr + ends[i] - KEY_NUMBER_BYTES, number_of(k, first + i));
    return SLP_OK;
}

/* Texts without zero bytes: the one that begins the other comes first, as its end is a zero. */
int key_columns_compare(const struct key_columns *a, int64_t row, const struct key_columns *b,
                        int64_t other)
{
    for (size_t i = 0; i < a->spec->field_count; i++) {
        const struct key_columns_field *f = &a->fields[i];
        const struct key_columns_field *g = &b->fields[i];
        if (f->offsets) {
            int order = slice_compare(text_of(f, row), text_of(g, other));
            if (order)
                return order;
        } else {
            uint64_t x = word_of(f, row);
            uint64_t y = word_of(g, other);
            if (x != y)
                return x < y ? -1 : 1;
        }
    }
    if (!key_columns_have_numbers(a))
        return 0;
    uint64_t x = number_of(a, row);
    uint64_t y = number_of(b, other);
    return x < y ? -1 : x > y;
}

/* Write up to `room` bytes of a field, those from `at` on; returns how many. */
static size_t copy_field(const struct key_columns_field *f, int64_t row, size_t at, uint8_t *dst,
                         size_t room)
{
    uint8_t word[WORD_BYTES] = {KEY_MARK_VALUE};
    size_t n = 0;
    if (!f->offsets) {
        num_store_u64be(word + 1, word_of(f, row));
        for (; n < room && at + n < WORD_BYTES; n++)
            dst[n] = word[at + n];
        return n;
    }
    struct slice text = text_of(f, row);
    for (; n < room && at + n < text.len + 1 + TEXT_END_BYTES; n++) {
        size_t from = at + n;
        dst[n] = from == 0 ? KEY_MARK_VALUE : from <= text.len ? text.ptr[from - 1] : 0;
    }
    return n;
}

static size_t field_bytes(const struct key_columns_field *f, int64_t row)
{
    return f->offsets ? text_bytes(f, row) + 1 + TEXT_END_BYTES : WORD_BYTES;
}

size_t key_columns_bytes(const struct key_columns *k, int64_t row)
{
    size_t bytes = 0;
    for (size_t i = 0; i < k->spec->field_count; i++)
        bytes += field_bytes(&k->fields[i], row);
    return bytes;
}

uint64_t key_columns_part(const struct key_columns *k, int64_t row, size_t at)
{
    uint8_t part[PART_BYTES] = {0};
    size_t have = 0;
    for (size_t i = 0; i < k->spec->field_count && have < PART_BYTES; i++) {
        const struct key_columns_field *f = &k->fields[i];
        size_t bytes = field_bytes(f, row);
        if (at >= bytes) {
            at -= bytes;
            continue;
        }
        have += copy_field(f, row, at, part + have, PART_BYTES - have);
        at = 0;
    }
    return num_load_u64be(part);
}

void key_columns_parts(const struct key_columns *k, int64_t first, int64_t count, size_t at,
                       uint64_t *out)
{
    const struct key_columns_field *f = &k->fields[0];
    const int32_t *offsets = f->offsets;
    if (!offsets || at == 0) {
        for (int64_t i = 0; i < count; i++)
            out[i] = key_columns_part(k, first + i, at);
        return;
    }
    /* Columns may be read for some bytes beyond their end. */
    const uint8_t *data = f->data + at - 1;
    const size_t enough = at - 1 + TEXT_PART_BYTES;
    for (int64_t row = first; row < first + count; row++) {
        size_t len = (size_t)(offsets[row + 1] - offsets[row]);
        uint64_t part = num_load_u64be(data + offsets[row]);
        if (__builtin_expect(len < enough, 0))
            part = key_columns_part(k, row, at);
        else if (len < enough + TEXT_END_BYTES)
            part &= ~(uint64_t)0 << 8 * (enough + TEXT_END_BYTES - len);
        out[row - first] = part;
    }
}

size_t key_columns_common(const struct key_columns *a, int64_t row, const struct key_columns *b,
                          int64_t other)
{
    size_t most = num_min_size(key_columns_bytes(a, row), key_columns_bytes(b, other));
    for (size_t at = 0; at < most; at += PART_BYTES) {
        uint64_t differs = key_columns_part(a, row, at) ^ key_columns_part(b, other, at);
        if (differs)
            return num_min_size(at + (size_t)__builtin_clzll(differs) / 8, most);
    }
    return most;
}

int64_t key_columns_first_fall(const struct key_columns *k)
{
    const struct key_columns_field *f = &k->fields[0];
    const int32_t *offsets = f->offsets;
    for (int64_t row = 1; row < k->count; row++) {
        if (offsets) {
            size_t a = (size_t)(offsets[row] - offsets[row - 1]);
            size_t b = (size_t)(offsets[row + 1] - offsets[row]);
            uint64_t x = num_load_u64be(f->data + offsets[row - 1]);
            uint64_t y = num_load_u64be(f->data + offsets[row]);
            if (x < y && a >= PART_BYTES && b >= PART_BYTES)
                continue;
        }
        if (key_columns_compare(k, row - 1, k, row) > 0)
            return row;
    }
    return k->count;
}
