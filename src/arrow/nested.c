#include "arrow/batch_priv.h"
#include "arrow/bits.h"
#include "base/num.h"

/* Items of lists from this length on are copied as a run, not picked one by one. */
#define LONG_LIST 16

/* Items may be added behind the last list. */
static slp_rc check_items(const struct arr_col *c, int64_t more, struct slp_err *err)
{
    int64_t end = arr_col_items_end(c);
    if (more > ARR_ITEMS_MAX - end)
        FAIL(err, LIMIT,
             "a column of one batch holds at most %lld items of lists: it has %lld and %lld more "
             "came; use smaller batches",
             (long long)ARR_ITEMS_MAX, (long long)end, (long long)more);
    return SLP_OK;
}

/* The rows are bits [first, first + count), or all present. */
static int64_t count_nulls(const uint8_t *validity, int64_t first, int64_t count)
{
    return validity ? count - arr_bits_count(validity, first, count) : 0;
}

slp_rc arr_col_append_lists(struct arr_col *c, const int32_t *lengths, int64_t count,
                            const uint8_t *validity, int64_t first_bit, struct slp_err *err)
{
    assert(arr_type_is_list(c->type) && count >= 0);
    int64_t items = 0;
    for (int64_t i = 0; i < count; i++) {
        assert(lengths[i] >= 0);
        items += lengths[i];
    }
    if (count == 0)
        return SLP_OK;
    int64_t nulls = count_nulls(validity, first_bit, count);
    TRY(check_items(c, items, err));
    TRY(arr_col_reserve(c, count, 0, nulls > 0, err));
    int32_t end = arr_col_items_end(c);
    assert(end + items <= c->children[0].rows);
    int32_t *offsets = arr_col_extend_offsets(c, count);
    for (int64_t i = 0; i < count; i++) {
        end += lengths[i];
        offsets[i] = end;
    }
    arr_col_mark_bits(c, validity, first_bit, count, nulls);
    c->rows += count;
    return SLP_OK;
}

slp_rc arr_col_append_structs(struct arr_col *c, int64_t count, const uint8_t *validity,
                              int64_t first_bit, struct slp_err *err)
{
    assert(c->type.kind == ARR_STRUCT && count >= 0);
    for (size_t i = 0; i < c->child_count; i++)
        assert(c->children[i].rows == c->rows + count);
    if (count == 0)
        return SLP_OK;
    int64_t nulls = count_nulls(validity, first_bit, count);
    TRY(arr_col_reserve(c, count, 0, nulls > 0, err));
    arr_col_mark_bits(c, validity, first_bit, count, nulls);
    c->rows += count;
    return SLP_OK;
}

/* Children as they were before an append that failed. */
static slp_rc give_up(struct arr_col *c, slp_rc rc)
{
    arr_col_truncate(c, c->rows);
    return rc;
}

slp_rc arr_nested_append_nulls(struct arr_col *c, int64_t count, struct slp_err *err)
{
    TRY(arr_col_reserve(c, count, 0, true, err));
    if (arr_type_is_list(c->type)) {
        int32_t end = arr_col_items_end(c);
        assert(c->children[0].rows == end);
        int32_t *offsets = arr_col_extend_offsets(c, count);
        for (int64_t i = 0; i < count; i++)
            offsets[i] = end;
    }
    for (size_t i = 0; c->type.kind == ARR_STRUCT && i < c->child_count; i++) {
        slp_rc rc = arr_col_append_nulls(&c->children[i], count, err);
        if (rc != SLP_OK)
            return give_up(c, rc);
    }
    arr_col_mark(c, count, false);
    c->rows += count;
    return SLP_OK;
}

static slp_rc append_list_run(struct arr_col *c, const struct arr_col *from, int64_t first,
                              int64_t count, struct slp_err *err)
{
    const int32_t *src = arr_col_offsets(from) + first;
    int64_t items = (int64_t)src[count] - src[0];
    assert(c->children[0].rows == arr_col_items_end(c));
    TRY(check_items(c, items, err));
    TRY(arr_col_append_run(&c->children[0], &from->children[0], src[0], items, err));
    int32_t shift = arr_col_items_end(c) - src[0];
    int32_t *offsets = arr_col_extend_offsets(c, count);
    for (int64_t i = 0; i < count; i++)
        offsets[i] = src[i + 1] + shift;
    return SLP_OK;
}

static slp_rc append_struct_run(struct arr_col *c, const struct arr_col *from, int64_t first,
                                int64_t count, struct slp_err *err)
{
    for (size_t i = 0; i < c->child_count; i++) {
        slp_rc rc = arr_col_append_run(&c->children[i], &from->children[i], first, count, err);
        if (rc != SLP_OK)
            return give_up(c, rc);
    }
    return SLP_OK;
}

slp_rc arr_nested_append_run(struct arr_col *c, const struct arr_col *from, int64_t first,
                             int64_t count, struct slp_err *err)
{
    assert(c->child_count == from->child_count);
    const uint8_t *validity = from->validity.len ? from->validity.ptr : NULL;
    int64_t nulls = count_nulls(validity, first, count);
    TRY(arr_col_reserve(c, count, 0, nulls > 0, err));
    if (arr_type_is_list(c->type))
        TRY(append_list_run(c, from, first, count, err));
    else
        TRY(append_struct_run(c, from, first, count, err));
    arr_col_mark_bits(c, validity, first, count, nulls);
    c->rows += count;
    return SLP_OK;
}

/* Items on their way to a child, gathered so that short lists cost no call each. */
struct item_picks {
    struct arr_col *to;
    const struct arr_col *from;
    int64_t count;
    uint32_t rows[ARR_PICK_ROWS];
};

static slp_rc flush_picks(struct item_picks *p, struct slp_err *err)
{
    int64_t count = p->count;
    p->count = 0;
    return arr_col_append_picked(p->to, p->from, p->rows, count, err);
}

static slp_rc pick_items(struct item_picks *p, int32_t from, int32_t items, struct slp_err *err)
{
    if (p->count + items > ARR_PICK_ROWS || items >= LONG_LIST)
        TRY(flush_picks(p, err));
    if (items >= LONG_LIST)
        return arr_col_append_run(p->to, p->from, from, items, err);
    for (int32_t i = 0; i < items; i++)
        p->rows[p->count++] = (uint32_t)(from + i);
    return SLP_OK;
}

static slp_rc append_picked_lists(struct arr_col *c, const struct arr_col *from,
                                  const uint32_t *rows, int64_t count, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    const int32_t *src = arr_col_offsets(from);
    struct item_picks picks = {.to = &c->children[0], .from = &from->children[0]};
    int64_t items = 0;
    assert(c->children[0].rows == arr_col_items_end(c));
    for (int64_t i = 0; i < count; i++)
        items += src[(size_t)rows[i] + 1] - src[rows[i]];
    TRY(check_items(c, items, err));
    for (int64_t i = 0; i < count && rc == SLP_OK; i++)
        rc = pick_items(&picks, src[rows[i]], src[(size_t)rows[i] + 1] - src[rows[i]], err);
    if (rc == SLP_OK)
        rc = flush_picks(&picks, err);
    if (rc != SLP_OK)
        return give_up(c, rc);
    int32_t end = arr_col_items_end(c);
    int32_t *offsets = arr_col_extend_offsets(c, count);
    for (int64_t i = 0; i < count; i++) {
        end += src[(size_t)rows[i] + 1] - src[rows[i]];
        offsets[i] = end;
    }
    return SLP_OK;
}

static slp_rc append_picked_structs(struct arr_col *c, const struct arr_col *from,
                                    const uint32_t *rows, int64_t count, struct slp_err *err)
{
    for (size_t i = 0; i < c->child_count; i++) {
        slp_rc rc = arr_col_append_picked(&c->children[i], &from->children[i], rows, count, err);
        if (rc != SLP_OK)
            return give_up(c, rc);
    }
    return SLP_OK;
}

slp_rc arr_nested_append_picked(struct arr_col *c, const struct arr_col *from, const uint32_t *rows,
                                int64_t count, struct slp_err *err)
{
    assert(c->child_count == from->child_count);
    TRY(arr_col_reserve(c, count, 0, from->validity.len != 0, err));
    if (arr_type_is_list(c->type))
        TRY(append_picked_lists(c, from, rows, count, err));
    else
        TRY(append_picked_structs(c, from, rows, count, err));
    arr_col_mark_picked(c, from, rows, count);
    c->rows += count;
    return SLP_OK;
}
