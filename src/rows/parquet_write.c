#include "base/num.h"
#include "parquet/writer.h"
#include "rows/arrow_schema.h"
#include "rows/rows_priv.h"

/* A row group is closed at this many rows or about this many bytes in memory. */
#define GROUP_ROWS  1000000
#define GROUP_BYTES ((size_t)64 << 20)

/* Rows of a block: every column begins a page there. */
#define BLOCK_ROWS 32768

struct parquet_output {
    struct rows_output base; /* first */
    struct pq_write_options options;
    struct pq_writer *writer;
    struct pq_group *group;
    struct arr_batch pending; /* rows of the next row group */
    int64_t group_rows;
    int64_t block_rows;
};

/* Keys that came with the columns, and ARROW:schema, of ours if none came. */
static slp_rc write_keys(struct parquet_output *o, struct slp_err *err)
{
    const struct arr_schema *schema = o->base.schema;
    bool has_schema = false;
    for (size_t i = 0; i < schema->pair_count; i++) {
        const struct arr_pair *pair = &schema->pairs[i];
        has_schema = has_schema || slice_is(pair->key, ROWS_ARROW_SCHEMA_KEY);
        TRY(pq_writer_key_value(o->writer, pair->key, pair->value, err));
    }
    if (has_schema)
        return SLP_OK;
    slp_rc rc = rows_arrow_schema_make(schema, o->base.mem, &o->base.out, err);
    if (rc == SLP_UNSUPPORTED)
        return SLP_OK; /* it is advice */
    if (rc == SLP_OK)
        rc = pq_writer_key_value(o->writer, slice_str(ROWS_ARROW_SCHEMA_KEY),
                                 buf_slice(&o->base.out), err);
    buf_clear(&o->base.out);
    return rc;
}

static slp_rc write_group(struct parquet_output *o, struct slp_err *err)
{
    TRY(pq_writer_rows(o->writer, o->group, &o->pending, o->block_rows, err));
    arr_batch_clear(&o->pending);
    return SLP_OK;
}

static slp_rc parquet_batch(struct rows_output *base, const struct arr_batch *b,
                            struct slp_err *err)
{
    struct parquet_output *o = (struct parquet_output *)base;
    if (arr_batch_memory(&o->pending) + arr_batch_memory(b) > GROUP_BYTES)
        TRY(write_group(o, err));
    for (int64_t at = 0; at < b->rows;) {
        int64_t room = o->group_rows - o->pending.rows;
        int64_t rows = num_min_i64(room, b->rows - at);
        TRY(arr_batch_append_run(&o->pending, b, at, rows, err));
        at += rows;
        if (rows == room)
            TRY(write_group(o, err));
    }
    return SLP_OK;
}

static slp_rc parquet_finish(struct rows_output *base, struct slp_err *err)
{
    struct parquet_output *o = (struct parquet_output *)base;
    TRY(write_group(o, err));
    TRY(write_keys(o, err));
    return pq_writer_finish(o->writer, NULL, NULL, err);
}

static void parquet_free(struct rows_output *base)
{
    struct parquet_output *o = (struct parquet_output *)base;
    arr_batch_fini(&o->pending);
    pq_group_free(o->group);
    pq_writer_free(o->writer);
    alloc_delete(base->mem, o);
}

slp_rc rows_parquet_writer(const struct rows_output *from, struct rows_output **out,
                           struct slp_err *err)
{
    static const struct rows_output_ops ops = {
        .batch = parquet_batch, .finish = parquet_finish, .free = parquet_free};
    slp_rc rc = SLP_OK;
    struct parquet_output *o = NULL;
    TRY(alloc_new(from->mem, &o, err));
    rows_output_init(&o->base, &ops, from);
    pq_write_options_init(&o->options);
    if (from->options.parquet)
        o->options = *from->options.parquet;
    o->group_rows = from->options.group_rows ? from->options.group_rows : GROUP_ROWS;
    o->block_rows = from->options.block_rows ? from->options.block_rows : BLOCK_ROWS;
    TRY_OUT(arr_batch_init(&o->pending, from->mem, from->schema, err));
    TRY_OUT(pq_group_new(from->mem, from->schema, &o->options, &o->group, err));
    TRY_OUT(pq_writer_new(from->mem, from->sink, from->schema, &o->options, &o->writer, err));
    *out = &o->base;
out:
    if (rc != SLP_OK)
        rows_output_free(&o->base);
    return rc;
}
