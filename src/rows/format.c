#include "rows/rows_priv.h"

#include <stdio.h>

#include "base/text.h"

struct name {
    const char *text;
    enum rows_format format;
};

/* The first name of a format is the one we print. */
static const struct name names[] = {
    {"auto", ROWS_AUTO},    {"parquet", ROWS_PARQUET}, {"csv", ROWS_CSV},
    {"tsv", ROWS_TSV},      {"ndjson", ROWS_NDJSON},   {"json", ROWS_JSON},
    {"arrow", ROWS_ARROW},  {"table", ROWS_TABLE},     {"markdown", ROWS_MARKDOWN},
    {"jsonl", ROWS_NDJSON}, {"md", ROWS_MARKDOWN},
};

static const struct name endings[] = {
    {".parquet", ROWS_PARQUET}, {".parq", ROWS_PARQUET}, {".pq", ROWS_PARQUET},
    {".csv", ROWS_CSV},         {".tsv", ROWS_TSV},      {".tab", ROWS_TSV},
    {".ndjson", ROWS_NDJSON},   {".jsonl", ROWS_NDJSON}, {".json", ROWS_JSON},
    {".arrows", ROWS_ARROW},    {".arrow", ROWS_ARROW},  {".feather", ROWS_ARROW},
};

struct magic {
    const char *bytes;
    size_t len;
    enum rows_format format; /* ROWS_AUTO: refused */
    const char *refusal;
};

static const struct magic magics[] = {
    {"PAR1", 4, ROWS_PARQUET, NULL},
    {"PARE", 4, ROWS_PARQUET, NULL},
    {"\xff\xff\xff\xff", 4, ROWS_ARROW, NULL},
    {"ARROW1", 6, ROWS_ARROW, NULL},
    {"\x1f\x8b", 2, ROWS_AUTO, "compressed with gzip; unpack it and pipe it in"},
    {"\x28\xb5\x2f\xfd", 4, ROWS_AUTO, "compressed with zstd; unpack it and pipe it in"},
    {"PK\x03\x04", 4, ROWS_AUTO, "a zip archive; unpack it"},
    {"BZh", 3, ROWS_AUTO, "compressed with bzip2; unpack it and pipe it in"},
    {"ORC", 3, ROWS_AUTO, "an ORC file; expected Parquet, CSV, TSV or NDJSON"},
    {"Obj\x01", 4, ROWS_AUTO, "an Avro file; expected Parquet, CSV, TSV or NDJSON"},
    {"\xff\xfe", 2, ROWS_AUTO, "text in UTF-16; expected UTF-8"},
    {"\xfe\xff", 2, ROWS_AUTO, "text in UTF-16; expected UTF-8"},
};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static slp_rc refuse_name(struct slice name, struct slp_err *err)
{
    const char *nearest = NULL;
    size_t least = SIZE_MAX;
    for (size_t i = 1; i < COUNT(names); i++) {
        size_t distance = text_distance(name, slice_str(names[i].text));
        if (distance < least && text_is_near(name, slice_str(names[i].text), distance)) {
            least = distance;
            nearest = names[i].text;
        }
    }
    if (nearest)
        FAIL(err, INVALID, "unknown format \"%.*s\"; did you mean \"%s\"?", SLICE_ARG(name),
             nearest);
    FAIL(err, INVALID,
         "unknown format \"%.*s\"; expected parquet, csv, tsv, ndjson, json, arrow, table or "
         "markdown",
         SLICE_ARG(name));
}

slp_rc rows_format_parse(struct slice name, enum rows_format *out, struct slp_err *err)
{
    for (size_t i = 0; i < COUNT(names); i++) {
        if (slice_is(name, names[i].text)) {
            *out = names[i].format;
            return SLP_OK;
        }
    }
    return refuse_name(name, err);
}

const char *rows_format_name(enum rows_format f)
{
    for (size_t i = 0; i < COUNT(names); i++) {
        if (names[i].format == f)
            return names[i].text;
    }
    return "unknown";
}

static bool ends_with(const char *path, const char *ending)
{
    size_t n = strlen(path);
    size_t m = strlen(ending);
    if (n < m)
        return false;
    for (size_t i = 0; i < m; i++) {
        char c = path[n - m + i];
        if ((c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c) != ending[i])
            return false;
    }
    return true;
}

/* The first byte that is no white space, 0 if there is none. */
static uint8_t first_sign(struct slice head)
{
    for (size_t i = 0; i < head.len; i++) {
        uint8_t c = head.ptr[i];
        if (c != ' ' && c != '\t' && c != '\r' && c != '\n')
            return c;
    }
    return 0;
}

/* Text whose name says nothing: JSON shows itself, all other text is CSV. */
static slp_rc detect_text(const char *path, struct slice head, enum rows_format *out,
                          struct slp_err *err)
{
    if (first_sign(head) == '{')
        *out = ROWS_NDJSON;
    else if (first_sign(head) == '[')
        *out = ROWS_JSON;
    else if (memchr(head.ptr, 0, head.len))
        FAIL(err, UNSUPPORTED, "file \"%s\": neither Parquet nor CSV, TSV or NDJSON", path);
    else
        *out = ROWS_CSV;
    return SLP_OK;
}

slp_rc rows_detect(const char *path, struct slice head, enum rows_format *out, struct slp_err *err)
{
    for (size_t i = 0; i < COUNT(magics); i++) {
        if (!slice_starts_with(head, slice_of(magics[i].bytes, magics[i].len)))
            continue;
        if (magics[i].format == ROWS_AUTO)
            FAIL(err, UNSUPPORTED, "file \"%s\": %s", path, magics[i].refusal);
        *out = magics[i].format;
        return SLP_OK;
    }
    for (size_t i = 0; i < COUNT(endings); i++) {
        if (!ends_with(path, endings[i].text))
            continue;
        /* Many files of rows, one object a line, are called .json. */
        bool is_lines = endings[i].format == ROWS_JSON && first_sign(head) == '{';
        *out = is_lines ? ROWS_NDJSON : endings[i].format;
        return SLP_OK;
    }
    if (head.len == 0)
        FAIL(err, BAD_INPUT, "file \"%s\": empty; expected rows", path);
    return detect_text(path, head, out, err);
}
