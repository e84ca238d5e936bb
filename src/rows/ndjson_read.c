#include <stdlib.h>

#include "rows/json_value.h"
#include "rows/lines.h"
#include "rows/rows_priv.h"

/* A wanted column by its name, for search. */
struct member {
    struct slice name;
    size_t column;
};

struct ndjson_reader {
    struct rows_text_reader base; /* first */
    struct alloc *mem;
    struct arena arena;
    struct rows_lines lines;
    struct rows_json_pull pull;
    const struct arr_schema *want;
    struct member *members; /* by name */
    size_t *positions;      /* of every column among `members` */
    uint64_t *seen;         /* the line each column was last found in */
    const char *column;     /* that is being read, for messages; NULL: none */
    struct slp_err problem; /* of a row that may be rejected */
};

static int compare_members(const void *a, const void *b)
{
    return slice_compare(((const struct member *)a)->name, ((const struct member *)b)->name);
}

/* The column of a name, or SIZE_MAX. Lines mostly name columns in the order of the schema. */
static size_t find_column(struct ndjson_reader *r, size_t expected, struct slice name)
{
    if (expected < r->want->count && slice_equal(r->members[r->positions[expected]].name, name))
        return expected;
    struct member key = {.name = name};
    const struct member *m =
        bsearch(&key, r->members, r->want->count, sizeof *r->members, compare_members);
    return m ? m->column : SIZE_MAX;
}

/* The value of a member; `column` is SIZE_MAX when nobody wants it. */
static slp_rc put_member(struct ndjson_reader *r, size_t column, struct arr_batch *out,
                         struct slp_err *err)
{
    if (column == SIZE_MAX) {
        struct rows_json_token t;
        TRY(rows_json_next(&r->pull, &t, err));
        return rows_json_skip(&r->pull, t, err);
    }
    r->column = r->want->fields[column].name;
    if (r->seen[column] == r->lines.line)
        FAIL(err, BAD_INPUT, "there twice");
    r->seen[column] = r->lines.line;
    TRY(rows_json_value(&r->pull, &r->want->fields[column], &out->cols[column], err));
    r->column = NULL;
    return SLP_OK;
}

static slp_rc put_missing(struct ndjson_reader *r, struct arr_batch *out, struct slp_err *err)
{
    for (size_t i = 0; i < r->want->count; i++) {
        if (r->seen[i] == r->lines.line)
            continue;
        if (!r->want->fields[i].nullable) {
            r->column = r->want->fields[i].name;
            FAIL(err, BAD_INPUT, "missing, and may not be null");
        }
        TRY(arr_col_append_null(&out->cols[i], err));
    }
    return SLP_OK;
}

static slp_rc put_line(struct ndjson_reader *r, struct slice line, struct arr_batch *out,
                       struct slp_err *err)
{
    struct rows_json_token t;
    slp_rc rc = SLP_OK;
    size_t found = 0;
    size_t expected = 0;
    rows_json_begin(&r->pull, line);
    TRY(rows_json_need(&r->pull, ROWS_JSON_OBJECT, &t, err));
    for (bool is_first = true;; is_first = false) {
        rc = rows_json_member(&r->pull, is_first, &t, err);
        if (rc == SLP_DONE)
            break;
        TRY(rc);
        size_t column = find_column(r, expected, t.text);
        TRY(put_member(r, column, out, err));
        found += column != SIZE_MAX;
        expected = column != SIZE_MAX ? column + 1 : expected;
    }
    if (found < r->want->count)
        TRY(put_missing(r, out, err));
    TRY(rows_json_need(&r->pull, ROWS_JSON_END, &t, err));
    r->column = NULL;
    TRY(rows_text_check(&r->base, out, &r->column, err));
    out->rows++;
    return SLP_OK;
}

/* A line as a row, or among the rejects. */
static slp_rc take_line(struct ndjson_reader *r, struct slice line, struct arr_batch *out,
                        struct slp_err *err)
{
    const struct rows_rejects *rejects = r->base.rejects;
    r->column = NULL;
    slp_rc rc = put_line(r, line, out, rejects ? &r->problem : err);
    if (rc == SLP_OK || !rejects)
        return rows_wrap_line(err, rc, r->lines.line, r->column);
    if (rc != SLP_BAD_INPUT) {
        if (err)
            *err = r->problem;
        return rc;
    }
    if (line.len && line.ptr[line.len - 1] == '\r')
        line.len--;
    const struct rows_reject bad = {.file = r->lines.in->name,
                                    .line = r->lines.line,
                                    .column = r->column,
                                    .reason = r->problem.text,
                                    .text = line};
    arr_batch_truncate(out, out->rows);
    return rejects->take(rejects->context, &bad, err);
}

static slp_rc ndjson_fill(struct rows_text_reader *base, struct arr_batch *out,
                          struct rows_limits limits, struct slp_err *err)
{
    struct ndjson_reader *r = (struct ndjson_reader *)base;
    size_t row_bytes = rows_fixed_bytes(r->want);
    size_t bytes = 0;
    while (out->rows < limits.rows && bytes < limits.bytes) {
        struct slice line = {0};
        slp_rc rc = rows_lines_next(&r->lines, &line, err);
        if (rc == SLP_DONE)
            break;
        TRY(rc);
        TRY(take_line(r, line, out, err));
        bytes += row_bytes + line.len;
    }
    return SLP_OK;
}

static void ndjson_close(struct rows_text_reader *base)
{
    struct ndjson_reader *r = (struct ndjson_reader *)base;
    rows_json_fini(&r->pull);
    arena_fini(&r->arena);
    alloc_delete(r->mem, r);
}

static slp_rc index_names(struct ndjson_reader *r, struct slp_err *err)
{
    size_t count = r->want->count;
    TRY(arena_array(&r->arena, count, sizeof *r->members, (void **)&r->members, err));
    TRY(arena_array(&r->arena, count, sizeof *r->positions, (void **)&r->positions, err));
    TRY(arena_array(&r->arena, count, sizeof *r->seen, (void **)&r->seen, err));
    for (size_t i = 0; i < count; i++)
        r->members[i] = (struct member){slice_str(r->want->fields[i].name), i};
    if (count)
        qsort(r->members, count, sizeof *r->members, compare_members);
    for (size_t i = 0; i < count; i++)
        r->positions[r->members[i].column] = i;
    return SLP_OK;
}

slp_rc rows_ndjson_open(struct alloc *mem, struct rows_text_in *in, const struct arr_schema *want,
                        struct rows_text_reader **out, struct slp_err *err)
{
    static const struct rows_text_reader_ops ops = {.fill = ndjson_fill, .close = ndjson_close};
    slp_rc rc = SLP_OK;
    struct ndjson_reader *r = NULL;
    TRY(alloc_new(mem, &r, err));
    *r = (struct ndjson_reader){.base = {.ops = &ops}, .mem = mem, .want = want};
    arena_init(&r->arena, mem, ROWS_ARENA_MAX_BYTES);
    rows_json_init(&r->pull, mem, 2 * ROWS_LINE_MAX_BYTES);
    rows_lines_init(&r->lines, in);
    TRY_OUT(index_names(r, err));
    TRY_OUT(rows_text_in_begin(in, err));
    *out = &r->base;
out:
    if (rc != SLP_OK)
        ndjson_close(&r->base);
    return rc;
}
