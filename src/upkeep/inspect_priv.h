/*
 * Inspecting a Parquet file, apart from telling what a file is.
 */
#ifndef SLP_UPKEEP_INSPECT_PRIV_H
#define SLP_UPKEEP_INSPECT_PRIV_H

#include "base/io.h"
#include "base/show.h"

/*
 * Describe the Parquet file behind `src` in the object that is open: what its footer says, in full;
 * of each chunk its pages, indexes and bloom filter; the key index, if it is a data file of ours.
 * What cannot be read of a part is said in its place, as `problem`, and the rest is shown.
 *
 * Errors   CORRUPT, UNSUPPORTED  no footer to be found, or no Thrift in it
 *          LIMIT, NO_MEMORY, and whatever the source returns
 * Cost     the footer; a read of 4 KiB a page, one an index or filter
 */
SLP_NODISCARD slp_rc upkeep_show_parquet(struct source *src, struct alloc *mem, struct show *s,
                                         struct slp_err *err);

#endif
