/*
 * JSON values into columns of any type:
 *
 *   list            [1, 2, null]
 *   struct          {"x": 1, "y": "q"}       members in any order; missing ones are null, those that
 *                                            are not known are passed over, unless all are
 *   map             {"a": 1, "b": null}      keys are texts, as their type is written; or, as maps
 *                                            whose keys are no texts are printed,
 *                   [{"key": 1, "value": 2}]
 *   everything else a text as arr_text_parse has it, a number, true or false
 */
#ifndef SLP_ROWS_JSON_VALUE_H
#define SLP_ROWS_JSON_VALUE_H

#include "arrow/batch.h"
#include "rows/json_pull.h"

/*
 * Append the value that comes next to `c`, a column of `field`. On failure members of nested values
 * may stand in its children already: arr_col_truncate takes them back.
 *
 * Errors   BAD_INPUT  a value that does not fit, by the path to it ("x: [2]: a number, expected ..."),
 *                     a member twice, an object of members of which none is known, a null or a
 *                     missing member where none may be
 *          LIMIT, NO_MEMORY
 */
SLP_NODISCARD slp_rc rows_json_value(struct rows_json_pull *p, const struct arr_field *field,
                                     struct arr_col *c, struct slp_err *err);

/* The same of a text that holds one value, such as a cell of CSV; BUF_PADDING bytes behind it may be
 * read. Errors: also BAD_INPUT for what follows the value. */
SLP_NODISCARD slp_rc rows_json_cell(struct rows_json_pull *p, struct slice text,
                                    const struct arr_field *field, struct arr_col *c,
                                    struct slp_err *err);

#endif
