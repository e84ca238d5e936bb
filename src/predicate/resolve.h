/*
 * Names of a condition: columns, and members of structs.
 *
 *   "a.b"      the column of that name
 *   a.b        the same; if there is none, member b of the struct a; else of the longest
 *   a.b.c      beginning that names a column
 *
 * Names are those written, or else the only ones that are equal without case. A member is numbered
 * behind the columns of the schema: what holds of a column's number (struct pred_node) holds of it.
 */
#ifndef SLP_PREDICATE_RESOLVE_H
#define SLP_PREDICATE_RESOLVE_H

#include "predicate/tree.h"

/* Different members in one condition. */
#define PRED_MEMBERS_MAX 1024u

struct pred_names {
    struct slice text;
    const struct arr_schema *schema;
    struct arena *arena;
    struct pred_member *members; /* that were met, each once */
    size_t count;
    size_t room;
};

/* The number of what a COLUMN names. Errors: INVALID with caret, for what is unknown, ambiguous or
 * no struct; LIMIT, NO_MEMORY. */
SLP_NODISCARD slp_rc pred_resolve(struct pred_names *n, const struct pred_syntax *s, size_t *out,
                                  struct slp_err *err);

/* What a number stands for. */
const struct arr_field *pred_names_field(const struct pred_names *n, size_t column);

#endif
