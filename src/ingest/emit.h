/*
 * Emit: sorted runs merged into data files, cut where leaves end.
 *
 *   runs -> merge -> row group -> | leaf 3 | leaf 4 | leaf 7 ... -> a file each, or one for all
 */
#ifndef SLP_INGEST_EMIT_H
#define SLP_INGEST_EMIT_H

#include "ingest/intake.h"
#include "output/output.h"

/* So many files one transaction surely holds: beyond it several leaves share a file, which is then
 * filed under each of them. */
#define INGEST_FILES_MAX 2048

/*
 * One wide file for all leaves, rather than a file for each? The rule of ingest.h; but rows for
 * more than INGEST_WIDE_BYTES_MAX are always filed, since few unfiled files are allowed.
 */
#define INGEST_WIDE_BYTES_MAX ((uint64_t)8 << 30)
bool ingest_is_wide(const struct ingest_rows *rows);

struct ingest_emit_options {
    const struct state_table *table;
    bool is_wide;
    size_t files_max;                   /* 0: INGEST_FILES_MAX */
    const volatile int *cancel;         /* may be NULL */
    const struct ingest_budget *budget; /* NULL: one thread merges */
    const struct process
        *process;  /* NULL: rows are written as they are; outlives the output's end */
    unsigned form; /* of the runs' rows */
};

/*
 * Write all rows, reduced by the table's stack (rule O5); several threads merge where that needs no
 * stack and no cut, and memory allows it (ingest/crew.h). Takes the runs, or leaves them to `rows`, on
 * failure too. What is merged here are rows of users, each of which the stack lifts just now.
 * Errors   CORRUPT    rows that are not conserved; a spilled run
 *          CANCELLED  and whatever the output returns
 */
SLP_NODISCARD slp_rc ingest_emit(struct alloc *mem, const struct ingest_emit_options *options,
                                 struct ingest_rows *rows, struct output *out, struct slp_err *err);

#endif
