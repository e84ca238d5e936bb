/*
 * Spilled runs: sorted rows with their keys in an unnamed temporary file.
 *
 *   block | "SPL1" | rows, u32 | bytes of the body, u32 | CRC32C of the body, u32 | body |
 *   body  | column: nulls u64, validity, data, offsets | next column | ... | key bytes | key offsets |
 *   each part of it      | length u32 | stored length u32 | bytes, snappy where that is shorter |
 *
 * Nobody but the process that wrote it ever reads one, and it is gone when that process is; the
 * CRC is there because disks err.
 */
#ifndef SLP_INGEST_SPILL_H
#define SLP_INGEST_SPILL_H

#include "key/key.h"
#include "key/run.h"

struct ingest_spill;

struct ingest_spill_options {
    const char *folder;              /* where the file goes */
    const struct arr_schema *schema; /* outlives the spill and its run */
    size_t block_bytes;              /* rows of one block */
    const volatile int *cancel;      /* may be NULL */
};

/*
 * Merge runs, each in order, into one spilled run; takes the runs, which are closed, on failure
 * too. Their memory is given back as they end.
 *
 * Errors   LIMIT      device full; more than MERGE_INPUTS_MAX runs
 *          CANCELLED, NO_MEMORY, NOT_FOUND and DENIED for the folder
 */
SLP_NODISCARD slp_rc ingest_spill(struct alloc *mem, const struct ingest_spill_options *options,
                                  struct run **runs, size_t count, struct run **out,
                                  struct slp_err *err);

#endif
