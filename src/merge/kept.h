/*
 * Columns that stay dictionaries while they are merged.
 *
 *   input 0   dictionary "de" "fr"     indices 0 1 1        out   dictionary "de" "fr" "fr" "it"
 *   input 1   dictionary "fr" "it"     indices 1 0                indices    0 1 3 1 2 ...
 *
 * The values of the inputs' dictionaries stand one behind the other, and an input's indices go up by
 * where its own begin: so a row costs a load and an addition, whatever its value is. Which of the
 * values are equal, and which no row names, is found by who writes the rows (parquet/dict_write.h).
 *
 * That is so as long as all inputs that rows come from have dictionaries, and their values have room;
 * then the column is made plain, and stays so until a batch begins. Indices of null rows mean
 * nothing.
 */
#ifndef SLP_MERGE_KEPT_H
#define SLP_MERGE_KEPT_H

#include "arrow/dictionary.h"
#include "merge/gather.h"

/* Values of one column, of one batch: bytes in memory, and how many. */
#define MERGE_KEPT_BYTES_MAX  ((size_t)2 << 20)
#define MERGE_KEPT_VALUES_MAX 262144

struct merge_kept_input;

/* One column of a merge. Zeroed: no input has had a dictionary. */
struct merge_kept {
    struct merge_kept_input *inputs;
    struct arr_dictionary *all; /* of the batch being filled; NULL: it is plain */
    size_t all_bytes;
    size_t more_bytes; /* that values of rows take above indices */
    bool is_given_up;  /* until a batch begins */
};

/* What the columns of a merge share. */
struct merge_kept_of {
    struct alloc *mem;
    size_t input_count;
    size_t bytes; /* that values of all columns take */
    size_t most_bytes;
};

void merge_kept_fini(struct merge_kept *k, struct merge_kept_of *of);

/* An input has its next block, in which the column is `col`. `*more_bytes` is what it takes more if
 * it is decoded. Errors: NO_MEMORY. Cost: arr_col_plain_bytes. */
SLP_NODISCARD slp_rc merge_kept_block(struct merge_kept *k, struct merge_kept_of *of, size_t input,
                                      const struct arr_col *col, size_t *more_bytes,
                                      struct slp_err *err);

/*
 * Choose the form of `out`, which the plan's rows of a column are for, whose sources are those of
 * merge_gather_sources: they are decoded where it is plain.
 *
 * Errors   LIMIT, NO_MEMORY
 */
SLP_NODISCARD slp_rc merge_kept_choose(struct merge_kept *k, struct merge_kept_of *of,
                                       const struct merge_plan *plan, struct arr_col *out,
                                       struct slp_err *err);

#endif
