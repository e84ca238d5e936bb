#include "parquet/dict_write.h"

#include "arrow/bits.h"
#include "base/num.h"
#include "codec/bit_pack.h"

#define DICT_MAX_BYTES ((size_t)1 << 40)

/* Whether the dictionary still pays is looked at after so many values. */
#define STEP_VALUES 4096u

/* Of an entry that no row has named yet; more than there can be. */
#define NO_NUMBER UINT32_MAX

void pq_dict_init(struct pq_dict *d, struct alloc *mem)
{
    *d = (struct pq_dict){.mem = mem};
    buf_init(&d->indices, mem, DICT_MAX_BYTES);
    buf_init(&d->firsts, mem, DICT_MAX_BYTES);
    buf_init(&d->picked, mem, DICT_MAX_BYTES);
    buf_init(&d->seen, mem, DICT_MAX_BYTES);
    buf_init(&d->numbers, mem, DICT_MAX_BYTES);
    buf_init(&d->bytes, mem, DICT_MAX_BYTES);
    buf_init(&d->offsets, mem, DICT_MAX_BYTES);
}

void pq_dict_fini(struct pq_dict *d)
{
    cx_dictionary_free(d->values);
    d->values = NULL;
    buf_fini(&d->indices);
    buf_fini(&d->firsts);
    buf_fini(&d->picked);
    buf_fini(&d->seen);
    buf_fini(&d->numbers);
    buf_fini(&d->bytes);
    buf_fini(&d->offsets);
}

bool pq_dict_is_possible(const struct pq_values *v)
{
    return v->physical != PQ_BOOLEAN && v->count > 0;
}

/* Bits of an index into a dictionary of `count` values. */
static unsigned index_width_of(uint32_t count)
{
    return count > 2 ? cx_bit_width(count - 1) : 1;
}

/* What dictionary and indices take, before runs and the codec. */
static size_t bytes_of(const struct cx_dictionary *d, size_t values)
{
    return cx_dictionary_values(d).len + values / 8 * index_width_of(cx_dictionary_count(d));
}

/* Add values until all are in, or the dictionary is full or takes more than `most_bytes`. */
static bool fill(struct cx_dictionary *d, const struct pq_values *v, size_t most_bytes,
                 uint32_t *indices)
{
    size_t done = 0;
    while (done < v->count) {
        size_t step = num_min_size(v->count - done, STEP_VALUES);
        size_t added =
            v->physical == PQ_BYTE_ARRAY
                ? cx_dictionary_add_variable(d, v->data, v->offsets + done, step, indices + done)
                : cx_dictionary_add_fixed(d, v->data + done * v->width, v->width, step,
                                          indices + done);
        done += added;
        if (added < step || bytes_of(d, v->count) > most_bytes)
            return false;
    }
    return true;
}

static size_t most_of_plain(size_t plain_bytes)
{
    return plain_bytes - plain_bytes * 3 / 10;
}

/* Runs and the codec make up for no more than the second half, and only where values repeat. */
static slp_rc most_bytes(const struct pq_chooser *chooser, const struct pq_values *v,
                         bool is_wanted, size_t *out, struct slp_err *err)
{
    size_t plain_bytes = pq_values_plain_bytes(v, 0, v->count);
    size_t most = most_of_plain(plain_bytes);
    bool is_integer = v->physical == PQ_INT32 || v->physical == PQ_INT64;
    if (chooser->may_delta && is_integer && !is_wanted) {
        size_t delta_bytes = 0;
        bool repeats = false;
        TRY(pq_guess_delta_bytes(chooser, v, &delta_bytes, &repeats, err));
        most = num_min_size(most, repeats ? 2 * delta_bytes - 1 : delta_bytes);
    }
    *out = most;
    return SLP_OK;
}

/* Room for what finds the bounds of so many entries. */
static slp_rc make_room(struct pq_dict *d, uint32_t entries, struct slp_err *err)
{
    buf_clear(&d->firsts);
    buf_clear(&d->picked);
    buf_clear(&d->seen);
    TRY(buf_reserve(&d->firsts, entries * sizeof(uint32_t), err));
    TRY(buf_reserve(&d->picked, ((size_t)entries + 1) * sizeof(uint32_t), err));
    return buf_resize(&d->seen, entries, err);
}

/* Entries stand in the order of the values that added them. */
static slp_rc find_firsts(struct pq_dict *d, size_t count, struct slp_err *err)
{
    uint32_t entries = cx_dictionary_count(d->values);
    const uint32_t *indices = pq_dict_indices(d);
    TRY(make_room(d, entries, err));
    uint32_t *firsts = (uint32_t *)(void *)d->firsts.ptr;
    uint32_t found = 0;
    for (size_t i = 0; found < entries; i++) {
        assert(i < count);
        if (indices[i] == found)
            firsts[found++] = (uint32_t)i;
    }
    (void)count;
    return SLP_OK;
}

/* Nothing is in the dictionary, and there is room for so many indices. */
static slp_rc begin(struct pq_dict *d, size_t indices, struct slp_err *err)
{
    d->index_width = 0;
    if (!d->values)
        TRY(cx_dictionary_new(d->mem, &d->values, err));
    cx_dictionary_clear(d->values);
    buf_clear(&d->indices);
    return buf_reserve(&d->indices, indices * sizeof(uint32_t), err);
}

slp_rc pq_dict_build(struct pq_dict *d, const struct pq_chooser *chooser, const struct pq_values *v,
                     bool is_wanted, struct slp_err *err)
{
    size_t most = 0;
    assert(pq_dict_is_possible(v));
    TRY(begin(d, v->count, err));
    TRY(most_bytes(chooser, v, is_wanted, &most, err));
    if (!fill(d->values, v, most, (uint32_t *)(void *)d->indices.ptr))
        return SLP_OK;
    TRY(find_firsts(d, v->count, err));
    d->index_width = index_width_of(cx_dictionary_count(d->values));
    return SLP_OK;
}

/* The indices of rows that are present. The loop writes one more where null rows end the column. */
static size_t take_indices(const struct arr_col *col, uint32_t *to)
{
    const uint32_t *from = (const uint32_t *)(const void *)col->data.ptr;
    size_t rows = (size_t)col->rows;
    size_t n = 0;
    if (col->null_count == 0) {
        memcpy(to, from, rows * sizeof *to);
        return rows;
    }
    for (size_t i = 0; i < rows; i++) {
        to[n] = from[i];
        n += arr_bit(col->validity.ptr, (int64_t)i);
    }
    return n;
}

/* One more entry, at the end or found there; false when it does not fit. */
static bool add_entry(struct cx_dictionary *d, const struct pq_values *entries, uint32_t entry,
                      uint32_t *number)
{
    if (entries->physical == PQ_BYTE_ARRAY)
        return cx_dictionary_add_variable(d, entries->data, entries->offsets + entry, 1, number);
    return cx_dictionary_add_fixed(d, entries->data + entry * entries->width, entries->width, 1,
                                   number);
}

/* Each index becomes the number of its entry. */
static bool number_all(struct cx_dictionary *d, const struct pq_values *entries, uint32_t *numbers,
                       uint32_t *indices, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t *number = &numbers[indices[i]];
        if (__builtin_expect(*number == NO_NUMBER, 0) && !add_entry(d, entries, indices[i], number))
            return false;
        indices[i] = *number;
    }
    return true;
}

slp_rc pq_dict_number(struct pq_dict *d, const struct arr_col *col, const struct pq_values *entries,
                      bool *fits, struct slp_err *err)
{
    size_t count = (size_t)(col->rows - col->null_count);
    assert(col->dictionary && count > 0);
    TRY(begin(d, count + 1, err));
    buf_clear(&d->numbers);
    TRY(buf_reserve(&d->numbers, entries->count * sizeof(uint32_t), err));
    memset(d->numbers.ptr, 0xff, entries->count * sizeof(uint32_t));
    uint32_t *indices = (uint32_t *)(void *)d->indices.ptr;
    size_t taken = take_indices(col, indices);
    assert(taken == count);
    *fits = number_all(d->values, entries, (uint32_t *)(void *)d->numbers.ptr, indices, taken);
    return SLP_OK;
}

/* Does a dictionary of so many bytes pay for `count` strings? All are looked at only where they could
 * be as short as the shortest of its entries. */
static bool pays_for_strings(const struct pq_dict *d, const struct pq_values *strings, size_t count,
                             size_t bytes)
{
    size_t least = (size_t)strings->offsets[1];
    for (size_t i = 1; i < strings->count; i++)
        least = num_min_size(least, (size_t)(strings->offsets[i + 1] - strings->offsets[i]));
    if (bytes <= most_of_plain(count * (least + 4)))
        return true;
    size_t all = pq_dict_bytes(d, strings, (struct pq_span){0, count});
    return bytes <= most_of_plain(all + 4 * count);
}

slp_rc pq_dict_judge(struct pq_dict *d, const struct pq_chooser *chooser, const struct pq_values *v,
                     size_t count, bool is_wanted, struct slp_err *err)
{
    size_t most = 0;
    bool pays = false;
    size_t bytes = bytes_of(d->values, count);
    if (v->physical == PQ_BYTE_ARRAY) {
        pays = pays_for_strings(d, v, count, bytes);
    } else {
        TRY(most_bytes(chooser, v, is_wanted, &most, err));
        pays = bytes <= most;
    }
    if (pays)
        d->index_width = index_width_of(cx_dictionary_count(d->values));
    return SLP_OK;
}

/* They stand in the dictionary behind their lengths. */
static void list_strings(struct slice plain, int32_t *offsets, uint8_t *to)
{
    int32_t at = 0;
    *offsets++ = 0;
    while (plain.len > 0) {
        uint32_t len = num_load_u32le(plain.ptr);
        if (len)
            memcpy(to + at, plain.ptr + 4, len);
        at += (int32_t)len;
        *offsets++ = at;
        plain = slice_after(plain, 4 + (size_t)len);
    }
}

static slp_rc take_strings(struct pq_dict *d, struct pq_values *out, struct slp_err *err)
{
    uint32_t entries = cx_dictionary_count(d->values);
    struct slice plain = cx_dictionary_values(d->values);
    buf_clear(&d->offsets);
    TRY(buf_reserve(&d->bytes, plain.len, err));
    TRY(buf_reserve(&d->offsets, ((size_t)entries + 1) * sizeof(int32_t), err));
    TRY(make_room(d, entries, err));
    list_strings(plain, (int32_t *)(void *)d->offsets.ptr, d->bytes.ptr);
    /* Each entry was added by itself. */
    uint32_t *firsts = (uint32_t *)(void *)d->firsts.ptr;
    for (uint32_t i = 0; i < entries; i++)
        firsts[i] = i;
    out->offsets = (const int32_t *)(const void *)d->offsets.ptr;
    out->count = entries;
    return SLP_OK;
}

/* A value a row, of the width that most have, or another. */
static void spread_32(const uint8_t *entries, const uint32_t *indices, size_t count, uint8_t *to)
{
    for (size_t i = 0; i < count; i++)
        memcpy(to + 4 * i, entries + 4 * (size_t)indices[i], 4);
}

static void spread_64(const uint8_t *entries, const uint32_t *indices, size_t count, uint8_t *to)
{
    for (size_t i = 0; i < count; i++)
        memcpy(to + 8 * i, entries + 8 * (size_t)indices[i], 8);
}

static slp_rc spread(struct pq_dict *d, size_t width, size_t count, struct slp_err *err)
{
    const uint8_t *entries = cx_dictionary_values(d->values).ptr;
    const uint32_t *indices = pq_dict_indices(d);
    size_t bytes = 0;
    if (!num_mul_size(count, width, &bytes))
        FAIL(err, LIMIT, "%zu values of %zu bytes do not fit the address space", count, width);
    TRY(buf_reserve(&d->bytes, bytes, err));
    if (width == 4)
        spread_32(entries, indices, count, d->bytes.ptr);
    else if (width == 8)
        spread_64(entries, indices, count, d->bytes.ptr);
    else
        for (size_t i = 0; i < count; i++)
            memcpy(d->bytes.ptr + i * width, entries + indices[i] * width, width);
    return SLP_OK;
}

slp_rc pq_dict_values(struct pq_dict *d, const struct pq_values *like, size_t count,
                      struct pq_values *out, struct slp_err *err)
{
    struct pq_values v = *like;
    v.count = count;
    buf_clear(&d->bytes);
    if (v.physical == PQ_BYTE_ARRAY)
        TRY(take_strings(d, &v, err));
    else
        TRY(spread(d, v.width, count, err));
    /* Nothing is held where all strings are empty. */
    v.data = d->bytes.ptr ? d->bytes.ptr : cx_dictionary_values(d->values).ptr;
    *out = v;
    return SLP_OK;
}

size_t pq_dict_bytes(const struct pq_dict *d, const struct pq_values *strings, struct pq_span span)
{
    const uint32_t *indices = pq_dict_indices(d) + span.from;
    const int32_t *offsets = strings->offsets;
    size_t bytes = 0;
    for (size_t i = 0; i < span.count; i++)
        bytes += (size_t)(offsets[indices[i] + 1] - offsets[indices[i]]);
    return bytes;
}

/* The entries of a span, each once: the values that added them. Returns how many. */
static size_t pick(struct pq_dict *d, struct pq_span span)
{
    const uint32_t *indices = pq_dict_indices(d) + span.from;
    const uint32_t *firsts = (const uint32_t *)(const void *)d->firsts.ptr;
    uint32_t *picked = (uint32_t *)(void *)d->picked.ptr;
    uint8_t *seen = d->seen.ptr;
    size_t n = 0;
    for (size_t i = 0; i < span.count; i++) {
        picked[n] = indices[i];
        n += !seen[indices[i]];
        seen[indices[i]] = 1;
    }
    for (size_t i = 0; i < n; i++) {
        seen[picked[i]] = 0;
        picked[i] = firsts[picked[i]];
    }
    return n;
}

void pq_dict_bounds(struct pq_dict *d, const struct pq_values *v, struct pq_span span,
                    size_t cut_bytes, struct pq_bounds *out)
{
    assert(d->index_width > 0);
    if (span.count == 0 || v->physical != PQ_BYTE_ARRAY || v->order == PQ_ORDER_NONE) {
        pq_bounds_of_cut(v, span.from, span.count, cut_bytes, out);
        return;
    }
    size_t count = pick(d, span);
    pq_bounds_of_picked(v, (const uint32_t *)(const void *)d->picked.ptr, count, cut_bytes, out);
}
