/*
 * A column's values in any of the encodings we write, and which of them is best.
 *
 * Dictionaries are not among them: they are made for a whole chunk (group.c) and hold their values
 * in PLAIN.
 */
#ifndef SLP_PARQUET_ENCODE_H
#define SLP_PARQUET_ENCODE_H

#include "codec/compress.h"
#include "parquet/values.h"

/* May values of this physical type have this encoding? RLE_DICTIONARY is one here. */
bool pq_encoding_is_legal(enum pq_physical physical, enum pq_encoding encoding);

/* Values [from, from + count). */
struct pq_span {
    size_t from;
    size_t count;
};

/* Append the values of a span. `scratch` is overwritten. Errors: LIMIT, NO_MEMORY. */
SLP_NODISCARD slp_rc pq_encode(const struct pq_values *v, enum pq_encoding encoding,
                               struct pq_span span, struct buf *scratch, struct buf *out,
                               struct slp_err *err);

/* What pages of values of this type are for a codec. */
enum cx_content pq_content_of(enum pq_physical physical);

/* What choosing needs besides the values. Its buffers are overwritten. */
struct pq_chooser {
    struct cx_codec *codec;
    enum cx_kind kind; /* what pages will be compressed with */
    int level;
    bool may_delta; /* the profile allows the delta encodings */
    struct buf *scratch;
    struct buf *encoded;
    struct buf *compressed;
};

/*
 * The encoding that makes most of the values: samples of them are encoded each way and compressed,
 * and the least of `compressed + raw / 16` wins, which counts the time that raw bytes cost as
 * bytes. docs/format/parquet-profile.md has the measurements behind it.
 *
 * Errors   LIMIT, NO_MEMORY, UNSUPPORTED (the codec)
 * Cost     at most 2,048 values and 64 KiB, each way
 */
SLP_NODISCARD slp_rc pq_choose_encoding(const struct pq_chooser *c, const struct pq_values *v,
                                        enum pq_encoding *out, struct slp_err *err);

/* Bytes that all values would take as DELTA_BINARY_PACKED, guessed from a sample, in which at least
 * half the values are the one before when `*repeats`; integers only. Errors: LIMIT, NO_MEMORY. */
SLP_NODISCARD slp_rc pq_guess_delta_bytes(const struct pq_chooser *c, const struct pq_values *v,
                                          size_t *out, bool *repeats, struct slp_err *err);

#endif
