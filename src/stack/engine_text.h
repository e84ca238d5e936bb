/*
 * The text of a merge engine.
 *
 *   engine     = "bag" | "partial" | ("last" | "first") ["(" "order-by" ":" field ")"]
 *              | "aggregate" "(" operation {(";" | ",") operation} ")" | call {"," call}
 *   operation  = name ":" field {"," field} | call
 *   call       = name "(" field {"," field} ")"
 *   field      = a name, in double quotes where it is no word, or "*": all value fields not named
 */
#ifndef SLP_STACK_ENGINE_TEXT_H
#define SLP_STACK_ENGINE_TEXT_H

#include "stack/stack_priv.h"

/* Parse into engine, order and the operations of `s`, whose schema and columns stand. Errors:
 * INVALID with a caret. */
SLP_NODISCARD slp_rc stack_engine_parse(struct stack *s, struct slice text, struct slp_err *err);

#endif
