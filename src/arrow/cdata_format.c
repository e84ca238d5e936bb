#include <stdio.h>

#include "arrow/cdata_priv.h"
#include "base/num.h"

static const struct {
    const char *format;
    struct arr_type type;
    enum arr_layout layout;
} plain_formats[] = {
    {"n", {.kind = ARR_NULL}, ARR_AS_OURS},
    {"b", {.kind = ARR_BOOL}, ARR_AS_OURS},
    {"c", {.kind = ARR_INT8}, ARR_AS_OURS},
    {"s", {.kind = ARR_INT16}, ARR_AS_OURS},
    {"i", {.kind = ARR_INT32}, ARR_AS_OURS},
    {"l", {.kind = ARR_INT64}, ARR_AS_OURS},
    {"C", {.kind = ARR_UINT8}, ARR_AS_OURS},
    {"S", {.kind = ARR_UINT16}, ARR_AS_OURS},
    {"I", {.kind = ARR_UINT32}, ARR_AS_OURS},
    {"L", {.kind = ARR_UINT64}, ARR_AS_OURS},
    {"e", {.kind = ARR_FLOAT16}, ARR_AS_OURS},
    {"f", {.kind = ARR_FLOAT}, ARR_AS_OURS},
    {"g", {.kind = ARR_DOUBLE}, ARR_AS_OURS},
    {"tdD", {.kind = ARR_DATE32}, ARR_AS_OURS},
    {"tdm", {.kind = ARR_DATE32}, ARR_DATE64},
    {"tts", {.kind = ARR_TIME32, .unit = ARR_SECOND}, ARR_AS_OURS},
    {"ttm", {.kind = ARR_TIME32, .unit = ARR_MILLI}, ARR_AS_OURS},
    {"ttu", {.kind = ARR_TIME64, .unit = ARR_MICRO}, ARR_AS_OURS},
    {"ttn", {.kind = ARR_TIME64, .unit = ARR_NANO}, ARR_AS_OURS},
    {"tDs", {.kind = ARR_DURATION, .unit = ARR_SECOND}, ARR_AS_OURS},
    {"tDm", {.kind = ARR_DURATION, .unit = ARR_MILLI}, ARR_AS_OURS},
    {"tDu", {.kind = ARR_DURATION, .unit = ARR_MICRO}, ARR_AS_OURS},
    {"tDn", {.kind = ARR_DURATION, .unit = ARR_NANO}, ARR_AS_OURS},
    {"tin", {.kind = ARR_INTERVAL}, ARR_AS_OURS},
    {"tiM", {.kind = ARR_INTERVAL}, ARR_MONTHS},
    {"tiD", {.kind = ARR_INTERVAL}, ARR_DAY_TIME},
    {"u", {.kind = ARR_UTF8}, ARR_AS_OURS},
    {"U", {.kind = ARR_UTF8}, ARR_LARGE},
    {"vu", {.kind = ARR_UTF8}, ARR_VIEW},
    {"z", {.kind = ARR_BINARY}, ARR_AS_OURS},
    {"Z", {.kind = ARR_BINARY}, ARR_LARGE},
    {"vz", {.kind = ARR_BINARY}, ARR_VIEW},
    {"+s", {.kind = ARR_STRUCT}, ARR_AS_OURS},
    {"+l", {.kind = ARR_LIST}, ARR_AS_OURS},
    {"+L", {.kind = ARR_LIST}, ARR_LARGE},
    {"+m", {.kind = ARR_MAP}, ARR_AS_OURS},
};

#define PLAIN_COUNT (sizeof plain_formats / sizeof *plain_formats)

void arr_format_write(struct arr_type t, char *out)
{
    static const char units[] = "smun";
    switch (t.kind) {
    case ARR_TIMESTAMP:
        (void)snprintf(out, ARR_FORMAT_BYTES, "ts%c:%s", units[t.unit], t.utc ? "UTC" : "");
        return;
    case ARR_FIXED_BINARY:
        (void)snprintf(out, ARR_FORMAT_BYTES, "w:%d", t.width);
        return;
    case ARR_DECIMAL128:
        (void)snprintf(out, ARR_FORMAT_BYTES, "d:%d,%d", t.precision, t.scale);
        return;
    case ARR_DECIMAL256:
        (void)snprintf(out, ARR_FORMAT_BYTES, "d:%d,%d,256", t.precision, t.scale);
        return;
    default:
        break;
    }
    for (size_t i = 0; i < PLAIN_COUNT; i++) {
        if (plain_formats[i].layout == ARR_AS_OURS && arr_type_equal(plain_formats[i].type, t))
            (void)snprintf(out, ARR_FORMAT_BYTES, "%s", plain_formats[i].format);
    }
}

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

/* "d:P,S", "d:P,S,128" or "d:P,S,256". */
static bool parse_decimal(const char *format, struct arr_type *out)
{
    const char *at = format + 2;
    size_t n = strlen(at);
    bool is_wide = n > 4 && strcmp(at + n - 4, ",256") == 0;
    bool has_width = is_wide || (n > 4 && strcmp(at + n - 4, ",128") == 0);
    struct arr_type t = {.kind = is_wide ? ARR_DECIMAL256 : ARR_DECIMAL128};
    if (!take_count(&at, ',', is_wide ? 76 : 38, &t.precision) || t.precision == 0 ||
        !take_count(&at, has_width ? ',' : 0, t.precision, &t.scale))
        return false;
    *out = t;
    return true;
}

static bool parse_sized(const char *format, struct arr_format *out)
{
    const char *at = format + 2;
    if (strncmp(format, "d:", 2) == 0)
        return parse_decimal(format, &out->type);
    if (strncmp(format, "w:", 2) == 0) {
        out->type.kind = ARR_FIXED_BINARY;
        return take_count(&at, 0, ARR_FIXED_MAX_BYTES, &out->type.width) && out->type.width > 0;
    }
    if (strncmp(format, "+w:", 3) != 0)
        return false;
    at++;
    out->type.kind = ARR_LIST;
    out->layout = ARR_FIXED_LIST;
    return take_count(&at, 0, ARR_FIXED_MAX_BYTES, &out->fixed_items);
}

slp_rc arr_format_parse(const char *format, struct arr_format *out, struct slp_err *err)
{
    struct arr_format f = {0};
    for (size_t i = 0; i < PLAIN_COUNT; i++) {
        if (strcmp(format, plain_formats[i].format) == 0) {
            f.type = plain_formats[i].type;
            f.layout = plain_formats[i].layout;
            *out = f;
            return SLP_OK;
        }
    }
    bool is_known =
        strncmp(format, "ts", 2) == 0 ? parse_timestamp(format, &f.type) : parse_sized(format, &f);
    if (!is_known)
        FAIL(err, UNSUPPORTED, "Arrow format \"%.40s\"%s is not supported", format,
             strncmp(format, "+v", 2) == 0   ? " (list view)"
             : strncmp(format, "+u", 2) == 0 ? " (union)"
             : strcmp(format, "+r") == 0     ? " (run-end encoded)"
                                             : "");
    *out = f;
    return SLP_OK;
}

#define EXTENSION_KEY "ARROW:extension:name"

/* One pair: its count, then lengths and bytes of key and value, native integers of 32 bits. */
#define EXTENSION_METADATA(length, name) "\1\0\0\0\24\0\0\0" EXTENSION_KEY length "\0\0\0" name

static const struct {
    const char *ours;
    const char *theirs;
    const char *metadata;
} extensions[] = {
    {"json", "arrow.json", EXTENSION_METADATA("\12", "arrow.json")},
    {"uuid", "arrow.uuid", EXTENSION_METADATA("\12", "arrow.uuid")},
};

#define EXTENSION_COUNT (sizeof extensions / sizeof *extensions)

const char *arr_extension_metadata(const char *extension)
{
    for (size_t i = 0; extension && i < EXTENSION_COUNT; i++) {
        if (strcmp(extension, extensions[i].ours) == 0)
            return extensions[i].metadata;
    }
    return NULL;
}

static bool take_text(const char **at, struct slice *out)
{
    uint32_t n = num_load_u32le(*at);
    *out = slice_of(*at + 4, n);
    *at += 4 + (size_t)n;
    return n <= INT32_MAX;
}

const char *arr_extension_of(const char *metadata)
{
    if (!metadata)
        return NULL;
    uint32_t pairs = num_load_u32le(metadata);
    const char *at = metadata + 4;
    for (uint32_t i = 0; pairs <= INT32_MAX && i < pairs; i++) {
        struct slice key;
        struct slice value;
        if (!take_text(&at, &key) || !take_text(&at, &value))
            return NULL;
        for (size_t k = 0; slice_is(key, EXTENSION_KEY) && k < EXTENSION_COUNT; k++) {
            if (slice_is(value, extensions[k].theirs))
                return extensions[k].ours;
        }
    }
    return NULL;
}
