/*
 * Opening the data files of a table: what queries, compaction and splits share.
 */
#ifndef SLP_STATE_OPEN_H
#define SLP_STATE_OPEN_H

#include "datafile/datafile.h"
#include "state/state.h"

/*
 * Open a live file by the name of its object in the store and what the log says of it. The handle
 * of the table outlives the file.
 *
 * Errors  CORRUPT  with the name: the object is not there; and those of datafile_open
 *         and whatever the store returns
 * Cost    that of datafile_open
 */
SLP_NODISCARD slp_rc state_open_file(const struct state_table *t, struct slice object,
                                     const struct datafile_info *info, struct alloc *mem,
                                     struct datafile **out, struct slp_err *err);

/* A file to open with the columns of another schema than the table's: one with columns of storage.
 * The schema outlives the file. */
struct state_open_as {
    struct slice object;
    const struct datafile_info *info;
    const struct schema *schema;
};

/* As state_open_file. */
SLP_NODISCARD slp_rc state_open_file_as(const struct state_table *t, const struct state_open_as *as,
                                        struct alloc *mem, struct datafile **out,
                                        struct slp_err *err);

#endif
