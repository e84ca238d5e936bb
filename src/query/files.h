/*
 * Data files opened by a query: opened when a part first needs them, kept while there is room.
 */
#ifndef SLP_QUERY_FILES_H
#define SLP_QUERY_FILES_H

#include "query/plan.h"

struct files {
    struct alloc *mem;
    const struct state_table *table;
    const struct plan *plan;
    struct datafile **open; /* one a file of the plan; NULL: not open */
    size_t open_count;
    struct query_counts counts; /* of files that are closed again */
};

SLP_NODISCARD slp_rc query_files_init(struct files *f, const struct state_table *table,
                                      const struct plan *plan, struct alloc *mem,
                                      struct slp_err *err);
void query_files_fini(struct files *f);

/* The open file; errors name it. A missing object is CORRUPT: the state says it is there. */
SLP_NODISCARD slp_rc query_files_get(struct files *f, size_t file, struct datafile **out,
                                     struct slp_err *err);

/* Close files until fewer than QUERY_OPEN_FILES are open. Nothing may be reading from them. */
void query_files_trim(struct files *f);

/* Bytes of pages read so far, open files included. */
uint64_t query_files_data_bytes(const struct files *f);

#endif
