#include "arrow/text.h"
#include "rows/csv_scan.h"
#include "rows/json_pull.h"
#include "rows/lines.h"
#include "rows/rows_priv.h"

/* Types a column may still have; the first of them that is left is taken. */
enum candidate {
    MAY_BOOL = 1,
    MAY_INT64 = 2,
    MAY_DOUBLE = 4,
    MAY_DATE = 8,
    MAY_TIME = 16,
    MAY_INSTANT = 32,
    MAY_UTF8 = 64,
    MAY_ALL = 127
};

#define MAY_NUMBER ((unsigned)MAY_INT64 | MAY_DOUBLE)

/* Whole numbers of more digits may lose some as a double. */
#define SAFE_DIGITS 15u

static const struct {
    unsigned candidate;
    struct arr_type type;
} types[] = {
    {MAY_BOOL, {.kind = ARR_BOOL}},
    {MAY_INT64, {.kind = ARR_INT64}},
    {MAY_DOUBLE, {.kind = ARR_DOUBLE}},
    {MAY_DATE, {.kind = ARR_DATE32}},
    {MAY_TIME, {.kind = ARR_TIMESTAMP, .unit = ARR_MICRO}},
    {MAY_INSTANT, {.kind = ARR_TIMESTAMP, .unit = ARR_MICRO, .utc = true}},
    {MAY_UTF8, {.kind = ARR_UTF8}},
};

struct column {
    const char *name;
    unsigned may;
    bool has_value;
};

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* What numbers this text may be, so that it would be printed with the same digits: no + in front,
 * no 0 in front of digits. */
static unsigned number_candidates(struct slice text)
{
    int64_t integer = 0;
    double real = 0;
    struct slice bare = text;
    size_t whole = 0;
    if (bare.len && bare.ptr[0] == '-')
        bare = slice_after(bare, 1);
    while (whole < bare.len && is_digit(bare.ptr[whole]))
        whole++;
    if ((text.len && text.ptr[0] == '+') || (whole > 1 && bare.ptr[0] == '0'))
        return 0;
    if (arr_text_i64(text, &integer))
        return whole <= SAFE_DIGITS ? MAY_NUMBER : MAY_INT64;
    if ((whole == bare.len && whole > SAFE_DIGITS) || !arr_text_f64(text, &real))
        return 0;
    return MAY_DOUBLE;
}

static bool is_bool(struct slice text)
{
    return slice_is(text, "true") || slice_is(text, "false") || slice_is(text, "TRUE") ||
           slice_is(text, "FALSE") || slice_is(text, "True") || slice_is(text, "False");
}

static unsigned time_candidates(struct slice text)
{
    int32_t days = 0;
    int64_t time = 0;
    unsigned may = arr_text_date(text, &days) ? MAY_DATE : 0u;
    if (arr_text_timestamp(text, ARR_MICRO, false, &time))
        may |= MAY_TIME;
    else if (arr_text_timestamp(text, ARR_MICRO, true, &time))
        may |= MAY_INSTANT;
    return may;
}

static unsigned text_candidates(struct slice text, unsigned among)
{
    unsigned may = MAY_UTF8;
    if (among == MAY_UTF8)
        return may;
    if ((among & MAY_BOOL) && is_bool(text))
        may |= MAY_BOOL;
    if (among & MAY_NUMBER)
        may |= number_candidates(text);
    if (among & (MAY_DATE | MAY_TIME | MAY_INSTANT))
        may |= time_candidates(text);
    return may;
}

static struct arr_type type_of(const struct column *c)
{
    struct arr_type utf8 = {.kind = ARR_UTF8};
    for (size_t i = 0; c->has_value && i < sizeof types / sizeof types[0]; i++) {
        if (c->may & types[i].candidate)
            return types[i].type;
    }
    return utf8;
}

static slp_rc make_schema(const struct column *columns, size_t count, struct arena *arena,
                          struct arr_schema *out, struct slp_err *err)
{
    struct arr_schema s = {.count = count};
    TRY(arena_array(arena, count, sizeof *s.fields, (void **)&s.fields, err));
    for (size_t i = 0; i < count; i++) {
        s.fields[i] = (struct arr_field){.type = type_of(&columns[i]), .nullable = true};
        TRY(arena_text(arena, slice_str(columns[i].name), &s.fields[i].name, err));
    }
    *out = s;
    return SLP_OK;
}

/* ---- CSV ---- */

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
        columns[i].may &= text_candidates(text, columns[i].may);
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

/* ---- NDJSON ---- */

struct ndjson_look {
    struct arena work;
    struct rows_json_pull pull;
    struct rows_lines lines;
    struct buf columns; /* of struct column, as they were first met */
    const char *column; /* that is being read, for messages; NULL: none */
};

static struct column *columns_of(const struct ndjson_look *l)
{
    return (struct column *)(void *)l->columns.ptr;
}

static size_t column_count(const struct ndjson_look *l)
{
    return l->columns.len / sizeof(struct column);
}

/* The column of a name, added if it is new. `expected`: where it stands if lines are alike. */
static slp_rc find_column(struct ndjson_look *l, struct slice name, size_t expected, size_t *out,
                          struct slp_err *err)
{
    struct column fresh = {.may = MAY_ALL};
    size_t count = column_count(l);
    *out = expected;
    if (expected < count && slice_is(name, columns_of(l)[expected].name))
        return SLP_OK;
    for (*out = 0; *out < count; (*out)++) {
        if (slice_is(name, columns_of(l)[*out].name))
            return SLP_OK;
    }
    if (count == ARR_COLUMNS_MAX)
        FAIL(err, LIMIT, "more than %u columns", ARR_COLUMNS_MAX);
    if (memchr(name.ptr, 0, name.len))
        FAIL(err, BAD_INPUT, "the name of a member has a NUL in it");
    TRY(arena_text(&l->work, name, &fresh.name, err));
    return buf_append(&l->columns, &fresh, sizeof fresh, err);
}

static bool is_special_number(struct slice text)
{
    return slice_is(text, "NaN") || slice_is(text, "Infinity") || slice_is(text, "-Infinity");
}

/* What a value may be; 0 for null, which says nothing. */
static slp_rc value_candidates(struct ndjson_look *l, unsigned among, unsigned *may,
                               struct slp_err *err)
{
    struct rows_json_token t;
    TRY(rows_json_next(&l->pull, &t, err));
    switch (t.kind) {
    case ROWS_JSON_TEXT:
        *may = MAY_UTF8;
        if (is_special_number(t.text))
            *may |= MAY_DOUBLE;
        else if (among & (MAY_DATE | MAY_TIME | MAY_INSTANT))
            *may |= time_candidates(t.text);
        return SLP_OK;
    case ROWS_JSON_NUMBER:
        *may = number_candidates(t.text);
        if (*may == 0)
            FAIL(err, UNSUPPORTED, "a whole number beyond int64; give the table a schema");
        return SLP_OK;
    case ROWS_JSON_TRUE:
    case ROWS_JSON_FALSE:
        *may = MAY_BOOL;
        return SLP_OK;
    case ROWS_JSON_NULL:
        *may = 0;
        return SLP_OK;
    default:
        FAIL(err, UNSUPPORTED, "%s; the types of nested values are not guessed: give a schema",
             rows_json_name(t.kind));
    }
}

static slp_rc look_at_member(struct ndjson_look *l, size_t at, struct slp_err *err)
{
    unsigned may = 0;
    struct column *c = &columns_of(l)[at];
    l->column = c->name;
    TRY(value_candidates(l, c->may, &may, err));
    if (may && (c->may & may) == 0)
        FAIL(err, BAD_INPUT, "values of different kinds, as texts and numbers are");
    if (may) {
        c->may &= may;
        c->has_value = true;
    }
    l->column = NULL;
    return SLP_OK;
}

static slp_rc look_at_line(struct ndjson_look *l, struct slice line, struct slp_err *err)
{
    struct rows_json_token t;
    size_t at = SIZE_MAX;
    rows_json_begin(&l->pull, line);
    TRY(rows_json_need(&l->pull, ROWS_JSON_OBJECT, &t, err));
    for (bool is_first = true;; is_first = false) {
        slp_rc rc = rows_json_member(&l->pull, is_first, &t, err);
        if (rc == SLP_DONE)
            break;
        TRY(rc);
        TRY(find_column(l, t.text, at + 1, &at, err));
        TRY(look_at_member(l, at, err));
    }
    return rows_json_need(&l->pull, ROWS_JSON_END, &t, err);
}

static slp_rc look_at_lines(struct ndjson_look *l, struct slp_err *err)
{
    for (int64_t row = 0; row < ROWS_INFER_ROWS && !rows_text_in_is_full(l->lines.in); row++) {
        struct slice line = {0};
        slp_rc rc = rows_lines_next(&l->lines, &line, err);
        if (rc == SLP_DONE)
            break;
        TRY(rc);
        rc = look_at_line(l, line, err);
        if (rc != SLP_OK)
            return rows_wrap_line(err, rc, l->lines.line, l->column);
    }
    return SLP_OK;
}

slp_rc rows_ndjson_schema(struct alloc *mem, struct rows_text_in *in, struct arena *arena,
                          struct arr_schema *out, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct ndjson_look l = {0};
    arena_init(&l.work, mem, ROWS_ARENA_MAX_BYTES);
    rows_json_init(&l.pull, mem, 2 * ROWS_LINE_MAX_BYTES);
    rows_lines_init(&l.lines, in);
    buf_init(&l.columns, mem, ARR_COLUMNS_MAX * sizeof(struct column));
    TRY_OUT(rows_text_in_begin(in, err));
    TRY_OUT(look_at_lines(&l, err));
    if (column_count(&l) == 0)
        FAIL_OUT(err, BAD_INPUT, "no columns; expected an object a line");
    TRY_OUT(make_schema(columns_of(&l), column_count(&l), arena, out, err));
out:
    buf_fini(&l.columns);
    rows_json_fini(&l.pull);
    arena_fini(&l.work);
    return rc;
}
