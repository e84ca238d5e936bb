#include "key/order.h"
#include "stack/stack_priv.h"

static bool is_all(const uint8_t *verdicts, int64_t rows, uint8_t verdict)
{
    for (int64_t r = 0; r < rows; r++)
        if (verdicts[r] != verdict)
            return false;
    return true;
}

/* Rows that stay, in `picks`. */
static slp_rc pick(const uint8_t *verdicts, int64_t rows, struct buf *picks, int64_t *count,
                   struct slp_err *err)
{
    TRY(buf_resize(picks, ((size_t)rows + 1) * sizeof(uint32_t), err));
    uint32_t *at = (uint32_t *)(void *)picks->ptr;
    int64_t n = 0;
    for (int64_t r = 0; r < rows; r++) {
        at[n] = (uint32_t)r;
        n += verdicts == NULL || verdicts[r] != SIEVE_DROP;
    }
    *count = n;
    return SLP_OK;
}

/* Values of rows that stay; those of rows that became deletes are blank. */
static slp_rc append_values(struct arr_col *to, const struct arr_col *from,
                            const struct arr_field *field, const uint8_t *verdicts,
                            struct slp_err *err)
{
    for (int64_t r = 0; r < from->rows;) {
        int64_t end = r + 1;
        while (end < from->rows && verdicts[end] == verdicts[r])
            end++;
        if (verdicts[r] == SIEVE_KEEP)
            TRY(arr_col_append_run(to, from, r, end - r, err));
        for (int64_t i = r; verdicts[r] == SIEVE_DELETE && i < end; i++)
            TRY(stack_append_blank(to, field, err));
        r = end;
    }
    return SLP_OK;
}

static bool has_delete(const uint8_t *verdicts, int64_t rows)
{
    return verdicts && memchr(verdicts, SIEVE_DELETE, (size_t)rows) != NULL;
}

static slp_rc append_kinds(struct stack_draft *d, const uint8_t *kinds, const uint8_t *verdicts,
                           const uint32_t *rows, int64_t count, struct slp_err *err)
{
    for (int64_t i = 0; i < count; i++) {
        enum stack_kind kind = kinds ? (enum stack_kind)kinds[rows[i]] : STACK_PUT;
        if (verdicts && verdicts[rows[i]] == SIEVE_DELETE)
            kind = STACK_DELETE;
        TRY(stack_draft_kind(d, i, kind, err));
    }
    return SLP_OK;
}

static slp_rc append_keys(struct key_vec *to, const struct key_vec *from, const uint32_t *rows,
                          int64_t count, struct slp_err *err)
{
    for (int64_t i = 0; i < count;) {
        int64_t end = i + 1;
        while (end < count && rows[end] == rows[end - 1] + 1)
            end++;
        TRY(key_vec_append_run(to, from, rows[i], end - i, err));
        i = end;
    }
    return SLP_OK;
}

static slp_rc rebuild(struct stack_draft *d, const struct run_block *in, unsigned form_in,
                      const uint8_t *verdicts, struct slp_err *err)
{
    const struct stack *s = d->s;
    const struct arr_schema *columns = &s->schemas[0].columns;
    const uint8_t *kinds = NULL;
    int64_t count = 0;
    TRY(pick(verdicts, in->batch->rows, &d->picks, &count, err));
    const uint32_t *rows = (const uint32_t *)(const void *)d->picks.ptr;
    bool blanks = has_delete(verdicts, in->batch->rows);
    stack_draft_clear(d);
    for (size_t i = 0; i < s->column_count; i++) {
        struct arr_col *to = &d->batch.cols[i];
        const struct arr_col *from = &in->batch->cols[i];
        const struct arr_col *carry = stack_carry_col(s, in->batch, form_in, i);
        if (blanks && !s->columns[i].is_key)
            TRY(append_values(to, from, &columns->fields[i], verdicts, err));
        else
            TRY(arr_col_append_picked(to, from, rows, count, err));
        if (carry)
            TRY(arr_col_append_picked(&d->batch.cols[s->column_count + s->columns[i].carry], carry,
                                      rows, count, err));
    }
    TRY(stack_kinds_of(s, in->batch, form_in, &kinds, err));
    TRY(append_kinds(d, kinds, verdicts, rows, count, err));
    return append_keys(&d->keys, in->keys, rows, count, err);
}

slp_rc stack_sieve(struct stack_draft *d, const struct run_block *in, const unsigned forms[2],
                   const uint8_t *verdicts, struct run_block *out, struct slp_err *err)
{
    int64_t rows = in->batch->rows;
    if (verdicts && is_all(verdicts, rows, SIEVE_KEEP))
        verdicts = NULL;
    if (verdicts && is_all(verdicts, rows, SIEVE_DROP)) {
        *out = (struct run_block){0};
        return SLP_OK;
    }
    if (!verdicts && forms[0] == forms[1]) {
        *out = *in;
        return SLP_OK;
    }
    TRY(rebuild(d, in, forms[0], verdicts, err));
    return stack_draft_show(d, forms[1], out, err);
}
