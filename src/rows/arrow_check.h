/*
 * Checks of Arrow IPC that nanoarrow leaves out; for arrow_read.c.
 */
#ifndef SLP_ROWS_ARROW_CHECK_H
#define SLP_ROWS_ARROW_CHECK_H

#include "base/err.h"
#include "base/slice.h"

struct ArrowIpcDictionaryEncodings; /* of nanoarrow_ipc.h */

/* The metadata of any message, without its prefix, that ArrowIpcDecoderVerifyHeader has accepted: are
 * the parts there that nanoarrow reaches for? Errors: CORRUPT. */
SLP_NODISCARD slp_rc rows_arrow_check_message(struct slice metadata, struct slp_err *err);

/* May these columns have dictionaries? Errors: UNSUPPORTED for nested values, by column; CORRUPT for
 * one dictionary with two types. */
SLP_NODISCARD slp_rc rows_arrow_check_encodings(const struct ArrowIpcDictionaryEncodings *all,
                                                struct slp_err *err);

/*
 * The metadata of rows or of a dictionary, after rows_arrow_check_message: do the parts lie in the body, are lengths such that sums of them are numbers, and is a
 * dictionary what its columns need? Errors: CORRUPT; UNSUPPORTED for a compressed dictionary.
 */
SLP_NODISCARD slp_rc rows_arrow_check_rows(struct slice metadata, struct slice body,
                                           struct slp_err *err);
SLP_NODISCARD slp_rc rows_arrow_check_dictionary(struct slice metadata, struct slice body,
                                                 const struct ArrowIpcDictionaryEncodings *all,
                                                 struct slp_err *err);

#endif
