/*
 * What splitting by size and splitting at given keys share.
 */
#ifndef SLP_UPKEEP_SPLIT_PRIV_H
#define SLP_UPKEEP_SPLIT_PRIV_H

#include "state/state.h"

/* With so many blocks for each part their first keys are good enough; with fewer, rows are read. */
#define UPKEEP_BLOCKS_A_PART 4

/* Open the file of a reference. */
SLP_NODISCARD slp_rc upkeep_open_file(struct state_table *table, const struct state_reference *ref,
                                      struct alloc *mem, struct datafile **out,
                                      struct slp_err *err);

/*
 * The exact first rows of the references behind each key of `item`, into the arena. Cost: the key
 * pages of a block or two for each file and key.
 */
SLP_NODISCARD slp_rc upkeep_find_cuts(struct state_table *table, const struct state_reference *refs,
                                      size_t count, struct arena *arena,
                                      struct state_split_item *item, struct slp_err *err);

#endif
