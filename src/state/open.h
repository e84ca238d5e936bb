/*
 * Opening the data files of a table: what queries, compaction and splits share.
 *
 * A file is an object by its name, or embedded: its bytes stand in the frame that added it (rule G4),
 *
 *     log/<n> | ... transactions | ... body ... |        data/<hh>/<n>-log-<offset>.parquet
 *                                  ^ offset              ^ its name, once it was copied out
 *
 * which the name tells by its form. It is looked for in the frame, and where that has gone under the
 * name; below the floor, the other way round. So whoever moves it meanwhile disturbs nobody.
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
 * Cost    that of datafile_open; a request more for an embedded file that was moved since the handle was
 *         refreshed
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

/* The bytes of a live file, `bytes` of them as its entry says, wherever they stand. Errors: NOT_FOUND;
 * CORRUPT for a frame that is too short; whatever the store returns. */
SLP_NODISCARD slp_rc state_open_source(const struct state_table *t, struct slice object,
                                       uint64_t bytes, struct alloc *mem, struct source **out,
                                       struct slp_err *err);

/* Where an embedded file stands; false for the name of any other. */
bool state_embedded_at(struct slice object, uint64_t *frame, uint64_t *offset);

/* Where a file stands, for people: its object, or "log:<frame>:<offset>:<length>". Appends. */
SLP_NODISCARD slp_rc state_file_place(const struct state_table *t, const struct state_file *file,
                                      struct buf *out, struct slp_err *err);

#endif
