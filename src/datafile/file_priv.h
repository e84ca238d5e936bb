/*
 * An open data file, as its own directory sees it.
 */
#ifndef SLP_DATAFILE_FILE_PRIV_H
#define SLP_DATAFILE_FILE_PRIV_H

#include "base/io.h"
#include "datafile/datafile.h"
#include "datafile/index.h"
#include "key/columns.h"
#include "parquet/nested.h"

/* Column of the table that the file does not have. */
#define DATAFILE_NO_COLUMN SIZE_MAX

/* Memory of one run. A file keeps that of its last lookup for the next one: making a decompressor
 * and growing buffers costs more than decoding a block. */
struct datafile_space {
    struct pq_scratch scratch;
    bool has_scratch;
    struct arr_batch wide;      /* of the table's shape; the columns that are read are filled */
    struct arr_batch clipped;   /* likewise, for batches that begin outside the range */
    struct key_vec keys;        /* of the rows of `wide` that are in the range */
    struct key_vec probe;       /* one key */
    struct key_columns columns; /* of the rows in the range, in place of their keys */
    struct arr_col millis;      /* for columns in seconds */
    struct pq_nested
        *nested; /* by column of the table, blank for those not read; NULL if all are flat */
    struct buf last_key; /* of the rows so far */
    struct buf window;
};

struct datafile {
    struct alloc *mem;
    struct source *src;
    const struct schema *schema;
    const struct key_spec *spec;
    struct datafile_info info; /* its keys are not kept */
    struct arena arena;        /* top and slices: until the file is closed */
    struct index_top top;
    const struct index_slice **slices; /* NULL: not loaded */
    struct pq_column *pages;           /* how pages of each leaf of the file decode */
    size_t *file_columns;              /* by column of the table; of a nested one its first leaf */
    const struct pq_node **nodes;      /* by column of the table; NULL for flat ones */
    bool has_nested;                   /* one of them is not */
    uint64_t index_bytes;              /* read so far */
    struct datafile_space *idle;       /* NULL: none */
};

/* Take the idle space or make one; give it back, to be kept if it is small. Errors: NO_MEMORY. */
SLP_NODISCARD slp_rc datafile_space_take(struct datafile *f, struct datafile_space **out,
                                         struct slp_err *err);
void datafile_space_give(struct datafile *f, struct datafile_space *s, bool is_small);
void datafile_space_free(struct datafile *f, struct datafile_space *s);

/* The slice that describes `block`, read with up to `ahead_bytes` of the ones behind it if it was
 * not there. Errors as datafile_open. */
SLP_NODISCARD slp_rc datafile_load_slice(struct datafile *f, int64_t block, size_t ahead_bytes,
                                         const struct index_slice **out, struct slp_err *err);

#endif
