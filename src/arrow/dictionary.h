/*
 * Columns kept as a dictionary: each different value once, and an index a row. Readers make them
 * when asked to; what does not ask meets plain columns only.
 *
 *     type        utf8                      the type of the values, as in the schema
 *     data        0 1 0 0 2                 int32_t indices; 0 where a row is null
 *     validity    1 1 1 0 1
 *     dictionary  "red" "green" "blue"      plain, without nulls; shared and counted
 *
 * arr_col_bytes, arr_col_i64 and arr_col_f64 answer with values. Who reads `data` directly decodes
 * first, or looks at `dictionary`. A field with `is_dictionary` is exported as a dictionary array
 * whatever its column is; without, its column is decoded on export.
 */
#ifndef SLP_ARROW_DICTIONARY_H
#define SLP_ARROW_DICTIONARY_H

#include <stdatomic.h>

#include "arrow/batch.h"

struct arr_dictionary {
    struct arr_col values; /* flat, without nulls; filled by whoever made it, then left alone */
    struct alloc *mem;
    atomic_uint refs; /* columns may be released by other threads, once they were exported */
};

/* A blank dictionary of values of a flat type, held once. Errors: NO_MEMORY. */
SLP_NODISCARD slp_rc arr_dictionary_new(struct alloc *mem, struct arr_type type,
                                        struct arr_dictionary **out, struct slp_err *err);

struct arr_dictionary *arr_dictionary_ref(struct arr_dictionary *d);
void arr_dictionary_unref(struct arr_dictionary *d); /* NULL is accepted */

/* Make a column without rows one of indices into `d`, whose values are of its type. */
void arr_col_set_dictionary(struct arr_col *c, struct arr_dictionary *d);

/* Make a column without rows one of indices into the dictionary of `from`, if that has one: then
 * appending its rows copies indices. */
void arr_col_share_dictionary(struct arr_col *c, const struct arr_col *from);

/* Append rows by their indices, each below the number of values. Errors: LIMIT, NO_MEMORY. */
SLP_NODISCARD slp_rc arr_col_append_indices(struct arr_col *c, const uint32_t *indices,
                                            int64_t count, struct slp_err *err);

/* Bytes that the rows' values would take in a plain column, with their offsets. Cost: a load a row of
 * strings. */
size_t arr_col_plain_bytes(const struct arr_col *c);

/* Make the column, and columns within it, plain; unchanged on failure but for inner columns that
 * were decoded. Errors: LIMIT when the values take too many bytes; NO_MEMORY. */
SLP_NODISCARD slp_rc arr_col_decode_dictionary(struct arr_col *c, struct slp_err *err);

#endif
