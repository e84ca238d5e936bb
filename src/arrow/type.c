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
    case ARR_DECIMAL256:
        return a.precision == b.precision && a.scale == b.scale;
    case ARR_TIME32:
    case ARR_TIME64:
    case ARR_DURATION:
        return a.unit == b.unit;
    default:
        return true;
    }
}

bool arr_field_same_type(const struct arr_field *a, const struct arr_field *b)
{
    if (!arr_type_equal(a->type, b->type) || a->child_count != b->child_count)
        return false;
    bool is_struct = a->type.kind == ARR_STRUCT;
    for (size_t i = 0; i < a->child_count; i++) {
        if (is_struct && strcmp(a->children[i].name, b->children[i].name) != 0)
            return false;
        /* The names of key and value are nobody's choice. */
        bool is_map = a->type.kind == ARR_MAP;
        const struct arr_field *x = is_map ? a->children[i].children : &a->children[i];
        const struct arr_field *y = is_map ? b->children[i].children : &b->children[i];
        for (size_t k = 0; k < (is_map ? 2u : 1u); k++) {
            if (!arr_field_same_type(&x[k], &y[k]))
                return false;
        }
    }
    return true;
}

size_t arr_type_width(struct arr_type t)
{
    switch (t.kind) {
    case ARR_INT8:
    case ARR_UINT8:
        return 1;
    case ARR_INT16:
    case ARR_UINT16:
    case ARR_FLOAT16:
        return 2;
    case ARR_INT32:
    case ARR_UINT32:
    case ARR_FLOAT:
    case ARR_DATE32:
    case ARR_TIME32:
        return 4;
    case ARR_INT64:
    case ARR_UINT64:
    case ARR_DOUBLE:
    case ARR_TIMESTAMP:
    case ARR_TIME64:
    case ARR_DURATION:
        return 8;
    case ARR_DECIMAL128:
    case ARR_INTERVAL:
        return 16;
    case ARR_DECIMAL256:
        return 32;
    case ARR_FIXED_BINARY:
        return (size_t)t.width;
    default:
        return 0;
    }
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
    {"float16", {.kind = ARR_FLOAT16}},
    {"halffloat", {.kind = ARR_FLOAT16}},
    {"time", {.kind = ARR_TIME64, .unit = ARR_MICRO}},
    {"interval", {.kind = ARR_INTERVAL}},
    {"month_day_nano_interval", {.kind = ARR_INTERVAL}},
};

static const char *const unit_names[] = {"s", "ms", "us", "ns"};

void arr_type_format(struct arr_type t, char *out, size_t out_bytes)
{
    switch (t.kind) {
    case ARR_TIMESTAMP:
        (void)snprintf(out, out_bytes, "timestamp[%s%s]", unit_names[t.unit], t.utc ? ", UTC" : "");
        return;
    case ARR_TIME32:
    case ARR_TIME64:
        (void)snprintf(out, out_bytes, "time%d[%s]", t.kind == ARR_TIME32 ? 32 : 64,
                       unit_names[t.unit]);
        return;
    case ARR_DURATION:
        (void)snprintf(out, out_bytes, "duration[%s]", unit_names[t.unit]);
        return;
    case ARR_FIXED_BINARY:
        (void)snprintf(out, out_bytes, "fixed_binary(%d)", t.width);
        return;
    case ARR_DECIMAL128:
        (void)snprintf(out, out_bytes, "decimal(%d, %d)", t.precision, t.scale);
        return;
    case ARR_DECIMAL256:
        (void)snprintf(out, out_bytes, "decimal256(%d, %d)", t.precision, t.scale);
        return;
    case ARR_LIST:
    case ARR_MAP:
    case ARR_STRUCT:
        (void)snprintf(out, out_bytes, "%s",
                       t.kind == ARR_LIST ? "list" : (t.kind == ARR_MAP ? "map" : "struct"));
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

/* A text that is cut where its room ends. */
struct type_text {
    char *out;
    size_t room; /* with the terminator */
    size_t len;
    bool is_cut;
};

static void put_text(struct type_text *t, const char *text)
{
    size_t n = strlen(text);
    size_t left = t->room - 1 - t->len;
    if (n > left) {
        n = left;
        t->is_cut = true;
    }
    memcpy(t->out + t->len, text, n);
    t->len += n;
    t->out[t->len] = 0;
}

static void put_type(struct type_text *t, const struct arr_field *f)
{
    char name[NAME_MAX_BYTES];
    arr_type_format(f->type, name, sizeof name);
    put_text(t, name);
    if (!arr_type_is_nested(f->type) || t->is_cut)
        return;
    bool is_map = f->type.kind == ARR_MAP;
    const struct arr_field *children = is_map ? f->children[0].children : f->children;
    size_t count = is_map ? 2 : f->child_count;
    put_text(t, "<");
    for (size_t i = 0; i < count; i++) {
        put_text(t, i ? ", " : "");
        if (!is_map) {
            put_text(t, children[i].name);
            put_text(t, ": ");
        }
        put_type(t, &children[i]);
    }
    put_text(t, ">");
}

void arr_field_type_format(const struct arr_field *f, char *out, size_t out_bytes)
{
    static const char cut[] = "...";
    struct type_text t = {.out = out, .room = out_bytes};
    assert(out_bytes >= sizeof cut);
    put_type(&t, f);
    if (t.is_cut)
        memcpy(out + out_bytes - sizeof cut, cut, sizeof cut);
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

static bool parse_unit(const char *arguments, enum arr_kind kind, unsigned from, unsigned to,
                       struct arr_type *out)
{
    for (unsigned i = from; i <= to; i++) {
        if (strcmp(arguments, unit_names[i]) != 0)
            continue;
        *out = (struct arr_type){.kind = kind, .unit = (enum arr_unit)i};
        return true;
    }
    return false;
}

static bool parse_time32(const char *arguments, struct arr_type *out)
{
    return parse_unit(arguments, ARR_TIME32, ARR_SECOND, ARR_MILLI, out);
}

static bool parse_time64(const char *arguments, struct arr_type *out)
{
    return parse_unit(arguments, ARR_TIME64, ARR_MICRO, ARR_NANO, out);
}

static bool parse_duration(const char *arguments, struct arr_type *out)
{
    return parse_unit(arguments, ARR_DURATION, ARR_SECOND, ARR_NANO, out);
}

static bool parse_decimal_of(const char *arguments, enum arr_kind kind, int32_t max,
                             struct arr_type *out)
{
    struct arr_type t = {.kind = kind};
    if (!parse_count(&arguments, max, &t.precision) || t.precision < 1)
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

static bool parse_decimal(const char *arguments, struct arr_type *out)
{
    return parse_decimal_of(arguments, ARR_DECIMAL128, 38, out);
}

static bool parse_decimal256(const char *arguments, struct arr_type *out)
{
    return parse_decimal_of(arguments, ARR_DECIMAL256, 76, out);
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
    {"decimal256", parse_decimal256, "decimal256(precision 1 to 76, scale 0 to precision)"},
    {"time32", parse_time32, "time32[s] or time32[ms]"},
    {"time64", parse_time64, "time64[us] or time64[ns]"},
    {"duration", parse_duration, "duration[s], [ms], [us] or [ns]"},
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

size_t arr_field_leaf_count(const struct arr_field *f)
{
    size_t count = f->child_count == 0;
    for (size_t i = 0; i < f->child_count; i++)
        count += arr_field_leaf_count(&f->children[i]);
    return count;
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

slp_rc arr_schema_require(const struct arr_schema *s, struct slice name, size_t *out,
                          struct slp_err *err)
{
    int64_t at = arr_schema_find(s, name);
    const char *near = at < 0 ? arr_schema_nearest(s, name) : NULL;
    if (near)
        FAIL(err, NOT_FOUND, "no column \"%.*s\"; did you mean \"%s\"?", SLICE_ARG(name), near);
    if (at < 0)
        FAIL(err, NOT_FOUND, "no column \"%.*s\"", SLICE_ARG(name));
    *out = (size_t)at;
    return SLP_OK;
}

static slp_rc copy_fields(struct arena *a, const struct arr_field *from, size_t count,
                          unsigned depth, struct arr_field **to, struct slp_err *err)
{
    void *room = NULL;
    if (depth > ARR_DEPTH_MAX)
        FAIL(err, LIMIT, "nested deeper than %u", ARR_DEPTH_MAX);
    TRY(arena_array(a, count, sizeof *from, &room, err));
    struct arr_field *fields = room;
    for (size_t i = 0; i < count; i++) {
        fields[i] = from[i];
        TRY(arena_text(a, slice_str(from[i].name), &fields[i].name, err));
        if (from[i].extension)
            TRY(arena_text(a, slice_str(from[i].extension), &fields[i].extension, err));
        if (from[i].child_count == 0)
            continue;
        slp_rc rc = copy_fields(a, from[i].children, from[i].child_count, depth + 1,
                                &fields[i].children, err);
        if (rc != SLP_OK)
            return depth == 1 ? err_wrap(err, rc, "column \"%s\"", from[i].name) : rc;
    }
    *to = fields;
    return SLP_OK;
}

static slp_rc copy_pairs(struct arena *a, const struct arr_schema *from, struct arr_pair **out,
                         struct slp_err *err)
{
    if (from->pair_count == 0)
        return SLP_OK;
    TRY(arena_array(a, from->pair_count, sizeof **out, (void **)out, err));
    for (size_t i = 0; i < from->pair_count; i++) {
        TRY(arena_copy(a, from->pairs[i].key, &(*out)[i].key, err));
        TRY(arena_copy(a, from->pairs[i].value, &(*out)[i].value, err));
    }
    return SLP_OK;
}

slp_rc arr_schema_copy(struct arena *a, const struct arr_schema *from, struct arr_schema *to,
                       struct slp_err *err)
{
    struct arr_field *fields = NULL;
    struct arr_pair *pairs = NULL;
    TRY(copy_fields(a, from->fields, from->count, 1, &fields, err));
    TRY(copy_pairs(a, from, &pairs, err));
    *to = (struct arr_schema){
        .fields = fields, .count = from->count, .pairs = pairs, .pair_count = from->pair_count};
    return SLP_OK;
}
