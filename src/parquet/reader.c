#include "parquet/reader.h"

#include <inttypes.h>

#include "base/num.h"
#include "parquet/group_read.h"
#include "parquet/spans.h"

/* Metadata in memory is larger than in the file; this holds it for the largest footer in use. */
#define META_MAX_BYTES ((size_t)4 * 1024 * 1024 * 1024)

struct pq_file {
    struct alloc *mem;
    struct buf footer;
    struct arena arena;
    struct pq_meta meta;
};

slp_rc pq_file_open(struct source *src, struct alloc *mem, struct pq_file **out,
                    struct slp_err *err)
{
    return pq_file_open_as(src, ARR_NANO, mem, out, err);
}

slp_rc pq_file_open_as(struct source *src, enum arr_unit int96_unit, struct alloc *mem,
                       struct pq_file **out, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct pq_file *f = NULL;
    TRY(alloc_new(mem, &f, err));
    f->mem = mem;
    buf_init(&f->footer, mem, PQ_FOOTER_MAX_BYTES);
    arena_init(&f->arena, mem, META_MAX_BYTES);
    TRY_OUT(pq_footer_read(src, &f->footer, err));
    rc = pq_meta_parse_as(buf_slice(&f->footer), src->size, int96_unit, &f->arena, &f->meta, err);
    if (rc == SLP_CORRUPT)
        (void)err_wrap(err, rc, "footer at offset %" PRIu64, src->size - 8 - f->footer.len);
    TRY_OUT(rc);
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
    struct source *src;
    struct pq_group_reader group;
    struct pq_spans spans;
    struct pq_read_counts *counts;
    int64_t batch_rows;
    int64_t group_batch_rows; /* less where rows are wide */
    slp_rc failed;            /* the stream is of no use after an error */
};

static void close_reader(struct arr_stream *s)
{
    struct reader *r = (struct reader *)s;
    pq_group_reader_fini(&r->group);
    pq_spans_fini(&r->spans);
    alloc_delete(r->mem, r);
}

static int64_t pass(struct pq_spans *s, int64_t most)
{
    int64_t left = most;
    struct pq_row_range rows;
    while (left && pq_spans_next(s, left, &rows))
        left -= rows.hi - rows.lo;
    return most - left;
}

static slp_rc fill(struct reader *r, struct arr_batch *out, struct slp_err *err)
{
    if (pq_spans_begin_group(&r->spans)) {
        TRY(pq_group_reader_begin(&r->group, r->spans.group, pq_spans_is_whole(&r->spans), err));
        r->group_batch_rows = pq_group_reader_batch(&r->group, r->batch_rows);
    }
    struct pq_spans after = r->spans;
    for (size_t i = 0; i < out->schema->count; i++) {
        after = r->spans;
        int64_t left = r->group_batch_rows;
        struct pq_row_range rows;
        while (left && pq_spans_next(&after, left, &rows)) {
            int64_t more_to = pq_spans_more_to(&after, rows.hi);
            TRY(pq_group_reader_rows(&r->group, i, rows, more_to, &out->cols[i], err));
            left -= rows.hi - rows.lo;
        }
        out->rows = r->group_batch_rows - left;
    }
    /* Rows without columns are counted all the same. */
    if (out->schema->count == 0)
        out->rows = pass(&after, r->group_batch_rows);
    r->spans = after;
    return SLP_OK;
}

static slp_rc next_batch(struct arr_stream *s, struct arr_batch *out, struct slp_err *err)
{
    struct reader *r = (struct reader *)s;
    if (r->failed != SLP_OK)
        return err_set(err, r->failed, "file \"%s\": reading failed before", r->src->name);
    if (!pq_spans_has_more(&r->spans))
        return SLP_DONE;
    if (out->schema)
        arr_batch_clear(out);
    else
        TRY(arr_batch_init(out, r->mem, s->schema, err));
    r->failed = fill(r, out, err);
    if (r->counts)
        pq_group_reader_count(&r->group, r->counts);
    if (r->failed != SLP_OK)
        arr_batch_clear(out);
    return err_wrap(err, r->failed, "file \"%s\"", r->src->name);
}

static const struct arr_stream_ops reader_ops = {.next = next_batch, .close = close_reader};

slp_rc pq_read(const struct pq_file *f, struct source *src, const struct pq_read_options *options,
               struct alloc *mem, struct arr_stream **out, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct reader *r = NULL;
    TRY(pq_check_options(&f->meta, options, err));
    TRY(alloc_new(mem, &r, err));
    *r = (struct reader){
        .base = {.ops = &reader_ops, .schema = &r->group.schema},
        .mem = mem,
        .src = src,
        .counts = options->counts,
        .batch_rows = options->batch_rows ? options->batch_rows : PQ_BATCH_ROWS_DEFAULT,
    };
    TRY_OUT(pq_spans_init(&r->spans, &f->meta, options, mem, err));
    TRY_OUT(pq_group_reader_init(&r->group, &f->meta, src, options, mem, err));
    *out = &r->base;
out:
    if (rc != SLP_OK)
        close_reader(&r->base);
    return rc;
}
