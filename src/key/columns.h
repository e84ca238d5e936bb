/*
 * Keys that stay in their columns: compared, and looked into, without being encoded.
 *
 * Who merges sorted rows needs eight bytes of most keys and never the rest. Encoding all of them
 * costs more than the merge does, and takes more of the nearer caches than the columns themselves.
 * So a run may hand out rows with the columns of their keys in place of keys (key/run.h).
 *
 * Answers are those of the encoding (key.h): key_columns_part(k, row, at) has bytes [at, at + 8) of
 * the key. That is so where each field's bytes follow from its value alone: integers and floats, and
 * texts without a zero byte. Rows with other fields, or with nulls, are encoded.
 */
#ifndef SLP_KEY_COLUMNS_H
#define SLP_KEY_COLUMNS_H

#include "key/key.h"

struct key_columns_field {
    enum arr_kind kind;
    const uint8_t *data;    /* texts: what offsets count from; else of the first row */
    const int32_t *offsets; /* texts: of the first row; else NULL */
};

/* Numbers that tell rows with equal keys apart: the lower comes first. As four bytes above `base`
 * each, or as eight; neither: there are none. */
struct key_numbers {
    const uint32_t *narrow;
    const uint64_t *wide;
    uint64_t base;
};

/* What a number takes behind an encoded key, big-endian. */
#define KEY_NUMBER_BYTES 8u

/* Rows of a batch; borrows its columns. */
struct key_columns {
    const struct key_spec *spec;
    const struct arr_batch *batch;
    int64_t first; /* row of the batch */
    int64_t count;
    struct key_columns_field fields[SCHEMA_KEY_FIELDS_MAX];
    struct key_numbers
        numbers; /* of row `first` on; all that are merged together have them, or none */
};

static inline bool key_columns_have_numbers(const struct key_columns *k)
{
    return k->numbers.narrow || k->numbers.wide;
}

/* Rows [first, first + count) of a batch of the table's shape, at least one. false when their keys
 * are to be encoded: `out` is then not to be used. It has no numbers; who has some sets them. Cost:
 * looks for zero bytes in texts. */
bool key_columns_init(const struct key_spec *spec, const struct arr_batch *batch, int64_t first,
                      int64_t count, struct key_columns *out);

/* Append the keys of rows [first, first + count), counted from the first, with their numbers. Errors:
 * as key_encode_rows. */
SLP_NODISCARD slp_rc key_columns_encode(const struct key_columns *k, int64_t first, int64_t count,
                                        struct key_vec *out, struct slp_err *err);

/* Order of the key of a row and that of a row of other columns, of the same table; then of their
 * numbers. */
int key_columns_compare(const struct key_columns *a, int64_t row, const struct key_columns *b,
                        int64_t other);

/* Bytes [at, at + 8) of the key of a row, the first one highest, zeros behind its end. */
uint64_t key_columns_part(const struct key_columns *k, int64_t row, size_t at);

/* The same of many rows. Cost: a load a row while those bytes are inside the first field. */
void key_columns_parts(const struct key_columns *k, int64_t first, int64_t count, size_t at,
                       uint64_t *out);

/* How many bytes the key of a row has, without its number. */
size_t key_columns_bytes(const struct key_columns *k, int64_t row);

/* How many bytes the keys of two rows, which may be of different columns, begin with together. */
size_t key_columns_common(const struct key_columns *a, int64_t row, const struct key_columns *b,
                          int64_t other);

/* The first row whose key is below that of the row before it; the count if there is none. */
int64_t key_columns_first_fall(const struct key_columns *k);

#endif
