#include "arrow/text.h"
#include "base/hash.h"
#include "base/num.h"
#include "stack/fold.h"
#include "stack/iterate_priv.h"

/* A run of the rows that a judge picks. */
struct kept {
    struct run run;
    const struct iter *it;
    iter_judge_fn judge;
    struct alloc *mem;
    struct run *in;
    struct arr_batch batch;
    struct key_vec keys;
    struct buf scratch;
    struct buf picks;
};

static bool is_all(const uint32_t *picks, int64_t count, int64_t rows)
{
    for (int64_t i = 0; i < count; i++)
        if (picks[i] != i)
            return false;
    return count == rows;
}

static slp_rc take(struct kept *k, const struct run_block *block, struct run_block *out,
                   struct slp_err *err)
{
    int64_t count = 0;
    size_t rows = (size_t)block->batch->rows;
    TRY(buf_resize(&k->picks, (rows + 1) * sizeof(uint32_t), err));
    uint32_t *picks = (uint32_t *)(void *)k->picks.ptr;
    TRY(k->judge(k->it, block, &k->scratch, picks, &count, err));
    *out = *block;
    if (is_all(picks, count, block->batch->rows))
        return SLP_OK;
    arr_batch_clear(&k->batch);
    key_vec_clear(&k->keys);
    TRY(arr_batch_append_picked(&k->batch, block->batch, picks, count, err));
    for (int64_t i = 0; i < count; i++)
        TRY(key_vec_append(&k->keys, key_at(block->keys, picks[i]), err));
    *out = (struct run_block){.batch = &k->batch, .keys = &k->keys};
    return SLP_OK;
}

static slp_rc kept_next(struct run *run, struct run_block *out, struct slp_err *err)
{
    struct kept *k = (struct kept *)(void *)run;
    for (;;) {
        struct run_block block = {0};
        struct run_block found = {0};
        slp_rc rc = run_next(k->in, &block, err);
        if (rc != SLP_OK)
            return rc;
        rc = take(k, &block, &found, err);
        if (rc != SLP_OK)
            return err_wrap(err, rc, "iterator %s", k->it->class->name);
        if (found.batch->rows > 0) {
            *out = found;
            return SLP_OK;
        }
    }
}

static void kept_close(struct run *run)
{
    struct kept *k = (struct kept *)(void *)run;
    run_close(k->in);
    arr_batch_fini(&k->batch);
    key_vec_fini(&k->keys);
    buf_fini(&k->scratch);
    buf_fini(&k->picks);
    alloc_delete(k->mem, k);
}

slp_rc stack_iter_keep(const struct iter *it, iter_judge_fn judge, struct alloc *mem,
                       struct run *input, struct run **out, struct slp_err *err)
{
    static const struct run_ops ops = {.next = kept_next, .close = kept_close};
    struct kept *k = NULL;
    slp_rc rc = alloc_new(mem, &k, err);
    if (rc != SLP_OK) {
        run_close(input);
        return rc;
    }
    k->run.ops = &ops;
    k->it = it;
    k->judge = judge;
    k->mem = mem;
    k->in = input;
    key_vec_init(&k->keys, mem, SIZE_MAX / 4);
    buf_init(&k->scratch, mem, SIZE_MAX / 2);
    buf_init(&k->picks, mem, SIZE_MAX / 2);
    rc = arr_batch_init(&k->batch, mem, it->in, err);
    if (rc == SLP_OK)
        *out = &k->run;
    else
        kept_close(&k->run);
    return rc;
}

/* ---- filter ---- */

/* What stands between the bracket that comes next and the last one. */
static slp_rc inside_brackets(struct scan *s, struct slice *out, struct slp_err *err)
{
    size_t end = s->text.len;
    if (!stack_scan_is(s, '('))
        return stack_scan_fail(s, err, "\"(\"");
    size_t start = s->next.at.start + 1u;
    while (end > start && s->text.ptr[end - 1] <= ' ')
        end--;
    if (end <= start || s->text.ptr[end - 1] != ')')
        return pred_fail(err, SLP_INVALID, s->text, s->next.at, "a bracket without its end");
    *out = slice_sub(s->text, start, end - 1 - start);
    return SLP_OK;
}

static slp_rc filter_bind(struct iter *it, struct scan *s, struct slp_err *err)
{
    struct slice where;
    TRY(inside_brackets(s, &where, err));
    TRY(pred_compile(where, it->in, NULL, 0, it->arena, &it->where, err));
    pred_columns(it->where, it->uses);
    return SLP_OK;
}

static slp_rc filter_judge(const struct iter *it, const struct run_block *block,
                           struct buf *scratch, uint32_t *picks, int64_t *count,
                           struct slp_err *err)
{
    int64_t n = 0;
    TRY(buf_resize(scratch, (size_t)block->batch->rows, err));
    TRY(pred_eval(it->where, block->batch, scratch->mem, scratch->ptr, err));
    for (int64_t r = 0; r < block->batch->rows; r++) {
        picks[n] = (uint32_t)r;
        n += scratch->ptr[r] == PRED_TRUE;
    }
    *count = n;
    return SLP_OK;
}

static slp_rc filter_open(const struct iter *it, struct alloc *mem, struct run *input,
                          struct run **out, struct slp_err *err)
{
    return stack_iter_keep(it, filter_judge, mem, input, out, err);
}

const struct iter_class stack_iter_filter = {
    .name = "filter", .bind = filter_bind, .open = filter_open};

/* ---- sample ---- */

static slp_rc sample_bind(struct iter *it, struct scan *s, struct slp_err *err)
{
    struct scan_token number;
    double fraction = 0;
    TRY(stack_scan_expect(s, '(', err));
    TRY(stack_scan_name(s, "a fraction from 0 to 1", &number, err));
    if (!arr_text_f64(number.body, &fraction) || !(fraction >= 0 && fraction <= 1))
        return pred_fail(err, SLP_INVALID, s->text, number.at, "expected a fraction from 0 to 1");
    it->threshold = fraction < 1 ? (uint64_t)(fraction * 18446744073709551616.0) : UINT64_MAX;
    TRY(stack_scan_expect(s, ')', err));
    return stack_scan_end(s, err);
}

static slp_rc sample_judge(const struct iter *it, const struct run_block *block,
                           struct buf *scratch, uint32_t *picks, int64_t *count,
                           struct slp_err *err)
{
    (void)scratch;
    (void)err;
    int64_t n = 0;
    for (int64_t r = 0; r < block->keys->count; r++) {
        picks[n] = (uint32_t)r;
        n += it->threshold == UINT64_MAX || hash_xxh64(key_at(block->keys, r), 0) < it->threshold;
    }
    *count = n;
    return SLP_OK;
}

static slp_rc sample_open(const struct iter *it, struct alloc *mem, struct run *input,
                          struct run **out, struct slp_err *err)
{
    return stack_iter_keep(it, sample_judge, mem, input, out, err);
}

const struct iter_class stack_iter_sample = {
    .name = "sample", .bind = sample_bind, .open = sample_open};

/* ---- redact ---- */

static slp_rc redact_bind(struct iter *it, struct scan *s, struct slp_err *err)
{
    struct scan_token name;
    void *room = NULL;
    TRY(stack_scan_expect(s, '(', err));
    TRY(arena_array(it->arena, 1, sizeof *it->columns, &room, err));
    it->columns = room;
    TRY(arena_array(it->arena, s->text.len, sizeof *it->labels, &room, err));
    it->labels = room;
    TRY(stack_scan_name(s, "the name of a field", &name, err));
    TRY(stack_iter_column(it, s, &name, &it->columns[0], err));
    if (!arr_type_is_variable(it->in->fields[it->columns[0]].type))
        return pred_fail(err, SLP_INVALID, s->text, name.at, "a visibility is a text");
    while (stack_scan_is(s, ',')) {
        TRY(stack_scan_take(s, &name, err));
        if (s->next.kind == SCAN_MARK || s->next.kind == SCAN_END)
            return stack_scan_fail(s, err, "a label");
        TRY(stack_scan_take(s, &name, err));
        it->labels[it->count++] = name.body;
    }
    TRY(stack_scan_expect(s, ')', err));
    return stack_scan_end(s, err);
}

/* Visibilities repeat, so the answer for the row before is looked at first. */
static slp_rc redact_judge(const struct iter *it, const struct run_block *block,
                           struct buf *scratch, uint32_t *picks, int64_t *count,
                           struct slp_err *err)
{
    (void)scratch;
    (void)err;
    const struct arr_col *c = &block->batch->cols[it->columns[0]];
    struct slice last = slice_of(NULL, 0);
    bool visible = true;
    int64_t n = 0;
    for (int64_t r = 0; r < c->rows; r++) {
        struct slice now = arr_col_is_null(c, r) ? slice_of(NULL, 0) : arr_col_bytes(c, r);
        if (!slice_equal(now, last))
            visible = stack_iter_is_visible(now, it->labels, it->count);
        last = now;
        picks[n] = (uint32_t)r;
        n += visible;
    }
    *count = n;
    return SLP_OK;
}

static slp_rc redact_open(const struct iter *it, struct alloc *mem, struct run *input,
                          struct run **out, struct slp_err *err)
{
    return stack_iter_keep(it, redact_judge, mem, input, out, err);
}

const struct iter_class stack_iter_redact = {
    .name = "redact", .bind = redact_bind, .open = redact_open};
