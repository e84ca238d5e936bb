/*
 * Checks of dictionaries in Arrow IPC that nanoarrow leaves out; for arrow_read.c.
 */
#ifndef SLP_ROWS_ARROW_DICTIONARY_H
#define SLP_ROWS_ARROW_DICTIONARY_H

#include "base/err.h"
#include "base/slice.h"

struct ArrowIpcDictionaryEncodings; /* of nanoarrow_ipc.h */

/* May these columns have dictionaries? Errors: UNSUPPORTED for nested values, by column; CORRUPT for
 * one dictionary with two types. */
SLP_NODISCARD slp_rc rows_arrow_check_encodings(const struct ArrowIpcDictionaryEncodings *all,
                                                struct slp_err *err);

/*
 * The metadata of a dictionary message, without its prefix, that ArrowIpcDecoderVerifyHeader has
 * accepted: is it what its columns need? Errors: CORRUPT; UNSUPPORTED when it is compressed.
 */
SLP_NODISCARD slp_rc rows_arrow_check_dictionary(struct slice metadata,
                                                 const struct ArrowIpcDictionaryEncodings *all,
                                                 struct slp_err *err);

#endif
