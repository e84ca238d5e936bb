#include "parquet/dict_write.h"

#include "base/num.h"
#include "codec/bit_pack.h"

#define DICT_MAX_BYTES ((size_t)1 << 40)

/* Whether the dictionary still pays is looked at after so many values. */
#define STEP_VALUES 4096u

void pq_dict_init(struct pq_dict *d, struct alloc *mem)
{
    *d = (struct pq_dict){.mem = mem};
    buf_init(&d->indices, mem, DICT_MAX_BYTES);
    buf_init(&d->firsts, mem, DICT_MAX_BYTES);
    buf_init(&d->picked, mem, DICT_MAX_BYTES);
    buf_init(&d->seen, mem, DICT_MAX_BYTES);
}

void pq_dict_fini(struct pq_dict *d)
{
    cx_dictionary_free(d->values);
    d->values = NULL;
    buf_fini(&d->indices);
    buf_fini(&d->firsts);
    buf_fini(&d->picked);
    buf_fini(&d->seen);
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

/* Runs and the codec make up for no more than the second half, and only where values repeat. */
static slp_rc most_bytes(const struct pq_chooser *chooser, const struct pq_values *v,
                         bool is_wanted, size_t *out, struct slp_err *err)
{
    size_t plain_bytes = pq_values_plain_bytes(v, 0, v->count);
    size_t most = plain_bytes - plain_bytes * 3 / 10;
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

/* Entries stand in the order of the values that added them. */
static slp_rc find_firsts(struct pq_dict *d, size_t count, struct slp_err *err)
{
    uint32_t entries = cx_dictionary_count(d->values);
    const uint32_t *indices = pq_dict_indices(d);
    buf_clear(&d->firsts);
    buf_clear(&d->picked);
    buf_clear(&d->seen);
    TRY(buf_reserve(&d->firsts, entries * sizeof(uint32_t), err));
    TRY(buf_reserve(&d->picked, ((size_t)entries + 1) * sizeof(uint32_t), err));
    TRY(buf_resize(&d->seen, entries, err));
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

slp_rc pq_dict_build(struct pq_dict *d, const struct pq_chooser *chooser, const struct pq_values *v,
                     bool is_wanted, struct slp_err *err)
{
    size_t most = 0;
    d->index_width = 0;
    assert(pq_dict_is_possible(v));
    if (!d->values)
        TRY(cx_dictionary_new(d->mem, &d->values, err));
    cx_dictionary_clear(d->values);
    buf_clear(&d->indices);
    TRY(buf_reserve(&d->indices, v->count * sizeof(uint32_t), err));
    TRY(most_bytes(chooser, v, is_wanted, &most, err));
    if (!fill(d->values, v, most, (uint32_t *)(void *)d->indices.ptr))
        return SLP_OK;
    TRY(find_firsts(d, v->count, err));
    d->index_width = index_width_of(cx_dictionary_count(d->values));
    return SLP_OK;
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
