/*
 * The Arrow C Data Interface: batches and streams of ours as ArrowArray, ArrowSchema and
 * ArrowArrayStream, moved and not copied. The structs are the ABI of the Arrow project, declared in
 * include/sleeper/arrow.h behind its guards.
 */
#ifndef SLP_ARROW_CDATA_H
#define SLP_ARROW_CDATA_H

#include "arrow/batch.h"
#include "sleeper/arrow.h"

/* Describe `schema` as a struct. `out` owns copies of all it needs. Errors: NO_MEMORY. */
SLP_NODISCARD slp_rc arr_export_schema(const struct arr_schema *schema, struct alloc *mem,
                                       struct ArrowSchema *out, struct slp_err *err);

/* Move the batch's buffers into `out`; the batch has no rows and no memory afterwards, and may be
 * filled again. Its allocator outlives `out`. Children may be moved out of `out`. Errors: NO_MEMORY;
 * the batch stays as it was. */
SLP_NODISCARD slp_rc arr_export_batch(struct arr_batch *batch, struct ArrowArray *out,
                                      struct slp_err *err);

/* Move the stream: `out->release` closes it. `mem` outlives `out`. Errors: NO_MEMORY; the stream
 * stays on failure. */
SLP_NODISCARD slp_rc arr_export_stream(struct arr_stream *stream, struct alloc *mem,
                                       struct ArrowArrayStream *out, struct slp_err *err);

/* Read an ArrowSchema (a struct of flat fields) into an arena. Errors: UNSUPPORTED by format string
 * and field name. */
SLP_NODISCARD slp_rc arr_import_schema(const struct ArrowSchema *in, struct arena *a,
                                       struct arr_schema *out, struct slp_err *err);

/* Copy the rows of `in`, which has columns of the types of out's schema, onto the end of `out`. Large
 * strings are narrowed. Nothing is appended on failure. Errors: INVALID with the column: another
 * type or number of rows, text that is not UTF-8; LIMIT, NO_MEMORY. */
SLP_NODISCARD slp_rc arr_import_batch(const struct ArrowArray *in, const struct ArrowSchema *format,
                                      struct arr_batch *out, struct slp_err *err);

#endif
