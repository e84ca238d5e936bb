/*
 * A row group made apart from its file, as the writer sees it.
 */
#ifndef SLP_DATAFILE_GROUP_PRIV_H
#define SLP_DATAFILE_GROUP_PRIV_H

#include "datafile/datafile.h"
#include "parquet/writer.h"

struct datafile_group {
    struct alloc *mem;
    const struct schema *schema;
    struct key_spec spec;
    size_t block_bytes;
    struct pq_write_options options;
    struct pq_group *pages; /* NULL: nothing was encoded yet */
    int64_t rows;
    int64_t block_rows;
    struct key_vec ends;    /* first and last key of each block */
    struct buf column_bits; /* uint64_t a column: bits of a row before compression */
};

void datafile_group_options(const struct schema *schema,
                            const struct datafile_write_options *options,
                            struct pq_write_options *out);

/* The two halves of datafile_group_encode: what is noted of keys, and the pages. `first_row` is for
 * messages; `keys` may be NULL. */
SLP_NODISCARD slp_rc datafile_group_keys(struct datafile_group *g, const struct arr_batch *rows,
                                         const struct key_vec *keys, int64_t first_row,
                                         struct slp_err *err);
SLP_NODISCARD slp_rc datafile_group_pages(struct datafile_group *g, const struct arr_batch *rows,
                                          struct slp_err *err);

static inline struct slice datafile_group_first_key(const struct datafile_group *g)
{
    return key_at(&g->ends, 0);
}

static inline struct slice datafile_group_last_key(const struct datafile_group *g)
{
    return key_at(&g->ends, g->ends.count - 1);
}

#endif
