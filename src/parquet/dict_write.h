/*
 * The dictionary of a chunk that is written: whether one pays, its values, an index a value, and
 * bounds found through it.
 *
 *   values   "de" "fr" "de" "de" "it"      dictionary "de" "fr" "it"
 *   indices    0    1    0    0    2       firsts       0    1    4    the value that added it
 *
 * Bounds of strings are taken from the distinct values of a page, found by their indices, and not
 * from all of them: of few values there is little to compare.
 *
 * Rows that come as a dictionary already are numbered anew by it: each entry that a row names is
 * looked up once, and the dictionary is the one that the rows' values would have made.
 */
#ifndef SLP_PARQUET_DICT_WRITE_H
#define SLP_PARQUET_DICT_WRITE_H

#include "codec/dictionary.h"
#include "parquet/bounds.h"
#include "parquet/encode.h"

struct pq_dict {
    struct alloc *mem;
    struct cx_dictionary *values; /* made when first needed */
    struct buf indices;           /* uint32_t a value of the chunk */
    struct buf firsts;            /* uint32_t an entry */
    struct buf picked;            /* uint32_t an entry and one more: those of a page */
    struct buf seen;              /* a byte an entry: is it among `picked`? All 0 between calls */
    struct buf numbers;           /* uint32_t an entry of a column that is a dictionary already */
    struct buf bytes;             /* of pq_dict_values */
    struct buf offsets;
    unsigned index_width; /* bits of an index; 0: the chunk has no dictionary */
};

void pq_dict_init(struct pq_dict *d, struct alloc *mem);
void pq_dict_fini(struct pq_dict *d);

/* Is there one for values of this type? */
bool pq_dict_is_possible(const struct pq_values *v);

/*
 * Build the dictionary of all values, if one pays; `index_width` says so. It does when it takes, with
 * its indices, at most 70 % of PLAIN and of integers no more than deltas would, twice that where
 * most values repeat the one before (`is_wanted`: whatever deltas would take).
 *
 * Errors   LIMIT, NO_MEMORY
 * Cost     given up as soon as it cannot pay, so it costs little where it does not
 */
SLP_NODISCARD slp_rc pq_dict_build(struct pq_dict *d, const struct pq_chooser *chooser,
                                   const struct pq_values *v, bool is_wanted, struct slp_err *err);

/*
 * Number the rows of a column that is a dictionary, of which `entries` are the values: those that
 * rows name become the values here. `*fits` is false when they are too many, or have too many bytes.
 * Whether the dictionary pays is then asked of pq_dict_judge.
 *
 * Errors   LIMIT, NO_MEMORY
 * Cost     a load a row, a look-up an entry that rows name
 */
SLP_NODISCARD slp_rc pq_dict_number(struct pq_dict *d, const struct arr_col *col,
                                    const struct pq_values *entries, bool *fits,
                                    struct slp_err *err);

/*
 * What stands for the values of rows that were numbered, until the next ones are: of strings the
 * dictionary's, each once, in the order of indices; of others the values themselves. `like` are of
 * their type, `count` is how many rows have.
 *
 * Errors   LIMIT, NO_MEMORY
 */
SLP_NODISCARD slp_rc pq_dict_values(struct pq_dict *d, const struct pq_values *like, size_t count,
                                    struct pq_values *out, struct slp_err *err);

/* What pq_dict_build answers, of rows that were numbered: `v` and `count` as pq_dict_values has them.
 * Errors: LIMIT, NO_MEMORY. */
SLP_NODISCARD slp_rc pq_dict_judge(struct pq_dict *d, const struct pq_chooser *chooser,
                                   const struct pq_values *v, size_t count, bool is_wanted,
                                   struct slp_err *err);

/* The bytes of strings of a span of rows' values, without lengths; `strings` are the dictionary's. */
size_t pq_dict_bytes(const struct pq_dict *d, const struct pq_values *strings, struct pq_span span);

static inline const uint32_t *pq_dict_indices(const struct pq_dict *d)
{
    return (const uint32_t *)(const void *)d->indices.ptr;
}

/* As pq_bounds_of_cut, of the values that the dictionary was built of, or of pq_dict_values. */
void pq_dict_bounds(struct pq_dict *d, const struct pq_values *v, struct pq_span span,
                    size_t cut_bytes, struct pq_bounds *out);

#endif
