#include "arrow/text.h"
#include "base/num.h"
#include "rows/rows_priv.h"
#include "rows/width.h"

/* Widths are chosen from this many rows, or this many bytes of them; then rows stream. */
#define SAMPLE_ROWS  1000
#define SAMPLE_BYTES ((size_t)16 << 20)

/* Columns are not cut below this many columns of characters. */
#define WIDTH_MIN 4u

#define GAP 2u /* between columns */

/* A cell of the sample. */
struct cell {
    size_t end;   /* of its text in `text`; the one before says where it begins */
    size_t width; /* columns */
};

struct table_output {
    struct rows_output base; /* first */
    size_t *widths;          /* of columns; while sampling: the widest so far */
    struct buf text;         /* of the sample's cells, header first */
    struct buf cells;        /* struct cell */
    struct buf value;        /* one value before it is shown */
    int64_t rows;            /* all that came */
    int64_t shown;
    bool is_begun; /* widths are settled and the sample is written */
};

/* ---- Cells ---- */

/* No cell is shown wider than this. */
static size_t cell_max(const struct table_output *o)
{
    return o->base.options.width ? o->base.options.width : SIZE_MAX;
}

static slp_rc format_cell(struct table_output *o, const struct arr_col *c, int64_t row,
                          struct slice *out, struct slp_err *err)
{
    buf_clear(&o->value);
    *out = slice_of(NULL, 0);
    if (arr_col_is_null(c, row))
        return SLP_OK;
    if (c->type.kind == ARR_UTF8) {
        *out = arr_col_bytes(c, row);
        return SLP_OK;
    }
    TRY(arr_text_format(c, row, &o->value, err));
    *out = buf_slice(&o->value);
    return SLP_OK;
}

/* ---- Lines ---- */

static slp_rc pad(struct buf *out, size_t n, struct slp_err *err)
{
    TRY(buf_reserve(out, n, err));
    memset(out->ptr + out->len, ' ', n);
    out->len += n;
    return SLP_OK;
}

/* Put one cell of a line; blanks stand only in front of something. */
static slp_rc put_cell(struct table_output *o, size_t column, struct slice shown, size_t width,
                       size_t *blanks, struct slp_err *err)
{
    struct buf *out = &o->base.out;
    size_t room = o->widths[column];
    size_t fill = room > width ? room - width : 0;
    bool is_right = rows_is_number(o->base.schema->fields[column].type);
    if (column)
        *blanks += GAP;
    if (width == 0) {
        *blanks += fill;
        return SLP_OK;
    }
    TRY(pad(out, *blanks + (is_right ? fill : 0), err));
    TRY(buf_append_slice(out, shown, err));
    *blanks = is_right ? 0 : fill;
    return SLP_OK;
}

/* End the line that began at `start` of the output: cut it if the terminal is narrower. */
static slp_rc end_line(struct table_output *o, size_t start, struct slp_err *err)
{
    struct buf *out = &o->base.out;
    size_t max = o->base.options.width;
    size_t used = 0;
    if (max && out->len - start > max) {
        /* The line is text that was shown before: showing it again only cuts. */
        TRY(buf_assign(&o->value, slice_sub(buf_slice(out), start, out->len - start), err));
        out->len = start;
        TRY(rows_show(out, buf_slice(&o->value), max, &used, err));
    }
    TRY(buf_append_u8(out, '\n', err));
    return rows_output_spill(&o->base, err);
}

static slp_rc put_row(struct table_output *o, const struct arr_batch *b, int64_t row,
                      struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    size_t start = o->base.out.len;
    size_t blanks = 0;
    struct buf shown;
    buf_init(&shown, o->base.mem, SIZE_MAX / 2);
    for (size_t i = 0; i < b->schema->count; i++) {
        struct slice text = {0};
        size_t width = 0;
        size_t max = o->base.options.width ? o->widths[i] : SIZE_MAX;
        buf_clear(&shown);
        TRY_OUT(format_cell(o, &b->cols[i], row, &text, err));
        TRY_OUT(rows_show(&shown, text, max, &width, err));
        TRY_OUT(put_cell(o, i, buf_slice(&shown), width, &blanks, err));
    }
    rc = end_line(o, start, err);
out:
    buf_fini(&shown);
    return rc;
}

/* ---- The sample ---- */

static slp_rc add_cell(struct table_output *o, size_t column, struct slice text,
                       struct slp_err *err)
{
    struct cell cell = {0};
    TRY(rows_show(&o->text, text, cell_max(o), &cell.width, err));
    cell.end = o->text.len;
    o->widths[column] = num_max_size(o->widths[column], cell.width);
    return buf_append(&o->cells, &cell, sizeof cell, err);
}

static slp_rc add_row(struct table_output *o, const struct arr_batch *b, int64_t row,
                      struct slp_err *err)
{
    for (size_t i = 0; i < b->schema->count; i++) {
        struct slice text = {0};
        TRY(format_cell(o, &b->cols[i], row, &text, err));
        TRY(add_cell(o, i, text, err));
    }
    return SLP_OK;
}

/* Width of all columns and gaps if none is wider than `most`. */
static size_t width_within(const struct table_output *o, size_t most)
{
    size_t count = o->base.schema->count;
    size_t sum = count ? (count - 1) * GAP : 0;
    for (size_t i = 0; i < count; i++)
        sum += num_min_size(o->widths[i], most);
    return sum;
}

/* Cut the widest columns to the largest common width with which a line fits. */
static void settle_widths(struct table_output *o)
{
    size_t room = o->base.options.width;
    size_t low = WIDTH_MIN;
    size_t high = room;
    if (room == 0 || width_within(o, SIZE_MAX) <= room)
        return;
    while (low < high) {
        size_t half = low + (high - low + 1) / 2;
        if (width_within(o, half) <= room)
            low = half;
        else
            high = half - 1;
    }
    for (size_t i = 0; i < o->base.schema->count; i++)
        o->widths[i] = num_min_size(o->widths[i], low);
}

static slp_rc put_sample(struct table_output *o, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    const struct cell *cells = (const struct cell *)(const void *)o->cells.ptr;
    size_t columns = o->base.schema->count;
    size_t count = o->cells.len / sizeof(struct cell);
    size_t begin = 0;
    size_t blanks = 0;
    size_t start = o->base.out.len;
    struct buf shown;
    buf_init(&shown, o->base.mem, SIZE_MAX / 2);
    for (size_t i = 0; i < count; i++) {
        size_t width = 0;
        struct slice text = slice_sub(buf_slice(&o->text), begin, cells[i].end - begin);
        buf_clear(&shown);
        TRY_OUT(rows_show(&shown, text, o->widths[i % columns], &width, err));
        TRY_OUT(put_cell(o, i % columns, buf_slice(&shown), width, &blanks, err));
        begin = cells[i].end;
        if (i % columns == columns - 1) {
            TRY_OUT(end_line(o, start, err));
            start = o->base.out.len;
            blanks = 0;
        }
    }
out:
    buf_fini(&shown);
    return rc;
}

/* Settle widths, write the sample and forget it. */
static slp_rc begin(struct table_output *o, struct slp_err *err)
{
    if (o->is_begun)
        return SLP_OK;
    o->is_begun = true;
    settle_widths(o);
    TRY(put_sample(o, err));
    buf_fini(&o->text);
    buf_fini(&o->cells);
    return SLP_OK;
}

/* ---- All rows ---- */

static bool is_hidden(const struct table_output *o)
{
    return o->base.options.table_rows && o->shown >= o->base.options.table_rows;
}

static slp_rc table_batch(struct rows_output *base, const struct arr_batch *b, struct slp_err *err)
{
    struct table_output *o = (struct table_output *)base;
    for (int64_t row = 0; row < b->rows && !is_hidden(o); row++) {
        if (!o->is_begun && (o->shown >= SAMPLE_ROWS || o->text.len >= SAMPLE_BYTES))
            TRY(begin(o, err));
        if (o->is_begun)
            TRY(put_row(o, b, row, err));
        else
            TRY(add_row(o, b, row, err));
        o->shown++;
    }
    o->rows += b->rows;
    return SLP_OK;
}

static slp_rc put_footer(struct table_output *o, struct slp_err *err)
{
    struct buf *out = &o->base.out;
    if (o->shown < o->rows)
        TRY(buf_printf(out, err, "...\n"));
    if (!o->base.options.human)
        return SLP_OK;
    TRY(buf_printf(out, err, "%lld row%s", (long long)o->rows, o->rows == 1 ? "" : "s"));
    if (o->shown < o->rows)
        TRY(buf_printf(out, err, ", %lld shown", (long long)o->shown));
    return buf_append_u8(out, '\n', err);
}

static slp_rc table_finish(struct rows_output *base, struct slp_err *err)
{
    struct table_output *o = (struct table_output *)base;
    TRY(begin(o, err));
    return put_footer(o, err);
}

static void table_free(struct rows_output *base)
{
    struct table_output *o = (struct table_output *)base;
    buf_fini(&o->text);
    buf_fini(&o->cells);
    buf_fini(&o->value);
    alloc_free(base->mem, o->widths, base->schema->count * sizeof *o->widths);
    alloc_delete(base->mem, o);
}

slp_rc rows_table_writer(const struct rows_output *from, struct rows_output **out,
                         struct slp_err *err)
{
    static const struct rows_output_ops ops = {
        .batch = table_batch, .finish = table_finish, .free = table_free};
    slp_rc rc = SLP_OK;
    struct table_output *o = NULL;
    const struct arr_schema *s = from->schema;
    TRY(alloc_new(from->mem, &o, err));
    rows_output_init(&o->base, &ops, from);
    buf_init(&o->text, from->mem, SIZE_MAX / 2);
    buf_init(&o->cells, from->mem, SIZE_MAX / 2);
    buf_init(&o->value, from->mem, SIZE_MAX / 2);
    TRY_OUT(alloc_array(from->mem, s->count, sizeof *o->widths, (void **)&o->widths, err));
    for (size_t i = 0; i < s->count; i++)
        TRY_OUT(add_cell(o, i, slice_str(s->fields[i].name), err));
    *out = &o->base;
out:
    if (rc != SLP_OK)
        rows_output_free(&o->base);
    return rc;
}
