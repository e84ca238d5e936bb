#include "arrow/bits.h"
#include "arrow/cdata_priv.h"
#include "base/num.h"
#include "base/text.h"

static const struct {
    const char *format;
    enum arr_kind kind;
    bool is_large;
} plain_formats[] = {
    {"n", ARR_NULL, false},     {"b", ARR_BOOL, false},   {"c", ARR_INT8, false},
    {"s", ARR_INT16, false},    {"i", ARR_INT32, false},  {"l", ARR_INT64, false},
    {"C", ARR_UINT8, false},    {"S", ARR_UINT16, false}, {"I", ARR_UINT32, false},
    {"L", ARR_UINT64, false},   {"f", ARR_FLOAT, false},  {"g", ARR_DOUBLE, false},
    {"tdD", ARR_DATE32, false}, {"u", ARR_UTF8, false},   {"U", ARR_UTF8, true},
    {"z", ARR_BINARY, false},   {"Z", ARR_BINARY, true},
};

/* A decimal number that ends the text or stands before `stop`. */
static bool take_count(const char **at, char stop, int32_t max, int32_t *out)
{
    int32_t value = 0;
    const char *p = *at;
    for (; *p >= '0' && *p <= '9'; p++) {
        value = value * 10 + (*p - '0');
        if (value > max)
            return false;
    }
    if (p == *at || *p != stop)
        return false;
    *at = *p ? p + 1 : p;
    *out = value;
    return true;
}

/* "tsu:" or "tsu:UTC"; of zones only UTC says the same on every machine. */
static bool parse_timestamp(const char *format, struct arr_type *out)
{
    static const char units[] = "smun";
    const char *unit = format[2] ? strchr(units, format[2]) : NULL;
    if (!unit || format[3] != ':')
        return false;
    const char *zone = format + 4;
    bool utc = slice_is(slice_str(zone), "UTC") || slice_is(slice_str(zone), "Etc/UTC") ||
               slice_is(slice_str(zone), "Z") || slice_is(slice_str(zone), "+00:00");
    *out =
        (struct arr_type){.kind = ARR_TIMESTAMP, .unit = (enum arr_unit)(unit - units), .utc = utc};
    return utc || *zone == 0;
}

static bool parse_sized(const char *format, struct arr_type *out)
{
    const char *at = format + 2;
    struct arr_type t = {0};
    if (strncmp(format, "w:", 2) == 0) {
        t.kind = ARR_FIXED_BINARY;
        *out = t;
        return take_count(&at, 0, ARR_FIXED_MAX_BYTES, &out->width) && out->width > 0;
    }
    t.kind = ARR_DECIMAL128;
    if (strncmp(format, "d:", 2) != 0 || !take_count(&at, ',', 38, &t.precision) ||
        t.precision == 0)
        return false;
    /* A width of 128 bits may be written out. */
    size_t n = strlen(at);
    bool has_width = n > 4 && strcmp(at + n - 4, ",128") == 0;
    if (!take_count(&at, has_width ? ',' : 0, t.precision, &t.scale))
        return false;
    *out = t;
    return true;
}

slp_rc arr_format_parse(const char *format, struct arr_format *out, struct slp_err *err)
{
    struct arr_format f = {0};
    for (size_t i = 0; i < sizeof plain_formats / sizeof *plain_formats; i++) {
        if (strcmp(format, plain_formats[i].format) == 0) {
            f.type.kind = plain_formats[i].kind;
            f.is_large = plain_formats[i].is_large;
            *out = f;
            return SLP_OK;
        }
    }
    bool is_known = strncmp(format, "ts", 2) == 0 ? parse_timestamp(format, &f.type)
                                                  : parse_sized(format, &f.type);
    if (!is_known)
        FAIL(err, UNSUPPORTED, "Arrow format \"%.40s\" is not supported", format);
    *out = f;
    return SLP_OK;
}

static const char *name_of(const struct ArrowSchema *s)
{
    return s->name ? s->name : "";
}

static slp_rc import_format(const struct ArrowSchema *s, struct arr_format *out,
                            struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    if (s->dictionary)
        rc = err_set(err, SLP_UNSUPPORTED, "dictionaries are not supported");
    else
        rc = arr_format_parse(s->format, out, err);
    return err_wrap(err, rc, "field \"%.80s\"", name_of(s));
}

slp_rc arr_import_schema(const struct ArrowSchema *in, struct arena *a, struct arr_schema *out,
                         struct slp_err *err)
{
    if (strcmp(in->format, "+s") != 0)
        FAIL(err, UNSUPPORTED, "Arrow format \"%.40s\", expected a struct of columns (+s)",
             in->format);
    if (in->n_children < 0 || in->n_children > (int64_t)ARR_COLUMNS_MAX)
        FAIL(err, LIMIT, "%lld columns; expected at most %u", (long long)in->n_children,
             ARR_COLUMNS_MAX);
    size_t count = (size_t)in->n_children;
    void *room = NULL;
    TRY(arena_array(a, count, sizeof(struct arr_field), &room, err));
    struct arr_field *fields = room;
    for (size_t i = 0; i < count; i++) {
        const struct ArrowSchema *child = in->children[i];
        struct arr_format format = {0};
        TRY(import_format(child, &format, err));
        TRY(arena_text(a, slice_str(name_of(child)), &fields[i].name, err));
        fields[i].type = format.type;
        fields[i].nullable = child->flags & ARROW_FLAG_NULLABLE;
    }
    *out = (struct arr_schema){.fields = fields, .count = count};
    return SLP_OK;
}

/* One column of others: where rows [first, first + rows) of its buffers lie. */
struct source {
    struct arr_format format;
    const uint8_t *validity; /* NULL: none is null */
    const uint8_t *data;
    const uint8_t *offsets;
    int64_t first;
    int64_t rows;
};

static bool is_present(const struct source *s, int64_t row)
{
    return !s->validity || arr_bit(s->validity, s->first + row);
}

static int64_t offset_at(const struct source *s, int64_t row)
{
    if (s->format.is_large)
        return ((const int64_t *)(const void *)s->offsets)[s->first + row];
    return ((const int32_t *)(const void *)s->offsets)[s->first + row];
}

static slp_rc source_init(struct source *s, const struct ArrowArray *a, int64_t first, int64_t rows,
                          struct slp_err *err)
{
    enum arr_kind kind = s->format.type.kind;
    bool variable = arr_type_is_variable(s->format.type);
    int64_t buffers = kind == ARR_NULL ? 0 : variable ? 3 : 2;
    if (a->n_buffers != buffers || a->dictionary || a->n_children != 0)
        FAIL(err, INVALID, "%lld buffers and %lld children; expected %lld and none",
             (long long)a->n_buffers, (long long)a->n_children, (long long)buffers);
    if (a->offset < 0 || a->length < 0 || first < 0 || rows > a->length - first)
        FAIL(err, INVALID, "rows %lld to %lld of a column of %lld rows", (long long)first,
             (long long)first + (long long)rows, (long long)a->length);
    s->first = a->offset + first;
    s->rows = rows;
    if (kind == ARR_NULL)
        return SLP_OK;
    s->validity = a->null_count == 0 ? NULL : a->buffers[0];
    s->data = a->buffers[variable ? 2 : 1];
    s->offsets = variable ? a->buffers[1] : NULL;
    bool needs_data = rows > 0 && (variable ? offset_at(s, rows) > offset_at(s, 0) : true);
    if (rows > 0 && ((variable && !s->offsets) || (needs_data && !s->data)))
        FAIL(err, INVALID, "a buffer is missing");
    return SLP_OK;
}

static slp_rc import_string(const struct source *s, int64_t row, struct arr_col *out,
                            struct slp_err *err)
{
    int64_t from = offset_at(s, row);
    int64_t to = offset_at(s, row + 1);
    if (from < 0 || to < from)
        FAIL(err, INVALID, "offsets %lld and %lld in row %lld", (long long)from, (long long)to,
             (long long)row);
    struct slice value = slice_of(to > from ? s->data + from : NULL, (size_t)(to - from));
    if (out->type.kind == ARR_UTF8 && !text_is_utf8(value))
        FAIL(err, INVALID, "text of row %lld is not UTF-8", (long long)row);
    return arr_col_append(out, value, err);
}

static slp_rc import_value(const struct source *s, int64_t row, struct arr_col *out,
                           struct slp_err *err)
{
    if (!is_present(s, row))
        return arr_col_append_null(out, err);
    if (s->offsets)
        return import_string(s, row, out, err);
    if (out->type.kind == ARR_BOOL)
        return arr_col_append_bool(out, arr_bit(s->data, s->first + row), err);
    size_t width = arr_type_width(out->type);
    return arr_col_append(out, slice_of(s->data + (size_t)(s->first + row) * width, width), err);
}

static slp_rc import_column(const struct source *s, struct arr_col *out, struct slp_err *err)
{
    if (out->type.kind == ARR_NULL)
        return arr_col_append_nulls(out, s->rows, err);
    for (int64_t row = 0; row < s->rows; row++)
        TRY(import_value(s, row, out, err));
    return SLP_OK;
}

static slp_rc check_shape(const struct ArrowArray *in, const struct ArrowSchema *format,
                          const struct arr_batch *out, struct slp_err *err)
{
    size_t count = out->schema->count;
    if (strcmp(format->format, "+s") != 0 || format->n_children != (int64_t)count ||
        in->n_children != (int64_t)count)
        FAIL(err, INVALID,
             "format \"%.40s\" of %lld columns and %lld arrays; expected a struct of %zu",
             format->format, (long long)format->n_children, (long long)in->n_children, count);
    if (in->length < 0 || in->offset < 0)
        FAIL(err, INVALID, "a batch of %lld rows from %lld on", (long long)in->length,
             (long long)in->offset);
    bool has_bitmap = in->null_count != 0 && in->n_buffers > 0 && in->buffers && in->buffers[0];
    if (has_bitmap && arr_bits_count(in->buffers[0], in->offset, in->length) != in->length)
        FAIL(err, INVALID, "a batch with null rows; expected nulls in columns only");
    return SLP_OK;
}

static slp_rc import_one(const struct ArrowArray *in, const struct ArrowSchema *format, size_t i,
                         struct arr_batch *out, struct slp_err *err)
{
    struct source s = {0};
    const struct arr_field *f = &out->schema->fields[i];
    slp_rc rc = arr_format_parse(format->children[i]->format, &s.format, err);
    if (rc == SLP_OK && !arr_type_equal(s.format.type, f->type)) {
        char got[64];
        char want[64];
        arr_type_format(s.format.type, got, sizeof got);
        arr_type_format(f->type, want, sizeof want);
        rc = err_set(err, SLP_INVALID, "type %s, expected %s", got, want);
    }
    if (rc == SLP_OK)
        rc = source_init(&s, in->children[i], in->offset, in->length, err);
    if (rc == SLP_OK)
        rc = import_column(&s, &out->cols[i], err);
    return err_wrap(err, rc, "column \"%.80s\"", f->name);
}

slp_rc arr_import_batch(const struct ArrowArray *in, const struct ArrowSchema *format,
                        struct arr_batch *out, struct slp_err *err)
{
    slp_rc rc = check_shape(in, format, out, err);
    for (size_t i = 0; i < out->schema->count && rc == SLP_OK; i++)
        rc = import_one(in, format, i, out, err);
    if (rc == SLP_OK)
        out->rows += in->length;
    else
        arr_batch_truncate(out, out->rows);
    return err_wrap(err, rc, "Arrow batch");
}
