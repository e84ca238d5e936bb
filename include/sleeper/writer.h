/*
 * Writing rows that a program has in memory: Arrow batches, pushed through the C Data Interface, one
 * atomic commit at the end.
 *
 *     struct slp_writer *w = NULL;
 *     rc = slp_writer_open(instance, "flights", NULL, &w, &err);
 *     while (rc == SLP_OK && more)
 *         rc = slp_writer_push(w, &array, &schema, &err);
 *     if (rc == SLP_OK)
 *         rc = slp_writer_commit(w, &result, &err);
 *     else
 *         slp_writer_abort(w);
 *
 * Rows need no order. Columns are found by name, and widen without loss as those of files do
 * (slp_ingest); what nobody wants is passed over, what is missing and may be null is null. Equal keys
 * keep the order of the pushes. Rows are sorted, spilled, reduced and written as an ingest's are, by
 * threads of the writer's own, within the memory it was given and the batches that are being pushed.
 */
#ifndef SLEEPER_WRITER_H
#define SLEEPER_WRITER_H

#include <stdint.h>

#include "sleeper/arrow.h"
#include "sleeper/types.h"

#ifdef __cplusplus
extern "C" {
#endif

struct slp_writer;
struct slp_instance;
struct slp_ingest_result;

struct slp_writer_options {
    const char *token; /* a repeat with the same token changes nothing; NULL: none */
    uint64_t memory;   /* bytes; 0: as the instance has */
    uint64_t threads;  /* 0: as the instance has */
};

/*
 * Open a writer on a table. The instance outlives it; several writers may be open at a time. What is no
 * more than a mebibyte is written by the thread that commits.
 *
 * options   may be NULL
 * Threads   any, at any time
 * Cost      the first ones replay the table's state; later ones of the instance what is new
 * Errors    NOT_FOUND  the table
 *           INVALID    no table is named; an empty token
 */
SLP_PUBLIC SLP_NODISCARD slp_rc slp_writer_open(struct slp_instance *instance, const char *table,
                                                const struct slp_writer_options *options,
                                                struct slp_writer **out, struct slp_err *err);

/*
 * Add the rows of a batch: a struct array, whose children are columns. Both stay the caller's, are
 * not kept, and may be released as soon as this returns. Waits while the writer has more to do than
 * it may hold.
 *
 * Errors   BAD_INPUT    columns or rows that do not fit the table; the writer has none of the batch
 *                       and goes on
 *          INVALID      an array that is not what its schema says; likewise
 *          UNSUPPORTED  an Arrow type that has no place in a table; likewise
 *          else         why the writer has ended: nothing is committed, abort it
 * Threads  any number may push at the same time
 */
SLP_PUBLIC SLP_NODISCARD slp_rc slp_writer_push(struct slp_writer *writer,
                                                const struct ArrowArray *batch,
                                                const struct ArrowSchema *schema,
                                                struct slp_err *err);

/*
 * Commit all rows that were pushed, and release the writer, on failure too. No rows: nothing is
 * committed. Nobody pushes any more.
 *
 * out      may be NULL
 * Errors   as slp_ingest; all but UNKNOWN say that nothing was committed
 */
SLP_PUBLIC SLP_NODISCARD slp_rc slp_writer_commit(struct slp_writer *writer,
                                                  struct slp_ingest_result *out,
                                                  struct slp_err *err);

/* Forget all rows and release the writer; NULL is accepted. Nobody pushes any more. */
SLP_PUBLIC void slp_writer_abort(struct slp_writer *writer);

#ifdef __cplusplus
}
#endif

#endif
