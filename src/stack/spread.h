/*
 * Reading less than a table has: a query that needs some columns reads those, and the stack is given
 * the others blank.
 *
 *   of the table     k  n  s  big        needed: k, n
 *   read             k  n
 *   spread           k  n  -  -          null, or zero, false or empty where null may not be
 *
 * Every column that a row's fate hangs on is needed (stack_needs): keys, kinds, what filters and
 * `order-by` look at. Of all others engines make each column from itself alone, so what they make of
 * blanks is not asked for.
 */
#ifndef SLP_STACK_SPREAD_H
#define SLP_STACK_SPREAD_H

#include "stack/stack.h"

/* Add to `need`, which has an entry a column of stack_schema(form) and says which columns of the table
 * are asked for, what the stack needs besides: see above, and carries of columns that are needed. */
void stack_needs(const struct stack *s, unsigned form, bool *need);

/*
 * A run of all columns of `all`, of one that has `columns` of them, in this order; both outlive it.
 * Takes `input`, on failure too. Blocks are valid until the next call and borrow from the input's.
 *
 * Errors   NO_MEMORY, LIMIT; of next those of the input, too
 * Cost     blanks are made for the largest block that was met, once
 */
SLP_NODISCARD slp_rc stack_spread(struct alloc *mem, const struct arr_schema *all,
                                  const size_t *columns, size_t count, struct run *input,
                                  struct run **out, struct slp_err *err);

#endif
