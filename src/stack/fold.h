/*
 * Folds: one column's values of each group of rows become one value. A group is a stretch of rows
 * of one key, oldest first; all groups of a block are folded in one loop a column.
 *
 *   groups     [0,3)    [3,4)  [4,6)
 *   in          5 1 7    2      null 4
 *   sum        13        2      4          min 1 2 4     last 7 2 4     first 5 2 null
 *
 *   sum           integers, decimals, floats; nulls count for nothing, only nulls give null
 *   count         rows, whatever the values; an integer field, which input may leave out if it is
 *                 nullable
 *   min, max      flat types; nulls out of account; NaN is above all numbers
 *   bool_and, or  bool;     bit_and, bit_or  integers; nulls out of account
 *   first, last   the oldest, the newest, null or not
 *   any, first_value, last_value   the oldest, the oldest, the newest that is not null
 *   map_sum, map_min, map_max      maps: the union of keys, values of equal keys folded; integers
 *                 for map_sum
 *   set_union     lists: every different item once, ascending
 *   list_union    lists: all items, those of older rows first
 *
 * Folds are associative, and those that fold.def says so of commute, to the byte: what is stored is a
 * canonical form. A sum is exact:
 *
 *   type             stored in the field              carry column: what is beyond it
 *   integer, w bits  S modulo 2^w                     int64: (S - field) / 2^w
 *   decimal(p, s)    S modulo 10^p, S's sign          int64: (S - field) / 10^p
 *   float, double    S rounded                        binary: S itself, if it was rounded (exact.h)
 *   map of integers  each value modulo 2^w            binary: for each entry an int64, if one is
 *                                                     not 0
 *
 * A carry is 0 or empty where nothing is beyond. Carry columns of `out` are filled lazily: rows
 * missing at their end are such.
 */
#ifndef SLP_STACK_FOLD_H
#define SLP_STACK_FOLD_H

#include "arrow/batch.h"
#include "stack/kind.h"

enum fold_op {
#define FOLD(enumerator, name, commutes) FOLD_##enumerator,
#include "stack/fold.def"
#undef FOLD
    FOLD_OP_COUNT
};

struct fold_group {
    uint32_t first; /* rows [first, end), at least one */
    uint32_t end;
    enum stack_kind kind;
};

const char *stack_fold_name(enum fold_op op);
bool stack_fold_parse(struct slice name, enum fold_op *out); /* ASCII letters in any case */
bool stack_fold_commutes(enum fold_op op);

/* May a field of this type be folded so? */
bool stack_fold_allows(enum fold_op op, const struct arr_field *field);

/* The type of its carry column; false when it has none. */
bool stack_fold_carry(enum fold_op op, const struct arr_field *field, struct arr_type *out);

/* Does a single raw value of a user differ from what is stored for it? */
bool stack_fold_lifts(enum fold_op op);

/* One column to fold. */
struct fold_col {
    enum fold_op op;
    const struct arr_field *field;
    const struct arr_col *in;
    const struct arr_col *carry_in; /* NULL: nothing is beyond */
    struct arr_col *out;
    struct arr_col *carry_out; /* NULL if the fold has no carry */
    bool is_raw;               /* `in` holds values of users: they are lifted */
    struct buf *scratch;
};

/*
 * Append a value a group to `out`. A group of kind DELETE is one row, whose blank value it keeps.
 *
 * Errors   CORRUPT  a carry that does not fit its value
 *          LIMIT    strings or lists beyond what one batch takes; NO_MEMORY
 */
SLP_NODISCARD slp_rc stack_fold(const struct fold_col *c, const struct fold_group *groups,
                                size_t count, struct slp_err *err);

/* Choose one row a group by whole rows: fill `rows`. `order` NULL: the newest or oldest; else the
 * row with the greatest or least value, null losing to any, of equal ones newest or oldest. */
void stack_fold_choose(bool newest, const struct arr_col *order, const struct fold_group *groups,
                       size_t count, uint32_t *rows);

/* Order of two values, not null, of a flat type: floats by value with NaN last, -0 before 0. */
int stack_value_compare(const struct arr_col *a, int64_t row_a, const struct arr_col *b,
                        int64_t row_b);

/* Does a type have that order? */
bool stack_value_is_ordered(struct arr_type type);

/* Append what a delete has in a field: null, or if it may not be null zero, false or empty. */
SLP_NODISCARD slp_rc stack_append_blank(struct arr_col *c, const struct arr_field *field,
                                        struct slp_err *err);

/* Add what a carry column lacks, zeros or empty texts, up to `rows`. */
SLP_NODISCARD slp_rc stack_pad(struct arr_col *carry, int64_t rows, struct slp_err *err);

#endif
