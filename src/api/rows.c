#include "rows/rows.h"

#include "api/fn_sink.h"
#include "api/instance.h"
#include "api/parquet_options.h"
#include "arrow/cdata.h"
#include "arrow/dictionary.h"
#include "predicate/pick.h"

#define FILTER_MAX_BYTES ((size_t)256 << 20)

/* Options of a file that is written, of 20,000 columns at most. */
#define OPTIONS_MAX_BYTES ((size_t)16 << 20)

slp_rc api_rows_wrap(struct alloc *mem, struct arr_stream *stream, struct slp_rows **out,
                     struct slp_err *err)
{
    struct slp_rows *rows = NULL;
    slp_rc rc = alloc_new(mem, &rows, err);
    if (rc != SLP_OK) {
        arr_stream_close(stream);
        return rc;
    }
    rows->mem = mem;
    rows->stream = stream;
    *out = rows;
    return SLP_OK;
}

void slp_rows_close(struct slp_rows *rows)
{
    if (!rows)
        return;
    arr_stream_close(rows->stream);
    alloc_delete(rows->mem, rows);
}

slp_rc slp_rows_stream(struct slp_rows *rows, struct ArrowArrayStream *out, struct slp_err *err)
{
    TRY(arr_export_stream(rows->stream, rows->mem, out, err));
    alloc_delete(rows->mem, rows);
    return SLP_OK;
}

/* ---- Filtering ---- */

struct filter {
    struct arr_stream base;
    struct alloc *mem;
    struct arena arena;
    struct arr_stream *below;
    const struct pred *pred;
    struct arr_batch batch;
    struct pred_picker picker;
};

static void filter_close(struct arr_stream *stream)
{
    struct filter *f = (struct filter *)(void *)stream;
    arr_batch_fini(&f->batch); /* its columns have the schema of the stream below */
    arr_stream_close(f->below);
    pred_picker_fini(&f->picker);
    arena_fini(&f->arena);
    alloc_delete(f->mem, f);
}

static slp_rc keep_true(struct filter *f, struct arr_batch *out, struct slp_err *err)
{
    const struct pred_picker *p = &f->picker;
    TRY(pred_pick(&f->picker, f->pred, &f->batch, INT64_MAX, err));
    for (size_t c = 0; c < f->base.schema->count; c++) {
        arr_col_share_dictionary(&out->cols[c], &f->batch.cols[c]);
        TRY(arr_col_append_picked(&out->cols[c], &f->batch.cols[c], p->rows, p->count, err));
    }
    out->rows = p->count;
    return SLP_OK;
}

static slp_rc filter_next(struct arr_stream *stream, struct arr_batch *out, struct slp_err *err)
{
    struct filter *f = (struct filter *)(void *)stream;
    if (!out->cols)
        TRY(arr_batch_init(out, f->mem, f->base.schema, err));
    arr_batch_clear(out);
    while (out->rows == 0) {
        slp_rc rc = arr_stream_next(f->below, &f->batch, err);
        if (rc != SLP_OK)
            return rc;
        TRY(keep_true(f, out, err));
    }
    return SLP_OK;
}

slp_rc slp_rows_where(struct slp_rows **rows, const char *where, struct slp_err *err)
{
    static const struct arr_stream_ops ops = {.next = filter_next, .close = filter_close};
    struct alloc *mem = (*rows)->mem;
    struct filter *f = NULL;
    TRY(alloc_new(mem, &f, err));
    f->mem = mem;
    f->base.ops = &ops;
    f->base.schema = (*rows)->stream->schema;
    arena_init(&f->arena, mem, FILTER_MAX_BYTES);
    pred_picker_init(&f->picker, mem);
    slp_rc rc = pred_compile(slice_str(where), f->base.schema, NULL, 0, &f->arena, &f->pred, err);
    if (rc != SLP_OK) {
        filter_close(&f->base);
        return rc;
    }
    f->below = (*rows)->stream;
    (*rows)->stream = &f->base;
    return SLP_OK;
}

/* ---- Writing ---- */

/* The writers read values where they lie. */
static slp_rc write_batch(struct rows_output *output, struct arr_batch *batch, struct slp_err *err)
{
    for (size_t i = 0; i < batch->schema->count; i++)
        TRY(arr_col_decode_dictionary(&batch->cols[i], err));
    return rows_output_batch(output, batch, err);
}

slp_rc slp_rows_write(struct slp_rows *rows, const struct slp_output_options *options,
                      slp_write_fn write, void *context, int64_t *row_count, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct fn_sink sink;
    struct rows_output_options o = {.format = ROWS_CSV};
    struct rows_output *output = NULL;
    struct arr_batch batch = {0};
    struct arena arena = {0};
    int64_t count = 0;
    api_fn_sink_init(&sink, write, context);
    if (options) {
        o.no_header = options->no_header;
        o.width = options->width;
        o.human = options->human;
    }
    if (options && options->format)
        TRY(rows_format_parse(slice_str(options->format), &o.format, err));
    arena_init(&arena, rows->mem, OPTIONS_MAX_BYTES);
    if (options && options->parquet)
        TRY_OUT(api_parquet_options(options->parquet, rows->stream->schema, &arena, &o, err));
    TRY_OUT(rows_output_new(rows->mem, &sink.base, rows->stream->schema, &o, &output, err));
    for (;;) {
        rc = arr_stream_next(rows->stream, &batch, err);
        if (rc == SLP_DONE)
            break;
        if (rc != SLP_OK)
            goto out;
        TRY_OUT(write_batch(output, &batch, err));
        count += batch.rows;
    }
    TRY_OUT(rows_output_finish(output, err));
    if (row_count)
        *row_count = count;
out:
    arr_batch_fini(&batch);
    rows_output_free(output);
    arena_fini(&arena);
    return rc;
}
