#include <inttypes.h>

#include "base/num.h"
#include "merge/merge.h"
#include "predicate/pick.h"
#include "query/files.h"
#include "query/plan.h"

#define MEMORY_DEFAULT     ((size_t)64 << 20)
#define PREFETCH_MIN_BYTES ((size_t)64 << 10)
#define PREFETCH_MAX_BYTES ((size_t)4 << 20)
#define BATCH_ROWS         16384
#define BATCH_BYTES        ((size_t)8 << 20)

/*
 * A scan in progress. Exactly one of `run` and `merge` is open while a piece has rows: one part
 * needs no merge.
 */
struct scan {
    struct arr_stream base;
    struct plan plan;
    struct files files;
    struct alloc *mem;
    size_t prefetch_bytes;
    bool is_lookup;
    int64_t left; /* rows that may still be given */
    uint64_t max_rows;
    uint64_t max_bytes;
    uint64_t given;
    const volatile int *cancel;
    struct query_counts *counts;
    size_t piece; /* the next one */
    struct run *run;
    struct merge *merge;
    struct arr_batch merged;
    struct pred_picker picker;
};

static void close_piece(struct scan *s)
{
    run_close(s->run);
    s->run = NULL;
    merge_free(s->merge);
    s->merge = NULL;
}

/* Apply what the part's file is due and bring it into the form of all. Takes the run. */
static slp_rc process_part(struct scan *s, const struct plan_part *part, struct run *run,
                           struct run **out, struct slp_err *err)
{
    const struct plan_file *file = &s->plan.files[part->file];
    struct stack_input how = {.form = file->form,
                              .to_form = s->plan.form,
                              .purges = file->purges,
                              .purge_count = file->purge_count};
    *out = run;
    if (!s->plan.process || stack_input_is_identity(how.form, how.to_form, how.purge_count))
        return SLP_OK;
    return stack_input(process_stack(s->plan.process), s->mem, &how, run, out, err);
}

/* Blank columns in place of those that are not read. Takes the run. */
static slp_rc spread_part(struct scan *s, unsigned form, struct run *run, struct run **out,
                          struct slp_err *err)
{
    const struct plan_columns *read = &s->plan.stored[form];
    const struct schema *stored = NULL;
    *out = run;
    if (!read->columns)
        return SLP_OK;
    slp_rc rc = process_schema(s->files.table, s->plan.process, form, &stored, err);
    if (rc != SLP_OK) {
        run_close(run);
        return rc;
    }
    return stack_spread(s->mem, &stored->columns, read->columns, read->count, run, out, err);
}

static slp_rc open_part(struct scan *s, const struct plan_part *part, struct run **out,
                        struct slp_err *err)
{
    struct run *run = NULL;
    struct datafile *file = NULL;
    unsigned form = s->plan.files[part->file].form;
    const struct plan_columns *stored = &s->plan.stored[form];
    TRY(query_files_get(&s->files, part->file, &file, err));
    struct datafile_read_options o = {
        .range = part->range,
        .columns = s->plan.columns ? s->plan.columns : stored->columns,
        .column_count = s->plan.columns ? s->plan.column_count : stored->count,
        .prefetch_bytes = s->is_lookup ? 0 : s->prefetch_bytes,
        .batch_rows = s->is_lookup ? 0 : BATCH_ROWS};
    TRY(datafile_read(file, &o, &run, NULL, err));
    TRY(spread_part(s, form, run, &run, err));
    return process_part(s, part, run, out, err);
}

static slp_rc open_parts(struct scan *s, const struct plan_piece *piece, struct run **runs,
                         struct slp_err *err)
{
    for (size_t i = 0; i < piece->part_count; i++) {
        slp_rc rc = open_part(s, &piece->parts[i], &runs[i], err);
        if (rc != SLP_OK) {
            while (i-- > 0)
                run_close(runs[i]);
            return rc;
        }
    }
    return SLP_OK;
}

/* Runs as they are stored become what the caller is to see. Takes them. */
static slp_rc open_processed(struct scan *s, struct run **runs, size_t count, struct slp_err *err)
{
    const struct plan *plan = &s->plan;
    const struct schema *stored = NULL;
    struct run *run = NULL;
    TRY(process_schema(s->files.table, plan->process, plan->form, &stored, err));
    TRY(stack_merge(s->mem, &stored->columns, runs, count, &run, err));
    if (plan->process) {
        struct stack_options o = {
            .mode = STACK_QUERY, .form = plan->form, .now_ms = process_now_ms(plan->process)};
        TRY(stack_open(process_stack(plan->process), s->mem, &o, run, &run, err));
    }
    if (plan->iters)
        TRY(stack_iters_open(plan->iters, s->mem, run, &run, err));
    s->run = run;
    return SLP_OK;
}

static slp_rc open_merge(struct scan *s, const struct plan_piece *piece, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct run **runs = NULL;
    if (piece->part_count > MERGE_INPUTS_MAX)
        FAIL(err, LIMIT,
             "%zu runs overlap in one partition and at most %u can be merged; run compact",
             piece->part_count, MERGE_INPUTS_MAX);
    TRY(alloc_array(s->mem, piece->part_count, sizeof(struct run *), (void **)&runs, err));
    TRY_OUT(open_parts(s, piece, runs, err));
    if (s->plan.is_processed)
        rc = open_processed(s, runs, piece->part_count, err);
    else
        rc = merge_new(s->mem, &s->plan.read_schema, runs, piece->part_count, &s->merge, err);
out:
    alloc_free(s->mem, runs, piece->part_count * sizeof(struct run *));
    return rc;
}

static slp_rc open_piece(struct scan *s, struct slp_err *err)
{
    const struct plan_piece *piece = &s->plan.pieces[s->piece++];
    query_files_trim(&s->files);
    if (piece->part_count == 1 && !s->plan.is_processed)
        return open_part(s, &piece->parts[0], &s->run, err);
    return open_merge(s, piece, err);
}

/* The next batch of what is read, before the predicate; borrowed until the next call. */
static slp_rc next_read(struct scan *s, const struct arr_batch **out, struct slp_err *err)
{
    for (;;) {
        slp_rc rc = SLP_DONE;
        if (s->cancel && *s->cancel)
            FAIL(err, CANCELLED, "cancelled");
        if (s->run) {
            struct run_block block = {0};
            rc = run_next(s->run, &block, err);
            *out = block.batch;
        } else if (s->merge) {
            arr_batch_clear(&s->merged);
            rc = merge_next(s->merge, BATCH_ROWS, BATCH_BYTES, &s->merged, NULL, err);
            *out = &s->merged;
        }
        if (rc != SLP_DONE)
            return rc;
        close_piece(s);
        if (s->piece == s->plan.piece_count)
            return SLP_DONE;
        TRY(open_piece(s, err));
    }
}

/* Append the rows that count to `out`: those for which the predicate is TRUE, up to the limit. */
static slp_rc give_filtered(struct scan *s, const struct arr_batch *read, struct arr_batch *out,
                            struct slp_err *err)
{
    const struct pred_picker *p = &s->picker;
    TRY(pred_pick(&s->picker, s->plan.pred, read, s->left, err));
    for (size_t c = 0; c < s->plan.given_count; c++)
        TRY(arr_col_append_picked(&out->cols[c], &read->cols[s->plan.given[c]], p->rows, p->count,
                                  err));
    out->rows += p->count;
    return SLP_OK;
}

static slp_rc give_all(struct scan *s, const struct arr_batch *read, struct arr_batch *out,
                       struct slp_err *err)
{
    int64_t count = num_min_i64(read->rows, s->left);
    for (size_t c = 0; c < s->plan.given_count; c++)
        TRY(arr_col_append_run(&out->cols[c], &read->cols[s->plan.given[c]], 0, count, err));
    out->rows += count;
    return SLP_OK;
}

static slp_rc check_limits(struct scan *s, struct slp_err *err)
{
    if (s->max_rows && s->given > s->max_rows)
        FAIL(err, LIMIT, "the answer has more than the %" PRIu64 " rows that --max-rows allows",
             s->max_rows);
    if (s->max_bytes && query_files_data_bytes(&s->files) > s->max_bytes)
        FAIL(err, LIMIT, "more than the %" PRIu64 " bytes that --max-bytes allows would be read",
             s->max_bytes);
    return SLP_OK;
}

static slp_rc scan_next(struct arr_stream *stream, struct arr_batch *out, struct slp_err *err)
{
    struct scan *s = (struct scan *)(void *)stream;
    if (!out->cols)
        TRY(arr_batch_init(out, s->mem, &s->plan.given_schema, err));
    arr_batch_clear(out);
    while (out->rows == 0) {
        const struct arr_batch *read = NULL;
        if (s->left == 0)
            return SLP_DONE;
        slp_rc rc = next_read(s, &read, err);
        if (rc != SLP_OK)
            return rc;
        TRY(s->plan.pred ? give_filtered(s, read, out, err) : give_all(s, read, out, err));
        s->given += (uint64_t)out->rows;
        TRY(check_limits(s, err));
    }
    s->left -= out->rows;
    return SLP_OK;
}

static void scan_close(struct arr_stream *stream)
{
    struct scan *s = (struct scan *)(void *)stream;
    close_piece(s);
    query_files_fini(&s->files);
    if (s->counts) {
        s->counts->index_bytes += s->files.counts.index_bytes;
        s->counts->data_bytes += s->files.counts.data_bytes;
        s->counts->files_read += s->files.counts.files_read;
        s->counts->files_considered += s->plan.considered;
    }
    arr_batch_fini(&s->merged);
    pred_picker_fini(&s->picker);
    query_plan_fini(&s->plan);
    alloc_delete(s->mem, s);
}

/* The most parts of one piece: they share the memory for read-ahead. */
static size_t most_parts(const struct plan *plan)
{
    size_t most = 1;
    for (size_t i = 0; i < plan->piece_count; i++)
        most = num_max_size(most, plan->pieces[i].part_count);
    return most;
}

static void set_options(struct scan *s, const struct query_options *o)
{
    size_t memory = o->memory ? o->memory : MEMORY_DEFAULT;
    size_t share = memory / most_parts(&s->plan);
    s->prefetch_bytes = num_max_size(num_min_size(share, PREFETCH_MAX_BYTES), PREFETCH_MIN_BYTES);
    s->is_lookup = o->is_lookup;
    s->left = o->limit == 0 ? INT64_MAX : num_max_i64(o->limit, 0);
    s->max_rows = o->max_rows;
    s->max_bytes = o->max_bytes;
    s->cancel = o->cancel;
    s->counts = o->counts;
}

static slp_rc scan_new(struct state_table *table, const struct query_options *options,
                       bool count_only, struct alloc *mem, struct scan **out, struct slp_err *err)
{
    static const struct arr_stream_ops ops = {.next = scan_next, .close = scan_close};
    slp_rc rc = SLP_OK;
    struct scan *s = NULL;
    TRY(alloc_new(mem, &s, err));
    s->mem = mem;
    pred_picker_init(&s->picker, mem);
    rc = query_plan_make(table, options, count_only, mem, &s->plan, err);
    if (rc != SLP_OK) {
        alloc_delete(mem, s);
        return rc;
    }
    s->base.ops = &ops;
    s->base.schema = &s->plan.given_schema;
    set_options(s, options);
    rc = arr_batch_init(&s->merged, mem, &s->plan.read_schema, err);
    if (rc == SLP_OK)
        rc = query_files_init(&s->files, table, &s->plan, mem, err);
    if (rc != SLP_OK) {
        scan_close(&s->base);
        return rc;
    }
    *out = s;
    return SLP_OK;
}

slp_rc query_scan(struct state_table *table, const struct query_options *options, struct alloc *mem,
                  struct arr_stream **out, struct slp_err *err)
{
    struct scan *s = NULL;
    TRY(scan_new(table, options, false, mem, &s, err));
    *out = &s->base;
    return SLP_OK;
}

/* ---- Counting ---- */

static slp_rc count_block(struct scan *s, const struct arr_batch *read, int64_t *sum,
                          struct slp_err *err)
{
    if (s->plan.pred)
        TRY(pred_pick(&s->picker, s->plan.pred, read, INT64_MAX, err));
    *sum += s->plan.pred ? s->picker.count : read->rows;
    return SLP_OK;
}

/* All rows between two keys count: the file's key index knows how many, but for a key page at each. */
static slp_rc count_between(struct scan *s, const struct plan_part *part, int64_t *sum,
                            struct slp_err *err)
{
    struct datafile *file = NULL;
    int64_t first = 0;
    int64_t end = s->plan.files[part->file].info.rows;
    TRY(query_files_get(&s->files, part->file, &file, err));
    TRY(datafile_lower_bound(file, part->range.lo, &first, err));
    if (part->range.has_hi)
        TRY(datafile_lower_bound(file, part->range.hi, &end, err));
    *sum += num_max_i64(end - first, 0);
    return check_limits(s, err);
}

static slp_rc count_part(struct scan *s, const struct plan_part *part, int64_t *sum,
                         struct slp_err *err)
{
    if (!s->plan.pred && part->known_rows >= 0) {
        *sum += part->known_rows;
        return SLP_OK;
    }
    query_files_trim(&s->files);
    if (!s->plan.pred && s->plan.files[part->file].purge_count == 0)
        return count_between(s, part, sum, err);
    TRY(open_part(s, part, &s->run, err));
    for (;;) {
        struct run_block block = {0};
        if (s->cancel && *s->cancel)
            FAIL(err, CANCELLED, "cancelled");
        slp_rc rc = run_next(s->run, &block, err);
        if (rc == SLP_DONE)
            break;
        TRY(rc);
        TRY(count_block(s, block.batch, sum, err));
        TRY(check_limits(s, err));
    }
    run_close(s->run);
    s->run = NULL;
    return SLP_OK;
}

/* Rows that nobody knows before they are read. */
static slp_rc count_processed(struct scan *s, int64_t *sum, struct slp_err *err)
{
    for (;;) {
        const struct arr_batch *read = NULL;
        slp_rc rc = next_read(s, &read, err);
        if (rc == SLP_DONE)
            return SLP_OK;
        TRY(rc);
        TRY(count_block(s, read, sum, err));
        TRY(check_limits(s, err));
    }
}

slp_rc query_count(struct state_table *table, const struct query_options *options,
                   struct alloc *mem, int64_t *out, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct scan *s = NULL;
    int64_t sum = 0;
    TRY(scan_new(table, options, true, mem, &s, err));
    if (s->plan.is_processed)
        TRY_OUT(count_processed(s, &sum, err));
    for (size_t i = 0; i < s->plan.piece_count && !s->plan.is_processed; i++)
        for (size_t j = 0; j < s->plan.pieces[i].part_count; j++)
            TRY_OUT(count_part(s, &s->plan.pieces[i].parts[j], &sum, err));
    sum = options->limit ? num_min_i64(sum, num_max_i64(options->limit, 0)) : sum;
    if (options->max_rows && (uint64_t)sum > options->max_rows)
        FAIL_OUT(err, LIMIT, "there are %" PRId64 " rows, more than --max-rows allows", sum);
    *out = sum;
out:
    scan_close(&s->base);
    return rc;
}
