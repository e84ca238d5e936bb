#include "arrow/type.h"

#include <stdio.h>

#include "base/num.h"
#include "base/text.h"

#define NAME_MAX_BYTES 64u

bool arr_type_equal(struct arr_type a, struct arr_type b)
{
    if (a.kind != b.kind)
        return false;
    switch (a.kind) {
    case ARR_TIMESTAMP:
        return a.unit == b.unit && a.utc == b.utc;
    case ARR_FIXED_BINARY:
        return a.width == b.width;
    case ARR_DECIMAL128:
        return a.precision == b.precision && a.scale == b.scale;
    default:
        return true;
    }
}

size_t arr_type_width(struct arr_type t)
{
    switch (t.kind) {
    case ARR_INT8:
    case ARR_UINT8:
        return 1;
    case ARR_INT16:
    case ARR_UINT16:
        return 2;
    case ARR_INT32:
    case ARR_UINT32:
    case ARR_FLOAT:
    case ARR_DATE32:
        return 4;
    case ARR_INT64:
    case ARR_UINT64:
    case ARR_DOUBLE:
    case ARR_TIMESTAMP:
        return 8;
    case ARR_DECIMAL128:
        return 16;
    case ARR_FIXED_BINARY:
        return (size_t)t.width;
    default:
        return 0;
    }
}

bool arr_type_is_variable(struct arr_type t)
{
    return t.kind == ARR_UTF8 || t.kind == ARR_BINARY;
}

/* Names without arguments. The first of a kind is the one that is written. */
static const struct {
    const char *name;
    struct arr_type type;
} names[] = {
    {"null", {.kind = ARR_NULL}},
    {"bool", {.kind = ARR_BOOL}},
    {"boolean", {.kind = ARR_BOOL}},
    {"int8", {.kind = ARR_INT8}},
    {"byte", {.kind = ARR_INT8}},
    {"tinyint", {.kind = ARR_INT8}},
    {"int16", {.kind = ARR_INT16}},
    {"short", {.kind = ARR_INT16}},
    {"smallint", {.kind = ARR_INT16}},
    {"int32", {.kind = ARR_INT32}},
    {"int", {.kind = ARR_INT32}},
    {"integer", {.kind = ARR_INT32}},
    {"int64", {.kind = ARR_INT64}},
    {"long", {.kind = ARR_INT64}},
    {"bigint", {.kind = ARR_INT64}},
    {"uint8", {.kind = ARR_UINT8}},
    {"utinyint", {.kind = ARR_UINT8}},
    {"uint16", {.kind = ARR_UINT16}},
    {"usmallint", {.kind = ARR_UINT16}},
    {"uint32", {.kind = ARR_UINT32}},
    {"uinteger", {.kind = ARR_UINT32}},
    {"uint64", {.kind = ARR_UINT64}},
    {"ubigint", {.kind = ARR_UINT64}},
    {"float", {.kind = ARR_FLOAT}},
    {"float32", {.kind = ARR_FLOAT}},
    {"real", {.kind = ARR_FLOAT}},
    {"double", {.kind = ARR_DOUBLE}},
    {"double precision", {.kind = ARR_DOUBLE}},
    {"float64", {.kind = ARR_DOUBLE}},
    {"date", {.kind = ARR_DATE32}},
    {"date32", {.kind = ARR_DATE32}},
    {"date32[day]", {.kind = ARR_DATE32}},
    {"timestamp", {.kind = ARR_TIMESTAMP, .unit = ARR_MICRO}},
    {"datetime", {.kind = ARR_TIMESTAMP, .unit = ARR_MICRO}},
    {"timestamptz", {.kind = ARR_TIMESTAMP, .unit = ARR_MICRO, .utc = true}},
    {"string", {.kind = ARR_UTF8}},
    {"utf8", {.kind = ARR_UTF8}},
    {"text", {.kind = ARR_UTF8}},
    {"varchar", {.kind = ARR_UTF8}},
    {"str", {.kind = ARR_UTF8}},
    {"large_string", {.kind = ARR_UTF8}},
    {"large_utf8", {.kind = ARR_UTF8}},
    {"binary", {.kind = ARR_BINARY}},
    {"bytes", {.kind = ARR_BINARY}},
    {"blob", {.kind = ARR_BINARY}},
    {"bytea", {.kind = ARR_BINARY}},
    {"varbinary", {.kind = ARR_BINARY}},
    {"large_binary", {.kind = ARR_BINARY}},
};

static const char *const unit_names[] = {"s", "ms", "us", "ns"};

void arr_type_format(struct arr_type t, char *out, size_t out_bytes)
{
    switch (t.kind) {
    case ARR_TIMESTAMP:
        (void)snprintf(out, out_bytes, "timestamp[%s%s]", unit_names[t.unit], t.utc ? ", UTC" : "");
        return;
    case ARR_FIXED_BINARY:
        (void)snprintf(out, out_bytes, "fixed_binary(%d)", t.width);
        return;
    case ARR_DECIMAL128:
        (void)snprintf(out, out_bytes, "decimal(%d, %d)", t.precision, t.scale);
        return;
    default:
        break;
    }
    const char *name = "unknown";
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (names[i].type.kind == t.kind) {
            name = names[i].name;
            break;
        }
    }
    (void)snprintf(out, out_bytes, "%s", name);
}

/* Lower case, blanks collapsed and trimmed; blanks beside brackets and commas are dropped. */
static bool squeeze(struct slice text, char out[NAME_MAX_BYTES])
{
    size_t n = 0;
    bool blank = false;
    for (size_t i = 0; i < text.len; i++) {
        char c = (char)text.ptr[i];
        if (c == ' ' || c == '\t') {
            blank = n > 0;
            continue;
        }
        if (c >= 'A' && c <= 'Z')
            c = (char)(c + ('a' - 'A'));
        bool joins = strchr("()[],=", c) || (n > 0 && strchr("([,=", out[n - 1]));
        if (c == 0 || n + 2 >= NAME_MAX_BYTES)
            return false;
        if (blank && !joins)
            out[n++] = ' ';
        out[n++] = c;
        blank = false;
    }
    out[n] = 0;
    return n > 0;
}

/* "word(a,b)" or "word[a,b]": the word and what stands between the brackets. */
static bool split_arguments(char *text, char **arguments)
{
    char *open = strpbrk(text, "([");
    if (!open)
        return false;
    size_t n = strlen(open);
    if (open[n - 1] != (*open == '(' ? ')' : ']'))
        return false;
    open[n - 1] = 0;
    *open = 0;
    *arguments = open + 1;
    return true;
}

static bool parse_count(const char **at, int32_t max, int32_t *out)
{
    int32_t value = 0;
    const char *p = *at;
    if (*p < '0' || *p > '9')
        return false;
    for (; *p >= '0' && *p <= '9'; p++) {
        value = value * 10 + (*p - '0');
        if (value > max)
            return false;
    }
    *at = p;
    *out = value;
    return true;
}

static bool parse_timestamp(const char *arguments, struct arr_type *out)
{
    for (size_t i = 0; i < sizeof unit_names / sizeof *unit_names; i++) {
        size_t n = strlen(unit_names[i]);
        if (strncmp(arguments, unit_names[i], n) != 0)
            continue;
        const char *zone = arguments + n;
        bool utc = strcmp(zone, ",utc") == 0 || strcmp(zone, ",tz=utc") == 0;
        if (*zone && !utc)
            continue;
        *out = (struct arr_type){.kind = ARR_TIMESTAMP, .unit = (enum arr_unit)i, .utc = utc};
        return true;
    }
    return false;
}

static bool parse_decimal(const char *arguments, struct arr_type *out)
{
    struct arr_type t = {.kind = ARR_DECIMAL128};
    if (!parse_count(&arguments, 38, &t.precision) || t.precision < 1)
        return false;
    if (*arguments == ',') {
        arguments++;
        if (!parse_count(&arguments, t.precision, &t.scale))
            return false;
    }
    if (*arguments)
        return false;
    *out = t;
    return true;
}

static bool parse_fixed(const char *arguments, struct arr_type *out)
{
    struct arr_type t = {.kind = ARR_FIXED_BINARY};
    if (!parse_count(&arguments, ARR_FIXED_MAX_BYTES, &t.width) || t.width < 1 || *arguments)
        return false;
    *out = t;
    return true;
}

typedef bool parse_arguments_fn(const char *arguments, struct arr_type *out);

static const struct {
    const char *name;
    parse_arguments_fn *parse;
    const char *expected;
} families[] = {
    {"timestamp", parse_timestamp, "timestamp[s], [ms], [us] or [ns], or with UTC: [us, UTC]"},
    {"decimal", parse_decimal, "decimal(precision 1 to 38, scale 0 to precision)"},
    {"decimal128", parse_decimal, "decimal(precision 1 to 38, scale 0 to precision)"},
    {"numeric", parse_decimal, "decimal(precision 1 to 38, scale 0 to precision)"},
    {"fixed_binary", parse_fixed, "fixed_binary(bytes, 1 to 65535)"},
    {"fixed_size_binary", parse_fixed, "fixed_binary(bytes, 1 to 65535)"},
};

static slp_rc fail_nearest(struct slice text, const char *squeezed, struct slp_err *err)
{
    struct slice word = slice_str(squeezed);
    const char *best = NULL;
    size_t best_distance = SIZE_MAX;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t distance = text_distance(word, slice_str(names[i].name));
        if (distance < best_distance) {
            best = names[i].name;
            best_distance = distance;
        }
    }
    struct slice shown = slice_first(text, num_min_size(text.len, 40));
    if (best && text_is_near(word, slice_str(best), best_distance))
        FAIL(err, INVALID, "unknown type \"%.*s\"; did you mean \"%s\"?", SLICE_ARG(shown), best);
    FAIL(err, INVALID,
         "unknown type \"%.*s\"; expected one such as int64, double, string, binary, date, "
         "timestamp[us], decimal(10, 2)",
         SLICE_ARG(shown));
}

slp_rc arr_type_parse(struct slice text, struct arr_type *out, struct slp_err *err)
{
    char word[NAME_MAX_BYTES];
    if (!squeeze(text, word))
        return fail_nearest(text, "", err);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(word, names[i].name) == 0) {
            *out = names[i].type;
            return SLP_OK;
        }
    }
    char *arguments = word + strlen(word);
    bool has_arguments = split_arguments(word, &arguments);
    for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
        if (strcmp(word, families[i].name) != 0)
            continue;
        if (has_arguments && families[i].parse(arguments, out))
            return SLP_OK;
        FAIL(err, INVALID, "unknown type \"%.*s\"; expected %s",
             SLICE_ARG(slice_first(text, num_min_size(text.len, 40))), families[i].expected);
    }
    return fail_nearest(text, word, err);
}

int64_t arr_schema_find(const struct arr_schema *s, struct slice name)
{
    for (size_t i = 0; i < s->count; i++) {
        if (slice_is(name, s->fields[i].name))
            return (int64_t)i;
    }
    return -1;
}

const char *arr_schema_nearest(const struct arr_schema *s, struct slice name)
{
    const char *best = NULL;
    size_t best_distance = SIZE_MAX;
    for (size_t i = 0; i < s->count; i++) {
        struct slice candidate = slice_str(s->fields[i].name);
        size_t distance = text_distance(name, candidate);
        if (distance < best_distance && text_is_near(name, candidate, distance)) {
            best = s->fields[i].name;
            best_distance = distance;
        }
    }
    return best;
}

slp_rc arr_schema_copy(struct arena *a, const struct arr_schema *from, struct arr_schema *to,
                       struct slp_err *err)
{
    void *room = NULL;
    TRY(arena_array(a, from->count, sizeof *from->fields, &room, err));
    struct arr_field *fields = room;
    for (size_t i = 0; i < from->count; i++) {
        fields[i] = from->fields[i];
        TRY(arena_text(a, slice_str(from->fields[i].name), &fields[i].name, err));
    }
    *to = (struct arr_schema){.fields = fields, .count = from->count};
    return SLP_OK;
}
