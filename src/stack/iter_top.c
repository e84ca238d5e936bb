#include "arrow/text.h"
#include "base/num.h"
#include "stack/fold.h"
#include "stack/iterate_priv.h"

/*
 * What orders the rows of one key: the fields that were named, then all others, so that the answer is
 * the same in whatever order the rows were stored.
 */
struct order {
    const struct iter *it;
    const struct arr_batch *batch;
};

static int compare_values(const struct arr_col *c, uint32_t a, uint32_t b)
{
    bool a_null = arr_col_is_null(c, a);
    bool b_null = arr_col_is_null(c, b);
    if (a_null || b_null)
        return (int)b_null - (int)a_null;
    return stack_value_is_ordered(c->type) ? stack_value_compare(c, a, c, b) : 0;
}

/* Fields named: nulls come last, descending or not. */
static int compare_named(const struct order *o, uint32_t a, uint32_t b)
{
    for (size_t i = 0; i < o->it->count; i++) {
        const struct arr_col *c = &o->batch->cols[o->it->columns[i]];
        int order = compare_values(c, a, b);
        bool any_null = arr_col_is_null(c, a) || arr_col_is_null(c, b);
        if (order != 0)
            return any_null || o->it->is_descending ? -order : order;
    }
    return 0;
}

static int compare_rows(const struct order *o, uint32_t a, uint32_t b)
{
    int order = compare_named(o, a, b);
    for (size_t i = 0; order == 0 && i < o->it->in->count; i++)
        order = compare_values(&o->batch->cols[i], a, b);
    return order;
}

static void merge_pair(const struct order *o, const uint32_t *from, size_t at, size_t middle,
                       size_t end, uint32_t *to)
{
    size_t left = at;
    size_t right = middle;
    for (size_t i = at; i < end; i++) {
        bool take_right =
            left == middle || (right < end && compare_rows(o, from[left], from[right]) > 0);
        to[i] = take_right ? from[right++] : from[left++];
    }
}

/* Sort `rows`; `room` has as many. */
static void sort_rows(const struct order *o, uint32_t *rows, size_t n, uint32_t *room)
{
    uint32_t *from = rows;
    uint32_t *to = room;
    for (size_t width = 1; width < n; width *= 2) {
        for (size_t at = 0; at < n; at += 2 * width)
            merge_pair(o, from, at, num_min_size(at + width, n), num_min_size(at + 2 * width, n),
                       to);
        uint32_t *swap = from;
        from = to;
        to = swap;
    }
    if (from != rows)
        memcpy(rows, from, n * sizeof *rows);
}

/* The first rows of a key, or of rows whose named fields are equal the first. */
static size_t keep(const struct order *o, uint32_t *rows, size_t n)
{
    if (o->it->most > 0)
        return n < (size_t)o->it->most ? n : (size_t)o->it->most;
    size_t left = 0;
    for (size_t i = 0; i < n; i++)
        if (left == 0 || compare_named(o, rows[left - 1], rows[i]) != 0)
            rows[left++] = rows[i];
    return left;
}

/* Sort each key's rows, and put those that stay behind those before. */
static slp_rc judge(const struct iter *it, const struct run_block *block, struct buf *scratch,
                    uint32_t *picks, int64_t *count, struct slp_err *err)
{
    struct order o = {.it = it, .batch = block->batch};
    int64_t rows = block->batch->rows;
    int64_t n = 0;
    TRY(buf_resize(scratch, 2 * (size_t)rows * sizeof(uint32_t), err));
    uint32_t *sorted = (uint32_t *)(void *)scratch->ptr;
    for (int64_t first = 0; first < rows;) {
        int64_t end = stack_iter_end_of_key(block->keys, first);
        size_t of_key = (size_t)(end - first);
        for (size_t i = 0; i < of_key; i++)
            sorted[i] = (uint32_t)first + (uint32_t)i;
        sort_rows(&o, sorted, of_key, sorted + rows);
        size_t left = keep(&o, sorted, of_key);
        memcpy(picks + n, sorted, left * sizeof *picks);
        n += (int64_t)left;
        first = end;
    }
    *count = n;
    return SLP_OK;
}

static void use_all(struct iter *it)
{
    for (size_t i = 0; i < it->in->count; i++)
        it->uses[i] = true;
}

static slp_rc top_bind(struct iter *it, struct scan *s, struct slp_err *err)
{
    struct scan_token token;
    use_all(it);
    TRY(stack_scan_expect(s, '(', err));
    TRY(stack_scan_name(s, "how many rows", &token, err));
    if (!arr_text_i64(token.body, &it->most) || it->most < 1)
        return pred_fail(err, SLP_INVALID, s->text, token.at, "expected a number of rows");
    if (stack_scan_is(s, ',')) {
        TRY(stack_scan_take(s, &token, err));
        TRY(stack_iter_columns(it, s, err));
    }
    if (stack_scan_is_word(&s->next, "desc") || stack_scan_is_word(&s->next, "asc")) {
        it->is_descending = stack_scan_is_word(&s->next, "desc");
        TRY(stack_scan_take(s, &token, err));
    }
    TRY(stack_scan_expect(s, ')', err));
    return stack_scan_end(s, err);
}

static slp_rc all_columns(struct iter *it, struct slp_err *err)
{
    void *room = NULL;
    TRY(arena_array(it->arena, it->in->count, sizeof *it->columns, &room, err));
    it->columns = room;
    for (it->count = 0; it->count < it->in->count; it->count++)
        it->columns[it->count] = it->count;
    return SLP_OK;
}

static slp_rc check_ordered(const struct iter *it, const struct scan *s, struct slp_err *err)
{
    for (size_t i = 0; i < it->count; i++) {
        const struct arr_field *f = &it->in->fields[it->columns[i]];
        struct pred_span whole = {.start = 0, .len = (uint32_t)s->text.len};
        if (!stack_value_is_ordered(f->type))
            return pred_fail(err, SLP_INVALID, s->text, whole,
                             "values of field \"%s\" are not compared; name other fields", f->name);
    }
    return SLP_OK;
}

static slp_rc dedupe_bind(struct iter *it, struct scan *s, struct slp_err *err)
{
    use_all(it);
    if (s->next.kind == SCAN_END) {
        TRY(all_columns(it, err));
        return check_ordered(it, s, err);
    }
    TRY(stack_scan_expect(s, '(', err));
    if (stack_scan_is(s, ')'))
        TRY(all_columns(it, err));
    else
        TRY(stack_iter_columns(it, s, err));
    TRY(stack_scan_expect(s, ')', err));
    TRY(stack_scan_end(s, err));
    return check_ordered(it, s, err);
}

static slp_rc sorted_open(const struct iter *it, struct alloc *mem, struct run *input,
                          struct run **out, struct slp_err *err)
{
    return stack_iter_keep(it, judge, mem, input, out, err);
}

const struct iter_class stack_iter_top = {
    .name = "top", .needs_keys = true, .bind = top_bind, .open = sorted_open};
const struct iter_class stack_iter_dedupe = {
    .name = "dedupe", .needs_keys = true, .bind = dedupe_bind, .open = sorted_open};
