/*
 * The Arrow C Data Interface: batches and streams of ours as ArrowArray, ArrowSchema and
 * ArrowArrayStream, moved and not copied. The structs are the ABI of the Arrow project, declared in
 * include/sleeper/arrow.h behind its guards.
 *
 * Out go our types as Arrow has them (type.h), fields with `is_dictionary` as dictionary arrays of
 * int32 indices, and the extensions json and uuid as arrow.json and arrow.uuid. In come the same,
 * and what others lay out otherwise:
 *
 *   large strings, binaries and lists     narrowed: 2 GiB, or 2^31 items, a batch
 *   string and binary views               copied
 *   lists of fixed size                   as LIST
 *   dictionary arrays                     decoded
 *   date64                                as DATE32, if they are whole days
 *   intervals of months, of days and ms   as INTERVAL of months, days and nanoseconds
 *
 * List views, unions, run-end encoded arrays, narrow decimals and zones other than UTC are refused.
 * Pointers and lengths of buffers cannot be checked and are believed; offsets, indices, views, text
 * and the numbers of rows and children are not.
 */
#ifndef SLP_ARROW_CDATA_H
#define SLP_ARROW_CDATA_H

#include "arrow/batch.h"
#include "sleeper/arrow.h"

/* Describe `schema` as a struct. `out` owns copies of all it needs. Errors: NO_MEMORY. */
SLP_NODISCARD slp_rc arr_export_schema(const struct arr_schema *schema, struct alloc *mem,
                                       struct ArrowSchema *out, struct slp_err *err);

/* Move the batch's buffers into `out`; the batch has no rows and no memory afterwards, and may be
 * filled again. Its allocator outlives `out`. Children may be moved out of `out`. Columns with a
 * dictionary are decoded before if their field does not say `is_dictionary`, and the reverse.
 * Errors: NO_MEMORY, LIMIT; the batch has the rows it had. */
SLP_NODISCARD slp_rc arr_export_batch(struct arr_batch *batch, struct ArrowArray *out,
                                      struct slp_err *err);

/* Move the stream: `out->release` closes it. `mem` outlives `out`. Errors: NO_MEMORY; the stream
 * stays on failure. */
SLP_NODISCARD slp_rc arr_export_stream(struct arr_stream *stream, struct alloc *mem,
                                       struct ArrowArrayStream *out, struct slp_err *err);

/* Read an ArrowSchema (a struct of columns) into an arena. Errors: UNSUPPORTED by format string and
 * field name; LIMIT for too many columns, or deeper than ARR_DEPTH_MAX; NO_MEMORY. */
SLP_NODISCARD slp_rc arr_import_schema(const struct ArrowSchema *in, struct arena *a,
                                       struct arr_schema *out, struct slp_err *err);

/*
 * Copy the rows of `in`, which has columns of the types of out's schema (arr_field_same_type), onto
 * the end of `out`. Nothing is appended on failure.
 *
 * Errors   INVALID   with the column: another type or number of rows, offsets that fall, an index
 *                    beyond its dictionary, text that is not UTF-8
 *          UNSUPPORTED  dictionaries of nested values
 *          LIMIT, NO_MEMORY
 * Cost     memcpy for what is laid out as ours; dictionaries are gathered, views go one by one
 */
SLP_NODISCARD slp_rc arr_import_batch(const struct ArrowArray *in, const struct ArrowSchema *format,
                                      struct arr_batch *out, struct slp_err *err);

#endif
