#include "compact/reader.h"

#include "base/num.h"

static struct stack_options options_of(const struct compact_job *job, unsigned form)
{
    return (struct stack_options){.mode = STACK_COMPACT,
                                  .is_oldest = job->drops_deletes,
                                  .is_fold = job->kind == STATE_JOB_FOLD,
                                  .form = form,
                                  .now_ms = process_now_ms(job->process)};
}

unsigned compact_least_form(const struct compact_job *job)
{
    const struct stack *s = process_stack(job->process);
    unsigned form = stack_wants_carries(s) ? STACK_CARRIES : 0;
    unsigned keeps = job->drops_deletes ? STACK_CARRIES : STACK_CARRIES | STACK_KINDS;
    for (size_t i = 0; i < job->input_count; i++)
        form |= job->inputs[i].form & keeps;
    return form;
}

bool compact_is_untouched(const struct compact_job *job, size_t input)
{
    struct stack_options o = options_of(job, 0);
    return job->inputs[input].form == 0 && job->least_form == 0 &&
           job->inputs[input].purge_count == 0 && !stack_sifts(process_stack(job->process), &o);
}

slp_rc compact_reader_open(struct compact_inputs *in, struct key_range range,
                           struct compact_reader *out, struct slp_err *err)
{
    const struct stack *s = process_stack(in->job->process);
    struct run *merged = NULL;
    unsigned form = compact_inputs_form(in->job);
    struct stack_options o = options_of(in->job, form);
    *out = (struct compact_reader){.stack = s, .form = in->job->least_form};
    TRY(compact_inputs_run(in, range, &merged, err));
    if (!merged)
        return SLP_OK;
    return stack_open(s, in->mem, &o, merged, &out->run, err);
}

void compact_reader_close(struct compact_reader *r)
{
    run_close(r->run);
    r->run = NULL;
}

static unsigned form_of(const struct stack *s, const struct arr_schema *columns)
{
    unsigned form = 0;
    while (form + 1 < STACK_FORMS && columns != &stack_schema(s, form)->columns)
        form++;
    return form;
}

/* Have rows in hand, unless there are none. */
static slp_rc next_block(struct compact_reader *r, struct slp_err *err)
{
    if (!r->run || (r->block.batch && r->at < r->block.batch->rows))
        return SLP_OK;
    r->block = (struct run_block){.batch = NULL};
    r->at = 0;
    slp_rc rc = run_next(r->run, &r->block, err);
    if (rc == SLP_DONE) {
        compact_reader_close(r);
        return SLP_OK;
    }
    TRY(rc);
    r->block_form = form_of(r->stack, r->block.batch->schema);
    return SLP_OK;
}

/* Make the batch one of the reader's form. It is empty. */
static slp_rc take_form(const struct compact_reader *r, struct arr_batch *rows, struct slp_err *err)
{
    const struct arr_schema *columns = &stack_schema(r->stack, r->form)->columns;
    struct alloc *mem = rows->mem;
    if (rows->schema == columns)
        return SLP_OK;
    arr_batch_fini(rows);
    return arr_batch_init(rows, mem, columns, err);
}

slp_rc compact_reader_next(struct compact_reader *r, int64_t max_rows, struct arr_batch *rows,
                           struct slp_err *err)
{
    TRY(next_block(r, err));
    if (!r->run)
        return SLP_OK;
    if (r->block_form & ~r->form) {
        if (rows->rows > 0)
            return SLP_OK;
        r->form |= r->block_form;
    }
    if (rows->rows == 0)
        TRY(take_form(r, rows, err));
    struct stack_rows take = {.from = r->block.batch,
                              .from_form = r->block_form,
                              .first = r->at,
                              .count = num_min_i64(max_rows, r->block.batch->rows - r->at)};
    TRY(stack_append(r->stack, &take, r->form, rows, err));
    r->at += take.count;
    return SLP_OK;
}
