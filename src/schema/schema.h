/*
 * The schema of a table: an Arrow schema whose fields have ids, and the lists of row key and sort
 * key fields.
 *
 * Read from JSON in two forms, told apart by their members:
 *   upstream's
 * {"rowKeyFields":[{"name":"key","type":"StringType"}],"sortKeyFields":[],"valueFields":[...]} ours
 * {"fields":[{"id":1,"name":"origin","type":"string","nullable":false},...],
 *                 "rowKey":["origin"],"sortKey":["date","destination"]}
 * Written in ours. Key fields are not nullable for now. docs/format/schema.md has both in full.
 */
#ifndef SLP_SCHEMA_SCHEMA_H
#define SLP_SCHEMA_SCHEMA_H

#include "arrow/type.h"

#define SCHEMA_KEY_FIELDS_MAX 32u
#define SCHEMA_JSON_MAX_BYTES (4u * 1024 * 1024)

struct schema {
    struct arr_schema columns; /* in the table's column order */
    size_t row_key_count;      /* at least 1 */
    size_t key_count;          /* row key and sort key fields */
    size_t
        key_columns[SCHEMA_KEY_FIELDS_MAX]; /* indexes into columns: row key first, then sort key */
    int32_t next_field_id;
};

/*
 * Parse either JSON form into an arena.
 * Errors   INVALID  no JSON (with line and column), an unknown member, type or field, a key field
 * twice or nullable or of a type that cannot be a key, a name twice, no row key LIMIT, NO_MEMORY
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

SLP_NODISCARD slp_rc schema_copy(struct arena *a, const struct schema *from, struct schema *to,
                                 struct slp_err *err);

#endif
