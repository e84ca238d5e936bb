/*
 * How columns grow. An append reserves all it needs, may fail doing so, and then extends buffers,
 * which cannot fail; `rows` grows last. What batch.c, nested.c and dictionary.c share.
 */
#ifndef SLP_ARROW_BATCH_PRIV_H
#define SLP_ARROW_BATCH_PRIV_H

#include "arrow/batch.h"

/* Row numbers that are gathered on the stack, at each level of a nested column. */
#define ARR_PICK_ROWS 256

/* What `data` holds: indices, if there is a dictionary. */
static inline const struct arr_type *arr_col_storage(const struct arr_col *c)
{
    static const struct arr_type indices = {.kind = ARR_INT32};
    return c->dictionary ? &indices : &c->type;
}

/* Make room for `count` rows with `var_bytes` bytes of strings, so that nothing after fails; for
 * children see to it yourself. Errors: LIMIT, NO_MEMORY. */
SLP_NODISCARD slp_rc arr_col_reserve(struct arr_col *c, int64_t count, size_t var_bytes,
                                     bool has_nulls, struct slp_err *err);

/* Longer by bytes that were reserved; the start of the new ones. */
static inline uint8_t *arr_buf_extend(struct buf *b, size_t len)
{
    assert(len <= b->cap && len >= b->len);
    uint8_t *at = b->ptr + b->len;
    b->len = len;
    return at;
}

static inline void arr_buf_extend_zeroed(struct buf *b, size_t len)
{
    size_t more = len - b->len;
    if (more)
        memset(arr_buf_extend(b, len), 0, more);
}

/* Room for `count` more offsets, which were reserved; the first of all is made if it is missing. */
int32_t *arr_col_extend_offsets(struct arr_col *c, int64_t count);

/* The next `count` rows are all present or all null. Called before `rows` grows. */
void arr_col_mark(struct arr_col *c, int64_t count, bool present);

/* The next `count` rows are present where bits [first, first + count) say so; `nulls` of them are
 * not. Called before `rows` grows. */
void arr_col_mark_bits(struct arr_col *c, const uint8_t *bits, int64_t first, int64_t count,
                       int64_t nulls);

/* The next `count` rows are as present as the picked ones. */
void arr_col_mark_picked(struct arr_col *c, const struct arr_col *from, const uint32_t *rows,
                         int64_t count);

/* Where the next list begins: behind the items of those before. */
static inline int32_t arr_col_items_end(const struct arr_col *c)
{
    return c->offsets.len ? arr_col_offsets(c)[c->rows] : 0;
}

/* nested.c: the same operations on nested columns; `count` is not 0. */
SLP_NODISCARD slp_rc arr_nested_append_nulls(struct arr_col *c, int64_t count, struct slp_err *err);
SLP_NODISCARD slp_rc arr_nested_append_run(struct arr_col *c, const struct arr_col *from,
                                           int64_t first, int64_t count, struct slp_err *err);
SLP_NODISCARD slp_rc arr_nested_append_picked(struct arr_col *c, const struct arr_col *from,
                                              const uint32_t *rows, int64_t count,
                                              struct slp_err *err);

/* dictionary.c: make a plain column one whose row i has value i, where a consumer was told to
 * expect a dictionary. Errors: NO_MEMORY, LIMIT. */
SLP_NODISCARD slp_rc arr_col_number_rows(struct arr_col *c, struct slp_err *err);

/* dictionary.c: between columns whose dictionaries differ. */
SLP_NODISCARD slp_rc arr_dictionary_append_run(struct arr_col *c, const struct arr_col *from,
                                               int64_t first, int64_t count, struct slp_err *err);
SLP_NODISCARD slp_rc arr_dictionary_append_picked(struct arr_col *c, const struct arr_col *from,
                                                  const uint32_t *rows, int64_t count,
                                                  struct slp_err *err);

#endif
