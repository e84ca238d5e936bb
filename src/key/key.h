/*
 * Keys: row key and sort key fields of a row as one byte string whose memcmp order is the order of
 * rows.
 *
 *   field                      marker, then                                            bytes
 *   BOOL                       0 or 1                                                  1 + 1
 *   INT*, DATE32, TIMESTAMP    int64 big-endian, sign bit flipped                      1 + 8
 *   UINT*                      uint64 big-endian                                       1 + 8
 *   FLOAT, DOUBLE              as double, big-endian, all bits flipped if negative,    1 + 8
 *                              else the sign bit; -0.0 as 0.0, one NaN, last
 *   UTF8, BINARY, FIXED_BINARY bytes, 00 escaped as 00 FF, then 00 00                  1 + n + 2
 *   DECIMAL128                 sign and length of the magnitude in one byte,           1 + 1..17
 *                              magnitude big-endian (complemented if negative)
 *
 * docs/format/key.md is the specification (version 1), with a test vector. A prefix of the fields
 * encodes to a byte prefix of every key it begins, so "all rows whose key begins with" is the
 * interval [p, key_successor(p)). Columns keep their own bits: rows are never rebuilt from keys;
 * decoding serves messages and listings.
 */
#ifndef SLP_KEY_KEY_H
#define SLP_KEY_KEY_H

#include "arrow/batch.h"
#include "schema/schema.h"

#define KEY_VERSION 1u

/* Longest key in bytes. Rows with longer ones are refused. */
#define KEY_MAX_BYTES (64u * 1024)

/* Keys of many rows: bytes one behind another, and count + 1 offsets (uint64_t). */
struct key_vec {
    struct buf bytes;
    struct buf offsets;
    int64_t count;
};

void key_vec_init(struct key_vec *v, struct alloc *mem, size_t max_bytes);
void key_vec_fini(struct key_vec *v);
void key_vec_clear(struct key_vec *v);
SLP_NODISCARD slp_rc key_vec_append(struct key_vec *v, struct slice key, struct slp_err *err);

static inline struct slice key_at(const struct key_vec *v, int64_t i)
{
    const uint64_t *offsets = (const uint64_t *)(const void *)v->offsets.ptr;
    return slice_of(v->bytes.ptr + offsets[i], (size_t)(offsets[i + 1] - offsets[i]));
}

/* What a table's keys are made of; made from its schema, a plain value. */
struct key_spec {
    size_t field_count;
    size_t row_key_count;
    size_t columns[SCHEMA_KEY_FIELDS_MAX];
    struct arr_type types[SCHEMA_KEY_FIELDS_MAX];
};

void key_spec_init(struct key_spec *spec, const struct schema *schema);

/* May this type be a key field? */
bool key_type_allowed(struct arr_type type);

/*
 * Append the keys of rows [first, first + count) of a batch of the table's schema.
 *
 * Errors   BAD_INPUT  a null in a key field (column and row, counted from 0 in the batch)
 *          LIMIT      a key beyond KEY_MAX_BYTES, or the vector's maximum
 *          NO_MEMORY
 * Cost     a few ns a field: lengths column by column, then bytes row by row
 */
SLP_NODISCARD slp_rc key_encode_rows(const struct key_spec *spec, const struct arr_batch *batch,
                                     int64_t first, int64_t count, struct key_vec *out,
                                     struct slp_err *err);

/* Rows [first, first + count), and `gap` bytes behind the key of each that its caller fills: who
 * merges tells equal keys apart by them. They count as bytes of the key in `out`, and may have any
 * value at first. */
struct key_rows {
    int64_t first;
    int64_t count;
    size_t gap;
};

/* The same with gaps; KEY_MAX_BYTES is without them. Errors as above. */
SLP_NODISCARD slp_rc key_encode_spaced(const struct key_spec *spec, const struct arr_batch *batch,
                                       struct key_rows rows, struct key_vec *out,
                                       struct slp_err *err);

/* Append to `out` the encoding of the first `fields` key fields, their values taken from row 0 of
 * `values`, an array of one-row columns of the spec's types. Errors: INVALID for a null, LIMIT,
 * NO_MEMORY. */
SLP_NODISCARD slp_rc key_encode_prefix(const struct key_spec *spec, const struct arr_col *values,
                                       size_t fields, struct buf *out, struct slp_err *err);

/*
 * Decode as many fields as the bytes hold, appending one value to each of `values` (initialised
 * columns of the spec's types); `*fields` says how many. A key cut inside a field (a shortened
 * separator) is CORRUPT.
 */
SLP_NODISCARD slp_rc key_decode(const struct key_spec *spec, struct slice key,
                                struct arr_col *values, size_t *fields, struct slp_err *err);

/* The text of a key as the command line prints and reads it: CSV of the fields it holds. Errors as
 * key_decode. */
SLP_NODISCARD slp_rc key_format(const struct key_spec *spec, struct slice key, struct buf *out,
                                struct slp_err *err);

/* Parse CSV text of at least `min_fields` fields into an encoded prefix, appended to `out`. No text
 * is one empty field, or with `min_fields` 0 the empty prefix. Errors: INVALID with the field's
 * name. */
SLP_NODISCARD slp_rc key_parse(const struct key_spec *spec, const struct schema *schema,
                               struct slice text, size_t min_fields, struct buf *out,
                               struct slp_err *err);

/* The least key above all keys that begin with `prefix`: the last byte below FF plus one, the rest
 * cut. false when there is none (prefix empty or all FF): no end. Replaces `out`. */
SLP_NODISCARD slp_rc key_successor(struct slice prefix, struct buf *out, bool *has_end,
                                   struct slp_err *err);

/* Bytes of `key` that encode its first `fields` fields; CORRUPT if it is cut earlier. */
SLP_NODISCARD slp_rc key_prefix_bytes(const struct key_spec *spec, struct slice key, size_t fields,
                                      size_t *bytes, struct slp_err *err);

/* A half-open interval of keys; has_hi false means no end. Borrows. An empty `lo` is the
 * beginning. */
struct key_range {
    struct slice lo;
    struct slice hi;
    bool has_hi;
};

static inline bool key_range_holds(struct key_range r, struct slice key)
{
    return slice_compare(key, r.lo) >= 0 && (!r.has_hi || slice_compare(key, r.hi) < 0);
}

/* Do two intervals share a key? */
bool key_range_meets(struct key_range a, struct key_range b);
struct key_range key_range_clip(struct key_range a, struct key_range b);
bool key_range_is_empty(struct key_range r);

/* A copy whose bounds are in the arena. Errors: NO_MEMORY, LIMIT. */
SLP_NODISCARD slp_rc key_range_copy(struct arena *arena, struct key_range range,
                                    struct key_range *out, struct slp_err *err);

/* Index of the first key not below `key`, in an ascending vector: 0..count. */
int64_t key_lower_bound(const struct key_vec *v, struct slice key);

#endif
