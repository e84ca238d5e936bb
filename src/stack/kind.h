/*
 * Row kinds: what a row says about its key, and the columns in which data files keep what a table's
 * own columns have no room for.
 *
 *   kind     in a file   says
 *   PUT      0           a row
 *   DELETE   1           nothing older than this of its key counts; its values are blank
 *   RESET    2           a delete, then this row: what a delete followed by a put reduces to
 *
 * Storage columns stand behind a table's columns, in this order, and are there only when a file
 * needs them. Their names begin with _sleeper_, which the names of fields may not.
 *
 *   _sleeper_carry_ID   int64 or binary, id STACK_CARRY_ID + ID   for each field ID that sums: what
 *                       a sum has beyond the field's type (fold.h)
 *   _sleeper_kind       int8, id STACK_KIND_ID                    the row's kind
 *
 * A form says which are there: 0 is the table's columns alone, as in files of puts.
 */
#ifndef SLP_STACK_KIND_H
#define SLP_STACK_KIND_H

#include "schema/schema.h"

enum stack_kind { STACK_PUT = 0, STACK_DELETE = 1, STACK_RESET = 2 };
#define STACK_KIND_COUNT 3

/* Forms: bits. */
#define STACK_KINDS   1u
#define STACK_CARRIES 2u
#define STACK_FORMS   4u

#define STACK_PREFIX    "_sleeper_"
#define STACK_KIND_NAME STACK_PREFIX "kind"
#define STACK_KIND_ID   (INT32_MAX - 1024)
#define STACK_CARRY_ID  SCHEMA_FIELD_ID_MAX

/* "put", "delete", "reset": as input columns and listings have them. */
const char *stack_kind_name(enum stack_kind kind);

/* A kind by its name, ASCII letters in any case. false when it is none. */
bool stack_kind_parse(struct slice text, enum stack_kind *out);

#endif
