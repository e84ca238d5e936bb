/*
 * Deleting and purging. Part of sleeper.h, whose conventions and common errors hold here too. What a
 * table makes of rows with equal keys is in docs/guide/processing.md.
 */
#ifndef SLEEPER_PROCESSING_H
#define SLEEPER_PROCESSING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sleeper/types.h"

#ifdef __cplusplus
extern "C" {
#endif

struct slp_instance;

struct slp_delete_options {
    const char *table;
    const char *const *keys; /* each the whole key as CSV; or: */
    const char *from;        /* a key range: key or prefix, inclusive; NULL: the beginning */
    const char *to;          /* exclusive; NULL: the end */
    const char *token;       /* a repeat with the same token changes nothing; may be NULL */
    bool dry_run;            /* count and check, change nothing */
};

struct slp_delete_result {
    int64_t rows;       /* dry run: that would go */
    size_t keys;        /* delete markers that were committed */
    uint64_t sequence;  /* the frame that holds the commit */
    bool was_duplicate; /* the token was known: `sequence` is that of the first time */
};

/*
 * Delete what the table has of these keys, or in this range, up to now; rows that come later stay. One
 * atomic commit. Bytes go when they are compacted, and then collected.
 *
 * Errors   INVALID    neither keys nor a range, or both; a key that does not parse or is not whole
 *          CONFLICT, UNAVAILABLE, UNKNOWN as slp_ingest
 */
SLP_PUBLIC SLP_NODISCARD slp_rc slp_delete(struct slp_instance *instance,
                                           const struct slp_delete_options *options,
                                           struct slp_delete_result *out, struct slp_err *err);

struct slp_purge_options {
    const char *table;
    const char *where; /* predicate; where the engine reduces rows over key fields alone */
    const char *why;   /* for people; may be NULL */
    bool dry_run;      /* count the rows that would go, change nothing */
};

/*
 * Purge the rows committed up to now for which the predicate is TRUE: no query gives them from then
 * on, and every compaction leaves them out.
 *
 * Errors   INVALID  no predicate, or with caret; fields that a purge of this table may not name
 */
SLP_PUBLIC SLP_NODISCARD slp_rc slp_purge(struct slp_instance *instance,
                                          const struct slp_purge_options *options,
                                          struct slp_delete_result *out, struct slp_err *err);

#ifdef __cplusplus
}
#endif

#endif
