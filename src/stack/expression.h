/*
 * Expressions over numbers, a column at a time: what `map` computes.
 *
 *   expression = sum | predicate        sum = product {("+" | "-") product}
 *   product    = unary {("*" | "/" | "%") unary}      unary = ["-"] (number | field | "(" sum ")")
 *
 * A field alone, or a text in single quotes, keeps its type. With operators: integers as int64,
 * checked; where a part is a float or decimal, or for "/", double. What is no sum is a predicate,
 * TRUE, FALSE or null. Null where a part is.
 */
#ifndef SLP_STACK_EXPRESSION_H
#define SLP_STACK_EXPRESSION_H

#include "arrow/batch.h"

#define STACK_EXPRESSION_DEPTH 32

struct stack_expression;

/* Parse and bind; all is in the arena. Errors: INVALID with a caret, LIMIT. */
SLP_NODISCARD slp_rc stack_expression_new(struct slice text, const struct arr_schema *schema,
                                          struct arena *arena, struct stack_expression **out,
                                          struct slp_err *err);

/* The type of its values, as a field that may be null; a column's own field if it is one. */
const struct arr_field *stack_expression_field(const struct stack_expression *e);

/* Which columns it reads: set or left alone. */
void stack_expression_columns(const struct stack_expression *e, bool *used);

/* Append a value a row of the batch. Errors: INVALID: overflow, or division by zero (row); LIMIT,
 * NO_MEMORY. */
SLP_NODISCARD slp_rc stack_expression_eval(const struct stack_expression *e,
                                           const struct arr_batch *batch, struct alloc *mem,
                                           struct arr_col *out, struct slp_err *err);

#endif
