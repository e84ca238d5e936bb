#include "rows/rows_priv.h"

/* Text goes to the sink in pieces of about this size; one value may make a piece larger. */
#define PIECE_BYTES ((size_t)64 * 1024)

/* The largest row of text: every value of it may be as long as a batch can hold. */
#define TEXT_MAX_BYTES ((size_t)1 << 40)

static const rows_writer_fn writers[] = {
    [ROWS_PARQUET] = rows_parquet_writer, [ROWS_CSV] = rows_text_writer,
    [ROWS_TSV] = rows_text_writer,        [ROWS_NDJSON] = rows_text_writer,
    [ROWS_JSON] = rows_text_writer,       [ROWS_ARROW] = rows_arrow_writer,
    [ROWS_TABLE] = rows_table_writer,     [ROWS_MARKDOWN] = rows_text_writer,
};

slp_rc rows_output_new(struct alloc *mem, struct sink *sink, const struct arr_schema *schema,
                       const struct rows_output_options *options, struct rows_output **out,
                       struct slp_err *err)
{
    struct rows_output from = {.mem = mem, .sink = sink, .schema = schema, .options = *options};
    if (options->format == ROWS_AUTO)
        FAIL(err, INVALID,
             "no output format; expected csv, tsv, json, ndjson, markdown, table, "
             "arrow or parquet");
    assert((size_t)options->format < sizeof writers / sizeof writers[0]);
    return writers[options->format](&from, out, err);
}

void rows_output_init(struct rows_output *o, const struct rows_output_ops *ops,
                      const struct rows_output *from)
{
    *o = *from;
    o->ops = ops;
    buf_init(&o->out, o->mem, TEXT_MAX_BYTES);
}

void rows_output_free(struct rows_output *o)
{
    if (!o)
        return;
    buf_fini(&o->out);
    o->ops->free(o);
}

slp_rc rows_output_batch(struct rows_output *o, const struct arr_batch *batch, struct slp_err *err)
{
    assert(batch->schema->count == o->schema->count);
    return o->ops->batch(o, batch, err);
}

slp_rc rows_output_finish(struct rows_output *o, struct slp_err *err)
{
    TRY(o->ops->finish(o, err));
    return rows_output_flush(o, err);
}

slp_rc rows_output_flush(struct rows_output *o, struct slp_err *err)
{
    if (o->out.len == 0)
        return SLP_OK;
    TRY(sink_write(o->sink, o->out.ptr, o->out.len, err));
    buf_clear(&o->out);
    return SLP_OK;
}

slp_rc rows_output_spill(struct rows_output *o, struct slp_err *err)
{
    return o->out.len < PIECE_BYTES ? SLP_OK : rows_output_flush(o, err);
}
