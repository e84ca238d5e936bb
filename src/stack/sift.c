#include "stack/stack_priv.h"

/* The filters of one place. */
struct sift {
    struct stack_run run;
    const struct stack *s;
    struct alloc *mem;
    const struct stack_options *o;
    struct run *in;
    const unsigned *form_in;
    const struct stack_filter *filters[STACK_FILTERS_MAX];
    size_t filter_count;
    uint8_t refused; /* what becomes of a put that a filter does not keep */
    struct stack_draft draft;
    struct buf truth;
    struct buf verdicts;
};

static enum stack_place place_of(const struct stack *s, const struct stack_options *o,
                                 const struct stack_filter *f)
{
    if (o->is_fold && !f->is_key_only)
        return STACK_NOWHERE;
    return stack_filter_place(s->engine, !s->has_order, f->is_key_only, f->time, o->mode);
}

static bool stands(enum stack_place place, bool is_before)
{
    return is_before ? place == STACK_BEFORE : place == STACK_ROW || place == STACK_TO_DELETE;
}

bool stack_sift_applies(const struct stack *s, const struct stack_options *o, bool is_before)
{
    for (size_t i = 0; i < s->filters.count; i++)
        if (stands(place_of(s, o, &s->filters.at[i]), is_before))
            return true;
    return false;
}

/* Deletes go through value filters. A reset that is refused still deletes what is older. */
static void spare_kinds(const struct sift *f, const uint8_t *kinds, int64_t rows)
{
    uint8_t *verdicts = f->verdicts.ptr;
    bool drops = stack_drops(f->o);
    for (int64_t r = 0; r < rows; r++) {
        enum stack_kind kind = kinds ? (enum stack_kind)kinds[r] : STACK_PUT;
        if (kind == STACK_DELETE)
            verdicts[r] = SIEVE_KEEP;
        else if (verdicts[r] == SIEVE_DROP && !drops)
            verdicts[r] = kind == STACK_RESET ? SIEVE_DELETE : f->refused;
    }
}

static slp_rc judge(struct sift *f, const struct run_block *block, bool is_before,
                    struct slp_err *err)
{
    size_t rows = (size_t)block->batch->rows;
    const uint8_t *kinds = NULL;
    TRY(buf_resize(&f->verdicts, rows, err));
    memset(f->verdicts.ptr, SIEVE_KEEP, rows);
    for (size_t i = 0; i < f->filter_count; i++)
        TRY(stack_filter_eval(f->filters[i], block->batch, f->o->now_ms, &f->truth, f->verdicts.ptr,
                              err));
    if (is_before)
        return SLP_OK;
    TRY(stack_kinds_of(f->s, block->batch, *f->form_in, &kinds, err));
    spare_kinds(f, kinds, (int64_t)rows);
    return SLP_OK;
}

static slp_rc next(struct run *run, bool is_before, struct run_block *out, struct slp_err *err)
{
    struct sift *f = (struct sift *)(void *)run;
    struct run_block kept = {0};
    while (!kept.batch) {
        struct run_block block = {0};
        slp_rc rc = run_next(f->in, &block, err);
        if (rc != SLP_OK)
            return rc;
        TRY(judge(f, &block, is_before, err));
        f->run.form |= *f->form_in;
        if (memchr(f->verdicts.ptr, SIEVE_DELETE, f->verdicts.len))
            f->run.form |= STACK_KINDS;
        unsigned forms[2] = {*f->form_in, f->run.form};
        TRY(stack_sieve(&f->draft, &block, forms, f->verdicts.ptr, &kept, err));
    }
    *out = kept;
    return SLP_OK;
}

static slp_rc next_before(struct run *run, struct run_block *out, struct slp_err *err)
{
    return next(run, true, out, err);
}

static slp_rc next_behind(struct run *run, struct run_block *out, struct slp_err *err)
{
    return next(run, false, out, err);
}

static void sift_close(struct run *run)
{
    struct sift *f = (struct sift *)(void *)run;
    run_close(f->in);
    stack_draft_fini(&f->draft);
    buf_fini(&f->truth);
    buf_fini(&f->verdicts);
    alloc_delete(f->mem, f);
}

static void choose_filters(struct sift *f, bool is_before)
{
    f->refused = SIEVE_DROP;
    for (size_t i = 0; i < f->s->filters.count; i++) {
        enum stack_place place = place_of(f->s, f->o, &f->s->filters.at[i]);
        if (!stands(place, is_before))
            continue;
        f->filters[f->filter_count++] = &f->s->filters.at[i];
        if (place == STACK_TO_DELETE)
            f->refused = SIEVE_DELETE;
    }
}

slp_rc stack_sift_open(const struct stack_stage *stage, bool is_before, struct stack_run **out,
                       struct slp_err *err)
{
    static const struct run_ops before = {.next = next_before, .close = sift_close};
    static const struct run_ops behind = {.next = next_behind, .close = sift_close};
    struct sift *f = NULL;
    slp_rc rc = alloc_new(stage->mem, &f, err);
    if (rc != SLP_OK) {
        run_close(stage->in);
        return rc;
    }
    f->run.base.ops = is_before ? &before : &behind;
    f->s = stage->s;
    f->mem = stage->mem;
    f->o = stage->o;
    f->in = stage->in;
    f->form_in = stage->form;
    buf_init(&f->truth, f->mem, SIZE_MAX / 2);
    buf_init(&f->verdicts, f->mem, SIZE_MAX / 2);
    choose_filters(f, is_before);
    rc = stack_draft_init(&f->draft, f->s, f->mem, err);
    if (rc == SLP_OK)
        *out = &f->run;
    else
        sift_close(&f->run.base);
    return rc;
}
