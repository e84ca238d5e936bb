/*
 * What users say of a Parquet file that is written, as the writer takes it.
 */
#ifndef SLP_API_PARQUET_OPTIONS_H
#define SLP_API_PARQUET_OPTIONS_H

#include "rows/rows.h"
#include "sleeper/sleeper.h"

/*
 * Fill the members of `out` that are of Parquet; what they point to is in the arena.
 *
 * Errors   INVALID    another format; a name that is none, with those there are; a number out of
 *                     range; an encoding that the column's type cannot have is refused by the writer
 *          NOT_FOUND  a column, with the nearest name
 *          NO_MEMORY
 */
SLP_NODISCARD slp_rc api_parquet_options(const struct slp_parquet_options *in,
                                         const struct arr_schema *schema, struct arena *a,
                                         struct rows_output_options *out, struct slp_err *err);

#endif
