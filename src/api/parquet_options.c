#include "api/parquet_options.h"

#include <inttypes.h>
#include <strings.h>

#include "arrow/text.h"
#include "parquet/writer.h"

/* Bounds of what may be asked for. */
#define ROWS_MAX       INT32_MAX
#define PAGE_BYTES_MIN 1024u
#define PAGE_BYTES_MAX (256u << 20)

static slp_rc set_profile(const char *name, struct pq_write_options *o, struct slp_err *err)
{
    pq_write_options_init(o);
    if (name && strcmp(name, "compat") == 0)
        pq_write_options_compat(o);
    else if (name && strcmp(name, "default") != 0)
        FAIL(err, INVALID, "profile \"%s\" is not known; expected default or compat", name);
    return SLP_OK;
}

/* "zstd" or "zstd:3". */
static slp_rc set_codec(const char *text, struct pq_write_options *o, struct slp_err *err)
{
    static const struct {
        const char *name;
        enum cx_kind kind;
        int64_t level_max; /* 0: it has no levels */
    } codecs[] = {{"none", CX_NONE, 0},   {"snappy", CX_SNAPPY, 0},   {"gzip", CX_GZIP, 12},
                  {"zstd", CX_ZSTD, 19},  {"lz4_raw", CX_LZ4_RAW, 0}, {"uncompressed", CX_NONE, 0},
                  {"lz4", CX_LZ4_RAW, 0}, {"brotli", CX_BROTLI, 11}};
    size_t len = strcspn(text, ":");
    int64_t level = 0;
    for (size_t i = 0; i < sizeof codecs / sizeof *codecs; i++) {
        if (strlen(codecs[i].name) != len || strncasecmp(codecs[i].name, text, len) != 0)
            continue;
        bool is_number = !text[len] || arr_text_i64(slice_str(text + len + 1), &level);
        bool is_level = !text[len] || (level >= 1 && level <= codecs[i].level_max);
        if (!is_number || !is_level)
            FAIL(err, INVALID, "codec \"%s\": %s has %s%" PRId64, text, codecs[i].name,
                 codecs[i].level_max ? "levels 1 to " : "no level, not even ",
                 codecs[i].level_max ? codecs[i].level_max : level);
        o->codec = codecs[i].kind;
        o->level = codecs[i].kind == CX_ZSTD && level == 0 ? 1 : (int)level;
        return SLP_OK;
    }
    FAIL(err, INVALID,
         "codec \"%s\" is not written; expected none, snappy, gzip, brotli, zstd or lz4_raw, "
         "perhaps "
         "with a level: zstd:3",
         text);
}

static slp_rc set_columns(const struct slp_parquet_options *in, const struct arr_schema *schema,
                          struct arena *a, struct pq_write_options *o, struct slp_err *err)
{
    struct pq_column_options *columns = NULL;
    size_t at = 0;
    TRY(arena_array(a, schema->count, sizeof *columns, (void **)&columns, err));
    o->columns = columns;
    for (size_t i = 0; i < in->encoding_count; i++) {
        const struct slp_param *e = &in->encodings[i];
        TRY(arr_schema_require(schema, slice_str(e->name), &at, err));
        if (!pq_write_encoding_parse(slice_str(e->value), &columns[at].encoding))
            FAIL(err, INVALID,
                 "encoding \"%s\" of column \"%s\" is not known; expected PLAIN, RLE_DICTIONARY, "
                 "DELTA_BINARY_PACKED, DELTA_LENGTH_BYTE_ARRAY, DELTA_BYTE_ARRAY, "
                 "BYTE_STREAM_SPLIT, RLE or BEST",
                 e->value, e->name);
    }
    for (size_t i = 0; in->bloom && in->bloom[i]; i++) {
        TRY(arr_schema_require(schema, slice_str(in->bloom[i]), &at, err));
        columns[at].bloom = true;
    }
    return SLP_OK;
}

static slp_rc check_numbers(const struct slp_parquet_options *in, struct slp_err *err)
{
    if (in->row_group_rows < 0 || in->row_group_rows > ROWS_MAX || in->page_rows < 0 ||
        in->page_rows > ROWS_MAX)
        FAIL(err, INVALID, "row groups and pages have 1 to %d rows", ROWS_MAX);
    if (in->page_bytes && (in->page_bytes < PAGE_BYTES_MIN || in->page_bytes > PAGE_BYTES_MAX))
        FAIL(err, INVALID, "pages of %" PRIu64 " bytes are not written; expected %u to %u",
             in->page_bytes, PAGE_BYTES_MIN, PAGE_BYTES_MAX);
    if (in->page_version < 0 || in->page_version > 2)
        FAIL(err, INVALID, "page version %d is not known; expected 1 or 2", in->page_version);
    return SLP_OK;
}

slp_rc api_parquet_options(const struct slp_parquet_options *in, const struct arr_schema *schema,
                           struct arena *a, struct rows_output_options *out, struct slp_err *err)
{
    struct pq_write_options *o = NULL;
    if (out->format != ROWS_PARQUET)
        FAIL(err, INVALID, "options of Parquet files need the format parquet");
    TRY(check_numbers(in, err));
    TRY(arena_array(a, 1, sizeof *o, (void **)&o, err));
    TRY(set_profile(in->profile, o, err));
    if (in->codec)
        TRY(set_codec(in->codec, o, err));
    TRY(set_columns(in, schema, a, o, err));
    o->page_bytes = (size_t)in->page_bytes;
    o->page_v2 = in->page_version == 2;
    out->parquet = o;
    out->group_rows = in->row_group_rows;
    out->block_rows = in->page_rows;
    return SLP_OK;
}
