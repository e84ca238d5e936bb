#include "arrow/text.h"
#include "base/json.h"
#include "base/text.h"
#include "rows/rows_priv.h"

struct text_output {
    struct rows_output base; /* first */
    struct slice *members;   /* JSON: `"name":` of every column, in `arena` */
    struct buf value;        /* one nested value before it is quoted */
    struct arena arena;
    int64_t rows;
    bool is_begun; /* the header stands */
};

/* ---- CSV, TSV ---- */

/* Must this text stand in quotes? Empty text must, to tell it from null; a byte order mark must not
 * be taken for one. */
static bool needs_quotes(struct slice text, uint8_t delimiter)
{
    if (text.len == 0 || text.ptr[0] == 0xef)
        return true;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        if (c == delimiter || c == '"' || c == '\n' || c == '\r')
            return true;
    }
    return false;
}

static slp_rc put_field(struct buf *out, struct slice text, uint8_t delimiter, struct slp_err *err)
{
    if (needs_quotes(text, delimiter))
        return text_append_quoted(out, text, err);
    return buf_append_slice(out, text, err);
}

/* JSON of a nested value: as a field, or a cell, it is a text. */
static slp_rc format_nested(struct text_output *o, const struct arr_col *c, int64_t row,
                            struct slice *out, struct slp_err *err)
{
    buf_clear(&o->value);
    TRY(arr_text_format(c, row, &o->value, err));
    *out = buf_slice(&o->value);
    return SLP_OK;
}

static slp_rc put_csv_value(struct text_output *o, const struct arr_col *c, int64_t row,
                            uint8_t delimiter, struct slp_err *err)
{
    struct buf *out = &o->base.out;
    struct slice text = {0};
    if (arr_col_is_null(c, row))
        return SLP_OK;
    if (c->type.kind == ARR_UTF8)
        return put_field(out, arr_col_bytes(c, row), delimiter, err);
    if (c->type.kind == ARR_BINARY && arr_col_bytes(c, row).len == 0)
        return buf_append(out, "\"\"", 2, err);
    if (!arr_type_is_nested(c->type))
        return arr_text_format(c, row, out, err);
    TRY(format_nested(o, c, row, &text, err));
    return put_field(out, text, delimiter, err);
}

static uint8_t delimiter_of(const struct text_output *o)
{
    return o->base.options.format == ROWS_TSV ? '\t' : ',';
}

static slp_rc csv_begin(struct text_output *o, struct slp_err *err)
{
    const struct arr_schema *s = o->base.schema;
    if (o->base.options.no_header)
        return SLP_OK;
    for (size_t i = 0; i < s->count; i++) {
        if (i)
            TRY(buf_append_u8(&o->base.out, delimiter_of(o), err));
        TRY(put_field(&o->base.out, slice_str(s->fields[i].name), delimiter_of(o), err));
    }
    return buf_append_u8(&o->base.out, '\n', err);
}

static slp_rc csv_row(struct text_output *o, const struct arr_batch *b, int64_t row,
                      struct slp_err *err)
{
    uint8_t delimiter = delimiter_of(o);
    for (size_t i = 0; i < b->schema->count; i++) {
        if (i)
            TRY(buf_append_u8(&o->base.out, delimiter, err));
        TRY(put_csv_value(o, &b->cols[i], row, delimiter, err));
    }
    return buf_append_u8(&o->base.out, '\n', err);
}

/* ---- JSON, NDJSON ---- */

/* Names as they stand in front of every value. */
static slp_rc prepare_members(struct text_output *o, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    const struct arr_schema *s = o->base.schema;
    struct buf text;
    buf_init(&text, o->base.mem, ROWS_ARENA_MAX_BYTES);
    TRY_OUT(arena_array(&o->arena, s->count, sizeof *o->members, (void **)&o->members, err));
    for (size_t i = 0; i < s->count; i++) {
        buf_clear(&text);
        TRY_OUT(json_write_text(&text, slice_str(s->fields[i].name), err));
        TRY_OUT(buf_append_u8(&text, ':', err));
        TRY_OUT(arena_copy(&o->arena, buf_slice(&text), &o->members[i], err));
    }
out:
    buf_fini(&text);
    return rc;
}

static slp_rc json_row(struct text_output *o, const struct arr_batch *b, int64_t row,
                       struct slp_err *err)
{
    struct buf *out = &o->base.out;
    bool is_array = o->base.options.format == ROWS_JSON;
    if (is_array)
        TRY(buf_append(out, o->rows ? ",\n" : "\n", o->rows ? 2 : 1, err));
    TRY(buf_append_u8(out, '{', err));
    for (size_t i = 0; i < b->schema->count; i++) {
        if (i)
            TRY(buf_append_u8(out, ',', err));
        TRY(buf_append_slice(out, o->members[i], err));
        TRY(arr_text_json(&b->cols[i], row, out, err));
    }
    return buf_append(out, "}\n", is_array ? 1 : 2, err);
}

/* ---- Markdown ---- */

/* A cell is one line, and a bar would end it. */
static slp_rc put_cell(struct buf *out, struct slice text, struct slp_err *err)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        if (c == '|')
            TRY(buf_append(out, "\\|", 2, err));
        else if (c == '\n')
            TRY(buf_append(out, "<br>", 4, err));
        else if (c >= 0x20 && c != 0x7f)
            TRY(buf_append_u8(out, c, err));
        else
            TRY(buf_append_u8(out, ' ', err));
    }
    return SLP_OK;
}

static slp_rc markdown_begin(struct text_output *o, struct slp_err *err)
{
    const struct arr_schema *s = o->base.schema;
    struct buf *out = &o->base.out;
    TRY(buf_append_u8(out, '|', err));
    for (size_t i = 0; i < s->count; i++) {
        TRY(buf_append_u8(out, ' ', err));
        TRY(put_cell(out, slice_str(s->fields[i].name), err));
        TRY(buf_append(out, " |", 2, err));
    }
    TRY(buf_append(out, "\n|", 2, err));
    for (size_t i = 0; i < s->count; i++)
        TRY(buf_printf(out, err, "%s", rows_is_number(s->fields[i].type) ? " ---: |" : " --- |"));
    return buf_append_u8(out, '\n', err);
}

static slp_rc put_nested_cell(struct text_output *o, const struct arr_col *c, int64_t row,
                              struct slp_err *err)
{
    struct slice text = {0};
    TRY(format_nested(o, c, row, &text, err));
    return put_cell(&o->base.out, text, err);
}

static slp_rc markdown_row(struct text_output *o, const struct arr_batch *b, int64_t row,
                           struct slp_err *err)
{
    struct buf *out = &o->base.out;
    TRY(buf_append_u8(out, '|', err));
    for (size_t i = 0; i < b->schema->count; i++) {
        const struct arr_col *c = &b->cols[i];
        TRY(buf_append_u8(out, ' ', err));
        if (arr_col_is_null(c, row))
            ;
        else if (c->type.kind == ARR_UTF8)
            TRY(put_cell(out, arr_col_bytes(c, row), err));
        else if (arr_type_is_nested(c->type))
            TRY(put_nested_cell(o, c, row, err));
        else
            TRY(arr_text_format(c, row, out, err));
        TRY(buf_append(out, " |", 2, err));
    }
    return buf_append_u8(out, '\n', err);
}

/* ---- All of them ---- */

static slp_rc begin(struct text_output *o, struct slp_err *err)
{
    if (o->is_begun)
        return SLP_OK;
    o->is_begun = true;
    switch (o->base.options.format) {
    case ROWS_JSON:
        return buf_append_u8(&o->base.out, '[', err);
    case ROWS_NDJSON:
        return SLP_OK;
    case ROWS_MARKDOWN:
        return markdown_begin(o, err);
    default:
        return csv_begin(o, err);
    }
}

static slp_rc put_row(struct text_output *o, const struct arr_batch *b, int64_t row,
                      struct slp_err *err)
{
    switch (o->base.options.format) {
    case ROWS_JSON:
    case ROWS_NDJSON:
        return json_row(o, b, row, err);
    case ROWS_MARKDOWN:
        return markdown_row(o, b, row, err);
    default:
        return csv_row(o, b, row, err);
    }
}

static slp_rc text_batch(struct rows_output *base, const struct arr_batch *b, struct slp_err *err)
{
    struct text_output *o = (struct text_output *)base;
    TRY(begin(o, err));
    for (int64_t row = 0; row < b->rows; row++) {
        TRY(put_row(o, b, row, err));
        TRY(rows_output_spill(base, err));
        o->rows++;
    }
    return SLP_OK;
}

static slp_rc text_finish(struct rows_output *base, struct slp_err *err)
{
    struct text_output *o = (struct text_output *)base;
    TRY(begin(o, err));
    if (base->options.format != ROWS_JSON)
        return SLP_OK;
    return buf_append(&base->out, o->rows ? "\n]\n" : "]\n", o->rows ? 3 : 2, err);
}

static void text_free(struct rows_output *base)
{
    struct text_output *o = (struct text_output *)base;
    buf_fini(&o->value);
    arena_fini(&o->arena);
    alloc_delete(base->mem, o);
}

slp_rc rows_text_writer(const struct rows_output *from, struct rows_output **out,
                        struct slp_err *err)
{
    static const struct rows_output_ops ops = {
        .batch = text_batch, .finish = text_finish, .free = text_free};
    struct text_output *o = NULL;
    TRY(alloc_new(from->mem, &o, err));
    rows_output_init(&o->base, &ops, from);
    arena_init(&o->arena, from->mem, ROWS_ARENA_MAX_BYTES);
    buf_init(&o->value, from->mem, SIZE_MAX / 2);
    slp_rc rc = prepare_members(o, err);
    if (rc != SLP_OK) {
        rows_output_free(&o->base);
        return rc;
    }
    *out = &o->base;
    return SLP_OK;
}
