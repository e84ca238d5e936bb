#include "rows/csv_scan.h"
#include "rows/guess.h"
#include "rows/rows_priv.h"

struct column {
    const char *name;
    unsigned may;
    bool has_value;
};

static slp_rc make_schema(const struct column *columns, size_t count, struct arena *arena,
                          struct arr_schema *out, struct slp_err *err)
{
    struct arr_schema s = {.count = count};
    TRY(arena_array(arena, count, sizeof *s.fields, (void **)&s.fields, err));
    for (size_t i = 0; i < count; i++) {
        s.fields[i] = (struct arr_field){
            .type = rows_guess_type(columns[i].may, columns[i].has_value), .nullable = true};
        TRY(arena_text(arena, slice_str(columns[i].name), &s.fields[i].name, err));
    }
    *out = s;
    return SLP_OK;
}

static slp_rc look_at_record(struct rows_csv_scan *scan, struct column *columns, size_t count,
                             struct slp_err *err)
{
    if (count > 1 && rows_csv_is_blank(scan))
        return SLP_OK;
    if (scan->field_count != count)
        FAIL(err, BAD_INPUT, "line %llu: %zu fields, expected %zu as in the header",
             (unsigned long long)scan->line, scan->field_count, count);
    for (size_t i = 0; i < count; i++) {
        const struct rows_csv_field *f = rows_csv_field(scan, i);
        struct slice text = {0};
        if (f->len == 0 && !f->is_quoted)
            continue;
        TRY(rows_csv_text(scan, f, &text, err));
        columns[i].may &= rows_guess_text(text, columns[i].may);
        columns[i].has_value = true;
    }
    return SLP_OK;
}

static slp_rc look_at_csv(struct rows_csv_scan *scan, struct column *columns, size_t count,
                          struct slp_err *err)
{
    for (int64_t row = 0; row < ROWS_INFER_ROWS && !rows_text_in_is_full(scan->in); row++) {
        slp_rc rc = rows_csv_record(scan, err);
        if (rc == SLP_DONE)
            break;
        TRY(rc);
        TRY(look_at_record(scan, columns, count, err));
    }
    return SLP_OK;
}

slp_rc rows_csv_schema(struct alloc *mem, struct rows_text_in *in, uint8_t delimiter,
                       struct arena *arena, struct arr_schema *out, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct rows_csv_scan scan;
    struct arena work;
    struct arr_schema header = {0};
    struct column *columns = NULL;
    arena_init(&work, mem, ROWS_ARENA_MAX_BYTES);
    rows_csv_scan_init(&scan, mem, in, delimiter);
    TRY_OUT(rows_csv_header(&scan, &work, &header, err));
    TRY_OUT(arena_array(&work, header.count, sizeof *columns, (void **)&columns, err));
    for (size_t i = 0; i < header.count; i++)
        columns[i] = (struct column){.name = header.fields[i].name, .may = MAY_ALL};
    TRY_OUT(look_at_csv(&scan, columns, header.count, err));
    TRY_OUT(make_schema(columns, header.count, arena, out, err));
out:
    rows_csv_scan_fini(&scan);
    arena_fini(&work);
    return rc;
}
