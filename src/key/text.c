#include "arrow/text.h"
#include "base/text.h"
#include "key/key_priv.h"

static bool needs_quotes(struct slice text)
{
    if (text.len == 0)
        return true;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        if (c == '"' || c == ',' || c == '\n' || c == '\r')
            return true;
    }
    return false;
}

/* Append a CSV field: as it is, or in quotes with quotes doubled. */
static slp_rc write_field(struct slice text, struct buf *out, struct slp_err *err)
{
    if (!needs_quotes(text))
        return buf_append_slice(out, text, err);
    return text_append_quoted(out, text, err);
}

static void cols_init(const struct key_spec *spec, struct alloc *mem, struct arr_col *cols)
{
    for (size_t f = 0; f < spec->field_count; f++)
        arr_col_init(&cols[f], mem, spec->types[f]);
}

static void cols_fini(const struct key_spec *spec, struct arr_col *cols)
{
    for (size_t f = 0; f < spec->field_count; f++)
        arr_col_fini(&cols[f]);
}

slp_rc key_format(const struct key_spec *spec, struct slice key, struct buf *out,
                  struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct arr_col cols[SCHEMA_KEY_FIELDS_MAX];
    struct buf text;
    size_t fields = 0;
    size_t before = out->len;
    cols_init(spec, out->mem, cols);
    buf_init(&text, out->mem, 2 * (size_t)KEY_MAX_BYTES);
    TRY_OUT(key_decode(spec, key, cols, &fields, err));
    for (size_t f = 0; f < fields; f++) {
        buf_clear(&text);
        if (f)
            TRY_OUT(buf_append_u8(out, ',', err));
        TRY_OUT(arr_text_format(&cols[f], 0, &text, err));
        TRY_OUT(write_field(buf_slice(&text), out, err));
    }
out:
    if (rc != SLP_OK)
        out->len = before;
    buf_fini(&text);
    cols_fini(spec, cols);
    return rc;
}

/* A quoted field up to its closing quote into `field`, quotes halved. */
static slp_rc take_quoted(struct slice *text, struct buf *field, struct slp_err *err)
{
    struct slice left = slice_after(*text, 1);
    while (left.len) {
        const uint8_t *quote = memchr(left.ptr, '"', left.len);
        if (!quote)
            break;
        size_t n = (size_t)(quote - left.ptr);
        TRY(buf_append(field, left.ptr, n, err));
        left = slice_after(left, n + 1);
        if (left.len == 0 || left.ptr[0] != '"') {
            *text = left;
            return SLP_OK;
        }
        TRY(buf_append_u8(field, '"', err));
        left = slice_after(left, 1);
    }
    FAIL(err, INVALID, "a quoted field without closing quote");
}

/* Take a field, and the comma behind it; `has_more` says whether there was one. */
static slp_rc take_field(struct slice *text, struct buf *field, bool *has_more, struct slp_err *err)
{
    buf_clear(field);
    if (text->len && text->ptr[0] == '"') {
        TRY(take_quoted(text, field, err));
        if (text->len && text->ptr[0] != ',')
            FAIL(err, INVALID, "text behind the closing quote; expected a comma or the end");
    } else {
        const uint8_t *comma = text->len ? memchr(text->ptr, ',', text->len) : NULL;
        size_t n = comma ? (size_t)(comma - text->ptr) : text->len;
        if (n && memchr(text->ptr, '"', n))
            FAIL(err, INVALID, "a quote inside a field; quote all of it and double the quote");
        TRY(buf_append(field, text->ptr, n, err));
        *text = slice_after(*text, n);
    }
    *has_more = text->len > 0;
    if (*has_more)
        *text = slice_after(*text, 1);
    return SLP_OK;
}

static const char *field_name(const struct key_spec *spec, const struct schema *schema, size_t f)
{
    return schema->columns.fields[spec->columns[f]].name;
}

static slp_rc refuse_count(const struct key_spec *spec, const struct schema *schema, bool too_many,
                           size_t got, size_t min_fields, struct slp_err *err)
{
    slp_rc rc = SLP_INVALID;
    if (too_many)
        (void)err_set(err, rc, "more than %zu fields; expected", spec->field_count);
    else
        (void)err_set(err, rc, "%zu field%s; expected at least %zu of", got, got == 1 ? "" : "s",
                      min_fields);
    for (size_t f = 0; f < spec->field_count; f++)
        (void)err_append(err, rc, "%s%s", f ? "," : " ", field_name(spec, schema, f));
    return rc;
}

/* A key that is being read, field by field. */
struct key_reader {
    const struct key_spec *spec;
    const struct schema *schema;
    struct slice text; /* what is left */
    struct buf field;  /* the text of one field */
    struct arr_col cols[SCHEMA_KEY_FIELDS_MAX];
    size_t fields; /* read so far */
};

static slp_rc read_fields(struct key_reader *r, struct slp_err *err)
{
    bool has_more = true;
    while (has_more) {
        if (r->fields == r->spec->field_count)
            return refuse_count(r->spec, r->schema, true, 0, 0, err);
        slp_rc rc = take_field(&r->text, &r->field, &has_more, err);
        if (rc == SLP_OK)
            rc = arr_text_parse(&r->cols[r->fields], buf_slice(&r->field), err);
        if (rc != SLP_OK)
            return err_wrap(err, rc, "field \"%s\"", field_name(r->spec, r->schema, r->fields));
        r->fields++;
    }
    return SLP_OK;
}

slp_rc key_parse(const struct key_spec *spec, const struct schema *schema, struct slice text,
                 size_t min_fields, struct buf *out, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct key_reader r = {.spec = spec, .schema = schema, .text = text};
    cols_init(spec, out->mem, r.cols);
    buf_init(&r.field, out->mem, 2 * (size_t)KEY_MAX_BYTES);
    /* No text is one empty field where one is wanted, and the empty prefix where none is. */
    if (text.len || min_fields)
        TRY_OUT(read_fields(&r, err));
    if (r.fields < min_fields)
        TRY_OUT(refuse_count(spec, schema, false, r.fields, min_fields, err));
    TRY_OUT(key_encode_prefix(spec, r.cols, r.fields, out, err));
out:
    buf_fini(&r.field);
    cols_fini(spec, r.cols);
    return err_wrap(err, rc, "key");
}
