/*
 * The feed: all parts of all inputs, handed out in order to threads that read them.
 *
 * A part's number says where it stands among all parts; rows of a part are counted from 0. Both
 * together are a row's ordinal, which is how ties keep the order of the input (rule O1: file, then
 * row) however threads take turns.
 *
 * Threads   all calls may come from any thread
 */
#ifndef SLP_INGEST_FEED_H
#define SLP_INGEST_FEED_H

#include "base/arena.h"
#include "os/thread.h"
#include "rows/rows.h"

#define INGEST_ROW_BITS  40
#define INGEST_PARTS_MAX ((uint64_t)1 << (64 - INGEST_ROW_BITS))
#define INGEST_ROWS_MAX  ((int64_t)1 << INGEST_ROW_BITS)

struct ingest_feed_options {
    const char *const *inputs; /* as in struct ingest_options */
    size_t input_count;
    struct rows_input_options rows;
    struct ingest_queue *queue; /* batches that are pushed, in place of inputs; NULL: none */
    const char **missing;       /* told the input that was not found; may be NULL */
};

struct ingest_queue;
struct ingest_source; /* an open input */

struct ingest_feed {
    struct alloc *mem;
    struct arena arena; /* paths */
    struct rows_input_options rows;
    struct ingest_queue *queue;
    struct os_mutex lock; /* guards all below, and calls of open inputs but reading */
    const char **paths;
    size_t path_count;
    size_t next_path;
    struct ingest_source *current; /* has parts left; NULL: open the next path */
    const char *blamed;            /* the first file that was at fault; NULL: none was */
    uint64_t next_part;
};

struct ingest_part {
    struct ingest_source *source; /* NULL: a batch that was pushed */
    struct arr_stream *stream;
    const char *path;
    uint64_t ordinal; /* of its first row */
};

/* Find all files; opens none. Errors: NOT_FOUND, LIMIT as os_expand; NO_MEMORY. */
SLP_NODISCARD slp_rc ingest_feed_init(struct ingest_feed *f, struct alloc *mem,
                                      const struct ingest_feed_options *options,
                                      struct slp_err *err);
void ingest_feed_fini(struct ingest_feed *f); /* a zeroed one is accepted */

/* The next part; DONE when there is none. Errors: those of rows_input_open, LIMIT. */
SLP_NODISCARD slp_rc ingest_feed_next(struct ingest_feed *f, struct ingest_part *out,
                                      struct slp_err *err);

/* What `path`, that of a part, holds is at fault; the first one that is blamed stays. */
void ingest_feed_blame(struct ingest_feed *f, const char *path);

/* Close a part that ingest_feed_next gave, whether read to its end or not. */
void ingest_feed_release(struct ingest_feed *f, struct ingest_part *part);

#endif
