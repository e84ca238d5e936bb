/*
 * The folds, by what they make: a choice of a row, a number, an exact float, a collection.
 */
#ifndef SLP_STACK_FOLD_PRIV_H
#define SLP_STACK_FOLD_PRIV_H

#include "base/num.h"
#include "stack/fold.h"

/* min, max, first, last and their like: the row chosen for each group. */
SLP_NODISCARD slp_rc stack_fold_choice(const struct fold_col *c, const struct fold_group *groups,
                                       size_t count, struct slp_err *err);

/* sum of integers and decimals, count, bool_*, bit_*. */
SLP_NODISCARD slp_rc stack_fold_number(const struct fold_col *c, const struct fold_group *groups,
                                       size_t count, struct slp_err *err);

/* sum of FLOAT and DOUBLE. */
SLP_NODISCARD slp_rc stack_fold_float(const struct fold_col *c, const struct fold_group *groups,
                                      size_t count, struct slp_err *err);

/* map_*, list_union, set_union. */
SLP_NODISCARD slp_rc stack_fold_map(const struct fold_col *c, const struct fold_group *groups,
                                    size_t count, struct slp_err *err);
SLP_NODISCARD slp_rc stack_fold_list(const struct fold_col *c, const struct fold_group *groups,
                                     size_t count, struct slp_err *err);

/* An integer kind whose values fit int64, or UINT64. */
bool stack_fold_is_integer(enum arr_kind kind);
/* Bits of an integer kind's element; `*is_signed` says which. */
unsigned stack_fold_bits(enum arr_kind kind, bool *is_signed);

/* Split an exact sum into what `bits` hold and what is beyond. */
static inline void fold_split(i128 sum, unsigned bits, bool is_signed, i128 *low, int64_t *beyond)
{
    u128 modulus = (u128)1 << bits;
    u128 rest = (u128)sum & (modulus - 1);
    *low = (i128)rest;
    if (is_signed && (rest >> (bits - 1)) != 0)
        *low = (i128)rest - (i128)modulus;
    *beyond = (int64_t)((sum - *low) >> bits);
}

/* Put a carry of row `row`, which is behind those the column has: the ones between are blank. */
SLP_NODISCARD slp_rc stack_fold_put_carry(struct arr_col *carry, int64_t row, struct slice value,
                                          struct slp_err *err);

/* Append element bits of an integer or decimal. */
SLP_NODISCARD slp_rc stack_fold_append_int(struct arr_col *c, i128 value, struct slp_err *err);

/* Any row of the group that is not null? The first such, or `end`. */
static inline uint32_t fold_first_value(const struct arr_col *in, uint32_t first, uint32_t end)
{
    while (first < end && arr_col_is_null(in, first))
        first++;
    return first;
}

#endif
