/*
 * Spilled runs: sorted rows in an unnamed temporary file.
 *
 *   file  | block | block | ...            where each begins, its rows, bytes and CRC32C: in memory
 *   block | lengths of its parts: length u32, stored length u32 | ordinals | column | column | ...
 *   column             validity, offsets, its children, data: as in memory, each part from a
 *                      multiple of 8 bytes on
 *
 * Bytes are written as they lie in memory and looked at where they were read, since copying them to
 * the kernel and back costs less than compressing them; only where LZ4 halves a part is that kept,
 * which is found out once in a while for each. Keys are not written: they are made again
 * (ingest/window.h).
 *
 * Nobody but the process that wrote it ever reads one, and it is gone when that process is; the
 * CRC is there because disks err.
 */
#ifndef SLP_INGEST_SPILL_H
#define SLP_INGEST_SPILL_H

#include "ingest/pile.h"

struct ingest_spill_options {
    const char *folder;              /* where the file goes */
    const struct arr_schema *schema; /* outlives the spill and its run */
    const struct key_spec *spec;     /* likewise */
    size_t block_bytes;              /* rows of one block */
    const volatile int *cancel;      /* may be NULL */
};

/*
 * Merge runs, each in order and with ordinals behind its keys, into one spilled run; takes the runs,
 * which are closed, on failure too. Their memory is given back as they end.
 *
 * Errors   LIMIT      device full; more than MERGE_INPUTS_MAX runs
 *          CANCELLED, NO_MEMORY, NOT_FOUND and DENIED for the folder
 */
SLP_NODISCARD slp_rc ingest_spill(struct alloc *mem, const struct ingest_spill_options *options,
                                  struct run **runs, size_t count, struct run **out,
                                  struct slp_err *err);

/* Write one run of ingest_chunk_take, of which nothing was handed out, as it is; takes it. Errors:
 * as above. */
SLP_NODISCARD slp_rc ingest_spill_sorted(struct alloc *mem,
                                         const struct ingest_spill_options *options,
                                         struct run *run, struct run **out, struct slp_err *err);

/* Sort a pile (ingest/pile.h) into one spilled run; the pile is empty afterwards, on failure too.
 * Errors: as above. */
SLP_NODISCARD slp_rc ingest_spill_pile(struct alloc *mem,
                                       const struct ingest_spill_options *options,
                                       struct ingest_pile *pile, struct run **out,
                                       struct slp_err *err);

/* Is it a spilled run? */
bool ingest_is_spilled_run(const struct run *r);

/* Blocks of a spilled run; of each the first key, with its ordinal, and its rows. */
size_t ingest_spilled_blocks(const struct run *r);
struct slice ingest_spilled_block(const struct run *r, size_t i, int64_t *rows);

/* The rows of a spilled run that lie in a stretch, as ingest_sorted_part has it. */
SLP_NODISCARD slp_rc ingest_spilled_part(const struct run *r, const struct ingest_stretch *stretch,
                                         struct alloc *mem, struct run **out, struct slp_err *err);

#endif
