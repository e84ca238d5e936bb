/*
 * ARROW:schema, the key of a Parquet file under which Arrow's libraries keep what Parquet cannot say:
 * an IPC schema message in base64.
 *
 * It is advice: types of the Parquet schema hold. Of those that a column of the file has, it may say
 *
 *   timestamp[ms]  that it is a timestamp[s]      int64  that it is a duration
 *   time32[ms]     that it is a time32[s]
 *
 * for columns at the top, by place and name. Damaged, or of other columns, it says nothing. What it
 * knows beyond that (large and dictionary types, time zones, lists of fixed size, metadata of
 * fields) is kept where a file is rewritten whole.
 */
#ifndef SLP_ROWS_ARROW_SCHEMA_H
#define SLP_ROWS_ARROW_SCHEMA_H

#include "arrow/type.h"

#define ROWS_ARROW_SCHEMA_KEY "ARROW:schema"

/* The value of the key for columns of ours; replaces `out`. Errors: UNSUPPORTED, NO_MEMORY. */
SLP_NODISCARD slp_rc rows_arrow_schema_make(const struct arr_schema *schema, struct alloc *mem,
                                            struct buf *out, struct slp_err *err);

/* Give the fields of `schema`, those of a Parquet file, the types that `text` says. Errors:
 * NO_MEMORY. */
SLP_NODISCARD slp_rc rows_arrow_schema_apply(struct slice text, struct alloc *mem,
                                             struct arr_schema *schema, struct slp_err *err);

#endif
