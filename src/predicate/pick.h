/*
 * Picking the rows of a batch for which a predicate is TRUE: what scans, counts and filters share.
 */
#ifndef SLP_PREDICATE_PICK_H
#define SLP_PREDICATE_PICK_H

#include "predicate/predicate.h"

/* Room that is kept from batch to batch. */
struct pred_picker {
    struct alloc *mem;
    struct buf truth;
    struct buf rows; /* of uint32_t */
};

void pred_picker_init(struct pred_picker *p, struct alloc *mem);
void pred_picker_fini(struct pred_picker *p); /* a zeroed one is accepted */

/*
 * The first rows of `batch`, at most `most`, for which `pred` is TRUE, ascending. `*rows` is valid
 * until the next call.
 *
 * Errors  NO_MEMORY
 */
SLP_NODISCARD slp_rc pred_pick(struct pred_picker *p, const struct pred *pred,
                               const struct arr_batch *batch, int64_t most, const uint32_t **rows,
                               int64_t *count, struct slp_err *err);

#endif
