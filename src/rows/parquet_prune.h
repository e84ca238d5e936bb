/*
 * What a predicate leaves of a row group of a Parquet file, before a row of it is read:
 *
 *   statistics of the chunks     the group as a whole
 *   bloom filters                the group, where = and IN ask for values; read only then
 *   page indexes                 ranges of rows, cut where a page of any column ends
 *
 * What cannot be read or contradicts itself rules nothing out.
 */
#ifndef SLP_ROWS_PARQUET_PRUNE_H
#define SLP_ROWS_PARQUET_PRUNE_H

#include "parquet/reader.h"
#include "predicate/predicate.h"
#include "rows/rows.h"

struct rows_prune {
    struct alloc *mem;
    const struct pq_file *file;
    const struct pred *pred;       /* over `want` */
    const struct arr_schema *want; /* columns stand at `places` of the file; SIZE_MAX: missing */
    const size_t *places;
    struct rows_counts *counts;
};

/*
 * Rows of the file, ascending and apart, that hold all rows of the group for which the predicate
 * may be TRUE; they are kept in `arena`.
 *
 * Errors  NO_MEMORY, LIMIT of the arena
 * Cost    a round a bloom filter that is asked, and one a predicate column for its page index
 */
SLP_NODISCARD slp_rc rows_parquet_prune(const struct rows_prune *p, struct source *src,
                                        size_t group, struct arena *arena,
                                        struct pq_row_range **ranges, size_t *count,
                                        struct slp_err *err);

#endif
