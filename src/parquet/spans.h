/*
 * Which rows of a file are wanted, group by group: the position of a stream.
 *
 *   ranges of the file   [100, 900)          [1500, 2600)
 *   groups               |0 ........ 1000|1000 ........ 2000|2000 ...
 *   portions                100..900           500..1000     0..600      rows of their groups
 *
 * A copy is a position to look ahead with; it borrows the ranges.
 */
#ifndef SLP_PARQUET_SPANS_H
#define SLP_PARQUET_SPANS_H

#include "parquet/reader.h"

struct pq_spans {
    struct alloc *mem;
    const struct pq_meta *meta;
    struct pq_row_range *ranges; /* of the file, not empty, within the wanted groups */
    size_t room;
    size_t count;
    size_t at;           /* the current range */
    int64_t row;         /* the next one, of the file */
    size_t group;        /* that was begun */
    int64_t group_first; /* its rows, of the file; none: first is -1 */
    int64_t group_end;
};

/* Errors: INVALID. */
SLP_NODISCARD slp_rc pq_check_options(const struct pq_meta *m, const struct pq_read_options *o,
                                      struct slp_err *err);

/* The options were checked. Errors: NO_MEMORY; nothing needs releasing then. */
SLP_NODISCARD slp_rc pq_spans_init(struct pq_spans *s, const struct pq_meta *meta,
                                   const struct pq_read_options *o, struct alloc *mem,
                                   struct slp_err *err);
void pq_spans_fini(struct pq_spans *s); /* a zeroed one is accepted */

bool pq_spans_has_more(const struct pq_spans *s);

/* Go to the group of the next row; true if it is another one. There is more. */
bool pq_spans_begin_group(struct pq_spans *s);

/* Is all of the group wanted that was just begun? */
bool pq_spans_is_whole(const struct pq_spans *s);

/* The next rows of the group, at most `most` of them; false at its end. */
bool pq_spans_next(struct pq_spans *s, int64_t most, struct pq_row_range *out);

/* Up to which row of the group those behind `row`, where the last portion ended, are wanted without
 * a gap. */
int64_t pq_spans_more_to(const struct pq_spans *s, int64_t row);

#endif
