#include "stack/input.h"

#include "merge/merge.h"
#include "stack/stack_priv.h"

slp_rc stack_purge_check(const struct stack *s, const struct pred *where, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    if (s->engine == STACK_BAG)
        return SLP_OK;
    const struct arr_schema *columns = &s->schemas[0].columns;
    bool *used = NULL;
    void *room = NULL;
    TRY(alloc_array(s->mem, s->column_count, sizeof *used, &room, err));
    used = room;
    pred_columns(where, used);
    for (size_t i = 0; i < s->column_count; i++)
        if (used[i] && !s->columns[i].is_key)
            FAIL_OUT(err, INVALID,
                     "a purge of a table whose rows are reduced names key fields only, and \"%s\" "
                     "is none: what it held before may have been purged",
                     columns->fields[i].name);
out:
    alloc_free(s->mem, room, s->column_count * sizeof *used);
    return rc;
}

size_t stack_purges_between(struct stack_purge *purges, size_t count, struct stack_position mark,
                            struct stack_position until)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        if (stack_position_compare(purges[i].at, mark) <= 0 ||
            stack_position_compare(purges[i].at, until) > 0)
            continue;
        struct stack_purge moved = purges[n];
        purges[n++] = purges[i];
        if (n - 1 != i)
            purges[i] = moved;
    }
    return n;
}

struct input {
    struct run run;
    const struct stack *s;
    struct alloc *mem;
    struct stack_input in;
    struct run *from;
    bool *is_by_key; /* a purge: its predicate names key fields alone */
    struct stack_draft draft;
    struct buf truth;
    struct buf verdicts;
};

static bool names_keys_only(const struct stack *s, const struct pred *where, bool *used)
{
    memset(used, 0, s->column_count * sizeof *used);
    pred_columns(where, used);
    for (size_t i = 0; i < s->column_count; i++)
        if (used[i] && !s->columns[i].is_key)
            return false;
    return true;
}

static void purge_range(struct key_range range, const struct key_vec *keys, uint8_t *verdicts)
{
    int64_t first = key_lower_bound(keys, range.lo);
    int64_t end = range.has_hi ? key_lower_bound(keys, range.hi) : keys->count;
    if (first < end)
        memset(verdicts + first, SIEVE_DROP, (size_t)(end - first));
}

/* By values a put goes, a delete stays, and of a reset the delete stays. */
static uint8_t purged_to(bool is_by_key, enum stack_kind kind)
{
    if (is_by_key || kind == STACK_PUT)
        return SIEVE_DROP;
    return kind == STACK_RESET ? SIEVE_DELETE : SIEVE_KEEP;
}

static slp_rc purge_rows(struct input *i, size_t purge, const struct run_block *block,
                         const uint8_t *kinds, struct slp_err *err)
{
    uint8_t *verdicts = i->verdicts.ptr;
    TRY(pred_eval(i->in.purges[purge].where, block->batch, i->mem, i->truth.ptr, err));
    for (int64_t r = 0; r < block->batch->rows; r++) {
        if (i->truth.ptr[r] != PRED_TRUE || verdicts[r] == SIEVE_DROP)
            continue;
        enum stack_kind kind = kinds ? (enum stack_kind)kinds[r] : STACK_PUT;
        uint8_t to = purged_to(i->is_by_key[purge], kind);
        if (to != SIEVE_KEEP)
            verdicts[r] = to;
    }
    return SLP_OK;
}

static slp_rc judge(struct input *i, const struct run_block *block, struct slp_err *err)
{
    size_t rows = (size_t)block->batch->rows;
    const uint8_t *kinds = NULL;
    TRY(buf_resize(&i->truth, rows, err));
    TRY(buf_resize(&i->verdicts, rows, err));
    memset(i->verdicts.ptr, SIEVE_KEEP, rows);
    TRY(stack_kinds_of(i->s, block->batch, i->in.form, &kinds, err));
    for (size_t p = 0; p < i->in.purge_count; p++) {
        if (i->in.purges[p].where)
            TRY(purge_rows(i, p, block, kinds, err));
        else
            purge_range(i->in.purges[p].range, block->keys, i->verdicts.ptr);
    }
    return SLP_OK;
}

static slp_rc input_next(struct run *run, struct run_block *out, struct slp_err *err)
{
    struct input *i = (struct input *)(void *)run;
    const unsigned forms[2] = {i->in.form, i->in.to_form};
    struct run_block kept = {0};
    while (!kept.batch) {
        struct run_block block = {0};
        slp_rc rc = run_next(i->from, &block, err);
        if (rc != SLP_OK)
            return rc;
        TRY(judge(i, &block, err));
        TRY(stack_sieve(&i->draft, &block, forms, i->verdicts.ptr, &kept, err));
    }
    *out = kept;
    return SLP_OK;
}

static void input_close(struct run *run)
{
    struct input *i = (struct input *)(void *)run;
    run_close(i->from);
    alloc_free(i->mem, i->is_by_key, i->in.purge_count * sizeof *i->is_by_key);
    stack_draft_fini(&i->draft);
    buf_fini(&i->truth);
    buf_fini(&i->verdicts);
    alloc_delete(i->mem, i);
}

static slp_rc look_at_purges(struct input *i, struct slp_err *err)
{
    void *room = NULL;
    TRY(alloc_array(i->mem, i->in.purge_count, sizeof *i->is_by_key, &room, err));
    i->is_by_key = room;
    TRY(alloc_array(i->mem, i->s->column_count, sizeof(bool), &room, err));
    for (size_t p = 0; p < i->in.purge_count; p++)
        i->is_by_key[p] =
            !i->in.purges[p].where || names_keys_only(i->s, i->in.purges[p].where, room);
    alloc_free(i->mem, room, i->s->column_count * sizeof(bool));
    return SLP_OK;
}

slp_rc stack_input(const struct stack *s, struct alloc *mem, const struct stack_input *in,
                   struct run *run, struct run **out, struct slp_err *err)
{
    static const struct run_ops ops = {.next = input_next, .close = input_close};
    assert((in->form & ~in->to_form) == 0);
    struct input *i = NULL;
    slp_rc rc = alloc_new(mem, &i, err);
    if (rc != SLP_OK) {
        run_close(run);
        return rc;
    }
    i->run.ops = &ops;
    i->s = s;
    i->mem = mem;
    i->in = *in;
    i->from = run;
    buf_init(&i->truth, mem, SIZE_MAX / 2);
    buf_init(&i->verdicts, mem, SIZE_MAX / 2);
    TRY_OUT(look_at_purges(i, err));
    TRY_OUT(stack_draft_init(&i->draft, s, mem, err));
    *out = &i->run;
    i = NULL;
out:
    if (i)
        input_close(&i->run);
    return rc;
}

#define MERGE_ROWS  8192
#define MERGE_BYTES ((size_t)16 << 20)

struct merged {
    struct run run;
    struct alloc *mem;
    struct merge *merge;
    struct arr_batch batch;
    struct key_vec keys;
};

static slp_rc merged_next(struct run *run, struct run_block *out, struct slp_err *err)
{
    struct merged *m = (struct merged *)(void *)run;
    arr_batch_clear(&m->batch);
    key_vec_clear(&m->keys);
    slp_rc rc = merge_next(m->merge, MERGE_ROWS, MERGE_BYTES, &m->batch, &m->keys, err);
    if (rc == SLP_OK)
        *out = (struct run_block){.batch = &m->batch, .keys = &m->keys};
    return rc;
}

static void merged_close(struct run *run)
{
    struct merged *m = (struct merged *)(void *)run;
    merge_free(m->merge);
    arr_batch_fini(&m->batch);
    key_vec_fini(&m->keys);
    alloc_delete(m->mem, m);
}

slp_rc stack_merge(struct alloc *mem, const struct arr_schema *schema, struct run **inputs,
                   size_t count, struct run **out, struct slp_err *err)
{
    static const struct run_ops ops = {.next = merged_next, .close = merged_close};
    struct merged *m = NULL;
    struct merge *merge = NULL;
    TRY(merge_new(mem, schema, inputs, count, &merge, err));
    slp_rc rc = alloc_new(mem, &m, err);
    if (rc != SLP_OK) {
        merge_free(merge);
        return rc;
    }
    m->run.ops = &ops;
    m->mem = mem;
    m->merge = merge;
    key_vec_init(&m->keys, mem, SIZE_MAX / 4);
    rc = arr_batch_init(&m->batch, mem, schema, err);
    if (rc == SLP_OK)
        *out = &m->run;
    else
        merged_close(&m->run);
    return rc;
}
