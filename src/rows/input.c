#include "rows/rows_priv.h"

struct rows_input {
    struct alloc *mem;
    struct arena arena;
    enum rows_format format;
    const char *path;
    const struct arr_schema *schema;
    struct rows_limits limits;
    struct rows_parquet *parquet;
    struct rows_text_in text;
    struct rows_text_reader *reader; /* CSV, TSV, NDJSON */
    bool is_taken;                   /* text goes by once */
};

/* ---- Columns ---- */

static slp_rc refuse_missing(const struct arr_schema *have, const struct arr_field *field,
                             struct slp_err *err)
{
    const char *nearest = arr_schema_nearest(have, slice_str(field->name));
    if (nearest)
        FAIL(err, BAD_INPUT, "no column \"%s\", which may not be null; did you mean \"%s\"?",
             field->name, nearest);
    FAIL(err, BAD_INPUT, "no column \"%s\", which may not be null", field->name);
}

static slp_rc refuse_type(const struct arr_field *have, const struct arr_field *want,
                          struct slp_err *err)
{
    char has[64];
    char wants[64];
    arr_type_format(have->type, has, sizeof has);
    arr_type_format(want->type, wants, sizeof wants);
    FAIL(err, BAD_INPUT, "column \"%s\" is %s, expected %s or what becomes it without loss",
         want->name, has, wants);
}

static bool is_twice(const struct arr_schema *have, size_t first)
{
    for (size_t i = first + 1; i < have->count; i++) {
        if (strcmp(have->fields[i].name, have->fields[first].name) == 0)
            return true;
    }
    return false;
}

slp_rc rows_match(const struct arr_schema *have, const struct arr_schema *want, bool is_typed,
                  size_t *places, struct slp_err *err)
{
    for (size_t i = 0; i < want->count; i++) {
        const struct arr_field *field = &want->fields[i];
        int64_t at = arr_schema_find(have, slice_str(field->name));
        places[i] = at < 0 ? SIZE_MAX : (size_t)at;
        if (at < 0) {
            if (!field->nullable)
                return refuse_missing(have, field, err);
            continue;
        }
        if (is_twice(have, places[i]))
            FAIL(err, BAD_INPUT, "two columns \"%s\"", field->name);
        if (is_typed && !rows_widens(have->fields[at].type, field->type))
            return refuse_type(&have->fields[at], field, err);
    }
    return SLP_OK;
}

size_t rows_fixed_bytes(const struct arr_schema *s)
{
    size_t bytes = 0;
    for (size_t i = 0; i < s->count; i++)
        bytes += arr_type_is_variable(s->fields[i].type) ? sizeof(int32_t)
                                                         : arr_type_width(s->fields[i].type) + 1;
    return bytes;
}

/* ---- Opening ---- */

/* Formats that are known and not read. */
static slp_rc refuse_format(const char *name, enum rows_format format, struct slp_err *err)
{
    if (format == ROWS_JSON)
        FAIL(err, UNSUPPORTED,
             "file \"%s\": one JSON array; expected one object a line (ndjson), as \"jq -c '.[]'\" "
             "writes them",
             name);
    if (format == ROWS_ARROW)
        FAIL(err, UNSUPPORTED,
             "file \"%s\": Arrow is written and not yet read; expected Parquet, CSV, TSV or NDJSON",
             name);
    FAIL(err, UNSUPPORTED,
         "file \"%s\": %s is written and not read; expected Parquet, CSV, TSV or NDJSON", name,
         rows_format_name(format));
}

/* The format of what `text` was opened on; its first bytes stay in the window. */
static slp_rc find_format(struct rows_text_in *text, enum rows_format asked, enum rows_format *out,
                          struct slp_err *err)
{
    *out = asked;
    if (asked != ROWS_AUTO)
        return SLP_OK;
    slp_rc rc = rows_text_in_more(text, err);
    if (rc != SLP_OK)
        return err_wrap(err, rc, "file \"%s\"", text->name);
    return rows_detect(text->name, rows_text_in_rest(text), out, err);
}

static bool is_stdin(const char *path)
{
    return strcmp(path, "-") == 0;
}

static slp_rc open_parquet(struct rows_input *in, const struct arr_schema *want,
                           struct slp_err *err)
{
    if (is_stdin(in->path))
        FAIL(err, UNSUPPORTED,
             "standard input: Parquet is read from its end; expected a file, CSV, TSV or NDJSON");
    TRY(rows_parquet_open(in->mem, in->path, want, in->limits, &in->parquet, err));
    in->schema = rows_parquet_schema(in->parquet);
    return SLP_OK;
}

static slp_rc open_text(struct rows_input *in, const struct arr_schema *want, struct slp_err *err)
{
    uint8_t delimiter = in->format == ROWS_TSV ? '\t' : ',';
    if (!want)
        FAIL(err, INVALID, "%s has no types of its own; name the columns that are wanted",
             rows_format_name(in->format));
    in->schema = want;
    if (in->format == ROWS_NDJSON)
        return rows_ndjson_open(in->mem, &in->text, want, &in->reader, err);
    return rows_csv_open(in->mem, &in->text, delimiter, want, &in->reader, err);
}

static slp_rc open_format(struct rows_input *in, const struct arr_schema *want, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    switch (in->format) {
    case ROWS_PARQUET:
        return open_parquet(in, want, err);
    case ROWS_CSV:
    case ROWS_TSV:
    case ROWS_NDJSON:
        rc = open_text(in, want, err);
        return err_wrap(err, rc, "file \"%s\"", in->text.name);
    default:
        return refuse_format(in->text.name, in->format, err);
    }
}

slp_rc rows_input_open(struct alloc *mem, const char *path,
                       const struct rows_input_options *options, struct rows_input **out,
                       struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct rows_input *in = NULL;
    TRY(alloc_new(mem, &in, err));
    in->mem = mem;
    in->limits.rows = options->batch_rows ? options->batch_rows : ROWS_BATCH_ROWS_DEFAULT;
    in->limits.bytes = options->batch_bytes ? options->batch_bytes : ROWS_BATCH_BYTES_DEFAULT;
    arena_init(&in->arena, mem, ROWS_ARENA_MAX_BYTES);
    TRY_OUT(arena_text(&in->arena, slice_str(path), &in->path, err));
    TRY_OUT(rows_text_in_open(&in->text, mem, path, err));
    TRY_OUT(find_format(&in->text, options->format, &in->format, err));
    TRY_OUT(open_format(in, options->want, err));
    *out = in;
out:
    if (rc != SLP_OK)
        rows_input_close(in);
    return rc;
}

void rows_input_close(struct rows_input *in)
{
    if (!in)
        return;
    if (in->reader)
        in->reader->ops->close(in->reader);
    rows_parquet_close(in->parquet);
    rows_text_in_close(&in->text);
    arena_fini(&in->arena);
    alloc_delete(in->mem, in);
}

const struct arr_schema *rows_input_schema(const struct rows_input *in)
{
    return in->schema;
}

size_t rows_input_parts(const struct rows_input *in)
{
    return in->parquet ? rows_parquet_parts(in->parquet) : 1;
}

int64_t rows_input_rows(const struct rows_input *in)
{
    return in->parquet ? rows_parquet_rows(in->parquet) : -1;
}

/* ---- The one part of text ---- */

struct text_part {
    struct arr_stream base;
    struct rows_input *in;
    struct alloc *mem;
    slp_rc failed;
};

static slp_rc text_next(struct arr_stream *stream, struct arr_batch *out, struct slp_err *err)
{
    struct text_part *s = (struct text_part *)stream;
    struct rows_input *in = s->in;
    if (s->failed != SLP_OK)
        return err_set(err, s->failed, "file \"%s\": reading failed before", in->text.name);
    if (out->schema)
        arr_batch_clear(out);
    else
        TRY(arr_batch_init(out, s->mem, in->schema, err));
    s->failed = in->reader->ops->fill(in->reader, out, in->limits, err);
    if (s->failed != SLP_OK) {
        arr_batch_clear(out);
        return err_wrap(err, s->failed, "file \"%s\"", in->text.name);
    }
    return out->rows ? SLP_OK : SLP_DONE;
}

static void text_close(struct arr_stream *stream)
{
    struct text_part *s = (struct text_part *)stream;
    alloc_delete(s->mem, s);
}

slp_rc rows_input_part(struct rows_input *in, size_t part, struct alloc *mem,
                       struct arr_stream **out, struct slp_err *err)
{
    static const struct arr_stream_ops ops = {.next = text_next, .close = text_close};
    struct text_part *s = NULL;
    if (part >= rows_input_parts(in))
        FAIL(err, INVALID, "part %zu of %zu", part, rows_input_parts(in));
    if (in->parquet)
        return rows_parquet_part(in->parquet, part, mem, out, err);
    if (in->is_taken)
        FAIL(err, INVALID, "file \"%s\": its rows go by once, and were asked for twice",
             in->text.name);
    TRY(alloc_new(mem, &s, err));
    *s = (struct text_part){.base = {.ops = &ops, .schema = in->schema}, .in = in, .mem = mem};
    in->is_taken = true;
    *out = &s->base;
    return SLP_OK;
}

/* ---- The schema of a file ---- */

static slp_rc parquet_schema(struct alloc *mem, const char *path, struct arena *arena,
                             struct arr_schema *out, struct slp_err *err)
{
    struct rows_parquet *p = NULL;
    struct rows_limits limits = {.rows = 1, .bytes = 1};
    TRY(rows_parquet_open(mem, path, NULL, limits, &p, err));
    slp_rc rc = arr_schema_copy(arena, rows_parquet_schema(p), out, err);
    rows_parquet_close(p);
    return rc;
}

static slp_rc format_schema(struct alloc *mem, enum rows_format format, struct rows_text_in *text,
                            struct arena *arena, struct arr_schema *out, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    switch (format) {
    case ROWS_PARQUET:
        return parquet_schema(mem, text->name, arena, out, err);
    case ROWS_CSV:
    case ROWS_TSV:
        rc = rows_csv_schema(mem, text, format == ROWS_TSV ? '\t' : ',', arena, out, err);
        return err_wrap(err, rc, "file \"%s\"", text->name);
    case ROWS_NDJSON:
        rc = rows_ndjson_schema(mem, text, arena, out, err);
        return err_wrap(err, rc, "file \"%s\"", text->name);
    default:
        return refuse_format(text->name, format, err);
    }
}

slp_rc rows_file_schema(struct alloc *mem, const char *path, enum rows_format format,
                        struct arena *arena, struct arr_schema *out, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct rows_text_in text = {0};
    if (is_stdin(path))
        FAIL(err, INVALID, "standard input goes by once; name a file to take the columns from");
    TRY(rows_text_in_open(&text, mem, path, err));
    TRY_OUT(find_format(&text, format, &format, err));
    TRY_OUT(format_schema(mem, format, &text, arena, out, err));
out:
    rows_text_in_close(&text);
    return rc;
}
