#include "arrow/dictionary.h"
#include "base/num.h"
#include "parquet/group_read.h"
#include "parquet/spans.h"

/* Rows that lie between two that survive are decoded and left out where they are fewer than this:
 * to pass over them costs as much. */
#define GAP_ROWS 128

/* Some of the chosen columns. */
struct part {
    struct pq_group_reader group;
    size_t *places; /* of its columns among the chosen ones */
    size_t *columns;
    size_t count;
};

struct select {
    struct arr_stream base;
    struct alloc *mem;
    struct source *src;
    struct arr_schema schema; /* all that are chosen */
    struct part first;        /* what the filter looks at */
    struct part rest;
    struct pq_filter filter;
    struct pq_spans spans;
    struct arr_batch staged;
    struct buf runs;   /* struct pq_row_range: what is read of the rest */
    struct buf places; /* uint32_t: of the picked rows in what is read */
    struct pq_read_counts *counts;
    int64_t batch_rows;
    int64_t group_batch_rows;
    bool has_begun; /* the rest, in the current group */
    slp_rc failed;
};

static void fini_part(struct select *s, struct part *p)
{
    pq_group_reader_fini(&p->group);
    alloc_free(s->mem, p->places, s->schema.count * sizeof *p->places);
    alloc_free(s->mem, p->columns, s->schema.count * sizeof *p->columns);
}

static void close_select(struct arr_stream *stream)
{
    struct select *s = (struct select *)stream;
    arr_batch_fini(&s->staged);
    fini_part(s, &s->first);
    fini_part(s, &s->rest);
    pq_spans_fini(&s->spans);
    buf_fini(&s->runs);
    buf_fini(&s->places);
    alloc_free(s->mem, s->schema.fields, s->schema.count * sizeof *s->schema.fields);
    alloc_delete(s->mem, s);
}

/* ---- One batch ---- */

/* Read the predicate columns of the next rows; `*after` is the position behind them. */
static slp_rc stage(struct select *s, struct pq_spans *after, struct slp_err *err)
{
    arr_batch_clear(&s->staged);
    for (size_t i = 0; i < s->first.count; i++) {
        struct arr_col *col = &s->staged.cols[s->first.places[i]];
        struct pq_row_range rows;
        int64_t left = s->group_batch_rows;
        *after = s->spans;
        while (left && pq_spans_next(after, left, &rows)) {
            int64_t more_to = pq_spans_more_to(after, rows.hi);
            TRY(pq_group_reader_rows(&s->first.group, i, rows, more_to, col, err));
            left -= rows.hi - rows.lo;
        }
        s->staged.rows = s->group_batch_rows - left;
    }
    return SLP_OK;
}

/* Add a row of the group to the runs; the last one grows over a short gap. Returns its place. */
static slp_rc add_row(struct select *s, int64_t row, int64_t *rows, struct slp_err *err)
{
    struct pq_row_range *runs = (struct pq_row_range *)(void *)s->runs.ptr;
    size_t count = s->runs.len / sizeof *runs;
    if (count && row - runs[count - 1].hi < GAP_ROWS) {
        *rows += row + 1 - runs[count - 1].hi;
        runs[count - 1].hi = row + 1;
    } else {
        struct pq_row_range one = {row, row + 1};
        TRY(buf_append(&s->runs, &one, sizeof one, err));
        *rows += 1;
    }
    uint32_t place = (uint32_t)(*rows - 1);
    return buf_append(&s->places, &place, sizeof place, err);
}

/* What is to be read of the other columns: the picked rows, and little between them. */
static slp_rc plan(struct select *s, const uint32_t *picked, int64_t count, int64_t *rows,
                   struct slp_err *err)
{
    struct pq_spans at = s->spans;
    struct pq_row_range portion = {0};
    int64_t first = 0; /* of the portion, in the batch */
    int64_t end = 0;
    *rows = 0;
    buf_clear(&s->runs);
    buf_clear(&s->places);
    for (int64_t i = 0; i < count; i++) {
        while (picked[i] >= end) {
            bool is_there = pq_spans_next(&at, s->group_batch_rows - end, &portion);
            SLP_INVARIANT(is_there);
            first = end;
            end += portion.hi - portion.lo;
        }
        TRY(add_row(s, portion.lo + picked[i] - first, rows, err));
    }
    return SLP_OK;
}

static slp_rc begin_rest(struct select *s, bool is_whole, struct slp_err *err)
{
    if (s->has_begun)
        return SLP_OK;
    s->has_begun = true;
    return pq_group_reader_begin(&s->rest.group, s->spans.group, is_whole, err);
}

static slp_rc read_rest(struct select *s, struct slp_err *err)
{
    const struct pq_row_range *runs = (const struct pq_row_range *)(const void *)s->runs.ptr;
    size_t count = s->runs.len / sizeof *runs;
    for (size_t i = 0; i < s->rest.count; i++) {
        struct arr_col *col = &s->staged.cols[s->rest.places[i]];
        for (size_t k = 0; k < count; k++)
            TRY(pq_group_reader_rows(&s->rest.group, i, runs[k], runs[k].hi, col, err));
    }
    return SLP_OK;
}

/* Move the picked rows of a column, of `rows` staged ones, into the batch. */
static slp_rc take(struct arr_col *out, struct arr_col *staged, int64_t rows,
                   const uint32_t *picked, int64_t count, struct slp_err *err)
{
    if (rows > count) {
        arr_col_share_dictionary(out, staged);
        return arr_col_append_picked(out, staged, picked, count, err);
    }
    struct arr_col swap = *out;
    *out = *staged;
    *staged = swap;
    return SLP_OK;
}

/* The next rows that survive, maybe none. */
static slp_rc fill(struct select *s, struct arr_batch *out, struct slp_err *err)
{
    struct pq_spans after;
    const uint32_t *picked = NULL;
    int64_t count = 0;
    int64_t rows = 0;
    if (pq_spans_begin_group(&s->spans)) {
        bool is_whole = pq_spans_is_whole(&s->spans);
        s->has_begun = false;
        TRY(pq_group_reader_begin(&s->first.group, s->spans.group, is_whole, err));
        s->rest.group.group = s->spans.group;
        s->group_batch_rows = num_min_i64(pq_group_reader_batch(&s->first.group, s->batch_rows),
                                          pq_group_reader_batch(&s->rest.group, s->batch_rows));
    }
    TRY(stage(s, &after, err));
    TRY(s->filter.choose(s->filter.context, &s->staged, &picked, &count, err));
    assert(count <= s->staged.rows);
    if (count && s->rest.count) {
        TRY(plan(s, picked, count, &rows, err));
        TRY(begin_rest(s, count == s->spans.group_end - s->spans.group_first, err));
        TRY(read_rest(s, err));
    }
    for (size_t i = 0; count && i < s->first.count; i++) {
        size_t at = s->first.places[i];
        TRY(take(&out->cols[at], &s->staged.cols[at], s->staged.rows, picked, count, err));
    }
    const uint32_t *places = (const uint32_t *)(const void *)s->places.ptr;
    for (size_t i = 0; count && i < s->rest.count; i++) {
        size_t at = s->rest.places[i];
        TRY(take(&out->cols[at], &s->staged.cols[at], rows, places, count, err));
    }
    out->rows = count;
    s->spans = after;
    return SLP_OK;
}

static slp_rc next_batch(struct arr_stream *stream, struct arr_batch *out, struct slp_err *err)
{
    struct select *s = (struct select *)stream;
    if (s->failed != SLP_OK)
        return err_set(err, s->failed, "file \"%s\": reading failed before", s->src->name);
    if (out->schema)
        arr_batch_clear(out);
    else
        TRY(arr_batch_init(out, s->mem, stream->schema, err));
    while (out->rows == 0) {
        if (!pq_spans_has_more(&s->spans))
            return SLP_DONE;
        s->failed = fill(s, out, err);
        if (s->counts) {
            pq_group_reader_count(&s->first.group, s->counts);
            pq_group_reader_count(&s->rest.group, s->counts);
        }
        if (s->failed != SLP_OK) {
            arr_batch_clear(out);
            return err_wrap(err, s->failed, "file \"%s\"", s->src->name);
        }
    }
    return SLP_OK;
}

/* ---- Opening ---- */

static bool is_predicate(const struct pq_filter *filter, size_t place)
{
    for (size_t i = 0; i < filter->column_count; i++) {
        if (filter->columns[i] == place)
            return true;
    }
    return false;
}

static slp_rc init_part(struct select *s, const struct pq_file *f,
                        const struct pq_read_options *options, bool is_first, struct part *p,
                        struct slp_err *err)
{
    size_t count = s->schema.count;
    TRY(alloc_array(s->mem, count, sizeof *p->places, (void **)&p->places, err));
    TRY(alloc_array(s->mem, count, sizeof *p->columns, (void **)&p->columns, err));
    for (size_t i = 0; i < count; i++) {
        if (is_predicate(&s->filter, i) != is_first)
            continue;
        p->places[p->count] = i;
        p->columns[p->count++] = options->columns ? options->columns[i] : i;
    }
    struct pq_read_options own = *options;
    own.columns = p->columns;
    own.column_count = p->count;
    TRY(pq_group_reader_init(&p->group, pq_file_meta(f), s->src, &own, s->mem, err));
    for (size_t i = 0; i < p->count; i++)
        s->schema.fields[p->places[i]] = p->group.schema.fields[i];
    return SLP_OK;
}

static slp_rc check_filter(const struct pq_filter *filter, size_t columns, struct slp_err *err)
{
    for (size_t i = 0; i < filter->column_count; i++) {
        if (filter->columns[i] >= columns)
            FAIL(err, INVALID, "predicate column %zu of %zu", filter->columns[i], columns);
    }
    if (filter->column_count == 0)
        FAIL(err, INVALID, "a filter without columns");
    return SLP_OK;
}

slp_rc pq_read_select(const struct pq_file *f, struct source *src,
                      const struct pq_read_options *options, const struct pq_filter *filter,
                      struct alloc *mem, struct arr_stream **out, struct slp_err *err)
{
    static const struct arr_stream_ops ops = {.next = next_batch, .close = close_select};
    slp_rc rc = SLP_OK;
    struct select *s = NULL;
    const struct pq_meta *m = pq_file_meta(f);
    size_t count = options->columns ? options->column_count : m->schema.count;
    TRY(pq_check_options(m, options, err));
    TRY(check_filter(filter, count, err));
    TRY(alloc_new(mem, &s, err));
    *s = (struct select){
        .base = {.ops = &ops, .schema = &s->schema},
        .mem = mem,
        .src = src,
        .filter = *filter,
        .counts = options->counts,
        .batch_rows = options->batch_rows ? options->batch_rows : PQ_BATCH_ROWS_DEFAULT,
    };
    buf_init(&s->runs, mem, SIZE_MAX / 2);
    buf_init(&s->places, mem, SIZE_MAX / 2);
    TRY_OUT(alloc_array(mem, count, sizeof *s->schema.fields, (void **)&s->schema.fields, err));
    s->schema.count = count;
    TRY_OUT(pq_spans_init(&s->spans, m, options, mem, err));
    TRY_OUT(init_part(s, f, options, true, &s->first, err));
    TRY_OUT(init_part(s, f, options, false, &s->rest, err));
    TRY_OUT(arr_batch_init(&s->staged, mem, &s->schema, err));
    *out = &s->base;
out:
    if (rc != SLP_OK)
        close_select(&s->base);
    return rc;
}
