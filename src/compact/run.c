#include "compact/run.h"

#include <inttypes.h>

#include "base/num.h"
#include "merge/merge.h"

#define PREFETCH_MIN_BYTES ((size_t)64 << 10)
#define PREFETCH_MAX_BYTES ((size_t)4 << 20)
#define READ_BATCH_ROWS    16384

/* A run that counts the rows it hands on and compares them with what the state says. */
struct counted_run {
    struct run base;
    struct alloc *mem;
    struct run *inner;
    struct datafile *file;
    const struct compact_input *input;
    int64_t rows;
    int64_t *sum; /* of all inputs of the job */
};

static slp_rc counted_next(struct run *r, struct run_block *out, struct slp_err *err)
{
    struct counted_run *c = (struct counted_run *)(void *)r;
    slp_rc rc = run_next(c->inner, out, err);
    if (rc == SLP_OK) {
        c->rows += out->batch->rows;
        *c->sum += out->batch->rows;
        return SLP_OK;
    }
    int64_t expected = c->input->expected_rows;
    if (rc == SLP_DONE && expected >= 0 && c->rows != expected)
        FAIL(err, CORRUPT,
             "data file \"%.*s\": %" PRId64 " rows in its interval, the log says %" PRId64
             "; run check",
             SLICE_ARG(c->input->object), c->rows, expected);
    return rc;
}

static void counted_close(struct run *r)
{
    struct counted_run *c = (struct counted_run *)(void *)r;
    run_close(c->inner);
    datafile_close(c->file);
    alloc_delete(c->mem, c);
}

/* What opening inputs needs. */
struct opening {
    struct state_table *table;
    struct alloc *mem;
    size_t prefetch_bytes;
    int64_t *sum;
};

static slp_rc open_counted(const struct opening *o, const struct compact_input *input,
                           struct counted_run *c, struct slp_err *err)
{
    struct source *src = NULL;
    struct store *store = state_instance_store(state_table_instance(o->table));
    struct datafile_read_options options = {
        .range = input->range, .prefetch_bytes = o->prefetch_bytes, .batch_rows = READ_BATCH_ROWS};
    slp_rc rc = store_open(store, input->object, o->mem, &src, err);
    if (rc == SLP_NOT_FOUND)
        FAIL(err, CORRUPT, "data file \"%.*s\": the log names it and it is not there; run check",
             SLICE_ARG(input->object));
    TRY(rc);
    TRY(datafile_open(o->mem, src, &input->info, state_table_schema(o->table),
                      state_table_key_spec(o->table), &c->file, err));
    return datafile_read(c->file, &options, &c->inner, NULL, err);
}

static slp_rc open_input(const struct opening *o, const struct compact_input *input,
                         struct run **out, struct slp_err *err)
{
    static const struct run_ops ops = {.next = counted_next, .close = counted_close};
    struct counted_run *c = NULL;
    TRY(alloc_new(o->mem, &c, err));
    c->base.ops = &ops;
    c->mem = o->mem;
    c->input = input;
    c->sum = o->sum;
    slp_rc rc = open_counted(o, input, c, err);
    if (rc != SLP_OK) {
        counted_close(&c->base);
        return rc;
    }
    *out = &c->base;
    return SLP_OK;
}

static slp_rc open_inputs(const struct opening *o, const struct compact_job *job, struct run **runs,
                          struct slp_err *err)
{
    for (size_t i = 0; i < job->input_count; i++) {
        slp_rc rc = open_input(o, &job->inputs[i], &runs[i], err);
        if (rc != SLP_OK) {
            while (i-- > 0)
                run_close(runs[i]);
            return rc;
        }
    }
    return SLP_OK;
}

static slp_rc open_merge(const struct opening *o, const struct compact_job *job, struct merge **out,
                         struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct run **runs = NULL;
    const struct arr_schema *columns = &state_table_schema(o->table)->columns;
    TRY(alloc_array(o->mem, job->input_count, sizeof(struct run *), (void **)&runs, err));
    TRY_OUT(open_inputs(o, job, runs, err));
    rc = merge_new(o->mem, columns, runs, job->input_count, out, err);
out:
    alloc_free(o->mem, runs, job->input_count * sizeof(struct run *));
    return rc;
}

/* Fill one group from the merge. DONE when nothing came. */
static slp_rc fill_group(struct merge *merge, struct output *out, struct arr_batch *rows,
                         struct key_vec *keys, struct slp_err *err)
{
    while (rows->rows < output_group_rows(out)) {
        size_t held = arr_batch_memory(rows);
        if (held >= output_group_bytes(out))
            break;
        slp_rc rc = merge_next(merge, output_group_rows(out) - rows->rows, output_group_bytes(out),
                               rows, keys, err);
        if (rc == SLP_DONE)
            return rows->rows ? SLP_OK : SLP_DONE;
        TRY(rc);
    }
    return SLP_OK;
}

static slp_rc pump(struct state_table *table, struct merge *merge,
                   const struct compact_options *options, struct output *out, struct alloc *mem,
                   struct slp_err *err)
{
    const struct arr_schema *columns = &state_table_schema(table)->columns;
    for (;;) {
        struct arr_batch rows = {0};
        struct key_vec keys;
        if (options->cancel && *options->cancel)
            FAIL(err, CANCELLED, "cancelled");
        TRY(arr_batch_init(&rows, mem, columns, err));
        key_vec_init(&keys, mem, SIZE_MAX / 2);
        slp_rc rc = fill_group(merge, out, &rows, &keys, err);
        if (rc == SLP_OK)
            rc = output_take(out, &rows, &keys, err);
        arr_batch_fini(&rows);
        key_vec_fini(&keys);
        if (rc == SLP_DONE)
            return SLP_OK;
        TRY(rc);
    }
}

slp_rc compact_merge(struct state_table *table, const struct compact_job *job,
                     const struct compact_options *options, struct output *out, struct alloc *mem,
                     struct slp_err *err)
{
    int64_t sum = 0;
    struct merge *merge = NULL;
    struct opening o = {.table = table, .mem = mem, .sum = &sum};
    size_t share = options->memory / 4 / num_max_size(job->input_count, 1);
    o.prefetch_bytes = num_max_size(num_min_size(share, PREFETCH_MAX_BYTES), PREFETCH_MIN_BYTES);
    TRY(open_merge(&o, job, &merge, err));
    slp_rc rc = pump(table, merge, options, out, mem, err);
    merge_free(merge);
    TRY(rc);
    if (sum != output_rows(out))
        FAIL(err, CORRUPT, "%" PRId64 " rows were read and %" PRId64 " written", sum,
             output_rows(out));
    return SLP_OK;
}
