#include "compact/inputs.h"

#include "state/open.h"

/* A run that counts the rows it hands on. */
struct counted_run {
    struct run base;
    struct alloc *mem;
    struct run *inner;
    int64_t *rows;
};

static slp_rc counted_next(struct run *r, struct run_block *out, struct slp_err *err)
{
    struct counted_run *c = (struct counted_run *)(void *)r;
    slp_rc rc = run_next(c->inner, out, err);
    if (rc == SLP_OK)
        *c->rows += out->batch->rows;
    return rc;
}

static slp_rc counted_complete(struct run *r, struct slp_err *err)
{
    return run_complete(((struct counted_run *)(void *)r)->inner, err);
}

static void counted_close(struct run *r)
{
    struct counted_run *c = (struct counted_run *)(void *)r;
    run_close(c->inner);
    alloc_delete(c->mem, c);
}

unsigned compact_inputs_form(const struct compact_job *job)
{
    unsigned form = 0;
    for (size_t i = 0; i < job->input_count; i++)
        form |= job->inputs[i].form;
    return form;
}

/* Apply what an input is due and bring it into the form of all. Takes the run. */
static slp_rc process_run(struct compact_inputs *in, size_t i, struct run *run, struct run **out,
                          struct slp_err *err)
{
    const struct compact_input *input = &in->job->inputs[i];
    struct stack_input how = {.form = input->form,
                              .to_form = compact_inputs_form(in->job),
                              .purges = input->purges,
                              .purge_count = input->purge_count};
    *out = run;
    if (!in->job->process || stack_input_is_identity(how.form, how.to_form, how.purge_count))
        return SLP_OK;
    return stack_input(process_stack(in->job->process), in->mem, &how, run, out, err);
}

static slp_rc open_run(struct compact_inputs *in, size_t i, struct key_range range,
                       struct run **out, struct slp_err *err)
{
    static const struct run_ops ops = {
        .next = counted_next, .complete = counted_complete, .close = counted_close};
    struct datafile_read_options o = {.range = range,
                                      .prefetch_bytes = in->prefetch_bytes,
                                      .keeps_space = true,
                                      .may_leave_keys = !in->job->process,
                                      .keeps_dictionaries = !in->job->process,
                                      .may_be_partial = !in->job->process};
    struct counted_run *c = NULL;
    TRY(alloc_new(in->mem, &c, err));
    *c = (struct counted_run){.base = {.ops = &ops}, .mem = in->mem, .rows = &in->rows[i]};
    slp_rc rc = datafile_read(in->files[i], &o, &c->inner, NULL, err);
    if (rc != SLP_OK) {
        counted_close(&c->base);
        return rc;
    }
    return process_run(in, i, &c->base, out, err);
}

/* Runs of the inputs that have keys in the range, in the order of the inputs. */
static slp_rc open_runs(struct compact_inputs *in, struct key_range range, struct run **runs,
                        size_t *count, struct slp_err *err)
{
    for (size_t i = 0; i < in->job->input_count; i++) {
        struct key_range own = key_range_clip(in->job->inputs[i].range, range);
        int64_t first = 0;
        int64_t end = 0;
        if (key_range_is_empty(own))
            continue;
        slp_rc rc = datafile_find(in->files[i], own, &first, &end, err);
        if (rc == SLP_OK && first == end)
            continue;
        if (rc == SLP_OK)
            rc = open_run(in, i, own, &runs[*count], err);
        if (rc != SLP_OK) {
            while (*count > 0)
                run_close(runs[--*count]);
            return rc;
        }
        ++*count;
    }
    return SLP_OK;
}

slp_rc compact_inputs_merge(struct compact_inputs *in, struct key_range range, struct merge **out,
                            struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    size_t count = 0;
    struct run **runs = NULL;
    size_t most = in->job->input_count;
    TRY(alloc_array(in->mem, most, sizeof(struct run *), (void **)&runs, err));
    TRY_OUT(open_runs(in, range, runs, &count, err));
    *out = NULL;
    if (count)
        rc = merge_new(in->mem, in->columns, runs, count, out, err);
out:
    alloc_free(in->mem, runs, most * sizeof(struct run *));
    return rc;
}

slp_rc compact_inputs_run(struct compact_inputs *in, struct key_range range, struct run **out,
                          struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    size_t count = 0;
    struct run **runs = NULL;
    size_t most = in->job->input_count;
    const struct stack *s = process_stack(in->job->process);
    const struct schema *schema = stack_schema(s, compact_inputs_form(in->job));
    TRY(alloc_array(in->mem, most, sizeof(struct run *), (void **)&runs, err));
    TRY_OUT(open_runs(in, range, runs, &count, err));
    *out = NULL;
    if (count)
        rc = stack_merge(in->mem, &schema->columns, runs, count, out, err);
out:
    alloc_free(in->mem, runs, most * sizeof(struct run *));
    return rc;
}

static slp_rc open_file(struct state_table *table, const struct compact_job *job, size_t i,
                        struct alloc *mem, struct datafile **out, struct slp_err *err)
{
    const struct compact_input *input = &job->inputs[i];
    struct state_open_as as = {.object = input->object, .info = &input->info};
    TRY(process_schema(table, job->process, input->form, &as.schema, err));
    return state_open_file_as(table, &as, mem, out, err);
}

slp_rc compact_inputs_copy(struct compact_inputs *in, const struct compact_stretch *stretch,
                           struct datafile_group *g, bool *done, struct slp_err *err)
{
    size_t input = stretch->input;
    if (in->copier && in->copied != input) {
        datafile_copier_free(in->copier);
        in->copier = NULL;
    }
    if (!in->copier)
        TRY(datafile_copier_new(in->files[input], &in->copier, err));
    in->copied = input;
    TRY(datafile_group_copy(g, in->copier, &stretch->blocks, done, err));
    if (*done)
        in->rows[input] += datafile_group_rows(g);
    return SLP_OK;
}

slp_rc compact_inputs_open(struct state_table *table, const struct compact_job *job,
                           size_t prefetch_bytes, struct alloc *mem, struct compact_inputs *out,
                           struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct compact_inputs in = {.mem = mem,
                                .job = job,
                                .columns = &state_table_schema(table)->columns,
                                .prefetch_bytes = prefetch_bytes};
    TRY_OUT(alloc_array(mem, job->input_count, sizeof *in.rows, (void **)&in.rows, err));
    TRY_OUT(alloc_array(mem, job->input_count, sizeof *in.files, (void **)&in.files, err));
    for (size_t i = 0; i < job->input_count; i++)
        TRY_OUT(open_file(table, job, i, mem, &in.files[i], err));
    *out = in;
out:
    if (rc != SLP_OK)
        compact_inputs_close(&in);
    return rc;
}

uint64_t compact_inputs_block_bytes(const struct datafile *f, const struct compact_job *job)
{
    uint64_t rows = (uint64_t)datafile_row_count(f);
    uint64_t blocks = (uint64_t)datafile_block_count(f);
    bool is_one_row = rows == blocks && !job->process;
    return is_one_row ? 0 : datafile_page_bytes(f) / blocks;
}

slp_rc compact_inputs_widest(struct state_table *table, const struct compact_job *job,
                             struct alloc *mem, uint64_t *block_bytes, struct slp_err *err)
{
    struct datafile *f = NULL;
    size_t widest = 0;
    uint64_t row_bytes = 0;
    for (size_t i = 0; i < job->input_count; i++) {
        const struct datafile_info *info = &job->inputs[i].info;
        uint64_t bytes = info->rows > 0 ? info->index_offset / (uint64_t)info->rows : 0;
        widest = bytes > row_bytes ? i : widest;
        row_bytes = bytes > row_bytes ? bytes : row_bytes;
    }
    TRY(open_file(table, job, widest, mem, &f, err));
    *block_bytes = compact_inputs_block_bytes(f, job);
    datafile_close(f);
    return SLP_OK;
}

void compact_inputs_close(struct compact_inputs *in)
{
    if (!in->mem)
        return;
    datafile_copier_free(in->copier);
    for (size_t i = 0; in->files && i < in->job->input_count; i++)
        datafile_close(in->files[i]);
    alloc_free(in->mem, in->files, in->job->input_count * sizeof *in->files);
    alloc_free(in->mem, in->rows, in->job->input_count * sizeof *in->rows);
    *in = (struct compact_inputs){0};
}
