/*
 * Pruning: can a predicate be TRUE of any of some rows, of which little is known?
 *
 *   x: no null, from 3 to 17      x > 20                never TRUE: the rows are passed over
 *                                 x > 10 OR y IS NULL   maybe
 *
 * Each node of the tree gives the truths that its rows can have, as a set; AND and OR combine sets.
 * What two columns have to do with each other is not known, so the answer may be "maybe" where the
 * rows say no, and never "no" where one says yes.
 */
#ifndef SLP_PREDICATE_PRUNE_H
#define SLP_PREDICATE_PRUNE_H

#include "predicate/predicate.h"

/* What is known of a column of those rows. All true and no bounds: nothing. */
struct pred_facts {
    bool may_be_null;
    bool may_have_value;
    bool may_be_nan; /* floats: bounds do not speak of NaN */
    /* Plain, of the column's type: no value but NaN is below row 0 or above row 1; null where that
     * is not known. NULL: neither is. */
    const struct arr_col *bounds;
};

struct pred_witness {
    void *context;
    struct pred_facts (*facts)(void *context, size_t column);
    /* May the rows hold this value, in the form that arr_col_append takes? NULL: whatever bounds
     * allow. Asked for what stands in = and IN; never for NaN, zeros of floats and BOOL. */
    bool (*may_hold)(void *context, size_t column, struct slice value);
};

/* Cost: the size of the predicate; of long lists, the members within bounds. */
bool pred_may_be_true(const struct pred *p, const struct pred_witness *w);

#endif
