#include "arrow/dictionary.h"

#include "arrow/batch_priv.h"

slp_rc arr_dictionary_new(struct alloc *mem, struct arr_type type, struct arr_dictionary **out,
                          struct slp_err *err)
{
    struct arr_dictionary *d = NULL;
    TRY(alloc_new(mem, &d, err));
    d->mem = mem;
    arr_col_init(&d->values, mem, type);
    atomic_init(&d->refs, 1);
    *out = d;
    return SLP_OK;
}

struct arr_dictionary *arr_dictionary_ref(struct arr_dictionary *d)
{
    atomic_fetch_add(&d->refs, 1);
    return d;
}

void arr_dictionary_unref(struct arr_dictionary *d)
{
    if (!d || atomic_fetch_sub(&d->refs, 1) != 1)
        return;
    arr_col_fini(&d->values);
    alloc_delete(d->mem, d);
}

void arr_col_set_dictionary(struct arr_col *c, struct arr_dictionary *d)
{
    assert(c->rows == 0 && arr_type_equal(c->type, d->values.type));
    struct arr_dictionary *before = c->dictionary;
    c->dictionary = arr_dictionary_ref(d);
    arr_dictionary_unref(before);
    /* A plain column of strings may have got its first offset. */
    buf_clear(&c->offsets);
}

void arr_col_share_dictionary(struct arr_col *c, const struct arr_col *from)
{
    assert(c->rows == 0);
    if (from->dictionary)
        arr_col_set_dictionary(c, from->dictionary);
}

slp_rc arr_col_append_indices(struct arr_col *c, const uint32_t *indices, int64_t count,
                              struct slp_err *err)
{
    assert(c->dictionary && count >= 0);
    if (count == 0)
        return SLP_OK;
    TRY(arr_col_reserve(c, count, 0, false, err));
    size_t bytes = (size_t)count * sizeof *indices;
    memcpy(arr_buf_extend(&c->data, c->data.len + bytes), indices, bytes);
    arr_col_mark(c, count, true);
    c->rows += count;
    return SLP_OK;
}

static size_t string_bytes(const struct arr_col *c)
{
    const int32_t *indices = (const int32_t *)(const void *)c->data.ptr;
    const int32_t *offsets = arr_col_offsets(&c->dictionary->values);
    size_t bytes = 0;
    for (int64_t i = 0; i < c->rows; i++) {
        /* The index of a null row may name anything. */
        if (!arr_col_is_null(c, i))
            bytes += (size_t)(offsets[indices[i] + 1] - offsets[indices[i]]);
    }
    return bytes;
}

size_t arr_col_plain_bytes(const struct arr_col *c)
{
    if (!c->dictionary)
        return c->data.len + c->offsets.len;
    if (!arr_type_is_variable(c->type))
        return (size_t)c->rows * arr_type_width(c->type);
    return string_bytes(c) + ((size_t)c->rows + 1) * sizeof(int32_t);
}

/* Some rows of a column with a dictionary: listed ones, or those from `first` on. */
struct selection {
    const struct arr_col *from;
    const uint32_t *rows; /* NULL: not listed */
    int64_t first;
    int64_t count;
};

static int64_t row_of(const struct selection *s, int64_t i)
{
    return s->rows ? (int64_t)s->rows[i] : s->first + i;
}

static bool has_nulls(const struct selection *s)
{
    for (int64_t i = 0; s->from->validity.len && i < s->count; i++) {
        if (arr_col_is_null(s->from, row_of(s, i)))
            return true;
    }
    return false;
}

/* Their values onto a plain column; the last of `values` stands for null, if there are nulls. */
static slp_rc append_values(struct arr_col *c, const struct selection *s,
                            const struct arr_col *values, struct slp_err *err)
{
    const int32_t *indices = (const int32_t *)(const void *)s->from->data.ptr;
    uint32_t picks[ARR_PICK_ROWS];
    for (int64_t at = 0; at < s->count;) {
        int64_t n = 0;
        for (; n < ARR_PICK_ROWS && at < s->count; n++, at++) {
            int64_t row = row_of(s, at);
            bool is_null = arr_col_is_null(s->from, row);
            picks[n] = is_null ? (uint32_t)(values->rows - 1) : (uint32_t)indices[row];
        }
        TRY(arr_col_append_picked(c, values, picks, n, err));
    }
    return SLP_OK;
}

static slp_rc append_decoded(struct arr_col *c, const struct selection *s, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct arr_col with_null;
    const struct arr_col *values = &s->from->dictionary->values;
    int64_t before = c->rows;
    arr_col_init(&with_null, c->data.mem, c->type);
    /* One null behind the values makes picking do all the work. */
    if (has_nulls(s)) {
        TRY_OUT(arr_col_append_run(&with_null, values, 0, values->rows, err));
        TRY_OUT(arr_col_append_null(&with_null, err));
        values = &with_null;
    }
    TRY_OUT(append_values(c, s, values, err));
out:
    arr_col_fini(&with_null);
    if (rc != SLP_OK)
        arr_col_truncate(c, before);
    return rc;
}

static slp_rc decode_one(struct arr_col *c, struct slp_err *err)
{
    struct arr_col plain;
    arr_col_init(&plain, c->data.mem, c->type);
    struct selection all = {.from = c, .count = c->rows};
    slp_rc rc = append_decoded(&plain, &all, err);
    if (rc != SLP_OK) {
        arr_col_fini(&plain);
        return rc;
    }
    arr_col_fini(c);
    *c = plain;
    return SLP_OK;
}

slp_rc arr_col_decode_dictionary(struct arr_col *c, struct slp_err *err)
{
    for (size_t i = 0; i < c->child_count; i++)
        TRY(arr_col_decode_dictionary(&c->children[i], err));
    return c->dictionary ? decode_one(c, err) : SLP_OK;
}

slp_rc arr_col_number_rows(struct arr_col *c, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct arr_dictionary *d = NULL;
    struct arr_col indices;
    assert(!c->dictionary && !arr_type_is_nested(c->type) && c->type.kind != ARR_NULL);
    if (c->rows > INT32_MAX)
        FAIL(err, LIMIT, "%lld rows; indices of a dictionary reach %d", (long long)c->rows,
             INT32_MAX);
    TRY(arr_dictionary_new(c->data.mem, c->type, &d, err));
    arr_col_init(&indices, c->data.mem, c->type);
    arr_col_set_dictionary(&indices, d);
    arr_dictionary_unref(d);
    TRY_OUT(arr_col_reserve(&indices, c->rows, 0, c->null_count > 0, err));
    int32_t *data =
        (int32_t *)(void *)arr_buf_extend(&indices.data, (size_t)c->rows * sizeof(int32_t));
    for (int64_t row = 0; row < c->rows; row++)
        data[row] = arr_col_is_null(c, row) ? 0 : (int32_t)row;
    arr_col_mark_bits(&indices, c->validity.ptr, 0, c->rows, c->null_count);
    indices.rows = c->rows;
    d->values = *c;
    *c = indices;
    return SLP_OK;
out:
    arr_col_fini(&indices);
    return rc;
}

slp_rc arr_dictionary_append_run(struct arr_col *c, const struct arr_col *from, int64_t first,
                                 int64_t count, struct slp_err *err)
{
    if (c->dictionary)
        TRY(decode_one(c, err));
    if (!from->dictionary)
        return arr_col_append_run(c, from, first, count, err);
    struct selection run = {.from = from, .first = first, .count = count};
    return append_decoded(c, &run, err);
}

slp_rc arr_dictionary_append_picked(struct arr_col *c, const struct arr_col *from,
                                    const uint32_t *rows, int64_t count, struct slp_err *err)
{
    if (c->dictionary)
        TRY(decode_one(c, err));
    if (!from->dictionary)
        return arr_col_append_picked(c, from, rows, count, err);
    struct selection picked = {.from = from, .rows = rows, .count = count};
    return append_decoded(c, &picked, err);
}
