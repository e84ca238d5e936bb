#include "arrow/text.h"
#include "rows/csv_scan.h"
#include "rows/rows_priv.h"

struct csv_reader {
    struct rows_text_reader base; /* first */
    struct alloc *mem;
    struct arena arena;
    struct rows_csv_scan scan;
    struct arr_schema header; /* names of the file */
    const struct arr_schema *want;
    size_t *places; /* of wanted columns among the fields, SIZE_MAX: missing */
};

/* ---- Rows ---- */

static slp_rc refuse_count(const struct csv_reader *r, struct slp_err *err)
{
    const struct rows_csv_scan *s = &r->scan;
    if (s->field_count > r->header.count)
        FAIL(err, BAD_INPUT, "line %llu: %zu fields, expected %zu as in the header",
             (unsigned long long)s->line, s->field_count, r->header.count);
    FAIL(err, BAD_INPUT,
         "line %llu, column \"%s\": missing; %zu fields, expected %zu as in the header",
         (unsigned long long)s->line, r->header.fields[s->field_count].name, s->field_count,
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
    return rows_bad_value(arr_text_parse(c, text, err));
}

static slp_rc put_record(struct csv_reader *r, struct arr_batch *out, struct slp_err *err)
{
    if (r->scan.field_count != r->header.count)
        return refuse_count(r, err);
    for (size_t i = 0; i < r->want->count; i++) {
        const struct arr_field *field = &r->want->fields[i];
        slp_rc rc = put_field(r, r->places[i], field, &out->cols[i], err);
        if (rc != SLP_OK)
            return err_wrap(err, rc, "line %llu, column \"%s\"", (unsigned long long)r->scan.line,
                            field->name);
    }
    out->rows++;
    return SLP_OK;
}

static slp_rc csv_fill(struct rows_text_reader *base, struct arr_batch *out,
                       struct rows_limits limits, struct slp_err *err)
{
    struct csv_reader *r = (struct csv_reader *)base;
    /* Values take about the bytes of their text, or their width. */
    size_t row_bytes = rows_fixed_bytes(r->want);
    size_t bytes = 0;
    while (out->rows < limits.rows && bytes < limits.bytes) {
        slp_rc rc = rows_csv_record(&r->scan, err);
        if (rc == SLP_DONE)
            break;
        TRY(rc);
        if (r->header.count > 1 && rows_csv_is_blank(&r->scan))
            continue;
        TRY(put_record(r, out, err));
        bytes += row_bytes + rows_csv_record_bytes(&r->scan);
    }
    return SLP_OK;
}

/* ---- Opening ---- */

static void csv_close(struct rows_text_reader *base)
{
    struct csv_reader *r = (struct csv_reader *)base;
    rows_csv_scan_fini(&r->scan);
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
    TRY_OUT(rows_csv_header(&r->scan, &r->arena, &r->header, err));
    TRY_OUT(arena_array(&r->arena, want->count, sizeof *r->places, (void **)&r->places, err));
    TRY_OUT(rows_match(&r->header, want, false, r->places, err));
    *out = &r->base;
out:
    if (rc != SLP_OK)
        csv_close(&r->base);
    return rc;
}
