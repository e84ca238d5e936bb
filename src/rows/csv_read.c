#include "arrow/text.h"
#include "rows/csv_scan.h"
#include "rows/json_value.h"
#include "rows/lines.h"
#include "rows/rows_priv.h"

struct csv_reader {
    struct rows_text_reader base; /* first */
    struct alloc *mem;
    struct arena arena;
    struct rows_csv_scan scan;
    struct rows_json_pull pull; /* over cells of nested columns, which are JSON */
    struct buf cell;
    struct arr_schema header; /* names of the file */
    const struct arr_schema *want;
    size_t *places;         /* of wanted columns among the fields, SIZE_MAX: missing */
    const char *column;     /* that is being read, for messages; NULL: none */
    struct slp_err problem; /* of a row that may be rejected */
};

/* ---- Rows ---- */

static slp_rc refuse_count(struct csv_reader *r, struct slp_err *err)
{
    const struct rows_csv_scan *s = &r->scan;
    if (s->field_count > r->header.count)
        FAIL(err, BAD_INPUT, "%zu fields, expected %zu as in the header", s->field_count,
             r->header.count);
    r->column = r->header.fields[s->field_count].name;
    FAIL(err, BAD_INPUT, "missing; %zu fields, expected %zu as in the header", s->field_count,
         r->header.count);
}

static slp_rc put_null(const struct arr_field *field, struct arr_col *c, struct slp_err *err)
{
    if (!field->nullable)
        FAIL(err, BAD_INPUT, "empty, which is null, and the column may not be%s",
             arr_type_is_variable(field->type) ? "; \"\" is the empty text" : "");
    return arr_col_append_null(c, err);
}

static slp_rc put_field(struct csv_reader *r, size_t place, const struct arr_field *field,
                        struct arr_col *c, struct slp_err *err)
{
    struct slice text = {0};
    if (place == SIZE_MAX)
        return arr_col_append_null(c, err);
    const struct rows_csv_field *f = rows_csv_field(&r->scan, place);
    if (f->len == 0 && !f->is_quoted)
        return put_null(field, c, err);
    TRY(rows_csv_text(&r->scan, f, &text, err));
    if (arr_type_is_nested(field->type)) {
        TRY(buf_assign(&r->cell, text, err));
        return rows_json_cell(&r->pull, buf_slice(&r->cell), field, c, err);
    }
    return rows_bad_value(arr_text_parse(c, text, err));
}

static slp_rc put_record(struct csv_reader *r, struct arr_batch *out, struct slp_err *err)
{
    r->column = NULL;
    if (r->scan.field_count != r->header.count)
        return refuse_count(r, err);
    for (size_t i = 0; i < r->want->count; i++) {
        const struct arr_field *field = &r->want->fields[i];
        slp_rc rc = put_field(r, r->places[i], field, &out->cols[i], err);
        if (rc != SLP_OK) {
            r->column = field->name;
            return rc;
        }
    }
    TRY(rows_text_check(&r->base, out, &r->column, err));
    out->rows++;
    return SLP_OK;
}

/* The record is bad: r->problem says why. */
static slp_rc reject(struct csv_reader *r, struct slice text, struct arr_batch *out,
                     struct slp_err *err)
{
    const struct rows_rejects *rejects = r->base.rejects;
    const struct rows_reject bad = {.file = r->scan.in->name,
                                    .line = r->scan.line,
                                    .column = r->column,
                                    .reason = r->problem.text,
                                    .text = text};
    arr_batch_truncate(out, out->rows);
    return rejects->take(rejects->context, &bad, err);
}

/* The next record, those with wrong quotes left out as far as that may be. */
static slp_rc next_record(struct csv_reader *r, struct arr_batch *out, struct slp_err *err)
{
    for (;;) {
        struct slice text = {0};
        slp_rc rc = rows_csv_record(&r->scan, r->base.rejects ? &r->problem : err);
        if (rc == SLP_OK || rc == SLP_DONE || !r->base.rejects)
            return rc;
        bool is_bad = rc == SLP_BAD_INPUT || rc == SLP_LIMIT;
        if (!is_bad && err)
            *err = r->problem;
        TRY(is_bad ? SLP_OK : rc);
        TRY(rows_csv_pass(&r->scan, &text, err));
        r->column = NULL;
        TRY(reject(r, text, out, err));
    }
}

static slp_rc take_record(struct csv_reader *r, struct arr_batch *out, struct slp_err *err)
{
    slp_rc rc = put_record(r, out, r->base.rejects ? &r->problem : err);
    if (rc == SLP_OK)
        return rc;
    if (!r->base.rejects)
        return rows_wrap_line(err, rc, r->scan.line, r->column);
    if (rc == SLP_BAD_INPUT)
        return reject(r, rows_csv_record_text(&r->scan), out, err);
    if (err)
        *err = r->problem;
    return rc;
}

static slp_rc csv_fill(struct rows_text_reader *base, struct arr_batch *out,
                       struct rows_limits limits, struct slp_err *err)
{
    struct csv_reader *r = (struct csv_reader *)base;
    /* Values take about the bytes of their text, or their width. */
    size_t row_bytes = rows_fixed_bytes(r->want);
    size_t bytes = 0;
    while (out->rows < limits.rows && bytes < limits.bytes) {
        slp_rc rc = next_record(r, out, err);
        if (rc == SLP_DONE)
            break;
        TRY(rc);
        if (r->header.count > 1 && rows_csv_is_blank(&r->scan))
            continue;
        TRY(take_record(r, out, err));
        bytes += row_bytes + rows_csv_record_bytes(&r->scan);
    }
    return SLP_OK;
}

/* ---- Opening ---- */

static void csv_close(struct rows_text_reader *base)
{
    struct csv_reader *r = (struct csv_reader *)base;
    rows_csv_scan_fini(&r->scan);
    rows_json_fini(&r->pull);
    buf_fini(&r->cell);
    arena_fini(&r->arena);
    alloc_delete(r->mem, r);
}

slp_rc rows_csv_open(struct alloc *mem, struct rows_text_in *in, uint8_t delimiter,
                     const struct arr_schema *want, struct rows_text_reader **out,
                     struct slp_err *err)
{
    static const struct rows_text_reader_ops ops = {.fill = csv_fill, .close = csv_close};
    slp_rc rc = SLP_OK;
    struct csv_reader *r = NULL;
    TRY(alloc_new(mem, &r, err));
    *r = (struct csv_reader){.base = {.ops = &ops}, .mem = mem, .want = want};
    arena_init(&r->arena, mem, ROWS_ARENA_MAX_BYTES);
    rows_csv_scan_init(&r->scan, mem, in, delimiter);
    rows_json_init(&r->pull, mem, 2 * ROWS_LINE_MAX_BYTES);
    buf_init(&r->cell, mem, ROWS_LINE_MAX_BYTES);
    TRY_OUT(rows_csv_header(&r->scan, &r->arena, &r->header, err));
    TRY_OUT(arena_array(&r->arena, want->count, sizeof *r->places, (void **)&r->places, err));
    TRY_OUT(rows_match(&r->header, want, false, r->places, err));
    r->base.header = &r->header;
    *out = &r->base;
out:
    if (rc != SLP_OK)
        csv_close(&r->base);
    return rc;
}
