/*
 * Picking the rows of a batch for which a predicate is TRUE: what scans, counts and filters share.
 */
#ifndef SLP_PREDICATE_PICK_H
#define SLP_PREDICATE_PICK_H

#include "predicate/predicate.h"

/* What the last call picked, and room that is kept from batch to batch. */
struct pred_picker {
    const uint32_t *rows; /* ascending */
    int64_t count;
    struct alloc *mem;
    struct buf truth;
    struct buf room; /* of `rows` */
};

void pred_picker_init(struct pred_picker *p, struct alloc *mem);
void pred_picker_fini(struct pred_picker *p); /* a zeroed one is accepted */

/*
 * Pick the first rows of `batch`, at most `most`, for which `pred` is TRUE. Columns that are
 * kept as dictionaries (arrow/dictionary.h) are decoded for the call, those it reads alone.
 *
 * Errors  NO_MEMORY, LIMIT; the picks are then those of the call before
 */
SLP_NODISCARD slp_rc pred_pick(struct pred_picker *p, const struct pred *pred,
                               const struct arr_batch *batch, int64_t most, struct slp_err *err);

#endif
