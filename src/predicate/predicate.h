/*
 * The predicate language: the WHERE of SQL over one row, three-valued.
 *
 *   text --parse--> tree --bind to a schema--> typed tree
 *                                                |--eval over batches--> TRUE, FALSE or UNKNOWN a row
 *                                                `--keys--> intervals of encoded keys that hold every
 *                                                           TRUE row
 *
 * Supported now: comparisons (= == <> != < <= > >= <=>), AND OR NOT, BETWEEN, IN, LIKE (any
 * pattern; prefixes reach the keys), IS [NOT] NULL/TRUE/FALSE/UNKNOWN/NAN, IS [NOT] DISTINCT FROM,
 * literals of every flat type, parameters ($name, ?), columns on either side, members of structs
 * (a.b.c: predicate/resolve.h). Of lists, maps and structs IS [NOT] NULL is asked alone. A string
 * literal is parsed as the type of the column it meets. docs/guide/predicates.md is the manual. What is not
 * there yet (functions, arithmetic, CAST, CASE) is refused by name.
 *
 * Errors of the language are INVALID; their text has the message, the line of the text and a caret
 * run under the place:
 *
 *     unknown column "cuontry"; did you mean "country"?
 *       cuontry = 'UK'
 *       ^~~~~~~
 */
#ifndef SLP_PREDICATE_PREDICATE_H
#define SLP_PREDICATE_PREDICATE_H

#include "arrow/batch.h"
#include "key/key.h"

#define PRED_TEXT_MAX_BYTES (256u * 1024)
#define PRED_DEPTH_MAX      200u
#define PRED_IN_MAX         1000000u

/* A named value for `$name` (or the n-th `?`, name empty, in order): text, parsed as the type it
 * meets. */
struct pred_param {
    struct slice name;
    struct slice text;
};

struct pred; /* a bound predicate; immutable, may be shared by threads */

/* Parse and bind. `arena` keeps it all; `schema` outlives it. Errors: INVALID with caret,
 * UNSUPPORTED, LIMIT. */
SLP_NODISCARD slp_rc pred_compile(struct slice text, const struct arr_schema *schema,
                                  const struct pred_param *params, size_t param_count,
                                  struct arena *arena, const struct pred **out,
                                  struct slp_err *err);

/* Which columns of the schema does it read? `used` has schema->count entries, set or left alone. */
void pred_columns(const struct pred *p, bool *used);

/* Values of a truth vector. */
enum pred_truth { PRED_FALSE = 0, PRED_TRUE = 1, PRED_UNKNOWN = 2 };

/*
 * Evaluate over all rows of a batch of the schema it was bound to (columns it does not read may be
 * empty): truth[i] becomes an enum pred_truth. Errors: NO_MEMORY.
 */
SLP_NODISCARD slp_rc pred_eval(const struct pred *p, const struct arr_batch *batch,
                               struct alloc *mem, uint8_t *truth, struct slp_err *err);

/*
 * Disjoint ascending key intervals that together hold every row for which `p` may be TRUE: one
 * whole-line interval if the leading key field is not restricted, none if `p` can never be TRUE. At
 * most PRED_RANGES_MAX; beyond that neighbours are joined. Ranges and their bytes are in `arena`.
 * Sound, not exact: rows are still evaluated.
 */
#define PRED_RANGES_MAX 1024u
SLP_NODISCARD slp_rc pred_key_ranges(const struct pred *p, const struct key_spec *spec,
                                     struct arena *arena, struct key_range **out, size_t *count,
                                     struct slp_err *err);

/* The predicate as bound, as text that compiles to the same. */
SLP_NODISCARD slp_rc pred_format(const struct pred *p, struct buf *out, struct slp_err *err);

#endif
