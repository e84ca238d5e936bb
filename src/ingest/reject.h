/*
 * Rejects: what becomes of rows that do not fit the table.
 *
 *   fail         the first one ends the ingest, and nothing is committed
 *   skip         they are counted, and left out
 *   quarantine   and written to a file, an object a line, which appears whole before the commit
 *
 *   {"file":"late.csv","line":3,"column":"date","reason":"...","text":"ATL,never,12"}
 *   {"file":"x.parquet","row":7,"column":"id","reason":"...","text":"{\"id\":null,\"name\":\"n\"}"}
 *
 * `text` is the row as it stood: the record of CSV or NDJSON without its end, a row of Parquet or
 * Arrow as JSON. What is no UTF-8 stands under `base64` instead. So `jq -r .text` gives back what to
 * mend and ingest again. Lines come in no order when several threads read.
 *
 * Threads   rows may be rejected by several at the same time; all else by one
 */
#ifndef SLP_INGEST_REJECT_H
#define SLP_INGEST_REJECT_H

#include "os/thread.h"
#include "os/writer.h"
#include "rows/rows.h"

enum ingest_on_error { INGEST_FAIL = 0, INGEST_SKIP, INGEST_QUARANTINE };

struct ingest_rejects {
    struct rows_rejects rows; /* for rows_input_options, unless the policy is to fail */
    enum ingest_on_error policy;
    int64_t most;         /* of bad rows; -1: any number */
    struct os_mutex lock; /* guards all below */
    int64_t count;
    struct buf line;
    struct os_output *file; /* NULL: none is written */
    const char *shown;      /* the file, once it is there */
    const char *path;       /* the caller's */
    char first[256];        /* place and reason of the first one that came, for messages */
};

struct ingest_reject_options {
    enum ingest_on_error policy;
    int64_t most;           /* of bad rows; -1: any number */
    const char *quarantine; /* the file; QUARANTINE needs one, others take none */
    bool dry_run;           /* write no file */
};

/*
 * Begin. `r` stays where it is until ingest_rejects_fini.
 * Errors   EXISTS   the file is there: it may hold what somebody still has to mend
 *          INVALID  no file, or one that is not written to
 *          NOT_FOUND, DENIED   its folder
 */
SLP_NODISCARD slp_rc ingest_rejects_init(struct ingest_rejects *r, struct alloc *mem,
                                         const struct ingest_reject_options *options,
                                         struct slp_err *err);
void ingest_rejects_fini(struct ingest_rejects *r); /* an unfinished file is dropped */

/* For the options of inputs; NULL when the first bad row is an error. */
const struct rows_rejects *ingest_rejects_rows(const struct ingest_rejects *r);

/* Show the file, if there is a bad row. Errors: those of writing. */
SLP_NODISCARD slp_rc ingest_rejects_finish(struct ingest_rejects *r, struct slp_err *err);

/* Take the file away again: nothing was committed. */
void ingest_rejects_withdraw(struct ingest_rejects *r);

#endif
