/*
 * Reading a table: scans, look-ups and counts over a replayed state.
 *
 *   plan   ranges of keys x leaves x references -> pieces: an interval and the files that count in
 *          it
 *   run    piece by piece: open the files, read their blocks in the interval, merge by key, process,
 *          filter, project, limit
 *
 * Where the table's stack leaves rows as they are, only the columns that are asked for are read. Else
 * also those on which the stack looks: purges go from each file, the merge is reduced, deletes vanish
 * and filters refuse (rules V1, V3), iterators run; what nobody looks at is blank on its way
 * (stack/spread.h). Predicate and columns speak of what comes out of that. A predicate, and filters
 * among the iterators, narrow the keys that are read as far as they speak of key fields that iterators
 * hand on (stack/iterate.h).
 *
 * A plan copies what it needs from the state, so the table handle may go on meanwhile; files are
 * immutable. Rows come in key order over the whole table. A file over several pieces is opened once
 * and kept (up to QUERY_OPEN_FILES).
 *
 * A look-up is a scan of one short interval: one round of reads a file beyond its cached key index.
 */
#ifndef SLP_QUERY_QUERY_H
#define SLP_QUERY_QUERY_H

#include "predicate/predicate.h"
#include "state/state.h"

#define QUERY_OPEN_FILES 256u

/* What queries on one instance have cost; added to when files are closed. */
struct query_counts {
    uint64_t index_bytes;
    uint64_t data_bytes;
    uint64_t files_considered; /* references that the intervals met */
    uint64_t files_read;       /* files that were opened */
};

struct query_options {
    const struct key_range *ranges; /* ascending and disjoint; NULL: everything */
    size_t range_count;
    struct slice where; /* predicate; empty: all rows */
    const struct pred_param *params;
    size_t param_count;
    const struct slice *columns; /* names in the order wanted; NULL: all */
    size_t column_count;
    const struct slice *iterators; /* texts (stack/iterate.h) that run behind those of the table */
    size_t iterator_count;
    int64_t limit;      /* rows; 0: all; -1: none */
    uint64_t max_rows;  /* LIMIT beyond; 0: any */
    uint64_t max_bytes; /* of data files read; LIMIT beyond; 0: any */
    size_t memory;      /* bytes for read-ahead over all files; 0: 64 MiB */
    bool is_lookup;     /* read single blocks instead of ahead */
    const volatile int *cancel;
    struct query_counts *counts; /* may be NULL; outlives the stream */
};

/*
 * The least interval of keys that holds all that these options ask for, by their ranges, iterators and
 * predicate: its leaves are all that a scan needs. While the table is being
 * opened, iterators are not known, and it may be too little: ask again.
 *
 * Errors   as query_scan for the predicate; NO_MEMORY, LIMIT
 */
SLP_NODISCARD slp_rc query_hull(struct state_table *table, const struct query_options *options,
                                struct arena *arena, struct key_range *out, struct slp_err *err);

/*
 * Open a stream over the rows of `table` as its view says now. The handle outlives the stream.
 *
 * Errors          NOT_FOUND  an unknown column, with the nearest name
 *                 INVALID    a column twice; the predicate, with caret
 *                 NO_MEMORY, LIMIT
 * Errors of next  CORRUPT    with the file's name; a file that is not there
 *                 LIMIT      max_rows or max_bytes
 *                 CANCELLED  and whatever reading returns
 */
SLP_NODISCARD slp_rc query_scan(struct state_table *table, const struct query_options *options,
                                struct alloc *mem, struct arr_stream **out, struct slp_err *err);

/*
 * The number of rows that a scan would give. Files wholly inside an interval are counted from the
 * state; where a predicate stands, only the columns it reads are read, and nothing is merged. Where
 * the table's stack or iterators change rows, they are read and counted.
 *
 * Errors  those of query_scan and of its stream
 */
SLP_NODISCARD slp_rc query_count(struct state_table *table, const struct query_options *options,
                                 struct alloc *mem, int64_t *out, struct slp_err *err);

#endif
