#include "parquet/reader.h"

#include "base/num.h"
#include "parquet/created_by.h"
#include "parquet/nested.h"

/* Metadata in memory is larger than in the file; this holds it for the largest footer in use. */
#define META_MAX_BYTES ((size_t)4 * 1024 * 1024 * 1024)

/* Windows of all columns together aim at this; each has its share between these bounds. */
#define WINDOWS_BYTES    ((size_t)64 * 1024 * 1024)
#define WINDOW_MIN_BYTES ((size_t)64 * 1024)
#define WINDOW_MAX_BYTES ((size_t)1024 * 1024)

/* Batches of wide rows are shorter: this many bytes as the file counts them. */
#define BATCH_BYTES ((uint64_t)64 * 1024 * 1024)

struct pq_file {
    struct alloc *mem;
    struct buf footer;
    struct arena arena;
    struct pq_meta meta;
};

slp_rc pq_file_open(struct source *src, struct alloc *mem, struct pq_file **out,
                    struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct pq_file *f = NULL;
    TRY(alloc_new(mem, &f, err));
    f->mem = mem;
    buf_init(&f->footer, mem, PQ_FOOTER_MAX_BYTES);
    arena_init(&f->arena, mem, META_MAX_BYTES);
    TRY_OUT(pq_footer_read(src, &f->footer, err));
    TRY_OUT(pq_meta_parse(buf_slice(&f->footer), src->size, &f->arena, &f->meta, err));
    *out = f;
out:
    if (rc != SLP_OK)
        pq_file_free(f);
    return err_wrap(err, rc, "file \"%s\"", src->name);
}

void pq_file_free(struct pq_file *f)
{
    if (!f)
        return;
    buf_fini(&f->footer);
    arena_fini(&f->arena);
    alloc_delete(f->mem, f);
}

const struct pq_meta *pq_file_meta(const struct pq_file *f)
{
    return &f->meta;
}

struct reader {
    struct arr_stream base;
    struct alloc *mem;
    const struct pq_meta *meta;
    struct source *src;
    struct arr_schema schema; /* of the chosen columns */
    size_t *columns;          /* their indexes in the file */
    size_t *first_leaves;     /* of each, among the leaves below; and how many leaves */
    size_t *leaves;           /* their indexes in the file */
    size_t leaf_count;
    struct pq_nested *nested;       /* of each column; blank for flat ones */
    struct pq_chunk_reader *chunks; /* of each leaf */
    struct io_range *ranges;
    struct cx_codec *codec;
    size_t window_bytes;
    size_t next_group;
    size_t end_group;
    int64_t batch_rows;
    int64_t group_batch_rows; /* less where rows are wide */
    int64_t rows_left;        /* in the current group */
    slp_rc failed;            /* the stream is of no use after an error */
};

static void close_reader(struct arr_stream *s)
{
    struct reader *r = (struct reader *)s;
    size_t count = r->schema.count;
    for (size_t i = 0; r->chunks && i < r->leaf_count; i++)
        pq_chunk_reader_fini(&r->chunks[i]);
    for (size_t i = 0; r->nested && i < count; i++)
        pq_nested_fini(&r->nested[i]);
    alloc_free(r->mem, r->schema.fields, count * sizeof *r->schema.fields);
    alloc_free(r->mem, r->columns, count * sizeof *r->columns);
    alloc_free(r->mem, r->first_leaves, count * sizeof *r->first_leaves);
    alloc_free(r->mem, r->leaves, r->leaf_count * sizeof *r->leaves);
    alloc_free(r->mem, r->nested, count * sizeof *r->nested);
    alloc_free(r->mem, r->chunks, r->leaf_count * sizeof *r->chunks);
    alloc_free(r->mem, r->ranges, r->leaf_count * sizeof *r->ranges);
    cx_codec_free(r->codec);
    alloc_delete(r->mem, r);
}

/* Rows of one batch such that its bytes, as the file counts them, stay bounded. */
static int64_t rows_of_batch(const struct reader *r, const struct pq_group_meta *g)
{
    uint64_t bytes = 1;
    for (size_t i = 0; i < r->leaf_count; i++) {
        uint64_t more = g->chunks[r->leaves[i]].uncompressed_bytes;
        bytes = more < UINT64_MAX - bytes ? bytes + more : UINT64_MAX;
    }
    uint64_t row_bytes = g->rows > 0 ? bytes / (uint64_t)g->rows + 1 : bytes;
    uint64_t rows = BATCH_BYTES / row_bytes;
    rows = rows ? rows : 1;
    return rows < (uint64_t)r->batch_rows ? (int64_t)rows : r->batch_rows;
}

/* Read the first window of every column in one round. */
static slp_rc begin_group(struct reader *r, struct slp_err *err)
{
    const struct pq_group_meta *g = &r->meta->groups[r->next_group];
    size_t count = 0;
    for (size_t i = 0; i < r->leaf_count; i++) {
        struct io_range range;
        TRY(pq_chunk_begin(&r->chunks[i], &g->chunks[r->leaves[i]], r->window_bytes, &range, err));
        if (range.len)
            r->ranges[count++] = range;
    }
    if (count)
        TRY(source_read(r->src, r->ranges, count, err));
    r->rows_left = g->rows;
    r->group_batch_rows = rows_of_batch(r, g);
    r->next_group++;
    return SLP_OK;
}

static slp_rc fill(struct reader *r, struct arr_batch *out, struct slp_err *err)
{
    while (r->rows_left == 0) {
        slp_rc rc = begin_group(r, err);
        if (rc != SLP_OK)
            return err_wrap(err, rc, "row group %zu", r->next_group);
    }
    int64_t rows = num_min_i64(r->rows_left, r->group_batch_rows);
    for (size_t i = 0; i < r->schema.count; i++) {
        slp_rc rc = SLP_OK;
        if (r->nested[i].node)
            rc = pq_nested_rows(&r->nested[i], rows, rows == r->rows_left, &out->cols[i], err);
        else
            rc = pq_chunk_rows(&r->chunks[r->first_leaves[i]], rows, &out->cols[i], err);
        if (rc != SLP_OK)
            return err_wrap(err, rc, "column \"%s\", row group %zu", r->schema.fields[i].name,
                            r->next_group - 1);
    }
    out->rows = rows;
    r->rows_left -= rows;
    return SLP_OK;
}

/* Are there rows in the current group or in one after it? */
static bool has_more(const struct reader *r)
{
    if (r->rows_left)
        return true;
    for (size_t i = r->next_group; i < r->end_group; i++) {
        if (r->meta->groups[i].rows)
            return true;
    }
    return false;
}

static slp_rc next_batch(struct arr_stream *s, struct arr_batch *out, struct slp_err *err)
{
    struct reader *r = (struct reader *)s;
    if (r->failed != SLP_OK)
        return err_set(err, r->failed, "file \"%s\": reading failed before", r->src->name);
    if (!has_more(r))
        return SLP_DONE;
    if (out->schema)
        arr_batch_clear(out);
    else
        TRY(arr_batch_init(out, r->mem, &r->schema, err));
    r->failed = fill(r, out, err);
    if (r->failed != SLP_OK)
        arr_batch_clear(out);
    return err_wrap(err, r->failed, "file \"%s\"", r->src->name);
}

static const struct arr_stream_ops reader_ops = {.next = next_batch, .close = close_reader};

static slp_rc check_options(const struct pq_meta *m, const struct pq_read_options *o,
                            struct slp_err *err)
{
    if (o->first_group > m->group_count || o->group_count > m->group_count - o->first_group)
        FAIL(err, INVALID, "row groups %zu and %zu more, the file has %zu", o->first_group,
             o->group_count, m->group_count);
    for (size_t i = 0; o->columns && i < o->column_count; i++) {
        if (o->columns[i] >= m->schema.count)
            FAIL(err, INVALID, "column %zu, the file has %zu", o->columns[i], m->schema.count);
    }
    if (o->batch_rows < 0)
        FAIL(err, INVALID, "batches of %lld rows", (long long)o->batch_rows);
    return SLP_OK;
}

/* The leaves of the chosen columns, one column after another. */
static slp_rc choose_leaves(struct reader *r, struct slp_err *err)
{
    const struct pq_meta *m = r->meta;
    size_t leaf_count = 0;
    for (size_t i = 0; i < r->schema.count; i++)
        leaf_count += m->nodes[r->columns[i]].leaf_count;
    TRY(alloc_array(r->mem, leaf_count, sizeof *r->leaves, (void **)&r->leaves, err));
    r->leaf_count = leaf_count;
    size_t at = 0;
    for (size_t i = 0; i < r->schema.count; i++) {
        const struct pq_node *node = &m->nodes[r->columns[i]];
        r->first_leaves[i] = at;
        for (size_t k = 0; k < node->leaf_count; k++)
            r->leaves[at++] = node->first_leaf + k;
    }
    TRY(alloc_array(r->mem, leaf_count, sizeof *r->ranges, (void **)&r->ranges, err));
    return alloc_array(r->mem, leaf_count, sizeof *r->chunks, (void **)&r->chunks, err);
}

static slp_rc choose_columns(struct reader *r, const struct pq_read_options *o, struct slp_err *err)
{
    const struct pq_meta *m = r->meta;
    size_t count = o->columns ? o->column_count : m->schema.count;
    TRY(alloc_array(r->mem, count, sizeof *r->schema.fields, (void **)&r->schema.fields, err));
    r->schema.count = count;
    TRY(alloc_array(r->mem, count, sizeof *r->columns, (void **)&r->columns, err));
    TRY(alloc_array(r->mem, count, sizeof *r->first_leaves, (void **)&r->first_leaves, err));
    TRY(alloc_array(r->mem, count, sizeof *r->nested, (void **)&r->nested, err));
    for (size_t i = 0; i < count; i++) {
        r->columns[i] = o->columns ? o->columns[i] : i;
        r->schema.fields[i] = m->schema.fields[r->columns[i]];
    }
    TRY(choose_leaves(r, err));
    struct pq_faults faults = pq_faults_of(m->created_by);
    for (size_t i = 0; i < r->leaf_count; i++) {
        pq_chunk_reader_init(&r->chunks[i], r->mem, &m->columns[r->leaves[i]], r->src, r->codec,
                             !o->skip_crc);
        r->chunks[i].mends_v2 = faults.compresses_v2;
        r->chunks[i].scratch.carries_strings = faults.carries_strings;
    }
    for (size_t i = 0; i < count; i++) {
        const struct pq_node *node = &m->nodes[r->columns[i]];
        if (node->field->child_count)
            TRY(pq_nested_init(&r->nested[i], r->mem, node, &r->chunks[r->first_leaves[i]], err));
    }
    size_t share = WINDOWS_BYTES / num_max_size(r->leaf_count, 1);
    r->window_bytes = num_max_size(num_min_size(share, WINDOW_MAX_BYTES), WINDOW_MIN_BYTES);
    return SLP_OK;
}

slp_rc pq_read(const struct pq_file *f, struct source *src, const struct pq_read_options *options,
               struct alloc *mem, struct arr_stream **out, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct reader *r = NULL;
    TRY(check_options(&f->meta, options, err));
    TRY(alloc_new(mem, &r, err));
    *r = (struct reader){
        .base = {.ops = &reader_ops},
        .mem = mem,
        .meta = &f->meta,
        .src = src,
        .next_group = options->first_group,
        .end_group = options->group_count ? options->first_group + options->group_count
                                          : f->meta.group_count,
        .batch_rows = options->batch_rows ? options->batch_rows : PQ_BATCH_ROWS_DEFAULT,
    };
    r->base.schema = &r->schema;
    TRY_OUT(cx_codec_new(mem, &r->codec, err));
    TRY_OUT(choose_columns(r, options, err));
    *out = &r->base;
out:
    if (rc != SLP_OK)
        close_reader(&r->base);
    return rc;
}
