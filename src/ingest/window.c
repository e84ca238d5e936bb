#include "ingest/window.h"

#include "arrow/bits.h"
#include "base/num.h"

slp_rc ingest_ordinals_pick(struct ingest_ordinals *o, const uint64_t *ordinals,
                            const uint32_t *order, int64_t count, struct slp_err *err)
{
    uint64_t least = UINT64_MAX;
    uint64_t most = 0;
    for (int64_t i = 0; i < count; i++) {
        least = ordinals[i] < least ? ordinals[i] : least;
        most = ordinals[i] > most ? ordinals[i] : most;
    }
    bool is_wide = count > 0 && most - least > UINT32_MAX;
    size_t bytes = (size_t)count * (is_wide ? sizeof(uint64_t) : sizeof(uint32_t));
    buf_clear(&o->numbers);
    TRY(buf_reserve(&o->numbers, bytes, err));
    o->numbers.len = bytes;
    o->base = least;
    o->is_wide = is_wide;
    uint64_t *wide = (uint64_t *)(void *)o->numbers.ptr;
    uint32_t *narrow = (uint32_t *)(void *)o->numbers.ptr;
    for (int64_t i = 0; i < count && is_wide; i++)
        wide[i] = ordinals[order ? order[i] : i];
    for (int64_t i = 0; i < count && !is_wide; i++)
        narrow[i] = (uint32_t)(ordinals[order ? order[i] : i] - least);
    return SLP_OK;
}

void ingest_window_init(struct ingest_window *w, struct alloc *mem, const struct arr_schema *schema,
                        const struct key_spec *spec)
{
    *w = (struct ingest_window){.mem = mem, .schema = schema, .spec = spec};
    key_vec_init(&w->keys, mem, SIZE_MAX / 4);
}

/* Values are borrowed; bitmaps and offsets begin anew, and are the window's own. */
static bool is_borrowed(const struct arr_col *c)
{
    return c->type.kind != ARR_BOOL;
}

/* Offsets that were borrowed have no room of their own. */
static void return_offsets(struct arr_col *c)
{
    if (c->offsets.cap == 0)
        c->offsets.ptr = NULL;
}

static void give_back(struct arr_col *c)
{
    if (is_borrowed(c))
        c->data = (struct buf){.mem = c->data.mem}; /* which the list of children came from */
    return_offsets(c);
    for (size_t i = 0; i < c->child_count; i++)
        give_back(&c->children[i]);
}

void ingest_window_fini(struct ingest_window *w)
{
    for (size_t i = 0; w->rows.cols && i < w->rows.schema->count; i++)
        give_back(&w->rows.cols[i]);
    arr_batch_fini(&w->rows);
    key_vec_fini(&w->keys);
}

/* So many of the next `most` rows that their keys take no more than is allowed, at least one. What
 * is escaped in them is not looked at. */
static int64_t choose_rows(const struct key_spec *spec, const struct arr_batch *rows, int64_t first,
                           int64_t most)
{
    for (int64_t count = most; count > 1; count /= 2) {
        size_t bytes = 0;
        for (size_t f = 0; f < spec->field_count; f++) {
            const struct arr_col *c = &rows->cols[spec->columns[f]];
            const int32_t *offsets = arr_col_offsets(c);
            if (arr_type_is_variable(c->type))
                bytes += (size_t)(offsets[first + count] - offsets[first]);
            else
                bytes += (size_t)count * arr_type_width(c->type);
        }
        if (bytes <= INGEST_WINDOW_KEY_BYTES)
            return count;
    }
    return 1;
}

/* Copy bits of a row range to the front. */
static slp_rc copy_bits(struct buf *to, const uint8_t *from, int64_t first, int64_t count,
                        struct slp_err *err)
{
    buf_clear(to);
    TRY(buf_resize(to, arr_bits_bytes(count), err));
    arr_bits_copy(to->ptr, 0, from, first, count);
    return SLP_OK;
}

/* Offsets of strings or lists, from 0 on. */
static slp_rc rebase(struct buf *to, const int32_t *offsets, int64_t count, struct slp_err *err)
{
    size_t bytes = ((size_t)count + 1) * sizeof *offsets;
    buf_clear(to);
    TRY(buf_reserve(to, bytes, err));
    int32_t *out = (int32_t *)(void *)to->ptr;
    for (int64_t i = 0; i <= count; i++)
        out[i] = offsets[i] - offsets[0];
    to->len = bytes;
    return SLP_OK;
}

/* Borrow bytes of values. */
static void look_at_bytes(struct buf *to, const struct buf *from, size_t at, size_t len)
{
    to->ptr = from->ptr ? from->ptr + at : NULL;
    to->len = len;
}

/* Look at rows of a column; trees are at most ARR_DEPTH_MAX deep. No rows: a list's items only. */
static slp_rc look_at_column(struct arr_col *c, const struct arr_col *from, int64_t first,
                             int64_t count, struct slp_err *err)
{
    assert(arr_type_equal(c->type, from->type) && !from->dictionary);
    c->rows = count;
    c->null_count = c->type.kind == ARR_NULL ? count : 0;
    buf_clear(&c->validity);
    if (from->validity.len) {
        TRY(copy_bits(&c->validity, from->validity.ptr, first, count, err));
        c->null_count = count - arr_bits_count(c->validity.ptr, 0, count);
    }
    if (c->type.kind == ARR_BOOL)
        return copy_bits(&c->data, from->data.ptr, first, count, err);
    bool is_list = arr_type_is_list(c->type);
    if ((is_list || arr_type_is_variable(c->type)) && from->offsets.len) {
        const int32_t *offsets = arr_col_offsets(from) + first;
        int64_t bytes = offsets[count] - offsets[0];
        TRY(rebase(&c->offsets, offsets, count, err));
        if (is_list)
            return look_at_column(&c->children[0], &from->children[0], offsets[0], bytes, err);
        look_at_bytes(&c->data, &from->data, (size_t)offsets[0], (size_t)bytes);
        return SLP_OK;
    }
    if (is_list) /* of no rows at all */
        return look_at_column(&c->children[0], &from->children[0], 0, 0, err);
    for (size_t i = 0; i < c->child_count; i++)
        TRY(look_at_column(&c->children[i], &from->children[i], first, count, err));
    size_t width = c->child_count ? 0 : arr_type_width(c->type);
    look_at_bytes(&c->data, &from->data, (size_t)first * width, (size_t)count * width);
    return SLP_OK;
}

/* Look at texts of one length. Where others have another length the column gets offsets of its own. */
static slp_rc look_at_even(struct arr_col *c, const struct arr_col *from,
                           const struct ingest_window_rows *rows, size_t column,
                           struct slp_err *err)
{
    uint32_t width = rows->widths[column];
    const struct ingest_even *even = &rows->even[column];
    size_t bytes = ((size_t)rows->count + 1) * sizeof(int32_t);
    c->rows = rows->count;
    c->null_count = 0;
    buf_clear(&c->validity);
    look_at_bytes(&c->data, &from->data, (size_t)rows->first * width, (size_t)rows->count * width);
    if (even->width == width && bytes <= even->offsets.len) {
        buf_fini(&c->offsets);
        c->offsets.ptr = even->offsets.ptr;
    } else {
        buf_clear(&c->offsets);
        TRY(buf_reserve(&c->offsets, bytes, err));
        int32_t *offsets = (int32_t *)(void *)c->offsets.ptr;
        for (int64_t i = 0; i <= rows->count; i++)
            offsets[i] = (int32_t)(i * width);
    }
    c->offsets.len = bytes;
    return SLP_OK;
}

/* Have the rows merged by their columns. */
static bool lend_columns(struct ingest_window *w, const struct ingest_ordinals *ordinals,
                         int64_t first)
{
    if (!key_columns_init(w->spec, &w->rows, 0, w->rows.rows, &w->columns))
        return false;
    struct key_numbers *n = &w->columns.numbers;
    if (!ordinals)
        return true;
    n->base = ordinals->base;
    if (ordinals->is_wide)
        n->wide = (const uint64_t *)(const void *)ordinals->numbers.ptr + first;
    else
        n->narrow = (const uint32_t *)(const void *)ordinals->numbers.ptr + first;
    return true;
}

static slp_rc make_keys(struct ingest_window *w, const struct ingest_ordinals *ordinals,
                        int64_t first, struct slp_err *err)
{
    struct key_rows rows = {.count = w->rows.rows, .gap = ordinals ? INGEST_ORDINAL_BYTES : 0};
    key_vec_clear(&w->keys);
    TRY(key_encode_spaced(w->spec, &w->rows, rows, &w->keys, err));
    const uint64_t *ends = (const uint64_t *)(const void *)w->keys.offsets.ptr + 1;
    for (int64_t i = 0; ordinals && i < w->rows.rows; i++)
        num_store_u64be(w->keys.bytes.ptr + ends[i] - INGEST_ORDINAL_BYTES,
                        ingest_ordinal_at(ordinals, first + i));
    return SLP_OK;
}

slp_rc ingest_window_look(struct ingest_window *w, const struct ingest_window_rows *rows,
                          struct run_block *out, struct slp_err *err)
{
    if (!w->rows.cols)
        TRY(arr_batch_init(&w->rows, w->mem, w->schema, err));
    for (size_t c = 0; c < w->schema->count; c++) {
        struct arr_col *to = &w->rows.cols[c];
        const struct arr_col *from = &rows->batch->cols[c];
        return_offsets(to);
        if (rows->widths && rows->widths[c])
            TRY(look_at_even(to, from, rows, c, err));
        else
            TRY(look_at_column(to, from, rows->first, rows->count, err));
    }
    w->rows.rows = rows->count;
    *out = (struct run_block){.batch = &w->rows, .is_ascending = true};
    if (!rows->encoded && lend_columns(w, rows->ordinals, rows->ordinal)) {
        out->columns = &w->columns;
        return SLP_OK;
    }
    TRY(make_keys(w, rows->ordinals, rows->ordinal, err));
    out->keys = &w->keys;
    return SLP_OK;
}

slp_rc ingest_window_next(struct ingest_window *w, const struct arr_batch *rows,
                          const struct ingest_ordinals *ordinals, int64_t *at, int64_t end,
                          struct run_block *out, struct slp_err *err)
{
    assert(*at < end && end <= rows->rows);
    int64_t most = num_min_i64(end - *at, INGEST_WINDOW_ROWS);
    struct ingest_window_rows look = {.batch = rows,
                                      .ordinals = ordinals,
                                      .first = *at,
                                      .ordinal = *at,
                                      .count = choose_rows(w->spec, rows, *at, most)};
    TRY(ingest_window_look(w, &look, out, err));
    *at += look.count;
    return SLP_OK;
}

slp_rc ingest_key_append(const struct key_spec *spec, const struct arr_batch *rows,
                         const struct ingest_ordinals *ordinals, int64_t row, struct key_vec *out,
                         struct slp_err *err)
{
    struct key_rows one = {.first = row, .count = 1, .gap = INGEST_ORDINAL_BYTES};
    TRY(key_encode_spaced(spec, rows, one, out, err));
    num_store_u64be(out->bytes.ptr + out->bytes.len - INGEST_ORDINAL_BYTES,
                    ingest_ordinal_at(ordinals, row));
    return SLP_OK;
}

slp_rc ingest_lower_bound(const struct key_spec *spec, const struct arr_batch *rows,
                          const struct ingest_ordinals *ordinals, struct slice key,
                          struct key_vec *scratch, int64_t *out, struct slp_err *err)
{
    int64_t low = 0;
    int64_t high = rows->rows;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        key_vec_clear(scratch);
        TRY(ingest_key_append(spec, rows, ordinals, middle, scratch, err));
        if (slice_compare(key_at(scratch, 0), key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *out = low;
    return SLP_OK;
}

void ingest_strip(struct key_vec *keys)
{
    uint64_t *offsets = (uint64_t *)(void *)keys->offsets.ptr;
    uint8_t *bytes = keys->bytes.ptr;
    size_t at = 0;
    uint64_t first = 0;
    for (int64_t i = 0; i < keys->count; i++) {
        uint64_t end = offsets[i + 1];
        size_t len = (size_t)(end - first) - INGEST_ORDINAL_BYTES;
        memmove(bytes + at, bytes + first, len);
        at += len;
        offsets[i + 1] = at;
        first = end;
    }
    keys->bytes.len = at;
}
