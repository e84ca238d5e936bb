#include "os/folder.h"
#include "rows/rows_priv.h"

/* What is kept of a pipe is moved in pieces of this size. */
#define SPOOL_BYTES ((size_t)256 * 1024)

struct rows_input {
    struct alloc *mem;
    struct arena arena;
    enum rows_format format;
    const char *path;
    const struct arr_schema *schema;
    struct rows_limits limits;
    const struct rows_rejects *rejects; /* may be NULL */
    const struct rows_check *check;     /* the same */
    struct rows_parquet *parquet;
    struct os_temp *spool; /* of Parquet that came on a pipe */
    struct rows_arrow *arrow;
    struct rows_text_in text;
    struct rows_text_reader
        *reader;   /* CSV, TSV, NDJSON, Arrow; text: NULL until columns are known */
    bool is_taken; /* what is no Parquet goes by once */
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
    char has[120];
    char wants[120];
    arr_field_type_format(have, has, sizeof has);
    arr_field_type_format(want, wants, sizeof wants);
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
        if (is_typed && !rows_field_widens(&have->fields[at], field))
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
    FAIL(err, UNSUPPORTED,
         "file \"%s\": %s is written and not read; expected Parquet, CSV, TSV, NDJSON or Arrow",
         name, rows_format_name(format));
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

static uint8_t delimiter_of(const struct rows_input *in)
{
    return in->format == ROWS_TSV ? '\t' : ',';
}

/* Keep all that comes in a temporary file. */
static slp_rc spool_rest(struct rows_input *in, const char *folder, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct buf piece;
    size_t got = 0;
    TRY(os_temp_open(in->mem, folder ? folder : os_folder_temporary(), &in->spool, err));
    buf_init(&piece, in->mem, SPOOL_BYTES);
    TRY_OUT(buf_reserve(&piece, SPOOL_BYTES, err));
    do {
        TRY_OUT(rows_text_in_take(&in->text, piece.ptr, SPOOL_BYTES, &got, err));
        TRY_OUT(sink_write(os_temp_sink(in->spool), piece.ptr, got, err));
    } while (got == SPOOL_BYTES);
    TRY_OUT(os_temp_flush(in->spool, err));
out:
    buf_fini(&piece);
    return err_wrap(err, rc, "file \"%s\"", in->text.name);
}

static slp_rc open_parquet(struct rows_input *in, const struct rows_input_options *o,
                           struct slp_err *err)
{
    if (is_stdin(in->path) || !os_reader_is_file(in->text.reader))
        TRY(spool_rest(in, o->temp_folder, err));
    const char *name = in->spool ? in->text.name : in->path;
    TRY(rows_parquet_open(in->mem, name, in->spool, in->limits, &in->parquet, err));
    rows_parquet_rejects(in->parquet, in->rejects, in->check);
    in->schema = rows_parquet_schema(in->parquet);
    return SLP_OK;
}

static slp_rc open_arrow(struct rows_input *in, struct slp_err *err)
{
    TRY(rows_arrow_open(in->mem, &in->text, &in->arrow, err));
    in->reader = rows_arrow_reader(in->arrow);
    in->reader->rejects = in->rejects;
    in->reader->check = in->check;
    in->schema = rows_arrow_schema(in->arrow);
    return SLP_OK;
}

static slp_rc infer_schema(struct rows_input *in, struct slp_err *err)
{
    struct arr_schema *own = NULL;
    TRY(arena_new(&in->arena, &own, err));
    in->text.is_kept = true;
    if (in->format == ROWS_NDJSON)
        TRY(rows_ndjson_schema(in->mem, &in->text, &in->arena, own, err));
    else
        TRY(rows_csv_schema(in->mem, &in->text, delimiter_of(in), &in->arena, own, err));
    rows_text_in_rewind(&in->text);
    in->schema = own;
    return SLP_OK;
}

/* Text itself is opened when its columns are known. */
static slp_rc open_text(struct rows_input *in, const struct rows_input_options *o,
                        struct slp_err *err)
{
    if (o->want)
        return SLP_OK;
    if (o->infer)
        return infer_schema(in, err);
    FAIL(err, INVALID, "%s has no types of its own; name the columns that are wanted",
         rows_format_name(in->format));
}

static slp_rc open_format(struct rows_input *in, const struct rows_input_options *o,
                          struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    switch (in->format) {
    case ROWS_PARQUET:
        return open_parquet(in, o, err);
    case ROWS_ARROW:
        rc = open_arrow(in, err);
        return err_wrap(err, rc, "file \"%s\"", in->text.name);
    case ROWS_CSV:
    case ROWS_TSV:
    case ROWS_NDJSON:
        rc = open_text(in, o, err);
        return err_wrap(err, rc, "file \"%s\"", in->text.name);
    default:
        return refuse_format(in->text.name, in->format, err);
    }
}

static slp_rc demand_column(const char *name, const char *file, const struct arr_schema *have,
                            struct slp_err *err)
{
    const char *nearest = arr_schema_nearest(have, slice_str(name));
    if (arr_schema_find(have, slice_str(name)) >= 0)
        return SLP_OK;
    FAIL(err, BAD_INPUT, "file \"%s\": no column \"%s\"%s%s%s", file, name,
         nearest ? "; did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : "");
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
    in->rejects = options->rejects;
    in->check = options->check;
    arena_init(&in->arena, mem, ROWS_ARENA_MAX_BYTES);
    TRY_OUT(arena_text(&in->arena, slice_str(path), &in->path, err));
    TRY_OUT(rows_text_in_open(&in->text, mem, path, err));
    TRY_OUT(find_format(&in->text, options->format, &in->format, err));
    TRY_OUT(open_format(in, options, err));
    const struct arr_schema *have = in->schema;
    if (options->want)
        TRY_OUT(rows_input_want(in, options->want, err));
    if (!have && in->reader)
        have = in->reader->header;
    if (options->demand && have)
        TRY_OUT(demand_column(options->demand, in->text.name, have, err));
    *out = in;
out:
    if (rc != SLP_OK)
        rows_input_close(in);
    return rc;
}

static slp_rc open_reader(struct rows_input *in, struct slp_err *err)
{
    if (in->format == ROWS_NDJSON)
        TRY(rows_ndjson_open(in->mem, &in->text, in->schema, &in->reader, err));
    else
        TRY(rows_csv_open(in->mem, &in->text, delimiter_of(in), in->schema, &in->reader, err));
    in->reader->rejects = in->rejects;
    in->reader->check = in->check;
    return SLP_OK;
}

slp_rc rows_input_want(struct rows_input *in, const struct arr_schema *want, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    assert(!in->is_taken && (in->arrow || !in->reader));
    in->schema = want;
    if (in->parquet)
        return rows_parquet_want(in->parquet, want, err);
    if (in->arrow)
        rc = rows_arrow_want(in->arrow, want, err);
    else
        rc = open_reader(in, err);
    return err_wrap(err, rc, "file \"%s\"", in->text.name);
}

void rows_input_filter(struct rows_input *in, const struct pred *pred, struct rows_counts *counts)
{
    if (in->parquet)
        rows_parquet_filter(in->parquet, pred, counts);
}

void rows_input_crc(struct rows_input *in, enum pq_crc crc)
{
    if (in->parquet)
        rows_parquet_crc(in->parquet, crc);
}

void rows_input_keep_dictionaries(struct rows_input *in)
{
    if (in->parquet)
        rows_parquet_keep_dictionaries(in->parquet);
}

void rows_input_close(struct rows_input *in)
{
    if (!in)
        return;
    if (in->reader)
        in->reader->ops->close(in->reader);
    rows_parquet_close(in->parquet);
    os_temp_close(in->spool);
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

/* ---- The one part of what is no Parquet ---- */

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
    if (!in->reader)
        TRY(err_wrap(err, open_reader(in, err), "file \"%s\"", in->text.name));
    TRY(alloc_new(mem, &s, err));
    *s = (struct text_part){.base = {.ops = &ops, .schema = in->schema}, .in = in, .mem = mem};
    in->is_taken = true;
    *out = &s->base;
    return SLP_OK;
}

/* ---- The schema of a file ---- */

slp_rc rows_file_schema(struct alloc *mem, const char *path, enum rows_format format,
                        struct arena *arena, struct arr_schema *out, struct slp_err *err)
{
    struct rows_input *in = NULL;
    struct rows_input_options o = {.format = format, .infer = true};
    if (is_stdin(path))
        FAIL(err, INVALID, "standard input goes by once; name a file to take the columns from");
    TRY(rows_input_open(mem, path, &o, &in, err));
    slp_rc rc = arr_schema_copy(arena, rows_input_schema(in), out, err);
    rows_input_close(in);
    return rc;
}
