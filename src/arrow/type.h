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
 *
 * Large strings and binaries of others arrive as UTF8 and BINARY: a batch holds less than 2 GiB of
 * them. Kinds are numbered for files of ours (docs/format/schema.md): numbers never change.
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
    ARR_KIND_COUNT
};

enum arr_unit { ARR_SECOND = 0, ARR_MILLI = 1, ARR_MICRO = 2, ARR_NANO = 3 };

struct arr_type {
    enum arr_kind kind;
    enum arr_unit unit; /* TIMESTAMP */
    bool utc;           /* TIMESTAMP: an instant; printed with Z */
    int32_t width;      /* FIXED_BINARY: bytes */
    int32_t precision;  /* DECIMAL128 */
    int32_t scale;      /* DECIMAL128 */
};

struct arr_field {
    const char *name; /* terminated; owned by whoever owns the schema */
    struct arr_type type;
    bool nullable;
    int32_t id; /* written as Parquet field_id; 0 means none */
};

struct arr_schema {
    struct arr_field *fields;
    size_t count;
};

/* Columns of one schema: more are refused when a schema is read. */
#define ARR_COLUMNS_MAX 20000u

/* Widest FIXED_BINARY. */
#define ARR_FIXED_MAX_BYTES 65535

bool arr_type_equal(struct arr_type a, struct arr_type b);

/* Bytes of one element in `data`; 0 for NULL, BOOL, UTF8 and BINARY. */
size_t arr_type_width(struct arr_type t);

/* UTF8 or BINARY: offsets and bytes. */
bool arr_type_is_variable(struct arr_type t);

/* The name users see: "int64", "timestamp[us]", "timestamp[us, UTC]", "decimal(10, 2)",
 * "fixed_binary(16)". */
void arr_type_format(struct arr_type t, char *out, size_t out_bytes);

/* Parse what arr_type_format writes, and these other names: string, long, int, double precision...
 * (type.c has the table). Errors: INVALID with the nearest name. */
SLP_NODISCARD slp_rc arr_type_parse(struct slice text, struct arr_type *out, struct slp_err *err);

/* Index of the field with just this name, or -1. */
int64_t arr_schema_find(const struct arr_schema *s, struct slice name);

/* The nearest field name by edit distance, for messages, or NULL if nothing is near. */
const char *arr_schema_nearest(const struct arr_schema *s, struct slice name);

/* A deep copy into an arena; names are copied. */
SLP_NODISCARD slp_rc arr_schema_copy(struct arena *a, const struct arr_schema *from,
                                     struct arr_schema *to, struct slp_err *err);

#endif
