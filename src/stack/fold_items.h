/*
 * The items of a group's lists, or entries of its maps, by row number in the items column: what
 * unions sort.
 */
#ifndef SLP_STACK_FOLD_ITEMS_H
#define SLP_STACK_FOLD_ITEMS_H

#include "stack/fold_priv.h"

struct fold_items {
    uint32_t *rows; /* of `in->children[0]`; in the scratch of the fold */
    size_t count;
    bool has_value; /* a row of the group is not null */
};

/* All items of a group, those of older rows first. Errors: LIMIT, NO_MEMORY. */
SLP_NODISCARD slp_rc stack_fold_items_collect(const struct fold_col *c, struct fold_group g,
                                              struct fold_items *out, struct slp_err *err);

/* Sort by the values of `by`, equal ones in the order they have; nulls first. The scratch has room
 * for it. */
void stack_fold_items_sort(struct fold_items *items, const struct arr_col *by);

#endif
