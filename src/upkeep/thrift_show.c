#include "upkeep/thrift_show.h"

#include "base/num.h"
#include "codec/thrift_read.h"

enum shape {
    INT = 1,
    BOOL,
    TEXT,  /* bytes that are text */
    VALUE, /* bytes of a value of the column */
    REAL,
    STRUCT, /* inside the line */
    LINE    /* list of structs: a line each */
};

/* A field, or the element of a list of them. */
struct field {
    int32_t id;
    const char *name;
    enum shape shape;
    bool is_list;
    const char *const *names; /* INT: of an enum's numbers, up to NULL */
    const struct field *of;   /* STRUCT, LINE */
};

/* ---- Enums ---- */

static const char *const physical_types[] = {
    "BOOLEAN", "INT32", "INT64", "INT96", "FLOAT", "DOUBLE", "BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY",
    NULL};
static const char *const repetitions[] = {"REQUIRED", "OPTIONAL", "REPEATED", NULL};
static const char *const converted_types[] = {"UTF8",
                                              "MAP",
                                              "MAP_KEY_VALUE",
                                              "LIST",
                                              "ENUM",
                                              "DECIMAL",
                                              "DATE",
                                              "TIME_MILLIS",
                                              "TIME_MICROS",
                                              "TIMESTAMP_MILLIS",
                                              "TIMESTAMP_MICROS",
                                              "UINT_8",
                                              "UINT_16",
                                              "UINT_32",
                                              "UINT_64",
                                              "INT_8",
                                              "INT_16",
                                              "INT_32",
                                              "INT_64",
                                              "JSON",
                                              "BSON",
                                              "INTERVAL",
                                              NULL};
static const char *const encodings[] = {"PLAIN",
                                        "GROUP_VAR_INT",
                                        "PLAIN_DICTIONARY",
                                        "RLE",
                                        "BIT_PACKED",
                                        "DELTA_BINARY_PACKED",
                                        "DELTA_LENGTH_BYTE_ARRAY",
                                        "DELTA_BYTE_ARRAY",
                                        "RLE_DICTIONARY",
                                        "BYTE_STREAM_SPLIT",
                                        "ALP",
                                        NULL};
static const char *const codecs[] = {"UNCOMPRESSED", "SNAPPY", "GZIP",    "LZO", "BROTLI",
                                     "LZ4",          "ZSTD",   "LZ4_RAW", NULL};
static const char *const page_types[] = {"DATA_PAGE", "INDEX_PAGE", "DICTIONARY_PAGE",
                                         "DATA_PAGE_V2", NULL};
static const char *const boundary_orders[] = {"UNORDERED", "ASCENDING", "DESCENDING", NULL};
static const char *const edges[] = {"SPHERICAL", "VINCENTY", "THOMAS", "ANDOYER", "KARNEY", NULL};

/* ---- Structs, up to a field without a name ---- */

#define FIELD(i, n, s)                                                                             \
    {                                                                                              \
        .id = (i), .name = (n), .shape = (s)                                                       \
    }
#define LIST_OF(i, n, s)                                                                           \
    {                                                                                              \
        .id = (i), .name = (n), .shape = (s), .is_list = true                                      \
    }
#define ENUM(i, n, e)                                                                              \
    {                                                                                              \
        .id = (i), .name = (n), .shape = INT, .names = (e)                                         \
    }
#define ENUMS(i, n, e)                                                                             \
    {                                                                                              \
        .id = (i), .name = (n), .shape = INT, .is_list = true, .names = (e)                        \
    }
#define STRUCT_OF(i, n, f)                                                                         \
    {                                                                                              \
        .id = (i), .name = (n), .shape = STRUCT, .of = (f)                                         \
    }
#define STRUCTS(i, n, f)                                                                           \
    {                                                                                              \
        .id = (i), .name = (n), .shape = STRUCT, .is_list = true, .of = (f)                        \
    }
#define LINES(i, n, f)                                                                             \
    {                                                                                              \
        .id = (i), .name = (n), .shape = LINE, .is_list = true, .of = (f)                          \
    }
#define END                                                                                        \
    {                                                                                              \
        .name = NULL                                                                               \
    }

static const struct field empty[] = {END};
static const struct field time_units[] = {STRUCT_OF(1, "MILLIS", empty),
                                          STRUCT_OF(2, "MICROS", empty),
                                          STRUCT_OF(3, "NANOS", empty), END};
static const struct field decimal_type[] = {FIELD(1, "scale", INT), FIELD(2, "precision", INT),
                                            END};
static const struct field time_type[] = {FIELD(1, "isAdjustedToUTC", BOOL),
                                         STRUCT_OF(2, "unit", time_units), END};
static const struct field int_type[] = {FIELD(1, "bitWidth", INT), FIELD(2, "isSigned", BOOL), END};
static const struct field variant_type[] = {FIELD(1, "specification_version", INT), END};
static const struct field geometry_type[] = {FIELD(1, "crs", TEXT), END};
static const struct field geography_type[] = {FIELD(1, "crs", TEXT), ENUM(2, "algorithm", edges),
                                              END};
static const struct field logical_types[] = {STRUCT_OF(1, "STRING", empty),
                                             STRUCT_OF(2, "MAP", empty),
                                             STRUCT_OF(3, "LIST", empty),
                                             STRUCT_OF(4, "ENUM", empty),
                                             STRUCT_OF(5, "DECIMAL", decimal_type),
                                             STRUCT_OF(6, "DATE", empty),
                                             STRUCT_OF(7, "TIME", time_type),
                                             STRUCT_OF(8, "TIMESTAMP", time_type),
                                             STRUCT_OF(10, "INTEGER", int_type),
                                             STRUCT_OF(11, "UNKNOWN", empty),
                                             STRUCT_OF(12, "JSON", empty),
                                             STRUCT_OF(13, "BSON", empty),
                                             STRUCT_OF(14, "UUID", empty),
                                             STRUCT_OF(15, "FLOAT16", empty),
                                             STRUCT_OF(16, "VARIANT", variant_type),
                                             STRUCT_OF(17, "GEOMETRY", geometry_type),
                                             STRUCT_OF(18, "GEOGRAPHY", geography_type),
                                             STRUCT_OF(19, "FILE", empty),
                                             END};
static const struct field schema_element[] = {FIELD(4, "name", TEXT),
                                              ENUM(1, "type", physical_types),
                                              FIELD(2, "type_length", INT),
                                              ENUM(3, "repetition_type", repetitions),
                                              FIELD(5, "num_children", INT),
                                              ENUM(6, "converted_type", converted_types),
                                              FIELD(7, "scale", INT),
                                              FIELD(8, "precision", INT),
                                              FIELD(9, "field_id", INT),
                                              STRUCT_OF(10, "logicalType", logical_types),
                                              END};
static const struct field statistics[] = {FIELD(1, "max", VALUE),
                                          FIELD(2, "min", VALUE),
                                          FIELD(3, "null_count", INT),
                                          FIELD(4, "distinct_count", INT),
                                          FIELD(5, "max_value", VALUE),
                                          FIELD(6, "min_value", VALUE),
                                          FIELD(7, "is_max_value_exact", BOOL),
                                          FIELD(8, "is_min_value_exact", BOOL),
                                          FIELD(9, "nan_count", INT),
                                          END};
static const struct field key_value[] = {FIELD(1, "key", TEXT), FIELD(2, "value", TEXT), END};
static const struct field page_encoding_stats[] = {
    ENUM(1, "page_type", page_types), ENUM(2, "encoding", encodings), FIELD(3, "count", INT), END};
static const struct field size_statistics[] = {FIELD(1, "unencoded_byte_array_data_bytes", INT),
                                               LIST_OF(2, "repetition_level_histogram", INT),
                                               LIST_OF(3, "definition_level_histogram", INT), END};
static const struct field bounding_box[] = {
    FIELD(1, "xmin", REAL), FIELD(2, "xmax", REAL), FIELD(3, "ymin", REAL),
    FIELD(4, "ymax", REAL), FIELD(5, "zmin", REAL), FIELD(6, "zmax", REAL),
    FIELD(7, "mmin", REAL), FIELD(8, "mmax", REAL), END};
static const struct field geospatial_statistics[] = {STRUCT_OF(1, "bbox", bounding_box),
                                                     LIST_OF(2, "geospatial_types", INT), END};
static const struct field column_meta_data[] = {
    LIST_OF(3, "path_in_schema", TEXT),
    ENUM(1, "type", physical_types),
    ENUMS(2, "encodings", encodings),
    ENUM(4, "codec", codecs),
    FIELD(5, "num_values", INT),
    FIELD(6, "total_uncompressed_size", INT),
    FIELD(7, "total_compressed_size", INT),
    STRUCTS(8, "key_value_metadata", key_value),
    FIELD(9, "data_page_offset", INT),
    FIELD(10, "index_page_offset", INT),
    FIELD(11, "dictionary_page_offset", INT),
    STRUCT_OF(12, "statistics", statistics),
    STRUCTS(13, "encoding_stats", page_encoding_stats),
    FIELD(14, "bloom_filter_offset", INT),
    FIELD(15, "bloom_filter_length", INT),
    STRUCT_OF(16, "size_statistics", size_statistics),
    STRUCT_OF(17, "geospatial_statistics", geospatial_statistics),
    END};
static const struct field column_key[] = {LIST_OF(1, "path_in_schema", TEXT), END};
static const struct field column_crypto[] = {STRUCT_OF(1, "ENCRYPTION_WITH_FOOTER_KEY", empty),
                                             STRUCT_OF(2, "ENCRYPTION_WITH_COLUMN_KEY", column_key),
                                             END};
static const struct field column_chunk[] = {FIELD(1, "file_path", TEXT),
                                            FIELD(2, "file_offset", INT),
                                            STRUCT_OF(3, "meta_data", column_meta_data),
                                            FIELD(4, "offset_index_offset", INT),
                                            FIELD(5, "offset_index_length", INT),
                                            FIELD(6, "column_index_offset", INT),
                                            FIELD(7, "column_index_length", INT),
                                            STRUCT_OF(8, "crypto_metadata", column_crypto),
                                            END};
static const struct field sorting_column[] = {
    FIELD(1, "column_idx", INT), FIELD(2, "descending", BOOL), FIELD(3, "nulls_first", BOOL), END};
static const struct field row_group[] = {
    FIELD(2, "total_byte_size", INT),  FIELD(3, "num_rows", INT),
    FIELD(5, "file_offset", INT),      FIELD(6, "total_compressed_size", INT),
    FIELD(7, "ordinal", INT),          STRUCTS(4, "sorting_columns", sorting_column),
    LINES(1, "columns", column_chunk), END};
static const struct field column_order[] = {STRUCT_OF(1, "TYPE_ORDER", empty),
                                            STRUCT_OF(2, "IEEE_754_TOTAL_ORDER", empty),
                                            STRUCT_OF(3, "INT96_TIMESTAMP_ORDER", empty), END};
static const struct field aes[] = {FIELD(3, "supply_aad_prefix", BOOL), END};
static const struct field encryption_algorithm[] = {STRUCT_OF(1, "AES_GCM_V1", aes),
                                                    STRUCT_OF(2, "AES_GCM_CTR_V1", aes), END};
static const struct field file_meta_data[] = {
    FIELD(1, "version", INT),
    FIELD(3, "num_rows", INT),
    FIELD(6, "created_by", TEXT),
    STRUCT_OF(8, "encryption_algorithm", encryption_algorithm),
    LINES(5, "key_value_metadata", key_value),
    LINES(2, "schema", schema_element),
    STRUCTS(7, "column_orders", column_order),
    LINES(4, "row_groups", row_group),
    END};
static const struct field data_page_header[] = {FIELD(1, "num_values", INT),
                                                ENUM(2, "encoding", encodings),
                                                ENUM(3, "definition_level_encoding", encodings),
                                                ENUM(4, "repetition_level_encoding", encodings),
                                                STRUCT_OF(5, "statistics", statistics),
                                                END};
static const struct field dictionary_page_header[] = {
    FIELD(1, "num_values", INT), ENUM(2, "encoding", encodings), FIELD(3, "is_sorted", BOOL), END};
static const struct field data_page_header_v2[] = {FIELD(1, "num_values", INT),
                                                   FIELD(2, "num_nulls", INT),
                                                   FIELD(3, "num_rows", INT),
                                                   ENUM(4, "encoding", encodings),
                                                   FIELD(5, "definition_levels_byte_length", INT),
                                                   FIELD(6, "repetition_levels_byte_length", INT),
                                                   FIELD(7, "is_compressed", BOOL),
                                                   STRUCT_OF(8, "statistics", statistics),
                                                   END};
static const struct field page_header[] = {
    ENUM(1, "type", page_types),
    FIELD(2, "uncompressed_page_size", INT),
    FIELD(3, "compressed_page_size", INT),
    FIELD(4, "crc", INT),
    STRUCT_OF(5, "data_page_header", data_page_header),
    STRUCT_OF(6, "index_page_header", empty),
    STRUCT_OF(7, "dictionary_page_header", dictionary_page_header),
    STRUCT_OF(8, "data_page_header_v2", data_page_header_v2),
    END};
static const struct field page_location[] = {FIELD(1, "offset", INT),
                                             FIELD(2, "compressed_page_size", INT),
                                             FIELD(3, "first_row_index", INT), END};
static const struct field offset_index[] = {STRUCTS(1, "page_locations", page_location),
                                            LIST_OF(2, "unencoded_byte_array_data_bytes", INT),
                                            END};
static const struct field column_index[] = {LIST_OF(1, "null_pages", BOOL),
                                            LIST_OF(2, "min_values", VALUE),
                                            LIST_OF(3, "max_values", VALUE),
                                            ENUM(4, "boundary_order", boundary_orders),
                                            LIST_OF(5, "null_counts", INT),
                                            LIST_OF(6, "repetition_level_histograms", INT),
                                            LIST_OF(7, "definition_level_histograms", INT),
                                            LIST_OF(8, "nan_counts", INT),
                                            END};
static const struct field block_algorithm[] = {STRUCT_OF(1, "BLOCK", empty), END};
static const struct field hash_algorithm[] = {STRUCT_OF(1, "XXHASH", empty), END};
static const struct field compression[] = {STRUCT_OF(1, "UNCOMPRESSED", empty), END};
static const struct field bloom_header[] = {
    FIELD(1, "numBytes", INT), STRUCT_OF(2, "algorithm", block_algorithm),
    STRUCT_OF(3, "hash", hash_algorithm), STRUCT_OF(4, "compression", compression), END};

/* ---- The walk ---- */

struct walk {
    struct cx_thrift t;
    struct show *s;
    const struct upkeep_thrift_hooks *hooks;
    size_t group; /* row group that is shown */
};

static void show_fields(struct walk *w, const struct field *fields);

static const struct field *field_of(const struct field *fields, int32_t id)
{
    for (const struct field *f = fields; f->name; f++)
        if (f->id == id)
            return f;
    return NULL;
}

static void show_number(struct walk *w, const struct field *f, const char *name, int64_t v)
{
    int64_t known = 0;
    while (f->names && f->names[known])
        known++;
    if (f->names && v >= 0 && v < known)
        show_text(w->s, name, slice_str(f->names[v]));
    else
        show_int(w->s, name, v);
}

/* A struct; a chunk is told of before and after. */
static void show_struct(struct walk *w, const struct field *f, const char *name, size_t index)
{
    const uint8_t *start = w->t.at;
    bool is_chunk = f->of == column_chunk;
    if (f->of == row_group)
        w->group = index;
    show_open(w->s, name, SHOW_OBJECT, f->shape == LINE);
    if (is_chunk && w->hooks->chunk_begins)
        w->hooks->chunk_begins(w->hooks->context, w->group, index);
    show_fields(w, f->of);
    if (is_chunk && w->hooks->chunk_ends && !w->t.wrong)
        w->hooks->chunk_ends(w->hooks->context, w->s, slice_of(start, (size_t)(w->t.at - start)));
    show_close(w->s);
}

static void show_double(struct walk *w, const char *name)
{
    if (w->t.end - w->t.at < 8) {
        cx_thrift_fail(&w->t, "it ends too early");
        return;
    }
    uint64_t bits = num_load_u64le(w->t.at);
    double value = 0;
    memcpy(&value, &bits, sizeof value);
    show_real(w->s, name, value);
    w->t.at += 8;
}

/* A value of the right type; `index` counts in a list. */
static void show_value(struct walk *w, const struct field *f, const char *name,
                       enum cx_thrift_type type, size_t index)
{
    struct slice bytes;
    switch (f->shape) {
    case INT:
        show_number(w, f, name, cx_thrift_int(&w->t, type));
        return;
    case BOOL:
        show_bool(w->s, name, cx_thrift_bool(&w->t, type));
        return;
    case TEXT:
        show_text(w->s, name, cx_thrift_binary(&w->t, type));
        return;
    case VALUE:
        bytes = cx_thrift_binary(&w->t, type);
        if (w->hooks->value)
            w->hooks->value(w->hooks->context, w->s, name, bytes);
        else
            show_hex(w->s, name, bytes);
        return;
    case REAL:
        show_double(w, name);
        return;
    default:
        show_struct(w, f, name, index);
    }
}

/* The type that values of a shape have; of booleans, one of the two. */
static enum cx_thrift_type type_of(enum shape shape)
{
    static const enum cx_thrift_type types[] = {
        [INT] = CX_THRIFT_I32,     [BOOL] = CX_THRIFT_TRUE,    [TEXT] = CX_THRIFT_BINARY,
        [REAL] = CX_THRIFT_DOUBLE, [VALUE] = CX_THRIFT_BINARY, [STRUCT] = CX_THRIFT_STRUCT,
        [LINE] = CX_THRIFT_STRUCT};
    return types[shape];
}

static bool is_int(enum cx_thrift_type type)
{
    return type >= CX_THRIFT_I8 && type <= CX_THRIFT_I64;
}

static bool is_of_shape(enum cx_thrift_type type, enum shape shape)
{
    enum cx_thrift_type wanted = type_of(shape);
    return type == wanted || (shape == INT && is_int(type)) ||
           (shape == BOOL && type == CX_THRIFT_FALSE);
}

/* Integers of a list may be of any width; booleans take a byte each. */
static void show_list(struct walk *w, const struct field *f, enum cx_thrift_type type)
{
    bool is_list = type == CX_THRIFT_LIST || type == CX_THRIFT_SET;
    enum cx_thrift_type element = type_of(f->shape);
    if (is_list && f->shape == INT && w->t.at != w->t.end &&
        is_int((enum cx_thrift_type)(*w->t.at & 15)))
        element = (enum cx_thrift_type)(*w->t.at & 15);
    size_t count = cx_thrift_list(&w->t, type, element);
    show_open(w->s, f->name, SHOW_LIST, f->shape == LINE);
    for (size_t i = 0; i < count && !w->t.wrong && w->s->rc == SLP_OK; i++) {
        if (f->shape == BOOL)
            element = cx_thrift_byte(&w->t) == CX_THRIFT_TRUE ? CX_THRIFT_TRUE : CX_THRIFT_FALSE;
        show_value(w, f, NULL, element, i);
    }
    show_close(w->s);
}

/* A field's value as it stands in the input. */
struct place {
    const uint8_t *at;
    enum cx_thrift_type type;
};

/* Fields are shown in the order of the table, which puts what is short first. */
static void show_fields(struct walk *w, const struct field *fields)
{
    struct place places[20] = {0};
    int32_t id = 0;
    enum cx_thrift_type type;
    while (cx_thrift_field(&w->t, &id, &type)) {
        const struct field *f = field_of(fields, id);
        if (f)
            places[f - fields] = (struct place){w->t.at, type};
        cx_thrift_skip(&w->t, type);
    }
    struct cx_thrift behind = w->t;
    for (size_t i = 0; fields[i].name && !w->t.wrong; i++) {
        const struct field *f = &fields[i];
        if (!places[i].at || (!f->is_list && !is_of_shape(places[i].type, f->shape)))
            continue;
        w->t.at = places[i].at;
        if (f->is_list)
            show_list(w, f, places[i].type);
        else
            show_value(w, f, f->name, places[i].type, 0);
    }
    if (!w->t.wrong)
        w->t = behind;
}

slp_rc upkeep_thrift_show(struct show *s, enum upkeep_thrift what, struct slice in,
                          const struct upkeep_thrift_hooks *hooks, size_t *used,
                          struct slp_err *err)
{
    static const struct upkeep_thrift_hooks none;
    static const struct field *const structs[] = {[UPKEEP_FILE_META_DATA] = file_meta_data,
                                                  [UPKEEP_PAGE_HEADER] = page_header,
                                                  [UPKEEP_OFFSET_INDEX] = offset_index,
                                                  [UPKEEP_COLUMN_INDEX] = column_index,
                                                  [UPKEEP_BLOOM_HEADER] = bloom_header};
    struct walk w = {.s = s, .hooks = hooks ? hooks : &none};
    cx_thrift_init(&w.t, in);
    show_fields(&w, structs[what]);
    if (w.t.wrong)
        FAIL(err, CORRUPT, "metadata at byte %zu: %s", cx_thrift_offset(&w.t), w.t.wrong);
    *used = cx_thrift_offset(&w.t);
    return SLP_OK;
}
