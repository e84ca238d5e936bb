/*
 * Types, fields and schemas, as Arrow has them.
 *
 *   kind           C element in `data`          Arrow format         notes
 *   NULL           none                         n
 *   BOOL           1 bit, least significant first  b
 *   INT8..UINT64   intN_t, uintN_t              c C s S i I l L
 *   FLOAT, DOUBLE  float, double                f g
 *   DATE32         int32_t days since 1970      tdD
 *   TIMESTAMP      int64_t units since 1970     tss: tsm: tsu: tsn:  `unit`; `utc`: an instant
 *   UTF8, BINARY   int32_t offsets and bytes    u z
 *   FIXED_BINARY   `width` bytes                w:N                  1 to 65535
 *   DECIMAL128     i128, two's complement       d:P,S                `precision` 1 to 38,
 *                                                                    `scale` 0 to `precision`
 *   FLOAT16        uint16_t, bits of IEEE half  e                    half.h converts
 *   TIME32         int32_t units since midnight tts ttm              `unit` SECOND or MILLI
 *   TIME64         int64_t units since midnight ttu ttn              `unit` MICRO or NANO
 *   DURATION       int64_t units                tDs tDm tDu tDn      `unit`
 *   INTERVAL       struct arr_interval          tin                  months, days, nanoseconds
 *   DECIMAL256     32 bytes, two's complement   d:P,S,256            `precision` 1 to 76
 *   LIST           int32_t offsets              +l                   children: the item
 *   STRUCT         none                         +s                   children: the members
 *   MAP            int32_t offsets              +m                   children: one STRUCT, not
 *                                                                    nullable, of key and value
 *
 * Large strings, binaries and lists of others arrive as UTF8, BINARY and LIST: a batch holds less
 * than 2 GiB, or 2^31 items, of one column. Lists of fixed size arrive as LIST.
 *
 * Kinds are numbered for files of ours (docs/format/schema.md): numbers never change. Keys of tables
 * are of the kinds below ARR_KEY_KIND_COUNT; other columns are as schema.h says.
 *
 * A nested type is a tree of fields, at most ARR_DEPTH_MAX deep: `struct arr_type` holds the kind
 * of one node, `struct arr_field` the children. Whoever builds a tree from bytes of others holds
 * that bound (arr_import_schema and arr_schema_copy do), so that what walks a tree may recurse.
 */
#ifndef SLP_ARROW_TYPE_H
#define SLP_ARROW_TYPE_H

#include "base/arena.h"
#include "base/buf.h"

enum arr_kind {
    ARR_NULL = 0,
    ARR_BOOL = 1,
    ARR_INT8 = 2,
    ARR_INT16 = 3,
    ARR_INT32 = 4,
    ARR_INT64 = 5,
    ARR_UINT8 = 6,
    ARR_UINT16 = 7,
    ARR_UINT32 = 8,
    ARR_UINT64 = 9,
    ARR_FLOAT = 10,
    ARR_DOUBLE = 11,
    ARR_DATE32 = 12,
    ARR_TIMESTAMP = 13,
    ARR_UTF8 = 14,
    ARR_BINARY = 15,
    ARR_FIXED_BINARY = 16,
    ARR_DECIMAL128 = 17,
    ARR_FLOAT16 = 18,
    ARR_TIME32 = 19,
    ARR_TIME64 = 20,
    ARR_DURATION = 21,
    ARR_INTERVAL = 22,
    ARR_DECIMAL256 = 23,
    ARR_LIST = 24,
    ARR_STRUCT = 25,
    ARR_MAP = 26,
    ARR_KIND_COUNT
};

/* The kinds that keys of tables have are those below. */
#define ARR_KEY_KIND_COUNT 18

/* Kinds below are flat: a column of one has no children. */
#define ARR_FLAT_KIND_COUNT 24

enum arr_unit { ARR_SECOND = 0, ARR_MILLI = 1, ARR_MICRO = 2, ARR_NANO = 3 };

struct arr_type {
    enum arr_kind kind;
    enum arr_unit unit; /* TIMESTAMP, TIME32, TIME64, DURATION */
    bool utc;           /* TIMESTAMP: an instant; printed with Z. TIME32, TIME64: kept alone */
    int32_t width;      /* FIXED_BINARY: bytes */
    int32_t precision;  /* DECIMAL128, DECIMAL256 */
    int32_t scale;      /* DECIMAL128, DECIMAL256 */
};

/* One element of an INTERVAL. The parts are not carried over into each other. */
struct arr_interval {
    int32_t months;
    int32_t days;
    int64_t nanoseconds;
};

struct arr_field {
    const char *name; /* terminated; owned by whoever owns the schema */
    struct arr_type type;
    bool nullable;
    int32_t id;                 /* written as Parquet field_id; 0 means none */
    bool is_dictionary;         /* exported as a dictionary array (dictionary.h) */
    const char *extension;      /* what the bytes mean, "json", "uuid", for formats that say so; or
                                 NULL */
    struct arr_field *children; /* LIST, MAP: one; STRUCT: the members; owned like the name */
    size_t child_count;
};

/* What a file says of itself beside its columns. */
struct arr_pair {
    struct slice key;
    struct slice value;
};

struct arr_schema {
    struct arr_field *fields;
    size_t count;
    const struct arr_pair *pairs; /* owned like the fields; kept by formats that have such */
    size_t pair_count;
};

/* Columns of one schema: more are refused when a schema is read. Members of one STRUCT too. */
#define ARR_COLUMNS_MAX 20000u

/* Fields within fields: a column is at depth 1, the item of a list of ints at depth 2. */
#define ARR_DEPTH_MAX 64u

/* Widest FIXED_BINARY. */
#define ARR_FIXED_MAX_BYTES 65535

/* Of nested types this compares the kinds alone; arr_field_same_type goes down. */
bool arr_type_equal(struct arr_type a, struct arr_type b);

/* Do two columns hold values of one type? Names of struct members count; other names, ids,
 * extensions and whether nulls are allowed do not. */
bool arr_field_same_type(const struct arr_field *a, const struct arr_field *b);

/* LIST, STRUCT, MAP. */
static inline bool arr_type_is_nested(struct arr_type t)
{
    return t.kind >= ARR_FLAT_KIND_COUNT;
}

/* TIMESTAMP, TIME32, TIME64: a unit, and `utc` means something. */
static inline bool arr_type_has_zone(struct arr_type t)
{
    return t.kind == ARR_TIMESTAMP || t.kind == ARR_TIME32 || t.kind == ARR_TIME64;
}

/* LIST or MAP: offsets and one child. */
static inline bool arr_type_is_list(struct arr_type t)
{
    return t.kind == ARR_LIST || t.kind == ARR_MAP;
}

/* Bytes of one element in `data`; 0 for NULL, BOOL, UTF8, BINARY and nested types. */
size_t arr_type_width(struct arr_type t);

/* UTF8 or BINARY: offsets and bytes. */
static inline bool arr_type_is_variable(struct arr_type t)
{
    return t.kind == ARR_UTF8 || t.kind == ARR_BINARY;
}

/* The name users see: "int64", "timestamp[us]", "timestamp[us, UTC]", "decimal(10, 2)",
 * "fixed_binary(16)"; of nested types only "list", "struct", "map". */
void arr_type_format(struct arr_type t, char *out, size_t out_bytes);

/* The name of the whole type: "list<item: int64>", "struct<a: int32, b: string>",
 * "map<string, list<item: double>>"; cut with "..." where there is no room. */
void arr_field_type_format(const struct arr_field *f, char *out, size_t out_bytes);

/* Flat fields at or below it: 1 for a flat one. */
size_t arr_field_leaf_count(const struct arr_field *f);

/* Parse what arr_type_format writes for flat types, and other names: string, long, int, double
 * precision... (type.c has the table). Errors: INVALID with the nearest name. */
SLP_NODISCARD slp_rc arr_type_parse(struct slice text, struct arr_type *out, struct slp_err *err);

/* Index of the field with just this name, or -1. */
int64_t arr_schema_find(const struct arr_schema *s, struct slice name);

/* The nearest field name by edit distance, for messages, or NULL if nothing is near. */
const char *arr_schema_nearest(const struct arr_schema *s, struct slice name);

/* The index of the column a user names. Errors: NOT_FOUND, with the nearest name. */
SLP_NODISCARD slp_rc arr_schema_require(const struct arr_schema *s, struct slice name, size_t *out,
                                        struct slp_err *err);

/* A deep copy into an arena; names and children are copied. Errors: LIMIT when nested deeper than
 * ARR_DEPTH_MAX, with the column; NO_MEMORY. */
SLP_NODISCARD slp_rc arr_schema_copy(struct arena *a, const struct arr_schema *from,
                                     struct arr_schema *to, struct slp_err *err);

#endif
