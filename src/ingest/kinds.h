/*
 * Row kinds on input: a column of text that says of each row whether it is a put, a delete or a reset
 * (stack/kind.h), and keys to be deleted, which are rows of no other kind.
 *
 *   input   k, v, op                  rows    k, v, _sleeper_kind
 *           a, 1, put                         a, 1, 0
 *           b,  , delete                      b, null, 1
 *
 * A null or empty kind is a put. Of a delete only the key counts: what else stands there is blanked, and
 * fields that may not be null may be missing. A kind that is none of the three makes a bad row, as a
 * value does that does not fit its column: who reads the input asks ingest_kinds_check of each row.
 */
#ifndef SLP_INGEST_KINDS_H
#define SLP_INGEST_KINDS_H

#include "ingest/sorted.h"
#include "process/process.h"

struct ingest_kinds {
    const struct schema *table;
    const struct arr_schema *rows; /* of what comes out: form KINDS */
    struct arr_schema want; /* of what is read: value fields may be null; the kind's column */
};

/* `name` is that of the column. All is in `arena`; `p` outlives it. Errors: INVALID, the name is that
 * of a field; NO_MEMORY. */
SLP_NODISCARD slp_rc ingest_kinds_init(struct ingest_kinds *k, const struct state_table *table,
                                       const struct process *p, struct slice name,
                                       struct arena *arena, struct slp_err *err);

/* For struct rows_check, of columns as `want` says. Errors: BAD_INPUT, a kind that is none, a row other
 * than a delete without a value that it must have. */
SLP_NODISCARD slp_rc ingest_kinds_check(const void *kinds, const struct arr_batch *batch,
                                        int64_t row, const char **column, struct slp_err *err);

/* Make rows of a batch as it was read, each of whose rows was checked. Errors: NO_MEMORY, LIMIT. */
SLP_NODISCARD slp_rc ingest_kinds_apply(const struct ingest_kinds *k, struct arr_batch *batch,
                                        struct slp_err *err);

/* A sorted run (ingest/sorted.h) of deletes, one for each of the whole keys. Errors: CORRUPT a key that
 * is cut; NO_MEMORY, LIMIT. */
SLP_NODISCARD slp_rc ingest_deletes(struct alloc *mem, const struct state_table *table,
                                    const struct process *p, const struct slice *keys, size_t count,
                                    struct run **out, struct slp_err *err);

/* The name of the column that says the kinds; as long as `k`. */
static inline const char *ingest_kinds_column(const struct ingest_kinds *k)
{
    return k->want.fields[k->want.count - 1].name;
}

#endif
