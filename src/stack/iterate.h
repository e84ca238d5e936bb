/*
 * Iterators: what a query does to merged rows, one after another in the order given, the table's
 * before the query's own. They see rows after engine and filters, in key order, and never touch what
 * is stored: compaction runs none of them.
 *
 *   filter(PREDICATE)                     keeps rows for which it is TRUE
 *   project(FIELD, ...)                   keeps these columns, in this order
 *   map(NAME = EXPRESSION, ...)           adds or replaces columns
 *   top(N)  top(N, FIELD [desc])          of each key's rows the first N, by a field
 *   dedupe  dedupe(FIELD, ...)            of neighbours with one key and equal fields the first
 *   sample(FRACTION)                      of keys so many, always the same ones
 *   redact(FIELD, LABEL, ...)             keeps rows whose visibility these labels satisfy
 *   plugin(PATH [, CONFIGURATION])        a shared object: include/sleeper/plugin.h
 *
 * Texts of several are joined by ";". docs/guide/processing.md is the manual.
 *
 * EXPRESSION is a field, a literal, a predicate, or a sum, difference, product or quotient of
 * numbers, with brackets; integers are int64, checked; all else double. Null where any part is.
 *
 * A visibility is labels joined by & and |, with brackets: "a&(b|c)"; an empty or null one is seen by
 * all, one that does not parse by nobody.
 */
#ifndef SLP_STACK_ITERATE_H
#define SLP_STACK_ITERATE_H

#include "key/run.h"
#include "predicate/predicate.h"
#include "schema/schema.h"

#define STACK_ITERATORS_MAX 64u

/* Rows of one key that an iterator which works on whole keys may ask to hold. */
#define STACK_GROUP_ROWS_MAX (1 << 20)

/* Iterators bound to a schema, with their plug-ins loaded. Immutable, may be shared by threads. */
struct stack_iters;

/*
 * Parse and bind to a table's schema. The schema outlives the iterators.
 *
 * texts    in the order in which they run; an empty one is none
 * Errors   INVALID      with a caret; for a plug-in with its path and what it said
 *          NOT_FOUND    a plug-in that is not there
 *          UNSUPPORTED  a plug-in of another version of the ABI
 *          LIMIT, NO_MEMORY
 */
SLP_NODISCARD slp_rc stack_iters_new(struct alloc *mem, const struct schema *schema,
                                     const struct slice *texts, size_t count,
                                     struct stack_iters **out, struct slp_err *err);
void stack_iters_free(struct stack_iters *it); /* NULL is accepted */

size_t stack_iters_count(const struct stack_iters *it);

/* What they yield; lives as long as they. */
const struct arr_schema *stack_iters_schema(const struct stack_iters *it);

/*
 * Which columns of the table have to be read so that those that are `wanted` of what they yield, and
 * the choice of rows, are right: `used` has an entry a column of the table, set or left alone. Errors:
 * NO_MEMORY.
 */
SLP_NODISCARD slp_rc stack_iters_needs(const struct stack_iters *it, const bool *wanted,
                                       struct arena *arena, bool *used, struct slp_err *err);

/*
 * Narrowing: a condition on key fields may be asked of a table's rows before iterators run where these
 * hand the fields on as they are. All but plug-ins do unless they replace them, and none but a plug-in
 * lets rows of one key depend on those of another.
 *
 * `spec` is the table's; `*out` has, in place of a key field's column, its column among those that
 * stand before iterator `at` (`at` = their number: behind all), or SIZE_MAX where it is not there as
 * it was.
 */
void stack_iters_keys(const struct stack_iters *it, size_t at, const struct key_spec *spec,
                      struct key_spec *out);

/* The predicate of an iterator, over what stands before it; NULL: it is no `filter`. */
const struct pred *stack_iters_where(const struct stack_iters *it, size_t at);

/*
 * Run them over the run of a query (STACK_QUERY), or a part of it that holds whole keys. Takes
 * `input`, on failure too. Blocks have the columns of stack_iters_schema; keys stay those of the
 * rows they came from.
 *
 * Errors of next  BAD_INPUT, or what the plug-in said  with its path
 *                 INVALID  an expression that overflows or divides by zero (name, key)
 *                 LIMIT    a key of more than STACK_GROUP_ROWS_MAX rows before an iterator that
 *                          holds whole keys
 *                 and those of the input
 */
SLP_NODISCARD slp_rc stack_iters_open(const struct stack_iters *it, struct alloc *mem,
                                      struct run *input, struct run **out, struct slp_err *err);

/* A run as a stream of batches of `schema`, its own. Takes `run`, on failure too. */
SLP_NODISCARD slp_rc stack_stream(struct alloc *mem, const struct arr_schema *schema,
                                  struct run *run, struct arr_stream **out, struct slp_err *err);

#endif
