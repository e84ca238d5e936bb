/*
 * Building a dictionary: distinct values in the order they first appear, and each row's index.
 *
 * Values are kept in Parquet's PLAIN form, so `values` is the dictionary page. A dictionary is
 * small by design (whoever looks one row up reads all of it), so its memory is fixed, nothing is
 * allocated while rows are added, and a column with too many values is given up early.
 *
 *   slots    hash -> entry + 1, open addressing, at most a quarter full, grows by doubling in place
 *   entries  key and length that are compared, and where the value's bytes begin
 *
 * The key is two words: of a value of at most 16 bytes all of it; of a longer one its first bytes
 * and a hash, and equal keys are settled by comparing bytes.
 */
#ifndef SLP_CODEC_DICTIONARY_H
#define SLP_CODEC_DICTIONARY_H

#include "base/alloc.h"
#include "base/slice.h"

/* Bytes of all values in PLAIN form. */
#define CX_DICTIONARY_MAX_BYTES (128u * 1024)

/* Distinct values. */
#define CX_DICTIONARY_MAX_COUNT (16u * 1024)

/* Bytes behind the last value of an input that must be readable. */
#define CX_DICTIONARY_OVERREAD 8u

struct cx_dictionary;

/* Errors: NO_MEMORY. Cost: about 640 KiB. */
SLP_NODISCARD slp_rc cx_dictionary_new(struct alloc *mem, struct cx_dictionary **out,
                                       struct slp_err *err);
void cx_dictionary_free(struct cx_dictionary *d);

/* Forget all values. */
void cx_dictionary_clear(struct cx_dictionary *d);

uint32_t cx_dictionary_count(const struct cx_dictionary *d);
struct slice cx_dictionary_values(const struct cx_dictionary *d);

/*
 * Add `count` values of `width` bytes each and write their indices. Returns how many were added:
 * fewer than `count` when the dictionary is full, and the value that did not fit is the next one.
 * All values between two clears have one width.
 */
size_t cx_dictionary_add_fixed(struct cx_dictionary *d, const uint8_t *data, size_t width,
                               size_t count, uint32_t *indices);

/* The same for values i at data[offsets[i]] to data[offsets[i + 1]]. */
size_t cx_dictionary_add_variable(struct cx_dictionary *d, const uint8_t *data,
                                  const int32_t *offsets, size_t count, uint32_t *indices);

#endif
