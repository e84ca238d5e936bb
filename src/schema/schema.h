/*
 * The schema of a table: an Arrow schema whose fields have ids, and the lists of row key and sort
 * key fields.
 *
 * Read from JSON in two forms, told apart by their members:
 *
 *   upstream's  {"rowKeyFields":[{"name":"key","type":"StringType"}],
 *                "sortKeyFields":[], "valueFields":[...]}
 *   ours        {"fields":[{"id":1,"name":"origin","type":"string","nullable":false},...],
 *                "rowKey":["origin"], "sortKey":["date","destination"]}
 *
 * Written in ours. A third form, of bytes, is what our own files and the log hold: it is read
 * without a JSON library. Key fields are flat and not nullable for now; others may be lists, structs
 * and maps, to any depth that Arrow columns have here, and their inner fields have ids too.
 * docs/format/schema.md has all three in full.
 */
#ifndef SLP_SCHEMA_SCHEMA_H
#define SLP_SCHEMA_SCHEMA_H

#include "arrow/type.h"

#define SCHEMA_KEY_FIELDS_MAX 32u
#define SCHEMA_JSON_MAX_BYTES (4u * 1024 * 1024)

/* Names are UTF-8 without NUL, not empty, unique in their schema. */
#define SCHEMA_NAME_MAX_BYTES 255u

/* Field ids are 1 to this. */
#define SCHEMA_FIELD_ID_MAX (1 << 30)

#define SCHEMA_VERSION 1u

struct schema {
    struct arr_schema columns; /* in the table's column order */
    size_t row_key_count;      /* at least 1 */
    size_t key_count;          /* row key and sort key fields */
    /* Indexes into columns: row key first, then sort key. */
    size_t key_columns[SCHEMA_KEY_FIELDS_MAX];
    int32_t next_field_id; /* above every id given so far, dropped fields included */
};

/*
 * Parse either JSON form into an arena.
 *
 * Errors   INVALID      no JSON (with line and column), an unknown member, type or field, a key
 *                       field twice or nullable, a name twice, an id twice, no row key
 *          UNSUPPORTED  a type that tables do not take (schema_takes), by field
 *          LIMIT        more than SCHEMA_JSON_MAX_BYTES, ARR_COLUMNS_MAX columns, inner fields
 *                       included, SCHEMA_KEY_FIELDS_MAX key fields or ARR_DEPTH_MAX fields in fields
 *          NO_MEMORY
 */
SLP_NODISCARD slp_rc schema_parse(struct slice json, struct arena *a, struct schema *out,
                                  struct slp_err *err);

/* Write our JSON form, one line, canonical: equal schemas give equal bytes. */
SLP_NODISCARD slp_rc schema_format(const struct schema *s, struct buf *out, struct slp_err *err);

/* Make a schema from the columns of a file and lists of key names. Ids are given 1, 2, ... in
 * column order; key fields become not nullable. Errors as schema_parse; an unknown name with the
 * nearest one. */
SLP_NODISCARD slp_rc schema_like(const struct arr_schema *columns, const struct slice *row_key,
                                 size_t row_key_count, const struct slice *sort_key,
                                 size_t sort_key_count, struct arena *a, struct schema *out,
                                 struct slp_err *err);

/* Append the form of bytes, canonical too: equal schemas give equal bytes. Errors: LIMIT,
 * NO_MEMORY. */
SLP_NODISCARD slp_rc schema_encode(const struct schema *s, struct buf *out, struct slp_err *err);

/*
 * Read all of `bytes` as schema_encode wrote it, into an arena.
 *
 * Errors   CORRUPT      anything else than what schema_encode writes, with the offset
 *          UNSUPPORTED  a later version, or a type of one
 *          LIMIT        as schema_parse
 *          NO_MEMORY
 */
SLP_NODISCARD slp_rc schema_decode(struct slice bytes, struct arena *a, struct schema *out,
                                   struct slp_err *err);

/*
 * May a column of a table, or a field inside one, have this type? Not durations and intervals, nor
 * 256 bits of decimal; seconds of the day and, inside nested fields, of the epoch, for which Parquet
 * has no unit; nor a struct without members.
 */
bool schema_takes(const struct arr_field *field, bool is_inner);

/* Same columns, names, ids, keys and next id? */
bool schema_equal(const struct schema *a, const struct schema *b);

SLP_NODISCARD slp_rc schema_copy(struct arena *a, const struct schema *from, struct schema *to,
                                 struct slp_err *err);

#endif
