/*
 * Format strings of the C Data Interface, which export writes and import reads.
 */
#ifndef SLP_ARROW_CDATA_PRIV_H
#define SLP_ARROW_CDATA_PRIV_H

#include <stdio.h>

#include "arrow/cdata.h"

/* The longest format of a flat type, with its terminator: "d:38,38", "tsu:UTC", "w:65535". */
#define ARR_FORMAT_BYTES 16u

/* A format of others and what becomes of it here. */
struct arr_format {
    struct arr_type type;
    bool is_large; /* offsets of 64 bits, narrowed on import */
};

/* Errors: UNSUPPORTED with the format. */
SLP_NODISCARD slp_rc arr_format_parse(const char *format, struct arr_format *out,
                                      struct slp_err *err);

#endif
