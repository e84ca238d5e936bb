/*
 * The leaves and nodes of a field whose layout in the file is ours: what pq_meta_parse finds in a
 * footer, made from the field alone, for whoever reads pages without the footer.
 *
 *   list of struct { int32 a; string b }, all nullable        leaves a, b
 *     definition levels   0 null  1 empty  2 null item  3 item, a null  4 item and a
 */
#ifndef SLP_PARQUET_SHAPE_H
#define SLP_PARQUET_SHAPE_H

#include "parquet/meta.h"

/*
 * `columns` get room for the leaves of `field`, in the arena, as `node` does; the leaves' numbers
 * count from 0. `field` outlives both.
 *
 * Errors   UNSUPPORTED  what Parquet has no type for
 *          LIMIT        more leaves than ARR_COLUMNS_MAX
 *          NO_MEMORY
 */
SLP_NODISCARD slp_rc pq_shape_of(const struct arr_field *field, struct arena *a,
                                 struct pq_node *node, struct pq_column **columns,
                                 struct slp_err *err);

#endif
