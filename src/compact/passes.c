#include "compact/passes.h"

#include "base/num.h"
#include "compact/reader.h"

#define ARENA_MAX_BYTES ((size_t)256 << 20)

/* With a fan-in of two, a thousand inputs take ten. */
#define PASSES_MAX 64

/* What all passes share. */
struct passes {
    struct state_table *table;
    const struct compact_job *job;
    const struct compact_options *options;
    struct alloc *mem;
    struct arena arena;
};

/* One pass: each file it makes is an input of the next one. */
struct pass {
    struct output **outputs; /* one a file */
    size_t count;
    struct compact_input *files;
    size_t file_count;
};

/* Rows of neighbours in one file. Of rows that were merged before nobody knows where they are
 * from, so who processes rows is not asked: no. */
static bool never(void *context, size_t input, struct key_range range)
{
    (void)context;
    (void)input;
    (void)range;
    return false;
}

/* The questions about inputs [first, ...) of the job. */
struct shifted {
    const struct compact_job *job;
    size_t first;
};

static bool ask_shifted(void *context, size_t input, struct key_range range)
{
    const struct shifted *s = context;
    return s->job->may_copy(s->job->may_copy_context, s->first + input, range);
}

static slp_rc take_files(struct passes *p, struct output *o, struct pass *pass, struct slp_err *err)
{
    struct state_new_file *files = NULL;
    size_t count = 0;
    struct state_name object;
    TRY(output_finish(o, &files, &count, err));
    assert(count <= 1); /* of any size */
    if (count == 0)
        return SLP_OK;
    struct compact_input *input = &pass->files[pass->file_count];
    *input = (struct compact_input){.info = files[0].info,
                                    .range = p->job->range,
                                    .expected_rows = files[0].info.rows,
                                    .form = files[0].stack};
    TRY(state_table_object(p->table, files[0].name, &object, err));
    TRY(arena_copy(&p->arena, state_name_slice(&object), &input->object, err));
    pass->file_count++;
    return SLP_OK;
}

static unsigned pass_form(const struct compact_job *job)
{
    if (!job->process)
        return 0;
    if (stack_engine(process_stack(job->process)) == STACK_BAG)
        return compact_inputs_form(job);
    return STACK_KINDS | STACK_CARRIES;
}

static slp_rc merge_some(struct passes *p, const struct compact_job *job, size_t first, size_t end,
                         struct pass *pass, struct slp_err *err)
{
    struct output **o = &pass->outputs[pass->count];
    struct output_options oo = {.file_bytes = UINT64_MAX,
                                .suffix = slice_str("pass"),
                                .on_group = job->on_group,
                                .on_group_context = job->on_group_context};
    struct shifted shifted = {.job = job, .first = first};
    struct compact_job some = *job;
    /* What is older than these inputs is among the others. Files in between are one each, so their
     * storage columns are those that rows may ever need. */
    some.drops_deletes = false;
    some.least_form = pass_form(job);
    some.inputs = job->inputs + first;
    some.input_count = end - first;
    if (job->may_copy) {
        some.may_copy = ask_shifted;
        some.may_copy_context = &shifted;
    }
    TRY(output_new(p->table, &oo, p->mem, o, err));
    pass->count++;
    TRY(compact_merge_once(p->table, &some, p->options, *o, p->mem, err));
    return take_files(p, *o, pass, err);
}

/* Merge neighbours, so many that all are about as many. */
static slp_rc run_pass(struct passes *p, const struct compact_job *job, size_t fan_in,
                       struct pass *pass, struct slp_err *err)
{
    size_t files = (job->input_count + fan_in - 1) / fan_in;
    void *room = NULL;
    TRY(arena_array(&p->arena, files, sizeof(struct output *), &room, err));
    pass->outputs = (struct output **)room;
    TRY(arena_array(&p->arena, files, sizeof(struct compact_input), &room, err));
    pass->files = room;
    for (size_t i = 0; i < files; i++)
        TRY(merge_some(p, job, job->input_count * i / files, job->input_count * (i + 1) / files,
                       pass, err));
    return SLP_OK;
}

static void drop_pass(struct pass *pass)
{
    for (size_t i = 0; i < pass->count; i++) {
        output_discard(pass->outputs[i]);
        output_free(pass->outputs[i]);
    }
    *pass = (struct pass){0};
}

/* `job` becomes that of the last pass. The files of a pass stay until they were merged. */
static slp_rc merge_in_passes(struct passes *p, size_t fan_in, struct output *out,
                              struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct compact_job job = *p->job;
    struct pass before = {0};
    struct pass now = {0};
    for (int i = 0; i < PASSES_MAX && job.input_count > fan_in; i++) {
        TRY_OUT(run_pass(p, &job, fan_in, &now, err));
        drop_pass(&before);
        before = now;
        now = (struct pass){0};
        job.inputs = before.files;
        job.input_count = before.file_count;
        if (job.may_copy)
            job.may_copy = never;
    }
    if (job.process)
        job.least_form = compact_least_form(&job);
    if (job.input_count > 0)
        rc = compact_merge_once(p->table, &job, p->options, out, p->mem, err);
out:
    drop_pass(&now);
    drop_pass(&before);
    return rc;
}

static slp_rc choose_fan_in(struct passes *p, const struct compact_job *job, size_t *out,
                            struct slp_err *err)
{
    const struct arr_schema *columns = &state_table_schema(p->table)->columns;
    uint64_t block_bytes = 0;
    if (job->input_count > 2)
        TRY(compact_inputs_widest(p->table, job, p->mem, &block_bytes, err));
    *out = compact_fan_in(columns, block_bytes, p->options->memory);
    return SLP_OK;
}

/* What is to be done to the rows of the job's inputs: `job` is a copy. */
static slp_rc bind(struct passes *p, struct compact_job *job, struct process **process,
                   struct slp_err *err)
{
    void *room = NULL;
    TRY(process_open(p->table, p->mem, process, err));
    if (!*process)
        return SLP_OK;
    TRY(arena_array(&p->arena, job->input_count, sizeof *job->inputs, &room, err));
    memcpy(room, job->inputs, job->input_count * sizeof *job->inputs);
    job->inputs = room;
    for (size_t i = 0; i < job->input_count; i++)
        TRY(process_purges(*process, job->inputs[i].mark, job->assigned, &p->arena,
                           &job->inputs[i].purges, &job->inputs[i].purge_count, err));
    job->process = *process;
    job->least_form = compact_least_form(job);
    return SLP_OK;
}

slp_rc compact_merge(struct state_table *table, const struct compact_job *job,
                     const struct compact_options *options, struct output *out, struct alloc *mem,
                     struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct process *process = NULL;
    struct compact_job bound = *job;
    size_t fan_in = 0;
    struct passes p = {.table = table, .job = &bound, .options = options, .mem = mem};
    arena_init(&p.arena, mem, ARENA_MAX_BYTES);
    TRY_OUT(bind(&p, &bound, &process, err));
    TRY_OUT(choose_fan_in(&p, &bound, &fan_in, err));
    if (bound.input_count <= fan_in)
        rc = compact_merge_once(table, &bound, options, out, mem, err);
    else
        rc = merge_in_passes(&p, fan_in, out, err);
    /* The last file ends here: the schema of its columns is the process's. */
    if (rc == SLP_OK && process)
        rc = output_cut(out, err);
out:
    if (process)
        output_drop(out);
    arena_fini(&p.arena);
    process_close(process);
    return rc;
}
