/*
 * Is a vector of keys in order? What sorting, merging, writing and reading of sorted files ask of
 * every row, so it is one tight loop: eight bytes a step.
 */
#ifndef SLP_KEY_ORDER_H
#define SLP_KEY_ORDER_H

#include "key/key.h"

/* Index of the first key after `first` that is below the one before it; `count` if none is. */
int64_t key_first_fall(const struct key_vec *v, int64_t first);

/* Append the keys [first, first + count) of another vector. Errors: LIMIT, NO_MEMORY; `out` is
 * untouched. */
SLP_NODISCARD slp_rc key_vec_append_run(struct key_vec *out, const struct key_vec *from,
                                        int64_t first, int64_t count, struct slp_err *err);

#endif
