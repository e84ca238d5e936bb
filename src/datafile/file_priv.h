/*
 * An open data file, as its own directory sees it.
 */
#ifndef SLP_DATAFILE_FILE_PRIV_H
#define SLP_DATAFILE_FILE_PRIV_H

#include "base/io.h"
#include "datafile/datafile.h"
#include "datafile/index.h"
#include "parquet/page.h"

/* Column of the table that the file does not have. */
#define DATAFILE_NO_COLUMN SIZE_MAX

struct datafile {
    struct alloc *mem;
    struct source *src;
    const struct schema *schema;
    const struct key_spec *spec;
    struct datafile_info info; /* its keys are not kept */
    struct arena arena;        /* top and slices: until the file is closed */
    struct index_top top;
    const struct index_slice **slices; /* NULL: not loaded */
    struct pq_column *pages;           /* how pages of each column of the file decode */
    size_t *file_columns;              /* by column of the table */
    uint64_t index_bytes;              /* read so far */
};

/* The slice that describes `block`, read with up to `ahead_bytes` of the ones behind it if it was
 * not there. Errors as datafile_open. */
SLP_NODISCARD slp_rc datafile_load_slice(struct datafile *f, int64_t block, size_t ahead_bytes,
                                         const struct index_slice **out, struct slp_err *err);

#endif
